"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, TypeAlias, get_args

from jugex._text import join_words
from jugex.atlas.identity import Side
from jugex.cli.parser import number, whole_number
from jugex.genes import read_gene_list
from jugex.model.options import (
    PRESET_NAMES,
    SOUND_CHOICES,
    Missing,
    Overlap,
    PresentIn,
    QueryOptions,
    TestOptions,
    find_preset,
)
from jugex.regions.grids import VoxelRule
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic

__all__ = [
    "REGION_HELP",
    "Options",
    "add_aliases",
    "add_annotated",
    "add_derivation",
    "add_filters",
    "add_genes",
    "add_images",
    "add_jobs",
    "add_output",
    "add_probes",
    "add_run",
    "add_samples",
    "add_source",
    "add_test",
    "describe_default",
    "read_choices",
    "read_options",
    "read_pair",
    "split_genes",
    "split_list",
]

#: The forms of a REGION, for the end of a command's help.
REGION_HELP = """
REGION is one of:

  map.nii.gz            a probability map or a mask in MNI152 space
  map.nii.gz%           an integer image in percent
  labels.nii.gz#17      one label of an image, by its number or its name
  juelich:NAME          a region of a parcellation; jugex regions lists them
  structure:NAME        an anatomical structure of the atlas, by acronym, name or
                        id; jugex regions structures lists them
  sphere:x,y,z,r        a ball, in mm
  simulated:A           a demo region, simulated:A or simulated:B

Parts joined with + form one region; @0.4 at the end sets its threshold.
"""


#: A command, or a group of its options.
Options: TypeAlias = "argparse.ArgumentParser | argparse._ArgumentGroup"


def add_source(command: Options) -> None:
    """Add the options of the source of expression: atlas and donors."""
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated|allen-api",
        help="folder of a store (made by jugex fetch or jugex build) or of the Allen Institute's donor archives, "
        "'simulated', or 'allen-api' for the Allen Institute's web service (default: $JUGEX_DATA, else the user's data "
        "folder)",
    )
    command.add_argument("--donors", type=split_list, metavar="D,E", help="donors by name or id (default: all)")


def add_derivation(command: Options) -> None:
    """Add the options that replace the atlas's own annotation: coordinates, hemisphere, genes of probes, aliases."""
    command.add_argument(
        "--coordinates",
        metavar="FILE",
        help="MNI coordinates of the samples: CSV or TSV with well_id, mni_x, mni_y, mni_z, or alleninf's or Devenyi's "
        "files (a folder of files is read as one table); samples not in the table are left out (default: the atlas's "
        "own)",
    )
    command.add_argument("--mirror", choices=get_args(Side), help="reflect all samples to this hemisphere")
    command.add_argument(
        "--reannotation",
        metavar="FILE",
        help="genes of the probes: CSV or TSV with probe_name, gene_symbol, entrez_id (default: the atlas's own)",
    )
    add_aliases(command)


def add_filters(command: Options, threshold: object = None, voxel: object = None) -> None:
    """Add the options that decide which samples a region has: threshold, structures, tolerance and voxel."""
    command.add_argument(
        "--threshold",
        type=float,
        default=threshold,
        metavar="T",
        help=describe_default("threshold", "a region is where its probability map is above this"),
    )
    command.add_argument(
        "--within",
        metavar="A,B",
        help="only samples annotated with one of these structures of the atlas, or a part of it (acronym, name or id)",
    )
    command.add_argument("--exclude", metavar="A,B", help="leave out samples annotated with one of these structures")
    command.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="MM",
        help="also count samples up to this far outside a region, in mm (default: 0)",
    )
    command.add_argument(
        "--voxel",
        choices=get_args(VoxelRule),
        default=voxel,
        help=describe_default(
            "voxel", "which voxel of an image is read for a sample: the nearest, or that of the coordinate rounded down"
        ),
    )


def add_images(command: Options) -> None:
    """Add the options for reading images: their label table and their space."""
    command.add_argument(
        "--labels",
        metavar="TABLE",
        help="label table of the image; with labels of two different images, put a table beside each (default: the "
        "one beside the image)",
    )
    command.add_argument(
        "--space",
        metavar="SPACE",
        help="space of the images, whatever their names and headers state: MNI152NLin2009cAsym, or "
        "that of your own atlas (default: MNI152)",
    )


