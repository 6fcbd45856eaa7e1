"""How genes vary in the tissue around two regions: pairs of samples, bins of distance, and the pooled variogram.

Arrays only. Matheron (1963), Economic Geology 58:1246-1266, doi 10.2113/gsecongeo.58.8.1246; Cressie (1993),
Statistics for Spatial Data, doi 10.1002/9781119115151, section 2.4.

What costs the square of the number of samples is done once for a reference (`Reference`) and once for the genes
measured in it (`sum_pairs`). Two regions then take out the pairs that touch their samples (`Surroundings`); what they
change in the projection of the genes has low rank, and is added to the sums (`project`).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jugex.errors import AtlasError, DesignError

__all__ = [
    "BETWEEN",
    "EDGES_MM",
    "WITHIN",
    "Bins",
    "Mixture",
    "PairSums",
    "Projection",
    "Reference",
    "Surroundings",
    "fit_mixture",
    "sum_pairs",
]

#: Edges of the bins of distance in mm, each [lo, hi); pairs further apart are not used.
EDGES_MM = np.array([0.0, 4, 8, 12, 16, 20, 25, 30, 40, 50, 65, 80, 200])
#: Ranges in mm of the exponential covariances of which the pooled variogram is a mixture.
LENGTHS_MM = np.array([4.0, 8, 16, 32, 64, 128])
WITHIN, BETWEEN = 0, 1  # kinds of pairs: of one donor, of two donors
_MIN_PAIRS = 60  # of each kind in a bin
_SCALE_LO_MM, _SCALE_HI_MM = 41.0, 12.5  # bins with lo below the one and hi above the other give a gene's variance

# Pairs fall into classes: 5 groups, each with a class per bin of distance and one for pairs further apart than all.
# Donors in sorted order belong to two halves in turn.
_N_RAW = len(EDGES_MM) - 1
_PER_GROUP = _N_RAW + 1
_GROUPS = 5  # within a donor of half 0, of half 1; between donors of half 0, of half 1, of both
_KIND_OF_GROUP = np.array([WITHIN, WITHIN, BETWEEN, BETWEEN, BETWEEN])
_N_CLASSES = _GROUPS * _PER_GROUP
_BIN_OF_MM = np.searchsorted(EDGES_MM, np.arange(EDGES_MM[-1] + 1), side="right") - 1  # edges are whole numbers
_NO_VARIATION = 1e-20  # a sum of squares within donors of that much of the total is rounding
_NO_SCALE = 1e-12  # and so is s2 of that much of the semivariance of all pairs
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
        Where shapes do not fit, or a value is not finite.
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
        """What a projection may take off: donors' indicators, coordinates and covariates, centred, shape (N, z)."""
        numeric = self.points if self.covariates is None else np.hstack([self.points, self.covariates])
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
        classes: npt.NDArray[np.uint8] = groups * np.uint8(_PER_GROUP) + _BIN_OF_MM.astype(np.uint8)[whole_mm]
        np.fill_diagonal(classes, _N_CLASSES)  # no class
        return classes

    @cached_property
    def pairs(self) -> _Pairs:
        """Every pair, once."""
        return _Pairs(self, *np.triu_indices(self.n_samples, 1), complete=True)


