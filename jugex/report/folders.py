"""Folders and files of results, whole or not at all: what is written takes its name when it is complete."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jugex.errors import OutputError
from jugex.model.record import is_record

__all__ = ["check_output", "replacing_file", "replacing_folder"]

#: What jugex writes into the folder of a result: these names are replaced with it, everything else is the user's.
_OWN_FILES = re.compile(
    r"(results|samples|left_out|omnibus|pairs|sensitivity|comparison|gene_sets)\.tsv"
    r"|(settings|results|samples|left_out|omnibus|pairs|gene_sets)\.json|zscores\.parquet|drawings\.npz"
    r"|methods\.md|report\.html|results\.xlsx|changes\.tsv|differences\.(tsv|json|pdf|png)"
)
#: What a folder of jugex holds, by which it is known: the record of a run, or of what was made of runs.
_RECORDS = ("settings.json", "differences.json")
_OWN_FIGURES = re.compile(r"(volcano|brain|sensitivity|gene-sets|(gene|variogram)-\d+-.+)\.(svg|png)")
_OWN_FOLDERS = re.compile(r"figures|gene_sets|pair_\d+_\d+")


def check_output(directory: str | Path, *, overwrite: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Raises
    ------
    OutputError
        As for `save_result`.
    """
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise OutputError(f"{directory} is a file; name a folder that does not exist yet")
    _check_parent(directory)
    if not directory.exists() or not any(directory.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"{directory} exists and is not empty; name another folder, or pass --overwrite (in Python "
            "overwrite=True) to replace a result of jugex"
        )
    if not _holds_result(directory):
        raise OutputError(f"{directory} holds no result of jugex, so it is not overwritten; name another folder")


@contextmanager
def replacing_folder(directory: Path) -> Iterator[Path]:
    """Give a temporary folder beside `directory`, which takes its place at the end.

    Of a folder that was there before, the files that jugex did not write are kept.
    """
    token = secrets.token_hex(4)
    temporary = directory.with_name(f".{directory.name}.{token}.tmp")
    replaced = directory.with_name(f".{directory.name}.{token}.old")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
        if directory.exists():
            directory.rename(replaced)
        temporary.rename(directory)
        if replaced.exists():
            _move_foreign(replaced, directory)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{directory} cannot be written: {error.strerror or error}; name another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if replaced.exists() and not directory.exists():
            replaced.rename(directory)
        if replaced.exists() and not any(_list_foreign(replaced)):
            shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`, which takes its name at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name a file in a folder that you may write"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_parent(directory: Path) -> None:
    """Refuse a folder that cannot be made where it is asked to be."""
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
    """What lies in the folder of a result, or in the folders inside it, that jugex did not write."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and _OWN_FOLDERS.fullmatch(path.name):
            yield from _list_foreign(path, _OWN_FIGURES if path.name == "figures" else _OWN_FILES)
        elif not own_files.fullmatch(path.name):
            yield path


def _move_foreign(old: Path, new: Path) -> None:
    """Move what jugex did not write out of the folder of an older result into that of the new one."""
    for path in list(_list_foreign(old)):
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
