"""Empirical variograms against gstat and by brute force, interpolation, and what a covariance gives in a bin."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import cholesky

from jugex.stats.pairs import BETWEEN, EDGES_MM, WITHIN
from jugex.stats.spatial import Ladder, Part, Reference, sum_pairs
from jugex.stats.variogram import Bins, Mixture, Projection, Surroundings, fit_mixture, project
from tests.stats import ladder_loops
from tests.stats.tissue import draw_genes, make_layout

REFERENCE = Path(__file__).parents[1] / "reference"


def test_agrees_with_gstat():
    """All pairs of three donors, bin by bin: gstat knows no donors, so pairs between them are all less those within."""
    samples = pd.read_csv(REFERENCE / "gstat_samples.tsv", sep="\t", comment="#", skipinitialspace=True)
    table = pd.read_csv(REFERENCE / "gstat_variogram.tsv", sep="\t", comment="#", skipinitialspace=True)
    table["distances"], table["squares"] = table["np"] * table["dist"], 2 * table["np"] * table["gamma"]
    sums = table.groupby(["pairs", "lo"])[["np", "distances", "squares"]].sum()
    within = sums.drop(index=0).groupby("lo").sum()
    between = sums.loc[0].sub(within, fill_value=0)
    reference = Reference(samples[["x", "y", "z"]], samples["donor"])
    measured = sum_pairs(reference, samples[["value"]].to_numpy().T, halves=False).squares.reshape(2, -1)
    centred = samples["value"] - samples.groupby("donor")["value"].transform("mean")
    for kind, expected in ((WITHIN, within), (BETWEEN, between)):
        for number, lo in enumerate(EDGES_MM[:-1]):
            if kind == WITHIN and lo in expected.index:
                assert measured[kind, number] == pytest.approx(expected["squares"][lo], rel=1e-9)
    # between donors gstat's values keep the donors' means, which the sums here are free of
    i, j = np.triu_indices(len(samples), 1)
    far = reference.distances[i, j]
    donors, y = samples["donor"].to_numpy(), samples["value"].to_numpy()
    for number, (lo, hi) in enumerate(pairwise(EDGES_MM)):
        chosen = (far >= lo) & (far < hi) & (donors[i] != donors[j])
        assert ((y[i] - y[j])[chosen] ** 2).sum() == pytest.approx(between["squares"].get(lo, 0.0), abs=1e-6)
        of_centred = ((centred.to_numpy()[i] - centred.to_numpy()[j])[chosen] ** 2).sum()
        assert measured[BETWEEN, number] == pytest.approx(of_centred, rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module")
def tissue():
    rng = np.random.default_rng(5)
    layout = make_layout(
        rng,
        n_each=[50, 60, 45, 55, 40],
        size=[60, 50, 45],
        centres=[[20, 25, 22], [38, 25, 22]],
        radius=11,
    )
    return rng, layout, draw_genes(rng, layout, 50)


@pytest.mark.parametrize("gradient", [False, True])
def test_semivariances_by_brute_force(tissue, gradient):
    _, layout, genes = tissue
    around = Surroundings(Reference(layout.points, layout.donors), layout.cells)
    (projected,) = project(sum_pairs(around.reference, genes), [Projection(around, gradient=gradient)])
    (by_kind,) = project(sum_pairs(around.reference, genes, halves=False), [Projection(around, gradient=gradient)])
    h = ladder_loops.project(layout.points, layout.donors, layout.cells + 1, None, gradient=gradient)
    y = genes @ h.T
    bins = ladder_loops.make_bins(around.reference.distances, layout.donors, layout.cells + 1)
    assert len(bins) == around.bins.n_bins
    for kind, letter in ((WITHIN, "w"), (BETWEEN, "x")):
        np.testing.assert_array_equal(around.bins.counts[kind], [len(one[letter]) for one in bins])
        expected = ladder_loops.bin_means(y, bins, letter)
        np.testing.assert_allclose(projected.semivariances[kind], expected, rtol=1e-11)
        np.testing.assert_allclose(by_kind.semivariances[kind], expected, rtol=1e-11)
    np.testing.assert_allclose(projected.values, y[:, around.regions].T, atol=1e-12)


def test_a_mixture_is_found_again(tissue):
    """Semivariances that a mixture gives in the bins, with the projection accounted for, return its curves."""
    _, layout, _ = tissue
    around = Surroundings(Reference(layout.points, layout.donors), layout.cells)
    projection = Projection(around, gradient=True)
    own, shared = np.array([0, 0.2, 0, 0, 0, 0.1]), np.array([0, 0, 0.4, 0, 0, 0.1])
    truth = Mixture(nugget=0.3, own=own, shared=shared, parts=np.empty((3, 2, 0)))
    same = layout.donors[:, None] == layout.donors
    distances = around.reference.distances
    constant = truth.nugget + truth.own.sum() + truth.shared.sum()
    covariance = constant - truth.between(distances) + truth.own_covariance(distances) * same
    covariance += truth.nugget * np.eye(len(same))
    h = ladder_loops.project(layout.points, layout.donors, layout.cells + 1, None, gradient=True)
    w = h @ covariance @ h.T
    np.testing.assert_allclose(projection.apply_twice(covariance), w, atol=1e-12)
    bins = ladder_loops.make_bins(distances, layout.donors, layout.cells + 1)
    pooled = np.array(
        [[np.mean([(w[i, i] + w[j, j]) / 2 - w[i, j] for i, j in one[letter]]) for one in bins] for letter in "wx"]
    )
    found = fit_mixture(projection, pooled)
    assert found.nugget == pytest.approx(truth.nugget, abs=1e-6)
    np.testing.assert_allclose(found.own, truth.own, atol=1e-6)
    np.testing.assert_allclose(found.shared, truth.shared, atol=1e-6)
    np.testing.assert_allclose(found.parts.sum(axis=0), pooled, rtol=1e-6)


def test_interpolation_is_linear_between_means_and_constant_outside():
    means = np.array([[5.0, 10.0, 20.0], [6.0, 11.0, 19.0]])
    bins = Bins(edges=np.array([[0, 8.0], [8, 16], [16, 200]]), counts=np.ones((2, 3)), means=means)
    distances = np.array([[0.0, 5.0, 7.5], [10.0, 18.0, 90.0]])
    values = np.array([1.0, 2.0, 5.0])
    for kind in (WITHIN, BETWEEN):
        interpolated = np.tensordot(values, bins.interpolate(kind, distances), 1)
        np.testing.assert_allclose(interpolated, np.interp(distances, means[kind], values), atol=1e-14)
    assert bins.interpolate(WITHIN, 7.5) == pytest.approx([0.5, 0.5, 0])


@pytest.mark.parametrize("gradient", [False, True])
def test_variances_are_those_of_genes_simulated_from_the_model(tissue, gradient):
    """Theta, the donors' scatter and the squares within cells, of regions as variable as the fit says."""
    rng, layout, genes = tissue
    reference = Reference(layout.points, layout.donors)
    ladder = Ladder(sum_pairs(reference, genes), layout.cells)
    fit = ladder.fit_spatial if gradient else ladder.fit_donors
    same = layout.donors[:, None] == layout.donors
    distances, mixture = reference.distances, fit.mixture
    shared = mixture.shared.sum() - (mixture.between(distances) - mixture.nugget - mixture.own.sum())
    covariance = shared + mixture.own_covariance(distances) * same + mixture.nugget * np.eye(len(same))
    simulated = rng.standard_normal((20_000, len(same))) @ cholesky(covariance)
    h = ladder_loops.project(layout.points, layout.donors, layout.cells + 1, None, gradient=gradient)
    informative = [d for d in range(5) if {0, 1} <= set(layout.cells[layout.donors == d])]
    stretch = np.append(fit.kappa, 1.0)[layout.cells]
    contrasts = []
    for donor in informative:
        ones = [(layout.donors == donor) & (layout.cells == region) for region in (0, 1)]
        contrasts.append(stretch * (h.T @ (ones[0] / ones[0].sum() - ones[1] / ones[1].sum())))
    delta = simulated @ np.array(contrasts).T
    theta, scatter = delta @ fit.omega, np.einsum("gd,de,ge->g", delta, fit.scatter, delta)
    close = {"rel": 4 * np.sqrt(2 / 20_000)}  # four standard errors
    assert theta.var() == pytest.approx(fit.expected[Part.OWN] + fit.expected[Part.SHARED], **close)
    assert scatter.mean() == pytest.approx(fit.expected[Part.SCATTER], **close)
    local = np.zeros(len(simulated))
    for donor in range(5):
        for region in (0, 1):
            cell = simulated[:, (layout.donors == donor) & (layout.cells == region)]
            if cell.shape[1]:
                local += fit.kappa[region] ** 2 * cell.shape[1] * cell.var(axis=1)
    assert local.mean() == pytest.approx(fit.expected[Part.LOCAL], **close)


