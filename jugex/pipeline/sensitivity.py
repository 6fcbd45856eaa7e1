"""A comparison under other defensible choices, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, get_args

import pandas as pd

from jugex._arguments import explains_keywords
from jugex.atlas.annotation import CoordinatesLike
from jugex.errors import DesignError, GeneError, OptionError, RegionError, ResultError, without_warnings
from jugex.model.columns import COLUMN_TYPES, PROBE_COLUMNS, RERUN_COLUMNS
from jugex.model.options import Overlap, TestOptions
from jugex.model.record import Randomness
from jugex.pipeline.comparison import ComparisonData, rerun_test
from jugex.pipeline.details import unknown_gene
from jugex.progress import track
from jugex.query import RegionGroup
from jugex.regions import Region
from jugex.regions.images import check_threshold
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange, LabelExchange
from jugex.stats.statistics import Statistic

__all__ = ["SENSITIVITY_COLUMNS", "name_choices", "vary_choices"]

#: Columns of the table, in order; those of probes follow `gene` where each probe is tested by itself.
SENSITIVITY_COLUMNS = (
    "gene", "statistic", "exchange", "overlap", "threshold", "probes", "coordinates", "covariates", "is_headline",
    "varied",
    *RERUN_COLUMNS,
)  # fmt: skip

_NOTE = (
    "Descriptive: the row is_headline is the result, and its choices were made before this table. How many rows are "
    "significant is no strength of evidence: they are the same samples again and again, and no p-value here is "
    "corrected for the number of choices tried."
)
_OVERLAPS: tuple[Overlap, ...] = ("higher-probability", "exclude", "keep")
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4)
_PROBES: tuple[ProbeAggregation, ...] = ("winsorized-mean", "mean", "median", "max-variance")
#: What the column `coordinates` says of those that the result was made with.
_AS_IN_RESULT = "as in the result"
_SPATIAL = ("mni_x", "mni_y", "mni_z")


@dataclass(frozen=True)
class _Choices:
    """One set of choices. The threshold is None where the regions have none, or several."""

    statistic: Statistic
    exchange: Exchange
    overlap: Overlap
    threshold: float | None
    probes: ProbeAggregation
    coordinates: str = _AS_IN_RESULT
    covariates: tuple[str, ...] = ()

    def list_varied(self, headline: _Choices) -> str:
        """Names of the choices that are not those of the headline."""
        names = [field.name for field in fields(self)]
        return ", ".join(name for name in names if getattr(self, name) != getattr(headline, name))

    @property
    def is_possible(self) -> bool:
        """Whether statistic and exchange go together."""
        return self.exchange != "freedman-lane" or self.statistic == "adjusted"

    def apply(self, options: TestOptions) -> TestOptions:
        """Options with these choices."""
        return replace(
            options,
            statistic=self.statistic,
            exchange=self.exchange,
            probes=self.probes,
            covariates=list(self.covariates) or None,
        )

    def list_cells(self) -> dict[str, Any]:
        """The choices as cells of the table."""
        cells = {field.name: getattr(self, field.name) for field in fields(self)}
        return cells | {"covariates": ", ".join(self.covariates) or "none"}


@explains_keywords
def vary_choices(
    data: ComparisonData,
    *,
    genes: str | Sequence[str] | None = None,
    crossed: bool = False,
    thresholds: Sequence[float] = _THRESHOLDS,
    probes: Sequence[ProbeAggregation] = _PROBES,
    coordinates: Mapping[str, CoordinatesLike] | None = None,
    n_permutations: int | None = None,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Rerun a comparison under other defensible choices, with the same seed.

    The choices are varied one at a time around those of the result: statistic (adjusted, sequential, welch), exchange
    (within-donor, free), overlap (higher-probability, exclude, keep), threshold, probes, coordinates, and covariates
    (mni_x, mni_y and mni_z beside those of the result: what is left of a difference when a gradient through both
    regions is allowed for). One at a time says which choice matters; all combinations would be thousands of runs of the
    same few samples. The three choices that can act together on the same p-value, statistic, exchange and overlap, are
    crossed on request.

    The table is descriptive. Which choice is the headline was fixed before it was made, and the number of significant
    rows is no strength of evidence.

    Parameters
    ----------
    data : ComparisonData
        A result of two regions; not one read from disk.
    genes : str or sequence of str, optional
        Genes to list; default: all. The family that is corrected for is always that of the result.
    crossed : bool
        Also list every combination of statistic, exchange and overlap.
    thresholds : sequence of float
        Thresholds for the probability maps among the regions (both at once); other regions have none.
    probes : sequence of str
        Ways from probes to genes; see `jugex.analysis.differential_expression`. `stability` reads the whole atlas.
    coordinates : mapping of str to DataFrame, path-like or sequence of path-like, optional
        Other MNI coordinates of the samples, by the name they have in the table; see `jugex.query.region_pair`.
    n_permutations : int, optional
        Number of relabellings of each run; default: that of the result.
    n_jobs : int
        Number of threads; -1 for one per core.

    Returns
    -------
    DataFrame, one row per run and gene
        Columns `SENSITIVITY_COLUMNS`: the gene, the choices, whether they are those of the result, which of them are
        not (`varied`), and samples, difference and p-values. `status` is "ok", why the gene was not tested, or why the
        run is impossible (as where a region holds no sample above a threshold). ``attrs["note"]`` says how to read
        the table, ``attrs["left_out"]`` which choices were not varied, and why.

    Raises
    ------
    ResultError
        If the result was read from disk, and has neither atlas nor regions, or its covariates came from a table.
    OptionError
        If an option has a value that is not allowed, or a gene is not in the result.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> table = result.sensitivity(genes="MAOA", n_permutations=999)
    >>> int(table["is_headline"].sum())
    1
    """
    pair = _check_repeatable(data)
    listed = _choose_genes(data, genes)
    headline = _read_headline(data, pair)
    places = dict(coordinates or {})
    if not any(region.thresholds for region in pair.regions):
        thresholds = ()
    varied = _vary(headline, thresholds, probes, tuple(places), crossed=crossed)
    runs = list(dict.fromkeys(choices for choices in varied if choices.is_possible))
    arguments, randomness = data.record.arguments, data.record.permutation.randomness
    of_result = TestOptions(
        n_permutations=arguments.n_permutations if n_permutations is None else n_permutations,
        alpha=arguments.alpha,
        n_jobs=n_jobs,
        missing=arguments.missing,
        collinear=arguments.collinear,
    )
    options = [choices.apply(of_result) for choices in runs]
    queries = _Queries(pair, headline, places)
    tables = [
        _run(queries, choices, of_run, randomness, listed)
        for choices, of_run in track(zip(runs, options, strict=True), description="choices", total=len(runs))
    ]
    table = _assemble(tables, runs, headline)
    table.attrs["note"] = _NOTE
    table.attrs["left_out"] = _list_left_out(pair, places)
    return table


