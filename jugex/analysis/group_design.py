"""The design of a comparison of k regions: which samples stand in which region and donor. Arrays only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jugex._text import count_of
from jugex.analysis.design import Design, LabelExchange
from jugex.errors import DesignError

__all__ = ["Codes", "GroupDesign"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

# Contrasts between regions of which this share of their A'MA is left beside covariates are collinear with them.
_COLLINEAR = 1e-9


@dataclass(frozen=True, eq=False)
class GroupDesign:
    """k regions, d donors, n samples.

    Area has the indicators A of the regions (n x k) as columns, and A'MA is the Laplacian of a graph: regions are its
    nodes, and two of them are joined where a donor has samples in both. Its rank is k less the number of parts into
    which the graph falls: between regions of two parts nothing can be told, since donors and regions change together.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Region of each sample, 0 to k - 1.
    donors : ndarray of int, shape (n,)
        Donor of each sample, 0 to d - 1, in rising order.
    n_regions : int
        Number of regions, k.
    covariates : ndarray of float64, shape (n, c), or None
        What stands in the model beside donor; with it, M takes off both. No contrast between linked regions may be
        collinear with it.
    """

    codes: Codes
    donors: Codes
    n_regions: int
    covariates: Floats | None = None

    @cached_property
    def blocks(self) -> Design:
        """Donors and covariates, as a design of region 1 against the rest: what they take off goes without labels."""
        return Design(labels=self.codes == 0, donors=self.donors, covariates=self.covariates)

    @cached_property
    def counts(self) -> Codes:
        """Samples of each donor in each region, shape (d, k)."""
        counts: Codes = self.count(self.codes[None])[0]
        return counts

    @cached_property
    def parts(self) -> list[list[int]]:
        """Regions that donors link with one another, from the largest part to the smallest."""
        return _find_parts(self.counts)

    @property
    def weights(self) -> Floats:
        """Weight of each donor, w_d = sum over pairs of regions of n_id n_jd / n_d, shape (d,).

        It is half the trace of the donor's part of A'MA, and with two regions the weight in their difference.
        """
        n_per_donor = self.blocks.n_per_donor
        weights: Floats = (n_per_donor**2 - (self.counts**2).sum(axis=1)) / (2 * n_per_donor)
        return weights

    @property
    def n_informative_donors(self) -> int:
        """Donors with samples in at least two regions."""
        return int((self.weights > 0).sum())

    @property
    def effective_donors(self) -> float:
        """Donors that would weigh as much if all weighed the same: (sum w)^2 / sum w^2."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    @property
    def df_area(self) -> int:
        """Rank of area beside donor, r = k - number of parts."""
        return self.n_regions - len(self.parts)

    @property
    def df_resid(self) -> int:
        """Residual degrees of freedom, n - d - r, less one for each independent covariate."""
        return len(self.codes) - self.blocks.n_donors - int(self.blocks.basis.shape[1]) - self.df_area

    @cached_property
    def references(self) -> Codes:
        """One region of each part: its indicator adds nothing to those of the others."""
        return np.array([max(part) for part in self.parts], dtype=np.intp)

    def count(self, draws: Codes) -> Codes:
        """Samples of each donor in each region, for relabellings (m, n): shape (m, d, k)."""
        is_of = draws[:, :, None] == np.arange(self.n_regions)
        return np.add.reduceat(is_of, self.blocks.donor_starts, axis=1, dtype=np.intp)

    @cached_property
    def kept(self) -> Codes:
        """The regions that are not of reference, r of them."""
        return np.setdiff1d(np.arange(self.n_regions), self.references)

    def gram(self, draws: Codes) -> Floats:
        """A'MA of relabellings (m, n), without the regions of reference: (m, r, r).

        Beside donor A'MA = diag(n_j) - sum_d n_d' n_d / n_d.., n_j the samples of region j and n_d (k,) the counts of
        donor d; covariates with the orthonormal basis U take (A'U)(U'A) off it.
        """
        gram, basis = self._gram_beside_donor(draws), self.blocks.basis
        if basis.shape[1]:
            shares = np.stack([(draws == region) @ basis for region in self.kept], axis=1)  # A'U, (m, r, q)
            gram -= shares @ shares.transpose(0, 2, 1)
        return gram

    def _gram_beside_donor(self, draws: Codes) -> Floats:
        kept = self.kept
        of_region = self.count(draws)[:, :, kept].astype(np.float64)
        between = of_region / self.blocks.n_per_donor[:, None]
        gram: Floats = -(of_region.transpose(0, 2, 1) @ between)
        gram[:, np.arange(len(kept)), np.arange(len(kept))] += of_region.sum(axis=1)
        return gram

    def loadings(self, draws: Codes) -> Floats:
        """L^-T of A'MA = L L', a row for each region (zeros for those of reference): (m, k, r).

        With Q = M A L^-T, the columns of which are orthonormal, SS of area is |Q'y|^2 = |L^-1 A'My|^2.
        """
        loadings = np.zeros((len(draws), self.n_regions, len(self.kept)))
        roots = np.linalg.cholesky(self.gram(draws))
        loadings[:, self.kept] = np.linalg.inv(roots).transpose(0, 2, 1)
        return loadings

    def is_estimable(self, draws: Codes) -> npt.NDArray[np.bool_]:
        """Whether area has the observed rank under each of some relabellings, (m, n) to (m,)."""
        shared = self.count(draws) > 0
        linked = shared.transpose(0, 2, 1) @ shared  # of truth values: whether any donor has both
        for _ in range(math.ceil(math.log2(max(self.n_regions - 1, 1)))):  # by paths of twice the length each time
            linked = linked @ linked
        n_parts = (1 / linked.sum(axis=2)).sum(axis=1)  # each part's regions add up to 1
        is_estimable = np.asarray(np.rint(n_parts) == len(self.parts))
        if self.blocks.basis.shape[1] and self.df_area:
            is_estimable[is_estimable] = self.share_beside_covariates(draws[is_estimable]) > _COLLINEAR
        return is_estimable

    def share_beside_covariates(self, draws: Codes) -> Floats:
        """What covariates leave of the contrast between regions that they take most of, (m, n) to (m,), 0 to 1.

        It is the smallest eigenvalue of A'MA relative to A'MA without covariates.
        """
        inverse = np.linalg.inv(np.linalg.cholesky(self._gram_beside_donor(draws)))
        relative = inverse @ self.gram(draws) @ inverse.transpose(0, 2, 1)
        smallest: Floats = np.linalg.eigvalsh(relative)[:, 0].astype(np.float64)
        return smallest

    def n_relabellings(self, exchange: LabelExchange) -> int:
        """Number of distinct relabellings: within donors prod_d n_d! / prod_j n_dj!, over all samples n! / prod_j n_j!.

        Freely, those in which area has a lower rank are among them.
        """
        if exchange == "free":
            return count_arrangements(self.counts.sum(axis=0).tolist())
        return math.prod(count_arrangements(of_donor) for of_donor in self.counts.tolist())

    def n_renamings(self, exchange: LabelExchange) -> int:
        """Number of relabellings that only rename regions, which F does not see, the observed one among them.

        Within donors, regions change names that have as many samples as each other in every donor with several
        regions; over all samples, those that have as many in all. Others may be tied with the observed one as well.
        """
        counts = self.counts.sum(axis=0)[None] if exchange == "free" else self.counts[self.weights > 0]
        _, n_alike = np.unique(counts[:, counts.any(axis=0)], axis=1, return_counts=True)
        return math.prod(math.factorial(n) for n in n_alike.tolist())

    def check_testable(self, names: Sequence[str], exchange: LabelExchange) -> None:
        """Refuse a design in which area has no F.

        Raises
        ------
        DesignError
            Where no donor has samples in two regions, no residual degree of freedom is left, or labels are exchanged
            freely over regions that donors do not link.
        """
        n_samples, n_donors = len(self.codes), self.blocks.n_donors
        n_columns = int(self.blocks.basis.shape[1])
        beside = f" and {count_of(n_columns, 'column')} of covariates" if n_columns else ""
        if self.df_area == 0:
            raise DesignError(
                f"no donor has samples in two of the {self.n_regions} regions, so regions cannot be told from donors "
                f"({n_samples} samples of {n_donors} donors); take larger regions or a lower threshold"
            )
        if self.df_resid < 1:
            raise DesignError(
                f"{count_of(n_samples, 'sample')} of {count_of(n_donors, 'donor')} leave {self.df_resid} residual "
                f"degrees of freedom beside {self.n_regions} regions{beside}, and at least 1 is needed; take larger "
                f"regions, a lower threshold or fewer {'covariates' if beside else 'regions'}"
            )
        if exchange == "free" and len(self.parts) > 1:
            raise DesignError(
                f"{self.describe_parts(names)}; labels exchanged over all samples would link them: choose the "
                "exchange within-donor, or leave regions out"
            )

    def describe_parts(self, names: Sequence[str]) -> str:
        """Say which regions donors do not link, as a clause; empty where all are linked."""
        if len(self.parts) == 1:
            return ""
        listed = " and ".join("{" + ", ".join(names[region] for region in part) + "}" for part in self.parts)
        return f"no donor has samples in regions of two of these groups: {listed}"


def count_arrangements(counts: list[int]) -> int:
    """Number of distinct orders of things of which some are alike: the multinomial coefficient."""
    return math.factorial(sum(counts)) // math.prod(math.factorial(count) for count in counts)


def _find_parts(counts: Codes) -> list[list[int]]:
    """Regions that are linked by a donor (d, k) with samples in both, directly or by way of others."""
    parts: list[set[int]] = [{region} for region in range(counts.shape[1])]
    for of_donor in counts:
        held = set(np.flatnonzero(of_donor).tolist())
        touched = [part for part in parts if part & held]
        parts = [part for part in parts if not part & held] + [set().union(*touched)]
    return sorted((sorted(part) for part in parts if part), key=lambda part: (-len(part), part))
