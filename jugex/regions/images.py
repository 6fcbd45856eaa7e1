"""Regions from NIfTI images: the kind of an image (probability map, mask, labels) and the voxels of the region."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import JugexWarning, OptionError, RegionError, warn_user
from jugex.regions.base import Membership, Region, sample_points
from jugex.regions.grids import Affine, Mask, Points, VoxelRule, box_of, voxel_volume
from jugex.regions.identity import RegionIdentity
from jugex.regions.label_tables import LabelsLike, LabelTable, find_label_table, read_labels
from jugex.regions.labels import LabelLike, find_labels, split_side
from jugex.regions.nifti import Stack, Values, Volume, file_stem, read_image
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = [
    "ImageKind",
    "ImageRegion",
    "check_threshold",
    "find_voxels",
    "kind_of",
    "region_from_image",
    "select_region",
]

#: Decimals to which voxel coordinates are rounded, so that rounding noise does not decide to which voxel a sample
#: belongs.
_DECIMALS = 6


@dataclass(frozen=True, eq=False, repr=False)
class ImageRegion(Region):
    """The voxels of an image that belong to a region. Make one with `region_from_image`.

    Attributes
    ----------
    name : str
        Name of the region in outputs.
    kind : str
        "probability map", "binary mask" or "label".
    affine : ndarray, shape (4, 4)
        From voxel indices of the whole image to mm.
    shape : tuple of int, (i, j, k)
        Number of voxels of the whole image along each axis.
    start : tuple of int, (i, j, k)
        First voxel, in the whole image, of the box that is kept.
    mask : ndarray of uint8, shape (i, j, k)
        1 where a voxel of that box is in the region.
    probabilities : ndarray, shape (i, j, k), or None
        Probabilities in that box, in the image's data type; None if the region has none.
    max_probability : float or None
        Largest probability of the whole image.
    source : RegionIdentity
        What defines the region, without its measures.
    space : str
        Space of the image.
    image : Volume or None
        The smallest box with all non-zero values of a probability map that has no file of its own (one in memory, or a
        volume of a 4-D image), for `at_threshold`.
    voxel : {'nearest', 'floor'}
        The voxel that is read for a sample; see `Region.with_voxel`.

    Examples
    --------
    >>> import jugex
    >>> a, _ = jugex.demo_regions()
    >>> a.at_threshold(0.5).volume < a.volume
    True
    """

    name: str
    kind: str
    affine: Affine
    shape: tuple[int, ...]
    start: tuple[int, ...]
    mask: Mask
    probabilities: npt.NDArray[Any] | None
    max_probability: float | None
    source: RegionIdentity
    space: str = MNI_SPACE
    image: Volume | None = None
    voxel: VoxelRule = "nearest"

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Whether the voxel of each sample is in the region; see `Region.locate`.

        Voxel coordinates are rounded to 1e-6 voxel. By default the nearest voxel is read; half-way between two voxels
        it is the one with the even index, and `between_voxels` is true. With the rule 'floor', coordinates are rounded
        down, and `between_voxels` is true for whole coordinates, where a voxel begins. Samples outside the image are
        outside the region.
        """
        points = sample_points(samples)
        coordinates = _voxel_coordinates(points, self.affine)
        begin = -0.5 if self.voxel == "nearest" else 0.0
        at_grid = ((coordinates >= begin) & (coordinates <= np.array(self.shape) + begin)).all(axis=1)
        between = at_grid & (np.abs(coordinates - np.trunc(coordinates)) == -begin).any(axis=1)

        box = _ROUND[self.voxel](coordinates) - self.start
        in_box = ((box >= 0) & (box < self.mask.shape)).all(axis=1)
        nearest = tuple(box[in_box].astype(np.intp).T)
        inside = np.zeros(len(points), dtype=bool)
        inside[in_box] = self.mask[nearest] > 0
        probability = np.full(len(points), np.nan)
        if self.probabilities is not None:
            probability[in_box] = self.probabilities[nearest]
        return Membership(inside, between).to_table(samples, probability=probability)

    def identity(self) -> RegionIdentity:
        """What defines the region; see `Region.identity`."""
        import nibabel

        return replace(
            self.source,
            name=self.name,
            kind=self.kind,
            max_probability=self.max_probability,
            n_voxels=self.n_voxels,
            volume_mm3=self.volume,
            centroid=tuple(self.centroid.tolist()),
            voxel_size_mm=tuple(nibabel.affines.voxel_sizes(self.affine).tolist()),
            orientation="".join(nibabel.orientations.aff2axcodes(self.affine)),
            voxel=None if self.voxel == "nearest" else self.voxel,
        )

    def renamed(self, name: str) -> ImageRegion:
        """The same region under another name."""
        return replace(self, name=name)

    def with_voxel(self, voxel: VoxelRule) -> ImageRegion:
        """The same region with another rule for the voxel that is read for a sample; see `Region.with_voxel`."""
        return self if voxel == self.voxel else replace(self, voxel=voxel)

    def distances(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Distance in mm of points (n, 3) to the nearest voxel; see `Region.distances`.

        With the rule 'floor', voxels are shifted by half a voxel, to where the samples are for which they are read.
        """
        at = np.asarray(points, dtype=np.float64)
        return super().distances(at if self.voxel == "nearest" else at - self.affine[:3, :3].sum(axis=1) / 2)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The threshold of a probability map; see `Region.thresholds`."""
        return () if self.source.threshold is None else (self.source.threshold,)

    def at_threshold(self, threshold: float) -> ImageRegion:
        """The same region with another threshold; see `Region.at_threshold`. The file is read again."""
        if self.probabilities is None:
            raise RegionError(
                f"region {self.name!r} is a {self.kind}, and has no threshold to change; give a probability map"
            )
        threshold = check_threshold(threshold)
        volume = self._read_again() if self.image is None else self.image
        selection = _select_probable(volume, threshold, percent=bool(self.source.percent))
        made = _build_region(volume, selection, self.name, self.space)
        source = replace(self.source, threshold=threshold)
        return replace(made, kind=self.kind, source=source, image=self.image, voxel=self.voxel)

    def _read_again(self) -> Volume:
        """Read the file again, which must be the same as when the region was made."""
        volume = read_image(str(self.source.file), space=self.space)
        if isinstance(volume, Stack) or volume.sha256 != self.source.sha256:
            raise RegionError(
                f"{self.source.file} has changed since region {self.name!r} was made from it; make the region again"
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


def find_voxels(
    points: Points, affine: Affine, shape: Sequence[int], voxel: VoxelRule
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Find the voxel of an image at each of n points (mm), by the rule of `ImageRegion.locate`.

    Returns
    -------
    voxels : ndarray of int, shape (n, 3)
        Indices of the voxel; -1 if the point lies outside the image.
    is_in_image : ndarray of bool, shape (n,)
        Whether the point lies in the image.
    """
    indices = _ROUND[voxel](_voxel_coordinates(points, affine))
    is_in_image = np.asarray(((indices >= 0) & (indices < np.asarray(shape))).all(axis=1))
    return np.where(is_in_image[:, None], indices, -1).astype(np.intp), is_in_image


#: How voxel coordinates become indices; NumPy rounds halves to the even number.
_ROUND = {"nearest": np.rint, "floor": np.floor}


def _voxel_coordinates(points: Points, affine: Affine) -> Points:
    inverse = np.linalg.inv(affine)
    return np.asarray(np.round(points @ inverse[:3, :3].T + inverse[:3, 3], _DECIMALS))


def region_from_image(
    image: str | os.PathLike[str] | SpatialImage,
    *,
    threshold: float = 0.2,
    name: str | None = None,
    label: LabelLike | None = None,
    volume: LabelLike | None = None,
    labels: LabelsLike | None = None,
    percent: bool = False,
    space: str | None = None,
) -> ImageRegion:
    """Make a region from a NIfTI image in MNI space, or in a space of the user's own.

    The kind of an image follows from its values, not from its data type. Whole numbers are a binary mask if they are 0
    and one other value, else labels, of which `label` names one or several. Other numbers from 0 to 1 are
    probabilities. For percent, give `percent=True`. Other images, such as maps of z-values, are refused. NaN is
    outside. In a 4-D image with one map per volume, `label` or `volume` names the volume; whole numbers up to 100 are
    percent if no label is named besides the volume.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        In any orientation, voxel size and data type. A file is read once and cached until it changes.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel is in the region, compared in the image's data type.
        Masks and labels ignore it.
    name : str, optional
        Name of the region in outputs; default: the name of the file, or of the label.
    label : int, str or sequence of these, optional
        Label by its number or its name in the label table, or several: a list, a range (``"1,2,5-9"``) or a pattern
        (``"LH_*"``); see `jugex.regions.labels.find_labels`. For a 4-D image without `volume`, the volume.
    volume : int, str or sequence of these, optional
        Volume of a 4-D image, by its number or name in the label table; without a table, volumes are counted from 0.
    labels : path, dict, list or DataFrame, optional
        The label table; default: the one beside the image, see `jugex.regions.label_tables.find_label_table`.
    percent : bool, default False
        Whether the image holds percent (such as FSL's probability maps), which its values cannot show.
    space : str, optional
        Space of the image, which overrides what the file's name or header say; default: MNI152, which they must not
        contradict. In a space other than MNI152, jugex checks neither where the brain lies nor whether the header
        names a space.

    Returns
    -------
    ImageRegion
        The region.

    Raises
    ------
    OptionError
        If the threshold is out of range, or both `label` and `percent` are given.
    RegionFileError
        If the image, or the label table given, is missing or unreadable.
    RegionError
        If the image is not in MNI152 space, or its name or header say so, if it holds no valid probabilities or labels,
        or if the region is empty.

    Warns
    -----
    JugexWarning
        If something about the image had to be assumed.

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
    contents = read_image(image, space=space)
    is_stack = isinstance(contents, Stack)
    if percent and label is not None and not is_stack:
        raise OptionError(f"an image of percent has no labels; give either percent or label={label!r}, not both")
    if labels is not None:
        table = read_labels(labels)
    elif contents.path is None:
        table = LabelTable()
    else:
        table = find_label_table(contents.path, is_asked=label is not None or volume is not None, volumes=is_stack)
    for note in contents.notes:
        warn_user(note, JugexWarning)
    region = select_region(
        contents, table, label=label, volume=volume, threshold=threshold, name=name, percent=percent, space=space
    )
    if is_stack and region.source.percent and not percent:
        warn_user(f"the whole numbers of {contents.title} are read as percent", JugexWarning)
    _warn_of_side(region)
    return region


def select_region(
    contents: Volume | Stack,
    table: LabelTable,
    *,
    label: LabelLike | None,
    threshold: float,
    name: str | None,
    volume: LabelLike | None = None,
    percent: bool = False,
    space: str | None = None,
) -> ImageRegion:
    """Make a region from an image that has been read and its label table; see `region_from_image`."""
    if isinstance(contents, Stack):
        return _select_in_stack(contents, table, label, volume, threshold, name, percent=percent, space=space)
    if volume is not None:
        raise RegionError(f"{contents.title} holds one volume: name no volume, but a label where it holds labels")
    kind = kind_of(contents.values)
    if label is not None:
        selection = _select_labels(contents, label, table)
    elif kind == "probabilities" and table and contents.values.slope != 1 and not percent:
        raise RegionError(
            f"{contents.title} holds real numbers up to {contents.values.highest:g}{_scaling_note(contents)}, and a "
            "label table lies beside it: where these are labels, save them as whole numbers without scaling; where "
            "they are probabilities, move the table away"
        )
    elif percent or kind == "probabilities":
        selection = _select_probable(contents, threshold, percent=percent)
    elif kind == "mask" and not table:
        selection = _Selection("binary mask", contents.data != 0)
    else:
        raise _not_a_region_error(contents, kind, has_table=bool(table))
    return _build_region(contents, selection, name, space)


def check_threshold(threshold: object) -> float:
    """Return the threshold as a float, or refuse it with an OptionError."""
    if not isinstance(threshold, Real):
        raise OptionError(f"threshold {threshold!r} is not a number: a probability from 0 to below 1 is needed")
    value = float(threshold)
    if not 0 <= value < 1:
        raise OptionError(f"threshold {threshold!r} is out of range: a probability from 0 to below 1 is needed")
    return value


# --- the kind of an image, and the voxels of the region ----------------------------------------------------


ImageKind = Literal["empty", "mask", "labels", "probabilities", "real numbers up to 100", "other"]

#: Rounding errors allowed in probabilities, and in whole numbers larger than 1.
_ROUNDING, _LABEL_ROUNDING = 1e-6, 1e-3
#: Rounding errors of labels up to this are not reported.
_ROUNDED_SILENTLY = 1e-5
#: With more different whole numbers, they are grey values rather than labels; and the largest value of a byte.
_MAX_LABELS, _BYTE = 2000, 255
#: A region with more labels than this is not named after all of them.
_MAX_LABELS_IN_NAME = 3
#: Distance of a centroid from the midline (mm) beyond which a region is clearly on one side.
_MIDLINE_MARGIN = 2.0


def kind_of(values: Values) -> ImageKind:
    """Tell the kind of an image from its values, not from its data type.

    Parameters
    ----------
    values : Values
        Summary of its values, over all of its volumes.

    Returns
    -------
    {'empty', 'mask', 'labels', 'probabilities', 'real numbers up to 100', 'other'}
        Whole numbers are a mask if they are 0 and one other, else labels. 'real numbers up to 100' may be percent or a
        thresholded map of z-values, which the values do not show; 'other' is none of these.
    """
    is_small = values.highest <= 1 + _ROUNDING
    if values.deviation <= (_ROUNDING if is_small else _LABEL_ROUNDING):
        return ("empty", "mask", "labels")[len(values.others)]
    if values.lowest < -_ROUNDING or values.highest > 100 * (1 + _ROUNDING):
        return "other"
    return "probabilities" if is_small else "real numbers up to 100"


def _not_a_region_error(volume: Volume, kind: ImageKind, *, has_table: bool) -> RegionError:
    """Error that says why an image is no region without a label, and what to do."""
    title, low, high = volume.title, volume.values.lowest, volume.values.highest
    if kind == "empty":
        return RegionError(f"{title} is empty: every voxel is 0")
    if kind in ("mask", "labels"):
        why = " and a label table beside it" if has_table else ""
        return RegionError(f"{title} holds {_format_labels(volume)}{why}{_label_hint(volume)}")
    limits = f"{title} holds real numbers from {low:g} to {high:g}{_scaling_note(volume)}"
    if low > -0.05 and high < 1.05:
        return RegionError(
            f"{limits}: probabilities are 0 to 1, and interpolation overshoots; set what lies outside to 0 and to 1"
        )
    if kind == "real numbers up to 100":
        return RegionError(
            f"{limits}: probabilities are 0 to 1; where they are percent, say so: {_file_name(volume)}% (percent=True "
            "in Python); of a map of z or another statistic, make a mask of what is above a threshold of yours"
        )
    return RegionError(
        f"{limits}, which are no probabilities (0 to 1), percent or labels; of a map of z or another statistic, make a "
        "mask of what is above a threshold of yours"
    )


def _scaling_note(volume: Volume) -> str:
    slope = volume.values.slope
    return "" if slope == 1 else f" (its header scales what it stores by scl_slope {slope:g})"


@dataclass(frozen=True, eq=False)
class _Selection:
    """The voxels of an image that were selected for a region, and how they were selected."""

    kind: str
    mask: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[Any] | None = None
    max_probability: float | None = None
    threshold: float | None = None
    percent: bool = False
    labels: tuple[int, ...] = ()
    label_names: tuple[str | None, ...] = ()
    asked: str = ""
    table: LabelTable = field(default_factory=LabelTable)
    volume: int | None = None
    n_volumes: int | None = None


def _select_probable(volume: Volume, threshold: float, *, percent: bool) -> _Selection:
    """Select voxels with a probability above the threshold."""
    lowest, highest = volume.values.lowest, volume.values.highest
    most = 100 if percent else 1
    if lowest < -_ROUNDING * most or highest > most * (1 + _ROUNDING):
        raise RegionError(
            f"{volume.title} holds values from {lowest:g} to {highest:g}{_scaling_note(volume)}: "
            f"{'percent are 0 to 100' if percent else 'probabilities are 0 to 1'}"
        )
    values = volume.data if volume.data.dtype.kind == "f" else volume.data.astype(np.float64)
    if lowest < 0 or highest > most:
        values = np.clip(values, 0, values.dtype.type(most))  # rounding
    probabilities = values / values.dtype.type(100) if percent else values
    maximum = probabilities.max()
    mask = probabilities > probabilities.dtype.type(threshold)
    if not mask.any():
        raise RegionError(
            f"no voxel of {volume.title} is above the threshold {threshold:g}: the maximum is {maximum:g}"
            f"{' (read as percent)' if percent else ''}; lower the threshold or take another image"
        )
    return _Selection("probability map", mask, probabilities, float(maximum), threshold, bool(percent))


def _select_in_stack(
    stack: Stack,
    table: LabelTable,
    label: LabelLike | None,
    volume: LabelLike | None,
    threshold: float,
    name: str | None,
    *,
    percent: bool,
    space: str | None,
) -> ImageRegion:
    """Make a region from one volume of a 4-D image, or from several together."""
    n_volumes, file = len(stack.volumes), _file_name(stack)
    asked = label if volume is None else volume
    if asked is None:
        raise RegionError(
            f"{stack.title} holds {n_volumes:,} volumes: one is needed, name it like {file}#0 (label=0 in Python)"
        )
    volume_table, first = table.fitted_to_volumes(n_volumes)
    numbers = find_labels(
        asked,
        volume_table.names,
        lambda: range(first, first + n_volumes),
        title=stack.title,
        hint=_table_hint(stack, volume_table),
    )
    picked = stack.pick([number - first for number in numbers], first)
    if not volume_table:
        counted = ", ".join(f"volume {number} is number {number + 1} of {n_volumes:,}" for number in numbers)
        warn_user(f"{stack.title}: {counted}, as without a table they count from 0", JugexWarning)
    if volume is not None and label is not None:
        if len(numbers) > 1:
            raise RegionError(f"labels of {stack.title} are those of one volume, but {len(numbers)} are named")
        # a table that names the volumes does not name the labels in them
        selection = _select_labels(picked, label, LabelTable() if volume_table else table)
        selection = replace(selection, volume=numbers[0], n_volumes=n_volumes)
    else:
        selection = _select_map(picked, threshold, percent=percent)
        names = tuple(volume_table.names.get(number) for number in numbers)
        selection = replace(
            selection, labels=numbers, label_names=names, asked=str(asked), table=volume_table, n_volumes=n_volumes
        )
    return _build_region(picked, selection, name, space)


def _select_map(volume: Volume, threshold: float, *, percent: bool) -> _Selection:
    """Select voxels in a volume of a 4-D image, whose whole numbers are percent, or masks if there is only one."""
    kind = kind_of(volume.values)
    if kind == "mask" and not percent:
        if not volume.data.any():
            raise RegionError(f"this volume of {volume.title} is empty: every voxel is 0")
        return _Selection("binary mask", volume.data != 0)
    is_percent = percent or (kind == "labels" and volume.values.lowest >= 0 and volume.values.highest <= 100)
    if is_percent or kind == "probabilities":
        return _select_probable(volume, threshold, percent=is_percent)
    if kind == "labels":
        first = _list_labels(volume)[:1] or [1]
        raise RegionError(
            f"{volume.title} holds {_format_labels(volume)} in this volume: name one behind the volume, like "
            f"{_file_name(volume)}#0#{first[0]} (volume=0, label={first[0]} in Python)"
        )
    raise _not_a_region_error(volume, kind, has_table=False)


def _select_labels(volume: Volume, label: LabelLike, table: LabelTable) -> _Selection:
    """Select the voxels of one label or several, by number or name."""
    if kind_of(volume.values) not in ("empty", "mask", "labels"):
        raise RegionError(
            f"{volume.title} has no labels: it holds real numbers that are not whole, but up to "
            f"{volume.values.deviation:.2g} from a whole number{_scaling_note(volume)}"
        )
    if volume.values.deviation:
        volume = replace(volume, data=np.rint(volume.data))
    if volume.values.deviation > _ROUNDED_SILENTLY:
        note = f"labels of {volume.title} differ from whole numbers by up to {volume.values.deviation:.2g}: rounded"
        warn_user(note + _scaling_note(volume), JugexWarning)
    labels = cache(lambda: _list_labels(volume))
    if table.is_list or 0 in table.names:
        table = table.fitted_to_labels(labels())
    numbers = find_labels(label, table.names, labels, title=volume.title, hint=_table_hint(volume, table))
    if 0 in numbers:
        raise RegionError(f"label 0 of {volume.title} is the background: give the label of a region")
    masks = [volume.data == number for number in numbers]
    for number, mask in zip(numbers, masks, strict=True):
        if not mask.any():
            raise RegionError(f"no voxel of {volume.title} has the label {number}: it holds {_format_labels(volume)}")
    for note in table.notes:
        warn_user(note, JugexWarning)
    names = tuple(table.names.get(number) for number in numbers)
    mask = np.logical_or.reduce(masks)
    kind = "label" if len(numbers) == 1 else "labels"
    asked = label if isinstance(label, str) else ",".join(map(str, numbers))
    return _Selection(kind, mask, labels=numbers, label_names=names, asked=asked, table=table)


def _table_hint(image: Volume | Stack, table: LabelTable) -> str:
    """Advice for a name of a label that no table gives."""
    hint = f"give the number, or put {image.stem}.tsv with the columns index and name beside the image"
    return f"{'; '.join(table.problems)}; {hint}" if table.problems else hint


def _list_labels(volume: Volume) -> list[int]:
    """Labels that an image holds, in ascending order, without 0."""
    data = np.rint(volume.data) if volume.data.dtype.kind == "f" else volume.data
    return [int(label) for label in np.unique(data[data != 0])]


def _format_labels(volume: Volume) -> str:
    labels = _list_labels(volume)
    if len(labels) == 1:
        return f"1 label ({labels[0]})"
    return f"{len(labels):,} labels ({labels[0]} to {labels[-1]})" if labels else "none"


def _label_hint(volume: Volume) -> str:
    """Advice on how to name a label, or to say that values are percent if they may be."""
    labels, file = _list_labels(volume), _file_name(volume)
    if labels[0] < 0 or len(labels) > _MAX_LABELS:
        return (
            ", as an anatomical image does: give a map, a mask or a parcellation; if these are labels, name one, like "
            f"{file}#{labels[-1]} (label={labels[-1]} in Python)"
        )
    first = labels[0]
    hint = f"; name one label, like {file}#{first} (label={first} in Python)"
    if labels[-1] == _BYTE and len(labels) > _BYTE // 2:
        hint += f"; if they are probabilities in {_BYTE} steps, divide them by {_BYTE}"
    if volume.values.lowest >= 0 and 1 < volume.values.highest <= 100:
        hint += f", or say that the values are percent: {file}% (percent=True)"
    return hint


def _file_name(image: Volume | Stack) -> str:
    return "image" if image.path is None else image.path.name


# --- the region ---------------------------------------------------------------------------------------------------


def _build_region(volume: Volume, selection: _Selection, name: str | None, space: str | None) -> ImageRegion:
    """Build a region from a selection, of which only the smallest box is kept."""
    box = box_of(selection.mask) or (slice(0), slice(0), slice(0))
    kept = None if selection.probabilities is None else selection.probabilities[box].copy()
    name = _name_region(volume, selection) if name is None else name
    is_one = len(selection.labels) == 1
    names = tuple(name or str(number) for number, name in zip(selection.labels, selection.label_names, strict=True))
    return ImageRegion(
        name=name,
        kind=selection.kind,
        affine=volume.affine,
        shape=volume.shape,
        start=tuple(first + part.start for first, part in zip(volume.start, box, strict=True)),
        mask=selection.mask[box].astype(np.uint8),
        probabilities=kept,
        max_probability=selection.max_probability,
        source=RegionIdentity(
            name=name,
            kind=selection.kind,
            file=None if volume.path is None else str(Path(volume.path)),
            sha256=volume.sha256,
            threshold=selection.threshold,
            percent=selection.percent,
            label=selection.labels[0] if is_one else None,
            label_name=selection.label_names[0] if is_one else None,
            labels=selection.labels if len(selection.labels) > 1 else None,
            label_names=names if len(names) > 1 else None,
            label_table=selection.table.source or None,
            volume=selection.volume,
            n_volumes=selection.n_volumes,
            space=volume.space,
        ),
        space=space or MNI_SPACE,
        image=_crop(volume) if kept is not None and (volume.path is None or volume.grid is not None) else None,
    )


def _name_region(volume: Volume, selection: _Selection) -> str:
    """Name of a region: those of its labels if they are few, else the file's name and the label as requested."""
    named = [name for name in selection.label_names if name]
    if named and len(named) == len(selection.labels) <= _MAX_LABELS_IN_NAME:
        return " + ".join(named)
    return f"{volume.stem} {selection.asked}" if selection.labels else volume.stem


def _crop(volume: Volume) -> Volume:
    """Reduce an image to the smallest box that holds every value but 0."""
    if volume.grid is not None:  # of a 4-D image, or cropped before
        return volume
    box = box_of(volume.data != 0) or (slice(0), slice(0), slice(0))
    start = tuple(part.start for part in box)
    return replace(volume, data=volume.data[box].copy(), start=start, grid=volume.shape)


def _warn_of_side(region: ImageRegion) -> None:
    """Warn if a name says left but the region lies on the right, or the other way round."""
    x, source = float(region.centroid[0]), region.source
    file = None if source.file is None else file_stem(Path(source.file))
    for name in (source.label_name or file, region.name):
        side = None if name is None else split_side(name).side
        if side is not None and abs(x) > _MIDLINE_MARGIN and (x < 0) != (side == "left"):
            warn_user(
                f"{name!r} says {side}, but the region lies on the {'left' if x < 0 else 'right'} (x = {x:.0f} mm): "
                "check the orientation of the image and its label table",
                JugexWarning,
            )
            return
