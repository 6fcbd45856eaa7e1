"""The design of a comparison: which samples stand in which region and donor, and what it can show at best.

Arrays only: no atlas, no region, no file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from jugex._text import count_of
from jugex.errors import DesignError

__all__ = ["Design", "Exchange", "LabelExchange"]

#: Which samples exchange their labels: those of one donor, or all.
LabelExchange = Literal["within-donor", "free"]
#: What is permuted: labels, or the residuals of the model without area.
Exchange: TypeAlias = Literal["within-donor", "free", "freedman-lane"]

Floats = npt.NDArray[np.float64]

# A gene whose spread within donors is below this share of its sum of squares is constant but for rounding.
_CONSTANT = 1e-20
# A covariate of which this share of its length is left beside donor and the covariates before adds nothing.
_DEPENDENT = 1e-7
# Labels of which this share of a'Ma is left beside the covariates are collinear with them.
_COLLINEAR = 1e-9


@dataclass(frozen=True, eq=False)
class Design:
    """Two regions, d donors, n samples.

    Attributes
    ----------
    labels : ndarray of bool, shape (n,)
        Whether a sample counts for region 1: the vector a of the formulas.
    donors : ndarray of int, shape (n,)
        Donor of each sample, 0 to d - 1, in rising order: the columns of D.
    covariates : ndarray of float64, shape (n, c), or None
        Columns that stand in the model beside donor. They stay with their samples when labels are exchanged.
    """

    labels: npt.NDArray[np.bool_]
    donors: npt.NDArray[np.intp]
    covariates: Floats | None = None

    def __post_init__(self) -> None:
        if self.labels.shape != self.donors.shape or self.labels.ndim != 1:
            raise ValueError(f"labels {self.labels.shape} and donors {self.donors.shape} are not vectors of one length")
        if self.donors.size == 0 or self.donors[0] != 0 or not np.isin(np.diff(self.donors), (0, 1)).all():
            raise ValueError("donors are not numbered 0, 1, ... in rising order")
        if self.covariates is not None and self.covariates.shape[:1] != self.labels.shape:
            raise ValueError(f"covariates {self.covariates.shape} are not rows for {len(self.labels)} samples")

    @property
    def n_samples(self) -> int:
        """Number of samples, n."""
        return len(self.labels)

    @cached_property
    def donor_starts(self) -> npt.NDArray[np.intp]:
        """First sample of each donor, shape (d,)."""
        return np.flatnonzero(np.diff(self.donors, prepend=-1))

    @cached_property
    def n_per_donor(self) -> npt.NDArray[np.intp]:
        """Samples of each donor, n_d, shape (d,)."""
        return np.bincount(self.donors)

    @cached_property
    def n_1(self) -> npt.NDArray[np.intp]:
        """Samples of each donor in region 1, n_1d, shape (d,)."""
        return np.bincount(self.donors, weights=self.labels).astype(np.intp)

    @property
    def n_2(self) -> npt.NDArray[np.intp]:
        """Samples of each donor in region 2, n_2d, shape (d,)."""
        return self.n_per_donor - self.n_1

    @property
    def n_donors(self) -> int:
        """Number of donors with a sample, d."""
        return len(self.n_per_donor)

    @property
    def weights(self) -> Floats:
        """Weight of each donor in the difference, w_d = n_1d n_2d / n_d, shape (d,)."""
        return self.n_1 * self.n_2 / self.n_per_donor

    @property
    def n_informative_donors(self) -> int:
        """Donors with samples in both regions."""
        return int((self.weights > 0).sum())

    @property
    def effective_donors(self) -> float:
        """Donors that would weigh as much if all weighed the same: (sum w)^2 / sum w^2."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    @property
    def df_resid(self) -> int:
        """Residual degrees of freedom: n - d - 1, less one for each independent covariate."""
        return self.n_samples - self.n_donors - int(self.basis.shape[1]) - 1

    @cached_property
    def basis(self) -> Floats:
        """Orthonormal basis of what the covariates add to donor, shape (n, q), q <= c: none without covariates."""
        basis = np.empty((self.n_samples, 0))
        for column in np.empty((0, self.n_samples)) if self.covariates is None else self.covariates.T:
            column = column - column[0]  # what is constant is 0 then, and no noise of rounding
            rest = self.within_donors(column)
            for _ in range(2):  # once more: what rounding left
                rest = rest - basis @ (basis.T @ rest)
            length, whole = np.linalg.norm(rest), np.linalg.norm(column - column.mean())
            if length > _DEPENDENT * whole:
                basis = np.column_stack([basis, rest / length])
        return basis

    def donor_means(self, values: Floats) -> Floats:
        """Mean over the samples of each donor: (..., n) to (..., d)."""
        means: Floats = np.add.reduceat(values, self.donor_starts, axis=-1) / self.n_per_donor
        return means

    def within_donors(self, values: Floats) -> Floats:
        """Deviations from the donor's mean: M y of the formulas, (..., n) to (..., n)."""
        means = self.donor_means(values)
        deviations = np.empty(values.shape)
        ends = [*self.donor_starts[1:], self.n_samples]
        for donor, (start, end) in enumerate(zip(self.donor_starts, ends, strict=True)):  # no array of means per sample
            np.subtract(values[..., start:end], means[..., donor : donor + 1], out=deviations[..., start:end])
        return deviations

    @property
    def leverages(self) -> Floats:
        """Leverage of each sample in the model without area, shape (n,)."""
        leverages: Floats = 1 / self.n_per_donor[self.donors] + (self.basis**2).sum(axis=1)
        return leverages

    def residualize(self, values: Floats) -> Floats:
        """What donor and covariates leave of values, (..., n) to (..., n): M y, with M of both."""
        residuals = self.within_donors(values)
        if self.basis.shape[1]:
            residuals = residuals - (residuals @ self.basis) @ self.basis.T
        return residuals

    def spread(self, labels: npt.NDArray[np.bool_]) -> Floats:
        """What donor and covariates leave of labels, a'Ma: (m, n) to (m,)."""
        n_1 = np.add.reduceat(labels, self.donor_starts, axis=1, dtype=np.intp)
        spread: Floats = (n_1 - n_1**2 / self.n_per_donor).sum(axis=1)
        return spread if self.covariates is None else spread - ((labels @ self.basis) ** 2).sum(axis=1)

    def is_estimable(self, labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether area has an F under each of some labels, (m, n) to (m,): not collinear with donor and covariates."""
        n_1 = np.add.reduceat(labels, self.donor_starts, axis=1, dtype=np.intp)
        of_donors = (n_1 - n_1**2 / self.n_per_donor).sum(axis=1)
        return np.asarray(self.spread(labels) > _COLLINEAR * of_donors)

    def varies_within_donors(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Whether donor and covariates leave something of each gene (g, n), beyond rounding: else area has no F."""
        residuals = self.residualize(values)
        spread, total = (np.einsum("gn,gn->g", x, x) for x in (residuals, values))
        return np.asarray(spread > _CONSTANT * total)

    def check_testable(self, names: tuple[str, str]) -> None:
        """Refuse a design in which area has no F.

        Raises
        ------
        DesignError
            Where no donor has samples in both regions, covariates tell the regions apart, or no residual degree of
            freedom is left.
        """
        if self.n_informative_donors == 0:
            raise DesignError(
                f"no donor has samples in both {names[0]!r} ({self._count(self.n_1)}) and {names[1]!r} "
                f"({self._count(self.n_2)}), so regions cannot be told from donors; take larger regions or a lower "
                "threshold"
            )
        if self.df_resid < 1:
            beside = (
                f" and {count_of(self.basis.shape[1], 'column')} of covariates" if self.covariates is not None else ""
            )
            raise DesignError(
                f"{count_of(self.n_samples, 'sample')} of {count_of(self.n_donors, 'donor')}{beside} leave "
                f"{self.df_resid} residual degrees of freedom, and at least 1 is needed; take larger regions or a "
                "lower threshold" + (", or fewer covariates" if beside else "")
            )
        if not self.is_estimable(self.labels[None])[0]:
            raise DesignError(
                f"the covariates tell {names[0]!r} and {names[1]!r} apart within every donor, so a difference cannot "
                "be told from them; leave one of them out"
            )

    @staticmethod
    def _count(samples: npt.NDArray[np.intp]) -> str:
        return f"{count_of(int(samples.sum()), 'sample')} of {count_of(int((samples > 0).sum()), 'donor')}"

    def n_relabellings(self, exchange: Exchange) -> int:
        """Number of distinct relabellings in which area is not collinear with donor, the observed among them.

        Within donors these are prod_d C(n_d, n_1d); over all samples C(n, n_1) less the relabellings that give
        every donor to one region. Residuals (`freedman-lane`) have n! orders. Those collinear with covariates are
        among the number; `jugex.analysis.relabel.enumerate_relabellings` leaves them out.
        """
        if exchange == "freedman-lane":
            return math.factorial(self.n_samples)
        sizes, n_1 = self.n_per_donor.tolist(), int(self.n_1.sum())
        if exchange == "within-donor":
            return math.prod(math.comb(n_d, k) for n_d, k in zip(sizes, self.n_1.tolist(), strict=True))
        return math.comb(self.n_samples, n_1) - _count_subsets(sizes, n_1)

    def is_enumerable(self, exchange: Exchange, n_relabellings: int) -> bool:
        """Whether so many relabellings are all that a scheme has; orders of residuals are always drawn."""
        return exchange != "freedman-lane" and self.n_relabellings(exchange) <= n_relabellings

    def smallest_p(self, exchange: Exchange, *, adjusted: bool = True) -> float:
        """Smallest p that the relabellings admit: those tied with the observed by symmetry, over all.

        The adjusted F depends on the labels through M a alone, up to its sign. Donors in one region only have no
        part in M a, so labellings that agree in the other donors, or swap the regions in all of those, are tied
        as long as they keep the scheme's counts. The sequential F sees the other donors as well; there only
        the swap of the regions in every donor is tied. With covariates this is a lower bound:
        `jugex.analysis.relabel.find_smallest_p` counts.
        """
        if exchange == "freedman-lane":
            return 1 / self.n_relabellings(exchange)
        mixed = self.weights > 0
        n_1, n_2 = self.n_1, self.n_2
        if exchange == "within-donor":
            balanced = n_1 == n_2
            n_tied = 1 + bool((balanced | ~mixed).all() if adjusted else balanced.all())
        elif adjusted:
            one_sided = self.n_per_donor[~mixed].tolist()
            wanted = (int(n_1.sum() - n_1[mixed].sum()), int(n_1.sum() - n_2[mixed].sum()))
            n_tied = sum(_count_subsets(one_sided, size) for size in wanted)
        else:
            n_tied = 1 + int(n_1.sum() == n_2.sum())
        return n_tied / self.n_relabellings(exchange)


def _count_subsets(sizes: list[int], total: int) -> int:
    """Number of subsets of `sizes` that add up to `total`."""
    ways = {0: 1}
    for size in sizes:
        for reached, count in list(ways.items()):
            ways[reached + size] = ways.get(reached + size, 0) + count
    return ways.get(total, 0)
