"""Folders and files of results, written completely or not at all: they get their name when they are complete.

Until then they lie beside their place under a hidden name, ``.NAME.TOKEN.tmp``, and are locked while their run is alive
(`flock`, which the system lifts if the process is killed). The next run into the same place can thus recognise what
killed runs left, and cleans up: it removes what is incomplete, and restores what is complete.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jugex.errors import OutputError, ResultError
from jugex.model.record import RunRecord, from_json, is_record

if sys.platform != "win32":
    import fcntl

__all__ = ["check_output", "read_settings", "replacing_file", "replacing_folder", "write_settings"]

SETTINGS = "settings.json"

#: Names that jugex writes into the folder of a result: they are replaced with it, everything else is the user's.
_OWN_FILES = re.compile(
    r"(results|samples|left_out|omnibus|pairs|sensitivity|comparison|gene_sets)\.tsv"
    r"|(settings|results|samples|left_out|omnibus|pairs|gene_sets)\.json|zscores\.parquet|drawings\.npz"
    r"|methods\.md|report\.html|results\.xlsx|changes\.tsv|differences\.(tsv|json|pdf|png)"
)
#: Tables and arrays of a result, whose checksums are in its settings; and those that may be missing.
_DATA_FILES = re.compile(
    r"(results|samples|left_out|omnibus|pairs|sensitivity|gene_sets)\.tsv|zscores\.parquet|drawings\.npz"
)
_OPTIONAL = ("sensitivity.tsv", "drawings.npz")
#: Tables that are read where the record says that they are there, and nowhere else.
_NEVER_READ = ("pairs.tsv", "gene_sets.tsv")
#: Files by which a folder of jugex is recognised: the record of a run, or of what was made from runs.
_RECORDS = ("settings.json", "differences.json")
_OWN_FIGURES = re.compile(r"(volcano|brain|sensitivity|gene-sets|(gene|variogram)-\d+-.+)\.(svg|png)")
_OWN_FOLDERS = re.compile(r"figures|gene_sets|pair_\d+_\d+")

_ATOMIC_SWAP = 2  # RENAME_EXCHANGE of Linux's renameat2, and RENAME_SWAP of macOS's renamex_np


def check_output(directory: str | Path, *, overwrite: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Raises
    ------
    OutputError
        As for `save_result`.
    """
    named, directory = Path(directory), _find_target(Path(directory))
    _put_right(directory)
    if directory.exists() and not directory.is_dir():
        raise OutputError(f"{named} is a file; name a folder that does not exist yet")
    _check_parent(directory)
    if not directory.exists() or not any(directory.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"{named} exists and is not empty; name another folder, or pass --overwrite (in Python "
            "overwrite=True) to replace a result of jugex"
        )
    if not _holds_result(directory):
        raise OutputError(f"{named} holds no result of jugex, so it is not overwritten; name another folder")


