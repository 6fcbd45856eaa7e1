"""What the samples say of every gene: p-values by permutation, donor by donor, and beside arbitrary borders.

Arrays only: no atlas, no region, no file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design, Exchange, LabelExchange
from jugex.analysis.donors import (
    DonorEvidence,
    can_several_carry,
    compute_donor_evidence,
    drop_donor,
    judge_carriers,
)
from jugex.analysis.effects import Effects, compute_effects, remove_covariates
from jugex.analysis.engine import PermutationCounts, PValues, count_exceedances
from jugex.analysis.options import Options
from jugex.analysis.relabel import Relabellings, Shuffles, cut_by_planes, find_tied, make_relabellings
from jugex.analysis.scores import scores_to_f
from jugex.analysis.tails import Tails, infer_tails

__all__ = ["Boundary", "Inference", "infer"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Boundary:
    """The border between the regions beside arbitrary flat ones.

    Attributes
    ----------
    p : ndarray, shape (g,)
        (1 + cuts that separate at least as well) / (m + 1).
    n_cuts, n_distinct : int
        Cuts drawn, m, and how many of them are distinct.
    floor : float
        Smallest p that there can be, because some cuts give the observed labels, or swap the regions.
    """

    p: Floats
    n_cuts: int
    n_distinct: int
    floor: float


@dataclass(frozen=True, eq=False)
class Inference:
    """What was inferred of g genes.

    Attributes
    ----------
    effects : Effects
    p_values : PValues
        Under the exchange chosen.
    q_fdr : ndarray, shape (g,)
        Benjamini and Hochberg's, of the permutation p-values of each gene alone.
    p_fwe_by_exchange : dict of str to ndarray, shape (g,)
        Family-wise p under each exchange.
    relabellings : Relabellings or Shuffles
        Those of the exchange chosen.
    donors : DonorEvidence
    carried_by : list of str, length g
    boundary : Boundary or None
        None where it was not asked for.
    tails : Tails or None
        None where they were not asked for.
    f_critical : float or None
        Smallest F whose family-wise p is at most alpha; None where no finite F has one.
    """

    effects: Effects
    p_values: PValues
    q_fdr: Floats
    p_fwe_by_exchange: dict[Exchange, Floats]
    relabellings: Relabellings | Shuffles
    donors: DonorEvidence
    carried_by: list[str]
    boundary: Boundary | None
    tails: Tails | None
    f_critical: float | None


def infer(
    values: Floats,
    levels: Floats,
    design: Design,
    options: Options,
    rng: np.random.Generator,
    points: Floats | None,
) -> Inference:
    """Infer from the samples of two regions.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores; each gene varies within some donor.
    levels : ndarray of float64, shape (g, n)
        Gene-level log2 expression.
    design : Design
        Labels and donors of the n samples; testable.
    options : Options
    rng : numpy.random.Generator
        Source of the relabellings: first those of the exchange chosen, then those of the other exchange, those
        without each donor, and the arbitrary borders.
    points : ndarray of float64, shape (n, 3), or None
        MNI coordinates in mm, where arbitrary borders are asked for.

    Returns
    -------
    Inference
    """
    effects = compute_effects(values, levels, design, options.statistic)
    relabellings = _relabel(design, options.exchange, options, rng)
    counts = _count(values, design, relabellings, options)
    p_values = counts.p_values()
    by_exchange: dict[Exchange, Floats] = {options.exchange: p_values.fwe}
    for exchange in get_args(LabelExchange):
        if exchange not in by_exchange:
            others = _relabel(design, exchange, options, rng)
            by_exchange[exchange] = _test(values, design, others, options).fwe
    donors = compute_donor_evidence(remove_covariates(values, design), design)
    without = _leave_one_donor_out(values, design, options, rng) if can_several_carry(design) else None
    return Inference(
        effects=effects,
        p_values=p_values,
        q_fdr=_false_discovery_rate(p_values.perm),
        p_fwe_by_exchange=by_exchange,
        relabellings=relabellings,
        donors=donors,
        carried_by=judge_carriers(donors, without, options.alpha),
        boundary=None if points is None else _compare_borders(values, design, points, options, rng),
        tails=_extrapolate(values, design, relabellings, counts, effects.f, options) if options.tail else None,
        f_critical=_find_critical_f(counts, design, options),
    )


def _relabel(design: Design, exchange: Exchange, options: Options, rng: np.random.Generator) -> Relabellings | Shuffles:
    return make_relabellings(design, exchange, options.n_permutations, rng, redraw=options.redraw)


def _count(
    values: Floats, design: Design, relabellings: Relabellings | Shuffles, options: Options
) -> PermutationCounts:
    return count_exceedances(values, design, relabellings, statistic=options.statistic, n_threads=options.n_threads)


def _test(values: Floats, design: Design, relabellings: Relabellings | Shuffles, options: Options) -> PValues:
    return _count(values, design, relabellings, options).p_values()


def _find_critical_f(counts: PermutationCounts, design: Design, options: Options) -> float | None:
    score = counts.critical_score(options.alpha)
    f = np.inf if score is None else float(scores_to_f(np.array([score]), design, options.statistic)[0])
    return f if np.isfinite(f) else None


def _extrapolate(
    values: Floats,
    design: Design,
    relabellings: Relabellings | Shuffles,
    counts: PermutationCounts,
    f: Floats,
    options: Options,
) -> Tails:
    smallest_p = design.smallest_p(options.exchange, adjusted=options.statistic != "sequential")
    return infer_tails(values, design, relabellings, counts, f, statistic=options.statistic, smallest_p=smallest_p)


def _leave_one_donor_out(values: Floats, design: Design, options: Options, rng: np.random.Generator) -> Floats:
    """Family-wise p (D, g) without each of D informative donors; NaN where a gene has no F without it."""
    informative = np.flatnonzero(design.weights > 0)
    p_fwe = np.full((len(informative), len(values)), np.nan)
    for row, donor in enumerate(informative):
        kept, without = drop_donor(design, int(donor))
        if without.df_resid < 1 or not without.is_estimable(without.labels[None])[0]:
            continue  # the covariates take all that is left
        varies = without.varies_within_donors(values[:, kept])
        relabellings = _relabel(without, options.exchange, options, rng)
        p_fwe[row, varies] = _test(values[varies][:, kept], without, relabellings, options).fwe
    return p_fwe


def _compare_borders(
    values: Floats, design: Design, points: Floats, options: Options, rng: np.random.Generator
) -> Boundary:
    cuts = cut_by_planes(design, points, options.n_permutations, rng)
    if not len(cuts.labels):  # each cut is collinear with the covariates
        return Boundary(np.full(len(values), np.nan), 0, 0, 1.0)
    n_distinct = len(np.unique(np.packbits(cuts.labels, axis=1), axis=0))
    n_tied = int(find_tied(design, cuts.labels, adjusted=options.statistic != "sequential").sum())
    floor = (1 + n_tied) / (1 + len(cuts.labels))
    return Boundary(_test(values, design, cuts, options).perm, len(cuts.labels), n_distinct, floor)


def _false_discovery_rate(p_values: Floats) -> Floats:
    """Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values)) if len(p_values) else p_values
