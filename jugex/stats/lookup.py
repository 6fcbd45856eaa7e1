"""The permutation engine's fast path: sums over samples looked up instead of multiplied out.

Labels are 0 or 1, so the sum over a group of w samples takes one of 2^w values per gene. These are tabulated once
for a block of genes and looked up per relabelling ("four Russians": Arlazarov et al. 1970).

Tables and sums are float32, which halves what has to be moved. A float32 score decides only where it is further from
what it is compared with than its rounding can reach; every other decision is made again from the float64 residuals.
So the counts are exactly those of `jugex.stats.statistics`, which is the reference: tests hold this module against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jugex.stats import lookup_kernels as kernels
from jugex.stats.design import Counts, Design, Floats
from jugex.stats.lookup_kernels import WIDTH, Labels, Rows
from jugex.stats.statistics import AdjustedScorer, Scorer, SequentialScorer

__all__ = ["LookUp", "can_look_up"]

_CACHE_BYTES = 6 << 18  # of one table: most of a core's second cache
_MOST_GENES = 128  # of a block


def can_look_up(scorer: Scorer) -> bool:
    """Whether a scorer's sums can be looked up here: those of two regions."""
    if isinstance(scorer, SequentialScorer):
        return scorer.design.covariates is None  # what they add is no sum over samples of region 1
    return isinstance(scorer, AdjustedScorer) and scorer.design.n_regions == 2


class LookUp:
    """Counting of relabellings for the g genes of a scorer, by rising threshold (g,), with sums looked up."""

    def __init__(self, scorer: Scorer, threshold: Floats) -> None:
        self._design = scorer.design
        self._is_sequential = isinstance(scorer, SequentialScorer)
        self._n_genes, n_samples = scorer.residuals.shape
        self._size = _choose_block_size(n_samples)
        self._genes = _pad_genes(scorer, threshold, self._size)

    def count(self, labels: Labels) -> tuple[Counts, Counts, Floats]:
        """Count the relabellings in which genes reach their thresholds.

        Of m relabellings (m, n): those in which a gene, or one of those before it or itself, reaches the gene's
        threshold (g,) each; and the largest score over the genes (m,).
        """
        n_blocks = len(self._genes.threshold) // self._size
        own, stepdown = np.zeros((2, n_blocks, self._size + 1), dtype=np.intp)
        maxima = np.zeros(len(labels))
        donors = _tabulate_donors(labels, self._design) if self._is_sequential else None
        kernels.count_blocks(self._genes, _tabulate(labels, self._design), donors, (own, stepdown, maxima))
        stepdown[:, :-1] += stepdown[:, -1:]
        return own[:, :-1].ravel()[: self._n_genes], stepdown[:, :-1].ravel()[: self._n_genes], maxima


def _choose_block_size(n_samples: int) -> int:
    """Genes of one block, so that its table fits a core's cache."""
    n_rows = 1 + -(-n_samples // WIDTH) * (1 << WIDTH)
    return int(np.clip(_CACHE_BYTES // (4 * n_rows) // 16 * 16, 16, _MOST_GENES))


def _pad_genes(scorer: Scorer, threshold: Floats, size: int) -> kernels.Genes:
    (n_genes, n_samples), design = scorer.residuals.shape, scorer.design
    missing = -n_genes % size
    narrow = np.zeros((n_samples + -n_samples % WIDTH, n_genes + missing), dtype=np.float32)
    narrow[:n_samples, :n_genes] = scorer.residuals.T
    # residuals of length 1 add up to sqrt(n) at most, whatever their signs
    offsets, size_of_sums = np.zeros((0, n_genes + missing)), np.full(n_genes + missing, np.sqrt(n_samples))
    reached = np.pad(threshold, (0, missing), constant_values=np.inf)
    in_unit = np.sqrt(reached)
    if isinstance(scorer, SequentialScorer):
        offsets, in_unit = np.pad(np.ascontiguousarray(scorer.offsets.T), ((0, 0), (0, missing))), reached
        size_of_sums += design.n_per_donor @ np.abs(offsets)
    # a summand is rounded once itself, and once in each partial sum that it is part of: half an epsilon each
    n_passes = 1 + max(len(narrow) // WIDTH, design.n_donors) // kernels.N_UNROLLED
    error = (kernels.EPSILON / 2 * (1 + WIDTH + 4 + n_passes + 1) * size_of_sums).astype(np.float32)
    units = (reached, in_unit.astype(np.float32), error)
    return kernels.Genes(scorer.residuals, narrow, offsets, design.n_per_donor, *units)


def _tabulate(labels: Labels, design: Design) -> kernels.Relabelled:
    inverse = 1 / design.spread(labels)
    return kernels.Relabelled(labels, _find_rows(labels), inverse, np.sqrt(inverse).astype(np.float32))


def _tabulate_donors(labels: Labels, design: Design) -> kernels.Donors:
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=1, dtype=np.intp)
    n_1_all = int(design.labels.sum())
    inverse_total = design.n_samples / (n_1_all * (design.n_samples - n_1_all))
    return kernels.Donors(n_1, _find_donor_rows(n_1, design), inverse_total)


def _find_rows(labels: Labels) -> Rows:
    """Row 1 + 2^w g + code for group g of w samples, whose samples of region 1 are the bits of the code."""
    n_groups = -(-labels.shape[1] // WIDTH)
    codes = np.zeros((len(labels), n_groups), dtype=np.uint32)
    for bit in range(WIDTH):
        of_bit = labels[:, bit::WIDTH]
        codes[:, : of_bit.shape[1]] |= of_bit.astype(np.uint32) << np.uint32(bit)
    return _pad_rows(codes + (1 + np.arange(n_groups, dtype=np.uint32) * (1 << WIDTH)))


def _find_donor_rows(n_1: npt.NDArray[np.intp], design: Design) -> Rows:
    """Row 1 + (rows of the donors before) + count, for each donor."""
    before = np.cumsum(design.n_per_donor + 1) - (design.n_per_donor + 1)
    return _pad_rows(1 + before + n_1)


def _pad_rows(rows: npt.NDArray[Any]) -> Rows:
    """Columns of row 0 (zeros) up to a multiple of the number of rows that are added at a time."""
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, -rows.shape[1] % kernels.N_UNROLLED))), dtype=np.uint32)
