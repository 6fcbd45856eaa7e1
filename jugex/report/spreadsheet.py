"""Tables of a result as a spreadsheet: one sheet per table, and a last one with the meaning of the columns."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from jugex.errors import OptionError, how_to_install
from jugex.report.folders import replacing_file

__all__ = ["check_spreadsheets", "write_spreadsheet"]

#: Largest number of rows of a sheet of Excel.
_MOST_ROWS = 1_048_576
#: Characters that the format does not allow.
_ILLEGAL = re.compile(r"[\000-\010\013\014\016-\037]")
_TEXT = "@"
_HEADER = ("table", "column", "description", "unit", "values")

#: Meaning of columns, as from `jugex.model.columns.describe_columns`.
Described = Mapping[str, Mapping[str, Any]]


def check_spreadsheets(n_rows: int = 0) -> None:
    """Refuse a spreadsheet that cannot be written, before any work is done.

    Raises
    ------
    OptionError
        If openpyxl is not installed, or there are more rows than a sheet holds.
    """
    if importlib.util.find_spec("openpyxl") is None:
        raise OptionError(f"a spreadsheet needs openpyxl: {how_to_install('xlsx')}, or take the .tsv files")
    if n_rows >= _MOST_ROWS:
        raise OptionError(
            f"a sheet holds {_MOST_ROWS - 1:,} rows below its header, and the table has {n_rows:,}; take the .tsv file"
        )


def write_spreadsheet(tables: Mapping[str, tuple[pd.DataFrame, Described]], path: Path) -> Path:
    """Write tables as an Excel workbook.

    Text, such as symbols of genes, is written as text: never as a date, a number or a formula.

    Parameters
    ----------
    tables : mapping of str to (DataFrame, dict)
        By the name of its sheet each table, and what its columns mean.
    path : Path
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file; its last sheet, ``columns``, is the dictionary.

    Raises
    ------
    OptionError
        As for `check_spreadsheets`.
    OutputError
        If the file cannot be written.
    """
    check_spreadsheets(max(len(table) for table, _ in tables.values()))
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, (table, _) in tables.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "B2"
        for letter, width in zip("ABCD", (18, 14, 22, 14), strict=True):
            sheet.column_dimensions[letter].width = width
        sheet.append(_make_cells(sheet, [str(column) for column in table], bold=True))
        for row in _list_rows(table):
            sheet.append(_make_cells(sheet, row))
    sheet = book.create_sheet("columns")
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDE", (12, 22, 90, 14, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.append(_make_cells(sheet, list(_HEADER), bold=True))
    for name, (_, described) in tables.items():
        for column, meaning in described.items():
            levels = "; ".join(f"{value}: {meant}" for value, meant in meaning.get("Levels", {}).items())
            explained = [name, column, meaning["Description"], meaning.get("Units", ""), levels]
            sheet.append(_make_cells(sheet, explained))
    with replacing_file(path) as temporary:
        book.save(temporary)
    return path


def _list_rows(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows of a table as Python values; None for missing ones."""
    columns = [
        column.astype(object).where(column.notna().to_numpy(dtype=bool), None).tolist() for _, column in table.items()
    ]
    yield from zip(*columns, strict=True)


def _make_cells(sheet: Any, values: Sequence[Any], *, bold: bool = False) -> list[Any]:
    """Cells of a row, with text marked as text."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cells = []
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)  # a cell cannot hold an infinite number
        if not isinstance(value, str):
            cells.append(value)
            continue
        cell = WriteOnlyCell(sheet, value=_ILLEGAL.sub(" ", value))
        cell.data_type, cell.number_format = "s", _TEXT  # "=1+1" is a name here, and SEPT2 is not a date
        if bold:
            cell.font = Font(bold=True)
        cells.append(cell)
    return cells
