"""Two tests of a difference between regions that stand on how genes vary in the tissue around them. Arrays only.

`p_donors` asks whether other donors would show the difference between these places. It holds under independent
samples, under fields of each donor's own, and where donors differ in the difference; a field that all donors share is
a true difference between places. `p_spatial` asks whether the places differ more than two places this far apart in
this tissue do. It holds under shared fields too.

The steps, for one gene: its semivariances over distance, within and between donors (`jugex.stats.variogram`), are
shrunk to what the genes have in common; they give the variance that the weighted mean of the donors' differences has
from samples and donors' own fields (v_o) and from shared fields (v_c); how much the donors' differences scatter
moderates it (`jugex.stats.moderation`). Every variance is one quadratic form in the gene's values, linear in its
semivariances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from jugex.errors import DesignError
from jugex.stats.moderation import MAX_DF, VariancePrior, adjust_holm, fit_f_dist
from jugex.stats.variogram import (
    BETWEEN,
    WITHIN,
    Bins,
    Mixture,
    PairSums,
    Projected,
    Projection,
    Reference,
    Surroundings,
    fit_mixture,
    project,
    sum_pairs,
)

__all__ = [
    "Calibration",
    "FitWithoutReference",
    "Form",
    "Ladder",
    "LadderResult",
    "Part",
    "Place",
    "PooledFit",
    "Reason",
    "Reference",
    "Rung",
    "SpatialRung",
    "Variograms",
    "sum_pairs",
]

_MIN_ELSEWHERE, _MIN_BINS = 100, 7  # for a spatial test
_MIN_ELSEWHERE_GRADIENT = 150  # for taking gradients off
_FEW_GENES, _DF_FEW_GENES = 25, 40.0  # fewer genes in the pool share nothing
_FAR_MM = 45.0  # where what places share is taken to end
_KAPPA = (0.6, 4.0)
_MIN_DF_KAPPA, _MIN_DF_LOCAL = 3, 4
_MIN_DONORS_HALVES = 4
_BLOCK = 128  # samples

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Reason(Enum):
    """Why a test was not tried."""

    ONE_INFORMATIVE_DONOR = "one-informative-donor"
    NO_REFERENCE = "no-reference"
    FEW_ELSEWHERE = "few-samples-elsewhere"
    FEW_BINS = "few-bins-of-distance"
    TWO_TISSUES = "regions-of-two-tissues"
    MIRRORED = "mirrored-samples"
    COVARIATES_WITHOUT_REFERENCE = "covariates-without-reference"


class Form(Enum):
    """What the variances of a test stand on."""

    POOLED = "pooled"
    FEW_GENES = "few-genes"
    WITHOUT_REFERENCE = "without-reference"


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
class _Genes:
    """What the tests need of g genes at a place.

    `semivariances` (2, K, g) and their `scale` (g,), the donors' differences `delta` (D, g), and the sums of `squares`
    within the cells of each region (2, g).
    """

    semivariances: Floats
    scale: Floats
    delta: Floats
    squares: Floats


def _measure(place: Place, genes: Projected, values: Floats | None = None) -> _Genes:
    """Measure genes at a place; `values` (n, g) of its samples where it is not that of the projection."""
    values = genes.values if values is None else values
    return _Genes(genes.semivariances, genes.scale, place.contrasts @ values, place.sum_squares(values))


def _average_donors(variances: Floats) -> tuple[float, Floats, Floats]:
    """Combine donors' differences: U, omega (D,) and A (D, D), with delta'A delta their scatter in units of U.

    The weighted mean has the variance U where each difference has its own of `variances` (D,), and so has the
    expectation of the scatter.
    """
    inverse = 1 / variances
    total = float(1 / inverse.sum())
    omega = total * inverse
    scatter = (np.diag(omega) - np.outer(omega, omega)) / (len(variances) - 1)
    return total, omega, scatter


def _quadratic(matrix: Floats, vectors: Floats) -> Floats:
    """Quadratic form v'Mv of each column v."""
    return np.asarray((vectors * (matrix @ vectors)).sum(axis=0))


