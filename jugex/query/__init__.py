"""The query: expression of genes in regions, and which samples lie where."""

from jugex.query.again import query_again
from jugex.query.filtering import Structures
from jugex.query.groups import RegionGroup, region_group
from jugex.query.locating import AtlasLike, Donors
from jugex.query.overlap import Overlap
from jugex.query.pairs import RegionPair, describe_query, region_pair
from jugex.query.probes import PresentIn
from jugex.query.tables import EXPRESSION_COLUMNS, expressions

__all__ = [
    "EXPRESSION_COLUMNS",
    "AtlasLike",
    "Donors",
    "Overlap",
    "PresentIn",
    "RegionGroup",
    "RegionPair",
    "Structures",
    "describe_query",
    "expressions",
    "query_again",
    "region_group",
    "region_pair",
]
