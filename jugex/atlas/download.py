"""Download the donor archives, verify them and build the store."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jugex._text import expand_home
from jugex.atlas.archives import DonorArchive, donor_of_archive, has_archive_name
from jugex.atlas.building import BuildReport, build_store
from jugex.atlas.donors import ARCHIVES_URL, DONORS, Donor, DonorsLike, choose_donors, donor_table
from jugex.atlas.opening import ARCHIVES_FOLDER, STORE_FOLDER, default_data_folder, open_atlas
from jugex.atlas.transfer import ForeignRedirectError, TooLargeError, TooSlowError, receive, redirect_hooks
from jugex.errors import ArchiveError, DownloadError, JugexError, JugexWarning, OptionError, warn_user
from jugex.progress import ByteBar, byte_bar

if TYPE_CHECKING:
    from requests import RequestException, Response

__all__ = ["ARCHIVES_VARIABLE", "TERMS_OF_USE", "FetchReport", "Retries", "fetch_archives", "record_terms"]

#: Environment variable that names another address of the archives, for mirrors and tests.
ARCHIVES_VARIABLE = "JUGEX_ARCHIVES_URL"
#: What the Allen Institute asks of everyone who uses its data.
TERMS_OF_USE = """\
The Allen Human Brain Atlas is (c) Allen Institute for Brain Science and comes under its terms of use:
  https://alleninstitute.org/legal/terms-use/
They ask those who publish with the data to cite it:
  Hawrylycz, M. J. et al. (2012). An anatomically comprehensive atlas of the adult human brain transcriptome.
  Nature 489, 391-399. https://doi.org/10.1038/nature11405
  Allen Institute for Brain Science (2010). Allen Human Brain Atlas. https://human.brain-map.org
