"""Tables that name the labels of an image: how they are found, and the formats in which programs write them."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args
from xml.etree import ElementTree

import pandas as pd

from jugex._text import expand_home, read_packed
from jugex.errors import OptionError, RegionError, RegionFileError, tell_problem
from jugex.regions.labels import Side
from jugex.regions.nifti import file_stem

__all__ = ["LabelTable", "LabelsLike", "TissueClass", "find_label_table", "read_labels"]

#: Endings of tables beside an image, in the order in which they are searched.
_TABLE_ENDINGS = (
    ".tsv",
    ".csv",
    ".xml",
    ".txt",
    ".lut",
    ".ctab",
    ".ctbl",
    ".label",
    ".json",
    ".nii.txt",
    ".nii.gz.txt",
)
#: FreeSurfer's table of all its labels.
_FREESURFER_TABLE = "FreeSurferColorLUT.txt"
#: Number of folders above an image in which a BIDS table may lie.
_N_PARENTS = 3

#: Columns of the number of a label and of its name, in order of preference, without case and punctuation.
_INDEX_COLUMNS = (
    "index", "id", "labelid", "labelindex", "labelnumber", "labelvalue", "roinum", "roiid", "roiindex", "roilabel",
    "value", "key", "number", "num", "no", "component", "volume", "parcelid", "parcelindex", "regionid", "regionindex",
    "intensity", "label", "roi", "parcel", "region",
)  # fmt: skip
_NAME_COLUMNS = (
    "name", "labelname", "roiname", "regionname", "parcelname", "fullname", "longname", "difumonames", "label",
    "region", "structure", "area", "parcel", "roi", "anatomicalname", "description", "abbreviation", "roiabbr",
    "acronym", "title",
)  # fmt: skip
_SIDE_COLUMNS = ("hemisphere", "hemi", "side")
_EMPTY_CELLS = {"", "n/a", "na", "nan", "none"}

#: Names that tables give to label 0, which is the background and no region.
_BACKGROUND = re.compile(
    r"background|bg|unknown|unknow|none|null|outside|clear ?label|unlabell?ed|empty|exterior|medial ?wall|void|"
    r"no ?label|not ?labell?ed|label ?0|\W*|0",
    flags=re.IGNORECASE,
)

#: Classes of tissue in abagen's tables.
TissueClass = Literal["cortex", "subcortex/brainstem", "cerebellum", "white matter", "other"]
_SIDES: dict[str, Side] = {"l": "left", "left": "left", "r": "right", "right": "right"}

#: A table of labels: a path, names by number, names in the order of the labels, or a DataFrame.
LabelsLike = str | os.PathLike[str] | Mapping[int, str] | Sequence[str] | pd.DataFrame


@dataclass(frozen=True)
class LabelTable:
    """The names of the labels of an image.

    Attributes
    ----------
    names : dict of int to str
        Name of each label.
    source : str
        Source of the names; empty if there is no table.
    is_list : bool
        Whether the source lists names without numbers; labels are then counted from 1.
    problems : tuple of str
        Why other tables that were found, or some names of this one, are not used.
    notes : tuple of str
        Assumptions about the table.
    annotations : dict of int to (str or None, str or None)
        Class of tissue and side of each label, if the table has them, as abagen's do; None for either side.
    """

    names: dict[int, str] = field(default_factory=dict)
    source: str = ""
    is_list: bool = False
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    annotations: dict[int, tuple[TissueClass | None, Side | None]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names)

    def fitted_to_labels(self, held: Collection[int]) -> LabelTable:
        """The table with the numbering of the labels that an image holds, given without 0.

        A table may name 0, which is the background of an image. If the image's largest label is one more than the
        table's, the table counts from 0 and is shifted; else the numbering is not clear, and no name is used.
        """
        if not self.names:
            return self
        if self.is_list and len(self.names) != max(held, default=0):
            return self._unused(f"lists {len(self.names):,} names, but the largest label is {max(held, default=0)}")
        if 0 not in self.names:
            return self
        if _BACKGROUND.fullmatch(self.names[0]):
            return replace(self, names={number: name for number, name in self.names.items() if number != 0})
        first = self.names[0]
        if max(held, default=0) == max(self.names) + 1:
            names = {number + 1: name for number, name in self.names.items()}
            note = f"{self.source} counts from 0 ({first!r}) and the image from 1: each label has the name of one less"
            return replace(self, names=names, notes=(*self.notes, note))
        return self._unused(f"names label 0 {first!r}, which is the background of an image: does it count from 0?")

    def fitted_to_volumes(self, n_volumes: int) -> tuple[LabelTable, int]:
        """The table with the numbering of the volumes of a 4-D image, and the number of the first volume."""
        numbers = set(self.names)
        if self.is_list and len(numbers) == n_volumes:
            return replace(self, names={number - 1: name for number, name in self.names.items()}), 0
        if numbers == set(range(n_volumes)):
            return self, 0
        if numbers - {0} == set(range(1, n_volumes + 1)):  # 0 is then the background
            return self, 1
        if not numbers:
            return self, 0
        return self._unused(
            f"lists {len(numbers):,} volumes, {min(numbers)} to {max(numbers)}, but the image holds {n_volumes:,}"
        ), 0

    def _unused(self, why: str) -> LabelTable:
        return LabelTable(problems=(*self.problems, f"{self.source or 'the label table'} {why}"))


def read_labels(source: LabelsLike) -> LabelTable:
    """Read the names of labels from the user's file, mapping, list or DataFrame.

    Parameters
    ----------
    source : path, mapping of int to str, sequence of str, or DataFrame
        A file in any of the formats that `find_label_table` reads; names by number; names in the order of labels from
        1; or a DataFrame with a column of numbers and one of names, like a table in a file.

    Returns
    -------
    LabelTable

    Raises
    ------
    RegionFileError
        If a file cannot be read, or holds no names of labels.
    OptionError
        If the source is none of these.
    """
    if isinstance(source, str | os.PathLike):
        path = expand_home(source)
        try:
            table = _read_table(path, volumes=False)
        except _NoTableError as error:
            raise RegionFileError(f"the label table {path.name} {error}") from error
        return replace(table, source=path.name)
    if isinstance(source, pd.DataFrame):
        rows = [[str(cell) for cell in row] for row in source.itertuples(index=False)]
        try:
            return replace(_from_columns([str(column) for column in source.columns], rows), source="the label table")
        except _NoTableError as error:
            raise OptionError(f"the DataFrame of labels {error}") from error
    if isinstance(source, Mapping):
        return LabelTable({_whole(number): str(name) for number, name in source.items()}, "the label table")
    if isinstance(source, Sequence) and all(isinstance(name, str) for name in source):
        return LabelTable(dict(enumerate(source, start=1)), "the label table", is_list=True)
    raise OptionError(
        f"labels must be a file, names by number, a list of names or a DataFrame; got {type(source).__name__}"
    )


def find_label_table(image_path: Path, *, is_asked: bool, volumes: bool = False) -> LabelTable:
    """Read the names of an image's labels from a table beside the image.

    The table has the name of the image with another ending (``x_dseg.nii.gz`` and ``x_dseg.tsv``). If there is none and
    a label was requested, tables that serve several images are tried: by BIDS inheritance (``dseg.tsv``, without
    ``res-``, in the folder or above); with the beginning of the image's name (CBIG's order files), also followed by
    ``_label``; FSL's XML file, in the folder or above, if it names the image; FreeSurfer's ``FreeSurferColorLUT.txt``.

    Formats are tables with and without a header (tab, comma, semicolon), FSL's and SPM's XML, the formats of
    FreeSurfer, MRtrix, ITK-SNAP, 3D Slicer, FSLeyes, MRIcron and Connectome Workbench, JSON, and one name per line.

    Parameters
    ----------
    image_path : Path
        The image.
    is_asked : bool
        Whether a label was requested.
    volumes : bool, default False
        Whether the table numbers the volumes of a 4-D image, which FSL counts from 0; in its images of the most
        probable label, FSL counts labels from 1.

    Returns
    -------
    LabelTable
        Without names if no table is found; `problems` says which files were found and why they are not used.
    """
    own = [image_path.with_name(file_stem(image_path) + ending) for ending in _TABLE_ENDINGS]
    candidates = [path for path in own if path.is_file()]
    if is_asked:
        candidates += [path for path in _list_shared_tables(image_path) if path not in candidates]
    problems = []
    for path in candidates:
        try:
            table = _read_table(path, volumes=volumes)
        except _NoTableError as error:
            problems.append(f"{path.name} {error}")
            continue
        return replace(table, source=path.name, problems=(*problems, *table.problems))
    return LabelTable(problems=tuple(problems))


# --- tables that serve several images -----------------------------------------------------------------------------


def _list_shared_tables(image_path: Path) -> list[Path]:
    folder, stem = image_path.absolute().parent, file_stem(image_path)
    beside = _list_files(folder)
    found = _list_inherited_tables(folder, stem)
    prefixed = [path for path in beside if path.suffix in _TABLE_ENDINGS and _matches_beginning(stem, path)]
    found += sorted(prefixed, key=lambda path: -len(path.name))
    above = [path for path in _list_files(folder.parent) if path.suffix == ".xml"]
    found += [path for path in (*beside, *above) if path.suffix == ".xml" and _names_image(path, stem)]
    found += [path for path in beside if path.name == _FREESURFER_TABLE]
    return found


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _matches_beginning(stem: str, table: Path) -> bool:
    """Whether the name of a table is the beginning of an image's name, as CBIG's ``..._order.lut``, or continues it.

    A suffix that only says that it is a label table is ignored, as in ``Tian_Subcortex_S1_3T_label.txt``.
    """
    name = table.name[: -len(table.suffix)]
    bare = re.sub(r"[_-](labels?|lut|names?|lookup)$", "", name, flags=re.IGNORECASE)
    is_beginning = len(bare) > 3 and (stem.startswith(bare + "_") or (bare == stem and bare != name))
    return is_beginning or name.startswith(stem + ".")


def _list_inherited_tables(folder: Path, stem: str) -> list[Path]:
    """Tables that an image inherits by BIDS, nearest first: all their entities are entities of the image."""
    entities, suffix = _read_entities(stem)
    is_bids = any("-" in entity for entity in entities)
    folders = [folder, *folder.parents[: _N_PARENTS if is_bids else 0]]
    found = []
    for each in folders:
        matching = []
        for path in _list_files(each):
            if path.suffix != ".tsv":
                continue
            table_entities, table_suffix = _read_entities(path.name.removesuffix(".tsv"))
            if table_entities <= entities and (table_suffix == suffix or (table_entities and not table_suffix)):
                matching.append((-len(table_entities), path))
        found += [path for _, path in sorted(matching)]
    return found


def _read_entities(stem: str) -> tuple[set[str], str]:
    """Entities (``atlas-Y`` and any other part) and suffix (``dseg``) of a BIDS name."""
    *entities, last = stem.split("_")
    return ({*entities, last}, "") if "-" in last else (set(entities), last)


def _names_image(path: Path, stem: str) -> bool:
    """Whether an XML file is FSL's description of the image with the name `stem` (without ending)."""
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError):  # some other XML file
        return False
    files = [*tree.iterfind("header/images/imagefile"), *tree.iterfind("header/images/summaryimagefile")]
    return stem in {file_stem(Path((element.text or "").strip())) for element in files}


