"""A pair of regions as AnnData, for the many tools that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jugex.atlas.formats import import_anndata
from jugex.query.locating import COORDINATES

if TYPE_CHECKING:
    from anndata import AnnData

    from jugex.query.pairs import RegionPair

__all__ = ["annotate_samples", "pair_to_anndata"]


def pair_to_anndata(pair: RegionPair) -> AnnData:
    """Return the samples and probes of a pair of regions as AnnData; needs the extra ``anndata``.

    Parameters
    ----------
    pair : RegionPair
        What to export: n samples x p probes.

    Returns
    -------
    AnnData, n x p
        `obs`: the samples (`RegionPair.samples`) with what is known of their donors (`age`, `gender`, `race`), named by
        well, or by well and region where a sample counts in both; `var`: the probes, named by `probe_name` where these
        differ, else by `probe_id`; `X`: z-scores; ``layers["levels"]``: log2 levels; ``obsm["mni"]``: coordinates
        (n, 3) in mm; `uns`: `space`, `regions`, `atlas`, `simulated`.

    Raises
    ------
    AtlasError
        Where anndata is not installed.
    """
    anndata = import_anndata()
    names = pair.probes["probe_name" if pair.probes["probe_name"].is_unique else "probe_id"]
    var = pair.probes.set_axis(pd.Index(names.astype(str).to_numpy(dtype=object)), axis=0)
    adata: AnnData = anndata.AnnData(
        X=pair.zscores.copy(),
        obs=annotate_samples(pair.samples, pair.atlas.donors),
        var=var,
        layers={"levels": pair.levels.copy()},
        obsm={"mni": pair.samples[list(COORDINATES)].to_numpy(dtype=np.float64)},
        uns={
            "space": pair.atlas.space,
            "regions": np.array([region.name for region in pair.regions]),
            "atlas": pair.atlas.name,
            "simulated": pair.atlas.simulated,
        },
    )
    return adata


def annotate_samples(samples: pd.DataFrame, donors: pd.DataFrame) -> pd.DataFrame:
    """Samples with what is known of their donors, as AnnData's `obs`: texts without gaps, rows named by well.

    Parameters
    ----------
    samples : DataFrame, n rows
        Samples of two regions; where one counts in both, its rows are named by well and region.
    donors : DataFrame
        `donor_name`, and the columns `age`, `gender` and `race`.

    Returns
    -------
    DataFrame, n rows
    """
    known = donors[["donor_name", "age", "gender", "race"]]
    obs = samples.merge(known, on="donor_name", how="left")
    obs["age"] = obs["age"].astype(np.float64)
    for column in ("region", "donor_name", "structure_acronym", "structure_name", "gender", "race"):
        obs[column] = obs[column].astype(object).where(obs[column].notna(), "").astype(str)
    named = obs["well_id"].astype(str)
    named = named.where(~named.duplicated(keep=False), named + " " + obs["region"])
    return obs.set_axis(pd.Index(named.to_numpy(dtype=object)), axis=0)
