"""Download the donor archives, verify them and build the store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jugex.atlas.allen import ARCHIVES_URL, DONORS, Donor, choose_donors, donor_table
from jugex.atlas.building import BuildReport, build_store
from jugex.atlas.donor_archive import DonorArchive, looks_like_archive, tell_donor_of
from jugex.atlas.locations import ARCHIVES_FOLDER, STORE_FOLDER, default_data_folder
from jugex.atlas.opening import open_atlas
from jugex.atlas.transfer import PART_SUFFIX, ResumingDownloader, Retries
from jugex.atlas.transfer_errors import DamagedError, TransferError, explain_disk
from jugex.atlas.verifying import Checksums, check_archive
from jugex.errors import ArchiveError, DownloadError, JugexError, JugexWarning, OptionError, warn_user
from jugex.progress import ByteBar, byte_bar

__all__ = ["ARCHIVES_VARIABLE", "TERMS_OF_USE", "FetchReport", "fetch_archives", "record_terms"]

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
_DAMAGED_SUFFIX = ".damaged"
_LOCK = ".fetch.lock"


@dataclass(frozen=True)
class FetchReport:
    """What `fetch_archives` did.

    Attributes
    ----------
    folder : Path
        Folder of the archives.
    downloaded, present : tuple of str
        Names of the donors whose archives were downloaded now, and of those whose archives were there already.
    store : BuildReport or None
        The store of the archives; None where none was asked for, and where the store holds all donors wanted and their
        archives have been removed, so that nothing was done.
    """

    folder: Path
    downloaded: tuple[str, ...]
    present: tuple[str, ...]
    store: BuildReport | None


def fetch_archives(
    donors: str | int | Iterable[str | int] | None = None,
    to: str | os.PathLike[str] | None = None,
    *,
    build: bool = True,
    keep_archives: bool = True,
    retries: Retries | None = None,
) -> FetchReport:
    """Download the Allen Institute's donor archives (about 400 MB each), verify them and build the store.

    An archive that is there already, by any of its usual names or unpacked, is verified and not downloaded: read to
    its end the first time, compared with its checksum later. What has arrived of a download that fails or is
    interrupted is kept, and the next call goes on from there. Archives get their final name only when verified.

    Parameters
    ----------
    donors : str, int or iterable of them, optional
        Donors to take, by name (``"H0351.2001"``) or id (9861); default: all six.
    to : str or Path, optional
        Data folder; the archives go to the folder ``archives`` in it (or to itself, where archives lie in it
        already), the store to ``store``. Default: the folder that ``JUGEX_DATA`` names, else the user's data folder.
    build : bool
        Whether to build the store of all archives in the folder.
    keep_archives : bool
        Whether the ZIP files stay once the store is built; they are needed again to add another donor to it.
    retries : Retries, optional
        How patient to be.

    Returns
    -------
    FetchReport

    Raises
    ------
    DownloadError
        Where an archive cannot be downloaded, with the reason, what helps and how to get it with a browser; those that
        are complete are kept. Or where an archive is not what was verified before.
    ArchiveError, StoreError
        Where the store cannot be built; see `build_store`.
    OptionError
        Where a donor is unknown, or the store holds donors that would be lost because their archives were removed.

    Examples
    --------
    >>> # not run: downloads 400 MB
    >>> import jugex
    >>> report = jugex.fetch_archives(donors=["H0351.2001"], to="ahba")  # doctest: +SKIP
    """
    names = choose_donors(donor_table(), donors)
    wanted = [donor for donor in DONORS if donor.donor_name in names]
    folder = _find_data_folder(to)
    fetcher = _Fetcher(_choose_archives_folder(folder), retries or Retries())
    only_stored = fetcher.list_missing(_list_stored(folder)) if build else []
    if only_stored and set(wanted) <= set(only_stored):
        return FetchReport(fetcher.folder, (), tuple(names), None)
    _refuse_losing([donor for donor in only_stored if donor not in wanted], folder)
    with _explaining_interruption(fetcher.folder):
        downloaded, present = fetcher.fetch_all(wanted)
        store = build_store(fetcher.folder, folder) if build else None
    if build and not keep_archives:
        fetcher.remove(wanted)
    return FetchReport(fetcher.folder, downloaded, present, store)


def record_terms(to: str | os.PathLike[str] | None = None) -> bool:
    """Write the terms of use into the data folder; whether they were not there yet, and are to be shown."""
    file = _find_data_folder(to) / _TERMS_FILE
    if file.exists():
        return False
    with _explaining_disk(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TERMS_OF_USE, encoding="utf-8")
    return True


class _Fetcher:
    """Brings archives into one folder, as patient as `retries` say."""

    def __init__(self, folder: Path, retries: Retries) -> None:
        self.folder, self._retries = folder, retries
        self._checksums = Checksums(folder)

    def fetch_all(self, wanted: list[Donor]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the donors that were downloaded, and of those that were there; what fails is told at the end."""
        with _explaining_disk(self.folder), _only_one_in(self.folder):
            return self._fetch_all(wanted)

    def list_missing(self, donors: list[Donor]) -> list[Donor]:
        """List those of the donors that have no archive here."""
        return [donor for donor in donors if not self.folder.is_dir() or self._find(donor) is None]

    def remove(self, donors: list[Donor]) -> None:
        """Remove archives; unpacked folders were not made here and stay."""
        for donor in donors:
            archive = self._find(donor)
            if archive is not None and archive.path.is_file():
                archive.path.unlink()

    def _fetch_all(self, wanted: list[Donor]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        downloaded: list[str] = []
        present: list[str] = []
        failures: list[tuple[Donor, TransferError]] = []
        for donor in wanted:
            try:
                (downloaded if self._fetch(donor) else present).append(donor.donor_name)
            except TransferError as error:
                failures.append((donor, error))
                if error.concerns_all:
                    break
        if failures:
            self._refuse(failures, n_complete=len(downloaded) + len(present), n_wanted=len(wanted))
        return tuple(downloaded), tuple(present)

    def _fetch(self, donor: Donor) -> bool:
        """Whether the archive had to be downloaded; afterwards it is there, whole, and its checksum recorded."""
        archive = self._find(donor)
        is_missing = archive is None or not self._is_whole(archive)
        if is_missing:
            self._download(donor)
        return is_missing

    def _find(self, donor: Donor) -> DonorArchive | None:
        """Archive of a donor that is there, by the name it has here before any other."""
        there_are = [path for path in sorted(self.folder.iterdir()) if _is_archive_of(path, donor)]
        there_are.sort(key=lambda path: path.name != _name_archive(donor))
        return DonorArchive(there_are[0], donor) if there_are else None

    def _is_whole(self, archive: DonorArchive) -> bool:
        """Whether an archive can be trusted; a ZIP file that is damaged is moved aside."""
        if self._checksums.is_unchanged(archive):
            return True
        try:
            with byte_bar(f"verifying donor {archive.donor.donor_id}") as bar:
                check_archive(archive, bar=bar)
        except ArchiveError as error:
            if archive.path.is_dir():
                raise
            aside = archive.path.with_name(archive.path.name + _DAMAGED_SUFFIX)
            archive.path.replace(aside)
            warn_user(f"{error}: this is done now, and what was there is called {aside.name}", JugexWarning)
            return False
        self._checksums.record(archive)
        return True

    def _download(self, donor: Donor) -> None:
        import pooch

        name = _name_archive(donor)
        with byte_bar(f"donor {donor.donor_id}") as bar, _silencing_pooch():
            downloader = ResumingDownloader(
                self._tell_part(donor),
                check=partial(_check_download, donor=donor, bar=bar),
                bar=bar,
                retries=self._retries,
            )
            recorded = self._checksums.find(name)
            try:
                pooch.retrieve(_tell_url(donor), recorded, fname=name, path=self.folder, downloader=downloader)
            except ValueError as error:  # pooch's word for another hash than the one recorded
                raise DownloadError(
                    f"the archive of donor {donor} is no longer the one that was downloaded before ({error}): if the "
                    f"Allen Institute has published another, remove the entry {name} from {self._checksums.path} and "
                    f"call jugex fetch again"
                ) from error
        self._checksums.record(DonorArchive(self.folder / name, donor))

    def _tell_part(self, donor: Donor) -> Path:
        return self.folder / (_name_archive(donor) + PART_SUFFIX)

    def _refuse(self, failures: list[tuple[Donor, TransferError]], *, n_complete: int, n_wanted: int) -> None:
        donor, error = failures[0]
        notes = [f"that of {other} failed too: {reason.what}" for other, reason in failures[1:]]
        if n_complete:
            notes.append(f"{n_complete} of {n_wanted} archives are complete and kept")
        part = self._tell_part(donor)
        if part.exists() and part.stat().st_size:
            notes.append(f"the {part.stat().st_size:,} bytes that have arrived of this one are kept too")
        raise DownloadError(
            f"the download of donor {donor} failed: {error.what}; {error.remedy}, and call jugex fetch again, or open "
            f"{_tell_url(donor)} in a browser and save the file as {self.folder / _name_archive(donor)}"
            + (f" ({'; '.join(notes)})" if notes else "")
        ) from error


def _find_data_folder(to: str | os.PathLike[str] | None) -> Path:
    return default_data_folder() if to is None else Path(to).expanduser()


def _choose_archives_folder(folder: Path) -> Path:
    """Folder of the archives: the data folder itself where archives lie in it already, as `open_atlas` allows."""
    if folder.is_dir() and any(_is_archive_of(path, donor) for path in folder.iterdir() for donor in DONORS):
        return folder
    return folder / ARCHIVES_FOLDER


def _list_stored(folder: Path) -> list[Donor]:
    """Donors of the store in a data folder; none where no store opens, which building then tells or makes good."""
    try:
        names = set(open_atlas(folder / STORE_FOLDER).donors["donor_name"])
    except JugexError:
        return []
    return [donor for donor in DONORS if donor.donor_name in names]


def _refuse_losing(donors: list[Donor], folder: Path) -> None:
    if donors:
        ids = ",".join(str(donor.donor_id) for donor in donors)
        raise OptionError(
            f"the store in {folder} holds donors {ids}, whose archives have been removed: a store built now would lose "
            f"them; name them too (--donors), leave --donors out, or choose another folder with --to"
        )


def _name_archive(donor: Donor) -> str:
    return f"normalized_microarray_donor{donor.donor_id}.zip"


def _tell_url(donor: Donor) -> str:
    base = os.environ.get(ARCHIVES_VARIABLE, "").strip() or ARCHIVES_URL
    return f"{base.rstrip('/')}/{donor.archive_id}"


def _is_archive_of(path: Path, donor: Donor) -> bool:
    """Whether a path is called, and is, what the reader of archives takes for the donor's."""
    if tell_donor_of(path) != donor:
        return False
    if path.is_dir():
        return looks_like_archive(path)
    return path.suffix.lower() == ".zip" or path.name == str(donor.archive_id)


def _check_download(path: Path, *, donor: Donor, bar: ByteBar) -> None:
    bar.say("verifying")
    try:
        check_archive(DonorArchive(path, donor))
    except ArchiveError as error:
        what_happened = str(error).partition("; ")[0]  # what to do is said elsewhere
        raise DamagedError(f"the file arrived damaged, twice: {what_happened}", "wait a while") from error


@contextmanager
def _silencing_pooch() -> Iterator[None]:
    """Keep pooch from telling on standard error what the progress bar shows."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _only_one_in(folder: Path) -> Iterator[None]:
    """Refuse a second call for the same folder; the system lifts the lock where a process is killed."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout:
        raise DownloadError(f"another jugex fetch is at work in {folder}; wait until it has ended") from None


@contextmanager
def _explaining_interruption(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        message = f"what has arrived is kept in {folder}, and the next jugex fetch goes on from there"
        raise KeyboardInterrupt(message) from None


@contextmanager
def _explaining_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except JugexError:  # some are OSError too
        raise
    except OSError as error:
        raise DownloadError(str(explain_disk(error, folder))) from error
