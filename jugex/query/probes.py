"""Probes of the genes in question: which of them count, and how they become one value per gene."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import AtlasError, OptionError
from jugex.genes import GeneSelection
from jugex.model.options import QueryOptions
from jugex.model.query_record import ProbeFilterRecord
from jugex.progress import track
from jugex.stats.aggregation import (
    ProbeAggregation,
    aggregate_probes,
    differential_stability,
    probe_mean,
    probe_sd,
)

__all__ = ["aggregate_by_gene", "cut_by_gene", "filter_probes", "probes_of", "score_probes", "sort_probes"]

Floats = npt.NDArray[np.float64]

_PROBES_PER_CHUNK = 2048  # of all samples of the atlas: 60 MB


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


def aggregate_by_gene(
    probes: pd.DataFrame, values: Floats, how: ProbeAggregation, *, score: Floats | None = None
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Reduce values of probes to genes, in alphabetical order; with `single`, sort the probes by gene and id.

    Parameters
    ----------
    probes : DataFrame, p rows
        `probe_id`, `probe_name`, `gene`; numbered from 0.
    values : ndarray of float64, shape (n, p)
        Log2 levels or z-scores of n samples.
    how : str
    score : ndarray, shape (p,), optional
        As of `score_probes`.

    Returns
    -------
    labels : ndarray of str, shape (g,)
        What each gene, or probe, is called.
    values : ndarray of float64, shape (g, n)
    """
    if how == "single":
        order = sort_probes(probes)
        return (probes["gene"] + " " + probes["probe_name"]).to_numpy(dtype=object)[order], values.T[order]
    gene_of_probe, symbols = pd.factorize(probes["gene"], sort=True)
    return np.asarray(symbols, dtype=object), aggregate_probes(values, gene_of_probe, how, score=score)


def cut_by_gene(genes: pd.Series[Any], at_once: int) -> Iterator[npt.NDArray[np.intp]]:
    """Rows of probes in blocks of whole genes, in the order in which the atlas has them: it is read from end to end.

    Parameters
    ----------
    genes : Series of str, length p
        The gene of each probe, in the order of the atlas.
    at_once : int
        Genes in a block.
    """
    codes = pd.factorize(genes)[0]  # by where each gene occurs first
    order = np.argsort(codes // at_once, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order] // at_once)) + 1)


def sort_probes(probes: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Rows of probes in the order of genes, then of ids."""
    return probes.sort_values(["gene", "probe_id"]).index.to_numpy()


def score_probes(
    atlas: ExpressionAtlas, probes: pd.DataFrame, levels: npt.NDArray[np.floating], how: ProbeAggregation
) -> Floats | None:
    """Score (p,) by which one probe of a gene is chosen; None where none is.

    `max-variance` takes the variance of the log2 levels (n, p) over the samples of all regions, pooled, `max-mean`
    their mean; `stability` the differential stability over all samples of the atlas (of the donors in use), because
    the structures in a few regions have no pattern.

    Raises
    ------
    OptionError
        For `max-mean`, where the atlas has z-scores and no levels; for `stability`, where no two donors of the atlas
        share three structures.
    """
    if how == "max-mean" and not atlas.has_levels:
        raise OptionError(f"probes='max-mean' needs levels, and {atlas.name} has only z-scores; choose another way")
    if how == "max-variance":
        return probe_sd(levels)
    if how == "max-mean":
        return probe_mean(levels)
    return _score_stability(atlas, probes) if how == "stability" else None


def _score_stability(atlas: ExpressionAtlas, probes: pd.DataFrame) -> Floats:
    """Differential stability of each probe (p,); NaN for those that are alone of their gene."""
    score = np.full(len(probes), np.nan)
    rivals = np.flatnonzero(probes["gene"].duplicated(keep=False).to_numpy(dtype=bool))
    samples = atlas.samples[["structure_id", "donor_name", "well_id"]].dropna()  # the user's own may have no structure
    structures, donors = samples["structure_id"].to_numpy(), pd.factorize(samples["donor_name"])[0]
    probe_ids = probes["probe_id"].to_numpy()
    starts = range(0, len(rivals), _PROBES_PER_CHUNK)
    for start in track(starts, description="stability of probes", total=len(starts)):
        chunk = rivals[start : start + _PROBES_PER_CHUNK]
        score[chunk] = differential_stability(
            atlas.levels(well_ids=samples["well_id"], probe_ids=probe_ids[chunk]), structures, donors
        )
    if len(rivals) and np.isnan(score[rivals]).all():
        raise OptionError(
            "probes='stability' compares brain structures between donors, and no two of the "
            f"{len(atlas.donors)} donors of {atlas.name} share three; take more donors, or another way from probes to "
            "genes"
        )
    return score
