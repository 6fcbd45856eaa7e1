"""Tables that name the labels of a label image, and finding a label in them by its name."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from jugex.errors import RegionError, RegionFileError
from jugex.regions.nifti import file_stem

__all__ = ["find_label", "match_names", "nearest_names", "read_folder_table", "read_label_table", "read_names"]

_DELIMITERS = {".tsv": "\t", ".csv": ","}
_MOST_SHOWN = 5
#: Endings of FreeSurfer's colour tables, and the name of the one that FreeSurfer comes with.
_COLOUR_TABLES = (".txt", ".lut", ".ctab")
_FREESURFER_TABLE = "FreeSurferColorLUT.txt"


def read_label_table(image_path: Path, *, volumes: bool = False) -> dict[int, str]:
    """Read the names of an image's labels from the table beside it.

    The table has the image's name with another ending: ``.tsv`` (as BIDS has it: ``x_dseg.nii.gz`` and
    ``x_dseg.tsv``) or ``.csv`` with the columns `index` and `name`; ``.xml`` as FSL writes it; ``.txt``, ``.lut`` or
    ``.ctab`` with lines ``index name R G B A`` as FreeSurfer writes them. A table of another form is none of labels.

    Parameters
    ----------
    image_path : Path
        The label image.
    volumes : bool, default False
        Whether the table is to number the volumes of a 4-D image: FSL counts these from 0, and their labels in
        its images of the most probable label from 1.

    Returns
    -------
    dict of int to str
        Name of each label; empty where no table lies beside the image.

    Raises
    ------
    RegionFileError
        Where the table cannot be read or has an index that is no whole number.
    """
    stem = file_stem(image_path)
    for suffix in (*_DELIMITERS, ".xml", *_COLOUR_TABLES):
        path = image_path.with_name(stem + suffix)
        if path.is_file():
            table = _read_any_table(path, volumes=volumes)
            if table:
                return table
    return {}


def read_folder_table(image_path: Path, *, volumes: bool = False) -> dict[int, str]:
    """Read the names of an image's labels from a table that serves several images.

    That is FSL's XML file in the image's folder or the one above, where it names the image, else FreeSurfer's
    ``FreeSurferColorLUT.txt`` in the image's folder.

    Parameters
    ----------
    image_path : Path
        The label image.
    volumes : bool, default False
        As for `read_label_table`.

    Returns
    -------
    dict of int to str
        Name of each label; empty where there is no such table.
    """
    folder = image_path.absolute().parent
    for path in (*sorted(folder.glob("*.xml")), *sorted(folder.parent.glob("*.xml"))):
        if _names_image(path, file_stem(image_path)):
            return _read_xml(path, volumes=volumes)
    path = folder / _FREESURFER_TABLE
    return _read_colours(path) if path.is_file() else {}


def read_names(path: Path) -> dict[int, str]:
    """Read a table with the columns `index` and `name` (``.tsv`` or ``.csv``); empty where it has no such columns."""
    return _read_table(path, _DELIMITERS[path.suffix])


def match_names(names: Mapping[int, str], text: str) -> dict[int, str]:
    """Names that a text means, by the strictest rule that any name obeys.

    The rules: equal; equal in any case; equal without case and punctuation; a part, without these.

    Parameters
    ----------
    names : mapping of int to str
        The names, by their numbers.
    text : str
        What is looked for.

    Returns
    -------
    dict of int to str
        The names that match; empty where none does.
    """
    wanted = _squeeze(text)
    rules: list[Callable[[str], bool]] = [
        lambda name: name == text,
        lambda name: name.casefold() == text.casefold(),
        lambda name: bool(wanted) and _squeeze(name) == wanted,
        lambda name: bool(wanted) and wanted in _squeeze(name),
    ]
    found = ({number: name for number, name in names.items() if rule(name)} for rule in rules)
    return next((matches for matches in found if matches), {})


def nearest_names(names: Iterable[str], text: str) -> list[str]:
    """At most five names that are spelt most like a text, or whose words are, the nearest first."""
    scores = {name: _score_likeness(name, text) for name in names}
    return [name for name in sorted(scores, key=lambda name: -scores[name]) if scores[name] >= 0.5][:_MOST_SHOWN]


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
    matches = match_names(table, text)
    if len(matches) == 1:
        return next(iter(matches))
    if matches:
        raise RegionError(
            f"{text!r} matches {len(matches)} labels of {title} ({_list_labels(matches)}): "
            "write more of the name, or the number"
        )
    raise RegionError(f"no label of {title} is called {text!r}; {_suggest_labels(table, text)}")


def _read_any_table(path: Path, *, volumes: bool) -> dict[int, str]:
    if path.suffix == ".xml":
        return _read_xml(path, volumes=volumes)
    return read_names(path) if path.suffix in _DELIMITERS else _read_colours(path)


def _read_xml(path: Path, *, volumes: bool) -> dict[int, str]:
    """Read FSL's description of labels; see ``$FSLDIR/data/atlases`` and the documentation of FSLeyes."""
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError) as error:
        raise RegionFileError(f"the label table {path.name} cannot be read ({error}): it is no XML file") from error
    is_probabilistic = (tree.findtext("header/type") or "").strip().casefold() != "label"
    # an image of the most probable label needs 0 for the background
    offset = 1 if is_probabilistic and not volumes else 0
    labels = tree.findall("data/label")
    table = {_parse_index(label.get("index"), path) + offset: "".join(label.itertext()).strip() for label in labels}
    return _check_unique(table, len(labels), path)


