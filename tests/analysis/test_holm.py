"""Family-wise error over several comparisons of the same genes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jugex.analysis.holm import adjust_across_comparisons

P = st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02, 0.5, 1.0]))


@given(st.lists(P, min_size=1, max_size=10))
def test_for_one_gene_it_is_holms_procedure(p):
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
def test_is_what_the_words_say(hypotheses):
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
