"""The upper rungs of the ladder for two regions: the test over donors and the spatial test.

From the query the samples of the same tissue are taken, the genes of the run and a fixed pool of the atlas's genes are
measured in them, and `jugex.stats.spatial` does the tests.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import DesignError, GeneWarning, without_warnings
from jugex.model.options import TestOptions
from jugex.model.record import DiagnosticRecord, LadderRecord, VariogramRecord
from jugex.pipeline.covariates import Covariate, code_covariate, collect_covariates
from jugex.pipeline.drawings import GeneVariograms
from jugex.pipeline.genes import GeneValues, measure_genes
from jugex.query import RegionGroup
from jugex.query.reference import TissueReference, find_reference
from jugex.stats.moderation import adjust_holm
from jugex.stats.pairs import PairSums
from jugex.stats.pooling import PooledFit
from jugex.stats.spatial import Form, Ladder, LadderResult, Reason, Reference, Rung, sum_pairs

__all__ = ["RUNG_COLUMNS", "Measure", "Rungs", "climb", "draw_places", "explain_reason"]

#: Genes of the atlas over which variances are pooled, and the seed that draws them.
POOL_SIZE, _POOL_SEED = 2_000, 2_018
#: Arbitrary pairs of places of the diagnostic, and the seed that draws them.
_N_PLACES, _PLACES_SEED = 200, 2_018
_FEWEST_PLACES, _LARGE_PLACE = 20, 200  # places, samples
_FEWEST_FOR_DIAGNOSTIC = 300  # samples in the reference
#: Distances between places that count as those of the regions.
_NEAR_SHARE = 0.15

Floats = npt.NDArray[np.float64]

#: What was measured in the last reference of an atlas: it serves the next pair there, and is freed with the atlas.
_MEASURED: weakref.WeakKeyDictionary[ExpressionAtlas, _Measured] = weakref.WeakKeyDictionary()

_WITHOUT_REFERENCE = (Reason.TWO_TISSUES, Reason.NO_REFERENCE)

_REASONS = {
    Reason.ONE_INFORMATIVE_DONOR: "one donor has samples in both regions, and donors cannot be compared",
    Reason.NO_REFERENCE: "samples without a coordinate cannot be compared with the tissue around them",
    Reason.FEW_ELSEWHERE: "fewer than 100 samples of this tissue lie outside the regions",
    Reason.FEW_BINS: "there are too few samples of this tissue to say how expression varies with distance",
    Reason.TWO_TISSUES: "the regions are of two classes of tissue, and it is unknown how much these differ in general",
    Reason.MIRRORED: "samples were mirrored, for which the test has not been calibrated",
    Reason.COVARIATES_WITHOUT_REFERENCE: "covariates need samples outside the regions to be adjusted for",
}
_NO_VALUE = "a covariate is missing in samples outside the regions"
_ALL_IN_BOTH = "all samples of a region count in both regions, and say nothing about the difference"
_ALL_MISSING = "every gene of the pool has a missing value in the tissue of the regions"
_FAILED = "no gene of the pool varies outside the regions"


@dataclass(frozen=True, eq=False)
class Rungs:
    """The rungs `donors` and `spatial` of the t genes tested.

    Attributes
    ----------
    columns : DataFrame, t rows
        `p_donors`, `p_donors_fwe`, `p_spatial`, `p_spatial_fwe`, `diff_donors` and the ends of both intervals; empty
        where a rung was not tried.
    record : LadderRecord
    why_empty : dict of str to str
        By column, why it is empty.
    variograms : GeneVariograms or None
        Of the genes tested; None where there is no reference.
    without_reference : tuple of str
        Genes with a missing value outside the regions, tested for other donors by the samples in the regions alone.
    """

    columns: pd.DataFrame
    record: LadderRecord
    why_empty: dict[str, str]
    variograms: GeneVariograms | None = None
    without_reference: tuple[str, ...] = ()


@dataclass(eq=False)
class _Measured:
    """What was measured in one reference: the pool, the tests of the last pair, and its genes by their symbols.

    `key` is everything that decides the pool. `tests` are kept with what else decides them: in one tuple, since threads
    may compare two pairs of an atlas at the same time.
    """

    key: tuple[object, ...]
    pool: PairSums
    tests: tuple[tuple[object, ...], Ladder] | None = None
    genes: dict[tuple[str, ...], tuple[list[str], PairSums]] = field(default_factory=dict)


#: From the symbols of genes to their labels and values (g, N) in the samples of the reference.
Read: TypeAlias = Callable[[Sequence[str]], tuple[Sequence[str], Floats]]
#: From what reads genes to labels and values of what is tested.
Measure: TypeAlias = Callable[[Read], tuple[Sequence[str], Floats]]

_OF_DONORS = ("p_donors", "p_donors_fwe", "diff_donors", "ci_donors_low", "ci_donors_high")
_OF_SPACE = ("p_spatial", "p_spatial_fwe", "ci_spatial_low", "ci_spatial_high")


#: Columns of the table that the upper rungs fill.
RUNG_COLUMNS = (*_OF_DONORS, *_OF_SPACE)


def climb(
    group: RegionGroup,
    genes: GeneValues,
    tested: npt.NDArray[np.intp],
    options: TestOptions,
    *,
    covariates: Sequence[Covariate] = (),
    dropped: Sequence[int] = (),
    measure: Measure | None = None,
) -> Rungs:
    """Test the genes of a pair over donors and against distance.

    The genes measured in the reference are kept for what else is tested there, as the pool is: 200 MB for the whole
    genome in 1,200 samples, of one reference, freed with the atlas.

    Parameters
    ----------
    group : RegionGroup
        Two regions, with the samples used.
    genes : GeneValues
        Values of the g genes of the run.
    tested : ndarray of int, shape (t,)
        Those that have an F.
    options : TestOptions
    covariates : sequence of Covariate
        Those of the run; the ones that stand in its model are adjusted for.
    dropped : sequence of int
        Samples of the regions, by `well_id`, that the run left out; the reference is without them too.
    measure : callable, optional
        From what reads genes to labels and values (t, N) of what is tested in their place, such as gene sets.

    Returns
    -------
    Rungs
    """
    found = find_reference(group, options.reference, dropped=dropped)
    in_model = [covariate for covariate in covariates if covariate.is_used]
    try:
        within = _take_own(found) if found.withheld in _WITHOUT_REFERENCE else found
        measured = _measure_pool(group, within, genes, options, in_model)
        ladder = _make_ladder(measured, within)
    except DesignError as error:
        return _leave_empty(found, tested, options, str(error))
    symbols = tuple(dict.fromkeys(genes.annotation["gene"].iloc[tested]))
    wells = within.samples["well_id"].to_numpy()

    def read(symbols: Sequence[str]) -> tuple[Sequence[str], Floats]:
        if (kept := measured.genes.get(tuple(symbols))) is not None:
            return kept[0], np.asarray(kept[1].values, dtype=np.float64)
        return measure_genes(group, list(symbols), wells, options.probes)

    columns, variograms, apart, taken = _test_genes(
        ladder,
        measured.pool.reference,
        within,
        genes.labels[tested],
        options,
        partial(read, symbols) if measure is None else partial(measure, read),
        measured.genes.get(symbols) if measure is None else None,
    )
    if measure is None and taken is not None:
        measured.genes = {symbols: taken}
    why_not = {
        **dict.fromkeys(_OF_DONORS, explain_reason(ladder.why_no_donors)),
        **dict.fromkeys(_OF_SPACE, explain_reason(ladder.why_no_spatial)),
    }
    record = LadderRecord(
        tissue=found.tissue,
        sides=found.sides,
        chosen=options.reference is not None,
        n_reference=len(found.samples),
        n_elsewhere=found.n_elsewhere,
        n_pool=len(measured.pool.values),
        form=ladder.form.value,
        distance_mm=_measure_distance(found),
        why_no_donors=explain_reason(ladder.why_no_donors) or None,
        why_no_spatial=explain_reason(ladder.why_no_spatial) or None,
        variogram=_record_variogram(ladder.fit_donors),
        variogram_spatial=_record_variogram(_take_spatial_fit(ladder)),
        borrowed_mm=ladder.borrowed_mm if within is found else 0.0,
        diagnostic=_diagnose(ladder, found, options),
    )
    return Rungs(columns, record, {column: why for column, why in why_not.items() if why}, variograms, apart)


def _take_own(found: TissueReference) -> TissueReference:
    """The samples of the regions alone: all that a test without reference looks at."""
    own = found.cells >= 0
    return replace(found, samples=found.samples[own].reset_index(drop=True), cells=found.cells[own])


def _make_ladder(measured: _Measured, found: TissueReference) -> Ladder:
    """The tests of a pair, made anew for another one; a DesignError says why there are none."""
    pool, pair = measured.pool, (found.cells.tobytes(), found.withheld)
    if (kept := measured.tests) is not None and kept[0] == pair:
        return kept[1]
    kept = measured.tests = None  # before memory is taken for another
    if not {0, 1} <= set(found.cells.tolist()):
        raise DesignError(_ALL_IN_BOTH)
    if not pool.varies.any():
        raise DesignError(_FAILED)
    try:
        ladder = Ladder(pool, found.cells, withhold_spatial=found.withheld)
    except DesignError as error:  # the pool varies nowhere but in the regions
        raise DesignError(_FAILED) from error
    measured.tests = (pair, ladder)
    return ladder


def explain_reason(reason: Reason | None) -> str:
    """Why a rung could not be tested, in words; empty if it was."""
    return "" if reason is None else _REASONS[reason]


def _leave_empty(found: TissueReference, tested: npt.NDArray[np.intp], options: TestOptions, why: str) -> Rungs:
    columns = pd.DataFrame(np.nan, index=np.arange(len(tested)), columns=[*_OF_DONORS, *_OF_SPACE])
    record = LadderRecord(
        tissue=found.tissue,
        sides=found.sides,
        chosen=options.reference is not None,
        n_reference=len(found.samples),
        n_elsewhere=found.n_elsewhere,
        n_pool=0,
        form="none",
        distance_mm=_measure_distance(found),
        why_no_donors=why,
        why_no_spatial=why,
        variogram=None,
        variogram_spatial=None,
        diagnostic=None,
    )
    return Rungs(columns, record, dict.fromkeys([*_OF_DONORS, *_OF_SPACE], why))


def _make_reference(
    found: TissueReference, group: RegionGroup, options: TestOptions, in_model: Sequence[str]
) -> Reference:
    """The reference as arrays, with the covariates of the model in its samples."""
    points = found.points if found.withheld is not Reason.NO_REFERENCE else np.nan_to_num(found.points)
    with without_warnings(GeneWarning):  # the user has been told which markers the atlas lacks
        covariates = collect_covariates(group, found.samples, options)
    columns = [_code(covariate) for covariate in covariates if covariate.name in in_model]
    return Reference(points, found.samples["donor_name"].to_numpy(dtype=str), np.hstack(columns) if columns else None)


def _code(covariate: Covariate) -> Floats:
    if covariate.values.isna().any():
        raise DesignError(_NO_VALUE)
    return code_covariate(covariate.values, is_factor=covariate.is_factor)


def _measure_pool(
    group: RegionGroup, found: TissueReference, genes: GeneValues, options: TestOptions, in_model: Sequence[Covariate]
) -> _Measured:
    """The pool's genes in the reference; read once for pairs that share it, and kept in memory."""
    reference = _make_reference(found, group, options, [covariate.name for covariate in in_model])
    scored = {gene for covariate in in_model for gene in covariate.genes}  # each is adjusted for itself
    symbols = [symbol for symbol in _draw_pool(group, genes) if symbol not in scored]
    wells, query = found.samples["well_id"].to_numpy(), group.options
    # what the samples of the regions decide: the probes that are present there, or vary there
    of_regions = options.probes in ("max-variance", "max-mean")
    of_regions = of_regions or (query.min_present is not None and query.present_in == "regions")
    key = (
        wells.tobytes(),
        None if reference.covariates is None else reference.covariates.tobytes(),
        tuple(symbols),
        options.probes,
        query.min_present,
        query.require_entrez,
        group.samples["well_id"].to_numpy().tobytes() if of_regions else None,
    )
    kept = _MEASURED.get(group.atlas)
    if kept is not None and kept.key == key:
        return kept
    if found.withheld not in _WITHOUT_REFERENCE:
        _MEASURED.pop(group.atlas, None)  # before memory is taken for another
    kept = None
    values = measure_genes(group, symbols, wells, options.probes)[1]
    values = values[np.isfinite(values).all(axis=1)][:POOL_SIZE]
    if symbols and not len(values):
        raise DesignError(_ALL_MISSING)
    measured = _Measured(key, sum_pairs(reference, values, n_threads=options.permutation.n_threads))
    if found.withheld not in _WITHOUT_REFERENCE:  # else no other pair has it
        _MEASURED[group.atlas] = measured
    return measured


