"""``jugex report``: write the report of a saved result again, the overview of a scan, or the page of a pair of it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from jugex.cli.arguments import add_jobs, read_pair
from jugex.cli.parser import Parser
from jugex.errors import OptionError
from jugex.report import read_group, read_result, write_report
from jugex.report.files import check_output, holds_group, load_gene_sets, load_sensitivity
from jugex.scanning import load_scan
from jugex.scanning.folder import holds_scan

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Write the report of a saved result again, the same page as before; of a scan its overview, or with --pair the "
        "report of one pair, which is computed again."
    )
    command.epilog = """
examples:

  jugex report fp1-fp2
  jugex report juelich-pairs --pair "GM Amygdala_laterobasal group left - GM Amygdala_laterobasal group right"
  jugex report juelich-pairs --pair 17

Seed, permutations and options of a pair are those of the scan, and so are its numbers, bit for bit; if an input or a \
version has changed, one sentence says so.
"""
    command.set_defaults(run=_run_report)
    command.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="folder that jugex compare, jugex scan or result.save wrote; for several regions, the page on all of them "
        "is written",
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write (default: DIR/report.html); with --pair, the folder (default: one below DIR/pairs, to "
        "which the overview then links)",
    )
    pair = command.add_argument_group("one pair of a scan")
    pair.add_argument("--pair", metavar="NAME|NUMBER", help="compute this pair of the scan again, and write its report")
    pair.add_argument(
        "--replace",
        metavar="OLD=NEW",
        type=read_pair,
        action="append",
        default=[],
        help="read from NEW what the scan calls OLD, as in jugex rerun; may be given several times",
    )
    pair.add_argument(
        "--atlas", metavar="PATH|simulated", help="where the expression data are now (default: as recorded)"
    )
    pair.add_argument("--overwrite", action="store_true", help="replace a folder --out that holds a result of jugex")
    add_jobs(pair)
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_report(options: argparse.Namespace) -> None:
    if options.pair is not None:
        _write_pair(options)
        return
    if holds_scan(options.directory):
        print(f"Written: {load_scan(options.directory).report(options.out)} (the overview; --pair for that of a pair)")
        return
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


def _write_pair(options: argparse.Namespace) -> None:
    if not holds_scan(options.directory):
        raise OptionError(f"--pair is for the folder of a scan, and {options.directory} holds none; leave it out")
    if options.out is not None:
        check_output(options.out, overwrite=options.overwrite)
    scan = load_scan(options.directory)
    pair = scan.pair(options.pair, paths=dict(options.replace), atlas=options.atlas, n_jobs=options.jobs)
    record = replace(pair.result.record, command=options.command_line)
    pair = replace(pair, result=replace(pair.result, record=record))
    print(pair.result.summary())
    print(pair.summary())
    saved = pair.save(options.out, overwrite=options.overwrite)
    print(f"Written: {saved} (open {saved / 'report.html'})")
