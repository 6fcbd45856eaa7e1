"""Samples of a reference, their pairs, and sums over pairs of the genes measured in them. Arrays only.

What costs the square of the number of samples is done once for a reference (`Reference`) and once for the genes
measured in it (`sum_pairs`), and serves every pair of regions in it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jugex.errors import AtlasError
from jugex.stats.threads import one_blas_thread

__all__ = [
    "BETWEEN",
    "EDGES_MM",
    "KIND_OF_GROUP",
    "LENGTHS_MM",
    "N_CLASSES",
    "N_GROUPS",
    "N_RAW",
    "PER_GROUP",
    "WITHIN",
    "PairSums",
    "Pairs",
    "Reference",
    "Sums",
    "map_blocks",
    "sum_pairs",
]

#: Edges of the bins of distance in mm, each [lo, hi); pairs further apart are not used.
EDGES_MM = np.array([0.0, 4, 8, 12, 16, 20, 25, 30, 40, 50, 65, 80, 200])
#: Ranges in mm of the exponential covariances of which the pooled variogram is a mixture.
LENGTHS_MM = np.array([4.0, 8, 16, 32, 64, 128])
WITHIN, BETWEEN = 0, 1  # kinds of pairs: of one donor, of two donors

# Pairs fall into classes: 5 groups, each with a class per bin of distance and one for pairs further apart than all.
# Donors in sorted order belong to two halves in turn.
N_RAW = len(EDGES_MM) - 1
PER_GROUP = N_RAW + 1
N_GROUPS = 5  # within a donor of half 0, of half 1; between donors of half 0, of half 1, of both
KIND_OF_GROUP = np.array([WITHIN, WITHIN, BETWEEN, BETWEEN, BETWEEN])
N_CLASSES = N_GROUPS * PER_GROUP
_BIN_OF_MM = np.searchsorted(EDGES_MM, np.arange(EDGES_MM[-1] + 1), side="right") - 1  # edges are whole numbers
_NO_VARIATION = 1e-20  # a sum of squares within donors of that much of the total is rounding
_GENES_AT_ONCE = 128  # their values stay in a core's own cache

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reference:
    """Samples that show how expression varies where the regions are.

    Parameters
    ----------
    points : array_like of float, shape (N, 3)
        MNI coordinates in mm.
    donors : array_like, shape (N,)
        Donor of each sample, anything that sorts.
    covariates : array_like of float, shape (N, q), optional
        Covariates of the samples, which genes are adjusted for.

    Raises
    ------
    AtlasError
        If shapes do not fit, or a value is not finite.
    """

    points: Floats
    donors: npt.NDArray[np.generic]
    covariates: Floats | None = None

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64)
        donors = np.asarray(self.donors)
        if points.ndim != 2 or points.shape[1] != 3 or donors.shape != points.shape[:1] or not len(points):
            raise AtlasError(
                f"points must have shape (N, 3) and donors (N,), N at least 1; got {points.shape} and {donors.shape}"
            )
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "donors", donors)
        if self.covariates is not None:
            covariates = np.asarray(self.covariates, dtype=np.float64)
            if covariates.ndim != 2 or len(covariates) != len(points):
                raise AtlasError(f"covariates must have shape ({len(points)}, q); got {covariates.shape}")
            object.__setattr__(self, "covariates", covariates)
        if not np.isfinite(self.columns).all():
            raise AtlasError("points and covariates must be finite numbers")

    @cached_property
    def donor_codes(self) -> Ints:
        """Donor of each sample, as its place among the sorted donors, shape (N,)."""
        return np.asarray(np.unique(self.donors, return_inverse=True)[1], dtype=np.intp)

    @property
    def n_samples(self) -> int:
        """Number of samples, N."""
        return len(self.points)

    @cached_property
    def n_donors(self) -> int:
        """Number of donors."""
        return int(self.donor_codes.max()) + 1

    @cached_property
    def columns(self) -> Floats:
        """What a projection may take off: donors' indicators, covariates and coordinates, centred, shape (N, z)."""
        numeric = self.points if self.covariates is None else np.hstack([self.covariates, self.points])
        donors = self.donor_codes[:, None] == np.arange(self.n_donors)
        return np.hstack([donors, numeric - numeric.mean(axis=0)])

    @cached_property
    def distances(self) -> Floats:
        """Distances in mm, shape (N, N)."""
        squares = np.zeros((self.n_samples, self.n_samples))
        for axis in self.points.T:
            squares += (axis[:, None] - axis) ** 2
        return np.sqrt(squares, out=squares)

    @cached_property
    def classes(self) -> npt.NDArray[np.uint8]:
        """Class of each pair, shape (N, N)."""
        half = self.donor_codes % 2
        same = self.donor_codes[:, None] == self.donor_codes
        groups = np.where(same, half[:, None], np.where(half[:, None] == half, 2 + half[:, None], 4)).astype(np.uint8)
        whole_mm = np.minimum(self.distances, EDGES_MM[-1]).astype(np.intp)
        classes: npt.NDArray[np.uint8] = groups * np.uint8(PER_GROUP) + _BIN_OF_MM.astype(np.uint8)[whole_mm]
        np.fill_diagonal(classes, N_CLASSES)  # no class
        return classes

    @cached_property
    def pairs(self) -> Pairs:
        """Every pair, once."""
        return Pairs(self, *np.triu_indices(self.n_samples, 1), complete=True)


