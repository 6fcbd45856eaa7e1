"""F, sums of squares and effects against statsmodels, nilearn and scipy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from jugex.analysis.effects import compute_effects
from tests.analysis.designs import LAYOUTS, make_design, make_frame, make_values

# Sums of squares come from two solvers (projections here, a pseudo-inverse there) in float64: 1e-9 leaves
# room for the condition of the rank-deficient models, and is what the project promises.
RTOL = 1e-9


def fit_anova(frame, design):
    from statsmodels.formula.api import ols

    factors = ["specimen", "age", "race"] if design.n_donors > 1 else []
    factors = [factor for factor in factors if frame[factor].nunique() > 1]
    with warnings.catch_warnings():  # age and race are functions of the donor: the model is rank-deficient on purpose
        warnings.simplefilter("ignore")
        return ols(" + ".join(["zscore ~ area", *factors]), frame).fit()


def anova_table(model, typ):
    from statsmodels.stats.anova import anova_lm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anova_lm(model, typ=typ)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("statistic", "typ"), [("sequential", 1), ("adjusted", 2), ("adjusted", 3)])
def test_anova_equals_statsmodels(layout, statistic, typ):
    rng = np.random.default_rng([typ, *map(ord, layout)])
    design = make_design(LAYOUTS[layout], rng)
    values = make_values(design, 3, rng)
    effects = compute_effects(values, values, design, statistic)
    for gene in range(len(values)):
        model = fit_anova(make_frame(design, values[gene], rng), design)
        table = anova_table(model, typ)
        assert effects.ss_area[gene] == pytest.approx(table.loc["area", "sum_sq"], rel=RTOL)
        assert effects.ss_resid[gene] == pytest.approx(table.loc["Residual", "sum_sq"], rel=RTOL)
        assert effects.f[gene] == pytest.approx(table.loc["area", "F"], rel=RTOL)
        assert effects.p_parametric[gene] == pytest.approx(table.loc["area", "PR(>F)"], rel=RTOL)
        assert effects.df_resid == table.loc["Residual", "df"] == model.df_resid


@pytest.mark.parametrize("layout", ["unbalanced", "donors in one region only", "one donor"])
def test_difference_and_interval_equal_statsmodels(layout):
    rng = np.random.default_rng(1)
    design = make_design(LAYOUTS[layout], rng)
    values = make_values(design, 4, rng)
    effects = compute_effects(values, 3 * values + 5, design, "sequential")
    for gene in range(len(values)):
        model = fit_anova(make_frame(design, values[gene], rng), design)
        # treatment coding of area takes "one" (region 1) as the reference: the coefficient is region 2 - region 1
        assert effects.diff[gene] == pytest.approx(-model.params["area[T.two]"], rel=RTOL)
        low, high = -model.conf_int().loc["area[T.two]"]
        assert effects.ci_low[gene] == pytest.approx(high, rel=RTOL)
        assert effects.ci_high[gene] == pytest.approx(low, rel=RTOL)
    np.testing.assert_allclose(effects.log2_fc, 3 * effects.diff, rtol=RTOL)


def test_effects_are_the_adjusted_ones_under_either_statistic():
    rng = np.random.default_rng(2)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    values = make_values(design, 5, rng)
    adjusted = compute_effects(values, values, design, "adjusted")
    sequential = compute_effects(values, values, design, "sequential")
    for column in ("diff", "ci_low", "ci_high", "log2_fc", "hedges_g", "partial_eta_sq", "sd_ratio", "ss_resid"):
        np.testing.assert_array_equal(getattr(adjusted, column), getattr(sequential, column))
    assert not np.allclose(adjusted.ss_area, sequential.ss_area)


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
    np.testing.assert_allclose(effects.hedges_g, correction * (one.mean(axis=1) - two.mean(axis=1)) / pooled, rtol=1e-7)
    np.testing.assert_allclose(effects.f, stats.ttest_ind(one, two, axis=1).statistic ** 2, rtol=RTOL)


def test_sd_ratio_of_one_donor_is_the_ratio_of_standard_deviations():
    rng = np.random.default_rng(5)
    design = make_design(LAYOUTS["one donor"], rng)
    values = make_values(design, 3, rng)
    sd = np.sort([values[:, design.labels].std(axis=1, ddof=1), values[:, ~design.labels].std(axis=1, ddof=1)], axis=0)
    effects = compute_effects(values, values, design, "adjusted")
    np.testing.assert_allclose(effects.sd_ratio, sd[1] / sd[0], rtol=RTOL)


def test_one_residual_degree_of_freedom_has_no_hedges_g():
    rng = np.random.default_rng(6)
    design = make_design(LAYOUTS["fewest residuals"], rng)
    values = make_values(design, 2, rng)
    assert design.df_resid == 1
    assert np.isnan(compute_effects(values, values, design, "adjusted").hedges_g).all()


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


def test_welch_with_donors_equals_generalised_least_squares_with_the_same_variances():
    """V is the variance of the ordinary estimate when residuals have the variance s_g^2 in region g."""
    rng = np.random.default_rng(9)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    values = make_values(design, 4, rng)
    model = np.column_stack([design.labels, design.donors[:, None] == np.arange(design.n_donors)]).astype(float)
    hat = model @ np.linalg.pinv(model)
    effects = compute_effects(values, values, design, "welch")
    for gene, y in enumerate(values):
        residuals = y - hat @ y
        variance = np.empty(design.n_samples)
        for region in (design.labels, ~design.labels):
            variance[region] = (residuals[region] ** 2).sum() / (region.sum() - np.diag(hat)[region].sum())
        pinv = np.linalg.pinv(model)
        estimate, covariance = pinv @ y, pinv @ np.diag(variance) @ pinv.T
        assert effects.f[gene] == pytest.approx(estimate[0] ** 2 / covariance[0, 0], rel=RTOL)
