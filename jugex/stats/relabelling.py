"""Relabellings: which sample lies in which region, all of them or drawn at random; and orders of residuals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from jugex.stats.design import Counts, Design, Draws, Exchange, LabelExchange

__all__ = [
    "Relabellings",
    "Shuffles",
    "draw_relabellings",
    "enumerate_relabellings",
    "find_smallest_p",
    "find_tied",
    "make_relabellings",
]

_DRAWN_AT_ONCE = 1024
# relabellings that span the observed contrasts but for rounding are tied with the observed one
_TIED = 1e-9


@dataclass(frozen=True, eq=False)
class Relabellings:
    """m relabellings of n samples.

    Attributes
    ----------
    draws : ndarray, shape (m, n)
        With two regions, bool: True where a sample counts for region 1. With more, int: the region of each sample.
    is_exhaustive : bool
        Whether they are all that the scheme has, the observed one among them.
    n_redrawn : int
        Relabellings that were drawn again or left out, because area had no F in them: it was collinear with donor
        (with more than two regions: had a lower rank than observed) or with the covariates. Within donors, without
        covariates, there is none.
    n_smallest : int
        Such relabellings that were counted among all of them instead, with the smallest F there can be.
    """

    draws: Draws
    is_exhaustive: bool = False
    n_redrawn: int = 0
    n_smallest: int = 0

    @property
    def n_relabellings(self) -> int:
        """Number of relabellings, with those that count as the smallest."""
        return len(self.draws) + self.n_smallest

    def observed(self, design: Design) -> Draws:
        """What was observed, as one more draw, shape (1, n)."""
        return design.observed


class Shuffles(Relabellings):
    """m orders of the residuals of n samples, for the procedure of Freedman and Lane.

    Attributes
    ----------
    draws : ndarray of int, shape (m, n)
        Sample whose residual each sample gets.
    """

    def observed(self, design: Design) -> Draws:
        """What was observed, as one more draw, shape (1, n)."""
        return np.arange(design.n_samples)[None]


def make_relabellings(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator, *, redraw: bool = True
) -> Relabellings:
    """All relabellings of a scheme where they are at most `n_relabellings`, else so many drawn at random.

    Without `redraw`, those in which area has no F count as the smallest.
    """
    if exchange == "freedman-lane":
        return Shuffles(np.argsort(rng.random((n_relabellings, design.n_samples)), axis=1))
    if design.is_enumerable(exchange, n_relabellings):
        return enumerate_relabellings(design, exchange, redraw=redraw)
    return draw_relabellings(design, exchange, n_relabellings, rng, redraw=redraw)


def enumerate_relabellings(design: Design, exchange: LabelExchange, *, redraw: bool = True) -> Relabellings:
    """Every distinct relabelling of a scheme in which area has an F, each once.

    Parameters
    ----------
    design : Design
        n samples.
    exchange : {'within-donor', 'free'}
        Which samples exchange their labels.
    redraw : bool
        Whether the others are left out; else they are counted as the smallest.

    Returns
    -------
    Relabellings
    """
    codes = np.zeros((1, 0), dtype=np.intp)
    for counts in design.counts.sum(axis=0)[None] if exchange == "free" else design.counts:
        of_block = _arrange(counts)  # of one donor, or of all samples
        codes = np.hstack([np.repeat(codes, len(of_block), axis=0), np.tile(of_block, (len(codes), 1))])
    draws = codes == 0 if design.n_regions == 2 else codes
    usable = design.is_estimable(draws)
    n_left_out = int((~usable).sum())
    n_redrawn, n_smallest = (n_left_out, 0) if redraw else (0, n_left_out)
    return Relabellings(draws[usable], is_exhaustive=True, n_redrawn=n_redrawn, n_smallest=n_smallest)


def draw_relabellings(
    design: Design, exchange: LabelExchange, n_relabellings: int, rng: np.random.Generator, *, redraw: bool = True
) -> Relabellings:
    """Draw relabellings with replacement from those of a scheme.

    Each takes n uniform numbers from `rng`, so that the first m of a longer series are those of a shorter one.

    Parameters
    ----------
    design : Design
        n samples.
    exchange : {'within-donor', 'free'}
        Which samples exchange their labels.
    n_relabellings : int
        How many to draw, m.
    rng : numpy.random.Generator
        Source of randomness.
    redraw : bool
        Whether another takes the place of one in which area has no F; else it counts among the m as the smallest, and
        there are so many draws fewer.

    Returns
    -------
    Relabellings
    """
    observed = design.observed[0]
    draws = np.empty((n_relabellings, design.n_samples), dtype=observed.dtype)
    n_filled = n_left_out = 0
    while (n_wanted := n_relabellings - n_filled - (0 if redraw else n_left_out)) > 0:
        keys = rng.random((min(_DRAWN_AT_ONCE, n_wanted), design.n_samples))
        if exchange == "within-donor":
            keys += design.donors  # keys of one donor share its number as integer part, and stay together
        drawn = observed[np.argsort(keys, axis=1)]
        usable = drawn[design.is_estimable(drawn)]
        draws[n_filled : n_filled + len(usable)] = usable
        n_filled += len(usable)
        n_left_out += len(drawn) - len(usable)
    n_redrawn, n_smallest = (n_left_out, 0) if redraw else (0, n_left_out)
    return Relabellings(draws[:n_filled], n_redrawn=n_redrawn, n_smallest=n_smallest)


def _arrange(counts: Counts) -> Counts:
    """All distinct orders of `counts[j]` samples of each region j, one a row."""
    n_free = int(counts.sum())
    codes = np.full((1, n_free), -1, dtype=np.intp)
    for region in np.flatnonzero(counts):
        count = int(counts[region])
        free = np.nonzero(codes < 0)[1].reshape(len(codes), n_free)
        chosen = np.array(list(combinations(range(n_free), count)), dtype=np.intp)
        places = free[:, chosen].reshape(-1, count)
        codes = np.repeat(codes, len(chosen), axis=0)
        np.put_along_axis(codes, places, region, axis=1)
        n_free -= count
    return codes


def find_smallest_p(
    design: Design, exchange: Exchange, n_relabellings: int, *, adjusted: bool = True, redraw: bool = True
) -> float:
    """Smallest p that a run can give.

    Where the run takes all relabellings of a scheme, it is the share tied with the observed one by symmetry. Of
    relabellings that are drawn, no p is below 1 / (m + 1), nor tends to be below the share that the design admits.

    Parameters
    ----------
    design : Design
    exchange : {'within-donor', 'free', 'freedman-lane'}
    n_relabellings : int
        Relabellings asked for, m.
    adjusted : bool
        Whether F sees the labels through M A alone; else (`sequential`) through C A as well.
    redraw : bool
        Whether relabellings in which area has no F are left out.
    """
    of_design = design.smallest_p(exchange, adjusted=adjusted)
    if exchange == "freedman-lane" or not design.is_enumerable(exchange, n_relabellings):
        return max(of_design, 1 / (n_relabellings + 1))
    if design.n_regions == 2 and design.covariates is None and redraw:
        return of_design
    every = enumerate_relabellings(design, exchange, redraw=redraw)
    return float(find_tied(design, every.draws, adjusted=adjusted).sum() / every.n_relabellings)


def find_tied(design: Design, draws: Draws, *, adjusted: bool = True) -> npt.NDArray[np.bool_]:
    """Which relabellings (m, n) are tied with the observed one by symmetry, whatever the gene, shape (m,).

    The adjusted F sees the labels through the space that M A spans alone: a relabelling spans the observed space where
    the squares of the products of its orthonormal contrasts with the observed ones add up to the rank. The sequential F
    of two regions sees the centred labels as well, up to their sign.
    """
    observed = design.observed_contrasts
    is_tied = np.empty(len(draws), dtype=np.bool_)
    for start in range(0, len(draws), _DRAWN_AT_ONCE):
        block = draws[start : start + _DRAWN_AT_ONCE]
        products = observed @ design.contrasts(block)  # (r, r, b)
        is_tied[start : start + len(block)] = (products**2).sum(axis=(0, 1)) > len(observed) - _TIED
    if not adjusted:
        centred = draws - draws.mean(axis=1, keepdims=True)
        labels = design.labels - design.labels.mean()
        cosine = centred @ labels / np.sqrt((centred**2).sum(axis=1) * (labels @ labels))
        is_tied &= np.abs(cosine) > 1 - _TIED
    return is_tied
