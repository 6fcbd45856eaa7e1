"""A gene along the line between two regions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import jugex
from jugex.errors import GeneError, OptionError, ResultError
from jugex.plots import REGION_STYLES, plot_axis
from tests.plots.helpers import without_coordinates


def points_of(ax):
    """All points, region 1 first."""
    by_colour = {}
    for collection in ax.collections:
        colour = to_hex(collection.get_facecolor()[0]).upper()
        by_colour.setdefault(colour, []).append(np.asarray(collection.get_offsets()))
    return [np.concatenate(by_colour[style.face]) for style in REGION_STYLES]


def means_of(ax):
    """Bars of region 1 and region 2: ends across, and height."""
    lines = {str(line.get_color()): line for line in ax.lines if line.get_linewidth() == 2.2}
    return [(lines[style.face].get_xdata(), lines[style.face].get_ydata()[0]) for style in REGION_STYLES]


def dashed_of(ax):
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def test_places_are_mm_along_the_line_between_the_centroids(make_result):
    result = make_result()
    points = result.samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    in_region_1 = (result.samples["region"] == "Fp1 left").to_numpy()
    centroids = points[in_region_1].mean(axis=0), points[~in_region_1].mean(axis=0)
    drawn = points_of(plot_axis(result, "MAOA", remove_donors=False))
    half = np.linalg.norm(centroids[1] - centroids[0]) / 2
    assert_allclose([places[:, 0].mean() for places in drawn], [-half, half], rtol=1e-10)  # means of sums


def test_without_donor_effects_left_out_values_are_the_zscores(make_result):
    result = make_result()
    drawn = np.concatenate(points_of(plot_axis(result, "MAOA", remove_donors=False)))
    assert_allclose(np.sort(drawn[:, 1]), np.sort(result.zscores["MAOA"]), rtol=0)


def test_bars_are_the_difference_of_the_test_apart(simulated):
    """Residuals of the model region + donor sum to 0 in each region of it, so that the bars are diff apart."""
    (_, first), (_, second) = means_of(plot_axis(simulated, "MAOA"))
    diff = simulated.table.loc[simulated.table["gene"] == "MAOA", "diff"].iloc[0]
    assert_allclose(first - second, diff, rtol=1e-10)


def test_donors_means_do_not_matter_once_removed(make_result):
    result = make_result()
    shift = result.samples["donor_name"].map({name: i * 10.0 for i, name in enumerate(["H0351.1009", "H0351.2001"])})
    shifted = dataclasses.replace(result, zscores=result.zscores.add(shift.fillna(0).to_numpy(), axis=0))
    first, second = (np.concatenate(points_of(plot_axis(r, "MAOA"))) for r in (result, shifted))
    assert_allclose(first, second, atol=1e-12)  # shifts of 10 cancel but for rounding


def test_label_says_whether_donors_are_removed(make_result):
    assert plot_axis(make_result(), "MAOA").get_ylabel() == "z-score, donor effects removed"
    assert plot_axis(make_result(), "MAOA", remove_donors=False).get_ylabel() == "z-score, donor effects left in"


def test_trends(make_result):
    result = make_result()
    assert [len(dashed_of(plot_axis(result, "MAOA", trend=trend))) for trend in ("none", "samples")] == [0, 1]
    n_samples = result.samples["donor_name"].value_counts()
    assert len(dashed_of(plot_axis(result, "MAOA", trend="donors"))) == (n_samples >= 6).sum()


def test_trend_follows_a_gradient(make_result):
    result = make_result()
    x = result.samples["mni_x"].to_numpy()
    gradient = dataclasses.replace(result, zscores=result.zscores.assign(MAOA=x / 10))
    (line,) = dashed_of(plot_axis(gradient, "MAOA", remove_donors=False))
    assert line.get_ydata()[0] < line.get_ydata()[-1]


def test_samples_without_coordinate_are_left_out_and_counted(make_result):
    ax = plot_axis(without_coordinates(make_result(), slice(0, 3)), "MAOA")
    assert sum(len(points) for points in points_of(ax)) == 25
    assert ax.get_xlabel().endswith("\n3 samples without coordinates or value left out")


def test_missing_values_are_left_out(make_result, render):
    result = make_result()
    zscores = result.zscores.copy()
    zscores.loc[0, "MAOA"] = np.nan
    ax = plot_axis(dataclasses.replace(result, zscores=zscores), "MAOA")
    assert sum(len(points) for points in points_of(ax)) == 27
    render(ax)


def test_gene_that_was_not_tested_is_drawn(make_result):
    ax = plot_axis(make_result(["A", "B"], [0.5, np.nan], [0.1, np.nan]), "B")
    assert ax.get_title() == "B\nnot tested"


def test_result_from_disk_is_drawn_the_same(simulated, tmp_path):
    simulated.save(tmp_path / "out")
    first, again = (points_of(plot_axis(r, "TAC1")) for r in (simulated, jugex.load_result(tmp_path / "out")))
    assert_allclose(np.concatenate(again), np.concatenate(first), rtol=1e-6, atol=1e-8)  # files hold ten digits


def test_draws_probes_tested_by_themselves(simulated_probes):
    label = simulated_probes.labels.iloc[0]
    assert plot_axis(simulated_probes, label).get_title().startswith(label)


def test_draws_into_axes_given(make_result):
    ax = Figure().add_subplot()
    assert plot_axis(make_result(), "MAOA", ax=ax) is ax


def test_no_coordinates_are_refused(make_result):
    with pytest.raises(
        ResultError, match="needs at least one sample with coordinates in each region, but one has none"
    ):
        plot_axis(without_coordinates(make_result()), "MAOA")


def test_one_centroid_is_refused(make_result):
    result = make_result()
    samples = result.samples.assign(mni_x=1.0, mni_y=2.0, mni_z=3.0)
    with pytest.raises(ResultError, match="the samples of both regions have the same centroid"):
        plot_axis(dataclasses.replace(result, samples=samples), "MAOA")


def test_unknown_trend_is_refused(make_result):
    with pytest.raises(OptionError, match="trend must be one of samples, donors, none; got 'linear'"):
        plot_axis(make_result(), "MAOA", trend="linear")


def test_unknown_gene_is_refused(make_result):
    with pytest.raises(GeneError, match="gene 'MAOB' is not in this result"):
        plot_axis(make_result(), "MAOB")
