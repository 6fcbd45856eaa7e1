"""Expression in two or more regions: which sample counts for which region, and what was measured there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._arguments import explains_keywords
from jugex._text import count_of, format_html
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.formats import import_anndata
from jugex.atlas.identity import Side
from jugex.errors import OptionError
from jugex.genes import AliasesLike, GeneRequest, GeneSelection, select_genes
from jugex.model.findings import AnyFinding, warn_of
from jugex.model.options import AtlasLike, Donors, Overlap, PresentIn, QueryOptions, Structures
from jugex.model.query_record import ProbeFilterRecord, SampleFilterRecord
from jugex.query.probes import filter_probes
from jugex.query.samples import COORDINATES, assign_samples, judge_extent, locate_samples, read_region, view_atlas
from jugex.query.tables import annotate_samples
from jugex.regions import Region
from jugex.regions.grids import VoxelRule

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = [
    "RegionGroup",
    "RegionPair",
    "check_counted_once",
    "query_regions",
    "region_group",
    "region_pair",
]

Codes = npt.NDArray[np.intp]
Group = TypeVar("Group", bound="RegionGroup")

_OPTIONS_OF_THE_ATLAS = ("genes", "donors", "coordinates", "mirror", "reannotation")


@dataclass(frozen=True, repr=False)
class RegionGroup:
    """Expression in k regions: n samples x p probes, ready to be analysed.

    Attributes
    ----------
    regions : tuple of k Region
        Region 1 to region k, as they were looked for: structures looked up in the atlas, with the tolerance.
    atlas : ExpressionAtlas
        Where the expression comes from: the view of the atlas that the options ask for.
    samples : DataFrame, n rows
        `region` (the name), `donor_name`, `sample`, `well_id`, `mni_x`, `mni_y`, `mni_z` (mm),
        `structure_acronym`, `structure_name`, `probability`; ordered by donor, sample and region. Each sample has one
        row; of two regions, one that is kept in both has two.
    probes : DataFrame, p rows
        `probe_id`, `probe_name`, `gene`, `entrez_id`.
    levels : ndarray of float, shape (n, p)
        Log2 expression.
    zscores : ndarray of float64, shape (n, p)
        Levels standardised per probe and donor over all samples of the donor (ddof = 0).
    genes : GeneSelection
        Which genes were asked for, found and missing, and what became of each.
    options : QueryOptions
        Options of the query.
    shared : DataFrame
        One row per sample in several regions: `well_id`, `donor_name`, `regions` (their numbers, "1, 3"),
        `probability_1` to `probability_k` (empty for regions that do not hold it), and `decision` ("region 3",
        "tie", "excluded", "kept in both").
    n_found, n_between_voxels : tuple of k int
        Samples in each region before overlap was resolved, and how many of them lie exactly between voxels.
    sample_filter : SampleFilterRecord
        Structures within and without which samples count, tolerance, and how many samples of each region they
        dropped and took in.
    probe_filter : ProbeFilterRecord or None
        Filter on present calls and what it left out; None without one.
    findings : tuple of Finding
        What weakens the query, and users were warned of: ties, and samples that count twice.
    given : tuple of k Region
        The regions as given.
    source : ExpressionAtlas
        The atlas as opened, with the donors asked for.

    Examples
    --------
    >>> import jugex
    >>> from dataclasses import replace
    >>> atlas = jugex.open_atlas("simulated")
    >>> regions = [jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB", "simPL")]
    >>> group = jugex.query.region_group(regions, atlas=atlas, genes=["MAOA"])
    >>> group.region_names
    ('simulated area A, left', 'simulated area B, left', 'simulated parietal lobe, left')
    >>> [int((group.region_codes == code).sum()) for code in range(3)]
    [33, 28, 453]
    >>> group.overlap, group.taking([0, 1, 2]).zscores.shape
    ('higher-probability', (3, 31))
    >>> group.requery(replace(group.options, genes=["TAC1"])).genes.found
    ('TAC1',)
    """

    regions: tuple[Region, ...]
    atlas: ExpressionAtlas
    samples: pd.DataFrame
    probes: pd.DataFrame
    levels: npt.NDArray[np.floating[Any]]
    zscores: npt.NDArray[np.float64]
    genes: GeneSelection
    options: QueryOptions
    shared: pd.DataFrame
    n_found: tuple[int, ...]
    n_between_voxels: tuple[int, ...]
    sample_filter: SampleFilterRecord
    probe_filter: ProbeFilterRecord | None
    findings: tuple[AnyFinding, ...]
    given: tuple[Region, ...]
    source: ExpressionAtlas

    @property
    def overlap(self) -> Overlap:
        """The policy for samples in several regions."""
        return self.options.overlap

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""
        return tuple(region.name for region in self.regions)

    @property
    def region_codes(self) -> Codes:
        """Region of each row of `samples`, 0 to k - 1, shape (n,)."""
        numbers = {name: number for number, name in enumerate(self.region_names)}
        return np.asarray(self.samples["region"].map(numbers), dtype=np.intp)

    def taking(self, rows: npt.ArrayLike) -> Self:
        """The same with some of its samples only, by their rows."""
        kept = np.asarray(rows, dtype=np.intp)
        samples = self.samples.iloc[kept].reset_index(drop=True)
        return replace(self, samples=samples, levels=self.levels[kept], zscores=self.zscores[kept])

    def requery(self, options: QueryOptions | None = None, *, regions: Iterable[Region | str] | None = None) -> Self:
        """Query again with other options or regions.

        Parameters
        ----------
        options : QueryOptions, optional
            Options in place of these, most often ``dataclasses.replace(group.options, ...)``; default: the same.
        regions : iterable of Region or str, optional
            As many regions as these; default: the same, as they were given.

        Returns
        -------
        RegionGroup
            A pair of a pair.

        Raises
        ------
        OptionError
            If there is another number of regions, or donors are asked for that the atlas was not opened with.
        JugexError
            Whatever `jugex.query.region_group` raises.
        """
        options = self.options if options is None else options
        given = self.given if regions is None else _read_regions(regions)
        if len(given) != len(self.given):
            raise OptionError(f"a query of {len(self.given)} regions must be repeated with as many; got {len(given)}")
        _check_overlap(options, len(given))
        source = self.source
        if options.donors != self.options.donors:
            if options.donors is None:
                raise OptionError("the atlas was opened with only some of its donors; open it with all, then query")
            source = source.with_donors(options.donors)
        same_view = all(getattr(options, name) is getattr(self.options, name) for name in _OPTIONS_OF_THE_ATLAS[1:])
        if same_view and (options.genes == self.options.genes or not source.is_remote):
            return _query(type(self), given, source, self.atlas, options)
        return _query(type(self), given, source, view_atlas(source, options), options)

    def to_anndata(self) -> AnnData:
        """Return samples and probes as AnnData, n x p; needs the extra ``anndata``.

        Returns
        -------
        AnnData
            `obs`: the samples with what is known of their donors (`age`, `gender`, `race`), named by well, or by well
            and region where a sample counts in both; `var`: the probes, named by `probe_name` where these differ, else
            by `probe_id`; `X`: z-scores; ``layers["levels"]``: log2 levels; ``obsm["mni"]``: coordinates (n, 3) in mm;
            `uns`: `space`, `regions`, `atlas`, `simulated`.

        Raises
        ------
        AtlasError
            If anndata is not installed.

        Examples
        --------
        >>> # not run: needs the extra anndata
        >>> import jugex
        >>> pair = jugex.query.region_pair(*jugex.demo_regions(), atlas="simulated", genes=["MAOA"])
        >>> adata = pair.to_anndata()  # doctest: +SKIP
        """
        anndata = import_anndata()
        names = self.probes["probe_name" if self.probes["probe_name"].is_unique else "probe_id"]
        adata: AnnData = anndata.AnnData(
            X=self.zscores.copy(),
            obs=annotate_samples(self.samples, self.atlas.donors),
            var=self.probes.set_axis(pd.Index(names.astype(str).to_numpy(dtype=object)), axis=0),
            layers={"levels": self.levels.copy()},
            obsm={"mni": self.samples[list(COORDINATES)].to_numpy(dtype=np.float64)},
            uns={
                "space": self.atlas.space,
                "regions": np.array(self.region_names),
                "atlas": self.atlas.name,
                "simulated": self.atlas.simulated,
            },
        )
        return adata

    def __repr__(self) -> str:
        counted = zip(self.region_names, np.bincount(self.region_codes, minlength=len(self.regions)), strict=True)
        listed = [f"{name} ({count_of(int(n), 'sample')})" for name, n in counted]
        counts = f"{count_of(len(self.probes), 'probe')} of {count_of(len(self.genes.found), 'gene')}"
        return f"<{type(self).__name__}: {(' and ' if len(listed) == 2 else ', ').join(listed)}, {counts}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: samples of each donor in each region, probes, and what weakens the query."""
        counts = pd.crosstab(self.samples["donor_name"], self.samples["region"]).reindex(
            columns=list(self.region_names), fill_value=0
        )
        genes = f"{count_of(len(self.probes), 'probe')} of {count_of(len(self.genes.found), 'gene')}"
        said = [f"{genes}, in {count_of(len(self.samples), 'sample')} of {self.atlas.name}"]
        said += [finding.sentence for finding in self.findings]
        rows = [[donor, *row] for donor, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)]
        return format_html(" and ".join(self.region_names), said, ["donor", *self.region_names], rows)


