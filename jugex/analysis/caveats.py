"""What weakens a result, in sentences: of its design before it is run, and of its evidence afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_p, join_words, shorten
from jugex.analysis.covariates import USED, Covariate
from jugex.analysis.design import Design, LabelExchange
from jugex.analysis.options import Options
from jugex.analysis.relabel import enumerate_relabellings, find_smallest_p
from jugex.errors import DesignWarning, warn_user
from jugex.spaces import tell_hemispheres

__all__ = [
    "FEW_DONORS",
    "UNEQUAL_SIZES",
    "is_made_up",
    "list_design_caveats",
    "list_filter_caveats",
    "list_gene_caveats",
    "list_region_caveats",
    "list_side_caveats",
    "smallest_p_of_run",
    "warn_of_design",
]

FEW_DONORS = 3.0
UNEQUAL_SIZES = 3.0
#: Above this share of the weight one donor decides the difference.
_DECISIVE_SHARE = 0.6
_DISAGREEING_PROBES = 0.2
_MOSTLY_PRESENT = 0.5
_N_NAMED = 5
#: A side with less of a region's samples is a matter of where exactly its border runs, and not of two hemispheres.
_FEWEST_OF_A_SIDE = 0.05


def warn_of_design(design: Design, options: Options, n_tested: int) -> list[str]:
    """Warn of a run that can never reach alpha, and return what was said.

    Warns
    -----
    DesignWarning
    """
    smallest = smallest_p_of_run(design, options)
    is_exhaustive = design.is_enumerable(options.exchange, options.n_permutations)
    relabelled = (
        f"the {count_of(design.n_relabellings(options.exchange), 'relabelling')} of this design ({options.exchange})"
        if is_exhaustive
        else f"{count_of(options.n_permutations, 'permutation')} of this design ({options.exchange})"
    )
    helps = "more samples in both regions of one donor" + ("" if is_exhaustive else ", or more permutations,")
    unit = "probe" if options.probes == "single" else "gene"
    message = None
    if smallest > options.alpha:
        message = (
            f"no {unit} can be significant at alpha = {options.alpha:g}: the smallest p that {relabelled} can give is "
            f"{format_p(smallest)}; {helps} would help"
        )
    elif n_tested * smallest > options.alpha:
        message = (
            f"the false discovery rate (q_fdr) of a single {unit} cannot reach {options.alpha:g} with "
            f"{count_of(n_tested, unit)} and {relabelled}: at least "
            f"{count_of(int(np.ceil(n_tested * smallest / options.alpha)), unit)} would have to share the smallest p; "
            "the family-wise p (p_fwe) is not affected"
        )
    if message is None:
        return []
    warn_user(message, DesignWarning)
    return [message]


def smallest_p_of_run(design: Design, options: Options) -> float:
    """Smallest p of the run: that of all relabellings, or of those drawn."""
    adjusted = options.statistic != "sequential"
    of_design = design.smallest_p(options.exchange, adjusted=adjusted)
    if options.exchange != "freedman-lane" and design.is_enumerable(options.exchange, options.n_permutations):
        if design.covariates is None and options.redraw:
            return of_design
        every = enumerate_relabellings(design, options.exchange)
        n_all = len(every.labels) + (0 if options.redraw else every.n_redrawn)
        return find_smallest_p(design, every, adjusted=adjusted) * len(every.labels) / n_all
    return max(of_design, 1 / (options.n_permutations + 1))


def list_filter_caveats(probe_filter: dict[str, Any] | None) -> list[str]:
    """What a filter of probes took from the family of genes, as sentences."""
    n_lost = (probe_filter or {}).get("n_genes_left_out", 0)
    if not n_lost:
        return []
    return [
        f"the filter on present calls left {count_of(n_lost, 'gene')} without a probe: not tested, and not in the table"
    ]


def list_design_caveats(design: Design, names: tuple[str, str], alpha: float = 0.0) -> list[str]:
    """Weak points of a design, as sentences; `alpha` is that of the analysis."""
    caveats = []
    n_within = design.n_relabellings("within-donor")
    there_are = f"there {'is' if n_within == 1 else 'are'} {count_of(n_within, 'relabelling')}"
    if n_within * alpha < 1 and alpha > 0:
        caveats.append(
            f"within donors {there_are}, too few to reach alpha = {alpha:g}: what is "
            "significant when labels are exchanged otherwise cannot be confirmed by the exchange that is exact"
        )
    weights = design.weights / design.weights.sum()
    n_1, n_2 = int(design.n_1.sum()), int(design.n_2.sum())
    if design.effective_donors < FEW_DONORS:
        n_donors = design.n_informative_donors
        weighted = ", unequally weighted" if n_donors - design.effective_donors > 0.05 else ""
        caveats.append(
            f"the comparison rests on {design.effective_donors:.1f} effective donor{'s' if n_donors > 1 else ''} "
            f"({n_donors} with samples in both regions{weighted}): it says little about other brains"
        )
    if weights.max() > _DECISIVE_SHARE:
        caveats.append(f"one donor has {weights.max():.0%} of the weight in the difference, and decides it")
    if max(n_1, n_2) > UNEQUAL_SIZES * min(n_1, n_2):
        caveats.append(
            f"the regions differ more than threefold in size ({names[0]}: {count_of(n_1, 'sample')}, {names[1]}: "
            f"{n_2}): where they differ in variance as well, p-values are off; compare with the statistic welch"
        )
    return caveats


def list_region_caveats(queried: dict[str, Any]) -> list[str]:
    """Say where regions that were made up for the demonstration are looked for in brains that were not.

    Parameters
    ----------
    queried : dict
        As of `jugex.query.describe_query`.
    """
    made_up = [shorten(region["name"]) for region in queried["regions"] if is_made_up(region)]
    if not made_up or queried["atlas"].get("simulated"):
        return []
    are = "is a made-up region" if len(made_up) == 1 else "are made-up regions"
    return [
        f"{join_words(made_up)} {are} of the demonstration and no area of any brain, but the expression is measured: "
        "what differs says nothing about a brain area"
    ]


def is_made_up(region: dict[str, Any]) -> bool:
    """Whether a region, or a part of it, comes from `jugex.regions.demo`."""
    return str(region["kind"]).startswith("simulated") or any(map(is_made_up, region.get("parts") or []))


def list_side_caveats(samples: pd.DataFrame, names: Sequence[str], covariates: Sequence[Covariate] = ()) -> list[str]:
    """Name the regions that lie in both hemispheres, where fewer donors were sampled in one than in the other.

    Parameters
    ----------
    samples : DataFrame, n rows
        The samples used, with `region`, `donor_name` and `mni_x` (mm).
    names : sequence of str
        Names of the regions.
    covariates : sequence of Covariate
        Those of the model: with the hemisphere among them there is nothing to say.
    """
    if any(covariate.name == "hemisphere" and covariate.outcome == USED for covariate in covariates):
        return []
    sides = pd.Series(tell_hemispheres(samples["mni_x"].to_numpy(dtype=np.float64)), index=samples.index)
    told = []
    for name in names:
        of_region = (samples["region"] == name).to_numpy(dtype=bool)
        donors = samples.loc[of_region, "donor_name"].groupby(sides[of_region])
        n_samples, n_donors = (counts.to_dict() for counts in (donors.size(), donors.nunique()))
        if not {"left", "right"} <= set(n_samples):
            continue
        fewer = "right" if n_donors["right"] <= n_donors["left"] else "left"
        n, n_all = n_samples[fewer], int(of_region.sum())
        if n_donors["left"] == n_donors["right"] or n < _FEWEST_OF_A_SIDE * n_all:
            continue
        lie = "lies" if n == 1 else "lie"
        told.append(
            f"{n:,} of {count_of(n_all, 'sample')} of {shorten(name)} {lie} in the {fewer} hemisphere, in "
            f"{n_donors[fewer]} of {count_of(samples.loc[of_region, 'donor_name'].nunique(), 'donor')}; compare one "
            "side (such as region.left in Python), or add the covariate hemisphere"
        )
    return told


def list_gene_caveats(
    table: pd.DataFrame,
    p_fwe_by_exchange: pd.DataFrame,
    options: Options,
    *,
    present: pd.Series[float] | None = None,
    are_asked_for: bool = False,
) -> list[str]:
    """Weak points of the genes' evidence, as sentences.

    Parameters
    ----------
    table : DataFrame
        The table of results.
    p_fwe_by_exchange : DataFrame
        `gene`, and its family-wise p under each exchange.
    options : Options
    present : Series, optional
        Share of the samples used in which the probes of significant genes are above background, by gene.
    are_asked_for : bool
        Whether the genes were asked for by name: then one that is not significant is a finding as well.
    """
    unit = "probe" if "probe_name" in table else "gene"
    if unit == "probe":
        table = table.assign(gene=table["gene"] + " " + table["probe_name"])
    significant = table[table["significant"].to_numpy(dtype=bool)]
    others = table[~table["significant"].to_numpy(dtype=bool) & are_asked_for]
    reached = p_fwe_by_exchange[list(get_args(LabelExchange))] <= options.alpha
    concerns = [
        (
            p_fwe_by_exchange.loc[reached.any(axis=1) & ~reached.all(axis=1), "gene"],
            "significant when labels are exchanged within donors or freely, but not both ways: {}",
        ),
        (
            significant.loc[significant["n_donors_same_sign"] < significant["n_donors_both"], "gene"],
            "significant, but the donors do not all show a difference of the same sign: {}",
        ),
        (
            significant.loc[significant["probe_r"] < _DISAGREEING_PROBES, "gene"],
            f"significant, but the gene's probes do not agree (mean correlation below {_DISAGREEING_PROBES:g}): {{}}",
        ),
        (
            others.loc[others["probe_r"] < _DISAGREEING_PROBES, "gene"],
            "not significant, but the gene's probes do not agree (mean correlation below "
            f"{_DISAGREEING_PROBES:g}), so that a difference that one of them shows may be missed: {{}}",
        ),
        (
            significant.loc[_find_absent(significant["gene"], present), "gene"],
            f"significant, but near the floor of what the array measures: the {unit} is above background in less than "
            f"half of the samples used: {{}}",
        ),
    ]
    return [sentence.format(_name_genes(genes)) for genes, sentence in concerns if len(genes)]


def _find_absent(genes: pd.Series[str], present: pd.Series[float] | None) -> npt.NDArray[np.bool_]:
    """Which genes are above background in less than half of the samples."""
    if present is None:
        return np.zeros(len(genes), dtype=np.bool_)
    return np.asarray(genes.map(present).to_numpy(dtype=np.float64) < _MOSTLY_PRESENT)


def _name_genes(genes: pd.Series) -> str:
    named = ", ".join(genes.iloc[:_N_NAMED])
    return named if len(genes) <= _N_NAMED else f"{named} and {len(genes) - _N_NAMED} more"
