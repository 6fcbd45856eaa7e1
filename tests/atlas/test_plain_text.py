"""Fast reading of plain text: the same numbers as Python reads, and everything else left to others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jugex.atlas import expression
from jugex.atlas.expression import read_calls, read_expression
from jugex.atlas.plain_text import parse_calls, parse_decimals


def make_text(rows, end="\n"):
    return end.join(",".join(row) for row in rows).encode()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.decimals(-99, 99, allow_nan=False, places=14), min_size=1, max_size=8))
def test_short_decimals_are_those_of_python(numbers):
    texts = [f"{number:f}" for number in numbers]
    ids, values = parse_decimals(make_text([["7", *texts]]), len(texts), np.float64)
    assert ids.tolist() == [7]
    assert values[0].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 8.0, 1e3])
def test_the_shortest_texts_of_floats_are_read_back_exactly(scale):
    """Up to 17 digits, as archives write them."""
    numbers = np.random.default_rng(int(scale * 1000)).normal(scale=scale, size=(20, 5000))
    numbers[np.abs(numbers) < 1e-4] = 0.5  # smaller ones are written with an exponent
    rows = [[str(i), *(repr(float(number)) for number in row)] for i, row in enumerate(numbers)]
    _, values = parse_decimals(make_text(rows), numbers.shape[1], np.float64)
    np.testing.assert_array_equal(values, numbers)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**18 - 1), st.integers(0, 22))
def test_any_18_digits_over_a_power_of_ten_are_those_of_python(number, n_decimals):
    digits = str(number).rjust(n_decimals + 1, "0")
    text = digits[: len(digits) - n_decimals] + ("." + digits[len(digits) - n_decimals :] if n_decimals else "")
    _, values = parse_decimals(make_text([["1", text]]), 1, np.float64)
    assert values[0, 0] == float(text)


def test_float32_is_the_float64_rounded():
    texts = ["3.14159265358979", "0.1", "16777217", "8.72375585546621"]
    _, values = parse_decimals(make_text([["1", *texts]]), 4, np.float32)
    assert values.dtype == np.float32
    assert values[0].tolist() == [np.float32(float(text)) for text in texts]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("closing", ["", "end", "end end"])
def test_line_ends_as_found_in_the_wild(end, closing):
    text = (
        make_text([["10", "1.5", "-2"], ["11", ".5", "3."]], end)
        + closing.replace(" ", "").replace("end", end).encode()
    )
    ids, values = parse_decimals(text, 2, np.float64)
    assert ids.tolist() == [10, 11]
    assert values.tolist() == [[1.5, -2.0], [0.5, 3.0]]


@pytest.mark.parametrize(
    "text",
    [
        b"1,2.5\n", b"1,2.5,3,4\n", b"1,,3\n", b"1,2.5,x\n", b"1,2.5,1e3\n", b'1,"2.5",3\n', b"1, 2.5,3\n", b"x,1,2\n",
        b",1,2\n", b"1,1,2,\n", b"1,-,2\n", b"1,.,2\n", b"1,nan,2\n",
        b"1,1,1234567890.123456789\n", b"1,1,0.12345678901234567890123\n",
        b"1,1,2\n3,4\n",
        b"\xef\xbb\xbf1,1,2\n", b"1,--1,2\n", b"1,1.2.3,2\n", b"1,1",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_others(text):
    assert parse_decimals(text, 2, np.float64) is None


def test_calls():
    ids, values = parse_calls(b"5,0,1,1\r\n6,1,0,0\r\n", 3)
    assert ids.tolist() == [5, 6]
    assert values.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert values.dtype == np.uint8


@pytest.mark.parametrize(
    "text",
    [b"5,0,1\n", b"5,0,1,1,0\n", b"5,0,2,1\n", b"5,0,,1\n", b"5,0,1,1.0\n", b"5,0,1,a\n", b"5;0;1;1\n", b"5,0,1,"],
)
def test_other_calls_are_left_to_others(text):
    assert parse_calls(text, 3) is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_archives_read_alike_on_both_paths(tmp_path, monkeypatch, dtype):
    rng = np.random.default_rng(1)
    levels, calls = rng.normal(6, 2, size=(300, 40)), rng.integers(0, 2, size=(300, 40))
    probe_ids = np.arange(300) + 1_000_000
    for name, cells in (("levels", levels), ("calls", calls)):
        rows = [[str(i), *map(repr, row.tolist())] for i, row in zip(probe_ids, cells, strict=True)]
        (tmp_path / name).write_bytes(make_text(rows))
    keys = {"probe_ids": probe_ids, "well_ids": list(range(40)), "source": "test"}
    read = []
    for large in (0, 1 << 40):
        monkeypatch.setattr(expression, "_LARGE_BLOCK", large)
        read.append(
            (
                read_expression(lambda: (tmp_path / "levels").open("rb"), **keys, dtype=dtype),
                read_calls(lambda: (tmp_path / "calls").open("rb"), **keys),
            )
        )
    np.testing.assert_array_equal(read[0][0], levels.astype(dtype))
    np.testing.assert_array_equal(read[0][1], calls.astype(bool))
    np.testing.assert_array_equal(read[1][0], levels.astype(dtype))
    np.testing.assert_array_equal(read[1][1], calls.astype(bool))
