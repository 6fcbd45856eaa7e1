"""What the samples say of every gene: effects, p-values by permutation, and what is left without each donor.

Arrays only: no atlas, no region, no file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from jugex.analysis.design import Design, Exchange, LabelExchange
from jugex.analysis.donors import DonorDifferences, compute_donor_differences, drop_donor
from jugex.analysis.effects import Effects, compute_effects, remove_covariates
from jugex.analysis.engine import PermutationCounts, PValues, count_exceedances
from jugex.analysis.options import Options
from jugex.analysis.relabel import Relabellings, Shuffles, make_relabellings
from jugex.analysis.scores import scores_to_f
from jugex.analysis.tails import Tails, infer_tails
from jugex.errors import DesignError

__all__ = ["Inference", "LeftOut", "infer"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What is left of the s significant genes of a run without one of its donors.

    Attributes
    ----------
    n_1, n_2 : int
        Samples in each region.
    diff, p_fwe : ndarray, shape (s,)
        Adjusted difference, and family-wise p over all genes tested; NaN where there is no test.
    status : list of str, length s
        "ok", or why there is no test without this donor.
    """

    n_1: int
    n_2: int
    diff: Floats
    p_fwe: Floats
    status: list[str]


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
    donors : DonorDifferences
    left_out : list of LeftOut
        One for each donor of the design, in its order, for the genes whose family-wise p is at most alpha; empty where
        there is no such gene.
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
    donors: DonorDifferences
    left_out: list[LeftOut]
    tails: Tails | None
    f_critical: float | None


def infer(
    values: Floats,
    levels: Floats,
    design: Design,
    options: Options,
    rng: np.random.Generator,
    names: tuple[str, str],
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
        Source of the relabellings: first those of the exchange chosen, then those of the other exchange, and, where a
        gene is significant, those without each donor, in the order of the design.
    names : tuple of str
        Names of the regions, which say why there is no test without a donor.

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
    significant = np.flatnonzero(p_values.fwe <= options.alpha)
    every_donor = range(design.n_donors) if len(significant) else range(0)
    return Inference(
        effects=effects,
        p_values=p_values,
        q_fdr=_false_discovery_rate(p_values.perm),
        p_fwe_by_exchange=by_exchange,
        relabellings=relabellings,
        donors=compute_donor_differences(remove_covariates(values, design), design),
        left_out=[_leave_out(donor, values, significant, design, options, rng, names) for donor in every_donor],
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


def _leave_out(
    donor: int,
    values: Floats,
    genes: npt.NDArray[np.intp],
    design: Design,
    options: Options,
    rng: np.random.Generator,
    names: tuple[str, str],
) -> LeftOut:
    """Test all genes (g, n) without a donor, since they are the family; keep what concerns some of them."""
    n_1, n_2 = int(design.n_1.sum() - design.n_1[donor]), int(design.n_2.sum() - design.n_2[donor])
    missing = np.full(len(genes), np.nan)
    if design.n_donors == 1:
        return LeftOut(n_1, n_2, missing, missing, ["not tested: no other donor"] * len(genes))
    kept, without = drop_donor(design, donor)
    try:
        without.check_testable(names)
    except DesignError as error:
        return LeftOut(n_1, n_2, missing, missing, [f"not tested: {error}"] * len(genes))
    of_others = values[:, kept]
    varies = without.varies_within_donors(of_others)
    relabellings = _relabel(without, options.exchange, options, rng)
    diff, p_fwe = np.full((2, len(values)), np.nan)
    p_fwe[varies] = _test(of_others[varies], without, relabellings, options).fwe
    is_kept = varies[genes]
    listed = of_others[genes[is_kept]]
    diff[genes[is_kept]] = compute_effects(listed, listed, without, options.statistic).diff
    status = np.where(is_kept, "ok", "not tested: constant within every other donor")
    return LeftOut(n_1, n_2, diff[genes], p_fwe[genes], status.tolist())


def _false_discovery_rate(p_values: Floats) -> Floats:
    """Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values)) if len(p_values) else p_values
