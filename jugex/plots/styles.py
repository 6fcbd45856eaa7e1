"""How figures look and are written: the sizes and files that journals ask for, the same colours and markers everywhere.

Nothing of matplotlib's state outlasts a call: styles hold inside `in_journal_style` only. Figures are made without
pyplot, which therefore does not know them, except where it shows them: in notebooks, and in windows.
"""

from __future__ import annotations

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

# Okabe and Ito's palette (jfly.uni-koeln.de/color), less black and yellow: six colours that colour-blind readers
# tell apart, on white and on black
_DONOR_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
_DONOR_MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # seven against six colours: 42 donors before a pair repeats

#: Backends that write files and show nothing.
_SILENT_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")

_LINE = 0.6
_TEXT_SIZE = 7.0
_TEXT_SIZES = (4.0, 24.0)
_SIZED = (
    "font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize",
)  # fmt: skip
_JOURNAL: dict[Any, Any] = {
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.linewidth": _LINE,
    "axes.titlelocation": "center",
    "axes.grid": False,
    "hatch.linewidth": _LINE,
    "figure.dpi": 200.0,  # 85 mm fill a third of a laptop's screen
    # names of genes and regions are text, never formulas: "$x_1$" is drawn as it is written
    "text.parse_math": False,
    "text.usetex": False,
    "mathtext.fontset": "dejavusans",
    "axes.formatter.use_mathtext": False,
}


@dataclass(frozen=True)
class _Style:
    """What `figure_style` changes."""

    colours: tuple[str, str] | None = None
    font: str | None = None
    text_size: float = _TEXT_SIZE


_PLAIN = _Style()
_STYLE: ContextVar[_Style] = ContextVar("style", default=_PLAIN)
#: Settings that figures were drawn with and that matplotlib looks up again when it writes them: fonts of formulas.
_FONTS_OF: WeakKeyDictionary[Figure, dict[Any, Any]] = WeakKeyDictionary()

P = ParamSpec("P")
R = TypeVar("R")
Floats = npt.NDArray[np.float64]

_DPI = 300.0
#: File formats of `save_figure`, with what keeps the file the same whenever it is written.
FIGURE_FORMATS: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}
#: A picture is 10 % larger than it can be, and written in half the time.
_OPTIONS: dict[str, dict[str, Any]] = {".png": {"pil_kwargs": {"compress_level": 3}}}


class Sampled(Protocol):
    """What has samples of named regions: the result of two regions, or of more."""

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample, with `region` and `donor_name`."""

    @property
    def record(self) -> RunRecord:
        """With the donors of the atlas."""

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""


class DonorStyle(NamedTuple):
    """How a donor is drawn: everywhere the same, so that figures can be compared.

    Examples
    --------
    >>> from jugex.plots import DonorStyle
    >>> DonorStyle("#0072B2", "o").marker
    'o'
    """

    colour: str
    marker: str


class RegionStyle(NamedTuple):
    """How a region is drawn.

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
    """How the two regions are drawn: as `REGION_STYLES`, in the colours of `figure_style` where it gives some."""
    colours = _STYLE.get().colours
    if colours is None:
        return REGION_STYLES
    first, second = (style._replace(face=colour) for style, colour in zip(REGION_STYLES, colours, strict=True))
    return first, second


def text_size(step: float = 0.0) -> float:
    """Size of text in points, so many points larger or smaller than that of labels."""
    return _STYLE.get().text_size + step


@contextmanager
def figure_style(
    *, colours: Sequence[str] | None = None, font: str | None = None, text_size: float = _TEXT_SIZE
) -> Iterator[None]:
    """Draw figures in the colours, the font and the size of text that a paper has.

    Parameters
    ----------
    colours : two str, optional
        Colours of region 1 and region 2, as matplotlib knows them (``"#1b7837"``, ``"tab:blue"``).
    font : str, optional
        Font of all text, statistics such as *F* and *p* among it, by its name (``"Arial"``); default: matplotlib's.
    text_size : float
        Size of labels, in points; titles are one point larger, names of genes one point smaller.

    Raises
    ------
    OptionError
        If a colour is none, the font is not installed, or the size is not from 4 to 24.

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
            f"the font {font!r} is not installed where matplotlib looks; install it, or choose one of "
            "matplotlib.font_manager.get_font_names()"
        ) from error
    return font


def _check_size(size: float) -> float:
    low, high = _TEXT_SIZES
    if not low <= size <= high:
        raise OptionError(f"text_size must be from {low:g} to {high:g} points; got {size!r}")
    return float(size)


def _list_settings() -> dict[Any, Any]:
    """Settings of matplotlib that figures are drawn with."""
    style = _STYLE.get()
    sizes = dict.fromkeys(_SIZED, style.text_size) | {"axes.titlesize": style.text_size + 1}
    return _JOURNAL | sizes | _list_fonts()


def _list_fonts() -> dict[Any, Any]:
    """Fonts of text and formulas: those asked for, else the user's, so that *F* is not set in another font."""
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
    """Colour and marker of each donor, by its place in the atlas.

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


#: matplotlib's settings are the process's: one thread at a time changes them, and gives them back.
_SETTINGS = threading.RLock()


def in_journal_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw with text of 7 and 8 points and fine lines, and leave matplotlib as it was."""

    @wraps(draw)
    def draw_in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        from matplotlib import rc_context

        if _shows_figures() and not _for_files.get():
            from matplotlib import pyplot

            # starts a notebook's backend, which changes settings that are to stay
            pyplot.draw_if_interactive()  # type: ignore[no-untyped-call]
        with _SETTINGS, rc_context(_list_settings()):
            drawn = draw(*args, **kwargs)
            if fonts := _list_fonts():
                _remember_fonts(drawn, fonts)
            return drawn

    return draw_in_style


