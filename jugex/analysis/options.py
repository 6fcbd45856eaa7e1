"""Options of an analysis, checked, and its source of randomness."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from jugex.analysis.covariates import CovariatesLike
from jugex.errors import OptionError
from jugex.stats.aggregation import ProbeAggregation
from jugex.stats.design import Exchange
from jugex.stats.statistics import Statistic
from jugex.stats.testing import PermutationSettings

__all__ = ["Collinear", "Missing", "Options", "Rng", "check_options", "count_threads", "make_generator"]

#: What a missing value leaves out: its gene, or its sample for all genes.
Missing = Literal["drop-genes", "drop-samples"]
#: What becomes of relabellings in which area is collinear with donor: others are drawn, or they count as the smallest.
Collinear = Literal["redraw", "smallest"]

Rng = int | np.random.Generator | None


@dataclass(frozen=True)
class Options:
    """Options of an analysis, as `jugex.analysis.differential_expression` documents them."""

    n_permutations: int
    statistic: Statistic
    exchange: Exchange
    probes: ProbeAggregation
    alpha: float
    n_threads: int
    tail: bool = False
    covariates: CovariatesLike | None = None
    missing: Missing = "drop-genes"
    collinear: Collinear = "redraw"

    @property
    def permutation(self) -> PermutationSettings:
        """How genes are tested."""
        return PermutationSettings(
            statistic=self.statistic,
            exchange=self.exchange,
            n_permutations=self.n_permutations,
            alpha=self.alpha,
            redraw=self.collinear == "redraw",
            tail=self.tail,
            n_threads=self.n_threads,
        )


def check_options(
    n_permutations: int,
    statistic: Statistic,
    exchange: Exchange,
    probes: ProbeAggregation,
    covariates: CovariatesLike | None,
    alpha: float,
    n_jobs: int,
    tail: bool = False,
    missing: Missing = "drop-genes",
    collinear: Collinear = "redraw",
) -> Options:
    """Check the options of an analysis.

    Raises
    ------
    OptionError
        Where one has a value that is not allowed.
    """
    for name, value, allowed in (
        ("statistic", statistic, get_args(Statistic)),
        ("exchange", exchange, get_args(Exchange)),
        ("probes", probes, get_args(ProbeAggregation)),
        ("missing", missing, get_args(Missing)),
        ("collinear", collinear, get_args(Collinear)),
    ):
        if value not in allowed:
            raise OptionError(f"{name} is one of {', '.join(allowed)}; got {value!r}")
    if exchange == "freedman-lane" and statistic != "adjusted":
        raise OptionError(
            f"exchange='freedman-lane' goes with statistic='adjusted'; got {statistic!r}, whose labels can be "
            "exchanged 'within-donor' or 'free'"
        )
    if not _is_integer(n_permutations) or n_permutations < 1:
        raise OptionError(f"n_permutations is a whole number of at least 1; got {n_permutations!r}")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.floating) or not 0 < alpha < 1:
        raise OptionError(f"alpha is a number between 0 and 1; got {alpha!r}")
    n_threads = count_threads(n_jobs)
    if not isinstance(tail, bool):
        raise OptionError(f"tail is True or False; got {tail!r}")
    return Options(
        int(n_permutations),
        statistic,
        exchange,
        probes,
        float(alpha),
        n_threads,
        tail,
        covariates,
        missing,
        collinear,
    )


def count_threads(n_jobs: int) -> int:
    """Number of threads that `n_jobs` asks for; an OptionError where it is no such number."""
    if not _is_integer(n_jobs) or n_jobs == 0 or n_jobs < -1:
        raise OptionError(f"n_jobs is a number of threads, or -1 for one per core; got {n_jobs!r}")
    return _count_cores() if n_jobs == -1 else int(n_jobs)


def _count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def make_generator(rng: Rng) -> tuple[np.random.Generator, dict[str, Any]]:
    """Source of randomness and its record: a seed that makes it again, or the state that a generator was in."""
    if isinstance(rng, np.random.Generator):
        state = rng.bit_generator.state
        return rng, {"seed": None, "bit_generator": _to_json(state)}
    if rng is not None and (not _is_integer(rng) or rng < 0):
        raise OptionError(f"rng is None, a whole number of at least 0, or a numpy Generator; got {rng!r}")
    seed = int(rng) if rng is not None else int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    generator = np.random.default_rng(seed)
    return generator, {"seed": seed, "bit_generator": {"bit_generator": type(generator.bit_generator).__name__}}


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_json(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
