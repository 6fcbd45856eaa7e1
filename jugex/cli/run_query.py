"""``jugex query``: expression of genes in a region, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex._text import count_of
from jugex.cli.arguments import REGION_HELP, Commands, add_derivation, add_filters, add_images, add_source, split_genes
from jugex.errors import OutputError
from jugex.model.options import SOUND_CHOICES
from jugex.query import expressions
from jugex.regions import parse_region
from jugex.report.files import write_table

__all__ = ["add_command"]

_EPILOG = f"""{REGION_HELP}
examples:

  jugex query simulated:A --genes MAOA,TAC1 --atlas simulated --out a.tsv
  jugex query structure:HiF --genes GABARAPL2 --atlas ahba/ --out hif.tsv
"""


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "query",
        help="expression of genes in a region, as a table",
        description="Write the expression of genes in a region as a table, one row per sample and probe.",
        epilog=_EPILOG,
    )
    command.set_defaults(run=_run_query)
    command.add_argument("region", metavar="REGION", help="where in the brain; the forms are listed below")
    command.add_argument(
        "--genes", type=split_genes, required=True, metavar="A,B", help="genes to look up, by symbol or Entrez id"
    )
    add_source(command.add_argument_group("expression data"))
    samples = command.add_argument_group("samples of the region")
    add_filters(samples, threshold=SOUND_CHOICES.threshold, voxel=SOUND_CHOICES.voxel)
    add_images(samples)
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    output = command.add_argument_group("output")
    output.add_argument("--out", required=True, type=Path, metavar="FILE.tsv", help="table to write")
    output.add_argument("--overwrite", action="store_true", help="replace the table where the file is there already")
    output.add_argument("--quiet", action="store_true", help="show no progress")


def _run_query(options: argparse.Namespace) -> None:
    _check_file(options.out, overwrite=options.overwrite)
    region = parse_region(options.region, threshold=options.threshold, labels=options.labels, space=options.space)
    table = expressions(
        region,
        options.genes,
        atlas=options.atlas,
        donors=options.donors,
        within=options.within,
        exclude=options.exclude,
        tolerance=options.tolerance,
        voxel=options.voxel,
        aliases=options.aliases,
        coordinates=options.coordinates,
        mirror=options.mirror,
        reannotation=options.reannotation,
    )
    write_table(table, options.out)
    n_samples, n_donors = table["well_id"].nunique(), table["donor_name"].nunique()
    note = " (simulated data)" if table.attrs["simulated"] else ""
    print(
        f"{table.attrs['region']}: {count_of(n_samples, 'sample')} of {count_of(n_donors, 'donor')}, "
        f"{count_of(len(table), 'row')} in {options.out}{note}"
    )


def _check_file(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that must not be written, before any work is done."""
    if file.is_dir():
        raise OutputError(f"{file} is a folder; name a file")
    if file.exists() and not overwrite:
        raise OutputError(f"{file} exists; name another file, or pass --overwrite to replace it")
    if not file.parent.is_dir():
        raise OutputError(f"there is no folder {file.parent} to write {file.name} in; make it, or name another file")
