"""The engine against brute force: counts, ties, blocks, threads, and the p-values made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jugex.stats import engine
from jugex.stats.design import Design
from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import Relabellings, draw_relabellings, enumerate_relabellings, make_relabellings
from jugex.stats.statistics import make_scorer
from tests.stats.designs import (
    LAYOUTS,
    LAYOUTS_OF_MORE,
    add_covariates,
    fit_f,
    make_design,
    make_values,
    take_draw,
)


@pytest.fixture(params=["multiplied", "looked up"])
def path(request, monkeypatch):
    """Both ways to take sums: small jobs multiply, large ones look up."""
    monkeypatch.setattr(engine, "_LARGE_JOB", 0 if request.param == "looked up" else np.inf)
    return request.param


STATISTICS = ["adjusted", "sequential", "welch"]
EXCHANGES = ["within-donor", "free"]
COUNTED = ("own", "family", "stepdown")


def make_case(layout, exchange, *, n_genes=7, m=200, seed=0):
    rng = np.random.default_rng(seed)
    design = make_design(layout, rng)
    values = make_values(design, n_genes, rng)
    relabellings = draw_relabellings(design, exchange, m, rng)
    return values, design, relabellings


def count_by_brute_force(values, design, relabellings, statistic):
    """F of every gene under every relabelling, by the code of the observed F, which statsmodels checks."""

    def find_f(design):
        return compute_effects(values, values, design, statistic).f if design.n_regions == 2 else fit_f(values, design)

    observed = find_f(design)
    permuted = np.array([find_f(take_draw(design, draw)) for draw in relabellings.draws])
    # two labellings that are tied by symmetry differ in F by rounding alone
    bound = observed * (1 - 1e-9)
    stepdown = []
    for f in observed:  # the largest F over the genes observed no higher than this one
        successive = permuted[:, observed <= f].max(axis=1)
        stepdown.append((successive >= f * (1 - 1e-9)).sum())
    return (permuted >= bound).sum(axis=0), (permuted.max(axis=1)[:, None] >= bound).sum(axis=0), stepdown


@pytest.mark.parametrize(
    ("layout", "statistic"),
    [
        *((layout, how) for name, layout in LAYOUTS.items() for how in STATISTICS if name != "fewest residuals"),
        *((layout, "adjusted") for layout in LAYOUTS_OF_MORE.values()),
    ],
)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_counts_equal_brute_force(layout, statistic, exchange, path):
    values, design, relabellings = make_case(layout, exchange)
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    own, family, stepdown = count_by_brute_force(values, design, relabellings, statistic)
    np.testing.assert_array_equal(counts.own, own)
    np.testing.assert_array_equal(counts.family, family)
    np.testing.assert_array_equal(counts.stepdown, stepdown)
    assert counts.n_relabellings == len(relabellings.draws)


@pytest.mark.parametrize(
    ("layout", "statistic"),
    [
        *((LAYOUTS["donors in one region only"], statistic) for statistic in STATISTICS),
        (LAYOUTS_OF_MORE["four regions, gaps"], "adjusted"),
    ],
)
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(("genes", "relabelled", "n_threads"), [(1, 1, 1), (3, 7, 2), (128, 64, 3), (1000, 10_000, 2)])
def test_blocks_and_threads_change_nothing(
    layout, statistic, exchange, genes, relabelled, n_threads, monkeypatch, path
):
    n_genes, m = (300, 257) if genes > 1 else (40, 61)  # one by one takes its time
    values, design, relabellings = make_case(layout, exchange, n_genes=n_genes, m=m)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    monkeypatch.setattr(engine, "_GENES_PER_BLOCK", genes)
    monkeypatch.setattr(engine, "_RELABELLINGS_PER_BLOCK", relabelled)
    monkeypatch.setattr(engine, "_RELABELLINGS_PER_LOOKUP", relabelled)
    monkeypatch.setattr("jugex.stats.lookup._CACHE_BYTES", 1 << (14 + genes % 5))
    counts = count_exceedances(values, design, relabellings, statistic=statistic, n_threads=n_threads)
    for counted in COUNTED:
        np.testing.assert_array_equal(getattr(counts, counted), getattr(expected, counted))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_observed_labels_tie_with_themselves(statistic, path):
    values, design, _ = make_case(LAYOUTS["unbalanced"], "within-donor", n_genes=50)
    counts = count_exceedances(values, design, Relabellings(np.tile(design.labels, (30, 1))), statistic=statistic)
    assert (counts.own == 30).all()
    assert (counts.family == 30).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_swapped_regions_tie_with_the_observed(statistic, path):
    values, design, _ = make_case(LAYOUTS["donors in one region only"], "free", n_genes=50)
    counts = count_exceedances(values, design, Relabellings(~design.labels[None]), statistic=statistic)
    assert (counts.own == 1).all()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_perfect_separation_ties_only_with_itself(statistic, path):
    """Residuals vanish: F is infinite or a ratio of rounding errors, and the score still tells ties."""
    design = make_design(LAYOUTS["balanced"])
    values = design.labels[None] * 3.0 + design.donors
    drawn = draw_relabellings(design, "within-donor", 500, np.random.default_rng(0)).draws
    is_tied = (drawn == design.labels).all(axis=1) | (drawn == ~design.labels).all(axis=1)
    counts = count_exceedances(values, design, Relabellings(np.vstack([drawn, ~design.labels])), statistic=statistic)
    assert counts.own[0] == is_tied.sum() + 1


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_gene_without_any_difference_has_p_1(statistic, path):
    """Its score is exactly 0, as are those of some relabellings: equal counts as at least as large."""
    design = make_design([(2, 2), (2, 2)])
    values = np.tile([[1.0, -1.0]], (1, 4))
    relabellings = draw_relabellings(design, "within-donor", 99, np.random.default_rng(0))
    p_perm, p_fwe, _ = count_exceedances(values, design, relabellings, statistic=statistic).p_values()
    assert (p_perm, p_fwe) == (1.0, 1.0)


def test_every_gene_shares_the_relabellings(path):
    """A gene given twice has the family count of one gene, which separately drawn labels would raise."""
    values, design, relabellings = make_case(LAYOUTS["unbalanced"], "within-donor", n_genes=1)
    once = count_exceedances(values, design, relabellings)
    often = count_exceedances(np.tile(values, (40, 1)), design, relabellings)
    assert (often.family == once.family[0]).all()
    assert once.family[0] == once.own[0]


def test_p_values_count_the_observed_labels():
    values, design, relabellings = make_case(LAYOUTS["unbalanced"], "within-donor", n_genes=3, m=99)
    counts = count_exceedances(values + 100 * design.labels, design, relabellings)
    p_perm, p_fwe, _ = counts.p_values()
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
    values, design, relabellings = make_case(LAYOUTS["donors in one region only"], "free", seed=seed, m=50)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    changed = count_exceedances(scale * values[::-1] + shift, design, relabellings, statistic=statistic)
    np.testing.assert_array_equal(changed.own[::-1], expected.own)
    np.testing.assert_array_equal(changed.family[::-1], expected.family)
    swapped = count_exceedances(
        values, Design.of_two(~design.labels, design.donors), Relabellings(~relabellings.draws), statistic=statistic
    )
    np.testing.assert_array_equal(swapped.own, expected.own)
    np.testing.assert_array_equal(swapped.family, expected.family)


def test_family_wise_p_of_one_donor_agrees_with_nilearn():
    """With one donor nilearn's scheme permutes the same labels; both are Monte Carlo estimates."""
    from nilearn.mass_univariate import permuted_ols

    m = 2000
    rng = np.random.default_rng(11)
    design = make_design([(10, 12)])
    values = rng.normal(size=(5, design.n_samples)) + np.array([0, 0.5, 0.8, 1.0, 1.2])[:, None] * design.labels
    relabellings = draw_relabellings(design, "within-donor", m, rng)
    _, p_fwe, _ = count_exceedances(values, design, relabellings).p_values()
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


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_exhaustive_p_values_are_shares_of_all_relabellings(statistic, exchange, path):
    rng = np.random.default_rng(4)
    design = make_design([(2, 3), (2, 1), (0, 1)], rng)
    values = make_values(design, 6, rng)
    relabellings = make_relabellings(design, exchange, 100_000, rng)
    own, family, stepdown = count_by_brute_force(values, design, relabellings, statistic)
    n = design.n_relabellings(exchange)
    p = count_exceedances(values, design, relabellings, statistic=statistic).p_values()
    np.testing.assert_allclose(p.perm, own / n, rtol=1e-15)
    np.testing.assert_allclose(p.fwe, family / n, rtol=1e-15)
    assert p.perm.min() >= design.smallest_p(exchange, adjusted=statistic != "sequential") * (1 - 1e-12)
    falling = np.argsort(-compute_effects(values, values, design, statistic).f)
    np.testing.assert_allclose(
        p.fwe_stepdown[falling], np.maximum.accumulate(np.array(stepdown)[falling]) / n, rtol=1e-15
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), statistic=st.sampled_from(STATISTICS), exchange=st.sampled_from(EXCHANGES))
def test_p_values_are_nested(seed, statistic, exchange):
    values, design, relabellings = make_case(
        LAYOUTS["donors in one region only"], exchange, seed=seed, m=60, n_genes=12
    )
    p = count_exceedances(values, design, relabellings, statistic=statistic).p_values()
    assert (p.perm <= p.fwe_stepdown).all()
    assert (p.fwe_stepdown <= p.fwe).all()
    assert (p.perm >= 1 / 61).all()


