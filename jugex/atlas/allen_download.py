"""The Allen Institute's "Download this data": the probes that a search found, in all samples.

The page https://human.brain-map.org/microarray/search gives, behind "Download this data" at sample resolution, a ZIP
file with ``Expression.csv`` (no header: a probe id, then a value per sample), ``Columns.csv`` (a row per sample: donor,
well, MRI voxel, structure), ``Probes.csv`` and ``Contents.txt``, which says what the values are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, join_words, read_text
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.donors import DONORS, DonorsLike, donor_table
from jugex.atlas.identity import FileRecord
from jugex.atlas.input_tables import InputTable, read_headless_matrix, read_table, record_file, refuse_duplicates
from jugex.atlas.ontology import complete_structures
from jugex.atlas.tables import UserTables
from jugex.errors import AtlasError, AtlasWarning, warn_user

__all__ = ["find_downloads", "open_downloads"]

_EXPRESSION, _COLUMNS, _PROBES, _CONTENTS = "Expression.csv", "Columns.csv", "Probes.csv", "Contents.txt"
_FILES = (_EXPRESSION, _COLUMNS, _PROBES, _CONTENTS)
_RESOLUTION = re.compile(r"at an? '(\w+)' resolution level")
_NORMALIZATION = re.compile(r"calculated using (\w+) normalization")
_NO_SAMPLE = -1  # in Columns.csv, where a donor has no sample of a structure

#: Affine of each donor from native MRI voxels to MNI152 in mm: `alignment3d` of the donor's specimen in the Allen
#: Institute's web service (tvr_00 to tvr_11, four decimals). It reproduces the coordinates of ``SampleAnnot.csv``.
_ONE_VOXEL_PER_MM = ((-1.0, 0.0, 0.0, 91.0), (0.0, 0.0, -1.0, 91.0), (0.0, -1.0, 0.0, 109.0))
_TO_MNI = {
    "H0351.2001": (
        (-1.056, -0.0075, -0.0268, 101.2754),
        (-0.0251, -0.2816, -1.0474, 110.5939),
        (-0.0205, -1.0691, 0.1953, 84.4653),
    ),
    "H0351.2002": (
        (-1.1206, 0.0094, 0.0128, 103.5134),
        (-0.0189, -0.0393, -1.0908, 89.0829),
        (-0.0014, -1.1764, 0.0989, 97.635),
    ),
    "H0351.1009": _ONE_VOXEL_PER_MM,
    "H0351.1012": _ONE_VOXEL_PER_MM,
    "H0351.1015": _ONE_VOXEL_PER_MM,
    "H0351.1016": _ONE_VOXEL_PER_MM,
}


def find_downloads(folder: Path) -> list[Path]:
    """The folder itself if it is such a download, else the downloads in its subfolders; empty if there is none."""
    candidates = (
        [folder] if (folder / _COLUMNS).is_file() else sorted(path.parent for path in folder.glob(f"*/{_COLUMNS}"))
    )
    return [path for path in candidates if (path / _EXPRESSION).is_file()]


def open_downloads(folder: Path, donors: DonorsLike | None = None) -> ExpressionAtlas:
    """Open one download, or a folder of several downloads that hold different probes of the same samples.

    Coordinates come from a table in the folder with `well_id` and coordinates, such as a ``SampleAnnot.csv``. Without
    one, the donor's affine takes the MRI voxels of ``Columns.csv`` to MNI152, rounded to 0.1 mm, which gives the Allen
    Institute's own coordinates.

    Parameters
    ----------
    folder : Path
        Folder of one download, or of several, as `find_downloads` finds them.
    donors : iterable of str or int, optional
        Donors to take; z-scores computed from log2 levels are over all samples of a donor in the download.

    Raises
    ------
    AtlasError
        If a file is missing or damaged, files do not fit together, or the values are means over structures.

    Warns
    -----
    AtlasWarning
        If z-scores are computed from log2 levels of only some of a donor's samples.
    """
    downloads = [_read(path) for path in find_downloads(folder)]
    first = downloads[0]
    for other in downloads[1:]:
        if other.normalization != first.normalization:
            raise AtlasError(
                f"{first.folder} holds {first.normalization} values and {other.folder} {other.normalization} values; "
                "open one of the two, or keep only downloads of one kind in a folder"
            )
        if not other.samples.equals(first.samples):
            raise AtlasError(
                f"{first.folder} and {other.folder} hold different samples; download both for the same structures"
            )
    values = pd.concat([download.values for download in downloads], axis=1)
    probes = pd.concat([download.probes for download in downloads], ignore_index=True)
    is_repeated = probes["probe_id"].duplicated().to_numpy()  # several searches can find the same probe
    values, probes = values.loc[:, ~is_repeated], probes[~is_repeated]
    is_log2 = first.normalization == "log2"
    if is_log2:
        _warn_of_missing_samples(first.samples, folder)
    expression = InputTable(values, f"{folder / _EXPRESSION}")
    in_use = [donor for donor in DONORS if donor.donor_name in set(first.samples["donor_name"])]
    atlas: ExpressionAtlas = UserTables(
        samples=InputTable(first.samples.drop(columns=list(_TOP_LEVEL_COLUMNS)), f"{folder / _COLUMNS}"),
        expression=expression,
        zscores=None if is_log2 else expression,
        probes=InputTable(probes, f"{folder / _PROBES}"),
        donors=InputTable(donor_table(in_use), "donors"),
        structures=_list_structures(first.samples),
        is_samples_by_probes=True,
        kind="allen-download",
        path=str(folder),
        files=[file for download in downloads for file in download.files],
    ).to_atlas(
        values="log2" if is_log2 else "other",
        space=ExpressionAtlas.space,
        name=f"Allen Human Brain Atlas (download of {count_of(len(probes), 'probe')})",
    )
    atlas.has_levels = is_log2
    tables = _find_coordinates([folder, *(download.folder for download in downloads)])
    if tables:
        atlas = atlas.with_coordinates(tables)
    return atlas if donors is None else atlas.with_donors(donors)


@dataclass(frozen=True, eq=False)
class _Download:
    """The content of one folder: samples in the order of donors, and values (samples x probes) by well and probe id."""

    folder: Path
    normalization: Literal["log2", "zscore"]
    samples: pd.DataFrame
    probes: pd.DataFrame
    values: pd.DataFrame
    files: tuple[FileRecord, ...]


def _read(folder: Path) -> _Download:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise AtlasError(f"{folder} has no {join_words(missing)}; unpack the whole download: {join_words(_FILES)}")
    normalization = _read_contents(folder / _CONTENTS)
    columns = read_table(folder / _COLUMNS, "columns of the download")
    samples, has_sample = _parse_samples(columns)
    probes = _parse_probes(read_table(folder / _PROBES, "probes of the download"))
    matrix = read_headless_matrix(folder / _EXPRESSION, "expression of the download")
    if matrix.rows.shape[1] != len(has_sample) or list(matrix.rows.index) != list(probes["probe_id"]):
        raise AtlasError(
            f"{folder / _EXPRESSION} has {matrix.rows.shape[0]:,} rows of {matrix.rows.shape[1]:,} values, where "
            f"Probes.csv has {len(probes):,} probes and Columns.csv {len(has_sample):,} samples, in the same order; "
            "unpack the download again"
        )
    values = pd.DataFrame(matrix.values()[:, has_sample].T, columns=probes["probe_id"].to_numpy(dtype=object))
    values.index = pd.Index(samples["well_id"].astype(str).to_numpy(dtype=object))
    if values.isna().to_numpy().any():
        raise AtlasError(f"{folder / _EXPRESSION} has empty cells of samples that Columns.csv has; unpack it again")
    order = np.argsort(samples["donor_name"].map(list(_TO_MNI).index).to_numpy(), kind="stable")
    files = tuple(record_file(folder / name, "file of the download") for name in _FILES)
    samples = samples.iloc[order].reset_index(drop=True)
    return _Download(folder, normalization, samples, probes, values.iloc[order], files)


def _read_contents(path: Path) -> Literal["log2", "zscore"]:
    text, _ = read_text(path, what="contents of the download", error=AtlasError)
    resolution, normalization = _RESOLUTION.search(text), _NORMALIZATION.search(text)
    if resolution is not None and resolution[1].upper() != "SAMPLES":
        raise AtlasError(
            f"{path.parent} was downloaded at the resolution {resolution[1].lower()!r}: its values are means over the "
            "samples of a structure, and a comparison needs each sample with its place; choose samples as the "
            "resolution on the page, and download again"
        )
    if resolution is None or normalization is None or normalization[1] not in ("log2", "zscore"):
        raise AtlasError(
            f"{path} does not say that it is at sample resolution with log2 or zscore normalization; download the data "
            "again"
        )
    return "log2" if normalization[1] == "log2" else "zscore"


#: Columns of a sample's top-level structure, which the samples of an atlas do not have.
_TOP_LEVEL_COLUMNS = ("top_level_structure_id", "top_level_structure_abbreviation", "top_level_structure_name")


def _parse_samples(columns: InputTable) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Samples with coordinates and structures, and which rows of the table (columns of expression) are samples."""
    wells = columns.numbers(columns.need("sample_well"))
    is_sample = wells != _NO_SAMPLE
    samples = pd.DataFrame({"well_id": columns.whole_numbers("sample_well")})
    samples["donor_name"] = columns.texts(columns.need("donor_name"))
    samples["structure_id"] = columns.whole_numbers(columns.need("structure_id"))
    samples["structure_acronym"] = columns.texts(columns.need("structure_abbreviation"))
    samples["structure_name"] = columns.texts(columns.need("structure_name"))
    samples["top_level_structure_id"] = columns.whole_numbers(columns.need("top_level_structure_id"))
    for column in _TOP_LEVEL_COLUMNS[1:]:
        samples[column] = columns.texts(columns.need(column))
    voxels = np.column_stack([columns.numbers(columns.need(f"sample_mri_{axis}")) for axis in range(3)])
    samples, voxels = samples[is_sample].reset_index(drop=True), voxels[is_sample]
    refuse_duplicates(samples["well_id"].astype(str).to_numpy(dtype=object), "sample", columns.title)
    unknown = samples.loc[~samples["donor_name"].isin(list(_TO_MNI)), "donor_name"]
    if len(unknown):
        raise AtlasError(
            f"{columns.title} has the donor {unknown.iloc[0]!r}, who is not one of the six of the Allen Human Brain "
            "Atlas; use jugex.atlas_from_tables, with coordinates of your own"
        )
    affines = np.array([_TO_MNI[name] for name in samples["donor_name"]])
    points = np.einsum("sij,sj->si", affines[:, :, :3], voxels) + affines[:, :, 3]
    samples[["mni_x", "mni_y", "mni_z"]] = points.round(1) + 0.0  # no -0.0
    return samples, np.asarray(is_sample)


