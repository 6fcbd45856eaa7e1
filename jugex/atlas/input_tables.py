"""Tables from the user: DataFrames, CSV, TSV and Parquet files, with every cell checked before it is used."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, expand_home, find_column, read_delimited, shorten
from jugex.atlas.identity import FileRecord
from jugex.atlas.text_matrices import MISSING, TextMatrix, read_text_matrix
from jugex.errors import AtlasError, AtlasWarning, warn_user

__all__ = [
    "InputTable",
    "Table",
    "Texts",
    "first_of",
    "read_headless_matrix",
    "read_matrix",
    "read_table",
    "record_file",
    "refuse_duplicates",
    "to_texts",
    "warn_of_several_genes",
]

#: A table in memory, or the path of a CSV, TSV or Parquet file.
Table = pd.DataFrame | str | os.PathLike[str]
#: Names or ids, each a str.
Texts = npt.NDArray[np.object_]

#: Separators between several genes of one probe: Affymetrix writes ``TAC1 /// TAC3``, Illumina ``TAC1;TAC3``, others
#: ``TAC1|TAC3``. Digits after ``|`` are the gene's own id, as in ``MAOA|4128``.
_GENE_SEPARATORS = re.compile(r"///|[;,]|\|(?!\s*\d+\s*$)")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_FILE_TYPES = ".csv, .tsv, .txt, .gct, one of these with .gz, or .parquet"
_ROW_NAMES = ("sample_id", "well_id", "probe_id", "probe_name", "gene", "gene_symbol")
_DAMAGE_ERRORS = (OSError, EOFError, ValueError, zlib.error)  # pyarrow's errors are ValueErrors or OSErrors


@dataclass(frozen=True, eq=False)
class InputTable:
    """A table from the user.

    Attributes
    ----------
    rows : DataFrame
        Its cells, as read.
    title : str
        Name of the table in errors, such as "samples table samples.csv".
    file : FileRecord or None
        The file that the table was read from; None for a DataFrame.
    symbols : ndarray of str or None
        Gene symbols of the rows of a matrix, if its file has them beside the names.
    """

    rows: pd.DataFrame
    title: str
    file: FileRecord | None = None
    symbols: Texts | None = None

    def find(self, *names: str) -> str | None:
        """First of the names that is a column, ignoring case; None if none is."""
        return find_column([str(column) for column in self.rows.columns], names)

    def need(self, *names: str) -> str:
        """First of the names that is a column, ignoring case; an AtlasError if none is."""
        column = self.find(*names)
        if column is None:
            has = shorten(", ".join(map(str, self.rows.columns[:20])), 300)
            raise AtlasError(
                f"{self.title} has no column {names[0]!r} (it has {has}); add it, or rename the column that holds it"
            )
        return column

    def texts(self, column: str | None) -> Texts:
        """A column (n,) as text; "" for a missing value, and everywhere if `column` is None."""
        return np.full(len(self.rows), "", dtype=object) if column is None else to_texts(self.rows[column])

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """A column (n,) as numbers: NaN where one is missing, an AtlasError if a cell is not a number."""
        numbers, is_bad = _to_numbers(self.rows[column])
        if is_bad.any():
            row = int(np.flatnonzero(is_bad)[0])
            got = _to_text(self.rows[column].iloc[row])
            raise AtlasError(f"{self.title}, row {row + 1}: {column} is {got!r}, where a number is needed")
        return numbers

    def whole_numbers(self, name: str) -> Any:
        """A column as a nullable array (n,) of whole numbers; all missing if there is no such column."""
        column = self.find(name)
        numbers = np.full(len(self.rows), np.nan) if column is None else self.numbers(column)
        is_broken = ~np.isnan(numbers) & (np.isinf(numbers) | (np.rint(numbers) != numbers))
        if is_broken.any():
            raise AtlasError(
                f"{self.title}: {name} {numbers[is_broken][0]:g} is not a whole number; leave it empty or correct it"
            )
        return pd.array(numbers, dtype="Float64").astype("Int64")

    def genes(self, column: str) -> pd.DataFrame:
        """Genes of probes, from a column of symbols and, if there is one, the column `entrez_id`.

        Returns
        -------
        DataFrame
            One row per row of the table: `gene` (empty if there is none), `entrez_id` (nullable int), and
            `has_several`: whether a cell names several genes, as ``TAC1///TAC3`` or ``MAOA;TAC1`` do, which one
            value cannot tell apart. A gene named twice in a cell is one gene.
        """
        cells = [dict.fromkeys(_split_genes(text)) for text in self.texts(column)]
        genes = pd.DataFrame({"gene": np.array([next(iter(cell), "") for cell in cells], dtype=object)})
        genes["has_several"] = np.array([len(cell) > 1 for cell in cells], dtype=bool)
        entrez_column = self.find("entrez_id")
        if entrez_column is None:
            return genes.assign(entrez_id=pd.array([pd.NA] * len(genes), dtype="Int64"))
        entrez_ids = self.texts(entrez_column)
        entrez_ids[genes["has_several"].to_numpy()] = ""
        one_each = [text if len(parts := set(_split_genes(text))) != 1 else parts.pop() for text in entrez_ids]
        only = InputTable(pd.DataFrame({"entrez_id": np.array(one_each, dtype=object)}), self.title)
        return genes.assign(entrez_id=only.whole_numbers("entrez_id"))

    def values(self) -> npt.NDArray[np.floating[Any]]:
        """All cells of a matrix (rows, columns) as floats: NaN where one is missing; float32 stays float32.

        Raises
        ------
        AtlasError
            If a cell is not a finite number.
        """
        if all(dtype == np.float32 for dtype in self.rows.dtypes):
            values: npt.NDArray[np.floating[Any]] = self.rows.to_numpy(dtype=np.float32)
        elif all(pd.api.types.is_numeric_dtype(dtype) for dtype in self.rows.dtypes):
            values = self.rows.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            values = np.empty(self.rows.shape, dtype=np.float64)
            for number in range(self.rows.shape[1]):
                values[:, number], is_bad = _to_numbers(self.rows.iloc[:, number])
                if is_bad.any():
                    self._refuse_cell(int(np.flatnonzero(is_bad)[0]), number)
        is_infinite = np.isinf(values)
        if is_infinite.any():
            self._refuse_cell(*(int(place[0]) for place in np.nonzero(is_infinite)))
        return values

    def _refuse_cell(self, row: int, column: int) -> None:
        raise AtlasError(
            f"{self.title}, row {self.rows.index[row]!r}, column {self.rows.columns[column]!r} is "
            f"{_to_text(self.rows.iloc[row, column])!r}, where a finite number is needed (or an empty cell, if it "
            "is missing)"
        )


def read_table(table: Table, what: str) -> InputTable:
    """Read a table with a header and one row per sample, probe or donor.

    Parameters
    ----------
    table : DataFrame or path
        CSV, TSV or Parquet; the first two may be gzipped.
    what : str
        Name of the table in errors, such as "samples table".

    Raises
    ------
    AtlasError
        If the file cannot be read or is of another kind, or the table is empty.
    """
    if isinstance(table, pd.DataFrame):
        read = InputTable(table.set_axis(table.columns.map(str), axis=1), what)
    else:
        path = _check_path(table, what)
        is_parquet = path.suffix.lower() == ".parquet"
        rows = _read_parquet(path, what) if is_parquet else read_delimited(path, what=what, error=AtlasError).rows
        read = InputTable(rows, f"{what} {path.name}", record_file(path, what))
    if read.rows.empty:
        raise AtlasError(f"{read.title} is empty: at least one row is needed")
    return read


def read_matrix(table: Table, what: str) -> InputTable:
    """Read a matrix of values, with samples along one side and probes along the other.

    Rows are named by the first column of a CSV or TSV file, or by the index of a DataFrame or Parquet file. Names of
    rows and columns become text. GCT files and GEO's series matrices are read as well, see
    `jugex.atlas.text_matrices`. Parameters and errors are those of `read_table`.
    """
    if isinstance(table, pd.DataFrame):
        read = InputTable(table, what)
    else:
        path = _check_path(table, what)
        is_parquet = path.suffix.lower() == ".parquet"
        matrix = TextMatrix(_read_parquet(path, what)) if is_parquet else _read_text(path, what)
        read = InputTable(matrix.rows, f"{what} {path.name}", record_file(path, what), matrix.symbols)
    rows = _index_by_names(read.rows)
    if rows.empty:
        raise AtlasError(
            f"{read.title} is empty: samples along one side and probes or genes along the other are needed"
        )
    rows = rows.set_axis(pd.Index(to_texts(rows.index)), axis=0).set_axis(pd.Index(to_texts(rows.columns)), axis=1)
    return InputTable(rows, read.title, read.file, read.symbols)


def read_headless_matrix(path: Path, what: str) -> InputTable:
    """Read a matrix from a CSV file without a header: each row is a name, then values; columns are numbered.

    Parameters and errors are those of `read_table`.
    """
    return InputTable(_read_text(_check_path(path, what), what, has_header=False).rows, f"{what}, {path.name}")


def record_file(path: str | os.PathLike[str], what: str) -> FileRecord:
    """Path, size and SHA-256 of a file; an AtlasError if it cannot be read."""
    file = expand_home(path)
    try:
        return FileRecord.of(file)
    except OSError as error:
        raise _unreadable_error(file, what, error) from error


def to_texts(values: Any) -> Texts:
    """Names and ids (n,) as text, so that 7, 7.0 and "7" are equal; missing ones become ""."""
    return np.array([_to_text(value) for value in values], dtype=object)


def refuse_duplicates(ids: Texts, what: str, title: str) -> None:
    """Refuse ids (n,) if one is missing or occurs more than once."""
    is_empty, is_repeated = ids == "", pd.Index(ids).duplicated()
    if is_empty.any():
        raise AtlasError(f"{title}: {int(is_empty.sum())} {what}s have no id; give each one of its own")
    if is_repeated.any():
        raise AtlasError(
            f"{title}: {int(is_repeated.sum())} {what} ids occur more than once (first: "
            f"{first_of(ids, is_repeated)!r}); each {what} needs one of its own"
        )


def first_of(ids: Texts, chosen: npt.NDArray[np.bool_]) -> str:
    """First chosen one of the ids (n,), to be named in an error; `chosen` (n,) marks them."""
    return str(ids[np.flatnonzero(chosen)[0]])


def warn_of_several_genes(n_probes: int, title: str) -> None:
    """Warn that probes are left out because each measures several genes, if there are any."""
    if n_probes:
        warn_user(
            f"{title}: {count_of(n_probes, 'probe')} left out, because each measures several genes (such as "
            "'TAC1///TAC3' or 'MAOA;TAC1')",
            AtlasWarning,
        )


def _split_genes(text: str) -> list[str]:
    parts = (re.sub(r"\s*\|\s*\d+$", "", part.strip()) for part in _GENE_SEPARATORS.split(text))
    return [part for part in parts if part]


def _to_text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else str(int(value)) if float(value).is_integer() else str(value)
    return "" if value is None or value is pd.NA else str(value).strip()


def _to_numbers(column: pd.Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Numbers (n,), and which cells are neither a number nor missing."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.zeros(len(numbers), dtype=bool)
    texts = to_texts(column)
    if any(map(_DECIMAL_COMMA.fullmatch, texts)) and not any("." in text for text in texts):
        texts = np.array([text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text for text in texts])
    numbers = np.array([_to_number(text) for text in texts], dtype=np.float64)
    return numbers, np.isnan(numbers) & ~np.isin(texts, MISSING)


def _to_number(text: str) -> float:
    """A text as the nearest number (pandas 2 rounds differently); NaN if it is not a number."""
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return np.nan


def _check_path(table: Any, what: str) -> Path:
    if not isinstance(table, str | os.PathLike):
        raise AtlasError(
            f"{what} is a {type(table).__name__}; give a pandas DataFrame, or the path of a file {_FILE_TYPES}"
        )
    path = expand_home(table)
    if not re.search(r"\.(?:(?:csv|tsv|txt|gct)(?:\.gz)?|parquet)$", path.name, flags=re.IGNORECASE):
        raise AtlasError(
            f"{what} {path.name} has an ending that is not read; give a file {_FILE_TYPES}, or a DataFrame"
        )
    if not path.is_file():
        raise AtlasError(f"{what} {path} does not exist; check its path")
    return path


def _read_parquet(path: Path, what: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except _DAMAGE_ERRORS as error:
        raise _unreadable_error(path, what, error) from error


def _read_text(path: Path, what: str, *, has_header: bool = True) -> TextMatrix:
    try:
        return read_text_matrix(path, what, has_header=has_header)
    except AtlasError:
        raise
    except _DAMAGE_ERRORS as error:
        raise _unreadable_error(path, what, error) from error


def _index_by_names(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows indexed by their first column, if that holds names and the rows have no index of their own."""
    if not isinstance(rows.index, pd.RangeIndex) or rows.shape[1] < 2:
        return rows
    first = rows.iloc[:, 0]
    is_named = str(rows.columns[0]).lower() in _ROW_NAMES
    return rows.iloc[:, 1:].set_axis(pd.Index(first), axis=0) if is_named or _to_numbers(first)[1].all() else rows


def _unreadable_error(path: Path, what: str, error: Exception) -> AtlasError:
    reason = " ".join(str(error).split())
    return AtlasError(f"{what} {path.name} cannot be read ({reason}); check that it is complete, or write it again")
