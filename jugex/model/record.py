"""The record of a run: everything that determined its numbers, as typed data, to and from ``settings.json``.

What a run did travels as these dataclasses. They become JSON in `to_json` alone and come back in `from_json`, which
refuses what does not fit; `json_schema` is the published form of the file.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from jugex._version import __version__
from jugex.atlas.identity import AtlasIdentity, FileRecord
from jugex.errors import ResultError
from jugex.genes import LedgerEntry
from jugex.model.findings import AnyFinding
from jugex.model.options import Collinear, Missing, Overlap, PresentIn
from jugex.model.query_record import OverlapRecord, ProbeFilterRecord, SampleFilterRecord
from jugex.regions import RegionIdentity
from jugex.regions.grids import VoxelRule
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic

__all__ = [
    "FORMAT",
    "Arguments",
    "BackgroundRecord",
    "CovariateRecord",
    "DesignRecord",
    "DiagnosticRecord",
    "DonorCounts",
    "ExchangesRecord",
    "FamilyTail",
    "GenesRecord",
    "GroupMembership",
    "InputRecord",
    "LadderRecord",
    "PairRecord",
    "PermutationRecord",
    "Randomness",
    "RegionRecord",
    "RunRecord",
    "RungCounts",
    "TailsRecord",
    "VariogramRecord",
    "from_json",
    "is_record",
    "json_schema",
    "list_versions",
    "to_json",
    "today",
]

#: Version of the form of ``settings.json``; a file of another form is refused by its number.
FORMAT = 2

_PACKAGES = ("numpy", "scipy", "pandas", "nibabel")


@dataclass(frozen=True)
class Arguments:
    """The options of a run as data: files by their path; options given as objects are named in `in_memory`.

    Attributes
    ----------
    preset : str or None
    threshold : float or None
        That of regions given as text.
    genes, donors, covariates, within, exclude : tuple of str, or None
        As asked for; None: all, or none. Of tables of covariates the names of their columns.
    covariates_given : tuple of str, or None
        Covariates as they were given: their names, and the paths of tables.
    tolerance : float
        In mm.
    aliases, coordinates, reannotation : str, tuple of str, or None
        Paths as given.
    reference : str or None
        The text, or the name of a region.
    in_memory : tuple of str
        Options whose values were tables or regions in memory: a rerun needs them again.
    """

    statistic: Statistic
    exchange: Exchange
    probes: ProbeAggregation
    overlap: Overlap
    alpha: float
    n_permutations: int
    donors: tuple[str, ...]
    preset: str | None = None
    threshold: float | None = None
    genes: tuple[str, ...] | None = None
    covariates: tuple[str, ...] | None = None
    within: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    tolerance: float = 0.0
    voxel: VoxelRule = "nearest"
    aliases: str | None = None
    coordinates: tuple[str, ...] | None = None
    mirror: str | None = None
    reannotation: str | None = None
    min_present: float | None = None
    present_in: PresentIn = "all"
    require_entrez: bool = False
    missing: Missing = "drop-genes"
    collinear: Collinear = "redraw"
    tail: bool = False
    background: bool = True
    ladder: bool = True
    reference: str | None = None
    in_memory: tuple[str, ...] = ()
    covariates_given: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Randomness:
    """The source of random numbers of a run, in the state that it was in at its start.

    Attributes
    ----------
    seed : int or None
        None where a generator was given.
    bit_generator : str
        Name of NumPy's bit generator.
    state : dict or None
        State of the generator that was given (JSON types); None with a seed.
    """

    seed: int | None
    bit_generator: str
    state: dict[str, Any] | None

    @classmethod
    def of(cls, rng: int | np.random.Generator) -> Randomness:
        """Source that a seed or a generator stands for, before it is used."""
        if isinstance(rng, np.random.Generator):
            state = _to_json_types(rng.bit_generator.state)
            return cls(None, str(state["bit_generator"]), state)
        return cls(int(rng), type(np.random.default_rng(0).bit_generator).__name__, None)

    def make_generator(self) -> np.random.Generator:
        """A generator in that state."""
        if self.state is None:
            return np.random.default_rng(self.seed)
        bit_generator = getattr(np.random, self.bit_generator)()
        bit_generator.state = _state_from_json(self.state)
        return np.random.Generator(bit_generator)


def _to_json_types(value: Any) -> Any:
    """Tuples and arrays as lists, as JSON has them; whole numbers may be larger than 64 bits."""
    if isinstance(value, dict):
        return {key: _to_json_types(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_types(entry) for entry in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _state_from_json(value: Any) -> Any:
    """Undo what JSON makes of a state: arrays became lists of whole numbers."""
    if isinstance(value, dict):
        return {key: _state_from_json(entry) for key, entry in value.items()}
    return np.array(value, dtype=np.uint64) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class InputRecord:
    """A file that a run read, and what it was: "reference", "table of covariates", "label table of region 1"."""

    what: str
    file: FileRecord


@dataclass(frozen=True)
class PermutationRecord:
    """The relabellings of a run.

    Attributes
    ----------
    randomness : Randomness
    exhaustive, exact : bool
        Whether all relabellings were tried, and whether they are exchangeable exactly (within donors, no covariates),
        all of them or some drawn.
    n_collinear_redrawn, n_collinear_smallest : int
        Relabellings in which area is collinear with donor or covariates: drawn again (or left out of a complete list),
        or counted with the smallest F.
    smallest_p : float
        Minimum attainable p of this run.
    f_critical : float or None
        Smallest F whose family-wise p is at most alpha; None where no finite F has one.
    """

    randomness: Randomness
    n_permutations: int
    exchange: Exchange
    exhaustive: bool
    exact: bool
    n_collinear_redrawn: int
    n_collinear_smallest: int
    smallest_p: float
    f_critical: float | None


@dataclass(frozen=True)
class DonorCounts:
    """Samples of one donor in each of the k regions, and its weight in the comparison."""

    donor_name: str
    n_samples: tuple[int, ...]
    weight: float

    @property
    def is_informative(self) -> bool:
        """Whether the donor has samples in at least two regions."""
        return sum(n > 0 for n in self.n_samples) > 1


@dataclass(frozen=True)
class DesignRecord:
    """Samples per donor and region, and the limits that the design sets.

    Attributes
    ----------
    n_samples : tuple of k int
    linked_regions : tuple of tuple of str
        Groups of regions that donors link with one another.
    relabellings, smallest_p : dict of str to int or float
        By exchange: distinct relabellings of the design, and the minimum attainable p.
    """

    donors: tuple[DonorCounts, ...]
    n_samples: tuple[int, ...]
    n_donors: int
    n_informative_donors: int
    effective_donors: float
    df_area: int
    df_resid: int
    linked_regions: tuple[tuple[str, ...], ...]
    relabellings: Mapping[str, int]
    smallest_p: Mapping[str, float]


@dataclass(frozen=True)
class RegionRecord:
    """A region as it was used: what it is, and the samples found in it before overlap was resolved."""

    name: str
    identity: RegionIdentity
    n_samples_found: int
    n_between_voxels: int


@dataclass(frozen=True)
class GenesRecord:
    """Which genes were asked for, how each was used, and how many were tested.

    Attributes
    ----------
    n_requested : int or None
        None: every gene of the atlas.
    aliases : FileRecord or None
        The table of other names.
    """

    n_requested: int | None
    missing: tuple[str, ...]
    ledger: tuple[LedgerEntry, ...]
    aliases: FileRecord | None
    n_tested: int
    n_not_tested: int


@dataclass(frozen=True)
class CovariateRecord:
    """A covariate of the samples used, and whether it is in the model.

    Attributes
    ----------
    outcome : str
        "in the model", or why it is not.
    values : tuple of float, str or None
        One per sample used, in their order.
    genes : tuple of str
        Where it is the score of a gene set, the genes of the atlas of whose z-scores it is the mean.
    """

    name: str
    kind: Literal["factor", "number"]
    automatic: bool
    from_table: bool
    outcome: str
    values: tuple[float | str | None, ...]
    genes: tuple[str, ...] = ()

    @property
    def is_used(self) -> bool:
        """Whether it is in the model."""
        return self.outcome == "in the model"


@dataclass(frozen=True)
class ExchangesRecord:
    """Family-wise p under each exchange; for many genes, only of those significant under at least one.

    Attributes
    ----------
    n_significant : dict of str to int
        By exchange.
    p_fwe : dict of str to dict of str to float
        By gene and exchange.
    why_not : str or None
        Why the other exchange was not tried.
    """

    n_significant: Mapping[str, int]
    p_fwe: Mapping[str, Mapping[str, float]]
    why_not: str | None = None


@dataclass(frozen=True)
class BackgroundRecord:
    """Share of all genes of the atlas with p_perm at most `p_perm`; None, with the reason in `why_not`, if unknown."""

    p_perm: float
    n_genes: int
    share: float | None
    n_permutations: int
    why_not: str | None = None


@dataclass(frozen=True)
class FamilyTail:
    """Generalised Pareto distribution fitted to the largest F of the relabellings."""

    threshold: float
    scale: float
    shape: float
    n_exceedances: int
    n_values: int


@dataclass(frozen=True)
class TailsRecord:
    """Tails of F from which small p-values were extrapolated."""

    n_genes_refined: int
    p_fwe: FamilyTail | None
    why_empty: str | None


@dataclass(frozen=True)
class VariogramRecord:
    """The pooled variogram of the genes in the reference, in units of their variance, and the curve fitted to it.

    Attributes
    ----------
    distance_mm_within, distance_mm_between : tuple of K float
        Mean distance of the pairs of each bin, of one donor and of two.
    within, between, fitted_within, fitted_between : tuple of K float
        Semivariances of each bin, and what the fit gives there.
    nugget, own, shared : float
        Parts of the fitted variance: of single samples, of fields of each donor's own, of fields that donors share.
    parts_within, parts_between : tuple of 3 tuples of K float
        The same parts in each bin, in this order; they add up to the fitted semivariances.
    """

    distance_mm_within: tuple[float, ...]
    distance_mm_between: tuple[float, ...]
    within: tuple[float, ...]
    between: tuple[float, ...]
    fitted_within: tuple[float, ...]
    fitted_between: tuple[float, ...]
    nugget: float
    own: float
    shared: float
    parts_within: tuple[tuple[float, ...], ...]
    parts_between: tuple[tuple[float, ...], ...]

    @property
    def deviations(self) -> npt.NDArray[np.float64]:
        """How much the fit deviates from what was measured, as a share of it, shape (2, K): one donor, two donors."""
        measured, fitted = np.array([self.within, self.between]), np.array([self.fitted_within, self.fitted_between])
        return np.asarray(fitted / np.maximum(measured, 0.05) - measured / np.maximum(measured, 0.05))


@dataclass(frozen=True)
class DiagnosticRecord:
    """Share of the pool's genes with p at most `alpha` at arbitrary pairs of places of the reference, for each rung."""

    n_places: int
    alpha: float
    samples: float
    donors: float
    spatial: float


