"""The difference between two regions donor by donor, and hemisphere by hemisphere: descriptive tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import ResultError
from jugex.model.columns import PROBE_COLUMNS
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.details import design_of, find_tested, values_of
from jugex.spaces import HEMISPHERES, hemisphere_of
from jugex.stats.design import Design
from jugex.stats.effects import adjusted_difference, compute_donor_differences, remove_covariates

__all__ = ["DONOR_COLUMNS", "HEMISPHERE_COLUMNS", "by_hemisphere", "donor_differences"]

#: Columns of `donor_differences`; where every probe is tested by itself, its id and name follow `gene`.
DONOR_COLUMNS = ("gene", "donor_name", "n_1", "n_2", "weight", "diff", "ci_low", "ci_high")
#: Columns of `by_hemisphere`; those of probes follow `gene` where each probe is tested by itself.
HEMISPHERE_COLUMNS = ("gene", "hemisphere", "n_samples_1", "n_samples_2", "n_donors", "diff")

_NOTE = (
    "Descriptive: of the Allen Human Brain Atlas's six donors, only two were sampled in the right hemisphere, so that "
    "whether a difference is another one there cannot be told from how these two donors differ from the others. Hence "
    "no p-values."
)


def donor_differences(data: ComparisonData, genes: Sequence[str] | str | None = None) -> pd.DataFrame:
    """Difference of the regions in each donor that has samples in both.

    Parameters
    ----------
    data : ComparisonData
        Of two regions, computed here or read from disk.
    genes : sequence of str, str or None
        Entries of ``data.labels``; default: every gene that was tested.

    Returns
    -------
    DataFrame, one row per gene and informative donor
        Genes in the order of ``data.table``, donors in that of the samples. `n_1`, `n_2`: the donor's samples in
        the regions; `weight`: n_1 n_2 / (n_1 + n_2), the donor's part in the gene's `diff`, which is the weighted mean
        of the donors' differences; `diff`: mean of region 1 minus mean of region 2 in this donor, in z-scores;
        `ci_low`, `ci_high`: diff +- t(.975, df_resid) sqrt(MSE (1 / n_1 + 1 / n_2)).

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    DesignError
        If both regions have one name.

    Notes
    -----
    MSE = ss_resid / df_resid is the residual variance of the whole model, pooled over donors, because a donor may have
    a single sample in a region. So the interval takes the samples as replicates and the donors as equally variable;
    it says how precisely this donor's difference is measured, not how far another donor's may lie. Where covariates
    stand in the model, what it gives to them is taken off first.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.donor_differences("MAOA")[["donor_name", "n_1", "n_2", "diff"]].round(2).head(2)
       donor_name  n_1  n_2  diff
    0  H0351.2001   13   12 -1.97
    1  H0351.2002    6    6 -2.14
    """
    from scipy.special import stdtrit

    table, design = find_tested(data, genes), design_of(data)
    found = compute_donor_differences(remove_covariates(values_of(data, table.index), design), design)
    donors, diff = found.donors, found.diff
    n_1, n_2 = design.counts[donors].T
    df = table["df_resid"].to_numpy(dtype=np.float64)
    mse = table["ss_resid"].to_numpy(dtype=np.float64) / df
    margin = stdtrit(df, 0.975)[:, None] * np.sqrt(mse[:, None] * (1 / n_1 + 1 / n_2))
    n_genes, n_donors = diff.shape
    named = [column for column in ("gene", *PROBE_COLUMNS) if column in table]
    names = data.samples["donor_name"].to_numpy(dtype=object)[design.donor_starts][donors]
    rows = table[named].iloc[np.repeat(np.arange(n_genes), n_donors)].reset_index(drop=True)
    return rows.assign(
        donor_name=np.tile(names, n_genes),
        n_1=np.tile(n_1, n_genes),
        n_2=np.tile(n_2, n_genes),
        weight=np.tile(found.weights, n_genes),
        diff=diff.ravel(),
        ci_low=(diff - margin).ravel(),
        ci_high=(diff + margin).ravel(),
    )


def by_hemisphere(data: ComparisonData, genes: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The difference of each gene between the regions, in each hemisphere by itself.

    Parameters
    ----------
    data : ComparisonData
        Of two regions, computed here or read from disk.
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
        If a gene is not in the result, or was not tested.
    ResultError
        If samples were mirrored and the result was read from disk, which does not tell where they were taken.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.by_hemisphere("MAOA")[["hemisphere", "n_donors"]]
      hemisphere  n_donors
    0       left         5
    """
    listed = find_tested(data, genes)
    sides, values, design = _find_hemispheres(data), values_of(data, listed.index), design_of(data)
    named = listed[["gene", *(column for column in PROBE_COLUMNS if column in listed)]].reset_index(drop=True)
    tables = []
    for side in HEMISPHERES:
        there = sides == side
        if not there.any():
            continue
        donors = pd.factorize(design.donors[there])[0].astype(np.intp)
        of_side = Design(design.codes[there], donors)
        diff = np.full(len(values), np.nan)
        if of_side.n_informative_donors:
            diff = adjusted_difference(values[:, there], of_side)
        n_1, n_2 = of_side.counts.sum(axis=0)
        tables.append(
            named.assign(
                hemisphere=side,
                n_samples_1=int(n_1),
                n_samples_2=int(n_2),
                n_donors=of_side.n_informative_donors,
                diff=diff,
            )
        )
    table = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True)
    table.attrs["note"] = _NOTE
    return table


def _find_hemispheres(data: ComparisonData) -> npt.NDArray[np.object_]:
    """Hemisphere in which each sample was taken (n,); missing without a coordinate."""
    if data.record.atlas.changes.mirror is None:
        return hemisphere_of(data.samples["mni_x"].to_numpy(dtype=np.float64))
    if data.query is None:
        raise ResultError(
            "the samples were mirrored, and a result read from disk does not say in which hemisphere they were taken; "
            "repeat the comparison and use that result"
        )
    taken = data.query.atlas.samples.set_index("well_id")["hemisphere"]
    return taken.reindex(data.samples["well_id"]).to_numpy(dtype=object)
