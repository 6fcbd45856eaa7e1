"""Fast reading of the plain text that the large tables of donor archives are: ids, commas and short decimals.

A CSV reader finds the type of each of some hundred columns anew in every block of lines. Here every cell is known to
be a decimal number or a 0 or 1, and what is not (quotes, exponents, blanks, rows of another length) is left to a CSV
reader, which also says what is wrong.

Compiled by numba at first use, and cached on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["parse_calls", "parse_decimals"]

# 18 digits fit an int64; a whole number of at most 2^53 is a float64 exactly, as are these powers of ten
_MAX_DIGITS = 18
_MAX_DECIMALS = 22
_POWERS = 10.0 ** np.arange(_MAX_DECIMALS + 1)
_EXACT = 1 << 53
_SPLITTER = float((1 << 27) + 1)
_MINUS, _COMMA, _POINT, _ZERO, _LF, _CR = (ord(character) for character in "-,.0\n\r")

Parsed = tuple[npt.NDArray[np.int64], npt.NDArray[Any]]

_compile = njit(cache=True, nogil=True)


def parse_decimals(text: bytes, n_columns: int, dtype: type[np.generic]) -> Parsed | None:
    """Read rows of an id and decimals.

    Parameters
    ----------
    text : bytes
        Whole lines: an id, then `n_columns` cells such as ``,-3.6157``.
    n_columns : int
        Cells in each row, n.
    dtype : {numpy.float64, numpy.float32}
        Precision of the values.

    Returns
    -------
    ids : ndarray of int64, shape (k,)
    values : ndarray of `dtype`, shape (k, n)
        The float64 nearest to each text, rounded to `dtype`.

    None where the text is not as plain as that.
    """
    return _parse(_fill_decimals, text, n_columns, dtype)


def parse_calls(text: bytes, n_columns: int) -> Parsed | None:
    """Read rows of an id and cells that are 0 or 1; otherwise as `parse_decimals`, with values of uint8."""
    return _parse(_fill_calls, text, n_columns, np.uint8)


def _parse(fill: Any, text: bytes, n_columns: int, dtype: type[np.generic]) -> Parsed | None:
    if not text.endswith((b"\n", b"\r")):
        text += b"\n"  # every loop below ends at the latest there
    most_rows = len(text) // (2 * n_columns + 2)  # an id, a comma and a character per cell, a line end
    ids = np.empty(most_rows, dtype=np.int64)
    values = np.empty((most_rows, n_columns), dtype=dtype)  # what is not filled takes no memory
    n_rows = fill(np.frombuffer(text, dtype=np.uint8), ids, values)
    return None if n_rows < 0 else (ids[:n_rows], values[:n_rows])


@_compile
def _digit(text, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    return np.uint8(text[i] - _ZERO)  # of anything but a digit, larger than 9


@_compile
def _read_digits(text, i, number):  # type: ignore[no-untyped-def]  # pragma: no cover
    """A whole number continued by the digits at i, and the place after them; eight at a time, then one by one."""
    while i + 8 < len(text):
        a, b, c, d = _digit(text, i), _digit(text, i + 1), _digit(text, i + 2), _digit(text, i + 3)
        e, f, g, h = _digit(text, i + 4), _digit(text, i + 5), _digit(text, i + 6), _digit(text, i + 7)
        if (a > 9) | (b > 9) | (c > 9) | (d > 9) | (e > 9) | (f > 9) | (g > 9) | (h > 9):
            break
        high = a * 1000 + b * 100 + c * 10 + d
        number = number * 100_000_000 + np.int64(high * 10_000 + (e * 1000 + f * 100 + g * 10 + h))
        i += 8
    digit = _digit(text, i)
    while digit <= 9:
        number = number * 10 + np.int64(digit)
        i += 1
        digit = _digit(text, i)
    return number, i


@_compile
def _skip_zeros(text, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    while text[i] == _ZERO:
        i += 1
    return i


@_compile
def _read_id(text, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whole number at i, and the place after it; -1 where there is none."""
    start = i
    number, i = _read_digits(text, i, 0)
    return (number, i) if 0 < i - start <= _MAX_DIGITS else (-1, i)


@_compile
def _divide(number, power):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The float64 nearest to a whole number over a power of ten.

    Up to 2^53 that is one division. Beyond, the number is the sum of two floats, and the remainder of the first
    quotient, exact by Dekker's product (1971, doi 10.1007/BF01397083), corrects it.
    """
    if number <= _EXACT:
        return number / power
    high = float(number)
    low = float(number - np.int64(high))
    quotient = high / power
    q_high = quotient * _SPLITTER - (quotient * _SPLITTER - quotient)
    p_high = power * _SPLITTER - (power * _SPLITTER - power)
    q_low, p_low = quotient - q_high, power - p_high
    product = quotient * power
    error = ((q_high * p_high - product) + q_high * p_low + q_low * p_high) + q_low * p_low
    return quotient + (((high - product) - error) + low) / power


@_compile
def _skip_line_ends(text, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    while i < len(text) and (text[i] == _LF or text[i] == _CR):
        i += 1
    return i


@_compile
def _is_line_end(text, i):  # type: ignore[no-untyped-def]  # pragma: no cover
    return text[i] == _LF or text[i] == _CR


@_compile
def _fill_decimals(text, ids, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill rows and return their number, or -1."""
    i, row = _skip_line_ends(text, 0), 0
    while i < len(text):
        if row == len(ids):  # a row shorter than any can be
            return -1
        ids[row], i = _read_id(text, i)
        if ids[row] < 0:
            return -1
        for column in range(values.shape[1]):
            if text[i] != _COMMA:
                return -1
            i += 1
            is_negative = text[i] == _MINUS
            i += is_negative
            start = i
            i = _skip_zeros(text, i)
            first = i
            number, i = _read_digits(text, i, 0)
            n_significant, n_digits, n_decimals = i - first, i - start, 0
            if text[i] == _POINT:
                point = i
                i += 1
                if number == 0:
                    i = _skip_zeros(text, i)
                first = i
                number, i = _read_digits(text, i, number)
                n_significant += i - first
                n_decimals = i - point - 1
            if n_digits + n_decimals == 0 or n_significant > _MAX_DIGITS or n_decimals > _MAX_DECIMALS:
                return -1
            value = _divide(number, _POWERS[n_decimals])
            values[row, column] = -value if is_negative else value
        if not _is_line_end(text, i):
            return -1
        i = _skip_line_ends(text, i)
        row += 1
    return row


@_compile
def _fill_calls(text, ids, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill rows and return their number, or -1."""
    i, row, width = _skip_line_ends(text, 0), 0, 2 * values.shape[1]
    while i < len(text):
        if row == len(ids):  # a row shorter than any can be
            return -1
        ids[row], i = _read_id(text, i)
        if ids[row] < 0 or i + width >= len(text):
            return -1
        for column in range(values.shape[1]):
            call = text[i + 2 * column + 1] - _ZERO
            if text[i + 2 * column] != _COMMA or call < 0 or call > 1:
                return -1
            values[row, column] = call
        i += width
        if not _is_line_end(text, i):
            return -1
        i = _skip_line_ends(text, i)
        row += 1
    return row
