"""The query behind a pair, made again with other choices."""

from __future__ import annotations

from typing import Any

from jugex.query.pairs import RegionPair, region_pair

__all__ = ["query_again"]


def query_again(pair: RegionPair, **choices: Any) -> RegionPair:
    """Query again what a pair holds, with other choices.

    Parameters
    ----------
    pair : RegionPair
        The atlas and everything that is not chosen anew is its own.
    **choices
        Of `jugex.query.region_pair`: `genes`, `overlap`, `coordinates`, `mirror`; and `regions`, two of them.

    Returns
    -------
    RegionPair

    Raises
    ------
    JugexError
        Whatever `jugex.query.region_pair` raises.

    Examples
    --------
    >>> import jugex
    >>> pair = jugex.query.region_pair(*jugex.demo_regions(), atlas="simulated", genes=["MAOA"])
    >>> jugex.query.query_again(pair, overlap="exclude")
    <RegionPair: simulated A (12 samples) and simulated B (13 samples), 31 probes of 1 gene>
    """
    regions = choices.pop("regions", pair.regions)
    filters, present = pair.sample_filter or {}, pair.probe_filter or {}
    same = {
        "atlas": pair.atlas,
        "genes": None if pair.genes.requested is None else pair.genes.found,
        "overlap": pair.overlap,
        "within": _list_ids(filters.get("within")),
        "exclude": _list_ids(filters.get("exclude")),
        "min_present": present.get("min_present"),
        "present_in": present.get("present_in", "all"),
    }
    return region_pair(*regions, **(same | choices))


def _list_ids(structures: list[dict[str, Any]] | None) -> list[int] | None:
    """Ids of the structures that a query was confined to."""
    ids = [number for structure in structures or () for number in structure["structure_ids"]]
    return ids or None
