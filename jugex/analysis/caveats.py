"""What weakens a result, in sentences: of its design before it is run, and of its evidence afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jugex.analysis.design import Design
from jugex.analysis.options import Options
from jugex.errors import DesignWarning, warn_user

__all__ = ["list_design_caveats", "list_filter_caveats", "list_gene_caveats", "smallest_p_of_run", "warn_of_design"]

_FEW_DONORS = 3.0
_DECISIVE_SHARE = 0.6
_UNEQUAL_SIZES = 3.0
_MANY_GENES = 0.10
_FEWEST_GENES_OF_A_SHARE = 100  # of a handful of chosen genes a share says nothing about the genome
_DISAGREEING_PROBES = 0.2
_N_NAMED = 5


def warn_of_design(design: Design, options: Options, n_tested: int) -> list[str]:
    """Warn of a run that can never reach alpha, and return what was said.

    Warns
    -----
    DesignWarning
    """
    smallest = smallest_p_of_run(design, options)
    is_exhaustive = design.n_relabellings(options.exchange) <= options.n_permutations
    relabelled = (
        f"the {design.n_relabellings(options.exchange):,} relabellings of this design ({options.exchange})"
        if is_exhaustive
        else f"{options.n_permutations:,} permutations of this design ({options.exchange})"
    )
    helps = "more samples in both regions of one donor" + ("" if is_exhaustive else ", or more permutations,")
    unit = "probe" if options.probes == "single" else "gene"
    message = None
    if smallest > options.alpha:
        message = (
            f"no {unit} can be significant at alpha = {options.alpha:g}: the smallest p that {relabelled} can give is "
            f"{smallest:.3g}; {helps} would help"
        )
    elif n_tested * smallest > options.alpha:
        message = (
            f"q_fdr of a single {unit} cannot reach {options.alpha:g} with {n_tested:,} {unit}s and {relabelled}: at "
            f"least {int(np.ceil(n_tested * smallest / options.alpha)):,} {unit}s would have to share the smallest p; "
            "p_fwe is not affected"
        )
    if message is None:
        return []
    warn_user(message, DesignWarning)
    return [message]


def smallest_p_of_run(design: Design, options: Options) -> float:
    """Smallest p of the run: that of all relabellings, or of those drawn."""
    of_design = design.smallest_p(options.exchange, adjusted=options.statistic != "sequential")
    if design.n_relabellings(options.exchange) <= options.n_permutations:
        return of_design
    return max(of_design, 1 / (options.n_permutations + 1))


def list_filter_caveats(probe_filter: dict[str, Any] | None) -> list[str]:
    """What a filter of probes took from the family of genes, as sentences."""
    n_lost = (probe_filter or {}).get("n_genes_left_out", 0)
    if not n_lost:
        return []
    return [
        f"the filter on present calls left {n_lost:,} gene{'s' if n_lost > 1 else ''} without a probe: not tested, and "
        "not in the table"
    ]


def list_design_caveats(design: Design, names: tuple[str, str]) -> list[str]:
    """Weak points of a design, as sentences."""
    caveats = []
    weights = design.weights / design.weights.sum()
    n_1, n_2 = int(design.n_1.sum()), int(design.n_2.sum())
    if design.effective_donors < _FEW_DONORS:
        n_donors = design.n_informative_donors
        weighted = ", unequally weighted" if n_donors - design.effective_donors > 0.05 else ""
        caveats.append(
            f"the comparison rests on {design.effective_donors:.1f} effective donor{'s' if n_donors > 1 else ''} "
            f"({n_donors} with samples in both regions{weighted}): it says little about other brains"
        )
    if weights.max() > _DECISIVE_SHARE:
        caveats.append(f"one donor has {weights.max():.0%} of the weight in the difference, and decides it")
    if max(n_1, n_2) > _UNEQUAL_SIZES * min(n_1, n_2):
        caveats.append(
            f"the regions differ more than threefold in size ({names[0]}: {n_1} samples, {names[1]}: {n_2}): where "
            "they differ in variance as well, p-values are off; compare with the statistic welch"
        )
    return caveats


def list_gene_caveats(table: pd.DataFrame, p_fwe_by_exchange: pd.DataFrame, options: Options) -> list[str]:
    """Weak points of the genes' evidence, as sentences.

    Parameters
    ----------
    table : DataFrame
        The table of results.
    p_fwe_by_exchange : DataFrame
        `gene`, and its family-wise p under each exchange.
    options : Options
    """
    unit = "probe" if "probe_name" in table else "gene"
    if unit == "probe":
        table = table.assign(gene=table["gene"] + " " + table["probe_name"])
    significant = table[table["significant"].to_numpy(dtype=bool)]
    reached = p_fwe_by_exchange.drop(columns="gene") <= options.alpha
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    share = float((tested["p_perm"] <= options.alpha).mean()) if len(tested) else 0.0
    concerns = [
        (
            p_fwe_by_exchange.loc[reached.any(axis=1) & ~reached.all(axis=1), "gene"],
            "significant when labels are exchanged within donors or freely, but not both ways: {}",
        ),
        (
            significant.loc[significant["p_boundary"] > options.alpha, "gene"],
            "significant, but an arbitrary border nearby separates expression about as well (p_boundary > "
            f"{options.alpha:g}): {{}}",
        ),
        (
            significant.loc[significant["carried_by"] != "several", "gene"],
            "significant, but not carried by several donors: {}",
        ),
        (
            significant.loc[significant["probe_r"] < _DISAGREEING_PROBES, "gene"],
            f"significant, but the gene's probes do not agree (mean correlation below {_DISAGREEING_PROBES:g}): {{}}",
        ),
    ]
    caveats = [sentence.format(_name_genes(genes)) for genes, sentence in concerns if len(genes)]
    if len(tested) >= _FEWEST_GENES_OF_A_SHARE and share > _MANY_GENES:
        caveats.append(
            f"{share:.0%} of all {unit}s tested have p_perm <= {options.alpha:g}: the regions differ in general, as "
            "any two places do, and no {unit} is special for being among them"
        )
    return caveats


def _name_genes(genes: pd.Series) -> str:
    named = ", ".join(genes.iloc[:_N_NAMED])
    return named if len(genes) <= _N_NAMED else f"{named} and {len(genes) - _N_NAMED} more"
