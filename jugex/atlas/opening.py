"""Find the atlas: by path or name, in the environment, or in the user's data folder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jugex.atlas.archives import HOW_TO_GET_AN_ATLAS, ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.locations import ARCHIVES_FOLDER, STORE_FOLDER, default_data_folder, describe_default
from jugex.atlas.simulated import SimulatedAtlas
from jugex.atlas.store import StoreAtlas
from jugex.atlas.store_format import is_store
from jugex.errors import AtlasError, AtlasNotFoundError

__all__ = ["open_atlas"]

#: Atlases that are no folder.
_NAMES = ("simulated", "allen-api")


def open_atlas(
    source: str | os.PathLike[str] | ExpressionAtlas | None = None,
    *,
    donors: str | int | Iterable[str | int] | None = None,
) -> ExpressionAtlas:
    """Open a source of gene expression.

    Parameters
    ----------
    source : str, Path or ExpressionAtlas, optional
        A store (or a data folder that holds one as ``store``), a folder of the Allen Institute's donor archives (ZIP
        files or unpacked; also as ``archives`` in a data folder), one archive, ``"simulated"`` for the embedded demo,
        ``"allen-api"`` for the Allen Institute's web service, or an open atlas. Default:
        the folder that the environment variable ``JUGEX_DATA`` names, else the user's data folder for jugex.
    donors : iterable of str or int, optional
        Donors to take, by name (``"H0351.2001"``) or id (9861); default: all there are.

    Returns
    -------
    ExpressionAtlas
        Its annotation is read; expression is read where it is asked for.

    Raises
    ------
    AtlasError
        Where the source is empty text.
    AtlasNotFoundError
        Where there is no atlas.
    ArchiveError, StoreError
        Where an archive or a store cannot be used.
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
    if isinstance(source, str) and not source.strip():  # as a path it would be the current folder
        raise AtlasError("the atlas named is empty text; name a folder ('.' for the current one), or 'simulated'")
    if source is None:
        return _open_folder(_find_default(), donors)
    if source == "simulated":
        return SimulatedAtlas(donors=donors)
    if source == "allen-api":
        from jugex.atlas.allen_api import AllenApiAtlas

        return AllenApiAtlas(donors=donors)
    path = Path(source).expanduser()
    if not path.exists():
        raise AtlasNotFoundError(_tell_missing(str(source), path))
    return _open_folder(path, donors)


def _open_folder(folder: Path, donors: str | int | Iterable[str | int] | None) -> ExpressionAtlas:
    for path in (folder, folder / STORE_FOLDER):
        if is_store(path):
            store = StoreAtlas(path)
            return store if donors is None else store.restricted(donors)
    archives = folder / ARCHIVES_FOLDER
    if archives.is_dir():
        return ArchivesAtlas(archives, donors=donors)
    return ArchivesAtlas(folder, donors=donors)


def _tell_missing(source: str, path: Path) -> str:
    """Say that there is no such atlas, and what was perhaps meant: a name that is nearly this one, or a folder."""
    by_name = {_simplify(name): name for name in _NAMES}
    beside: dict[str, str] = {}
    with suppress(OSError):  # no folder, or one that may not be read
        beside = {_simplify(other.name): str(other) for other in path.parent.iterdir() if other.is_dir()}
    for known, wanted in ((by_name, source), (beside, path.name)):
        for nearest in difflib.get_close_matches(_simplify(wanted), known, n=1, cutoff=0.75):
            return f"there is no atlas {source!r}; did you mean {known[nearest]!r}?"
    return f"there is no folder {path}; {HOW_TO_GET_AN_ATLAS}"


def _simplify(name: str) -> str:
    return name.casefold().replace("_", "-")


def _find_default() -> Path:
    folder = default_data_folder()
    if not folder.exists():
        raise AtlasNotFoundError(f"there is no atlas in {describe_default()}; {HOW_TO_GET_AN_ATLAS}")
    return folder
