"""How often the family-wise test is wrong where nothing differs: cells of simulated data, and the page that shows them.

    python -m tests.slow.calibration docs/calibration.md        writes the page; tests hold the same numbers to bounds

Every data set gets relabellings of its own. Many data sets could share one draw (each p-value would still be valid,
as the draw does not depend on the data), but their errors would then hang together, and binomial bounds not hold.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from jugex.analysis.design import Design, Exchange
from jugex.analysis.engine import count_exceedances
from jugex.analysis.relabel import make_relabellings
from jugex.analysis.scores import Statistic
from tests.analysis.designs import make_design

ALPHA = 0.05
N_GENES = 25
# 100 rather than 99: there, leaving out the observed labels changes nothing at 0.05; here it gives 0.059 for 0.0495
N_RELABELLINGS = 100
N_SETS = 10_000
N_SETS_DOCUMENTED = 2_000
CONFIDENCE = 0.999

_SEED = 2018
_SETS_AT_ONCE = 100
_SHARED_VARIANCE = 0.3  # of any two genes: their errors correlate by so much
_OFFSET_SD = 5.0
_EFFECT = 1.5

#: Samples of each donor in region 1 and region 2.
LAYOUTS = {
    "balanced": [(4, 4)] * 6,
    "unequal": [(n, 8 - n) for n in range(1, 8)],
    "Fp1/Fp2": [(7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0)],
    "enumerable": [(2, 2), (1, 2), (2, 1)],
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Simulated data of one kind; the donors' standard deviations rise from 1 to 4 times in the order of the layout.

    Attributes
    ----------
    layout : str
        One of `LAYOUTS`.
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
OTHERS = [Scheme("adjusted", "free"), Scheme("sequential", "within-donor"), Scheme("sequential", "free")]


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
    of_data, of_labels = (np.random.default_rng([_SEED, key, stream]) for stream in (0, 1))
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
        shared = np.sqrt(_SHARED_VARIANCE) * rng.normal(size=(_SETS_AT_ONCE, 1, design.n_samples))
        values = shared + np.sqrt(1 - _SHARED_VARIANCE) * rng.normal(size=shape)
        if cell.errors == "lognormal":
            values = np.exp(values)
        elif cell.errors == "t3":
            values /= np.sqrt(rng.chisquare(3, size=(_SETS_AT_ONCE, 1, design.n_samples)) / 3)
        values[:, : cell.n_effects] += _EFFECT * design.labels
        values *= sd
        if cell.is_offset:
            values += _OFFSET_SD * rng.normal(size=(*shape[:2], design.n_donors))[..., design.donors]
        yield from np.round(values) if cell.is_rounded else values


def bounds(level: float, n_sets: int) -> tuple[float, float]:
    """Between which rates errors of a level lie, in 99.9 % of all series of `n_sets` data sets."""
    low, high = stats.binom.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], n_sets, level) / n_sets
    return float(low), float(high)


_PAGE = """# Calibration

How often the test is wrong where nothing differs. Written by

    python -m tests.slow.calibration docs/calibration.md

in the tests' environment; `make test-all` simulates the bounded numbers again and holds them to their bounds.

Each data set has {genes} genes whose errors correlate by {shared}, donors whose standard deviations rise from 1 to 4,
and {relabellings} relabellings of its own, drawn independently of all other data sets; where a design has no more than
that, all of them are enumerated. Seeds are fixed. An error is a data set in which at least one gene that does not
differ has p_fwe <= {alpha}. Samples of the donors in region 1 and region 2:

{layouts}

## No gene differs: `within-donor`, `adjusted`

{n_sets:,} data sets per row. The attainable level is floor(alpha N) / N, N being the number of relabellings with the
observed one. The observed rate must lie within the bounds, which hold a test of exactly that level in 99.9 % of such
series; where values are tied, the rate may lie lower, and only the upper bound counts.

{null}

## Some genes differ: `within-donor`, `adjusted`

