"""The tables of a result: one row per gene, of two regions or of all regions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.model.columns import COLUMN_TYPES, OMNIBUS_COLUMNS, PROBE_COLUMNS, RESULT_COLUMNS, TAIL_COLUMNS
from jugex.pipeline.genes import GeneValues
from jugex.stats.corrections import false_discovery_rate
from jugex.stats.design import Design
from jugex.stats.testing import PermutationTest

__all__ = ["explain_empty_columns", "make_table"]

#: Rungs of the ladder, from the highest.
_RUNGS = ("spatial", "donors", "samples", "none")


def make_table(
    genes: GeneValues,
    design: Design,
    status: npt.NDArray[np.object_],
    test: PermutationTest,
    rungs: pd.DataFrame | None,
    region_names: Sequence[str],
    alpha: float,
) -> pd.DataFrame:
    """One row per gene, sorted by evidence, p_fwe, falling F and symbol; genes not tested come last.

    Parameters
    ----------
    genes : GeneValues
        g genes and n samples.
    design : Design
    status : ndarray of str, shape (g,)
        "ok", or why a gene was not tested.
    test : PermutationTest
        Of the t genes that were.
    rungs : DataFrame or None, t rows
        Columns of the upper rungs of the ladder.
    region_names : sequence of str, length k
    alpha : float
        Family-wise error at which a gene is called significant.

    Returns
    -------
    DataFrame, g rows
        With two regions the columns `RESULT_COLUMNS`, with more `OMNIBUS_COLUMNS` and the means of the regions; those
        of probes follow `gene` where probes are tested by themselves, and tails come last where they were asked for.
    """
    columns = list_columns(design.n_regions, by_probe=genes.unit == "probe", has_tails=test.tails is not None)
    table = genes.annotation.reindex(columns=columns)
    table["mean_level"] = genes.levels.mean(axis=1)
    table["n_donors"], table["n_donors_both"] = design.n_donors, design.n_informative_donors
    sizes = design.counts.sum(axis=0)
    if design.n_regions == 2:
        table["n_samples_1"], table["n_samples_2"] = int(sizes[0]), int(sizes[1])
    else:
        table["n_samples"] = int(sizes.sum())
    tested = np.flatnonzero(status == "ok")
    computed = _compute_columns(test, region_names)
    if rungs is not None:
        computed = pd.concat([computed, rungs], axis=1)
    computed = computed.set_axis(tested).reindex(table.index)
    for column in computed.columns.intersection(table.columns):
        table[column] = computed[column]
    table["status"] = status
    table["significant"] = (table["p_fwe"] <= alpha).to_numpy(dtype=bool)
    rank = pd.Series(0, index=table.index)
    if design.n_regions == 2:
        table["evidence"] = find_evidence(table, alpha)
        rank = table["evidence"].map({rung: number for number, rung in enumerate(_RUNGS)}).fillna(len(_RUNGS))
    # genes, and probes within them, come in their order: a stable sort leaves ties so
    order = ["rank", "p_fwe", "f"]
    table = table.assign(rank=rank).sort_values(
        order, ascending=[True, True, False], na_position="last", kind="stable", ignore_index=True
    )
    return table[columns].astype({column: COLUMN_TYPES.get(column, "float64") for column in columns})


def list_columns(n_regions: int, *, by_probe: bool = False, has_tails: bool = False) -> list[str]:
    """Columns of the table of k regions, in order; with those of probes and of tails where there are such."""
    columns, means = list(RESULT_COLUMNS), []
    if n_regions > 2:
        columns, means = list(OMNIBUS_COLUMNS), [f"mean_{number}" for number in range(1, n_regions + 1)]
    at = columns.index("p_fwe_stepdown") + 1 if means else len(columns)
    probes, tails = PROBE_COLUMNS if by_probe else (), TAIL_COLUMNS if has_tails else ()
    return [columns[0], *probes, *columns[1:at], *means, *columns[at:], *tails]


def find_evidence(table: pd.DataFrame, alpha: float) -> pd.Series[str]:
    """The highest rung of the ladder that each gene reaches; missing where it was not tested."""
    evidence = pd.Series("none", index=table.index, dtype=object)
    for rung, column in (("samples", "p_fwe"), ("donors", "p_donors_fwe"), ("spatial", "p_spatial_fwe")):
        evidence[(table[column] <= alpha).to_numpy(dtype=bool)] = rung
    return evidence.where(table["status"] == "ok")


def _compute_columns(test: PermutationTest, region_names: Sequence[str]) -> pd.DataFrame:
    """What the test says of each gene that was tested."""
    effects, p_values, tails = test.effects, test.p_values, test.tails
    columns: dict[str, object] = {
        **{f"mean_{number}": means for number, means in enumerate(effects.means.T, start=1)},
        "ss_area": effects.ss_area,
        "ss_resid": effects.ss_resid,
        "f": effects.f,
        "df_area": effects.df_area,
        "df_resid": effects.df_resid,
        "partial_eta_sq": effects.partial_eta_sq,
        "p_parametric": effects.p_parametric,
        "p_perm": p_values.perm,
        "p_fwe": p_values.fwe,
        "p_fwe_stepdown": p_values.fwe_stepdown,
        "q_fdr": test.q_fdr,
        "q_fdr_by": false_discovery_rate(p_values.perm, "by"),
    }
    if (difference := effects.difference) is not None:
        columns |= {
            "diff": difference.diff,
            "ci_low": difference.ci_low,
            "ci_high": difference.ci_high,
            "log2_fc": difference.log2_fc,
            "hedges_g": difference.hedges_g,
            "sd_ratio": difference.sd_ratio,
            "higher_in": _name_higher(difference.diff, region_names),
        }
    if test.donors is not None:
        columns["n_donors_same_sign"] = test.donors.n_same_sign
    if tails is not None:
        columns |= {"p_perm_tail": tails.p_perm, "p_fwe_tail": tails.p_fwe}
    return pd.DataFrame(columns, index=np.arange(len(p_values.fwe)))


def _name_higher(diff: npt.NDArray[np.float64], region_names: Sequence[str]) -> npt.NDArray[np.object_]:
    """Name of the region in which each gene is higher; None where it is higher in neither."""
    names = np.array([region_names[1], None, region_names[0]], dtype=object)
    return names[np.sign(diff).astype(np.intp) + 1]


#: Columns that may be empty for some of the genes tested, and for which.
_PARTLY_EMPTY = {
    "entrez_id": "the atlas has none for the gene",
    "higher_in": "the difference is 0",
    "log2_fc": "the levels of the gene are not known",
    "sd_ratio": "the samples of a region do not vary",
    "hedges_g": "the regions are told apart without residual",
    "probe_r": "the gene has one probe that varies",
    **dict.fromkeys(
        ["p_spatial", "p_spatial_fwe", "ci_spatial_low", "ci_spatial_high"],
        "the gene could not be measured in the tissue around",
    ),
}


def explain_empty_columns(table: pd.DataFrame, reasons: Mapping[str, str]) -> dict[str, str]:
    """Say for each column that is empty for genes tested, for all of them or for some, why it is.

    Parameters
    ----------
    table : DataFrame
    reasons : dict of str to str
        By column, what only the run knows.
    """
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    if tested.empty:
        return {str(column): "no gene was tested" for column in table if table[column].isna().all()}
    known = {
        "hedges_g": "one residual degree of freedom",
        "sd_ratio": "each sample of a region is alone in its donor",
        "probe_r": "each probe is tested by itself" if "probe_name" in table else "no gene has two probes that vary",
        "entrez_id": "the atlas has none",
        "log2_fc": "the levels are not log2",
        "mean_level": "the atlas has z-scores and no levels",
        **reasons,
    }
    missing = tested.isna()
    empty = [str(column) for column in table if missing[column].all()]
    partly = [column for column in _PARTLY_EMPTY if column in table and column not in empty and missing[column].any()]
    return {column: known.get(column, "no gene has one") for column in empty} | {
        column: f"where {_PARTLY_EMPTY[column]}" for column in partly
    }
