"""Bring one file over HTTP, whatever the network does: resumed where it broke, tried again, checked, then handed on."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jugex.atlas.transfer_errors import (
    DamagedError,
    TransferError,
    explain_beginning,
    explain_broken,
    explain_disk,
    explain_request,
    explain_status,
)
from jugex.progress import ByteBar

if TYPE_CHECKING:
    from requests import Response

__all__ = ["PART_SUFFIX", "ResumingDownloader", "Retries"]

#: Ends the name of a file of which a part has arrived; nothing else reads such files.
PART_SUFFIX = ".part"

_CHUNK_BYTES = 1 << 16  # at most so much is lost where a connection breaks


@dataclass(frozen=True)
class Retries:
    """How patient a download is.

    Attributes
    ----------
    tries : int
        Attempts in a row that may bring nothing new; an attempt that brings more than all before starts the count
        again, so that a poor line gets there in the end.
    pause : float
        Seconds before the second attempt; doubled before each further one, and varied by half so that many
        clients do not come back all at once.
    timeout : float
        Seconds without a byte after which an attempt has failed.
    """

    tries: int = 5
    pause: float = 1.0
    timeout: float = 60.0

    def wait(self, n_failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return self.pause * 2.0 ** (n_failures - 1) * random.uniform(0.5, 1.5)


class ResumingDownloader:
    """A downloader for `pooch.retrieve` that resumes.

    What has arrived lies in a file of its own, which stays after a failure or an interruption: the next call asks
    for the rest (``Range``, and ``If-Range`` so that two versions are never mixed; RFC 9110, sections 13.1.5 and
    14.2), or begins again where the server does not know ranges. A complete file is checked before pooch gets it; one
    that is damaged is thrown away and downloaded once more.

    Parameters
    ----------
    part : Path
        Where to collect the file: in the folder that is to hold it.
    check : callable
        Is given the path of the complete file; raises DamagedError.
    bar : ByteBar
        Is told what arrives.
    retries : Retries
        How often, and how soon, to try again.

    Raises
    ------
    TransferError
        Where the file cannot be brought, with the reason and what helps.
    """

    def __init__(self, part: Path, *, check: Callable[[Path], None], bar: ByteBar, retries: Retries) -> None:
        self._part = _Part(part)
        self._check, self._bar, self._retries = check, bar, retries

    def __call__(self, url: str, output_file: str | os.PathLike[str], pooch: object) -> None:  # noqa: ARG002
        """Bring the file at `url` to `output_file`, as pooch asks for it."""
        self._bring_all(url)
        try:
            self._check(self._part.path)
        except DamagedError:
            self._part.discard()  # once more, in case the network did it
            self._bring_all(url)
            self._check_again()
        self._part.hand_over(output_file)

    def _check_again(self) -> None:
        try:
            self._check(self._part.path)
        except DamagedError:
            self._part.discard()
            raise

    def _bring_all(self, url: str) -> None:
        n_failures, furthest = 0, self._part.size
        while True:
            try:
                return self._bring_rest(url)
            except TransferError as error:
                n_failures = 1 if self._part.size > furthest else n_failures + 1
                furthest = max(furthest, self._part.size)
                if not error.is_passing or n_failures >= self._retries.tries:
                    raise error.count_attempts(n_failures) from error.__cause__
                self._wait(n_failures, error)

    def _wait(self, n_failures: int, error: TransferError) -> None:
        seconds = self._retries.wait(n_failures)
        self._bar.say(f"{error.what}; trying again in {seconds:.0f} s")
        time.sleep(seconds)

    def _bring_rest(self, url: str) -> None:
        """Make one attempt: ask for what is missing, and write down what comes."""
        import requests

        n_before = self._part.resume(url)
        headers = {"Accept-Encoding": "identity"} | self._part.range_headers()
        try:
            with requests.get(url, headers=headers, stream=True, timeout=self._retries.timeout) as response:
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and n_before:
                    return self._part.finish_or_discard(response)
                explain_status(response)
                self._receive(url, response, n_before)
        except requests.RequestException as error:
            raise explain_request(error, self._part.size, self._part.total, self._retries.timeout) from error
        except OSError as error:
            raise explain_disk(error, self._part.path.parent, self._part.n_missing) from error
        if self._part.n_missing:  # urllib3 before 2.0 takes a short body for a whole one
            raise explain_broken(self._part.size, self._part.total)

    def _receive(self, url: str, response: Response, n_before: int) -> None:
        chunks = response.iter_content(_CHUNK_BYTES)
        first = next(chunks, b"")
        if not self._part.is_continued_by(response, n_before):
            explain_beginning(first)  # before anything that is there is given up for it
            self._part.begin(url, response)
        self._bar.start(done=self._part.size, total=self._part.total)
        self._part.refuse_where_full()
        with self._part.path.open("ab") as stream:
            self._write(first, stream)
            for chunk in chunks:
                self._write(chunk, stream)
            stream.flush()
            os.fsync(stream.fileno())  # before it gets its final name

    def _write(self, chunk: bytes, stream: IO[bytes]) -> None:
        stream.write(chunk)
        self._bar.add(len(chunk))


class _Part:
    """The part of a file that has arrived, and beside it a note that tells what it is a part of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note_path = path.with_name(path.name + ".json")
        self._note: dict[str, Any] = _read_note(self._note_path)

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, where the server has told."""
        return self._note.get("total")

    @property
    def n_missing(self) -> int:
        """Bytes that have not arrived yet; 0 where that is not known."""
        return 0 if self.total is None else self.total - self.size

    def resume(self, url: str) -> int:
        """Bytes that are there of the file at `url`; those of another file are thrown away."""
        if self._note.get("url") != url or self.n_missing < 0:
            self.discard()
        return self.size

    def range_headers(self) -> dict[str, str]:
        """Headers that ask for the rest."""
        if not self.size:
            return {}
        validator = self._note.get("validator")
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": validator} if validator else {})

    def is_continued_by(self, response: Response, n_before: int) -> bool:
        """Whether the response holds what follows after the bytes that are there."""
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            return False
        start, total = _read_content_range(response)
        if start != n_before or (self.total is not None and total != self.total):
            self.discard()
            raise TransferError(
                "the server sent another part of the file than was asked for", "wait a while", is_passing=True
            )
        return True

    def begin(self, url: str, response: Response) -> None:
        """Start with an empty file, and write down what it will be."""
        self.path.write_bytes(b"")
        length = response.headers.get("Content-Length", "")
        self._note = {
            "url": url,
            "total": int(length) if length.isdecimal() else None,
            "validator": _tell_validator(response.headers),
        }
        self._note_path.write_text(json.dumps(self._note), encoding="utf-8")

    def finish_or_discard(self, response: Response) -> None:
        """Answer a refused range: either all is there already, or the part belongs to another file."""
        if _read_content_range(response)[1] != self.size:
            self.discard()
            raise TransferError("the file has changed on the server", "wait a while", is_passing=True)

    def refuse_where_full(self) -> None:
        """Refuse, before anything is written, a file that does not fit on the disk."""
        n_free = shutil.disk_usage(self.path.parent).free
        if n_free < self.n_missing:
            raise explain_disk(None, self.path.parent, self.n_missing, n_free)

    def hand_over(self, path: str | os.PathLike[str]) -> None:
        """Give the whole file another name in the same folder."""
        self.path.replace(path)
        self.discard()

    def discard(self) -> None:
        """Remove the part and its note."""
        self._note = {}
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none, or cut short by what interrupted the download: begin again
    return note if isinstance(note, dict) else {}


def _tell_validator(headers: Mapping[str, str]) -> str | None:
    """Strong validator of what the server sent; a weak one must not stand in ``If-Range``."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _read_content_range(response: Response) -> tuple[int | None, int | None]:
    """First byte and total of ``bytes 100-199/200``, ``bytes 100-199/*`` or ``bytes */200``."""
    found = re.fullmatch(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if found is None:
        return None, None
    return int(found[1]) if found[1] else None, int(found[2]) if found[2].isdecimal() else None
