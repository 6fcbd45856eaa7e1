"""The volcano plot: the difference of every gene against its p."""

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

__all__ = ["VolcanoP", "choose_height", "plot_volcano"]

VolcanoP = Literal["p_perm", "p_fwe"]

# with more points than this, they are an image inside the drawing: else a PDF of the genome takes seconds to show
_MAX_VECTOR_POINTS = 1000
_MANY_FOUND = 100  # with this many or more, genes on the ladder are drawn smaller
_LABELS = {"p_perm": "$p$ of each gene alone", "p_fwe": P_FWE}
_GREY_POINTS = "#ABABAB"
_LEAST_CONTRAST = 3.0  # of graphics with their background, WCAG 2.1
_LINE_HEIGHT = 8.0  # height of the label of a line, in points

# for names beside points, in points (1/72 inch)
_MARKER = 2.5
_N_LISTED = 5  # number of names in a message
_GAP = 1.0
_NAME_DISTANCES = (3.5, 8.0, 13.0, 19.0, 26.0, 34.0, 43.0, 53.0)
_FARTHEST = max(_NAME_DISTANCES) + 20  # from a point, of the line to its name
_CLEARANCE = np.array([2.5, 0.5])  # free space around a name, so that neighbouring names are not read as one
_LINE_FROM = 5.0
_NEARER = 2.0  # a name without a line must be nearer to its own point than to any other by this much

Floats = npt.NDArray[np.float64]


class _MarkStyle(NamedTuple):
    """Marks of the genes of a rung: size in square points, width of the edge, and whether open."""

    size: float
    edge: float
    is_open: bool = False


_RUNG_MARKS = {
    "spatial": _MarkStyle(20, 0.5),
    "donors": _MarkStyle(9, 0.3),
    "samples": _MarkStyle(9, 0.6, is_open=True),
}


