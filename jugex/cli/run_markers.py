"""``jugex markers``: each region of a parcellation against a comparable rest."""

from __future__ import annotations

import argparse

from jugex._text import lay_out, shorten
from jugex.cli.parser import Parser
from jugex.cli.run_scan import add_common, run_scan
from jugex.scanning import Scan

__all__ = ["add_arguments"]

_N_SHOWN = 3


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.description = (
        "Compare each region of a parcellation with a comparable rest, and list the genes that mark it: a scan of the "
        "pairs one-vs-rest."
    )
    command.epilog = """
examples:

  jugex markers juelich --atlas ahba/ --out juelich-markers
  jugex markers labels.nii.gz --rest class --atlas ahba/ --out markers

markers.tsv lists the first 50 genes that are higher in each region. The rest is most of the tissue around, so that \
the rung "spatial" cannot be tested; compare pairs (jugex scan) for it.
"""
    command.set_defaults(run=_run_markers)
    command.add_argument(
        "regions",
        metavar="PARCELLATION|LABELS",
        help="a parcellation such as juelich, or an image of labels or of maps",
    )
    add_common(command)


def _run_markers(options: argparse.Namespace) -> None:
    found = run_scan(options, pairs="one-vs-rest")
    if found is None:
        return
    print(found.summary())
    print("\n".join(_list_markers(found)))
    print(f"Written: {options.out} (open {options.out / 'report.html'})")


def _list_markers(found: Scan) -> list[str]:
    """The first markers of each region, with how much they are higher there and their evidence."""
    first = found.markers[found.markers["rank"] <= _N_SHOWN]
    if first.empty:
        return ["no gene marks a region"]
    rows = []
    for _, row in first.iterrows():
        rung = next(rung for rung in ("spatial", "donors", "samples") if row[rung])
        rows.append(
            (shorten(row["region"], 40), row["gene"], f"{row['diff']:.2f}", rung, "yes" if row["scan"] else "no")
        )
    return lay_out(("REGION", "GENE", "DIFF", "EVIDENCE", "OVER THE SCAN"), rows, right=("DIFF",))
