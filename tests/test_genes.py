"""The genes of an atlas, and what becomes of those asked for."""

from __future__ import annotations

import copy
import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex.cli import main
from jugex.errors import GeneError, GeneWarning, OptionError
from jugex.genes import Genes, LedgerEntry, ListedGene, clean_requests, format_ledger, select_genes
from jugex.genes.names import RENAMED, symbols_of_date

KNOWN = ["MAOA", "MAOB", "TAC1", "C1orf21", "c1ORF21"]


@pytest.fixture
def genes():
    symbols = ["MAOA", "HLA-A", "MAOA", "C1orf21", "c1ORF21", "TAC1", "A_24_P1", "TACR1"]
    entrez_ids = [4128, 3105, 4128, 81563, 81563, 6863, None, 6869]
    return Genes(pd.DataFrame({"gene": symbols, "entrez_id": pd.array(entrez_ids, dtype="Int64")}))


class TestGenes:
    def test_each_gene_once_in_the_order_of_the_probes(self, genes):
        assert list(genes) == ["MAOA", "HLA-A", "C1orf21", "c1ORF21", "TAC1", "A_24_P1", "TACR1"]
        assert len(genes) == 7
        assert genes.table["n_probes"].tolist() == [2, 1, 1, 1, 1, 1, 1]
        assert repr(genes) == "<Genes: 7 (MAOA, HLA-A, C1orf21, ...)>"

    @pytest.mark.parametrize(
        ("asked", "symbol"),
        [("MAOA", "MAOA"), ("maoa", "MAOA"), (" hla-a ", "HLA-A"), ("c1ORF21", "c1ORF21"), ("C1ORF21", "C1orf21"),
         (4128, "MAOA"), ("4128", "MAOA"), (81563, "C1orf21")],
    )  # fmt: skip
    def test_a_gene_is_found_by_symbol_then_ignoring_case_then_by_entrez_id(self, genes, asked, symbol):
        assert genes.find(asked) == genes[asked] == symbol
        assert asked in genes

    def test_what_is_not_there(self, genes):
        assert genes.find("XXXX") is None
        assert 99 not in genes
        assert None not in genes
        with pytest.raises(GeneError, match=r"^MAOB is not in the atlas; did you mean MAOA\?$"):
            genes["MAOB"]

    def test_completion_offers_symbols(self, genes):
        assert genes.MAOA == "MAOA"
        assert {"MAOA", "A_24_P1", "search"} <= set(dir(genes))
        assert "HLA-A" not in dir(genes)  # cannot be written as an attribute
        assert "HLA-A" in genes._ipython_key_completions_()

    def test_an_unknown_attribute_is_an_attribute_error_with_suggestions(self, genes):
        with pytest.raises(AttributeError, match=r"no gene MAOB in the atlas; did you mean MAOA\?"):
            _ = genes.MAOB
        assert not hasattr(genes, "_repr_latex_")

    def test_can_be_copied(self, genes):
        assert list(copy.deepcopy(genes)) == list(pickle.loads(pickle.dumps(genes))) == list(genes)

    def test_search_ranks_the_symbol_itself_then_beginnings_then_parts(self, genes):
        found = genes.search("tac")
        assert found["gene"].tolist() == ["TAC1", "TACR1"]
        assert list(found.columns) == ["gene", "entrez_id", "n_probes", "matched"]
        assert genes.search("A")["gene"].tolist() == ["A_24_P1", "HLA-A", "MAOA", "TAC1", "TACR1"]
        assert genes.search("TAC1")["gene"].tolist() == ["TAC1"]

    def test_search_by_entrez_id(self, genes):
        found = genes.search("4128")
        assert found.to_dict("records") == [{"gene": "MAOA", "entrez_id": 4128, "n_probes": 2, "matched": "Entrez id"}]
        assert genes.search("412").empty

    def test_search_for_nothing_is_refused(self, genes):
        with pytest.raises(OptionError, match="the text to search for is empty"):
            genes.search(" ")

    def test_of_an_atlas(self):
        atlas = jugex.open_atlas("simulated")
        assert atlas.genes.MAOA == "MAOA"
        assert atlas.genes is atlas.genes  # built once
        assert list(atlas.with_donors([9861]).genes) == list(atlas.genes)


