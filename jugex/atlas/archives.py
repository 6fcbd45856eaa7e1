"""The Allen Institute's donor archives, ZIP files or unpacked folders: the files of a donor, and the atlas of all."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import expand_home
from jugex.atlas.archive_tables import ExpressionMatrix, count_cells, parse_probes, parse_samples, parse_structures
from jugex.atlas.base import ExpressionAtlas, Levels, Moments, Rows, compute_moments
from jugex.atlas.donors import DONORS, Donor, DonorsLike, choose_donors, donor_table, find_donor
from jugex.atlas.identity import AtlasSource, FileRecord
from jugex.errors import ArchiveError, AtlasNotFoundError
from jugex.progress import ByteBar, track

__all__ = [
    "CALLS",
    "EXPRESSION",
    "ArchivesAtlas",
    "DonorArchive",
    "donor_of_archive",
    "has_archive_name",
    "looks_like_archive",
]

EXPRESSION = "MicroarrayExpression.csv"
CALLS = "PACall.csv"
_SAMPLES = "SampleAnnot.csv"
_PROBES = "Probes.csv"
_ONTOLOGY = "Ontology.csv"
_MEMBERS = (_SAMPLES, _PROBES, _ONTOLOGY, EXPRESSION)  # without these there is no atlas; calls may be absent
# far above any real file (1 GB of levels, 0.1 GB of calls, tables of a few MB): a larger one is no donor archive
_MAX_BYTES = {EXPRESSION: 8 << 30, CALLS: 2 << 30}
_MAX_TABLE_BYTES = 256 << 20

# what zipfile raises for a file that is no ZIP, cut short, damaged, encrypted or packed in an unknown way
_DAMAGE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

_WHAT_TO_GIVE = (
    "give the folder of the Allen Institute's donor archives (ZIP files, or folders such as "
    "normalized_microarray_donor9861 unpacked from them), which jugex fetch downloads; a folder of your own data must "
    "hold samples.csv and expression.csv"
)


# --- one donor


@dataclass(frozen=True)
class DonorArchive:
    """The archive of one donor, read without extracting anything to disk.

    Attributes
    ----------
    path : Path
        The ZIP file, or the folder that holds the files.
    donor : Donor
        The donor.
    """

    path: Path
    donor: Donor

    def describe(self, member: str) -> str:
        """Name of a file of the archive in errors."""
        return f"donor {self.donor}, {member} in {self.path}"

    @contextmanager
    def open(self, member: str) -> Iterator[IO[bytes]]:
        """Open a file of the archive by its base name.

        Raises
        ------
        ArchiveError
            If it is missing, absurdly large, or cannot be read to its end.
        """
        try:
            with self._open_zipped(member) if self.path.is_file() else self._open_unpacked(member) as stream:
                yield stream
        except _DAMAGE_ERRORS as error:
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

    @cached_property
    def has_calls(self) -> bool:
        """Whether the archive holds present/absent calls."""
        if self.path.is_dir():
            return (self.path / CALLS).is_file()
        with zipfile.ZipFile(self.path) as archive:
            return any(PurePosixPath(name).name == CALLS for name in archive.namelist())

    def read_samples(self) -> pd.DataFrame:
        """Samples of the donor, with columns `SAMPLE_COLUMNS`."""
        content = self.read(_SAMPLES)
        return parse_samples(content, donor_name=self.donor.donor_name, source=self.describe(_SAMPLES))

    def read_structures(self) -> pd.DataFrame:
        """Anatomical structures, with columns `STRUCTURE_COLUMNS`."""
        return parse_structures(self.read(_ONTOLOGY), source=self.describe(_ONTOLOGY))

    def matrix(self, member: str, *, probe_ids: npt.NDArray[np.int64], well_ids: list[int]) -> ExpressionMatrix:
        """The levels (`EXPRESSION`) or calls (`CALLS`) of these probes and samples; nothing is read yet."""
        return ExpressionMatrix(lambda: self.open(member), probe_ids, well_ids, self.describe(member))

    def check(self, *, bar: ByteBar | None = None) -> None:
        """Read the archive to its end without parsing numbers: seconds, where parsing takes a minute.

        Every table of a ZIP file is compared with its CRC.

        Parameters
        ----------
        bar : ByteBar, optional
            Shows how much has been read.

        Raises
        ------
        ArchiveError
            If a file is missing or damaged, or the expression has not one row per probe and one column per sample.
        """
        self.check_members()
        self.read_structures()
        n_probes = len(parse_probes(self.read(_PROBES), source=self.describe(_PROBES)))
        n_samples = len(self.read_samples())
        for member in (EXPRESSION, CALLS) if self.has_calls else (EXPRESSION,):
            with self.open(member) as stream:
                n_rows, n_columns = count_cells(stream, bar or ByteBar())
            if (n_rows, n_columns) != (n_probes, n_samples + 1):
                raise ArchiveError(
                    f"{self.describe(member)} has {n_rows:,} rows of {n_columns:,} values, but {_PROBES} and "
                    f"{_SAMPLES} call for {n_probes:,} rows of {n_samples + 1:,}; download the archive again from "
                    f"{self.donor.archive_url}"
                )

    @property
    def files(self) -> list[Path]:
        """The files that are read: the ZIP, or those of the folder."""
        if self.path.is_file():
            return [self.path]
        return [self.path / member for member in (*_MEMBERS, *([CALLS] if self.has_calls else []))]

    @cached_property
    def checksums(self) -> tuple[FileRecord, ...]:
        """Name, size and SHA-256 of the files that are read."""
        try:
            return tuple(FileRecord.of(file, name=file.relative_to(self.path.parent).as_posix()) for file in self.files)
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
            # the reader stops at the size in the ZIP's directory: bounding that size bounds what is read
            self._refuse_size(member, archive.getinfo(names[0]).file_size)
            with archive.open(names[0]) as stream:
                yield stream

    @contextmanager
    def _open_unpacked(self, member: str) -> Iterator[IO[bytes]]:
        file = self.path / member
        if not file.is_file():
            raise ArchiveError(f"{self.describe(member)} is missing; unpack the whole archive again")
        self._refuse_size(member, file.stat().st_size)
        with file.open("rb") as stream:
            yield stream

    def _refuse_size(self, member: str, n_bytes: int) -> None:
        limit = _MAX_BYTES.get(member, _MAX_TABLE_BYTES)
        if n_bytes > limit:
            raise ArchiveError(
                f"{self.describe(member)} has {n_bytes:,} bytes unpacked, more than the limit of {limit:,}; "
                f"download the archive again from {self.donor.archive_url}"
            )


def looks_like_archive(path: Path) -> bool:
    """Whether a ZIP file or folder holds files of a donor archive, whatever it is called."""
    if path.is_dir():
        return any((path / member).is_file() for member in _MEMBERS)
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name in _MEMBERS for name in archive.namelist())
    except (*_DAMAGE_ERRORS, OSError):
        return False


def donor_of_archive(path: Path) -> Donor | None:
    """Donor of an archive, from its name or else from the folder inside the ZIP; None if neither names one."""
    donor = find_donor(path.name)
    if donor is None and path.is_file() and looks_like_archive(path):
        with zipfile.ZipFile(path) as archive:
            donor = find_donor(" ".join({str(PurePosixPath(name).parent) for name in archive.namelist()}))
    return donor


def has_archive_name(path: Path, donor: Donor) -> bool:
    """Whether a file or folder that names a donor has the kind of name that archives have.

    Notes, figures or partial downloads that name a donor may lie beside; some downloads are named by the bare id alone.
    """
    if path.is_dir():
        return path.name.startswith("normalized_microarray_donor") or looks_like_archive(path)
    return path.suffix.lower() == ".zip" or path.name == str(donor.archive_id)


# --- the atlas


class ArchivesAtlas(ExpressionAtlas):
    """The Allen Human Brain Atlas, read from the downloadable donor archives.

    Annotation is read at once; the expression of a donor at its first use, and then kept in memory (0.44 GB for
    the largest, 1.7 GB for all six). Nothing is extracted to disk.

    Levels are float64 (``identity().source.precision``). The store of the same archives holds them as float32, rounded
    to about 7 digits, so that results of the two differ from the 6th digit on.

    Parameters
    ----------
    path : str or Path
        A folder of archives (``normalized_microarray_donor9861.zip``, ``178238387.zip``, or folders unpacked
        from them), or one archive.
    donors : iterable of str or int, optional
        Names or ids of the donors to take; default: all that are there.

    Raises
    ------
    AtlasNotFoundError
        If there is no archive at the path, or none of a donor that was named.
    ArchiveError
        If an archive is incomplete, damaged or contradicts itself or another one.
    OptionError
        If a donor is not one of the six.

    Attributes
    ----------
    archives : dict from donor name to DonorArchive
        The archives in use, in the order of `donors`.

    Examples
    --------
    >>> # not run: needs the donor archives
    >>> from jugex.atlas import ArchivesAtlas
    >>> list(ArchivesAtlas("ahba/", donors=[9861]).archives)  # doctest: +SKIP
    ['H0351.2001']
    """

    def __init__(self, path: str | PathLike[str], *, donors: DonorsLike | None = None) -> None:
        wanted = choose_donors(donor_table(), donors)
        self.path = expand_home(path).resolve()
        archives = _choose_archives(_find_archives(self.path), wanted, self.path, must_have_all=donors is not None)
        for archive in archives:
            archive.check_members()
        self.archives = {archive.donor.donor_name: archive for archive in archives}
        self.donors = donor_table(archive.donor for archive in archives)
        self.samples = _read_samples(archives)
        self.probes = _read_probes(archives)
        self.structures = archives[0].read_structures()
        # by donor, filled at the first use
        self._levels: dict[str, npt.NDArray[np.float64]] = {}
        self._moments: dict[str, Moments] = {}
        self._calls: dict[str, npt.NDArray[np.bool_]] = {}

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return "Allen Human Brain Atlas (donor archives)"

    def read_levels_of(self, donor_name: str, dtype: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
        """Read all levels of a donor from its archive, shape (p probes, n samples)."""
        return self._matrix_of(donor_name, EXPRESSION).read_levels(dtype)

    def read_calls_of(self, donor_name: str) -> npt.NDArray[np.bool_]:
        """Read all present/absent calls of a donor from its archive, shape (p probes, n samples)."""
        return self._matrix_of(donor_name, CALLS).read_calls()

    def _matrix_of(self, donor_name: str, member: str) -> ExpressionMatrix:
        well_ids = self.samples.loc[self.samples["donor_name"] == donor_name, "well_id"].tolist()
        return self.archives[donor_name].matrix(member, probe_ids=self.probes["probe_id"].to_numpy(), well_ids=well_ids)

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        archives = [self.archives[name] for name in donor_names]
        tracked = track(archives, description="checksums of donor archives", total=len(archives))
        files = tuple(file for archive in tracked for file in archive.checksums)
        return AtlasSource("archives", path=str(self.path), files=files, precision="float64")

    def _has_calls_of(self, donor_names: Collection[str]) -> bool:
        return all(self.archives[name].has_calls for name in donor_names)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        names = self.samples["donor_name"].iloc[sample_rows].unique()
        for name in track([name for name in names if name not in self._levels], description="reading donor archives"):
            self._levels[name] = self.read_levels_of(name)
        return self._gather(self._levels, sample_rows, probe_rows, np.float64)

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        if donor_name not in self._moments:
            if donor_name not in self._levels:
                self._levels[donor_name] = self.read_levels_of(donor_name)
            self._moments[donor_name] = compute_moments(self._levels[donor_name])
        mean, sd = self._moments[donor_name]
        return mean[probe_rows], sd[probe_rows]

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        for name in self.samples["donor_name"].iloc[sample_rows].unique():
            if name not in self._calls:
                self._calls[name] = self.read_calls_of(name)
        return self._gather(self._calls, sample_rows, probe_rows, np.bool_)

    def _gather(
        self, arrays: dict[str, npt.NDArray[Any]], sample_rows: Rows, probe_rows: Rows, dtype: type[np.generic]
    ) -> npt.NDArray[Any]:
        """Values (samples x probes) from the donors' arrays; the samples of a probe lie side by side in memory."""
        samples = self.samples.iloc[sample_rows]
        donor_names, columns = samples["donor_name"].to_numpy(), samples["sample"].to_numpy()
        values = np.empty((len(probe_rows), len(samples)), dtype=dtype)
        for name in pd.unique(donor_names):
            of_donor = donor_names == name
            values[:, of_donor] = arrays[name][np.ix_(probe_rows, columns[of_donor])]
        return values.T


