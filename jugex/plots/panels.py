"""The data of figures as plain arrays, so that figures for papers and panels of the page show the same numbers.

Each function computes what a figure (`jugex.plots`) or a page (`jugex.report`) shows, for results computed here and for
results read from disk. How it is drawn is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import ResultError
from jugex.pipeline.details import find_tested, permutation_nulls
from jugex.pipeline.donors import donor_differences
from jugex.pipeline.drawings import ProbeData, RegionVoxels
from jugex.plots.styles import DonorStyle, Sampled, donor_styles
from jugex.plots.texts import find_row, find_zscores

if TYPE_CHECKING:
    from jugex.pipeline.comparison import ComparisonData
    from jugex.regions import Region

__all__ = [
    "DonorData", "GeneData", "NullData", "SampleData", "VariogramData", "VolcanoData", "donor_data", "elsewhere",
    "gene_data", "null_data", "probe_data", "region_voxels", "sample_data", "spread", "variogram_data", "volcano_data",
]  # fmt: skip

#: Columns of coordinates of samples, in mm.
COORDINATES = ["mni_x", "mni_y", "mni_z"]

_N_BINS = 50
_GOLDEN = 0.6180339887498949  # any number of multiples of the golden ratio fills an interval evenly

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class VolcanoData:
    """Data of the volcano plot: genes with a difference and a p, in the order of the table.

    Attributes
    ----------
    labels : ndarray of str, shape (g,)
    diff : ndarray, shape (g,)
        Region 1 minus region 2, in z-scores.
    height : ndarray, shape (g,)
        -log10 of the chosen p.
    rungs : ndarray of str, shape (g,)
        The rung of the ladder that each gene reaches, whichever p was chosen; if the ladder was not run, "samples"
        (family-wise p at most alpha) or "none".
    has_ladder : bool
    alpha : float
    smallest_p : float or None
        Smallest p that the run can give, if it is known.
    """

    labels: npt.NDArray[np.object_]
    diff: Floats
    height: Floats
    rungs: npt.NDArray[np.object_]
    has_ladder: bool
    alpha: float
    smallest_p: float | None

    @property
    def found(self) -> Mask:
        """Whether each gene is on a rung of the ladder, shape (g,)."""
        return np.asarray(self.rungs != "none")


@dataclass(frozen=True, eq=False)
class SampleData:
    """How samples are placed in a drawing: region, donor, and a shift that keeps marks apart.

    Attributes
    ----------
    region_names : tuple of str
    donors : dict
        Style of each donor with a sample used, by donor name.
    region, donor : ndarray of int, shape (n,)
        Indices into `region_names` and `donors`.
    shift : ndarray, shape (n,)
        From -0.5 to 0.5; the same for every gene, so that a sample can be followed.
    """

    region_names: tuple[str, ...]
    donors: dict[str, DonorStyle]
    region: Places
    donor: Places
    shift: Floats


@dataclass(frozen=True, eq=False)
class GeneData:
    """z-scores (n,) of a gene in the samples used."""

    label: str
    zscores: Floats
    samples: SampleData

    def find(self, region: int, donor: int | None = None) -> Mask:
        """Mask (n,) of the samples with a value in a region, of all donors or of one."""
        inside: Mask = (self.samples.region == region) & np.isfinite(self.zscores)
        return inside if donor is None else inside & (self.samples.donor == donor)

    def values(self, region: int, donor: int | None = None) -> Floats:
        """z-scores of the samples that `find` selects."""
        return self.zscores[self.find(region, donor)]


@dataclass(frozen=True, eq=False)
class DonorData:
    """Differences of g genes in D donors with samples in both regions, and over all of them.

    Attributes
    ----------
    labels : tuple of str
        The genes.
    donors : tuple of str
    n_1, n_2, weight : ndarray, shape (D,)
        Number of samples of each donor in each region, and its weight in the difference.
    diff, low, high : ndarray, shape (g, D)
        Region 1 minus region 2 with its 95 % interval.
    overall : dict
        Difference, lower and upper end (g, 3) of "adjusted", the difference that is tested (samples as replicates); of
        "over donors", the mean of the donors' differences; and of "beyond distance", this mean without the gene's
        linear gradient over the tissue, with the interval of the rung `spatial`. NaN where the result has none.
    """

    labels: tuple[str, ...]
    donors: tuple[str, ...]
    n_1: npt.NDArray[np.int64]
    n_2: npt.NDArray[np.int64]
    weight: Floats
    diff: Floats
    low: Floats
    high: Floats
    overall: dict[str, Floats]


@dataclass(frozen=True, eq=False)
class VariogramData:
    """A gene's variogram in squared z-scores: for two samples of one donor (row 0) and of two donors (row 1).

    Attributes
    ----------
    label : str
    distances : ndarray, shape (2, K)
        Mean distances of the pairs of each bin, in mm.
    measured : ndarray, shape (2, K)
        The gene's own semivariances.
    parts : ndarray, shape (2, 3, K)
        The fit to the pool of genes, scaled to the gene: single samples, fields of each donor's own, shared fields.
    regions_mm : float or None
        Distance between the regions.
    between_places : float or None
        Average difference, in z-scores, between two places this far apart, from the fields that donors share.
    """

    label: str
    distances: Floats
    measured: Floats
    parts: Floats
    regions_mm: float | None
    between_places: float | None


@dataclass(frozen=True, eq=False)
class NullData:
    """F of a gene under every relabelling of the run, the observed F, and the smallest significant F.

    Attributes
    ----------
    label : str
    f : ndarray, shape (m,)
        F under each relabelling, from `jugex.pipeline.details.permutation_null`.
    observed, p : float
        F and uncorrected p of the gene.
    critical : float or None
        Smallest F with a family-wise p of at most `alpha`; None if there is none.
    alpha : float
    is_exhaustive : bool
        Whether these are all possible relabellings.
    """

    label: str
    f: Floats
    observed: float
    p: float
    critical: float | None
    alpha: float
    is_exhaustive: bool

    @property
    def n_reached(self) -> int:
        """Number of relabellings whose F is at least the observed one."""
        return int((self.f >= self.observed).sum())

    @cached_property
    def edges(self) -> Floats:
        """Edges of bins (51,) that are equally wide on the scale of sqrt(F), the size of t, up to the largest F."""
        finite = self.f[np.isfinite(self.f)]
        edges = np.linspace(0, np.sqrt(max(finite.max(initial=0), self.observed)), _N_BINS + 1) ** 2
        edges[-1] *= 1 + 1e-9  # squaring may round below the largest F
        return np.asarray(edges)

    @cached_property
    def counts(self) -> npt.NDArray[np.intp]:
        """Number of relabellings in each bin (50,), without those whose F is not finite."""
        return np.histogram(self.f[np.isfinite(self.f)], self.edges)[0]


def volcano_data(result: ComparisonData, p: str = "p_perm") -> VolcanoData:
    """Collect the genes of a result that have a difference and a p.

    Parameters
    ----------
    result : ComparisonData
    p : str
        Column of the table that holds the p.

    Raises
    ------
    ResultError
        If there is no such gene.
    """
    table, p_values = result.table, result.table[p].to_numpy(dtype=np.float64)
    height = -np.log10(p_values, out=np.full(len(table), np.nan), where=p_values > 0) + 0.0  # no minus zero
    diff = table["diff"].to_numpy(dtype=np.float64)
    has_both = np.isfinite(diff) & np.isfinite(height)
    if not has_both.any():
        raise ResultError(
            f"no {result.unit} of this result has a difference and a {p}, so that there is nothing to draw; the column "
            "status of the table says why"
        )
    smallest = result.record.permutation.smallest_p
    return VolcanoData(
        labels=result.labels.to_numpy(dtype=object)[has_both],
        diff=diff[has_both],
        height=height[has_both],
        rungs=table["evidence"].fillna("none").to_numpy(dtype=object)[has_both],
        has_ladder=bool(table["p_donors"].notna().any()),
        alpha=result.record.arguments.alpha,
        smallest_p=smallest if smallest > 0 else None,
    )


def sample_data(result: Sampled) -> SampleData:
    """Region, donor and shift of each sample of a result, of two or more regions."""
    styles = donor_styles(result)
    region = pd.Index(dict.fromkeys(result.region_names)).get_indexer(pd.Index(result.samples["region"]))
    donor = pd.Index(styles).get_indexer(pd.Index(result.samples["donor_name"]))
    shift = np.empty(len(region))
    shift[np.lexsort((region, donor))] = spread(len(region))
    return SampleData(tuple(result.region_names), styles, region, donor, shift)


def spread(n: int) -> Floats:
    """Shifts (n,) from -0.5 to 0.5 that keep marks apart, the same in every run."""
    return np.asarray(np.arange(1, n + 1) * _GOLDEN % 1.0 - 0.5)


def gene_data(result: ComparisonData, gene: str) -> GeneData:
    """Collect the z-scores of a gene of ``result.labels``.

    Raises
    ------
    GeneError
        If the result has no z-scores of the gene.
    """
    return GeneData(gene, find_zscores(result, gene), sample_data(result))


def donor_data(result: ComparisonData, genes: Sequence[str] | str | None = None) -> DonorData:
    """Collect each donor's differences of some genes, or of every gene that was tested.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    DesignError
        If both regions have the same name.
    """
    table = donor_differences(result, genes)
    found = find_tested(result, genes)
    n_donors = len(table) // max(len(found), 1)
    first = table.head(n_donors)

    def by_gene(column: str) -> Floats:
        return table[column].to_numpy(dtype=np.float64).reshape(len(found), n_donors)

    def over_donors(*columns: str) -> Floats:
        return found[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)

    spatial_interval = over_donors("ci_spatial_low", "ci_spatial_high")

    return DonorData(
        labels=tuple(str(label) for label in found.index),
        donors=tuple(str(name) for name in first["donor_name"]),
        n_1=first["n_1"].to_numpy(dtype=np.int64),
        n_2=first["n_2"].to_numpy(dtype=np.int64),
        weight=first["weight"].to_numpy(dtype=np.float64),
        diff=by_gene("diff"),
        low=by_gene("ci_low"),
        high=by_gene("ci_high"),
        overall={
            "adjusted": over_donors("diff", "ci_low", "ci_high"),
            "over donors": over_donors("diff_donors", "ci_donors_low", "ci_donors_high"),
            "beyond distance": np.column_stack([spatial_interval.mean(axis=1), spatial_interval]),
        },
    )


def variogram_data(result: ComparisonData, gene: str) -> VariogramData:
    """Collect a gene's variogram in the tissue around the regions.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    ResultError
        If the ladder was not run, had no reference, or its folder does not hold the variograms.
    """
    find_tested(result, gene)
    ladder = result.record.ladder
    if ladder is None:
        raise ResultError(
            "the ladder was not run, so that this result has no variograms; compare again with ladder=True"
        )
    if ladder.variogram is None:
        reason = ladder.why_no_spatial or ladder.why_no_donors or "no variogram was fitted"
        raise ResultError(f"this result has no variograms: {reason}; choose another reference")
    variograms = result.variograms
    if variograms is None:
        raise ResultError(
            "the folder of this result does not hold the variograms of its genes (drawings.npz); compare again"
        )
    place = variograms.find(gene)
    if place is None:
        raise ResultError(
            f"{gene} does not vary in the tissue around the regions, so that it has no variogram; choose another gene"
        )
    scale, pooled = float(variograms.scale[place]), ladder.variogram
    shared = float(variograms.sd_shared[place])
    return VariogramData(
        label=gene,
        distances=np.array([pooled.distance_mm_within, pooled.distance_mm_between]),
        measured=variograms.semivariances[place].astype(np.float64),
        parts=scale * np.array([pooled.parts_within, pooled.parts_between]),
        regions_mm=ladder.distance_mm,
        between_places=float(np.sqrt(2 / np.pi)) * shared if np.isfinite(shared) else None,
    )


def null_data(result: ComparisonData, genes: Sequence[str]) -> dict[str, NullData]:
    """Compute the permutation distributions of some genes, from one set of relabellings.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    DesignError
        If both regions have the same name.
    """
    if not genes:
        return {}
    permutation, alpha = result.record.permutation, result.record.arguments.alpha
    rows = {gene: find_row(result, gene) for gene in genes}
    return {
        gene: NullData(
            label=gene,
            f=f,
            observed=float(rows[gene]["f"]),
            p=float(rows[gene]["p_perm"]),
            critical=permutation.f_critical,
            alpha=alpha,
            is_exhaustive=permutation.exhaustive,
        )
        for gene, f in zip(genes, permutation_nulls(result, genes), strict=True)
    }


def probe_data(
    result: ComparisonData, symbols: Sequence[str], *, max_probes: int | None = None
) -> dict[str, ProbeData]:
    """Collect the probes of some genes, at most `max_probes` of each; from disk, only those that the folder holds."""
    if result.query is None:
        kept = {} if result.drawings is None else result.drawings.probes
        return {symbol: kept[symbol] for symbol in symbols if symbol in kept}
    pair, keys = result.query, ["region", "well_id"]
    # the run may have left out some samples of the pair
    rows = pd.MultiIndex.from_frame(pair.samples[keys]).get_indexer(pd.MultiIndex.from_frame(result.samples[keys]))
    chosen_columns = np.flatnonzero(pair.probes["gene"].isin(list(symbols)).to_numpy(dtype=bool))
    names = pair.probes["probe_name"].to_numpy(dtype=object)
    by_symbol = pd.Series(chosen_columns).groupby(
        pair.probes["gene"].to_numpy(dtype=object)[chosen_columns], sort=False
    )
    probes = {}
    for symbol, places in by_symbol:
        columns = places.to_numpy(dtype=np.intp)
        levels = np.asarray(pair.levels[np.ix_(rows, columns)], dtype=np.float64)
        # means over the samples that have a value
        order = np.argsort(-pd.DataFrame(levels).mean().to_numpy(), kind="stable")
        zscores = np.asarray(pair.zscores[np.ix_(rows, columns[order[:max_probes]])], dtype=np.float64)
        probes[str(symbol)] = ProbeData(
            str(symbol), tuple(str(name) for name in names[columns[order]]), zscores, levels[:, order[:max_probes]]
        )
    return probes


def region_voxels(result: ComparisonData) -> tuple[RegionVoxels, ...] | None:
    """Voxels of the regions of a result; None if its folder does not hold them."""
    if result.query is not None:
        return tuple(_crop_to_voxels(region) for region in result.query.regions)
    return None if result.drawings is None else result.drawings.regions


def _crop_to_voxels(region: Region | RegionVoxels) -> RegionVoxels:
    """Crop the voxels of a region to their bounding box."""
    if isinstance(region, RegionVoxels):
        return region
    image = region.to_image()
    inside = np.asanyarray(image.dataobj) > 0
    spans = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    corner = np.array([span[0] if len(span) else 0 for span in spans], dtype=np.intp)
    ends = [span[-1] + 1 if len(span) else 0 for span in spans]
    box = inside[tuple(slice(low, high) for low, high in zip(corner, ends, strict=True))]
    return RegionVoxels(box, corner, inside.shape, np.asarray(image.affine, dtype=np.float64))


def elsewhere(result: ComparisonData) -> Floats:
    """Coordinates (n, 3) of the atlas's samples outside both regions, in mm."""
    if result.query is None:
        return np.empty((0, 3)) if result.drawings is None else result.drawings.out
    samples = getattr(getattr(result.query, "atlas", None), "samples", None)
    if samples is None:
        return np.empty((0, 3))
    others = samples[~samples["well_id"].isin(result.samples["well_id"]).to_numpy(dtype=bool)]
    points: Floats = others[COORDINATES].to_numpy(dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]
