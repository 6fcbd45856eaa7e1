"""Two made-up regions in left frontal cortex, for the demo and for the simulated atlas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError

if TYPE_CHECKING:
    from jugex.regions.base import Region

__all__ = ["DEMO_CENTRES", "DEMO_MAXIMUM", "DEMO_WIDTH", "demo_probability", "demo_region", "demo_regions"]

#: Centre of each demo region (MNI x, y, z in mm).
DEMO_CENTRES = {"A": (-22.0, 56.0, 4.0), "B": (-8.0, 58.0, 0.0)}
#: Standard deviation of the demo regions' Gaussian probability (mm).
DEMO_WIDTH = 9.0
#: Probability at the centre of a demo region.
DEMO_MAXIMUM = 0.9

# The 2 mm MNI152 grid: number of voxels per axis, and the centre of the first voxel (mm).
_GRID_SHAPE = (91, 109, 91)
_GRID_ORIGIN = (-90.0, -126.0, -72.0)
_GRID_STEP = 2.0


def demo_probability(name: str, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability that points belong to a demo region: a Gaussian of their distance to its centre.

    Parameters
    ----------
    name : {"A", "B"}
        Which demo region.
    points : array_like, shape (n, 3)
        MNI coordinates in mm.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities from 0 to 0.9.

    Raises
    ------
    RegionError
        Where there is no demo region of that name.
    """
    if name not in DEMO_CENTRES:
        raise RegionError(f"no simulated region {name!r}; there are simulated:A and simulated:B")
    offsets = np.asarray(points, dtype=np.float64) - DEMO_CENTRES[name]
    return np.asarray(DEMO_MAXIMUM * np.exp(-np.sum(offsets**2, axis=-1) / (2 * DEMO_WIDTH**2)))


def demo_region(name: str, *, threshold: float = 0.2) -> Region:
    """One of the two demo regions, "A" or "B"; see `demo_regions`."""
    from nibabel.nifti1 import Nifti1Image

    from jugex.regions.images import region_from_image

    axes = [start + _GRID_STEP * np.arange(n) for start, n in zip(_GRID_ORIGIN, _GRID_SHAPE, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    affine = np.diag([_GRID_STEP, _GRID_STEP, _GRID_STEP, 1.0])
    affine[:3, 3] = _GRID_ORIGIN
    image = Nifti1Image(demo_probability(name, grid).astype(np.float32), affine)
    region = region_from_image(image, threshold=threshold, name=f"simulated {name}")
    return replace(region, kind="simulated probability map")


def demo_regions(threshold: float = 0.2) -> tuple[Region, Region]:
    """Two neighbouring simulated regions that overlap, like two cytoarchitectonic areas.

    Parameters
    ----------
    threshold : float, default 0.2
        Probability above which a point belongs to a region.

    Returns
    -------
    tuple of two Region
        "simulated A" and "simulated B".

    Examples
    --------
    >>> import jugex
    >>> jugex.demo_regions(threshold=0.4)
    (<Region 'simulated A': ...>, <Region 'simulated B': ...>)
    """
    return demo_region("A", threshold=threshold), demo_region("B", threshold=threshold)
