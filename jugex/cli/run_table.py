"""``jugex table``: regions x genes of a parcellation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from jugex._text import count_of
from jugex.cli.arguments import (
    add_annotated,
    add_derivation,
    add_filters,
    add_images,
    add_source,
    split_genes,
)
from jugex.cli.parser import Parser, whole_number
from jugex.errors import OutputError
from jugex.genes import read_gene_list
from jugex.model.options import SOUND_CHOICES, Fill, OverDonors, PresentIn, TableValues
from jugex.query import region_table
from jugex.report.region_tables import list_files, save_region_table
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.normalization import Normalization

__all__ = ["add_arguments"]

_EPILOG = """
PARCELLATION is a name that jugex regions lists (juelich), an image of labels, or
a 4-D image with a map per region.

examples:

  jugex table juelich --out juelich.tsv
  jugex table labels.nii.gz --labels labels.csv --out regions.parquet
  jugex table labels.nii.gz --genes MAOA,TAC1 --atlas simulated --out two.csv

Beside the table: NAME_regions.tsv (samples and donors of each region, and why a
row is empty), NAME_genes.tsv, NAME_samples.tsv, NAME.json, NAME_methods.md.
"""


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = "Write the mean expression of genes in each region of a parcellation: regions x genes."
    command.epilog = _EPILOG
    command.set_defaults(run=_run_table)
    command.add_argument("parcellation", metavar="PARCELLATION", help="name of a parcellation, or an image of labels")
    genes = command.add_argument_group("genes").add_mutually_exclusive_group()
    genes.add_argument("--genes", type=split_genes, metavar="A,B", help="genes, by symbol or Entrez id (default: all)")
    genes.add_argument("--gene-list", metavar="FILE", help="file of genes or gene sets, as jugex compare takes it")
    add_source(command.add_argument_group("expression data"))
    samples = command.add_argument_group("samples of the regions")
    add_filters(samples, threshold=SOUND_CHOICES.threshold, voxel=SOUND_CHOICES.voxel)
    add_images(samples)
    add_annotated(samples)
    samples.add_argument(
        "--min-samples", type=whole_number(1), default=1, metavar="N", help="a region with fewer is empty (default: 1)"
    )
    samples.add_argument(
        "--min-donors", type=whole_number(1), default=1, metavar="N", help="a region with fewer is empty (default: 1)"
    )
    samples.add_argument(
        "--fill",
        choices=get_args(Fill),
        default="none",
        help="what a region without enough samples has: nothing, or the values of the sample nearest to its centroid, "
        "marked so (default: none)",
    )
    values = command.add_argument_group("values")
    values.add_argument(
        "--values",
        choices=get_args(TableValues),
        default="zscore",
        help="levels standardised per probe and donor, or log2 levels (default: zscore)",
    )
    values.add_argument(
        "--probes",
        choices=[way for way in get_args(ProbeAggregation) if way != "single"],
        default=SOUND_CHOICES.probes,
        help=f"from probes to genes (default: {SOUND_CHOICES.probes})",
    )
    values.add_argument(
        "--over-donors",
        choices=get_args(OverDonors),
        default="mean",
        help="average the donors' means, average all samples, or write a row for each donor (default: mean)",
    )
    for name, words in (("sample", "each sample over the genes"), ("gene", "each gene over the samples of a donor")):
        values.add_argument(
            f"--{name}-norm", choices=get_args(Normalization), default="none", help=f"normalise {words} (default: none)"
        )
    values.add_argument(
        "--min-present",
        type=float,
        metavar="SHARE",
        help="leave out probes above background in a smaller share of samples, 0 to 1 (default: no filter)",
    )
    values.add_argument(
        "--present-in",
        choices=get_args(PresentIn),
        default="all",
        help="count that share over all samples of the atlas, or those of the regions (default: all)",
    )
    values.add_argument("--require-entrez", action="store_true", help="leave out probes without an Entrez id")
    add_derivation(command.add_argument_group("other annotation than the atlas's own"))
    output = command.add_argument_group("output")
    output.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="table to write: .tsv, .csv or .parquet"
    )
    output.add_argument("--overwrite", action="store_true", help="replace files that exist")
    output.add_argument("--quiet", action="store_true", help="show no progress")


def _run_table(options: argparse.Namespace) -> None:
    files = list_files(options.out)  # checked before any work is done
    if not options.overwrite and (there := [file for file in files if file.exists()]):
        raise OutputError(f"{there[0]} exists; name another file, or pass --overwrite to replace it")
    if not options.out.parent.is_dir():
        raise OutputError(f"there is no folder {options.out.parent}; make it, or name another file")
    same = (
        "atlas", "values", "over_donors", "probes", "sample_norm", "gene_norm", "fill", "min_samples", "min_donors",
        "threshold", "labels", "space", "annotated", "donors", "within", "exclude", "tolerance", "voxel", "aliases",
        "coordinates", "mirror", "reannotation", "min_present", "present_in", "require_entrez",
    )  # fmt: skip
    genes = read_gene_list(options.gene_list) if options.gene_list else options.genes
    made = region_table(options.parcellation, genes, **{name: getattr(options, name) for name in same})
    save_region_table(made, options.out, overwrite=options.overwrite)
    status = made.regions["status"]
    n_filled = int((status == "filled").sum())
    n_empty = int((status != "ok").sum()) - n_filled
    note = " (simulated data)" if made.atlas.simulated else ""
    held = f"{count_of(len(made.regions), 'region')} x {count_of(len(made.genes), 'gene')} from "
    held += f"{count_of(len(made.samples), 'sample')} in {options.out}{note}"
    print(held)
    for n, words in ((n_filled, "filled from the nearest sample"), (n_empty, "empty")):
        if n:
            print(f"{count_of(n, 'region')} {words}: the column status of {files[1].name} says why")
    if made.n_tied:
        print(f"{count_of(made.n_tied, 'sample')} left out: in several regions, more probable in none")
