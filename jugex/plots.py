"""Figures of a result: a gene's values by region and donor, and where the samples lie.

Every function takes axes and returns them; without axes it makes a figure of its own (``ax.figure``). No state of
pyplot is read or changed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import GeneError, OptionError
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from nibabel.spatialimages import SpatialImage

    from jugex.analysis.result import DifferentialExpression

__all__ = [
    "REGION_STYLES", "DonorStyle", "RegionStyle", "View", "donor_styles", "plot_gene", "plot_samples", "sample_views",
]  # fmt: skip

# Okabe and Ito's palette (jfly.uni-koeln.de/color), less black and yellow: six colours that colour-blind readers
# tell apart, on white and on black
_DONOR_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
_DONOR_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # seven against six colours: 42 donors before a pair repeats
_BOX = "#7F7F7F"
_MARGIN = 4.0  # mm around the brain
_COORDINATES = ("mni_x", "mni_y", "mni_z")
#: a view's name, and the axes (0 x, 1 y, 2 z) that run across, up and through it
_VIEWS = (("sagittal", 1, 2, 0), ("coronal", 0, 2, 1), ("axial", 0, 1, 2))

Floats = npt.NDArray[np.float64]


class DonorStyle(NamedTuple):
    """How a donor is drawn: everywhere the same, so that figures can be compared."""

    colour: str
    marker: str


class RegionStyle(NamedTuple):
    """How the samples of a region are drawn on the brain."""

    face: str
    marker: str
    edge: str


class View(NamedTuple):
    """One view of the brain: its name, the axis it looks along, and the slice shown (mm)."""

    name: str
    axis: str
    position: float


#: Region 1 and region 2: a light and a dark colour that no donor has, told apart by shape as well.
REGION_STYLES = (RegionStyle("#F0E442", "o", "black"), RegionStyle("#5D3A9B", "^", "white"))


def donor_styles(result: DifferentialExpression) -> dict[str, DonorStyle]:
    """Colour and marker of each donor, by its place in the atlas.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    dict
        Donor names to styles, for the donors with a sample used.
    """
    known = [donor["donor_name"] for donor in result.settings["atlas"]["donors"]]
    used = list(pd.unique(result.samples["donor_name"]))
    order = [*known, *(name for name in used if name not in known)]
    return {
        name: DonorStyle(_DONOR_COLOURS[i % len(_DONOR_COLOURS)], _DONOR_MARKERS[i % len(_DONOR_MARKERS)])
        for i, name in enumerate(order)
        if name in used
    }


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
        Where to draw; default: a figure of its own.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        Where the result has no z-scores of the gene.
    """
    zscores = _find_zscores(result, gene)
    ax = _make_axes(1, (4.2, 4.0))[0] if ax is None else ax
    in_regions = [(result.samples["region"] == name).to_numpy() for name in result.region_names]
    _draw_boxes(ax, [zscores[here & np.isfinite(zscores)] for here in in_regions])
    for donor_name, style in donor_styles(result).items():
        of_donor = (result.samples["donor_name"] == donor_name).to_numpy() & np.isfinite(zscores)
        _draw_donor(ax, donor_name, style, [zscores[here & of_donor] for here in in_regions])
    _label_gene_axes(ax, result, gene)
    return ax


def plot_samples(result: DifferentialExpression, *, axes: Sequence[Axes] | None = None) -> tuple[Axes, Axes, Axes]:
    """Samples of both regions in three views of the brain, over the MNI152 template.

    The template is cut through the mean of the samples; all samples, and the outlines of the regions where
    ``result.inputs`` holds them, are projected onto these cuts. Left is left. Samples without a coordinate are
    left out.

    Parameters
    ----------
    result : DifferentialExpression
    axes : sequence of three matplotlib Axes, optional
        Where to draw the sagittal, coronal and axial view; default: a figure of its own.

    Returns
    -------
    tuple of three Axes

    Raises
    ------
    OptionError
        Where `axes` are not three, or the samples are in a space of the user's own.
    """
    from nilearn.datasets import load_mni152_template

    if not is_mni_space(result.settings["atlas"]["space"]):
        raise OptionError(
            f"the samples are in {result.settings['atlas']['space']}: only MNI152 has a template to draw on"
        )
    sagittal, coronal, axial = _make_axes(3, (9.6, 3.6)) if axes is None else _check_axes(axes)
    template = load_mni152_template(resolution=1)  # as shipped: coarser ones are resampled from it, which takes longer
    for ax, view, (_, across, up, through) in zip(
        (sagittal, coronal, axial), sample_views(result), _VIEWS, strict=True
    ):
        _draw_slice(ax, template, (across, up, through), view.position)
        _draw_outlines(ax, result, (across, up))
        _draw_samples(ax, result, (across, up))
        _label_view(ax, view, mark_sides=through != 0)
        _frame_brain(ax, result, template, (across, up))
    axial.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False)
    for text in axial.get_legend().get_texts():  # type: ignore[union-attr]
        text.set_parse_math(False)
    return sagittal, coronal, axial


