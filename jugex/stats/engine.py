"""The permutation engine: how often relabelled samples separate the regions as well as the observed ones do.

All genes share each relabelling; that is what makes the maximum over genes a valid null. Relabellings x genes is never
held: blocks of both are scored, counted and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jugex.progress import track
from jugex.stats.corrections import TIE_TOLERANCE, ZERO, PermutationCounts
from jugex.stats.design import Counts, Design, Draws, Floats
from jugex.stats.relabelling import Relabellings
from jugex.stats.statistics import N_SCRATCH, Scorer, Statistic, make_scorer
from jugex.stats.threads import one_blas_thread

__all__ = ["count_exceedances", "score_draws"]

# One block of scores (1 MiB of float64) stays in a core's cache while it is reduced.
_GENES_PER_BLOCK = 128
_RELABELLINGS_PER_BLOCK = 1024

# From this many products on sums are looked up: about a second's worth of multiplying.
_LARGE_JOB = 10**10
_RELABELLINGS_PER_LOOKUP = 1 << 14


def count_exceedances(
    values: Floats,
    design: Design,
    relabellings: Relabellings,
    *,
    statistic: Statistic = "adjusted",
    n_threads: int = 1,
) -> PermutationCounts:
    """Count the relabellings that separate the regions at least as well as the observed labels.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Genes x samples; each gene varies within some donor.
    design : Design
        The observed regions, donors and covariates of the n samples.
    relabellings : Relabellings
        m relabellings to compare with, in each of which area has an F; or m orders of the residuals (`Shuffles`).
    statistic : {'adjusted', 'sequential', 'welch'}
        How area is tested; with more than two regions, adjusted.
    n_threads : int
        Number of threads. The counts do not depend on it.

    Returns
    -------
    PermutationCounts
    """
    scorer = make_scorer(values, design, statistic, relabellings)
    with one_blas_thread():
        observed = score_draws(scorer, relabellings.observed(design))[:, 0]  # once, and in a fixed order
        observed[observed < ZERO] = 0.0
        order = np.argsort(observed, kind="stable")
        threshold = observed[order] * (1 - TIE_TOLERANCE)
        found = _count_in_threads(scorer.reordered(order), relabellings.draws, threshold, n_threads)
    own, stepdown = np.zeros((2, len(order)), dtype=np.intp)
    for of_block in found:
        own[order] += of_block.own
        stepdown[order] += of_block.stepdown
    maxima = np.sort(np.concatenate([of_block.maxima for of_block in found]))
    family = np.empty(len(order), dtype=np.intp)
    family[order] = len(maxima) - np.searchsorted(maxima, threshold, side="left")
    return PermutationCounts(
        own, family, stepdown, order, maxima, relabellings.n_relabellings, relabellings.is_exhaustive
    )


class _BlockCounts(NamedTuple):
    """Counts of a block of b relabellings, for genes by rising observed score, and the maxima over genes (b,)."""

    own: Counts
    stepdown: Counts
    maxima: Floats


_CountBlock = Callable[[Draws], _BlockCounts]


def score_draws(scorer: Scorer, draws: Draws) -> Floats:
    """Scores of every gene of a scorer under m draws (m, n), shape (g, m): for a few genes, since all are kept."""
    n_genes = len(scorer.residuals)
    scores = np.empty((n_genes, len(draws)))
    for start in range(0, len(draws), _RELABELLINGS_PER_BLOCK):
        block = draws[start : start + _RELABELLINGS_PER_BLOCK]
        of_block, *scratch = np.empty((1 + N_SCRATCH, n_genes, len(block)))
        scorer.prepare(block)(slice(0, n_genes), of_block, scratch)
        scores[:, start : start + len(block)] = of_block
    return scores


def _count_block(scorer: Scorer, threshold: Floats, draws: Draws) -> _BlockCounts:
    """Count for b relabellings; genes come by rising observed score, so that maxima accumulate as they go."""
    score = scorer.prepare(draws)
    n_genes, n_relabellings = len(threshold), len(draws)
    scores, *scratch = np.empty((1 + N_SCRATCH, _GENES_PER_BLOCK, n_relabellings))
    reached = np.empty(scores.shape, dtype=np.bool_)
    own, stepdown = np.zeros((2, n_genes), dtype=np.intp)
    maxima = np.zeros(n_relabellings)
    for start in range(0, n_genes, _GENES_PER_BLOCK):
        genes = slice(start, min(start + _GENES_PER_BLOCK, n_genes))
        size = genes.stop - genes.start
        score(genes, scores[:size], [array[:size] for array in scratch])
        own[genes] = _count_reached(scores[:size], threshold[genes], reached[:size])
        for row in scores[:size]:
            np.maximum(row, maxima, out=row)
            maxima = row
        stepdown[genes] = _count_reached(scores[:size], threshold[genes], reached[:size])
        maxima = maxima.copy()  # the block is written anew
    return _BlockCounts(own, stepdown, maxima)


def _count_reached(scores: Floats, threshold: Floats, reached: npt.NDArray[np.bool_]) -> Counts:
    np.greater_equal(scores, threshold[:, None], out=reached)
    # quicker than counting what is true
    return np.asarray(reached.view(np.uint8).sum(axis=1, dtype=np.uint32), dtype=np.intp)


def _count_in_threads(scorer: Scorer, draws: Draws, threshold: Floats, n_threads: int) -> list[_BlockCounts]:
    """Counts of blocks of relabellings, in their order."""
    count, block_size = _choose_path(scorer, threshold, len(draws), n_threads)
    blocks = [draws[start : start + block_size] for start in range(0, len(draws) or 1, block_size)]
    description = "permutations, in blocks"
    if n_threads == 1 or len(blocks) == 1:
        return [count(block) for block in track(blocks, description=description)]
    executor = ThreadPoolExecutor(n_threads)
    try:
        found = executor.map(count, blocks)
        return list(track(found, description=description, total=len(blocks)))
    finally:
        executor.shutdown(cancel_futures=True)  # an interrupt does not wait for the blocks not begun


def _choose_path(scorer: Scorer, threshold: Floats, n_relabellings: int, n_threads: int) -> tuple[_CountBlock, int]:
    """The way to count, and how many relabellings to give it at once.

    Large jobs look sums up, which is compiled at first use; small ones must not wait for a compiler.
    """
    multiplied = partial(_count_block, scorer, threshold), _RELABELLINGS_PER_BLOCK
    if scorer.residuals.size * n_relabellings < _LARGE_JOB:
        return multiplied
    from jugex.stats.lookup import LookUp, can_look_up

    if not can_look_up(scorer):
        return multiplied
    tables = LookUp(scorer, threshold)
    n_blocks = n_threads * -(-n_relabellings // (n_threads * _RELABELLINGS_PER_LOOKUP))
    return (lambda labels: _BlockCounts(*tables.count(labels))), -(-n_relabellings // n_blocks)
