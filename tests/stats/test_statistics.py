"""Scores of relabelled samples and of shuffled residuals, against F of the samples that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from jugex.stats.effects import compute_effects
from jugex.stats.engine import count_exceedances, score_draws
from jugex.stats.relabelling import draw_relabellings, make_relabellings
from jugex.stats.statistics import make_scorer, scores_to_f
from tests.stats.designs import (
    LAYOUTS,
    LAYOUTS_OF_MORE,
    add_covariates,
    fit_f,
    make_design,
    make_frame,
    make_values,
    take_draw,
)


@pytest.mark.parametrize("statistic", ["adjusted", "sequential", "welch"])
@pytest.mark.parametrize("with_covariates", [False, True])
def test_every_relabelling_of_two_regions_is_scored_as_if_observed(statistic, with_covariates):
    rng = np.random.default_rng(3)
    design = make_design(LAYOUTS["donors in one region only"], rng)
    design = add_covariates(design, rng) if with_covariates else design
    values = make_values(design, 3, rng)
    drawn = draw_relabellings(design, "free", 20, rng)
    f = scores_to_f(score_draws(make_scorer(values, design, statistic, drawn), drawn.draws), design, statistic)
    for number, draw in enumerate(drawn.draws):
        expected = compute_effects(values, values, take_draw(design, draw), statistic).f
        assert f[:, number] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("layout", LAYOUTS_OF_MORE)
@pytest.mark.parametrize("exchange", ["within-donor", "free"])
@pytest.mark.parametrize("with_covariates", [False, True])
def test_every_relabelling_of_more_regions_is_scored_as_if_observed(layout, exchange, with_covariates):
    rng = np.random.default_rng(3)
    design = make_design(LAYOUTS_OF_MORE[layout], rng)
    design = add_covariates(design, rng, 1) if with_covariates else design
    values = make_values(design, 4, rng)
    drawn = draw_relabellings(design, exchange, 20, rng)
    f = scores_to_f(score_draws(make_scorer(values, design, "adjusted", drawn), drawn.draws), design, "adjusted")
    expected = np.column_stack([fit_f(values, take_draw(design, draw)) for draw in drawn.draws])
    np.testing.assert_allclose(f, expected, rtol=1e-7)  # 1 - scores loses digits where scores are near 1


@pytest.mark.parametrize("layout", [LAYOUTS["unbalanced"], LAYOUTS_OF_MORE["unbalanced"]])
def test_a_score_of_1_is_an_infinite_f(layout):
    design = make_design(layout)
    f = scores_to_f(np.array([0.5, 1.0]), design, "adjusted")
    assert f.tolist() == [design.df_resid / design.df_area, np.inf]


class TestFreedmanLane:
    @pytest.mark.parametrize("layout", [LAYOUTS["unbalanced"], LAYOUTS_OF_MORE["unbalanced"]])
    def test_observed_f_is_the_adjusted_one(self, layout):
        rng = np.random.default_rng(0)
        design = add_covariates(make_design(layout, rng), rng)
        values = make_values(design, 5, rng)
        shuffles = make_relabellings(design, "freedman-lane", 3, rng)
        scores = score_draws(make_scorer(values, design, "adjusted", shuffles), shuffles.observed(design))[:, 0]
        expected = compute_effects(values, values, design).f
        assert scores_to_f(scores, design, "adjusted") == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("layout", [LAYOUTS["balanced"], LAYOUTS_OF_MORE["balanced"]])
    def test_shuffled_f_is_that_of_shuffled_residuals(self, layout):
        """Fitted values plus residuals in another order, analysed anew: Freedman and Lane (1983)."""
        rng = np.random.default_rng(1)
        design = add_covariates(make_design(layout, rng), rng)
        values = make_values(design, 3, rng)
        shuffles = make_relabellings(design, "freedman-lane", 15, rng)
        scores = score_draws(make_scorer(values, design, "adjusted", shuffles), shuffles.draws)
        found = scores_to_f(scores, design, "adjusted")
        for gene, y in enumerate(values):
            data = make_frame(design, y, rng).assign(z0=design.covariates[:, 0], z1=design.covariates[:, 1])
            reduced = smf.ols("zscore ~ specimen + z0 + z1", data).fit()
            for number, order in enumerate(shuffles.draws):
                shuffled = data.assign(zscore=reduced.fittedvalues + reduced.resid.to_numpy()[order])
                model = smf.ols("zscore ~ area + specimen + z0 + z1", shuffled).fit()
                assert found[gene, number] == pytest.approx(anova_lm(model, typ=2).loc["area", "F"], rel=1e-8)

    def test_p_is_that_of_nilearn(self):
        """`permuted_ols` shuffles residuals in the same way, by its own random orders."""
        from nilearn.mass_univariate import permuted_ols

        rng = np.random.default_rng(2)
        design = add_covariates(make_design(LAYOUTS["balanced"], rng), rng)
        values = make_values(design, 6, rng)
        m = 4000
        counts = count_exceedances(values, design, make_relabellings(design, "freedman-lane", m, rng))
        donors = (design.donors[:, None] == np.arange(1, design.n_donors)).astype(float)
        theirs = permuted_ols(
            design.labels[:, None].astype(float), values.T, np.column_stack([donors, design.covariates]),
            model_intercept=True, n_perm=m, random_state=0, output_type="dict",
        )  # fmt: skip
        assert theirs["t"][0] ** 2 == pytest.approx(compute_effects(values, values, design).f, rel=1e-6)
        p, theirs_p = counts.p_values().fwe, 10 ** -theirs["logp_max_t"][0]
        # two independent binomial shares: five standard deviations
        margin = 5 * np.sqrt(2 * np.maximum(p * (1 - p), 1 / m) / m)
        assert (np.abs(p - theirs_p) <= margin).all()
