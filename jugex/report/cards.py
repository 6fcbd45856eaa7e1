"""Cards of genes in the report: which genes have a card from the start, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from jugex._text import count_of, format_number, format_p, join_words, shorten
from jugex.model.columns import RUNGS
from jugex.model.findings import GeneStanding
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.details import find_standings
from jugex.report.evidence import find_exchanges
from jugex.report.summary import format_value, has_ladder, name_adjustment, name_exchange

__all__ = ["MAX_REQUESTED", "MAX_SIGNIFICANT", "GeneGroup", "choose_genes", "describe_cards", "explain_standing"]

MAX_SIGNIFICANT = 50  # on all rungs
MAX_REQUESTED = 200
N_BEST = 6
#: Cards of single genes that are open from the start.
_N_OPEN = 1
_MOST_DONORS = 2  # named one by one without which a gene is not significant
_UNCORRECTED = "95 % interval, uncorrected"
_MATTERS = 0.25  # share of a difference above which its reason is named
_RUNG_TITLES = {
    "spatial": "that differ beyond what distance explains",
    "donors": "that would differ in other donors",
    "samples": "shown in these samples only",
}


class GeneGroup(NamedTuple):
    """Genes drawn under one title: their labels, and how many are left out."""

    title: str
    genes: list[str]
    n_left_out: int


def choose_genes(result: ComparisonData, pairs_table: pd.DataFrame | None = None) -> list[GeneGroup]:
    """Groups of genes to draw: the significant ones, the others asked for by name, else those with the smallest p.

    Parameters
    ----------
    result : ComparisonData
    pairs_table : DataFrame, optional
        For more than two regions: genes that differ in a pair only are a group as well.

    Returns
    -------
    list of GeneGroup
        Groups with at least one gene.
    """
    tested, unit = result.tested, result.unit
    drawable = tested[tested.index.isin(result.zscores.columns)]
    significant = drawable.index[drawable["significant"].to_numpy(dtype=bool)].tolist()
    others = drawable.index[~drawable["significant"].to_numpy(dtype=bool)].tolist()
    groups = [_limit(f"Significant {unit}s", significant, MAX_SIGNIFICANT)]
    if has_ladder(result.record):
        groups, on_rung = _group_by_rung(drawable, unit), drawable["evidence"].isin(RUNGS).to_numpy(dtype=bool)
        significant, others = drawable.index[on_rung].tolist(), drawable.index[~on_rung].tolist()
    none = "none on any rung" if has_ladder(result.record) else "none significant"
    in_pairs: list[str] = []
    if pairs_table is not None:
        found = set(label_rows(pairs_table[pairs_table["significant"].to_numpy(dtype=bool)]))
        in_pairs = [gene for gene in others if gene in found]
        others = [gene for gene in others if gene not in found]
        title = f"{unit.capitalize()}s that differ in a pair of regions only"
        groups.append(_limit(title, in_pairs, MAX_SIGNIFICANT))
    if result.record.arguments.genes is not None:  # then these are all that were tested
        shown = {gene for group in groups for gene in group.genes}
        asked = [gene for gene in significant + in_pairs + others if gene not in shown]
        title = f"Other {unit}s asked for" if significant or in_pairs else f"{unit.capitalize()}s asked for, {none}"
        groups = [group._replace(n_left_out=0) for group in groups]
        groups.append(_limit(title, asked, MAX_REQUESTED))
    elif not significant and not in_pairs:
        best = others[:N_BEST]
        groups.append(GeneGroup(f"The {count_of(len(best), unit)} with the smallest p_FWE, {none}", best, 0))
    return [group for group in groups if group.genes]


def describe_cards(result: ComparisonData, groups: list[GeneGroup]) -> list[dict[str, Any]]:
    """Texts of the card of each gene in each group.

    Parameters
    ----------
    result : ComparisonData
    groups : list of GeneGroup
        From `choose_genes`.

    Returns
    -------
    list of dict
        For each group its `title`, `n_left_out`, and `cards`. Each card has the `row` of the gene in the table, from
        which the scripts of the page draw it.
    """
    places = {label: place for place, label in enumerate(result.labels)}
    drawn = [gene for group in groups for gene in group.genes]
    rows, why = result.tested.loc[drawn].to_dict("index"), dict.fromkeys(drawn, "")
    if has_ladder(result.record) and drawn:
        tissue = "" if result.record.ladder is None else result.record.ladder.tissue or ""
        left_out = _find_left_out(result)
        why = {
            gene: explain_standing(standing, tissue, left_out.get(gene, {}))
            for gene, standing in zip(drawn, find_standings(result, drawn), strict=True)
        }
    is_open = set(drawn[:_N_OPEN])
    return [
        {
            **group._asdict(),
            "cards": [
                {
                    **_describe_card(result, gene, places[gene], rows[gene]),
                    "why": why[gene],
                    "is_open": gene in is_open,
                }
                for gene in group.genes
            ],
        }
        for group in groups
    ]


def _find_left_out(result: ComparisonData) -> dict[str, dict[str, float]]:
    """p_fwe of genes without each donor, where that could be tested."""
    table = result.leave_one_donor_out
    table = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    found: dict[str, dict[str, float]] = {}
    for label, donor, p in zip(label_rows(table) if len(table) else [], table["left_out"], table["p_fwe"], strict=True):
        found.setdefault(str(label), {})[str(donor)] = float(p)
    return found


def explain_standing(gene: GeneStanding, tissue: str = "", left_out: Mapping[str, float] | None = None) -> str:
    """Why a gene reaches its rung of the ladder and no higher one, on one line, and whether its donors agree.

    Parameters
    ----------
    gene : GeneStanding
    tissue : str
        The class of tissue around the regions, if known.
    left_out : dict of str to float, optional
        Corrected p over samples without each donor, if known.
    """
    apart = "this far" if gene.distance_mm is None else f"{gene.distance_mm:.0f} mm"
    places = f"two places {apart} apart in {tissue or 'this tissue'}"
    match gene.evidence:
        case "spatial":
            said = _explain_spatial(gene, places)
        case "donors":
            said = _explain_donors(gene, places)
        case "samples":
            said = _explain_samples(gene)
        case _:
            tried = {"p_FWE": gene.p_samples, "p_FWE donors": gene.p_donors, "p_FWE spatial": gene.p_spatial}
            listed = [f"{called} = {format_p(p)}" for called, p in tried.items() if p is not None]
            said = f"Reaches no rung: {join_words(listed)}."
    return said + _name_failed(gene) + _judge_donors(gene, left_out or {})


def _explain_spatial(gene: GeneStanding, places: str) -> str:
    opening = f"Differs by {_size(gene.diff)} over donors"
    if gene.between_places is None:
        return f"{opening}, which is more than {places} do."
    parts = [opening, f"{places} differ by {_size(gene.between_places)} on average", _describe_gradient(gene)]
    return "; ".join(part for part in parts if part) + "."


def _explain_donors(gene: GeneStanding, places: str) -> str:
    holds = "Holds in other donors" if _do_agree(gene) else "Significant over donors"
    opening = f"{holds} (difference {format_value(gene.diff)})"
    if gene.p_spatial is None or gene.beyond is None or gene.margin is None:
        return f"{opening}; whether it goes beyond what distance explains could not be tested."
    p, gradient = f"p_FWE spatial = {format_p(gene.p_spatial)}", _describe_gradient(gene)
    if gene.between_places is not None and gene.between_places >= _MATTERS * abs(gene.diff):
        anyway = f"{places} differ by {_size(gene.between_places)} on average anyway"
        return f"{opening}, not beyond distance ({p}): {'; '.join(part for part in (anyway, gradient) if part)}."
    if gradient:
        return f"{opening}, not beyond distance ({p}): {gradient}."
    many = " for so many genes" if abs(gene.beyond) > gene.margin else ""
    ends = " to ".join(format_value(gene.beyond + side * gene.margin) for side in (-1, 1))
    return (
        f"{opening}; beyond distance the evidence is too weak{many} ({p}): {format_value(gene.beyond)} "
        f"({_UNCORRECTED}: {ends})."
    )


def _explain_samples(gene: GeneStanding) -> str:
    if gene.ci_donors is None or gene.p_donors is None:
        return "Shown in these samples; whether other donors would show it could not be tested."
    low, high = (format_value(end) for end in gene.ci_donors)
    return (
        f"Shown in these samples only: over donors {format_value(gene.diff)} ({_UNCORRECTED}: {low} to {high}), p_FWE "
        f"donors = {format_p(gene.p_donors)}; {gene.n_same_sign} of {gene.n_donors_both} donors have its sign."
    )


def _name_failed(gene: GeneStanding) -> str:
    """Which rungs below the gene's own it does not reach."""
    below = {
        "spatial": (("over samples (p_FWE", gene.p_samples), ("over donors (p_FWE donors", gene.p_donors)),
        "donors": (("over samples (p_FWE", gene.p_samples),),
    }.get(gene.evidence, ())
    failed = [f"{called} = {format_p(p)})" for called, p in below if p is not None and p > gene.alpha]
    return f" It is not significant {join_words(failed, 'or')}." if failed else ""


