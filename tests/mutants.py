"""Mutation testing of what decides a number: one place at a time is changed, and the tests have to see it.

python -m tests.mutants docs/mutants.csv --number 200 (make mutants)

Mutants are those of Cosmic Ray, drawn by chance: first a place in the code, then what becomes of it. Each is tried in a
copy of the project, with the few test files that are for its module. The table is written mutant by mutant, and a run
goes on where it ends. Its column `outcome` is what became of a mutant at first, `now` with the tests as they are now:
``--survivors`` tries again those that survived. Why one may survive is written into the column `why` by hand.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path

# a mutant's own process begins with these loaded: a copy of this one
import nibabel  # noqa: F401
import numba
import pandas  # noqa: F401
import pyarrow  # noqa: F401
import pytest
import scipy.ndimage
import scipy.optimize
import scipy.spatial
import scipy.stats  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    number_replacer,
    unary_operator_replacement,
    zero_iteration_for_loop,
)

PROJECT = Path(__file__).resolve().parents[1]
_MOST_SECONDS = 120  # of the processor, for the tests of a mutant: they take 30 at most
COLUMNS = ("file", "line", "column", "operator", "occurrence", "before", "after", "outcome", "now", "why")


@dataclass(frozen=True)
class Target:
    """A module, or some functions of it, and the test files that are for it."""

    file: str
    tests: tuple[str, ...]
    functions: tuple[str, ...] = ()

    def lines(self) -> set[int]:
        """Lines that may change."""
        tree = ast.parse((PROJECT / self.file).read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        if not self.functions:
            return set(range(1, 1 + len((PROJECT / self.file).read_text(encoding="utf-8").splitlines())))
        spans = [range(node.lineno, node.end_lineno + 1) for node in nodes if node.name in self.functions]
        return set(chain.from_iterable(spans))


def _stats(module: str, *tests: str) -> Target:
    return Target(f"jugex/stats/{module}.py", tuple(f"tests/{name}.py" for name in tests))


_REGIONS = tuple(f"tests/regions/test_{name}.py" for name in ("shapes", "operations", "images", "morphology"))
_QUERY = tuple(f"tests/query/test_{name}.py" for name in ("expression", "within_exclude", "spaces"))
TARGETS = (
    _stats("aggregation", "stats/test_aggregation"),
    _stats("corrections", "stats/test_corrections", "stats/test_testing", "stats/test_references"),
    _stats("design", "stats/test_design", "stats/test_relabelling", "stats/test_statistics", "stats/test_engine"),
    _stats("effects", "stats/test_effects", "stats/test_donors", "stats/test_properties"),
    _stats("engine", "stats/test_engine", "stats/test_tails"),
    _stats("families", "scanning/test_families"),
    _stats("lookup", "stats/test_engine"),
    _stats("lookup_kernels", "stats/test_engine"),
    _stats("moderation", "stats/test_moderation", "stats/test_spatial"),
    _stats("normalization", "query/test_region_table"),
    _stats("pair_kernels", "stats/test_spatial", "stats/test_variogram"),
    _stats("pairs", "stats/test_spatial", "stats/test_variogram"),
    _stats("pooling", "stats/test_spatial", "stats/test_variogram"),
    _stats("relabelling", "stats/test_relabelling"),
    _stats("spatial", "stats/test_spatial", "stats/test_spatial_calibration"),
    _stats("statistics", "stats/test_statistics", "stats/test_references", "stats/test_engine"),
    _stats("tails", "stats/test_tails"),
    _stats("testing", "stats/test_testing"),
    _stats("threads", "stats/test_threads"),
    _stats("variogram", "stats/test_variogram", "stats/test_spatial"),
    Target("jugex/query/samples.py", _QUERY),
    Target("jugex/query/reference.py", ("tests/query/test_reference.py",)),
    Target("jugex/regions/base.py", _REGIONS, ("Membership", "contains", "distances")),
    Target("jugex/regions/shapes.py", _REGIONS, ("locate", "distances", "contains")),
    Target("jugex/regions/images.py", _REGIONS, ("locate", "find_voxels", "distances", "_voxel_coordinates")),
    Target("jugex/regions/grids.py", _REGIONS, ("in_mni_box", "distances_to_voxels", "_distances_to_boxes")),
)

#: Between arithmetic operators only: bits of floats are a TypeError, which any test sees.
_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow")
OPERATORS = {
    operator.__name__: operator
    for operator in (
        *(
            operator
            for operator in binary_operator_replacement.operators()
            if set(operator.__name__.split("_")[1:]) <= {*_ARITHMETIC}
            or operator.__name__.endswith(("BitOr_BitAnd", "BitAnd_BitOr"))
        ),
        *comparison_operator_replacement.operators(),
        *unary_operator_replacement.operators(),
        boolean_replacer.AddNot,
        boolean_replacer.ReplaceTrueWithFalse,
        boolean_replacer.ReplaceFalseWithTrue,
        boolean_replacer.ReplaceAndWithOr,
        boolean_replacer.ReplaceOrWithAnd,
        break_continue.ReplaceBreakWithContinue,
        break_continue.ReplaceContinueWithBreak,
        number_replacer.NumberReplacer,
        zero_iteration_for_loop.ZeroIterationForLoop,
    )
}


@dataclass(frozen=True)
class Mutant:
    """A change in one place of the code.

    Attributes
    ----------
    target : Target
        Where.
    line, column : int
        The place.
    operator : str
        Name of Cosmic Ray's operator.
    occurrence : int
        The how-manieth of the operator's places in the file it is.
    source : str
        The file with the change.
    """

    target: Target
    line: int
    column: int
    operator: str
    occurrence: int
    source: str = field(repr=False)

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.target.file, self.operator, self.occurrence

    def row(self, outcome: str) -> dict[str, object]:
        """Its line in the table."""
        before = (PROJECT / self.target.file).read_text(encoding="utf-8").splitlines()
        texts = [lines[self.line - 1].strip() for lines in (before, self.source.splitlines())]
        values = (
            self.target.file,
            self.line,
            self.column,
            self.operator,
            self.occurrence,
            *texts,
            outcome,
            outcome,
            "",
        )
        return dict(zip(COLUMNS, values, strict=True))


def make_mutant(target: Target, line: int, column: int, operator: str, occurrence: int) -> Mutant | None:
    """Change one place of a target; None where the program remains the same, or is none any more."""
    source = (PROJECT / target.file).read_text(encoding="utf-8")
    changed = mutate_code(source, OPERATORS[operator](), occurrence)
    try:
        if changed is None or _bare(changed) == _bare(source):
            return None
    except SyntaxError:
        return None
    return Mutant(target, line, column, operator, occurrence, changed)


@cache
def _bare(source: str) -> str:
    """A program without what changes no number: annotations, and decorators with what they are told."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            node.decorator_list = []
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
    return ast.dump(tree)