def _find_archives(path: Path) -> list[tuple[Path, Donor]]:
    if not path.exists():
        raise AtlasNotFoundError(f"{path} does not exist; {_WHAT_TO_GIVE}")
    candidates = [path] if path.is_file() or looks_like_archive(path) else sorted(path.iterdir())
    owners = [(candidate, donor_of_archive(candidate)) for candidate in candidates]
    for candidate, donor in owners:
        if donor is None:
            _refuse_unnamed_archive(candidate)
    found = [(candidate, donor) for candidate, donor in owners if donor and has_archive_name(candidate, donor)]
    if not found:
        raise AtlasNotFoundError(
            f"{path} is not a donor archive; {_WHAT_TO_GIVE}"
            if path.is_file()
            else f"no donor archive in {path}; {_WHAT_TO_GIVE}"
        )
    return found


def _refuse_unnamed_archive(path: Path) -> None:
    # passing over an archive would silently lose a donor
    if looks_like_archive(path):
        raise ArchiveError(
            f"{path} holds a donor archive, but neither its name nor its content names the donor; give it a name with "
            f"the donor's id, such as normalized_microarray_donor{DONORS[0].donor_id}"
        )
    if path.suffix.lower() == ".zip" and path.is_file() and not zipfile.is_zipfile(path):
        raise ArchiveError(
            f"{path} is not a complete ZIP file ({path.stat().st_size:,} bytes), and its name names no donor; download "
            f"it again if it is a donor archive, else move it out of the folder"
        )