def _draw_pool(group: RegionGroup, genes: GeneValues) -> list[str]:
    """Symbols of the pool: from the whole atlas, whatever genes were asked for; in a remote atlas those of the run."""
    if group.atlas.is_remote:
        return sorted(set(genes.annotation["gene"]))
    symbols = sorted(set(group.atlas.probes["gene"].dropna()))
    if len(symbols) <= POOL_SIZE:
        return symbols
    chosen = np.random.default_rng(_POOL_SEED).choice(len(symbols), POOL_SIZE, replace=False)
    return [symbols[number] for number in np.sort(chosen)]


def _test_genes(
    ladder: Ladder,
    reference: Reference,
    found: TissueReference,
    tested: npt.NDArray[np.object_],
    options: TestOptions,
    measure: Callable[[], tuple[Sequence[str], Floats]],
    kept: tuple[list[str], PairSums] | None,
) -> tuple[pd.DataFrame, GeneVariograms | None, tuple[str, ...], tuple[list[str], PairSums] | None]:
    """Test the genes by label (t,), which may have been kept from another pair with the same reference.

    Returns
    -------
    columns : DataFrame, t rows
        Of both rungs.
    variograms : GeneVariograms or None
    apart : tuple of str
        Genes with a missing value outside the regions.
    taken : tuple or None
        Labels and sums of all genes measured, to keep; None where some could not be used.
    """
    columns = pd.DataFrame(np.nan, index=np.arange(len(tested)), columns=[*_OF_DONORS, *_OF_SPACE])
    if (ladder.why_no_donors is not None and ladder.why_no_spatial is not None) or not len(tested):
        return columns, None, (), None
    values: npt.NDArray[Any]
    labels, values = measure() if kept is None else (kept[0], kept[1].values)
    place = pd.Index(labels).get_indexer(pd.Index(tested))
    if kept is not None and np.array_equal(place, np.arange(len(values))):  # they are known to be whole
        is_whole, is_partial = np.ones((2, len(tested)), dtype=bool)
    else:
        is_known = np.isfinite(values)
        in_regions = is_known[:, found.cells >= 0].all(axis=1)
        is_whole, is_partial = (
            np.append(rows, False)[place] for rows in (is_known.all(axis=1), in_regions)
        )  # -1: none
        kept = None
    usable, apart = np.flatnonzero(is_whole), np.flatnonzero(is_partial & ~is_whole)
    by_regions = ladder.test_without_reference(values[place[apart]].astype(np.float64)) if len(apart) else None
    is_all = np.array_equal(place[usable], np.arange(len(values)))
    if not is_all:  # for the whole genome a copy is large
        values = values[place[usable]]
    sums = kept[1] if kept is not None else sum_pairs(reference, values, n_threads=options.permutation.n_threads)
    result = ladder.test(sums)
    _fill(columns, usable, "donors", result.donors)
    _fill(columns, usable, "spatial", result.spatial)
    if by_regions is not None:
        _fill(columns, apart, "donors", by_regions)
        columns["p_donors_fwe"] = adjust_holm(columns["p_donors"].to_numpy())  # over those of both forms
    taken = (list(labels), sums) if is_all else None
    return columns, _take_variograms(result, tested, usable), tuple(tested[apart].tolist()), taken


