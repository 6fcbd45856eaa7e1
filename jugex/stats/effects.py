"""Sums of squares, F and effect sizes of every gene, from the observed labels, and their intervals.

Formulas and symbols are those of the documentation of the method: y a gene's z-scores, A the indicators of the regions
(a that of region 1, of two), M the projection off donors and covariates, C the centring. Every sum is taken in a fixed
order, so that the numbers do not depend on threads or on the number of genes tested with a gene.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jugex.stats.design import Counts, Design, Floats, to_units
from jugex.stats.statistics import Statistic

__all__ = [
    "Difference",
    "DonorDifferences",
    "Effects",
    "adjusted_difference",
    "compute_donor_differences",
    "compute_effects",
    "hedges_g_interval",
    "partial_eta_sq_interval",
    "remove_covariates",
    "small_sample_correction",
]

# halves a bracket until its width is 1e-12 of what it was
_N_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Difference:
    """Differences between two regions, region 1 minus 2, of g genes; each attribute is an array (g,).

    Attributes
    ----------
    diff : ndarray
        Difference adjusted for donor (and covariates), a'My / a'Ma, in z-scores.
    ci_low, ci_high : ndarray
        Its 95 % confidence interval, uncorrected, samples taken as replicates: diff +- t(.975, df) standard errors.
    df : ndarray
        Degrees of freedom of that interval: `df_resid`; Satterthwaite's under the statistic `welch`.
    log2_fc : ndarray
        The same difference in log2 levels.
    hedges_g : ndarray
        The difference in residual standard deviations, corrected for small samples.
    sd_ratio : ndarray
        Larger over smaller residual standard deviation of the regions.
    """

    diff: Floats
    ci_low: Floats
    ci_high: Floats
    df: Floats
    log2_fc: Floats
    hedges_g: Floats
    sd_ratio: Floats


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of g genes in k regions.

    Attributes
    ----------
    means : ndarray, shape (g, k)
        Raw means of the z-scores in each region.
    ss_area, ss_resid, f : ndarray, shape (g,)
        Sums of squares of area (by the statistic chosen) and of the residuals; F = (SS / r) / (RSS / df_resid). Of
        values beyond 1e154 or below 1e-162 they are infinite or 0 in double precision, and F is right all the same.
    p_parametric : ndarray, shape (g,)
        Upper tail of F(r, df_resid).
    partial_eta_sq : ndarray, shape (g,)
        SS / (SS + RSS), adjusted for donor.
    df_area, df_resid : int
        Degrees of freedom of area, r, and of the residuals.
    difference : Difference or None
        With two regions.
    """

    means: Floats
    ss_area: Floats
    ss_resid: Floats
    f: Floats
    p_parametric: Floats
    partial_eta_sq: Floats
    df_area: int
    df_resid: int
    difference: Difference | None


def compute_effects(
    values: Floats, levels: Floats | None, design: Design, statistic: Statistic = "adjusted"
) -> Effects:
    """Compute sums of squares, F and effect sizes.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores; each gene varies within some donor.
    levels : ndarray of float64, shape (g, n), or None
        Gene-level log2 expression, for `log2_fc`; without, it is NaN.
    design : Design
        Regions and donors of the n samples; testable.
    statistic : {'adjusted', 'sequential', 'welch'}
        What enters `ss_area` and `f`; with more than two regions, adjusted. Effect sizes are the adjusted ones under
        each; `ss_area` of `welch` is the adjusted one, and its parametric p and its interval take its own variance and
        Satterthwaite's degrees of freedom.

    Returns
    -------
    Effects
    """
    from scipy import special

    df_area, df = design.df_area, design.df_resid
    contrasts = design.observed_contrasts
    values, scale = to_units(values)
    unit = scale[:, 0]
    residuals = design.residualize(values)
    along = np.einsum("gn,rn->gr", residuals, contrasts)
    ss_adjusted = (along**2).sum(axis=1)
    residuals = residuals - np.einsum("gr,rn->gn", along, contrasts)
    ss_resid = np.einsum("gn,gn->g", residuals, residuals)
    ss_area = _sequential_ss(values, design.labels) if statistic == "sequential" else ss_adjusted
    df_error = np.full(len(values), float(df))
    # regions that are told apart without residual: F is infinite; in the values' own unit a square can be out of range
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        f = (ss_area / df_area) / (ss_resid / df)
        difference = None
        if design.n_regions == 2:
            # the variance of a'My / sqrt(a'Ma), which `along` holds
            variance, sd_ratio, df_welch = _welch_variance(residuals, design)
            if statistic == "welch":
                f, df_error = ss_adjusted / variance, df_welch
            else:
                variance = ss_resid / df
            spread = float(design.spread(design.observed)[0])  # a'Ma
            diff = adjusted_difference(values, design)
            margin = special.stdtrit(df_error, 0.975) * np.sqrt(variance / spread)
            difference = Difference(
                diff=diff * unit,
                ci_low=(diff - margin) * unit,
                ci_high=(diff + margin) * unit,
                df=df_error,
                log2_fc=np.full(len(values), np.nan) if levels is None else adjusted_difference(levels, design),
                hedges_g=small_sample_correction(df) * diff / np.sqrt(ss_resid / df),
                sd_ratio=sd_ratio,
            )
        of_area, of_resid = (ss * unit * unit for ss in (ss_area, ss_resid))
    means = np.column_stack([values[:, design.codes == region].mean(axis=1) for region in range(design.n_regions)])
    return Effects(
        means=means * scale,
        ss_area=of_area,
        ss_resid=of_resid,
        f=f,
        p_parametric=np.asarray(special.fdtrc(df_area, df_error, f), dtype=np.float64),
        partial_eta_sq=ss_adjusted / (ss_adjusted + ss_resid),
        df_area=df_area,
        df_resid=df,
        difference=difference,
    )


