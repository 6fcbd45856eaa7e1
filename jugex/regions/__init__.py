"""Brain regions: from images, shapes and anatomical structures, combined by set operations, or written as text."""

from __future__ import annotations

from jugex.regions.base import Coverage, Region
from jugex.regions.contents import ImageContents, list_contents
from jugex.regions.identity import RegionIdentity
from jugex.regions.images import ImageRegion, region_from_image
from jugex.regions.operations import Complement, Difference, Half, Intersection, Union
from jugex.regions.parcellations import Parcellation, open_parcellation
from jugex.regions.shapes import Box, Sphere, demo_regions
from jugex.regions.structures import StructureRegion, region_of_structures
from jugex.regions.texts import parse_region

__all__ = [
    "Box",
    "Complement",
    "Coverage",
    "Difference",
    "Half",
    "ImageContents",
    "ImageRegion",
    "Intersection",
    "Parcellation",
    "Region",
    "RegionIdentity",
    "Sphere",
    "StructureRegion",
    "Union",
    "demo_regions",
    "list_contents",
    "open_parcellation",
    "parse_region",
    "region_from_image",
    "region_of_structures",
]
