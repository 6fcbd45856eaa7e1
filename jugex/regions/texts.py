"""The grammar of a REGION: ``map.nii.gz@0.4``, ``labels.nii.gz#LH_*@left``, ``sphere:-4,60,21,10+structure:HiF``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jugex.errors import OptionError, RegionError, RegionFileError
from jugex.regions.base import Region
from jugex.regions.images import check_threshold
from jugex.regions.label_tables import LabelsLike, find_label_table, read_labels
from jugex.regions.nifti import Stack, find_nearest_file, local_path, read_image
from jugex.regions.operations import Union
from jugex.regions.parcellations import region_from_text
from jugex.regions.shapes import Sphere, demo_region
from jugex.regions.structures import StructureRegion
from jugex.spaces import MNI_SPACE

__all__ = ["can_be_region", "check_one_image", "find_whole_image", "parse_region"]

_REGION_FORMS = (
    "a NIfTI file (map.nii.gz, map.nii.gz% for percent, labels.nii.gz#17 or labels.nii.gz#NAME for one label, "
    "labels.nii.gz#1,2,5-9 or labels.nii.gz#LH_* for several, maps.nii.gz#3 for a volume), "
    "PARCELLATION:REGION (juelich:GM_Visual_cortex_V1_BA17_L), sphere:x,y,z,r in mm, structure:NAME, simulated:A or "
    "simulated:B, several joined with +, with @left or @right for a half and @0.4 at the end for another threshold"
)
_SCHEMES = ("sphere", "simulated", "structure")
#: ``@left``, ``@right`` or ``@`` and a number after a part.
_SUFFIX = re.compile(
    r"(.+?)\s*@\s*(left|right|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|inf)", flags=re.IGNORECASE
)


def parse_region(
    text: str,
    *,
    threshold: float = 0.2,
    name: str | None = None,
    labels: LabelsLike | None = None,
    space: str | None = None,
    annotated: bool = False,
) -> Region:
    """Make a region from a text, in the form that the command line uses.

    A text that is the name of an existing file always means that file. Otherwise it is one of these, or several of them
    joined with ``+``:

    - ``map.nii.gz``: a probability map or a binary mask; ``map.nii.gz%``: percent;
    - ``labels.nii.gz#17``, ``labels.nii.gz#V1``: a label by its number, or by its name in the table beside it;
      ``labels.nii.gz#1,2,5-9``, ``labels.nii.gz#LH_*``: several, see `jugex.regions.labels.find_labels`;
    - ``maps.nii.gz#3``: a volume of a 4-D image; ``levels.nii.gz#3#17``: a label in it;
    - ``juelich:GM_Visual_cortex_V1_BA17_L``: a region of a parcellation, whose name before the colon is as
      for `jugex.regions.open_parcellation`; ``siibra:julich 3.1:hoc1 left``: one of siibra's;
    - ``sphere:x,y,z,r``: a ball, in mm;
    - ``structure:HiF``, ``structure:hippocampal formation``: an anatomical structure with its parts, by acronym, name
      or id; the query looks it up in its atlas (`Region.bound_to`);
    - ``simulated:A``, ``simulated:B``: the demo regions.

    ``@left`` or ``@right`` after a part takes that half of it. ``@0.4`` at the end of a part is its threshold; at the
    end of the text it is also the threshold of parts without their own. A name in a label table may contain ``+``,
    ``,``, ``@`` and ``-``: text after ``#`` is read as such a name first.

    Parameters
    ----------
    text : str
        The text.
    threshold : float, default 0.2
        Probability above which a point is in the region, unless `text` gives another threshold.
    name : str, optional
        Name of the region in outputs; default: from its file, label or parts.
    labels : path, dict, list or DataFrame, optional
        The label table of the image; default: the one beside it.
    space : str, optional
        Space of images and spheres; default: MNI152. It overrides the space in the name or header of an image; see
        `region_from_image`.
    annotated : bool, default False
        Whether only samples count whose hemisphere and class of tissue in the atlas are those of the label table; see
        `jugex.Region.annotated_as`.

    Returns
    -------
    Region
        The region.

    Raises
    ------
    RegionError
        If the text cannot be understood, or the region cannot be made.
    RegionFileError
        If a file is missing or unreadable.
    OptionError
        If a threshold is out of range, or a label table is given for labels of several images, or of none.

    Examples
    --------
    >>> from jugex.regions import parse_region
    >>> parse_region("sphere:-22,58,4,8+sphere:-8,58,0,8", name="both")
    <Region 'both': ...>
    """
    check_threshold(threshold)
    parts = _read_parts(text, labels)
    _check_thresholds_are_used(parts)
    if labels is not None:
        check_one_image([text], labels)
    overall = parts[-1].threshold if parts[-1].threshold is not None else threshold
    regions = [
        _make_part(part, overall if part.threshold is None else part.threshold, labels, space, annotated=annotated)
        for part in parts
    ]
    region = regions[0] if len(regions) == 1 else Union.of(regions)
    return region if name is None else region.renamed(name)


def find_whole_image(text: str) -> Path | None:
    """Path of the image if a text is just the name of a file, without a label; else None."""
    return local_path(text.strip()) if _is_file(text.strip()) else None


def can_be_region(text: str) -> bool:
    """Whether a text has the form of a REGION: a file, or a text with ``:``, ``#``, ``@`` or ``+``."""
    image = _match_image(text)
    return _is_file(text) or image is not None or re.search(r"[:#@+]", text) is not None


