"""The documentation: its blocks of code run, its pages are current, and every public name has an example."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import jugex
from jugex.cli import main
from tests.conftest import PROJECT
from tests.pages import RUN, SHOWN, Block, read_blocks, read_commands, run_block

DOCS = PROJECT / "docs"
BUILT = {"_build", "gallery", "generated"}
PAGES = sorted(path for path in DOCS.rglob("*.md") if not BUILT & set(path.relative_to(DOCS).parts))
NAMES = [str(path.relative_to(PROJECT)) for path in PAGES]


def blocks_of(page: str) -> list[Block]:
    return read_blocks((PROJECT / page).read_text(encoding="utf-8"))


def blocks_run(page: str) -> list[Block]:
    return [block for block in blocks_of(page) if block.is_run and block.language in RUN]


class TestBlocks:
    @pytest.mark.parametrize("page", NAMES)
    def test_each_is_run_or_says_why_not(self, page: str) -> None:
        silent = [
            f"line {block.line}: {block.language}"
            for block in blocks_of(page)
            if block.language not in SHOWN and (block.language not in RUN if block.is_run else not block.reason)
        ]
        assert silent == []

    @pytest.mark.parametrize("page", [page for page in NAMES if blocks_run(page)])
    def test_those_of_a_page_run_one_after_the_other(
        self, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def run_jugex(words: list[str]) -> str:
            assert words[0] == "jugex", f"{page}: only jugex is run here; say why {words[0]!r} is not"
            capsys.readouterr()
            assert main(words[1:]) == 0
            return capsys.readouterr().out

        monkeypatch.chdir(tmp_path)
        names: dict[str, Any] = {"__name__": "page"}
        for block in blocks_run(page):
            run_block(block, names, run_jugex, page)

    @pytest.mark.parametrize("page", ["README.md", *NAMES])
    def test_those_that_are_not_run_are_at_least_python_and_options(self, page: str) -> None:
        for block in blocks_of(page):
            if block.language == "python" and not block.is_run:
                compile(block.code, page, "exec")
            if block.language == "sh" and not block.is_run:
                for words, _ in read_commands(block):
                    assert not (words[0] == "jugex" and unknown_options(words)), f"{page}: {words}"


def unknown_options(words: list[str]) -> list[str]:
    """Options of a call of the program that it does not have."""
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    section = commands.partition(f"## jugex {words[1]}\n")[2].partition("\n## ")[0]
    return [word for word in words if word.startswith("--") and f"`{word}" not in section] if section else words


# --- pages that the program itself writes -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands", "columns"])
def test_generated_pages_are_current(make_reference: ModuleType, name: str) -> None:
    kept = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert kept == getattr(make_reference, f"write_{name}")(), "run: python docs/make_reference.py"


def test_every_option_is_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    # read from what users see, not from the parser that the page is made of
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    for section in commands.split("\n## jugex ")[1:]:
        name = section.split("\n", 1)[0]
        with pytest.raises(SystemExit):
            main([name, "--help"])
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", capsys.readouterr().out)) - {"--help"}
        assert options <= set(re.findall(r"--[a-z][a-z0-9-]*", section)), name


# --- public names ------------------------------------------------------------------------------------------------

#: Modules and the version, which are no entries of their own.
NOT_LISTED = {"__version__", "analysis", "query"}
MODULES = ("jugex", "jugex.query", "jugex.analysis", "jugex.plots", "jugex.regions", "jugex.report", "jugex.reproduce")


def public_objects() -> Iterator[tuple[str, Any]]:
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing
    for name, thing in vars(jugex.DifferentialExpression).items():
        if not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, property)):
            yield f"DifferentialExpression.{name}", thing


def read_docstring(thing: Any) -> str:
    """Docstring of a thing; of one that hands on to a public function ("see `jugex.plots.plot_gene`"), that one's."""
    text = inspect.getdoc(thing) or ""
    if handed_on := re.search(r"; see `(jugex(?:\.\w+)*)\.(\w+)`\.$", text):
        return inspect.getdoc(getattr(importlib.import_module(handed_on[1]), handed_on[2])) or ""
    return text


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*pair, id=pair[0]) for pair in public_objects()])
def test_public_name_has_an_example(name: str, thing: Any) -> None:
    text = read_docstring(thing)
    assert ">>> " in text, f"{name} needs an example in its docstring"
    assert "+SKIP" not in text or ">>> # not run: " in text, f"{name} needs a reason why its example is not run"


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    listed = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.rst"))
    names = set(importlib.import_module(module).__all__) - NOT_LISTED
    assert {name for name in names if not re.search(rf"\b{name}\b", listed)} == set()


# --- gallery -----------------------------------------------------------------------------------------------------


def test_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the site's build runs it in a kernel; here its cells run as one script, without the notebook's own commands
    notebook = json.loads((PROJECT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith("%"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "notebook.ipynb", "exec"), {"__name__": "notebook"})


def test_notebook_is_kept_without_outputs() -> None:
    notebook = json.loads((PROJECT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    assert [cell for cell in notebook["cells"] if cell.get("outputs")] == []
