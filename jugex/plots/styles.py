"""Style and files of figures: the sizes and formats that journals ask for, and the same colours and markers in all.

matplotlib's state is the same after a call: styles apply only inside `in_journal_style`. Figures are made without
pyplot, except where pyplot shows figures, in notebooks and windows.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, OutputError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

    from jugex.model.record import RunRecord
    from jugex.pipeline.comparison import ComparisonData

__all__ = [
    "DOUBLE_COLUMN", "FAINT", "FIGURE_FORMATS", "GREY", "INK", "PALE", "REGION_STYLES", "SINGLE_COLUMN",
    "WIDE_COLUMN", "DonorStyle", "RegionStyle", "Sampled", "donor_styles", "draw_boxes", "drawing_for_files",
    "dress_axes", "figure_of", "figure_style", "freeze_layout", "in_journal_style", "label_differences",
    "limit_legend", "make_axes", "place_legend_below", "region_styles", "save_figure", "size_in_points", "text_size",
    "title_axes",
]  # fmt: skip

#: Widths of figures in mm: one column of a journal's page, one and a half, and two.
SINGLE_COLUMN, WIDE_COLUMN, DOUBLE_COLUMN = 85.0, 114.0, 174.0
_MM_PER_INCH = 25.4

INK, GREY, PALE, FAINT = "#222222", "#7F7F7F", "#C8C8C8", "#EBEBEB"

# Okabe and Ito's palette (jfly.uni-koeln.de/color) without black and yellow: six colours that colour-blind readers can
# tell apart, on white and on black
_DONOR_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
_DONOR_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # seven against six colours: 42 donors before a pair repeats

#: Backends that only write files.
_SILENT_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")

_LINE_WIDTH = 0.6
_TEXT_SIZE = 7.0
_TEXT_SIZES = (4.0, 24.0)
_TEXT_SIZE_SETTINGS = (
    "font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize",
)  # fmt: skip
_JOURNAL_SETTINGS: dict[Any, Any] = {
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.linewidth": _LINE_WIDTH,
    "axes.titlelocation": "center",
    "axes.grid": False,
    "hatch.linewidth": _LINE_WIDTH,
    "figure.dpi": 200.0,  # 85 mm fill a third of a laptop's screen
    # names of genes and regions are text, not formulas: "$x_1$" is drawn as it is written
    "text.parse_math": False,
    "text.usetex": False,
    "mathtext.fontset": "dejavusans",
    "axes.formatter.use_mathtext": False,
}


@dataclass(frozen=True)
class _Style:
    """The settings that `figure_style` changes."""

    colours: tuple[str, str] | None = None
    font: str | None = None
    text_size: float = _TEXT_SIZE


_PLAIN = _Style()
_STYLE: ContextVar[_Style] = ContextVar("style", default=_PLAIN)
#: Fonts of formulas that each figure was drawn with: matplotlib looks them up again when it writes the figure.
_FONTS_OF: WeakKeyDictionary[Figure, dict[Any, Any]] = WeakKeyDictionary()

P = ParamSpec("P")
R = TypeVar("R")
Floats = npt.NDArray[np.float64]

_DPI = 300.0
#: File formats of `save_figure`, each with the metadata to leave out so that the file does not depend on the time.
FIGURE_FORMATS: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}
#: Less compression: a PNG is 10 % larger, but written in half the time.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {".png": {"pil_kwargs": {"compress_level": 3}}}


class Sampled(Protocol):
    """A result with samples of named regions, of two or more."""

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample, with `region` and `donor_name`."""

    @property
    def record(self) -> RunRecord:
        """Record of the run, which lists the donors of the atlas."""

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""


class DonorStyle(NamedTuple):
    """Colour and marker of a donor, the same in all figures, so that they can be compared.

    Examples
    --------
    >>> from jugex.plots import DonorStyle
    >>> DonorStyle("#0072B2", "o").marker
    'o'
    """

    colour: str
    marker: str


class RegionStyle(NamedTuple):
    """Fill colour, marker and edge colour of a region.

    Examples
    --------
    >>> from jugex.plots import REGION_STYLES
    >>> REGION_STYLES[0].face
    '#F0E442'
    """

    face: str
    marker: str
    edge: str


