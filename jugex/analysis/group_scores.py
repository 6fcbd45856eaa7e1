"""The omnibus F over k regions: what was observed, and the score of relabelled samples. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import LabelExchange
from jugex.analysis.group_design import Codes, GroupDesign
from jugex.analysis.group_relabel import GroupRelabellings
from jugex.analysis.scores import Draws, ScoreBlock, Scorer

__all__ = ["OmnibusEffects", "OmnibusScorer", "compute_omnibus_effects", "find_smallest_group_p"]

Floats = npt.NDArray[np.float64]

_DRAWN_AT_ONCE = 1024
# relabellings that span the observed contrasts but for rounding are tied with the observed one
_TIED = 1e-9


class OmnibusScorer(Scorer):
    """SS of area, adjusted, over SS + RSS: |Q'y|^2 with orthonormal Q = M A L^-T, where y'My = 1.

    M takes donors and covariates off. A gene's residuals My stand for y, so that A L^-T serves in place of Q.
    """

    def __init__(self, values: Floats, design: GroupDesign) -> None:
        super().__init__(values, design.blocks)
        self.group = design

    def prepare(self, relabellings: Draws) -> ScoreBlock:
        """Make the function that scores slices of genes under b relabellings (b, n); see `Scorer.prepare`."""
        codes = relabellings.astype(np.intp, copy=False)
        loadings = self.group.loadings(codes)
        of_samples = loadings[np.arange(len(codes))[:, None], codes]  # (b, n, r)
        return partial(self._score, np.ascontiguousarray(of_samples.transpose(2, 1, 0)))

    def _score(self, contrasts: Floats, genes: slice, out: Floats, scratch: Sequence[Floats]) -> None:
        part = scratch[0]
        np.matmul(self.residuals[genes], contrasts[0], out=out)
        np.multiply(out, out, out=out)
        for contrast in contrasts[1:]:
            np.matmul(self.residuals[genes], contrast, out=part)
            np.multiply(part, part, out=part)
            out += part


@dataclass(frozen=True, eq=False)
class OmnibusEffects:
    """Omnibus test of g genes over k regions.

    Attributes
    ----------
    means : ndarray, shape (g, k)
        Raw means of the z-scores in each region.
    ss_area, ss_resid, f, partial_eta_sq, p_parametric : ndarray, shape (g,)
        Sums of squares of area, adjusted for donor, and of the residuals; F = (SS / r) / (RSS / df_resid);
        SS / (SS + RSS); and the upper tail of F(r, df_resid).
    """

    means: Floats
    ss_area: Floats
    ss_resid: Floats
    f: Floats
    partial_eta_sq: Floats
    p_parametric: Floats


def compute_omnibus_effects(values: Floats, design: GroupDesign) -> OmnibusEffects:
    """Compute sums of squares and F from the observed labels, for genes (g, n) that vary within some donor."""
    from scipy import special

    contrasts = _span(design)
    residuals = design.blocks.residualize(values)
    along = np.einsum("gn,rn->gr", residuals, contrasts)
    ss_area = (along**2).sum(axis=1)
    residuals = residuals - np.einsum("gr,rn->gn", along, contrasts)
    ss_resid = np.einsum("gn,gn->g", residuals, residuals)
    with np.errstate(divide="ignore"):  # regions that are told apart without residual: F is infinite
        f = (ss_area / design.df_area) / (ss_resid / design.df_resid)
    return OmnibusEffects(
        means=np.column_stack([values[:, design.codes == region].mean(axis=1) for region in range(design.n_regions)]),
        ss_area=ss_area,
        ss_resid=ss_resid,
        f=f,
        partial_eta_sq=ss_area / (ss_area + ss_resid),
        p_parametric=np.asarray(special.fdtrc(design.df_area, design.df_resid, f), dtype=np.float64),
    )


def find_smallest_group_p(design: GroupDesign, relabellings: GroupRelabellings, exchange: LabelExchange) -> float:
    """Smallest p that a run can give: of all relabellings, the share tied with the observed one by symmetry.

    F sees the labels through the space that M A spans alone. A relabelling spans the observed space where each of the
    observed contrasts, taken as a gene, scores 1 under it. Of relabellings that were drawn, no p is below 1 / (m + 1),
    nor tends to be below the share of those that only rename regions.
    """
    n = len(relabellings.codes)
    if not relabellings.is_exhaustive:
        return max(design.n_renamings(exchange) / design.n_relabellings(exchange), 1 / (n + 1))
    scorer = OmnibusScorer(_span(design), design)
    rank = len(scorer.residuals)
    n_tied = 0
    for start in range(0, n, _DRAWN_AT_ONCE):
        codes = relabellings.codes[start : start + _DRAWN_AT_ONCE]
        scores, scratch = np.empty((2, rank, len(codes)))
        scorer.prepare(codes)(slice(0, rank), scores, [scratch])
        n_tied += int((scores.sum(axis=0) > rank - _TIED).sum())
    return n_tied / n


def _span(design: GroupDesign) -> Floats:
    """Orthonormal contrasts between the regions beside donors and covariates, Q' (r, n), of the observed labels."""
    codes: Codes = design.codes
    loadings = design.loadings(codes[None])[0]
    return design.blocks.residualize(np.ascontiguousarray(loadings[codes].T))
