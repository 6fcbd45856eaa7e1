"""Small drawings as SVG markup: axes, points, lines and words, in the colours of the page that they stand in.

A page with hundreds of figures needs them small and fast; matplotlib takes 40 ms and 30 kB for one of these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

__all__ = ["MARKERS", "Drawing", "axis_ticks", "format_tick"]

#: Markers of `jugex.plots` as paths around a point, about 5 units wide.
MARKERS = {
    "o": "m-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0z",
    "s": "m-2.3-2.3h4.6v4.6h-4.6z",
    "^": "m0-3l2.9 5h-5.8z",
    "D": "m0-3.2l3.2 3.2l-3.2 3.2l-3.2-3.2z",
    "v": "m0 3l2.9-5h-5.8z",
    "P": "m-1-3h2v2h2v2h-2v2h-2v-2h-2v-2h2z",
    "X": "m-3-1.8l1.2-1.2l1.8 1.8l1.8-1.8l1.2 1.2l-1.8 1.8l1.8 1.8l-1.2 1.2l-1.8-1.8l-1.8 1.8l-1.2-1.2l1.8-1.8z",
}


def _enlarge(path: str, factor: float) -> str:
    """A path around a point, larger; the flags of arcs (0 and 1 between blanks) stay."""
    if "a" in path:
        radius = round(2.6 * factor, 1)  # the arcs are halves of the circle only where both lengths fit
        return _CIRCLE.format(r=radius, d=2 * radius)
    return re.sub(r"\d+(\.\d+)?", lambda number: f"{float(number.group()) * factor:.1f}", path)


_CIRCLE = "m-{r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {d:.1f} 0a{r:.1f} {r:.1f} 0 1 0-{d:.1f} 0z"
LARGE_MARKERS = {name: _enlarge(path, 1.6) for name, path in MARKERS.items()}
_MOST_SHAPED = 400  # of more points the shapes are not told apart, and would weigh megabytes

Values = Sequence[float] | npt.NDArray[np.float64]


def axis_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about `n`."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=n, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(tick) + 0.0 for tick in ticks if low - slack <= tick <= high + slack]


def format_tick(value: float) -> str:
    """A tick's number, with a true minus sign."""
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