class _Tissue:
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

    @cached_property
    def _tables(self) -> tuple[Floats, Floats]:
        """Products of `_kernels` of all samples with the slopes, (m, N, q), and with the slopes on both sides."""
        from jugex.stats.pair_kernels import tabulate_interpolation

        slopes = self.projection.slopes
        n_bins, columns = self.bins.n_bins, np.ascontiguousarray(slopes.T)
        table = np.zeros((2 + 3 * n_bins, *columns.shape))
        if len(slopes):
            table[0], table[1] = self.own @ columns, self.between @ columns
            by_bin = table[2:].reshape(3, n_bins, *columns.shape)
            donors = self.around.reference.donor_codes
            tabulate_interpolation(self._distances, donors, self.bins.means, columns, by_bin)
        return table, slopes @ table

    def kernels(self, place: Place) -> Floats:
        """Matrices between the samples of a place, shape (2 + 3 K, n, n).

        S_o, g_x, and the weights of each bin in the interpolation: within donors at two samples of a donor, between
        donors at samples of a donor and at i = j, and between donors at all.
        """
        among = np.ix_(place.samples, place.samples)
        distances, same = self._distances[among], self._same[among]
        different = ~np.eye(len(distances), dtype=bool)
        within, between = (self.bins.interpolate(kind, distances) for kind in (WITHIN, BETWEEN))
        return np.concatenate(
            [self.own[among][None], self.between[among][None], within * (same & different), between * same, between]
        )

    def forms(self, kernels: Floats, place: Place, direct: Floats, indirect: Floats) -> Floats:
        """Values c_d' M c_e of each kernel M, for c = direct on the place + indirect @ slopes, (2 + 3 K, D, D)."""
        table, gram = self._tables
        cross = direct @ table[:, place.samples] @ indirect.T
        return np.asarray(direct @ kernels @ direct.T + cross + cross.transpose(0, 2, 1) + indirect @ gram @ indirect.T)

    def noise(self, weights: Floats) -> Floats:
        """N: variance under the pooled variogram of sums of semivariances with weights (k, 2, K), shape (k,)."""
        noise = np.empty(len(weights))
        for row, of_part in enumerate(weights):
            product = self.around.weigh_pairs(of_part) @ self._model
            noise[row] = 2 * (product * product.T).sum()
        return noise

    @cached_property
    def _noise_of_bins(self) -> Floats:
        """Covariance of the bins' semivariances, shape (2 K, 2 K), in single precision."""
        model, n_bins = self._model.astype(np.float32), 2 * self.bins.n_bins
        products = np.empty((n_bins, *model.shape), dtype=np.float32)
        for one, product in zip(np.eye(n_bins), products, strict=True):
            np.matmul(self.around.weigh_pairs(one.reshape(2, -1)).astype(np.float32), model, out=product)
        noise, blocks = np.zeros((n_bins, n_bins)), range(0, len(model), _BLOCK)
        for i in blocks:  # the trace of each product of two, block by block
            for j in blocks:
                there = products[:, i : i + _BLOCK, j : j + _BLOCK]
                back = products[:, j : j + _BLOCK, i : i + _BLOCK].transpose(0, 2, 1)
                noise += there.reshape(n_bins, -1) @ back.reshape(n_bins, -1).T
        return 2 * noise

    def noise_by_bins(self, weights: Floats) -> Floats:
        """As `noise`, for many weights: from a table of all bins, to single precision."""
        flat = weights.reshape(len(weights), -1)
        return _quadratic(self._noise_of_bins, flat.T)


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
        return self.n_genes < _FEW_GENES

    @property
    def df_local(self) -> float:
        """Degrees of freedom of the moderated variance within cells."""
        return MAX_DF if self.local is None else self.local.df + self.n_local

    @property
    def df_shared(self) -> float:
        """Degrees of freedom of the variance from shared fields, nu_c (Satterthwaite: 2 mean^2 / variance)."""
        variance = self.noise[Part.SHARED] * max(self.shrinkage[Part.SHARED], 0.02)
        return float(np.clip(2 * self.expected[Part.SHARED] ** 2 / variance, 4, MAX_DF)) if variance > 0 else MAX_DF

    def _estimate(self, genes: _Genes) -> Floats:
        """Variance v of each part and gene, shrunk to what is expected but not moderated, shape (4, g)."""
        parts = _measure_parts(self.weights, genes.semivariances, genes.scale)
        expected, mean, shrinkage = (one[:, None] for one in (self.expected, self.mean, self.shrinkage))
        return np.asarray(genes.scale * np.maximum(expected + shrinkage * (parts - mean), expected / 4))

    def relate_local(self, genes: _Genes) -> Floats:
        """Sum of squares within cells over what it is estimated to be, shape (g,)."""
        return np.asarray(genes.squares.sum(axis=0) / self._estimate(genes)[Part.LOCAL])

    def estimate(self, genes: _Genes) -> tuple[Floats, Floats, Floats]:
        """v_o, v_c and v_s of each gene, moderated by the variance within cells."""
        own, shared, scatter, local = self._estimate(genes)
        factor = 1.0 if self.local is None else self.local.squeeze(genes.squares.sum(axis=0) / local, self.n_local)
        own = factor * np.maximum(own, 0.02 * self.total * genes.scale)
        return own, factor * shared, np.maximum(factor * scatter, own)

    def observe_scatter(self, genes: _Genes) -> Floats:
        """S: how much the donors' differences scatter, on D - 1 degrees of freedom, shape (g,)."""
        return _quadratic(self.scatter, genes.delta)


