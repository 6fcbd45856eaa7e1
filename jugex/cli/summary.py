"""What a command that compares prints, and where it writes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from jugex.analysis import DifferentialExpression
from jugex.genes import describe_ledger
from jugex.report.files import save_result
from jugex.report.words import count_of

__all__ = ["save_and_summarize", "tell_ledger"]

_N_SHOWN = 10


def save_and_summarize(result: DifferentialExpression, options: argparse.Namespace) -> None:
    """Write the result into the folder of the options, and print a short account of it."""
    result = replace(result, settings=result.settings | {"command": options.command_line})
    save_result(result, options.out, overwrite=options.overwrite)
    for caveat in result.settings["warnings"]:
        if caveat not in options.shown_warnings:
            print(f"jugex: warning: {caveat}", file=sys.stderr)
    print(_summarize(result))
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'})")


def tell_ledger(settings: dict[str, Any]) -> None:
    """Say on standard error what became of the genes asked for, where not all were simply used."""
    ledger = settings["genes"]["ledger"]
    if any(entry["outcome"] != "used" for entry in ledger):
        print(f"jugex: {describe_ledger(ledger)}", file=sys.stderr)


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
    tested = result.table[result.table["status"] == "ok"].head(_N_SHOWN)
    if len(tested):
        shown_columns = [
            "gene", *(["probe_name"] if "probe_name" in tested else []), "n_probes", "diff", "f", "p_perm", "p_fwe",
        ]  # fmt: skip
        lines += ["", tested[shown_columns].to_string(index=False, float_format=lambda value: f"{value:.4g}"), ""]
    return "\n".join(lines)
