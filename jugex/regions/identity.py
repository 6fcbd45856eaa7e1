"""What defines a region, as facts that are recorded with a result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

__all__ = ["RegionIdentity", "StructureIdentity", "known_number", "known_point"]


@dataclass(frozen=True)
class StructureIdentity:
    """The anatomical structure that a region is.

    Attributes
    ----------
    structure_ids : tuple of int
        The structure's id, or those of its left and right half.
    acronym, name : str
        Acronym and name in the atlas.
    n_structures : int
        Number of structures in it: itself and its descendants.
    """

    structure_ids: tuple[int, ...]
    acronym: str
    name: str
    n_structures: int


@dataclass(frozen=True)
class RegionIdentity:
    """What defines a region, and its measures: enough to make it again and to check whether it is the same.

    Fields that do not apply to a kind of region are None.

    Attributes
    ----------
    name : str
        Name of the region in outputs.
    kind : str
        "probability map", "binary mask", "label", "sphere", "union", "anatomical structure", ...
    file, sha256 : str or None
        Image file (None: an image in memory) and the checksum of the image.
    threshold : float or None
        Probability above which a voxel is in the region.
    percent : bool or None
        Whether the image holds percent.
    label : int or None
        Label, or volume of a 4-D image.
    label_name : str or None
        Name of the label in the label table.
    labels, label_names : tuple or None
        The same for several labels.
    label_table : str or None
        Source of the names of labels.
    volume, n_volumes : int or None
        Volume of the label in a 4-D image, and the number of volumes of a 4-D image.
    space : str or None
        Space of the region; for an image, the variant of MNI152 if it is known.
    parcellation, parcellation_title, origin, citation : str or None
        For a region of a parcellation: the short and the full name of the parcellation, the package that it comes
        from, and what to cite.
    siibra_id, map_type : str or None
        For a region of siibra.
    max_probability : float or None
        Largest probability of the whole image.
    n_voxels : int or None
        Number of voxels in the region.
    asked : str or int or None
        For a structure: acronym, name or id, as given.
    structure : StructureIdentity or None
        The structure that was found in the atlas.
    centre, radius_mm
        For a sphere.
    low, high
        Corners, for a box.
    mm : float or None
        Width by which the region was eroded or dilated.
    volume_mm3 : float or None
        Volume; None if the region has no extent in space.
    centroid : tuple of three float, or None
        Centre of mass (x, y, z) in mm.
    voxel_size_mm, orientation
        Voxel size and orientation of the image's grid.
    voxel : str or None
        "floor" if voxel indices are rounded down; None for the nearest voxel.
    tissue, side : str or None
        Annotation that a sample must have to count; None for any.
    tolerance_mm : float or None
        Distance outside the region within which a sample still belongs to it.
    parts : tuple of RegionIdentity
        Regions from which this one was made.

    Examples
    --------
    >>> import jugex
    >>> identity = jugex.Region.sphere((-22, 58, 4), 8, name="pole").with_tolerance(2).identity()
    >>> identity.kind, identity.radius_mm, identity.tolerance_mm
    ('sphere', 8.0, 2.0)
    >>> jugex.regions.RegionIdentity.from_dict(identity.to_dict()) == identity
    True
    """

    name: str
    kind: str
    file: str | None = None
    sha256: str | None = None
    threshold: float | None = None
    percent: bool | None = None
    label: int | None = None
    label_name: str | None = None
    labels: tuple[int, ...] | None = None
    label_names: tuple[str, ...] | None = None
    label_table: str | None = None
    volume: int | None = None
    n_volumes: int | None = None
    space: str | None = None
    parcellation: str | None = None
    parcellation_title: str | None = None
    origin: str | None = None
    citation: str | None = None
    siibra_id: str | None = None
    map_type: str | None = None
    max_probability: float | None = None
    n_voxels: int | None = None
    asked: str | int | None = None
    structure: StructureIdentity | None = None
    centre: tuple[float, ...] | None = None
    radius_mm: float | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    mm: float | None = None
    volume_mm3: float | None = None
    centroid: tuple[float, ...] | None = None
    voxel_size_mm: tuple[float, ...] | None = None
    orientation: str | None = None
    voxel: str | None = None
    tissue: str | None = None
    side: str | None = None
    tolerance_mm: float | None = None
    parts: tuple[RegionIdentity, ...] = ()

    @property
    def is_made_up(self) -> bool:
        """Whether the region, or a part of it, is a simulated one and not an area of a real brain."""
        return self.kind.startswith("simulated") or any(part.is_made_up for part in self.parts)

    def walk(self) -> Iterator[RegionIdentity]:
        """Yield it and the identities of its parts, with theirs."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def to_dict(self) -> dict[str, Any]:
        """The identity as JSON types, without the fields that do not apply."""
        always = _ALWAYS_WRITTEN | (_WRITTEN_OF_IMAGES if self.n_voxels is not None else set())
        written: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "parts":
                value = [part.to_dict() for part in self.parts] or None
            elif isinstance(value, StructureIdentity):
                value = vars(value) | {"structure_ids": list(value.structure_ids)}
            elif isinstance(value, tuple):
                value = list(value)
            if value is not None or field.name in always:
                written[field.name] = value
        return written

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> RegionIdentity:
        """Read what `to_dict` wrote; keys that it does not write, such as a query's counts, are ignored."""
        names = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in written.items() if key in names
        }
        values["parts"] = tuple(cls.from_dict(part) for part in written.get("parts") or ())
        if structure := written.get("structure"):
            values["structure"] = StructureIdentity(**structure | {"structure_ids": tuple(structure["structure_ids"])})
        return cls(**values)


_ALWAYS_WRITTEN = {"name", "kind", "file", "sha256", "threshold", "space", "volume_mm3", "centroid"}
_WRITTEN_OF_IMAGES = {"percent", "label", "label_name", "max_probability"}


def known_number(value: float) -> float | None:
    """A number; None if it is not finite."""
    return float(value) if np.isfinite(value) else None


def known_point(point: Iterable[float]) -> tuple[float, ...] | None:
    """A point (3,); None if a coordinate is not finite."""
    values = tuple(float(value) for value in point)
    return values if np.isfinite(values).all() else None