@in_journal_style
def plot_volcano(
    result: ComparisonData,
    *,
    p: VolcanoP | None = None,
    n_names: int = 20,
    genes: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Plot the difference of each gene against its p, with marks for the rung and the region where it is higher.

    Large marks are genes of the rung `spatial`, small ones of `donors`, open ones of `samples`; without a ladder, large
    ones are significant (family-wise). Names are written beside the marks, in the order of the table, as far as there
    is room inside the axes without covering another name or point; draw again if the size of the axes changes. Genes
    that were not tested are not drawn. Colours, font and size of text are those of `figure_style`.

    Parameters
    ----------
    result : ComparisonData
    p : {'p_perm', 'p_fwe'}, optional
        p of each gene alone, or corrected for the family. Default: `p_perm`, or `p_fwe` if most of the genes found
        share the smallest `p_perm` that the run can give, and would lie on one line. The dashed line is alpha. With
        `p_fwe`, genes on it or above are significant over samples. With `p_perm` it is uncorrected: no height separates
        genes on the ladder from the others, only the marks do. The dotted line is the smallest p that the run can give.
    n_names : int
        Largest number of names of genes on the ladder.
    genes : sequence of str, optional
        Genes to name, on the ladder or not, in this order, instead of the first `n_names`. A warning says if there is
        no room for a name.
    labels : dict of str to str, optional
        Text to write for a gene instead of its symbol.
    legend : bool
        Whether to explain the marks above the axes.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure, 85 mm wide.

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
    p = choose_height(result) if p is None else p
    _check_options(p, n_names)
    data = volcano_data(result, p)
    ax = make_axes(SINGLE_COLUMN, 90)[0] if ax is None else ax
    _draw_points(ax, result, data)
    lines = _draw_lines(ax, data, p)
    _label_axes(ax, result, p)
    if legend:
        _explain_marks(ax)
    named = np.flatnonzero(data.found)[:n_names] if genes is None else _find_genes(data, genes)
    heights = [float(line.xy[1]) for line in lines]  # type: ignore[attr-defined]
    _name_genes(ax, data, named, labels or {}, heights, is_chosen_by_user=genes is not None)
    _spread_labels(ax, lines)
    return ax


def choose_height(result: ComparisonData) -> VolcanoP:
    """Choose the p whose heights tell genes apart: p_fwe if most of those found share the smallest p of the run."""
    found, smallest = result.found, result.record.permutation.smallest_p * (1 + 1e-9)
    at_floor = {p: int((found[p] <= smallest).sum()) for p in get_args(VolcanoP)}
    return "p_fwe" if 2 * at_floor["p_perm"] > len(found) and at_floor["p_fwe"] < at_floor["p_perm"] else "p_perm"


def _find_genes(data: VolcanoData, genes: Sequence[str]) -> npt.NDArray[np.intp]:
    """Indices of genes among those drawn."""
    if isinstance(genes, str):
        raise OptionError(f"genes must be a list of genes, such as [{genes!r}]; got {genes!r}")
    places = {str(label): place for place, label in enumerate(data.labels)}
    unknown = [gene for gene in genes if gene not in places]
    if unknown:
        raise OptionError(
            f"{_list_names(unknown)}: not among the genes tested, which alone are drawn; name other genes"
        )
    return np.array([places[gene] for gene in dict.fromkeys(genes)], dtype=np.intp)


def _check_options(p: str, n_names: int) -> None:
    if p not in get_args(VolcanoP):
        raise OptionError(f"p must be one of {', '.join(get_args(VolcanoP))}; got {p!r}")
    if n_names < 0:
        raise OptionError(f"n_names must be a number of names, 0 or more; got {n_names}")


def _draw_points(ax: Axes, result: ComparisonData, data: VolcanoData) -> None:
    """Draw grey points first, then the genes of each region by rung, from the lowest."""
    as_image = len(data.diff) > _MAX_VECTOR_POINTS
    rest = ~data.found
    ax.scatter(
        data.diff[rest], data.height[rest], s=5, color=_GREY_POINTS, linewidths=0, zorder=2, rasterized=as_image,
        label=f"{'on no rung' if data.has_ladder else 'not significant'} ({int(rest.sum()):,})",
    )  # fmt: skip
    criterion, scale = rf"{P_FWE[:-1]} \leq {data.alpha:g}$", 1.0 if data.found.sum() < _MANY_FOUND else 0.45
    sides = list(zip(name_regions(result, 26), region_styles(), (data.diff > 0, data.diff < 0), strict=True))
    for rung in ("samples", "donors", "spatial"):
        look = _RUNG_MARKS[rung if data.has_ladder else "spatial"]
        for name, style, is_higher in sides:
            found = (data.rungs == rung) & is_higher
            n = int(found.sum())
            if not n and (data.has_ladder or rung != "samples"):
                continue
            ax.scatter(
                data.diff[found], data.height[found], s=scale * look.size, marker=style.marker, zorder=3,
                facecolors="none" if look.is_open else style.face,
                edgecolors=_readable(style.face) if look.is_open else style.edge,
                linewidths=scale * look.edge,
                rasterized=as_image and n > _MAX_VECTOR_POINTS,
                label=f"{rung if data.has_ladder else criterion}, higher in {escape_math(name)} ({n:,})",
            )  # fmt: skip


def _readable(colour: str) -> tuple[float, float, float]:
    """Darken a colour as far as a thin line of it needs to be seen on white."""
    from matplotlib.colors import to_rgb

    shade = np.array(to_rgb(colour))
    while _contrast(shade) < _LEAST_CONTRAST:
        shade *= 0.95
    return float(shade[0]), float(shade[1]), float(shade[2])


def _contrast(shade: Floats) -> float:
    """Contrast of a colour with white, after the Web Content Accessibility Guidelines."""
    linear = np.where(shade <= 0.04045, shade / 12.92, ((shade + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ np.array([0.2126, 0.7152, 0.0722]) + 0.05))


def _draw_lines(ax: Axes, data: VolcanoData, p: str) -> list[Text]:
    """Draw thresholds across the axes, each with a label on the right; return the labels."""
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
    ax.set_xlim(-widest * 1.2, widest * 1.2)  # room for names beside the outermost points
    ax.set_ylabel(rf"$-\log_{{10}}$ {_LABELS[p]}")
    label_differences(ax, result)
    dress_axes(ax)
    ax.yaxis.label.set_parse_math(True)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))


