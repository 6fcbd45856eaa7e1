"""Genes by symbol or Entrez id: what an atlas has, what became of those asked for, and lists in files."""

from jugex.genes.aliases import Aliases, AliasesLike, read_aliases
from jugex.genes.catalogue import Genes
from jugex.genes.lists import ListedGene, read_gene_list
from jugex.genes.selection import (
    GeneRequest,
    GeneSelection,
    LedgerEntry,
    clean_requests,
    describe_ledger,
    select_genes,
)

__all__ = [
    "Aliases",
    "AliasesLike",
    "GeneRequest",
    "GeneSelection",
    "Genes",
    "LedgerEntry",
    "ListedGene",
    "clean_requests",
    "describe_ledger",
    "read_aliases",
    "read_gene_list",
    "select_genes",
]
