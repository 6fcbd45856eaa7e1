"""From a query to the data of a result: the permutation ANOVA of every gene between two or more regions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import DesignError, OptionError, list_told, without_warnings
from jugex.model.columns import COLUMN_TYPES, LEFT_OUT_COLUMNS, PROBE_COLUMNS, RUNGS
from jugex.model.findings import AnyFinding, MissingAround, NotLinked, SamplesDropped, Unit, warn_of, warn_of_result
from jugex.model.options import TestOptions
from jugex.model.query_record import OverlapRecord
from jugex.model.record import LadderRecord, Randomness, RunRecord, list_versions, today
from jugex.pipeline.covariates import Covariate, adjust_for, collect_covariates
from jugex.pipeline.diagnostics import (
    check_reach,
    judge_background,
    judge_design,
    judge_fit,
    judge_genes,
    judge_samples,
)
from jugex.pipeline.drawings import Drawings, GeneVariograms
from jugex.pipeline.genes import GeneValues, find_status, summarize_genes
from jugex.pipeline.ladder import RUNG_COLUMNS, Measure, Rungs, climb
from jugex.pipeline.records import (
    MOST_RELABELLINGS,
    explain_coarse_p,
    explain_no_share,
    record_arguments,
    record_background,
    record_design,
    record_exchanges,
    record_genes,
    record_inputs,
    record_permutation,
    record_regions,
    record_tails,
)
from jugex.pipeline.tables import explain_empty_columns, make_table
from jugex.query import RegionGroup
from jugex.stats.design import Design
from jugex.stats.effects import compute_effects
from jugex.stats.tails import explain_no_tails
from jugex.stats.testing import PermutationTest, permutation_test, permute
from jugex.stats.threads import one_blas_thread

__all__ = [
    "ComparisonData",
    "PairTable",
    "Prepared",
    "infer",
    "label_rows",
    "make_design",
    "make_empty_left_out",
    "prepare",
    "query_every_gene",
    "rerun_test",
    "run_comparison",
    "tabulate_pair",
    "with_background",
]

#: A gene in a score would be adjusted for itself.
_IN_SCORE = "not tested: part of a score that is adjusted for"


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonData:
    """What a comparison of k regions found, computed here or read from disk.

    Attributes
    ----------
    table : DataFrame
        One row per gene, or per probe where each is tested by itself; `jugex.model.columns` says which columns.
    samples : DataFrame, n rows
        The samples used; columns `SAMPLE_COLUMNS` (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per row of `table`, named as in `labels`.
    record : RunRecord
        Everything that determined the numbers.
    leave_one_donor_out : DataFrame
        What is left of each significant gene of two regions without each donor; columns `LEFT_OUT_COLUMNS`. Genes in
        the order of `table`, donors in that of the samples. `left_out`: the donor; `n_samples_1`, `n_samples_2`:
        samples that are left; `diff` and `p_fwe` without the donor, corrected over all genes tested; `status`: "ok",
        or why there is no test without this donor. Its relabellings are drawn in the run, after those of both
        exchanges.
    query : RegionGroup or None
        The query behind it, with its atlas and regions; None for a result read from disk.
    options : TestOptions or None
        How it was tested; None for a result read from disk.
    drawings : Drawings or None
        What its page draws beyond the tables, for a result read from disk.
    variograms : GeneVariograms or None
        How the genes tested vary over distance, where the ladder was run.
    """

    table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    record: RunRecord
    leave_one_donor_out: pd.DataFrame
    query: RegionGroup | None = field(default=None, compare=False)
    options: TestOptions | None = field(default=None, compare=False)
    drawings: Drawings | None = field(default=None, compare=False)
    variograms: GeneVariograms | None = field(default=None, compare=False)

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the k regions, in their order."""
        return self.record.region_names

    @property
    def labels(self) -> pd.Series[str]:
        """What each row of `table` is called, as its column of `zscores` is: the gene, or the gene and its probe."""
        return label_rows(self.table)

    @property
    def unit(self) -> Literal["gene", "probe", "gene set"]:
        """What each row of `table` is: "gene", "probe" where every probe is tested by itself, or "gene set"."""
        return self.record.unit

    @property
    def tested(self) -> pd.DataFrame:
        """The rows of `table` that have a test, in their order, under the index of `labels`."""
        table = self.table.set_axis(pd.Index(self.labels), axis=0)
        return table[(table["status"] == "ok").to_numpy(dtype=bool)]

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `table` with p_fwe at most alpha."""
        return self.table[self.table["significant"].to_numpy(dtype=bool)]

    @property
    def found(self) -> pd.DataFrame:
        """The rows of `table` that reach a rung of the ladder; of more than two regions the significant ones."""
        return self.table[self.table["evidence"].isin(RUNGS)] if "evidence" in self.table else self.significant


def label_rows(table: pd.DataFrame) -> pd.Series[str]:
    """What each row of a table is called: the gene, or the gene and its probe."""
    return table["gene"] + " " + table["probe_name"] if "probe_name" in table else table["gene"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is tested.

    Attributes
    ----------
    group : RegionGroup
        The samples used.
    design : Design
    genes : GeneValues
        Values of g genes.
    status : ndarray of str, shape (g,)
        "ok" for genes that have an F, else why they have none.
    covariates : list of Covariate
        Those asked for, and what became of each.
    missing_well_ids : tuple of int
        Samples left out because a value was missing.
    findings : list of Finding
        What the user should know of covariates and missing values.
    measure : callable or None
        Where something made of genes is tested: its labels and values in the reference, from what reads genes there.
    """

    group: RegionGroup
    design: Design
    genes: GeneValues
    status: npt.NDArray[np.object_]
    covariates: list[Covariate]
    missing_well_ids: tuple[int, ...]
    findings: list[AnyFinding]
    measure: Measure | None = None

    @property
    def tested(self) -> npt.NDArray[np.intp]:
        """Genes that have an F."""
        return np.flatnonzero(self.status == "ok")


def run_comparison(group: RegionGroup, options: TestOptions) -> ComparisonData:
    """Test each gene for different expression among the regions of a query.

    Parameters
    ----------
    group : RegionGroup
    options : TestOptions

    Returns
    -------
    ComparisonData

    Raises
    ------
    OptionError
        If an option does not go with more than two regions, or a covariate is not known.
    DesignError
        If the samples admit no test, or a covariate tells the regions apart or has missing values.

    Warns
    -----
    DesignWarning
        If the design can never reach alpha, q_fdr can never reach it with so few permutations, donors do not link
        all regions, or a covariate adds nothing to the model or leaves little of the contrast between the regions.
    ResultWarning
        For each kind of weakness that the finished run has; ``result.warnings`` has the facts.
    """
    _check_options(group, options)
    options = options.seeded()
    with one_blas_thread():
        return infer(prepare(group, options), options)


def infer(prepared: Prepared, options: TestOptions) -> ComparisonData:
    """Test what was prepared, and record it; the options have a seed."""
    are_genes = prepared.measure is None
    unit: Unit = options.unit if are_genes else "gene set"
    randomness = Randomness.of(options.source)
    generator = options.make_generator()
    group, design, genes, tested = prepared.group, prepared.design, prepared.genes, prepared.tested
    smallest_p = options.permutation.smallest_p(design)
    foreseen = [*prepared.findings, *check_reach(design, options, smallest_p, len(tested), unit)]
    of_design = judge_design(design, group, options)
    warned = [finding for finding in foreseen if not isinstance(finding, SamplesDropped)]  # that was asked for
    warned += [finding for finding in of_design if isinstance(finding, NotLinked)]
    warn_of(warned)
    levels = genes.levels[tested] if group.atlas.is_log2 and are_genes else None
    test = permutation_test(genes.zscores[tested], levels, design, options.permutation, generator, group.region_names)
    rungs = None
    if options.ladder and design.n_regions == 2:
        covariates, dropped = prepared.covariates, prepared.missing_well_ids
        rungs = climb(group, genes, tested, options, covariates=covariates, dropped=dropped, measure=prepared.measure)
    columns = None if rungs is None else rungs.columns
    table = make_table(genes, design, prepared.status, test, columns, group.region_names, options.alpha)
    donors = group.samples["donor_name"].to_numpy(dtype=object)[design.donor_starts]
    left_out = tabulate_left_out(table, genes.labels[tested], donors, test)
    exchanges = pd.DataFrame(
        {str(name): p for name, p in test.p_fwe_by_exchange.items()}, index=pd.Index(genes.labels[tested])
    )
    background = record_background(
        test.p_values.perm, test.relabellings.n_relabellings, explain_no_share(group, smallest_p, are_genes=are_genes)
    )
    recorded = tuple(covariate.to_record() for covariate in prepared.covariates)
    findings = (
        *group.findings,
        *foreseen,
        *judge_samples(group, recorded),
        *of_design,
        *judge_genes(table, exchanges, group, options, are_genes=are_genes),
        *judge_fit(None if rungs is None else rungs.record),
        *judge_background(background, genes.unit),
    )
    if rungs is not None and rungs.without_reference:
        findings = (*findings, MissingAround(genes=rungs.without_reference))
    told = [*group.findings, *warned]
    warn_of_result([finding for finding in findings if finding not in told])
    why_no_tails = explain_no_tails(test.relabellings)
    of_sets = {} if are_genes else dict.fromkeys(["log2_fc", "mean_level"], "gene sets have no levels")
    reasons = {**of_sets, "p_perm_tail": why_no_tails, "p_fwe_tail": why_no_tails, **_explain_no_rungs(rungs)}
    regions = record_regions(group)
    record = RunRecord(
        versions=list_versions(),
        date=today(),
        command=None,
        arguments=record_arguments(group, options),
        permutation=record_permutation(test, design, options, smallest_p, randomness),
        design=record_design(design, group, options.permutation),
        atlas=group.atlas.identity(),
        regions=regions,
        samples=group.sample_filter,
        overlap=OverlapRecord.of(group.overlap, group.shared),
        genes=record_genes(group, len(tested), len(table) - len(tested)),
        probe_filter=group.probe_filter,
        covariates=recorded,
        missing_well_ids=prepared.missing_well_ids,
        exchanges=record_exchanges(exchanges, design, group.region_names, options),
        background=background,
        ladder=None if rungs is None else rungs.record,
        tails=record_tails(test, why_no_tails),
        findings=findings,
        empty=explain_empty_columns(table, reasons),
        told=tuple(sentence for sentence in list_told() if sentence not in {one.sentence for one in findings}),
        inputs=record_inputs(group, regions, options),
    )
    zscores = pd.DataFrame(genes.zscores.T, columns=genes.labels)
    variograms = None if rungs is None else rungs.variograms
    return ComparisonData(
        table, group.samples, zscores, record, left_out, query=group, options=options, variograms=variograms
    )


def _explain_no_rungs(rungs: Rungs | None) -> dict[str, str]:
    """Why the columns of the upper rungs of the ladder are empty."""
    return dict.fromkeys(RUNG_COLUMNS, "not asked for") if rungs is None else rungs.why_empty


def _check_options(group: RegionGroup, options: TestOptions) -> None:
    """Refuse what has no meaning for more than two regions."""
    if len(group.regions) == 2:
        return
    if options.statistic != "adjusted":
        raise OptionError(
            f"statistic {options.statistic!r} is for two regions, and more are compared with 'adjusted'; leave it out, "
            "or compare two regions at a time"
        )
    if options.exchange == "freedman-lane":
        raise OptionError(
            "the omnibus test of several regions permutes labels: exchange must be 'within-donor' or 'free'; got "
            "'freedman-lane'"
        )


def prepare(group: RegionGroup, options: TestOptions) -> Prepared:
    """Prepare the test of the regions of a query.

    Raises
    ------
    OptionError
        If a covariate is not known.
    DesignError
        If the samples admit no test, or a covariate has missing values that may not be dropped.
    """
    covariates = collect_covariates(group, group.samples, options)
    genes = summarize_genes(group, options.probes)
    dropped: tuple[int, ...] = ()
    if options.missing == "drop-samples":
        group, covariates, dropped = _drop_samples(group, covariates, genes)
        genes = summarize_genes(group, options.probes) if dropped else genes
    design, covariates, findings = adjust_for(make_design(group), covariates, group.region_names, options.exchange)
    if dropped:
        findings.append(SamplesDropped(n=len(dropped)))
    status = find_status(genes.zscores, design)
    scored = {gene for covariate in covariates if covariate.is_used for gene in covariate.genes}
    status[genes.annotation["gene"].isin(scored).to_numpy() & (status == "ok")] = _IN_SCORE
    return Prepared(group, design, genes, status, covariates, dropped, findings)


def make_design(group: RegionGroup) -> Design:
    """Regions and donors of the samples; donors are numbered in the order of the samples, which stand together."""
    donors, _ = pd.factorize(group.samples["donor_name"])
    return Design(group.region_codes, np.asarray(donors, dtype=np.intp), len(group.regions))


def _drop_samples(
    group: RegionGroup, covariates: list[Covariate], genes: GeneValues
) -> tuple[RegionGroup, list[Covariate], tuple[int, ...]]:
    """Leave out samples in which a gene or a covariate is missing; genes missing in all samples do not count."""
    is_known = ~np.isnan(genes.zscores).all(axis=1)
    is_missing = np.isnan(genes.zscores[is_known]).any(axis=0)
    for covariate in covariates:
        is_missing |= covariate.values.isna().to_numpy()
    if not is_missing.any():
        return group, covariates, ()
    kept = np.flatnonzero(~is_missing)
    for name in group.region_names:
        if not (group.samples["region"].iloc[kept] == name).any():
            raise DesignError(
                f"every sample of {name!r} has a missing value in some gene or covariate, so that "
                "missing='drop-samples' leaves none; leave out genes with many missing values, or take "
                "missing='drop-genes'"
            )
    shorter = [replace(c, values=c.values.iloc[kept].reset_index(drop=True)) for c in covariates]
    return group.taking(kept), shorter, tuple(group.samples["well_id"].to_numpy()[is_missing].tolist())


def tabulate_left_out(
    table: pd.DataFrame, labels: npt.NDArray[np.object_], donors: npt.NDArray[np.object_], test: PermutationTest
) -> pd.DataFrame:
    """One row per significant gene and donor: difference and family-wise p without that donor.

    Parameters
    ----------
    table : DataFrame
        The table of results; genes come in its order.
    labels : ndarray of str, shape (t,)
        The genes tested, in the order of the test.
    donors : ndarray of str, shape (d,)
        The donors, in the order of the design.
    test : PermutationTest

    Returns
    -------
    DataFrame
        Columns `LEFT_OUT_COLUMNS`; those of probes follow `gene` where each is tested by itself.
    """
    significant = table[table["significant"].to_numpy(dtype=bool)]
    empty = make_empty_left_out(by_probe="probe_name" in table)
    if not test.left_out:
        return empty
    found = set(label_rows(significant))
    of_test = pd.Index([label for label in labels if label in found])  # in the order of the test
    order = of_test.get_indexer(pd.Index(label_rows(significant)))
    named = significant[[column for column in ("gene", *PROBE_COLUMNS) if column in table]].reset_index(drop=True)
    parts = [
        named.assign(
            left_out=str(donor),
            n_samples_1=found.n_1,
            n_samples_2=found.n_2,
            diff=found.diff[order],
            p_fwe=found.p_fwe[order],
            status=np.asarray(found.status, dtype=object)[order],
        )
        for donor, found in zip(donors, test.left_out, strict=True)
    ]
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True).astype(empty.dtypes.to_dict())


