"""``jugex query``: expression of genes in a region, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex._text import count_of
from jugex.cli.arguments import (
    REGION_HELP,
    add_annotated,
    add_derivation,
    add_filters,
    add_images,
    add_source,
    split_genes,
)
from jugex.cli.parser import Parser
from jugex.errors import OutputError
from jugex.genes import read_gene_list
from jugex.model.options import SOUND_CHOICES
from jugex.progress import say
from jugex.query import expressions
from jugex.regions import parse_region
from jugex.report.files import format_table, write_table

__all__ = ["add_arguments"]

_EPILOG = f"""{REGION_HELP}
examples:

  jugex query simulated:A --genes MAOA,TAC1 --atlas simulated --out a.tsv
  jugex query structure:HiF --genes GABARAPL2 --atlas ahba/ --out hif.tsv
  jugex query simulated:A --gene-list genes.txt --atlas simulated | head
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = "Write the expression of genes in a region as a table, one row per sample and probe."
    command.epilog = _EPILOG
    command.set_defaults(run=_run_query, warns_last=True)
    command.add_argument("region", metavar="REGION", help="region of the brain, in one of the forms below")
    genes = command.add_argument_group("genes").add_mutually_exclusive_group(required=True)
    genes.add_argument("--genes", type=split_genes, metavar="A,B", help="genes to look up, by symbol or Entrez id")
    genes.add_argument("--gene-list", metavar="FILE", help="file of genes or gene sets, as jugex compare takes it")
    genes.add_argument("--all-genes", action="store_true", help="every gene of the atlas: a row per sample and probe")
    add_source(command.add_argument_group("expression data"))
    samples = command.add_argument_group("samples of the region")
    add_filters(samples, threshold=SOUND_CHOICES.threshold, voxel=SOUND_CHOICES.voxel)
    add_images(samples)
    add_annotated(samples)
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    output = command.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, metavar="FILE.tsv", help="table to write (default: print it to standard output)"
    )
    output.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    output.add_argument("--quiet", action="store_true", help="show no progress")


def _run_query(options: argparse.Namespace) -> None:
    if options.out is not None:
        _check_file(options.out, overwrite=options.overwrite)
    genes = read_gene_list(options.gene_list) if options.gene_list else options.genes
    region = parse_region(
        options.region,
        threshold=options.threshold,
        labels=options.labels,
        space=options.space,
        annotated=options.annotated,
    )
    table = expressions(
        region,
        genes,
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
    if options.out is None:
        print(format_table(table), end="")
    else:
        write_table(table, options.out)
    n_samples, n_donors = table["well_id"].nunique(), table["donor_name"].nunique()
    note = " (simulated data)" if table.attrs["simulated"] else ""
    summary = f"{table.attrs['region']}: {count_of(n_samples, 'sample')} of {count_of(n_donors, 'donor')}, "
    summary += f"{count_of(len(table), 'row')}{'' if options.out is None else f' in {options.out}'}{note}"
    if options.out is not None:
        print(summary)
    else:
        say(summary)


def _check_file(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that must not be written, before any work is done."""
    if file.is_dir():
        raise OutputError(f"{file} is a folder; name a file")
    if file.exists() and not overwrite:
        raise OutputError(f"{file} exists; name another file, or pass --overwrite to replace it")
    if not file.parent.is_dir():
        raise OutputError(f"there is no folder {file.parent} to write {file.name} in; make it, or name another file")
