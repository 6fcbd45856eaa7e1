"""Small p-values from generalised Pareto tails: the fit, its limits, and the p-values against exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jugex.stats import tails
from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import Relabellings, draw_relabellings, make_relabellings
from jugex.stats.statistics import make_scorer, scores_to_f
from jugex.stats.tails import ParetoTail, explain_no_tails, fit_tail, infer_tails
from tests.stats.designs import LAYOUTS, make_design, make_values


class TestFit:
    @pytest.mark.parametrize("shape", [-0.4, 0.0, 0.3])
    def test_l_moments_recover_scale_and_shape(self, shape):
        quantiles = stats.genpareto.ppf((np.arange(200_000) + 0.5) / 200_000, shape, scale=2.5)
        # the mean of so many quantiles misses the tail beyond the last: 200,000^(shape - 1) of order 1e-3 at 0.3
        np.testing.assert_allclose(tails._fit_by_l_moments(quantiles), (2.5, shape), atol=3e-3)

    @pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
    def test_the_tail_reaches_beyond_the_values(self, shape):
        rng = np.random.default_rng(0)
        true = stats.genpareto(shape)
        fitted = [fit_tail(true.rvs(1000, random_state=rng)) for _ in range(200)]
        kept = [tail for tail in fitted if tail is not None]
        assert len(kept) > 180
        # the value that one in 10,000 exceeds, from 1,000: each estimate is off by 20 to 30 %, and the median of
        # 180 by 1.25 * 0.3 / sqrt(180) = 3 %
        shares = [1e-4 * tail.n_values / tail.n_exceedances for tail in kept]
        found = [
            stats.genpareto.isf(share, tail.shape, tail.threshold, tail.scale)
            for share, tail in zip(shares, kept, strict=True)
        ]
        assert np.median(found) == pytest.approx(true.isf(1e-4), rel=0.08)
        np.testing.assert_allclose([t.exceed(x) for t, x in zip(kept, found, strict=True)], 1e-4)

    @pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
    def test_a_right_tail_is_refused_in_5_percent(self, shape):
        rng = np.random.default_rng(1)
        refused = 0
        for values in np.sort(stats.genpareto.rvs(shape, size=(1000, 250), random_state=rng), axis=1):
            scale, fitted = tails._fit_by_l_moments(values)
            refused += not tails._fits(ParetoTail(0.0, scale, fitted, 250, 250), values)
        assert 0.03 < refused / 1000 < 0.075  # 99.9 % of binomial(1000, 0.05), and a little for the interpolation

    def test_fewer_exceedances_are_taken_until_the_tail_fits(self):
        rng = np.random.default_rng(2)
        bulk = rng.uniform(0, 1, size=880)
        tail = fit_tail(np.concatenate([bulk, 5 + rng.exponential(size=120)]))  # above 120 values there is a gap
        assert tail is not None
        assert 50 <= tail.n_exceedances <= 120
        assert tail.n_values == 1000
        assert tail.threshold > 1

    @pytest.mark.parametrize(
        "values",
        [
            np.arange(199.0),
            np.ones(1000),
            np.repeat([1.0, 2.0], 500),
            np.concatenate([np.arange(990.0), np.full(10, np.inf)]),
        ],
        ids=["too few", "constant", "two values", "infinite"],
    )
    def test_values_without_a_tail(self, values):
        assert fit_tail(values) is None

    def test_beyond_its_end_point_a_tail_says_nothing(self):
        tail = ParetoTail(threshold=1.0, scale=2.0, shape=-0.5, n_exceedances=100, n_values=1000)  # ends at 5
        np.testing.assert_allclose(tail.exceed(np.array([1.0, 3.0, 5.0, 6.0])), [0.1, 0.025, np.nan, np.nan])

    def test_it_is_scipys_distribution(self):
        tail = ParetoTail(threshold=1.0, scale=2.0, shape=0.25, n_exceedances=100, n_values=1000)
        assert tail.exceed(9.0) == pytest.approx(0.1 * (1 + 0.25 * 8 / 2) ** -4)


def make_values_with_p(design, p, rng):
    """Normal values of one donor whose difference gives each gene the parametric p wanted."""
    area = design.labels - design.labels.mean()
    values = rng.normal(size=(len(p), design.n_samples))
    values -= values.mean(axis=1, keepdims=True)
    values -= np.outer(values @ area / (area @ area), area)
    mse = (values**2).sum(axis=1) / design.df_resid
    return values + np.outer(np.sqrt(stats.f.isf(p, 1, design.df_resid) * mse / (area @ area)), area)


def infer(values, design, m, *, seed=0, statistic="adjusted", smallest_p=0.0):
    relabellings = draw_relabellings(design, "within-donor", m, np.random.default_rng(seed))
    counts = count_exceedances(values, design, relabellings, statistic=statistic)
    f = compute_effects(values, values, design, statistic).f
    return counts, infer_tails(values, design, relabellings, counts, f, statistic=statistic, smallest_p=smallest_p)


class TestInfer:
    def test_small_p_are_those_of_f_where_data_are_normal(self):
        rng = np.random.default_rng(3)
        design = make_design([(20, 20)])
        p = 10 ** rng.uniform(-5, -3.7, size=200)
        counts, inferred = infer(make_values_with_p(design, p, rng), design, 10_000)
        rare = counts.own < 10
        error = np.log10(inferred.p_perm / p)[rare]
        counted = np.log10(counts.p_values().perm / p)[rare]
        # a tail is known to a third of a decade, and so is the F distribution as a picture of the relabellings;
        # the median of 150 is then known to 0.04. Counting alone is off by half a decade: it ends at 1e-4
        assert rare.sum() > 150
        assert abs(np.nanmedian(error)) < 0.15
        assert np.nanstd(error) < 0.5
        assert np.median(counted) > 0.35

    def test_small_family_wise_p_are_those_of_independent_genes(self):
        rng = np.random.default_rng(4)
        design = make_design([(20, 20)])
        n_genes, p_fwe = 100, 1e-3
        p = np.full(n_genes, 0.5)
        p[0] = 1 - (1 - p_fwe) ** (1 / n_genes)
        counts, inferred = infer(make_values_with_p(design, p, rng), design, 2000)
        assert counts.family[0] < 10
        # ten of the 250 exceedances lie near the p asked for: its relative error is about 1 / sqrt(10)
        assert abs(np.log10(inferred.p_fwe[0] / p_fwe)) < 0.4
        np.testing.assert_array_equal(inferred.p_fwe[1:], counts.p_values().fwe[1:])

    def test_p_that_are_counted_often_enough_stay(self):
        design = make_design(LAYOUTS["unbalanced"])
        values = make_values(design, 40, np.random.default_rng(5))
        counts, inferred = infer(values, design, 999)
        often = counts.own >= 10
        assert 0 < inferred.n_refined == (~often & np.isfinite(inferred.p_perm)).sum()
        np.testing.assert_array_equal(inferred.p_perm[often], counts.p_values().perm[often])

    @pytest.mark.parametrize(("smallest_p", "lowest"), [(0.0, 0.1 / 1000), (1 / 5000, 1 / 5000)])
    def test_p_end_at_a_tenth_of_what_is_counted_and_at_what_the_design_admits(self, smallest_p, lowest):
        rng = np.random.default_rng(6)
        design = make_design([(20, 20)])
        values = make_values_with_p(design, np.full(5, 1e-12), rng)
        _, inferred = infer(values, design, 999, smallest_p=smallest_p)
        known = np.isfinite(inferred.p_perm)
        assert known.any()
        assert (inferred.p_perm[known] == lowest).all()

    def test_all_relabellings_leave_tails_empty(self):
        design = make_design([(4, 4)])
        values = make_values(design, 3, np.random.default_rng(0))
        every = make_relabellings(design, "within-donor", 100, np.random.default_rng(0))
        counts = count_exceedances(values, design, every)
        f = compute_effects(values, values, design, "adjusted").f
        inferred = infer_tails(values, design, every, counts, f, statistic="adjusted", smallest_p=0.0)
        assert np.isnan([inferred.p_perm, inferred.p_fwe]).all()
        assert inferred.family is None
        assert "enumerated" in explain_no_tails(every)

    def test_why_there_are_no_tails(self):
        design = make_design([(20, 20)])
        few, many = (draw_relabellings(design, "within-donor", m, np.random.default_rng(0)) for m in (199, 200))
        assert explain_no_tails(few) == "a tail needs at least 200 relabellings"
        assert "end-point" in explain_no_tails(many)

    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    def test_tails_are_of_f(self, statistic):
        rng = np.random.default_rng(7)
        design = make_design(LAYOUTS["unbalanced"], rng)
        values = make_values(design, 20, rng)
        score = make_scorer(values, design, statistic, Relabellings(design.observed)).prepare(design.labels[None])
        scores = np.empty((20, 1))
        score(slice(0, 20), scores, list(np.empty((2, 20, 1))))
        f = scores_to_f(scores[:, 0], design, statistic)
        # two ways to sum, and 1 - score loses digits where the score is near 1
        np.testing.assert_allclose(f, compute_effects(values, values, design, statistic).f, rtol=1e-9)

    def test_a_score_of_1_is_an_infinite_f(self):
        design = make_design(LAYOUTS["unbalanced"])
        assert scores_to_f(np.array([0.5, 1.0]), design, "adjusted").tolist() == [design.df_resid, np.inf]

    @pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
    def test_blocks_change_nothing(self, statistic, monkeypatch):
        design = make_design(LAYOUTS["unbalanced"])
        values = make_values(design, 30, np.random.default_rng(8))
        values[:15] += 2 * design.labels
        _, expected = infer(values, design, 1500, statistic=statistic)
        monkeypatch.setattr(tails, "_SCORES_AT_ONCE", 4000)
        monkeypatch.setattr("jugex.stats.engine._RELABELLINGS_PER_BLOCK", 77)
        _, inferred = infer(values, design, 1500, statistic=statistic)
        assert expected.n_refined > 0
        # sums of a product depend on its size in the last digit
        np.testing.assert_allclose(inferred.p_perm, expected.p_perm, rtol=1e-9)

    @pytest.mark.parametrize("large_job", [0, np.inf], ids=["looked up", "multiplied"])
    def test_maxima_are_those_of_the_relabellings(self, large_job, monkeypatch):
        monkeypatch.setattr("jugex.stats.engine._LARGE_JOB", large_job)
        rng = np.random.default_rng(9)
        design = make_design(LAYOUTS["unbalanced"], rng)
        values = make_values(design, 20, rng)
        relabellings = draw_relabellings(design, "within-donor", 300, rng)
        counts = count_exceedances(values, design, relabellings, n_threads=2)
        scores = np.vstack([scores for _, scores in tails._score_genes(values, design, relabellings, "adjusted")])
        np.testing.assert_allclose(counts.maxima, np.sort(scores.max(axis=0)), rtol=1e-12)  # rounding of sums