def test_noise_is_that_of_genes_simulated_from_the_model():
    """N: the variance over genes of each part, of genes that differ by chance alone; three donors have no halves."""
    rng = np.random.default_rng(6)
    layout = make_layout(rng, n_each=[90, 80, 60], size=[70, 40, 40], centres=[[25, 20, 20], [50, 20, 20]], radius=12)
    genes = draw_genes(rng, layout, 50)
    reference = Reference(layout.points, layout.donors)
    ladder = Ladder(sum_pairs(reference, genes), layout.cells)
    fit, tissues = ladder.fit_donors, ladder._tissues
    same = reference.donor_codes[:, None] == reference.donor_codes
    mixture = fit.mixture
    shared = mixture.shared.sum() - (mixture.between(reference.distances) - mixture.nugget - mixture.own.sum())
    covariance = shared + mixture.own_covariance(reference.distances) * same + mixture.nugget * np.eye(len(same))
    simulated = rng.standard_normal((20_000, len(same))) @ cholesky(covariance)
    (projected,) = project(sum_pairs(reference, simulated), [tissues[0].projection])
    for part in (Part.OWN, Part.SHARED, Part.SCATTER):
        of_genes = np.tensordot(fit.weights[part], projected.semivariances, 2)
        # four standard errors of a variance, with room for tails heavier than normal
        assert of_genes.var() == pytest.approx(fit.noise[part], rel=6 * np.sqrt(2 / 20_000))
