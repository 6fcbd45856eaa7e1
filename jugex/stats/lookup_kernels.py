"""What numba compiles of the look-up path, at its first use. Calls are written out: millions of them cost too much."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from jugex.stats.design import Counts, Floats
from jugex.stats.statistics import NO_RSS

__all__ = ["EPSILON", "N_UNROLLED", "WIDTH", "Donors", "Genes", "Relabelled", "count_blocks"]

WIDTH = 5  # samples of a group: 2^5 sums of each gene are quickly made anew for every block
N_UNROLLED = 10  # rows added at a time
EPSILON = float(np.finfo(np.float32).eps)
_NONE, _ONE = np.int32(0), np.int32(1)
_ROUNDING = np.float32(10 * EPSILON)  # of what is done with sums: half an epsilon a step, and few steps

# no value is NaN, which lets maxima be taken in vectors; the order of sums stays as written
_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"nnan", "nsz"}}
_compile = njit(cache=True, **_OPTIONS)
_inline = njit(inline="always", **_OPTIONS)

Rows = npt.NDArray[np.uint32]
Labels = npt.NDArray[np.bool_]
Narrow = npt.NDArray[np.float32]


class Genes(NamedTuple):
    """g genes by rising threshold; beside `residuals`, padded to whole blocks by genes that score 0 and reach nothing.

    `residuals` (g, n), `narrow` the same in float32, padded to whole groups (n, g), `offsets` of donors (d, g) and
    `n_per_donor` (d,) of `SequentialScorer`, `threshold` (g,), in float32 what float32 scores are compared with (for
    `AdjustedScorer` its root), and how far a float32 sum over the samples of region 1 can be from the float64 one.
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
    """Of `SequentialScorer`: samples in region 1 `n_1` (m, d), rows of their table, and 1 / a'Ca."""

    n_1: Counts
    rows: Rows
    inverse_total: float


class _Block(NamedTuple):
    """Room for a block of genes: its tables, and what one relabelling gives, in float32.

    `scores` (or sums) with their `margins`, how far they lie `above` the thresholds `reached` and, as `rise`, above the
    largest score so far; `passed` counts. `shifts` are sums of the donors' offsets, `error` the largest of the genes'.
    """

    sums: Narrow
    offsets: Narrow
    scores: Narrow
    margins: Narrow
    above: Narrow
    rise: Narrow
    shifts: Narrow
    passed: npt.NDArray[np.int32]
    reached: Narrow
    error: float


