"""The genes of an atlas, found by symbol, Entrez id or the other names of a gene."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from jugex._text import DelimitedTable, find_column, format_html, join_words, read_delimited
from jugex.errors import GeneError, OptionError
from jugex.genes.names import clean_name, ensembl_id, nearest_symbols, other_names

__all__ = ["Aliases", "AliasesLike", "Genes", "Resolved", "read_aliases"]

#: Columns of an alias table, as named in HGNC's complete set and its custom download.
_COLUMNS = {
    "symbol": ("symbol", "approved symbol"),
    "former": ("prev_symbol", "previous symbols", "previous symbol"),
    "aliases": ("alias_symbol", "alias symbols", "alias symbol", "synonyms"),
    "entrez_id": ("entrez_id", "ncbi gene id", "ncbi gene id(supplied by ncbi)"),
    "ensembl_id": ("ensembl_gene_id", "ensembl gene id", "ensembl id(supplied by ensembl)"),
}


class Genes:
    """The genes of an atlas, as `atlas.genes`.

    A gene is given by its symbol, a plain string. Notebooks complete ``atlas.genes.MA`` and ``atlas.genes["HLA-``.
    Symbols are looked up as written first, then ignoring case.

    Parameters
    ----------
    probes : DataFrame
        Probes of the atlas: `gene`, `entrez_id`.
    former : DataFrame, optional
        Probes before they were re-annotated: symbols that only they have are found by Entrez id.

    Examples
    --------
    >>> import jugex
    >>> genes = jugex.open_atlas("simulated").genes
    >>> genes.MAOA, genes[4128], "maoa" in genes, len(genes)
    ('MAOA', 'MAOA', True, 500)
    >>> genes.search("htr1")["gene"].tolist()
    ['HTR1A', 'HTR1B', 'HTR1D']
    """

    def __init__(self, probes: pd.DataFrame, *, former: pd.DataFrame | None = None) -> None:
        self._probes = probes
        self.former = former

    @classmethod
    def from_symbols(cls, symbols: Iterable[str]) -> Genes:
        """Genes of which only the symbols are known."""
        named = pd.Series(list(symbols), dtype=object)
        return cls(pd.DataFrame({"gene": named, "entrez_id": pd.array([pd.NA] * len(named), dtype="Int64")}))

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per gene, in the order of the probes: `gene`, `entrez_id` (nullable), `n_probes`."""
        by_gene = self._probes.groupby("gene", sort=False)
        table = pd.DataFrame({"entrez_id": by_gene["entrez_id"].first(), "n_probes": by_gene.size()})
        return table.rename_axis("gene").reset_index()

    def find(self, gene: str | int) -> str | None:
        """Symbol of a gene in the atlas's spelling; None if the atlas does not have the gene.

        Parameters
        ----------
        gene : str or int
            Symbol, Entrez id as a number or in digits, or Ensembl id if the atlas names genes by Ensembl ids.
        """
        name = clean_name(str(gene))
        if name in self._entrez_of:
            return name
        return self._by_upper.get((ensembl_id(name) or name).upper()) or self.find_entrez(name)

    def find_entrez(self, entrez_id: str | int | None) -> str | None:
        """Symbol of the gene with an Entrez id; None if the atlas has no such gene."""
        text = str(entrez_id)
        return self._by_entrez.get(int(text)) if text.isdecimal() else None

    def entrez_of(self, symbol: str) -> int | None:
        """Entrez id of a symbol in the atlas's spelling; None if the atlas has none."""
        return self._entrez_of.get(symbol)

    def has_entrez(self, symbol: str, entrez_id: str) -> bool:
        """Whether a symbol, in the atlas's spelling, has this Entrez id in the atlas."""
        return str(self._entrez_of.get(symbol)) == entrez_id

    def former_entrez(self, symbol: str) -> int | None:
        """Entrez id that a symbol had before the probes were re-annotated; None if there is none."""
        return self._former_entrez.get(symbol.upper())

    def nearest(self, symbol: str) -> list[str]:
        """Up to three symbols that are spelt most like the given one."""
        return [self._by_upper[found] for found in nearest_symbols(symbol.upper(), self._by_upper)]

    def search(self, text: str, *, aliases: Aliases | None = None) -> pd.DataFrame:
        """Search genes by part of a symbol, an Entrez id, the name of a probe, or another name of the gene.

        Parameters
        ----------
        text : str
            Part of a symbol, case ignored, an Entrez id, the name of a probe, or another symbol of a gene that was
            renamed.
        aliases : Aliases, optional
            Other names of genes; see `jugex.genes.read_aliases`.

        Returns
        -------
        DataFrame
            `gene`, `entrez_id`, `n_probes`, `matched` ("symbol", "Entrez id", the probe, or what the other name is);
            symbols equal to the text come first, then those that begin with it.

        Raises
        ------
        OptionError
            If the text is empty.
        """
        wanted = re.sub(r"^(\d+)\.0*$", r"\1", str(text).strip().upper())
        if not wanted:
            raise OptionError("the text to search for is empty; give part of a symbol, or an Entrez id")
        upper = self.table["gene"].str.upper()
        is_entrez = self.table["entrez_id"].astype("string").eq(wanted).fillna(False).to_numpy(dtype=bool)
        contains = upper.str.contains(wanted, regex=False).to_numpy(dtype=bool)
        rank = np.select([upper == wanted, is_entrez, upper.str.startswith(wanted), contains], [0, 1, 2, 3], default=5)
        matched = pd.Series(np.where(is_entrez, "Entrez id", "symbol"), dtype=object)
        for symbol, why in self._find_by_other_names(str(text).strip(), aliases):
            row = int(np.flatnonzero(self.table["gene"] == symbol)[0])
            matched[row], rank[row] = (why, 4) if rank[row] == 5 else (matched[row], rank[row])
        order = np.lexsort((upper.to_numpy(dtype=str), rank))
        found = self.table.assign(matched=matched).iloc[order[rank[order] < 5]]
        return found.reset_index(drop=True)

    def _find_by_other_names(self, name: str, aliases: Aliases | None) -> Iterator[tuple[str, str]]:
        """Genes found through a probe, an alias table or the table of renamed genes, each with how it was found."""
        if "probe_name" in self._probes:
            named = self._probes["probe_name"].astype(str).str.upper() == name.upper()
            yield from ((str(gene), f"probe {name}") for gene in self._probes.loc[named, "gene"].unique())
        renamed = aliases.resolve(name, self) if aliases else None
        if renamed is not None and renamed.gene is not None:
            yield renamed.gene, renamed.detail
        for other, why in other_names(name):
            if (symbol := self._by_upper.get(other.upper())) is not None:
                yield symbol, why

    @cached_property
    def _entrez_of(self) -> dict[str, int | None]:
        pairs = zip(self.table["gene"], self.table["entrez_id"], strict=True)
        return {str(gene): None if pd.isna(entrez_id) else int(entrez_id) for gene, entrez_id in pairs}

    @cached_property
    def _by_upper(self) -> dict[str, str]:
        return {symbol.upper(): symbol for symbol in reversed(self._entrez_of)}

    @cached_property
    def _by_entrez(self) -> dict[int, str]:
        # if two symbols have the same Entrez id, the first one counts
        pairs = reversed(self._entrez_of.items())
        return {entrez_id: symbol for symbol, entrez_id in pairs if entrez_id is not None}

    @cached_property
    def _former_entrez(self) -> dict[str, int]:
        if self.former is None:
            return {}
        known = self.former.dropna(subset=["entrez_id"]).drop_duplicates("gene")
        return dict(zip(known["gene"].str.upper(), known["entrez_id"].astype(int), strict=True))

    def __getitem__(self, gene: str | int) -> str:
        found = self.find(gene)
        if found is None:
            raise GeneError(f"{gene} is not in the atlas{self._suggest(str(gene))}")
        return found

    def __getattr__(self, name: str) -> str:
        found = None if name.startswith("_") else self.find(name)
        if found is None:
            raise AttributeError(f"no gene {name} in the atlas" + ("" if name[:1] == "_" else self._suggest(name)))
        return found

    def _suggest(self, symbol: str) -> str:
        close = self.nearest(symbol)
        return f"; did you mean {join_words(close, 'or')}?" if close else ""

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(symbol for symbol in self if symbol.isidentifier())]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __contains__(self, gene: object) -> bool:
        return isinstance(gene, str | int | np.integer) and self.find(str(gene)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entrez_of)

    def __len__(self) -> int:
        return len(self._entrez_of)

    def __repr__(self) -> str:
        shown = ", ".join(list(self)[:3])
        return f"<Genes: {len(self):,} ({shown}{', ...' if len(self) > 3 else ''})>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the number of genes, and the first of them."""
        shown = ", ".join(list(self)[:12])
        more = f", and {len(self) - 12:,} more" if len(self) > 12 else ""
        return format_html(f"{len(self):,} genes", [f"{shown}{more}"])