def name_choices(row: Mapping[Any, Any]) -> str:
    """What was changed in a run, in words: "threshold 0.3", "statistic welch", "as in the result"."""
    if row["is_headline"]:
        return "as in the result"
    varied = str(row["varied"]).split(", ")
    return ", ".join(f"{name} {row[name]:g}" if name == "threshold" else f"{name} {row[name]}" for name in varied)


def _check_repeatable(data: ComparisonData) -> RegionGroup:
    if data.query is None:
        raise ResultError(
            "a result read from disk holds neither atlas nor regions, so that nothing can be run again; repeat the "
            "comparison (settings.json and methods.md say how) and use that result"
        )
    if any(covariate.from_table for covariate in data.record.covariates):
        raise ResultError(
            "a result whose covariates come from a table cannot be run again, because other choices use other "
            "samples, which the table may lack; compare without that table, or run each choice with jugex.compare"
        )
    return data.query


def _choose_genes(data: ComparisonData, genes: str | Sequence[str] | None) -> list[str]:
    """Genes to list, in the order of the result's table."""
    known = list(dict.fromkeys(data.table["gene"]))
    if genes is None:
        return known
    asked = [genes] if isinstance(genes, str) else list(genes)
    unknown = [gene for gene in asked if gene not in known]
    if unknown:
        raise unknown_gene(unknown[0], known)
    if not asked:
        raise OptionError(f"genes are some of the {len(known):,} genes of the result; got none")
    return [gene for gene in known if gene in asked]


def _read_headline(data: ComparisonData, pair: RegionGroup) -> _Choices:
    arguments = data.record.arguments
    thresholds = sorted({threshold for region in pair.regions for threshold in region.thresholds})
    return _Choices(
        statistic=arguments.statistic,
        exchange=arguments.exchange,
        overlap=pair.overlap,
        threshold=thresholds[0] if len(thresholds) == 1 else None,
        probes=arguments.probes,
        covariates=arguments.covariates or (),
    )


