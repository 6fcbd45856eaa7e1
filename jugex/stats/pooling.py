"""What the genes of a pool have in common at a place: variances of donors' differences from the pooled variogram.

Arrays only. Names follow the formulas: theta is the weighted mean of the donors' differences delta, and the parts of
its variance are quadratic forms in a gene's values, each a weighted sum of the gene's semivariances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from jugex.stats.moderation import MAX_DF, VariancePrior, fit_f_dist
from jugex.stats.pairs import BETWEEN, WITHIN
from jugex.stats.variogram import Bins, Mixture, Projected, Projection, fit_mixture

__all__ = [
    "FEW_GENES",
    "GenesAtPlace",
    "Part",
    "Place",
    "PooledFit",
    "Tissue",
    "average_donors",
    "fit_pool",
    "measure_at",
    "quadratic_form",
]

FEW_GENES, _DF_FEW_GENES = 25, 40.0  # fewer genes in the pool share nothing
_FAR_MM = 45.0  # where what places share is taken to end
_KAPPA = (0.6, 4.0)
_MIN_DF_KAPPA, _MIN_DF_LOCAL = 3, 4
_MIN_DONORS_HALVES = 4

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Matrices: TypeAlias = tuple[Floats, Floats, Floats]  # S_o, g_x and distances between samples, each (n, n)


class Part(IntEnum):
    """Parts of the variance of a difference, each a quadratic form in a gene's values."""

    OWN = 0  # of theta, from samples and donors' own fields
    SHARED = 1  # of theta, from fields that all donors share
    SCATTER = 2  # of how donors' differences scatter
    LOCAL = 3  # of samples within cells: a donor's samples in a region


@dataclass(frozen=True, eq=False)
class Place:
    """Two regions: which samples lie in which.

    Parameters
    ----------
    samples : ndarray of intp, shape (n,)
        Places of the samples in the reference.
    regions : ndarray of intp, shape (n,)
        0 in region 1, 1 in region 2.
    donors : ndarray of intp, shape (n,)
        Codes of their donors.
    """

    samples: Ints
    regions: Ints
    donors: Ints

    @cached_property
    def informative(self) -> Ints:
        """Codes of the donors with samples in both regions, shape (D,)."""
        return np.intersect1d(self.donors[self.regions == 0], self.donors[self.regions == 1])

    @cached_property
    def contrasts(self) -> Floats:
        """Contrast of each informative donor: 1 / n_1 on samples in region 1, -1 / n_2 in region 2, shape (D, n)."""
        of_donor = self.donors == self.informative[:, None]
        rows = np.zeros(of_donor.shape)
        for region, sign in ((0, 1.0), (1, -1.0)):
            members = of_donor & (self.regions == region)
            rows += sign * members / members.sum(axis=1, keepdims=True)
        return rows

    @cached_property
    def _cells(self) -> tuple[Ints, Floats, Ints]:
        """Cell of each sample, number of samples and region of each cell."""
        codes, cells, counts = np.unique(self.donors * 2 + self.regions, return_inverse=True, return_counts=True)
        return cells, counts.astype(np.float64), codes % 2

    @cached_property
    def degrees(self) -> Floats:
        """Degrees of freedom within the cells of each region, shape (2,)."""
        _, counts, regions = self._cells
        return np.bincount(regions, counts - 1, 2).astype(np.float64)

    def sum_squares(self, values: Floats) -> Floats:
        """Sum of squares within the cells of each region, of values (n, g), shape (2, g)."""
        cells, counts, regions = self._cells
        members = cells == np.arange(len(counts))[:, None]
        residuals = values - ((members / counts[:, None]) @ values)[cells]
        return np.asarray((regions[cells] == np.arange(2)[:, None]).astype(np.float64) @ residuals**2)

    @cached_property
    def pair_weights(self) -> Floats:
        """1 / n_c for two samples of a cell c, 0 for one with itself and elsewhere; per region, shape (2, n, n)."""
        cells, counts, regions = self._cells
        together = (cells[:, None] == cells) & ~np.eye(len(cells), dtype=bool)
        return np.asarray(together / counts[cells] * (regions[cells] == np.arange(2)[:, None])[:, None])