def check_one_image(texts: Iterable[str], labels: LabelsLike) -> None:
    """Refuse a label table if no label is named, or labels of several images.

    Parameters
    ----------
    texts : iterable of str
        Texts of regions.
    labels : path, dict, list or DataFrame
        The label table.

    Raises
    ------
    OptionError
    """
    named = [part.image for text in texts for part in _read_parts(text, labels)]
    files = {local_path(image.file).resolve(): image.file for image in named if image and image.label is not None}
    if not files:
        raise OptionError("a label table is given, but no label of an image: name one after #, like labels.nii.gz#V1")
    if len(files) > 1:
        raise OptionError(
            f"one label table is given for the images {' and '.join(sorted(files.values()))}: put a table beside each "
            "of them"
        )


def _read_parts(text: str, labels: LabelsLike | None) -> list[_Part]:
    names = None if labels is None else set(read_labels(labels).names.values())
    return [_read_part(part, names) for part in _split_parts(text, names)]


@dataclass(frozen=True)
class _Image:
    """An image as ``file``, ``file%`` or ``file#label``."""

    file: str
    label: str | None = None
    percent: bool = False


@dataclass(frozen=True)
class _Part:
    """A part of a text: its body, and the half and threshold that followed it."""

    body: str
    image: _Image | None
    side: Literal["left", "right"] | None = None
    threshold: float | None = None


def _split_parts(text: str, names: set[str] | None) -> list[str]:
    """Split at each ``+`` after which a part can start, but not within the name of a file or of a label."""
    tokens = text.split("+")
    parts = []
    while tokens:
        n_tokens = _count_tokens(tokens, names)
        parts.append("+".join(tokens[:n_tokens]).strip())
        tokens = tokens[n_tokens:]
    if "" in parts:
        raise RegionError(
            f"{text!r} names no region{' on one side of a +' if len(parts) > 1 else ''}; give {_REGION_FORMS}"
        )
    return parts


def _count_tokens(tokens: list[str], names: set[str] | None) -> int:
    """Number of tokens (the texts between ``+``) that belong to the first part."""
    for n_tokens in range(len(tokens), 1, -1):
        image = _find_image_of("+".join(tokens[:n_tokens]))
        if image is not None and (_extends_into_last(image, tokens[:n_tokens]) or _is_label_name(image, names)):
            return n_tokens
    n_tokens = 1
    while n_tokens < len(tokens) and tokens[n_tokens].strip() and not _can_start(tokens[n_tokens:]):
        n_tokens += 1
    return n_tokens


def _can_start(tokens: list[str]) -> bool:
    """Whether a part can begin with the first token: a file, or a text with a colon."""
    first = tokens[0].strip()
    if re.match(r"[^\W\d]\w+:.", first) or any(_match_image(body) for body in (first, *_list_without_suffixes(first))):
        return True
    texts = ["+".join(tokens[:n_tokens]) for n_tokens in range(1, len(tokens) + 1)]
    return any(_find_image_of(text) is not None for text in texts)


def _find_image_of(text: str) -> _Image | None:
    """Image that a part names, with or without suffixes after ``@``."""
    part = text.strip()
    return next((image for body in (part, *_list_without_suffixes(part)) if (image := _find_image(body))), None)


def _extends_into_last(image: _Image, tokens: list[str]) -> bool:
    """Whether the name of a file extends into the last token."""
    return len(image.file) > len("+".join(tokens[:-1]).strip())


def _list_without_suffixes(part: str) -> list[str]:
    return [body for body, _ in _strip_suffixes(part)]


def _is_label_name(image: _Image, names: set[str] | None) -> bool:
    """Whether the text after ``#`` is a whole name in the label table."""
    if image.label is None:
        return False
    if names is None:
        path = local_path(image.file)
        names = {
            name for v in (False, True) for name in find_label_table(path, is_asked=True, volumes=v).names.values()
        }
    return image.label.strip() in names


def _strip_suffixes(part: str) -> Iterator[tuple[str, str]]:
    """Repeatedly yield a part without its last suffix (``@left``, ``@right``, ``@`` and a number), and the suffix."""
    while found := _SUFFIX.fullmatch(part):
        part = found[1].strip()
        yield part, found[2].casefold()


