"""Text as users read and write it: numbers and lists in sentences, and tables in text files."""

from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import io
import math
import os
import stat
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from jugex.errors import JugexError, tell_problem

__all__ = [
    "MOST_BYTES",
    "DelimitedTable",
    "count_of",
    "expand_home",
    "find_column",
    "format_count",
    "format_html",
    "format_number",
    "format_p",
    "join_words",
    "lay_out",
    "read_delimited",
    "read_file",
    "read_packed",
    "read_text",
    "refuse_device",
    "shorten",
    "split_line",
    "tell_separator",
    "unpack",
]

#: Lists, tables and texts hold at most so much, packed or not: ten times the largest that are known.
MOST_BYTES = 500_000_000

_MAX_NAME = 60
#: Rounded to four decimals, smaller ones would read as 0.
_FOUR_DECIMALS = 9.95e-5
_SEPARATORS = ("\t", ",", ";")


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


@dataclass(frozen=True, eq=False)
class DelimitedTable:
    """A table from a file, and what identifies that file.

    Attributes
    ----------
    rows : DataFrame of str
        Its cells, stripped; columns by the header.
    file : str
        Path as given.
    sha256 : str
        Checksum of the file as it is on disk.
    """

    rows: pd.DataFrame
    file: str
    sha256: str

    def identity(self) -> dict[str, Any]:
        """File and checksum (JSON types only)."""
        return {"file": self.file, "sha256": self.sha256}


def read_file(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Content of a file of bounded size, unpacked where it is gzipped.

    Raises
    ------
    OSError
        If it cannot be read, is a device or a pipe with a name, or holds more than `most` bytes.
    EOFError, zlib.error, gzip.BadGzipFile
        If its compression is damaged.
    """
    return unpack(read_packed(path, most), most)


def read_packed(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Content of a file as it lies on disk; errors are those of `read_file`."""
    file = expand_home(path)
    refuse_device(file)
    with file.open("rb") as stream:
        return _refuse_more(stream.read(most + 1), most)


def unpack(content: bytes, most: int = MOST_BYTES) -> bytes:
    """Content, unpacked where it is gzipped; errors are those of `read_file`."""
    if content[:2] != b"\x1f\x8b":
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        return _refuse_more(stream.read(most + 1), most)


def expand_home(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` and ``~user`` as the folders they stand for; as it is where nobody is called so."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # no such user, or no name of one
        return Path(path)


def refuse_device(path: Path) -> None:
    """Raise an OSError where a path is a device, or a pipe with a name: what it gives may never end, or never begin."""
    mode = path.stat().st_mode
    is_from_shell = str(path).startswith(("/dev/fd/", "/proc/self/fd/"))  # what <(command) stands for
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or (stat.S_ISFIFO(mode) and not is_from_shell):
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file")


def _refuse_more(content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most:,} bytes")
    return content


def read_text(path: str | os.PathLike[str], *, what: str, error: type[JugexError]) -> tuple[str, str]:
    """Read a text file in UTF-8, plain or gzipped.

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What errors call it, such as "gene list".
    error : subclass of JugexError
        What is raised where it cannot be read.

    Returns
    -------
    text, sha256 : str
        Its text, and the checksum of its bytes as they are on disk.
    """
    try:
        content = read_packed(path)
        return unpack(content).decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise error(f"{what} {path} cannot be read: its compression is damaged; download or copy it again") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{what} {path} cannot be read: {tell_problem(problem)}; give a text file in UTF-8") from problem


def read_delimited(path: str | os.PathLike[str], *, what: str, error: type[JugexError]) -> DelimitedTable:
    """Read a table with a header from CSV, TSV or a file with semicolons; parameters as for `read_text`."""
    text, sha256 = read_text(path, what=what, error=error)
    content = io.StringIO(text.lstrip(), newline="")
    separator = tell_separator(content.readline())
    content.seek(0)
    reader = csv.reader(content, delimiter=separator, skipinitialspace=True)
    rows = [[cell.strip() for cell in row] for row in reader if row]
    if len(rows) < 2:
        raise error(f"{what} {path} holds no row below a header; give a table in CSV or TSV")
    header, *rows = rows
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise error(
                f"{what} {path}, row {number} below the header: {len(row)} values, but the header has {len(header)} "
                "columns; give a table with as many values in each row"
            )
    return DelimitedTable(pd.DataFrame(rows, columns=header, dtype=object), str(path), sha256)


def tell_separator(header: str) -> str:
    """Separator of a table by its header: the tab where it holds one, else the more frequent of comma and semicolon."""
    return "\t" if "\t" in header else max(_SEPARATORS[1:], key=header.count)


def split_line(line: str, separator: str) -> list[str]:
    """Cells of a line, stripped, without their quotes."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """First of the names that is a column, ignoring case; None where none is."""
    by_lower = {str(column).lower(): str(column) for column in reversed(list(columns))}
    return next((by_lower[name] for name in names if name in by_lower), None)


def lay_out(header: Iterable[str], rows: Iterable[Sequence[Any]], *, right: Collection[str] = ()) -> list[str]:
    """Lay a table out in columns.

    Parameters
    ----------
    header : iterable of str
        Names of the columns.
    rows : iterable of sequences
        Cells, as `str` shows them.
    right : collection of str
        Columns set to the right, as numbers are.

    Returns
    -------
    list of str
        The lines: the header, then the rows.
    """
    names = list(map(str, header))
    table = [names, *(list(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(names, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def format_html(
    title: str, said: Iterable[str] = (), header: Sequence[str] = (), rows: Iterable[Sequence[Any]] = ()
) -> str:
    """A title, sentences and a table as HTML for a notebook; everything is escaped.

    Parameters
    ----------
    title : str
    said : iterable of str
        A paragraph each.
    header : sequence of str
        Names of the columns; none: no table.
    rows : iterable of sequences
        Cells, as `str` shows them.
    """
    parts = [f"<p><b>{escape(title)}</b></p>", *(f"<p>{escape(sentence)}</p>" for sentence in said)]
    if header:
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return f"<div>{''.join(parts)}</div>"
