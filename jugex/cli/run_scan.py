"""``jugex scan`` and ``jugex markers``: many pairs of regions, into one folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from jugex.cli.arguments import (
    add_derivation,
    add_genes,
    add_probes,
    add_samples,
    add_source,
    add_test,
    read_options,
    split_list,
)
from jugex.cli.parser import Parser, whole_number
from jugex.errors import OptionError, ScanError, how_to_install
from jugex.scanning import Scan, plan_scan, scan
from jugex.scanning.targets import Rest

__all__ = ["add_arguments", "add_common", "run_scan"]

_EPILOG = """
examples:

  jugex scan juelich --atlas ahba/ --plan
  jugex scan juelich --atlas ahba/ --out juelich-pairs --workers 4
  jugex scan labels.nii.gz --atlas ahba/ --pairs left-vs-right --out sides
  jugex scan --pairs pairs.tsv --atlas ahba/ --out thirty-pairs

The same command goes on where it was interrupted. The folder holds report.html, pairs.tsv, regions.tsv, \
markers.tsv and results/, one Parquet file per pair.
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Compare many pairs of regions, gene by gene, and write them into one folder; interrupted, the same command "
        "goes on where it was."
    )
    command.epilog = _EPILOG
    command.set_defaults(run=_run_scan)
    command.add_argument(
        "regions",
        nargs="?",
        metavar="PARCELLATION|LABELS",
        help="a parcellation such as juelich, or an image of labels or of maps; may be left out where --pairs is a "
        "table that names its regions",
    )
    command.add_argument(
        "--pairs",
        default="all",
        metavar="RULE|FILE",
        help="all (default), one-vs-rest, left-vs-right, neighbours, or a table with the columns region_1, region_2 "
        "and perhaps name",
    )
    add_common(command)


def add_common(command: Parser) -> None:
    """Add the arguments that all kinds of scans have."""
    command.add_argument(
        "--rest",
        choices=get_args(Rest),
        default="matched",
        help="what a region is compared with in one-vs-rest: the other samples of its class of tissue and side, of its "
        "class, or of the brain (default: %(default)s)",
    )
    add_genes(command.add_argument_group("genes"))
    add_source(command.add_argument_group("expression data"))
    add_samples(command.add_argument_group("samples of the regions"))
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    add_probes(command.add_argument_group("probes"))
    test = command.add_argument_group("test")
    add_test(test)
    test.add_argument(
        "--most-permutations",
        type=whole_number(0),
        metavar="M",
        help="permutations of a pair in which none of the first ones reached the largest F; 0: no more (default: twice "
        "the number of pairs over alpha, at most 20 times the first)",
    )
    output = command.add_argument_group("output and workers")
    output.add_argument("--out", type=Path, metavar="DIR", help="folder to write, or to go on in")
    output.add_argument(
        "--columns",
        type=split_list,
        metavar="all|A,B",
        help="columns of results.tsv to keep: all, or some beside gene, diff, f, p_perm, p_fwe, p_donors, p_spatial, "
        "evidence and status (default: these)",
    )
    output.add_argument("--plan", action="store_true", help="only say what it would take: pairs, time, memory and disk")
    output.add_argument(
        "--workers",
        type=whole_number(1, or_every=True),
        default=-1,
        metavar="N",
        help="processes on this machine (default: one per core)",
    )
    output.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="use the workers of this Dask cluster, such as tcp://node1:8786 (extra dask); they must see the folder "
        "and the store under the same paths",
    )
    output.add_argument("--quiet", action="store_true", help="show no progress")


def _run_scan(options: argparse.Namespace) -> None:
    if options.regions is None and options.pairs in ("all", "one-vs-rest", "left-vs-right", "neighbours"):
        raise OptionError(
            f"--pairs {options.pairs} needs regions: name a parcellation (jugex regions lists them) or an image of "
            "labels"
        )
    found = run_scan(options, pairs=options.pairs)
    if found is not None:
        print(found.summary())
        _say_where(options)


def run_scan(options: argparse.Namespace, *, pairs: str) -> Scan | None:
    """Make a scan with its report and return it; with --plan, print the plan and return None."""
    if options.out is None and not options.plan:
        options.parser.error("--out DIR is required, or --plan")
    if options.annotated:
        raise OptionError("--annotated is for labels given one by one, and a scan reads a whole image; leave it out")
    query, test, threshold = read_options(options)
    columns = "all" if options.columns == ["all"] else options.columns
    arguments: dict[str, Any] = {
        "regions": options.regions if options.regions is not None else [],
        "atlas": options.atlas,
        "pairs": pairs,
        "rest": options.rest,
        "query": query,
        "test": test,
        "threshold": threshold,
        "labels": options.labels,
        "space": options.space,
        "columns": columns,
        "most_permutations": options.most_permutations,
        "workers": options.workers,
    }
    if options.plan:
        print(plan_scan(**arguments))
        return None
    if options.scheduler is None:
        found = scan(**arguments, out=options.out)
    else:
        with _connect(options.scheduler) as client:
            found = scan(**arguments, out=options.out, client=client)
    found.report()
    return found


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ScanError(f"--scheduler needs Dask, which is not installed: {how_to_install('dask')}") from error
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise ScanError(
            f"no Dask scheduler answers at {address} ({error}); give the address that it printed"
        ) from error


def _say_where(options: argparse.Namespace) -> None:
    print(f"Written: {options.out} (open {options.out / 'report.html'})")