#: Region 1 and region 2: a light and a dark colour that no donor has, told apart by shape as well.
REGION_STYLES = (RegionStyle("#F0E442", "o", "black"), RegionStyle("#5D3A9B", "^", "white"))


def region_styles() -> tuple[RegionStyle, RegionStyle]:
    """Styles of the two regions: `REGION_STYLES`, with the colours of `figure_style` if it sets any."""
    colours = _STYLE.get().colours
    if colours is None:
        return REGION_STYLES
    first, second = (style._replace(face=colour) for style, colour in zip(REGION_STYLES, colours, strict=True))
    return first, second


def text_size(step: float = 0.0) -> float:
    """Size of text in points: that of labels plus `step`."""
    return _STYLE.get().text_size + step


@contextmanager
def figure_style(
    *, colours: Sequence[str] | None = None, font: str | None = None, text_size: float = _TEXT_SIZE
) -> Iterator[None]:
    """Draw figures with the colours, font and text size of a paper.

    Parameters
    ----------
    colours : two str, optional
        Colours of region 1 and region 2, as matplotlib knows them (``"#1b7837"``, ``"tab:blue"``).
    font : str, optional
        Name of the font of all text, including statistics such as *F* and *p* (``"Arial"``); default: matplotlib's.
    text_size : float
        Size of labels, in points; titles are one point larger, names of genes one point smaller.

    Raises
    ------
    OptionError
        If a colour is unknown to matplotlib, the font is not installed, or the size is not from 4 to 24.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import figure_style, save_figure
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> with figure_style(colours=("#1b7837", "#762a83"), font="DejaVu Serif", text_size=6):
    ...     ax = result.plot_volcano()
    >>> save_figure(ax, "volcano.pdf").name
    'volcano.pdf'
    """
    token = _STYLE.set(_Style(_check_colours(colours), _check_font(font), _check_size(text_size)))
    try:
        yield
    finally:
        _STYLE.reset(token)


def _check_colours(colours: Sequence[str] | None) -> tuple[str, str] | None:
    from matplotlib.colors import is_color_like, to_hex

    if colours is None:
        return None
    if isinstance(colours, str) or len(colours) != 2 or not all(is_color_like(colour) for colour in colours):
        raise OptionError(
            f"colours must be two colours, of region 1 and region 2, such as ('#1b7837', 'tab:purple'); got {colours!r}"
        )
    return to_hex(colours[0]), to_hex(colours[1])


def _check_font(font: str | None) -> str | None:
    from matplotlib.font_manager import findfont

    if font is None:
        return None
    try:
        findfont(font, fallback_to_default=False)
    except ValueError as error:
        raise OptionError(
            f"matplotlib does not find the font {font!r}; install it, or choose one of "
            "matplotlib.font_manager.get_font_names()"
        ) from error
    return font


def _check_size(size: float) -> float:
    low, high = _TEXT_SIZES
    if not low <= size <= high:
        raise OptionError(f"text_size must be from {low:g} to {high:g} points; got {size!r}")
    return float(size)


def _list_settings() -> dict[Any, Any]:
    """Matplotlib settings with which figures are drawn."""
    style = _STYLE.get()
    sizes = dict.fromkeys(_TEXT_SIZE_SETTINGS, style.text_size) | {"axes.titlesize": style.text_size + 1}
    return _JOURNAL_SETTINGS | sizes | _list_fonts()


def _list_fonts() -> dict[Any, Any]:
    """Font settings: the chosen font, else the user's, for text and formulas alike, so that *F* matches the text."""
    from matplotlib import rcParams

    font = _STYLE.get().font
    families = [font, *rcParams["font.family"]] if font else list(rcParams["font.family"])
    first = families[0] if families[0] != "sans-serif" else rcParams["font.sans-serif"][0]
    if first == "DejaVu Sans":
        return {}
    return {
        "font.family": families,
        "mathtext.fontset": "custom",
        "mathtext.rm": first,
        "mathtext.it": f"{first}:italic",
        "mathtext.bf": f"{first}:bold",
        "mathtext.cal": first,
        "mathtext.sf": first,
        "mathtext.tt": first,
        "mathtext.fallback": "stixsans",
    }