class _Pairs:
    """Some pairs of a reference's samples, in rising order of the first, and sums over those of each class.

    `complete` says that every pair is among them.
    """

    def __init__(self, reference: Reference, first: Ints, second: Ints, *, complete: bool = False) -> None:
        self._reference, self._complete = reference, complete
        self.first, self.second = first, second
        self.classes = reference.classes[first, second].astype(np.intp)

    @cached_property
    def by_group(self) -> _Summation:
        """For sums over the pairs of each class."""
        return self._list(self.classes, _KIND_OF_GROUP)

    @cached_property
    def by_kind(self) -> _Summation:
        """For sums over the pairs of each kind and bin, whatever the half of their donors."""
        groups, bins = np.divmod(self.classes, _PER_GROUP)
        return self._list(_KIND_OF_GROUP[groups] * _PER_GROUP + bins, np.array([WITHIN, BETWEEN]))

    def _list(self, classes: Ints, kinds: Ints) -> _Summation:
        n = self._reference.n_samples
        n_classes = len(kinds) * _PER_GROUP
        keys = classes * n
        degrees = np.bincount(keys + self.first, minlength=n_classes * n)
        degrees += np.bincount(keys + self.second, minlength=n_classes * n)
        rest = None
        order = np.argsort(classes.astype(np.uint8), kind="stable")
        if self._complete:
            bins = classes % _PER_GROUP
            rest = int(np.bincount(bins).argmax())
            order = order[bins[order] != rest]
        ends = np.cumsum(np.bincount((keys + self.first)[order], minlength=n_classes * n))
        bounds = np.arange(n_classes)[:, None] * n + np.arange(n + 1)
        return _Summation(
            partners=self.second[order].astype(np.int32),
            starts=np.concatenate([[0], ends])[bounds],
            degrees=degrees.reshape(n_classes, n).astype(np.float64),
            rest=rest,
            within=[
                np.isin(self._reference.donor_codes % 2, halves) for halves in ([[0], [1]], [[0, 1]])[len(kinds) == 2]
            ],
        )

    @cached_property
    def sums(self) -> _Sums:
        """Sums that do not depend on genes."""
        reference, n_keys = self._reference, _N_CLASSES * self._reference.n_samples
        distances = reference.distances[self.first, self.second]
        decay = np.exp(distances / -LENGTHS_MM[-1])
        decays = np.empty((len(LENGTHS_MM), _N_CLASSES))
        for row in range(len(LENGTHS_MM) - 1, -1, -1):  # each range is half of the next: exp(-d / L) is its square
            decays[row] = self._sum(decay)
            decay *= decay
        first, second = (self.classes * reference.n_samples + side for side in (self.first, self.second))
        laplacian = np.empty((reference.columns.shape[1], n_keys))
        for row, column in enumerate(reference.columns.T):
            steps = column[self.first] - column[self.second]
            laplacian[row] = np.bincount(first, steps, n_keys) - np.bincount(second, steps, n_keys)
        return _Sums(
            counts=np.bincount(self.classes, minlength=_N_CLASSES).astype(np.float64),
            distances=self._sum(distances),
            decays=decays,
            laplacians=laplacian.reshape(-1, _N_CLASSES, reference.n_samples).transpose(1, 0, 2),
        )

    def _sum(self, weights: Floats) -> Floats:
        return np.bincount(self.classes, weights, _N_CLASSES).astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Summation:
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
            by_group = products.reshape(-1, _PER_GROUP, values.shape[1])
            by_group[:, self.rest] = -by_group.sum(axis=1)  # its own are 0 so far
            for group, samples in enumerate(self.within):
                by_group[group, self.rest] -= squares[samples].sum(axis=0) / 2
        return np.asarray(self.degrees @ squares - 2 * products)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the pairs of C classes: their number (C,), distance (C,) and exp(-d / L) (6, C) for each range L.

    `laplacians` (C, z, N) are L Z, for the columns Z of the reference and the graph Laplacian L of the class: y'Ly is
    the sum of (y_i - y_j)^2 over its pairs.
    """

    counts: Floats
    distances: Floats
    decays: Floats
    laplacians: Floats

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(*(getattr(self, name) - getattr(other, name) for name in self.__dataclass_fields__))

    def gather(self, grouping: Floats) -> _Sums:
        """Sums over groups of classes; `grouping` (k, C) has 1 where a class belongs to a group."""
        z, n = self.laplacians.shape[1:]
        return _Sums(
            counts=grouping @ self.counts,
            distances=grouping @ self.distances,
            decays=self.decays @ grouping.T,
            laplacians=(grouping @ self.laplacians.reshape(_N_CLASSES, -1)).reshape(-1, z, n),
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
        return _centre(self.reference, self.values[block])

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
        Where the shape does not fit, or a value is not finite.
    """
    array = np.asarray(values)
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    if array.ndim != 2 or array.shape[1] != reference.n_samples:
        raise AtlasError(f"values must have shape (genes, {reference.n_samples}); got {array.shape}")

    summation = reference.pairs.by_group if halves else reference.pairs.by_kind
    squares, varies = np.empty((len(summation.starts), len(array))), np.empty(len(array), dtype=bool)

    def sum_block(block: slice) -> None:
        centred = _centre(reference, array[block])
        if not np.isfinite(centred).all():
            raise AtlasError("values must be finite numbers: leave genes with missing values out")
        squares[:, block] = summation.sum_squares(centred)
        varies[block] = (centred**2).sum(axis=0) > _NO_VARIATION * (array[block].astype(np.float64) ** 2).sum(axis=1)

    _map(sum_block, _cut(len(array)), n_threads)
    return PairSums(reference, array, squares, halves=halves, varies=varies, n_threads=n_threads)