@dataclass(frozen=True, eq=False)
class GenesAtPlace:
    """What the tests need of g genes at a place.

    `semivariances` (2, K, g) and their `scale` (g,), the donors' differences `delta` (D, g), and the sums of `squares`
    within the cells of each region (2, g).
    """

    semivariances: Floats
    scale: Floats
    delta: Floats
    squares: Floats


def measure_at(place: Place, genes: Projected, values: Floats | None = None) -> GenesAtPlace:
    """Measure genes at a place; `values` (n, g) of its samples where it is not that of the projection."""
    values = genes.values if values is None else values
    return GenesAtPlace(genes.semivariances, genes.scale, place.contrasts @ values, place.sum_squares(values))


def average_donors(variances: Floats) -> tuple[float, Floats, Floats]:
    """Combine donors' differences: U, omega (D,) and A (D, D), with delta'A delta their scatter in units of U.

    The weighted mean has the variance U where each difference has its own of `variances` (D,), and so has the
    expectation of the scatter.
    """
    inverse = 1 / variances
    total = float(1 / inverse.sum())
    omega = total * inverse
    scatter = (np.diag(omega) - np.outer(omega, omega)) / (len(variances) - 1)
    return total, omega, scatter


def quadratic_form(matrix: Floats, vectors: Floats) -> Floats:
    """Quadratic form v'Mv of each column v."""
    return np.asarray((vectors * (matrix @ vectors)).sum(axis=0))


class Tissue:
    """One run: genes of the pool after a projection, their pooled variogram, and the covariances that it implies.

    Matrices over samples are formed once; places need those of their own samples and, for what a projection takes off,
    tables with a column per slope.
    """

    def __init__(self, projection: Projection, pool: Projected, varies: npt.NDArray[np.bool_]) -> None:
        self.projection, self.around, self.varies = projection, projection.around, varies
        self.pool = pool = pool.take(varies)
        self.bins = self.around.bins
        self.pooled = (pool.semivariances / pool.scale).mean(axis=-1)
        self.mixture = fit_mixture(projection, self.pooled)

    @cached_property
    def _distances(self) -> Floats:
        return self.around.reference.distances

    @cached_property
    def _same(self) -> npt.NDArray[np.bool_]:
        codes = self.around.reference.donor_codes
        return np.asarray(codes[:, None] == codes)

    @cached_property
    def own(self) -> Floats:
        """S_o: covariance of nugget and own fields, shape (N, N)."""
        own = self.mixture.own_covariance(self._distances) * self._same
        np.fill_diagonal(own, self.mixture.nugget + self.mixture.own.sum())
        return own

    @cached_property
    def between(self) -> Floats:
        """g_x at the distances of all samples, shape (N, N)."""
        return self.mixture.between(self._distances)

    @cached_property
    def _model(self) -> Floats:
        """V: covariance of the projected values under the pooled variogram, in units of s2, shape (N, N)."""
        semivariance = self.between - self.own
        np.fill_diagonal(semivariance, 0.0)
        return -self.projection.apply_twice(semivariance)

    def _multiply(self, matrices: Matrices, donors: Ints, columns: Floats) -> Floats:
        """Products of matrices over n samples with columns (n, q), shape (2 + 3 K, n, q).

        The matrices are S_o, g_x, and the weights of each bin in the interpolation: within donors at two samples of a
        donor, between donors at samples of a donor and at i = j, and between donors at all.
        """
        from jugex.stats.pair_kernels import tabulate_interpolation

        n_bins, columns = self.bins.n_bins, np.ascontiguousarray(columns)
        products = np.zeros((2 + 3 * n_bins, *columns.shape))
        if columns.size:
            own, between, distances = matrices
            products[0], products[1] = own @ columns, between @ columns
            of_bins = products[2:].reshape(3, n_bins, *columns.shape)
            tabulate_interpolation(distances, donors, self.bins.means, columns, of_bins)
        return products

    @cached_property
    def _tables(self) -> tuple[Floats, Floats]:
        """Products over all samples with the slopes, (m, N, q), and with the slopes on both sides."""
        matrices = self.own, self.between, self._distances
        table = self._multiply(matrices, self.around.reference.donor_codes, self.projection.slopes.T)
        return table, self.projection.slopes @ table

    def among(self, samples: Ints) -> Matrices:
        """S_o, g_x and the distances between some of the samples."""
        pairs = np.ix_(samples, samples)
        return self.own[pairs], self.between[pairs], self._distances[pairs]

    def forms(self, place: Place, matrices: Matrices, direct: Floats, indirect: Floats) -> Floats:
        """Values c_d' M c_e of each matrix M of `_multiply`, for c = direct on the place + indirect @ slopes.

        `matrices` are those among the samples of the place; shape (2 + 3 K, D, D).
        """
        table, gram = self._tables
        cross = direct @ table[:, place.samples] @ indirect.T
        near = direct @ self._multiply(matrices, place.donors, direct.T)
        return np.asarray(near + cross + cross.transpose(0, 2, 1) + indirect @ gram @ indirect.T)

    @cached_property
    def _noise_of_bins(self) -> Floats:
        """Covariance of the bins' semivariances under the pooled variogram, 2 tr(L_k V L_l V), shape (2 K, 2 K)."""
        return 2 * self.around.trace_products(self._model)

    @cached_property
    def _spread_of_halves(self) -> Floats | None:
        """Covariance over genes of the bins of one half of the donors with those of the other, shape (2 K, 2 K)."""
        if self.pool.halves is None or self.around.reference.n_donors < _MIN_DONORS_HALVES:
            return None
        halves = [half / half[WITHIN][self.bins.of_scale].mean(axis=0) for half in self.pool.halves]
        first, second = ((half - half.mean(axis=-1, keepdims=True)).reshape(-1, half.shape[-1]) for half in halves)
        return np.asarray(first @ second.T / first.shape[1])

    def noise(self, weights: Floats, spread: Floats) -> Floats:
        """N of sums of semivariances with weights (k, 2, K), which genes spread by `spread`, shape (k,).

        The variance under the pooled variogram or, where that is more, what the two halves of the donors do not share.
        """
        flat = weights.reshape(len(weights), -1).T
        noise = quadratic_form(self._noise_of_bins, flat)
        if self._spread_of_halves is None:
            return noise
        return np.maximum(noise, spread - quadratic_form(self._spread_of_halves, flat))


