"""Write the two tables of the page on the ladder: how real genes vary over cortex, and how often each rung errs there.

    python docs/explanation/measure_ladder.py FOLDER

FOLDER holds ``ahba-gabra4/`` (donor archives with all probes of GABRA4) and ``ahba-mini/`` (those of SCN1A, with
``alignment.csv``, which says of each well whether its expression is certain).
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import jugex
from jugex.query.reference import classify_tissue
from jugex.stats.aggregation import aggregate_probes
from jugex.stats.spatial import Ladder, Reference, sum_pairs

#: Lower ends of the bins of distance, in mm.
EDGES_MM = (0, 4, 8, 12, 16, 20, 30, 40, 50, 65, 80)
FOLDERS = {"GABRA4": "ahba-gabra4", "SCN1A": "ahba-mini"}
#: Places: how far apart (mm), how many samples each has (as Fp1 and Fp2), and how many pairs of them are drawn.
APART_MM, SIZES, N_PLACES = (14, 30, 60), (16, 12), 91
_FEWEST_PAIRS, _FEWEST_DONORS = 60, 3


def find_samples(atlas: jugex.ExpressionAtlas) -> pd.DataFrame:
    """Samples of the left isocortex."""
    is_left = atlas.samples["mni_x"] < 0
    return atlas.samples[((classify_tissue(atlas) == "isocortex") & is_left).to_numpy(dtype=bool)]


def measure_variogram(folder: Path, gene: str) -> pd.DataFrame:
    """Semivariances of a gene, of one donor and of two, in units of its variance.

    Matheron (1963): the mean of (y_i - y_j)^2 / 2 over the pairs of samples of a bin of distances.
    """
    atlas = jugex.open_atlas(folder / FOLDERS[gene])
    samples = find_samples(atlas)
    if (alignment := folder / FOLDERS[gene] / "alignment.csv").exists():
        samples = samples[samples["well_id"].isin(pd.read_csv(alignment).query("exact")["well_id"])]
    probe_ids = atlas.probes.loc[atlas.probes["gene"] == gene, "probe_id"].to_numpy()
    zscores = atlas.zscores(well_ids=samples["well_id"].to_numpy(), probe_ids=probe_ids)
    values = aggregate_probes(zscores, np.zeros(len(probe_ids), dtype=np.intp), "winsorized-mean")[0]
    donors, _ = pd.factorize(samples["donor_name"])
    values = values - pd.Series(values).groupby(donors).transform("mean").to_numpy()
    first, second = np.triu_indices(len(values), 1)
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=float)
    distances = np.linalg.norm(points[first] - points[second], axis=1)
    pairs = pd.DataFrame(
        {
            "bin": np.searchsorted(EDGES_MM, distances, side="right") - 1,
            "donors": np.where(donors[first] == donors[second], "same donor", "two donors"),
            "half_square": (values[first] - values[second]) ** 2 / 2 / values.var(),
        }
    )
    measured = pairs.groupby(["bin", "donors"])["half_square"].agg(["mean", "size"])
    return measured.loc[measured["size"] >= _FEWEST_PAIRS, "mean"].unstack("donors")


def write_variograms(folder: Path) -> str:
    """A row per bin of distance."""
    measured = {gene: measure_variogram(folder, gene) for gene in FOLDERS}
    table = pd.concat(measured, axis=1)
    table.columns = [", ".join(names) for names in table.columns]
    ends = [*(f"{low} to {high}" for low, high in itertools.pairwise(EDGES_MM)), f"over {EDGES_MM[-1]}"]
    table.insert(0, "distance (mm)", [ends[number] for number in table.index])
    return to_markdown(table)


def draw_places(points: np.ndarray, donors: np.ndarray, apart: float, rng: np.random.Generator) -> list[tuple]:
    """Arbitrary pairs of places that far apart: the samples nearest to two samples, of three donors or more in both."""
    places = []
    for centre in rng.permutation(len(points)):
        distances = np.linalg.norm(points - points[centre], axis=1)
        others = np.flatnonzero(np.abs(distances - apart) <= max(2.0, 0.15 * apart))
        if not len(others):
            continue
        first = np.argsort(distances, kind="stable")[: SIZES[0]]
        from_other = np.linalg.norm(points - points[rng.choice(others)], axis=1)
        from_other[first] = np.inf
        second = np.argsort(from_other, kind="stable")[: SIZES[1]]
        if len(set(donors[first]) & set(donors[second])) >= _FEWEST_DONORS:
            places.append((first, second))
        if len(places) == N_PLACES:
            break
    return places


def write_rates(folder: Path) -> str:
    """A row per distance: share of GABRA4's probes, each taken as a gene, that each rung calls at 0.05 and at 0.005."""
    atlas = jugex.open_atlas(folder / FOLDERS["GABRA4"])
    samples = find_samples(atlas)
    points, donors = samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=float), samples["donor_name"].to_numpy(str)
    pool = sum_pairs(Reference(points, donors), atlas.zscores(well_ids=samples["well_id"].to_numpy()).T)
    rng, rows = np.random.default_rng(0), []
    for apart in APART_MM:
        places = draw_places(points, donors, apart, rng)
        cells = np.full(len(points), -1)
        cells[places[0][0]], cells[places[0][1]] = 0, 1
        ladder = Ladder(pool, cells)
        at, far = (ladder.calibrate(places, alpha=alpha) for alpha in (0.05, 0.005))
        rates = [np.nanmean(rung) for rung in (at.samples, at.donors, at.spatial, far.spatial)]
        rows.append([f"{apart} mm apart", *rates])
    columns = ["places", "samples", "donors", "spatial", "spatial, at 0.005"]
    return to_markdown(pd.DataFrame(rows, columns=columns), decimals=[3, 3, 3, 4])


def to_markdown(table: pd.DataFrame, decimals: list[int] | None = None) -> str:
    """A table as the pages have it: its first column is text, the others are numbers or empty."""
    decimals = decimals or [2] * (table.shape[1] - 1)
    rows = [[str(name) for name in table.columns], ["---"] * table.shape[1]]
    for first, *numbers in table.itertuples(index=False):
        cells = ["" if np.isnan(x) else f"{x:.{digits}f}" for x, digits in zip(numbers, decimals, strict=True)]
        rows.append([str(first), *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(f"{write_variograms(Path(sys.argv[1]))}\n{write_rates(Path(sys.argv[1]))}")
