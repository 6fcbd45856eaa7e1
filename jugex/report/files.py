"""The files of a result: tables, settings and report in one folder, whole or not at all."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jugex.analysis import RESULT_COLUMNS, DifferentialExpression
from jugex.analysis.result import COLUMN_TYPES, PROBE_COLUMNS, SAMPLE_COLUMNS, TAIL_COLUMNS
from jugex.errors import OutputError, ResultError
from jugex.report.methods import methods_text

__all__ = ["check_output", "load_result", "save_result", "write_report", "write_table", "write_tsv"]

#: Up to this many genes stand as columns of ``samples.tsv``; more go to ``zscores.parquet``.
MAX_GENES_IN_SAMPLES = 200

_FLOAT_FORMAT = "%.10g"
_MISSING = ""


def save_result(result: DifferentialExpression, directory: str | Path, *, overwrite: bool = False) -> Path:
    """Write a result into a folder.

    The files are written into a temporary folder beside it, which takes its name when all of them are there: a
    run that fails half-way leaves no half-written folder.

    Parameters
    ----------
    result : DifferentialExpression
        What to write.
    directory : path-like
        Folder that does not exist yet, or is empty.
    overwrite : bool
        Replace a folder that holds a result of jugex.

    Returns
    -------
    Path
        The folder, with ``results.tsv``, ``samples.tsv``, ``settings.json``, ``methods.md`` and ``report.html``;
        for more than 200 genes also ``zscores.parquet``.

    Raises
    ------
    OutputError
        Where the folder holds something and `overwrite` is not given, where it holds something else than a
        result, or where it cannot be written.
    """
    directory = Path(directory)
    check_output(directory, overwrite=overwrite)
    with _replacing(directory) as folder:
        write_tsv(result.table, folder / "results.tsv")
        _write_samples(result, folder)
        settings = json.dumps(result.settings, indent=2, ensure_ascii=False, allow_nan=False, default=_refuse_type)
        (folder / "settings.json").write_text(settings + "\n", encoding="utf-8")
        (folder / "methods.md").write_text(methods_text(result), encoding="utf-8")
        write_report(result, folder / "report.html")
    return directory


def write_report(result: DifferentialExpression, path: str | Path) -> Path:
    """Write the report of a result: one HTML file that needs no other.

    Parameters
    ----------
    result : DifferentialExpression
        What to report.
    path : path-like
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    from jugex.report.html import render_report

    path = Path(path)
    page = render_report(result)
    with _replacing_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write the table of `jugex.query.expressions`, tab-separated; coordinates as ``(x, y, z)``.

    Parameters
    ----------
    table : DataFrame
        What to write.
    path : path-like
        File to write; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    path = Path(path)
    coordinates = [f"({', '.join(format(value, '.10g') for value in xyz)})" for xyz in table["mni_xyz"]]
    with _replacing_file(path) as temporary:
        write_tsv(table.assign(mni_xyz=coordinates), temporary)
    return path


def load_result(directory: str | Path) -> DifferentialExpression:
    """Read a result that `save_result` wrote.

    Parameters
    ----------
    directory : path-like
        Folder with ``results.tsv``, ``samples.tsv`` and ``settings.json``.

    Returns
    -------
    DifferentialExpression
        With `inputs` None: the atlas and the regions are not saved.

    Raises
    ------
    ResultError
        Where a file is missing or is not what it should be.
    """
    directory = Path(directory)
    try:
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        if "jugex" not in settings["versions"]:
            raise KeyError("versions.jugex")
        table = _read_table(directory / "results.tsv")
        samples, zscores = _read_samples(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            f"{directory} holds no result of jugex that can be read ({type(error).__name__}: {error}); name the folder "
            "that jugex compare or result.save wrote"
        ) from error
    return DifferentialExpression(table, samples, zscores, settings, inputs=None)


def check_output(directory: str | Path, *, overwrite: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Raises
    ------
    OutputError
        As for `save_result`.
    """
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise OutputError(f"{directory} is a file; name a folder that does not exist yet")
    if not directory.exists() or not any(directory.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"{directory} exists and is not empty; name another folder, or pass --overwrite (overwrite=True) to "
            "replace a result of jugex"
        )
    if not _holds_result(directory):
        raise OutputError(f"{directory} holds no settings.json of jugex, so it is not overwritten; name another folder")


def write_tsv(table: pd.DataFrame, path: Path) -> None:
    r"""Write a table as UTF-8, tab-separated, ``\n``, floats as ``%.10g``, true and false in lower case."""
    written = table.copy()
    for column in written.select_dtypes("bool"):
        written[column] = np.where(written[column], "true", "false")
    with path.open("w", encoding="utf-8", newline="") as stream:
        written.to_csv(stream, sep="\t", index=False, float_format=_FLOAT_FORMAT, na_rep=_MISSING, lineterminator="\n")


def _holds_result(directory: Path) -> bool:
    try:
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        return "jugex" in settings["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _replacing(directory: Path) -> Iterator[Path]:
    """Give a temporary folder beside `directory`, which takes its place at the end."""
    token = secrets.token_hex(4)
    temporary = directory.with_name(f".{directory.name}.{token}.tmp")
    replaced = directory.with_name(f".{directory.name}.{token}.old")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
        if directory.exists():
            directory.rename(replaced)
        temporary.rename(directory)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{directory} cannot be written: {error.strerror or error}; name another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if replaced.exists() and not directory.exists():
            replaced.rename(directory)
        shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def _replacing_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path`, which takes its name at the end."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name a file in a folder that you may write"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_samples(result: DifferentialExpression, folder: Path) -> None:
    described = result.samples[list(SAMPLE_COLUMNS)]
    if result.zscores.shape[1] <= MAX_GENES_IN_SAMPLES:
        write_tsv(pd.concat([described, result.zscores.set_axis(described.index)], axis=1), folder / "samples.tsv")
        return
    write_tsv(described, folder / "samples.tsv")
    keys = described[["well_id", "region"]].reset_index(drop=True)
    keys.columns = [_name_apart(name, result.zscores.columns) for name in ("well_id", "region")]
    pd.concat([keys, result.zscores.reset_index(drop=True)], axis=1).to_parquet(folder / "zscores.parquet", index=False)


def _name_apart(name: str, genes: pd.Index) -> str:
    """Name of a key with as many underscores as no gene has: Parquet holds no two columns of one name."""
    while name in genes:
        name += "_"
    return name


def _read_table(path: Path) -> pd.DataFrame:
    table = pd.read_csv(
        path, sep="\t", dtype=COLUMN_TYPES, keep_default_na=False, na_values=[_MISSING]
    )  # a gene may be called NA
    columns = tuple(column for column in table if column not in PROBE_COLUMNS)
    if columns not in (RESULT_COLUMNS, RESULT_COLUMNS + TAIL_COLUMNS):
        raise ValueError(f"{path.name} has other columns than the ones it should have")
    return table


def _read_samples(directory: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    path, n_described = directory / "samples.tsv", len(SAMPLE_COLUMNS)
    # columns are read by position: a gene may be called like a column that describes the samples
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
        na_values=[_MISSING],
    )
    samples = table.iloc[:, :n_described].set_axis(names[:n_described], axis=1)
    zscores = table.iloc[:, n_described:].astype("float64").set_axis(names[n_described:], axis=1)
    if (directory / "zscores.parquet").exists():
        zscores = pd.read_parquet(directory / "zscores.parquet").iloc[:, 2:]
    return samples, zscores


def _refuse_type(value: object) -> Any:
    raise TypeError(f"settings hold a {type(value).__name__}, which JSON does not know")
