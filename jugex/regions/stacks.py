"""Images read once: the file is kept in memory until it changes, and a 4-D image only where it is not 0."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError
from jugex.regions.volumes import (
    Volume,
    check_inside_mni_box,
    check_shape,
    check_values,
    file_stem,
    hash_file,
    hash_values,
    load_nifti,
    read_affine,
    read_space,
    read_values,
    read_volume,
)
from jugex.spaces import MNI_SPACE, is_mni_space

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = ["Stack", "read_image"]

#: How many images are kept. A 1 mm label image takes 4 to 14 MB, the 121 maps of the Juelich parcellation 16 MB.
_N_KEPT = 8
#: A file changed less than this ago (seconds) is read again: its time is too coarse to show that it changed again.
_FRESH = 2.0


@dataclass(frozen=True, eq=False)
class Stack:
    """A 4-D image: one map per volume, each kept as the smallest box that holds every value but 0.

    Attributes
    ----------
    volumes : tuple of Volume
        The maps, with the limits of the whole image.
    title : str
        What the image is called in messages.
    path : Path or None
        Its file; None for an image in memory.
    """

    volumes: tuple[Volume, ...]
    title: str
    path: Path | None

    def pick(self, number: int) -> Volume:
        """Volume by its number, from 0."""
        if not 0 <= number < len(self.volumes):
            raise RegionError(
                f"{self.title} has no volume {number}: it holds {len(self.volumes):,}, counted from 0 to "
                f"{len(self.volumes) - 1}"
            )
        return replace(self.volumes[number], path=self.path)

    @property
    def stem(self) -> str:
        """Name of the file without folder and ending."""
        return "image" if self.path is None else file_stem(self.path)

    @property
    def nbytes(self) -> int:
        """Bytes that the values take in memory."""
        return sum(volume.data.nbytes for volume in self.volumes)


def read_image(
    image: str | os.PathLike[str] | SpatialImage, *, space: str = MNI_SPACE, title: str | None = None
) -> Volume | Stack:
    """Read an image, or take it from memory where its file has not changed since.

    Parameters
    ----------
    image : path or nibabel NIfTI image
        A single-file NIfTI image, with one volume or several.
    space : str
        Space of the image; see `read_volume`.
    title : str, optional
        What an image in memory is called in messages; a file is called by its name.

    Returns
    -------
    Volume or Stack
        One volume, or several. The values are shared between calls and cannot be written to.

    Raises
    ------
    RegionFileError
        Where the file is missing or unreadable.
    RegionError
        Where the image cannot be a region in that space.
    """
    if not isinstance(image, str | os.PathLike):
        return _read_anew(image, space, title)
    path = Path(image)
    state = _read_state(path)
    contents = _read_anew(path, space) if state is None else _read_once(path.absolute(), space, state)
    return replace(contents, path=path)


def _read_state(path: Path) -> tuple[int, int] | None:
    """Time of the last change (ns) and size of a file, by which a change is seen; None where they cannot tell."""
    try:
        status = path.stat()
    except OSError:  # said better where it is opened
        return None
    is_steady = path.is_file() and time.time() - status.st_mtime >= _FRESH
    return (status.st_mtime_ns, status.st_size) if is_steady else None


@lru_cache(maxsize=_N_KEPT)
def _read_once(path: Path, space: str, state: tuple[int, int]) -> Volume | Stack:  # noqa: ARG001  # part of the key
    return _read_anew(path, space)


def _read_anew(image: Path | SpatialImage, space: str, title: str | None = None) -> Volume | Stack:
    loaded, path, title = load_nifti(image, title=title)
    _, n_volumes = check_shape(loaded.shape, title)
    if n_volumes > 1:
        return _read_stack(loaded, path, title, space)
    volume = read_volume(loaded, path=path, title=title, space=space)
    shared = volume.data.view()  # the user's own array stays writeable
    shared.flags.writeable = False
    return replace(volume, data=shared)


def _read_stack(image: Nifti1Image, path: Path | None, title: str, space: str) -> Stack:
    """Read volume by volume, so that at no time more than one of them is in memory in full."""
    shape, n_volumes = check_shape(image.shape, title)
    in_mni = is_mni_space(space)
    affine = read_affine(image, title, needs_code=in_mni)
    somewhere = np.zeros(shape, dtype=bool)
    boxes, starts, lows, highs = [], [], [], []
    for number in range(n_volumes):
        data = read_values(image, title, volume=number)
        check_values(data, title)
        lows.append(data.min())
        highs.append(data.max())
        box, start = _crop(data)
        boxes.append(box)
        starts.append(start)
        somewhere |= data != 0
    if in_mni:
        check_inside_mni_box(somewhere, affine, title)
    sha256 = hash_values([np.array(starts), *boxes], affine) if path is None else hash_file(path)
    variant = read_space(path) if in_mni else space
    limits = (min(lows), max(highs))
    volumes = tuple(
        Volume(box, affine, title, path, sha256, variant, start=start, grid=shape, limits=limits)
        for box, start in zip(boxes, starts, strict=True)
    )
    return Stack(volumes, title, path)


def _crop(data: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """Copy the smallest box that holds every value but 0, and say where it begins; one voxel where all are 0."""
    mask = data != 0
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 1))
    kept = data[tuple(box)].copy()
    kept.flags.writeable = False
    return kept, tuple(part.start for part in box)
