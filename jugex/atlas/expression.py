"""The large tables of a donor archive, probes x samples: log2 levels and present/absent calls."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import ArchiveError

if TYPE_CHECKING:
    from jugex.atlas.plain_text import Parsed

__all__ = ["DonorExpression", "compute_moments", "gather_levels", "read_calls", "read_expression"]

# measured: smaller blocks cost per-column overhead in each, larger ones memory
_BLOCK_BYTES = 1 << 24
_MAX_THREADS = 4
# from this size on a block's plain text is parsed by compiled code; small files must not wait for the compiler
_LARGE_BLOCK = 1 << 22
_PROBES_PER_CHUNK = 1024

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
        return compute_moments(self.levels)


def compute_moments(levels: npt.NDArray[np.floating[Any]]) -> Moments:
    """Mean and standard deviation (ddof = 0) of each probe.

    Parameters
    ----------
    levels : ndarray of float32 or float64, shape (p probes, n samples)
        Log2 levels, all of one donor.

    Returns
    -------
    mean, sd : ndarray of float64, each (p,)
        Computed in float64 from the values as they are given. A constant probe has the standard deviation 0 exactly,
        whatever the rounding of its mean.
    """
    mean = np.empty(len(levels))
    sd = np.empty(len(levels))
    for start in range(0, len(levels), _PROBES_PER_CHUNK):  # in chunks: deviations need as much memory again
        chunk = slice(start, start + _PROBES_PER_CHUNK)
        values = levels[chunk].astype(np.float64)
        mean[chunk] = values.mean(axis=1)
        sd[chunk] = np.where(values.max(axis=1) > values.min(axis=1), values.std(axis=1), 0.0)
    return mean, sd


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
        Log2 levels, the samples of a probe side by side in memory.
    """
    levels = np.empty((len(probe_rows), len(samples)), dtype=np.float64)
    donor_names, columns = samples["donor_name"].to_numpy(), samples["sample"].to_numpy()
    for name in pd.unique(donor_names):
        of_donor = donor_names == name
        levels[:, of_donor] = expression[name].levels[np.ix_(probe_rows, columns[of_donor])]
    return levels.T


def read_expression(
    open_file: OpenFile,
    *,
    probe_ids: npt.ArrayLike,
    well_ids: Sequence[int],
    source: str,
    dtype: type[np.floating[Any]] = np.float64,
) -> npt.NDArray[Any]:
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
    dtype : {numpy.float64, numpy.float32}
        Precision to read with: each value is the nearest one to its text.

    Returns
    -------
    ndarray of `dtype`, shape (p, n)
        Log2 levels.

    Raises
    ------
    ArchiveError
        Where the file is damaged, a cell is no finite number, or rows or columns do not match.
    """
    return _Table(open_file, pd.Index(np.asarray(probe_ids)), well_ids, source, _LEVELS).read(dtype)


def read_calls(
    open_file: OpenFile, *, probe_ids: npt.ArrayLike, well_ids: Sequence[int], source: str
) -> npt.NDArray[np.bool_]:
    """Read the present/absent calls of one donor: whether a probe is above background in a sample.

    Parameters, shape and errors are those of `read_expression`; ``PACall.csv`` holds 0 and 1.
    """
    return _Table(open_file, pd.Index(np.asarray(probe_ids)), well_ids, source, _CALLS).read(np.uint8).view(np.bool_)


class _Cells(NamedTuple):
    """What the cells of a table are."""

    called: str
    needed: str
    find_bad: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]]
    is_readable: Callable[[str], bool]


class _Block(NamedTuple):
    """Rows of a table: probe ids (k,), values (k, n), and row and column of the first value that is not allowed."""

    probe_ids: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    first_bad: tuple[int, int] | None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_LEVELS = _Cells("log2 level", "a finite log2 level", lambda values: ~np.isfinite(values), _is_number)
_CALLS = _Cells("call", "the call 0 or 1", lambda values: values > 1, lambda text: text in {"0", "1"})


@dataclass(frozen=True)
class _Table:
    """A table without header; per row a probe id, then a cell per sample."""

    open_file: OpenFile
    probes: pd.Index
    well_ids: Sequence[int]
    source: str
    cells: _Cells

    def read(self, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """All cells, shape (p, n)."""
        import pyarrow

        values = np.empty((len(self.probes), len(self.well_ids)), dtype=dtype)
        is_read = np.zeros(len(self.probes), dtype=bool)
        n_rows = 0
        try:
            with self.open_file() as stream:
                parse = partial(_parse_block, n_samples=len(self.well_ids), dtype=dtype, find_bad=self.cells.find_bad)
                for block in _map_in_order(parse, _cut_blocks(stream)):
                    rows = self._find_rows(block.probe_ids, is_read, n_rows)
                    self._refuse_bad_cell(block, n_rows)
                    values[rows] = block.values
                    n_rows += len(rows)
        except pyarrow.ArrowInvalid as error:
            raise ArchiveError(self._explain_failure() or f"{self.source}: {error}") from error
        self._check_complete(is_read, n_rows)
        return values

    def _find_rows(
        self, probe_ids: npt.NDArray[np.int64], is_read: npt.NDArray[np.bool_], n_rows: int
    ) -> npt.NDArray[np.intp]:
        rows = self.probes.get_indexer(pd.Index(probe_ids))
        if (rows < 0).any():
            number = int(np.flatnonzero(rows < 0)[0])
            raise ArchiveError(
                f"{self.source}, row {n_rows + number + 1}: probe {probe_ids[number]} is not in Probes.csv"
            )
        is_repeated = is_read[rows] | pd.Index(rows).duplicated()
        if is_repeated.any():
            number = int(np.flatnonzero(is_repeated)[0])
            raise ArchiveError(
                f"{self.source}, row {n_rows + number + 1}: probe {probe_ids[number]} comes a second time"
            )
        is_read[rows] = True
        return rows

    def _refuse_bad_cell(self, block: _Block, n_rows: int) -> None:
        if block.first_bad is not None:
            row, sample = block.first_bad
            where = self._name_cell(n_rows + row + 1, int(block.probe_ids[row]), sample)
            raise ArchiveError(
                f"{self.source}, {where} is {block.values[row, sample]}, where {self.cells.needed} is needed"
            )

    def _check_complete(self, is_read: npt.NDArray[np.bool_], n_rows: int) -> None:
        if n_rows == 0:
            raise ArchiveError(self._say_empty())
        if n_rows != len(self.probes):
            raise ArchiveError(
                f"{self.source} has {n_rows:,} rows, but Probes.csv has {len(self.probes):,} probes (the first without "
                f"a row is {self.probes[~is_read][0]}); the file looks cut short: unpack or download the archive again"
            )

    def _explain_failure(self) -> str | None:
        """Name the first cell or row that cannot be read, line by line (slow, and only after a failure)."""
        problem, n_rows = None, 0
        with self.open_file() as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace") as lines:
            for line in lines:
                row = [cell.strip().strip('"') for cell in line.split(",")]
                n_rows += row != [""]
                # read on to the end: a ZIP's checksum is compared there, and damage explains any bad cell
                problem = problem or (self._find_problem(row, n_rows) if row != [""] else None)
        if n_rows == 0:
            return self._say_empty()
        return problem and f"{self.source}, {problem}"

    def _find_problem(self, row: Sequence[str], number: int) -> str | None:
        if len(row) != len(self.well_ids) + 1:
            return (
                f"row {number} (probe {row[0]}): {len(row) - 1:,} {self.cells.called.split()[-1]}s, but "
                f"SampleAnnot.csv has {len(self.well_ids):,} samples; the two files must come from the same, complete "
                f"archive"
            )
        if not row[0].isdecimal():
            return f"row {number}, column 1 is {row[0]!r}, where a probe id is needed"
        for sample, cell in enumerate(row[1:]):
            if not self.cells.is_readable(cell):
                return f"{self._name_cell(number, row[0], sample)} is {cell!r}, where a {self.cells.called} is needed"
        return None

    def _name_cell(self, number: int, probe_id: int | str, sample: int) -> str:
        return f"row {number} (probe {probe_id}), column {sample + 2} (well {self.well_ids[sample]})"

    def _say_empty(self) -> str:
        return (
            f"{self.source} is empty, but Probes.csv has {len(self.probes):,} probes; unpack or download the archive "
            f"again"
        )


def _cut_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Whole lines of a file, about `_BLOCK_BYTES` at a time."""
    rest = b""
    while block := stream.read(_BLOCK_BYTES):
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
    yield rest


