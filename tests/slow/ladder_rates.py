"""False positives of the ladder in made-up situations, at the real atlas's sample positions.

    python -m tests.slow.ladder_rates [--genes 500] [--repeats 2] [--only WORD]

Samples of the left isocortex of six donors, four pairs of places as large and as close as cytoarchitectonic areas are;
genes are simulated without any difference between the places but for those that all the tissue has. Prints, over pairs
of places and repeats, the share of genes with p at or below 0.05 (samples, donors, spatial) and 0.001 (spatial), and
the share of families of 25 genes with a p_spatial_fwe at or below 0.05, with its standard error. The simulator shares
no code with what it tests. Needs the real data beside the project.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution

from jugex.stats.moderation import adjust_holm
from jugex.stats.spatial import Ladder, Reference, sum_pairs

DATA = Path(__file__).parents[3] / "shared" / "data" / "ahba-gabra4"
LEFT_OUT = ("HiF", "PHG", "Pir")  # cortex, but no isocortex
PLACES = {
    "Fp1/Fp2": ([-24, 56, 8], [-8, 58, -4]),
    "V1/V2": ([-8, -88, 0], [-14, -92, 18]),
    "44/45": ([-52, 12, 18], [-50, 28, 10]),
    "4a/1": ([-20, -28, 66], [-42, -30, 58]),
}
RADIUS_MM, FAMILY = 14.0, 25


def read_samples() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in mm and donors of the samples of the left isocortex."""
    points, donors = [], []
    for folder in sorted(DATA.glob("normalized_microarray_donor*")):
        samples, ontology = (pd.read_csv(folder / f"{name}.csv") for name in ("SampleAnnot", "Ontology"))
        ids = ontology.set_index("acronym")["id"]
        paths = samples["structure_id"].map(ontology.set_index("id")["structure_id_path"])
        inside = {acronym: paths.str.contains(f"/{ids[acronym]}/") for acronym in ("Cx", *LEFT_OUT)}
        chosen = inside["Cx"] & ~np.logical_or.reduce([inside[one] for one in LEFT_OUT]) & (samples["mni_x"] < 0)
        points.append(samples.loc[chosen, ["mni_x", "mni_y", "mni_z"]].to_numpy())
        donors += [folder.name] * int(chosen.sum())
    return np.vstack(points), np.unique(donors, return_inverse=True)[1]


class Simulator:
    """Genes with given parts on fixed samples."""

    def __init__(self, points: np.ndarray, donors: np.ndarray, rng: np.random.Generator) -> None:
        self.points, self.donors, self.rng, self.roots = points, donors, rng, {}

    def field(self, n_genes: int, length: float, *, shared: bool, stretch: tuple[float, ...] = (1, 1, 1)) -> np.ndarray:
        key = (length, shared, stretch)
        if key not in self.roots:
            scaled = self.points / np.array(stretch)
            covariance = np.exp(-np.linalg.norm(scaled[:, None] - scaled, axis=2) / length)
            covariance *= shared | (self.donors[:, None] == self.donors)
            self.roots[key] = np.linalg.cholesky(covariance + 1e-8 * np.eye(len(scaled)))
        return self.rng.standard_normal((n_genes, len(self.points))) @ self.roots[key].T

    def mosaic(self, n_genes: int, width: float) -> np.ndarray:
        """Areas with means of their own around seeds about `width` mm apart, another mosaic for each 25 genes."""
        genes, spans = np.empty((n_genes, len(self.points))), np.ptp(self.points, axis=0)
        n_seeds = int(np.prod(spans / width)) + 1
        for start in range(0, n_genes, 25):
            seeds = self.points.min(axis=0) + self.rng.random((n_seeds, 3)) * spans
            area = np.linalg.norm(self.points[:, None] - seeds, axis=2).argmin(axis=1)
            block = genes[start : start + 25]
            block[:] = self.rng.standard_normal((len(block), n_seeds))[:, area]
        return genes

    def mix(
        self,
        n_genes: int,
        nugget: np.ndarray | None = None,
        share: float = 1.0,
        own: tuple[float, float] | None = None,
        shared: tuple[float, float] | None = None,
        spread: float = 0.3,
    ) -> np.ndarray:
        """Nugget with variance `share`, fields (variance, range in mm), amplitudes that vary over genes."""
        n = len(self.points)
        genes = np.sqrt(share) * (self.rng.standard_normal((n_genes, n)) if nugget is None else nugget)
        for part, is_shared in ((own, False), (shared, True)):
            if part is not None:
                amplitude = np.sqrt(part[0]) * np.exp(spread * self.rng.standard_normal((n_genes, 1)))
                genes += amplitude * self.field(n_genes, part[1], shared=is_shared)
        return genes


