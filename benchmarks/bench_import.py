"""Time that jugex adds to importing NumPy, pandas and nibabel, which it stands on.

    python benchmarks/bench_import.py [--runs 21]

Each run is a process of its own that imports the three, then jugex, then looks `jugex.compare` up, which reads what a
comparison needs; a first run that fills the caches is not counted. Beside wall time stands processor time, which other
work on the machine disturbs less. The limit is for both together.
Compiled modules are kept, as Python does unless told not to.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import numpy as np

LIMIT = 0.1

MEASURE = """
import time

def clocks():
    return time.perf_counter(), time.process_time()

start = clocks()
import numpy, pandas, nibabel
middle = clocks()
import jugex
imported = clocks()
jugex.compare
end = clocks()
for first, last in ((start, middle), (middle, imported), (imported, end)):
    print(*(b - a for a, b in zip(first, last)))
"""


def measure_once() -> list[float]:
    """Seconds of the three, of jugex and of `compare`, each as wall time and processor time."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=environment)
    return [float(word) for word in run.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    measure_once()
    medians = np.median([measure_once() for _ in range(runs)], axis=0).reshape(3, 2)
    print(f"{f'medians of {runs} processes (s)':32}{'wall':>8}{'processor':>12}")
    for name, (wall, processor) in zip(
        ("numpy, pandas and nibabel", "import jugex", "jugex.compare"), medians, strict=True
    ):
        print(f"{name:32}{wall:8.3f}{processor:12.3f}")
    print(f"Limit: {LIMIT} s for the last two together.")


if __name__ == "__main__":
    main()
