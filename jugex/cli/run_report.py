"""``jugex report``: write the report of a saved result again."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import Commands
from jugex.report import load_result, write_report
from jugex.report.files import load_sensitivity

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "report",
        help="write the report of a saved result again",
        epilog="A saved result holds neither its regions nor its probes, so that this report has no outlines of "
        "regions and no probes; all else is as it was.",
    )
    command.set_defaults(run=_run_report)
    command.add_argument("directory", metavar="DIR", type=Path, help="folder that jugex compare or result.save wrote")
    command.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: DIR/report.html)")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_report(options: argparse.Namespace) -> None:
    result = load_result(options.directory)
    path = options.out or options.directory / "report.html"
    write_report(result, path, sensitivity=load_sensitivity(options.directory))
    print(f"Written: {path} (without outlines of the regions and probes, which a saved result does not hold)")
