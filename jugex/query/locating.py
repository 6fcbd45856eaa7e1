"""Samples in a region, and probes of genes."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import RegionError
from jugex.genes import GeneSelection
from jugex.regions import Region
from jugex.spaces import is_mni_space, is_same_space

__all__ = ["COORDINATES", "AtlasLike", "Donors", "locate_samples", "probes_of"]

COORDINATES = ("mni_x", "mni_y", "mni_z")

AtlasLike = ExpressionAtlas | str | PathLike[str]
Donors = Sequence[str | int]


def locate_samples(region: Region, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Say of each sample of the atlas whether it lies in the region, and refuse a region without any."""
    _check_same_space(region, atlas)
    located = region.locate(atlas.samples)
    if not located["inside"].any():
        raise RegionError(
            f"region {region.name!r} holds no sample of {atlas.name} ({_describe_extent(region, atlas)}); take a "
            f"larger region, lower its threshold, or {_suggest_check(atlas)} (looked at were "
            f"{_describe_samples(atlas)})"
        )
    return located


def _suggest_check(atlas: ExpressionAtlas) -> str:
    """What may be wrong with where the samples are: other coordinates, where they were given, before the space."""
    space = "MNI152" if is_mni_space(atlas.space) else atlas.space
    if atlas.changes.coordinates is not None:
        return f"check that the image and the coordinates given are in {space} space"
    return f"check that the image is in {space} space"


def _describe_samples(atlas: ExpressionAtlas) -> str:
    """Samples and donors in use, and what was done to their coordinates."""
    n_samples, n_donors = len(atlas.samples), len(atlas.donors)
    counted = f"{n_samples:,} sample{'' if n_samples == 1 else 's'} of {n_donors} donor{'' if n_donors == 1 else 's'}"
    mirror = atlas.changes.mirror
    replaced = ", at the coordinates given" if atlas.changes.coordinates is not None else ""
    reflected = f", mirrored to the {mirror.side}" if mirror is not None else ""
    return f"{counted}{replaced}{reflected}"


def _check_same_space(region: Region, atlas: ExpressionAtlas) -> None:
    if not is_same_space(region.space, atlas.space):
        raise RegionError(
            f"region {region.name!r} is in the space {region.space}, but the samples of {atlas.name} are in "
            f"{atlas.space}; give a region in the atlas's space, and name it: Region.from_image(..., "
            f"space={atlas.space!r})"
        )


def _describe_extent(region: Region, atlas: ExpressionAtlas) -> str:
    """Volume of a region without samples, and how far from it the nearest sample is."""
    if np.isnan(region.volume):
        return "no extent in space"
    distance = float(np.min(region.distances(atlas.samples[list(COORDINATES)].to_numpy(dtype=np.float64))))
    near = f"; nearest sample {distance:.1f} mm away" if np.isfinite(distance) else ""
    return f"{region.volume:,.0f} mm3{near}"


def probes_of(selection: GeneSelection, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Rows of the atlas's probes that belong to the genes found."""
    return atlas.probes[atlas.probes["gene"].isin(selection.found)]
