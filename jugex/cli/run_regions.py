"""``jugex regions``: parcellations, their regions and the structures of an atlas, to list and to search."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jugex._text import format_count, lay_out
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.cli.arguments import add_images
from jugex.cli.parser import Parser
from jugex.errors import OptionError, RegionError, how_to_install
from jugex.regions import ImageContents, Region, list_contents, open_parcellation, parse_region
from jugex.regions.parcellations import Entry, find_installed_folder, is_parcellation, list_entries
from jugex.regions.structures import search_structures
from jugex.regions.texts import can_be_region, find_whole_image

__all__ = ["add_arguments"]

#: Name that stands for the anatomical structures of the atlas instead of a parcellation.
_STRUCTURES = "structures"


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Without arguments, list the parcellations; with one, its regions as REGION takes them; with the "
        "word structures, the anatomical structures of the atlas; with an image, its labels or volumes and their size; "
        "with a REGION, what it holds. --atlas counts samples and donors."
    )
    command.epilog = """
examples:

  jugex regions
  jugex regions juelich visual v1
  jugex regions structures hippocampal
  jugex regions structures --atlas simulated
  jugex regions labels.nii.gz insula --atlas ahba/
  jugex regions structure:HiF --atlas ahba/ --out hippocampus.png
"""
    command.set_defaults(run=_run_regions, take_rest=_take_more_words)
    command.add_argument(
        "parcellation",
        nargs="?",
        metavar="PARCELLATION|IMAGE|REGION",
        help="a parcellation such as juelich, the word structures, an image, or a REGION as jugex compare takes it",
    )
    command.add_argument("text", nargs="*", metavar="TEXT", help="words to find in the names of regions, in any case")
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated",
        help="atlas whose samples are counted, for structures, an image or a REGION (default for structures: "
        "$JUGEX_DATA, else the user's data folder)",
    )
    command.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="with a REGION, also draw it with its samples: a .png, .pdf or .svg file (one that is there is replaced)",
    )
    add_images(command)


def _take_more_words(options: argparse.Namespace, rest: Sequence[str]) -> bool:
    """Take words after an option, which the parser leaves over."""
    if any(word.startswith("-") for word in rest):
        return False
    options.text = [*options.text, *rest]
    return True


def _run_regions(options: argparse.Namespace) -> None:
    asked = options.parcellation
    if asked == _STRUCTURES:
        lines = _list_structures(options)
    elif asked is not None and not is_parcellation(asked) and can_be_region(asked):
        lines = _describe_region(options)
    else:
        own = {"--atlas": options.atlas, "--labels": options.labels, "--space": options.space, "--out": options.out}
        for option, value in own.items():
            if value is not None:
                raise OptionError(
                    f"{option} goes with an image or a REGION{' or the word structures' * (option == '--atlas')}; "
                    "parcellations belong to no atlas"
                )
        lines = _list_parcellations() if asked is None else _list_regions(options)
    print("\n".join(lines))


def _describe_region(options: argparse.Namespace) -> list[str]:
    """What an image holds, one line per label or volume; or where a region lies, and the samples in it."""
    text, atlas = options.parcellation, None if options.atlas is None else open_atlas(options.atlas)
    image = find_whole_image(text)
    if image is not None:
        contents = list_contents(image, atlas=atlas, labels=options.labels, space=options.space)
        if contents is not None:
            if options.out is not None:
                raise OptionError(f"--out draws one region; name a label of {text}, like {text}#1")
            return _list_contents(text, contents, options.text)
    if options.text:
        raise OptionError(f"{text} is a region as a whole, with nothing to search for {' '.join(options.text)!r} in")
    region = parse_region(text, labels=options.labels, space=options.space)
    if atlas is None and (np.isnan(region.volume) or options.out is not None):
        atlas = open_atlas(None)
    if atlas is not None and options.out is not None:
        return [*str(region.coverage(atlas)).splitlines(), f"Written: {_draw(region, atlas, options.out)}"]
    if atlas is not None:
        return str(region.coverage(atlas)).splitlines()
    x, y, z = region.centroid
    return [
        f"{region.name}: {region.volume:,.0f} mm3 around x {x:.0f}, y {y:.0f}, z {z:.0f} mm; with --atlas also its "
        "samples and donors"
    ]


def _draw(region: Region, atlas: ExpressionAtlas, file: Path) -> Path:
    """Draw a region and its samples into a file."""
    from jugex.plots import plot_region, save_figure

    return save_figure(plot_region(region, atlas), file)


def _list_contents(text: str, contents: ImageContents, words: Sequence[str]) -> list[str]:
    """One line per label or volume: as REGION takes it, its name, its size, its samples and donors."""
    table = contents.table
    if words:
        holds = [all(word.casefold() in name.casefold() for word in words) for name in table["name"]]
        if not any(holds):
            raise RegionError(f"no {contents.kind[:-1]} of {text} has {' '.join(words)!r} in its name")
        table = table[holds]
    header = ["REGION", "NAME", "MM3"]
    columns = [
        [shlex.quote(f"{text}#{number}") for number in table["number"]],
        table["name"].tolist(),
        [f"{volume:,.0f}" for volume in table["volume_mm3"]],
    ]
    for column in ("samples", "donors"):
        if column in table:
            header.append(column.upper())
            columns.append(list(map(format_count, table[column])))
    return lay_out(header, zip(*columns, strict=True), right=header[2:])


def _list_structures(options: argparse.Namespace) -> list[str]:
    """One line per structure that has samples: as REGION takes it, its number of samples, and its name."""
    atlas = open_atlas(options.atlas)
    found = search_structures(atlas, options.text)
    if found.empty:
        words = f" has {' '.join(options.text)!r} in its name" if options.text else " has samples"
        raise RegionError(f"no structure of {atlas.name}{words}; list all with: jugex regions structures")
    named = found["acronym"].where(found["is_unique"], found["structure_id"].astype(str))
    regions = [shlex.quote(f"structure:{name}") for name in named]
    rows = zip(regions, map(format_count, found["n_samples"]), found["name"], strict=True)
    return lay_out(("REGION", "SAMPLES", "NAME"), rows, right=("SAMPLES",))


def _list_parcellations() -> list[str]:
    """One line per parcellation: name, number of regions, kind, where it comes from, and what it is."""
    is_installed = find_installed_folder() is not None
    rows = [_describe_entry(entry, is_installed=is_installed) for entry in list_entries()]
    lines = lay_out(("PARCELLATION", "REGIONS", "KIND", "FROM", "TITLE"), rows, right=("REGIONS",))
    if not is_installed:
        lines.append(f"To install the first ten, {how_to_install('parcellations')}")
    return lines


def _describe_entry(entry: Entry, *, is_installed: bool) -> tuple[str, ...]:
    n_regions = "?" if entry.n_regions is None else str(entry.n_regions)
    if entry.origin == "nilearn":
        return f"nilearn:{entry.name}", n_regions, entry.kind, "nilearn, downloads", entry.title
    return entry.name, n_regions, entry.kind, "installed" if is_installed else "not installed", entry.title


def _list_regions(options: argparse.Namespace) -> list[str]:
    """One line per region, quoted where a shell needs it."""
    try:
        parcellation = open_parcellation(options.parcellation)
    except RegionError as error:
        words = " ".join([options.parcellation, *options.text])
        raise RegionError(f"{error}; for structures of the atlas: jugex regions structures {words}") from error
    text = " ".join(options.text)
    found = parcellation.search(text)
    if not found:
        nearest = parcellation.nearest(text)
        hint = f"the nearest are {', '.join(nearest)}" if nearest else f"it has {len(parcellation.names):,} regions"
        raise RegionError(f"no region of {parcellation.name} has {text!r} in its name; {hint}")
    return [shlex.quote(f"{parcellation.name}:{name}") for name in found]
