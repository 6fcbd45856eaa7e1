"""Family-wise error and false discoveries where the truth is known, within 99.9 % bounds; see docs/calibration.md."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import PROJECT
from tests.slow import power
from tests.slow.calibration import (
    EXACT,
    N_SETS,
    NULL_CELLS,
    PARTIAL_CELLS,
    Scheme,
    bounds,
    false_discovery_bound,
    simulate,
)
from tests.slow.situations import (
    N_GENES,
    Noise,
    Situation,
    list_situations,
    make_place,
    measure,
)


@pytest.mark.slow
@pytest.mark.parametrize("cell", NULL_CELLS, ids=lambda cell: cell.name)
def test_family_wise_error_is_the_attainable_level(cell):
    rate = simulate(cell, EXACT, N_SETS).single.mean()
    low, high = bounds(cell.attainable, N_SETS)
    assert rate <= high
    assert rate >= low or not cell.is_exact


@pytest.mark.slow
@pytest.mark.parametrize("cell", PARTIAL_CELLS, ids=lambda cell: cell.name)
def test_errors_stay_bounded_where_some_genes_differ(cell):
    errors = simulate(cell, EXACT, N_SETS)
    _, high = bounds(cell.attainable, N_SETS)
    assert errors.single.mean() <= errors.stepdown.mean() <= high
    assert errors.false_discoveries.mean() <= false_discovery_bound(errors)
    assert errors.power > 0.1  # the effects are there: what is bounded is not an idle test


def test_bounds_would_catch_another_scheme():
    """Free exchange under sequential sums of squares: about 30 % instead of 5 % over unequal donors that are offset."""
    cell = next(cell for cell in NULL_CELLS if cell.is_offset and cell.layout == "unequal")
    rate = simulate(cell, Scheme("sequential", "free"), 200).single.mean()
    assert rate > bounds(cell.attainable, 200)[1]


@pytest.fixture(scope="module")
def page():
    return (PROJECT / "docs" / "calibration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cell", [*NULL_CELLS, *PARTIAL_CELLS], ids=lambda cell: cell.name)
def test_the_page_shows_every_cell(cell, page):
    assert f"| {cell.name} |" in page


@pytest.mark.slow
def test_the_page_shows_every_situation(page):
    for of_section in list_situations().values():
        for situation in of_section:
            assert f"| {situation.name} |" in page


@pytest.mark.slow
@pytest.mark.parametrize(("section", "number"), [("spread", 0), ("spread", 2), ("donors", 1), ("space", 4)])
def test_the_page_shows_what_is_simulated(section, number, page):
    """A fifth of the data sets: what is shown lies within the error of so many."""
    situation = list_situations()[section][number]
    shown = next(line for line in page.splitlines() if line.startswith(f"| {situation.name} |")).split("|")[2:-1]
    n_sets = N_SETS // 5
    for rates, cell in zip(measure(situation, n_sets).values(), shown, strict=True):
        alone, family = (float(number) for number in cell.split("/"))
        # genes of a data set go together: half the independent ones, and four standard errors; rates have three digits
        assert rates.alone == pytest.approx(
            alone, abs=0.001 + 4 * np.sqrt(alone * (1 - alone) / (n_sets * N_GENES / 5))
        )
        error = np.sqrt(family * (1 - family) / n_sets)
        assert rates.family == pytest.approx(family, abs=0.001 + 4 * error)


@pytest.mark.parametrize("noise", [Noise(8.0, "own"), Noise(8.0, "common")], ids=lambda noise: noise.name)
def test_fields_correlate_by_distance(noise):
    place = make_place("balanced")
    factor = noise.factor(place.design.donors, place.points)
    assert factor is not None
    expected = np.exp(-np.linalg.norm(place.points[:, None] - place.points, axis=2) / 8)
    if noise.fields == "own":
        expected *= place.design.donors[:, None] == place.design.donors
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-8)  # 1e-9 are added to the diagonal


def test_situations_differ_as_their_names_say():
    design = make_place("1 : 7").design
    situation = Situation("", make_place("1 : 7"), sd_ratio=2.0, effect=3.0, offset_sd=0.0)
    values = np.concatenate(list(situation.draw(2_000)))
    one, two = values[:, design.labels], values[:, ~design.labels]
    # 300,000 values or more, in which 2,000 x 6 are independent at worst: four standard errors of a mean of sd 2
    assert one.mean() - two.mean() == pytest.approx(3, abs=0.08)
    assert one.std() / two.std() == pytest.approx(2, abs=0.05)


def test_the_figure_has_a_line_per_test(tmp_path):
    power.draw_power(
        {layout: power.measure_power(layout, (0.0, 2.0), 2) for layout in power.LAYOUTS}, tmp_path / "p.svg"
    )
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert text.count("<!-- sequential, free -->") == 1
    assert "<dc:date>" not in text
