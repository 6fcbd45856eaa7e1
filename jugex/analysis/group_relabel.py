"""Relabellings of k regions: which sample stands in which region, all of them or drawn at random. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from jugex.analysis.design import LabelExchange
from jugex.analysis.group_design import Codes, GroupDesign

__all__ = [
    "GroupRelabellings",
    "draw_group_relabellings",
    "enumerate_group_relabellings",
    "make_group_relabellings",
]

_DRAWN_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class GroupRelabellings:
    """m relabellings of n samples.

    Attributes
    ----------
    codes : ndarray of int, shape (m, n)
        Region of each sample, 0 to k - 1.
    is_exhaustive : bool
        Whether they are all that the scheme has, the observed one among them.
    n_redrawn : int
        Relabellings that were drawn again or left out, because area had a lower rank beside donor in them than in the
        observed one. Within donors there is none, but for those that are collinear with covariates.
    """

    codes: Codes
    is_exhaustive: bool = False
    n_redrawn: int = 0


def make_group_relabellings(
    design: GroupDesign, exchange: LabelExchange, n_relabellings: int, rng: np.random.Generator
) -> GroupRelabellings:
    """All distinct relabellings of a scheme where they are at most `n_relabellings`, else so many drawn at random."""
    if design.n_relabellings(exchange) <= n_relabellings:
        return enumerate_group_relabellings(design, exchange)
    return draw_group_relabellings(design, exchange, n_relabellings, rng)


def enumerate_group_relabellings(design: GroupDesign, exchange: LabelExchange) -> GroupRelabellings:
    """Every distinct relabelling of a scheme in which area has the observed rank, each once."""
    if exchange == "free":
        return _leave_collinear_out(design, _arrange(design.counts.sum(axis=0)))
    codes = np.zeros((1, 0), dtype=np.intp)
    for counts in design.counts:
        of_donor = _arrange(counts)
        codes = np.hstack([np.repeat(codes, len(of_donor), axis=0), np.tile(of_donor, (len(codes), 1))])
    return _leave_collinear_out(design, codes)


def draw_group_relabellings(
    design: GroupDesign, exchange: LabelExchange, n_relabellings: int, rng: np.random.Generator
) -> GroupRelabellings:
    """Draw relabellings with replacement from those of a scheme in which area has the observed rank.

    Each takes n uniform numbers from `rng`, so that the first m of a longer series are those of a shorter one.
    """
    codes = np.empty((n_relabellings, len(design.codes)), dtype=np.intp)
    n_filled = n_redrawn = 0
    while n_filled < n_relabellings:
        keys = rng.random((min(_DRAWN_AT_ONCE, n_relabellings - n_filled), len(design.codes)))
        if exchange == "within-donor":
            keys += design.donors  # keys of one donor share its number as integer part, and stay together
        drawn = design.codes[np.argsort(keys, axis=1)]
        usable = drawn[design.is_estimable(drawn)]
        codes[n_filled : n_filled + len(usable)] = usable
        n_filled += len(usable)
        n_redrawn += len(drawn) - len(usable)
    return GroupRelabellings(codes, n_redrawn=n_redrawn)


def _leave_collinear_out(design: GroupDesign, codes: Codes) -> GroupRelabellings:
    usable = design.is_estimable(codes)
    return GroupRelabellings(codes[usable], is_exhaustive=True, n_redrawn=int((~usable).sum()))


def _arrange(counts: Codes) -> Codes:
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
