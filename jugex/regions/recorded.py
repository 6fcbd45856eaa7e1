"""Regions made again from the identities that a run recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_, sub

from jugex.errors import RegionError
from jugex.regions.base import Region
from jugex.regions.identity import RegionIdentity
from jugex.regions.parcellations import region_from_parcellation
from jugex.regions.shapes import demo_region
from jugex.spaces import MNI_SPACE

__all__ = ["RegionMaker", "list_files"]

#: Set operations by the kind of region that they make.
_SET_OPERATIONS: dict[str, Callable[[Region, Region], Region]] = {"union": or_, "intersection": and_, "difference": sub}


def list_files(identity: RegionIdentity) -> Iterator[str]:
    """Yield the recorded image files of a region and of its parts."""
    yield from (part.file for part in identity.walk() if part.file)


@dataclass(frozen=True)
class RegionMaker:
    """Makes regions from their identities.

    Attributes
    ----------
    find_file : callable
        Takes a recorded file; returns its path now, or None if it is missing.
    tolerance_mm, voxel
        Options of the run; a region's own tolerance and voxel rule are those that differ from them.

    Examples
    --------
    >>> import jugex
    >>> from jugex.regions.recorded import RegionMaker
    >>> region = jugex.Region.sphere((-22, 58, 4), 8, name="pole").left
    >>> again = RegionMaker(find_file=str).make(region.identity())
    >>> again.identity() == region.identity()
    True
    """

    find_file: Callable[[str], str | None]
    tolerance_mm: float = 0.0
    voxel: str = "nearest"

    def make(self, identity: RegionIdentity) -> Region:
        """Make a region from its identity.

        Parameters
        ----------
        identity : RegionIdentity

        Returns
        -------
        Region

        Raises
        ------
        RegionError
            If the region, or a part of it, was an image in memory, or its file is gone or cannot be read.
        """
        region = self._make_whole(identity)
        if identity.tissue is not None or identity.side is not None:
            region = region.annotated_as(identity.tissue, identity.side)  # type: ignore[arg-type]  # recorded from valid ones
        if identity.voxel is not None and identity.voxel != self.voxel and not identity.parts:
            region = region.with_voxel(identity.voxel)  # type: ignore[arg-type]
        if identity.tolerance_mm is not None and identity.tolerance_mm != self.tolerance_mm:
            region = region.with_tolerance(identity.tolerance_mm)
        return region.renamed(identity.name)

    def _make_whole(self, identity: RegionIdentity) -> Region:
        """Make the region without the annotation, voxel rule and tolerance that apply to all of it."""
        if identity.kind == "anatomical structure" and identity.asked is not None:
            return Region.from_structure(identity.asked)
        if identity.centre is not None and identity.radius_mm is not None:
            return Region.sphere(identity.centre, identity.radius_mm, space=identity.space or MNI_SPACE)
        if identity.low is not None and identity.high is not None:
            return Region.box(identity.low, identity.high, space=identity.space or MNI_SPACE)
        if identity.file:
            return self._read_image(identity)
        if identity.is_made_up and not identity.parts:
            return _find_demo(identity)
        parts = [self.make(part) for part in identity.parts]
        if identity.kind in _SET_OPERATIONS and parts:
            return reduce(_SET_OPERATIONS[identity.kind], parts)
        if len(parts) == 1:
            return _make_derived(parts[0], identity)
        raise RegionError(
            f"region {identity.name!r} ({identity.kind}) was in memory, and no file holds it; give it again"
        )

    def _read_image(self, identity: RegionIdentity) -> Region:
        """Make a region from an image file, or from the parcellation that the file belongs to."""
        file = self.find_file(str(identity.file))
        is_downloaded = (identity.parcellation or "").startswith("nilearn:")  # this may download
        if identity.parcellation and identity.label_name and (file is None or not is_downloaded):
            threshold = 0.2 if identity.threshold is None else identity.threshold
            try:
                region = region_from_parcellation(identity.parcellation, identity.label_name, threshold=threshold)
            except RegionError:
                if file is None:
                    raise
            else:
                if file is None or region.identity().sha256 == identity.sha256:
                    return region
        if file is None:
            raise RegionError(f"the image {identity.file} of region {identity.name!r} is not there")
        options = {
            "threshold": identity.threshold,
            "label": identity.label if identity.labels is None else list(identity.labels),
            "volume": identity.volume,
            "percent": identity.percent or None,
            "space": identity.space,
        }
        return Region.from_image(file, **{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]


def _find_demo(identity: RegionIdentity) -> Region:
    """Find the demo region with the same values."""
    for name in "AB":
        region = demo_region(name, threshold=0.2 if identity.threshold is None else identity.threshold)
        if region.identity().sha256 == identity.sha256:
            return region
    raise RegionError(f"{identity.name!r} is a demo region of another version of jugex, which drew it differently")


def _make_derived(part: Region, identity: RegionIdentity) -> Region:
    """Make a half, complement, eroded or dilated region from its part."""
    if identity.kind in ("left half", "right half"):
        return part.left if identity.kind == "left half" else part.right
    if identity.kind == "rest of the brain":
        return ~part
    mm = identity.mm or 0.0
    if identity.kind.startswith(("eroded", "dilated")):
        return part.eroded(mm) if identity.kind.startswith("eroded") else part.dilated(mm)
    raise RegionError(
        f"region {identity.name!r} ({identity.kind}) is of a kind that this version cannot make; give it again"
    )
