"""Arbitrary pairs of places of the real left isocortex, where there is nothing to find: how often each rung calls.

Needs the real data beside the project. GABRA4 is certain in all samples; of SCN1A and SLC6A2 only those samples are
taken whose expression is certain (`alignment.csv`). Places are balls of samples, as large as left Fp1 and Fp2.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

import jugex
from jugex.query.reference import classify_tissue
from jugex.stats.aggregation import aggregate_probes
from jugex.stats.spatial import Ladder, Reference, sum_pairs
from tests.slow.ladder_data import Layout
from tests.slow.ladder_rates import find_p
from tests.slow.situations import SEED, SHARED_DATA

#: Genes and the folders that hold them.
FOLDERS = {"GABRA4": "ahba-gabra4", "SCN1A": "ahba-mini", "SLC6A2": "ahba-mini"}
#: Places: how far apart (mm), how many samples each has, and how many pairs of them are drawn.
APART_MM, SIZES, N_PAIRS = (14, 30, 60), (16, 12), 300
_FEWEST_DONORS = 3  # with samples in both places

Floats = npt.NDArray[np.float64]
Pair = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


class Measured(NamedTuple):
    """A gene's probes in the left isocortex: `points` (N, 3) in mm, `donors` (N,), z-scores `probes` (p, N)."""

    points: Floats
    donors: npt.NDArray[np.str_]
    probes: Floats

    @property
    def gene(self) -> Floats:
        """The gene's value, as the program makes it of its probes, shape (1, N)."""
        return aggregate_probes(self.probes.T, np.zeros(len(self.probes), dtype=np.intp), "winsorized-mean")


@cache
def read_gene(gene: str) -> Measured:
    """Probes of a gene in the samples of the left isocortex whose expression is certain."""
    folder = SHARED_DATA / FOLDERS[gene]
    atlas = jugex.open_atlas(folder)
    is_there = (classify_tissue(atlas) == "isocortex").to_numpy(dtype=bool) & (atlas.samples["mni_x"] < 0)
    if (alignment := folder / "alignment.csv").exists():
        is_there &= atlas.samples["well_id"].isin(pd.read_csv(alignment).query("exact")["well_id"])
    samples = atlas.samples[is_there]
    probe_ids = atlas.probes.loc[atlas.probes["gene"] == gene, "probe_id"].to_numpy()
    zscores = atlas.zscores(well_ids=samples["well_id"].to_numpy(), probe_ids=probe_ids)
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    return Measured(points, samples["donor_name"].to_numpy(dtype=str), zscores.T)


def draw_places(points: Floats, donors: npt.NDArray[np.str_], apart: float, n_pairs: int = N_PAIRS) -> list[Pair]:
    """Arbitrary pairs of places that far apart: the samples nearest to two samples, three donors or more in both."""
    rng, pairs = np.random.default_rng([SEED, int(apart)]), []
    for centre in np.concatenate([rng.permutation(len(points)) for _ in range(3)]):
        distances = np.linalg.norm(points - points[centre], axis=1)
        others = np.flatnonzero(np.abs(distances - apart) <= max(2.0, 0.15 * apart))
        if not len(others):
            continue
        first = np.argsort(distances, kind="stable")[: SIZES[0]]
        from_other = np.linalg.norm(points - points[rng.choice(others)], axis=1)
        from_other[first] = np.inf
        second = np.argsort(from_other, kind="stable")[: SIZES[1]]
        if len(set(donors[first]) & set(donors[second])) >= _FEWEST_DONORS:
            pairs.append((first, second))
        if len(pairs) == n_pairs:
            break
    return pairs


def judge_places(values: Floats, measured: Measured, pairs: list[Pair], alpha: float = 0.05) -> Floats:
    """Share of genes (g, N), which are their own pool, that each rung calls at each pair, shape (k, 3).

    As the diagnostic of a run does it: the variogram leaves out the samples of the first pair.
    """
    pool = sum_pairs(Reference(measured.points, measured.donors), values)
    cells = np.full(len(measured.points), -1)
    cells[pairs[0][0]], cells[pairs[0][1]] = 0, 1
    shares = Ladder(pool, cells).calibrate(pairs, alpha=alpha)
    return np.column_stack([shares.samples, shares.donors, shares.spatial])


def judge_one_by_one(values: Floats, measured: Measured, pairs: Iterable[Pair], alpha: float = 0.05) -> Floats:
    """As `judge_places`, with a ladder for each pair, as the regions of a run have: a hundred times slower."""
    reference = Reference(measured.points, measured.donors)
    sums, called = sum_pairs(reference, values), []
    for first, second in pairs:
        cells = np.full(len(measured.points), -1)
        cells[first], cells[second] = 0, 1
        layout = Layout("", "", measured.points, reference.donor_codes, cells, cells)
        p = find_p(Ladder(sums, cells).test(sums), values, layout)
        called.append([(rung <= alpha).mean() for rung in p])
    return np.array(called)


def measure(n_pairs: int = N_PAIRS) -> pd.DataFrame:
    """Shares of p at most 0.05 and 0.005 at each distance: of genes taken one by one, and of GABRA4's probes."""
    rows = []
    for gene in FOLDERS:
        measured = read_gene(gene)
        taken = {gene: measured.gene}
        if gene == "GABRA4":
            taken = {f"{len(measured.probes)} probes of GABRA4": measured.probes, **taken}
        for (name, values), apart in product(taken.items(), APART_MM):
            pairs = draw_places(measured.points, measured.donors, apart, n_pairs)
            shares = [judge_places(values, measured, pairs, alpha).mean(axis=0) for alpha in (0.05, 0.005)]
            rows.append((name, apart, len(pairs), *shares[0], *shares[1]))
    rungs = ("samples", "donors", "spatial")
    columns = ["gene", "apart_mm", "pairs", *(f"{rung}_p{level}" for level in ("05", "005") for rung in rungs)]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the shares to a table.")
    parser.add_argument("path", type=Path)
    measure().to_csv(parser.parse_args().path, index=False, float_format="%.4f")