def _do_agree(gene: GeneStanding) -> bool:
    """Whether the difference has the same sign in all donors with samples in both regions."""
    return gene.n_same_sign == gene.n_donors_both


def _judge_donors(gene: GeneStanding, left_out: Mapping[str, float]) -> str:
    """Whether the donors of a gene on a rung disagree, and without which of them it is not significant."""
    said = ""
    if gene.evidence in ("donors", "spatial") and not _do_agree(gene):
        look = "look at it without each donor" if left_out else "look at it donor by donor"
        said = (
            f" But the donors do not agree: {gene.n_same_sign} of {gene.n_donors_both} have the same sign as the "
            "result. How much donors vary is estimated over all genes tested, so that one donor can carry a gene, "
            f"above all where few genes are tested: {look}."
        )
    lost = {donor: p for donor, p in left_out.items() if p > gene.alpha}
    if gene.evidence == "none" or not lost:
        return said
    if len(lost) > _MOST_DONORS:
        return f"{said} Without one of {len(lost)} of the donors, whichever, it is not significant over samples."
    named = [f"{shorten(donor, 30)} (p_FWE = {format_p(p)})" for donor, p in lost.items()]
    return f"{said} Without donor {join_words(named, 'or')} it is not significant over samples."


def _describe_gradient(gene: GeneStanding) -> str:
    """The part of the difference that goes with the gene's gradient over the tissue, if it is a good part."""
    if gene.gradient is None or gene.beyond is None or gene.gradient * gene.diff < _MATTERS * gene.diff**2:
        return ""
    remain = format_value(gene.beyond)
    return (
        f"of {format_value(gene.diff)}, the gradient over the tissue accounts for {format_value(gene.gradient)}; "
        f"{'+' if gene.beyond >= 0.005 else ''}{remain} remain"
    )


