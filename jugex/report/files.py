"""The files of a result: tables, settings and report in one folder, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from jugex.analysis import RESULT_COLUMNS, DifferentialExpression
from jugex.analysis.result import COLUMN_TYPES, LEFT_OUT_COLUMNS, PROBE_COLUMNS, SAMPLE_COLUMNS, TAIL_COLUMNS
from jugex.errors import ResultError, tell_problem
from jugex.report.folders import check_output, replacing_file, replacing_folder, write_settings
from jugex.report.methods import methods_text
from jugex.report.panel_file import FILE, as_in_files, read_drawings, write_drawings
from jugex.report.sidecars import LEFT_OUT, write_sidecars
from jugex.report.tables import MAX_GENES_IN_SAMPLES, MISSING, format_tsv, write_tsv

__all__ = [
    "check_output",
    "load_result",
    "load_sensitivity",
    "read_samples",
    "save_result",
    "tell_file_problem",
    "write_report",
    "write_samples",
    "write_table",
    "write_tsv",
]


def save_result(
    result: DifferentialExpression,
    directory: str | Path,
    *,
    overwrite: bool = False,
    sensitivity: pd.DataFrame | None = None,
) -> Path:
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
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned: written as ``sensitivity.tsv``, and shown in the report.

    Returns
    -------
    Path
        The folder, with ``results.tsv``, ``leave_one_donor_out.tsv``, ``samples.tsv``, ``settings.json``,
        ``methods.md``, ``report.html`` and ``figures/``; for more than 200 genes also ``zscores.parquet``.
        ``results.json``, ``leave_one_donor_out.json`` and ``samples.json`` say what the columns of the tables mean, in
        the manner of BIDS. ``drawings.npz`` holds what the page draws beyond them:
        the voxels of both regions, the other samples of the atlas and the probes of the genes drawn.

    Raises
    ------
    OutputError
        Where the folder holds something and `overwrite` is not given, where it holds something else than a
        result, or where it cannot be written.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import save_result
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sorted(path.name for path in save_result(result, "saved").glob("*.tsv"))
    ['leave_one_donor_out.tsv', 'results.tsv', 'samples.tsv']
    """
    from jugex.report.figures import write_figures

    directory = Path(directory)
    check_output(directory, overwrite=overwrite)
    with replacing_folder(directory) as folder:
        results_tsv = format_tsv(result.table)
        (folder / "results.tsv").write_text(results_tsv, encoding="utf-8", newline="")
        write_tsv(result.leave_one_donor_out, folder / f"{LEFT_OUT}.tsv")
        write_samples(result.samples, result.zscores, folder, result.region_names)
        write_settings(result.settings, folder)
        write_sidecars(result, folder, with_zscores=result.zscores.shape[1] <= MAX_GENES_IN_SAMPLES)
        (folder / "methods.md").write_text(methods_text(result), encoding="utf-8")
        if sensitivity is not None:
            write_tsv(sensitivity, folder / "sensitivity.tsv")
        kept = as_in_files(result)
        if kept.drawings is not None:
            not_varied = {} if sensitivity is None else sensitivity.attrs.get("left_out", {})
            write_drawings(replace(kept.drawings, not_varied=not_varied), folder / FILE)
        write_figures(kept, folder / "figures")
        _write_page(folder / "report.html", kept, sensitivity, results_tsv)
    return directory


def write_report(result: DifferentialExpression, path: str | Path, *, sensitivity: pd.DataFrame | None = None) -> Path:
    """Write the report of a result: one HTML file that needs no other.

    Parameters
    ----------
    result : DifferentialExpression
        What to report.
    path : path-like
        File to write; one that is there is replaced.
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned, to be shown beside the result.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        Where the file cannot be written.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import write_report
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> write_report(result, "report.html").name
    'report.html'
    """
    return _write_page(Path(path), result, sensitivity)


def _write_page(
    path: Path, result: DifferentialExpression, sensitivity: pd.DataFrame | None, results_tsv: str | None = None
) -> Path:
    from jugex.report.html import render_report

    page = render_report(result, sensitivity, results_tsv)
    with replacing_file(path) as temporary:
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
    with replacing_file(path) as temporary:
        write_tsv(table.assign(mni_xyz=coordinates), temporary)
    return path


