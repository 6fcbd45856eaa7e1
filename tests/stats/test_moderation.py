"""Moderation of variances against limma, the inverse of the trigamma function, and Holm's correction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import polygamma
from statsmodels.stats.multitest import multipletests

from jugex.stats.moderation import MAX_DF, VariancePrior, adjust_holm, fit_f_dist, trigamma_inverse

REFERENCE = Path(__file__).parents[1] / "reference" / "limma_moderation.tsv"


def test_agrees_with_limma():
    table = pd.read_csv(REFERENCE, sep="\t", comment="#")
    assert len(table) >= 10
    for _, row in table.iterrows():
        variances, squeezed = (row.filter(like=f"{name}_").to_numpy() for name in ("variance", "squeezed"))
        if row["df_prior"] > MAX_DF:
            continue
        prior = fit_f_dist(variances, row["df"])
        assert prior.scale == pytest.approx(row["scale"], rel=1e-6)
        assert prior.df == pytest.approx(row["df_prior"], rel=1e-6)
        np.testing.assert_allclose(prior.squeeze(variances, row["df"]), squeezed, rtol=1e-6)


def test_recovers_the_prior_that_variances_were_drawn_from():
    rng = np.random.default_rng(0)
    variances = 2.5 * 8 / rng.chisquare(8, 100_000) * rng.chisquare(4, 100_000) / 4
    prior = fit_f_dist(variances, 4)
    assert prior.scale == pytest.approx(2.5, rel=0.02)  # standard errors of 0.4 % and 1.5 %
    assert prior.df == pytest.approx(8, rel=0.06)


def test_no_spread_beyond_sampling_has_most_degrees_of_freedom():
    variances = np.random.default_rng(0).chisquare(30, 500) / 30
    equal = fit_f_dist(np.full(10, 0.7), 5)
    assert equal.df == MAX_DF
    assert np.log(equal.scale / 0.7) == pytest.approx(np.log(2.5) - polygamma(0, 2.5), rel=1e-12)
    assert fit_f_dist(variances**0.5, 30).df == MAX_DF


def test_variances_of_zero_are_finite():
    prior = fit_f_dist(np.append(np.zeros(3), np.random.default_rng(0).chisquare(4, 50)), 4)
    assert np.isfinite([prior.scale, prior.df]).all()


def test_a_prior_that_weighs_nothing_changes_nothing():
    variances = np.array([0.1, 2.0])
    np.testing.assert_array_equal(VariancePrior(scale=3.0, df=0.0).squeeze(variances, 4), variances)


@pytest.mark.parametrize("x", [1e-5, 1e-3, 0.1, 0.7, 1.0, 3.3, 40.0, 1e4, 1e7])
def test_trigamma_inverse(x):
    rel = 1e-6 if x in (1e-5, 1e7) else 1e-12  # limma's own approximation at the ends
    assert trigamma_inverse(float(polygamma(1, x))) == pytest.approx(x, rel=rel)


def test_holm():
    p = np.random.default_rng(0).random(50) ** 4
    np.testing.assert_allclose(adjust_holm(p), multipletests(p, method="holm")[1], rtol=1e-14)
    with_missing = np.insert(p, 7, np.nan)
    np.testing.assert_array_equal(np.delete(adjust_holm(with_missing), 7), adjust_holm(p))
    assert np.isnan(adjust_holm(with_missing)[7])
    assert len(adjust_holm(np.array([]))) == 0
