"""Where expression comes from: one interface, several sources."""

from jugex.atlas.ahba_rnaseq import atlas_from_ahba_rnaseq
from jugex.atlas.anndata_tables import atlas_from_anndata
from jugex.atlas.archives import ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.building import build_store
from jugex.atlas.coordinates import coordinates_report
from jugex.atlas.download import fetch_archives
from jugex.atlas.opening import open_atlas
from jugex.atlas.siibra_table import atlas_from_siibra
from jugex.atlas.simulated import SimulatedAtlas
from jugex.atlas.store import StoreAtlas
from jugex.atlas.user_tables import atlas_from_tables
from jugex.atlas.views import mirrored, reannotated, with_coordinates

__all__ = [
    "ArchivesAtlas",
    "ExpressionAtlas",
    "SimulatedAtlas",
    "StoreAtlas",
    "atlas_from_ahba_rnaseq",
    "atlas_from_anndata",
    "atlas_from_siibra",
    "atlas_from_tables",
    "build_store",
    "coordinates_report",
    "fetch_archives",
    "mirrored",
    "open_atlas",
    "reannotated",
    "with_coordinates",
]
