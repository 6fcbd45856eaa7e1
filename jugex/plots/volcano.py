"""Difference against p of every gene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from jugex._text import format_p, join_words
from jugex.errors import JugexWarning, OptionError, warn_user
from jugex.plots.panels import VolcanoData, volcano_data
from jugex.plots.styles import (
    GREY,
    INK,
    PALE,
    SINGLE_COLUMN,
    dress_axes,
    figure_of,
    in_journal_style,
    label_differences,
    make_axes,
    region_styles,
    text_size,
)  # fmt: skip
from jugex.plots.texts import P_FWE, escape_math, fit_text, name_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from jugex.pipeline.comparison import ComparisonData

__all__ = ["VolcanoP", "plot_volcano"]

VolcanoP = Literal["p_perm", "p_fwe"]

# more points than this are an image inside the drawing: else a PDF of the whole genome takes seconds to show
_MOST_DRAWN_SINGLY = 1000
_MANY = 100  # from so many on, genes on the ladder are drawn smaller
_LABELS = {"p_perm": "$p$ of each gene alone", "p_fwe": P_FWE}
_DULL = "#ABABAB"
_LINE_HEIGHT = 8.0  # points that the label of a line takes

# of names beside points, in points (1/72 inch)
_MARKER = 2.5
_N_LISTED = 5  # names in a message
_GAP = 1.0
_DISTANCES = (3.5, 8.0, 13.0, 19.0, 26.0, 34.0, 43.0, 53.0)
_ROOM = np.array([2.5, 0.5])  # kept free around a name, so that names beside each other are not read as one
_LINE_FROM = 5.0
_NEARER = 2.0  # a name without a line is nearer to its own point than to any other by so much

Floats = npt.NDArray[np.float64]


class _Look(NamedTuple):
    """How the genes of a rung are drawn: size in square points, width of the edge, and whether open."""

    size: float
    edge: float
    is_open: bool = False


_RUNG_LOOKS = {"spatial": _Look(20, 0.5), "donors": _Look(9, 0.3), "samples": _Look(9, 0.6, is_open=True)}


@in_journal_style
def plot_volcano(
    result: ComparisonData,
    *,
    p: VolcanoP = "p_perm",
    n_names: int = 20,
    genes: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Difference of each gene against its p; genes on the ladder by their rung and the region where they are higher.

    Large marks are genes of the rung `spatial`, small ones of `donors`, open ones of `samples`; without a ladder, large
    ones are significant (family-wise). Names are written beside them, the first of the table first, as far as there is
    room inside the axes without covering another name or point. Draw again where the axes change their size, so that
    names are placed anew. Genes that were not tested are not drawn. Colours, font and size of text are those of
    `figure_style`.

    Parameters
    ----------
    result : ComparisonData
    p : {'p_perm', 'p_fwe'}
        p of each gene alone, or corrected for the family. With `p_fwe` the dashed line is alpha, and the genes
        significant over samples are those on it or above. With `p_perm` it is alpha too, uncorrected: no height parts
        the genes on the ladder from the others there, so that only the marks tell them. The dotted line is the
        smallest p that the run can give.
    n_names : int
        At most so many names of genes on the ladder.
    genes : sequence of str, optional
        Genes to name, on the ladder or not, in this order, in the place of the first `n_names`. Where one finds no
        room, a warning says so.
    labels : dict of str to str, optional
        What to write for a gene in the place of its symbol.
    legend : bool
        Write what the marks mean above the axes.
    ax : matplotlib Axes, optional
        Where to draw; default: a figure of its own, 85 mm wide.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If `p` is another column, `n_names` is negative, or a gene to name was not tested.
    ResultError
        If no gene was tested.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import plot_volcano
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = plot_volcano(result, p="p_fwe", genes=["GAD2"], labels={"GAD2": "GAD65"})
    """
    _check_options(p, n_names)
    data = volcano_data(result, p)
    ax = make_axes(SINGLE_COLUMN, 90)[0] if ax is None else ax
    _draw_points(ax, result, data)
    lines = _draw_lines(ax, data, p)
    _label_axes(ax, result, p)
    if legend:
        _explain_marks(ax)
    named = np.flatnonzero(data.found)[:n_names] if genes is None else _find_genes(data, genes)
    # names of choice take their room; of many at the smallest p, those that keep off the line would go far
    heights = [float(line.xy[1]) for line in lines] if genes is not None else []  # type: ignore[attr-defined]
    _name_genes(ax, data, named, labels or {}, heights, is_asked=genes is not None)
    _spread_labels(ax, lines)
    return ax


