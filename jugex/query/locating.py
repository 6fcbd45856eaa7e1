"""Samples in a region, and probes of genes."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import OptionError, RegionError
from jugex.genes import GeneSelection
from jugex.regions import Region

__all__ = ["COORDINATES", "AtlasLike", "Donors", "locate_samples", "probes_of"]

COORDINATES = ("mni_x", "mni_y", "mni_z")

AtlasLike = ExpressionAtlas | str | PathLike[str]
Donors = Sequence[str | int]


def locate_samples(region: Region, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Say of each sample of the atlas whether it lies in the region, and refuse a region without any."""
    if not isinstance(region, Region):
        raise OptionError(f"a region is a jugex.Region, got {type(region).__name__}; make one with Region.from_image")
    located = region.locate(atlas.samples)
    if not located["inside"].any():
        raise RegionError(
            f"region {region.name!r} holds no sample of {atlas.name} ({region.volume:,.0f} mm3; nearest sample "
            f"{_nearest_sample_distance(region, atlas):.1f} mm away); take a larger region, lower its threshold, or "
            "check that the image is in MNI152 space"
        )
    return located


def _nearest_sample_distance(region: Region, atlas: ExpressionAtlas) -> float:
    """Distance in mm from the region's voxels to the nearest sample."""
    from nibabel.affines import apply_affine
    from scipy.spatial import KDTree

    image = region.to_image()
    voxels = apply_affine(image.affine, np.argwhere(np.asanyarray(image.dataobj)))
    distances, _ = KDTree(voxels).query(atlas.samples[list(COORDINATES)].to_numpy())
    return float(np.min(distances))


def probes_of(selection: GeneSelection, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Rows of the atlas's probes that belong to the genes found."""
    return atlas.probes[atlas.probes["gene"].isin(selection.found)]
