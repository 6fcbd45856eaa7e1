"""The files of a comparison: tables, settings, methods and page in one folder, written completely or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from os.path import relpath
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from jugex._arguments import explains_keywords
from jugex.errors import ResultError, tell_problem
from jugex.model.columns import (
    GENE_SET_COLUMNS,
    LEFT_OUT_COLUMNS,
    PAIRS_COLUMNS,
    SAMPLE_COLUMNS,
    describe_columns,
)
from jugex.model.record import RunRecord, to_json
from jugex.pipeline.comparison import ComparisonData, make_empty_left_out
from jugex.pipeline.gene_sets import GeneSetData
from jugex.pipeline.pairs import GroupComparison
from jugex.pipeline.tables import list_columns
from jugex.plots.styles import drawing_for_files
from jugex.report.figures import write_figures, write_sensitivity
from jugex.report.folders import check_output, read_settings, replacing_file, replacing_folder, write_settings
from jugex.report.methods import compose_methods, format_methods
from jugex.report.page import render_page
from jugex.report.panel_file import FILE, as_in_files, read_drawings, write_drawings
from jugex.report.spreadsheet import check_spreadsheets, write_spreadsheet
from jugex.report.summary import name_adjustment
from jugex.report.tables import (
    MAX_GENES_IN_SAMPLES,
    MISSING,
    format_tsv,
    read_samples,
    read_tsv,
    write_samples,
    write_tsv,
)

__all__ = [
    "check_output",
    "format_table",
    "holds_group",
    "load_gene_sets",
    "load_sensitivity",
    "read_group",
    "read_result",
    "save_group",
    "save_result",
    "write_report",
    "write_table",
]


#: Name of the table of gene sets, and of the folder with the results of the sets.
_GENE_SETS = "gene_sets"


@explains_keywords
@drawing_for_files()
def save_result(
    data: ComparisonData,
    directory: str | PathLike[str],
    *,
    overwrite: bool = False,
    sensitivity: pd.DataFrame | None = None,
    gene_sets: GeneSetData | None = None,
    xlsx: bool = False,
) -> Path:
    """Write a comparison of two regions into a folder.

    The files are written into a temporary folder beside it, which gets its name when all files are complete: a run
    that fails half-way leaves no incomplete folder.

    Parameters
    ----------
    data : ComparisonData
        What to write.
    directory : path-like
        Folder that does not exist yet, or is empty.
    overwrite : bool
        Replace a folder that holds a result of jugex.
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned: written as ``sensitivity.tsv``, and shown in the report.
    gene_sets : GeneSetData, optional
        What ``result.gene_sets(...)`` returned: written as ``gene_sets.tsv`` and shown in the report; the folder
        ``gene_sets`` holds it as a result of its own, in which a set has the place of a gene, with a card for each.
    xlsx : bool
        Also write ``results.xlsx``: the table, and what its columns mean as a second sheet. Needs the extra ``xlsx``.

    Returns
    -------
    Path
        The folder, with ``results.tsv``, ``samples.tsv``, ``settings.json``, ``methods.md``, ``report.html`` and
        ``figures/``; for more than 200 genes also ``zscores.parquet``, and with significant genes ``left_out.tsv``,
        what is left of them without each donor. The JSON file beside each table says what its columns mean, in the
        manner of BIDS. ``drawings.npz`` holds what the page draws beyond the tables: the voxels of both regions, the
        other samples of the atlas, the probes of the genes drawn, and how the genes tested vary over distance.

    Raises
    ------
    OutputError
        If the folder holds something and `overwrite` is not given, where it holds something else than a
        result, or where it cannot be written.
    OptionError
        If a spreadsheet is asked for and openpyxl is not installed.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import save_result
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> sorted(path.name for path in save_result(result, "saved").glob("*.tsv"))
    ['left_out.tsv', 'results.tsv', 'samples.tsv']
    """
    directory = Path(directory)
    check_output(directory, overwrite=overwrite)
    if xlsx:
        check_spreadsheets(len(data.table))
    with replacing_folder(directory, overwrite=overwrite) as folder:
        _write_data(data, folder, "results")
        if xlsx:
            write_spreadsheet({"results": _describe(data.table, data.record, "results")}, folder / "results.xlsx")
        if not data.leave_one_donor_out.empty:
            _write_described(data.leave_one_donor_out, data.record, folder, "left_out")
        if sensitivity is not None:
            write_tsv(sensitivity, folder / "sensitivity.tsv")
        if gene_sets is not None:
            _write_described(gene_sets.table, gene_sets.data.record, folder, _GENE_SETS)
            save_result(gene_sets.data, folder / _GENE_SETS)
        kept = as_in_files(data)
        if kept.drawings is not None:
            not_varied = {} if sensitivity is None else sensitivity.attrs.get("left_out", {})
            write_drawings(replace(kept.drawings, not_varied=not_varied), folder / FILE)
        write_figures(kept, folder / "figures", gene_sets=gene_sets)
        if sensitivity is not None:
            write_sensitivity(sensitivity, data.record.arguments.alpha, folder / "figures")
        write_report(kept, folder / "report.html", sensitivity=sensitivity, gene_sets=gene_sets)
        write_settings(folder, to_json(data.record))
    return directory


@drawing_for_files()
def save_group(
    comparison: GroupComparison,
    pairs: Mapping[tuple[str, str], ComparisonData],
    directory: str | PathLike[str],
    *,
    overwrite: bool = False,
    xlsx: bool = False,
) -> Path:
    """Write a comparison of more than two regions into a folder, whole or not at all.

    Parameters
    ----------
    comparison : GroupComparison
    pairs : dict
        Results of the pairs that admit a test, by the names of both regions.
    directory, overwrite
        As for `save_result`.
    xlsx : bool
        Also write ``results.xlsx``, with a sheet for all regions at once, one for the pairs, and what the columns mean.

    Returns
    -------
    Path
        The folder, with ``omnibus.tsv``, ``pairs.tsv``, ``samples.tsv``, what their columns mean in
        ``omnibus.json``, ``pairs.json`` and ``samples.json``, ``settings.json``, ``methods.md``, ``report.html`` and a
        folder for each pair.

    Raises
    ------
    OutputError
        As for `save_result`.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import save_group
    >>> names = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> several = jugex.compare_several(names, atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=99, rng=0)
    >>> folder = save_group(several.comparison, several.pairs, "saved-group")
    >>> sorted(path.name for path in folder.glob("*.tsv"))
    ['omnibus.tsv', 'pairs.tsv', 'samples.tsv']
    """
    directory, record = Path(directory), comparison.data.record
    check_output(directory, overwrite=overwrite)
    tables = {"omnibus": comparison.data.table, "pairs": comparison.pairs_table}
    if xlsx:
        check_spreadsheets(len(comparison.pairs_table))
    with replacing_folder(directory, overwrite=overwrite) as folder:
        _write_data(comparison.data, folder, "omnibus")
        _write_described(comparison.pairs_table, record, folder, "pairs")
        if xlsx:
            sheets = {name: _describe(table, record, name) for name, table in tables.items()}
            write_spreadsheet(sheets, folder / "results.xlsx")
        for pair in record.pairs:
            if pair.folder is not None:
                save_result(pairs[pair.region_1, pair.region_2], folder / pair.folder)
        write_report(comparison, folder / "report.html", beside=folder)
        write_settings(folder, to_json(record))
    return directory


def _write_data(data: ComparisonData, folder: Path, name: str) -> None:
    """Write the files of any comparison: table, samples and methods."""
    _write_described(data.table, data.record, folder, name)
    write_samples(data.samples, data.zscores, folder)
    described = describe_columns(SAMPLE_COLUMNS, regions=data.region_names, kind="samples")
    described["region"]["Levels"] = {name: f"region {number}" for number, name in enumerate(data.region_names, 1)}
    for gene in data.zscores if data.zscores.shape[1] <= MAX_GENES_IN_SAMPLES else ():
        described.setdefault(
            str(gene), {"Description": f"Value of the {data.unit} {gene}.", "Units": data.record.scale}
        )
    _write_json(described, folder / "samples.json")
    (folder / "methods.md").write_text(format_methods(compose_methods(data)), encoding="utf-8")


def _write_described(table: pd.DataFrame, record: RunRecord, folder: Path, name: str) -> None:
    """Write a table, and a file beside it with the meaning of its columns."""
    write_tsv(table, folder / f"{name}.tsv")
    _, described = _describe(table, record, name)
    _write_json(described, folder / f"{name}.json")


def _describe(table: pd.DataFrame, record: RunRecord, name: str) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """A table with the meaning of its columns."""
    columns, adjusted_for = [str(column) for column in table], name_adjustment(record)
    kind = "gene_sets" if record.unit == "gene set" and name == "results" else name
    return table, describe_columns(columns, adjusted_for=adjusted_for, regions=record.region_names, kind=kind)


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


@drawing_for_files()
def write_report(
    result: ComparisonData | GroupComparison,
    path: str | PathLike[str],
    *,
    sensitivity: pd.DataFrame | None = None,
    gene_sets: GeneSetData | None = None,
    beside: str | PathLike[str] | None = None,
) -> Path:
    """Write the report of a comparison: a self-contained HTML file.

    Parameters
    ----------
    result : ComparisonData or GroupComparison
        The result, computed here or read from disk; the page is the same.
    path : path-like
        File to write; one that is there is replaced.
    sensitivity : DataFrame, optional
        What ``result.sensitivity()`` returned, to be shown beside the result.
    gene_sets : GeneSetData, optional
        What ``result.gene_sets(...)`` returned, to be shown; the page leads to that of the sets, which `save_result`
        writes into ``gene_sets`` beside it.
    beside : path-like, optional
        Folder of a comparison of more than two regions, in which the pairs have theirs: the page leads to their pages.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import write_report
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> write_report(result, "report.html").name
    'report.html'
    """
    path, links = Path(path), {}
    if isinstance(result, GroupComparison) and beside is not None:
        folders = [pair.folder for pair in result.data.record.pairs if pair.folder is not None]
        pages = {folder: Path(beside) / folder / "report.html" for folder in folders}
        links = {folder: _link_to(page, path.parent) for folder, page in pages.items() if page.exists()}
    page = render_page(result, sensitivity=sensitivity, gene_sets=gene_sets, links=links)
    with replacing_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _link_to(page: Path, start: Path) -> str:
    """Link from a folder to a page; escapes characters with a meaning in links, such as #, ?, % and a colon."""
    try:
        return quote(os.fsencode(Path(relpath(page, start)).as_posix()))
    except ValueError:  # on another drive, on Windows
        return page.absolute().as_uri()


