"""Freedman and Lane's procedure: residuals of the model without area change places, instead of labels. Arrays only.

Freedman and Lane (1983), doi 10.1080/07350015.1983.10509354; Winkler et al. (2014), doi
10.1016/j.neuroimage.2014.01.060. It takes residuals as exchangeable over all samples, which they are only roughly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design
from jugex.analysis.scores import Draws, ScoreBlock, Scorer

__all__ = ["FreedmanLaneScorer"]

_NOTHING_LEFT = 1e-30

Floats = npt.NDArray[np.float64]


class FreedmanLaneScorer(Scorer):
    """SS of area, adjusted, over SS + RSS, for residuals in other orders.

    With e = My and e* the same in another order, y* = y - e + e* has SS = (a'Me*)^2 / (a'Ma) and
    SS + RSS = e*'Me* = e'e - |B'e*|^2, where the columns of B are an orthonormal basis of donor and covariates.
    """

    def __init__(self, values: Floats, design: Design) -> None:
        super().__init__(values, design)
        area = design.residualize(design.labels.astype(np.float64))
        donors = (design.donors[:, None] == np.arange(design.n_donors)) / np.sqrt(design.n_per_donor)
        self.contrasts = np.column_stack([area / np.linalg.norm(area), donors, design.basis]).T

    def prepare(self, relabellings: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes under b orders (b, n); see `Scorer.prepare`."""
        # where a sample gets the residual of sample j, the weight of that sample goes to j
        places = np.argsort(relabellings, axis=1).T
        return partial(self._score, [contrast[places] for contrast in self.contrasts])

    def _score(self, moved: Sequence[Floats], genes: slice, out: Floats, scratch: Sequence[Floats]) -> None:
        rest, along = scratch
        rest.fill(1.0)
        for contrast in moved[1:]:
            np.matmul(self.residuals[genes], contrast, out=along)
            np.multiply(along, along, out=along)
            rest -= along
        np.matmul(self.residuals[genes], moved[0], out=out)
        np.multiply(out, out, out=out)
        np.maximum(rest, out + _NOTHING_LEFT, out=rest)  # SS + RSS is no smaller than SS, but for rounding
        np.divide(out, rest, out=out)
