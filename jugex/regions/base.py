"""What every region offers: which samples lie in it, how probable that is, and where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import RegionError
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from jugex.atlas import ExpressionAtlas
    from jugex.regions.coverage import Coverage
    from jugex.regions.parcellations import Hemisphere, MapType

__all__ = ["Region"]

Points = npt.NDArray[np.float64]


class Region(ABC):
    """A named set of points in one space, with a probability where it has one.

    Make one with `Region.from_image`, `Region.from_structure`, `Region.sphere` or `Region.box`. Regions combine:
    ``a | b`` (union), ``a & b`` (intersection), ``a - b`` (difference), ``~a`` (the rest of the brain), ``a.left`` and
    ``a.right`` (hemispheres).

    Attributes
    ----------
    name : str
        How the region is called in outputs.
    space : str
        Space of the points: MNI152, or the user's own, which then is that of the atlas too.

    Examples
    --------
    >>> import jugex
    >>> a, b = jugex.Region.sphere((-22, 58, 4), 8, name="a"), jugex.Region.sphere((-16, 58, 4), 8, name="b")
    >>> a | b, a & b, a - b
    (<Region 'a + b': 3,239 mm3>, <Region 'a & b': 979 mm3>, <Region 'a - b': 1,130 mm3>)
    >>> a.renamed("pole").name, round(a.volume), a.centroid.round().tolist()
    ('pole', 2145, [-22.0, 58.0, 4.0])
    >>> a.contains([[-22, 58, 4], [0, 0, 0]]).tolist()
    [True, False]
    >>> a.to_image().get_data_dtype().name, a.identity()["kind"]
    ('uint8', 'sphere')

    A probability map has a threshold, a structure needs an atlas, and samples lie in a region or not:

    >>> area, _ = jugex.demo_regions()
    >>> area.thresholds, area.at_threshold(0.4).thresholds
    ((0.2,), (0.4,))
    >>> atlas = jugex.open_atlas("simulated")
    >>> bound = jugex.Region.from_structure("simFL").bound_to(atlas)
    >>> [int(region.locate(atlas.samples).inside.sum()) for region in (area, bound)]
    [38, 135]
    """

    name: str
    space: str = MNI_SPACE

    @staticmethod
    def from_image(
        image: str | Path | SpatialImage,
        *,
        threshold: float = 0.2,
        name: str | None = None,
        label: int | str | None = None,
        percent: bool = False,
        space: str = MNI_SPACE,
    ) -> Region:
        """Region of a NIfTI image; see `jugex.regions.images.region_from_image`."""
        from jugex.regions.images import region_from_image

        return region_from_image(image, threshold=threshold, name=name, label=label, percent=percent, space=space)

    @staticmethod
    def from_parcellation(
        parcellation: str,
        region: str,
        *,
        hemisphere: Hemisphere | None = None,
        threshold: float = 0.2,
        name: str | None = None,
    ) -> Region:
        """Region of a parcellation by its name; see `jugex.regions.parcellations.region_from_parcellation`."""
        from jugex.regions.parcellations import region_from_parcellation

        return region_from_parcellation(parcellation, region, hemisphere=hemisphere, threshold=threshold, name=name)

    @staticmethod
    def from_siibra(
        parcellation: Any,
        region: str | None = None,
        *,
        threshold: float = 0.2,
        map_type: MapType = "statistical",
        name: str | None = None,
    ) -> Region:
        """Region of siibra, by its names or as an object; see `jugex.regions.parcellations.region_from_siibra`."""
        from jugex.regions.parcellations import region_from_siibra

        return region_from_siibra(parcellation, region, threshold=threshold, map_type=map_type, name=name)

    @staticmethod
    def sphere(centre: Sequence[float], radius: float, *, name: str | None = None, space: str = MNI_SPACE) -> Region:
        """Ball around a point; see `jugex.regions.shapes.Sphere`."""
        from jugex.regions.shapes import Sphere

        return Sphere.of(centre, radius, name=name, space=space)

    @staticmethod
    def box(
        corner: Sequence[float], opposite: Sequence[float], *, name: str | None = None, space: str = MNI_SPACE
    ) -> Region:
        """Box between two opposite corners; see `jugex.regions.shapes.Box`."""
        from jugex.regions.shapes import Box

        return Box.of(corner, opposite, name=name, space=space)

    @staticmethod
    def from_structure(
        structure: str | int, *, atlas: ExpressionAtlas | None = None, name: str | None = None
    ) -> Region:
        """Region of an anatomical structure of the atlas; see `jugex.regions.structures.StructureRegion`."""
        from jugex.regions.structures import StructureRegion

        return StructureRegion.of(structure, atlas=atlas, name=name)

    @abstractmethod
    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether it lies in the region.

        Parameters
        ----------
        samples : DataFrame, n rows
            With columns `mni_x`, `mni_y`, `mni_z` (mm), and `structure_id` where the region holds a structure.

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
        """Volume in mm3; NaN where the region has no extent in space."""

    @property
    @abstractmethod
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm, shape (3,)."""

    @abstractmethod
    def to_image(self) -> SpatialImage:
        """A binary uint8 NIfTI image of the region (1 mm grid where it has none of its own), for drawing."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds of the probability maps in the region, each once, rising; empty where it holds none."""
        return ()

    def at_threshold(self, threshold: float) -> Region:  # noqa: ARG002  # most regions have none
        """The same region with another threshold of every probability map in it.

        Parameters
        ----------
        threshold : float
            0 <= t < 1; voxels with a larger probability belong to the region.

        Returns
        -------
        Region

        Raises
        ------
        RegionError
            Where the region holds no probability map, no voxel is above the threshold, or the file has changed.
        OptionError
            Where the threshold is out of range.
        """
        raise RegionError(f"region {self.name!r} holds no probability map, and so has no threshold to change")

    def bound_to(self, atlas: ExpressionAtlas) -> Region:  # noqa: ARG002  # most regions need none
        """The same region, with the anatomical structures in it looked up in an atlas; the query calls this first."""
        return self

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points lie in the region.

        Parameters
        ----------
        points : array_like, shape (n, 3)
            x, y, z in mm.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        table = pd.DataFrame(np.asarray(points, dtype=np.float64), columns=["mni_x", "mni_y", "mni_z"])
        return self.locate(table)["inside"].to_numpy(dtype=bool)

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance of points to the region; see `jugex.regions.morphology.measure_distances`.

        Parameters
        ----------
        points : array_like, shape (n, 3)
            x, y, z in mm.

        Returns
        -------
        ndarray, shape (n,)
            Distances in mm; 0 inside, infinite where the region has no extent in space.
        """
        from jugex.regions.morphology import measure_distances

        return measure_distances(self, np.asarray(points, dtype=np.float64))

    def __or__(self, other: Region) -> Region:
        """Union: one region, with the larger of the probabilities."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.algebra import Union

        return Union.of((self, other))

    def __and__(self, other: Region) -> Region:
        """Intersection, with the smaller of the probabilities; see `jugex.regions.algebra.Intersection`."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.algebra import Intersection

        return Intersection.of((self, other))

    def __sub__(self, other: Region) -> Region:
        """Difference, with the first's probability; see `jugex.regions.algebra.Difference`."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.algebra import Difference

        return Difference.of(self, other)

    def __invert__(self) -> Region:
        """Complement: the rest of the brain; see `jugex.regions.algebra.Complement`."""
        from jugex.regions.algebra import Complement

        return Complement.of(self)

    @property
    def left(self) -> Region:
        """The part with x < 0 mm; see `jugex.regions.algebra.Half`."""
        from jugex.regions.algebra import Half

        return Half.of(self, "left")

    @property
    def right(self) -> Region:
        """The part with x > 0 mm; see `jugex.regions.algebra.Half`."""
        from jugex.regions.algebra import Half

        return Half.of(self, "right")

    def eroded(self, mm: float) -> Region:
        """The region without its rim; see `jugex.regions.morphology.erode`."""
        from jugex.regions.morphology import erode

        return erode(self, mm)

    def dilated(self, mm: float) -> Region:
        """The region with a rim around it; see `jugex.regions.morphology.dilate`."""
        from jugex.regions.morphology import dilate

        return dilate(self, mm)

    def with_tolerance(self, mm: float) -> Region:
        """The region, which takes in samples just outside too; see `jugex.regions.morphology.Tolerant`."""
        from jugex.regions.morphology import tolerate

        return tolerate(self, mm)

    def coverage(self, atlas: ExpressionAtlas) -> Coverage:
        """Samples and donors that the region holds, and where it lies; see `jugex.regions.coverage.Coverage`."""
        from jugex.regions.coverage import measure_coverage

        return measure_coverage(self, atlas)

    def __repr__(self) -> str:
        extent = "no extent in space" if np.isnan(self.volume) else f"{self.volume:,.0f} mm3"
        return f"<Region {self.name!r}: {extent}>"
