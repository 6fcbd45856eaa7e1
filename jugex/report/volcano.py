"""The volcano plot: still drawings for paper and for pages without scripts, and what the living one needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from jugex._text import count_of, format_p, shorten
from jugex.plots import REGION_STYLES
from jugex.report.summary import name_adjustment
from jugex.report.svg import Drawing, axis_ticks

if TYPE_CHECKING:
    import pandas as pd

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["describe_volcano", "draw_volcano"]

_N_NAMED = 10
_FEW = 30  # up to so many genes are all named
_SMALLEST_P = 1e-300
_LETTER, _LINE = 7.6, 15.0  # pixels of a letter and of a line, at 14 px
_CAPITAL = 9.6  # symbols of genes are mostly of these
_NEARER = 3.0  # a name without a line is nearer to its own point than to any other by so much
#: shifts of a name's middle from its point, outwards and down, in widths and lines: the first that is free is taken
_PLACES = (
    (0.5, 0.0), (0.5, -0.9), (0.5, 0.9), (0.0, -0.95), (0.0, 1.05), (-0.5, -0.9), (-0.5, 0.9), (-0.5, 0.0),
    (0.0, -2.0), (0.4, -2.0), (-0.4, -2.0), (0.0, 2.2), (0.4, 2.2), (-0.4, 2.2), (0.0, -2.9), (0.0, 3.2),
)  # fmt: skip
_LINE_FROM = 1.5  # lines between a point and its name, from which on a line leads to it

Floats = npt.NDArray[np.float64]


class _Size(NamedTuple):
    """A still drawing: for which windows, its width and height, and how long names of regions may be."""

    kind: str
    width: float
    height: float
    name: int
    ticks: int


_SIZES = (_Size("wide", 860, 450, 30, 8), _Size("narrow", 360, 420, 18, 4))


class _Box(NamedTuple):
    """Pixels that a word takes."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def measure(self, x: float, y: float) -> float:
        """How far a pixel lies from it."""
        return float(np.hypot(max(self.left - x, x - self.right, 0.0), max(self.top - y, y - self.bottom, 0.0)))


def draw_volcano(result: ComparisonData) -> list[tuple[str, Markup]]:
    """Difference and uncorrected permutation p of every gene tested, for wide windows and for narrow ones.

    Parameters
    ----------
    result : ComparisonData

    Returns
    -------
    list of tuple
        "wide" or "narrow", and the drawing; empty where no gene was tested.
    """
    tested = result.tested
    if len(tested) == 0:
        return []
    tested = tested[(tested["diff"].notna() & tested["p_perm"].notna()).to_numpy(dtype=bool)]
    return [(size.kind, _draw(result, tested, size)) for size in _SIZES]


def describe_volcano(result: ComparisonData) -> dict[str, Any]:
    """What the scripts of the page need to draw it: names of the regions, their colours and marks, the smallest p."""
    return {
        "regions": [shorten(name, 40) for name in result.region_names],
        "faces": [style.face for style in REGION_STYLES],
        "symbols": ["circle", "triangle-up"],
        "nNamed": _N_NAMED,
        "smallestP": result.record.permutation.smallest_p,
        "adjustment": name_adjustment(result.record, brief=True),
    }


def _draw(result: ComparisonData, tested: pd.DataFrame, size: _Size) -> Markup:
    x, y = _place(tested)
    floor = float(-np.log10(result.record.permutation.smallest_p or 1.0))
    reach = float(np.abs(x).max(initial=0.0)) * 1.12 or 1.0
    top = max(float(y.max(initial=0.0)), floor, 1.0) * 1.04
    drawing = Drawing(
        size.width,
        size.height,
        x=(-reach, reach),
        y=(0.0, top),
        margins=(56, 16, 50, 68 if size.kind == "wide" else 85),
    )
    _add_axes(drawing, result, size, (reach, top))
    drawing.add_line([0.0, 0.0], [0.0, top], "zero")
    significant = tested["significant"].to_numpy(dtype=bool)
    _add_dull(drawing, x[~significant], y[~significant])
    for side, style in zip((x > 0, x <= 0), REGION_STYLES, strict=True):
        chosen = significant & side
        drawing.add_points(x[chosen], y[chosen], marker=style.marker, colour=style.face, edge="currentColor")
    taken = _add_floor(drawing, result, size, floor, reach)
    named = np.flatnonzero(significant)[:_N_NAMED] if len(tested) > _FEW else np.arange(len(tested))
    _name_genes(drawing, tested.index[named].tolist(), (x[named], y[named]), taken)
    return drawing.to_markup(
        f"Volcano plot of {count_of(len(tested), result.unit)}, {int(significant.sum()):,} of them significant; "
        "the table below holds the same numbers"
    )


