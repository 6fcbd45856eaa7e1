"""The regions of a parcellation or an image, one by one, with the reason for each that cannot be made."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from jugex.errors import OptionError, RegionError
from jugex.progress import track
from jugex.query.samples import read_region
from jugex.regions import Region, list_contents, open_parcellation, parse_region
from jugex.regions.annotated import annotate
from jugex.regions.images import select_region
from jugex.regions.label_tables import LabelsLike, LabelTable, find_label_table, read_labels
from jugex.regions.nifti import read_image
from jugex.regions.parcellations import is_parcellation
from jugex.regions.texts import find_whole_image

__all__ = ["RegionsLike", "Target", "name_apart", "read_one", "read_targets"]

#: A parcellation by name, an image of labels or of several maps, or regions.
RegionsLike: TypeAlias = "str | os.PathLike[str] | Iterable[Region | str]"


@dataclass(frozen=True, eq=False)
class Target:
    """A region by its name; without a region where it could not be made, and `why` says why."""

    name: str
    region: Region | None
    why: str = ""


def read_targets(
    regions: RegionsLike,
    *,
    threshold: float = 0.2,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
) -> list[Target]:
    """Read the regions of a parcellation, of an image, or of a list.

    Parameters
    ----------
    regions : str, path or iterable of Region or str
        A parcellation (``"juelich"``, ``"nilearn:schaefer_400"``), an image of labels, a 4-D image of maps, or regions.
    threshold : float, default 0.2
        Of probability maps.
    labels, space
        Of an image; see `jugex.Region.from_image`.
    annotated : bool, default False
        Of an image of labels, whether only samples count that are annotated as its table says; see
        `jugex.Region.annotated_as`.

    Returns
    -------
    list of Target
        In the order of the parcellation; namesakes are numbered.

    Raises
    ------
    OptionError
        If it is a single region or none of these, or `annotated` is asked for and the table names no hemisphere and
        structure.
    RegionError, RegionFileError
        If a parcellation or an image cannot be read.
    """
    if not isinstance(regions, str | os.PathLike):
        made = [read_one(region, threshold=threshold, annotated=annotated) for region in regions]
        targets = [Target(region.name, region) for region in made]
    elif find_whole_image(text := os.fspath(regions)) is not None:
        targets = _read_image(text, threshold, labels, space, annotated=annotated)
    elif is_parcellation(text):
        if annotated:
            raise OptionError(
                f"the parcellation {text} has no table of hemispheres and structures: leave annotated out"
            )
        opened = open_parcellation(text)
        names = list(opened.names.values())
        listed = track(names, description="regions of the parcellation", total=len(names))
        targets = [_try_region(name, partial(opened.region, name, threshold=threshold)) for name in listed]
    else:
        raise OptionError(
            f"{text!r} is neither a parcellation nor an image; give a name that jugex regions lists, such as juelich, "
            "an image of labels, or a list of regions"
        )
    if not targets:
        raise OptionError("there is no region in the list; give at least one")
    names = name_apart([target.name for target in targets])
    return [replace(target, name=name) for target, name in zip(targets, names, strict=True)]


def name_apart(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """Number the names that occur more than once, also among those taken."""
    count, seen = Counter([*names, *taken]), Counter(taken)
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(name if count[name] == 1 else f"{name} ({seen[name]})")
    return apart


def read_one(region: Region | str, *, threshold: float = 0.2, annotated: bool = False) -> Region:
    """Make a region of a text, with a threshold; a region is returned as it is."""
    if isinstance(region, str):
        return parse_region(region, threshold=threshold, annotated=annotated)
    return read_region(region)


def _try_region(name: str, make: Callable[[], Region]) -> Target:
    try:
        return Target(name, make())
    except RegionError as error:  # a map without a voxel above the threshold
        return Target(name, None, str(error))


def _read_image(
    text: str, threshold: float, labels: LabelsLike | None, space: str | None, *, annotated: bool
) -> list[Target]:
    contents = list_contents(text, labels=labels, space=space, threshold=threshold)
    if contents is None:
        raise OptionError(
            f"{text} is a single region; give an image of labels, a 4-D image, a parcellation, or a list of regions"
        )
    by_label = contents.kind == "labels"
    numbers = contents.table["number"].astype(int).tolist()
    names = {
        number: str(name) or f"{contents.kind[:-1]} {number}"
        for number, name in zip(numbers, contents.table["name"], strict=True)
    }
    image, table = read_image(text, space=space), LabelTable(names)
    annotations = _read_annotations(text, labels) if annotated else {}
    if annotated and not (by_label and set(numbers) <= set(annotations)):
        raise OptionError(
            f"the regions of {text} cannot be restricted as a table says: needed are labels, and a table with the "
            "columns id, label, hemisphere and structure, as abagen has them"
        )

    def make(number: int) -> Region:
        where: dict[str, Any] = {"label": number if by_label else None, "volume": None if by_label else number}
        region = select_region(image, table, threshold=threshold, name=names[number], space=space, **where)
        return annotate(region, *annotations[number]) if annotated else region

    return [_try_region(names[number], partial(make, number)) for number in numbers]


def _read_annotations(text: str, labels: LabelsLike | None) -> dict[int, tuple[Any, Any]]:
    """Class of tissue and side of each label, as far as its table has them."""
    path = find_whole_image(text)
    table = (
        read_labels(labels)
        if labels is not None
        else LabelTable()
        if path is None
        else find_label_table(path, is_asked=True)
    )
    return {number: one for number, one in table.annotations.items() if one != (None, None)}
