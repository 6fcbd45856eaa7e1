"""Tables that name the labels of a label image, and finding a label in them by its name."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable
from pathlib import Path

from jugex.errors import RegionError, RegionFileError
from jugex.regions.volumes import file_stem

__all__ = ["find_label", "read_label_table"]

_DELIMITERS = {".tsv": "\t", ".csv": ","}
_MOST_SHOWN = 5


def read_label_table(image_path: Path) -> dict[int, str]:
    """Read the names of an image's labels from the table beside it.

    The table has the image's name with the ending ``.tsv`` (as BIDS has it: ``x_dseg.nii.gz`` and ``x_dseg.tsv``)
    or ``.csv``, and the columns `index` and `name`. A table without these columns is none of labels.

    Parameters
    ----------
    image_path : Path
        The label image.

    Returns
    -------
    dict of int to str
        Name of each label; empty where no table lies beside the image.

    Raises
    ------
    RegionFileError
        Where the table cannot be read or has an index that is no whole number.
    """
    for suffix, delimiter in _DELIMITERS.items():
        path = image_path.with_name(file_stem(image_path) + suffix)
        if path.is_file():
            table = _read_table(path, delimiter)
            if table:
                return table
    return {}


def find_label(table: dict[int, str], text: str, *, title: str) -> int:
    """Find a label by its name: exactly, in any case, or by a part that only one name has.

    Parameters
    ----------
    table : dict of int to str
        Name of each label.
    text : str
        The name looked for; in parts, case and punctuation do not count.
    title : str
        What the image is called in messages.

    Returns
    -------
    int
        The label.

    Raises
    ------
    RegionError
        Where no name matches, or several do.
    """
    wanted = _squeeze(text)
    rules: list[Callable[[str], bool]] = [
        lambda name: name == text,
        lambda name: name.casefold() == text.casefold(),
        lambda name: bool(wanted) and _squeeze(name) == wanted,
        lambda name: bool(wanted) and wanted in _squeeze(name),
    ]
    for rule in rules:
        matches = {label: name for label, name in table.items() if rule(name)}
        if len(matches) == 1:
            return next(iter(matches))
        if matches:
            raise RegionError(
                f"{text!r} matches {len(matches)} labels of {title} ({_list_labels(matches)}): "
                "write more of the name, or the number"
            )
    raise RegionError(f"no label of {title} is called {text!r}; {_suggest_labels(table, text)}")


def _read_table(path: Path, delimiter: str) -> dict[int, str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, delimiter=delimiter)
            columns = {name.strip().lower(): name for name in reader.fieldnames or []}
            if not {"index", "name"} <= set(columns):
                return {}
            rows = [(row[columns["index"]], row[columns["name"]]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RegionFileError(f"the label table {path.name} cannot be read ({error}): save it as UTF-8 text") from error
    table = {_parse_index(index, path): (name or "").strip() for index, name in rows}
    if len(table) < len(rows):
        raise RegionFileError(f"the label table {path.name} lists an index twice: each label needs one name")
    return table


def _parse_index(text: str, path: Path) -> int:
    try:
        value = float(text)
        if value.is_integer():
            return int(value)
    except (TypeError, ValueError):
        pass
    raise RegionFileError(f"the label table {path.name} has the index {text!r}: indices are whole numbers")


def _squeeze(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _list_labels(labels: dict[int, str]) -> str:
    shown = [f"{label}: {name}" for label, name in list(labels.items())[:_MOST_SHOWN]]
    return ", ".join(shown) + (", ..." if len(labels) > _MOST_SHOWN else "")


def _suggest_labels(table: dict[int, str], text: str) -> str:
    folded = {name.casefold(): name for name in table.values()}
    nearest = difflib.get_close_matches(text.casefold(), folded, n=_MOST_SHOWN, cutoff=0.5)
    if nearest:
        return "the nearest are " + ", ".join(repr(folded[name]) for name in nearest)
    return f"it has {len(table):,} labels ({_list_labels(table)})"
