"""Gene sets under the tests of a run: a set is a value per sample, and climbs the ladder as a gene does.

Shuffling genes asks whether the genes of a set are more extreme than others, as if they were independent; but genes go
together, in any tissue and whatever the regions. Here the samples are relabelled, for all genes of a set at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of
from jugex.errors import GeneError, OptionError, ResultError, without_warnings
from jugex.genes import FoundSet, GeneSets
from jugex.model.columns import COLUMN_TYPES, GENE_SET_COLUMNS
from jugex.model.findings import DonorsDisagree, OneExchangeOnly
from jugex.model.options import TestOptions
from jugex.model.record import ExchangesRecord, GeneSetsRecord
from jugex.pipeline.comparison import ComparisonData, Prepared, infer, prepare, query_every_gene
from jugex.pipeline.genes import GeneValues, find_status
from jugex.pipeline.ladder import Read
from jugex.stats.corrections import TIE_TOLERANCE, PermutationCounts, false_discovery_rate
from jugex.stats.design import Design, Draws
from jugex.stats.effects import compute_effects
from jugex.stats.engine import score_draws
from jugex.stats.relabelling import make_relabellings
from jugex.stats.statistics import make_scorer, scores_to_f
from jugex.stats.threads import one_blas_thread

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["GeneSetData", "GeneSetOptions", "Kind", "run_gene_sets"]

Floats = npt.NDArray[np.float64]
#: What is asked of a set.
Kind = Literal["competitive", "self-contained", "mixed"]
_N_LEADING = 10
_RELABELLINGS_AT_ONCE = 64
_NOT_MIXED = "the mean of squared t has no direction, and is not tried over donors and space"


@dataclass(frozen=True)
class GeneSetOptions:
    """How gene sets are tested; see `jugex.analysis.DifferentialExpression.gene_sets`."""

    kind: Kind = "competitive"
    min_size: int = 5
    max_size: int = 500

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise OptionError(f"kind must be one of {', '.join(get_args(Kind))}; got {self.kind!r}")
        sizes = self.min_size, self.max_size
        if any(isinstance(size, bool) or not isinstance(size, int | np.integer) for size in sizes):
            raise OptionError(f"min_size and max_size must be whole numbers; got {sizes[0]!r} and {sizes[1]!r}")
        if not 1 <= self.min_size <= self.max_size:
            raise OptionError(
                f"gene sets of {sizes[0]} to {sizes[1]} genes were asked for; the smallest size must be at least 1 and "
                "no larger than the largest"
            )


@dataclass(frozen=True, eq=False)
class GeneSetData:
    """What a test of gene sets found.

    Attributes
    ----------
    table : DataFrame
        One row per set, sorted by evidence, `p_fwe` and falling `f`; columns `GENE_SET_COLUMNS`.
    data : ComparisonData
        The same as a result in which a set has the place of a gene: its values, its record, and what is drawn of it.
    members : dict of str to tuple of str
        Symbols of the genes of each set tested.
    """

    table: pd.DataFrame
    data: ComparisonData
    members: dict[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class _Sets:
    """The sets that are tested, as a map from the genes of the family to values of sets.

    Attributes
    ----------
    found : list of FoundSet, length s
    symbols : ndarray of str, shape (g,)
        Genes of the family.
    members : sparse array, shape (s, g)
        1 / k where a gene is in a set of k genes.
    scale : ndarray of float64, shape (g,)
        Standard deviation of each gene about donors and covariates; area is not in the model, so that no label decides.
    competitive : bool
    """

    found: list[FoundSet]
    symbols: npt.NDArray[np.object_]
    members: sparse.csr_array
    scale: Floats
    competitive: bool

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.found]

    @property
    def sizes(self) -> Floats:
        return np.diff(self.members.indptr).astype(np.float64)

    def average(self, values: Floats) -> Floats:
        """Mean over the genes of each set: (g, n) to (s, n)."""
        return np.asarray(self.members @ values)

    def combine(self, zscores: Floats) -> Floats:
        """Values of sets (s, n) from z-scores of genes (g, n).

        The mean of the genes of a set, each in its standard deviations; less that of all other genes, where sets
        compete.
        """
        weights = self.members.copy()  # of genes, so that z-scores of the whole genome are not copied
        weights.data /= self.scale[weights.indices]
        means = np.asarray(weights @ zscores)
        if not self.competitive:
            return means
        # a mean less that of all others, (total - k mean) / (g - k)
        total, n_genes = (1 / self.scale) @ zscores, len(self.scale)
        means *= n_genes
        means -= total
        means /= n_genes - self.sizes[:, None]
        return means


def run_gene_sets(data: ComparisonData, sets: GeneSets, options: GeneSetOptions) -> GeneSetData:
    """Test gene sets between the regions of a result, by its options and its relabellings.

    Parameters
    ----------
    data : ComparisonData
        Of two regions. Where some genes were asked for, all others of the atlas are read.
    sets : GeneSets
    options : GeneSetOptions

    Returns
    -------
    GeneSetData

    Raises
    ------
    ResultError
        If the result was read from disk, tests probes by themselves, or asks its atlas over the network.
    GeneError
        If no set is left to test.

    Notes
    -----
    The value of a set in a sample is the mean of its genes' z-scores, each over its standard deviation about donors and
    covariates (`self-contained`), less the mean of all other genes (`competitive`): Goeman and Buehlmann (2007), doi
    10.1093/bioinformatics/btm051, for the two questions; Wu and Smyth (2012), doi 10.1093/nar/gks461, for what genes
    that go together do to tests that shuffle genes. `mixed` is the mean F of the genes, for sets that go both ways.
    """
    query, of_run = data.query, data.options
    if query is None or of_run is None:
        raise ResultError(
            "a result read from disk holds neither atlas nor regions, so that gene sets cannot be tested; repeat the "
            "comparison (settings.json and methods.md say how) and use that result"
        )
    if of_run.probes == "single":
        raise ResultError("gene sets are made of genes, and this result tests every probe by itself; take other probes")
    if query.source.is_remote:
        raise ResultError("gene sets need every gene of the atlas, for which the web service is too slow; take a store")
    # genes with gaps are left out, and not their samples, which are those of the run
    rng = data.record.permutation.randomness.make_generator()
    of_run = replace(of_run, missing="drop-genes", diagnostic=False, rng=rng)  # the run's diagnostic holds for sets
    with without_warnings():  # the user has been warned of the query and the design
        prepared = replace(prepare(query_every_gene(query), of_run), missing_well_ids=data.record.missing_well_ids)
    found, _ = sets.find(query.atlas.genes, aliases=query.options.aliases)
    chosen, left_out = _choose_sets(prepared, found, options)
    of_sets = _take_sets(prepared, chosen)
    if options.kind == "mixed":
        of_run = replace(of_run, ladder=False)
    with without_warnings(), one_blas_thread():  # of the design; what there is to say of sets is recorded
        tested = infer(of_sets, of_run)
    record = GeneSetsRecord(
        kind=options.kind,
        min_size=int(options.min_size),
        max_size=int(options.max_size),
        files=dict(sets.files),
        n_sets=len(sets.genes),
        n_tested=len(of_sets.tested),
        n_genes=len(chosen.symbols),
        left_out=left_out,
    )
    tested = replace(tested, record=replace(tested.record, gene_sets=record))
    if options.kind == "mixed":
        tested = _test_mixed(tested, prepared, chosen, of_run)
    members = {one.name: one.found for one in chosen.found}
    return GeneSetData(_tabulate(tested.table, chosen, prepared), tested, members)


def _choose_sets(prepared: Prepared, found: list[FoundSet], options: GeneSetOptions) -> tuple[_Sets, dict[str, str]]:
    """The sets of a size that is tested, with the genes that are; and why the others are left out."""
    from scipy import sparse

    symbols = prepared.genes.labels[prepared.tested]
    places = pd.Index(symbols).get_indexer(pd.Index([gene for one in found for gene in one.found]))
    kept: list[FoundSet] = []
    columns: list[npt.NDArray[np.intp]] = []
    left_out: dict[str, str] = {}
    start = 0
    for one in found:
        genes = places[start : start + len(one.found)]
        start += len(genes)
        genes = genes[genes >= 0]
        if not options.min_size <= len(genes) <= options.max_size:
            left_out[one.name] = (
                f"{len(genes)} of {count_of(one.n_genes, 'gene')} can be tested, and sets of {options.min_size} to "
                f"{options.max_size} are"
            )
        elif options.kind == "competitive" and len(genes) == len(symbols):
            left_out[one.name] = "it holds every gene, so that none is left to compete with"
        else:
            columns.append(genes)
            kept.append(one if len(genes) == len(one.found) else replace(one, found=tuple(symbols[genes])))
    if not kept:
        name, why = next(iter(left_out.items()))
        raise GeneError(
            f"{count_of(len(found), 'gene set')} given, and none can be tested: of the first, {name!r}, {why}; give "
            "other sets, or other sizes (min_size and max_size; --gene-set-min-size and --gene-set-max-size)"
        )
    sizes = np.array([len(genes) for genes in columns])
    entries = np.repeat(1 / sizes, sizes), np.concatenate(columns), np.concatenate([[0], np.cumsum(sizes)])
    members = sparse.csr_array(entries, shape=(len(kept), len(symbols)))
    members.sort_indices()  # the order of a set's genes decides nothing
    residuals = prepared.design.residualize(prepared.genes.zscores[prepared.tested])
    degrees = prepared.design.df_resid + prepared.design.df_area
    scale = np.sqrt((residuals**2).sum(axis=1) / degrees)
    return _Sets(kept, symbols, members, scale, options.kind == "competitive"), left_out


def _take_sets(prepared: Prepared, sets: _Sets) -> Prepared:
    """What is tested, with sets in the place of genes."""
    zscores = sets.combine(prepared.genes.zscores[prepared.tested])
    names = np.asarray(sets.names, dtype=object)
    annotation = pd.DataFrame({"gene": names, "entrez_id": pd.array([pd.NA] * len(names), dtype="Int64")})
    annotation = annotation.assign(n_probes=sets.sizes.astype(np.int64), probe_r=np.nan)

    def measure(read: Read) -> tuple[list[str], Floats]:
        labels, values = read(sets.symbols.tolist())
        order = pd.Index(labels).get_indexer(pd.Index(sets.symbols))
        if not np.array_equal(order, np.arange(len(values))):  # for the whole genome a copy is large
            values = values[order]
        return sets.names, sets.combine(values)

    genes = GeneValues(names, annotation, zscores, np.full(zscores.shape, np.nan))
    return replace(prepared, genes=genes, status=find_status(zscores, prepared.design), measure=measure)


def _test_mixed(data: ComparisonData, prepared: Prepared, sets: _Sets, options: TestOptions) -> ComparisonData:
    """The result with the mean F of the genes of each set in the place of the F of its mean."""
    table = data.table
    counts, observed = _count_mixed(prepared.genes.zscores[prepared.tested], prepared.design, sets, options)
    p_values = counts.p_values()
    kept = {"gene", "significant", "n_donors", "n_donors_both", "n_samples_1", "n_samples_2", "status", "n_probes"}
    by_set = pd.DataFrame(
        {"f": observed, "p_perm": p_values.perm, "p_fwe": p_values.fwe, "q_fdr": false_discovery_rate(p_values.perm)},
        index=pd.Index(sets.names),
    ).reindex(table["gene"])
    mixed = table[[column for column in table if column in kept]].reindex(columns=table.columns)
    for column in by_set:
        mixed[column] = by_set[column].to_numpy()
    mixed["status"] = "ok"
    mixed["significant"] = (mixed["p_fwe"] <= options.alpha).to_numpy(dtype=bool)
    mixed["evidence"] = np.where(mixed["significant"], "samples", "none")
    mixed = mixed.astype({str(column): COLUMN_TYPES.get(str(column), "float64") for column in mixed})
    order = ["significant", "p_fwe", "f"]
    mixed = mixed.sort_values(order, ascending=[False, True, False], kind="stable", ignore_index=True)
    undirected = dict.fromkeys([str(column) for column in mixed if mixed[column].isna().all()], _NOT_MIXED)
    n_significant = {str(options.exchange): int(mixed["significant"].sum())}
    exchanges = ExchangesRecord(n_significant, {}, "not tried for mixed sets")
    of_mean = (DonorsDisagree, OneExchangeOnly)
    record = replace(
        data.record,
        exchanges=exchanges,
        findings=tuple(finding for finding in data.record.findings if not isinstance(finding, of_mean)),
        empty={**data.record.empty, **undirected},
    )
    return replace(data, table=mixed, record=record, leave_one_donor_out=data.leave_one_donor_out[:0])


def _count_mixed(
    zscores: Floats, design: Design, sets: _Sets, options: TestOptions
) -> tuple[PermutationCounts, Floats]:
    """Relabellings in which the mean F of a set is at least the observed one, and that one.

    For the family, a mean of k values of F is compared as (mean - 1) sqrt(k): a large set varies less than a small one.
    """
    settings = options.permutation
    relabellings = make_relabellings(
        design, settings.exchange, settings.n_permutations, options.make_generator(), redraw=settings.redraw
    )
    scorer = make_scorer(zscores, design, settings.statistic, relabellings)
    stretch = np.sqrt(sets.sizes)[:, None]

    def score(draws: Draws) -> Floats:
        return sets.average(scores_to_f(score_draws(scorer, draws), design, settings.statistic))

    observed = score(relabellings.observed(design))
    threshold, of_family = observed * (1 - TIE_TOLERANCE), (observed - 1) * stretch
    own, maxima = np.zeros(len(observed), dtype=np.intp), []
    for start in range(0, len(relabellings.draws), _RELABELLINGS_AT_ONCE):
        scores = score(relabellings.draws[start : start + _RELABELLINGS_AT_ONCE])
        own += (scores >= threshold).sum(axis=1)
        maxima.append(((scores - 1) * stretch).max(axis=0))
    largest = np.sort(np.concatenate(maxima))
    limit = of_family[:, 0] - TIE_TOLERANCE * np.abs(of_family[:, 0])
    family = len(largest) - np.searchsorted(largest, limit, side="left")
    counts = PermutationCounts(
        own=own,
        family=family,
        stepdown=family,
        order=np.argsort(of_family[:, 0], kind="stable"),
        maxima=largest,
        n_relabellings=relabellings.n_relabellings,
        is_exhaustive=relabellings.is_exhaustive,
    )
    return counts, observed[:, 0]


def _tabulate(table: pd.DataFrame, sets: _Sets, prepared: Prepared) -> pd.DataFrame:
    """The table of sets, with how many genes they name and which of them lead."""
    effects = compute_effects(prepared.genes.zscores[prepared.tested], None, prepared.design, "adjusted")
    signed = effects.f if effects.difference is None else effects.f * np.sign(effects.difference.diff)
    of_set = table.set_index("gene")["diff"]
    leading, n_genes, n_found = [], [], []
    for number, one in enumerate(sets.found):
        genes = sets.members.indices[sets.members.indptr[number] : sets.members.indptr[number + 1]]
        direction = np.sign(of_set[one.name])
        strength = effects.f[genes] if np.isnan(direction) else direction * signed[genes]
        first = genes[np.argsort(-strength, kind="stable")][: min(_N_LEADING, int((strength > 0).sum()))]
        leading.append(",".join(sets.symbols[first]))
        n_genes.append(one.n_genes)
        n_found.append(len(one.found))
    own = pd.DataFrame({"n_genes": n_genes, "n_found": n_found, "leading_genes": leading}, index=pd.Index(sets.names))
    listed = table.rename(columns={"gene": "set"}).join(own, on="set").reindex(columns=list(GENE_SET_COLUMNS))
    return listed.astype({str(column): COLUMN_TYPES.get(str(column), "float64") for column in listed})
