"""Cards of genes in the report: which genes have one from the start, and the numbers that stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from jugex._text import count_of, format_number, format_p, shorten
from jugex.report.words import higher_region, tested_genes

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["MAX_REQUESTED", "MAX_SIGNIFICANT", "GeneGroup", "choose_genes", "describe_cards"]

MAX_SIGNIFICANT = 50
MAX_REQUESTED = 200
N_BEST = 6


class GeneGroup(NamedTuple):
    """Genes that are drawn for one reason: a title, their labels, and how many are left out."""

    title: str
    genes: list[str]
    n_left_out: int


def choose_genes(result: DifferentialExpression) -> list[GeneGroup]:
    """Groups of genes to draw: the significant ones, the others asked for by name, else those with the smallest p.

    Parameters
    ----------
    result : DifferentialExpression

    Returns
    -------
    list of GeneGroup
        Those that hold a gene.
    """
    tested = tested_genes(result)
    tested = tested.assign(label=result.labels[tested.index])
    drawable = tested[tested["label"].isin(result.zscores.columns).to_numpy(dtype=bool)]
    is_significant = drawable["significant"].to_numpy(dtype=bool)
    significant, others = list(drawable.loc[is_significant, "label"]), list(drawable.loc[~is_significant, "label"])
    groups = [_limit("Significant genes", significant, MAX_SIGNIFICANT)]
    if result.settings["arguments"].get("genes") is not None:  # then these are all that were tested
        asked = significant[MAX_SIGNIFICANT:] + others
        title = "Other genes asked for" if significant else "Genes asked for, none significant"
        groups[0] = groups[0]._replace(n_left_out=0)
        groups.append(_limit(title, asked, MAX_REQUESTED))
    elif not significant:
        best = others[:N_BEST]
        groups.append(
            GeneGroup(f"The {count_of(len(best), result.unit)} with the smallest p_FWE, none significant", best, 0)
        )
    return [group for group in groups if group.genes]


def describe_cards(result: DifferentialExpression, groups: list[GeneGroup]) -> list[dict[str, Any]]:
    """Numbers of each gene of each group, in words.

    Parameters
    ----------
    result : DifferentialExpression
    groups : list of GeneGroup
        As of `choose_genes`.

    Returns
    -------
    list of dict
        Per group its `title`, `n_left_out`, and `cards`, each with the `row` of the gene in the table: the scripts of
        the page draw it from there.
    """
    rows = {label: row for row, label in enumerate(result.labels)}
    return [
        {**group._asdict(), "cards": [_describe_card(result, gene, rows[gene]) for gene in group.genes]}
        for group in groups
    ]


def _limit(title: str, genes: list[str], limit: int) -> GeneGroup:
    return GeneGroup(title, genes[:limit], max(len(genes) - limit, 0))


def _describe_card(result: DifferentialExpression, gene: str, place: int) -> dict[str, Any]:
    row = result.table.iloc[place]
    where = higher_region(result, _to_float(row["diff"]))
    return {
        "id": f"gene-{place}",
        "row": place,
        "gene": gene,
        "statistic": f"{_name_f(result, row)} = {format_number(_to_float(row['f']), 2)}",
        "p_fwe": format_p(_to_float(row["p_fwe"])),
        "diff": format_number(_to_float(row["diff"])),
        "interval": f"{format_number(_to_float(row['ci_low']))} to {format_number(_to_float(row['ci_high']))}",
        "higher": shorten(where, 30),
        "significant": bool(row["significant"]),
    }


def _name_f(result: DifferentialExpression, row: pd.Series[Any]) -> str:
    """F with its degrees of freedom; those of `welch` differ by gene and stand in no table."""
    if result.settings["arguments"]["statistic"] == "welch":
        return "F"
    return f"F(1, {format_number(_to_float(row['df_resid']), 0)})"


def _to_float(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
