"""Names beside points, none over another: those that find no room are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.plots.styles import GREY, INK, figure_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["name_points"]

_SIZE = 6.0  # points (1/72 inch), as all lengths here
_MARKER = 2.5
_GAP = 1.0
_DISTANCES = (3.5, 8.0, 13.0, 19.0, 26.0, 34.0, 43.0, 53.0)
_ROOM = np.array([2.5, 0.5])  # kept free around a name, so that names beside each other are not read as one
_LINE_FROM = 5.0
_NEARER = 2.0  # a name without a line is nearer to its own point than to any other by so much

Floats = npt.NDArray[np.float64]


def name_points(ax: Axes, points: Floats, names: Sequence[str], *, keep_clear: Sequence[Artist] = ()) -> int:
    """Write names beside points of laid-out axes, each plainly at its own; a fine line leads to a name further off.

    Parameters
    ----------
    ax : Axes
    points : ndarray, shape (k, 2)
        Where the points lie, in data coordinates; no name covers any of them.
    names : sequence of str
        Of the first points; the first ones choose their place first.
    keep_clear : sequence of Artist
        What no name may cover either.

    Returns
    -------
    int
        How many names found room.
    """
    figure = figure_of(ax)
    figure.draw_without_rendering()  # lays the axes out
    to_points = 72 / figure.dpi
    corners = np.array([artist.get_window_extent().extents for artist in keep_clear]).reshape(-1, 4) * to_points
    marks = ax.transData.transform(points.reshape(-1, 2)) * to_points
    frame = np.asarray(ax.get_window_extent().extents) * to_points
    cells = np.unique(np.rint(marks / _MARKER), axis=0) * _MARKER  # of points on top of each other one is enough
    taken = np.concatenate([corners, _around(marks[: len(names)], _MARKER), _around(cells, _GAP)])
    written, lines = corners, np.empty((0, 4))
    n_named = 0
    for mark, point, name in zip(marks, points, names, strict=False):
        size = _measure(ax, name) * to_points
        named, others = (near[np.abs(near - mark).max(axis=1) > _GAP] for near in (marks[: len(names)], marks))
        uncrossed = np.vstack([written, lines, _around(named, _GAP)])
        found = _find_place(mark, size, frame, taken, uncrossed, others)
        if found is None:
            continue
        shift, box, line = found
        _write(ax, point, name, shift, size)
        taken, written, lines = np.vstack([taken, box, line]), np.vstack([written, box]), np.vstack([lines, line])
        n_named += 1
    return n_named


def _find_place(
    mark: Floats, size: Floats, frame: Floats, taken: Floats, uncrossed: Floats, others: Floats
) -> tuple[Floats, Floats, Floats] | None:
    """Shift, box and line of a name of a point that fits inside the frame and meets nothing, if there is any."""
    for shift in _list_shifts(size, to_right=bool(mark[0] >= (frame[0] + frame[2]) / 2)):
        box, line = _around(mark + shift, size / 2 + _ROOM), _around(_lead(mark, shift, size), _GAP / 2)
        if not _is_inside(box, frame) or _meets(box[None], taken) or _meets(line, uncrossed):
            continue
        if len(line) or _is_nearest(mark, shift, size, others):
            return shift, box, line
    return None


def _is_nearest(mark: Floats, shift: Floats, size: Floats, others: Floats) -> bool:
    """Whether a name is plainly nearer to its own point than to any of others (k, 2)."""
    away = np.linalg.norm(np.maximum(np.abs(np.vstack([mark, others]) - mark - shift) - size / 2, 0), axis=1)
    return bool((away[1:] >= away[0] + _NEARER).all())


def _around(centres: Floats, half: Floats | float) -> Floats:
    """Boxes (..., 4: left, bottom, right, top) around centres (..., 2)."""
    return np.concatenate([centres - half, centres + half], axis=-1)


def _lead(mark: Floats, shift: Floats, size: Floats) -> Floats:
    """Places (k, 2) along the line from a point to its name; none where the name is so near that it needs no line."""
    gap = np.abs(shift) - size / 2
    if gap.max() <= _LINE_FROM:
        return np.empty((0, 2))
    inside = (size / 2 / np.maximum(np.abs(shift), 1e-9)).min()  # share of the way from the centre to the edge
    return mark + shift * np.linspace(0.1, max(1 - inside, 0.1), 12)[:, None]


def _measure(ax: Axes, name: str) -> Floats:
    """Width and height of a name in pixels."""
    text = ax.text(0, 0, name, size=_SIZE)
    box = text.get_window_extent()
    text.remove()
    return np.array([box.width, box.height])


def _list_shifts(size: Floats, *, to_right: bool) -> Iterator[Floats]:
    """Places of a name's centre around its point, the nearest first, outwards before inwards."""
    side = 1 if to_right else -1
    directions = np.array([
        (side, 0), (side, 0.7), (side, -0.7), (0, 1), (0, -1), (-side, 0.7), (-side, -0.7), (-side, 0),
        (side * 0.25, -1), (-side * 0.25, -1), (side * 0.25, 1), (-side * 0.25, 1),
        (side * 0.5, -1), (-side * 0.5, -1), (side * 0.5, 1), (-side * 0.5, 1),
    ])  # fmt: skip
    for distance in _DISTANCES:
        for direction in directions:
            yield direction * distance + np.clip(2 * direction, -1, 1) * size / 2


def _is_inside(box: Floats, frame: Floats) -> bool:
    return bool((box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all())


def _meets(boxes: Floats, taken: Floats) -> bool:
    """Whether any of some boxes (k, 4) meets any of others (j, 4)."""
    a, b = boxes[:, None], taken[None]
    overlap = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    return bool(overlap.any())


def _write(ax: Axes, point: Floats, name: str, shift: Floats, size: Floats) -> None:
    """Write a name; it does not count when the figure is laid out, so that its place stays the one chosen."""
    edge = np.abs(shift) - size / 2
    line = {"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": _MARKER}
    written = ax.annotate(
        name, (float(point[0]), float(point[1])), xytext=(float(shift[0]), float(shift[1])),
        textcoords="offset points", ha="center", va="center", size=_SIZE, color=INK, zorder=5,
        arrowprops=line if edge.max() > _LINE_FROM else None,
    )  # fmt: skip
    written.set_in_layout(False)
