"""What numba compiles of the look-up path: tables of sums, and the counting of scores. Arrays only.

Most functions are written into the one that counts when that is compiled: a call for each of millions of blocks
would cost as much as what it does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["EPSILON", "N_UNROLLED", "Donors", "Genes", "Relabelled", "Shape", "count_blocks"]

N_UNROLLED = 8  # rows added at a time
EPSILON = float(np.finfo(np.float32).eps)
_ROUNDING = np.float32(8 * EPSILON)  # of what is done with sums, where the result is about 1 at most

# no value is NaN, which lets maxima be taken in vectors; the order of sums stays as written
_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"nnan", "nsz"}}
_compile = njit(cache=True, **_OPTIONS)
_inline = njit(inline="always", **_OPTIONS)

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]
Rows = npt.NDArray[np.uint32]
Labels = npt.NDArray[np.bool_]
Narrow = npt.NDArray[np.float32]


class Shape(NamedTuple):
    """Shape of the tables: samples of a group, groups, and genes of a block."""

    width: int
    n_groups: int
    n_genes: int


class Genes(NamedTuple):
    """What is known of g genes, padded to whole blocks: those that fill the last one up score 0 and reach nothing.

    Attributes
    ----------
    residuals : ndarray, shape (g, n)
    narrow : ndarray of float32, shape (n, g)
        The same, sample by sample.
    offsets : ndarray, shape (g, d)
        Of `SequentialScorer`; no columns for `AdjustedScorer`.
    n_per_donor : ndarray of int, shape (d,)
    threshold : ndarray, shape (g,)
    threshold_32 : ndarray of float32, shape (g,)
        What is compared with float32 scores: the threshold, or, for `AdjustedScorer`, its root.
    error : ndarray of float32, shape (g,)
        How far the float32 sum over the samples of region 1 can be from the float64 one.
    """

    residuals: Floats
    narrow: Narrow
    offsets: Floats
    n_per_donor: Counts
    threshold: Floats
    threshold_32: Narrow
    error: Narrow


class Relabelled(NamedTuple):
    """m relabellings: `labels` (m, n), `rows` of the tables (m, k), 1 / a'Ma (m,), and its root in float32."""

    labels: Labels
    rows: Rows
    inverse_spread: Floats
    root_32: Narrow


class Donors(NamedTuple):
    """What `SequentialScorer` takes of donors.

    Attributes
    ----------
    n_1 : ndarray of int, shape (m, d)
        Samples in region 1.
    rows : ndarray of int
        Rows of the table of their offsets.
    varies : bool
        Whether the relabellings differ in these numbers; within donors they do not.
    inverse_total : float
        1 / a'Ca.
    """

    n_1: Counts
    rows: Rows
    varies: bool
    inverse_total: float


class Tables(NamedTuple):
    """Tables of a block of genes in float32, sums over samples and offsets of donors, and the largest error."""

    sums: Narrow
    offsets: Narrow
    error: float


class Block(NamedTuple):
    """Room for a block of genes under one relabelling.

    Attributes
    ----------
    scores, margins : ndarray of float32
        Scores, or sums, and how far they can be from those in float64.
    above, rise : ndarray of float32
        How far scores lie above the genes' thresholds, and above the largest score so far.
    passed : ndarray of int32
        Relabellings in which genes reached their thresholds.
    reached, shifts : ndarray of float32
        Thresholds, and sums of the donors' offsets.
    """

    scores: Narrow
    margins: Narrow
    above: Narrow
    rise: Narrow
    passed: npt.NDArray[np.int32]
    reached: Narrow
    shifts: Narrow


