"""``jugex genes``: look genes up in the atlas."""

from __future__ import annotations

import argparse

from jugex._text import join_words, lay_out
from jugex.atlas import open_atlas
from jugex.cli.arguments import add_aliases
from jugex.cli.parser import Parser
from jugex.errors import GeneError
from jugex.genes import read_aliases

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.epilog = """
examples:

  jugex genes HTR --atlas simulated
  jugex genes 4128 --atlas ahba/
"""
    command.set_defaults(run=_run_genes)
    command.add_argument("text", metavar="TEXT", help="part of a symbol, or an Entrez id")
    command.add_argument(
        "--atlas",
        metavar="PATH|simulated",
        help="folder of a store (made by jugex fetch or jugex build) or of the Allen Institute's donor archives, or "
        "'simulated' (default: $JUGEX_DATA, else the user's data folder)",
    )
    add_aliases(command)
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _run_genes(options: argparse.Namespace) -> None:
    genes = open_atlas(options.atlas).genes
    found = genes.search(options.text, aliases=read_aliases(options.aliases) if options.aliases else None)
    if found.empty:
        close = genes.nearest(options.text)
        hint = f"did you mean {join_words(close, 'or')}?" if close else "try a part of the symbol, or its Entrez id"
        raise GeneError(f"no gene of the atlas matches {options.text!r}; {hint}")
    table = found.assign(entrez_id=found["entrez_id"].astype("string").fillna(""))
    print("\n".join(lay_out(table.columns, table.itertuples(index=False), right=("entrez_id", "n_probes"))))
