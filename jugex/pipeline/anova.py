"""The full table of the analysis of variance of one gene, as publications show it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pandas as pd

from jugex.errors import DesignError, OptionError
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.details import find_tested

__all__ = ["anova_table"]

# what is known of a donor beside its name
_BIOGRAPHY = ("age", "race")


def anova_table(data: ComparisonData, gene: str, *, typ: Literal[1, 2, 3] | None = None) -> pd.DataFrame:
    """Analysis of variance of one gene: ``zscore ~ area + specimen + age + race`` and covariates, by statsmodels.

    Parameters
    ----------
    data : ComparisonData
        Computed here or read from disk.
    gene : str
        A gene of ``result.zscores``; where every probe is tested by itself, gene and probe as in ``result.labels``.
    typ : {1, 2, 3}, optional
        Type of the sums of squares. 1 is sequential, with area first: F of area is that of the statistic
        `sequential`. 2 and 3 adjust each term for the others: F of area is that of `adjusted`. Default: the type of
        the result's statistic (2 for `welch`, which has no analysis of variance of its own).

    Returns
    -------
    DataFrame
        One row per term of the model, and `Residual`; statsmodels' columns (`df`, `sum_sq`, `F`, `PR(>F)`, and for
        type 1 `mean_sq`), then `eta_sq`, the term's share of the total sum of squares, as MATLAB JuGEx defines it.

    Raises
    ------
    OptionError
        If `typ` is another one.
    GeneError
        If the result has no such gene, or the gene was not tested.
    DesignError
        If a z-score is missing, or the regions have one name.

    Notes
    -----
    `specimen` is the donor. Factors with one level, and those not known of every donor, are left out. Age and race
    are functions of the donor: beside it they have no degree of freedom, which the table says. The model is that of
    Bludau et al. (2018), doi 10.1007/s00429-018-1620-6, section "Statistical analysis".

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.anova_table("MAOA").loc["area", ["df", "F"]].round(2).tolist()
    [1.0, 122.98]
    """
    if typ is None:
        typ = 1 if data.record.arguments.statistic == "sequential" else 2
    if typ not in (1, 2, 3):
        raise OptionError(f"typ, the type of the sums of squares, must be 1, 2 or 3; got {typ!r}")
    find_tested(data, gene)  # refuses a gene that the result has not, or not tested
    rows = _collect_data(data, gene)
    covariates = _add_covariates(rows, data)
    factors = [factor for factor in ("specimen", *covariates, *_BIOGRAPHY) if _can_be_factor(rows[factor])]
    model = _fit(rows, ["area", *factors])
    table = _tabulate(model, typ).reindex([*(["Intercept"] if typ == 3 else []), "area", *factors, "Residual"])
    confounded = [factor for factor in factors if factor in _BIOGRAPHY]
    if confounded:
        table = _mend_confounded(table, rows, model, confounded, typ)
    table = table.rename(index=covariates)
    table["eta_sq"] = table["sum_sq"] / model.centered_tss
    table.loc[table.index == "Intercept", "eta_sq"] = np.nan  # the total is that about the mean
    return table


def _collect_data(data: ComparisonData, gene: str) -> pd.DataFrame:
    """One row per sample: `zscore`, `area`, `specimen`, and what is known of the donor."""
    biographies = {donor.donor_name: (donor.age, donor.race) for donor in data.record.atlas.donors}
    known = pd.DataFrame.from_dict(biographies, orient="index", columns=list(_BIOGRAPHY))
    of_sample = known.reindex(data.samples["donor_name"])
    rows = pd.DataFrame(
        {
            "zscore": data.zscores[gene].to_numpy(dtype=np.float64),
            "area": data.samples["region"].to_numpy(dtype=object),
            "specimen": data.samples["donor_name"].to_numpy(dtype=object),
            "age": pd.to_numeric(of_sample["age"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan),
            "race": of_sample["race"].to_numpy(dtype=object),
        }
    )
    if rows["area"].nunique() < 2 or rows["zscore"].isna().any():
        raise DesignError(
            f"gene {gene!r} has {rows['zscore'].count()} z-scores in {rows['area'].nunique()} regions, and one for "
            f"each of the {len(rows)} samples, in two regions of different names, is needed; take the result as it was "
            "computed, and give the regions different names"
        )
    return rows


def _add_covariates(rows: pd.DataFrame, data: ComparisonData) -> dict[str, str]:
    """Add the covariates of the model to the data, under names that a formula can hold; their own names by these."""
    used = [covariate for covariate in data.record.covariates if covariate.is_used]
    for number, covariate in enumerate(used):
        rows[f"covariate_{number}"] = list(covariate.values)
    return {f"covariate_{number}": covariate.name for number, covariate in enumerate(used)}


def _can_be_factor(values: pd.Series[Any]) -> bool:
    return bool(values.nunique() > 1 and values.notna().all())


_FILTERS = threading.Lock()


@contextmanager
def _rank_deficient() -> Iterator[None]:
    """Age and race are functions of the donor: the model lacks rank on purpose, and F of area does not mind."""
    with _FILTERS, warnings.catch_warnings():  # filters are the process's: two threads at once would leave them changed
        warnings.filterwarnings("ignore", message="The design matrix is rank-deficient")
        warnings.filterwarnings("ignore", message="covariance of constraints does not have full rank")
        yield


def _fit(data: pd.DataFrame, terms: list[str]) -> Any:
    from statsmodels.formula.api import ols

    with _rank_deficient():
        return ols("zscore ~ " + " + ".join(terms), data).fit()


def _tabulate(model: Any, typ: int) -> pd.DataFrame:
    from statsmodels.stats.anova import anova_lm

    with _rank_deficient():
        return pd.DataFrame(anova_lm(model, typ=typ))


def _mend_confounded(
    table: pd.DataFrame, data: pd.DataFrame, model: Any, confounded: list[str], typ: int
) -> pd.DataFrame:
    """Rows of the donor's terms with the degrees of freedom that they have.

    statsmodels counts the columns of a term; those of age and race lie in the space of the donor's, and the sums of
    squares that it shows for them, or for the donor beside them, are pieces of the residual.
    """
    table = table.copy()
    table.loc[confounded, ["df", "sum_sq"]] = 0.0
    table.loc[confounded, table.columns.difference(["df", "sum_sq"])] = np.nan
    if typ == 1:  # the donor comes before them: its row holds
        return table
    others = [term for term in table.index if term not in ("Intercept", "specimen", "Residual")]
    table.loc["specimen"] = pd.Series(_compare(_fit(data, others), model))
    return table


def _compare(smaller: Any, larger: Any) -> dict[str, float]:
    """What `larger` explains beyond `smaller`, as a row of types 2 and 3."""
    df, sum_sq = float(smaller.df_resid - larger.df_resid), float(smaller.ssr - larger.ssr)
    if df == 0:
        return {"sum_sq": 0.0, "df": 0.0, "F": np.nan, "PR(>F)": np.nan}
    f, p, _ = larger.compare_f_test(smaller)
    return {"sum_sq": sum_sq, "df": df, "F": float(f), "PR(>F)": float(p)}
