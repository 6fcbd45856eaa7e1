"""Regions without a file: spheres, boxes, and the two simulated regions of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import RegionError
from jugex.regions.base import Membership, Region, sample_points
from jugex.regions.grids import NOISE, Points, in_mni_box, make_image, rasterize
from jugex.regions.identity import RegionIdentity, known_point
from jugex.regions.images import region_from_image
from jugex.spaces import MNI_SPACE, demo_probability, is_mni_space

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = ["Box", "Sphere", "demo_region", "demo_regions"]


@dataclass(frozen=True, repr=False)
class Sphere(Region):
    """A ball: the points within a radius of a centre, without probability.

    Attributes
    ----------
    centre : tuple of three float
        x, y, z in mm.
    radius : float
        Radius in mm, larger than 0.
    name : str
        Name of the region in outputs.
    space : str
        Space of the centre.

    Raises
    ------
    RegionError
        If the centre lies outside the box of MNI space or is not finite, or the radius is not positive.

    Examples
    --------
    >>> import jugex
    >>> jugex.Region.sphere((-22, 58, 4), 8).contains([[-22, 58, 10], [-22, 58, 13]])
    array([ True, False])
    """

    centre: tuple[float, float, float]
    radius: float
    name: str
    space: str = MNI_SPACE

    def __post_init__(self) -> None:
        """Check centre and radius."""
        if len(self.centre) != 3:
            raise RegionError(f"the centre of a sphere has {len(self.centre)} coordinates: x, y, z in mm are needed")
        if is_mni_space(self.space) and not in_mni_box(np.array(self.centre, dtype=np.float64)):
            raise RegionError(
                f"the centre {self.centre} of a sphere is not in MNI space: "
                "it must lie in x -100..100, y -140..110, z -90..120 mm"
            )
        if not np.isfinite(self.centre).all():
            raise RegionError(f"the centre {self.centre} of a sphere is not finite: x, y, z in mm are needed")
        if not 0 < self.radius < np.inf:
            raise RegionError(f"the radius {self.radius:g} mm of a sphere is out of range: it must be larger than 0")

    @classmethod
    def of(cls, centre: Sequence[float], radius: float, *, name: str | None = None, space: str = MNI_SPACE) -> Sphere:
        """Make a sphere, named like ``sphere:-4,60,21,10`` by default.

        Parameters
        ----------
        centre : sequence of three float
            x, y, z in mm.
        radius : float
            Radius in mm, larger than 0.
        name : str, optional
            Name of the region in outputs.
        space : str, default "MNI152NLin2009cAsym"
            Space of the centre; only in MNI152 is it checked that the centre can lie in a brain.
        """
        x_y_z = tuple(float(value) for value in centre)
        default = "sphere:" + ",".join(f"{value:g}" for value in (*x_y_z, radius))
        return cls(x_y_z, float(radius), default if name is None else name, space)  # type: ignore[arg-type]  # checked by the class

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample is at most `radius` from the centre; see `Region.locate`."""
        offsets = sample_points(samples) - np.array(self.centre)
        inside = np.asarray(np.linalg.norm(offsets, axis=1) <= self.radius + NOISE)
        return Membership.certain(inside).to_table(samples)

    def identity(self) -> RegionIdentity:
        """What defines the region; see `Region.identity`."""
        return RegionIdentity(
            name=self.name,
            kind="sphere",
            space=self.space,
            centre=self.centre,
            radius_mm=self.radius,
            volume_mm3=self.volume,
            centroid=known_point(self.centroid),
        )

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance in mm of points (n, 3) to the sphere; see `Region.distances`."""
        offsets = np.asarray(points, dtype=np.float64) - np.array(self.centre)
        return np.asarray(np.maximum(np.linalg.norm(offsets, axis=1) - self.radius, 0.0))

    def renamed(self, name: str) -> Sphere:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """Volume of the whole ball in mm3."""
        return float(4 / 3 * np.pi * self.radius**3)

    @property
    def centroid(self) -> Points:
        """The centre (x, y, z) in mm, shape (3,)."""
        return np.array(self.centre, dtype=np.float64)

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region on a 1 mm grid, cut at the box of MNI space.

        In another space, the grid is as fine as the sphere needs, and nothing is cut.
        """
        return make_image(
            *rasterize(self.contains, self.space, self.centroid - self.radius, self.centroid + self.radius)
        )


