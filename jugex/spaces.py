"""Names of spaces: coordinates mean something only together with the space that they are in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["HEMISPHERES", "MNI_SPACE", "is_mni_space", "is_same_space", "tell_hemispheres"]

#: TemplateFlow's name of the space of the AHBA's MNI coordinates; all MNI152 variants count as one space.
MNI_SPACE = "MNI152NLin2009cAsym"

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
