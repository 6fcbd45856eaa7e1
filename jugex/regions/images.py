"""Regions of NIfTI images: probability maps, binary masks, and labels of label images."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Points, Region
from jugex.regions.labels import read_folder_table, read_label_table
from jugex.regions.selections import (
    Selection,
    holds_probabilities,
    pick_map,
    select_label,
    select_map,
    select_mask,
    select_probable,
)
from jugex.regions.stacks import Stack, read_image
from jugex.regions.volumes import Volume, voxel_volume
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = [
    "ImageRegion",
    "check_threshold",
    "locations_table",
    "region_from_image",
    "sample_points",
    "select_region",
]

#: Decimals of voxel coordinates that count: rounding noise must not decide on which side a sample lies.
_DECIMALS = 6


@dataclass(frozen=True, eq=False, repr=False)
class ImageRegion(Region):
    """The voxels of an image that belong to a region. Make one with `region_from_image`.

    Attributes
    ----------
    name : str
        How the region is called in outputs.
    kind : str
        "probability map", "binary mask" or "label".
    affine : ndarray, shape (4, 4)
        Voxel indices of the whole image to mm.
    shape : tuple of int, (i, j, k)
        Voxels of the whole image along each axis.
    start : tuple of int, (i, j, k)
        The first voxel of the box that is kept, in the whole image.
    mask : ndarray of uint8, shape (i, j, k)
        1 where a voxel of that box is in the region.
    probabilities : ndarray, shape (i, j, k), or None
        Probabilities in that box, in the image's data type; None where the region has none.
    max_probability : float or None
        Largest probability of the whole image.
    source : dict
        What else determined the region (JSON types only): part of `identity`.
    space : str
        Space of the image.
    image : Volume or None
        What `at_threshold` needs of a probability map that is no file of its own (in memory, or of a 4-D image): the
        smallest box that holds every value but 0.

    Examples
    --------
    >>> import jugex
    >>> a, _ = jugex.demo_regions()
    >>> a.at_threshold(0.5).volume < a.volume
    True
    """

    name: str
    kind: str
    affine: npt.NDArray[np.float64]
    shape: tuple[int, ...]
    start: tuple[int, ...]
    mask: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[Any] | None
    max_probability: float | None
    source: dict[str, Any]
    space: str = MNI_SPACE
    image: Volume | None = None

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Say of each sample whether its nearest voxel is in the region; see `Region.locate`.

        Voxel coordinates are rounded to 1e-6 voxel. Half-way between two voxels the one with the even index
        counts as the nearest, and `between_voxels` is true. Outside the image, samples are outside.
        """
        points = sample_points(samples)
        inverse = np.linalg.inv(self.affine)
        voxels = np.round(points @ inverse[:3, :3].T + inverse[:3, 3], _DECIMALS)
        at_grid = ((voxels >= -0.5) & (voxels <= np.array(self.shape) - 0.5)).all(axis=1)
        between = at_grid & (np.abs(voxels - np.trunc(voxels)) == 0.5).any(axis=1)

        box = np.rint(voxels) - self.start
        in_box = ((box >= 0) & (box < self.mask.shape)).all(axis=1)
        nearest = tuple(box[in_box].astype(np.intp).T)
        inside = np.zeros(len(points), dtype=bool)
        inside[in_box] = self.mask[nearest] > 0
        probability = np.full(len(points), np.nan)
        if self.probabilities is not None:
            probability[in_box] = self.probabilities[nearest]
            probability[~inside] = np.nan
        return locations_table(samples, inside, probability, between)

    def identity(self) -> dict[str, Any]:
        """What determined the region (JSON types only); see `Region.identity`."""
        import nibabel

        return {
            "name": self.name,
            "kind": self.kind,
            **self.source,
            "max_probability": self.max_probability,
            "n_voxels": self.n_voxels,
            "volume_mm3": self.volume,
            "centroid": self.centroid.tolist(),
            "voxel_size_mm": nibabel.affines.voxel_sizes(self.affine).tolist(),
            "orientation": "".join(nibabel.orientations.aff2axcodes(self.affine)),
        }

    def renamed(self, name: str) -> ImageRegion:
        """The same region under another name."""
        return replace(self, name=name)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The threshold of a probability map; see `Region.thresholds`."""
        return () if self.probabilities is None else (float(self.source["threshold"]),)

    def at_threshold(self, threshold: float) -> ImageRegion:
        """The same region with another threshold; see `Region.at_threshold`. The file is read again."""
        if self.probabilities is None:
            raise RegionError(
                f"region {self.name!r} is a {self.kind}, and has no threshold to change; give a probability map"
            )
        threshold = check_threshold(threshold)
        volume = self._read_again() if self.image is None else self.image
        selection = select_probable(volume, threshold, percent=self.source["percent"])
        made = _build_region(volume, selection, self.name, self.space)
        return replace(made, kind=self.kind, source=self.source | {"threshold": threshold}, image=self.image)

    def _read_again(self) -> Volume:
        """The file, as it was when the region was made."""
        volume = read_image(self.source["file"], space=self.space)
        if isinstance(volume, Stack) or volume.sha256 != self.source["sha256"]:
            raise RegionError(
                f"{self.source['file']} has changed since region {self.name!r} was made of it; make the region anew"
            )
        return volume

    @property
    def n_voxels(self) -> int:
        """Number of voxels in the region."""
        return int(np.count_nonzero(self.mask))

    @property
    def volume(self) -> float:
        """Volume in mm3: the number of voxels times that of one voxel."""
        return self.n_voxels * voxel_volume(self.affine)

    @cached_property
    def centroid(self) -> Points:
        """Mean (x, y, z) in mm of the voxels' centres, shape (3,), each voxel counting the same."""
        voxels = np.argwhere(self.mask).mean(axis=0) + self.start
        return np.asarray(self.affine[:3, :3] @ voxels + self.affine[:3, 3])

    def to_image(self) -> Nifti1Image:
        """A binary uint8 NIfTI image of the region, in the grid of its image."""
        from nibabel.nifti1 import Nifti1Image

        data = np.zeros(self.shape, dtype=np.uint8)
        box = tuple(slice(first, first + n) for first, n in zip(self.start, self.mask.shape, strict=True))
        data[box] = self.mask
        return Nifti1Image(data, self.affine)


