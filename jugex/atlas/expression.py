"""The expression table of a donor archive: probes x samples, read in batches into one array."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import ArchiveError

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = ["DonorExpression", "gather_levels", "read_expression"]

_BLOCK_BYTES = 1 << 23
_PROBES_PER_CHUNK = 4096

Moments = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
OpenFile = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, eq=False)
class DonorExpression:
    """Expression of one donor, in memory.

    Attributes
    ----------
    levels : ndarray of float64, shape (p probes, n samples)
        Log2 levels.
    """

    levels: npt.NDArray[np.float64]

    @cached_property
    def moments(self) -> Moments:
        """Mean and standard deviation (ddof = 0) of each probe over all samples, each (p,)."""
        return _compute_moments(self.levels)


def gather_levels(
    expression: Mapping[str, DonorExpression], samples: pd.DataFrame, probe_rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Collect levels from the donors' arrays.

    Parameters
    ----------
    expression : mapping from donor name to DonorExpression
        Expression of, at least, the samples' donors.
    samples : DataFrame, n rows
        The samples wanted: `donor_name`, `sample`.
    probe_rows : ndarray of int, shape (k,)
        Rows of the donors' arrays.

    Returns
    -------
    ndarray of float64, shape (n, k)
        Log2 levels.
    """
    donor_names, columns = samples["donor_name"].to_numpy(), samples["sample"].to_numpy()
    levels = np.empty((len(samples), len(probe_rows)), dtype=np.float64)
    for name in pd.unique(donor_names):
        of_donor = donor_names == name
        levels[of_donor] = expression[name].levels[np.ix_(probe_rows, columns[of_donor])].T
    return levels


def read_expression(
    open_file: OpenFile, *, probe_ids: npt.ArrayLike, well_ids: Sequence[int], source: str
) -> npt.NDArray[np.float64]:
    """Read the expression of one donor.

    Parameters
    ----------
    open_file : callable
        Opens ``MicroarrayExpression.csv``: no header; per row a probe id, then one log2 level per sample.
    probe_ids : array_like of int, shape (p,)
        Probes, in the order wanted; the file holds each once, in any order.
    well_ids : sequence of int, length n
        Wells of the file's columns, in order.
    source : str
        What errors call the table: donor and file.

    Returns
    -------
    ndarray of float64, shape (p, n)
        Log2 levels.

    Raises
    ------
    ArchiveError
        Where the file is damaged, a cell is no finite number, or rows or columns do not match.
    """
    import pyarrow

    probes = pd.Index(np.asarray(probe_ids))
    levels = np.empty((len(probes), len(well_ids)), dtype=np.float64)
    is_read = np.zeros(len(probes), dtype=bool)
    n_rows = 0
    try:
        with open_file() as stream:
            for batch in _read_batches(stream, len(well_ids)):
                rows = _find_rows(batch, probes, is_read, n_rows, source)
                _fill_levels(batch, rows, levels, well_ids, n_rows, source)
                n_rows += batch.num_rows
    except pyarrow.ArrowInvalid as error:
        raise ArchiveError(
            _explain_failure(open_file, len(probes), well_ids, source) or f"{source}: {error}"
        ) from error
    if n_rows != len(probes):
        raise ArchiveError(
            f"{source} has {n_rows:,} rows, but Probes.csv has {len(probes):,} probes (the first without a row is "
            f"{probes[~is_read][0]}); the file looks cut short: unpack or download the archive again"
        )
    return levels


def _compute_moments(levels: npt.NDArray[np.float64]) -> Moments:
    mean = np.empty(len(levels))
    sd = np.empty(len(levels))
    for start in range(0, len(levels), _PROBES_PER_CHUNK):  # in chunks: deviations need as much memory again
        chunk = slice(start, start + _PROBES_PER_CHUNK)
        values = levels[chunk]
        mean[chunk] = values.mean(axis=1)
        # a constant probe gets 0 exactly, whatever the rounding of its mean
        sd[chunk] = np.where(values.max(axis=1) > values.min(axis=1), values.std(axis=1), 0.0)
    return mean, sd


def _read_batches(stream: IO[bytes], n_samples: int) -> Iterator[RecordBatch]:
    import pyarrow
    from pyarrow import csv as arrow_csv

    columns = ["probe_id", *(str(sample) for sample in range(n_samples))]
    types = dict.fromkeys(columns, pyarrow.float64()) | {"probe_id": pyarrow.int64()}
    yield from arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(column_names=columns, block_size=_BLOCK_BYTES),
        convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
    )


def _find_rows(
    batch: RecordBatch, probes: pd.Index, is_read: npt.NDArray[np.bool_], n_rows: int, source: str
) -> npt.NDArray[np.intp]:
    ids = batch.column(0).to_numpy()
    rows = probes.get_indexer(pd.Index(ids))
    if (rows < 0).any():
        number = int(np.flatnonzero(rows < 0)[0])
        raise ArchiveError(f"{source}, row {n_rows + number + 1}: probe {ids[number]} is not in Probes.csv")
    is_repeated = is_read[rows] | pd.Index(rows).duplicated()
    if is_repeated.any():
        number = int(np.flatnonzero(is_repeated)[0])
        raise ArchiveError(f"{source}, row {n_rows + number + 1}: probe {ids[number]} comes a second time")
    is_read[rows] = True
    return rows


def _fill_levels(
    batch: RecordBatch,
    rows: npt.NDArray[np.intp],
    levels: npt.NDArray[np.float64],
    well_ids: Sequence[int],
    n_rows: int,
    source: str,
) -> None:
    for sample, column in enumerate(batch.columns[1:]):
        values = column.to_numpy()
        is_bad = ~np.isfinite(values)
        if is_bad.any():
            number = int(np.flatnonzero(is_bad)[0])
            where = _name_cell(n_rows + number + 1, batch.column(0)[number].as_py(), sample, well_ids)
            raise ArchiveError(f"{source}, {where} is {values[number]}, where a finite log2 level is needed")
        levels[rows, sample] = values


def _explain_failure(open_file: OpenFile, n_probes: int, well_ids: Sequence[int], source: str) -> str | None:
    """Name the first cell or row that cannot be read, line by line (slow, and only after a failure)."""
    problem, n_rows = None, 0
    with open_file() as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            row = [cell.strip().strip('"') for cell in line.split(",")]
            n_rows += row != [""]
            # read on to the end: a ZIP's checksum is compared there, and damage explains any bad cell
            problem = problem or (_find_problem(row, n_rows, well_ids) if row != [""] else None)
    if n_rows == 0:
        return f"{source} is empty, but Probes.csv has {n_probes:,} probes; unpack or download the archive again"
    return problem and f"{source}, {problem}"


def _find_problem(row: Sequence[str], number: int, well_ids: Sequence[int]) -> str | None:
    if len(row) != len(well_ids) + 1:
        return (
            f"row {number} (probe {row[0]}): {len(row) - 1:,} levels, but SampleAnnot.csv has {len(well_ids):,} "
            f"samples; the two files must come from the same, complete archive"
        )
    if not row[0].isdecimal():
        return f"row {number}, column 1 is {row[0]!r}, where a probe id is needed"
    for sample, cell in enumerate(row[1:]):
        try:
            float(cell)
        except ValueError:
            return f"{_name_cell(number, row[0], sample, well_ids)} is {cell!r}, where a log2 level is needed"
    return None


def _name_cell(number: int, probe_id: int | str, sample: int, well_ids: Sequence[int]) -> str:
    return f"row {number} (probe {probe_id}), column {sample + 2} (well {well_ids[sample]})"
