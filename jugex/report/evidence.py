"""How far to trust each gene: the evidence beside its main p-value, as tables of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from jugex._text import count_of, format_p, join_words
from jugex.errors import JugexError
from jugex.model.record import RunRecord
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.details import make_details
from jugex.pipeline.diagnostics import POOR_FIT
from jugex.pipeline.sensitivity import name_choices
from jugex.report.summary import format_value
from jugex.stats.design import LabelExchange

__all__ = [
    "bound_q", "find_exchanges", "summarize_share", "tabulate_details", "tabulate_evidence", "tabulate_left_out",
    "tabulate_sensitivity",
]  # fmt: skip

_EXCHANGES: tuple[LabelExchange, ...] = ("within-donor", "free")
_MOST_GENES_VARIED = 20
_FEWEST_GENES_OF_A_SHARE = 100


def tabulate_evidence(data: ComparisonData, genes: Sequence[str]) -> dict[str, Any]:
    """Evidence for some genes of two regions.

    Parameters
    ----------
    data : ComparisonData
    genes : sequence of str
        Genes to show, in order.

    Returns
    -------
    dict
        `rows`, each a dict of texts; `has_ladder`, whether an upper rung was tested; `why_not`, why a rung was not
        tested; `share`, what share of all genes differs nominally; `places`, the same between arbitrary places; and
        `fit`, how well the curves behind the upper rungs fit.
    """
    shown, ladder = data.tested.loc[list(genes)], data.record.ladder
    reasons = {} if ladder is None else {"donors": ladder.why_no_donors, "spatial": ladder.why_no_spatial}
    return {
        "rows": [
            _format_evidence(str(gene), row, data) for gene, row in zip(genes, shown.to_dict("records"), strict=True)
        ],
        "has_ladder": bool(shown[["p_donors", "p_spatial"]].notna().to_numpy().any()),
        "why_not": {rung: reason for rung, reason in reasons.items() if reason is not None},
        "share": summarize_share(data.record),
        "places": _summarize_places(data.record),
        "fit": _summarize_fit(data.record),
    }


def _format_evidence(gene: str, row: dict[Any, Any], data: ComparisonData) -> dict[str, str]:
    """The evidence for one gene, as texts."""
    record = data.record
    shown = find_exchanges(record, gene, row["p_fwe"])
    n_same, n_both = row["n_donors_same_sign"], row["n_donors_both"]
    return {
        "gene": gene,
        "evidence": "" if pd.isna(row["evidence"]) else str(row["evidence"]),
        "within_donor": shown["within-donor"],
        "free": shown["free"],
        "p_donors": _p(row["p_donors_fwe"]),
        "p_spatial": _p(row["p_spatial_fwe"]),
        "diff_donors": format_value(row["diff_donors"]),
        "ci_donors": _format_ends(row["ci_donors_low"], row["ci_donors_high"]),
        "same_sign": "" if pd.isna(n_same) else f"{n_same} of {n_both}",
        "probe_r": format_value(row["probe_r"]),
        "sd_ratio": format_value(row["sd_ratio"]),
    }


def find_exchanges(record: RunRecord, gene: str, p_fwe: float) -> dict[LabelExchange, str]:
    """Corrected p of a gene with labels permuted in either way, as texts: those tried, and empty where not known."""
    known = {record.permutation.exchange: p_fwe, **record.exchanges.p_fwe.get(gene, {})}
    tried = record.exchanges.n_significant
    return {
        exchange: _p(known.get(exchange)) or (f"> {record.arguments.alpha:g}" if exchange in tried else "")
        for exchange in _EXCHANGES
    }


def _format_ends(low: float, high: float) -> str:
    ends = [format_value(end) for end in (low, high)]
    return f"{ends[0]} to {ends[1]}" if all(ends) else ""


def _summarize_places(record: RunRecord) -> str:
    """Share of genes with a small p between arbitrary places of the tissue, for each rung of the ladder."""
    diagnostic = None if record.ladder is None else record.ladder.diagnostic
    if diagnostic is None:
        return ""
    samples, donors, spatial = (
        f"{100 * share:.1f} %" for share in (diagnostic.samples, diagnostic.donors, diagnostic.spatial)
    )
    return (
        f"What a p is worth here: between {diagnostic.n_places:,} arbitrary pairs of places of this tissue, as large "
        f"and as far apart as these regions, the p over samples is at most {diagnostic.alpha:g} for {samples} of the "
        f"genes, the p over donors for {donors}, and the spatial p for {spatial}."
    )


def _summarize_fit(record: RunRecord) -> str:
    """The reference of the upper rungs, and how well the variogram curves fit; empty if there is no variogram."""
    ladder = record.ladder
    if ladder is None or ladder.variogram is None:
        return ""
    rungs = (("donors", ladder.variogram), ("spatial", ladder.variogram_spatial))
    deviations = [
        f"{100 * float(np.abs(variogram.deviations).max()):.0f} % ({rung})"
        for rung, variogram in rungs
        if variogram is not None
    ]
    sides = " and ".join(ladder.sides)
    tissue = "the reference" if ladder.tissue is None else f"{sides} {ladder.tissue}".strip()
    shared = f" combined over {count_of(ladder.n_pool, record.unit)} of the atlas,"
    pooled = "" if ladder.form == "few-genes" else shared
    return (
        f"The upper rungs rest on the variogram, that is, how much two samples differ, given their distance,{pooled} "
        f"in {ladder.n_reference:,} samples of {tissue} ({ladder.n_elsewhere:,} outside the regions). The more the "
        f"shared pattern grows with distance, the more any two places differ. The curves fit to within "
        f"{join_words(deviations)} at every distance; above {100 * POOR_FIT:.0f} % the page warns."
    )


def tabulate_left_out(data: ComparisonData, genes: Sequence[str]) -> dict[str, Any]:
    """p_fwe of the significant ones of some genes without each donor, as texts.

    Returns
    -------
    dict
        `donors`, and `rows`: the gene, and for each donor the gene's p_fwe without that donor and whether it is no
        longer significant.
    """
    table = data.leave_one_donor_out
    table = table.assign(label=label_rows(table)) if len(table) else table.assign(label=[])
    donors, alpha = list(pd.unique(table["left_out"])), data.record.arguments.alpha
    rows = []
    for gene in genes:
        of_gene = table[(table["label"] == gene).to_numpy(dtype=bool)].set_index("left_out")["p_fwe"]
        if len(of_gene):
            rows.append((gene, [(_p(of_gene[donor]) or "no test", not of_gene[donor] <= alpha) for donor in donors]))
    return {"donors": donors, "rows": rows, "any_lost": any(is_lost for _, cells in rows for _, is_lost in cells)}


def tabulate_details(data: ComparisonData, genes: Sequence[str]) -> list[dict[str, str]]:
    """Intervals and further corrections of some genes, as texts; see `DifferentialExpression.details`."""
    by_label = {label: place for place, label in enumerate(data.labels)}
    places = [by_label[gene] for gene in genes]
    try:
        details = make_details(data, places)
    except JugexError:  # two regions with the same name: the samples do not say in which one they lie
        return []
    shown = zip(genes, data.table.iloc[places].to_dict("records"), details.to_dict("records"), strict=True)
    return [_format_details(gene, row, of_gene) for gene, row, of_gene in shown]


def _format_details(gene: str, row: dict[Any, Any], details: dict[Any, Any]) -> dict[str, str]:
    def between(column: str, show: Callable[[Any], str]) -> str:
        ends = ["0" if details[end] == 0 else show(details[end]) for end in (f"{column}_low", f"{column}_high")]
        return f"{ends[0]} to {ends[1]}" if all(ends) else ""

    texts = {
        "gene": gene,
        "p_fwe": between("p_fwe", _p),
        "p_perm": between("p_perm", _p),
        "hedges_g": format_value(row["hedges_g"]),
        "hedges_g_interval": between("hedges_g", format_value),
        "partial_eta_sq": format_value(row["partial_eta_sq"]),
        "partial_eta_sq_interval": between("partial_eta_sq", format_value),
        "p_fwe_stepdown": _p(row["p_fwe_stepdown"]),
        "q_fdr": _p(row["q_fdr"]),
        "q_fdr_by": _p(details["q_fdr_by"]),
        "q_fdr_parametric": _p(details["q_fdr_parametric"]),
    }
    return texts | {column: _p(row[column]) for column in ("p_fwe_tail", "p_perm_tail") if column in row}


def tabulate_sensitivity(sensitivity: pd.DataFrame | None, genes: Sequence[str]) -> dict[str, Any] | None:
    """The comparison under other choices, as texts; None if it was not asked for.

    Parameters
    ----------
    sensitivity : DataFrame or None
        What `jugex.pipeline.sensitivity.vary_choices` returned.
    genes : sequence of str
        Genes to show first.

    Returns
    -------
    dict or None
        `rows`; `n_left_out`, the number of genes left out; `left_out`, what was not varied, and why.
    """
    if sensitivity is None:
        return None
    known = list(dict.fromkeys(sensitivity["gene"]))
    symbols = [gene.split(" ")[0] for gene in genes]
    wanted = sorted(known, key=lambda gene: symbols.index(gene) if gene in symbols else len(symbols))
    shown = wanted[:_MOST_GENES_VARIED]
    rows = [
        _format_choice(row)
        for gene in shown
        for row in sensitivity[(sensitivity["gene"] == gene).to_numpy()].to_dict("records")
    ]
    return {
        "rows": rows,
        "n_left_out": len(known) - len(shown),
        "left_out": dict(sensitivity.attrs.get("left_out", {})),
    }


def _format_choice(row: dict[Any, Any]) -> dict[str, Any]:
    ok = row["status"] == "ok"
    return {
        "gene": f"{row['gene']} {row['probe_name']}" if row.get("probe_name") else row["gene"],
        "choice": name_choices(row),
        "is_headline": bool(row["is_headline"]),
        "samples": f"{row['n_samples_1']} and {row['n_samples_2']}" if ok else "",
        "diff": format_value(row["diff"]),
        "p_perm": _p(row["p_perm"]),
        "p_fwe": _p(row["p_fwe"]),
        "status": "" if ok else str(row["status"]),
    }


def summarize_share(record: RunRecord) -> str:
    """What share of all genes of the atlas has a small p, compared with what chance would give."""
    background, unit = record.background, record.unit
    if background.share is None:
        why = background.why_not or "no gene of the atlas could be tested"
        return f"It is not known how many of all genes of the atlas differ between these regions: {why}."
    if background.n_genes < _FEWEST_GENES_OF_A_SHARE:
        return (
            f"Only {count_of(background.n_genes, unit)} of this atlas can be tested: too few to say how many differ "
            "between these regions in general."
        )
    return (
        f"{100 * background.share:.1f} % of all {background.n_genes:,} {unit}s of the atlas that can be tested have "
        f"p \N{LESS-THAN OR EQUAL TO} {background.p_perm:g} before any correction, by "
        f"{count_of(background.n_permutations, 'relabelling')}; if the regions did not differ, about "
        f"{100 * background.p_perm:.0f} % would. Where expression changes smoothly from place to place, neighbouring "
        "regions exceed that without any difference between areas."
    )


def bound_q(data: ComparisonData) -> dict[str, str]:
    """Smallest possible q at the smallest p of this run, as texts; empty if it is below alpha."""
    smallest, n = data.record.permutation.smallest_p, data.record.genes.n_tested
    bh, by = n * smallest, n * smallest * sum(1 / rank for rank in range(1, n + 1))
    if by <= data.record.arguments.alpha:
        return {}
    return {"p": format_p(smallest), "n": count_of(n, data.unit), "bh": format_p(bh), "by": format_p(by)}


def _p(value: Any) -> str:
    return "" if value is None or pd.isna(value) else format_p(float(value))
