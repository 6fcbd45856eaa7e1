"""Options of a run, packed once by the public functions, checked, and carried whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from jugex.errors import OptionError
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic
from jugex.stats.testing import PermutationSettings

#: What a missing value leaves out: its gene, or its sample for all genes.
Missing = Literal["drop-genes", "drop-samples"]
#: What becomes of relabellings in which area is collinear with donor: others are drawn, or they count as the smallest.
Collinear = Literal["redraw", "smallest"]
#: Seed or source of random numbers; None draws a seed and records it.
Rng = int | np.random.Generator | None
#: Names of covariates, tables of them by `well_id` (also as files), or several of both.
CovariatesLike: TypeAlias = "str | pd.DataFrame | Sequence[str | pd.DataFrame]"


@dataclass(frozen=True)
class TestOptions:
    """How genes are tested; the fields are documented at `jugex.analysis.differential_expression`.

    Raises
    ------
    OptionError
        Where one has a value that is not allowed.
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
                raise OptionError(f"{name} is one of {', '.join(get_args(allowed))}; got {value!r}")
        if self.exchange == "freedman-lane" and self.statistic != "adjusted":
            raise OptionError(
                f"exchange 'freedman-lane' permutes residuals of the adjusted model and goes with the statistic "
                f"'adjusted' alone; got statistic {self.statistic!r}"
            )
        if not _is_integer(self.n_permutations) or self.n_permutations < 1:
            raise OptionError(f"n_permutations is a whole number of at least 1; got {self.n_permutations!r}")
        alpha = self.alpha
        if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating) or not 0 < alpha < 1:
            raise OptionError(f"alpha is a number between 0 and 1; got {alpha!r}")
        for name in ("tail", "background"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} is True or False; got {getattr(self, name)!r}")
        is_generator = isinstance(self.rng, np.random.Generator)
        if self.rng is not None and not is_generator and (not _is_integer(self.rng) or int(self.rng) < 0):  # type: ignore[arg-type]
            raise OptionError(f"rng is None, a whole number of at least 0, or a numpy Generator; got {self.rng!r}")
        count_threads(self.n_jobs)

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
        raise OptionError(f"n_jobs is a number of threads, or -1 for one per core; got {n_jobs!r}")
    if n_jobs > 0:
        return int(n_jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


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
    collinear: Collinear = "redraw"

    def replaced_by(self, **given: Any) -> Preset:
        """The preset with the choices that were given beside it: None is no choice."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


#: The sound choices, which hold without a preset.
SOUND_CHOICES = Preset()

#: What the earlier tools do.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "bludau2018": Preset(exchange="free", collinear="smallest"),
        "siibra-jugex": Preset("sequential", "free", "winsorized-mean-scipy", "keep", collinear="smallest"),
    }
)


def find_preset(name: str | None) -> Preset:
    """The choices of a preset, or the sound ones for None.

    Raises
    ------
    OptionError
        Where there is no such preset.
    """
    if name is None:
        return SOUND_CHOICES
    if name not in PRESETS:
        raise OptionError(f"preset is one of {', '.join(PRESETS)}; got {name!r}")
    return PRESETS[name]
