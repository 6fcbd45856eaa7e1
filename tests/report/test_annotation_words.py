"""What a run took instead of the atlas's own annotation: in the methods, the report and the call that repeats it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jugex.report.annotation_words import tell_annotation
from jugex.report.html import render_report
from jugex.report.methods import methods_text
from jugex.report.reproduce import how_to_reproduce

CHANGED = {
    "coordinates": {"files": [{"file": "maps/mni.csv", "sha256": "ab"}], "columns": ["mni_x"], "n_dropped": 3},
    "mirror": {"side": "left", "n_reflected": 900},
    "reannotation": {"file": "maps/probes.csv.gz", "sha256": "cd", "n_probes": 45821, "n_dropped": 12871},
}
FILTER = {"min_present": 0.5, "present_in": "all", "n_samples": 3702, "n_probes": 45821, "n_probes_left_out": 13844}
LEDGER = [
    {"requested": "MAOA", "gene": "MAOA", "outcome": "used", "detail": ""},
    {"requested": "NEW<b>", "gene": "TAC1", "outcome": "renamed", "detail": "TAC1 is a former symbol of NEW"},
    {"requested": "NOPE", "gene": None, "outcome": "no probe in the atlas", "detail": ""},
]


@pytest.fixture
def result(make_result):
    made = make_result(requested=["MAOA", "NEW<b>", "NOPE"])
    settings = made.settings
    genes = settings["genes"] | {"missing": ["NOPE"], "ledger": LEDGER, "aliases": {"file": "hgnc.txt", "sha256": "e"}}
    return replace(
        made,
        settings=settings | {"atlas": settings["atlas"] | CHANGED, "genes": genes, "probe_filter": FILTER},
    )


def test_nothing_is_told_where_nothing_was_changed(make_result):
    assert tell_annotation(make_result().settings) == ()


def test_methods_tell_what_was_changed_and_cite_the_filter(result):
    text = methods_text(result)
    assert "from another table (mni.csv); 3 samples without an entry there were left out." in text
    assert "900 samples were reflected to the left hemisphere." in text
    assert "by the table probes.csv.gz, 45,821 probes of it; 12,871 without a gene there were left out." in text
    assert "Of 45,821 probes, 13,844 were left out because they were above background in less than 50 % of all" in text
    assert "10.1016/j.neuroimage.2019.01.011" in text


@pytest.mark.parametrize(
    ("how", "cited"),
    [("max-variance", "10.1038/s41598-017-00952-9"), ("stability", "10.1038/nn.4171"), ("single", "by itself")],
)
def test_methods_name_the_source_of_a_selection(make_result, how, cited):
    assert cited in methods_text(make_result(probes=how))


def test_report_shows_the_genes_that_were_not_simply_used(result, make_result):
    page = render_report(result)
    assert "Of 3 genes asked for, 2 were not used as asked:" in page
    assert "NEW&lt;b&gt;" in page
    assert "TAC1 is a former symbol of NEW" in page
    assert "Genes asked for" not in render_report(make_result())


def test_the_call_that_repeats_the_run_has_the_same_annotation(result):
    language, code = how_to_reproduce(result.settings)
    assert language == "Python"
    for line in (
        "aliases='hgnc.txt',", "coordinates=['maps/mni.csv'],", "mirror='left',", "reannotation='maps/probes.csv.gz',",
        "min_present=0.5,", "present_in='all',",
    ):  # fmt: skip
        assert line in code


def test_a_table_in_memory_cannot_be_named(result):
    atlas = result.settings["atlas"] | {"coordinates": {"files": [{"file": None}], "n_dropped": 0}}
    _, code = how_to_reproduce(result.settings | {"atlas": atlas})
    assert "coordinates=coordinates,  # a table in memory" in code
