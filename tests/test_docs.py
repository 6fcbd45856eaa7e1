"""The documentation: its blocks of code run, its pages are current, and every public name has an example."""

from __future__ import annotations

import csv
import html
import importlib
import importlib.util
import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import jugex
from jugex.cli import main
from jugex.regions import Coverage, Parcellation
from jugex.reproduction import Reproduction
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


def test_mutants_are_counted_as_their_table_has_them() -> None:
    with (DOCS / "mutants.csv").open(encoding="utf-8", newline="") as file:
        mutants = [*csv.DictReader(file)]
    unseen = [mutant for mutant in mutants if mutant["now"] == "survived"]
    counted = {
        "tried": len(mutants),
        "seen by the tests as they were": sum(mutant["outcome"] != "survived" for mutant in mutants),
        "seen by the tests as they are now": len(mutants) - len(unseen),
        "not seen, and explained below": len(unseen),
        **Counter(mutant["why"].partition(":")[0] for mutant in unseen),
    }
    rows = re.findall(r"^\| ([a-z][^|]*) \| (\d+) \|", (DOCS / "mutation_testing.md").read_text("utf-8"), re.MULTILINE)
    assert {what: int(n) for what, n in rows} == counted


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
        self,
        page: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        opened_whole: None,
    ) -> None:
        def run_jugex(words: list[str]) -> str:
            assert words[0] == "jugex", f"{page}: only jugex is run here; say why {words[0]!r} is not"
            capsys.readouterr()
            assert main(words[1:]) == 0
            return capsys.readouterr().out

        monkeypatch.chdir(tmp_path)
        if any(block.language in ("pycon", "console") for block in blocks_run(page)):
            monkeypatch.setattr("jugex.pipeline.ladder._N_PLACES", 200)  # the page shows what a reader gets
        names: dict[str, Any] = {"__name__": "page"}
        for block in blocks_run(page):
            run_block(block, names, run_jugex, page)

    def test_tasks_take_a_few_lines_each(self) -> None:
        blocks = blocks_of("docs/howto/tasks.md")
        assert len(blocks) == 10
        assert [block.line for block in blocks if len(block.code.strip().splitlines()) > 15] == []

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
    known = set(re.findall(r"[`\s](--[\w-]+)", "\n".join(re.findall(r"^`.*`$", section, re.MULTILINE))))
    return [word for word in words if word.startswith("--") and word not in known] if section else words


# --- pages that the program itself writes -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["commands", "columns", "settings", "inputs"])
def test_generated_pages_are_current(make_reference: ModuleType, name: str) -> None:
    kept = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert kept == getattr(make_reference, f"write_{name}")(), "run: python docs/make_reference.py"


def test_what_is_read_stands_on_tests(make_reference: ModuleType) -> None:
    for test in make_reference.list_tests():
        file, _, name = test.partition("::")
        source = (PROJECT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(def|class) {name}\b", source, re.MULTILINE), test


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
MODULES = (
    "jugex", "jugex.query", "jugex.analysis", "jugex.plots", "jugex.regions", "jugex.report", "jugex.reproduction",
    "jugex.atlas", "jugex.genes",
)  # fmt: skip
#: Names of types and constants, which a page names and no entry documents.
TYPES = {"AliasesLike", "GeneRequest", "Genes", "COMPARED_COLUMNS", "SOUND"}


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


CLASSES = (
    jugex.Region, jugex.ExpressionAtlas, jugex.RegionPair, jugex.RegionGroup, jugex.SeveralRegions,
    jugex.analysis.Omnibus, Coverage, Parcellation, Reproduction,
)  # fmt: skip


def own_members(cls: type) -> Iterator[tuple[str, Any]]:
    for name, thing in vars(cls).items():
        function = thing.__func__ if isinstance(thing, classmethod | staticmethod) else thing
        if not name.startswith("_") and (inspect.isfunction(function) or isinstance(function, property)):
            yield name, function


@pytest.mark.parametrize("cls", CLASSES)
def test_methods_have_an_example_or_stand_in_that_of_their_class(cls: type) -> None:
    examples = (inspect.getdoc(cls) or "").partition("Examples\n---")[2]
    without = [
        name
        for name, thing in own_members(cls)
        if not re.search(rf"\.{name}\b", examples)
        and ">>> " not in read_docstring(thing)
        and not re.search(r"; see `jugex\.[\w.]+`\.", inspect.getdoc(thing) or "")
    ]
    assert without == []


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    listed = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.rst"))
    names = set(importlib.import_module(module).__all__) - NOT_LISTED - TYPES
    assert {name for name in names if not re.search(rf"\b{name}\b", listed)} == set()


# --- guides ------------------------------------------------------------------------------------------------------

GUIDES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [*sorted((DOCS / "howto").glob("*.md")), *sorted((DOCS / "tutorial").glob("*.md")), DOCS / "choices.md",
                 DOCS / "reproduction" / "index.md"]
)  # fmt: skip
#: What users call with options.
CALLED = (
    jugex.compare, jugex.compare_several, jugex.compare_presets, jugex.open_atlas, jugex.fetch_archives,
    jugex.build_store, jugex.atlas_from_tables, jugex.atlas_from_siibra, jugex.atlas_from_anndata,
    jugex.atlas_from_ahba_rnaseq, jugex.coordinates_report, jugex.query.region_pair, jugex.query.expressions,
    jugex.analysis.differential_expression, jugex.Region.from_image, jugex.Region.from_siibra, jugex.Region.sphere,
    jugex.Region.from_structure, jugex.Region.from_parcellation, jugex.DifferentialExpression.sensitivity,
)  # fmt: skip


