"""Whether a donor archive is whole, every byte and every table, and whether it has changed since."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from jugex.atlas.donor_archive import CALLS, EXPRESSION, ONTOLOGY, PROBES, SAMPLES, DonorArchive
from jugex.atlas.tables import parse_probes, parse_samples, parse_structures
from jugex.errors import ArchiveError, DownloadError
from jugex.progress import ByteBar

__all__ = ["CHECKSUMS_FILE", "Checksums", "check_archive"]

#: Name of the file, beside the archives, that holds their checksums as they were when they were first verified.
CHECKSUMS_FILE = "checksums.json"

_BLOCK_BYTES = 1 << 22
_TAIL_BYTES = 64


def check_archive(archive: DonorArchive, *, bar: ByteBar | None = None) -> None:
    """Read an archive to its end, without reading numbers: seconds, where parsing takes a minute.

    Parameters
    ----------
    archive : DonorArchive
        A ZIP file, whose every table is compared with its CRC, or an unpacked folder.
    bar : ByteBar, optional
        Is told how much has been read.

    Raises
    ------
    ArchiveError
        Where a file is missing or damaged, or the expression has not one row per probe and one column per sample.
    """
    archive.check_members()
    parse_structures(archive.read(ONTOLOGY), source=archive.describe(ONTOLOGY))
    n_probes = len(parse_probes(archive.read(PROBES), source=archive.describe(PROBES)))
    samples = parse_samples(
        archive.read(SAMPLES), donor_name=archive.donor.donor_name, source=archive.describe(SAMPLES)
    )
    for member in (EXPRESSION, CALLS) if archive.has_calls else (EXPRESSION,):
        with archive.open(member) as stream:
            n_rows, n_columns = _measure_table(stream, bar or ByteBar())
        if (n_rows, n_columns) != (n_probes, len(samples) + 1):
            raise ArchiveError(
                f"{archive.describe(member)} has {n_rows:,} rows of {n_columns:,} values, but {PROBES} and {SAMPLES} "
                f"ask for {n_probes:,} rows of {len(samples) + 1:,}; download the archive again from "
                f"{archive.donor.archive_url}"
            )


class Checksums:
    """SHA-256 of archives, as they were when they were first found whole.

    Parameters
    ----------
    folder : Path
        Folder of the archives; the checksums are in `CHECKSUMS_FILE` there.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CHECKSUMS_FILE

    def find(self, name: str) -> str | None:
        """SHA-256 that a file had; None where it has not been recorded."""
        recorded = self._read().get(name)
        return None if recorded is None else str(recorded["sha256"])

    def is_unchanged(self, archive: DonorArchive) -> bool:
        """Whether an archive is what was recorded; False where nothing was.

        Raises
        ------
        DownloadError
            Where it is something else.
        """
        if any(self.find(file["file"]) is None for file in archive.checksums):
            return False
        for file in archive.checksums:
            if file["sha256"] != self.find(file["file"]):
                raise DownloadError(
                    f"{archive.path.parent / file['file']} is not the file that was verified before (SHA-256 starts "
                    f"with {file['sha256'][:8]} instead of {str(self.find(file['file']))[:8]}); move it away, and "
                    f"jugex fetch downloads it anew, or remove its entry from {self.path} if you replaced it yourself"
                )
        return True

    def record(self, archive: DonorArchive) -> None:
        """Write down what an archive is now; the file of checksums is replaced whole."""
        today = datetime.now(UTC).date().isoformat()
        entries = {
            file["file"]: {"bytes": file["bytes"], "sha256": file["sha256"], "verified": today}
            for file in archive.checksums
        }
        _write_whole(self.path, json.dumps(self._read() | entries, indent=2) + "\n")

    def _read(self) -> dict[str, Any]:
        try:
            recorded = json.loads(self.path.read_text(encoding="utf-8"))
            if all(isinstance(entry["sha256"], str) for entry in recorded.values()):
                return dict(recorded)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        raise DownloadError(
            f"{self.path} cannot be read as checksums of archives; remove it, and jugex fetch verifies the archives "
            f"beside it and writes it anew"
        )


def _measure_table(stream: IO[bytes], bar: ByteBar) -> tuple[int, int]:
    """Rows and columns of a CSV file without quotes, whatever ends its lines; empty lines at its end do not count."""
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


def _write_whole(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