def add_annotated(command: Options) -> None:
    """Add the option that restricts labels to samples annotated as the label table says."""
    command.add_argument(
        "--annotated",
        action="store_true",
        help="for labels, count only samples annotated with the hemisphere and structure in the label table, as "
        "abagen does",
    )


def add_genes(group: argparse._ArgumentGroup) -> None:
    """Add the options that name genes."""
    genes = group.add_mutually_exclusive_group()
    genes.add_argument(
        "--genes", type=split_genes, metavar="A,B", help="genes to test, by symbol or Entrez id (default: every gene)"
    )
    genes.add_argument(
        "--gene-list",
        metavar="FILE",
        help="file with one symbol or Entrez id per line, a table with such a column (as MATLAB JuGEx's lists), or "
        "gene sets: file.gmt, or file.gmt#SET for a single set",
    )


def add_samples(group: Options) -> None:
    """Add the options that decide which samples count for which region."""
    add_filters(group)
    add_images(group)
    add_annotated(group)
    group.add_argument(
        "--overlap",
        choices=get_args(Overlap),
        help=describe_default("overlap", "how samples in both regions are counted"),
    )


def add_probes(group: Options) -> None:
    """Add the options of probes: how they become one value, and which are left out."""
    ways = get_args(ProbeAggregation)
    group.add_argument(
        "--probes",
        choices=ways,
        metavar="WAY",
        help=describe_default("probes", f"how the probes of a gene become one value: {join_words(ways, 'or')}"),
    )
    group.add_argument(
        "--min-present",
        type=number(0, 1, needed="a share of samples from 0 to 1"),
        metavar="SHARE",
        help="leave out probes above background in a smaller share of samples than this, 0 to 1 (default: no filter)",
    )
    group.add_argument(
        "--present-in",
        choices=get_args(PresentIn),
        default="all",
        help="samples over which that share is counted: all of the atlas, or those of the regions (default: "
        "%(default)s)",
    )
    group.add_argument("--require-entrez", action="store_true", help="leave out probes without an Entrez id")


def add_test(group: Options) -> None:
    """Add the options of the test of two regions."""
    group.add_argument("--preset", choices=PRESET_NAMES, help="make the choices of that publication or package")
    group.add_argument(
        "--statistic", choices=get_args(Statistic), help=describe_default("statistic", "sum of squares of the region")
    )
    group.add_argument(
        "--exchange", choices=get_args(Exchange), help=describe_default("exchange", "how labels are permuted")
    )
    group.add_argument(
        "--covariate",
        type=split_list,
        action="extend",
        metavar="A,B",
        help="what to adjust for besides donor: hemisphere, structure_class, mni_x, mni_y, mni_z, a column of the "
        "atlas's samples, a file with one row per well_id, whose other columns are covariates, or "
        "celltypes:markers.gmt, a score for each set of marker genes",
    )
    group.add_argument(
        "--missing",
        choices=get_args(Missing),
        default="drop-genes",
        help="what to leave out for a missing value: its gene, or its sample in all genes (default: %(default)s)",
    )
    add_run(group)
    group.add_argument(
        "--alpha", type=float, default=0.05, metavar="P", help="family-wise error (default: %(default)s)"
    )
    group.add_argument(
        "--ladder",
        action=argparse.BooleanOptionalAction,
        help="also test whether other donors would show each difference, and whether it is more than distance "
        "explains (default: yes; with a preset, no)",
    )
    group.add_argument(
        "--reference",
        metavar="REGION",
        help="samples that show how expression varies around the regions, such as structure:Cx, or a structure by its "
        "acronym or name (default: those of the regions' class of tissue and side)",
    )


def add_aliases(command: Options) -> None:
    """Add the option of a table of gene aliases."""
    command.add_argument(
        "--aliases",
        metavar="FILE",
        help="other names of genes: a table like HGNC's complete set (symbol, alias_symbol, prev_symbol, entrez_id)",
    )


