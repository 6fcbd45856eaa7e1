"""Relabellings: which samples carry the label of region 1, all of them or drawn at random. Arrays only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design, Exchange, LabelExchange

__all__ = [
    "Relabellings",
    "Shuffles",
    "draw_relabellings",
    "enumerate_relabellings",
    "find_smallest_p",
    "make_relabellings",
]

_DRAWN_AT_ONCE = 1024
# labels whose cosine with the observed ones is this near to 1 or -1 are tied with them, but for rounding
_TIED = 1e-9

Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Relabellings:
    """m labellings of n samples.

    Attributes
    ----------
    labels : ndarray of bool, shape (m, n)
        True where a sample counts for region 1.
    is_exhaustive : bool
        Whether they are all that the scheme has, the observed one among them.
    n_redrawn : int
        Labellings that were drawn again or left out, because area was collinear with donor in them (every donor in
        one region) or with the covariates: they have no F. Within donors, without covariates, there is none.
    n_smallest : int
        Such labellings that were counted among all of them instead, with the smallest F there can be.
    """

    labels: Labels
    is_exhaustive: bool = False
    n_redrawn: int = 0
    n_smallest: int = 0

    @property
    def draws(self) -> Labels:
        """The labels: what a scorer scores."""
        return self.labels

    def observed(self, design: Design) -> Labels:
        """What was observed, as one more draw, shape (1, n)."""
        return design.labels[None]


@dataclass(frozen=True, eq=False)
class Shuffles:
    """m orders of the residuals of n samples, for the procedure of Freedman and Lane.

    Attributes
    ----------
    draws : ndarray of int, shape (m, n)
        Sample whose residual each sample gets.
    """

    draws: npt.NDArray[np.intp]
    is_exhaustive: bool = False
    n_redrawn: int = 0
    n_smallest: int = 0

    def observed(self, design: Design) -> npt.NDArray[np.intp]:
        """What was observed, as one more draw, shape (1, n)."""
        return np.arange(design.n_samples)[None]


def make_relabellings(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator, *, redraw: bool = True
) -> Relabellings | Shuffles:
    """All relabellings of a scheme where they are at most `n_relabellings`, else so many drawn at random.

    Without `redraw`, those in which area is collinear with donor or covariates count as the smallest.
    """
    if exchange == "freedman-lane":
        return Shuffles(np.argsort(rng.random((n_relabellings, design.n_samples)), axis=1))
    if design.is_enumerable(exchange, n_relabellings):
        found = enumerate_relabellings(design, exchange)
        return found if redraw else replace(found, n_redrawn=0, n_smallest=found.n_redrawn)
    return draw_relabellings(design, exchange, n_relabellings, rng, redraw=redraw)


def enumerate_relabellings(design: Design, exchange: LabelExchange) -> Relabellings:
    """Every distinct relabelling of a scheme in which area is not collinear with donor or covariates, each once.

    Parameters
    ----------
    design : Design
        n samples.
    exchange : {'within-donor', 'free'}
        Which samples exchange their labels.

    Returns
    -------
    Relabellings
        As many as ``design.n_relabellings(exchange)``, less those collinear with the covariates.
    """
    labels = (
        _choose(design.n_samples, int(design.labels.sum())) if exchange == "free" else _choose_within_donors(design)
    )
    usable = design.is_estimable(labels)
    return Relabellings(labels[usable], is_exhaustive=True, n_redrawn=int((~usable).sum()))


def find_smallest_p(design: Design, relabellings: Relabellings, *, adjusted: bool = True) -> float:
    """Smallest p of a list of all relabellings: those tied with the observed one by symmetry, over all.

    Parameters
    ----------
    design : Design
    relabellings : Relabellings
        All of a scheme.
    adjusted : bool
        Whether F sees the labels through M a alone, up to its sign; else (`sequential`) it sees C a as well.

    Returns
    -------
    float
    """
    return float(_find_tied(design, relabellings.labels, adjusted=adjusted).mean())


def _find_tied(design: Design, labels: Labels, *, adjusted: bool = True) -> Labels:
    """Which labels (m, n) are tied with the observed ones by symmetry, whatever the gene, shape (m,)."""
    seen = [design.residualize] if adjusted else [design.residualize, _centre]
    is_tied = np.ones(len(labels), dtype=np.bool_)
    for project in seen:
        left, observed = project(labels.astype(np.float64)), project(design.labels.astype(np.float64))
        cosine = left @ observed / np.sqrt((left**2).sum(axis=1) * (observed @ observed))
        is_tied &= np.abs(cosine) > 1 - _TIED
    return is_tied


def _centre(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred: npt.NDArray[np.float64] = values - values.mean(axis=-1, keepdims=True)
    return centred


def _choose_within_donors(design: Design) -> Labels:
    """All ways to mark in each donor as many samples as it has in region 1."""
    labels = np.zeros((1, 0), dtype=np.bool_)
    for n_samples, n_1 in zip(design.n_per_donor.tolist(), design.n_1.tolist(), strict=True):
        of_donor = _choose(n_samples, n_1)
        labels = np.hstack([np.repeat(labels, len(of_donor), axis=0), np.tile(of_donor, (len(labels), 1))])
    return labels


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
        Whether another takes the place of one in which area is collinear with donor or covariates; else it counts
        among the m as the smallest, and there are so many labels fewer.

    Returns
    -------
    Relabellings
    """
    labels = np.empty((n_relabellings, design.n_samples), dtype=np.bool_)
    n_filled = n_collinear = 0
    while (n_wanted := n_relabellings - n_filled - (0 if redraw else n_collinear)) > 0:
        drawn = _shuffle_labels(design, exchange, min(_DRAWN_AT_ONCE, n_wanted), rng)
        usable = drawn[design.is_estimable(drawn)]
        labels[n_filled : n_filled + len(usable)] = usable
        n_filled += len(usable)
        n_collinear += len(drawn) - len(usable)
    n_redrawn, n_smallest = (n_collinear, 0) if redraw else (0, n_collinear)
    return Relabellings(labels[:n_filled], n_redrawn=n_redrawn, n_smallest=n_smallest)


def _choose(n: int, k: int) -> Labels:
    """All ways to mark k of n, shape (C(n, k), n)."""
    chosen = np.array(list(combinations(range(n), k)), dtype=np.intp).reshape(math.comb(n, k), k)
    labels = np.zeros((len(chosen), n), dtype=np.bool_)
    np.put_along_axis(labels, chosen, True, axis=1)
    return labels


def _shuffle_labels(design: Design, exchange: LabelExchange, n_relabellings: int, rng: np.random.Generator) -> Labels:
    """Order samples by a random key; keys of one donor share its number as integer part, and stay together."""
    keys = rng.random((n_relabellings, design.n_samples))
    if exchange == "within-donor":
        keys += design.donors
    shuffled: Labels = design.labels[np.argsort(keys, axis=1)]
    return shuffled
