"""The permutation engine: how often relabelled samples separate the regions as well as the observed ones do.

Arrays only: no atlas, no region, no file. All genes share each relabelling; that is what makes the maximum over
genes a valid null. Relabellings x genes is never held: blocks of both are scored, counted and forgotten.

A gene's *score* is SS / (SS + RSS), which rises with F = SS / (RSS / df) and, unlike F, is bounded by 1, so that
ties are told by one relative tolerance even where the residuals vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from jugex.analysis.design import Design
from jugex.progress import track

__all__ = ["PermutationCounts", "Statistic", "count_exceedances"]

#: How area's sum of squares is taken: adjusted for donor (type II = III), or before donor (type I).
Statistic = Literal["adjusted", "sequential"]

#: Scores within this relative distance of the observed one count as ties.
TIE_TOLERANCE = 1e-10

# One block of scores (1 MiB of float64) stays in a core's cache while it is reduced.
_GENES_PER_BLOCK = 128
_RELABELLINGS_PER_BLOCK = 1024

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
_Score = Callable[[slice, Floats, Floats], None]


@dataclass(frozen=True, eq=False)
class PermutationCounts:
    """What m relabellings gave for g genes.

    Attributes
    ----------
    own : ndarray of int, shape (g,)
        Relabellings in which a gene's score was at least its observed one.
    family : ndarray of int, shape (g,)
        Relabellings in which the largest score over all genes was at least the gene's observed one.
    n_relabellings : int
        Number of relabellings, m.
    """

    own: npt.NDArray[np.intp]
    family: npt.NDArray[np.intp]
    n_relabellings: int

    def p_values(self) -> tuple[Floats, Floats]:
        """p_perm and p_fwe, each (g,): (1 + count) / (m + 1), the observed labels counted as a relabelling.

        Phipson and Smyth (2010), doi 10.2202/1544-6115.1585.
        """
        return (1 + self.own) / (self.n_relabellings + 1), (1 + self.family) / (self.n_relabellings + 1)


def count_exceedances(
    values: Floats, design: Design, relabellings: Labels, *, statistic: Statistic = "adjusted", n_threads: int = 1
) -> PermutationCounts:
    """Count the relabellings that separate the regions at least as well as the observed labels.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Genes x samples; each gene varies within some donor.
    design : Design
        The observed labels and donors of the n samples.
    relabellings : ndarray of bool, shape (m, n)
        Labels to compare with; in each, area is not collinear with donor.
    statistic : {'adjusted', 'sequential'}
        How area's sum of squares is taken.
    n_threads : int
        Number of threads. The counts do not depend on it.

    Returns
    -------
    PermutationCounts
    """
    prepared = _prepare(values, design, statistic)
    threshold = _observed_score(prepared, design) * (1 - TIE_TOLERANCE)
    blocks = [
        relabellings[start : start + _RELABELLINGS_PER_BLOCK]
        for start in range(0, len(relabellings), _RELABELLINGS_PER_BLOCK)
    ]
    own = np.zeros(len(values), dtype=np.intp)
    maxima = []
    for own_of_block, maxima_of_block in _map_in_threads(
        lambda block: _score_block(prepared, design, block, threshold), blocks, n_threads
    ):
        own += own_of_block
        maxima.append(maxima_of_block)
    n_below = np.searchsorted(np.sort(np.concatenate(maxima)), threshold, side="left")
    return PermutationCounts(own=own, family=len(relabellings) - n_below, n_relabellings=len(relabellings))


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Genes scaled so that y'My = 1.

    Attributes
    ----------
    residuals : ndarray, shape (g, n)
        M y.
    donor_offsets : ndarray, shape (g, d), or None
        For `sequential`: the donors' means of y less the mean over all samples.
    """

    residuals: Floats
    donor_offsets: Floats | None


def _prepare(values: Floats, design: Design, statistic: Statistic) -> _Prepared:
    residuals = design.within_donors(values)
    length = np.sqrt(np.einsum("gn,gn->g", residuals, residuals))[:, None]
    residuals /= length
    if statistic == "adjusted":
        return _Prepared(residuals, donor_offsets=None)
    offsets = design.donor_means(values) - values.mean(axis=1, keepdims=True)
    return _Prepared(residuals, donor_offsets=offsets / length)


