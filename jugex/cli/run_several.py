"""``jugex compare`` with more than two regions: all at once, and every two of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from jugex.cli.arguments import read_choices
from jugex.cli.summary import tell_ledger
from jugex.errors import OptionError
from jugex.several import SeveralRegions, compare_several

__all__ = ["run_several", "take_more_names"]

_N_SHOWN = 10


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
    )
    result = replace(result, settings=result.settings | {"command": options.command_line})
    tell_ledger(result.settings)
    result.save(options.out, overwrite=options.overwrite)
    for caveat in _list_caveats(result):
        if caveat not in options.shown_warnings:
            print(f"jugex: warning: {caveat}", file=sys.stderr)
    print(_summarize(result))
    print(f"Written: {options.out} (omnibus.tsv, pairs.tsv, and a folder with a report for each pair)")


def _check_options(options: argparse.Namespace) -> None:
    """Refuse the options that two regions alone have."""
    if options.covariate:
        raise OptionError("--covariate is for two regions; leave it out, or compare two regions at a time")
    if options.missing != "drop-genes":
        raise OptionError(
            f"--missing {options.missing} is for two regions; leave it out, or compare two regions at a time"
        )


def _list_caveats(result: SeveralRegions) -> list[str]:
    """Warnings of all regions, then those of each pair, or why it admits no test."""
    caveats = list(result.settings["warnings"])
    for of_pair in result.settings["pairs"]:
        said = of_pair["warnings"] if of_pair["status"] == "ok" else [of_pair["status"]]
        caveats += [f"{of_pair['region_1']} - {of_pair['region_2']}: {caveat}" for caveat in said]
    return caveats


def _summarize(result: SeveralRegions) -> str:
    """Short account: samples, genes, and the first rows of both tables."""
    settings, pairs = result.settings, result.pairs_table
    design, alpha = settings["design"], settings["arguments"]["alpha"]
    counted = zip(result.region_names, design["n_samples"], strict=True)
    lines = ["SIMULATED DATA: the numbers say nothing about real brains."] if settings["atlas"]["simulated"] else []
    lines += [
        "; ".join([*(f"{name}: {n} samples" for name, n in counted), f"{design['n_donors']} donors"]),
        f"{settings['genes']['n_tested']:,} genes tested, {int(result.omnibus['significant'].sum()):,} of them "
        f"significant at p_fwe <= {alpha:g}",
        *_show(result.omnibus, ["gene", "n_probes", "f", "p_perm", "p_fwe"]),
        f"{len(result.pairs)} pairs of regions, {int(pairs['significant'].sum()):,} differences of a gene in a pair "
        f"significant at p_fwe_holm <= {alpha:g}",
        *_show(pairs, ["gene", "region_1", "region_2", "diff", "p_fwe", "p_fwe_holm"]),
    ]
    return "\n".join(lines)


def _show(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)].head(_N_SHOWN)
    if tested.empty:
        return []
    return ["", tested[list(columns)].to_string(index=False, float_format=lambda value: f"{value:.4g}"), ""]
