"""jugex: differential gene expression between two brain regions (JuGEx, Bludau et al. 2018)."""

from jugex import analysis, query
from jugex._version import __version__
from jugex.analysis import DifferentialExpression
from jugex.atlas import (
    ExpressionAtlas,
    atlas_from_ahba_rnaseq,
    atlas_from_anndata,
    atlas_from_siibra,
    atlas_from_tables,
    build_store,
    coordinates_report,
    fetch_archives,
    open_atlas,
)
from jugex.errors import JugexError, JugexWarning
from jugex.genes import read_gene_list
from jugex.presets import compare_presets
from jugex.query import RegionGroup, RegionPair
from jugex.regions import Region, demo_regions
from jugex.report import load_result
from jugex.several import SeveralRegions, compare_several
from jugex.workflow import compare

__all__ = [
    "DifferentialExpression",
    "ExpressionAtlas",
    "JugexError",
    "JugexWarning",
    "Region",
    "RegionGroup",
    "RegionPair",
    "SeveralRegions",
    "__version__",
    "analysis",
    "atlas_from_ahba_rnaseq",
    "atlas_from_anndata",
    "atlas_from_siibra",
    "atlas_from_tables",
    "build_store",
    "compare",
    "compare_presets",
    "compare_several",
    "coordinates_report",
    "demo_regions",
    "fetch_archives",
    "load_result",
    "open_atlas",
    "query",
    "read_gene_list",
]
