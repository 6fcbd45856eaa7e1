"""Write the page of the calibration, with its figure beside it, from simulations alone.

    python -m tests.slow.make_page docs/calibration.md        writes docs/images/power.svg too

The part about the ladder is read from the tables beside the page: `tests.slow.ladder_page` writes it by itself.
Rows of real places are left out where the real data is not at hand; see `tests.slow.situations.SHARED_DATA`.
"""

from __future__ import annotations

import argparse
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np

from tests.slow import power
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
from tests.slow.ladder_page import BEGIN, END, describe_ladder, read_tables
from tests.slow.page_text import FAILING, HOLDING, POWER, TITLE
from tests.slow.situations import (
    ALPHA,
    LAYOUTS,
    N_GENES,
    N_RELABELLINGS,
    SHARED_VARIANCE,
    TESTS,
    Rates,
    list_situations,
    measure,
)


def write_page(path: Path, n_workers: int) -> None:
    """Simulate everything, write the page, and draw the figure into ``images`` beside it."""
    with ProcessPoolExecutor(n_workers) as executor:
        sections = [
            _describe_holding(executor),
            _describe_failing(executor),
            _describe_power(executor, path.parent / "images" / "power.svg"),
        ]
    ladder = describe_ladder(*read_tables(path.parent))
    path.write_text(TITLE + BEGIN + ladder + END + "\n".join(sections), encoding="utf-8")


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


def _simulate_exact(cell: Cell) -> Errors:
    return simulate(cell, EXACT, N_SETS)


def _rate(cell: Cell, scheme: Scheme) -> float:
    return float(simulate(cell, scheme, N_SETS).single.mean())


def _null_row(cell: Cell, errors: Errors) -> list[str]:
    low, high = bounds(cell.attainable, N_SETS)
    numbers = [f"{number:.4f}" for number in (cell.attainable, low, errors.single.mean(), high)]
    return [cell.name, *numbers] if cell.is_exact else [cell.name, numbers[0], "", *numbers[2:]]


def _partial_row(cell: Cell, errors: Errors) -> list[str]:
    rates = (errors.single.mean(), errors.stepdown.mean(), bounds(cell.attainable, N_SETS)[1])
    discoveries = (errors.false_discoveries.mean(), false_discovery_bound(errors), errors.power)
    return [cell.name, *(f"{number:.4f}" for number in (*rates, *discoveries))]


def _format_rates(rates: Rates) -> str:
    return f"{rates.alone:.3f} / {rates.family:.3f}"


def _format_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the page of the calibration and its figure.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    options = parser.parse_args()
    write_page(options.path, options.jobs)
