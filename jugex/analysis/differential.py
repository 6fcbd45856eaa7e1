"""Differential expression of every gene between two regions: the permutation ANOVA of JuGEx."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.background import describe_background, explain_coarse_p, list_background_caveats
from jugex.analysis.caveats import (
    list_design_caveats,
    list_filter_caveats,
    list_gene_caveats,
    list_region_caveats,
    list_side_caveats,
    smallest_p_of_run,
    warn_of_design,
)
from jugex.analysis.covariates import CovariatesLike
from jugex.analysis.describe import (
    describe_design,
    describe_exchanges,
    describe_run,
    describe_tails,
)
from jugex.analysis.design import Exchange
from jugex.analysis.floor import share_present
from jugex.analysis.inference import infer
from jugex.analysis.options import Collinear, Missing, Options, Rng, check_options, make_generator
from jugex.analysis.prepare import prepare
from jugex.analysis.result import DifferentialExpression
from jugex.analysis.scores import Statistic
from jugex.analysis.tables import make_table, tabulate_left_out
from jugex.analysis.tails import explain_no_tails
from jugex.query import RegionPair, describe_query

__all__ = ["differential_expression"]

#: Columns that this version does not compute yet.
_LADDER = (
    "p_donors", "p_donors_fwe", "p_spatial", "p_spatial_fwe", "diff_donors", "ci_donors_low", "ci_donors_high",
    "ci_spatial_low", "ci_spatial_high",
)  # fmt: skip


def differential_expression(
    pair: RegionPair,
    *,
    n_permutations: int = 10_000,
    rng: Rng = None,
    statistic: Statistic = "adjusted",
    exchange: Exchange = "within-donor",
    probes: ProbeAggregation = "winsorized-mean",
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
    tail: bool = False,
    missing: Missing = "drop-genes",
    collinear: Collinear = "redraw",
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
        Seed or source of the relabellings: those of the exchange chosen, then those of the other exchange, then, where
        a gene is significant, those without each donor. None draws a seed and records it.
    statistic : {'adjusted', 'sequential', 'welch'}
        Sum of squares of area: adjusted for donor (type II, which is type III here); before donor (type I),
        as PyJuGEx and siibra-jugex compute it; or adjusted, with a variance for each region.
    exchange : {'within-donor', 'free', 'freedman-lane'}
        Whether labels are exchanged among the samples of each donor, or among all. Only the former is exact whatever
        the donors' means and spreads, and beside covariates it is no more. `freedman-lane` shuffles the residuals of
        the model without area over all samples instead; it is slower, goes with `adjusted` alone, and is there to
        compare with other software.
    probes : {'winsorized-mean', 'winsorized-mean-scipy', 'mean', 'median', 'max-variance', 'stability', 'single'}
        How the probes of a gene become one value; see `jugex.analysis.aggregate.aggregate_probes`.
    covariates : str, DataFrame, or sequence of them, optional
        What stands in the model beside donor: `hemisphere`, `structure_class`, `mni_x`, `mni_y`, `mni_z`, or another
        column of the atlas's samples; or a table with one row per sample and its `well_id`, of which each other column
        is a covariate (also the path of one). Numbers enter linearly, text as a factor. When labels are exchanged,
        they stay with their samples. Age, sex and race may be named: they are the donor's, and change nothing beside
        it. Samples that were mirrored bring `hemisphere` unasked, where it is more than one.
    alpha : float
        Family-wise error at which a gene is called significant.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.
    tail : bool
        Add `p_perm_tail` and `p_fwe_tail`: where fewer than ten relabellings reach F, p from a generalised Pareto
        distribution fitted to the largest F of the relabellings. `significant` never uses them.
    missing : {'drop-genes', 'drop-samples'}
        What a missing value leaves out: the gene, which says so in `status`; or the sample, for all genes.
    collinear : {'redraw', 'smallest'}
        What becomes of relabellings (`free`) in which each donor lies in one region, so that area has no F: others are
        drawn in their place, or they count among the relabellings with the smallest F, as in the earlier tools.

    Returns
    -------
    DifferentialExpression

    Raises
    ------
    OptionError
        Where an argument has a value that is not allowed.
    DesignError
        Where no donor has samples in both regions, no residual degree of freedom is left, or a covariate tells the
        regions apart or has missing values.

    Warns
    -----
    DesignWarning
        Where the design can never reach `alpha`, or `q_fdr` can never reach it with so few permutations; where a
        covariate adds nothing to the model, or leaves little of the contrast between the regions.

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
    options = check_options(
        n_permutations, statistic, exchange, probes, covariates, alpha, n_jobs, tail, missing, collinear
    )
    generator, randomness = make_generator(rng)
    prepared = prepare(pair, options)
    pair, design, genes, tested = prepared.pair, prepared.design, prepared.genes, prepared.tested
    names = (pair.regions[0].name, pair.regions[1].name)
    warned = warn_of_design(design, options, len(tested))
    inference = infer(genes.zscores[tested], genes.levels[tested], design, options, generator, names)
    table = make_table(genes, design, prepared.status, tested, inference, names, options.alpha)
    donor_names = pair.samples["donor_name"].to_numpy(dtype=object)[design.donor_starts]
    left_out = tabulate_left_out(table, genes.labels[tested], donor_names, inference, options.alpha)
    exchanges = pd.DataFrame(dict(inference.p_fwe_by_exchange.items()))
    exchanges.insert(0, "gene", genes.labels[tested])
    why_no_tails = explain_no_tails(inference.relabellings)
    background = describe_background(
        inference.p_values.perm,
        len(inference.relabellings.draws) + inference.relabellings.n_smallest,
        _explain_no_background(pair, smallest_p_of_run(design, options)),
    )
    queried = describe_query(pair)
    settings: dict[str, Any] = {
        **describe_run(options, pair, design, randomness, inference.relabellings, inference.f_critical),
        "design": describe_design(design, pair, options.statistic),
        **queried,
        **prepared.describe(),
        "exchanges": describe_exchanges(exchanges, options),
        "background": background,
        **describe_tails(inference.tails, why_no_tails),
        "warnings": [
            *pair.warnings,
            *prepared.messages,
            *warned,
            *list_region_caveats(queried),
            *list_side_caveats(pair.samples, names, prepared.covariates),
            *list_filter_caveats(pair.probe_filter),
            *list_design_caveats(design, names, 0.0 if options.exchange == "within-donor" else options.alpha),
            *_list_gene_caveats(table, exchanges, pair, options),
            *list_background_caveats(background, genes.unit),
        ],
        "empty": _explain_empty_columns(table, why_no_tails),
    }
    settings["genes"].update(n_tested=len(tested), n_not_tested=len(table) - len(tested))
    zscores = pd.DataFrame(genes.zscores.T, columns=genes.labels)
    return DifferentialExpression(table, pair.samples, zscores, settings, left_out, inputs=pair)


def _list_gene_caveats(table: pd.DataFrame, exchanges: pd.DataFrame, pair: RegionPair, options: Options) -> list[str]:
    """Weak points of the genes' evidence, with what the atlas says of their probes."""
    reached = exchanges.loc[exchanges[options.exchange] <= options.alpha, "gene"].tolist()
    return list_gene_caveats(
        table,
        exchanges,
        options,
        present=share_present(pair, reached, by_probe=options.probes == "single"),
        are_asked_for=pair.genes.requested is not None,
    )


def _explain_no_background(pair: RegionPair, smallest_p: float) -> str | None:
    """Say why the share of genes that differ nominally says nothing of the atlas, if it does not."""
    if pair.genes.requested is not None:
        return "only the genes asked for were tested"
    return explain_coarse_p(smallest_p)


def _explain_empty_columns(table: pd.DataFrame, why_no_tails: str) -> dict[str, str]:
    """Say for each column that is empty for every gene tested why it is."""
    tested = table[(table["status"] == "ok").to_numpy(dtype=bool)]
    if tested.empty:
        return {str(column): "no gene was tested" for column in table if table[column].isna().all()}
    reasons = dict.fromkeys(_LADDER, "not computed by this version") | {
        "hedges_g": "one residual degree of freedom",
        "sd_ratio": "each sample of a region is alone in its donor",
        "probe_r": "each probe is tested by itself" if "probe_name" in table else "no gene has two probes that vary",
        "entrez_id": "the atlas has none",
        "p_perm_tail": why_no_tails,
        "p_fwe_tail": why_no_tails,
    }
    empty = [str(column) for column in table if tested[column].isna().all()]
    return {column: reasons.get(column, "no gene has one") for column in empty}