@contextmanager
def replacing_folder(directory: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `directory`, which takes its place at the end.

    If `directory` is a symbolic link, its target is written. With `overwrite`, an existing folder is exchanged for the
    new one, in one step if the system can do that; before, files in it that jugex did not write are linked into the
    new folder. Without `overwrite`, a folder that another run has filled meanwhile is left unchanged.
    """
    named, directory = directory, _find_target(directory)
    is_written = False
    with _explaining(named, directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        _put_right(directory)
        temporary, lock = _make_locked(directory, is_folder=True)
        try:
            try:
                yield temporary
                is_written = _put_in_place(temporary, directory, overwrite=overwrite)
            finally:
                _discard(temporary, directory)
                _unlock(lock)
        except KeyboardInterrupt:
            if is_written:
                raise KeyboardInterrupt(f"{named} was written before that") from None
            raise


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, which gets its name at the end.

    If `path` is a symbolic link, its target is written. A device such as ``/dev/stdout`` is written to directly.
    """
    named, is_device = path, path.exists() and not path.is_file() and not path.is_dir()
    path = path if is_device else _find_target(path)
    with _explaining(named, path, advice="name a file in a folder that you may write"):
        if is_device:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                temporary = Path(folder) / "written"
                yield temporary
                with path.open("wb") as stream:
                    stream.write(temporary.read_bytes())
            return
        _put_right(path)
        temporary, lock = _make_locked(path, is_folder=False)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            _unlock(lock)


@contextmanager
def _explaining(named: Path, target: Path, advice: str = "name another folder") -> Iterator[None]:
    """Turn errors of writing into ones that name the user's path, not that of a temporary file."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise OutputError(
                f"{named} cannot be written: the disk of {target.parent} is full; make room there, or write to another "
                "disk; what was there is unchanged"
            ) from error
        raise OutputError(f"{named} cannot be written: {error.strerror or error}; {advice}") from error


def _find_target(path: Path) -> Path:
    """Resolve a path to an absolute one, so that a change of the working folder does not matter."""
    try:
        return Path(os.path.realpath(path, strict=False))
    except OSError as error:  # a name that is too long
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; name another folder") from error


# --- the settings of a result, and the checksums of its data


def write_settings(folder: Path, content: dict[str, Any]) -> None:
    """Write ``settings.json`` after all other files of a folder, with the SHA-256 of the data and of itself.

    Parameters
    ----------
    folder : Path
        Folder of a result that is complete except for its settings.
    content : dict
        What `jugex.model.record.to_json` returned. Two keys are added: `files`, the SHA-256 of each table and array by
        file name, and `sha256`, that of everything else as JSON without white space and with sorted keys.
    """
    paths = sorted(path for path in folder.iterdir() if _DATA_FILES.fullmatch(path.name))
    content = content | {"files": {path.name: _hash_file(path) for path in paths}}
    content["sha256"] = _hash_content(content)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / SETTINGS).write_text(text, encoding="utf-8")


def read_settings(directory: Path) -> RunRecord:
    """Read the settings of a result, and compare its data with their checksums.

    Raises
    ------
    ResultError
        If the settings, or a table or array of the folder, are not what was written.
    OSError, ValueError
        If a file cannot be read.
    """
    path = directory / SETTINGS
    text = path.read_text(encoding="utf-8")
    record = from_json(text, source=str(path))
    content: dict[str, Any] = json.loads(text)
    again = "run the comparison again (its command stands in settings.json), or take the folder from a copy"
    digest, files = content.pop("sha256", None), content.get("files")
    if not isinstance(files, dict) or not isinstance(digest, str):
        raise ResultError(f"{path} holds no checksums: it was written by a draft of jugex, or was changed; {again}")
    if digest != _hash_content(content):
        raise ResultError(f"{path} was changed since jugex wrote it, or is damaged: its SHA-256 is another; {again}")
    there = {file.name for file in directory.iterdir() if _DATA_FILES.fullmatch(file.name)}
    for name in sorted(there | files.keys() - set(_OPTIONAL)):
        if name not in files:
            if name in _NEVER_READ:
                continue  # a user's own file
            raise ResultError(f"{directory / name} is no part of the result that lies beside it; move it elsewhere")
        if name not in there:
            raise ResultError(f"{directory} lacks its file {name}; {again}")
        if _hash_file(directory / name) != files[name]:
            raise ResultError(
                f"{directory / name} was changed since jugex wrote it, or is damaged: its SHA-256 is another than the "
                f"one in settings.json; {again}"
            )
    return record


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hash_content(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# --- putting a folder in the place of another


def _put_in_place(temporary: Path, directory: Path, *, overwrite: bool) -> bool:
    """Give a new folder its name; True, or an OutputError if another run has filled the folder meanwhile."""
    if directory.exists():
        shutil.copymode(directory, temporary)
        if overwrite and any(directory.iterdir()):
            check_output(directory, overwrite=True)  # it may have changed during the work
            for path in _list_foreign(directory):
                _link(path, temporary / path.relative_to(directory))
            if not _exchange(temporary, directory):
                _replace_in_two_steps(temporary, directory)
            return True
        if os.name == "nt":
            with suppress(OSError):
                directory.rmdir()  # Windows cannot rename to an existing folder
    try:
        temporary.rename(directory)  # the system refuses this if the folder exists and is not empty
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST} or isinstance(error, FileExistsError):
            raise OutputError(
                f"{directory} was written by another run meanwhile and is kept as it is; name another folder, or pass "
                "--overwrite (in Python overwrite=True) to replace a result of jugex"
            ) from error
        raise
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False if this system, or this disk, cannot."""
    import ctypes

    if os.name != "posix":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        here = -100  # AT_FDCWD
        status = library.renameat2(here, names[0], here, names[1], _ATOMIC_SWAP)
    elif hasattr(library, "renamex_np"):
        status = library.renamex_np(*names, _ATOMIC_SWAP)
    else:
        return False
    code = ctypes.get_errno()
    if status and code not in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
        raise OSError(code, os.strerror(code), str(other))
    return not status


def _replace_in_two_steps(temporary: Path, directory: Path) -> None:
    """Move the older folder aside and the new one into its place; if killed in between, the next run cleans up."""
    aside = temporary.with_suffix(".old")
    lock = _lock(directory)  # which goes with it
    directory.rename(aside)
    try:
        temporary.rename(directory)
    except BaseException:
        aside.rename(directory)
        raise
    finally:
        _unlock(lock)
    _discard(aside, directory)


def _link(path: Path, target: Path) -> None:
    """Link a user's file or folder into a second place; it is copied if the disk has no hard links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        target.mkdir(exist_ok=True)
        shutil.copymode(path, target)
        for inside in path.iterdir():
            _link(inside, target / inside.name)
        return
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, target, follow_symlinks=False)


# --- what killed runs leave


def _make_locked(place: Path, *, is_folder: bool) -> tuple[Path, int | None]:
    """Make a temporary folder or file beside its place, locked while this process is alive."""
    while True:
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir() if is_folder else temporary.touch(exist_ok=False)
        with suppress(FileNotFoundError):  # another run took it for a leftover before it was locked
            lock = _lock(temporary)
            if temporary.exists():
                return temporary, lock
            _unlock(lock)


def _lock(path: Path) -> int | None:
    """Lock a folder or file; None if the system cannot."""
    if sys.platform == "win32":
        return None
    lock = os.open(path, os.O_RDONLY)
    with suppress(OSError):  # some network disks have no locks
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _put_right(place: Path) -> None:
    """Clean up what killed runs left beside this place, without losing anything that a user made."""
    if sys.platform == "win32" or not place.parent.is_dir():
        return
    pattern = re.compile(rf"\.{re.escape(place.name)}\.[0-9a-f]{{8}}\.(tmp|old)")
    with suppress(OSError):  # a folder that cannot be listed
        for path in sorted(path for path in place.parent.iterdir() if pattern.fullmatch(path.name)):
            with suppress(OSError):  # it is gone, or may not be locked
                lock = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if path.suffix == ".old" and not place.exists():
                        path.rename(place)
                    else:
                        _discard(path, place)
                finally:
                    os.close(lock)


def _discard(left: Path, place: Path) -> None:
    """Remove a run's folder or file, but keep files of the user that exist nowhere else."""
    if not stat.S_ISDIR(_mode(left)):
        left.unlink(missing_ok=True)
        return
    for path in list(_list_foreign(left)):
        _rescue(path, place / path.relative_to(left))
    shutil.rmtree(left, ignore_errors=True)


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def _rescue(path: Path, target: Path) -> None:
    """Move a user's file back to its place, unless the place has this version or a later one."""
    if path.is_dir() and not path.is_symlink():
        for inside in list(path.iterdir()):
            _rescue(inside, target / inside.name)
        return
    if not os.path.lexists(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    elif path.lstat().st_ino != target.lstat().st_ino and path.lstat().st_mtime > target.lstat().st_mtime:
        path.replace(target)


def _check_parent(directory: Path) -> None:
    """Refuse a folder that cannot be made at its path."""
    above = next(folder for folder in directory.absolute().parents if folder.exists())
    if not above.is_dir():
        raise OutputError(f"{directory} cannot be made: {above} is a file; name another folder")
    if not os.access(above, os.W_OK):
        raise OutputError(f"{directory} cannot be made: you are not allowed to write in {above}; name another folder")


def _holds_result(directory: Path) -> bool:
    for name in _RECORDS:
        with suppress(OSError, ValueError):
            if is_record((directory / name).read_text(encoding="utf-8")):
                return True
    return False


def _list_foreign(folder: Path, own_files: re.Pattern[str] = _OWN_FILES) -> Iterator[Path]:
    """Files in the folder of a result and its subfolders that jugex did not write."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and _OWN_FOLDERS.fullmatch(path.name):
            yield from _list_foreign(path, _OWN_FIGURES if path.name == "figures" else _OWN_FILES)
        elif not own_files.fullmatch(path.name):
            yield path
