"""From probes to genes: one value per gene and sample, and which genes can be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import GeneError
from jugex.genes import GeneSelection
from jugex.model.columns import PROBE_COLUMNS
from jugex.progress import track
from jugex.query import RegionGroup
from jugex.query.probes import aggregate_by_gene, cut_by_gene, filter_probes, score_probes, sort_probes
from jugex.stats.aggregation import SELECTIONS, ProbeAggregation, mean_probe_correlation
from jugex.stats.design import Design

__all__ = [
    "NO_CALLS",
    "GeneValues",
    "find_status",
    "measure_genes",
    "share_present",
    "summarize_genes",
]

Floats = npt.NDArray[np.float64]

#: Why nothing is known of the background of the array.
NO_CALLS = "the atlas has no present calls"

_GENES_AT_ONCE = 1_000


@dataclass(frozen=True, eq=False)
class GeneValues:
    """Gene-level data of g genes and n samples.

    Where every probe is tested by itself, it takes the place of a gene, and is called by both names.

    Attributes
    ----------
    labels : ndarray of str, shape (g,)
        What each gene, or probe, is called.
    annotation : DataFrame, g rows
        `gene`, `entrez_id`, `n_probes`, `probe_r`; for probes also `probe_id` and `probe_name`.
    zscores, levels : ndarray, shape (g, n)
        z-scores, and log2 levels by the same aggregation.
    """

    labels: npt.NDArray[np.object_]
    annotation: pd.DataFrame
    zscores: Floats
    levels: Floats

    @property
    def unit(self) -> Literal["gene", "probe"]:
        """What each of them is called."""
        return "probe" if "probe_name" in self.annotation else "gene"


def summarize_genes(group: RegionGroup, how: ProbeAggregation) -> GeneValues:
    """Reduce the probes of a query to genes.

    Genes come in alphabetical order, so that the order of probes and of the list asked for decides nothing.

    Raises
    ------
    OptionError
        For `stability`, where no two donors of the atlas share three structures.
    """
    probes = group.probes
    score = score_probes(group.atlas, probes, group.levels, how)
    labels, zscores = aggregate_by_gene(probes, group.zscores, how, score=score)
    _, levels = aggregate_by_gene(probes, group.levels.astype(np.float64), how, score=score)
    if not group.atlas.has_levels:  # what stands in their place are the z-scores
        levels = np.full_like(levels, np.nan)
    if how == "single":
        sorted_probes = probes.loc[sort_probes(probes)].reset_index(drop=True)
        annotation = sorted_probes[["gene", *PROBE_COLUMNS, "entrez_id"]].assign(n_probes=1, probe_r=np.nan)
    else:
        by_gene = probes.groupby("gene", sort=True)
        annotation = pd.DataFrame(
            {
                "gene": labels,
                "entrez_id": by_gene["entrez_id"].first().astype("Int64").to_numpy(),
                "n_probes": by_gene.size().to_numpy(),
                "probe_r": mean_probe_correlation(group.zscores, pd.factorize(probes["gene"], sort=True)[0]),
            }
        )
    return GeneValues(labels, annotation, zscores, levels)


def measure_genes(
    group: RegionGroup, symbols: Sequence[str], well_ids: npt.NDArray[np.integer], how: ProbeAggregation
) -> tuple[list[str], Floats]:
    """Gene-level z-scores of genes in samples of the atlas, by the aggregation `how` and the filter of the query.

    Returns
    -------
    labels : list of str, length g
        In alphabetical order of the genes.
    values : ndarray of float64, shape (g, N)
    """
    used = group.samples["well_id"].to_numpy()
    try:
        selection = GeneSelection(requested=None, found=tuple(symbols))
        probes = filter_probes(selection, group.atlas, used, group.options)[1].reset_index(drop=True)
    except GeneError:  # the filter left none of them a probe
        probes = group.probes.head(0)
    if probes.empty:
        return [], np.empty((0, len(well_ids)))
    if how == "single":
        labels = (probes["gene"] + " " + probes["probe_name"]).iloc[sort_probes(probes)].tolist()
    else:
        labels = sorted(set(probes["gene"]))
    place = pd.Index(labels)
    values = np.empty((len(labels), len(well_ids)))
    blocks = list(cut_by_gene(probes["gene"], _GENES_AT_ONCE))
    for rows in track(blocks, description="tissue around the regions", total=len(blocks)):
        block = probes.iloc[rows].reset_index(drop=True)
        probe_ids = block["probe_id"].to_numpy()
        zscores = group.atlas.zscores(well_ids=well_ids, probe_ids=probe_ids)
        score = None
        if how in SELECTIONS:  # the probe that the run chooses
            score = score_probes(group.atlas, block, group.atlas.levels(well_ids=used, probe_ids=probe_ids), how)
        names, of_block = aggregate_by_gene(block, zscores, how, score=score)
        values[place.get_indexer(pd.Index(names))] = of_block
    return labels, values


def find_status(values: Floats, design: Design) -> npt.NDArray[np.object_]:
    """Whether each gene (g, n) has an F: "ok", or why not, shape (g,)."""
    n_missing = np.isnan(values).sum(axis=1)
    complete = np.where(np.isnan(values), 0.0, values)
    status = np.full(len(values), "ok", dtype=object)
    status[~design.varies_within_donors(complete)] = "not tested: constant within every donor"
    status[complete.max(axis=1) == complete.min(axis=1)] = "not tested: constant over the samples used"
    for gene in np.flatnonzero(n_missing):
        status[gene] = f"not tested: missing in {n_missing[gene]} of {values.shape[1]} samples"
    return status


def share_present(group: RegionGroup, labels: list[str], *, by_probe: bool = False) -> pd.Series[float] | None:
    """Share of the samples used in which the probes of genes are above background, by the Allen Institute's calls.

    Parameters
    ----------
    group : RegionGroup
    labels : list of str
        Genes; or, with `by_probe`, genes and their probes, as results call them.
    by_probe : bool

    Returns
    -------
    Series or None
        By label, mean over its probes and the samples; None where the atlas has no calls.
    """
    if not group.atlas.has_calls:
        return None
    called = group.probes["gene"] + (" " + group.probes["probe_name"] if by_probe else "")
    is_wanted = called.isin(labels).to_numpy(dtype=np.bool_)
    if not is_wanted.any():
        return pd.Series(dtype=np.float64)
    calls = group.atlas.present(
        well_ids=group.samples["well_id"].to_numpy(), probe_ids=group.probes.loc[is_wanted, "probe_id"].to_numpy()
    )
    return pd.Series(calls.mean(axis=0)).groupby(called[is_wanted].to_numpy()).mean()
