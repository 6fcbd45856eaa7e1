"""``jugex diff``: two results side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.parser import Parser
from jugex.report.files import check_output
from jugex.reruns import diff

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Set two results side by side: the choices, inputs and versions that differ, and the genes whose evidence "
        "changes. Files are compared by their content, wherever they lie."
    )
    command.epilog = """
examples:

  jugex diff fp1-fp2 fp1-fp2-free
  jugex diff fp1-fp2 from-ann --out what-differs
"""
    command.set_defaults(run=_run_diff)
    command.add_argument("first", metavar="DIR_1", type=Path, help="folder of a result")
    command.add_argument("second", metavar="DIR_2", type=Path, help="folder of another one, of as many regions")
    command.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="folder to write a page, tables and a figure into (default: none)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace a folder that jugex diff wrote")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_diff(options: argparse.Namespace) -> None:
    if options.out is not None:
        check_output(options.out, overwrite=options.overwrite)
    found = diff(options.first, options.second)
    print(found.summary())
    if options.out is not None:
        found.save(options.out, overwrite=options.overwrite)
        print(f"Written: {options.out} (open {options.out / 'report.html'})")