def load_result(directory: str | Path) -> DifferentialExpression:
    """Read a result that `save_result` wrote.

    Parameters
    ----------
    directory : path-like
        Folder with ``results.tsv``, ``leave_one_donor_out.tsv``, ``samples.tsv`` and ``settings.json``.

    Returns
    -------
    DifferentialExpression
        With `inputs` None: the atlas and the regions are not saved. `drawings` is what its page draws of them.

    Raises
    ------
    ResultError
        Where a file is missing or is not what it should be.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> folder = result.save("a-b-again")
    >>> jugex.load_result(folder)
    <DifferentialExpression: simulated area A, left - simulated area B, left, 2 genes, 51 samples>
    """
    directory = Path(directory)
    _check_result(directory)
    try:
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        if "jugex" not in settings["versions"]:
            raise KeyError("versions.jugex")
        table = _read_table(directory / "results.tsv", RESULT_COLUMNS, RESULT_COLUMNS + TAIL_COLUMNS)
        left_out = _read_table(directory / f"{LEFT_OUT}.tsv", LEFT_OUT_COLUMNS)
        samples, zscores = read_samples(directory, [region["name"] for region in settings["regions"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            f"{directory} holds no result of jugex that can be read ({tell_file_problem(error)}); name the folder that "
            "jugex compare or result.save wrote"
        ) from error
    drawings = read_drawings(directory, n_samples=len(samples))
    return DifferentialExpression(table, samples, zscores, settings, left_out, inputs=None, drawings=drawings)


def tell_file_problem(problem: Exception) -> str:
    """Say why a folder of a result cannot be read, and which file of it where the system says so."""
    name = Path(problem.filename).name if isinstance(problem, OSError) and problem.filename else ""
    return f"{name}: {tell_problem(problem)}" if name else tell_problem(problem)


def load_sensitivity(directory: str | Path) -> pd.DataFrame | None:
    """Read the sensitivity table that `save_result` wrote; None where there is none.

    Parameters
    ----------
    directory : path-like
        Folder of a result.

    Returns
    -------
    DataFrame or None
        As ``result.sensitivity()`` returned it.

    Raises
    ------
    ResultError
        Where the file is there and is no such table.
    """
    path = Path(directory) / "sensitivity.tsv"
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, sep="\t", dtype={"gene": "object"}, keep_default_na=False, na_values=[MISSING])
        table = table.astype({"is_headline": bool}).astype({"n_samples_1": "Int64", "n_samples_2": "Int64"})
    except (OSError, ValueError, KeyError) as error:
        raise ResultError(
            f"{path} holds no sensitivity table that can be read ({error}); remove it, or save the result again"
        ) from error
    if drawings := read_drawings(path.parent):
        table.attrs["left_out"] = drawings.not_varied
    return table


def write_samples(samples: pd.DataFrame, zscores: pd.DataFrame, folder: Path, region_names: Sequence[str]) -> None:
    """Write samples (n rows) and their gene-level z-scores (n x genes).

    Many genes get a file of their own, ``zscores.parquet``: a row per gene, a column per sample as in `_name_samples`.
    """
    described = samples[list(SAMPLE_COLUMNS)]
    if zscores.shape[1] <= MAX_GENES_IN_SAMPLES:
        write_tsv(pd.concat([described, zscores.set_axis(described.index)], axis=1), folder / "samples.tsv")
        return
    import pyarrow as pa
    from pyarrow import parquet

    write_tsv(described, folder / "samples.tsv")
    genes = pa.array([str(gene) for gene in zscores.columns], type=pa.string())
    of_samples = [pa.array(row) for row in np.ascontiguousarray(zscores.to_numpy(dtype=np.float64))]
    table = pa.table([genes, *of_samples], names=["gene", *_name_samples(samples, region_names)])
    # numbers that are all different gain nothing from a dictionary, and take four times as long with one
    parquet.write_table(table, folder / "zscores.parquet", use_dictionary=False)


def _name_samples(samples: pd.DataFrame, region_names: Sequence[str]) -> list[str]:
    """The `well_id` of each sample, with the number of its region (``4547:2``) where it counts in several."""
    wells = samples["well_id"]
    numbers = samples["region"].map({name: number for number, name in enumerate(region_names, start=1)})
    if len(set(region_names)) < len(region_names):  # the samples do not say in which region they lie
        numbers = samples.groupby("well_id").cumcount() + 1
    shared = wells.duplicated(keep=False)
    return [
        f"{well}:{number}" if is_shared else str(well)
        for well, number, is_shared in zip(wells, numbers, shared, strict=True)
    ]


def _check_result(directory: Path) -> None:
    """Refuse what can hold no result of one comparison."""
    if not directory.is_dir():
        raise ResultError(f"there is no folder {directory}; name the folder that jugex compare or result.save wrote")
    if (directory / "omnibus.tsv").exists():
        pairs = ", ".join(sorted(path.name for path in directory.iterdir() if (path / "results.tsv").exists()))
        raise ResultError(
            f"{directory} holds a comparison of several regions; name the folder of a pair in it: {pairs}"
        )


def _read_table(path: Path, *forms: tuple[str, ...]) -> pd.DataFrame:
    """A table that has the columns of one of these forms, those of probes aside."""
    table = pd.read_csv(
        path, sep="\t", dtype=COLUMN_TYPES, keep_default_na=False, na_values=[MISSING]
    )  # a gene may be called NA
    columns = tuple(column for column in table if column not in PROBE_COLUMNS)
    if columns not in forms:
        raise ValueError(f"{path.name} has other columns than the ones it should have")
    return table


def read_samples(directory: Path, region_names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read samples and z-scores that `write_samples` wrote."""
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
        na_values=[MISSING],
    )
    samples = table.iloc[:, :n_described].set_axis(names[:n_described], axis=1)
    zscores = table.iloc[:, n_described:].astype("float64").set_axis(names[n_described:], axis=1)
    if (path := directory / "zscores.parquet").exists():
        zscores = _read_zscores(path, _name_samples(samples, region_names))
    return samples, zscores


def _read_zscores(path: Path, names: list[str]) -> pd.DataFrame:
    """z-scores (n x genes) of samples by their names."""
    from pyarrow import parquet

    table = parquet.read_table(path)
    if table.column_names[0] != "gene":
        raise ValueError(f"{path.name} has a row per sample, as an earlier version wrote it, and not one per gene")
    if table.column_names[1:] != names:
        raise ValueError(f"{path.name} holds other samples than samples.tsv")
    values = np.array([column.to_numpy() for column in table.columns[1:]], dtype=np.float64)
    return pd.DataFrame(values.reshape(len(names), table.num_rows), columns=table.column(0).to_pylist())
