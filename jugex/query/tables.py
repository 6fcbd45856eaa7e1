"""Expression of genes in one region, as a tidy table."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

import numpy as np
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import Side
from jugex.genes import AliasesLike
from jugex.query.filtering import Structures, read_filter
from jugex.query.locating import COORDINATES, AtlasLike, Donors, locate_samples, probes_of
from jugex.query.sources import open_source
from jugex.regions import Region

__all__ = ["EXPRESSION_COLUMNS", "expressions"]

#: Columns of the table of `expressions`: siibra's, in siibra's order, then jugex's own.
EXPRESSION_COLUMNS = (
    "level", "zscore", "gene", "race", "gender", "age", "mni_xyz", "sample", "probe_id", "donor_name",
    "well_id", "structure_acronym", "structure_name", "probability",
)  # fmt: skip


def expressions(
    region: Region,
    genes: str | int | Iterable[str | int],
    *,
    atlas: AtlasLike | None = None,
    donors: Donors | None = None,
    within: Structures | None = None,
    exclude: Structures | None = None,
    tolerance: float = 0.0,
    aliases: AliasesLike | None = None,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Expression of genes in the samples that lie in a region, as a tidy table.

    Parameters
    ----------
    region : Region
        Where to look.
    genes : str, int or iterable of them
        Gene symbols or Entrez ids.
    atlas : ExpressionAtlas, path or str, optional
        As for `jugex.open_atlas`.
    donors : sequence of str or int, optional
        Donors to look at, by name or id; default: all.
    within, exclude, tolerance, aliases, coordinates, mirror, reannotation
        As for `jugex.query.region_pair`.

    Returns
    -------
    DataFrame
        One row per sample and probe, ordered by donor, sample and probe: `level` (log2), `zscore`, `gene`, `race`,
        `gender`, `age` (years), `mni_xyz` (tuple, mm), `sample` (index within the donor), `probe_id`, `donor_name`,
        `well_id`, `structure_acronym`, `structure_name`, `probability`. The key of a sample is `well_id`, never its
        coordinate: two donors share coordinates. ``attrs["space"]`` names the space, ``attrs["region"]`` the region as
        the atlas calls it.

    Raises
    ------
    RegionError
        Where the region holds no sample, or none of the structures asked for, or a structure is unknown.
    GeneError
        Where the atlas has none of the genes.

    Examples
    --------
    >>> import jugex
    >>> region, _ = jugex.demo_regions()
    >>> table = jugex.query.expressions(region, ["MAOA"], atlas="simulated")
    >>> list(table.columns[:3])
    ['level', 'zscore', 'gene']
    """
    source, selection = open_source(
        atlas,
        genes=genes,
        donors=donors,
        aliases=aliases,
        coordinates=coordinates,
        mirror=mirror,
        reannotation=reannotation,
    )
    probes = probes_of(selection, source).sort_values("probe_id")
    filters = read_filter(source, within=within, exclude=exclude, tolerance=tolerance)
    region = filters.prepare(region, source)
    located = filters.apply(locate_samples(region, source), region, source.samples)
    samples = source.samples[located["inside"]].assign(probability=located["probability"])
    table = _tidy(samples, probes, source)
    table.attrs["region"] = region.name
    return table


def _tidy(samples: pd.DataFrame, probes: pd.DataFrame, atlas: ExpressionAtlas) -> pd.DataFrame:
    """One row per sample and probe, from n samples and p probes."""
    n, p = len(samples), len(probes)
    keys = {"well_ids": samples["well_id"].to_numpy(), "probe_ids": probes["probe_id"].to_numpy()}
    described = samples.merge(atlas.donors, on="donor_name", how="left", validate="many_to_one")
    described["mni_xyz"] = list(described[list(COORDINATES)].itertuples(index=False, name=None))
    table = described.iloc[np.repeat(np.arange(n), p)].reset_index(drop=True)
    table["level"] = atlas.levels(**keys).astype(np.float64).ravel()
    table["zscore"] = atlas.zscores(**keys).ravel()
    for column in ("gene", "probe_id"):
        table[column] = np.tile(probes[column].to_numpy(), n)
    table = table[list(EXPRESSION_COLUMNS)]
    table.attrs.update(space=atlas.space, atlas=atlas.name, simulated=atlas.simulated)
    return table
