"""Four drawings of one gene: its samples, its donors, its permutations and its probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from jugex.plots import donor_styles
from jugex.plots.texts import tell_apart
from jugex.report.drawings import saved_probes
from jugex.report.svg import Drawing, axis_ticks
from jugex.wording import format_number, format_p, shorten

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["MAX_PROBES", "draw_donors", "draw_null", "draw_probes", "draw_samples", "probe_zscores"]

#: Probes drawn side by side; a gene may have ninety.
MAX_PROBES = 8
_WIDTH, _HEIGHT = 250, 205
_NAME = 14
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


def draw_samples(result: DifferentialExpression, gene: str) -> Markup:
    """Box and strip of a gene's z-scores by region, and between the boxes each donor's means, joined by a line."""
    zscores = result.zscores[gene].to_numpy(dtype=np.float64)
    sides = [(result.samples["region"] == name).to_numpy() & np.isfinite(zscores) for name in result.region_names]
    low, high = _span(zscores)
    drawing = Drawing(_WIDTH, _HEIGHT, x=(-0.36, 1.36), y=(low, high), margins=(42, 4, 8, 34))
    drawing.add_y_axis(axis_ticks(low, high), "z-score")
    for place, inside in enumerate(sides):
        _add_box(drawing, zscores[inside], float(place))
        px = float(drawing.across(place))
        drawing.add_text(px, drawing.bottom + 15, shorten(result.region_names[place], _NAME))
        drawing.add_text(px, drawing.bottom + 29, f"n = {int(inside.sum())}", "soft")
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


def draw_donors(result: DifferentialExpression, row: pd.Series[Any], donors: pd.DataFrame) -> Markup:
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


def draw_null(null: Floats, f: float, p: float) -> Markup:
    """Histogram of a gene's F under all relabellings, and the observed F."""
    finite = null[np.isfinite(null)]
    high = max(1.08 * f, float(np.quantile(finite, 0.999)) if len(finite) else 0.0, 1e-9)
    edges = np.linspace(0.0, high, 41)
    counts, _ = np.histogram(finite, bins=edges)
    top = float(counts.max(initial=1))
    drawing = Drawing(_WIDTH, _HEIGHT, x=(0.0, high), y=(0.0, 1.16 * top), margins=(54, 10, 8, 34))
    drawing.add_y_axis(axis_ticks(0.0, top, 4), "relabellings")
    drawing.add_bars(edges, counts, "bars")
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


def draw_probes(result: DifferentialExpression, probes: pd.DataFrame, zscores: Floats) -> Markup:
    """z-scores of each probe in both regions, one probe below the other, with the regions' means as upright bars.

    Parameters
    ----------
    result : DifferentialExpression
    probes : DataFrame, p rows
        With `probe_name`.
    zscores : ndarray, shape (n, p)
        Of the result's samples.
    """
    low, high = _span(zscores)
    n = len(probes)
    drawing = Drawing(_WIDTH, 46 + 23 * n, x=(low, high), y=(n - 0.5, -0.5), margins=(93, 8, 6, 40))
    drawing.add_x_axis(axis_ticks(low, high, 4), "z-score")
    inside = [(result.samples["region"] == name).to_numpy() for name in result.region_names]
    told = []
    shown = tell_apart(list(probes["probe_name"]), _NAME)
    for place, name in enumerate(probes["probe_name"]):
        drawing.add_text(drawing.left - 8, float(drawing.down(place)) + 3.5, shown[place], anchor="end")
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


def probe_zscores(result: DifferentialExpression, gene: str) -> tuple[pd.DataFrame, Floats]:
    """Probes of a gene and their z-scores (n, p) in the result's samples; no probe for a result read from disk."""
    pair = result.inputs
    if pair is None:
        return saved_probes(result, gene)
    columns = np.flatnonzero((pair.probes["gene"] == gene).to_numpy())
    keys = ["well_id", "region"]  # samples with a missing value may have been dropped
    rows = pd.MultiIndex.from_frame(pair.samples[keys]).get_indexer(pd.MultiIndex.from_frame(result.samples[keys]))
    return pair.probes.iloc[columns], pair.zscores[np.ix_(rows, columns)]


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


def _tell_samples(result: DifferentialExpression, values: list[Floats]) -> str:
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
