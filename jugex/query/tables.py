"""Expression of genes in one region as a tidy table, and samples with their donors."""

from __future__ import annotations

from os import PathLike

import numpy as np
import pandas as pd

from jugex._arguments import explains_keywords
from jugex.atlas import ExpressionAtlas, open_atlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.genes import AliasesLike, GeneRequest, select_genes
from jugex.model.options import AtlasLike, Donors, QueryOptions, Structures
from jugex.query.probes import probes_of
from jugex.query.samples import COORDINATES, locate_samples, read_region, view_atlas
from jugex.regions import Region
from jugex.regions.grids import VoxelRule

__all__ = ["EXPRESSION_COLUMNS", "annotate_samples", "expressions"]

#: Columns of the table of `expressions`: siibra's, in siibra's order, then jugex's own.
EXPRESSION_COLUMNS = (
    "level", "zscore", "gene", "race", "gender", "age", "mni_xyz", "sample", "probe_id", "donor_name",
    "well_id", "structure_acronym", "structure_name", "probability",
)  # fmt: skip


@explains_keywords
def expressions(
    region: Region | str,
    genes: GeneRequest = None,
    *,
    atlas: AtlasLike | None = None,
    donors: Donors | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    voxel: VoxelRule = "nearest",
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Expression of genes in the samples that lie in a region, as a tidy table.

    Parameters
    ----------
    region : Region or str
        Where to look: a region, or a text as `jugex.regions.parse_region` reads it.
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene, which gives a row per sample and probe.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.
    donors : sequence of str or int, optional
        Donors to look at, by name or id; default: all.
    within, exclude, tolerance, voxel, aliases, coordinates, mirror, reannotation
        As for `jugex.query.region_pair`.

    Returns
    -------
    DataFrame
        One row per sample and probe, ordered by donor, sample and probe: `level` (log2; empty where the atlas has
        z-scores alone), `zscore`, `gene`, `race`,
        `gender`, `age` (years), `mni_xyz` (tuple, mm), `sample` (index within the donor), `probe_id`, `donor_name`,
        `well_id`, `structure_acronym`, `structure_name`, `probability`. The key of a sample is `well_id`, never its
        coordinate: two donors share coordinates. ``attrs["space"]`` names the space, ``attrs["region"]`` the region as
        the atlas calls it.

    Raises
    ------
    RegionError
        If the region holds no sample, or none of the structures asked for, or a structure is unknown.
    GeneError
        If the atlas has none of the genes.

    Examples
    --------
    >>> import jugex
    >>> region, _ = jugex.demo_regions()
    >>> table = jugex.query.expressions(region, ["MAOA"], atlas="simulated")
    >>> list(table.columns[:3])
    ['level', 'zscore', 'gene']
    """
    options = QueryOptions(
        genes=genes,
        donors=donors,
        within=within,
        exclude=exclude,
        tolerance=tolerance,
        voxel=voxel,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
    )
    given = read_region(region)
    source = view_atlas(open_atlas(atlas, donors=options.donors), options)
    selection = select_genes(options.genes, source.genes, aliases=options.aliases)
    located = locate_samples((given,), source, options)
    inside = located.inside[:, 0]
    samples = source.samples[inside].assign(probability=located.probability[inside, 0])
    table = _tidy(samples, probes_of(selection, source).sort_values("probe_id"), source)
    table.attrs["region"] = located.regions[0].name
    return table


def _tidy(samples: pd.DataFrame, probes: pd.DataFrame, atlas: ExpressionAtlas) -> pd.DataFrame:
    """One row per sample and probe, from n samples and p probes."""
    n, p = len(samples), len(probes)
    keys = {"well_ids": samples["well_id"].to_numpy(), "probe_ids": probes["probe_id"].to_numpy()}
    described = samples.merge(atlas.donors, on="donor_name", how="left", validate="many_to_one")
    described["mni_xyz"] = list(described[list(COORDINATES)].itertuples(index=False, name=None))
    table = described.iloc[np.repeat(np.arange(n), p)].reset_index(drop=True)
    table["level"] = atlas.levels(**keys).astype(np.float64).ravel() if atlas.has_levels else np.nan
    table["zscore"] = atlas.zscores(**keys).ravel()
    for column in ("gene", "probe_id"):
        table[column] = np.tile(probes[column].to_numpy(), n)
    table = table[list(EXPRESSION_COLUMNS)]
    table.attrs.update(space=atlas.space, atlas=atlas.name, simulated=atlas.simulated)
    return table


def annotate_samples(samples: pd.DataFrame, donors: pd.DataFrame) -> pd.DataFrame:
    """Samples with the age, gender and race of their donors, as `obs` of AnnData: no missing text, rows named by well.

    Parameters
    ----------
    samples : DataFrame, n rows
        Samples of regions; where one counts in two, its rows are named by well and region.
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
