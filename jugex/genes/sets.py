"""Gene sets: pathways, or markers of cell types, from files or from a dict."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from jugex._text import read_packed
from jugex.errors import GeneError, OptionError
from jugex.genes.catalogue import AliasesLike, Genes
from jugex.genes.lists import read_gmt, read_table_of_sets
from jugex.genes.selection import LedgerEntry, select_genes

__all__ = ["FoundSet", "GeneSets", "GeneSetsLike", "read_gene_sets"]

#: Gene sets as an argument: a file, several files, or a mapping from the name of a set to its genes.
GeneSetsLike: TypeAlias = "str | Path | Sequence[str | Path] | Mapping[str, Iterable[str]] | GeneSets"

#: File of the gene sets that "simulated" stands for.
_SIMULATED = Path(__file__).parents[1] / "data" / "simulated.gmt"


@dataclass(frozen=True)
class FoundSet:
    """A gene set in an atlas: the number of genes that it names, and the symbols of those that the atlas has.

    Examples
    --------
    >>> import jugex
    >>> pair = jugex.genes.read_gene_sets({"pair": ["MAOA", "maoa", "TAC1"]})
    >>> pair.find(jugex.open_atlas("simulated").genes)[0]
    [FoundSet(name='pair', n_genes=3, found=('MAOA', 'TAC1'))]
    """

    name: str
    n_genes: int
    found: tuple[str, ...]


@dataclass(frozen=True)
class GeneSets:
    """Named sets of genes.

    Attributes
    ----------
    genes : dict of str to tuple of str
        Genes of each set, as named in the source and in its order.
    files : dict of str to str
        SHA-256 of each file that the sets come from, by its path as it was given, or "simulated"; empty for sets given
        in memory.

    Examples
    --------
    >>> from jugex.genes import read_gene_sets
    >>> sets = read_gene_sets({"pair": ["MAOA", "TAC1"]})
    >>> sets.genes["pair"], sets.files
    (('MAOA', 'TAC1'), {})
    """

    genes: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]

    def find(
        self, atlas_genes: Genes, *, aliases: AliasesLike | None = None
    ) -> tuple[list[FoundSet], tuple[LedgerEntry, ...]]:
        """Find the genes of the sets in an atlas: the sets with the atlas's symbols, and the outcome for each gene.

        Warns
        -----
        GeneWarning
            As `jugex.genes.select_genes`.

        Raises
        ------
        GeneError
            If the atlas has no gene of any set.
        """
        asked = list(dict.fromkeys(chain.from_iterable(self.genes.values())))
        selection = select_genes(asked, atlas_genes, aliases=aliases)
        symbols = {entry.requested: entry.gene for entry in selection.ledger}
        sets = []
        for name, genes in self.genes.items():
            found = dict.fromkeys(filter(None, map(symbols.get, genes)))
            sets.append(FoundSet(name, len(set(genes)), tuple(found)))
        return sets, selection.ledger


def read_gene_sets(sets: GeneSetsLike) -> GeneSets:
    """Read gene sets.

    Parameters
    ----------
    sets : path-like, sequence of path-like, dict, or GeneSets
        A GMT file (``name<TAB>description<TAB>gene<TAB>gene...``, one set per line, gzipped or not); a table (TSV, CSV,
        .xlsx) with a column of sets (`set`, `gene_set`, `term`, ...) and one of genes (`gene`, `symbol`, ...); several
        such files; "simulated", for the sets of the simulated atlas, two of which differ between the demo regions
        (`jugex.atlas.PLANTED_SETS`); or a dict from the name of a set to its genes.

    Returns
    -------
    GeneSets

    Raises
    ------
    OptionError
        If a file cannot be read or holds no set, or two files have a set of the same name.
    GeneError
        If a set is empty.

    Examples
    --------
    >>> from jugex.genes import read_gene_sets
    >>> read_gene_sets({"monoamines": ["MAOA", "SLC6A4"]}).genes
    {'monoamines': ('MAOA', 'SLC6A4')}
    """
    if isinstance(sets, GeneSets):
        return sets
    if isinstance(sets, Mapping):
        return _check(GeneSets({str(name): _list_genes(name, genes) for name, genes in sets.items()}, {}))
    genes: dict[str, tuple[str, ...]] = {}
    sources: dict[str, str] = {}
    for given in map(str, [sets] if isinstance(sets, str | Path) else sets):
        file = str(_SIMULATED) if given == "simulated" else given
        is_gmt = file.lower().endswith((".gmt", ".gmt.gz"))
        read = read_gmt(file) if is_gmt else read_table_of_sets(file)
        if repeated := next((name for name in read if name in genes), None):
            raise OptionError(f"gene sets: {file} and another file both have a set {repeated!r}; rename one of them")
        genes |= {name: tuple(dict.fromkeys(filter(None, members))) for name, members in read.items()}
        sources[given] = hashlib.sha256(read_packed(file)).hexdigest()
    return _check(GeneSets(genes, sources))


def _list_genes(name: object, genes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(genes, str):
        raise OptionError(f"gene set {name!r} must be a list of symbols, such as [{genes!r}]; got the text {genes!r}")
    return tuple(dict.fromkeys(map(str, genes)))


def _check(sets: GeneSets) -> GeneSets:
    if not sets.genes:
        raise OptionError("gene sets: the source holds no set; give a GMT file with one set per line, or a dict")
    empty = next((name for name, genes in sets.genes.items() if not genes), None)
    if empty is not None:
        raise GeneError(f"gene set {empty!r} holds no gene; leave it out, or give it genes")
    return sets
