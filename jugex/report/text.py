"""A result as text, as the command line prints it and ``result.summary()`` returns it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from jugex._text import count_of, format_number, format_p, lay_out, shorten
from jugex.errors import OptionError
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.gene_sets import GeneSetData
from jugex.pipeline.pairs import GroupComparison
from jugex.pipeline.sensitivity import name_choices
from jugex.report.summary import (
    advise_on_voxels,
    has_ladder,
    name_adjustment,
    summarize_diagnostic,
    summarize_found,
    summarize_planted,
    summarize_rungs,
)

__all__ = ["count_found", "format_html", "list_first", "list_gene_sets", "list_sensitivity", "summarize_run"]

_N_SHOWN = 10
_MAX_NAME = 32
_TEXTS = {"gene", "probe_name", "region_1", "region_2", "higher_in", "evidence", "n_probes", ""}


def summarize_run(result: ComparisonData | GroupComparison) -> list[str]:
    """Summarise a run: samples, genes, the first rows of the table and, for more than two regions, of that of pairs."""
    data = result.data if isinstance(result, GroupComparison) else result
    record, design, n_found = data.record, data.record.design, len(data.significant)
    counted = zip(data.region_names, design.n_samples, strict=True)
    n_linking = f"{'all ' * (design.n_informative_donors == design.n_donors > 1)}{design.n_informative_donors:,}"
    linked = "with samples in both" if len(design.n_samples) == 2 else "in two regions or more"
    lines = ["SIMULATED DATA: the numbers say nothing about real brains."] if record.atlas.simulated else []
    lines += [
        "; ".join([
            *(f"{name}: {count_of(n, 'sample')}" for name, n in counted),
            f"{count_of(design.n_donors, 'donor')}, {n_linking} {linked}",
        ]),
        f"{count_of(record.genes.n_tested, data.unit)} tested, {n_found:,} significant at p_fwe <= "
        f"{record.arguments.alpha:g}",
        *filter(None, [_summarize_between(record)]),
        *summarize_rungs(data),
        *filter(None, [summarize_diagnostic(record), summarize_planted(data)]),
        *_list_genes(data),
    ]  # fmt: skip
    if isinstance(result, GroupComparison):
        return lines + _list_pairs(result)
    return lines


def list_gene_sets(found: GeneSetData) -> list[str]:
    """List the first gene sets of the table."""
    record, table = found.data.record.gene_sets, found.table.head(_N_SHOWN)
    if record is None:
        return []
    n_found = int(found.table["significant"].sum())
    lines = [
        f"{count_of(record.n_tested, 'gene set')} of {record.n_sets:,} tested ({record.kind}, {record.min_size} to "
        f"{record.max_size:,} genes), {n_found:,} significant at p_fwe <= "
        f"{found.data.record.arguments.alpha:g}"
    ]
    rows = [
        (
            shorten(str(row["set"]), _MAX_NAME),
            str(row["n_found"]),
            "" if pd.isna(row["higher_in"]) else shorten(str(row["higher_in"]), _MAX_NAME),
            "" if pd.isna(row["evidence"]) else row["evidence"],
            format_p(row["p_fwe"]),
            *("" if pd.isna(row[column]) else format_p(row[column]) for column in ("p_donors_fwe", "p_spatial_fwe")),
        )
        for row in table.to_dict("records")
    ]
    header = ("set", "genes", "higher in", "evidence", "p_fwe", "p_donors_fwe", "p_spatial_fwe")
    lines += lay_out(header, rows, right=("genes", *header[4:]))
    if len(found.table) > len(table):
        lines.append(f"... and {len(found.table) - len(table):,} more sets in gene_sets.tsv")
    return lines


def list_sensitivity(table: pd.DataFrame, alpha: float) -> list[str]:
    """List a comparison under other choices: the significant genes of each run, and how they differ from the first.

    Parameters
    ----------
    table : DataFrame
        What ``result.sensitivity()`` returned.
    alpha : float
    """
    by_choice = {str(name): rows for name, rows in table.groupby(table.apply(name_choices, axis=1), sort=False)}
    of_result = _list_significant(table[table["is_headline"]])
    rows: list[tuple[str, ...]] = []
    for choice, run in by_choice.items():
        found, tested = _list_significant(run), run[(run["status"] == "ok").to_numpy(dtype=bool)]
        if tested.empty:
            rows.append((choice, "", "", shorten(str(run["status"].iloc[0]), 60), ""))
            continue
        first = tested.iloc[0]
        other = [[name for name in a if name not in b] for a, b in ((of_result, found), (found, of_result))]
        counts = f"{first['n_samples_1']} and {first['n_samples_2']}"
        rows.append((choice, counts, str(len(found)), *(shorten(", ".join(names), 40) for names in other)))
    header = ("choice", "samples", "significant", "no longer", "newly")
    left_out = [f"Not varied: {name} ({why})" for name, why in table.attrs.get("left_out", {}).items()]
    lines = [f"Other choices, one at a time; significant: p_fwe <= {alpha:g}", ""]
    return [
        *lines,
        *lay_out(header, rows, right=("significant",)),
        "",
        *left_out,
        "The first row is the result: its choices were made before the others were tried. How many rows find a gene is",
        "no strength of evidence: they are the same samples again and again.",
        "p_fwe is that over samples: each choice repeats this test alone, and leaves the rungs donors and spatial out.",
    ]


def _list_significant(rows: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(rows["gene"][rows["significant"].fillna(False).to_numpy(dtype=bool)]))


def _summarize_between(record: RunRecord) -> str:
    """Note on samples on the border of two voxels, if a finer image would have fewer of them; else empty."""
    advice = advise_on_voxels(record)
    n = sum(region.n_between_voxels for region in record.regions)
    lie = "lies" if n == 1 else "lie"
    return f"{count_of(n, 'sample')} {lie} exactly between two voxels, and a rule decides.{advice}" if advice else ""


def count_found(data: ComparisonData) -> str:
    """Count what a result found: genes by the highest rung that they reach, or the significant ones."""
    if not has_ladder(data.record):
        return f"{len(data.significant):,} significant"
    counts = data.found["evidence"].value_counts()
    found = [f"{counts[rung]:,} {rung}" for rung in ("spatial", "donors", "samples") if rung in counts]
    return f"evidence: {', '.join(found) or 'none'}"


def list_first(data: ComparisonData, n: int) -> pd.DataFrame:
    """List the first tested rows of the table, with the most important columns."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise OptionError(f"n is a whole number of at least 1; got {n!r}")
    return data.tested.head(n)[_choose_columns(data)].reset_index(drop=True)


