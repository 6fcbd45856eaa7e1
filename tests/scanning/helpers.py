"""A small scan, quick enough to be made again and again, and to be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import jugex
from tests.tissue_atlas import PLACES, make_atlas

CENTRES = {
    **PLACES,
    "C left": (-30.0, 35.0, 35.0),
    "C right": (30.0, 35.0, 35.0),
    "D": (-20.0, 10.0, 45.0),
    "nowhere": (0.0, 75.0, 75.0),
}
TEST = jugex.TestOptions(n_permutations=199, rng=3)


def make_regions() -> list[jugex.Region]:
    """Spheres of the tissue atlas, of which one holds no sample."""
    return [
        jugex.Region.sphere(centre, 3.0 if name == "nowhere" else 16.0 if name[0] in "CD" else 9.0, name=name)
        for name, centre in CENTRES.items()
    ]


def make_scan(out: Path, **options: Any) -> jugex.Scan:
    """A scan of every pair of them, unless options say otherwise."""
    asked: dict[str, Any] = {"atlas": make_atlas(), "test": TEST, **options}
    return jugex.scan(asked.pop("regions", make_regions()), out=out, **asked)


def read_bytes(out: Path) -> dict[str, bytes]:
    """Everything that a finished scan promises to be the same each time."""
    files = [*out.glob("results/*.parquet"), *out.glob("*.tsv"), out / "scan.json"]
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(files)}


def of_pair(scan: jugex.Scan, number: int) -> pd.DataFrame:
    """Genes of a pair, by symbol."""
    found = scan.read()
    return found[found["pair"] == number].set_index("gene")
