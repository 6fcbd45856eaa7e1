"""Find the atlas: by path or name, in the environment, or in the user's data folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from jugex.atlas.archives import HOW_TO_GET_AN_ATLAS, ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.simulated import SimulatedAtlas
from jugex.errors import AtlasError, AtlasNotFoundError

__all__ = ["open_atlas"]


def open_atlas(
    source: str | os.PathLike[str] | ExpressionAtlas | None = None,
    *,
    donors: str | int | Iterable[str | int] | None = None,
) -> ExpressionAtlas:
    """Open a source of gene expression.

    Parameters
    ----------
    source : str, Path or ExpressionAtlas, optional
        A folder of the Allen Institute's donor archives (ZIP files or unpacked), one archive, ``"simulated"``
        for the embedded demo, or an open atlas. Default: the folder that the environment variable
        ``JUGEX_DATA`` names, else the user's data folder for jugex.
    donors : iterable of str or int, optional
        Donors to take, by name (``"H0351.2001"``) or id (9861); default: all there are.

    Returns
    -------
    ExpressionAtlas
        Its annotation is read; expression is read where it is asked for.

    Raises
    ------
    AtlasNotFoundError
        Where there is no atlas.
    ArchiveError
        Where an archive cannot be used.
    OptionError
        Where a donor is unknown.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated", donors=["H0351.2001"])
    >>> atlas.name
    'Simulated atlas (not real data)'
    """
    if isinstance(source, ExpressionAtlas):
        return source if donors is None else source.restricted(donors)
    if source is None:
        return ArchivesAtlas(_find_default(), donors=donors)
    if source == "simulated":
        return SimulatedAtlas(donors=donors)
    if source == "allen-api":
        raise AtlasError(
            "this version does not read the Allen Institute's web service yet; download the donor archives from "
            "https://human.brain-map.org/static/download and give the path of their folder"
        )
    return ArchivesAtlas(source, donors=donors)


def _find_default() -> Path:
    from platformdirs import user_data_path

    named = os.environ.get("JUGEX_DATA", "").strip()
    folder = Path(named).expanduser() if named else user_data_path("jugex")
    if not folder.exists():
        where = f"{folder}, which JUGEX_DATA names" if named else f"the user's data folder {folder}"
        raise AtlasNotFoundError(f"no atlas was given, and {where}, does not exist; {HOW_TO_GET_AN_ATLAS}")
    return folder
