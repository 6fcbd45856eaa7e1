"""The table of every region x gene from a store of the real size, beside reading the levels and the z-scores.

    python benchmarks/bench_region_table.py [--store FOLDER]

The store is that of `bench_shell` (58,692 probes, 3,702 samples; made-up numbers). The parcellation is made up too: 210
boxes, of which 125 hold samples.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np
from bench_shell import make_store

import jugex

_PROBES_AT_ONCE = 2_048


def write_labels(file: Path) -> Path:
    """An image of boxes of about 28 mm, numbered."""
    axes = np.arange(-70, 72, 2), np.arange(-104, 72, 2), np.arange(-50, 80, 2)
    boxes = np.stack(np.meshgrid(*(axis // 28 for axis in axes), indexing="ij"), axis=-1)
    _, number = np.unique(boxes.reshape(-1, 3), axis=0, return_inverse=True)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    nibabel.save(nibabel.Nifti1Image((number.reshape(boxes.shape[:3]) + 1).astype(np.int16), affine), file)
    return file


def measure(work) -> float:
    """Processor seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def read_blocks(read, blocks) -> None:
    """Read one block after the other, and keep none."""
    for block in blocks:
        read(probe_ids=block)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "jugex-bench-shell")
    atlas = jugex.open_atlas(make_store(parser.parse_args().store))
    ids = atlas.probes["probe_id"].to_numpy()
    blocks = [ids[start : start + _PROBES_AT_ONCE] for start in range(0, len(ids), _PROBES_AT_ONCE)]
    srs = {"values": "level", "sample_norm": "scaled-robust-sigmoid", "gene_norm": "scaled-robust-sigmoid"}
    with tempfile.TemporaryDirectory() as folder:
        labels = write_labels(Path(folder) / "labels.nii.gz")
        works = {
            "levels, read once": lambda: read_blocks(atlas.levels, blocks),
            "levels and z-scores, read once": lambda: read_blocks(atlas.levels_and_zscores, blocks),
            "table of z-scores": lambda: jugex.query.region_table(labels, atlas=atlas),
            "table of levels": lambda: jugex.query.region_table(labels, atlas=atlas, values="level"),
            "levels, both normalised": lambda: jugex.query.region_table(labels, atlas=atlas, **srs),
        }
        works["levels, read once"]()  # fills the cache of files
        unit = None
        for name, work in works.items():
            taken = measure(work)
            unit = taken if unit is None else unit
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"{name:32}{taken:8.2f} s{taken / unit:8.1f} x reading  {peak:6.2f} GB at most so far")


if __name__ == "__main__":
    main()
