"""Levels of each probe of a gene, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import GeneError, ResultError
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
)
from jugex.plots.texts import fit_text, name_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.analysis.result import DifferentialExpression
    from jugex.query import RegionPair

__all__ = ["plot_probes"]

_MM_PER_PROBE = 8.0
_TALLEST = 235.0  # mm: a page
_MARGINS = 30.0
_SIZES = (6, 9)  # of points; triangles with a white edge look smaller
_HALF = 0.2  # region 1 is drawn this far above a probe's place, region 2 below

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_probes(result: DifferentialExpression, gene: str, *, ax: Axes | None = None) -> Axes:
    """Log2 level of each probe of a gene in the samples of both regions: whether its probes agree.

    One row per probe, the highest levels first: region 1 above, region 2 below, every sample a point, over quartiles,
    median and whiskers. Levels are as the atlas holds them; donors' means are not removed.

    Parameters
    ----------
    result : DifferentialExpression
        Computed here: a result read from disk holds no probes.
    gene : str
        A gene of the result; where every probe is tested by itself, a gene or an entry of ``result.labels``.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide, and taller with more probes.

    Returns
    -------
    Axes

    Raises
    ------
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
    pair = _check_inputs(result)
    symbol = _find_symbol(result, gene)
    probes, levels = _take_levels(result, pair, symbol)
    ax = make_axes(SINGLE_COLUMN, min(_MARGINS + _MM_PER_PROBE * len(probes), _TALLEST))[0] if ax is None else ax
    for number, (name, style) in enumerate(zip(result.region_names, REGION_STYLES, strict=True)):
        in_region = (result.samples["region"] == name).to_numpy()
        shift = _HALF if number == 0 else -_HALF
        boxes = [column[np.isfinite(column)] for column in levels[in_region].T]
        draw_boxes(ax, boxes, shift - np.arange(len(probes)), width=0.34, median=INK, lying=True)
        label = f"{name_regions(result, 30)[number]} (n = {int(in_region.sum())})"
        rows = np.broadcast_to(shift - np.arange(len(probes)), levels[in_region].shape)
        ax.scatter(
            levels[in_region], rows + _spread(in_region.sum())[:, None], s=_SIZES[number], marker=style.marker,
            linewidths=0.3, facecolors=style.face, edgecolors=style.edge, zorder=3, label=label,
        )  # fmt: skip
    _label_axes(ax, result, symbol, probes)
    return ax


def _check_inputs(result: DifferentialExpression) -> RegionPair:
    if result.inputs is None:
        raise ResultError(
            "a result read from disk holds no levels of probes; repeat the comparison (settings.json and methods.md "
            "say how) and draw the probes of that result"
        )
    return result.inputs


def _find_symbol(result: DifferentialExpression, gene: str) -> str:
    """The gene's symbol: the gene itself, or that of a probe tested by itself."""
    if (result.table["gene"] == gene).any():
        return gene
    is_row = (result.labels == gene).to_numpy(dtype=bool)
    if not is_row.any():
        raise GeneError(f"gene {gene!r} is not in this result, which has {len(result.table):,}; see result.labels")
    return str(result.table.loc[is_row, "gene"].iloc[0])


def _take_levels(result: DifferentialExpression, pair: RegionPair, symbol: str) -> tuple[pd.DataFrame, Floats]:
    """Probes of a gene by falling mean, and their levels (n, p) in the samples used: the run may have dropped some."""
    keys = ["region", "well_id"]
    rows = pd.MultiIndex.from_frame(pair.samples[keys]).get_indexer(pd.MultiIndex.from_frame(result.samples[keys]))
    columns = np.flatnonzero(pair.probes["gene"] == symbol)
    levels = np.asarray(pair.levels, dtype=np.float64)[np.ix_(rows, columns)]
    order = np.argsort(-pd.DataFrame(levels).mean().to_numpy(), kind="stable")
    return pair.probes.iloc[columns[order]], levels[:, order]


def _spread(n: int) -> Floats:
    """Shifts within +-0.12 that keep a row's points apart; the same for every probe: a sample can be followed."""
    return np.asarray((np.arange(1, n + 1) * 0.6180339887498949 % 1.0 - 0.5) * 0.24)


def _label_axes(ax: Axes, result: DifferentialExpression, symbol: str, probes: pd.DataFrame) -> None:
    ax.set_yticks(-np.arange(len(probes)), [fit_text(str(name), 24) for name in probes["probe_name"]])
    ax.set_ylim(0.55 - len(probes), 0.55)
    for place in range(1, len(probes)):
        ax.axhline(0.5 - place, color=GREY, linewidth=0.3, alpha=0.5, zorder=0)
    ax.set_xlabel("level (log2)")
    ax.set_title(f"{fit_text(symbol, 40)}\n{_describe_agreement(result, symbol, len(probes))}")
    dress_axes(ax)
    ax.tick_params(axis="y", length=0)
    place_legend_below(ax)


def _describe_agreement(result: DifferentialExpression, symbol: str, n: int) -> str:
    r = result.table.loc[(result.table["gene"] == symbol).to_numpy(dtype=bool), "probe_r"].iloc[0]
    probes = f"{n} probe{'s' if n > 1 else ''}"
    return f"{probes}, mean correlation {r:.2f}" if n > 1 and np.isfinite(r) else probes
