"""What a result keeps to be drawn beyond its tables: its regions, the atlas's other samples, probes of some genes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

__all__ = ["Drawings", "GeneVariograms", "ProbeData", "RegionVoxels"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GeneVariograms:
    """How each gene tested varies over distance, as the ladder found it, in single precision; NaN: not known.

    Attributes
    ----------
    labels : tuple of str
        The t genes, as the rows of the table are called.
    semivariances : ndarray of float32, shape (t, 2, K)
        Of two samples of one donor and of two donors, at the mean distances of ``record.ladder.variogram``, in squared
        z-scores.
    scale : ndarray of float32, shape (t,)
        s2, a gene's variance over middle distances: the unit of the pooled variogram.
    sd_donors, sd_shared : ndarray of float32, shape (t,)
        Standard deviations of the difference under the rung `spatial`: from samples and what differs between donors,
        and from fields that all donors share, which are how far two places this far apart differ anyway.
    """

    labels: tuple[str, ...]
    semivariances: Singles
    scale: Singles
    sd_donors: Singles
    sd_shared: Singles

    def find(self, label: str) -> int | None:
        """Place of a gene; None where nothing is known of it."""
        place = self._places.get(label)
        return None if place is None or not np.isfinite(self.scale[place]) else place

    @cached_property
    def _places(self) -> dict[str, int]:
        return {label: place for place, label in enumerate(self.labels)}


@dataclass(frozen=True, eq=False)
class ProbeData:
    """The probes of a gene, those with the highest mean level first, in the samples used.

    Attributes
    ----------
    symbol : str
    names : tuple of str
        All probes of the gene.
    zscores : ndarray, shape (n, p)
        Of the first p probes.
    levels : ndarray, shape (n, p), or None
        log2 levels; None for a result read from disk, whose folder holds none.
    """

    symbol: str
    names: tuple[str, ...]
    zscores: Floats
    levels: Floats | None


@dataclass(frozen=True, eq=False)
class RegionVoxels:
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

    @property
    def step(self) -> float:
        """Longest edge of a voxel in mm."""
        return float(np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0)).max())

    @property
    def voxel_volume(self) -> float:
        """In mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def points(self) -> Floats:
        """Centres of the voxels inside (k, 3), in mm."""
        places = np.argwhere(self.voxels) + self.corner
        return np.asarray(places @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_image(self) -> Nifti1Image:
        """The region as a binary image, as `Region.to_image` gives it."""
        from nibabel.nifti1 import Nifti1Image

        values = np.zeros(self.shape, dtype=np.uint8)
        values[tuple(slice(low, low + n) for low, n in zip(self.corner, self.voxels.shape, strict=True))] = self.voxels
        return Nifti1Image(values, self.affine)


@dataclass(frozen=True, eq=False)
class Drawings:
    """What the folder of a result keeps to draw, beyond its tables.

    Attributes
    ----------
    regions : tuple of RegionVoxels
        Region 1 and region 2.
    out : ndarray, shape (n, 3)
        Samples of the atlas in neither region, in mm.
    probes : dict
        Probes of each gene that is drawn, by its symbol.
    not_varied : dict
        What the sensitivity table did not vary, and why.
    variograms : GeneVariograms or None
        Where the ladder was run.
    """

    regions: tuple[RegionVoxels, RegionVoxels]
    out: Floats
    probes: dict[str, ProbeData]
    not_varied: dict[str, str]
    variograms: GeneVariograms | None = None