class TestSelection:
    def test_none_selects_every_gene(self):
        selection = select_genes(None, [*KNOWN, "MAOA"])
        assert selection.found == tuple(KNOWN)
        assert selection.requested is None
        assert selection.ledger == ()

    def test_case_is_ignored_only_where_the_symbol_as_written_is_unknown(self):
        assert select_genes(["tac1", "c1ORF21", "C1ORF21"], KNOWN).found == ("TAC1", "c1ORF21", "C1orf21")

    def test_order_is_that_of_the_request_and_repetitions_count_once(self):
        selection = select_genes([" TAC1", "MAOA", "TAC1", "maoa"], KNOWN)
        assert selection.found == ("TAC1", "MAOA")
        assert selection.requested == ("TAC1", "MAOA", "maoa")

    @pytest.mark.parametrize("asked", [[4128, "TAC1"], ["4128", "TAC1"]])
    def test_entrez_ids_are_used_like_symbols(self, genes, asked):
        selection = select_genes(asked, genes)
        assert selection.found == ("MAOA", "TAC1")
        assert selection.requested == ("4128", "TAC1")
        assert selection.ledger[0] == LedgerEntry("4128", "MAOA", "used", "Entrez id 4128")

    def test_one_gene_needs_no_list(self, genes):
        assert select_genes(4128, genes).found == select_genes("MAOA", genes).found == ("MAOA",)

    def test_missing_genes_are_named_and_the_rest_goes_on(self):
        with pytest.warns(
            GeneWarning,
            match=r"not in the atlas: MAOC, XXXX \(did you mean MAO[AB] or MAO[AB] for MAOC\?\); continuing with 1",
        ):
            selection = select_genes(["MAOC", "XXXX", "TAC1"], KNOWN)
        assert selection.missing == ("MAOC", "XXXX")
        assert [entry.outcome for entry in selection.ledger] == ["no probe in the atlas"] * 2 + ["used"]
        assert "MAOA" in selection.ledger[0].detail

    def test_several_missing_genes_have_a_suggestion_each(self):
        expected = r"MAOX, FOO, TACX \(did you mean MAO[AB] or MAO[AB] for MAOX and TAC1 for TACX\?\); no gene is left"
        with pytest.raises(GeneError, match=expected):
            select_genes(["MAOX", "FOO", "TACX"], KNOWN)

    @pytest.mark.parametrize("asked", ["MAOA TAC1", "MAOA, TAC1", "MAOA;TAC1"])
    def test_several_genes_in_one_text_are_advised_to_be_a_list(self, asked):
        with pytest.raises(GeneError, match=r"no blank or comma: give several genes as a list, \['MAOA', 'TAC1'\]\)"):
            select_genes(asked, KNOWN)

    def test_many_missing_genes_are_counted(self):
        with pytest.raises(GeneError, match=r"G0, .*G9 and 2 more; no gene is left"):
            select_genes([f"G{number}" for number in range(12)], KNOWN)

    def test_message_of_a_gene_error_is_a_sentence(self):
        with pytest.raises(GeneError) as caught:
            select_genes("NOPE", KNOWN)
        assert str(caught.value).startswith("not in the atlas: NOPE")

    @pytest.mark.parametrize("asked", [[], [" "], "", [None], pd.Series([np.nan]), "\u200b"])
    def test_an_empty_list_is_refused(self, asked):
        with pytest.raises(OptionError, match="the list of genes is empty"):
            select_genes(asked, KNOWN)

    @pytest.mark.parametrize(
        "asked",
        [pd.Series(["MAOA", np.nan, "TAC1"]), pd.Series([4128.0, None, 6863.0]), pd.array([4128, None, 6863], "Int64"),
         ["'MAOA'", "TAC1\u200b"], ["4128.0", "\u00a06863"], np.array(["MAOA", "TAC1"]), pd.Index(["MAOA", "TAC1"])],
    )  # fmt: skip
    def test_columns_with_gaps_and_untidy_names(self, genes, asked):
        assert select_genes(asked, genes).found == ("MAOA", "TAC1")

    @pytest.mark.parametrize(
        ("asked", "advice"),
        [(pd.DataFrame({"gene": ["MAOA"]}), "column"), ({"set": ["MAOA"]}, "list of genes"),
         (Path("list.txt"), "read_gene_list")],
    )  # fmt: skip
    def test_what_holds_genes_is_not_looked_up_itself(self, asked, advice):
        with pytest.raises(OptionError, match=f"got a .*{advice}"):
            clean_requests(asked)

    def test_hyphens_of_word_processors(self):
        assert select_genes(["HLA\u2011A", "NKX2\u20131"], ["HLA-A", "NKX2-1"]).found == ("HLA-A", "NKX2-1")

    @pytest.mark.parametrize("asked", [[4128.5], [True], [b"MAOA"], [["MAOA"]]])
    def test_a_gene_is_a_symbol_or_an_entrez_id(self, asked):
        with pytest.raises(OptionError, match="genes must be symbols such as 'MAOA' or Entrez ids such as 4128, got"):
            clean_requests(asked)

    def test_a_listed_entrez_id_finds_a_gene_whose_symbol_has_changed(self, genes):
        with pytest.warns(GeneWarning, match="used under another symbol: MAOA for MAO-A"):
            selection = select_genes([ListedGene("MAO-A", "4128"), ListedGene("TAC1", "1")], genes)
        assert selection.found == ("MAOA", "TAC1")  # a symbol that is there comes before its id
        assert selection.ledger[0] == LedgerEntry(
            "MAO-A", "MAOA", "renamed", "has the Entrez id of MAO-A in the list (4128)"
        )

    def test_a_symbol_from_before_the_re_annotation_is_found_by_its_entrez_id(self):
        now = pd.DataFrame({"gene": ["BRINP3"], "entrez_id": pd.array([339479], dtype="Int64")})
        before = pd.DataFrame({"gene": ["FAM5C", "OLD"], "entrez_id": pd.array([339479, 5], dtype="Int64")})
        with pytest.warns(GeneWarning):
            selection = select_genes(["fam5c", "OLD"], Genes(now, former=before))
        assert selection.ledger[0].outcome == "renamed"
        assert "before the re-annotation (339479)" in selection.ledger[0].detail
        assert selection.missing == ("OLD",)

    def test_genes_without_a_probe_left_leave_the_selection_and_stay_in_the_ledger(self):
        selection = select_genes(["TAC1", "maoa"], KNOWN).without(["MAOA"], "too faint")
        assert selection.found == ("TAC1",)
        assert selection.missing == ()
        assert selection.ledger[1] == LedgerEntry("maoa", "MAOA", "all probes filtered", "too faint")
        with pytest.raises(GeneError, match="no gene is left: all probes of TAC1 were too faint"):
            selection.without(["TAC1"], "too faint")