def adjusted_difference(values: Floats, design: Design) -> Floats:
    """Difference of two regions, region 1 minus 2, adjusted for donor and covariates, a'My / a'Ma: (g, n) to (g,)."""
    values, scale = to_units(values)
    diff: Floats = np.einsum("gn,n->g", design.residualize(values), design.labels.astype(np.float64))
    return diff / design.spread(design.observed) * scale[:, 0]


def _sequential_ss(values: Floats, labels: npt.NDArray[np.bool_]) -> Floats:
    """SS of area before donor, of two regions: (a'Cy)^2 / (a'Ca)."""
    centred = labels - labels.mean()
    ss: Floats = np.einsum("gn,n->g", values, centred) ** 2 / (centred @ labels)
    return ss


def _welch_variance(residuals: Floats, design: Design) -> tuple[Floats, Floats, Floats]:
    """Variance of a'My / sqrt(a'Ma) with a residual variance per region, their sd ratio, and degrees of freedom, (g,).

    s_g^2 = RSS_g / f_g with f_g = n_g - sum of the leverages in region g; the contrast has the variance sum_g v_g,
    v_g = s_g^2 sum_{i in g} q_i^2 with q = Ma / sqrt(a'Ma), and by Satterthwaite (1946, doi 10.2307/3002019)
    (sum_g v_g)^2 / sum_g (v_g^2 / f_g) degrees of freedom. NaN: not known.
    """
    contrast = design.observed_contrasts[0]
    leverages = design.leverages + contrast**2
    s_squared, v, v_squared = [], np.zeros(len(residuals)), np.zeros(len(residuals))
    for of_region in (design.labels, ~design.labels):
        freedom = of_region.sum() - leverages[of_region].sum()
        rss = np.einsum("gn,gn->g", residuals[:, of_region], residuals[:, of_region])
        is_estimable = freedom > 1e-9  # else each sample of the region is alone in its donor, without residual
        s_squared.append(rss / freedom if is_estimable else np.full(len(rss), np.nan))
        if is_estimable:
            v_of_region = s_squared[-1] * (contrast[of_region] ** 2).sum()
            v, v_squared = v + v_of_region, v_squared + v_of_region**2 / freedom
    low, high = np.minimum(*s_squared), np.maximum(*s_squared)
    sd_ratio = np.sqrt(np.divide(high, low, out=np.full(len(low), np.nan), where=low > 0))
    df = np.divide(v**2, v_squared, out=np.full(len(v), np.nan), where=v_squared > 0)
    return v, sd_ratio, df


def remove_covariates(values: Floats, design: Design) -> Floats:
    """Values (g, n) less what the full model of two regions gives to the covariates: donors can then be seen singly.

    The weighted mean of the donors' differences of these values is the adjusted difference, as without covariates.
    """
    if not design.has_covariates:
        return values
    values, scale = to_units(values)
    of_area = adjusted_difference(values, design)[:, None] * design.labels
    removed: Floats = values - ((values - of_area) @ design.basis) @ design.basis.T
    return removed * scale


