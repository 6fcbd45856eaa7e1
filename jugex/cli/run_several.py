"""``jugex compare`` with more than two regions: all at once, and every two of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from jugex._text import count_of, format_number, format_p, shorten
from jugex.cli.arguments import read_choices
from jugex.cli.layout import lay_out
from jugex.cli.summary import tell_ledger
from jugex.errors import OptionError
from jugex.report.several_words import gather_warnings
from jugex.several import SeveralRegions, compare_several

__all__ = ["run_several", "take_more_names"]

_N_SHOWN = 10
_MAX_NAME = 32
_TEXTS = {"gene", "probe_name", "region_1", "region_2"}


def take_more_names(options: argparse.Namespace, rest: Sequence[str]) -> bool:
    """Take what the parser left over as further names of regions, where that gives each of them one.

    The parser gives ``--names`` two values, as two regions need: else a region after them would become a name.

    Parameters
    ----------
    options : Namespace
        Of ``jugex compare``; `names` is changed.
    rest : sequence of str
        What the parser left over.

    Returns
    -------
    bool
        Whether it was taken.
    """
    n_missing = 2 + len(options.more_regions) - len(options.names or ())
    if not options.names or n_missing != len(rest) or any(text.startswith("-") for text in rest):
        return False
    options.names = [*options.names, *rest]
    return True


def run_several(options: argparse.Namespace) -> None:
    """Compare more than two regions, write what was found and print a short account of it."""
    _check_options(options)
    result = compare_several(
        [options.region_1, options.region_2, *options.more_regions],
        **read_choices(options),
        covariates=options.covariate,
    )
    result = replace(result, settings=result.settings | {"command": options.command_line})
    tell_ledger(result.settings)
    result.save(options.out, overwrite=options.overwrite)
    for caveat in _list_caveats(result):
        if caveat not in options.shown_warnings:
            print(f"jugex: warning: {caveat}", file=sys.stderr)
    print(_summarize(result))
    page = Path(options.out) / "report.html"
    print(f"Written: {options.out} (omnibus.tsv, pairs.tsv, methods.md, and a folder with a report for each pair)")
    print(f"All regions on one page: {page}")


def _check_options(options: argparse.Namespace) -> None:
    """Refuse the options that two regions alone have."""
    if options.missing != "drop-genes":
        raise OptionError(
            f"--missing {options.missing} is for two regions; leave it out, or compare two regions at a time"
        )


def _list_caveats(result: SeveralRegions) -> list[str]:
    """Warnings of all regions, those of every pair, then those of each pair, or why it admits no test."""
    pairs = result.settings["pairs"]
    shared, own = gather_warnings(pairs)
    caveats = [*result.settings["warnings"], *(f"in each pair: {caveat}" for caveat in shared)]
    for of_pair, warned in zip(pairs, own, strict=True):
        said = warned if of_pair["status"] == "ok" else [of_pair["status"]]
        caveats += [f"{of_pair['region_1']} - {of_pair['region_2']}: {caveat}" for caveat in said]
    return caveats


def _summarize(result: SeveralRegions) -> str:
    """Short account: samples, genes, and the first rows of both tables."""
    settings, pairs = result.settings, result.pairs_table
    probe = ["probe_name"] if "probe_name" in pairs else []
    unit = "probe" if probe else "gene"
    alpha = settings["arguments"]["alpha"]
    counted = zip(result.region_names, settings["design"]["n_samples"], strict=True)
    samples = [f"{name}: {count_of(n, 'sample')}" for name, n in counted]
    n_found, n_found_in_pairs = int(result.omnibus["significant"].sum()), int(pairs["significant"].sum())
    lines = ["SIMULATED DATA: the numbers say nothing about real brains."] if settings["atlas"]["simulated"] else []
    lines += [
        "; ".join([*samples, count_of(settings["design"]["n_donors"], "donor")]),
        f"{count_of(settings['genes']['n_tested'], unit)} tested, {n_found:,} significant at p_fwe <= {alpha:g}",
        *_show(result.omnibus, ["gene", *probe, "n_probes", "f", "p_perm", "p_fwe"]),
        f"{count_of(len(result.pairs), 'pair')} of regions, {count_of(n_found_in_pairs, 'difference')} of a {unit} "
        f"in a pair significant at p_fwe_holm <= {alpha:g}",
        *_show(pairs, ["gene", *probe, "region_1", "region_2", "diff", "p_fwe", "p_fwe_holm"]),
    ]
    return "\n".join(lines)


def _show(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """First tested rows of a table, between empty lines."""
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)].head(_N_SHOWN)
    if tested.empty:
        return []
    rows = [[_show_cell(column, row[column]) for column in columns] for row in tested.to_dict("records")]
    return ["", *lay_out(columns, rows, right=set(columns) - _TEXTS), ""]


def _show_cell(column: str, value: Any) -> str:
    """A cell of a table as text."""
    if column in _TEXTS or column == "n_probes":
        return shorten(str(value), _MAX_NAME)
    return format_p(value) if column.startswith("p_") else format_number(value)
