"""Moderation of variances over genes, as limma does it, and Holm's correction. Arrays only.

Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1):3, doi 10.2202/1544-6115.1027.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_DF", "VariancePrior", "adjust_holm", "fit_f_dist", "trigamma_inverse"]

#: Degrees of freedom that stand for infinitely many.
MAX_DF = 1000.0
# a spread of log variances as small as this is that of sampling alone
_NO_SPREAD = 0.001
_SMALLEST_VARIANCE = 1e-12

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VariancePrior:
    """The distribution of a variance over genes: `scale` times `df` over a chi-squared on `df` degrees of freedom.

    Attributes
    ----------
    scale : float
        s_0^2 of Smyth (2004).
    df : float
        d_0, at most 1,000.
    """

    scale: float
    df: float

    def squeeze(self, variances: Floats, df: float) -> Floats:
        """Posterior means of variances on `df` degrees of freedom each (Smyth 2004, equation 5; limma: squeezeVar).

        The squeezed variances have ``prior.df + df`` degrees of freedom.
        """
        return np.asarray((self.df * self.scale + df * variances) / (self.df + df), dtype=np.float64)


def fit_f_dist(variances: Floats, df: float) -> VariancePrior:
    """Fit a scaled F distribution to variances by moments of their logarithms (Smyth 2004, section 6.2).

    Parameters
    ----------
    variances : ndarray of float64, shape (g,)
        Of at least two genes.
    df : float
        Degrees of freedom of each.

    Returns
    -------
    VariancePrior
        limma's ``fitFDist``, except that there a prior on infinitely many degrees of freedom has the mean of the
        variances as its scale, and here exp of the mean of e.
    """
    from scipy.special import digamma, zeta

    e = np.log(np.maximum(variances, _SMALLEST_VARIANCE)) - digamma(df / 2) + np.log(df / 2)
    spread = float(e.var(ddof=1)) - float(zeta(2.0, df / 2))  # zeta(2, x) is the trigamma function
    mean = float(e.mean())
    if spread <= _NO_SPREAD:
        return VariancePrior(scale=float(np.exp(mean)), df=MAX_DF)
    prior_df = 2 * trigamma_inverse(spread)
    scale = float(np.exp(mean + digamma(prior_df / 2) - np.log(prior_df / 2)))
    return VariancePrior(scale=scale, df=min(prior_df, MAX_DF))


def trigamma_inverse(value: float) -> float:
    """The x > 0 whose trigamma is `value` > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix).

    1 / trigamma is convex and nearly linear, so that the iteration falls to the root monotonically.
    """
    from scipy.special import zeta

    if value > 1e7:  # trigamma(x) is 1 / x^2 near 0 and 1 / x far from it
        return 1 / float(np.sqrt(value))
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(zeta(2.0, x))
        step = trigamma * (1 - trigamma / value) / (-2 * float(zeta(3.0, x)))  # the derivative is -2 zeta(3, x)
        x += step
        if -step / x < 1e-14:
            break
    return x


def adjust_holm(p: Floats) -> Floats:
    """Family-wise p-values by Holm (1979), https://www.jstor.org/stable/4615733.

    Parameters
    ----------
    p : ndarray of float64, shape (g,)
        NaN: not tested.

    Returns
    -------
    ndarray of float64, shape (g,)
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    rising = tested[np.argsort(p[tested], kind="stable")]
    multipliers = np.arange(len(rising), 0, -1)
    adjusted[rising] = np.minimum(np.maximum.accumulate(p[rising] * multipliers), 1.0)
    return adjusted
