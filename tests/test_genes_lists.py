"""Gene lists in files."""

from __future__ import annotations

import gzip
import importlib.util

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
    with pytest.raises(OptionError, match=r"holds the single line 'SCN1A.*SLC6A2'; write one symbol per line$"):
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
        with pytest.warns(GeneWarning, match=r"holds 2 sets \(SET_A, SET_B\), and all are used; .*sets.gmt#SET_A"):
            assert read_gene_list(path) == ["MAOA", "TAC1", "CNR1"]

    def test_a_single_set_needs_no_note(self, tmp_path):
        assert read_gene_list(write(tmp_path, "set.gmt", "S\td\tMAOA\n")) == ["MAOA"]

    def test_an_unknown_set_is_refused(self, tmp_path):
        path = write(tmp_path, "sets.gmt", self.TWO_SETS)
        with pytest.raises(OptionError, match="has no set 'SET_C'; it has SET_A, SET_B"):
            read_gene_list(f"{path}#SET_C")

    def test_a_set_that_stands_twice_is_taken_whole(self, tmp_path):
        path = write(tmp_path, "sets.gmt", "S\tx\tMAOA\nS\tx\tTAC1\nT\tx\tCNR1\n")
        with pytest.warns(GeneWarning, match="has the set S more than once"):
            assert read_gene_list(f"{path}#S") == ["MAOA", "TAC1"]
        assert read_gene_list(f"{path}#T") == ["CNR1"]

    def test_weights_of_enrichr_are_taken_off(self, tmp_path):
        assert read_gene_list(write(tmp_path, "s.gmt", "UP term\t\tMAOA,1.0\tTAC1,-2.5e-3\n")) == ["MAOA", "TAC1"]

    def test_a_line_without_genes_is_refused(self, tmp_path):
        with pytest.raises(
            OptionError, match="set 'S': a GMT line must be a name, a description and at least one gene"
        ):
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
    with pytest.raises(OptionError, match=f"{problem}; give one symbol or Entrez id per line"):
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


#: Tables of results and lists as programs write them: each names MAOA and TAC1.
FORMS = {
    "R's write.table, a cell short": "n\tsymbol\tlogFC\nr1\t4128\tMAOA\t1.5\nr2\t6530\tTAC1\t2.5\n",
    "R's write.table, row names": "logFC\tp\nMAOA\t1.5\t0.1\nTAC1\t2.5\t0.2\n",
    "DESeq2": '"","baseMean","padj"\n"MAOA",10,0.02\n"TAC1",10,0.02\n',
    "R's write.csv of a vector": '"","x"\n"1","MAOA"\n"2","TAC1"\n',
    "GEO2R": '"ID","adj.P.Val","Gene.symbol","Gene.title"\n"1","0.1","MAOA","x"\n"2","0.1","TAC1","y, z"\n',
    "description beside symbol": "gene_name,Gene.Symbol\nmonoamine oxidase A,MAOA\ntachykinin,TAC1\n",
    "brackets": "Gene Symbol (Human),p\nMAOA,1\nTAC1,1\n",
    "titles": "Table S1\nof the supplement,,\n\ngene,p\nMAOA,1\nTAC1,1\n",
    "#header": "# comment\n#gene\tp\nMAOA\t1\nTAC1\t1\n",
    "no header": "MAOA\t0.1\t3\nTAC1\t0.2\t4\n",
    "trailing comma": "MAOA,\nTAC1,\n",
    "comments": "# my list\nMAOA # monoamine oxidase\nTAC1\n",
    "quotes": "'MAOA'\n\u201cTAC1\u201d\n",
    "invisible": "MAOA\u00a0\nTAC1\u200b\n",
    "R vector": 'genes <- c("MAOA",\n  "TAC1")\n',
    "R print": '[1] "MAOA"\n[2] "TAC1"\n',
    "a cell with a line break": 'gene,note\nMAOA,"one\ntwo"\nTAC1,"x"\n',
    "the same column twice": "gene,gene\nMAOA,MAOA\nTAC1,TAC1\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_lists(tmp_path, form):
    assert read_gene_list(write(tmp_path, "genes.txt", FORMS[form])) == ["MAOA", "TAC1"]
    utf_16 = tmp_path / "utf16.txt"
    utf_16.write_bytes(FORMS[form].encode("utf-16"))
    assert read_gene_list(utf_16) == ["MAOA", "TAC1"]


def test_ids_in_lists(tmp_path):
    genes = read_gene_list(write(tmp_path, "g.txt", "MAOA|4128\n6863.0\nENSG00000189221.10\nHLA\u2011A\n"))
    assert genes == ["MAOA", "6863", "ENSG00000189221.10", "HLA-A"]
    assert genes[0].entrez_id == "4128"


def test_the_allen_institute_s_gene_ids_are_no_entrez_ids(tmp_path):
    genes = read_gene_list(write(tmp_path, "g.csv", "gene_symbol,gene_id\nNET1X,6494\nMAOA,4103\n"))
    assert genes == ["NET1X", "MAOA"]
    assert not any(isinstance(gene, ListedGene) for gene in genes)


def test_a_column_of_genes_that_stands_twice_with_other_genes_is_refused(tmp_path):
    with pytest.raises(OptionError, match="has the column gene twice, with different genes"):
        read_gene_list(write(tmp_path, "g.csv", "gene,p,gene\nMAOA,1,TAC1\n"))


def test_spreadsheets(tmp_path, monkeypatch):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Table 1", None], ["Gene", "Entrez ID"], ["MAOA", 4128], [None, None], ["TAC1", 6863.0]):
        book.active.append(row)
    book.save(tmp_path / "genes.xlsx")
    genes = read_gene_list(tmp_path / "genes.xlsx")
    assert [(gene, gene.entrez_id) for gene in genes] == [("MAOA", "4128"), ("TAC1", "6863")]
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(OptionError, match=r"broken\.xlsx cannot be read as a spreadsheet"):
        read_gene_list(tmp_path / "broken.xlsx")


def test_spreadsheets_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "genes.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(OptionError, match=r"is a spreadsheet; save it as CSV, or run pip install.*xlsx"):
        read_gene_list(tmp_path / "genes.xlsx")
    (tmp_path / "genes.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(OptionError, match="Excel before 2007"):
        read_gene_list(tmp_path / "genes.xls")
