"""Where expression comes from: one interface, several sources, and views of them."""

from jugex.atlas.annotation import coordinates_report
from jugex.atlas.archives import ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.building import build_store
from jugex.atlas.download import fetch_archives
from jugex.atlas.formats import atlas_from_ahba_rnaseq, atlas_from_anndata, atlas_from_siibra
from jugex.atlas.opening import open_atlas
from jugex.atlas.simulated import PLANTED_GENES, PLANTED_SETS, PlantedGene, SimulatedAtlas
from jugex.atlas.store import StoreAtlas
from jugex.atlas.tables import atlas_from_tables

__all__ = [
    "PLANTED_GENES",
    "PLANTED_SETS",
    "ArchivesAtlas",
    "ExpressionAtlas",
    "PlantedGene",
    "SimulatedAtlas",
    "StoreAtlas",
    "atlas_from_ahba_rnaseq",
    "atlas_from_anndata",
    "atlas_from_siibra",
    "atlas_from_tables",
    "build_store",
    "coordinates_report",
    "fetch_archives",
    "open_atlas",
]
