"""The store: expression on disk that opens at once and is read where it is asked for.

A store is a folder of

- ``manifest.json``: version of the format, what the store holds, bytes and SHA-256 of its files and of its sources;
- ``samples.arrow``, ``probes.arrow``, ``donors.arrow``, ``structures.arrow``: the tables, as Arrow files;
- ``levels-DONOR.npy``: log2 levels of a donor, float32, probes x samples in C order;
- ``moments.npy``: mean and standard deviation (ddof = 0) per donor and probe, float64, donors x 2 x probes, computed in
  float64 from the levels as stored;
- ``calls-DONOR.npy``: present/absent calls as bits, probes x ceil(samples / 8), first sample in the highest bit; for
  donors whose archive holds calls.

Probes come first because a query reads a few probes of all samples: each is one piece of a file then, and a file per
donor can be written while the next donor is read. Arrow files open in a fifth of the time of Parquet ones.
`benchmarks/bench_store.py` measures the layout beside others.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.base import ExpressionAtlas, Moments, Rows, as_slice
from jugex.atlas.identity import AtlasSource, FileRecord
from jugex.errors import StoreError
from jugex.progress import track

__all__ = [
    "MANIFEST",
    "MOMENTS",
    "TABLES",
    "Manifest",
    "StoreAtlas",
    "check_files",
    "is_store",
    "name_calls",
    "name_levels",
    "name_table",
    "read_manifest",
]

#: Raised by one whenever files mean something else than before.
FORMAT_VERSION = 1
FORMAT_NAME = "jugex store"
MANIFEST = "manifest.json"
MOMENTS = "moments.npy"
TABLES = ("samples", "probes", "donors", "structures")
_REBUILD = "build it again with jugex build"

# rows of a donor's file that are read at once where most of them are needed: 1 to 4 MB
_PROBES_PER_BLOCK = 1024
# fewer probes than this share of all are picked from the mapped file; more are read in its order
_FEW_PROBES = 0.1

Levels32 = npt.NDArray[np.float32]
_Group = tuple[str, slice | Rows, slice | Rows]


# --- the files and their manifest


@dataclass(frozen=True)
class Manifest:
    """What a store holds.

    Attributes
    ----------
    jugex_version, created : str
        Which version built the store, and when (UTC, ISO 8601).
    name, space : str
        What the atlas is called, and the space of its coordinates.
    n_probes : int
        Number of probes.
    n_samples : dict from donor name to int
        Number of samples of each donor, in the order of the tables.
    with_calls : tuple of str
        Names of the donors with present/absent calls.
    files : tuple of FileRecord
        The files of the store but the manifest.
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
    files: tuple[FileRecord, ...]
    sources: tuple[FileRecord, ...]

    @property
    def n_bytes(self) -> int:
        """Size of the files together."""
        return sum(file.bytes or 0 for file in self.files)

    def to_json(self) -> str:
        """Text of the manifest's file."""
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
            "files": {file.file: {"bytes": file.bytes, "sha256": file.sha256} for file in self.files},
            "sources": [file.to_dict() for file in self.sources],
        }
        return json.dumps(content, indent=1) + "\n"

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Manifest:
        """Read what `to_json` wrote; ValueError, TypeError, KeyError or AttributeError where it is something else."""
        fields = {key: value for key, value in content.items() if key not in ("format", "format_version")}
        for key, kind in {"n_probes": int, "n_samples": dict, "with_calls": list, "sources": list}.items():
            if not isinstance(fields[key], kind):
                raise TypeError(f"{key} is no {kind.__name__}")
        files = tuple(FileRecord(name, **file) for name, file in fields["files"].items())
        sources = tuple(FileRecord(**file) for file in fields["sources"])
        return cls(**fields | {"with_calls": tuple(fields["with_calls"]), "files": files, "sources": sources})


def name_levels(donor_name: str) -> str:
    """Name of the file of a donor's levels."""
    return f"levels-{donor_name}.npy"


def name_calls(donor_name: str) -> str:
    """Name of the file of a donor's present/absent calls."""
    return f"calls-{donor_name}.npy"


def name_table(table: str) -> str:
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
        raise StoreError(f"{path} is no store of jugex: it has no {MANIFEST}; {_REBUILD}") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read ({error}); {_REBUILD}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_NAME:
        raise StoreError(f"{file} is not the manifest of a store of jugex; give another folder, or {_REBUILD}")
    _check_version(content.get("format_version"), path)
    try:
        return Manifest.from_json(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file} is incomplete or changed ({error}); {_REBUILD}") from error