def add_run(command: Options) -> None:
    """Add the number of permutations and their seed."""
    command.add_argument(
        "--permutations",
        type=whole_number(1),
        default=10_000,
        metavar="M",
        help="permutations to draw; if there are no more than that, all are tried (default: %(default)s)",
    )
    command.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="seed of the permutations (default: %(default)s)"
    )


def add_jobs(command: Options) -> None:
    """Add the number of threads."""
    command.add_argument(
        "--jobs", type=whole_number(1, or_every=True), default=-1, metavar="N", help="threads (default: one per core)"
    )


def add_output(command: Options, default: Path | None) -> None:
    """Add the folder to write, and whether to replace it."""
    command.add_argument(
        "-o",
        "--out",
        type=Path,
        required=default is None,
        default=default,
        metavar="DIR",
        help="folder to write" + (f" (default: {default})" if default else ""),
    )
    command.add_argument("--overwrite", action="store_true", help="replace a folder that holds a result of jugex")
    command.add_argument("--quiet", action="store_true", help="show no progress")


def describe_default(choice: str, text: str) -> str:
    """Help of an option with its default."""
    return f"{text} (default: {getattr(SOUND_CHOICES, choice)})"


def read_choices(options: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `jugex.compare` and `jugex.compare_several` from the options of ``jugex compare``."""
    same = (
        "names", "preset", "atlas", "donors", "threshold", "labels", "space", "annotated", "overlap", "within",
        "exclude", "tolerance", "voxel", "aliases", "coordinates", "mirror", "reannotation", "min_present",
        "present_in", "require_entrez", "statistic", "exchange", "probes", "alpha", "tail", "missing", "background",
        "ladder", "reference",
    )  # fmt: skip
    return {
        **{name: getattr(options, name) for name in same},
        "genes": read_gene_list(options.gene_list) if options.gene_list else options.genes,
        "covariates": options.covariate,
        "n_permutations": options.permutations,
        "rng": options.seed,
        "n_jobs": options.jobs,
    }


def read_pair(text: str) -> tuple[str, str]:
    """Read ``OLD=NEW``; OLD is the text before the first =."""
    old, equals, new = text.partition("=")
    if not (old.strip() and equals and new.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} does not have the form OLD=NEW")
    return old.strip(), new.strip()


def read_options(options: argparse.Namespace) -> tuple[QueryOptions, TestOptions, float]:
    """Read the options of queries and tests, and the threshold, of a command for many pairs."""
    choices = find_preset(options.preset).replaced_by(
        statistic=options.statistic, exchange=options.exchange, probes=options.probes, overlap=options.overlap,
        threshold=options.threshold, voxel=options.voxel, ladder=options.ladder,
    )  # fmt: skip
    query = QueryOptions(
        genes=read_gene_list(options.gene_list) if options.gene_list else options.genes,
        donors=options.donors,
        overlap=choices.overlap,
        within=options.within,
        exclude=options.exclude,
        tolerance=options.tolerance,
        voxel=choices.voxel,
        aliases=options.aliases,
        coordinates=options.coordinates,
        mirror=options.mirror,
        reannotation=options.reannotation,
        min_present=options.min_present,
        present_in=options.present_in,
        require_entrez=options.require_entrez,
    )
    test = TestOptions(
        n_permutations=options.permutations,
        rng=options.seed,
        statistic=choices.statistic,
        exchange=choices.exchange,
        probes=choices.probes,
        covariates=options.covariate,
        alpha=options.alpha,
        missing=options.missing,
        collinear=choices.collinear,
        ladder=choices.ladder,
        reference=options.reference,
    )
    return query, test, choices.threshold


def split_genes(text: str) -> list[str]:
    """Read genes separated by commas or blanks, which no symbol contains."""
    if re.search(r"[./\\]", text) and Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text} is a file; read its genes with --gene-list {text}")
    return split_list(re.sub(r"[\s;]+", ",", text))


def split_list(text: str) -> list[str]:
    """Read entries separated by commas."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise argparse.ArgumentTypeError("the list is empty; give at least one name, or several separated by commas")
    return entries
