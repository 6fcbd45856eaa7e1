"""Columns of the tables that a run gives: their order, their data types, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

__all__ = [
    "COLUMN_TYPES",
    "GENE_SET_COLUMNS",
    "LEFT_OUT_COLUMNS",
    "OMNIBUS_COLUMNS",
    "PAIRS_COLUMNS",
    "PROBE_COLUMNS",
    "RERUN_COLUMNS",
    "RESULT_COLUMNS",
    "SAMPLE_COLUMNS",
    "TAIL_COLUMNS",
    "Column",
    "describe_columns",
]

_Z = "z-score"
_LOG2 = "log2"
_SD = "standard deviation"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    dtype : str
        Its data type in pandas.
    description : str
        What it holds; ``{others}`` stands for what differences are adjusted for.
    unit : str or None
    levels : dict of str to str, or None
        What its values mean.
    """

    name: str
    dtype: str
    description: str
    unit: str | None = None
    levels: Mapping[str, str] | None = None

    def of_sets(self) -> Column:
        """The column where a gene set has the place of a gene, and its values are in standard deviations."""
        levels = None if self.levels is None else {name: _say_sets(text) for name, text in self.levels.items()}
        unit = None if self.unit is None else self.unit.replace(_Z, _SD)
        return replace(self, description=_say_sets(self.description), unit=unit, levels=levels)


def _say_sets(text: str) -> str:
    return text.replace("all genes", "all sets").replace("the gene", "the set").replace("this gene", "this set")


_SIGNIFICANT = {"TRUE": "p_fwe is at most alpha", "FALSE": "it is not, or the gene was not tested"}
_EVIDENCE = {
    "spatial": "p_spatial_fwe is at most alpha",
    "donors": "p_donors_fwe is at most alpha",
    "samples": "p_fwe is at most alpha",
    "none": "none of these p is at most alpha",
}
_CI = "95 % confidence interval of diff, by the statistic of the run; uncorrected, with samples as replicates"
_CI_DONORS = "95 % confidence interval of diff_donors over donors"
_CI_SPATIAL = "95 % confidence interval of the difference less the gene's linear gradient: not one of diff_donors"

