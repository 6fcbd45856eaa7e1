"""Number of samples per donor and region."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jugex._text import count_of
from jugex.errors import OptionError
from jugex.pipeline.comparison import ComparisonData
from jugex.plots.styles import (
    FAINT,
    INK,
    SINGLE_COLUMN,
    dress_axes,
    in_journal_style,
    make_axes,
    place_legend_below,
    region_styles,
    text_size,
)  # fmt: skip
from jugex.plots.texts import fit_text, shorten_distinctly
from jugex.regions import Coverage
from jugex.spaces import HEMISPHERES, hemisphere_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_coverage"]

_MM_PER_BAR = 3.6
_MAX_HEIGHT = 235.0  # mm: a page
#: Hatching of the parts of a bar: x < 0 mm, x = 0, x > 0, and samples without coordinates.
_HATCHES = {"left": "", "midline": "....", "right": "////", "no coordinate": "xxxx"}
_SIDES = {"left": "left hemisphere", "right": "right hemisphere"}
_ALL_ON = {
    "left": "all in the left hemisphere", "right": "all in the right hemisphere", "midline": "all on the midline",
    "no coordinate": "none with a coordinate",
}  # fmt: skip
# for regions after the first two: colours that colour-blind readers can tell apart, and that differ in grey
_MORE_COLOURS = ("#56B4E9", "#D55E00", "#009E73", "#CC79A7")


@in_journal_style
def plot_coverage(source: ComparisonData | Coverage | Iterable[Coverage], *, ax: Axes | None = None) -> Axes:
    """Plot the number of samples in regions, as a bar per donor and region, hatched by hemisphere.

    Parameters
    ----------
    source : ComparisonData, Coverage or iterable of Coverage
        A result, whose samples used are counted; or what ``Region.coverage(atlas)`` returned for regions of one atlas,
        which counts all samples.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide, and taller with more donors.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If there is no region to draw.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_coverage
    >>> atlas = jugex.open_atlas("simulated")
    >>> region = jugex.Region.sphere((-22, 58, 4), 8)
    >>> ax = plot_coverage([region.coverage(atlas)])
    """
    counts = _count_used(source) if isinstance(source, ComparisonData) else _join_coverages(source)
    donors, n_regions = next(iter(counts.values())).index, len(counts)
    height = min(36 + _MM_PER_BAR * len(donors) * (n_regions + 0.5), _MAX_HEIGHT)
    ax = make_axes(SINGLE_COLUMN, height)[0] if ax is None else ax
    colours = [*(style.face for style in region_styles()), *_MORE_COLOURS]
    for number, region_counts in enumerate(counts.values()):
        _draw_region(ax, region_counts, number, n_regions, colours[number % len(colours)])
    _label_axes(ax, counts, colours)
    return ax


def _count_used(result: ComparisonData) -> dict[str, pd.DataFrame]:
    """Samples used of each donor of the atlas (rows) on each side (columns), by region."""
    samples = result.samples
    side = pd.Series(hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64)), index=samples.index)
    side = side.fillna("no coordinate")
    known = [donor.donor_name for donor in result.record.atlas.donors]
    donors = list(dict.fromkeys([*known, *samples["donor_name"]]))
    tables = {}
    for name in result.region_names:
        here = (samples["region"] == name).to_numpy()
        counted = pd.crosstab(samples["donor_name"][here], side[here])
        tables[name] = counted.reindex(index=donors, columns=list(_HATCHES), fill_value=0)
    return tables


def _join_coverages(source: Coverage | Iterable[Coverage]) -> dict[str, pd.DataFrame]:
    coverages = [source] if isinstance(source, Coverage) else list(source)
    if not coverages or not all(isinstance(coverage, Coverage) for coverage in coverages):
        raise OptionError(
            "plot_coverage needs a result, or what Region.coverage(atlas) returns for at least one region; got "
            f"{'none' if not coverages else type(coverages[0]).__name__}"
        )
    tables = {}
    for number, coverage in enumerate(coverages, start=1):
        table = coverage.donors.set_index("donor_name")
        table["no coordinate"] = table["samples"] - table[list(HEMISPHERES)].sum(axis=1)
        name = coverage.region if coverage.region not in tables else f"{coverage.region} ({number})"
        tables[name] = table[list(_HATCHES)]
    donors = list(dict.fromkeys(donor for table in tables.values() for donor in table.index))
    return {name: table.reindex(donors, fill_value=0) for name, table in tables.items()}


def _draw_region(ax: Axes, counts: pd.DataFrame, number: int, n_regions: int, colour: str) -> None:
    """Draw the bars of one region, sides end to end, each with the number of samples."""
    thickness = 0.8 / n_regions
    y = -np.arange(len(counts)) + 0.4 - (number + 0.5) * thickness
    start = np.zeros(len(counts))
    ink = "white" if sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) < 300 else INK
    for side, hatch in _HATCHES.items():
        n = counts[side].to_numpy(dtype=np.float64)
        if n.any():
            bars = ax.barh(y, n, thickness * 0.9, start, color=colour, edgecolor=ink, hatch=hatch, linewidth=0)
            bars.set_label("_")
            start = start + n
    ax.barh(y, start, thickness * 0.9, facecolor="none", edgecolor=INK, linewidth=0.5)
    for total, place in zip(start, y, strict=True):
        ax.annotate(
            f"{total:.0f}", (float(total), float(place)), xytext=(2, 0), textcoords="offset points", va="center",
            size=text_size(-1),
        )  # fmt: skip


def _label_axes(ax: Axes, counts: dict[str, pd.DataFrame], colours: list[str]) -> None:
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    donors = next(iter(counts.values())).index
    ax.set_yticks(-np.arange(len(donors)), [fit_text(str(name), 24) for name in donors])
    ax.set_ylim(0.5 - len(donors), 0.5)
    ax.set_xlim(0, max(1.0, *(table.sum(axis=1).max() for table in counts.values())) * 1.1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    totals = pd.concat(counts.values()).sum()
    sides = [side for side in _HATCHES if totals[side] > 0]
    ax.set_xlabel(f"samples, {_ALL_ON[sides[0]]}" if len(sides) == 1 else "samples")
    dress_axes(ax)
    ax.tick_params(axis="y", length=0)
    regions = [
        Patch(facecolor=colours[number % len(colours)], edgecolor=INK, linewidth=0.5,
              label=f"{fit_text(name, 30)} ({count_of(int(table.to_numpy().sum()), 'sample')} of "
                    f"{count_of(int((table.sum(axis=1) > 0).sum()), 'donor')})")
        for number, (name, table) in enumerate(zip(shorten_distinctly(list(counts), 30), counts.values(), strict=True))
    ]  # fmt: skip
    hatched = [
        Patch(facecolor=FAINT, edgecolor=INK, hatch=_HATCHES[side] * 2, linewidth=0.5, label=_SIDES.get(side, side))
        for side in (sides if len(sides) > 1 else [])  # if all lie on one side, the label of the axis says so
    ]
    place_legend_below(ax, [*regions, *hatched])
