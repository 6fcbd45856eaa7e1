"""Numbers and lists in sentences: the same dress wherever a result is told, on screen, in figures and in pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["count_of", "format_count", "format_number", "format_p", "join_words", "shorten"]

_MAX_NAME = 60
#: Rounded to four decimals, smaller ones would read as 0.
_FOUR_DECIMALS = 9.95e-5


def format_p(p: float | None) -> str:
    """A p-value with four decimals, below 0.0001 as a power of ten; never 0, and empty where there is none."""
    if p is None or math.isnan(p):
        return ""
    if p >= _FOUR_DECIMALS:
        return str(Decimal(p).quantize(Decimal("0.0001"), ROUND_HALF_UP))  # as the scripts of the page round
    if p < 1e-300:
        return "< 1e-300"
    digits, exponent = f"{p:.1e}".split("e")
    return f"{digits}e{int(exponent)}"


def format_number(value: float | None, decimals: int = 2) -> str:
    """A number with fixed decimals; empty where there is none."""
    if value is None or math.isnan(value):
        return ""
    if not math.isfinite(value) or abs(value) >= 1e6:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"


def format_count(n: float | None) -> str:
    """A count with thousands separators; in powers of ten where it has more than 15 digits."""
    if n is None:
        return "unknown"
    if n < 10**15:
        return f"{int(n):,}"
    exponent = math.floor(math.log10(n))  # of an int of any size: no overflow
    return f"about {10 ** (math.log10(n) - exponent):.1f}e{exponent}"


def count_of(n: int, noun: str) -> str:
    """A count and its noun: "1 gene", "15,633 genes"."""
    return f"{format_count(n)} {noun}" if n == 1 else f"{format_count(n)} {noun}s"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Words as a list in a sentence: "a", "a and b", "a, b and c"; with `last` "or", "a, b or c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shorten(text: str, limit: int = _MAX_NAME) -> str:
    """Text on one line of at most `limit` characters."""
    text = " ".join(str(text).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