def _check_version(version: Any, path: Path) -> None:
    if not isinstance(version, int) or version < FORMAT_VERSION:
        raise StoreError(
            f"the store {path} has version {version!r} of the format, and this jugex reads version {FORMAT_VERSION}; "
            f"{_REBUILD}"
        )
    if version > FORMAT_VERSION:
        raise StoreError(
            f"the store {path} was built by a newer jugex (version {version} of the format, and this one reads version "
            f"{FORMAT_VERSION}); upgrade jugex, or {_REBUILD}"
        )


def check_files(path: Path, manifest: Manifest) -> None:
    """Refuse a store with a file that is missing or has another size; nothing is read.

    Raises
    ------
    StoreError
        Naming the first such file.
    """
    for file in manifest.files:
        name = str(file.file)
        try:
            n_bytes = (path / name).stat().st_size
        except FileNotFoundError:
            raise StoreError(f"the store {path} lacks its file {name}; {_REBUILD}") from None
        except OSError as error:
            raise StoreError(f"{path / name} cannot be read ({error})") from error
        if n_bytes != file.bytes:
            raise StoreError(
                f"the store {path} was changed: {name} has {n_bytes:,} bytes instead of {file.bytes:,}; {_REBUILD}"
            )


# --- the atlas


class StoreAtlas(ExpressionAtlas):
    """The Allen Human Brain Atlas, from a store that `jugex.atlas.building.build_store` made.

    Opening reads the annotation and the sizes of the files. Levels stay on disk: they are memory-mapped, so that
    processes share them, and read in blocks where most probes are asked for, so that memory holds only the result.

    Levels are float32 (``identity().source.precision``), those of the archives rounded to some 7 digits, which halves
    the store: results differ from those of `ArchivesAtlas`, which reads the archives as float64, from the 6th digit on.

    Parameters
    ----------
    path : str or Path
        Folder of the store.

    Raises
    ------
    StoreError
        If the store is of another version of the format, or a file is missing or has another size or shape.

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
        self.path = Path(path).expanduser().resolve()
        self.manifest = read_manifest(self.path)
        check_files(self.path, self.manifest)
        self.space = self.manifest.space
        self.samples, self.probes, self.donors, self.structures = (self._read_table(table) for table in TABLES)
        self._map_arrays()
        self._check_shapes()
        self._donor_of_sample = self.samples["donor_name"].map(self._donor_numbers).to_numpy()
        self._column_of_sample = self.samples["sample"].to_numpy()
        self._all_rows: Rows = np.arange(len(self.samples), dtype=np.intp)
        self._all_groups = list(self._group_rows(self._all_rows))

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self.manifest.name

    def verify(self) -> None:
        """Compare the checksums of all files with those taken when the store was built.

        Raises
        ------
        StoreError
            If a file was changed.
        """
        check_files(self.path, self.manifest)
        changed = []
        for file in track(self.manifest.files, description="checksums of the store"):
            path = self.path / str(file.file)
            try:
                if FileRecord.of(path).sha256 != file.sha256:
                    changed.append(path.name)
            except OSError as error:
                raise StoreError(f"{path} cannot be read ({error})") from error
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
            files=tuple(file for file in self.manifest.sources if file.donor_name in donor_names),
        )

    def _has_calls_of(self, donor_names: Collection[str]) -> bool:
        return set(donor_names) <= set(self._calls)

    def __reduce__(self) -> tuple[type[StoreAtlas], tuple[Path]]:
        return StoreAtlas, (self.path,)  # another process maps the same files instead of receiving their content

    def _read_table(self, table: str) -> pd.DataFrame:
        import pyarrow

        file = self.path / name_table(table)
        try:
            content = pyarrow.ipc.open_file(pyarrow.py_buffer(file.read_bytes())).read_all()
            frame: pd.DataFrame = content.to_pandas(use_threads=False)  # starting threads takes longer than reading
            return frame
        except (pyarrow.ArrowException, OSError) as error:
            raise StoreError(f"{file} cannot be read ({error}); build the store again with jugex build") from error

    def _map_arrays(self) -> None:
        names = self.manifest.n_samples
        self._levels = {name: self._map_array(name_levels(name)) for name in names}
        self._calls = {name: self._map_array(name_calls(name)) for name in self.manifest.with_calls}
        self._moments = self._map_array(MOMENTS)
        self._donor_numbers = {name: number for number, name in enumerate(names)}

    def _map_array(self, name: str) -> np.memmap[Any, Any]:
        try:
            return np.lib.format.open_memmap(self.path / name, mode="r")
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self.path / name} cannot be read ({error}); build the store again with jugex build"
            ) from error

    def _check_shapes(self) -> None:
        n_probes, n_samples = self.manifest.n_probes, self.manifest.n_samples
        counts = self.samples["donor_name"].value_counts(sort=False).to_dict()
        if counts != n_samples or len(self.probes) != n_probes or list(self.donors["donor_name"]) != list(n_samples):
            raise StoreError(f"the store {self.path} contradicts itself; build it again with jugex build")
        expected: dict[str, tuple[np.memmap[Any, Any], tuple[int, ...], str]] = {
            MOMENTS: (self._moments, (len(n_samples), 2, n_probes), "<f8")
        }
        for name, n in n_samples.items():
            expected[name_levels(name)] = (self._levels[name], (n_probes, n), "<f4")
            if name in self._calls:
                expected[name_calls(name)] = (self._calls[name], (n_probes, -(-n // 8)), "|u1")
        for file, (array, shape, dtype) in expected.items():
            if array.shape != shape or array.dtype.str != dtype or not array.flags.c_contiguous:
                raise StoreError(
                    f"{self.path / file} holds {array.dtype.str} of shape {array.shape}, where {dtype} of shape "
                    f"{shape} is needed; build the store again with jugex build"
                )

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels32:
        levels = np.empty((len(probe_rows), len(sample_rows)), dtype=np.float32)
        for donor_name, places, columns in self._group_samples(sample_rows):
            source = self._levels[donor_name]
            if len(probe_rows) < _FEW_PROBES * len(source):
                levels[:, places] = source[probe_rows][:, columns]
                _let_go(source)
            else:
                for targets, block in _read_blocks(source, probe_rows):
                    levels[_cross(targets, places)] = block[:, columns]
        return levels.T

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        mean, sd = np.asarray(self._moments[self._donor_numbers[donor_name]])
        return mean[probe_rows], sd[probe_rows]

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        calls = np.empty((len(probe_rows), len(sample_rows)), dtype=bool)
        for donor_name, places, columns in self._group_samples(sample_rows):
            if donor_name not in self._calls:
                raise StoreError(
                    f"the store {self.path} has no present/absent calls of donor {donor_name}, whose archive held no "
                    f"PACall.csv; leave the donor out, or build the store again from complete archives"
                )
            bits = self._calls[donor_name][probe_rows]
            calls[:, places] = np.unpackbits(bits, axis=1)[:, columns]
        return calls.T

    def _group_samples(self, sample_rows: Rows) -> Iterable[_Group]:
        return self._all_groups if np.array_equal(sample_rows, self._all_rows) else self._group_rows(sample_rows)

    def _group_rows(self, sample_rows: Rows) -> Iterator[_Group]:
        """Per donor: its name, which of the samples asked for are its own, and their columns in its files."""
        numbers, columns = self._donor_of_sample[sample_rows], self._column_of_sample[sample_rows]
        for donor_name, number in self._donor_numbers.items():
            places = np.flatnonzero(numbers == number)
            if len(places):
                yield donor_name, as_slice(places), as_slice(columns[places])


def _cross(rows: slice | Rows, columns: slice | Rows) -> tuple[Any, Any]:
    """Index of all rows in all columns; NumPy would pair two arrays element by element."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        return rows, columns
    return rows[:, np.newaxis], columns


