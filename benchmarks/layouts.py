"""Other ways to keep one donor's levels on disk, for `bench_store.py`: size, and the two reads that matter."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

Reads = tuple[Callable[[], object], Callable[[], object]]


def compare_layouts(
    levels: np.ndarray, folder: Path, take_median: Callable[[Callable[[], object], int], float]
) -> None:
    """Write `levels` (probes x samples) in each layout; time 70 probes of all samples and all probes of 25 samples."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(levels), 70, replace=False))
    columns = np.sort(rng.choice(levels.shape[1], 25, replace=False))
    print(f"{'layout':34}{'70 probes, ms':>16}{'25 samples, ms':>16}{'MiB':>8}")
    for name, write in LAYOUTS.items():
        if name.startswith("HDF5") and importlib.util.find_spec("h5py") is None:
            print(f"{name:34}{'absent':>16}")
            continue
        file = folder / "layout"
        few, many = write(levels, file, rows, columns)
        milliseconds = [1000 * take_median(read, n) for read, n in ((few, 9), (many, 3))]
        print(f"{name:34}{milliseconds[0]:16.2f}{milliseconds[1]:16.2f}{file.stat().st_size / (1 << 20):8.0f}")
        del few, many
        file.unlink()


def write_by_probe(levels: np.ndarray, file: Path, rows: np.ndarray, columns: np.ndarray) -> Reads:
    with file.open("wb") as stream:
        np.save(stream, levels)
    mapped = np.lib.format.open_memmap(file, mode="r")
    return lambda: np.asarray(mapped[rows]), lambda: np.asarray(mapped[:, columns])


def write_by_sample(levels: np.ndarray, file: Path, rows: np.ndarray, columns: np.ndarray) -> Reads:
    with file.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(levels.T))
    mapped = np.lib.format.open_memmap(file, mode="r")
    return lambda: np.asarray(mapped[:, rows]), lambda: np.asarray(mapped[columns])


def write_feather(levels: np.ndarray, file: Path, rows: np.ndarray, columns: np.ndarray) -> Reads:
    table = _make_table(levels)
    with pa.OSFile(str(file), "wb") as stream, pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)
    opened = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
    return (
        lambda: np.array([column.to_numpy()[rows] for column in opened.columns]),
        lambda: np.array([opened.column(int(column)).to_numpy() for column in columns]),
    )


def write_parquet(levels: np.ndarray, file: Path, rows: np.ndarray, columns: np.ndarray) -> Reads:
    parquet.write_table(_make_table(levels), file)
    names = [str(column) for column in columns]
    return (
        lambda: np.array([column.to_numpy()[rows] for column in parquet.read_table(file).columns]),
        lambda: np.array([column.to_numpy() for column in parquet.read_table(file, columns=names).columns]),
    )


def write_hdf5(levels: np.ndarray, file: Path, rows: np.ndarray, columns: np.ndarray) -> Reads:
    import h5py

    with h5py.File(file, "w") as opened:
        opened.create_dataset("levels", data=levels)
    data = h5py.File(file)["levels"]
    return lambda: data[rows], lambda: data[:][:, columns]


def _make_table(levels: np.ndarray) -> pa.Table:
    return pa.table({str(number): np.ascontiguousarray(column) for number, column in enumerate(levels.T)})


LAYOUTS = {
    ".npy mapped, probes x samples": write_by_probe,
    ".npy mapped, samples x probes": write_by_sample,
    "HDF5 contiguous, probes x samples": write_hdf5,
    "Feather, a column per sample": write_feather,
    "Parquet, a column per sample": write_parquet,
}