@dataclass(frozen=True, repr=False)
class RegionPair(RegionGroup):
    """Expression in two regions; everything else is as in `jugex.query.RegionGroup`.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> a, b = (jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB"))
    >>> pair = jugex.query.region_pair(a, b, atlas=atlas, genes=["MAOA"])
    >>> pair.zscores.shape, int(pair.in_region_1.sum())
    ((61, 31), 33)
    """

    @property
    def in_region_1(self) -> npt.NDArray[np.bool_]:
        """Whether each row of `samples` counts for region 1, shape (n,)."""
        return np.asarray(self.region_codes == 0, dtype=bool)


@explains_keywords
def region_pair(
    region_1: Region | str,
    region_2: Region | str,
    *,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    overlap: Overlap = "higher-probability",
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    voxel: VoxelRule = "nearest",
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    require_entrez: bool = False,
) -> RegionPair:
    """Expression of genes in the samples of two regions.

    Parameters
    ----------
    region_1, region_2 : Region or str
        The regions to compare, or texts as `jugex.regions.parse_region` reads them.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene.
    donors : sequence of str or int, optional
        Donors to use, by name or id; default: all.
    overlap : {'higher-probability', 'exclude', 'keep', 'error'}
        How to count a sample that lies in both regions. `higher-probability` gives it to the region where it is
        more probable, and drops ties; `exclude` drops it; `keep` counts it in both; `error` raises an error.
    within, exclude : str, int or iterable of these, optional
        Acronyms, names or ids of anatomical structures: count only samples annotated with a structure in `within` or
        a part of it, and none annotated with one in `exclude`. In a single str, commas separate structures.
    tolerance : float, default 0
        Also count samples up to this far outside a region, in mm (distance to the region's nearest voxel). A sample
        inside the other region stays there; see `jugex.Region.with_tolerance`.
    voxel : {'nearest', 'floor'}
        Which voxel of an image is read for a sample: the nearest one, or that of the coordinate rounded down, as in
        siibra and abagen; see `jugex.Region.with_voxel`.
    aliases : path-like, optional
        Table of gene aliases, such as HGNC's complete set: a symbol that the atlas does not have is looked up under
        its new or old name; see `jugex.genes.read_aliases`.
    coordinates : DataFrame, path-like or sequence of path-like, optional
        Other MNI coordinates of the samples; default: the atlas's own. Samples not in the table are left out; see
        `jugex.ExpressionAtlas.with_coordinates`.
    mirror : {'left', 'right'}, optional
        Reflect all samples to this hemisphere; see `jugex.ExpressionAtlas.mirrored`.
    reannotation : path-like, optional
        Table that reassigns probes to genes; see `jugex.ExpressionAtlas.reannotated`.
    min_present : float, optional
        Leave out probes that are above background in a smaller share (0 to 1) of samples; default: no filter, as in
        JuGEx. Many studies take 0.5; `jugex.query.QueryOptions` says why.
    present_in : {'all', 'regions'}
        Count that share over all samples of the atlas (of the donors in use), or over those of both regions, pooled.
    require_entrez : bool, default False
        Leave out probes without an Entrez id.

    Returns
    -------
    RegionPair

    Raises
    ------
    RegionError
        If a region holds no sample, or none in the structures asked for; if both regions hold the same samples; if
        samples are shared and `overlap` is 'error'; or if a structure is unknown.
    DesignError
        If resolving the overlap leaves a region without samples.
    GeneError
        If the atlas has none of the genes, or none of their probes is left.
    AtlasError
        If coordinates or re-annotation cannot be used, or the atlas has no present calls to filter by.

    Warns
    -----
    OverlapWarning
        If shared samples are tied, or kept in both regions.
    GeneWarning
        If some of the genes are not in the atlas, or were found under another symbol.
    AtlasWarning
        If the coordinates given lack some samples.

    Examples
    --------
    >>> import jugex
    >>> jugex.query.region_pair("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"])
    <RegionPair: simulated A (33 samples) and simulated B (28 samples), 31 probes of 1 gene>
    """
    options = QueryOptions(
        genes=genes,
        donors=donors,
        overlap=overlap,
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        voxel=voxel,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        min_present=min_present,
        present_in=present_in,
        require_entrez=require_entrez,
    )
    return query_regions((region_1, region_2), options, atlas=atlas)


