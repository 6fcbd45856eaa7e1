"""Which genes are drawn in the report, and everything that is drawn of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_count, format_number, format_p, shorten
from jugex.errors import JugexError
from jugex.progress import track
from jugex.report.gene_panels import MAX_PROBES, draw_donors, draw_null, draw_probes, draw_samples, probe_zscores
from jugex.report.words import higher_region, tested_genes

if TYPE_CHECKING:
    from markupsafe import Markup

    from jugex.analysis.result import DifferentialExpression

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


def draw_genes(result: DifferentialExpression, groups: list[GeneGroup]) -> list[dict[str, Any]]:
    """Everything that is drawn of the genes chosen.

    Parameters
    ----------
    result : DifferentialExpression
    groups : list of GeneGroup

    Returns
    -------
    list of dict
        Per group its `title`, `n_left_out` and `cards`, one per gene: an id, numbers in words, and `panels`, each a
        title, a drawing and a note.
    """
    genes = [gene for group in groups for gene in group.genes]
    rows = result.table.set_axis(pd.Index(result.labels), axis=0).loc[genes] if genes else result.table.head(0)
    donors = _find_donors(result, genes)
    cards = {}
    for number, gene in enumerate(track(genes, description="drawing genes")):
        row = rows.iloc[number]
        cards[gene] = {
            "id": f"gene-{number}",
            **_caption(result, gene, row),
            "panels": _draw_panels(result, gene, row, donors),
        }
    return [{**group._asdict(), "cards": [cards[gene] for gene in group.genes]} for group in groups]


def _limit(title: str, genes: list[str], limit: int) -> GeneGroup:
    return GeneGroup(title, genes[:limit], max(len(genes) - limit, 0))


def _find_donors(result: DifferentialExpression, genes: list[str]) -> dict[str, pd.DataFrame]:
    """Per gene the differences of its donors; empty where the samples do not tell the regions apart."""
    from jugex.analysis.donor_tables import donor_differences

    if not genes:
        return {}
    try:
        table = donor_differences(result, genes)
    except JugexError:
        return {}
    labels = table["gene"] if "probe_name" not in table else table["gene"] + " " + table["probe_name"]
    return {str(label): rows for label, rows in table.groupby(labels, sort=False)}


def _draw_panels(
    result: DifferentialExpression, gene: str, row: pd.Series[Any], donors: dict[str, pd.DataFrame]
) -> list[tuple[str, Markup, str]]:
    """Drawings of one gene: title, drawing, note."""
    panels = [("Samples", draw_samples(result, gene), "")]
    if gene in donors:
        panels.append(("Donor by donor", draw_donors(result, row, donors[gene]), ""))
    null, critical = _find_null(result, gene), result.settings["permutation"].get("f_critical")
    if null is not None:
        panels.append(
            (
                "Permutations",
                draw_null(null, float(row["f"]), float(row["p_perm"]), critical),
                _tell_null(result, row, len(null)),
            )
        )
    probes, zscores = probe_zscores(result, str(row["gene"]))
    if len(probes) > 1 and result.unit == "gene":
        panels.append(
            (
                "Probes",
                draw_probes(result, probes.head(MAX_PROBES), zscores[:, :MAX_PROBES]),
                _tell_probes(row, len(probes)),
            )
        )
    return panels


def _find_null(result: DifferentialExpression, gene: str) -> Floats | None:
    """The gene's F under every relabelling; None where it cannot be computed again."""
    from jugex.analysis.nulls import permutation_null

    try:
        return permutation_null(result, gene)
    except JugexError:
        return None


def _tell_null(result: DifferentialExpression, row: pd.Series[Any], n: int) -> str:
    critical, alpha = result.settings["permutation"].get("f_critical"), result.settings["arguments"]["alpha"]
    line = "" if critical is None else f"; dashed: p_FWE = {alpha:g} (F = {format_number(critical, 1)})"
    return f"{format_count(n)} relabellings; p = {format_p(_to_float(row['p_perm']))}, not corrected{line}"


def _tell_probes(row: pd.Series[Any], n_probes: int) -> str:
    """How many probes are drawn, and whether they agree."""
    drawn = count_of(n_probes, "probe")
    if n_probes > MAX_PROBES:
        drawn = f"{MAX_PROBES} of {drawn}: the highest mean levels"
    correlation = format_number(_to_float(row["probe_r"]))
    return f"{drawn}; bars: means" + (f"; mean correlation {correlation}" if correlation else "")


def _caption(result: DifferentialExpression, gene: str, row: pd.Series[Any]) -> dict[str, Any]:
    where = higher_region(result, _to_float(row["diff"]))
    return {
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
