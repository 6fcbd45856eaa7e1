"""Differential expression of every gene between k regions at once: the omnibus test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of
from jugex.analysis.aggregate import ProbeAggregation
from jugex.analysis.background import list_background_caveats
from jugex.analysis.caveats import list_filter_caveats, list_region_caveats, list_side_caveats
from jugex.analysis.covariates import CovariatesLike
from jugex.analysis.describe import describe_arguments, describe_software
from jugex.analysis.design import Exchange, LabelExchange
from jugex.analysis.engine import PValues, count_scores
from jugex.analysis.gene_values import GeneValues, find_status, summarize_genes
from jugex.analysis.group_caveats import (
    describe_group_background,
    describe_group_exchanges,
    list_exchange_caveats,
    list_group_caveats,
    warn_of_group_design,
)
from jugex.analysis.group_covariates import put_beside_donors
from jugex.analysis.group_design import GroupDesign
from jugex.analysis.group_relabel import GroupRelabellings, make_group_relabellings
from jugex.analysis.group_scores import (
    OmnibusEffects,
    OmnibusScorer,
    compute_omnibus_effects,
    find_smallest_group_p,
)
from jugex.analysis.options import Options, Rng, check_options, make_generator
from jugex.analysis.result import COLUMN_TYPES, PROBE_COLUMNS
from jugex.errors import DesignError, OptionError
from jugex.query import RegionGroup, describe_query

__all__ = ["OMNIBUS_COLUMNS", "Omnibus", "omnibus_test"]

#: Columns of `Omnibus.table`; those of the regions' means, `mean_1` to `mean_k`, follow `p_fwe_stepdown`.
OMNIBUS_COLUMNS = (
    "gene", "entrez_id", "significant", "p_fwe", "p_perm", "q_fdr", "q_fdr_by", "partial_eta_sq", "f", "df_area",
    "df_resid", "ss_area", "ss_resid", "p_parametric", "p_fwe_stepdown", "mean_level", "n_samples", "n_donors",
    "n_donors_both", "n_probes", "probe_r", "status",
)  # fmt: skip

_TYPES = COLUMN_TYPES | dict.fromkeys(("n_samples", "df_area"), "Int64")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Omnibus:
    """Differential expression of genes between k regions at once.

    Attributes
    ----------
    table : DataFrame
        One row per gene, sorted by `p_fwe`, then by falling `f`; columns `OMNIBUS_COLUMNS`, with the raw means of the
        regions, `mean_1` to `mean_k`, after `p_fwe_stepdown`. `n_donors_both` counts donors with samples in two
        regions or more. `q_fdr_by` is the false discovery rate by Benjamini and
        Yekutieli, which holds however genes depend on each other. Where every probe is tested by itself, one row per
        probe.
    samples : DataFrame, n rows
        The samples used, each in one region (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per gene or probe.
    settings : dict
        Everything that determined the numbers (JSON types only).
    inputs : RegionGroup
        The query behind it.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> regions = [jugex.Region.from_structure(name, atlas=atlas) for name in ("simA", "simB", "simPL")]
    >>> group = jugex.query.region_group(regions, atlas=atlas, genes=["MAOA", "GAD2"])
    >>> jugex.analysis.omnibus_test(group, rng=0).significant["gene"].tolist()
    ['MAOA']
    """

    table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    settings: dict[str, Any]
    inputs: RegionGroup = field(compare=False)

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `table` with p_fwe at most alpha."""
        return self.table[self.table["significant"].to_numpy(dtype=bool)]

    def __repr__(self) -> str:
        names = ", ".join(self.inputs.region_names)
        return f"<Omnibus: {names}, {count_of(len(self.table), 'gene')}, {count_of(len(self.samples), 'sample')}>"


def omnibus_test(
    group: RegionGroup,
    *,
    n_permutations: int = 10_000,
    rng: Rng = None,
    exchange: LabelExchange = "within-donor",
    probes: ProbeAggregation = "winsorized-mean",
    covariates: CovariatesLike | None = None,
    alpha: float = 0.05,
    n_jobs: int = 1,
) -> Omnibus:
    """Test each gene for different expression among k regions.

    Per gene, y are the z-scores of its n samples, A the indicators of the regions (n x k), and M takes the donors'
    means off. SS = y'MA (A'MA)^- A'My of area, adjusted for donor, has r degrees of freedom, the rank of A'MA: k - 1,
    or less where donors do not link all regions. F = (SS / r) / (RSS / (n - d - r)), d being the number of donors. With
    k = 2 this is the adjusted F of `jugex.analysis.differential_expression`.

    Parameters
    ----------
    group : RegionGroup
        What `jugex.query.region_group` returned.
    n_permutations : int
        Number of random relabellings, m, which all genes share. Where the distinct relabellings are at most as many
        (with free exchange: those of a lower rank among them), all are taken.
    rng : int, numpy.random.Generator or None
        Seed or source of the relabellings, first those of the exchange chosen, then those of the other one. None draws
        a seed and records it.
    exchange : {'within-donor', 'free'}
        Whether regions are exchanged among the samples of each donor, or among all. Relabellings in which area has a
        lower rank than observed are drawn again, or left out of a complete list. ``settings["exchanges"]`` has
        `p_fwe` under both.
    probes : str
        How the probes of a gene become one value; see `jugex.analysis.differential_expression`.
    covariates : str, DataFrame, or sequence of them, optional
        What stands in the model beside donor; see `jugex.analysis.differential_expression`. M takes donors and
        covariates off, and each independent column costs a residual degree of freedom. Labels are exchanged while
        donors and covariates stay with their samples, which is not exact.
    alpha : float
        Family-wise error at which a gene is called significant.
    n_jobs : int
        Number of threads; -1 for one per core. The numbers do not depend on it.

    Returns
    -------
    Omnibus

    Raises
    ------
    OptionError
        Where an argument has a value that is not allowed.
    DesignError
        Where no donor has samples in two regions, no residual degree of freedom is left, regions that donors do not
        link are exchanged freely, or a covariate tells regions apart or misses a value.

    Warns
    -----
    DesignWarning
        Where donors do not link all regions, the design can never reach `alpha`, `q_fdr` can never reach it with so
        few permutations, or a covariate adds nothing to the model or leaves little of the contrast between regions.

    Notes
    -----
    A small p says that the regions are not all alike in a gene, not which of them differ: that is for the pairs, which
    `jugex.compare_several` tests by relabelling the samples of two regions among themselves. Relabelling all regions
    together would not be valid for a pair: it takes for granted that the others do not differ either.

    Examples
    --------
    >>> import jugex
    >>> regions = [*jugex.demo_regions(), jugex.Region.sphere((-40, 0, 30), 20, name="C")]
    >>> group = jugex.query.region_group(regions, genes=["MAOA", "GAD2"], atlas="simulated")
    >>> omnibus = jugex.analysis.omnibus_test(group, n_permutations=999, rng=0)
    >>> omnibus.significant["gene"].tolist()
    ['MAOA']
    """
    options = check_group_options(n_permutations, exchange, probes, alpha, n_jobs, covariates)
    generator, randomness = make_generator(rng)
    design, beside, told = put_beside_donors(make_group_design(group), group, covariates, exchange)
    genes = summarize_genes(group, options.probes)
    status = find_status(genes.zscores, design.blocks)
    tested = np.flatnonzero(status == "ok")
    relabellings = make_group_relabellings(design, exchange, options.n_permutations, generator)
    permutation = _describe_permutation(
        relabellings, design, find_smallest_group_p(design, relabellings, exchange), options
    )
    warned = warn_of_group_design(design, group.region_names, permutation, options, len(tested))
    values = genes.zscores[tested]
    p_values = _count(values, design, relabellings, options.n_threads)
    exchanges, why_no_other = _try_other_exchange(values, design, p_values, options, generator, group.region_names)
    exchanges.insert(0, "gene", genes.labels[tested])
    background = describe_group_background(
        group, p_values.perm, permutation["n_permutations"], permutation["smallest_p"]
    )
    table = _make_table(genes, design, status, tested, compute_omnibus_effects(values, design), p_values, options.alpha)
    queried = describe_query(group)
    settings: dict[str, Any] = {
        **describe_software(),
        "arguments": describe_arguments(options, group),
        "permutation": randomness | permutation,
        "design": _describe_design(design, group),
        **queried,
        "covariates": [covariate.describe() for covariate in beside],
        "exchanges": describe_group_exchanges(exchanges, options, why_no_other),
        "background": background,
        "warnings": [
            *group.warnings,
            *told,
            *warned,
            *list_region_caveats(queried),
            *list_side_caveats(group.samples, group.region_names, beside),
            *list_filter_caveats(group.probe_filter),
            *list_group_caveats(design, group, beside),
            *list_exchange_caveats(exchanges, options),
            *list_background_caveats(background, genes.unit),
        ],
    }
    settings["genes"].update(n_tested=len(tested), n_not_tested=len(status) - len(tested))
    return Omnibus(table, group.samples, pd.DataFrame(genes.zscores.T, columns=genes.labels), settings, inputs=group)


def check_group_options(
    n_permutations: int,
    exchange: Exchange,
    probes: ProbeAggregation,
    alpha: float,
    n_jobs: int,
    covariates: CovariatesLike | None = None,
) -> Options:
    """Check the options of an omnibus test.

    Raises
    ------
    OptionError
        Where one has a value that is not allowed.
    """
    options = check_options(n_permutations, "adjusted", exchange, probes, covariates, alpha, n_jobs)
    if exchange == "freedman-lane":
        raise OptionError(
            "the omnibus test of several regions exchanges labels, 'within-donor' or 'free'; got 'freedman-lane'"
        )
    return options


def make_group_design(group: RegionGroup) -> GroupDesign:
    """Donors are numbered in the order of the group's samples, which stand together by donor."""
    donors, _ = pd.factorize(group.samples["donor_name"])
    return GroupDesign(group.region_codes, np.asarray(donors, dtype=np.intp), len(group.regions))


def _count(values: Floats, design: GroupDesign, relabellings: GroupRelabellings, n_threads: int) -> PValues:
    counts = count_scores(
        OmnibusScorer(values, design),
        relabellings.codes,
        design.codes[None],
        is_exhaustive=relabellings.is_exhaustive,
        n_threads=n_threads,
    )
    return counts.p_values()


def _try_other_exchange(
    values: Floats,
    design: GroupDesign,
    p_values: PValues,
    options: Options,
    rng: np.random.Generator,
    names: tuple[str, ...],
) -> tuple[pd.DataFrame, str]:
    """Family-wise p under the exchange chosen and under the other one, else why the design does not admit that."""
    by_exchange = {str(options.exchange): p_values.fwe}
    for other in get_args(LabelExchange):
        if other == options.exchange:
            continue
        try:
            design.check_testable(names, other)
        except DesignError as error:
            return pd.DataFrame(by_exchange), str(error)
        relabellings = make_group_relabellings(design, other, options.n_permutations, rng)
        by_exchange[other] = _count(values, design, relabellings, options.n_threads).fwe
    return pd.DataFrame(by_exchange), ""


def _make_table(
    genes: GeneValues,
    design: GroupDesign,
    status: npt.NDArray[np.object_],
    tested: npt.NDArray[np.intp],
    effects: OmnibusEffects,
    p_values: PValues,
    alpha: float,
) -> pd.DataFrame:
    """One row per gene, sorted by p_fwe, falling F and symbol; genes not tested come last."""
    from scipy.stats import false_discovery_control

    means = {f"mean_{number}": column for number, column in enumerate(effects.means.T, start=1)}
    computed = means | {
        "ss_area": effects.ss_area,
        "ss_resid": effects.ss_resid,
        "f": effects.f,
        "partial_eta_sq": effects.partial_eta_sq,
        "p_parametric": effects.p_parametric,
        "p_perm": p_values.perm,
        "p_fwe": p_values.fwe,
        "p_fwe_stepdown": p_values.fwe_stepdown,
        "q_fdr": false_discovery_control(p_values.perm) if len(tested) else p_values.perm,
        "q_fdr_by": false_discovery_control(p_values.perm, method="by") if len(tested) else p_values.perm,
    }
    by_probe = [column for column in PROBE_COLUMNS if column in genes.annotation]
    before = OMNIBUS_COLUMNS[1 : OMNIBUS_COLUMNS.index("p_fwe_stepdown") + 1]
    columns = ["gene", *by_probe, *before, *means, *OMNIBUS_COLUMNS[len(before) + 1 :]]
    table = genes.annotation.reindex(columns=columns)
    table["mean_level"] = genes.levels.mean(axis=1)
    table["n_samples"], table["n_donors"] = len(design.codes), design.blocks.n_donors
    table["n_donors_both"] = design.n_informative_donors
    of_tested = pd.DataFrame(computed, index=tested).reindex(table.index)
    table[of_tested.columns] = of_tested
    is_tested = pd.Series(status == "ok")
    for column, df in (("df_area", design.df_area), ("df_resid", design.df_resid)):
        table[column] = pd.Series(df, index=table.index, dtype="Int64").where(is_tested)
    table["status"] = status
    table["significant"] = (table["p_fwe"] <= alpha).to_numpy(dtype=bool)
    table = table.sort_values(["p_fwe", "f"], ascending=[True, False], na_position="last", kind="stable")
    return table.reset_index(drop=True).astype({column: _TYPES.get(column, "float64") for column in columns})


def _describe_permutation(
    relabellings: GroupRelabellings, design: GroupDesign, smallest_p: float, options: Options
) -> dict[str, Any]:
    # beside covariates samples of a donor are exchangeable only roughly
    is_exact = options.exchange == "within-donor" and not design.blocks.basis.shape[1]
    return {
        "n_permutations": len(relabellings.codes),
        "exchange": options.exchange,
        "exhaustive": relabellings.is_exhaustive,
        "exact": relabellings.is_exhaustive and is_exact,
        "n_collinear_redrawn": relabellings.n_redrawn,
        "smallest_p": smallest_p,
    }


def _describe_design(design: GroupDesign, group: RegionGroup) -> dict[str, Any]:
    """Samples per donor and region, and which regions donors link (JSON types only)."""
    names = group.samples["donor_name"].to_numpy()[design.blocks.donor_starts]
    return {
        "donors": [
            {"donor_name": str(name), "n_samples": counts}
            for name, counts in zip(names, design.counts.tolist(), strict=True)
        ],
        "n_samples": design.counts.sum(axis=0).tolist(),
        "n_donors": design.blocks.n_donors,
        "df_area": design.df_area,
        "df_resid": design.df_resid,
        "linked_regions": [[group.region_names[region] for region in part] for part in design.parts],
        "relabellings": {"within-donor": design.n_relabellings("within-donor"), "free": design.n_relabellings("free")},
    }
