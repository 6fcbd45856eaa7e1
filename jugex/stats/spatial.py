"""Two tests of a difference between regions, based on how genes vary in the surrounding tissue. Arrays only.

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
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from jugex.errors import DesignError
from jugex.stats.moderation import VariancePrior, adjust_holm, fit_f_dist
from jugex.stats.pairs import PairSums, Reference, sum_pairs
from jugex.stats.pooling import (
    FEW_GENES,
    GenesAtPlace,
    Part,
    Place,
    PooledFit,
    Tissue,
    average_donors,
    fit_pool,
    measure_at,
    quadratic_form,
)
from jugex.stats.variogram import Bins, Mixture, Projection, Surroundings, project

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
_CLOSE = 1e-9  # relative to a critical value: so near to it the probability itself decides

Floats = npt.NDArray[np.float64]


class Reason(Enum):
    """Why a test could not be done."""

    ONE_INFORMATIVE_DONOR = "one-informative-donor"
    NO_REFERENCE = "no-reference"
    FEW_ELSEWHERE = "few-samples-elsewhere"
    FEW_BINS = "few-bins-of-distance"
    TWO_TISSUES = "regions-of-two-tissues"
    MIRRORED = "mirrored-samples"
    COVARIATES_WITHOUT_REFERENCE = "covariates-without-reference"


class Form(Enum):
    """How the variances of a test were estimated."""

    POOLED = "pooled"
    FEW_GENES = "few-genes"
    WITHOUT_REFERENCE = "without-reference"


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
    # donors that agree to the last digit say nothing of how donors vary: no p-value, rather than one of 0
    variance = np.where(variance > 0, variance, np.nan)
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


def _test_donors(fit: PooledFit, genes: GenesAtPlace, confidence: float) -> Rung:
    return _infer(fit.omega @ genes.delta, *fit.vary_donors(genes), confidence)


def _test_spatial(fit: PooledFit, genes: GenesAtPlace, confidence: float) -> SpatialRung:
    of_donors, of_shared, df = fit.vary_in_space(genes)
    rung = _infer(fit.omega @ genes.delta, of_donors + of_shared, df, confidence)
    return SpatialRung(**vars(rung), of_donors=of_donors, of_shared=of_shared)


@dataclass(frozen=True, eq=False)
class Variograms:
    """Semivariances of g genes over distance, with those expected from the pool.

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
    borrowed_mm : float
        Distance up to which pairs of two donors elsewhere are so few that pairs within the regions stand in for them.

    Raises
    ------
    DesignError
        If cells do not fit, a region has no sample, or no gene of the pool varies.
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
        self.n_elsewhere, self.borrowed_mm = int(self._around.elsewhere.sum()), self._around.borrowed_mm
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
            fits = [fit_pool(one, self._place, measure_at(self._place, one.pool)) for one in self._tissues]
            self.fit_donors, self.fit_spatial = fits[0], fits[-1]
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

    def _describe_tissue(self) -> list[Tissue]:
        """Fits without and with gradients subtracted; only the first if there are few samples elsewhere."""
        gradients = [False, True] if self.n_elsewhere >= _MIN_ELSEWHERE_GRADIENT else [False]
        projections = [Projection(self._around, gradient=gradient) for gradient in gradients]
        projected = project(self._pool, projections)
        varies = np.logical_and.reduce([one.varies for one in projected])
        if not varies.any():
            raise DesignError("no gene of the pool varies within donors elsewhere in the reference")
        return [Tissue(one, genes, varies) for one, genes in zip(projections, projected, strict=True)]

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
            first = self._tissues[0]
            projected = project(genes, [one.projection for one in self._tissues])
            donors = _test_donors(self.fit_donors, measure_at(place, projected[0]), confidence)
            if self.why_no_spatial is None:
                spatial = _test_spatial(self.fit_spatial, measure_at(place, projected[-1]), confidence)
            of_genes = projected[0].semivariances, projected[0].scale
            variograms = Variograms(first.bins, *of_genes, first.pooled, first.mixture)
        return LadderResult(self.form, donors, spatial, self.why_no_donors, self.why_no_spatial, variograms)

    def test_without_reference(self, values: Floats, *, confidence: float = 0.95) -> Rung | None:
        """Test genes over donors from the samples in the regions alone, treated as replicates.

        For genes that are not known in all of the reference.

        Parameters
        ----------
        values : ndarray of float, shape (g, N)
            In the samples of the reference; those elsewhere are not used, and may be NaN.
        confidence : float, optional
            Of the intervals.

        Returns
        -------
        Rung or None
            None where donors cannot be compared, or there are covariates, which need the reference.
        """
        place, pool = self._place, self._pool
        if self.why_no_donors is not None or pool.reference.covariates is not None:
            return None
        fit = self.fit_without or _fit_without_reference(place, _take(pool, place)[:, pool.varies])
        return _test_without_reference(fit, place, values[:, place.samples].T, confidence)

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
            If there was no spatial test, or a place does not fit.
        """
        if self.fit_spatial is None:
            raise DesignError("arbitrary places need a reference, and at least two donors with samples in both regions")
        tissues = self._tissues
        values = [_project_all(self._pool, one) for one in tissues]
        shares = np.full((3, len(places)), np.nan)
        for column, samples in enumerate(places):
            place = _make_place(self._pool.reference, samples)
            if len(place.informative) < 2:
                continue
            shares[0, column] = _share(*_test_samples(place, values[0][place.samples]), alpha)
            pools = [
                measure_at(place, tissue.pool, of_tissue[place.samples])
                for tissue, of_tissue in zip(tissues, values, strict=True)
            ]
            fits = [fit_pool(tissue, place, pool) for tissue, pool in zip(tissues, pools, strict=True)]
            variance, df = fits[0].vary_donors(pools[0])
            shares[1, column] = _share((fits[0].omega @ pools[0].delta) ** 2 / variance, df, alpha)
            of_donors, of_shared, df_spatial = fits[-1].vary_in_space(pools[-1])
            f = (fits[-1].omega @ pools[-1].delta) ** 2 / (of_donors + of_shared)
            shares[2, column] = _share(f, df_spatial, alpha)
        return Calibration(*shares)


def _share(f: Floats, df: Floats | float, alpha: float) -> float:
    """Share of genes with P(t^2 > f) <= alpha.

    The critical value of t falls with its degrees of freedom: below that of the most, no probability has to be found.
    """
    from scipy.special import stdtrit

    near = f > (1 - _CLOSE) * float(stdtrit(np.max(df), 1 - alpha / 2)) ** 2
    called = _two_sided(f[near], np.broadcast_to(df, f.shape)[near]) <= alpha
    return float(called.sum() / len(f))


def _take(genes: PairSums, place: Place) -> Floats:
    """Values of the samples of a place, NaN for a gene that does not vary, shape (n, g)."""
    return np.where(genes.varies, genes.values[:, place.samples].T.astype(np.float64), np.nan)


def _project_all(genes: PairSums, tissue: Tissue) -> Floats:
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


def _test_samples(place: Place, values: Floats) -> tuple[Floats, int]:
    """F of area adjusted for donor, with samples as replicates, and the degrees of freedom within cells."""
    donors = (place.donors[:, None] == np.unique(place.donors)).astype(np.float64)
    means = (donors / donors.sum(axis=0)).T
    area = (place.regions == 0).astype(np.float64)
    area -= donors @ (means @ area)
    residuals = values - donors @ (means @ values)
    of_area = (area @ residuals) ** 2 / (area @ area)
    df = max(len(area) - donors.shape[1] - 1, 0)
    return of_area / (((residuals**2).sum(axis=0) - of_area) / df), df


@dataclass(frozen=True, eq=False)
class FitWithoutReference:
    """What is pooled over genes without a reference: samples are treated as replicates.

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
    _, _, scatter = average_donors(variances)
    tau2, degrees = 0.0, place.degrees.sum()
    if degrees:
        sigma2 = place.sum_squares(values).sum(axis=0) / degrees
        total_sigma2 = sigma2.sum()
        if total_sigma2 > 0:
            ratio = quadratic_form(scatter, delta).sum() / total_sigma2
            tau2 = max(0.0, float((ratio - np.diag(scatter) @ variances) / np.trace(scatter)))
    total, omega, scatter = average_donors(variances + tau2)
    few = values.shape[1] < FEW_GENES
    observed = quadratic_form(scatter, delta) / total
    prior = VariancePrior(scale=1.0, df=0.0) if few else fit_f_dist(observed, len(omega) - 1)
    return FitWithoutReference(tau2, total, omega, scatter, prior)


def _test_without_reference(fit: FitWithoutReference, place: Place, values: Floats, confidence: float) -> Rung:
    delta, df = place.contrasts @ values, len(fit.omega) - 1
    variance = fit.total * fit.prior.squeeze(quadratic_form(fit.scatter, delta) / fit.total, df)
    return _infer(fit.omega @ delta, variance, fit.prior.df + df, confidence)