_for_files: ContextVar[bool] = ContextVar("jugex_figures_are_for_files", default=False)


@contextmanager
def drawing_for_files() -> Iterator[None]:
    """Make figures without pyplot while the block runs: they are written into files, and not to be shown."""
    token = _for_files.set(True)
    try:
        yield
    finally:
        _for_files.reset(token)


def _remember_fonts(drawn: Any, fonts: dict[Any, Any]) -> None:
    """Keep the fonts of a figure for when it is written, and give them to its ticks, which are made late."""
    from matplotlib.axes import Axes

    for ax in drawn if isinstance(drawn, list | tuple) else [drawn]:
        if isinstance(ax, Axes):
            figure = figure_of(ax)
            _FONTS_OF[figure] = fonts
            for part in [*figure.axes, ax, *ax.child_axes]:
                part.tick_params(which="both", labelfontfamily=fonts["font.family"])


def make_axes(width: float, height: float, ratios: Sequence[float] = (1,)) -> list[Axes]:
    """Axes side by side, of these relative widths, in a figure (mm) of their own.

    The figure is pyplot's where that shows figures, as in a notebook; else pyplot does not know it.
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
    """Whether pyplot shows figures: in the kernel of a notebook, and where a window's backend is in use."""
    if "ipykernel" in sys.modules and "inline" in os.environ.get("MPLBACKEND", ""):
        return True
    if "matplotlib.pyplot" not in sys.modules:
        return False
    from matplotlib import rcParams

    find = getattr(rcParams, "_get_backend_or_none", None)  # get_backend would choose one
    backend = str((find() if find is not None else None) or "agg").casefold()
    return backend not in _SILENT_BACKENDS


def dress_axes(ax: Axes) -> None:
    """Give axes their lines, ticks and sizes.

    Said outright, as ticks are made late, when the style no longer holds, and the user's axes were made before it.
    """
    ax.tick_params(labelsize=text_size(), length=2.5, width=_LINE, pad=2.5)
    for spine in ax.spines.values():
        spine.set_linewidth(_LINE)
    ax.spines[["top", "right"]].set_visible(False)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(size=text_size(), parse_math=False)


def title_axes(ax: Axes, title: str) -> None:
    """Title in which statistics are set as formulas (``$F$``); names in it are escaped by `escape_math`.

    Its height is given: matplotlib else looks at every tick, each time that anything is drawn, where the title may go.
    """
    ax.set_title(title, parse_math=True, y=1.0)


def label_differences(ax: Axes, result: ComparisonData, *, from_middle: bool = False) -> None:
    """Label an axis of differences, and say below it on which side expression is higher in which region.

    The words start at the ends of the axis, or at its middle where there is more room beside the axes than below.
    """
    from jugex.plots.texts import name_sides

    ax.set_xlabel("difference in z-score")
    ends, sides = ((0.5, 0.5), ("right", "left")) if from_middle else ((0.0, 1.0), ("left", "right"))
    for words, x, side, gap in zip(name_sides(result, 24), ends, sides, (-5, 5), strict=True):
        ax.annotate(
            words, (x, 0.0), xycoords="axes fraction", xytext=(gap * from_middle, -27), textcoords="offset points",
            ha=side, va="top", multialignment=side, color=INK, annotation_clip=False,
        )  # fmt: skip