def _choose_archives(
    found: list[tuple[Path, Donor]], wanted: list[str], path: Path, *, must_have_all: bool
) -> list[DonorArchive]:
    archives = []
    for donor in DONORS:
        paths = [candidate for candidate, owner in found if owner == donor]
        if donor.donor_name not in wanted or (not paths and not must_have_all):
            continue
        if not paths:
            there_are = ", ".join(str(other) for other in DONORS if other in {owner for _, owner in found})
            raise AtlasNotFoundError(
                f"no archive of donor {donor} in {path} (there are {there_are}); download it from {donor.archive_url}"
            )
        if len(paths) > 1:
            raise ArchiveError(
                f"{path} holds more than one archive of donor {donor}: {paths[0].name} and {paths[1].name}; remove one"
            )
        archives.append(DonorArchive(paths[0], donor))
    return archives


def _read_samples(archives: list[DonorArchive]) -> pd.DataFrame:
    samples = pd.concat([archive.read_samples() for archive in archives], ignore_index=True)
    is_duplicate = samples["well_id"].duplicated()
    if is_duplicate.any():
        well_id = samples.loc[is_duplicate, "well_id"].iloc[0]
        donor_names = samples.loc[samples["well_id"] == well_id, "donor_name"].unique()
        raise ArchiveError(
            f"well {well_id} is in {_SAMPLES} of donors {' and '.join(donor_names)}, but belongs to one donor only; "
            f"one of the archives has another donor's name: rename it, or download it again"
        )
    return samples


