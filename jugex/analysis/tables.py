"""The tables of a result: one row per gene, and what is left of significant genes without each donor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.design import Design
from jugex.analysis.gene_values import GeneValues
from jugex.analysis.inference import Inference
from jugex.analysis.result import (
    COLUMN_TYPES,
    EVIDENCE,
    LEFT_OUT_COLUMNS,
    PROBE_COLUMNS,
    RESULT_COLUMNS,
    TAIL_COLUMNS,
)

__all__ = ["make_table", "tabulate_left_out"]


def make_table(
    genes: GeneValues,
    design: Design,
    status: npt.NDArray[np.object_],
    tested: npt.NDArray[np.intp],
    inference: Inference,
    names: tuple[str, str],
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
    tested : ndarray of int, shape (t,)
        The genes that were.
    inference : Inference
        Of the t genes tested.
    names : tuple of str
        Names of the regions.
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
    table["n_donors"], table["n_donors_both"] = design.n_donors, design.n_informative_donors
    computed = _list_columns(inference).set_axis(tested)
    for column in computed:
        table[column] = computed[column].reindex(table.index)
    table["status"] = status
    table["significant"] = (table["p_fwe"] <= alpha).to_numpy(dtype=bool)
    table["higher_in"] = np.sign(table["diff"]).map({1.0: names[0], -1.0: names[1]})
    table["evidence"] = np.where(table["significant"], "samples", "none")
    table["evidence"] = table["evidence"].where(status == "ok")
    # genes, and probes within them, come in their order: a stable sort leaves ties so
    rank = table["evidence"].map({evidence: rank for rank, evidence in enumerate(EVIDENCE)})
    order = pd.DataFrame({"rank": rank, "p_fwe": table["p_fwe"], "f": -table["f"]})
    table = table.loc[order.sort_values(["rank", "p_fwe", "f"], na_position="last", kind="stable").index]
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
            "n_donors_same_sign": donors.n_same_sign,
            **({} if tails is None else {"p_perm_tail": tails.p_perm, "p_fwe_tail": tails.p_fwe}),
        }
    )


def tabulate_left_out(
    table: pd.DataFrame,
    labels: npt.NDArray[np.object_],
    donor_names: npt.NDArray[np.object_],
    inference: Inference,
    alpha: float,
) -> pd.DataFrame:
    """One row per significant gene and donor: what is left without the donor.

    Parameters
    ----------
    table : DataFrame
        Table of results; its significant genes are listed, in its order.
    labels : ndarray of str, shape (t,)
        What the genes tested are called, in the order of `inference`.
    donor_names : ndarray of str, shape (d,)
        Names of the donors of the design.
    inference : Inference
    alpha : float
        As in `make_table`.

    Returns
    -------
    DataFrame
        With the columns `jugex.analysis.LEFT_OUT_COLUMNS`, and those of probes where they are tested by themselves.
    """
    named = [column for column in ("gene", *PROBE_COLUMNS) if column in table]
    columns = [*named, *LEFT_OUT_COLUMNS[1:]]
    listed = table.loc[table["significant"], named].reset_index(drop=True)
    called = listed["gene"] if len(named) == 1 else listed["gene"] + " " + listed["probe_name"]
    order = pd.Index(labels[inference.p_values.fwe <= alpha]).get_indexer(pd.Index(called))
    parts = [
        listed.assign(
            left_out=donor_names[donor],
            n_samples_1=without.n_1,
            n_samples_2=without.n_2,
            diff=without.diff[order],
            p_fwe=without.p_fwe[order],
            status=np.asarray(without.status, dtype=object)[order],
        )
        for donor, without in enumerate(inference.left_out)
    ]
    by_gene = pd.concat(parts).sort_index(kind="stable") if parts else listed.reindex(columns=columns)
    return by_gene.reset_index(drop=True).astype({column: COLUMN_TYPES[column] for column in columns})
