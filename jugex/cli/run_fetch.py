"""``jugex fetch``: download the donor archives, verify them and build the store."""

from __future__ import annotations

import argparse
from pathlib import Path

from jugex._text import count_of
from jugex.atlas.building import BuildReport
from jugex.atlas.donors import choose_donors, donor_table
from jugex.atlas.download import TERMS_OF_USE, fetch_archives, record_terms
from jugex.cli.arguments import split_list
from jugex.cli.parser import Parser

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.epilog = """
What is there already is not downloaded again, and what an interrupted download has brought is kept. \
A proxy is taken from the environment variable HTTPS_PROXY.

examples:

  jugex fetch
  jugex fetch --donors 9861,10021 --to ahba/
"""
    command.set_defaults(run=_run_fetch)
    command.add_argument("--donors", type=split_list, metavar="D,E", help="donors by name or id (default: all six)")
    command.add_argument(
        "--to", type=Path, metavar="DIR", help="data folder (default: $JUGEX_DATA, else the user's data folder)"
    )
    command.add_argument("--no-build", action="store_true", help="download and verify only")
    command.add_argument(
        "--keep-archives",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the archives once the store is built (default: keep)",
    )
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_fetch(options: argparse.Namespace) -> None:
    donors, build = options.donors, not options.no_build
    choose_donors(donor_table(), donors)  # an unknown donor is refused before anything is written
    if record_terms(options.to):
        print(TERMS_OF_USE, flush=True)
    report = fetch_archives(donors, options.to, build=build, keep_archives=options.keep_archives)
    if build and report.store is None:
        print("The store holds all of these donors already; nothing was done")
        return
    print(
        f"Archives: {len(report.downloaded)} downloaded, {len(report.present)} were there already; in {report.folder}"
    )
    if report.store is not None:
        print(_describe_store(report.store))


def _describe_store(store: BuildReport) -> str:
    return (
        f"Store: {'built' if store.is_new else 'up to date already'}; {count_of(store.n_donors, 'donor')}, "
        f"{count_of(store.n_samples, 'sample')}, {count_of(store.n_probes, 'probe')}, "
        f"{store.n_bytes / 1e6:,.0f} MB in {store.path}"
    )
