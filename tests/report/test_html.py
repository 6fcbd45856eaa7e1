"""The page as a reader's browser sees it: what must be there, and what must not."""

from __future__ import annotations

import copy
import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from jugex.report import html
from jugex.report.html import render_report

NASTY = "<script>alert('x')</script> \"quoted\" & \N{GRINNING FACE} $\\x_1{$ " + "long" * 40


def parse(result):
    return BeautifulSoup(render_report(result), "html.parser")


def section(page, key):
    return page.find("section", {"aria-labelledby": key})


def read_cells(table):
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


def read_rows(page):
    return read_cells(page.find(id="genes"))


def with_settings(result, **changes):
    settings = copy.deepcopy(result.settings)
    for key, change in changes.items():
        settings[key] = {**settings[key], **change} if isinstance(change, dict) else change
    return dataclasses.replace(result, settings=settings)


@pytest.fixture(scope="module")
def page(make_result):
    return parse(make_result())


class TestStandsAlone:
    def test_loads_nothing(self, page):
        for link in page.find_all("a"):
            assert link["href"].startswith("https://doi.org/")
        for tag in page.find_all(lambda tag: tag.name != "a"):
            for name in ("src", "href", "data", "poster", "srcset", "action", "xlink:href"):
                assert tag.get(name, "#").startswith(("data:image/png;base64,", "#"))
        assert not page.find_all(["link", "iframe", "object", "embed", "base"])
        text = str(page)
        assert not re.search(r"url\((?!#)", text)
        assert "@import" not in text
        assert not re.search(r"\b(fetch|XMLHttpRequest|import)\s*\(", text)

    def test_forbids_the_browser_to_load_anything(self, page):
        policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none';")
        assert "http" not in policy

    def test_is_the_same_every_time(self, make_result):
        assert render_report(make_result()) == render_report(make_result())

    def test_ids_are_unique_and_references_lead_to_them(self, page):
        ids = [tag["id"] for tag in page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        text = str(page)
        targets = re.findall(r'href="#([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text)
        targets += [tag["aria-labelledby"] for tag in page.find_all(attrs={"aria-labelledby": True})]
        assert set(targets) <= set(ids)

    def test_names_no_folder_of_this_machine(self, page):
        assert not re.search(r"/(home|tmp|Users|root)/", page.get_text())


class TestStructure:
    def test_sections_stand_in_order(self, page):
        assert [h.get_text() for h in page.find_all("h2")] == [
            "Design", "Results", "Expression by region and donor", "How far to trust it", "Where the samples lie",
            "Caveats", "Methods", "Settings",
        ]  # fmt: skip

    def test_is_semantic(self, page):
        assert page.html["lang"] == "en"
        assert len(page.find_all("main")) == len(page.find_all("h1")) == 1
        assert all(table.caption and table.caption.get_text(strip=True) for table in page.find_all("table"))
        assert all(cell.get("scope") in ("col", "row") for cell in page.find_all("th"))
        assert all(image.get("alt") for image in page.find_all("img"))

    def test_title_names_both_regions(self, page):
        assert page.h1.get_text() == "Fp1 left and Fp2 left"
        assert page.title.get_text() == "Fp1 left and Fp2 left: differential gene expression"

    def test_headline_stands_below_the_title(self, page):
        text = page.find(class_="headline").get_text().replace("\N{NO-BREAK SPACE}", " ")
        assert text == (
            "2 of 3 genes differ between Fp1 left and Fp2 left (pFWE \N{LESS-THAN OR EQUAL TO} 0.05): MAOA and TAC1 "
            "are higher in Fp2 left (pFWE = 0.0003 and 0.0009)."
        )


class TestBannerAndWarnings:
    def test_simulated_data_say_so_on_top_and_in_the_title(self, make_result):
        page = parse(make_result(simulated=True))
        first = page.body.find(True)
        assert first["class"] == ["banner"]
        assert "Simulated data." in first.get_text()
        assert "(simulated data)" in page.title.get_text()

    def test_measured_data_have_no_banner(self, page):
        assert page.find(class_="banner") is None
        assert "imulated data" not in page.get_text()

    def test_warnings_are_shown_as_sentences(self, make_result):
        warnings = ["two samples <b> were dropped", "q_fdr cannot reach 0.05."]
        page = parse(with_settings(make_result(), warnings=warnings))
        items = [item.get_text() for item in section(page, "warnings").find_all("li")]
        assert items == ["Two samples <b> were dropped.", "qFDR cannot reach 0.05."]

    def test_no_warnings_no_section(self, page):
        assert section(page, "warnings") is None


class TestDesign:
    def test_lists_donors_with_samples_and_weights(self, page, make_result):
        shown = read_cells(section(page, "design").find("table"))
        expected = make_result().settings["design"]["donors"]
        assert [[r[0], r[4], r[5], r[6]] for r in shown] == [
            [d["donor_name"], str(d["n_1"]), str(d["n_2"]), f"{d['weight']:.2f}"] for d in expected
        ]
        assert shown[0][1:4] == ["24", "M", "Hispanic"]
        assert [r[7] for r in shown] == ["", "", "one region only", "one region only", "", "one region only"]

    def test_shows_shared_samples_and_their_wells(self, page):
        assert read_cells(section(page, "design").find("details")) == [
            ["4547", "H0351.1015", "0.300", "0.500", "given to Fp2 left"],
            ["127686937", "H0351.2001", "none", "none", "tie: left out"],
        ]

    def test_shows_the_limits_of_the_design(self, page):
        design = section(page, "design")
        facts = {fact.dt.get_text(): fact.dd.get_text() for fact in design.find(class_="facts").find_all("div")}
        assert facts == {
            "Donors in both regions": "3 of 6", "Effective donors": "2.30", "Residual df": "21",
            "Permutation": "within-donor", "Distinct relabellings": "37,800", "Smallest attainable p": "0.0001",
        }  # fmt: skip
        text = " ".join(design.get_text().split())
        assert "multiples of 1/10,001 (0.0001)" in text
        assert "3 samples of Fp1 left, 2 of Fp2 left" in text

    def test_says_where_no_gene_could_be_significant(self, make_result):
        result = with_settings(make_result(), design={"smallest_p": {"within-donor": 0.25, "free": 0.25}})
        assert "No gene could reach pFWE" in section(parse(result), "design").get_text()

    def test_enumerated_relabellings_have_no_monte_carlo_error(self, make_result):
        text = section(parse(with_settings(make_result(), permutation={"exhaustive": True})), "design").get_text()
        assert "All 37,800 distinct relabellings were enumerated" in text
        assert "1/10,001" not in text

    def test_no_shared_samples(self, make_result):
        text = section(parse(with_settings(make_result(), overlap={"shared": []})), "design").get_text()
        assert "No sample lies in both regions." in text


class TestResults:
    def test_every_number_is_that_of_the_table(self, page, make_result):
        columns = ["p_fwe", "p_perm", "q_fdr", "diff", None, "log2_fc", "hedges_g", "f", "p_parametric", "n_probes"]
        rows = page.find(id="genes").tbody.find_all("tr")
        for row, (_, gene) in zip(rows, make_result().table.iterrows(), strict=True):
            assert row.th.get_text().removesuffix(" (significant)") == gene["gene"]
            for cell, column in zip(row.find_all("td")[1:], columns, strict=True):
                if column is None:
                    assert cell.get_text() == f"{gene['ci_low']:.3f} to {gene['ci_high']:.3f}"
                    continue
                assert float(cell["data-value"]) == gene[column]
                decimals = len(cell.get_text().partition(".")[2])
                if column.startswith(("p_", "q_")):
                    assert cell.get_text() == f"{gene[column]:#.3g}"
                else:  # half a unit of the last digit shown
                    assert float(cell.get_text()) == pytest.approx(gene[column], abs=0.51 * 10.0**-decimals)

    def test_direction_is_the_sign_of_the_difference(self, page):
        assert [row[1] for row in read_rows(page)] == ["Fp2 left", "Fp2 left", "Fp1 left"]

    def test_significant_rows_are_marked_in_words_too(self, page):
        assert [row[0] for row in read_rows(page)] == ["MAOA (significant)", "TAC1 (significant)", "GRIA2"]

    def test_p_is_never_zero(self, make_result):
        result = make_result()
        result.table["p_parametric"] = 0.0
        assert {row[10] for row in read_rows(parse(result))} == {"< 1e-300"}

    def test_says_how_many_rows_are_left_out(self, make_result, monkeypatch):
        monkeypatch.setattr(html, "MAX_ROWS", 2)
        page = parse(make_result())
        assert len(read_rows(page)) == 2
        assert "The first 2 are shown; 1 more stand in results.tsv." in page.find(id="genes").caption.get_text()

    def test_genes_without_test_stand_apart_with_their_reason(self, make_result):
        result = make_result(["A", "B"], [0.01, np.nan], [1.0, np.nan])
        page = parse(with_settings(result, genes={"missing": ["NOGENE"]}))
        assert [row[0] for row in read_rows(page)] == ["A (significant)"]
        terms = {d.dt.get_text(): d.dd.get_text() for d in section(page, "results").find_all("dl")[-1].find_all("div")}
        assert terms == {
            "not tested: constant over the samples used (1)": "B",
            "asked for, but not in the atlas (1)": "NOGENE",
        }

    def test_no_gene_tested(self, make_result):
        page = parse(make_result(["A"], [np.nan], [np.nan]))
        assert page.find(id="genes") is None
        assert "No gene could be tested" in page.find(class_="headline").get_text()
        assert section(page, "plots") is None


class TestPlots:
    def titles(self, page):
        groups = {h.get_text(): h.find_next(class_="plots") for h in section(page, "plots").find_all("h3")}
        return {title: [figure.b.get_text() for figure in group.find_all("figure")] for title, group in groups.items()}

    def test_significant_genes_only_where_all_genes_were_tested(self, page):
        assert self.titles(page) == {"Significant genes": ["MAOA", "TAC1"]}

    def test_genes_asked_for_are_drawn_as_well(self, make_result):
        result = make_result(requested=["GRIA2", "MAOA", "TAC1"])
        assert self.titles(parse(result)) == {
            "Significant genes": ["MAOA", "TAC1"], "Other genes asked for, not significant": ["GRIA2"],
        }  # fmt: skip

    def test_best_genes_where_none_is_significant(self, make_result):
        genes = [f"G{i}" for i in range(8)]
        titles = self.titles(parse(make_result(genes, np.linspace(0.1, 0.9, 8), [1.0] * 8)))
        assert titles == {"The 6 genes with the smallest pFWE, none significant": genes[:6]}

    def test_says_how_many_are_left_out(self, make_result, monkeypatch):
        monkeypatch.setattr(html, "MAX_SIGNIFICANT_PLOTS", 1)
        text = section(parse(make_result()), "plots").get_text()
        assert "Drawn: 1, those with the smallest pFWE. Left out: 1." in text

    def test_captions_tell_the_numbers(self, page):
        labels = [figure["aria-label"] for figure in section(page, "plots").find_all("figure")]
        assert labels[0] == "MAOA: F(1, 21) = 20.00, p_FWE = 0.0003, significant"

    def test_legend_names_the_donors(self, page):
        names = [item.get_text(strip=True) for item in section(page, "plots").find(class_="legend").find_all("li")]
        assert names == sorted(names)
        assert len(names) == 6


class TestBrain:
    def test_shows_three_views_and_outlines(self, page):
        brain = section(page, "brain")
        assert [image["alt"].split(",")[0] for image in brain.find_all("img")] == ["sagittal", "coronal", "axial"]
        assert "outlines of the regions, projected" in brain.get_text()

    def test_result_from_disk_says_why_outlines_are_missing(self, make_result):
        text = section(parse(make_result(fresh=False)), "brain").get_text()
        assert "outlines of the regions are not drawn" in text

    @pytest.mark.parametrize(
        ("n_missing", "expected"),
        [(1, "1 sample without a coordinate is not shown."), (28, "No sample has a coordinate")],
    )
    def test_samples_without_coordinate_are_counted(self, make_result, n_missing, expected):
        result = make_result()
        result.samples.loc[: n_missing - 1, ["mni_x", "mni_y", "mni_z"]] = np.nan
        assert expected in section(parse(result), "brain").get_text()


class TestNames:
    def test_of_users_are_escaped_everywhere(self, make_result):
        result = make_result([NASTY, "B"], [0.01, 0.5], [1.0, -1.0], names=(NASTY, "<img src=x>"), requested=[NASTY])
        page = parse(with_settings(result, warnings=[NASTY]))
        assert len(page.find_all("script")) == 1
        assert "alert(" not in page.script.get_text()
        assert [image["src"][:5] for image in page.find_all("img")] == ["data:"] * 3
        assert page.h1.span.get_text() == NASTY
        assert read_rows(page)[0][0] == NASTY + " (significant)"


class TestSettings:
    def test_show_checksums_and_versions(self, page):
        text = section(page, "settings").get_text()
        assert "ab" * 32 in text
        assert "cd" * 32 in text
        assert "2.1.0" in text

    def test_command_is_shown_where_there_was_one(self, make_result):
        page = parse(with_settings(make_result(), command="jugex compare a.nii.gz b.nii.gz --out <out>"))
        assert section(page, "settings").pre.get_text() == "jugex compare a.nii.gz b.nii.gz --out <out>"

    def test_caveats_follow_the_options(self, page, make_result):
        free = parse(make_result(exchange="free", statistic="sequential"))
        assert "across donors" in section(free, "caveats").get_text()
        assert "does not adjust region for donor" in section(free, "caveats").get_text()
        assert "across donors" not in section(page, "caveats").get_text()
        assert "p_boundary" in section(page, "caveats").get_text()


def test_columns_of_a_nullable_type_may_be_empty(make_result):
    result = make_result()
    result.table["n_probes"] = pd.array([pd.NA, 2, 3], dtype="Int64")
    assert [row[-1] for row in read_rows(parse(result))] == ["", "2", "3"]
