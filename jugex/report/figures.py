"""The folder of figures of a result: volcano, genes, variograms and brain, as SVG and PNG, for a paper or a talk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jugex.progress import track
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData
    from jugex.pipeline.gene_sets import GeneSetData

__all__ = ["MAX_GENES", "MAX_VARIOGRAMS", "write_figures", "write_sensitivity"]

#: Number of genes drawn by default, an eighth of a second each; `plot_gene` draws any other, and the page all.
MAX_GENES = 2
#: Number of variograms, which show why genes hold in other donors but not beyond distance.
MAX_VARIOGRAMS = 1

_FORMATS = (".svg", ".png")
_LONGEST_NAME = 40


def write_figures(result: ComparisonData, folder: Path, *, gene_sets: GeneSetData | None = None) -> list[Path]:
    """Draw the volcano plot, the genes on a rung of the ladder (the first `MAX_GENES`) and the views of the brain.

    The first `MAX_VARIOGRAMS` genes that hold in other donors but not beyond distance also have a variogram.

    Parameters
    ----------
    result : ComparisonData
    folder : Path
        Folder to make; it is not made if there is nothing to draw.
    gene_sets : GeneSetData, optional
        Gene sets, the first of which are drawn.

    Returns
    -------
    list of Path
        The files, each as SVG and PNG. Symbols of genes are cut down to letters, digits, dots and hyphens in names
        of files; a number keeps them apart and in the order of the table.
    """
    from jugex.plots import plot_gene_sets
    from jugex.plots.styles import freeze_layout, save_figure

    figures = list(_list_figures(result))
    if gene_sets is not None:
        figures.append(("gene-sets", lambda: plot_gene_sets(gene_sets)))
    written, of_first_gene = [], None
    for name, draw in track(figures, description="drawing figures"):
        folder.mkdir(exist_ok=True)
        ax = draw()
        is_gene = name.startswith("gene-") and name != "gene-sets"
        freeze_layout(ax, like=of_first_gene if is_gene else None)
        if is_gene and of_first_gene is None:
            of_first_gene = ax
        written += [save_figure(ax, folder / f"{name}{ending}") for ending in _FORMATS]
    return written


def write_sensitivity(table: pd.DataFrame, alpha: float, folder: Path) -> list[Path]:
    """Draw the comparison under other choices, as SVG and PNG."""
    from jugex.plots import plot_sensitivity
    from jugex.plots.styles import save_figure

    folder.mkdir(exist_ok=True)
    ax = plot_sensitivity(table, alpha=alpha)
    return [save_figure(ax, folder / f"sensitivity{ending}") for ending in _FORMATS]


def _list_figures(result: ComparisonData) -> Iterator[tuple[str, Callable[[], Axes]]]:
    """Names of the figures of a result, and the functions that draw them."""
    from jugex.plots import plot_gene, plot_samples, plot_variogram, plot_volcano

    if len(result.tested):
        yield "volcano", lambda: plot_volcano(result)
    points = result.samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    if is_mni_space(result.record.atlas.space) and np.isfinite(points).all(axis=1).any():
        yield "brain", lambda: plot_samples(result)
    found = result.found
    drawable = [gene for gene in result.labels[found.index] if gene in result.zscores.columns][:MAX_GENES]
    for number, gene in enumerate(drawable, start=1):
        yield f"gene-{number:02d}-{_name_file(gene)}", lambda gene=gene: plot_gene(result, gene)  # type: ignore[misc]
    variograms = result.variograms
    if variograms is None:
        return
    # distance keeps such a gene from the highest rung
    at_donors = result.labels[found.index[(found["evidence"] == "donors").to_numpy(dtype=bool)]]
    for gene in [gene for gene in at_donors if gene in drawable and variograms.find(gene) is not None][:MAX_VARIOGRAMS]:
        name = f"variogram-{drawable.index(gene) + 1:02d}-{_name_file(gene)}"
        yield name, lambda gene=gene: plot_variogram(result, gene)  # type: ignore[misc]


def _name_file(gene: str) -> str:
    """A gene's symbol as part of a file name that any system allows."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", gene).strip("_.")[:_LONGEST_NAME] or "unnamed"
