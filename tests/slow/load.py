"""Comparisons without end: whether memory, open files and threads of the process stay as they are.

    python -m tests.slow.load docs/load.csv --minutes 10

Comparisons of the simulated atlas run one after the other, each with other genes and another seed, every fifth saved
over the one before; first in one thread, then in four. Rows are added to the file as they are measured.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import jugex

#: One in so many results is saved, with page and figures.
_SAVED = 5
_N_GENES = 12


@dataclass(frozen=True)
class Usage:
    """What a process uses at a moment: resident memory in MiB, open files, threads.

    `held_mib` is the resident memory without what the C library keeps for later allocations, and gives back if asked.
    """

    rss_mib: float
    held_mib: float
    n_files: int
    n_threads: int

    @classmethod
    def now(cls) -> Usage:
        """Usage of this process, by Linux's /proc."""
        gc.collect()
        rss = _read_status("VmRSS") / 1024
        if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:  # of the GNU C library
            trim(0)
        # what lists the open files has one open itself
        n_files = sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1
        return cls(rss, _read_status("VmRSS") / 1024, n_files, _read_status("Threads"))


def _read_status(name: str) -> int:
    """A number that the system tells of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[name].split()[0])


@dataclass(frozen=True)
class Load:
    """What a number of threads did: runs, and usage by thirds: at the end of the first and of the last.

    The first third fills what is kept for later runs (images, compiled code, fonts).
    """

    n_workers: int
    minutes: float
    n_runs: int
    n_saved: int
    rss_mib_first: float
    rss_mib_last: float
    held_mib_first: float
    held_mib_last: float
    n_files_first: int
    n_files_last: int
    n_threads_first: int
    n_threads_last: int


def run_load(n_workers: int, seconds: float, folder: Path) -> Load:
    """Compare in threads for a while; usage is taken while no thread computes."""
    counts = np.zeros((n_workers, 2), dtype=int)
    usages = []
    genes = sorted(set(jugex.open_atlas("simulated").probes["gene"]))
    began = time.monotonic()
    for third in (1, 2, 3):
        end = began + third * seconds / 3
        with warnings.catch_warnings(), ThreadPoolExecutor(n_workers) as executor:
            warnings.simplefilter("ignore", jugex.JugexWarning)
            workers = [
                executor.submit(_compare_until, number, end, counts, genes, folder / str(number))
                for number in range(n_workers)
            ]
            for worker in workers:
                worker.result()
        usages.append(Usage.now())
    first, last = usages[0], usages[-1]
    return Load(
        n_workers,
        round((time.monotonic() - began) / 60, 2),
        int(counts[:, 0].sum()),
        int(counts[:, 1].sum()),
        *(value for pair in zip(asdict(first).values(), asdict(last).values(), strict=True) for value in pair),
    )


def _compare_until(number: int, end: float, counts: np.ndarray, genes: Sequence[str], folder: Path) -> None:
    while True:  # once at least
        rng = np.random.default_rng([number, counts[number, 0]])
        result = jugex.compare(
            "simulated:A",
            "simulated:B",
            atlas="simulated",
            genes=rng.choice(genes, _N_GENES, replace=False).tolist(),
            n_permutations=500,
            background=False,
            rng=int(rng.integers(1000)),
        )
        if counts[number, 0] % _SAVED == 0:
            result.save(folder, overwrite=True)
            counts[number, 1] += 1
        counts[number, 0] += 1
        if time.monotonic() >= end:
            return


def main() -> None:
    """Measure, and add a row for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, default=0.5, help="of each number of threads (default: 0.5)")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 4])
    options = parser.parse_args()
    for n_workers in options.threads:
        with tempfile.TemporaryDirectory() as folder:
            load = run_load(n_workers, 60 * options.minutes, Path(folder))
        print(load, flush=True)
        row = pd.DataFrame([asdict(load)]).round(1)
        row.to_csv(options.file, mode="a", header=not options.file.exists(), index=False)


if __name__ == "__main__":
    main()