def make_situations(simulate: Simulator, n: int) -> dict[str, tuple[Callable[[], np.ndarray], float]]:
    """Genes of each situation, and the standard deviation of true differences over donors."""
    rng, size = simulate.rng, (n, len(simulate.points))

    def mixed() -> np.ndarray:
        return simulate.mix(n, share=0.3, own=(0.3, 8), shared=(0.4, 16))

    def brain() -> np.ndarray:
        return simulate.mix(n, share=0.3, own=(0.2, 8), shared=(0.5, 60))

    def outlying_donor() -> np.ndarray:
        genes = mixed()
        genes[:, simulate.donors == 2] *= 2.5
        return genes

    def outlying_samples() -> np.ndarray:
        genes = mixed()
        return np.where(rng.random(size) < 0.005, genes + 6 * rng.standard_normal(size), genes)

    def noisy_donors() -> np.ndarray:
        factor = np.array([0.5, 0.7, 1, 1, 1.4, 2])[simulate.donors]
        return simulate.mix(n, nugget=factor * rng.standard_normal(size), share=0.5, shared=(0.5, 16))

    def graded() -> np.ndarray:
        return mixed() + rng.standard_normal((n, 1)) * simulate.points[:, 1] / 30

    situations: dict[str, tuple[Callable[[], np.ndarray], float]] = {
        "independent": (lambda: simulate.mix(n), 0.0),
        "independent, donors 0.5": (lambda: simulate.mix(n), 0.5),
        "nugget t3": (lambda: simulate.mix(n, nugget=rng.standard_t(3, size) / np.sqrt(3)), 0.25),
        "nugget lognormal": (lambda: simulate.mix(n, nugget=np.exp(0.7 * rng.standard_normal(size)) - 1), 0.25),
    }
    for length in (4, 8, 16):
        situations[f"own {length} mm"] = (lambda length=length: simulate.mix(n, share=0.4, own=(0.6, length)), 0.0)
    situations["own 8 mm, donors 1"] = (lambda: simulate.mix(n, share=0.4, own=(0.6, 8)), 1.0)
    for length in (4, 8, 16, 60):
        situations[f"shared {length} mm"] = (
            lambda length=length: simulate.mix(n, share=0.4, shared=(0.6, length)),
            0.0,
        )
    for sd in (0.0, 0.25, 0.5, 1.0):
        situations[f"mixed, donors {sd}"] = (mixed, sd)
        situations[f"AHBA-like, donors {sd}"] = (brain, sd)
    return situations | {
        "mixed, parts vary over genes": (
            lambda: simulate.mix(n, share=0.3, own=(0.3, 8), shared=(0.4, 16), spread=0.8),
            0.25,
        ),
        "mixed and a gradient": (graded, 0.25),
        "mixed, an outlying donor": (outlying_donor, 0.25),
        "mixed, outlying samples": (outlying_samples, 0.25),
        "nuggets differ by donor": (noisy_donors, 0.25),
        "anisotropy 4:1": (
            lambda: simulate.mix(n, share=0.4) + np.sqrt(0.6) * simulate.field(n, 8, shared=True, stretch=(1, 4, 1)),
            0.25,
        ),
        "mosaic 10 mm": (lambda: simulate.mix(n, share=0.5) + np.sqrt(0.5) * simulate.mosaic(n, 10), 0.25),
        "mosaic 30 mm": (lambda: simulate.mix(n, share=0.5) + np.sqrt(0.5) * simulate.mosaic(n, 30), 0.25),
    }


def infer_samples(genes: np.ndarray, donors: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """P-values of area adjusted for donor, samples as replicates."""
    used = cells >= 0
    indicators = (donors[used, None] == np.unique(donors[used])).astype(float)
    y, area = genes[:, used].T, (cells[used] == 0).astype(float)
    rss = []
    for model in (indicators, np.column_stack([indicators, area])):
        q = np.linalg.qr(model)[0]
        rss.append(((y - q @ (q.T @ y)) ** 2).sum(axis=0))
    df = used.sum() - indicators.shape[1] - 1
    return f_distribution.sf((rss[0] - rss[1]) / (rss[1] / df), 1, df)


def judge(genes: np.ndarray, reference: Reference, cells: np.ndarray) -> list[float]:
    """Shares of genes that each rung calls, and of families with one."""
    sums = sum_pairs(reference, genes)
    result = Ladder(sums, cells).test(sums)
    spatial = result.spatial.p
    families = spatial[: len(spatial) // FAMILY * FAMILY].reshape(-1, FAMILY)
    return [
        (infer_samples(genes, reference.donor_codes, cells) <= 0.05).mean(),
        (result.donors.p <= 0.05).mean(),
        (spatial <= 0.05).mean(),
        (spatial <= 0.001).mean(),
        np.mean([adjust_holm(family).min() <= 0.05 for family in families]),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    points, donors = read_samples()
    rng, reference = np.random.default_rng(20), Reference(points, donors)
    simulate = Simulator(points, donors, rng)
    layouts = []
    for name, centres in PLACES.items():
        near = np.array([np.linalg.norm(points - centre, axis=1) for centre in centres])
        layouts.append(np.where(near.min(axis=0) < RADIUS_MM, near.argmin(axis=0), -1))
        counts = [np.bincount(donors[layouts[-1] == region], minlength=6) for region in (0, 1)]
        print(f"{name}: samples per donor {counts[0].tolist()} and {counts[1].tolist()}")
    print(
        f"{len(points):,} samples, {options.genes} genes, {options.repeats} repeats, {len(layouts)} pairs of places\n"
    )
    print(f"{'':34}{'samples':>9}{'donors':>9}{'spatial':>9}{'+-':>7}{'at 0.001':>10}{'FWE':>7}{'+-':>7}")
    for name, (make, sd) in make_situations(simulate, options.genes).items():
        if options.only not in name:
            continue
        rates = []
        for _ in range(options.repeats):
            genes = make()
            for cells in layouts:
                effects = sd * rng.standard_normal((options.genes, donors.max() + 1))
                rates.append(judge(genes + effects[:, donors] * (cells == 0), reference, cells))
        mean, error = np.mean(rates, axis=0), np.std(rates, axis=0, ddof=1) / np.sqrt(len(rates))
        print(
            f"{name:34}{mean[0]:9.3f}{mean[1]:9.3f}{mean[2]:9.3f}{error[2]:7.3f}{mean[3]:10.4f}{mean[4]:7.3f}"
            f"{error[4]:7.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
