"""Two results side by side: the difference of every gene in one result against that in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jugex._text import shorten
from jugex.errors import OptionError, ResultError
from jugex.plots.styles import GREY, INK, PALE, REGION_STYLES, SINGLE_COLUMN, dress_axes, in_journal_style, make_axes
from jugex.plots.texts import fit_text
from jugex.plots.volcano import name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.differences import Differences

__all__ = ["plot_differences"]

# with more points than this, they are an image inside the drawing
_MAX_VECTOR_POINTS = 1000


@in_journal_style
def plot_differences(found: Differences, *, n_names: int = 12, ax: Axes | None = None) -> Axes:
    """Plot each gene's difference (F for more than two regions) in the first result against that in the second.

    On the line both results agree. Genes whose evidence changes are marked, and the first of them are named.

    Parameters
    ----------
    found : Differences
        What `jugex.diff` returned.
    n_names : int
        Largest number of names.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If `n_names` is negative.
    ResultError
        If no gene was tested in both results.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_differences
    >>> options = {"atlas": "simulated", "genes": ["MAOA", "GAD2"], "rng": 0}
    >>> one = jugex.compare("simulated:A", "simulated:B", **options)
    >>> other = jugex.compare("simulated:A", "simulated:B", probes="median", **options)
    >>> plot_differences(jugex.diff(one, other)).get_xlabel()
    'Difference in z-scores: first'
    """
    if n_names < 0:
        raise OptionError(f"n_names must be a number of names, 0 or more; got {n_names}")
    genes, column = found.genes, "diff" if "diff_1" in found.genes else "f"
    if "region_1" in genes:  # all regions at once
        genes, column = genes[(genes["region_1"] == "").to_numpy(dtype=bool)], "f"
    points = genes[[f"{column}_1", f"{column}_2"]].to_numpy(dtype=np.float64, na_value=np.nan)
    is_drawn = np.isfinite(points).all(axis=1)
    if not is_drawn.any():
        raise ResultError("no gene has a difference in both results; there is nothing to draw")
    points, genes = points[is_drawn], genes[is_drawn]
    changed = genes["changed"].to_numpy(dtype=bool)
    ax = make_axes(SINGLE_COLUMN, 88)[0] if ax is None else ax
    low, high = float(points.min()), float(points.max())
    margin = 0.08 * (high - low or 1.0)
    limits = (low - margin, high + margin)
    ax.plot(limits, limits, color=GREY, linewidth=0.6, linestyle="--", zorder=1)
    for at in (ax.axhline, ax.axvline):
        at(0, color=PALE, linewidth=0.6, zorder=0)
    as_image = len(points) > _MAX_VECTOR_POINTS
    same = points[~changed]
    ax.scatter(
        same[:, 0], same[:, 1], s=6, color="#ABABAB", linewidths=0, zorder=2, rasterized=as_image,
        label=f"same evidence ({int((~changed).sum()):,})",
    )  # fmt: skip
    style, other = REGION_STYLES[1], points[changed]
    ax.scatter(
        other[:, 0], other[:, 1], s=16, marker="D", facecolors=style.face, edgecolors=style.edge, linewidths=0.4,
        zorder=3, label=f"other evidence ({int(changed.sum()):,})",
    )  # fmt: skip
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    meant = f"Difference in {found.first.record.scale}s" if column == "diff" else "F"
    ax.set_xlabel(f"{meant}: {shorten(found.names[0], 34)}", color=INK)
    ax.set_ylabel(f"{meant}: {shorten(found.names[1], 34)}", color=INK)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0, ncols=2, handletextpad=0.2)
    dress_axes(ax)
    name_points(ax, np.vstack([other, same]), [fit_text(str(gene), 20) for gene in genes["gene"][changed][:n_names]])
    return ax
