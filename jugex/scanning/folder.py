"""The folder of a scan: what was asked for, which pairs are done, and their parts; safe to be killed at any moment.

``scan.json`` says what was asked for; ``progress.jsonl`` has a line for each pair that is done; ``results/`` holds a
Parquet file for each pair with a test. A file is written beside its place, forced to disk, and renamed; a pair is noted
only after that. So what stands there is whole, and a line that was cut off is a pair to be done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jugex.atlas.identity import AtlasIdentity
from jugex.errors import OutputError, ResultError
from jugex.model.record import Arguments
from jugex.regions import RegionIdentity

__all__ = [
    "MANIFEST", "PAGES", "RESULTS", "Outcome", "ScanFolder", "Sources", "holds_scan", "name_page", "name_part",
    "replace_file",
]  # fmt: skip

FORMAT = "jugex-scan-1"
MANIFEST, RESULTS, _JOURNAL, _LOCK = "scan.json", "results", "progress.jsonl", ".lock"
#: Results of single pairs with their pages, made when they are asked for.
PAGES = "pairs"
_MOST_SHOWN = 8

Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a pair; a row of ``pairs.tsv``.

    Attributes
    ----------
    pair : int
        Its number.
    status : str
        "ok", or why there is no test.
    reason : str
        The same without names and numbers, by which pairs without a test are counted.
    n_samples_1, n_samples_2, n_donors_both : int or None
        Samples used, and donors with samples in both regions.
    seed, n_permutations : int or None
        With these `jugex.compare` gives the same numbers.
    n_relabellings : int or None
        Relabellings that were counted.
    exhaustive : bool or None
        Whether these were all there are.
    smallest_p : float or None
        Smallest p that the design can give.
    n_tested : int
        Genes tested.
    spatial, donors, samples : int
        Genes whose evidence within the pair is that rung.
    why_no_donors, why_no_spatial : str
        Why a rung could not be tested.
    """

    pair: int
    status: str
    reason: str = ""
    n_samples_1: int | None = None
    n_samples_2: int | None = None
    n_donors_both: int | None = None
    seed: int | None = None
    n_permutations: int | None = None
    n_relabellings: int | None = None
    exhaustive: bool | None = None
    smallest_p: float | None = None
    n_tested: int = 0
    spatial: int = 0
    donors: int = 0
    samples: int = 0
    why_no_donors: str = ""
    why_no_spatial: str = ""


@dataclass(frozen=True)
class Sources:
    """Where what a scan read came from, so that a pair of it can be computed again; it determines no number.

    Attributes
    ----------
    arguments : Arguments
        Options of all pairs.
    atlas : AtlasIdentity
    regions : dict of str to RegionIdentity
        By name; rests are not among them.
    rest : str or None
        What regions were compared with, where that was a rest.
    """

    arguments: Arguments
    atlas: AtlasIdentity
    regions: dict[str, RegionIdentity]
    rest: str | None


def name_part(number: int) -> str:
    """Name of the file of a pair, below ``results/``."""
    return f"pair-{number:06d}.parquet"


def name_page(number: int) -> str:
    """Name of the folder of a pair that was computed again, below ``pairs/``."""
    return f"pair-{number:06d}"


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all: beside its place, forced to disk, then renamed.

    `jugex.report.folders.replacing_file` looks each time for what killed runs left; a scan writes thousands of parts
    into a folder that is locked, and does so once.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; free space, or name another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


