"""Differences of gene sets, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jugex.errors import OptionError
from jugex.plots.styles import (
    GREY,
    INK,
    SINGLE_COLUMN,
    dress_axes,
    in_journal_style,
    label_differences,
    make_axes,
    place_legend_below,
)
from jugex.plots.texts import fit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.gene_sets import GeneSetData

__all__ = ["plot_gene_sets"]

_MM_PER_ROW, _MARGINS = 4.5, 28.0
#: Colour of a set by the rung that it reaches, from the lowest.
_RUNGS = {"none": "white", "samples": "#b9cfe4", "donors": "#5b8fc2", "spatial": "#1b4f86"}


@in_journal_style
def plot_gene_sets(found: GeneSetData, *, n: int = 20, ax: Axes | None = None) -> Axes:
    """Plot the differences of the first gene sets of a table, region 1 minus region 2, with 95 % intervals over donors.

    Colours show the rung of the ladder that a set reaches, and the area of a point the number of its genes. Without a
    test of the rung `donors`, intervals are those over samples. Sets tested as `mixed` have no difference: their mean F
    is drawn.

    Parameters
    ----------
    found : GeneSetData
        What ``result.gene_sets(...)`` returned.
    n : int
        Largest number of sets to draw.
    ax : Axes, optional
        Axes to draw on; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If n is less than 1.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0)
    >>> found = result.gene_sets({"monoamines": ["MAOA", "SLC6A4", "TPH1", "TPH2", "HTR1A"]})
    >>> ax = jugex.plots.plot_gene_sets(found)
    """
    if n < 1:
        raise OptionError(f"n must be at least one gene set; got {n}")
    table = found.table.iloc[:n]
    rows = -np.arange(len(table), dtype=np.float64)
    ax = make_axes(SINGLE_COLUMN, _MARGINS + _MM_PER_ROW * len(table))[0] if ax is None else ax
    has_direction = table["diff"].notna().any()
    values = table["diff" if has_direction else "f"].to_numpy(dtype=np.float64)
    over_donors = table["ci_donors_low"].notna().any()
    if has_direction:
        columns = ("diff_donors", "ci_donors_low", "ci_donors_high") if over_donors else ("diff", "ci_low", "ci_high")
        values, low, high = (table[column].to_numpy(dtype=np.float64) for column in columns)
        ax.hlines(rows, low, high, color=INK, linewidth=0.8, zorder=2)
        ax.axvline(0, color=GREY, linewidth=0.6, linestyle="--", zorder=0)
    sizes = 10 + 40 * np.sqrt(table["n_found"].to_numpy(dtype=np.float64) / found.table["n_found"].max())
    rungs = table["evidence"].fillna("none").to_numpy(dtype=object)
    for rung, colour in _RUNGS.items():
        on_rung = rungs == rung
        if on_rung.any():
            ax.scatter(
                values[on_rung], rows[on_rung], s=sizes[on_rung], facecolors=colour, edgecolors=INK, linewidths=0.7,
                zorder=3, label="no rung" if rung == "none" else rung,
            )  # fmt: skip
    names = [f"{name} ({size})" for name, size in zip(table["set"], table["n_found"], strict=True)]
    ax.set_yticks(rows, [fit_text(name, 34) for name in names])
    ax.set_ylim(-len(table) + 0.3, 0.7)
    if has_direction:
        label_differences(ax, found.data)
        ax.set_xlabel(f"difference{' over donors' if over_donors else ''} (standard dev.)")
    else:
        ax.set_xlabel("mean F of the genes")
    place_legend_below(ax, below=52.0 if has_direction else 30.0, columns=4)
    dress_axes(ax)
    ax.tick_params(axis="y", length=0)
    return ax
