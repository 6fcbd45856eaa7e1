"""Time and memory of the permutation engine beside the bare matrix product, in one run.

    python benchmarks/bench_engine.py [--genes 20000] [--samples 100 400] [--permutations 10000]

The product is the yardstick that any engine without shortcuts pays: permutations x samples by samples x genes in
float64, into memory that was touched before, with as many BLAS threads as the engine has. Times are medians after
a warm-up and depend on the machine: quote the ratio. Memory is the growth of the peak resident size in a process
of its own, above the data. Beside it: a small job, which must not wait for a compiler, what doubling genes, samples
or permutations does, and what a second thread does.
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

from jugex.stats.design import Design
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import draw_relabellings

LIMIT_RATIO, LIMIT_WELCH, LIMIT_MIB = 0.75, 4, 500
LIMIT_SMALL_MS, LIMIT_TWO_THREADS = 10, 1.7
N_DONORS = 6
CASES = [
    *itertools.product(("adjusted", "sequential"), ("within-donor", "free")),
    ("welch", "within-donor"),
]


def make_data(n_genes: int, n_samples: int) -> tuple[np.ndarray, Design]:
    """Random genes and a design of six donors, each with both regions."""
    rng = np.random.default_rng(0)
    donors = np.sort(np.arange(n_samples) % N_DONORS)
    labels = np.arange(n_samples) % 2 == 0
    return rng.normal(size=(n_genes, n_samples)), Design.of_two(labels, donors)


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


def compare_with_product(options: argparse.Namespace, memory: dict[tuple[str, str], float]) -> None:
    """Print the engine beside the product, for one number of samples."""
    calls = [run_product(options), *(run_engine(options, *case) for case in CASES)]
    product, seconds = interleave(calls, options.runs)
    print(f"\n{f'n = {options.samples}':32}{'seconds':>10}{'x product':>12}{'MiB':>8}")
    print(f"{'float64 matrix product':32}{product:10.3f}{1.0:12.2f}")
    for case, of_case in zip(CASES, seconds, strict=True):
        print(f"{', '.join(case):32}{of_case:10.3f}{of_case / product:12.2f}{memory[case]:8.0f}")
    print(f"Limits: {LIMIT_RATIO} x the product (welch {LIMIT_WELCH}), {LIMIT_MIB} MiB above the data.")


def interleave(calls: list[Callable[[], object]], n_runs: int) -> tuple[float, list[float]]:
    """Median times of calls that take turns, so that what else the machine does meets all of them; after a warm-up."""
    times: list[list[float]] = [[] for _ in calls]
    for run in range(n_runs + 1):
        for call, of_call in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            if run:
                of_call.append(time.perf_counter() - start)
    first, *others = (statistics.median(of_call) for of_call in times)
    return first, others


def show_small_job(options: argparse.Namespace) -> None:
    """Print the time of 25 genes, 48 samples and 1,000 permutations; the first call is the first of its process."""
    small = argparse.Namespace(**vars(options) | {"genes": 25, "samples": 48, "permutations": 1000, "threads": 1})
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        first = pool.apply(_time_first, (small,))
    median = take_median(run_engine(small, "adjusted", "within-donor"), 50)
    print(
        f"\n25 genes, 48 samples, 1,000 permutations: {median * 1e3:.1f} ms, the first call {first * 1e3:.1f} ms ",
        end="",
    )
    print(f"(limit {LIMIT_SMALL_MS} ms)")


def _time_first(options: argparse.Namespace) -> float:
    call = run_engine(options, "adjusted", "within-donor")
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def show_scaling(options: argparse.Namespace) -> None:
    """Print exponents of time against genes, samples and permutations, and what two threads do."""
    base = {"genes": 20_000, "samples": 100, "permutations": 10_000, "threads": 1}
    for name in ("genes", "samples", "permutations"):
        factors = (1, 2, 4)
        calls = [
            run_engine(argparse.Namespace(**base | {name: base[name] * factor}), "adjusted", "within-donor")
            for factor in factors
        ]
        first, others = interleave(calls, 3)
        slope = float(np.polyfit(np.log(factors), np.log([first, *others]), 1)[0])
        print(f"time ~ {name}^{slope:.2f} ({', '.join(f'{seconds:.2f}' for seconds in (first, *others))} s)")
    for statistic in ("adjusted", "sequential"):
        one, two = (run_engine(argparse.Namespace(**base | {"threads": n}), statistic, "within-donor") for n in (1, 2))
        alone, (together,) = interleave([one, two], options.runs)
        print(f"{statistic}: two threads are {alone / together:.2f} times one (limit {LIMIT_TWO_THREADS})")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(
        f"{options.genes:,} genes, {options.permutations:,} permutations, {options.threads} threads, "
        f"NumPy {np.__version__}, medians of {options.runs}"
    )
    sizes = [argparse.Namespace(**vars(options) | {"samples": n_samples}) for n_samples in options.samples]
    # a child inherits its parent's peak: before anything large
    memory = [{case: measure_memory(size, *case) for case in CASES} for size in sizes]
    for size, of_size in zip(sizes, memory, strict=True):
        compare_with_product(size, of_size)
    show_small_job(options)
    show_scaling(options)


if __name__ == "__main__":
    main()
