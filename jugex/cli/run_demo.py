"""``jugex demo``: the main job on the simulated atlas."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import Commands, add_output
from jugex.cli.summary import save_and_summarize
from jugex.report.files import check_output
from jugex.workflow import compare

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("demo", help="run the main job on the simulated atlas")
    command.set_defaults(run=_run_demo)
    add_output(command, default=Path("jugex-demo"))


def _run_demo(options: argparse.Namespace) -> None:
    check_output(options.out, overwrite=options.overwrite)
    result = compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_jobs=-1)
    save_and_summarize(result, options)
