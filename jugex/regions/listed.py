"""Regions as lists of samples, so that samples are located only once for many comparisons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.regions.base import Membership, Region
from jugex.regions.grids import Points
from jugex.regions.identity import RegionIdentity, known_point
from jugex.regions.structures import draw_samples, known_points, lie_with_samples
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["ListedRegion"]


@dataclass(frozen=True, eq=False, repr=False)
class ListedRegion(Region):
    """A region given by a list of its samples, without extent in space. Make one with `ListedRegion.of`.

    As of an anatomical structure, its image shows the 1 mm voxels in which its samples lie.

    Attributes
    ----------
    name : str
        Name of the region in outputs.
    well_ids : ndarray of int, shape (n,)
        The samples in the region.
    probability : ndarray of float, shape (n,)
        Probability of each sample; NaN if the region has none.
    between_voxels, tolerated : ndarray of bool, shape (n,)
        As in the table of `Region.locate`.
    points : ndarray, shape (m, 3)
        Coordinates (mm) of the samples, of those that have one.
    space : str
        Space of the region in which samples were located.
    """

    name: str
    well_ids: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    between_voxels: npt.NDArray[np.bool_]
    tolerated: npt.NDArray[np.bool_]
    points: Points
    space: str = MNI_SPACE

    @classmethod
    def of(cls, name: str, samples: pd.DataFrame, located: pd.DataFrame, space: str = MNI_SPACE) -> ListedRegion:
        """Make the list from samples (with `well_id`) and the table that `Region.locate` returned for them."""
        inside = located["inside"].to_numpy(dtype=bool)
        held, n = located[inside], int(inside.sum())
        tolerated = held["tolerated"].to_numpy(dtype=bool) if "tolerated" in held else np.zeros(n, dtype=bool)
        return cls(
            name,
            samples["well_id"].to_numpy(dtype=np.int64)[inside],
            held["probability"].to_numpy(dtype=np.float64),
            held["between_voxels"].to_numpy(dtype=bool),
            tolerated,
            known_points(samples[inside]),
            space,
        )

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether each sample (`well_id`) is listed; see `Region.locate`."""
        rows = pd.Index(self.well_ids).get_indexer(pd.Index(samples["well_id"]))
        inside = rows >= 0
        between, tolerated = (np.append(flags, False)[rows] for flags in (self.between_voxels, self.tolerated))
        probability = np.append(self.probability, np.nan)[rows]
        return Membership(inside, between).to_table(samples, probability=probability, tolerated=tolerated)

    def identity(self) -> RegionIdentity:
        """What defines the region: it is a list of samples."""
        return RegionIdentity(
            name=self.name, kind="list of samples", space=self.space, centroid=known_point(self.centroid)
        )

    def renamed(self, name: str) -> ListedRegion:
        """The same samples under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """NaN: samples have no volume."""
        return float("nan")

    @property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the samples, shape (3,)."""
        return np.asarray(self.points.mean(axis=0)) if len(self.points) else np.full(3, np.nan)

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points (n, 3) in mm lie in the 1 mm voxel of a sample, shape (n,): no more is known."""
        return lie_with_samples(points, self.points)

    def to_image(self) -> SpatialImage:
        """A binary uint8 NIfTI image of the 1 mm voxels in which the samples lie."""
        return draw_samples(self.points, self.space)
