"""``jugex sensitivity``: a comparison under other defensible choices."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jugex.cli.arguments import REGION_HELP, add_jobs, add_output, read_choices, read_pair, split_list
from jugex.cli.parser import Parser
from jugex.cli.run_compare import add_choices
from jugex.cli.summary import print_findings, print_ledger
from jugex.comparison import compare
from jugex.report.files import check_output
from jugex.report.text import list_sensitivity

__all__ = ["add_arguments"]

_EPILOG = f"""{REGION_HELP}
examples:

  jugex sensitivity simulated:A simulated:B --atlas simulated --genes MAOA,TAC1 \\
      --permutations 999 --out a-b-choices
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Compare two regions, and repeat the comparison under other defensible choices, one at a time: statistic, "
        "exchange, samples in both regions, threshold, probes, coordinates, a gradient through both regions. The table "
        "describes; the choices of the result are made before it. Writes what jugex compare writes, with "
        "sensitivity.tsv, its figure, and a section of the report."
    )
    command.epilog = _EPILOG
    command.set_defaults(run=_run_sensitivity, warns_last=True)
    command.add_argument("region_1", metavar="REGION_1", help="region 1 (differences are region 1 minus region 2)")
    command.add_argument("region_2", metavar="REGION_2", help="region 2")
    command.add_argument("--names", nargs=2, metavar=("NAME_1", "NAME_2"), help="names of the regions in outputs")
    varied = command.add_argument_group("choices to try")
    varied.add_argument(
        "--thresholds",
        type=_split_numbers,
        default=(0.1, 0.2, 0.3, 0.4),
        metavar="T,U",
        help="thresholds of probability maps (default: 0.1,0.2,0.3,0.4)",
    )
    varied.add_argument(
        "--try-probes",
        type=split_list,
        default=("winsorized-mean", "mean", "median", "max-variance"),
        metavar="WAY,WAY",
        help="ways from probes to genes (default: winsorized-mean,mean,median,max-variance)",
    )
    varied.add_argument(
        "--try-coordinates",
        type=read_pair,
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="other MNI coordinates of the samples, and what the table calls them; may be given several times",
    )
    varied.add_argument("--crossed", action="store_true", help="also combine statistic, exchange and overlap")
    add_choices(command, gene_sets=False)
    output = command.add_argument_group("output")
    add_output(output, default=None)
    add_jobs(output)


def _split_numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(entry) for entry in split_list(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} holds what is not a number; give numbers like 0.1,0.3") from None


def _run_sensitivity(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    result = compare(options.region_1, options.region_2, **read_choices(options))
    places: Mapping[str, str] = dict(options.try_coordinates)
    table = result.sensitivity(
        crossed=options.crossed,
        thresholds=options.thresholds,
        probes=options.try_probes,
        coordinates=dict(places),
        n_jobs=options.jobs,
    )
    result = replace(result, record=replace(result.record, command=options.command_line))
    result.save(options.out, overwrite=options.overwrite, sensitivity=table)
    print("\n".join(list_sensitivity(table, result.record.arguments.alpha)))
    print(f"Written: {options.out} (open {Path(options.out) / 'report.html'}; sensitivity.tsv has every gene)")
    print_ledger(result.record)
    print_findings(result, options)
