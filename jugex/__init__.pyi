from . import analysis, atlas, errors, genes, plots, query, regions
from ._version import __version__
from .analysis import DifferentialExpression, load_result
from .atlas import (
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
from .comparison import SeveralRegions, compare, compare_several
from .errors import JugexError, JugexWarning
from .genes import read_gene_list
from .model.options import QueryOptions, TestOptions
from .query import RegionGroup, RegionPair
from .regions import Region, demo_regions
from .reproduction import compare_presets
from .reruns import Rerun, ResultDiff, diff, rerun
from .scanning import Scan, load_scan, plan_scan, scan

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
    "atlas",
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
    "errors",
    "fetch_archives",
    "genes",
    "load_result",
    "load_scan",
    "open_atlas",
    "plan_scan",
    "plots",
    "query",
    "read_gene_list",
    "regions",
    "rerun",
    "scan",
]
