"""What a table of results says beyond its columns: directions, intervals, and other corrections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.intervals import hedges_g_interval, monte_carlo_interval, partial_eta_sq_interval
from jugex.analysis.result_design import design_of

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["make_details"]

Floats = npt.NDArray[np.float64]


def make_details(result: DifferentialExpression, places: Sequence[int] | None = None) -> pd.DataFrame:
    """Directions, intervals and further corrections of a result, or of some rows of its table by their places.

    See `DifferentialExpression.details`.
    """
    chosen = np.arange(len(result.table)) if places is None else np.asarray(places, dtype=np.intp)
    table, settings = result.table.iloc[chosen], result.settings
    design, permutation = settings["design"], settings["permutation"]
    names = [column for column in ("gene", "probe_id", "probe_name") if column in table]
    details = table[names].reset_index(drop=True)
    details["direction"] = _name_directions(table["diff"], [region["name"] for region in settings["regions"]])
    arrays = design_of(result)
    spread = float(arrays.spread(arrays.labels[None])[0])
    n_samples, df = design["n_samples_1"] + design["n_samples_2"], design["df_resid"]
    intervals = {
        "hedges_g": hedges_g_interval(_read(table, "hedges_g"), spread, df),
        "partial_eta_sq": partial_eta_sq_interval(_read(table, "partial_eta_sq"), n_samples, df),
    }
    for column in ("p_perm", "p_fwe"):
        p = _read(table, column)
        is_exact = permutation["exhaustive"]
        intervals[column] = (p, p) if is_exact else monte_carlo_interval(p, permutation["n_permutations"])
    for column, (low, high) in intervals.items():
        details[f"{column}_low"], details[f"{column}_high"] = low, high
    details["q_fdr_by"] = _control_false_discoveries(_read(result.table, "p_perm"), "by")[chosen]
    details["q_fdr_parametric"] = _control_false_discoveries(_read(result.table, "p_parametric"), "bh")[chosen]
    return details


def _read(table: pd.DataFrame, column: str) -> Floats:
    return table[column].to_numpy(dtype=np.float64)


def _name_directions(diff: pd.Series[float], names: list[str]) -> list[str | None]:
    """Say which region is higher; None for a gene that was not tested."""
    words = {1.0: f"higher in {names[0]}", -1.0: f"higher in {names[1]}", 0.0: "no difference"}
    return [words.get(sign) for sign in np.sign(diff.to_numpy(dtype=np.float64)).tolist()]


def _control_false_discoveries(p: Floats, method: Literal["bh", "by"]) -> Floats:
    """q-values of the genes tested: Benjamini and Hochberg's ("bh"), or Yekutieli's ("by")."""
    from scipy.stats import false_discovery_control

    q = np.full(len(p), np.nan)
    is_tested = np.isfinite(p)
    if is_tested.any():
        q[is_tested] = false_discovery_control(p[is_tested], method=method)
    return q
