"""Write docs/explanation/trust.md: what was tried to break jugex, how often, and what held, by the tests' own results.

python -m tests.make_trust_page [WORDS]
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "explanation" / "trust.md"


@dataclass(frozen=True)
class Attack:
    """What is tried: the tests, by the beginning of their names, and how many trials each of them makes."""

    what: str
    wanted: str
    tests: tuple[str, ...]
    trials: int = 1


ATTACKS = (
    Attack(
        "Single bits of all files of a store flipped",
        "refused by the name of the file, or without effect on any value",
        ("tests.atlas.test_store::test_any_flipped_bit",),
        300,
    ),
    Attack(
        "Files of a store missing, cut, exchanged, of another version, on a failing disk",
        "refused by the name of the file",
        ("tests.atlas.test_store.TestRefusals::",),
    ),
    Attack(
        "`--overwrite` killed (SIGKILL) at a random moment, where folders can be exchanged and where not",
        "one whole result and all files of the user, nothing left over",
        ("tests.report.test_folders.TestKilled::test_nothing_is_lost",),
        60,
    ),
    Attack(
        "One file replaced and killed at a random moment",
        "the old or the new content",
        ("tests.report.test_folders.TestKilled::test_file_is_old_or_new",),
        20,
    ),
    Attack(
        "`rerun --out` killed (SIGKILL) at a random moment: over a result, over its own source, into a new folder",
        "both results whole, with the files of the user; the same command then succeeds",
        ("tests.test_reruns.TestKilled::",),
        12,
    ),
    Attack(
        "`fetch` killed (SIGKILL) at a random moment, while it downloads or builds",
        "what has its name is whole; the same command goes on to the end",
        ("tests.test_cli_fetch::test_killed_at_random_moments_it_goes_on_and_loses_nothing",),
        20,
    ),
    Attack(
        "Leftovers of killed runs, two runs into one folder, links, full disks, failing hard links",
        "nothing lost; refused in a sentence where it cannot be done",
        ("tests.report.test_folders.Test", "tests.report.test_folders::"),
    ),
    Attack(
        "Files of a saved result mutated: bits, bytes, lines, cut, doubled, emptied",
        "refused by the name of the file, or read as it was",
        ("tests.report.test_damaged::test_any_mutation",),
        200,
    ),
    Attack(
        "Tables and settings of a saved result changed, missing, of another result",
        "refused by the name of the file",
        ("tests.report.test_damaged::",),
    ),
    Attack(
        "Downloads: cut, resumed, silent, dripping, endless, redirected, damaged, refused, on a full disk",
        "resumed, or refused in a sentence; nothing that is not whole gets its name",
        ("tests.atlas.test_download.",),
    ),
    Attack(
        "Builds of a store: killed, interrupted, on a full disk, two at once",
        "the older store, or the new one",
        ("tests.atlas.test_store_building.",),
    ),
    Attack(
        "Input without end: lines, bombs, headers, devices, pipes, permutations",
        "refused before",
        ("tests.test_bounds",),
    ),
    Attack("Bad inputs from a table", "refused; the message names the fact", ("tests.bad_inputs.",)),
    Attack(
        "Readers fuzzed with Hypothesis (40 to 200 inputs a test)",
        "read, or refused in one line",
        ("tests.test_fuzz::",),
        40,
    ),
    Attack("Several runs in threads of one process", "the process as it was", ("tests.test_threads::",)),
    Attack(
        "Genes times 2^-1000 to 2^1000, subnormal, constant but for the last digit, tied, missing, infinite; 2 to "
        "4,000 samples, 60,000 probes, compiled and not; in joblib, after a fork",
        "the same F and p to the last bit, or refused with the true reason",
        ("tests.test_stress",),
    ),
    Attack("Stores and results of released formats", "read as they were", ("tests.test_formats::",)),
)


#: Tests of the tests.
OTHERS = {"tests.bad_inputs.test_bad_inputs::test_there_are_enough_of_them"}


#: Columns of the tables of what was measured once, by those of their files.
_LOAD = {
    "n_workers": "threads that compare",
    "minutes": "minutes",
    "n_runs": "comparisons",
    "n_saved": "saved",
    "rss_mib_first": "MiB after a third",
    "rss_mib_last": "MiB at the end",
    "held_mib_first": "held after a third",
    "held_mib_last": "held at the end",
    "n_files_first": "files after a third",
    "n_files_last": "files at the end",
    "n_threads_first": "threads after a third",
    "n_threads_last": "threads at the end",
}
_FUZZ = {"reader": "reader", "seconds": "seconds", "inputs": "inputs", "branches": "branches", "broken": "broken by"}
_VERSIONS = {
    "which": "", "numpy": "NumPy", "scipy": "SciPy", "pandas": "pandas", "numba": "numba", "tests": "tests",
    "passed": "passed",
}  # fmt: skip


def _list_csv(name: str, columns: dict[str, str]) -> str:
    """A table of Markdown of a file beside the page."""
    with (PAGE.parent / f"trust_{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows = [[row[column] for column in columns] for row in csv.DictReader(stream)]
    lines = [list(columns.values()), ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_tests(attacks: Sequence[Attack]) -> Counter[tuple[str, str]]:
    """How often each test ran to which end, by its name less its parameters."""
    folder = PROJECT / "tests"
    nodes = {_find_node(folder, name) for attack in attacks for name in attack.tests}
    files = sorted(node for node in nodes if node == node.split("::")[0] or node.split("::")[0] not in nodes)
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junit-xml={report}", *files]
        subprocess.run(command, cwd=PROJECT, check=False)
        cases = [*ElementTree.parse(report).iter("testcase")]
    ends: Counter[tuple[str, str]] = Counter()
    for case in cases:
        kinds = {child.tag for child in case}
        end = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "held"
        ends[f"{case.get('classname')}::{case.get('name')}".split("[")[0], end] += 1
    return ends


def _find_node(folder: Path, name: str) -> str:
    """What pytest is given for the beginning of a test's name: a folder, a file, or a class or test in one."""
    parts, _, test = name.removeprefix("tests.").partition("::")
    path = folder
    rest = parts.split(".")
    while rest:
        path = path / rest.pop(0)
        if path.with_suffix(".py").exists():
            of_class = rest if "::" in name else []
            whole = [test] if f"def {test}(" in path.with_suffix(".py").read_text(encoding="utf-8") else []
            return "::".join([str(path.with_suffix(".py")), *(of_class or whole)])
    return str(path)