class Resolved(NamedTuple):
    """A gene found by another name: its symbol in the atlas (None if the atlas lacks it), and why, in words."""

    gene: str | None
    detail: str


class _NomenclatureEntry(NamedTuple):
    """A gene in an alias table: its approved symbol and its other names."""

    symbol: str
    former: tuple[str, ...]
    aliases: tuple[str, ...]
    entrez_id: str
    ensembl_id: str


@dataclass(frozen=True, eq=False)
class Aliases:
    """A table of the other names of genes.

    Attributes
    ----------
    source : DelimitedTable
        The table: `symbol` and any of `prev_symbol`, `alias_symbol`, `entrez_id`, `ensembl_gene_id`; several names in
        a cell are separated by ``|`` or a comma.

    Examples
    --------
    >>> # not run: needs a table of names; `jugex.genes.read_aliases` reads one from a file
    >>> from jugex.genes import read_aliases
    >>> read_aliases("hgnc_complete_set.txt").source  # doctest: +SKIP
    """

    source: DelimitedTable

    def resolve(self, name: str, genes: Genes) -> Resolved | None:
        """Find the gene that an atlas has under another name.

        A name is read as an approved symbol first, then as a former symbol, then as an alias; a name of several genes
        is resolved only if the atlas has just one of them. The gene is then searched by its Entrez id, its symbol, its
        former symbols and its aliases, in this order.

        Parameters
        ----------
        name : str
            The name that was requested.
        genes : Genes
            Genes of the atlas.

        Returns
        -------
        Resolved or None
            None if the name is not in the table.
        """
        wanted = (ensembl_id(name) or name).upper()
        for kind, index in self._by_name.items():
            rows = index.get(wanted, ())
            found = {symbol: row for row in rows if (symbol := _find_gene(row, genes)) is not None}
            if len(found) > 1:
                return Resolved(None, f"{kind} of several genes of the atlas: {', '.join(sorted(found))}")
            if found:
                [(symbol, row)] = found.items()
                return Resolved(symbol, _explain(kind, name, symbol, row))
            if rows:
                same = rows[0].symbol.upper() == wanted
                known = "an approved symbol" if same else f"{kind} of {rows[0].symbol}"
                return Resolved(None, f"{known}, but the atlas has no probe of this gene under any name")
        return None

    def find_conflicting_entrez(self, name: str, entrez_id: int | None) -> str | None:
        """Entrez id of the gene whose approved symbol a name is today, if it differs from `entrez_id`; else None."""
        rows = self._by_name["approved symbol"].get(name.upper(), ())
        others = [row.entrez_id for row in rows if row.entrez_id and row.entrez_id != str(entrez_id)]
        return others[0] if entrez_id is not None and rows and len(others) == len(rows) else None

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[_NomenclatureEntry]]]:
        """Rows by their names in upper case, for each kind of name, in order of preference."""
        kinds: dict[str, dict[str, list[_NomenclatureEntry]]] = {
            "approved symbol": {}, "former symbol": {}, "alias": {}, "Ensembl id": {},
        }  # fmt: skip
        for row in self._entries():
            named = ((row.symbol,), row.former, row.aliases, (row.ensembl_id,))
            for kind, names in zip(kinds, named, strict=True):
                for name in filter(None, names):
                    kinds[kind].setdefault(name.upper(), []).append(row)
        return kinds

    def _entries(self) -> Iterator[_NomenclatureEntry]:
        table, n = self.source.rows, len(self.source.rows)
        columns = [find_column(list(table.columns), names) for names in _COLUMNS.values()]
        cells = [[""] * n if column is None else table[column].tolist() for column in columns]
        for symbol, former, aliases, entrez_id, ensembl in zip(*cells, strict=True):
            if not symbol.endswith("~withdrawn"):
                names = _split_names(former), _split_names(aliases)
                yield _NomenclatureEntry(symbol, *names, entrez_id.removesuffix(".0"), ensembl_id(ensembl) or "")


