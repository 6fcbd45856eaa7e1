"""The permutation engine's fast path: sums over samples looked up instead of multiplied out.

Labels are 0 or 1, so the sum over a group of w samples takes one of 2^w values per gene. These are tabulated once
for a block of genes and looked up per relabelling ("four Russians": Arlazarov et al. 1970).

Tables and sums are float32, which halves what has to be moved. A float32 score decides only where it is further from
what it is compared with than its rounding can reach; every other decision is made again from the float64 residuals.
So the counts are exactly those of `jugex.analysis.scores`, which is the reference: tests hold this module against it.

`jugex.analysis.lookup_kernels` is compiled by numba at first use, and cached on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design
from jugex.analysis.lookup_kernels import EPSILON, N_UNROLLED, Donors, Genes, Relabelled, Shape, count_blocks
from jugex.analysis.scores import AdjustedScorer, Scorer, SequentialScorer

__all__ = ["LookUp", "can_look_up"]

#: Samples of a group: 2^5 sums of each gene are quickly made anew for every block.
_WIDTH = 5
_CACHE_BYTES = 5 << 18  # of one table: most of a core's second cache
_MOST_GENES = 128  # of a block

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]
Rows = npt.NDArray[np.uint32]
Labels = npt.NDArray[np.bool_]


def can_look_up(scorer: Scorer) -> bool:
    """Whether a scorer's sums can be looked up here."""
    if isinstance(scorer, SequentialScorer):
        return scorer.design.covariates is None  # what they add is no sum over samples of region 1
    return isinstance(scorer, AdjustedScorer)


class LookUp:
    """Counting of relabellings by sums looked up.

    Parameters
    ----------
    scorer : Scorer
        g genes by rising threshold, n samples; one of those that `can_look_up` admits.
    threshold : ndarray, shape (g,)
        Rising.
    """

    def __init__(self, scorer: Scorer, threshold: Floats) -> None:
        self._design = scorer.design
        self._is_sequential = isinstance(scorer, SequentialScorer)
        self._n_genes, n_samples = scorer.residuals.shape
        self._shape = _choose_shape(n_samples)
        self._genes = _pad_genes(scorer, threshold, self._shape)

    def count(self, labels: Labels) -> tuple[Counts, Counts, Floats]:
        """Count the relabellings in which genes reach their thresholds.

        Parameters
        ----------
        labels : ndarray of bool, shape (m, n)
            Relabellings.

        Returns
        -------
        own, stepdown : ndarray of int, shape (g,)
            Relabellings in which a gene, or one of those before it or itself, reaches the gene's threshold.
        maxima : ndarray, shape (m,)
            Largest score over the genes.
        """
        n_blocks = len(self._genes.threshold) // self._shape.n_genes
        own, stepdown = np.zeros((2, n_blocks, self._shape.n_genes + 1), dtype=np.intp)
        maxima = np.zeros(len(labels))
        donors = _describe_donors(labels, self._design) if self._is_sequential else None
        relabelled = _tabulate(labels, self._design, self._shape)
        count_blocks(self._genes, relabelled, donors, self._shape, (own, stepdown, maxima))
        stepdown[:, :-1] += stepdown[:, -1:]
        return own[:, :-1].ravel()[: self._n_genes], stepdown[:, :-1].ravel()[: self._n_genes], maxima


def _choose_shape(n_samples: int) -> Shape:
    """Blocks of as many genes as have tables that fit a core's cache."""
    n_groups = -(-n_samples // _WIDTH)
    n_genes = _CACHE_BYTES // (4 * (1 + n_groups * (1 << _WIDTH))) // 16 * 16
    return Shape(_WIDTH, n_groups, int(np.clip(n_genes, 16, _MOST_GENES)))


def _pad_genes(scorer: Scorer, threshold: Floats, shape: Shape) -> Genes:
    missing = -len(threshold) % shape.n_genes
    residuals = np.pad(scorer.residuals, ((0, missing), (0, 0)))
    narrow = np.ascontiguousarray(residuals.T, dtype=np.float32)
    offsets, size = np.zeros((len(residuals), 0)), np.abs(narrow).sum(axis=0, dtype=np.float64)
    reached = np.pad(threshold, (0, missing), constant_values=np.inf)
    in_unit = np.sqrt(reached)
    if isinstance(scorer, SequentialScorer):
        offsets, in_unit = np.pad(scorer.offsets, ((0, missing), (0, 0))), reached
        size += np.abs(offsets) @ scorer.design.n_per_donor
    # a summand is rounded once itself, and once in each partial sum that it is part of: half an epsilon each
    n_roundings = 1 + shape.width + 3 + (shape.n_groups + N_UNROLLED - 1) // N_UNROLLED + 1
    error = (EPSILON / 2 * n_roundings * size).astype(np.float32)
    return Genes(residuals, narrow, offsets, scorer.design.n_per_donor, reached, in_unit.astype(np.float32), error)


def _tabulate(labels: Labels, design: Design, shape: Shape) -> Relabelled:
    inverse = 1 / design.spread(labels)
    return Relabelled(labels, _find_rows(labels, shape.width), inverse, np.sqrt(inverse).astype(np.float32))


def _describe_donors(labels: Labels, design: Design) -> Donors:
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=1, dtype=np.intp)
    n_1_all = int(design.labels.sum())
    inverse_total = design.n_samples / (n_1_all * (design.n_samples - n_1_all))
    return Donors(n_1, _find_donor_rows(n_1, design), bool((n_1 != n_1[:1]).any()), inverse_total)


def _find_rows(labels: Labels, width: int) -> Rows:
    """Row 1 + 2^w g + code for group g of w samples, whose samples of region 1 are the bits of the code."""
    n_groups = -(-labels.shape[1] // width)
    codes = np.zeros((len(labels), n_groups), dtype=np.uint32)
    for bit in range(width):
        of_bit = labels[:, bit::width]
        codes[:, : of_bit.shape[1]] |= of_bit.astype(np.uint32) << np.uint32(bit)
    return _pad_rows(codes + (1 + np.arange(n_groups, dtype=np.uint32) * (1 << width)))


def _find_donor_rows(n_1: npt.NDArray[np.intp], design: Design) -> Rows:
    """Row 1 + (rows of the donors before) + count, for each donor."""
    before = np.cumsum(design.n_per_donor + 1) - (design.n_per_donor + 1)
    return _pad_rows(1 + before + n_1)


def _pad_rows(rows: npt.NDArray[Any]) -> Rows:
    """Columns of row 0 (zeros) up to a multiple of the number of rows that are added at a time."""
    missing = -rows.shape[1] % N_UNROLLED
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, missing))), dtype=np.uint32)
