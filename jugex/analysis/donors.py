"""Evidence from donors: what each donor says of a gene, and whether the result rests on one of them.

Samples of one donor are not replicates of the population; donors are. Arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design
from jugex.analysis.engine import TIE_TOLERANCE

__all__ = [
    "DECISIVE_SHARE",
    "FEWEST_CARRIERS",
    "DonorEvidence",
    "can_several_carry",
    "compute_donor_evidence",
    "drop_donor",
    "judge_carriers",
]

# 2^12 sign vectors of every gene at once are little; more donors than the AHBA's six are rare
_MOST_SIGNED_DONORS = 12
# above this share of the weight one donor decides
DECISIVE_SHARE = 0.6
# with fewer donors in both regions several cannot carry a gene
FEWEST_CARRIERS = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DonorEvidence:
    """What D informative donors (with samples in both regions) say of g genes. Differences are region 1 minus 2.

    Attributes
    ----------
    donors : ndarray of int, shape (D,)
        The informative donors.
    diff : ndarray, shape (g, D)
        Difference of the means within each donor.
    p_donor : ndarray, shape (g,)
        p over all sign vectors of the donors' differences, at least 2 / 2^D; NaN for more than 12 donors.
    p_donor_fwe : ndarray, shape (g,)
        The same corrected over the genes by the maximum of T; NaN for more than 12 donors.
    mean, ci_low, ci_high : ndarray, shape (g,)
        Plain mean of the donors' differences, and its 95 % t interval on D - 1 degrees of freedom (NaN for D < 2).
    n_same_sign : ndarray of int, shape (g,)
        Donors whose difference has the sign of the weighted one.
    """

    donors: npt.NDArray[np.intp]
    diff: Floats
    p_donor: Floats
    p_donor_fwe: Floats
    mean: Floats
    ci_low: Floats
    ci_high: Floats
    n_same_sign: npt.NDArray[np.intp]

    @property
    def same_sign(self) -> list[str]:
        """Donors of the sign of the weighted difference, of all informative ones: "3/3"."""
        return [f"{n}/{len(self.donors)}" for n in self.n_same_sign]


def compute_donor_evidence(values: Floats, design: Design) -> DonorEvidence:
    """Compute what each donor says.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores.
    design : Design
        Labels and donors of the n samples; testable.

    Returns
    -------
    DonorEvidence

    Notes
    -----
    T = |sum_d w_d s_d delta_d| / sqrt(y'My / (n - d)) over the sign vectors s. All genes share each of them, so that
    the largest T over genes is the null of the family, as the largest F is under relabellings.
    """
    from scipy.special import stdtrit

    labels = design.labels.astype(np.float64)
    informative = np.flatnonzero(design.weights > 0)
    sums = np.add.reduceat(values * labels, design.donor_starts, axis=1)[:, informative]
    all_sums = np.add.reduceat(values, design.donor_starts, axis=1)[:, informative]
    diff = sums / design.n_1[informative] - (all_sums - sums) / design.n_2[informative]
    weighted = diff * design.weights[informative]
    n_donors = len(informative)
    mean = diff.mean(axis=1)
    margin = np.full(len(values), np.nan)
    if n_donors > 1:
        margin = stdtrit(n_donors - 1, 0.975) * diff.std(axis=1, ddof=1) / np.sqrt(n_donors)
    p_donor, p_donor_fwe = _flip_signs(weighted, _residual_spread(values, design))
    n_same_sign = (np.sign(diff) == np.sign(weighted.sum(axis=1))[:, None]).sum(axis=1)
    return DonorEvidence(
        donors=informative,
        diff=diff,
        p_donor=p_donor,
        p_donor_fwe=p_donor_fwe,
        mean=mean,
        ci_low=mean - margin,
        ci_high=mean + margin,
        n_same_sign=n_same_sign,
    )


def _residual_spread(values: Floats, design: Design) -> Floats:
    """sqrt(y'My / (n - d)) of each gene (g,): its standard deviation within donors."""
    residuals = design.within_donors(values)
    freedom = design.n_samples - design.n_donors
    spread: Floats = np.sqrt(np.einsum("gn,gn->g", residuals, residuals) / freedom)
    return spread


def _flip_signs(weighted: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Shares of the sign vectors with a T, and with a largest T over genes, of at least the gene's observed one."""
    n_genes, n_donors = weighted.shape
    if n_donors > _MOST_SIGNED_DONORS:
        return np.full(n_genes, np.nan), np.full(n_genes, np.nan)
    signs = np.array(list(product([1.0, -1.0], repeat=n_donors)))
    threshold = np.abs(weighted.sum(axis=1)) / spread * (1 - TIE_TOLERANCE)
    reached, maxima = np.zeros(n_genes, dtype=np.intp), np.zeros(len(signs))
    for row, vector in enumerate(signs):
        t = np.abs(np.einsum("gd,d->g", weighted, vector)) / spread
        reached += t >= threshold
        maxima[row] = t.max(initial=0.0)
    reached_by_family = len(maxima) - np.searchsorted(np.sort(maxima), threshold, side="left")
    return reached / len(signs), reached_by_family / len(signs)


def drop_donor(design: Design, donor: int) -> tuple[npt.NDArray[np.bool_], Design]:
    """Mask (n,) of the samples of the other donors, and their design."""
    kept = design.donors != donor
    donors = design.donors[kept]
    covariates = None if design.covariates is None else design.covariates[kept]
    return kept, Design(design.labels[kept], donors - (donors > donor), covariates)


def judge_carriers(evidence: DonorEvidence, p_fwe_without: Floats | None, alpha: float) -> list[str]:
    """Say of each gene whether several donors carry its difference, or one.

    Parameters
    ----------
    evidence : DonorEvidence
        Of g genes and D donors.
    p_fwe_without : ndarray, shape (D, g), or None
        Family-wise p without each informative donor; None where the donors' weights do not admit "several".
    alpha : float

    Returns
    -------
    list of str
        "several" needs at least three informative donors, all of one sign, none with 60 % of the weight, and a
        family-wise p of at most alpha without any one of them; "untestable" is fewer than two; else "one".
    """
    n_genes, n_donors = evidence.diff.shape
    if n_donors < 2:
        return ["untestable"] * n_genes
    if p_fwe_without is None:
        return ["one"] * n_genes
    is_several = (evidence.n_same_sign == n_donors) & (p_fwe_without <= alpha).all(axis=0)
    return ["several" if several else "one" for several in is_several]


def can_several_carry(design: Design) -> bool:
    """Whether the donors' weights admit that several carry a difference."""
    weights = design.weights
    return design.n_informative_donors >= FEWEST_CARRIERS and bool(weights.max() / weights.sum() < DECISIVE_SHARE)
