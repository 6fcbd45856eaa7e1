"""How many files of jugex one comparison enters: what a newcomer opens to follow it from the command line to p.

    python benchmarks/trace_path.py [--list]

Runs ``jugex compare simulated:A simulated:B`` on two genes in this process and notes each file of jugex in which a
function is called: until the table of results exists, and for the whole command with its files and report. What runs
at import does not count. With --list, the files in the order in which they are first entered.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import jugex
from jugex import *  # noqa: F403 - what runs at import is over before the trace
from jugex import cli

PACKAGE = Path(jugex.__file__).parent
#: The function after which the table of results exists.
TABLE = ("pipeline/tables.py", "make_table")
NOT_CALLS = ("<module>", "<lambda>", "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")
LIMITS = "Limits: 20 files until the table exists, 45 for the whole command."


class Trace:
    """Files entered, in order, with the function that was entered first."""

    def __init__(self) -> None:
        self.entered: dict[str, str] = {}
        self.until_table: int | None = None
        self.changes = 0
        self._last = ""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if not name.startswith(str(PACKAGE)):
            return
        file, function = str(Path(name).relative_to(PACKAGE)), frame.f_code.co_name
        if event == "call" and function not in NOT_CALLS:
            self.entered.setdefault(file, function)
            self.changes += file != self._last
            self._last = file
        if event == "return" and (file, function) == TABLE and self.until_table is None:
            self.until_table = len(self.entered)


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name the files")
    options = parser.parse_args()
    path = Trace()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        command = ["compare", "simulated:A", "simulated:B", "--atlas", "simulated", "--genes", "MAOA,TAC1", "--quiet"]
        command += ["--no-background", "--out", str(Path(folder) / "out"), "--permutations", "999", "--jobs", "1"]
        sys.setprofile(path)
        try:
            cli.main(command)
        except SystemExit as done:
            if done.code:
                raise
        finally:
            sys.setprofile(None)
    print(f"files entered until the table exists: {path.until_table}")
    print(f"files entered by the whole command:   {len(path.entered)} ({path.changes:,} changes of file)")
    print(LIMITS)
    if options.list:
        for number, (file, function) in enumerate(path.entered.items(), start=1):
            print(f"{number:4} {file} ({function})" + ("   <- table" if number == path.until_table else ""))


if __name__ == "__main__":
    main()
