"""Write docs/explanation/trust.md: what was tried to break jugex, how often, and what held, by the tests' own results.

python -m tests.make_trust_page
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
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
        ("tests.test_cli_fetch::test_killed",),
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


def run_tests() -> Counter[tuple[str, str]]:
    """How often each test ran to which end, by its name less its parameters."""
    folder = PROJECT / "tests"
    files = sorted({_find_file(folder, name) for attack in ATTACKS for name in attack.tests})
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


def _find_file(folder: Path, name: str) -> str:
    parts = name.split("::")[0].split(".")[1:]
    path = folder
    for part in parts:
        path = path / part
        if path.with_suffix(".py").exists():
            return str(path.with_suffix(".py"))
    return str(path)


def main() -> None:
    """Run the tests and write the page."""
    ends, rows, counted = run_tests(), [], set()
    for attack in ATTACKS:
        names = {name for name, _ in ends if name.startswith(attack.tests)} - counted - OTHERS
        counted |= names
        held, failed, skipped = (sum(ends[name, end] for name in names) for end in ("held", "failed", "skipped"))
        n, n_failed = attack.trials * (held + failed), attack.trials * failed
        note = f"; skipped here: {skipped}" if skipped else ""
        share = "100 %" if n and not n_failed else f"{n - n_failed:,} of {n:,}"
        rows.append(f"| {attack.what} | {attack.wanted} | {n:,} | {share}{note} |")
    today = datetime.now(UTC).date().isoformat()
    text = f"""<!-- written by python -m tests.make_trust_page (make trust) -->

# What was tried to break it

jugex is attacked by its own tests. This page is written from their results ({today}): what was tried, what is wanted,
how many trials there were, and how many held. All run in `make test`; most were failures once.

| tried | wanted | trials | held |
|---|---|---|---|
{chr(10).join(rows)}

What is not tried here: somebody who changes a store or a result on purpose and computes its checksums anew; disks that
lie about what they have written; systems other than Linux.
"""
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
