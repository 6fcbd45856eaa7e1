"""Box and strip of one gene by region and donor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.plots.boxes import draw_boxes
from jugex.plots.styles import (
    GREY,
    INK,
    SINGLE_COLUMN,
    DonorStyle,
    donor_styles,
    dress_axes,
    in_journal_style,
    limit_legend,
    make_axes,
    title_axes,
)  # fmt: skip
from jugex.plots.texts import describe_test, find_zscores, fit_text, name_regions, wrap_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["plot_gene"]

#: Where a donor's means stand, between the boxes, and how far boxes and samples reach to either side of theirs.
_MEANS_AT = (0.34, 0.66)
_REACH = 0.22
_MOST_DONORS = 12  # that a legend beside axes of this height has room for
_LINE = 15  # letters of a region's name on a line

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_gene(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Box and strip of a gene's z-scores by region, one colour and marker per donor.

    Between the boxes stand the means of each donor that has samples in both regions, larger and joined by a line: how
    the gene differs in that donor. Open markers are donors with samples in one region only, who do not enter the
    difference. Samples are moved sideways so that they can be told apart, the same way in every run.

    Parameters
    ----------
    result : ComparisonData
    gene : str
        A gene of ``result.zscores``.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        Where the result has no z-scores of the gene.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_gene
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_gene(result, "MAOA")
    """
    zscores = find_zscores(result, gene)
    ax = make_axes(SINGLE_COLUMN, 75)[0] if ax is None else ax
    in_regions = [(result.samples["region"] == name).to_numpy() for name in result.region_names]
    boxes = [zscores[here & np.isfinite(zscores)] for here in in_regions]
    draw_boxes(ax, boxes, [0, 1], width=2 * _REACH, median=GREY)
    n_drawn = 0
    for donor_name, style in donor_styles(result).items():
        of_donor = (result.samples["donor_name"] == donor_name).to_numpy() & np.isfinite(zscores)
        _draw_donor(ax, donor_name, style, [zscores[here & of_donor] for here in in_regions], n_drawn)
        n_drawn += int(of_donor.sum())
    _label_axes(ax, result, gene, zscores)
    return ax


def _draw_donor(ax: Axes, donor_name: str, style: DonorStyle, values: list[Floats], n_before: int) -> None:
    """Points of one donor in both regions, and its means, joined, where it has both."""
    is_informative = all(len(here) for here in values)
    heights = np.concatenate(values)
    sides = np.repeat([0.0, 1.0], [len(here) for here in values])
    ax.scatter(
        sides + _jitter(len(heights), n_before), heights, s=14, marker=style.marker, zorder=3,
        label=fit_text(donor_name, 20), linewidths=0.8, edgecolors=style.colour,
        facecolors=style.colour if is_informative else "none",
    )  # fmt: skip
    if is_informative:
        ax.plot(
            _MEANS_AT, [here.mean() for here in values], color=style.colour, linewidth=1.2, zorder=5,
            marker=style.marker, markersize=6, markeredgecolor=INK, markeredgewidth=0.6,
        )  # fmt: skip


def _jitter(n: int, n_before: int) -> Floats:
    """Shifts within +-0.19 that keep points apart: multiples of the golden ratio, the same in every run."""
    return np.asarray((np.arange(n_before + 1, n_before + n + 1) * 0.6180339887498949 % 1.0 - 0.5) * 0.38)


def _label_axes(ax: Axes, result: ComparisonData, gene: str, zscores: Floats) -> None:
    n = result.samples["region"].value_counts()
    shown = name_regions(result, 3 * _LINE)
    labels = [
        f"{wrap_text(short, _LINE)}\nn = {n.get(name, 0)}"
        for short, name in zip(shown, result.region_names, strict=True)
    ]
    ax.set_xticks([0, 1], labels, parse_math=False)
    ax.set_xlim(-0.36, 1.36)
    ax.set_ylabel("z-score")
    title_axes(ax, describe_test(result, gene))
    dress_axes(ax)
    _explain_marks(ax, result, zscores)


def _explain_marks(ax: Axes, result: ComparisonData, zscores: Floats) -> None:
    """Legend: the donors, what the large marks are, and what the open ones."""
    from matplotlib.lines import Line2D

    handles, labels = limit_legend(*ax.get_legend_handles_labels(), _MOST_DONORS)
    used = result.samples[np.isfinite(zscores)]
    n_regions = used.groupby("donor_name")["region"].nunique()
    marks = [
        Line2D([], [], color=GREY, linewidth=1.2, marker="o", markersize=5, markeredgecolor=INK, markeredgewidth=0.6)
    ] * bool((n_regions == 2).any())
    words = ["means of a donor"] * len(marks)
    if (n_regions == 1).any():
        marks.append(
            Line2D([], [], linestyle="", marker="o", markersize=4, markerfacecolor="none", markeredgecolor=GREY)
        )
        words.append("open: donor in\none region only")
    ax.legend(
        [*handles, *marks], [*labels, *words], loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0,
        handletextpad=0.5, labelspacing=0.45,
    )  # fmt: skip
