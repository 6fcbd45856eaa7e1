"""Which voxels of an image make a region: those above a threshold, of a label, or of a mask."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError, RegionFileError
from jugex.regions.labels import find_label, match_names
from jugex.regions.stacks import Stack
from jugex.regions.volumes import Volume

__all__ = [
    "Selection",
    "holds_probabilities",
    "pick_map",
    "select_label",
    "select_map",
    "select_mask",
    "select_probable",
]


@dataclass(frozen=True, eq=False)
class Selection:
    """The voxels of an image that make a region, and by which rule."""

    kind: str
    mask: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[Any] | None = None
    max_probability: float | None = None
    threshold: float | None = None
    percent: bool = False
    label: int | None = None
    label_name: str | None = None


def holds_probabilities(volume: Volume, table: dict[int, str]) -> bool:
    """Whether the values are real numbers that are not labels: whole numbers with a label table are labels."""
    return volume.data.dtype.kind == "f" and not (table and _is_whole(volume.data))


def _is_whole(data: npt.NDArray[Any]) -> bool:
    return data.dtype.kind != "f" or bool((data == np.rint(data)).all())


def select_probable(volume: Volume, threshold: float, *, percent: bool) -> Selection:
    """Voxels with a probability above the threshold."""
    lowest, highest = volume.lowest, volume.highest
    if lowest < 0:
        raise RegionError(f"{volume.title} holds negative values (lowest {lowest:g}): probabilities are 0 to 1")
    if highest > 100:
        raise RegionError(
            f"{volume.title} holds values up to {highest:g}: probabilities are 0 to 1, or percent 0 to 100"
            f"{_label_hint(volume) if _is_whole(volume.data) else ''}"
        )
    percent = percent or highest > 1
    values = volume.data if volume.data.dtype.kind == "f" else volume.data.astype(np.float64)
    probabilities = values / values.dtype.type(100) if percent else values
    maximum = probabilities.max()
    mask = probabilities > probabilities.dtype.type(threshold)
    if not mask.any():
        scale = f"; its maximum {highest:g} was read as percent" if percent else ""
        raise RegionError(
            f"no voxel of {volume.title} is above the threshold {threshold:g}: the maximum is {maximum:g}{scale}; "
            "lower the threshold or take another image"
        )
    return Selection("probability map", mask, probabilities, float(maximum), threshold, bool(percent))


def pick_map(stack: Stack, label: int | str | None, table: dict[int, str]) -> tuple[Volume, int]:
    """Volume of a 4-D image by its number or name, and its number as the table counts."""
    if label is None:
        raise RegionError(
            f"{stack.title} holds {len(stack.volumes):,} volumes: one is needed, name it like {stack.title}#0 "
            "(label=0 in Python)"
        )
    number = _read_number(label, table, stack)
    first = _find_first(table, stack)
    return stack.pick(number - first), number


def _find_first(table: dict[int, str], stack: Stack) -> int:
    """Whether a table counts the volumes from 0 or from 1; anything else would be guessing."""
    n_volumes = len(stack.volumes)
    numbers = set(table)
    if not table or numbers == set(range(n_volumes)):
        return 0
    if numbers - {0} == set(range(1, n_volumes + 1)):  # 0 is then the background
        return 1
    raise RegionFileError(
        f"the label table of {stack.title} lists {len(numbers):,} volumes, {min(numbers)} to {max(numbers)}, but the "
        f"image holds {n_volumes:,}: it must count them from 0 or from 1"
    )


def select_map(volume: Volume, threshold: float) -> Selection:
    """Voxels of one volume of a 4-D image: integers are percent, or masks where the whole image holds 0 and 1."""
    if volume.data.dtype.kind == "f" or volume.highest > 1 or volume.lowest < 0:
        return select_probable(volume, threshold, percent=False)
    return select_mask(volume, {})


def select_label(volume: Volume, label: int | str, table: dict[int, str]) -> Selection:
    """Voxels of one label, by its number or its name."""
    if not _is_whole(volume.data):
        raise RegionError(f"{volume.title} has no labels: it holds real numbers that are not whole")
    number = _read_number(label, table, volume)
    if number == 0:
        raise RegionError(f"label 0 of {volume.title} is the background: give the label of a region")
    mask = volume.data == number
    if not mask.any():
        raise RegionError(f"no voxel of {volume.title} has the label {number}: it holds {_describe_labels(volume)}")
    return Selection("label", mask, label=number, label_name=table.get(number))


def _read_number(label: int | str, table: dict[int, str], image: Volume | Stack) -> int:
    if not isinstance(label, str):
        return _read_whole(label)
    if re.fullmatch(r"[+-]?\d+", label.strip()):
        return int(label)
    if not table:
        raise RegionError(
            f"{image.title} has no label table, so that label {label!r} has no number: give the number, or put "
            f"{image.stem}.tsv with the columns index and name beside the image"
        )
    matches = match_names(table, label)
    if len(matches) > 1 and isinstance(image, Volume):  # a table of all that exists: only what the image holds counts
        held = set(_list_values(image.data).tolist())
        table = {number: name for number, name in matches.items() if number in held} or matches
    return find_label(table, label, title=image.title)


def _read_whole(label: Any) -> int:
    """Whole number that a label is, also one written like 30.0."""
    if isinstance(label, float | np.floating) and label.is_integer():
        return int(label)
    try:
        return operator.index(label)
    except TypeError:
        raise RegionError(f"label {label!r} is no label: give its whole number, or its name as text") from None


def select_mask(volume: Volume, table: dict[int, str]) -> Selection:
    """Non-zero voxels of a binary mask."""
    labels = _list_values(volume.data)
    if len(labels) == 0:
        raise RegionError(f"{volume.title} is empty: every voxel is 0")
    if table or len(labels) > 1:
        why = " and a label table beside it" if table else ""
        raise RegionError(f"{volume.title} holds {_describe_labels(volume)}{why}{_label_hint(volume)}")
    return Selection("binary mask", volume.data != 0)


def _list_values(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values other than 0, rising."""
    return np.unique(data[data != 0])


def _describe_labels(volume: Volume) -> str:
    labels = _list_values(volume.data)
    if len(labels) == 1:
        return f"1 label ({labels[0]:g})"
    return f"{len(labels):,} labels ({labels[0]:g} to {labels[-1]:g})" if len(labels) else "none"


def _label_hint(volume: Volume) -> str:
    """Say how one label is named, and how percent, where the values could be that."""
    labels = _list_values(volume.data)
    file = volume.path.name if volume.path is not None else "image"
    hint = f"; name one label, like {file}#{labels[0]:g} (label={labels[0]:g} in Python)"
    if labels[0] > 0 and 1 < labels[-1] <= 100:
        hint += f", or say that the values are percent: {file}% (percent=True)"
    return hint
