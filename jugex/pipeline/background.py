"""How many of all genes of the atlas differ between two regions: what a few chosen genes are to be seen against."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import JugexWarning
from jugex.model.options import TestOptions
from jugex.model.record import BackgroundRecord
from jugex.query import RegionGroup

__all__ = ["explain_no_share", "keep_samples", "record_background"]

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


def query_all_genes(used: RegionGroup) -> RegionGroup:
    """The samples of a query with every gene of the atlas."""
    with warnings.catch_warnings():  # the user has been warned of the query
        warnings.simplefilter("ignore", JugexWarning)
        return keep_samples(used.requery(genes=None), used)


def keep_samples(group: RegionGroup, used: RegionGroup) -> RegionGroup:
    """The samples of a query that another one, made in the same way, still has."""
    keys = ["well_id", "region"]
    kept = np.flatnonzero(
        pd.MultiIndex.from_frame(group.samples[keys]).isin(pd.MultiIndex.from_frame(used.samples[keys]))
    )
    return group.taking(kept)


def limit_relabellings(options: TestOptions) -> TestOptions:
    """The options of a run for its background: genes with gaps are left out, and not their samples."""
    n_permutations = min(options.n_permutations, MOST_RELABELLINGS)
    return replace(options, n_permutations=n_permutations, missing="drop-genes")
