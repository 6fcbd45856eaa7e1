"""Matrices of values in text files, as the tools of the field write them.

CSV and TSV with a header, also one cell short as R's ``write.table`` leaves it, with semicolons and decimal commas, or
with the columns of featureCounts; GCT (versions 1.2 and 1.3); GEO's series matrix.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from jugex._text import find_column, split_line, tell_separator
from jugex.errors import AtlasError

__all__ = ["MISSING", "TextMatrix", "read_text_matrix"]

#: Cells without a value.
MISSING = ("", "NA", "N/A", "NaN", "nan", "None", "null", "NULL", "<NA>")

_BLOCK_BYTES = 1 << 24  # blocks are parsed in parallel
_BLOCK_BYTES_PER_COLUMN = 1 << 11  # about 200 rows of a wide table: each block costs time for each column
_GCT = ("#1.2", "#1.3")
_TABLE_BEGIN, _TABLE_END = "!series_matrix_table_begin", "!series_matrix_table_end"
#: Columns between the names of genes and the counts in what featureCounts writes.
_OF_FEATURE_COUNTS = ("chr", "start", "end", "strand", "length")
_SYMBOLS = ("gene_symbol", "pr_gene_symbol", "symbol", "gene", "description")


@dataclass(frozen=True, eq=False)
class TextMatrix:
    """Values of a file, and the gene symbols that it gives its rows.

    Attributes
    ----------
    rows : DataFrame
        Values as numbers; as text where a cell is no number. Named by the first column and the header.
    symbols : ndarray of str or None
        Gene symbol of each row, where the file has some beside the names (GCT); the name where one is missing.
    """

    rows: pd.DataFrame
    symbols: np.ndarray | None = None


@dataclass(frozen=True)
class _Layout:
    """Where the values of a file are: names of its columns, lines before the first row, columns that hold no values."""

    header: Sequence[str]
    separator: str
    n_lines_before: int
    n_lines: int | None = None
    decimal: str = "."
    passed_over: frozenset[int] = field(default_factory=frozenset)
    symbols: int | None = None


def read_text_matrix(path: Path, what: str, *, has_header: bool = True) -> TextMatrix:
    """Read a matrix: by pyarrow, which is fast and refuses rows of another length.

    Parameters
    ----------
    path : Path
        A text file in UTF-8, gzipped where its name ends so.
    what : str
        What errors call it.
    has_header : bool
        Whether the first line names the columns; else they are numbered from 1.

    Raises
    ------
    AtlasError
        If the file is empty.
    OSError, EOFError, ValueError, zlib.error
        If it is damaged.
    """
    from pyarrow import ArrowInvalid

    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as stream:
        layout = _find_layout(stream, f"{what} {path.name}") if has_header else _number_columns(stream.readline())
    if layout is None:
        raise AtlasError(f"{what} {path.name} is empty: a header and one row at least are needed")
    try:
        return _parse(path, layout, as_numbers=True)
    except ArrowInvalid:  # as text, so that the first cell that is not a number can be named
        return _parse(path, layout, as_numbers=False)


def _find_layout(stream: TextIO, title: str) -> _Layout | None:
    """Layout of a file with a header; None where it is empty."""
    line, n_before = stream.readline(), 1
    if line.startswith(_GCT):
        return _find_gct_layout(line, stream, title)
    if line.startswith("!"):
        return _find_series_layout(stream, title)
    if line.startswith("# Program:"):  # featureCounts
        line, n_before = stream.readline(), n_before + 1
    if not line.strip():
        return None
    separator = tell_separator(line)
    header = split_line(line.rstrip("\r\n"), separator)
    first_row = stream.readline().rstrip("\r\n")
    cells = split_line(first_row, separator) if first_row else []
    if len(cells) == len(header) + 1 and cells[-1]:  # R's write.table: no name above those of the rows
        header = ["", *header]
    layout = _Layout(header, separator, n_before)
    if separator == ";" and "," in first_row and "." not in "".join(cells[1:]):
        layout = replace(layout, decimal=",")
    if header[0].lower() == "geneid":
        others = {n for n, name in enumerate(header) if name.lower() in _OF_FEATURE_COUNTS}
        layout = replace(layout, passed_over=frozenset(others))
    return layout


def _number_columns(line: str) -> _Layout | None:
    if not line.strip():
        return None
    separator = tell_separator(line)
    n_columns = len(split_line(line.rstrip("\r\n"), separator))
    return _Layout([str(number) for number in range(n_columns)], separator, 0)


def _find_gct_layout(version: str, stream: TextIO, title: str) -> _Layout:
    try:
        sizes = [int(text) for text in stream.readline().split()]
        n_rows, n_samples = sizes[:2]
        n_of_rows, n_of_samples = (1, 0) if version.startswith(_GCT[0]) else sizes[2:4]
    except ValueError:
        raise AtlasError(f"{title} begins as a GCT file, but its second line does not give its size") from None
    header = split_line(stream.readline().rstrip("\r\n"), "\t")
    if len(header) != 1 + n_of_rows + n_samples:
        raise AtlasError(
            f"{title} is a GCT file of {n_samples} samples by its second line, but its header has {len(header)} "
            f"columns where {1 + n_of_rows + n_samples} are needed"
        )
    annotation = header[1 : 1 + n_of_rows]
    symbols = find_column(annotation, _SYMBOLS)
    return _Layout(
        header,
        "\t",
        3 + n_of_samples,
        n_lines=n_rows,
        passed_over=frozenset(range(1, 1 + n_of_rows)),
        symbols=None if symbols is None else 1 + annotation.index(symbols),
    )


def _find_series_layout(stream: TextIO, title: str) -> _Layout:
    for number, line in enumerate(stream, start=2):
        if line.startswith(_TABLE_BEGIN):
            header = split_line(stream.readline().rstrip("\r\n"), "\t")
            for n_lines, row in enumerate(stream):
                if row.startswith(_TABLE_END):
                    return _Layout(header, "\t", number + 1, n_lines=n_lines)
            raise AtlasError(f"{title} is a GEO series matrix that ends within its table; download it again")
    raise AtlasError(
        f"{title} is a GEO series matrix without a table of values (its data lie in supplementary files); give these"
    )


def _parse(path: Path, layout: _Layout, *, as_numbers: bool) -> TextMatrix:
    import pyarrow
    from pyarrow import csv

    names = [str(number) for number in range(len(layout.header))]  # columns may share a name, which is refused later
    types = {
        name: pyarrow.string() if number in {0, *layout.passed_over} or not as_numbers else pyarrow.float64()
        for number, name in enumerate(names)
    }
    source: Path | pyarrow.BufferReader = path
    if layout.n_lines is not None:  # lines follow that are no rows
        source = pyarrow.BufferReader(_cut(path, layout.n_lines_before, layout.n_lines))
    table = csv.read_csv(
        source,
        read_options=csv.ReadOptions(
            column_names=names,
            skip_rows=layout.n_lines_before if layout.n_lines is None else 0,
            block_size=max(_BLOCK_BYTES, _BLOCK_BYTES_PER_COLUMN * len(names)),
        ),
        parse_options=csv.ParseOptions(delimiter=layout.separator),
        convert_options=csv.ConvertOptions(column_types=types, null_values=list(MISSING), decimal_point=layout.decimal),
    )
    at = [number for number in range(1, len(names)) if number not in layout.passed_over]
    index = pd.Index(table.column("0").to_pylist(), dtype=object)
    rows = pd.DataFrame({names[number]: table.column(names[number]).to_numpy() for number in at}, index=index)
    rows = rows.set_axis(pd.Index([layout.header[number] for number in at], dtype=object), axis=1)
    if layout.symbols is None:
        return TextMatrix(rows)
    texts = [text or "" for text in table.column(names[layout.symbols]).to_pylist()]
    is_symbol = [text.lower() not in ("", "na") and not re.search(r"\s", text) for text in texts]
    if np.mean(is_symbol) <= 0.5:  # descriptions in words
        return TextMatrix(rows)
    symbols = [text if known else name for text, known, name in zip(texts, is_symbol, index, strict=True)]
    return TextMatrix(rows, np.array(symbols, dtype=object))


def _cut(path: Path, n_before: int, n_lines: int) -> bytes:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as stream:
        for _ in range(n_before):
            stream.readline()
        return b"".join(stream.readline() for _ in range(n_lines))