@explains_keywords
def region_group(
    regions: Iterable[Region | str],
    *,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    overlap: Overlap = "higher-probability",
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    voxel: VoxelRule = "nearest",
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    require_entrez: bool = False,
) -> RegionGroup:
    """Expression of genes in the samples of two or more regions.

    Parameters
    ----------
    regions : iterable of Region or str
        The regions to compare, at least two, or texts as `jugex.regions.parse_region` reads them.
    atlas, genes, donors, within, exclude, tolerance, voxel, aliases, coordinates, mirror, reannotation
        See `jugex.query.region_pair`.
    overlap : {'higher-probability', 'exclude', 'error', 'keep'}
        What becomes of a sample that lies in several regions. `higher-probability` gives it to the one where it
        is most probable, and drops it where none is, or where one of them has no probability (a tie); `exclude` drops
        it; `error` refuses. `keep` is for two regions: a test of more regions at once cannot count a sample twice.
    min_present, present_in, require_entrez
        See `jugex.query.region_pair`; 'regions' are all of them, pooled.

    Returns
    -------
    RegionGroup
        Of two regions a `RegionPair`.

    Raises
    ------
    OptionError
        If there are fewer than two regions, or `overlap` is 'keep' for more than two.
    RegionError
        If a region holds no sample, or none of the structures asked for, two regions hold the same ones, samples
        are shared and `overlap` is 'error', or a structure is unknown.
    DesignError
        If resolving the overlap leaves a region without samples.
    GeneError, AtlasError
        As for `jugex.query.region_pair`.

    Warns
    -----
    OverlapWarning
        If shared samples are tied, or kept in two regions.
    GeneWarning, AtlasWarning
        As for `jugex.query.region_pair`.

    Examples
    --------
    >>> import jugex
    >>> sphere = jugex.Region.sphere((-40, 0, 30), 20, name="sphere")
    >>> jugex.query.region_group([*jugex.demo_regions(), sphere], genes=["MAOA"], atlas="simulated")
    <RegionGroup: simulated A (33 samples), simulated B (28 samples), sphere (40 samples), 31 probes of 1 gene>
    """
    options = QueryOptions(
        genes=genes,
        donors=donors,
        overlap=overlap,
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        voxel=voxel,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        min_present=min_present,
        present_in=present_in,
        require_entrez=require_entrez,
    )
    return query_regions(regions, options, atlas=atlas)


