"""Expression of genes in every region of a parcellation: regions x genes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from os import PathLike

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._arguments import explains_keywords
from jugex._text import count_of
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.errors import DesignError, OptionError
from jugex.genes import AliasesLike, GeneRequest, GeneSelection, select_genes
from jugex.model.options import (
    AtlasLike,
    Donors,
    Fill,
    OverDonors,
    PresentIn,
    QueryOptions,
    Structures,
    TableOptions,
    TableValues,
)
from jugex.model.query_record import ProbeFilterRecord
from jugex.progress import track
from jugex.query.probes import aggregate_by_gene, cut_by_gene, filter_probes, score_probes
from jugex.query.samples import COORDINATES, bind_region, count_in_structures, find_most_probable, view_atlas
from jugex.query.targets import RegionsLike, Target, name_apart, read_targets
from jugex.regions import Region
from jugex.regions.grids import VoxelRule
from jugex.regions.label_tables import LabelsLike
from jugex.stats.aggregation import SELECTIONS, ProbeAggregation, pattern_stability
from jugex.stats.normalization import Normalization, normalize

__all__ = ["RegionTable", "region_table"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_GENES_AT_ONCE = 1_000  # of a donor: 8 MB
_SAMPLES_AT_ONCE = 64  # of all genes: 10 MB


@dataclass(frozen=True, eq=False, repr=False)
class RegionTable:
    """Expression of g genes in r regions.

    Attributes
    ----------
    table : DataFrame
        A row per region, in the order of the parcellation, and a column per gene, in alphabetical order; with
        ``over_donors="separate"`` a row per region and donor (index `region`, `donor_name`). Empty where a region has
        no value.
    regions : DataFrame, r rows
        `region`, `n_samples`, `n_donors`, `status` ("ok", "filled", or why the row is empty), `filled_mm` (how far the
        sample that fills it lies from the centroid of the region), then the number of samples of each donor.
    genes : DataFrame, g rows
        `gene`, `entrez_id`, `n_probes`, and `stability`: how alike the donors' patterns over the regions are, from -1
        to 1 (`jugex.stats.aggregation.differential_stability`); empty where no two donors share three regions.
    samples : DataFrame
        One row per sample used: `region`, `donor_name`, `sample`, `well_id`, `mni_x`, `mni_y`, `mni_z` (mm),
        `structure_acronym`, `structure_name`.
    options : TableOptions
    query : QueryOptions
    selection : GeneSelection
        Which genes were asked for, found and missing.
    probe_filter : ProbeFilterRecord or None
        Filter on present calls and Entrez ids; None without one.
    located : tuple of Region or None
        The regions as they were looked for; None where one could not be made.
    n_tied : int
        Samples that lie in several regions and are left out, since none of these is more probable.
    atlas : ExpressionAtlas
        The view of the atlas that was read.

    Examples
    --------
    >>> import jugex
    >>> made = jugex.query.region_table(["structure:simA", "structure:simB"], ["MAOA", "TAC1"], atlas="simulated")
    >>> made
    <RegionTable: 2 regions (2 with samples) x 2 genes, Simulated atlas (not real data)>
    >>> made.table.shape, made.regions["n_samples"].tolist()
    ((2, 2), [33, 28])
    """

    table: pd.DataFrame
    regions: pd.DataFrame
    genes: pd.DataFrame
    samples: pd.DataFrame
    options: TableOptions
    query: QueryOptions
    selection: GeneSelection
    probe_filter: ProbeFilterRecord | None
    located: tuple[Region | None, ...]
    n_tied: int
    atlas: ExpressionAtlas

    def __repr__(self) -> str:
        held = int((self.regions["n_samples"] > 0).sum())
        return (
            f"<{type(self).__name__}: {count_of(len(self.regions), 'region')} ({held} with samples) x "
            f"{count_of(len(self.genes), 'gene')}, {self.atlas.name}>"
        )


@explains_keywords
def region_table(
    regions: RegionsLike,
    genes: GeneRequest = None,
    *,
    atlas: AtlasLike | None = None,
    values: TableValues = "zscore",
    over_donors: OverDonors = "mean",
    probes: ProbeAggregation = "winsorized-mean",
    sample_norm: Normalization = "none",
    gene_norm: Normalization = "none",
    fill: Fill = "none",
    min_samples: int = 1,
    min_donors: int = 1,
    threshold: float = 0.2,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
    donors: Donors | None = None,
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
) -> RegionTable:
    """Mean expression of genes in each region of a parcellation.

    A sample counts in one region: in the one that it lies in itself before one that has it by the tolerance, there in
    the nearest one, else in the most probable one. Samples in several regions of which none is more probable are left
    out and counted.

    Parameters
    ----------
    regions : str, path or iterable of Region or str
        A parcellation (``"juelich"``), an image of labels or a 4-D image of maps, or regions.
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.
    values : {'zscore', 'level'}
        Levels standardised per probe and donor over all samples of the donor, or log2 levels.
    over_donors : {'mean', 'samples', 'separate'}
        `mean` averages the means of the donors that have samples in a region, so that each counts the same; `samples`
        averages all samples; `separate` keeps a row for each donor.
    probes : str
        From probes to genes, as for `jugex.compare` (not `single`). Scores of probes look at the samples of all
        regions.
    sample_norm, gene_norm : {'none', 'zscore', 'robust-sigmoid', 'scaled-robust-sigmoid'}
        Normalise each sample over the genes of the table, then each gene over the samples of a donor that lie in a
        region; see `jugex.query.normalize`. abagen's defaults are `scaled-robust-sigmoid` for both, of levels.
    fill : {'none', 'nearest'}
        What a region without enough samples has: nothing, or the values of the sample nearest to its centroid, which
        the status says. Never counted as a sample of the region.
    min_samples, min_donors : int, default 1
        A region with fewer is empty.
    threshold, labels, space, annotated
        How images are read; see `jugex.regions.parse_region`.
    donors, within, exclude, tolerance, voxel, aliases, coordinates, mirror, reannotation
        See `jugex.query.region_pair`.
    min_present, present_in, require_entrez
        See `jugex.query.region_pair`; 'regions' are all of them, pooled.

    Returns
    -------
    RegionTable

    Raises
    ------
    OptionError
        If an option has a value that is not allowed, or `regions` is a single region.
    RegionError
        If the regions cannot be read, or lie in another space than the atlas.
    DesignError
        If no region holds a sample.
    GeneError, AtlasError
        As for `jugex.query.region_pair`.

    Examples
    --------
    >>> import jugex
    >>> made = jugex.query.region_table(["structure:simA", "structure:simB"], ["MAOA"], atlas="simulated")
    >>> list(made.table.index), list(made.table.columns)
    (['simulated area A, left', 'simulated area B, left'], ['MAOA'])
    """
    options = TableOptions(
        values=values,
        over_donors=over_donors,
        probes=probes,
        sample_norm=sample_norm,
        gene_norm=gene_norm,
        fill=fill,
        min_samples=min_samples,
        min_donors=min_donors,
    )
    query = QueryOptions(
        genes=genes,
        donors=donors,
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
    targets = read_targets(regions, threshold=threshold, labels=labels, space=space, annotated=annotated)
    view = view_atlas(open_atlas(atlas, donors=query.donors), query)
    if values == "level" and not view.has_levels:
        raise OptionError(f"{view.name} has only z-scores: leave values='level' out")
    selection = select_genes(query.genes, view.genes, aliases=query.aliases)
    return _make_table(targets, selection, view, query, options)


def _make_table(
    targets: Sequence[Target],
    selection: GeneSelection,
    atlas: ExpressionAtlas,
    query: QueryOptions,
    options: TableOptions,
) -> RegionTable:
    placed = _place_targets(targets, atlas, query)
    region_of_sample, n_tied = _assign(placed)
    rows = np.flatnonzero(region_of_sample >= 0)
    if not len(rows) and n_tied:
        raise DesignError(
            f"all {n_tied} samples of the {len(targets)} regions lie in several of them, and none is more probable; "
            "give regions that do not hold each other"
        )
    if not len(rows):
        raise DesignError(
            f"none of the {len(targets)} regions holds a sample of {atlas.name}; check that they are in its space "
            f"({atlas.space}), or take a tolerance"
        )
    names = [one.name for one in placed]
    samples = atlas.samples.iloc[rows]
    codes, donor_names = region_of_sample[rows], atlas.donors["donor_name"].tolist()
    donors = pd.Categorical(samples["donor_name"], categories=donor_names).codes.astype(np.intp)
    counts = np.zeros((len(targets), len(donor_names)), dtype=np.intp)
    np.add.at(counts, (codes, donors), 1)
    described = _describe_regions(placed, counts, options)
    is_full = (described["status"] == "ok").to_numpy(dtype=bool)
    filled = _find_nearest(placed, atlas, ~is_full) if options.fill == "nearest" else np.full(len(targets), -1)

    extra = np.unique(filled[filled >= 0])
    read = np.concatenate([rows, extra])  # those that fill stand behind the samples of the regions
    selection, probes, record = filter_probes(selection, atlas, samples["well_id"].to_numpy(), query)
    design = _Reading(atlas, read, len(rows), codes, donors, len(donor_names), len(targets))
    means, genes, own = _average(design, probes, options)
    if len(extra):
        for number in np.flatnonzero(filled >= 0).tolist():
            place = int(np.searchsorted(extra, filled[number]))
            means[number] = own[place]
            point = atlas.samples[list(COORDINATES)].iloc[[filled[number]]].to_numpy(dtype=np.float64)[0]
            described.loc[number, "filled_mm"] = np.linalg.norm(point - placed[number].centroid)
            described.loc[number, "status"] = "filled"
    means[~is_full & (filled < 0)] = np.nan
    table = _lay_out(means, genes["gene"].tolist(), names, donor_names, options)
    columns = ["donor_name", "sample", "well_id", *COORDINATES, "structure_acronym", "structure_name"]
    used = samples[columns].reset_index(drop=True)
    used.insert(0, "region", [names[code] for code in codes])
    return RegionTable(
        table=table,
        regions=described.join(pd.DataFrame(counts, columns=donor_names)),
        genes=genes,
        samples=used,
        options=options,
        query=query,
        selection=selection,
        probe_filter=record,
        located=tuple(one.region for one in placed),
        n_tied=n_tied,
        atlas=atlas,
    )


def _lay_out(
    means: Floats, genes: list[str], names: list[str], donor_names: list[str], options: TableOptions
) -> pd.DataFrame:
    """Frame of the means (r, d, g) of donors, or of their averages (r, 1, g)."""
    if options.over_donors == "separate":
        index = pd.MultiIndex.from_product([names, donor_names], names=["region", "donor_name"])
        return pd.DataFrame(means.reshape(-1, len(genes)), index=index, columns=genes)
    return pd.DataFrame(means[:, 0], index=pd.Index(names, name="region"), columns=genes)


# --- which sample counts where --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Placed:
    """Where the n samples of an atlas lie with respect to a region; `nearest` (mm) is 0 inside it."""

    name: str
    region: Region | None
    why: str
    inside: npt.NDArray[np.bool_]
    probability: Floats
    nearest: Floats

    @property
    def centroid(self) -> Floats:
        """Of the region, in mm, shape (3,); NaN where it has none."""
        return np.full(3, np.nan) if self.region is None else self.region.centroid


def _place_targets(targets: Sequence[Target], atlas: ExpressionAtlas, query: QueryOptions) -> list[_Placed]:
    counts = count_in_structures(atlas, query)
    bound = [None if one.region is None else bind_region(one.region, atlas, query) for one in targets]
    # the atlas knows structures by name
    names = [one.name if region is None else region.name for one, region in zip(targets, bound, strict=True)]
    listed = list(zip(name_apart(names), targets, bound, strict=True))
    return [
        _place(name, target.why, region, atlas, counts)
        for name, target, region in track(listed, description="samples of the regions")
    ]


def _place(
    name: str, why: str, region: Region | None, atlas: ExpressionAtlas, counts: npt.NDArray[np.bool_]
) -> _Placed:
    n = len(atlas.samples)
    if region is None:
        return _Placed(name, None, why, np.zeros(n, dtype=bool), np.full(n, np.nan), np.zeros(n))
    with np.errstate(invalid="ignore"):  # samples without a coordinate are in no voxel
        located = region.locate(atlas.samples)
    found = located["inside"].to_numpy(dtype=bool)
    inside, nearest = found & counts, np.zeros(n)
    if "tolerated" in located and (beside := inside & located["tolerated"].to_numpy(dtype=bool)).any():
        nearest[beside] = region.distances(atlas.samples.loc[beside, list(COORDINATES)].to_numpy(dtype=np.float64))
        nearest[beside] = np.maximum(nearest[beside], np.finfo(np.float64).tiny)  # never as near as inside
    why = "" if inside.any() else "no sample in the structures asked for" if found.any() else "no sample"
    return _Placed(name, region, why, inside, located["probability"].to_numpy(dtype=np.float64), nearest)


def _assign(placed: Sequence[_Placed]) -> tuple[Ints, int]:
    """Region of each sample, -1 for none, and how many samples are tied."""
    inside = np.column_stack([one.inside for one in placed])
    nearest = np.where(inside, np.column_stack([one.nearest for one in placed]), np.inf)
    inside &= nearest == nearest.min(axis=1, keepdims=True)
    several = inside.sum(axis=1) > 1
    region = np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
    probability = np.column_stack([one.probability for one in placed])
    region[several] = find_most_probable(inside[several], probability[several])
    return region.astype(np.intp), int((several & (region < 0)).sum())


def _describe_regions(placed: Sequence[_Placed], counts: Ints, options: TableOptions) -> pd.DataFrame:
    n_samples, n_donors = counts.sum(axis=1), (counts > 0).sum(axis=1)
    status = []
    for one, samples, donors in zip(placed, n_samples.tolist(), n_donors.tolist(), strict=True):
        if one.why:
            status.append(one.why)
        elif not samples:
            status.append("all its samples count in other regions")
        elif samples < options.min_samples:
            status.append(f"fewer than {options.min_samples} samples")
        else:
            status.append("ok" if donors >= options.min_donors else f"fewer than {options.min_donors} donors")
    return pd.DataFrame(
        {
            "region": [one.name for one in placed],
            "n_samples": n_samples,
            "n_donors": n_donors,
            "status": pd.Series(status, dtype=str),
            "filled_mm": np.nan,
        }
    )


def _find_nearest(placed: Sequence[_Placed], atlas: ExpressionAtlas, wanted: npt.NDArray[np.bool_]) -> Ints:
    """Row of the sample nearest to the centroid of each region wanted; -1 for none."""
    points = atlas.samples[list(COORDINATES)].to_numpy(dtype=np.float64)
    nearest = np.full(len(placed), -1)
    for number in np.flatnonzero(wanted).tolist():
        distances = np.linalg.norm(points - placed[number].centroid, axis=1)
        if np.isfinite(distances).any():
            nearest[number] = int(np.nanargmin(distances))
    return nearest.astype(np.intp)


# --- values -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Reading:
    """Which samples are read, and which of them are averaged into what.

    `read` (m,) are rows of the atlas's samples, of which the first n count in the regions `codes` (n,) of r, and come
    from the `donors` (n,) of d; the rest fills regions without samples.
    """

    atlas: ExpressionAtlas
    read: Ints
    n: int
    codes: Ints
    donors: Ints
    n_donors: int
    n_regions: int

    @property
    def well_ids(self) -> npt.NDArray[np.int64]:
        """Samples read, shape (m,)."""
        return self.atlas.samples["well_id"].to_numpy(dtype=np.int64)[self.read]

    @property
    def groups(self) -> list[Ints]:
        """Samples read of each donor: they are normalised together."""
        names = self.atlas.samples["donor_name"].to_numpy()[self.read]
        return [np.flatnonzero(names == name) for name in pd.unique(names)]

    def of_regions(self, held: Ints) -> _Reading:
        """The same, of those regions alone that hold samples."""
        return replace(self, codes=np.searchsorted(held, self.codes).astype(np.intp), n_regions=len(held))

    def sum_regions(self, values: Floats, samples: Ints) -> tuple[Ints, Floats, Floats]:
        """Sums of values (g, m) of some samples that count in regions, missing ones left out.

        Returns
        -------
        regions : ndarray of int, shape (h,)
            Those that hold some of them.
        sums, counts : ndarray, shape (g, h)
        """
        codes = self.codes[samples]
        order = np.argsort(codes, kind="stable")
        held, starts = np.unique(codes[order], return_index=True)
        ordered = values[:, order]
        missing = np.isnan(ordered)
        if missing.any():
            counts = np.add.reduceat(~missing, starts, axis=1, dtype=np.float64)
            ordered[missing] = 0.0
        else:
            counts = np.broadcast_to(np.diff(starts, append=len(order)).astype(np.float64), (len(values), len(held)))
        return held, np.add.reduceat(ordered, starts, axis=1), counts


@dataclass(frozen=True, eq=False)
class _Averages:
    """Means of g genes, filled in donor by donor.

    `cells` (d, r, g) are those of each donor in each region, `sums` and `counts` (r, g) of all samples of a region
    where donors are pooled, and `fills` (e, g) the values of the samples that fill.
    """

    cells: Floats
    sums: Floats
    counts: Floats
    fills: Floats

    @classmethod
    def empty(cls, design: _Reading, n_genes: int, options: TableOptions) -> _Averages:
        cells = np.full((design.n_donors, design.n_regions, n_genes), np.nan)
        sums, counts = np.zeros((2, design.n_regions if options.over_donors == "samples" else 0, n_genes))
        return cls(cells, sums, counts, np.full((len(design.read) - design.n, n_genes), np.nan))

    def add(self, design: _Reading, group: Ints, genes: slice, values: Floats) -> None:
        """Add the values (h, m) of some genes in all samples of a donor."""
        inside = group[group < design.n]  # these come first
        self.fills[group[len(inside) :] - design.n, genes] = values[:, len(inside) :].T
        if not len(inside):
            return
        held, sums, counts = design.sum_regions(values[:, : len(inside)], inside)
        self.cells[int(design.donors[inside[0]]), held, genes] = (sums / np.where(counts > 0, counts, np.nan)).T
        if len(self.sums):
            self.sums[held, genes] += sums.T
            self.counts[held, genes] += counts.T


def _average(design: _Reading, probes: pd.DataFrame, options: TableOptions) -> tuple[Floats, pd.DataFrame, Floats]:
    """Means of regions (r, 1 or d, g), the genes (g rows), and values of the samples that fill, (e, 1, g).

    Donor by donor: nothing is normalised over several of them, and a block of genes, or all genes of one donor where
    samples are normalised, is all that is in memory.
    """
    probes = probes.reset_index(drop=True)
    blocks = list(cut_by_gene(probes["gene"], _GENES_AT_ONCE))
    genes = pd.concat([_describe_genes(probes.iloc[rows]) for rows in blocks], ignore_index=True)
    scores = _score_blocks(design, probes, blocks, options)
    held = np.unique(design.codes)
    all_regions, design = design.n_regions, design.of_regions(held)
    found, groups = _Averages.empty(design, len(genes), options), design.groups
    steps = track(list(product(groups, range(len(blocks)))), description="values of the regions")
    for group in groups:
        n_inside = int((group < design.n).sum())  # those that fill do not decide how others are normalised
        of_donor: Iterator[Floats] = (
            _read_block(design, group, probes.iloc[blocks[number]], scores[number], options)
            for _, number in islice(steps, len(blocks))
        )
        if options.sample_norm != "none":  # needs all genes of a sample
            of_donor = _normalize_samples(of_donor, (len(genes), len(group)), options.sample_norm)
        start = 0
        for values in of_donor:
            if options.gene_norm != "none":
                values = normalize(values, options.gene_norm, axis=1, by=slice(n_inside))
            found.add(design, group, slice(start, start + len(values)), values)
            start += len(values)
    means = np.full((all_regions, design.n_donors if options.over_donors == "separate" else 1, len(genes)), np.nan)
    genes["stability"] = np.nan
    for start in range(0, len(genes), _GENES_AT_ONCE):
        chunk = slice(start, start + _GENES_AT_ONCE)
        cells = found.cells[:, :, chunk].transpose(1, 0, 2)
        genes.iloc[chunk, -1] = _measure_stability(cells)
        if options.over_donors == "samples":
            counts = found.counts[:, chunk]
            means[held, 0, chunk] = found.sums[:, chunk] / np.where(counts > 0, counts, np.nan)
        else:
            means[held, :, chunk] = cells if options.over_donors == "separate" else _mean_of_known(cells)[:, np.newaxis]
    order = genes["gene"].argsort(kind="stable").to_numpy()  # they were read in the order of the atlas
    return means[:, :, order], genes.iloc[order].reset_index(drop=True), found.fills[:, np.newaxis, order]


def _describe_genes(probes: pd.DataFrame) -> pd.DataFrame:
    """One row per gene, in alphabetical order."""
    by_gene = probes.groupby("gene", sort=True)
    return pd.DataFrame(
        {
            "gene": np.asarray(pd.factorize(probes["gene"], sort=True)[1], dtype=object),
            "entrez_id": by_gene["entrez_id"].first().astype("Int64").to_numpy(),
            "n_probes": by_gene.size().to_numpy(),
        }
    )


def _score_blocks(
    design: _Reading, probes: pd.DataFrame, blocks: Sequence[Ints], options: TableOptions
) -> list[Floats | None]:
    """Score of the probes of each block, by the samples of all regions; None where no probe is chosen."""
    if options.probes not in SELECTIONS:
        return [None] * len(blocks)
    atlas, wells = design.atlas, design.well_ids[: design.n]
    listed = [probes.iloc[rows].reset_index(drop=True) for rows in blocks]
    return [
        score_probes(atlas, block, atlas.levels(well_ids=wells, probe_ids=block["probe_id"].to_numpy()), options.probes)
        for block in listed
    ]


def _read_block(
    design: _Reading,
    group: Ints,
    block: pd.DataFrame,
    score: Floats | None,
    options: TableOptions,
) -> Floats:
    """Values (h, m) of the genes of a block, in alphabetical order, in the m samples of a donor."""
    atlas, wells, ids = design.atlas, design.well_ids[group], block["probe_id"].to_numpy()
    if options.values == "level":
        measured = atlas.levels(well_ids=wells, probe_ids=ids).astype(np.float64)
    else:
        measured = atlas.zscores(well_ids=wells, probe_ids=ids)
    return aggregate_by_gene(block.reset_index(drop=True), measured, options.probes, score=score)[1]


def _normalize_samples(blocks: Iterable[Floats], shape: tuple[int, int], how: Normalization) -> Iterator[Floats]:
    """Blocks of genes of one donor, after each of its samples was normalised over all genes."""
    whole, n_read = np.empty(shape), 0
    for values in blocks:
        whole[n_read : n_read + len(values)] = values
        n_read += len(values)
    for start in range(0, shape[1], _SAMPLES_AT_ONCE):
        some = slice(start, start + _SAMPLES_AT_ONCE)
        whole[:, some] = normalize(whole[:, some], how, axis=0)
    yield from np.split(whole, range(_GENES_AT_ONCE, shape[0], _GENES_AT_ONCE))


def _mean_of_known(cells: Floats) -> Floats:
    """Mean over the donors that have a value, of (r, d, g), shape (r, g)."""
    known = ~np.isnan(cells)
    counts: Floats = known.sum(axis=1, dtype=np.float64)
    mean: Floats = np.where(known, cells, 0.0).sum(axis=1) / np.where(counts > 0, counts, np.nan)
    return mean


def _measure_stability(cells: Floats) -> Floats:
    """Differential stability of genes over regions, from the means (r, d, g) of donors, shape (g,)."""
    held = [np.flatnonzero(~np.isnan(cells[:, donor]).all(axis=1)) for donor in range(cells.shape[1])]
    return pattern_stability([cells[regions, donor].T for donor, regions in enumerate(held)], held)