def _find_genes(data: VolcanoData, genes: Sequence[str]) -> npt.NDArray[np.intp]:
    """Places of genes among those drawn."""
    if isinstance(genes, str):
        raise OptionError(f"genes must be a list of genes, such as [{genes!r}]; got {genes!r}")
    places = {str(label): place for place, label in enumerate(data.labels)}
    unknown = [gene for gene in genes if gene not in places]
    if unknown:
        raise OptionError(f"{_list_names(unknown)}: not among the genes tested, so that nothing is drawn to be named")
    return np.array([places[gene] for gene in dict.fromkeys(genes)], dtype=np.intp)


def _check_options(p: str, n_names: int) -> None:
    if p not in get_args(VolcanoP):
        raise OptionError(f"p must be one of {', '.join(get_args(VolcanoP))}; got {p!r}")
    if n_names < 0:
        raise OptionError(f"n_names must be a number of names, 0 or more; got {n_names}")


def _draw_points(ax: Axes, result: ComparisonData, data: VolcanoData) -> None:
    """Grey points first, then the genes of each region by rung, the lowest first."""
    as_image = len(data.diff) > _MOST_DRAWN_SINGLY
    rest = ~data.found
    ax.scatter(
        data.diff[rest], data.height[rest], s=5, color=_DULL, linewidths=0, zorder=2, rasterized=as_image,
        label=f"{'on no rung' if data.has_ladder else 'not significant'} ({int(rest.sum()):,})",
    )  # fmt: skip
    criterion, scale = rf"{P_FWE[:-1]} \leq {data.alpha:g}$", 1.0 if data.found.sum() < _MANY else 0.45
    sides = list(zip(name_regions(result, 26), region_styles(), (data.diff > 0, data.diff < 0), strict=True))
    for rung in ("samples", "donors", "spatial"):
        look = _RUNG_LOOKS[rung if data.has_ladder else "spatial"]
        for name, style, is_higher in sides:
            found = (data.rungs == rung) & is_higher
            n = int(found.sum())
            if not n and (data.has_ladder or rung != "samples"):
                continue
            ax.scatter(
                data.diff[found], data.height[found], s=scale * look.size, marker=style.marker, zorder=3,
                facecolors="none" if look.is_open else style.face,
                edgecolors=style.face if look.is_open and style.edge == "white" else style.edge,  # white is not seen
                linewidths=scale * look.edge,
                rasterized=as_image and n > _MOST_DRAWN_SINGLY,
                label=f"{rung if data.has_ladder else criterion}, higher in {escape_math(name)} ({n:,})",
            )  # fmt: skip


def _draw_lines(ax: Axes, data: VolcanoData, p: str) -> list[Text]:
    """Thresholds across the axes, each with its name on the right."""
    alpha = f"{P_FWE} = {data.alpha:g}" if p == "p_fwe" else f"$p$ = {data.alpha:g},\nuncorrected"
    lines = [(data.alpha, "--", alpha)]
    if data.smallest_p:
        lines.append((data.smallest_p, ":", f"smallest $p$,\n{format_p(data.smallest_p)}"))
    texts: list[Text] = []
    for value, dash, words in lines:
        height = float(-np.log10(value))
        ax.axhline(height, color=GREY, linewidth=0.6, linestyle=dash, zorder=1)
        text = ax.annotate(
            words, (1.0, height), xycoords=ax.get_yaxis_transform(), xytext=(2, 0), textcoords="offset points",
            size=text_size(-1), color=INK, va="center", ha="left", annotation_clip=False, parse_math=True,
        )  # fmt: skip
        texts.append(text)
    ax.axvline(0, color=PALE, linewidth=0.6, zorder=0)
    top = max(data.height.max(), *(-np.log10(value) for value, *_ in lines))
    ax.set_ylim(-0.03 * top, top * 1.12)
    return texts


def _label_axes(ax: Axes, result: ComparisonData, p: str) -> None:
    from matplotlib.ticker import MaxNLocator

    widest = max(abs(limit) for limit in ax.get_xlim())
    ax.set_xlim(-widest * 1.2, widest * 1.2)  # room for names outwards of their points
    ax.set_ylabel(rf"$-\log_{{10}}$ {_LABELS[p]}")
    label_differences(ax, result)
    dress_axes(ax)
    ax.yaxis.label.set_parse_math(True)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))


