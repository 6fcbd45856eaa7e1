"""The analysis: the permutation ANOVA of JuGEx for every gene, and the results that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from jugex import plots
from jugex import report as _report
from jugex._arguments import explains_keywords, refuse_calls
from jugex._text import count_of
from jugex.errors import OptionError
from jugex.genes import GeneSetsLike, read_gene_sets
from jugex.model.columns import (
    LEFT_OUT_COLUMNS,
    OMNIBUS_COLUMNS,
    PROBE_COLUMNS,
    RESULT_COLUMNS,
    SAMPLE_COLUMNS,
    TAIL_COLUMNS,
)
from jugex.model.options import Collinear, CovariatesLike, Missing, Rng, Structures, TestOptions
from jugex.model.record import RunRecord, to_json
from jugex.pipeline import anova as _anova
from jugex.pipeline import details as _details
from jugex.pipeline import donors as _donors
from jugex.pipeline.comparison import ComparisonData, run_comparison
from jugex.pipeline.details import make_details
from jugex.pipeline.gene_sets import GeneSetData, GeneSetOptions, Kind, run_gene_sets
from jugex.pipeline.sensitivity import vary_choices
from jugex.query import RegionGroup, RegionPair
from jugex.regions import Region
from jugex.report.text import count_found, format_html, list_first, list_gene_sets, summarize_run
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange, LabelExchange
from jugex.stats.statistics import Statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LEFT_OUT_COLUMNS",
    "OMNIBUS_COLUMNS",
    "PROBE_COLUMNS",
    "RESULT_COLUMNS",
    "SAMPLE_COLUMNS",
    "TAIL_COLUMNS",
    "DifferentialExpression",
    "GeneSetResult",
    "Omnibus",
    "TestOptions",
    "differential_expression",
    "load_result",
    "omnibus_test",
]


class _Result(ComparisonData):
    """Properties and methods of every result."""

    @classmethod
    def of(cls, data: ComparisonData) -> Self:
        """Make the result from its data."""
        return cls(**vars(data))

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determined the numbers, as JSON types: the content of ``settings.json``."""
        return to_json(self.record)

    @property
    def warnings(self) -> list[str]:
        """What weakens the result, and what was said of its inputs, in sentences; `record.findings` has the facts."""
        return self.record.warnings

    def summary(self) -> str:
        """What was found, as the command line prints it."""
        return "\n".join(summarize_run(self))

    def top(self, n: int = 10) -> pd.DataFrame:
        """The first n tested rows of `table`, with the main columns.

        Parameters
        ----------
        n : int

        Returns
        -------
        DataFrame
        """
        return list_first(self, n)

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found, and the first rows."""
        return format_html(self)


@dataclass(frozen=True, eq=False, repr=False)
class Omnibus(_Result):
    """Differential expression of genes between k regions at once.

    Attributes
    ----------
    table : DataFrame
        One row per gene, sorted by `p_fwe`, then by falling `f`; columns `OMNIBUS_COLUMNS`, with the raw means of the
        regions, `mean_1` to `mean_k`, after `p_fwe_stepdown`. `q_fdr_by` is the false discovery rate by Benjamini and
        Yekutieli, which holds however genes depend on each other. Where every probe is tested by itself, one row per
        probe. Of two regions it is the table of `DifferentialExpression`.
    samples, zscores, record, query
        As in `DifferentialExpression`.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> regions = [jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB", "simPL")]
    >>> group = jugex.query.region_group(regions, atlas=atlas, genes=["MAOA", "GAD2"])
    >>> jugex.analysis.omnibus_test(group, rng=0).significant["gene"].tolist()
    ['MAOA']
    """

    def __repr__(self) -> str:
        names = ", ".join(self.region_names)
        counts = f"{count_of(len(self.table), self.unit)}, {count_of(len(self.samples), 'sample')}"
        return f"<Omnibus: {names}, {counts}; {count_found(self)}>"


@dataclass(frozen=True, eq=False, repr=False)
class DifferentialExpression(_Result):
    """Differential expression of genes between two regions.

    Attributes
    ----------
    table : DataFrame
        One row per gene, sorted by `evidence` (spatial, donors, samples, none), `p_fwe`, and falling `f`; columns
        `RESULT_COLUMNS`. Differences are region 1 minus region 2. Where every probe is tested by itself, one row per
        probe, and `PROBE_COLUMNS` follow `gene`. Where tails were asked for, `TAIL_COLUMNS` come last.
    samples : DataFrame, n rows
        The samples used; columns `SAMPLE_COLUMNS` (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per row of `table`, named as in `labels`; rows as in
        `samples`.
    record : RunRecord
        Everything that determined the numbers, as typed data; `settings` is the same as JSON types.
    leave_one_donor_out : DataFrame
        What is left of each significant gene without each donor; columns `LEFT_OUT_COLUMNS`. Genes in the order of
        `table`, donors in that of the samples. `left_out`: the donor; `n_samples_1`, `n_samples_2`: samples that are
        left; `diff` and `p_fwe` without the donor, corrected over all genes tested; `status`: "ok", or why there is no
        test without this donor. Its relabellings are drawn in the run, after those of both exchanges.
    query : RegionPair or None
        The query behind the result, with its atlas and regions; None for a result read from disk.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result
    <DifferentialExpression: simulated area A, left - simulated area B, left, 2 genes, 61 samples; evidence: 1 spatial>
    >>> result.table[["gene", "higher_in", "evidence"]]
       gene               higher_in evidence
    0  MAOA  simulated area B, left  spatial
    1  GAD2  simulated area B, left     none
    >>> result.leave_one_donor_out[["gene", "left_out", "diff"]].round(2).head(2)
       gene    left_out  diff
    0  MAOA  H0351.2001 -2.16
    1  MAOA  H0351.2002 -2.06
    """

    def details(self) -> pd.DataFrame:
        """Directions in words, 95 % intervals, and further corrections.

        Returns
        -------
        DataFrame
            One row per row of `table`, in its order: `gene` (and the columns of probes); `direction`, such as
            "higher in Fp2"; intervals of `hedges_g` (noncentral t) and `partial_eta_sq` (noncentral F); Monte Carlo
            intervals of `p_perm` and `p_fwe`, which are p itself where all relabellings were enumerated; `q_fdr_by`
            (Benjamini and Yekutieli's, of `p_perm`) and `q_fdr_parametric` (Benjamini and Hochberg's, of
            `p_parametric`); with the statistic 'welch' also `df_welch`, Satterthwaite's degrees of freedom of the
            interval of `diff`. Intervals end in ``_low`` and ``_high``. Empty for genes that were not tested.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.details().loc[0, "direction"]
        'higher in simulated area B, left'
        """
        return make_details(self)

    def gene_sets(
        self, sets: GeneSetsLike, *, kind: Kind = "competitive", min_size: int = 5, max_size: int = 500
    ) -> GeneSetResult:
        """Test gene sets between the regions, by the options and the relabellings of the run.

        A set has a value in each sample, made of its genes, and climbs the same ladder as a gene: relabelled samples,
        donors, and space. Genes are never shuffled: they go together, so that tests which shuffle them call far too
        many sets.

        Parameters
        ----------
        sets : path-like, sequence of path-like, dict, or GeneSets
            As `jugex.genes.read_gene_sets` reads them: GMT files, tables, or genes by the name of their set.
        kind : {'competitive', 'self-contained', 'mixed'}
            What is asked: whether the set differs more than all other genes do; whether it differs; or whether its
            genes differ, some one way and some the other, by the mean of their F, which has no rung above `samples`.
        min_size, max_size : int
            Sets with fewer or more genes in the atlas are left out; ``record.gene_sets`` says which, and why.

        Returns
        -------
        GeneSetResult

        Raises
        ------
        GeneError
            If the atlas has none of the genes, or no set is left.
        OptionError
            If sets cannot be read, or an argument has a value that is not allowed.
        ResultError
            If the result was read from disk, tests probes by themselves, or asks its atlas over the network.

        Warns
        -----
        GeneWarning
            If genes of the sets are not in the atlas, or have another symbol there.

        Notes
        -----
        The value is the mean over the genes of a set of their z-scores, each in its standard deviations about donors
        and covariates; less that of all other genes where sets compete. All genes of the atlas are read for it,
        whatever genes were asked for. See Goeman and Buehlmann (2007), doi 10.1093/bioinformatics/btm051.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)
        >>> found = result.gene_sets({"monoamines": ["MAOA", "SLC6A4", "TPH1", "TPH2", "HTR1A"]})
        >>> found.table.loc[0, "set"], int(found.table.loc[0, "n_found"])
        ('monoamines', 5)
        """
        return GeneSetResult(
            **vars(run_gene_sets(self, read_gene_sets(sets), GeneSetOptions(kind, min_size, max_size)))
        )

    # functions of a result are its methods: with their own signatures and documentation
    anova_table = _anova.anova_table
    permutation_null = _details.permutation_null
    donor_differences = _donors.donor_differences
    by_hemisphere = _donors.by_hemisphere
    sensitivity = vary_choices
    plot_gene = plots.plot_gene
    plot_samples = plots.plot_samples
    plot_probes = plots.plot_probes
    plot_volcano = plots.plot_volcano
    plot_null = plots.plot_null
    plot_donors = plots.plot_donors
    plot_variogram = plots.plot_variogram
    plot_coverage = plots.plot_coverage
    plot_heatmap = plots.plot_heatmap
    plot_axis = plots.plot_axis
    to_frame = _report.to_frame
    to_rnk = _report.to_rnk
    to_anndata = _report.result_to_anndata
    save = _report.save_result
    report = _report.write_report

    def __repr__(self) -> str:
        first, second = self.region_names
        counts = f"{count_of(len(self.table), self.unit)}, {count_of(len(self.samples), 'sample')}"
        return f"<DifferentialExpression: {first} - {second}, {counts}; {count_found(self)}>"


@dataclass(frozen=True, eq=False, repr=False)
class GeneSetResult(GeneSetData):
    """Gene sets tested between two regions.

    Attributes
    ----------
    table : DataFrame
        One row per set, sorted by `evidence`, `p_fwe` and falling `f`; columns `GENE_SET_COLUMNS`. Differences are
        region 1 minus region 2.
    data : ComparisonData
        The same with a set in the place of each gene: its samples, values and record.
    members : dict of str to tuple of str
        Genes of each set that were tested.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)
    >>> result.gene_sets({"monoamines": ["MAOA", "SLC6A4", "TPH1", "TPH2", "HTR1A"]})
    <GeneSetResult: simulated A - simulated B, 1 gene set, competitive; evidence: 1 donors>
    """

    @property
    def record(self) -> RunRecord:
        """Everything that determined the numbers; `gene_sets` says what became of the sets."""
        return self.data.record

    @property
    def settings(self) -> dict[str, Any]:
        """The record as JSON types."""
        return to_json(self.record)

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `table` with p_fwe at most alpha."""
        return self.table[self.table["significant"].to_numpy(dtype=bool)]

    def summary(self) -> str:
        """What was found, as the command line prints it."""
        return "\n".join(list_gene_sets(self))

    plot = plots.plot_gene_sets

    def plot_set(self, name: str, *, ax: Axes | None = None) -> Axes:
        """Box and strip of a set's values in the samples; see `jugex.plots.plot_gene`."""
        return plots.plot_gene(self.data, name, ax=ax)

    def plot_donors(self, name: str, *, ax: Axes | None = None) -> Axes:
        """Difference of a set in each donor; see `jugex.plots.plot_donors`."""
        return plots.plot_donors(self.data, name, ax=ax)

    def __repr__(self) -> str:
        first, second = self.data.region_names
        kind = "" if self.record.gene_sets is None else f", {self.record.gene_sets.kind}"
        counts = f"{count_of(len(self.table), 'gene set')}{kind}"
        return f"<GeneSetResult: {first} - {second}, {counts}; {count_found(self.data)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found, and the first sets."""
        return format_html(self.data)


