"""The files of a comparison of several regions: tables, settings, page, and a folder for each pair."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd

from jugex.analysis.result import COLUMN_TYPES
from jugex.errors import ResultError
from jugex.report.files import read_samples, save_result, tell_file_problem, write_samples
from jugex.report.folders import check_output, replacing_file, replacing_folder, write_settings
from jugex.report.sidecars import write_several_sidecars
from jugex.report.tables import MAX_GENES_IN_SAMPLES, MISSING, write_tsv

if TYPE_CHECKING:
    from jugex.analysis import DifferentialExpression

__all__ = ["SeveralTables", "holds_several", "load_several", "save_several", "write_several_report"]

_TYPES = COLUMN_TYPES | {"region_1": "object", "region_2": "object"} | dict.fromkeys(("n_samples", "df_area"), "Int64")
# columns that the page cannot do without
_OF_OMNIBUS = {"gene", "n_probes", "f", "df_area", "df_resid", "p_perm", "p_fwe", "significant", "status"}
_OF_PAIRS = {"gene", "region_1", "region_2", "diff", "p_fwe", "p_fwe_holm", "significant", "status"}


@dataclass(frozen=True, eq=False)
class SeveralTables:
    """What is told of a comparison of several regions, fresh or read from disk; see `jugex.several.SeveralRegions`."""

    omnibus: pd.DataFrame
    pairs_table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    settings: dict[str, Any]

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the regions, in their order."""
        return tuple(region["name"] for region in self.settings["regions"])

    @property
    def alpha(self) -> float:
        """Family-wise error at which a gene is called significant."""
        return float(self.settings["arguments"]["alpha"])

    @property
    def unit(self) -> str:
        """What was tested: genes, or every probe by itself."""
        return "probe" if "probe_name" in self.omnibus else "gene"

    def count_significant(self) -> dict[tuple[str, str], int]:
        """Significant genes of each pair that admits a test, corrected over all pairs."""
        found = self.pairs_table[self.pairs_table["significant"].to_numpy(dtype=bool)]
        counts = found.groupby(["region_1", "region_2"]).size().to_dict()
        tested = [pair for pair in self.settings["pairs"] if pair["status"] == "ok"]
        names = [(str(pair["region_1"]), str(pair["region_2"])) for pair in tested]
        return {pair: int(counts.get(pair, 0)) for pair in names}


def save_several(
    tables: SeveralTables,
    pairs: Mapping[tuple[str, str], DifferentialExpression],
    directory: str | PathLike[str],
    *,
    overwrite: bool = False,
) -> Path:
    """Write a comparison of several regions into a folder, whole or not at all.

    Parameters
    ----------
    tables : SeveralTables
    pairs : dict
        Results of the pairs that admit a test, by the names of both regions.
    directory : path-like
        Folder that does not exist yet, or is empty.
    overwrite : bool
        Replace a folder that holds a result of jugex.

    Returns
    -------
    Path
        The folder, with ``omnibus.tsv``, ``pairs.tsv``, ``samples.tsv``, what their columns mean in
        ``omnibus.json``, ``pairs.json`` and ``samples.json``, ``settings.json``, ``methods.md``, ``report.html`` and a
        folder for each pair.

    Raises
    ------
    OutputError
        As for `jugex.report.save_result`.
    """
    from jugex.report.methods import to_markdown
    from jugex.report.several_methods import describe_several_methods

    directory = Path(directory)
    check_output(directory, overwrite=overwrite)
    with replacing_folder(directory) as folder:
        write_tsv(tables.omnibus, folder / "omnibus.tsv")
        write_tsv(tables.pairs_table, folder / "pairs.tsv")
        write_samples(tables.samples, tables.zscores, folder, tables.region_names)
        write_several_sidecars(tables, folder, with_zscores=tables.zscores.shape[1] <= MAX_GENES_IN_SAMPLES)
        write_settings(tables.settings, folder)
        (folder / "methods.md").write_text(to_markdown(describe_several_methods(tables)), encoding="utf-8")
        for of_pair in tables.settings["pairs"]:
            if of_pair["folder"] is not None:
                save_result(pairs[of_pair["region_1"], of_pair["region_2"]], folder / of_pair["folder"])
        write_several_report(tables, folder / "report.html", beside=folder)
    return directory


def write_several_report(tables: SeveralTables, path: str | Path, *, beside: str | Path) -> Path:
    """Write the page of a comparison of several regions: one HTML file, with links to the pages of the pairs.

    Parameters
    ----------
    tables : SeveralTables
        Fresh or read from disk: the page is the same.
    path : path-like
        File to write; one that is there is replaced.
    beside : path-like
        Folder of the comparison, in which the pairs have theirs.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    from jugex.report.several_page import render_several

    path = Path(path)
    page = render_several(tables, _find_pages(tables.settings, Path(beside), path.parent))
    with replacing_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def holds_several(directory: str | Path) -> bool:
    """Whether a folder holds a comparison of several regions."""
    return (Path(directory) / "omnibus.tsv").exists()


def load_several(directory: str | Path) -> SeveralTables:
    """Read what `save_several` wrote, but for the pairs, which `jugex.load_result` reads one by one.

    Raises
    ------
    ResultError
        Where a file is missing or is not what it should be.
    """
    directory = Path(directory)
    try:
        settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
        if "jugex" not in settings["versions"] or "pairs" not in settings:
            raise KeyError("versions.jugex, pairs")
        omnibus, pairs = (_read_table(directory / name) for name in ("omnibus.tsv", "pairs.tsv"))
        samples, zscores = read_samples(directory, [region["name"] for region in settings["regions"]])
        for table, needed in ((omnibus, _OF_OMNIBUS), (pairs, _OF_PAIRS)):
            if missing := needed - set(table):
                raise KeyError(", ".join(sorted(missing)))
        return SeveralTables(omnibus, pairs, samples, zscores, settings)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            f"{directory} holds a comparison of several regions that cannot be read ({tell_file_problem(error)}); "
            "run jugex compare again, or name the folder of a pair in it"
        ) from error


def _read_table(path: Path) -> pd.DataFrame:
    header = pd.read_csv(path, sep="\t", nrows=0, dtype="object").columns
    types = {column: _TYPES.get(column, "float64") for column in header}
    return pd.read_csv(path, sep="\t", dtype=types, keep_default_na=False, na_values=[MISSING])


def _find_pages(settings: dict[str, Any], beside: Path, start: Path) -> dict[str, str]:
    """The page of each pair that has one, by its folder, as a link from `start`."""
    folders = [pair["folder"] for pair in settings["pairs"] if pair["folder"] is not None]
    pages = {folder: beside / folder / "report.html" for folder in folders}
    return {folder: _link_to(page, start) for folder, page in pages.items() if page.exists()}


def _link_to(page: Path, start: Path) -> str:
    """Link from a folder to a page; names may hold what means something in links, as #, ?, % and a colon do."""
    try:
        return quote(os.fsencode(Path(relpath(page, start)).as_posix()))
    except ValueError:  # on another drive, on Windows
        return page.absolute().as_uri()
