"""Set operations on regions: union, intersection, difference, complement in the brain, and halves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import RegionError
from jugex.regions.base import Membership, Region, SampledAtlas, sample_points
from jugex.regions.grids import (
    Affine,
    Booleans,
    Mask,
    Points,
    VoxelRule,
    centre_of_mass,
    find_limits,
    make_image,
    rasterize,
    voxel_volume,
)
from jugex.regions.identity import RegionIdentity, known_number, known_point
from jugex.regions.images import ImageRegion, region_from_image
from jugex.spaces import is_mni_space, is_same_space

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = ["Combination", "Complement", "Difference", "Half", "Intersection", "Union", "brain_region"]


@dataclass(frozen=True, repr=False)
class Combination(Region):
    """Base of regions made by combining others; the classes below are the set operations.

    Attributes
    ----------
    parts : tuple of Region
        The combined regions.
    name : str
        Name of the region in outputs.
    """

    parts: tuple[Region, ...]
    name: str
    kind: ClassVar[str]

    @property
    def space(self) -> str:  # type: ignore[override]  # read only here: it is that of the parts
        """Space of the parts."""
        return self.parts[0].space

    @abstractmethod
    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:
        """Membership of points (n, 3) in the whole, from their membership in each part."""

    @abstractmethod
    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Probability (n,) of samples in the whole, from that in each part (parts, n)."""

    @abstractmethod
    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:
        """Corners (2, 3) in mm of a box that holds the whole, from those of each part (parts, 2, 3)."""

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample lies in the region; see `Region.locate`.

        `between_voxels` is true if `inside` is a convention: half-way between two voxels of a part, and not decided by
        the other parts. `tolerated` is true if the sample would be outside without the parts' tolerance.
        """
        found, points = [part.locate(samples) for part in self.parts], sample_points(samples)
        whole = self._combine([Membership.of(table) for table in found], points)
        probability = self._combine_probabilities(np.array([table["probability"].to_numpy() for table in found]))
        tolerated = None
        if any(table["tolerated"].any() for table in found):
            strict = [(table["inside"] & ~table["tolerated"]).to_numpy() for table in found]
            tolerated = whole.inside & ~self._combine([Membership.certain(inside) for inside in strict], points).inside
        return whole.to_table(samples, probability=probability, tolerated=tolerated)

    def contains(self, points: npt.ArrayLike) -> Booleans:
        """Whether points (n, 3) in mm lie in the region; see `Region.contains`."""
        at = np.asarray(points, dtype=np.float64)
        return self._combine([Membership.certain(part.contains(at)) for part in self.parts], at).inside

    def identity(self) -> RegionIdentity:
        """What defines the region, with the identity of each part under `parts`."""
        return RegionIdentity(
            name=self.name,
            kind=self.kind,
            space=self.space,
            volume_mm3=known_number(self.volume),
            centroid=known_point(self.centroid),
            parts=tuple(part.identity() for part in self.parts),
        )

    def renamed(self, name: str) -> Self:
        """The same region under another name."""
        return replace(self, name=name)

    def bound_to(self, atlas: SampledAtlas) -> Self:
        """The same region with each part bound to the atlas; see `Region.bound_to`."""
        parts = tuple(part.bound_to(atlas) for part in self.parts)
        unchanged = all(after is before for after, before in zip(parts, self.parts, strict=True))
        return self if unchanged else replace(self, parts=parts)  # keeps cached measures

    def with_voxel(self, voxel: VoxelRule) -> Self:
        """The same region with another rule for the images among its parts; see `Region.with_voxel`."""
        parts = tuple(part.with_voxel(voxel) for part in self.parts)
        unchanged = all(after is before for after, before in zip(parts, self.parts, strict=True))
        return self if unchanged else replace(self, parts=parts)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds of the probability maps among the parts, in ascending order; see `Region.thresholds`."""
        return tuple(sorted({threshold for part in self.parts for threshold in part.thresholds}))

    def at_threshold(self, threshold: float) -> Region:
        """The same region with another threshold of its parts that have one; see `Region.at_threshold`."""
        if not self.thresholds:
            return super().at_threshold(threshold)
        parts = tuple(part.at_threshold(threshold) if part.thresholds else part for part in self.parts)
        return replace(self, parts=parts)

    @property
    def volume(self) -> float:
        """Volume in mm3; NaN if a part has none (an anatomical structure).

        Exact if the parts are images on one grid; else an approximation, the number of points of a 1 mm grid in the
        region.
        """
        if any(np.isnan(part.volume) for part in self.parts):
            return np.nan
        mask, affine = self._raster
        return int(np.count_nonzero(mask)) * voxel_volume(affine)

    @property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the points in the region, shape (3,), on the grid that `volume` counts on."""
        return centre_of_mass(*self._raster)

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region: on the grid that the parts share, else on a 1 mm grid."""
        return make_image(*self._raster)

    @cached_property
    def _raster(self) -> tuple[Mask, Affine]:
        """Points of a grid in the region (i, j, k), and their affine."""
        from nibabel.affines import apply_affine

        images = [part.to_image() for part in self.parts]
        first = images[0]
        if all(image.shape == first.shape and np.allclose(image.affine, first.affine) for image in images):
            inside = [np.asarray(image.dataobj).ravel() > 0 for image in images]
            rows = np.flatnonzero(np.logical_or.reduce(inside))  # points outside all parts are outside the whole
            points = apply_affine(first.affine, np.stack(np.unravel_index(rows, first.shape), axis=-1))
            mask = np.zeros(inside[0].size, dtype=np.uint8)
            mask[rows] = self._combine([Membership.certain(part[rows]) for part in inside], points).inside
            return mask.reshape(first.shape), np.asarray(first.affine)
        limits = self._combine_limits(np.array([find_limits(image) for image in images]))
        return rasterize(self.contains, self.space, *limits)