@dataclass(frozen=True, eq=False)
class PooledFit:
    """What the genes of the pool have in common at a place, in one run.

    D is the number of informative donors, K that of bins; parts are in the order of `Part`. Variances are in units of
    a gene's s2.

    Attributes
    ----------
    gradient : bool
        Whether the genes' linear gradients were taken off.
    bins : Bins
    pooled : ndarray of float64, shape (2, K)
        g0: mean semivariance of the pool's genes within and between donors.
    mixture : Mixture
        Fitted to `pooled`.
    n_genes : int
        Genes of the pool that vary.
    kappa : ndarray of float64, shape (2,)
        Standard deviation of samples in each region, relative to the tissue around.
    tau2 : float
        Variance of true differences over donors.
    total : float
        U: variance of theta but for shared fields.
    omega : ndarray of float64, shape (D,)
        Weights of the donors.
    scatter : ndarray of float64, shape (D, D)
        A, with S = delta'A delta.
    expected, mean, shrinkage : ndarray of float64, shape (4,)
        X, xbar and lambda of each part.
    noise : ndarray of float64, shape (3,)
        N of the first three parts; 0 with few genes, which are not shrunk.
    weights : ndarray of float64, shape (4, 2, K)
        Each part as a sum of semivariances.
    local, donors, spatial : VariancePrior or None
        Priors of the variance within cells, of the donors' scatter without and with shared fields; None with few
        genes, and for the first where the regions have few samples.
    n_local : int
        Degrees of freedom within cells.
    """

    gradient: bool
    bins: Bins
    pooled: Floats
    mixture: Mixture
    n_genes: int
    kappa: Floats
    tau2: float
    total: float
    omega: Floats
    scatter: Floats
    expected: Floats
    mean: Floats
    shrinkage: Floats
    noise: Floats
    weights: Floats
    local: VariancePrior | None
    donors: VariancePrior | None
    spatial: VariancePrior | None
    n_local: int

    @property
    def few_genes(self) -> bool:
        """Whether the pool is too small to share anything."""
        return self.n_genes < FEW_GENES

    @property
    def df_local(self) -> float:
        """Degrees of freedom of the moderated variance within cells."""
        return MAX_DF if self.local is None else self.local.df + self.n_local

    @property
    def df_shared(self) -> float:
        """Degrees of freedom of the variance from shared fields, nu_c (Satterthwaite: 2 mean^2 / variance)."""
        variance = self.noise[Part.SHARED] * max(self.shrinkage[Part.SHARED], 0.02)
        return float(np.clip(2 * self.expected[Part.SHARED] ** 2 / variance, 4, MAX_DF)) if variance > 0 else MAX_DF

    def _estimate(self, genes: GenesAtPlace) -> Floats:
        """Variance v of each part and gene, shrunk to what is expected but not moderated, shape (4, g)."""
        parts = _measure_parts(self.weights, genes.semivariances, genes.scale)
        expected, mean, shrinkage = (one[:, None] for one in (self.expected, self.mean, self.shrinkage))
        return np.asarray(genes.scale * np.maximum(expected + shrinkage * (parts - mean), expected / 4))

    def relate_local(self, genes: GenesAtPlace) -> Floats:
        """Sum of squares within cells over what it is estimated to be, shape (g,)."""
        return np.asarray(genes.squares.sum(axis=0) / self._estimate(genes)[Part.LOCAL])

    def estimate(self, genes: GenesAtPlace) -> tuple[Floats, Floats, Floats]:
        """v_o, v_c and v_s of each gene, moderated by the variance within cells."""
        own, shared, scatter, local = self._estimate(genes)
        factor = 1.0 if self.local is None else self.local.squeeze(genes.squares.sum(axis=0) / local, self.n_local)
        own = factor * np.maximum(own, 0.02 * self.total * genes.scale)
        return own, factor * shared, np.maximum(factor * scatter, own)

    def observe_scatter(self, genes: GenesAtPlace) -> Floats:
        """S: how much the donors' differences scatter, on D - 1 degrees of freedom, shape (g,)."""
        return quadratic_form(self.scatter, genes.delta)

    def vary_donors(self, genes: GenesAtPlace) -> tuple[Floats, float]:
        """Variance of theta over donors, (g,), and its degrees of freedom."""
        own, _, _ = self.estimate(genes)
        if self.donors is None:
            return own, _DF_FEW_GENES
        df = len(self.omega) - 1
        return own * self.donors.squeeze(self.observe_scatter(genes) / own, df), self.donors.df + df

    def vary_in_space(self, genes: GenesAtPlace) -> tuple[Floats, Floats, Floats | float]:
        """Variance of theta over donors, v_d, and over places, v_c, (g,), and the degrees of freedom of their sum."""
        own, shared, scatter = self.estimate(genes)
        if self.spatial is None:
            return own, shared, _DF_FEW_GENES
        df = len(self.omega) - 1
        excess = self.spatial.squeeze(self.observe_scatter(genes) / scatter, df) - 1
        of_donors = np.maximum(own + scatter * excess, own / 2)
        # Satterthwaite (1946), doi 10.2307/3002019, of the sum; the variance within cells multiplies all of it
        of_sum = of_donors**2 / (self.spatial.df + df) + shared**2 / self.df_shared
        return of_donors, shared, 1 / (of_sum / (of_donors + shared) ** 2 + 1 / self.df_local)