def _vary(
    headline: _Choices,
    thresholds: Sequence[float],
    probes: Sequence[ProbeAggregation],
    places: tuple[str, ...],
    *,
    crossed: bool,
) -> Iterator[_Choices]:
    """The headline, then its variations; some occur more than once."""
    yield headline
    values: dict[str, Sequence[Any]] = {
        "statistic": get_args(Statistic),
        "exchange": get_args(LabelExchange),
        "overlap": _OVERLAPS,
        "threshold": [check_threshold(threshold) for threshold in thresholds],
        "probes": probes,
        "coordinates": places,
        "covariates": [tuple(dict.fromkeys([*headline.covariates, *_SPATIAL]))],
    }
    for name, others in values.items():
        for value in others:
            yield replace(headline, **{name: value})
    if crossed:
        for statistic, exchange, overlap in product(get_args(Statistic), get_args(LabelExchange), _OVERLAPS):
            yield replace(headline, statistic=statistic, exchange=exchange, overlap=overlap)


class _Queries:
    """The query behind a result, made again under other choices; each once.

    Parameters
    ----------
    pair : RegionGroup
        The query.
    headline : _Choices
        Under which it was made.
    places : dict
        Tables of coordinates by name.
    """

    def __init__(self, pair: RegionGroup, headline: _Choices, places: Mapping[str, CoordinatesLike]) -> None:
        self._pair = pair
        self._headline = headline
        self._places = places
        self._made = {(headline.overlap, headline.threshold, headline.coordinates): pair}

    def make(self, choices: _Choices) -> RegionGroup:
        """The samples of the regions under some choices."""
        key = (choices.overlap, choices.threshold, choices.coordinates)
        if key not in self._made:
            self._made[key] = self._query(choices)
        return self._made[key]

    def _query(self, choices: _Choices) -> RegionGroup:
        # the family is that of the result: the genes found there, by the atlas's own symbols
        genes = None if self._pair.options.genes is None else self._pair.genes.found
        options = replace(self._pair.options, overlap=choices.overlap, genes=genes, aliases=None)
        if choices.coordinates in self._places:
            mirror = self._pair.atlas.changes.mirror  # at other coordinates, other samples are reflected
            options = replace(
                options, coordinates=self._places[choices.coordinates], mirror=mirror.side if mirror else None
            )
        regions = [self._rethreshold(region, choices.threshold) for region in self._pair.given]
        return self._pair.requery(options, regions=regions)

    def _rethreshold(self, region: Region, threshold: float | None) -> Region:
        if threshold is None or threshold == self._headline.threshold or not region.thresholds:
            return region
        return region.at_threshold(threshold)


def _run(
    queries: _Queries, choices: _Choices, options: TestOptions, randomness: Randomness, listed: list[str]
) -> pd.DataFrame:
    """Rows of the genes listed, in their order, of one run."""
    try:
        with without_warnings():  # the user has been warned of the headline, and of it alone
            table = rerun_test(queries.make(choices), replace(options, rng=randomness.make_generator()))
        missing = "not tested: no probe of it is left"
    except (RegionError, DesignError, GeneError) as error:
        table = pd.DataFrame(columns=["gene", *RERUN_COLUMNS])
        missing = f"impossible: {error}"
    found = table[table["gene"].isin(listed)]
    absent = [gene for gene in listed if gene not in set(found["gene"])]
    filler = pd.DataFrame({"gene": absent, "significant": False, "status": missing})
    rows = pd.concat([part for part in (found, filler) if len(part)], ignore_index=True)
    rank = {gene: number for number, gene in enumerate(listed)}
    return rows.sort_values("gene", key=lambda names: names.map(rank), kind="stable", ignore_index=True)


def _assemble(tables: Sequence[pd.DataFrame], runs: Sequence[_Choices], headline: _Choices) -> pd.DataFrame:
    """One table of all runs, in their order, with their choices."""
    parts = [
        of_run.assign(**choices.list_cells(), is_headline=choices == headline, varied=choices.list_varied(headline))
        for of_run, choices in zip(tables, runs, strict=True)
    ]
    by_probe = [column for column in PROBE_COLUMNS if any(column in part for part in parts)]
    columns = [SENSITIVITY_COLUMNS[0], *by_probe, *SENSITIVITY_COLUMNS[1:]]
    types = {**COLUMN_TYPES, "threshold": "float64", "is_headline": "bool"}
    types = {column: types.get(column, "object") for column in columns}
    filled = [part.reindex(columns=columns).astype(types) for part in parts]  # one type per column, before they meet
    return pd.concat(filled, ignore_index=True)


def _list_left_out(pair: RegionGroup, places: Mapping[str, CoordinatesLike]) -> dict[str, str]:
    """Which choices were not varied, and why."""
    reasons = {}
    if not any(region.thresholds for region in pair.regions):
        reasons["threshold"] = "neither region is a probability map"
    if not places:
        reasons["coordinates"] = "no other coordinates were given"
    return reasons