def _measure_parts(weights: Floats, semivariances: Floats, scale: Floats) -> Floats:
    """x: parts of each gene in units of its s2, from weights (k, 2, K) and semivariances (2, K, g), shape (k, g)."""
    flat = weights.reshape(len(weights), -1)
    return np.asarray(flat @ semivariances.reshape(flat.shape[1], -1) / scale)


def _fit(tissue: _Tissue, place: Place, pool: _Genes, *, by_bins: bool = False) -> PooledFit:
    """Fit what is pooled over genes at a place of a tissue."""
    kernels = tissue.kernels(place)
    squares = (pool.squares / pool.scale).mean(axis=1)
    expected_squares = (place.pair_weights * (kernels[1] - kernels[0])).sum(axis=(1, 2))
    known = (place.degrees >= _MIN_DF_KAPPA) & (expected_squares > 0)
    kappa = np.where(known, np.sqrt(squares / np.where(known, expected_squares, 1)).clip(*_KAPPA), 1.0)
    stretch = kappa[place.regions]

    # the contrasts, stretched, as they are (c~) and after projection (c~*)
    slopes = tissue.projection.slopes
    stretched = place.contrasts * stretch
    indirect = -place.contrasts @ tissue.projection.numeric[place.samples]
    direct = stretched + (stretch - 1) * (indirect @ slopes[:, place.samples])
    forms, sums = tissue.forms(kernels, place, direct, indirect), direct.sum(axis=1) + indirect @ slopes.sum(axis=1)
    far = np.outer(sums, sums)
    own, shared = forms[0], far * tissue.mixture.between(_FAR_MM) - forms[1]

    # donors' differences: what they scatter beyond their own variance is the variance of true differences
    variances = np.maximum(_quadratic(kernels[0], stretched.T), 0.05 * (stretched**2).sum(axis=1))
    _, _, scatter = _average_donors(variances)
    excess = (_quadratic(scatter, pool.delta) / pool.scale).mean() - (scatter * (own + shared)).sum()
    tau2 = max(0.0, float(excess / np.trace(scatter)))
    total, omega, scatter = _average_donors(variances + tau2)
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
    weights[Part.LOCAL, WITHIN] = (local * kernels[2 : 2 + n_bins]).sum(axis=(1, 2))

    parts = _measure_parts(weights, pool.semivariances, pool.scale)
    few = len(pool.scale) < _FEW_GENES
    noise, shrinkage = (np.zeros(3), np.ones(4)) if few else _shrink(tissue, weights, parts, by_bins=by_bins)
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