def _fill(columns: pd.DataFrame, rows: npt.NDArray[np.intp], name: str, rung: Rung | None) -> None:
    """Put the numbers of a rung into its columns."""
    if rung is None:
        return
    numbers = {f"p_{name}": rung.p, f"p_{name}_fwe": rung.p_fwe}
    numbers |= {f"ci_{name}_low": rung.ci_low, f"ci_{name}_high": rung.ci_high}
    if name == "donors":
        numbers["diff_donors"] = rung.theta
    for column, values in numbers.items():
        columns.loc[rows, column] = values


def _take_variograms(
    result: LadderResult, labels: npt.NDArray[np.object_], usable: npt.NDArray[np.intp]
) -> GeneVariograms | None:
    """What the ladder found of the usable ones of the genes tested, NaN for the others."""
    if result.variograms is None:
        return None
    found, spatial = result.variograms, result.spatial

    def spread(values: Floats) -> npt.NDArray[np.float32]:
        filled = np.full((len(labels), *values.shape[1:]), np.nan, dtype=np.float32)
        filled[usable] = values
        return filled

    unknown = np.full(len(usable), np.nan)
    return GeneVariograms(
        labels=tuple(str(label) for label in labels),
        semivariances=spread(found.semivariances.transpose(2, 0, 1)),
        scale=spread(found.scale),
        sd_donors=spread(unknown if spatial is None else np.sqrt(spatial.of_donors)),
        sd_shared=spread(unknown if spatial is None else np.sqrt(spatial.of_shared)),
    )


