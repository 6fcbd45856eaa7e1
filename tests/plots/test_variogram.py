"""A gene's variogram: its own semivariances, the fit in its units, and the distance of the regions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import jugex
from jugex.errors import GeneError, ResultError
from jugex.plots import plot_variogram
from tests.tissue_atlas import make_atlas, make_region

GENE = "G07"
EDGES = [0, 4, 8, 12, 16, 20, 25, 30, 40, 50, 65, 80, 200]  # of the bins, in mm, before they are merged


def compare(**options):
    regions = make_region("A"), make_region("B")
    return jugex.compare(*regions, atlas=make_atlas(), n_permutations=99, rng=0, background=False, **options)


@pytest.fixture(scope="module")
def result():
    return compare(genes=[GENE, "G00"])


def marks_of(ax):
    """Places of the marks of one donor's samples and of two donors'."""
    marks = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection)}
    return marks[f"{GENE}, one donor"], marks[f"{GENE}, two donors"]


def lines_of(ax):
    return {line.get_label(): np.column_stack(line.get_data()) for line in ax.lines}


def brute_force(result):
    """Half the mean squared difference of every two samples elsewhere by distance, of values less the donor's mean."""
    atlas = result.query.atlas
    samples = atlas.samples[atlas.samples["structure_id"].isin([4, 8]) & (atlas.samples["mni_x"] < 0)]
    samples = samples[~samples["well_id"].isin(result.samples["well_id"])]
    probe_ids = atlas.probes.loc[atlas.probes["gene"] == GENE, "probe_id"].to_numpy()
    y = atlas.zscores(well_ids=samples["well_id"].to_numpy(), probe_ids=probe_ids).mean(axis=1)
    donors = samples["donor_name"].to_numpy()
    y = y - np.array([y[donors == donor].mean() for donor in donors])
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    i, j = np.triu_indices(len(y), 1)
    distances, halves = np.linalg.norm(points[i] - points[j], axis=1), (y[i] - y[j]) ** 2 / 2
    bins, same = np.digitize(distances, EDGES), donors[i] == donors[j]
    return [
        [
            (distances[of], halves[of]) if (of := (bins == number) & (same == is_same)).any() else ([], [])
            for number in range(1, len(EDGES))
        ]
        for is_same in (True, False)
    ]


def test_marks_are_the_genes_own_semivariances(result):
    """Against every pair of samples, one by one; bins with few pairs are merged, and left out here."""
    n_compared = 0
    for marks, bins in zip(marks_of(plot_variogram(result, GENE)), brute_force(result), strict=True):
        for distances, halves in bins:
            if len(distances) < 60:
                continue
            found = np.flatnonzero(np.abs(marks[:, 0] - np.mean(distances)) < 1e-6)
            if len(found):  # single precision
                assert_allclose(marks[found[0], 1], np.mean(halves), rtol=1e-5)
                n_compared += 1
    assert n_compared >= 12


def test_the_fit_is_that_of_the_pool_in_units_of_the_gene(result):
    ax, pooled = plot_variogram(result, GENE), result.record.ladder.variogram
    place = result.variograms.find(GENE)
    for name, fitted in (("one donor", pooled.fitted_within), ("two donors", pooled.fitted_between)):
        drawn = lines_of(ax)[f"fit, {name}"][:, 1]
        assert_allclose(drawn, float(result.variograms.scale[place]) * np.array(fitted), rtol=1e-6)
    areas = [c.get_label() for c in ax.collections if str(c.get_label()).startswith("fit: ")]
    assert areas == ["fit: single samples", "fit: each donor's own pattern", "fit: pattern that donors share"]


def test_the_distance_of_the_regions_is_marked(result):
    ax, distance = plot_variogram(result, GENE), result.record.ladder.distance_mm
    upright = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert upright == [distance]
    assert f"the regions: {distance:.0f} mm" in [text.get_text() for text in ax.texts]


def test_the_title_says_how_much_places_differ(result):
    place = result.variograms.find(GENE)
    expected = np.sqrt(2 / np.pi) * result.variograms.sd_shared[place]  # E|x| of a normal x
    assert plot_variogram(result, GENE).get_title().split("\n")[1] == (
        f"places this far apart differ by {expected:.2f} on average"
    )


def test_a_result_from_disk_draws_the_same(result, tmp_path):
    read = jugex.load_result(result.save(tmp_path / "out"))
    again, first = plot_variogram(read, GENE), plot_variogram(result, GENE)
    assert again.get_title() == first.get_title()
    for found, expected in zip(marks_of(again), marks_of(first), strict=True):
        np.testing.assert_array_equal(found, expected)
    for name, line in lines_of(first).items():
        if name.startswith("fit"):
            np.testing.assert_array_equal(lines_of(again)[name], line)


def test_draws_into_axes_given_and_stays_inside_its_figure(result):
    ax = Figure().add_subplot()
    assert plot_variogram(result, GENE, ax=ax) is ax


def test_without_a_ladder_it_says_how_to_have_one():
    with pytest.raises(ResultError, match="compare again with ladder=True"):
        plot_variogram(compare(genes=[GENE], ladder=False), GENE)


def test_without_a_reference_it_says_why(result):
    ladder = dataclasses.replace(result.record.ladder, variogram=None, why_no_spatial="the regions are of two tissues")
    other = dataclasses.replace(result, record=dataclasses.replace(result.record, ladder=ladder))
    with pytest.raises(ResultError, match="the regions are of two tissues"):
        plot_variogram(other, GENE)


def test_a_folder_without_drawings_says_so(result):
    with pytest.raises(ResultError, match=r"drawings\.npz"):
        plot_variogram(dataclasses.replace(result, variograms=None), GENE)


def test_a_gene_that_does_not_vary_around_is_named(result):
    scale = np.full_like(result.variograms.scale, np.nan)
    other = dataclasses.replace(result, variograms=dataclasses.replace(result.variograms, scale=scale))
    with pytest.raises(ResultError, match=f"{GENE} does not vary in the tissue"):
        plot_variogram(other, GENE)


def test_unknown_gene_is_refused(result):
    with pytest.raises(GeneError, match="MAOB"):
        plot_variogram(result, "MAOB")
