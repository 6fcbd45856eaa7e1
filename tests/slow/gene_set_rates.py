"""How often each rung calls gene sets whose genes go together, beside a tool that shuffles genes: made-up genes.

    python -m tests.slow.gene_set_rates docs/calibration_gene_sets.csv [--minutes 20] [--runs 10]

A cell is a situation on a layout (`tests.slow.ladder_data`), a correlation of the genes of a set, a kind of set, and
whether some sets differ. A run makes 8,000 genes in 400 sets of 20: of every part of a gene (nugget, fields,
differences over donors) a share as large as the correlation is common to its set. Variances are pooled over 2,000 of
the genes, as in the program. Where some sets differ, the genes of one in ten are 0.3 standard deviations higher in
region 1 or, in every other of these sets, lower, and rates are those of the others. The table is written after each
run, and a later call goes on where it ends. GSEApy's prerank takes the 2,000 genes of 100 sets ranked by the signed
root of F, as `to_rnk` writes them; where it is not installed, and where some sets differ, its column is empty.
"""

from __future__ import annotations

import argparse
import time
import warnings
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import jugex
from jugex.stats.moderation import adjust_holm
from jugex.stats.spatial import Ladder, Reference, sum_pairs
from tests.slow.ladder_data import SITUATIONS as ALL_SITUATIONS
from tests.slow.ladder_data import Layout, Simulator, Situation, list_layouts
from tests.slow.ladder_rates import infer_samples
from tests.slow.situations import SEED

N_SETS, SIZE, FAMILY, POOL = 400, 20, 20, 2_000
#: Sets whose genes differ, and by how many standard deviations, where some do.
N_DIFFERENT, EFFECT = 40, 0.3
LAYOUTS = ("Fp1/Fp2", "V1/V2")
#: Situations by name, with the standard deviation of a gene's difference over donors.
SITUATIONS = {"independent": 0.0, "own 8 mm": 0.25, "mixed": 0.25, "AHBA-like": 0.25}
CORRELATIONS = (0.0, 0.3, 0.5)
KINDS = ("competitive", "self-contained")
RUNGS = ("samples", "donors", "spatial")
MEASURES = (
    *(f"{rung}_{rate}" for rung in RUNGS for rate in ("p05", "fwe", "power")), "prerank_p05", "prerank_q05",
)  # fmt: skip
KEY = ("layout", "situation", "correlation", "some_differ", "kind")
_N_SHUFFLES = 500

Floats = npt.NDArray[np.floating]


@cache
def _simulator() -> Simulator:
    return Simulator(list_layouts()[LAYOUTS[0]])


@cache
def _reference() -> Reference:
    layout = list_layouts()[LAYOUTS[0]]  # both have the samples of the left isocortex
    return Reference(layout.points, layout.donors)


def run_cells(name: str, correlation: float, run: int) -> dict[tuple[object, ...], dict[str, float]]:
    """Measures of the cells of a situation and a correlation in one run."""
    situation, sd = next(one for one in ALL_SITUATIONS if one.name == name), SITUATIONS[name]
    rng = np.random.default_rng([SEED, zlib.crc32(f"{name}, {correlation}".encode()), run])
    genes, found = draw_correlated(situation, correlation, rng), {}
    for layout in (list_layouts()[one] for one in LAYOUTS):
        in_1, n_donors = np.flatnonzero(layout.cells == 0), layout.donors.max() + 1
        values = genes.copy()
        effects = sd * _join(*(rng.standard_normal((n, n_donors)) for n in (N_SETS * SIZE, N_SETS)), correlation)
        values[:, in_1] += effects[:, layout.donors[in_1]].astype(np.float32)
        # the same for every donor, so that what is pooled (within regions, over donors, elsewhere) is as without it
        ladder = Ladder(sum_pairs(_reference(), values[:POOL]), layout.cells)
        for some_differ in (False, True):
            if some_differ:
                shift = np.repeat(np.where(np.arange(N_DIFFERENT) % 2, -EFFECT, EFFECT), SIZE).astype(np.float32)
                values[np.ix_(np.arange(len(shift)), in_1)] += shift[:, None]
            for kind in KINDS:
                measures = measure(values, layout, ladder, kind, some_differ=some_differ)
                found[layout.name, name, correlation, some_differ, kind] = measures
    return found


def draw_correlated(situation: Situation, correlation: float, rng: np.random.Generator) -> Floats:
    """Genes of a situation (g, N) of which those of a set correlate, at whatever distance."""
    own, common = (situation.draw(_simulator(), n, rng).values for n in (N_SETS * SIZE, N_SETS))
    return _join(own, common, correlation)