@pytest.mark.parametrize("n_samples", [5, 6, 7, 12, 23, 60, 130])
@pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
@pytest.mark.parametrize("n_genes", [1, 15, 16, 17, 200])
def test_sums_looked_up_are_those_multiplied_out(n_samples, statistic, n_genes, monkeypatch):
    """Groups of samples and blocks of genes that are full, and that are not."""
    rng = np.random.default_rng([n_samples, n_genes])
    design = make_design([(n_samples // 2, n_samples - n_samples // 2 - 2), (1, 1)], rng)
    values = make_values(design, n_genes, rng)
    relabellings = draw_relabellings(design, "free", 50, rng)
    monkeypatch.setattr(engine, "_LARGE_JOB", np.inf)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    monkeypatch.setattr(engine, "_LARGE_JOB", 0)
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    for counted in COUNTED:
        np.testing.assert_array_equal(getattr(counts, counted), getattr(expected, counted))


@pytest.mark.parametrize("statistic", ["adjusted", "sequential"])
@pytest.mark.parametrize("offset", [0, 3, 30])
def test_what_float32_cannot_tell_is_decided_in_float64(statistic, offset, monkeypatch):
    """Values of few whole numbers: many relabellings tie exactly, others differ in the seventh digit by rounding."""
    rng = np.random.default_rng(offset)
    design = make_design([(5, 6), (7, 4), (3, 3)], rng)
    values = (
        rng.integers(-2, 3, size=(300, design.n_samples)) + offset * rng.integers(0, 2, size=(300, 3))[:, design.donors]
    )
    values = values[design.varies_within_donors(values.astype(float))].astype(float)
    values[:5] = design.labels + offset * design.donors  # told apart without residual
    relabellings = draw_relabellings(design, "free", 2000, rng)
    monkeypatch.setattr(engine, "_LARGE_JOB", np.inf)
    expected = count_exceedances(values, design, relabellings, statistic=statistic)
    monkeypatch.setattr(engine, "_LARGE_JOB", 0)
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    for counted in COUNTED:
        np.testing.assert_array_equal(getattr(counts, counted), getattr(expected, counted))


@pytest.mark.filterwarnings("error")
def test_a_relabelling_without_ss_and_without_rss_scores_nothing(path):
    """Values that area explains in full, less a donor's offset that hides it from area before donor."""
    design = make_design([(0, 3), (1, 0), (2, 2)])
    values = np.array([[0.0, 0, 0, -2, 1, 1, 0, 0], [1.0, 2, 4, 3, 0, 1, 5, 2]])
    relabellings = make_relabellings(design, "within-donor", 100, np.random.default_rng(0))
    counts = count_exceedances(values, design, relabellings, statistic="sequential")
    assert np.isfinite(counts.maxima).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), layout=st.sampled_from(sorted(LAYOUTS_OF_MORE)))
def test_names_of_regions_decide_nothing(seed, layout):
    values, design, relabellings = make_case(LAYOUTS_OF_MORE[layout], "within-donor", seed=seed, m=60)
    expected = count_exceedances(values, design, relabellings)
    renamed = np.random.default_rng(seed).permutation(design.n_regions)
    other = replace(design, codes=renamed[design.codes])
    found = count_exceedances(values, other, Relabellings(renamed[relabellings.draws]))
    for counted in COUNTED:
        np.testing.assert_array_equal(getattr(found, counted), getattr(expected, counted))


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("n_covariates", [0, 2])
@pytest.mark.parametrize("is_enumerated", [False, True])
@pytest.mark.parametrize("large_job", [0, np.inf], ids=["looked up", "multiplied"])
def test_two_regions_as_two_of_more_have_the_same_p(exchange, n_covariates, is_enumerated, large_job, monkeypatch):
    """A third region without samples sends two regions the way of more: by Cholesky factors instead of labels."""
    monkeypatch.setattr(engine, "_LARGE_JOB", large_job)
    rng = np.random.default_rng(6)
    two = make_design([(2, 3), (3, 2), (0, 1)] if is_enumerated else [(4, 5), (6, 3), (0, 4)], rng)
    two = add_covariates(two, rng, n_covariates) if n_covariates else two
    more = replace(two, n_regions=3)
    values = make_values(two, 60, rng)
    if is_enumerated:
        of_two, of_more = (enumerate_relabellings(design, exchange) for design in (two, more))
    else:
        of_two, of_more = (draw_relabellings(x, exchange, 300, np.random.default_rng(0)) for x in (two, more))
    np.testing.assert_array_equal(of_more.draws == 0, of_two.draws)
    assert of_more.n_redrawn == of_two.n_redrawn
    found, expected = (
        count_exceedances(values, design, drawn).p_values() for design, drawn in ((more, of_more), (two, of_two))
    )
    for of_more_p, of_two_p in zip(found, expected, strict=True):
        np.testing.assert_array_equal(of_more_p, of_two_p)


def test_two_regions_as_two_of_more_have_the_same_f():
    rng = np.random.default_rng(7)
    two = make_design([(4, 5), (6, 3), (0, 4)], rng)
    values = make_values(two, 60, rng)
    with pytest.warns(RuntimeWarning, match="empty slice|invalid value"):  # the mean of the region without samples
        found = compute_effects(values, values, replace(two, n_regions=3))
    expected = compute_effects(values, values, two)
    for name in ("ss_area", "ss_resid", "f", "partial_eta_sq"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=4e-14)  # roots of one number


@pytest.mark.parametrize("statistic", ["sequential", "welch"])
def test_statistics_of_two_regions_refuse_more(statistic):
    values, design, relabellings = make_case(LAYOUTS_OF_MORE["balanced"], "within-donor")
    with pytest.raises(ValueError, match="compares two regions, and the design has 3"):
        make_scorer(values, design, statistic, relabellings)
