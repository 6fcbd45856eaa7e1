"""Colours, font and size of text that a paper has."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex

from jugex.errors import OptionError
from jugex.plots import figure_style, plot_gene, plot_probes, plot_volcano, save_figure

GREEN, PURPLE = "#1b7837", "#762a83"


def fonts_of(path):
    """Fonts that a PDF embeds."""
    return {font for font in (b"DejaVuSans", b"DejaVuSerif") if font in path.read_bytes()}


def test_regions_have_the_colours_given_and_others_afterwards(make_result):
    result = make_result(diff=(1.2, -0.8, 0.1))

    def faces(ax):
        return {to_hex(marks.get_facecolor()[0]) for marks in ax.collections[1:] if len(marks.get_facecolor())}

    with figure_style(colours=(GREEN, "purple")):
        assert faces(plot_volcano(result)) == {GREEN, to_hex("purple")}
    assert faces(plot_volcano(result)) == {"#f0e442", "#5d3a9b"}


@pytest.mark.parametrize("draw", [plot_volcano, lambda result: plot_gene(result, "MAOA")])
def test_a_font_is_that_of_words_ticks_and_formulas(make_result, tmp_path, draw):
    with figure_style(font="DejaVu Serif"):
        ax = draw(make_result())
    # written when the style no longer holds
    assert fonts_of(save_figure(ax, tmp_path / "serif.pdf")) == {b"DejaVuSerif"}
    assert fonts_of(save_figure(draw(make_result()), tmp_path / "sans.pdf")) == {b"DejaVuSans"}


def test_formulas_follow_the_font_that_the_user_has_set(make_result, tmp_path):
    with mpl.rc_context({"font.family": "DejaVu Serif"}):
        ax = plot_volcano(make_result())
    assert fonts_of(save_figure(ax, tmp_path / "serif.pdf")) == {b"DejaVuSerif"}


def test_text_has_the_size_given(make_result):
    with figure_style(text_size=5):
        ax = plot_probes(make_result(), "MAOA")
    ax.figure.draw_without_rendering()
    assert {label.get_size() for label in [ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]} == {5.0}
    assert ax.title.get_size() == 6.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colours": "red"}, "colours must be two colours, of region 1 and region 2"),
        ({"colours": ("red", "no colour")}, "colours must be two colours"),
        ({"font": "No Such Font"}, "matplotlib does not find the font 'No Such Font'"),
        ({"text_size": 70}, "text_size must be from 4 to 24 points; got 70"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(OptionError, match=message), figure_style(**options):
        pass
