"""Two drawings of a gene in several regions: its samples region by region, and the differences of pairs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from jugex._text import format_number, format_p, shorten
from jugex.plots.texts import tell_apart
from jugex.report.svg import Drawing, axis_ticks

if TYPE_CHECKING:
    from jugex.plots.styles import DonorStyle

__all__ = ["MAX_PAIRS", "are_numbered", "draw_levels", "draw_pairs"]

#: Pairs drawn of a gene; ten regions have 45.
MAX_PAIRS = 12
_WIDTH = 330
_ROW = 34
_LINE = 12
_NAME = 16
_SHORT = 9
_LEFT = 100

Floats = npt.NDArray[np.float64]


def are_numbered(names: Sequence[str]) -> bool:
    """Whether pairs are told by the numbers of their regions, as their names are too long to stand side by side."""
    return any(len(name) > _SHORT for name in names)


def draw_levels(
    zscores: Floats,
    samples: pd.DataFrame,
    names: tuple[str, ...],
    styles: dict[str, DonorStyle],
) -> Markup:
    """Box and strip of a gene's z-scores, a row per region and a mark per donor.

    Parameters
    ----------
    zscores : ndarray, shape (n,)
    samples : DataFrame, n rows
        With `region` and `donor_name`.
    names : tuple of str
        The regions, from above.
    styles : dict
        Colour and marker of each donor.
    """
    k, told = len(names), []
    regions, donors = samples["region"].to_numpy(), samples["donor_name"].to_numpy()
    low, high = _span(zscores)
    labels = _break_names(names)
    row = _ROW + _LINE * (max(len(lines) for lines in labels) - 1)
    drawing = Drawing(_WIDTH, 46 + row * k, x=(low, high), y=(k - 0.5, -0.5), margins=(_LEFT, 10, 6, 40))
    drawing.add_x_axis(axis_ticks(low, high), "z-score")
    for place, name in enumerate(names):
        is_here = (regions == name) & np.isfinite(zscores)
        middle = float(drawing.down(place))
        lines = [*labels[place], f"n = {int(is_here.sum())}"]
        for i, line in enumerate(lines):
            y = middle + 4 + _LINE * (i - (len(lines) - 1) / 2)
            drawing.add_text(drawing.left - 8, y, line, "soft" if i == len(lines) - 1 else "", anchor="end")
        if is_here.any():
            _add_box(drawing, zscores[is_here], float(place))
            told.append(f"{shorten(name)}, {int(is_here.sum())} samples, median {np.median(zscores[is_here]):.2f}")
        shifts = np.zeros(len(zscores))
        shifts[is_here] = _spread(int(is_here.sum()))
        for donor_name, style in styles.items():
            chosen = is_here & (donors == donor_name)
            drawing.add_points(zscores[chosen], place + shifts[chosen], marker=style.marker, colour=style.colour)
    return drawing.to_markup(f"z-scores by region: {'; '.join(told)}")


def draw_pairs(rows: pd.DataFrame, names: tuple[str, ...]) -> Markup:
    """Differences of a gene in pairs of regions, one below the other in the order of the regions.

    Parameters
    ----------
    rows : DataFrame
        Of `pairs_table`, with `region_1`, `region_2`, `diff`, `p_fwe_holm` and `significant`; of more than `MAX_PAIRS`
        the first are drawn.
    names : tuple of str
        All regions, in their order.
    """
    pairs = _order_pairs(rows.head(MAX_PAIRS), names)
    called = {name: str(number) if are_numbered(names) else name for number, name in enumerate(names, start=1)}
    n, told = len(pairs), []
    low, high = _span(np.array([0.0, *(row["diff"] for row in pairs)]))
    left = 88 if are_numbered(names) else 124
    drawing = Drawing(_WIDTH, 96 + 20 * n, x=(low, high), y=(n - 0.5, -0.5), margins=(left, 50, 20, 76))
    drawing.add_line([0.0, 0.0], [-0.5, n - 0.5], "zero")
    drawing.add_text(drawing.left - 8, 11, "first \N{EN DASH} second", "soft", anchor="end")
    drawing.add_text(_WIDTH - 2, 11, "p Holm", "soft", anchor="end")
    for place, row in enumerate(pairs):
        py, p = float(drawing.down(place)), format_p(row["p_fwe_holm"])
        pair = " \N{EN DASH} ".join(called[name] for name in row["pair"])
        drawing.add_text(drawing.left - 8, py + 3.5, pair, anchor="end")
        drawing.add_line([low, high], [place, place], "dull")
        drawing.add_points([row["diff"]], [place], marker="D", colour="currentColor", filled=row["significant"])
        drawing.add_text(_WIDTH - 2, py + 3.5, p, "strong" if row["significant"] else "soft", anchor="end")
        told.append(f"{' minus '.join(map(shorten, row['pair']))} {format_number(row['diff'])} (p = {p})")
    drawing.add_x_axis(axis_ticks(low, high), "difference, first minus second")
    _add_key(drawing)
    return drawing.to_markup(
        f"Differences of pairs of regions, with p corrected by Holm's procedure: {'; '.join(told)}"
    )


def _order_pairs(rows: pd.DataFrame, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Pairs in the order of the regions, the earlier region first: `pair`, `diff`, `p_fwe_holm` and `significant`."""
    ordered = []
    for row in rows.to_dict("records"):
        pair = (str(row["region_1"]), str(row["region_2"]))
        sign = 1.0 if names.index(pair[0]) < names.index(pair[1]) else -1.0
        ordered.append(
            {
                "pair": pair if sign > 0 else pair[::-1],
                "diff": sign * float(row["diff"]),
                "p_fwe_holm": row["p_fwe_holm"],
                "significant": bool(row["significant"]),
            }
        )
    return sorted(ordered, key=lambda entry: [names.index(name) for name in entry["pair"]])


def _add_key(drawing: Drawing) -> None:
    """What filled and open marks mean, below the axis."""
    row = drawing.bottom + 50
    for words, is_filled in (("significant over all pairs", True), ("not significant", False)):
        drawing.add_mark(drawing.left - 8, row - 3.5, marker="D", colour="currentColor", filled=is_filled)
        drawing.add_text(drawing.left, row, words, anchor="start")
        row += 16


def _break_names(names: tuple[str, ...]) -> list[list[str]]:
    """Names in lines, none like another, with the regions' numbers where pairs are told by these."""
    shown = tell_apart(names, 3 * _NAME)
    whole = [f"{number} {name}" for number, name in enumerate(shown, start=1)] if are_numbered(names) else shown
    return [textwrap.wrap(name, _NAME) or [""] for name in whole]


def _add_box(drawing: Drawing, values: Floats, place: float) -> None:
    """Quartiles, median and whiskers, lying."""
    first, median, third = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (third - first)
    ends = [min(first, values[values >= first - reach].min()), max(third, values[values <= third + reach].max())]
    drawing.add_bar((first, third), (place - 0.36, place + 0.36), "box")
    drawing.add_line([median, median], [place - 0.36, place + 0.36], "median")
    for end, edge in zip(ends, (first, third), strict=True):
        drawing.add_line([edge, end], [place, place], "whisker")


def _spread(n: int) -> Floats:
    """Shifts that keep points apart: multiples of the golden ratio, the same in every run."""
    steps = np.arange(1, n + 1, dtype=np.float64)
    shifts: Floats = (steps * 0.6180339887498949 % 1.0 - 0.5) * 0.6
    return shifts


def _span(values: Floats) -> tuple[float, float]:
    """Limits around finite values, with a little room."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room
