"""The annotation tables of a donor archive: samples, probes, anatomical structures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from jugex.atlas.base import PROBE_COLUMNS, SAMPLE_COLUMNS, STRUCTURE_COLUMNS
from jugex.errors import ArchiveError

__all__ = ["parse_probes", "parse_samples", "parse_structures"]

_MISSING = ("", "NA", "NaN", "nan", "null", "NULL")


def parse_samples(content: bytes, *, donor_name: str, source: str) -> pd.DataFrame:
    """Read the samples of one donor.

    Parameters
    ----------
    content : bytes
        ``SampleAnnot.csv``: a header, then one row per sample, in the order of the expression's columns.
    donor_name : str
        Name of the donor, as in ``H0351.2001``.
    source : str
        What errors call the table: donor and file.

    Returns
    -------
    DataFrame
        Columns `SAMPLE_COLUMNS`; `sample` counts from 0, coordinates are in mm.

    Raises
    ------
    ArchiveError
        Where a column or value is missing or no number, or a well comes twice.
    """
    needed = ["well_id", "structure_id", "structure_acronym", "structure_name", "mni_x", "mni_y", "mni_z"]
    samples = _read_table(content, needed, source)
    for column in ("well_id", "structure_id"):
        samples[column] = _parse_integers(samples, column, source)
    for column in ("mni_x", "mni_y", "mni_z"):
        samples[column] = _parse_numbers(samples, column, source)
    _refuse_duplicates(samples, "well_id", source)
    samples["donor_name"] = donor_name
    samples["sample"] = np.arange(len(samples))
    return samples[list(SAMPLE_COLUMNS)]


def parse_probes(content: bytes, *, source: str) -> pd.DataFrame:
    """Read the probes: ``Probes.csv`` as a table with columns `PROBE_COLUMNS`.

    Parameters and errors are those of `parse_samples`; a probe without Entrez id has a missing value there.
    """
    needed = ["probe_id", "probe_name", "gene_symbol", "entrez_id"]
    probes = _read_table(content, needed, source).rename(columns={"gene_symbol": "gene"})
    probes["probe_id"] = _parse_integers(probes, "probe_id", source)
    probes["entrez_id"] = _parse_optional_integers(probes, "entrez_id", source)
    _refuse_duplicates(probes, "probe_id", source)
    return probes[list(PROBE_COLUMNS)]


def parse_structures(content: bytes, *, source: str) -> pd.DataFrame:
    """Read the anatomical structures: ``Ontology.csv`` as a table with columns `STRUCTURE_COLUMNS`.

    Parameters and errors are those of `parse_samples`; the root has no parent.
    """
    needed = ["id", "acronym", "name", "parent_structure_id"]
    structures = _read_table(content, needed, source).rename(columns={"id": "structure_id"})
    structures["structure_id"] = _parse_integers(structures, "structure_id", source)
    structures["parent_structure_id"] = _parse_optional_integers(structures, "parent_structure_id", source)
    _refuse_duplicates(structures, "structure_id", source)
    return structures[list(STRUCTURE_COLUMNS)]


def _read_table(content: bytes, needed: Sequence[str], source: str) -> pd.DataFrame:
    # csv, not pandas: rows of another length are errors here, and a gene or structure may be called "NA"
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(_decode(content), newline="")) if row]
    except ValueError:
        raise ArchiveError(f"{source} is empty; unpack or download the archive again") from None
    except csv.Error as error:
        raise ArchiveError(f"{source} cannot be read as CSV ({error}); download the archive again") from error
    missing = [column for column in needed if column not in header]
    if missing:
        raise ArchiveError(f"{source} has no column {missing[0]!r} (it has {', '.join(header)})")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ArchiveError(
                f"{source}, row {number} below the header: {len(row)} values, but the header has {len(header)} "
                f"columns; unpack or download the archive again"
            )
    if not rows:
        raise ArchiveError(f"{source} has a header but no row; unpack or download the archive again")
    return pd.DataFrame(rows, columns=header)[list(needed)]


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parse_numbers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    _refuse_values(table[column], ~np.isfinite(numbers.to_numpy()), "a finite number", source)
    return numbers


def _parse_integers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    numbers = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    is_bad = ~np.isfinite(numbers.to_numpy()) | (numbers.to_numpy() % 1 != 0)
    _refuse_values(table[column], is_bad, "an integer", source)
    return numbers.astype(np.int64)


def _parse_optional_integers(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    is_given = ~table[column].isin(_MISSING)
    integers = pd.Series(pd.NA, index=table.index, dtype="Int64")
    if is_given.any():
        integers[is_given] = _parse_integers(table[is_given], column, source)
    return integers


def _refuse_values(column: pd.Series, is_bad: np.ndarray, needed: str, source: str) -> None:
    if is_bad.any():
        row = int(np.flatnonzero(is_bad)[0])
        raise ArchiveError(
            f"{source}, row {int(column.index[row]) + 1} below the header: {column.name} is {column.iloc[row]!r}, "
            f"where {needed} is needed"
        )


def _refuse_duplicates(table: pd.DataFrame, column: str, source: str) -> None:
    is_duplicate = table[column].duplicated()
    if is_duplicate.any():
        raise ArchiveError(
            f"{source}: {column} {table.loc[is_duplicate, column].iloc[0]} comes more than once; each must be unique"
        )
