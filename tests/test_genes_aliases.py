"""Other names of genes, from a table in the form of HGNC's complete set."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest

from jugex.errors import GeneWarning, OptionError
from jugex.genes import Genes, read_aliases, select_genes

# made-up rows in HGNC's columns: pipes between names, quotes around cells with several
HGNC = """hgnc_id\tsymbol\tname\talias_symbol\tprev_symbol\tentrez_id
HGNC:1\tBRINP3\tx\t"DBCCR1L|DUP"\t"FAM5C|DBCCR1L1"\t339479
HGNC:2\tMAOA\tx\t\t\t4128
HGNC:3\tSEPTIN2\tx\tPRE\tSEPT2\t4735
HGNC:4\tTHIRD\tx\tDUP|MAOA\t\t3
HGNC:5\tNOWHERE\tx\tNWH\tOLDNOWHERE\t5
HGNC:6\tBYID\tx\t\t\t66
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "hgnc.txt"
    path.write_text(HGNC)
    return path


@pytest.fixture
def genes():
    symbols = ["FAM5C", "MAOA", "SEPTIN2", "THIRD", "OTHERNAME"]
    entrez_ids = pd.array([339479, 4128, 4735, 3, 66], dtype="Int64")
    return Genes(pd.DataFrame({"gene": symbols, "entrez_id": entrez_ids}))


@pytest.mark.parametrize(
    ("asked", "gene", "why"),
    [
        ("BRINP3", "FAM5C", "FAM5C is a former symbol of BRINP3"),
        ("brinp3", "FAM5C", "FAM5C is a former symbol of brinp3"),
        ("DBCCR1L1", "FAM5C", "DBCCR1L1 is a former symbol of BRINP3"),
        ("SEPT2", "SEPTIN2", "SEPT2 is a former symbol of SEPTIN2"),
        ("PRE", "SEPTIN2", "PRE is an alias of SEPTIN2"),
        ("BYID", "OTHERNAME", r"OTHERNAME has the Entrez id of BYID \(66\)"),
    ],
)
def test_new_and_old_names_are_found(table, genes, asked, gene, why):
    with pytest.warns(GeneWarning, match=f"used under another symbol: {gene} for {asked}"):
        [entry] = select_genes([asked], genes, aliases=table).ledger
    assert (entry.gene, entry.outcome) == (gene, "renamed")
    assert pd.Series([entry.detail]).str.fullmatch(why).all()


def test_the_atlas_comes_before_the_table(table, genes):
    [entry] = select_genes(["MAOA"], genes, aliases=table).ledger
    assert entry.outcome == "used"  # although MAOA is an alias of THIRD too


def test_an_alias_of_several_genes_is_not_resolved(table, genes):
    with pytest.warns(GeneWarning, match="not in the atlas: DUP"):
        selection = select_genes(["DUP", "MAOA"], genes, aliases=table)
    assert selection.ledger[0].detail == "alias of several genes of the atlas: FAM5C, THIRD"


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ("OLDNOWHERE", "former symbol of NOWHERE, but the atlas has no probe of this gene under any name"),
        ("NOWHERE", "an approved symbol, but the atlas has no probe of this gene under any name"),
    ],
)
def test_a_known_gene_without_probes_is_told_apart_from_a_misspelt_one(table, genes, asked, detail):
    with pytest.warns(GeneWarning, match="not in the atlas"):
        selection = select_genes([asked, "MAOX", "MAOA"], genes, aliases=table)
    assert [entry.detail for entry in selection.ledger] == [detail, "nearest: MAOA", ""]


def test_search_knows_aliases(table, genes):
    found = genes.search("sept2", aliases=read_aliases(table))
    assert found["gene"].tolist() == ["SEPTIN2"]
    assert found["matched"].tolist() == ["sept2 is a former symbol of SEPTIN2"]
    both = genes.search("PRE", aliases=read_aliases(table))
    assert both["gene"].tolist() == ["SEPTIN2"]


def test_the_table_is_known_by_file_and_checksum(table, genes):
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    aliases = select_genes(None, genes, aliases=table).aliases
    for known in (aliases, read_aliases(read_aliases(table))):
        assert (known.source.file, known.source.sha256) == (str(table), digest)


def test_a_table_without_the_columns_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("symbol,name\nMAOA,x\n")
    with pytest.raises(OptionError, match="has the columns symbol, name; needed are symbol and any of alias_symbol"):
        read_aliases(path)


def test_broken_tables_are_refused(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("symbol\talias_symbol\nMAOA\n")
    with pytest.raises(OptionError, match="row 1 below the header: 1 values, but the header has 2 columns"):
        read_aliases(path)
    path.write_text("symbol\talias_symbol\n")
    with pytest.raises(OptionError, match="holds no row below a header"):
        read_aliases(path)
    with pytest.raises(OptionError, match=r"alias table .* cannot be read"):
        read_aliases(tmp_path / "none.tsv")


CUSTOM = """HGNC ID\tApproved symbol\tPrevious symbols\tAlias symbols\tNCBI Gene ID\tEnsembl gene ID
HGNC:1\tBRINP3\tFAM5C, DBCCR1L1\tDBCCR1L\t339479\tENSG00000162670
HGNC:2\tA1S9T~withdrawn\t\tFAM5C\t\t
"""


@pytest.mark.parametrize("asked", ["BRINP3", "DBCCR1L1", "ENSG00000162670", "ENSG00000162670.12"])
def test_the_custom_download_of_hgnc(tmp_path, genes, asked):
    path = tmp_path / "custom.txt"
    path.write_text(CUSTOM)
    with pytest.warns(GeneWarning, match=f"FAM5C for {asked}"):
        assert select_genes([asked], genes, aliases=path).found == ("FAM5C",)


def test_a_symbol_that_is_another_gene_s_today_is_used_with_a_warning(tmp_path):
    path = tmp_path / "hgnc.tsv"
    path.write_text("symbol\tprev_symbol\tentrez_id\nTAZ\t\t11111\nTAFAZZIN\tTAZ\t6901\nMAOA\t\t4128\n")
    atlas = Genes(pd.DataFrame({"gene": ["TAZ", "MAOA"], "entrez_id": pd.array([6901, 4128], dtype="Int64")}))
    with pytest.warns(
        GeneWarning, match="the atlas's TAZ has the Entrez id 6901, although TAZ is today the symbol of gene 11111"
    ):
        selection = select_genes(["TAZ", "MAOA"], atlas, aliases=path)
    assert selection.found == ("TAZ", "MAOA")
    assert [entry.detail != "" for entry in selection.ledger] == [True, False]
