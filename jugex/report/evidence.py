"""How far to trust each gene: the evidence beside its headline p-value, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex.report.words import format_number, format_p

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["tabulate_evidence"]

_SCHEMES = ("within-donor", "free")


def tabulate_evidence(result: DifferentialExpression, genes: Sequence[str]) -> dict[str, Any]:
    """Evidence for some genes.

    Parameters
    ----------
    result : DifferentialExpression
    genes : sequence of str
        Genes to show, in order.

    Returns
    -------
    dict
        `rows`, each a dict of texts, and `boundary`: how the border was compared with others, or why not.
    """
    shown = result.table[result.labels.isin(genes).to_numpy()]
    rows = {label: row for label, (_, row) in zip(result.labels[shown.index], shown.iterrows(), strict=True)}
    p_fwe = result.settings.get("exchanges", {}).get("p_fwe", {})
    return {
        "rows": [_describe_gene(gene, rows[gene], p_fwe.get(gene, {}), result) for gene in genes],
        "boundary": result.settings.get("boundary"),
        "smallest_p_donor": format_p(2 / 2 ** max(result.settings["design"]["n_informative_donors"], 1)),
    }


def _describe_gene(
    label: str, row: pd.Series[Any], p_fwe: dict[str, float], result: DifferentialExpression
) -> dict[str, str]:
    chosen = result.settings["permutation"]["exchange"]
    known = {chosen: row["p_fwe"], **p_fwe}
    interval = [_number(row[end]) for end in ("ci_donors_low", "ci_donors_high")]
    return {
        "gene": label,
        **{scheme.replace("-", "_"): _p(known.get(scheme)) or "above alpha" for scheme in _SCHEMES},
        "donors_same_sign": "" if pd.isna(row["donors_same_sign"]) else str(row["donors_same_sign"]),
        "p_donor": _p(row["p_donor"]),
        "diff_donors": _number(row["diff_donors"]),
        "interval": f"{interval[0]} to {interval[1]}" if all(interval) else "",
        "carried_by": "" if pd.isna(row["carried_by"]) else str(row["carried_by"]),
        "p_boundary": _p(row["p_boundary"]),
        "probe_r": _number(row["probe_r"]),
        "sd_ratio": _number(row["sd_ratio"]),
    }


def _p(value: Any) -> str:
    return "" if value is None or pd.isna(value) else format_p(float(value), aligned=True)


def _number(value: Any) -> str:
    return "" if pd.isna(value) else format_number(float(value), 2)