@dataclass(frozen=True)
class LadderRecord:
    """The reference, the pool of genes and the variograms behind the upper rungs of the ladder.

    Attributes
    ----------
    tissue : str or None
        Class of tissue of the reference; None where the atlas knows of none, or the reference was chosen.
    sides : tuple of str
        Hemispheres of its samples.
    chosen : bool
        Whether the user chose the reference.
    n_reference, n_elsewhere : int
        Samples in the reference, and those of them in neither region.
    n_pool : int
        Genes over which variances are pooled.
    form : str
        "pooled", "few-genes", "without-reference", or "none".
    distance_mm : float or None
        Between the mean coordinates of the regions' samples.
    why_no_donors, why_no_spatial : str or None
        Why a rung was not tried.
    variogram : VariogramRecord or None
        Of the genes as measured: what the rung `donors` stands on.
    variogram_spatial : VariogramRecord or None
        Of the genes less their linear gradients: what the rung `spatial` stands on, where gradients are taken off.
    diagnostic : DiagnosticRecord or None
    borrowed_mm : float
        Distance up to which pairs of two donors outside the regions are so few that pairs within the regions stand in
        for them; 0 where none do.
    """

    tissue: str | None
    sides: tuple[str, ...]
    chosen: bool
    n_reference: int
    n_elsewhere: int
    n_pool: int
    form: str
    distance_mm: float | None
    why_no_donors: str | None
    why_no_spatial: str | None
    variogram: VariogramRecord | None
    variogram_spatial: VariogramRecord | None
    diagnostic: DiagnosticRecord | None
    borrowed_mm: float = 0.0


