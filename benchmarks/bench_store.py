"""Time, memory and size of building, opening and reading the store, beside other ways, in one run.

    python benchmarks/bench_store.py [--folder DIR] [--donors 6] [--probes 58692] [--zipped]

The archives are made up, with the shape and the text of the real ones (`synthetic.py`; 4.4 GB for six donors, kept in
the folder for the next run). Readers that are not installed (polars, DuckDB, abagen) are told as absent. Times are of
one call for building, else medians; files were read before, so that the page cache is warm. They depend on the
machine: quote ratios. Memory is the growth of the peak resident size of a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from layouts import compare_layouts
from pyarrow import csv as arrow_csv
from synthetic import N_PROBES, write_archives

import jugex
from jugex.atlas.archives import CALLS, EXPRESSION
from jugex.atlas.building import build_store
from jugex.atlas.donors import DONORS
from jugex.atlas.identity import FileRecord
from jugex.stats.aggregation import aggregate_probes

MIB = 1 << 20
N_PICKED_PROBES, N_PICKED_SAMPLES = 300, 100


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "jugex-bench-store")
    parser.add_argument("--donors", type=int, default=6, help="how many of the six")
    parser.add_argument("--probes", type=int, default=N_PROBES)
    parser.add_argument("--zipped", action="store_true", help="build from ZIP files; the readers inflate them too")
    parser.add_argument("--readers", nargs="*", choices=[*READERS, "abagen"], default=[*READERS, "abagen"])
    parser.add_argument("--only-reading", action="store_true", help="use the store that the last run built")
    options = parser.parse_args()
    archives = write_archives(options.folder, DONORS[: options.donors], n_probes=options.probes, zipped=options.zipped)
    print(f"{len(archives)} donors, {options.probes:,} probes; {'ZIP files' if options.zipped else 'unpacked'}")
    if not options.only_reading:
        bench_building(archives, options.readers)
    store = archives[0].parent / "data" / "store"
    bench_reading(store)
    print("\nOther layouts of the largest donor's levels:")
    compare_layouts(np.load(next(store.glob(f"levels-{DONORS[0].donor_name}.npy"))), options.folder, take_median)


# --- building


def bench_building(archives: list[Path], readers: list[str]) -> None:
    """Building beside just parsing the same files with each CSV reader."""
    tables = [(archive, member) for archive in archives for member in (EXPRESSION, CALLS)]
    print(f"\n{'reading all levels and calls':40}{'seconds':>10}{'MiB':>8}")
    times = {}
    for name, read in ((name, read) for name, read in READERS.items() if name in readers):
        if importlib.util.find_spec(name) is None:
            print(f"{name:40}{'absent':>10}")
            continue
        times[name], peak = in_new_process(_parse_all, read, tables)
        print(f"{name:40}{times[name]:10.2f}{peak:8.0f}")
    if importlib.util.find_spec("abagen") is None:
        print(f"{'abagen':40}{'absent':>10}")
    elif "abagen" in readers:
        bench_abagen(archives)
    hashing = sum(
        take_time(lambda file=file: FileRecord.of(file)) for archive in archives for file in _list_files(archive)
    )
    data = archives[0].parent / "data"
    for file in sorted((data / "store").glob("*")):
        file.unlink()
    seconds, peak = in_new_process(_build, archives[0].parent, data)
    size = sum(file.stat().st_size for file in (data / "store").iterdir())
    print(f"{'checksums of the archives, one thread':40}{hashing:10.2f}")
    print(f"{'jugex build, checksums included':40}{seconds:10.2f}{peak:8.0f}   store {size / MIB:,.0f} MiB")
    fastest = min(times, key=times.__getitem__)
    with_checksums, without = seconds / times[fastest], (seconds - hashing) / times[fastest]
    print(f"Ratio to {fastest}: {with_checksums:.2f} with checksums, {without:.2f} without")
    print("Limits: ratio 1.5 without checksums; 3,072 MiB; 1,126 MiB on disk.")
    again, _ = in_new_process(_build, archives[0].parent, data)
    print(f"{'jugex build again: nothing to do':40}{again:10.2f}")


def _list_files(archive: Path) -> list[Path]:
    return [archive] if archive.is_file() else sorted(archive.glob("*.csv"))


def _build(archives: Path, data: Path) -> float:
    return take_time(lambda: build_store(archives, data))


def _parse_all(read: Callable[[Any, int, bool], object], tables: list[tuple[Path, str]]) -> float:
    def parse() -> None:
        for archive, member in tables:
            read(_open(archive, member), _count_columns(archive, member), member == CALLS)

    return take_time(parse)


def _open(archive: Path, member: str) -> Path | bytes:
    if archive.is_dir():
        return archive / member
    with zipfile.ZipFile(archive) as opened:
        return opened.read(member)


def _count_columns(archive: Path, member: str) -> int:
    if archive.is_dir():
        with (archive / member).open("rb") as stream:
            return stream.readline().count(b",") + 1
    with zipfile.ZipFile(archive) as opened, opened.open(member) as stream:
        return stream.readline().count(b",") + 1


def read_pandas(source: Path | bytes, n_columns: int, is_calls: bool) -> object:
    import io

    types = {column: np.uint8 if is_calls else np.float32 for column in range(1, n_columns)} | {0: np.int64}
    return pd.read_csv(source if isinstance(source, Path) else io.BytesIO(source), header=None, dtype=types)


def read_pyarrow(source: Path | bytes, n_columns: int, is_calls: bool) -> object:
    names = [str(column) for column in range(n_columns)]
    types = dict.fromkeys(names, pa.uint8() if is_calls else pa.float32()) | {"0": pa.int64()}
    return arrow_csv.read_csv(
        source if isinstance(source, Path) else pa.BufferReader(source),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=1 << 24),  # its fastest here
        convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
    )


def read_polars(source: Path | bytes, n_columns: int, is_calls: bool) -> object:
    import polars

    of_cell = polars.UInt8 if is_calls else polars.Float32
    schema = {str(column): of_cell if column else polars.Int64 for column in range(n_columns)}
    return polars.read_csv(source, has_header=False, schema=schema)


def read_duckdb(source: Path | bytes, n_columns: int, is_calls: bool) -> object:
    import duckdb

    columns = {
        str(column): ("UTINYINT" if is_calls else "FLOAT") if column else "BIGINT" for column in range(n_columns)
    }
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:  # it reads files only
        if isinstance(source, bytes):
            file.write(source)
            file.flush()
        path = source if isinstance(source, Path) else Path(file.name)
        query = f"SELECT * FROM read_csv('{path}', header=false, auto_detect=false, delim=',', columns={columns})"
        return duckdb.connect().execute(query).fetchnumpy()


READERS = {"pandas": read_pandas, "pyarrow": read_pyarrow, "polars": read_polars, "duckdb": read_duckdb}


def bench_abagen(archives: list[Path]) -> None:
    """abagen's own reading of the expression files: from the text, which fills its cache, then from the cache."""
    from abagen import io as abagen_io

    if not archives[0].is_dir():
        print(f"{'abagen reads unpacked archives only':40}")
        return
    for state in ("first time", "its own Parquet cache"):
        seconds = take_time(
            lambda: [abagen_io.read_microarray(archive / EXPRESSION, parquet=True) for archive in archives]
        )
        print(f"{f'abagen, levels only, {state}':40}{seconds:10.2f}")


