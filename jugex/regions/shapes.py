"""Regions made without an image of their own: spheres, and unions of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import RegionError
from jugex.regions.base import Points, Region
from jugex.regions.images import locations_table, sample_points
from jugex.regions.volumes import MNI_BOX, in_mni_box, voxel_volume

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = ["Sphere", "Union"]

#: Distances (mm) below this are rounding noise.
_NOISE = 1e-9

_Mask = npt.NDArray[np.uint8]
_Affine = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Sphere(Region):
    """The points at most a radius away from a centre; they have no probability.

    Attributes
    ----------
    centre : tuple of three float
        MNI x, y, z in mm.
    radius : float
        Radius in mm, larger than 0.
    name : str
        How the region is called in outputs.

    Raises
    ------
    RegionError
        Where the centre lies outside the box of MNI space or the radius is not positive.
    """

    centre: tuple[float, float, float]
    radius: float
    name: str

    def __post_init__(self) -> None:
        """Refuse a sphere that cannot hold a sample."""
        if len(self.centre) != 3:
            raise RegionError(f"the centre of a sphere has {len(self.centre)} coordinates: x, y, z in mm are needed")
        if not in_mni_box(np.array(self.centre, dtype=np.float64)):
            raise RegionError(
                f"the centre {self.centre} of a sphere is not in MNI space: "
                "it must lie in x -100..100, y -140..110, z -90..120 mm"
            )
        if not 0 < self.radius < np.inf:
            raise RegionError(f"the radius {self.radius:g} mm of a sphere is out of range: it must be larger than 0")

    @classmethod
    def of(cls, centre: Sequence[float], radius: float, *, name: str | None = None) -> Sphere:
        """Make a sphere, named like ``sphere:-4,60,21,10`` by default.

        Parameters
        ----------
        centre : sequence of three float
            MNI x, y, z in mm.
        radius : float
            Radius in mm, larger than 0.
        name : str, optional
            How the region is called in outputs.
        """
        x_y_z = tuple(float(value) for value in centre)
        default = "sphere:" + ",".join(f"{value:g}" for value in (*x_y_z, radius))
        return cls(x_y_z, float(radius), default if name is None else name)  # type: ignore[arg-type]  # checked there

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it is at most `radius` from the centre; see `Region.locate`."""
        points = sample_points(samples)
        inside = np.linalg.norm(points - np.array(self.centre), axis=1) <= self.radius + _NOISE
        no_probability, not_between = np.full(len(points), np.nan), np.zeros(len(points), dtype=bool)
        return locations_table(samples, inside, no_probability, not_between)

    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only); see `Region.identity`."""
        return {
            "name": self.name,
            "kind": "sphere",
            "file": None,
            "sha256": None,
            "threshold": None,
            "centre": list(self.centre),
            "radius_mm": self.radius,
            "volume_mm3": self.volume,
            "centroid": self.centroid.tolist(),
        }

    def renamed(self, name: str) -> Sphere:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """Volume in mm3, of the whole ball."""
        return float(4 / 3 * np.pi * self.radius**3)

    @property
    def centroid(self) -> Points:
        """The centre (x, y, z) in mm, shape (3,)."""
        return np.array(self.centre, dtype=np.float64)

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region on a 1 mm grid, cut at the box of MNI space."""
        return _make_image(*_rasterize(self, self.centroid - self.radius, self.centroid + self.radius))


