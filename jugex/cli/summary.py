"""What a command that compares prints, and where it writes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from jugex._text import count_of, format_number, format_p, shorten
from jugex.analysis import DifferentialExpression
from jugex.cli.layout import lay_out
from jugex.comparison import SeveralRegions
from jugex.genes import format_ledger
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData
from jugex.report.figures import MAX_GENES
from jugex.report.summary import (
    has_ladder,
    list_findings_by_pair,
    name_adjustment,
    summarize_diagnostic,
    summarize_planted,
    summarize_rungs,
)

__all__ = ["print_ledger", "save_and_summarize"]

_N_SHOWN = 10
_MAX_NAME = 32
_TEXTS = {"gene", "probe_name", "region_1", "region_2", "higher_in", "evidence", "n_probes", ""}


def save_and_summarize(result: DifferentialExpression | SeveralRegions, options: argparse.Namespace) -> None:
    """Write the result into the folder of the options, and print a short account of it."""
    record = replace(result.record, command=options.command_line)
    if isinstance(result, SeveralRegions):
        result = replace(result, data=replace(result.data, record=record))
    else:
        result = replace(result, record=record)
    result.save(options.out, overwrite=options.overwrite)
    for finding in _list_findings(result):
        if finding not in options.shown_warnings:
            print(f"jugex: warning: {finding}", file=sys.stderr)
    print("\n".join(_summarize(result)))
    pairs = "; each pair has a folder of its own" if isinstance(result, SeveralRegions) else ""
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'}{pairs})")


def print_ledger(record: RunRecord) -> None:
    """Print on standard error what became of the genes asked for, where not all were simply used."""
    ledger = record.genes.ledger
    if any(entry.outcome != "used" for entry in ledger):
        print(f"jugex: {format_ledger(ledger)}", file=sys.stderr)


def _list_findings(result: DifferentialExpression | SeveralRegions) -> list[str]:
    """What weakens a result; of more than two regions then also its pairs, or why they admit no test."""
    listed = result.record.sentences
    if isinstance(result, SeveralRegions):
        shared, own = list_findings_by_pair(result.comparison)
        listed += [f"in each pair: {sentence}" for sentence in shared]
        for pair, sentences in zip(result.record.pairs, own, strict=True):
            of_pair = sentences if pair.status == "ok" else [pair.status]
            listed += [f"{pair.region_1} - {pair.region_2}: {sentence}" for sentence in of_pair]
    return listed


def _summarize(result: DifferentialExpression | SeveralRegions) -> list[str]:
    """Short account: samples, genes, the first rows of the table, and of more than two regions of that of the pairs."""
    data = result.data if isinstance(result, SeveralRegions) else result
    record, design, n_found = data.record, data.record.design, len(data.significant)
    counted = zip(data.region_names, design.n_samples, strict=True)
    donors = f"{count_of(design.n_donors, 'donor')}, {design.n_informative_donors} with samples in"
    lines = ["SIMULATED DATA: the numbers say nothing about real brains."] if record.atlas.simulated else []
    lines += [
        "; ".join([
            *(f"{name}: {count_of(n, 'sample')}" for name, n in counted),
            f"{donors} {'both' if len(design.n_samples) == 2 else 'several'}",
        ]),
        f"{count_of(record.genes.n_tested, data.unit)} tested, {n_found:,} significant at p_fwe <= "
        f"{record.arguments.alpha:g}",
        *summarize_rungs(data),
        *filter(None, [summarize_diagnostic(record), summarize_planted(data)]),
        *_list_genes(data),
    ]  # fmt: skip
    if isinstance(result, SeveralRegions):
        return lines + _list_pairs(result)
    if n_found > MAX_GENES:
        lines.append(f"figures/ holds the first {MAX_GENES} of {n_found:,} significant genes")
    return lines


def _list_genes(data: ComparisonData) -> list[str]:
    """First genes of the table, and what its columns are."""
    if data.tested.empty:
        return []
    is_pair = len(data.region_names) == 2
    probe = ["probe_name"] if "probe_name" in data.table else []
    columns = ["gene", *probe, "n_probes", *(["diff", "higher_in"] if is_pair else []), "f", "p_perm", "p_fwe"]
    if has_ladder(data.record):
        columns = ["gene", *probe, "diff", "higher_in", "evidence", "p_fwe", "p_donors_fwe", "p_spatial_fwe"]
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
    """What the columns of the summary are."""
    record, names = data.record, [shorten(name, _MAX_NAME) for name in data.region_names]
    permutation = record.permutation
    drawn = "all relabellings" if permutation.exhaustive else f"{permutation.n_permutations:,} permutations"
    others = name_adjustment(record, brief=True)
    meant = [f"diff: {names[0]} minus {names[1]}, in z-scores, adjusted for {others}"] if len(names) == 2 else []
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


def _list_pairs(result: SeveralRegions) -> list[str]:
    """First rows of the table of pairs."""
    table, unit = result.pairs_table, result.data.unit
    n_found = int(table["significant"].sum())
    probe = ["probe_name"] if "probe_name" in table else []
    shown = _show(
        table[(table["status"] == "ok").to_numpy(dtype=bool)],
        ["gene", *probe, "region_1", "region_2", "diff", "p_fwe", "p_fwe_holm"],
    )
    return [
        f"{count_of(len(result.pairs), 'pair')} of regions, {count_of(n_found, 'difference')} of a {unit} in a pair "
        f"significant at p_fwe_holm <= {result.record.arguments.alpha:g}",
        *(["", *shown, ""] if shown else []),
    ]


def _show(tested: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """First rows of a table laid out, a star behind those that are significant."""
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
