"""Samples per donor and region."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import jugex
from jugex.errors import OptionError
from jugex.plots import plot_coverage
from tests.plots.helpers import without_coordinates
from tests.report.conftest import COUNTS


def in_both_hemispheres(make_result):
    """The result with all samples 8 mm further to the right, so that some lie on that side."""
    result = make_result()
    return dataclasses.replace(result, samples=result.samples.assign(mni_x=result.samples["mni_x"] + 8))


def outlines_of(ax):
    """Lengths of the whole bars, region by region."""
    bars = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_facecolor()[3] == 0]
    return [bar.get_width() for bar in bars]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_counts_the_samples_used_of_each_donor(make_result):
    ax = plot_coverage(make_result())
    assert outlines_of(ax) == [n_1 for n_1, _ in COUNTS.values()] + [n_2 for _, n_2 in COUNTS.values()]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(COUNTS)
    assert [text.get_text() for text in ax.texts] == [f"{n:.0f}" for n in outlines_of(ax)]


def test_legend_has_totals_and_sides(make_result):
    assert legend_of(plot_coverage(in_both_hemispheres(make_result))) == [
        "Fp1 left (16 samples of 5 donors)", "Fp2 left (12 samples of 4 donors)", "left hemisphere", "right hemisphere",
    ]  # fmt: skip


def test_sides_are_hatched_and_add_up(make_result):
    result = in_both_hemispheres(make_result)
    samples = result.samples
    ax = plot_coverage(result)
    hatched = [p.get_width() for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch() == "////"]
    is_right = (samples["mni_x"] > 0).to_numpy()
    assert is_right.any()
    assert sum(hatched) == is_right.sum()


def test_samples_without_coordinate_are_counted_apart(make_result):
    ax = plot_coverage(without_coordinates(make_result()))
    assert legend_of(ax)[2:] == []
    assert ax.get_xlabel() == "samples, none with a coordinate"
    assert sum(outlines_of(ax)) == 28


def test_a_single_side_is_said_by_the_axis_and_takes_no_place_in_the_legend(make_result):
    ax = plot_coverage(make_result())
    assert legend_of(ax) == ["Fp1 left (16 samples of 5 donors)", "Fp2 left (12 samples of 4 donors)"]
    assert ax.get_xlabel() == "samples, all in the left hemisphere"
    assert plot_coverage(in_both_hemispheres(make_result)).get_xlabel() == "samples"


def test_draws_what_regions_hold_of_an_atlas():
    atlas = jugex.open_atlas("simulated")
    coverages = [region.coverage(atlas) for region in jugex.demo_regions()]
    ax = plot_coverage(coverages)
    expected = pd.concat([coverage.donors["samples"] for coverage in coverages])
    assert outlines_of(ax) == expected.tolist()
    assert legend_of(ax)[0].startswith(f"{coverages[0].region} ({coverages[0].n_samples} samples of ")
    assert outlines_of(plot_coverage(coverages[0])) == coverages[0].donors["samples"].tolist()


def test_the_same_region_twice_is_told_apart():
    coverage = jugex.demo_regions()[0].coverage(jugex.open_atlas("simulated"))
    names = [text.split(" (")[0:2] for text in legend_of(plot_coverage([coverage, coverage]))[:2]]
    assert names[1][1].startswith("2)")


def test_empty_region_is_drawn(render):
    far = jugex.Region.sphere((0, 0, 100), 1)
    ax = plot_coverage(far.coverage(jugex.open_atlas("simulated")))
    assert set(outlines_of(ax)) == {0}
    assert np.ptp(ax.get_xlim()) > 0
    render(ax)


def test_draws_into_axes_given(make_result):
    ax = Figure().add_subplot()
    assert plot_coverage(make_result(), ax=ax) is ax


@pytest.mark.parametrize(("source", "got"), [([], "none"), (["Fp1"], "str")])
def test_nothing_to_count_is_refused(source, got):
    with pytest.raises(OptionError, match=rf"Region\.coverage\(atlas\) returns for at least one region; got {got}"):
        plot_coverage(source)
