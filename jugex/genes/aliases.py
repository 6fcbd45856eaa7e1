"""Other names of genes, from a table that the user gives: HGNC's complete set, or one with the same columns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from jugex._text import DelimitedTable, find_column, read_delimited
from jugex.errors import OptionError

if TYPE_CHECKING:
    from jugex.genes.catalogue import Genes

__all__ = ["Aliases", "AliasesLike", "Resolved", "read_aliases"]

#: Columns that hold other names, and how a name in them is told of the row's symbol.
_OTHER_NAMES = {"prev_symbol": "former symbol", "alias_symbol": "alias"}


class Resolved(NamedTuple):
    """A gene found by another name: its symbol in the atlas (None: it has none), and why, in words."""

    gene: str | None
    detail: str


class _Row(NamedTuple):
    """A gene as the nomenclature knows it."""

    symbol: str
    former: tuple[str, ...]
    aliases: tuple[str, ...]
    entrez_id: str


@dataclass(frozen=True, eq=False)
class Aliases:
    """Other names of genes.

    Attributes
    ----------
    source : DelimitedTable
        The table: `symbol` and any of `prev_symbol`, `alias_symbol`, `entrez_id`; several names in a cell are
        separated by ``|``.

    Examples
    --------
    >>> # not run: needs a table of names; `jugex.genes.read_aliases` makes one of a file
    >>> from jugex.genes import read_aliases
    >>> read_aliases("hgnc_complete_set.txt").source  # doctest: +SKIP
    """

    source: DelimitedTable

    def identity(self) -> dict[str, Any]:
        """File and checksum of the table."""
        return self.source.identity()

    def resolve(self, name: str, genes: Genes) -> Resolved | None:
        """Look for the gene that an atlas has under another name.

        A name is an approved symbol before it is a former one, and a former one before it is an alias; a name of
        several genes is resolved only where the atlas has just one of them. The gene is then looked for by its
        Entrez id, its symbol, its former symbols and its aliases, in this order.

        Parameters
        ----------
        name : str
            What was asked for.
        genes : Genes
            Genes of the atlas.

        Returns
        -------
        Resolved or None
            None where the table does not know the name.
        """
        for kind, index in self._by_name.items():
            rows = index.get(name.upper(), ())
            found = {symbol: row for row in rows if (symbol := _find_gene(row, genes)) is not None}
            if len(found) > 1:
                return Resolved(None, f"{kind} of several genes of the atlas: {', '.join(sorted(found))}")
            if found:
                [(symbol, row)] = found.items()
                return Resolved(symbol, _tell_why(kind, name, symbol, row))
            if rows:
                same = rows[0].symbol.upper() == name.upper()
                known = "an approved symbol" if same else f"{kind} of {rows[0].symbol}"
                return Resolved(None, f"{known}, of which the atlas has no probe under any name")
        return None

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[_Row]]]:
        """Rows by the upper case of their names, for each kind of name, the surest first."""
        kinds: dict[str, dict[str, list[_Row]]] = {"approved symbol": {}, "former symbol": {}, "alias": {}}
        for row in self._rows():
            for kind, names in zip(kinds, ((row.symbol,), row.former, row.aliases), strict=True):
                for name in names:
                    kinds[kind].setdefault(name.upper(), []).append(row)
        return kinds

    def _rows(self) -> Iterator[_Row]:
        table, n = self.source.rows, len(self.source.rows)
        columns = [find_column(list(table.columns), (name,)) for name in ("symbol", *_OTHER_NAMES, "entrez_id")]
        cells = [[""] * n if column is None else table[column].tolist() for column in columns]
        for symbol, former, aliases, entrez_id in zip(*cells, strict=True):
            yield _Row(symbol, _split_names(former), _split_names(aliases), entrez_id.removesuffix(".0"))


#: An alias table, or the path of one.
AliasesLike = Aliases | str | os.PathLike[str]


def read_aliases(source: AliasesLike) -> Aliases:
    """Read other names of genes from a table like HGNC's complete set.

    Parameters
    ----------
    source : path-like or Aliases
        Table in TSV or CSV, gzipped or not, with the column `symbol` and at least one of `prev_symbol`,
        `alias_symbol` and `entrez_id`, as in ``hgnc_complete_set.txt`` (https://www.genenames.org/download).
        jugex downloads none.

    Returns
    -------
    Aliases

    Raises
    ------
    OptionError
        Where the file cannot be read, or lacks these columns.

    Examples
    --------
    >>> # not run: needs a table of names, such as HGNC's complete set
    >>> from jugex.genes import read_aliases
    >>> read_aliases("hgnc_complete_set.txt")  # doctest: +SKIP
    """
    if isinstance(source, Aliases):
        return source
    table = read_delimited(source, what="alias table", error=OptionError)
    columns = [str(column).lower() for column in table.rows.columns]
    if "symbol" not in columns or not {*_OTHER_NAMES, "entrez_id"} & set(columns):
        raise OptionError(
            f"alias table {source} has the columns {', '.join(columns)}; needed are symbol and any of alias_symbol, "
            "prev_symbol and entrez_id, as in HGNC's complete set"
        )
    return Aliases(table)


def _find_gene(row: _Row, genes: Genes) -> str | None:
    names = (row.symbol, *row.former, *row.aliases)
    return genes.find_entrez(row.entrez_id) or next((found for name in names if (found := genes.find(name))), None)


def _tell_why(kind: str, name: str, symbol: str, row: _Row) -> str:
    if kind != "approved symbol":
        return f"{name} is {'a former symbol' if kind == 'former symbol' else 'an alias'} of {row.symbol}"
    older = {"a former symbol": row.former, "an alias": row.aliases}
    how = next((words for words, names in older.items() if symbol.upper() in map(str.upper, names)), None)
    return f"{symbol} is {how} of {name}" if how else f"{symbol} has the Entrez id of {name} ({row.entrez_id})"


def _split_names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in cell.strip('"').split("|") if name.strip())