# --- opening and reading


def bench_reading(store: Path) -> None:
    """Opening, a few probes of all samples, and all genes of a few samples."""
    jugex.open_atlas(store)  # imports, once
    atlas = jugex.open_atlas(store)
    rng = np.random.default_rng(0)
    files = sorted(store.glob("levels-*.npy"))
    probe_ids = np.sort(rng.choice(atlas.probes["probe_id"], N_PICKED_PROBES, replace=False))
    picked = np.empty((N_PICKED_PROBES, len(atlas.samples)), dtype=np.float32)
    plain_few = take_median(lambda: _read_start(files[0], np.empty_like(picked)), 50)
    plain_all = take_median(lambda: [np.fromfile(file, dtype=np.uint8) for file in files], 3)
    seconds_all, mib_all = in_new_process(_read_two_regions, store)
    print(f"\n{'opening and reading':56}{'ms':>9}{'x plain':>9}{'MiB':>7}")
    _print_row("open_atlas", take_median(lambda: jugex.open_atlas(store), 9))
    _print_row(f"{N_PICKED_PROBES} probes x all samples: one plain read of as many bytes", plain_few, plain_few)
    few = take_median(lambda: atlas.levels(probe_ids=probe_ids), 50)
    _print_row(f"{N_PICKED_PROBES} probes x all samples: atlas.levels", few, plain_few)
    bench_checking(store, probe_ids)
    _print_row("all level files: plain read", plain_all, plain_all)
    _print_row(f"all genes x {N_PICKED_SAMPLES} samples: z-scores, gene means", seconds_all, plain_all, mib_all)
    print("Limits: open 50 ms; levels 50 ms and 3 x; all genes 1,000 ms, 3 x and 500 MiB.")
    for n_samples in (25, 50, 100, 200):
        seconds = take_median(_make_aggregation(atlas, n_samples), 3)
        print(f"  all genes x {n_samples} samples: {1000 * seconds:.0f} ms")


