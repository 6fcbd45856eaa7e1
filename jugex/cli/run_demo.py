"""``jugex demo``: the main job on the simulated atlas."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import add_output
from jugex.cli.parser import Parser
from jugex.cli.summary import save_and_summarize
from jugex.comparison import compare
from jugex.model.record import from_json
from jugex.report.files import check_output

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Compare two simulated regions in all genes of the simulated atlas: a first result to look at. The "
        "result of an earlier demo is replaced; other files in its folder are kept."
    )
    command.epilog = """
examples:

  jugex demo
  jugex demo --out try-it
"""
    command.set_defaults(run=_run_demo, warns_last=True)
    add_output(command, default=Path("jugex-demo"))


def _run_demo(options: argparse.Namespace) -> None:
    options.overwrite = options.overwrite or _is_earlier_demo(options.out)
    check_output(options.out, overwrite=options.overwrite)
    result = compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_jobs=-1)
    save_and_summarize(result, options)


def _is_earlier_demo(folder: Path) -> bool:
    """Whether a folder holds the result of a demo, which may be replaced."""
    try:
        record = from_json((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return record.atlas.simulated and (record.command or "").split()[:2] == ["jugex", "demo"]
