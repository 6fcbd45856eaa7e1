"""Query and analysis in one call: two regions, or several at once and two by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from jugex import report
from jugex._arguments import explains_keywords
from jugex._text import count_of
from jugex._text import format_html as format_table
from jugex.analysis import DifferentialExpression
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.errors import (
    DesignError,
    GeneError,
    OptionError,
    RegionError,
    ResultWarning,
    remembering_warnings,
    warn_user,
    without_warnings,
)
from jugex.genes import AliasesLike, GeneRequest
from jugex.model.columns import PAIRS_COLUMNS
from jugex.model.options import (
    AtlasLike,
    Collinear,
    CovariatesLike,
    Donors,
    Missing,
    Overlap,
    PresentIn,
    Preset,
    QueryOptions,
    Rng,
    Structures,
    TestOptions,
    find_preset,
)
from jugex.model.record import PairRecord, RungCounts, RunRecord, to_json
from jugex.pipeline.comparison import ComparisonData, run_comparison, with_background
from jugex.pipeline.pairs import GroupComparison, relate_pairs, tabulate_pairs
from jugex.progress import track
from jugex.query import RegionGroup, query_regions
from jugex.regions import Region, parse_region
from jugex.regions.grids import VoxelRule
from jugex.regions.label_tables import LabelsLike
from jugex.regions.texts import check_one_image
from jugex.report.text import format_html, summarize_run
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic

__all__ = ["PAIRS_COLUMNS", "SeveralRegions", "compare", "compare_several", "run_pair", "run_several"]


@explains_keywords
def compare(
    region_1: Region | str,
    region_2: Region | str,
    *,
    preset: str | None = None,
    names: Sequence[str] | None = None,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    threshold: float | None = None,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
    overlap: Overlap | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    voxel: VoxelRule | None = None,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    require_entrez: bool = False,
    statistic: Statistic | None = None,
    exchange: Exchange | None = None,
    probes: ProbeAggregation | None = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    missing: Missing = "drop-genes",
    collinear: Collinear | None = None,
    background: bool = True,
    ladder: bool | None = None,
    reference: Region | Structures | None = None,
) -> DifferentialExpression:
    """Compare the expression of genes between two regions: query and analysis in one call.

    Parameters
    ----------
    region_1, region_2 : Region or str
        Regions, or texts as on the command line: "map.nii.gz", "labels.nii.gz#17", "sphere:-22,58,4,8",
        "structure:HiF".
    preset : {'bludau2018', 'siibra-jugex', 'siibra-jugex@2023', 'siibra-jugex@2024'}, optional
        Set statistic, exchange, probes, overlap, threshold and voxel as in that publication or package. An option
        that you also give takes precedence. Since February 2024 siibra rounds the coordinate of a sample down to a
        voxel, and took the nearest one before: ``siibra-jugex`` is the newer version.
    names : sequence of two str, optional
        Names of the regions in outputs; default: their own names.
    atlas, genes, donors, overlap, within, exclude, tolerance, voxel
        See `jugex.query.region_pair`.
    aliases, coordinates, mirror, reannotation, min_present, present_in, require_entrez
        See `jugex.query.region_pair`.
    threshold : float, optional
        Threshold of regions given as text that are probability maps.
    labels : path, dict, list or DataFrame, optional
        Label table for regions given as text, if none lies beside the image. Labels of two different images need a
        table beside each.
    space : str, optional
        Space of the images of regions given as text, if their names or headers state another; see
        `jugex.Region.from_image`.
    annotated : bool
        For labels given as text, count only samples that the atlas annotates with the hemisphere and the class of
        tissue in the label table, as abagen does; see `jugex.Region.annotated_as`.
    n_permutations, rng, statistic, exchange, probes, covariates, alpha, n_jobs, tail, missing
        See `jugex.analysis.differential_expression`.
    collinear : {'redraw', 'smallest'}, optional
        See `jugex.analysis.differential_expression`; default: `smallest` with a preset, as the earlier tools do, else
        `redraw`.
    background : bool
        If only some genes are asked for, also test every gene of the atlas, with at most 999 permutations, to say what
        share of them differs nominally between the regions (``record.background``). This reads all probes of the
        samples, and is not done with the web service.
    ladder : bool, optional
        See `jugex.analysis.differential_expression`; default: yes, but no with a preset.
    reference : Region, str or sequence of str, optional
        See `jugex.analysis.differential_expression`.

    Returns
    -------
    DifferentialExpression

    Raises
    ------
    JugexError
        As in `jugex.query.region_pair` and `jugex.analysis.differential_expression`.

    Warns
    -----
    OverlapWarning, GeneWarning, AtlasWarning, DesignWarning
        Before the work, of what can be known then; see the same functions.
    ResultWarning
        After it, for each kind of weakness that the result has; ``result.warnings`` lists all with names and numbers.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.table.loc[0, "gene"]
    'MAOA'
    """
    regions = (region_1, region_2)
    choices = find_preset(preset).replaced_by(
        statistic=statistic,
        exchange=exchange,
        probes=probes,
        overlap=overlap,
        threshold=threshold,
        voxel=voxel,
        collinear=collinear,
        ladder=ladder,
    )
    query = QueryOptions(
        genes=genes,
        donors=donors,
        overlap=choices.overlap,
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        voxel=choices.voxel,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        min_present=min_present,
        present_in=present_in,
        require_entrez=require_entrez,
    )
    test = TestOptions(
        n_permutations=n_permutations,
        rng=rng,
        statistic=choices.statistic,
        exchange=choices.exchange,
        probes=choices.probes,
        covariates=covariates,
        alpha=alpha,
        n_jobs=n_jobs,
        tail=tail,
        missing=missing,
        collinear=choices.collinear,
        background=background,
        ladder=choices.ladder,
        reference=reference,
    )
    with remembering_warnings():
        made = _read_regions(
            regions, choices, threshold=threshold, names=names, labels=labels, space=space, annotated=annotated
        )
        return run_pair(made, query, test, atlas=atlas, preset=preset, threshold=choices.threshold)


def run_pair(
    regions: Sequence[Region],
    query: QueryOptions,
    test: TestOptions,
    *,
    atlas: AtlasLike | None,
    preset: str | None,
    threshold: float | None,
) -> DifferentialExpression:
    """Compare two regions by options that are packed already; preset and threshold are recorded."""
    pair = query_regions((regions[0], regions[1]), query, atlas=atlas)
    return DifferentialExpression.of(_compare(pair, test, preset, threshold))


def _compare(group: RegionGroup, test: TestOptions, preset: str | None, threshold: float | None) -> ComparisonData:
    """Test the regions of a query, and record the preset behind its options."""
    data = run_comparison(group, test)
    data = replace(data, record=data.record.with_arguments(preset=preset, threshold=threshold))
    return with_background(data, test) if test.background and len(group.regions) == 2 else data


def _read_regions(
    regions: Sequence[Region | str],
    choices: Preset,
    *,
    threshold: float | None,
    names: Sequence[str] | None,
    labels: LabelsLike | None,
    space: str | None,
    annotated: bool,
) -> list[Region]:
    """Regions from texts or regions; options for texts are refused if no region is a text."""
    if not any(isinstance(region, str) for region in regions):
        for option, value in (
            ("threshold", threshold),
            ("labels", labels),
            ("space", space),
            ("annotated", annotated or None),
        ):
            if value is not None:
                raise OptionError(f"{option} is for regions given as text; set that of a Region in Region.from_image")
    return make_regions(regions, choices.threshold, names, labels=labels, space=space, annotated=annotated)


def make_regions(
    regions: Sequence[Region | str],
    threshold: float,
    names: Sequence[str] | None,
    *,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
) -> list[Region]:
    """Regions of texts or of regions, called by the names given.

    Raises
    ------
    OptionError
        If the names are not as many as the regions, or one of them is no text or empty, or one label table is given
        for labels of several images.
    """
    if labels is not None:
        check_one_image([region for region in regions if isinstance(region, str)], labels)
    made = [
        parse_region(region, threshold=threshold, labels=labels, space=space, annotated=annotated)
        if isinstance(region, str)
        else region
        for region in regions
    ]
    if names is None:
        return made
    if isinstance(names, str) or len(names) != len(made):
        count = "two" if len(made) == 2 else len(made)
        raise OptionError(f"give {count} names, one for each region; got {names!r}")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"the name of a region is text that is not empty; got {name!r}")
    return [region.renamed(name) for region, name in zip(made, names, strict=True)]


@dataclass(frozen=True, eq=False, repr=False)
class SeveralRegions:
    """Differential expression of genes between k regions: all at once, and every two of them.

    Attributes
    ----------
    data : ComparisonData
        The test of all regions at once.
    pairs : dict of (str, str) to DifferentialExpression
        By the names of two regions, in the order given: what `jugex.compare` says of them. Pairs that admit no test are
        left out.
    pairs_table : DataFrame
        One row per gene and pair, sorted by `p_fwe_holm`, then `p_fwe`; columns `PAIRS_COLUMNS`. `diff` is region 1
        minus region 2; `p_fwe` is corrected over the genes of the pair, `p_fwe_holm` over all genes of all pairs, and
        `significant` says whether the latter is at most alpha. `status` is "ok", why the gene was not tested, or why
        the pair admits no test.

    Examples
    --------
    >>> import jugex
    >>> regions = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> several = jugex.compare_several(regions, atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=999, rng=0)
    >>> several.omnibus["gene"].tolist(), len(several.pairs)
    (['MAOA', 'GAD2'], 3)
    >>> several.region_names[0]
    'simulated area A, left'
    >>> several.samples.shape, several.zscores.shape
    ((514, 10), (514, 2))
    >>> several.record.design.n_samples, several.settings["design"]["n_samples"]
    ((33, 28, 453), [33, 28, 453])
    >>> [finding.largest for finding in several.record.findings], len(several.warnings)
    (['simulated parietal lobe, left'], 1)
    >>> len(several.significant) == int(several.omnibus["significant"].sum())
    True
    >>> several.comparison.count_significant()["simulated area A, left", "simulated area B, left"]
    1
    >>> several.save("three-structures").name
    'three-structures'
    >>> several.summary().splitlines()[0]
    'SIMULATED DATA: the numbers say nothing about real brains.'
    """

    data: ComparisonData
    pairs: Mapping[tuple[str, str], DifferentialExpression]
    pairs_table: pd.DataFrame

    @property
    def omnibus(self) -> pd.DataFrame:
        """The test of all regions at once, one row per gene; see `jugex.analysis.Omnibus.table`."""
        return self.data.table

    @property
    def samples(self) -> pd.DataFrame:
        """The samples of the omnibus test, n rows, each in one region (coordinates in mm)."""
        return self.data.samples

    @property
    def zscores(self) -> pd.DataFrame:
        """Gene-level z-scores of those samples, n rows, one column per gene or probe."""
        return self.data.zscores

    @property
    def record(self) -> RunRecord:
        """Everything that determined the numbers; `pairs` lists the findings about each pair."""
        return self.data.record

    @property
    def settings(self) -> dict[str, Any]:
        """The record as JSON types: what ``settings.json`` holds."""
        return to_json(self.record)

    @property
    def warnings(self) -> list[str]:
        """What weakens the comparison of all regions, and what was said of its inputs, in sentences."""
        return self.record.warnings

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""
        return self.data.region_names

    def summary(self) -> str:
        """What was found, as the command line prints it."""
        return "\n".join(summarize_run(self.comparison))

    @property
    def comparison(self) -> GroupComparison:
        """What the page and the files of all regions are made of."""
        return GroupComparison(self.data, self.pairs_table)

    def save(self, directory: str | PathLike[str], *, overwrite: bool = False, xlsx: bool = False) -> Path:
        """Write the comparison into a folder, whole or not at all.

        Parameters
        ----------
        directory : path-like
            Folder that does not exist yet, or is empty.
        overwrite : bool
            Replace a folder that holds a result of jugex.
        xlsx : bool
            Also write the tables as ``results.xlsx``, with what their columns mean. Needs the extra ``xlsx``.

        Returns
        -------
        Path
            The folder, with ``report.html``, ``methods.md``, ``omnibus.tsv``, ``pairs.tsv``, ``samples.tsv``,
            ``settings.json``, and for each pair a folder as `DifferentialExpression.save` writes it: ``pair_1_2`` for
            regions 1 and 2.

        Raises
        ------
        OutputError
            As for `jugex.report.save_result`.
        """
        return report.save_group(self.comparison, self.pairs, directory, overwrite=overwrite, xlsx=xlsx)

    def __repr__(self) -> str:
        counts = f"{count_of(len(self.omnibus), self.data.unit)}, {count_of(len(self.pairs), 'pair')}"
        n_found = int(self.pairs_table["significant"].sum())
        found = f"{len(self.data.significant):,} significant at once, {count_of(n_found, 'difference')} in pairs"
        return f"<SeveralRegions: {', '.join(self.region_names)}, {counts}; {found}>"

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `omnibus` with p_fwe at most alpha."""
        return self.data.significant

    def _repr_html_(self) -> str:
        """What a notebook shows: the test of all regions at once, and how many genes differ in each pair."""
        counts = self.comparison.count_significant()
        rows = [(*pair, n) for pair, n in counts.items()]
        table = format_table("Every two regions", (), ["region 1", "region 2", f"significant {self.data.unit}s"], rows)
        return format_html(self.data) + table


