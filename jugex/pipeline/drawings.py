"""What the page of a result draws beyond its tables: enough to draw it again from a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = ["Drawings", "SavedRegion"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SavedRegion:
    """The voxels of a region: enough to draw it.

    Attributes
    ----------
    voxels : ndarray of bool
        Inside the bounding box.
    corner : ndarray of int, shape (3,)
        First voxel of the box.
    shape : tuple of int
        Of the whole image.
    affine : ndarray, shape (4, 4)
        Voxels of the whole image to mm.
    """

    voxels: npt.NDArray[np.bool_]
    corner: npt.NDArray[np.intp]
    shape: tuple[int, ...]
    affine: Floats

    def to_image(self) -> Nifti1Image:
        """The region as a binary image, as `Region.to_image` gives it."""
        from nibabel.nifti1 import Nifti1Image

        values = np.zeros(self.shape, dtype=np.uint8)
        values[tuple(slice(low, low + n) for low, n in zip(self.corner, self.voxels.shape, strict=True))] = self.voxels
        return Nifti1Image(values, self.affine)


@dataclass(frozen=True, eq=False)
class Drawings:
    """What a page draws beyond the tables of a result.

    Attributes
    ----------
    regions : tuple of SavedRegion
        Region 1 and region 2.
    out : ndarray, shape (n, 3)
        Samples of the atlas in neither region, in mm.
    probe_names : dict
        Names of all probes of each gene that is drawn.
    probe_zscores : dict
        z-scores (samples x probes) of the first of them.
    not_varied : dict
        What the sensitivity table did not vary, and why.
    """

    regions: tuple[SavedRegion, SavedRegion]
    out: Floats
    probe_names: dict[str, list[str]]
    probe_zscores: dict[str, Floats]
    not_varied: dict[str, str]
