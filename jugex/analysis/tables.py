"""The table of results: one row per gene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.design import Design
from jugex.analysis.gene_values import GeneValues
from jugex.analysis.inference import Inference
from jugex.analysis.result import COLUMN_TYPES, PROBE_COLUMNS, RESULT_COLUMNS, TAIL_COLUMNS

__all__ = ["make_table"]


def make_table(
    genes: GeneValues,
    design: Design,
    status: npt.NDArray[np.object_],
    tested: npt.NDArray[np.intp],
    inference: Inference,
    alpha: float,
) -> pd.DataFrame:
    """One row per gene, sorted by p_fwe, falling F and symbol; genes not tested come last.

    Parameters
    ----------
    genes : GeneValues
        g genes and n samples.
    design : Design
    status : ndarray of str, shape (g,)
        "ok", or why a gene was not tested.
    tested : ndarray of int, shape (t,)
        The genes that were.
    inference : Inference
        Of the t genes tested.
    alpha : float
        Family-wise error at which a gene is called significant.

    Returns
    -------
    DataFrame, g rows
        With the columns `jugex.analysis.RESULT_COLUMNS`, and those of probes where they are tested by themselves; tails
        come last, where they were asked for.
    """
    has_probes = "probe_id" in genes.annotation
    columns = [RESULT_COLUMNS[0], *(PROBE_COLUMNS if has_probes else ()), *RESULT_COLUMNS[1:]]
    columns += TAIL_COLUMNS if inference.tails is not None else ()
    table = genes.annotation.reindex(columns=columns)
    table["mean_level"] = genes.levels.mean(axis=1)
    table["n_samples_1"], table["n_samples_2"] = int(design.n_1.sum()), int(design.n_2.sum())
    table["n_donors"] = design.n_donors
    computed = _list_columns(inference).set_axis(tested)
    for column in computed:
        table[column] = computed[column].reindex(table.index)
    table["status"] = status
    table["significant"] = (table["p_fwe"] <= alpha).to_numpy(dtype=bool)
    # genes, and probes within them, come in their order: a stable sort leaves ties so
    table = table.sort_values(["p_fwe", "f"], ascending=[True, False], na_position="last", kind="stable")
    return table.reset_index(drop=True).astype({column: COLUMN_TYPES[column] for column in columns})


def _list_columns(inference: Inference) -> pd.DataFrame:
    donors, p_values, tails = inference.donors, inference.p_values, inference.tails
    return pd.DataFrame(
        {
            **vars(inference.effects),
            "p_perm": p_values.perm,
            "p_fwe": p_values.fwe,
            "p_fwe_stepdown": p_values.fwe_stepdown,
            "q_fdr": inference.q_fdr,
            "p_boundary": np.nan if inference.boundary is None else inference.boundary.p,
            "p_donor": donors.p_donor,
            "diff_donors": donors.mean,
            "ci_donors_low": donors.ci_low,
            "ci_donors_high": donors.ci_high,
            "donors_same_sign": donors.same_sign,
            "carried_by": inference.carried_by,
            **({} if tails is None else {"p_perm_tail": tails.p_perm, "p_fwe_tail": tails.p_fwe}),
        }
    )