def _shrink(tissue: _Tissue, weights: Floats, parts: Floats, *, by_bins: bool) -> tuple[Floats, Floats]:
    """N of the first three parts, and lambda of all: how much of the genes' spread is not noise."""
    spread = parts.var(axis=1)[:3]
    noise = (tissue.noise_by_bins if by_bins else tissue.noise)(weights[:3])
    if tissue.pool.halves is not None and tissue.around.reference.n_donors >= _MIN_DONORS_HALVES:
        of_scale = tissue.bins.of_scale
        first, second = (
            _measure_parts(weights[:3], half, half[WITHIN][of_scale].mean(axis=0)) for half in tissue.pool.halves
        )
        first, second = (half - half.mean(axis=1, keepdims=True) for half in (first, second))
        noise = np.maximum(noise, spread - (first * second).mean(axis=1))
    shrinkage = np.where(spread > 0, np.clip(1 - noise / np.where(spread > 0, spread, 1), 0, 1), 0.0)
    return noise, np.append(shrinkage, max(shrinkage[Part.OWN], shrinkage[Part.SHARED]))


def _fit_priors(fit: PooledFit, pool: _Genes) -> PooledFit:
    """Fit the priors of the moderated variances, one after the other: each stands on those before."""
    if fit.n_local >= _MIN_DF_LOCAL:
        fit = replace(fit, local=fit_f_dist(fit.relate_local(pool), fit.n_local))
    own, _, scatter = fit.estimate(pool)
    observed, df = fit.observe_scatter(pool), len(fit.omega) - 1
    return replace(fit, donors=fit_f_dist(observed / own, df), spatial=fit_f_dist(observed / scatter, df))


@dataclass(frozen=True, eq=False)
class Rung:
    """One test of g genes.

    Attributes
    ----------
    theta : ndarray of float64, shape (g,)
        Difference, region 1 less region 2: the weighted mean of the donors' differences.
    variance, df : ndarray of float64, shape (g,)
        Variance of theta, and its degrees of freedom.
    p, p_fwe : ndarray of float64, shape (g,)
        Two-sided p-value of t = theta / sqrt(variance), and corrected over the genes tested by Holm (1979). NaN: not
        tested.
    ci_low, ci_high : ndarray of float64, shape (g,)
        Interval of theta.
    """

    theta: Floats
    variance: Floats
    df: Floats
    p: Floats
    p_fwe: Floats
    ci_low: Floats
    ci_high: Floats


def _infer(theta: Floats, variance: Floats, df: Floats | float, confidence: float) -> Rung:
    from scipy.special import stdtrit

    df = np.broadcast_to(np.asarray(df, dtype=np.float64), theta.shape)
    p = _two_sided(theta**2 / variance, df)
    margin = stdtrit(df, (1 + confidence) / 2) * np.sqrt(variance)
    return Rung(theta, variance, df, p, adjust_holm(p), theta - margin, theta + margin)


def _two_sided(f: Floats, df: Floats | float) -> Floats:
    """P(t^2 > f) of Student's t on df degrees of freedom, or of F on 1 and df."""
    from scipy.special import betainc

    return np.asarray(betainc(np.asarray(df) / 2, 0.5, df / (df + f)))


