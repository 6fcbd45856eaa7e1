"""Spaces and sides: which space coordinates are in, which hemisphere, and where the demo regions lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError

__all__ = [
    "DEMO_CENTRES",
    "DEMO_MAXIMUM",
    "DEMO_WIDTH",
    "HEMISPHERES",
    "MNI_SPACE",
    "demo_probability",
    "is_mni_space",
    "is_same_space",
    "tell_hemispheres",
]

#: TemplateFlow's name of the space of the AHBA's MNI coordinates; all MNI152 variants count as one space.
MNI_SPACE = "MNI152NLin2009cAsym"

#: Centre of each demo region (MNI x, y, z in mm).
DEMO_CENTRES = {"A": (-22.0, 56.0, 4.0), "B": (-8.0, 58.0, 0.0)}
#: Standard deviation of the demo regions' Gaussian probability (mm).
DEMO_WIDTH = 9.0
#: Probability at the centre of a demo region.
DEMO_MAXIMUM = 0.9

#: Where x < 0, x = 0 and x > 0 in MNI space.
HEMISPHERES = ("left", "midline", "right")


def is_mni_space(space: str) -> bool:
    """Whether a space is a variant of MNI152, by its name: all of them begin with ``MNI152``."""
    return space.upper().startswith("MNI152")


def is_same_space(space_1: str, space_2: str) -> bool:
    """Whether coordinates in one space can be read in the other: equal names, or two variants of MNI152."""
    return space_1 == space_2 or (is_mni_space(space_1) and is_mni_space(space_2))


def tell_hemispheres(x: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Hemisphere of each x in mm, shape (n,); None where there is no coordinate."""
    sign = np.where(np.isfinite(x), np.sign(x), 2.0)
    return np.array([*HEMISPHERES, None], dtype=object)[(sign + 1).astype(np.intp)]


def demo_probability(name: str, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability that points belong to a demo region: a Gaussian of their distance to its centre.

    Parameters
    ----------
    name : {"A", "B"}
        Which demo region.
    points : array_like, shape (n, 3)
        MNI coordinates in mm.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities from 0 to 0.9.

    Raises
    ------
    RegionError
        Where there is no demo region of that name.
    """
    if name not in DEMO_CENTRES:
        raise RegionError(f"no simulated region {name!r}; there are simulated:A and simulated:B")
    offsets = np.asarray(points, dtype=np.float64) - DEMO_CENTRES[name]
    return np.asarray(DEMO_MAXIMUM * np.exp(-np.sum(offsets**2, axis=-1) / (2 * DEMO_WIDTH**2)))
