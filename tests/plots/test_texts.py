"""What figures say."""

from __future__ import annotations

import pytest

from jugex.plots.texts import describe_test, escape_math, fit_text, name_sides, shorten_distinctly


class TestTellApart:
    def test_short_names_stay(self):
        assert shorten_distinctly(["simulated_MAOA_1", "simulated_MAOA_12"], 24) == [
            "simulated_MAOA_1",
            "simulated_MAOA_12",
        ]

    def test_what_all_share_goes_first(self):
        assert shorten_distinctly(["simulated_MAOA_1", "simulated_MAOA_12"], 14) == ["\u2026MAOA_1", "\u2026MAOA_12"]
        assert shorten_distinctly(["simulated_MAOA_1", "simulated_MAOA_12"], 6) == ["\u20261", "\u202612"]

    def test_else_ends_go_and_then_the_middle(self):
        names = ["CUST_17139_PI416261804", "CUST_546_PI416408490", "A_23_P28224"]
        assert shorten_distinctly(names, 14) == ["CUST_17139_PI\u2026", "CUST_546_PI41\u2026", "A_23_P28224"]
        same_start = ["probe-of-a-gene-first", "probe-of-a-gene-second"]
        assert shorten_distinctly(same_start, 14) == ["probe-\u2026e-first", "probe-\u2026-second"]

    def test_names_that_nothing_tells_apart_have_numbers(self):
        names = ["x" * 40 + "a" + "y" * 40, "x" * 40 + "b" + "y" * 40]
        assert shorten_distinctly(names, 10) == ["1 xxxxxxx\u2026", "2 xxxxxxx\u2026"]

    @pytest.mark.parametrize("names", [[], ["one_" * 20], ["same" * 9, "same" * 9]])
    def test_takes_any_number(self, names):
        found = shorten_distinctly(names, 12)
        assert len(found) == len(names)
        assert all(len(name) <= 12 for name in found)


def test_sides_are_named_on_one_line_where_names_are_short(make_result):
    assert name_sides(make_result(names=("A", "B")), 26) == ("\u2190 higher in B", "higher in A \u2192")
    long = make_result(names=("A" * 50, "B"))
    assert name_sides(long, 10) == ("\u2190 higher in B", f"higher in {'A' * 9}\u2026 \u2192")
    assert name_sides(long, 26) == ("\u2190 higher in\nB", f"higher in\n{'A' * 25}\u2026 \u2192")


def test_statistics_are_formulas_and_names_are_not(make_result):
    result = make_result(["$x$", "B"], [1e-6, 0.9], [1.0, 0.1])
    words = describe_test(result, "$x$")
    assert words == "\\$x\\$\n$F$(1, 21) = 20.00, $p_{\\mathrm{FWE}}$ = 1.0e-6"
    assert escape_math("a$b") == "a\\$b"
    assert fit_text("a" * 30, 5) == "aaaa\u2026"
