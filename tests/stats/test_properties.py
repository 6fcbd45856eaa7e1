"""Properties that hold for every design and gene: what changes no p-value, and ties counted with exact arithmetic."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jugex.stats.design import Design
from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import draw_relabellings, enumerate_relabellings
from tests.stats.designs import make_design, make_values

STATISTICS = ["adjusted", "sequential", "welch"]
EXCHANGES = ["within-donor", "free"]
MOST_RELABELLINGS = 500

seeds = st.integers(0, 2**32 - 1)
# at most 126 relabellings within donors; (0, n) and (n, 0) are donors in one region only
layouts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(any), min_size=1, max_size=3)


def is_testable(layout, exchange):
    design = make_design(layout)
    return (
        design.n_informative_donors > 0
        and design.df_resid >= 1
        and design.n_relabellings(exchange) <= MOST_RELABELLINGS
    )


def make_case(layout, exchange, seed, n_genes=6):
    assume(is_testable(layout, exchange))
    rng = np.random.default_rng(seed)
    design = make_design(layout, rng)
    return make_values(design, n_genes, rng), design


def find_p_values(values, design, statistic, exchange):
    """p-values over all relabellings: no draw is in them."""
    relabellings = enumerate_relabellings(design, exchange)
    return count_exceedances(values, design, relabellings, statistic=statistic).p_values()


def assert_equal_p_values(found, expected):
    for of_one, of_other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(of_one, of_other)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("statistic", STATISTICS)
class TestWhatChangesNothing:
    @settings(max_examples=20)
    @given(layout=layouts, seed=seeds)
    def test_order_of_samples_and_donors(self, statistic, exchange, layout, seed):
        values, design = make_case(layout, exchange, seed)
        rng = np.random.default_rng(seed)
        donors = rng.permutation(design.n_donors)[design.donors]  # each donor has another number
        order = np.lexsort([rng.random(design.n_samples), donors])
        moved = Design.of_two(design.labels[order], donors[order])
        expected = find_p_values(values, design, statistic, exchange)
        assert_equal_p_values(find_p_values(values[:, order], moved, statistic, exchange), expected)
        before, after = (compute_effects(y, y, x, statistic) for y, x in ((values, design), (values[:, order], moved)))
        # sums in another order; F has no bound where the residuals vanish
        np.testing.assert_allclose(after.difference.diff, before.difference.diff, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(after.ss_resid, before.ss_resid, rtol=1e-9, atol=1e-12)

    @settings(max_examples=20)
    @given(layout=layouts, seed=seeds)
    def test_copies_of_genes(self, statistic, exchange, layout, seed):
        values, design = make_case(layout, exchange, seed)
        copied = np.random.default_rng(seed).integers(len(values), size=9)
        expected = find_p_values(values, design, statistic, exchange)
        found = find_p_values(np.vstack([values, values[copied]]), design, statistic, exchange)
        assert_equal_p_values([p[: len(values)] for p in found], expected)
        assert_equal_p_values([p[len(values) :] for p in found], [p[copied] for p in expected])

    @settings(max_examples=20)
    @given(layout=layouts, seed=seeds)
    def test_affine_changes_of_each_gene_by_itself(self, statistic, exchange, layout, seed):
        values, design = make_case(layout, exchange, seed)
        rng = np.random.default_rng(seed)
        scale = rng.choice([-100.0, -0.01, 0.5, 30.0], size=(6, 1))
        shift = 5 * scale * rng.normal(size=(6, 1))  # further off, rounding alone would part small scores that tie
        expected = find_p_values(values, design, statistic, exchange)
        assert_equal_p_values(find_p_values(scale * values + shift, design, statistic, exchange), expected)

    @settings(max_examples=20)
    @given(layout=layouts, seed=seeds)
    def test_swapped_regions_flip_signs_only(self, statistic, exchange, layout, seed):
        values, design = make_case(layout, exchange, seed)
        swapped = Design.of_two(~design.labels, design.donors)
        expected = find_p_values(values, design, statistic, exchange)
        assert_equal_p_values(find_p_values(values, swapped, statistic, exchange), expected)
        assume(design.df_resid > 1)  # else hedges_g is empty
        before, after = (compute_effects(values, values, x, statistic) for x in (design, swapped))
        np.testing.assert_allclose(after.means, before.means[:, ::-1], rtol=1e-12)
        # labels 1 - a instead of a: other terms, equal but for rounding
        for name in ("ss_area", "ss_resid", "f", "p_parametric", "partial_eta_sq"):
            np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-6, atol=1e-9)
        flipped = {"ci_low": "ci_high", "ci_high": "ci_low"}
        for field in fields(before.difference):
            expected = getattr(before.difference, flipped.get(field.name, field.name))
            sign = 1 if field.name in ("df", "sd_ratio") else -1
            np.testing.assert_allclose(getattr(after.difference, field.name), sign * expected, rtol=1e-6, atol=1e-9)


@settings(max_examples=40)
@given(layout=layouts, seed=seeds, statistic=st.sampled_from(STATISTICS), exchange=st.sampled_from(EXCHANGES))
def test_p_values_over_all_relabellings_are_nested_and_shares_of_them(layout, seed, statistic, exchange):
    values, design = make_case(layout, exchange, seed)
    p = find_p_values(np.round(values), design, statistic, exchange) if varies(np.round(values), design) else None
    assume(p is not None)
    assert (p.perm <= p.fwe_stepdown).all()
    assert (p.fwe_stepdown <= p.fwe).all()
    n = design.n_relabellings(exchange)
    for of_kind in p:
        np.testing.assert_allclose(of_kind * n, np.round(of_kind * n), rtol=0, atol=1e-9)  # 500 roundings of 1e-16
    assert p.fwe.min() * n >= 1 - 1e-9


@settings(max_examples=60)
@given(
    layout=layouts,
    statistic=st.sampled_from(["adjusted", "sequential"]),
    exchange=st.sampled_from(EXCHANGES),
    data=st.data(),
)
def test_ties_are_those_of_exact_arithmetic(layout, statistic, exchange, data):
    """Small whole numbers make many relabellings tie, in rationals; none may be lost or made by rounding."""
    assume(is_testable(layout, exchange))
    design = make_design(layout)
    n_samples = design.n_samples
    genes = st.lists(st.integers(-2, 2), min_size=n_samples, max_size=n_samples)
    values = np.array(data.draw(st.lists(genes, min_size=1, max_size=3)), dtype=float)
    assume(varies(values, design))
    relabellings = enumerate_relabellings(design, exchange)
    exact = np.array([[score_exactly(y, a, design, statistic) for a in relabellings.draws] for y in values])
    observed = np.array([score_exactly(y, design.labels, design, statistic) for y in values])
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    np.testing.assert_array_equal(
        counts.own, [(of_gene >= s).sum() for of_gene, s in zip(exact, observed, strict=True)]
    )
    np.testing.assert_array_equal(counts.family, [(exact.max(axis=0) >= s).sum() for s in observed])
    np.testing.assert_array_equal(
        counts.stepdown[counts.order[-1]], (exact.max(axis=0) >= observed.max()).sum()
    )  # of the highest: stepping down begins with the whole family


@settings(max_examples=20)
@given(seed=seeds, statistic=st.sampled_from(STATISTICS), exchange=st.sampled_from(EXCHANGES))
def test_more_genes_never_lower_a_family_wise_p(seed, statistic, exchange):
    rng = np.random.default_rng(seed)
    design = make_design([(3, 4), (0, 2), (2, 3)], rng)
    values = make_values(design, 8, rng)
    relabellings = draw_relabellings(design, exchange, 99, rng)
    few = count_exceedances(values[:5], design, relabellings, statistic=statistic).p_values()
    all_genes = count_exceedances(values, design, relabellings, statistic=statistic).p_values()
    np.testing.assert_array_equal(all_genes.perm[:5], few.perm)
    assert (all_genes.fwe[:5] >= few.fwe).all()
    assert (all_genes.fwe_stepdown[:5] >= few.fwe_stepdown).all()


def varies(values, design):
    return design.varies_within_donors(values).all()


def score_exactly(values, labels, design, statistic):
    """SS / (SS + RSS) of one gene in rationals, summed donor by donor: another way than the engine's."""
    y, a = [Fraction(int(value)) for value in values], [int(label) for label in labels]
    u = s = spread = Fraction(0)
    for donor in range(design.n_donors):
        mine = np.flatnonzero(design.donors == donor)
        n, n_1 = len(mine), sum(a[i] for i in mine)
        mean = sum(y[i] for i in mine) / n
        u += sum(a[i] * (y[i] - mean) for i in mine)
        s += n_1 - Fraction(n_1**2, n)
        spread += sum((y[i] - mean) ** 2 for i in mine)
    ss = adjusted = u**2 / s
    if statistic == "sequential":
        n, n_1, mean = len(y), sum(a), sum(y) / len(y)
        ss = sum(label * (value - mean) for label, value in zip(a, y, strict=True)) ** 2 / (n_1 - Fraction(n_1**2, n))
    total = ss + spread - adjusted
    # neither area nor residual: the engine's score is 0 as well where nothing is left
    return ss / total if total else Fraction(0)
