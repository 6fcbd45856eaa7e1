"""Time and memory of the ladder beside five float32 matrix products, in one run.

    python benchmarks/bench_spatial.py [--genes 20000] [--samples 1143] [--pool 2000] [--places 200]

The yardstick: five products N x N by N x genes in float32, into memory touched before, with as many threads as the
ladder has. Times are medians of runs that take turns after a warm-up, in seconds of the processor on one thread
and of the clock on several: quote the ratio. Memory is the growth of the peak resident size in a process of its own,
above the genes' values.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from jugex.stats.spatial import Ladder, Reference, sum_pairs

LIMIT_RATIO, LIMIT_MIB, LIMIT_TWO_THREADS = 1.3, 400, 1.6
N_PRODUCTS, N_PER_REGION = 5, 28


def make_data(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Samples of six donors in a slab as large as a hemisphere, two regions 20 mm apart, and independent genes."""
    rng = np.random.default_rng(0)
    points = rng.random((options.samples, 3)) * [60, 160, 110]
    donors = rng.integers(0, 6, options.samples)
    cells = np.full(options.samples, -1)
    for region, centre in ((0, [20, 80, 50]), (1, [40, 80, 50])):
        rising = np.argsort(np.linalg.norm(points - centre, axis=1))
        cells[rising[cells[rising] < 0][:N_PER_REGION]] = region
    return points, donors, cells, rng.standard_normal((options.genes, options.samples))


class Steps:
    """The ladder's steps, timed one by one."""

    def __init__(self, options: argparse.Namespace, n_threads: int) -> None:
        self.data, self.options, self.n_threads = make_data(options), options, n_threads
        self.times: dict[str, list[float]] = {}

    def __call__(self) -> None:
        points, donors, cells, genes = self.data
        reference = self.time("reference", lambda: prepare(points, donors))
        pool = self.time("sums of the pool", lambda: self.sum(reference, genes[: self.options.pool]))
        ladder = self.time("fits to the pool", lambda: Ladder(pool, cells))
        sums = self.time("sums of all genes", lambda: self.sum(reference, genes, halves=False))
        self.time("tests of all genes", lambda: ladder.test(sums))

    def sum(self, reference: Reference, genes: np.ndarray, *, halves: bool = True) -> object:
        return sum_pairs(reference, genes, halves=halves, n_threads=self.n_threads)

    def time(self, name: str, step: Callable[[], object]) -> object:
        start = read_clock(self.n_threads)
        result = step()
        self.times.setdefault(name, []).append(read_clock(self.n_threads) - start)
        return result


def prepare(points: np.ndarray, donors: np.ndarray) -> Reference:
    reference = Reference(points, donors)
    _ = reference.pairs.sums, reference.pairs.by_group, reference.pairs.by_kind
    return reference


def read_clock(n_threads: int) -> float:
    return time.process_time() if n_threads == 1 else time.perf_counter()


def make_products(options: argparse.Namespace, n_threads: int) -> Callable[[], float]:
    """A call that takes the time of the yardstick."""
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((options.samples, options.samples), dtype=np.float32)
    genes = rng.standard_normal((options.samples, options.genes), dtype=np.float32)
    out = np.zeros_like(genes)

    def multiply() -> float:
        start = read_clock(n_threads)
        for _ in range(N_PRODUCTS):
            np.matmul(matrix, genes, out=out)
        return read_clock(n_threads) - start

    return multiply


def compare(options: argparse.Namespace, n_threads: int) -> float:
    """Print the steps beside the products; return the ladder's time."""
    with threadpool_limits(n_threads):
        steps, multiply = Steps(options, n_threads), make_products(options, n_threads)
        products = []
        for _ in range(options.runs + 1):
            products.append(multiply())
            steps()
    product = statistics.median(products[1:])
    medians = {name: statistics.median(times[1:]) for name, times in steps.times.items()}
    total = sum(medians.values())
    print(f"\n{f'{n_threads} thread(s)':32}{'seconds':>10}{'x products':>12}")
    for name, seconds in {"five float32 products": product, **medians, "ladder": total}.items():
        print(f"{name:32}{seconds:10.3f}{seconds / product:12.2f}")
    print(f"Limit: {LIMIT_RATIO} x the products.")
    return total


def measure_memory(options: argparse.Namespace) -> float:
    """Growth of the peak resident size of a new process, in MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_growth, (options,))


def _peak_growth(options: argparse.Namespace) -> float:
    small = argparse.Namespace(**vars(options) | {"genes": 30, "pool": 30})
    Steps(small, 1)()  # what is imported and compiled is no memory of the data
    steps = Steps(options, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def show_places(options: argparse.Namespace) -> None:
    """Print the time of the diagnostic."""
    points, donors, cells, genes = make_data(options)
    ladder = Ladder(sum_pairs(Reference(points, donors), genes[: options.pool]), cells)
    rng, places = np.random.default_rng(2), []
    for _ in range(options.places):
        rising = np.argsort(np.linalg.norm(points - points[rng.integers(len(points))], axis=1))
        places.append((rising[:N_PER_REGION], rising[4 * N_PER_REGION : 5 * N_PER_REGION]))
    start = time.process_time()
    shares = ladder.calibrate(places)
    seconds = time.process_time() - start
    rates = ", ".join(f"{name} {np.nanmean(values):.3f}" for name, values in vars(shares).items())
    print(f"\n{options.places} arbitrary places, {options.pool:,} genes: {seconds:.2f} s; at 0.05: {rates}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=1143)
    parser.add_argument("--pool", type=int, default=2000)
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(
        f"{options.genes:,} genes, {options.samples:,} samples, pool of {options.pool:,}, NumPy {np.__version__}, "
        f"medians of {options.runs}"
    )
    memory = measure_memory(options)  # a child inherits its parent's peak: before anything large
    times = [compare(options, n_threads) for n_threads in options.threads]
    if len(times) > 1:
        print(f"{options.threads[1]} threads are {times[0] / times[1]:.2f} times one (limit {LIMIT_TWO_THREADS})")
    print(f"Memory above the genes' values: {memory:.0f} MiB (limit {LIMIT_MIB}).")
    show_places(options)


if __name__ == "__main__":
    main()
