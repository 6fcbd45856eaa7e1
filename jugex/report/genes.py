"""Which genes are drawn in the report, and everything that is drawn of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from jugex._text import count_of, format_count, format_number, format_p, shorten
from jugex.errors import JugexError
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.details import permutation_null
from jugex.pipeline.donors import donor_differences
from jugex.plots import donor_styles
from jugex.progress import track
from jugex.report.gene_panels import MAX_PROBES, draw_donors, draw_null, draw_probes, draw_samples, probe_zscores
from jugex.report.region_panels import MAX_PAIRS, draw_levels, draw_pairs
from jugex.report.summary import format_value

__all__ = ["MAX_REQUESTED", "MAX_SIGNIFICANT", "GeneGroup", "choose_genes", "draw_genes"]

MAX_SIGNIFICANT = 50
MAX_REQUESTED = 200
N_BEST = 6

Floats = npt.NDArray[np.float64]


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


def draw_genes(
    result: ComparisonData, groups: list[GeneGroup], pairs_table: pd.DataFrame | None = None
) -> list[dict[str, Any]]:
    """Everything that is drawn of the genes chosen.

    Parameters
    ----------
    result : ComparisonData
    groups : list of GeneGroup
    pairs_table : DataFrame, optional
        Of more than two regions.

    Returns
    -------
    list of dict
        Per group its `title`, `n_left_out` and `cards`, one per gene: an id, numbers in words, and `panels`, each a
        title, a drawing and a note.
    """
    genes = [gene for group in groups for gene in group.genes]
    rows = result.tested.loc[genes].to_dict("records")
    is_pair = len(result.region_names) == 2
    donors = _find_donors(result, genes) if is_pair else {}
    pairs = {} if pairs_table is None else _find_pairs(pairs_table, genes)
    cards = {}
    for number, (gene, row) in enumerate(zip(track(genes, description="drawing genes"), rows, strict=True)):
        panels = _draw_panels(result, gene, row, donors) if is_pair else _draw_regions(result, gene, pairs)
        cards[gene] = {"id": f"gene-{number}", **_caption(result, gene, row), "panels": panels}
    return [{**group._asdict(), "cards": [cards[gene] for gene in group.genes]} for group in groups]


def _limit(title: str, genes: list[str], limit: int) -> GeneGroup:
    return GeneGroup(title, genes[:limit], max(len(genes) - limit, 0))


def _find_donors(result: ComparisonData, genes: list[str]) -> dict[str, pd.DataFrame]:
    """Per gene the differences of its donors; empty where the samples do not tell the regions apart."""
    if not genes:
        return {}
    try:
        table = donor_differences(result, genes)
    except JugexError:
        return {}
    return {str(label): rows for label, rows in table.groupby(label_rows(table), sort=False)}


def _find_pairs(pairs_table: pd.DataFrame, genes: list[str]) -> dict[str, pd.DataFrame]:
    """Per gene its tests in pairs of regions."""
    pairs = pairs_table.assign(label=label_rows(pairs_table))
    pairs = pairs[(pairs["status"] == "ok").to_numpy(dtype=bool) & pairs["label"].isin(genes).to_numpy()]
    return {str(label): rows for label, rows in pairs.groupby("label", sort=False)}


def _draw_regions(result: ComparisonData, gene: str, pairs: dict[str, pd.DataFrame]) -> list[tuple[str, Markup, str]]:
    """Drawings of one gene in more than two regions: title, drawing, note."""
    zscores, names = result.zscores[gene].to_numpy(dtype=np.float64), result.region_names
    panels = [("Samples", draw_levels(zscores, result.samples, names, donor_styles(result)), "")]
    if gene in pairs:
        n = len(pairs[gene])
        note = f"the {MAX_PAIRS} with the smallest p of {n} pairs" if n > MAX_PAIRS else ""
        panels.append(("Two by two", draw_pairs(pairs[gene], names), note))
    return panels


def _draw_panels(
    result: ComparisonData, gene: str, row: dict[Any, Any], donors: dict[str, pd.DataFrame]
) -> list[tuple[str, Markup, str]]:
    """Drawings of one gene: title, drawing, note."""
    panels = [("Samples", draw_samples(result, gene), "")]
    if gene in donors:
        panels.append(("Donor by donor", draw_donors(result, row, donors[gene]), ""))
    null, critical = _find_null(result, gene), result.record.permutation.f_critical
    if null is not None:
        panels.append(
            (
                "Permutations",
                draw_null(null, float(row["f"]), float(row["p_perm"]), critical),
                _format_null_note(result, row, len(null)),
            )
        )
    probes, zscores = probe_zscores(result, str(row["gene"]))
    if len(probes) > 1 and result.unit == "gene":
        panels.append(
            (
                "Probes",
                draw_probes(result, probes.head(MAX_PROBES), zscores[:, :MAX_PROBES]),
                _format_probes_note(row, len(probes)),
            )
        )
    return panels


def _find_null(result: ComparisonData, gene: str) -> Floats | None:
    """The gene's F under every relabelling; None where it cannot be computed again."""
    try:
        return permutation_null(result, gene)
    except JugexError:
        return None


