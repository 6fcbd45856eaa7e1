"""Corrections of p over many comparisons as functions of p, for families that do not fit into memory at once.

`jugex.stats.corrections` has those of all p at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Correction", "control_pairs", "false_discoveries", "holm"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Correction:
    """A correction of p over a family: p in rising order, and what each becomes.

    Equal p become equal, so that no hypothesis has to be named, and a part of them can be corrected by itself.
    """

    p: Floats
    corrected: Floats

    def apply(self, p: Floats) -> Floats:
        """Corrected values of some of the p of the family, NaN where p is."""
        found = np.full(p.shape, np.nan)
        known = ~np.isnan(p)
        at = np.searchsorted(self.p, p[known], side="left")
        found[known] = np.append(self.corrected, 1.0)[at]
        return found


def control_pairs(p_fwe: list[Floats]) -> Correction:
    """Holm's procedure over the pairs of a scan, of p that are corrected over the genes of their pair.

    `jugex.stats.corrections.adjust_across_comparisons` says why it holds; here as a function of p, for scans whose
    p do not fit into memory: p times the number of pairs in which a hypothesis has a p as large or larger.

    Parameters
    ----------
    p_fwe : list of ndarray
        The distinct p of each pair; pairs in which nothing was tested do not count.

    Returns
    -------
    Correction
    """
    largest = np.sort([of_pair.max() for of_pair in p_fwe if len(of_pair)])
    p = np.unique(np.concatenate(p_fwe)) if len(largest) else np.empty(0)
    left = len(largest) - np.searchsorted(largest, p, side="left")
    return Correction(p, np.minimum(np.maximum.accumulate(p * left), 1.0))


def holm(p: Floats) -> Correction:
    """Holm's procedure (1979, https://www.jstor.org/stable/4615733) over every gene of every pair.

    Parameters
    ----------
    p : ndarray of float64, shape (h,)
        In rising order, without NaN.

    Returns
    -------
    Correction
        Without the p that become 1.
    """
    if not len(p):
        return Correction(p, p)
    kept = p[: np.searchsorted(p, min(1.0, 50.0 / len(p)), side="right")]
    while True:
        corrected = np.maximum.accumulate(kept * (len(p) - np.arange(len(kept))))
        if len(kept) == len(p) or (len(kept) and corrected[-1] >= 1):
            return Correction(kept, np.minimum(corrected, 1.0))
        kept = p[: max(2 * len(kept), 100)]


def false_discoveries(p: Floats) -> Correction:
    """Benjamini and Hochberg's rate (1995, doi 10.1111/j.2517-6161.1995.tb02031.x) over every gene of every pair.

    Parameters
    ----------
    p : ndarray of float64, shape (h,)
        In rising order, without NaN.

    Returns
    -------
    Correction
    """
    q = p * (len(p) / np.arange(1, len(p) + 1))
    falling = q[::-1]
    np.minimum.accumulate(falling, out=falling)
    return Correction(p, np.minimum(q, 1.0, out=q))
