"""Intervals of p-values and of effect sizes, 95 % unless said otherwise. Arrays only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from jugex.analysis.effects import small_sample_correction

__all__ = ["hedges_g_interval", "monte_carlo_interval", "partial_eta_sq_interval"]

# halves a bracket until its width is 1e-12 of what it was
_N_HALVINGS = 40

Floats = npt.NDArray[np.float64]


def monte_carlo_interval(p: Floats, n_relabellings: int, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of the p that all relabellings would give, from the p that so many random ones gave.

    Parameters
    ----------
    p : ndarray, shape (g,)
        (1 + count) / (m + 1); NaN where a gene was not tested.
    n_relabellings : int
        Random relabellings, m.
    level : float
        Coverage.

    Returns
    -------
    low, high : ndarray, shape (g,)
        Clopper and Pearson's (1934, doi 10.1093/biomet/26.4.404) interval of the share of relabellings that reach
        the observed F, from the count among the m.
    """
    from scipy.special import betaincinv

    count = np.round(p * (n_relabellings + 1) - 1)
    missed = n_relabellings - count
    tail = (1 - level) / 2
    # an end without counts has no quantile: it is 0 or 1
    low = np.where(count == 0, 0.0, betaincinv(np.maximum(count, 1), missed + 1, tail))
    high = np.where(missed == 0, 1.0, betaincinv(count + 1, np.maximum(missed, 1), 1 - tail))
    return low, high


def hedges_g_interval(hedges_g: Floats, spread: float, df: int, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of Hedges g from the noncentral t distribution.

    Parameters
    ----------
    hedges_g : ndarray, shape (g,)
        J diff / sqrt(MSE); NaN or infinite values have no interval (NaN).
    spread : float
        a'Ma, the sum of the donors' weights.
    df : int
        Residual degrees of freedom.
    level : float
        Coverage.

    Returns
    -------
    low, high : ndarray, shape (g,)

    Notes
    -----
    t = diff sqrt(a'Ma) / sqrt(MSE) is noncentral with delta sqrt(a'Ma), delta being the difference in residual
    standard deviations. The limits are the noncentralities under which t is a tail quantile, scaled as g is:
    Steiger and Fouladi (1997), Noncentrality interval estimation, in Harlow et al., What if there were no
    significance tests?
    """
    from scipy.stats import nct

    scale = small_sample_correction(df) / np.sqrt(spread)
    t = hedges_g / scale
    is_known = np.isfinite(t)
    known = t[is_known]
    reach = 3 * np.abs(known) + 10  # limits lie within the ratio of t to its noncentrality, below 3 from df = 1 on
    limits = np.full((2, len(t)), np.nan)
    for limit, share in zip(limits, ((1 + level) / 2, (1 - level) / 2), strict=True):
        limit[is_known] = scale * _bisect(lambda delta: np.asarray(nct.cdf(known, df, delta)), share, -reach, reach)
    return limits[0], limits[1]


def partial_eta_sq_interval(
    partial_eta_sq: Floats, n_samples: int, df: int, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of partial eta squared from the noncentral F distribution.

    Parameters
    ----------
    partial_eta_sq : ndarray, shape (g,)
        SS / (SS + RSS), adjusted for donor; NaN and 1 have no interval (NaN).
    n_samples : int
        Samples of both regions, n.
    df : int
        Residual degrees of freedom.
    level : float
        Coverage.

    Returns
    -------
    low, high : ndarray, shape (g,)
        Of the share in the population, lambda / (lambda + n), where lambda is the noncentrality of F: Steiger (2004),
        doi 10.1037/1082-989X.9.2.164, equation 9. A limit is 0 where no noncentrality makes F so small; the observed
        share, which is biased upwards, can then lie above both.
    """
    from scipy.special import fdtr
    from scipy.stats import ncf

    with np.errstate(divide="ignore"):
        f = df * partial_eta_sq / (1 - partial_eta_sq)
    is_known = np.isfinite(f)
    known = f[is_known]
    reach = 3 * np.sqrt(known) + 10
    limits = np.full((2, len(f)), np.nan)
    for limit, share in zip(limits, ((1 + level) / 2, (1 - level) / 2), strict=True):
        with np.errstate(divide="ignore"):  # older SciPy divides by zero on its way to the right value
            root = _bisect(lambda delta: np.asarray(ncf.cdf(known, 1, df, delta**2)), share, 0 * reach, reach)
        noncentrality = np.where(fdtr(1, df, known) <= share, 0.0, root**2)
        limit[is_known] = noncentrality / (noncentrality + n_samples)
    return limits[0], limits[1]


def _bisect(falling: Callable[[Floats], Floats], value: float, low: Floats, high: Floats) -> Floats:
    """Where falling functions of one number each take a value, between `low` and `high`."""
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        is_above = falling(middle) > value
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return (low + high) / 2