class ScanFolder:
    """An open folder of a scan; nobody else can write it meanwhile. Make one with `ScanFolder.opened`.

    Attributes
    ----------
    path : Path
    manifest : dict
        What ``scan.json`` holds: `settings`, `finished`, ...
    """

    def __init__(self, path: Path, manifest: Json) -> None:
        self.path, self.manifest = path, manifest

    @classmethod
    @contextmanager
    def opened(cls, path: Path, manifest: Json) -> Iterator[ScanFolder]:
        """Make the folder, or go on in it.

        Parameters
        ----------
        path : Path
        manifest : dict
            Of the scan that is to be made, with its `settings`.

        Raises
        ------
        OutputError
            If the folder holds something else, a scan with other settings, or another process is writing it.
        """
        from filelock import FileLock, Timeout

        check_folder(path)
        try:
            (path / RESULTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be made: {error.strerror or error}; name another folder") from error
        lock = FileLock(path / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise OutputError(f"another scan is writing {path}; wait until it ends, or name another folder") from None
        try:
            there = read_manifest(path) if (path / MANIFEST).exists() else None
            if there is None:
                replace_file(path / MANIFEST, _dump(manifest))
            elif differences := compare_settings(there["settings"], manifest["settings"]):
                shown = "; ".join(differences[:_MOST_SHOWN])
                more = f"; and {len(differences) - _MOST_SHOWN} more" if len(differences) > _MOST_SHOWN else ""
                raise OutputError(
                    f"{path} holds a scan with other settings ({shown}{more}); repeat those, or name another folder"
                )
            for stale in [*path.glob(".*.tmp"), *(path / RESULTS).glob(".*.tmp")]:
                stale.unlink(missing_ok=True)
            yield cls(path, there or manifest)
        finally:
            lock.release()

    def read_done(self) -> dict[int, Outcome]:
        """Pairs that are done, by number; those whose part is missing are not."""
        return {
            number: outcome
            for number, outcome in read_journal(self.path).items()
            if outcome.status != "ok" or (self.path / RESULTS / name_part(number)).exists()
        }

    def note(self, outcome: Outcome) -> None:
        """Note that a pair is done; its part stands in its place by now."""
        with (self.path / _JOURNAL).open("ab") as stream:
            if stream.tell() and not self._ends_in_line():
                stream.write(b"\n")  # behind a line that was cut off
            stream.write(msgspec.json.encode(outcome) + b"\n")
            stream.flush()

    def _ends_in_line(self) -> bool:
        with (self.path / _JOURNAL).open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def finish(self, tables: Mapping[str, bytes], facts: Json) -> None:
        """Write the tables beside the results, and that the scan is finished."""
        for name, content in tables.items():
            replace_file(self.path / name, content)
        self.manifest = {**self.manifest, **facts, "finished": True}
        replace_file(self.path / MANIFEST, _dump(self.manifest))


def check_folder(path: Path) -> None:
    """Refuse a folder that is none, or holds something else than a scan, before any work is done.

    Raises
    ------
    OutputError
    """
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; name a folder")
    others = path.is_dir() and any(item.name not in (_LOCK, RESULTS, _JOURNAL) for item in path.iterdir())
    if others and not (path / MANIFEST).exists():
        raise OutputError(f"{path} is not empty and holds no scan; name another folder")


def holds_scan(path: Path) -> bool:
    """Whether a folder is that of a scan, finished or not."""
    return (path / MANIFEST).is_file()


def read_manifest(path: Path) -> Json:
    """Read ``scan.json``.

    Raises
    ------
    ResultError
        If the folder holds no scan.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(
            f"{path} holds no scan ({MANIFEST} is missing); name the folder that jugex scan wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ResultError(f"{path / MANIFEST} cannot be read ({error}); make the scan again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ResultError(f"{path / MANIFEST} is not of a scan that this version of jugex reads; make the scan again")
    return manifest


def read_journal(path: Path) -> dict[int, Outcome]:
    """Lines of ``progress.jsonl`` by the number of their pair; a line that was cut off is passed over."""
    found: dict[int, Outcome] = {}
    try:
        lines = (path / _JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return found
    for line in lines:
        with suppress(msgspec.DecodeError):
            outcome = msgspec.json.decode(line, type=Outcome)
            found[outcome.pair] = outcome
    return found


def compare_settings(there: Json, asked: Json, prefix: str = "") -> list[str]:
    """Name the settings of a scan that differ from those asked for."""
    found: list[str] = []
    for key in dict.fromkeys([*there, *asked]):
        old, new = there.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += compare_settings(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {_show(old)} there, {_show(new)} now")
    return found


def to_plain(value: Any) -> Any:
    """JSON types that are the same when read back: no tuples, and null for NaN."""
    if isinstance(value, dict):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(entry) for entry in value]
    return None if isinstance(value, float) and value != value else value


def _show(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _dump(manifest: Json) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
