"""Regions of NIfTI images: probability maps, binary masks, and labels of label images."""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Points, Region
from jugex.regions.labels import find_label, read_label_table
from jugex.regions.volumes import Volume, read_volume, voxel_volume

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = ["ImageRegion", "check_threshold", "locations_table", "region_from_image", "sample_points"]

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
) -> ImageRegion:
    """Make a region of a NIfTI image in MNI space.

    Real numbers are probabilities, percent where the image's maximum exceeds 1. Integers are a binary mask where
    they are 0 and one other value, else labels, of which `label` names one.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        One volume, in any orientation, voxel size and data type.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel is in the region, compared in the image's data type.
        Masks and labels ignore it.
    name : str, optional
        How the region is called in outputs; default: the name of the file, or of the label.
    label : int or str, optional
        Number of a label, or its name in the table beside the image (see `jugex.regions.labels`).
    percent : bool, default False
        Whether the image holds percent, which an image of integers cannot tell (FSL's probability maps).

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
    """
    threshold = check_threshold(threshold)
    if percent and label is not None:
        raise OptionError(f"an image of percent has no labels: give either percent or label={label!r}")
    volume = read_volume(image)
    table = read_label_table(volume.path) if volume.path is not None else {}
    if label is not None:
        selection = _select_label(volume, label, table)
    elif percent or _holds_probabilities(volume, table):
        selection = _select_probable(volume, threshold, percent=percent)
    else:
        selection = _select_mask(volume, table)
    return _build_region(volume, selection, name)


def check_threshold(threshold: float) -> float:
    """Return the threshold as a float, or refuse it with an OptionError."""
    if not 0 <= threshold < 1:
        raise OptionError(f"threshold {threshold!r} is out of range: a probability from 0 to below 1 is needed")
    return float(threshold)


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


@dataclass(frozen=True, eq=False)
class _Selection:
    """The voxels of an image that make a region, and by which rule."""

    kind: str
    mask: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[Any] | None = None
    max_probability: float | None = None
    threshold: float | None = None
    percent: bool = False
    label: int | None = None
    label_name: str | None = None


def _holds_probabilities(volume: Volume, table: dict[int, str]) -> bool:
    """Whether the values are real numbers that are not labels: whole numbers with a label table are labels."""
    return volume.data.dtype.kind == "f" and not (table and _is_whole(volume.data))


def _is_whole(data: npt.NDArray[Any]) -> bool:
    return data.dtype.kind != "f" or bool((data == np.rint(data)).all())


def _select_probable(volume: Volume, threshold: float, *, percent: bool) -> _Selection:
    """Voxels with a probability above the threshold."""
    lowest, highest = volume.data.min(), volume.data.max()
    if lowest < 0:
        raise RegionError(f"{volume.title} holds negative values (lowest {lowest:g}): probabilities are 0 to 1")
    if highest > 100:
        raise RegionError(
            f"{volume.title} holds values up to {highest:g}: probabilities are 0 to 1, or percent 0 to 100"
            f"{_label_hint(volume) if _is_whole(volume.data) else ''}"
        )
    percent = percent or highest > 1
    values = volume.data if volume.data.dtype.kind == "f" else volume.data.astype(np.float64)
    probabilities = values / values.dtype.type(100) if percent else values
    maximum = probabilities.max()
    mask = probabilities > probabilities.dtype.type(threshold)
    if not mask.any():
        scale = f"; its maximum {highest:g} was read as percent" if percent else ""
        raise RegionError(
            f"no voxel of {volume.title} is above the threshold {threshold:g}: the maximum is {maximum:g}{scale}; "
            "lower the threshold or take another image"
        )
    return _Selection("probability map", mask, probabilities, float(maximum), threshold, bool(percent))


def _select_label(volume: Volume, label: int | str, table: dict[int, str]) -> _Selection:
    """Voxels of one label, by its number or its name."""
    if not _is_whole(volume.data):
        raise RegionError(f"{volume.title} has no labels: it holds real numbers that are not whole")
    number = _read_number(label, table, volume)
    if number == 0:
        raise RegionError(f"label 0 of {volume.title} is the background: give the label of a region")
    mask = volume.data == number
    if not mask.any():
        raise RegionError(f"no voxel of {volume.title} has the label {number}: it holds {_describe_labels(volume)}")
    return _Selection("label", mask, label=number, label_name=table.get(number))


def _read_number(label: int | str, table: dict[int, str], volume: Volume) -> int:
    if not isinstance(label, str):
        return operator.index(label)
    if re.fullmatch(r"[+-]?\d+", label.strip()):
        return int(label)
    if not table:
        raise RegionError(
            f"{volume.title} has no label table, so that label {label!r} has no number: give the number, or put "
            f"{volume.stem}.tsv with the columns index and name beside the image"
        )
    return find_label(table, label, title=volume.title)


def _select_mask(volume: Volume, table: dict[int, str]) -> _Selection:
    """Non-zero voxels of a binary mask."""
    labels = _list_values(volume.data)
    if len(labels) == 0:
        raise RegionError(f"{volume.title} is empty: every voxel is 0")
    if table or len(labels) > 1:
        why = " and a label table beside it" if table else ""
        raise RegionError(f"{volume.title} holds {_describe_labels(volume)}{why}{_label_hint(volume)}")
    return _Selection("binary mask", volume.data != 0)


def _list_values(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values other than 0, rising."""
    return np.unique(data[data != 0])


def _describe_labels(volume: Volume) -> str:
    labels = _list_values(volume.data)
    if len(labels) == 1:
        return f"1 label ({labels[0]:g})"
    return f"{len(labels):,} labels ({labels[0]:g} to {labels[-1]:g})" if len(labels) else "none"


def _label_hint(volume: Volume) -> str:
    """Say how one label is named, and how percent, where the values could be that."""
    labels = _list_values(volume.data)
    file = volume.path.name if volume.path is not None else "image"
    hint = f"; name one label, like {file}#{labels[0]:g} (label={labels[0]:g} in Python)"
    if labels[0] > 0 and 1 < labels[-1] <= 100:
        hint += f", or say that the values are percent: {file}% (percent=True)"
    return hint


def _build_region(volume: Volume, selection: _Selection, name: str | None) -> ImageRegion:
    """Keep the smallest box that holds the region."""
    voxels = np.nonzero(selection.mask)
    start = tuple(int(axis.min()) for axis in voxels)
    box = tuple(slice(first, int(axis.max()) + 1) for first, axis in zip(start, voxels, strict=True))
    kept = None if selection.probabilities is None else selection.probabilities[box].copy()
    default = volume.stem if selection.label is None else selection.label_name or f"{volume.stem} {selection.label}"
    return ImageRegion(
        name=name if name is not None else default,
        kind=selection.kind,
        affine=volume.affine,
        shape=volume.data.shape,
        start=start,
        mask=selection.mask[box].astype(np.uint8),
        probabilities=kept,
        max_probability=selection.max_probability,
        source=_describe_source(volume, selection),
    )


def _describe_source(volume: Volume, selection: _Selection) -> dict[str, Any]:
    return {
        "file": None if volume.path is None else str(Path(volume.path)),
        "sha256": volume.sha256,
        "threshold": selection.threshold,
        "percent": selection.percent,
        "label": selection.label,
        "label_name": selection.label_name,
        "space": volume.space,
    }
