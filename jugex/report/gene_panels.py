"""Four drawings of one gene: its samples, its donors, its permutations and its probes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from jugex._text import format_number, format_p, shorten
from jugex.plots import donor_styles
from jugex.plots.probes import rank_probes
from jugex.plots.texts import tell_apart
from jugex.report.drawings import saved_probes
from jugex.report.svg import Drawing, axis_ticks

if TYPE_CHECKING:
    from jugex.pipeline.comparison import ComparisonData

__all__ = ["MAX_PROBES", "draw_donors", "draw_null", "draw_probes", "draw_samples", "probe_zscores"]

#: Probes drawn side by side; a gene may have ninety.
MAX_PROBES = 8
_WIDTH, _HEIGHT = 250, 205
_NAME = 14
_LINE = 16  # letters of a region's name on a line
_MEANS_AT = [0.32, 0.68]  # between the boxes

Floats = npt.NDArray[np.float64]


class _Row(NamedTuple):
    """One line of the forest: what it is, its difference and interval, and how it is drawn."""

    name: str
    diff: float
    low: float
    high: float
    colour: str
    marker: str


def draw_samples(result: ComparisonData, gene: str) -> Markup:
    """Box and strip of a gene's z-scores by region, and between the boxes each donor's means, joined by a line."""
    zscores = result.zscores[gene].to_numpy(dtype=np.float64)
    sides = [(result.samples["region"] == name).to_numpy() & np.isfinite(zscores) for name in result.region_names]
    low, high = _span(zscores)
    names = [textwrap.wrap(name, _LINE) for name in tell_apart(result.region_names, 3 * _LINE)]
    below = 21 + 13 * max(map(len, names))
    drawing = Drawing(_WIDTH, 171 + below, x=(-0.36, 1.36), y=(low, high), margins=(42, 4, 8, below))
    drawing.add_y_axis(axis_ticks(low, high), "z-score")
    for place, inside in enumerate(sides):
        _add_box(drawing, zscores[inside], float(place))
        px = float(drawing.across(place))
        for number, line in enumerate([*names[place], f"n = {int(inside.sum())}"]):
            is_name = number < len(names[place])
            drawing.add_text(px, drawing.bottom + 15 + 13 * number + (not is_name), line, "" if is_name else "soft")
    n_drawn = 0
    for donor_name, style in donor_styles(result).items():
        of_donor = (result.samples["donor_name"] == donor_name).to_numpy()
        values = [zscores[inside & of_donor] for inside in sides]
        has_both = all(len(here) for here in values)
        if has_both:
            means = [float(here.mean()) for here in values]
            drawing.add_line(_MEANS_AT, means, "mean", colour=style.colour)
            drawing.add_points(
                _MEANS_AT, means, marker=style.marker, colour=style.colour, edge="currentColor", large=True
            )
        x = np.repeat([0.0, 1.0], [len(here) for here in values])
        x += _jitter(len(x), 0.38, n_drawn)
        n_drawn += len(x)
        drawing.add_points(x, np.concatenate(values), marker=style.marker, colour=style.colour, filled=has_both)
    return drawing.to_markup(_tell_samples(result, [zscores[inside] for inside in sides]))


def draw_donors(result: ComparisonData, row: Mapping[Any, Any], donors: pd.DataFrame) -> Markup:
    """Forest of a gene: each donor's difference with its interval, and the differences over all donors below."""
    styles = donor_styles(result)
    rows = [
        _Row(str(donor["donor_name"]), donor["diff"], donor["ci_low"], donor["ci_high"], *styles[donor["donor_name"]])
        for donor in donors.to_dict("records")
    ]
    overall = [
        _Row("adjusted", row["diff"], row["ci_low"], row["ci_high"], "currentColor", "D"),
        _Row("mean of donors", row["diff_donors"], row["ci_donors_low"], row["ci_donors_high"], "currentColor", "s"),
    ]
    rows += [entry for entry in overall if not pd.isna(entry.diff)]
    ends = np.array([value for entry in rows for value in entry[1:4]], dtype=np.float64)
    low, high = _span(np.append(ends, 0.0))
    drawing = Drawing(_WIDTH, 46 + 18 * len(rows), x=(low, high), y=(len(rows) - 0.5, -0.5), margins=(93, 8, 6, 40))
    drawing.add_line([0.0, 0.0], [-0.5, len(rows) - 0.5], "zero")
    for place, entry in enumerate(rows):
        _add_estimate(drawing, entry, float(place))
    drawing.add_x_axis(axis_ticks(low, high, 4), "difference")
    told = "; ".join(f"{entry.name} {_tell_interval(entry)}" for entry in rows)
    return drawing.to_markup(f"Difference by donor with 95 % interval: {told}")