@dataclass(frozen=True, repr=False)
class Box(Region):
    """The points between two corners, faces included, with edges along x, y and z; they have no probability.

    Attributes
    ----------
    low, high : tuple of three float
        Lowest and highest x, y, z in mm.
    name : str
        Name of the region in outputs.
    space : str
        Space of the corners.

    Examples
    --------
    >>> import jugex
    >>> jugex.Region.box((-45, 35, -25), (0, 75, 35))
    <Region 'box:-45,35,-25,0,75,35': 108,000 mm3>
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    name: str
    space: str = MNI_SPACE

    @classmethod
    def of(
        cls, corner: Sequence[float], opposite: Sequence[float], *, name: str | None = None, space: str = MNI_SPACE
    ) -> Box:
        """Make a box between two opposite corners, named like ``box:-10,20,0,10,40,20`` by default.

        Parameters
        ----------
        corner, opposite : sequence of three float
            x, y, z in mm, in any order.
        name : str, optional
            Name of the region in outputs.
        space : str, default "MNI152NLin2009cAsym"
            Space of the corners; only in MNI152 is it checked that they can enclose part of a brain.

        Raises
        ------
        RegionError
            If the corners are not two points of that space, or the box between them is flat.
        """
        corners = np.array([_check_corner(point, space) for point in (corner, opposite)])
        low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        if any(first >= last for first, last in zip(low, high, strict=True)):
            raise RegionError(f"the box from {low} to {high} is flat: corners that differ in x, y and z are needed")
        default = "box:" + ",".join(f"{value:g}" for value in (*low, *high))
        return cls(tuple(low), tuple(high), default if name is None else name, space)

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample is between the corners; see `Region.locate`."""
        points = sample_points(samples)
        is_between = (points >= np.array(self.low) - NOISE) & (points <= np.array(self.high) + NOISE)
        return Membership.certain(np.asarray(is_between.all(axis=1), dtype=bool)).to_table(samples)

    def identity(self) -> RegionIdentity:
        """What defines the region; see `Region.identity`."""
        return RegionIdentity(
            name=self.name,
            kind="box",
            space=self.space,
            low=self.low,
            high=self.high,
            volume_mm3=self.volume,
            centroid=known_point(self.centroid),
        )

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance in mm of points (n, 3) to the box; see `Region.distances`."""
        at = np.asarray(points, dtype=np.float64)
        return np.asarray(np.linalg.norm(at - np.clip(at, self.low, self.high), axis=1))

    def renamed(self, name: str) -> Box:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """Volume in mm3."""
        return float(np.prod(np.subtract(self.high, self.low)))

    @property
    def centroid(self) -> Points:
        """The centre (x, y, z) in mm, shape (3,)."""
        return np.asarray(np.add(self.low, self.high) / 2)

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region on a 1 mm grid; in another space, see `Sphere.to_image`."""
        return make_image(*rasterize(self.contains, self.space, np.array(self.low), np.array(self.high)))


def _check_corner(point: Sequence[float], space: str) -> Points:
    corner = np.array([float(value) for value in point])
    if corner.shape != (3,) or not np.isfinite(corner).all():
        raise RegionError(f"the corner {tuple(point)} of a box is not a point: finite x, y, z in mm are needed")
    if is_mni_space(space) and not in_mni_box(corner):
        raise RegionError(
            f"the corner {tuple(point)} of a box is not in MNI space: "
            "it must lie in x -100..100, y -140..110, z -90..120 mm"
        )
    return corner


# The 2 mm MNI152 grid: number of voxels per axis, and the centre of the first voxel (mm).
_DEMO_SHAPE = (91, 109, 91)
_DEMO_ORIGIN = (-90.0, -126.0, -72.0)
_DEMO_STEP = 2.0


def demo_regions(threshold: float = 0.2) -> tuple[Region, Region]:
    """Return two neighbouring simulated regions in left frontal cortex that overlap, like cytoarchitectonic areas.

    Parameters
    ----------
    threshold : float, default 0.2
        Probability above which a point belongs to a region.

    Returns
    -------
    tuple of two Region
        "simulated A" and "simulated B".

    Examples
    --------
    >>> import jugex
    >>> jugex.demo_regions(threshold=0.4)
    (<Region 'simulated A': ...>, <Region 'simulated B': ...>)
    """
    return demo_region("A", threshold=threshold), demo_region("B", threshold=threshold)


def demo_region(name: str, *, threshold: float = 0.2) -> Region:
    """Return one of the two demo regions, "A" or "B"; see `demo_regions`."""
    region = region_from_image(_draw_demo_image(name), threshold=threshold, name=f"simulated {name}")
    return replace(region, kind="simulated probability map")


@cache
def _draw_demo_image(name: str) -> Nifti1Image:
    """Probabilities of a demo region on the grid, cached."""
    from nibabel.nifti1 import Nifti1Image

    axes = [start + _DEMO_STEP * np.arange(n) for start, n in zip(_DEMO_ORIGIN, _DEMO_SHAPE, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    affine = np.diag([_DEMO_STEP, _DEMO_STEP, _DEMO_STEP, 1.0])
    affine[:3, 3] = _DEMO_ORIGIN
    values = demo_probability(name, grid).astype(np.float32)
    values.flags.writeable = False
    return Nifti1Image(values, affine)
