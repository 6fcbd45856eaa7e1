"""The permutation engine's fast path: sums over samples looked up instead of multiplied out.

Labels are 0 or 1, so the sum over a group of w samples takes one of 2^w values per gene. These are tabulated once
for a block of genes and looked up per relabelling ("four Russians": Arlazarov et al. 1970). Sums are taken in one
order, whatever the blocks or threads, and the counts are those of `jugex.analysis.scores`, which is the reference:
tests hold this module against it.

Compiled by numba at first use, and cached on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from jugex.analysis.design import Design
from jugex.analysis.scores import AdjustedScorer, Scorer, SequentialScorer

__all__ = ["can_look_up", "count_by_lookup"]

#: Samples of one group: tables of 2^6 rows stay in a core's cache, larger ones would not.
GROUP_SIZE = 6
_N_CODES = 1 << GROUP_SIZE
_UNROLLED = 4  # rows added at a time
_CACHE_BYTES = 1 << 20

# no value is NaN, which lets maxima be taken in vectors; the order of sums stays as written
_compile = njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]
Rows = npt.NDArray[np.uint32]
Labels = npt.NDArray[np.bool_]


def can_look_up(scorer: Scorer) -> bool:
    """Whether a scorer's sums can be looked up here."""
    return isinstance(scorer, AdjustedScorer | SequentialScorer)


def count_by_lookup(scorer: Scorer, labels: Labels, threshold: Floats) -> tuple[Counts, Counts, Floats]:
    """Count the relabellings in which genes reach their thresholds.

    Parameters
    ----------
    scorer : Scorer
        g genes by rising threshold, n samples; one of those that `can_look_up` admits.
    labels : ndarray of bool, shape (m, n)
        Relabellings.
    threshold : ndarray, shape (g,)
        Rising.

    Returns
    -------
    own, stepdown : ndarray of int, shape (g,)
        Relabellings in which a gene, or one of those before it or itself, reaches the gene's threshold.
    maxima : ndarray, shape (m,)
        Largest score over the genes.
    """
    n_genes, n_samples = scorer.residuals.shape
    size = _choose_block_size(n_samples)
    n_blocks = -(-n_genes // size)
    own, stepdown = np.zeros((2, n_blocks, size + 1), dtype=np.intp)
    counts = (own, stepdown, np.zeros(len(labels)))
    # genes that fill the last block up score 0, and reach no threshold
    reached = np.full(n_blocks * size, np.inf)
    reached[:n_genes] = threshold
    residuals = _pad_genes(scorer.residuals, n_blocks * size)
    design = scorer.design
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=1, dtype=np.intp)
    inverse_spread = 1 / (n_1 - n_1**2 / design.n_per_donor).sum(axis=1)
    tables = (_find_rows(labels), inverse_spread)
    if isinstance(scorer, SequentialScorer):
        n_1_all = int(design.labels.sum())
        inverse_total = design.n_samples / (n_1_all * (design.n_samples - n_1_all))  # 1 / a'Ca
        offsets = _pad_genes(scorer.offsets, n_blocks * size)
        donor_rows = _find_donor_rows(n_1, design)
        _count_sequential(residuals, offsets, design.n_per_donor, (*tables, donor_rows), inverse_total, reached, counts)
    else:
        _count_adjusted(residuals, tables, reached, counts)
    stepdown[:, :size] += stepdown[:, size:]
    return own[:, :size].ravel()[:n_genes], stepdown[:, :size].ravel()[:n_genes], counts[2]


def _pad_genes(values: Floats, n_genes: int) -> Floats:
    return np.ascontiguousarray(np.pad(values, ((0, n_genes - len(values)), (0, 0))))


def _choose_block_size(n_samples: int) -> int:
    """Genes of one block, so that its table fits a core's cache."""
    n_rows = (n_samples // GROUP_SIZE + 1) * _N_CODES
    return int(np.clip(_CACHE_BYTES // (8 * n_rows) // 16 * 16, 16, 64))


def _find_rows(labels: Labels) -> Rows:
    """Row 1 + 64 g + code for group g, whose samples of region 1 are the bits of the code."""
    n_groups = -(-labels.shape[1] // GROUP_SIZE)
    padded = np.zeros((len(labels), n_groups * GROUP_SIZE), dtype=np.bool_)
    padded[:, : labels.shape[1]] = labels
    bits = padded.reshape(len(labels), n_groups, GROUP_SIZE)
    codes = (bits * (1 << np.arange(GROUP_SIZE))).sum(axis=2)
    return _pad_rows(1 + np.arange(n_groups) * _N_CODES + codes)


def _find_donor_rows(n_1: npt.NDArray[np.intp], design: Design) -> Rows:
    """Row 1 + (rows of the donors before) + count, for each donor."""
    before = np.cumsum(design.n_per_donor + 1) - (design.n_per_donor + 1)
    return _pad_rows(1 + before + n_1)


def _pad_rows(rows: npt.NDArray[Any]) -> Rows:
    """Columns of row 0 (zeros) up to a multiple of the number of rows that are added at a time."""
    missing = -rows.shape[1] % _UNROLLED
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, missing))), dtype=np.uint32)