"""

_TERMS_FILE = "TERMS_OF_USE.txt"
_CHECKSUMS_FILE = "checksums.json"
_LOCK = ".fetch.lock"
_PART_SUFFIX, _DAMAGED_SUFFIX = ".part", ".damaged"
_INCOMING = ".incoming"  # folder of files on the way to their place
#: Largest download in bytes: five times the size of an archive.
_MAX_BYTES = 2_000_000_000
_WAIT = "wait a while"
_ELSEWHERE = "or choose another folder with --to"
_PROXY_REMEDY = (
    "set the environment variable HTTPS_PROXY to your network's proxy with name and password "
    "(http://name:password@proxy:port), or unset it where there is none"
)


@dataclass(frozen=True)
class FetchReport:
    """What `fetch_archives` did.

    Attributes
    ----------
    folder : Path
        Folder of the archives.
    downloaded, present : tuple of str
        Names of the donors whose archives were downloaded by this call, and of those whose archives were there already.
    store : BuildReport or None
        The store of the archives; None if none was to be built, or if the store already holds all these donors and
        their archives have been removed, so that nothing was done.
    """

    folder: Path
    downloaded: tuple[str, ...]
    present: tuple[str, ...]
    store: BuildReport | None


@dataclass(frozen=True)
class Retries:
    """How often, and how soon, a failed download is tried again.

    Attributes
    ----------
    tries : int
        Number of attempts in a row that may fail without progress; an attempt that receives new bytes starts the count
        again, so that a download over a poor line completes in the end.
    pause : float
        Seconds before the second attempt; doubled before each further one, and varied at random by up to half, so
        that many clients do not retry at the same moment.
    timeout : float
        Seconds without a byte after which an attempt fails.
    """

    tries: int = 5
    pause: float = 1.0
    timeout: float = 60.0

    def wait(self, n_failures: int) -> float:
        """Seconds to wait after `n_failures` failures in a row."""
        return self.pause * 2.0 ** (n_failures - 1) * random.uniform(0.5, 1.5)


def fetch_archives(
    donors: DonorsLike | None = None,
    to: str | os.PathLike[str] | None = None,
    *,
    build: bool = True,
    keep_archives: bool = True,
    retries: Retries | None = None,
) -> FetchReport:
    """Download the Allen Institute's donor archives (about 400 MB each), verify them and build the store.

    An archive that is there already, under any of its usual names or unpacked, is verified instead of downloaded: read
    to its end the first time, compared with its checksum later. The part of a failed or interrupted download that has
    arrived is kept, and the next call resumes from it. Archives get their final name only when they are verified.

    Parameters
    ----------
    donors : str, int or iterable of them, optional
        Donors to take, by name (``"H0351.2001"``) or id (9861); default: all six.
    to : str or Path, optional
        Data folder; the archives go to its subfolder ``archives`` (or into the data folder itself, if archives lie
        there already), the store to ``store``. Default: the folder named by ``JUGEX_DATA``, else the user's folder.
    build : bool
        Whether to build the store of all archives in the folder.
    keep_archives : bool
        Whether to keep the ZIP files after the store is built; they are needed again to add another donor to it.
    retries : Retries, optional
        How often, and how soon, to try again.

    Returns
    -------
    FetchReport

    Raises
    ------
    DownloadError
        If an archive cannot be downloaded (the message gives the reason, a remedy, and how to get it with a browser;
        archives that are complete are kept), or differs from the one that was verified before.
    ArchiveError, StoreError
        If the store cannot be built; see `build_store`.
    OptionError
        If a donor is unknown, or the store holds donors that would be lost because their archives were removed.

    Examples
    --------
    >>> # not run: downloads 400 MB
    >>> import jugex
    >>> report = jugex.fetch_archives(donors=["H0351.2001"], to="ahba")  # doctest: +SKIP
    """
    names = choose_donors(donor_table(), donors)
    wanted = [donor for donor in DONORS if donor.donor_name in names]
    folder = _find_data_folder(to)
    archives = _ArchivesFolder(folder)
    only_stored = [donor for donor in _list_stored(folder) if archives.find(donor) is None] if build else []
    if only_stored and set(wanted) <= set(only_stored):
        return FetchReport(archives.path, (), tuple(names), None)
    lost = ",".join(str(donor.donor_id) for donor in only_stored if donor not in wanted)
    if lost:
        raise OptionError(
            f"the store in {folder} holds donors {lost}, whose archives have been removed, so that a new store would "
            f"lose them; name them too (--donors), leave --donors out, or choose another folder with --to"
        )
    try:
        with _explaining_disk_errors(archives.path), _locked(archives.path):
            downloaded = archives.complete(wanted, retries or Retries())
        store = build_store(archives.path, folder) if build else None
    except KeyboardInterrupt:
        message = f"what has arrived is kept in {archives.path}, and the next jugex fetch goes on from there"
        raise KeyboardInterrupt(message) from None
    if build and not keep_archives:
        archives.remove(wanted)
    present = tuple(name for name in names if name not in downloaded)
    return FetchReport(archives.path, downloaded, present, store)


def record_terms(to: str | os.PathLike[str] | None = None) -> bool:
    """Write the terms of use into the data folder; True if they were not there yet, so that they should be shown."""
    file = _find_data_folder(to) / _TERMS_FILE
    if file.exists():
        return False
    with _explaining_disk_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TERMS_OF_USE, encoding="utf-8")
    return True


def _find_data_folder(to: str | os.PathLike[str] | None) -> Path:
    return default_data_folder() if to is None else expand_home(to)


def _list_stored(folder: Path) -> list[Donor]:
    """Donors of the store in a data folder; empty if no store opens there, which `build_store` reports or repairs."""
    try:
        names = set(open_atlas(folder / STORE_FOLDER).donors["donor_name"])
    except JugexError:
        return []
    return [donor for donor in DONORS if donor.donor_name in names]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Refuse a second call for the same folder; if the process is killed, the system lifts the lock."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout:
        raise DownloadError(f"another jugex fetch is running in {folder}; wait until it has ended") from None


@contextmanager
def _explaining_disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except JugexError:  # some are OSError too
        raise
    except OSError as error:
        raise DownloadError(str(_explain_disk(error, folder))) from error


# --- the folder of archives


class _ArchivesFolder:
    """The archives of a data folder: in the data folder itself if some lie there already, as `open_atlas` allows."""

    def __init__(self, data: Path) -> None:
        is_here = data.is_dir() and any(_is_archive(path, donor) for path in data.iterdir() for donor in DONORS)
        self.path = data if is_here else data / ARCHIVES_FOLDER
        self._incoming = self.path / _INCOMING
        self._checksums = _Checksums(self.path / _CHECKSUMS_FILE, self._incoming)

    def find(self, donor: Donor) -> DonorArchive | None:
        """The archive of a donor if it is there; one with the name that downloads get comes before any other."""
        paths = sorted(self.path.iterdir()) if self.path.is_dir() else []
        found = sorted(
            (path for path in paths if _is_archive(path, donor)), key=lambda path: path.name != _archive_name(donor)
        )
        return DonorArchive(found[0], donor) if found else None

    def remove(self, donors: list[Donor]) -> None:
        """Remove the ZIP files of donors; unpacked folders were not made here, and stay."""
        for donor in donors:
            archive = self.find(donor)
            if archive is not None and archive.path.is_file():
                archive.path.unlink()

    def complete(self, wanted: list[Donor], retries: Retries) -> tuple[str, ...]:
        """Download missing or damaged archives; return the names of their donors.

        If one archive fails, the others are still downloaded; failures are reported at the end.
        """
        self._recover()
        try:
            return self._complete(wanted, retries)
        finally:
            shutil.rmtree(self._incoming, ignore_errors=True)

    def _recover(self) -> None:
        """Clear what a killed call left on the way; an archive that had arrived is kept as a part."""
        for file in self._incoming.glob("*/*"):
            part = self.path / (file.parent.name + _PART_SUFFIX)
            if _size_of(file) and not part.exists():
                file.replace(part)
        shutil.rmtree(self._incoming, ignore_errors=True)

    def _complete(self, wanted: list[Donor], retries: Retries) -> tuple[str, ...]:
        n_complete, downloaded = 0, []
        failures: list[tuple[Donor, _TransferError]] = []
        for donor in wanted:
            archive = self.find(donor)
            try:
                if archive is None or not self._is_whole(archive):
                    self._download(donor, retries)
                    downloaded.append(donor.donor_name)
                n_complete += 1
            except _TransferError as failure:
                failures.append((donor, failure))
                if failure.concerns_all:
                    break
        if failures:
            raise self._report(failures, n_complete, len(wanted)) from failures[0][1]
        return tuple(downloaded)

    def _is_whole(self, archive: DonorArchive) -> bool:
        """Whether an archive is complete and undamaged; a damaged ZIP file is renamed, with a warning."""
        if self._checksums.is_unchanged(archive):
            return True
        try:
            with byte_bar(f"verifying donor {archive.donor.donor_id}") as bar:
                archive.check(bar=bar)
        except ArchiveError as error:
            if archive.path.is_dir():
                raise
            aside = archive.path.with_name(archive.path.name + _DAMAGED_SUFFIX)
            archive.path.replace(aside)
            warn_user(
                f"{error}: it is downloaded again now, and the damaged file is kept as {aside.name}", JugexWarning
            )
            return False
        self._checksums.record(archive)
        return True

    def _download(self, donor: Donor, retries: Retries) -> None:
        import pooch

        name, logger = _archive_name(donor), pooch.get_logger()
        level, recorded, incoming = logger.level, self._checksums.find(name), self._incoming / name
        logger.setLevel("WARNING")  # the bar shows what pooch would log
        try:
            with byte_bar(f"donor {donor.donor_id}") as bar:
                downloader = _ResumingDownloader(
                    self.path / (name + _PART_SUFFIX), check=partial(_check, donor, bar), bar=bar, retries=retries
                )
                pooch.retrieve(_archive_url(donor), recorded, fname=name, path=incoming, downloader=downloader)
                (incoming / name).replace(self.path / name)
        except ValueError as error:  # from pooch: not the recorded hash
            raise DownloadError(
                f"the archive of donor {donor} is no longer the one that was downloaded before ({error}): if the Allen "
                f"Institute has published another, remove the entry {name} from {self._checksums.path} and call jugex "
                f"fetch again"
            ) from error
        finally:
            logger.setLevel(level)
        self._checksums.record(DonorArchive(self.path / name, donor))

    def _report(self, failures: list[tuple[Donor, _TransferError]], n_complete: int, n_wanted: int) -> DownloadError:
        donor, failure = failures[0]
        notes = [f"that of {other} failed too: {reason.what}" for other, reason in failures[1:]]
        if n_complete:
            notes.append(f"{n_complete} of {n_wanted} archives are complete and kept")
        n_bytes = _size_of(self.path / (_archive_name(donor) + _PART_SUFFIX))
        if n_bytes:
            notes.append(f"the {n_bytes:,} bytes of this one that have arrived are kept too")
        return DownloadError(
            f"the download of donor {donor} failed: {failure.what}; {failure.remedy}, and call jugex fetch again, or "
            f"open {_archive_url(donor)} in a browser and save the file as {self.path / _archive_name(donor)}"
            + (f" ({'; '.join(notes)})" if notes else "")
        )


class _Checksums:
    """The file of the archives' SHA-256, taken when each archive was first verified."""

    def __init__(self, path: Path, incoming: Path) -> None:
        self.path, self._incoming = path, incoming

    def find(self, name: str) -> str | None:
        """Recorded SHA-256 of a file; None if there is none."""
        recorded = self._read().get(name)
        return None if recorded is None else str(recorded["sha256"])

    def is_unchanged(self, archive: DonorArchive) -> bool:
        """Whether an archive is as recorded; False if nothing is recorded, a DownloadError if it differs."""
        recorded = {str(file.file): self.find(str(file.file)) for file in archive.checksums}
        if None in recorded.values():
            return False
        for file in archive.checksums:
            before = str(recorded[str(file.file)])
            if file.sha256 != before:
                raise DownloadError(
                    f"{archive.path.parent / str(file.file)} is not the file that was verified before (SHA-256 starts "
                    f"with {file.sha256[:8]} instead of {before[:8]}); move it away, and jugex fetch downloads it "
                    f"anew, or remove its entry from {self.path} if you replaced it yourself"
                )
        return True

    def record(self, archive: DonorArchive) -> None:
        """Record the checksums of an archive; the file is replaced completely or not at all."""
        today = datetime.now(UTC).date().isoformat()
        entries = {
            file.file: {"bytes": file.bytes, "sha256": file.sha256, "verified": today} for file in archive.checksums
        }
        self._incoming.mkdir(exist_ok=True)
        temporary = self._incoming / self.path.name
        temporary.write_text(json.dumps(self._read() | entries, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.path)

    def _read(self) -> dict[Any, Any]:
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
            f"beside it and writes a new one"
        )