@_compile
def _fill_table(narrow, first, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sums over the samples of every code of every group, for a block of genes."""
    n_codes = 1 << WIDTH
    table[0, :] = 0.0
    for group in range((table.shape[0] - 1) // n_codes):
        table[1 + group * n_codes, :] = 0.0
        for code in range(1, n_codes):
            row = 1 + group * n_codes + code
            lowest = 0
            while not (code >> lowest) & 1:
                lowest += 1
            sample = group * WIDTH + lowest
            without = row - (1 << lowest)
            for b in range(table.shape[1]):
                table[row, b] = table[without, b] + narrow[sample, first + b]


@_compile
def _fill_donor_table(offsets, n_per_donor, first, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Offset of each donor times each count of its samples in region 1, for a block of genes."""
    table[0, :] = 0.0
    row = 1
    for donor in range(len(n_per_donor)):
        for count in range(n_per_donor[donor] + 1):
            for b in range(table.shape[1]):
                table[row, b] = count * offsets[donor, first + b]
            row += 1


@_inline
def _add_rows(table, rows, p, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum of the rows of relabelling p, ten at a time."""
    total[:] = 0
    for k in range(0, rows.shape[1], N_UNROLLED):
        i, j, m, n, o = rows[p, k], rows[p, k + 1], rows[p, k + 2], rows[p, k + 3], rows[p, k + 4]
        q, r, s, t, u = rows[p, k + 5], rows[p, k + 6], rows[p, k + 7], rows[p, k + 8], rows[p, k + 9]
        for b in range(len(total)):
            first = (table[i, b] + table[j, b]) + (table[m, b] + table[n, b]) + table[o, b]
            total[b] += first + ((table[q, b] + table[r, b]) + (table[s, b] + table[t, b]) + table[u, b])


@_inline
def _score_exactly(genes, relabelled, donors, gene, p):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Score of one gene under one relabelling in float64; see `jugex.stats.statistics`."""
    residuals, labels = genes.residuals, relabelled.labels
    u = 0.0
    for sample in range(residuals.shape[1]):
        if labels[p, sample]:
            u += residuals[gene, sample]
    adjusted = u * u * relabelled.inverse_spread[p]
    if donors is None:
        return adjusted
    for donor in range(genes.offsets.shape[0]):
        u += donors.n_1[p, donor] * genes.offsets[donor, gene]
    ss = u * u * donors.inverse_total
    return ss / (ss + max(1.0 - adjusted, NO_RSS))


@_inline
def _score_adjusted(relabelled, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Roots of the scores of a block of genes, |u| / sqrt(a'Ma), in float32: compared and counted.

    Returns how many of them are nearer to their thresholds than they may err, and how many may exceed the largest score
    so far. Whole numbers of 32 bits, and no minima, because these are what is added up in vectors.
    """
    scores, passed, reached = block.scores, block.passed, block.reached
    scale = relabelled.root_32[p]
    margin = block.error * scale + _ROUNDING
    highest = np.float32(np.sqrt(running)) - margin
    _add_rows(block.sums, relabelled.rows, p, scores)
    n_near, n_high = np.int32(0), np.int32(0)
    for b in range(len(scores)):
        score = abs(scores[b]) * scale
        above = score - reached[b]
        passed[b] += _ONE if above >= 0 else _NONE
        n_near = np.int32(n_near + (_ONE if abs(above) <= margin else _NONE))
        n_high = np.int32(n_high + (_ONE if score >= highest else _NONE))
    return n_near, n_high


@_inline
def _weigh_errors(error, scale, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """What |u|, |u + shift| and 1 add to the error of SS and RSS: squares of sums that err by e, by 2 |u| e + e^2."""
    return (
        np.float32(2.5) * error * scale,
        np.float32(5) * error * total,
        error * error * (scale + np.float32(2) * total),
    )


@_inline
def _compare_sequential(u, shift, reached, so_far, scale, total, errors):  # type: ignore[no-untyped-def]  # pragma: no cover
    """How far SS lies above what a threshold, and the largest score so far, demand of SS + RSS; how far it may err.

    That takes no division, as SS / (SS + RSS) would. Where the two sides are near, SS tells how both are rounded.
    """
    shifted = u + shift
    ss = shifted * shifted * total
    whole = ss + (np.float32(1.0) - u * u * scale)
    margin = abs(u) * errors[0] + abs(shifted) * errors[1] + ss * _ROUNDING + errors[2]
    return ss - reached * whole, ss - so_far * whole, margin


@_inline
def _score_sequential(relabelled, donors, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """SS of a block of genes, in float32: compared and counted, as `_score_adjusted` does."""
    scores, shifts, passed, reached = block.scores, block.shifts, block.passed, block.reached
    scale, total = relabelled.root_32[p] * relabelled.root_32[p], np.float32(donors.inverse_total)
    so_far, errors = np.float32(running), _weigh_errors(block.error, scale, total)
    _add_rows(block.sums, relabelled.rows, p, scores)
    _add_rows(block.offsets, donors.rows, p, shifts)
    n_near, n_high = np.int32(0), np.int32(0)
    for b in range(len(scores)):
        above, rise, margin = _compare_sequential(scores[b], shifts[b], reached[b], so_far, scale, total, errors)
        passed[b] += _ONE if above >= 0 else _NONE
        n_near = np.int32(n_near + (_ONE if abs(above) <= margin else _NONE))
        n_high = np.int32(n_high + (_ONE if rise + margin >= 0 else _NONE))
    return n_near, n_high


@_inline
def _list_block(relabelled, donors, p, block, running):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Write down what was compared, where float32 cannot decide by itself."""
    root, error = relabelled.root_32[p], block.error
    for b in range(len(block.passed)):
        value, reached = block.scores[b], block.reached[b]
        if donors is None:
            score, margin = abs(value) * root, error * root + _ROUNDING
            above, rise = score - reached, score - np.float32(np.sqrt(running))
        else:
            scale, total = root * root, np.float32(donors.inverse_total)
            above, rise, margin = _compare_sequential(
                value, block.shifts[b], reached, np.float32(running), scale, total, _weigh_errors(error, scale, total)
            )
        block.above[b], block.rise[b], block.margins[b] = above, rise, margin


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
    for b in range(min(len(block.passed), len(genes.residuals) - first)):
        if block.rise[b] + block.margins[b] >= 0:
            running = max(running, _score_exactly(genes, relabelled, donors, first + b, p))
        if not is_counted and running >= genes.threshold[first + b]:
            stepdown[b] += 1
    return running


@_compile
def count_blocks(genes, relabelled, donors, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count for all genes; `donors` are None for `AdjustedScorer`, which numba knows when it compiles.

    `counts` are written: `own` and `stepdown` (blocks, size + 1), the last column for whole blocks, and maxima (m,).
    """
    own, stepdown, maxima = counts
    size, n_rows = own.shape[1] - 1, 1 + genes.narrow.shape[0] // WIDTH * (1 << WIDTH)
    sums = np.empty((n_rows, size), np.float32)
    offsets = np.empty((1 + genes.n_per_donor.sum() + len(genes.n_per_donor), size), np.float32)
    scores, margins, above = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    rise, shifts, passed = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.int32)
    for number in range(own.shape[0]):
        first = number * size
        reached, error = genes.threshold_32[first : first + size].copy(), genes.error[first : first + size].max()
        lowest, highest = genes.threshold[first], genes.threshold[first + size - 1]
        block = _Block(sums, offsets, scores, margins, above, rise, shifts, passed, reached, error)
        _fill_table(genes.narrow, first, sums)
        if donors is not None:
            _fill_donor_table(genes.offsets, genes.n_per_donor, first, offsets)
        passed[:] = 0
        for p in range(relabelled.rows.shape[0]):
            running = maxima[p]
            if donors is None:
                n_near, n_high = _score_adjusted(relabelled, p, block, running)
            else:
                n_near, n_high = _score_sequential(relabelled, donors, p, block, running)
            # the genes before may have reached the thresholds of all of the block already, or none
            is_counted = running >= highest
            stepdown[number, size] += is_counted
            is_settled = n_high == 0 and (is_counted or running < lowest)
            if n_near == 0 and is_settled:
                continue
            _list_block(relabelled, donors, p, block, running)
            if n_near > 0:
                _decide_exactly(genes, relabelled, donors, first, p, block)
            if not is_settled:
                maxima[p] = _raise_maximum(genes, relabelled, donors, first, p, block, running, stepdown[number])
        own[number, :size] += passed
