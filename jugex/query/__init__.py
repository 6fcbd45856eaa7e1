"""The query: expression of genes in regions, and which samples lie where."""

from jugex.query.locating import AtlasLike, Donors
from jugex.query.overlap import Overlap
from jugex.query.pairs import RegionPair, describe_query, region_pair
from jugex.query.tables import EXPRESSION_COLUMNS, expressions

__all__ = [
    "EXPRESSION_COLUMNS",
    "AtlasLike",
    "Donors",
    "Overlap",
    "RegionPair",
    "describe_query",
    "expressions",
    "region_pair",
]
