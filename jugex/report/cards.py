"""Cards of genes in the report: which genes have one from the start, and the numbers that stand on it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from jugex._text import count_of, format_number, format_p, shorten
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.report.summary import format_value

__all__ = ["MAX_REQUESTED", "MAX_SIGNIFICANT", "GeneGroup", "choose_genes", "describe_cards"]

MAX_SIGNIFICANT = 50
MAX_REQUESTED = 200
N_BEST = 6


class GeneGroup(NamedTuple):
    """Genes that are drawn for one reason: a title, their labels, and how many are left out."""

    title: str
    genes: list[str]
    n_left_out: int


def choose_genes(result: ComparisonData, pairs_table: pd.DataFrame | None = None) -> list[GeneGroup]:
    """Groups of genes to draw: the significant ones, the others asked for by name, else those with the smallest p.

    Parameters
    ----------
    result : ComparisonData
    pairs_table : DataFrame, optional
        Of more than two regions: genes that differ in a pair only are a group as well.

    Returns
    -------
    list of GeneGroup
        Those that hold a gene.
    """
    tested, unit = result.tested, result.unit
    drawable = tested[tested.index.isin(result.zscores.columns)]
    significant = drawable.index[drawable["significant"].to_numpy(dtype=bool)].tolist()
    others = drawable.index[~drawable["significant"].to_numpy(dtype=bool)].tolist()
    groups = [_limit(f"Significant {unit}s", significant, MAX_SIGNIFICANT)]
    in_pairs: list[str] = []
    if pairs_table is not None:
        found = set(label_rows(pairs_table[pairs_table["significant"].to_numpy(dtype=bool)]))
        in_pairs = [gene for gene in others if gene in found]
        others = [gene for gene in others if gene not in found]
        title = f"{unit.capitalize()}s that differ in a pair of regions only"
        groups.append(_limit(title, in_pairs, MAX_SIGNIFICANT))
    if result.record.arguments.genes is not None:  # then these are all that were tested
        asked = significant[MAX_SIGNIFICANT:] + in_pairs[MAX_SIGNIFICANT:] + others
        none = not significant and not in_pairs
        title = f"{unit.capitalize()}s asked for, none significant" if none else f"Other {unit}s asked for"
        groups = [group._replace(n_left_out=0) for group in groups]
        groups.append(_limit(title, asked, MAX_REQUESTED))
    elif not significant and not in_pairs:
        best = others[:N_BEST]
        groups.append(GeneGroup(f"The {count_of(len(best), unit)} with the smallest p_FWE, none significant", best, 0))
    return [group for group in groups if group.genes]


def describe_cards(result: ComparisonData, groups: list[GeneGroup]) -> list[dict[str, Any]]:
    """Numbers of each gene of each group, in words.

    Parameters
    ----------
    result : ComparisonData
    groups : list of GeneGroup
        As of `choose_genes`.

    Returns
    -------
    list of dict
        Per group its `title`, `n_left_out`, and `cards`, each with the `row` of the gene in the table: the scripts of
        the page draw it from there.
    """
    places = {label: place for place, label in enumerate(result.labels)}
    rows = result.tested.loc[[gene for group in groups for gene in group.genes]].to_dict("index")
    return [
        {**group._asdict(), "cards": [_describe_card(result, gene, places[gene], rows[gene]) for gene in group.genes]}
        for group in groups
    ]


def _limit(title: str, genes: list[str], limit: int) -> GeneGroup:
    return GeneGroup(title, genes[:limit], max(len(genes) - limit, 0))


def _describe_card(result: ComparisonData, gene: str, place: int, row: dict[Any, Any]) -> dict[str, Any]:
    """Numbers of a gene in words."""
    card = {
        "id": f"gene-{place}",
        "row": place,
        "gene": gene,
        "statistic": f"{_name_f(result, row)} = {format_number(_to_float(row['f']), 2)}",
        "p_fwe": format_p(_to_float(row["p_fwe"])),
        "significant": bool(row["significant"]),
    }
    if len(result.region_names) == 2:
        ends = [format_value(row[end]) for end in ("ci_low", "ci_high")]
        higher = "" if pd.isna(row["higher_in"]) else f"higher in {shorten(str(row['higher_in']), 30)}"
        difference = f"difference {format_value(row['diff'])} ({ends[0]} to {ends[1]})"
        return card | {"numbers": [difference, *([higher] if higher and row["significant"] else [])]}
    means = [row[f"mean_{number}"] for number in range(1, len(result.region_names) + 1)]
    by_mean = sorted(zip(means, result.region_names, strict=True), key=lambda entry: -entry[0])
    (high, highest), (low, lowest) = by_mean[0], by_mean[-1]
    order = (
        f"mean highest in {shorten(highest, 30)} ({format_value(high)}), lowest in {shorten(lowest, 30)} "
        f"({format_value(low)})"
    )
    return card | {"numbers": [order]}


def _name_f(result: ComparisonData, row: dict[Any, Any]) -> str:
    """F with its degrees of freedom; those of `welch` differ by gene and stand in no table."""
    if result.record.arguments.statistic == "welch":
        return "F"
    df_resid = format_number(_to_float(row["df_resid"]), 0)
    return f"F({result.record.design.df_area}, {df_resid})"


def _to_float(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