def _read_blocks(source: np.memmap[Any, Any], probe_rows: Rows) -> Iterator[tuple[slice | Rows, Levels32]]:
    """Rows of an array in the order of its file, a block at a time: places in `probe_rows`, and those rows.

    Reading, not mapping: a page that was mapped counts as this process's memory for as long as the map is there.
    """
    order = np.argsort(probe_rows, kind="stable")
    ranked = probe_rows[order]
    buffer = np.empty((_PROBES_PER_BLOCK, source.shape[1]), dtype=source.dtype)
    with Path(str(source.filename)).open("rb", buffering=0) as stream:
        for start in range(0, len(source), _PROBES_PER_BLOCK):
            first, last = np.searchsorted(ranked, [start, start + _PROBES_PER_BLOCK])
            if first == last:
                continue
            block = buffer[: len(source) - start]
            stream.seek(source.offset + start * source.strides[0])
            _read_into(stream, block)
            yield as_slice(order[first:last]), block[as_slice(ranked[first:last] - start)]


def _let_go(source: np.memmap[Any, Any]) -> None:
    """Count pages that were read of a mapped file no longer as this process's memory; the system keeps them at hand."""
    mapped = getattr(source, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _read_into(stream: Any, block: Levels32) -> None:
    wanted = memoryview(block.data).cast("B")
    n_read = 0
    while n_read < len(wanted):
        n = stream.readinto(wanted[n_read:])
        if not n:
            raise StoreError(f"{stream.name} was cut short since it was opened; build the store again with jugex build")
        n_read += n
