"""Three views of the brain with the samples and the outlines of the regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError
from jugex.pipeline.drawings import RegionVoxels
from jugex.plots.panels import COORDINATES, elsewhere, region_voxels
from jugex.plots.styles import DOUBLE_COLUMN, INK, in_journal_style, make_axes, place_legend_below, region_styles
from jugex.plots.texts import name_regions
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["BrainView", "View", "brain_views", "cortex_mesh", "plot_samples", "sample_views", "smooth_mask"]

_MARGIN = 3.0  # mm around the brain, samples and outlines of a view
_NEAR_SLICE = 4.0  # mm on either side of a slice: samples outside the regions are shown if they are so near
_BLUR = 1.5  # voxels: a smaller width leaves the corners of voxels in the outline of a ball
_MIN_SHARE_KEPT = 0.75  # share of a mask's voxels that must stay inside its smooth outline
#: Values drawn as black and as white: the template has 1 to 255, and its darkest parts must show on black.
_GREYS = (-64, 268)
#: a view's name, and the axes (0 x, 1 y, 2 z) that run across, up and through it
_VIEWS = (("sagittal", 1, 2, 0), ("coronal", 0, 2, 1), ("axial", 0, 1, 2))
_TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


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


@dataclass(frozen=True, eq=False)
class BrainView:
    """The content of one view of the brain, with coordinates across and up in mm.

    Attributes
    ----------
    view : View
    greys : ndarray of uint8, shape (rows, columns)
        Slice of the template, the lowest row first; 0 outside the brain.
    extent : tuple of float
        Left, right, lower and upper edge of the slice.
    frame : tuple of float
        Left, right, lower and upper edge of the view, around the brain, the samples and the outlines.
    brain : tuple of float
        Left, right and upper end of the brain in the slice.
    samples : tuple of ndarray, each (k, 2)
        Samples of each region that have coordinates, at any distance from the slice.
    outlines : tuple of list of ndarray, each (k, 2)
        Closed lines around the projection of each region; none if the regions are not known.
    near : ndarray, shape (k, 2)
        Samples in neither region within 4 mm of the slice.
    """

    view: View
    greys: Bytes
    extent: tuple[float, float, float, float]
    frame: tuple[float, float, float, float]
    brain: tuple[float, float, float]
    samples: tuple[Floats, ...]
    outlines: tuple[list[Floats], ...]
    near: Floats


class Shape(NamedTuple):
    """A region on a grid: `inside` (a mask, or smooth values with 0.5 at the border) and the cells' centres in mm."""

    inside: npt.NDArray[np.bool_] | npt.NDArray[np.float32]
    centres: list[Floats]


def plot_samples(result: ComparisonData, *, ax: Axes | None = None) -> Axes:
    """Plot the samples of both regions in three views of the brain, over the MNI152 template.

    The template is cut through the mean of the samples; all samples, and the outlines of the regions if the result
    holds them, are projected onto the cuts. Left is left. Samples without coordinates are left out.

    Parameters
    ----------
    result : ComparisonData
    ax : matplotlib Axes, optional
        Axes to draw on, divided into the three views; default: a new figure, 174 mm wide.

    Returns
    -------
    Axes
        Its ``child_axes`` are the sagittal, coronal and axial view, at one scale, in mm.

    Raises
    ------
    OptionError
        If the samples are not in an MNI space.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_samples
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sagittal, coronal, axial = plot_samples(result).child_axes
    """
    views = brain_views(result)
    ax = make_axes(DOUBLE_COLUMN, 76)[0] if ax is None else ax
    _draw_views(ax, result, views)
    return ax


@in_journal_style
def _draw_views(ax: Axes, result: ComparisonData, views: Sequence[BrainView]) -> None:
    axes = _make_view_axes(ax, views)
    for part, view in zip(axes, views, strict=True):
        part.imshow(
            np.ma.masked_equal(view.greys, 0), origin="lower", cmap="gray", vmin=_GREYS[0], vmax=_GREYS[1], zorder=0,
            interpolation="none", extent=view.extent,
        )  # fmt: skip
        _draw_outlines(part, view)
        _draw_samples(part, result, view)
        _label_view(part, view)
        left, right, low, high = view.frame
        part.set(xlim=(left, right), ylim=(low, high), xticks=[], yticks=[])
    place_legend_below(axes[1], below=6).set_in_layout(False)  # else a long name would take room from the views


def sample_views(result: ComparisonData) -> tuple[View, View, View]:
    """Return the views of `plot_samples`: cuts through the mean of the samples, else of the regions' centroids.

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
    View(name='sagittal', axis='x', position=-16.0)
    """
    points = _find_points(result.samples)
    if len(points) == 0:
        centroids = [region.identity.centroid for region in result.record.regions]
        points = np.array([centroid for centroid in centroids if centroid] or [(0, 0, 0)], dtype=np.float64)
    middle = np.round(points.mean(axis=0)) + 0.0  # + 0.0: no minus zero
    sagittal, coronal, axial = (View(name, "xyz"[through], float(middle[through])) for name, _, _, through in _VIEWS)
    return sagittal, coronal, axial


