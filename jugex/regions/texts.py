"""Regions written as text: ``map.nii.gz@0.4``, ``labels.nii.gz#V1``, ``sphere:-4,60,21,10``, joined with ``+``."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from jugex.errors import OptionError, RegionError, RegionFileError
from jugex.regions.base import Region
from jugex.regions.images import check_threshold, region_from_image
from jugex.regions.nifti import find_nearest_file
from jugex.regions.operations import Union
from jugex.regions.parcellations import region_from_text
from jugex.regions.shapes import Sphere, demo_region
from jugex.regions.structures import StructureRegion

__all__ = ["parse_region"]

_FORMS = (
    "a NIfTI file (map.nii.gz, map.nii.gz% for percent, labels.nii.gz#17 or labels.nii.gz#NAME for one label), "
    "PARCELLATION:REGION (juelich:GM_Visual_cortex_V1_BA17_L), sphere:x,y,z,r in mm, structure:NAME, simulated:A or "
    "simulated:B, several joined with +, with @0.4 at the end for another threshold"
)
_SCHEMES = ("sphere", "simulated", "structure")


def parse_region(text: str, *, threshold: float = 0.2, name: str | None = None, space: str | None = None) -> Region:
    """Make a region of its description in words, as the command line takes it.

    A description that names an existing file is that file before anything else is read into it. Else it is one
    of these, or several of them joined with ``+``:

    - ``map.nii.gz``: a probability map or a binary mask; ``map.nii.gz%``: integers that are percent;
    - ``labels.nii.gz#17``, ``labels.nii.gz#V1``: a label by its number, or by its name in the table beside it;
    - ``juelich:GM_Visual_cortex_V1_BA17_L``: a region of a parcellation, in front of the colon as
      `jugex.regions.open_parcellation` takes it; ``siibra:julich 3.1:hoc1 left``: one of siibra's;
    - ``sphere:x,y,z,r``: a ball, in mm;
    - ``structure:HiF``, ``structure:hippocampal formation``: an anatomical structure with its parts, by acronym, name
      or id; it is looked up when the query knows the atlas (`Region.bound_to`);
    - ``simulated:A``, ``simulated:B``: the demo regions.

    ``@0.4`` at the end of a part is that part's threshold; at the end of the whole it is also the threshold of
    the parts that have none of their own.

    Parameters
    ----------
    text : str
        The description.
    threshold : float, default 0.2
        Probability above which a point is in the region, where `text` names no other.
    name : str, optional
        How the region is called in outputs; default: by its file, label or parts.
    space : str, optional
        Space of the images, where their names or headers state another; see `region_from_image`.

    Returns
    -------
    Region
        The region.

    Raises
    ------
    RegionError
        Where the description cannot be read, or the region cannot be made.
    RegionFileError
        Where a file is missing or unreadable.
    OptionError
        Where a threshold is out of range.

    Examples
    --------
    >>> from jugex.regions import parse_region
    >>> parse_region("sphere:-22,58,4,8+sphere:-8,58,0,8", name="both")
    <Region 'both': ...>
    """
    check_threshold(threshold)
    parts = [_split_threshold(part) for part in _split_parts(text)]
    _check_thresholds_are_used(parts)
    overall = parts[-1][1] if parts[-1][1] is not None else threshold
    regions = [_make_part(part, overall if own is None else own, space) for part, own in parts]
    region = regions[0] if len(regions) == 1 else Union.of(regions)
    return region if name is None else region.renamed(name)


def _split_parts(text: str) -> list[str]:
    """Split at ``+``, but not within the name of an existing file."""
    tokens = text.split("+")
    parts = []
    while tokens:
        n_tokens = next((n for n in range(len(tokens), 1, -1) if _name_one_file(tokens[:n])), 1)
        parts.append("+".join(tokens[:n_tokens]).strip())
        tokens = tokens[n_tokens:]
    if "" in parts:
        raise RegionError(f"{text!r} names no region{' on one side of a +' if len(parts) > 1 else ''}; give {_FORMS}")
    return parts


def _split_threshold(part: str) -> tuple[str, float | None]:
    """Take ``@0.4`` off the end."""
    head, at, tail = part.rpartition("@")
    if not at or not head or _is_file(part):
        return part, None
    try:
        return head.strip(), check_threshold(float(tail))
    except OptionError:
        raise
    except ValueError:
        if _find_image(head) is None:
            return part, None
    raise RegionError(f"{tail!r} after @ in {part!r} is no threshold: write a number from 0 to below 1, like @0.4")


def _check_thresholds_are_used(parts: list[tuple[str, float | None]]) -> None:
    """Refuse a threshold of a structure; at the end of the whole it is for the other parts, where there are some."""
    are_structures = [part.partition(":")[0] == "structure" and not _is_file(part) for part, _ in parts]
    for number, ((part, own), is_structure) in enumerate(zip(parts, are_structures, strict=True)):
        is_for_others = number == len(parts) - 1 and not all(are_structures)
        if own is not None and is_structure and not is_for_others:
            raise RegionError(
                f"{part}@{own:g}: a structure has no threshold, as its samples are those annotated with it; "
                f"write {part}"
            )


def _make_part(part: str, threshold: float, space: str | None) -> Region:
    """Make the region of one part without its threshold."""
    image = _find_image(part) or _match_image(part)
    scheme, colon, value = part.partition(":")
    if image is not None and (_is_file(image[0]) or scheme not in _SCHEMES):
        path, label, percent = image
        return region_from_image(path, threshold=threshold, label=label, percent=percent, space=space)
    if not colon or len(scheme) < 2 or not value:  # one letter is a drive: C:\maps
        raise _unknown(part)
    if scheme == "sphere":
        return _make_sphere(value, part)
    if scheme == "simulated":
        return demo_region(value.strip(), threshold=threshold)
    if scheme == "structure":
        return StructureRegion.of(value.strip())
    return region_from_text(part, threshold=threshold)


def _make_sphere(value: str, part: str) -> Sphere:
    try:
        x, y, z, radius = (float(number) for number in value.split(","))
    except ValueError:
        raise RegionError(f"{part!r} is no sphere: write four numbers in mm, like sphere:-4,60,21,10") from None
    return Sphere.of((x, y, z), radius)


def _find_image(part: str) -> tuple[str, str | None, bool] | None:
    """Path of an existing file, label and whether it is percent, of ``path``, ``path#label`` or ``path%``."""
    if _is_file(part):
        return part, None, False
    if part.endswith("%") and _is_file(part[:-1]):
        return part[:-1], None, True
    for hash_sign in re.finditer("#", part):
        path, label = part[: hash_sign.start()], part[hash_sign.end() :]
        if label and _is_file(path):
            return path, label, False
    return None