@dataclass(frozen=True)
class GeneSetsRecord:
    """Gene sets that were tested instead of genes.

    Attributes
    ----------
    kind : {"competitive", "self-contained", "mixed"}
    min_size, max_size : int
        Sets with fewer or more genes in the family of the run were left out.
    files : dict of str to str
        SHA-256 of each file of sets, by its path as it was given, or "simulated"; empty for sets that were given in
        memory.
    n_sets, n_tested : int
        Sets given, and those tested.
    n_genes : int
        Genes of the family: those of the atlas that have an F.
    left_out : dict of str to str
        By set, why it was left out.
    """

    kind: Literal["competitive", "self-contained", "mixed"]
    min_size: int
    max_size: int
    files: Mapping[str, str]
    n_sets: int
    n_tested: int
    n_genes: int
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class RungCounts:
    """How many genes stand on each rung of the ladder, the highest that they reach."""

    spatial: int
    donors: int
    samples: int


@dataclass(frozen=True)
class PairRecord:
    """One pair in a comparison of several regions: its folder, or why it cannot be tested, and its own findings.

    `rungs` counts its genes on the ladder; None where no upper rung was tested.
    """

    region_1: str
    region_2: str
    folder: str | None
    status: str
    findings: tuple[AnyFinding, ...] = ()
    rungs: RungCounts | None = None