@pytest.mark.parametrize("function", CALLED, ids=lambda function: function.__qualname__)
def test_every_parameter_is_in_a_guide(function: Any) -> None:
    names = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    assert [name for name in names if not re.search(rf"\b{name}=|`{name}`|\"{name}\":", GUIDES)] == []


def test_every_option_is_in_a_guide() -> None:
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    options = set(re.findall(r"^`(--[a-z0-9-]+)", commands, re.MULTILINE))
    assert len(options) > 30
    assert {option for option in options if not re.search(rf"{option}(?![\w-])", GUIDES)} == set()


@pytest.mark.parametrize("page", NAMES)
def test_links_have_words(page: str) -> None:
    # where pages are read without the site, a link without words is nothing at all
    assert re.findall(r"(?<!!)\[\]\([^)]+\)", (PROJECT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", NAMES)
def test_no_line_of_text_is_taken_for_a_comment(page: str) -> None:
    # a line of text that starts with % is one on the site, and gone
    text = re.sub(r"^```.*?^```", "", (PROJECT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^%.*", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("page", NAMES)
def test_pages_say_where_their_pictures_are_made(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    drawn = [image for image in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text) if "explanation/images" in
             str(((PROJECT / page).parent / image).resolve().as_posix())]  # fmt: skip
    assert not drawn or "```{only} source\nFigures are drawn when the site is built" in text


def test_every_picture_that_is_kept_is_on_a_page() -> None:
    pages = "\n".join((PROJECT / page).read_text(encoding="utf-8") for page in [*NAMES, "README.md"])
    kept = [path.name for path in (DOCS / "images").iterdir() if path.suffix in {".png", ".svg"}]
    assert kept
    assert [name for name in kept if f"images/{name}" not in pages] == []


# --- gallery -----------------------------------------------------------------------------------------------------


#: Words that the tutorial explains, where it stands for what the page of a report says.
ON_THE_PAGE = ("How far to trust it", "Same sign", "donors", "free", "Without one donor", "sd ratio", "step-down",
               "(BH)", "(BY)", "Intervals and other corrections")  # fmt: skip


def test_tutorial_uses_the_words_of_the_page(tmp_path: Path) -> None:
    tutorial = (DOCS / "tutorial" / "index.md").read_text(encoding="utf-8")
    result = jugex.compare("simulated:A", "simulated:B", genes=["MAOA"], atlas="simulated", n_permutations=99, rng=0)
    page = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert [said for said in ON_THE_PAGE if said not in tutorial] == []
    assert [said for said in ON_THE_PAGE if said not in words] == []


def test_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the site's build runs it in a kernel; here its cells run as one script, without the notebook's own commands
    notebook = json.loads((PROJECT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith("%"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "notebook.ipynb", "exec"), {"__name__": "notebook"})


NOTEBOOKS = sorted((PROJECT / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert [cell for cell in notebook["cells"] if cell.get("outputs")] == []


def test_notebook_of_figures_shows_table_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the test of notebooks needs nbclient and ipykernel")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    notebook = nbformat.read(PROJECT / "examples" / "figures_of_a_result.ipynb", as_version=4)
    (tmp_path / "run").mkdir()
    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path / "run")}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in shown for kind in output.get("data", {})]
    assert kinds.count("image/png") == 4
    assert "MAOA" in next(output["data"]["text/html"] for output in shown if "<table" in str(output.get("data")))
    assert {path.suffix for path in (tmp_path / "run").iterdir() if path.is_file()} == {".pdf"}
