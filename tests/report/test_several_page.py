"""The common page of several regions: what stands in it, for results fresh and read, ordinary and odd."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest

import jugex
from jugex import cli
from jugex._text import format_p
from jugex.errors import JugexWarning, OutputError, ResultError
from jugex.report.methods import to_markdown
from jugex.report.reproduce import list_several_reproductions
from jugex.report.several_files import SeveralTables, load_several, save_several, write_several_report
from jugex.report.several_methods import describe_several_methods
from jugex.report.several_page import MAX_DRAWN, MAX_PAIRS, render_several
from jugex.report.several_words import describe_several_resolution, describe_several_samples, several_headline
from tests.toy import ToyAtlas, wells

bs4 = pytest.importorskip("bs4")

NASTY = "<img src=x onerror=alert(1)> \"q\" & 'a' \N{GRINNING FACE} a/b\\c " + "long" * 40
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
GENES = ["MAOA", "TAC1", "GAD2", "SST"]


def to_tables(result):
    return SeveralTables(result.omnibus, result.pairs_table, result.samples, result.zscores, result.settings)


def compare(regions, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)  # of so few samples
        return jugex.compare_several(regions, **{"n_permutations": 199, "rng": 3} | options)


def compare_toy(n_regions, *, names=None, n_genes=4, shift=6.0, **options):
    """Two donors with three samples in each of some regions; the first gene is high in the first region."""
    n = 3 * n_regions
    levels = np.random.default_rng(1).normal(5, 1, size=(2 * n, n_genes))
    levels[[0, 1, 2, n, n + 1, n + 2], 0] += shift
    names = names or [f"r{number}" for number in range(1, n_regions + 1)]
    regions = [
        wells(name, *(1000 * donor + 3 * place + i for donor in (1, 2) for i in range(3)))
        for place, name in enumerate(names)
    ]
    return compare(regions, atlas=ToyAtlas([n, n], [f"G{g}" for g in range(n_genes)], levels), **options)


@pytest.fixture(scope="module")
def result():
    regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
    return compare(regions, names=["A", "B", "C"], atlas="simulated", genes=GENES)


@pytest.fixture
def tables(result):
    return to_tables(result)


def parse(tables, pages=None):
    return bs4.BeautifulSoup(render_several(tables, pages or {}), "html.parser")


def read_table(table):
    return [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


class TestPage:
    def test_headline_says_what_was_found(self, tables):
        whole, pairs = (line.get_text() for line in parse(tables).find_all(class_="headline"))
        assert whole == (
            "2 of 4 genes differ between the 3 regions A, B and C (pFWE\N{NO-BREAK SPACE}\N{LESS-THAN OR EQUAL TO}"
            "\N{NO-BREAK SPACE}0.05): MAOA and TAC1 (pFWE\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}0.0050 each)."
        )
        assert set(tables.count_significant().values()) == {2}
        assert pairs == (
            "Each of the 3 pairs of regions differs in 2 genes (pHolm\N{NO-BREAK SPACE}\N{LESS-THAN OR EQUAL TO}"
            "\N{NO-BREAK SPACE}0.05)."
        )

    def test_headline_of_pairs(self, tables):
        def tell(*counts):
            table = tables.pairs_table.assign(significant=False)
            for pair, n in zip(tables.settings["pairs"], counts, strict=True):
                rows = (table["region_1"] == pair["region_1"]) & (table["region_2"] == pair["region_2"])
                table.loc[table.index[rows][:n], "significant"] = True
            return several_headline(replace(tables, pairs_table=table))[1]

        limit = "(p_Holm \N{LESS-THAN OR EQUAL TO} 0.05)"
        assert tell(2, 2, 2) == f"Each of the 3 pairs of regions differs in 2 genes {limit}."
        assert tell(2, 1, 0) == f"Of the 3 pairs of regions, 2 differ in at least one gene {limit}:"
        assert tell(0, 0, 3) == f"Of the 3 pairs of regions, 1 differs in at least one gene {limit}:"
        assert tell(1, 2, 3) == f"Of the 3 pairs of regions, all differ in at least one gene {limit}:"

    def test_few_pairs_are_listed_with_their_genes(self, tables):
        table = tables.pairs_table.assign(significant=False)
        of_pair = (table["region_1"] == "A") & (table["region_2"] == "C")
        table.loc[table.index[of_pair][:1], "significant"] = True
        page = parse(replace(tables, pairs_table=table))
        lines = [line.get_text() for line in page.find(class_="found-pairs").find_all("li")]
        assert lines == ["A and C: 1 gene", "A and B: no gene", "B and C: no gene"]
        assert parse(tables).find(class_="found-pairs") is None  # each pair differs in as many

    @pytest.mark.parametrize(("ending", "title"), [("", "A, B and C"), (", left", "A, left; B, left; and C, left")])
    def test_names_with_commas_are_kept_apart(self, tables, ending, title):
        regions = [region | {"name": region["name"] + ending} for region in tables.settings["regions"]]
        pairs = [
            pair | {key: pair[key] + ending for key in ("region_1", "region_2")} for pair in tables.settings["pairs"]
        ]
        table = tables.pairs_table.assign(**{k: tables.pairs_table[k] + ending for k in ("region_1", "region_2")})
        samples = tables.samples.assign(region=tables.samples["region"] + ending)
        settings = tables.settings | {"regions": regions, "pairs": pairs}
        page = parse(replace(tables, settings=settings, pairs_table=table, samples=samples))
        assert page.find("h1").get_text() == title

    def test_in_a_narrow_window_the_first_columns_matter_most(self, tables):
        page = parse(tables)
        heads = [head.get_text() for head in page.find(id="differences").thead.find_all("th")]
        assert heads == ["Gene", "Difference", "pHolm", "Higher in", "Lower in", "pFWE in the pair"]
        assert page.find(id="genes-wide") is not None
        shown = page.find(id="genes").thead.find_all(lambda cell: cell.name == "th" and "extra" not in cell["class"])
        assert [head.get_text() for head in shown] == ["Gene", "pFWE", "F", "mean A", "mean B", "mean C"]

    def test_what_all_pairs_are_warned_of_is_said_once(self, tables):
        pairs = [pair | {"warnings": ["all weak", f"weak {i}"]} for i, pair in enumerate(tables.settings["pairs"])]
        shown = parse(replace(tables, settings=tables.settings | {"pairs": pairs})).find(class_="warnings").get_text()
        assert shown.count("ll weak.") == 1
        assert "In each pair: all weak." in shown
        assert "Weak 2." in shown

    def test_words_are_those_of_the_page_of_a_pair(self, tables):
        page = parse(tables)
        facts = {fact.dt.get_text(): fact.dd.get_text() for fact in page.find(class_="facts").find_all("div")}
        assert facts["Permuted"] == "labels, within each donor"
        assert facts["Smallest possible p"] == "0.0050"
        assert "Caveats" in page.find(class_="contents").get_text()

    def test_long_names_stand_in_the_title_alone(self, tables):
        regions = [
            region | {"name": f"area {name}, left"}
            for name, region in zip("ABC", tables.settings["regions"], strict=True)
        ]
        named = replace(tables, settings=tables.settings | {"regions": regions})
        assert several_headline(named)[0].startswith("2 of 4 genes differ between the 3 regions (p_FWE")

    def test_matrix_counts_and_leads_to_the_pairs(self, tables):
        pages = {pair["folder"]: f"{pair['folder']}/report.html" for pair in tables.settings["pairs"]}
        page = parse(tables, pages)
        links = page.find(class_="matrix").find_all("a")
        assert [link["href"] for link in links] == [f"pair_{pair}/report.html" for pair in ("1_2", "1_3", "2_3")]
        found = tables.pairs_table[tables.pairs_table["significant"]]
        for link, (first, second) in zip(links, [("A", "B"), ("A", "C"), ("B", "C")], strict=True):
            n = len(found[(found["region_1"] == first) & (found["region_2"] == second)])
            assert link.get_text() == str(n)
            assert link["aria-label"].startswith(f"{first} and {second}: {n} gene")
        assert not parse(tables).find(class_="matrix").find_all("a")  # without pages no link leads nowhere

    def test_every_difference_is_that_of_the_table(self, tables):
        rows = read_table(parse(tables).find(id="differences"))
        found = tables.pairs_table[tables.pairs_table["significant"]]
        assert len(rows) == len(found) > 0
        for (gene, size, _, higher, lower, _), row in zip(rows, found.to_dict("records"), strict=True):
            sides = [row["region_1"], row["region_2"]]
            assert [gene, higher, lower] == [row["gene"], *(sides if row["diff"] > 0 else sides[::-1])]
            assert float(size) == pytest.approx(abs(row["diff"]), abs=5e-4)  # three decimals

    def test_genes_are_those_of_the_omnibus_test(self, tables):
        page = parse(tables)
        rows = read_table(page.find(id="genes"))
        headings = [cell.get_text(strip=True) for cell in page.find(id="genes").thead.find_all("th")]
        assert [row[0].replace("(significant)", "").strip() for row in rows] == tables.omnibus["gene"].tolist()
        for row, of_gene in zip(rows, tables.omnibus.to_dict("records"), strict=True):
            assert float(row[headings.index("F")]) == pytest.approx(of_gene["f"], abs=5e-3)  # two decimals
            for number, name in enumerate("ABC", start=1):
                shown = row[headings.index(f"mean {name}")].replace("\N{MINUS SIGN}", "-")
                assert float(shown) == pytest.approx(of_gene[f"mean_{number}"], abs=5e-3)

    def test_design_is_donors_by_regions(self, tables):
        rows = read_table(parse(tables).find(class_="counts"))
        for row, donor in zip(rows, tables.settings["design"]["donors"], strict=True):
            assert row[0] == donor["donor_name"]
            assert [int(cell) for cell in row[1:]] == donor["n_samples"]

    def test_genes_asked_for_are_drawn(self, tables):
        page = parse(tables)
        assert [card["aria-label"] for card in page.find_all(class_="gene")] == tables.omnibus["gene"].tolist()
        assert [card.find(class_="panels")["data-row"] for card in page.find_all(class_="gene")] == list("0123")

    def test_nothing_is_asked_for_from_anywhere(self, tables):
        page = parse(tables)
        assert not page.find_all(src=True)
        assert not page.find_all("link")
        assert all(link["href"].startswith(("#", "https://doi.org/")) for link in page.find_all("a"))

    def test_ids_are_there_once_and_links_lead_to_them(self, tables):
        page = parse(tables)
        ids = [element["id"] for element in page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert {link["href"][1:] for link in page.find_all("a") if link["href"].startswith("#")} <= set(ids)

    def test_warnings_of_all_and_of_pairs_are_shown(self, tables):
        settings = tables.settings | {"warnings": ["one thing is weak"]}
        settings["pairs"] = [pair | {"warnings": [f"weak {i}"]} for i, pair in enumerate(settings["pairs"])]
        shown = parse(replace(tables, settings=settings)).find(class_="warnings").get_text()
        assert "One thing is weak." in shown
        assert all(f"Weak {i}." in shown for i in range(3))
        quiet = settings | {"warnings": [], "pairs": [pair | {"warnings": []} for pair in settings["pairs"]]}
        assert parse(replace(tables, settings=quiet)).find(class_="warnings") is None

    def test_simulated_data_are_called_so(self, tables):
        assert "Simulated data." in parse(tables).find(class_="banner").get_text()
        assert parse(to_tables(compare_toy(3))).find(class_="banner") is None


class TestOddResults:
    def test_names_may_hold_anything(self):
        tables = to_tables(compare_toy(3, names=[NASTY, '"); alert(2); ("', "<b>\N{BRAIN}</b>"]))
        page = parse(tables)
        assert page.find("img") is None
        assert page.find("main").find("b", string="\N{BRAIN}") is None
        assert page.find("h1").get_text().startswith("<img src=x onerror=alert(1)>")
        assert "<img" not in to_markdown(describe_several_methods(tables)).replace("\\<img", "")

    def test_no_significant_gene(self):
        tables = to_tables(compare_toy(3, shift=0.0))
        whole, pairs = several_headline(tables)
        assert whole.startswith("None of the 4 genes tested differs significantly between the 3 regions r1, r2 and r3")
        assert re.search(r"; the smallest p_FWE is 0\.\d{4} \(G\d\)\.$", whole)
        assert (
            pairs
            == "No gene differs significantly in any of the 3 pairs of regions (p_Holm \N{LESS-THAN OR EQUAL TO} 0.05)."
        )
        page = parse(tables)
        assert page.find(id="differences") is None
        assert "No gene differs significantly in a pair; the smallest pHolm is" in page.get_text()
        assert "none significant" in page.find(id="plots").find_next("h3").get_text()

    @pytest.mark.parametrize(("shift", "said"), [(6.0, "G0 differs"), (0.0, "G0 does not differ significantly")])
    def test_one_gene(self, shift, said):
        tables = to_tables(compare_toy(3, n_genes=1, shift=shift))
        assert several_headline(tables)[0].startswith(f"{said} between the 3 regions r1, r2 and r3 (p_FWE = ")
        assert len(parse(tables).find_all(class_="gene")) == 1

    def test_no_gene_that_can_be_tested(self):
        atlas = ToyAtlas([9, 9], ["G0"], np.ones((18, 1)))
        regions = [wells(f"r{k}", *(d * 1000 + 3 * k + i for d in (1, 2) for i in range(3))) for k in range(3)]
        tables = to_tables(compare(regions, atlas=atlas))
        assert several_headline(tables)[0] == "No gene could be tested between the 3 regions r0, r1 and r2."
        assert "No gene could be tested." in parse(tables).get_text()

    @pytest.mark.parametrize("n_regions", [4, 10])
    def test_many_regions(self, n_regions):
        tables = to_tables(compare_toy(n_regions))
        n_pairs = n_regions * (n_regions - 1) // 2
        assert f"the {n_pairs} pairs of regions" in several_headline(tables)[1]
        page = parse(tables)
        assert len(page.find(class_="matrix").tbody.find_all("tr")) == n_regions - 1
        assert len(page.find(class_="counts").thead.find_all("th")) == 1 + n_regions

    def test_probes_by_themselves(self):
        tables = to_tables(compare_toy(3, probes="single"))
        assert tables.unit == "probe"
        assert "of 4 probes" in several_headline(tables)[0]
        assert parse(tables).find(class_="gene")["aria-label"].startswith("G0 ")

    def test_many_genes_are_counted_and_the_first_drawn(self, tables):
        n = MAX_DRAWN + 3
        table = pd.concat([tables.omnibus.head(1)] * n, ignore_index=True)
        table["gene"] = [f"S{i}" for i in range(n)]
        zscores = pd.concat([tables.zscores["MAOA"]] * n, axis=1).set_axis(table["gene"], axis=1)
        settings = tables.settings | {"arguments": tables.settings["arguments"] | {"genes": None}}
        many = replace(tables, omnibus=table, zscores=zscores, settings=settings)
        assert several_headline(many)[0].endswith("first S0, S1 and S2 (p_FWE = 0.0050 each).")
        page = parse(many)
        assert len(page.find_all(class_="gene")) == MAX_DRAWN
        assert f"Drawn: {MAX_DRAWN}, those with the smallest pFWE. Left out: 3." in page.get_text()

    def test_a_gene_of_a_pair_alone_is_drawn(self, tables):
        omnibus = tables.omnibus.assign(significant=False)
        settings = tables.settings | {"arguments": tables.settings["arguments"] | {"genes": None}}
        page = parse(replace(tables, omnibus=omnibus, settings=settings))
        assert "Genes that differ in a pair of regions only" in page.get_text()

    def test_pairs_without_a_test_say_why(self):
        two = [wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003), wells("apart", 3000, 3001)]
        atlas = ToyAtlas([6, 6, 5], ["G0", "G1"], np.random.default_rng(0).normal(size=(17, 2)))
        tables = to_tables(compare(two, atlas=atlas))
        page = parse(tables)
        assert page.find(class_="matrix").get_text().count("no test") == 2
        assert "impossible: no donor has samples in both 'one'" in page.get_text()
        assert "1 pair; 2 pairs admitted no test" in describe_several_methods(tables).paragraph
        assert several_headline(tables)[1].startswith("No gene differs significantly in the only pair that admits")
        assert "from 3 donors, 2 of whom have samples in at least two regions." in describe_several_samples(tables)

    def test_no_pair_that_can_be_tested(self, tables):
        pairs = [pair | {"status": "impossible: because", "folder": None} for pair in tables.settings["pairs"]]
        table = tables.pairs_table.assign(significant=False, status="impossible: because")
        none = replace(tables, pairs_table=table, settings=tables.settings | {"pairs": pairs})
        assert several_headline(none)[1] == "No pair of regions admits a test."
        assert "No pair of regions admitted a test of its own." in describe_several_methods(none).paragraph
        assert TestDrawings().embed(none)["cards"] == {}

    def test_a_p_that_cannot_be_reached_is_told(self, tables):
        settings = tables.settings | {"permutation": tables.settings["permutation"] | {"smallest_p": 0.1667}}
        assert describe_several_resolution(settings).endswith(
            "No p-value below 0.1667 is possible, so that no gene could reach 0.05 in this run."
        )
        assert "possible" not in describe_several_resolution(tables.settings)


class TestDrawings:
    def embed(self, tables):
        page = parse(tables)
        packed = page.find(id="panels-data").get_text()
        return json.loads(gzip.decompress(base64.b64decode(packed)))

    def test_samples_stand_in_their_regions(self, tables):
        samples = self.embed(tables)["samples"]
        assert samples["regions"] == ["A", "B", "C"]
        assert [samples["regions"][place] for place in samples["region"]] == list(tables.samples["region"])

    def test_pairs_stand_in_the_order_of_the_regions_whatever_their_p(self, tables):
        head = self.embed(tables)
        gene = tables.pairs_table[tables.pairs_table["gene"] == tables.omnibus["gene"].iloc[0]]
        expected = {frozenset((row["region_1"], row["region_2"])): row for row in gene.to_dict("records")}
        rows = head["cards"]["0"]["pairs"]["rows"]
        assert [row["pair"] for row in rows] == [["A", "B"], ["A", "C"], ["B", "C"]]
        for row in rows:
            of_pair = expected[frozenset(row["pair"])]
            sign = 1 if of_pair["region_1"] == row["pair"][0] else -1
            assert row["diff"] == pytest.approx(sign * of_pair["diff"], abs=5e-5)  # four decimals
            assert row["p"] == format_p(of_pair["p_fwe_holm"])
            assert row["isSignificant"] == of_pair["significant"]

    def test_of_many_pairs_the_first_are_drawn(self):
        pairs = self.embed(to_tables(compare_toy(6)))["cards"]["0"]["pairs"]
        assert len(pairs["rows"]) == MAX_PAIRS
        assert "of 15 pairs" in pairs["note"]

    def test_pairs_of_regions_with_long_names_go_by_numbers(self):
        tables = to_tables(compare_toy(3, names=[f"simulated area {letter}, left" for letter in "ABC"]))
        pairs = self.embed(tables)["cards"]["0"]["pairs"]
        assert pairs["isNumbered"]
        assert [row["called"] for row in pairs["rows"]] == ["1 \N{EN DASH} 2", "1 \N{EN DASH} 3", "2 \N{EN DASH} 3"]


class TestMethods:
    def test_every_reference_is_cited_and_none_is_missing(self, tables):
        methods = describe_several_methods(tables)
        cited = {reference.cited for reference in methods.references}
        assert {"Bludau et al. 2018", "Holm 1979", "Westfall and Young 1993"} <= cited
        assert all(f"{reference}" in methods.paragraph for reference in cited)

    def test_sentences_are_those_of_the_run(self, tables):
        said = describe_several_methods(tables).paragraph
        assert "between 3 brain regions" in said
        assert "(2 and 60 degrees of freedom)" in said
        assert "199 random relabellings were drawn (seed 3)" in said
        assert "the 4 genes tested" in said
        assert "compared two by two (3 pairs)" in said
        preset = tables.settings | {"arguments": tables.settings["arguments"] | {"preset": "bludau2018"}}
        assert (
            "starting from its preset bludau2018"
            in describe_several_methods(replace(tables, settings=preset)).paragraph
        )

    def test_the_call_gives_the_same_numbers_again(self, result):
        ((language, code),) = list_several_reproductions(result.settings)
        assert language == "Python"
        names = {}
        exec(code, names)
        pd.testing.assert_frame_equal(names["result"].pairs_table, result.pairs_table)

    def test_regions_that_cannot_be_written_are_left_to_the_reader(self):
        settings = compare_toy(3).settings | {"command": "jugex compare a b c --out /somewhere/else/abc"}
        (shell, command), (_, code) = list_several_reproductions(settings)
        assert (shell, command) == ("shell", "jugex compare a b c --out abc")
        assert "    ...,  # " in code
        preset = settings | {"arguments": settings["arguments"] | {"preset": "bludau2018"}}
        assert "preset='bludau2018'," in list_several_reproductions(preset)[1][1]

    def test_structures_are_looked_up_in_the_atlas(self, tables):
        regions = [{"kind": "anatomical structure", "asked": "simA", "name": "x"}] * 3
        code = list_several_reproductions(tables.settings | {"regions": regions})[0][1]
        assert "    jugex.Region.from_structure('simA', name='x', atlas=atlas),\n" in code


@pytest.fixture
def saved(tables, tmp_path, monkeypatch):
    """A folder of a comparison, whose pairs hold a page alone."""

    def save_one(result, folder):
        folder.mkdir()
        (folder / "report.html").write_text("")

    monkeypatch.setattr("jugex.report.several_files.save_result", save_one)
    pairs = {(pair["region_1"], pair["region_2"]): None for pair in tables.settings["pairs"]}
    return save_several(tables, pairs, tmp_path / "out")


class TestFiles:
    def test_read_again_the_page_is_the_same(self, saved, tables):
        pages = {f"pair_{pair}": f"pair_{pair}/report.html" for pair in ("1_2", "1_3", "2_3")}
        assert (saved / "report.html").read_text(encoding="utf-8") == render_several(load_several(saved), pages)
        assert "Holm 1979" in (saved / "methods.md").read_text(encoding="utf-8")
        read = load_several(saved)
        for name in ("omnibus", "pairs_table", "samples", "zscores"):
            pd.testing.assert_frame_equal(
                getattr(read, name), getattr(tables, name), rtol=1e-9, check_dtype=False, check_column_type=False
            )

    def test_many_genes_have_a_file_of_their_own(self, tables, tmp_path, monkeypatch):
        monkeypatch.setattr("jugex.report.files.MAX_GENES_IN_SAMPLES", 2)
        monkeypatch.setattr("jugex.report.several_files.save_result", lambda result, folder: folder.mkdir())
        pairs = {(pair["region_1"], pair["region_2"]): None for pair in tables.settings["pairs"]}
        read = load_several(save_several(tables, pairs, tmp_path / "many"))
        assert (tmp_path / "many" / "zscores.parquet").exists()
        assert render_several(read, {}) == (tmp_path / "many" / "report.html").read_text(encoding="utf-8")

    def test_links_start_where_the_page_lies(self, saved, tmp_path):
        elsewhere = write_several_report(load_several(saved), tmp_path / "page.html", beside=saved)
        page = bs4.BeautifulSoup(elsewhere.read_text(encoding="utf-8"), "html.parser")
        assert page.find(class_="matrix").find("a")["href"] == "out/pair_1_2/report.html"

    def test_names_of_folders_may_hold_what_means_something_in_links(self, saved, tables, tmp_path):
        folder = saved.rename(tmp_path / "javascript:alert(1)#a?b%41 \N{LATIN SMALL LETTER U WITH DIAERESIS}")
        write_several_report(tables, tmp_path / "all.html", beside=folder)
        page = bs4.BeautifulSoup((tmp_path / "all.html").read_text(encoding="utf-8"), "html.parser")
        link = urlsplit(page.find(class_="matrix").find("a")["href"])
        assert (link.scheme, link.query, link.fragment) == ("", "", "")
        assert (tmp_path / unquote(link.path)).is_file()

    def test_a_page_on_another_drive_is_linked_as_a_whole(self, saved, tables, tmp_path, monkeypatch):
        def refuse(*_):
            raise ValueError("path is on mount 'C:', start on mount 'D:'")  # as on Windows

        monkeypatch.setattr("jugex.report.several_files.relpath", refuse)
        write_several_report(tables, tmp_path / "all.html", beside=saved)
        page = bs4.BeautifulSoup((tmp_path / "all.html").read_text(encoding="utf-8"), "html.parser")
        assert page.find(class_="matrix").find("a")["href"] == (saved / "pair_1_2" / "report.html").as_uri()

    def test_a_page_that_is_gone_has_no_link(self, saved):
        (saved / "pair_1_3" / "report.html").unlink()
        write_several_report(load_several(saved), saved / "report.html", beside=saved)
        page = bs4.BeautifulSoup((saved / "report.html").read_text(encoding="utf-8"), "html.parser")
        assert [link["href"][:8] for link in page.find(class_="matrix").find_all("a")] == ["pair_1_2", "pair_2_3"]

    def test_a_page_that_cannot_be_written(self, saved):
        with pytest.raises(OutputError, match=r"no/report\.html cannot be written"):
            write_several_report(load_several(saved), saved / "no" / "report.html", beside=saved)

    @pytest.mark.parametrize("name", ["pairs.tsv", "samples.tsv", "settings.json"])
    def test_a_file_that_is_missing(self, saved, name):
        (saved / name).unlink()
        with pytest.raises(ResultError, match="holds a comparison of several regions that cannot be read"):
            load_several(saved)

    @pytest.mark.parametrize(
        ("name", "text"),
        [("settings.json", '{"versions": {}}'), ("settings.json", "{"), ("omnibus.tsv", "gene\tp_fwe\nA\t0.1\n")],
    )
    def test_a_file_that_is_something_else(self, saved, name, text):
        (saved / name).write_text(text, encoding="utf-8")
        with pytest.raises(ResultError, match=r"cannot be read .*; run jugex compare again, or name the folder of a"):
            load_several(saved)

    def test_the_command_writes_it_again(self, saved, tmp_path, capsys):
        before = (saved / "report.html").read_text(encoding="utf-8")
        (saved / "report.html").unlink()
        assert cli.main(["report", str(saved)]) == 0
        assert (saved / "report.html").read_text(encoding="utf-8") == before
        assert "report.html (of all regions; for the report of a pair, name its folder)" in capsys.readouterr().out
        assert cli.main(["report", str(saved), "--out", str(tmp_path / "page.html")]) == 0
        (saved / "pairs.tsv").unlink()
        assert cli.main(["report", str(saved)]) == 1
        assert "several regions that cannot be read" in capsys.readouterr().err


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("browser tests need chromium (Debian: apt install chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser, tmp_path):
    contexts = []

    def open_one(tables, **options):
        (tmp_path / "report.html").write_text(render_several(tables, {"pair_1_2": "pair_1_2/report.html"}), "utf-8")
        contexts.append(browser.new_context(offline=True, **options))
        page, said = contexts[-1].new_page(), []
        page.on("request", lambda request: said.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: message.type == "error" and said.append(message.text))
        page.goto((tmp_path / "report.html").as_uri())
        page.locator("body.living").wait_for()
        return page, said

    yield open_one
    for context in contexts:
        context.close()


class TestBrowser:
    def test_table_lives_and_nothing_is_requested(self, open_page, tables):
        page, said = open_page(tables)
        assert len(said) == 1  # the page itself
        page.fill("#genes-search", "tac")
        page.wait_for_timeout(200)
        assert page.locator("#genes tbody tr").count() == 1
        page.fill("#genes-search", "")
        page.wait_for_timeout(200)
        page.click("#genes thead th:first-child button")
        assert page.locator("#genes tbody th").first.inner_text() == "GAD2"
        with page.expect_download() as download:
            page.click("#genes-tsv")
        assert download.value.suggested_filename == "omnibus.tsv"
        assert len(said) == 1

    def test_draws_samples_and_pairs(self, open_page, tables):
        page, said = open_page(tables)
        page.locator("#gene-0").scroll_into_view_if_needed()
        page.locator("#gene-0 svg").nth(1).wait_for()
        labels = page.eval_on_selector_all("#gene-0 svg", "all => all.map(one => one.getAttribute('aria-label'))")
        assert labels[0].startswith("z-scores by region: A, 27 samples, median ")
        assert labels[1].startswith("Differences of pairs of regions, with p corrected by Holm's procedure: A minus B ")
        assert len(said) == 1

    @pytest.mark.parametrize("width", [1440, 768, 390])
    def test_fits_every_width(self, open_page, width):
        page, _ = open_page(to_tables(compare_toy(10, names=[f"{'A' * 199}{i}" for i in range(10)])))
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1440, 390])
    def test_is_accessible(self, open_page, tables, width, scheme):
        if not AXE.exists():
            pytest.skip("the test of accessibility needs axe-core: npm install axe-core")
        page, _ = open_page(tables, color_scheme=scheme, viewport={"width": width, "height": 900})
        page.evaluate("for (const part of document.querySelectorAll('details')) { part.open = true; }")
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(entry["id"], [node["html"][:200] for node in entry["nodes"]]) for entry in found] == []
