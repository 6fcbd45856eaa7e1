"""What a command that compares prints, and where it writes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from jugex._text import count_of, format_number, format_p, shorten
from jugex.analysis import DifferentialExpression
from jugex.cli.layout import lay_out
from jugex.genes import format_ledger
from jugex.report.figures import MAX_GENES
from jugex.report.files import save_result

__all__ = ["save_and_summarize", "tell_ledger"]

_N_SHOWN = 10
_MAX_NAME = 32


def save_and_summarize(result: DifferentialExpression, options: argparse.Namespace) -> None:
    """Write the result into the folder of the options, and print a short account of it."""
    result = replace(result, settings=result.settings | {"command": options.command_line})
    save_result(result, options.out, overwrite=options.overwrite)
    for caveat in result.settings["warnings"]:
        if caveat not in options.shown_warnings:
            print(f"jugex: warning: {caveat}", file=sys.stderr)
    print(_summarize(result))
    n_significant = len(result.significant)
    if n_significant > MAX_GENES:
        print(f"figures/ holds the first {MAX_GENES} of {n_significant:,} significant genes")
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'})")


def tell_ledger(settings: dict[str, Any]) -> None:
    """Say on standard error what became of the genes asked for, where not all were simply used."""
    ledger = settings["genes"]["ledger"]
    if any(entry["outcome"] != "used" for entry in ledger):
        print(f"jugex: {format_ledger(ledger)}", file=sys.stderr)


def _summarize(result: DifferentialExpression) -> str:
    """Short account of a result: samples, genes, and the first rows of the table."""
    design, settings = result.settings["design"], result.settings
    names = result.region_names
    lines = [
        f"{names[0]}: {count_of(design['n_samples_1'], 'sample')}; {names[1]}: "
        f"{count_of(design['n_samples_2'], 'sample')}; {count_of(design['n_donors'], 'donor')}, "
        f"{design['n_informative_donors']} with samples in both",
        f"{count_of(settings['genes']['n_tested'], result.unit)} tested, {len(result.significant):,} significant at "
        f"p_fwe <= {settings['arguments']['alpha']:g}",
    ]
    if settings["atlas"]["simulated"]:
        lines.insert(0, "SIMULATED DATA: the numbers say nothing about real brains.")
    tested = result.table[result.table["status"] == "ok"]
    return "\n".join([*lines, *(_show_genes(result, tested) if len(tested) else [])])


def _show_genes(result: DifferentialExpression, tested: pd.DataFrame) -> list[str]:
    """First genes of the table, and what its columns are."""
    names = result.region_names
    probe = ["probe_name"] if "probe_name" in tested else []
    header = ["gene", *probe, "n_probes", "diff", "higher in", "f", "p_perm", "p_fwe", ""]
    rows = [
        [
            row["gene"],
            *(row[column] for column in probe),
            row["n_probes"],
            format_number(row["diff"]),
            shorten(names[0] if row["diff"] > 0 else names[1], _MAX_NAME),
            format_number(row["f"]),
            format_p(row["p_perm"]),
            format_p(row["p_fwe"]),
            "*" if row["significant"] else "",
        ]
        for row in tested.head(_N_SHOWN).to_dict("records")
    ]
    n_more = len(tested) - len(rows)
    return [
        "",
        *lay_out(header, rows, right={"n_probes", "diff", "f", "p_perm", "p_fwe"}),
        *([f"... and {count_of(n_more, f'more {result.unit}')} in results.tsv"] if n_more else []),
        "",
        *_explain(result),
        "",
    ]


def _explain(result: DifferentialExpression) -> list[str]:
    """What the columns of the summary are."""
    permutation, names = result.settings["permutation"], result.region_names
    drawn = "all relabellings" if permutation["exhaustive"] else f"{permutation['n_permutations']:,} permutations"
    of_all = f"corrected for the {count_of(result.settings['genes']['n_tested'], result.unit)} tested"
    return [
        f"diff: {shorten(names[0], _MAX_NAME)} minus {shorten(names[1], _MAX_NAME)}, in z-scores, within donors",
        f"p_perm: of one {result.unit}; p_fwe: {of_all} (* significant)",
        f"smallest p that {drawn} can give: {format_p(permutation['smallest_p'])}",
    ]
