"""Regions as lists of samples, so that samples are located only once for many comparisons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import RegionError
from jugex.regions.base import Membership, Region
from jugex.regions.grids import Points
from jugex.regions.identity import RegionIdentity
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["ListedRegion"]


@dataclass(frozen=True, eq=False, repr=False)
class ListedRegion(Region):
    """A region given by a list of its samples, without extent in space. Make one with `ListedRegion.of`.

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
    space : str
        Space of the region in which samples were located.
    """

    name: str
    well_ids: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    between_voxels: npt.NDArray[np.bool_]
    tolerated: npt.NDArray[np.bool_]
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
        return RegionIdentity(name=self.name, kind="list of samples", space=self.space)

    def renamed(self, name: str) -> ListedRegion:
        """The same samples under another name."""
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        """NaN: samples have no volume."""
        return float("nan")

    @property
    def centroid(self) -> Points:
        """NaN, shape (3,): only the atlas knows where the samples lie."""
        return np.full(3, np.nan)

    def to_image(self) -> SpatialImage:
        """Raise an error: a list of samples has no image.

        Raises
        ------
        RegionError
        """
        raise RegionError(
            f"region {self.name!r} is a list of samples, which has no image; draw the region it came from"
        )
