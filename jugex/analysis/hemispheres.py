"""The difference between the regions in each hemisphere: descriptive, because two donors carry the right one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.result import PROBE_COLUMNS
from jugex.analysis.result_design import find_tested, values_of
from jugex.errors import ResultError
from jugex.spaces import HEMISPHERES, tell_hemispheres
from jugex.stats.design import Design
from jugex.stats.effects import adjusted_difference

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["HEMISPHERE_COLUMNS", "by_hemisphere"]

#: Columns of the table, in order; those of probes follow `gene` where each probe is tested by itself.
HEMISPHERE_COLUMNS = ("gene", "hemisphere", "n_samples_1", "n_samples_2", "n_donors", "diff")

_NOTE = (
    "Descriptive: of the Allen Human Brain Atlas's six donors, only two were sampled in the right hemisphere, so that "
    "whether a difference is another one there cannot be told from how these two donors differ from the others. Hence "
    "no p-values."
)


def by_hemisphere(result: DifferentialExpression, genes: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The difference of each gene between the regions, in each hemisphere by itself.

    Parameters
    ----------
    result : DifferentialExpression
        What `jugex.compare` returned, or one read from disk.
    genes : str or sequence of str, optional
        Genes to list; default: every gene tested, in the order of the result's table.

    Returns
    -------
    DataFrame, one row per gene and hemisphere that holds a sample
        Columns `HEMISPHERE_COLUMNS`: the hemisphere where the samples were taken ("left" for x < 0, "right", or
        "midline" for x = 0), the number of samples in region 1 and region 2, the number of donors with samples in
        both there, and `diff`: region 1 minus region 2 in z-scores, adjusted for donor (not for covariates) within
        that hemisphere; empty where no donor has both. ``attrs["note"]`` says why there are no p-values.

    Raises
    ------
    GeneError
        Where a gene is not in the result, or was not tested.
    ResultError
        Where samples were mirrored and the result was read from disk, which does not tell where they were taken.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA"], rng=0)
    >>> result.by_hemisphere()["hemisphere"].tolist()
    ['left']
    """
    listed = find_tested(result, genes)
    sides = _find_hemispheres(result)
    in_region_1 = (result.samples["region"] == result.region_names[0]).to_numpy(dtype=np.bool_)
    donors = result.samples["donor_name"].to_numpy()
    values = values_of(result, listed.index)
    named = listed[["gene", *(column for column in PROBE_COLUMNS if column in listed)]].reset_index(drop=True)
    tables = []
    for side in HEMISPHERES:
        there = sides == side
        if there.any():
            numbers = _describe_side(values[:, there], in_region_1[there], donors[there])
            tables.append(named.assign(hemisphere=side, **numbers))
    table = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True)
    table.attrs["note"] = _NOTE
    return table


def _find_hemispheres(result: DifferentialExpression) -> npt.NDArray[np.object_]:
    """Hemisphere in which each sample was taken (n,); missing without a coordinate."""
    if not result.settings["atlas"].get("mirror"):
        return tell_hemispheres(result.samples["mni_x"].to_numpy(dtype=np.float64))
    if result.inputs is None:
        raise ResultError(
            "the samples were mirrored, and a result read from disk does not tell in which hemisphere they were taken; "
            "repeat the comparison and ask that result"
        )
    taken = result.inputs.atlas.samples.set_index("well_id")["hemisphere"]
    return taken.reindex(result.samples["well_id"]).to_numpy(dtype=object)


def _describe_side(
    values: npt.NDArray[np.float64], in_region_1: npt.NDArray[np.bool_], donor_names: npt.NDArray[np.object_]
) -> dict[str, Any]:
    """Samples and donors of one hemisphere, and the adjusted difference of each gene (g, n)."""
    design = Design.of_two(in_region_1, pd.factorize(donor_names)[0].astype(np.intp))
    n_1, n_2 = design.counts.sum(axis=0).tolist()
    diff = np.full(len(values), np.nan)
    if design.n_informative_donors:
        diff = adjusted_difference(values, design)
    return {
        "n_samples_1": n_1,
        "n_samples_2": n_2,
        "n_donors": design.n_informative_donors,
        "diff": diff,
    }
