"""Relabellings: which samples carry the label of region 1, all of them or drawn at random. Arrays only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design, Exchange

__all__ = ["Relabellings", "cut_by_planes", "draw_relabellings", "enumerate_relabellings", "make_relabellings"]

_DRAWN_AT_ONCE = 1024

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
        Labellings that were drawn again, because area was collinear with donor in them (every donor in one
        region): they have no F. Within donors there is none.
    """

    labels: Labels
    is_exhaustive: bool = False
    n_redrawn: int = 0


def make_relabellings(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator
) -> Relabellings:
    """All relabellings of a scheme where they are at most `n_relabellings`, else so many drawn at random."""
    if design.n_relabellings(exchange) <= n_relabellings:
        return enumerate_relabellings(design, exchange)
    return draw_relabellings(design, exchange, n_relabellings, rng)


def enumerate_relabellings(design: Design, exchange: Exchange) -> Relabellings:
    """Every distinct relabelling of a scheme in which area is not collinear with donor, each once.

    Parameters
    ----------
    design : Design
        n samples.
    exchange : {'within-donor', 'free'}
        Which samples exchange their labels.

    Returns
    -------
    Relabellings
        As many as ``design.n_relabellings(exchange)``.
    """
    if exchange == "free":
        labels = _choose(design.n_samples, int(design.labels.sum()))
        return Relabellings(labels[_is_estimable(design, labels)], is_exhaustive=True)
    labels = np.zeros((1, 0), dtype=np.bool_)
    for n_samples, n_1 in zip(design.n_per_donor.tolist(), design.n_1.tolist(), strict=True):
        of_donor = _choose(n_samples, n_1)
        labels = np.hstack([np.repeat(labels, len(of_donor), axis=0), np.tile(of_donor, (len(labels), 1))])
    return Relabellings(labels, is_exhaustive=True)


def draw_relabellings(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator
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

    Returns
    -------
    Relabellings
    """
    labels = np.empty((n_relabellings, design.n_samples), dtype=np.bool_)
    n_filled = n_redrawn = 0
    while n_filled < n_relabellings:
        drawn = _shuffle_labels(design, exchange, min(_DRAWN_AT_ONCE, n_relabellings - n_filled), rng)
        usable = drawn[_is_estimable(design, drawn)]
        labels[n_filled : n_filled + len(usable)] = usable
        n_filled += len(usable)
        n_redrawn += len(drawn) - len(usable)
    return Relabellings(labels, n_redrawn=n_redrawn)


def cut_by_planes(
    design: Design, points: npt.NDArray[np.float64], n_cuts: int, rng: np.random.Generator
) -> Relabellings:
    """Labels that arbitrary flat borders would give: what a border is worth beside others.

    Directions are uniform on the sphere; in each donor the samples furthest along a direction, as many as the
    donor has in region 1, get the label of region 1.

    Parameters
    ----------
    design : Design
        n samples.
    points : ndarray of float64, shape (n, 3)
        MNI coordinates in mm.
    n_cuts : int
        How many directions to draw, m.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Relabellings
    """
    directions = rng.normal(size=(n_cuts, 3))
    along = directions @ points.T / np.linalg.norm(directions, axis=1, keepdims=True)
    labels = np.zeros((n_cuts, design.n_samples), dtype=np.bool_)
    for start, n_samples, n_1 in zip(design.donor_starts, design.n_per_donor, design.n_1, strict=True):
        furthest = np.argsort(-along[:, start : start + n_samples], axis=1, kind="stable")[:, :n_1]
        np.put_along_axis(labels, start + furthest, True, axis=1)
    return Relabellings(labels)


def _choose(n: int, k: int) -> Labels:
    """All ways to mark k of n, shape (C(n, k), n)."""
    chosen = np.array(list(combinations(range(n), k)), dtype=np.intp).reshape(math.comb(n, k), k)
    labels = np.zeros((len(chosen), n), dtype=np.bool_)
    np.put_along_axis(labels, chosen, True, axis=1)
    return labels


def _shuffle_labels(design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator) -> Labels:
    """Order samples by a random key; keys of one donor share its number as integer part, and stay together."""
    keys = rng.random((n_relabellings, design.n_samples))
    if exchange == "within-donor":
        keys += design.donors
    shuffled: Labels = design.labels[np.argsort(keys, axis=1)]
    return shuffled


def _is_estimable(design: Design, labels: Labels) -> Labels:
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=1, dtype=np.intp)
    return np.asarray(((n_1 > 0) & (n_1 < design.n_per_donor)).any(axis=1))
