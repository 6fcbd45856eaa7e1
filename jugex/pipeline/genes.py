"""From probes to genes: one value per gene and sample, and which genes can be tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import GeneError, OptionError
from jugex.genes import GeneSelection
from jugex.model.columns import PROBE_COLUMNS
from jugex.progress import track
from jugex.query import RegionGroup
from jugex.query.probes import filter_probes
from jugex.stats.aggregation import (
    SELECTIONS,
    ProbeAggregation,
    aggregate_probes,
    differential_stability,
    mean_probe_correlation,
    probe_mean,
    probe_variance,
)
from jugex.stats.design import Design

__all__ = [
    "NO_CALLS",
    "GeneValues",
    "aggregate_by_gene",
    "find_status",
    "measure_genes",
    "score_probes",
    "share_present",
    "summarize_genes",
]

Floats = npt.NDArray[np.float64]

#: Why nothing is known of the background of the array.
NO_CALLS = "the atlas has no present calls"

_GENES_AT_ONCE = 1_000
_PROBES_PER_CHUNK = 2048  # of all samples of the atlas: 60 MB


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
        sorted_probes = probes.loc[_sort_probes(probes)].reset_index(drop=True)
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
        order = _sort_probes(probes)
        return (probes["gene"] + " " + probes["probe_name"]).to_numpy(dtype=object)[order], values.T[order]
    gene_of_probe, symbols = pd.factorize(probes["gene"], sort=True)
    return np.asarray(symbols, dtype=object), aggregate_probes(values, gene_of_probe, how, score=score)


def _sort_probes(probes: pd.DataFrame) -> npt.NDArray[np.intp]:
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
        For `max-mean`, where the atlas has z-scores and no levels; for `stability`, as in `summarize_genes`.
    """
    if how == "max-mean" and not atlas.has_levels:
        raise OptionError(f"probes='max-mean' needs levels, and {atlas.name} has only z-scores; choose another way")
    if how == "max-variance":
        return probe_variance(levels)
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


def measure_genes(
    group: RegionGroup, symbols: list[str], well_ids: npt.NDArray[np.integer], how: ProbeAggregation
) -> tuple[list[str], Floats]:
    """Gene-level z-scores of genes in samples of the atlas, by the aggregation `how` and the filter of the query.

    Returns
    -------
    labels : list of str, length g
    values : ndarray of float64, shape (g, N)
    """
    labels: list[str] = []
    parts = []
    chunks = range(0, len(symbols), _GENES_AT_ONCE)
    for start in track(chunks, description="tissue around the regions", total=len(chunks)):
        selection = GeneSelection(requested=None, found=tuple(symbols[start : start + _GENES_AT_ONCE]))
        used = group.samples["well_id"].to_numpy()
        try:
            _, probes, _ = filter_probes(selection, group.atlas, used, group.options)
        except GeneError:  # the filter left none of them a probe
            continue
        probes = probes.reset_index(drop=True)
        probe_ids = probes["probe_id"].to_numpy()
        zscores = group.atlas.zscores(well_ids=well_ids, probe_ids=probe_ids)
        score = None
        if how in SELECTIONS:  # the probe that the run chooses
            score = score_probes(group.atlas, probes, group.atlas.levels(well_ids=used, probe_ids=probe_ids), how)
        names, values = aggregate_by_gene(probes, zscores, how, score=score)
        labels += names.tolist()
        parts.append(values)
    return labels, np.concatenate(parts) if parts else np.empty((0, len(well_ids)))


def find_status(values: Floats, design: Design) -> npt.NDArray[np.object_]:
    """Whether each gene (g, n) has an F: "ok", or why not, shape (g,)."""
    n_missing = np.isnan(values).sum(axis=1)
    complete = np.where(np.isnan(values), 0.0, values)
    status = np.full(len(values), "ok", dtype=object)
    status[~design.varies_within_donors(complete)] = "not tested: constant within every donor"
    status[np.ptp(complete, axis=1) == 0] = "not tested: constant over the samples used"
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
