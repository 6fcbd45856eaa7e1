"""How far to trust each gene: the evidence beside its headline p-value, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex._text import count_of, format_p
from jugex.analysis.details import make_details
from jugex.errors import JugexError
from jugex.report.words import find_smallest_p, show_number, tested_genes

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["floor_of_q", "tabulate_details", "tabulate_evidence", "tabulate_left_out", "tabulate_sensitivity"]

_SCHEMES = ("within-donor", "free")
_MOST_GENES_VARIED = 20
_FEWEST_GENES_OF_A_SHARE = 100


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
        `rows`, each a dict of texts, and `share`: how many of all genes have a small p.
    """
    shown = result.table[result.labels.isin(genes).to_numpy()]
    rows = {label: row for label, (_, row) in zip(result.labels[shown.index], shown.iterrows(), strict=True)}
    p_fwe = result.settings.get("exchanges", {}).get("p_fwe", {})
    return {
        "rows": [_describe_gene(gene, rows[gene], p_fwe.get(gene, {}), result) for gene in genes],
        "share": _tell_share(result),
    }


def tabulate_details(result: DifferentialExpression, genes: Sequence[str]) -> list[dict[str, str]]:
    """Intervals and further corrections of some genes, as texts; see `DifferentialExpression.details`."""
    by_label = {label: place for place, label in enumerate(result.labels)}
    places = [by_label[gene] for gene in genes]
    try:
        details = make_details(result, places)
    except (JugexError, KeyError):  # settings of an earlier version
        return []
    return [
        _describe_details(gene, result.table.iloc[place], details.iloc[row])
        for row, (gene, place) in enumerate(zip(genes, places, strict=True))
    ]


def tabulate_left_out(result: DifferentialExpression, genes: Sequence[str]) -> dict[str, Any]:
    """p_fwe of the significant ones of some genes without each donor, as texts.

    Returns
    -------
    dict
        `donors`; `rows`, each the gene and, for each donor, its p_fwe without that one and whether it is no longer
        significant; and `is_any_lost`, whether one is not.
    """
    table, alpha = result.leave_one_donor_out, result.settings["arguments"]["alpha"]
    labels = table["gene"] if "probe_name" not in table else table["gene"] + " " + table["probe_name"]
    by_gene = dict(list(table.groupby(labels, sort=False)))
    rows = [
        (gene, [(_p(p) or "no test", bool(p > alpha)) for p in by_gene[gene]["p_fwe"]])
        for gene in genes
        if gene in by_gene
    ]
    return {
        "donors": list(pd.unique(table["left_out"])),
        "rows": rows,
        "is_any_lost": any(is_lost for _, cells in rows for _, is_lost in cells),
    }


def tabulate_sensitivity(sensitivity: pd.DataFrame | None, genes: Sequence[str]) -> dict[str, Any] | None:
    """The comparison under other choices, as texts; None where nobody asked for it.

    Parameters
    ----------
    sensitivity : DataFrame or None
        What `jugex.sensitivity.sensitivity` returned.
    genes : sequence of str
        Genes to show first.

    Returns
    -------
    dict or None
        `rows`, how many genes are left out, and what was not varied, and why.
    """
    if sensitivity is None:
        return None
    known = list(dict.fromkeys(sensitivity["gene"]))
    symbols = [gene.split(" ")[0] for gene in genes]
    wanted = sorted(known, key=lambda gene: symbols.index(gene) if gene in symbols else len(symbols))
    shown = wanted[:_MOST_GENES_VARIED]
    rows = [
        _describe_choice(row)
        for gene in shown
        for row in sensitivity[(sensitivity["gene"] == gene).to_numpy()].to_dict("records")
    ]
    return {
        "rows": rows,
        "n_left_out": len(known) - len(shown),
        "left_out": dict(sensitivity.attrs.get("left_out", {})),
    }


