"""What a result says beyond its table: intervals, further corrections, and the permutation null of a gene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import join_words
from jugex.errors import DesignError, GeneError
from jugex.genes.names import nearest_symbols
from jugex.model.findings import GeneStanding
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.covariates import code_covariate
from jugex.pipeline.drawings import GeneVariograms
from jugex.stats.corrections import TIE_TOLERANCE, ZERO, false_discovery_rate, monte_carlo_interval
from jugex.stats.design import Design
from jugex.stats.effects import compute_effects, hedges_g_interval, partial_eta_sq_interval
from jugex.stats.engine import score_draws
from jugex.stats.relabelling import make_relabellings
from jugex.stats.statistics import make_scorer, scores_to_f

__all__ = [
    "design_of",
    "find_standings",
    "find_tested",
    "make_details",
    "permutation_null",
    "permutation_nulls",
    "unknown_gene",
    "values_of",
]  # fmt: skip

# z-scores in files have ten digits: what tied before tells apart in the ninth
_TIE_TOLERANCE_IN_FILES = 1e-8

#: Column, of which p, and the correction: Benjamini and Yekutieli's or Benjamini and Hochberg's.
_FURTHER_CORRECTIONS: tuple[tuple[str, str, Literal["by", "bh"]], ...] = (
    ("q_fdr_by", "p_perm", "by"),
    ("q_fdr_parametric", "p_parametric", "bh"),
)

Floats = npt.NDArray[np.float64]


def design_of(data: ComparisonData) -> Design:
    """Regions, donors and covariates of the samples of a result, in the order of its samples.

    Parameters
    ----------
    data : ComparisonData
        Computed here or read from disk. A sample that counts in both regions stands in two rows.

    Raises
    ------
    DesignError
        If two regions have one name: then the samples do not say in which they lie.
    """
    names = data.region_names
    if len(set(names)) < len(names):
        raise DesignError(
            f"regions have the same name ({', '.join(map(repr, names))}), so it is not known in which region a sample "
            "lies; compare again with different names"
        )
    donors, _ = pd.factorize(data.samples["donor_name"])
    codes = data.samples["region"].map({name: code for code, name in enumerate(names)})
    coded = [
        code_covariate(pd.Series(list(covariate.values)), is_factor=covariate.kind == "factor")
        for covariate in data.record.covariates
        if covariate.is_used
    ]
    return Design(
        np.asarray(codes, dtype=np.intp),
        np.asarray(donors, dtype=np.intp),
        len(names),
        np.column_stack(coded) if coded else None,
    )


def find_tested(data: ComparisonData, genes: Sequence[str] | str | None) -> pd.DataFrame:
    """Rows of the table of genes that were tested, in the order of the table, indexed by their labels.

    Parameters
    ----------
    data : ComparisonData
    genes : sequence of str, str or None
        Entries of ``data.labels``; None for every gene that was tested.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    """
    if genes is None:
        return data.tested
    table = data.table.set_axis(pd.Index(data.labels), axis=0)
    wanted = [genes] if isinstance(genes, str) else list(genes)
    for gene in wanted:
        if gene not in table.index:
            raise unknown_gene(gene, data.labels)
        status = table.loc[[gene], "status"].iloc[0]
        if status != "ok":
            raise GeneError(f"gene {gene!r} has no F ({status}); choose another gene")
    return table[table.index.isin(wanted)]


def find_standings(data: ComparisonData, genes: Sequence[str]) -> list[GeneStanding]:
    """Why genes of two regions stand on their rungs of the ladder.

    Parameters
    ----------
    data : ComparisonData
        Computed here or read from disk.
    genes : sequence of str
        Entries of ``data.labels`` that were tested.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    """
    ladder, alpha = data.record.ladder, data.record.arguments.alpha
    distance = None if ladder is None else ladder.distance_mm
    return [
        _find_standing(str(label), row, data.variograms, alpha, distance)
        for label, row in find_tested(data, genes).to_dict("index").items()
    ]


def _find_standing(
    label: str, row: Mapping[Any, Any], variograms: GeneVariograms | None, alpha: float, distance: float | None
) -> GeneStanding:
    def known(column: str) -> float | None:
        return None if pd.isna(row[column]) else float(row[column])

    diff, ends, of_space = known("diff_donors"), known("ci_donors_low"), known("ci_spatial_low")
    high = 0.0 if of_space is None else float(row["ci_spatial_high"])
    place = None if variograms is None else variograms.find(label)
    shared = np.nan if variograms is None or place is None else float(variograms.sd_shared[place])
    return GeneStanding(
        evidence=row["evidence"],
        alpha=alpha,
        p_samples=float(row["p_fwe"]),
        p_donors=known("p_donors_fwe"),
        p_spatial=known("p_spatial_fwe"),
        diff=float(row["diff"]) if diff is None else diff,
        ci_donors=None if ends is None else (ends, float(row["ci_donors_high"])),
        beyond=None if of_space is None else (of_space + high) / 2,
        margin=None if of_space is None else (high - of_space) / 2,
        # E|x| of a normal x; the parts of the difference that donors share are fields
        between_places=None if np.isnan(shared) else float(np.sqrt(2 / np.pi)) * shared,
        distance_mm=distance,
        n_same_sign=int(row["n_donors_same_sign"]),
        n_donors_both=int(row["n_donors_both"]),
    )


def values_of(data: ComparisonData, labels: pd.Index | pd.Series[str]) -> Floats:
    """Gene-level z-scores (g, n) of genes by their labels."""
    return np.ascontiguousarray(data.zscores[labels.tolist()].to_numpy(dtype=np.float64).T)


def make_details(data: ComparisonData, places: Sequence[int] | None = None) -> pd.DataFrame:
    """95 % intervals and further corrections of a result of two regions, or of some rows of its table by their places.

    See `DifferentialExpression.details`.
    """
    chosen = np.arange(len(data.table)) if places is None else np.asarray(places, dtype=np.intp)
    table, record = data.table.iloc[chosen], data.record
    details = table[[column for column in ("gene", "probe_id", "probe_name") if column in table]].reset_index(drop=True)
    directions = table["higher_in"].map("higher in {}".format, na_action="ignore").astype(object)
    details["direction"] = directions.mask((table["diff"] == 0).to_numpy(dtype=bool), "no difference").to_numpy()
    design = design_of(data)
    spread, df = float(design.spread(design.observed)[0]), record.design.df_resid
    intervals = {
        "hedges_g": hedges_g_interval(_read(table, "hedges_g"), spread, df),
        "partial_eta_sq": partial_eta_sq_interval(_read(table, "partial_eta_sq"), design.n_samples, design.df_area, df),
    }
    for column in ("p_perm", "p_fwe"):
        p = _read(table, column)
        is_exact = record.permutation.exhaustive
        intervals[column] = (p, p) if is_exact else monte_carlo_interval(p, record.permutation.n_permutations)
    for column, (low, high) in intervals.items():
        details[f"{column}_low"], details[f"{column}_high"] = low, high
    if record.arguments.statistic == "welch":
        details["df_welch"] = _welch_df(data, table, design)
    is_tested = np.isfinite(_read(data.table, "p_perm"))
    for column, source, method in _FURTHER_CORRECTIONS:  # over all genes, whichever are asked for
        q = np.full(len(data.table), np.nan)
        q[is_tested] = false_discovery_rate(_read(data.table, source)[is_tested], method)
        details[column] = q[chosen]
    return details


def _welch_df(data: ComparisonData, rows: pd.DataFrame, design: Design) -> Floats:
    """Satterthwaite's degrees of freedom of the interval of rows of the table, shape (n,); NaN without a test."""
    is_tested = (rows["status"] == "ok").to_numpy(dtype=bool)
    labels = data.labels.loc[rows.index[is_tested]]
    difference = compute_effects(values_of(data, labels), None, design, "welch").difference
    df = np.full(len(rows), np.nan)
    df[is_tested] = np.nan if difference is None else difference.df
    return df


