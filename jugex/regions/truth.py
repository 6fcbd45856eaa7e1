"""Whether points are in a region, where for some of them that is a convention.

Half-way between two voxels the side of a sample is a convention, so that whether it is in a region is true, false or
undecided. Operations follow Kleene's three-valued logic: what no convention can change is certain. (Kleene SC (1952).
Introduction to Metamathematics, section 64.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Booleans", "Truth"]

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Truth:
    """Whether each of n points is in a region: true, false, or one of them by convention only.

    Attributes
    ----------
    inside : ndarray of bool, shape (n,)
        The answer, which may be a convention.
    undecided : ndarray of bool, shape (n,)
        Whether it is one.
    """

    inside: Booleans
    undecided: Booleans

    @classmethod
    def of(cls, located: pd.DataFrame) -> Truth:
        """Truth of what `Region.locate` returns."""
        return cls(located["inside"].to_numpy(dtype=bool), located["between_voxels"].to_numpy(dtype=bool))

    def __invert__(self) -> Truth:
        return Truth(~self.inside, self.undecided)

    def __or__(self, other: Truth) -> Truth:
        certain = (self.inside & ~self.undecided) | (other.inside & ~other.undecided)
        return Truth(self.inside | other.inside, (self.undecided | other.undecided) & ~certain)

    def __and__(self, other: Truth) -> Truth:
        return ~(~self | ~other)
