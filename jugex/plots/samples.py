"""Samples and regions in three views of the brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError
from jugex.plots.styles import DOUBLE_COLUMN, INK, REGION_STYLES, in_journal_style, make_axes, place_legend_below
from jugex.plots.texts import name_regions
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from nibabel.spatialimages import SpatialImage

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["View", "plot_samples", "sample_views"]

_MARGIN = 4.0  # mm around the brain
_BLUR = 1.5  # voxels: less leaves the corners that a ball has on a grid
_LEAST_KEPT = 0.75  # share of a mask's voxels that stay inside its smooth outline
_COORDINATES = ("mni_x", "mni_y", "mni_z")
#: a view's name, and the axes (0 x, 1 y, 2 z) that run across, up and through it
_VIEWS = (("sagittal", 1, 2, 0), ("coronal", 0, 2, 1), ("axial", 0, 1, 2))

Floats = npt.NDArray[np.float64]
_Frame: TypeAlias = list[tuple[float, float]]


class View(NamedTuple):
    """One view of the brain: its name, the axis it looks along, and the slice shown (mm).

    Examples
    --------
    >>> from jugex.plots import View
    >>> View("axial", "z", 2.0).position
    2.0
    """

    name: str
    axis: str
    position: float


class Shape(NamedTuple):
    """A region on a grid: what is inside (a mask, or smooth with 0.5 at the border), and the cells' centres in mm."""

    inside: npt.NDArray[np.bool_] | npt.NDArray[np.float32]
    centres: list[Floats]


def plot_samples(result: ComparisonData, *, ax: Axes | None = None) -> Axes:
    """Samples of both regions in three views of the brain, over the MNI152 template.

    The template is cut through the mean of the samples; all samples, and the outlines of the regions where
    ``result.query`` holds them, are projected onto these cuts. Left is left. Samples without a coordinate are
    left out.

    Parameters
    ----------
    result : ComparisonData
    ax : matplotlib Axes, optional
        Where to draw, divided into the three views; default: a figure of its own, 174 mm wide.

    Returns
    -------
    Axes
        Its ``child_axes`` are the sagittal, coronal and axial view, at one scale, in mm.

    Raises
    ------
    OptionError
        Where the samples are in a space of the user's own.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_samples
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sagittal, coronal, axial = plot_samples(result).child_axes
    """
    _check_space(result)
    ax = make_axes(DOUBLE_COLUMN, 76)[0] if ax is None else ax
    draw_sample_views(result, _divide(ax, _frame_views(result, _load_template())))
    return ax


@in_journal_style
def draw_sample_views(result: ComparisonData, axes: Sequence[Axes]) -> None:
    """Draw the views of `plot_samples` into a sagittal, a coronal and an axial Axes."""
    _check_space(result)
    template, shapes = _load_template(), _list_shapes(result)
    frames = _frame_views(result, template)
    for ax, view, (_, across, up, through), (left_right, down_up) in zip(
        axes, sample_views(result), _VIEWS, frames, strict=True
    ):
        shown = _draw_slice(ax, template, (across, up, through), view.position)
        _draw_outlines(ax, shapes, (across, up))
        _draw_samples(ax, result, (across, up))
        _label_view(ax, view, shown if through != 0 else None)
        ax.set(xlim=left_right, ylim=down_up, xticks=[], yticks=[])
    place_legend_below(axes[1], below=6).set_in_layout(False)  # else a long name takes room from the views


def sample_views(result: ComparisonData) -> tuple[View, View, View]:
    """The three views of `plot_samples`: cut through the mean of the samples, else of the regions' centroids.

    Parameters
    ----------
    result : ComparisonData

    Returns
    -------
    tuple of three View
        Positions in whole mm.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import sample_views
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sample_views(result)[0]
    View(name='sagittal', axis='x', position=-15.0)
    """
    points = _sample_points(result.samples)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        centroids = [region.identity.centroid for region in result.record.regions]
        points = np.array([centroid for centroid in centroids if centroid] or [(0, 0, 0)], dtype=np.float64)
    middle = np.round(points.mean(axis=0)) + 0.0  # + 0.0: no minus zero
    sagittal, coronal, axial = (View(name, "xyz"[through], float(middle[through])) for name, _, _, through in _VIEWS)
    return sagittal, coronal, axial


def _check_space(result: ComparisonData) -> None:
    space = result.record.atlas.space
    if not is_mni_space(space):
        raise OptionError(f"the samples are in {space}: only MNI152 has a template to draw on")


def _load_template() -> SpatialImage:
    """The template as it is shipped: coarser ones are resampled from it, which takes longer."""
    from nilearn.datasets import load_mni152_template

    template: SpatialImage = load_mni152_template(resolution=1)
    return template


def _frame_views(result: ComparisonData, template: SpatialImage) -> list[_Frame]:
    """Limits in mm, across and up, of each view."""
    return [_frame_brain(result, template, (across, up)) for _, across, up, _ in _VIEWS]


def _divide(ax: Axes, frames: Sequence[_Frame]) -> list[Axes]:
    """Axes for the views, side by side inside another: as wide and high as their frames, so at one scale."""
    ax.set(xticks=[], yticks=[])
    ax.set_axis_off()
    widths, heights = (np.array([abs(high - low) for low, high in limits]) for limits in zip(*frames, strict=True))
    starts = np.concatenate([[0.0], np.cumsum(widths)[:-1]]) / widths.sum()
    return [
        ax.inset_axes((start, 1 - height, width, height))
        for start, width, height in zip(starts, widths / widths.sum(), heights / heights.max(), strict=True)
    ]


