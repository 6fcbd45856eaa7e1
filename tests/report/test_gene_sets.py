"""Gene sets in the files and on the page of a result."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

import jugex
from jugex.report.files import load_gene_sets
from jugex.report.methods import MOST_WORDS, compose_methods
from jugex.report.results_table import tabulate_results
from tests.report.helpers import parse, plain, read_cells, section

pytestmark = pytest.mark.filterwarnings("ignore:.*q_fdr:jugex.errors.DesignWarning")


def test_saved_sets_are_read_and_shown_again(tmp_path):
    regions = "simulated:A", "simulated:B"
    demo = jugex.compare(*regions, atlas="simulated", rng=0, n_permutations=99, ladder=False)
    genes = demo.table["gene"].tolist()
    found = demo.gene_sets({f"set {number}": genes[number : number + 9] for number in range(3)})
    folder = demo.save(tmp_path / "out", gene_sets=found)
    again = load_gene_sets(folder)
    pd.testing.assert_frame_equal(again.table, found.table, rtol=1e-9)
    assert again.data.record.gene_sets == found.record.gene_sets
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="gene-sets"' in page
    assert "A card for each set" in page
    assert "The figure shows" not in page  # all are drawn
    assert (folder / "gene_sets" / "report.html").exists()
    jugex.load_result(folder).report(tmp_path / "again.html", gene_sets=again)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("kind", "value", "cites"),
    [
        ("competitive", "less the mean of all other genes", True),
        ("self-contained", "a self-contained test", True),
        ("mixed", "the mean F of its genes", False),
    ],
)
def test_methods_say_what_the_value_of_a_set_is(kind, value, cites):
    demo = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=99, ladder=False)
    methods = compose_methods(demo.gene_sets("simulated", kind=kind).data)
    assert value in methods.paragraph
    assert "genes not shuffled" in methods.paragraph
    assert "22 gene sets (simulated)" in methods.paragraph
    assert len(methods.brief.split()) <= MOST_WORDS
    assert "its samples" not in methods.brief
    cited = {reference.cited for reference in methods.references}
    assert "Wu and Smyth 2012" in cited
    assert ("Goeman and Bühlmann 2007" in cited) == cites


def test_the_command_line_writes_sets_and_refuses_them_for_several_regions(tmp_path, monkeypatch, capsys):
    from jugex import cli

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets.gmt").write_text("amines\t-\tMAOA\tSLC6A4\tTPH1\tTPH2\tHTR1A\nsmall\t-\tSST\n")
    common = ["--atlas", "simulated", "--permutations", "99", "--no-ladder", "--quiet", "--gene-sets", "sets.gmt"]
    assert cli.main(["compare", "simulated:A", "simulated:B", *common, "--out", "out"]) == 0
    assert "1 gene set of 2 tested (competitive, 5 to 500 genes)" in capsys.readouterr().out
    table = pd.read_csv("out/gene_sets.tsv", sep="\t")
    assert table["set"].tolist() == ["amines"]
    page = (tmp_path / "out" / "report.html").read_bytes()
    assert cli.main(["report", "out", "--quiet"]) == 0
    assert (tmp_path / "out" / "report.html").read_bytes() == page
    sizes = ["--gene-set-min-size", "1", "--gene-set-max-size", "4"]
    assert cli.main(["compare", "simulated:A", "simulated:B", *common, *sizes, "--out", "sizes"]) == 0
    assert "1 gene set of 2 tested (competitive, 1 to 4 genes)" in capsys.readouterr().out
    assert pd.read_csv("sizes/gene_sets.tsv", sep="\t")["set"].tolist() == ["small"]
    assert cli.main(["compare", "simulated:A", "simulated:B", *common, *sizes[2:], "--out", "none"]) == 1
    assert "5 to 4 genes" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    regions = ["simulated:A", "simulated:B", "sphere:-40,0,30,20"]
    assert cli.main(["compare", *regions, *common, "--out", "several"]) == 1
    assert "--gene-sets needs two regions, but got 3" in capsys.readouterr().err


def test_the_page_says_how_many_sets_are_drawn_and_has_no_minus_before_zero():
    demo = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=99, background=False)
    found = demo.gene_sets("simulated")
    table = found.table.copy()
    table.loc[table.index[:2], "diff"] = [-0.001, -0.5]
    page = parse(demo, gene_sets=dataclasses.replace(found, table=table))
    part = section(page, "gene-sets")
    assert "The figure shows the first 20 of 22 sets." in part.get_text()
    heads = [plain(cell.get_text()) for cell in part.thead.find_all("th")]
    assert heads[3:8] == ["Rung", "Difference", "pFWE", "pFWE donors", "pFWE spatial"]
    assert [row[4] for row in read_cells(part.table)[:2]] == ["0.00", "\N{MINUS SIGN}0.50"]


def test_the_page_of_sets_speaks_of_sets_and_of_their_scale():
    demo = jugex.compare("simulated:A", "simulated:B", atlas="simulated", rng=0, n_permutations=99, background=False)
    page = parse(demo.gene_sets("simulated").data)
    heads = {table.thead.th.get_text() for table in page.find_all("table") if table.thead}
    assert "Gene set" in heads
    assert "Gene" not in heads
    columns = tabulate_results(demo.gene_sets("simulated").data)["columns"]
    meant = {column.title: column.explanation for column in columns}
    assert not [text for title, text in meant.items() if "gene" in text and title != "Gene set"]
    assert "in standard deviations, adjusted for donor" in meant["Difference"]
    assert "Probes" not in meant