def donor_styles(result: Sampled) -> dict[str, DonorStyle]:
    """Return the colour and marker of each donor, by its position in the atlas.

    Parameters
    ----------
    result : ComparisonData

    Returns
    -------
    dict
        Donor names to styles, for the donors with a sample used.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import donor_styles
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> donor_styles(result)["H0351.2001"]
    DonorStyle(colour='#0072B2', marker='o')
    """
    known = [donor.donor_name for donor in result.record.atlas.donors]
    used = list(pd.unique(result.samples["donor_name"]))
    order = [*known, *(name for name in used if name not in known)]
    return {
        name: DonorStyle(_DONOR_COLOURS[i % len(_DONOR_COLOURS)], _DONOR_MARKERS[i % len(_DONOR_MARKERS)])
        for i, name in enumerate(order)
        if name in used
    }


#: matplotlib's settings are the process's, and so is what sets its formulas: one thread at a time uses them.
_SETTINGS_LOCK = threading.RLock()


def in_journal_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator: draw with text of 7 and 8 points and fine lines, and restore matplotlib's settings afterwards."""

    @wraps(draw)
    def draw_in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        from matplotlib import rc_context

        if _shows_figures() and not _for_files.get():
            from matplotlib import pyplot

            # starts a notebook's backend now: it changes settings that must outlast this call
            pyplot.draw_if_interactive()  # type: ignore[no-untyped-call]
        with _SETTINGS_LOCK, rc_context(_list_settings()):
            drawn = draw(*args, **kwargs)
            if fonts := _list_fonts():
                _remember_fonts(drawn, fonts)
            return drawn

    return draw_in_style


_for_files: ContextVar[bool] = ContextVar("jugex_figures_are_for_files", default=False)


@contextmanager
def drawing_for_files() -> Iterator[None]:
    """Make figures without pyplot inside the block, because they are written to files and not shown."""
    token = _for_files.set(True)
    try:
        yield
    finally:
        _for_files.reset(token)


def _remember_fonts(drawn: Any, fonts: dict[Any, Any]) -> None:
    """Record the fonts of a figure for when it is written, and set those of its ticks, which are drawn later."""
    from matplotlib.axes import Axes

    for ax in drawn if isinstance(drawn, list | tuple) else [drawn]:
        if isinstance(ax, Axes):
            figure = figure_of(ax)
            _FONTS_OF[figure] = fonts
            for part in [*figure.axes, ax, *ax.child_axes]:
                part.tick_params(which="both", labelfontfamily=fonts["font.family"])


def make_axes(width: float, height: float, ratios: Sequence[float] = (1,)) -> list[Axes]:
    """Make axes side by side in a new figure of `width` x `height` mm; `ratios` are their relative widths.

    pyplot manages the figure only where it shows figures, as in a notebook.
    """
    from matplotlib.figure import Figure

    size = (width / _MM_PER_INCH, height / _MM_PER_INCH)
    figure: Figure
    if _shows_figures() and not _for_files.get():
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=size, layout="constrained")
    else:
        figure = Figure(figsize=size, layout="constrained")
    return list(figure.subplots(1, len(ratios), squeeze=False, width_ratios=list(ratios))[0])


def _shows_figures() -> bool:
    """Whether pyplot shows figures: in the kernel of a notebook, or with a backend that opens windows."""
    if "ipykernel" in sys.modules and "inline" in os.environ.get("MPLBACKEND", ""):
        return True
    if "matplotlib.pyplot" not in sys.modules:
        return False
    from matplotlib import rcParams

    find = getattr(rcParams, "_get_backend_or_none", None)  # get_backend would select a backend
    backend = str((find() if find is not None else None) or "agg").casefold()
    return backend not in _SILENT_BACKENDS


