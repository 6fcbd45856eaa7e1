"""Figures as markup that stands inside a page: no file beside it, and ink in the colour of the page's text."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.plots import REGION_STYLES, donor_styles, sample_views
from jugex.plots.samples import draw_sample_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection
    from matplotlib.figure import Figure

    from jugex.pipeline.comparison import ComparisonData
    from jugex.plots import View

__all__ = ["draw_donor_marks", "draw_region_marks", "draw_views"]

_MM_PER_INCH = 52.0
_SLAB = 4.0  # mm either side of a slice, within which samples outside the regions are shown
_DPI = 200
_MARGIN = 3.0  # mm around what a view shows


def draw_views(result: ComparisonData, out: npt.NDArray[np.float64] | None = None) -> list[tuple[str, str, float]]:
    """Three views of the brain as data URIs of PNG images.

    Parameters
    ----------
    result : ComparisonData
    out : ndarray, shape (n, 3), optional
        Samples outside both regions, in mm; those near a slice are drawn as small rings.

    Returns
    -------
    list of tuple
        Per view: what it shows ("sagittal, x = -8 mm"), the data URI, and its width in mm: all have one scale.
    """
    from matplotlib.figure import Figure

    figures = [Figure() for _ in range(3)]
    axes = [figure.add_axes((0, 0, 1, 1)) for figure in figures]
    draw_sample_views(result, axes)
    views = []
    for figure, ax, view in zip(figures, axes, sample_views(result), strict=True):
        ax.set_title("")
        if legend := ax.get_legend():
            legend.remove()
        _crop(ax)
        if out is not None:
            _add_samples_out(ax, out, view)
        width, height = (abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim()))
        figure.set_size_inches(width / _MM_PER_INCH, height / _MM_PER_INCH)
        position = f"{view.position:.0f}".replace("-", "\N{MINUS SIGN}")
        views.append((f"{view.name}, {view.axis} = {position} mm", _to_data_uri(figure), width))
    return views


def draw_donor_marks(result: ComparisonData) -> list[tuple[str, str]]:
    """Name and mark (SVG markup) of each donor with a sample used, for a legend."""
    return [(name, _to_mark(style.marker, style.colour, style.colour)) for name, style in donor_styles(result).items()]


def draw_region_marks(result: ComparisonData) -> list[tuple[str, str]]:
    """Name and mark (SVG markup) of both regions, as in the views of the brain."""
    return [
        (name, _to_mark(style.marker, style.face, style.edge))
        for name, style in zip(result.region_names, REGION_STYLES, strict=True)
    ]


def _crop(ax: Axes) -> None:
    """Limits around what a view shows, the slice, samples and outlines; so its letters stand beside the brain."""
    image = ax.images[0]
    shown = ~np.ma.getmaskarray(np.ma.asarray(image.get_array()))
    if not shown.any():
        return
    left, right, bottom, top = image.get_extent()
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    pixel = np.array([(right - left) / shown.shape[1], (top - bottom) / shown.shape[0]])
    corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]]) * pixel + (left, bottom)
    points = np.concatenate([corners, *(_list_points(collection) for collection in ax.collections)])
    low, high = np.nanmin(points, axis=0) - _MARGIN, np.nanmax(points, axis=0) + _MARGIN
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    for letter in ax.texts:
        letter.set_position((0.02 if letter.get_text() == "L" else 0.98, 0.96))
        letter.set(transform=ax.transAxes, va="top", ha="left" if letter.get_text() == "L" else "right", fontsize=11)


def _list_points(collection: Collection) -> npt.NDArray[np.float64]:
    """Where the markers of a collection lie, or the corners of its lines; shape (n, 2), in mm."""
    offsets = np.asarray(np.ma.getdata(np.ma.asarray(collection.get_offsets())), dtype=np.float64)
    if len(offsets) and offsets.any():
        return offsets
    vertices = [np.asarray(path.vertices, dtype=np.float64) for path in collection.get_paths()]
    return np.concatenate([np.empty((0, 2)), *(part for part in vertices if len(part))])


def _add_samples_out(ax: Axes, out: npt.NDArray[np.float64], view: View) -> None:
    """Samples outside both regions that lie near a slice."""
    through = "xyz".index(view.axis)
    across, up = (axis for axis in range(3) if axis != through)
    near = out[np.abs(out[:, through] - view.position) <= _SLAB]
    limits = ax.get_xlim(), ax.get_ylim()
    ax.scatter(near[:, across], near[:, up], s=9, facecolors="none", edgecolors="#9AA5B1", linewidths=0.8, zorder=2)
    ax.set(xlim=limits[0], ylim=limits[1])


def _to_data_uri(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, transparent=True, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _to_mark(marker: str, face: str, edge: str) -> str:
    """One marker as a small drawing."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    points = " ".join(f"{x:.2f},{-y:.2f}" for polygon in path.to_polygons() for x, y in np.asarray(polygon))
    return (
        '<svg class="mark" viewBox="-0.75 -0.75 1.5 1.5" aria-hidden="true">'
        f'<polygon points="{points}" fill="{face}" stroke="{edge}" stroke-width="0.1"/></svg>'
    )
