"""Boxes and whiskers, pieced together.

``Axes.boxplot`` is not used: it changed its word for lying boxes with matplotlib 3.10, and it reads every setting of
matplotlib, which makes it choose a backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.plots.styles import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_boxes"]

Floats = npt.NDArray[np.float64]


def draw_boxes(
    ax: Axes, values: Sequence[Floats], places: npt.ArrayLike, *, width: float, median: str, lying: bool = False
) -> None:
    """Quartiles, median and whiskers (to 1.5 interquartile ranges) behind the points; none where there is no value.

    Parameters
    ----------
    ax : Axes
    values : sequence of ndarray
        Finite values of each box.
    places : array_like
        Where each box stands.
    width : float
        Width of the boxes.
    median : str
        Colour of the medians.
    lying : bool
        Draw the values across instead of up, and medians over the points, which hide them in rows so low.
    """
    from matplotlib.cbook import boxplot_stats

    is_full = np.array([len(of_box) > 0 for of_box in values], dtype=bool)
    at = np.asarray(places, dtype=np.float64)[is_full]
    found = pd.DataFrame([box for of_box in values if len(of_box) for box in boxplot_stats(of_box)])
    if found.empty:
        return
    low, q1, middle, q3, high = (found[name].to_numpy() for name in ("whislo", "q1", "med", "q3", "whishi"))
    along, across = (ax.hlines, ax.vlines) if lying else (ax.vlines, ax.hlines)
    line: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "zorder": 1}
    bars = ax.barh if lying else ax.bar
    bars(at, q3 - q1, width, q1, facecolor=(0.5, 0.5, 0.5, 0.12), edgecolor=GREY, linewidth=0.7, zorder=1)
    along(at, low, q1, **line)
    along(at, q3, high, **line)
    for ends in (low, high):
        across(ends, at - width / 4, at + width / 4, **line)
    across(middle, at - width / 2, at + width / 2, color=median, linewidth=1.5, zorder=4 if lying else 1.5)