def _names_image(path: Path, stem: str) -> bool:
    """Whether an XML file is FSL's description of an image, by the name of that image without ending."""
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError):  # some other XML file
        return False
    files = [*tree.iterfind("header/images/imagefile"), *tree.iterfind("header/images/summaryimagefile")]
    return stem in {file_stem(Path((element.text or "").strip())) for element in files}


def _read_colours(path: Path) -> dict[int, str]:
    """Read FreeSurfer's ``index name R G B A``; empty where some line has another form."""
    try:
        lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    rows = [re.fullmatch(r"(\d+)\s+(\S.*?)((?:\s+\d+){3,4})", line) for line in lines if line]
    found = [row for row in rows if row is not None]
    table = {int(row[1]): row[2] for row in found}
    return _check_unique(table, len(rows), path) if len(found) == len(rows) else {}


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
    return _check_unique(table, len(rows), path)


def _check_unique(table: dict[int, str], n_rows: int, path: Path) -> dict[int, str]:
    if len(table) < n_rows:
        raise RegionFileError(f"the label table {path.name} lists an index twice: each label needs one name")
    return table


def _parse_index(text: str | None, path: Path) -> int:
    try:
        value = float(text or "")
        if value.is_integer():
            return int(value)
    except (TypeError, ValueError):
        pass
    raise RegionFileError(f"the label table {path.name} has the index {text!r}: indices are whole numbers")


def _squeeze(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _score_likeness(name: str, text: str) -> float:
    """How alike two texts are, as wholes or word by word, from 0 to 1."""
    whole = difflib.SequenceMatcher(None, _squeeze(name), _squeeze(text)).ratio()
    names, words = (re.findall(r"[^\W_]+", part.casefold()) for part in (name, text))
    if not names or not words:
        return whole
    best = [max(difflib.SequenceMatcher(None, word, other).ratio() for other in names) for word in words]
    return max(whole, sum(best) / len(best) * 0.99)  # of equals, the name that is alike as a whole comes first


def _list_labels(labels: dict[int, str]) -> str:
    shown = [f"{label}: {name}" for label, name in list(labels.items())[:_MOST_SHOWN]]
    return ", ".join(shown) + (", ..." if len(labels) > _MOST_SHOWN else "")


def _suggest_labels(table: dict[int, str], text: str) -> str:
    nearest = nearest_names(table.values(), text)
    if nearest:
        return "the nearest are " + ", ".join(repr(name) for name in nearest)
    return f"it has {len(table):,} labels ({_list_labels(table)})"