def _format_null_note(result: ComparisonData, row: dict[Any, Any], n: int) -> str:
    critical, alpha = result.record.permutation.f_critical, result.record.arguments.alpha
    line = "" if critical is None else f"; dashed: p_FWE = {alpha:g} (F = {format_number(critical, 1)})"
    return f"{format_count(n)} relabellings; p = {format_p(_to_float(row['p_perm']))}, not corrected{line}"


def _format_probes_note(row: dict[Any, Any], n_probes: int) -> str:
    """How many probes are drawn, and whether they agree."""
    drawn = count_of(n_probes, "probe")
    if n_probes > MAX_PROBES:
        drawn = f"{MAX_PROBES} of {drawn}: the highest mean levels"
    correlation = format_number(_to_float(row["probe_r"]))
    return f"{drawn}; bars: means" + (f"; mean correlation {correlation}" if correlation else "")


def _caption(result: ComparisonData, gene: str, row: dict[Any, Any]) -> dict[str, Any]:
    """Numbers of a gene in words."""
    caption = {
        "gene": gene,
        "statistic": f"{_name_f(result, row)} = {format_number(_to_float(row['f']), 2)}",
        "p_fwe": format_p(_to_float(row["p_fwe"])),
        "significant": bool(row["significant"]),
    }
    if len(result.region_names) == 2:
        ends = [format_value(row[end]) for end in ("ci_low", "ci_high")]
        higher = "" if pd.isna(row["higher_in"]) else f"higher in {shorten(str(row['higher_in']), 30)}"
        difference = f"difference {format_value(row['diff'])} ({ends[0]} to {ends[1]})"
        return caption | {"numbers": [difference, *([higher] if higher and row["significant"] else [])]}
    means = [row[f"mean_{number}"] for number in range(1, len(result.region_names) + 1)]
    by_mean = sorted(zip(means, result.region_names, strict=True), key=lambda entry: -entry[0])
    (high, highest), (low, lowest) = by_mean[0], by_mean[-1]
    order = (
        f"mean highest in {shorten(highest, 30)} ({format_value(high)}), lowest in {shorten(lowest, 30)} "
        f"({format_value(low)})"
    )
    return caption | {"numbers": [order]}


def _name_f(result: ComparisonData, row: dict[Any, Any]) -> str:
    """F with its degrees of freedom; those of `welch` differ by gene and stand in no table."""
    if result.record.arguments.statistic == "welch":
        return "F"
    df_resid = format_number(_to_float(row["df_resid"]), 0)
    return f"F({result.record.design.df_area}, {df_resid})"


def _to_float(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
