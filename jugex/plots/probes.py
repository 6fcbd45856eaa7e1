"""Levels of each probe of a gene, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_number
from jugex.errors import GeneError, OptionError, ResultError
from jugex.plots.boxes import draw_boxes
from jugex.plots.styles import (
    GREY,
    INK,
    REGION_STYLES,
    SINGLE_COLUMN,
    dress_axes,
    in_journal_style,
    make_axes,
    place_legend_below,
    title_axes,
)  # fmt: skip
from jugex.plots.texts import LONGEST_TITLE, escape_math, fit_text, name_regions, tell_apart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData
    from jugex.query import RegionGroup

__all__ = ["plot_probes", "rank_probes"]

_MM_PER_PROBE = 8.0
_LEAST_MM_PER_PROBE = 4.0
_TALLEST = 235.0  # mm: a page, which more probes than it has room for go beyond
_MARGINS = 34.0
_SIZES = (6, 9)  # of points; triangles with a white edge look smaller
_LONGEST_NAME = 24
_HALF = 0.2  # region 1 is drawn this far above a probe's place, region 2 below

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@in_journal_style
def plot_probes(result: ComparisonData, gene: str, *, max_probes: int | None = 12, ax: Axes | None = None) -> Axes:
    """Log2 level of each probe of a gene in the samples of both regions: whether its probes agree.

    One row per probe, the highest levels first: region 1 above, region 2 below, every sample a point, over quartiles,
    median and whiskers. Levels are as the atlas holds them; donors' means are not removed.

    Parameters
    ----------
    result : ComparisonData
        Computed here: a result read from disk holds no probes.
    gene : str
        A gene of the result; where every probe is tested by itself, a gene or an entry of ``result.labels``.
    max_probes : int, optional
        Of more probes those with the highest mean levels are drawn, and the axis says how many there are; None: all.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide, and taller with more probes.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        Where `max_probes` is below 1.
    ResultError
        Where the result was read from disk.
    GeneError
        Where the result has no such gene.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_probes
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_probes(result, "MAOA")
    """
    if max_probes is not None and max_probes < 1:
        raise OptionError(f"max_probes is a number of probes, at least 1, or None for all; got {max_probes}")
    pair = _check_inputs(result)
    symbol = _find_symbol(result, gene)
    rows, columns = rank_probes(result, pair, symbol)
    n_all, columns = len(columns), columns[:max_probes]
    probes, levels = pair.probes.iloc[columns], np.asarray(pair.levels, dtype=np.float64)[np.ix_(rows, columns)]
    ax = make_axes(SINGLE_COLUMN, _choose_height(len(probes)))[0] if ax is None else ax
    for number, (name, style) in enumerate(zip(result.region_names, REGION_STYLES, strict=True)):
        in_region = (result.samples["region"] == name).to_numpy()
        shift = _HALF if number == 0 else -_HALF
        boxes = [column[np.isfinite(column)] for column in levels[in_region].T]
        draw_boxes(ax, boxes, shift - np.arange(len(probes)), width=0.34, median=INK, lying=True)
        label = f"{name_regions(result, 30)[number]} (n = {int(in_region.sum())})"
        places = np.broadcast_to(shift - np.arange(len(probes)), levels[in_region].shape)
        ax.scatter(
            levels[in_region], places + _spread(in_region.sum())[:, None], s=_SIZES[number], marker=style.marker,
            linewidths=0.3, facecolors=style.face, edgecolors=style.edge, zorder=3, label=label,
        )  # fmt: skip
    _label_axes(ax, result, symbol, probes, n_all, unit=" (log2)" if pair.atlas.is_log2 else "")
    return ax


def _choose_height(n_probes: int) -> float:
    """Height in mm for so many probes: less for each where a page has no more, never too little for its name."""
    per_probe = max(min(_MM_PER_PROBE, (_TALLEST - _MARGINS) / n_probes), _LEAST_MM_PER_PROBE)
    return _MARGINS + per_probe * n_probes


def _check_inputs(result: ComparisonData) -> RegionGroup:
    if result.query is None:
        raise ResultError(
            "a result read from disk holds no levels of probes; repeat the comparison (settings.json and methods.md "
            "say how) and draw the probes of that result"
        )
    return result.query


def _find_symbol(result: ComparisonData, gene: str) -> str:
    """The gene's symbol: the gene itself, or that of a probe tested by itself."""
    if (result.table["gene"] == gene).any():
        return gene
    is_row = (result.labels == gene).to_numpy(dtype=bool)
    if not is_row.any():
        raise GeneError(f"gene {gene!r} is not in this result, which has {len(result.table):,}; see result.labels")
    return str(result.table.loc[is_row, "gene"].iloc[0])


def rank_probes(result: ComparisonData, pair: RegionGroup, symbol: str) -> tuple[Places, Places]:
    """Where a gene stands in a pair: rows of the samples used, as the run may have dropped some, and its probes.

    The probes come by falling mean level of these samples: of more than there is room for, the first are drawn.
    """
    keys = ["region", "well_id"]
    rows = pd.MultiIndex.from_frame(pair.samples[keys]).get_indexer(pd.MultiIndex.from_frame(result.samples[keys]))
    columns = np.flatnonzero((pair.probes["gene"] == symbol).to_numpy(dtype=bool))
    means = pd.DataFrame(np.asarray(pair.levels, dtype=np.float64)[np.ix_(rows, columns)]).mean()
    return rows, columns[np.argsort(-means.to_numpy(), kind="stable")]


def _spread(n: int) -> Floats:
    """Shifts within +-0.12 that keep a row's points apart; the same for every probe: a sample can be followed."""
    return np.asarray((np.arange(1, n + 1) * 0.6180339887498949 % 1.0 - 0.5) * 0.24)


def _label_axes(ax: Axes, result: ComparisonData, symbol: str, probes: pd.DataFrame, n_all: int, *, unit: str) -> None:
    names = [fit_text(name, _LONGEST_NAME) for name in tell_apart(list(probes["probe_name"]), _LONGEST_NAME)]
    ax.set_yticks(-np.arange(len(probes)), names)
    ax.set_ylim(0.55 - len(probes), 0.55)
    for place in range(1, len(probes)):
        ax.axhline(0.5 - place, color=GREY, linewidth=0.3, alpha=0.5, zorder=0)
    left_out = f"\n{len(probes)} of {n_all} probes: the highest mean levels" if len(probes) < n_all else ""
    ax.set_xlabel(f"level{unit}{left_out}")
    title_axes(ax, f"{escape_math(fit_text(symbol, LONGEST_TITLE))}\n{_describe_agreement(result, symbol, n_all)}")
    dress_axes(ax)
    ax.tick_params(axis="y", length=0)
    place_legend_below(ax, below=30.0 if not left_out else 38.0)


def _describe_agreement(result: ComparisonData, symbol: str, n: int) -> str:
    r = result.table.loc[(result.table["gene"] == symbol).to_numpy(dtype=bool), "probe_r"].iloc[0]
    correlation = f", mean correlation {format_number(r)}" if n > 1 and np.isfinite(r) else ""
    return count_of(n, "probe") + correlation
