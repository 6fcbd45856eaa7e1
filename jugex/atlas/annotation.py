"""Tables that replace the annotation of an atlas: coordinates of its samples, or genes of its probes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jugex._text import expand_home
from jugex.atlas.identity import FileRecord
from jugex.atlas.input_tables import InputTable, Table, read_table
from jugex.errors import AtlasError

if TYPE_CHECKING:
    from jugex.atlas.base import ExpressionAtlas
    from jugex.regions import Region

__all__ = [
    "AXES",
    "Coordinates",
    "CoordinatesLike",
    "ProbeGenes",
    "check_common_wells",
    "coordinates_report",
    "read_coordinates",
    "read_probe_genes",
]

AXES = ("mni_x", "mni_y", "mni_z")

#: Names of the columns, in order of preference: a file of recomputed coordinates may hold the Allen Institute's too.
_COLUMN_SETS = (
    ("mni_nlin_x", "mni_nlin_y", "mni_nlin_z"),  # Devenyi
    ("corrected_mni_x", "corrected_mni_y", "corrected_mni_z"),  # alleninf
    AXES,
)
_MAX_COORDINATE = 150.0  # mm along an axis: no brain in MNI space reaches so far, but voxel indices do

#: A table of coordinates, its file or files, or a folder of them.
CoordinatesLike = pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


# --- coordinates of samples


@dataclass(frozen=True, eq=False)
class Coordinates:
    """MNI coordinates of samples.

    Attributes
    ----------
    table : DataFrame
        `mni_x`, `mni_y`, `mni_z` (mm), indexed by `well_id`; wells without coordinates are left out.
    files : tuple of FileRecord
        The files; for a table given in memory one record without a file.
    columns : tuple of str
        The columns that were read.
    """

    table: pd.DataFrame
    files: tuple[FileRecord, ...]
    columns: tuple[str, ...]


def read_coordinates(source: CoordinatesLike) -> Coordinates:
    """Read MNI coordinates of samples, by well.

    Parameters
    ----------
    source : path-like, sequence of them, or DataFrame
        Table in CSV or TSV, gzipped or not, or Parquet, with `well_id` and three columns of coordinates in mm, by one
        of these names (if a file has several sets, the first in this list is read):

        - `mni_nlin_x`, `mni_nlin_y`, `mni_nlin_z`: G. A. Devenyi's non-linear registration, as in the files
          ``recombine/H0351.2001_SampleAnnot.csv`` of https://github.com/gdevenyi/AllenHumanGeneMNI, one per donor,
          which hold the Allen Institute's `mni_x`, `mni_y`, `mni_z` as well;
        - `corrected_mni_x`, `corrected_mni_y`, `corrected_mni_z`: ``corrected_mni_coordinates.csv`` of alleninf
          (https://github.com/chrisgorgo/alleninf), one file for all donors;
        - `mni_x`, `mni_y`, `mni_z`.

        Several files, or a folder of ``*.csv`` and ``*.tsv``, are read as one table.

    Returns
    -------
    Coordinates

    Raises
    ------
    AtlasError
        If a file cannot be read, a column is missing, a value is not a number or not in MNI space, or a well has two
        coordinates.
    """
    given = [source] if isinstance(source, pd.DataFrame) else _list_files(source)
    tables = [read_table(table, "table of coordinates") for table in given]
    parsed = [_parse_coordinates(table) for table in tables]
    merged = pd.concat([coordinates for coordinates, _ in parsed]).drop_duplicates()
    if merged["well_id"].duplicated().any():
        well_id = merged.loc[merged["well_id"].duplicated(), "well_id"].iloc[0]
        raise AtlasError(f"{tables[0].title}: well {well_id} has two coordinates; keep one of them")
    files = tuple(table.file or _record_frame(table.rows) for table in tables)
    columns = dict.fromkeys(name for _, names in parsed for name in names)
    return Coordinates(merged.set_index("well_id"), files, tuple(columns))


def check_common_wells(n_common: int, name: str) -> None:
    """Refuse a table of coordinates that has no well in common with an atlas."""
    if n_common == 0:
        raise AtlasError(
            f"none of the wells in the table of coordinates is in {name}; check that its well_id are those of the AHBA"
        )


def _list_files(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    paths = [expand_home(path) for path in ([source] if isinstance(source, str | os.PathLike) else source)]
    files: list[Path] = []
    for path in paths:
        found = sorted(f for f in path.iterdir() if f.suffix.lower() in (".csv", ".tsv")) if path.is_dir() else [path]
        files += found
    if not files:
        raise AtlasError(f"no table of coordinates in {source}; give a CSV or TSV file, or a folder of such files")
    return files


def _record_frame(frame: pd.DataFrame) -> FileRecord:
    text = frame.to_csv(index=False, lineterminator="\n")
    return FileRecord(None, hashlib.sha256(text.encode()).hexdigest())


def _parse_coordinates(table: InputTable) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Wells and their coordinates, and the columns that these were read from."""
    sets = [[table.find(name) for name in names] for names in _COLUMN_SETS]
    axes = next(([name for name in names if name] for names in sets if all(names)), None)
    if table.find("well_id") is None or axes is None:
        raise AtlasError(
            f"{table.title} has the columns {', '.join(table.rows.columns)}; needed are well_id and mni_x, mni_y, "
            "mni_z (or corrected_mni_x, ... or mni_nlin_x, ...)"
        )
    parsed = pd.DataFrame({"well_id": table.whole_numbers("well_id")})
    for axis, column in zip(AXES, axes, strict=True):
        parsed[axis] = table.numbers(column)
    parsed = parsed.dropna().astype({"well_id": "int64"})
    is_far = (parsed[list(AXES)].abs() > _MAX_COORDINATE).any(axis=1)
    if is_far.any():
        row = parsed[is_far].iloc[0]
        raise AtlasError(
            f"{table.title}: well {int(row['well_id'])} lies at "
            f"({row['mni_x']:g}, {row['mni_y']:g}, {row['mni_z']:g}), outside any brain in MNI space; give "
            "coordinates in mm, not voxel indices"
        )
    return parsed, tuple(axes)


def coordinates_report(
    atlas: ExpressionAtlas, other: ExpressionAtlas | CoordinatesLike, *, regions: Iterable[Region] | None = None
) -> pd.DataFrame:
    """Compare two sets of coordinates: which samples come into or leave regions, and how far samples move.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas with the first set of coordinates.
    other : ExpressionAtlas, DataFrame, path-like or sequence of them
        The other set: an atlas of the same samples, or a table or files as for `read_coordinates`.
    regions : iterable of Region, optional
        Regions whose samples are compared.

    Returns
    -------
    DataFrame
        One row for all samples (`region` is "all samples"), then one per region: `region`, `n_samples` (with the
        first set), `n_samples_other`, `n_gained`, `n_lost` (`n_without` of these have no coordinates in the other
        set), and how far apart the two places of a sample are, over samples that lie there with either set:
        `distance_median`, `distance_max` (mm; missing if there are none).

    Raises
    ------
    AtlasError
        If the table cannot be used, or the sets have no well in common.

    Examples
    --------
    >>> import jugex
    >>> from jugex.atlas import coordinates_report
    >>> atlas = jugex.open_atlas("simulated")
    >>> moved = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda table: table["mni_x"] + 3)
    >>> report = coordinates_report(atlas, moved, regions=jugex.demo_regions())
    >>> report["distance_median"].round(1).tolist()
    [3.0, 3.0, 3.0]
    """
    first = atlas.samples.set_index("well_id")
    if isinstance(other, pd.DataFrame | str | os.PathLike | Sequence):
        second = read_coordinates(other).table
    else:
        second = other.samples.set_index("well_id")
    common = first.index.intersection(second.index)
    check_common_wells(len(common), atlas.name)
    moved = first.loc[common].assign(**{axis: second.loc[common, axis] for axis in AXES})
    steps = moved[list(AXES)].to_numpy(np.float64) - first.loc[common, list(AXES)].to_numpy(np.float64)
    distances = pd.Series(np.linalg.norm(steps, axis=1), index=common)
    rows = [_compare_locations("all samples", first.index, common, common, distances)]
    for region in regions or ():
        here = first.index[region.locate(first.reset_index())["inside"].to_numpy(dtype=bool)]
        there = common[region.locate(moved.reset_index())["inside"].to_numpy(dtype=bool)]
        rows.append(_compare_locations(region.name, here, there, common, distances))
    return pd.DataFrame(rows)


def _compare_locations(
    name: str, here: pd.Index, there: pd.Index, common: pd.Index, distances: pd.Series
) -> dict[str, str | int | float]:
    moved = distances.loc[here.union(there).intersection(common)]
    return {
        "region": name,
        "n_samples": len(here),
        "n_samples_other": len(there),
        "n_gained": len(there.difference(here)),
        "n_lost": len(here.difference(there)),
        "n_without": len(here.difference(common)),
        "distance_median": float(moved.median()) if len(moved) else np.nan,
        "distance_max": float(moved.max()) if len(moved) else np.nan,
    }


# --- genes of probes


@dataclass(frozen=True, eq=False)
class ProbeGenes:
    """Genes of probes: `gene`, `entrez_id` (nullable int) by `probe_name`, and the file they were read from.

    `several` names the probes that measure several genes; the table leaves them out.
    """

    table: pd.DataFrame
    file: FileRecord
    several: tuple[str, ...] = ()


def read_probe_genes(table: Table) -> ProbeGenes:
    """Read a re-annotation: which gene each probe measures.

    Parameters
    ----------
    table : DataFrame or path-like
        Table in memory, CSV or TSV, gzipped or not, or Parquet, with the columns `probe_name`, `gene_symbol` and
        `entrez_id`: the form of the table that abagen distributes, made from the re-annotation of Arnatkeviciute,
        Fulcher and Fornito (2019), doi 10.1016/j.neuroimage.2019.01.011. A probe with an empty symbol measures no gene,
        and one with ``TAC1///TAC3`` or ``MAOA;TAC1`` measures several.

    Returns
    -------
    ProbeGenes
        Its table has the probes that measure exactly one gene.

    Raises
    ------
    AtlasError
        If the file cannot be read, lacks a column, or gives a probe two genes.
    """
    source = read_table(table, "re-annotation table")
    columns = [source.find("probe_name"), source.find("gene_symbol", "gene"), source.find("entrez_id")]
    if None in columns:
        raise AtlasError(
            f"{source.title} has the columns {', '.join(source.rows.columns)}; needed are probe_name, gene_symbol and "
            "entrez_id"
        )
    genes = source.genes(str(columns[1]))
    genes.insert(0, "probe_name", source.texts(columns[0]))
    several = tuple(genes.loc[genes["has_several"], "probe_name"].unique())
    genes = genes[~genes["has_several"] & ~genes["gene"].str.lower().isin(("", "na", "nan"))]
    genes = genes[["probe_name", "gene", "entrez_id"]].drop_duplicates()
    if genes["probe_name"].duplicated().any():
        name = genes.loc[genes["probe_name"].duplicated(), "probe_name"].iloc[0]
        raise AtlasError(f"{source.title} gives probe {name} two genes; keep one of them")
    return ProbeGenes(genes.set_index("probe_name"), source.file or _record_frame(source.rows), several)