def dress_axes(ax: Axes) -> None:
    """Set the lines, ticks and text sizes of axes.

    Set explicitly, because ticks are drawn later, when the style no longer applies, and a user's axes were made before.
    """
    ax.tick_params(labelsize=text_size(), length=2.5, width=_LINE_WIDTH, pad=2.5)
    for spine in ax.spines.values():
        spine.set_linewidth(_LINE_WIDTH)
    ax.spines[["top", "right"]].set_visible(False)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(size=text_size(), parse_math=False)


def title_axes(ax: Axes, title: str) -> None:
    """Set a title with formulas for statistics (``$F$``); names in it must be escaped by `escape_math`.

    The position is fixed, because matplotlib otherwise checks every tick at each drawing to place the title.
    """
    ax.set_title(title, parse_math=True, y=1.0)


def label_differences(ax: Axes, result: ComparisonData, *, from_middle: bool = False) -> None:
    """Label an axis of differences, and write below it which side means higher expression in which region.

    The words start at the ends of the axis or, with `from_middle`, at its middle, where the axes have room beside them.
    """
    from jugex.plots.texts import name_sides

    ax.set_xlabel(f"difference in {result.record.scale}s")
    ends, sides = ((0.5, 0.5), ("right", "left")) if from_middle else ((0.0, 1.0), ("left", "right"))
    for words, x, side, gap in zip(name_sides(result, 24), ends, sides, (-5, 5), strict=True):
        ax.annotate(
            words, (x, 0.0), xycoords="axes fraction", xytext=(gap * from_middle, -27), textcoords="offset points",
            ha=side, va="top", multialignment=side, color=INK, annotation_clip=False,
        )  # fmt: skip