def _archive_name(donor: Donor) -> str:
    return f"normalized_microarray_donor{donor.donor_id}.zip"


def _archive_url(donor: Donor) -> str:
    base = os.environ.get(ARCHIVES_VARIABLE, "").strip() or ARCHIVES_URL
    return f"{base.rstrip('/')}/{donor.archive_id}"


def _is_archive(path: Path, donor: Donor) -> bool:
    return donor_of_archive(path) == donor and has_archive_name(path, donor)


def _check(donor: Donor, bar: ByteBar, path: Path) -> None:
    bar.say("verifying")
    DonorArchive(path, donor).check()


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# --- one file over HTTP


class _TransferError(Exception):
    """Why a file could not be downloaded; the caller adds which file it is, and how to get it by hand.

    Parameters
    ----------
    what : str
        What happened.
    remedy : str
        What the user can do.
    is_transient : bool
        Whether the next attempt may succeed.
    concerns_all : bool
        Whether every other file would fail the same way.
    is_too_slow : bool
        Whether the server sent too slowly, so that the attempt counts as a failure although new bytes arrived.
    """

    def __init__(
        self,
        what: str,
        remedy: str,
        *,
        is_transient: bool = False,
        concerns_all: bool = False,
        is_too_slow: bool = False,
    ) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy
        self.is_transient, self.concerns_all, self.is_too_slow = is_transient, concerns_all, is_too_slow