def make_empty_left_out(*, by_probe: bool) -> pd.DataFrame:
    """What is left of genes without each donor, where no gene is significant: the columns alone."""
    columns = [LEFT_OUT_COLUMNS[0], *(PROBE_COLUMNS if by_probe else ()), *LEFT_OUT_COLUMNS[1:]]
    return pd.DataFrame({name: pd.Series(dtype=COLUMN_TYPES[name]) for name in columns})


@dataclass(frozen=True, eq=False)
class PairTable:
    """The table of one pair among many, with the facts of its test; no record, and nothing that only a page shows.

    Attributes
    ----------
    table : DataFrame
        As `ComparisonData.table`, bit for bit.
    n_samples : tuple of int
        Samples used in each region.
    n_donors_both : int
        Donors with samples in both regions.
    n_relabellings : int
        Relabellings in the p of F.
    exhaustive : bool
        Whether these were all there are.
    smallest_p : float
        Smallest p that the design can give.
    ladder : LadderRecord or None
    """

    table: pd.DataFrame
    n_samples: tuple[int, ...]
    n_donors_both: int
    n_relabellings: int
    exhaustive: bool
    smallest_p: float
    ladder: LadderRecord | None


def tabulate_pair(group: RegionGroup, options: TestOptions) -> PairTable:
    """Test each gene of two regions as `run_comparison` does, for a scan of many pairs.

    What only a page shows is left out: the other exchange, the tests without each donor, the arbitrary places of the
    ladder. Genes measured in the reference are kept for the next pair in the same tissue.

    Parameters
    ----------
    group : RegionGroup
        Two regions.
    options : TestOptions
        With a seed.

    Returns
    -------
    PairTable

    Raises
    ------
    DesignError
        If the samples admit no test.
    """
    options = replace(options, diagnostic=False)
    with one_blas_thread():
        prepared = prepare(group, options)
        design, genes, tested = prepared.design, prepared.genes, prepared.tested
        levels = genes.levels[tested] if group.atlas.is_log2 else None
        generator = options.make_generator()
        test = permutation_test(
            genes.zscores[tested], levels, design, options.permutation, generator, group.region_names, brief=True
        )
        rungs = None
        if options.ladder:
            covariates, dropped = prepared.covariates, prepared.missing_well_ids
            rungs = climb(group, genes, tested, options, covariates=covariates, dropped=dropped)
    columns = None if rungs is None else rungs.columns
    return PairTable(
        table=make_table(genes, design, prepared.status, test, columns, group.region_names, options.alpha),
        n_samples=tuple(design.counts.sum(axis=0).tolist()),
        n_donors_both=design.n_informative_donors,
        n_relabellings=test.relabellings.n_relabellings,
        exhaustive=test.relabellings.is_exhaustive,
        smallest_p=options.permutation.smallest_p(design),
        ladder=None if rungs is None else rungs.record,
    )


