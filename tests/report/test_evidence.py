"""How far to trust it: the tables of evidence in the report."""

from __future__ import annotations

import pandas as pd
from bs4 import BeautifulSoup

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
    assert rows[1][1:3] == ["0.0200", "above alpha"]
    assert rows[0][3:5] == ["3/3", "one"]
    row = result.table.set_index("gene").loc["MAOA"]
    assert rows[0][5] == f"{row['p_donor']:#.3g}"
    assert rows[0][7] == f"{row['ci_donors_low']:.2f} to {row['ci_donors_high']:.2f}"


def test_without_one_donor(make_result):
    result = make_result()
    section = read_section(render_report(result))
    heads = [head.get_text() for head in section.find_all("table")[1].thead.find_all("th")]
    assert heads == ["Gene", *pd.unique(result.samples["donor_name"])]
    expected = result.leave_one_donor_out(["MAOA"])["p_fwe"]
    assert read_table(section, 1)[0] == ["MAOA", *(f"{p:#.3g}" for p in expected)]
    note = section.find_all("table")[1].find_next("p", class_="note").get_text()
    assert 'other draws than those behind "Carried by"' in note


def test_without_one_donor_of_many_genes_is_left_to_the_user(make_result, monkeypatch):
    monkeypatch.setattr("jugex.report.evidence._MOST_RETESTED", 2)
    text = read_section(render_report(make_result())).get_text()
    assert "other draws" not in text
    assert "Not shown: testing 3 genes again without each donor takes as long" in text


def test_intervals_and_other_corrections_are_those_of_the_details(make_result):
    result = make_result()
    row = read_table(read_section(render_report(result)), 2)[0]
    details = result.details().iloc[0]
    assert row[1] == f"{details['p_fwe_low']:#.3g} to {details['p_fwe_high']:#.3g}"
    assert row[4] == f"{details['hedges_g_low']:.2f} to {details['hedges_g_high']:.2f}"
    assert row[-2:] == [f"{details['q_fdr_by']:#.3g}", f"{details['q_fdr_parametric']:#.3g}"]


def test_share_of_all_genes(make_result):
    result = make_result()
    result.settings["background"] = {
        "p_perm": 0.05, "n_genes": 15633, "share": 0.1234, "n_permutations": 999, "why_not": None,
    }  # fmt: skip
    text = read_section(render_report(result)).get_text()
    assert "12.3% of all 15,633 genes of the atlas that can be tested have p \N{LESS-THAN OR EQUAL TO} 0.05" in text


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
        ["MAOA", "as in the result", "16 and 12", "-1.20", "0.000150", "0.000300", ""],
        ["MAOA", "statistic welch", "16 and 12", "-1.20", "0.00200", "0.00400", ""],
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