@dataclass(frozen=True, repr=False)
class Union(Combination):
    """The points in any of several regions. Make one with `Union.of` or ``a | b``.

    The probability is the largest of those of the parts; a part without probability is ignored.

    Examples
    --------
    >>> import jugex
    >>> (jugex.Region.sphere((0, 60, 0), 8) | jugex.Region.sphere((6, 60, 0), 8)).contains([[-6, 60, 0], [12, 60, 0]])
    array([ True,  True])
    """

    kind: ClassVar[str] = "union"

    @classmethod
    def of(cls, regions: Sequence[Region], *, name: str | None = None) -> Union:
        """Make the union of regions; parts of unions among them become parts of this one.

        Parameters
        ----------
        regions : sequence of Region
            At least one region.
        name : str, optional
            Name of the region in outputs; default: ``A + B``.

        Raises
        ------
        RegionError
            If there is no region, or they are in different spaces.
        """
        if not regions:
            raise RegionError("a union of no regions is empty; give at least one region")
        _check_one_space(regions)
        parts = [part for region in regions for part in (region.parts if isinstance(region, Union) else (region,))]
        return cls(tuple(parts), " + ".join(region.name for region in regions) if name is None else name)

    @property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the points in the union, shape (3,), on the grid that `volume` counts on."""
        centre = super().centroid
        if np.isnan(centre).any():  # spheres so small that no point of the grid lies in them
            return np.asarray(np.mean([part.centroid for part in self.parts], axis=0))
        return centre

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance in mm of points (n, 3) to the nearest part; see `Region.distances`."""
        return np.asarray(np.min([part.distances(points) for part in self.parts], axis=0))

    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:  # noqa: ARG002  # where does not matter
        return reduce(Membership.__or__, members)

    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.fmax.reduce(probabilities))

    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:
        return np.array([limits[:, 0].min(axis=0), limits[:, 1].max(axis=0)])


@dataclass(frozen=True, repr=False)
class Intersection(Combination):
    """The points that lie in each of several regions. Make one with ``a & b``.

    The probability is the smallest of those of the parts; a part without probability is ignored.

    Examples
    --------
    >>> import jugex
    >>> (jugex.Region.sphere((0, 60, 0), 8) & jugex.Region.sphere((6, 60, 0), 8)).contains([[3, 60, 0], [12, 60, 0]])
    array([ True, False])
    """

    kind: ClassVar[str] = "intersection"

    @classmethod
    def of(cls, regions: Sequence[Region]) -> Intersection:
        """Make the intersection of regions in one space; parts of intersections among them become parts of this one."""
        _check_one_space(regions)
        parts = [part for region in regions for part in (region.parts if isinstance(region, cls) else (region,))]
        return cls(tuple(parts), " & ".join(_bracket_name(region) for region in regions))

    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:  # noqa: ARG002  # where does not matter
        return reduce(Membership.__and__, members)

    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.fmin.reduce(probabilities))

    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:
        low, high = limits[:, 0].max(axis=0), limits[:, 1].min(axis=0)
        return np.array([low, np.maximum(low, high)])  # disjoint boxes: an empty box


