"""What weakens a result: of its design before the test is run, and of the genes' evidence afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd

from jugex.model.findings import (
    AnyFinding,
    BothHemispheres,
    DecisiveDonor,
    DonorsDisagree,
    FdrOutOfReach,
    FewDonors,
    GenesWithoutProbes,
    MadeUpRegions,
    ManyGenesDiffer,
    MirroredHemispheres,
    NearDetectionLimit,
    NotConfirmable,
    NotLinked,
    OneExchangeOnly,
    PoorVariogramFit,
    ProbesDisagree,
    ThinTissue,
    UnequalSizes,
    Unit,
    UnreachableAlpha,
)
from jugex.model.options import TestOptions
from jugex.model.record import BackgroundRecord, CovariateRecord, LadderRecord
from jugex.pipeline.genes import share_present
from jugex.query import RegionGroup
from jugex.spaces import hemisphere_of
from jugex.stats.design import Design, LabelExchange

__all__ = ["POOR_FIT", "check_reach", "judge_background", "judge_design", "judge_fit", "judge_genes", "judge_samples"]

FEW_DONORS = 3.0
UNEQUAL_SIZES = 3.0
#: Above this share of the weight one donor decides.
DECISIVE_SHARE = 0.6
_DISAGREEING_PROBES = 0.2
_MOSTLY_PRESENT = 0.5
#: A side with less of a region's samples is a matter of where exactly its border runs, and not of two hemispheres.
_FEWEST_OF_A_SIDE = 0.05
#: A fitted semivariance that is off by more than this share of the measured one. Variances of differences are linear
#: in semivariances: of a variance 25 % too small a p of 0.05 stands for 0.09, of one 25 % too large for 0.03. A true
#: mixture of nugget and exponential fields stays below, even with one gene and 264 samples (0.22 at most).
POOR_FIT = 0.25
_FEWEST_GENES = 100  # of a handful of chosen genes a share says nothing about the genome
_MANY_GENES = 0.10


def check_reach(design: Design, options: TestOptions, smallest_p: float, n_tested: int, unit: Unit) -> list[AnyFinding]:
    """What no gene can reach, because the relabellings are too few."""
    settings = options.permutation
    exhaustive = design.is_enumerable(settings.exchange, settings.n_permutations)
    n_relabellings = design.n_relabellings(settings.exchange) if exhaustive else settings.n_permutations
    if smallest_p > settings.alpha:
        return [
            UnreachableAlpha(
                unit=unit,
                alpha=settings.alpha,
                smallest_p=smallest_p,
                n_relabellings=n_relabellings,
                exchange=settings.exchange,
                exhaustive=exhaustive,
                n_regions=design.n_regions,
            )
        ]
    if n_tested * smallest_p > settings.alpha:
        return [
            FdrOutOfReach(
                unit=unit,
                alpha=settings.alpha,
                n_tested=n_tested,
                n_needed=int(np.ceil(n_tested * smallest_p / settings.alpha)),
                n_relabellings=n_relabellings,
                exchange=settings.exchange,
                exhaustive=exhaustive,
            )
        ]
    return []


def judge_design(design: Design, group: RegionGroup, options: TestOptions) -> list[AnyFinding]:
    """Weak points of a design: donors that do not link all regions, few donors, one that decides, unequal sizes."""
    names, k = group.region_names, design.n_regions
    findings: list[AnyFinding] = []
    if len(design.parts) > 1:
        findings.append(NotLinked(groups=tuple(tuple(names[region] for region in part) for part in design.parts)))
    n_within = design.n_relabellings("within-donor")
    if k == 2 and options.exchange != "within-donor" and n_within * options.alpha < 1:
        findings.append(NotConfirmable(n_relabellings=n_within, alpha=options.alpha))
    if design.effective_donors < FEW_DONORS:
        findings.append(
            FewDonors(effective_donors=design.effective_donors, n_informative=design.n_informative_donors, n_regions=k)
        )
    weights = design.weights / design.weights.sum()
    if k == 2 and weights.max() > DECISIVE_SHARE:
        donor_name = str(group.samples["donor_name"].to_numpy()[design.donor_starts[int(weights.argmax())]])
        findings.append(DecisiveDonor(donor_name=donor_name, share=float(weights.max())))
    sizes = design.counts.sum(axis=0)
    largest, smallest = int(sizes.argmax()), int(sizes.argmin())
    if sizes[largest] > UNEQUAL_SIZES * sizes[smallest]:
        findings.append(
            UnequalSizes(
                largest=names[largest],
                n_largest=int(sizes[largest]),
                smallest=names[smallest],
                n_smallest=int(sizes[smallest]),
                n_regions=k,
            )
        )
    return findings


def judge_samples(group: RegionGroup, covariates: Sequence[CovariateRecord]) -> list[AnyFinding]:
    """Weak points of where the samples come from: made-up regions, hemispheres, genes that a filter took."""
    findings: list[AnyFinding] = []
    made_up = tuple(region.name for region in group.regions if region.identity().is_made_up)
    if made_up and not group.atlas.simulated:
        findings.append(MadeUpRegions(names=made_up))
    if not any(covariate.name == "hemisphere" and covariate.is_used for covariate in covariates):
        findings += _find_one_sided_donors(group)
        if len(group.regions) > 2 and _is_of_both_hemispheres(group):
            findings.append(MirroredHemispheres())
    if group.probe_filter is not None and group.probe_filter.n_genes_left_out:
        findings.append(GenesWithoutProbes(n=group.probe_filter.n_genes_left_out))
    return findings


def _find_one_sided_donors(group: RegionGroup) -> list[AnyFinding]:
    """Regions that lie in both hemispheres, where fewer donors were sampled in one than in the other."""
    samples = group.samples
    sides = pd.Series(hemisphere_of(samples["mni_x"].to_numpy(dtype=np.float64)), index=samples.index)
    findings: list[AnyFinding] = []
    for name in group.region_names:
        of_region = (samples["region"] == name).to_numpy(dtype=bool)
        donors = samples.loc[of_region, "donor_name"].groupby(sides[of_region])
        n_samples, n_donors = (counts.to_dict() for counts in (donors.size(), donors.nunique()))
        if not {"left", "right"} <= set(n_samples):
            continue
        fewer = "right" if n_donors["right"] <= n_donors["left"] else "left"
        n, n_all = int(n_samples[fewer]), int(of_region.sum())
        if n_donors["left"] == n_donors["right"] or n < _FEWEST_OF_A_SIDE * n_all:
            continue
        findings.append(
            BothHemispheres(
                region=name,
                n=n,
                n_samples=n_all,
                side=fewer,
                n_donors_of_side=int(n_donors[fewer]),
                n_donors=int(samples.loc[of_region, "donor_name"].nunique()),
            )
        )
    return findings


def _is_of_both_hemispheres(group: RegionGroup) -> bool:
    """Whether samples of both hemispheres were brought to one."""
    if group.atlas.changes.mirror is None:
        return False
    taken = group.atlas.samples.set_index("well_id")["hemisphere"]
    return bool(taken[group.samples["well_id"]].nunique() > 1)


def judge_genes(
    table: pd.DataFrame,
    exchanges: pd.DataFrame,
    group: RegionGroup,
    options: TestOptions,
    *,
    are_genes: bool = True,
) -> list[AnyFinding]:
    """Weak points of the genes' evidence.

    Parameters
    ----------
    table : DataFrame
        The table of results.
    exchanges : DataFrame
        Family-wise p of the genes tested under each exchange, by label.
    group : RegionGroup
        The samples used: their present calls say which genes are near background.
    options : TestOptions
    are_genes : bool
        Whether genes were tested, and not gene sets.
    """
    alpha, limit = options.alpha, _DISAGREEING_PROBES
    reached = exchanges[[name for name in get_args(LabelExchange) if name in exchanges]] <= alpha
    one_way = tuple(exchanges.index[reached.any(axis=1) & ~reached.all(axis=1)])
    findings: list[AnyFinding] = [OneExchangeOnly(genes=one_way, n_regions=len(group.regions))] if one_way else []
    if len(group.regions) > 2:
        return findings
    labels = table["gene"] + " " + table["probe_name"] if "probe_name" in table else table["gene"]
    table = table.set_axis(pd.Index(labels), axis=0)
    is_significant = table["significant"].to_numpy(dtype=bool)
    significant = table[is_significant]
    # a gene that was asked for by name is a finding where it is not significant as well
    others = table[~is_significant & (group.genes.requested is not None)]
    is_divided = (significant["n_donors_same_sign"] < significant["n_donors_both"]).to_numpy(dtype=bool)
    if is_divided.any():
        findings.append(DonorsDisagree(genes=tuple(significant.index[is_divided])))
    for rows, of_significant in ((significant, True), (others, False)):
        if genes := tuple(rows.index[(rows["probe_r"] < limit).to_numpy(dtype=bool)]):
            findings.append(ProbesDisagree(genes=genes, limit=limit, is_significant=of_significant))
    # a gene set has no calls, though it may be called like a gene
    by_probe = options.unit == "probe"
    present = share_present(group, list(significant.index), by_probe=by_probe) if are_genes else None
    if present is not None:
        is_absent = present.reindex(significant.index).to_numpy(dtype=np.float64) < _MOSTLY_PRESENT
        if is_absent.any():
            genes = tuple(significant.index[is_absent])
            findings.append(NearDetectionLimit(genes=genes, unit=options.unit))
    return findings


def judge_fit(ladder: LadderRecord | None) -> list[AnyFinding]:
    """Whether what was fitted to the pooled variogram is far from it, for each rung that stands on it."""
    if ladder is None:
        return []
    of_space = ladder.variogram_spatial or ladder.variogram
    tried = (
        ("donors", ladder.variogram if ladder.why_no_donors is None else None),
        ("spatial", of_space if ladder.why_no_spatial is None else None),
    )
    findings: list[AnyFinding] = []
    if ladder.why_no_spatial is None and ladder.borrowed_mm:
        findings.append(ThinTissue(to_mm=ladder.borrowed_mm))
    for rung, variogram in tried:
        if variogram is None:
            continue
        deviations = np.abs(variogram.deviations)
        kind, place = np.unravel_index(int(deviations.argmax()), deviations.shape)
        if deviations[kind, place] <= POOR_FIT:
            continue
        of_kind = (variogram.distance_mm_within, variogram.within, variogram.fitted_within)
        if kind:
            of_kind = (variogram.distance_mm_between, variogram.between, variogram.fitted_between)
        distance, measured, fitted = (values[place] for values in of_kind)
        findings.append(
            PoorVariogramFit(
                rung="donors" if rung == "donors" else "spatial",
                n_donors=2 if kind else 1,
                distance_mm=distance,
                measured=measured,
                fitted=fitted,
            )
        )
    return findings


def judge_background(background: BackgroundRecord, unit: Unit) -> list[AnyFinding]:
    """Whether so many of all genes differ nominally that being among them is nothing special."""
    if background.share is None or background.n_genes < _FEWEST_GENES or background.share <= _MANY_GENES:
        return []
    return [
        ManyGenesDiffer(
            share=background.share,
            n_genes=background.n_genes,
            p_perm=background.p_perm,
            unit=unit,
        )
    ]
