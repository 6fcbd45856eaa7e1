"""Probes of the genes in question, less those without Entrez id or above background in too few samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import AtlasError
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
    """Take the probes of the genes in question that have an Entrez id and are present in enough samples.

    Both filters are the user's choice. The samples are pooled: no filter looks at the region to which one belongs.

    Parameters
    ----------
    selection : GeneSelection
        Genes in question.
    atlas : ExpressionAtlas
        Where the probes and their calls are.
    well_ids : ndarray of int
        Samples of all regions; one that is in two counts once.
    options : QueryOptions
        `require_entrez`, `min_present` and `present_in`.

    Returns
    -------
    selection : GeneSelection
        Less the genes that have no probe left.
    probes : DataFrame
        Rows of the atlas's probes.
    record : ProbeFilterRecord or None
        The filters and their counts; None without a filter.

    Raises
    ------
    AtlasError
        If the atlas has no present calls, or no Entrez ids.
    GeneError
        If no gene is left.
    """
    probes = probes_of(selection, atlas)
    if options.min_present is None and not options.require_entrez:
        return selection, probes, None
    everywhere = options.present_in == "all"
    wells = atlas.samples["well_id"].to_numpy() if everywhere else np.unique(well_ids)
    kept = probes
    lost: list[str] = []
    if options.require_entrez:
        if atlas.probes["entrez_id"].isna().all():
            raise AtlasError(f"{atlas.name} has no Entrez ids of probes; leave require_entrez (--require-entrez) out")
        kept = probes[probes["entrez_id"].notna().to_numpy()]
        selection, lost = _leave_out(selection, probes, kept, "without an Entrez id")
    n_without_entrez = len(probes) - len(kept)
    if options.min_present is not None:
        before = kept
        kept = kept[_share_present(atlas, wells, kept["probe_id"].to_numpy()) >= options.min_present]
        where = "all samples of the atlas" if everywhere else "the samples of the regions"
        why = f"above background in less than {options.min_present:g} of {where}"
        selection, lost_here = _leave_out(selection, before, kept, why)
        lost += lost_here
    record = ProbeFilterRecord(
        min_present=None if options.min_present is None else float(options.min_present),
        present_in=options.present_in,
        n_samples=len(wells),
        n_probes=len(probes),
        n_probes_left_out=len(probes) - len(kept),
        n_genes_left_out=len(lost),
        require_entrez=options.require_entrez,
        n_without_entrez=n_without_entrez,
    )
    return selection, kept, record


def _leave_out(
    selection: GeneSelection, before: pd.DataFrame, after: pd.DataFrame, why: str
) -> tuple[GeneSelection, list[str]]:
    """The selection less the genes that lost all their probes, and these."""
    lost = before.loc[~before["gene"].isin(after["gene"]), "gene"].unique().tolist()
    return (selection.without(lost, why) if lost else selection), lost


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
