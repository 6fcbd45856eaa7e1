"""Numbers and sentences of the report: the same wording wherever a result is told in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = [
    "count_of", "describe_samples", "format_count", "format_number", "format_p", "headline", "higher_region",
    "join_words", "shorten", "tested_genes",
]  # fmt: skip

#: Genes named one by one in the headline, per direction; beyond, the first few stand for all.
_MAX_NAMED = 5
_N_EXAMPLES = 3
_MAX_NAME = 60


def format_p(p: float | None, *, aligned: bool = False) -> str:
    """A p-value with three significant digits, zeros at the end where `aligned`; never 0, and empty for none."""
    if p is None or math.isnan(p):
        return ""
    return "< 1e-300" if p < 1e-300 else (f"{p:#.3g}" if aligned else f"{p:.3g}")


def format_number(value: float | None, decimals: int = 2) -> str:
    """A number with fixed decimals; empty where there is none."""
    if value is None or math.isnan(value):
        return ""
    if not math.isfinite(value) or abs(value) >= 1e6:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"


def format_count(n: float | None) -> str:
    """A count with thousands separators; in powers of ten where it has more than 15 digits."""
    if n is None:
        return "unknown"
    if n < 10**15:
        return f"{int(n):,}"
    exponent = math.floor(math.log10(n))  # of an int of any size: no overflow
    return f"about {10 ** (math.log10(n) - exponent):.1f}e{exponent}"


def count_of(n: int, noun: str) -> str:
    """A count and its noun: "1 gene", "15,633 genes"."""
    return f"{format_count(n)} {noun}" if n == 1 else f"{format_count(n)} {noun}s"


def join_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shorten(text: str, limit: int = _MAX_NAME) -> str:
    """Text on one line of at most `limit` characters."""
    text = " ".join(str(text).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


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
    m = permutation["n_permutations"]
    exchange = permutation["exchange"]
    if permutation["exhaustive"]:
        n = settings["design"]["relabellings"].get(exchange, m)
        return f"All {format_count(n)} distinct relabellings were enumerated, so p-values carry no Monte Carlo error."
    return (
        f"The p-values come from {format_count(m)} random relabellings and are multiples of 1/{m + 1:,} "
        f"({format_p(1 / (m + 1))})."
    )
