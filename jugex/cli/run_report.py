"""``jugex report``: write the report of a saved result again."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.parser import Parser
from jugex.report import read_group, read_result, write_report
from jugex.report.files import holds_group, load_gene_sets, load_sensitivity

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = "Write the report of a saved result again, the same page as before."
    command.set_defaults(run=_run_report)
    command.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="folder that jugex compare or result.save wrote; for several regions, the page on all of them is written",
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: DIR/report.html)")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_report(options: argparse.Namespace) -> None:
    path = options.out or options.directory / "report.html"
    if holds_group(options.directory):
        write_report(read_group(options.directory), path, beside=options.directory)
        print(f"Written: {path} (of all regions; for the report of a pair, name its folder)")
        return
    write_report(
        read_result(options.directory),
        path,
        sensitivity=load_sensitivity(options.directory),
        gene_sets=load_gene_sets(options.directory),
    )
    print(f"Written: {path}")