def main() -> None:
    """Run the tests and write the page; with words, count the rows that hold one of them anew, and keep the others."""
    words = sys.argv[1:]
    attacks = [attack for attack in ATTACKS if not words or any(word in attack.what for word in words)]
    kept = {line.split(" | ")[0]: line for line in PAGE.read_text(encoding="utf-8").splitlines()}
    ends, counted, counts = run_tests(attacks), set(OTHERS), {}
    for attack in ATTACKS:  # a test counts for the first that names it
        names = {name for name, _ in ends if name.startswith(attack.tests)} - counted
        counted |= names
        held, failed, skipped = (sum(ends[name, end] for name in names) for end in ("held", "failed", "skipped"))
        n, n_failed = attack.trials * (held + failed), attack.trials * failed
        note = f"; skipped here: {skipped}" if skipped else ""
        share = "100 %" if n and not n_failed else f"{n - n_failed:,} of {n:,}"
        counts[attack.what] = f"| {attack.what} | {attack.wanted} | {n:,} | {share}{note} |"
    write_page([counts[one.what] if one in attacks else kept[f"| {one.what}"] for one in ATTACKS])


def write_page(rows: list[str]) -> None:
    """Write the page from the rows of its first table, and from what was measured once."""
    today = datetime.now(UTC).date().isoformat()
    text = f"""<!-- written by python -m tests.make_trust_page (make trust) -->

# What was tried to break it

jugex is attacked by its own tests. This page is written from their results ({today}): what was tried, what is wanted,
how many trials there were, and how many held. All run in `make test`; most were failures once.

| tried | wanted | trials | held |
|---|---|---|---|
{chr(10).join(rows)}

## Load

The regions of the simulated atlas are compared again and again, each time in other genes, and every fifth result is
saved over the last one, with page and figures (`python -m tests.slow.load`; in short in `make test-all`). What the
process uses is looked at after the first third of the time, which fills what is kept for later runs, and at the end.

{_list_csv("load", _LOAD)}

Most of the resident memory is what the C library keeps for later allocations, and it moves up and down; "held" is what
is left after it was asked to give that back (`malloc_trim`).

## Fuzzing along branches

atheris makes inputs that take other branches of the readers than those before (`make fuzz`, not part of the tests). A
reader holds where it reads the input, or refuses it in one line.

{_list_csv("fuzz", _FUZZ)}

## Versions

The golden tables (p-values to the last bit, other numbers to 1e-12, intervals to 1e-10) and the tests of the statistics
with the oldest versions that are supported (`make test-oldest`) and with the newest.

{_list_csv("versions", _VERSIONS)}

What is not tried here: somebody who changes a store or a result on purpose and computes its checksums anew; disks that
lie about what they have written; systems other than Linux.

Whether the tests would see a wrong number is tried with [mutants of the code](../mutation_testing.md).
"""
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
