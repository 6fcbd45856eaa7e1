"""Gene lists in files: one symbol a line, tables, MATLAB JuGEx's lists, and GMT gene sets."""

from __future__ import annotations

import re
from pathlib import Path

from jugex._text import find_column, read_text, split_line, tell_separator
from jugex.errors import GeneWarning, OptionError, warn_user

__all__ = ["ListedGene", "read_gene_list"]

#: Columns that hold symbols, and Entrez ids, the surest first; in a file also with blanks, as in "Gene Symbol".
_SYMBOL_COLUMNS = (
    "gene_symbol", "hgnc_symbol", "symbol", "gene", "genes", "gene_name", "genesymbol", "hgnc", "external_gene_name",
    "approved_symbol",
)  # fmt: skip
_ENTREZ_COLUMNS = (
    "entrez_id", "entrez_gene_id", "entrezgene_id", "entrez", "entrezid", "entrezgene", "ncbi_gene_id", "ncbi_geneid",
    "gene_id",
)  # fmt: skip

_NEEDED = (
    "needed is one symbol or Entrez id a line, a table with a column such as gene_symbol, symbol, gene or entrez_id, "
    "or gene sets in a file.gmt"
)


class ListedGene(str):
    """A symbol from a list that gave its Entrez id beside it: that finds the gene where its symbol has changed.

    Examples
    --------
    >>> from jugex.genes import ListedGene
    >>> gene = ListedGene("MAOA", "4128")
    >>> gene, gene.entrez_id
    ('MAOA', '4128')
    """

    entrez_id: str

    def __new__(cls, symbol: str, entrez_id: str) -> ListedGene:
        """Symbol with the Entrez id of its row."""
        gene = super().__new__(cls, symbol)
        gene.entrez_id = entrez_id
        return gene


def read_gene_list(path: str | Path) -> list[str]:
    """Read genes from a file.

    Parameters
    ----------
    path : path-like
        Text file in UTF-8, gzipped or not. One symbol or Entrez id a line; a table (tab, comma or semicolon) with a
        column of symbols (`gene_symbol`, `symbol`, `gene`, ...) or of Entrez ids; MATLAB JuGEx's
        ``probe_id,gene_symbol,entrez_id``, of which the genes are taken: all probes that the atlas has of a gene are
        used. Blank lines and lines that begin with ``#`` are passed over. Or gene sets, ``file.gmt`` (one set a line:
        name, description, genes, separated by tabs); ``file.gmt#SET`` takes one of them.

    Returns
    -------
    list of str
        Symbols, or Entrez ids in digits, in the order of the file, without repetitions. Those from a table that has
        both are `ListedGene`, which keep the Entrez id.

    Raises
    ------
    OptionError
        Where the file is missing, not text, holds no gene, or has no such set.

    Warns
    -----
    GeneWarning
        Where a file holds several gene sets and none is named: all are taken.

    Examples
    --------
    >>> from pathlib import Path
    >>> import jugex
    >>> _ = Path("genes.txt").write_text("MAOA")
    >>> jugex.read_gene_list("genes.txt")
    ['MAOA']
    """
    file, gene_set = _split_set(str(path))
    text, _ = read_text(file, what="gene list", error=OptionError)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if file.lower().endswith((".gmt", ".gmt.gz")):
        genes = _read_sets(lines, gene_set, file)
    else:
        header = split_line(lines[0], tell_separator(lines[0])) if lines else []
        is_table = _find_column(header, _SYMBOL_COLUMNS + _ENTREZ_COLUMNS) is not None
        genes = _read_columns(lines, header, path) if is_table or len(header) > 1 else [line.strip() for line in lines]
    genes = [gene if isinstance(gene, ListedGene) else gene.strip('"') for gene in genes if gene]
    broken = [gene for gene in genes if any(c in gene for c in ",\t; ")]
    if broken or not genes:
        raise OptionError(f"gene list {path} holds {f'the line {broken[0]!r}' if broken else 'no symbol'}; {_NEEDED}")
    return list(dict.fromkeys(genes))


def _split_set(path: str) -> tuple[str, str | None]:
    """File and set of ``file.gmt#SET``; a file of that very name comes first."""
    file, hash_sign, gene_set = path.rpartition("#")
    if not hash_sign or Path(path).is_file() or not file.lower().endswith((".gmt", ".gmt.gz")):
        return path, None
    return file, gene_set


def _read_columns(lines: list[str], header: list[str], path: str | Path) -> list[str]:
    symbols, entrez_ids = _find_column(header, _SYMBOL_COLUMNS), _find_column(header, _ENTREZ_COLUMNS)
    if symbols is None and entrez_ids is None:
        if len(lines) == 1:
            raise OptionError(f"gene list {path} holds the single line {lines[0].strip()!r}; write one symbol a line")
        raise OptionError(f"gene list {path} is a table with the columns {', '.join(header)}; {_NEEDED}")
    separator = tell_separator(lines[0])
    genes: list[str] = []
    for line in lines[1:]:
        row = dict(zip(header, split_line(line, separator), strict=False))
        symbol = row.get(symbols or "", "")
        entrez_id = row.get(entrez_ids or "", "").removesuffix(".0")
        has_id = entrez_id.isdecimal()
        genes.append(ListedGene(symbol, entrez_id) if symbol and has_id else symbol or entrez_id)
    return genes


def _find_column(header: list[str], names: tuple[str, ...]) -> str | None:
    """First of the names that is a column, blanks and hyphens taken for underscores; None where none is."""
    by_name = {re.sub(r"[\s-]+", "_", column): column for column in reversed(header)}
    found = find_column(list(by_name)[::-1], names)
    return None if found is None else by_name[found]


def _read_sets(lines: list[str], gene_set: str | None, path: str) -> list[str]:
    sets = {}
    for line in lines:
        name, *rest = [cell.strip() for cell in line.split("\t")]
        if len(rest) < 2:
            raise OptionError(
                f"gene list {path}, set {name!r}: a GMT line is a name, a description and at least one gene, "
                "separated by tabs"
            )
        sets[name] = rest[1:]
    if gene_set is None:
        _warn_of_sets(sets, path)
        return [gene for genes in sets.values() for gene in genes]
    if gene_set not in sets:
        raise OptionError(f"gene list {path} has no set {gene_set!r}; it has {_enumerate(list(sets))}")
    return sets[gene_set]


def _warn_of_sets(sets: dict[str, list[str]], path: str) -> None:
    if len(sets) > 1:
        warn_user(
            f"gene list {path} holds {len(sets)} sets ({_enumerate(list(sets))}), and all are taken; "
            f"{path}#{next(iter(sets))} takes one",
            GeneWarning,
        )


def _enumerate(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
