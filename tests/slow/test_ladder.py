"""Rates of the ladder where the truth is known: a fixed part of what docs/calibration.md shows, held to its goals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import PROJECT
from tests.slow import ladder_page, ladder_rates
from tests.slow.ladder_data import GABRA4, SITUATIONS, Field, Layout, Simulator, list_layouts, make_box
from tests.slow.ladder_rates import (
    EFFECT,
    MEASURES,
    N_GENES,
    RUNGS,
    SETS_PER_RUN,
    Table,
    Task,
    count,
    infer_samples,
    list_tasks,
    run_task,
)
from tests.slow.page_text import NO_REASON

ON_MADE_UP = [
    ("independent", 0.0), ("independent", 1.0), ("own 8 mm", 0.5), ("own 16 mm", 0.25), ("shared 8 mm", 0.25),
    ("shared 16 mm", 0.0), ("mixed", 0.5), ("nugget t3", 0.25), ("nugget lognormal", 0.25),
    ("shares vary over genes", 0.25), ("one sample per donor", 0.25), ("gradient", 0.25), ("anisotropy 4:1", 0.25),
    ("mosaic 10 mm", 0.25), ("an outlying donor", 0.25), ("outlying values", 0.25), ("positions wrong by 5 mm", 0.25),
    ("low values censored", 0.25), ("batches per slab", 0.25),
]  # fmt: skip
ON_REAL = [("independent", 0.5), ("own 8 mm", 0.25), ("shared 60 mm", 0.0), ("mixed", 0.25), ("AHBA-like", 0.25)]
N_RUNS = 4


def measure(reference, situation, sd, n_runs=N_RUNS):
    """Measures of each layout of a reference, as a table of runs."""
    runs = [run_task(Task(reference, situation, sd, run)) for run in range(n_runs)]
    return {cell[0]: pd.DataFrame([run[cell] for run in runs], columns=MEASURES) for cell in runs[0]}


def hold_to_goals(found, situation, n_runs=N_RUNS):
    """Rates lie within three standard errors of the goals of the page."""
    for name, n in (("donors_p05", N_GENES), ("spatial_p05", N_GENES), ("spatial_fwe", SETS_PER_RUN)):
        goal = ladder_page.find_goal(situation, name)
        if goal is None:
            continue
        rate = found[name].mean()
        binomial = np.sqrt(max(rate, 0.02) * (1 - rate) / (n * n_runs))
        error = max(binomial, found[name].std(ddof=1) / np.sqrt(n_runs))
        assert goal.low - 3 * error <= rate <= goal.high + 3 * error, name


@pytest.mark.slow
@pytest.mark.parametrize(("situation", "sd"), ON_MADE_UP, ids=lambda value: str(value))
def test_keeps_its_goals_on_the_layout_that_is_made_up(situation, sd):
    found = measure("made up", situation, sd)["made up"]
    hold_to_goals(found, situation)
    if situation == "mixed":  # the cell is no idle one
        assert found["samples_p05"].mean() > 0.1


@pytest.mark.slow
@pytest.mark.skipif(not GABRA4.is_dir(), reason="real data absent beside the project")
@pytest.mark.parametrize(("situation", "sd"), ON_REAL, ids=lambda value: str(value))
def test_keeps_its_goals_on_real_positions(situation, sd):
    for found in measure("left isocortex", situation, sd, n_runs=2).values():
        hold_to_goals(found, situation, n_runs=2)


@pytest.mark.slow
@pytest.mark.parametrize("situation", ["own 8 mm", "mixed"])
def test_finds_most_of_what_an_oracle_finds(situation):
    found = measure("made up", situation, ladder_rates.POWER_SD, n_runs=2)["made up"].mean()
    assert found["power_oracle"] == pytest.approx(0.8, abs=0.03)  # by construction; 4,000 genes
    assert found["power_spatial"] > 0.85 * found["power_oracle"]


@pytest.mark.slow
def test_the_page_shows_what_is_simulated():
    """The same seeds give the same rates, but for the last digits of linear algebra."""
    rates = pd.read_csv(PROJECT / "docs" / ladder_page.RATES_FILE)
    cell = rates.query("layout == 'made up' and situation == 'mixed' and donor_sd == 0.25").iloc[0]
    found = measure("made up", "mixed", 0.25, n_runs=int(cell["runs"]))["made up"].mean()
    for rung in RUNGS:
        assert found[f"{rung}_p05"] == pytest.approx(cell[f"{rung}_p05"], abs=0.001)


@pytest.fixture
def whole_layouts(opened_whole):
    """Layouts with the demo's as users have it."""
    list_layouts.cache_clear()
    yield
    list_layouts.cache_clear()


