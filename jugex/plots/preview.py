"""A region with the samples of an atlas in it, before any comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jugex.errors import RegionError
from jugex.plots.styles import DOUBLE_COLUMN, GREY, INK, PALE, dress_axes, in_journal_style, make_axes
from jugex.plots.texts import fit_text
from jugex.regions.base import upright_image

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from jugex.atlas import ExpressionAtlas
    from jugex.regions import Region

__all__ = ["plot_region"]

#: Names of the views, with the axes (0 x, 1 y, 2 z) that run across and up.
_VIEWS = (("sagittal", 1, 2), ("coronal", 0, 2), ("axial", 0, 1))
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")


@in_journal_style
def plot_region(region: Region, atlas: ExpressionAtlas, *, ax: Axes | None = None) -> Axes:
    """Plot a region from three sides: its outline, its samples by donor, other samples of the atlas in grey.

    Parameters
    ----------
    region : Region
    atlas : ExpressionAtlas
    ax : matplotlib Axes, optional
        Axes to draw on, divided into the three views; default: a new figure, 174 mm wide.

    Returns
    -------
    Axes
        Its ``child_axes`` are the sagittal, coronal and axial view, in mm.

    Raises
    ------
    RegionError
        If the region is in another space than the atlas, or has neither extent nor samples.

    Examples
    --------
    >>> import jugex
    >>> area, _ = jugex.demo_regions()
    >>> ax = jugex.plots.plot_region(area, jugex.open_atlas("simulated"))
    >>> [view.get_title() for view in ax.child_axes]
    ['sagittal', 'coronal', 'axial']
    """
    bound = region.bound_to(atlas)
    samples = atlas.samples
    inside = bound.locate(samples)["inside"].to_numpy(dtype=bool)
    if not np.isfinite(bound.centroid).all() and not inside.any():
        raise RegionError(
            f"region {region.name!r} has neither extent nor samples in {atlas.name}, so that there is "
            "nothing to draw; choose another region"
        )
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    donors = samples["donor_name"].to_numpy(dtype=object)
    ax = make_axes(DOUBLE_COLUMN, 80)[0] if ax is None else ax
    ax.set_axis_off()
    names = list(dict.fromkeys(atlas.donors["donor_name"]))
    handles: dict[str, Artist] = {}
    for number, (title, across, up) in enumerate(_VIEWS):
        view = ax.inset_axes((0.05 + number * 0.335, 0.3, 0.27, 0.62))
        view.scatter(points[~inside, across], points[~inside, up], s=1, color=PALE, linewidths=0, zorder=1)
        _draw_outline(view, bound, across, up)
        for place, donor in enumerate(names):
            own = inside & (donors == donor)
            if own.any():
                colour = _COLOURS[place % len(_COLOURS)]
                marks = view.scatter(points[own, across], points[own, up], s=7, color=colour, linewidths=0, zorder=3)
                handles[f"{donor} ({int(own.sum())})"] = marks
        view.set(aspect="equal", title=title, xlabel=f"{'xyz'[across]} (mm)", ylabel=f"{'xyz'[up]} (mm)")
        dress_axes(view)
    donors_in = len(set(donors[inside]))
    ax.set_title(f"{fit_text(region.name, 60)}: {int(inside.sum()):,} samples of {donors_in} donors", color=INK)
    if handles:
        ax.legend(list(handles.values()), list(handles), loc="lower center", ncols=3, handletextpad=0.1)
    return ax


def _draw_outline(view: Axes, region: Region, across: int, up: int) -> None:
    """Draw the outline of the region's projection; a structure has none."""
    if np.isnan(region.volume):
        return
    image = upright_image(region)
    data = np.asarray(image.dataobj) > 0
    through = ({0, 1, 2} - {across, up}).pop()
    projection = data.any(axis=through).astype(np.float64)
    first = image.affine[:3, 3]
    steps = np.diag(image.affine)[:3]
    axes = [first[axis] + steps[axis] * np.arange(data.shape[axis]) for axis in (across, up)]
    if min(projection.shape) > 1:
        view.contour(axes[0], axes[1], projection.T, levels=[0.5], colors=[GREY], linewidths=0.7, zorder=2)
