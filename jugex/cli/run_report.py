"""``jugex report``: write the report of a saved result again."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import Commands
from jugex.report import load_result, write_report
from jugex.report.files import load_sensitivity
from jugex.report.several_files import holds_several, load_several, write_several_report

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "report",
        help="write the report of a saved result again",
        epilog="The page is as it was. Results of version 0.1 hold neither their regions nor their probes: their page "
        "has no outlines of regions and no probes.",
    )
    command.set_defaults(run=_run_report)
    command.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="folder that jugex compare or result.save wrote; of several regions, their common page is written",
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: DIR/report.html)")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_report(options: argparse.Namespace) -> None:
    path = options.out or options.directory / "report.html"
    if holds_several(options.directory):
        write_several_report(load_several(options.directory), path, beside=options.directory)
        print(f"Written: {path} (of all regions; for the report of a pair, name its folder)")
        return
    result = load_result(options.directory)
    write_report(result, path, sensitivity=load_sensitivity(options.directory))
    lacking = (
        "" if result.drawings else " (without outlines of the regions and probes, which this result does not hold)"
    )
    print(f"Written: {path}{lacking}")
