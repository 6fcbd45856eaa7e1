"""How long it takes to load parcellations, and to select every AHBA sample's place by 200 probabilistic regions.

Run with ``python benchmarks/bench_regions.py``; it needs the extra ``jugex[parcellations]`` (else it says so and
ends). The samples are 3,702 random points of the brain's box: selection costs the same wherever they lie.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pandas as pd

from jugex.regions import Parcellation, Region, open_parcellation
from jugex.regions.nifti import Stack
from jugex.regions.parcellations import find_installed_folder

N_SAMPLES = 3702
N_REGIONS = 200
THRESHOLD = 0.2


def make_samples() -> pd.DataFrame:
    points = np.random.default_rng(0).uniform((-70, -100, -60), (70, 70, 80), size=(N_SAMPLES, 3))
    return pd.DataFrame(points, columns=["mni_x", "mni_y", "mni_z"])


def load(parcellation: Parcellation) -> Stack:
    started = time.perf_counter()
    image = parcellation.image
    print(f"loading {parcellation.name}: {time.perf_counter() - started:.2f} s, {len(image.volumes)} maps", end="")
    print(f" of {image.volumes[0].shape} voxels, {image.nbytes / 2**20:.0f} MiB kept")
    return image


def make_regions(parcellations: list[Parcellation]) -> list[Region]:
    names = [(parcellation, name) for parcellation in parcellations for name in parcellation.names.values()]
    return [parcellation.region(name, threshold=THRESHOLD) for parcellation, name in names[:N_REGIONS]]


def main() -> None:
    if find_installed_folder() is None:
        print("skipped: no parcellation is installed; run pip install 'jugex[parcellations]'")
        return
    samples = make_samples()
    started = time.perf_counter()
    parcellations = [open_parcellation("juelich"), open_parcellation("harvard_oxford")]
    for parcellation in parcellations:
        load(parcellation)
    loading = time.perf_counter() - started
    print(f"loading both: {loading:.2f} s")

    started = time.perf_counter()
    regions = make_regions(parcellations)
    made = time.perf_counter()
    n_inside = sum(int(region.locate(samples)["inside"].sum()) for region in regions)
    located = time.perf_counter()
    print(f"{len(regions)} regions made in {made - started:.2f} s, ", end="")
    print(f"{N_SAMPLES:,} samples located in {located - made:.2f} s")
    print(f"selection takes {(located - started) / loading:.2f} of the time of loading ({n_inside:,} hits)")

    started = time.perf_counter()
    open_parcellation("juelich").region("GM_Visual_cortex_V1_BA17_L")
    print(f"one more region of an image in memory: {1000 * (time.perf_counter() - started):.1f} ms")
    measure_memory()


def measure_memory() -> None:
    """Peak of the memory that reading the 121 maps takes, in a cache that does not hold them yet."""
    from jugex.regions import nifti

    nifti._read_cached.cache_clear()
    tracemalloc.start()
    n_maps = len(open_parcellation("juelich").image.volumes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"peak memory while reading the 4-D image of {n_maps} maps: {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