@dataclass(frozen=True, eq=False)
class SpatialRung(Rung):
    """The spatial test, with the parts of its variance.

    Attributes
    ----------
    of_donors, of_shared : ndarray of float64, shape (g,)
        v_d, from samples, donors' own fields and what differs between donors, and v_c, from fields that donors share.
    """

    of_donors: Floats
    of_shared: Floats


def _vary_donors(fit: PooledFit, genes: _Genes) -> tuple[Floats, float]:
    """Variance of theta over donors, and its degrees of freedom."""
    own, _, _ = fit.estimate(genes)
    if fit.donors is None:
        return own, _DF_FEW_GENES
    df = len(fit.omega) - 1
    return own * fit.donors.squeeze(fit.observe_scatter(genes) / own, df), fit.donors.df + df


def _vary_in_space(fit: PooledFit, genes: _Genes) -> tuple[Floats, Floats, Floats | float]:
    """Variance of theta over donors, v_d, and over places, v_c, and the degrees of freedom of their sum."""
    own, shared, scatter = fit.estimate(genes)
    if fit.spatial is None:
        return own, shared, _DF_FEW_GENES
    df = len(fit.omega) - 1
    excess = fit.spatial.squeeze(fit.observe_scatter(genes) / scatter, df) - 1
    of_donors = np.maximum(own + scatter * excess, own / 2)
    # Satterthwaite (1946), doi 10.2307/3002019, of the sum; the variance within cells multiplies all of it
    of_sum = of_donors**2 / (fit.spatial.df + df) + shared**2 / fit.df_shared
    return of_donors, shared, 1 / (of_sum / (of_donors + shared) ** 2 + 1 / fit.df_local)


def _test_donors(fit: PooledFit, genes: _Genes, confidence: float) -> Rung:
    return _infer(fit.omega @ genes.delta, *_vary_donors(fit, genes), confidence)


def _test_spatial(fit: PooledFit, genes: _Genes, confidence: float) -> SpatialRung:
    of_donors, of_shared, df = _vary_in_space(fit, genes)
    rung = _infer(fit.omega @ genes.delta, of_donors + of_shared, df, confidence)
    return SpatialRung(**vars(rung), of_donors=of_donors, of_shared=of_shared)


@dataclass(frozen=True, eq=False)
class Variograms:
    """Semivariances of g genes over distance, and what the pool says of them.

    Attributes
    ----------
    bins : Bins
    semivariances : ndarray of float64, shape (2, K, g)
        Within and between donors, at ``bins.means``.
    scale : ndarray of float64, shape (g,)
        s2, in the square of the values' unit.
    pooled : ndarray of float64, shape (2, K)
        Mean semivariances of the pool, in units of s2.
    mixture : Mixture
        Fitted to `pooled`.
    """

    bins: Bins
    semivariances: Floats
    scale: Floats
    pooled: Floats
    mixture: Mixture

    def curves(self, gene: int, distances: Floats) -> dict[str, Floats]:
        """Pooled curves at distances in mm in the units of a gene, parts of the semivariance within a donor.

        Returns
        -------
        dict of str to ndarray
            `nugget`, `own` and `shared`, which add up to `within`, and `between`.
        """
        nugget = np.full(len(distances), self.mixture.nugget)
        own = self.mixture.own.sum() - self.mixture.own_covariance(distances)
        within, between = self.mixture.within(distances), self.mixture.between(distances)
        curves = {"nugget": nugget, "own": own, "shared": within - nugget - own, "within": within, "between": between}
        return {name: self.scale[gene] * curve for name, curve in curves.items()}


