"""Difference against p of every gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, ResultError
from jugex.plots.naming import name_points
from jugex.plots.styles import (
    GREY,
    PALE,
    REGION_STYLES,
    SINGLE_COLUMN,
    RegionStyle,
    dress_axes,
    in_journal_style,
    make_axes,
)  # fmt: skip
from jugex.plots.texts import fit_text, name_difference, name_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from jugex.analysis.result import DifferentialExpression

__all__ = ["VolcanoP", "plot_volcano"]

VolcanoP = Literal["p_perm", "p_fwe"]

# more points than this are an image inside the drawing: else a PDF of the whole genome takes seconds to show
_MOST_DRAWN_SINGLY = 1000
_MANY = 100  # from so many on, significant genes are drawn smaller
_LABELS = {"p_perm": "p of each gene alone", "p_fwe": "family-wise p"}

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_volcano(
    result: DifferentialExpression, *, p: VolcanoP = "p_perm", n_names: int = 20, ax: Axes | None = None
) -> Axes:
    """Difference of each gene against its p; significant genes (family-wise) by the region where they are higher.

    Names are written beside the significant genes, the smallest family-wise p first, as far as there is room without
    covering other names; place them again by drawing again where the axes' size changes. Genes that were not tested
    are not drawn.

    Parameters
    ----------
    result : DifferentialExpression
    p : {'p_perm', 'p_fwe'}
        p of each gene alone, or corrected for the family. The dashed line is alpha: with `p_fwe` the significant genes
        are those on it or above, with `p_perm` it is uncorrected. The dotted line is the smallest p that so many
        permutations can give.
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


def _list_tested(result: DifferentialExpression, p: str) -> pd.DataFrame:
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


def _draw_points(ax: Axes, result: DifferentialExpression, tested: pd.DataFrame) -> None:
    """Grey points first, then the significant genes of each region."""
    as_image = len(tested) > _MOST_DRAWN_SINGLY
    rest = tested[~tested["significant"]]
    ax.scatter(
        rest["diff"], rest["height"], s=5, color=PALE, linewidths=0, zorder=2, rasterized=as_image,
        label=f"not significant ({len(rest):,})",
    )  # fmt: skip
    found = tested[tested["significant"]]
    sides = (found["diff"] > 0, found["diff"] < 0)
    for name, style, is_higher in zip(name_regions(result, 30), REGION_STYLES, sides, strict=True):
        _draw_side(ax, found[is_higher], style, f"higher in {name} ({int(is_higher.sum()):,})", as_image=as_image)


def _draw_side(ax: Axes, genes: pd.DataFrame, style: RegionStyle, label: str, *, as_image: bool) -> None:
    size, edge = (12, 0.4) if len(genes) < _MANY else (6, 0.2)
    ax.scatter(
        genes["diff"], genes["height"], s=size, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
        linewidths=edge, zorder=3, rasterized=as_image and len(genes) > _MOST_DRAWN_SINGLY, label=label,
    )  # fmt: skip


def _draw_lines(ax: Axes, result: DifferentialExpression, p: str, tested: pd.DataFrame) -> list[Text]:
    """Alpha, and the smallest p that the permutations can give where genes have it."""
    alpha = float(result.settings["arguments"]["alpha"])
    levels = [(alpha, "--", f"{alpha:g}, uncorrected" if p == "p_perm" else f"{alpha:g}, family-wise")]
    smallest = result.settings["permutation"].get("smallest_p")
    if smallest and tested["height"].max() >= -np.log10(smallest) - 1e-6:  # p in files have ten digits
        levels.append((float(smallest), ":", f"smallest possible, {smallest:.2g}"))
    texts: list[Text] = []
    for value, dash, words in levels:
        height = float(-np.log10(value))
        ax.axhline(height, color=GREY, linewidth=0.6, linestyle=dash, zorder=1)
        text = ax.annotate(
            words, (0.0, height), xycoords=ax.get_yaxis_transform(), xytext=(3, 1.5), textcoords="offset points",
            size=6, color=GREY, va="bottom", ha="left",
        )  # fmt: skip
        texts.append(text)
    ax.axvline(0, color=PALE, linewidth=0.6, zorder=0)
    top = max(tested["height"].max(), *(-np.log10(value) for value, *_ in levels))
    ax.set_ylim(-0.03 * top, top * 1.12)
    return texts


def _label_axes(ax: Axes, result: DifferentialExpression, p: str) -> None:
    from matplotlib.ticker import MaxNLocator

    widest = max(abs(limit) for limit in ax.get_xlim())
    ax.set_xlim(-widest * 1.05, widest * 1.05)
    ax.set_xlabel(name_difference(result))
    ax.set_ylabel(f"\N{MINUS SIGN}log10 {_LABELS[p]}")
    dress_axes(ax)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))


def _name_genes(ax: Axes, found: pd.DataFrame, n_names: int, lines: list[Text]) -> None:
    """Name the first significant genes, and say in the legend how many of all have a name."""
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    if len(found):
        handles, labels = [*handles, Line2D([], [], linestyle="")], [*labels, " "]
    legend = ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0, handletextpad=0.2,
        labelspacing=0.25,
    )  # fmt: skip
    points = found[["diff", "height"]].to_numpy(dtype=np.float64)
    names = [fit_text(str(label), 24) for label in found["label"].iloc[:n_names]]
    n_named = name_points(ax, points, names, keep_clear=lines)
    if len(found):
        legend.get_texts()[-1].set_text(f"{n_named:,} of {len(found):,} significant ones named")