def brain_views(result: ComparisonData) -> list[BrainView]:
    """Return the content of the three views of the brain.

    Parameters
    ----------
    result : ComparisonData

    Raises
    ------
    OptionError
        If the samples are not in an MNI space.
    """
    space = result.record.atlas.space
    if not is_mni_space(space):
        raise OptionError(
            f"the samples are in the space {space}, but only MNI152 has a template to draw on; plot genes "
            "instead (plot_gene)"
        )
    in_regions = [
        _find_points(result.samples[(result.samples["region"] == name).to_numpy()]) for name in result.region_names
    ]
    shapes, others = [_find_shape(region) for region in region_voxels(result) or ()], elsewhere(result)
    views = []
    for view, (_, across, up, through) in zip(sample_views(result), _VIEWS, strict=True):
        greys, extent, brain = _cut_template((across, up, through), view.position)
        samples = tuple(points[:, [across, up]] for points in in_regions)
        outlines = tuple(_outline(shape, (across, up)) for shape in shapes)
        near = others[np.abs(others[:, through] - view.position) <= _NEAR_SLICE][:, [across, up]]
        shown = np.concatenate([brain, *samples, *(line for lines in outlines for line in lines)])
        (left, low), (right, high) = shown.min(axis=0) - _MARGIN, shown.max(axis=0) + _MARGIN
        frame = (float(left), float(right), float(low), float(high))
        ends = (float(brain[0, 0]), float(brain[1, 0]), float(brain[1, 1]))
        views.append(BrainView(view, greys, extent, frame, ends, samples, outlines, near))
    return views


def _find_points(samples: pd.DataFrame) -> Floats:
    """Coordinates (k, 3) in mm of the samples that have them."""
    points: Floats = samples[COORDINATES].to_numpy(dtype=np.float64)
    return points[np.isfinite(points).all(axis=1)]


@cache
def _load_template() -> tuple[Bytes, Floats]:
    """Load nilearn's 1 mm MNI152 template (1 to 255 in the brain), with the centre of the first voxel in mm.

    The file is read from nilearn's folder, because importing ``nilearn.datasets``, with scikit-learn, takes a second.
    """
    import nibabel as nib

    path = _find_in_nilearn(_TEMPLATE)
    if path is None:
        from nilearn.datasets import load_mni152_template

        template = load_mni152_template(resolution=1)
        return np.rint(255 * template.get_fdata()).astype(np.uint8), template.affine[:3, 3]
    image = nib.funcs.as_closest_canonical(nib.nifti1.Nifti1Image.from_filename(path))
    return np.asarray(image.dataobj, dtype=np.uint8), np.asarray(image.affine[:3, 3], dtype=np.float64)


def _find_in_nilearn(name: str) -> Path | None:
    """Path of a file that nilearn ships, found without importing nilearn; None if it is elsewhere."""
    spec = find_spec("nilearn")
    folders = (spec.submodule_search_locations if spec else None) or []
    path = Path(next(iter(folders), "")) / "datasets" / "data" / name
    return path if path.is_file() else None


def cortex_mesh() -> tuple[Floats, npt.NDArray[np.int64]]:
    """Cortical surface of both hemispheres (fsaverage5): vertices (k, 3) in mm, and triangles (t, 3) of vertices."""
    from nibabel.gifti.gifti import GiftiImage

    corners, triangles, n = [], [], 0
    for side in ("left", "right"):
        path: str | Path | None = _find_in_nilearn(f"fsaverage5/pial_{side}.gii.gz")
        if path is None:
            from nilearn.datasets import fetch_surf_fsaverage

            path = str(fetch_surf_fsaverage("fsaverage5")[f"pial_{side}"])  # part of nilearn: no download
        points, faces = (array.data for array in GiftiImage.from_filename(path).darrays)
        corners.append(np.asarray(points, dtype=np.float64))
        triangles.append(np.asarray(faces, dtype=np.int64) + n)
        n += len(points)
    return np.concatenate(corners), np.concatenate(triangles)


def _cut_template(
    axes: tuple[int, int, int], position: float
) -> tuple[Bytes, tuple[float, float, float, float], Floats]:
    """One slice of the template, its edges, and the lower left and upper right end of the brain in it (2, 2), in mm."""
    across, up, through = axes
    template, first = _load_template()
    index = int(np.clip(np.rint(position - first[through]), 0, template.shape[through] - 1))
    greys = np.ascontiguousarray(np.moveaxis(template, through, 0)[index])  # x before y before z: across before up
    starts, ends = first - 0.5, first + np.array(template.shape) - 0.5
    extent = (float(starts[across]), float(ends[across]), float(starts[up]), float(ends[up]))
    columns, rows = (np.flatnonzero((greys > 0).any(axis=axis)) for axis in (1, 0))
    if len(columns) == 0:  # the slice misses the brain
        return greys.T, extent, np.array([extent[::2], extent[1::2]])
    corners = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]]) + first[[across, up]]
    return greys.T, extent, corners


