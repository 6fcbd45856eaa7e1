"""The query: expression of genes in regions, and which samples lie where."""

from jugex.query.filtering import Structures
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
    "RegionPair",
    "Structures",
    "describe_query",
    "expressions",
    "region_pair",
]
