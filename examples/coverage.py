"""Look at two regions before comparing them: their samples per donor and hemisphere; nothing is downloaded.

    python examples/coverage.py [FIGURE]

The figure is written to FIGURE (default: ``coverage.png``). With the real data, only the first lines of `main`
change: ``jugex.open_atlas("ahba/")`` and ``jugex.Region.from_image("map.nii.gz", threshold=0.2)``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jugex
from jugex.regions import Coverage

COLOURS = ("#0072b2", "#d55e00")
HATCHES = {"left": "", "midline": "xx", "right": "///"}


def main(path: Path) -> None:
    """Print the coverage of two regions and draw it into the file `path`."""
    atlas = jugex.open_atlas("simulated")
    region, _ = jugex.demo_regions()
    frontal_pole = jugex.Region.box((-45, 35, -25), (45, 75, 35))
    around = (frontal_pole - region).renamed("around it")
    coverages = [region.coverage(atlas), around.coverage(atlas)]
    print(*coverages, sep="\n\n")

    figure = Figure(figsize=(8, 3.8), layout="constrained")
    draw_donors(figure.subplots(), coverages)
    figure.savefig(path, dpi=150)
    print(f"\nThe figure is in {path}")


def draw_donors(ax: Axes, coverages: list[Coverage]) -> None:
    """Bars of samples per donor: one for each region, its hemispheres on top of each other."""
    donors = coverages[0].donors["donor_name"]
    width = 0.8 / len(coverages)
    for number, (coverage, colour) in enumerate(zip(coverages, COLOURS, strict=True)):
        places = np.arange(len(donors)) + (number + 0.5) * width - 0.4
        below = np.zeros(len(donors))
        for side in coverage.hemispheres.query("samples > 0")["hemisphere"]:
            counts = coverage.donors[side].to_numpy()
            label = f"{coverage.region} ({side}, {counts.sum()})"
            ax.bar(places, counts, width, below, color=colour, edgecolor="white", hatch=HATCHES[side], label=label)
            below += counts
    ax.set_xticks(np.arange(len(donors)), donors)
    ax.set(ylabel="samples", title=coverages[0].atlas)
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "coverage.png"))
