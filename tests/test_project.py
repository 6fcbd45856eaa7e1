"""The frame of the project: what it declares, what its README shows and what its import loads."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

import jugex
from tests.pages import Block, read_blocks, read_commands

PROJECT = Path(__file__).resolve().parents[1]
MODULES = [module.name for module in pkgutil.walk_packages(jugex.__path__, "jugex.") if "__main__" not in module.name]
README_BLOCKS = read_blocks((PROJECT / "README.md").read_text(encoding="utf-8"))
PYTHON_RUN = [block for block in README_BLOCKS if block.language == "python" and block.is_run]
SHELL_RUN = [
    words for block in README_BLOCKS if block.language == "sh" and block.is_run for words, _ in read_commands(block)
]


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))


class TestDeclarations:
    def test_version_has_one_source(self, pyproject: dict[str, Any]) -> None:
        assert pyproject["project"]["dynamic"] == ["version"]
        source = runpy.run_path(str(PROJECT / pyproject["tool"]["hatch"]["version"]["path"]))
        assert source["__version__"] == jugex.__version__

    def test_changelog_opens_with_this_version(self) -> None:
        text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
        assert re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)[0] == jugex.__version__

    def test_console_script_is_callable(self, pyproject: dict[str, Any]) -> None:
        module, function = pyproject["project"]["scripts"]["jugex"].split(":")
        assert callable(getattr(importlib.import_module(module), function))

    def test_package_is_typed(self) -> None:
        assert resources.files("jugex").joinpath("py.typed").is_file()

    def test_all_public_names_exist(self) -> None:
        assert [name for name in jugex.__all__ if not hasattr(jugex, name)] == []


class TestCitation:
    def test_has_the_required_keys(self, citation: dict[str, Any]) -> None:
        # https://citation-file-format.github.io, schema 1.2.0: these four are required
        assert {"cff-version", "message", "title", "authors"} <= citation.keys()
        assert citation["cff-version"] == "1.2.0"
        assert citation["authors"] == [{"name": "The jugex developers"}]

    def test_names_this_version_and_licence(self, citation: dict[str, Any], pyproject: dict[str, Any]) -> None:
        assert str(citation["version"]) == jugex.__version__
        assert citation["license"] == pyproject["project"]["license"]

    @pytest.mark.parametrize("doi", ["10.1007/s00429-018-1620-6", "10.1038/nature11405"], ids=["method", "data"])
    def test_cites_the_method_and_the_data(self, citation: dict[str, Any], doi: str) -> None:
        [reference] = [reference for reference in citation["references"] if reference["doi"] == doi]
        assert {"type", "title", "authors", "journal", "year"} <= reference.keys()
        assert doi in (PROJECT / "README.md").read_text(encoding="utf-8")


class TestImport:
    def test_loads_nothing_heavy(self) -> None:
        # pandas loads pyarrow by itself where that is installed: what counts is what jugex adds
        imports = "import sys, nibabel, pandas; before = set(sys.modules); from jugex import *"
        code = f"{imports}; print(*(set(sys.modules) - before))"
        run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
        added = {module.partition(".")[0] for module in run.stdout.split()} - sys.stdlib_module_names
        assert {name for name in added if not name.startswith("_")} - {
            "jugex",
            "lazy_loader",
            "markupsafe",
            "msgspec",
            "numpy",
            "threadpoolctl",
        } == set()

    def test_reads_the_package_where_it_is_used(self) -> None:
        code = "import sys, jugex; print(*sys.modules); jugex.compare; print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
        before, after = (set(line.split()) for line in run.stdout.splitlines())
        assert {name for name in before if name.startswith("jugex.")} == set()
        assert "numpy" not in before
        assert "jugex.comparison" in after
        assert "jugex.scanning" not in after

    def test_sets_up_no_logging(self) -> None:
        code = "import logging; from jugex import *; print(logging.getLogger().handlers)"
        run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[]"
        assert run.stderr == ""


class TestReadme:
    def test_shows_python_and_a_command_line(self) -> None:
        assert PYTHON_RUN
        assert {words[0] for words in SHELL_RUN} == {"make", "jugex"}

    @pytest.mark.parametrize("block", PYTHON_RUN)
    def test_python_runs(self, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        exec(compile(block.code, "README.md", "exec"), {"__name__": "readme"})
        [saved] = tmp_path.iterdir()
        assert (saved / "results.tsv").is_file()

    @pytest.mark.parametrize("words", [words for words in SHELL_RUN if words[0] == "jugex"], ids=" ".join)
    def test_command_runs(self, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from jugex.cli import main

        monkeypatch.chdir(tmp_path)
        assert main(words[1:]) == 0
        names = {path.name for path in (tmp_path / words[words.index("--out") + 1]).iterdir()}
        tables = {
            "results.tsv",
            "results.json",
            "left_out.tsv",
            "left_out.json",
            "samples.tsv",
            "samples.json",
            "zscores.parquet",
            "drawings.npz",
        }
        assert names == {*tables, "settings.json", "methods.md", "report.html", "figures"}

    @pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
    @pytest.mark.parametrize("words", [words for words in SHELL_RUN if words[0] == "make"], ids=" ".join)
    def test_make_target_exists(self, words: list[str]) -> None:
        subprocess.run([*words, "--dry-run"], cwd=PROJECT, capture_output=True, check=True)

    @pytest.mark.parametrize("block", [block for block in README_BLOCKS if not block.is_run])
    def test_what_is_not_run_says_why(self, block: Block) -> None:
        assert block.reason
        if block.language == "python":
            compile(block.code, "README.md", "exec")

    @pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
    def test_links_lead_to_files(self, page: str) -> None:
        text = (PROJECT / page).read_text(encoding="utf-8")
        links = re.findall(r'(?:\]\(|src=")(?!https?://)([^)"#]+)', text)
        assert [link for link in links if not (PROJECT / link).exists()] == []


def test_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["compare_regions.py", str(tmp_path / "out")])
    runpy.run_path(str(PROJECT / "examples" / "compare_regions.py"), run_name="__main__")
    assert (tmp_path / "out" / "results.tsv").is_file()
    assert "genes differ" in capsys.readouterr().out


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened_whole: None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0
