"""Figures as files that journals take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jugex.errors import OptionError, OutputError
from jugex.plots.styles import figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIGURE_FORMATS", "freeze_layout", "save_figure"]

_DPI = 300.0
#: File formats of `save_figure`, with what keeps the file the same whenever it is written.
FIGURE_FORMATS: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}


def freeze_layout(ax: Axes, *, dpi: float = _DPI) -> None:
    """Lay a figure out, once and for all: several files of it need not do so each, which takes half of their time."""
    from matplotlib import rc_context

    figure = figure_of(ax)
    engine = figure.get_layout_engine()
    if engine is None:
        return
    figure.set_dpi(dpi)  # what is measured at the resolution of the files is not measured again
    engine.execute(figure)
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # "none" would still draw everything twice


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
        Where the name ends in something else.
    OutputError
        Where the file cannot be written.

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
        raise OptionError(f"a figure's name ends in {', '.join(FIGURE_FORMATS)}; got {target.name!r}")
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "jugex", "text.usetex": False}):
        try:
            figure_of(ax).savefig(target, dpi=dpi, format=kind[1:], metadata=dict(FIGURE_FORMATS[kind]))
        except OSError as error:
            raise OutputError(f"the figure {str(target)!r} cannot be written: {error}; choose another place") from error
    return target