@dataclass(frozen=True)
class GroupMembership:
    """The comparison of several regions to which a pair belongs.

    Attributes
    ----------
    regions : tuple of str
        Names of all regions.
    n_pairs : int
        Pairs that admit a test.
    significant : tuple of str
        Genes of this pair that are significant over all genes of all pairs.
    page : str
        Where the page of all regions is, relative to the pair's folder.
    """

    regions: tuple[str, ...]
    n_pairs: int
    significant: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class RunRecord:
    """Everything that determined the numbers of a run.

    Attributes
    ----------
    command : str or None
        The command line; None where Python made the call.
    n_samples_missing : int
        Samples dropped because a value was missing in them; their wells stand in `missing_well_ids`.
    ladder : LadderRecord or None
        Of two regions; None where the ladder was not asked for.
    empty : dict of str to str
        Columns of the table that are empty for every gene tested, or for some, and why.
    told : tuple of str
        What the run warned of while it read its inputs.
    inputs : tuple of InputRecord
        Files that were read beside the atlas, the regions' images and the aliases.
    pairs : tuple of PairRecord
        Of more than two regions.
    group : GroupMembership or None
        Of a pair among several regions.
    gene_sets : GeneSetsRecord or None
        Where gene sets were tested.
    """

    versions: Mapping[str, str]
    date: str
    command: str | None
    arguments: Arguments
    permutation: PermutationRecord
    design: DesignRecord
    atlas: AtlasIdentity
    regions: tuple[RegionRecord, ...]
    samples: SampleFilterRecord
    overlap: OverlapRecord
    genes: GenesRecord
    probe_filter: ProbeFilterRecord | None
    covariates: tuple[CovariateRecord, ...]
    missing_well_ids: tuple[int, ...]
    exchanges: ExchangesRecord
    background: BackgroundRecord
    ladder: LadderRecord | None
    tails: TailsRecord | None
    findings: tuple[AnyFinding, ...]
    empty: Mapping[str, str]
    told: tuple[str, ...] = ()
    inputs: tuple[InputRecord, ...] = ()
    pairs: tuple[PairRecord, ...] = ()
    group: GroupMembership | None = None
    gene_sets: GeneSetsRecord | None = None
    format: int = FORMAT

    @property
    def region_names(self) -> tuple[str, ...]:
        """Names of the k regions, in their order."""
        return tuple(region.name for region in self.regions)

    @property
    def unit(self) -> Literal["gene", "probe", "gene set"]:
        """What was tested: genes, every probe by itself, or gene sets."""
        if self.gene_sets is not None:
            return "gene set"
        return "probe" if self.arguments.probes == "single" else "gene"

    @property
    def scale(self) -> Literal["z-score", "standard deviation"]:
        """What values are measured in: of genes and probes z-scores, of gene sets their genes' standard deviations."""
        return "z-score" if self.gene_sets is None else "standard deviation"

    @property
    def covariates_used(self) -> tuple[str, ...]:
        """Names of the covariates in the model, whether asked for or added automatically."""
        return tuple(covariate.name for covariate in self.covariates if covariate.is_used)

    @property
    def sentences(self) -> list[str]:
        """The findings in words."""
        return [finding.sentence for finding in self.findings]

    @property
    def warnings(self) -> list[str]:
        """What the run told of its inputs, then its findings, in words."""
        return list(dict.fromkeys([*self.told, *self.sentences]))

    def with_arguments(self, **changed: Any) -> RunRecord:
        """The record with other arguments."""
        return replace(self, arguments=replace(self.arguments, **changed))


