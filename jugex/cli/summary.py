"""Writing and printing the result of commands that compare regions."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from jugex.analysis import DifferentialExpression, GeneSetResult
from jugex.comparison import SeveralRegions
from jugex.errors import OutputError
from jugex.genes import format_ledger
from jugex.model.record import RunRecord
from jugex.report.figures import MAX_GENES
from jugex.report.summary import has_ladder, list_findings_by_pair

__all__ = ["print_findings", "print_ledger", "save_and_summarize"]


def save_and_summarize(
    result: DifferentialExpression | SeveralRegions,
    options: argparse.Namespace,
    *,
    gene_sets: GeneSetResult | None = None,
) -> None:
    """Write the result into the folder of the options, and print its summary."""
    record, xlsx = replace(result.record, command=options.command_line), bool(getattr(options, "xlsx", False))
    if isinstance(result, SeveralRegions):
        result = replace(result, data=replace(result.data, record=record))
        result.save(options.out, overwrite=options.overwrite, xlsx=xlsx)
    else:
        result = replace(result, record=record)
        result.save(options.out, overwrite=options.overwrite, gene_sets=gene_sets, xlsx=xlsx)
    try:
        _print_summary(result, options, gene_sets)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"the result is written in {options.out}, but its summary cannot be printed ({error.strerror or error})"
        ) from error


def _print_summary(
    result: DifferentialExpression | SeveralRegions, options: argparse.Namespace, gene_sets: GeneSetResult | None
) -> None:
    record = result.record
    print(result.summary())
    if isinstance(result, DifferentialExpression) and (n_drawn := len(result.found)) > MAX_GENES:
        kind = "genes on a rung" if has_ladder(record) else "significant genes"
        print(f"figures/ holds the first {MAX_GENES} of {n_drawn:,} {kind}")
    if gene_sets is not None:
        print(f"\n{gene_sets.summary()}")
    pairs = "; each pair has a folder of its own" if isinstance(result, SeveralRegions) else ""
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'}{pairs})")
    print_ledger(result.record)
    print_findings(result, options)


def print_findings(result: DifferentialExpression | SeveralRegions, options: argparse.Namespace) -> None:
    """Print findings that weaken a result on standard error, below it, unless they were shown as warnings."""
    sys.stdout.flush()
    for finding in _list_findings(result):
        if finding not in options.shown_warnings:
            print(f"jugex: warning: {finding}", file=sys.stderr)
            options.shown_warnings.add(finding)


def print_ledger(record: RunRecord) -> None:
    """Print on standard error the outcome for the requested genes, unless all were simply used."""
    sys.stdout.flush()
    ledger = record.genes.ledger
    if any(entry.outcome != "used" for entry in ledger):
        print(f"jugex: {format_ledger(ledger)}", file=sys.stderr)


def _list_findings(result: DifferentialExpression | SeveralRegions) -> list[str]:
    """Findings that weaken a result; for more than two regions also its pairs, or why they cannot be tested."""
    listed = result.record.sentences
    if isinstance(result, SeveralRegions):
        shared, own = list_findings_by_pair(result.comparison)
        listed += [f"in each pair: {sentence}" for sentence in shared]
        for pair, sentences in zip(result.record.pairs, own, strict=True):
            of_pair = sentences if pair.status == "ok" else [pair.status]
            listed += [f"{pair.region_1} - {pair.region_2}: {sentence}" for sentence in of_pair]
    return listed
