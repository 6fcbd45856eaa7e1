"""The design of a comparison: which samples lie in which region and donor, and what it can show at best.

Two regions are the case k = 2. Symbols are those of the documentation of the method: A (n x k) the indicators of the
regions, a their first column where k = 2, and M the projection off donors and covariates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from jugex._text import count_of, join_words
from jugex.errors import DesignError

__all__ = ["Counts", "Design", "Draws", "Exchange", "Floats", "LabelExchange", "to_units"]

#: Which samples exchange their labels: those of one donor, or all.
LabelExchange = Literal["within-donor", "free"]
#: What is permuted: labels, or the residuals of the model without area.
Exchange: TypeAlias = Literal["within-donor", "free", "freedman-lane"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]
#: Relabellings (m, n): of two regions, whether a sample lies in region 1; of more, the region of each sample.
Draws = npt.NDArray[np.bool_] | npt.NDArray[np.intp]

# A gene whose spread within donors is below this share of its sum of squares is constant but for rounding.
_CONSTANT = 1e-20
# A covariate of which donor and the covariates before it leave no more than this share of its length adds nothing.
_DEPENDENT = 1e-7
# A contrast between regions of which covariates leave no more than this share is collinear with them.
_COLLINEAR = 1e-9


def to_units(values: Floats) -> tuple[Floats, Floats]:
    """Values (g, n) of each gene over a power of two, and that power (g, 1): the largest lies between 1 and 2 then.

    Their squares can be added up, however small or large the values are, and no digit of a result changes.
    """
    largest = np.abs(values).max(axis=1, initial=0.0, keepdims=True)
    scale = np.ldexp(1.0, np.frexp(np.where(largest > 0, largest, 1.0))[1] - 1)
    return values / scale, scale


@dataclass(frozen=True, eq=False)
class Design:
    """k regions, d donors, n samples.

    A'MA is the Laplacian of a graph: regions are its nodes, and two of them are linked where a donor has samples in
    both. Its rank is k less the number of parts into which the graph falls: between regions of two parts nothing can
    be told, since donors and regions change together.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Region of each sample, 0 to k - 1.
    donors : ndarray of int, shape (n,)
        Donor of each sample, 0 to d - 1, in rising order.
    n_regions : int
        Number of regions, k.
    covariates : ndarray of float64, shape (n, c), or None
        Columns that stand in the model with donor. They stay with their samples when labels are exchanged.
    """

    codes: Counts
    donors: Counts
    n_regions: int = 2
    covariates: Floats | None = None

    def __post_init__(self) -> None:
        if self.codes.shape != self.donors.shape or self.codes.ndim != 1:
            raise ValueError(f"codes {self.codes.shape} and donors {self.donors.shape} are not vectors of one length")
        if self.donors.size == 0 or self.donors[0] != 0 or not np.isin(np.diff(self.donors), (0, 1)).all():
            raise ValueError("donors are not numbered 0, 1, ... in rising order")
        if self.n_regions < 2 or self.codes.min() < 0 or self.codes.max() >= self.n_regions:
            raise ValueError(f"codes are not numbers of {self.n_regions} regions, counted from 0, two at least")
        if self.covariates is not None and self.covariates.shape[:1] != self.codes.shape:
            raise ValueError(f"covariates {self.covariates.shape} are not rows for {len(self.codes)} samples")

    @classmethod
    def of_two(cls, labels: npt.NDArray[np.bool_], donors: Counts, covariates: Floats | None = None) -> Self:
        """Design of two regions, from whether each sample (n,) lies in region 1."""
        return cls(np.where(labels, 0, 1), donors, 2, covariates)

    @property
    def n_samples(self) -> int:
        """Number of samples, n."""
        return len(self.codes)

    @cached_property
    def labels(self) -> npt.NDArray[np.bool_]:
        """Whether a sample lies in region 1, shape (n,): the vector a of the formulas for two regions."""
        return np.asarray(self.codes == 0)

    @property
    def observed(self) -> Draws:
        """The observed labels, as one draw, shape (1, n)."""
        return self.labels[None] if self.n_regions == 2 else self.codes[None]

    # donors and covariates: what M takes off

    @cached_property
    def donor_starts(self) -> Counts:
        """First sample of each donor, shape (d,)."""
        return np.flatnonzero(np.diff(self.donors, prepend=-1))

    @cached_property
    def n_per_donor(self) -> Counts:
        """Samples of each donor, n_d, shape (d,)."""
        return np.bincount(self.donors)

    @property
    def n_donors(self) -> int:
        """Number of donors with a sample, d."""
        return len(self.n_per_donor)

    @cached_property
    def basis(self) -> Floats:
        """Orthonormal basis of what the covariates add to donor, shape (n, q), q <= c: none without covariates."""
        basis = np.empty((self.n_samples, 0))
        for column in np.empty((0, self.n_samples)) if self.covariates is None else self.covariates.T:
            column = column - column[0]  # what is constant is 0 then, and no noise of rounding
            column = to_units(column[None])[0][0]
            rest = self.within_donors(column)
            for _ in range(2):  # once more: what rounding left
                rest = rest - basis @ (basis.T @ rest)
            length, whole = np.linalg.norm(rest), np.linalg.norm(column - column.mean())
            if length > _DEPENDENT * whole:
                basis = np.column_stack([basis, rest / length])
        return basis

    @property
    def has_covariates(self) -> bool:
        """Whether some covariate adds something to donor."""
        return int(self.basis.shape[1]) > 0

    def donor_means(self, values: Floats) -> Floats:
        """Mean over the samples of each donor: (..., n) to (..., d)."""
        means: Floats = np.add.reduceat(values, self.donor_starts, axis=-1) / self.n_per_donor
        return means

    def within_donors(self, values: Floats) -> Floats:
        """Deviations from the donor's mean, (..., n) to (..., n)."""
        means = self.donor_means(values)
        deviations = np.empty(values.shape)
        ends = [*self.donor_starts[1:], self.n_samples]
        for donor, (start, end) in enumerate(zip(self.donor_starts, ends, strict=True)):  # no array of means per sample
            np.subtract(values[..., start:end], means[..., donor : donor + 1], out=deviations[..., start:end])
        return deviations

    def residualize(self, values: Floats) -> Floats:
        """What donor and covariates leave of values, M y: (..., n) to (..., n)."""
        residuals = self.within_donors(values)
        if self.has_covariates:
            residuals = residuals - (residuals @ self.basis) @ self.basis.T
        return residuals

    @property
    def leverages(self) -> Floats:
        """Leverage of each sample in the model without area, shape (n,)."""
        leverages: Floats = 1 / self.n_per_donor[self.donors] + (self.basis**2).sum(axis=1)
        return leverages

    def varies_within_donors(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Whether donor and covariates leave something of each gene (g, n), beyond rounding: else area has no F."""
        values, _ = to_units(values)
        residuals = self.residualize(values)
        spread, total = (np.einsum("gn,gn->g", x, x) for x in (residuals, values))
        return np.asarray(spread > _CONSTANT * total)

    def without_donor(self, donor: int) -> tuple[npt.NDArray[np.bool_], Design]:
        """Mask (n,) of the samples of the other donors, and their design."""
        kept = self.donors != donor
        donors = self.donors[kept]
        covariates = None if self.covariates is None else self.covariates[kept]
        others = replace(self, codes=self.codes[kept], donors=donors - (donors > donor), covariates=covariates)
        return kept, others

    # regions: what A holds

    @cached_property
    def counts(self) -> Counts:
        """Samples of each donor in each region, n_dj, shape (d, k)."""
        is_in = self.codes[:, None] == np.arange(self.n_regions)
        counts: Counts = np.add.reduceat(is_in, self.donor_starts, axis=0, dtype=np.intp)
        return counts

    @cached_property
    def parts(self) -> list[list[int]]:
        """Regions that donors link with one another, directly or by way of others, from the largest part on."""
        parts: list[set[int]] = [{region} for region in range(self.n_regions)]
        for of_donor in self.counts:
            held = set(np.flatnonzero(of_donor).tolist())
            linked = [part for part in parts if part & held]
            parts = [part for part in parts if not part & held] + [set().union(*linked)]
        return sorted((sorted(part) for part in parts if part), key=lambda part: (-len(part), part))

    @cached_property
    def weights(self) -> Floats:
        """Weight of each donor, w_d = sum over pairs of regions of n_di n_dj / n_d, shape (d,).

        It is half the trace of the donor's part of A'MA, and with two regions the weight in their difference.
        """
        weights: Floats = (self.n_per_donor**2 - (self.counts**2).sum(axis=1)) / (2 * self.n_per_donor)
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
        """Rank of area with donor in the model, r = k - number of parts."""
        return self.n_regions - len(self.parts)

    @property
    def df_resid(self) -> int:
        """Residual degrees of freedom: n - d - r, less one for each independent covariate."""
        return self.n_samples - self.n_donors - int(self.basis.shape[1]) - self.df_area

    # area under some labels

    @cached_property
    def _kept(self) -> Counts:
        """Regions whose indicators span area, shape (r,): all but the last of each part."""
        return np.setdiff1d(np.arange(self.n_regions), [max(part) for part in self.parts])

    def count(self, draws: Draws) -> Counts:
        """Samples of each donor in each region under relabellings, (m, n) to (m, d, k)."""
        if self.n_regions == 2:
            n_1 = self._count_in_region_1(draws)
            return np.stack([n_1, self.n_per_donor - n_1], axis=2)
        is_in = draws[:, :, None] == np.arange(self.n_regions)
        counts: Counts = np.add.reduceat(is_in, self.donor_starts, axis=1, dtype=np.intp)
        return counts

    def _count_in_region_1(self, labels: Draws) -> Counts:
        n_1: Counts = np.add.reduceat(labels, self.donor_starts, axis=1, dtype=np.intp)
        return n_1

    def spread(self, labels: Draws) -> Floats:
        """What donor and covariates leave of the labels of two regions, a'Ma: (m, n) to (m,)."""
        spread = self._spread_within_donors(labels)
        return spread - ((labels @ self.basis) ** 2).sum(axis=1) if self.has_covariates else spread

    def _spread_within_donors(self, labels: Draws) -> Floats:
        n_1 = self._count_in_region_1(labels)
        spread: Floats = (n_1 - n_1**2 / self.n_per_donor).sum(axis=1)
        return spread

    def contrasts(self, draws: Draws) -> Floats:
        """Contrasts that span area, A L^-T with A'MA = L L', under relabellings: (m, n) to (r, n, m).

        With Q = M A L^-T, the columns of which are orthonormal, SS of area is |Q'y|^2 = |(A L^-T)' My|^2. With two
        regions they are the labels, divided by sqrt(a'Ma).
        """
        if self.n_regions == 2:
            labels = draws.T.astype(np.float64, order="C")
            labels /= np.sqrt(self.spread(draws))
            return labels[None]
        loadings = np.zeros((len(draws), self.n_regions, len(self._kept)))  # L^-T, a row for each region
        loadings[:, self._kept] = np.linalg.inv(np.linalg.cholesky(self._gram(draws))).transpose(0, 2, 1)
        of_samples = loadings[np.arange(len(draws))[:, None], draws]  # (m, n, r)
        return np.ascontiguousarray(of_samples.transpose(2, 1, 0))

    @cached_property
    def observed_contrasts(self) -> Floats:
        """Orthonormal contrasts between the regions under the observed labels, Q' = (M A L^-T)', shape (r, n)."""
        return self.residualize(np.ascontiguousarray(self.contrasts(self.observed)[:, :, 0]))

    def _gram(self, draws: Draws) -> Floats:
        """A'MA of the regions kept, (m, n) to (m, r, r); covariates with basis U take (A'U)(U'A) off it."""
        gram = self._gram_within_donors(draws)
        if self.has_covariates:
            shares = np.stack([(draws == region) @ self.basis for region in self._kept], axis=1)  # A'U, (m, r, q)
            gram -= shares @ shares.transpose(0, 2, 1)
        return gram

    def _gram_within_donors(self, draws: Draws) -> Floats:
        """A'MA without covariates, diag(n_j) - sum_d n_d n_d' / n_d, of the regions kept: (m, n) to (m, r, r)."""
        counts = self.count(draws)[:, :, self._kept].astype(np.float64)
        gram: Floats = -(counts.transpose(0, 2, 1) @ (counts / self.n_per_donor[:, None]))
        diagonal = np.arange(len(self._kept))
        gram[:, diagonal, diagonal] += counts.sum(axis=1)
        return gram

    def is_estimable(self, draws: Draws) -> npt.NDArray[np.bool_]:
        """Whether area has the observed rank under relabellings, (m, n) to (m,): else it has no F, or another one."""
        if self.n_regions == 2:
            n_1 = self._count_in_region_1(draws)
            is_estimable = np.asarray(((n_1 > 0) & (n_1 < self.n_per_donor)).any(axis=1))
        else:
            is_estimable = np.asarray(self._count_parts(draws) == len(self.parts))
        if self.has_covariates and self.df_area:
            is_estimable[is_estimable] = self.share_left_by_covariates(draws[is_estimable]) > _COLLINEAR
        return is_estimable

    def _count_parts(self, draws: Draws) -> Counts:
        held = self.count(draws) > 0
        linked = held.transpose(0, 2, 1) @ held  # of truth values: whether any donor has both
        for _ in range(math.ceil(math.log2(max(self.n_regions - 1, 1)))):  # by paths of twice the length each time
            linked = linked @ linked
        # regions without samples are linked with nothing, themselves included, and are parts of their own
        sizes = np.maximum(linked.sum(axis=2), 1)
        n_parts: Counts = np.rint((1 / sizes).sum(axis=1)).astype(np.intp)  # each part's regions add up to 1
        return n_parts

    def share_left_by_covariates(self, draws: Draws) -> Floats:
        """What covariates leave of the contrast between regions that they take most of, (m, n) to (m,), 0 to 1.

        It is the smallest eigenvalue of A'MA relative to A'MA without covariates.
        """
        if self.n_regions == 2:
            return self.spread(draws) / self._spread_within_donors(draws)
        inverse = np.linalg.inv(np.linalg.cholesky(self._gram_within_donors(draws)))
        relative = inverse @ self._gram(draws) @ inverse.transpose(0, 2, 1)
        smallest: Floats = np.linalg.eigvalsh(relative)[:, 0].astype(np.float64)
        return smallest

    # what relabelling can show

    def n_relabellings(self, exchange: Exchange) -> int:
        """Number of distinct relabellings, the observed among them.

        Within donors these are prod_d n_d! / prod_j n_dj!, over all samples n! / prod_j n_j!, of two regions less the
        relabellings that give every donor to one of them; of more regions, those in which area has a lower rank are
        among the number. Residuals (`freedman-lane`) have n! orders. Those collinear with covariates always are among
        the number; `jugex.stats.relabelling.enumerate_relabellings` leaves all of these out.
        """
        if exchange == "freedman-lane":
            return math.factorial(self.n_samples)
        if exchange == "within-donor":
            return math.prod(_count_arrangements(of_donor) for of_donor in self.counts.tolist())
        totals = self.counts.sum(axis=0).tolist()
        n_all = _count_arrangements(totals)
        if self.n_regions > 2:
            return n_all
        return n_all - _count_allotments(self.n_per_donor.tolist(), totals).get((0, 0), 0)

    def is_enumerable(self, exchange: Exchange, n_relabellings: int) -> bool:
        """Whether so many relabellings are all that a scheme has; orders of residuals are always drawn."""
        return exchange != "freedman-lane" and self.n_relabellings(exchange) <= n_relabellings

    def smallest_p(self, exchange: Exchange, *, adjusted: bool = True) -> float:
        """Smallest p that the relabellings admit: those tied with the observed by symmetry, over all.

        The adjusted F depends on the labels through the space that M A spans. Donors in one region only have no part
        in it, so labellings that agree in the other donors, or rename the regions in all of those, are tied as long
        as they keep the scheme's counts. The sequential F sees the other donors as well; there only renaming the
        regions in every donor is tied. With covariates, or more than two regions, others may be tied as well, and
        this is a lower bound: `jugex.stats.relabelling.find_smallest_p` counts.
        """
        if exchange == "freedman-lane":
            return 1 / self.n_relabellings(exchange)
        is_mixed = self.weights > 0
        if not adjusted:
            n_tied = _count_renamings(self.counts if exchange == "within-donor" else self.counts.sum(axis=0)[None])
        elif exchange == "within-donor":
            n_tied = _count_renamings(self.counts[is_mixed])
        else:
            # donors in one region go to any, as long as what is left of the totals are the counts of the other donors
            of_mixed = self.counts[is_mixed].sum(axis=0)
            wanted = tuple(sorted(of_mixed.tolist()))
            ways = _count_allotments(self.n_per_donor[~is_mixed].tolist(), self.counts.sum(axis=0).tolist())
            n_tied = ways.get(wanted, 0) * _count_renamings(of_mixed[None])
        return n_tied / self.n_relabellings(exchange)

    # whether it admits a test

    def check_testable(self, names: Sequence[str], exchange: Exchange = "within-donor") -> None:
        """Refuse a design in which area has no F.

        Parameters
        ----------
        names : sequence of str, length k
            Names of the regions.
        exchange : {'within-donor', 'free', 'freedman-lane'}
            How labels are exchanged.

        Raises
        ------
        DesignError
            If no donor has samples in two regions, covariates tell regions apart, no residual degree of freedom is
            left, or labels are exchanged freely over regions that donors do not link.
        """
        is_pair = self.n_regions == 2
        if self.df_area == 0:
            held = [
                f"{name!r} ({count_of(int(of_region.sum()), 'sample')} of "
                f"{count_of(int((of_region > 0).sum()), 'donor')})"
                for name, of_region in zip(names, self.counts.T, strict=True)
            ]
            raise DesignError(
                f"no donor has samples in {'both' if is_pair else 'two of'} {join_words(held)}, so regions cannot be "
                "told from donors; take larger regions or a lower threshold"
            ).because("no donor has samples in both regions" if is_pair else "no donor has samples in two regions")
        if self.df_resid < 1:
            n_columns = int(self.basis.shape[1])
            model = [count_of(self.n_regions, "region")] * (not is_pair)
            model += [f"{count_of(n_columns, 'column')} of covariates"] * (n_columns > 0)
            raise DesignError(
                f"{count_of(self.n_samples, 'sample')} of {count_of(self.n_donors, 'donor')} leave {self.df_resid} "
                f"residual degrees of freedom{' with ' if model else ''}{join_words(model)}, but at least 1 is needed; "
                f"take larger regions or a lower threshold{'' if is_pair else ', or fewer regions'}"
                f"{', or fewer covariates' if n_columns else ''}"
            ).because("too few samples leave no residual degree of freedom")
        if not self.is_estimable(self.observed)[0]:
            raise DesignError(
                f"the covariates tell {join_words([repr(name) for name in names]) if is_pair else 'regions'} apart "
                "within every donor, so a difference cannot be told from them; leave one of them out"
            ).because("the covariates tell the regions apart")
        if not self.keeps_parts(exchange):
            raise DesignError(
                f"{self.format_parts(names)}; labels exchanged over all samples would link them: choose the "
                "exchange within-donor, or leave regions out"
            )

    def keeps_parts(self, exchange: Exchange) -> bool:
        """Whether relabellings keep regions apart that donors do not link: free ones would link them."""
        return exchange != "free" or len(self.parts) == 1

    def format_parts(self, names: Sequence[str]) -> str:
        """Name the regions that donors do not link, as a clause."""
        listed = " and ".join("{" + ", ".join(names[region] for region in part) + "}" for part in self.parts)
        return f"no donor has samples in regions of two of these groups: {listed}"


def _count_arrangements(counts: list[int]) -> int:
    """Number of distinct orders of things of which some are alike: the multinomial coefficient."""
    return math.factorial(sum(counts)) // math.prod(math.factorial(count) for count in counts)


def _count_renamings(counts: Counts) -> int:
    """Number of ways to rename regions that keep counts (d, k), of the regions that have samples."""
    _, n_alike = np.unique(counts[:, counts.any(axis=0)], axis=1, return_counts=True)
    return math.prod(math.factorial(n) for n in n_alike.tolist())


def _count_allotments(sizes: list[int], totals: list[int]) -> dict[tuple[int, ...], int]:
    """Ways to give things of some sizes to regions with room for `totals`, by the room that is left, sorted."""
    ways = {tuple(sorted(totals)): 1}
    for size in sizes:
        fuller: dict[tuple[int, ...], int] = {}
        for room, count in ways.items():
            for region, left in enumerate(room):
                if left >= size:
                    after = tuple(sorted((*room[:region], left - size, *room[region + 1 :])))
                    fuller[after] = fuller.get(after, 0) + count
        ways = fuller
    return ways
