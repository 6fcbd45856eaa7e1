"""Regions made larger or smaller by millimetres, and distances to regions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Points, Region
from jugex.regions.images import ImageRegion, locations_table, sample_points
from jugex.regions.rasters import find_limits, make_image, rasterize, show_number, show_point
from jugex.regions.truth import Booleans, Truth

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

    from jugex.atlas import ExpressionAtlas

__all__ = ["Resized", "Tolerant", "dilate", "erode", "measure_distances", "tolerate"]

#: Distances (mm) below this are rounding noise.
_NOISE = 1e-9


def erode(region: Region, mm: float) -> Region:
    """Take the rim off a region: what is left is further than some millimetres from all that is outside.

    Distances are those between centres of voxels, on the region's own grid, or of 1 mm where it has none. Samples
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
        Where the width is negative or not finite.
    RegionError
        Where nothing is left, or the region is empty or has no extent in space (an anatomical structure).
    """
    if _check_width(mm, "erode by") == 0:
        return region
    image = _take_grid(region, how := f"eroded by {mm:g} mm")
    mask, start = _take_box(np.asarray(image.dataobj) > 0, np.ones(3, dtype=np.intp))
    depth = _measure_depths(mask, image)
    if not (core := depth > mm + _NOISE).any():
        raise RegionError(
            f"nothing of region {region.name!r} is left when eroded by {mm:g} mm: it is {depth.max():.1f} mm deep; "
            "erode by less"
        )
    return Resized(region, "eroded", float(mm), _make_mask_region(core, start, image, region, how))


def dilate(region: Region, mm: float) -> Region:
    """Put a rim around a region: what is at most some millimetres from it.

    Distances are those between centres of voxels, on the region's own grid, or of 1 mm where it has none; the rim may
    reach beyond the region's image. Samples in the region keep their probability, those in the rim have none.

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
        Where the width is negative or not finite.
    RegionError
        Where the region is empty or has no extent in space (an anatomical structure).
    """
    if _check_width(mm, "dilate by") == 0:
        return region
    from nibabel.affines import voxel_sizes

    image = _take_grid(region, how := f"dilated by {mm:g} mm")
    margins = np.ceil(mm / voxel_sizes(image.affine)).astype(np.intp)
    mask, start = _take_box(np.asarray(image.dataobj) > 0, margins)
    grown = _measure_depths(~mask, image) <= mm + _NOISE
    return Resized(region, "dilated", float(mm), _make_mask_region(grown, start, image, region, how))


def tolerate(region: Region, mm: float) -> Region:
    """Take in the samples at most some millimetres outside a region; see `Tolerant`.

    Parameters
    ----------
    region : Region
        The region.
    mm : float
        The tolerance in mm, 0 or more; 0 gives the region itself. Where it has one already, the larger one holds.

    Returns
    -------
    Region

    Raises
    ------
    OptionError
        Where the tolerance is negative or not finite.
    """
    if _check_width(mm, "tolerate") == 0:
        return region
    if isinstance(region, Tolerant):
        return replace(region, mm=max(region.mm, float(mm)))
    return Tolerant(region, float(mm), region.name)


def measure_distances(region: Region, points: Points) -> npt.NDArray[np.float64]:
    """Distance in mm of points (n, 3) to the nearest voxel of a region: to its faces, not to its centre.

    So a distance of 0 agrees with the rule that a sample belongs to the voxel in which it lies. The voxels are those
    of the region's own grid, or of 1 mm where it has none (spheres and boxes measure for themselves). A region without
    extent in space (an anatomical structure) is infinitely far away, as is an empty one.
    """
    if np.isnan(region.volume):
        return np.full(len(points), np.inf)
    image = _take_orthogonal(region)
    mask = np.asarray(image.dataobj) > 0
    if not mask.any() or not len(points):
        return np.full(len(points), np.inf)
    return _distances_to_voxels(mask, np.asarray(image.affine), points)


@dataclass(frozen=True, eq=False, repr=False)
class Resized(Region):
    """A region eroded or dilated. Make one with `Region.eroded` or `Region.dilated`.

    Attributes
    ----------
    part : Region
        The region before.
    how : {'eroded', 'dilated'}
        What became of it.
    mm : float
        By how much.
    mask : ImageRegion
        The voxels afterwards.
    """

    part: Region
    how: Literal["eroded", "dilated"]
    mm: float
    mask: ImageRegion

    @property
    def name(self) -> str:  # type: ignore[override]  # kept with the mask
        """How the region is called in outputs."""
        return self.mask.name

    @property
    def space(self) -> str:  # type: ignore[override]  # that of the part
        """Space of the region."""
        return self.part.space

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it lies in the region; see `Region.locate`."""
        before, after = self.part.locate(samples), self.mask.locate(samples)
        combine = Truth.__and__ if self.how == "eroded" else Truth.__or__  # a sphere is finer than its grid
        truth = combine(Truth.of(before), Truth.of(after))
        probability = np.where(truth.inside, before["probability"].to_numpy(), np.nan)
        return locations_table(samples, truth.inside, probability, truth.undecided)

    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only), with the identity of the region before under `parts`."""
        return {
            "name": self.name,
            "kind": f"{self.how} by {self.mm:g} mm",
            "file": None,
            "sha256": None,
            "threshold": None,
            "space": self.space,
            "mm": self.mm,
            "volume_mm3": show_number(self.volume),
            "centroid": show_point(self.centroid),
            "parts": [self.part.identity()],
        }

    def renamed(self, name: str) -> Resized:
        """The same region under another name."""
        return replace(self, mask=self.mask.renamed(name))

    @property
    def volume(self) -> float:
        """Volume in mm3."""
        return self.mask.volume

    @property
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm, shape (3,)."""
        return self.mask.centroid

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region, on the grid of the region before (dilated: as large as needed)."""
        return self.mask.to_image()


@dataclass(frozen=True, eq=False, repr=False)
class Tolerant(Region):
    """A region, and the samples just outside it. Make one with `Region.with_tolerance`.

    What counts is the distance to the faces of the region's nearest voxel (`Region.distances`). Samples taken in have
    no probability: the region's threshold left them out. The tolerance is for samples, so that volume, centroid and
    image are those of the region itself. Anatomical structures, and what ``&`` and ``-`` make of them, have no
    neighbourhood, and take in none.

    Attributes
    ----------
    part : Region
        The region without tolerance.
    mm : float
        The tolerance in mm, larger than 0.
    name : str
        How the region is called in outputs.
    """

    part: Region
    mm: float
    name: str

    @property
    def space(self) -> str:  # type: ignore[override]  # that of the part
        """Space of the region."""
        return self.part.space

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it lies in the region or near enough; see `Region.locate`.

        There is one more column: `tolerated` (bool), whether the sample is in the region by the tolerance only. No
        sample near enough lies `between_voxels`, since both of them will do.
        """
        found = self.part.locate(samples)
        inside, undecided = found["inside"].to_numpy(dtype=bool), found["between_voxels"].to_numpy(dtype=bool)
        near = np.zeros(len(samples), dtype=bool)
        asked = np.flatnonzero(~inside | undecided)
        near[asked] = self.part.distances(sample_points(samples)[asked]) <= self.mm + _NOISE
        located = locations_table(samples, inside | near, found["probability"].to_numpy(), undecided & ~near)
        return located.assign(tolerated=near & ~inside)

    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only): that of the region, and `tolerance_mm`."""
        return {**self.part.identity(), "name": self.name, "tolerance_mm": self.mm}

    def renamed(self, name: str) -> Tolerant:
        """The same region under another name."""
        return replace(self, name=name)

    def bound_to(self, atlas: ExpressionAtlas) -> Tolerant:
        """The same region with its part bound to the atlas; see `Region.bound_to`."""
        return replace(self, part=self.part.bound_to(atlas))

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Those of the region itself; see `Region.thresholds`."""
        return self.part.thresholds

    def at_threshold(self, threshold: float) -> Tolerant:
        """The same region with another threshold, and the same tolerance; see `Region.at_threshold`."""
        return replace(self, part=self.part.at_threshold(threshold))

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) in mm lie in the region itself; see `Region.contains`."""
        return self.part.contains(points)

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance in mm of points (n, 3) to the region itself; see `Region.distances`."""
        return self.part.distances(points)

    @property
    def volume(self) -> float:
        """Volume in mm3 of the region itself."""
        return self.part.volume

    @property
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm of the region itself, shape (3,)."""
        return self.part.centroid

    def to_image(self) -> SpatialImage:
        """A binary uint8 NIfTI image of the region itself."""
        return self.part.to_image()


def _check_width(mm: float, what: str) -> float:
    if not 0 <= mm < np.inf:
        raise OptionError(f"{what} {mm!r} mm is impossible: a finite number of mm, 0 or more, is needed")
    return mm


def _take_grid(region: Region, how: str) -> SpatialImage:
    """Image of a region that has an extent in space, its axes at right angles."""
    if np.isnan(region.volume):
        raise RegionError(
            f"region {region.name!r} cannot be {how}: it is made of anatomical structures, which have samples but no "
            "extent in space; resize an image, a sphere or a box, and intersect that with the structure"
        )
    image = _take_orthogonal(region)
    if not np.any(image.dataobj):
        raise RegionError(f"region {region.name!r} cannot be {how}: it is empty")
    return image


def _take_orthogonal(region: Region) -> SpatialImage:
    """Image of a region with its axes at right angles: where its own have others, on a 1 mm grid."""
    image = region.to_image()
    axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    if np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=1e-5):  # float32 in the header
        return image
    return make_image(*rasterize(region, *find_limits(image)))


def _measure_depths(mask: Booleans, image: SpatialImage) -> npt.NDArray[np.float64]:
    """Distance in mm from each voxel of a mask to the nearest one outside it, centre to centre; 0 outside."""
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(mask, sampling=voxel_sizes(image.affine)), dtype=np.float64)


def _take_box(mask: Booleans, margins: npt.NDArray[np.intp]) -> tuple[Booleans, npt.NDArray[np.intp]]:
    """The smallest box of a mask that holds it, with margins, and its first voxel, which may lie before the mask's."""
    voxels = np.argwhere(mask)
    first, last = voxels.min(axis=0), voxels.max(axis=0)
    box = mask[tuple(slice(start, stop + 1) for start, stop in zip(first, last, strict=True))]
    return np.pad(box, [(margin, margin) for margin in margins]), first - margins


