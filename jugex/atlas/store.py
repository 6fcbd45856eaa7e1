"""The store: expression on disk, which opens at once and is read only as far as it is needed.

A store is a folder of

- ``manifest.json``: version of the format, what the store holds, checksums of its files and of its sources, and the
  SHA-256 of all these;
- ``samples.arrow``, ``probes.arrow``, ``donors.arrow``, ``structures.arrow``: the tables, as Arrow files;
- ``levels-DONOR.npy``: log2 levels of a donor, float32, probes x samples in C order;
- ``moments.npy``: mean and standard deviation (ddof = 0) per donor and probe, float64, donors x 2 x probes, computed in
  float64 from the levels as stored;
- ``calls-DONOR.npy``: present/absent calls as bits, probes x ceil(samples / 8), first sample in the highest bit; for
  donors whose archive holds calls;
- ``checksums.npy``: XXH3 of each probe's row in the files of levels and calls, followed by that of each block of 256
  rows, uint64, files x (probes + blocks): levels in the order of the donors, then calls.

Rows are probes because a query reads a few probes of all samples: each is then one piece of a file. With a file per
donor, one donor is written while the next is read. Arrow files open in a fifth of the time of Parquet files.

No value is read from a store that differs from what was built. Manifest, tables, moments and checksums are compared
with their own checksums whenever a store is opened, before anything in them is used; a row of levels or calls is
compared when an open store reads it for the first time. XXH3 is as fast as reading memory, and finds what disks and
copies do to a file. The SHA-256 of every file, which `StoreAtlas.verify` computes, also finds deliberate changes.
`benchmarks/bench_store.py` measures what this costs, and compares the layout with others.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import expand_home
from jugex.atlas.base import ExpressionAtlas, Moments, Rows, as_slice
from jugex.atlas.identity import AtlasSource, FileRecord
from jugex.errors import StoreError, tell_problem
from jugex.progress import track

__all__ = [
    "CHECKSUMS",
    "MANIFEST",
    "MOMENTS",
    "TABLES",
    "Manifest",
    "StoreAtlas",
    "StoreFile",
    "calls_file",
    "check_files",
    "checksum_rows",
    "is_store",
    "levels_file",
    "read_manifest",
    "table_file",
]

#: Raised by one whenever the meaning of the files changes.
FORMAT_VERSION = 2
FORMAT_NAME = "jugex store"
MANIFEST = "manifest.json"
MOMENTS = "moments.npy"
CHECKSUMS = "checksums.npy"
TABLES = ("samples", "probes", "donors", "structures")
_REBUILD = "build it again with jugex build"
_REBUILD_STORE = "build the store again with jugex build"

# rows read and checked at once if most are needed: a block is up to 1 MB, which fits the processor's cache
_PROBES_PER_BLOCK = 256
# below this share of all probes, rows are read one by one; above it, in the order of the file
_SHARE_READ_SINGLY = 0.1

Checksums = npt.NDArray[np.uint64]
_Group = tuple[str, slice | Rows, slice | Rows]


# --- the files and their manifest


@dataclass(frozen=True)
class StoreFile:
    """A file of a store: its name, its size in bytes, its SHA-256, and its XXH3 (64 bits) in hexadecimal digits."""

    name: str
    bytes: int
    sha256: str
    xxh3: str


@dataclass(frozen=True)
class Manifest:
    """What a store holds.

    Attributes
    ----------
    jugex_version, created : str
        The version of jugex that built the store, and the time (UTC, ISO 8601).
    name, space : str
        What the atlas is called, and the space of its coordinates.
    n_probes : int
        Number of probes.
    n_samples : dict from donor name to int
        Number of samples of each donor, in the order of the tables.
    with_calls : tuple of str
        Names of the donors with present/absent calls.
    files : tuple of StoreFile
        The files of the store, without the manifest.
    sources : tuple of FileRecord
        The files that the store was built from, with their donors.
    """

    jugex_version: str
    created: str
    name: str
    space: str
    n_probes: int
    n_samples: dict[str, int]
    with_calls: tuple[str, ...]
    files: tuple[StoreFile, ...]
    sources: tuple[FileRecord, ...]

    @property
    def n_bytes(self) -> int:
        """Total size of the files in bytes."""
        return sum(file.bytes for file in self.files)

    @property
    def sha256(self) -> str:
        """Identity of the store's content: the SHA-256 over the names and SHA-256 of its files."""
        lines = sorted(f"{file.name} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def list_checksummed_files(self) -> list[str]:
        """Names of the files whose rows have checksums, in the order of the checksums."""
        return [*map(levels_file, self.n_samples), *map(calls_file, self.with_calls)]

    def to_json(self) -> str:
        """The manifest as the text of its file."""
        content = {
            "format": FORMAT_NAME,
            "format_version": FORMAT_VERSION,
            "jugex_version": self.jugex_version,
            "created": self.created,
            "name": self.name,
            "space": self.space,
            "n_probes": self.n_probes,
            "n_samples": self.n_samples,
            "with_calls": list(self.with_calls),
            "files": [asdict(file) for file in self.files],
            "sources": [file.to_dict() for file in self.sources],
        }
        return json.dumps(content | {"manifest_sha256": _hash_content(content)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Manifest:
        """Read what `to_json` wrote; ValueError, TypeError, KeyError or AttributeError if it is something else."""
        written = {key: value for key, value in content.items() if key != "manifest_sha256"}
        if content["manifest_sha256"] != _hash_content(written):
            raise ValueError("its SHA-256 is not the one recorded in it")
        fields = {key: value for key, value in written.items() if key not in ("format", "format_version")}
        for key, kind in {"n_probes": int, "n_samples": dict, "with_calls": list, "sources": list}.items():
            if not isinstance(fields[key], kind):
                raise TypeError(f"{key} is not a {kind.__name__}")
        files = tuple(StoreFile(**file) for file in fields["files"])
        sources = tuple(FileRecord(**file) for file in fields["sources"])
        return cls(**fields | {"with_calls": tuple(fields["with_calls"]), "files": files, "sources": sources})


def _hash_content(content: dict[str, Any]) -> str:
    """SHA-256 of the content of a JSON file, independent of white space and the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def checksum_rows(array: npt.NDArray[Any]) -> Checksums:
    """XXH3 of each row of an array in C order, and then of each block of rows."""
    blocks = [array[start : start + _PROBES_PER_BLOCK] for start in range(0, len(array), _PROBES_PER_BLOCK)]
    return np.concatenate([_checksum(array), _checksum(blocks)])


def _checksum(arrays: Sequence[npt.NDArray[Any]] | npt.NDArray[Any]) -> Checksums:
    from xxhash import xxh3_64_intdigest

    return np.fromiter(map(xxh3_64_intdigest, arrays), dtype=np.uint64, count=len(arrays))


def levels_file(donor_name: str) -> str:
    """Name of the file of a donor's levels."""
    return f"levels-{donor_name}.npy"


def calls_file(donor_name: str) -> str:
    """Name of the file of a donor's present/absent calls."""
    return f"calls-{donor_name}.npy"


def table_file(table: str) -> str:
    """Name of the file of a table."""
    return f"{table}.arrow"


def is_store(path: Path) -> bool:
    """Whether a folder is a store, of whatever version."""
    return (path / MANIFEST).is_file()


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a store.

    Raises
    ------
    StoreError
        If it is missing, damaged, or of another version of the format.
    """
    file = path / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path} is not a store of jugex, because it has no {MANIFEST}; {_REBUILD}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{file} cannot be read ({tell_problem(error)}); {_REBUILD_STORE}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_NAME:
        raise StoreError(f"{file} is not the manifest of a store of jugex; give another folder, or {_REBUILD_STORE}")
    _check_version(content.get("format_version"), path)
    try:
        return Manifest.from_json(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file} is incomplete or changed ({error}); {_REBUILD_STORE}") from error


def _check_version(version: Any, path: Path) -> None:
    if not isinstance(version, int) or version < FORMAT_VERSION:
        raise StoreError(
            f"the store {path} has version {version!r} of the format, but this jugex reads version {FORMAT_VERSION}; "
            f"{_REBUILD}"
        )
    if version > FORMAT_VERSION:
        raise StoreError(
            f"the store {path} was built by a newer jugex (version {version} of the format, but this one reads version "
            f"{FORMAT_VERSION}); upgrade jugex, or {_REBUILD}"
        )


def check_files(path: Path, manifest: Manifest) -> None:
    """Refuse a store with a file that is missing or has another size; the files are not read.

    Raises
    ------
    StoreError
        If there is such a file; the message names the first.
    """
    for file in manifest.files:
        name = file.name
        try:
            n_bytes = (path / name).stat().st_size
        except FileNotFoundError:
            raise StoreError(f"the store {path} lacks the file {name}; {_REBUILD}") from None
        except OSError as error:
            raise StoreError(f"{path / name} cannot be read ({error})") from error
        if n_bytes != file.bytes:
            raise StoreError(
                f"the store {path} was changed: {name} has {n_bytes:,} bytes instead of {file.bytes:,}; {_REBUILD}"
            )


# --- the atlas


class StoreAtlas(ExpressionAtlas):
    """The Allen Human Brain Atlas, from a store that `jugex.atlas.building.build_store` made.

    Opening reads the annotation and compares it with its checksums. Levels stay on disk, and are read in blocks when
    most probes are needed, so that memory holds only the result. Rows that are read for the first time are compared
    with their checksums before they are returned.

    Levels are float32 (``identity().source.precision``), those of the archives rounded to about 7 digits, which halves
    the store: results differ from those of `ArchivesAtlas`, which reads the archives as float64, from the 6th digit on.

    Parameters
    ----------
    path : str or Path
        Folder of the store.

    Raises
    ------
    StoreError
        If the store has another version of the format, or a file is missing, has another size, or is damaged; later, if
        a row of levels or calls that is read is damaged.

    Attributes
    ----------
    manifest : Manifest
        What the store holds, and what it was built from.

    Examples
    --------
    >>> # not run: needs a store, which `jugex.build_store` makes of the donor archives
    >>> from jugex.atlas import StoreAtlas
    >>> StoreAtlas("ahba/store").manifest  # doctest: +SKIP
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = expand_home(path).resolve()
        self.manifest = read_manifest(self.path)
        check_files(self.path, self.manifest)
        self.space = self.manifest.space
        self.samples, self.probes, self.donors, self.structures = (self._read_table(table) for table in TABLES)
        self._donor_numbers = {name: number for number, name in enumerate(self.manifest.n_samples)}
        self._check_counts()
        self._moments = self._read_array(MOMENTS, (len(self._donor_numbers), 2, self.manifest.n_probes), np.float64)
        self._open_rows()
        self._donor_of_sample = self.samples["donor_name"].map(self._donor_numbers).to_numpy()
        self._column_of_sample = self.samples["sample"].to_numpy()
        self._all_rows: Rows = np.arange(len(self.samples), dtype=np.intp)
        self._all_groups = list(self._group_rows(self._all_rows))

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self.manifest.name

    def verify(self) -> None:
        """Compare the SHA-256 of all files with those taken when the store was built.

        Raises
        ------
        StoreError
            If a file was changed.
        """
        check_files(self.path, self.manifest)
        changed = []
        for file in track(self.manifest.files, description="checksums of the store"):
            path = self.path / file.name
            try:
                if FileRecord.of(path).sha256 != file.sha256:
                    changed.append(path.name)
            except OSError as error:
                raise StoreError(f"{path} cannot be read ({tell_problem(error)}); {_REBUILD_STORE}") from error
        if changed:
            raise StoreError(
                f"the store {self.path} was changed: the SHA-256 of {', '.join(changed)} differs from the manifest's; "
                f"{_REBUILD}"
            )

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        return AtlasSource(
            "store",
            path=str(self.path),
            precision="float32",
            built_by=f"jugex {self.manifest.jugex_version}",
            store_sha256=self.manifest.sha256,
            files=tuple(file for file in self.manifest.sources if file.donor_name in donor_names),
        )

    def _has_calls_of(self, donor_names: Collection[str]) -> bool:
        return set(donor_names) <= set(self._calls)

    def __reduce__(self) -> tuple[type[StoreAtlas], tuple[Path]]:
        return StoreAtlas, (self.path,)  # another process opens the same files instead of receiving their content

    def _read_whole(self, name: str) -> bytes:
        """Content of a file, compared with its checksum."""
        from xxhash import xxh3_64_hexdigest

        path, expected = self.path / name, {file.name: file.xxh3 for file in self.manifest.files}
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({tell_problem(error)}); {_REBUILD_STORE}") from error
        if xxh3_64_hexdigest(content) != expected.get(name):
            raise StoreError(
                f"{path} is damaged: its checksum differs from the one taken when it was built; {_REBUILD_STORE}"
            )
        return content

    def _read_table(self, table: str) -> pd.DataFrame:
        import pyarrow

        content = self._read_whole(table_file(table))
        try:
            read = pyarrow.ipc.open_file(pyarrow.py_buffer(content)).read_all()
            frame: pd.DataFrame = read.to_pandas(use_threads=False)  # starting threads takes longer than reading
            return frame
        except (pyarrow.ArrowException, OSError) as error:
            raise StoreError(f"{self.path / table_file(table)} cannot be read ({error}); {_REBUILD_STORE}") from error

    def _read_array(self, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
        content = self._read_whole(name)
        try:
            array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        except ValueError as error:
            raise StoreError(f"{self.path / name} cannot be read ({error}); {_REBUILD_STORE}") from error
        if array.shape != shape or array.dtype != dtype:
            raise StoreError(
                f"{self.path / name} holds {array.dtype} of shape {array.shape}, where {np.dtype(dtype)} of shape "
                f"{shape} is needed; {_REBUILD_STORE}"
            )
        return array

    def _check_counts(self) -> None:
        n_probes, n_samples = self.manifest.n_probes, self.manifest.n_samples
        counts = self.samples["donor_name"].value_counts(sort=False).to_dict()
        if counts != n_samples or len(self.probes) != n_probes or list(self.donors["donor_name"]) != list(n_samples):
            raise StoreError(
                f"the store {self.path} contradicts itself: its tables have other numbers of samples, probes or donors "
                f"than its {MANIFEST}; {_REBUILD}"
            )

    def _open_rows(self) -> None:
        manifest = self.manifest
        names = manifest.list_checksummed_files()
        n_blocks = -(-manifest.n_probes // _PROBES_PER_BLOCK)
        checksums = self._read_array(CHECKSUMS, (len(names), manifest.n_probes + n_blocks), np.uint64)
        checksums_of = dict(zip(names, checksums, strict=True))
        self._levels = {
            name: _ChecksummedRows(
                self.path / levels_file(name), np.dtype("<f4"), (manifest.n_probes, n), checksums_of[levels_file(name)]
            )
            for name, n in manifest.n_samples.items()
        }
        self._calls = {
            name: _ChecksummedRows(
                self.path / calls_file(name),
                np.dtype("u1"),
                (manifest.n_probes, -(-n // 8)),
                checksums_of[calls_file(name)],
            )
            for name, n in manifest.n_samples.items()
            if name in manifest.with_calls
        }

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float32]:
        levels = np.empty((len(probe_rows), len(sample_rows)), dtype=np.float32)
        for donor_name, places, columns in self._group_samples(sample_rows):
            for targets, block in self._levels[donor_name].read(probe_rows):
                levels[_index_grid(targets, places)] = block[:, columns]
        return levels.T

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        mean, sd = self._moments[self._donor_numbers[donor_name]]
        return mean[probe_rows], sd[probe_rows]

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        calls = np.empty((len(probe_rows), len(sample_rows)), dtype=bool)
        for donor_name, places, columns in self._group_samples(sample_rows):
            if donor_name not in self._calls:
                raise StoreError(
                    f"the store {self.path} has no present/absent calls of donor {donor_name}, whose archive held no "
                    f"PACall.csv; leave the donor out, or build the store again from complete archives"
                )
            for targets, block in self._calls[donor_name].read(probe_rows):
                calls[_index_grid(targets, places)] = np.unpackbits(block, axis=1)[:, columns]
        return calls.T

    def _group_samples(self, sample_rows: Rows) -> Iterable[_Group]:
        return self._all_groups if np.array_equal(sample_rows, self._all_rows) else self._group_rows(sample_rows)

    def _group_rows(self, sample_rows: Rows) -> Iterator[_Group]:
        """For each donor: its name, the places of its samples in `sample_rows`, and their columns in its files."""
        numbers, columns = self._donor_of_sample[sample_rows], self._column_of_sample[sample_rows]
        for donor_name, number in self._donor_numbers.items():
            places = np.flatnonzero(numbers == number)
            if len(places):
                yield donor_name, as_slice(places), as_slice(columns[places])


def _index_grid(rows: slice | Rows, columns: slice | Rows) -> tuple[Any, Any]:
    """Index of all rows in all columns, because NumPy pairs two index arrays element by element."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        return rows, columns
    return rows[:, np.newaxis], columns


# --- rows of a file, and their checksums


class _ChecksummedRows:
    """A file with one row per probe, of which each row is compared with its checksum when it is first read.

    The file is read, not mapped: if a mapped file is cut short, or its disk fails, the system kills the process, and
    mapped pages count as memory of the process as long as the map exists.

    Parameters
    ----------
    path : Path
        The file: a header, which is skipped, and rows of equal length.
    dtype : dtype
        Type of the values.
    shape : tuple of int
        Number of rows, and of values per row.
    checksums : ndarray of shape (rows + blocks,), uint64
        XXH3 of each row, and of each block of rows.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, int], checksums: Checksums) -> None:
        self._path, self._dtype, self._checksums = path, dtype, checksums
        self._n_rows, self._n_columns = shape
        self._is_checked = np.zeros(len(checksums), dtype=bool)
        self._row_bytes = self._n_columns * dtype.itemsize
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._file)
            self._offset = os.fstat(self._file).st_size - self._n_rows * self._row_bytes
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({tell_problem(error)}); {_REBUILD_STORE}") from error
        if self._offset < 0:
            raise StoreError(f"{path} holds fewer rows than the store has probes; {_REBUILD_STORE}")
        self._seeking = threading.Lock()

    def read(self, probe_rows: Rows) -> Iterator[tuple[slice | Rows, npt.NDArray[Any]]]:
        """Yield rows, with their places in `probe_rows`.

        Few rows come at once, those that follow each other in the file in one piece; more of them in the order of the
        file, a block at a time.
        """
        n_rows = self._n_rows
        if len(probe_rows) < _SHARE_READ_SINGLY * n_rows:
            rows = np.empty((len(probe_rows), self._n_columns), dtype=self._dtype)
            places, n_bytes = rows.reshape(-1).view(np.uint8).data, self._row_bytes
            cuts = np.flatnonzero(np.diff(probe_rows) != 1) + 1
            for first, end in pairwise(np.unique([0, *cuts, len(probe_rows)]).tolist()):
                self._read_into(
                    places[first * n_bytes : end * n_bytes], self._offset + int(probe_rows[first]) * n_bytes
                )
            self._check_rows(rows, probe_rows)
            yield slice(None), rows
            return
        order = np.argsort(probe_rows, kind="stable")
        sorted_rows = probe_rows[order]
        buffer = np.empty((_PROBES_PER_BLOCK, self._n_columns), dtype=self._dtype)
        for number, start in enumerate(range(0, n_rows, _PROBES_PER_BLOCK)):
            first, last = np.searchsorted(sorted_rows, [start, start + _PROBES_PER_BLOCK])
            if first == last:
                continue
            block = buffer[: n_rows - start]
            self._read_into(block.reshape(-1).view(np.uint8).data, self._offset + start * self._row_bytes)
            if not self._is_checked[n_rows + number]:
                if _checksum([block])[0] != self._checksums[n_rows + number]:
                    self._check_rows(block, np.arange(start, start + len(block)))
                self._is_checked[n_rows + number] = True
            yield as_slice(order[first:last]), block[as_slice(sorted_rows[first:last] - start)]

    def _read_into(self, target: memoryview, offset: int) -> None:
        while target:
            try:
                n = self._read_at(target, offset)
            except OSError as error:
                raise StoreError(f"{self._path} cannot be read ({tell_problem(error)}); {_REBUILD_STORE}") from error
            if not n:
                raise StoreError(f"{self._path} has become shorter since it was opened; {_REBUILD_STORE}")
            target, offset = target[n:], offset + n

    def _read_at(self, target: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [target], offset)
        with self._seeking:  # Windows
            os.lseek(self._file, offset, os.SEEK_SET)
            content = os.read(self._file, len(target))
        target[: len(content)] = content
        return len(content)

    def _check_rows(self, rows: npt.NDArray[Any], probe_rows: Rows) -> None:
        """Compare rows with their checksums, each row once while the store is open."""
        is_new = ~self._is_checked[probe_rows]
        if not is_new.any():
            return
        rows, probe_rows = (rows, probe_rows) if is_new.all() else (rows[is_new], probe_rows[is_new])
        is_damaged = _checksum(rows) != self._checksums[probe_rows]
        if is_damaged.any():
            n = np.count_nonzero(is_damaged)
            raise StoreError(
                f"{self._path} is damaged: {n} of the {len(rows)} probes read differ from their checksums (the first "
                f"has number {probe_rows[is_damaged][0] + 1} in the file); {_REBUILD_STORE}"
            )
        self._is_checked[probe_rows] = True