@explains_keywords
def compare_several(
    regions: Sequence[Region | str],
    *,
    names: Sequence[str] | None = None,
    preset: str | None = None,
    atlas: AtlasLike | None = None,
    genes: GeneRequest = None,
    donors: Donors | None = None,
    threshold: float | None = None,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
    overlap: Overlap | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    voxel: VoxelRule | None = None,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
    min_present: float | None = None,
    present_in: PresentIn = "all",
    require_entrez: bool = False,
    statistic: Statistic | None = None,
    exchange: Exchange | None = None,
    probes: ProbeAggregation | None = None,
    covariates: CovariatesLike | None = None,
    n_permutations: int = 10_000,
    rng: Rng = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    missing: Missing = "drop-genes",
    background: bool = True,
    ladder: bool | None = None,
    reference: Region | Structures | None = None,
) -> SeveralRegions:
    """Compare the expression of genes among several regions: all at once, and every two of them.

    The omnibus test asks whether a gene is expressed alike in all regions; each sample counts for one of them. The
    pairs ask which regions differ: each is what `jugex.compare` gives for its two regions alone, with the same options
    and the same seed. Its samples are relabelled among themselves, because relabelling all regions together takes for
    granted that the others do not differ, and is invalid for a pair where they do. So the samples of a pair may be
    others than those in the omnibus test, where a region lies across a third one.

    Parameters
    ----------
    regions : sequence of Region or str
        Regions, or texts as on the command line; at least two.
    names : sequence of str, optional
        How the regions are called in outputs, one name for each; default: their own names.
    preset, threshold, statistic, exchange, probes, covariates, n_permutations, rng, alpha, n_jobs, tail, background
        See `jugex.compare`. The statistic is 'adjusted', and the exchange 'within-donor' or 'free'. A Generator is used
        up by one test after the other; a seed serves each of them. With a preset, relabellings in which area is
        collinear with donor count as the smallest in the pairs, as in `jugex.compare`; the omnibus test has no such
        way, and always redraws them, or leaves them out where all relabellings are listed.
    missing, ladder, reference
        See `jugex.compare`; the pairs have the ladder.
    labels, space, annotated
        See `jugex.compare`.
    atlas, genes, donors, within, exclude, tolerance, voxel
        See `jugex.query.region_pair`.
    overlap
        See `jugex.query.region_group`; for the pairs, `jugex.query.region_pair`.
    aliases, coordinates, mirror, reannotation, min_present, present_in, require_entrez
        See `jugex.query.region_pair`.

    Returns
    -------
    SeveralRegions

    Raises
    ------
    OptionError
        If an option has a value that is not allowed, or has no meaning for more than two regions.
    DesignError
        If no donor has samples in two regions, or no residual degree of freedom is left.
    JugexError
        Whatever `jugex.query.region_group` raises.

    Notes
    -----
    `p_fwe_holm` controls the family-wise error over all genes of all pairs; see
    `jugex.stats.corrections.adjust_across_comparisons`, which also says why Holm's procedure gene by gene would not.

    Examples
    --------
    >>> import jugex
    >>> regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
    >>> result = jugex.compare_several(regions, names=["A", "B", "C"], atlas="simulated", genes=["MAOA", "GAD2"],
    ...                                n_permutations=999, rng=0)
    >>> result.pairs["A", "B"].significant["gene"].tolist()
    ['MAOA']
    >>> result
    <SeveralRegions: A, B, C, 2 genes, 3 pairs; 1 significant at once, 2 differences in pairs>
    """
    choices = find_preset(preset).replaced_by(
        statistic=statistic,
        exchange=exchange,
        probes=probes,
        overlap=overlap,
        threshold=threshold,
        voxel=voxel,
        ladder=ladder,
    )
    query = QueryOptions(
        genes=genes,
        donors=donors,
        overlap=choices.overlap,
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        voxel=choices.voxel,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
        min_present=min_present,
        present_in=present_in,
        require_entrez=require_entrez,
    )
    test = TestOptions(
        n_permutations=n_permutations,
        rng=rng,
        statistic=choices.statistic,
        exchange=choices.exchange,
        probes=choices.probes,
        covariates=covariates,
        alpha=alpha,
        n_jobs=n_jobs,
        tail=tail,
        missing=missing,
        collinear=choices.collinear,
        background=background,
        ladder=choices.ladder,
        reference=reference,
    )
    with remembering_warnings():
        made = _read_regions(
            regions, choices, threshold=threshold, names=names, labels=labels, space=space, annotated=annotated
        )
        return run_several(made, query, test, atlas=atlas, preset=preset, threshold=choices.threshold)


