"""The page as a parser sees it: what must be there, and what must not."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

from jugex._text import format_p
from jugex.model.findings import NotConfirmable, SamplesDropped, UnreachableAlpha
from jugex.model.record import GroupMembership, RungCounts
from jugex.query.samples import COORDINATES
from jugex.report import cards, results_table
from jugex.report.page import list_facts, render_page, to_sentence, typeset
from jugex.report.page_data import hash_script
from jugex.report.summary import format_value
from jugex.report.tables import format_tsv, write_tsv
from tests.report.conftest import compare_toy
from tests.report.helpers import NASTY, change, change_regions, parse, plain, read_cells, read_facts, section
from tests.toy import ToyAtlas, wells


def read_rows(page):
    return read_cells(page.find(id="genes"))


def read_data(page):
    return gzip.decompress(base64.b64decode(page.find(id="results-data").get_text())).decode("utf-8")


def read_info(page):
    return json.loads(page.find(id="info").get_text())


def to_tsv(table):
    return format_tsv(table)


@pytest.fixture(scope="module")
def page(make_result):
    return parse(make_result())


class TestStandsAlone:
    def test_loads_nothing(self, page):
        for link in page.find_all("a"):
            assert link["href"].startswith(("https://doi.org/", "#"))
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
        assert "unsafe-eval" not in policy
        [scripts] = [part for part in policy.split("; ") if part.startswith("script-src")]
        assert "unsafe-inline" not in scripts
        for script in page.find_all("script", type=False):
            digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in scripts

    def test_a_script_that_slips_in_is_not_among_those_that_may_run(self, make_result, monkeypatch):
        monkeypatch.setattr("jugex.report.page.summarize_planted", lambda _: Markup("<script>evil()</script>"))
        page = parse(make_result())
        policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert page.find("script", string="evil()")
        assert hash_script("evil()") not in policy

    def test_holds_the_plotting_library_once_with_its_licence(self, page):
        text = str(page)
        assert len(page.find_all(id="plotly-code")) == 1
        assert text.count("Licensed under the MIT license") == 1
        code = gzip.decompress(base64.b64decode(page.find(id="plotly-code").get_text())).decode("utf-8")
        assert code.startswith("/**\n* plotly.js v")

    def test_is_the_same_every_time(self, make_result):
        assert render_page(make_result()) == render_page(make_result())

    def test_ids_are_unique_and_references_lead_to_them(self, page):
        ids = [tag["id"] for tag in page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        text = str(page)
        targets = re.findall(r'href="#(?!gene=)([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text)
        for name in ("aria-labelledby", "aria-describedby", "for"):
            targets += [tag[name] for tag in page.find_all(attrs={name: True})]
        assert set(targets) <= set(ids)

    def test_names_no_folder_of_this_machine(self, page):
        assert not re.search(r"/(home|tmp|Users|root)/", page.get_text())


class TestStructure:
    def test_sections_stand_in_order(self, page):
        assert [h.get_text() for h in page.find_all("h2")] == [
            "All genes at a glance", "Table", "Gene by gene", "What to do next", "Design", "How far to trust it",
            "Where the samples lie", "Methods", "Settings",
        ]  # fmt: skip

    def test_is_semantic(self, page):
        assert page.html["lang"] == "en"
        assert len(page.find_all("main")) == len(page.find_all("h1")) == 1
        assert all(table.caption and table.caption.get_text(strip=True) for table in page.find_all("table"))
        assert all(cell.get("scope") in ("col", "row") for cell in page.find_all("th"))
        assert all(image.get("alt") for image in page.find_all("img"))
        assert all(drawing.get("aria-label") for drawing in page.find_all("svg", role="img"))

    def test_every_control_has_a_label(self, page):
        labelled = {label["for"] for label in page.find_all("label", attrs={"for": True})}
        for control in page.find_all(["input", "select"]):
            assert control.get("id") in labelled or control.get("aria-label") or control.find_parent("label")
        assert all(button.get_text(strip=True) for button in page.find_all("button"))

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
        page = parse(
            change(make_result(), findings=(SamplesDropped(n=2), NotConfirmable(n_relabellings=1, alpha=0.05)))
        )
        items = [item.get_text() for item in section(page, "warnings").find_all("li")]
        assert items[0] == "2 samples left out because of missing values. What this means"
        assert items[1].startswith("Within donors there is 1 relabelling, too few to reach alpha = 0.05: ")

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            ("p_perm is 0.1", "Uncorrected <i>p</i> is 0.1."),
            ("two samples <b>", "Two samples &lt;b&gt;."),
            ("q_fdr cannot reach 0.05.", "<i>q</i><sub>FDR</sub> cannot reach 0.05."),
            (
                "no p_fwe <= 0.05",
                "No <i>p</i><sub>FWE</sub>\N{NO-BREAK SPACE}\N{LESS-THAN OR EQUAL TO}\N{NO-BREAK SPACE}0.05.",
            ),
        ],
    )
    def test_names_of_columns_are_typeset(self, words, shown):
        assert str(typeset(to_sentence(words))).replace("&nbsp;", "\N{NO-BREAK SPACE}") == shown

    def test_no_warnings_no_section(self, page):
        assert section(page, "warnings") is None


class TestDesign:
    def test_lists_donors_with_samples_and_weights(self, page, make_result):
        shown = read_cells(section(page, "design").find("table"))
        expected = make_result().record.design.donors
        total = sum(donor.weight for donor in expected)
        assert [r[:4] for r in shown] == [
            [donor.donor_name, *map(str, donor.n_samples), f"{100 * donor.weight / total:.0f} %"] for donor in expected
        ]
        assert shown[0][5:8] == ["24", "M", "Hispanic"]
        assert [r[4] for r in shown] == ["", "", "one region only", "one region only", "", "one region only"]

    def test_genes_that_nearly_reach_are_told_of_if_there_are_any(self, make_result):
        for p, n in ((0.19, 1), (0.21, 0)):
            page = parse(make_result(p_fwe=(0.01, p, 0.5)))
            assert len(page.find_all(id="next-near")) == n
            shown = page.find(id="genes-show").find_all("option", value="near")
            assert [option.get_text() for option in shown] == ["nearly reaching (corrected p at most 0.2: 1)"] * n

    def test_shows_shared_samples_and_their_wells(self, page):
        assert read_cells(section(page, "design").find("details")) == [
            ["4547", "H0351.1015", "0.300", "0.500", "counted in Fp2 left"],
            ["127686937", "H0351.2001", "none", "none", "left out: equally probable"],
        ]

    def test_shows_the_limits_of_the_design(self, page):
        design = section(page, "design")
        facts = read_facts(design.find(class_="facts"))
        assert facts == {
            "Donors with both regions": "3 of 6", "Effective donors": "2.30", "Residual degrees of freedom": "21",
            "Permuted": "labels within each donor", "Distinct relabellings": "37,800", "Smallest possible p": "0.0001",
        }  # fmt: skip
        text = " ".join(design.get_text().split())
        assert "multiples of 1/10,001 (0.0001)" in text
        assert re.search(
            r"border between two voxels \(3 of the \d+ found in Fp1 left and 2 of the \d+ found in Fp2 left, before "
            r"samples in both regions were settled\); each counts as lying in the voxel with the even index", text
        )  # fmt: skip
        assert (
            "2 samples lie in both regions: 1 was counted in Fp2 left, where it is more probable; 1 was left out, as "
            "neither region is the more probable one."
        ) in text

    def test_donors_of_simulated_data_are_nobody(self, make_result):
        text = section(parse(make_result(simulated=True)), "design").get_text()
        assert "Hispanic" not in text
        assert "Age" not in text

    def test_what_freedman_lane_permutes(self, make_result):
        facts = read_facts(section(parse(make_result(exchange="freedman-lane")), "design").find(class_="facts"))
        assert facts["Permuted"] == "residuals of the model without region (Freedman-Lane)"

    def test_no_sample_between_voxels_is_not_mentioned(self, make_result):
        assert "voxels" not in section(parse(change_regions(make_result(), n_between_voxels=0)), "design").get_text()

    def test_says_where_no_gene_could_be_significant(self, make_result):
        text = section(parse(change(make_result(), permutation={"smallest_p": 0.25})), "design").get_text()
        assert "No gene could reach pFWE ≤ 0.05 in this run: no p below 0.2500 is possible." in plain(text)

    def test_enumerated_relabellings_have_no_monte_carlo_error(self, make_result):
        run = {"exhaustive": True, "n_permutations": 37800}
        text = section(parse(change(make_result(), permutation=run)), "design").get_text()
        assert "All 37,800 distinct relabellings were tried" in text
        assert "1/10,001" not in text

    def test_limits_are_those_of_the_run_and_not_of_its_design(self, make_result):
        run = {"exhaustive": True, "n_permutations": 18, "n_collinear_redrawn": 2, "smallest_p": 1 / 9}
        design = section(parse(change(make_result(), permutation=run)), "design")
        facts = read_facts(design.find(class_="facts"))
        assert facts["Distinct relabellings"] == "18"
        assert facts["Smallest possible p"] == "0.1111"
        text = " ".join(design.get_text().split())
        assert "All 18 distinct relabellings in which region is not collinear with donor were tried" in text

    def test_names_with_braces_stay_as_they_are(self, make_result):
        made = make_result(names=("{1}", "{n}"))
        shared = (dataclasses.replace(made.record.overlap.shared[0], decision="region 1"),)
        text = section(parse(change(made, overlap={"shared": shared})), "design").get_text()
        assert "1 sample lies in both regions: 1 was counted in {1}, where it is more probable." in text

    def test_no_shared_samples(self, make_result):
        text = section(parse(change(make_result(), overlap={"shared": ()})), "design").get_text()
        assert "No sample lies in both regions." in text


def test_the_command_names_the_folder_and_not_where_it_is(make_result):
    command = "jugex compare a.nii.gz b.nii.gz --out '/home/me/my results/out 1/' --overwrite"
    shown = section(parse(change(make_result(), command=command)), "settings").pre.get_text()
    assert shown == "jugex compare a.nii.gz b.nii.gz --out 'out 1' --overwrite"


class TestCovariates:
    def test_of_the_model_are_named_where_differences_are_explained(self, make_result, with_covariates):
        page = parse(with_covariates(make_result(statistic="sequential", covariates=["age", "mni_z"])))
        adjusted = "adjusted for donor, mni_z and hemisphere"
        assert read_info(page)["adjustment"] == "donor, mni_z and hemisphere"
        assert f"Fp1 left minus Fp2 left, in z-scores, {adjusted}" in section(page, "results").get_text()
        assert "does not adjust region for donor, mni_z and hemisphere:" in page.find(id="caveats").get_text()

    def test_are_among_the_facts(self, make_result, with_covariates):
        settings = section(parse(with_covariates(make_result())), "settings")
        assert read_facts(settings.find("h3", string="Covariates").find_next("dl")) == {
            "age": "number, left out: it is the same in all samples of a donor, and donor is in the model already",
            "mni_z": "number, in the model",
            "hemisphere": "factor, in the model",
        }
        assert section(parse(make_result()), "settings").find("h3", string="Covariates") is None


class TestWelch:
    def test_has_no_degrees_of_freedom_of_its_own(self, make_result):
        text = plain(parse(make_result(statistic="welch")).get_text())
        assert "F = 20.00" in text
        assert "F(1, 21)" not in text
        assert "residuals of one variance per region" in text


class TestResults:
    COLUMNS = (
        "p_fwe", "diff", "region", None, "p_perm", "q_fdr", "log2_fc", "hedges_g", "f", "p_parametric", "n_probes",
    )  # fmt: skip

    def test_every_number_is_that_of_the_table(self, page, make_result):
        rows = page.find(id="genes").tbody.find_all("tr")
        for row, (_, gene) in zip(rows, make_result().table.iterrows(), strict=True):
            assert row.th.get_text().removesuffix(" (significant)") == gene["gene"]
            for cell, column in zip(row.find_all("td"), self.COLUMNS, strict=True):
                text = cell.get_text().replace("\N{MINUS SIGN}", "-")
                if column is None:
                    assert text == f"{gene['ci_low']:.3f} to {gene['ci_high']:.3f}"
                elif column == "region":
                    assert text == ("Fp1 left" if gene["diff"] > 0 else "Fp2 left")
                elif column.startswith(("p_", "q_")):
                    assert text == format_p(gene[column])
                else:  # half a unit of the last digit shown
                    decimals = len(text.partition(".")[2])
                    assert float(text) == pytest.approx(gene[column], abs=0.51 * 10.0**-decimals)

    def test_the_page_carries_results_tsv_to_the_byte(self, make_result, tmp_path):
        result = make_result(["A", 'B "quoted"\tand tabbed', "C"], [0.01, 0.5, np.nan], [1.0, -1.0, np.nan])
        write_tsv(result.table, tmp_path / "results.tsv")
        assert read_data(parse(result)).encode() == (tmp_path / "results.tsv").read_bytes()

    def test_direction_is_the_sign_of_the_difference(self, page):
        assert [row[3] for row in read_rows(page)] == ["Fp2 left", "Fp2 left", "Fp1 left"]

    def test_significant_rows_are_marked_in_words_too(self, page):
        assert [row[0] for row in read_rows(page)] == ["MAOA (significant)", "TAC1 (significant)", "GRIA2"]

    def test_p_is_never_zero(self, make_result):
        result = make_result()
        result.table["p_parametric"] = 0.0
        assert {row[10] for row in read_rows(parse(result))} == {"< 1e-300"}

    def test_the_first_rows_stand_in_the_page_as_they_are(self, make_result, monkeypatch):
        monkeypatch.setattr(results_table, "N_PLAIN_ROWS", 2)
        page = parse(make_result())
        assert len(read_rows(page)) == 2
        assert "The first 2 are shown; all are in results.tsv." in page.find(id="genes").caption.get_text()
        assert len(read_data(page).splitlines()) == 4
        assert "scripts, which are off" in page.find("noscript").get_text()

    def test_tails_are_shown_where_there_are_some(self, make_result):
        result = make_result()
        result.table["p_perm_tail"], result.table["p_fwe_tail"] = 1.5e-7, 2.5e-6
        page = parse(result)
        assert [row[-2:] for row in read_rows(page)] == [["2.5e-6", "1.5e-7"]] * 3
        assert "they make no gene significant" in section(page, "evidence").get_text()

    def test_genes_without_test_stand_apart_with_their_reason(self, make_result):
        result = make_result(["A", "B"], [0.01, np.nan], [1.0, np.nan])
        page = parse(change(result, genes={"missing": ("NOGENE",)}))
        assert [row[0] for row in read_rows(page)] == ["A (significant)"]
        terms = read_facts(section(page, "results").find_all("dl")[-1])
        assert terms == {
            "not tested: constant over the samples used (1)": "B",
            "asked for, but not in the atlas (1)": "NOGENE",
        }


class TestGenes:
    def titles(self, page):
        titles = {}
        for card in section(page, "plots").select("details.gene"):
            titles.setdefault(card.find_previous("h3").get_text(), []).append(card.find(class_="title").get_text())
        return titles

    def test_significant_genes_only_where_all_genes_were_tested(self, page):
        assert self.titles(page) == {"Significant genes": ["MAOA", "TAC1"]}
        assert [card["id"] for card in page.select("details.gene")] == ["gene-0", "gene-1"]  # their rows in the table

    def test_genes_asked_for_are_drawn_as_well(self, make_result):
        result = make_result(requested=["GRIA2", "MAOA", "TAC1"])
        assert self.titles(parse(result)) == {
            "Significant genes": ["MAOA", "TAC1"], "Other genes asked for": ["GRIA2"],
        }  # fmt: skip

    def test_best_genes_where_none_is_significant(self, make_result):
        labels = [f"G{i}" for i in range(8)]
        titles = self.titles(parse(make_result(labels, np.linspace(0.1, 0.9, 8), [1.0] * 8)))
        assert titles == {"The 6 genes with the smallest pFWE, none significant": labels[:6]}

    def test_says_how_many_are_left_out(self, make_result, monkeypatch):
        monkeypatch.setattr(cards, "MAX_SIGNIFICANT", 1)
        text = section(parse(make_result()), "plots").get_text()
        assert "The 1 with the smallest pFWE are drawn. Left out: 1." in text

    def test_significant_genes_asked_for_beyond_the_first_are_drawn_too(self, make_result, monkeypatch):
        monkeypatch.setattr(cards, "MAX_SIGNIFICANT", 1)
        monkeypatch.setattr(cards, "MAX_REQUESTED", 1)
        page = parse(make_result(requested=["MAOA", "TAC1", "GRIA2"]))
        assert self.titles(page) == {"Significant genes": ["MAOA"], "Other genes asked for": ["TAC1"]}
        assert "Left out: 1." in section(page, "plots").get_text()

    def test_each_gene_has_its_numbers_and_a_place_for_its_drawings(self, page, make_result):
        card = page.find(id="gene-0")
        row = make_result().table.iloc[0]
        assert card.find(class_="panels")["data-row"] == "0"
        assert "scripts, which are off" in section(page, "plots").noscript.get_text()
        numbers = [plain(number.get_text()) for number in card.find(class_="numbers")("span")]
        interval = " to ".join(format_value(row[end]) for end in ("ci_low", "ci_high"))
        assert numbers == [
            "pFWE = 0.0003", "F(1, 21) = 20.00",
            f"difference {format_value(-1.2)} (95 % interval, uncorrected: {interval})", "higher in Fp2 left",
            "with labels over all samples permuted: pFWE = 0.0200",
        ]  # fmt: skip

    def test_only_what_is_drawn_is_explained(self, page, make_result):
        def explained(shown):
            return [term.get_text() for term in section(shown, "plots").details.find_all("dt")]

        assert explained(page) == ["Samples", "Donor by donor", "Permutations", "Probes"]
        assert explained(parse(make_result(fresh=False))) == ["Samples", "Donor by donor", "Permutations"]

    def test_folder_of_an_earlier_version_has_no_probes_and_says_so(self, make_result):
        page = parse(make_result(fresh=False))
        assert "without the file drawings.npz" in section(page, "plots").get_text()

    def test_legend_names_the_donors(self, page):
        names = [item.get_text(strip=True) for item in section(page, "plots").find(class_="legend").find_all("li")]
        assert names == sorted(names)
        assert len(names) == 6


class TestBrain:
    def test_has_three_views_with_outlines_and_a_scene(self, page):
        brain = section(page, "brain")
        assert "outlines of the regions, also projected" in brain.get_text()
        assert brain.find("input", {"data-layer": "regions"})
        assert brain.find(id="brain-views") is not None
        assert page.find(id="views-data") is not None
        assert page.find(id="scene-data") is not None

    def test_shows_samples_in_neither_region(self, page):
        assert "other samples (2)" in section(page, "brain").get_text()

    def test_folder_of_an_earlier_version_says_why_outlines_are_missing(self, make_result):
        brain = section(parse(make_result(fresh=False)), "brain")
        assert "outlines of the regions are not drawn" in brain.get_text()
        assert brain.find("input", {"data-layer": "regions"}) is None

    @pytest.mark.parametrize(
        ("n_missing", "expected"),
        [(1, "1 sample without a coordinate is not shown."), (28, "No sample has a coordinate")],
    )
    def test_samples_without_coordinate_are_counted(self, make_result, n_missing, expected):
        result = make_result()
        result.samples.loc[: n_missing - 1, list(COORDINATES)] = np.nan
        page = parse(result)
        assert expected in section(page, "brain").get_text()
        assert (page.find(id="scene-data") is None) == (n_missing == 28)


class TestBadInput:
    def test_names_of_users_are_escaped_everywhere(self, make_result):
        result = make_result([NASTY, "B"], [0.01, 0.5], [1.0, -1.0], names=(NASTY, "<img src=x>"), requested=[NASTY])
        finding = UnreachableAlpha(
            unit="gene", alpha=0.05, smallest_p=0.5, n_relabellings=2, exchange=NASTY, exhaustive=True, n_regions=2
        )
        page = parse(change(result, findings=(finding,)))
        assert len(page.find_all("script", type=None)) == 1
        assert not any("alert(" in script.get_text() for script in page.find_all("script", type=None))
        assert page.h1.span.get_text() == NASTY
        assert read_rows(page)[0][0] == NASTY + " (significant)"
        assert page.find(id="gene-0").find(class_="title").get_text() == NASTY
        assert read_info(page)["names"] == [NASTY, "<img src=x>"]

    def test_no_gene_tested(self, make_result):
        page = parse(make_result(["A"], [np.nan], [np.nan]))
        assert page.find(id="genes") is None
        assert page.find(id="volcano") is None
        assert "No gene could be tested" in page.find(class_="headline").get_text()
        assert section(page, "plots") is None
        assert section(page, "evidence").find("table") is None
        methods = section(page, "methods").get_text()
        assert "No gene could be tested." in methods
        assert not [word for word in ("permuted", "corrected", "relabelling") if word in methods]

    def test_one_gene(self, make_result):
        page = parse(make_result(["A"], [0.2], [0.4]))
        assert len(read_rows(page)) == 1
        assert "1 gene tested" in page.find(id="genes").caption.get_text()

    def test_one_p_is_missing(self, make_result):
        result = make_result()
        result.table.loc[2, ["p_perm", "p_fwe", "q_fdr"]] = np.nan
        row = read_rows(parse(result))[2]
        assert [row[1], *row[5:7]] == ["", "", ""]

    def test_no_p_at_all(self, make_result):
        result = make_result()
        result.table[["p_perm", "p_fwe", "q_fdr", "p_parametric", "p_fwe_stepdown"]] = np.nan
        result.table["significant"] = False
        page = parse(result)
        assert [row[1] for row in read_rows(page)] == ["", "", ""]
        assert page.find(id="volcano") is not None

    def test_every_gene_significant(self, make_result):
        n = 2000
        page = parse(make_result([f"G{i}" for i in range(n)], np.full(n, 1e-4), np.linspace(-2, 2, n)))
        assert len(page.select("details.gene")) == 50
        assert "Left out: 1,950." in section(page, "plots").get_text()
        assert len(read_data(page).splitlines()) == n + 1

    def test_an_atlas_without_structures(self, make_result):
        result = make_result()
        result.samples[["structure_acronym", "structure_name"]] = None
        assert page_has_everything(parse(result))

    def test_both_regions_have_one_name(self, make_result):
        page = parse(make_result(names=("V1", "V1")))
        assert [term.get_text() for term in section(page, "plots").details.find_all("dt")] == [
            "Samples", "Probes",
        ]  # fmt: skip
        assert page_has_everything(page)

    def test_columns_of_a_nullable_type_may_be_empty(self, make_result):
        result = make_result()
        result.table["n_probes"] = pd.array([pd.NA, 2, 3], dtype="Int64")
        assert [row[-1] for row in read_rows(parse(result))] == ["", "2", "3"]


def page_has_everything(page):
    return all(section(page, key) for key in ("design", "volcano", "results", "plots", "evidence", "brain", "methods"))


class TestSettings:
    def test_show_checksums_and_versions(self, page):
        text = section(page, "settings").get_text()
        assert "ab" * 32 in text
        assert "cd" * 32 in text
        assert "2.1.0" in text

    def test_command_is_shown_where_there_was_one(self, make_result):
        page = parse(change(make_result(), command="jugex compare a.nii.gz b.nii.gz --out <out>"))
        command, call = section(page, "settings").find_all("pre")
        assert command.get_text() == "jugex compare a.nii.gz b.nii.gz --out <out>"
        assert "result = jugex.compare(" in call.get_text()

    def test_caveats_follow_the_options(self, page, make_result):
        free = parse(make_result(exchange="free", statistic="sequential"))
        assert "across donors" in free.find(id="caveats").get_text()
        assert "does not adjust region for donor" in free.find(id="caveats").get_text()
        assert "across donors" not in page.find(id="caveats").get_text()
        assert "p_spatial" in page.find(id="caveats").get_text()

    def test_the_promise_of_p_fwe_says_what_it_stands_on(self, page, make_result):
        assert "if samples are exchangeable within donors" in page.find(id="caveats").get_text()
        free = parse(make_result(exchange="free")).find(id="caveats").get_text()
        assert "if samples are exchangeable over all donors" in free
        assert "exchangeable within donors" not in free


class TestAmongOthers:
    def test_a_pair_among_others_leads_to_them(self, make_result):
        result = make_result()
        assert parse(result).find(class_="part") is None
        part = parse(change(result, group=GroupMembership(("a", "b", "c"), 3, (), "../report.html"))).find(
            class_="part"
        )
        assert part.find_previous_sibling("p")["class"] == ["headline"]
        assert "no gene of this pair is significant (pHolm" in part.get_text()
        assert part.a["href"] == "../report.html"


class TestNotSignificant:
    def test_only_significant_genes_are_called_higher_somewhere(self, make_result):
        page = parse(make_result(p_fwe=(0.01, 0.4, 0.4), requested=["MAOA", "TAC1", "GRIA2"]))
        told = ["higher in" in card.find(class_="numbers").get_text() for card in page.select("details.gene")]
        assert told == [True, False, False]


class TestFacts:
    def test_are_in_words_and_what_is_empty_is_left_out(self, make_result):
        facts = dict(list_facts(make_result().record))
        arguments = dict(facts["Arguments"])
        assert arguments["genes"] == "all"
        assert arguments["family-wise error (alpha)"] == "0.05"
        assert "preset" not in arguments
        assert not any("_" in name for title in ("Arguments", "Permutation", "Region 1") for name, _ in facts[title])
        assert all(value for values in facts.values() for _, value in values)
        asked = dict(dict(list_facts(make_result(requested=["MAOA"]).record))["Arguments"])
        assert asked["genes"] == "MAOA"

    def test_caveats_stand_where_trust_is_asked_for(self, page):
        assert page.find(id="caveats").find_parent("section")["aria-labelledby"] == "evidence"


@pytest.fixture(scope="module")
def group(group_result):
    return group_result.comparison


@pytest.fixture(scope="module")
def group_page(group):
    return parse(group)


def all_genes(group):
    return change(group, arguments={"genes": None})


def read_table(table):
    return [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


class TestMoreRegions:
    def test_sections_stand_in_order(self, group_page):
        assert [h.get_text() for h in group_page.find_all("h2")] == [
            "Two by two", "All regions at once", "Gene by gene", "Design", "How far to trust it", "Methods", "Settings",
        ]  # fmt: skip
        assert group_page.h1.get_text() == "A, B and C"

    def test_loads_nothing_and_its_links_lead_somewhere(self, group_page):
        assert not group_page.find_all(["link", "iframe", "object", "embed", "base", "img"])
        ids = [element["id"] for element in group_page.find_all(id=True)]
        assert len(ids) == len(set(ids))
        links = [link["href"] for link in group_page.find_all("a")]
        assert all(link.startswith(("https://doi.org/", "#gene=")) or link[1:] in ids for link in links)

    def test_headlines_say_what_was_found(self, group_page):
        whole, pairs = (plain(line.get_text()) for line in group_page.find_all(class_="headline"))
        assert whole.startswith(
            "3 of 4 genes differ between the 3 regions A, B and C (pFWE ≤ 0.05): MAOA, TAC1 and SST (pFWE"
        )
        assert pairs == "Of the 3 pairs of regions, all differ in at least one gene (pHolm ≤ 0.05):"
        assert len(group_page.find(class_="found-pairs").find_all("li")) == 3

    def test_few_pairs_are_listed_with_their_genes(self, group):
        table = group.pairs_table.assign(significant=False)
        of_pair = (table["region_1"] == "A") & (table["region_2"] == "C")
        table.loc[table.index[of_pair][:1], "significant"] = True
        lines = parse(dataclasses.replace(group, pairs_table=table)).find(class_="found-pairs").find_all("li")
        assert [line.get_text() for line in lines] == ["A and C: 1 gene", "A and B: no gene", "B and C: no gene"]

    def test_names_with_commas_are_kept_apart(self):
        page = parse(compare_toy(3, names=["A, left", "B, left", "C, left"]).comparison)
        assert page.find("h1").get_text() == "A, left; B, left; and C, left"

    def test_design_is_donors_by_regions(self, group, group_page):
        rows = read_table(group_page.find(class_="counts"))
        for row, donor in zip(rows, group.data.record.design.donors, strict=True):
            assert row == [donor.donor_name, *map(str, donor.n_samples)]
        facts = read_facts(group_page.find(class_="facts"))
        assert facts["Donors in two regions or more"] == "all 6"
        assert facts["Permuted"] == "labels within each donor"
        assert facts["Smallest possible p"] == "0.0050"

    def test_samples_in_several_regions_stand_one_by_one(self, group, group_page):
        shared = read_cells(section(group_page, "design").find("details").find("table"))
        assert len(shared) == len(group.data.record.overlap.shared)
        assert {row[-1] for row in shared} <= {"counted in A", "counted in B", "counted in C"}

    def test_warnings_of_all_and_of_each_pair(self, group):
        pairs = [
            dataclasses.replace(pair, findings=(SamplesDropped(n=9), SamplesDropped(n=number)))
            for number, pair in enumerate(group.data.record.pairs, start=1)
        ]
        shown = section(parse(change(group, findings=(), pairs=tuple(pairs))), "warnings").get_text()
        assert shown.count("9 samples left out") == 1
        assert "In each pair: 9 samples left out because of missing values." in shown
        assert all(f"{n} sample" in shown for n in (1, 2, 3))
        quiet = tuple(dataclasses.replace(pair, findings=()) for pair in pairs)
        assert section(parse(change(group, findings=(), pairs=quiet)), "warnings") is None

    def test_matrix_counts_and_leads_to_the_pairs(self, group, group_page):
        links = {pair.folder: f"{pair.folder}/report.html" for pair in group.data.record.pairs}
        shown = parse(group, links=links).find(class_="matrix").find_all("a")
        assert [link["href"] for link in shown] == [f"pair_{pair}/report.html" for pair in ("1_2", "1_3", "2_3")]
        counts = group.count_significant()
        for link, (first, second) in zip(shown, [("A", "B"), ("A", "C"), ("B", "C")], strict=True):
            assert link["aria-label"].startswith(f"{first} and {second}: {counts[first, second]} gene")
        assert not group_page.find(class_="matrix").find_all("a")  # without pages no link leads nowhere

    def test_rungs_are_counted_pair_by_pair(self, group, group_page):
        assert group_page.find(id="ladders") is None  # without a ladder
        links, counts = {"pair_1_3": "pair_1_3/report.html"}, RungCounts(spatial=1, donors=1200, samples=0)
        first, second, third = group.data.record.pairs
        pairs = (*(dataclasses.replace(one, rungs=counts) for one in (first, second)), third)
        table = parse(change(group, pairs=pairs), links=links).find(id="ladders")
        assert read_table(table) == [["A and B", "1", "1,200", "0"], ["A and C", "1", "1,200", "0"]]
        assert [link["href"] for link in table.find_all("a")] == ["pair_1_3/report.html"]

    def test_every_difference_is_that_of_the_table(self, group, group_page):
        rows = read_table(group_page.find(id="differences"))
        found = group.pairs_table[group.pairs_table["significant"]]
        assert len(rows) == len(found) > 0
        for (gene, size, _, higher, lower, _), row in zip(rows, found.to_dict("records"), strict=True):
            sides = [row["region_1"], row["region_2"]]
            assert [gene, higher, lower] == [row["gene"], *(sides if row["diff"] > 0 else sides[::-1])]
            assert float(size) == pytest.approx(abs(row["diff"]), abs=5e-4)  # three decimals

    def test_genes_are_those_of_the_omnibus_test(self, group, group_page):
        rows, table = read_table(group_page.find(id="genes")), group.data.table
        headings = [cell.get_text(strip=True) for cell in group_page.find(id="genes").thead.find_all("th")]
        assert [row[0].replace("(significant)", "").strip() for row in rows] == table["gene"].tolist()
        for row, gene in zip(rows, table.to_dict("records"), strict=True):
            assert float(row[headings.index("F")]) == pytest.approx(gene["f"], abs=5e-3)  # two decimals
            for number, name in enumerate("ABC", start=1):
                shown = row[headings.index(f"mean {name}")].replace("\N{MINUS SIGN}", "-")
                assert float(shown) == pytest.approx(gene[f"mean_{number}"], abs=5e-3)

    def test_genes_asked_for_are_drawn(self, group, group_page):
        shown = group_page.select("details.gene")
        assert [card.find(class_="title").get_text() for card in shown] == group.data.table["gene"].tolist()
        assert [card.find(class_="panels")["data-row"] for card in shown] == list("0123")

    def test_a_gene_of_a_pair_alone_is_drawn(self, group):
        none = dataclasses.replace(group.data, table=group.data.table.assign(significant=False))
        page = parse(all_genes(dataclasses.replace(group, data=none)))
        assert "Genes that differ in a pair of regions only" in page.get_text()

    def test_many_genes_are_counted_and_the_first_drawn(self, group):
        n = cards.MAX_SIGNIFICANT + 3
        table = pd.concat([group.data.table.head(1)] * n, ignore_index=True)
        table["gene"] = [f"S{i}" for i in range(n)]
        zscores = pd.concat([group.data.zscores["MAOA"]] * n, axis=1).set_axis(table["gene"], axis=1)
        many = dataclasses.replace(group, data=dataclasses.replace(group.data, table=table, zscores=zscores))
        page = parse(all_genes(many))
        assert len(page.select("details.gene")) == cards.MAX_SIGNIFICANT
        assert "with the smallest pFWE are drawn. Left out: 3." in page.get_text()


class TestOddGroups:
    def test_names_may_hold_anything(self):
        page = parse(compare_toy(3, names=[NASTY, '"); alert(2); ("', "<b>\N{BRAIN}</b>"]).comparison)
        assert not any("alert(" in script.get_text() for script in page.find_all("script", type=None))
        assert page.find("main").find("b", string="\N{BRAIN}") is None
        assert page.find("h1").get_text().startswith("<script>alert('x')")

    def test_no_significant_gene(self):
        page = parse(compare_toy(3, shift=0.0).comparison)
        assert page.find(id="differences") is None
        assert "No gene differs significantly in any pair; the smallest pHolm is" in page.get_text()
        assert "none significant" in page.find(id="plots").find_next("h3").get_text()

    def test_no_gene_that_can_be_tested(self):
        atlas = ToyAtlas([9, 9], ["G0"], np.ones((18, 1)))
        page = parse(compare_toy(3, atlas=atlas).comparison)
        assert "No gene could be tested between the 3 regions r1, r2 and r3." in page.get_text()
        assert page.find(id="genes") is None

    def test_many_regions(self):
        page = parse(compare_toy(10).comparison)
        assert len(page.find(class_="matrix").tbody.find_all("tr")) == 9
        heads = [head.get_text() for head in page.find(class_="counts").thead.find_all("th")]
        assert heads[1:11] == [f"r{number}" for number in range(1, 11)]

    def test_probes_by_themselves(self):
        page = parse(compare_toy(3, probes="single").comparison)
        assert "of 4 probes" in page.find(class_="headline").get_text()
        assert page.find(id="gene-0").find(class_="title").get_text().startswith("G0 ")

    def test_pairs_without_a_test_say_why(self):
        regions = [wells("one", 1000, 1001, 2000, 2001), wells("two", 1002, 1003, 2002, 2003), wells("apart", 3000)]
        atlas = ToyAtlas([6, 6, 5], ["G0", "G1"], np.random.default_rng(0).normal(size=(17, 2)))
        page = parse(compare_toy(3, regions=regions, atlas=atlas).comparison)
        assert page.find(class_="matrix").get_text().count("no test") == 2
        assert "impossible: no donor has samples in both 'one'" in page.get_text()
