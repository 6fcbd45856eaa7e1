"""The permutation distribution of one gene, computed again from what a result keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.engine import TIE_TOLERANCE, ZERO, score_draws, scorer_of
from jugex.analysis.relabel import make_relabellings
from jugex.analysis.result_design import design_of, find_tested, values_of
from jugex.analysis.retest import restore_generator
from jugex.analysis.scores import scores_to_f

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["permutation_null", "permutation_nulls"]

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
    return permutation_nulls(result, [gene])[0]


def permutation_nulls(result: DifferentialExpression, genes: Sequence[str]) -> list[Floats]:
    """`permutation_null` of some genes, in their order: the relabellings are made once for all of them."""
    rows = [find_tested(result, gene) for gene in genes]
    design = design_of(result)
    permutation, statistic = result.settings["permutation"], result.settings["arguments"]["statistic"]
    n_relabellings = result.settings["arguments"]["n_permutations"]
    redraw = result.settings["arguments"].get("collinear", "redraw") == "redraw"
    relabellings = make_relabellings(
        design, permutation["exchange"], n_relabellings, restore_generator(permutation), redraw=redraw
    )
    scorer = scorer_of(values_of(result, pd.Index(list(genes))), design, relabellings, statistic)
    observed = score_draws(scorer, relabellings.observed(design))[:, 0]
    tolerance = TIE_TOLERANCE if result.inputs is not None else _TIE_TOLERANCE_IN_FILES
    smallest = np.full(relabellings.n_smallest, -np.inf)
    nulls = []
    for row, score, scores in zip(rows, observed, score_draws(scorer, relabellings.draws), strict=True):
        f = scores_to_f(scores, design, statistic)
        settled = _settle_ties(f, float(row["f"].iloc[0]), scores, float(score) if score >= ZERO else 0.0, tolerance)
        nulls.append(np.concatenate([settled, smallest]))
    return nulls


def _settle_ties(f: Floats, f_observed: float, scores: Floats, observed: float, tolerance: float) -> Floats:
    """F (m,) on the side of the observed F where its score stands: a score that ties gives the observed F itself."""
    is_reached = scores >= observed * (1 - tolerance)
    settled = np.where(is_reached, np.maximum(f, f_observed), np.minimum(f, np.nextafter(f_observed, -np.inf)))
    settled[is_reached & (scores <= observed * (1 + tolerance))] = f_observed
    return settled
