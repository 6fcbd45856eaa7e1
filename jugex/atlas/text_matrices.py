"""Matrices of values in text files, in the formats that tools of the field write.

CSV and TSV with a header, also one that lacks its first cell (R's ``write.table``), with semicolons and decimal commas,
or with the columns of featureCounts; GCT (versions 1.2 and 1.3); GEO's series matrix.
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

#: Texts of cells without a value.
MISSING = ("", "NA", "N/A", "NaN", "nan", "None", "null", "NULL", "<NA>")

_BLOCK_BYTES = 1 << 24  # blocks are parsed in parallel
_BLOCK_BYTES_PER_COLUMN = 1 << 11  # about 200 rows of a wide table: each block costs time for each column
_GCT = ("#1.2", "#1.3")
_TABLE_BEGIN, _TABLE_END = "!series_matrix_table_begin", "!series_matrix_table_end"
#: Columns that featureCounts writes between the names of genes and the counts.
_FEATURE_COUNTS_COLUMNS = ("chr", "start", "end", "strand", "length")
_SYMBOLS = ("gene_symbol", "pr_gene_symbol", "symbol", "gene", "description")


@dataclass(frozen=True, eq=False)
class TextMatrix:
    """Values of a file, and the gene symbols of its rows.

    Attributes
    ----------
    rows : DataFrame
        Values as numbers, or all as text if a cell is not a number; named by the first column and the header.
    symbols : ndarray of str or None
        Gene symbol of each row, or its name where a symbol is missing; None if the file has no symbols (GCT has them).
    """

    rows: pd.DataFrame
    symbols: np.ndarray | None = None


@dataclass(frozen=True)
class _Layout:
    """Where the values of a file are: names of its columns, lines before the first row, columns without values."""

    header: Sequence[str]
    separator: str
    n_lines_before: int
    n_lines: int | None = None
    decimal: str = "."
    skipped_columns: frozenset[int] = field(default_factory=frozenset)
    symbols: int | None = None


def read_text_matrix(path: Path, what: str, *, has_header: bool = True) -> TextMatrix:
    """Read a matrix of values from a text file, with pyarrow, which is fast and refuses rows of another length.

    Parameters
    ----------
    path : Path
        A text file in UTF-8; gzipped if its name ends in ``.gz``.
    what : str
        Name of the file in errors.
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
        raise AtlasError(f"{what} {path.name} is empty: a header and at least one row are needed")
    try:
        return _parse(path, layout, as_numbers=True)
    except ArrowInvalid:  # read as text, so that an error can name the first cell that is not a number
        return _parse(path, layout, as_numbers=False)


def _find_layout(stream: TextIO, title: str) -> _Layout | None:
    """Layout of a file with a header; None if the file is empty."""
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
    if len(cells) == len(header) + 1 and cells[-1]:  # R's write.table: no header above the row names
        header = ["", *header]
    layout = _Layout(header, separator, n_before)
    if separator == ";" and "," in first_row and "." not in "".join(cells[1:]):
        layout = replace(layout, decimal=",")
    if header[0].lower() == "geneid":
        others = {n for n, name in enumerate(header) if name.lower() in _FEATURE_COUNTS_COLUMNS}
        layout = replace(layout, skipped_columns=frozenset(others))
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
        n_row_annotations, n_sample_annotations = (1, 0) if version.startswith(_GCT[0]) else sizes[2:4]
    except ValueError:
        raise AtlasError(
            f"{title} begins as a GCT file, but its second line does not give its size; write it again"
        ) from None
    header = split_line(stream.readline().rstrip("\r\n"), "\t")
    if len(header) != 1 + n_row_annotations + n_samples:
        raise AtlasError(
            f"{title} is a GCT file of {n_samples} samples by its second line, but its header has {len(header)} "
            f"columns, where {1 + n_row_annotations + n_samples} are needed; write it again"
        )
    annotation = header[1 : 1 + n_row_annotations]
    symbols = find_column(annotation, _SYMBOLS)
    return _Layout(
        header,
        "\t",
        3 + n_sample_annotations,
        n_lines=n_rows,
        skipped_columns=frozenset(range(1, 1 + n_row_annotations)),
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
        f"{title} is a GEO series matrix without a table of values (its data are in supplementary files); give these "
        "instead"
    )


def _parse(path: Path, layout: _Layout, *, as_numbers: bool) -> TextMatrix:
    import pyarrow
    from pyarrow import csv

    names = [
        str(number) for number in range(len(layout.header))
    ]  # by number: columns may share a name, which is refused later
    types = {
        name: pyarrow.string() if number in {0, *layout.skipped_columns} or not as_numbers else pyarrow.float64()
        for number, name in enumerate(names)
    }
    source: Path | pyarrow.BufferReader = path
    if layout.n_lines is not None:  # lines that are not rows follow
        source = pyarrow.BufferReader(_read_lines(path, layout.n_lines_before, layout.n_lines))
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
    at = [number for number in range(1, len(names)) if number not in layout.skipped_columns]
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


def _read_lines(path: Path, n_before: int, n_lines: int) -> bytes:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as stream:
        for _ in range(n_before):
            stream.readline()
        return b"".join(stream.readline() for _ in range(n_lines))
