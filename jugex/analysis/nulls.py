"""The permutation distribution of one gene, computed again from what a result keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jugex.analysis.result_design import design_of, find_tested, values_of
from jugex.analysis.retest import restore_generator
from jugex.stats.corrections import TIE_TOLERANCE, ZERO
from jugex.stats.engine import score_draws
from jugex.stats.relabelling import make_relabellings
from jugex.stats.statistics import make_scorer, scores_to_f

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["permutation_null"]

# z-scores in files have ten digits: what tied before tells apart in the ninth
_TIE_TOLERANCE_IN_FILES = 1e-8

Floats = npt.NDArray[np.float64]


def permutation_null(result: DifferentialExpression, gene: str) -> Floats:
    """F of one gene under every relabelling of the run.

    The run counts and forgets them, gene by gene. Here the same relabellings are made again from the seed that the
    result records, and F is computed from its z-scores.

    Parameters
    ----------
    result : DifferentialExpression
        Computed here or read from disk.
    gene : str
        An entry of ``result.labels`` that was tested.

    Returns
    -------
    ndarray, shape (m,)
        F by the statistic of the run, in the order in which the relabellings were made. With F_obs the gene's `f` in
        the table, `p_perm` is exactly ``(1 + (null >= f_obs).sum()) / (m + 1)``, or ``(null >= f_obs).sum() / m``
        where the relabellings are all there are (``result.settings["permutation"]["exhaustive"]``): F that ties
        with the observed one but for rounding is given as F_obs. Relabellings that have no F, and count as the smallest
        under the presets, come last, as -inf.

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.
    DesignError
        Where both regions have one name.
    """
    row = find_tested(result, gene)
    design = design_of(result)
    permutation, statistic = result.settings["permutation"], result.settings["arguments"]["statistic"]
    n_relabellings = result.settings["arguments"]["n_permutations"]
    redraw = result.settings["arguments"].get("collinear", "redraw") == "redraw"
    relabellings = make_relabellings(
        design, permutation["exchange"], n_relabellings, restore_generator(permutation), redraw=redraw
    )
    scorer = make_scorer(values_of(result, row.index), design, statistic, relabellings)
    observed = float(score_draws(scorer, relabellings.observed(design))[0, 0])
    scores = score_draws(scorer, relabellings.draws)[0]
    f = scores_to_f(scores, design, statistic)
    tolerance = TIE_TOLERANCE if result.inputs is not None else _TIE_TOLERANCE_IN_FILES
    settled = _settle_ties(f, float(row["f"].iloc[0]), scores, observed if observed >= ZERO else 0.0, tolerance)
    return np.concatenate([settled, np.full(relabellings.n_smallest, -np.inf)])


def _settle_ties(f: Floats, f_observed: float, scores: Floats, observed: float, tolerance: float) -> Floats:
    """F (m,) on the side of the observed F where its score stands: a score that ties gives the observed F itself."""
    is_reached = scores >= observed * (1 - tolerance)
    settled = np.where(is_reached, np.maximum(f, f_observed), np.minimum(f, np.nextafter(f_observed, -np.inf)))
    settled[is_reached & (scores <= observed * (1 + tolerance))] = f_observed
    return settled
