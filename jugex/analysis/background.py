"""How many of all genes of the atlas differ between two regions: what a few chosen genes are to be seen against."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.options import Options
from jugex.analysis.prepare import prepare
from jugex.errors import JugexWarning
from jugex.query import RegionPair, query_again
from jugex.stats.testing import permute

__all__ = ["describe_background", "explain_coarse_p", "list_background_caveats", "measure_background"]

#: Genes at or below this p_perm, not corrected, are counted: one in twenty, where nothing differs.
NOMINAL = 0.05

_MOST_RELABELLINGS = 999  # a share of p <= 0.05 needs no finer p
_FEWEST_GENES = 100  # of a handful of chosen genes a share says nothing about the genome
_MANY_GENES = 0.10


def measure_background(pair: RegionPair, options: Options, rng: np.random.Generator) -> dict[str, Any]:
    """Test every gene of the atlas in the regions of a pair, and tell the share that differs nominally.

    Parameters
    ----------
    pair : RegionPair
        Of some genes.
    options : Options
        Those of the analysis; at most 999 relabellings are made.
    rng : numpy.random.Generator
        Source of the relabellings.

    Returns
    -------
    dict
        As of `describe_background`.
    """
    # genes with gaps are left out, and not their samples, which are those of the run
    options = replace(options, n_permutations=min(options.n_permutations, _MOST_RELABELLINGS), missing="drop-genes")
    with warnings.catch_warnings():  # the user has been warned of the query and the design
        warnings.simplefilter("ignore", JugexWarning)
        prepared = prepare(_keep_samples(query_again(pair, genes=None), pair), options)
    why_not = explain_coarse_p(options.permutation.smallest_p(prepared.design))
    if why_not:
        return describe_background(np.empty(0), 0, why_not)
    _, counts = permute(prepared.genes.zscores[prepared.tested], prepared.design, options.permutation, rng)
    return describe_background(counts.p_values().perm, counts.n_relabellings)


def explain_coarse_p(smallest_p: float) -> str | None:
    """Say why a share of small p-values says nothing, where no p can be that small."""
    if smallest_p <= NOMINAL:
        return None
    return f"the smallest p that can occur is {smallest_p:.3g}, above {NOMINAL:g}"


def _keep_samples(pair: RegionPair, used: RegionPair) -> RegionPair:
    """The samples of a pair that another one, queried in the same way, still has."""
    keys = ["well_id", "region"]
    kept = np.flatnonzero(
        pd.MultiIndex.from_frame(pair.samples[keys]).isin(pd.MultiIndex.from_frame(used.samples[keys]))
    )
    return pair.taking(kept)


def describe_background(
    p_perm: npt.NDArray[np.float64], n_permutations: int, why_not: str | None = None
) -> dict[str, Any]:
    """The share of genes that differ nominally, as settings record it (JSON types only).

    Parameters
    ----------
    p_perm : ndarray, shape (g,)
        Of all genes tested.
    n_permutations : int
        Relabellings behind them.
    why_not : str, optional
        Why the share says nothing of the atlas.
    """
    is_told = why_not is None and len(p_perm) > 0
    return {
        "p_perm": NOMINAL,
        "n_genes": len(p_perm) if is_told else 0,
        "share": float((p_perm <= NOMINAL).mean()) if is_told else None,
        "n_permutations": n_permutations if is_told else 0,
        "why_not": why_not if is_told or why_not else "no gene was tested",
    }


def list_background_caveats(background: dict[str, Any], unit: str) -> list[str]:
    """Say where so many of all genes differ that being among them is nothing special."""
    if background["n_genes"] < _FEWEST_GENES or background["share"] <= _MANY_GENES:
        return []
    return [
        f"{background['share']:.0%} of all {background['n_genes']:,} {unit}s have p_perm <= {NOMINAL:g}: the regions "
        f"differ in general, as any two places do, and no {unit} is special for being among them"
    ]