def _observed_score(prepared: _Prepared, design: Design) -> Floats:
    """Scores (g,) of the observed labels, by sums whose order no library or thread changes."""
    labels = design.labels.astype(np.float64)
    u = np.einsum("gn,n->g", prepared.residuals, labels)
    adjusted: Floats = u * u / design.weights.sum()
    if prepared.donor_offsets is None:
        return adjusted
    v = u + np.einsum("gd,d->g", prepared.donor_offsets, design.n_1.astype(np.float64))
    ss = v * v / _total_spread(design)
    score: Floats = ss / (ss + (1 - adjusted))
    return score


def _total_spread(design: Design) -> float:
    """a'Ca, the same for every relabelling."""
    n_1 = int(design.n_1.sum())
    return n_1 * (design.n_samples - n_1) / design.n_samples


def _score_block(
    prepared: _Prepared, design: Design, relabellings: Labels, threshold: Floats
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Own counts (g,) and maxima over genes (b,) of b relabellings."""
    score = _make_score(prepared, design, relabellings)
    n_genes, n_relabellings = len(threshold), len(relabellings)
    scores, scratch = np.empty((2, _GENES_PER_BLOCK, n_relabellings))
    reached = np.empty(scores.shape, dtype=np.bool_)
    own = np.zeros(n_genes, dtype=np.intp)
    maxima = np.zeros(n_relabellings)
    for start in range(0, n_genes, _GENES_PER_BLOCK):
        genes = slice(start, min(start + _GENES_PER_BLOCK, n_genes))
        size = genes.stop - genes.start
        score(genes, scores[:size], scratch[:size])
        np.maximum(maxima, scores[:size].max(axis=0), out=maxima)
        np.greater_equal(scores[:size], threshold[genes, None], out=reached[:size])
        own[genes] = [np.count_nonzero(row) for row in reached[:size]]
    return own, maxima


def _make_score(prepared: _Prepared, design: Design, relabellings: Labels) -> _Score:
    """Make a function of a slice of genes and two arrays (genes, b), which writes their scores into the first."""
    labels = relabellings.T.astype(np.float64, order="C")
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=0)
    spread = (n_1 - n_1**2 / design.n_per_donor[:, None]).sum(axis=0)  # a'Ma of each relabelling
    labels /= np.sqrt(spread)
    if prepared.donor_offsets is None:
        return partial(_score_adjusted, prepared.residuals, labels)
    n_1 /= np.sqrt(spread)
    ratio = spread / _total_spread(design)
    return partial(_score_sequential, prepared.residuals, labels, prepared.donor_offsets, n_1, ratio)


def _score_adjusted(residuals: Floats, labels: Floats, genes: slice, out: Floats, _: Floats) -> None:
    np.matmul(residuals[genes], labels, out=out)
    np.multiply(out, out, out=out)


def _score_sequential(
    residuals: Floats,
    labels: Floats,
    offsets: Floats,
    n_1: Floats,
    ratio: Floats,
    genes: slice,
    out: Floats,
    ss: Floats,
) -> None:
    np.matmul(residuals[genes], labels, out=out)  # u / sqrt(a'Ma)
    np.matmul(offsets[genes], n_1, out=ss)
    ss += out  # y'Ca / sqrt(a'Ma): area before donor sees the donors' means as well
    np.multiply(ss, ss, out=ss)
    ss *= ratio  # SS sequential
    np.multiply(out, out, out=out)  # SS adjusted
    np.subtract(1.0, out, out=out)  # RSS
    out += ss
    np.divide(ss, out, out=out)


def _map_in_threads(
    function: Callable[[Labels], tuple[npt.NDArray[np.intp], Floats]], blocks: list[Labels], n_threads: int
) -> list[tuple[npt.NDArray[np.intp], Floats]]:
    """Results in the order of the blocks. BLAS gets one thread: blocks are what is shared out."""
    description = "permutations, in blocks"
    with threadpool_limits(limits=1, user_api="blas"):
        if n_threads == 1 or len(blocks) == 1:
            return [function(block) for block in track(blocks, description=description)]
        executor = ThreadPoolExecutor(n_threads)
        try:
            return list(track(executor.map(function, blocks), description=description, total=len(blocks)))
        finally:
            executor.shutdown(cancel_futures=True)  # an interrupt does not wait for the blocks not begun
