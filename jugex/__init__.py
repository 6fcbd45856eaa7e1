"""jugex: differential gene expression between two brain regions (JuGEx, Bludau et al. 2018)."""

from jugex import analysis, query
from jugex._version import __version__
from jugex.analysis import DifferentialExpression, load_result
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
from jugex.comparison import SeveralRegions, compare, compare_several
from jugex.errors import JugexError, JugexWarning
from jugex.genes import read_gene_list
from jugex.model.options import QueryOptions, TestOptions
from jugex.query import RegionGroup, RegionPair
from jugex.regions import Region, demo_regions
from jugex.reproduction import compare_presets
from jugex.reruns import Rerun, ResultDiff, diff, rerun
from jugex.scanning import Scan, load_scan, plan_scan, scan

__all__ = [
    "DifferentialExpression",
    "ExpressionAtlas",
    "JugexError",
    "JugexWarning",
    "QueryOptions",
    "Region",
    "RegionGroup",
    "RegionPair",
    "Rerun",
    "ResultDiff",
    "Scan",
    "SeveralRegions",
    "TestOptions",
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
    "diff",
    "fetch_archives",
    "load_result",
    "load_scan",
    "open_atlas",
    "plan_scan",
    "query",
    "read_gene_list",
    "rerun",
    "scan",
]


def __dir__() -> list[str]:
    """What users need: the names above, and the modules that they import by name."""
    return sorted([*__all__, "atlas", "errors", "genes", "plots", "regions"])