def _join(own: Floats, common: Floats, correlation: float) -> Floats:
    shares = np.sqrt(np.array([1 - correlation, correlation], dtype=own.dtype))
    return shares[0] * own + shares[1] * np.repeat(common, SIZE, axis=0)


def combine(values: Floats, layout: Layout, kind: str) -> Floats:
    """Values of the sets (s, N): the mean of their genes over the sd about donors, less that of all others."""
    used = layout.cells >= 0
    donors = layout.donors[used]
    inside = values[:, used].astype(float)
    means = np.stack([inside[:, donors == donor].mean(axis=1) for donor in np.unique(donors)], axis=1)
    residuals = inside - means[:, np.unique(donors, return_inverse=True)[1]]
    scaled = values / np.sqrt((residuals**2).sum(axis=1) / (len(donors) - means.shape[1]))[:, None]
    of_sets = scaled.reshape(N_SETS, SIZE, -1).mean(axis=1)
    if kind == "self-contained":
        return of_sets
    return of_sets - (N_SETS * of_sets.mean(axis=0) - of_sets) / (N_SETS - 1)


def measure(values: Floats, layout: Layout, ladder: Ladder, kind: str, *, some_differ: bool) -> dict[str, float]:
    """Measures of the sets of a kind."""
    differs, of_sets = np.arange(N_SETS) < (N_DIFFERENT if some_differ else 0), combine(values, layout, kind)
    result = ladder.test(sum_pairs(_reference(), of_sets))
    upper = [np.full(N_SETS, np.nan) if rung is None else rung.p for rung in (result.donors, result.spatial)]
    measures = {}
    for rung, p in zip(RUNGS, (infer_samples(of_sets, layout), *upper), strict=True):
        null, tried = p[~differs], not np.isnan(p).all()
        least = np.array([adjust_holm(family).min() for family in null.reshape(-1, FAMILY)])
        measures[f"{rung}_p05"] = float((null <= 0.05).mean()) if tried else np.nan
        measures[f"{rung}_fwe"] = float((least <= 0.05).mean()) if tried else np.nan
        measures[f"{rung}_power"] = float((p[differs] <= 0.05).mean()) if tried and some_differ else np.nan
    shuffled = None if some_differ or kind != KINDS[0] else shuffle_genes(values[:POOL], layout)
    measures["prerank_p05"] = np.nan if shuffled is None else float((shuffled[0] <= 0.05).mean())
    measures["prerank_q05"] = np.nan if shuffled is None else float((shuffled[1] <= 0.05).any())
    return measures


