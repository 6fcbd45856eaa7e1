"""Build the store from donor archives: completely, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import expand_home
from jugex._version import __version__
from jugex.atlas.archives import ArchivesAtlas
from jugex.atlas.base import Moments, compute_moments
from jugex.atlas.donors import DONORS, DonorsLike
from jugex.atlas.identity import FileRecord
from jugex.atlas.opening import STORE_FOLDER, default_data_folder
from jugex.atlas.store import (
    CHECKSUMS,
    MANIFEST,
    MOMENTS,
    TABLES,
    Checksums,
    Manifest,
    StoreFile,
    calls_file,
    check_files,
    checksum_rows,
    is_store,
    levels_file,
    read_manifest,
    table_file,
)
from jugex.errors import JugexError, StoreError
from jugex.progress import track

__all__ = ["BuildReport", "build_store"]

_BUILDING_PREFIX, _ASIDE_PREFIX = ".store-building-", ".store-aside-"
_LOCK = ".store.lock"
_TABLES_BYTES = 20_000_000  # allowance for tables and moments, besides the levels


@dataclass(frozen=True)
class BuildReport:
    """What `build_store` did.

    Attributes
    ----------
    path : Path
        Folder of the store.
    is_new : bool
        False if a store of the same sources was there already, so that nothing was done.
    n_donors, n_samples, n_probes : int
        What the store holds.
    n_bytes : int
        Size of the store's files together.
    has_replaced : bool
        Whether the store replaced another one.
    """

    path: Path
    is_new: bool
    n_donors: int
    n_samples: int
    n_probes: int
    n_bytes: int
    has_replaced: bool = False


def build_store(
    archives: str | os.PathLike[str],
    to: str | os.PathLike[str] | None = None,
    *,
    donors: DonorsLike | None = None,
    overwrite: bool = False,
) -> BuildReport:
    """Turn donor archives into a store that opens at once.

    The store is built in a temporary folder and renamed at the end: a build that is interrupted, or runs out of disk
    space, leaves nothing that opens, and an older store stays as it was. If two builds into one folder run at once,
    the second waits for the first.

    Parameters
    ----------
    archives : str or Path
        A folder of donor archives (ZIP files or unpacked), or one archive.
    to : str or Path, optional
        Data folder that is to hold the store; it becomes the folder ``store`` there, and nothing else in the folder
        is touched. Default: the folder that ``JUGEX_DATA`` names, else the user's data folder.
    donors : str, int or iterable of them, optional
        Donors to take, by name or id; default: all that are there.
    overwrite : bool, default False
        Whether the store may replace one that has donors, or donors' present/absent calls, that it lacks.

    Returns
    -------
    BuildReport

    Raises
    ------
    AtlasNotFoundError
        If there are no archives.
    ArchiveError
        If an archive is incomplete, damaged or contradicts itself or another one.
    StoreError
        If the store cannot be written, would lose data of the store in its place, or an archive changed while it was
        read.
    OptionError
        If a donor is unknown.

    Examples
    --------
    >>> # not run: needs the donor archives
    >>> import jugex
    >>> report = jugex.build_store("ahba/")  # doctest: +SKIP
    """
    source = ArchivesAtlas(archives, donors=donors)
    folder = (default_data_folder() if to is None else expand_home(to)).resolve()
    store = folder / STORE_FOLDER
    with _explaining_disk_errors(folder), _locked(folder):
        _clear_leftovers(folder)
        older = _read_usable_manifest(store)
        if older is not None and not overwrite:
            _refuse_losing(older, source, store)
        stamps = _stamp_sources(source)
        sources = _record_sources(source)
        if older is not None and _content_key(older.sources) == _content_key(sources):
            return _report(store, older, is_new=False)
        has_replaced = is_store(store)
        _check_space(folder, source)
        with _temporary_folder(folder) as temporary:
            manifest = _write_store(source, sources, temporary)
            _refuse_changes(stamps, source)
            _put_in_place(temporary, store)
    return _report(store, manifest, is_new=True, has_replaced=has_replaced)


def _report(store: Path, manifest: Manifest, *, is_new: bool, has_replaced: bool = False) -> BuildReport:
    n_samples = manifest.n_samples
    return BuildReport(
        path=store,
        is_new=is_new,
        n_donors=len(n_samples),
        n_samples=sum(n_samples.values()),
        n_probes=manifest.n_probes,
        n_bytes=manifest.n_bytes,
        has_replaced=has_replaced,
    )


@contextmanager
def _explaining_disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, JugexError):  # explained already
            raise
        raise StoreError(
            f"the store cannot be built in {folder} ({error.strerror or error}); make room there, or give another "
            f"folder (--to DIR); nothing was changed"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other builds out of a folder; if this process is killed, the system lifts the lock."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK):
        yield


def _clear_leftovers(folder: Path) -> None:
    """Remove what killed builds left; under the lock, no running build owns any of it."""
    for path in folder.glob(_BUILDING_PREFIX + "*"):
        shutil.rmtree(path)
    for path in folder.glob(_ASIDE_PREFIX + "*"):
        if not (folder / STORE_FOLDER).exists():  # killed between the two renames: the older store goes back
            path.rename(folder / STORE_FOLDER)
        else:
            shutil.rmtree(path)


def _stamp_sources(source: ArchivesAtlas) -> list[tuple[Path, int, int]]:
    files = [file for archive in source.archives.values() for file in archive.files]
    stats = [file.stat() for file in files]
    return [(file, stat.st_size, stat.st_mtime_ns) for file, stat in zip(files, stats, strict=True)]


def _refuse_changes(stamps: list[tuple[Path, int, int]], source: ArchivesAtlas) -> None:
    for before, now in zip(stamps, _stamp_sources(source), strict=True):
        if before != now:
            raise StoreError(f"{before[0]} was changed while it was read; build again when nothing writes to it")


def _record_sources(source: ArchivesAtlas) -> tuple[FileRecord, ...]:
    """Records of the files of all archives, with their donors."""
    archives = source.archives
    with ThreadPoolExecutor(min(len(archives), os.cpu_count() or 1)) as pool:
        checksums = pool.map(lambda archive: archive.checksums, archives.values())
        records = list(track(checksums, description="checksums of donor archives", total=len(archives)))
    return tuple(
        replace(file, donor_name=name) for name, files in zip(archives, records, strict=True) for file in files
    )


def _read_usable_manifest(store: Path) -> Manifest | None:
    """Manifest of the store at a path; None if there is none, or none that opens."""
    if not is_store(store):
        return None
    try:
        manifest = read_manifest(store)
        check_files(store, manifest)
    except StoreError:
        return None
    return manifest


def _refuse_losing(older: Manifest, source: ArchivesAtlas, store: Path) -> None:
    """Refuse to replace a store by one that lacks some of its donors, or calls of donors that both have."""
    lost_donors = [name for name in older.n_samples if name not in source.archives]
    lost_calls = [name for name in older.with_calls if name in source.archives and not source.archives[name].has_calls]
    losses = [
        what + _name_donors(names)
        for what, names in (("", lost_donors), ("the present/absent calls of ", lost_calls))
        if names
    ]
    if losses:
        raise StoreError(
            f"replacing the store {store} would lose {' and '.join(losses)}; give another folder (--to DIR), or "
            f"replace it nevertheless with jugex build --overwrite (overwrite=True)"
        )


def _name_donors(names: list[str]) -> str:
    listed = ", ".join(str(donor) for donor in DONORS if donor.donor_name in names)
    return f"{'donor' if len(names) == 1 else 'donors'} {listed}"


def _content_key(sources: tuple[FileRecord, ...]) -> list[tuple[str | None, str]]:
    return sorted((file.donor_name, file.sha256) for file in sources)  # without names: a file may have another name now


def _check_space(folder: Path, source: ArchivesAtlas) -> None:
    needed = len(source.probes) * len(source.samples) * (4 + 1 / 8) + _TABLES_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"the store needs {needed / 1e9:.1f} GB in {folder}, where {free / 1e9:.1f} GB are free; make room there, "
            f"or give another folder (--to DIR); nothing was changed"
        )


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    temporary = folder / (_BUILDING_PREFIX + uuid4().hex)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_store(source: ArchivesAtlas, sources: tuple[FileRecord, ...], folder: Path) -> Manifest:
    """Write all files of a store, its manifest last."""
    writer = _StoreWriter(folder)
    donors = _write_donors(source, writer)
    writer.write_array(MOMENTS, np.array([donor.moments for donor in donors]))
    call_checksums = [donor.calls for donor in donors if donor.calls is not None]
    writer.write_array(CHECKSUMS, np.array([*(donor.levels for donor in donors), *call_checksums]))
    for table in TABLES:
        writer.write_table(table_file(table), getattr(source, table))
    manifest = Manifest(
        jugex_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        name="Allen Human Brain Atlas",
        space=source.space,
        n_probes=len(source.probes),
        n_samples={str(name): int(n) for name, n in source.samples["donor_name"].value_counts(sort=False).items()},
        with_calls=tuple(name for name, archive in source.archives.items() if archive.has_calls),
        files=tuple(writer.files),  # all but the manifest itself
        sources=sources,
    )
    writer.write_text(MANIFEST, manifest.to_json())
    _sync_folder(folder)
    return manifest


@dataclass(frozen=True)
class _WrittenDonor:
    """What the writing of a donor returns: moments of its probes, and checksums of the rows of levels and calls."""

    moments: Moments
    levels: Checksums
    calls: Checksums | None


def _write_donors(source: ArchivesAtlas, writer: _StoreWriter) -> list[_WrittenDonor]:
    """Write levels and calls; while one donor is written to disk, the next one is read."""
    written: list[Future[_WrittenDonor]] = []
    with ThreadPoolExecutor(1) as pool:
        for name, archive in track(source.archives.items(), description="building the store", total=len(source.donors)):
            levels = source.read_levels_of(name, np.float32)
            calls = np.packbits(source.read_calls_of(name), axis=1) if archive.has_calls else None
            if written:
                written[-1].result()  # no more than two donors in memory
            written.append(pool.submit(_write_donor, writer, name, levels, calls))
        return [future.result() for future in written]


def _write_donor(
    writer: _StoreWriter, name: str, levels: npt.NDArray[np.float32], calls: npt.NDArray[np.uint8] | None
) -> _WrittenDonor:
    levels = np.ascontiguousarray(levels)
    writer.write_array(levels_file(name), levels)
    if calls is not None:
        writer.write_array(calls_file(name), calls)
    call_checksums = None if calls is None else checksum_rows(calls)
    return _WrittenDonor(compute_moments(levels), checksum_rows(levels), call_checksums)


def _put_in_place(temporary: Path, store: Path) -> None:
    aside = temporary.with_name(temporary.name.replace(_BUILDING_PREFIX, _ASIDE_PREFIX))
    if store.exists():
        store.rename(aside)
    try:
        temporary.rename(store)
    except BaseException:
        if aside.exists():
            aside.rename(store)
        raise
    _sync_folder(store.parent)
    shutil.rmtree(aside, ignore_errors=True)


class _StoreWriter:
    """Writes files into a new folder, each flushed to disk, and records them in `files`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[StoreFile] = []

    def write_array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array in C order."""
        with self._open(name) as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as an Arrow file (Feather version 2, uncompressed)."""
        import pyarrow

        content = pyarrow.Table.from_pandas(table)
        buffer = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_file(buffer, content.schema) as writer:
            writer.write_table(content)
        with self._open(name) as stream:
            stream.write(memoryview(buffer.getvalue()))

    def write_text(self, name: str, text: str) -> None:
        """Write a text in UTF-8."""
        with self._open(name) as stream:
            stream.write(text.encode())

    @contextmanager
    def _open(self, name: str) -> Iterator[_HashingStream]:
        with (self.folder / name).open("xb") as file:
            stream = _HashingStream(file)
            yield stream
            file.flush()
            os.fsync(file.fileno())  # else the rename can survive a power cut that the content does not
        self.files.append(stream.describe(name))


class _HashingStream:
    """Computes the checksums of a file while it is written, so that nothing needs to be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        from xxhash import xxh3_64

        self._file, self._sha256, self._xxh3 = file, hashlib.sha256(), xxh3_64()
        self._n_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        self._file.write(data)
        self._sha256.update(data)
        self._xxh3.update(data)
        self._n_bytes += len(data)
        return len(data)

    def describe(self, name: str) -> StoreFile:
        return StoreFile(name, self._n_bytes, self._sha256.hexdigest(), self._xxh3.hexdigest())


def _sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk, where the system can (Windows has no such call, and needs none)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