{n_sets:,} data sets per row; 8 of the {genes} genes differ by {effect} standard deviations of each donor. Errors are
those among the other genes, in one step (`p_fwe`) and stepping down (`p_fwe_stepdown`), and must stay below the upper
bound. The mean false discovery proportion is that of `q_fdr` at {alpha}; its upper bound is {alpha} and 3.29 standard
errors. Power is the share of the 8 genes with p_fwe <= {alpha}.

{partial}

## Other choices in the same cells

{n_documented:,} data sets per row, the first of those above; rates that are shown and not bounded. Binomial standard
error at a rate of 0.05: {error:.3f}. `free` exchanges labels over all samples and holds donors fixed in the model;
`sequential` takes area before donor, which with free exchange is what PyJuGEx and siibra-jugex do.
Lognormal errors are not centred: there the donors' means rise with their standard deviations.

{others}
"""


def write_page(path: Path, n_workers: int) -> None:
    """Simulate all cells and write the page."""
    with ProcessPoolExecutor(n_workers) as executor:
        null = list(executor.map(_simulate_exact, NULL_CELLS))
        partial = list(executor.map(_simulate_exact, PARTIAL_CELLS))
        jobs = [(cell, scheme) for cell in NULL_CELLS for scheme in OTHERS]
        others = dict(zip(jobs, executor.map(_rate_documented, jobs), strict=True))
    text = _PAGE.format(
        genes=N_GENES, shared=_SHARED_VARIANCE, relabellings=N_RELABELLINGS, alpha=ALPHA, n_sets=N_SETS,
        n_documented=N_SETS_DOCUMENTED, effect=_EFFECT, error=np.sqrt(ALPHA * (1 - ALPHA) / N_SETS_DOCUMENTED),
        layouts="\n".join(f"- {name}: {', '.join(f'{a} : {b}' for a, b in pairs)}" for name, pairs in LAYOUTS.items()),
        null=_format_table(
            ("cell", "attainable", "lower bound", "observed", "upper bound"),
            [_null_row(cell, errors) for cell, errors in zip(NULL_CELLS, null, strict=True)],
        ),
        partial=_format_table(
            ("cell", "one step", "step-down", "upper bound", "false discoveries", "its bound", "power"),
            [_partial_row(cell, errors) for cell, errors in zip(PARTIAL_CELLS, partial, strict=True)],
        ),
        others=_format_table(
            ("cell", *(f"{scheme.statistic}, {scheme.exchange}" for scheme in OTHERS)),
            [[cell.name, *(f"{others[cell, scheme]:.3f}" for scheme in OTHERS)] for cell in NULL_CELLS],
        ),
    )  # fmt: skip
    path.write_text(text, encoding="utf-8")


def _simulate_exact(cell: Cell) -> Errors:
    return simulate(cell, EXACT, N_SETS)


def _rate_documented(job: tuple[Cell, Scheme]) -> float:
    return float(simulate(*job, N_SETS_DOCUMENTED).single.mean())


def _null_row(cell: Cell, errors: Errors) -> list[str]:
    low, high = bounds(cell.attainable, N_SETS)
    numbers = [f"{number:.4f}" for number in (cell.attainable, low, errors.single.mean(), high)]
    return [cell.name, *numbers] if cell.is_exact else [cell.name, numbers[0], "", *numbers[2:]]


def _partial_row(cell: Cell, errors: Errors) -> list[str]:
    rates = (errors.single.mean(), errors.stepdown.mean(), bounds(cell.attainable, N_SETS)[1])
    discoveries = (errors.false_discoveries.mean(), false_discovery_bound(errors), errors.power)
    return [cell.name, *(f"{number:.4f}" for number in (*rates, *discoveries))]


def false_discovery_bound(errors: Errors) -> float:
    """Mean false discovery proportion that a procedure at `ALPHA` stays below, in 99.95 % of all series."""
    standard_error = errors.false_discoveries.std() / np.sqrt(len(errors.false_discoveries))
    return float(ALPHA + stats.norm.ppf((1 + CONFIDENCE) / 2) * standard_error)


def _format_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the page of the calibration.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    write_page(options.path, options.jobs)
