"""Gene lists in files."""

from __future__ import annotations

import gzip

import pytest

from jugex.errors import GeneWarning, OptionError
from jugex.genes import ListedGene, read_gene_list


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_one_symbol_or_entrez_id_a_line(tmp_path):
    path = write(tmp_path, "genes.txt", '\ufeff# candidates\r\nMAOA\r\n\r\n6863\r\nMAOA\r\n"TAC1"\r\n')
    assert read_gene_list(path) == ["MAOA", "6863", "TAC1"]


@pytest.mark.parametrize(
    "text",
    [
        "gene\nMAOA\nTAC1\n",
        "Gene,p\nMAOA,0.1\nTAC1,0.2\n",
        "p\tSymbol\n0.1\tMAOA\n0.2\tTAC1\n0.2\t\n",
        "hgnc_symbol;p\nMAOA;0,1\nTAC1;0,2\n",
        'rank,gene_symbol,gene\n1,"MAOA","x y"\n2, TAC1,"x"\n',
    ],
    ids=["one column", "CSV", "TSV", "semicolons", "surest column"],
)
def test_tables_with_a_column_of_symbols(tmp_path, text):
    assert read_gene_list(write(tmp_path, "genes.csv", text)) == ["MAOA", "TAC1"]


def test_table_with_a_column_of_entrez_ids(tmp_path):
    assert read_gene_list(write(tmp_path, "genes.tsv", "x\tEntrez_ID\n1\t4128\n2\t6863.0\n")) == ["4128", "6863"]


def test_matlab_list(tmp_path):
    path = write(tmp_path, "g.csv", 'probe_id,gene_symbol,entrez_id\n1,"MAOA",4128\n2,"MAOA",4128\n3,"TAC1",\n')
    genes = read_gene_list(path)
    assert genes == ["MAOA", "TAC1"]
    assert isinstance(genes[0], ListedGene)
    assert genes[0].entrez_id == "4128"
    assert not isinstance(genes[1], ListedGene)


def test_matlab_list_of_the_publication(shared_data):
    genes = read_gene_list(shared_data / "reference" / "mdd_gene_list.csv")
    assert len(genes) == 25
    assert {"MAOA", "TAC1"} <= set(genes)
    assert {gene.entrez_id for gene in genes} >= {"4128", "6863"}


@pytest.mark.parametrize("header", ["Gene Symbol", "Gene name", "GENE-SYMBOL", "Approved symbol", "HGNC  symbol"])
@pytest.mark.parametrize("rest", ["", "\tp"])
def test_headers_of_symbols_with_blanks(tmp_path, header, rest):
    cell = "\t0.1" if rest else ""
    path = write(tmp_path, "genes.tsv", f"{header}{rest}\nMAOA{cell}\nTAC1{cell}\n")
    assert read_gene_list(path) == ["MAOA", "TAC1"]


@pytest.mark.parametrize("header", ["Entrez Gene ID", "NCBI Gene ID", "NCBI GeneID", "Entrez ID"])
def test_headers_of_entrez_ids_with_blanks(tmp_path, header):
    assert read_gene_list(write(tmp_path, "genes.csv", f"rank,{header}\n1,4128\n2,6863\n")) == ["4128", "6863"]
    both = read_gene_list(write(tmp_path, "both.csv", f"Gene Symbol,{header}\nMAOA,4128\n"))
    assert [(gene, gene.entrez_id) for gene in both] == [("MAOA", "4128")]


@pytest.mark.parametrize("line", ["SCN1A,SLC6A2", "SCN1A\tSLC6A2", "SCN1A; SLC6A2"])
def test_symbols_on_one_line_are_refused(tmp_path, line):
    with pytest.raises(OptionError, match=r"holds the single line 'SCN1A.*SLC6A2'; write one symbol a line$"):
        read_gene_list(write(tmp_path, "genes.txt", f"{line}\n"))


def test_gzipped_list(tmp_path):
    path = tmp_path / "genes.txt.gz"
    path.write_bytes(gzip.compress(b"MAOA\n"))
    assert read_gene_list(path) == ["MAOA"]


class TestGeneSets:
    TWO_SETS = "SET_A\thttp://a\tMAOA\tTAC1\nSET_B\tna\tTAC1\tCNR1\t\n"

    def test_a_set_by_name(self, tmp_path):
        path = write(tmp_path, "sets.gmt", self.TWO_SETS)
        assert read_gene_list(f"{path}#SET_B") == ["TAC1", "CNR1"]

    def test_all_sets_with_a_note(self, tmp_path):
        path = write(tmp_path, "sets.gmt", self.TWO_SETS)
        with pytest.warns(GeneWarning, match=r"holds 2 sets \(SET_A, SET_B\), and all are taken; .*sets.gmt#SET_A"):
            assert read_gene_list(path) == ["MAOA", "TAC1", "CNR1"]

    def test_a_single_set_needs_no_note(self, tmp_path):
        assert read_gene_list(write(tmp_path, "set.gmt", "S\td\tMAOA\n")) == ["MAOA"]

    def test_an_unknown_set_is_refused(self, tmp_path):
        path = write(tmp_path, "sets.gmt", self.TWO_SETS)
        with pytest.raises(OptionError, match="has no set 'SET_C'; it has SET_A, SET_B"):
            read_gene_list(f"{path}#SET_C")

    def test_a_line_without_genes_is_refused(self, tmp_path):
        with pytest.raises(OptionError, match="set 'S': a GMT line is a name, a description and at least one gene"):
            read_gene_list(write(tmp_path, "sets.gmt", "S\tdescription\n"))

    def test_a_file_with_a_hash_in_its_name_is_that_file(self, tmp_path):
        assert read_gene_list(write(tmp_path, "a#b.gmt", "S\td\tMAOA\n")) == ["MAOA"]
        assert read_gene_list(write(tmp_path, "list#1", "MAOA\n")) == ["MAOA"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no symbol"),
        ("# nothing\n", "holds no symbol"),
        ("a,b\n1,2\n", "is a table with the columns a, b"),
        ("MAOA TAC1\n", "holds the line 'MAOA TAC1'"),
        ("gene\n", "holds no symbol"),
    ],
)
def test_a_list_without_symbols_is_refused(tmp_path, content, problem):
    with pytest.raises(OptionError, match=f"{problem}; needed is one symbol or Entrez id a line"):
        read_gene_list(write(tmp_path, "genes.txt", content))


def test_a_missing_or_binary_list_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"gene list .*none\.txt cannot be read"):
        read_gene_list(tmp_path / "none.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(OptionError, match="cannot be read"):
        read_gene_list(tmp_path / "binary")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"MAOA\n")[:-6])
    with pytest.raises(OptionError, match="cannot be read"):
        read_gene_list(tmp_path / "cut.gz")
