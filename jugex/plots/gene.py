"""Plots of one gene: samples by region and donor, donors' differences, variogram, permutations and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex._text import count_of, format_number, format_p
from jugex.errors import OptionError, ResultError
from jugex.pipeline.drawings import ProbeData
from jugex.plots.panels import (
    DonorData,
    GeneData,
    NullData,
    VariogramData,
    donor_data,
    gene_data,
    null_data,
    probe_data,
    sample_data,
    spread,
    variogram_data,
)
from jugex.plots.styles import (
    GREY,
    INK,
    PALE,
    SINGLE_COLUMN,
    DonorStyle,
    donor_styles,
    draw_boxes,
    dress_axes,
    in_journal_style,
    label_differences,
    limit_legend,
    make_axes,
    place_legend_below,
    region_styles,
    title_axes,
)
from jugex.plots.texts import (
    LONGEST_TITLE,
    P_FWE,
    describe_test,
    escape_math,
    find_row,
    fit_text,
    name_regions,
    shorten_distinctly,
    wrap_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["plot_donors", "plot_gene", "plot_null", "plot_probes", "plot_variogram"]

_MAX_HEIGHT = 235.0  # mm: a page

#: Positions of a donor's means, between the boxes, and half the width of a box.
_MEAN_POSITIONS = (0.34, 0.66)
_HALF_BOX_WIDTH = 0.22
_JITTER = 0.38  # total width over which samples are spread
_N_MANY = 120  # with more samples, marks are small
_MAX_LEGEND_DONORS = 12  # for which a legend beside axes of this height has room
_LINE = 15  # characters of a region's name per line

# the axis extends by at most this many times the span of the differences and the adjusted interval: an interval over
# two donors reaches 12.7 standard errors to each side, and would squeeze everything else
_MAX_EXTENSION = 1.5
_DONOR_MARGINS, _MM_PER_ROW, _MIN_MM_PER_ROW = 28.0, 5.0, 3.0

#: Parts of a variogram, from the lowest, and their colours, which also differ in grey.
_PARTS = (
    ("single samples", "#D9D9D9"), ("each donor's own pattern", "#9ECAE1"), ("pattern that donors share", "#FDAE6B"),
)  # fmt: skip

_PROBE_MARGINS, _MM_PER_PROBE, _MIN_MM_PER_PROBE = 34.0, 8.0, 4.0
_PROBE_SIZES = (6, 9)  # of marks by region; triangles with a white edge look smaller
_LONGEST_PROBE = 24
_REGION_OFFSET = 0.2  # of region 1 above a probe's row, and of region 2 below it
_PROBE_JITTER = 0.24

Floats = npt.NDArray[np.float64]


@in_journal_style
def plot_gene(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Plot a gene's z-scores by region as boxes and points, with one colour and marker per donor.

    Between the boxes are the means of each donor with samples in both regions, larger and joined by a line, which shows
    the difference in that donor. Open markers are donors with samples in only one region, who do not enter the
    difference. Samples are spread sideways so that they can be told apart, in the same way in every run.

    Parameters
    ----------
    result : ComparisonData
    gene : str
        A gene of ``result.zscores``.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        If the result has no z-scores of the gene.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_gene
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_gene(result, "MAOA")
    """
    data = gene_data(result, gene)
    ax = make_axes(SINGLE_COLUMN, 75)[0] if ax is None else ax
    draw_boxes(ax, [data.values(0), data.values(1)], [0, 1], width=2 * _HALF_BOX_WIDTH, median=GREY)
    for number, (donor_name, style) in enumerate(data.samples.donors.items()):
        _draw_donor(ax, data, number, donor_name, style.colour, style.marker)
    _label_gene(ax, result, data)
    return ax


def _draw_donor(ax: Axes, data: GeneData, donor: int, name: str, colour: str, marker: str) -> None:
    """Draw a donor's samples in both regions and, if it has samples in both, its means joined by a line."""
    inside = [data.find(region, donor) for region in (0, 1)]
    is_informative = all(here.any() for here in inside)
    drawn = inside[0] | inside[1]
    ax.scatter(
        data.samples.region[drawn] + _JITTER * data.samples.shift[drawn], data.zscores[drawn], marker=marker, zorder=3,
        s=14 if len(data.zscores) <= _N_MANY else 6, label=fit_text(name, 20), linewidths=0.8, edgecolors=colour,
        facecolors=colour if is_informative else "none",
    )  # fmt: skip
    if is_informative:
        ax.plot(
            _MEAN_POSITIONS, [data.zscores[here].mean() for here in inside], color=colour, linewidth=1.2, zorder=5,
            marker=marker, markersize=6, markeredgecolor=INK, markeredgewidth=0.6,
        )  # fmt: skip


