"""Grids of voxels: drawing sets of points on them, and measuring volume, centroid and distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from jugex.spaces import is_mni_space

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image
    from nibabel.spatialimages import SpatialImage

__all__ = [
    "MNI_BOX",
    "NOISE",
    "Affine",
    "Booleans",
    "Mask",
    "Points",
    "VoxelRule",
    "box_of",
    "centre_of_mass",
    "crop",
    "distances_to_outside",
    "distances_to_voxels",
    "find_limits",
    "has_right_angles",
    "in_mni_box",
    "make_image",
    "rasterize",
    "voxel_volume",
]

Affine = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]
#: The voxel of an image that is read for a point: the nearest one, or the one with indices rounded down.
VoxelRule = Literal["nearest", "floor"]

#: Lowest and highest x, y, z (mm) at which an image in MNI space may have non-zero voxels.
MNI_BOX = ((-100.0, -140.0, -90.0), (100.0, 110.0, 120.0))
#: Distances (mm) below this are rounding noise.
NOISE = 1e-9

#: Number of steps along the longest side of the grid on which regions in a space other than MNI are drawn.
_N_GRID_STEPS = 64


def in_mni_box(points: Points) -> Booleans:
    """Whether points (n, 3) in mm lie in `MNI_BOX`, with a micrometre of tolerance for rounding."""
    low, high = np.asarray(MNI_BOX)
    return np.asarray(((points >= low - 1e-3) & (points <= high + 1e-3)).all(axis=-1))


def voxel_volume(affine: Affine) -> float:
    """Volume in mm3 of a voxel of the grid that an affine (4, 4) describes."""
    first, second, third = affine[:3, :3].T
    return float(abs(np.cross(first, second) @ third))  # unlike np.linalg.det, exact for whole voxel sizes


def rasterize(contains: Callable[[Points], Booleans], space: str, low: Points, high: Points) -> tuple[Mask, Affine]:
    """Draw a region on a grid of points in a box.

    In MNI space the points have whole coordinates in mm; in another space, which may be that of a mouse, the step of
    the grid is a fixed fraction of the box.

    Parameters
    ----------
    contains : callable
        Takes points (n, 3) in mm; returns which of them lie in the region.
    space : str
        Space of the region.
    low, high : ndarray, shape (3,)
        Corners of the box (mm); in MNI space it is cut at `MNI_BOX`.

    Returns
    -------
    mask : ndarray of uint8, shape (i, j, k)
        1 where a point is in the region.
    affine : ndarray, shape (4, 4)
        From indices of the grid to mm.
    """
    step = 1.0
    if is_mni_space(space):
        low, high = np.maximum(low, MNI_BOX[0]), np.minimum(high, MNI_BOX[1])
    else:
        step = float(np.max(high - low)) / _N_GRID_STEPS or step
    start, stop = np.floor(low / step), np.ceil(high / step)
    x, y, z = (step * np.arange(first, last + 1) for first, last in zip(start, stop, strict=True))
    plane = np.stack(np.meshgrid(0.0, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    mask = np.zeros((len(x), len(y), len(z)), dtype=np.uint8)
    for i, x_of_plane in enumerate(x):  # plane by plane, so that whole brains fit in memory
        plane[:, 0] = x_of_plane
        mask[i] = contains(plane).reshape(mask.shape[1:])
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = step * start
    return mask, affine


def make_image(mask: Mask, affine: Affine) -> Nifti1Image:
    """Make a NIfTI image of a mask."""
    from nibabel.nifti1 import Nifti1Image

    return Nifti1Image(mask, affine)


def find_limits(image: Any) -> Points:
    """Lowest and highest x, y, z (2, 3) in mm of the non-zero voxels of an image, including the edges of voxels."""
    box = box_of(np.asarray(image.dataobj) != 0) or tuple(slice(0, n) for n in image.shape)
    edges = np.array([[part.start - 0.5, part.stop - 0.5] for part in box]).T
    corners = np.stack(np.meshgrid(*np.transpose(edges), indexing="ij"), axis=-1).reshape(-1, 3)
    points = corners @ image.affine[:3, :3].T + image.affine[:3, 3]
    return np.array([points.min(axis=0), points.max(axis=0)])


def centre_of_mass(mask: Mask, affine: Affine) -> Points:
    """Mean (x, y, z) in mm of the centres of the voxels of a mask, shape (3,); NaN if it is empty."""
    if not mask.any():
        return np.full(3, np.nan)
    return np.asarray(affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + affine[:3, 3])


def box_of(mask: Booleans) -> tuple[slice, ...] | None:
    """The smallest box (i, j, k) that holds every true voxel of a mask; None if the mask is empty."""
    box = []
    for axis in range(3):  # faster than listing the voxels
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if not len(found):
            return None
        box.append(slice(int(found[0]), int(found[-1]) + 1))
    return tuple(box)


def crop(mask: Booleans, margins: npt.NDArray[np.intp]) -> tuple[Booleans, npt.NDArray[np.intp]]:
    """Crop a mask to its smallest box plus margins; return it with its first voxel, which may lie before the mask's."""
    box = box_of(mask) or (slice(0), slice(0), slice(0))
    first = np.array([part.start or 0 for part in box], dtype=np.intp)
    return np.pad(mask[box], [(margin, margin) for margin in margins]), first - margins


