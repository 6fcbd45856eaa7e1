"""How often each rung of the ladder is wrong where nothing differs, and what it finds: made-up genes, cell by cell.

    python -m tests.slow.ladder_rates docs/calibration_ladder.csv [--datasets 1000] [--minutes 60] [--jobs 1]

A cell is a situation on a layout (`tests.slow.ladder_data`) with a standard deviation of the difference over donors.
It is measured in runs: a made-up atlas of 2,000 genes, over which variances are pooled as in the program, and whose
genes are tested in families of 25 (80 data sets) and of 1,000 (2 data sets). Runs of a cell are independent, families
of a run share what is pooled: standard errors are those of means over runs. The table is written after each run of a
situation, and a later call goes on where it ends.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

import jugex
from jugex.stats.spatial import Ladder, LadderResult, PairSums, Reference, sum_pairs
from tests.slow.ladder_data import SITUATIONS, Genes, Layout, Simulator, Situation, list_layouts
from tests.slow.situations import SEED

N_GENES, FAMILY, LARGE_FAMILY = 2_000, 25, 1_000
SETS_PER_RUN = N_GENES // FAMILY
RUNGS = ("samples", "donors", "spatial")
#: What is counted of each rung: shares of genes, and of families with a gene called different at 0.05.
RATES = ("p05", "p001", "fwe", "fwe_1000")
POWERS = ("power_samples", "power_donors", "power_spatial", "power_oracle")
MEASURES = [*(f"{rung}_{rate}" for rung in RUNGS for rate in RATES), *POWERS]
KEY = ["layout", "situation", "donor_sd"]
#: Situations in which power is measured too, at a standard deviation over donors.
WITH_POWER, POWER_SD = ("independent", "own 8 mm", "shared 16 mm", "mixed", "AHBA-like"), 0.25
#: A difference of so many standard errors of the oracle: it finds 0.80 of them.
EFFECT = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
_MAX_RUNS = 1_000
#: References in which only the situations that meet the tests' assumptions are measured: the largest.
_PLAIN_ONLY = ("isocortex",)

Floats = npt.NDArray[np.float64]


class Task(NamedTuple):
    """One run of a situation on all layouts of a reference."""

    reference: str
    situation: str
    donor_sd: float
    run: int


@cache
def _situations() -> dict[str, Situation]:
    return {situation.name: situation for situation in SITUATIONS}


@cache
def _layouts_of(reference: str) -> list[Layout]:
    return [layout for layout in list_layouts().values() if layout.reference == reference]


@lru_cache(maxsize=2)
def _simulator(reference: str, displacement_mm: float) -> Simulator:
    situation = Situation("", False, lambda *_: Genes(np.empty(0), 0, []), displacement_mm=displacement_mm)
    return Simulator(situation.displace(_layouts_of(reference)[0]))


@lru_cache(maxsize=2)
def _reference(name: str) -> Reference:
    """Of the recorded positions; it keeps what depends on these alone."""
    layout = _layouts_of(name)[0]
    return Reference(layout.points, layout.donors)


def run_task(task: Task) -> dict[tuple[str, str, float], Floats]:
    """Measures of each cell in one run: NaN where a rung was not tried or power not measured."""
    situation = _situations()[task.situation]
    key = zlib.crc32(f"{task.reference}, {task.situation}, {task.donor_sd}".encode())
    rng = np.random.default_rng([SEED, key, task.run])
    simulate = _simulator(task.reference, situation.displacement_mm)
    genes, measured = situation.draw(simulate, N_GENES, rng), {}
    for layout in _layouts_of(task.reference):
        used = layout.thin() if situation.is_thin else layout
        with_power = situation.name in WITH_POWER and task.donor_sd == POWER_SD
        measured[layout.name, task.situation, task.donor_sd] = _measure(
            genes, used, situation, task.donor_sd, simulate if with_power else None, rng
        )
    return measured


def _measure(
    genes: Genes, layout: Layout, situation: Situation, sd: float, oracle: Simulator | None, rng: np.random.Generator
) -> Floats:
    values = genes.values if situation.at_place is None else situation.at_place(genes.values, layout, rng)
    in_1 = np.flatnonzero(layout.cells == 0)
    if sd:
        effects = sd * rng.standard_normal((len(values), layout.donors.max() + 1), dtype=np.float32)
        values = values.copy() if values is genes.values else values
        values[:, in_1] += effects[:, layout.donors[in_1]]
    sums = sum_pairs(_reference(layout.reference), values)
    ladder = Ladder(sums, layout.cells)
    p = find_p(ladder.test(sums), values, layout)
    rates = [rate for one in p for rate in count(one)]
    if oracle is None:
        return np.array([*rates, *[np.nan] * len(POWERS)])
    return np.array([*rates, *_find_power(ladder, genes, values, layout, sd, oracle)])


def find_p(result: LadderResult, values: npt.NDArray[np.floating], layout: Layout) -> list[Floats]:
    """p-values of samples (parametric), donors, space; NaN where not tried."""
    untried = np.full(len(values), np.nan)
    upper = [untried if rung is None else rung.p for rung in (result.donors, result.spatial)]
    return [infer_samples(values, layout), *upper]


def count(p: Floats) -> list[float]:
    """`RATES` of p-values; families are called by Bonferroni's bound, as Holm's first step is."""
    if np.isnan(p).all():
        return [np.nan] * len(RATES)
    families = [p[: len(p) // size * size].reshape(-1, size).min(axis=1) * size for size in (FAMILY, LARGE_FAMILY)]
    return [(p <= 0.05).mean(), (p <= 0.001).mean(), *((least <= 0.05).mean() for least in families)]


def infer_samples(values: npt.NDArray[np.floating], layout: Layout) -> Floats:
    """P-values (g,) of the F of area adjusted for donor, samples as replicates, of values (g, N)."""
    donors, cells, used = layout.donors, layout.cells, layout.cells >= 0
    indicators = (donors[used, None] == np.unique(donors[used])).astype(float)
    y, area = values[:, used].T.astype(float), (cells[used] == 0).astype(float)
    rss = []
    for model in (indicators, np.column_stack([indicators, area])):
        q = np.linalg.qr(model)[0]
        rss.append(((y - q @ (q.T @ y)) ** 2).sum(axis=0))
    df = int(used.sum()) - indicators.shape[1] - 1
    if df < 1:
        return np.full(len(values), np.nan)
    return np.asarray(stats.f.sf((rss[0] - rss[1]) / (rss[1] / df), 1, df))


def _find_power(
    ladder: Ladder, genes: Genes, values: npt.NDArray[np.floating], layout: Layout, sd: float, simulate: Simulator
) -> list[float]:
    """Shares found of genes that all differ, by each rung and by an oracle.

    The oracle knows each gene's covariance, and the variance of the difference over donors: it weights the donors'
    differences by the inverse of their covariance (of a gene of mean amplitudes), and its z has the true variance.
    """
    codes, inside = np.unique(layout.donors[layout.cells >= 0]), layout.cells >= 0
    contrasts = []
    for donor in codes:
        counts = [(layout.donors == donor) & (layout.cells == code) for code in (0, 1)]
        if all(one.any() for one in counts):
            contrasts.append(counts[0] / counts[0].sum() - counts[1] / counts[1].sum())
    c = np.array(contrasts)[:, inside]
    parts = [genes.nugget * c @ c.T + sd**2 * np.eye(len(c))]
    factors = [np.ones(len(values))]
    for one, factor in genes.fields:
        covariance = one.variance * simulate.covariance(one)[np.ix_(inside, inside)]
        parts.append(c @ covariance @ c.T)
        factors.append(factor**2)
    weights = np.linalg.solve(sum(parts), np.ones(len(c)))
    weights /= weights.sum()
    variances = sum(factor * (weights @ part @ weights) for factor, part in zip(factors, parts, strict=True))
    effect = EFFECT * np.sqrt(weights @ sum(parts) @ weights)
    shifted = values.copy()
    shifted[:, layout.cells == 0] += np.float32(effect)
    z = weights @ (c @ shifted[:, inside].T) / np.sqrt(variances)
    sums: PairSums = sum_pairs(_reference(layout.reference), shifted)
    p = find_p(ladder.test(sums), shifted, layout)
    found = [np.nan if np.isnan(one).all() else float((one <= 0.05).mean()) for one in p]
    return [*found, float((2 * stats.norm.sf(np.abs(z)) <= 0.05).mean())]


# --- the table ------------------------------------------------------------------------------------------------------


class Table:
    """Means of the measures of each cell over its runs, with their standard errors, kept in a file."""

    def __init__(self, path: Path) -> None:
        self.path, self._sums = path, {}
        if path.exists():
            for row in pd.read_csv(path).to_dict("records"):
                n = int(row["runs"])
                mean, error = (np.array([row[f"{name}{end}"] for name in MEASURES]) for end in ("", "_se"))
                squares = n * mean**2 + (0.0 if n < 2 else n * (n - 1) * error**2)
                self._sums[tuple(row[name] for name in KEY)] = (n, n * mean, squares)

    def runs(self, cell: tuple[str, str, float]) -> int:
        """Number of runs of a cell."""
        return self._sums[cell][0] if cell in self._sums else 0

    def add(self, run: int, measured: dict[tuple[str, str, float], Floats]) -> None:
        """Add a run of some cells, where it is missing, and write the file."""
        for cell, values in measured.items():
            n, total, squares = self._sums.get(cell, (0, 0.0, 0.0))
            if n > run:
                continue
            self._sums[cell] = (n + 1, total + values, squares + values**2)
        self.write()

    def write(self) -> None:
        """Write the file anew: a row per cell, in the order of layouts and situations."""
        layouts, situations = (list(names) for names in (list_layouts(), _situations()))
        rows = []
        for cell, (n, total, squares) in sorted(
            self._sums.items(), key=lambda item: (layouts.index(item[0][0]), situations.index(item[0][1]), item[0][2])
        ):
            mean = total / n
            error = np.sqrt(np.maximum(squares / n - mean**2, 0) / (n - 1)) if n > 1 else np.full(len(MEASURES), np.nan)
            numbers = {}
            for name, one, its_error in zip(MEASURES, mean, error, strict=True):
                numbers |= {name: round(float(one), 6), f"{name}_se": round(float(its_error), 6)}
            sets = {"runs": n, "data_sets": n * SETS_PER_RUN, "genes": n * N_GENES}
            rows.append(dict(zip(KEY, cell, strict=True)) | sets | numbers | {"versions": _versions()})
        written = self.path.with_suffix(".part")
        pd.DataFrame(rows).to_csv(written, index=False)
        written.replace(self.path)


def _versions() -> str:
    return f"jugex {jugex.__version__}, numpy {np.__version__}"


def list_tasks(table: Table, data_sets: int) -> Iterator[Task]:
    """Runs that are missing: first runs before second ones, plain situations first, and in each small references."""
    references = sorted(
        {layout.reference: len(layout.points) for layout in list_layouts().values()}.items(), key=lambda item: item[1]
    )
    for run in range(min(-(-data_sets // SETS_PER_RUN), _MAX_RUNS)):
        for situation in SITUATIONS:
            for sd in situation.donor_sds:
                for reference, _ in references:
                    if situation.is_odd and reference in _PLAIN_ONLY:
                        continue
                    if any(table.runs((one.name, situation.name, sd)) <= run for one in _layouts_of(reference)):
                        yield Task(reference, situation.name, sd, run)


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--datasets", type=int, default=1_000, help="data sets of 25 genes per cell")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="layouts whose reference contains this text")
    options = parser.parse_args()
    start, table = time.monotonic(), Table(options.path)
    tasks = [task for task in list_tasks(table, options.datasets) if options.only in task.reference]
    done = 0
    with ProcessPoolExecutor(options.jobs) as executor:
        chunk = 4 * options.jobs
        for first in range(0, len(tasks), chunk):
            if time.monotonic() - start > 60 * options.minutes:
                break
            some = tasks[first : first + chunk]
            measured = executor.map(run_task, some) if options.jobs > 1 else map(run_task, some)
            for task, cells in zip(some, measured, strict=True):
                table.add(task.run, cells)
                done += 1
            print(f"{done:,} of {len(tasks):,} runs, {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
