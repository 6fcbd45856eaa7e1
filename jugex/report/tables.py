"""Tables as files: the common format of tab-separated files, and samples with their z-scores."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jugex.model.columns import COLUMN_TYPES, PROBE_COLUMNS, SAMPLE_COLUMNS, TAIL_COLUMNS

__all__ = [
    "FLOAT_FORMAT", "MAX_GENES_IN_SAMPLES", "MISSING", "format_tsv", "read_samples", "read_tsv", "write_samples",
    "write_tsv",
]  # fmt: skip

#: Format of numbers.
FLOAT_FORMAT = "%.10g"
#: Up to this many genes are columns of ``samples.tsv``; more are written to ``zscores.parquet``.
MAX_GENES_IN_SAMPLES = 200
#: Texts of missing values.
MISSING = ""

_SAMPLES, _ZSCORES = "samples.tsv", "zscores.parquet"


def write_tsv(table: pd.DataFrame, target: Path) -> None:
    """Write a table in the format of `format_tsv`."""
    target.write_text(format_tsv(table), encoding="utf-8", newline="")


def format_tsv(table: pd.DataFrame) -> str:
    r"""Format a table as text: tab-separated, ``\n``, floats as ``%.10g``, booleans as ``TRUE`` and ``FALSE``.

    ``DataFrame.to_csv`` gives the same text in twice the time.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_format_column(column) for _, column in table.items()), strict=True))
    return stream.getvalue()


def _format_column(column: pd.Series[Any]) -> list[Any]:
    if column.dtype.kind == "f" and isinstance(column.dtype, np.dtype):
        return [FLOAT_FORMAT % value if value == value else MISSING for value in column.tolist()]
    values = column.astype(object).where(column.notna().to_numpy(dtype=bool), MISSING).tolist()
    if pd.api.types.is_bool_dtype(column.dtype):
        return [value if value == MISSING else "TRUE" if value else "FALSE" for value in values]
    return values


def read_tsv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table that `write_tsv` wrote, with the data types of its columns.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        The columns that it must have, in order; it may also have those of probes and of tails.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or has other columns.
    """
    header = pd.read_csv(path, sep="\t", nrows=0, dtype="object").columns.tolist()
    optional = {*PROBE_COLUMNS, *TAIL_COLUMNS}
    if [column for column in header if column not in optional] != list(columns):
        raise ValueError(f"{path.name} has other columns than the ones it should have")
    types = {column: COLUMN_TYPES.get(column, "float64") for column in header}
    # a gene may be called NA
    return pd.read_csv(path, sep="\t", dtype=types, keep_default_na=False, na_values=[MISSING])


def write_samples(samples: pd.DataFrame, zscores: pd.DataFrame, folder: Path) -> None:
    """Write samples (n rows) and their gene-level z-scores (n x genes).

    Few genes become columns of ``samples.tsv``, many are written to ``zscores.parquet`` with a row per gene: `gene`,
    then a column per sample, named by its `well_id`, with ``:1`` and ``:2`` if a sample counts in both regions.
    """
    described = samples[list(SAMPLE_COLUMNS)].reset_index(drop=True)
    if zscores.shape[1] <= MAX_GENES_IN_SAMPLES:
        write_tsv(pd.concat([described, zscores.set_axis(described.index)], axis=1), folder / _SAMPLES)
        return
    import pyarrow as pa
    from pyarrow import parquet

    write_tsv(described, folder / _SAMPLES)
    genes = pa.array([str(gene) for gene in zscores.columns], type=pa.string())
    of_samples = [pa.array(row) for row in np.ascontiguousarray(zscores.to_numpy(dtype=np.float64))]
    by_gene = pa.table([genes, *of_samples], names=["gene", *_name_samples(samples)])
    # a dictionary does not help with numbers that all differ, and takes four times as long
    parquet.write_table(by_gene, folder / _ZSCORES, use_dictionary=False)


def _name_samples(samples: pd.DataFrame) -> list[str]:
    """Names of the columns of ``zscores.parquet``."""
    wells, nth = samples["well_id"], samples.groupby("well_id").cumcount() + 1
    return [
        f"{well}:{number}" if is_twice else str(well)
        for well, number, is_twice in zip(wells, nth, wells.duplicated(keep=False), strict=True)
    ]


def read_samples(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read samples and z-scores that `write_samples` wrote.

    Raises
    ------
    OSError, ValueError, KeyError
        If a file cannot be read, or has other columns.
    """
    path, n_described = folder / _SAMPLES, len(SAMPLE_COLUMNS)
    # columns are read by position: a gene may have the name of a column that describes the samples
    names = pd.read_csv(path, sep="\t", header=None, nrows=1, dtype="object", keep_default_na=False).iloc[0].tolist()
    if tuple(names[:n_described]) != SAMPLE_COLUMNS:
        raise ValueError(f"{path.name} has other columns than the ones it should have")
    text = ("region", "donor_name", "structure_acronym", "structure_name")
    table = pd.read_csv(
        path,
        sep="\t",
        header=0,
        names=list(range(len(names))),
        dtype={SAMPLE_COLUMNS.index(name): "object" for name in text},
        keep_default_na=False,
        na_values=[MISSING],
    )
    samples = table.iloc[:, :n_described].set_axis(names[:n_described], axis=1)
    zscores = table.iloc[:, n_described:].astype("float64").set_axis(names[n_described:], axis=1)
    if (folder / _ZSCORES).exists():
        zscores = _read_zscores(folder / _ZSCORES, _name_samples(samples))
    return samples, zscores


def _read_zscores(path: Path, names: list[str]) -> pd.DataFrame:
    """Read the z-scores (n x genes) of samples, by the names of their columns."""
    from pyarrow import parquet

    by_gene = parquet.read_table(path)
    if by_gene.column_names != ["gene", *names]:
        raise ValueError(f"{path.name} has other samples than {_SAMPLES}")
    values = np.array([column.to_numpy() for column in by_gene.columns[1:]], dtype=np.float64)
    return pd.DataFrame(values.reshape(len(names), by_gene.num_rows), columns=by_gene.column(0).to_pylist())
