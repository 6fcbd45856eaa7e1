"""z-scores of many genes in all samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from jugex.errors import GeneError, OptionError
from jugex.plots.styles import (
    DOUBLE_COLUMN,
    GREY,
    INK,
    PALE,
    donor_styles,
    figure_of,
    in_journal_style,
    limit_legend,
    make_axes,
    place_legend_below,
    region_styles,
    size_in_points,
    text_size,
)  # fmt: skip
from jugex.plots.texts import find_zscores, fit_text, name_regions, shorten_distinctly

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["HeatmapOrder", "plot_heatmap"]

HeatmapOrder = Literal["difference", "clusters"]

_MM_PER_GENE = 2.7
_MAX_HEIGHT = 235.0  # mm: a page
_MIN_ROW_HEIGHT = 6.5  # points that a name needs
_MAX_RANGE = 3.0  # z-scores beyond +-3 have the same colour
_MAX_LEGEND_DONORS = 18  # in the legend
_MAX_MARKED_DONORS = 60  # with more donors in the strip, summed over regions, there is no room for marks
_STRIP = 0.07  # height of the strip of donors, inches

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_heatmap(
    result: ComparisonData,
    genes: Sequence[str] | None = None,
    *,
    n_genes: int = 50,
    order: HeatmapOrder = "difference",
    ax: Axes | None = None,
) -> Axes:
    """Plot z-scores of genes (rows) in all samples used (columns), by region and, within regions, by donor.

    Blue is below the mean of the donor's samples, red above; any kind of colour vision can tell the two apart. z-scores
    beyond +-3 have the same colour, missing ones are grey. The strip above shows the regions, colours and marks in the
    strip below show the donors; the words below give the order of genes and samples.

    Parameters
    ----------
    result : ComparisonData
    genes : sequence of str, optional
        Entries of ``result.labels``; default: the significant ones, or all if none is significant.
    n_genes : int
        Largest number of genes to draw: the first in the table, which have the smallest family-wise p, then the largest
        F. The label of the axis says how many there are.
    order : {'difference', 'clusters'}
        Genes by decreasing difference (region 1 minus region 2), or by average-linkage clustering of their correlations
        over the samples.
    ax : matplotlib Axes, optional
        Axes to draw on, with a colour bar beside them; default: a new figure, 174 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If `n_genes` or `order` has a value that is not allowed.
    GeneError
        If a gene is not in the result, or none has z-scores.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_heatmap
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_heatmap(result, ["MAOA", "GAD2"])
    """
    if order not in get_args(HeatmapOrder) or n_genes < 1:
        raise OptionError(
            f"order must be one of {', '.join(get_args(HeatmapOrder))}, and n_genes at least 1; got {order!r} and "
            f"{n_genes}"
        )
    chosen, n_all = _choose_genes(result, genes, n_genes)
    columns = _order_samples(result)
    rows = _order_genes(result, chosen, order)
    values = result.zscores[rows].to_numpy(dtype=np.float64)[columns].T
    ax = make_axes(DOUBLE_COLUMN, min(34 + _MM_PER_GENE * len(rows), _MAX_HEIGHT))[0] if ax is None else ax
    image = _draw_values(ax, values)
    _mark_samples(ax, result, columns)
    _explain(ax, result, order, has_gaps=bool(np.isnan(values).any()))
    words = "significant" if genes is None and len(result.significant) else "all" if genes is None else "chosen"
    scale = f"{result.record.scale} in the donor"
    _label_axes(
        ax, image, rows, scale, f"{len(rows):,} of {n_all:,} {words} {result.unit}s" if n_all > len(rows) else ""
    )
    return ax


def _choose_genes(result: ComparisonData, genes: Sequence[str] | None, n_genes: int) -> tuple[list[str], int]:
    """The genes to draw, in the order of the table, and how many could be drawn."""
    labels = result.labels
    if genes is None:
        is_found = result.table["significant"].to_numpy(dtype=bool)
        wanted = labels[is_found] if is_found.any() else labels
        wanted = wanted[wanted.isin(result.zscores.columns)]
    else:
        listed = [genes] if isinstance(genes, str) else list(genes)
        for gene in listed:
            find_zscores(result, gene)
        wanted = labels[labels.isin(listed)]
    has_values = result.zscores[list(wanted)].notna().any().to_numpy(dtype=bool)
    drawn = list(wanted[has_values])
    if not drawn:
        raise GeneError("none of these genes has z-scores in this result; see the column status of its table")
    return drawn[:n_genes], len(drawn)


def _order_samples(result: ComparisonData) -> npt.NDArray[np.intp]:
    """Rows of the samples by region, then by donor as the atlas lists them."""
    region = result.samples["region"].map({name: i for i, name in enumerate(result.region_names)})
    donor = result.samples["donor_name"].map({name: i for i, name in enumerate(donor_styles(result))})
    return np.lexsort((donor.to_numpy(), region.to_numpy()))


def _order_genes(result: ComparisonData, chosen: list[str], order: str) -> list[str]:
    """Genes from top to bottom."""
    if order == "difference" or len(chosen) < 3:
        diff = result.table["diff"].set_axis(result.labels)[chosen]
        return list(diff.sort_values(ascending=False, kind="stable", na_position="last").index)
    from scipy.cluster.hierarchy import leaves_list, linkage

    values = result.zscores[chosen].fillna(0.0).to_numpy(dtype=np.float64).T
    centred = values - values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    unit = np.divide(centred, lengths[:, None], out=np.zeros_like(centred), where=lengths[:, None] > 0)
    # 1 - correlation, which is also defined for constant genes (their unit vector is 0)
    distances = np.clip(1 - unit @ unit.T, 0, 2)[np.triu_indices(len(chosen), 1)]
    leaves = leaves_list(linkage(distances, "average", optimal_ordering=True))
    return [chosen[leaf] for leaf in leaves]


def _draw_values(ax: Axes, values: Floats) -> AxesImage:
    finite = np.abs(values[np.isfinite(values)])
    limit = min(_MAX_RANGE, float(finite.max()) or 1.0)
    ax.set_facecolor(PALE)
    return ax.imshow(
        np.ma.masked_invalid(values), aspect="auto", interpolation="nearest", cmap="RdBu_r", vmin=-limit, vmax=limit,
        zorder=1,
    )  # fmt: skip


def _mark_samples(ax: Axes, result: ComparisonData, columns: npt.NDArray[np.intp]) -> None:
    """Draw lines between regions and donors, the names of the regions above, and the strip of donors below."""
    from matplotlib.patches import Rectangle
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    samples = result.samples.iloc[columns]
    styles = donor_styles(result)
    inches = figure_of(ax).dpi_scale_trans + ScaledTranslation(0, 0, ax.transAxes)  # type: ignore[arg-type] # inches from the axes' lower edge
    below = blended_transform_factory(ax.transData, inches)
    upwards = figure_of(ax).dpi_scale_trans + ScaledTranslation(0, 1, ax.transAxes)  # type: ignore[arg-type] # inches from their upper edge
    above = blended_transform_factory(ax.transData, upwards)
    groups = samples.groupby([samples["region"].to_numpy(), samples["donor_name"].to_numpy()], sort=False).size()
    ends = np.cumsum(groups.to_numpy()) - 0.5
    for (_, donor_name), n, end in zip(groups.index, groups, ends, strict=True):
        style = styles[str(donor_name)]
        if end < len(samples) - 1:
            ax.axvline(float(end), color=GREY, linewidth=0.4, zorder=2)
        ax.add_patch(
            Rectangle((end - n, -1.3 * _STRIP), n, _STRIP, transform=below, clip_on=False, color=style.colour,
                      linewidth=0)
        )  # fmt: skip
        if len(groups) > _MAX_MARKED_DONORS:
            continue
        ax.plot(
            [end - n / 2], [-0.8 * _STRIP], style.marker, transform=below, clip_on=False, color="white",
            markeredgecolor=INK, markersize=3, markeredgewidth=0.4,
        )  # fmt: skip
    n_1 = int((samples["region"] == result.region_names[0]).sum())
    ax.axvline(n_1 - 0.5, color="white", linewidth=2.4, zorder=2)
    spans = ((0, n_1), (n_1, len(samples)))
    for name, region, (start, end) in zip(name_regions(result, 40), region_styles(), spans, strict=True):
        ax.add_patch(
            Rectangle((start - 0.5, 0.3 * _STRIP), end - start, 0.6 * _STRIP, transform=above, clip_on=False,
                      facecolor=region.face, linewidth=0)
        )  # fmt: skip
        ax.text(
            (start + end - 1) / 2, 1.3 * _STRIP, f"{name}, n = {end - start}", transform=above, ha="center",
            va="bottom", size=text_size(),
        )  # fmt: skip


def _explain(ax: Axes, result: ComparisonData, order: str, *, has_gaps: bool) -> None:
    """Add a legend of donors and missing values, whose title gives the order of rows and columns."""
    from matplotlib.lines import Line2D

    marks: list[Artist] = [
        Line2D([], [], linestyle="", marker=style.marker, color=style.colour, markersize=4, label=fit_text(name, 20))
        for name, style in donor_styles(result).items()
    ]
    marks, _ = limit_legend(marks, list(donor_styles(result)), _MAX_LEGEND_DONORS)
    if has_gaps:
        marks.append(Line2D([], [], linestyle="", marker="s", color=PALE, markersize=5, label="no value"))
    legend = place_legend_below(ax, marks, below=10, columns=6)
    rows = "decreasing difference (region 1 \N{MINUS SIGN} region 2)" if order == "difference" else "similarity"
    legend.set_title(f"columns: samples by region and donor; rows: {result.unit}s by {rows}")


def _label_axes(ax: Axes, image: AxesImage, rows: list[str], scale: str, left_out: str) -> None:
    """Add the colour bar, and the names of the genes if their rows are high enough."""
    figure = figure_of(ax)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01, aspect=25, extend="both")
    bar.set_label(scale, size=text_size())
    bar.ax.tick_params(labelsize=text_size(), length=2, width=0.5)
    bar.outline.set_linewidth(0.4)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0, labelsize=text_size(-1), pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if left_out:
        ax.set_ylabel(left_out, size=text_size(), color=GREY)
    if size_in_points(ax)[1] / len(rows) >= _MIN_ROW_HEIGHT:
        ax.set_yticks(range(len(rows)), [fit_text(name, 24) for name in shorten_distinctly(rows, 24)])
    else:
        ax.set_yticks([])