@dataclass(frozen=True, eq=False)
class LadderResult:
    """Both tests of g genes.

    Attributes
    ----------
    form : Form
        What `donors` stands on.
    donors : Rung or None
    spatial : SpatialRung or None
        None where it was not tried.
    why_no_donors, why_no_spatial : Reason or None
        Why not.
    variograms : Variograms or None
        Of the genes as measured, without their gradient taken off.
    """

    form: Form
    donors: Rung | None
    spatial: SpatialRung | None
    why_no_donors: Reason | None
    why_no_spatial: Reason | None
    variograms: Variograms | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """Share of the pool's genes with p <= alpha at arbitrary pairs of places, shape (k,) each; NaN: not tried there.

    Attributes
    ----------
    samples : ndarray of float64
        By the parametric F of the samples, adjusted for donor.
    donors, spatial : ndarray of float64
    """

    samples: Floats
    donors: Floats
    spatial: Floats


class Ladder:
    """The tests at one pair of regions, with what they need of the tissue around and of the pool of genes.

    Parameters
    ----------
    pool : PairSums
        Genes over which variances are pooled, whatever genes are tested, measured in the reference.
    cells : array_like of int, shape (N,)
        0 in region 1, 1 in region 2, -1 elsewhere.
    withhold_spatial : Reason, optional
        A reason known to the caller for which there is to be no spatial test. With `Reason.TWO_TISSUES` or
        `Reason.NO_REFERENCE` the donors' test does without the reference too.

    Attributes
    ----------
    form : Form
        What the donors' test stands on.
    fit_donors, fit_spatial : PooledFit or None
        What is pooled; one and the same where no gradient is taken off.
    fit_without : FitWithoutReference or None
        What is pooled where there is no reference.
    why_no_donors, why_no_spatial : Reason or None
    n_elsewhere : int
        Samples of the reference in neither region.

    Raises
    ------
    DesignError
        Where cells do not fit, a region has no sample, or no gene of the pool varies.
    """

    def __init__(self, pool: PairSums, cells: npt.ArrayLike, *, withhold_spatial: Reason | None = None) -> None:
        if not pool.halves:
            raise DesignError(
                "the pool needs sums over the pairs of each half of the donors: sum_pairs(..., halves=True)"
            )
        self._pool, self._around = pool, Surroundings(pool.reference, cells)
        regions = self._around.regions
        self._place = Place(regions, self._around.cells[regions], pool.reference.donor_codes[regions])
        if len(np.unique(self._place.regions)) < 2:
            raise DesignError("each region needs a sample; got cells without a 0 or without a 1")
        self.n_elsewhere = int(self._around.elsewhere.sum())
        one_donor = None if len(self._place.informative) > 1 else Reason.ONE_INFORMATIVE_DONOR
        no_reference = self._find_no_reference(withhold_spatial)
        self.why_no_spatial = one_donor or no_reference or withhold_spatial
        self.why_no_donors = one_donor
        self.fit_donors: PooledFit | None = None
        self.fit_spatial: PooledFit | None = None
        self.fit_without: FitWithoutReference | None = None
        self.form = Form.WITHOUT_REFERENCE if no_reference else Form.POOLED
        if one_donor:
            return
        if not no_reference:
            self._tissues = self._describe_tissue()
            self.fit_donors, self.fit_spatial = (
                _fit(one, self._place, _measure(self._place, one.pool)) for one in self._tissues
            )
            self.form = Form.FEW_GENES if self.fit_donors.few_genes else Form.POOLED
        elif pool.reference.covariates is not None:
            self.why_no_donors = Reason.COVARIATES_WITHOUT_REFERENCE
        else:
            self.fit_without = _fit_without_reference(self._place, _take(pool, self._place)[:, pool.varies])

    def _find_no_reference(self, withheld: Reason | None) -> Reason | None:
        if withheld in (Reason.NO_REFERENCE, Reason.TWO_TISSUES):
            return withheld
        if self.n_elsewhere < _MIN_ELSEWHERE:
            return Reason.FEW_ELSEWHERE
        return Reason.FEW_BINS if self._around.bins.n_bins < _MIN_BINS else None

    def _describe_tissue(self) -> tuple[_Tissue, _Tissue]:
        """Run without and with gradients taken off; the first twice where there are few samples elsewhere."""
        gradients = [False, True] if self.n_elsewhere >= _MIN_ELSEWHERE_GRADIENT else [False]
        projections = [Projection(self._around, gradient=gradient) for gradient in gradients]
        projected = project(self._pool, projections)
        varies = np.logical_and.reduce([one.varies for one in projected])
        if not varies.any():
            raise DesignError("no gene of the pool varies within donors elsewhere in the reference")
        tissues = [_Tissue(one, genes, varies) for one, genes in zip(projections, projected, strict=True)]
        return tissues[0], tissues[-1]

    def test(self, genes: PairSums, *, confidence: float = 0.95) -> LadderResult:
        """Test genes.

        Parameters
        ----------
        genes : PairSums
            Measured in the pool's reference.
        confidence : float, optional
            Of the intervals.

        Returns
        -------
        LadderResult
            With NaN for a gene that does not vary elsewhere within donors.
        """
        if genes.reference is not self._pool.reference:
            raise DesignError("the genes were measured in another reference than the pool")
        donors, spatial, variograms, place = None, None, None, self._place
        if self.fit_without is not None:
            donors = _test_without_reference(self.fit_without, place, _take(genes, place), confidence)
        elif self.fit_donors is not None and self.fit_spatial is not None:
            first, last = self._tissues
            projections = [first.projection] if first is last else [first.projection, last.projection]
            projected = project(genes, projections)
            donors = _test_donors(self.fit_donors, _measure(place, projected[0]), confidence)
            if self.why_no_spatial is None:
                spatial = _test_spatial(self.fit_spatial, _measure(place, projected[-1]), confidence)
            of_genes = projected[0].semivariances, projected[0].scale
            variograms = Variograms(first.bins, *of_genes, first.pooled, first.mixture)
        return LadderResult(self.form, donors, spatial, self.why_no_donors, self.why_no_spatial, variograms)

    def calibrate(self, places: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], *, alpha: float = 0.05) -> Calibration:
        """Share of the pool's genes that each test calls at arbitrary pairs of places.

        The variogram is that of the samples elsewhere, from which the regions' own are left out: nothing that costs
        the square of the number of samples is done for a place, but for its own samples.

        Parameters
        ----------
        places : sequence of (array_like of int, array_like of int)
            Samples of the reference in each of two places, best as many and as far apart as the regions.
        alpha : float, optional
            Level.

        Returns
        -------
        Calibration

        Raises
        ------
        DesignError
            Where there was no spatial test, the pool is too small, or a place does not fit.
        """
        if self.fit_spatial is None or self.form is not Form.POOLED:
            raise DesignError(f"arbitrary places need a reference and at least {_FEW_GENES} genes in the pool")
        tissues = self._tissues
        values = [_project_all(self._pool, one) for one in tissues]
        shares = np.full((3, len(places)), np.nan)
        for column, samples in enumerate(places):
            place = _make_place(self._pool.reference, samples)
            if len(place.informative) < 2:
                continue
            shares[0, column] = (_test_samples(place, values[0][place.samples]) <= alpha).mean()
            pools = [
                _measure(place, tissue.pool, of_tissue[place.samples])
                for tissue, of_tissue in zip(tissues, values, strict=True)
            ]
            fits = [_fit(tissue, place, pool, by_bins=True) for tissue, pool in zip(tissues, pools, strict=True)]
            variance, df = _vary_donors(fits[0], pools[0])
            shares[1, column] = _share(fits[0].omega @ pools[0].delta, variance, df, alpha)
            of_donors, of_shared, df_spatial = _vary_in_space(fits[1], pools[1])
            shares[2, column] = _share(fits[1].omega @ pools[1].delta, of_donors + of_shared, df_spatial, alpha)
        return Calibration(*shares)