def shuffle_genes(values: Floats, layout: Layout) -> tuple[Floats, Floats] | None:
    """Nominal p and FDR of GSEApy's prerank for each set; None where it is not installed."""
    try:
        import gseapy
    except ImportError:
        return None
    used = layout.cells >= 0
    area = np.where(layout.cells[used] == 0, 1.0, 0.0)
    donors = (layout.donors[used, None] == np.unique(layout.donors[used])).astype(float)
    q = np.linalg.qr(donors)[0]
    contrast = area - q @ (q.T @ area)
    y = values[:, used].T.astype(float)
    y -= q @ (q.T @ y)
    slope = contrast @ y / (contrast @ contrast)
    rest = ((y - np.outer(contrast, slope)) ** 2).sum(axis=0) / (len(area) - donors.shape[1] - 1)
    ranking = pd.Series(
        slope * np.sqrt(contrast @ contrast / rest), index=[f"G{number}" for number in range(len(values))]
    )
    sets = {str(number): [f"G{SIZE * number + k}" for k in range(SIZE)] for number in range(len(values) // SIZE)}
    with warnings.catch_warnings():  # it calls pandas in a way that will go
        warnings.simplefilter("ignore")
        found = gseapy.prerank(
            rnk=ranking.sort_values(ascending=False), gene_sets=sets, permutation_num=_N_SHUFFLES, outdir=None,
            seed=SEED, min_size=5, max_size=500, threads=1, no_plot=True,
        )  # fmt: skip
    found = found.res2d.set_index("Term")
    p, fdr = (found.loc[list(sets), column].to_numpy(dtype=float) for column in ("NOM p-val", "FDR q-val"))
    return p, fdr


# --- the table ------------------------------------------------------------------------------------------------------


def _versions() -> str:
    try:
        import gseapy

        return f"jugex {jugex.__version__}, GSEApy {gseapy.__version__}"
    except ImportError:
        return f"jugex {jugex.__version__}"


def list_tasks(n_runs: int) -> Iterator[tuple[str, float, int]]:
    """Situations, correlations and runs: first runs before second ones."""
    for run in range(n_runs):
        for name in SITUATIONS:
            for correlation in CORRELATIONS:
                yield name, correlation, run


def summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over the runs of each cell with their standard errors: over runs, or binomial where these are larger."""
    rows = []
    for key, cell in runs.groupby(list(KEY), sort=False):
        n, row = len(cell), dict(zip(KEY, key, strict=True))
        n_null = n * (N_SETS - (N_DIFFERENT if row["some_differ"] else 0))
        sizes = {"p05": n_null, "fwe": n_null // FAMILY, "power": n * N_DIFFERENT, "q05": n}
        for name in MEASURES:
            size = n * POOL // SIZE if name == "prerank_p05" else sizes[name.rpartition("_")[2]]
            mean = cell[name].mean()
            rate = (mean * size + 0.5) / (size + 1)  # of none in n, the error is not 0
            over_runs = cell[name].std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
            row |= {name: mean, f"{name}_se": max(np.sqrt(rate * (1 - rate) / size), over_runs)}
        rows.append(row | {"runs": n})
    return pd.DataFrame(rows)


def table_rates(runs: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the shares of sets that do not differ and are called, of competitive sets."""
    cells = summarize(runs).set_index([*KEY[:3], "kind", "some_differ"])
    header = ["layout", "situation", "r", *RUNGS, *(f"some differ: {rung}" for rung in RUNGS), "GSEApy",
              "GSEApy, studies"]  # fmt: skip
    rows = []
    for key in dict.fromkeys(index[:3] for index in cells.index):
        null, some = (cells.loc[(*key, KINDS[0], some_differ)] for some_differ in (False, True))
        shown = [show(cell, f"{rung}_p05") for cell in (null, some) for rung in RUNGS]
        n_studies = int(null["runs"])
        of_studies = f"{round(null['prerank_q05'] * n_studies)} of {n_studies}"
        rows.append([key[0], key[1], f"{key[2]:g}", *shown, show(null, "prerank_p05"), of_studies])
    return header, rows


def table_power(runs: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the shares found of sets that differ, of competitive sets."""
    cells = summarize(runs[runs["some_differ"] & (runs["kind"] == KINDS[0])])
    rows = [
        [
            cell["layout"],
            cell["situation"],
            f"{cell['correlation']:g}",
            *(show(cell, f"{rung}_power") for rung in RUNGS),
        ]
        for _, cell in cells.iterrows()
    ]
    return ["layout", "situation", "r", *RUNGS], rows


def compare_kinds(runs: pd.DataFrame) -> float:
    """Largest difference between the kinds in the rate of a rung, of all cells."""
    cells = summarize(runs).set_index([*KEY[:4], "kind"])[[f"{rung}_p05" for rung in RUNGS]].unstack("kind")
    return float(
        (cells.xs(KINDS[0], axis=1, level="kind") - cells.xs(KINDS[1], axis=1, level="kind")).abs().max().max()
    )


def families(runs: pd.DataFrame) -> dict[str, float]:
    """Share of families of 20 competitive sets, of which none differs, with one called, where a rung is to hold."""
    null = runs[~runs["some_differ"] & (runs["kind"] == KINDS[0])]
    holds = {"samples": ["independent"], "donors": ["independent", "own 8 mm"], "spatial": list(SITUATIONS)}
    return {rung: float(null.loc[null["situation"].isin(names), f"{rung}_fwe"].mean()) for rung, names in holds.items()}


def show(cell: pd.Series, measure: str) -> str:
    """A rate to three digits, with its standard error in units of the last: 0.048(3)."""
    return "" if np.isnan(cell[measure]) else f"{cell[measure]:.3f}({max(round(1_000 * cell[f'{measure}_se']), 1)})"


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--runs", type=int, default=10, help=f"runs of {N_SETS} sets per cell")
    options = parser.parse_args()
    runs = pd.read_csv(options.path).to_dict("records") if options.path.exists() else []
    done = {(one["situation"], one["correlation"], one["run"]) for one in runs}
    start = time.monotonic()
    for name, correlation, run in list_tasks(options.runs):
        if (name, correlation, run) in done:
            continue
        if time.monotonic() - start > 60 * options.minutes:
            break
        for key, measures in run_cells(name, correlation, run).items():
            runs.append(dict(zip(KEY, key, strict=True)) | {"run": run} | measures | {"versions": _versions()})
        pd.DataFrame(runs).to_csv(options.path, index=False, float_format="%.5g")
        print(f"{name}, {correlation:g}, run {run}: {(time.monotonic() - start) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