def _find_shape(region: RegionVoxels) -> Shape:
    """A region on a grid along x, y and z, with a margin of two empty voxels."""
    step, points = region.step, region.points
    if len(points) == 0:
        return Shape(np.zeros((0, 0, 0), dtype=bool), [np.empty(0)] * 3)
    edges = [np.arange(column.min() - 2.5 * step, column.max() + 3 * step, step) for column in points.T]
    counts, _ = np.histogramdd(points, bins=edges)
    return Shape(smooth_mask(counts > 0), [(edge[:-1] + edge[1:]) / 2 for edge in edges])


def _outline(shape: Shape, axes: tuple[int, int]) -> list[Floats]:
    """Lines around the projection of a shape along one axis.

    The projection is interpolated on a grid twice as fine, so that its outline follows the region rather than the edges
    of voxels.
    """
    from contourpy import contour_generator

    if shape.inside.size == 0:
        return []
    (through,) = {0, 1, 2} - set(axes)
    projection = shape.inside.max(axis=through)
    projection = smooth_mask(projection) if shape.inside.dtype == np.bool_ else projection
    fine = _refine(_refine(projection.astype(np.float64)).T).T
    ends = [(shape.centres[axis][0], shape.centres[axis][-1]) for axis in axes]
    x, y = (np.linspace(low, high, n) for (low, high), n in zip(ends, fine.shape, strict=True))
    return [np.asarray(line, dtype=np.float64) for line in contour_generator(x, y, fine.T).lines(0.5)]


def _refine(field: Floats) -> Floats:
    """Interpolate a field (n, m), 0 at its edges, on a grid (2 n - 1, m), by cubics through the four nearest points."""
    padded = np.pad(field, ((1, 1), (0, 0)))
    fine = np.empty((2 * len(field) - 1, field.shape[1]))
    fine[::2] = field
    fine[1::2] = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    return fine


def smooth_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32] | npt.NDArray[np.bool_]:
    """Blur a mask so that its outline at 0.5 keeps its size; a mask too thin to be blurred is returned as it is.

    A Gaussian kernel is applied along each axis in turn: importing ``scipy.ndimage`` takes longer than all views.
    """
    blurred = mask.astype(np.float32)
    for n in mask.shape:
        steps = np.arange(n)
        kernel = np.exp(-((steps[:, None] - steps) ** 2) / (2 * _BLUR**2)) / (_BLUR * np.sqrt(2 * np.pi))
        # the first axis is blurred and becomes the last, so that the order is restored after all axes
        blurred = np.tensordot(blurred, kernel.astype(np.float32), axes=(0, 0))
    if not mask.any() or (blurred[mask] >= 0.5).mean() < _MIN_SHARE_KEPT:
        return mask
    border = np.partition(blurred, -mask.sum(), axis=None)[-mask.sum()]
    return np.asarray(blurred + (np.float32(0.5) - border))


def _make_view_axes(ax: Axes, views: Sequence[BrainView]) -> list[Axes]:
    """Make axes for the views, side by side inside `ax`, in proportion to their frames and so at one scale."""
    ax.set(xticks=[], yticks=[])
    ax.set_axis_off()
    frames = np.array([view.frame for view in views])
    widths, heights = frames[:, 1] - frames[:, 0], frames[:, 3] - frames[:, 2]
    starts = np.concatenate([[0.0], np.cumsum(widths)[:-1]]) / widths.sum()
    return [
        ax.inset_axes((start, 1 - height, width, height))
        for start, width, height in zip(starts, widths / widths.sum(), heights / heights.max(), strict=True)
    ]


def _draw_outlines(ax: Axes, view: BrainView) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import withStroke

    for lines, style in zip(view.outlines, region_styles(), strict=False):
        outline = LineCollection(lines, colors=[style.face], linewidths=1.0, zorder=1)
        outline.set_path_effects([withStroke(linewidth=1.8, foreground=style.edge)])  # visible on brain and paper alike
        ax.add_collection(outline, autolim=False)


def _draw_samples(ax: Axes, result: ComparisonData, view: BrainView) -> None:
    for name, points, style in zip(name_regions(result, 22), view.samples, region_styles(), strict=True):
        ax.scatter(
            points[:, 0], points[:, 1], s=16, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
            linewidths=0.5, zorder=3, label=f"{name} ({len(points)})",
        )  # fmt: skip


def _label_view(ax: Axes, view: BrainView) -> None:
    """Write the title of a view, and L and R beside the upper end of the brain if it shows left and right."""
    name, axis, place = view.view
    position = f"{place:.0f}".replace("-", "\N{MINUS SIGN}")
    ax.set_title(f"{name}, ${axis}$ = {position} mm", parse_math=True, y=1.0)
    ax.set_axis_off()
    ax.set_aspect("equal", anchor="N")  # keeps titles on one line
    if axis != "x":
        left, right, top = view.brain
        for letter, x, side in (("L", left, "left"), ("R", right, "right")):
            ax.text(x, top, letter, color=INK, ha=side, va="top", fontweight="bold")
