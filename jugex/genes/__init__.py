"""Genes by symbol or Entrez id: the genes of an atlas, the outcome of requests, gene lists and gene sets."""

from jugex.genes.catalogue import Aliases, AliasesLike, Genes, read_aliases
from jugex.genes.lists import ListedGene, read_gene_list
from jugex.genes.selection import (
    GeneRequest,
    GeneSelection,
    LedgerEntry,
    clean_requests,
    format_ledger,
    select_genes,
)
from jugex.genes.sets import FoundSet, GeneSets, GeneSetsLike, read_gene_sets

__all__ = [
    "Aliases",
    "AliasesLike",
    "FoundSet",
    "GeneRequest",
    "GeneSelection",
    "GeneSets",
    "GeneSetsLike",
    "Genes",
    "LedgerEntry",
    "ListedGene",
    "clean_requests",
    "format_ledger",
    "read_aliases",
    "read_gene_list",
    "read_gene_sets",
    "select_genes",
]
