"""F, sums of squares, effects and their intervals against statsmodels, nilearn and scipy."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.formula.api as smf
from scipy import optimize, stats
from statsmodels.stats.anova import anova_lm

from jugex.stats.effects import (
    adjusted_difference,
    compute_effects,
    hedges_g_interval,
    partial_eta_sq_interval,
    remove_covariates,
    small_sample_correction,
)
from tests.stats.designs import (
    APART,
    LAYOUTS,
    LAYOUTS_OF_MORE,
    add_covariates,
    fit_f,
    make_design,
    make_frame,
    make_values,
)

# Sums of squares come from two solvers (projections here, a pseudo-inverse there) in float64: 1e-9 leaves
# room for the condition of the rank-deficient models, and is what the project promises.
RTOL = 1e-9


def fit_anova(frame, design):
    factors = ["specimen", "age", "race"] if design.n_donors > 1 else []
    factors = [factor for factor in factors if frame[factor].nunique() > 1]
    factors += [f"z{i}" for i in range(0 if design.covariates is None else design.covariates.shape[1])]
    with warnings.catch_warnings():  # age and race are functions of the donor: the model is rank-deficient on purpose
        warnings.simplefilter("ignore")
        return smf.ols(" + ".join(["zscore ~ area", *factors]), frame).fit()


def anova_table(model, typ):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anova_lm(model, typ=typ)


def make_data(design, values, rng):
    columns = {} if design.covariates is None else {f"z{i}": z for i, z in enumerate(design.covariates.T)}
    return make_frame(design, values, rng).assign(**columns)


@pytest.mark.parametrize(
    ("layout", "with_covariates"),
    [*((layout, False) for layout in LAYOUTS), *((layout, True) for layout in LAYOUTS if layout != "fewest residuals")],
)
@pytest.mark.parametrize(("statistic", "typ"), [("sequential", 1), ("adjusted", 2), ("adjusted", 3)])
def test_anova_equals_statsmodels(layout, with_covariates, statistic, typ):
    rng = np.random.default_rng([typ, *map(ord, layout)])
    design = make_design(LAYOUTS[layout], rng)
    design = add_covariates(design, rng) if with_covariates else design
    values = make_values(design, 3, rng)
    effects = compute_effects(values, values, design, statistic)
    for gene in range(len(values)):
        model = fit_anova(make_data(design, values[gene], rng), design)
        table = anova_table(model, typ)
        assert effects.ss_area[gene] == pytest.approx(table.loc["area", "sum_sq"], rel=RTOL)
        assert effects.ss_resid[gene] == pytest.approx(table.loc["Residual", "sum_sq"], rel=RTOL)
        assert effects.f[gene] == pytest.approx(table.loc["area", "F"], rel=RTOL)
        assert effects.p_parametric[gene] == pytest.approx(table.loc["area", "PR(>F)"], rel=RTOL)
        assert effects.df_resid == table.loc["Residual", "df"] == model.df_resid


@pytest.mark.parametrize("layout", LAYOUTS_OF_MORE)
@pytest.mark.parametrize("with_covariates", [False, True])
def test_anova_of_more_regions_equals_statsmodels(layout, with_covariates):
    rng = np.random.default_rng(1)
    design = make_design(LAYOUTS_OF_MORE[layout], rng)
    design = add_covariates(design, rng) if with_covariates and layout != "one donor" else design
    values = make_values(design, 3, rng)
    effects = compute_effects(values, values, design)
    assert effects.difference is None
    for gene in range(len(values)):
        frame = make_data(design, values[gene], rng)
        table = anova_table(fit_anova(frame, design), 2)
        area, residual = table.loc["area"], table.loc["Residual"]
        assert (area["df"], residual["df"]) == (effects.df_area, effects.df_resid)
        # a QR decomposition there, a Cholesky one here: both lose a few digits of 16
        assert effects.ss_area[gene] == pytest.approx(area["sum_sq"], rel=1e-8)
        assert effects.ss_resid[gene] == pytest.approx(residual["sum_sq"], rel=1e-8)
        assert effects.f[gene] == pytest.approx(area["F"], rel=1e-8)
        assert effects.p_parametric[gene] == pytest.approx(area["PR(>F)"], rel=1e-8)
        means = frame.groupby("area")["zscore"].mean()[["one", "two", "three", "four"][: design.n_regions]]
        np.testing.assert_allclose(effects.means[gene], means)


@pytest.mark.parametrize("layout", APART)
def test_f_of_regions_that_no_donor_links_is_that_of_a_lower_rank(layout):
    rng = np.random.default_rng(2)
    design = make_design(APART[layout], rng)
    values = make_values(design, 3, rng)
    np.testing.assert_allclose(compute_effects(values, values, design).f, fit_f(values, design), rtol=RTOL)


def test_regions_told_apart_without_residual_have_an_infinite_f():
    design = make_design([(2, 2, 2)])
    effects = compute_effects(design.codes[None] ** 2.0, design.codes[None] ** 2.0, design)
    assert effects.f[0] > 1e25
    assert effects.partial_eta_sq[0] == pytest.approx(1)


def test_a_column_of_zeros_changes_nothing():
    rng = np.random.default_rng(6)
    design = make_design(LAYOUTS_OF_MORE["unbalanced"], rng)
    values = make_values(design, 3, rng)
    zero = replace(design, covariates=np.zeros((design.n_samples, 1)))
    assert zero.df_resid == design.df_resid
    np.testing.assert_array_equal(compute_effects(values, values, zero).f, compute_effects(values, values, design).f)


@pytest.mark.parametrize("layout", ["unbalanced", "donors in one region only", "one donor"])
@pytest.mark.parametrize("with_covariates", [False, True])
def test_difference_and_interval_equal_statsmodels(layout, with_covariates):
    rng = np.random.default_rng(1)
    design = make_design(LAYOUTS[layout], rng)
    design = add_covariates(design, rng) if with_covariates else design
    values = make_values(design, 4, rng)
    effects = compute_effects(values, 3 * values + 5, design, "sequential")
    for gene in range(len(values)):
        model = fit_anova(make_data(design, values[gene], rng), design)
        # treatment coding of area takes "one" (region 1) as the reference: the coefficient is region 2 - region 1
        assert effects.difference.diff[gene] == pytest.approx(-model.params["area[T.two]"], rel=RTOL)
        low, high = -model.conf_int().loc["area[T.two]"]
        assert effects.difference.ci_low[gene] == pytest.approx(high, rel=RTOL)
        assert effects.difference.ci_high[gene] == pytest.approx(low, rel=RTOL)
    np.testing.assert_allclose(effects.difference.log2_fc, 3 * effects.difference.diff, rtol=RTOL)


def test_effects_are_the_adjusted_ones_under_every_statistic():
    rng = np.random.default_rng(2)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    values = make_values(design, 5, rng)
    adjusted, sequential, welch = (
        compute_effects(values, values, design, how) for how in ("adjusted", "sequential", "welch")
    )
    for other in (sequential, welch):
        for column in ("partial_eta_sq", "ss_resid"):
            np.testing.assert_array_equal(getattr(other, column), getattr(adjusted, column))
        for column in ("diff", "log2_fc", "hedges_g", "sd_ratio"):
            np.testing.assert_array_equal(getattr(other.difference, column), getattr(adjusted.difference, column))
    for column in ("ci_low", "ci_high", "df"):
        np.testing.assert_array_equal(getattr(sequential.difference, column), getattr(adjusted.difference, column))
    assert not np.allclose(adjusted.ss_area, sequential.ss_area)
    np.testing.assert_array_equal(adjusted_difference(values, design), adjusted.difference.log2_fc)


def test_donors_add_up_to_the_adjusted_difference_without_covariates():
    rng = np.random.default_rng(4)
    design = add_covariates(make_design(LAYOUTS["unbalanced"], rng), rng)
    values = make_values(design, 4, rng)
    removed = remove_covariates(values, design)
    plain = replace(design, covariates=None)
    np.testing.assert_allclose(adjusted_difference(removed, plain), adjusted_difference(values, design), rtol=1e-10)
    assert remove_covariates(values, plain) is values


def test_t_squared_of_nilearn_equals_adjusted_f():
    from nilearn.mass_univariate import permuted_ols

    rng = np.random.default_rng(3)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    values = make_values(design, 6, rng)
    donors = (design.donors[:, None] == np.arange(design.n_donors)).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = permuted_ols(
            design.labels[:, None].astype(float), values.T, donors, model_intercept=False, n_perm=0, output_type="dict"
        )
    effects = compute_effects(values, values, design, "adjusted")
    np.testing.assert_allclose(reference["t"].ravel() ** 2, effects.f, rtol=RTOL)


def test_hedges_g_of_one_donor_equals_the_two_sample_formula():
    rng = np.random.default_rng(4)
    design = make_design(LAYOUTS["one donor"], rng)
    values = make_values(design, 3, rng)
    one, two = values[:, design.labels], values[:, ~design.labels]
    df = design.n_samples - 2
    pooled = np.sqrt((one.var(axis=1, ddof=1) * (one.shape[1] - 1) + two.var(axis=1, ddof=1) * (two.shape[1] - 1)) / df)
    # J is the reciprocal of the mean of the chi distribution's scaled standard deviation: E[s] / sigma = J(df)^-1 ...
    correction = 1 / (stats.chi(df).expect(lambda s: 1 / s) * np.sqrt(df))
    effects = compute_effects(values, values, design, "adjusted")
    np.testing.assert_allclose(
        effects.difference.hedges_g, correction * (one.mean(axis=1) - two.mean(axis=1)) / pooled, rtol=1e-7
    )
    np.testing.assert_allclose(effects.f, stats.ttest_ind(one, two, axis=1).statistic ** 2, rtol=RTOL)


def test_sd_ratio_of_one_donor_is_the_ratio_of_standard_deviations():
    rng = np.random.default_rng(5)
    design = make_design(LAYOUTS["one donor"], rng)
    values = make_values(design, 3, rng)
    sd = np.sort([values[:, design.labels].std(axis=1, ddof=1), values[:, ~design.labels].std(axis=1, ddof=1)], axis=0)
    effects = compute_effects(values, values, design, "adjusted")
    np.testing.assert_allclose(effects.difference.sd_ratio, sd[1] / sd[0], rtol=RTOL)


def test_one_residual_degree_of_freedom_has_no_hedges_g():
    rng = np.random.default_rng(6)
    design = make_design(LAYOUTS["fewest residuals"], rng)
    values = make_values(design, 2, rng)
    assert design.df_resid == 1
    assert np.isnan(compute_effects(values, values, design, "adjusted").difference.hedges_g).all()


def test_partial_eta_squared_rises_with_f():
    rng = np.random.default_rng(7)
    design = make_design(LAYOUTS["unbalanced"], rng)
    values = make_values(design, 20, rng)
    effects = compute_effects(values, values, design, "adjusted")
    np.testing.assert_allclose(effects.partial_eta_sq, effects.f / (effects.f + design.df_resid), rtol=RTOL)


def test_welch_of_one_donor_equals_scipy():
    rng = np.random.default_rng(8)
    design = make_design(LAYOUTS["one donor"], rng)
    values = make_values(design, 5, rng) * np.where(design.labels, 3.0, 1.0)
    reference = stats.ttest_ind(values[:, design.labels], values[:, ~design.labels], axis=1, equal_var=False)
    effects = compute_effects(values, values, design, "welch")
    np.testing.assert_allclose(effects.f, reference.statistic**2, rtol=RTOL)
    np.testing.assert_allclose(effects.p_parametric, reference.pvalue, rtol=RTOL)
    interval = reference.confidence_interval(0.95)
    np.testing.assert_allclose(effects.difference.ci_low, interval.low, rtol=RTOL)
    np.testing.assert_allclose(effects.difference.ci_high, interval.high, rtol=RTOL)
    np.testing.assert_allclose(effects.difference.df, reference.df, rtol=RTOL)


@pytest.mark.parametrize("with_covariates", [False, True])
def test_welch_with_donors_equals_least_squares_with_a_variance_per_region(with_covariates):
    """V is the variance of the ordinary estimate when residuals have the variance s_g^2 in region g."""
    rng = np.random.default_rng(9)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    design = add_covariates(design, rng) if with_covariates else design
    values = make_values(design, 4, rng)
    model = np.column_stack([design.labels, design.donors[:, None] == np.arange(design.n_donors)]).astype(float)
    model = np.column_stack([model, design.covariates]) if with_covariates else model
    pinv = np.linalg.pinv(model)
    hat = model @ pinv
    effects = compute_effects(values, values, design, "welch")
    for gene, y in enumerate(values):
        residuals = y - hat @ y
        variance, parts = np.empty(design.n_samples), []
        for region in (design.labels, ~design.labels):
            freedom = region.sum() - np.diag(hat)[region].sum()
            variance[region] = (residuals[region] ** 2).sum() / freedom
            parts.append(((pinv[0, region] ** 2).sum() * variance[region][0], freedom))
        estimate, covariance = pinv @ y, pinv @ np.diag(variance) @ pinv.T
        assert effects.f[gene] == pytest.approx(estimate[0] ** 2 / covariance[0, 0], rel=1e-8)  # a pseudo-inverse
        # Satterthwaite's degrees of freedom, and the interval, by hand: it leaves out 0 where p is below 0.05
        df = sum(v for v, _ in parts) ** 2 / sum(v**2 / freedom for v, freedom in parts)
        assert effects.difference.df[gene] == pytest.approx(df, rel=1e-8)
        margin = stats.t.ppf(0.975, df) * np.sqrt(covariance[0, 0])
        assert effects.difference.ci_low[gene] == pytest.approx(estimate[0] - margin, rel=1e-7)
        assert effects.difference.ci_high[gene] == pytest.approx(estimate[0] + margin, rel=1e-7)
    holds_0 = (effects.difference.ci_low <= 0) & (effects.difference.ci_high >= 0)
    np.testing.assert_array_equal(holds_0, effects.p_parametric >= 0.05)


class TestHedgesG:
    @pytest.mark.parametrize("df", [2, 5, 23, 200])
    @pytest.mark.parametrize("g", [-4.0, -0.3, 0.0, 0.8, 12.0])
    def test_the_limits_put_t_at_the_tails_of_noncentral_t(self, df, g):
        spread = 6.5
        (low,), (high,) = hedges_g_interval(np.array([g]), spread, df)
        scale = small_sample_correction(df) / np.sqrt(spread)
        # found to 1e-12 of the bracket; the distribution function has about ten digits
        assert stats.nct.sf(g / scale, df, low / scale) == pytest.approx(0.025, abs=1e-8)
        assert stats.nct.cdf(g / scale, df, high / scale) == pytest.approx(0.025, abs=1e-8)
        assert low < g < high

    @pytest.mark.parametrize("level", [0.9, 0.99])
    def test_is_what_a_root_finder_finds(self, level):
        t, df = 2.7, 18
        expected = [
            optimize.brentq(lambda delta, share=share: stats.nct.cdf(t, df, delta) - share, -20, 30, xtol=1e-12)
            for share in ((1 + level) / 2, (1 - level) / 2)
        ]
        limits = hedges_g_interval(np.array([t * small_sample_correction(df)]), 1.0, df, level=level)
        # the root finder stops at 1e-12, near the precision of the distribution function
        np.testing.assert_allclose(np.ravel(limits), np.array(expected) * small_sample_correction(df), rtol=1e-8)

    def test_swapped_regions_mirror_the_interval(self):
        g = np.array([0.1, 1.5, 3.0])
        low, high = hedges_g_interval(g, 4.0, 20)
        mirrored_low, mirrored_high = hedges_g_interval(-g, 4.0, 20)
        np.testing.assert_allclose(mirrored_low, -high, rtol=1e-8)  # precision of the distribution function
        np.testing.assert_allclose(mirrored_high, -low, rtol=1e-8)

    def test_covers_the_population_value(self):
        """2,000 data sets whose regions differ by one residual standard deviation; donors are as different."""
        rng = np.random.default_rng(0)
        design = make_design(LAYOUTS["donors in one region only"])
        values = rng.normal(size=(2000, design.n_samples)) + design.labels + design.donors
        effects = compute_effects(values, values, design, "adjusted")
        low, high = hedges_g_interval(effects.difference.hedges_g, float(design.weights.sum()), design.df_resid)
        # the interval of delta covers exactly; that of J delta, read as one of delta, is narrower by J (0.96 here)
        j = small_sample_correction(design.df_resid)
        assert 0.934 < ((low / j <= 1) & (high / j >= 1)).mean() < 0.966  # 99.9 % of binomial(2000, 0.95)

    def test_what_is_not_known_has_no_interval(self):
        limits = np.array(hedges_g_interval(np.array([np.nan, np.inf, 1.0]), 4.0, 20))
        assert np.isnan(limits).tolist() == [[True, True, False]] * 2
        assert np.isnan(hedges_g_interval(np.array([np.nan]), 4.0, 1)).all()


class TestPartialEtaSquared:
    @pytest.mark.parametrize("df", [1, 5, 23, 200])
    @pytest.mark.parametrize("f", [0.5, 5.0, 80.0, 3000.0])
    @pytest.mark.parametrize("df_area", [1, 4])
    def test_the_limits_put_f_at_the_tails_of_noncentral_f(self, df, f, df_area):
        n = df + 4
        (low,), (high,) = partial_eta_sq_interval(np.array([f * df_area / (f * df_area + df)]), n, df_area, df)
        for limit, share in ((low, 0.975), (high, 0.025)):
            noncentrality = n * limit / (1 - limit)
            if limit == 0:
                assert stats.f.cdf(f, df_area, df) <= share
            else:
                # found to 1e-12 of the bracket; the distribution function has about ten digits
                assert stats.ncf.cdf(f, df_area, df, noncentrality) == pytest.approx(share, abs=1e-8)

    def test_is_statsmodels_noncentrality(self):
        effect_size = pytest.importorskip("statsmodels.stats.effect_size")
        f, df, n = 9.5, 23, 28
        expected = np.array(effect_size._noncentrality_f(f, 1, df, alpha=0.05).confint)
        limits = np.ravel(partial_eta_sq_interval(np.array([f / (f + df)]), n, 1, df))
        # statsmodels inverts by scipy.special.ncfdtrinc, which is good to five digits
        np.testing.assert_allclose(limits, expected / (expected + n), rtol=1e-4)

    def test_no_effect_starts_at_0(self):
        low, high = partial_eta_sq_interval(np.array([0.0, 1e-9, 0.05]), 30, 1, 25)
        assert low.tolist() == [0.0, 0.0, 0.0]
        assert high[:2].tolist() == [0.0, 0.0]
        assert high[2] > 0.05

    def test_covers_the_population_value(self):
        """2,000 data sets: the noncentrality a'Ma delta^2 is known."""
        rng = np.random.default_rng(1)
        design = make_design(LAYOUTS["balanced"])
        values = rng.normal(size=(2000, design.n_samples)) + design.labels
        effects = compute_effects(values, values, design, "adjusted")
        low, high = partial_eta_sq_interval(effects.partial_eta_sq, design.n_samples, 1, design.df_resid)
        noncentrality = design.weights.sum()
        true = noncentrality / (noncentrality + design.n_samples)
        assert 0.934 < ((low <= true) & (true <= high)).mean() < 0.966  # 99.9 % of binomial(2000, 0.95)

    def test_what_is_not_known_has_no_interval(self):
        limits = np.array(partial_eta_sq_interval(np.array([np.nan, 1.0, 0.4]), 30, 1, 25))
        assert np.isnan(limits).tolist() == [[True, True, False]] * 2


def test_intervals_of_many_genes_are_those_of_each():
    design = make_design(LAYOUTS["unbalanced"])
    values = make_values(design, 25, np.random.default_rng(2))
    effects = compute_effects(values, values, design, "adjusted")
    spread = float(design.weights.sum())
    together = hedges_g_interval(effects.difference.hedges_g, spread, design.df_resid)[0]
    each = [hedges_g_interval(g[None], spread, design.df_resid)[0][0] for g in effects.difference.hedges_g]
    np.testing.assert_array_equal(together, each)
