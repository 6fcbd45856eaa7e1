"""The report of a result as one HTML page that stands alone: no file beside it, no request to anywhere."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from jugex.report.evidence import tabulate_evidence
from jugex.report.methods import describe_methods
from jugex.report.reproduce import how_to_reproduce
from jugex.report.words import (
    count_of,
    describe_resolution,
    describe_samples,
    format_count,
    format_number,
    format_p,
    headline,
    higher_region,
    shorten,
    tested_genes,
)
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from jugex.analysis.result import DifferentialExpression

__all__ = ["render_report"]

_SUBSCRIPTS = {"fwe": "FWE", "fdr": "FDR", "param": "param"}
MAX_ROWS = 200
MAX_SIGNIFICANT_PLOTS = 50
MAX_REQUESTED_PLOTS = 200
N_BEST_PLOTS = 6


class Cell(NamedTuple):
    """One cell of the table of results: what it shows, and the number it sorts by."""

    text: str
    value: float | None = None


class Column(NamedTuple):
    """One column of the table of results."""

    title: str
    explanation: str
    is_number: bool = True


_COLUMNS = (
    Column("Gene", "Gene symbol", is_number=False),
    Column("Higher in", "Region where the gene is higher, by the sign of the difference", is_number=False),
    Column("p_FWE", "Permutation p-value, corrected for the family-wise error over the genes tested"),
    Column("p", "Permutation p-value of this gene alone, not corrected"),
    Column("q_FDR", "False discovery rate from the uncorrected permutation p-values"),
    Column("Difference", "Region 1 minus region 2 in z-scores, adjusted for donor"),
    Column("95 % CI", "Confidence interval of the difference, not corrected, samples taken as replicates"),
    Column("log2 FC", "The same difference in log2 expression"),
    Column("Hedges' g", "The difference in residual standard deviations"),
    Column("F", "F statistic of region"),
    Column("p_param", "p-value of the F distribution: see the caveats"),
    Column("Probes", "Number of probes of the gene"),
)


def render_report(result: DifferentialExpression) -> str:
    """Write the report of a result as one HTML page.

    Parameters
    ----------
    result : DifferentialExpression
        Fresh or read from disk; only a fresh one holds the outlines of its regions.

    Returns
    -------
    str
        The page. Everything it shows stands inside it.
    """
    settings = result.settings
    plots = _draw_plots(result)
    return (
        _make_environment()
        .get_template("report.html")
        .render(
            settings=settings,
            names=result.region_names,
            headline=headline(result),
            samples_sentence=describe_samples(result),
            warnings=[_to_sentence(text) for text in settings["warnings"]],
            design=_describe_design(result),
            results=_tabulate_results(result),
            plots=plots,
            evidence=tabulate_evidence(result, [plot["gene"] for group in plots for plot in group["plots"]]),
            brain=_draw_brain(result),
            methods=describe_methods(result),
            reproduce=how_to_reproduce(settings),
            facts=_list_facts(settings),
            empty=_group_empty(settings),
        )
    )


@cache
def _make_environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("jugex.report", "templates"),
        autoescape=True,  # always: select_autoescape goes by file names
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        p=format_p, number=format_number, count=format_count, count_of=count_of, shorten=shorten, typeset=_typeset
    )
    return environment


def _typeset(text: str) -> Markup:
    """Names of statistics with their subscripts, kept together with their values; everything else escaped."""
    from markupsafe import Markup, escape

    marked = re.sub(
        r"\b([pq])_(FWE|FDR|param)\b",
        lambda found: f"<i>{found[1]}</i><sub>{_SUBSCRIPTS[found[2].lower()]}</sub>",
        str(escape(text)),
        flags=re.IGNORECASE,
    )
    return Markup(re.sub("</sub> ([=\N{LESS-THAN OR EQUAL TO}]) ", r"</sub>&nbsp;\1&nbsp;", marked))


def _to_sentence(text: str) -> str:
    """A warning with a capital and a full stop; one that opens with the name of a column keeps it."""
    text = text.strip()
    opening = text[:1] if "_" in text.split(" ", 1)[0] else text[:1].upper()
    return opening + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _describe_design(result: DifferentialExpression) -> dict[str, Any]:
    """Donors with what is known of them, and the limits that the design sets."""
    settings, design = result.settings, result.settings["design"]
    biographies = {donor["donor_name"]: donor for donor in settings["atlas"]["donors"]}
    exchange = settings["permutation"]["exchange"]
    return {
        "donors": [{**biographies.get(row["donor_name"], {}), **row} for row in design["donors"]],
        "has_one_sided": any(not (row["n_1"] and row["n_2"]) for row in design["donors"]),
        "smallest_p": _find_smallest_p(settings),
        "relabellings": design["relabellings"].get(exchange),
        "resolution": describe_resolution(settings),
        "n_between": [region["n_between_voxels"] for region in settings["regions"]],
        "shared": settings["overlap"]["shared"],
        "decisions": _describe_decisions(result),
    }


def _describe_decisions(result: DifferentialExpression) -> dict[str, tuple[str, int]]:
    """What each decision on shared samples means, and how many samples it was taken for."""
    taken = [sample["decision"] for sample in result.settings["overlap"]["shared"]]
    meanings = {
        "region 1": f"given to {shorten(result.region_names[0])}",
        "region 2": f"given to {shorten(result.region_names[1])}",
        "tie": "tie: left out",
        "excluded": "left out",
        "kept in both": "counted in both",
    }
    return {decision: (meanings.get(decision, decision), taken.count(decision)) for decision in dict.fromkeys(taken)}


def _group_empty(settings: dict[str, Any]) -> dict[str, list[str]]:
    """Columns without values, by the reason for it."""
    reasons: dict[str, list[str]] = {}
    for column, reason in settings["empty"].items():
        reasons.setdefault(reason, []).append(column)
    return reasons


def _find_smallest_p(settings: dict[str, Any]) -> float:
    """Smallest p that this run could give: by its design, and by its number of random relabellings."""
    permutation = settings["permutation"]
    by_design = settings["design"]["smallest_p"].get(permutation["exchange"]) or 0.0
    by_number = 0.0 if permutation["exhaustive"] else 1 / (permutation["n_permutations"] + 1)
    return max(by_design, by_number)


def _tabulate_results(result: DifferentialExpression) -> dict[str, Any]:
    """Rows of tested genes, and the genes without a test by the reason for it."""
    tested = tested_genes(result)
    others = result.table.drop(index=tested.index)
    shown = tested.head(MAX_ROWS)
    return {
        "columns": _COLUMNS,
        "rows": [
            {"cells": _make_cells(result, label, row), "significant": bool(row["significant"])}
            for label, (_, row) in zip(result.labels[shown.index], shown.iterrows(), strict=True)
        ],
        "n_tested": len(tested),
        "unit": result.unit,
        "n_left_out": len(tested) - len(shown),
        "not_tested": {
            str(status): list(result.labels[rows.index]) for status, rows in others.groupby("status", sort=False)
        },
        "max_named": MAX_ROWS,
    }


def _make_cells(result: DifferentialExpression, label: str, row: pd.Series[Any]) -> list[Cell]:
    interval = [format_number(_to_float(row[end]), 3) for end in ("ci_low", "ci_high")]
    return [
        Cell(label),
        Cell(higher_region(result, _to_float(row["diff"]))),
        _make_p_cell(row["p_fwe"]),
        _make_p_cell(row["p_perm"]),
        _make_p_cell(row["q_fdr"]),
        _make_number_cell(row["diff"], 3),
        Cell(f"{interval[0]} to {interval[1]}" if all(interval) else "", _to_float(row["ci_low"])),
        _make_number_cell(row["log2_fc"], 3),
        _make_number_cell(row["hedges_g"], 2),
        _make_number_cell(row["f"], 2),
        _make_p_cell(row["p_parametric"]),
        _make_number_cell(row["n_probes"], 0),
    ]


def _make_p_cell(value: Any) -> Cell:
    return Cell(format_p(_to_float(value), aligned=True), _to_float(value))


def _make_number_cell(value: Any, decimals: int) -> Cell:
    return Cell(format_number(_to_float(value), decimals), _to_float(value))


def _to_float(value: Any) -> float | None:
    """A number of the table, or None where it is missing (NaN, or NA of a nullable column)."""
    return None if pd.isna(value) else float(value)


def _draw_plots(result: DifferentialExpression) -> list[dict[str, Any]]:
    """Groups of box plots: the significant genes, then the others asked for, else the best."""
    from jugex.report.inline import draw_donor_marks, draw_gene

    groups = []
    for number, (title, genes, n_all) in enumerate(_choose_genes(result)):
        plots = [
            {"svg": draw_gene(result, gene, key=f"plot{number}-{i}"), **_caption(result, gene)}
            for i, gene in enumerate(genes)
        ]
        groups.append({"title": title, "plots": plots, "n_left_out": n_all - len(plots)})
    marks = draw_donor_marks(result)
    return [{**group, "marks": marks} for group in groups if group["plots"]]


def _choose_genes(result: DifferentialExpression) -> list[tuple[str, list[str], int]]:
    """Titles of the groups, the genes to draw in each, and how many there would be without a limit."""
    tested = tested_genes(result)
    tested = tested.assign(label=result.labels[tested.index])
    drawable = tested[tested["label"].isin(result.zscores.columns).to_numpy(dtype=bool)]
    is_significant = drawable["significant"].to_numpy(dtype=bool)
    significant, others = drawable.loc[is_significant, "label"], drawable.loc[~is_significant, "label"]
    groups = [("Significant genes", list(significant)[:MAX_SIGNIFICANT_PLOTS], len(result.significant))]
    if result.settings["arguments"].get("genes") is not None:  # then these are all that were tested
        asked = list(others)
        title = "Other genes asked for, not significant" if len(significant) else "Genes asked for, none significant"
        groups.append((title, asked[:MAX_REQUESTED_PLOTS], len(asked)))
    elif len(significant) == 0:
        best = list(others)[:N_BEST_PLOTS]
        groups.append(
            (f"The {count_of(len(best), result.unit)} with the smallest p_FWE, none significant", best, len(best))
        )
    return groups


def _caption(result: DifferentialExpression, gene: str) -> dict[str, str]:
    row = result.table[(result.labels == gene).to_numpy()].iloc[0]
    where = higher_region(result, _to_float(row["diff"]))
    return {
        "gene": gene,
        "statistic": f"F(1, {format_number(_to_float(row['df_resid']), 0)}) = {format_number(_to_float(row['f']), 2)}",
        "p_fwe": format_p(_to_float(row["p_fwe"])),
        "higher": shorten(where, 30) if row["significant"] else "",
        "significant": "significant" if row["significant"] else "not significant",
    }


def _draw_brain(result: DifferentialExpression) -> dict[str, Any]:
    """Views of the brain, and what is missing in them; no views where no sample has a coordinate."""
    from jugex.report.inline import draw_region_marks, draw_views

    points = result.samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    n_missing = int((~np.isfinite(points)).any(axis=1).sum())
    space = result.settings["atlas"]["space"]
    has_any = n_missing < len(points)
    no_template = f"The samples are in the space {space}, of which there is no template to show them on."
    return {
        "views": draw_views(result) if has_any and is_mni_space(space) else [],
        "why_none": no_template if has_any else "No sample has a coordinate, so none can be shown.",
        "marks": draw_region_marks(result),
        "n_missing": n_missing,
        "has_outlines": result.inputs is not None,
    }


def _list_facts(settings: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Settings as groups of names and values, for readers who want to know everything."""
    permutation = {key: value for key, value in settings["permutation"].items() if key != "bit_generator"}
    groups = [
        ("Versions", settings["versions"]),
        ("Arguments", settings["arguments"]),
        ("Permutation", permutation),
        ("Atlas", {key: value for key, value in settings["atlas"].items() if key not in ("donors", "files")}),
        ("Samples", settings.get("samples") or {}),  # results of version 0.1 have none
        *((f"Region {i}", region) for i, region in enumerate(settings["regions"], start=1)),
    ]
    return [(title, [(name, _show_value(value)) for name, value in group.items()]) for title, group in groups]


def _show_value(value: Any) -> str:
    """A setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        shown = ", ".join(_show_value(entry) for entry in value[:MAX_ROWS])
        return shown + (f" and {len(value) - MAX_ROWS:,} more" if len(value) > MAX_ROWS else "")
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_show_value(entry)}" for name, entry in value.items())
    return str(value)
