"""Regions by name, of parcellations that are installed, or that nilearn or siibra fetches."""

from __future__ import annotations

from jugex.regions.parcellations.catalogue import Entry, list_entries
from jugex.regions.parcellations.named import Hemisphere, Parcellation
from jugex.regions.parcellations.opening import (
    open_parcellation,
    region_from_parcellation,
    region_from_text,
)
from jugex.regions.parcellations.siibra_regions import MapType, region_from_siibra

__all__ = [
    "Entry",
    "Hemisphere",
    "MapType",
    "Parcellation",
    "list_entries",
    "open_parcellation",
    "region_from_parcellation",
    "region_from_siibra",
    "region_from_text",
]