_RESULT = (
    Column("gene", "object", "Gene symbol."),
    Column("entrez_id", "Int64", "Entrez id of the gene."),
    Column("higher_in", "object", "Name of the region in which the gene is higher, by diff."),
    Column("diff", "float64", "Region 1 minus region 2, adjusted for {others}.", _Z),
    Column("ci_low", "float64", f"Lower end of the {_CI}.", _Z),
    Column("ci_high", "float64", f"Upper end of the {_CI}.", _Z),
    Column("evidence", "object", "The highest rung of the ladder that the gene reaches.", levels=_EVIDENCE),
    Column("significant", "bool", "Whether p_fwe is at most alpha.", levels=_SIGNIFICANT),
    Column("p_fwe", "float64", "Permutation p of F, corrected for all genes tested by the maximum of F."),
    Column("p_perm", "float64", "Permutation p of F of this gene alone."),
    Column("q_fdr", "float64", "False discovery rate: Benjamini and Hochberg's correction of p_perm."),
    Column("p_donors", "float64", "p of the difference over donors: would other donors show it?"),
    Column("p_donors_fwe", "float64", "p_donors corrected for all genes tested (Holm)."),
    Column("p_spatial", "float64", "p of a difference beyond what two places this far apart in this tissue show."),
    Column("p_spatial_fwe", "float64", "p_spatial corrected for all genes tested (Holm)."),
    Column("diff_donors", "float64", "Mean of the donors' differences (region 1 minus 2), weighted by precision.", _Z),
    Column("ci_donors_low", "float64", f"Lower end of the {_CI_DONORS}.", _Z),
    Column("ci_donors_high", "float64", f"Upper end of the {_CI_DONORS}.", _Z),
    Column("ci_spatial_low", "float64", f"Lower end of the {_CI_SPATIAL}.", _Z),
    Column("ci_spatial_high", "float64", f"Upper end of the {_CI_SPATIAL}.", _Z),
    Column("log2_fc", "float64", "Region 1 minus region 2, adjusted for {others}, in expression levels.", _LOG2),
    Column(
        "hedges_g", "float64", "diff in residual standard deviations, corrected for small samples.", _SD,
    ),
    Column(
        "partial_eta_sq", "float64",
        "Share of area in the sum of squares of area and residuals, adjusted for {others}, 0 to 1.",
    ),
    Column("f", "float64", "F of area, by the statistic of the run."),
    Column("df_resid", "Int64", "Residual degrees of freedom."),
    Column("ss_area", "float64", "Sum of squares of area, by the statistic of the run.", f"{_Z} squared"),
    Column("ss_resid", "float64", "Sum of squares of the residuals.", f"{_Z} squared"),
    Column("p_parametric", "float64", "p of F from the F distribution."),
    Column("p_fwe_stepdown", "float64", "Step-down p_fwe (Westfall and Young)."),
    Column("mean_1", "float64", "Raw mean in region 1, not adjusted.", _Z),
    Column("mean_2", "float64", "Raw mean in region 2, not adjusted.", _Z),
    Column("mean_level", "float64", "Mean expression over the samples used.", _LOG2),
    Column("sd_ratio", "float64", "Larger over smaller residual standard deviation of the regions."),
    Column("n_samples_1", "Int64", "Samples used in region 1."),
    Column("n_samples_2", "Int64", "Samples used in region 2."),
    Column("n_donors", "Int64", "Donors with a sample used."),
    Column("n_donors_both", "Int64", "Donors with samples in both regions."),
    Column("n_donors_same_sign", "Int64", "Donors with samples in both regions whose difference has the sign of diff."),
    Column("n_probes", "Int64", "Probes from which the gene's value was computed."),
    Column("probe_r", "float64", "Mean correlation of the gene's probes over the samples used."),
    Column("status", "object", "ok, or why the gene was not tested."),
)  # fmt: skip
_PROBE = (
    Column("probe_id", "Int64", "Id of the probe, which is tested by itself."),
    Column("probe_name", "object", "Name of the probe, which is tested by itself."),
)
_TAIL = (
    Column("p_perm_tail", "float64", "p_perm, small values extrapolated from a generalised Pareto tail."),
    Column("p_fwe_tail", "float64", "p_fwe, small values extrapolated from a generalised Pareto tail."),
)
_OMNIBUS = (
    Column("n_samples", "Int64", "Samples used, in all regions."),
    Column("ss_area", "float64", "Sum of squares of area, adjusted for {others}.", f"{_Z} squared"),
    Column("f", "float64", "F of area for all regions at once, adjusted for {others}."),
    Column("df_area", "Int64", "Degrees of freedom of area: regions minus one, if donors link them all."),
    Column("q_fdr_by", "float64", "q_fdr for any dependence between genes (Benjamini and Yekutieli)."),
    Column("n_donors_both", "Int64", "Donors with samples in two regions or more."),
)
_GENE_SET = (
    Column("set", "object", "Name of the gene set."),
    Column("gene", "object", "Name of the gene set."),
    Column("n_genes", "Int64", "Genes that the set names."),
    Column("n_found", "Int64", "Genes of the set that the atlas has and that were tested."),
    Column("higher_in", "object", "Name of the region in which the set is higher, by diff."),
    Column("diff", "float64", "The set's value in region 1 minus region 2, adjusted for {others}.", _SD),
    Column("p_fwe", "float64", "Permutation p, corrected for all sets tested by the maximum over sets."),
    Column("p_perm", "float64", "Permutation p of this set alone."),
    Column("f", "float64", "F of area of the set's value; for mixed sets the mean F of its genes."),
    Column("leading_genes", "object", "Genes of the set with the largest F in its direction, at most ten."),
    Column("status", "object", "ok, or why the set was not tested."),
)
_PAIRS = (
    Column("region_1", "object", "First region of the pair; diff is region_1 minus region_2."),
    Column("region_2", "object", "Second region of the pair."),
    Column("p_fwe", "float64", "p of F corrected for all genes of this pair by the maximum of F."),
    Column("p_fwe_holm", "float64", "p_fwe corrected for all genes of all pairs (Holm)."),
    Column("significant", "bool", "Whether p_fwe_holm is at most alpha."),
    Column("status", "object", "ok, or why the gene or the pair was not tested."),
)
_LEFT_OUT = (
    Column("left_out", "object", "The donor that was left out."),
    Column("n_samples_1", "Int64", "Samples of the other donors in region 1."),
    Column("n_samples_2", "Int64", "Samples of the other donors in region 2."),
    Column("status", "object", "ok, or why there is no test without this donor."),
)
_SAMPLE = (
    Column("region", "object", "Region in which the sample counts."),
    Column("donor_name", "object", "Donor, as the atlas names it."),
    Column("sample", "Int64", "Number of the sample within its donor, from 0, in the order of the atlas."),
    Column("well_id", "Int64", "Id of the sample, unique over the atlas."),
    Column("mni_x", "float64", "MNI coordinate, left to right.", "mm"),
    Column("mni_y", "float64", "MNI coordinate, back to front.", "mm"),
    Column("mni_z", "float64", "MNI coordinate, bottom to top.", "mm"),
    Column("structure_acronym", "object", "Structure that the sample was taken from, in short."),
    Column("structure_name", "object", "Structure that the sample was taken from."),
    Column("probability", "float64", "Probability of the region at the sample, 0 to 1; empty where it has none."),
)

