"""Differential expression of every gene between two regions: the permutation ANOVA of JuGEx."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.caveats import list_design_caveats, list_filter_caveats, list_gene_caveats, warn_of_design
from jugex.analysis.describe import (
    describe_boundary,
    describe_design,
    describe_exchanges,
    describe_run,
    describe_tails,
)
from jugex.analysis.design import Exchange
from jugex.analysis.gene_values import find_status, make_design, summarize_genes
from jugex.analysis.inference import infer
from jugex.analysis.options import Rng, check_options, make_generator
from jugex.analysis.result import DifferentialExpression
from jugex.analysis.scores import Statistic
from jugex.analysis.tables import make_table
from jugex.analysis.tails import explain_no_tails
from jugex.query import RegionPair, describe_query

__all__ = ["differential_expression"]

#: Regions further apart (mm between their centroids) than this have no border in common.
_FAR_APART = 40.0


def differential_expression(
    pair: RegionPair,
    *,
    n_permutations: int = 10_000,
    rng: Rng = None,
    statistic: Statistic = "adjusted",
    exchange: Exchange = "within-donor",
    probes: ProbeAggregation = "winsorized-mean",
    covariates: None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
) -> DifferentialExpression:
    """Test each gene for another expression in region 1 than in region 2.

    Per gene, the z-scores of its probes become one value per sample, and an analysis of variance with the factors
    area and donor gives F of area. Its p-values come from relabelled samples, and are corrected for the family
    of genes by the maximum of F over the genes of each relabelling.

    Parameters
    ----------
    pair : RegionPair
        What `jugex.query.region_pair` returned.
    n_permutations : int
        Number of random relabellings, m; all genes share them. No p is below 1 / (m + 1).
    rng : int, numpy.random.Generator or None
        Seed or source of the relabellings. None draws a seed and records it.
    statistic : {'adjusted', 'sequential', 'welch'}
        Sum of squares of area: adjusted for donor (type II, which is type III here); before donor (type I),
        as PyJuGEx and siibra-jugex compute it; or adjusted, with a variance for each region.
    exchange : {'within-donor', 'free'}
        Whether labels are exchanged among the samples of each donor, or among all. Only the former is exact whatever
        the donors' means and spreads.
    probes : {'winsorized-mean', 'winsorized-mean-scipy', 'mean', 'median', 'max-variance', 'stability', 'single'}
        How the probes of a gene become one value; see `jugex.analysis.aggregate.aggregate_probes`.
    covariates : None
        Covariates beside donor are not supported by this version.
    alpha : float
        Family-wise error at which a gene is called significant.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.
    tail : bool
        Add `p_perm_tail` and `p_fwe_tail`: where fewer than ten relabellings reach F, p from a generalised Pareto
        distribution fitted to the largest F of the relabellings. `significant` never uses them.

    Returns
    -------
    DifferentialExpression

    Raises
    ------
    OptionError
        Where an argument has a value that is not allowed.
    DesignError
        Where no donor has samples in both regions, or no residual degree of freedom is left.

    Warns
    -----
    DesignWarning
        Where the design can never reach `alpha`, or `q_fdr` can never reach it with so few permutations.

    Notes
    -----
    The method is that of Bludau et al. (2018), doi 10.1007/s00429-018-1620-6, section "Statistical analysis", with
    labels exchanged within donors by default. The maximum statistic is that of Westfall and Young (1993).

    Examples
    --------
    >>> import jugex
    >>> pair = jugex.query.region_pair(*jugex.demo_regions(), genes=["MAOA", "TAC1", "GAD2"], atlas="simulated")
    >>> result = jugex.analysis.differential_expression(pair, n_permutations=999, rng=0)
    >>> sorted(result.significant["gene"])
    ['MAOA', 'TAC1']
    """
    options = check_options(n_permutations, statistic, exchange, probes, covariates, alpha, n_jobs, tail)
    generator, randomness = make_generator(rng)
    design = make_design(pair)
    names = (pair.regions[0].name, pair.regions[1].name)
    design.check_testable(names)
    genes = summarize_genes(pair, options.probes)
    status = find_status(genes.zscores, design)
    tested = np.flatnonzero(status == "ok")
    warned = warn_of_design(design, options, len(tested))
    points, why_no_border = _find_border(pair)
    inference = infer(genes.zscores[tested], genes.levels[tested], design, options, generator, points)
    table = make_table(genes, design, status, tested, inference, options.alpha)
    exchanges = pd.DataFrame(dict(inference.p_fwe_by_exchange.items()))
    exchanges.insert(0, "gene", genes.labels[tested])
    why_no_tails = explain_no_tails(inference.relabellings)
    settings: dict[str, Any] = {
        **describe_run(options, pair, design, randomness, inference.relabellings),
        "design": describe_design(design, pair, options.statistic),
        **describe_query(pair),
        "exchanges": describe_exchanges(exchanges, options),
        "boundary": describe_boundary(inference.boundary, why_no_border),
        **describe_tails(inference.tails, why_no_tails),
        "warnings": [
            *pair.warnings,
            *warned,
            *list_filter_caveats(pair.probe_filter),
            *list_design_caveats(design, names),
            *list_gene_caveats(table, exchanges, options),
        ],
        "empty": _explain_empty_columns(table, why_no_border, why_no_tails),
    }
    settings["genes"].update(n_tested=len(tested), n_not_tested=len(status) - len(tested))
    zscores = pd.DataFrame(genes.zscores.T, columns=genes.labels)
    return DifferentialExpression(table, pair.samples, zscores, settings, inputs=pair)


def _find_border(pair: RegionPair) -> tuple[np.ndarray | None, str]:
    """Coordinates (n, 3) of the samples where the regions have a border to ask about, else why they have none."""
    points = pair.samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    if not np.isfinite(points).all():
        return None, "some samples have no coordinate"
    distance = float(np.linalg.norm(pair.regions[0].centroid - pair.regions[1].centroid))
    if distance > _FAR_APART:
        return None, f"the regions' centroids are {distance:.0f} mm apart, more than {_FAR_APART:.0f} mm"
    return points, ""


def _explain_empty_columns(table: pd.DataFrame, why_no_border: str, why_no_tails: str) -> dict[str, str]:
    """Say for each column that is empty for every gene tested why it is."""
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    reasons = {
        "p_boundary": why_no_border,
        "p_donor": "more than 12 donors have samples in both regions",
        "ci_donors_low": "one donor has samples in both regions",
        "ci_donors_high": "one donor has samples in both regions",
        "hedges_g": "one residual degree of freedom",
        "sd_ratio": "each sample of a region is alone in its donor",
        "probe_r": "no gene has two probes that vary",
        "entrez_id": "the atlas has none",
        "p_perm_tail": why_no_tails,
        "p_fwe_tail": why_no_tails,
    }
    empty = [str(column) for column in table if tested[column].isna().all()]
    return {column: reasons.get(column, "no gene was tested") for column in empty}
