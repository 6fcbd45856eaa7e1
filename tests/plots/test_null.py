"""F of one gene beside F under all relabellings."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import jugex
from jugex._text import format_p
from jugex.errors import GeneError
from jugex.plots import plot_null
from tests.report.helpers import change


def bars_of(ax):
    """Left edges, right edges and heights."""
    return np.array([(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in ax.patches])


def test_bars_are_shares_of_the_relabellings(simulated):
    null = simulated.permutation_null("TAC1")
    bars = bars_of(plot_null(simulated, "TAC1"))
    assert_allclose(bars[:, 2].sum(), 1, rtol=1e-12)  # a sum of 999 equal shares
    left, right, height = bars[0]
    assert_allclose(height, ((null >= left) & (null < right)).mean(), rtol=1e-12)


def test_line_is_the_observed_f(simulated):
    row = simulated.table[simulated.table["gene"] == "TAC1"].iloc[0]
    line = plot_null(simulated, "TAC1").lines[0]
    assert line.get_xdata()[0] == row["f"]
    assert line.get_label() == f"observed, $F$ = {row['f']:.2f}, $p$ = {format_p(row['p_perm'])}"


def test_title_counts_relabellings_that_reach_it(simulated):
    gene = simulated.labels.iloc[-1]
    row = simulated.table.iloc[-1]
    n = int((simulated.permutation_null(gene) >= row["f"]).sum())
    assert plot_null(simulated, gene).get_title() == f"{gene}\n{n} of 999 relabellings reach it"
    assert_allclose((n + 1) / 1000, row["p_perm"], rtol=1e-12)


def test_line_is_the_smallest_f_that_is_significant(simulated):
    critical = simulated.record.permutation.f_critical
    _, line = plot_null(simulated, "TAC1").lines
    assert line.get_xdata()[0] == critical
    assert line.get_label() == rf"$p_{{\mathrm{{FWE}}}}$ = 0.05 ($F$ = {critical:.1f})"


def test_no_line_where_no_f_is_significant(simulated):
    assert len(plot_null(change(simulated, permutation={"f_critical": None}), "TAC1").lines) == 1


def test_endless_f_is_left_out_of_the_axis(simulated, monkeypatch, render):
    monkeypatch.setattr("jugex.plots.panels.permutation_nulls", lambda *_: [np.array([0.1, 2.0, np.inf])])
    ax = plot_null(simulated, "TAC1")
    assert_allclose(bars_of(ax)[:, 2].sum(), 2 / 3)
    render(ax)


def test_all_relabellings_are_called_so(simulated):
    title = plot_null(change(simulated, permutation={"exhaustive": True}), "TAC1").get_title()
    assert "of all 999 relabellings reach it" in title


def test_result_from_disk_is_drawn_the_same(simulated, tmp_path):
    simulated.save(tmp_path / "out")
    again = jugex.load_result(tmp_path / "out")
    assert np.array_equal(bars_of(plot_null(again, "TAC1"))[:, 2], bars_of(plot_null(simulated, "TAC1"))[:, 2])


def test_draws_probes_tested_by_themselves(simulated_probes):
    label = simulated_probes.labels.iloc[0]
    assert plot_null(simulated_probes, label).get_title().startswith(label)


def test_draws_into_axes_given(simulated):
    ax = Figure().add_subplot()
    assert plot_null(simulated, "TAC1", ax=ax) is ax


def test_unknown_gene_is_refused(simulated):
    with pytest.raises(GeneError, match="MAOB"):
        plot_null(simulated, "MAOB")