class _ResumingDownloader:
    """A downloader for `pooch.retrieve` that resumes, retries and verifies; pooch itself starts again each time.

    What has arrived lies in a partial file, which stays after a failure or an interruption: the next call requests the
    rest (``Range``; RFC 9110, section 14.2), or starts again if the server does not support ranges. The complete file
    is checked before pooch gets it. A damaged one, which may be made of parts of different files, is removed and
    downloaded once more.

    Parameters
    ----------
    part : Path
        The partial file, in the folder that is to hold the complete one.
    check : callable
        Takes the path of the complete file; raises ArchiveError if it is damaged.
    bar : ByteBar
        Shows how much has arrived.
    retries : Retries
        How often, and how soon, to try again.

    Raises
    ------
    _TransferError
        If the file cannot be downloaded.
    """

    def __init__(self, part: Path, *, check: Callable[[Path], None], bar: ByteBar, retries: Retries) -> None:
        self._part, self._check, self._bar, self._retries = part, check, bar, retries
        self._total: int | None = None  # bytes of the whole file, if the server gives them

    def __call__(self, url: str, output_file: str | os.PathLike[str], pooch: object) -> None:  # noqa: ARG002
        """Download the file at `url` to `output_file`, as pooch asks for it."""
        for is_last in (False, True):
            self._receive_all(url)
            try:
                self._check(self._part)
                break
            except ArchiveError as error:
                self._part.unlink()
                if is_last:
                    what_happened = str(error).partition("; ")[0]  # without its advice: this error has its own
                    raise _TransferError(f"the file arrived damaged, twice: {what_happened}", _WAIT) from error
        self._part.replace(output_file)

    def _receive_all(self, url: str) -> None:
        n_failures, largest_size = 0, _size_of(self._part)
        while True:
            try:
                return self._receive_rest(url)
            except _TransferError as failure:
                has_progressed = _size_of(self._part) > largest_size and not failure.is_too_slow
                n_failures = 1 if has_progressed else n_failures + 1
                largest_size = max(largest_size, _size_of(self._part))
                if not failure.is_transient or n_failures >= self._retries.tries:
                    failure.what += f", in {n_failures} attempts in a row" if n_failures > 1 else ""
                    raise
                seconds = self._retries.wait(n_failures)
                self._bar.say(f"{failure.what}; trying again in {seconds:.0f} s")
            time.sleep(seconds)

    def _receive_rest(self, url: str) -> None:
        """Make one attempt: request the missing bytes, and append what arrives to the partial file."""
        import requests

        n_before = _size_of(self._part)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={n_before}-"} if n_before else {})
        try:
            with requests.get(
                url, headers=headers, stream=True, timeout=self._retries.timeout, hooks=redirect_hooks(url)
            ) as response:
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and n_before:
                    if _read_range(response)[1] == n_before:
                        return  # all is there already
                    self._part.unlink()
                    raise _TransferError("the file has changed on the server", _WAIT, is_transient=True)
                _refuse_status(response)
                self._write(response, n_before)
        except (ForeignRedirectError, TooLargeError, TooSlowError) as error:
            raise self._explain_server(error) from error
        except requests.RequestException as error:
            raise _explain_request(error, _size_of(self._part), self._total, self._retries.timeout) from error
        except OSError as error:
            n_missing = 0 if self._total is None else self._total - _size_of(self._part)
            raise _explain_disk(error, self._part.parent, n_missing) from error
        if self._total is not None and _size_of(self._part) < self._total:
            raise _explain_broken(_size_of(self._part), self._total)

    def _explain_server(self, error: Exception) -> _TransferError:
        if isinstance(error, ForeignRedirectError):
            remedy = f"set {ARCHIVES_VARIABLE} to an address that you trust, if the archives are to come from there"
            return _TransferError(
                f"the server redirected to {error}, which is on another server", remedy, concerns_all=True
            )
        if isinstance(error, TooSlowError):
            n_bytes, seconds = error.args
            what = f"the server sent only {n_bytes:,} bytes in {seconds:.0f} seconds"
            return _TransferError(what, _WAIT, is_transient=True, is_too_slow=True)
        self._part.unlink(missing_ok=True)
        what = f"the server sends more than {_MAX_BYTES:,} bytes, where an archive has about 400,000,000"
        return _TransferError(what, "check whether your network alters downloads")

    def _write(self, response: Response, n_before: int) -> None:
        is_rest = response.status_code == HTTPStatus.PARTIAL_CONTENT
        length = response.headers.get("Content-Length", "")
        start, self._total = _read_range(response) if is_rest else (0, int(length) if length.isdecimal() else None)
        if is_rest and start != n_before:
            self._part.unlink()
            raise _TransferError("the server sent a part of the file that was not asked for", _WAIT, is_transient=True)
        if (self._total or 0) > _MAX_BYTES:
            raise TooLargeError(_MAX_BYTES)
        max_bytes = _MAX_BYTES - (n_before if is_rest else 0)
        chunks = receive(response, max_bytes=max_bytes, timeout=self._retries.timeout)
        first = next(chunks, b"")
        if not is_rest:
            _refuse_other_than_zip(first)  # before it replaces the partial file
            n_before = 0
        self._bar.start(done=n_before, total=self._total)
        n_missing = 0 if self._total is None else self._total - n_before
        n_free = shutil.disk_usage(self._part.parent).free
        if n_free < n_missing:
            raise _explain_disk(None, self._part.parent, n_missing, n_free)
        with self._part.open("ab" if is_rest else "wb") as stream:
            for chunk in chain((first,), chunks):
                stream.write(chunk)
                self._bar.add(len(chunk))
            stream.flush()
            os.fsync(stream.fileno())  # on disk before it gets its final name


