"""Statistics of area as scores, SS / (SS + RSS) or its like, for blocks of genes and relabellings.

A score rises with F and, unlike F, is bounded by 1, so that ties are told by one relative tolerance even where the
residuals vanish. Genes are scaled so that y'My = 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import ClassVar, Literal, Self

import numpy as np

from jugex.stats.design import Counts, Design, Draws, Floats, to_units
from jugex.stats.relabelling import Relabellings, Shuffles

__all__ = [
    "NO_RSS",
    "N_SCRATCH",
    "AdjustedScorer",
    "FreedmanLaneScorer",
    "ScoreBlock",
    "Scorer",
    "SequentialScorer",
    "Statistic",
    "WelchScorer",
    "make_scorer",
    "scores_to_f",
]

#: How area is tested: adjusted for donor (type II = III), before donor (type I), or with a variance per region. The
#: latter two know two regions only.
Statistic = Literal["adjusted", "sequential", "welch"]

#: Writes the scores of a slice of genes into an array (genes, b), with the help of others of that shape.
ScoreBlock = Callable[[slice, Floats, Sequence[Floats]], None]

#: What stands for an RSS of 0, so that a gene that area explains none of, and donor all, scores 0.
NO_RSS = 1e-300

#: Number of arrays that a `ScoreBlock` needs beside the one that it writes.
N_SCRATCH = 2

# What a gene's residuals, of length 1, have left after rounding.
_NOTHING_LEFT = 1e-30


class Scorer(ABC):
    """Scores of g genes under any relabelling of n samples.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Genes x samples; each gene varies within some donor.
    design : Design
        Donors and covariates of the samples; of their regions, scorers of labels see only the numbers of samples.
    """

    #: Attributes with one row per gene.
    _by_gene: ClassVar[tuple[str, ...]] = ("residuals", "length")

    def __init__(self, values: Floats, design: Design) -> None:
        self.design = design
        self.residuals = design.residualize(values)
        self.length = np.sqrt(np.einsum("gn,gn->g", self.residuals, self.residuals))[:, None]
        self.residuals /= self.length

    def reordered(self, order: Counts) -> Self:
        """The scorer of the same genes in another order."""
        scorer = copy(self)
        for name in self._by_gene:
            setattr(scorer, name, getattr(self, name)[order])
        return scorer

    @abstractmethod
    def prepare(self, draws: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes under b draws (b, n)."""


