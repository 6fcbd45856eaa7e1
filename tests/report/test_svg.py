"""Small drawings: that what they show lies where it should."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from jugex.report.gene_panels import draw_donors, draw_null, draw_probes, draw_samples, probe_zscores
from jugex.report.svg import LARGE_MARKERS, MARKERS, Drawing, axis_ticks, format_tick


def read(markup):
    return BeautifulSoup(str(markup), "html.parser").svg


def points_of(path):
    return np.array([[float(x), float(y)] for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", path["d"])])


class TestDrawing:
    def test_axes_are_linear_and_y_rises(self):
        drawing = Drawing(200, 100, x=(0, 10), y=(-1, 1), margins=(20, 20, 10, 10))
        np.testing.assert_allclose(drawing.across([0, 5, 10]), [20, 100, 180])
        np.testing.assert_allclose(drawing.down([-1, 0, 1]), [90, 50, 10])

    def test_limits_without_extent_are_widened(self):
        assert Drawing(100, 100, x=(3, 3), y=(np.nan, 1)).across(3) == pytest.approx(67)

    def test_texts_and_labels_are_escaped(self):
        drawing = Drawing(100, 100, x=(0, 1), y=(0, 1))
        drawing.add_text(1, 1, "<b>&")
        drawing.add_x_axis([0.0], "<i>")
        svg = read(drawing.to_markup('a "quoted" <label>'))
        assert [text.get_text() for text in svg.find_all("text")] == ["<b>&", "0", "<i>"]
        assert svg["aria-label"] == 'a "quoted" <label>'

    def test_many_points_are_light(self):
        drawing = Drawing(100, 100, x=(0, 1), y=(0, 1))
        drawing.add_points(np.zeros(401), np.zeros(401), marker="X", colour="red")
        assert len(str(drawing.to_markup(""))) < 401 * 20

    def test_ticks_are_round_and_inside(self):
        assert axis_ticks(-1.3, 2.2) == [-1.0, 0.0, 1.0, 2.0]
        assert format_tick(-0.5) == "\N{MINUS SIGN}0.5"


class TestMarkers:
    def test_large_ones_are_the_same_larger(self):
        assert set(LARGE_MARKERS) == set(MARKERS)
        assert LARGE_MARKERS["s"] == "m-3.7-3.7h7.4v7.4h-7.4z"
        assert LARGE_MARKERS["o"].count(" 0 1 0 ") == 1  # flags of arcs are no lengths


class TestPanels:
    def test_samples_are_all_drawn(self, make_result):
        result = make_result()
        svg = read(draw_samples(result, "MAOA"))
        n_drawn = sum(len(points_of(path)) for path in svg.find_all("path", class_="points"))
        n_joined = len(svg.find_all("path", class_="mean"))
        assert n_drawn == len(result.samples) + 2 * n_joined  # and the two means of each line
        assert len(svg.find_all("path", class_="open")) == 3  # donors in one region only
        assert len(svg.find_all("path", class_="mean")) == 3  # donors in both
        first = result.zscores["MAOA"][(result.samples["region"] == "Fp1 left").to_numpy()]
        assert f"Fp1 left, {len(first)} samples, median {first.median():.2f}" in svg["aria-label"]

    def test_lines_end_in_the_means_of_the_donor(self, make_result):
        result = make_result()
        svg = read(draw_samples(result, "MAOA"))
        marks = [points_of(path) for path in svg.find_all("path", class_="points")]
        for line in svg.find_all("path", class_="mean"):
            ends = np.array([[float(n) for n in end.split()] for end in line["d"][1:].split("L")])
            assert any(np.array_equal(ends, mark) for mark in marks)

    def test_the_forest_tells_each_donor(self, make_result):
        result = make_result()
        donors = result.donor_differences("MAOA")
        svg = read(draw_donors(result, result.table.iloc[0], donors))
        words = [text.get_text() for text in svg.find_all("text")]
        assert [*donors["donor_name"], "adjusted"] == words[: len(donors) + 1]
        assert f"adjusted -1.20 ({-1.6:.2f} to {-0.8:.2f})" in svg["aria-label"]
        assert len(svg.find_all("path", class_="mean")) == len(donors) + 1

    def test_the_null_counts_every_relabelling(self):
        null = np.array([0.5, 1.0, 2.0, 7.0])
        svg = read(draw_null(null, 6.5, 0.4))
        assert "4 relabellings" in svg["aria-label"]
        assert "1 reach the observed 6.50 (p = 0.4000, not corrected)" in svg["aria-label"]

    def test_probes_are_aligned_with_the_samples_used(self, make_result):
        result = make_result()
        probes, zscores = probe_zscores(result, "TAC1")
        np.testing.assert_array_equal(zscores[:, 0], result.zscores["TAC1"] + 0.1)
        result = dataclasses.replace(result, samples=result.samples.drop(index=[0, 5]))  # left out for a missing value
        _, fewer = probe_zscores(result, "TAC1")
        np.testing.assert_array_equal(fewer, np.delete(zscores, [0, 5], axis=0))
        svg = read(draw_probes(result, probes, fewer))
        assert "A_23_P2" in svg["aria-label"]
        bars = [line["d"][1:].split("L") for line in svg.find_all("path", class_="means")]
        assert len(bars) == 2 * len(probes)  # a mean in each region
        assert all(start.split()[0] == end.split()[0] for start, end in bars)  # upright
        assert {text.get_text() for text in svg.find_all("text")} >= set(probes["probe_name"])

    def test_what_tells_probes_apart_is_kept(self, make_result):
        probes = pd.DataFrame({"probe_name": [f"simulated_MAOA_{i}" for i in (1, 12)]})
        result = make_result()
        svg = read(draw_probes(result, probes, np.zeros((len(result.samples), 2))))
        assert {text.get_text() for text in svg.find_all("text")} >= {
            "\N{HORIZONTAL ELLIPSIS}MAOA_1",
            "\N{HORIZONTAL ELLIPSIS}MAOA_12",
        }

    def test_names_of_probes_are_whole_where_nothing_is_shared(self, make_result):
        probes = pd.DataFrame({"probe_name": ["CUST_17139_PI416261804", "A_23_P34597"]})
        result = make_result()
        svg = read(draw_probes(result, probes, np.zeros((len(result.samples), 2))))
        words = [text.get_text() for text in svg.find_all("text")]
        assert {"CUST_17139_", "PI416261804", "A_23_P34597"} <= set(words)

    def test_regions_with_one_beginning_are_told_apart(self, make_result):
        long = "a region with a name that goes on and on, "
        svg = read(draw_samples(make_result(names=(f"{long}first", f"{long}second")), "MAOA"))
        words = " ".join(text.get_text() for text in svg.find_all("text"))
        assert "first n = 16" in words
        assert "second n = 12" in words

    def test_the_null_has_a_line_at_the_critical_f(self):
        null = np.array([0.5, 1.0, 2.0, 7.0])
        (line,) = read(draw_null(null, 6.5, 0.4, 13.0)).find_all("path", class_="floor")
        start, end = (part.split()[0] for part in line["d"][1:].split("L"))
        assert start == end
        assert float(start) > float(
            read(draw_null(null, 6.5, 0.4, 13.0)).find("path", class_="observed")["d"][1:].split()[0]
        )
        assert not read(draw_null(null, 6.5, 0.4)).find_all("path", class_="floor")

    def test_of_many_probes_the_highest_levels_come_first(self, make_result):
        result = make_result()
        pair = result.query
        raised = np.asarray(pair.levels) + 10.0 * (pair.probes["probe_name"] == "A_23_P2").to_numpy()
        result = dataclasses.replace(result, query=SimpleNamespace(**{**vars(pair), "levels": raised}))
        probes, _ = probe_zscores(result, "TAC1")
        assert probes["probe_name"].iloc[0] == "A_23_P2"
