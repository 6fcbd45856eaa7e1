"""The interface of every region: which points and samples belong to it, and with which probability."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_html
from jugex.errors import RegionError
from jugex.regions.grids import (
    Booleans,
    Points,
    VoxelRule,
    distances_to_voxels,
    find_limits,
    has_right_angles,
    make_image,
    rasterize,
)
from jugex.regions.identity import RegionIdentity
from jugex.spaces import HEMISPHERES, MNI_SPACE, hemisphere_of

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

    from jugex.regions.label_tables import LabelsLike, TissueClass
    from jugex.regions.labels import LabelLike
    from jugex.regions.parcellations import Hemisphere
    from jugex.regions.siibra_maps import MapType

__all__ = ["Coverage", "Membership", "Region", "SameExtent", "SampledAtlas", "sample_points", "upright_image"]


class SampledAtlas(Protocol):
    """The part of an atlas that regions need: where its samples lie and how they are annotated."""

    @property
    def name(self) -> str:
        """Name of the atlas."""

    @property
    def space(self) -> str:
        """Space of the samples' coordinates."""

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample: `donor_name`, `mni_x`, `mni_y`, `mni_z`, `structure_id`, ..."""

    @property
    def donors(self) -> pd.DataFrame:
        """One row per donor: `donor_name`, ..."""

    @property
    def structures(self) -> pd.DataFrame:
        """One row per structure: `structure_id`, `acronym`, `name`, `parent_structure_id`."""


# --- membership -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Membership:
    """Which of n points belong to a region, and for which of them this is a convention.

    Half-way between two voxels, it is a convention to which of them a sample belongs. Operations follow Kleene's
    three-valued logic: an answer that no convention can change is certain (Kleene SC (1952). Introduction to
    Metamathematics, section 64).

    Attributes
    ----------
    inside : ndarray of bool, shape (n,)
        Whether each point belongs to the region, possibly by convention.
    between_voxels : ndarray of bool, shape (n,)
        Whether this answer is a convention.
    """

    inside: Booleans
    between_voxels: Booleans

    @classmethod
    def certain(cls, inside: Booleans) -> Membership:
        """Membership (n,) that no convention decides."""
        return cls(inside, np.zeros(len(inside), dtype=bool))

    @classmethod
    def of(cls, located: pd.DataFrame) -> Membership:
        """Membership that `Region.locate` returned."""
        return cls(located["inside"].to_numpy(dtype=bool), located["between_voxels"].to_numpy(dtype=bool))

    def to_table(
        self,
        samples: pd.DataFrame,
        *,
        probability: npt.NDArray[np.float64] | None = None,
        tolerated: Booleans | None = None,
    ) -> pd.DataFrame:
        """Build the table that `Region.locate` returns; `probability` (n,) is used inside; None if there is none."""
        none = np.full(len(samples), np.nan)
        columns = {
            "inside": self.inside,
            "probability": none if probability is None else np.where(self.inside, probability, np.nan),
            "between_voxels": self.between_voxels,
            "tolerated": np.zeros(len(samples), dtype=bool) if tolerated is None else tolerated,
        }
        return pd.DataFrame(columns, index=samples.index)

    def __invert__(self) -> Membership:
        return Membership(~self.inside, self.between_voxels)

    def __or__(self, other: Membership) -> Membership:
        certain = (self.inside & ~self.between_voxels) | (other.inside & ~other.between_voxels)
        undecided = self.between_voxels | other.between_voxels
        return Membership(self.inside | other.inside, undecided & ~certain)

    def __and__(self, other: Membership) -> Membership:
        return ~(~self | ~other)


def sample_points(samples: pd.DataFrame) -> Points:
    """Coordinates (n, 3) in mm of samples."""
    return samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)


# --- regions ----------------------------------------------------------------------------------------------------


class Region(ABC):
    """A named set of points in one space, with probabilities if it comes from a probability map.

    Make one with `Region.from_image`, `Region.from_structure`, `Region.sphere` or `Region.box`. Regions combine:
    ``a | b`` (union), ``a & b`` (intersection), ``a - b`` (difference), ``~a`` (the rest of the brain), ``a.left`` and
    ``a.right`` (hemispheres).

    Attributes
    ----------
    name : str
        Name of the region in outputs.
    space : str
        Space of the points: MNI152, or the user's own, which must then be that of the atlas too.

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
    >>> a.distances([[-22, 58, 4], [-22, 58, 24]]).round(1).tolist()
    [0.0, 12.0]
    >>> a.to_image().get_data_dtype().name, a.identity().kind
    ('uint8', 'sphere')

    A probability map has a threshold, a structure needs an atlas, and `locate` finds samples in a region:

    >>> area, _ = jugex.demo_regions()
    >>> area.thresholds, area.at_threshold(0.4).thresholds
    ((0.2,), (0.4,))
    >>> atlas = jugex.open_atlas("simulated")
    >>> bound = jugex.Region.from_structure("simFL").bound_to(atlas)
    >>> [int(region.locate(atlas.samples).inside.sum()) for region in (area, bound)]
    [49, 403]
    >>> area.coverage(atlas).n_samples
    49
    >>> [int(region.locate(atlas.samples).inside.sum()) for region in (area.with_voxel("floor"), area.left)]
    [52, 49]
    >>> a.annotated_as("cortex").name  # for the real atlas: simulated structures have other ids
    'a'

    An intersection with a structure keeps only the samples of that structure; a difference leaves them out:

    >>> int((area & bound).locate(atlas.samples).inside.sum())
    49
    """

    name: str
    space: str = MNI_SPACE

    # constructors and operators import the modules that are built on this one

    @staticmethod
    def from_image(
        image: str | Path | SpatialImage,
        *,
        threshold: float = 0.2,
        name: str | None = None,
        label: LabelLike | None = None,
        volume: LabelLike | None = None,
        labels: LabelsLike | None = None,
        percent: bool = False,
        space: str | None = None,
        annotated: bool = False,
    ) -> Region:
        """Region of a NIfTI image; see `jugex.regions.images.region_from_image`.

        With `annotated`, only samples count whose hemisphere and class of tissue in the atlas are those of the label
        table, as in abagen; see `Region.annotated_as`.
        """
        if annotated:
            from jugex.regions.annotated import region_as_annotated as make
        else:
            from jugex.regions.images import region_from_image as make

        return make(
            image,
            threshold=threshold,
            name=name,
            label=label,
            volume=volume,
            labels=labels,
            percent=percent,
            space=space,
        )

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
        """Region of siibra, by its names or as an object; see `jugex.regions.siibra_maps.region_from_siibra`."""
        from jugex.regions.siibra_maps import region_from_siibra

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
    def from_structure(structure: str | int, *, atlas: SampledAtlas | None = None, name: str | None = None) -> Region:
        """Region of an anatomical structure of the atlas; see `jugex.regions.structures.StructureRegion`."""
        from jugex.regions.structures import StructureRegion

        return StructureRegion.of(structure, atlas=atlas, name=name)

    @abstractmethod
    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Find out which samples lie in the region.

        Parameters
        ----------
        samples : DataFrame, n rows
            With columns `mni_x`, `mni_y`, `mni_z` (mm), and `structure_id` if the region includes a structure.

        Returns
        -------
        DataFrame, n rows, index of `samples`
            `inside` (bool), `probability` (float; NaN outside, and if the region has none),
            `between_voxels` (bool: exactly half-way between two voxels, so that `inside` is a convention),
            `tolerated` (bool: inside only by a tolerance, see `with_tolerance`).
        """

    @abstractmethod
    def identity(self) -> RegionIdentity:
        """What defines the region: name, kind, file, SHA-256, threshold, parts, ..."""

    @abstractmethod
    def renamed(self, name: str) -> Region:
        """The same region under another name."""

    @property
    @abstractmethod
    def volume(self) -> float:
        """Volume in mm3; NaN if the region has no extent in space."""

    @property
    @abstractmethod
    def centroid(self) -> Points:
        """Centre of mass (x, y, z) in mm, shape (3,)."""

    @abstractmethod
    def to_image(self) -> SpatialImage:
        """A binary uint8 NIfTI image of the region (on a 1 mm grid if it has no grid of its own), for drawing."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds of the probability maps in the region, each once, in ascending order; empty if it has none."""
        return ()

    def at_threshold(self, threshold: float) -> Region:  # noqa: ARG002  # most regions have none
        """The same region with another threshold for every probability map in it.

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
            If the region holds no probability map, no voxel is above the threshold, or the file has changed.
        OptionError
            If the threshold is out of range.
        """
        raise RegionError(f"region {self.name!r} holds no probability map, and so has no threshold to change")

    def bound_to(self, atlas: SampledAtlas) -> Region:  # noqa: ARG002  # most regions need none
        """The same region, with the anatomical structures in it looked up in an atlas; the query calls this first."""
        return self

    def with_voxel(self, voxel: VoxelRule) -> Region:  # noqa: ARG002  # most regions have no voxels
        """The same region, with another rule for the voxel of an image that is read for a sample.

        Parameters
        ----------
        voxel : {'nearest', 'floor'}
            'nearest' reads the nearest voxel; 'floor' rounds voxel coordinates down, as in siibra and abagen, which
            shifts the image by half a voxel along each axis.

        Returns
        -------
        Region
            The region itself if it includes no image.
        """
        return self

    def contains(self, points: npt.ArrayLike) -> Booleans:
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
        """Distance of points to the nearest voxel of the region, measured to its faces, not to its centre.

        The voxels are those of the region's own grid, or of a 1 mm grid if it has none (for spheres and boxes the
        distance is exact).

        Parameters
        ----------
        points : array_like, shape (n, 3)
            x, y, z in mm.

        Returns
        -------
        ndarray, shape (n,)
            Distances in mm; 0 inside, infinite if the region is empty or has no extent in space.
        """
        at = np.asarray(points, dtype=np.float64)
        if len(at) and not np.isnan(self.volume):
            image = upright_image(self)
            mask = np.asarray(image.dataobj) > 0
            if mask.any():
                return distances_to_voxels(mask, np.asarray(image.affine), at)
        return np.full(len(at), np.inf)

    def __or__(self, other: Region) -> Region:
        """Union: one region, with the larger of the probabilities."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.operations import Union

        return Union.of((self, other))

    def __and__(self, other: Region) -> Region:
        """Intersection, with the smaller of the probabilities; see `jugex.regions.operations.Intersection`."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.operations import Intersection

        return Intersection.of((self, other))

    def __sub__(self, other: Region) -> Region:
        """Difference, with the first's probability; see `jugex.regions.operations.Difference`."""
        if not isinstance(other, Region):
            return NotImplemented
        from jugex.regions.operations import Difference

        return Difference.of(self, other)

    def __invert__(self) -> Region:
        """Complement: the rest of the brain; see `jugex.regions.operations.Complement`."""
        from jugex.regions.operations import Complement

        return Complement.of(self)

    @property
    def left(self) -> Region:
        """The part with x < 0 mm; see `jugex.regions.operations.Half`."""
        from jugex.regions.operations import Half

        return Half.of(self, "left")

    @property
    def right(self) -> Region:
        """The part with x > 0 mm; see `jugex.regions.operations.Half`."""
        from jugex.regions.operations import Half

        return Half.of(self, "right")

    def eroded(self, mm: float) -> Region:
        """The region without a rim; see `jugex.regions.morphology.erode`."""
        from jugex.regions.morphology import erode

        return erode(self, mm)

    def dilated(self, mm: float) -> Region:
        """The region with a rim around it; see `jugex.regions.morphology.dilate`."""
        from jugex.regions.morphology import dilate

        return dilate(self, mm)

    def with_tolerance(self, mm: float) -> Region:
        """The region together with samples just outside it; see `jugex.regions.morphology.Tolerant`."""
        from jugex.regions.morphology import tolerate

        return tolerate(self, mm)

    def annotated_as(self, tissue: TissueClass | None, side: Literal["left", "right"] | None = None) -> Region:
        """The region, restricted to samples that the atlas annotates with a class of tissue and a side, as in abagen.

        Parameters
        ----------
        tissue : {'cortex', 'subcortex/brainstem', 'cerebellum', 'white matter', 'other'}, optional
            Class of tissue, defined by structures of the Allen Human Brain Atlas; None for any. As in abagen, the
            hippocampal formation does not belong to the cortex.
        side : {'left', 'right'}, optional
            Side of the sample, by the sign of its `mni_x`; default: either. A sample whose structure is named after
            the other side does not count.

        Returns
        -------
        Region
            Its volume and image are those of the whole region.

        Raises
        ------
        OptionError
            If neither class nor side is given, or if one is unknown.
        """
        from jugex.regions.annotated import annotate

        return annotate(self, tissue, side)

    def coverage(self, atlas: SampledAtlas) -> Coverage:
        """Count the samples and donors of an atlas in the region, and give its volume and centroid.

        Parameters
        ----------
        atlas : ExpressionAtlas
            The atlas whose samples are counted (`jugex.open_atlas`).

        Returns
        -------
        Coverage

        Raises
        ------
        RegionError
            If the region includes a structure that the atlas does not have.
        """
        bound = self.bound_to(atlas)
        samples = atlas.samples[bound.locate(atlas.samples)["inside"].to_numpy()]
        sides = pd.Series(hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64)), index=samples.index, dtype=object)
        counts = pd.crosstab(samples["donor_name"], sides)
        counts = counts.reindex(index=atlas.donors["donor_name"], columns=list(HEMISPHERES), fill_value=0)
        donors = counts.assign(samples=counts.sum(axis=1)).rename_axis(columns=None).reset_index()
        return Coverage(bound.name, atlas.name, donors, bound.volume, bound.centroid)

    def __repr__(self) -> str:
        extent = "no extent in space" if np.isnan(self.volume) else f"{self.volume:,.0f} mm3"
        return f"<Region {self.name!r}: {extent}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: kind, volume and place of the region."""
        identity = self.identity()
        extent = "no extent in space" if np.isnan(self.volume) else f"{self.volume:,.0f} mm3"
        around = " around x {:.0f}, y {:.0f}, z {:.0f} mm"
        place = "" if identity.centroid is None else around.format(*identity.centroid)
        said = [f"{identity.kind}: {extent}{place}, in {self.space}"]
        if self.thresholds:
            said.append(f"where the probability is above {', '.join(f'{value:g}' for value in self.thresholds)}")
        if identity.file:
            said.append(f"from {identity.file}")
        return format_html(self.name, [*said, "region.coverage(atlas) counts the samples in it."])