def _read(table: pd.DataFrame, column: str) -> Floats:
    return table[column].to_numpy(dtype=np.float64)


def unknown_gene(gene: str, labels: Iterable[str]) -> GeneError:
    """The error that a gene is not in a result, with the one that was perhaps meant."""
    known = [str(label) for label in labels]
    meant = [label for label in known if label.casefold() == str(gene).strip().casefold()]
    nearest = meant or nearest_symbols(str(gene), known)
    hint = f"did you mean {join_words(nearest, 'or')}?" if nearest else "result.labels lists them"
    return GeneError(f"gene {gene!r} is not in this result, which has {len(known):,}; {hint}")


def permutation_null(data: ComparisonData, gene: str) -> Floats:
    """F of one gene under every relabelling of the run.

    The run counts and forgets them, gene by gene. Here the same relabellings are made from the seed that the result
    records, and F is computed from its z-scores.

    Parameters
    ----------
    data : ComparisonData
        Computed here or read from disk.
    gene : str
        An entry of ``data.labels`` that was tested.

    Returns
    -------
    ndarray of float64, shape (m,)
        Of these, as many reach the F of the table as `p_perm` counts: ``(1 + (null >= f_obs).sum()) / (m + 1)``, or
        ``(null >= f_obs).sum() / m`` where the relabellings are all there are (``record.permutation.exhaustive``): F
        that ties with the observed one but for rounding is given as F_obs. Relabellings that have no F, and count as
        the smallest under the presets, come last, as -inf.

    Raises
    ------
    GeneError
        If the result has no such gene, or the gene was not tested.
    DesignError
        If two regions have one name.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.permutation_null("MAOA").shape
    (10000,)
    """
    return permutation_nulls(data, [gene])[0]


def permutation_nulls(data: ComparisonData, genes: Sequence[str]) -> list[Floats]:
    """`permutation_null` of some genes, in their order: the relabellings are made once for all of them."""
    rows = [find_tested(data, gene) for gene in genes]
    design = design_of(data)
    arguments, permutation = data.record.arguments, data.record.permutation
    relabellings = make_relabellings(
        design,
        permutation.exchange,
        arguments.n_permutations,
        permutation.randomness.make_generator(),
        redraw=arguments.collinear == "redraw",
    )
    statistic = arguments.statistic
    scorer = make_scorer(values_of(data, pd.Index(list(genes))), design, statistic, relabellings)
    observed = score_draws(scorer, relabellings.observed(design))[:, 0]
    tolerance = TIE_TOLERANCE if data.query is not None else _TIE_TOLERANCE_IN_FILES
    smallest = np.full(relabellings.n_smallest, -np.inf)
    nulls = []
    for row, score, scores in zip(rows, observed, score_draws(scorer, relabellings.draws), strict=True):
        f = scores_to_f(scores, design, statistic)
        settled = _settle_ties(f, float(row["f"].iloc[0]), scores, float(score) if score >= ZERO else 0.0, tolerance)
        nulls.append(np.concatenate([settled, smallest]))
    return nulls


def _settle_ties(f: Floats, f_observed: float, scores: Floats, observed: float, tolerance: float) -> Floats:
    """F (m,) on the side of the observed F where its score stands: a score that ties gives the observed F itself."""
    is_reached = scores >= observed * (1 - tolerance)
    settled = np.where(is_reached, np.maximum(f, f_observed), np.minimum(f, np.nextafter(f_observed, -np.inf)))
    settled[is_reached & (scores <= observed * (1 + tolerance))] = f_observed
    return settled
