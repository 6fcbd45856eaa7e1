"""What each donor says of a gene, and what is left without it: tables beside the evidence of all donors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.design import Design
from jugex.analysis.donors import compute_donor_evidence, drop_donor
from jugex.analysis.effects import compute_effects, remove_covariates
from jugex.analysis.engine import count_exceedances
from jugex.analysis.options import count_threads
from jugex.analysis.relabel import make_relabellings
from jugex.analysis.result_design import design_of, find_tested, values_of
from jugex.analysis.retest import restore_generator
from jugex.errors import DesignError

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["DONOR_COLUMNS", "LEFT_OUT_COLUMNS", "donor_differences", "leave_one_donor_out"]

#: Columns of `donor_differences`; where every probe is tested by itself, its id and name follow `gene`.
DONOR_COLUMNS = ("gene", "donor_name", "n_1", "n_2", "weight", "diff", "ci_low", "ci_high")

#: Columns of `leave_one_donor_out`; where every probe is tested by itself, its id and name follow `gene`.
LEFT_OUT_COLUMNS = ("gene", "left_out", "n_samples_1", "n_samples_2", "diff", "p_fwe", "status")

Floats = npt.NDArray[np.float64]


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
    evidence = compute_donor_evidence(remove_covariates(values_of(result, table.index), design), design)
    n_1, n_2 = design.n_1[evidence.donors], design.n_2[evidence.donors]
    df = table["df_resid"].to_numpy(dtype=np.float64)
    mse = table["ss_resid"].to_numpy(dtype=np.float64) / df
    margin = stdtrit(df, 0.975)[:, None] * np.sqrt(mse[:, None] * (1 / n_1 + 1 / n_2))
    return _cross(
        table,
        {
            "donor_name": _donor_names(result, design)[evidence.donors],
            "n_1": n_1,
            "n_2": n_2,
            "weight": design.weights[evidence.donors],
        },
        {"diff": evidence.diff, "ci_low": evidence.diff - margin, "ci_high": evidence.diff + margin},
    )


def leave_one_donor_out(
    result: DifferentialExpression, genes: Sequence[str] | str | None = None, n_jobs: int = 1
) -> pd.DataFrame:
    """Test again without each donor: whether a difference needs one of them.

    Parameters
    ----------
    result : DifferentialExpression
        Computed here or read from disk.
    genes : sequence of str, str or None
        Entries of ``result.labels`` to list; default: every gene that was tested. The family over which `p_fwe` is
        corrected is every gene that was tested, whatever is listed.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.

    Returns
    -------
    DataFrame, one row per gene and donor
        Genes in the order of ``result.table``, donors in that of the samples. `left_out`: the donor; `n_samples_1`,
        `n_samples_2`: samples that are left; `diff` and `p_fwe` without the donor, as in ``result.table``; `status`:
        "ok", or why there is no test without this donor.

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.
    DesignError
        Where both regions have one name.
    OptionError
        Where `n_jobs` is no number of threads.

    Notes
    -----
    Statistic, exchange and number of relabellings are those of the run. The relabellings are drawn anew for each
    donor, each time from the seed of the run, so that the table is the same whenever it is made. They are other ones
    than those behind `carried_by`, whose p-values without a donor differ from these by chance.
    """
    n_threads = count_threads(n_jobs)
    family, listed, design = find_tested(result, None), find_tested(result, genes), design_of(result)
    values = values_of(result, family.index)
    rows = np.flatnonzero(family.index.isin(listed.index))
    without = [_test_without(result, values, design, donor, n_threads) for donor in range(design.n_donors)]
    return _cross(
        listed,
        {
            "left_out": _donor_names(result, design),
            "n_samples_1": design.n_1.sum() - design.n_1,
            "n_samples_2": design.n_2.sum() - design.n_2,
        },
        {
            column: np.stack([np.asarray(of_donor[column])[rows] for of_donor in without], axis=1)
            for column in ("diff", "p_fwe", "status")
        },
    )


def _donor_names(result: DifferentialExpression, design: Design) -> npt.NDArray[np.object_]:
    """Names of the donors of the design (d,)."""
    names: npt.NDArray[np.object_] = result.samples["donor_name"].to_numpy(dtype=object)[design.donor_starts]
    return names


def _test_without(
    result: DifferentialExpression, values: Floats, design: Design, donor: int, n_threads: int
) -> dict[str, Any]:
    """Difference, family-wise p and status (g,) of every gene (g, n) without a donor."""
    n_genes = len(values)
    found: dict[str, Any] = {"diff": np.full(n_genes, np.nan), "p_fwe": np.full(n_genes, np.nan)}
    if design.n_donors == 1:
        return found | {"status": ["not tested: no other donor"] * n_genes}
    kept, without = drop_donor(design, donor)
    try:
        without.check_testable(result.region_names)
    except DesignError as error:
        return found | {"status": [f"not tested: {error}"] * n_genes}
    varies = without.varies_within_donors(values[:, kept])
    arguments, permutation = result.settings["arguments"], result.settings["permutation"]
    of_others = values[varies][:, kept]
    relabellings = make_relabellings(
        without,
        permutation["exchange"],
        arguments["n_permutations"],
        restore_generator(permutation),
        redraw=arguments.get("collinear", "redraw") == "redraw",
    )
    counts = count_exceedances(of_others, without, relabellings, statistic=arguments["statistic"], n_threads=n_threads)
    found["p_fwe"][varies] = counts.p_values().fwe
    found["diff"][varies] = compute_effects(of_others, of_others, without, arguments["statistic"]).diff
    return found | {"status": np.where(varies, "ok", "not tested: constant within every other donor")}


def _cross(table: pd.DataFrame, of_donor: dict[str, Any], of_both: dict[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """One row per gene and donor: what names the gene, columns of the donors (D,), and of both (g, D)."""
    n_genes, n_donors = next(iter(of_both.values())).shape
    named = [column for column in ("gene", "probe_id", "probe_name") if column in table]
    crossed = table[named].iloc[np.repeat(np.arange(n_genes), n_donors)].reset_index(drop=True)
    for column, values in of_donor.items():
        crossed[column] = np.tile(values, n_genes)
    for column, values in of_both.items():
        crossed[column] = values.ravel()
    return crossed