@dataclass(frozen=True, eq=False, repr=False)
class SameExtent(Region):
    """Base of regions with the same extent as another, but with other samples.

    Attributes
    ----------
    part : Region
        The other region.
    """

    part: Region

    @property
    def space(self) -> str:  # type: ignore[override]  # the space of the part
        """Space of the region."""
        return self.part.space

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds of the region itself; see `Region.thresholds`."""
        return self.part.thresholds

    def at_threshold(self, threshold: float) -> Self:
        """The same region with another threshold; see `Region.at_threshold`."""
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


def upright_image(region: Region) -> SpatialImage:
    """Image of a region with axes at right angles: on its own grid if that has such axes, else on a 1 mm grid."""
    image = region.to_image()
    if has_right_angles(image.affine):
        return image
    return make_image(*rasterize(region.contains, region.space, *find_limits(image)))


@dataclass(frozen=True, eq=False)
class Coverage:
    """Samples and donors of an atlas in a region, with its volume and centroid.

    Attributes
    ----------
    region, atlas : str
        Names of the region and of the atlas.
    donors : DataFrame
        One row per donor of the atlas: `donor_name`, then the number of samples at x < 0 mm (`left`), x = 0
        (`midline`) and x > 0 (`right`), and in total (`samples`).
    volume : float
        Volume of the region in mm3; NaN if it has no extent in space (an anatomical structure).
    centroid : ndarray, shape (3,)
        Centre of mass (x, y, z) of the region in mm; for a structure, the mean of its samples.

    Examples
    --------
    >>> import jugex
    >>> coverage = jugex.Region.sphere((-22, 58, 4), 8).coverage(jugex.open_atlas("simulated"))
    >>> coverage.n_samples, coverage.n_donors
    (33, 6)
    >>> coverage.hemispheres["samples"].tolist()
    [33, 0, 0]
    """

    region: str
    atlas: str
    donors: pd.DataFrame
    volume: float
    centroid: Points

    @property
    def n_samples(self) -> int:
        """Number of samples in the region."""
        return int(self.donors["samples"].sum())

    @property
    def n_donors(self) -> int:
        """Number of donors with samples in the region."""
        return int((self.donors["samples"] > 0).sum())

    @property
    def hemispheres(self) -> pd.DataFrame:
        """One row per `hemisphere` (left, midline, right): `samples` and `donors`, the donors with samples there."""
        counts = self.donors[list(HEMISPHERES)]
        samples, donors = counts.sum().to_numpy(), (counts > 0).sum().to_numpy()
        return pd.DataFrame({"hemisphere": list(HEMISPHERES), "samples": samples, "donors": donors})

    def __repr__(self) -> str:
        counts = f"{count_of(self.n_samples, 'sample')} of {count_of(self.n_donors, 'donor')}"
        return f"<Coverage: {self.region} in {self.atlas}, {counts}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: samples of each donor by hemisphere."""
        head, *_ = str(self).splitlines()
        rows = self.donors[["donor_name", *HEMISPHERES, "samples"]].itertuples(index=False)
        return format_html(head, (), ["donor", *HEMISPHERES, "all"], rows)

    def __str__(self) -> str:
        extent = "no extent in space" if np.isnan(self.volume) else f"{self.volume:,.0f} mm3"
        x, y, z = self.centroid
        where = "" if np.isnan(x) else f" around x {x:.0f}, y {y:.0f}, z {z:.0f} mm"
        counts = f"{count_of(self.n_samples, 'sample')} of {count_of(self.n_donors, 'donor')}"
        head = f"{self.region} in {self.atlas}: {counts}; {extent}{where}"
        totals = {"donor_name": "samples", **self.donors[[*HEMISPHERES, "samples"]].sum()}
        numbers = self.hemispheres.set_index("hemisphere")["donors"]
        donors = {"donor_name": "donors", **numbers, "samples": self.n_donors}
        table = pd.concat([self.donors, pd.DataFrame([totals, donors])])
        return f"{head}\n{table.rename(columns={'donor_name': 'donor', 'samples': 'all'}).to_string(index=False)}"