@dataclass(frozen=True, repr=False)
class Union(Region):
    """The points of several regions taken together. Make one with `Union.of` or ``a | b``.

    Attributes
    ----------
    parts : tuple of Region
        The regions, none of them a union.
    name : str
        How the region is called in outputs.
    """

    parts: tuple[Region, ...]
    name: str

    @classmethod
    def of(cls, regions: Sequence[Region], *, name: str | None = None) -> Union:
        """Join regions; the parts of unions among them become parts of this one.

        Parameters
        ----------
        regions : sequence of Region
            At least one region.
        name : str, optional
            How the region is called in outputs; default: ``A + B``.

        Raises
        ------
        RegionError
            Where there is no region.
        """
        if not regions:
            raise RegionError("a union of no regions holds nothing: give at least one region")
        parts = [part for region in regions for part in (region.parts if isinstance(region, Union) else (region,))]
        return cls(tuple(parts), " + ".join(region.name for region in regions) if name is None else name)

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it lies in any part; see `Region.locate`.

        The probability is the largest of those that the parts have there. `between_voxels` is true where the
        answer is a convention: half-way between two voxels of some part, and in no part for certain.
        """
        found = [part.locate(samples) for part in self.parts]
        inside = np.array([table["inside"].to_numpy() for table in found])
        between = np.array([table["between_voxels"].to_numpy() for table in found])
        probability = np.fmax.reduce([table["probability"].to_numpy() for table in found])
        certain = np.any(inside & ~between, axis=0)
        undecided = np.asarray(np.any(between, axis=0) & ~certain)
        return locations_table(samples, np.asarray(np.any(inside, axis=0)), probability, undecided)

    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only), with the identity of each part under `parts`."""
        return {
            "name": self.name,
            "kind": "union",
            "file": None,
            "sha256": None,
            "threshold": None,
            "volume_mm3": self.volume,
            "centroid": self.centroid.tolist(),
            "parts": [part.identity() for part in self.parts],
        }

    def renamed(self, name: str) -> Union:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """Volume in mm3, points in several parts counted once.

        Exact where the parts are images of one grid; else the number of points of a 1 mm grid that lie in the
        union, which is approximate.
        """
        mask, affine = self._raster
        return int(np.count_nonzero(mask)) * voxel_volume(affine)

    @property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the points in the union, shape (3,), on the grid that `volume` counts on."""
        mask, affine = self._raster
        if not mask.any():  # spheres so small that they hold no point of the grid
            return np.asarray(np.mean([part.centroid for part in self.parts], axis=0))
        return np.asarray(affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3])

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region: on the parts' grid where they share one, else on a 1 mm grid."""
        return _make_image(*self._raster)

    @cached_property
    def _raster(self) -> tuple[_Mask, _Affine]:
        """Points of a grid in the union (i, j, k), and their affine."""
        images = [part.to_image() for part in self.parts]
        first = images[0]
        if all(image.shape == first.shape and np.allclose(image.affine, first.affine) for image in images):
            return np.maximum.reduce([np.asarray(image.dataobj) for image in images]), np.asarray(first.affine)
        low, high = np.transpose([_find_limits(image) for image in images], (1, 0, 2))
        return _rasterize(self, low.min(axis=0), high.max(axis=0))


def _find_limits(image: Any) -> Points:
    """Lowest and highest x, y, z (2, 3) in mm of the non-zero voxels of an image, their edges included."""
    voxels = np.argwhere(np.asarray(image.dataobj))
    if not len(voxels):
        voxels = np.argwhere(np.ones(image.shape, dtype=bool))
    edges = [voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5]
    corners = np.stack(np.meshgrid(*np.transpose(edges), indexing="ij"), axis=-1).reshape(-1, 3)
    points = corners @ image.affine[:3, :3].T + image.affine[:3, 3]
    return np.array([points.min(axis=0), points.max(axis=0)])


def _rasterize(region: Region, low: Points, high: Points) -> tuple[_Mask, _Affine]:
    """Points with whole coordinates (mm) of a box that lie in a region (i, j, k), and the affine of that grid."""
    start = np.floor(np.maximum(low, MNI_BOX[0]))
    stop = np.ceil(np.minimum(high, MNI_BOX[1]))
    x, y, z = (np.arange(first, last + 1) for first, last in zip(start, stop, strict=True))
    plane = np.stack(np.meshgrid(y, z, indexing="ij"), axis=-1).reshape(-1, 2)
    mask = np.zeros((len(x), len(y), len(z)), dtype=np.uint8)
    for i, x_of_plane in enumerate(x):  # plane by plane, so that whole brains fit in memory
        points = pd.DataFrame({"mni_x": x_of_plane, "mni_y": plane[:, 0], "mni_z": plane[:, 1]})
        mask[i] = region.locate(points)["inside"].to_numpy().reshape(mask.shape[1:])
    affine = np.eye(4)
    affine[:3, 3] = start
    return mask, affine


def _make_image(mask: _Mask, affine: _Affine) -> Nifti1Image:
    from nibabel.nifti1 import Nifti1Image

    return Nifti1Image(mask, affine)