def bench_checking(store: Path, probe_ids: np.ndarray) -> None:
    """What comparing rows with their checksums adds to reading them for the first time."""
    atlas = jugex.open_atlas(store)
    for name, asked, n_runs in ((f"{N_PICKED_PROBES} probes", probe_ids, 99), ("all probes", None, 9)):
        checked, unchecked, from_disk = [], [], []
        for _ in range(n_runs):  # one after the other, since machines change their speed
            for times, is_checked in ((checked, False), (unchecked, True)):
                for rows in atlas._levels.values():
                    rows._is_checked[:] = is_checked
                times.append(take_time(lambda asked=asked: atlas.levels(probe_ids=asked)))
        for _ in range(9):
            _drop_from_cache(store)
            from_disk.append(take_time(lambda asked=asked: atlas.levels(probe_ids=asked)))
        with_checks, without = statistics.median(checked), statistics.median(unchecked)
        cost, disk = with_checks - without, statistics.median(from_disk)
        _print_row(f"{name} x all samples, first read of an open store", with_checks)
        print(f"  of which checksums: {1000 * cost:.2f} ms, {cost / without:+.1%}")
        print(f"  read from disk: {1000 * disk:.0f} ms, to which they add {cost / disk:+.1%}")


def _drop_from_cache(store: Path) -> None:
    """Ask the system to forget the levels, so that they are read from the disk again; Linux does as asked."""
    for file in store.glob("levels-*.npy"):
        with file.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _print_row(name: str, seconds: float, plain: float | None = None, mib: float | None = None) -> None:
    ratio = f"{seconds / plain:9.2f}" if plain else " " * 9
    print(f"{name:56}{1000 * seconds:9.2f}{ratio}" + (f"{mib:7.0f}" if mib is not None else ""))


def _read_start(file: Path, out: np.ndarray) -> None:
    with file.open("rb", buffering=0) as stream:
        stream.readinto(out)


def _read_two_regions(store: Path) -> float:
    atlas = jugex.open_atlas(store)
    return take_median(_make_aggregation(atlas, N_PICKED_SAMPLES), 5)


def _make_aggregation(atlas: jugex.atlas.ExpressionAtlas, n_samples: int) -> Callable[[], object]:
    well_ids = atlas.samples["well_id"].to_numpy()[:: len(atlas.samples) // n_samples][:n_samples]
    genes = pd.factorize(atlas.probes["gene"])[0]
    return lambda: aggregate_probes(atlas.zscores(well_ids=well_ids), genes, "winsorized-mean")


# --- measuring


def take_time(call: Callable[[], object]) -> float:
    """Time of one call, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def take_median(call: Callable[[], object], n_runs: int) -> float:
    """Median time of `n_runs` calls after one that is not counted, in seconds."""
    call()
    return statistics.median(take_time(call) for _ in range(n_runs))


def in_new_process(function: Callable[..., float], *arguments: object) -> tuple[float, float]:
    """Result of a function in a process of its own, and the growth of that process's peak resident size in MiB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run_and_measure, (function, *arguments))


def _run_and_measure(function: Callable[..., float], *arguments: object) -> tuple[float, float]:
    before = _read_peak()
    result = function(*arguments)
    return result, _read_peak() - before


def _read_peak() -> float:
    """Peak resident size in MiB, mapped files included."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # Linux: unlike ru_maxrss, this one is not inherited from the parent
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
