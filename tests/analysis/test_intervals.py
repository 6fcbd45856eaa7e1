"""Intervals of p-values and effect sizes against scipy's and statsmodels', and against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from jugex.analysis.effects import compute_effects, small_sample_correction
from jugex.analysis.intervals import hedges_g_interval, monte_carlo_interval, partial_eta_sq_interval
from tests.analysis.designs import LAYOUTS, make_design, make_values


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
        low, high = hedges_g_interval(effects.hedges_g, float(design.weights.sum()), design.df_resid)
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
    def test_the_limits_put_f_at_the_tails_of_noncentral_f(self, df, f):
        n = df + 4
        (low,), (high,) = partial_eta_sq_interval(np.array([f / (f + df)]), n, df)
        for limit, share in ((low, 0.975), (high, 0.025)):
            noncentrality = n * limit / (1 - limit)
            if limit == 0:
                assert stats.f.cdf(f, 1, df) <= share
            else:
                # found to 1e-12 of the bracket; the distribution function has about ten digits
                with np.errstate(divide="ignore"):  # SciPy 1.11
                    assert stats.ncf.cdf(f, 1, df, noncentrality) == pytest.approx(share, abs=1e-8)

    def test_is_statsmodels_noncentrality(self):
        effect_size = pytest.importorskip("statsmodels.stats.effect_size")
        f, df, n = 9.5, 23, 28
        expected = np.array(effect_size._noncentrality_f(f, 1, df, alpha=0.05).confint)
        limits = np.ravel(partial_eta_sq_interval(np.array([f / (f + df)]), n, df))
        # statsmodels inverts by scipy.special.ncfdtrinc, which is good to five digits
        np.testing.assert_allclose(limits, expected / (expected + n), rtol=1e-4)

    def test_no_effect_starts_at_0(self):
        low, high = partial_eta_sq_interval(np.array([0.0, 1e-9, 0.05]), 30, 25)
        assert low.tolist() == [0.0, 0.0, 0.0]
        assert high[:2].tolist() == [0.0, 0.0]
        assert high[2] > 0.05

    def test_covers_the_population_value(self):
        """2,000 data sets: the noncentrality a'Ma delta^2 is known."""
        rng = np.random.default_rng(1)
        design = make_design(LAYOUTS["balanced"])
        values = rng.normal(size=(2000, design.n_samples)) + design.labels
        effects = compute_effects(values, values, design, "adjusted")
        low, high = partial_eta_sq_interval(effects.partial_eta_sq, design.n_samples, design.df_resid)
        noncentrality = design.weights.sum()
        true = noncentrality / (noncentrality + design.n_samples)
        assert 0.934 < ((low <= true) & (true <= high)).mean() < 0.966  # 99.9 % of binomial(2000, 0.95)

    def test_what_is_not_known_has_no_interval(self):
        limits = np.array(partial_eta_sq_interval(np.array([np.nan, 1.0, 0.4]), 30, 25))
        assert np.isnan(limits).tolist() == [[True, True, False]] * 2


def test_intervals_of_many_genes_are_those_of_each():
    design = make_design(LAYOUTS["unbalanced"])
    values = make_values(design, 25, np.random.default_rng(2))
    effects = compute_effects(values, values, design, "adjusted")
    spread = float(design.weights.sum())
    together = hedges_g_interval(effects.hedges_g, spread, design.df_resid)[0]
    each = [hedges_g_interval(g[None], spread, design.df_resid)[0][0] for g in effects.hedges_g]
    np.testing.assert_array_equal(together, each)
