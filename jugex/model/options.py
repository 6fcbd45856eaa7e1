"""Options of a run, packed once by the public functions, checked, and carried whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.atlas.annotation import CoordinatesLike
from jugex.atlas.identity import FileRecord, Side
from jugex.errors import OptionError
from jugex.genes import AliasesLike, GeneRequest, GeneSets, clean_requests
from jugex.regions import Region
from jugex.regions.grids import VoxelRule
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.normalization import Normalization
from jugex.stats.statistics import Statistic
from jugex.stats.testing import PermutationSettings

__all__ = [
    "PRESETS",
    "PRESET_NAMES",
    "SOUND_CHOICES",
    "AtlasLike",
    "Collinear",
    "CovariatesLike",
    "Donors",
    "Fill",
    "Missing",
    "OverDonors",
    "Overlap",
    "PresentIn",
    "Preset",
    "QueryOptions",
    "Rng",
    "Structures",
    "TableOptions",
    "TableValues",
    "TestOptions",
    "count_threads",
    "find_preset",
    "options_to_json",
]

#: An atlas, or what `jugex.open_atlas` takes for one.
AtlasLike = ExpressionAtlas | str | PathLike[str]
#: Donors by name or id.
Donors = Sequence[str | int]
#: What happens to a sample that lies in several regions.
Overlap = Literal["higher-probability", "exclude", "keep", "error"]
#: Samples over which the share of present calls is taken.
PresentIn = Literal["all", "regions"]
#: Acronyms, names or ids of anatomical structures; in a single str commas separate them.
Structures = str | int | Iterable[str | int]
#: What to leave out for a missing value: its gene, or its sample for all genes.
Missing = Literal["drop-genes", "drop-samples"]
#: Relabellings in which area is collinear with donor are redrawn, or count as having the smallest F.
Collinear = Literal["redraw", "smallest"]
#: What a value of a table of regions is: levels standardised per probe and donor, or log2 levels.
TableValues = Literal["zscore", "level"]
#: How donors come together: their means averaged, all samples pooled, or a row for each donor.
OverDonors = Literal["mean", "samples", "separate"]
#: What a region without enough samples has: nothing, or the values of the nearest sample.
Fill = Literal["none", "nearest"]
#: Seed or source of random numbers; None draws a seed and records it.
Rng = int | np.random.Generator | None
#: Names of covariates, tables of them by `well_id` (also as files), gene sets (also as ``celltypes:FILE``), or several.
CovariatesLike: TypeAlias = "str | pd.DataFrame | GeneSets | Sequence[str | pd.DataFrame | GeneSets]"


@dataclass(frozen=True, kw_only=True)
class QueryOptions:
    """Options of a query: which genes, donors and samples, from which view of the atlas.

    Iterables are read once and kept as tuples, so that options can be used again; change them with
    `dataclasses.replace`.

    Attributes
    ----------
    genes : str, int or iterable of them, optional
        Gene symbols or Entrez ids; default: every gene.
    donors : sequence of str or int, optional
        Donors to use, by name or id; default: all.
    overlap : {'higher-probability', 'exclude', 'keep', 'error'}
        What becomes of a sample that lies in several regions; `keep` is for two regions.
    within, exclude : str, int or iterable of them, optional
        Anatomical structures: only samples annotated with one of `within` or with a part of it count, and none of
        `exclude`.
    tolerance : float, default 0
        Also count samples up to this far outside a region, in mm.
    voxel : {'nearest', 'floor'}
        Which voxel of an image is read for a sample: the nearest one, or that of the coordinate rounded down, as in
        siibra and abagen; see `jugex.Region.with_voxel`.
    aliases : path-like or Aliases, optional
        Table of gene aliases; see `jugex.genes.read_aliases`.
    coordinates : DataFrame, path-like or sequence of path-like, optional
        Other MNI coordinates of the samples; see `jugex.ExpressionAtlas.with_coordinates`.
    mirror : {'left', 'right'}, optional
        Hemisphere to which all samples are reflected; see `jugex.ExpressionAtlas.mirrored`.
    reannotation : path-like, optional
        Table that reassigns probes to genes; see `jugex.ExpressionAtlas.reannotated`.
    min_present : float, optional
        Smallest share of samples, 0 to 1, in which a probe must be above background; default: no filter. The Allen
        Institute calls a probe present in a sample if it is above the local background (``PACall.csv``). JuGEx uses
        every probe. Many studies keep only probes that are present in at least half of the samples. About three in
        ten are not: they measure noise in most of the brain, which blurs the mean of their gene's probes and adds
        genes to the family (Arnatkeviciute, Fulcher and Fornito 2019, doi 10.1016/j.neuroimage.2019.01.011).
    present_in : {'all', 'regions'}
        Count that share over all samples of the atlas (of the donors in use), or over those of all regions, pooled.
    require_entrez : bool, default False
        Leave out probes without an Entrez id: they did not match a known gene when the array was annotated. abagen
        and most pipelines for the AHBA do so; JuGEx does not.

    Raises
    ------
    OptionError
        If an option has a value that is not allowed.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from jugex.query import QueryOptions
    >>> options = QueryOptions(genes=["MAOA", "TAC1"], tolerance=2)
    >>> replace(options, overlap="exclude").genes
    ('MAOA', 'TAC1')
    """

    genes: GeneRequest = None
    donors: Donors | None = None
    overlap: Overlap = "higher-probability"
    within: Structures | None = None
    exclude: Structures | None = None
    tolerance: float = 0.0
    voxel: VoxelRule = "nearest"
    aliases: AliasesLike | None = None
    coordinates: CoordinatesLike | None = None
    mirror: Side | None = None
    reannotation: str | PathLike[str] | None = None
    min_present: float | None = None
    present_in: PresentIn = "all"
    require_entrez: bool = False

    def __post_init__(self) -> None:
        _check_choice("overlap", self.overlap, Overlap)
        _check_choice("present_in", self.present_in, PresentIn)
        _check_choice("voxel", self.voxel, VoxelRule)
        if self.mirror is not None:
            _check_choice("mirror", self.mirror, Side)
        if not (_is_number(self.tolerance) and 0 <= self.tolerance < np.inf):
            raise OptionError(
                f"tolerance {self.tolerance!r} is out of range: a finite number of mm, 0 or more, is needed"
            )
        if self.min_present is not None and not (_is_number(self.min_present) and 0 <= self.min_present <= 1):
            raise OptionError(f"min_present must be a share of samples from 0 to 1; got {self.min_present!r}")
        if not isinstance(self.require_entrez, bool):
            raise OptionError(f"require_entrez must be True or False; got {self.require_entrez!r}")
        if self.genes is not None:
            self._set("genes", clean_requests(self.genes))
        for name in ("donors", "within", "exclude"):
            value = getattr(self, name)
            if isinstance(value, Iterable) and not isinstance(value, str):
                self._set(name, tuple(value))
        if isinstance(self.coordinates, Sequence) and not isinstance(self.coordinates, str):
            self._set("coordinates", tuple(self.coordinates))
        self._set("tolerance", float(self.tolerance))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


#: More than these fill the memory, and nobody waits for them.
MOST_PERMUTATIONS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """How samples become the rows of a table; the fields are documented at `jugex.query.region_table`.

    Raises
    ------
    OptionError
        If an option has a value that is not allowed.

    Examples
    --------
    >>> from jugex.query import TableOptions
    >>> TableOptions(over_donors="separate").values
    'zscore'
    """

    values: TableValues = "zscore"
    over_donors: OverDonors = "mean"
    probes: ProbeAggregation = "winsorized-mean"
    sample_norm: Normalization = "none"
    gene_norm: Normalization = "none"
    fill: Fill = "none"
    min_samples: int = 1
    min_donors: int = 1

    def __post_init__(self) -> None:
        for name, choices in (
            ("values", TableValues),
            ("over_donors", OverDonors),
            ("probes", ProbeAggregation),
            ("sample_norm", Normalization),
            ("gene_norm", Normalization),
            ("fill", Fill),
        ):
            _check_choice(name, getattr(self, name), choices)
        if self.probes == "single":
            raise OptionError(
                "a table has a column per gene, and probes='single' keeps probes apart; choose another way"
            )
        for name in ("min_samples", "min_donors"):
            value = getattr(self, name)
            if not _is_integer(value) or value < 1:
                raise OptionError(f"{name} must be a whole number of at least 1; got {value!r}")


@dataclass(frozen=True)
class TestOptions:
    """How genes are tested; the fields are documented at `jugex.analysis.differential_expression` and `jugex.compare`.

    Attributes
    ----------
    diagnostic : bool
        Whether the tests of the ladder are repeated at arbitrary pairs of places of the reference.

    Raises
    ------
    OptionError
        If an option has a value that is not allowed.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import jugex
    >>> options = jugex.TestOptions(n_permutations=999, rng=0)
    >>> replace(options, exchange="free").exchange
    'free'
    """

    __test__: ClassVar[bool] = False  # pytest takes classes of this name for tests

    n_permutations: int = 10_000
    rng: Rng = None
    statistic: Statistic = "adjusted"
    exchange: Exchange = "within-donor"
    probes: ProbeAggregation = "winsorized-mean"
    covariates: CovariatesLike | None = None
    alpha: float = 0.05
    n_jobs: int = 1
    tail: bool = False
    missing: Missing = "drop-genes"
    collinear: Collinear = "redraw"
    background: bool = True
    ladder: bool = True
    diagnostic: bool = True
    reference: Region | Structures | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("statistic", Statistic),
            ("exchange", Exchange),
            ("probes", ProbeAggregation),
            ("missing", Missing),
            ("collinear", Collinear),
        ):
            value = getattr(self, name)
            if value not in get_args(allowed):
                raise OptionError(f"{name} must be one of {', '.join(get_args(allowed))}; got {value!r}")
        if self.exchange == "freedman-lane" and self.statistic != "adjusted":
            raise OptionError(
                f"exchange 'freedman-lane' permutes residuals of the adjusted model and goes with the statistic "
                f"'adjusted' alone; got statistic {self.statistic!r}"
            )
        if not _is_integer(self.n_permutations) or self.n_permutations < 1:
            raise OptionError(f"n_permutations must be a whole number of at least 1; got {self.n_permutations!r}")
        if self.n_permutations > MOST_PERMUTATIONS:
            raise OptionError(
                f"n_permutations must be at most {MOST_PERMUTATIONS:,}, which take hours and give p-values down to "
                f"{1 / MOST_PERMUTATIONS:.0e}; got {self.n_permutations:,} (tail=True, --tail, extrapolates below that)"
            )
        alpha = self.alpha
        if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating) or not 0 < alpha < 1:
            raise OptionError(f"alpha must be a number between 0 and 1; got {alpha!r}")
        for name in ("tail", "background", "ladder", "diagnostic"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} must be True or False; got {getattr(self, name)!r}")
        is_generator = isinstance(self.rng, np.random.Generator)
        if self.rng is not None and not is_generator and (not _is_integer(self.rng) or int(self.rng) < 0):  # type: ignore[arg-type]
            raise OptionError(f"rng must be None, a whole number of at least 0, or a numpy Generator; got {self.rng!r}")
        count_threads(self.n_jobs)

    @property
    def unit(self) -> Literal["gene", "probe"]:
        """What is tested: genes, or every probe by itself."""
        return "probe" if self.probes == "single" else "gene"

    @property
    def permutation(self) -> PermutationSettings:
        """What the engine needs of them."""
        return PermutationSettings(
            statistic=self.statistic,
            exchange=self.exchange,
            n_permutations=int(self.n_permutations),
            alpha=float(self.alpha),
            redraw=self.collinear == "redraw",
            tail=self.tail,
            n_threads=count_threads(self.n_jobs),
        )

    def seeded(self) -> TestOptions:
        """The same with a seed drawn where there is none, so that several tests share it."""
        if self.rng is not None:
            return self
        return replace(self, rng=int(np.random.SeedSequence().generate_state(1, np.uint64)[0]))

    @property
    def source(self) -> int | np.random.Generator:
        """The seed or the generator of options that have one."""
        if self.rng is None:
            raise ValueError("the options have no seed; see seeded")
        return self.rng

    def make_generator(self) -> np.random.Generator:
        """The generator that was given, or one made from the seed."""
        return self.source if isinstance(self.source, np.random.Generator) else np.random.default_rng(self.source)


def count_threads(n_jobs: int) -> int:
    """Number of threads that `n_jobs` asks for; an OptionError where it is no such number."""
    if not _is_integer(n_jobs) or n_jobs == 0 or n_jobs < -1:
        raise OptionError(f"n_jobs must be a number of threads, or -1 for one per core; got {n_jobs!r}")
    if n_jobs > 0:
        return int(n_jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Preset:
    """The choices that decide what a run computes; a preset never sets the number of permutations or the seed.

    `collinear`: earlier tools count relabellings in which area has no F with the smallest.
    """

    statistic: Statistic = "adjusted"
    exchange: Exchange = "within-donor"
    probes: ProbeAggregation = "winsorized-mean"
    overlap: Overlap = "higher-probability"
    threshold: float = 0.2
    voxel: VoxelRule = "nearest"
    collinear: Collinear = "redraw"
    ladder: bool = True

    def replaced_by(self, **given: Any) -> Preset:
        """The preset with the choices that were given beside it: None is no choice."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