def region_from_image(
    image: str | os.PathLike[str] | SpatialImage,
    *,
    threshold: float = 0.2,
    name: str | None = None,
    label: int | str | None = None,
    percent: bool = False,
    space: str = MNI_SPACE,
) -> ImageRegion:
    """Make a region of a NIfTI image in MNI space, or in a space of the user's own.

    Real numbers are probabilities, percent where the image's maximum exceeds 1. Integers are a binary mask where
    they are 0 and one other value, else labels, of which `label` names one. Of a 4-D image, one map per volume,
    `label` names the volume; its integers are percent where its maximum exceeds 1.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        In any orientation, voxel size and data type. A file is read once and kept until it changes.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel is in the region, compared in the image's data type.
        Masks and labels ignore it.
    name : str, optional
        How the region is called in outputs; default: the name of the file, or of the label.
    label : int or str, optional
        Number of a label or of a volume of a 4-D image, as the table beside the image counts them (see
        `jugex.regions.labels`), or its name there. Without a table, volumes are counted from 0.
    percent : bool, default False
        Whether the image holds percent, which an image of integers cannot tell (FSL's probability maps).
    space : str, default "MNI152NLin2009cAsym"
        Space of the image. In another than MNI152, where the brain lies is not checked, nor whether the header names
        a space.

    Returns
    -------
    ImageRegion
        The region.

    Raises
    ------
    OptionError
        Where the threshold is out of range, or both `label` and `percent` are given.
    RegionFileError
        Where the image or its label table is missing or unreadable.
    RegionError
        Where the image is not in MNI space, holds no valid probabilities or labels, or the region is empty.

    Examples
    --------
    >>> import nibabel, numpy
    >>> from jugex.regions import region_from_image
    >>> affine = numpy.diag([2.0, 2.0, 2.0, 1.0])
    >>> affine[:3, 3] = -32, 48, -6
    >>> mask = nibabel.Nifti1Image(numpy.ones((10, 10, 10), dtype=numpy.uint8), affine)
    >>> region_from_image(mask, name="my region")
    <Region 'my region': 8,000 mm3>
    """
    threshold = check_threshold(threshold)
    if percent and label is not None:
        raise OptionError(f"an image of percent has no labels: give either percent or label={label!r}")
    contents = read_image(image, space=space)
    table = _read_table(contents, label)
    return select_region(contents, table, label=label, threshold=threshold, name=name, percent=percent, space=space)