def list_versions() -> dict[str, str]:
    """Versions of jugex, Python and the packages that the numbers depend on."""
    return {
        "jugex": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def today() -> str:
    """Date of the run, as YYYY-MM-DD."""
    return date.today().isoformat()


def to_json(record: RunRecord) -> dict[str, Any]:
    """The record as JSON types, as ``settings.json`` holds it: `format` first, and `warnings` in words for readers."""
    built: dict[str, Any] = _to_json_types(msgspec.to_builtins(record, str_keys=True))
    return {"format": built.pop("format"), **built, "warnings": record.warnings}


def from_json(content: str | dict[str, Any], *, source: str = "settings.json") -> RunRecord:
    """Read a record back.

    Parameters
    ----------
    content : str or dict
        Text of a ``settings.json``, or what `to_json` gave.
    source : str
        What errors call it.

    Raises
    ------
    ResultError
        If it is not valid JSON, of another format, or does not fit the schema.
    """
    try:
        data = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{source} is not valid JSON ({error}); take a folder that jugex wrote") from error
    versions = data.get("versions") if isinstance(data, dict) else None
    if not isinstance(versions, dict) or "jugex" not in versions:
        raise ResultError(
            f"{source} was not written by jugex: it names no version of jugex; take a folder that jugex wrote"
        )
    if data.get("format") != FORMAT:
        raise ResultError(
            f"{source} has format {data.get('format')!r}, and this version of jugex reads format {FORMAT}; run the "
            "comparison again, or read it with the version that wrote it"
        )
    try:
        return msgspec.convert(data, RunRecord)
    except msgspec.ValidationError as error:
        raise ResultError(f"{source} was changed or is damaged: {error}; run the comparison again") from error


def is_record(content: str) -> bool:
    """Whether a text is a ``settings.json`` of any version of jugex."""
    try:
        return "jugex" in json.loads(content)["versions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def json_schema() -> dict[str, Any]:
    """JSON Schema of ``settings.json`` (draft 2020-12)."""
    schema: dict[str, Any] = _to_json_types(msgspec.json.schema(RunRecord))
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    of_files = {"files": {"type": "object", "additionalProperties": digest}, "sha256": digest}  # where it is saved
    warnings = {"type": "array", "items": {"type": "string"}}  # for readers: `told` and `findings` in words
    schema["$defs"]["RunRecord"]["properties"] |= {**of_files, "warnings": warnings}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "settings.json of jugex", **schema}
