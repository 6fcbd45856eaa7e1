"""How the frozen atlas was made: ``python -m tests.golden.make_atlas``. Not run by any test; its files are kept.

150 made-up samples of six donors, dense around three places and thin between them; 60 genes with 90 probes, of which
some differ between the places, some go together, some hardly agree, two are constant, and three miss values.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "atlas"
PLACES = np.array([[-30.0, 20.0, 10.0], [-42.0, 10.0, 20.0], [-34.0, -6.0, 34.0]])
SAMPLES_OF_DONORS = {"D1": 32, "D2": 30, "D3": 25, "D4": 24, "D5": 22, "D6": 17}
N_GENES, N_DOUBLE, N_TRIPLE = 60, 18, 6


def make_samples(rng: np.random.Generator) -> pd.DataFrame:
    """Three quarters of the samples near one of the places, the others anywhere; donor D6 lacks the third place."""
    donors = np.repeat(list(SAMPLES_OF_DONORS), list(SAMPLES_OF_DONORS.values()))
    place = rng.integers(0, 4, size=len(donors))
    place[(donors == "D6") & (place == 2)] = 3
    points = np.where(
        place[:, None] < 3, PLACES[place % 3], rng.uniform([-60, -40, -10], [-10, 40, 50], (len(donors), 3))
    )
    points = points + rng.normal(0, 4.5, points.shape)
    samples = pd.DataFrame({"well_id": 5000 + np.arange(len(donors)), "donor_name": donors})
    samples[["mni_x", "mni_y", "mni_z"]] = np.round(points, 1)
    samples["batch"] = rng.choice(["a", "b", "c"], size=len(donors))
    return samples


def make_probes(rng: np.random.Generator) -> pd.DataFrame:
    """One to three probes a gene, in mixed order."""
    n_probes = np.ones(N_GENES, dtype=int)
    n_probes[:N_DOUBLE] += 1
    n_probes[N_DOUBLE : N_DOUBLE + N_TRIPLE] += 2
    genes = np.repeat([f"G{number:02d}" for number in range(N_GENES)], n_probes)
    probes = pd.DataFrame({"gene": rng.permutation(genes)})
    probes.insert(0, "probe_id", 100 + np.arange(len(probes)))
    probes.insert(1, "probe_name", [f"P{number:03d}" for number in range(len(probes))])
    probes["entrez_id"] = 1000 + probes["gene"].str[1:].astype(int)
    return probes


def make_levels(samples: pd.DataFrame, probes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Log2 levels: a donor's offset, a smooth field, differences between the places, noise of gene and probe."""
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    distances = np.linalg.norm(points[:, None] - PLACES, axis=2)
    nearness = np.exp(-(distances**2) / (2 * 9.0**2))
    genes = np.unique(probes["gene"])
    donors = pd.factorize(samples["donor_name"])[0]
    effects = np.zeros((3, len(genes)))
    effects[:, ::5] = rng.normal(0, 1.2, (3, len(genes[::5])))
    common = rng.normal(size=(len(samples), 1)) * rng.normal(0, 0.4, len(genes))
    gradient = points @ rng.normal(0, 0.01, (3, len(genes)))
    of_genes = rng.uniform(3, 10, len(genes)) + rng.normal(0, 0.5, (6, len(genes)))[donors] + gradient
    of_genes = of_genes + nearness @ effects + common + rng.normal(0, 0.5, (len(samples), len(genes)))
    column = np.searchsorted(genes, probes["gene"])
    noise = np.where(np.arange(len(genes)) % 7 == 3, 1.5, 0.3)[column]
    levels = (
        of_genes[:, column] + rng.normal(0, 0.4, len(probes)) + rng.normal(size=(len(samples), len(probes))) * noise
    )
    levels = np.round(levels, 3)
    levels[:, probes["gene"] == "G58"] = 4.25
    levels[:, probes["gene"] == "G59"] = np.array([4.0, 4.5, 5.0, 5.5, 6.0, 6.5])[donors][:, None]
    for gene, share in (("G10", 0.02), ("G20", 0.3), ("G31", 0.01)):
        of_gene = np.flatnonzero(probes["gene"] == gene)[0]
        levels[rng.random(len(samples)) < share, of_gene] = np.nan
    return pd.DataFrame(levels, index=pd.Index(samples["well_id"], name="well_id"), columns=list(probes["probe_id"]))


def main() -> None:
    """Write the tables of the atlas."""
    rng = np.random.default_rng(20261129)
    samples, probes = make_samples(rng), make_probes(rng)
    levels = make_levels(samples, probes, rng)
    FOLDER.mkdir(exist_ok=True)
    samples.to_csv(FOLDER / "samples.tsv", sep="\t", index=False, lineterminator="\n")
    probes.to_csv(FOLDER / "probes.tsv", sep="\t", index=False, lineterminator="\n")
    levels.to_csv(FOLDER / "levels.tsv", sep="\t", float_format="%.3f", lineterminator="\n")


if __name__ == "__main__":
    main()