def _label_gene(ax: Axes, result: ComparisonData, data: GeneData) -> None:
    n = np.bincount(data.samples.region, minlength=2)
    shown = name_regions(result, 3 * _LINE)
    labels = [f"{wrap_text(name, _LINE)}\nn = {n[region]}" for region, name in enumerate(shown)]
    ax.set_xticks([0, 1], labels, parse_math=False)
    ax.set_xlim(-0.36, 1.36)
    ax.set_ylabel(result.record.scale)
    title_axes(ax, describe_test(result, data.label))
    dress_axes(ax)
    _explain_marks(ax, data)


def _explain_marks(ax: Axes, data: GeneData) -> None:
    """Add a legend of the donors and of the large and the open marks."""
    from matplotlib.lines import Line2D

    handles, labels = limit_legend(*ax.get_legend_handles_labels(), _MAX_LEGEND_DONORS)
    n_regions = [sum(data.find(region, donor).any() for region in (0, 1)) for donor in range(len(data.samples.donors))]
    if 2 in n_regions:
        handles.append(
            Line2D(
                [], [], color=GREY, linewidth=1.2, marker="o", markersize=5, markeredgecolor=INK, markeredgewidth=0.6
            )
        )
        labels.append("means of a donor")
    if 1 in n_regions:
        handles.append(
            Line2D([], [], linestyle="", marker="o", markersize=4, markerfacecolor="none", markeredgecolor=GREY)
        )
        labels.append("open: donor in\none region only")
    ax.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0, handletextpad=0.5,
        labelspacing=0.45,
    )  # fmt: skip


