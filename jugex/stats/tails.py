"""Small p-values from generalised Pareto tails, beside those that are counted.

m relabellings tell no p below 1 / (m + 1) apart. The largest F of the relabellings follow a generalised Pareto
distribution roughly, whose tail reaches further: Knijnenburg et al. (2009), doi 10.1093/bioinformatics/btp211.
It is an extrapolation, so it stands beside the counted p-values and never replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jugex.stats.corrections import PermutationCounts
from jugex.stats.design import Design, Floats
from jugex.stats.engine import score_draws
from jugex.stats.relabelling import Relabellings
from jugex.stats.statistics import Statistic, make_scorer, scores_to_f

__all__ = ["ParetoTail", "Tails", "explain_no_tails", "fit_tail", "infer_tails"]

#: Below this many relabellings that reach F its p is taken from the tail (Knijnenburg et al., section 2.3).
_FEW_EXCEEDANCES = 10

# The tail is the largest 250 values, or a quarter where they are fewer than 1,000; ten fewer at a time as long as
# it does not fit, down to 50.
_MOST_EXCEEDANCES, _FEWEST_EXCEEDANCES, _EXCEEDANCES_STEP = 250, 50, 10
_LARGEST_SHARE = 4
# with fewer relabellings there is no tail to fit
_FEWEST_RELABELLINGS = _LARGEST_SHARE * _FEWEST_EXCEEDANCES

# Cramer-von Mises W^2 of 250 values from a generalised Pareto distribution fitted to them by L-moments exceeds this
# in 5 %, for each shape (40,000 simulations; a test repeats a few)
_SHAPES = np.array([-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6])
_CRITICAL = np.array([0.124, 0.120, 0.117, 0.119, 0.126, 0.145, 0.179])

_SCORES_AT_ONCE = 1 << 21  # 16 MiB of float64


@dataclass(frozen=True)
class ParetoTail:
    """Values above a threshold t: P(X > x) = n_exceedances / n_values (1 + shape (x - t) / scale)^(-1 / shape).

    Attributes
    ----------
    threshold, scale, shape : float
    n_exceedances, n_values : int
        Values above the threshold, and all.
    """

    threshold: float
    scale: float
    shape: float
    n_exceedances: int
    n_values: int

    def exceed(self, x: Floats | float) -> Floats:
        """P(X > x) for x above the threshold, shape of x; NaN from the end-point of the distribution on."""
        from scipy.stats import genpareto

        share = genpareto.sf(x, self.shape, self.threshold, self.scale) * self.n_exceedances / self.n_values
        if self.shape < 0:
            share = np.where(np.asarray(x) < self.threshold - self.scale / self.shape, share, np.nan)
        return np.asarray(share, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Tails:
    """p-values from tails, of g genes.

    Attributes
    ----------
    p_perm, p_fwe : ndarray, shape (g,)
        The counted p where at least ten relabellings reach F, else the tail's; NaN where no tail fits, where its
        end-point lies below F, and everywhere where the relabellings are all there are.
    family : ParetoTail or None
        The tail of the maximum over genes.
    n_refined : int
        Genes whose `p_perm` comes from a tail.
    """

    p_perm: Floats
    p_fwe: Floats
    family: ParetoTail | None
    n_refined: int


def infer_tails(
    values: Floats,
    design: Design,
    relabellings: Relabellings,
    counts: PermutationCounts,
    f: Floats,
    *,
    statistic: Statistic,
    smallest_p: float,
) -> Tails:
    """Take the p-values that rest on few relabellings from the tails of F.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Genes x samples, as given to `count_exceedances`.
    design : Design
    relabellings : Relabellings
        The same m draws.
    counts : PermutationCounts
        What they gave.
    f : ndarray, shape (g,)
        Observed F.
    statistic : {'adjusted', 'sequential', 'welch'}
    smallest_p : float
        Smallest p that the design admits; no p is below it, nor below 0.1 / (m + 1).

    Returns
    -------
    Tails
    """
    if relabellings.is_exhaustive:  # the counts are no estimates
        empty = np.full(len(f), np.nan)
        return Tails(empty, empty.copy(), None, 0)
    counted = counts.p_values()
    lowest = max(0.1 / (counts.n_relabellings + 1), smallest_p)
    p_perm, p_fwe = counted.perm.copy(), counted.fwe.copy()

    family = fit_tail(scores_to_f(counts.maxima, design, statistic))
    rare = np.flatnonzero(counts.family < _FEW_EXCEEDANCES)
    p_fwe[rare] = np.nan if family is None else np.maximum(family.exceed(f[rare]), lowest)

    rare = np.flatnonzero(counts.own < _FEW_EXCEEDANCES)
    for genes, scores in _score_genes(values[rare], design, relabellings, statistic):
        for gene, of_gene in zip(rare[genes], scores, strict=True):
            tail = fit_tail(scores_to_f(of_gene, design, statistic))
            p_perm[gene] = np.nan if tail is None else np.maximum(tail.exceed(f[gene]), lowest)
    return Tails(p_perm, p_fwe, family, int(np.isfinite(p_perm[rare]).sum()))


def fit_tail(values: Floats) -> ParetoTail | None:
    """Fit a generalised Pareto distribution to the largest of some values.

    Parameters
    ----------
    values : ndarray, shape (m,)
        In any order.

    Returns
    -------
    ParetoTail or None
        None where there are fewer than 200 values, or no number of exceedances from 250 (at most a quarter of the
        values) down to 50 gives a fit that Cramer and von Mises' test (5 %) admits.

    Notes
    -----
    Fitted by L-moments: Hosking and Wallis (1987), doi 10.1080/00401706.1987.10488243, with shape = -k.
    """
    most = min(_MOST_EXCEEDANCES, len(values) // _LARGEST_SHARE)
    if most < _FEWEST_EXCEEDANCES:
        return None
    largest = np.sort(np.partition(values, -most - 1)[-most - 1 :])
    if not np.isfinite(largest).all():
        return None
    for n_exceedances in range(most, _FEWEST_EXCEEDANCES - 1, -_EXCEEDANCES_STEP):
        threshold = float(largest[-n_exceedances - 1 : -n_exceedances + 1].mean())
        scale, shape = _fit_by_l_moments(largest[-n_exceedances:] - threshold)
        tail = ParetoTail(threshold, scale, shape, n_exceedances, len(values))
        if scale > 0 and _fits(tail, largest[-n_exceedances:]):
            return tail
    return None


def explain_no_tails(relabellings: Relabellings) -> str:
    """Say why no gene has a p from a tail."""
    if relabellings.is_exhaustive:
        return "all relabellings were enumerated, so their counts are no estimates"
    if len(relabellings.draws) < _FEWEST_RELABELLINGS:
        return f"a tail needs at least {_FEWEST_RELABELLINGS} relabellings"
    return "no generalised Pareto tail fits, or its end-point lies below F"


def _fit_by_l_moments(excesses: Floats) -> tuple[float, float]:
    """Scale and shape from rising excesses; (0, 0) where they do not vary."""
    n = len(excesses)
    l_1 = excesses.mean()
    l_2 = 2 * (excesses * np.arange(n)).sum() / (n * (n - 1)) - l_1
    if l_2 <= 0:
        return 0.0, 0.0
    k = l_1 / l_2 - 2
    return float((1 + k) * l_1), float(-k)


def _fits(tail: ParetoTail, exceedances: Floats) -> bool:
    """Whether Cramer and von Mises' W^2 admits a tail for the rising values that it was fitted to."""
    from scipy.stats import genpareto

    n = len(exceedances)
    expected = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    reached = genpareto.cdf(exceedances, tail.shape, tail.threshold, tail.scale)
    w_squared = ((reached - expected) ** 2).sum() + 1 / (12 * n)
    return bool(w_squared <= np.interp(tail.shape, _SHAPES, _CRITICAL))


def _score_genes(
    values: Floats, design: Design, relabellings: Relabellings, statistic: Statistic
) -> Iterator[tuple[slice, Floats]]:
    """Scores (genes, m) of every relabelling, for a few genes at a time."""
    m = len(relabellings.draws)
    size = max(1, _SCORES_AT_ONCE // m)
    for first in range(0, len(values), size):
        genes = slice(first, min(first + size, len(values)))
        yield genes, score_draws(make_scorer(values[genes], design, statistic, relabellings), relabellings.draws)
