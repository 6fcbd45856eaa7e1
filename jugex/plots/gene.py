"""Box and strip of one gene by region and donor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.plots.boxes import draw_boxes
from jugex.plots.styles import GREY, SINGLE_COLUMN, DonorStyle, donor_styles, dress_axes, in_journal_style, make_axes
from jugex.plots.texts import describe_test, find_zscores, fit_text, wrap_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.analysis.result import DifferentialExpression

__all__ = ["plot_gene"]

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_gene(result: DifferentialExpression, gene: str, *, ax: Axes | None = None) -> Axes:
    """Box and strip of a gene's z-scores by region, one colour and marker per donor.

    A line joins the means of a donor that has samples in both regions; open markers are donors with samples in
    one region only, who do not enter the difference.

    Parameters
    ----------
    result : DifferentialExpression
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
    draw_boxes(ax, boxes, [0, 1], width=0.5, median=GREY)
    for donor_name, style in donor_styles(result).items():
        of_donor = (result.samples["donor_name"] == donor_name).to_numpy() & np.isfinite(zscores)
        _draw_donor(ax, donor_name, style, [zscores[here & of_donor] for here in in_regions])
    _label_axes(ax, result, gene)
    return ax


def _draw_donor(ax: Axes, donor_name: str, style: DonorStyle, values: list[Floats]) -> None:
    """Points of one donor in both regions, and the line between their means where it has both."""
    is_informative = all(len(here) for here in values)
    heights = np.concatenate(values)
    sides = np.repeat([0.0, 1.0], [len(here) for here in values])
    ax.scatter(
        sides + _jitter(values), heights, s=16, marker=style.marker, label=fit_text(donor_name, 20), zorder=3,
        linewidths=0.8, edgecolors=style.colour, facecolors=style.colour if is_informative else "none",
    )  # fmt: skip
    if is_informative:
        ax.plot([0.33, 0.67], [here.mean() for here in values], color=style.colour, linewidth=1.1, zorder=2)


def _jitter(values: list[Floats]) -> Floats:
    """Shifts within +-0.2 that keep points apart: multiples of the golden ratio, the same in every run."""
    steps = np.concatenate([np.arange(1, len(here) + 1, dtype=np.float64) for here in values])
    start = sum(len(here) for here in values) * 0.37  # so that donors with one sample each do not coincide
    return ((steps + start) * 0.6180339887498949 % 1.0 - 0.5) * 0.4


def _label_axes(ax: Axes, result: DifferentialExpression, gene: str) -> None:
    n = result.samples["region"].value_counts()
    labels = [f"{wrap_text(name)}\nn = {n.get(name, 0)}" for name in result.region_names]
    ax.set_xticks([0, 1], labels, parse_math=False)
    ax.set_xlim(-0.5, 1.5)
    ax.set_ylabel("z-score")
    ax.set_title(describe_test(result, gene))
    dress_axes(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="Donor", borderaxespad=0)