def _parse_probes(table: InputTable) -> pd.DataFrame:
    probes = pd.DataFrame({"probe_id": table.texts(table.need("id")), "probe_name": table.texts(table.need("name"))})
    probes["gene"] = table.texts(table.need("gene-symbol"))
    entrez_ids = table.texts(table.find("entrez-id"))
    return probes.assign(entrez_id=np.where(entrez_ids == "n/a", "", entrez_ids))


def _list_structures(samples: pd.DataFrame) -> pd.DataFrame:
    """Structures of the samples, their top-level structures, and the parts of the brain above these."""
    tops = samples[list(_TOP_LEVEL_COLUMNS)].drop_duplicates().itertuples(index=False, name=None)
    columns = ["structure_id", "structure_acronym", "structure_name", "top_level_structure_id"]
    rows = samples[columns].drop_duplicates("structure_id").itertuples(index=False, name=None)
    return complete_structures(tops, rows)


def _warn_of_missing_samples(samples: pd.DataFrame, folder: Path) -> None:
    counts = samples["donor_name"].value_counts()
    partial = [donor for donor in DONORS if 0 < counts.get(donor.donor_name, 0) < donor.n_samples]
    if partial:
        few = join_words(
            [f"{counts[donor.donor_name]} of {donor.n_samples} of {donor.donor_name}" for donor in partial]
        )
        warn_user(
            f"{folder} holds only some of the samples ({few}), so that z-scores are over these alone; download all "
            "structures, or z-scores instead of log2 levels",
            AtlasWarning,
        )


def _find_coordinates(folders: Sequence[Path]) -> list[Path]:
    """Tables with a column `well_id` that lie beside the files of the download."""
    found = []
    for path in sorted({path for folder in folders for path in folder.iterdir()}):
        if path.suffix.lower() in (".csv", ".tsv") and path.name not in _FILES and path.is_file():
            with path.open("rb") as stream:
                if b"well_id" in stream.readline().lower():
                    found.append(path)
    return found
