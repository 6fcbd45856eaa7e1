"""Expression in two regions: whose sample is whose, and what was measured there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of
from jugex.atlas import ExpressionAtlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.errors import DesignError, OptionError, RegionError
from jugex.genes import AliasesLike, GeneRequest, GeneSelection
from jugex.query.filtering import Structures, locate_pair, read_filter
from jugex.query.locating import COORDINATES, AtlasLike, Donors
from jugex.query.overlap import Overlap, check_shared, decide_shared, warn_of_overlap
from jugex.query.probes import PresentFilter, PresentIn
from jugex.query.sources import open_source
from jugex.regions import Region

if TYPE_CHECKING:
    from anndata import AnnData

    from jugex.query.groups import RegionGroup

__all__ = [
    "PAIR_COLUMNS",
    "RegionPair",
    "check_different",
    "check_policy",
    "count_between",
    "describe_query",
    "region_pair",
]

#: Columns of `RegionPair.samples`.
PAIR_COLUMNS = [
    "region", "donor_name", "sample", "well_id", *COORDINATES, "structure_acronym", "structure_name", "probability",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class RegionPair:
    """Expression in two regions: n samples x p probes, ready to be analysed.

    Attributes
    ----------
    regions : tuple of two Region
        Region 1 and region 2.
    atlas : ExpressionAtlas
        Where the expression comes from.
    samples : DataFrame, n rows
        `region` (the name), `donor_name`, `sample`, `well_id`, `mni_x`, `mni_y`, `mni_z` (mm),
        `structure_acronym`, `structure_name`, `probability`; ordered by donor, sample and region. A sample kept
        in both regions has two rows.
    probes : DataFrame, p rows
        `probe_id`, `probe_name`, `gene`, `entrez_id`.
    levels : ndarray of float, shape (n, p)
        Log2 expression.
    zscores : ndarray of float64, shape (n, p)
        Levels standardised per probe and donor over all samples of the donor (ddof = 0).
    genes : GeneSelection
        Which genes were asked for, found and missing, and what became of each.
    overlap : str
        The policy for samples in both regions.
    shared : DataFrame
        One row per sample in both regions: `well_id`, `donor_name`, `probability_1`, `probability_2`,
        `decision` ("region 1", "region 2", "tie", "excluded", "kept in both").
    n_found, n_between_voxels : tuple of two int
        Samples in each region before overlap was resolved, and how many of them lie exactly between voxels.
    warnings : tuple of str
        What the user was warned of.
    probe_filter : dict or None
        Filter on present calls and what it left out; None without one.
    sample_filter : dict or None
        Structures within and without which samples count, tolerance, and how many samples of each region they
        dropped and took in.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> a, b = (jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB"))
    >>> pair = jugex.query.region_pair(a, b, atlas=atlas, genes=["MAOA"])
    >>> pair.zscores.shape, int(pair.in_region_1.sum())
    ((51, 31), 27)
    >>> pair.taking(list(range(40))).zscores.shape
    (40, 31)
    """

    regions: tuple[Region, Region]
    atlas: ExpressionAtlas
    samples: pd.DataFrame
    probes: pd.DataFrame
    levels: npt.NDArray[np.floating[Any]]
    zscores: npt.NDArray[np.float64]
    genes: GeneSelection
    overlap: Overlap
    shared: pd.DataFrame
    n_found: tuple[int, int]
    n_between_voxels: tuple[int, int]
    warnings: tuple[str, ...] = ()
    probe_filter: dict[str, Any] | None = None
    sample_filter: dict[str, Any] | None = None

    @property
    def in_region_1(self) -> npt.NDArray[np.bool_]:
        """Whether each sample counts for region 1, shape (n,)."""
        return np.asarray(self.samples["region"] == self.regions[0].name, dtype=bool)

    def taking(self, rows: npt.NDArray[np.intp]) -> RegionPair:
        """The pair with some of its samples only, by their rows."""
        samples = self.samples.iloc[rows].reset_index(drop=True)
        return replace(self, samples=samples, levels=self.levels[rows], zscores=self.zscores[rows])

    def to_anndata(self) -> AnnData:
        """The pair as AnnData; see `jugex.query.anndata_export.pair_to_anndata`."""
        from jugex.query.anndata_export import pair_to_anndata

        return pair_to_anndata(self)

    def __repr__(self) -> str:
        n_1 = int(self.in_region_1.sum())
        return (
            f"<RegionPair: {self.regions[0].name} ({count_of(n_1, 'sample')}) and {self.regions[1].name} "
            f"({count_of(len(self.samples) - n_1, 'sample')}), {count_of(len(self.probes), 'probe')} of "
            f"{count_of(len(self.genes.found), 'gene')}>"
        )


def region_pair(
    region_1: Region,
    region_2: Region,
    *,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    overlap: Overlap = "higher-probability",
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
) -> RegionPair:
    """Expression of genes in the samples of two regions.

    Parameters
    ----------
    region_1, region_2 : Region
        The regions to compare.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene.
    donors : sequence of str or int, optional
        Donors to use, by name or id; default: all.
    overlap : {'higher-probability', 'exclude', 'keep', 'error'}
        What becomes of a sample that lies in both regions. `higher-probability` gives it to the region where it
        is more probable, and drops it where neither is (a tie); `exclude` drops it; `keep` counts it in both;
        `error` refuses.
    within, exclude : str, int or iterable of them, optional
        Acronyms, names or ids of anatomical structures: only samples annotated with one of those in `within` or
        with a part of it count, and none of `exclude`. In a single str commas separate them.
    tolerance : float, default 0
        How far outside a region, in mm, a sample still belongs to it (distance to the region's nearest voxel). A
        sample inside the other region stays there; see `jugex.regions.morphology.Tolerant`.
    aliases : path-like, optional
        Table of other names of genes, such as HGNC's complete set: a symbol that the atlas does not have is looked
        for under its new or old name; see `jugex.genes.read_aliases`.
    coordinates : DataFrame, path-like or sequence of path-like, optional
        Other MNI coordinates of the samples; default: the atlas's own. Samples that it lacks are left out; see
        `jugex.ExpressionAtlas.with_coordinates`.
    mirror : {'left', 'right'}, optional
        Reflect all samples to this hemisphere; see `jugex.ExpressionAtlas.mirrored`.
    reannotation : path-like, optional
        Table that says anew which gene each probe measures; see `jugex.ExpressionAtlas.reannotated`.
    min_present : float, optional
        Leave probes out that are above background in a smaller share (0 to 1) of samples; default: none, as in
        JuGEx. Many studies take 0.5; `jugex.query.probes.PresentFilter` says why.
    present_in : {'all', 'regions'}
        Share of all samples of the atlas (of the donors in use), or of those of both regions, pooled.

    Returns
    -------
    RegionPair

    Raises
    ------
    RegionError
        Where a region holds no sample, or none of the structures asked for, both hold the same ones, samples are
        shared and `overlap` is 'error', or a structure is unknown.
    DesignError
        Where resolving the overlap leaves a region without samples.
    GeneError
        Where the atlas has none of the genes, or no probe of them is left.
    AtlasError
        Where coordinates or re-annotation cannot be used, or the atlas has no present calls to filter by.

    Warns
    -----
    OverlapWarning
        Where shared samples are tied, or kept in both regions.
    GeneWarning
        Where some of the genes are not in the atlas, or have another symbol there.
    AtlasWarning
        Where samples have no place in the coordinates given.

    Examples
    --------
    >>> import jugex
    >>> jugex.query.region_pair(*jugex.demo_regions(), atlas="simulated", genes=["MAOA"])
    <RegionPair: simulated A (27 samples) and simulated B (24 samples), 31 probes of 1 gene>
    """
    check_policy(overlap)
    present = PresentFilter(min_present, present_in)
    source, selection = open_source(
        atlas,
        genes=genes,
        donors=donors,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
    )
    filters = read_filter(source, within=within, exclude=exclude, tolerance=tolerance)
    regions = _name_apart(filters.prepare(region_1, source), filters.prepare(region_2, source))
    located, sample_filter = locate_pair(regions, source, filters)
    check_different(regions, located)
    shared = decide_shared(source.samples, located, overlap)
    check_shared(shared, regions, overlap)
    samples = _assign_samples(source.samples, regions, located, shared)
    warned = warn_of_overlap(shared)
    selection, probes, probe_filter = present.apply(selection, source, samples["well_id"].to_numpy())
    levels, zscores = source.levels_and_zscores(
        well_ids=samples["well_id"].to_numpy(), probe_ids=probes["probe_id"].to_numpy()
    )
    return RegionPair(
        regions=regions,
        atlas=source,
        samples=samples,
        probes=probes.reset_index(drop=True),
        levels=levels,
        zscores=zscores,
        genes=selection,
        overlap=overlap,
        shared=shared,
        n_found=(int(located[0]["inside"].sum()), int(located[1]["inside"].sum())),
        n_between_voxels=(count_between(located[0]), count_between(located[1])),
        warnings=warned,
        probe_filter=probe_filter,
        sample_filter=sample_filter,
    )


def check_policy(overlap: Overlap) -> None:
    """Refuse a policy that there is not.

    Raises
    ------
    OptionError
    """
    if overlap not in get_args(Overlap):
        raise OptionError(f"overlap is one of {', '.join(get_args(Overlap))}; got {overlap!r}")


def _name_apart(region_1: Region, region_2: Region) -> tuple[Region, Region]:
    """Give two regions of one name the numbers 1 and 2, so that tables tell them apart."""
    if getattr(region_1, "name", None) != getattr(region_2, "name", None):
        return region_1, region_2
    return region_1.renamed(f"{region_1.name} (1)"), region_2.renamed(f"{region_2.name} (2)")


def check_different(regions: tuple[Region, Region], located: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Refuse two regions that hold the same samples.

    Raises
    ------
    RegionError
    """
    if located[0][["inside", "probability"]].equals(located[1][["inside", "probability"]]):
        raise RegionError(
            f"regions {regions[0].name!r} and {regions[1].name!r} hold the same {int(located[0]['inside'].sum())} "
            "samples, as the same region twice does; give two regions that differ"
        )


def _assign_samples(
    samples: pd.DataFrame,
    regions: tuple[Region, Region],
    located: tuple[pd.DataFrame, pd.DataFrame],
    shared: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of both regions after the decisions, ordered by donor, sample and region."""
    sides = []
    for number, (region, where) in enumerate(zip(regions, located, strict=True), start=1):
        elsewhere = shared.loc[~shared["decision"].isin([f"region {number}", "kept in both"]), "well_id"]
        keep = where["inside"] & ~samples["well_id"].isin(elsewhere)
        if not keep.any():
            raise DesignError(
                f"all {int(where['inside'].sum())} samples of region {region.name!r} lie in the other region as well, "
                "and none is left to it; choose another overlap policy, a higher threshold, or other regions"
            )
        sides.append(samples[keep].assign(region=region.name, probability=where["probability"][keep]))
    # the atlas lists its samples by donor and sample; a stable sort puts region 1 before region 2
    return pd.concat(sides).sort_index(kind="stable")[PAIR_COLUMNS].reset_index(drop=True)


def count_between(located: pd.DataFrame) -> int:
    """Number of samples in a region that lie exactly between voxels."""
    return int((located["inside"] & located["between_voxels"]).sum())


def describe_query(pair: RegionPair | RegionGroup) -> dict[str, Any]:
    """Settings of a query (JSON types only): atlas, regions, overlap and genes.

    Examples
    --------
    >>> import jugex
    >>> pair = jugex.query.region_pair(*jugex.demo_regions(), atlas="simulated", genes=["MAOA"])
    >>> sorted(jugex.query.describe_query(pair))
    ['atlas', 'genes', 'overlap', 'probe_filter', 'regions', 'samples']
    """
    found = zip(pair.regions, pair.n_found, pair.n_between_voxels, strict=True)
    return {
        "atlas": pair.atlas.identity().to_dict(),
        "regions": [
            {**region.identity(), "name": region.name, "n_samples_found": n, "n_between_voxels": between}
            for region, n, between in found
        ],
        "samples": pair.sample_filter,
        "overlap": {"policy": pair.overlap, "shared": _to_records(pair.shared)},
        "genes": pair.genes.describe(),
        "probe_filter": pair.probe_filter,
    }


def _to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON: missing numbers become None."""
    as_objects = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in as_objects.to_dict("records")]
