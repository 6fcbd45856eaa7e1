"""What was drawn where."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.collections import PathCollection


def points_by_label(ax):
    return {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection)}


def without_coordinates(result, rows=slice(None)):
    samples = result.samples.copy()
    samples.loc[samples.index[rows], ["mni_x", "mni_y", "mni_z"]] = np.nan
    return dataclasses.replace(result, samples=samples)