def _add_axes(drawing: Drawing, result: ComparisonData, size: _Size, ends: tuple[float, float]) -> None:
    """Axes, and below the difference what its direction means."""
    first, second = (shorten(name, size.name) for name in result.region_names)
    drawing.add_x_axis(axis_ticks(-ends[0], ends[0], size.ticks))
    drawing.add_y_axis(axis_ticks(0.0, ends[1], 6), "\N{MINUS SIGN}log10 p, not corrected")
    left, right = "\N{LEFTWARDS ARROW} higher in", "\N{RIGHTWARDS ARROW}"
    words = [(f"{left} {second}", f"higher in {first} {right}")]
    if size.kind == "narrow":
        words = [(left, f"higher in {right}"), (second, first)]
    row = drawing.bottom + 37
    for on_left, on_right in words:
        drawing.add_text(drawing.left, row, on_left, "strong", "start")
        drawing.add_text(drawing.right, row, on_right, "strong", "end")
        row += 17
    adjusted = f", adjusted for {name_adjustment(result.record, brief=True)}" if size.kind == "wide" else ""
    drawing.add_text((drawing.left + drawing.right) / 2, row + 3, f"difference in z-scores{adjusted}")


def _add_floor(drawing: Drawing, result: ComparisonData, size: _Size, floor: float, reach: float) -> list[_Box]:
    """The smallest p that the run could give, as a line with its name; the place of the name."""
    if floor <= 0:
        return []
    drawing.add_line([-reach, reach], [floor, floor], "floor")
    told = f"smallest {'possible ' if size.kind == 'wide' else ''}p, {format_p(result.record.permutation.smallest_p)}"
    row = float(drawing.down(floor)) - 6
    drawing.add_text(drawing.right, row, told, "soft", "end")
    return [_Box(drawing.right - _LETTER * len(told), drawing.right, row - _LINE + 2, row + 3)]


def _place(tested: pd.DataFrame) -> tuple[Floats, Floats]:
    p = np.clip(tested["p_perm"].to_numpy(dtype=np.float64), _SMALLEST_P, 1.0)
    return tested["diff"].to_numpy(dtype=np.float64), -np.log10(p) + 0.0


def _add_dull(drawing: Drawing, x: Floats, y: Floats) -> None:
    """Genes that are not significant, each place once: of 20,000 most lie upon others."""
    pixels = np.column_stack([np.round(drawing.across(x)), np.round(drawing.down(y))])
    _, first = np.unique(pixels, axis=0, return_index=True)
    drawing.add_dots(x[first], y[first], "dots dull large" if len(x) <= _FEW else "dots dull")


def _name_genes(drawing: Drawing, names: list[str], points: tuple[Floats, Floats], taken: list[_Box]) -> None:
    """Symbols plainly at their points, where they cover no other symbol and no other named point."""
    pixels = list(zip(drawing.across(points[0]).tolist(), drawing.down(points[1]).tolist(), strict=True))
    marks = [_Box(px - 4, px + 4, py - 4, py + 4) for px, py in pixels]
    for number, name in enumerate(names):
        text = shorten(name, 14)
        others = pixels[:number] + pixels[number + 1 :]
        found = _find_place(drawing, text, pixels[number], others, taken + marks[:number] + marks[number + 1 :])
        if found is None:
            continue
        box, is_far = found
        taken.append(box)
        middle = (box.left + box.right) / 2
        drawing.add_text(middle, box.bottom - 3, text)
        if is_far:
            px, py = pixels[number]
            end = (min(max(px, box.left), box.right), box.bottom if box.bottom < py else box.top)
            drawing.add_leader((px, py + (5 if end[1] > py else -5)), end)


def _find_place(
    drawing: Drawing, text: str, point: tuple[float, float], others: list[tuple[float, float]], taken: list[_Box]
) -> tuple[_Box, bool] | None:
    """The first free place of a symbol, and whether a line must lead to it; None where there is none."""
    (px, py), width = point, _CAPITAL * len(text)
    outwards = 1.0 if px >= (drawing.left + drawing.right) / 2 else -1.0
    for across, down in _PLACES:
        middle, row = px + outwards * across * (width + 14), py + 5 + down * _LINE
        box, is_far = _Box(middle - width / 2, middle + width / 2, row - 11, row + 3), abs(down) > _LINE_FROM
        inside = (
            box.left >= drawing.left and box.right <= drawing.right and box.top >= 0 and box.bottom <= drawing.bottom
        )
        if not inside or any(box.meets(other) for other in taken):
            continue
        if is_far or all(box.measure(*other) >= box.measure(px, py) + _NEARER for other in others):
            return box, is_far
    return None
