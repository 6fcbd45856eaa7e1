"""Which samples of a region count: how far outside it they may lie, and in which anatomical structures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex.errors import OptionError, RegionError
from jugex.query.locating import locate_samples
from jugex.regions import Region
from jugex.regions.structures import Structure, find_structures

if TYPE_CHECKING:
    from jugex.atlas import ExpressionAtlas

__all__ = ["SampleFilter", "Structures", "locate_pair", "locate_regions", "read_filter", "yield_to_the_other"]

#: Acronyms, names or ids of anatomical structures; in a single str commas separate them.
Structures = str | int | Iterable[str | int]

_N_SHOWN = 5


@dataclass(frozen=True)
class SampleFilter:
    """Which samples of regions count.

    Attributes
    ----------
    within : tuple of Structure
        Only samples of these structures and their descendants count; empty: of all.
    exclude : tuple of Structure
        Samples of these structures and their descendants do not count.
    tolerance : float
        How far outside a region, in mm, a sample still belongs to it.
    """

    within: tuple[Structure, ...] = ()
    exclude: tuple[Structure, ...] = ()
    tolerance: float = 0.0

    def prepare(self, region: Region, atlas: ExpressionAtlas) -> Region:
        """The region with its structures looked up in the atlas, and with the tolerance."""
        if not isinstance(region, Region):
            raise OptionError(
                f"a region is a jugex.Region, got {type(region).__name__}; make one with Region.from_image"
            )
        return region.bound_to(atlas).with_tolerance(self.tolerance)

    def apply(self, located: pd.DataFrame, region: Region, samples: pd.DataFrame) -> pd.DataFrame:
        """Take the samples of the wrong structures out of a region, and refuse a region without any other.

        Parameters
        ----------
        located : DataFrame, n rows
            What `Region.locate` returned.
        region : Region
            The region, for the error.
        samples : DataFrame, n rows
            The atlas's samples.

        Returns
        -------
        DataFrame, n rows
            The same, `inside` being true for samples of the right structures only.
        """
        structure_ids = samples["structure_id"]
        counts = pd.Series(True, index=samples.index)
        if self.within:
            counts &= structure_ids.isin(_list_members(self.within))
        if self.exclude:
            counts &= ~structure_ids.isin(_list_members(self.exclude))
        kept = located.assign(inside=located["inside"] & counts, probability=located["probability"].where(counts))
        if not kept["inside"].any():
            there = samples.loc[located["inside"], "structure_name"].drop_duplicates()
            shown = "; ".join(there.head(_N_SHOWN)) + ("; ..." if len(there) > _N_SHOWN else "")
            raise RegionError(
                f"none of the {int(located['inside'].sum())} samples of region {region.name!r} is left "
                f"{self._describe()}: their structures are {shown}; name others"
            )
        return kept

    def identity(self) -> dict[str, Any]:
        """What determined the samples (JSON types only)."""
        return {
            "within": [structure.to_dict() for structure in self.within],
            "exclude": [structure.to_dict() for structure in self.exclude],
            "tolerance_mm": self.tolerance,
        }

    def _describe(self) -> str:
        words = [
            f"{preposition} {' and '.join(repr(structure.name) for structure in structures)}"
            for preposition, structures in (("within", self.within), ("outside", self.exclude))
            if structures
        ]
        return " and ".join(words)


def read_filter(
    atlas: ExpressionAtlas, *, within: Structures | None = None, exclude: Structures | None = None, tolerance: float = 0
) -> SampleFilter:
    """Make the filter of a query, with its structures looked up in the atlas.

    Raises
    ------
    RegionError
        Where a structure is unknown or ambiguous.
    OptionError
        Where no structure is named, or the tolerance is negative.
    """
    if not 0 <= tolerance < float("inf"):
        raise OptionError(f"tolerance {tolerance!r} is out of range: a finite number of mm, 0 or more, is needed")
    return SampleFilter(
        () if within is None else find_structures(atlas, within),
        () if exclude is None else find_structures(atlas, exclude),
        float(tolerance),
    )


def yield_to_the_other(located: Sequence[pd.DataFrame], regions: Sequence[Region]) -> list[pd.DataFrame]:
    """Take samples that a region holds by tolerance only out of it where they lie in another region itself."""
    near = [_tolerated(where) for where in located]
    itself = [where["inside"] & ~of_region for where, of_region in zip(located, near, strict=True)]
    kept = []
    for i, (region, where) in enumerate(zip(regions, located, strict=True)):
        others = {other.name: held for j, (other, held) in enumerate(zip(regions, itself, strict=True)) if j != i}
        theirs = {name: where["inside"] & near[i] & held for name, held in others.items()}
        own = where["inside"] & ~pd.DataFrame(theirs).any(axis=1)
        if not own.any():
            takers = " and ".join(repr(name) for name, taken in theirs.items() if taken.any())
            raise RegionError(
                f"region {region.name!r} holds samples by its tolerance only, and all of them lie in region "
                f"{takers}; take a larger region or lower its threshold"
            )
        kept.append(where.assign(inside=own))
    return kept


def locate_pair(
    regions: tuple[Region, Region], atlas: ExpressionAtlas, filters: SampleFilter
) -> tuple[tuple[pd.DataFrame, pd.DataFrame], dict[str, Any]]:
    """Locate the samples of two regions; see `locate_regions`."""
    (first, second), described = locate_regions(regions, atlas, filters)
    return (first, second), described


def locate_regions(
    regions: Sequence[Region], atlas: ExpressionAtlas, filters: SampleFilter
) -> tuple[list[pd.DataFrame], dict[str, Any]]:
    """Locate the samples of regions, and take out those that the filter does not let count.

    Returns
    -------
    located : list of DataFrame, one per region
        As `locate_samples` returns them.
    described : dict
        The filter, how many samples it dropped of each region and how many each holds by tolerance only (JSON types).
    """
    located = yield_to_the_other([locate_samples(region, atlas) for region in regions], regions)
    kept = [filters.apply(where, region, atlas.samples) for where, region in zip(located, regions, strict=True)]
    dropped = [int((before["inside"] & ~after["inside"]).sum()) for before, after in zip(located, kept, strict=True)]
    tolerated = [int((where["inside"] & _tolerated(where)).sum()) for where in kept]
    described = filters.identity() | {"n_dropped": dropped, "n_tolerated": tolerated}
    return kept, described


def _tolerated(located: pd.DataFrame) -> pd.Series:
    """Whether each sample is in a region by its tolerance only."""
    return located["tolerated"] if "tolerated" in located else pd.Series(False, index=located.index)


def _list_members(structures: Iterable[Structure]) -> list[int]:
    return sorted(frozenset().union(*(structure.members for structure in structures)))
