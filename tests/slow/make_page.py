"""Write the page of the calibration, with its figure beside it, from simulations alone.

    python -m tests.slow.make_page docs/calibration.md        writes docs/images/power.svg too

Rows of real places are left out where the real data is not at hand; see `tests.slow.situations.SHARED_DATA`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np

from tests.slow import borders, power
from tests.slow.calibration import (
    EFFECT,
    EXACT,
    N_SETS,
    NULL_CELLS,
    OTHERS,
    PARTIAL_CELLS,
    Cell,
    Errors,
    Scheme,
    bounds,
    false_discovery_bound,
    simulate,
)
from tests.slow.page_text import BORDERS, FAILING, HOLDING, POWER
from tests.slow.situations import (
    ALPHA,
    LAYOUTS,
    N_GENES,
    N_RELABELLINGS,
    SHARED_VARIANCE,
    TESTS,
    Noise,
    Rates,
    list_places,
    list_situations,
    measure,
)

BorderResults = dict[tuple[str, float], borders.BorderRates]


def write_page(path: Path, n_workers: int) -> None:
    """Simulate everything, write the page, and draw the figure into ``images`` beside it."""
    with ProcessPoolExecutor(n_workers) as executor:
        sections = [
            _describe_holding(executor),
            _describe_failing(executor),
            _describe_power(executor, path.parent / "images" / "power.svg"),
            _describe_borders(executor),
        ]
    path.write_text("\n".join(sections), encoding="utf-8")


def _describe_holding(executor: Executor) -> str:
    null = executor.map(_simulate_exact, NULL_CELLS)
    partial = executor.map(_simulate_exact, PARTIAL_CELLS)
    rates = executor.map(_rate, *zip(*((cell, scheme) for cell in NULL_CELLS for scheme in OTHERS), strict=True))
    return HOLDING.format(
        genes=N_GENES, shared=SHARED_VARIANCE, relabellings=N_RELABELLINGS, alpha=ALPHA, n_sets=N_SETS,
        effect=EFFECT, error=np.sqrt(ALPHA * (1 - ALPHA) / N_SETS),
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
            [[cell.name, *(f"{next(rates):.3f}" for _ in OTHERS)] for cell in NULL_CELLS],
        ),
    )  # fmt: skip


def _describe_failing(executor: Executor) -> str:
    tables = {
        section: _format_table(
            ("situation", *TESTS),
            [
                [situation.name, *(_format_rates(of_test) for of_test in rates.values())]
                for situation, rates in zip(situations, executor.map(measure, situations, repeat(N_SETS)), strict=True)
            ],
        )
        for section, situations in list_situations().items()
    }
    return FAILING.format(genes=N_GENES, alpha=ALPHA, n_sets=N_SETS, n_alone=N_SETS * N_GENES, **tables)


def _describe_power(executor: Executor, figure: Path) -> str:
    powers = dict(zip(power.LAYOUTS, executor.map(power.measure_power, power.LAYOUTS), strict=True))
    power.draw_power(powers, figure)
    tables = [
        f"{layout}:\n\n"
        + _format_table(
            ("difference (sd)", *TESTS),
            [
                [f"{effect:g}", *(f"{rates.alone:.3f}" for rates in of_tests.values())]
                for effect, of_tests in of_layout.items()
            ],
        )
        for layout, of_layout in powers.items()
    ]
    return POWER.format(n=power.N_SETS * N_GENES, alpha=ALPHA, tables="\n\n".join(tables))


def _describe_borders(executor: Executor) -> str:
    places = list_places()
    jobs = [(number, noise) for number in range(len(places)) for noise in borders.NOISES]
    found = dict(zip(jobs, executor.map(_measure_borders, *zip(*jobs, strict=True)), strict=True))
    names = (*borders.BORDER_TESTS, borders.ELSEWHERE)
    blocks = []
    for number, place in enumerate(places):
        by_noise = {noise: found[number, noise] for noise in borders.NOISES}
        null = [[noise.name, *(_format_null(rates[name, 0.0]) for name in names)] for noise, rates in by_noise.items()]
        blocks += [
            f"### {place.name[0].upper()}{place.name[1:]}",
            "No gene differs: share with p <= 0.05, and in brackets the median p.",
            _format_table(("errors", *names), null),
            *(_describe_found(noise, by_noise[noise], names) for noise in (Noise(), Noise(8.0, "common"))),
        ]
    return BORDERS.format(
        cuts=_format_table(
            ("place", "distinct cuts", "same as observed", *(f"> {share:.0%}" for share in borders.AGREEMENTS)),
            [[place.name, *_cut_row(borders.describe_cuts(place))] for place in places],
        ),
        alpha=ALPHA,
        highest=max(rates["p_boundary", 0.0].rate for rates in found.values()),
        n_cuts=borders.N_CUTS, n=borders.N_SETS * N_GENES, n_sets=borders.N_SETS, n_borders=borders.N_BORDERS,
        places="\n\n".join(blocks),
    )  # fmt: skip


def _describe_found(noise: Noise, rates: BorderResults, names: Iterable[str]) -> str:
    rows = [
        [f"{effect:g}", *(_format_null(rates[name, effect]) for name in names)] for effect in borders.EFFECTS if effect
    ]
    return f"All genes differ, {noise.name}:\n\n" + _format_table(("difference (sd)", *names), rows)


def _simulate_exact(cell: Cell) -> Errors:
    return simulate(cell, EXACT, N_SETS)


def _rate(cell: Cell, scheme: Scheme) -> float:
    return float(simulate(cell, scheme, N_SETS).single.mean())


def _measure_borders(place: int, noise: Noise) -> BorderResults:
    return borders.measure_borders(list_places()[place], noise)


def _null_row(cell: Cell, errors: Errors) -> list[str]:
    low, high = bounds(cell.attainable, N_SETS)
    numbers = [f"{number:.4f}" for number in (cell.attainable, low, errors.single.mean(), high)]
    return [cell.name, *numbers] if cell.is_exact else [cell.name, numbers[0], "", *numbers[2:]]


def _partial_row(cell: Cell, errors: Errors) -> list[str]:
    rates = (errors.single.mean(), errors.stepdown.mean(), bounds(cell.attainable, N_SETS)[1])
    discoveries = (errors.false_discoveries.mean(), false_discovery_bound(errors), errors.power)
    return [cell.name, *(f"{number:.4f}" for number in (*rates, *discoveries))]


def _cut_row(shares: borders.CutShares) -> list[str]:
    return [f"{shares.n_distinct:,}", *(f"{share:.3f}" for share in (shares.same, *shares.above))]


def _format_rates(rates: Rates) -> str:
    return f"{rates.alone:.3f}" if rates.family is None else f"{rates.alone:.3f} / {rates.family:.3f}"


def _format_null(rates: borders.BorderRates) -> str:
    return f"{rates.rate:.3f} ({rates.median:.3f})"


def _format_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the page of the calibration and its figure.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    write_page(options.path, options.jobs)