def _measure_parts(weights: Floats, semivariances: Floats, scale: Floats) -> Floats:
    """x: parts of each gene in units of its s2, from weights (k, 2, K) and semivariances (2, K, g), shape (k, g)."""
    flat = weights.reshape(len(weights), -1)
    return np.asarray(flat @ semivariances.reshape(flat.shape[1], -1) / scale)


def fit_pool(tissue: Tissue, place: Place, pool: GenesAtPlace) -> PooledFit:
    """Fit what is pooled over genes at a place of a tissue."""
    covariance, semivariance, distances = matrices = tissue.among(place.samples)
    squares = (pool.squares / pool.scale).mean(axis=1)
    expected_squares = (place.pair_weights * (semivariance - covariance)).sum(axis=(1, 2))
    known = (place.degrees >= _MIN_DF_KAPPA) & (expected_squares > 0)
    kappa = np.where(known, np.sqrt(squares / np.where(known, expected_squares, 1)).clip(*_KAPPA), 1.0)
    stretch = kappa[place.regions]

    # the contrasts, stretched, as they are (c~) and after projection (c~*)
    slopes = tissue.projection.slopes
    stretched = place.contrasts * stretch
    indirect = -place.contrasts @ tissue.projection.numeric[place.samples]
    direct = stretched + (stretch - 1) * (indirect @ slopes[:, place.samples])
    forms, sums = tissue.forms(place, matrices, direct, indirect), direct.sum(axis=1) + indirect @ slopes.sum(axis=1)
    far = np.outer(sums, sums)
    own, shared = forms[0], far * tissue.mixture.between(_FAR_MM) - forms[1]

    # donors' differences: what they scatter beyond their own variance is the variance of true differences
    variances = np.maximum(quadratic_form(covariance, stretched.T), 0.05 * (stretched**2).sum(axis=1))
    _, _, scatter = average_donors(variances)
    excess = (quadratic_form(scatter, pool.delta) / pool.scale).mean() - (scatter * (own + shared)).sum()
    tau2 = max(0.0, float(excess / np.trace(scatter)))
    total, omega, scatter = average_donors(variances + tau2)
    weigh = np.outer(omega, omega)
    expected = np.array(
        [
            (weigh * own).sum(),
            max((weigh * shared).sum(), 0.0),
            (scatter * (own + shared)).sum(),
            (kappa**2 * expected_squares).sum(),
        ]
    )

    # the same quadratic forms of a gene's own semivariances
    n_bins = tissue.bins.n_bins
    within, between_same, between = forms[2:].reshape(3, n_bins, *far.shape)
    between = far * tissue.bins.interpolate(BETWEEN, _FAR_MM)[:, None, None] - between
    weights = np.zeros((len(Part), 2, n_bins))
    weights[Part.OWN] = [(weigh * -within).sum(axis=(1, 2)), (weigh * between_same).sum(axis=(1, 2))]
    weights[Part.SHARED, BETWEEN] = (weigh * between).sum(axis=(1, 2))
    weights[Part.SCATTER] = [
        (scatter * -within).sum(axis=(1, 2)),
        (scatter * (between_same + between)).sum(axis=(1, 2)),
    ]
    local = (kappa[:, None, None] ** 2 * place.pair_weights).sum(axis=0)
    together = local > 0
    weights[Part.LOCAL, WITHIN] = tissue.bins.interpolate(WITHIN, distances[together]) @ local[together]

    parts = _measure_parts(weights, pool.semivariances, pool.scale)
    few = len(pool.scale) < FEW_GENES
    noise, shrinkage = (np.zeros(3), np.ones(4)) if few else _shrink(tissue, weights, parts)
    fit = PooledFit(
        gradient=tissue.projection.gradient,
        bins=tissue.bins,
        pooled=tissue.pooled,
        mixture=tissue.mixture,
        n_genes=len(pool.scale),
        kappa=kappa,
        tau2=tau2,
        total=total,
        omega=omega,
        scatter=scatter,
        expected=expected,
        mean=parts.mean(axis=1),
        shrinkage=shrinkage,
        noise=noise,
        weights=weights,
        local=None,
        donors=None,
        spatial=None,
        n_local=int(place.degrees.sum()),
    )
    return fit if few else _fit_priors(fit, pool)


def _shrink(tissue: Tissue, weights: Floats, parts: Floats) -> tuple[Floats, Floats]:
    """N of the first three parts, and lambda of all: how much of the genes' spread is not noise."""
    spread = parts.var(axis=1)[:3]
    noise = tissue.noise(weights[:3], spread)
    shrinkage = np.where(spread > 0, np.clip(1 - noise / np.where(spread > 0, spread, 1), 0, 1), 0.0)
    return noise, np.append(shrinkage, max(shrinkage[Part.OWN], shrinkage[Part.SHARED]))


def _fit_priors(fit: PooledFit, pool: GenesAtPlace) -> PooledFit:
    """Fit the priors of the moderated variances, one after the other: each stands on those before."""
    if fit.n_local >= _MIN_DF_LOCAL:
        fit = replace(fit, local=fit_f_dist(fit.relate_local(pool), fit.n_local))
    own, _, scatter = fit.estimate(pool)
    observed, df = fit.observe_scatter(pool), len(fit.omega) - 1
    return replace(fit, donors=fit_f_dist(observed / own, df), spatial=fit_f_dist(observed / scatter, df))