# --- reading ------------------------------------------------------------------------------------------------------


class _NoTableError(Exception):
    """A file is not a label table; the message says why, as the end of a sentence about the file."""


def _read_table(path: Path, *, volumes: bool) -> LabelTable:
    """Read a label table, whose format is told from its content."""
    try:
        content = read_packed(path)
    except OSError as error:
        raise _NoTableError(f"cannot be read: {tell_problem(error)}") from error
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _NoTableError("is not a text file")
    text = _decode(content)
    if text.lstrip().startswith("<"):
        return _from_xml(text, volumes=volumes)
    return _from_json(text) if path.suffix == ".json" else _from_text(text)


def _from_text(text: str) -> LabelTable:
    """Read lines in the format of some program, or a table with columns."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise _NoTableError("is empty")
    for pattern, rows in _LINE_FORMS:
        if table := _from_lines(lines, pattern, rows):
            return table
    if separator := next((separator for separator in "\t,;" if separator in lines[0]), None):
        header, *body = csv.reader([line for line in text.splitlines() if line.strip()], delimiter=separator)
        return _from_columns(header, body)
    if len(lines) % 2 == 0 and all(re.fullmatch(r"\d+(\s+\d+){4}", line) for line in lines[1::2]):
        pairs = zip(
            lines[1::2], lines[::2], strict=True
        )  # Connectome Workbench: a line with the name, then one with its number and colour
        return _from_pairs((numbers.split()[0], name) for numbers, name in pairs)
    if table := _from_lines(lines, r"(?P<index>\d+)[\s:=.)]+(?P<name>\S.*)", 1.0):
        return table
    if all(re.search(r"[^\W\d_]", line) and len(line) < 100 for line in lines):
        return LabelTable(dict(enumerate(lines, start=1)), is_list=True)
    raise _NoTableError("has no known format of a label table; give one with the columns index and name")


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


_NUMBER = r"[\d.]+(?:e-?\d+)?"
#: Formats with one label per line, and the share of lines that must match.
_LINE_FORMS = (
    # ITK-SNAP: number, colour (4), visible, mesh, "name"
    (rf'(?P<index>\d+)(?:\s+{_NUMBER}){{6}}\s+"(?P<name>[^"]*)"', 1.0),
    # FreeSurfer, 3D Slicer, CBIG: number, name, colour
    (r"(?P<index>\d+)\s+(?P<name>[^\s\d.].*?|\d+[^\s\d.].*?)(?:\s+\d+){3,4}", 1.0),
    # FSLeyes: number, colour from 0 to 1, name
    (rf"(?P<index>\d+)(?:\s+{_NUMBER}){{3}}\s+(?P<name>\D.*)", 1.0),
    # MRIcron: number, name, number in another image
    (r"(?P<index>\d+)\s+(?P<name>[^\s\d]\S*)\s+\d+", 1.0),
    # AAL as in SPM and MRtrix: short name, name, number
    (r"[^\W\d]\w*\s+(?P<name>[^\W\d]\S*)\s+(?P<index>\d+)", 1.0),
)


def _from_lines(lines: Sequence[str], pattern: str, share: float) -> LabelTable | None:
    rows = [found for line in lines if (found := re.fullmatch(pattern, line.split(" #")[0].rstrip()))]
    return _from_pairs((row["index"], row["name"]) for row in rows) if len(rows) >= share * len(lines) else None


def _from_xml(text: str, *, volumes: bool) -> LabelTable:
    """Read FSL's description of labels (``$FSLDIR/data/atlases``), SPM's and CAT12's, or a GIFTI label table."""
    try:
        root = ElementTree.fromstring(text.encode() if "encoding=" in text[:100] else text)
    except (ElementTree.ParseError, ValueError) as error:
        raise _NoTableError(f"is not valid XML ({error})") from error
    labels = [*root.iter("label")]
    if labels and labels[0].get("index") is not None:
        is_probabilistic = (root.findtext("header/type") or "").strip().casefold() != "label"
        # in an image of the most probable label, 0 is the background
        offset = 1 if is_probabilistic and not volumes else 0
        return _from_pairs(((label.get("index"), "".join(label.itertext())) for label in labels), offset)
    if labels:
        return _from_pairs((label.findtext("index"), label.findtext("name") or "") for label in labels)
    return _from_pairs((label.get("Key"), "".join(label.itertext())) for label in root.iter("Label"))


