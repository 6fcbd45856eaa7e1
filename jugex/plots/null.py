"""F of one gene beside F under all relabellings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex._text import format_number, format_p
from jugex.plots.styles import (
    GREY,
    INK,
    SINGLE_COLUMN,
    dress_axes,
    in_journal_style,
    make_axes,
    place_legend_below,
    title_axes,
)  # fmt: skip
from jugex.plots.texts import LONGEST_TITLE, P_FWE, escape_math, fit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["plot_null"]

_N_BINS = 50

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_null(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Distribution of a gene's F under the relabellings of the run, with the observed F.

    The dashed line is the smallest F that is significant family-wise, by the largest F over all genes in each
    relabelling (``result.record.permutation.f_critical``); there is none where no F is, and for results of
    versions that did not record it. The axis is spaced by the square root of F, the size of t.

    Parameters
    ----------
    result : ComparisonData
        Computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_null
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_null(result, "MAOA")
    """
    from jugex.pipeline.details import permutation_null

    null = permutation_null(result, gene)
    row = result.table[(result.labels == gene).to_numpy(dtype=bool)].iloc[0]
    observed, critical = float(row["f"]), result.record.permutation.f_critical
    ax = make_axes(SINGLE_COLUMN, 75)[0] if ax is None else ax
    _draw_histogram(ax, null, observed)
    words = f"observed, $F$ = {format_number(observed)}, $p$ = {format_p(row['p_perm'])}"
    ax.axvline(observed, color=INK, linewidth=1.2, label=words, zorder=3)
    if critical is not None:
        words = f"{P_FWE} = {result.record.arguments.alpha:g} ($F$ = {format_number(critical, 1)})"
        ax.axvline(critical, color=INK, linewidth=0.8, linestyle="--", label=words, zorder=3)
    _label_axes(ax, null, max(observed, critical or 0.0))
    n_reached, which = int((null >= observed).sum()), "all " if result.record.permutation.exhaustive else ""
    reach = f"{n_reached:,} of {which}{len(null):,} relabellings reach it"
    title_axes(ax, f"{escape_math(fit_text(gene, LONGEST_TITLE))}\n{reach}")
    return ax


def _draw_histogram(ax: Axes, null: Floats, observed: float) -> None:
    """Bars of equal width on the scale of sqrt(F), their heights shares of all relabellings."""
    finite = null[np.isfinite(null)]
    edges = np.linspace(0, np.sqrt(max(finite.max(initial=0), observed)), _N_BINS + 1) ** 2
    edges[-1] *= 1 + 1e-9  # squaring may round below the largest F
    shares = np.full(len(finite), 1 / max(len(null), 1))
    ax.hist(finite, bins=list(edges), weights=shares, color=GREY, linewidth=0, zorder=2, label="relabelled")


def _label_axes(ax: Axes, null: Floats, furthest: float) -> None:
    from matplotlib.ticker import FixedLocator

    ax.set_xscale("function", functions=(_root, np.square))
    widest = max(float(null[np.isfinite(null)].max(initial=0)), furthest) * 1.1
    ax.set_xlim(0, widest)
    roots = np.arange(0, np.sqrt(widest), max(1, round(np.sqrt(widest) / 6)))
    ax.xaxis.set_major_locator(FixedLocator((roots**2).tolist()))
    ax.set_xlabel("$F$ of the region (spaced by its square root)")
    ax.set_ylabel("share of relabellings")
    dress_axes(ax)
    ax.xaxis.label.set_parse_math(True)
    for text in place_legend_below(ax).get_texts():
        text.set_parse_math(True)


def _root(f: Floats) -> Floats:
    """Square root, 0 below 0: matplotlib tries margins outside the axis."""
    return np.sqrt(np.maximum(f, 0))
