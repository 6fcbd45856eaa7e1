"""Time that `import jugex` adds to importing NumPy, pandas and nibabel, which it stands on.

    python benchmarks/bench_import.py [--runs 21]

Each run is a process of its own that imports the three and then jugex, and takes the time of both; a first run that
fills the caches is not counted. Beside wall time stands processor time, which other work on the machine disturbs less.
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
end = clocks()
print(*(b - a for a, b in zip(start, middle)), *(b - a for a, b in zip(middle, end)))
"""


def measure_once() -> list[float]:
    """Seconds of the three and of jugex, each as wall time and processor time."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=environment)
    return [float(word) for word in run.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    measure_once()
    wall, processor, added_wall, added_processor = np.median([measure_once() for _ in range(runs)], axis=0)
    print(f"median of {runs} processes           wall  processor (s)")
    print(f"numpy, pandas and nibabel        {wall:6.3f}  {processor:6.3f}")
    print(f"import jugex after them          {added_wall:6.3f}  {added_processor:6.3f}   limit {LIMIT} s")


if __name__ == "__main__":
    main()
