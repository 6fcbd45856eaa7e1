"""Where in the brain: images, shapes, anatomical structures, what is made of them, and their description in words."""

from __future__ import annotations

from jugex.regions.algebra import Complement, Difference, Half, Intersection, Union
from jugex.regions.base import Region
from jugex.regions.coverage import Coverage
from jugex.regions.demo import demo_regions
from jugex.regions.images import ImageRegion, region_from_image
from jugex.regions.parcellations import Parcellation, open_parcellation
from jugex.regions.shapes import Box, Sphere
from jugex.regions.structures import StructureRegion
from jugex.regions.text import parse_region

__all__ = [
    "Box",
    "Complement",
    "Coverage",
    "Difference",
    "Half",
    "ImageRegion",
    "Intersection",
    "Parcellation",
    "Region",
    "Sphere",
    "StructureRegion",
    "Union",
    "demo_regions",
    "open_parcellation",
    "parse_region",
    "region_from_image",
]
