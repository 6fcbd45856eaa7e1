"""The atlas of a query, as the query wants it, and the genes in question."""

from __future__ import annotations

from os import PathLike

from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.genes import AliasesLike, GeneRequest, GeneSelection, clean_requests, select_genes
from jugex.query.locating import AtlasLike, Donors

__all__ = ["open_source"]


def open_source(
    atlas: AtlasLike | None,
    *,
    genes: GeneRequest,
    donors: Donors | None = None,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
) -> tuple[ExpressionAtlas, GeneSelection]:
    """Open an atlas, derive from it the one asked for, and look the genes up there.

    Parameters are those of `jugex.query.region_pair`.
    """
    requested = None if genes is None else clean_requests(genes)
    source = open_atlas(atlas, donors=donors).with_genes(requested)
    if coordinates is not None:
        source = source.with_coordinates(coordinates)
    if mirror is not None:
        source = source.mirrored(mirror)
    if reannotation is not None:
        source = source.reannotated(reannotation)
    return source, select_genes(requested, source.genes, aliases=aliases)
