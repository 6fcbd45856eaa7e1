"""What is handed out: the wheel, the source distribution, and the dependencies they declare."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import jugex

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "jugex"
OLDEST = PROJECT / "tests" / "oldest.txt"

#: Kinds of files that the package reads at run time.
DATA_ENDINGS = {".csv", ".gmt", ".html", ".js", ".pyi", ".typed"}

#: Packages that stand behind an extra, by the name under which they are imported.
#: Optional imports, and the extras that install them.
OPTIONAL = {"anndata": "anndata", "distributed": "dask", "openpyxl": "xlsx", "siibra": "siibra"}

#: Packages that are imported under another name than the one that they are installed by.
INSTALLED_AS = {"PIL": "pillow", "lazy_loader": "lazy-loader"}

#: In the constraints only for what the oldest versions need in turn.
NEEDED_IN_TURN = {"pyparsing"}


def package_files() -> set[str]:
    """Files of the package in the checkout, less what Python leaves beside them."""
    found = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PROJECT).as_posix() for path in found} | {"jugex_command.py"}


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel and the source distribution of this checkout."""
    pytest.importorskip("hatchling", reason="building needs hatchling: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds what the wheel installs, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


class TestWheel:
    def test_holds_the_package_and_nothing_else(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        about = f"jugex-{jugex.__version__}.dist-info"
        assert {name for name in names if not name.startswith(f"{about}/")} == package_files()
        assert {name for name in names if name.startswith(about)} == {
            f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
        }

    def test_package_holds_code_and_data_only(self) -> None:
        assert {Path(name).suffix for name in package_files()} == {".py", *DATA_ENDINGS}

    def test_runs_on_every_system(self, wheel: Path) -> None:
        assert wheel.name == f"jugex-{jugex.__version__}-py3-none-any.whl"

    def test_metadata_say_what_it_is(self, wheel: Path, pyproject: dict[str, Any]) -> None:
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(f"jugex-{jugex.__version__}.dist-info/METADATA").decode()
        fields = HeaderParser().parsestr(text)
        assert fields["Version"] == jugex.__version__
        assert fields["License-Expression"] == pyproject["project"]["license"]
        assert fields["Requires-Python"] == ">=3.11"
        assert fields["Description-Content-Type"] == "text/markdown"
        assert "Typing :: Typed" in fields.get_all("Classifier", [])

    def test_works_away_from_the_checkout(self, installed: Path, tmp_path: Path) -> None:
        def run(code: str, *words: str) -> str:
            start = f"import sys; sys.path.insert(0, {str(installed)!r})"
            command = [sys.executable, "-c", f"{start}; {code}", *words]
            return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

        assert Path(run("import jugex; print(jugex.__file__)").strip()).is_relative_to(installed)
        main = "from jugex.cli import main; sys.exit(main())"
        assert jugex.__version__ in run(main, "--version")
        few = ["--genes", "MAOA", "--permutations", "99", "--quiet"]
        run(main, "compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--out", "out", *few)
        assert (tmp_path / "out" / "results.tsv").is_file()
        assert "</html>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


class TestSourceDistribution:
    @pytest.fixture
    def names(self, built: Path) -> set[str]:
        [path] = built.glob("*.tar.gz")
        with tarfile.open(path) as archive:
            return {name.split("/", 1)[1] for name in archive.getnames()}

    def test_holds_the_package(self, names: set[str]) -> None:
        assert {name for name in names if name.startswith(("jugex/", "jugex_command"))} == package_files()

    @pytest.mark.parametrize("folder", ["tests", "examples", "benchmarks"])
    def test_holds_the_scripts_that_test_it(self, names: set[str], folder: str) -> None:
        scripts = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / folder).rglob("*.py")}
        assert scripts <= names

    def test_holds_what_the_tests_read(self, names: set[str]) -> None:
        read = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests" / "reference").iterdir()}
        assert {*read, "tests/oldest.txt", "docs/conf.py"} <= names
        assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"} <= names
        assert {"LICENSE", "Makefile", "pyproject.toml"} <= names

    def test_holds_nothing_that_tools_leave(self, names: set[str]) -> None:
        leavings = {"__pycache__", "_build", "dist", "node_modules", ".venv", ".hypothesis", ".pytest_cache"}
        assert [name for name in names if leavings & set(name.split("/"))] == []


def read_requirements(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by name; the package's own extras, which others combine, are left out."""
    found = (Requirement(line) for line in lines)
    return {requirement.name: requirement for requirement in found if requirement.name != "jugex"}


def read_oldest() -> dict[str, Version]:
    """Versions of the constraints file."""
    lines = (line.partition("#")[0].strip() for line in OLDEST.read_text(encoding="utf-8").splitlines())
    return {name: Version(version) for name, _, version in (line.partition("==") for line in lines if line)}


def find_imports() -> set[str]:
    """Packages outside the standard library that any module of jugex imports, at any place in it."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return {INSTALLED_AS.get(name, name) for name in found - {"jugex"} - sys.stdlib_module_names}


class TestDependencies:
    @pytest.fixture
    def declared(self, pyproject: dict[str, Any]) -> dict[str, Requirement]:
        return read_requirements(pyproject["project"]["dependencies"])

    @pytest.fixture
    def extras(self, pyproject: dict[str, Any]) -> dict[str, list[str]]:
        return pyproject["project"]["optional-dependencies"]

    def test_are_what_the_code_imports(self, declared: dict[str, Requirement]) -> None:
        assert find_imports() == {*declared, *OPTIONAL}

    def test_what_is_optional_has_an_extra(self, extras: dict[str, list[str]]) -> None:
        assert [name for name, extra in OPTIONAL.items() if name not in read_requirements(extras[extra])] == []

    def test_oldest_versions_are_the_lower_bounds(
        self, declared: dict[str, Requirement], extras: dict[str, list[str]]
    ) -> None:
        tested = [line for extra in ("anndata", "parcellations", "xlsx", "test") for line in extras[extra]]
        bounds = {
            name: Version(specifier.version)
            for name, requirement in {**declared, **read_requirements(tested)}.items()
            for specifier in requirement.specifier
            if specifier.operator == ">="
        }
        oldest = read_oldest()
        assert {name: version for name, version in oldest.items() if name not in NEEDED_IN_TURN} == bounds
        assert oldest.keys() >= NEEDED_IN_TURN


def test_two_builds_give_the_same_wheel(built: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)
    [first], [second] = built.glob("*.whl"), tmp_path.glob("*.whl")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("path", ["environment.yml", "packaging/conda/recipe.yaml"])
def test_recipes_need_what_the_package_needs(path: str, pyproject: dict[str, Any]) -> None:
    text = (PROJECT / path).read_text(encoding="utf-8")
    assert "Not run yet" in text
    called = {"matplotlib": "matplotlib-base", "msgspec": "msgspec-python", "xxhash": "python-xxhash"}
    for needed in map(Requirement, pyproject["project"]["dependencies"]):
        assert f"- {called.get(needed.name, needed.name)} {needed.specifier}\n" in text


def test_licences_are_listed(pyproject: dict[str, Any]) -> None:
    text = (PROJECT / "docs" / "licences.md").read_text(encoding="utf-8")
    for needed in map(Requirement, pyproject["project"]["dependencies"]):
        assert f"\n| {needed.name} | " in text