def _explain_marks(ax: Axes) -> None:
    """Legend above the axes, genes on the ladder first."""
    handles, labels = ax.get_legend_handles_labels()
    legend = ax.legend(
        [*handles[1:], handles[0]], [*labels[1:], labels[0]], loc="lower left", bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0, handletextpad=0.2, labelspacing=0.25,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(True)


def _name_genes(
    ax: Axes,
    data: VolcanoData,
    named: npt.NDArray[np.intp],
    labels: Mapping[str, str],
    heights: Sequence[float],
    *,
    is_asked: bool,
) -> None:
    """Name genes; of those asked for, warn where there is no room."""
    others = np.setdiff1d(np.flatnonzero(data.found), named, assume_unique=True)
    rest = np.setdiff1d(np.flatnonzero(~data.found), named, assume_unique=True)
    places = np.column_stack([data.diff, data.height])
    names = [str(data.labels[gene]) for gene in named]
    shown = [fit_text(labels.get(name, name), 24) for name in names]
    found = name_points(
        ax, places[np.concatenate([named, others])], shown, dull=places[rest] if is_asked else None, heights=heights
    )
    missing = [name for name, is_found in zip(names, found, strict=True) if not is_found]
    if is_asked and missing:
        warn_user(
            f"no room for the name of {_list_names(missing)} beside its point: draw a larger figure, or name fewer",
            JugexWarning,
        )


def _list_names(names: Sequence[str]) -> str:
    return join_words([*names[:_N_LISTED], *([f"{len(names) - _N_LISTED:,} more"] if len(names) > _N_LISTED else [])])


def _spread_labels(ax: Axes, texts: list[Text]) -> None:
    """Move labels of lines that lie close together apart, in laid-out axes."""
    scale = 72 / figure_of(ax).dpi
    next_free = -np.inf
    for text in sorted(texts, key=lambda text: text.xy[1]):  # type: ignore[attr-defined]
        half = _LINE_HEIGHT * (1 + text.get_text().count("\n")) / 2
        at = float(ax.transData.transform((0, text.xy[1]))[1]) * scale  # type: ignore[attr-defined]
        shift = max(0.0, next_free + half - at)
        text.set_position((2, shift))
        next_free = at + shift + half


def name_points(
    ax: Axes, points: Floats, names: Sequence[str], *, dull: Floats | None = None, heights: Sequence[float] = ()
) -> list[bool]:
    """Write names beside points of laid-out axes, each plainly at its own; a fine line leads to a name further off.

    Parameters
    ----------
    ax : Axes
    points : ndarray, shape (k, 2)
        Where the points lie, in data coordinates; no name covers any of them.
    names : sequence of str
        Of the first points; the first ones choose their place first.
    dull : ndarray, shape (n, 2), optional
        Points that a name covers only where it finds no other place.
    heights : sequence of float
        Where lines run across the axes, which a name crosses only where it finds no other place.

    Returns
    -------
    list of bool
        Whether each name found room.
    """
    figure = figure_of(ax)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    to_points = 72 / figure.dpi
    marks = ax.transData.transform(points.reshape(-1, 2)) * to_points
    frame = np.asarray(ax.get_window_extent().extents) * to_points
    cells = np.unique(np.rint(marks / _MARKER), axis=0) * _MARKER  # of points on top of each other one is enough
    taken = np.concatenate([_around(marks[: len(names)], _MARKER), _around(cells, _GAP)])
    avoided = np.empty((0, 2))
    if dull is not None:
        avoided = np.unique(np.rint(ax.transData.transform(dull) * to_points / _MARKER), axis=0) * _MARKER
    across = ax.get_yaxis_transform().transform(np.array([(0.5, y) for y in heights]).reshape(-1, 2)) * to_points
    crossed = _around(across, np.array([frame[2] - frame[0], _GAP / 2]))
    written, lines = np.empty((2, 0, 4))
    has_room = []
    for mark, point, name in zip(marks, points, names, strict=False):
        size = _measure(ax, name) * to_points
        named, others = (near[np.abs(near - mark).max(axis=1) > _GAP] for near in (marks[: len(names)], marks))
        uncrossed = np.vstack([written, lines, _around(named, _GAP)])
        near = avoided[(np.abs(avoided - mark) < size + max(_DISTANCES)).all(axis=1)]
        near = near[np.abs(near - mark).max(axis=1) > _MARKER]
        clear = np.vstack([taken, _around(near, _GAP), crossed])
        found = _find_place(mark, size, frame, clear, uncrossed, np.vstack([others, near]))
        if found is None:
            found = _find_place(mark, size, frame, taken, uncrossed, others)
        has_room.append(found is not None)
        if found is None:
            continue
        shift, box, line = found
        _write(ax, point, name, shift, size)
        taken, written, lines = np.vstack([taken, box, line]), np.vstack([written, box]), np.vstack([lines, line])
    return has_room


def _find_place(
    mark: Floats, size: Floats, frame: Floats, taken: Floats, uncrossed: Floats, others: Floats
) -> tuple[Floats, Floats, Floats] | None:
    """Shift, box and line of a name of a point that fits inside the frame and meets nothing, if there is any."""
    for shift in _list_shifts(size, to_right=bool(mark[0] >= (frame[0] + frame[2]) / 2)):
        box, line = _around(mark + shift, size / 2 + _ROOM), _around(_lead(mark, shift, size), _GAP / 2)
        if not _is_inside(box, frame) or _meets(box[None], taken) or _meets(line, uncrossed):
            continue
        if len(line) or _is_nearest(mark, shift, size, others):
            return shift, box, line
    return None


def _is_nearest(mark: Floats, shift: Floats, size: Floats, others: Floats) -> bool:
    """Whether a name is plainly nearer to its own point than to any of others (k, 2)."""
    away = np.linalg.norm(np.maximum(np.abs(np.vstack([mark, others]) - mark - shift) - size / 2, 0), axis=1)
    return bool((away[1:] >= away[0] + _NEARER).all())


def _around(centres: Floats, half: Floats | float) -> Floats:
    """Boxes (..., 4: left, bottom, right, top) around centres (..., 2)."""
    return np.concatenate([centres - half, centres + half], axis=-1)


def _lead(mark: Floats, shift: Floats, size: Floats) -> Floats:
    """Places (k, 2) along the line from a point to its name; none where the name is so near that it needs no line."""
    gap = np.abs(shift) - size / 2
    if gap.max() <= _LINE_FROM:
        return np.empty((0, 2))
    inside = (size / 2 / np.maximum(np.abs(shift), 1e-9)).min()  # share of the way from the centre to the edge
    return mark + shift * np.linspace(0.1, max(1 - inside, 0.1), 12)[:, None]


def _measure(ax: Axes, name: str) -> Floats:
    """Width and height of a name in pixels."""
    text = ax.text(0, 0, name, size=text_size(-1))
    box = text.get_window_extent()
    text.remove()
    return np.array([box.width, box.height])


def _list_shifts(size: Floats, *, to_right: bool) -> Iterator[Floats]:
    """Places of a name's centre around its point, the nearest first, outwards before inwards."""
    side = 1 if to_right else -1
    directions = np.array([
        (side, 0), (side, 0.7), (side, -0.7), (0, 1), (0, -1), (-side, 0.7), (-side, -0.7), (-side, 0),
        (side * 0.25, -1), (-side * 0.25, -1), (side * 0.25, 1), (-side * 0.25, 1),
        (side * 0.5, -1), (-side * 0.5, -1), (side * 0.5, 1), (-side * 0.5, 1),
    ])  # fmt: skip
    for distance in _DISTANCES:
        for direction in directions:
            yield direction * distance + np.clip(2 * direction, -1, 1) * size / 2


def _is_inside(box: Floats, frame: Floats) -> bool:
    return bool((box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all())


def _meets(boxes: Floats, taken: Floats) -> bool:
    """Whether any of some boxes (k, 4) meets any of others (j, 4)."""
    a, b = boxes[:, None], taken[None]
    overlap = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    return bool(overlap.any())


def _write(ax: Axes, point: Floats, name: str, shift: Floats, size: Floats) -> None:
    """Write a name; it does not count when the figure is laid out, so that its place stays the one chosen."""
    edge = np.abs(shift) - size / 2
    line = {"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": _MARKER}
    written = ax.annotate(
        name, (float(point[0]), float(point[1])), xytext=(float(shift[0]), float(shift[1])),
        textcoords="offset points", ha="center", va="center", size=text_size(-1), color=INK, zorder=5,
        arrowprops=line if edge.max() > _LINE_FROM else None,
    )  # fmt: skip
    written.set_in_layout(False)