def _explain_marks(ax: Axes) -> None:
    """Add a legend above the axes, genes on the ladder first."""
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
    is_chosen_by_user: bool,
) -> None:
    """Write the names of genes; if the user chose them, warn of those without room."""
    others = np.setdiff1d(np.flatnonzero(data.found), named, assume_unique=True)
    rest = np.setdiff1d(np.flatnonzero(~data.found), named, assume_unique=True)
    places = np.column_stack([data.diff, data.height])
    names = [str(data.labels[gene]) for gene in named]
    shown = [fit_text(labels.get(name, name), 24) for name in names]
    found = name_points(
        ax,
        places[np.concatenate([named, others])],
        shown,
        minor=places[rest],
        heights=heights,
        may_cover=is_chosen_by_user,
    )
    missing = [name for name, is_found in zip(names, found, strict=True) if not is_found]
    if is_chosen_by_user and missing:
        warn_user(
            f"no room for the name of {_list_names(missing)} beside its point: draw a larger figure, or name fewer",
            JugexWarning,
        )


def _list_names(names: Sequence[str]) -> str:
    return join_words([*names[:_N_LISTED], *([f"{len(names) - _N_LISTED:,} more"] if len(names) > _N_LISTED else [])])


def _spread_labels(ax: Axes, texts: list[Text]) -> None:
    """Move the labels of lines apart if they are close together, in laid-out axes."""
    scale = 72 / figure_of(ax).dpi
    next_free = -np.inf
    for text in sorted(texts, key=lambda text: text.xy[1]):  # type: ignore[attr-defined]
        half = _LINE_HEIGHT * (1 + text.get_text().count("\n")) / 2
        at = float(ax.transData.transform((0, text.xy[1]))[1]) * scale  # type: ignore[attr-defined]
        shift = max(0.0, next_free + half - at)
        text.set_position((2, shift))
        next_free = at + shift + half


