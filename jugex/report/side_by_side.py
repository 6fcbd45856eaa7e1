"""Two results side by side: as lines of text, as a page, and as files."""

from __future__ import annotations

import base64
import json
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from jugex._text import count_of, format_number, format_p, lay_out, shorten
from jugex.model.changes import tabulate_changes
from jugex.model.record import list_versions, today
from jugex.pipeline.differences import Differences
from jugex.plots.differences import plot_differences
from jugex.plots.styles import drawing_for_files, save_figure, to_png
from jugex.report.folders import check_output, replacing_folder
from jugex.report.page import make_environment
from jugex.report.tables import write_tsv

__all__ = ["conclude", "render_differences", "save_differences", "summarize_differences"]

_N_SHOWN = 10
_MOST_ROWS = 200
_MAX_NAME = 28
_KINDS = {"choice": "choice", "input": "input", "version": "version", "outcome": "followed"}


def conclude(found: Differences) -> str:
    """Conclude in one sentence whether the numbers are the same, or what differs."""
    unit = found.first.unit
    if found.same_numbers:
        return f"Same numbers: {count_of(len(found.first.table), unit)}, all columns agree to 8 digits."
    counts = {kind: sum(change.kind == kind for change in found.changes) for kind in ("choice", "input", "version")}
    named = [f"{n} {kind if n == 1 else kind + 's'}" for kind, n in counts.items() if n]
    differ = (
        f"{' and '.join(named) or 'no choice, input or version'} {'differs' if sum(counts.values()) == 1 else 'differ'}"
    )
    n_changed = len(found.changed)
    standing = "evidence" if "evidence_1" in found.genes else "significance"
    of = f"of {len(found.genes):,} {unit}s" if "region_1" not in found.genes else f"of {len(found.genes):,} rows"
    verb = "changes its" if n_changed == 1 else "change their"
    return f"Other numbers: {differ}; {n_changed or 'none'} {of} {verb} {standing}."


def summarize_differences(found: Differences) -> list[str]:
    """Summarise what differs between two results, as the command line prints it."""
    lines = [f"{found.names[0]} | {found.names[1]}", conclude(found)]
    if found.is_swapped:
        lines.append("The regions have changed places: differences of the second result are shown negated.")
    if not found.same_samples:
        lines.append("They used different samples.")
    if found.changes:
        rows = [
            (
                _KINDS[change.kind],
                change.what,
                shorten(change.first or "none", 40),
                shorten(change.second or "none", 40),
            )
            for change in found.changes
        ]
        lines += ["", *lay_out(("", "differs", *map(_shorten_name, found.names)), rows)]
    if not found.changed.empty:
        header, cells = _list_genes(found.changed.head(_N_SHOWN))
        n_more = len(found.changed) - _N_SHOWN
        more = [f"... and {count_of(n_more, f'more {found.first.unit}')}"] if n_more > 0 else []
        lines += ["", *lay_out(header, cells, right={name for name in header if name.startswith(("diff", "f ", "p_"))})]
        lines += more
    if not found.unequal.empty:
        listed = [
            f"{row['column']} ({row['n_rows']:,}{_format_gap(row['largest'])})"
            for row in found.unequal.to_dict("records")
        ]
        shown = ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")
        lines += ["", f"Columns with other values (rows, largest difference): {shown}"]
    return lines


def _shorten_name(name: str) -> str:
    return shorten(name, _MAX_NAME)


def _format_gap(largest: float) -> str:
    return "" if pd.isna(largest) else f", {largest:.2g}"


def _list_genes(genes: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns of genes in both results, and their cells."""
    columns = [column for column in ("evidence", "significant", "diff", "f", "p_fwe") if f"{column}_1" in genes]
    if "evidence" in columns:
        columns.remove("significant")
    if "diff" in columns:
        columns.remove("f")
    where = ["region_1", "region_2"] if "region_1" in genes else []
    header = ["gene", *where, *(f"{column} {number}" for column in columns for number in (1, 2))]
    rows = [
        [
            *(shorten(str(row[column]), _MAX_NAME) for column in ("gene", *where)),
            *(_format_cell(column, row[f"{column}_{number}"]) for column in columns for number in (1, 2)),
        ]
        for row in genes.to_dict("records")
    ]
    return header, rows


def _format_cell(column: str, value: Any) -> str:
    if pd.isna(value):
        return ""
    if column == "significant":
        return "yes" if value else "no"
    return str(value) if column == "evidence" else format_p(value) if column.startswith("p_") else format_number(value)


@drawing_for_files()
def render_differences(found: Differences) -> str:
    """Render the page of two results side by side: what differs, a figure, and the genes that change."""
    header, rows = _list_genes(found.genes.head(_MOST_ROWS))
    figure = to_png(plot_differences(found), dpi=200)
    context = {
        "names": found.names,
        "conclusion": conclude(found),
        "is_swapped": found.is_swapped,
        "same_samples": found.same_samples,
        "simulated": found.first.record.atlas.simulated or found.second.record.atlas.simulated,
        "regions": [data.region_names for data in (found.first, found.second)],
        "changes": [(_KINDS[change.kind], change) for change in found.changes],
        "header": header,
        "rows": list(zip(rows, found.genes["changed"].head(_MOST_ROWS), strict=True)),
        "n_genes": len(found.genes),
        "unequal": found.unequal.to_dict("records"),
        "unit": found.first.unit,
        "figure": base64.b64encode(figure).decode(),
        "versions": list_versions(),
        "date": today(),
    }
    return make_environment().get_template("side_by_side.html").render(context)


@drawing_for_files()
def save_differences(found: Differences, directory: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Write two results side by side into a folder, whole or not at all.

    Parameters
    ----------
    found : Differences
    directory : path-like
        Folder that does not exist yet, or is empty.
    overwrite : bool
        Replace a folder that holds such files of jugex.

    Returns
    -------
    Path
        The folder, with ``report.html``, ``changes.tsv`` (choices, inputs, versions and outcomes), ``differences.tsv``
        (genes), ``differences.json`` and the figure ``differences.pdf`` and ``.png``.

    Raises
    ------
    OutputError
        As for `save_result`.
    """
    directory = Path(directory)
    check_output(directory, overwrite=overwrite)
    with replacing_folder(directory, overwrite=overwrite) as folder:
        write_tsv(tabulate_changes(found.changes), folder / "changes.tsv")
        write_tsv(found.genes, folder / "differences.tsv")
        described = {
            "versions": list_versions(), "date": today(), "first": found.names[0], "second": found.names[1],
            "same_numbers": found.same_numbers, "same_samples": found.same_samples, "conclusion": conclude(found),
        }  # fmt: skip
        text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        (folder / "differences.json").write_text(text, encoding="utf-8")
        for ending in ("pdf", "png"):
            save_figure(plot_differences(found), folder / f"differences.{ending}")
        (folder / "report.html").write_text(render_differences(found), encoding="utf-8")
    return directory
