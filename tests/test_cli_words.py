"""What people type: lists with blanks, files in the place of names, everyday names, Ctrl-C at once."""

from __future__ import annotations

import sys

import pytest

import jugex
import jugex_command
from jugex import cli
from jugex.cli.parser import join_lists
from jugex.regions.parcellations import find_installed_folder

COMPARE = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--permutations", "99", "--no-ladder"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("--genes MAOA, TAC1", "--genes MAOA,TAC1"),
        ("--genes MAOA , TAC1 ,GAD2 --quiet", "--genes MAOA,TAC1,GAD2 --quiet"),
        ("--genes=MAOA, TAC1", "--genes=MAOA,TAC1"),
        ("--donors 9861, --quiet x", "--donors 9861, --quiet x"),
        ("--out a, b --genes A B", "--out a, b --genes A B"),
    ],
)
def test_lists_may_have_blanks_behind_commas(typed, read):
    assert join_lists(typed.split()) == read.split()


def test_a_list_with_blanks_is_run(tmp_path, monkeypatch):
    for name in ("write_figures", "write_report"):
        monkeypatch.setattr(f"jugex.report.files.{name}", lambda *_, **__: None)
    out = tmp_path / "out"
    assert cli.main([*COMPARE, "--no-background", "--genes", "MAOA,", "TAC1", "-o", str(out), "--quiet"]) == 0
    result = jugex.load_result(out)
    assert sorted(result.table["gene"]) == ["MAOA", "TAC1"]
    assert "MAOA, TAC1" in result.record.command  # as it was typed


def test_a_file_of_genes_is_told_of_its_option(tmp_path, capsys):
    (tmp_path / "genes.txt").write_text("MAOA\n")
    with pytest.raises(SystemExit):
        cli.main([*COMPARE, "--genes", str(tmp_path / "genes.txt"), "-o", "out"])
    assert f"--gene-list {tmp_path / 'genes.txt'}" in capsys.readouterr().err


def test_everyday_names_and_wrong_numbers_lead_on(capsys):
    assert cli.main(["regions", "structures", "hippocampus", "--atlas", "simulated"]) == 0
    assert "structure:HiF" in capsys.readouterr().out
    assert cli.main(["regions", "hippocampus"]) == 1
    assert "jugex regions structures hippocampus" in capsys.readouterr().err


def test_a_number_that_no_region_has_leads_to_its_neighbours():
    if find_installed_folder() is None:
        pytest.skip("no parcellation is installed")
    with pytest.raises(jugex.JugexError, match="nearest are 'GM_Visual_cortex_V1"):
        jugex.regions.parse_region("juelich:V9")


@pytest.mark.parametrize("place", ["import", "parse"])
def test_ctrl_c_at_once_ends_without_a_traceback(monkeypatch, capsys, place):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    if place == "import":
        monkeypatch.setattr("jugex.cli.main", interrupt)
        monkeypatch.setattr(sys, "argv", ["jugex", "check"])
        assert jugex_command.main() == 130
    else:
        monkeypatch.setattr(sys.modules["jugex.cli.main"], "_parse", interrupt)
        assert cli.main(["check"]) == 130
    assert "jugex: interrupted; nothing was written" in capsys.readouterr().err
