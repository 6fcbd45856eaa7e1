"""Gene symbols and gene lists."""

from __future__ import annotations

import pytest

from jugex.errors import GeneError, GeneWarning, OptionError
from jugex.genes import read_gene_list, select_genes

KNOWN = ["MAOA", "MAOB", "TAC1", "C1orf21", "c1ORF21"]


def test_none_selects_every_gene():
    selection = select_genes(None, [*KNOWN, "MAOA"])
    assert selection.found == tuple(KNOWN)
    assert selection.requested is None


def test_case_is_ignored_only_where_the_symbol_as_written_is_unknown():
    assert select_genes(["tac1", "c1ORF21", "C1ORF21"], KNOWN).found == ("TAC1", "c1ORF21", "C1orf21")


def test_order_is_that_of_the_request_and_repetitions_count_once():
    selection = select_genes([" TAC1", "MAOA", "TAC1", "maoa"], KNOWN)
    assert selection.found == ("TAC1", "MAOA")
    assert selection.requested == ("TAC1", "MAOA", "maoa")


def test_missing_genes_are_named_and_the_rest_goes_on():
    with pytest.warns(
        GeneWarning, match=r"not in the atlas: MAOC, XXXX \(nearest to MAOC: MAO[AB], MAO[AB]\); going on"
    ):
        selection = select_genes(["MAOC", "XXXX", "TAC1"], KNOWN)
    assert selection.missing == ("MAOC", "XXXX")


def test_many_missing_genes_are_counted():
    with pytest.raises(GeneError, match=r"G0, .*G9 and 2 more; no gene is left"):
        select_genes([f"G{number}" for number in range(12)], KNOWN)


def test_message_of_a_gene_error_is_a_sentence():
    with pytest.raises(GeneError) as caught:
        select_genes("NOPE", KNOWN)
    assert str(caught.value).startswith("not in the atlas: NOPE")


@pytest.mark.parametrize("genes", [[], [" "], ""])
def test_an_empty_list_is_refused(genes):
    with pytest.raises(OptionError, match="the list of genes is empty"):
        select_genes(genes, KNOWN)


def test_a_symbol_is_text():
    with pytest.raises(OptionError, match="genes are symbols such as 'MAOA', got 4128"):
        select_genes([4128], KNOWN)


def test_list_with_one_symbol_a_line(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("\ufeff# candidates\r\nMAOA\r\n\r\nTAC1\r\nMAOA\r\n", encoding="utf-8")
    assert read_gene_list(path) == ["MAOA", "TAC1"]


def test_matlab_list(tmp_path):
    path = tmp_path / "genes.csv"
    path.write_text('probe_id,gene_symbol,entrez_id\n1,"MAOA",4128\n2,"MAOA",4128\n3,"TAC1",6863\n')
    assert read_gene_list(path) == ["MAOA", "TAC1"]


def test_matlab_list_of_the_publication(shared_data):
    genes = read_gene_list(shared_data / "reference" / "mdd_gene_list.csv")
    assert len(genes) == 25
    assert {"MAOA", "TAC1"} <= set(genes)


@pytest.mark.parametrize(
    ("content", "got"),
    [("", "no symbol"), ("# nothing\n", "no symbol"), ("a,b\n1,2\n", "the line ''"), ("MAOA TAC1\n", "'MAOA TAC1'")],
)
def test_a_list_without_symbols_is_refused(tmp_path, content, got):
    path = tmp_path / "genes.txt"
    path.write_text(content)
    with pytest.raises(OptionError, match=f"holds .*{got}.*needed is one symbol a line"):
        read_gene_list(path)


def test_a_missing_or_binary_list_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"gene list .*none\.txt cannot be read"):
        read_gene_list(tmp_path / "none.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(OptionError, match="cannot be read"):
        read_gene_list(tmp_path / "binary")