#: The sound choices, which hold without a preset.
SOUND_CHOICES = Preset()

_SIIBRA_JUGEX = Preset("sequential", "free", "winsorized-mean-scipy", "keep", collinear="smallest", ladder=False)

#: What the earlier tools do. Since February 2024 siibra takes the voxel below a sample instead of the nearest one.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "bludau2018": Preset(exchange="free", collinear="smallest", ladder=False),
        "siibra-jugex@2023": _SIIBRA_JUGEX,
        "siibra-jugex@2024": replace(_SIIBRA_JUGEX, voxel="floor"),
    }
)
#: The version that a preset without one means.
_NEWEST: Mapping[str, str] = MappingProxyType({"siibra-jugex": "siibra-jugex@2024"})
#: Every name of a preset.
PRESET_NAMES = ("bludau2018", "siibra-jugex", "siibra-jugex@2023", "siibra-jugex@2024")


def find_preset(name: str | None) -> Preset:
    """The choices of a preset, or the sound ones for None.

    Raises
    ------
    OptionError
        If there is no such preset.
    """
    if name is None:
        return SOUND_CHOICES
    if name not in PRESET_NAMES:
        raise OptionError(f"preset must be one of {', '.join(PRESET_NAMES)}; got {name!r}")
    return PRESETS[_NEWEST.get(name, name)]


def options_to_json(options: QueryOptions | TestOptions | TableOptions) -> dict[str, Any]:
    """Options by their names, as JSON types; files, tables and regions by their checksums."""
    return {field.name: _to_json(getattr(options, field.name)) for field in fields(options)}


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.DataFrame):
        return f"table {hashlib.sha256(value.to_csv().encode()).hexdigest()}"
    if isinstance(value, Region):
        return f"region {value.name}: {hashlib.sha256(repr(value.identity()).encode()).hexdigest()}"
    if isinstance(value, tuple | list):
        return [_to_json(entry) for entry in value]
    path = Path(str(value)) if isinstance(value, str | PathLike) else None
    if path is not None and len(str(value)) < 1000 and path.is_file():
        return f"{path.name}: {FileRecord.of(path).sha256}"
    return str(value)


def _check_choice(name: str, value: object, choices: Any) -> None:
    allowed = get_args(choices)
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