def figure_of(ax: Axes) -> Figure:
    """Return the figure of axes; for axes of a subfigure, the whole figure."""
    figure: Figure = ax.figure.canvas.figure
    return figure


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of axes in points (1/72 inch), after laying out the figure."""
    figure = figure_of(ax)
    figure.draw_without_rendering()
    box = ax.get_window_extent()
    return float(box.width * 72 / figure.dpi), float(box.height * 72 / figure.dpi)


def limit_legend(handles: Sequence[Artist], labels: Sequence[str], max_entries: int) -> tuple[list[Artist], list[str]]:
    """Limit a legend of donors to `max_entries` entries, the last of which counts the others."""
    from matplotlib.lines import Line2D

    if len(handles) <= max_entries:
        return list(handles), list(labels)
    more = f"and {len(handles) - max_entries + 1:,} more"
    return [*handles[: max_entries - 1], Line2D([], [], linestyle="", label=more)], [*labels[: max_entries - 1], more]


def place_legend_below(
    ax: Axes, handles: Sequence[Artist] | None = None, *, below: float = 30.0, columns: int = 1
) -> Legend:
    """Place the legend `below` points under the axes, which leaves room for ticks and label at any size of axes."""
    from matplotlib.transforms import ScaledTranslation

    shift = ScaledTranslation(0, -below / 72, figure_of(ax).dpi_scale_trans)
    return ax.legend(
        handles=list(handles) if handles is not None else ax.get_legend_handles_labels()[0], loc="upper center",
        bbox_to_anchor=(0.5, 0.0), bbox_transform=ax.transAxes + shift, ncols=columns, borderaxespad=0,
        labelspacing=0.3, columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip


def draw_boxes(
    ax: Axes, values: Sequence[Floats], places: npt.ArrayLike, *, width: float, median: str, horizontal: bool = False
) -> None:
    """Draw boxes with quartiles, median and whiskers (to 1.5 interquartile ranges) behind the points.

    ``Axes.boxplot`` is not used: its keyword for horizontal boxes changed with matplotlib 3.10, and it reads every
    setting of matplotlib, which makes it select a backend.

    Parameters
    ----------
    ax : Axes
    values : sequence of ndarray
        Finite values of each box; a box without values is left out.
    places : array_like
        Position of each box.
    width : float
        Width of the boxes.
    median : str
        Colour of the medians.
    horizontal : bool
        Draw boxes horizontally, with the medians over the points, which would hide them in such low rows.
    """
    from matplotlib.cbook import boxplot_stats

    is_full = np.array([len(box_values) > 0 for box_values in values], dtype=bool)
    at = np.asarray(places, dtype=np.float64)[is_full]
    found = pd.DataFrame([box for box_values in values if len(box_values) for box in boxplot_stats(box_values)])
    if found.empty:
        return
    low, q1, middle, q3, high = (found[name].to_numpy() for name in ("whislo", "q1", "med", "q3", "whishi"))
    along, across = (ax.hlines, ax.vlines) if horizontal else (ax.vlines, ax.hlines)
    line: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "zorder": 1}
    bars = ax.barh if horizontal else ax.bar
    bars(at, q3 - q1, width, q1, facecolor=(0.5, 0.5, 0.5, 0.12), edgecolor=GREY, linewidth=0.7, zorder=1)
    along(at, low, q1, **line)
    along(at, q3, high, **line)
    for ends in (low, high):
        across(ends, at - width / 4, at + width / 4, **line)
    across(middle, at - width / 2, at + width / 2, color=median, linewidth=1.5, zorder=4 if horizontal else 1.5)


def freeze_layout(ax: Axes, *, like: Axes | None = None, dpi: float = _DPI) -> None:
    """Lay out a figure once, so that writing it to several files does not repeat this, which takes half of the time.

    Axes take the position of `like`, axes of the same result that are laid out already, if the numbers on their
    vertical axis need no more room.
    """
    from matplotlib import rc_context

    figure = figure_of(ax)
    engine = figure.get_layout_engine()
    if engine is None:
        return
    with _SETTINGS_LOCK, rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_dpi(dpi)  # what is measured at the resolution of the files is not measured again
        if like is not None and _longest_tick(ax) <= _longest_tick(like):
            ax.set_position(like.get_position(original=True))
        else:
            engine.execute(figure)
        figure.set_layout_engine(None)  # "none" would still draw everything twice


def _longest_tick(ax: Axes) -> int:
    """Number of characters of the longest number on the vertical axis."""
    low, high = sorted(ax.get_ylim())
    shown = [place for place in ax.yaxis.get_majorticklocs() if low <= place <= high]
    return max(map(len, ax.yaxis.get_major_formatter().format_ticks(shown)), default=0)


def to_png(ax: Axes, *, dpi: float) -> bytes:
    """The figure of axes as PNG, for a page."""
    content = io.BytesIO()
    with _SETTINGS_LOCK:
        figure_of(ax).savefig(content, format="png", dpi=dpi)
    return content.getvalue()


def save_figure(ax: Axes, path: str | Path, *, dpi: float = _DPI) -> Path:
    """Write the figure of axes at its own size, as SVG, PDF or PNG according to the file name.

    In PDF, text stays text (TrueType, which journals ask for; many refuse matplotlib's default, Type 3). In SVG, text
    is drawn as outlines, so that it looks the same everywhere. The same figure gives the same file.

    Parameters
    ----------
    ax : Axes
        Axes that a function of `jugex.plots` returned; any of them, if there are several.
    path : path-like
        File name that ends in ``.svg``, ``.pdf`` or ``.png``. An existing file is replaced.
    dpi : float
        Dots per inch of PNG, and of images inside the other two formats.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If the name has another ending.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import jugex
    >>> from jugex.plots import save_figure
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> save_figure(result.plot_gene("MAOA"), "MAOA.pdf").name
    'MAOA.pdf'
    """
    from matplotlib import rc_context

    target = Path(path)
    kind = target.suffix.lower()
    if kind not in FIGURE_FORMATS:
        raise OptionError(f"a figure's name must end in {', '.join(FIGURE_FORMATS)}; got {target.name!r}")
    settings = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "jugex", "text.usetex": False}
    with _SETTINGS_LOCK, rc_context(settings | _FONTS_OF.get(figure_of(ax), {})):
        try:
            figure_of(ax).savefig(
                target, dpi=dpi, format=kind[1:], metadata=dict(FIGURE_FORMATS[kind]), **_SAVE_OPTIONS.get(kind, {})
            )
        except OSError as error:
            raise OutputError(f"the figure {str(target)!r} cannot be written: {error}; choose another place") from error
    return target
