"""Scores of relabelled samples: SS / (SS + RSS) of area, or its like, for blocks of genes and relabellings.

Arrays only. A score rises with F and, unlike F, is bounded by 1, so that ties are told by one relative tolerance
even where the residuals vanish. Genes are scaled so that y'My = 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design

__all__ = [
    "N_SCRATCH",
    "AdjustedScorer",
    "ScoreBlock",
    "Scorer",
    "SequentialScorer",
    "Statistic",
    "WelchScorer",
    "make_scorer",
]

#: How area is tested: adjusted for donor (type II = III), before donor (type I), or with a variance per region.
Statistic = Literal["adjusted", "sequential", "welch"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
#: Writes the scores of a slice of genes into an array (genes, b), with the help of others of that shape.
ScoreBlock = Callable[[slice, Floats, Sequence[Floats]], None]

#: Number of arrays that a `ScoreBlock` needs beside the one that it writes.
N_SCRATCH = 2


class Scorer(ABC):
    """Scores of g genes under any relabelling of n samples.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Genes x samples; each gene varies within some donor.
    design : Design
        Donors of the samples; of its labels only their number is used.
    """

    def __init__(self, values: Floats, design: Design) -> None:
        self.design = design
        self.residuals = design.within_donors(values)
        self.length = np.sqrt(np.einsum("gn,gn->g", self.residuals, self.residuals))[:, None]
        self.residuals /= self.length

    @abstractmethod
    def prepare(self, relabellings: Labels) -> ScoreBlock:
        """Make the function that scores slices of genes under b relabellings (b, n)."""

    def _tabulate(self, relabellings: Labels) -> tuple[Floats, Floats, Floats]:
        """Labels (n, b), samples of each donor in region 1 (d, b), and a'Ma (b,) of b relabellings."""
        labels = relabellings.T.astype(np.float64, order="C")
        n_1 = np.add.reduceat(labels, self.design.donor_starts, axis=0)
        spread = (n_1 - n_1**2 / self.design.n_per_donor[:, None]).sum(axis=0)
        return labels, n_1, spread


class AdjustedScorer(Scorer):
    """SS adjusted for donor: (a'My)^2 / (a'Ma), where y'My = 1 = SS + RSS."""

    def prepare(self, relabellings: Labels) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        labels, _, spread = self._tabulate(relabellings)
        labels /= np.sqrt(spread)
        return partial(self._score, labels)

    def _score(self, labels: Floats, genes: slice, out: Floats, _: Sequence[Floats]) -> None:
        np.matmul(self.residuals[genes], labels, out=out)
        np.multiply(out, out, out=out)


class SequentialScorer(Scorer):
    """SS of area before donor: (a'Cy)^2 / (a'Ca), over itself and RSS."""

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        # a'Cy = a'My + sum_d n_1d (mean of donor d - mean of all samples)
        self.offsets = (design.donor_means(values) - values.mean(axis=1, keepdims=True)) / self.length

    def prepare(self, relabellings: Labels) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        labels, n_1, spread = self._tabulate(relabellings)
        labels /= np.sqrt(spread)
        n_1_all = n_1.sum(axis=0)
        ratio = spread / (n_1_all * (1 - n_1_all / self.design.n_samples))  # a'Ma / a'Ca
        n_1 /= np.sqrt(spread)
        return partial(self._score, labels, n_1, ratio)

    def _score(
        self, labels: Floats, n_1: Floats, ratio: Floats, genes: slice, out: Floats, scratch: Sequence[Floats]
    ) -> None:
        ss = scratch[0]
        np.matmul(self.residuals[genes], labels, out=out)  # a'My / sqrt(a'Ma)
        np.matmul(self.offsets[genes], n_1, out=ss)
        ss += out  # a'Cy / sqrt(a'Ma)
        np.multiply(ss, ss, out=ss)
        ss *= ratio
        np.multiply(out, out, out=out)  # SS adjusted
        np.subtract(1.0, out, out=out)  # RSS
        out += ss
        np.divide(ss, out, out=out)


class WelchScorer(Scorer):
    """Adjusted difference over its variance with a residual variance s_g^2 for each region g.

    F = u^2 / V with u = a'My, V = sum_g s_g^2 k_g, k_g = sum_{i in g} (Ma)_i^2, and s_g^2 = RSS_g / f_g with
    f_g = n_g - sum_{i in g} h_ii; the score is u^2 / (u^2 + V). With r = My and w = Ma,
    RSS_1 = sum a r^2 - 2 (u / s) sum a w r + (u / s)^2 k_1, where s = a'Ma = k_1 + k_2; region 2 likewise.
    A region whose samples all are alone in their donor has f_g = 0 and residuals 0: it adds nothing to V.
    """

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        self.squares = self.residuals**2

    def prepare(self, relabellings: Labels) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        labels, n_1, s = self._tabulate(relabellings)
        share = n_1 / self.design.n_per_donor[:, None]
        w_1 = labels * (1 - share[self.design.donors])  # a w
        k_1 = (w_1**2).sum(axis=0)
        k_2 = s - k_1
        f_1 = n_1.sum(axis=0) - share.sum(axis=0) - k_1 / s
        f_2 = self.design.n_samples - n_1.sum(axis=0) - (1 - share).sum(axis=0) - k_2 / s
        c_1, c_2 = _divide_or_zero(k_1, f_1), _divide_or_zero(k_2, f_2)
        of_square = (c_1 * k_1 + c_2 * k_2) / s**2 - 2 * c_2 / s
        return partial(self._score, labels, labels * (c_1 - c_2), w_1 * (2 * (c_1 - c_2) / s), c_2, of_square)

    def _score(
        self,
        labels: Floats,
        of_squares: Floats,
        of_products: Floats,
        constant: Floats,
        of_square: Floats,
        genes: slice,
        out: Floats,
        scratch: Sequence[Floats],
    ) -> None:
        u, v = scratch
        np.matmul(self.residuals[genes], labels, out=u)
        np.matmul(self.squares[genes], of_squares, out=v)
        v += constant
        np.matmul(self.residuals[genes], of_products, out=out)
        out *= u
        v -= out
        np.multiply(u, u, out=u)
        np.multiply(u, of_square, out=out)
        v += out
        np.maximum(v, 0.0, out=v)  # 0 but for rounding where the regions separate without residual
        v += u
        np.divide(u, v, out=out)


def _divide_or_zero(numerator: Floats, denominator: Floats) -> Floats:
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-9)
    return quotient


def make_scorer(values: Floats, design: Design, statistic: Statistic) -> Scorer:
    """Scorer of a statistic; see `Scorer`."""
    kinds: dict[str, type[Scorer]] = {
        "adjusted": AdjustedScorer,
        "sequential": SequentialScorer,
        "welch": WelchScorer,
    }
    return kinds[statistic](values, design)