@explains_keywords
def differential_expression(
    pair: RegionPair,
    *,
    n_permutations: int = 10_000,
    rng: Rng = None,
    statistic: Statistic = "adjusted",
    exchange: Exchange = "within-donor",
    probes: ProbeAggregation = "winsorized-mean",
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    missing: Missing = "drop-genes",
    collinear: Collinear = "redraw",
    ladder: bool = True,
    reference: Region | Structures | None = None,
) -> DifferentialExpression:
    """Test each gene for a difference in expression between region 1 and region 2.

    Per gene, the z-scores of its probes become one value per sample, and an analysis of variance with the factors
    area and donor gives F of area. Its p-values come from relabelled samples, and are corrected for the family
    of genes by the maximum of F over the genes of each relabelling.

    Parameters
    ----------
    pair : RegionPair
        What `jugex.query.region_pair` returned.
    n_permutations : int
        Number of random relabellings, m; all genes share them. No p is below 1 / (m + 1).
    rng : int, numpy.random.Generator or None
        Seed or source of the relabellings. None draws a seed and records it.
    statistic : {'adjusted', 'sequential', 'welch'}
        Sum of squares of area: adjusted for donor (type II, which is type III here); before donor (type I),
        as PyJuGEx and siibra-jugex compute it; or adjusted, with a variance for each region.
    exchange : {'within-donor', 'free', 'freedman-lane'}
        Permute labels within each donor, or over all samples. Only the former is exact, whatever the donors' means
        and variances; with covariates it is approximate too. `freedman-lane` permutes the residuals of the model
        without area over all samples instead; it is slower, works with `adjusted` only, and serves to compare with
        other software.
    probes : {'winsorized-mean', 'winsorized-mean-scipy', 'mean', 'median', 'max-variance', 'max-mean',
        'stability', 'single'}
        How the probes of a gene become one value; see `jugex.stats.aggregation.aggregate_probes`.
    covariates : str, DataFrame, GeneSets, or sequence of them, optional
        What to adjust for besides donor: `hemisphere`, `structure_class`, `mni_x`, `mni_y`, `mni_z`, or another
        column of the atlas's samples; a table (or its path) with one row per sample and its `well_id`, whose other
        columns are covariates; or ``celltypes:markers.gmt``, the file of gene sets with ``celltypes:`` before its
        path (or what `jugex.genes.read_gene_sets` returns): a score per set, the mean of the z-scores of its genes,
        which are then not tested. Numbers enter linearly, text as a factor. Covariates stay with their samples when
        labels are permuted. Age, sex and race may be named, but change nothing, as they are constant within donors.
        If samples of both hemispheres were mirrored to one, `hemisphere` is added automatically.
    alpha : float
        Family-wise error at which a gene is called significant.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.
    tail : bool
        Add `p_perm_tail` and `p_fwe_tail`: if fewer than ten relabellings reach F, p from a generalised Pareto
        distribution fitted to the largest F of the relabellings. `significant` never uses them.
    missing : {'drop-genes', 'drop-samples'}
        What to leave out for a missing value: the gene, with the reason in `status`; or the sample, for all genes.
    collinear : {'redraw', 'smallest'}
        How to treat relabellings (of `free`) in which each donor lies in one region, so that area has no F: draw
        others in their place, or count them as having the smallest F, as the earlier tools do.
    ladder : bool
        Also test whether other donors would show each difference (`p_donors`), and whether it is larger than between
        two places this far apart in this tissue (`p_spatial`). This reads the samples of the surrounding tissue.
    reference : Region, str or sequence of str, optional
        Samples that show how expression varies around the regions: a region, or structures by acronym or name, such as
        ``["FL", "PL"]``; default: those of the regions' class of tissue and side.

    Returns
    -------
    DifferentialExpression

    Raises
    ------
    OptionError
        If an argument has a value that is not allowed, or the query has more than two regions.
    DesignError
        If no donor has samples in both regions, no residual degree of freedom is left, or a covariate separates the
        regions or has missing values.

    Warns
    -----
    DesignWarning
        If no p can reach `alpha` in this design, or no `q_fdr` with so few permutations; or if a covariate adds
        nothing to the model, or leaves little of the contrast between the regions.
    ResultWarning
        For each kind of weakness that the result has; ``result.warnings`` lists all with names and numbers.

    Notes
    -----
    The method is that of Bludau et al. (2018), doi 10.1007/s00429-018-1620-6, section "Statistical analysis", with
    labels exchanged within donors by default. The maximum statistic is that of Westfall and Young (1993).

    Examples
    --------
    >>> import jugex
    >>> pair = jugex.query.region_pair(*jugex.demo_regions(), genes=["MAOA", "TAC1", "GAD2"], atlas="simulated")
    >>> result = jugex.analysis.differential_expression(pair, n_permutations=999, rng=0)
    >>> sorted(result.significant["gene"])
    ['MAOA', 'TAC1']
    """
    options = TestOptions(
        n_permutations=n_permutations,
        rng=rng,
        statistic=statistic,
        exchange=exchange,
        probes=probes,
        covariates=covariates,
        alpha=alpha,
        n_jobs=n_jobs,
        tail=tail,
        missing=missing,
        collinear=collinear,
        ladder=ladder,
        reference=reference,
    )
    if len(pair.regions) != 2:
        raise OptionError(
            f"differential_expression compares two regions; got {len(pair.regions)}: test them at once with "
            "jugex.analysis.omnibus_test, or two at a time with jugex.compare_several"
        )
    return DifferentialExpression.of(run_comparison(pair, options))


