"""What a region is, in words, from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from jugex._text import join_words, shorten
from jugex.analysis.caveats import is_made_up

__all__ = ["describe_region", "tell_between", "tell_made_up"]

#: Parts of a region described one by one; beyond, they are counted.
_MAX_PARTS = 6


def describe_region(region: dict[str, Any], *, is_part: bool = False) -> str:
    """Name of a region, and in brackets what it was made of.

    Parameters
    ----------
    region : dict
        As `Region.identity` gives it; that of a region made of others holds theirs under `parts`.
    is_part : bool, default False
        Leave the volume out, which is told of the whole only.

    Returns
    -------
    str
        ``Fp1 (probability map, file Fp1.nii.gz, values above 0.2, 16,291 mm3)``.
    """
    facts = [_describe_kind(region)]
    if region.get("file"):
        facts.append(f"file {shorten(PurePath(region['file']).name)}")
    if region.get("threshold") is not None:
        facts.append(f"values above {region['threshold']:g}")
    if region.get("volume_mm3") is not None and not is_part:
        facts.append(f"{region['volume_mm3']:,.0f} mm3")
    return f"{shorten(region['name'])} ({', '.join(facts)})"


def tell_between(regions: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """How many samples the rule decided for that lie exactly half-way between two voxels, and the rule."""
    counts = [region.get("n_between_voxels", 0) for region in regions]
    if not sum(counts):
        return ()
    return (
        f"Of the samples found, {join_words([f'{n:,}' for n in counts])} lay exactly half-way between two voxels, "
        "where the voxel with the even index counted as the nearest.",
    )


def tell_made_up(settings: dict[str, Any]) -> tuple[str, ...]:
    """Say that regions of the demonstration are no areas of the brains that were measured."""
    made_up = [shorten(region["name"]) for region in settings["regions"] if is_made_up(region)]
    if not made_up or settings["atlas"]["simulated"]:
        return ()
    which = "region {} is" if len(made_up) == 1 else "regions {} are"
    return (f"The {which.format(join_words(made_up))} made up for demonstration, and no area of any brain.",)


def _describe_kind(region: dict[str, Any]) -> str:
    """Kind of a region; of one made of others, with each of those."""
    kind, parts = str(region["kind"]), region.get("parts") or []
    told = [describe_region(part, is_part=True) for part in parts[:_MAX_PARTS]]
    if not told:
        return kind
    if kind == "difference":
        return f"{told[0]} without {told[1]}"
    if kind.startswith(("eroded", "dilated")):
        return f"{told[0]} {kind}"
    if len(parts) > _MAX_PARTS:
        n_more = len(parts) - _MAX_PARTS
        told.append(f"{n_more} more region{'' if n_more == 1 else 's'}")
    return f"{kind} {'outside' if kind == 'rest of the brain' else 'of'} {join_words(told)}"
