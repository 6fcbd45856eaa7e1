"""The large tables of an archive: every number is the one nearest to its text, whatever the table's size."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jugex.atlas import archive_tables
from jugex.atlas.archive_tables import ExpressionMatrix, count_cells
from jugex.progress import ByteBar


def make_matrix(rows: list[list[str]]) -> ExpressionMatrix:
    """Matrix of texts, of probes 1, 2, ... and wells 0, 1, ..."""
    content = "\n".join(f"{number},{','.join(row)}" for number, row in enumerate(rows, start=1)).encode()
    probe_ids = np.arange(1, len(rows) + 1)
    return ExpressionMatrix(lambda: io.BytesIO(content), probe_ids, list(range(len(rows[0]))), "test")


@given(st.lists(st.decimals(-99, 99, allow_nan=False, places=14), min_size=1, max_size=8))
def test_decimals_are_those_of_python(numbers):
    texts = [f"{number:f}" for number in numbers]
    assert make_matrix([texts]).read_levels()[0].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 8.0, 1e3])
@pytest.mark.parametrize("block_bytes", [1 << 16, 1 << 24])
def test_floats_as_archives_write_them_are_read_back_exactly(scale, block_bytes, monkeypatch):
    """Up to 17 digits, in one block or in many."""
    monkeypatch.setattr(archive_tables, "_BLOCK_BYTES", block_bytes)
    numbers = np.random.default_rng(int(scale * 1000)).normal(scale=scale, size=(400, 200))
    matrix = make_matrix([[repr(float(number)) for number in row] for row in numbers])
    np.testing.assert_array_equal(matrix.read_levels(), numbers)
    np.testing.assert_array_equal(matrix.read_levels(np.float32), numbers.astype(np.float32))


def test_calls():
    calls = np.random.default_rng(0).integers(0, 2, (50, 20))
    read = make_matrix([[str(call) for call in row] for row in calls]).read_calls()
    assert read.dtype == bool
    np.testing.assert_array_equal(read, calls.astype(bool))


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=repr)
@pytest.mark.parametrize("at_end", [0, 1, 3])
@pytest.mark.parametrize("block_bytes", [8, 1 << 20])  # the first line is in the first block
def test_tables_are_counted_whatever_ends_their_lines(line_end, at_end, block_bytes, monkeypatch):
    monkeypatch.setattr(archive_tables, "_BLOCK_BYTES", block_bytes)
    table = line_end.join([b"1,2,3"] * 50) + line_end * at_end
    assert count_cells(io.BytesIO(table), ByteBar()) == (50, 3)


def test_an_empty_table_has_no_rows():
    assert count_cells(io.BytesIO(b""), ByteBar()) == (0, 0)
