"""Two made-up regions in left frontal cortex, for the demo and for the simulated atlas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jugex.spaces import demo_probability

if TYPE_CHECKING:
    from jugex.regions.base import Region

__all__ = ["demo_region", "demo_regions"]

# The 2 mm MNI152 grid: number of voxels per axis, and the centre of the first voxel (mm).
_GRID_SHAPE = (91, 109, 91)
_GRID_ORIGIN = (-90.0, -126.0, -72.0)
_GRID_STEP = 2.0


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
