"""From a query to arrays: the design, and one value per gene and sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.probe_scores import score_probes
from jugex.analysis.result import PROBE_COLUMNS
from jugex.query import RegionGroup, RegionPair
from jugex.stats.aggregation import ProbeAggregation, aggregate_probes, mean_probe_correlation
from jugex.stats.design import Design

__all__ = ["GeneValues", "find_status", "make_design", "summarize_genes"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GeneValues:
    """Gene-level data of g genes and n samples: labels, annotation, z-scores and levels (g, n).

    Where every probe is tested by itself, it takes the place of a gene, and is called by both names.
    """

    labels: npt.NDArray[np.object_]
    annotation: pd.DataFrame
    zscores: Floats
    levels: Floats

    @property
    def unit(self) -> str:
        """What each of them is called: a gene, or a probe."""
        return "probe" if "probe_name" in self.annotation else "gene"


def make_design(query: RegionPair | RegionGroup) -> Design:
    """Design of the samples of a query: donors are numbered in their order, in which they stand together by donor."""
    donors = np.asarray(pd.factorize(query.samples["donor_name"])[0], dtype=np.intp)
    if isinstance(query, RegionPair):
        return Design.of_two(query.in_region_1, donors)
    return Design(query.region_codes, donors, len(query.regions))


def summarize_genes(pair: RegionPair | RegionGroup, how: ProbeAggregation) -> GeneValues:
    """Genes in alphabetical order, so that the order of probes and of the list asked for decides nothing."""
    if how == "single":
        return _take_probes(pair)
    gene_of_probe, symbols = pd.factorize(pair.probes["gene"], sort=True)
    by_gene = pair.probes.groupby("gene", sort=True)
    annotation = pd.DataFrame(
        {
            "gene": np.asarray(symbols, dtype=object),
            "entrez_id": by_gene["entrez_id"].first().astype("Int64").to_numpy(),
            "n_probes": by_gene.size().to_numpy(),
            "probe_r": mean_probe_correlation(pair.zscores, gene_of_probe),
        }
    )
    score = score_probes(pair, how)
    zscores = aggregate_probes(pair.zscores, gene_of_probe, how, score=score)
    levels = aggregate_probes(pair.levels.astype(np.float64), gene_of_probe, how, score=score)
    return GeneValues(annotation["gene"].to_numpy(), annotation, zscores, levels)


def _take_probes(pair: RegionPair | RegionGroup) -> GeneValues:
    """Every probe by itself, by gene and probe id."""
    order = pair.probes.sort_values(["gene", "probe_id"]).index.to_numpy()
    probes = pair.probes.loc[order].reset_index(drop=True)
    annotation = probes[["gene", *PROBE_COLUMNS, "entrez_id"]].assign(n_probes=1, probe_r=np.nan)
    labels = (probes["gene"] + " " + probes["probe_name"]).to_numpy(dtype=object)
    zscores, levels = (np.ascontiguousarray(values.T[order]) for values in (pair.zscores, pair.levels))
    return GeneValues(labels, annotation, zscores, levels.astype(np.float64))


def find_status(values: Floats, design: Design) -> npt.NDArray[np.object_]:
    """Say of each gene (g, n) whether it has an F: "ok", or why not."""
    n_missing = np.isnan(values).sum(axis=1)
    complete = np.where(np.isnan(values), 0.0, values)
    is_constant = np.ptp(complete, axis=1) == 0
    status = np.full(len(values), "ok", dtype=object)
    status[~design.varies_within_donors(complete)] = "not tested: constant within every donor"
    status[is_constant] = "not tested: constant over the samples used"
    for gene in np.flatnonzero(n_missing):
        status[gene] = f"not tested: missing in {n_missing[gene]} of {values.shape[1]} samples"
    return status
