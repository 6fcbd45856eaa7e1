"""Critical scores, false discovery rates, intervals of p, and the family-wise error over several comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jugex.stats.corrections import adjust_across_comparisons, false_discovery_rate, monte_carlo_interval
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import Relabellings, draw_relabellings
from tests.stats.designs import LAYOUTS, make_design, make_values


def count(n_genes, m, statistic="adjusted", is_exhaustive=False):
    rng = np.random.default_rng(0)
    design = make_design(LAYOUTS["unbalanced"], rng)
    values = make_values(design, n_genes, rng)
    drawn = draw_relabellings(design, "within-donor", m, rng).draws
    return count_exceedances(values, design, Relabellings(drawn, is_exhaustive=is_exhaustive), statistic=statistic)


@pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
@pytest.mark.parametrize("alpha", [0.004, 0.05, 0.31])
@pytest.mark.parametrize("is_exhaustive", [False, True])
def test_the_critical_score_parts_the_genes_as_p_fwe_does(statistic, alpha, is_exhaustive):
    counts = count(60, 251, statistic, is_exhaustive)
    critical = counts.critical_score(alpha)

    # brute force: scores beside every maximum, a hair below and above a tie
    ties = counts.maxima[:, None] * np.array([1 - 1e-9, 1, 1 + 1e-9])
    reached = (counts.maxima >= ties.reshape(-1, 1) * (1 - 1e-10)).sum(axis=1)
    p_fwe = (reached + (not is_exhaustive)) / (251 + (not is_exhaustive))
    np.testing.assert_array_equal(p_fwe <= alpha, ties.ravel() >= critical)


def test_there_is_no_critical_score_where_alpha_is_below_the_smallest_p():
    counts = count(7, 20)
    assert counts.critical_score(0.04) is None  # 1 / 21 is the smallest
    assert counts.critical_score(0.05) > counts.maxima[-1]
    assert counts.critical_score(1.0) == 0


@pytest.mark.parametrize("method", ["bh", "by"])
def test_false_discovery_rates_are_statsmodels(method):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(0).uniform(size=40) ** 2
    p[[3, 17]] = np.nan
    is_tested = ~np.isnan(p)
    q = false_discovery_rate(p, method)
    np.testing.assert_allclose(q[is_tested], multitest.multipletests(p[is_tested], method=f"fdr_{method}")[1])
    assert np.isnan(q[~is_tested]).all()
    assert len(false_discovery_rate(np.empty(0))) == 0


class TestMonteCarlo:
    @pytest.mark.parametrize("level", [0.95, 0.99])
    @pytest.mark.parametrize("m", [1, 99, 10_000])
    def test_is_clopper_and_pearsons(self, m, level):
        count = np.unique([0, 1, m // 20, m // 2, m - 1, m])
        low, high = monte_carlo_interval((count + 1) / (m + 1), m, level=level)
        expected = [stats.binomtest(int(k), m).proportion_ci(level, method="exact") for k in count]
        # scipy finds the same quantiles by root finding, which stops at 2e-12
        np.testing.assert_allclose(low, [interval.low for interval in expected], rtol=0, atol=1e-11)
        np.testing.assert_allclose(high, [interval.high for interval in expected], rtol=0, atol=1e-11)

    def test_holds_p_and_survives_ten_digits(self):
        p = np.arange(1, 10_001) / 10_001
        low, high = monte_carlo_interval(p, 10_000)
        assert ((low < p) & (p <= high)).all()
        np.testing.assert_array_equal(monte_carlo_interval(np.array([float(f"{x:.10g}") for x in p]), 10_000)[0], low)

    def test_a_gene_without_p_has_none(self):
        assert np.isnan(monte_carlo_interval(np.array([np.nan]), 999)).all()


P = st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02, 0.5, 1.0]))


@given(st.lists(P, min_size=1, max_size=10))
def test_across_comparisons_for_one_gene_is_holms_procedure(p):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    found = adjust_across_comparisons(np.array(p), np.arange(len(p)))
    np.testing.assert_allclose(found, multitest.multipletests(p, method="holm")[1], rtol=1e-12)  # one product


def adjust_by_words(p, comparisons):
    """The definition, one hypothesis after the other."""
    left, largest, adjusted = list(range(len(p))), 0.0, {}
    while left:
        least = min(left, key=lambda number: p[number])
        largest = max(largest, p[least] * len({comparisons[number] for number in left}))
        adjusted[least] = min(largest, 1.0)
        left.remove(least)
    return [adjusted[number] for number in range(len(p))]


@given(st.lists(st.tuples(P, st.integers(0, 3)), min_size=1, max_size=14))
def test_across_comparisons_is_what_the_words_say(hypotheses):
    p, comparisons = (np.array(column) for column in zip(*hypotheses, strict=True))
    found = adjust_across_comparisons(p, comparisons)
    np.testing.assert_allclose(found, adjust_by_words(p, comparisons))
    order = np.random.default_rng(0).permutation(len(p))
    np.testing.assert_allclose(adjust_across_comparisons(p[order], comparisons[order]), found[order])
    assert (found >= p).all()


def test_a_gene_that_is_null_in_one_pair_only_is_held_to_all_pairs():
    # ten genes differ in two of three pairs, five of them in another two: per gene, Holm would multiply the last by 1
    p = np.concatenate([np.full(20, 1e-6), [0.03, 0.04]])
    comparisons = np.concatenate([np.repeat([0, 1], 10), [1, 2]])
    np.testing.assert_allclose(adjust_across_comparisons(p, comparisons)[-2:], [0.06, 0.06])


def test_what_was_not_tested_does_not_count():
    p = np.array([0.01, np.nan, 0.02, np.nan])
    found = adjust_across_comparisons(p, np.array([0, 1, 2, 2]))
    np.testing.assert_allclose(found, [0.02, np.nan, 0.02, np.nan])
    assert np.isnan(adjust_across_comparisons(np.full(3, np.nan), np.arange(3))).all()
