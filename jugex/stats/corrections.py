"""From counts of relabellings to p-values, and their corrections for many genes and many comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from jugex.stats.design import Counts, Floats

__all__ = [
    "TIE_TOLERANCE",
    "ZERO",
    "PValues",
    "PermutationCounts",
    "adjust_across_comparisons",
    "false_discovery_rate",
    "monte_carlo_interval",
]

#: Scores within this relative distance of the observed one count as ties.
TIE_TOLERANCE = 1e-10
#: Scores of order 1 are rounded to 1e-16, their roots to 1e-16 too: below, a score is 0 but for rounding.
ZERO = 1e-28


class PValues(NamedTuple):
    """p-values of g genes, each (g,): of the gene alone, and corrected over the genes in one step or stepping down."""

    perm: Floats
    fwe: Floats
    fwe_stepdown: Floats


@dataclass(frozen=True, eq=False)
class PermutationCounts:
    """What m relabellings gave for g genes.

    Attributes
    ----------
    own : ndarray of int, shape (g,)
        Relabellings in which a gene's score was at least its observed one.
    family : ndarray of int, shape (g,)
        Relabellings in which the largest score over all genes was at least the gene's observed one.
    stepdown : ndarray of int, shape (g,)
        The same for the largest score over the genes that are observed to score no higher than the gene.
    order : ndarray of int, shape (g,)
        Genes by rising observed score.
    maxima : ndarray, shape (m,)
        Largest score over the genes of each relabelling, rising.
    n_relabellings : int
        Number of relabellings, m, with those that count as the smallest.
    is_exhaustive : bool
        Whether they are all there are, the observed labels among them.
    """

    own: Counts
    family: Counts
    stepdown: Counts
    order: Counts
    maxima: Floats
    n_relabellings: int
    is_exhaustive: bool

    def p_values(self) -> PValues:
        """p-values of all genes.

        count / m where the relabellings are all there are; else (1 + count) / (m + 1), the observed labels counted
        as one more: Phipson and Smyth (2010), doi 10.2202/1544-6115.1585. Stepping down: Westfall and Young (1993),
        algorithm 4.1, made monotone from the largest observed score downwards.
        """
        added = 0 if self.is_exhaustive else 1
        perm, fwe, stepdown = (
            (counts + added) / (self.n_relabellings + added) for counts in (self.own, self.family, self.stepdown)
        )
        falling = self.order[::-1]
        stepdown[falling] = np.maximum.accumulate(stepdown[falling])
        return PValues(perm, fwe, stepdown)

    def critical_score(self, alpha: float) -> float | None:
        """Smallest score whose family-wise p is at most alpha; None where no score has one.

        By the same counts and the same tolerance for ties as `p_values`.
        """
        added = 0 if self.is_exhaustive else 1
        counts = np.arange(len(self.maxima) + 1)
        n_allowed = int(((counts + added) / (self.n_relabellings + added) <= alpha).sum()) - 1
        if n_allowed < 0:
            return None
        if n_allowed == len(self.maxima):
            return 0.0
        passed = self.maxima[-1 - n_allowed]  # no score that ties with it may pass
        return float(max(np.nextafter(passed / (1 - TIE_TOLERANCE), np.inf), ZERO))


def false_discovery_rate(p_values: Floats, method: Literal["bh", "by"] = "bh") -> Floats:
    """False discovery rate at which each gene would be called, shape (g,).

    Parameters
    ----------
    p_values : ndarray, shape (g,)
        Of each gene alone; NaN: not tested.
    method : {'bh', 'by'}
        Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x; or Benjamini and Yekutieli (2001), doi
        10.1214/aos/1013699998, which holds however genes depend on each other.
    """
    q = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    falling = tested[np.argsort(p_values[tested], kind="stable")[::-1]]
    ranks = np.arange(len(tested), 0, -1)
    dependence = (1 / ranks).sum() if method == "by" else 1.0
    q[falling] = np.minimum.accumulate(np.minimum(p_values[falling] * (len(tested) * dependence / ranks), 1.0))
    return q


def adjust_across_comparisons(p_fwe: Floats, comparisons: npt.NDArray[np.intp]) -> Floats:
    """Carry p-values that are corrected over the genes of each comparison on to all genes of all comparisons.

    Holm's procedure (1979, https://www.jstor.org/stable/4615733) takes the hypotheses by rising p, and multiplies each
    by the number of hypotheses not yet rejected. Here a hypothesis is one gene in one comparison, p is corrected for
    the other genes of the comparison already, and the multiplier is the number of *comparisons* in which some
    hypothesis is not yet rejected. With one gene this is Holm's procedure.

    Holm's procedure gene by gene would not do: a gene that differs in all comparisons but one gets the multiplier 1 in
    that one, and every comparison may be the one of some genes: each would then be held to alpha, not all of them.

    Why it holds: take the first true hypothesis to be rejected. All before it were false, so that each of the K
    comparisons with a true hypothesis still has one that is not rejected, and the multiplier was at least K. The
    smallest p_fwe among the true hypotheses of one comparison is at most alpha / K with probability at most alpha / K
    (that is what p_fwe controls), and over K comparisons this adds up to alpha, however they depend on each other.

    Parameters
    ----------
    p_fwe : ndarray of float64, shape (h,)
        p of each hypothesis, corrected over the genes of its comparison; NaN: not tested.
    comparisons : ndarray of int, shape (h,)
        Comparison of each hypothesis. One in which nothing was tested does not count.

    Returns
    -------
    ndarray of float64, shape (h,)
    """
    adjusted = np.full(len(p_fwe), np.nan)
    tested = np.flatnonzero(~np.isnan(p_fwe))
    rising = tested[np.argsort(p_fwe[tested], kind="stable")]
    _, codes = np.unique(comparisons[rising], return_inverse=True)
    n_comparisons = int(codes.max()) + 1 if len(codes) else 0
    last = np.full(n_comparisons, -1)
    np.maximum.at(last, codes, np.arange(len(codes)))  # after its last hypothesis a comparison has none left
    n_passed = np.searchsorted(np.sort(last), np.arange(len(codes)), side="left")
    adjusted[rising] = np.minimum(np.maximum.accumulate(p_fwe[rising] * (n_comparisons - n_passed)), 1.0)
    return adjusted


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
