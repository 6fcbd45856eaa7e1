"""``jugex regions``: parcellations, their regions and the structures of an atlas, to list and to search."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from jugex._text import format_count, lay_out
from jugex.atlas import open_atlas
from jugex.cli.parser import Parser
from jugex.errors import OptionError, RegionError, how_to_install
from jugex.regions import open_parcellation
from jugex.regions.parcellations import Entry, find_installed_folder, list_entries
from jugex.regions.structures import search_structures

__all__ = ["add_arguments"]

#: In the place of a parcellation: the anatomical structures of the atlas.
_STRUCTURES = "structures"


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Without arguments, list the parcellations; with one, its regions as REGION takes them; with the "
        "word structures, the anatomical structures of the atlas."
    )
    command.epilog = """
examples:

  jugex regions
  jugex regions juelich visual v1
  jugex regions structures hippocampal
  jugex regions structures --atlas simulated
"""
    command.set_defaults(run=_run_regions, take_rest=_take_more_words)
    command.add_argument(
        "parcellation", nargs="?", metavar="PARCELLATION", help="such as juelich, or the word structures"
    )
    command.add_argument("text", nargs="*", metavar="TEXT", help="words that the regions' names hold, in any case")
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated",
        help="with structures: the atlas that has them (default: $JUGEX_DATA, else the user's data folder)",
    )


def _take_more_words(options: argparse.Namespace, rest: Sequence[str]) -> bool:
    """Take words behind an option, which the parser leaves over."""
    if any(word.startswith("-") for word in rest):
        return False
    options.text = [*options.text, *rest]
    return True


def _run_regions(options: argparse.Namespace) -> None:
    if options.parcellation == _STRUCTURES:
        lines = _list_structures(options)
    elif options.atlas is not None:
        raise OptionError("--atlas goes with: jugex regions structures; parcellations belong to no atlas")
    else:
        lines = _list_parcellations() if options.parcellation is None else _list_regions(options)
    print("\n".join(lines))


def _list_structures(options: argparse.Namespace) -> list[str]:
    """One line per structure that has samples: as REGION takes it, its number of samples, and its name."""
    atlas = open_atlas(options.atlas)
    found = search_structures(atlas, options.text)
    if found.empty:
        words = f" holds {' '.join(options.text)!r} in its name" if options.text else " has samples"
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
    parcellation = open_parcellation(options.parcellation)
    text = " ".join(options.text)
    found = parcellation.search(text)
    if not found:
        nearest = parcellation.nearest(text)
        hint = f"the nearest are {', '.join(nearest)}" if nearest else f"it has {len(parcellation.names):,} regions"
        raise RegionError(f"no region of {parcellation.name} holds {text!r}; {hint}")
    return [shlex.quote(f"{parcellation.name}:{name}") for name in found]
