"""``jugex compare``: compare two regions, gene by gene."""

from __future__ import annotations

import argparse
from typing import get_args

from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.design import Exchange
from jugex.analysis.options import Missing
from jugex.analysis.scores import Statistic
from jugex.cli.arguments import (
    REGION_HELP,
    Commands,
    add_derivation,
    add_filters,
    add_output,
    add_source,
    describe_default,
    read_choices,
    split_list,
)
from jugex.cli.run_several import run_several, take_more_names
from jugex.cli.summary import save_and_summarize, tell_ledger
from jugex.query import Overlap, PresentIn
from jugex.report.files import check_output
from jugex.workflow import PRESETS, compare

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "compare", help="compare two or more regions, gene by gene", epilog=f"REGION is one of: {REGION_HELP}."
    )
    command.set_defaults(run=_run_compare, take_rest=take_more_names)
    command.add_argument("region_1", metavar="REGION_1", help="region 1 (differences are region 1 minus region 2)")
    command.add_argument("region_2", metavar="REGION_2", help="region 2")
    command.add_argument(
        "more_regions",
        nargs="*",
        default=[],
        metavar="REGION_3",
        help="more regions: then all of them are compared at once, and every two of them",
    )
    command.add_argument(
        "--names", nargs=2, metavar="NAME", help="what the regions are called in outputs (a name for each)"
    )
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
    command.add_argument(
        "--covariate",
        type=split_list,
        action="extend",
        metavar="A,B",
        help="what stands in the model beside donor: hemisphere, structure_class, mni_x, mni_y, mni_z, a column of the "
        "atlas's samples, or a file with one row per well_id, of which every column is a covariate",
    )
    command.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="drop-genes",
        help="what a missing value leaves out: its gene, or its sample for all genes (default: %(default)s)",
    )
    command.add_argument(
        "--no-background",
        dest="background",
        action="store_false",
        help="where genes are asked for, do not tell in what share of all genes of the atlas the regions differ",
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
    if options.more_regions:
        run_several(options)
        return
    result = compare(
        options.region_1,
        options.region_2,
        **read_choices(options),
        covariates=options.covariate,
        missing=options.missing,
    )
    tell_ledger(result.settings)
    save_and_summarize(result, options)
