"""The contents of an image before a region is made from it: its labels or volumes, and the samples in each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from jugex.errors import JugexWarning, RegionError, warn_user, without_warnings
from jugex.regions.base import SampledAtlas, sample_points
from jugex.regions.grids import VoxelRule, voxel_volume
from jugex.regions.images import check_threshold, find_voxels, kind_of, select_region
from jugex.regions.label_tables import LabelsLike, LabelTable, find_label_table, read_labels
from jugex.regions.nifti import Stack, Volume, read_image

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["ImageContents", "list_contents"]


@dataclass(frozen=True, eq=False)
class ImageContents:
    """The labels or volumes of an image.

    Attributes
    ----------
    kind : {'labels', 'volumes'}
        What each row stands for.
    table : DataFrame
        One row per label that the image holds, or per volume, in ascending order: `number`, `name` (empty if no table
        names it), `volume_mm3`, and with an atlas `samples` and `donors`, the number of donors with a sample there.

    Examples
    --------
    >>> import nibabel, numpy
    >>> from jugex.regions import list_contents
    >>> data = numpy.zeros((9, 9, 9), dtype=numpy.uint8)
    >>> data[2], data[5] = 1, 3
    >>> contents = list_contents(nibabel.Nifti1Image(data, numpy.eye(4)))
    >>> contents.kind, contents.table["number"].tolist()
    ('labels', [1, 3])
    """

    kind: Literal["labels", "volumes"]
    table: pd.DataFrame


def list_contents(
    image: str | os.PathLike[str] | SpatialImage,
    *,
    atlas: SampledAtlas | None = None,
    labels: LabelsLike | None = None,
    space: str | None = None,
    threshold: float = 0.2,
    voxel: VoxelRule = "nearest",
) -> ImageContents | None:
    """List the labels of an image, or the volumes of a 4-D image, with their size and the samples in each.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        As for `jugex.Region.from_image`.
    atlas : ExpressionAtlas, optional
        Atlas whose samples are counted.
    labels, space
        See `jugex.Region.from_image`.
    threshold : float, default 0.2
        Threshold for volumes of a 4-D image that are probability maps.
    voxel : {'nearest', 'floor'}
        See `jugex.Region.with_voxel`.

    Returns
    -------
    ImageContents or None
        None if the image is a single map or mask, which is one region as a whole.

    Raises
    ------
    RegionFileError, RegionError
        If the image cannot be read, or cannot be in MNI152 space.

    Examples
    --------
    >>> import jugex, nibabel, numpy
    >>> data = numpy.zeros((40, 40, 40), dtype=numpy.uint8)
    >>> data[:20], data[20:] = 1, 2
    >>> affine = numpy.diag([2.0, 2.0, 2.0, 1.0])
    >>> affine[:3, 3] = -60, 10, -20
    >>> image = nibabel.Nifti1Image(data, affine)
    >>> names, atlas = {1: "lateral", 2: "medial"}, jugex.open_atlas("simulated")
    >>> jugex.regions.list_contents(image, labels=names, atlas=atlas).table
       number     name  volume_mm3  samples  donors
    0       1  lateral    256000.0  ...
    1       2   medial    256000.0  ...
    """
    threshold = check_threshold(threshold)
    contents = read_image(image, space=space)
    is_stack = isinstance(contents, Stack)
    if labels is not None:
        table = read_labels(labels)
    elif contents.path is None:
        table = LabelTable()
    else:
        table = find_label_table(contents.path, is_asked=True, volumes=is_stack)
    for note in (*contents.notes, *table.problems):
        warn_user(note, JugexWarning)
    if isinstance(contents, Stack):
        return ImageContents("volumes", _list_volumes(contents, table, atlas, threshold, voxel, space))
    kind = kind_of(contents.values)
    if kind != "labels" and not (kind == "mask" and table):
        return None
    return ImageContents("labels", _list_labels(contents, table, atlas, voxel))


def _list_labels(volume: Volume, table: LabelTable, atlas: SampledAtlas | None, voxel: VoxelRule) -> pd.DataFrame:
    data = np.rint(volume.data) if volume.data.dtype.kind == "f" else volume.data
    held, counts = np.unique(data, return_counts=True)
    held, counts = held[held != 0].astype(np.int64), counts[held != 0]
    if table.is_list or 0 in table.names:
        table = table.fitted_to_labels(held.tolist())
    for note in table.notes:
        warn_user(note, JugexWarning)
    listed = pd.DataFrame(
        {
            "number": held,
            "name": [table.names.get(int(number), "") for number in held],
            "volume_mm3": counts * voxel_volume(volume.affine),
        }
    )
    if atlas is None:
        return listed
    voxels, is_in_image = find_voxels(sample_points(atlas.samples), volume.affine, volume.shape, voxel)
    numbers = data[tuple(voxels[is_in_image].T)].astype(np.int64)
    found = atlas.samples[is_in_image].groupby(numbers)["donor_name"].agg(["size", "nunique"])
    found = found.reindex(listed["number"], fill_value=0)
    return listed.assign(samples=found["size"].to_numpy(), donors=found["nunique"].to_numpy())


def _list_volumes(
    stack: Stack, table: LabelTable, atlas: SampledAtlas | None, threshold: float, voxel: VoxelRule, space: str | None
) -> pd.DataFrame:
    numbered, first = table.fitted_to_volumes(len(stack.volumes))
    rows = []
    for number in range(first, first + len(stack.volumes)):
        row: dict[str, object] = {"number": number, "name": numbered.names.get(number, ""), "volume_mm3": 0.0}
        try:
            with without_warnings():  # the table shows how volumes are numbered
                region = select_region(
                    stack, table, label=None, volume=number, threshold=threshold, name=None, space=space
                ).with_voxel(voxel)
        except RegionError:  # nothing above the threshold, or labels, which are no single region
            row |= {} if atlas is None else {"samples": 0, "donors": 0}
        else:
            row["volume_mm3"] = region.volume
            if atlas is not None:
                donors = atlas.samples.loc[region.locate(atlas.samples)["inside"], "donor_name"]
                row |= {"samples": len(donors), "donors": donors.nunique()}
        rows.append(row)
    return pd.DataFrame(rows)
