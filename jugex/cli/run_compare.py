"""``jugex compare``: compare two regions, gene by gene."""

from __future__ import annotations

import argparse
import sys
from typing import get_args

from jugex.analysis import DifferentialExpression
from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.design import Exchange
from jugex.analysis.scores import Statistic
from jugex.cli.arguments import (
    REGION_HELP,
    Commands,
    add_derivation,
    add_filters,
    add_output,
    add_source,
    describe_default,
    split_list,
)
from jugex.cli.summary import save_and_summarize
from jugex.genes import describe_ledger, read_gene_list
from jugex.query import Overlap, PresentIn
from jugex.report.files import check_output
from jugex.workflow import PRESETS, compare

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "compare", help="compare two regions, gene by gene", epilog=f"REGION is one of: {REGION_HELP}."
    )
    command.set_defaults(run=_run_compare)
    command.add_argument("region_1", metavar="REGION_1", help="region 1 (differences are region 1 minus region 2)")
    command.add_argument("region_2", metavar="REGION_2", help="region 2")
    command.add_argument("--names", nargs=2, metavar="NAME", help="what the two regions are called in outputs")
    genes = command.add_mutually_exclusive_group()
    genes.add_argument(
        "--genes", type=split_list, metavar="A,B", help="genes to test, by symbol or Entrez id (default: every gene)"
    )
    genes.add_argument(
        "--gene-list",
        metavar="FILE",
        help="file with one symbol or Entrez id a line, a table with such a column (as MATLAB JuGEx's lists), or gene "
        "sets: file.gmt, or file.gmt#SET for one of them",
    )
    add_source(command)
    add_filters(command)
    add_derivation(command)
    command.add_argument(
        "--min-present",
        type=float,
        metavar="SHARE",
        help="leave out probes above background in a smaller share of samples, 0 to 1 (default: none)",
    )
    command.add_argument(
        "--present-in",
        choices=get_args(PresentIn),
        default="all",
        help="samples of that share: all of the atlas, or those of the regions (default: %(default)s)",
    )
    command.add_argument(
        "--overlap", choices=get_args(Overlap), help=describe_default("overlap", "samples in both regions")
    )
    command.add_argument("--preset", choices=list(PRESETS), help="do as that publication or package did")
    command.add_argument(
        "--statistic", choices=get_args(Statistic), help=describe_default("statistic", "sum of squares")
    )
    command.add_argument(
        "--exchange", choices=get_args(Exchange), help=describe_default("exchange", "how labels are permuted")
    )
    command.add_argument(
        "--probes", choices=get_args(ProbeAggregation), help=describe_default("probes", "probes to genes")
    )
    command.add_argument("--permutations", type=int, default=10_000, metavar="M", help="(default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="seed of the permutations (default: %(default)s)")
    command.add_argument("--alpha", type=float, default=0.05, help="family-wise error (default: %(default)s)")
    command.add_argument(
        "--tail",
        action="store_true",
        help="add p-values below 1 / (M + 1), extrapolated; no gene is called significant by them",
    )
    command.add_argument("--jobs", type=int, default=-1, metavar="N", help="threads (default: one per core)")
    add_output(command, default=None)


def _run_compare(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    result = compare(
        options.region_1,
        options.region_2,
        preset=options.preset,
        names=options.names,
        atlas=options.atlas,
        genes=read_gene_list(options.gene_list) if options.gene_list else options.genes,
        donors=options.donors,
        threshold=options.threshold,
        overlap=options.overlap,
        within=options.within,
        exclude=options.exclude,
        tolerance=options.tolerance,
        aliases=options.aliases,
        coordinates=options.coordinates,
        mirror=options.mirror,
        reannotation=options.reannotation,
        min_present=options.min_present,
        present_in=options.present_in,
        statistic=options.statistic,
        exchange=options.exchange,
        probes=options.probes,
        n_permutations=options.permutations,
        rng=options.seed,
        alpha=options.alpha,
        n_jobs=options.jobs,
        tail=options.tail,
    )
    _tell_ledger(result)
    save_and_summarize(result, options)


def _tell_ledger(result: DifferentialExpression) -> None:
    """Say on standard error what became of the genes asked for, where not all were simply used."""
    ledger = result.settings["genes"]["ledger"]
    if any(entry["outcome"] != "used" for entry in ledger):
        print(f"jugex: {describe_ledger(ledger)}", file=sys.stderr)