def _tell_share(result: DifferentialExpression) -> str:
    """How many of all genes have a small p, beside what chance would give."""
    background = result.settings.get("background")
    if background is None or not background["n_genes"]:  # a result of an earlier version, or an atlas of few genes
        why = "the result is of an earlier version" if background is None else background["why_not"]
        return f"How many of all genes of the atlas differ between these regions is not known: {why}."
    if background["n_genes"] < _FEWEST_GENES_OF_A_SHARE:
        return (
            f"Only {count_of(background['n_genes'], result.unit)} of this atlas can be tested: too few to say how many "
            "differ between these regions in general."
        )
    return (
        f"{100 * background['share']:.1f} % of all {background['n_genes']:,} {result.unit}s of the atlas that can be "
        f"tested have p \N{LESS-THAN OR EQUAL TO} {background['p_perm']:g} before any correction, by "
        f"{count_of(background['n_permutations'], 'relabelling')}; if the regions differed in nothing, about "
        f"{100 * background['p_perm']:.0f} % would. Neighbouring regions exceed that without any difference between "
        "areas, where expression changes smoothly from place to place."
    )


def floor_of_q(result: DifferentialExpression) -> dict[str, str]:
    """How small q can be where p is the smallest of this run, as texts; empty where that is no hindrance."""
    smallest, n = find_smallest_p(result.settings), len(tested_genes(result))
    bh, by = n * smallest, n * smallest * sum(1 / rank for rank in range(1, n + 1))
    if by <= result.settings["arguments"]["alpha"]:
        return {}
    return {"p": format_p(smallest), "n": count_of(n, result.unit), "bh": format_p(bh), "by": format_p(by)}


def _describe_details(gene: str, row: pd.Series[Any], details: pd.Series[Any]) -> dict[str, str]:
    texts = {
        "gene": gene,
        "p_fwe": _interval(details["p_fwe_low"], details["p_fwe_high"], _p),
        "p_perm": _interval(details["p_perm_low"], details["p_perm_high"], _p),
        "hedges_g": _number(row["hedges_g"]),
        "hedges_g_interval": _interval(details["hedges_g_low"], details["hedges_g_high"], _number),
        "partial_eta_sq": _number(row["partial_eta_sq"]),
        "partial_eta_sq_interval": _interval(details["partial_eta_sq_low"], details["partial_eta_sq_high"], _number),
        "p_fwe_stepdown": _p(row["p_fwe_stepdown"]),
        "q_fdr": _p(row["q_fdr"]),
        "q_fdr_by": _p(details["q_fdr_by"]),
        "q_fdr_parametric": _p(details["q_fdr_parametric"]),
    }
    tails = {column: _p(row[column]) for column in ("p_fwe_tail", "p_perm_tail") if column in row.index}
    return texts | tails


def _describe_choice(row: dict[str, Any]) -> dict[str, Any]:
    varied = [] if row["is_headline"] else str(row["varied"]).split(", ")
    changed = ", ".join(f"{name} {row[name]:g}" if name == "threshold" else f"{name} {row[name]}" for name in varied)
    ok = row["status"] == "ok"
    return {
        "gene": f"{row['gene']} {row['probe_name']}" if row.get("probe_name") else row["gene"],
        "choice": "as in the result" if row["is_headline"] else changed,
        "is_headline": bool(row["is_headline"]),
        "samples": f"{row['n_samples_1']} and {row['n_samples_2']}" if ok else "",
        "diff": _number(row["diff"]),
        "p_perm": _p(row["p_perm"]),
        "p_fwe": _p(row["p_fwe"]),
        "status": "" if ok else str(row["status"]),
    }


def _describe_gene(
    label: str, row: pd.Series[Any], p_fwe: dict[str, float], result: DifferentialExpression
) -> dict[str, str]:
    chosen = result.settings["permutation"]["exchange"]
    known = {chosen: row["p_fwe"], **p_fwe}
    return {
        "gene": label,
        **{
            scheme.replace("-", "_"): _p(known.get(scheme)) or f"> {result.settings['arguments']['alpha']:g}"
            for scheme in _SCHEMES
        },
        "same_sign": "" if pd.isna(row["n_donors_same_sign"]) else _tell_same_sign(row),
        "probe_r": _number(row["probe_r"]),
        "sd_ratio": _number(row["sd_ratio"]),
    }


def _tell_same_sign(row: pd.Series[Any]) -> str:
    return f"{row['n_donors_same_sign']} of {row['n_donors_both']}"


def _p(value: Any) -> str:
    return "" if value is None or pd.isna(value) else format_p(float(value))


def _number(value: Any) -> str:
    return "" if pd.isna(value) else show_number(float(value), 2)


def _interval(low: Any, high: Any, show: Any) -> str:
    ends = ["0" if end == 0 else show(end) for end in (low, high)]
    return f"{ends[0]} to {ends[1]}" if all(ends) else ""
