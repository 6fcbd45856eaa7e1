"""Numbers and sentences of the report: the same wording wherever a result is told in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex._text import count_of, format_count, format_number, format_p, join_words, shorten
from jugex.analysis.covariates import USED

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = [
    "count_relabellings", "covariates_used", "describe_resolution", "describe_samples", "find_smallest_p",
    "headline", "higher_region", "name_adjustment",
    "name_collinear", "show_number", "tell_permuted", "tell_several", "tested_genes",
]  # fmt: skip

#: Genes named one by one in the headline, per direction; beyond, the first few stand for all.
_MAX_NAMED = 5
_N_EXAMPLES = 3
#: Covariates named together take so many characters at most; beyond, they are counted where there is little room.
_MAX_COVARIATES = 40
_PERMUTED = {
    "within-donor": "labels, within each donor",
    "free": "labels, over all samples",
    "freedman-lane": "residuals of the model without region (Freedman-Lane)",
}


def covariates_used(settings: dict[str, Any]) -> list[str]:
    """Names of the covariates that stand in the model, asked for or not."""
    return [shorten(entry["name"]) for entry in settings.get("covariates") or [] if entry["outcome"] == USED]


def name_adjustment(settings: dict[str, Any], *, brief: bool = False) -> str:
    """What differences are adjusted for: "donor", "donor and hemisphere"; many covariates are counted where `brief`."""
    used = covariates_used(settings)
    if brief and len(join_words(used or [""])) > _MAX_COVARIATES:
        used = [count_of(len(used), "covariate")]
    return join_words(["donor", *used])


def name_collinear(settings: dict[str, Any]) -> str:
    """What region is collinear with in relabellings that have no F."""
    return "donor and covariates" if covariates_used(settings) else "donor"


def tested_genes(result: DifferentialExpression) -> pd.DataFrame:
    """The rows of the table that have a test."""
    return result.table[(result.table["status"] == "ok").to_numpy(dtype=bool)]


def higher_region(result: DifferentialExpression, diff: float | None) -> str:
    """Name of the region where a gene is higher, from its difference (region 1 minus region 2)."""
    if diff is None or math.isnan(diff) or diff == 0:
        return ""
    return result.region_names[0 if diff > 0 else 1]


def headline(result: DifferentialExpression) -> str:
    """What was found, as one sentence a person would write."""
    n_tested, significant = len(tested_genes(result)), result.significant
    first, second = (shorten(name) for name in result.region_names)
    if n_tested == 0:
        return f"No {result.unit} could be tested between {first} and {second}."
    if len(significant) == 0:
        return _tell_none(result, first, second)
    if n_tested == 1:
        return f"{_tell_direction(result, significant, than=True)}."
    alpha = f"{result.settings['arguments']['alpha']:g}"
    verb = "differs" if len(significant) == 1 else "differ"
    opening = (
        f"{format_count(len(significant))} of {count_of(n_tested, result.unit)} {verb} between {first} and {second}"
    )
    return f"{opening} (p_FWE \N{LESS-THAN OR EQUAL TO} {alpha}): {_tell_directions(result, significant)}."


def describe_samples(result: DifferentialExpression) -> str:
    """How many samples and donors the comparison rests on, as one sentence."""
    design = result.settings["design"]
    first, second = (shorten(name) for name in result.region_names)
    n_informative = design["n_informative_donors"]
    return (
        f"The comparison rests on {count_of(design['n_samples_1'], 'sample')} in {first} and "
        f"{design['n_samples_2']:,} in {second}, from {count_of(design['n_donors'], 'donor')}, of whom {n_informative} "
        f"{'has' if n_informative == 1 else 'have'} samples in both regions."
    )


def _tell_none(result: DifferentialExpression, first: str, second: str) -> str:
    best, label = tested_genes(result).iloc[0], shorten(result.labels[tested_genes(result).index[0]])
    alpha = f"{result.settings['arguments']['alpha']:g}"
    n_tested = len(tested_genes(result))
    if n_tested == 1:
        return (
            f"{label} does not differ significantly between {first} and {second} (p_FWE = {format_p(best['p_fwe'])})."
        )
    return (
        f"None of the {count_of(n_tested, result.unit)} tested differs significantly between {first} and {second} "
        f"(p_FWE \N{LESS-THAN OR EQUAL TO} {alpha}); the smallest p_FWE is {format_p(best['p_fwe'])} "
        f"({label})."
    )


def _tell_directions(result: DifferentialExpression, significant: pd.DataFrame) -> str:
    """Say for each region which genes are higher there."""
    sides = [significant[significant["diff"] > 0], significant[~(significant["diff"] > 0)]]
    sides.sort(key=lambda side: -len(side))
    return "; ".join(_tell_direction(result, side) for side in sides if len(side))


def _tell_direction(result: DifferentialExpression, genes: pd.DataFrame, *, than: bool = False) -> str:
    """Say of genes that are all higher in one region where that is, with their p-values."""
    first, second = (shorten(name) for name in result.region_names)
    here, there = (first, second) if genes["diff"].iloc[0] > 0 else (second, first)
    where = f"higher in {here} than in {there}" if than else f"higher in {here}"
    many = len(genes) > _MAX_NAMED
    named = genes.head(_N_EXAMPLES) if many else genes
    symbols = join_words([shorten(label) for label in result.labels[named.index]])
    shown = [format_p(p) for p in named["p_fwe"]]
    p_values = f"p_FWE = {shown[0]} each" if len(shown) > 1 == len(set(shown)) else f"p_FWE = {join_words(shown)}"
    if many:
        return f"{format_count(len(genes))} are {where}, first {symbols} ({p_values})"
    return f"{symbols} {'is' if len(genes) == 1 else 'are'} {where} ({p_values})"


def describe_resolution(settings: dict[str, Any]) -> str:
    """How fine the permutation p-values are, as one sentence."""
    permutation = settings["permutation"]
    if permutation["exhaustive"]:
        has_f = f" in which region is not collinear with {name_collinear(settings)}"
        return (
            f"All {format_count(count_relabellings(settings))} distinct relabellings"
            f"{has_f if permutation.get('n_collinear_redrawn') else ''} were tried, so that the p-values hold no "
            "random error."
        )
    m = permutation["n_permutations"]
    return (
        f"The p-values come from {format_count(m)} random relabellings, and are therefore multiples of 1/{m + 1:,} "
        f"({format_p(1 / (m + 1))})."
    )


def count_relabellings(settings: dict[str, Any]) -> int | None:
    """Distinct relabellings: those that this run enumerated, else those of its design, from which it drew."""
    permutation = settings["permutation"]
    of_design: int | None = settings["design"]["relabellings"].get(permutation["exchange"])
    if permutation["exhaustive"]:
        enumerated: int | None = permutation.get("n_permutations", of_design)
        return enumerated
    return of_design


def show_number(value: float | None, decimals: int = 2) -> str:
    """A number of the page, with a true minus sign; empty where there is none."""
    return format_number(value, decimals).replace("-", "\N{MINUS SIGN}")


def tell_several(settings: dict[str, Any]) -> str:
    """What a pair that was compared among others says of them, in sentences; empty where it stands alone."""
    several = settings.get("several")
    if not several:
        return ""
    unit = "probe" if settings["arguments"]["probes"] == "single" else "gene"
    limit = f"p_Holm \N{LESS-THAN OR EQUAL TO} {settings['arguments']['alpha']:g}"
    n, names = several["n_significant"], [shorten(label) for label in several["significant"][:_MAX_NAMED]]
    found = f"{count_of(n, unit)} of this pair {'is' if n == 1 else 'are'}" if n else f"no {unit} of this pair is"
    named = f": {join_words(names)}" if n and n <= _MAX_NAMED else ""
    return (
        f"This is one of {count_of(several['n_pairs'], 'pair')} among {len(several['regions'])} regions that were "
        f"compared together, and its p-values are corrected over the {unit}s of this pair alone. Corrected over all "
        f"{unit}s of all pairs, {found} significant ({limit}){named}."
    )


def tell_permuted(exchange: str) -> str:
    """What is permuted, in words."""
    return _PERMUTED.get(exchange, exchange)


def find_smallest_p(settings: dict[str, Any]) -> float:
    """Smallest p that this run could give; older results know that of the design, and how many they drew."""
    permutation = settings["permutation"]
    if (of_run := permutation.get("smallest_p")) is not None:
        return float(of_run)
    by_design = settings["design"]["smallest_p"].get(permutation["exchange"]) or 0.0
    by_number = 0.0 if permutation["exhaustive"] else 1 / (permutation["n_permutations"] + 1)
    return float(max(by_design, by_number))
