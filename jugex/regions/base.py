"""What every region offers: which samples lie in it, how probable that is, and where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["Region"]

Points = npt.NDArray[np.float64]


class Region(ABC):
    """A named set of points in MNI space, with a probability where it has one.

    Make one with `Region.from_image` or `Region.sphere`; join them with ``|``.

    Attributes
    ----------
    name : str
        How the region is called in outputs.
    """

    name: str

    @staticmethod
    def from_image(
        image: str | Path | SpatialImage,
        *,
        threshold: float = 0.2,
        name: str | None = None,
        label: int | str | None = None,
        percent: bool = False,
    ) -> Region:
        """Region of a NIfTI image; see `jugex.regions.images.region_from_image`."""
        from jugex.regions.images import region_from_image

        return region_from_image(image, threshold=threshold, name=name, label=label, percent=percent)

    @staticmethod
    def sphere(centre: Sequence[float], radius: float, *, name: str | None = None) -> Region:
        """Ball around a point; see `jugex.regions.shapes.Sphere`."""
        from jugex.regions.shapes import Sphere

        return Sphere.of(centre, radius, name=name)

    @abstractmethod
    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it lies in the region.

        Parameters
        ----------
        samples : DataFrame, n rows
            With columns `mni_x`, `mni_y`, `mni_z` (mm).

        Returns
        -------
        DataFrame, n rows, index of `samples`
            `inside` (bool), `probability` (float; NaN outside and where the region has none),
            `between_voxels` (bool: exactly half-way between two voxels, so that its side is a convention).
        """

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only): name, kind, file, SHA-256, threshold, ..."""

    @abstractmethod
    def renamed(self, name: str) -> Region:
        """The same region under another name."""

    @property
    @abstractmethod
    def volume(self) -> float:
        """Volume in mm3."""

    @property
    @abstractmethod
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm, shape (3,)."""

    @abstractmethod
    def to_image(self) -> SpatialImage:
        """A binary uint8 NIfTI image of the region (1 mm grid where it has none of its own), for drawing."""

    def __or__(self, other: Region) -> Region:
        """Union: one region, with the larger of the probabilities."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.shapes import Union

        return Union.of((self, other))

    def __repr__(self) -> str:
        return f"<Region {self.name!r}: {self.volume:,.0f} mm3>"
