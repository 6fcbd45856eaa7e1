"""Time and memory of the permutation engine beside the bare matrix product, in one run.

    python benchmarks/bench_engine.py [--genes 20000] [--samples 100] [--permutations 10000]

The product is the yardstick that any engine without shortcuts pays: permutations x samples by samples x genes in
float64, into memory that was touched before, with as many BLAS threads as the engine has. Times are medians after
a warm-up and depend on the machine: quote the ratio. Memory is the growth of the peak resident size in a process
of its own, above the data.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np

from jugex.analysis.design import Design
from jugex.analysis.engine import count_exceedances
from jugex.analysis.relabel import draw_relabellings

LIMIT_RATIO, LIMIT_MIB = 2.5, 500
N_DONORS = 6


def make_data(n_genes: int, n_samples: int) -> tuple[np.ndarray, Design]:
    """Random genes and a design of six donors, each with both regions."""
    rng = np.random.default_rng(0)
    donors = np.sort(np.arange(n_samples) % N_DONORS)
    labels = np.arange(n_samples) % 2 == 0
    return rng.normal(size=(n_genes, n_samples)), Design(labels=labels, donors=donors)


def run_engine(options: argparse.Namespace, statistic: str, exchange: str) -> Callable[[], object]:
    """Make a call of the whole engine: from arrays to the p-values, the drawing of relabellings included."""
    values, design = make_data(options.genes, options.samples)

    def run() -> object:
        relabellings = draw_relabellings(design, exchange, options.permutations, np.random.default_rng(0))
        counts = count_exceedances(values, design, relabellings, statistic=statistic, n_threads=options.threads)
        return counts.p_values()

    return run


def run_product(options: argparse.Namespace) -> Callable[[], object]:
    """Make a call of the bare product, into memory touched before."""
    values, _ = make_data(options.genes, options.samples)
    labels = np.random.default_rng(1).normal(size=(options.permutations, options.samples))
    out = np.zeros((options.permutations, options.genes))
    return lambda: np.matmul(labels, values.T, out=out)


def take_median(call: Callable[[], object], n_runs: int) -> float:
    """Median time of `n_runs` calls after one that is not counted, in seconds."""
    call()
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure_memory(options: argparse.Namespace, statistic: str, exchange: str) -> float:
    """Growth of the peak resident size of a new process by a call, in MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_growth, (options, statistic, exchange))


def _peak_growth(options: argparse.Namespace, statistic: str, exchange: str) -> float:
    call = run_engine(options, statistic, exchange)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(
        f"{options.genes:,} genes, {options.samples} samples, {options.permutations:,} permutations, "
        f"{options.threads} threads, NumPy {np.__version__}, median of {options.runs}"
    )
    cases = list(itertools.product(("adjusted", "sequential"), ("within-donor", "free")))
    memory = {case: measure_memory(options, *case) for case in cases}  # a child inherits its parent's peak: first
    product = take_median(run_product(options), options.runs)
    print(f"\n{'':32}{'seconds':>10}{'x product':>12}{'MiB':>8}")
    print(f"{'float64 matrix product':32}{product:10.3f}{1.0:12.2f}")
    for case in cases:
        seconds = take_median(run_engine(options, *case), options.runs)
        print(f"{', '.join(case):32}{seconds:10.3f}{seconds / product:12.2f}{memory[case]:8.0f}")
    print(f"\nLimits: {LIMIT_RATIO} x the product, {LIMIT_MIB} MiB above the data.")


if __name__ == "__main__":
    main()
