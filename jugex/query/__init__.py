"""The query: expression of genes in regions, and which samples lie where."""

from jugex._arguments import refuse_calls
from jugex.model.options import AtlasLike, Donors, Overlap, PresentIn, QueryOptions, Structures, TableOptions
from jugex.query.expression import (
    RegionGroup,
    RegionPair,
    query_regions,
    region_group,
    region_pair,
)
from jugex.query.region_tables import RegionTable, region_table
from jugex.query.tables import EXPRESSION_COLUMNS, expressions
from jugex.stats.normalization import normalize

__all__ = [
    "EXPRESSION_COLUMNS",
    "AtlasLike",
    "Donors",
    "Overlap",
    "PresentIn",
    "QueryOptions",
    "RegionGroup",
    "RegionPair",
    "RegionTable",
    "Structures",
    "TableOptions",
    "expressions",
    "normalize",
    "query_regions",
    "region_group",
    "region_pair",
    "region_table",
]

refuse_calls(__name__, "call jugex.query.expressions(region, genes) or jugex.query.region_pair(region_1, region_2)")