def _match_image(part: str) -> tuple[str, str | None, bool] | None:
    """Return the same as `_find_image` for what is written like an image, whether it exists or not."""
    found = re.fullmatch(r"(.+?\.nii(?:\.gz)?)(?:#(.+)|(%))?", part, flags=re.IGNORECASE)
    if found:
        return found[1], found[2], found[3] is not None
    return None


def _name_one_file(tokens: list[str]) -> bool:
    """Whether the name of an existing file reaches from the first to the last of the tokens between ``+``."""
    part = "+".join(tokens).strip()
    found = _find_image(part) or _find_image(part.rpartition("@")[0].strip())
    return found is not None and len(found[0]) > len("+".join(tokens[:-1]).strip())


def _is_file(text: str) -> bool:
    with suppress(OSError):  # a name too long for the file system
        return Path(text).is_file()
    return False


def _is_folder(text: str) -> bool:
    with suppress(OSError):
        return Path(text).is_dir()
    return False


def _unknown(part: str) -> RegionError:
    if _is_folder(part):
        return RegionFileError(f"{part} is a folder: name the image in it")
    nearest = find_nearest_file(Path(part))
    if nearest:
        return RegionError(f"{part!r} is no region; did you mean the file {str(Path(part).with_name(nearest))!r}?")
    return RegionError(f"{part!r} is no region; give {_FORMS}")