def draw_null(null: Floats, f: float, p: float, critical: float | None = None) -> Markup:
    """Histogram of a gene's F under all relabellings, the observed F, and the smallest that is significant."""
    finite = null[np.isfinite(null)]
    high = max(1.08 * f, 1.08 * (critical or 0.0), float(np.quantile(finite, 0.999)) if len(finite) else 0.0, 1e-9)
    edges = np.linspace(0.0, high, 41)
    counts, _ = np.histogram(finite, bins=edges)
    top = float(counts.max(initial=1))
    drawing = Drawing(_WIDTH, _HEIGHT, x=(0.0, high), y=(0.0, 1.16 * top), margins=(54, 10, 8, 34))
    drawing.add_y_axis(axis_ticks(0.0, top, 4), "relabellings")
    drawing.add_bars(edges, counts, "bars")
    if critical is not None:
        drawing.add_line([critical, critical], [0.0, 0.94 * top], "floor")
    drawing.add_line([f, f], [0.0, 1.04 * top], "observed")
    px = float(drawing.across(f))
    anchor = "end" if px > (drawing.left + drawing.right) / 2 else "start"
    drawing.add_text(px + (3 if anchor == "end" else -3), drawing.top + 8, f"observed {f:.2f}", "strong", anchor=anchor)
    drawing.add_x_axis(axis_ticks(0.0, high, 5), "F", italic=True)
    reached = int((null >= f).sum())
    return drawing.to_markup(
        f"F under {len(null):,} relabellings: median {np.median(null):.2f}; {reached:,} reach the observed {f:.2f} "
        f"(p = {format_p(p)}, not corrected)"
    )


def draw_probes(result: ComparisonData, probes: pd.DataFrame, zscores: Floats) -> Markup:
    """z-scores of each probe in both regions, one probe below the other, with the regions' means as upright bars.

    Parameters
    ----------
    result : ComparisonData
    probes : DataFrame, p rows
        With `probe_name`.
    zscores : ndarray, shape (n, p)
        Of the result's samples.
    """
    low, high = _span(zscores)
    n = len(probes)
    shown = _label_probes([str(name) for name in probes["probe_name"]])
    row = 23 if max(map(len, shown), default=1) == 1 else 30
    drawing = Drawing(_WIDTH, 46 + row * n, x=(low, high), y=(n - 0.5, -0.5), margins=(93, 8, 6, 40))
    drawing.add_x_axis(axis_ticks(low, high, 4), "z-score")
    inside = [(result.samples["region"] == name).to_numpy() for name in result.region_names]
    told = []
    for place, name in enumerate(probes["probe_name"]):
        for line, label in enumerate(shown[place]):
            y = float(drawing.down(place)) + 3.5 + 12 * (line - (len(shown[place]) - 1) / 2)
            drawing.add_text(drawing.left - 8, y, label, anchor="end")
        values = [zscores[here, place][np.isfinite(zscores[here, place])] for here in inside]
        for side, (here, kind) in enumerate(zip(values, ("dots first", "dots second"), strict=True)):
            middle = place - 0.22 + 0.44 * side
            drawing.add_dots(here, middle + _jitter(len(here), 0.26), kind)
            if len(here):
                drawing.add_line([here.mean()] * 2, [middle - 0.18, middle + 0.18], "means")
        if all(len(here) for here in values):
            means = [float(here.mean()) for here in values]
            told.append(f"{name} {means[0]:.2f} and {means[1]:.2f}")
    return drawing.to_markup(f"Mean z-scores in the two regions by probe: {'; '.join(told)}")


