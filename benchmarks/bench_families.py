"""Holm's correction and false discovery rates over a scan: memory and time, beside those of all p at once.

    python benchmarks/bench_families.py [--rows 20000000]

The p of pairs of 20,000 genes are made up, a third of them small and none alike, as those of donors and distance are.
Each way runs in a process of its own: all p in one array, sorted and corrected as statsmodels does; and as a scan does,
in runs on disk, with the corrections of every pair at the end. Both give the same numbers bit for bit, which is
checked. Memory is what the process took above its imports.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jugex.scanning.control import keeping_on_disk, release
from jugex.stats.families import Family, false_discoveries, holm

_GENES = 20_000


def draw_pairs(n_rows: int) -> Iterator[np.ndarray]:
    """The p of each pair, the same each time."""
    for number in range(n_rows // _GENES):
        rng = np.random.default_rng(number)
        p = rng.random(_GENES)
        yield np.where(rng.random(_GENES) < 1 / 3, p**8, p)


def correct_at_once(n_rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Holm's p and the false discovery rates of each pair, from one array of all p."""
    p = np.concatenate(list(draw_pairs(n_rows)))
    order = np.argsort(p)
    ranks, corrected = np.arange(1, len(p) + 1), []
    for ordered in (
        np.maximum.accumulate(p[order] * ranks[::-1]),
        np.minimum.accumulate((p[order] / (ranks / len(p)))[::-1])[::-1],
    ):
        values = np.empty_like(p)
        values[order] = np.minimum(ordered, 1.0)
        corrected.append(values)
    yield from zip(*(np.split(values, n_rows // _GENES) for values in corrected), strict=True)


def correct_in_blocks(n_rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same as a scan makes them."""
    with tempfile.TemporaryDirectory() as folder, keeping_on_disk(Path(folder)) as keep:
        with keeping_on_disk(Path(folder)) as keep_runs:
            family = Family.of(draw_pairs(n_rows), keep=keep_runs)
            corrections = [rule(family, keep=keep) for rule in (holm, false_discoveries)]
            del family
        print(*(f"{len(correction.keys):,}" for correction in corrections), file=sys.stderr)
        for p in draw_pairs(n_rows):
            yield tuple(correction.apply(p) for correction in corrections)
            for correction in corrections:
                release(correction)


def run(way: str, n_rows: int) -> None:
    """Correct in one way, and print seconds, GiB, and the checksum of what was found."""
    before, begin = _peak(), time.process_time()
    digest = hashlib.sha256()
    for columns in {"at once": correct_at_once, "in blocks": correct_in_blocks}[way](n_rows):
        for column in columns:
            digest.update(column.tobytes())
    print(time.process_time() - begin, _peak() - before, digest.hexdigest())


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--way", choices=["at once", "in blocks"])
    options = parser.parse_args()
    if options.way:
        run(options.way, options.rows)
        return
    digests = set()
    for way in ("at once", "in blocks"):
        command = [sys.executable, __file__, "--way", way, "--rows", str(options.rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds, memory, digest = done.stdout.split()
        digests.add(digest)
        print(f"{options.rows:,} p, {way:10}{float(seconds):8.1f} s of processor{float(memory):8.2f} GiB")
    print("the same numbers, bit for bit" if len(digests) == 1 else "OTHER NUMBERS")


if __name__ == "__main__":
    main()