def rerun_test(group: RegionGroup, options: TestOptions) -> pd.DataFrame:
    """Test every gene of a query for F and its p-values alone: for tables of many comparisons.

    The other exchange and the tests without each donor take most of the time of an analysis, and are left out. From
    the same state of the random numbers the values are the same bit for bit.

    Parameters
    ----------
    group : RegionGroup
        Samples of two regions.
    options : TestOptions

    Returns
    -------
    DataFrame, one row per gene (or probe, where each is tested by itself), by symbol
        `gene`, with the option `single` also `probe_id` and `probe_name`, and `RERUN_COLUMNS`.

    Raises
    ------
    DesignError
        If the samples admit no test.
    """
    prepared = prepare(group, options)
    design, genes, tested, settings = prepared.design, prepared.genes, prepared.tested, options.permutation
    values = genes.zscores[tested]
    effects = compute_effects(values, None, design, settings.statistic)
    _, counts = permute(values, design, settings, options.make_generator())
    p_values = counts.p_values()
    table = genes.annotation[[column for column in ("gene", *PROBE_COLUMNS) if column in genes.annotation]].copy()
    table["n_samples_1"], table["n_samples_2"] = design.counts.sum(axis=0).tolist()
    diff = np.full(len(tested), np.nan) if effects.difference is None else effects.difference.diff
    for column, numbers in (("diff", diff), ("f", effects.f), ("p_perm", p_values.perm), ("p_fwe", p_values.fwe)):
        table[column] = pd.Series(numbers, index=tested, dtype=np.float64).reindex(table.index)
    table["significant"] = (table["p_fwe"] <= options.alpha).to_numpy(dtype=bool)
    table["status"] = prepared.status
    return table.astype({str(column): COLUMN_TYPES[str(column)] for column in table})


