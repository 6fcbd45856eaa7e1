"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from jugex.workflow import DEFAULTS

__all__ = ["REGION_HELP", "Commands", "add_output", "add_source", "describe_default", "split_list"]

#: What argparse adds commands to.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

REGION_HELP = (
    "map.nii.gz (probability map or mask), map.nii.gz%% (integer image in percent), labels.nii.gz#17 (a label), "
    "sphere:x,y,z,r (mm), simulated:A or simulated:B; several joined with + are one region, and @0.4 at the end "
    "sets its threshold"
)


def add_source(command: argparse.ArgumentParser, threshold: object = None) -> None:
    """Add where expression comes from: atlas, donors, and the threshold of regions."""
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated",
        help="folder of the Allen Institute's donor archives, or 'simulated' (default: $JUGEX_DATA, else the user's "
        "data folder)",
    )
    command.add_argument("--donors", type=split_list, metavar="D,E", help="donors by name or id (default: all)")
    help_text = describe_default("threshold", "for probability maps: inside is above it")
    command.add_argument("--threshold", type=float, default=threshold, help=help_text)


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


def split_list(text: str) -> list[str]:
    """Read entries separated by commas."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise argparse.ArgumentTypeError("names nothing; give at least one, several separated by commas")
    return entries
