"""Tiny images and sample tables for the tests of regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

#: 2 mm voxels whose first centre lies at (-10, 20, 4) mm.
AFFINE = np.array([[2.0, 0, 0, -10], [0, 2, 0, 20], [0, 0, 2, 4], [0, 0, 0, 1]])
SHAPE = (5, 6, 7)


def make_image(data: Any, affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    return nib.Nifti1Image(data, affine, dtype=np.asarray(data).dtype)


def save_image(path: Path, data: Any, affine: np.ndarray = AFFINE, **header: Any) -> Path:
    image = make_image(data, affine)
    for field, value in header.items():
        image.header[field] = value
    nib.save(image, path)
    return path


def probabilities(dtype: Any = np.float32) -> np.ndarray:
    """Random probabilities from 0 to below 1, about half of them 0."""
    values = np.random.default_rng(7).uniform(-1, 1, SHAPE)
    return np.clip(values, 0, None).astype(dtype)


def labels(dtype: Any = np.int16) -> np.ndarray:
    """Background and the labels 1, 2 and 17, which fill 12, 6 and 2 voxels."""
    data = np.zeros(SHAPE, dtype=dtype)
    data[1, 1:4, 1:5] = 1
    data[3, 1:4, 1:3] = 2
    data[4, 5, 5:7] = 17
    return data


def samples(*points: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(np.array(points, dtype=float).reshape(-1, 3), columns=["mni_x", "mni_y", "mni_z"])


def at_voxels(voxels: Any, affine: np.ndarray = AFFINE) -> pd.DataFrame:
    return samples(*nib.affines.apply_affine(affine, np.asarray(voxels, dtype=float)))
