"""Find and open an atlas: by path or name, in the environment, or in the user's data folder."""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from pathlib import Path

from jugex._text import expand_home
from jugex.atlas.allen_api import AllenApiAtlas
from jugex.atlas.allen_download import find_downloads, open_downloads
from jugex.atlas.archives import ArchivesAtlas
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.donors import DonorsLike
from jugex.atlas.simulated import SimulatedAtlas
from jugex.atlas.store import StoreAtlas, is_store
from jugex.atlas.tables import find_tables, open_tables
from jugex.errors import AtlasError, AtlasNotFoundError

__all__ = [
    "ARCHIVES_FOLDER",
    "DATA_VARIABLE",
    "STORE_FOLDER",
    "default_data_folder",
    "describe_default_folder",
    "open_atlas",
]

#: Environment variable that names the data folder.
DATA_VARIABLE = "JUGEX_DATA"
#: Names of the archives and of the store inside a data folder.
ARCHIVES_FOLDER, STORE_FOLDER = "archives", "store"
#: Names of atlases that are not folders.
_NAMES = ("simulated", "allen-api")
_HOW_TO_GET_AN_ATLAS = (
    "download the Allen Institute's donor archives with jugex fetch, or prepare those that you have with jugex build "
    "ARCHIVES; give an atlas elsewhere with --atlas PATH, jugex.open_atlas(PATH) or the environment variable "
    "JUGEX_DATA, or take the built-in demo with --atlas simulated"
)


def open_atlas(
    source: str | os.PathLike[str] | ExpressionAtlas | None = None,
    *,
    donors: DonorsLike | None = None,
) -> ExpressionAtlas:
    """Open a source of gene expression.

    Parameters
    ----------
    source : str, Path or ExpressionAtlas, optional
        A store (or a data folder that holds one as ``store``), a folder of the Allen Institute's donor archives (ZIP
        files or unpacked; also as ``archives`` in a data folder), one archive, a folder of the Allen Institute's
        "Download this data" at sample resolution (or several such folders in one), a folder of tables of your own
        (``samples.csv`` and ``expression.csv``, or ``counts.csv`` for raw counts, and optionally ``probes.csv`` and
        ``donors.csv``, as for `jugex.atlas_from_tables`), ``"simulated"`` for the built-in demo, ``"allen-api"`` for
        the Allen Institute's web service, or an open atlas. Default: the folder that the environment variable
        ``JUGEX_DATA`` names, else the user's data folder for jugex.
    donors : iterable of str or int, optional
        Donors to take, by name (``"H0351.2001"``) or id (9861); default: all that are there.

    Returns
    -------
    ExpressionAtlas
        Its annotation is read at once, expression when it is needed.

    Raises
    ------
    AtlasError
        If the source is empty text.
    AtlasNotFoundError
        If there is no atlas at the source.
    ArchiveError, StoreError
        If an archive or a store cannot be used.
    OptionError
        If a donor is unknown.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated", donors=["H0351.2001"])
    >>> atlas.name
    'Simulated atlas (not real data)'
    """
    if isinstance(source, ExpressionAtlas):
        return _select_donors(source, donors)
    if isinstance(source, str) and not source.strip():  # as a path it would be the current folder
        raise AtlasError("the name of the atlas is empty; give a folder ('.' for the current one), or 'simulated'")
    if source is None:
        return _open_folder(_find_default_folder(), donors)
    if source == "simulated":
        return _select_donors(SimulatedAtlas(), donors)
    if source == "allen-api":
        return AllenApiAtlas(donors=donors)
    path = expand_home(source)
    if not path.exists():
        raise AtlasNotFoundError(_explain_missing(str(source), path))
    if not path.is_dir() and not path.is_file():
        raise AtlasNotFoundError(f"{path} is a device or a pipe, not a folder; {_HOW_TO_GET_AN_ATLAS}")
    return _open_folder(path, donors)


def default_data_folder() -> Path:
    """The data folder, where an atlas is searched, built and downloaded; it need not exist."""
    from platformdirs import user_data_path

    named = os.environ.get(DATA_VARIABLE, "").strip()
    return expand_home(named) if named else user_data_path("jugex")


def describe_default_folder() -> str:
    """The default folder and why it is that one, as errors and ``jugex check`` show it."""
    folder = default_data_folder()
    is_named = os.environ.get(DATA_VARIABLE, "").strip()
    return f"{folder}, which {DATA_VARIABLE} names" if is_named else f"the user's data folder {folder}"


def _open_folder(folder: Path, donors: DonorsLike | None) -> ExpressionAtlas:
    for path in (folder, folder / STORE_FOLDER):
        if is_store(path):
            return _select_donors(StoreAtlas(path), donors)
    if find_downloads(folder):
        return open_downloads(folder, donors)
    if find_tables(folder):
        return _select_donors(open_tables(folder), donors)
    archives = folder / ARCHIVES_FOLDER
    return ArchivesAtlas(
        archives if archives.is_dir() else folder, donors=donors
    )  # chosen here: archives of other donors stay unread


def _select_donors(atlas: ExpressionAtlas, donors: DonorsLike | None) -> ExpressionAtlas:
    return atlas if donors is None else atlas.with_donors(donors)


def _explain_missing(source: str, path: Path) -> str:
    """Message about an atlas that does not exist, with the name or folder that may have been meant."""
    by_name = {_simplify(name): name for name in _NAMES}
    beside: dict[str, str] = {}
    with suppress(OSError):  # no folder, or no permission to read it
        beside = {_simplify(other.name): str(other) for other in path.parent.iterdir() if other.is_dir()}
    for known, wanted in ((by_name, source), (beside, path.name)):
        for nearest in difflib.get_close_matches(_simplify(wanted), known, n=1, cutoff=0.75):
            return f"there is no atlas {source!r}; did you mean {known[nearest]!r}?"
    return f"there is no folder {path}; {_HOW_TO_GET_AN_ATLAS}"


def _simplify(name: str) -> str:
    return name.casefold().replace("_", "-")


def _find_default_folder() -> Path:
    folder = default_data_folder()
    if not folder.exists():
        raise AtlasNotFoundError(f"there is no atlas in {describe_default_folder()}; {_HOW_TO_GET_AN_ATLAS}")
    return folder