def _sample_points(samples: pd.DataFrame) -> Floats:
    return samples[list(_COORDINATES)].to_numpy(dtype=np.float64)


def _draw_slice(ax: Axes, template: SpatialImage, axes: tuple[int, int, int], position: float) -> Floats:
    """One slice of the template, in mm, nothing outside the brain; left, right and upper end of the brain in it.

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
    columns, rows = (np.flatnonzero((values > 0).any(axis=axis)) for axis in (1, 0))
    if len(columns) == 0:  # a cut beside the brain
        return np.array([starts[across], ends[across], ends[up]])
    places = [shift[across] + scale[across] * columns[[0, -1]], shift[up] + scale[up] * rows[[-1]]]
    return np.concatenate(places)


def _draw_outlines(ax: Axes, shapes: list[Shape], axes: tuple[int, int]) -> None:
    """Outline of each region's projection."""
    from matplotlib.patheffects import withStroke

    for shape, style in zip(shapes, REGION_STYLES, strict=False):
        shadow, centres = _project(shape, axes)
        outline = ax.contour(*centres, shadow.T, levels=[0.5], colors=[style.face], linewidths=1.0, zorder=1)
        outline.set_path_effects([withStroke(linewidth=1.8, foreground=style.edge)])  # seen on brain and paper alike


def _list_shapes(result: ComparisonData) -> list[Shape]:
    """The regions in space; none for a result read from disk."""
    regions = () if result.query is None else result.query.regions
    return [_find_shape(region.to_image()) for region in regions]


def _find_shape(image: SpatialImage) -> Shape:
    """A binary image on a grid along x, y and z, with an edge of two empty voxels."""
    from nibabel.affines import apply_affine, voxel_sizes

    points = apply_affine(image.affine, np.argwhere(np.asanyarray(image.dataobj) > 0))
    step = float(voxel_sizes(image.affine).max())
    edges = [np.arange(column.min() - 2.5 * step, column.max() + 3 * step, step) for column in points.T]
    counts, _ = np.histogramdd(points, bins=edges)
    return Shape(smooth_mask(counts > 0), [(edge[:-1] + edge[1:]) / 2 for edge in edges])


def _project(shape: Shape, axes: tuple[int, int]) -> tuple[Floats, list[Floats]]:
    """Shadow of a shape along one axis (to be outlined at 0.5), on a grid twice as fine, and the centres of its cells.

    Between cells the shadow is interpolated, so that its outline follows the region instead of the edges of voxels.
    """
    from scipy.ndimage import zoom

    (through,) = {0, 1, 2} - set(axes)
    shadow = shape.inside.max(axis=through)
    shadow = smooth_mask(shadow) if shape.inside.dtype == np.bool_ else shadow
    centres = [shape.centres[axis] for axis in sorted(axes)]
    fine = zoom(shadow.astype(np.float64), 2 - 1 / np.array(shadow.shape), order=3)  # old and new cells coincide
    finer = [np.linspace(centre[0], centre[-1], n) for centre, n in zip(centres, fine.shape, strict=True)]
    return (fine, finer) if axes[0] < axes[1] else (fine.T, finer[::-1])


def smooth_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32] | npt.NDArray[np.bool_]:
    """A mask blurred, to be outlined at 0.5 in its own size; the mask itself where it is too thin to be blurred."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(mask.astype(np.float32), _BLUR, mode="constant")
    if not mask.any() or (blurred[mask] >= 0.5).mean() < _LEAST_KEPT:
        return mask
    border = np.partition(blurred, -mask.sum(), axis=None)[-mask.sum()]
    return np.asarray(blurred + (np.float32(0.5) - border))


def _draw_samples(ax: Axes, result: ComparisonData, axes: tuple[int, int]) -> None:
    shown_names = name_regions(result, 22)
    for name, shown_name, style in zip(result.region_names, shown_names, REGION_STYLES, strict=True):
        points = _sample_points(result.samples[(result.samples["region"] == name).to_numpy()])
        shown = points[np.isfinite(points).all(axis=1)][:, list(axes)]
        ax.scatter(
            shown[:, 0], shown[:, 1], s=16, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
            linewidths=0.5, zorder=3, label=f"{shown_name} ({len(shown)})",
        )  # fmt: skip


def _frame_brain(result: ComparisonData, template: SpatialImage, axes: tuple[int, int]) -> _Frame:
    """Limits of a view across and up: the brain, and the samples outside it."""
    points = _sample_points(result.samples)
    points = points[np.isfinite(points).all(axis=1)]
    inside = np.asanyarray(template.dataobj) > 0
    limits = []
    for axis in axes:
        rows = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        ends = template.affine[axis, 3] + template.affine[axis, axis] * rows[[0, -1]]
        reach = np.concatenate([ends, points[:, axis]])
        limits.append((float(reach.min()) - _MARGIN, float(reach.max()) + _MARGIN))
    return limits


def _label_view(ax: Axes, view: View, brain: Floats | None) -> None:
    """Name the view and its cut; left and right beside the upper end of the brain, where the view has them."""
    position = f"{view.position:.0f}".replace("-", "\N{MINUS SIGN}")
    ax.set_title(f"{view.name}, ${view.axis}$ = {position} mm", parse_math=True)
    ax.set_axis_off()
    ax.set_aspect("equal", anchor="N")  # titles on one line
    if brain is not None:
        left, right, top = (float(end) for end in brain)
        for letter, x, side in (("L", left, "left"), ("R", right, "right")):
            ax.text(x, top, letter, color=INK, ha=side, va="top", fontweight="bold")
