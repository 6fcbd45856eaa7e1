"""The arrays behind a result, computed here or read from disk: its design, and the values of its genes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.covariates import USED, code_covariate
from jugex.errors import DesignError, GeneError
from jugex.stats.design import Design

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["design_of", "find_tested", "values_of"]


def design_of(result: DifferentialExpression) -> Design:
    """Regions, donors and covariates of the samples of a result, in the order of ``result.samples``.

    Parameters
    ----------
    result : DifferentialExpression
        Computed here or read from disk. A sample that counts in both regions stands in two rows.

    Returns
    -------
    Design

    Raises
    ------
    DesignError
        Where both regions have one name: then the samples do not say in which they lie.
    """
    first, second = result.region_names
    if first == second:
        raise DesignError(
            f"both regions are called {first!r}, so the samples do not say in which they lie; compare again with "
            "different names"
        )
    donors, _ = pd.factorize(result.samples["donor_name"])
    labels = (result.samples["region"] == first).to_numpy(dtype=np.bool_)
    coded = [
        code_covariate(pd.Series(covariate["values"]), is_factor=covariate["kind"] == "factor")
        for covariate in result.settings.get("covariates", ())
        if covariate["outcome"] == USED
    ]
    return Design.of_two(labels, np.asarray(donors, dtype=np.intp), np.column_stack(coded) if coded else None)


def find_tested(result: DifferentialExpression, genes: Sequence[str] | str | None) -> pd.DataFrame:
    """Rows of ``result.table`` of genes that were tested, in the order of the table, indexed by their labels.

    Parameters
    ----------
    result : DifferentialExpression
    genes : sequence of str, str or None
        Entries of ``result.labels``; None for every gene that was tested.

    Raises
    ------
    GeneError
        Where the result has no such gene, or the gene was not tested.
    """
    table = result.table.set_axis(pd.Index(result.labels), axis=0)
    if genes is None:
        return table[(table["status"] == "ok").to_numpy(dtype=bool)]
    wanted = [genes] if isinstance(genes, str) else list(genes)
    for gene in wanted:
        if gene not in table.index:
            raise GeneError(f"gene {gene!r} is not in this result, which has {len(table):,}; see result.labels")
        status = table.loc[[gene], "status"].iloc[0]
        if status != "ok":
            raise GeneError(f"gene {gene!r} has no F ({status}); choose another gene")
    return table[table.index.isin(wanted)]


def values_of(result: DifferentialExpression, labels: pd.Index) -> npt.NDArray[np.float64]:
    """Gene-level z-scores (g, n) of genes by their labels."""
    return np.ascontiguousarray(result.zscores[labels.tolist()].to_numpy(dtype=np.float64).T)
