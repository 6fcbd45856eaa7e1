"""From probes to genes, by all probes or one, against the definitions and scipy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from scipy.stats.mstats import winsorize

from jugex.errors import OptionError
from jugex.stats.aggregation import (
    aggregate_probes,
    best_probes,
    differential_stability,
    mean_probe_correlation,
    pattern_stability,
    probe_mean,
    probe_sd,
)

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


@pytest.mark.parametrize("how", ["max-variance", "max-mean", "stability"])
def test_the_probe_with_the_highest_score_stands_for_its_gene(how):
    values = np.random.default_rng(0).normal(size=(4, 6))
    genes = np.array([1, 0, 1, 0, 2, 1])
    got = aggregate_probes(values, genes, how, score=np.array([0.1, 0.5, 0.7, 0.2, np.nan, 0.3]))
    np.testing.assert_array_equal(got, values[:, [1, 2, 4]].T)


def test_the_probe_with_the_highest_mean_is_that_of_a_plain_loop():
    rng = np.random.default_rng(5)
    levels, zscores, genes = rng.normal(6, 2, (7, 40)), rng.normal(size=(7, 40)), rng.permutation(np.arange(40) % 9)
    levels[2, 11] = np.nan  # never the highest, unless it is alone
    expected = []
    for gene in range(9):
        best, highest = None, -np.inf
        for probe in range(40):
            if genes[probe] == gene and sum(levels[:, probe]) / 7 > highest:
                best, highest = probe, sum(levels[:, probe]) / 7
        expected.append(zscores[:, best])
    np.testing.assert_array_equal(aggregate_probes(zscores, genes, "max-mean", score=probe_mean(levels)), expected)


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
    with pytest.raises(OptionError, match=r"probes must be one of winsorized-mean, .*; got 'best'"):
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


def stability_by_definition(levels, structures, donors):
    """Mean over pairs of donors of scipy's correlation over the structures of both, probe by probe."""
    table = pd.DataFrame(levels).groupby([pd.Series(donors), pd.Series(structures)]).mean()
    scores = []
    for probe in table:
        by_donor = table[probe].unstack(0)
        pairs = [by_donor[list(pair)].dropna() for pair in combinations(by_donor.columns, 2)]
        scores.append(np.mean([spearmanr(pair).statistic for pair in pairs if len(pair) >= 3]))
    return np.array(scores)


class TestBestProbes:
    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0, np.nan])), min_size=1, max_size=30))
    def test_is_the_first_of_the_highest(self, probes):
        genes = pd.factorize(np.array([gene for gene, _ in probes]))[0]
        score = np.array([value for _, value in probes])
        known = np.where(np.isnan(score), -np.inf, score)
        expected = [
            max(np.flatnonzero(genes == gene), key=lambda probe: known[probe]) for gene in range(genes.max() + 1)
        ]
        assert best_probes(score, genes).tolist() == expected  # max returns the first of equal ones


class TestSd:
    def test_pools_the_samples(self):
        levels = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
        # float32 levels, summed as float64
        np.testing.assert_allclose(probe_sd(levels), levels.astype(float).std(axis=0), rtol=1e-12)


class TestDifferentialStability:
    @pytest.mark.parametrize("seed", range(5))
    def test_follows_the_definition_with_ties_and_unequal_sampling(self, seed):
        rng = np.random.default_rng(seed)
        donors, structures = rng.integers(0, 4, 120), rng.integers(100, 112, 120)
        levels = rng.integers(0, 6, (120, 7)).astype(float)  # small integers: many ties
        expected = stability_by_definition(levels, structures, donors)
        # ranks are exact; the correlation is summed in another order
        np.testing.assert_allclose(differential_stability(levels, structures, donors), expected, atol=1e-12)

    def test_a_pattern_shared_by_all_donors_is_1(self):
        structures, donors = np.tile(np.arange(5), 3), np.repeat([7, 8, 9], 5)
        shared = np.exp(structures) + 100.0 * donors  # only the order of structures counts
        reversed_in_one = np.where(donors == 9, -shared, shared)
        got = differential_stability(np.column_stack([shared, reversed_in_one]), structures, donors)
        np.testing.assert_allclose(got, [1.0, -1 / 3], atol=1e-15)

    def test_pairs_that_share_fewer_than_three_structures_do_not_count(self):
        structures = np.array([1, 2, 3, 1, 2, 3, 1, 2])
        donors = np.array(["a"] * 3 + ["b"] * 3 + ["c"] * 2)
        levels = np.array([1, 2, 3, 1, 2, 3, 9, 0.0])[:, None]
        assert differential_stability(levels, structures, donors)[0] == pytest.approx(1.0)
        assert np.isnan(differential_stability(levels[3:], structures[3:], donors[3:])).all()

    def test_a_probe_that_is_constant_or_missing_has_none(self):
        structures, donors = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
        levels = np.column_stack([np.full(8, 2.0), np.r_[np.nan, np.arange(7.0)]])
        assert np.isnan(differential_stability(levels, structures, donors)).all()

    def test_a_pair_of_donors_that_lacks_a_value_does_not_count(self):
        rng = np.random.default_rng(3)
        means = [rng.normal(size=(2, 6)), rng.integers(0, 3, (2, 5)).astype(float), rng.normal(size=(2, 6))]
        structures = [np.arange(6), np.array([5, 1, 2, 9, 0]), np.arange(6)]
        means[2][1, 4] = np.nan  # structure 4 of the second probe: the second donor lacks it
        got = pattern_stability(means, structures)
        pairs = [(0, 1, [0, 1, 2, 5], [4, 1, 2, 0]), (0, 2, range(6), range(6)), (1, 2, [4, 1, 2, 0], [0, 1, 2, 5])]
        expected = [
            [spearmanr(means[a][probe, list(i)], means[b][probe, list(j)]).statistic for a, b, i, j in pairs]
            for probe in range(2)
        ]
        assert got[0] == pytest.approx(np.mean(expected[0]))
        assert np.isnan(expected[1][1])
        assert got[1] == pytest.approx(np.mean([expected[1][0], expected[1][2]]))

    def test_many_chunks_give_the_same(self, monkeypatch):
        rng = np.random.default_rng(4)
        means, structures = [rng.normal(size=(7, 5)) for _ in range(3)], [np.arange(5)] * 3
        whole = pattern_stability(means, structures)
        monkeypatch.setattr("jugex.stats.aggregation._PROBES_PER_CHUNK", 3)
        np.testing.assert_array_equal(pattern_stability(means, structures), whole)

    def test_does_not_depend_on_the_order_of_samples(self):
        rng = np.random.default_rng(1)
        donors, structures, levels = rng.integers(0, 3, 60), rng.integers(0, 9, 60), rng.normal(size=(60, 3))
        order = rng.permutation(60)
        got = differential_stability(levels[order], structures[order], donors[order])
        np.testing.assert_allclose(got, differential_stability(levels, structures, donors), atol=1e-12)