@in_journal_style
def plot_donors(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Plot a forest of the donors' differences and, below, the overall difference on each rung of the ladder.

    Lines are 95 % intervals; an arrow shows that an interval continues. Markers grow with the donor's weight. Below are
    "adjusted", the difference that is tested, with samples as replicates; and, if the ladder was run, "over donors",
    the weighted mean of the donors' differences with its interval over donors, and "beyond distance", the difference
    without the gene's linear gradient over the tissue, whose interval allows for how much two places this far apart
    differ anyway. If an interval excludes 0, the uncorrected p is below 0.05.

    Parameters
    ----------
    result : ComparisonData
        A result, computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_donors
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_donors(result, "MAOA")
    """
    data = donor_data(result, gene)
    rows = _list_rows(data, donor_styles(result))
    n_donors = len(data.donors)
    per_row = min(_MM_PER_ROW, max((_MAX_HEIGHT - _DONOR_MARGINS) / len(rows), _MIN_MM_PER_ROW))
    ax = make_axes(SINGLE_COLUMN, _DONOR_MARGINS + per_row * len(rows))[0] if ax is None else ax
    limits = _choose_limits(rows, n_donors)
    for place, row in enumerate(rows):
        _draw_row(ax, -place, row, limits)
    ax.set_xlim(*limits)
    _label_donors(ax, result, data, rows)
    return ax


@dataclass(frozen=True)
class _Row:
    """One row of the forest: its name, difference and interval, and how it is drawn."""

    name: str
    diff: float
    low: float
    high: float
    size: float
    marker: str
    face: str
    edge: str
    counts: str = ""
    share: str = ""


def _list_rows(data: DonorData, styles: dict[str, DonorStyle]) -> list[_Row]:
    """One row per donor, then the overall differences: adjusted, over donors, beyond distance."""
    share = data.weight / data.weight.sum()
    rows = [
        _Row(
            name, float(data.diff[0, i]), float(data.low[0, i]), float(data.high[0, i]), 12 + 40 * float(share[i]),
            styles[name].marker, styles[name].colour, styles[name].colour, f"{data.n_1[i]} + {data.n_2[i]}",
            f"{share[i]:.0%}",
        )
        for i, name in enumerate(data.donors)
    ]  # fmt: skip
    for (name, values), marker, face in zip(data.overall.items(), "dsP", (INK, "white", "white"), strict=True):
        diff, low, high = (float(value) for value in values[0])
        if np.isfinite(diff):
            rows.append(_Row(name, diff, low, high, 36.0, marker, face, INK))
    return rows


def _choose_limits(rows: list[_Row], n_donors: int) -> tuple[float, float]:
    """Limits of the axis: they include 0, all differences and the adjusted interval, and part of longer intervals."""
    adjusted = [end for row in rows[n_donors : n_donors + 1] for end in (row.low, row.high)]
    needed = np.array([0.0, *(row.diff for row in rows), *adjusted])
    low, high = np.nanmin(needed), np.nanmax(needed)
    room = (high - low or 1.0) * _MAX_EXTENSION
    low = max(np.nanmin([low, *(row.low for row in rows)]), low - room)
    high = min(np.nanmax([high, *(row.high for row in rows)]), high + room)
    margin = 0.06 * (high - low)
    return float(low - margin), float(high + margin)


def _draw_row(ax: Axes, y: float, row: _Row, limits: tuple[float, float]) -> None:
    """Draw a difference with its interval; an arrow marks an end beyond the axis."""
    low, high = max(row.low, limits[0]), min(row.high, limits[1])
    if np.isfinite([low, high]).all():
        ax.plot([low, high], [y, y], color=row.edge, linewidth=1.0, solid_capstyle="butt", zorder=2)
        for end, is_cut, marker in ((low, row.low < limits[0], "<"), (high, row.high > limits[1], ">")):
            if is_cut:
                ax.plot([end], [y], marker, color=row.edge, markersize=3.5, clip_on=False, zorder=2)
    ax.scatter(
        [row.diff], [y], s=row.size, marker=row.marker, facecolors=row.face, edgecolors=row.edge, linewidths=0.8,
        zorder=3, label=row.name,
    )  # fmt: skip


def _label_donors(ax: Axes, result: ComparisonData, data: DonorData, rows: list[_Row]) -> None:
    """Label the rows: names on the left, samples and weights on the right, a line above the overall differences."""
    ax.set_yticks(-np.arange(len(rows)), [fit_text(row.name, 22) for row in rows])
    ax.set_ylim(0.6 - len(rows), 1.1)
    beside = [(-1, "samples", "weight"), *((place, row.counts, row.share) for place, row in enumerate(rows))]
    for place, counts, share in beside:
        for text, points in ((counts, 20), (share, 52)):
            ax.annotate(
                text, (1.0, -place), xycoords=ax.get_yaxis_transform(), xytext=(points, 0), textcoords="offset points",
                ha="center", va="center", color=GREY if place == -1 else INK, annotation_clip=False,
            )  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.6, linestyle="--", zorder=0)
    ax.axhline(0.5 - len(data.donors), color=PALE, linewidth=0.6, zorder=0)
    label_differences(ax, result, from_middle=True)
    title_axes(ax, describe_test(result, data.labels[0]))
    dress_axes(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


@in_journal_style
def plot_variogram(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Plot a gene's variogram: how much two samples differ, given their distance, with the fit that the ladder used.

    Marks are the gene's own semivariances (half the mean squared difference of two samples) in the tissue around the
    regions, for two samples of one donor and for samples of two donors. Areas are the parts of the fit to the pool of
    genes, scaled to the gene, for samples of one donor: single samples, patterns of each donor's own, and patterns that
    all donors share. The dashed line is the same fit for two donors, the vertical line the distance between the
    regions. If shared patterns grow up to this distance, two places this far apart differ anyway.

    Parameters
    ----------
    result : ComparisonData
        A result, computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    ResultError
        If the ladder was not run or had no reference, or the gene does not vary in the tissue around the regions.

    Notes
    -----
    Semivariances are Matheron's (1963), doi 10.2113/gsecongeo.58.8.1246, of values minus each donor's mean. The
    ladder combines the gene's own with those of the pool (`docs/explanation/ladder.md`); for the rung `spatial` the
    gene's linear gradient is removed first; in this figure it is still included.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_variogram
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_variogram(result, "MAOA")
    """
    data = variogram_data(result, gene)
    ax = make_axes(SINGLE_COLUMN, 92)[0] if ax is None else ax
    same, two = data.distances
    heights = np.vstack([np.zeros(len(same)), np.cumsum(data.parts[0], axis=0)])
    for number, (name, colour) in enumerate(_PARTS):
        ax.fill_between(
            same, heights[number], heights[number + 1], color=colour, linewidth=0, zorder=1, label=f"fit: {name}"
        )
    ax.plot(same, heights[-1], color=INK, linewidth=0.9, zorder=2, label="fit, one donor")
    ax.plot(two, data.parts[1].sum(axis=0), color=INK, linewidth=0.9, linestyle="--", zorder=2, label="fit, two donors")
    for kind, (name, marker, face) in enumerate((("one donor", "o", INK), ("two donors", "s", "white"))):
        ax.scatter(
            data.distances[kind], data.measured[kind], s=13, marker=marker, facecolors=face, edgecolors=INK,
            linewidths=0.8, zorder=3, label=f"{fit_text(gene, 16)}, {name}",
        )  # fmt: skip
    _label_variogram(ax, data, result.record.scale)
    return ax


def _label_variogram(ax: Axes, data: VariogramData, scale: str) -> None:
    top = 1.08 * max(float(np.nanmax(data.measured)), float(data.parts.sum(axis=1).max()))
    ax.set_xlim(0, 1.03 * float(data.distances.max()))
    ax.set_ylim(0, 1.1 * top)
    if data.regions_mm is not None:
        ax.axvline(data.regions_mm, color=GREY, linewidth=0.8, linestyle=":", zorder=2.5)
        is_left = data.regions_mm < float(data.distances.max()) / 2
        ax.annotate(
            f"the regions: {data.regions_mm:.0f} mm", (data.regions_mm, 1.0), xycoords=ax.get_xaxis_transform(),
            xytext=(3 if is_left else -3, -1), textcoords="offset points", ha="left" if is_left else "right", va="top",
            color=INK,
        )  # fmt: skip
    ax.set_xlabel("distance of two samples (mm)")
    ax.set_ylabel(f"semivariance (squared {scale})")
    subtitle = ""
    if data.between_places is not None:
        subtitle = f"\nplaces this far apart differ by {format_number(data.between_places)} on average"
    title_axes(ax, f"{escape_math(fit_text(data.label, LONGEST_TITLE))}{subtitle}")
    dress_axes(ax)
    handles, labels = ax.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    order = [*labels[-2:], *labels[:-2]]
    place_legend_below(ax, [by_label[label] for label in order], columns=2)


@in_journal_style
def plot_null(result: ComparisonData, gene: str, *, ax: Axes | None = None) -> Axes:
    """Plot the distribution of a gene's F under the relabellings of the run, with the observed F.

    The dashed line is the smallest F that is significant family-wise, from the largest F over all genes in each
    relabelling (``result.record.permutation.f_critical``); it is missing if no F can be. The axis is spaced by the
    square root of F, which is the size of t.

    Parameters
    ----------
    result : ComparisonData
        A result, computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_null
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_null(result, "MAOA")
    """
    data = null_data(result, [gene])[gene]
    ax = make_axes(SINGLE_COLUMN, 75)[0] if ax is None else ax
    ax.bar(
        data.edges[:-1], data.counts / max(len(data.f), 1), np.diff(data.edges), align="edge", color=GREY, linewidth=0,
        zorder=2, label="relabelled",
    )  # fmt: skip
    words = f"observed, $F$ = {format_number(data.observed)}, $p$ = {format_p(data.p)}"
    ax.axvline(data.observed, color=INK, linewidth=1.2, label=words, zorder=3)
    if data.critical is not None:
        words = f"{P_FWE} = {data.alpha:g} ($F$ = {format_number(data.critical, 1)})"
        ax.axvline(data.critical, color=INK, linewidth=0.8, linestyle="--", label=words, zorder=3)
    _label_null(ax, data)
    reach = f"{data.n_reached:,} of {'all ' if data.is_exhaustive else ''}{len(data.f):,} relabellings reach it"
    title_axes(ax, f"{escape_math(fit_text(gene, LONGEST_TITLE))}\n{reach}")
    return ax


def _label_null(ax: Axes, data: NullData) -> None:
    from matplotlib.ticker import FixedLocator

    ax.set_xscale("function", functions=(_root, np.square))
    widest = max(float(data.edges[-1]), data.critical or 0.0) * 1.1
    ax.set_xlim(0, widest)
    roots = np.arange(0, np.sqrt(widest), max(1, round(np.sqrt(widest) / 6)))
    ax.xaxis.set_major_locator(FixedLocator((roots**2).tolist()))
    ax.set_xlabel("$F$ of the region (spaced by its square root)")
    ax.set_ylabel("share of relabellings")
    dress_axes(ax)
    ax.xaxis.label.set_parse_math(True)
    for text in place_legend_below(ax).get_texts():
        text.set_parse_math(True)


def _root(f: Floats) -> Floats:
    """Square root, with 0 for negative values, which matplotlib passes for margins outside the axis."""
    return np.sqrt(np.maximum(f, 0))


@in_journal_style
def plot_probes(result: ComparisonData, gene: str, *, max_probes: int | None = 12, ax: Axes | None = None) -> Axes:
    """Plot the log2 levels of a gene's probes in the samples of both regions, which shows whether the probes agree.

    One row per probe, the highest levels first, with region 1 above region 2; each sample is a point, over quartiles,
    median and whiskers. Levels are those of the atlas; donors' means are not removed.

    Parameters
    ----------
    result : ComparisonData
        A result computed here: one read from disk holds no probes.
    gene : str
        A gene of the result, or, if every probe is tested by itself, an entry of ``result.labels``.
    max_probes : int, optional
        Largest number of probes to draw, those with the highest mean levels; the label of the axis says how many there
        are. None: all.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide, and taller with more probes.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If `max_probes` is below 1.
    ResultError
        If the result was read from disk.
    GeneError
        If the result has no such gene.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_probes
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_probes(result, "MAOA")
    """
    if max_probes is not None and max_probes < 1:
        raise OptionError(f"max_probes must be a number of probes, at least 1, or None for all; got {max_probes}")
    if result.query is None:
        raise ResultError(
            "a result read from disk holds no levels of probes; repeat the comparison (jugex.rerun) and draw the "
            "probes of that result"
        )
    symbol = _find_symbol(result, gene)
    data, samples = probe_data(result, [symbol], max_probes=max_probes)[symbol], sample_data(result)
    levels = np.empty((0, 0)) if data.levels is None else data.levels
    n_probes = levels.shape[1]
    ax = make_axes(SINGLE_COLUMN, _choose_height(n_probes))[0] if ax is None else ax
    names = name_regions(result, 30)
    for number, (name, style) in enumerate(zip(names, region_styles(), strict=True)):
        region_levels = levels[samples.region == number]
        middles = (_REGION_OFFSET if number == 0 else -_REGION_OFFSET) - np.arange(n_probes)
        boxes = [column[np.isfinite(column)] for column in region_levels.T]
        draw_boxes(ax, boxes, middles, width=0.34, median=INK, horizontal=True)
        places = middles + _PROBE_JITTER * spread(len(region_levels))[:, None]
        ax.scatter(
            region_levels, places, s=_PROBE_SIZES[number], marker=style.marker, linewidths=0.3, facecolors=style.face,
            edgecolors=style.edge, zorder=3, label=f"{name} (n = {len(region_levels)})",
        )  # fmt: skip
    _label_probes(ax, result, data, n_probes)
    return ax


def _choose_height(n_probes: int) -> float:
    """Height of the figure in mm: rows shrink to fit a page, but stay high enough for their names."""
    per_probe = max(min(_MM_PER_PROBE, (_MAX_HEIGHT - _PROBE_MARGINS) / n_probes), _MIN_MM_PER_PROBE)
    return _PROBE_MARGINS + per_probe * n_probes


def _find_symbol(result: ComparisonData, gene: str) -> str:
    """Symbol of a gene, or of the gene of a probe that was tested by itself."""
    is_symbol = (result.table["gene"] == gene).any()
    return gene if is_symbol else str(find_row(result, gene)["gene"])


def _label_probes(ax: Axes, result: ComparisonData, data: ProbeData, n_drawn: int) -> None:
    n_all = len(data.names)
    shown = shorten_distinctly(data.names[:n_drawn], _LONGEST_PROBE)
    ax.set_yticks(-np.arange(n_drawn), [fit_text(name, _LONGEST_PROBE) for name in shown])
    ax.set_ylim(0.55 - n_drawn, 0.55)
    for place in range(1, n_drawn):
        ax.axhline(0.5 - place, color=GREY, linewidth=0.3, alpha=0.5, zorder=0)
    left_out = f"\n{n_drawn} of {n_all} probes: the highest mean levels" if n_drawn < n_all else ""
    ax.set_xlabel(f"level (log2){left_out}")
    r = result.table.loc[(result.table["gene"] == data.symbol).to_numpy(dtype=bool), "probe_r"].iloc[0]
    agreement = f", mean correlation {format_number(r)}" if n_all > 1 and np.isfinite(r) else ""
    symbol = escape_math(fit_text(data.symbol, LONGEST_TITLE))
    title_axes(ax, f"{symbol}\n{count_of(n_all, 'probe')}{agreement}")
    dress_axes(ax)
    ax.tick_params(axis="y", length=0)
    place_legend_below(ax, below=30.0 if not left_out else 38.0)
