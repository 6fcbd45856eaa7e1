"""What weakens a comparison of k regions at once, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from jugex._text import count_of, format_p
from jugex.analysis.background import describe_background, explain_coarse_p
from jugex.analysis.caveats import FEW_DONORS, UNEQUAL_SIZES
from jugex.analysis.covariates import USED, Covariate
from jugex.analysis.describe import describe_exchanges
from jugex.analysis.group_design import GroupDesign
from jugex.analysis.options import Options
from jugex.errors import DesignWarning, warn_user
from jugex.query import RegionGroup

__all__ = [
    "describe_group_background",
    "describe_group_exchanges",
    "list_exchange_caveats",
    "list_group_caveats",
    "warn_of_group_design",
]

_N_NAMED = 5


def warn_of_group_design(
    design: GroupDesign, names: Sequence[str], permutation: dict[str, Any], options: Options, n_tested: int
) -> list[str]:
    """Warn of what the omnibus test cannot show, and return what was said.

    Parameters
    ----------
    design : GroupDesign
        Samples of k regions.
    names : sequence of str
        Names of the regions.
    permutation : dict
        The relabellings, as settings record them.
    options : Options
    n_tested : int
        Number of genes or probes tested.

    Warns
    -----
    DesignWarning
    """
    messages = []
    smallest, unit = permutation["smallest_p"], _name_unit(options)
    relabelled = f"{count_of(permutation['n_permutations'], 'relabelling')} ({options.exchange})"
    if apart := design.describe_parts(names):
        messages.append(f"{apart}: the omnibus F compares the regions within each group only")
    if smallest > options.alpha:
        messages.append(
            f"the omnibus test cannot reach alpha = {options.alpha:g}: the smallest p that its relabellings "
            f"({options.exchange}) can give is {format_p(smallest)}; more samples of one donor in "
            f"several regions{'' if permutation['exhaustive'] else ', or more permutations,'} would help"
        )
    elif n_tested * smallest > options.alpha:
        messages.append(
            f"the false discovery rate (q_fdr) of a single {unit} cannot reach {options.alpha:g} with "
            f"{count_of(n_tested, unit)} and {relabelled}: at least "
            f"{count_of(int(np.ceil(n_tested * smallest / options.alpha)), unit)} would have to share the smallest p; "
            "the family-wise p (p_fwe) is not affected"
        )
    for message in messages:
        warn_user(message, DesignWarning)
    return messages


def list_group_caveats(design: GroupDesign, group: RegionGroup, covariates: Sequence[Covariate] = ()) -> list[str]:
    """Weak points of the design and of the model of the omnibus test, as sentences."""
    caveats = []
    if design.effective_donors < FEW_DONORS:
        n_donors = design.n_informative_donors
        weighted = ", unequally weighted" if n_donors - design.effective_donors > 0.05 else ""
        caveats.append(
            f"the comparison of all regions rests on {design.effective_donors:.1f} effective "
            f"donor{'s' if n_donors > 1 else ''} ({n_donors} with samples in at least two regions{weighted}): it says "
            "little about other brains"
        )
    sizes = design.counts.sum(axis=0)
    largest, smallest = int(sizes.argmax()), int(sizes.argmin())
    if sizes[largest] > UNEQUAL_SIZES * sizes[smallest]:
        caveats.append(
            f"the regions differ more than threefold in size (from {group.region_names[smallest]}: {sizes[smallest]} "
            f"samples, to {group.region_names[largest]}: {sizes[largest]}): where they differ in variance as well, "
            "p-values are off; compare two at a time with the statistic welch"
        )
    has_hemisphere = any(covariate.name == "hemisphere" and covariate.outcome == USED for covariate in covariates)
    if _is_of_both_hemispheres(group) and not has_hemisphere:
        caveats.append(
            "samples of both hemispheres were brought to one, and the omnibus F does not hold the hemisphere fixed"
        )
    return caveats


def _is_of_both_hemispheres(group: RegionGroup) -> bool:
    """Whether samples of both were brought to one."""
    if group.atlas.changes.mirror is None:
        return False
    taken = group.atlas.samples.set_index("well_id")["hemisphere"]
    return bool(taken[group.samples["well_id"]].nunique() > 1)


def describe_group_background(
    group: RegionGroup, p_perm: np.ndarray, n_permutations: int, smallest_p: float
) -> dict[str, Any]:
    """The share of genes that differ nominally, where all of the atlas were tested; else why it is not told."""
    is_chosen = group.genes.requested is not None
    why_not = "only the genes asked for were tested" if is_chosen else explain_coarse_p(smallest_p)
    return describe_background(p_perm, n_permutations, why_not)


def describe_group_exchanges(exchanges: pd.DataFrame, options: Options, why_no_other: str) -> dict[str, Any]:
    """Family-wise p-values of the omnibus test under each exchange, and why the other one was not tried.

    Parameters
    ----------
    exchanges : DataFrame
        `gene`, and its family-wise p under each exchange.
    options : Options
    why_no_other : str
        Empty where both were tried.
    """
    return {**describe_exchanges(exchanges, options), "why_not": why_no_other or None}


def list_exchange_caveats(exchanges: pd.DataFrame, options: Options) -> list[str]:
    """Name the genes that are significant in the omnibus test under one exchange alone."""
    reached = exchanges.drop(columns="gene") <= options.alpha
    genes = exchanges.loc[reached.any(axis=1) & ~reached.all(axis=1), "gene"]
    if not len(genes):
        return []
    more = f" and {len(genes) - _N_NAMED} more" if len(genes) > _N_NAMED else ""
    return [
        "significant over all regions when labels are exchanged within donors or freely, but not both ways: "
        f"{', '.join(genes.iloc[:_N_NAMED])}{more}"
    ]


def _name_unit(options: Options) -> str:
    return "probe" if options.probes == "single" else "gene"
