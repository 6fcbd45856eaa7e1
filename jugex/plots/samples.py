"""Samples and regions in three views of the brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError
from jugex.plots.styles import DOUBLE_COLUMN, INK, REGION_STYLES, in_journal_style, make_axes, place_legend_below
from jugex.plots.texts import fit_text
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from nibabel.spatialimages import SpatialImage

    from jugex.analysis.result import DifferentialExpression

__all__ = ["View", "plot_samples", "sample_views"]

_MARGIN = 4.0  # mm around the brain
_COORDINATES = ("mni_x", "mni_y", "mni_z")
#: a view's name, and the axes (0 x, 1 y, 2 z) that run across, up and through it
_VIEWS = (("sagittal", 1, 2, 0), ("coronal", 0, 2, 1), ("axial", 0, 1, 2))

Floats = npt.NDArray[np.float64]


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


@in_journal_style
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

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_samples
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sagittal, coronal, axial = plot_samples(result)
    """
    from nilearn.datasets import load_mni152_template

    if not is_mni_space(result.settings["atlas"]["space"]):
        raise OptionError(
            f"the samples are in {result.settings['atlas']['space']}: only MNI152 has a template to draw on"
        )
    template = load_mni152_template(resolution=1)  # as shipped: coarser ones are resampled from it, which takes longer
    limits = [_frame_brain(result, template, (across, up)) for _, across, up, _ in _VIEWS]
    widths = [across[1] - across[0] for across, _ in limits]  # so that all views have one scale
    drawn = make_axes(DOUBLE_COLUMN, 76, widths) if axes is None else axes
    sagittal, coronal, axial = _check_axes(drawn)
    for ax, view, (_, across, up, through), (left_right, down_up) in zip(
        (sagittal, coronal, axial), sample_views(result), _VIEWS, limits, strict=True
    ):
        shown = _draw_slice(ax, template, (across, up, through), view.position)
        _draw_outlines(ax, result, (across, up))
        _draw_samples(ax, result, (across, up))
        _label_view(ax, view, shown if through != 0 else None)
        ax.set(xlim=left_right, ylim=down_up)
    place_legend_below(coronal, below=6).set_in_layout(False)  # else a long name takes room from the views
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
        centroids = [region.get("centroid") for region in result.settings["regions"]]
        points = np.array([centroid for centroid in centroids if centroid] or [(0, 0, 0)], dtype=np.float64)
    middle = np.round(points.mean(axis=0)) + 0.0  # + 0.0: no minus zero
    sagittal, coronal, axial = (View(name, "xyz"[through], float(middle[through])) for name, _, _, through in _VIEWS)
    return sagittal, coronal, axial


def _check_axes(axes: Sequence[Axes]) -> tuple[Axes, Axes, Axes]:
    listed = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(listed) != 3:
        raise OptionError(f"plot_samples draws three views and needs three axes; got {len(listed)}")
    return listed[0], listed[1], listed[2]


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


def _draw_outlines(ax: Axes, result: DifferentialExpression, axes: tuple[int, int]) -> None:
    """Outline of each region's projection; nothing for a result read from disk."""
    if result.inputs is None:
        return
    from matplotlib.patheffects import withStroke

    for region, style in zip(result.inputs.regions, REGION_STYLES, strict=True):
        shadow, centres = _project(region.to_image(), axes)
        outline = ax.contour(*centres, shadow.T, levels=[0.5], colors=[style.face], linewidths=1.0, zorder=1)
        outline.set_path_effects([withStroke(linewidth=1.8, foreground=style.edge)])  # seen on brain and paper alike


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
            shown[:, 0], shown[:, 1], s=16, marker=style.marker, facecolors=style.face, edgecolors=style.edge,
            linewidths=0.5, zorder=3, label=f"{fit_text(name, 22)} ({len(shown)})",
        )  # fmt: skip


def _frame_brain(
    result: DifferentialExpression, template: SpatialImage, axes: tuple[int, int]
) -> list[tuple[float, float]]:
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
