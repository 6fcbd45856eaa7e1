"""The report of a result as one HTML page that stands alone: no file beside it, no request to anywhere."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex._text import count_of, format_count, format_number, format_p, join_words, shorten
from jugex.analysis.covariates import USED
from jugex.plots.styles import REGION_STYLES
from jugex.report.cards import choose_genes, describe_cards
from jugex.report.evidence import (
    floor_of_q,
    tabulate_details,
    tabulate_evidence,
    tabulate_left_out,
    tabulate_sensitivity,
)
from jugex.report.methods import describe_methods
from jugex.report.page_data import describe_brain, embed_panels, mark_donors, pack_plotly, plotly_licence
from jugex.report.panel_file import as_in_files
from jugex.report.reproduce import list_reproductions
from jugex.report.results_table import tabulate_results
from jugex.report.words import (
    count_relabellings,
    describe_resolution,
    describe_samples,
    find_smallest_p,
    headline,
    name_adjustment,
    tell_permuted,
    tell_several,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from jugex.analysis.result import DifferentialExpression

__all__ = ["list_facts", "make_environment", "render_report", "to_sentence", "typeset"]

#: Names of columns of p as sentences say them, before they are typeset.
_SPOKEN = {
    "p_perm_tail": "extrapolated p", "p_fwe_tail": "extrapolated p_FWE", "p_fwe_stepdown": "step-down p_FWE",
    "p_perm": "uncorrected p", "p_parametric": "p_param",
}  # fmt: skip
#: Statistics without subscript: a whole heading, or where the words around leave no doubt; text is escaped.
_PLAIN_STATISTIC = re.compile(
    r"^[pqF]$|\bp(?= (?:tail$|[=<>\N{LESS-THAN OR EQUAL TO}]|&lt;|&gt;))"
    r"|(?<=ncorrected )p\b|(?<=xtrapolated )p\b|(?<=Hedges&#39; )g\b"
)
_SUBSCRIPTS = {"fwe": "FWE", "fdr": "FDR", "param": "param", "holm": "Holm"}
_MOST_LISTED = 200
_N_NAMED = 10  # significant genes named in the volcano plot
#: Names of settings.json whose words say more than the name without its underscores.
_SETTINGS = {
    "alpha": "family-wise error (alpha)", "n_permutations": "permutations", "exchange": "labels exchanged",
    "probes": "probes to genes", "overlap": "samples in both regions", "exhaustive": "all relabellings tried",
    "exact": "exact test", "smallest_p": "smallest possible p", "sha256": "checksum (SHA-256)",
    "n_collinear_redrawn": "collinear relabellings, redrawn or left out",
    "n_collinear_smallest": "collinear relabellings, counted as the smallest", "n_samples_found": "samples found",
    "n_between_voxels": "samples between two voxels", "volume_mm3": "volume (mm3)", "centroid": "centroid (mm)",
    "tolerance_mm": "tolerance (mm)", "n_dropped": "samples left out by structure",
    "n_tolerated": "samples taken in by the tolerance", "n_samples": "samples", "n_probes": "probes",
    "f_critical": "critical F, corrected", "n_voxels": "voxels", "voxel_size_mm": "voxel size (mm)",
    "asked": "asked for", "structure_ids": "ids", "n_structures": "structures with their parts",
}  # fmt: skip


def render_report(
    result: DifferentialExpression, sensitivity: pd.DataFrame | None = None, results_tsv: str | None = None
) -> str:
    """Write the report of a result as one HTML page.

    Parameters
    ----------
    result : DifferentialExpression
        Fresh or read from disk: the page is the same, but for what folders of earlier versions do not hold.
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned, to be shown.
    results_tsv : str, optional
        The table as text, where it was made already.

    Returns
    -------
    str
        The page. Everything it shows stands inside it.
    """
    result, settings = as_in_files(result), result.settings
    groups = choose_genes(result)
    drawn = [gene for group in groups for gene in group.genes]
    results = tabulate_results(result, results_tsv)
    return (
        make_environment()
        .get_template("report.html")
        .render(
            settings=settings,
            names=result.region_names,
            adjustment=name_adjustment(settings),
            headline=headline(result),
            several=_tell_several(settings),
            samples_sentence=describe_samples(result),
            warnings=[to_sentence(text) for text in settings["warnings"]],
            design=_describe_design(result),
            results=results,
            genes=describe_cards(result, groups),
            panels=embed_panels(result, drawn),
            has_drawings=result.drawings is not None,
            donor_marks=mark_donors(result),
            evidence=tabulate_evidence(result, drawn),
            details=tabulate_details(result, drawn),
            floor=floor_of_q(result),
            left_out=tabulate_left_out(result, drawn),
            sensitivity=tabulate_sensitivity(sensitivity, drawn),
            brain=describe_brain(result),
            methods=describe_methods(result),
            reproduce=list_reproductions(settings),
            facts=list_facts(settings),
            empty=_group_empty(settings),
            info=_describe_page(result, results),
            plotly={"code": pack_plotly(), "licence": plotly_licence()},
        )
    )


def _tell_several(settings: dict[str, Any]) -> dict[str, str] | None:
    """What a pair that was compared among others says of them, and where they are; None where it stands alone."""
    sentence = tell_several(settings)
    return {"sentence": sentence, "page": settings["several"]["page"]} if sentence else None


def _describe_page(result: DifferentialExpression, results: dict[str, Any]) -> dict[str, Any]:
    """What the scripts of the page need to know."""
    return {
        "columns": [column._asdict() for column in results["columns"]],
        "unit": result.unit,
        "nTested": results["n_tested"],
        "alpha": result.settings["arguments"]["alpha"],
        "names": list(result.region_names),
        "regions": [shorten(name, 40) for name in result.region_names],
        "faces": [style.face for style in REGION_STYLES],
        "symbols": ["circle", "triangle-up"],
        "nNamed": _N_NAMED,
        "smallestP": find_smallest_p(result.settings),
        "adjustment": name_adjustment(result.settings, brief=True),
    }


@cache
def make_environment() -> Environment:
    """Templates of the pages, with the words that they need; everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("jugex.report", "templates"),
        autoescape=True,  # always: select_autoescape goes by file names
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        p=format_p,
        number=format_number,
        count=format_count,
        count_of=count_of,
        shorten=shorten,
        typeset=typeset,
        minus=lambda text: text.replace("-", "\N{MINUS SIGN}"),
    )
    return environment