def _make_mask_region(
    mask: Booleans, start: npt.NDArray[np.intp], image: SpatialImage, region: Region, how: str
) -> ImageRegion:
    """Region of a box of voxels in the grid of an image, which is made larger where the box reaches beyond it."""
    box, first = _take_box(mask, np.zeros(3, dtype=np.intp))
    first = first + start
    shift = 2 * ((np.maximum(-first, 0) + 1) // 2)  # even: half-way between two voxels the same one counts as before
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
        source={},
        space=region.space,
    )


def _distances_to_voxels(mask: Booleans, affine: npt.NDArray[np.float64], points: Points) -> npt.NDArray[np.float64]:
    """Distance in mm of points (n, 3) to the nearest box of the voxels (i, j, k) of a grid with right angles."""
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import binary_erosion
    from scipy.spatial import KDTree

    sizes = voxel_sizes(affine)
    at = (points - affine[:3, 3]) @ (affine[:3, :3] / sizes)  # along the grid's axes, in mm
    centres = np.argwhere(mask & ~binary_erosion(mask)) * sizes  # no other voxel is nearest to a point outside
    tree = KDTree(centres)
    bound = _distances_to_boxes(at, centres[tree.query(at)[1]], sizes)
    # the nearest box is not always that of the nearest centre, but its centre is no further than this
    reach = bound + np.linalg.norm(sizes) / 2 + _NOISE
    candidates = tree.query_ball_point(at, reach)
    n_candidates = np.array([len(found) for found in candidates])
    rows = np.repeat(np.arange(len(at)), n_candidates)
    each = _distances_to_boxes(at[rows], centres[np.concatenate(candidates).astype(np.intp)], sizes)
    distances = np.minimum.reduceat(each, np.cumsum(n_candidates) - n_candidates)
    voxels = np.rint(at / sizes).astype(np.intp)
    on_grid = ((voxels >= 0) & (voxels < mask.shape)).all(axis=1)
    distances[on_grid] *= ~mask[tuple(voxels[on_grid].T)]  # deep inside, where no voxel of the surface is
    return np.asarray(distances)


def _distances_to_boxes(points: Points, centres: Points, sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance of each of n points to the box around its centre, all (n, 3) in mm along the boxes' axes."""
    return np.asarray(np.linalg.norm(np.maximum(np.abs(points - centres) - sizes / 2, 0.0), axis=1))
