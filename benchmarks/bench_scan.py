"""What a scan costs beside its pairs: against the sum of engine and ladder, with two processes, and with Dask.

    python benchmarks/bench_scan.py [--regions 6] [--permutations 10000] [--store FOLDER] [--growth]

On a store of the real size (58,692 probes, 20,000 genes, 3,702 samples; made-up numbers, built once into FOLDER, by
default below the temporary folder, as `bench_shell.py` does). Printed are

- processor seconds of a scan by one process, and of engine and ladder alone, each pair by itself, as `jugex.compare`
  runs them (without what only a page shows): their ratio is at most 1.15;
- seconds by the clock with one and with two processes, and with two Dask workers where Dask is installed: at least 1.6
  and 1.5 times as quick, on two cores that nothing else uses; workers are counted without their start. On a machine
  that does something else too, the processor's seconds say as much: half of those of two processes, beside those of
  one, is what two free cores would need;
- the largest memory of a worker: less than 1.5 GiB;
- with --growth, how the processor seconds of a scan by one process grow with pairs, genes and relabellings, the others
  held (3 pairs of 20,000 genes): exponents of at most 1, each the slope of a straight line through the logarithms of
  three sizes and costs, the tissue measured once in each.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from bench_shell import make_store

import jugex
from jugex.pipeline import ladder
from jugex.pipeline.comparison import prepare
from jugex.query import query_regions
from jugex.stats.testing import permutation_test
from jugex.stats.threads import one_blas_thread

#: In the part of the made-up brain that is cortex, with about 30 samples each, and none in two of them.
CENTRES = [(-45, 50, 40), (-18, 50, 40), (-45, 35, -10), (-18, 35, -10), (-32, 30, 20), (-45, 48, 12), (-15, 48, 12)]
RADIUS_MM = 13.0


def make_regions(n: int) -> list[jugex.Region]:
    """The first n regions."""
    return [jugex.Region.sphere(centre, RADIUS_MM, name=f"region {i}") for i, centre in enumerate(CENTRES[:n], start=1)]


def measure(function: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds and seconds by the clock, with those of processes that ended meanwhile."""
    before, begin = _cpu(), time.perf_counter()
    function()
    return _cpu() - before, time.perf_counter() - begin


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run_parts(atlas: jugex.ExpressionAtlas, regions: list[jugex.Region], test: jugex.TestOptions) -> float:
    """Processor seconds of engine and ladder, each pair by itself."""
    total = 0.0
    for couple in combinations(regions, 2):
        group = query_regions(couple, jugex.QueryOptions(), atlas=atlas)
        with one_blas_thread():
            prepared = prepare(group, test)
            values = prepared.genes.zscores[prepared.tested]
            levels = prepared.genes.levels[prepared.tested]
            ladder._MEASURED.pop(atlas, None)
            begin = time.process_time()
            generator = test.make_generator()
            names = group.region_names
            permutation_test(values, levels, prepared.design, test.permutation, generator, names, brief=True)
            ladder.climb(group, prepared.genes, prepared.tested, test)
            total += time.process_time() - begin
    return total


def grow(sizes: list[float], costs: list[float]) -> float:
    """Exponent of the cost in the size."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, default=6)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "jugex-bench-shell")
    parser.add_argument("--growth", action="store_true", help="only the exponents")
    options = parser.parse_args()
    atlas = jugex.open_atlas(make_store(options.store))
    regions = make_regions(options.regions)
    test = jugex.TestOptions(n_permutations=options.permutations, rng=0, diagnostic=False)
    n_pairs = options.regions * (options.regions - 1) // 2
    out = Path(tempfile.mkdtemp())

    def scan(name: str, **more: object) -> None:
        shutil.rmtree(out / name, ignore_errors=True)
        ladder._MEASURED.pop(atlas, None)  # each scan measures the tissue
        arguments = {"regions": regions, "atlas": atlas, "test": test, "most_permutations": 0, **more}
        found = jugex.scan(arguments.pop("regions"), out=out / name, **arguments)
        assert (found.pairs["status"] == "ok").all()

    run_parts(atlas, regions[:2], test)  # compiles what is compiled
    if options.growth:
        _show_growth(scan, options.permutations)
        shutil.rmtree(out)
        return
    parts = run_parts(atlas, regions, test)
    alone, alone_wall = measure(lambda: scan("one"))
    print(f"{n_pairs} pairs, {options.permutations:,} relabellings")
    print(f"engine and ladder, pair by pair   {parts:8.1f} s of processor")
    print(f"scan, one process                 {alone:8.1f} s of processor: {alone / parts:.2f} times (at most 1.15)")
    print(f"                                  {alone_wall:8.1f} s by the clock")
    one, one_wall = measure(lambda: scan("first", workers=1))
    two, two_wall = measure(lambda: scan("two", workers=2))
    start_wall = measure(
        lambda: scan("start", regions=regions[:3], workers=2, query=jugex.QueryOptions(genes=["GENE00001"]))
    )[1]
    speed = one_wall / max(two_wall - start_wall, 1e-9)
    print(f"two processes                     {two_wall:8.1f} s, of which their start {start_wall:.1f} s")
    print(f"                                  {speed:8.2f} times as quick (at least 1.6)")
    print(f"processor seconds of one and of two{one:7.1f} and {two:.1f}: {two / one:.2f} times")
    print(f"                                  {2 * one / two:8.2f} times as quick on free cores, their start included")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"largest memory of a process       {peak:8.2f} GiB (less than 1.5)")
    _run_dask(scan, one_wall)
    shutil.rmtree(out)


def _run_dask(scan: Callable[..., None], one_wall: float) -> None:
    try:
        import distributed
    except ImportError:
        print("Dask is not installed")
        return
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        few = jugex.QueryOptions(genes=["GENE00001"])
        start = measure(lambda: scan("dask-start", client=client, regions=make_regions(3), query=few))[1]
        wall = measure(lambda: scan("dask", client=client))[1]
    print(f"two Dask workers                  {wall:8.1f} s: {one_wall / wall:.2f} times as quick (at least 1.5); "
          f"start {start:.1f} s")  # fmt: skip


def _show_growth(scan: Callable[..., None], n_permutations: int) -> None:
    """Exponents of the cost in pairs, genes and relabellings."""
    symbols = [f"GENE{number:05d}" for number in range(20_000)]

    def scan_some(*, n_regions: int = 3, n_genes: int | None = None, factor: int = 1) -> None:
        query = jugex.QueryOptions(genes=None if n_genes is None else symbols[:n_genes])
        test = jugex.TestOptions(n_permutations=factor * n_permutations, rng=0)
        scan("grow", regions=make_regions(n_regions), query=query, test=test)

    known: dict[str, float] = {}
    series = {
        "pairs": {1: {"n_regions": 2}, 3: {}, 10: {"n_regions": 5}},
        "genes": {5_000: {"n_genes": 5_000}, 10_000: {"n_genes": 10_000}, 20_000: {}},
        "relabellings": {n_permutations: {}, 4 * n_permutations: {"factor": 4}, 16 * n_permutations: {"factor": 16}},
    }
    for name, sizes in series.items():
        costs = []
        for how in sizes.values():
            if str(how) not in known:
                known[str(how)] = measure(lambda how=how: scan_some(**how))[0]
            costs.append(known[str(how)])
        made_of = ", ".join(f"{size:,}: {cost:.1f} s" for size, cost in zip(sizes, costs, strict=True))
        print(f"exponent in {name:14}{grow(list(sizes), costs):6.2f}  ({made_of})")


if __name__ == "__main__":
    main()