@explains_keywords
def omnibus_test(
    group: RegionGroup,
    *,
    n_permutations: int = 10_000,
    rng: Rng = None,
    exchange: LabelExchange = "within-donor",
    probes: ProbeAggregation = "winsorized-mean",
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    missing: Missing = "drop-genes",
) -> Omnibus:
    """Test each gene for different expression among k regions.

    Per gene, y are the z-scores of its n samples, A the indicators of the regions (n x k), and M takes the donors'
    means off. SS = y'MA (A'MA)^- A'My of area, adjusted for donor, has r degrees of freedom, the rank of A'MA: k - 1,
    or less where donors do not link all regions. F = (SS / r) / (RSS / (n - d - r)), d being the number of donors. With
    k = 2 this is the adjusted F of `jugex.analysis.differential_expression`.

    Parameters
    ----------
    group : RegionGroup
        What `jugex.query.region_group` returned; of two regions the test is that of `differential_expression`.
    n_permutations, probes, alpha, n_jobs, missing
        See `jugex.analysis.differential_expression`.
    rng : int, numpy.random.Generator or None
        Seed or source of the relabellings, first those of the exchange chosen, then those of the other one. None draws
        a seed and records it.
    exchange : {'within-donor', 'free'}
        Whether regions are exchanged among the samples of each donor, or among all. Relabellings in which area has a
        lower rank than observed are drawn again, or left out of a complete list. ``record.exchanges`` has
        `p_fwe` under both.
    covariates : str, DataFrame, or sequence of them, optional
        What is adjusted for as well as donor; see `jugex.analysis.differential_expression`. M takes donors and
        covariates off, and each independent column costs a residual degree of freedom. Labels are exchanged while
        donors and covariates stay with their samples, which is not exact.

    Returns
    -------
    Omnibus

    Raises
    ------
    OptionError
        If an argument has a value that is not allowed.
    DesignError
        If no donor has samples in two regions, no residual degree of freedom is left, regions that donors do not
        link are exchanged freely, or a covariate tells regions apart or misses a value.

    Warns
    -----
    DesignWarning
        If donors do not link all regions, the design can never reach `alpha`, `q_fdr` can never reach it with so
        few permutations, or a covariate adds nothing to the model or leaves little of the contrast between regions.

    Notes
    -----
    A small p says that the regions are not all alike in a gene, not which of them differ: that is for the pairs, which
    `jugex.compare_several` tests by relabelling the samples of two regions among themselves. Relabelling all regions
    together would not be valid for a pair: it takes for granted that the others do not differ either.

    Examples
    --------
    >>> import jugex
    >>> regions = [*jugex.demo_regions(), jugex.Region.sphere((-40, 0, 30), 20, name="C")]
    >>> group = jugex.query.region_group(regions, genes=["MAOA", "GAD2"], atlas="simulated")
    >>> omnibus = jugex.analysis.omnibus_test(group, n_permutations=999, rng=0)
    >>> omnibus.significant["gene"].tolist()
    ['MAOA']
    """
    options = TestOptions(
        n_permutations=n_permutations,
        rng=rng,
        exchange=exchange,
        probes=probes,
        covariates=covariates,
        alpha=alpha,
        n_jobs=n_jobs,
        missing=missing,
    )
    return Omnibus.of(run_comparison(group, options))


def load_result(directory: str | PathLike[str]) -> DifferentialExpression:
    """Read a result that `DifferentialExpression.save` wrote.

    Parameters
    ----------
    directory : path-like
        Folder with ``results.tsv``, ``samples.tsv`` and ``settings.json``.

    Returns
    -------
    DifferentialExpression
        With `query` None: the atlas and the regions are not saved.

    Raises
    ------
    ResultError
        If a file is missing or is not what it should be.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> folder = result.save("a-b-again")
    >>> jugex.load_result(folder)
    <DifferentialExpression: simulated area A, left - simulated area B, left, 2 genes, 61 samples; evidence: 1 spatial>
    """
    return DifferentialExpression.of(_report.read_result(directory))


refuse_calls(__name__, "call jugex.analysis.differential_expression(pair) or jugex.compare(region_1, region_2)")