def draw_mutants(seed: int) -> Iterator[Mutant]:
    """Draw mutants without end of the places: each place once."""
    places: dict[tuple[Target, tuple[int, int], tuple[int, int]], list[tuple[str, int]]] = defaultdict(list)
    for target in TARGETS:
        tree, lines = get_ast((PROJECT / target.file).read_text(encoding="utf-8")), target.lines()
        nodes = [*ast_nodes(tree)]
        for name, operator in OPERATORS.items():
            positions = chain.from_iterable(map(operator().mutation_positions, nodes))
            for occurrence, (start, stop) in enumerate(positions):
                if start[0] in lines:
                    places[target, start, stop].append((name, occurrence))
    chance = random.Random(seed)
    for target, start, stop in chance.sample([*places], len(places)):
        mutant = make_mutant(target, *start, *chance.choice(places[target, start, stop]))
        if mutant is not None:
            yield mutant


def run_tests(copy: Path, tests: Sequence[str]) -> str:
    """Run tests in the copy, in a process of their own: what became of a mutant there."""
    process = os.fork()
    if not process:
        try:
            os.setsid()
            with (copy / "output.txt").open("w") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS + 5))
            signal.alarm(10 * _MOST_SECONDS)  # what waits for ever takes no processor
            os.chdir(copy)
            sys.path[:] = [str(copy), *(folder for folder in sys.path if Path(folder).resolve() != PROJECT)]
            for name in [name for name in sys.modules if name.split(".")[0] in {"tests", "jugex"}]:
                del sys.modules[name]
            status = pytest.main(["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", *tests])
            os._exit(int(status))
        finally:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return "survived" if code == 0 else "killed by time" if code < 0 else "killed"


