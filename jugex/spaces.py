"""Spaces of coordinates: their names, the sides of the brain, and where the demonstration lies in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jugex.errors import RegionError

__all__ = [
    "DEMO_CENTRES",
    "DEMO_WIDTH",
    "HEMISPHERES",
    "MNI_SPACE",
    "demo_probability",
    "hemisphere_of",
    "is_mni_space",
    "is_same_space",
]

#: TemplateFlow's name of the space of the AHBA's MNI coordinates; all MNI152 variants count as one space.
MNI_SPACE = "MNI152NLin2009cAsym"

#: Where x < 0, x = 0 and x > 0 in MNI space.
HEMISPHERES = ("left", "midline", "right")

#: Centre of each of the two demonstration regions (MNI x, y, z in mm).
DEMO_CENTRES = {"A": (-22.0, 56.0, 4.0), "B": (-8.0, 58.0, 0.0)}
#: Standard deviation of their Gaussian probability (mm).
DEMO_WIDTH = 9.0
#: Probability at their centre.
_DEMO_MAXIMUM = 0.9


def is_mni_space(space: str) -> bool:
    """Whether a space is a variant of MNI152, by its name: all of them begin with ``MNI152``."""
    return space.upper().startswith("MNI152")


def is_same_space(space_1: str, space_2: str) -> bool:
    """Whether coordinates in one space can be read in the other: equal names, or two variants of MNI152."""
    return space_1 == space_2 or (is_mni_space(space_1) and is_mni_space(space_2))


def hemisphere_of(x: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Hemisphere of each x in mm, shape (n,); None where there is no coordinate."""
    sign = np.where(np.isfinite(x), np.sign(x), 2.0)
    return np.array([*HEMISPHERES, None], dtype=object)[(sign + 1).astype(np.intp)]


def demo_probability(name: str, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probability that points belong to a demonstration region: a Gaussian of their distance to its centre.

    Parameters
    ----------
    name : {"A", "B"}
        Which demonstration region.
    points : array_like, shape (n, 3)
        MNI coordinates in mm.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities from 0 to 0.9.

    Raises
    ------
    RegionError
        If there is no demonstration region of that name.
    """
    if name not in DEMO_CENTRES:
        raise RegionError(f"no simulated region {name!r}; there are simulated:A and simulated:B")
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64) - DEMO_CENTRES[name], -1, 0)
    return np.asarray(_DEMO_MAXIMUM * np.exp(-(x * x + y * y + z * z) / (2 * DEMO_WIDTH**2)))
