"""Regions drawn on a grid of points: what measures and shows those that have no image of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jugex.regions.volumes import MNI_BOX
from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

    from jugex.regions.base import Points, Region

__all__ = ["Affine", "Mask", "centre_of_mass", "find_limits", "make_image", "rasterize", "show_number", "show_point"]

#: Points along the longest side of the grid on which regions of a user's own space are drawn and measured.
_N_GRID_STEPS = 64

Mask = npt.NDArray[np.uint8]
Affine = npt.NDArray[np.float64]


def rasterize(region: Region, low: Points, high: Points) -> tuple[Mask, Affine]:
    """Points of a grid in a box that lie in a region.

    In MNI space they have whole coordinates; in a space of the user's own, which may be that of a mouse, their
    distance is a fixed part of the box.

    Parameters
    ----------
    region : Region
        The region.
    low, high : ndarray, shape (3,)
        Corners of the box (mm); in MNI space it is cut at the box of that space.

    Returns
    -------
    mask : ndarray of uint8, shape (i, j, k)
        1 where a point is in the region.
    affine : ndarray, shape (4, 4)
        Indices of the grid to mm.
    """
    step = 1.0
    if is_mni_space(region.space):
        low, high = np.maximum(low, MNI_BOX[0]), np.minimum(high, MNI_BOX[1])
    else:
        step = float(np.max(high - low)) / _N_GRID_STEPS or step
    start, stop = np.floor(low / step), np.ceil(high / step)
    x, y, z = (step * np.arange(first, last + 1) for first, last in zip(start, stop, strict=True))
    plane = np.stack(np.meshgrid(0.0, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    mask = np.zeros((len(x), len(y), len(z)), dtype=np.uint8)
    for i, x_of_plane in enumerate(x):  # plane by plane, so that whole brains fit in memory
        plane[:, 0] = x_of_plane
        mask[i] = region.contains(plane).reshape(mask.shape[1:])
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = step * start
    return mask, affine


def find_limits(image: Any) -> Points:
    """Lowest and highest x, y, z (2, 3) in mm of the non-zero voxels of an image, their edges included."""
    voxels = np.argwhere(np.asarray(image.dataobj))
    if not len(voxels):
        voxels = np.argwhere(np.ones(image.shape, dtype=bool))
    edges = [voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5]
    corners = np.stack(np.meshgrid(*np.transpose(edges), indexing="ij"), axis=-1).reshape(-1, 3)
    points = corners @ image.affine[:3, :3].T + image.affine[:3, 3]
    return np.array([points.min(axis=0), points.max(axis=0)])


def centre_of_mass(mask: Mask, affine: Affine) -> Points:
    """Mean (x, y, z) in mm of the centres of the voxels of a mask, shape (3,); NaN where there is none."""
    if not mask.any():
        return np.full(3, np.nan)
    return np.asarray(affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3])


def make_image(mask: Mask, affine: Affine) -> Nifti1Image:
    """A NIfTI image of a mask."""
    from nibabel.nifti1 import Nifti1Image

    return Nifti1Image(mask, affine)


def show_number(value: float) -> float | None:
    """A number as JSON: None where it is not known."""
    return float(value) if np.isfinite(value) else None


def show_point(point: Points) -> list[float] | None:
    """A point (3,) as JSON: None where it is not known."""
    return [float(value) for value in point] if np.isfinite(point).all() else None
