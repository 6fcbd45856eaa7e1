"""Levels of each probe of a gene."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jugex
from jugex.errors import GeneError, OptionError, ResultError
from jugex.plots import plot_probes
from tests.plots.helpers import points_by_label


def probe_names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_draws_every_level_of_every_probe_in_its_region(simulated):
    ax = plot_probes(simulated, "TAC1", max_probes=None)
    pair = simulated.query
    columns = {name: i for i, name in enumerate(pair.probes["probe_name"])}
    drawn = list(points_by_label(ax).values())
    for in_region, points, side in zip((pair.in_region_1, ~pair.in_region_1), drawn, (1, -1), strict=True):
        for row, name in enumerate(probe_names(ax)):
            here = points[np.abs(points[:, 1] + row) < 0.5]
            expected = np.sort(pair.levels[in_region, columns[name]])
            assert_allclose(np.sort(here[:, 0]), expected, rtol=0)  # the same numbers, only moved up and down
            assert (side * (here[:, 1] + row) > 0).all()


def test_highest_probe_comes_first(simulated):
    ax = plot_probes(simulated, "MAOA", max_probes=None)
    pair = simulated.query
    is_gene = (pair.probes["gene"] == "MAOA").to_numpy()
    means = dict(zip(pair.probes["probe_name"][is_gene], pair.levels[:, is_gene].mean(axis=0), strict=True))
    assert probe_names(ax) == sorted(means, key=means.get, reverse=True)


def test_says_how_well_probes_agree(simulated):
    row = simulated.table[simulated.table["gene"] == "TAC1"].iloc[0]
    expected = f"TAC1\n{row['n_probes']} probes, mean correlation {row['probe_r']:.2f}"
    assert plot_probes(simulated, "TAC1").get_title() == expected


def test_draws_only_samples_that_were_used(simulated):
    samples = simulated.samples.iloc[5:].reset_index(drop=True)
    fewer = dataclasses.replace(simulated, samples=samples, zscores=simulated.zscores.iloc[5:].reset_index(drop=True))
    drawn = np.concatenate(list(points_by_label(plot_probes(fewer, "TAC1", max_probes=None)).values()))
    pair = simulated.query
    expected = pair.levels[5:, (pair.probes["gene"] == "TAC1").to_numpy()]
    assert_allclose(np.sort(drawn[:, 0]), np.sort(expected, axis=None), rtol=0)


def test_finds_the_gene_of_a_probe_tested_by_itself(simulated_probes):
    label = simulated_probes.labels.iloc[0]
    assert probe_names(plot_probes(simulated_probes, label)) == probe_names(plot_probes(simulated_probes, "TAC1"))


def test_grows_with_probes_up_to_a_page(simulated):
    few, many, all_ = (plot_probes(simulated, "MAOA", max_probes=n).figure.get_size_inches() for n in (3, 12, None))
    assert few[0] == many[0] == all_[0]
    assert few[1] < many[1] < all_[1] < 240 / 25.4


def test_of_more_probes_the_highest_are_drawn_and_the_others_counted(simulated):
    everything = probe_names(plot_probes(simulated, "MAOA", max_probes=None))
    assert len(everything) == 31
    ax = plot_probes(simulated, "MAOA")
    assert probe_names(ax) == everything[:12]
    assert ax.get_xlabel() == "level (log2)\n12 of 31 probes: the highest mean levels"
    assert plot_probes(simulated, "MAOA", max_probes=31).get_xlabel() == "level (log2)"


@pytest.mark.parametrize("max_probes", [0, -1])
def test_no_probe_is_refused(simulated, max_probes):
    with pytest.raises(
        OptionError, match=f"max_probes must be a number of probes, at least 1, or None for all; got {max_probes}"
    ):
        plot_probes(simulated, "MAOA", max_probes=max_probes)


def test_names_do_not_overlap(simulated):
    ax = plot_probes(simulated, "MAOA", max_probes=None)
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def test_result_from_disk_is_refused(simulated, tmp_path):
    simulated.save(tmp_path / "out")
    with pytest.raises(ResultError, match="a result read from disk holds no levels of probes; repeat the comparison"):
        plot_probes(jugex.load_result(tmp_path / "out"), "MAOA")


def test_unknown_gene_is_refused(simulated):
    with pytest.raises(GeneError, match="gene 'MAOB' is not in this result, which has"):
        plot_probes(simulated, "MAOB")
