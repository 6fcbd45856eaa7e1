"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypeAlias, get_args

from jugex.atlas.views import Side
from jugex.genes import read_gene_list
from jugex.workflow import DEFAULTS

__all__ = [
    "REGION_HELP",
    "Commands",
    "add_aliases",
    "add_derivation",
    "add_filters",
    "add_output",
    "add_source",
    "describe_default",
    "read_choices",
    "split_list",
]

#: What argparse adds commands to.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

REGION_HELP = (
    "map.nii.gz (probability map or mask), map.nii.gz% (integer image in percent), labels.nii.gz#17 (a label), "
    "PARCELLATION:REGION (list them with jugex regions), "
    "sphere:x,y,z,r (mm), structure:NAME (an anatomical structure of the atlas, by acronym, name or id), simulated:A "
    "or simulated:B; several joined with + are one region, and @0.4 at the end sets its threshold"
)


def add_source(command: argparse.ArgumentParser, threshold: object = None) -> None:
    """Add where expression comes from: atlas, donors, and the threshold of regions."""
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated|allen-api",
        help="folder of a store (made by jugex fetch or jugex build) or of the Allen Institute's donor archives, "
        "'simulated', or 'allen-api' for the Allen Institute's web service (default: $JUGEX_DATA, else the user's data "
        "folder)",
    )
    command.add_argument("--donors", type=split_list, metavar="D,E", help="donors by name or id (default: all)")
    help_text = describe_default("threshold", "for probability maps: inside is above it")
    command.add_argument("--threshold", type=float, default=threshold, help=help_text)


def add_derivation(command: argparse.ArgumentParser) -> None:
    """Add what to take instead of the atlas's own annotation: coordinates, hemisphere, genes of probes, aliases."""
    command.add_argument(
        "--coordinates",
        metavar="FILE",
        help="MNI coordinates of the samples: CSV or TSV with well_id, mni_x, mni_y, mni_z, or alleninf's or Devenyi's "
        "files (a folder of them is one table); samples that it lacks are left out (default: the atlas's own)",
    )
    command.add_argument("--mirror", choices=get_args(Side), help="reflect all samples to this hemisphere")
    command.add_argument(
        "--reannotation",
        metavar="FILE",
        help="genes of the probes: CSV or TSV with probe_name, gene_symbol, entrez_id (default: the atlas's own)",
    )
    add_aliases(command)


def add_filters(command: argparse.ArgumentParser) -> None:
    """Add which samples of a region count: by their anatomical structure, and how far outside it they may lie."""
    command.add_argument(
        "--within",
        metavar="A,B",
        help="only samples annotated with one of these structures of the atlas, or a part of it (acronym, name or id)",
    )
    command.add_argument("--exclude", metavar="A,B", help="no sample annotated with one of these structures")
    command.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="MM",
        help="how far outside a region a sample still belongs to it (default: %(default)s)",
    )


def add_aliases(command: argparse.ArgumentParser) -> None:
    """Add the table of other names of genes."""
    command.add_argument(
        "--aliases",
        metavar="FILE",
        help="other names of genes: a table like HGNC's complete set (symbol, alias_symbol, prev_symbol, entrez_id)",
    )


def add_output(command: argparse.ArgumentParser, default: Path | None) -> None:
    """Add the folder to write, and what to do where it is there."""
    command.add_argument(
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
    """Text of an option with its default."""
    return f"{text} (default: {DEFAULTS[choice]})"


def read_choices(options: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `jugex.compare` and `jugex.compare_several` from the options of ``jugex compare``."""
    same = (
        "names", "preset", "atlas", "donors", "threshold", "overlap", "within", "exclude", "tolerance", "aliases",
        "coordinates", "mirror", "reannotation", "min_present", "present_in", "statistic", "exchange", "probes",
        "alpha", "tail", "background",
    )  # fmt: skip
    return {
        **{name: getattr(options, name) for name in same},
        "genes": read_gene_list(options.gene_list) if options.gene_list else options.genes,
        "n_permutations": options.permutations,
        "rng": options.seed,
        "n_jobs": options.jobs,
    }


def split_list(text: str) -> list[str]:
    """Read entries separated by commas."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise argparse.ArgumentTypeError("names nothing; give at least one, several separated by commas")
    return entries