def format_html(data: ComparisonData) -> str:
    """Format what was found and the first rows of the table as HTML for a notebook; names are escaped."""
    simulated = ["Simulated data: the numbers say nothing about real brains."] if data.record.atlas.simulated else []
    title = " and ".join(data.region_names) if len(data.region_names) == 2 else ", ".join(data.region_names)
    said = [*simulated, *summarize_found(data)]
    columns = _choose_columns(data)
    rows = [
        {column: _format_cell(column, row[column]) for column in columns}
        for row in data.tested.head(_N_SHOWN).to_dict("records")
    ]
    table = pd.DataFrame(rows, columns=columns).to_html(index=False, border=0, escape=True)
    n_more = len(data.tested) - len(rows)
    more = f"<p>... and {count_of(n_more, f'more {data.unit}')} in <code>table</code></p>" if n_more > 0 else ""
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in said)
    return f"<div><p><b>{escape(title)}</b></p>{paragraphs}{table}{more}</div>"


def _choose_columns(data: ComparisonData) -> list[str]:
    is_pair = len(data.region_names) == 2
    probe = ["probe_name"] if "probe_name" in data.table else []
    if has_ladder(data.record):
        return ["gene", *probe, "diff", "higher_in", "evidence", "p_fwe", "p_donors_fwe", "p_spatial_fwe"]
    return ["gene", *probe, "n_probes", *(["diff", "higher_in"] if is_pair else []), "f", "p_perm", "p_fwe"]


def _list_genes(data: ComparisonData) -> list[str]:
    """First genes of the table, and the meaning of its columns."""
    if data.tested.empty:
        return []
    is_pair, columns = len(data.region_names) == 2, _choose_columns(data)
    n_more = len(data.tested) - _N_SHOWN
    file = "results.tsv" if is_pair else "omnibus.tsv"
    return [
        "",
        *_show(data.tested, columns),
        *([f"... and {count_of(n_more, f'more {data.unit}')} in {file}"] if n_more > 0 else []),
        "",
        *_explain(data),
        "",
    ]


def _explain(data: ComparisonData) -> list[str]:
    """Meaning of the columns of the summary."""
    record, names = data.record, [shorten(name, _MAX_NAME) for name in data.region_names]
    permutation = record.permutation
    drawn = "all relabellings" if permutation.exhaustive else f"{permutation.n_permutations:,} permutations"
    others = name_adjustment(record, brief=True)
    meant = [f"diff: {names[0]} minus {names[1]}, in {record.scale}s, adjusted for {others}"] if len(names) == 2 else []
    corrected = f"corrected for the {count_of(record.genes.n_tested, data.unit)} tested"
    columns = [f"p_perm: of one {data.unit}; p_fwe: {corrected} (* significant)"]
    if has_ladder(record):
        columns = [
            "p_fwe: over these samples (* significant); p_donors_fwe: over donors; p_spatial_fwe: beyond distance; all "
            + corrected
        ]
    return [
        *meant,
        *columns,
        f"smallest p that {drawn} can give: {format_p(permutation.smallest_p)}",
    ]


def _list_pairs(result: GroupComparison) -> list[str]:
    """First rows of the table of pairs."""
    table, unit = result.pairs_table, result.data.unit
    n_found = int(table["significant"].sum())
    probe = ["probe_name"] if "probe_name" in table else []
    shown = _show(
        table[(table["status"] == "ok").to_numpy(dtype=bool)],
        ["gene", *probe, "region_1", "region_2", "diff", "p_fwe", "p_fwe_holm"],
    )
    pairs = count_of(len(result.count_significant()), "pair")
    return [
        f"{pairs} of regions, {count_of(n_found, 'difference')} of a {unit} in a pair "
        f"significant at p_fwe_holm <= {result.data.record.arguments.alpha:g}",
        *(["", *shown, ""] if shown else []),
    ]


def _show(tested: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Lay out the first rows of a table, with a star after significant ones."""
    rows = [
        [*(_format_cell(column, row[column]) for column in columns), "*" if row["significant"] else ""]
        for row in tested.head(_N_SHOWN).to_dict("records")
    ]
    header = [column.replace("higher_in", "higher in") for column in (*columns, "")]
    return lay_out(header, rows, right={"n_probes", *columns} - (_TEXTS - {"n_probes"})) if rows else []


def _format_cell(column: str, value: Any) -> str:
    if column in _TEXTS:
        return "" if pd.isna(value) else shorten(str(value), _MAX_NAME)
    return format_p(value) if column.startswith("p_") else format_number(value)
