"""Probes of the genes in question, less those that are above background in too few samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.genes import GeneSelection
from jugex.model.options import QueryOptions
from jugex.model.query_record import ProbeFilterRecord

__all__ = ["filter_probes", "probes_of"]


def probes_of(selection: GeneSelection, atlas: ExpressionAtlas) -> pd.DataFrame:
    """Rows of the atlas's probes that belong to the genes found."""
    return atlas.probes[atlas.probes["gene"].isin(selection.found)]


def filter_probes(
    selection: GeneSelection, atlas: ExpressionAtlas, well_ids: npt.NDArray[np.integer], options: QueryOptions
) -> tuple[GeneSelection, pd.DataFrame, ProbeFilterRecord | None]:
    """Take the probes of the genes in question that are present in enough samples.

    The samples are pooled: the filter never looks at the region to which one belongs.

    Parameters
    ----------
    selection : GeneSelection
        Genes in question.
    atlas : ExpressionAtlas
        Where the probes and their calls are.
    well_ids : ndarray of int
        Samples of all regions; one that is in two counts once.
    options : QueryOptions
        `min_present` and `present_in`.

    Returns
    -------
    selection : GeneSelection
        Less the genes that have no probe left.
    probes : DataFrame
        Rows of the atlas's probes.
    record : ProbeFilterRecord or None
        The filter and its counts; None without a filter.

    Raises
    ------
    AtlasError
        Where the atlas has no present calls.
    GeneError
        Where no gene is left.
    """
    probes = probes_of(selection, atlas)
    if options.min_present is None:
        return selection, probes, None
    everywhere = options.present_in == "all"
    wells = atlas.samples["well_id"].to_numpy() if everywhere else np.unique(well_ids)
    kept = probes[_share_present(atlas, wells, probes["probe_id"].to_numpy()) >= options.min_present]
    lost = probes.loc[~probes["gene"].isin(kept["gene"]), "gene"].unique().tolist()
    if lost:
        where = "all samples of the atlas" if everywhere else "the samples of the regions"
        selection = selection.without(lost, f"above background in less than {options.min_present:g} of {where}")
    record = ProbeFilterRecord(
        min_present=float(options.min_present),
        present_in=options.present_in,
        n_samples=len(wells),
        n_probes=len(probes),
        n_probes_left_out=len(probes) - len(kept),
        n_genes_left_out=len(lost),
    )
    return selection, kept, record


def _share_present(
    atlas: ExpressionAtlas, well_ids: npt.NDArray[np.integer], probe_ids: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Share of samples in which each probe is present, shape (p,)."""
    donor_of_well = atlas.samples.set_index("well_id")["donor_name"].reindex(pd.Index(well_ids)).to_numpy()
    n_present = np.zeros(len(probe_ids))
    for donor_name in pd.unique(donor_of_well):  # donor by donor: all calls at once are 0.2 GB
        calls = atlas.present(well_ids=well_ids[donor_of_well == donor_name], probe_ids=probe_ids)
        n_present += calls.sum(axis=0)
    return n_present / len(well_ids)