class Pairs:
    """Some pairs of a reference's samples, in rising order of the first, and sums over those of each class.

    `complete` says that every pair is among them.
    """

    def __init__(self, reference: Reference, first: Ints, second: Ints, *, complete: bool = False) -> None:
        self._reference, self._complete = reference, complete
        self.first, self.second = first, second
        self.classes = reference.classes[first, second].astype(np.intp)

    @cached_property
    def by_group(self) -> Summation:
        """For sums over the pairs of each class."""
        return self._list(self.classes, KIND_OF_GROUP)

    @cached_property
    def by_kind(self) -> Summation:
        """For sums over the pairs of each kind and bin, whatever the half of their donors."""
        groups, bins = np.divmod(self.classes, PER_GROUP)
        return self._list(KIND_OF_GROUP[groups] * PER_GROUP + bins, np.array([WITHIN, BETWEEN]))

    def _list(self, classes: Ints, kinds: Ints) -> Summation:
        n = self._reference.n_samples
        n_classes = len(kinds) * PER_GROUP
        keys = classes * n
        degrees = np.bincount(keys + self.first, minlength=n_classes * n)
        degrees += np.bincount(keys + self.second, minlength=n_classes * n)
        rest = None
        order = np.argsort(classes.astype(np.uint8), kind="stable")
        if self._complete:
            bins = classes % PER_GROUP
            rest = int(np.bincount(bins).argmax())
            order = order[bins[order] != rest]
        ends = np.cumsum(np.bincount((keys + self.first)[order], minlength=n_classes * n))
        bounds = np.arange(n_classes)[:, None] * n + np.arange(n + 1)
        return Summation(
            partners=self.second[order].astype(np.int32),
            starts=np.concatenate([[0], ends])[bounds],
            degrees=degrees.reshape(n_classes, n).astype(np.float64),
            rest=rest,
            within=[
                np.isin(self._reference.donor_codes % 2, halves) for halves in ([[0], [1]], [[0, 1]])[len(kinds) == 2]
            ],
        )

    @cached_property
    def sums(self) -> Sums:
        """Sums that do not depend on genes."""
        reference, n_keys = self._reference, N_CLASSES * self._reference.n_samples
        distances = reference.distances[self.first, self.second]
        decay = np.exp(distances / -LENGTHS_MM[-1])
        decays = np.empty((len(LENGTHS_MM), N_CLASSES))
        for row in range(len(LENGTHS_MM) - 1, -1, -1):  # each range is half of the next: exp(-d / L) is its square
            decays[row] = self._sum(decay)
            decay *= decay
        first, second = (self.classes * reference.n_samples + side for side in (self.first, self.second))
        laplacian = np.empty((reference.columns.shape[1], n_keys))
        for row, column in enumerate(reference.columns.T):
            steps = column[self.first] - column[self.second]
            laplacian[row] = np.bincount(first, steps, n_keys) - np.bincount(second, steps, n_keys)
        return Sums(
            counts=np.bincount(self.classes, minlength=N_CLASSES).astype(np.float64),
            distances=self._sum(distances),
            decays=decays,
            laplacians=laplacian.reshape(-1, N_CLASSES, reference.n_samples).transpose(1, 0, 2),
        )

    def _sum(self, weights: Floats) -> Floats:
        return np.bincount(self.classes, weights, N_CLASSES).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Summation:
    """Pairs in the order in which they are summed for a block of genes.

    Attributes
    ----------
    partners : ndarray of int32
        Second samples of the pairs.
    starts : ndarray of intp, shape (C, N + 1)
        Where the partners of each class and first sample begin and end.
    degrees : ndarray of float64, shape (C, N)
        Number of each sample's partners.
    rest : int or None
        The bin with most pairs, which are not listed where all pairs are summed: its sums follow from the others.
    within : list of ndarray of bool, shape (N,)
        Samples of the donors of each group of pairs within donors, the first groups.
    """

    partners: npt.NDArray[np.int32]
    starts: Ints
    degrees: Floats
    rest: int | None
    within: list[Flags]

    def sum_squares(self, values: Floats) -> Floats:
        """Sum (y_i - y_j)^2 over the pairs of each class, of values centred in each donor: (N, b) to (C, b).

        Over all pairs of a donor products of centred values add up to minus half their squares, over those of two
        donors to 0.
        """
        from jugex.stats.pair_kernels import sum_products

        squares = values**2
        products = np.empty((len(self.starts), values.shape[1]))
        sum_products(values, self.partners, self.starts, products)
        if self.rest is not None:
            by_group = products.reshape(-1, PER_GROUP, values.shape[1])
            by_group[:, self.rest] = -by_group.sum(axis=1)  # its own are 0 so far
            for group, samples in enumerate(self.within):
                by_group[group, self.rest] -= squares[samples].sum(axis=0) / 2
        return np.asarray(self.degrees @ squares - 2 * products)


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over the pairs of C classes: their number (C,), distance (C,) and exp(-d / L) (6, C) for each range L.

    `laplacians` (C, z, N) are L Z, for the columns Z of the reference and the graph Laplacian L of the class: y'Ly is
    the sum of (y_i - y_j)^2 over its pairs.
    """

    counts: Floats
    distances: Floats
    decays: Floats
    laplacians: Floats

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) - getattr(other, name) for name in self.__dataclass_fields__))

    def gather(self, grouping: Floats) -> Sums:
        """Sums over groups of classes; `grouping` (k, C) has 1 where a class belongs to a group."""
        z, n = self.laplacians.shape[1:]
        return Sums(
            counts=grouping @ self.counts,
            distances=grouping @ self.distances,
            decays=self.decays @ grouping.T,
            laplacians=(grouping @ self.laplacians.reshape(N_CLASSES, -1)).reshape(-1, z, n),
        )


@dataclass(frozen=True, eq=False)
class PairSums:
    """Genes measured in a reference, with the sums of squares over its pairs.

    Attributes
    ----------
    reference : Reference
    values : ndarray of float, shape (g, N)
        As given.
    squares : ndarray of float64, shape (C, g)
        Sum of (y_i - y_j)^2 over the pairs of each kind and bin or, with `halves`, of each class.
    halves : bool
        Whether the pairs of each half of the donors were summed by themselves.
    varies : ndarray of bool, shape (g,)
        Whether a gene is not constant within every donor.
    n_threads : int
        Threads for blocks of genes.
    """

    reference: Reference
    values: npt.NDArray[np.floating]
    squares: Floats
    halves: bool
    varies: Flags
    n_threads: int

    def centre(self, block: slice) -> Floats:
        """Values less their donor's mean, shape (N, b)."""
        return _centre(self.reference, self.values[block])[0]

    @property
    def semivariance(self) -> Floats:
        """Mean of (y_i - y_j)^2 / 2 over all pairs, shape (g,)."""
        n_pairs = self.reference.n_samples * (self.reference.n_samples - 1) / 2
        return np.asarray(self.squares.sum(axis=0) / (2 * max(n_pairs, 1)))