def run_several(
    regions: Sequence[Region],
    query: QueryOptions,
    test: TestOptions,
    *,
    atlas: AtlasLike | None,
    preset: str | None,
    threshold: float | None,
) -> SeveralRegions:
    """Compare several regions by options that are packed already; `test.collinear` is for the pairs."""
    test = test.seeded()
    group = query_regions(regions, query, atlas=atlas)
    data = _compare(group, replace(test, collinear="redraw", tail=False), preset, threshold)
    pairs, impossible = _compare_pairs(group, test, preset, threshold)
    table = tabulate_pairs(pairs, impossible, data.table, test.alpha)
    pairs = relate_pairs(pairs, table, data.region_names)
    record = replace(data.record.with_arguments(tail=test.tail), pairs=_list_pairs(data, pairs, impossible))
    if any(pair.findings or pair.status != "ok" for pair in record.pairs):
        warn_user(
            "Some pairs of regions have weaknesses of their own (see result.pairs[...].warnings)",
            ResultWarning,
            once=True,
        )
    results = {names: DifferentialExpression.of(pair) for names, pair in pairs.items()}
    return SeveralRegions(replace(data, record=record), results, table)


def _compare_pairs(
    group: RegionGroup, test: TestOptions, preset: str | None, threshold: float | None
) -> tuple[dict[tuple[str, str], ComparisonData], dict[tuple[str, str], str]]:
    """Results of the pairs, and of those that admit no test the reason."""
    pairs, impossible = {}, {}
    couples = list(combinations(zip(group.region_names, group.given, strict=True), 2))
    for (name_1, first), (name_2, second) in track(couples, description="pairs of regions"):
        try:
            with without_warnings():  # its record holds what a pair is warned of; genes were told of before
                regions = [first.renamed(name_1), second.renamed(name_2)]
                pair = query_regions(regions, group.options, atlas=group.source)
                pairs[name_1, name_2] = _compare(pair, test, preset, threshold)
        except (DesignError, GeneError, RegionError) as error:
            impossible[name_1, name_2] = f"impossible: {error}"
    return pairs, impossible


def _list_pairs(
    data: ComparisonData,
    pairs: Mapping[tuple[str, str], ComparisonData],
    impossible: Mapping[tuple[str, str], str],
) -> tuple[PairRecord, ...]:
    """Each pair with its folder, and what weakens it and is not said of all regions."""
    listed = []
    for (i, first), (j, second) in combinations(enumerate(data.region_names, start=1), 2):
        pair = pairs.get((first, second))
        if pair is None:
            listed.append(PairRecord(first, second, None, impossible[first, second]))
            continue
        own = tuple(finding for finding in pair.record.findings if finding not in data.record.findings)
        listed.append(PairRecord(first, second, f"pair_{i}_{j}", "ok", own, _count_rungs(pair)))
    return tuple(listed)


def _count_rungs(pair: ComparisonData) -> RungCounts | None:
    """Genes of a pair on each rung; None where no upper rung was tested."""
    table = pair.tested
    if table[["p_donors", "p_spatial"]].isna().all(axis=None):
        return None
    counts = table["evidence"].value_counts()
    return RungCounts(*(int(counts.get(rung, 0)) for rung in ("spatial", "donors", "samples")))