@overload
def query_regions(
    regions: tuple[Region | str, Region | str], options: QueryOptions, *, atlas: AtlasLike | None = None
) -> RegionPair: ...
@overload
def query_regions(
    regions: Iterable[Region | str], options: QueryOptions, *, atlas: AtlasLike | None = None
) -> RegionGroup: ...
def query_regions(
    regions: Iterable[Region | str], options: QueryOptions, *, atlas: AtlasLike | None = None
) -> RegionGroup:
    """Expression in the samples of two or more regions, with options that are packed already.

    Parameters
    ----------
    regions : iterable of Region or str
        The regions, at least two.
    options : QueryOptions
        Options of the query.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.

    Returns
    -------
    RegionGroup
        Of two regions a `RegionPair`; errors and warnings are those of `region_pair` and `region_group`.

    Examples
    --------
    >>> import jugex
    >>> options = jugex.query.QueryOptions(genes=["MAOA"])
    >>> jugex.query.query_regions(["simulated:A", "simulated:B"], options, atlas="simulated")
    <RegionPair: simulated A (33 samples) and simulated B (28 samples), 31 probes of 1 gene>
    """
    given = _read_regions(regions)
    _check_overlap(options, len(given))
    source = open_atlas(atlas, donors=options.donors)
    kind = RegionPair if len(given) == 2 else RegionGroup
    return _query(kind, given, source, view_atlas(source, options), options)