@dataclass(frozen=True, repr=False)
class Difference(Combination):
    """The points of a first region that are not in a second, with the first's probability. Make one with ``a - b``.

    Examples
    --------
    >>> import jugex
    >>> (jugex.Region.sphere((0, 60, 0), 8) - jugex.Region.sphere((6, 60, 0), 8)).contains([[-6, 60, 0], [3, 60, 0]])
    array([ True, False])
    """

    kind: ClassVar[str] = "difference"

    @classmethod
    def of(cls, region: Region, other: Region) -> Difference:
        """Make the difference of two regions in one space."""
        _check_one_space((region, other))
        return cls((region, other), f"{_bracket_name(region)} - {_bracket_name(other)}")

    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:  # noqa: ARG002  # where does not matter
        return members[0] & ~members[1]

    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(probabilities[0])

    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:
        return np.asarray(limits[0])


@dataclass(frozen=True, repr=False)
class Complement(Combination):
    """The rest of the brain: points that are not in a region, without probability. Make one with ``~region``.

    Every sample that is not in the region is in its complement, even if its coordinate lies slightly outside the
    template's brain. For volume and drawing, the brain is nilearn's MNI152 brain mask.

    Examples
    --------
    >>> import jugex
    >>> (~jugex.Region.sphere((-22, 58, 4), 8)).contains([[-22, 58, 4], [-22, -58, 4]])
    array([False,  True])
    """

    kind: ClassVar[str] = "rest of the brain"

    @classmethod
    def of(cls, region: Region) -> Complement:
        """Make the complement of a region.

        Raises
        ------
        RegionError
            If the region is not in an MNI space, because the brain's extent is not known there.
        """
        if not is_mni_space(region.space):
            raise RegionError(
                f"region {region.name!r} is in the space {region.space}, but the brain's extent is known only in "
                "MNI152: "
                "subtract it from a region that holds the brain (brain - region) instead of taking its complement"
            )
        return cls((region,), f"not {_bracket_name(region)}")

    def contains(self, points: npt.ArrayLike) -> Booleans:
        """Whether points (n, 3) in mm lie in the template's brain but not in the region."""
        return brain_region().contains(points) & super().contains(points)

    def __repr__(self) -> str:
        return f"<Region {self.name!r}: {self.kind}>"  # measuring it takes seconds

    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:  # noqa: ARG002  # where does not matter
        return ~members[0]

    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.full(probabilities.shape[1], np.nan)

    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:  # noqa: ARG002  # as large as the brain
        return find_limits(brain_region().to_image())

    @cached_property
    def _raster(self) -> tuple[Mask, Affine]:
        """Points of a 1 mm grid in the region (i, j, k), and their affine."""
        return rasterize(self.contains, self.space, *find_limits(brain_region().to_image()))


@dataclass(frozen=True, repr=False)
class Half(Combination):
    """The points of a region in one hemisphere, with its probability. Make one with ``region.left``.

    Left is x < 0 mm and right is x > 0; points at x = 0 are in neither.

    Attributes
    ----------
    side : {'left', 'right'}
        The hemisphere.

    Examples
    --------
    >>> import jugex
    >>> jugex.Region.box((-45, 35, -25), (45, 75, 35)).left.contains([[-22, 58, 4], [22, 58, 4]])
    array([ True, False])
    """

    side: Literal["left", "right"] = "left"
    kind: ClassVar[str] = "half"

    @classmethod
    def of(cls, region: Region, side: Literal["left", "right"]) -> Half:
        """Make the left or right half of a region."""
        return cls((region,), f"{_bracket_name(region)} {side}", side)

    def identity(self) -> RegionIdentity:
        """What defines the region; see `Region.identity`."""
        return replace(super().identity(), kind=f"{self.side} half")

    def _combine(self, members: Sequence[Membership], points: Points) -> Membership:
        is_on_side = np.asarray(points[:, 0] < 0 if self.side == "left" else points[:, 0] > 0)
        return members[0] & Membership.certain(is_on_side)

    def _combine_probabilities(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(probabilities[0])

    def _combine_limits(self, limits: npt.NDArray[np.float64]) -> Points:
        return np.asarray(limits[0])


@cache
def brain_region() -> ImageRegion:
    """The brain: nilearn's MNI152 brain mask, at 1 mm."""
    from nilearn.datasets import load_mni152_brain_mask

    return region_from_image(load_mni152_brain_mask(resolution=1), name="brain")


def _check_one_space(regions: Sequence[Region]) -> None:
    first = regions[0]
    for other in regions[1:]:
        if not is_same_space(first.space, other.space):
            raise RegionError(
                f"region {first.name!r} is in the space {first.space}, but region {other.name!r} in {other.space}: "
                "transform one of them, because regions must be in one space"
            )


def _bracket_name(region: Region) -> str:
    """Name of a region, in brackets if it is a combination of names."""
    is_combined_name = isinstance(region, Combination) and not isinstance(region, Half)
    return f"({region.name})" if is_combined_name and " " in region.name else region.name