def _share(theta: Floats, variance: Floats, df: Floats | float, alpha: float) -> float:
    return float((_two_sided(theta**2 / variance, df) <= alpha).mean())


def _take(genes: PairSums, place: Place) -> Floats:
    """Values of the samples of a place, NaN for a gene that does not vary, shape (n, g)."""
    return np.where(genes.varies, genes.values[:, place.samples].T.astype(np.float64), np.nan)


def _project_all(genes: PairSums, tissue: _Tissue) -> Floats:
    """Projected values of all samples and the genes of the pool that vary, shape (N, g)."""
    values = genes.centre(slice(None))[:, tissue.varies]
    return np.asarray(values - tissue.projection.basis @ (tissue.projection.coefficients @ values))


def _make_place(reference: Reference, samples: tuple[npt.ArrayLike, npt.ArrayLike]) -> Place:
    first, second = (np.asarray(one, dtype=np.intp) for one in samples)
    both = np.concatenate([first, second])
    known = np.isin(both, np.arange(reference.n_samples)).all()
    if not known or not len(first) or not len(second) or len(np.unique(both)) < len(both):
        raise DesignError(f"two places need a sample each of {reference.n_samples}, and share none")
    regions = np.repeat(np.arange(2), [len(first), len(second)])
    return Place(both, regions, reference.donor_codes[both])


