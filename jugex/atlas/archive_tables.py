"""The tables of a donor archive: samples, probes and structures, and the large matrices of levels and calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import shorten
from jugex.atlas.base import PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.errors import ArchiveError
from jugex.progress import ByteBar

__all__ = ["ExpressionMatrix", "count_cells", "parse_probes", "parse_samples", "parse_structures"]

_MISSING = ("", "NA", "NaN", "nan", "null", "NULL")
_BLOCK_BYTES = 1 << 24  # measured: each block costs time per column, so smaller blocks are slower
_TAIL_BYTES = 64

OpenFile = Callable[[], AbstractContextManager[IO[bytes]]]


# --- annotation


def parse_samples(content: bytes, *, donor_name: str, source: str) -> pd.DataFrame:
    """Read the samples of one donor.

    Parameters
    ----------
    content : bytes
        ``SampleAnnot.csv``: a header, then one row per sample, in the order of the expression's columns.
    donor_name : str
        Name of the donor, as in ``H0351.2001``.
    source : str
        What errors call the table: donor and file.

    Returns
    -------
    DataFrame
        Columns `SAMPLE_COLUMNS`; `sample` counts from 0, coordinates are in mm.

    Raises
    ------
    ArchiveError
        If a column or value is missing, a value is not a number, or a well occurs twice.
    """
    needed = ["well_id", "structure_id", "structure_acronym", "structure_name", "mni_x", "mni_y", "mni_z"]
    samples = _read_table(content, needed, source)
    for column in ("well_id", "structure_id"):
        samples[column] = _parse_integers(samples, column, source)
    for column in ("mni_x", "mni_y", "mni_z"):
        samples[column] = _parse_numbers(samples, column, source)
    _refuse_duplicates(samples, "well_id", source)
    samples["donor_name"] = donor_name
    samples["sample"] = np.arange(len(samples))
    return samples[list(SAMPLE_COLUMNS)]


def parse_probes(content: bytes, *, source: str) -> pd.DataFrame:
    """Read the probes: ``Probes.csv`` as a table with columns `PROBE_COLUMNS`.

    Parameters and errors are those of `parse_samples`; a probe without Entrez id has a missing value there.
    """
    needed = ["probe_id", "probe_name", "gene_symbol", "entrez_id"]
    probes = _read_table(content, needed, source).rename(columns={"gene_symbol": "gene"})
    probes["probe_id"] = _parse_integers(probes, "probe_id", source)
    probes["entrez_id"] = _parse_optional_integers(probes, "entrez_id", source)
    _refuse_duplicates(probes, "probe_id", source)
    return probes[list(PROBE_COLUMNS)]


def parse_structures(content: bytes, *, source: str) -> pd.DataFrame:
    """Read the anatomical structures: ``Ontology.csv`` as a table with columns `STRUCTURE_COLUMNS`.

    Parameters and errors are those of `parse_samples`; the root has no parent.
    """
    needed = ["id", "acronym", "name", "parent_structure_id"]
    structures = _read_table(content, needed, source).rename(columns={"id": "structure_id"})
    structures["structure_id"] = _parse_integers(structures, "structure_id", source)
    structures["parent_structure_id"] = _parse_optional_integers(structures, "parent_structure_id", source)
    _refuse_duplicates(structures, "structure_id", source)
    return structures[list(STRUCTURE_COLUMNS)]


def _read_table(content: bytes, needed: Sequence[str], source: str) -> pd.DataFrame:
    # csv, not pandas: a row of another length is an error here, and a gene or structure may be called "NA"
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(_decode(content), newline="")) if row]
    except ValueError:
        raise ArchiveError(f"{source} is empty; unpack or download the archive again") from None
    except csv.Error as error:
        raise ArchiveError(f"{source} cannot be read as CSV ({error}); download the archive again") from error
    missing = [column for column in needed if column not in header]
    if missing:
        raise ArchiveError(
            f"{source} has no column {missing[0]!r} (it has {shorten(', '.join(header), 200)}); download the archive "
            "again"
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ArchiveError(
                f"{source}, row {number} below the header: {len(row)} values, but the header has {len(header)} "
                f"columns; unpack or download the archive again"
            )
    if not rows:
        raise ArchiveError(f"{source} has a header but no row; unpack or download the archive again")
    return pd.DataFrame(rows, columns=header)[list(needed)]


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parse_numbers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    _refuse_values(table[column], ~np.isfinite(numbers.to_numpy()), "a finite number", source)
    return numbers


def _parse_integers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    is_bad = ~np.isfinite(numbers.to_numpy()) | (numbers.to_numpy() % 1 != 0)
    _refuse_values(table[column], is_bad, "an integer", source)
    return numbers.astype(np.int64)


def _parse_optional_integers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    is_given = ~table[column].isin(_MISSING)
    integers = pd.Series(pd.NA, index=table.index, dtype="Int64")
    if is_given.any():
        integers[is_given] = _parse_integers(table[is_given], column, source)
    return integers


def _refuse_values(column: pd.Series, is_bad: np.ndarray, needed: str, source: str) -> None:
    if is_bad.any():
        row = int(np.flatnonzero(is_bad)[0])
        raise ArchiveError(
            f"{source}, row {int(column.index[row]) + 1} below the header: {column.name} is {column.iloc[row]!r}, "
            f"where {needed} is needed"
        )


def _refuse_duplicates(table: pd.DataFrame, column: str, source: str) -> None:
    is_duplicate = table[column].duplicated()
    if is_duplicate.any():
        raise ArchiveError(
            f"{source}: {column} {table.loc[is_duplicate, column].iloc[0]} occurs more than once; each must be unique"
        )


# --- levels and present/absent calls


#: Limit of characters in a line; real lines have up to 20,000.
_LONGEST_LINE = 1 << 22


@dataclass(frozen=True, eq=False)
class ExpressionMatrix:
    """The matrix of levels or calls: a file without a header, per row a probe id, then one cell per sample.

    ``MicroarrayExpression.csv`` holds log2 levels, ``PACall.csv`` the calls 0 (absent) and 1 (present).

    Attributes
    ----------
    open_file : callable
        Opens the file as a stream of bytes.
    probe_ids : ndarray of int, shape (p,)
        Probes in the order of the result; the file holds each once, in any order.
    well_ids : sequence of int, length n
        Wells of the file's columns, in order.
    source : str
        What errors call the file: donor and name.
    """

    open_file: OpenFile
    probe_ids: npt.NDArray[np.int64]
    well_ids: Sequence[int]
    source: str

    def read_levels(self, dtype: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
        """Log2 levels, shape (p, n).

        Parameters
        ----------
        dtype : {numpy.float64, numpy.float32}
            Precision of the result: each value is the nearest one to its text.

        Raises
        ------
        ArchiveError
            If the file is damaged, a cell is not a finite number, or rows or columns do not match.
        """
        return self._read(dtype, _LEVELS)

    def read_calls(self) -> npt.NDArray[np.bool_]:
        """Whether a probe is above background in a sample, shape (p, n); errors are those of `read_levels`."""
        return self._read(np.uint8, _CALLS).view(np.bool_)

    def _read(self, dtype: type[np.generic], cells: _CellKind) -> npt.NDArray[Any]:
        import pyarrow
        from pyarrow import csv as arrow_csv

        names = ["probe_id", *(str(sample) for sample in range(len(self.well_ids)))]
        types = dict.fromkeys(names, pyarrow.from_numpy_dtype(np.dtype(dtype))) | {"probe_id": pyarrow.int64()}
        try:
            with self.open_file() as stream:
                table = arrow_csv.read_csv(
                    stream,
                    read_options=arrow_csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
                    convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
                )
        except pyarrow.ArrowInvalid as error:
            raise ArchiveError(self._explain(cells) or f"{self.source}: {error}") from error
        rows = self._match_rows(table.column(0).to_numpy())
        values = np.empty((len(self.probe_ids), len(self.well_ids)), dtype=dtype)
        start = 0
        for batch in table.select(names[1:]).to_batches():
            block = batch.to_tensor().to_numpy()
            is_bad = cells.is_bad(block)
            if is_bad.any():
                row, sample = divmod(int(np.argmax(is_bad)), block.shape[1])
                where = self._name_cell(start + row + 1, table.column(0)[start + row].as_py(), sample)
                raise ArchiveError(f"{self.source}, {where} is {block[row, sample]}, where {cells.needed} is needed")
            values[rows[start : start + len(block)]] = block
            start += len(block)
        return values

    def _match_rows(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Row of the result for each row of the file; every probe must occur once."""
        probes = pd.Index(self.probe_ids)
        rows = probes.get_indexer(pd.Index(ids))
        for is_wrong, what in (
            (rows < 0, "is not in Probes.csv"),
            (pd.Index(ids).duplicated(), "occurs more than once"),
        ):
            if is_wrong.any():
                number = int(np.argmax(is_wrong))
                raise ArchiveError(f"{self.source}, row {number + 1}: probe {ids[number]} {what}")
        if len(ids) != len(probes):
            first = probes[~probes.isin(ids)][0]
            raise ArchiveError(
                f"{self.source} has {len(ids):,} rows, but Probes.csv has {len(probes):,} probes (the first without a "
                f"row is {first}); the file looks cut short: unpack or download the archive again"
            )
        return rows

    def _explain(self, cells: _CellKind) -> str | None:
        """Name the first cell or row that cannot be read, line by line, which is slow: only after a failure."""
        problem, n_rows, n_lines = None, 0, 0
        with self.open_file() as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace") as lines:
            while line := lines.readline(_LONGEST_LINE):
                n_lines += 1
                if len(line) == _LONGEST_LINE or n_lines > 2 * len(self.probe_ids) + 1000:
                    what = (
                        "is longer than any row can be" if len(line) == _LONGEST_LINE else "is more than there can be"
                    )
                    return f"{self.source}, line {n_lines:,} {what}; unpack or download the archive again"
                row = [cell.strip().strip('"') for cell in line.split(",")]
                n_rows += row != [""]
                # read on to the end, where zipfile compares the checksum: damage explains any bad cell
                problem = problem or (self._find_problem(row, n_rows, cells) if row != [""] else None)
        if n_rows == 0:
            return (
                f"{self.source} is empty, but Probes.csv has {len(self.probe_ids):,} probes; unpack or download the "
                f"archive again"
            )
        return problem and f"{self.source}, {problem}"

    def _find_problem(self, row: Sequence[str], number: int, cells: _CellKind) -> str | None:
        if len(row) != len(self.well_ids) + 1:
            return (
                f"row {number} (probe {row[0]}): {len(row) - 1:,} {cells.name}s, but SampleAnnot.csv has "
                f"{len(self.well_ids):,} samples; the two files must come from the same, complete archive"
            )
        if not row[0].isdecimal():
            return f"row {number}, column 1 is {row[0]!r}, where a probe id is needed"
        for sample, cell in enumerate(row[1:]):
            if not cells.is_readable(cell):
                return f"{self._name_cell(number, row[0], sample)} is {cell!r}, where {cells.needed} is needed"
        return None

    def _name_cell(self, number: int, probe_id: int | str, sample: int) -> str:
        return f"row {number} (probe {probe_id}), column {sample + 2} (well {self.well_ids[sample]})"


@dataclass(frozen=True)
class _CellKind:
    """Kind of cells of a matrix: what errors call them, and which values and texts are valid."""

    name: str
    needed: str
    is_bad: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]
    is_readable: Callable[[str], bool]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_LEVELS = _CellKind("level", "a finite log2 level", lambda values: ~np.isfinite(values), _is_number)
_CALLS = _CellKind("call", "the call 0 or 1", lambda values: values > 1, lambda text: text in {"0", "1"})


def count_cells(stream: IO[bytes], bar: ByteBar) -> tuple[int, int]:
    """Number of rows and columns of a CSV file without quotes, with any line ending, less trailing empty lines."""
    block = first = stream.read(_BLOCK_BYTES)
    line_end = b"\n" if b"\n" in first else b"\r"
    n_ends, tail = 0, b""
    while block:
        n_ends += block.count(line_end)
        tail = (tail + block)[-_TAIL_BYTES:]
        bar.add(len(block))
        block = stream.read(_BLOCK_BYTES)
    n_rows = n_ends - tail[len(tail.rstrip()) :].count(line_end) + bool(tail.rstrip())
    n_columns = first.partition(line_end)[0].count(b",") + bool(first)
    return n_rows, n_columns
