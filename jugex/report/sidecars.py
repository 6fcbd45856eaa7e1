"""What the columns of a result's tables mean, for the JSON files beside them, in the manner of BIDS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jugex.analysis.result import SAMPLE_COLUMNS
from jugex.report.words import name_adjustment

if TYPE_CHECKING:
    import pandas as pd

    from jugex.analysis import DifferentialExpression
    from jugex.report.several_files import SeveralTables

__all__ = ["LEFT_OUT", "describe_results", "describe_samples", "write_several_sidecars", "write_sidecars"]

#: Name of the file of `DifferentialExpression.leave_one_donor_out`, less its ending.
LEFT_OUT = "leave_one_donor_out"

_Z = "z-score"
_LOG2 = "log2"
_PERMUTED = "from relabelled samples"
_LATER = "Not computed by this version."

# description, then the unit where there is one
_RESULTS: Mapping[str, tuple[str, str | None]] = {
    "gene": ("Gene symbol.", None),
    "probe_id": ("Id of the probe, which is tested by itself.", None),
    "probe_name": ("Name of the probe, which is tested by itself.", None),
    "entrez_id": ("Entrez id of the gene.", None),
    "higher_in": ("Region where the gene is higher, by the sign of diff.", None),
    "diff": ("Region 1 minus region 2, adjusted for donor.", _Z),
    "ci_low": ("Lower end of the 95 % confidence interval of diff; uncorrected, samples taken as replicates.", _Z),
    "ci_high": ("Upper end of the 95 % confidence interval of diff; uncorrected, samples taken as replicates.", _Z),
    "evidence": ("What the difference holds for; empty where the gene was not tested.", None),
    "significant": ("Whether p_fwe is at most alpha.", None),
    "p_fwe": (f"p of F corrected for all genes tested by the maximum of F, {_PERMUTED}.", None),
    "p_perm": (f"p of F of this gene alone, {_PERMUTED}.", None),
    "q_fdr": ("False discovery rate: Benjamini and Hochberg's correction of p_perm.", None),
    "p_donors": (f"p over donors. {_LATER}", None),
    "p_donors_fwe": (f"p_donors corrected for all genes tested. {_LATER}", None),
    "p_spatial": (f"p against two places as far apart in the same tissue. {_LATER}", None),
    "p_spatial_fwe": (f"p_spatial corrected for all genes tested. {_LATER}", None),
    "diff_donors": (f"Region 1 minus region 2 over donors. {_LATER}", _Z),
    "ci_donors_low": (f"Lower end of the 95 % confidence interval of diff_donors over donors. {_LATER}", _Z),
    "ci_donors_high": (f"Upper end of the 95 % confidence interval of diff_donors over donors. {_LATER}", _Z),
    "ci_spatial_low": (f"Lower end of the 95 % confidence interval that belongs to p_spatial. {_LATER}", _Z),
    "ci_spatial_high": (f"Upper end of the 95 % confidence interval that belongs to p_spatial. {_LATER}", _Z),
    "log2_fc": ("Region 1 minus region 2, adjusted for donor, in expression levels.", _LOG2),
    "hedges_g": ("diff in residual standard deviations, corrected for small samples.", "standard deviations"),
    "partial_eta_sq": ("Share of area in the sum of squares of area and residuals, adjusted for donor, 0 to 1.", None),
    "f": ("F of area, by the statistic of the run.", None),
    "df_resid": ("Residual degrees of freedom.", None),
    "ss_area": ("Sum of squares of area, by the statistic of the run.", f"{_Z} squared"),
    "ss_resid": ("Sum of squares of the residuals.", f"{_Z} squared"),
    "p_parametric": ("p of F by the F distribution.", None),
    "p_fwe_stepdown": (f"p_fwe, stepping down (Westfall and Young), {_PERMUTED}.", None),
    "mean_1": ("Raw mean in region 1, not adjusted for donor.", _Z),
    "mean_2": ("Raw mean in region 2, not adjusted for donor.", _Z),
    "mean_level": ("Mean expression over the samples used.", _LOG2),
    "sd_ratio": ("Larger over smaller residual standard deviation of the regions.", None),
    "n_samples_1": ("Samples used in region 1.", None),
    "n_samples_2": ("Samples used in region 2.", None),
    "n_donors": ("Donors with a sample used.", None),
    "n_donors_both": ("Donors with samples in both regions.", None),
    "n_donors_same_sign": ("Of these, donors whose difference has the sign of diff.", None),
    "n_probes": ("Probes that the gene's value was made from.", None),
    "probe_r": ("Mean correlation of the gene's probes over the samples used.", None),
    "status": ("ok, or why the gene was not tested.", None),
    "p_perm_tail": ("p_perm, small values extrapolated from a generalised Pareto tail.", None),
    "p_fwe_tail": ("p_fwe, small values extrapolated from a generalised Pareto tail.", None),
}

_LEFT_OUT: Mapping[str, tuple[str, str | None]] = {
    **_RESULTS,
    "left_out": ("Donor that was left out.", None),
    "n_samples_1": ("Samples that are left in region 1.", None),
    "n_samples_2": ("Samples that are left in region 2.", None),
    "diff": ("Region 1 minus region 2 without this donor, adjusted for donor.", _Z),
    "p_fwe": (f"p of F without this donor, corrected for all genes tested by the maximum of F, {_PERMUTED}.", None),
    "status": ("ok, or why there is no test without this donor.", None),
}

# what the tables of several regions have beside columns of those above; {k} is a region
_OMNIBUS: Mapping[str, tuple[str, str | None]] = {
    **_RESULTS,
    "n_samples": ("Samples used, of all regions.", None),
    "n_donors_both": ("Donors with samples in two regions or more.", None),
    "mean_{k}": ("Raw mean in region {k}, not adjusted for donor.", _Z),
    "ss_area": ("Sum of squares of area, adjusted for donor.", f"{_Z} squared"),
    "f": ("F of area, adjusted for donor: of all regions at once.", None),
    "df_area": ("Degrees of freedom of area: regions less one.", None),
    "q_fdr_by": ("q_fdr for any dependence between genes (Benjamini and Yekutieli).", None),
}
_PAIRS: Mapping[str, tuple[str, str | None]] = {
    **_RESULTS,
    "region_1": ("Region from whose mean the other's is taken.", None),
    "region_2": ("Region whose mean is taken from that of region 1.", None),
    "p_fwe": (f"p of F corrected for all genes of this pair by the maximum of F, {_PERMUTED}.", None),
    "p_fwe_holm": ("p_fwe corrected for all genes of all pairs (Holm).", None),
    "significant": ("Whether p_fwe_holm is at most alpha.", None),
    "status": ("ok, or why the gene or the pair was not tested.", None),
}

_SAMPLES: Mapping[str, tuple[str, str | None]] = {
    "region": ("Region in which the sample counts.", None),
    "donor_name": ("Donor, as the atlas names it.", None),
    "sample": ("Number of the sample within its donor, from 0, in the order of the atlas.", None),
    "well_id": ("Id of the sample, unique over the atlas.", None),
    "mni_x": ("MNI coordinate, left to right.", "mm"),
    "mni_y": ("MNI coordinate, back to front.", "mm"),
    "mni_z": ("MNI coordinate, bottom to top.", "mm"),
    "structure_acronym": ("Structure that the sample was taken from, in short.", None),
    "structure_name": ("Structure that the sample was taken from.", None),
    "probability": ("Probability of the region at the sample, 0 to 1; empty where the region has none.", None),
}

_LEVELS: Mapping[str, Mapping[str, str]] = {
    "evidence": {
        "spatial": "p_spatial_fwe is at most alpha",
        "donors": "p_donors_fwe is at most alpha",
        "samples": "p_fwe is at most alpha",
        "none": "none of these",
    },
    "significant": {"TRUE": "p_fwe is at most alpha", "FALSE": "it is not, or the gene was not tested"},
}


def write_sidecars(result: DifferentialExpression, folder: Path, *, with_zscores: bool) -> None:
    """Write the JSON files beside the tables of a result that they describe."""
    _write(describe_results(result), folder / "results.json")
    _write(
        _name_regions(_describe(map(str, result.leave_one_donor_out), _LEFT_OUT), result), folder / f"{LEFT_OUT}.json"
    )
    _write(describe_samples(result, with_zscores=with_zscores), folder / "samples.json")


def write_several_sidecars(tables: SeveralTables, folder: Path, *, with_zscores: bool) -> None:
    """Write ``omnibus.json``, ``pairs.json`` and ``samples.json`` beside the tables of several regions."""
    known = dict(_OMNIBUS)
    text, unit = known.pop("mean_{k}")
    for number, name in enumerate(tables.region_names, start=1):
        known[f"mean_{number}"] = (text.format(k=f"{number} ({name})"), unit)
    _write(_describe(map(str, tables.omnibus), known), folder / "omnibus.json")
    pairs = _describe(map(str, tables.pairs_table), _PAIRS)
    pairs["significant"].pop("Levels")
    _write(pairs, folder / "pairs.json")
    _write(_describe_samples(tables.region_names, tables.zscores, tables.unit, with_zscores), folder / "samples.json")


def describe_results(result: DifferentialExpression) -> dict[str, Any]:
    """Describe the columns of ``results.tsv``; regions and what was adjusted for by their names."""
    return _name_regions(_describe(map(str, result.table), _RESULTS), result)


def _name_regions(described: dict[str, Any], result: DifferentialExpression) -> dict[str, Any]:
    """Descriptions with the regions and what was adjusted for by their names."""
    names = dict(zip("12", result.region_names, strict=True))
    adjusted = f"adjusted for {name_adjustment(result.settings)}"
    for entry in described.values():
        entry["Description"] = re.sub(
            r"(?<!not )adjusted for donor|[Rr]egion ([12])",
            lambda it: f"{it[0]} ({names[it[1]]})" if it[1] else adjusted,
            entry["Description"],
        )
    return described


def describe_samples(result: DifferentialExpression, *, with_zscores: bool) -> dict[str, Any]:
    """Describe the columns of ``samples.tsv``: those of the samples, and of the genes where they stand there."""
    return _describe_samples(result.region_names, result.zscores, result.unit, with_zscores)


def _describe_samples(names: Sequence[str], zscores: pd.DataFrame, unit: str, with_zscores: bool) -> dict[str, Any]:
    described = _describe(SAMPLE_COLUMNS, _SAMPLES)
    described["region"]["Levels"] = {name: f"region {number}" for number, name in enumerate(names, 1)}
    for gene in zscores if with_zscores else ():
        described.setdefault(str(gene), {"Description": f"Value of the {unit} {gene}.", "Units": _Z})
    return described


def _write(described: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _describe(columns: Iterable[str], known: Mapping[str, tuple[str, str | None]]) -> dict[str, Any]:
    """Entries of a sidecar, one for each column: `Description`, and `Units` and `Levels` where there are any."""
    described: dict[str, Any] = {}
    for column in columns:
        text, unit = known[column]
        described[column] = {"Description": text}
        if unit is not None:
            described[column]["Units"] = unit
        if column in _LEVELS:
            described[column]["Levels"] = dict(_LEVELS[column])
    return described