def write_table(table: pd.DataFrame, path: str | PathLike[str]) -> Path:
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
        If the file cannot be written.
    """
    path, text = Path(path), format_table(table)
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path


def format_table(table: pd.DataFrame) -> str:
    """Format the table of `jugex.query.expressions` as `write_table` writes it."""
    coordinates = [f"({', '.join(format(value, '.10g') for value in xyz)})" for xyz in table["mni_xyz"]]
    return format_tsv(table.assign(mni_xyz=coordinates))


def holds_group(directory: str | PathLike[str]) -> bool:
    """Whether a folder holds a comparison of more than two regions."""
    return (Path(directory) / "omnibus.tsv").exists()


def read_result(directory: str | PathLike[str]) -> ComparisonData:
    """Read a comparison of two regions that `save_result` wrote.

    Parameters
    ----------
    directory : path-like
        Folder with ``results.tsv``, ``samples.tsv`` and ``settings.json``.

    Returns
    -------
    ComparisonData
        Its `query` is None, because the atlas and the regions are not saved; `drawings` is what the page draws of them.

    Raises
    ------
    ResultError
        If a file is missing or invalid.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import read_result
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> read_result(result.save("saved-pair")).table["gene"].tolist()
    ['MAOA', 'GAD2']
    """
    directory = Path(directory)
    if directory.is_dir() and holds_group(directory):
        pairs = ", ".join(sorted(path.name for path in directory.iterdir() if (path / "results.tsv").exists()))
        raise ResultError(
            f"{directory} holds a comparison of several regions; name the folder of a pair in it: {pairs}"
        )
    return _read_data(directory, "results")


def read_group(directory: str | PathLike[str]) -> GroupComparison:
    """Read what `save_group` wrote, except the pairs, which `read_result` reads one by one.

    Raises
    ------
    ResultError
        If a file is missing or invalid.

    Examples
    --------
    >>> import jugex
    >>> from jugex.report import read_group
    >>> names = ["structure:simA", "structure:simB", "structure:simPL"]
    >>> several = jugex.compare_several(names, atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=99, rng=0)
    >>> read_group(several.save("saved-three")).data.region_names[0]
    'simulated area A, left'
    """
    directory = Path(directory)
    data = _read_data(directory, "omnibus")
    try:
        return GroupComparison(data, read_tsv(directory / "pairs.tsv", PAIRS_COLUMNS))
    except (OSError, ValueError) as error:
        raise _explain(directory, error) from error


def _read_data(directory: Path, name: str) -> ComparisonData:
    """Read what `_write_data` wrote, and the data of drawings."""
    if not directory.is_dir():
        raise ResultError(f"there is no folder {directory}; name the folder that jugex compare or result.save wrote")
    try:
        record = read_settings(directory)
        table = read_tsv(directory / f"{name}.tsv", list_columns(len(record.regions)))
        samples, zscores = read_samples(directory)
        left_out = _read_left_out(directory / "left_out.tsv", by_probe=record.unit == "probe")
    except ResultError:  # this error names the file already
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _explain(directory, error) from error
    drawings = read_drawings(directory, n_samples=len(samples))
    variograms = None if drawings is None else drawings.variograms
    return ComparisonData(table, samples, zscores, record, left_out, drawings=drawings, variograms=variograms)


def load_gene_sets(directory: str | PathLike[str]) -> GeneSetData | None:
    """Read the gene sets that `save_result` wrote; None if there are none.

    Raises
    ------
    ResultError
        If a file is missing or invalid.
    """
    directory = Path(directory)
    if not (directory / f"{_GENE_SETS}.tsv").exists():
        return None
    data = _read_data(directory / _GENE_SETS, "results")
    try:
        table = read_tsv(directory / f"{_GENE_SETS}.tsv", GENE_SET_COLUMNS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _explain(directory, error) from error
    return GeneSetData(table, data, {})


def _read_left_out(path: Path, *, by_probe: bool) -> pd.DataFrame:
    """Read p_fwe of each significant gene without each donor; no row if no gene was significant."""
    return read_tsv(path, LEFT_OUT_COLUMNS) if path.exists() else make_empty_left_out(by_probe=by_probe)


def _explain(directory: Path, problem: Exception) -> ResultError:
    """Error that says why a folder cannot be read, and which file if the system names it."""
    name = Path(problem.filename).name if isinstance(problem, OSError) and problem.filename else ""
    reason = f"{name}: {tell_problem(problem)}" if name else tell_problem(problem)
    return ResultError(
        f"{directory} holds no result of jugex that can be read ({reason}); name the folder that jugex compare or "
        "result.save wrote"
    )


def load_sensitivity(directory: str | PathLike[str]) -> pd.DataFrame | None:
    """Read the sensitivity table that `save_result` wrote; None if there is none.

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
        If the file exists but is not such a table.
    """
    path = Path(directory) / "sensitivity.tsv"
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, sep="\t", dtype={"gene": "object"}, keep_default_na=False, na_values=[MISSING])
        table = table.astype({"is_headline": bool, "n_samples_1": "Int64", "n_samples_2": "Int64"})
    except (OSError, ValueError, KeyError) as error:
        raise ResultError(
            f"{path} holds no sensitivity table that can be read ({error}); remove it, or save the result again"
        ) from error
    if drawings := read_drawings(path.parent):
        table.attrs["left_out"] = drawings.not_varied
    return table
