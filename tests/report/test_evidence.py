"""How far to trust it: the tables of evidence in the report."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from jugex._text import format_p
from jugex.model.record import BackgroundRecord, DiagnosticRecord, LadderRecord
from jugex.report.evidence import bound_q, tabulate_left_out
from jugex.report.page import render_page
from tests.report.helpers import change


def read_section(page):
    return BeautifulSoup(page, "html.parser").find(id="evidence").parent


def read_table(section, number):
    return [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in section.find_all("table")[number].tbody.find_all("tr")
    ]


def test_each_drawn_gene_has_a_row(make_result):
    result = make_result(p_fwe=(0.01, 0.02, 0.4), requested=["MAOA", "TAC1", "GRIA2"])
    rows = read_table(read_section(render_page(result)), 0)
    assert [row[0] for row in rows] == ["MAOA", "TAC1", "GRIA2"]
    assert rows[0][1:3] == ["0.0100", "0.0200"]
    assert rows[1][1:3] == ["0.0200", "> 0.05"]
    row = result.table.set_index("gene").loc["MAOA"]
    assert rows[0][3:] == ["3 of 3", f"{row['probe_r']:.2f}", f"{row['sd_ratio']:.2f}"]


def test_without_one_donor(make_result):
    result = make_result()
    section = read_section(render_page(result))
    heads = [head.get_text() for head in section.find_all("table")[1].thead.find_all("th")]
    assert heads == ["Gene", *pd.unique(result.samples["donor_name"])]
    shown = {row[0]: row[1:] for row in read_table(section, 1)}
    assert list(shown) == ["MAOA", "TAC1"]  # the significant ones
    for gene, cells in shown.items():
        kept = result.leave_one_donor_out
        assert [cell.split(" ")[0] for cell in cells] == [format_p(p) for p in kept.loc[kept["gene"] == gene, "p_fwe"]]


def test_what_a_donor_changes_is_marked(make_result):
    result = make_result(p_fwe=(0.01, 0.4, 0.7))
    kept = result.leave_one_donor_out.assign(p_fwe=[0.2, 0.05, 0.04, 0.9, 0.06, np.nan])
    result = dataclasses.replace(result, leave_one_donor_out=kept)
    [(gene, cells)] = tabulate_left_out(result, list(result.table["gene"]))["rows"]
    assert gene == "MAOA"
    assert [is_lost for _, is_lost in cells] == [True, False, False, True, True, True]
    assert cells[-1] == ("no test", True)
    section = read_section(render_page(result))
    assert section.find_all("td", class_="lost")[0].get_text() == "0.2000 (no longer significant)"
    assert "no longer significant without that donor" in section.find_all("table")[1].caption.get_text()


def test_without_a_significant_gene_no_donor_is_left_out(make_result):
    text = read_section(render_page(make_result(p_fwe=(0.3, 0.4, 0.7), requested=["MAOA"]))).get_text()
    assert "Only significant genes are tested again without each donor; this result has none." in text


def test_how_small_q_can_be_is_said(make_result):
    result = make_result()
    assert bound_q(result) == {}  # three genes at 1 / 10,001
    result = change(result, permutation={"smallest_p": 0.02})
    assert bound_q(result) == {"p": "0.0200", "n": "3 genes", "bh": "0.0600", "by": "0.1100"}


def test_intervals_and_other_corrections_are_those_of_the_details(make_result):
    result = make_result()
    row = read_table(read_section(render_page(result)), 2)[0]
    details = result.details().iloc[0]
    assert row[1] == f"{format_p(details['p_fwe_low'])} to {format_p(details['p_fwe_high'])}"
    assert row[4] == f"{details['hedges_g_low']:.2f} to {details['hedges_g_high']:.2f}".replace("-", "\N{MINUS SIGN}")
    assert row[-2:] == [format_p(details["q_fdr_by"]), format_p(details["q_fdr_parametric"])]


@pytest.mark.parametrize(
    ("background", "said"),
    [
        (
            BackgroundRecord(0.05, 15633, 0.1234, 999),
            "12.3 % of all 15,633 genes of the atlas that can be tested have p \N{LESS-THAN OR EQUAL TO} 0.05 before "
            "any correction, by 999 relabellings; if the regions did not differ, about 5 % would.",
        ),
        (BackgroundRecord(0.05, 0, None, 0, "no p is so small"), "differ between these regions: no p is so small."),
        (BackgroundRecord(0.05, 99, 0.5, 999), "Only 99 genes of this atlas can be tested: too few"),
    ],
)
def test_share_of_all_genes(make_result, background, said):
    text = read_section(render_page(change(make_result(), background=background))).get_text()
    assert said in text.replace("\N{NO-BREAK SPACE}", " ")


class TestLadder:
    LADDER = LadderRecord(
        "isocortex", ("left",), False, 405, 354, 500, "pooled", 14.8, None, None, None, None,
        DiagnosticRecord(200, 0.05, 0.074, 0.073, 0.046),
    )  # fmt: skip

    def test_rungs_that_were_tried_are_shown(self, make_result):
        result = make_result()
        table = result.table.assign(
            evidence=["spatial", "samples", "none"], p_donors=0.01, p_spatial=0.02, p_donors_fwe=[0.03, 0.2, 0.9],
            p_spatial_fwe=[0.04, 0.5, 1.0], diff_donors=-1.1, ci_donors_low=-1.5, ci_donors_high=-0.7,
        )  # fmt: skip
        table["p_fwe"] = [0.01, 0.02, 0.9]
        section = read_section(render_page(change(dataclasses.replace(result, table=table), ladder=self.LADDER)))
        heads = [head.get_text() for head in section.find("table").thead.find_all("th")]
        assert heads[1:8] == [
            "Evidence", "pFWE within", "pFWE free", "pFWE donors", "pFWE spatial", "Over donors", "95 % CI",
        ]  # fmt: skip
        minus = "\N{MINUS SIGN}"
        assert read_table(section, 0)[0][1:8] == [
            "spatial", "0.0100", "0.0200", "0.0300", "0.0400", f"{minus}1.10", f"{minus}1.50 to {minus}0.70",
        ]  # fmt: skip
        text = " ".join(section.get_text().replace("\N{NO-BREAK SPACE}", " ").split())
        assert "the p over samples is at most 0.05 for 7.4 % of the genes, the p over donors for 7.3 %" in text

    def test_a_rung_that_could_not_be_tried_says_why(self, make_result):
        ladder = dataclasses.replace(self.LADDER, why_no_spatial="the regions are of two tissues", diagnostic=None)
        page = render_page(change(make_result(), ladder=ladder))
        assert "There is no spatial test: the regions are of two tissues." in read_section(page).get_text()
        assert "was not tested here" in BeautifulSoup(page, "html.parser").get_text()


def test_sensitivity_is_shown_as_descriptive(make_result):
    sensitivity = pd.DataFrame(
        {
            "gene": "MAOA", "statistic": ["adjusted", "welch", "adjusted"], "threshold": [0.2, 0.2, 0.4],
            "is_headline": [True, False, False], "varied": ["", "statistic", "threshold"],
            "n_samples_1": pd.array([16, 16, pd.NA], dtype="Int64"), "n_samples_2": 12, "diff": [-1.2, -1.2, None],
            "p_perm": [0.00015, 0.002, None], "p_fwe": [0.0003, 0.004, None],
            "status": ["ok", "ok", "impossible: region 'Fp1 left' holds no sample"],
        }
    )  # fmt: skip
    sensitivity.attrs["left_out"] = {"coordinates": "no other coordinates were given"}
    page = render_page(make_result(), sensitivity=sensitivity)
    section = read_section(page)
    assert "Descriptive only." in section.get_text()
    assert "Not varied: coordinates (no other coordinates were given)." in section.get_text()
    table = BeautifulSoup(page, "html.parser").find(id="sensitivity")
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]
    assert rows == [
        ["MAOA", "as in the result", "16 and 12", "\N{MINUS SIGN}1.20", "0.0001", "0.0003", ""],
        ["MAOA", "statistic welch", "16 and 12", "\N{MINUS SIGN}1.20", "0.0020", "0.0040", ""],
        ["MAOA", "threshold 0.4", "", "", "", "", "impossible: region 'Fp1 left' holds no sample"],
    ]
    assert BeautifulSoup(render_page(make_result()), "html.parser").find(id="sensitivity") is None


def test_what_was_not_computed_says_why(make_result):
    page = render_page(make_result())
    assert "p_spatial_fwe" in page
    assert "(not computed by this version)" in BeautifulSoup(page, "html.parser").get_text()
