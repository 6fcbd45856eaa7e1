"""The test of every gene by permutation: effects, p-values under each exchange, and what is left without each donor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from jugex.errors import DesignError
from jugex.stats.corrections import PermutationCounts, PValues, false_discovery_rate
from jugex.stats.design import Counts, Design, Exchange, Floats, LabelExchange
from jugex.stats.effects import (
    DonorDifferences,
    Effects,
    adjusted_difference,
    compute_donor_differences,
    compute_effects,
    remove_covariates,
)
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import Relabellings, find_smallest_p, make_relabellings
from jugex.stats.statistics import Statistic, scores_to_f
from jugex.stats.tails import Tails, infer_tails

__all__ = ["LeftOut", "PermutationSettings", "PermutationTest", "permutation_test", "permute"]


@dataclass(frozen=True)
class PermutationSettings:
    """How genes are tested.

    Attributes
    ----------
    statistic : {'adjusted', 'sequential', 'welch'}
        How area is tested; with more than two regions, adjusted.
    exchange : {'within-donor', 'free', 'freedman-lane'}
        What is exchanged among which samples.
    n_permutations : int
        Number of random relabellings, m; where the distinct ones are at most as many, all are taken.
    alpha : float
        Family-wise error at which a gene is significant.
    redraw : bool
        Whether others take the place of relabellings in which area has no F; else these count as the smallest.
    tail : bool
        Whether small p-values are also taken from generalised Pareto tails.
    n_threads : int
        The numbers do not depend on it.
    """

    statistic: Statistic = "adjusted"
    exchange: Exchange = "within-donor"
    n_permutations: int = 10_000
    alpha: float = 0.05
    redraw: bool = True
    tail: bool = False
    n_threads: int = 1

    def smallest_p(self, design: Design) -> float:
        """Smallest p that a run can give."""
        return find_smallest_p(
            design,
            self.exchange,
            self.n_permutations,
            adjusted=self.statistic != "sequential",
            redraw=self.redraw,
        )


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
class PermutationTest:
    """What was inferred of g genes.

    Attributes
    ----------
    effects : Effects
    p_values : PValues
        Under the exchange chosen.
    q_fdr : ndarray, shape (g,)
        Benjamini and Hochberg's, of the permutation p-values of each gene alone.
    p_fwe_by_exchange : dict of str to ndarray, shape (g,)
        Family-wise p under each exchange that the design admits, that chosen first; in brief, under that one alone.
    relabellings : Relabellings
        Those of the exchange chosen.
    f_critical : float or None
        Smallest F whose family-wise p is at most alpha; None where no finite F has one.
    tails : Tails or None
        None where they were not asked for.
    donors : DonorDifferences or None
        With two regions.
    left_out : list of LeftOut
        With two regions, one for each donor of the design, in its order, for the genes whose family-wise p is at most
        alpha; empty where there is no such gene, and in brief.
    """

    effects: Effects
    p_values: PValues
    q_fdr: Floats
    p_fwe_by_exchange: dict[Exchange, Floats]
    relabellings: Relabellings
    f_critical: float | None
    tails: Tails | None
    donors: DonorDifferences | None
    left_out: list[LeftOut]


def permutation_test(
    values: Floats,
    levels: Floats | None,
    design: Design,
    settings: PermutationSettings,
    rng: np.random.Generator,
    names: Sequence[str],
    *,
    brief: bool = False,
) -> PermutationTest:
    """Test genes for different expression among k regions.

    Parameters
    ----------
    values : ndarray of float64, shape (g, n)
        Gene-level z-scores; each gene varies within some donor.
    levels : ndarray of float64, shape (g, n), or None
        Gene-level log2 expression; without, `log2_fc` is NaN.
    design : Design
        Regions and donors of the n samples; testable.
    settings : PermutationSettings
    rng : numpy.random.Generator
        Source of the relabellings: first those of the exchange chosen, then those of the other exchange, and, where a
        gene is significant between two regions, those without each donor, in the order of the design.
    names : sequence of str, length k
        Names of the regions, which say why there is no test without a donor.
    brief : bool
        Whether to leave out the other exchange and the tests without each donor, most of the time of many tests; they
        draw their relabellings last, so that everything else is the same bit for bit.

    Returns
    -------
    PermutationTest
    """
    effects = compute_effects(values, levels, design, settings.statistic)
    relabellings, counts = permute(values, design, settings, rng)
    p_values = counts.p_values()
    by_exchange: dict[Exchange, Floats] = {settings.exchange: p_values.fwe}
    for exchange in () if brief else get_args(LabelExchange):
        if exchange not in by_exchange and design.keeps_parts(exchange):
            _, others = permute(values, design, replace(settings, exchange=exchange), rng)
            by_exchange[exchange] = others.p_values().fwe
    donors, left_out = None, []
    if design.n_regions == 2:
        donors = compute_donor_differences(remove_covariates(values, design), design)
        significant = np.flatnonzero(p_values.fwe <= settings.alpha)
        for donor in range(design.n_donors) if len(significant) and not brief else ():
            left_out.append(_leave_out(donor, values, significant, design, settings, rng, names))
    return PermutationTest(
        effects=effects,
        p_values=p_values,
        q_fdr=false_discovery_rate(p_values.perm),
        p_fwe_by_exchange=by_exchange,
        relabellings=relabellings,
        f_critical=_find_critical_f(counts, design, settings),
        tails=_extrapolate(values, design, relabellings, counts, effects.f, settings) if settings.tail else None,
        donors=donors,
        left_out=left_out,
    )


def permute(
    values: Floats, design: Design, settings: PermutationSettings, rng: np.random.Generator
) -> tuple[Relabellings, PermutationCounts]:
    """Make the relabellings of an exchange, and count those that separate the regions as well as the observed one."""
    relabellings = make_relabellings(design, settings.exchange, settings.n_permutations, rng, redraw=settings.redraw)
    counts = count_exceedances(values, design, relabellings, statistic=settings.statistic, n_threads=settings.n_threads)
    return relabellings, counts


def _find_critical_f(counts: PermutationCounts, design: Design, settings: PermutationSettings) -> float | None:
    score = counts.critical_score(settings.alpha)
    f = np.inf if score is None else float(scores_to_f(np.array([score]), design, settings.statistic)[0])
    return f if np.isfinite(f) else None


def _extrapolate(
    values: Floats,
    design: Design,
    relabellings: Relabellings,
    counts: PermutationCounts,
    f: Floats,
    settings: PermutationSettings,
) -> Tails:
    smallest_p = design.smallest_p(settings.exchange, adjusted=settings.statistic != "sequential")
    return infer_tails(values, design, relabellings, counts, f, statistic=settings.statistic, smallest_p=smallest_p)


def _leave_out(
    donor: int,
    values: Floats,
    genes: Counts,
    design: Design,
    settings: PermutationSettings,
    rng: np.random.Generator,
    names: Sequence[str],
) -> LeftOut:
    """Test all genes (g, n) without a donor, since they are the family; keep what concerns some of them."""
    n_1, n_2 = (design.counts.sum(axis=0) - design.counts[donor]).tolist()
    missing = np.full(len(genes), np.nan)
    if design.n_donors == 1:
        return LeftOut(n_1, n_2, missing, missing, ["not tested: no other donor"] * len(genes))
    kept, without = design.without_donor(donor)
    try:
        without.check_testable(names)
    except DesignError as error:
        return LeftOut(n_1, n_2, missing, missing, [f"not tested: {error}"] * len(genes))
    of_others = values[:, kept]
    varies = without.varies_within_donors(of_others)
    p_fwe = np.full(len(values), np.nan)
    p_fwe[varies] = permute(of_others[varies], without, settings, rng)[1].p_values().fwe
    diff, is_kept = missing.copy(), varies[genes]
    diff[is_kept] = adjusted_difference(of_others[genes[is_kept]], without)
    status = np.where(is_kept, "ok", "not tested: constant within every other donor")
    return LeftOut(n_1, n_2, diff, p_fwe[genes], status.tolist())
