"""Numbers and lists in sentences."""

import math

import pytest

from jugex._text import format_p


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (1.0, "1.0000"),
        (0.78051, "0.7805"),
        (1 / 32, "0.0313"),  # a tie: up, as Number.toFixed rounds in the page
        (1 / 10_001, "0.0001"),
        (9.95e-5, "0.0001"),
        (9.94e-5, "9.9e-5"),
        (8.02e-9, "8.0e-9"),
        (1e-299, "1.0e-299"),
        (1e-320, "< 1e-300"),
        (math.nan, ""),
        (None, ""),
    ],
)
def test_p_has_four_decimals_or_a_power_of_ten_and_is_never_0(p, shown):
    assert format_p(p) == shown