class TestLedgerInOneLine:
    def test_counts_outcomes_and_names_what_was_not_simply_used(self):
        ledger = [
            LedgerEntry("A", "A", "used", ""),
            LedgerEntry("B", "C", "renamed", "x"),
            LedgerEntry("D", None, "no probe in the atlas", ""),
        ]
        expected = (
            "3 genes asked for: 1 used, 1 used under another symbol (C for B), 1 without a probe in the atlas (D)"
        )
        assert format_ledger(ledger) == expected

    def test_is_empty_where_every_gene_was_asked_for(self):
        assert format_ledger([]) == ""


class TestConflicts:
    def test_a_symbol_with_the_entrez_id_of_another_gene_is_used_with_a_warning(self, genes):
        expected = (
            r"two genes: the symbol MAOA was used, although its Entrez id in the list \(6863\) is that of TAC1; correct"
        )
        with pytest.warns(GeneWarning, match=expected):
            selection = select_genes([ListedGene("MAOA", "6863")], genes)
        [entry] = selection.ledger
        assert (entry.gene, entry.outcome) == ("MAOA", "used")
        assert entry.detail.endswith("(6863) is that of TAC1")

    @pytest.mark.parametrize(
        "listed",
        [ListedGene("MAOA", "4128"), ListedGene("maoa", "4128"), ListedGene("MAOA", "99"),
         ListedGene("c1ORF21", "81563")],
        ids=["same", "other case", "id not in the atlas", "id of two symbols"],
    )  # fmt: skip
    def test_one_gene_by_both_is_no_conflict(self, genes, listed):
        assert select_genes([listed], genes).ledger[0].detail == ""


class TestNamesThroughTime:
    @pytest.mark.parametrize(
        ("asked", "known", "detail"),
        [
            ("SEPTIN2", "SEPT2", "SEPT2 is a former symbol of SEPTIN2"),
            ("SEPT2", "SEPTIN2", "SEPT2 is a former symbol of SEPTIN2"),
            ("marchf1", "MARCH1", "MARCH1 is a former symbol of marchf1"),
            ("STING1", "TMEM173", "TMEM173 is a former symbol of STING1"),
            ("PRKN", "PARK2", "PARK2 is a former symbol of PRKN"),
        ],
    )
    def test_renamed_genes_are_found_without_an_alias_table(self, asked, known, detail):
        with pytest.warns(GeneWarning, match=f"under another symbol: {known} for {asked}"):
            [entry] = select_genes([asked], [known, "MAOA"]).ledger
        assert (entry.gene, entry.outcome, entry.detail) == (known, "renamed", detail)

    def test_a_symbol_that_the_atlas_has_is_that_gene(self):
        assert select_genes(["TAZ"], ["TAZ", "TAFAZZIN"]).found == ("TAZ",)

    def test_the_table_is_one_to_one_and_no_chain(self):
        assert len(set(RENAMED.values())) == len(RENAMED)
        assert not set(RENAMED) & set(RENAMED.values())


