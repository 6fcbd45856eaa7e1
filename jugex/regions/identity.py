"""What determined a region, as facts that are recorded with a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        As the atlas has them.
    n_structures : int
        How many structures it holds: itself and its descendants.
    """

    structure_ids: tuple[int, ...]
    acronym: str
    name: str
    n_structures: int


@dataclass(frozen=True)
class RegionIdentity:
    """What determined a region, and what it measures: enough to make it again and to see whether it is the same.

    Fields that do not apply to a kind of region are None.

    Attributes
    ----------
    name : str
        How the region is called in outputs.
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
        Its name in the label table.
    labels, label_names : tuple or None
        The same, where there are several.
    label_table : str or None
        Where the names come from.
    volume, n_volumes : int or None
        Of a label in a 4-D image, its volume; of any 4-D image, how many it has.
    space : str or None
        Space of the region; of an image the variant of MNI152, where it is known.
    parcellation, parcellation_title, origin, citation : str or None
        Of a region of a parcellation: its name, in full, the package it comes from, and what to cite.
    siibra_id, map_type : str or None
        Of a region of siibra.
    max_probability : float or None
        Largest probability of the whole image.
    n_voxels : int or None
        Number of voxels in the region.
    asked : str or int or None
        Of a structure: acronym, name or id, as given.
    structure : StructureIdentity or None
        What was found in the atlas.
    centre, radius_mm
        Of a sphere.
    low, high
        Corners of a box.
    mm : float or None
        By how much the region was eroded or dilated.
    volume_mm3 : float or None
        Volume; None where the region has no extent in space.
    centroid : tuple of three float, or None
        Centre of mass (x, y, z) in mm.
    voxel_size_mm, orientation
        Of the image's grid.
    voxel : str or None
        "floor" where the voxel below a sample speaks for it; None: the nearest one.
    tissue, side : str or None
        Annotation that a sample must have to count; None: any.
    tolerance_mm : float or None
        How far outside the region a sample still belongs to it.
    parts : tuple of RegionIdentity
        Regions that this one was made of.

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
        """Whether the region, or a part of it, was made up for demonstration and is no area of any brain."""
        return self.kind.startswith("simulated") or any(part.is_made_up for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; without the fields that do not apply."""
        kept = _ALWAYS_WRITTEN | (_WRITTEN_OF_IMAGES if self.n_voxels is not None else set())
        written: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "parts":
                value = [part.to_dict() for part in self.parts] or None
            elif isinstance(value, StructureIdentity):
                value = vars(value) | {"structure_ids": list(value.structure_ids)}
            elif isinstance(value, tuple):
                value = list(value)
            if value is not None or field.name in kept:
                written[field.name] = value
        return written

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> RegionIdentity:
        """Read what `to_dict` wrote; keys that it does not write, such as a query's counts, are passed over."""
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
    """A number, or None where it is NaN."""
    return float(value) if np.isfinite(value) else None


def known_point(point: Iterable[float]) -> tuple[float, ...] | None:
    """A point (3,), or None where it is NaN."""
    values = tuple(float(value) for value in point)
    return values if np.isfinite(values).all() else None