class AdjustedScorer(Scorer):
    """SS adjusted for donor, |Q'y|^2 with Q = M A L^-T, where y'My = 1 = SS + RSS; (a'My)^2 / (a'Ma) for two regions.

    A gene's residuals My stand for y, so that A L^-T serves in place of Q.
    """

    def prepare(self, draws: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        return partial(self._score, self.design.contrasts(draws))

    def _score(self, contrasts: Floats, genes: slice, out: Floats, scratch: Sequence[Floats]) -> None:
        np.matmul(self.residuals[genes], contrasts[0], out=out)
        np.multiply(out, out, out=out)
        for contrast in contrasts[1:]:
            np.matmul(self.residuals[genes], contrast, out=scratch[0])
            np.multiply(scratch[0], scratch[0], out=scratch[0])
            out += scratch[0]


class SequentialScorer(Scorer):
    """SS of area before donor, of two regions: (a'Cy)^2 / (a'Ca), over itself and RSS."""

    _by_gene = (*Scorer._by_gene, "offsets")

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        # a'Cy = a'My + sum_d n_1d (mean of donor d - mean of all samples) + sum_q (q'a)(q'y), q: basis of covariates
        of_donors = design.donor_means(values)
        of_donors -= (of_donors @ design.n_per_donor / design.n_samples)[:, None]
        self.offsets = np.hstack([of_donors, values @ design.basis]) / self.length

    def prepare(self, draws: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        labels, n_1, spread = _tabulate(draws, self.design)
        labels /= np.sqrt(spread)
        n_1_all = n_1.sum(axis=0)
        ratio = spread / (n_1_all * (1 - n_1_all / self.design.n_samples))  # a'Ma / a'Ca
        loadings = np.vstack([n_1 / np.sqrt(spread), self.design.basis.T @ labels])
        return partial(self._score, labels, loadings, ratio)

    def _score(
        self, labels: Floats, loadings: Floats, ratio: Floats, genes: slice, out: Floats, scratch: Sequence[Floats]
    ) -> None:
        ss = scratch[0]
        np.matmul(self.residuals[genes], labels, out=out)  # a'My / sqrt(a'Ma)
        np.matmul(self.offsets[genes], loadings, out=ss)
        ss += out  # a'Cy / sqrt(a'Ma)
        np.multiply(ss, ss, out=ss)
        ss *= ratio
        np.multiply(out, out, out=out)  # SS adjusted
        np.subtract(1.0, out, out=out)  # RSS
        np.maximum(out, NO_RSS, out=out)
        out += ss
        np.divide(ss, out, out=out)


class WelchScorer(Scorer):
    """Adjusted difference over its variance with a residual variance s_g^2 for each region g, of two.

    F = u^2 / V with u = a'My, V = sum_g s_g^2 k_g, k_g = sum_{i in g} (Ma)_i^2, and s_g^2 = RSS_g / f_g with
    f_g = n_g - sum_{i in g} h_ii (leverages of donor, covariates and area); the score is u^2 / (u^2 + V). With
    r = My and w = Ma,
    RSS_1 = sum a r^2 - 2 (u / s) sum a w r + (u / s)^2 k_1, where s = a'Ma = k_1 + k_2; region 2 likewise.
    A region whose samples all are alone in their donor has f_g = 0 and residuals 0: it adds nothing to V.
    """

    _by_gene = (*Scorer._by_gene, "squares")

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        # a column of ones takes up what is added to every gene
        self.squares = np.hstack([self.residuals**2, np.ones((len(self.residuals), 1))])

    def prepare(self, draws: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes; see `Scorer.prepare`."""
        labels, n_1, s = _tabulate(draws, self.design)
        w_1 = labels * self.design.residualize(labels.T).T  # a w
        k_1 = (w_1**2).sum(axis=0)
        k_2 = s - k_1
        leverages = self.design.leverages
        h_1 = leverages @ labels
        f_1 = n_1.sum(axis=0) - h_1 - k_1 / s
        f_2 = self.design.n_samples - n_1.sum(axis=0) - (leverages.sum() - h_1) - k_2 / s
        c_1, c_2 = _divide_or_zero(k_1, f_1), _divide_or_zero(k_2, f_2)
        of_square = (c_1 * k_1 + c_2 * k_2) / s**2 - 2 * c_2 / s
        of_squares = np.vstack([labels * (c_1 - c_2), c_2])
        return partial(self._score, labels, of_squares, w_1 * (2 * (c_1 - c_2) / s) - labels * of_square)

    def _score(
        self,
        labels: Floats,
        of_squares: Floats,
        of_products: Floats,
        genes: slice,
        out: Floats,
        scratch: Sequence[Floats],
    ) -> None:
        u, v = scratch
        np.matmul(self.residuals[genes], labels, out=u)
        np.matmul(self.squares[genes], of_squares, out=v)
        np.matmul(self.residuals[genes], of_products, out=out)
        out *= u
        v -= out
        np.multiply(u, u, out=u)
        np.maximum(v, 0.0, out=v)  # 0 but for rounding where the regions separate without residual
        v += u
        np.divide(u, v, out=out)


class FreedmanLaneScorer(Scorer):
    """SS of area, adjusted, over SS + RSS, for residuals in other orders.

    With e = My and e* the same in another order, y* = y - e + e* has SS = |Q'e*|^2 and SS + RSS = e*'Me* =
    e'e - |B'e*|^2, where Q = M A L^-T, and the columns of B are an orthonormal basis of donor and covariates.
    Freedman and Lane (1983), doi 10.1080/07350015.1983.10509354; Winkler et al. (2014), doi
    10.1016/j.neuroimage.2014.01.060. It takes residuals as exchangeable over all samples, which they are only roughly.
    """

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        donors = (design.donors[:, None] == np.arange(design.n_donors)) / np.sqrt(design.n_per_donor)
        self.of_area = design.observed_contrasts
        self.of_model = np.column_stack([donors, design.basis]).T

    def prepare(self, draws: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes under b orders (b, n); see `Scorer.prepare`."""
        # where a sample gets the residual of sample j, the weight of that sample goes to j
        places = np.argsort(draws, axis=1).T
        return partial(self._score, self.of_area[:, places], self.of_model[:, places])

    def _score(self, of_area: Floats, of_model: Floats, genes: slice, out: Floats, scratch: Sequence[Floats]) -> None:
        whole, along = scratch
        whole.fill(1.0)
        for contrast in of_model:
            np.matmul(self.residuals[genes], contrast, out=along)
            np.multiply(along, along, out=along)
            whole -= along
        out.fill(0.0)
        for contrast in of_area:
            np.matmul(self.residuals[genes], contrast, out=along)
            np.multiply(along, along, out=along)
            out += along
        np.maximum(whole, out + _NOTHING_LEFT, out=whole)  # SS + RSS is no smaller than SS, but for rounding
        np.divide(out, whole, out=out)


def _tabulate(draws: Draws, design: Design) -> tuple[Floats, Floats, Floats]:
    """Labels (n, b), samples of each donor in region 1 (d, b), and a'Ma (b,) of b relabellings of two regions."""
    labels = draws.T.astype(np.float64, order="C")
    n_1 = np.add.reduceat(labels, design.donor_starts, axis=0)
    return labels, n_1, design.spread(draws)


def _divide_or_zero(numerator: Floats, denominator: Floats) -> Floats:
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-9)
    return quotient


def make_scorer(values: Floats, design: Design, statistic: Statistic, relabellings: Relabellings) -> Scorer:
    """What scores genes (g, n) by a statistic under the draws of some relabellings.

    Raises
    ------
    ValueError
        If the statistic knows two regions only, and the design has more.
    """
    values, _ = to_units(values)
    if isinstance(relabellings, Shuffles):
        return FreedmanLaneScorer(values, design)
    if design.n_regions > 2 and statistic != "adjusted":
        raise ValueError(f"the statistic {statistic!r} compares two regions, and the design has {design.n_regions}")
    kinds: dict[Statistic, type[Scorer]] = {
        "adjusted": AdjustedScorer,
        "sequential": SequentialScorer,
        "welch": WelchScorer,
    }
    return kinds[statistic](values, design)


def scores_to_f(scores: Floats, design: Design, statistic: Statistic) -> Floats:
    """F of scores SS / (SS + RSS), in their shape; infinite where RSS is 0. Those of `welch` hold its variance."""
    f: Floats = 1 - scores
    np.maximum(f, 0.0, out=f)
    with np.errstate(divide="ignore"):
        np.divide(scores, f, out=f)
    f *= 1.0 if statistic == "welch" else design.df_resid / design.df_area
    return f
