"""Write the files of a store, each on disk before it counts, with their checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["StoreWriter", "sync_folder"]


class StoreWriter:
    """Writes files into a new folder.

    Parameters
    ----------
    folder : Path
        Where to write.

    Attributes
    ----------
    files : dict from name to dict
        `bytes` and `sha256` of what was written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, Any]] = {}

    def write_array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array as ``.npy``, in C order."""
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
        """Write a text, as UTF-8."""
        with self._open(name) as stream:
            stream.write(text.encode())

    @contextmanager
    def _open(self, name: str) -> Iterator[_HashingStream]:
        with (self.folder / name).open("xb") as file:
            stream = _HashingStream(file)
            yield stream
            file.flush()
            os.fsync(file.fileno())  # else a rename can outlive a power cut that the content does not
        self.files[name] = {"bytes": stream.n_bytes, "sha256": stream.hexdigest()}


class _HashingStream:
    """Takes the checksum of what goes through, so that nothing needs to be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.n_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        self._file.write(data)
        self._hash.update(data)
        self.n_bytes += len(data)
        return len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk, where the system can (Windows has no such call, and needs none)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
