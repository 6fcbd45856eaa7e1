"""One donor's archive, as a ZIP file or an unpacked folder: its files, and its expression once that is asked for."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from jugex.atlas.allen import Donor, tell_donor
from jugex.atlas.expression import read_calls, read_expression
from jugex.errors import ArchiveError

__all__ = [
    "CALLS",
    "EXPRESSION",
    "ONTOLOGY",
    "PROBES",
    "SAMPLES",
    "DonorArchive",
    "looks_like_archive",
    "tell_donor_of",
]

EXPRESSION = "MicroarrayExpression.csv"
SAMPLES = "SampleAnnot.csv"
PROBES = "Probes.csv"
ONTOLOGY = "Ontology.csv"
CALLS = "PACall.csv"
_MEMBERS = (SAMPLES, PROBES, ONTOLOGY, EXPRESSION)  # without these there is no atlas; calls may be absent
# far above any real file (1 GB of levels, 0.1 GB of calls, tables of a few MB): what says more is no donor archive
_MAX_BYTES = {EXPRESSION: 8 << 30, CALLS: 2 << 30}
_MAX_TABLE_BYTES = 256 << 20

# what zipfile raises for a file that is no ZIP, cut short, damaged, encrypted or packed in an unknown way
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class DonorArchive:
    """The archive of one donor; nothing of it is extracted to disk.

    Attributes
    ----------
    path : Path
        The ZIP file, or the folder that holds the files.
    donor : Donor
        Whose archive it is.
    """

    path: Path
    donor: Donor

    def describe(self, member: str) -> str:
        """Say what errors call a file of the archive."""
        return f"donor {self.donor}, {member} in {self.path}"

    @contextmanager
    def open(self, member: str) -> Iterator[IO[bytes]]:
        """Open a file of the archive by its base name.

        Raises
        ------
        ArchiveError
            Where it is missing, absurdly large, or cannot be read to its end.
        """
        try:
            with self._open_zipped(member) if self.path.is_file() else self._open_unpacked(member) as stream:
                yield stream
        except _DAMAGE as error:
            raise ArchiveError(
                f"{self.describe(member)} is damaged ({error}); download the archive again from "
                f"{self.donor.archive_url}"
            ) from error
        except OSError as error:
            raise ArchiveError(f"{self.describe(member)} cannot be read ({error})") from error

    def read(self, member: str) -> bytes:
        """Whole content of a file of the archive."""
        with self.open(member) as stream:
            return stream.read()

    def check_members(self) -> None:
        """Refuse an archive that lacks one of its files, before anything large is read."""
        for member in _MEMBERS:
            with self.open(member):
                pass

    def read_levels(
        self, *, probe_ids: npt.ArrayLike, well_ids: Sequence[int], dtype: type[np.floating[Any]] = np.float64
    ) -> npt.NDArray[Any]:
        """Log2 levels, shape (p probes, n samples); see `jugex.atlas.expression.read_expression`."""
        return read_expression(
            lambda: self.open(EXPRESSION),
            probe_ids=probe_ids,
            well_ids=well_ids,
            source=self.describe(EXPRESSION),
            dtype=dtype,
        )

    @cached_property
    def has_calls(self) -> bool:
        """Whether the archive holds present/absent calls."""
        if self.path.is_dir():
            return (self.path / CALLS).is_file()
        with zipfile.ZipFile(self.path) as archive:
            return any(PurePosixPath(name).name == CALLS for name in archive.namelist())

    def read_calls(self, *, probe_ids: npt.ArrayLike, well_ids: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Present/absent calls, shape (p probes, n samples); see `jugex.atlas.expression.read_calls`."""
        return read_calls(lambda: self.open(CALLS), probe_ids=probe_ids, well_ids=well_ids, source=self.describe(CALLS))

    @property
    def files(self) -> list[Path]:
        """The files that are read: the ZIP, or those of the folder."""
        if self.path.is_file():
            return [self.path]
        return [self.path / member for member in (*_MEMBERS, *([CALLS] if self.has_calls else []))]

    @cached_property
    def checksums(self) -> list[dict[str, Any]]:
        """Name, bytes and SHA-256 of the files that are read."""
        try:
            return [_describe_file(file, self.path.parent) for file in self.files]
        except OSError as error:
            raise ArchiveError(f"donor {self.donor}, {self.path} cannot be read any more ({error})") from error

    @contextmanager
    def _open_zipped(self, member: str) -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(self.path) as archive:
            names = [name for name in archive.namelist() if PurePosixPath(name).name == member]
            if len(names) != 1:
                found = "is missing" if not names else f"is there {len(names)} times ({', '.join(names)})"
                raise ArchiveError(
                    f"{self.describe(member)} {found}; download the archive again from {self.donor.archive_url}"
                )
            # the reader stops at the size that the ZIP's directory tells: bounding that one bounds what is read
            self._refuse_size(member, archive.getinfo(names[0]).file_size)
            with archive.open(names[0]) as stream:
                yield stream

    @contextmanager
    def _open_unpacked(self, member: str) -> Iterator[IO[bytes]]:
        file = self.path / member
        if not file.is_file():
            raise ArchiveError(f"{self.describe(member)} is missing; unpack the archive again, all of it")
        self._refuse_size(member, file.stat().st_size)
        with file.open("rb") as stream:
            yield stream

    def _refuse_size(self, member: str, n_bytes: int) -> None:
        limit = _MAX_BYTES.get(member, _MAX_TABLE_BYTES)
        if n_bytes > limit:
            raise ArchiveError(
                f"{self.describe(member)} has {n_bytes:,} bytes unpacked, where at most {limit:,} make sense; "
                f"download the archive again from {self.donor.archive_url}"
            )


def looks_like_archive(path: Path) -> bool:
    """Whether a ZIP file or folder holds files of a donor archive, whatever it is called."""
    if path.is_dir():
        return any((path / member).is_file() for member in _MEMBERS)
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name in _MEMBERS for name in archive.namelist())
    except (*_DAMAGE, OSError):
        return False


def tell_donor_of(path: Path) -> Donor | None:
    """Donor of an archive by its name, or else by the folder inside the ZIP; None where neither tells."""
    donor = tell_donor(path.name)
    if donor is None and path.is_file() and looks_like_archive(path):
        with zipfile.ZipFile(path) as archive:
            donor = tell_donor(" ".join({str(PurePosixPath(name).parent) for name in archive.namelist()}))
    return donor


def _describe_file(file: Path, folder: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": file.relative_to(folder).as_posix(), "bytes": file.stat().st_size, "sha256": digest}
