"""Regions eroded or dilated by a width in mm, and a tolerance around regions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Membership, Region, SameExtent, SampledAtlas, sample_points, upright_image
from jugex.regions.grids import NOISE, Booleans, Points, VoxelRule, crop, distances_to_outside
from jugex.regions.identity import RegionIdentity, known_number, known_point
from jugex.regions.images import ImageRegion

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = ["Resized", "Tolerant", "dilate", "erode", "tolerate"]


def erode(region: Region, mm: float) -> Region:
    """Remove a rim from a region: points within `mm` of the outside.

    Distances are those between centres of voxels, on the region's own grid, or on a 1 mm grid if it has none. Samples
    keep their probability.

    Parameters
    ----------
    region : Region
        The region.
    mm : float
        Width of the rim in mm, 0 or more; 0 gives the region itself.

    Returns
    -------
    Region

    Raises
    ------
    OptionError
        If the width is negative or not finite.
    RegionError
        If nothing is left, or the region is empty or has no extent in space (an anatomical structure).
    """
    if _check_width(mm, "erode by") == 0:
        return region
    image = _take_grid(region, how := f"eroded by {mm:g} mm")
    mask, start = crop(np.asarray(image.dataobj) > 0, np.ones(3, dtype=np.intp))
    depth = distances_to_outside(mask, image)
    if not (core := depth > mm + NOISE).any():
        raise RegionError(
            f"nothing of region {region.name!r} is left when eroded by {mm:g} mm: it is {depth.max():.1f} mm deep; "
            "erode by less"
        )
    return Resized(region, "eroded", float(mm), _make_mask_region(core, start, image, region, how))


def dilate(region: Region, mm: float) -> Region:
    """Add a rim to a region: points within `mm` of it.

    Distances are those between centres of voxels, on the region's own grid, or on a 1 mm grid if it has none; the rim
    may extend beyond the region's image. Samples in the region keep their probability, those in the rim have none.

    Parameters
    ----------
    region : Region
        The region.
    mm : float
        Width of the rim in mm, 0 or more; 0 gives the region itself.

    Returns
    -------
    Region

    Raises
    ------
    OptionError
        If the width is negative or not finite.
    RegionError
        If the region is empty or has no extent in space (an anatomical structure).
    """
    if _check_width(mm, "dilate by") == 0:
        return region
    from nibabel.affines import voxel_sizes

    image = _take_grid(region, how := f"dilated by {mm:g} mm")
    margins = np.ceil(mm / voxel_sizes(image.affine)).astype(np.intp)
    mask, start = crop(np.asarray(image.dataobj) > 0, margins)
    grown = distances_to_outside(~mask, image) <= mm + NOISE
    return Resized(region, "dilated", float(mm), _make_mask_region(grown, start, image, region, how))


def tolerate(region: Region, mm: float) -> Region:
    """Let a region include samples up to `mm` outside it; see `Tolerant`.

    Parameters
    ----------
    region : Region
        The region.
    mm : float
        The tolerance in mm, 0 or more; 0 gives the region itself. If the region has one already, the larger counts.

    Returns
    -------
    Region

    Raises
    ------
    OptionError
        If the tolerance is negative or not finite.
    """
    if _check_width(mm, "tolerate") == 0:
        return region
    if isinstance(region, Tolerant):
        return replace(region, mm=max(region.mm, float(mm)))
    return Tolerant(region, float(mm), region.name)


@dataclass(frozen=True, eq=False, repr=False)
class Resized(Region):
    """An eroded or dilated region. Make one with `Region.eroded` or `Region.dilated`.

    Attributes
    ----------
    part : Region
        The original region.
    how : {'eroded', 'dilated'}
        What was done to it.
    mm : float
        Width of the rim.
    mask : ImageRegion
        The voxels of the result.
    """

    part: Region
    how: Literal["eroded", "dilated"]
    mm: float
    mask: ImageRegion

    @property
    def name(self) -> str:  # type: ignore[override]  # the name of the mask
        """Name of the region in outputs."""
        return self.mask.name

    @property
    def space(self) -> str:  # type: ignore[override]  # the space of the part
        """Space of the region."""
        return self.part.space

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample lies in the region; see `Region.locate`."""
        before, after = self.part.locate(samples), self.mask.locate(samples)
        combine = (
            Membership.__and__ if self.how == "eroded" else Membership.__or__
        )  # both, because a sphere is finer than its grid
        whole = combine(Membership.of(before), Membership.of(after))
        return whole.to_table(samples, probability=before["probability"].to_numpy())

    def identity(self) -> RegionIdentity:
        """What defines the region, with the identity of the original region under `parts`."""
        return RegionIdentity(
            name=self.name,
            kind=f"{self.how} by {self.mm:g} mm",
            space=self.space,
            mm=self.mm,
            volume_mm3=known_number(self.volume),
            centroid=known_point(self.centroid),
            parts=(self.part.identity(),),
        )

    def renamed(self, name: str) -> Resized:
        """The same region under another name."""
        return replace(self, mask=self.mask.renamed(name))

    def with_voxel(self, voxel: VoxelRule) -> Resized:
        """The same region with another rule for its voxels; see `Region.with_voxel`."""
        part, mask = self.part.with_voxel(voxel), self.mask.with_voxel(voxel)
        return self if mask is self.mask else replace(self, part=part, mask=mask)

    @property
    def volume(self) -> float:
        """Volume in mm3."""
        return self.mask.volume

    @property
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm, shape (3,)."""
        return self.mask.centroid

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region, on the grid of the original region, enlarged if needed."""
        return self.mask.to_image()