def sample_views(result: DifferentialExpression) -> tuple[View, View, View]:
    """The three views of `plot_samples`: cut through the mean of the samples, else of the regions' centroids.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    tuple of three View
        Positions in whole mm.
    """
    points = _sample_points(result.samples)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        centroids = [region.get("centroid") for region in result.settings["regions"]]
        points = np.array([centroid for centroid in centroids if centroid] or [(0, 0, 0)], dtype=np.float64)
    middle = np.round(points.mean(axis=0)) + 0.0  # + 0.0: no minus zero
    sagittal, coronal, axial = (View(name, "xyz"[through], float(middle[through])) for name, _, _, through in _VIEWS)
    return sagittal, coronal, axial


def _make_axes(n: int, size: tuple[float, float]) -> list[Axes]:
    """Axes side by side in a figure that pyplot does not know."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return list(figure.subplots(1, n, squeeze=False)[0])


def _check_axes(axes: Sequence[Axes]) -> tuple[Axes, Axes, Axes]:
    listed = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(listed) != 3:
        raise OptionError(f"plot_samples draws three views and needs three axes; got {len(listed)}")
    return listed[0], listed[1], listed[2]


def _find_zscores(result: DifferentialExpression, gene: str) -> Floats:
    if gene in result.zscores.columns:
        return result.zscores[gene].to_numpy(dtype=np.float64)
    if (result.labels == gene).any():
        status = result.table.loc[result.labels == gene, "status"].iloc[0]
        raise GeneError(f"gene {gene!r} has no z-scores in this result ({status}); choose another gene")
    raise GeneError(f"gene {gene!r} is not in this result, which has {len(result.table):,}; see result.labels")


def _draw_boxes(ax: Axes, values: list[Floats]) -> None:
    """Quartiles, median and whiskers of each region, behind the points."""
    line = {"color": _BOX, "linewidth": 1.0}
    ax.boxplot(
        values, positions=[0, 1], widths=0.5, showfliers=False, manage_ticks=False, patch_artist=True, zorder=1,
        boxprops={"facecolor": (0.5, 0.5, 0.5, 0.12), "edgecolor": _BOX, "linewidth": 1.0},
        whiskerprops=line, capprops=line, medianprops={"color": _BOX, "linewidth": 2.2},
    )  # fmt: skip


def _draw_donor(ax: Axes, donor_name: str, style: DonorStyle, values: list[Floats]) -> None:
    """Points of one donor in both regions, and the line between their means where it has both."""
    is_informative = all(len(here) for here in values)
    heights = np.concatenate(values)
    sides = np.repeat([0.0, 1.0], [len(here) for here in values])
    ax.scatter(
        sides + _jitter(values), heights, s=30, marker=style.marker, label=donor_name, zorder=3, linewidths=1.1,
        edgecolors=style.colour, facecolors=style.colour if is_informative else "none",
    )  # fmt: skip
    if is_informative:
        ax.plot([0.33, 0.67], [here.mean() for here in values], color=style.colour, linewidth=1.4, zorder=2)


def _jitter(values: list[Floats]) -> Floats:
    """Shifts within +-0.2 that keep points apart: multiples of the golden ratio, the same in every run."""
    steps = np.concatenate([np.arange(1, len(here) + 1, dtype=np.float64) for here in values])
    start = sum(len(here) for here in values) * 0.37  # so that donors with one sample each do not coincide
    return ((steps + start) * 0.6180339887498949 % 1.0 - 0.5) * 0.4


def _label_gene_axes(ax: Axes, result: DifferentialExpression, gene: str) -> None:
    n = result.samples["region"].value_counts()
    labels = [f"{_wrap(_drawable(name, 60))}\nn = {n.get(name, 0)}" for name in result.region_names]
    ax.set_xticks([0, 1], labels, parse_math=False)
    ax.set_xlim(-0.5, 1.5)
    ax.set_ylabel("z-score")
    ax.set_title(_gene_title(result, gene), parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    legend = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small", title="Donor")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _gene_title(result: DifferentialExpression, gene: str) -> str:
    row = result.table[(result.labels == gene).to_numpy()].iloc[0]
    if not np.isfinite(row["f"]):
        return f"{_drawable(gene, 40)}\nnot tested"
    return f"{_drawable(gene, 40)}\nF(1, {row['df_resid']:.0f}) = {row['f']:.2f}, p_FWE = {row['p_fwe']:.3g}"


def _drawable(text: str, limit: int) -> str:
    """Text that the current font can draw, shortened: a missing glyph would be a warning and an empty box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    line = " ".join(text.split())
    line = line if len(line) <= limit else line[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in line)


