"""How far to trust each gene: the evidence beside its headline p-value, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from jugex._text import count_of, format_p
from jugex.analysis.donors import DECISIVE_SHARE, FEWEST_CARRIERS
from jugex.errors import JugexError
from jugex.report.words import find_smallest_p, show_number, tested_genes

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["floor_of_q", "tabulate_details", "tabulate_evidence", "tabulate_left_out", "tabulate_sensitivity"]

_SCHEMES = ("within-donor", "free")
# testing again without each donor takes as long as the run itself: seconds for this many genes, minutes for the genome
_MOST_RETESTED = 1000
_MOST_GENES_VARIED = 20
_FEWEST_GENES_OF_A_SHARE = 100


def tabulate_evidence(
    result: DifferentialExpression, genes: Sequence[str], left_out: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Evidence for some genes.

    Parameters
    ----------
    result : DifferentialExpression
    genes : sequence of str
        Genes to show, in order.
    left_out : dict, optional
        As of `tabulate_left_out`: which donor a gene cannot do without.

    Returns
    -------
    dict
        `rows`, each a dict of texts, and `boundary`: how the border was compared with others, or why not.
    """
    shown = result.table[result.labels.isin(genes).to_numpy()]
    rows = {label: row for label, (_, row) in zip(result.labels[shown.index], shown.iterrows(), strict=True)}
    p_fwe = result.settings.get("exchanges", {}).get("p_fwe", {})
    without = (left_out or {}).get("p_fwe", {})
    return {
        "rows": [
            _describe_gene(gene, rows[gene], p_fwe.get(gene, {}), result)
            | {"holds": _tell_whether_it_holds(rows[gene], result, without.get(gene, {}))}
            for gene in genes
        ],
        "boundary": result.settings.get("boundary"),
        "smallest_p_donor": format_p(2 / 2 ** max(result.settings["design"]["n_informative_donors"], 1)),
        "share": _tell_share(result),
    }


def tabulate_details(result: DifferentialExpression, genes: Sequence[str]) -> list[dict[str, str]]:
    """Intervals and further corrections of some genes, as texts; see `DifferentialExpression.details`."""
    try:
        details = result.details()
    except (JugexError, KeyError):  # settings of an earlier version
        return []
    labels = list(result.labels)
    places = [labels.index(gene) for gene in genes]
    return [
        _describe_details(gene, result.table.iloc[place], details.iloc[place])
        for gene, place in zip(genes, places, strict=True)
    ]


def tabulate_left_out(result: DifferentialExpression, genes: Sequence[str]) -> dict[str, Any]:
    """p_fwe of some genes without each donor, as texts; or why there are none.

    Returns
    -------
    dict
        `donors`, `rows` (the gene, and for each donor its p_fwe without that one, and what that changes: "", "lost" or
        "gained"), `changes` (those that there are), `p_fwe` (by gene and donor), and `why_not`.
    """
    from jugex.analysis.donor_tables import leave_one_donor_out

    n_tested = len(tested_genes(result))
    empty: dict[str, Any] = {"donors": [], "rows": [], "changes": set(), "p_fwe": {}}
    if not genes:
        return empty | {"why_not": "no gene is drawn"}
    if n_tested > _MOST_RETESTED:
        return empty | {
            "why_not": f"testing {count_of(n_tested, result.unit)} again without each donor takes as long as the "
            "comparison itself; result.leave_one_donor_out() does it in Python"
        }
    try:
        table = leave_one_donor_out(result, list(genes))
    except JugexError as error:
        return empty | {"why_not": str(error)}
    labels = table["gene"] if "probe_name" not in table else table["gene"] + " " + table["probe_name"]
    wide = table.assign(label=labels).pivot(index="label", columns="left_out", values="p_fwe")
    donors = list(pd.unique(table["left_out"]))
    alpha, significant = result.settings["arguments"]["alpha"], set(result.labels[result.significant.index])
    rows = [
        (gene, [_tell_change(wide.loc[gene, donor], alpha, gene in significant) for donor in donors]) for gene in genes
    ]
    p_fwe = {gene: {donor: wide.loc[gene, donor] for donor in donors} for gene in genes}
    changes = {change for _, cells in rows for _, change in cells if change}
    return {"donors": donors, "rows": rows, "changes": changes, "p_fwe": p_fwe, "why_not": None}


def _tell_change(p: float, alpha: float, is_significant: bool) -> tuple[str, str]:
    """p_fwe without a donor as text, and whether the gene loses or gains its significance without that one."""
    if pd.isna(p) or (p <= alpha) == is_significant:
        return _p(p) or "no test", ""
    return _p(p), "lost" if is_significant else "gained"


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


def _tell_whether_it_holds(row: pd.Series[Any], result: DifferentialExpression, without: dict[str, float]) -> str:
    """Whether a significant gene holds without any one donor; if not, which condition of `judge_carriers` fails."""
    alpha, design = result.settings["arguments"]["alpha"], result.settings["design"]
    if pd.isna(row["carried_by"]):
        return ""
    if not row["p_fwe"] <= alpha:
        return "not significant"
    if row["carried_by"] == "several":
        return "yes"
    heaviest = max(design["donors"], key=lambda donor: donor["weight"])
    share = heaviest["weight"] / (sum(donor["weight"] for donor in design["donors"]) or 1.0)
    n_informative = design["n_informative_donors"]
    n_same = str(row["donors_same_sign"]).split("/")[0]
    worst = max(without, key=lambda donor: without[donor] if without[donor] > alpha else 0.0, default=None)
    if n_informative < FEWEST_CARRIERS:
        return f"cannot be told: {count_of(n_informative, 'donor')} with both regions"
    if share >= DECISIVE_SHARE:
        return f"cannot be told: {100 * share:.0f} % of the weight is that of {heaviest['donor_name']}"
    if n_same != str(n_informative):
        return f"no: {n_same} of {n_informative} donors have this sign"
    if worst is not None and without[worst] > alpha:
        return f"no: without {worst} p_FWE is {format_p(without[worst])} (fewer samples, less power)"
    return "no: not significant without one of the donors (fewer samples, less power)"


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
    interval = [_number(row[end]) for end in ("ci_donors_low", "ci_donors_high")]
    return {
        "gene": label,
        **{
            scheme.replace("-", "_"): _p(known.get(scheme)) or f"> {result.settings['arguments']['alpha']:g}"
            for scheme in _SCHEMES
        },
        "donors_same_sign": "" if pd.isna(row["donors_same_sign"]) else str(row["donors_same_sign"]),
        "p_donor": _p(row["p_donor"]),
        "diff_donors": _number(row["diff_donors"]),
        "interval": f"{interval[0]} to {interval[1]}" if all(interval) else "",
        "p_boundary": _p(row["p_boundary"]),
        "probe_r": _number(row["probe_r"]),
        "sd_ratio": _number(row["sd_ratio"]),
    }


def _p(value: Any) -> str:
    return "" if value is None or pd.isna(value) else format_p(float(value))


def _number(value: Any) -> str:
    return "" if pd.isna(value) else show_number(float(value), 2)


def _interval(low: Any, high: Any, show: Any) -> str:
    ends = ["0" if end == 0 else show(end) for end in (low, high)]
    return f"{ends[0]} to {ends[1]}" if all(ends) else ""
