"""Data of a user's own, as files: samples about three places, and images of these."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd

CENTRES = ((-22.0, 56.0, 4.0), (-8.0, 58.0, 0.0), (0.0, 40.0, 20.0))


def fill_ball(centre: tuple[float, float, float], radius: float = 9.0) -> tuple[npt.NDArray[np.bool_], np.ndarray]:
    """Voxels of a 2 mm grid in a ball, and the grid's affine."""
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = [-60, 20, -40]
    grid = np.stack(np.meshgrid(*[np.arange(n) * 2.0 for n in (45, 40, 50)], indexing="ij"), -1) + affine[:3, 3]
    return np.linalg.norm(grid - np.array(centre), axis=-1) <= radius, affine


def draw_ball(path: Path, centre: tuple[float, float, float], radius: float = 9.0, value: float = 1.0) -> Path:
    """Write a mask of a ball."""
    inside, affine = fill_ball(centre, radius)
    nib.save(nib.Nifti1Image((inside * value).astype(np.float32), affine), path)
    return path


def draw_labels(path: Path, radius: float = 7.0) -> Path:
    """Write an image of three labels, one a place."""
    balls = [fill_ball(centre, radius) for centre in CENTRES]
    labels = sum(number * inside.astype(np.uint8) for number, (inside, _) in enumerate(balls, start=1))
    nib.save(nib.Nifti1Image(labels, balls[0][1]), path)
    return path


def write_tables(folder: Path, shift: float = 0.0) -> Path:
    """An atlas of the user's own: 90 samples of four donors about three places, two of 20 genes differing."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    places = np.repeat(np.arange(3), 30)
    samples = pd.DataFrame(np.array(CENTRES)[places] + rng.normal(0, 3, (90, 3)), columns=["mni_x", "mni_y", "mni_z"])
    samples.insert(0, "sample_id", [f"s{number:02d}" for number in range(90)])
    samples.insert(1, "donor", rng.choice(["D1", "D2", "D3", "D4"], 90))
    samples.to_csv(folder / "samples.csv", index=False)
    levels = pd.DataFrame(rng.normal(6, 1, (90, 20)), index=samples["sample_id"])
    levels.columns = [f"GENE{number}" for number in range(1, 21)]
    levels.iloc[:30, :2] += 2 + shift
    levels.to_csv(folder / "expression.csv")
    return folder