@_compile
def _fill_table(residuals, first, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sums over the samples of every code of every group, for a block of genes."""
    n_samples, n_genes = residuals.shape[1], table.shape[1]
    table[0, :] = 0.0
    for group in range((table.shape[0] - 1) // _N_CODES):
        for code in range(_N_CODES):
            row = 1 + group * _N_CODES + code
            lowest = 0
            while lowest < GROUP_SIZE and not (code >> lowest) & 1:
                lowest += 1
            sample = group * GROUP_SIZE + lowest
            if code == 0 or sample >= n_samples:
                table[row, :] = 0.0
            else:
                without = row - (1 << lowest)
                for b in range(n_genes):
                    table[row, b] = table[without, b] + residuals[first + b, sample]


@_compile
def _fill_donor_table(offsets, n_per_donor, first, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Offset of each donor times each count of its samples in region 1, for a block of genes."""
    table[0, :] = 0.0
    row = 1
    for donor in range(len(n_per_donor)):
        for count in range(n_per_donor[donor] + 1):
            for b in range(table.shape[1]):
                table[row, b] = count * offsets[first + b, donor]
            row += 1


@_compile
def _add_rows(table, rows, p, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum of the rows of relabelling p, four at a time."""
    row_1, row_2, row_3, row_4 = rows[p, 0], rows[p, 1], rows[p, 2], rows[p, 3]
    for b in range(len(total)):
        total[b] = (table[row_1, b] + table[row_2, b]) + (table[row_3, b] + table[row_4, b])
    for k in range(4, rows.shape[1], 4):
        row_1, row_2, row_3, row_4 = rows[p, k], rows[p, k + 1], rows[p, k + 2], rows[p, k + 3]
        for b in range(len(total)):
            total[b] += (table[row_1, b] + table[row_2, b]) + (table[row_3, b] + table[row_4, b])


@_compile
def _count(scores, threshold, running, own, stepdown):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count one relabelling for a block of genes by rising threshold, and return the maximum so far.

    The maximum over the genes before and up to each one is needed only where it can lie on either side of the
    block's thresholds; else all of the block's genes are reached, or none.
    """
    n_genes = len(scores)
    highest = 0.0
    for b in range(n_genes):
        if scores[b] >= threshold[b]:
            own[b] += 1
    for b in range(n_genes):
        if scores[b] > highest:
            highest = scores[b]
    if running >= threshold[n_genes - 1]:
        stepdown[n_genes] += 1
    elif max(running, highest) >= threshold[0]:
        so_far = running
        for b in range(n_genes):
            so_far = max(so_far, scores[b])
            if so_far >= threshold[b]:
                stepdown[b] += 1
    return max(running, highest)


@_compile
def _count_adjusted(residuals, tables, threshold, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count for all genes, by rising threshold.

    Parameters
    ----------
    residuals : ndarray, shape (g, n)
        g a multiple of the size of a block.
    tables : tuple
        `rows` (m, k) and `inverse_spread` (m,).
    threshold : ndarray, shape (g,)
    counts : tuple
        What is written: `own` and `stepdown`, ndarrays of int (blocks, size + 1), whose last column counts whole
        blocks, and `maxima` (m,).
    """
    rows, inverse_spread = tables
    own, stepdown, maxima = counts
    n_genes = own.shape[1] - 1
    table = np.empty((1 + -(-residuals.shape[1] // GROUP_SIZE) * _N_CODES, n_genes))
    scores = np.empty(n_genes)
    for block in range(own.shape[0]):
        first = block * n_genes
        reached = threshold[first : first + n_genes].copy()
        _fill_table(residuals, first, table)
        for p in range(rows.shape[0]):
            _add_rows(table, rows, p, scores)
            for b in range(n_genes):
                scores[b] = scores[b] * scores[b] * inverse_spread[p]
            maxima[p] = _count(scores, reached, maxima[p], own[block], stepdown[block])


@_compile
def _count_sequential(residuals, offsets, n_per_donor, tables, inverse_total, threshold, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count for all genes as `_count_adjusted` does, for area before donor.

    Parameters
    ----------
    offsets : ndarray, shape (g, d)
        The donors' means less the mean over all samples.
    n_per_donor : ndarray of int, shape (d,)
    tables : tuple
        `rows` (m, k), `inverse_spread` (m,), and `donor_rows` (m, l).
    inverse_total : float
        1 / a'Ca.
    residuals, threshold, counts
        As in `_count_adjusted`.
    """
    rows, inverse_spread, donor_rows = tables
    own, stepdown, maxima = counts
    n_samples, n_genes = residuals.shape[1], own.shape[1] - 1
    table = np.empty((1 + -(-n_samples // GROUP_SIZE) * _N_CODES, n_genes))
    donor_table = np.empty((1 + n_samples + len(n_per_donor), n_genes))
    scores, shifts = np.empty(n_genes), np.empty(n_genes)
    for block in range(own.shape[0]):
        first = block * n_genes
        reached = threshold[first : first + n_genes].copy()
        _fill_table(residuals, first, table)
        _fill_donor_table(offsets, n_per_donor, first, donor_table)
        for p in range(rows.shape[0]):
            _add_rows(table, rows, p, scores)
            _add_rows(donor_table, donor_rows, p, shifts)
            for b in range(n_genes):
                shifted = scores[b] + shifts[b]
                ss = shifted * shifted * inverse_total
                scores[b] = ss / (ss + (1.0 - scores[b] * scores[b] * inverse_spread[p]))
            maxima[p] = _count(scores, reached, maxima[p], own[block], stepdown[block])