def _test_samples(place: Place, values: Floats) -> Floats:
    """P-values of the F of area adjusted for donor, of samples taken as replicates."""
    donors = (place.donors[:, None] == np.unique(place.donors)).astype(np.float64)
    means = (donors / donors.sum(axis=0)).T
    area = (place.regions == 0).astype(np.float64)
    area -= donors @ (means @ area)
    residuals = values - donors @ (means @ values)
    of_area = (area @ residuals) ** 2 / (area @ area)
    df = max(len(area) - donors.shape[1] - 1, 0)
    return _two_sided(of_area / (((residuals**2).sum(axis=0) - of_area) / df), df)


@dataclass(frozen=True, eq=False)
class FitWithoutReference:
    """What is pooled over genes where nothing is known of the tissue around: samples are taken as replicates.

    Attributes
    ----------
    tau2 : float
        Variance of true differences over donors, in units of the variance within cells.
    total : float
        U: variance of theta, in the same units.
    omega : ndarray of float64, shape (D,)
    scatter : ndarray of float64, shape (D, D)
    prior : VariancePrior
        Of the scatter; with few genes one that weighs nothing.
    """

    tau2: float
    total: float
    omega: Floats
    scatter: Floats
    prior: VariancePrior


def _fit_without_reference(place: Place, values: Floats) -> FitWithoutReference:
    """Fit to the pool's values (n, g), with tau2 as DerSimonian and Laird (1986), doi 10.1016/0197-2456(86)90046-2."""
    variances, delta = (place.contrasts**2).sum(axis=1), place.contrasts @ values
    _, _, scatter = _average_donors(variances)
    tau2, degrees = 0.0, place.degrees.sum()
    if degrees:
        sigma2 = place.sum_squares(values).sum(axis=0) / degrees
        ratio = _quadratic(scatter, delta).sum() / sigma2.sum()
        tau2 = max(0.0, float((ratio - np.diag(scatter) @ variances) / np.trace(scatter)))
    total, omega, scatter = _average_donors(variances + tau2)
    few = values.shape[1] < _FEW_GENES
    observed = _quadratic(scatter, delta) / total
    prior = VariancePrior(scale=1.0, df=0.0) if few else fit_f_dist(observed, len(omega) - 1)
    return FitWithoutReference(tau2, total, omega, scatter, prior)


def _test_without_reference(fit: FitWithoutReference, place: Place, values: Floats, confidence: float) -> Rung:
    delta, df = place.contrasts @ values, len(fit.omega) - 1
    variance = fit.total * fit.prior.squeeze(_quadratic(fit.scatter, delta) / fit.total, df)
    return _infer(fit.omega @ delta, variance, fit.prior.df + df, confidence)