#: An alias table, or the path of one.
AliasesLike = Aliases | str | os.PathLike[str]


def read_aliases(source: AliasesLike) -> Aliases:
    """Read the other names of genes from a table like HGNC's complete set.

    Parameters
    ----------
    source : path-like or Aliases
        Table in TSV or CSV, gzipped or not, with the column `symbol` and at least one of `prev_symbol`,
        `alias_symbol`, `entrez_id` and `ensembl_gene_id`, as in ``hgnc_complete_set.txt``, or with the names
        of HGNC's custom download (https://www.genenames.org/download). jugex does not download it.

    Returns
    -------
    Aliases

    Raises
    ------
    OptionError
        If the file cannot be read, or lacks these columns.

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
    found = [key for key, names in _COLUMNS.items() if find_column(columns, names) is not None]
    if "symbol" not in found or len(found) == 1:
        raise OptionError(
            f"alias table {source} has the columns {', '.join(columns)}; needed are symbol and any of alias_symbol, "
            "prev_symbol and entrez_id, as in HGNC's complete set"
        )
    return Aliases(table)


def _find_gene(row: _NomenclatureEntry, genes: Genes) -> str | None:
    names = (row.symbol, *row.former, *row.aliases)
    return genes.find_entrez(row.entrez_id) or next((found for name in names if (found := genes.find(name))), None)


def _explain(kind: str, name: str, symbol: str, row: _NomenclatureEntry) -> str:
    if kind == "Ensembl id":
        return f"{name} is the Ensembl id of {row.symbol}"
    if kind != "approved symbol":
        return f"{name} is {'a former symbol' if kind == 'former symbol' else 'an alias'} of {row.symbol}"
    older = {"a former symbol": row.former, "an alias": row.aliases}
    how = next((words for words, names in older.items() if symbol.upper() in map(str.upper, names)), None)
    return f"{symbol} is {how} of {name}" if how else f"{symbol} has the Entrez id of {name} ({row.entrez_id})"


def _split_names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in re.split(r"\||,\s", cell.strip('"')) if name.strip())
