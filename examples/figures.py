"""
Figures for a paper
===================

Every figure of a comparison: on the simulated atlas, offline::

    python examples/figures.py [FOLDER]

The figures are written to FOLDER (default: ``figures``) as PDF, SVG and PNG, as wide as a column of a journal's page.
With the real data, only the first two lines of `main` change: ``jugex.open_atlas("ahba/")`` and
``jugex.Region.from_image("map.nii.gz", threshold=0.2)``.
"""

import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import jugex
from jugex.plots import plot_coverage, plot_gene, plot_null, save_figure


def main(folder: Path) -> None:
    """Compare two regions and draw what there is to see into `folder`."""
    atlas = jugex.open_atlas("simulated")
    region_1, region_2 = jugex.demo_regions()
    result = jugex.compare(region_1, region_2, atlas=atlas, rng=0)
    gene = str(result.labels.iloc[0])
    figures = {
        "coverage": plot_coverage([region_1.coverage(atlas), region_2.coverage(atlas)]),
        "samples": result.plot_samples(),
        "volcano": result.plot_volcano(),
        "heatmap": result.plot_heatmap(n_genes=30),
        f"{gene}-gene": result.plot_gene(gene),
        f"{gene}-probes": result.plot_probes(gene),
        f"{gene}-donors": result.plot_donors(gene),
        f"{gene}-null": result.plot_null(gene),
        f"{gene}-variogram": result.plot_variogram(gene),
        f"{gene}-axis": result.plot_axis(gene),
        "panels": draw_panels(result, gene),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, ax in figures.items():
        for kind in ("pdf", "svg", "png"):
            save_figure(ax, folder / f"{name}.{kind}")
    print(f"{len(figures)} figures of {result.region_names[0]} and {result.region_names[1]} are in {folder}")


def draw_panels(result: jugex.DifferentialExpression, gene: str) -> Axes:
    """Two figures side by side: every function draws into axes that it is given."""
    figure = Figure(figsize=(174 / 25.4, 75 / 25.4), layout="constrained")  # 174 mm: two columns
    left, right = figure.subplots(1, 2)
    plot_gene(result, gene, ax=left)
    return plot_null(result, gene, ax=right)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
