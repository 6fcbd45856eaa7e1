"""What each donor says of one gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.plots.styles import (
    GREY,
    INK,
    PALE,
    SINGLE_COLUMN,
    donor_styles,
    dress_axes,
    in_journal_style,
    label_differences,
    make_axes,
    title_axes,
)  # fmt: skip
from jugex.plots.texts import describe_test, find_row, fit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["plot_donors"]

# intervals are drawn to this many times the span of the differences and the weighted interval: an interval over two
# donors reaches 12.7 standard errors to each side, and would squeeze everything else
_MOST_SPAN = 1.5
_MARGINS, _MM_PER_ROW, _LEAST_MM_PER_ROW = 28.0, 5.0, 3.0
_TALLEST = 235.0  # mm: a page

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_donors(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Forest of the donors' differences, with the weighted difference of the result below.

    Lines are 95 % intervals; an arrow says that an interval goes on. Markers grow with the donor's weight. The
    weighted difference takes samples as replicates; where the result has a difference over donors, it stands below.

    Parameters
    ----------
    result : ComparisonData
        Computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_donors
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_donors(result, "MAOA")
    """
    from jugex.pipeline.donors import donor_differences

    rows = _list_rows(result, gene, donor_differences(result, [gene]))
    per_row = min(_MM_PER_ROW, max((_TALLEST - _MARGINS) / len(rows), _LEAST_MM_PER_ROW))
    ax = make_axes(SINGLE_COLUMN, _MARGINS + per_row * len(rows))[0] if ax is None else ax
    limits = _choose_limits(rows)
    for place, row in enumerate(rows.to_dict("records")):
        _draw_row(ax, -place, {str(key): value for key, value in row.items()}, limits)
    ax.set_xlim(*limits)
    _label_axes(ax, result, gene, rows)
    return ax


def _list_rows(result: ComparisonData, gene: str, donors: pd.DataFrame) -> pd.DataFrame:
    """One row per donor, then the weighted difference and the one over donors: what each says, and how it looks."""
    styles, found = donor_styles(result), find_row(result, gene)
    share = donors["weight"] / donors["weight"].sum()
    of_donors = pd.DataFrame(
        {
            "name": [fit_text(name, 22) for name in donors["donor_name"]],
            "counts": [f"{n_1} + {n_2}" for n_1, n_2 in zip(donors["n_1"], donors["n_2"], strict=True)],
            "share": [f"{part:.0%}" for part in share],
            "diff": donors["diff"], "low": donors["ci_low"], "high": donors["ci_high"],
            "size": 12 + 40 * share,
            "marker": [styles[name].marker for name in donors["donor_name"]],
            "face": [styles[name].colour for name in donors["donor_name"]],
            "edge": [styles[name].colour for name in donors["donor_name"]],
        }
    )  # fmt: skip
    totals = [("weighted", "diff", "ci_low", "ci_high", INK)]
    if np.isfinite(found["diff_donors"]):
        totals.append(("over donors", "diff_donors", "ci_donors_low", "ci_donors_high", "white"))
    of_all = [
        {"name": name, "counts": "", "share": "", "diff": found[diff], "low": found[low], "high": found[high],
         "size": 36.0, "marker": "d", "face": face, "edge": INK}
        for name, diff, low, high, face in totals
    ]  # fmt: skip
    return pd.concat([of_donors, pd.DataFrame(of_all)], ignore_index=True)


def _choose_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Left and right end of the axis: 0, every difference and the weighted interval, and a part of longer ones."""
    weighted = rows[rows["name"] == "weighted"]
    needed = np.concatenate([[0.0], rows["diff"], weighted["low"], weighted["high"]]).astype(np.float64)
    low, high = np.nanmin(needed), np.nanmax(needed)
    room = (high - low or 1.0) * _MOST_SPAN
    ends = rows[["low", "high"]].to_numpy(dtype=np.float64)
    low, high = max(np.nanmin([low, *ends[:, 0]]), low - room), min(np.nanmax([high, *ends[:, 1]]), high + room)
    margin = 0.06 * (high - low)
    return float(low - margin), float(high + margin)


def _draw_row(ax: Axes, y: float, row: dict[str, Any], limits: tuple[float, float]) -> None:
    """One difference with its interval, the parts beyond the axis as arrows."""
    low, high = max(row["low"], limits[0]), min(row["high"], limits[1])
    if np.isfinite([low, high]).all():
        ax.plot([low, high], [y, y], color=row["edge"], linewidth=1.0, solid_capstyle="butt", zorder=2)
        for end, is_cut, marker in ((low, row["low"] < limits[0], "<"), (high, row["high"] > limits[1], ">")):
            if is_cut:
                ax.plot([end], [y], marker, color=row["edge"], markersize=3.5, clip_on=False, zorder=2)
    ax.scatter(
        [row["diff"]], [y], s=row["size"], marker=row["marker"], facecolors=row["face"], edgecolors=row["edge"],
        linewidths=0.8, zorder=3, label=row["name"],
    )  # fmt: skip


def _label_axes(ax: Axes, result: ComparisonData, gene: str, rows: pd.DataFrame) -> None:
    """Donors on the left, their samples and weights on the right, a line above what is of all donors."""
    n_donors = int((rows["counts"] != "").sum())
    ax.set_yticks(-np.arange(len(rows)), list(rows["name"]))
    ax.set_ylim(0.6 - len(rows), 1.1)
    for place, counts, share in [
        (-1, "samples", "weight"),
        *zip(range(len(rows)), rows["counts"], rows["share"], strict=True),
    ]:
        for text, points in ((counts, 20), (share, 52)):
            ax.annotate(
                text, (1.0, -place), xycoords=ax.get_yaxis_transform(), xytext=(points, 0), textcoords="offset points",
                ha="center", va="center", color=GREY if place == -1 else INK, annotation_clip=False,
            )  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.6, linestyle="--", zorder=0)
    ax.axhline(0.5 - n_donors, color=PALE, linewidth=0.6, zorder=0)
    label_differences(ax, result, from_middle=True)
    title_axes(ax, describe_test(result, gene))
    dress_axes(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