class TestDates:
    @pytest.mark.parametrize(
        ("written", "symbols"),
        [
            ("2-Sep", ("SEPT2",)), ("Sep-02", ("SEPT2",)), ("02/sept", ("SEPT2",)), ("2-Sep-2020", ("SEPT2",)),
            ("2020-09-02", ("SEPT2",)), ("2020-09-02 00:00:00", ("SEPT2",)), ("43710", ("SEPT2",)),
            ("1-Mar", ("MARCH1", "MARC1")), ("43525", ("MARCH1", "MARC1")), ("Mar-03", ("MARCH3",)),
            ("1-Dec", ("DEC1",)), ("31-Dec", ()), ("2-Jun", ()), ("4128", ()), ("99999", ()), ("MAOA", ()),
        ],
    )  # fmt: skip
    def test_what_a_spreadsheet_makes_of_symbols(self, written, symbols):
        assert symbols_of_date(written) == symbols

    def test_are_resolved_where_they_mean_one_gene_and_named_where_not(self):
        with pytest.warns(GeneWarning) as caught:
            selection = select_genes(["2-Sep", "1-Mar", "Mar-04", "MAOA"], ["SEPT2", "MARCHF4", "MARC1", "MAOA"])
        assert selection.found == ("SEPT2", "MARCHF4", "MAOA")
        assert selection.missing == ("1-Mar",)
        assert "a date that a spreadsheet made of SEPT2" in selection.ledger[0].detail
        said = " ".join(str(warning.message) for warning in caught)
        assert "1-Mar is a date that a spreadsheet made of MARCH1 or MARC1" in said
        assert "did you mean" not in said


class TestEnsembl:
    def test_ids_are_found_where_the_atlas_has_them(self):
        assert select_genes("ENSG00000189221.10", ["ENSG00000189221"]).found == ("ENSG00000189221",)

    def test_ids_are_said_to_be_such(self):
        with pytest.warns(GeneWarning, match=r"2 Ensembl ids: .*alias table with ensembl_gene_id"):
            selection = select_genes(["ENSG00000189221.10", "ENSG00000006128", "MAOA"], KNOWN)
        assert selection.missing == ("ENSG00000189221.10", "ENSG00000006128")


def test_thousands_of_unknown_names_take_no_time():
    rng = np.random.default_rng(0)
    known = ["".join(letters) for letters in rng.choice(list("ABCDEFGHIJ0123456789"), size=(19_000, 6))]
    asked = [f"X{number}" for number in range(20_000)]
    started = time.process_time()
    with pytest.raises(GeneError, match=r"not in the atlas: X0, .* and 19990 more"):
        select_genes(asked, known)
    assert time.process_time() - started < 5  # 0.1 s for each of them would be half an hour


def test_a_file_in_the_place_of_a_gene(genes):
    with pytest.raises(GeneError, match=r"a file of genes is read with jugex.read_gene_list\('lists/mine.txt'\)"):
        select_genes("lists/mine.txt", genes)


class TestSearch:
    PROBES = pd.DataFrame(
        {
            "gene": ["MAOA", "MAOA", "TMEM173"],
            "entrez_id": pd.array([4128, 4128, 340061], dtype="Int64"),
            "probe_name": ["A_1", "A_2", "CUST_7"],
        }
    )

    @pytest.mark.parametrize(
        ("text", "gene", "matched"),
        [
            ("4128.0", "MAOA", "Entrez id"),
            ("a_2", "MAOA", "probe a_2"),
            ("STING1", "TMEM173", "TMEM173 is a former symbol of STING1"),
            ("maoa", "MAOA", "symbol"),
        ],
    )
    def test_what_finds_a_gene(self, text, gene, matched):
        found = Genes(self.PROBES).search(text)
        assert (found["gene"].tolist(), found["matched"].tolist()) == ([gene], [matched])

    def test_several_on_the_command_line(self, capsys):
        assert main(["genes", "4128.0", "TAC1,maoa", "nonesuch", "--atlas", "simulated"]) == 0
        printed = capsys.readouterr()
        assert [line.split()[0] for line in printed.out.splitlines()] == ["gene", "MAOA", "TAC1"]
        assert "no gene of the atlas matches 'nonesuch'" in printed.err
        assert main(["genes", "nonesuch", "--atlas", "simulated"]) == 1
