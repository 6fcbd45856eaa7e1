"""The table of evidence in the report."""

from __future__ import annotations

from bs4 import BeautifulSoup

from jugex.report.html import render_report


def read_evidence(page):
    section = BeautifulSoup(page, "html.parser").find(id="evidence").parent
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in section.table.tbody.find_all("tr")]


def test_each_drawn_gene_has_a_row(make_result):
    result = make_result(p_fwe=(0.01, 0.02, 0.4), requested=["MAOA", "TAC1", "GRIA2"])
    rows = read_evidence(render_report(result))
    assert [row[0] for row in rows] == ["MAOA", "TAC1", "GRIA2"]
    assert rows[0][1:3] == ["0.0100", "0.0200"]
    assert rows[1][1:3] == ["0.0200", "above alpha"]
    assert rows[0][3:5] == ["3/3", "one"]
    row = result.table.set_index("gene").loc["MAOA"]
    assert rows[0][5] == f"{row['p_donor']:#.3g}"
    assert rows[0][7] == f"{row['ci_donors_low']:.2f} to {row['ci_donors_high']:.2f}"


def test_what_was_not_computed_says_why(make_result):
    page = render_report(make_result())
    assert "Not computed: the regions' centroids are 55 mm apart" in BeautifulSoup(page, "html.parser").get_text()
    assert "stands above" not in page


def test_a_result_of_an_earlier_version_has_a_page(make_result):
    result = make_result()
    del result.settings["boundary"], result.settings["exchanges"]
    assert "the result is of an earlier version" in render_report(result)
