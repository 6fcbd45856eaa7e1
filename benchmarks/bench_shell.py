"""Processor time of jugex from the shell, in units of what importing NumPy, pandas and nibabel takes.

    python benchmarks/bench_shell.py [--runs 7] [--store FOLDER]

Three commands, each with its report and figures: the whole genome and 25 genes on a store of the real size (58,692
probes, 3,702 samples; made-up numbers, built once into FOLDER, by default below the temporary folder), and the demo.
The commands and the import take turns; printed are medians of user seconds and their ratio to the import's. Compiled
modules are kept, as Python does unless told not to: those of the packages were compiled when they were installed. The
limits are for the comparison with its ladder and the diagnostic of this.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from synthetic import write_archives

from jugex.atlas.building import build_store

IMPORT = [sys.executable, "-c", "import numpy, pandas, nibabel"]
REGIONS = ["sphere:-22,56,4,16", "sphere:-8,58,0,16"]
LIMITS = {"whole genome": 24, "25 genes": 11, "demo": 11}


def make_store(folder: Path) -> Path:
    """The store, built where it is not there yet."""
    store = folder / "store"
    if not store.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_archives(folder / "archives")
        build_store(folder / "archives", store)
    return store


def list_commands(store: Path, out: Path) -> dict[str, list[str]]:
    """The command lines by what they do."""
    jugex = [sys.executable, "-m", "jugex"]
    compare = [*jugex, "compare", *REGIONS, "--atlas", str(store), "--quiet", "--jobs", "1", "--overwrite"]
    genes = ",".join(f"GENE{number:05d}" for number in range(25))
    return {
        "import": IMPORT,
        "whole genome": [*compare, "--out", str(out / "genome")],
        "25 genes": [*compare, "--genes", genes, "--no-background", "--out", str(out / "genes")],
        "demo": [*jugex, "demo", "--quiet", "--overwrite", "--out", str(out / "demo")],
    }


def measure(command: list[str]) -> float:
    """User seconds of one run of a command."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "jugex-bench-shell")
    options = parser.parse_args()
    store = make_store(options.store)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        commands = list_commands(store, Path(folder))
        for run in range(options.runs + 1):  # the first fills caches and compiles
            for name, command in commands.items():
                taken = measure(command)
                if run:
                    seconds.setdefault(name, []).append(taken)
    unit = statistics.median(seconds["import"])
    print(f"{'user seconds, medians of ' + str(options.runs):32}{'s':>8}{'units':>8}{'limit':>8}")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{name:32}{median:8.2f}{median / unit:8.1f}{LIMITS.get(name, ''):>8}")


if __name__ == "__main__":
    main()