#: Rungs of the ladder that `evidence` names, the highest first.
RUNGS = ("spatial", "donors", "samples")
#: Columns of the table of two regions and of ``results.tsv``, in order.
RESULT_COLUMNS = tuple(column.name for column in _RESULT)
#: Columns that follow `gene` where every probe is tested by itself.
PROBE_COLUMNS = tuple(column.name for column in _PROBE)
#: Columns that come last where tails were asked for.
TAIL_COLUMNS = tuple(column.name for column in _TAIL)
#: Columns of the table of all regions and of ``omnibus.tsv``; the means, `mean_1` to `mean_k`, follow `p_fwe_stepdown`.
OMNIBUS_COLUMNS = (
    "gene", "entrez_id", "significant", "p_fwe", "p_perm", "q_fdr", "q_fdr_by", "partial_eta_sq", "f", "df_area",
    "df_resid", "ss_area", "ss_resid", "p_parametric", "p_fwe_stepdown", "mean_level", "n_samples", "n_donors",
    "n_donors_both", "n_probes", "probe_r", "status",
)  # fmt: skip
#: Columns of the table of gene sets and of ``gene_sets.tsv``.
GENE_SET_COLUMNS = (
    "set", "n_genes", "n_found", "higher_in", "diff", "ci_low", "ci_high", "evidence", "significant", "p_fwe", "p_perm",
    "q_fdr", "p_donors", "p_donors_fwe", "p_spatial", "p_spatial_fwe", "diff_donors", "ci_donors_low", "ci_donors_high",
    "ci_spatial_low", "ci_spatial_high", "hedges_g", "partial_eta_sq", "f", "df_resid", "p_parametric",
    "p_fwe_stepdown", "n_samples_1", "n_samples_2", "n_donors", "n_donors_both", "n_donors_same_sign", "leading_genes",
    "status",
)  # fmt: skip
#: Columns of the table of all pairs and of ``pairs.tsv``.
PAIRS_COLUMNS = (
    "gene", "region_1", "region_2", "higher_in", "diff", "significant", "p_fwe_holm", "p_fwe", "p_perm", "f", "status",
)  # fmt: skip
#: Columns of a test that was run for F and its p-values alone, after those that name the gene.
RERUN_COLUMNS = ("n_samples_1", "n_samples_2", "diff", "f", "p_perm", "p_fwe", "significant", "status")
#: Columns of what is left of each significant gene without each donor, and of ``left_out.tsv``.
LEFT_OUT_COLUMNS = ("gene", "left_out", "n_samples_1", "n_samples_2", "diff", "p_fwe", "status")
#: Columns of the samples, which open ``samples.tsv``.
SAMPLE_COLUMNS = tuple(column.name for column in _SAMPLE)

#: Data types of the columns in pandas; those of means and anything else are float64.
COLUMN_TYPES: Mapping[str, str] = {
    column.name: column.dtype
    for column in (*_GENE_SET, *_SAMPLE, *_LEFT_OUT, *_PAIRS, *_OMNIBUS, *_RESULT, *_PROBE, *_TAIL)
}


def describe_columns(
    columns: Sequence[str], *, adjusted_for: str = "donor", regions: Sequence[str] = (), kind: str = "results"
) -> dict[str, dict[str, object]]:
    """Describe the columns of a table for the JSON file beside it, in the manner of BIDS.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of one of the tables.
    adjusted_for : str
        What differences are adjusted for.
    regions : sequence of str
        Names of the k regions.
    kind : {'results', 'omnibus', 'pairs', 'left_out', 'gene_sets', 'samples'}
        Which table it is: some columns mean something else there, and where gene sets are tested.

    Returns
    -------
    dict of str to dict
        By column its `Description`, and `Units` and `Levels` where there are any; columns that are not known, such as
        genes, are left out.
    """
    own = {
        "results": (),
        "omnibus": _OMNIBUS,
        "pairs": _PAIRS,
        "left_out": _LEFT_OUT,
        "gene_sets": _GENE_SET,
        "samples": _SAMPLE,
    }[kind]
    usual = [column.of_sets() if kind == "gene_sets" else column for column in (*_RESULT, *_PROBE, *_TAIL)]
    known = {column.name: column for column in (*usual, *own)}
    unit = _SD if kind == "gene_sets" else _Z
    for number, name in enumerate(regions, start=1):
        known[f"mean_{number}"] = Column(f"mean_{number}", "float64", f"Raw mean in {name}, not adjusted.", unit)
    described: dict[str, dict[str, object]] = {}
    for name in columns:
        if (column := known.get(name)) is None:
            continue
        text = column.description.replace("{others}", adjusted_for)
        if kind in ("results", "left_out", "gene_sets"):
            for number, region in enumerate(regions, start=1):
                for word in ("Region", "region"):
                    text = text.replace(f"{word} {number}", f"{word} {number} ({region})")
        described[name] = {"Description": text}
        if column.unit is not None:
            described[name]["Units"] = column.unit
        if column.levels is not None:
            described[name]["Levels"] = dict(column.levels)
    return described
