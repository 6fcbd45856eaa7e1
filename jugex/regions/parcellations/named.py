"""A parcellation: an image, the names of its regions, and finding a region by its name and hemisphere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from jugex.errors import OptionError, RegionError
from jugex.regions.base import Region
from jugex.regions.images import check_threshold, select_region
from jugex.regions.labels import match_names, nearest_names
from jugex.regions.parcellations.catalogue import Entry
from jugex.regions.parcellations.hemispheres import NamedSide, Side, split_side
from jugex.regions.stacks import Stack, read_image
from jugex.regions.volumes import Volume

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["Hemisphere", "Parcellation", "check_hemisphere"]

Hemisphere = Literal["left", "right", "both"]

_MOST_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Parcellation:
    """Named regions in one image. Open one with `open_parcellation`.

    Attributes
    ----------
    name : str
        What users type before the colon, ``juelich`` or ``nilearn:schaefer_400``.
    entry : Entry
        What it is.
    origin : str
        Package that it comes with or was fetched by, with its version.
    source : Path or nibabel NIfTI image
        The label image, or the 4-D image with one probability map per region.
    names : dict of int to str
        Name of each region, by its label, or by its volume counted from 0.

    Examples
    --------
    >>> # not run: needs the extra parcellations
    >>> from jugex.regions import open_parcellation
    >>> juelich = open_parcellation("juelich")  # doctest: +SKIP
    >>> juelich.search("visual v1"), juelich.nearest("Visual V1")  # doctest: +SKIP
    >>> juelich.region("GM_Visual_cortex_V1_BA17_L", threshold=0.2)  # doctest: +SKIP
    """

    name: str
    entry: Entry
    origin: str
    source: Path | SpatialImage
    names: dict[int, str]

    def search(self, text: str = "") -> list[str]:
        """Names of the regions that hold each word of a text, without case and punctuation."""
        words = [word.casefold() for word in re.findall(r"[^\W_]+", text)]
        return [name for name in self.names.values() if all(word in name.casefold() for word in words)]

    def nearest(self, text: str) -> list[str]:
        """At most five names of regions that are spelt most like a text."""
        return nearest_names(self.names.values(), text)

    def region(
        self,
        text: str,
        *,
        hemisphere: Hemisphere | None = None,
        threshold: float = 0.2,
        name: str | None = None,
    ) -> Region:
        """Region by its name; see `region_from_parcellation`."""
        check_threshold(threshold)
        check_hemisphere(hemisphere, text)
        numbers = self._find(text, hemisphere)
        regions = [self._make_region(number, threshold) for number in numbers]
        region = regions[0]
        if len(regions) == 2:
            region = (regions[0] | regions[1]).renamed(self._sides[numbers[0]].base)
        elif hemisphere in ("left", "right") and self._sides[numbers[0]].side is None:
            half = region.left if hemisphere == "left" else region.right
            region = half.renamed(f"{region.name} {hemisphere}")
        return region if name is None else region.renamed(name)

    @cached_property
    def image(self) -> Volume | Stack:
        """The image, which is read when it is first needed."""
        return read_image(self.source, title=self.name)

    @cached_property
    def _sides(self) -> dict[int, NamedSide]:
        return {number: split_side(name) for number, name in self.names.items()}

    def _find(self, text: str, hemisphere: Hemisphere | None) -> list[int]:
        """Numbers of the regions that a text means: one, or the left and the right of two."""
        if hemisphere is None:
            matches = match_names(self.names, text) or self._match_side(text)
            return [self._check_one(matches, text)]
        base, side = split_side(text)
        wanted = base if side == hemisphere else text
        sides: list[Side] = ["left", "right"] if hemisphere == "both" else [hemisphere]
        found = [self._match_base(wanted, side) for side in sides]
        if not any(found):  # a region that has no hemisphere in its name
            matches = match_names({n: name for n, name in self.names.items() if self._sides[n].side is None}, text)
            return [self._check_one(matches, text, hemisphere)]
        numbers = [self._check_one(matches, text, hemisphere) for matches in found]
        bases = {self._sides[number].base for number in numbers}
        if len(bases) > 1:
            raise RegionError(
                f"{text!r} means different regions of {self.name} on the left and on the right "
                f"({', '.join(sorted(bases))}): write more of the name"
            )
        return numbers

    def _match_side(self, text: str) -> dict[int, str]:
        """Match a text that says the hemisphere in other words than the names do: ``V1 BA17 left``."""
        base, side = split_side(text)
        return {} if side is None else self._match_base(base, side)

    def _match_base(self, base: str, side: Side) -> dict[int, str]:
        """Names of one hemisphere, matched without it."""
        bases = {number: split.base for number, split in self._sides.items() if split.side == side}
        return {number: self.names[number] for number in match_names(bases, base)}

    def _check_one(self, matches: dict[int, str], text: str, hemisphere: Hemisphere | None = None) -> int:
        if len(matches) == 1:
            return next(iter(matches))
        if matches:
            self._refuse_several(matches, text)
        where = f" in hemisphere {hemisphere!r}" if hemisphere in ("left", "right") else ""
        nearest = self.nearest(text)
        hint = "the nearest are " + ", ".join(map(repr, nearest)) if nearest else f"it has {len(self.names):,} regions"
        raise RegionError(
            f"no region of {self.name} is called {text!r}{where}; {hint}; list all with: jugex regions {self.name}"
        )

    def _refuse_several(self, matches: dict[int, str], text: str) -> NoReturn:
        shown = ", ".join(list(matches.values())[:_MOST_SHOWN]) + (", ..." if len(matches) > _MOST_SHOWN else "")
        is_pair = len(matches) == 2 and len({self._sides[number].base for number in matches}) == 1
        hint = "write more of the name"
        if is_pair:
            both = "+".join(f"{self.name}:{name}" for name in matches.values())
            hint = f"name one of them, or both as {both} (hemisphere='left', 'right' or 'both' in Python)"
        raise RegionError(f"{text!r} matches {len(matches)} regions of {self.name} ({shown}): {hint}")

    def _make_region(self, number: int, threshold: float) -> Region:
        region = select_region(self.image, self.names, label=number, threshold=threshold, name=self.names[number])
        about = {
            "parcellation": self.name,
            "parcellation_title": self.entry.title,
            "origin": self.origin,
            "citation": self.entry.citation,
        }
        space = region.source["space"] or self.entry.space
        return replace(region, source={**region.source, **about, "space": space})


def check_hemisphere(hemisphere: str | None, text: str) -> None:
    """Refuse a hemisphere that there is not, or that contradicts the name, with an OptionError."""
    if hemisphere not in (None, "left", "right", "both"):
        raise OptionError(f"hemisphere {hemisphere!r} is unknown: give 'left', 'right', 'both' or None")
    side = split_side(text).side
    if hemisphere is not None and side is not None and side != hemisphere:
        raise OptionError(
            f"{text!r} names the {side} hemisphere, but hemisphere={hemisphere!r} is given: give one only"
        )
