"""Random relabellings: which samples carry the label of region 1, drawn at random. Arrays only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design, Exchange

__all__ = ["draw_relabellings"]

_DRAWN_AT_ONCE = 1024


def draw_relabellings(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], int]:
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
    relabellings : ndarray of bool, shape (m, n)
        True where a sample counts for region 1.
    n_redrawn : int
        Relabellings that were drawn again, because area was collinear with donor in them (every donor in one
        region): they have no F. Within donors there is none.
    """
    relabellings = np.empty((n_relabellings, design.n_samples), dtype=np.bool_)
    n_filled = n_redrawn = 0
    while n_filled < n_relabellings:
        drawn = _shuffle_labels(design, exchange, min(_DRAWN_AT_ONCE, n_relabellings - n_filled), rng)
        usable = drawn[_is_estimable(design, drawn)]
        relabellings[n_filled : n_filled + len(usable)] = usable
        n_filled += len(usable)
        n_redrawn += len(drawn) - len(usable)
    return relabellings, n_redrawn


def _shuffle_labels(
    design: Design, exchange: Exchange, n_relabellings: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Order samples by a random key; keys of one donor share its number as integer part, and stay together."""
    keys = rng.random((n_relabellings, design.n_samples))
    if exchange == "within-donor":
        keys += design.donors
    shuffled: npt.NDArray[np.bool_] = design.labels[np.argsort(keys, axis=1)]
    return shuffled


def _is_estimable(design: Design, relabellings: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    n_1 = np.add.reduceat(relabellings, design.donor_starts, axis=1, dtype=np.intp)
    return np.asarray(((n_1 > 0) & (n_1 < design.n_per_donor)).any(axis=1))