def _map_in_order(parse: Callable[[bytes], _Block], blocks: Iterable[bytes]) -> Iterator[_Block]:
    """Parse blocks in threads, a few ahead, and hand the results out in order."""
    n_threads = min(os.cpu_count() or 1, _MAX_THREADS)
    pending: deque[Future[_Block]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for block in blocks:
                if not block.isspace() and block:
                    pending.append(pool.submit(parse, block))
                if len(pending) > n_threads + 1:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _parse_block(
    block: bytes,
    *,
    n_samples: int,
    dtype: type[np.generic],
    find_bad: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]],
) -> _Block:
    plain = _parse_plain_block(block, n_samples, dtype) if len(block) >= _LARGE_BLOCK else None
    if plain is not None:
        return _Block(*plain, first_bad=None)
    return _parse_any_block(block, n_samples, dtype, find_bad)


def _parse_plain_block(block: bytes, n_samples: int, dtype: type[np.generic]) -> Parsed | None:
    from jugex.atlas.plain_text import parse_calls, parse_decimals

    return parse_calls(block, n_samples) if dtype == np.uint8 else parse_decimals(block, n_samples, dtype)


def _parse_any_block(
    block: bytes,
    n_samples: int,
    dtype: type[np.generic],
    find_bad: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]],
) -> _Block:
    import pyarrow
    from pyarrow import csv as arrow_csv

    columns = ["probe_id", *(str(sample) for sample in range(n_samples))]
    types = dict.fromkeys(columns, pyarrow.from_numpy_dtype(np.dtype(dtype))) | {"probe_id": pyarrow.int64()}
    # one thread and one chunk: blocks are what runs in parallel
    table = arrow_csv.read_csv(
        pyarrow.py_buffer(block),
        read_options=arrow_csv.ReadOptions(column_names=columns, block_size=len(block) + 1, use_threads=False),
        convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
    )
    [batch] = table.to_batches()
    values = batch.select(columns[1:]).to_tensor().to_numpy()
    is_bad = find_bad(values)
    first_bad = divmod(int(np.argmax(is_bad)), n_samples) if is_bad.any() else None
    return _Block(batch.column(0).to_numpy(), values, first_bad)
