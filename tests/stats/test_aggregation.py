"""From probes to genes, against the definitions and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats.mstats import winsorize

from jugex.errors import OptionError
from jugex.stats.aggregation import aggregate_probes, mean_probe_correlation

# means of the same numbers summed in another order
ATOL = 1e-12


def winsorized_mean_by_definition(values):
    """MATLAB JuGEx: values beyond the 10th or 90th percentile become the nearest value within."""
    low, high = np.percentile(values, [10, 90], method="hazen")
    values = np.where(values < low, values[values >= low].min(), values)
    return np.where(values > high, values[values <= high].max(), values).mean()


@settings(max_examples=200, deadline=None)
@given(arrays(np.float64, st.integers(1, 60), elements=st.integers(-20, 20).map(float)))
def test_winsorized_mean_follows_the_definition_with_ties(values):
    got = aggregate_probes(values[None], np.zeros(len(values), dtype=int), "winsorized-mean")
    assert got[0, 0] == pytest.approx(winsorized_mean_by_definition(values), abs=ATOL)


@pytest.mark.parametrize("k", range(1, 41))
def test_winsorized_means_of_distinct_values(k):
    values = np.random.default_rng(k).normal(size=k)
    genes = np.zeros(k, dtype=int)
    matlab = aggregate_probes(values[None], genes, "winsorized-mean")[0, 0]
    scipy = aggregate_probes(values[None], genes, "winsorized-mean-scipy")[0, 0]
    assert matlab == pytest.approx(winsorized_mean_by_definition(values), abs=ATOL)
    assert scipy == pytest.approx(np.mean(winsorize(values, limits=0.1)), abs=ATOL)
    mean = pytest.approx(values.mean(), abs=ATOL)
    assert (matlab == mean) == (k < 6)  # acts from 6 probes on
    assert (scipy == mean) == (k < 10)  # acts from 10 probes on


def test_probes_in_any_order_reach_their_gene():
    rng = np.random.default_rng(0)
    genes = np.repeat(np.arange(5), [1, 3, 3, 7, 2])
    values = rng.normal(size=(4, len(genes)))
    order = rng.permutation(len(genes))
    got = aggregate_probes(values[:, order], genes[order], "mean")
    assert got.shape == (5, 4)
    np.testing.assert_allclose(got, [values[:, genes == gene].mean(axis=1) for gene in range(5)], atol=ATOL)


@pytest.mark.parametrize("k", range(1, 13))
def test_median(k):
    values = np.random.default_rng(k).normal(size=(3, k))
    got = aggregate_probes(values, np.zeros(k, dtype=int), "median")
    np.testing.assert_allclose(got[0], np.median(values, axis=1), atol=ATOL)


@pytest.mark.parametrize("how", ["max-variance", "stability"])
def test_the_probe_with_the_highest_score_stands_for_its_gene(how):
    values = np.random.default_rng(0).normal(size=(4, 6))
    genes = np.array([1, 0, 1, 0, 2, 1])
    got = aggregate_probes(values, genes, how, score=np.array([0.1, 0.5, 0.7, 0.2, np.nan, 0.3]))
    np.testing.assert_array_equal(got, values[:, [1, 2, 4]].T)


def test_a_selection_without_a_score_is_refused():
    with pytest.raises(OptionError, match="probes='stability' chooses one probe per gene by a score, and none"):
        aggregate_probes(np.zeros((2, 1)), np.zeros(1, dtype=int), "stability")


def test_single_keeps_every_probe():
    values = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_array_equal(aggregate_probes(values, np.array([0, 1, 0]), "single"), values.T)


@pytest.mark.parametrize("how", ["winsorized-mean", "winsorized-mean-scipy", "mean", "median"])
def test_a_missing_value_stays_with_its_gene_and_sample(how):
    values = np.random.default_rng(0).normal(size=(3, 24))
    values[1, 5] = np.nan
    got = aggregate_probes(values, np.repeat([0, 1], 12), how)
    np.testing.assert_array_equal(np.isnan(got), [[False, True, False], [False, False, False]])


def test_unknown_aggregation_is_refused():
    with pytest.raises(OptionError, match=r"probes is one of winsorized-mean, .*; got 'best'"):
        aggregate_probes(np.zeros((2, 1)), np.zeros(1, dtype=int), "best")


def test_probe_correlation_is_the_mean_over_pairs():
    rng = np.random.default_rng(1)
    genes = np.repeat([0, 1, 2], [4, 2, 1])
    values = rng.normal(size=(20, 7)) + rng.normal(size=(20, 1))
    values[:, 3] = 5.0  # a constant probe has no correlation
    got = mean_probe_correlation(values, genes)
    upper = np.triu_indices(3, 1)
    assert got[0] == pytest.approx(np.corrcoef(values[:, :3].T)[upper].mean(), abs=ATOL)
    assert got[1] == pytest.approx(np.corrcoef(values[:, 4:6].T)[0, 1], abs=ATOL)
    assert np.isnan(got[2])
