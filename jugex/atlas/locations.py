"""Where jugex keeps its data: the folder that ``JUGEX_DATA`` names, else the user's data folder."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["ARCHIVES_FOLDER", "DATA_VARIABLE", "STORE_FOLDER", "default_data_folder", "describe_default"]

#: Environment variable that names the data folder.
DATA_VARIABLE = "JUGEX_DATA"
#: Names of the archives and of the store inside a data folder.
ARCHIVES_FOLDER, STORE_FOLDER = "archives", "store"


def default_data_folder() -> Path:
    """Folder where an atlas is looked for, built and downloaded to, whether it exists or not."""
    from platformdirs import user_data_path

    named = _read_variable()
    return Path(named).expanduser() if named else user_data_path("jugex")


def describe_default() -> str:
    """Say which folder the default one is, and who chose it, as errors and ``jugex check`` show it."""
    folder = default_data_folder()
    return f"{folder}, which {DATA_VARIABLE} names" if _read_variable() else f"the user's data folder {folder}"


def _read_variable() -> str:
    return os.environ.get(DATA_VARIABLE, "").strip()