@dataclass(frozen=True, eq=False, repr=False)
class Tolerant(SameExtent):
    """A region together with samples just outside it. Make one with `Region.with_tolerance`.

    The distance to the faces of the region's nearest voxel counts (`Region.distances`). Samples that the tolerance adds
    have no probability. Volume, centroid and image are those of the region itself. Anatomical structures, and
    intersections and differences with them, have no extent in space, so that a tolerance adds no sample to them.

    Attributes
    ----------
    part : Region
        The region without tolerance.
    mm : float
        The tolerance in mm, larger than 0.
    name : str
        Name of the region in outputs.
    """

    part: Region
    mm: float
    name: str

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample lies in the region or within the tolerance; see `Region.locate`.

        `tolerated` is true for samples that are included only by the tolerance. For samples within the tolerance,
        `between_voxels` is false, because either voxel would include them.
        """
        found = self.part.locate(samples)
        before = Membership.of(found)
        near = np.zeros(len(samples), dtype=bool)
        asked = np.flatnonzero(~before.inside | before.between_voxels)
        near[asked] = self.part.distances(sample_points(samples)[asked]) <= self.mm + NOISE
        whole = Membership(before.inside | near, before.between_voxels & ~near)
        tolerated = (near & ~before.inside) | found["tolerated"].to_numpy()
        return whole.to_table(samples, probability=found["probability"].to_numpy(), tolerated=tolerated)

    def identity(self) -> RegionIdentity:
        """What defines the region: the identity of the region itself, and the tolerance."""
        return replace(self.part.identity(), name=self.name, tolerance_mm=self.mm)

    def renamed(self, name: str) -> Tolerant:
        """The same region under another name."""
        return replace(self, name=name)

    def bound_to(self, atlas: SampledAtlas) -> Tolerant:
        """The same region with its part bound to the atlas; see `Region.bound_to`."""
        return replace(self, part=self.part.bound_to(atlas))

    def with_voxel(self, voxel: VoxelRule) -> Tolerant:
        """The same region with another rule for its voxels; see `Region.with_voxel`."""
        part = self.part.with_voxel(voxel)
        return self if part is self.part else replace(self, part=part)


def _check_width(mm: float, what: str) -> float:
    if not 0 <= mm < np.inf:
        raise OptionError(f"{what} {mm!r} mm is impossible: a finite number of mm, 0 or more, is needed")
    return mm


def _take_grid(region: Region, how: str) -> SpatialImage:
    """Image of a region, with axes at right angles; an error if the region has no extent in space."""
    if np.isnan(region.volume):
        raise RegionError(
            f"region {region.name!r} cannot be {how}: it is made of anatomical structures, which have samples but no "
            "extent in space; resize an image, a sphere or a box, and intersect that with the structure"
        )
    image = upright_image(region)
    if not np.any(image.dataobj):
        raise RegionError(f"region {region.name!r} cannot be {how}: it is empty")
    return image


def _make_mask_region(
    mask: Booleans, start: npt.NDArray[np.intp], image: SpatialImage, region: Region, how: str
) -> ImageRegion:
    """Region of a box of voxels in the grid of an image, which is enlarged if the box extends beyond it."""
    box, first = crop(mask, np.zeros(3, dtype=np.intp))
    first = first + start
    shift = 2 * (
        (np.maximum(-first, 0) + 1) // 2
    )  # even, so that half-way between two voxels the same one counts as before
    affine = np.array(image.affine, dtype=np.float64)
    affine[:3, 3] -= affine[:3, :3] @ shift
    shape = np.maximum(image.shape, first + box.shape) + shift
    return ImageRegion(
        name=f"{region.name} {how}",
        kind="binary mask",
        affine=affine,
        shape=tuple(int(n) for n in shape),
        start=tuple(int(n) for n in first + shift),
        mask=box.astype(np.uint8),
        probabilities=None,
        max_probability=None,
        source=RegionIdentity(name=f"{region.name} {how}", kind="binary mask", space=region.space),
        space=region.space,
    )
