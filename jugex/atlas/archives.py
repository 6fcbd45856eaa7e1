"""The Allen Institute's donor archives as an atlas: ZIP files or unpacked folders, all six donors or fewer."""

from __future__ import annotations

import copy
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.allen import DONORS, Donor, choose_donors, donor_table
from jugex.atlas.base import ExpressionAtlas, Rows
from jugex.atlas.donor_archive import ONTOLOGY, PROBES, SAMPLES, DonorArchive, looks_like_archive, tell_donor_of
from jugex.atlas.expression import DonorExpression, gather_levels
from jugex.atlas.tables import parse_probes, parse_samples, parse_structures
from jugex.errors import ArchiveError, AtlasNotFoundError
from jugex.progress import track

__all__ = ["HOW_TO_GET_AN_ATLAS", "ArchivesAtlas"]

#: Closes the errors that find no atlas.
HOW_TO_GET_AN_ATLAS = (
    "download the Allen Institute's donor archives with jugex fetch, or prepare those that you have with jugex build "
    "ARCHIVES; an atlas elsewhere is given by --atlas PATH, jugex.open_atlas(PATH) or the environment variable "
    "JUGEX_DATA, and --atlas simulated is an embedded demo"
)


_NEEDED = (
    "needed is the folder of the Allen Institute's donor archives (ZIP files, or folders such as "
    "normalized_microarray_donor9861 unpacked from them); jugex fetch downloads them"
)


class ArchivesAtlas(ExpressionAtlas):
    """The Allen Human Brain Atlas, read from the downloadable donor archives.

    Annotation is read at once; the expression of a donor at its first use, and then kept in memory (0.44 GB for
    the largest, 1.7 GB for all six). Nothing is extracted to disk.

    Levels are float64 (``identity()["precision"]``). The store of the same archives holds them as float32, rounded to
    some 7 digits, so that results of the two differ from the 6th digit on.

    Parameters
    ----------
    path : str or Path
        A folder of archives (``normalized_microarray_donor9861.zip``, ``178238387.zip``, or folders unpacked
        from them), or one archive.
    donors : iterable of str or int, optional
        Names or ids of the donors to take; default: all there are.

    Raises
    ------
    AtlasNotFoundError
        Where no archive lies at the path, or none of a donor asked for.
    ArchiveError
        Where an archive is incomplete, damaged or contradicts itself or another one.
    OptionError
        Where a donor asked for is none of the six.

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

    def __init__(self, path: str | os.PathLike[str], *, donors: str | int | Iterable[str | int] | None = None) -> None:
        wanted = choose_donors(donor_table(), donors)
        self.path = Path(path).expanduser().resolve()
        archives = _choose_archives(_find_archives(self.path), wanted, self.path, must_have_all=donors is not None)
        self._annotate(archives)

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return "Allen Human Brain Atlas (donor archives)"

    def identity(self) -> dict[str, Any]:
        """Where the numbers come from; takes checksums of all files in use, which takes seconds per donor once."""
        archives = track(self.archives.values(), description="checksums of donor archives", total=len(self.archives))
        return {
            "kind": "archives",
            "name": self.name,
            "simulated": False,
            "path": str(self.path),
            "space": self.space,
            "precision": "float64",
            "n_samples": len(self.samples),
            "n_probes": len(self.probes),
            "donors": self.donors.to_dict("records"),
            "files": [file for archive in archives for file in archive.checksums],
        }

    def restricted(self, donors: str | int | Iterable[str | int]) -> ExpressionAtlas:
        """Return the same atlas with some of its donors only; what is in memory is shared, not read again."""
        chosen = choose_donors(self.donors, donors)
        atlas = copy.copy(self)
        atlas.archives = {name: self.archives[name] for name in chosen}
        atlas.donors = self.donors[self.donors["donor_name"].isin(chosen)].reset_index(drop=True)
        atlas.samples = self.samples[self.samples["donor_name"].isin(chosen)].reset_index(drop=True)
        return atlas

    def _annotate(self, archives: list[DonorArchive]) -> None:
        self.archives = {archive.donor.donor_name: archive for archive in archives}
        for archive in archives:
            archive.check_members()
        self.donors = donor_table(archive.donor for archive in archives)
        self.samples = _read_samples(archives)
        self.probes = _read_probes(archives)
        self.structures = parse_structures(archives[0].read(ONTOLOGY), source=archives[0].describe(ONTOLOGY))
        self._expression: dict[str, DonorExpression] = {}  # by donor, from the first use on
        self._calls: dict[str, npt.NDArray[np.bool_]] = {}

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        samples = self.samples.iloc[sample_rows]
        unread = [name for name in samples["donor_name"].unique() if name not in self._expression]
        for name in track(unread, description="reading donor archives"):
            self._read_donor(name)
        return gather_levels(self._expression, samples, probe_rows)

    def _read_moments(
        self, donor_name: str, probe_rows: Rows
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        mean, sd = self._read_donor(donor_name).moments
        return mean[probe_rows], sd[probe_rows]

    @property
    def has_calls(self) -> bool:
        """Whether all archives in use hold present/absent calls."""
        return all(archive.has_calls for archive in self.archives.values())

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        samples = self.samples.iloc[sample_rows]
        donor_names, columns = samples["donor_name"].to_numpy(), samples["sample"].to_numpy()
        calls = np.empty((len(probe_rows), len(samples)), dtype=bool)
        for name in pd.unique(donor_names):
            of_donor = donor_names == name
            calls[:, of_donor] = self._read_calls_of(name)[np.ix_(probe_rows, columns[of_donor])]
        return calls.T

    def _read_donor(self, donor_name: str) -> DonorExpression:
        if donor_name not in self._expression:
            levels = self.archives[donor_name].read_levels(**self.keys_of(donor_name))
            self._expression[donor_name] = DonorExpression(levels)
        return self._expression[donor_name]

    def _read_calls_of(self, donor_name: str) -> npt.NDArray[np.bool_]:
        if donor_name not in self._calls:
            self._calls[donor_name] = self.archives[donor_name].read_calls(**self.keys_of(donor_name))
        return self._calls[donor_name]

    def keys_of(self, donor_name: str) -> dict[str, Any]:
        """Probe ids of the atlas and well ids of a donor: what the donor's large tables are read with."""
        of_donor = self.samples["donor_name"] == donor_name
        return {
            "probe_ids": self.probes["probe_id"].to_numpy(),
            "well_ids": self.samples.loc[of_donor, "well_id"].tolist(),
        }