def small_sample_correction(df: int) -> float:
    """J = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)), Hedges (1981), doi 10.3102/10769986006002107; NaN for df = 1."""
    from scipy.special import gammaln

    if df < 2:
        return float("nan")
    return float(np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2))


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
    from scipy.special import nctdtr

    scale = small_sample_correction(df) / np.sqrt(spread)
    t = hedges_g / scale
    is_known = np.isfinite(t)
    known = t[is_known]
    reach = 3 * np.abs(known) + 10  # limits lie within the ratio of t to its noncentrality, below 3 from df = 1 on
    limits = np.full((2, len(t)), np.nan)
    for limit, share in zip(limits, ((1 + level) / 2, (1 - level) / 2), strict=True):
        limit[is_known] = scale * _bisect(lambda delta: np.asarray(nctdtr(df, delta, known)), share, -reach, reach)
    return limits[0], limits[1]


def partial_eta_sq_interval(
    partial_eta_sq: Floats, n_samples: int, df_area: int, df_resid: int, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of partial eta squared from the noncentral F distribution.

    Parameters
    ----------
    partial_eta_sq : ndarray, shape (g,)
        SS / (SS + RSS), adjusted for donor; NaN and 1 have no interval (NaN).
    n_samples : int
        Samples of all regions, n.
    df_area, df_resid : int
        Degrees of freedom of area and of the residuals.
    level : float
        Coverage.

    Returns
    -------
    low, high : ndarray, shape (g,)
        Of the share in the population, lambda / (lambda + n), where lambda is the noncentrality of F: Steiger (2004),
        doi 10.1037/1082-989X.9.2.164, equation 9. A limit is 0 where no noncentrality makes F so small; the observed
        share, which is biased upwards, can then lie above both.
    """
    from scipy.special import fdtr, ncfdtr

    with np.errstate(divide="ignore"):
        f = (df_resid / df_area) * partial_eta_sq / (1 - partial_eta_sq)
    is_known = np.isfinite(f)
    known = f[is_known]
    reach = 3 * np.sqrt(df_area * known) + 10
    limits = np.full((2, len(f)), np.nan)
    for limit, share in zip(limits, ((1 + level) / 2, (1 - level) / 2), strict=True):
        root = _bisect(lambda d: np.asarray(ncfdtr(df_area, df_resid, d**2, known)), share, 0 * reach, reach)
        noncentrality = np.where(fdtr(df_area, df_resid, known) <= share, 0.0, root**2)
        limit[is_known] = noncentrality / (noncentrality + n_samples)
    return limits[0], limits[1]


def _bisect(falling: Callable[[Floats], Floats], value: float, low: Floats, high: Floats) -> Floats:
    """Where falling functions of one number each take a value, between `low` and `high`."""
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        is_above = falling(middle) > value
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return (low + high) / 2


@dataclass(frozen=True, eq=False)
class DonorDifferences:
    """Differences of g genes, region 1 minus region 2, in each of D informative donors (samples in both regions).

    Attributes
    ----------
    donors : ndarray of int, shape (D,)
        The informative donors.
    diff : ndarray, shape (g, D)
        Difference of the means within each donor.
    weights : ndarray, shape (D,)
        Weights of the donors in the adjusted difference.
    n_same_sign : ndarray of int, shape (g,)
        Donors whose difference has the sign of the weighted mean of all, which is the adjusted difference.
    """

    donors: Counts
    diff: Floats
    weights: Floats
    n_same_sign: Counts


def compute_donor_differences(values: Floats, design: Design) -> DonorDifferences:
    """Compute the difference of two regions in each donor.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores, without what the model gives to covariates (`jugex.stats.effects.remove_covariates`).
    design : Design
        Regions and donors of the n samples; testable.

    Returns
    -------
    DonorDifferences
    """
    values, scale = to_units(values)
    informative = np.flatnonzero(design.weights > 0)
    n_1, n_2 = design.counts[informative].T
    weights = design.weights[informative]
    sums = np.add.reduceat(values * design.labels, design.donor_starts, axis=1)[:, informative]
    all_sums = np.add.reduceat(values, design.donor_starts, axis=1)[:, informative]
    diff = sums / n_1 - (all_sums - sums) / n_2
    adjusted = (diff * weights).sum(axis=1)
    n_same_sign = (np.sign(diff) == np.sign(adjusted)[:, None]).sum(axis=1)
    return DonorDifferences(informative, diff * scale, weights, n_same_sign)