def typeset(text: str) -> Markup:
    """Names of statistics in italics and with their subscripts, kept with their values; everything else escaped."""
    from markupsafe import Markup, escape

    marked = re.sub(
        r"\b([pq])_(FWE|FDR|param|Holm)\b",
        lambda found: f"<i>{found[1]}</i><sub>{_SUBSCRIPTS[found[2].lower()]}</sub>",
        re.sub("&lt;= ?", "\N{LESS-THAN OR EQUAL TO} ", str(escape(text))),
        flags=re.IGNORECASE,
    )
    marked = _PLAIN_STATISTIC.sub(r"<i>\g<0></i>", marked)
    return Markup(re.sub("(</sub>|</i>) ([=\N{LESS-THAN OR EQUAL TO}]) ", r"\1&nbsp;\2&nbsp;", marked))


def to_sentence(text: str) -> str:
    """A warning with names of columns in words, a capital and a full stop; a statistic in front stays small."""
    text = text.strip()
    for column, spoken in _SPOKEN.items():
        text = re.sub(rf"\b{column}\b", spoken, text)
    opening = text[:1] if re.match(r"[pq][_ ]", text) else text[:1].upper()
    return opening + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _describe_design(result: DifferentialExpression) -> dict[str, Any]:
    """Donors with what is known of them, and the limits that the design sets."""
    settings, design = result.settings, result.settings["design"]
    biographies = {donor["donor_name"]: donor for donor in settings["atlas"]["donors"]}
    return {
        "donors": [{**biographies.get(row["donor_name"], {}), **row} for row in design["donors"]],
        "has_one_sided": any(not (row["n_1"] and row["n_2"]) for row in design["donors"]),
        "has_biographies": not settings["atlas"]["simulated"]
        and any(donor.get(key) is not None for donor in biographies.values() for key in ("age", "gender", "race")),
        "permuted": tell_permuted(settings["permutation"]["exchange"]),
        "smallest_p": find_smallest_p(settings),
        "relabellings": count_relabellings(settings),
        "resolution": describe_resolution(settings),
        "n_between": [region["n_between_voxels"] for region in settings["regions"]],
        "shared": settings["overlap"]["shared"],
        "decisions": _describe_decisions(result),
        "shared_told": _tell_shared(result),
        "between_told": _tell_between(result),
    }


