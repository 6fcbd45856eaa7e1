"""How many of all genes of the atlas differ between two regions: what a few chosen genes are to be seen against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jugex.model.record import BackgroundRecord
from jugex.query import RegionGroup

__all__ = ["MOST_RELABELLINGS", "explain_coarse_p", "explain_no_share", "record_background"]

#: Genes at or below this p_perm, not corrected, are counted: one in twenty, where nothing differs.
NOMINAL = 0.05

MOST_RELABELLINGS = 999  # a share of p <= 0.05 needs no finer p


def record_background(
    p_perm: npt.NDArray[np.float64], n_permutations: int, why_not: str | None = None
) -> BackgroundRecord:
    """Share of genes that differ nominally.

    Parameters
    ----------
    p_perm : ndarray, shape (g,)
        Of all genes tested.
    n_permutations : int
        Relabellings behind them.
    why_not : str, optional
        Why the share says nothing of the atlas.
    """
    if why_not is None and len(p_perm):
        return BackgroundRecord(NOMINAL, len(p_perm), float((p_perm <= NOMINAL).mean()), n_permutations)
    return BackgroundRecord(NOMINAL, 0, None, 0, why_not or "no gene was tested")


def explain_no_share(group: RegionGroup, smallest_p: float) -> str | None:
    """Say why the share of genes with a small p says nothing of the atlas, if it does not."""
    if group.genes.requested is not None:
        return "only the genes asked for were tested"
    return explain_coarse_p(smallest_p)


def explain_coarse_p(smallest_p: float) -> str | None:
    """Say why a share of small p-values says nothing, where no p can be that small."""
    if smallest_p <= NOMINAL:
        return None
    return f"the smallest p that can occur is {smallest_p:.3g}, above {NOMINAL:g}"