def _cut(n_genes: int) -> list[slice]:
    return [slice(start, min(start + _GENES_AT_ONCE, n_genes)) for start in range(0, n_genes, _GENES_AT_ONCE)]


def _map(function: Callable[[slice], None], blocks: list[slice], n_threads: int) -> None:
    if n_threads == 1 or len(blocks) == 1:
        for block in blocks:
            function(block)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(function, blocks))  # a list, so that what a thread raises is raised here


def _centre(reference: Reference, values: npt.NDArray[np.floating]) -> Floats:
    """Values (g, N) less their donor's mean, as (N, g): every projection takes donors' constants off, sums need not."""
    centred = np.array(values.T, dtype=np.float64, order="C")
    donors = reference.columns[:, : reference.n_donors]
    means = (donors / donors.sum(axis=0)).T @ centred
    centred -= means[reference.donor_codes]
    return centred


@dataclass(frozen=True, eq=False)
class Bins:
    """K bins of distance, merged until each has enough pairs of both kinds.

    Attributes
    ----------
    edges : ndarray of float64, shape (K, 2)
        In mm, [lo, hi).
    counts : ndarray of float64, shape (2, K)
        Pairs within and between donors.
    means : ndarray of float64, shape (2, K)
        Mean distance of the pairs in mm.
    """

    edges: Floats
    counts: Floats
    means: Floats

    @property
    def n_bins(self) -> int:
        """Number of bins, K."""
        return len(self.edges)

    @property
    def of_scale(self) -> Flags:
        """Which bins give the variance of a gene, s2: those of middle distances, shape (K,)."""
        return np.asarray((self.edges[:, 0] < _SCALE_LO_MM) & (self.edges[:, 1] > _SCALE_HI_MM))

    def interpolate(self, kind: int, distances: Floats | float) -> Floats:
        """Weights of the bins of a kind in the linear interpolation at distances, constant outside, shape (K, ...)."""
        means, distances = self.means[kind], np.asarray(distances, dtype=np.float64)
        above = np.searchsorted(means, distances, side="right")
        low, high = np.maximum(above - 1, 0), np.minimum(above, self.n_bins - 1)
        gap = np.where(high > low, means[high] - means[low], 1.0)
        share = np.where(high > low, (distances - means[low]) / gap, 0.0)
        k = np.arange(self.n_bins).reshape(-1, *(1,) * distances.ndim)
        return np.asarray((k == low) * (1 - share) + (k == high) * share)