def name_points(
    ax: Axes,
    points: Floats,
    names: Sequence[str],
    *,
    minor: Floats | None = None,
    heights: Sequence[float] = (),
    may_cover: bool = True,
) -> list[bool]:
    """Write names beside points of laid-out axes; a fine line leads from a point to a name that is farther away.

    Parameters
    ----------
    ax : Axes
    points : ndarray, shape (k, 2)
        Points in data coordinates; names cover none of them.
    names : sequence of str
        Names of the first points; they are placed in this order.
    minor : ndarray, shape (n, 2), optional
        Points that a name covers only if there is no other place.
    heights : sequence of float
        Heights of lines across the axes, which a name crosses only if there is no other place.
    may_cover : bool
        Whether a name without another place covers minor points; else it is left out.

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
    cells = np.unique(np.rint(marks / _MARKER), axis=0) * _MARKER  # one of several overlapping points is enough
    taken = np.concatenate([_boxes_around(marks[: len(names)], _MARKER), _boxes_around(cells, _GAP)])
    avoided = np.empty((0, 2))
    if minor is not None:
        avoided = np.unique(np.rint(ax.transData.transform(minor) * to_points / _MARKER), axis=0) * _MARKER
    across = ax.get_yaxis_transform().transform(np.array([(0.5, y) for y in heights]).reshape(-1, 2)) * to_points
    crossed = _boxes_around(across, np.array([frame[2] - frame[0], _GAP / 2]))
    written, lines = np.empty((2, 0, 4))
    has_room = []
    for mark, point, name in zip(marks, points, names, strict=False):
        size = _measure(ax, name) * to_points
        others = marks[np.abs(marks - mark).max(axis=1) > _GAP]
        beside = cells[(np.abs(cells - mark).max(axis=1) > _MARKER) & (np.abs(cells - mark).max(axis=1) < _FARTHEST)]
        uncrossed = np.vstack([written, lines, _boxes_around(beside, 2 * _GAP)])
        near = avoided[(np.abs(avoided - mark) < size + max(_NAME_DISTANCES)).all(axis=1)]
        near = near[np.abs(near - mark).max(axis=1) > _MARKER]
        clear, beside_all = np.vstack([taken, _boxes_around(near, _GAP)]), np.vstack([others, near])
        found = _find_place(mark, size, frame, np.vstack([clear, crossed]), uncrossed, beside_all)
        if found is None:
            found = _find_place(mark, size, frame, clear, uncrossed, beside_all)
        if found is None and may_cover:
            found = _find_place(mark, size, frame, taken, uncrossed, others)
        has_room.append(found is not None)
        if found is None:
            continue
        shift, box, line = found
        _write_name(ax, point, name, shift, size)
        taken, written, lines = np.vstack([taken, box, line]), np.vstack([written, box]), np.vstack([lines, line])
    return has_room


def _find_place(
    mark: Floats, size: Floats, frame: Floats, taken: Floats, uncrossed: Floats, others: Floats
) -> tuple[Floats, Floats, Floats] | None:
    """Shift, box and line of the first position of a name inside the frame that overlaps nothing; None if none does."""
    for shift in _list_shifts(size, to_right=bool(mark[0] >= (frame[0] + frame[2]) / 2)):
        box, line = (
            _boxes_around(mark + shift, size / 2 + _CLEARANCE),
            _boxes_around(_leader_line(mark, shift, size), _GAP / 2),
        )
        if not _is_inside(box, frame) or _overlaps(box[None], taken) or _overlaps(line, uncrossed):
            continue
        if len(line) or _is_nearest(mark, shift, size, others):
            return shift, box, line
    return None


def _is_nearest(mark: Floats, shift: Floats, size: Floats, others: Floats) -> bool:
    """Whether a name is clearly nearer to its own point than to any of others (k, 2)."""
    away = np.linalg.norm(np.maximum(np.abs(np.vstack([mark, others]) - mark - shift) - size / 2, 0), axis=1)
    return bool((away[1:] >= away[0] + _NEARER).all())


def _boxes_around(centres: Floats, half: Floats | float) -> Floats:
    """Boxes (..., 4: left, bottom, right, top) around centres (..., 2)."""
    return np.concatenate([centres - half, centres + half], axis=-1)


def _leader_line(mark: Floats, shift: Floats, size: Floats) -> Floats:
    """Points (k, 2) along the line from a point to its name; empty if the name is near enough to need no line."""
    gap = np.abs(shift) - size / 2
    if gap.max() <= _LINE_FROM:
        return np.empty((0, 2))
    inside = (size / 2 / np.maximum(np.abs(shift), 1e-9)).min()  # share of the line that lies inside the name's box
    return mark + shift * np.linspace(0.1, max(1 - inside, 0.1), 24)[:, None]


def _measure(ax: Axes, name: str) -> Floats:
    """Width and height of a name in pixels."""
    text = ax.text(0, 0, name, size=text_size(-1))
    box = text.get_window_extent()
    text.remove()
    return np.array([box.width, box.height])


def _list_shifts(size: Floats, *, to_right: bool) -> Iterator[Floats]:
    """Yield positions of a name's centre around its point, the nearest first, outwards before inwards."""
    side = 1 if to_right else -1
    directions = np.array([
        (side, 0), (side, 0.7), (side, -0.7), (0, 1), (0, -1), (-side, 0.7), (-side, -0.7), (-side, 0),
        (side * 0.25, -1), (-side * 0.25, -1), (side * 0.25, 1), (-side * 0.25, 1),
        (side * 0.5, -1), (-side * 0.5, -1), (side * 0.5, 1), (-side * 0.5, 1),
    ])  # fmt: skip
    for distance in _NAME_DISTANCES:
        for direction in directions:
            yield direction * distance + np.clip(2 * direction, -1, 1) * size / 2


def _is_inside(box: Floats, frame: Floats) -> bool:
    return bool((box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all())


def _overlaps(boxes: Floats, taken: Floats) -> bool:
    """Whether any of the boxes (k, 4) overlaps any of `taken` (j, 4)."""
    a, b = boxes[:, None], taken[None]
    overlap = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    return bool(overlap.any())


def _write_name(ax: Axes, point: Floats, name: str, shift: Floats, size: Floats) -> None:
    """Write a name, which the layout of the figure ignores, so that its position stays as chosen."""
    edge = np.abs(shift) - size / 2
    line = {"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": _MARKER}
    written = ax.annotate(
        name, (float(point[0]), float(point[1])), xytext=(float(shift[0]), float(shift[1])),
        textcoords="offset points", ha="center", va="center", size=text_size(-1), color=INK, zorder=5,
        arrowprops=line if edge.max() > _LINE_FROM else None,
    )  # fmt: skip
    written.set_in_layout(False)
