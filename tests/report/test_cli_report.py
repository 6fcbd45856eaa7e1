"""``jugex report``: the report of a saved result, written again."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

import jugex
from jugex.cli import main
from jugex.report import save_result


@pytest.fixture
def folder(tmp_path):
    result = jugex.compare(
        "simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], n_permutations=999, rng=0
    )
    save_result(result, tmp_path / "out", sensitivity=result.sensitivity(thresholds=(), probes=(), n_permutations=99))
    return tmp_path / "out"


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")  # few permutations
def test_writes_the_report_again(folder, capsys):
    first = (folder / "report.html").read_bytes()
    (folder / "report.html").write_text("spoiled")
    assert main(["report", str(folder)]) == 0
    assert f"Written: {folder / 'report.html'}" in capsys.readouterr().out
    assert (folder / "report.html").read_bytes() == first


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
def test_writes_elsewhere(folder, tmp_path):
    before = (folder / "report.html").read_bytes()
    assert main(["report", str(folder), "--out", str(tmp_path / "other.html")]) == 0
    assert (folder / "report.html").read_bytes() == before
    assert read(tmp_path / "other.html").find(id="genes")


def test_a_folder_without_result_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert "holds no result of jugex that can be read" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::jugex.errors.DesignWarning")
def test_says_what_a_result_of_an_earlier_version_lacks(folder, capsys):
    (folder / "drawings.npz").unlink()
    assert main(["report", str(folder)]) == 0
    assert "without outlines of the regions and probes, which this result does not hold" in capsys.readouterr().out
