"""Layout of a store on disk: what its files are called, and the manifest that vouches for them.

A store is a folder of

- ``manifest.json``: version of the format, what the store holds, bytes and SHA-256 of its files and of its sources;
- ``samples.arrow``, ``probes.arrow``, ``donors.arrow``, ``structures.arrow``: the tables, as Arrow files;
- ``levels-DONOR.npy``: log2 levels of a donor, float32, probes x samples in C order;
- ``moments.npy``: mean and standard deviation (ddof = 0) per donor and probe, float64, donors x 2 x probes, computed in
  float64 from the levels as stored;
- ``calls-DONOR.npy``: present/absent calls as bits, probes x ceil(samples / 8), first sample in the highest bit; for
  donors whose archive holds calls.

Probes come first because a query reads a few probes of all samples: each is one piece of a file then, and a file per
donor can be written while the next donor is read. Arrow files open in a fifth of the time of Parquet ones.
`benchmarks/bench_store.py` measures the layout beside others.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jugex.errors import StoreError

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "MOMENTS",
    "TABLES",
    "Manifest",
    "check_files",
    "hash_file",
    "is_store",
    "name_calls",
    "name_levels",
    "name_table",
    "read_manifest",
    "verify_files",
]

#: Raised by one whenever files mean something else than before.
FORMAT_VERSION = 1
FORMAT_NAME = "jugex store"
MANIFEST = "manifest.json"
MOMENTS = "moments.npy"
TABLES = ("samples", "probes", "donors", "structures")
_REBUILD = "build it again with jugex build"


@dataclass(frozen=True)
class Manifest:
    """What a store holds.

    Attributes
    ----------
    jugex_version, created : str
        Which version built the store, and when (UTC, ISO 8601).
    name, space : str
        What the atlas is called, and the space of its coordinates.
    n_probes : int
        Number of probes.
    n_samples : dict from donor name to int
        Number of samples of each donor, in the order of the tables.
    with_calls : list of str
        Names of the donors with present/absent calls.
    files : dict from name to dict
        `bytes` and `sha256` of each file of the store but the manifest.
    sources : list of dict
        `donor_name`, `file`, `bytes`, `sha256` of each file that the store was built from.
    """

    jugex_version: str
    created: str
    name: str
    space: str
    n_probes: int
    n_samples: dict[str, int]
    with_calls: list[str]
    files: dict[str, dict[str, Any]]
    sources: list[dict[str, Any]]

    @property
    def n_bytes(self) -> int:
        """Size of the files together."""
        return sum(int(file["bytes"]) for file in self.files.values())

    def to_json(self) -> str:
        """Text of the manifest's file."""
        content = {"format": FORMAT_NAME, "format_version": FORMAT_VERSION} | asdict(self)
        return json.dumps(content, indent=1) + "\n"


def name_levels(donor_name: str) -> str:
    """Name of the file of a donor's levels."""
    return f"levels-{donor_name}.npy"


def name_calls(donor_name: str) -> str:
    """Name of the file of a donor's present/absent calls."""
    return f"calls-{donor_name}.npy"


def name_table(table: str) -> str:
    """Name of the file of a table."""
    return f"{table}.arrow"


def is_store(path: Path) -> bool:
    """Whether a folder is a store, of whatever version."""
    return (path / MANIFEST).is_file()


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a store.

    Raises
    ------
    StoreError
        Where it is missing, damaged, or of another version of the format.
    """
    file = path / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path} is no store of jugex: it has no {MANIFEST}; {_REBUILD}") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read ({error}); {_REBUILD}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_NAME:
        raise StoreError(f"{file} is not the manifest of a store of jugex; give another folder, or {_REBUILD}")
    _check_version(content.get("format_version"), path)
    fields = {key: value for key, value in content.items() if key not in ("format", "format_version")}
    try:
        manifest = Manifest(**fields)
    except TypeError as error:
        raise StoreError(f"{file} is incomplete or changed ({error}); {_REBUILD}") from error
    for field in dataclasses.fields(Manifest):
        expected = {"dict": dict, "list": list, "int": int, "str": str}[str(field.type).split("[")[0]]
        if not isinstance(fields[field.name], expected):
            raise StoreError(f"{file} is incomplete or changed ({field.name} is no {field.type}); {_REBUILD}")
    return manifest


def _check_version(version: Any, path: Path) -> None:
    if not isinstance(version, int) or version < FORMAT_VERSION:
        raise StoreError(
            f"the store {path} has version {version!r} of the format, and this jugex reads version {FORMAT_VERSION}; "
            f"{_REBUILD}"
        )
    if version > FORMAT_VERSION:
        raise StoreError(
            f"the store {path} was built by a newer jugex (version {version} of the format, and this one reads version "
            f"{FORMAT_VERSION}); upgrade jugex, or {_REBUILD}"
        )


def check_files(path: Path, manifest: Manifest) -> None:
    """Refuse a store with a file that is missing or has another size; nothing is read.

    Raises
    ------
    StoreError
        Naming the first such file.
    """
    for name, expected in manifest.files.items():
        try:
            n_bytes = (path / name).stat().st_size
        except FileNotFoundError:
            raise StoreError(f"the store {path} lacks its file {name}; {_REBUILD}") from None
        except OSError as error:
            raise StoreError(f"{path / name} cannot be read ({error})") from error
        if n_bytes != expected["bytes"]:
            raise StoreError(
                f"the store {path} was changed: {name} has {n_bytes:,} bytes instead of {expected['bytes']:,}; "
                f"{_REBUILD}"
            )


def verify_files(path: Path, manifest: Manifest) -> None:
    """Read all files of a store, and compare their checksums with the manifest's.

    Raises
    ------
    StoreError
        Naming the files that were changed.
    """
    from jugex.progress import track

    check_files(path, manifest)
    changed = []
    for name in track(list(manifest.files), description="checksums of the store"):
        try:
            if hash_file(path / name) != manifest.files[name]["sha256"]:
                changed.append(name)
        except OSError as error:
            raise StoreError(f"{path / name} cannot be read ({error})") from error
    if changed:
        raise StoreError(
            f"the store {path} was changed: the SHA-256 of {', '.join(changed)} differs from the manifest's; {_REBUILD}"
        )


def hash_file(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
