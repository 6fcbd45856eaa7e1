"""How genes vary in the tissue around two regions: bins of distance, projections, and the pooled variogram.

Arrays only. Matheron (1963), Economic Geology 58:1246-1266, doi 10.2113/gsecongeo.58.8.1246; Cressie (1993),
Statistics for Spatial Data, doi 10.1002/9781119115151, section 2.4.

Two regions take the pairs that touch their samples out of the sums of the reference (`Surroundings`); what they change
in the projection of the genes has low rank, and is added to the sums (`project`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jugex.errors import DesignError
from jugex.stats.pairs import (
    BETWEEN,
    EDGES_MM,
    KIND_OF_GROUP,
    LENGTHS_MM,
    N_CLASSES,
    N_GROUPS,
    N_RAW,
    PER_GROUP,
    WITHIN,
    Pairs,
    PairSums,
    Reference,
    Sums,
    map_blocks,
)

__all__ = ["Bins", "Mixture", "Projected", "Projection", "Surroundings", "fit_mixture", "project"]

_MIN_PAIRS = 60  # of each kind in a bin
_MIN_PAIRS_OF_HALF = 10  # a bin with fewer takes the pairs of all donors
_SCALE_LO_MM, _SCALE_HI_MM = 41.0, 12.5  # bins with lo below the one and hi above the other give a gene's variance
_NO_SCALE = 1e-12  # s2 of that much of the semivariance of all pairs is rounding
_SAMPLES_AT_ONCE = 128  # their columns of a matrix stay in a core's own cache
_LEAST_MEAN = 0.05  # below it the fit of the mixture weighs absolute deviations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


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
    borrowed_mm : float
        Distance up to which pairs of two donors elsewhere are so few that pairs within the regions stand in for them;
        0 where none do.
    """

    def __init__(self, reference: Reference, cells: npt.ArrayLike) -> None:
        self.reference, self.cells = reference, np.asarray(cells)
        if self.cells.shape != (reference.n_samples,) or not np.isin(self.cells, (-1, 0, 1)).all():
            raise DesignError(f"cells must be -1, 0 or 1 for each of {reference.n_samples} samples")
        self.cells = self.cells.astype(np.intp)
        self.elsewhere = self.cells < 0
        self.regions = np.flatnonzero(~self.elsewhere)
        self.borrowed_mm = 0.0
        self._merge, self._left_out = self._choose_pairs()
        self._sums = reference.pairs.sums - self._left_out.sums
        by_kind = self.sums_by_kind
        shape = (2, -1)
        counts = by_kind.counts.reshape(shape)
        first = np.flatnonzero(np.diff(self._merge, prepend=-1))
        edges = np.column_stack([EDGES_MM[first], EDGES_MM[[*first[1:], N_RAW]]])
        with np.errstate(invalid="ignore"):  # a kind without pairs: then there are too few bins for any test
            self.bins = Bins(edges=edges, counts=counts, means=by_kind.distances.reshape(shape) / counts)

    def _choose_pairs(self) -> tuple[Ints, Pairs]:
        """Merged bin of each raw one, and the pairs that are left out."""
        reference, touched = self.reference, self.regions
        i, j = (side.ravel() for side in np.meshgrid(touched, np.arange(reference.n_samples), indexing="ij"))
        once = self.elsewhere[j] | (i < j)
        i, j = i[once], j[once]
        classes = reference.classes[i, j].astype(np.intp)
        touched_counts = np.bincount(classes, minlength=N_CLASSES)
        counts = _by_kind(reference.pairs.sums.counts - touched_counts)
        # where pairs elsewhere are few, those with both samples in one region are taken too
        few = (counts < _MIN_PAIRS)[KIND_OF_GROUP].ravel()
        added = (self.cells[i] == self.cells[j]) & few[classes]
        counts += _by_kind(np.bincount(classes[added], minlength=N_CLASSES))
        groups, bins = np.divmod(classes[added], PER_GROUP)
        if (of_two := KIND_OF_GROUP[groups] == BETWEEN).any():
            self.borrowed_mm = float(EDGES_MM[bins[of_two].max() + 1])
        return _merge_bins(counts), Pairs(reference, i[~added], j[~added])

    @cached_property
    def _merged(self) -> Flags:
        """Which merged bin each bin of a group of pairs belongs to, shape (K, 13)."""
        return np.asarray(np.append(self._merge, -1) == np.arange(self._merge[-1] + 1)[:, None])

    @cached_property
    def sums_by_kind(self) -> Sums:
        """Sums over the pairs of each kind and merged bin."""
        return self._sums.gather(np.kron(np.arange(2)[:, None] == KIND_OF_GROUP, self._merged).astype(np.float64))

    @cached_property
    def sums_by_group(self) -> Sums:
        """Sums over the pairs of each group of donors and merged bin."""
        return self._sums.gather(np.kron(np.eye(N_GROUPS), self._merged).astype(np.float64))

    def sum_squares(self, sums: PairSums, block: slice, centred: Floats) -> Floats:
        """Sum (y_i - y_j)^2 over the pairs of each merged bin and kind or, with halves, group of donors."""
        left_out = self._left_out.by_group if sums.halves else self._left_out.by_kind
        kept = sums.squares[:, block] - left_out.sum_squares(centred)
        return np.asarray(np.kron(np.eye(len(kept) // PER_GROUP), self._merged) @ kept)

    def trace_products(self, matrix: Floats) -> Floats:
        """Traces of L_k V L_l V for a symmetric V (N, N), shape (2 K, 2 K).

        The L are the graph Laplacians of kinds and bins, with y'Ly the mean of (y_i - y_j)^2 / 2 over the pairs of one.
        LV is formed in blocks, each with its mirror image: tr L_k V L_l V is the sum of (L_k V)_ij (L_l V)_ji.
        """
        from jugex.stats.pair_kernels import apply_laplacians

        n, matrix = self.reference.n_samples, np.ascontiguousarray(matrix)
        classes, counts = self._classes_by_kind, self.bins.counts.ravel()
        n_classes = len(counts)
        partners = np.argsort(classes, axis=1, kind="stable").astype(np.int32)
        keys = np.arange(n)[:, None] * (n_classes + 1) + classes
        members = np.bincount(keys.ravel(), minlength=n * (n_classes + 1)).reshape(n, -1)
        ends = np.hstack([np.zeros((n, 1), dtype=np.intp), np.cumsum(members, axis=1)])
        rest, sums = int(np.argmax(counts)), matrix.sum(axis=0)
        traces = np.zeros((n_classes, n_classes))
        blocks = [slice(start, min(start + _SAMPLES_AT_ONCE, n)) for start in range(0, n, _SAMPLES_AT_ONCE)]
        panels = [np.ascontiguousarray(matrix[:, block]) for block in blocks]
        memory = np.empty((3, n_classes * _SAMPLES_AT_ONCE**2))  # taken once: new pages for each block cost much more
        for number, rows in enumerate(blocks):
            for other, columns in enumerate(blocks[: number + 1]):
                n_rows, n_columns = rows.stop - rows.start, columns.stop - columns.start
                taken = memory[:, : n_classes * n_rows * n_columns]
                here, turned = taken[:2].reshape(2, n_classes, n_rows, n_columns)
                mirrored = taken[2].reshape(n_classes, n_columns, n_rows)
                apply_laplacians(panels[other], sums[columns], partners, ends, rest, rows.start, here)
                apply_laplacians(panels[number], sums[rows], partners, ends, rest, columns.start, mirrored)
                turned[:] = mirrored.transpose(0, 2, 1)
                product = here.reshape(n_classes, -1) @ turned.reshape(n_classes, -1).T
                traces += product if rows == columns else product + product.T
        return np.asarray(traces / (4 * np.outer(counts, counts)))

    @property
    def _classes_by_kind(self) -> npt.NDArray[np.uint8]:
        """Kind and merged bin of each pair, 2 K for none, shape (N, N)."""
        n_bins = self.bins.n_bins
        per_class = np.full((N_GROUPS, PER_GROUP), 2 * n_bins, dtype=np.uint8)
        per_class[:, :N_RAW] = KIND_OF_GROUP[:, None] * n_bins + self._merge
        classes = np.append(per_class, np.uint8(2 * n_bins))[self.reference.classes]
        i, j = self._left_out.first, self._left_out.second
        classes[i, j] = classes[j, i] = 2 * n_bins
        return np.asarray(classes)


def _by_kind(counts: npt.NDArray[np.number]) -> Floats:
    """Counts of classes (C,) as counts of kinds and bins, shape (2, K + 1)."""
    by_group = counts.reshape(N_GROUPS, PER_GROUP)
    return np.stack([by_group[kind == KIND_OF_GROUP].sum(axis=0) for kind in (WITHIN, BETWEEN)]).astype(np.float64)


def _merge_bins(counts: Floats) -> Ints:
    """Merged bin of each raw one: from short to long a bin closes once both kinds have enough; the rest joins it."""
    merge, current, held = np.zeros(N_RAW, dtype=np.intp), 0, np.zeros(2)
    for raw in range(N_RAW):
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
    basis : ndarray of float64, shape (N, z)
        Z: the first of the reference's columns, all with a gradient.
    coefficients : ndarray of float64, shape (z, N)
        K: the donors' means, then the slopes.
    numeric : ndarray of float64, shape (N, q)
        Covariates and (with a gradient) coordinates.
    slopes : ndarray of float64, shape (q, N)
        Their coefficients, by least squares with a mean per donor and cell. A contrast c that sums to 0 in each donor
        becomes H'c = c - slopes' numeric' c.
    """

    def __init__(self, around: Surroundings, *, gradient: bool) -> None:
        reference = around.reference
        n_donors = reference.n_donors
        self.around, self.gradient = around, gradient
        self.basis = np.ascontiguousarray(reference.columns if gradient else reference.columns[:, :-3])
        self.numeric = numeric = np.ascontiguousarray(self.basis[:, n_donors:])
        self.slopes = slopes = _fit_slopes(numeric, reference.donor_codes * 3 + around.cells + 1)
        donors = reference.columns[:, :n_donors]
        of_mean = donors * around.elsewhere[:, None]
        of_mean = np.where(of_mean.any(axis=0), of_mean, donors)
        means = (of_mean / of_mean.sum(axis=0)).T
        self.coefficients = np.vstack([means - (means @ numeric) @ slopes, slopes])

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
    flat = laplacians.reshape(-1, n)
    grams = flat @ reference.columns
    filled = flat.any(axis=1)  # a donor's mean leaves no trace in the pairs within donors, nor in those of others
    linear_map = np.vstack([flat[filled], *(one.coefficients for one in projections)])
    squares = [np.empty((rows, len(sums.values))) for _ in projections]
    values = [np.empty((len(around.regions), len(sums.values))) for _ in projections]

    def project_block(block: slice) -> None:
        centred = sums.centre(block)
        bare = around.sum_squares(sums, block, centred)
        linear, done = linear_map @ centred, int(filled.sum())
        cross = np.zeros((rows, z, linear.shape[1]))
        cross.reshape(rows * z, -1)[filled] = linear[:done]
        for number, one in enumerate(projections):
            n_columns = len(one.coefficients)
            k = linear[done : done + n_columns]
            done += n_columns
            gram = grams.reshape(rows, z, z)[:, :n_columns, :n_columns]
            squares[number][:, block] = bare + ((gram @ k - 2 * cross[:, :n_columns]) * k).sum(axis=1)
            values[number][:, block] = centred[around.regions] - one.basis[around.regions] @ k

    map_blocks(project_block, len(sums.values), sums.n_threads)
    least = np.where(sums.varies, _NO_SCALE * sums.semivariance, np.inf)
    return [_average(*arrays, gathered.counts, around.bins, least) for arrays in zip(squares, values, strict=True)]


def _average(squares: Floats, values: Floats, counts: Floats, bins: Bins, least: Floats) -> Projected:
    counts, squares = counts.reshape(-1, bins.n_bins, 1), squares.reshape(-1, bins.n_bins, squares.shape[1])
    if len(counts) == 2:
        f, halves = squares / (2 * counts), None
    else:
        kinds = [kind == KIND_OF_GROUP for kind in (WITHIN, BETWEEN)]
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
    parts : ndarray of float64, shape (3, 2, K)
        Semivariances of nugget, own and shared fields in the bins that it was fitted to, the projection accounted for.
    """

    nugget: float
    own: Floats
    shared: Floats
    parts: Floats

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
    """Sum of exp(-d / L) over the ranges L; each range is half of the next, whose square it gives."""
    decay = np.exp(np.asarray(distances, dtype=np.float64) / -LENGTHS_MM[-1])
    total: Floats = np.zeros_like(decay)
    for amount in amounts[::-1]:
        if amount > 0:
            total += amount * decay
        decay *= decay
    return total


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
    sums, k = around.sums_by_kind, projection.coefficients
    laplacians = sums.laplacians[:, : len(k)]
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
    of_parts = (slice(0, 1), slice(1, n + 1), slice(n + 1, None))
    parts = np.stack([(expected[:, part] @ amounts[part]).reshape(pooled.shape) for part in of_parts])
    return Mixture(nugget=float(amounts[0]), own=amounts[1 : n + 1], shared=amounts[n + 1 :], parts=parts)
