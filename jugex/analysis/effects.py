"""Sums of squares, F and effect sizes of every gene, from the observed labels. Arrays only.

Formulas and symbols are those of the documentation of the method: y a gene's z-scores, a the labels, M the
projection off donors and covariates, C the centring. Every sum is taken in a fixed order, so that the numbers do not
depend on threads or on the number of genes beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design
from jugex.analysis.scores import Statistic

__all__ = ["Effects", "compute_effects", "remove_covariates", "small_sample_correction"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of g genes; each attribute is an array (g,), but `df_resid`. Differences are region 1 minus 2.

    Attributes
    ----------
    mean_1, mean_2 : ndarray
        Raw means of the z-scores in each region.
    diff : ndarray
        Difference adjusted for donor (and covariates), a'My / a'Ma, in z-scores.
    ci_low, ci_high : ndarray
        Its 95 % confidence interval, uncorrected, samples taken as replicates.
    log2_fc : ndarray
        The same difference in log2 levels.
    hedges_g : ndarray
        The difference in residual standard deviations, corrected for small samples.
    partial_eta_sq : ndarray
        SS / (SS + RSS), adjusted for donor.
    sd_ratio : ndarray
        Larger over smaller residual standard deviation of the regions.
    ss_area, ss_resid, f : ndarray
        Sums of squares of area (by the statistic chosen) and of the residuals, and F.
    p_parametric : ndarray
        Upper tail of F(1, df_resid).
    df_resid : int
        Residual degrees of freedom.
    """

    mean_1: Floats
    mean_2: Floats
    diff: Floats
    ci_low: Floats
    ci_high: Floats
    log2_fc: Floats
    hedges_g: Floats
    partial_eta_sq: Floats
    sd_ratio: Floats
    ss_area: Floats
    ss_resid: Floats
    f: Floats
    p_parametric: Floats
    df_resid: int


def compute_effects(values: Floats, levels: Floats, design: Design, statistic: Statistic) -> Effects:
    """Compute sums of squares, F and effect sizes.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores; each gene varies within some donor.
    levels : ndarray of float64, shape (g, n)
        Gene-level log2 expression.
    design : Design
        Labels and donors of the n samples; testable.
    statistic : {'adjusted', 'sequential', 'welch'}
        What enters `ss_area` and `f`. Effect sizes are the adjusted ones under each; `ss_area` of `welch` is the
        adjusted one, and its parametric p takes Satterthwaite's degrees of freedom.

    Returns
    -------
    Effects
    """
    from scipy import special

    labels = design.labels.astype(np.float64)
    df = design.df_resid
    spread = float(design.spread(design.labels[None])[0])  # a'Ma
    residuals = design.residualize(values)
    diff = np.einsum("gn,n->g", residuals, labels) / spread
    ss_adjusted = diff**2 * spread
    residuals = residuals - diff[:, None] * design.residualize(labels)
    ss_resid = np.einsum("gn,gn->g", residuals, residuals)
    ss_area = _sequential_ss(values, labels) if statistic == "sequential" else ss_adjusted
    mse = ss_resid / df
    variances = _Variances.of(residuals, design)
    with np.errstate(divide="ignore"):  # regions that are told apart without residual: F is infinite
        f = (diff * spread) ** 2 / variances.of_contrast if statistic == "welch" else ss_area / mse
        hedges_g = small_sample_correction(df) * diff / np.sqrt(mse)
    margin = special.stdtrit(df, 0.975) * np.sqrt(mse / spread)
    log2_fc = np.einsum("gn,n->g", design.residualize(levels), labels) / spread
    return Effects(
        mean_1=values[:, design.labels].mean(axis=1),
        mean_2=values[:, ~design.labels].mean(axis=1),
        diff=diff,
        ci_low=diff - margin,
        ci_high=diff + margin,
        log2_fc=log2_fc,
        hedges_g=hedges_g,
        partial_eta_sq=ss_adjusted / (ss_adjusted + ss_resid),
        sd_ratio=variances.sd_ratio,
        ss_area=ss_area,
        ss_resid=ss_resid,
        f=f,
        p_parametric=np.asarray(
            special.fdtrc(1, variances.df_contrast if statistic == "welch" else df, f), dtype=np.float64
        ),
        df_resid=df,
    )


def remove_covariates(values: Floats, design: Design) -> Floats:
    """Values (g, n) less what the full model gives to the covariates, so that donors can be looked at one by one.

    The weighted mean of the donors' differences of these values is the adjusted difference, as without covariates.
    """
    if not design.basis.shape[1]:
        return values
    labels = design.labels.astype(np.float64)
    diff = (design.residualize(values) @ labels) / design.spread(design.labels[None])
    removed: Floats = values - ((values - diff[:, None] * labels) @ design.basis) @ design.basis.T
    return removed


def _sequential_ss(values: Floats, labels: Floats) -> Floats:
    """SS of area before donor: (a'Cy)^2 / (a'Ca)."""
    centred = labels - labels.mean()
    ss: Floats = np.einsum("gn,n->g", values, centred) ** 2 / (centred @ labels)
    return ss


def small_sample_correction(df: int) -> float:
    """J = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)), Hedges (1981), doi 10.3102/10769986006002107; NaN for df = 1."""
    from scipy.special import gammaln

    if df < 2:
        return float("nan")
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))


@dataclass(frozen=True, eq=False)
class _Variances:
    """Residual variances of the regions, and of the contrast a'My that rests on them.

    s_g^2 = RSS_g / f_g with f_g = n_g - sum of the leverages in region g; the contrast has the variance
    sum_g s_g^2 k_g, k_g = sum_{i in g} (Ma)_i^2, and by Satterthwaite (1946, doi 10.2307/3002019)
    (sum_g v_g)^2 / sum_g v_g^2 / f_g degrees of freedom, v_g = s_g^2 k_g.
    """

    sd_ratio: Floats
    of_contrast: Floats
    df_contrast: Floats

    @classmethod
    def of(cls, residuals: Floats, design: Design) -> _Variances:
        area = design.residualize(design.labels.astype(np.float64))
        leverages = design.leverages + area**2 / (area @ area)
        s_squared, v, v_squared = [], np.zeros(len(residuals)), np.zeros(len(residuals))
        for of_region in (design.labels, ~design.labels):
            freedom = of_region.sum() - leverages[of_region].sum()
            rss = np.einsum("gn,gn->g", residuals[:, of_region], residuals[:, of_region])
            is_estimable = freedom > 1e-9  # else each sample of the region is alone in its donor, without residual
            s_squared.append(rss / freedom if is_estimable else np.full(len(rss), np.nan))
            if is_estimable:
                v_of_region = s_squared[-1] * (area[of_region] ** 2).sum()
                v, v_squared = v + v_of_region, v_squared + v_of_region**2 / freedom
        low, high = np.minimum(*s_squared), np.maximum(*s_squared)
        ratio = np.sqrt(np.divide(high, low, out=np.full(len(low), np.nan), where=low > 0))
        df = np.divide(v**2, v_squared, out=np.full(len(v), np.nan), where=v_squared > 0)
        return cls(ratio, v, df)
