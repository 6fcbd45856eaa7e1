"""How often the family-wise test is wrong where its assumptions hold: cells of simulated data, with their bounds.

Every data set gets relabellings of its own. Many data sets could share one draw (each p-value would still be valid,
as the draw does not depend on the data), but their errors would then hang together, and binomial bounds not hold.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from jugex.stats.design import Design, Exchange
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import make_relabellings
from jugex.stats.statistics import Statistic
from tests.slow.situations import ALPHA, LAYOUTS, N_GENES, N_RELABELLINGS, SEED, SHARED_VARIANCE
from tests.stats.designs import make_design

N_SETS = 10_000
CONFIDENCE = 0.999

_SETS_AT_ONCE = 100
_OFFSET_SD = 5.0
EFFECT = 1.5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Simulated data of one kind; the donors' standard deviations rise from 1 to 4 times in the order of the layout.

    Attributes
    ----------
    layout : str
        One of `tests.slow.situations.LAYOUTS`.
    errors : {'normal', 'lognormal', 't3'}
    is_offset : bool
        Whether each donor's mean differs, gene by gene (sd 5).
    is_rounded : bool
        Whether values are rounded to whole numbers, so that many relabellings are tied.
    n_effects : int
        Genes that do differ (by 1.5 sd of each donor); errors are counted among the others.
    """

    layout: str
    errors: str = "normal"
    is_offset: bool = False
    is_rounded: bool = False
    n_effects: int = 0

    @property
    def name(self) -> str:
        """What the cell is called."""
        extras = {"donors offset": self.is_offset, "ties": self.is_rounded, "8 genes differ": self.n_effects > 0}
        return ", ".join([self.layout, self.errors, *(extra for extra, has_it in extras.items() if has_it)])

    @property
    def design(self) -> Design:
        """Its design."""
        return make_design(LAYOUTS[self.layout])

    @property
    def attainable(self) -> float:
        """Largest error of at most `ALPHA` that the within-donor p-values can have: floor(alpha N) / N."""
        n_distinct = self.design.n_relabellings("within-donor")
        n = n_distinct if n_distinct <= N_RELABELLINGS else N_RELABELLINGS + 1
        return int(ALPHA * n + 1e-9) / n  # 0.05 times 20 is 1, whatever the float says

    @property
    def is_exact(self) -> bool:
        """Whether the error is the attainable one, not only at most so."""
        return not self.is_rounded and self.n_effects == 0


NULL_CELLS = [
    *(
        Cell(layout, errors)
        for layout in ("balanced", "unequal", "Fp1/Fp2")
        for errors in ("normal", "lognormal", "t3")
    ),
    *(Cell(layout, is_offset=True) for layout in ("balanced", "unequal", "Fp1/Fp2")),
    Cell("enumerable"),
    Cell("enumerable", is_rounded=True),
]
PARTIAL_CELLS = [Cell(layout, n_effects=8) for layout in ("balanced", "unequal", "Fp1/Fp2")]


class Scheme(NamedTuple):
    """A statistic and an exchange."""

    statistic: Statistic
    exchange: Exchange


EXACT = Scheme("adjusted", "within-donor")
OTHERS = [
    Scheme("sequential", "within-donor"),
    Scheme("welch", "within-donor"),
    Scheme("adjusted", "free"),
    Scheme("sequential", "free"),
]


class Errors(NamedTuple):
    """What was found in n data sets, each array (n,), and which share of the genes that differ was found, by `power`.

    `single` and `stepdown` say whether a gene that does not differ was called significant; `false_discoveries` is
    the share of such genes among those with q_fdr of at most alpha. Both it and the power are 0 where none differs.
    """

    single: npt.NDArray[np.bool_]
    stepdown: npt.NDArray[np.bool_]
    false_discoveries: Floats
    power: float


def simulate(cell: Cell, scheme: Scheme, n_sets: int) -> Errors:
    """Analyse data sets of a cell; the same data for every scheme."""
    design = cell.design
    key = zlib.crc32(cell.name.encode())
    of_data, of_labels = (np.random.default_rng([SEED, key, stream]) for stream in (0, 1))
    differs = np.arange(N_GENES) < cell.n_effects
    found = np.zeros((2, n_sets), dtype=np.bool_)
    false_discoveries, power = np.zeros(n_sets), np.zeros(n_sets)
    for number, values in enumerate(_draw_data(cell, design, n_sets, of_data)):
        varies = design.within_donors(values).any(axis=1)  # else the gene is not tested
        relabellings = make_relabellings(design, scheme.exchange, N_RELABELLINGS, of_labels)
        p = count_exceedances(values[varies], design, relabellings, statistic=scheme.statistic).p_values()
        is_null = ~differs[varies]
        found[:, number] = [(family[is_null] <= ALPHA).any() for family in (p.fwe, p.fwe_stepdown)]
        if cell.n_effects:
            discovered = stats.false_discovery_control(p.perm) <= ALPHA
            false_discoveries[number] = (discovered & is_null).sum() / max(discovered.sum(), 1)
            power[number] = (p.fwe[~is_null] <= ALPHA).mean()
    return Errors(found[0], found[1], false_discoveries, float(power.mean()))


def _draw_data(cell: Cell, design: Design, n_sets: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Data sets (genes, samples), one after the other."""
    sd = np.geomspace(1, 4, design.n_donors)[design.donors]
    for _ in range(n_sets // _SETS_AT_ONCE):
        shape = (_SETS_AT_ONCE, N_GENES, design.n_samples)
        shared = np.sqrt(SHARED_VARIANCE) * rng.normal(size=(_SETS_AT_ONCE, 1, design.n_samples))
        values = shared + np.sqrt(1 - SHARED_VARIANCE) * rng.normal(size=shape)
        if cell.errors == "lognormal":
            values = np.exp(values)
        elif cell.errors == "t3":
            values /= np.sqrt(rng.chisquare(3, size=(_SETS_AT_ONCE, 1, design.n_samples)) / 3)
        values[:, : cell.n_effects] += EFFECT * design.labels
        values *= sd
        if cell.is_offset:
            values += _OFFSET_SD * rng.normal(size=(*shape[:2], design.n_donors))[..., design.donors]
        yield from np.round(values) if cell.is_rounded else values


def bounds(level: float, n_sets: int) -> tuple[float, float]:
    """Between which rates errors of a level lie, in 99.9 % of all series of `n_sets` data sets."""
    low, high = stats.binom.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], n_sets, level) / n_sets
    return float(low), float(high)


def false_discovery_bound(errors: Errors) -> float:
    """Mean false discovery proportion that a procedure at `ALPHA` stays below, in 99.95 % of all series."""
    standard_error = errors.false_discoveries.std() / np.sqrt(len(errors.false_discoveries))
    return float(ALPHA + stats.norm.ppf((1 + CONFIDENCE) / 2) * standard_error)
