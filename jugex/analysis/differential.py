"""Differential expression of every gene between two regions: the permutation ANOVA of JuGEx."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.analysis.aggregate import ProbeAggregation, aggregate_probes, mean_probe_correlation
from jugex.analysis.describe import describe_design, describe_run
from jugex.analysis.design import Design, Exchange
from jugex.analysis.effects import Effects, compute_effects
from jugex.analysis.engine import PermutationCounts, Statistic, count_exceedances
from jugex.analysis.options import Options, Rng, check_options, make_generator
from jugex.analysis.relabel import draw_relabellings
from jugex.analysis.result import COLUMN_TYPES, EMPTY_REASONS, RESULT_COLUMNS, DifferentialExpression
from jugex.errors import DesignWarning, warn_user
from jugex.query import RegionPair, describe_query

__all__ = ["differential_expression"]

Floats = npt.NDArray[np.float64]

# A gene whose spread within donors is below this share of its sum of squares is constant but for rounding.
_CONSTANT = 1e-20


@dataclass(frozen=True, eq=False)
class _Genes:
    """Gene-level data of g genes and n samples: symbols, annotation, z-scores and levels (g, n)."""

    annotation: pd.DataFrame
    zscores: Floats
    levels: Floats


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
    statistic : {'adjusted', 'sequential'}
        Sum of squares of area: adjusted for donor (type II, which is type III here), or before donor (type I),
        as PyJuGEx and siibra-jugex compute it.
    exchange : {'within-donor', 'free'}
        Whether labels are exchanged among the samples of each donor, or among all. Only the former is exact whatever
        the donors' means and spreads.
    probes : {'winsorized-mean', 'winsorized-mean-scipy', 'mean'}
        How the probes of a gene become one value.
    covariates : None
        Covariates beside donor are not supported by this version.
    alpha : float
        Family-wise error at which a gene is called significant.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.

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
    options = check_options(n_permutations, statistic, exchange, probes, covariates, alpha, n_jobs)
    generator, randomness = make_generator(rng)
    design = _make_design(pair)
    design.check_testable((pair.regions[0].name, pair.regions[1].name))
    genes = _summarize_genes(pair, options.probes)
    status = _find_status(genes.zscores, design)
    tested = np.flatnonzero(status == "ok")
    warned = _warn_of_design(design, options, len(tested))
    effects = compute_effects(genes.zscores[tested], genes.levels[tested], design, options.statistic)
    counts, n_redrawn = _permute(genes.zscores[tested], design, options, generator)
    table = _make_table(genes, design, status, tested, effects, counts, options.alpha)
    settings = {
        **describe_run(options, pair, randomness, n_redrawn),
        "design": describe_design(design, pair, options.statistic),
        **describe_query(pair),
        "warnings": [*pair.warnings, *warned],
        "empty": dict(EMPTY_REASONS),
    }
    settings["genes"].update(n_tested=len(tested), n_not_tested=len(status) - len(tested))
    zscores = pd.DataFrame(genes.zscores.T, columns=genes.annotation["gene"].to_numpy())
    return DifferentialExpression(table, pair.samples, zscores, settings, inputs=pair)


def _make_design(pair: RegionPair) -> Design:
    """Donors are numbered in the order of the pair's samples, which stand together by donor."""
    donors, _ = pd.factorize(pair.samples["donor_name"])
    return Design(labels=pair.in_region_1, donors=np.asarray(donors, dtype=np.intp))


def _summarize_genes(pair: RegionPair, how: ProbeAggregation) -> _Genes:
    """Genes in alphabetical order, so that the order of probes and of the list asked for decides nothing."""
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
    zscores = aggregate_probes(pair.zscores, gene_of_probe, how)
    levels = aggregate_probes(pair.levels.astype(np.float64), gene_of_probe, how)
    return _Genes(annotation, zscores, levels)


def _find_status(values: Floats, design: Design) -> npt.NDArray[np.object_]:
    """Say of each gene (g, n) whether it has an F: "ok", or why not."""
    n_missing = np.isnan(values).sum(axis=1)
    complete = np.where(np.isnan(values), 0.0, values)
    residuals = design.within_donors(complete)
    spread = np.einsum("gn,gn->g", residuals, residuals)
    is_flat = spread <= _CONSTANT * np.einsum("gn,gn->g", complete, complete)
    is_constant = np.ptp(complete, axis=1) == 0
    status = np.full(len(values), "ok", dtype=object)
    status[is_flat] = "not tested: constant within every donor"
    status[is_constant] = "not tested: constant over the samples used"
    for gene in np.flatnonzero(n_missing):
        status[gene] = f"not tested: missing in {n_missing[gene]} of {values.shape[1]} samples"
    return status


def _warn_of_design(design: Design, options: Options, n_tested: int) -> list[str]:
    messages = []
    smallest = max(
        design.smallest_p(options.exchange, adjusted=options.statistic == "adjusted"), 1 / (options.n_permutations + 1)
    )
    if smallest > options.alpha:
        messages.append(
            f"no gene can be significant at alpha = {options.alpha:g}: the smallest p that {options.n_permutations:,} "
            f"permutations of this design ({options.exchange}) can give is {smallest:.3g}; more samples in both "
            "regions of one donor, or more permutations, would help"
        )
    elif n_tested / (options.n_permutations + 1) > options.alpha:
        needed = int(np.ceil(n_tested / ((options.n_permutations + 1) * options.alpha)))
        messages.append(
            f"q_fdr of a single gene cannot reach {options.alpha:g} with {n_tested:,} genes and "
            f"{options.n_permutations:,} permutations: at least "
            f"{needed:,} genes would have to share the smallest p; p_fwe is not affected"
        )
    for message in messages:
        warn_user(message, DesignWarning)
    return messages


def _permute(
    values: Floats, design: Design, options: Options, generator: np.random.Generator
) -> tuple[PermutationCounts, int]:
    relabellings, n_redrawn = draw_relabellings(design, options.exchange, options.n_permutations, generator)
    counts = count_exceedances(values, design, relabellings, statistic=options.statistic, n_threads=options.n_threads)
    return counts, n_redrawn


def _make_table(
    genes: _Genes,
    design: Design,
    status: npt.NDArray[np.object_],
    tested: npt.NDArray[np.intp],
    effects: Effects,
    counts: PermutationCounts,
    alpha: float,
) -> pd.DataFrame:
    """One row per gene, sorted by p_fwe, falling F and symbol; genes not tested come last."""
    table = genes.annotation.reindex(columns=list(RESULT_COLUMNS))
    table["mean_level"] = genes.levels.mean(axis=1)
    table["n_samples_1"], table["n_samples_2"] = int(design.n_1.sum()), int(design.n_2.sum())
    table["n_donors"] = design.n_donors
    computed = pd.DataFrame({**vars(effects)}, index=tested)
    computed["p_perm"], computed["p_fwe"] = counts.p_values()
    computed["q_fdr"] = _false_discovery_rate(computed["p_perm"].to_numpy())
    for column in computed:
        table[column] = computed[column].reindex(table.index)
    table["status"] = status
    table["significant"] = (table["p_fwe"] <= alpha).to_numpy(dtype=bool)
    table = table.sort_values(["p_fwe", "f", "gene"], ascending=[True, False, True], na_position="last", kind="stable")
    return table.reset_index(drop=True).astype(COLUMN_TYPES)


def _false_discovery_rate(p_values: Floats) -> Floats:
    """Benjamini and Hochberg (1995)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values)) if len(p_values) else p_values
