"""What each donor says of a gene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jugex.analysis.donors import compute_donor_differences
from jugex.analysis.effects import remove_covariates
from jugex.analysis.result_design import design_of, find_tested, values_of

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["DONOR_COLUMNS", "donor_differences"]

#: Columns of `donor_differences`; where every probe is tested by itself, its id and name follow `gene`.
DONOR_COLUMNS = ("gene", "donor_name", "n_1", "n_2", "weight", "diff", "ci_low", "ci_high")


def donor_differences(result: DifferentialExpression, genes: Sequence[str] | str | None = None) -> pd.DataFrame:
    """Difference of the regions in each donor that has samples in both.

    Parameters
    ----------
    result : DifferentialExpression
        Computed here or read from disk.
    genes : sequence of str, str or None
        Entries of ``result.labels``; default: every gene that was tested.

    Returns
    -------
    DataFrame, one row per gene and informative donor
        Genes in the order of ``result.table``, donors in that of the samples. `n_1`, `n_2`: the donor's samples in
        the regions; `weight`: n_1 n_2 / (n_1 + n_2), the donor's part in the gene's `diff`, which is the weighted mean
        of the donors' differences; `diff`: mean of region 1 minus mean of region 2 in this donor, in z-scores;
        `ci_low`, `ci_high`: diff +- t(.975, df_resid) sqrt(MSE (1 / n_1 + 1 / n_2)).

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.
    DesignError
        Where both regions have one name.

    Notes
    -----
    MSE = ss_resid / df_resid is the residual variance of the whole model, pooled over donors, because a donor may have
    a single sample in a region. So the interval takes the samples as replicates and the donors as equally variable;
    it says how precisely this donor's difference is measured, not how far another donor's may lie. Where covariates
    stand in the model, what it gives to them is taken off first.
    """
    from scipy.special import stdtrit

    table, design = find_tested(result, genes), design_of(result)
    of_donors = compute_donor_differences(remove_covariates(values_of(result, table.index), design), design)
    donors, diff = of_donors.donors, of_donors.diff
    n_1, n_2 = design.n_1[donors], design.n_2[donors]
    df = table["df_resid"].to_numpy(dtype=np.float64)
    mse = table["ss_resid"].to_numpy(dtype=np.float64) / df
    margin = stdtrit(df, 0.975)[:, None] * np.sqrt(mse[:, None] * (1 / n_1 + 1 / n_2))
    named = [column for column in ("gene", "probe_id", "probe_name") if column in table]
    n_genes, n_donors = diff.shape
    return (
        table[named]
        .iloc[np.repeat(np.arange(n_genes), n_donors)]
        .reset_index(drop=True)
        .assign(
            donor_name=np.tile(
                result.samples["donor_name"].to_numpy(dtype=object)[design.donor_starts][donors], n_genes
            ),
            n_1=np.tile(n_1, n_genes),
            n_2=np.tile(n_2, n_genes),
            weight=np.tile(design.weights[donors], n_genes),
            diff=diff.ravel(),
            ci_low=(diff - margin).ravel(),
            ci_high=(diff + margin).ravel(),
        )
    )