def _find_archives(path: Path) -> list[tuple[Path, Donor]]:
    if not path.exists():
        raise AtlasNotFoundError(f"{path} does not exist; {_NEEDED}")
    candidates = [path] if path.is_file() or looks_like_archive(path) else sorted(path.iterdir())
    owners = [(candidate, tell_donor_of(candidate)) for candidate in candidates]
    for candidate, donor in owners:
        if donor is None:
            _refuse_archive_of_nobody(candidate)
    found = [(candidate, donor) for candidate, donor in owners if donor and _is_called_archive(candidate, donor)]
    if not found:
        raise AtlasNotFoundError(
            f"{path} is no donor archive; {_NEEDED}" if path.is_file() else f"no donor archive in {path}; {_NEEDED}"
        )
    return found


def _refuse_archive_of_nobody(path: Path) -> None:
    # passing over an archive would silently lose a donor
    if looks_like_archive(path):
        raise ArchiveError(
            f"{path} holds a donor archive, but nothing tells of which donor; give it a name with the donor's id, "
            f"such as normalized_microarray_donor{DONORS[0].donor_id}"
        )
    if path.suffix.lower() == ".zip" and path.is_file() and not zipfile.is_zipfile(path):
        raise ArchiveError(
            f"{path} is no complete ZIP file ({path.stat().st_size:,} bytes), and its name tells no donor; download "
            f"it again if it is a donor archive, else move it out of the folder"
        )


def _is_called_archive(path: Path, donor: Donor) -> bool:
    # notes, figures or partial downloads that name a donor may lie beside; some downloads are called by the bare id
    if path.is_dir():
        return path.name.startswith("normalized_microarray_donor") or looks_like_archive(path)
    return path.suffix.lower() == ".zip" or path.name == str(donor.archive_id)


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
                f"donor {donor} is there more than once, as {paths[0].name} and {paths[1].name} in {path}; remove one"
            )
        archives.append(DonorArchive(paths[0], donor))
    return archives


def _read_samples(archives: list[DonorArchive]) -> pd.DataFrame:
    tables = [
        parse_samples(archive.read(SAMPLES), donor_name=archive.donor.donor_name, source=archive.describe(SAMPLES))
        for archive in archives
    ]
    samples = pd.concat(tables, ignore_index=True)
    is_duplicate = samples["well_id"].duplicated()
    if is_duplicate.any():
        well_id = samples.loc[is_duplicate, "well_id"].iloc[0]
        donor_names = samples.loc[samples["well_id"] == well_id, "donor_name"].unique()
        raise ArchiveError(
            f"well {well_id} is in {SAMPLES} of donors {' and '.join(donor_names)}, but belongs to one donor only; "
            f"one of the archives has another donor's name"
        )
    return samples


def _read_probes(archives: list[DonorArchive]) -> pd.DataFrame:
    first_content, probes = b"", pd.DataFrame()
    for archive in archives:
        content = archive.read(PROBES)
        if probes.empty:
            first_content, probes = content, parse_probes(content, source=archive.describe(PROBES))
        elif content != first_content:  # the distributed archives all hold the same file
            others = parse_probes(content, source=archive.describe(PROBES))
            _compare_probes(probes, others, archives[0], archive)
    return probes


def _compare_probes(probes: pd.DataFrame, others: pd.DataFrame, first: DonorArchive, other: DonorArchive) -> None:
    different = set(probes["probe_id"]) ^ set(others["probe_id"])
    if different:
        raise ArchiveError(
            f"donors {first.donor} and {other.donor} have different probes ({len(different):,} are in one {PROBES} "
            f"only, such as {min(different)}); take both archives from the same release"
        )
    genes, other_genes = (table.set_index("probe_id")["gene"] for table in (probes, others))
    is_other = genes != other_genes.loc[genes.index]
    if is_other.any():
        probe_id = genes.index[is_other.to_numpy()][0]
        raise ArchiveError(
            f"probe {probe_id} is of gene {genes[probe_id]!r} in {PROBES} of donor {first.donor}, and of gene "
            f"{other_genes[probe_id]!r} in that of donor {other.donor}; take both archives from the same release"
        )
