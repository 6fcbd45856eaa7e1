"""Forest of the donors' differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import jugex
from jugex.errors import GeneError
from jugex.plots import donor_styles, plot_donors


def marks_of(ax):
    return {c.get_label(): c for c in ax.collections if isinstance(c, PathCollection)}


def intervals_of(ax):
    """Ends of the interval in each row."""
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2 and np.ptp(line.get_ydata()) == 0]
    places = {line.get_ydata()[0]: line.get_xdata() for line in lines}
    return {round(-place): ends for place, ends in places.items() if place == round(place)}


def rows_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def over_donors(result, low, high):
    """A result with a difference over donors."""
    table = result.table.assign(diff_donors=-1.25, ci_donors_low=low, ci_donors_high=high)
    return dataclasses.replace(result, table=table)


def test_draws_each_donor_and_the_weighted_difference(simulated):
    ax = plot_donors(simulated, "TAC1")
    donors = simulated.donor_differences("TAC1")
    row = simulated.table[simulated.table["gene"] == "TAC1"].iloc[0]
    assert rows_of(ax) == [*donors["donor_name"], "adjusted"]
    drawn = [float(marks_of(ax)[name].get_offsets()[0, 0]) for name in rows_of(ax)]
    assert drawn == [*donors["diff"], row["diff"]]


def test_draws_a_difference_over_donors_where_there_is_one(simulated):
    ax = plot_donors(over_donors(simulated, -2.0, -0.5), "TAC1")
    assert rows_of(ax)[-2:] == ["adjusted", "over donors"]
    assert float(marks_of(ax)["over donors"].get_offsets()[0, 0]) == -1.25


def test_draws_what_is_left_beyond_distance_with_its_interval(simulated):
    result = over_donors(simulated, -2.0, -0.5)
    table = result.table.assign(ci_spatial_low=-1.9, ci_spatial_high=0.3)
    ax = plot_donors(dataclasses.replace(result, table=table), "TAC1")
    assert rows_of(ax)[-3:] == ["adjusted", "over donors", "beyond distance"]
    assert float(marks_of(ax)["beyond distance"].get_offsets()[0, 0]) == pytest.approx(-0.8)
    assert_allclose(intervals_of(ax)[len(rows_of(ax)) - 1], [-1.9, 0.3])


def test_lines_are_the_intervals(simulated):
    ax = plot_donors(simulated, "TAC1")
    donors = simulated.donor_differences("TAC1")
    lines = intervals_of(ax)
    for place, (low, high) in enumerate(zip(donors["ci_low"], donors["ci_high"], strict=True)):
        assert_allclose(lines[place], [low, high], rtol=1e-12)


def test_donors_look_as_everywhere(simulated):
    marks, styles = marks_of(plot_donors(simulated, "TAC1")), donor_styles(simulated)
    for name in simulated.donor_differences("TAC1")["donor_name"]:
        from matplotlib.colors import to_hex

        assert to_hex(marks[name].get_facecolor()[0]).upper() == styles[name].colour


def test_writes_samples_and_weights(simulated):
    texts = [text.get_text() for text in plot_donors(simulated, "TAC1").texts]
    donors = simulated.donor_differences("TAC1")
    assert [f"{a} + {b}" for a, b in zip(donors["n_1"], donors["n_2"], strict=True)] == texts[
        2 : 2 + 2 * len(donors) : 2
    ]
    shares = [f"{share:.0%}" for share in donors["weight"] / donors["weight"].sum()]
    assert shares == texts[3 : 3 + 2 * len(donors) : 2]
    assert texts[:2] == ["samples", "weight"]


def test_axis_says_where_expression_is_higher(simulated):
    texts = [text.get_text() for text in plot_donors(simulated, "TAC1").texts]
    assert texts[-2:] == [
        "\N{LEFTWARDS ARROW} higher in\nsimulated B", "higher in\nsimulated A \N{RIGHTWARDS ARROW}",
    ]  # fmt: skip


def test_long_interval_ends_in_an_arrow(simulated):
    ax = plot_donors(over_donors(simulated, -500.0, 500.0), "TAC1")
    assert [line.get_marker() for line in ax.lines if line.get_marker() in "<>"] == ["<", ">"]
    assert ax.get_xlim()[1] < 50


def test_one_donor(simulated):
    only = simulated.donor_differences("TAC1")["donor_name"].iloc[0]
    keep = (simulated.samples["donor_name"] == only).to_numpy()
    result = dataclasses.replace(simulated, samples=simulated.samples[keep], zscores=simulated.zscores[keep])
    assert rows_of(plot_donors(result, "TAC1")) == [only, "adjusted"]


def test_donor_without_interval_has_a_mark_only(simulated, monkeypatch, render):
    donors = simulated.donor_differences("TAC1").assign(ci_low=np.nan, ci_high=np.nan)
    monkeypatch.setattr("jugex.plots.panels.donor_differences", lambda *_: pd.DataFrame(donors))
    ax = plot_donors(simulated, "TAC1")
    assert sorted(intervals_of(ax)) == [len(donors)]
    render(ax)


def test_result_from_disk_is_drawn_the_same(simulated, tmp_path):
    simulated.save(tmp_path / "out")
    again = plot_donors(jugex.load_result(tmp_path / "out"), "TAC1")
    first = plot_donors(simulated, "TAC1")
    for name, mark in marks_of(first).items():
        # files hold ten digits
        assert_allclose(marks_of(again)[name].get_offsets(), mark.get_offsets(), rtol=1e-8)


def test_draws_into_axes_given(simulated):
    ax = Figure().add_subplot()
    assert plot_donors(simulated, "TAC1", ax=ax) is ax


def test_unknown_gene_is_refused(simulated):
    with pytest.raises(GeneError, match="MAOB"):
        plot_donors(simulated, "MAOB")
