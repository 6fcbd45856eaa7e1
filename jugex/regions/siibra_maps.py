"""Regions of siibra, if it is installed: siibra fetches the maps, which are then read like any other image.

Only siibra's public interface is used: `siibra.get_region`, and of a region `name`, `id`, `parcellation`, `children`
and `get_regional_map(space, maptype)`, whose volume has `fetch()` and, if it is a single label, `label`. siibra's
exceptions are recognised by name, so that its objects can be used without importing it here.
"""

from __future__ import annotations

import importlib.util
import textwrap
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from jugex.errors import JugexWarning, OptionError, RegionError, RegionFileError, how_to_install, warn_user
from jugex.regions.base import Region
from jugex.regions.images import check_threshold, select_region
from jugex.regions.label_tables import LabelTable
from jugex.regions.nifti import Stack, read_image

__all__ = ["MapType", "region_from_siibra"]

MapType = Literal["statistical", "labelled"]

#: siibra's short name of "MNI 152 ICBM 2009c Nonlinear Asymmetric", and TemplateFlow's.
_SPACE = "mni152"
_SPACE_NAME = "MNI152NLin2009cAsym"
_NO_MAP = "NoMapAvailableError"
_NO_CONFIGURATION = "NoSiibraConfigMirrorsAvailableException"


def region_from_siibra(
    parcellation: Any,
    region: str | None = None,
    *,
    threshold: float = 0.2,
    map_type: MapType = "statistical",
    name: str | None = None,
) -> Region:
    """Make a region from a region of siibra.

    Parameters
    ----------
    parcellation : str or siibra region
        Name of the parcellation in siibra, such as ``"julich 3.1"``, or a region object of siibra.
    region : str, optional
        Name of the region in siibra, such as ``"hoc1 left"``; needed only with the name of a parcellation.
    threshold : float, default 0.2
        Probability (0 <= threshold < 1) above which a voxel of a statistical map is in the region.
    map_type : {"statistical", "labelled"}, default "statistical"
        Kind of map: probabilities, or the voxels in which the region is the most probable one.
    name : str, optional
        Name of the region in outputs; default: siibra's name.

    Returns
    -------
    Region
        The region in MNI space; a region without its own map is the union of its children.

    Raises
    ------
    OptionError
        If the threshold is out of range, the type of map is unknown, or a region is missing or given twice.
    RegionError
        If siibra is not installed, knows no such region, or has no such map of it.
    RegionFileError
        If siibra cannot reach its configuration or a map.
    """
    check_threshold(threshold)
    if map_type not in get_args(MapType):
        raise OptionError(f"map_type {map_type!r} is unknown: give {' or '.join(map(repr, get_args(MapType)))}")
    found = _find_region(parcellation, region)
    mapped, unmapped = _find_maps(found, map_type)
    if not mapped:
        raise RegionError(
            f"siibra has no {map_type} map of {found.name!r} or of its children in MNI space; "
            f"try map_type={_other_map_type(map_type)!r}, or another region"
        )
    if unmapped:
        warn_user(
            f"{found.name!r} is the union of those of its children of which siibra has a {map_type} map; left out: "
            f"{', '.join(unmapped)}",
            JugexWarning,
        )
    parts = [_make_region(part, volume, threshold, map_type) for part, volume in mapped]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined | part
    return joined.renamed(found.name if name is None else name)


def _other_map_type(map_type: MapType) -> MapType:
    return "labelled" if map_type == "statistical" else "statistical"


def _find_region(parcellation: Any, region: str | None) -> Any:
    """Return the region object of siibra."""
    if not isinstance(parcellation, str):
        if region is not None:
            raise OptionError(f"a region object of siibra is a region already: do not name {region!r} beside it")
        if not hasattr(parcellation, "get_regional_map"):
            raise OptionError(
                f"a {type(parcellation).__name__} is not a region of siibra: give a region object, or the names of a "
                "parcellation and of a region"
            )
        return parcellation
    if region is None:
        raise OptionError(f"no region of {parcellation!r} is named: give its name, like 'hoc1 left'")
    if importlib.util.find_spec("siibra") is None:
        raise RegionError(f"siibra is not installed: {how_to_install('siibra')}")
    import siibra

    try:
        return siibra.get_region(parcellation, region)
    except Exception as error:  # siibra raises built-in exceptions, its own, and those of downloads
        raise _explain(error, f"siibra finds no region {region!r} of the parcellation {parcellation!r}") from error


def _find_maps(region: Any, map_type: MapType) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Regions with their own map (a region or its children) and their maps; and the names of those without."""
    try:
        return [(region, region.get_regional_map(space=_SPACE, maptype=map_type))], []
    except Exception as error:
        if type(error).__name__ != _NO_MAP:
            raise _explain(error, f"siibra cannot give the {map_type} map of {region.name!r}") from error
    mapped: list[tuple[Any, Any]] = []
    unmapped: list[str] = []
    for child in region.children:
        with_map, without_map = _find_maps(child, map_type)
        mapped += with_map
        unmapped += without_map
    return (mapped, unmapped) if mapped else ([], [region.name])


def _make_region(region: Any, volume: Any, threshold: float, map_type: MapType) -> Region:
    """Fetch a map and make a region from it, with the threshold if it holds probabilities."""
    try:
        image = volume.fetch()
    except Exception as error:
        raise _explain(error, f"siibra cannot fetch the {map_type} map of {region.name!r}") from error
    if image is None:  # siibra returns None if no server answers
        raise RegionFileError(
            f"siibra could not fetch the {map_type} map of {region.name!r}: check the network and try again"
        )
    contents = read_image(image, title=f"siibra's {map_type} map of {region.name!r}", space=_SPACE_NAME)
    if isinstance(contents, Stack):
        raise RegionError(f"{contents.title} holds {len(contents.volumes):,} volumes: one is needed")
    label = None
    if map_type == "labelled":
        labels_in_map = np.unique(contents.data[contents.data != 0])  # a mask of the region, or the labels of all
        label = labels_in_map[0].item() if len(labels_in_map) == 1 else getattr(volume, "label", None)
    made = select_region(contents, LabelTable(), label=label, threshold=threshold, name=region.name)
    source = replace(
        made.source,
        origin=f"siibra {_read_version()}".strip(),
        parcellation=str(getattr(region.parcellation, "name", region.parcellation)),
        siibra_id=str(getattr(region, "id", "")),
        map_type=map_type,
        space=_SPACE_NAME,
    )
    return replace(made, source=source)


def _read_version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("siibra")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _explain(error: Exception, what: str) -> RegionError:
    """Error that says in one sentence why siibra failed."""
    names = {kind.__name__ for kind in type(error).__mro__}
    reason = textwrap.shorten(str(error), 160, placeholder=" ...") or type(error).__name__
    if _NO_CONFIGURATION in names:
        return RegionFileError(
            "siibra cannot reach its configuration, without which it knows no region: check the network, or name a "
            "folder that holds it with siibra.use_configuration"
        )
    if isinstance(error, OSError):  # of the network: requests' exceptions are OSErrors
        return RegionFileError(f"{what} ({reason}): check the network and try again")
    return RegionError(f"{what} ({reason})")
