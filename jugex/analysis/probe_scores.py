"""Scores by which one probe is chosen for each gene, from the expression behind a pair of regions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import OptionError
from jugex.progress import track
from jugex.query import RegionGroup, RegionPair
from jugex.stats.aggregation import ProbeAggregation, differential_stability, probe_variance

__all__ = ["score_probes"]

Floats = npt.NDArray[np.float64]

_PROBES_PER_CHUNK = 2048  # of all samples of the atlas: 60 MB


def score_probes(pair: RegionPair | RegionGroup, how: ProbeAggregation) -> Floats | None:
    """Score of each probe of a pair, for `jugex.stats.aggregation.aggregate_probes`.

    Parameters
    ----------
    pair : RegionPair or RegionGroup
        Samples x probes, with the atlas they come from.
    how : str
        `max-variance` scores by the variance of the log2 levels over the samples of all its regions, pooled;
        `stability` by the differential stability over all samples of the atlas (of the donors in use), because the
        structures in two regions are too few for a pattern. No other way needs a score.

    Returns
    -------
    ndarray of float64, shape (p,), or None
        For `stability`, NaN for probes that are alone of their gene: they need no score.

    Raises
    ------
    OptionError
        For `stability`, where no two donors of the atlas share three structures.
    """
    if how == "max-variance":
        return probe_variance(pair.levels)
    return _score_stability(pair.atlas, pair.probes) if how == "stability" else None


def _score_stability(atlas: ExpressionAtlas, probes: pd.DataFrame) -> Floats:
    score = np.full(len(probes), np.nan)
    rivals = np.flatnonzero(probes["gene"].duplicated(keep=False).to_numpy(dtype=bool))
    samples = atlas.samples[["structure_id", "donor_name"]]
    structures, donors = samples["structure_id"].to_numpy(), pd.factorize(samples["donor_name"])[0]
    probe_ids = probes["probe_id"].to_numpy()
    starts = range(0, len(rivals), _PROBES_PER_CHUNK)
    for start in track(starts, description="stability of probes", total=len(starts)):
        chunk = rivals[start : start + _PROBES_PER_CHUNK]
        score[chunk] = differential_stability(atlas.levels(probe_ids=probe_ids[chunk]), structures, donors)
    if len(rivals) and np.isnan(score[rivals]).all():
        raise OptionError(
            "probes='stability' compares brain structures between donors, and no two of the "
            f"{len(atlas.donors)} donors of {atlas.name} share three; take more donors, or another way from probes to "
            "genes"
        )
    return score