class Surroundings:
    """The tissue around two regions: the samples elsewhere and their pairs.

    Parameters
    ----------
    reference : Reference
        Of N samples.
    cells : array_like of int, shape (N,)
        0 in region 1, 1 in region 2, -1 elsewhere.

    Attributes
    ----------
    regions : ndarray of intp
        Samples of either region.
    elsewhere : ndarray of bool, shape (N,)
    bins : Bins
    """

    def __init__(self, reference: Reference, cells: npt.ArrayLike) -> None:
        self.reference, self.cells = reference, np.asarray(cells)
        if self.cells.shape != (reference.n_samples,) or not np.isin(self.cells, (-1, 0, 1)).all():
            raise DesignError(f"cells must be -1, 0 or 1 for each of {reference.n_samples} samples")
        self.cells = self.cells.astype(np.intp)
        self.elsewhere = self.cells < 0
        self.regions = np.flatnonzero(~self.elsewhere)
        self._merge, self._left_out = self._choose_pairs()
        self._sums = reference.pairs.sums - self._left_out.sums
        by_kind = self.sums_by_kind
        shape = (2, -1)
        counts = by_kind.counts.reshape(shape)
        first = np.flatnonzero(np.diff(self._merge, prepend=-1))
        edges = np.column_stack([EDGES_MM[first], EDGES_MM[[*first[1:], _N_RAW]]])
        with np.errstate(invalid="ignore"):  # a kind without pairs: then there are too few bins for any test
            self.bins = Bins(edges=edges, counts=counts, means=by_kind.distances.reshape(shape) / counts)

    def _choose_pairs(self) -> tuple[Ints, _Pairs]:
        """Merged bin of each raw one, and the pairs that are left out."""
        reference, touched = self.reference, self.regions
        i, j = (side.ravel() for side in np.meshgrid(touched, np.arange(reference.n_samples), indexing="ij"))
        once = self.elsewhere[j] | (i < j)
        i, j = i[once], j[once]
        classes = reference.classes[i, j].astype(np.intp)
        touched_counts = np.bincount(classes, minlength=_N_CLASSES)
        counts = _by_kind(reference.pairs.sums.counts - touched_counts)
        # where pairs elsewhere are few, those with both samples in one region are taken too
        few = (counts < _MIN_PAIRS)[_KIND_OF_GROUP].ravel()
        added = (self.cells[i] == self.cells[j]) & few[classes]
        counts += _by_kind(np.bincount(classes[added], minlength=_N_CLASSES))
        return _merge_bins(counts), _Pairs(reference, i[~added], j[~added])

    @cached_property
    def _merged(self) -> Flags:
        """Which merged bin each bin of a group of pairs belongs to, shape (K, 13)."""
        return np.asarray(np.append(self._merge, -1) == np.arange(self._merge[-1] + 1)[:, None])

    @cached_property
    def sums_by_kind(self) -> _Sums:
        """Sums over the pairs of each kind and merged bin."""
        return self._sums.gather(np.kron(np.arange(2)[:, None] == _KIND_OF_GROUP, self._merged).astype(np.float64))

    @cached_property
    def sums_by_group(self) -> _Sums:
        """Sums over the pairs of each group of donors and merged bin."""
        return self._sums.gather(np.kron(np.eye(_GROUPS), self._merged).astype(np.float64))

    def sum_squares(self, sums: PairSums, block: slice, centred: Floats) -> Floats:
        """Sum (y_i - y_j)^2 over the pairs of each merged bin and kind or, with halves, group of donors."""
        left_out = self._left_out.by_group if sums.halves else self._left_out.by_kind
        kept = sums.squares[:, block] - left_out.sum_squares(centred)
        return np.asarray(np.kron(np.eye(len(kept) // _PER_GROUP), self._merged) @ kept)

    def weigh_pairs(self, weights: Floats) -> Floats:
        """Matrix Q with y'Qy = the sum over kinds and bins of weights (2, K) times semivariances, shape (N, N)."""
        per_class = np.zeros((_GROUPS, _PER_GROUP))
        per_class[:, :_N_RAW] = (weights / (2 * self.bins.counts))[_KIND_OF_GROUP][:, self._merge]
        q = -np.append(per_class, 0.0)[self.reference.classes]
        q[self._left_out.first, self._left_out.second] = q[self._left_out.second, self._left_out.first] = 0
        np.fill_diagonal(q, -q.sum(axis=1))
        return np.asarray(q)


def _by_kind(counts: npt.NDArray[np.number]) -> Floats:
    """Counts of classes (C,) as counts of kinds and bins, shape (2, K + 1)."""
    by_group = counts.reshape(_GROUPS, _PER_GROUP)
    return np.stack([by_group[kind == _KIND_OF_GROUP].sum(axis=0) for kind in (WITHIN, BETWEEN)]).astype(np.float64)


def _merge_bins(counts: Floats) -> Ints:
    """Merged bin of each raw one: from short to long a bin closes once both kinds have enough; the rest joins it."""
    merge, current, held = np.zeros(_N_RAW, dtype=np.intp), 0, np.zeros(2)
    for raw in range(_N_RAW):
        merge[raw] = current
        held = held + counts[:, raw]
        if (held >= _MIN_PAIRS).all():
            current, held = current + 1, np.zeros(2)
    return np.minimum(merge, max(current - 1, 0))


class Projection:
    """The projection H: genes less their gradient and covariates, and less each donor's mean elsewhere.

    H = I - Z K with the columns Z of the reference and coefficients K: what it takes off has low rank.

    Parameters
    ----------
    around : Surroundings
    gradient : bool
        Whether a linear gradient in the coordinates is taken off.

    Attributes
    ----------
    columns : ndarray of intp, shape (z,)
        Which of the reference's columns.
    coefficients : ndarray of float64, shape (z, N)
        K: the donors' means, then the slopes.
    numeric : ndarray of float64, shape (N, q)
        Coordinates (with a gradient) and covariates.
    slopes : ndarray of float64, shape (q, N)
        Their coefficients, by least squares with a mean per donor and cell. A contrast c that sums to 0 in each donor
        becomes H'c = c - slopes' numeric' c.
    """

    def __init__(self, around: Surroundings, *, gradient: bool) -> None:
        reference = around.reference
        n_donors, n_columns = reference.n_donors, reference.columns.shape[1]
        self.around, self.gradient = around, gradient
        self.columns = np.r_[:n_donors, (n_donors if gradient else n_donors + 3) : n_columns]
        self.numeric = numeric = np.ascontiguousarray(reference.columns[:, self.columns[n_donors:]])
        self.slopes = slopes = _fit_slopes(numeric, reference.donor_codes * 3 + around.cells + 1)
        donors = reference.columns[:, :n_donors]
        of_mean = donors * around.elsewhere[:, None]
        of_mean = np.where(of_mean.any(axis=0), of_mean, donors)
        means = (of_mean / of_mean.sum(axis=0)).T
        self.coefficients = np.vstack([means - (means @ numeric) @ slopes, slopes])

    @cached_property
    def basis(self) -> Floats:
        """Z, shape (N, z)."""
        return np.ascontiguousarray(self.around.reference.columns[:, self.columns])

    def apply_twice(self, matrix: Floats) -> Floats:
        """H G H' for a symmetric G, shape (N, N)."""
        basis, coefficients = self.basis, self.coefficients
        half = matrix - basis @ (coefficients @ matrix)
        return np.asarray(half - (half @ coefficients.T) @ basis.T)


def _fit_slopes(numeric: Floats, groups: Ints) -> Floats:
    """Least squares on columns (N, q) with a mean per group, as a matrix (q, N); 0 for what does not vary within."""
    if not numeric.shape[1]:
        return np.zeros((0, len(numeric)))
    members = np.unique(groups)[:, None] == groups
    within = numeric - ((members / members.sum(axis=1, keepdims=True)) @ numeric)[np.argmax(members, axis=0)]
    norms = np.sqrt((within**2).sum(axis=0))
    norms[norms <= 1e-10 * np.sqrt((numeric**2).sum(axis=0))] = np.inf
    return np.asarray(np.linalg.pinv(within / norms, rcond=1e-10) / norms[:, None])


@dataclass(frozen=True, eq=False)
class Projected:
    """Genes after a projection.

    Attributes
    ----------
    semivariances : ndarray of float64, shape (2, K, g)
        f of Matheron (1963): mean of (y_i - y_j)^2 / 2 over the pairs within and between donors of each bin.
    scale : ndarray of float64, shape (g,)
        s2, the mean of the semivariance within donors over bins of middle distances; NaN for a gene that is constant
        there.
    halves : ndarray of float64, shape (2, 2, K, g), or None
        Semivariances in each half of the donors.
    values : ndarray of float64, shape (n, g)
        Of the samples of the regions.
    """

    semivariances: Floats
    scale: Floats
    halves: Floats | None
    values: Floats

    @property
    def varies(self) -> Flags:
        """Which genes have a scale, shape (g,)."""
        return ~np.isnan(self.scale)

    def take(self, genes: Flags) -> Projected:
        """Some of the genes."""
        return Projected(
            semivariances=self.semivariances[..., genes],
            scale=self.scale[genes],
            halves=None if self.halves is None else self.halves[..., genes],
            values=self.values[:, genes],
        )


def project(sums: PairSums, projections: list[Projection]) -> list[Projected]:
    """Project genes, in every way asked for, in one pass over them.

    y'H'LHy = y'Ly - 2 k'Z'Ly + k'Z'LZk with k = Ky, for the Laplacian L of each bin: the sums over pairs are those of
    the reference, and the rest costs a product of a few hundred rows.
    """
    around, reference = projections[0].around, sums.reference
    gathered = around.sums_by_group if sums.halves else around.sums_by_kind
    laplacians, (rows, z, n) = gathered.laplacians, gathered.laplacians.shape
    grams = laplacians.reshape(-1, n) @ reference.columns
    linear_map = np.vstack([laplacians.reshape(-1, n), *(one.coefficients for one in projections)])
    squares = [np.empty((rows, len(sums.values))) for _ in projections]
    values = [np.empty((len(around.regions), len(sums.values))) for _ in projections]

    def project_block(block: slice) -> None:
        centred = sums.centre(block)
        bare = around.sum_squares(sums, block, centred)
        linear = linear_map @ centred
        cross, done = linear[: rows * z].reshape(rows, z, -1), rows * z
        for number, one in enumerate(projections):
            k = linear[done : done + len(one.columns)]
            done += len(one.columns)
            gram = grams.reshape(rows, z, z)[:, one.columns[:, None], one.columns]
            squares[number][:, block] = bare + ((gram @ k - 2 * cross[:, one.columns]) * k).sum(axis=1)
            values[number][:, block] = centred[around.regions] - one.basis[around.regions] @ k

    _map(project_block, _cut(len(sums.values)), sums.n_threads)
    least = np.where(sums.varies, _NO_SCALE * sums.semivariance, np.inf)
    return [_average(*arrays, gathered.counts, around.bins, least) for arrays in zip(squares, values, strict=True)]


_MIN_PAIRS_OF_HALF = 10  # a bin with fewer takes the pairs of all donors


def _average(squares: Floats, values: Floats, counts: Floats, bins: Bins, least: Floats) -> Projected:
    counts, squares = counts.reshape(-1, bins.n_bins, 1), squares.reshape(-1, bins.n_bins, squares.shape[1])
    if len(counts) == 2:
        f, halves = squares / (2 * counts), None
    else:
        kinds = [kind == _KIND_OF_GROUP for kind in (WITHIN, BETWEEN)]
        f = np.stack([squares[of].sum(axis=0) / (2 * counts[of].sum(axis=0)) for of in kinds])
        halves = np.stack(
            [
                np.where(counts[of] >= _MIN_PAIRS_OF_HALF, squares[of] / (2 * np.maximum(counts[of], 1)), f)
                for of in ([0, 2], [1, 3])
            ]
        )
    scale = f[WITHIN][bins.of_scale].mean(axis=0)
    scale = np.where(scale > least, scale, np.nan)
    return Projected(semivariances=f, scale=scale, halves=halves, values=values)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The pooled variogram: a nugget, fields of each donor's own and fields that all donors share.

    In units of a gene's variance s2; the fields have exponential covariances with ranges of 4 to 128 mm.

    Attributes
    ----------
    nugget : float
    own, shared : ndarray of float64, shape (6,)
        Variances of the fields of each range.
    """

    nugget: float
    own: Floats
    shared: Floats

    def own_covariance(self, distances: Floats | float) -> Floats:
        """Covariance of a donor's own fields at distances in mm, without nugget."""
        return _mix(self.own, distances)

    def between(self, distances: Floats | float) -> Floats:
        """g_x, the semivariance between donors at distances in mm."""
        return np.asarray(self.nugget + self.own.sum() + self.shared.sum() - _mix(self.shared, distances))

    def within(self, distances: Floats | float) -> Floats:
        """g_w, the semivariance within a donor at distances in mm, of two samples."""
        return np.asarray(self.between(distances) - self.own_covariance(distances))


def _mix(amounts: Floats, distances: Floats | float) -> Floats:
    total = np.zeros_like(np.asarray(distances, dtype=np.float64))
    for amount, length in zip(amounts, LENGTHS_MM, strict=True):
        if amount > 0:
            total += amount * np.exp(np.asarray(distances) / -length)
    return total


_LEAST_MEAN = 0.05  # below it the fit weighs absolute deviations


def fit_mixture(projection: Projection, pooled: Floats) -> Mixture:
    """Fit a mixture of covariances to the pooled variogram by non-negative least squares on relative deviations.

    Weights are those of Cressie (1993), section 2.6.2, with bins taken as equally informative. What a covariance V
    gives in a bin is the mean over its pairs of (W_ii + W_jj) / 2 - W_ij with W = H V H', so that the projection is
    accounted for.

    Parameters
    ----------
    projection : Projection
    pooled : ndarray of float64, shape (2, K)
        Mean over genes of their semivariances, each in units of its s2.

    Returns
    -------
    Mixture
    """
    from scipy.optimize import nnls

    around, reference = projection.around, projection.around.reference
    sums, columns, k = around.sums_by_kind, projection.columns, projection.coefficients
    laplacians = sums.laplacians[:, columns]
    grams = laplacians @ projection.basis
    same = reference.donor_codes[:, None] == reference.donor_codes
    within = np.repeat([1.0, 0.0], around.bins.n_bins)

    def expect(k_v: Floats, decays: Floats) -> Floats:
        """Bin means of a covariance V with 1 on its diagonal, K V, and the sums of V over the pairs."""
        traces = 2 * (sums.counts - decays) - 2 * (laplacians * k_v).sum(axis=(1, 2))
        return np.asarray((traces + (grams * (k_v @ k.T)).sum(axis=(1, 2))) / (2 * sums.counts))

    nugget, own, shared = expect(k, np.zeros_like(sums.counts)), [], []
    decay = np.exp(reference.distances / -LENGTHS_MM[-1])
    for decays in sums.decays[::-1]:
        own.append(expect(k @ (decay * same), decays * within))
        shared.append(expect(k @ decay, decays))
        decay *= decay
    expected = np.column_stack([nugget, *own[::-1], *shared[::-1]])
    target = pooled.ravel()
    weights = 1 / np.maximum(target, _LEAST_MEAN)
    amounts = nnls(expected * weights[:, None], target * weights)[0]
    n = len(LENGTHS_MM)
    return Mixture(nugget=float(amounts[0]), own=amounts[1 : n + 1], shared=amounts[n + 1 :])