def _wrap(text: str) -> str:
    """A tick label on at most two lines, which leaves its neighbour room."""
    return "\n".join(textwrap.wrap(text, width=15, max_lines=2, placeholder="\N{HORIZONTAL ELLIPSIS}"))


def _sample_points(samples: pd.DataFrame) -> Floats:
    return samples[list(_COORDINATES)].to_numpy(dtype=np.float64)


def _draw_slice(ax: Axes, template: SpatialImage, axes: tuple[int, int, int], position: float) -> None:
    """One slice of the template, in mm, nothing outside the brain.

    The template's grid runs along x, y and z, so that its affine is a scale and a shift.
    """
    across, up, through = axes
    scale, shift = np.diag(template.affine)[:3], template.affine[:3, 3]
    index = int(np.clip(np.rint((position - shift[through]) / scale[through]), 0, template.shape[through] - 1))
    values = np.take(np.asanyarray(template.dataobj), index, axis=through)
    values = values if across < up else values.T
    starts, ends = shift - scale / 2, shift + scale * (np.array(template.shape) - 0.5)
    ax.imshow(
        np.ma.masked_less_equal(values.T, 0), origin="lower", cmap="gray", vmin=-0.25, vmax=1.05, zorder=0,
        interpolation="bilinear",
        extent=(starts[across], ends[across], starts[up], ends[up]),
    )  # fmt: skip


def _draw_outlines(ax: Axes, result: DifferentialExpression, axes: tuple[int, int]) -> None:
    """Outline of each region's projection; nothing for a result read from disk."""
    if result.inputs is None:
        return
    from matplotlib.patheffects import withStroke

    for region, style in zip(result.inputs.regions, REGION_STYLES, strict=True):
        shadow, centres = _project(region.to_image(), axes)
        outline = ax.contour(*centres, shadow.T, levels=[0.5], colors=[style.face], linewidths=1.3, zorder=1)
        outline.set_path_effects([withStroke(linewidth=2.3, foreground=style.edge)])  # seen on brain and paper alike


def _project(image: SpatialImage, axes: tuple[int, int]) -> tuple[Floats, list[Floats]]:
    """Shadow (1 where any voxel lies behind) of a binary image along one axis, and its grid's centres in mm."""
    from nibabel.affines import apply_affine, voxel_sizes

    points = apply_affine(image.affine, np.argwhere(np.asanyarray(image.dataobj) > 0))[:, list(axes)]
    step = float(voxel_sizes(image.affine).max())
    edges = [np.arange(column.min() - 1.5 * step, column.max() + 2 * step, step) for column in points.T]
    counts, *_ = np.histogram2d(points[:, 0], points[:, 1], bins=(edges[0], edges[1]))
    return (counts > 0).astype(np.float64), [(edge[:-1] + edge[1:]) / 2 for edge in edges]


def _draw_samples(ax: Axes, result: DifferentialExpression, axes: tuple[int, int]) -> None:
    for name, style in zip(result.region_names, REGION_STYLES, strict=True):
        points = _sample_points(result.samples[(result.samples["region"] == name).to_numpy()])
        shown = points[np.isfinite(points).all(axis=1)][:, list(axes)]
        ax.scatter(
            shown[:, 0], shown[:, 1], s=30, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
            linewidths=0.6, zorder=3, label=f"{_drawable(name, 30)} ({len(shown)})",
        )  # fmt: skip


def _frame_brain(ax: Axes, result: DifferentialExpression, template: SpatialImage, axes: tuple[int, int]) -> None:
    """Limit a view to the brain and the samples, so that views share one scale where they share a width."""
    points = _sample_points(result.samples)
    points = points[np.isfinite(points).all(axis=1)]
    inside = np.asanyarray(template.dataobj) > 0
    limits = []
    for axis in axes:
        rows = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        ends = template.affine[axis, 3] + template.affine[axis, axis] * rows[[0, -1]]
        reach = np.concatenate([ends, points[:, axis]])
        limits.append((float(reach.min()) - _MARGIN, float(reach.max()) + _MARGIN))
    ax.set(xlim=limits[0], ylim=limits[1])


def _label_view(ax: Axes, view: View, *, mark_sides: bool) -> None:
    """Name the view and its cut, and left and right where the view has them."""
    ax.set_title(f"{view.name}, {view.axis} = {view.position:.0f} mm")
    ax.set_axis_off()
    ax.set_aspect("equal")
    if mark_sides:
        for letter, x in (("L", 0.08), ("R", 0.92)):
            ax.text(x, 0.93, letter, color=_BOX, ha="center", transform=ax.transAxes, fontweight="bold")