def probe_zscores(result: ComparisonData, gene: str) -> tuple[pd.DataFrame, Floats]:
    """Probes of a gene, the highest mean levels first, and their z-scores (n, p) in the result's samples.

    For a result read from disk those that its folder holds.
    """
    pair = result.query
    if pair is None:
        return saved_probes(result, gene)
    rows, columns = rank_probes(result, pair, gene)
    return pair.probes.iloc[columns], pair.zscores[np.ix_(rows, columns)]


def _label_probes(names: list[str]) -> list[list[str]]:
    """Names of probes without what all share at the start; whole on two lines where else their ends would go."""
    apart = tell_apart(names, _NAME)
    lines = [[name] if len(name) <= _NAME else _break_in_two(name) for name in names]
    is_cut = any(
        not name.endswith(short.lstrip("\N{HORIZONTAL ELLIPSIS}")) for name, short in zip(names, apart, strict=True)
    )
    return lines if is_cut and all(lines) else [[name] for name in apart]


def _break_in_two(name: str) -> list[str]:
    """A name on two lines, broken at an underscore or blank; none where a line would be too long."""
    parts = re.fullmatch(rf"(.{{1,{_NAME - 1}}}[_ ])(.{{1,{_NAME}}})", name)
    return [] if parts is None else [parts[1].rstrip(), parts[2]]


def _add_box(drawing: Drawing, values: Floats, place: float) -> None:
    """Quartiles, median and whiskers; nothing for no value."""
    if len(values) == 0:
        return
    first, median, third = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (third - first)
    ends = [values[values >= first - reach].min(), values[values <= third + reach].max()]
    drawing.add_bar((place - 0.21, place + 0.21), (first, third), "box")
    drawing.add_line([place - 0.21, place + 0.21], [median, median], "median")
    for end, edge in zip(ends, (first, third), strict=True):
        drawing.add_line([place, place], [edge, end], "whisker")


def _add_estimate(drawing: Drawing, entry: _Row, place: float) -> None:
    py = float(drawing.down(place))
    drawing.add_text(drawing.left - 8, py + 3.5, entry.name, anchor="end")
    if np.isfinite([entry.low, entry.high]).all():
        drawing.add_line([entry.low, entry.high], [place, place], "mean", colour=entry.colour)
    drawing.add_points([entry.diff], [place], marker=entry.marker, colour=entry.colour)


def _tell_interval(entry: _Row) -> str:
    text = format_number(entry.diff)
    if np.isfinite([entry.low, entry.high]).all():
        text += f" ({format_number(entry.low)} to {format_number(entry.high)})"
    return text


def _tell_samples(result: ComparisonData, values: list[Floats]) -> str:
    told = [
        f"{shorten(name)}, {len(here)} samples, median {np.median(here):.2f}" if len(here) else f"{shorten(name)}, none"
        for name, here in zip(result.region_names, values, strict=True)
    ]
    return f"z-scores by region: {'; '.join(told)}"


def _span(values: npt.ArrayLike) -> tuple[float, float]:
    """Limits around finite values, with a little room."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if len(finite) == 0:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _jitter(n: int, width: float, n_before: int = 0) -> Floats:
    """Shifts that keep points apart: multiples of the golden ratio, the same in every run."""
    return np.asarray((np.arange(n_before + 1, n_before + n + 1) * 0.6180339887498949 % 1.0 - 0.5) * width)
