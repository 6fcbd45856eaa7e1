"""Figures as markup that stands inside a page: no file beside it, and ink in the colour of the page's text."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import numpy as np

from jugex.plots import REGION_STYLES, donor_styles, plot_gene, plot_samples, sample_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jugex.analysis.result import DifferentialExpression

__all__ = ["draw_donor_marks", "draw_gene", "draw_region_marks", "draw_views"]

# a colour that no donor has: what is drawn in it takes the colour of the page's text, light or dark
_INK = "#123457"
_GENE_SIZE = (3.0, 2.75)  # inches
_MM_PER_INCH = 52.0
_DPI = 200


def draw_gene(result: DifferentialExpression, gene: str, *, key: str) -> str:
    """Box plot of a gene as SVG markup, without title and legend, which the page sets itself.

    Parameters
    ----------
    result : DifferentialExpression
    gene : str
    key : str
        Prefix of the ids in the drawing; another one for each drawing of a page.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_GENE_SIZE)
    figure.patch.set_alpha(0)
    ax = plot_gene(result, gene, ax=figure.add_axes((0.2, 0.21, 0.79, 0.76)))
    _restyle(ax)
    return _to_svg(figure, key)


def draw_views(result: DifferentialExpression) -> list[tuple[str, str, float]]:
    """Three views of the brain as data URIs of PNG images.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    list of tuple
        Per view: what it shows ("sagittal, x = -8 mm"), the data URI, and its width in mm.
    """
    from matplotlib.figure import Figure

    figures = [Figure() for _ in range(3)]
    axes = plot_samples(result, axes=[figure.add_axes((0, 0, 1, 1)) for figure in figures])
    views = []
    for figure, ax, view in zip(figures, axes, sample_views(result), strict=True):
        ax.set_title("")
        if legend := ax.get_legend():
            legend.remove()
        width, height = (abs(high - low) for low, high in (ax.get_xlim(), ax.get_ylim()))
        figure.set_size_inches(width / _MM_PER_INCH, height / _MM_PER_INCH)
        views.append((f"{view.name}, {view.axis} = {view.position:.0f} mm", _to_data_uri(figure), width))
    return views


def draw_donor_marks(result: DifferentialExpression) -> list[tuple[str, str]]:
    """Name and mark (SVG markup) of each donor with a sample used, for a legend."""
    return [(name, _to_mark(style.marker, style.colour, style.colour)) for name, style in donor_styles(result).items()]


def draw_region_marks(result: DifferentialExpression) -> list[tuple[str, str]]:
    """Name and mark (SVG markup) of both regions, as in the views of the brain."""
    return [
        (name, _to_mark(style.marker, style.face, style.edge))
        for name, style in zip(result.region_names, REGION_STYLES, strict=True)
    ]


def _restyle(ax: Axes) -> None:
    """Leave title and legend to the page, and draw axes in ink."""
    from matplotlib.ticker import MaxNLocator

    ax.set_title("")
    if legend := ax.get_legend():
        legend.remove()
    ax.patch.set_alpha(0)
    ax.tick_params(colors=_INK, labelsize=9)
    ax.yaxis.label.set(color=_INK, fontsize=9)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_label_coords(-0.2, 0.5)
    for spine in ax.spines.values():
        spine.set_edgecolor(_INK)


def _to_svg(figure: Figure, key: str) -> str:
    """Markup of a figure, the same in every run: matplotlib's ids are random, and would meet in one page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    names = {name: f"{key}-{i}" for i, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg)))}
    svg = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{names[found[1]]}"', svg)
    svg = re.sub(r'href="#([^"]+)"', lambda found: f'href="#{names[found[1]]}"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", svg)
    opening = f'<svg viewBox="0 0 {_GENE_SIZE[0] * 72:g} {_GENE_SIZE[1] * 72:g}" aria-hidden="true">'
    svg = re.sub(r"^<svg[^>]*>", opening, svg)
    return svg.replace("xlink:href", "href").replace(_INK, "currentColor")


def _to_data_uri(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, transparent=True, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _to_mark(marker: str, face: str, edge: str) -> str:
    """One marker as a small drawing."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    points = " ".join(f"{x:.2f},{-y:.2f}" for polygon in path.to_polygons() for x, y in np.asarray(polygon))
    return (
        '<svg class="mark" viewBox="-0.75 -0.75 1.5 1.5" aria-hidden="true">'
        f'<polygon points="{points}" fill="{face}" stroke="{edge}" stroke-width="0.1"/></svg>'
    )
