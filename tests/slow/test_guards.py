"""Each guard against silent misreading, taken out in a copy of the project: the test named beside it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.guards import GUARDS, Guard

pytestmark = pytest.mark.slow

_PASSED, _FAILED = 0, 1


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests, to be changed; the tests that are named pass there."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("jugex", "tests"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    status, said = run(folder, *dict.fromkeys(guard.test for guard in GUARDS))
    assert status == _PASSED, said
    return folder


def run(copy: Path, *tests: str) -> tuple[int, str]:
    """Exit status and output of tests in the copy."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.kind for guard in GUARDS])
def test_without_the_guard_its_test_fails(copy: Path, guard: Guard) -> None:
    source = copy / guard.file
    whole = source.read_text(encoding="utf-8")
    assert whole.count(guard.line) == 1, f"{guard.file} has the guard {guard.line!r} {whole.count(guard.line)} times"
    source.write_text(whole.replace(guard.line, guard.without), encoding="utf-8")
    try:
        status, said = run(copy, guard.test)
    finally:
        source.write_text(whole, encoding="utf-8")
    if status == _PASSED and "skipped" in said and "passed" not in said:
        pytest.skip(f"{guard.test} is skipped here")
    assert status == _FAILED, f"{guard.test} passes without the guard against {guard.kind}\n{said}"
