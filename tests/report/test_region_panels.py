"""Drawings of a gene in more than two regions: its samples, and its differences in pairs."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

from jugex.report.region_panels import MAX_PAIRS, draw_levels, draw_pairs

SAMPLES = pd.DataFrame({"region": list("aabb"), "donor_name": list("xyxy")})


def test_regions_without_a_value_stand_empty():
    drawn = draw_levels(np.array([1.0, 2.0, np.nan, np.nan]), SAMPLES, ("a", "b"), {})
    assert drawn.count("n = 2") == 1
    assert drawn.count("n = 0") == 1
    assert drawn.count('class="box"') == 1
    assert draw_levels(np.full(4, np.nan), SAMPLES, ("a", "b"), {}).count('class="box"') == 0


def test_of_many_pairs_the_first_are_drawn_and_the_significant_filled():
    rows = pd.DataFrame(
        {"region_1": "a", "region_2": "b", "diff": 1.0, "p_fwe_holm": 0.2, "significant": False}, index=range(20)
    )
    rows.loc[0, "significant"] = True
    drawn = draw_pairs(rows, ("a", "b"))
    assert drawn.count('class="points open"') == MAX_PAIRS - 1 + 1  # and one in the key
    assert drawn.count('class="points"') == 1 + 1
    assert ">a \N{EN DASH} b<" in drawn


def test_long_names_are_broken_and_numbered():
    names = ("simulated area A, left", "simulated area B, left")
    samples = SAMPLES.replace({"a": names[0], "b": names[1]})
    drawn = draw_levels(np.arange(4.0), samples, names, {})
    assert ">1 simulated area<" in drawn
    assert ">B, left<" in drawn
    rows = pd.DataFrame(
        {"region_1": names[:1], "region_2": names[1:], "diff": 1.0, "p_fwe_holm": 0.2, "significant": False}
    )
    assert ">1 \N{EN DASH} 2<" in draw_pairs(rows, names)


def test_pairs_stand_in_the_order_of_the_regions_whatever_their_p():
    rows = pd.DataFrame(
        {
            "region_1": ["c", "b", "a"],
            "region_2": ["b", "a", "c"],
            "diff": [2.0, -1.0, 0.5],
            "p_fwe_holm": [0.01, 0.02, 0.9],
            "significant": [True, True, False],
        }
    )
    drawn = BeautifulSoup(str(draw_pairs(rows, ("a", "b", "c"))), "html.parser").svg
    words = [text.get_text() for text in drawn.find_all("text")]
    dash = "\N{EN DASH}"
    assert [word for word in words if re.fullmatch(f"[abc] {dash} [abc]", word)] == [
        f"a {dash} b", f"a {dash} c", f"b {dash} c",
    ]  # fmt: skip
    assert "a minus b 1.00 (p = 0.0200); a minus c 0.50 (p = 0.9000); b minus c -2.00" in drawn["aria-label"]
    assert {"difference, first minus second", "significant over all pairs", "not significant"} <= set(words)
