"""Difference against p of every gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import format_p
from jugex.errors import OptionError, ResultError
from jugex.plots.naming import name_points
from jugex.plots.styles import (
    GREY,
    INK,
    PALE,
    REGION_STYLES,
    SINGLE_COLUMN,
    RegionStyle,
    dress_axes,
    figure_of,
    in_journal_style,
    label_differences,
    make_axes,
)  # fmt: skip
from jugex.plots.texts import P_FWE, escape_math, fit_text, name_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["VolcanoP", "plot_volcano"]

VolcanoP = Literal["p_perm", "p_fwe"]

# more points than this are an image inside the drawing: else a PDF of the whole genome takes seconds to show
_MOST_DRAWN_SINGLY = 1000
_MANY = 100  # from so many on, significant genes are drawn smaller
_LABELS = {"p_perm": "$p$ of each gene alone", "p_fwe": P_FWE}
_DULL = "#ABABAB"
_LINE_HEIGHT = 8.0  # points that the label of a line takes

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_volcano(result: ComparisonData, *, p: VolcanoP = "p_perm", n_names: int = 20, ax: Axes | None = None) -> Axes:
    """Difference of each gene against its p; significant genes (family-wise) by the region where they are higher.

    Names are written beside the significant genes, the smallest family-wise p first, as far as there is room inside
    the axes without covering another name or point; the legend says where some found none. Draw again where the axes
    change their size, so that names are placed anew. Genes that were not tested are not drawn.

    Parameters
    ----------
    result : ComparisonData
    p : {'p_perm', 'p_fwe'}
        p of each gene alone, or corrected for the family. With `p_fwe` the dashed line is alpha, and the significant
        genes are those on it or above. With `p_perm` it is alpha too, uncorrected: no height parts the significant
        genes from the others there, so that only the marks tell them. The dotted line is the smallest p that the run
        can give.
    n_names : int
        At most so many names.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        Where `p` is another column, or `n_names` is negative.
    ResultError
        Where no gene was tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_volcano
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_volcano(result, p="p_fwe")
    """
    _check_options(p, n_names)
    tested = _list_tested(result, p)
    ax = make_axes(SINGLE_COLUMN, 90)[0] if ax is None else ax
    _draw_points(ax, result, tested)
    lines = _draw_lines(ax, result, p, tested)
    _label_axes(ax, result, p)
    _name_genes(ax, tested[tested["significant"]], n_names, lines)
    return ax


def _check_options(p: str, n_names: int) -> None:
    if p not in get_args(VolcanoP):
        raise OptionError(f"p is one of {', '.join(get_args(VolcanoP))}; got {p!r}")
    if n_names < 0:
        raise OptionError(f"n_names is a number of names, 0 or more; got {n_names}")


def _list_tested(result: ComparisonData, p: str) -> pd.DataFrame:
    """Genes with a difference and a p: `label`, `diff`, `height`, `significant`, in the order of the table."""
    values = result.table[p].to_numpy(dtype=np.float64)
    heights = -np.log10(values, out=np.full(len(values), np.nan), where=values > 0)
    genes = pd.DataFrame(
        {
            "label": result.labels.to_numpy(),
            "diff": result.table["diff"].to_numpy(dtype=np.float64),
            "height": heights + 0.0,  # no minus zero
            "significant": result.table["significant"].to_numpy(dtype=bool),
        }
    )
    tested = genes[genes[["diff", "height"]].notna().all(axis=1)]
    if tested.empty:
        raise ResultError(
            f"no {result.unit} of this result has a difference and a {p}, so that there is nothing to draw; the column "
            "status of the table says why"
        )
    return tested


def _draw_points(ax: Axes, result: ComparisonData, tested: pd.DataFrame) -> None:
    """Grey points first, then the significant genes of each region."""
    as_image = len(tested) > _MOST_DRAWN_SINGLY
    rest = tested[~tested["significant"]]
    ax.scatter(
        rest["diff"], rest["height"], s=5, color=_DULL, linewidths=0, zorder=2, rasterized=as_image,
        label=f"not significant ({len(rest):,})",
    )  # fmt: skip
    found = tested[tested["significant"]]
    alpha = float(result.record.arguments.alpha)
    criterion = rf"{P_FWE[:-1]} \leq {alpha:g}$"
    sides = (found["diff"] > 0, found["diff"] < 0)
    for name, style, is_higher in zip(name_regions(result, 26), REGION_STYLES, sides, strict=True):
        label = f"{criterion}, higher in {escape_math(name)} ({int(is_higher.sum()):,})"
        _draw_side(ax, found[is_higher], style, label, as_image=as_image)


def _draw_side(ax: Axes, genes: pd.DataFrame, style: RegionStyle, label: str, *, as_image: bool) -> None:
    size, edge = (18, 0.5) if len(genes) < _MANY else (8, 0.25)
    ax.scatter(
        genes["diff"], genes["height"], s=size, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
        linewidths=edge, zorder=3, rasterized=as_image and len(genes) > _MOST_DRAWN_SINGLY, label=label,
    )  # fmt: skip


def _draw_lines(ax: Axes, result: ComparisonData, p: str, tested: pd.DataFrame) -> list[Text]:
    """Thresholds across the axes, each with its name on the right."""
    texts: list[Text] = []
    lines = _list_lines(result, p)
    for value, dash, words in lines:
        height = float(-np.log10(value))
        ax.axhline(height, color=GREY, linewidth=0.6, linestyle=dash, zorder=1)
        text = ax.annotate(
            words, (1.0, height), xycoords=ax.get_yaxis_transform(), xytext=(2, 0), textcoords="offset points",
            size=6, color=INK, va="center", ha="left", annotation_clip=False, parse_math=True,
        )  # fmt: skip
        texts.append(text)
    ax.axvline(0, color=PALE, linewidth=0.6, zorder=0)
    top = max(tested["height"].max(), *(-np.log10(value) for value, *_ in lines))
    ax.set_ylim(-0.03 * top, top * 1.12)
    return texts


def _list_lines(result: ComparisonData, p: str) -> list[tuple[float, str, str]]:
    """Thresholds: the p, how its line is dashed, and what it is."""
    alpha = float(result.record.arguments.alpha)
    lines = [(alpha, "--", f"{P_FWE} = {alpha:g}" if p == "p_fwe" else f"$p$ = {alpha:g},\nuncorrected")]
    smallest = _find_smallest(result)
    if smallest:
        lines.append((smallest, ":", f"smallest $p$,\n{format_p(smallest)}"))
    return lines


def _find_smallest(result: ComparisonData) -> float | None:
    """Smallest p that the relabellings of the run can give."""
    smallest = result.record.permutation.smallest_p
    return smallest if smallest > 0 else None


def _label_axes(ax: Axes, result: ComparisonData, p: str) -> None:
    from matplotlib.ticker import MaxNLocator

    widest = max(abs(limit) for limit in ax.get_xlim())
    ax.set_xlim(-widest * 1.2, widest * 1.2)  # room for names outwards of their points
    ax.set_ylabel(rf"$-\log_{{10}}$ {_LABELS[p]}")
    label_differences(ax, result)
    dress_axes(ax)
    ax.yaxis.label.set_parse_math(True)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))


def _name_genes(ax: Axes, found: pd.DataFrame, n_names: int, lines: list[Text]) -> None:
    """Name the first significant genes, and say in the legend where some have found no room."""
    handles, labels = ax.get_legend_handles_labels()
    handles, labels = [*handles[1:], handles[0]], [*labels[1:], labels[0]]
    legend = ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0, handletextpad=0.2,
        labelspacing=0.25,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(True)
    points = found[["diff", "height"]].to_numpy(dtype=np.float64)
    names = [fit_text(str(label), 24) for label in found["label"].iloc[:n_names]]
    n_named = name_points(ax, points, names)
    _spread_labels(ax, lines)
    if len(found) and n_named < len(found):
        legend.get_texts()[-1].set_text(f"{labels[-1]}; {n_named:,} of the {len(found):,} significant are named")


def _spread_labels(ax: Axes, texts: list[Text]) -> None:
    """Move labels of lines that lie close together apart, in laid-out axes."""
    scale = 72 / figure_of(ax).dpi
    next_free = -np.inf
    for text in sorted(texts, key=lambda text: text.xy[1]):  # type: ignore[attr-defined]
        half = _LINE_HEIGHT * (1 + text.get_text().count("\n")) / 2
        at = float(ax.transData.transform((0, text.xy[1]))[1]) * scale  # type: ignore[attr-defined]
        shift = max(0.0, next_free + half - at)
        text.set_position((2, shift))
        next_free = at + shift + half
