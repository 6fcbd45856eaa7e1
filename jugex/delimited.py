"""Tables that users bring along, as text: CSV, TSV or with semicolons, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from jugex.errors import JugexError, tell_problem

__all__ = ["DelimitedTable", "find_column", "read_delimited", "read_text", "split_line", "tell_separator"]

_SEPARATORS = ("\t", ",", ";")


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
        content = Path(path).expanduser().read_bytes()
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        return plain.decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
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