def _measure_distance(found: TissueReference) -> float | None:
    """Distance between the mean coordinates of the regions' samples, in mm."""
    first, second = (found.points[found.cells == code] for code in (0, 1))
    if not len(first) or not len(second) or not np.isfinite([*first.mean(axis=0), *second.mean(axis=0)]).all():
        return None
    return float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)))


def _take_spatial_fit(ladder: Ladder) -> PooledFit | None:
    """The fit behind the rung `spatial`, if it differs from that of `donors`."""
    fit = ladder.fit_spatial
    return fit if fit is not None and fit.gradient and ladder.why_no_spatial is None else None


def _record_variogram(fit: PooledFit | None) -> VariogramRecord | None:
    """The pooled variogram and what was fitted to it."""
    if fit is None:
        return None
    means, mixture = fit.bins.means, fit.mixture
    fitted = mixture.parts.sum(axis=0)
    parts_within, parts_between = (tuple(map(tuple, mixture.parts[:, kind].tolist())) for kind in (0, 1))
    return VariogramRecord(
        distance_mm_within=tuple(means[0].tolist()),
        distance_mm_between=tuple(means[1].tolist()),
        within=tuple(fit.pooled[0].tolist()),
        between=tuple(fit.pooled[1].tolist()),
        fitted_within=tuple(fitted[0].tolist()),
        fitted_between=tuple(fitted[1].tolist()),
        nugget=float(mixture.nugget),
        own=float(mixture.own.sum()),
        shared=float(mixture.shared.sum()),
        parts_within=parts_within,
        parts_between=parts_between,
    )