def _read_range(response: Response) -> tuple[int | None, int | None]:
    """First byte and total size in ``bytes 100-199/200``, ``bytes 100-199/*`` or ``bytes */200``."""
    found = re.fullmatch(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if found is None:
        return None, None
    return int(found[1]) if found[1] else None, int(found[2]) if found[2].isdecimal() else None


def _refuse_status(response: Response) -> None:
    """Refuse a response whose status is not that of a file."""
    status = response.status_code
    said = f"(HTTP {status} {response.reason})"
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise _TransferError("the proxy asks for a name and a password (HTTP 407)", _PROXY_REMEDY, concerns_all=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }:
        raise _TransferError(f"the server has a problem of its own {said}", _WAIT, is_transient=True)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        remedy = "check on https://human.brain-map.org/static/download whether it has moved"
        raise _TransferError(f"the server has no such file {said}", remedy)
    raise _TransferError(f"the server refused the request {said}", "check whether your network may reach it")


def _refuse_other_than_zip(first: bytes) -> None:
    """Refuse a body whose first bytes are not those of a ZIP file."""
    if first.startswith(b"PK\x03\x04"):
        return
    if not first:
        raise _TransferError("the server sent an empty file", _WAIT, is_transient=True)
    if not re.search(rb"<(!doctype|html|head|body|title)\b", first[:2048], flags=re.IGNORECASE):
        raise _TransferError("the server sent something other than a ZIP file", _WAIT)
    title = re.search(rb"<title[^>]*>(.*?)</title>", first, flags=re.IGNORECASE | re.DOTALL)
    words = " ".join(title[1].decode("utf-8", "replace").split())[:80] if title else ""
    called = f" called {words!r}" if words else ""
    remedy = "log in if your network asks for it, or wait if the site is down"
    raise _TransferError(f"the server sent a web page{called} instead of a ZIP file", remedy)


def _explain_request(error: RequestException, n_bytes: int, total: int | None, timeout: float) -> _TransferError:
    """Explain an error of the library requests, raised after `n_bytes` of `total` had arrived."""
    import requests
    from urllib3.exceptions import TimeoutError as UrllibTimeout

    causes: list[BaseException] = [error]  # the last one is the system's own error
    while (following := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(following)

    def is_caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if isinstance(error, requests.exceptions.ProxyError):
        what = f"the proxy refused or could not be reached ({causes[-1]})"
        return _TransferError(what, _PROXY_REMEDY, concerns_all=True)
    if isinstance(error, requests.exceptions.SSLError):
        remedy = "set REQUESTS_CA_BUNDLE to the file with your network's certificates"
        return _TransferError("the server's certificate could not be verified", remedy, concerns_all=True)
    if isinstance(error, ValueError):  # InvalidURL, MissingSchema, InvalidSchema
        return _TransferError(f"the address is invalid ({error})", f"correct {ARCHIVES_VARIABLE}", concerns_all=True)
    if is_caused_by(socket.gaierror):
        what, remedy = "the server's name could not be found", "check that this computer is connected to a network"
    elif is_caused_by(ConnectionRefusedError):
        what, remedy = "the server refused the connection", "wait a while or check the firewall of your network"
    elif is_caused_by(requests.Timeout, UrllibTimeout):
        what, remedy = f"the server sent nothing for {timeout:g} seconds", _WAIT
    else:
        return _explain_broken(n_bytes, total)
    return _TransferError(what, remedy, is_transient=True, concerns_all=True)


def _explain_broken(n_bytes: int, total: int | None) -> _TransferError:
    of_total = "" if total is None else f" of {total:,}"
    return _TransferError(f"the connection broke after {n_bytes:,}{of_total} bytes", _WAIT, is_transient=True)


def _explain_disk(error: OSError | None, folder: Path, n_missing: int = 0, n_free: int | None = None) -> _TransferError:
    """Explain why a file cannot be written into `folder`; `n_missing` bytes are needed and `n_free` are free."""
    if error is None or error.errno in {errno.ENOSPC, errno.EDQUOT}:
        needed = f", where {n_missing:,} more bytes are needed" if n_missing else ""
        free = "" if n_free is None else f" and {n_free:,} are free"
        return _TransferError(
            f"the disk of {folder} is full{needed}{free}", "make room " + _ELSEWHERE, concerns_all=True
        )
    what = f"{folder} cannot be written to ({error.strerror or error})"
    return _TransferError(what, "change its permissions " + _ELSEWHERE, concerns_all=True)