def _size(value: float) -> str:
    return format_value(abs(value))


def _group_by_rung(drawable: pd.DataFrame, unit: str) -> list[GeneGroup]:
    """Genes on each rung of the ladder, the highest rung first; at most `MAX_SIGNIFICANT` in all."""
    room, groups = MAX_SIGNIFICANT, []
    for rung, title in _RUNG_TITLES.items():
        genes = drawable.index[(drawable["evidence"] == rung).to_numpy(dtype=bool)].tolist()
        groups.append(_limit(f"{unit.capitalize()}s {title}", genes, room))
        room -= len(groups[-1].genes)
    return groups


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
        "badge": _name_badge(result, row),
    }
    if len(result.region_names) == 2:
        ends = [format_value(row[end]) for end in ("ci_low", "ci_high")]
        higher = "" if pd.isna(row["higher_in"]) else f"higher in {shorten(str(row['higher_in']), 30)}"
        interval = f" ({_UNCORRECTED}: {ends[0]} to {ends[1]})" if all(ends) else ""
        difference = f"difference {format_value(row['diff'])}{interval}"
        also = [*_name_other_exchange(result, gene, row), *_compare_means(result, row)]
        return card | {"numbers": [difference, *([higher] if higher and card["badge"] else [])], "also": also}
    means = [row[f"mean_{number}"] for number in range(1, len(result.region_names) + 1)]
    by_mean = sorted(zip(means, result.region_names, strict=True), key=lambda entry: -entry[0])
    (high, highest), (low, lowest) = by_mean[0], by_mean[-1]
    order = (
        f"mean highest in {shorten(highest, 30)} ({format_value(high)}), lowest in {shorten(lowest, 30)} "
        f"({format_value(low)})"
    )
    return card | {"numbers": [order], "also": []}


def _name_other_exchange(result: ComparisonData, gene: str, row: dict[Any, Any]) -> list[str]:
    """The corrected p of a gene with labels permuted the other way, if that was tried."""
    found = find_exchanges(result.record, gene, row["p_fwe"])
    others = {exchange: p for exchange, p in found.items() if p and exchange != result.record.permutation.exchange}
    return [
        f"with {name_exchange(exchange)} permuted: p_FWE {'' if p.startswith('>') else '= '}{p}"
        for exchange, p in others.items()
    ]


def _compare_means(result: ComparisonData, row: dict[Any, Any]) -> list[str]:
    """The means of a gene, and why their difference has another sign than that which is tested, if it has."""
    means, record = (row["mean_1"], row["mean_2"]), result.record
    of_means = means[0] - means[1]
    if not of_means * row["diff"] < 0:
        return []
    first, second, both = (format_value(value) for value in (*means, of_means))
    return [
        f"raw means {first} and {second}, difference {both}, of the other sign: the difference that is tested is "
        f"adjusted for {name_adjustment(record)}, with a weight for each donor (see Design), and the means are not"
    ]


def _name_badge(result: ComparisonData, row: dict[Any, Any]) -> str:
    """The rung of a gene, or "significant"; empty if it is neither."""
    if has_ladder(result.record):
        return str(row["evidence"]) if row["evidence"] in RUNGS else ""
    return "significant" if row["significant"] else ""


def _name_f(result: ComparisonData, row: dict[Any, Any]) -> str:
    """F with its degrees of freedom, except for `welch`: there they differ by gene and are not in the table."""
    if result.record.arguments.statistic == "welch":
        return "F"
    df_resid = format_number(_to_float(row["df_resid"]), 0)
    return f"F({result.record.design.df_area}, {df_resid})"


def _to_float(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
