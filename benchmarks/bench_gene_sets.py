"""Processor time and memory of gene sets: as many as there are in GO, beside the genes of the whole genome.

    python benchmarks/bench_gene_sets.py [--sets 10000] [--permutations 10000] [--store FOLDER]

On the store of made-up numbers that bench_shell.py builds. Printed are user seconds of the comparison of all genes, of
the sets, and their ratio, and the peak of memory, in which the pages of the store that were read count as well.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import warnings
from pathlib import Path

import numpy as np
from bench_shell import make_store

import jugex


def use_seconds() -> float:
    """User seconds of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=10_000)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "jugex-bench-shell")
    options = parser.parse_args()
    warnings.simplefilter("ignore", jugex.JugexWarning)
    atlas = jugex.open_atlas(make_store(options.store))
    first, second = (jugex.Region.sphere(centre, 16, name=f"x = {centre[0]}") for centre in ((-22, 56, 4), (-8, 58, 0)))
    start = use_seconds()
    result = jugex.compare(first, second, atlas=atlas, n_permutations=options.permutations, rng=0)
    of_genes = use_seconds() - start
    print(f"{len(result.table):,} genes: {of_genes:.1f} s")
    rng = np.random.default_rng(0)
    symbols = result.table["gene"].to_numpy()
    sizes = np.clip(rng.lognormal(3.4, 1.0, options.sets).astype(int), 5, 500)  # about as in GO
    sets = {f"set {number}": rng.choice(symbols, size, replace=False).tolist() for number, size in enumerate(sizes)}
    for kind in ("competitive", "self-contained", "mixed"):
        start = use_seconds()
        found = result.gene_sets(sets, kind=kind)
        seconds = use_seconds() - start
        print(f"{len(found.table):,} sets, {kind}: {seconds:.1f} s, {seconds / of_genes:.2f} of the genes'")
    print(f"peak of memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