class Drawing:
    """One drawing: a frame with linear axes, filled part by part.

    Parameters
    ----------
    width, height : float
        Size in pixels; the page may scale it.
    x, y : tuple of two float
        What the frame spans; y rises upwards.
    margins : tuple of four float
        Room left, right, above and below the frame.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        margins: tuple[float, float, float, float] = (42, 8, 8, 34),
    ) -> None:
        self.width, self.height = width, height
        self.left, self.right = margins[0], width - margins[1]
        self.top, self.bottom = margins[2], height - margins[3]
        self._x, self._y = _widen(x), _widen(y)
        self._parts: list[str] = []

    def across(self, x: Values | float) -> npt.NDArray[np.float64]:
        """Pixels from the left of values on the x axis."""
        low, high = self._x
        return self.left + (np.asarray(x, dtype=np.float64) - low) / (high - low) * (self.right - self.left)

    def down(self, y: Values | float) -> npt.NDArray[np.float64]:
        """Pixels from the top of values on the y axis."""
        low, high = self._y
        return self.bottom - (np.asarray(y, dtype=np.float64) - low) / (high - low) * (self.bottom - self.top)

    def add_line(self, x: Values, y: Values, kind: str, *, colour: str | None = None) -> None:
        """Join points of the axes."""
        points = "L".join(f"{px:.1f} {py:.1f}" for px, py in zip(self.across(x), self.down(y), strict=True))
        stroke = f' style="stroke:{colour}"' if colour else ""
        self._parts.append(f'<path class="{kind}"{stroke} d="M{points}"/>')

    def add_bar(self, x: tuple[float, float], y: tuple[float, float], kind: str) -> None:
        """A box between two points of the axes."""
        (x_1, x_2), (y_1, y_2) = self.across(x), self.down(y)
        left, top, width, height = min(x_1, x_2), min(y_1, y_2), abs(x_2 - x_1), abs(y_2 - y_1)
        self._parts.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )

    def add_bars(self, edges: Values, heights: Values, kind: str) -> None:
        """A histogram as one outline."""
        xs, ys = np.repeat(np.asarray(edges, dtype=np.float64), 2), np.repeat(np.asarray(heights, dtype=np.float64), 2)
        self.add_line(xs, np.concatenate([[0.0], ys, [0.0]]), kind)

    def add_points(
        self, x: Values, y: Values, *, marker: str, colour: str, filled: bool = True, edge: str | None = None,
        large: bool = False,
    ) -> None:  # fmt: skip
        """Markers at points of the axes, as one path."""
        pixels = zip(self.across(x), self.down(y), strict=True)
        if np.size(x) == 0:
            return
        if np.size(x) > _MOST_SHAPED:
            path = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in pixels)
            self._parts.append(f'<path class="dots" style="stroke:{colour}" d="{path}"/>')
            return
        shape = LARGE_MARKERS[marker] if large else MARKERS[marker]
        path = "".join(f"M{px:.1f} {py:.1f}{shape}" for px, py in pixels)
        fill = f"fill:{colour};" if filled else ""
        self._parts.append(
            f'<path class="{"points" if filled else "points open"}" style="{fill}stroke:{edge or colour}" d="{path}"/>'
        )

    def add_leader(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A fine line between two pixels, from a mark to its name."""
        (x_1, y_1), (x_2, y_2) = start, end
        self._parts.append(f'<path class="whisker" d="M{x_1:.1f} {y_1:.1f}L{x_2:.1f} {y_2:.1f}"/>')

    def add_mark(self, x: float, y: float, *, marker: str, colour: str, filled: bool = True) -> None:
        """One marker at a pixel, as in a legend."""
        look = f'class="points" style="fill:{colour};' if filled else 'class="points open" style="'
        self._parts.append(f'<path {look}stroke:{colour}" d="M{x:.1f} {y:.1f}{MARKERS[marker]}"/>')

    def add_dots(self, x: Values, y: Values, kind: str) -> None:
        """Round dots, the lightest of points."""
        path = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in zip(self.across(x), self.down(y), strict=True))
        if path:
            self._parts.append(f'<path class="{kind}" d="{path}"/>')

    def add_text(
        self, x: float, y: float, text: str, kind: str = "", anchor: str = "middle", *, italic: bool = False
    ) -> None:
        """Words at a pixel; italic for the letter of a statistic."""
        look = (f' class="{kind}"' if kind else "") + (' font-style="italic"' if italic else "")
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{look}>{escape(text)}</text>')

    def add_x_axis(self, ticks: Sequence[float], title: str = "", *, italic: bool = False) -> None:
        """Axis below the frame, with numbers."""
        self._parts.append(f'<path class="axis" d="M{self.left:.1f} {self.bottom:.1f}H{self.right:.1f}"/>')
        for tick in ticks:
            px = float(self.across(tick))
            self._parts.append(f'<path class="axis" d="M{px:.1f} {self.bottom:.1f}v4"/>')
            self.add_text(px, self.bottom + 15, format_tick(tick))
        if title:
            self.add_text((self.left + self.right) / 2, self.bottom + 30, title, italic=italic)

    def add_y_axis(self, ticks: Sequence[float], title: str = "") -> None:
        """Axis left of the frame, with numbers and a title along it."""
        self._parts.append(f'<path class="axis" d="M{self.left:.1f} {self.top:.1f}V{self.bottom:.1f}"/>')
        for tick in ticks:
            py = float(self.down(tick))
            self._parts.append(f'<path class="axis" d="M{self.left:.1f} {py:.1f}h-4"/>')
            self.add_text(self.left - 7, py + 3.5, format_tick(tick), anchor="end")
        if title:
            middle = (self.top + self.bottom) / 2
            self._parts.append(
                f'<text transform="translate(11 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(title)}</text>'
            )

    def to_markup(self, label: str) -> Markup:
        """The drawing as an ``<svg>`` element that says to screen readers what it shows."""
        return Markup(  # every text in the parts was escaped when it came in
            f'<svg class="drawing" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(label)}">' + "".join(self._parts) + "</svg>"
        )


def _widen(limits: tuple[float, float]) -> tuple[float, float]:
    """Limits that are finite and apart."""
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 1.0
    return (low, high) if high != low else (low - 0.5, high + 0.5)