def sum_pairs(reference: Reference, values: npt.ArrayLike, *, halves: bool = True, n_threads: int = 1) -> PairSums:
    """Sum the squared differences of genes over the pairs of a reference.

    This is most of the work for many genes, and serves every pair of regions in the reference.

    Parameters
    ----------
    reference : Reference
        Of N samples.
    values : array_like of float, shape (g, N)
        Gene-level values; float32 and float64 are not copied.
    halves : bool, optional
        Sum over the pairs of each half of the donors by themselves, which a pool needs. Without, many genes take a
        tenth less time.
    n_threads : int, optional
        Threads for blocks of genes; the numbers do not depend on them.

    Returns
    -------
    PairSums

    Raises
    ------
    AtlasError
        If the shape does not fit, or a value is not finite.
    """
    array = np.asarray(values)
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    if array.ndim != 2 or array.shape[1] != reference.n_samples:
        raise AtlasError(f"values must have shape (genes, {reference.n_samples}); got {array.shape}")

    summation = reference.pairs.by_group if halves else reference.pairs.by_kind
    squares, varies = np.empty((len(summation.starts), len(array))), np.empty(len(array), dtype=bool)

    def sum_block(block: slice) -> None:
        centred, means = _centre(reference, array[block])
        squares[:, block] = summation.sum_squares(centred)
        within = squares[:, block].sum(axis=0) / reference.n_samples  # over all pairs: N times the sum of squares
        if not np.isfinite(within).all():
            raise AtlasError("values must be finite numbers: leave genes with missing values out")
        between = np.bincount(reference.donor_codes) @ means**2
        varies[block] = within > _NO_VARIATION * (within + between)

    map_blocks(sum_block, len(array), n_threads)
    return PairSums(reference, array, squares, halves=halves, varies=varies, n_threads=n_threads)


def map_blocks(function: Callable[[slice], None], n_genes: int, n_threads: int) -> None:
    """Call a function for each block of genes, in threads where there are several of both.

    Linear algebra within a block takes one thread, so that its numbers do not depend on how many there are.
    """
    blocks = [slice(start, min(start + _GENES_AT_ONCE, n_genes)) for start in range(0, n_genes, _GENES_AT_ONCE)]
    with one_blas_thread():
        if n_threads == 1 or len(blocks) == 1:
            for block in blocks:
                function(block)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(function, blocks))  # a list, so that what a thread raises is raised here


def _centre(reference: Reference, values: npt.NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Values (g, N) less their donor's mean, as (N, g), and the means, which every projection takes off anyway."""
    centred = np.array(values.T, dtype=np.float64, order="C")
    donors = reference.columns[:, : reference.n_donors]
    means = (donors / donors.sum(axis=0)).T @ centred
    centred -= means[reference.donor_codes]
    return centred, means
