"""A result as text, and as a notebook shows it."""

from __future__ import annotations

import re

import pytest

import jugex
from jugex.errors import OptionError
from tests.toy import ToyAtlas, wells

pytestmark = pytest.mark.filterwarnings("ignore::jugex.errors.JugexWarning")


@pytest.fixture(scope="module")
def result() -> jugex.DifferentialExpression:
    genes = ["<b>G0</b>", *(f"G{number}" for number in range(1, 14))]
    regions = wells("A & B", 1000, 1001, 1002, 2000, 2001), wells("C", 1003, 1004, 2002, 2003, 2004)
    return jugex.compare(*regions, atlas=ToyAtlas([9, 9], genes), rng=0, ladder=False)


def test_the_summary_is_what_the_command_line_prints(tmp_path, monkeypatch, capsys):
    from jugex import cli

    monkeypatch.chdir(tmp_path)
    arguments = ["--atlas", "simulated", "--genes", "MAOA,GAD2", "--permutations", "999", "--no-background", "--quiet"]
    assert cli.main(["compare", "simulated:A", "simulated:B", *arguments, "--out", "out"]) == 0
    assert jugex.load_result("out").summary() in capsys.readouterr().out


def test_the_first_rows_come_with_what_a_reader_wants_first(result):
    first = result.top(3)
    assert first["gene"].tolist() == result.table["gene"].iloc[:3].tolist()
    assert list(first)[:3] == ["gene", "n_probes", "diff"]
    assert len(result.top(99)) == 14
    with pytest.raises(OptionError, match="n is a whole number of at least 1; got 0"):
        result.top(0)


def test_a_notebook_shows_every_rung_and_what_could_not_be_tested():
    options = {"atlas": "simulated", "rng": 0, "n_permutations": 999, "background": False}
    found = jugex.compare("simulated:A", "simulated:B", genes=["MAOA", "CNR1", "SIM0475", "GAD2"], **options)
    for said in (
        "beyond what distance explains (MAOA",
        "would differ in other donors, as places this far apart do (CNR1",
    ):
        assert said in found._repr_html_()
        assert said in found.summary()
    alone = jugex.compare("simulated:A", "simulated:B", genes=["MAOA"], donors=[9861], **options)
    assert "MAOA is higher in simulated B than in simulated A" in alone._repr_html_()
    for shown in (alone._repr_html_(), alone.summary()):
        assert "There is neither a test over donors nor a spatial test: one donor has samples in both regions" in shown


def test_a_notebook_shows_what_was_found(result):
    page = result._repr_html_()
    assert "A &amp; B" in page
    assert "<b>G0" not in page
    assert len(re.findall("<tr", page)) == 11  # ten genes below the header
    assert "4 more genes" in page