class TestPage:
    @pytest.fixture(scope="class")
    @classmethod
    def tables(cls):
        return ladder_page.read_tables(PROJECT / "docs")

    @pytest.mark.usefixtures("whole_layouts")
    def test_is_that_of_the_tables(self, tables):
        text = (PROJECT / "docs" / "calibration.md").read_text(encoding="utf-8")
        shown = text.partition(ladder_page.BEGIN)[2].partition(ladder_page.END)[0]
        if GABRA4.is_dir():  # where layouts are
            assert shown == ladder_page.describe_ladder(*tables)
        for situation in SITUATIONS:
            assert f"| {situation.name}, " in shown

    def test_every_clear_miss_has_a_reason(self, tables):
        """Of two thousand rates none lies four standard errors outside its goal by chance."""
        rates, *_ = tables
        for name in ("spatial_p05", "spatial_fwe", "donors_p05"):
            for _, row in rates.iterrows():
                if ladder_page.find_miss(row, name) > 4:
                    assert ladder_page.find_reason(row["layout"], row["situation"], name) != NO_REASON, row

    @pytest.mark.parametrize(
        ("rate", "error", "shown"),
        [(0.09, 0.002, "**0.090(3)**"), (0.09, 0.02, "*0.090(20)*"), (0.05, 0.001, "0.050(2)")],
    )
    def test_a_miss_is_bold_and_a_small_one_is_not(self, rate, error, shown):
        """The goal is 0.06; binomial errors of 10,000 genes are 0.003 and 0.002."""
        cell = {"situation": "mixed", "spatial_p05": rate, "spatial_p05_se": error, "genes": 10_000, "data_sets": 400}
        assert ladder_page._mark(pd.Series(cell), "spatial_p05") == shown

    def test_the_figure_has_a_panel_per_rung(self, tables):
        figure = ladder_page.draw_rates(tables[0])
        assert [ax.get_title() for ax in figure.axes] == list(RUNGS)


class TestSimulator:
    @pytest.fixture
    def layout(self):
        return make_box()

    @pytest.mark.parametrize("is_shared", [True, False])
    def test_fields_vary_as_they_say(self, layout, is_shared):
        some = replace(layout, points=layout.points[::5], donors=layout.donors[::5])
        simulate, rng = Simulator(some), np.random.default_rng(0)
        fields = simulate.draw_field(Field(1.0, 20.0, is_shared), 40_000, rng).astype(float)
        expected = np.exp(-np.linalg.norm(some.points[:, None] - some.points, axis=2) / 20)
        expected *= is_shared | (some.donors[:, None] == some.donors)
        # 78 x 78 covariances of 40,000 fields: their errors are 0.007 at most, five of them
        np.testing.assert_allclose(fields.T @ fields / len(fields), expected, atol=0.035)

    def test_stretched_fields_reach_further_along_y(self, layout):
        covariance = Simulator(layout).covariance(Field(1.0, 10.0, is_shared=True, stretch=4.0))
        steps = layout.points[0] - layout.points[1]
        assert covariance[0, 1] == pytest.approx(np.exp(-np.linalg.norm(steps / [1, 4, 1]) / 10))

    @pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
    def test_places_do_not_differ_on_average(self, layout, situation):
        """Over genes, of which each differs by what varies over all the tissue."""
        rng = np.random.default_rng(1)
        genes = situation.draw(Simulator(layout), 400, rng)
        values = genes.values if situation.at_place is None else situation.at_place(genes.values, layout, rng)
        assert values.shape == (400, len(layout.points))
        assert np.isfinite(values).all()
        difference = values[:, layout.cells == 0].mean(axis=1) - values[:, layout.cells == 1].mean(axis=1)
        blocks = difference.reshape(-1, 200).mean(axis=1) if "blocks" in situation.name else difference
        if len(blocks) > 2:
            assert abs(stats.ttest_1samp(blocks, 0).statistic) < 4

    def test_one_sample_per_donor(self, layout):
        thin = layout.thin()
        assert max(max(pair) for pair in thin.per_donor) == 1
        assert [min(one, 1) for pair in layout.per_donor for one in pair] == [
            n for pair in thin.per_donor for n in pair
        ]

    def test_areas_elsewhere_are_one_in_the_regions(self, layout):
        situation = next(one for one in SITUATIONS if one.name == "mosaic 20 mm elsewhere")
        changed = situation.at_place(np.zeros((25, len(layout.points)), np.float32), layout, np.random.default_rng(0))
        assert np.ptp(changed[:, layout.cells >= 0], axis=1) == pytest.approx(0)
        assert (np.ptp(changed, axis=1) > 1).all()

    @pytest.mark.skipif(not GABRA4.is_dir(), reason="real data absent beside the project")
    def test_layouts_of_the_atlas_have_the_programs_reference(self):
        sizes = {layout.reference: len(layout.points) for layout in list_layouts().values()}
        assert sizes["left isocortex"] == 1_256  # as docs/explanation/ladder.md says
        assert sum(one > 0 and two > 0 for one, two in list_layouts()["Fp1/Fp2"].per_donor) == 3