def _read_part(part: str, names: set[str] | None) -> _Part:
    """Split the half and the threshold from the end of a part, unless they belong to the name of a file or label."""
    body, side, threshold = part, None, None
    image = _find_image(part)
    whole = image is not None and (image.file == part or _is_label_name(image, names))
    for head, suffix in () if whole else _strip_suffixes(part):
        if suffix in ("left", "right") and side is None:
            side = suffix
        elif suffix not in ("left", "right") and threshold is None:
            threshold = check_threshold(float(suffix))
        else:
            raise RegionError(f"{part!r} has two halves or two thresholds; give one of each, like BODY@left@0.4")
        body, image = head, _find_image(head)
        if image is not None and (image.file == head or _is_label_name(image, names)):
            break
    head, at, tail = body.rpartition("@")
    if at and image is None and (found := _find_image(head.strip())) and found.label is None:
        raise RegionError(
            f"{tail!r} after @ in {part!r} is neither left nor right nor a threshold: write a number from 0 to below "
            "1, like @0.4"
        )
    return _Part(body, image or _match_image(body), side, threshold)  # type: ignore[arg-type]  # one of the two


def _check_thresholds_are_used(parts: list[_Part]) -> None:
    """Refuse a threshold for a structure, unless it ends the text and applies to other parts."""
    are_structures = [part.image is None and part.body.partition(":")[0] == "structure" for part in parts]
    for number, (part, is_structure) in enumerate(zip(parts, are_structures, strict=True)):
        is_for_others = number == len(parts) - 1 and not all(are_structures)
        if part.threshold is not None and is_structure and not is_for_others:
            raise RegionError(
                f"{part.body}@{part.threshold:g}: a structure has no threshold, because its samples are those "
                f"annotated with it; write {part.body}"
            )


def _make_part(
    part: _Part, threshold: float, labels: LabelsLike | None, space: str | None, *, annotated: bool
) -> Region:
    """Make the region of one part."""
    scheme, colon, value = part.body.partition(":")
    region: Region
    if part.image is not None and (_is_file(part.image.file) or scheme not in _SCHEMES):
        region = _make_from_image(part.image, threshold, labels, space, annotated=annotated)
    elif not colon or len(scheme) < 2 or not value:  # a single letter is a drive: C:\maps
        raise _unknown_region_error(part.body)
    elif scheme == "sphere":
        region = _make_sphere(value, part.body, space)
    elif scheme == "simulated":
        region = demo_region(value.strip(), threshold=threshold)
    elif scheme == "structure":
        region = StructureRegion.of(value.strip())
    else:
        region = region_from_text(part.body, threshold=threshold)
    return region if part.side is None else region.left if part.side == "left" else region.right


def _make_from_image(
    image: _Image, threshold: float, labels: LabelsLike | None, space: str | None, *, annotated: bool
) -> Region:
    path, label, volume = local_path(image.file), image.label, None
    if label is not None and "#" in label and isinstance(read_image(path, space=space), Stack):
        volume, _, label = label.partition("#")
    return Region.from_image(
        path,
        threshold=threshold,
        label=label,
        volume=volume,
        labels=None if label is None else labels,
        percent=image.percent,
        space=space,
        annotated=annotated and label is not None,
    )


def _make_sphere(value: str, part: str, space: str | None) -> Sphere:
    try:
        x, y, z, radius = (float(number) for number in value.split(","))
    except ValueError:
        raise RegionError(f"{part!r} is not a sphere: write four numbers in mm, like sphere:-4,60,21,10") from None
    return Sphere.of((x, y, z), radius, space=space or MNI_SPACE)


def _find_image(body: str) -> _Image | None:
    """Image that a text names, if its file exists."""
    if _is_file(body):
        return _Image(body)
    if body.endswith("%") and _is_file(body[:-1]):
        return _Image(body[:-1], percent=True)
    for hash_sign in re.finditer("#", body):
        file, label = body[: hash_sign.start()], body[hash_sign.end() :]
        if label and _is_file(file):
            return _Image(file, label)
        if label and file.endswith("%") and _is_file(file[:-1]):
            return _Image(file[:-1], label, percent=True)
    return None


def _match_image(body: str) -> _Image | None:
    """Image that a text names by the ending of its file, whether the file exists or not."""
    found = re.fullmatch(r"(.+?\.(?:nii(?:\.gz)?|img|hdr|mgz|mgh))(%)?(?:#(.+))?", body, flags=re.IGNORECASE)
    return _Image(found[1], found[3], found[2] is not None) if found else None


def _is_file(text: str) -> bool:
    with suppress(OSError):  # a name too long for the file system
        return local_path(text).is_file()
    return False


def _is_folder(text: str) -> bool:
    with suppress(OSError):
        return Path(text).is_dir()
    return False


def _unknown_region_error(part: str) -> RegionError:
    if _is_folder(part):
        return RegionFileError(f"{part} is a folder: name the image in it")
    nearest = find_nearest_file(Path(part))
    if nearest:
        return RegionError(f"{part!r} is not a region; did you mean the file {str(Path(part).with_name(nearest))!r}?")
    if re.fullmatch(r"[\w ,'-]+", part):
        return RegionError(
            f"{part!r} is not a region by itself: write structure:{part} if it is an anatomical structure of the "
            "atlas, "
            f"PARCELLATION:{part} if it is a region of a parcellation (jugex regions lists both), or name an image"
        )
    return RegionError(f"{part!r} is not a region; give {_REGION_FORMS}")