def _from_json(text: str) -> LabelTable:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _NoTableError(f"is not valid JSON ({error})") from error
    if isinstance(read, list) and all(isinstance(item, str) for item in read):
        return LabelTable(dict(enumerate(read, start=1)), is_list=True)
    if isinstance(read, list) and all(isinstance(item, dict) for item in read):
        frame = pd.DataFrame(read)
        return _from_columns([str(name) for name in frame.columns], frame.astype(str).to_numpy().tolist())
    if isinstance(read, dict):
        if nested := next((read[key] for key in ("labels", "Labels", "LUT") if isinstance(read.get(key), dict)), None):
            read = nested
        numbered = {key: name for key, name in read.items() if _is_whole(key) and isinstance(name, str)}
        swapped = {name: key for key, name in read.items() if isinstance(name, int)}
        return _from_pairs((str(key), str(name)) for key, name in (numbered or swapped).items())
    raise _NoTableError("holds no names by number")


def _from_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> LabelTable:
    """Read a table with columns, by its header or, if it has none, by its cells."""
    columns = [re.sub(r"[\W_]", "", name).casefold() for name in header]
    cells = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]

    if not cells and not any(map(_is_whole, header)):
        raise _NoTableError("has a header but no row below it, so that it numbers no label")

    def take(number: int) -> list[str]:
        return [row[number] if number < len(row) else "" for row in cells]

    def is_numeric(number: int) -> bool:
        filled = [cell for cell in take(number) if cell.casefold() not in _EMPTY_CELLS]
        return bool(filled) and sum(map(_is_whole, filled)) > len(filled) / 2

    known = [columns.index(name) for name in dict.fromkeys((*_INDEX_COLUMNS, *_NAME_COLUMNS)) if name in columns]
    if not known and any(map(_is_whole, header)):  # no header
        cells.insert(0, [cell.strip() for cell in header])
        index = next(number for number in range(len(header)) if _is_whole(header[number]))
        names = next((number for number in range(len(header)) if number != index and not is_numeric(number)), None)
    else:
        numeric = [number for number in known if is_numeric(number)]
        candidates = [columns.index(name) for name in _INDEX_COLUMNS if name in columns]
        index = next((number for number in candidates if number in numeric), -1)
        candidates = [columns.index(name) for name in _NAME_COLUMNS if name in columns]
        names = next((number for number in candidates if number != index and not is_numeric(number)), None)
    if index < 0 and names is None:
        raise _NoTableError(
            f"has the columns {', '.join(header)}; a column of numbers, such as index, and one of names are needed"
        )
    sides = next((columns.index(name) for name in _SIDE_COLUMNS if name in columns), None)
    if names is None:  # the name is spread over columns, such as hemisphere, network and subregion
        parts = [take(number) for number in range(len(columns)) if number != index]
        texts = ["_".join(part for part in row if part) for row in zip(*parts, strict=True)]
    else:
        texts = take(names)
        if sides is not None and len(set(texts)) < len(texts):
            texts = [f"{text} {side}".strip() for text, side in zip(texts, take(sides), strict=True)]
    if index < 0:
        return LabelTable({number: text for number, text in enumerate(texts, start=1) if text}, is_list=True)
    table = _from_pairs(zip(take(index), texts, strict=True))
    tissues = take(columns.index("structure")) if "structure" in columns else []
    if sides is None or not tissues or not set(tissues) <= set(get_args(TissueClass)):
        return table
    annotations: dict[int, tuple[TissueClass | None, Side | None]] = {
        _whole(number): (cast(TissueClass, tissue), _SIDES.get(side.casefold()))
        for number, tissue, side in zip(take(index), tissues, take(sides), strict=True)
        if _is_whole(number)
    }
    return replace(table, annotations=annotations)


def _from_pairs(pairs: Iterable[tuple[str | None, str]], offset: int = 0) -> LabelTable:
    """Names by number; rows without a number or a name are ignored, and so are numbers with two different names."""
    names: dict[int, str] = {}
    twice: dict[int, None] = {}
    for number, text in pairs:
        name = " ".join(text.split())
        if number is None or not _is_whole(number) or name.casefold() in _EMPTY_CELLS - {"none"}:
            continue
        label = _whole(number) + offset
        if names.setdefault(label, name) != name:
            twice[label] = None
    if not names:
        raise _NoTableError("numbers no label; needed are whole numbers and names")
    kept = {label: name for label, name in names.items() if label not in twice}
    shown = ", ".join(map(str, twice))
    return LabelTable(kept, problems=(f"the label table gives two names to {shown}",) if twice else ())


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", str(text)) is not None


def _whole(number: Any) -> int:
    if not _is_whole(number):
        raise RegionError(f"the label {number!r} is not a whole number: names are given by the numbers of the labels")
    return int(str(number).partition(".")[0])