def _diagnose(ladder: Ladder, found: TissueReference, options: TestOptions) -> DiagnosticRecord | None:
    """Share of the pool's genes that each rung calls at alpha, at arbitrary pairs of places of the reference."""
    if ladder.why_no_spatial is not None or len(found.samples) < _FEWEST_FOR_DIAGNOSTIC or not options.diagnostic:
        return None
    if ladder.form is not Form.POOLED:  # shares of a few genes say little
        return None
    places = draw_places(found)
    try:
        shares = ladder.calibrate(places)
    except DesignError:
        return None
    tried = np.isfinite(shares.spatial)
    if not tried.any():
        return None
    return DiagnosticRecord(
        n_places=int(tried.sum()),
        alpha=0.05,
        samples=float(shares.samples[tried].mean()),
        donors=float(shares.donors[tried].mean()),
        spatial=float(shares.spatial[tried].mean()),
    )


def draw_places(found: TissueReference) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Arbitrary pairs of places: balls around samples, as large and about as far apart as the regions."""
    rng, points, donors = np.random.default_rng(_PLACES_SEED), found.points, found.samples["donor_name"].to_numpy()
    sizes = [int((found.cells == code).sum()) for code in (0, 1)]
    apart = _measure_distance(found) or 0.0
    # a place costs the square of its samples: of large ones fewer are tried
    n_places = max(min(_N_PLACES, _FEWEST_PLACES), int(_N_PLACES * min(1.0, (_LARGE_PLACE / sum(sizes)) ** 2)))
    places = []
    for centre in rng.permutation(len(points))[: 5 * n_places]:
        distance = np.linalg.norm(points - points[centre], axis=1)
        near = np.flatnonzero(np.abs(distance - apart) <= max(_NEAR_SHARE * apart, 2.0))
        if not len(near):
            continue
        other = rng.choice(near)
        first = np.argsort(distance, kind="stable")[: sizes[0]]
        from_other = np.linalg.norm(points - points[other], axis=1)
        from_other[first] = np.inf
        second = np.argsort(from_other, kind="stable")[: sizes[1]]
        if len(set(donors[first]) & set(donors[second])) < 2:
            continue
        places.append((first, second))
        if len(places) == n_places:
            break
    return places
