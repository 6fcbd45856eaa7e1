"""``jugex query``: expression of genes in a region, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex.cli.arguments import REGION_HELP, Commands, add_derivation, add_filters, add_source, split_list
from jugex.errors import OutputError
from jugex.query import expressions
from jugex.regions import parse_region
from jugex.report.files import write_table
from jugex.workflow import DEFAULTS

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "query", help="expression of genes in a region, as a table", epilog=f"REGION is one of: {REGION_HELP}."
    )
    command.set_defaults(run=_run_query)
    command.add_argument("region", metavar="REGION")
    command.add_argument("--genes", type=split_list, required=True, metavar="A,B", help="genes to look up")
    add_source(command, threshold=DEFAULTS["threshold"])
    add_filters(command)
    add_derivation(command)
    command.add_argument("--out", required=True, type=Path, metavar="FILE.tsv", help="table to write")
    command.add_argument("--overwrite", action="store_true", help="replace the table where the file is there already")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_query(options: argparse.Namespace) -> None:
    _check_file(options.out, overwrite=options.overwrite)
    region = parse_region(options.region, threshold=options.threshold)
    table = expressions(
        region,
        options.genes,
        atlas=options.atlas,
        donors=options.donors,
        within=options.within,
        exclude=options.exclude,
        tolerance=options.tolerance,
        aliases=options.aliases,
        coordinates=options.coordinates,
        mirror=options.mirror,
        reannotation=options.reannotation,
    )
    write_table(table, options.out)
    n_samples, n_donors = table["well_id"].nunique(), table["donor_name"].nunique()
    note = " (simulated data)" if table.attrs["simulated"] else ""
    print(
        f"{table.attrs['region']}: {n_samples} samples of {n_donors} donors, {len(table):,} rows in {options.out}{note}"
    )


def _check_file(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that must not be written, before any work is done."""
    if file.is_dir():
        raise OutputError(f"{file} is a folder; name a file")
    if file.exists() and not overwrite:
        raise OutputError(f"{file} exists; name another file, or pass --overwrite to replace it")
