"""``jugex build``: the store from archives that are on disk already."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex._text import count_of
from jugex.atlas.building import BuildReport, build_store
from jugex.cli.arguments import split_list
from jugex.cli.parser import Parser

__all__ = ["add_arguments", "describe_build"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.epilog = """
examples:

  jugex build ~/Downloads/ahba --to ahba/
"""
    command.set_defaults(run=_run_build)
    command.add_argument(
        "archives",
        type=Path,
        metavar="ARCHIVES",
        help="folder of donor archives (ZIP files or unpacked), or one archive",
    )
    command.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="data folder, in which the store becomes the folder 'store' (default: $JUGEX_DATA, else the user's data "
        "folder)",
    )
    command.add_argument("--donors", type=split_list, metavar="D,E", help="donors by name or id (default: all)")
    command.add_argument(
        "--overwrite", action="store_true", help="replace a store even if its donors or present calls are then lost"
    )
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_build(options: argparse.Namespace) -> None:
    report = build_store(options.archives, options.to, donors=options.donors, overwrite=options.overwrite)
    print(describe_build(report))


def describe_build(report: BuildReport) -> str:
    """One line about a build: what was done, what the store holds, and where it is."""
    if report.is_new:
        done = "built, in place of the older one" if report.has_replaced else "built"
    else:
        done = "nothing to do: the store of these archives is there already"
    return (
        f"Store: {done}; {count_of(report.n_donors, 'donor')}, {count_of(report.n_samples, 'sample')}, "
        f"{count_of(report.n_probes, 'probe')}, {report.n_bytes / 1e6:,.0f} MB in {report.path}"
    )