def _read_regions(regions: Iterable[Region | str]) -> tuple[Region, ...]:
    if isinstance(regions, Region | str):
        raise OptionError("at least two regions are needed; got one")
    given = tuple(map(read_region, regions))
    if len(given) < 2:
        raise OptionError(f"at least two regions are needed; got {len(given)}")
    return given


def _check_overlap(options: QueryOptions, k: int) -> None:
    if k > 2:
        check_counted_once(options.overlap)


def check_counted_once(overlap: Overlap) -> None:
    """Refuse a policy that counts a sample in several regions, which only a comparison of two regions allows.

    Raises
    ------
    OptionError
    """
    if overlap == "keep":
        raise OptionError(
            "overlap 'keep' counts a sample in several regions, and a test of all regions at once cannot count it "
            "twice; choose 'higher-probability' or 'exclude', or compare two regions at a time"
        )


def _query(
    kind: type[Group],
    given: tuple[Region, ...],
    source: ExpressionAtlas,
    atlas: ExpressionAtlas,
    options: QueryOptions,
) -> Group:
    """Locate the samples of regions, decide for which each counts, and read what was measured in them."""
    selection = select_genes(options.genes, atlas.genes, aliases=options.aliases)
    located = locate_samples(given, atlas, options)
    samples, shared, findings = assign_samples(located, atlas.samples, options.overlap)
    if options.within is None and options.exclude is None:
        findings = (*findings, *judge_extent(located, atlas))
    warn_of(findings)
    well_ids = samples["well_id"].to_numpy()
    selection, probes, probe_filter = filter_probes(selection, atlas, well_ids, options)
    levels, zscores = atlas.levels_and_zscores(well_ids=well_ids, probe_ids=probes["probe_id"].to_numpy())
    return kind(
        regions=located.regions,
        atlas=atlas,
        samples=samples,
        probes=probes.reset_index(drop=True),
        levels=levels,
        zscores=zscores,
        genes=selection,
        options=options,
        shared=shared,
        n_found=located.n_found,
        n_between_voxels=located.n_between_voxels,
        sample_filter=located.record,
        probe_filter=probe_filter,
        findings=findings,
        given=given,
        source=source,
    )