class TestRates:
    def test_samples_are_judged_by_the_f_of_area(self):
        from statsmodels.formula.api import ols

        layout, rng = make_box(), np.random.default_rng(0)
        values = rng.normal(size=(3, len(layout.points)))
        used = layout.cells >= 0
        for gene, p in zip(values, infer_samples(values, layout), strict=True):
            frame = pd.DataFrame({"y": gene, "area": layout.cells, "donor": layout.donors})[used]
            assert p == pytest.approx(ols("y ~ C(area) + C(donor)", frame).fit().pvalues["C(area)[T.1]"], rel=1e-9)

    def test_families_are_called_by_holms_first_step(self):
        p = np.full(2_000, 0.5)
        p[30] = 0.05 / 25
        p[0] = 0.0009
        assert count(p) == [2 / 2_000, 1 / 2_000, 2 / 80, 0.0]
        p[1_999] = 0.05 / 1_000
        assert count(p)[2:] == [3 / 80, 1 / 2]
        assert np.isnan(count(np.full(50, np.nan))).all()

    def test_an_oracle_finds_four_of_five(self):
        assert stats.norm.sf(stats.norm.ppf(0.975) - EFFECT) == pytest.approx(0.8)


class TestTable:
    CELL = ("made up", "mixed", 0.25)

    def test_goes_on_where_it_ended(self, tmp_path):
        runs = np.random.default_rng(0).random((4, len(MEASURES)))
        runs[:, 3] = np.nan  # a rung that was not tried
        table = Table(tmp_path / "rates.csv")
        for run in (0, 1):
            table.add(run, {self.CELL: runs[run]})
        later = Table(tmp_path / "rates.csv")
        assert later.runs(self.CELL) == 2
        later.add(1, {self.CELL: runs[3]})  # which it has
        for run in (2, 3):
            later.add(run, {self.CELL: runs[run]})
        row = pd.read_csv(tmp_path / "rates.csv").iloc[0]
        assert (row["runs"], row["data_sets"], row["genes"]) == (4, 320, 8_000)
        for column, name in enumerate(MEASURES):
            # six digits are kept in between
            np.testing.assert_allclose(row[name], runs[:, column].mean(), atol=3e-6)
            np.testing.assert_allclose(row[f"{name}_se"], runs[:, column].std(ddof=1) / 2, atol=3e-5)

    def test_lists_what_is_missing(self, tmp_path):
        table = Table(tmp_path / "rates.csv")
        everything = list(list_tasks(table, 2 * SETS_PER_RUN))
        assert [task.run for task in everything] == sorted(task.run for task in everything)
        table.add(0, {self.CELL: np.zeros(len(MEASURES))})
        assert set(everything) - set(list_tasks(table, 2 * SETS_PER_RUN)) == {Task("made up", "mixed", 0.25, 0)}


def test_a_task_gives_each_layout_its_measures():
    """A small one; the same numbers in every call."""
    task = Task("made up", "own 4 mm", 0.5, 7)
    first, second = run_task(task), run_task(task)
    assert list(first) == [("made up", "own 4 mm", 0.5)]
    np.testing.assert_array_equal(*(next(iter(one.values())) for one in (first, second)))
    values = dict(zip(MEASURES, next(iter(first.values())), strict=True))
    assert 0.02 < values["spatial_p05"] < 0.08
    assert np.isnan(values["power_oracle"])


def test_a_layout_says_how_its_donors_are_spread():
    cells = np.array([0, 0, 1, -1, 1])
    layout = Layout("", "", np.zeros((5, 3)), np.array([0, 0, 0, 1, 1]), cells, cells)
    assert layout.per_donor == [(2, 1), (0, 1)]
