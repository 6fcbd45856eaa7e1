"""``jugex genes``: look genes up in the atlas."""

from __future__ import annotations

import argparse

import pandas as pd

from jugex._text import join_words, lay_out
from jugex.atlas import open_atlas
from jugex.cli.arguments import add_aliases, split_genes
from jugex.cli.parser import Parser
from jugex.errors import GeneError, GeneWarning, warn_user
from jugex.genes import Genes, read_aliases

__all__ = ["add_arguments"]


def add_arguments(command: Parser) -> None:
    """Add the arguments of the command."""
    command.epilog = """
examples:

  jugex genes HTR --atlas simulated
  jugex genes 4128 STING1 A_23_P56883 --atlas ahba/
"""
    command.set_defaults(run=_run_genes)
    command.add_argument(
        "texts",
        nargs="+",
        metavar="TEXT",
        help="part of a symbol, an Entrez id, or the name of a probe",
    )
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
    aliases = read_aliases(options.aliases) if options.aliases else None
    texts = [text for given in options.texts for text in split_genes(given)]
    found = {text: genes.search(text, aliases=aliases) for text in texts}
    missing = [f"no gene of the atlas matches {text!r}; {_advise(genes, text)}" for text in texts if found[text].empty]
    if len(missing) == len(found):
        raise GeneError("; ".join(missing))
    for message in missing:
        warn_user(message, GeneWarning)
    table = pd.concat([rows for rows in found.values() if len(rows)]).drop_duplicates("gene")
    table = table.assign(entrez_id=table["entrez_id"].astype("string").fillna(""))
    print("\n".join(lay_out(table.columns, table.itertuples(index=False), right=("entrez_id", "n_probes"))))


def _advise(genes: Genes, text: str) -> str:
    close = genes.nearest(text)
    return f"did you mean {join_words(close, 'or')}?" if close else "try a part of the symbol, or its Entrez id"
