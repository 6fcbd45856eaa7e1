"""Where in the brain: images, spheres, unions, and their description in words."""

from __future__ import annotations

from jugex.regions.base import Region
from jugex.regions.demo import demo_regions
from jugex.regions.images import ImageRegion, region_from_image
from jugex.regions.shapes import Sphere, Union
from jugex.regions.text import parse_region

__all__ = ["ImageRegion", "Region", "Sphere", "Union", "demo_regions", "parse_region", "region_from_image"]