def _describe_decisions(result: DifferentialExpression) -> dict[str, tuple[str, int]]:
    """What each decision on shared samples means, and how many samples it was taken for."""
    taken = [sample["decision"] for sample in result.settings["overlap"]["shared"]]
    meanings = {
        "region 1": f"counted in {shorten(result.region_names[0])}",
        "region 2": f"counted in {shorten(result.region_names[1])}",
        "tie": "left out: equally probable",
        "excluded": "left out",
        "kept in both": "counted in both",
    }
    return {decision: (meanings.get(decision, decision), taken.count(decision)) for decision in dict.fromkeys(taken)}


def _tell_shared(result: DifferentialExpression) -> str:
    """How many samples lie in both regions, and what became of them."""
    shared, decisions = result.settings["overlap"]["shared"], _describe_decisions(result)
    if not shared:
        return "No sample lies in both regions."
    names = [shorten(name) for name in result.region_names]
    clauses = {
        "region 1": "counted in {0}, where {it} more probable",
        "region 2": "counted in {1}, where {it} more probable",
        "tie": "left out, as neither region is the more probable one",
        "excluded": "left out",
        "kept in both": "counted in both",
    }
    parts = []
    for decision, (_, n) in decisions.items():
        verb, it = ("was", "it is") if n == 1 else ("were", "they are")
        what = clauses[decision].format(*names, it=it) if decision in clauses else decision
        parts.append(f"{n:,} {verb} {what}")
    lie = "sample lies" if len(shared) == 1 else "samples lie"
    return f"{len(shared):,} {lie} in both regions: {'; '.join(parts)}."


def _tell_between(result: DifferentialExpression) -> str:
    """How many samples lie on the border of two voxels, so that a rule says on which side they count."""
    counts = [region["n_between_voxels"] for region in result.settings["regions"]]
    if not sum(counts):
        return ""
    found = [region["n_samples_found"] for region in result.settings["regions"]]
    of_regions = zip(counts, found, result.region_names, strict=True)
    told = join_words([f"{n:,} of the {of:,} found in {shorten(name)}" for n, of, name in of_regions if n])
    one, shared = sum(counts) == 1, result.settings["overlap"]["shared"]
    return (
        f"{'One sample lies' if one else 'Some samples lie'} exactly on the border between two voxels ({told}"
        f"{', before samples in both regions were settled' if shared else ''}); "
        f"{'it counts' if one else 'each counts'} as lying in the voxel with the even index, the same in every run."
    )


def _group_empty(settings: dict[str, Any]) -> dict[str, list[str]]:
    """Columns without values, by the reason for it."""
    reasons: dict[str, list[str]] = {}
    for column, reason in settings["empty"].items():
        reasons.setdefault(reason, []).append(column)
    return reasons


def list_facts(settings: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Settings as groups of names and values, for readers who want to know everything; what is empty is left out."""
    permutation = {key: value for key, value in settings["permutation"].items() if key != "bit_generator"}
    arguments = settings["arguments"]
    groups = [
        ("Versions", settings["versions"]),
        ("Arguments", arguments | {"genes": arguments.get("genes") or "all"}),
        ("Covariates", _list_covariates(settings)),
        ("Permutation", permutation),
        ("Atlas", {key: value for key, value in settings["atlas"].items() if key not in ("donors", "files")}),
        ("Samples", settings.get("samples") or {}),  # results of version 0.1 have none
        *((f"Region {i}", region) for i, region in enumerate(settings["regions"], start=1)),
    ]
    shown = [
        (title, [(_name_setting(name, title), _show_value(value)) for name, value in group.items() if _is_told(value)])
        for title, group in groups
    ]
    return [(title, values) for title, values in shown if values]


def _name_setting(key: str, title: str) -> str:
    """A name of settings.json in words; covariates and packages keep theirs."""
    return key if title in ("Covariates", "Versions") else _SETTINGS.get(key) or key.replace("_", " ")


def _is_told(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _list_covariates(settings: dict[str, Any]) -> dict[str, str]:
    """Kind of each covariate, and what became of it."""
    return {
        entry["name"]: f"{entry['kind']}, {'' if entry['outcome'] == USED else 'left out: '}{entry['outcome']}"
        for entry in settings.get("covariates") or []
    }


def _show_value(value: Any) -> str:
    """A setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        shown = ", ".join(_show_value(entry) for entry in value[:_MOST_LISTED])
        return shown + (f" and {len(value) - _MOST_LISTED:,} more" if len(value) > _MOST_LISTED else "")
    if isinstance(value, dict):
        return "; ".join(f"{_SETTINGS.get(name, name)}: {_show_value(entry)}" for name, entry in value.items())
    return str(value)
