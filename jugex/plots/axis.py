"""A gene along the line between two regions: a step at the border, or a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, ResultError
from jugex.plots.styles import (
    GREY,
    INK,
    PALE,
    WIDE_COLUMN,
    donor_styles,
    dress_axes,
    in_journal_style,
    limit_legend,
    make_axes,
    region_styles,
    title_axes,
)  # fmt: skip
from jugex.plots.texts import describe_test, find_zscores, fit_text, name_regions

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["AxisTrend", "plot_axis"]

AxisTrend = Literal["samples", "donors", "none"]

_COORDINATES = ["mni_x", "mni_y", "mni_z"]
_MIN_SAMPLES_OF_TREND = 6
_MAX_LEGEND_DONORS = 11  # for which the legend has room
_DASHES = (0, (4, 1.5))
_TREND_SPAN = 0.6  # share of the samples behind each point of the trend

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@in_journal_style
def plot_axis(
    result: ComparisonData,
    gene: str,
    *,
    remove_donors: bool = True,
    trend: AxisTrend = "samples",
    ax: Axes | None = None,
) -> Axes:
    """Plot a gene's z-score in each sample against the sample's position on the line between the regions.

    The line runs through the centroids of both regions' samples; 0 is midway. Bars are the regions' means, as wide as
    the range of their samples. Along a gradient the trend rises through both regions; at a border it is flat on either
    side of a step.

    Parameters
    ----------
    result : ComparisonData
        A result, computed here or read from disk.
    gene : str
        An entry of ``result.labels`` with z-scores.
    remove_donors : bool
        Subtract each donor's effect, estimated together with the region's in the model of the test (region + donor), so
        that the bars are `diff` apart. The label of the axis says whether this was done.
    trend : {'samples', 'donors', 'none'}
        Running trend (LOWESS over 60 % of the samples) of all samples, of each donor with at least six samples, or
        none. It does not use the regions.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 114 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        If the result has no z-scores of the gene.
    OptionError
        If `trend` has a value that is not allowed.
    ResultError
        If a region has no sample with coordinates, or both regions have the same centroid.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_axis
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_axis(result, "MAOA")
    """
    if trend not in get_args(AxisTrend):
        raise OptionError(f"trend must be one of {', '.join(get_args(AxisTrend))}; got {trend!r}")
    zscores = find_zscores(result, gene)
    in_region_1 = (result.samples["region"] == result.region_names[0]).to_numpy()
    places = _project_samples(result, in_region_1)
    shown = np.isfinite(places) & np.isfinite(zscores)
    values = zscores - _estimate_donors(result, zscores, in_region_1) if remove_donors else zscores
    ax = make_axes(WIDE_COLUMN, 75)[0] if ax is None else ax
    _draw_samples(ax, result, places, values, in_region_1, shown)
    _draw_means(ax, places, values, in_region_1, shown)
    n_trends = _draw_trends(ax, result, places, values, shown, trend)
    _label_axes(ax, result, gene, n_left_out=int((~shown).sum()), without_donors=remove_donors)
    _explain_marks(ax, result, trend if n_trends else "none")
    return ax


def _project_samples(result: ComparisonData, in_region_1: Mask) -> Floats:
    """Positions (n,) in mm on the line from centroid 1 to centroid 2, 0 midway; NaN without coordinates."""
    points = result.samples[_COORDINATES].to_numpy(dtype=np.float64)
    is_placed = np.isfinite(points).all(axis=1)
    if not (is_placed & in_region_1).any() or not (is_placed & ~in_region_1).any():
        raise ResultError(
            "the line between the regions needs at least one sample with coordinates in each region, but one has none; "
            "use plot_gene, which needs no coordinates"
        )
    first, second = points[is_placed & in_region_1].mean(axis=0), points[is_placed & ~in_region_1].mean(axis=0)
    length = float(np.linalg.norm(second - first))
    if length < 1e-6:  # mm: far below the precision of coordinates, 0.1 mm
        raise ResultError(
            "the samples of both regions have the same centroid, so that there is no line between them; use plot_gene, "
            "which needs none"
        )
    return np.asarray((points - (first + second) / 2) @ (second - first) / length)


def _estimate_donors(result: ComparisonData, zscores: Floats, in_region_1: Mask) -> Floats:
    """Effect (n,) of each sample's donor in the model region + donor, with regions coded as +1/2 and -1/2.

    With labels a and the projection M onto the residuals of the donors, the region's effect is a'My / a'Ma.
    """
    labels = np.where(in_region_1, 0.5, -0.5)
    frame = pd.DataFrame({"y": zscores, "a": np.where(np.isfinite(zscores), labels, np.nan)})
    means = frame.groupby(result.samples["donor_name"].to_numpy()).transform("mean")
    y, a = (frame - means).fillna(0.0).to_numpy(dtype=np.float64).T
    diff = float(a @ y / (a @ a)) if a.any() else 0.0
    return np.asarray(means["y"] - diff * means["a"], dtype=np.float64)


def _draw_samples(
    ax: Axes, result: ComparisonData, places: Floats, values: Floats, in_region_1: Mask, shown: Mask
) -> None:
    """Draw samples, with the region by colour and the donor by marker."""
    donors = result.samples["donor_name"].to_numpy()
    for style, in_region in zip(region_styles(), (in_region_1, ~in_region_1), strict=True):
        for name, donor in donor_styles(result).items():
            here = shown & in_region & (donors == name)
            if here.any():
                ax.scatter(
                    places[here], values[here], s=18 if in_region is in_region_1 else 26,  # for white edges
                    marker=donor.marker, facecolors=style.face,
                    edgecolors=style.edge, linewidths=0.5, zorder=3, label="_",
                )  # fmt: skip


def _draw_means(ax: Axes, places: Floats, values: Floats, in_region_1: Mask, shown: Mask) -> None:
    for style, in_region in zip(region_styles(), (in_region_1, ~in_region_1), strict=True):
        here = shown & in_region
        if here.any():
            ends, mean = [places[here].min(), places[here].max()], values[here].mean()
            ax.plot(ends, [mean, mean], color="black", linewidth=3.2, solid_capstyle="butt", zorder=1.5)
            ax.plot(ends, [mean, mean], color=style.face, linewidth=2.2, solid_capstyle="butt", zorder=1.6)


def _draw_trends(ax: Axes, result: ComparisonData, places: Floats, values: Floats, shown: Mask, trend: str) -> int:
    """Draw the trends that have enough samples; return their number."""
    if trend == "samples":
        groups = [(shown, GREY)]
    else:
        donors = result.samples["donor_name"].to_numpy()
        styles = donor_styles(result) if trend == "donors" else {}
        groups = [(shown & (donors == name), style.colour) for name, style in styles.items()]
    groups = [(here, colour) for here, colour in groups if len(np.unique(places[here])) >= _MIN_SAMPLES_OF_TREND]
    for here, colour in groups:
        x, y = _smooth(places[here], values[here])
        ax.plot(x, y, color=colour, linewidth=1.1, linestyle=_DASHES, zorder=2)
    return len(groups)


def _smooth(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """LOWESS (Cleveland 1979, doi 10.1080/01621459.1979.10481038)."""
    from statsmodels.nonparametric.smoothers_lowess import lowess

    with np.errstate(all="ignore"):  # if the nearest samples have the same position
        smooth = np.asarray(lowess(y, x, frac=_TREND_SPAN, it=1), dtype=np.float64)
    smooth = smooth[np.isfinite(smooth).all(axis=1)]
    return smooth[:, 0], smooth[:, 1]


def _label_axes(ax: Axes, result: ComparisonData, gene: str, *, n_left_out: int, without_donors: bool) -> None:
    first, second = name_regions(result, 15)
    left_out = f"\n{n_left_out} samples without coordinates or value left out" if n_left_out else ""
    ax.axvline(0, color=PALE, linewidth=0.6, zorder=0)
    ax.set_xlabel(f"mm from {first} to {second},\n0 midway between their samples{left_out}")
    ax.set_ylabel(f"{result.record.scale}, donor effects {'removed' if without_donors else 'left in'}")
    title_axes(ax, describe_test(result, gene))
    dress_axes(ax)


def _explain_marks(ax: Axes, result: ComparisonData, trend: str) -> None:
    """Legend: regions by colour, donors by marker."""
    from matplotlib.lines import Line2D

    regions = [
        Line2D([], [], color=style.face, linewidth=4, label=name)
        for name, style in zip(name_regions(result, 18), region_styles(), strict=True)
    ]
    if trend != "none":
        words = "running trend" if trend == "samples" else "running trend of a donor"
        regions.append(Line2D([], [], color=GREY, linewidth=1.1, linestyle=_DASHES, label=words))
    donors: list[Artist] = [
        Line2D([], [], linestyle="", marker=style.marker, markersize=4, color="white", markeredgecolor=INK,
               markeredgewidth=0.6, label=fit_text(name, 20))
        for name, style in donor_styles(result).items()
    ]  # fmt: skip
    donors, _ = limit_legend(donors, list(donor_styles(result)), _MAX_LEGEND_DONORS)
    ax.legend(handles=[*regions, *donors], loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
