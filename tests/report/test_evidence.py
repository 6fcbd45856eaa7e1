"""How far to trust it: the tables of evidence in the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from jugex._text import format_p
from jugex.report.evidence import floor_of_q, tabulate_evidence, tabulate_left_out
from jugex.report.html import render_report


def read_section(page):
    return BeautifulSoup(page, "html.parser").find(id="evidence").parent


def read_table(section, number):
    return [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in section.find_all("table")[number].tbody.find_all("tr")
    ]


def test_each_drawn_gene_has_a_row(make_result):
    result = make_result(p_fwe=(0.01, 0.02, 0.4), requested=["MAOA", "TAC1", "GRIA2"])
    rows = read_table(read_section(render_report(result)), 0)
    assert [row[0] for row in rows] == ["MAOA", "TAC1", "GRIA2"]
    assert rows[0][1:3] == ["0.0100", "0.0200"]
    assert rows[1][1:3] == ["0.0200", "> 0.05"]
    assert rows[0][3] == "3/3"
    row = result.table.set_index("gene").loc["MAOA"]
    assert rows[0][5] == format_p(row["p_donor"])
    assert rows[0][7] == f"{row['ci_donors_low']:.2f} to {row['ci_donors_high']:.2f}".replace("-", "\N{MINUS SIGN}")


def holds(result, without=None):
    left_out = {"p_fwe": {"MAOA": without or {}}}
    return tabulate_evidence(result, ["MAOA"], left_out)["rows"][0]["holds"]


class TestHoldsWithoutOneDonor:
    """Where it does not, the condition of `judge_carriers` that fails is named."""

    @pytest.fixture
    def balanced(self, make_result):
        """Three donors, none with most of the weight."""
        result = make_result()
        for donor, weight in zip(result.settings["design"]["donors"], (2, 2, 0, 0, 2, 0), strict=True):
            donor["weight"] = weight
        return result

    def test_too_few_donors(self, balanced):
        balanced.settings["design"]["n_informative_donors"] = 2
        assert holds(balanced) == "cannot be told: 2 donors with both regions"

    def test_one_heavy_donor(self, balanced):
        balanced.settings["design"]["donors"][4]["weight"] = 6
        assert holds(balanced) == "cannot be told: 60 % of the weight is that of H0351.2001"

    def test_another_sign(self, balanced):
        balanced.table["donors_same_sign"] = "2/3"
        assert holds(balanced) == "no: 2 of 3 donors have this sign"

    def test_a_donor_it_cannot_do_without(self, balanced):
        without = {"H0351.1009": 0.01, "H0351.2001": 0.0888, "H0351.1012": 0.06}
        assert holds(balanced, without) == "no: without H0351.2001 p_FWE is 0.0888 (fewer samples, less power)"
        assert holds(balanced) == "no: not significant without one of the donors (fewer samples, less power)"

    def test_no_significance(self, balanced):
        balanced.table["p_fwe"] = 0.2
        assert holds(balanced) == "not significant"

    def test_a_gene_that_several_donors_carry_holds(self, balanced):
        balanced.table["carried_by"] = "several"
        assert holds(balanced) == "yes"

    def test_one_donor_alone(self, balanced):
        balanced.table["carried_by"] = "untestable"
        balanced.settings["design"]["n_informative_donors"] = 1
        assert holds(balanced) == "cannot be told: 1 donor with both regions"


def test_without_one_donor(make_result):
    result = make_result()
    section = read_section(render_report(result))
    heads = [head.get_text() for head in section.find_all("table")[1].thead.find_all("th")]
    assert heads == ["Gene", *pd.unique(result.samples["donor_name"])]
    expected = result.leave_one_donor_out(["MAOA"])["p_fwe"]
    assert read_table(section, 1)[0] == ["MAOA", *(format_p(p) for p in expected)]
    note = section.find_all("table")[1].find_next("p", class_="note").get_text()
    assert "rest on different random relabellings" in note


def test_what_a_donor_changes_is_marked(make_result, monkeypatch):
    result = make_result()
    result.table["significant"] = [True, False, False]
    donors = pd.unique(result.samples["donor_name"])
    p_fwe = {donor: p for donor, p in zip(donors, [0.2, 0.05, 0.04, 0.9, 0.06, np.nan], strict=True)}

    def retest(_, genes):
        rows = [{"gene": gene, "left_out": donor, "p_fwe": p_fwe[donor]} for gene in genes for donor in donors]
        return pd.DataFrame(rows)

    monkeypatch.setattr("jugex.analysis.donor_tables.leave_one_donor_out", retest)
    first, second = result.table["gene"][:2]
    rows = dict(tabulate_left_out(result, [first, second])["rows"])
    assert [change for _, change in rows[first]] == ["lost", "", "", "lost", "lost", ""]
    assert [change for _, change in rows[second]] == ["", "gained", "gained", "", "", ""]
    assert rows[first][-1] == ("no test", "")
    shown = read_section(render_report(result)).find_all("td", class_="lost")
    assert shown[0].get_text() == "0.2000 (no longer significant)"
    caption = read_section(render_report(result)).find_all("table")[1].caption.get_text()
    assert "no longer significant without that donor" in caption


def test_the_floor_of_q_is_told(make_result):
    result = make_result()
    assert floor_of_q(result) == {}  # three genes at 1 / 10,001
    result.settings["permutation"]["smallest_p"] = 0.02
    assert floor_of_q(result) == {"p": "0.0200", "n": "3 genes", "bh": "0.0600", "by": "0.1100"}


def test_without_one_donor_of_many_genes_is_left_to_the_user(make_result, monkeypatch):
    monkeypatch.setattr("jugex.report.evidence._MOST_RETESTED", 2)
    text = read_section(render_report(make_result())).get_text()
    assert "different random relabellings" not in text
    assert "Not shown: testing 3 genes again without each donor takes as long" in text


def test_intervals_and_other_corrections_are_those_of_the_details(make_result):
    result = make_result()
    row = read_table(read_section(render_report(result)), 2)[0]
    details = result.details().iloc[0]
    assert row[1] == f"{format_p(details['p_fwe_low'])} to {format_p(details['p_fwe_high'])}"
    assert row[4] == f"{details['hedges_g_low']:.2f} to {details['hedges_g_high']:.2f}".replace("-", "\N{MINUS SIGN}")
    assert row[-2:] == [format_p(details["q_fdr_by"]), format_p(details["q_fdr_parametric"])]


def test_share_of_all_genes(make_result):
    result = make_result()
    result.settings["background"] = {
        "p_perm": 0.05, "n_genes": 15633, "share": 0.1234, "n_permutations": 999, "why_not": None,
    }  # fmt: skip
    text = read_section(render_report(result)).get_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "12.3 % of all 15,633 genes of the atlas that can be tested have p \N{LESS-THAN OR EQUAL TO} 0.05" in text
    assert "by 999 relabellings; if the regions differed in nothing, about 5 % would." in text
    assert "Neighbouring regions exceed that without any difference between areas" in text


def test_a_share_that_says_nothing_tells_why(make_result):
    result = make_result()
    why = "the smallest p that can occur is 0.1, above 0.05"
    result.settings["background"] = {"p_perm": 0.05, "n_genes": 0, "share": None, "n_permutations": 0, "why_not": why}
    assert f"is not known: {why}." in read_section(render_report(result)).get_text()


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
    page = render_report(make_result(), sensitivity)
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
    assert "sensitivity" not in BeautifulSoup(render_report(make_result()), "html.parser").get_text().lower()


def test_what_was_not_computed_says_why(make_result):
    page = render_report(make_result())
    assert "Not computed: the regions' centroids are 55 mm apart" in BeautifulSoup(page, "html.parser").get_text()
    assert "stands above" not in page


def test_a_result_of_an_earlier_version_has_a_page(make_result):
    result = make_result()
    del result.settings["boundary"], result.settings["exchanges"]
    assert "the result is of an earlier version" in render_report(result)
