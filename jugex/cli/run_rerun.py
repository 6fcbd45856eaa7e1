"""``jugex rerun``: a run again, from its own record."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from jugex.analysis import DifferentialExpression
from jugex.cli.arguments import add_jobs, read_pair
from jugex.cli.parser import Parser
from jugex.report.files import check_output
from jugex.reruns import rerun

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Make a run again from its own record, with the same data, regions, choices and seed, and the same gene sets, "
        "and say whether it gives the same numbers: if not, which input, version or choice differs and what that "
        "changed."
    )
    command.epilog = """
examples:

  jugex rerun fp1-fp2
  jugex rerun from-ann/settings.json --replace /home/ann/maps=maps --atlas ahba/
  jugex rerun fp1-fp2 --change exchange=free --out fp1-fp2-free
"""
    command.set_defaults(run=_run_rerun, warns_last=True)
    command.add_argument("source", metavar="DIR|settings.json", type=Path, help="folder of a result, or its record")
    command.add_argument(
        "--replace",
        metavar="OLD=NEW",
        type=read_pair,
        action="append",
        default=[],
        help="read from NEW what the record calls OLD: a file, the folders that its path begins with, or the name of a "
        "region (NEW is then a REGION as jugex compare takes it); may be given several times",
    )
    command.add_argument(
        "--change",
        metavar="CHOICE=VALUE",
        type=read_pair,
        action="append",
        default=[],
        help="make a choice differently, by its name in settings.json under 'arguments', such as exchange=free; may "
        "be given several times",
    )
    command.add_argument(
        "--atlas", metavar="PATH|simulated|allen-api", help="where the expression data are now (default: as recorded)"
    )
    command.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="folder to write the new result into (default: none)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace a folder that holds a result of jugex")
    command.add_argument("--quiet", action="store_true", help="show no progress")
    add_jobs(command)


def _run_rerun(options: argparse.Namespace) -> None:
    if options.out is not None:
        check_output(options.out, overwrite=options.overwrite)
    again = rerun(
        options.source,
        paths=dict(options.replace),
        atlas=options.atlas,
        changes={name: _read_value(value) for name, value in options.change},
        n_jobs=options.jobs,
    )
    print(again.summary())
    if options.out is not None:
        record = replace(again.result.record, command=options.command_line)
        if isinstance(again.result, DifferentialExpression):
            result = replace(again.result, record=record)
            result.save(options.out, overwrite=options.overwrite, gene_sets=again.gene_sets)
        else:
            data = replace(again.result.data, record=record)
            replace(again.result, data=data).save(options.out, overwrite=options.overwrite)
        print(f"Written: {options.out} (open {options.out / 'report.html'})")


def _read_value(text: str) -> object:
    """Read a value as in settings.json: a number, true, false, null, or else the text itself."""
    words: dict[str, object] = {"true": True, "false": False, "none": None, "null": None}
    if text.strip().casefold() in words:
        return words[text.strip().casefold()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