def select_region(
    contents: Volume | Stack,
    table: dict[int, str],
    *,
    label: int | str | None,
    threshold: float,
    name: str | None,
    percent: bool = False,
    space: str = MNI_SPACE,
) -> ImageRegion:
    """Make a region of an image that has been read and of the names of its labels; see `region_from_image`."""
    if isinstance(contents, Stack):
        volume, number = pick_map(contents, label, table)
        selection = replace(select_map(volume, threshold), label=number, label_name=table.get(number))
        return _build_region(volume, selection, name, space)
    volume = contents
    if label is not None:
        selection = select_label(volume, label, table)
    elif percent or holds_probabilities(volume, table):
        selection = select_probable(volume, threshold, percent=percent)
    else:
        selection = select_mask(volume, table)
    return _build_region(volume, selection, name, space)


def check_threshold(threshold: float) -> float:
    """Return the threshold as a float, or refuse it with an OptionError."""
    if not _is_number(threshold):
        raise OptionError(f"threshold {threshold!r} is no number: a probability from 0 to below 1 is needed")
    if not 0 <= threshold < 1:
        raise OptionError(f"threshold {threshold!r} is out of range: a probability from 0 to below 1 is needed")
    return float(threshold)


def _is_number(value: object) -> bool:
    return isinstance(value, Real)


def sample_points(samples: pd.DataFrame) -> Points:
    """Coordinates (n, 3) in mm of samples."""
    return samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)


def locations_table(
    samples: pd.DataFrame,
    inside: npt.NDArray[np.bool_],
    probability: npt.NDArray[np.float64],
    between_voxels: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Build what `Region.locate` returns; each array has the shape (n,)."""
    columns = {"inside": inside, "probability": probability, "between_voxels": between_voxels}
    return pd.DataFrame(columns, index=samples.index)


def _read_table(contents: Volume | Stack, label: int | str | None) -> dict[int, str]:
    """Names of the labels: of the image's own table, else of one that serves the whole folder where that is asked."""
    if contents.path is None:
        return {}
    is_stack = isinstance(contents, Stack)
    table = read_label_table(contents.path, volumes=is_stack)
    return table if table or label is None else read_folder_table(contents.path, volumes=is_stack)


def _build_region(volume: Volume, selection: Selection, name: str | None, space: str) -> ImageRegion:
    """Keep the smallest box that holds the region."""
    voxels = np.nonzero(selection.mask)
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in voxels)
    kept = None if selection.probabilities is None else selection.probabilities[box].copy()
    default = volume.stem if selection.label is None else selection.label_name or f"{volume.stem} {selection.label}"
    return ImageRegion(
        name=name if name is not None else default,
        kind=selection.kind,
        affine=volume.affine,
        shape=volume.shape,
        start=tuple(first + part.start for first, part in zip(volume.start, box, strict=True)),
        mask=selection.mask[box].astype(np.uint8),
        probabilities=kept,
        max_probability=selection.max_probability,
        source=_describe_source(volume, selection),
        space=space,
        image=_crop(volume) if kept is not None and (volume.path is None or volume.grid is not None) else None,
    )


def _crop(volume: Volume) -> Volume:
    """Reduce an image to the smallest box that holds every value but 0."""
    if volume.grid is not None:  # of a 4-D image, or cropped before
        return volume
    box = tuple(slice(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(volume.data))
    start = tuple(part.start for part in box)
    return replace(volume, data=volume.data[box].copy(), start=start, grid=volume.shape)


def _describe_source(volume: Volume, selection: Selection) -> dict[str, Any]:
    return {
        "file": None if volume.path is None else str(Path(volume.path)),
        "sha256": volume.sha256,
        "threshold": selection.threshold,
        "percent": selection.percent,
        "label": selection.label,
        "label_name": selection.label_name,
        "space": volume.space,
    }
