"""From a query to what is tested: values of genes, design with its covariates, and what became of missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from jugex._text import count_of
from jugex.analysis.covariates import Covariate, adjust_for, check_complete, collect_covariates
from jugex.analysis.gene_values import GeneValues, find_status, make_design, summarize_genes
from jugex.analysis.options import Options
from jugex.errors import DesignError
from jugex.query import RegionPair
from jugex.stats.design import Design

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is tested.

    Attributes
    ----------
    pair : RegionPair
        The samples used.
    design : Design
    genes : GeneValues
        Values of g genes.
    status : ndarray of str, shape (g,)
        "ok" for genes that have an F, else why they have none.
    covariates : list of Covariate
        Those asked for, and what became of each.
    dropped : list of int
        Wells of samples left out because a value was missing.
    messages : list of str
        What the user was told of covariates and missing values.
    """

    pair: RegionPair
    design: Design
    genes: GeneValues
    status: npt.NDArray[np.object_]
    covariates: list[Covariate]
    dropped: list[int]
    messages: list[str]

    @property
    def tested(self) -> npt.NDArray[np.intp]:
        """Genes that have an F."""
        return np.flatnonzero(self.status == "ok")

    def describe(self) -> dict[str, Any]:
        """Covariates and missing values as settings record them (JSON types only)."""
        return {
            "covariates": [covariate.describe() for covariate in self.covariates],
            "missing": {"n_samples_dropped": len(self.dropped), "well_ids": self.dropped},
        }


def prepare(pair: RegionPair, options: Options) -> Prepared:
    """Prepare the test of a pair.

    Raises
    ------
    OptionError
        Where a covariate is not known.
    DesignError
        Where the samples admit no test, or a covariate has missing values that may not be dropped.

    Warns
    -----
    DesignWarning
        Where a covariate is left out of the model, or leaves little to find.
    """
    covariates = collect_covariates(pair, options.covariates)
    genes = summarize_genes(pair, options.probes)
    dropped: list[int] = []
    if options.missing == "drop-samples":
        pair, covariates, dropped = _drop_samples(pair, covariates, genes)
        genes = summarize_genes(pair, options.probes) if dropped else genes
    check_complete(covariates, can_drop=True)
    names = (pair.regions[0].name, pair.regions[1].name)
    design = make_design(pair)
    design, covariates, messages = adjust_for(design, covariates, names)
    if dropped:
        messages.append(f"{count_of(len(dropped), 'sample')} left out because of missing values")
    return Prepared(pair, design, genes, find_status(genes.zscores, design), covariates, dropped, messages)


def _drop_samples(
    pair: RegionPair, covariates: Sequence[Covariate], genes: GeneValues
) -> tuple[RegionPair, list[Covariate], list[int]]:
    """Leave out samples in which a gene or a covariate is missing; genes missing in all samples do not count."""
    is_known = ~np.isnan(genes.zscores).all(axis=1)
    is_missing = np.isnan(genes.zscores[is_known]).any(axis=0)
    for covariate in covariates:
        is_missing |= covariate.values.isna().to_numpy()
    if not is_missing.any():
        return pair, list(covariates), []
    kept = np.flatnonzero(~is_missing)
    for region in pair.regions:
        if not (pair.samples["region"].iloc[kept] == region.name).any():
            raise DesignError(
                f"each sample of {region.name!r} misses a value of some gene or covariate, so that "
                "missing='drop-samples' leaves none; leave out the genes that miss many, or take missing='drop-genes'"
            )
    shorter = [replace(c, values=c.values.iloc[kept].reset_index(drop=True)) for c in covariates]
    return pair.taking(kept), shorter, pair.samples["well_id"].to_numpy()[is_missing].tolist()