def has_right_angles(affine: Affine) -> bool:
    """Whether the axes of a grid are at right angles, within the precision of a header (float32)."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=1e-5))


def distances_to_outside(mask: Booleans, image: SpatialImage) -> npt.NDArray[np.float64]:
    """Distance in mm from each voxel of a mask to the nearest one outside it, centre to centre; 0 outside."""
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(mask, sampling=voxel_sizes(image.affine)), dtype=np.float64)


def distances_to_voxels(mask: Booleans, affine: Affine, points: Points) -> npt.NDArray[np.float64]:
    """Distance in mm of points to the nearest voxel of a mask, measured to its faces, not to its centre.

    A distance of 0 thus agrees with the rule that a sample belongs to the voxel in which it lies.

    Parameters
    ----------
    mask : ndarray of bool, shape (i, j, k)
        Voxels of a grid whose axes are at right angles; at least one is true.
    affine : ndarray, shape (4, 4)
        From indices of the grid to mm.
    points : ndarray, shape (n, 3)
        x, y, z in mm, n > 0.

    Returns
    -------
    ndarray, shape (n,)
    """
    from nibabel.affines import voxel_sizes
    from scipy.ndimage import binary_erosion
    from scipy.spatial import KDTree

    sizes = voxel_sizes(affine)
    at = (points - affine[:3, 3]) @ (affine[:3, :3] / sizes)  # along the grid's axes, in mm
    centres = (
        np.argwhere(mask & ~binary_erosion(mask)) * sizes
    )  # only voxels of the surface can be nearest to a point outside
    tree = KDTree(centres)
    bound = _distances_to_boxes(at, centres[tree.query(at)[1]], sizes)
    # the nearest box need not have the nearest centre, but its centre is not farther than this
    reach = bound + np.linalg.norm(sizes) / 2 + NOISE
    candidates = tree.query_ball_point(at, reach)
    n_candidates = np.array([len(found) for found in candidates])
    rows = np.repeat(np.arange(len(at)), n_candidates)
    each = _distances_to_boxes(at[rows], centres[np.concatenate(candidates).astype(np.intp)], sizes)
    distances = np.minimum.reduceat(each, np.cumsum(n_candidates) - n_candidates)
    voxels = np.rint(at / sizes).astype(np.intp)
    on_grid = ((voxels >= 0) & (voxels < mask.shape)).all(axis=1)
    distances[on_grid] *= ~mask[tuple(voxels[on_grid].T)]  # points deep inside are near no voxel of the surface
    return np.asarray(distances)


def _distances_to_boxes(points: Points, centres: Points, sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance of each of n points to the box around its centre, all (n, 3) in mm along the boxes' axes."""
    return np.asarray(np.linalg.norm(np.maximum(np.abs(points - centres) - sizes / 2, 0.0), axis=1))