def with_background(data: ComparisonData, options: TestOptions) -> ComparisonData:
    """The result with the share of all genes of the atlas that differ nominally between its regions.

    Parameters
    ----------
    data : ComparisonData
        Of some genes.
    options : TestOptions
        Those of the run; at most 999 relabellings are made.

    Returns
    -------
    ComparisonData
        As it was, where it already holds every gene, or its atlas is asked over the network.
    """
    if data.query is None or data.query.genes.requested is None or data.query.source.is_remote:
        return data
    # genes with gaps are left out, and not their samples, which are those of the run
    limited = replace(
        options,
        n_permutations=min(options.n_permutations, MOST_RELABELLINGS),
        missing="drop-genes",
        rng=data.record.permutation.randomness.make_generator(),
    )
    with without_warnings():  # the user has been warned of the query and the design
        prepared = prepare(query_every_gene(data.query), limited)
    settings = limited.permutation
    if why_not := explain_coarse_p(settings.smallest_p(prepared.design)):
        background = record_background(np.empty(0), 0, why_not)
    else:
        values = prepared.genes.zscores[prepared.tested]
        relabellings, counts = permute(values, prepared.design, settings, limited.make_generator())
        background = record_background(counts.p_values().perm, relabellings.n_relabellings)
    judged = judge_background(background, data.unit)
    warn_of_result(judged)
    findings = (*data.record.findings, *judged)
    return replace(data, record=replace(data.record, background=background, findings=findings))


def query_every_gene(used: RegionGroup) -> RegionGroup:
    """Every gene of the atlas in the samples of a query."""
    if used.genes.requested is None:
        return used
    group, keys = used.requery(replace(used.options, genes=None)), ["well_id", "region"]
    kept = np.flatnonzero(
        pd.MultiIndex.from_frame(group.samples[keys]).isin(pd.MultiIndex.from_frame(used.samples[keys]))
    )
    return group.taking(kept)
