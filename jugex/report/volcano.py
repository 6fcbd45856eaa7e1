"""The volcano plot: a still drawing for paper and for pages without scripts, and what the living one needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from jugex.plots import REGION_STYLES
from jugex.report.svg import Drawing, axis_ticks
from jugex.report.words import count_of, name_adjustment, shorten, tested_genes

if TYPE_CHECKING:
    import pandas as pd

    from jugex.analysis.result import DifferentialExpression

__all__ = ["describe_volcano", "draw_volcano"]

_N_NAMED = 10
_FEW = 30  # up to so many genes are all named
_SIZE = (860, 430)
_SMALLEST_P = 1e-300


def draw_volcano(result: DifferentialExpression) -> Markup | None:
    """Difference and uncorrected permutation p of every gene tested; None where no gene was.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    Markup or None
    """
    tested = tested_genes(result)
    if len(tested) == 0:
        return None
    tested = tested[(tested["diff"].notna() & tested["p_perm"].notna()).to_numpy(dtype=bool)]
    x, y = _place(tested)
    reach = float(np.abs(x).max(initial=0.0)) * 1.08 or 1.0
    top = max(float(y.max(initial=0.0)) * 1.1, 1.0)
    drawing = Drawing(*_SIZE, x=(-reach, reach), y=(0.0, top), margins=(52, 16, 14, 44))
    adjusted = f"adjusted for {name_adjustment(result.settings, brief=True)}"
    drawing.add_x_axis(axis_ticks(-reach, reach, 8), f"difference, region 1 minus region 2 (z-scores, {adjusted})")
    drawing.add_y_axis(axis_ticks(0.0, top, 6), "\N{MINUS SIGN}log10 p (permutation, not corrected)")
    drawing.add_line([0.0, 0.0], [0.0, top], "zero")
    significant = tested["significant"].to_numpy(dtype=bool)
    _add_dull(drawing, x[~significant], y[~significant])
    for side, style in zip((x > 0, x <= 0), REGION_STYLES, strict=True):
        chosen = significant & side
        drawing.add_points(x[chosen], y[chosen], marker=style.marker, colour=style.face, edge="currentColor")
    named = np.flatnonzero(significant)[:_N_NAMED] if len(tested) > _FEW else np.arange(len(tested))
    _name_genes(drawing, list(result.labels[tested.index[named]]), x[named], y[named])
    return drawing.to_markup(
        f"Volcano plot of {count_of(len(tested), result.unit)}, {int(significant.sum()):,} of them significant; "
        "the table below holds the same numbers"
    )


def describe_volcano(result: DifferentialExpression) -> dict[str, Any]:
    """What the scripts of the page need to draw it: names of the regions, and their colours and marks."""
    return {
        "regions": [shorten(name, 40) for name in result.region_names],
        "faces": [style.face for style in REGION_STYLES],
        "symbols": ["circle", "triangle-up"],
        "nNamed": _N_NAMED,
    }


def _place(tested: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    p = np.clip(tested["p_perm"].to_numpy(dtype=np.float64), _SMALLEST_P, 1.0)
    return tested["diff"].to_numpy(dtype=np.float64), -np.log10(p) + 0.0


def _add_dull(drawing: Drawing, x: np.ndarray, y: np.ndarray) -> None:
    """Genes that are not significant, each place once: of 20,000 most lie upon others."""
    pixels = np.column_stack([np.round(drawing.across(x)), np.round(drawing.down(y))])
    _, first = np.unique(pixels, axis=0, return_index=True)
    drawing.add_dots(x[first], y[first], "dots dull large" if len(x) <= _FEW else "dots dull")


def _name_genes(drawing: Drawing, names: list[str], x: np.ndarray, y: np.ndarray) -> None:
    """Symbols beside the points, less those that would stand on another."""
    taken: list[tuple[float, float, float]] = []
    for name, px, py in zip(names, drawing.across(x), drawing.down(y), strict=True):
        text = shorten(name, 14)
        width = 6.5 * len(text)
        if all(abs(py - row) > 12 or abs(px - place) > (width + other) / 2 for place, row, other in taken):
            taken.append((float(px), float(py), width))
            middle = min(max(float(px), drawing.left + width / 2), drawing.right - width / 2)
            drawing.add_text(middle, float(py) - 7, text)