def _read_probes(archives: list[DonorArchive]) -> pd.DataFrame:
    first_content, probes = b"", pd.DataFrame()
    for archive in archives:
        content = archive.read(_PROBES)
        if probes.empty:
            first_content, probes = content, parse_probes(content, source=archive.describe(_PROBES))
        elif content != first_content:  # the distributed archives all hold the same file
            others = parse_probes(content, source=archive.describe(_PROBES))
            _compare_probes(probes, others, archives[0], archive)
    return probes


def _compare_probes(probes: pd.DataFrame, others: pd.DataFrame, first: DonorArchive, other: DonorArchive) -> None:
    different = set(probes["probe_id"]) ^ set(others["probe_id"])
    if different:
        raise ArchiveError(
            f"donors {first.donor} and {other.donor} have different probes ({len(different):,} are in only one "
            f"{_PROBES}, such as {min(different)}); take both archives from the same release"
        )
    genes, other_genes = (table.set_index("probe_id")["gene"] for table in (probes, others))
    is_other = genes != other_genes.loc[genes.index]
    if is_other.any():
        probe_id = genes.index[is_other.to_numpy()][0]
        raise ArchiveError(
            f"probe {probe_id} is of gene {genes[probe_id]!r} in {_PROBES} of donor {first.donor}, and of gene "
            f"{other_genes[probe_id]!r} in that of donor {other.donor}; take both archives from the same release"
        )
