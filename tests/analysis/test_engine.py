"""The engine against brute force: counts, ties, blocks, threads, and the p-values made of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jugex.analysis import engine
from jugex.analysis.design import Design
from jugex.analysis.effects import compute_effects
from jugex.analysis.engine import count_exceedances
from jugex.analysis.relabel import draw_relabellings
from tests.analysis.designs import LAYOUTS, make_design, make_values

STATISTICS = ["adjusted", "sequential"]
EXCHANGES = ["within-donor", "free"]


def make_case(layout, exchange, *, n_genes=7, m=200, seed=0):
    rng = np.random.default_rng(seed)
    design = make_design(LAYOUTS[layout], rng)
    values = make_values(design, n_genes, rng)
    relabellings, _ = draw_relabellings(design, exchange, m, rng)
    return values, design, relabellings


def count_by_brute_force(values, design, relabellings, statistic):
    """F of every gene under every relabelling, by the code of the observed F, which statsmodels checks."""
    observed = compute_effects(values, values, design, statistic).f
    permuted = np.array(
        [compute_effects(values, values, Design(labels, design.donors), statistic).f for labels in relabellings]
    )
    # two labellings that are tied by symmetry differ in F by rounding alone
    bound = observed * (1 - 1e-9)
    return (permuted >= bound).sum(axis=0), (permuted.max(axis=1)[:, None] >= bound).sum(axis=0)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "fewest residuals"])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_counts_equal_brute_force(layout, statistic, exchange):
    values, design, relabellings = make_case(layout, exchange)
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    own, family = count_by_brute_force(values, design, relabellings, statistic)
    np.testing.assert_array_equal(counts.own, own)
    np.testing.assert_array_equal(counts.family, family)
    assert counts.n_relabellings == len(relabellings)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(("genes", "relabelled", "n_threads"), [(1, 1, 1), (3, 7, 2), (128, 64, 3), (1000, 10_000, 2)])
def test_blocks_and_threads_change_nothing(statistic, exchange, genes, relabelled, n_threads, monkeypatch):
    values, design, relabellings = make_case("donors in one region only", exchange, n_genes=300, m=257)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    monkeypatch.setattr(engine, "_GENES_PER_BLOCK", genes)
    monkeypatch.setattr(engine, "_RELABELLINGS_PER_BLOCK", relabelled)
    counts = count_exceedances(values, design, relabellings, statistic=statistic, n_threads=n_threads)
    np.testing.assert_array_equal(counts.own, expected.own)
    np.testing.assert_array_equal(counts.family, expected.family)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_observed_labels_tie_with_themselves(statistic):
    values, design, _ = make_case("unbalanced", "within-donor", n_genes=50)
    counts = count_exceedances(values, design, np.tile(design.labels, (30, 1)), statistic=statistic)
    assert (counts.own == 30).all()
    assert (counts.family == 30).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_swapped_regions_tie_with_the_observed(statistic):
    values, design, _ = make_case("donors in one region only", "free", n_genes=50)
    counts = count_exceedances(values, design, ~design.labels[None], statistic=statistic)
    assert (counts.own == 1).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_perfect_separation_ties_only_with_itself(statistic):
    """Residuals vanish: F is infinite or a ratio of rounding errors, and the score still tells ties."""
    design = make_design(LAYOUTS["balanced"])
    values = design.labels[None] * 3.0 + design.donors
    relabellings, _ = draw_relabellings(design, "within-donor", 500, np.random.default_rng(0))
    is_tied = (relabellings == design.labels).all(axis=1) | (relabellings == ~design.labels).all(axis=1)
    counts = count_exceedances(values, design, np.vstack([relabellings, ~design.labels]), statistic=statistic)
    assert counts.own[0] == is_tied.sum() + 1


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_gene_without_any_difference_has_p_1(statistic):
    """Its score is exactly 0, as are those of some relabellings: equal counts as at least as large."""
    design = make_design([(2, 2), (2, 2)])
    values = np.tile([[1.0, -1.0]], (1, 4))
    relabellings, _ = draw_relabellings(design, "within-donor", 99, np.random.default_rng(0))
    p_perm, p_fwe = count_exceedances(values, design, relabellings, statistic=statistic).p_values()
    assert (p_perm, p_fwe) == (1.0, 1.0)


def test_every_gene_shares_the_relabellings():
    """A gene given twice has the family count of one gene, which separately drawn labels would raise."""
    values, design, relabellings = make_case("unbalanced", "within-donor", n_genes=1)
    once = count_exceedances(values, design, relabellings)
    often = count_exceedances(np.tile(values, (40, 1)), design, relabellings)
    assert (often.family == once.family[0]).all()
    assert once.family[0] == once.own[0]


def test_p_values_count_the_observed_labels():
    values, design, relabellings = make_case("unbalanced", "within-donor", n_genes=3, m=99)
    counts = count_exceedances(values + 100 * design.labels, design, relabellings)
    p_perm, p_fwe = counts.p_values()
    np.testing.assert_array_equal(p_perm, (1 + counts.own) / 100)
    assert (p_perm >= 0.01).all()
    assert (p_fwe >= p_perm).all()


@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    seed=st.integers(0, 2**32 - 1),
    statistic=st.sampled_from(STATISTICS),
)
def test_affine_changes_order_of_genes_and_swapped_regions_change_no_count(scale, shift, seed, statistic):
    values, design, relabellings = make_case("donors in one region only", "free", seed=seed, m=50)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    changed = count_exceedances(scale * values[::-1] + shift, design, relabellings, statistic=statistic)
    np.testing.assert_array_equal(changed.own[::-1], expected.own)
    np.testing.assert_array_equal(changed.family[::-1], expected.family)
    swapped = count_exceedances(values, Design(~design.labels, design.donors), ~relabellings, statistic=statistic)
    np.testing.assert_array_equal(swapped.own, expected.own)
    np.testing.assert_array_equal(swapped.family, expected.family)


def test_family_wise_p_of_one_donor_agrees_with_nilearn():
    """With one donor nilearn's scheme permutes the same labels; both are Monte Carlo estimates."""
    from nilearn.mass_univariate import permuted_ols

    m = 2000
    rng = np.random.default_rng(11)
    design = make_design([(10, 12)])
    values = rng.normal(size=(5, design.n_samples)) + np.array([0, 0.5, 0.8, 1.0, 1.2])[:, None] * design.labels
    relabellings, _ = draw_relabellings(design, "within-donor", m, rng)
    _, p_fwe = count_exceedances(values, design, relabellings).p_values()
    reference = permuted_ols(
        design.labels[:, None].astype(float),
        values.T,
        model_intercept=True,
        n_perm=m,
        random_state=0,
        output_type="dict",
    )
    p_nilearn = 10 ** -reference["logp_max_t"].ravel()
    standard_error = np.sqrt(2 * p_nilearn * (1 - p_nilearn) / m)
    # five standard errors of the difference of two estimates, and the + 1 of either
    assert (np.abs(p_fwe - p_nilearn) <= 5 * standard_error + 1 / m).all()