def figure_of(ax: Axes) -> Figure:
    """The figure that axes belong to; of a subfigure's axes, the figure around it."""
    figure: Figure = ax.figure.canvas.figure
    return figure


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Width and height of axes in points (1/72 inch), once the figure is laid out."""
    figure = figure_of(ax)
    figure.draw_without_rendering()
    box = ax.get_window_extent()
    return float(box.width * 72 / figure.dpi), float(box.height * 72 / figure.dpi)


def limit_legend(handles: Sequence[Artist], labels: Sequence[str], most: int) -> tuple[list[Artist], list[str]]:
    """The first entries of a legend of donors, and how many more there are: a legend of all may leave no figure."""
    from matplotlib.lines import Line2D

    if len(handles) <= most:
        return list(handles), list(labels)
    more = f"and {len(handles) - most + 1:,} more"
    return [*handles[: most - 1], Line2D([], [], linestyle="", label=more)], [*labels[: most - 1], more]


def place_legend_below(
    ax: Axes, handles: Sequence[Artist] | None = None, *, below: float = 30.0, columns: int = 1
) -> Legend:
    """Legend under axes, as many points below them as ticks and label take, whatever the size of the axes."""
    from matplotlib.transforms import ScaledTranslation

    shift = ScaledTranslation(0, -below / 72, figure_of(ax).dpi_scale_trans)
    return ax.legend(
        handles=list(handles) if handles is not None else ax.get_legend_handles_labels()[0], loc="upper center",
        bbox_to_anchor=(0.5, 0.0), bbox_transform=ax.transAxes + shift, ncols=columns, borderaxespad=0,
        labelspacing=0.3, columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip


def draw_boxes(
    ax: Axes, values: Sequence[Floats], places: npt.ArrayLike, *, width: float, median: str, lying: bool = False
) -> None:
    """Quartiles, median and whiskers (to 1.5 interquartile ranges) behind the points; none where there is no value.

    ``Axes.boxplot`` is not used: it changed its word for lying boxes with matplotlib 3.10, and it reads every setting
    of matplotlib, which makes it choose a backend.

    Parameters
    ----------
    ax : Axes
    values : sequence of ndarray
        Finite values of each box.
    places : array_like
        Where each box stands.
    width : float
        Width of the boxes.
    median : str
        Colour of the medians.
    lying : bool
        Draw the values across instead of up, and medians over the points, which hide them in rows so low.
    """
    from matplotlib.cbook import boxplot_stats

    is_full = np.array([len(of_box) > 0 for of_box in values], dtype=bool)
    at = np.asarray(places, dtype=np.float64)[is_full]
    found = pd.DataFrame([box for of_box in values if len(of_box) for box in boxplot_stats(of_box)])
    if found.empty:
        return
    low, q1, middle, q3, high = (found[name].to_numpy() for name in ("whislo", "q1", "med", "q3", "whishi"))
    along, across = (ax.hlines, ax.vlines) if lying else (ax.vlines, ax.hlines)
    line: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "zorder": 1}
    bars = ax.barh if lying else ax.bar
    bars(at, q3 - q1, width, q1, facecolor=(0.5, 0.5, 0.5, 0.12), edgecolor=GREY, linewidth=0.7, zorder=1)
    along(at, low, q1, **line)
    along(at, q3, high, **line)
    for ends in (low, high):
        across(ends, at - width / 4, at + width / 4, **line)
    across(middle, at - width / 2, at + width / 2, color=median, linewidth=1.5, zorder=4 if lying else 1.5)


def freeze_layout(ax: Axes, *, like: Axes | None = None, dpi: float = _DPI) -> None:
    """Lay a figure out, once and for all: several files of it need not do so each, which takes half of their time.

    Axes take the place of those that they are `like`, of the same result and laid out already, where the numbers on
    their upright axis need no more room.
    """
    from matplotlib import rc_context

    figure = figure_of(ax)
    engine = figure.get_layout_engine()
    if engine is None:
        return
    figure.set_dpi(dpi)  # what is measured at the resolution of the files is not measured again
    if like is not None and _longest_tick(ax) <= _longest_tick(like):
        ax.set_position(like.get_position(original=True))
    else:
        engine.execute(figure)
    with _SETTINGS, rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # "none" would still draw everything twice


def _longest_tick(ax: Axes) -> int:
    """Letters of the longest number on the upright axis."""
    low, high = sorted(ax.get_ylim())
    shown = [place for place in ax.yaxis.get_majorticklocs() if low <= place <= high]
    return max(map(len, ax.yaxis.get_major_formatter().format_ticks(shown)), default=0)


def save_figure(ax: Axes, path: str | Path, *, dpi: float = _DPI) -> Path:
    """Write the figure of axes at its own size, as SVG, PDF or PNG by the name's ending.

    Text stays text in PDF (TrueType, which journals ask for; matplotlib's default is Type 3, which many refuse) and is
    drawn as outlines in SVG, which therefore looks the same everywhere. The same figure gives the same file.

    Parameters
    ----------
    ax : Axes
        What a function of `jugex.plots` returned; of several, any.
    path : path-like
        Ends in ``.svg``, ``.pdf`` or ``.png``. A file that is there is replaced.
    dpi : float
        Dots per inch of PNG, and of what is an image inside the other two.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If the name ends in something else.
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
    with _SETTINGS, rc_context(settings | _FONTS_OF.get(figure_of(ax), {})):
        try:
            figure_of(ax).savefig(
                target, dpi=dpi, format=kind[1:], metadata=dict(FIGURE_FORMATS[kind]), **_OPTIONS.get(kind, {})
            )
        except OSError as error:
            raise OutputError(f"the figure {str(target)!r} cannot be written: {error}; choose another place") from error
    return target