class Copy:
    """The package and its tests in another folder, to be changed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        for name in ("jugex", "tests", "docs", "benchmarks"):
            shutil.copytree(PROJECT / name, self.folder / name, ignore=shutil.ignore_patterns("*.pyc", "_build"))
        for path in PROJECT.iterdir():
            if path.is_file() and path.name != ".git":
                shutil.copy2(path, self.folder)
        if (PROJECT.parent / "shared").exists():  # small pieces of real data, for tests that are skipped without
            (folder / "shared").symlink_to((PROJECT.parent / "shared").resolve())

    def check(self, tests: tuple[str, ...]) -> None:
        """Check that tests pass here without any change: else they would see every mutant."""
        if run_tests(self.folder, tests) != "survived":
            raise SystemExit(f"{tests} fail without any change:\n{(self.folder / 'output.txt').read_text()}")

    def try_mutant(self, mutant: Mutant) -> str:
        """Run the tests of a mutant."""
        path = self.folder / mutant.target.file
        before, compiled = path.stat(), numba.config.CACHE_DIR
        path.write_text(mutant.source, encoding="utf-8")
        self._forget(path)
        numba.config.CACHE_DIR = str(self.folder / f"numba_{time.time_ns()}") if "kernels" in path.name else compiled
        try:
            return run_tests(self.folder, mutant.target.tests)
        finally:
            numba.config.CACHE_DIR = compiled
            shutil.copyfile(PROJECT / mutant.target.file, path)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # else numba would compile again
            self._forget(path)

    def _forget(self, path: Path) -> None:
        for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            cached.unlink()


def read_table(path: Path) -> list[dict[str, str]]:
    """The mutants that were tried, one a row; none where there is no table."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def write_table(path: Path, rows: Sequence[dict[str, object] | dict[str, str]]) -> None:
    """Write the mutants that were tried."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Try mutants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--number", type=int, default=200, help="mutants to try in all (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which to stop (default: none)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--survivors", action="store_true", help="try the survivors again")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    rows: list[dict[str, object] | dict[str, str]] = [*read_table(arguments.table)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        if arguments.survivors:
            targets = {target.file: target for target in TARGETS}
            for row in [row for row in rows if row["now"] == "survived" and not row["why"]]:
                place = int(row["line"]), int(row["column"]), str(row["operator"]), int(row["occurrence"])
                mutant = make_mutant(targets[str(row["file"])], *place)
                same = ("before", "after")
                if mutant is None or [mutant.row("")[name] for name in same] != [row[name] for name in same]:
                    print("the code has changed:", *row.values(), sep=" | ")
                    continue
                row["now"] = copy.try_mutant(mutant)
                write_table(arguments.table, rows)
                print(*row.values(), sep=" | ", flush=True)
        else:
            killing: set[tuple[str, ...]] = set()
            passed: set[tuple[str, ...]] = set()
            tried = {(row["file"], row["operator"], int(row["occurrence"])) for row in rows}
            for mutant in draw_mutants(arguments.seed):
                if len(rows) >= arguments.number or time.monotonic() > end:
                    break
                if mutant.key not in tried:
                    rows.append(mutant.row(outcome := copy.try_mutant(mutant)))
                    killing.add(mutant.target.tests)
                    if outcome == "survived":
                        passed.add(mutant.target.tests)
                    write_table(arguments.table, rows)
                    print(*rows[-1].values(), sep=" | ", flush=True)
            for tests in sorted(killing - passed):
                copy.check(tests)
    print(*(f"{name}: {dict(Counter(str(row[name]) for row in rows))}" for name in ("outcome", "now")), sep="\n")


if __name__ == "__main__":
    main()