@_compile
def _fill_table(narrow, first, width, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sums over the samples of every code of every group, for a block of genes."""
    n_samples, n_genes = narrow.shape[0], table.shape[1]
    n_codes = 1 << width
    table[0, :] = 0.0
    for group in range((table.shape[0] - 1) // n_codes):
        table[1 + group * n_codes, :] = 0.0
        for code in range(1, n_codes):
            row = 1 + group * n_codes + code
            lowest = 0
            while not (code >> lowest) & 1:
                lowest += 1
            sample = group * width + lowest
            if sample >= n_samples:
                table[row, :] = 0.0
            else:
                without = row - (1 << lowest)
                for b in range(n_genes):
                    table[row, b] = table[without, b] + narrow[sample, first + b]


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


@_inline
def _add_rows(table, rows, p, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum of the rows of relabelling p, eight at a time."""
    total[:] = 0
    for k in range(0, rows.shape[1], 8):
        r_1, r_2, r_3, r_4 = rows[p, k], rows[p, k + 1], rows[p, k + 2], rows[p, k + 3]
        r_5, r_6, r_7, r_8 = rows[p, k + 4], rows[p, k + 5], rows[p, k + 6], rows[p, k + 7]
        for b in range(len(total)):
            total[b] += ((table[r_1, b] + table[r_2, b]) + (table[r_3, b] + table[r_4, b])) + (
                (table[r_5, b] + table[r_6, b]) + (table[r_7, b] + table[r_8, b])
            )


@_inline
def _score_exactly(genes, relabelled, donors, gene, p):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Score of one gene under one relabelling in float64; see `jugex.analysis.scores`."""
    residuals, labels = genes.residuals, relabelled.labels
    u = 0.0
    for sample in range(residuals.shape[1]):
        if labels[p, sample]:
            u += residuals[gene, sample]
    adjusted = u * u * relabelled.inverse_spread[p]
    if donors is None:
        return adjusted
    for donor in range(genes.offsets.shape[1]):
        u += donors.n_1[p, donor] * genes.offsets[gene, donor]
    ss = u * u * donors.inverse_total
    return ss / (ss + (1.0 - adjusted))


@_inline
def _score_adjusted(relabelled, tables, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Roots of the scores of a block of genes, |u| / sqrt(a'Ma), in float32: compared and counted.

    Returns how far from what it is compared with the nearest of them is, beyond its rounding; and by how much, with
    it, the highest lies above the largest score so far.
    """
    scores, passed, reached = block.scores, block.passed, block.reached
    scale = relabelled.root_32[p]
    _add_rows(tables.sums, relabelled.rows, p, scores)
    clearance, ceiling = np.float32(1.0), np.float32(0.0)
    for b in range(len(scores)):
        score = abs(scores[b]) * scale
        scores[b] = score
        above = score - reached[b]
        passed[b] += np.int32(1) if above >= 0 else np.int32(0)
        clearance = min(clearance, abs(above))
        ceiling = max(ceiling, score)
    margin = tables.error * scale + _ROUNDING
    return clearance - margin, ceiling + margin - np.float32(np.sqrt(running))


@_inline
def _list_adjusted(relabelled, tables, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Write down what `_score_adjusted` compares, where it cannot decide by itself."""
    margin, so_far = tables.error * relabelled.root_32[p] + _ROUNDING, np.float32(np.sqrt(running))
    for b in range(len(block.scores)):
        block.above[b], block.rise[b] = block.scores[b] - block.reached[b], block.scores[b] - so_far
        block.margins[b] = margin


@_inline
def _score_sequential(relabelled, donors, tables, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """SS of a block of genes beside what SS + RSS demand of it, in float32: compared and counted.

    Instead of SS / (SS + RSS) with a threshold or the largest score so far, SS is compared with that share of SS + RSS,
    which takes no division. Sums u, v that differ by e have squares that differ by 2 |u| e + e^2. Returns what
    `_score_adjusted` does; the ceiling is that of SS above the share that the largest score so far demands.
    """
    scores, margins, passed, reached, shifts = block.scores, block.margins, block.passed, block.reached, block.shifts
    above, rise = block.above, block.rise
    scale, total = relabelled.root_32[p] * relabelled.root_32[p], np.float32(donors.inverse_total)
    of_u, of_shifted = np.float32(2.5) * tables.error * scale, np.float32(5) * tables.error * total
    of_squares = tables.error * tables.error * (scale + np.float32(2) * total) + _ROUNDING
    so_far = np.float32(running)
    _add_rows(tables.sums, relabelled.rows, p, scores)
    if donors.varies or p == 0:
        _add_rows(tables.offsets, donors.rows, p, shifts)
    for b in range(len(scores)):
        u, shifted = scores[b], scores[b] + shifts[b]
        ss = shifted * shifted * total
        whole = ss + (np.float32(1.0) - u * u * scale)
        above[b] = ss - reached[b] * whole
        rise[b] = ss - so_far * whole
        margins[b] = abs(u) * of_u + abs(shifted) * of_shifted + of_squares + ss * _ROUNDING
    clearance, ceiling = np.float32(1.0), np.float32(-1.0)
    for b in range(len(scores)):
        passed[b] += np.int32(1) if above[b] >= 0 else np.int32(0)
        clearance = min(clearance, abs(above[b]) - margins[b])
        ceiling = max(ceiling, rise[b] + margins[b])
    return clearance, ceiling


@_inline
def _decide_exactly(genes, relabelled, donors, first, p, block):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Correct the counts of those genes of a block that float32 cannot tell from their thresholds."""
    for b in range(len(block.passed)):
        if abs(block.above[b]) <= block.margins[b]:
            is_reached = _score_exactly(genes, relabelled, donors, first + b, p) >= genes.threshold[first + b]
            block.passed[b] += np.int32(is_reached) - np.int32(block.above[b] >= 0)


@_inline
def _raise_maximum(genes, relabelled, donors, first, p, block, running, stepdown):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Largest score up to the last gene of a block, and counts of the genes whose thresholds it has reached by then."""
    is_counted = running >= genes.threshold[first + len(block.passed) - 1]
    for b in range(len(block.passed)):
        if block.rise[b] + block.margins[b] >= 0:
            running = max(running, _score_exactly(genes, relabelled, donors, first + b, p))
        if not is_counted and running >= genes.threshold[first + b]:
            stepdown[b] += 1
    return running


@_compile
def count_blocks(genes, relabelled, donors, shape, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count for all genes, by rising threshold.

    Parameters
    ----------
    genes : Genes
    relabelled : Relabelled
    donors : Donors or None
        None for `AdjustedScorer`: which of the two it is, numba knows when it compiles.
    shape : Shape
    counts : tuple
        What is written: `own` and `stepdown`, ndarrays of int (blocks, size + 1), whose last column counts whole
        blocks, and `maxima` (m,).
    """
    own, stepdown, maxima = counts
    size = shape.n_genes
    sums = np.empty((1 + shape.n_groups * (1 << shape.width), size), dtype=np.float32)
    offsets = np.empty((1 + genes.n_per_donor.sum() + len(genes.n_per_donor), size), dtype=np.float32)
    scores, margins, shifts = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    above, rise = np.empty(size, np.float32), np.empty(size, np.float32)
    passed = np.empty(size, dtype=np.int32)
    for number in range(own.shape[0]):
        first = number * size
        reached = genes.threshold_32[first : first + size].copy()
        lowest, highest = genes.threshold[first], genes.threshold[first + size - 1]
        block = Block(scores, margins, above, rise, passed, reached, shifts)
        tables = Tables(sums, offsets, genes.error[first : first + size].max())
        _fill_table(genes.narrow, first, shape.width, sums)
        if donors is not None:
            _fill_donor_table(genes.offsets, genes.n_per_donor, first, offsets)
        passed[:] = 0
        for p in range(relabelled.rows.shape[0]):
            running = maxima[p]
            if donors is None:
                clearance, ceiling = _score_adjusted(relabelled, tables, p, block, running)
            else:
                clearance, ceiling = _score_sequential(relabelled, donors, tables, p, block, running)
            # the genes before may have reached the thresholds of all of the block already, or none
            is_counted = running >= highest
            stepdown[number, size] += is_counted
            is_settled = ceiling < 0 and (is_counted or running < lowest)
            if clearance > 0 and is_settled:
                continue
            if donors is None:
                _list_adjusted(relabelled, tables, p, block, running)
            if clearance <= 0:
                _decide_exactly(genes, relabelled, donors, first, p, block)
            if not is_settled:
                maxima[p] = _raise_maximum(genes, relabelled, donors, first, p, block, running, stepdown[number])
        own[number, :size] += passed
