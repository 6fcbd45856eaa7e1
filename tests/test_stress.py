"""Numbers where arithmetic ends: tiny, huge, constant, tied and missing values, from 2 to 4,000 samples.

Each result is right, or refused with the true reason. A gene times a power of two loses no digit, so that all that is
said of it has to stay the same, bit for bit.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.errors import AtlasError, DesignError, JugexWarning, RegionError
from jugex.pipeline.genes import find_status
from jugex.stats import engine
from jugex.stats.aggregation import probe_sd
from jugex.stats.design import Design
from jugex.stats.effects import compute_donor_differences, compute_effects, remove_covariates
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import draw_relabellings, make_relabellings
from jugex.stats.testing import PermutationSettings, permutation_test
from jugex.stats.threads import one_blas_thread
from tests.stats.designs import LAYOUTS, LAYOUTS_OF_MORE, add_covariates, make_design, make_values

STATISTICS = ["adjusted", "sequential", "welch"]
#: Powers of two: beyond 2^511 a square overflows, below 2^-511 it loses digits, below 2^-537 it is 0.
POWERS = [-1000, -600, -530, -511, 300, 511, 520, 1000]
COUNTED = ("own", "family", "stepdown")


def find_p(values, design, statistic="adjusted", exchange="within-donor"):
    relabellings = make_relabellings(design, exchange, 200, np.random.default_rng(1))
    return count_exceedances(values, design, relabellings, statistic=statistic).p_values()


def make_case(layout, *, with_covariates=False, n_genes=8):
    rng = np.random.default_rng(0)
    design = make_design(layout, rng)
    design = add_covariates(design, rng) if with_covariates else design
    return make_values(design, n_genes, rng), design


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("with_covariates", [False, True])
class TestScale:
    @pytest.mark.parametrize("statistic", STATISTICS)
    def test_of_two_regions(self, statistic, with_covariates, power):
        values, design = make_case(LAYOUTS["donors in one region only"], with_covariates=with_covariates)
        self.check(values, design, statistic, power)

    @pytest.mark.parametrize("name", LAYOUTS_OF_MORE)
    def test_of_more_regions(self, name, with_covariates, power):
        values, design = make_case(LAYOUTS_OF_MORE[name])
        self.check(values, design, "adjusted", power)

    @staticmethod
    def check(values, design, statistic, power):
        scaled = np.ldexp(values, power)
        assert set(find_status(scaled, design)) == {"ok"}
        for exchange in ("within-donor", "free", "freedman-lane"):
            found, expected = (find_p(y, design, statistic, exchange) for y in (scaled, values))
            np.testing.assert_array_equal(found, expected)
        found, expected = (compute_effects(y, y, design, statistic) for y in (scaled, values))
        for name in ("f", "p_parametric", "partial_eta_sq"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(found.means, np.ldexp(expected.means, power))
        if design.n_regions > 2:
            return
        found, expected = found.difference, expected.difference
        for name in ("df", "hedges_g", "sd_ratio"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        for name in ("diff", "ci_low", "ci_high", "log2_fc"):
            np.testing.assert_array_equal(getattr(found, name), np.ldexp(getattr(expected, name), power))
        found, expected = (compute_donor_differences(remove_covariates(y, design), design) for y in (scaled, values))
        np.testing.assert_array_equal(found.diff, np.ldexp(expected.diff, power))
        np.testing.assert_array_equal(found.n_same_sign, expected.n_same_sign)

    def test_of_one_gene_among_others(self, with_covariates, power):
        values, design = make_case(LAYOUTS["unbalanced"], with_covariates=with_covariates)
        expected, mixed = find_p(values, design), values.copy()
        mixed[3] = np.ldexp(mixed[3], power)
        np.testing.assert_array_equal(find_p(mixed, design), expected)

    def test_of_a_covariate(self, with_covariates, power):
        _, design = make_case(LAYOUTS["unbalanced"], with_covariates=True)
        scaled = Design(design.codes, design.donors, 2, np.ldexp(design.covariates, power))
        np.testing.assert_array_equal(scaled.basis, design.basis)

    def test_of_the_probe_that_is_chosen(self, with_covariates, power):
        levels = np.random.default_rng(2).normal(size=(12, 5)) * [1, 3, 2, 1, 5]
        assert probe_sd(np.ldexp(levels, power)).argsort().tolist() == probe_sd(levels).argsort().tolist()


def test_a_whole_test_of_tiny_and_huge_genes_warns_of_nothing():
    values, design = make_case(LAYOUTS["balanced"])
    settings = PermutationSettings(n_permutations=400, tail=True)
    scale = np.array(POWERS)[:, None]
    tests = [
        permutation_test(y, None, design, settings, np.random.default_rng(0), ["A", "B"])
        for y in (values, np.ldexp(values, scale))
    ]
    np.testing.assert_array_equal(tests[1].p_values, tests[0].p_values)
    np.testing.assert_array_equal(tests[1].tails.p_perm, tests[0].tails.p_perm)
    for found, expected in zip(tests[1].left_out, tests[0].left_out, strict=True):
        np.testing.assert_array_equal(found.p_fwe, expected.p_fwe)


class TestConstant:
    @pytest.mark.parametrize("level", [0.0, 0.1, 5.0, 1e-300, 5e-324, 1e200, -1e300])
    def test_level(self, level):
        values, design = make_case(LAYOUTS["balanced"])
        values[2] = level
        assert find_status(values, design)[2] == "not tested: constant over the samples used"

    @pytest.mark.parametrize("level", [0.1, 5.0, 1e-300, 1e200])
    @pytest.mark.parametrize("n_other", [1, 5, 12])
    def test_but_for_the_last_place(self, level, n_other):
        values, design = make_case(LAYOUTS["balanced"])
        values[2] = level
        values[2, :n_other] = np.nextafter(level, np.inf)
        assert find_status(values, design)[2] == "not tested: constant within every donor"

    def test_but_for_the_last_place_of_single_precision(self):
        """Such a difference was measured, or was rounded by who wrote it: it is in the data, and tested."""
        values, design = make_case(LAYOUTS["balanced"])
        low, high = np.float32(5.0), np.nextafter(np.float32(5.0), np.float32(9.0))
        is_high = values[2] > np.median(values[2])
        last = np.where(is_high, high, low).astype(float)[None]
        assert find_status(last, design)[0] == "ok"
        found, expected = (compute_effects(y, y, design) for y in (last, is_high[None].astype(float)))
        np.testing.assert_allclose(found.f, expected.f, rtol=1e-8)  # 6e-8 of the level, of which 1e-16 is rounding
        np.testing.assert_array_equal(find_p(last, design), find_p(is_high[None].astype(float), design))

    def test_within_donors(self):
        values, design = make_case(LAYOUTS["balanced"])
        values[2] = np.array([1e200, -1e-200, 0.1])[design.donors]
        assert find_status(values, design)[2] == "not tested: constant within every donor"


class TestSizes:
    @pytest.mark.parametrize("layout", [[(1, 1)], [(1, 0), (0, 1)], [(1, 1), (1, 0)], [(5, 0), (0, 7)], [(40, 0)]])
    def test_too_few(self, layout):
        with pytest.raises(DesignError, match=r"no donor has samples in both|leave -?\d residual degrees"):
            make_design(layout).check_testable(["A", "B"])

    @pytest.mark.parametrize("statistic", STATISTICS)
    @pytest.mark.parametrize("layout", [[(1, 2)], [(1, 1), (1, 1)], [(1, 1)] * 6, [(2, 1), (0, 1), (9, 0)]])
    def test_fewest(self, layout, statistic):
        values, design = make_case(layout)
        design.check_testable(["A", "B"])
        p = find_p(values, design, statistic)
        assert (p.perm >= design.smallest_p("within-donor", adjusted=statistic != "sequential") - 1e-12).all()
        assert np.isfinite(p).all()
        effects = compute_effects(values, values, design, statistic)
        assert (effects.f[np.isfinite(effects.difference.sd_ratio)] >= 0).all()
        assert np.isfinite(effects.difference.diff).all()

    @pytest.mark.parametrize("statistic", STATISTICS)
    def test_four_thousand(self, statistic):
        values, design = make_case([(400, 300), (1, 999), (700, 600), (1000, 0)], n_genes=3)
        f = compute_effects(values, values, design, statistic).f
        assert np.isfinite(f).all()
        p = find_p(values, design, statistic).perm
        assert (p >= 1 / 201).all()
        assert statistic == "sequential" or p[0] == 1 / 201  # its difference is 0.8

    def test_regions_told_apart_by_a_covariate(self):
        _, design = make_case(LAYOUTS["balanced"])
        for covariate in (design.labels * 1e-200, design.labels * 1e200 + 3.0):
            with pytest.raises(DesignError, match="the covariates tell 'A' and 'B' apart"):
                Design(design.codes, design.donors, 2, covariate[:, None]).check_testable(["A", "B"])


@pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
def test_sixty_thousand_probes_with_many_ties(statistic, monkeypatch):
    """Compiled and not, in one thread and in three: the same counts. Whole numbers tie with one another."""
    rng = np.random.default_rng(3)
    design = make_design([(4, 3), (2, 3)], rng)
    values = rng.integers(-2, 3, size=(60_000, design.n_samples)).astype(float)
    values = values[design.varies_within_donors(values)]
    values[1] = values[0]
    relabellings = draw_relabellings(design, "within-donor", 120, rng)
    counts = []
    for large_job, n_threads in ((np.inf, 1), (np.inf, 3), (0, 1), (0, 3)):
        monkeypatch.setattr(engine, "_LARGE_JOB", large_job)
        monkeypatch.setattr(engine, "_RELABELLINGS_PER_BLOCK", 50)
        counts.append(count_exceedances(values, design, relabellings, statistic=statistic, n_threads=n_threads))
    for found in counts:
        for name in COUNTED:
            np.testing.assert_array_equal(getattr(found, name), getattr(counts[0], name))
        assert found.own[0] == found.own[1]
    if statistic == "adjusted":  # the same residuals tie, whatever the gene
        few = values[:40]
        assert [_count_exactly(gene, design, relabellings.draws) for gene in few] == counts[0].own[:40].tolist()


def _count_exactly(gene, design, draws):
    """Relabellings whose (a'My)^2 / (a'Ma) is no smaller than the observed one, in whole numbers."""

    def score(labels):
        total, weight = 0, 1  # of 35: both donors' sizes divide it
        spread = 0
        for donor, size in enumerate(design.n_per_donor.tolist()):
            of_donor = design.donors == donor
            n_1 = int(labels[of_donor].sum())
            total += (35 // size) * (size * int(gene[of_donor] @ labels[of_donor]) - n_1 * int(gene[of_donor].sum()))
            spread += (35 // size) * n_1 * (size - n_1)
        return total**2 * weight, spread

    square, spread = score(design.labels)
    found = [score(labels) for labels in draws]
    return sum(other * spread >= square * of_other for other, of_other in found)


# --- from tables to a result

LAST_PLACE = np.nextafter(5.0, 6.0)


def make_tables(**changes):
    """Two donors with samples about two places, and a gene that differs; more genes by what becomes of its levels."""
    rng = np.random.default_rng(4)
    n = 32
    side = np.arange(n) % 2
    samples = pd.DataFrame(
        {
            "sample_id": [f"s{number}" for number in range(n)],
            "donor": np.repeat(["D1", "D2"], n // 2),
            "x": np.where(side == 0, 3.0, 7.0) + np.arange(n) / 100,
            "y": 0.25,
            "z": -0.5,
        }
    )
    normal = rng.normal(0, 1, n) + side
    genes = {name: change(normal, side) for name, change in changes.items()}
    return samples, pd.DataFrame({"NORMAL": normal, **genes}, index=samples["sample_id"].to_numpy())


def compare_tables(values=None, *, regions=("sphere:3,0.25,-0.5,1.9", "sphere:7,0.25,-0.5,1.9"), **changes):
    samples, expression = make_tables(**changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        atlas = jugex.atlas_from_tables(samples, expression, values=values)
        return jugex.compare(*regions, atlas=atlas, n_permutations=200, rng=0).table.set_index("gene")


def test_levels_of_every_size_give_one_result():
    table = compare_tables(
        "other",
        **{f"G{power}": lambda y, _, power=power: np.ldexp(y, power) for power in (-1000, -600, -300, 300, 990)},
        NEGATIVE=lambda y, _: -y,
    )
    assert (table["status"] == "ok").all()
    for column in ("p_perm", "p_fwe", "f", "partial_eta_sq"):
        assert table[column].nunique() == 1, column
    assert np.isfinite(table[["ss_area", "ss_resid", "diff", "p_donors"]]).all(axis=None)
    assert set(table["diff"].abs()) == {abs(table.loc["NORMAL", "diff"])}


def test_levels_without_a_normal_number_are_still_told_apart():
    table = compare_tables(SUBNORMAL=lambda y, _: np.round(8 * y) * 5e-324, ROUNDED=lambda y, _: np.round(8 * y))
    assert (table["status"] == "ok").all()
    for column in ("p_perm", "f", "diff"):
        assert table.loc["SUBNORMAL", column] == table.loc["ROUNDED", column]


def test_genes_that_say_nothing_say_why():
    table = compare_tables(
        CONSTANT=lambda y, _: np.full_like(y, 0.1),
        LAST=lambda y, side: np.where(side == 0, 5.0, LAST_PLACE),
        SMALL=lambda y, side: np.where(side == 0, 1e-300, np.nextafter(1e-300, 1)),
        DONORS=lambda y, _: np.repeat([1e-3, 30.0], len(y) // 2),
        MISSING=lambda y, _: np.where(np.arange(len(y)) == 3, np.nan, y),
    )
    status = table["status"].str.removeprefix("not tested: ")
    assert status["NORMAL"] == "ok"
    assert set(status[["CONSTANT", "LAST", "SMALL", "DONORS"]]) == {"constant over the samples used"}
    assert status["MISSING"] == "missing in 1 of 32 samples"
    assert table.loc["NORMAL", "p_fwe"] == table.loc["NORMAL", "p_perm"]  # the others are no part of the family


@pytest.mark.parametrize(
    ("value", "values", "fact"),
    [
        (np.inf, None, "column 'HUGE' is 'inf', where a finite number is needed"),
        (np.inf, "other", "column 'HUGE' is 'inf', where a finite number is needed"),
        (1e200, None, "has a value of 1e\\+200, which some programs write for a missing value"),
        (-1e305, "other", "has a value of -1e\\+305, and the sum of such values is more than a number can hold"),
        (1e305, "counts", "has a value of 1e\\+305, and the sum of such values is more than a number can hold"),
        (1e200, "log2", "has a value of 1e\\+200, which no log2 level can be"),
    ],
)
def test_levels_that_nobody_can_mean_are_refused(value, values, fact):
    with pytest.raises(AtlasError, match=fact):
        compare_tables(values, HUGE=lambda y, _: np.where(np.arange(len(y)) == 5, value, np.abs(y)))


def test_z_scores_that_no_sample_can_have_are_refused():
    regions = jugex.demo_regions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        table = pd.concat([jugex.query.expressions(region, ["MAOA"], atlas="simulated") for region in regions])
    table.loc[table.index[0], "zscore"] = 1e200
    with pytest.raises(AtlasError, match=r"has a z-score of 1e\+200, and among n samples none is farther"):
        jugex.atlas_from_siibra(table)


def test_identical_regions_are_refused():
    with pytest.raises(RegionError, match="the same region twice"):
        compare_tables(regions=("sphere:3,0.25,-0.5,1.9",) * 2)


# --- in the processes and threads of others


@pytest.mark.parametrize("prefer", ["processes", "threads"])
def test_inside_joblib(prefer):
    joblib = pytest.importorskip("joblib")
    alone = compare_tables()
    for table in joblib.Parallel(n_jobs=2, prefer=prefer)(joblib.delayed(compare_tables)() for _ in range(2)):
        assert table.equals(alone)


forks = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork():
    alone = compare_tables()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for table in pool.map_async(compare_tables, [None] * 2).get(120):
            assert table.equals(alone)


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_computes_does_not_wait_for_it():
    """The child has no such thread, which could never give back what it holds."""
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with one_blas_thread():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    from jugex.stats import threads

    with threads._LOCK:  # at the moment of the fork
        child = os.fork()
        if not child:
            with one_blas_thread():
                os._exit(0 if threads._Holders.count == 1 else 1)
    try:
        ended = threading.Event()
        status = []
        waiter = threading.Thread(target=lambda: (status.append(os.waitpid(child, 0)[1]), ended.set()))
        waiter.start()
        if not ended.wait(60):
            os.kill(child, 9)
        waiter.join(60)
    finally:
        leave.set()
        thread.join(60)
    assert status == [0]
