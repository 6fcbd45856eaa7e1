"""Where no guarantee holds: regions of unequal spread, donors that differ in the effect, neighbours that resemble.

Simulated data of the kinds that the page of the calibration documents, and every test of one gene side by side.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

import jugex
from jugex.pipeline.comparison import make_design as make_design_of_pair
from jugex.query import region_pair
from jugex.spaces import DEMO_CENTRES
from jugex.stats.corrections import PValues
from jugex.stats.design import Design, Exchange
from jugex.stats.engine import count_exceedances
from jugex.stats.relabelling import make_relabellings
from jugex.stats.statistics import Statistic
from tests.stats.designs import make_design

ALPHA = 0.05
N_GENES = 25
# 100 rather than 99: there, leaving out the observed labels changes nothing at 0.05; here it gives 0.059 for 0.0495
N_RELABELLINGS = 100
SEED = 2018
SHARED_VARIANCE = 0.3  # of any two genes: their errors correlate by so much

#: Real data that some checkouts have beside them; the coordinates of its samples are not part of the project.
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

DEMO = "demo regions"

#: Samples of each donor in region 1 and region 2.
LAYOUTS = {
    "balanced": [(4, 4)] * 6,
    "unequal": [(n, 8 - n) for n in range(1, 8)],
    "Fp1/Fp2": [(7, 3), (0, 1), (2, 1), (5, 4), (0, 3), (2, 0)],
    "enumerable": [(2, 2), (1, 2), (2, 1)],
    "1 : 7": [(1, 7)] * 6,
    "balanced, 192 samples": [(16, 16)] * 6,
}

_RADIUS = 6.5  # mm: as the simulated atlas has it
_JITTER = 1e-9  # on the diagonal: two samples may share a place

Floats = npt.NDArray[np.float64]
Fields = Literal["own", "common"]


@dataclass(frozen=True, eq=False)
class Place:
    """Samples of two regions, and where they lie.

    Attributes
    ----------
    name : str
    design : Design
        n samples.
    points : ndarray of float64, shape (n, 3)
        MNI coordinates in mm.
    """

    name: str
    design: Design
    points: Floats


@cache
def make_place(layout: str) -> Place:
    """Put the samples of a layout in two balls, around the centres of the demo regions."""
    design = make_design(LAYOUTS[layout])
    rng = np.random.default_rng([SEED, zlib.crc32(layout.encode())])
    directions = rng.normal(size=(design.n_samples, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = np.where(design.labels[:, None], DEMO_CENTRES["A"], DEMO_CENTRES["B"])
    return Place(layout, design, centres + _RADIUS * np.cbrt(rng.random((design.n_samples, 1))) * directions)


@cache
def demo_place() -> Place:
    """Samples of the simulated atlas in the demo regions."""
    return _take_place(DEMO, *jugex.demo_regions(), jugex.open_atlas("simulated"))


@cache
def frontal_place() -> Place:
    """Real samples in left Fp1 and Fp2; only where the real data is at hand."""
    fp1, fp2 = (
        jugex.Region.from_image(SHARED_DATA / "regions" / f"{area}_left_pmap.nii.gz", threshold=0.2, name=area)
        for area in ("Fp1", "Fp2")
    )
    return _take_place("real Fp1/Fp2", fp1, fp2, jugex.open_atlas(SHARED_DATA / "ahba-mini"))


def _take_place(name: str, region_1: jugex.Region, region_2: jugex.Region, atlas: jugex.ExpressionAtlas) -> Place:
    pair = region_pair(region_1, region_2, atlas=atlas)
    points = pair.samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    return Place(name, make_design_of_pair(pair), points)


@dataclass(frozen=True)
class Noise:
    """Errors of standard deviation 1.

    Attributes
    ----------
    length : float
        Errors of samples d mm apart correlate by exp(-d / length); at 0, they do not.
    fields : {'own', 'common'}
        Whether each donor has a field of its own, or all donors the same.
    """

    length: float = 0.0
    fields: Fields = "own"

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.fields} fields, {self.length:g} mm" if self.length else "independent samples"

    def factor(self, donors: npt.NDArray[np.intp], points: Floats) -> Floats | None:
        """Matrix (n, n) whose product with independent errors has these correlations; None for independent ones."""
        if not self.length:
            return None
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        correlation = np.exp(-distances / self.length)
        if self.fields == "own":
            correlation *= donors[:, None] == donors
        return np.linalg.cholesky(correlation + _JITTER * np.eye(len(points)))


@dataclass(frozen=True, eq=False)
class Situation:
    """Simulated data of one kind.

    Attributes
    ----------
    name : str
    place : Place
    noise : Noise
    sd_ratio : float
        Standard deviation of region 1 over that of region 2, which is 1.
    donor_sd : float
        Standard deviation over donors of the difference between the regions (its mean is `effect`).
    effect : float
        Mean difference between the regions, of every gene.
    offset_sd : float
        Standard deviation of the donors' means.
    """

    name: str
    place: Place
    noise: Noise = Noise()
    sd_ratio: float = 1.0
    donor_sd: float = 0.0
    effect: float = 0.0
    offset_sd: float = 1.0

    def draw(self, n_sets: int) -> Iterator[Floats]:
        """Data sets (genes, samples), one after the other; the same errors for every effect."""
        design = self.place.design
        rng = np.random.default_rng([SEED, zlib.crc32(self.place.name.encode())])
        factor = self.noise.factor(design.donors, self.place.points)
        scale = np.where(design.labels, self.sd_ratio, 1.0)
        for _ in range(n_sets):
            values = scale * draw_errors(N_GENES, design.n_samples, factor, rng)
            of_donors = rng.normal(size=(2, N_GENES, design.n_donors))[..., design.donors]
            values += (self.effect + self.donor_sd * of_donors[0]) * design.labels
            yield values + self.offset_sd * of_donors[1]


def draw_errors(n_genes: int, n_samples: int, factor: Floats | None, rng: np.random.Generator) -> Floats:
    """Errors (genes, samples) of standard deviation 1, correlated over genes and, by a factor, over samples."""
    shared, own = rng.normal(size=(1, n_samples)), rng.normal(size=(n_genes, n_samples))
    errors = np.sqrt(SHARED_VARIANCE) * shared + np.sqrt(1 - SHARED_VARIANCE) * own
    correlated: Floats = errors if factor is None else errors @ factor.T
    return correlated


#: p-values of genes (g, n): of each alone, and corrected.
Test = Callable[[Floats, Place, np.random.Generator], tuple[Floats, Floats]]


def permute(statistic: Statistic, exchange: Exchange = "within-donor") -> Test:
    """The permutation test."""

    def test(values: Floats, place: Place, rng: np.random.Generator) -> tuple[Floats, Floats]:
        relabellings = make_relabellings(place.design, exchange, N_RELABELLINGS, rng)
        p: PValues = count_exceedances(values, place.design, relabellings, statistic=statistic).p_values()
        return p.perm, p.fwe

    return test


#: Tests by the name that the page gives them.
TESTS: dict[str, Test] = {
    "adjusted": permute("adjusted"),
    "sequential": permute("sequential"),
    "welch": permute("welch"),
    "adjusted, free": permute("adjusted", "free"),
    "sequential, free": permute("sequential", "free"),
}


class Rates(NamedTuple):
    """Shares at `ALPHA`: of genes alone, and of data sets with a gene significant for the family."""

    alone: float
    family: float


def measure(situation: Situation, n_sets: int, tests: dict[str, Test] = TESTS) -> dict[str, Rates]:
    """Share of what is called different, by test."""
    alone = {name: np.zeros(n_sets) for name in tests}
    family = {name: np.zeros(n_sets) for name in tests}
    rng = np.random.default_rng([SEED, 1])
    for number, values in enumerate(situation.draw(n_sets)):
        for name, test in tests.items():
            p, p_fwe = test(values, situation.place, rng)
            alone[name][number] = (p <= ALPHA).mean()
            family[name][number] = (p_fwe <= ALPHA).any()
    return {name: Rates(float(alone[name].mean()), float(family[name].mean())) for name in tests}


def list_situations() -> dict[str, list[Situation]]:
    """The situations that the page documents, by section."""
    spread = [
        Situation(f"{layout}, sd {words}", make_place(layout), sd_ratio=ratio)
        for layout in ("balanced", "1 : 7")
        for words, ratio in (("2 : 1", 2.0), ("1 : 2", 0.5))
    ]
    donors = [
        Situation(f"{make_place(layout).design.n_samples} samples, {sd:g} sd", make_place(layout), donor_sd=sd)
        for layout in ("balanced", "balanced, 192 samples")
        for sd in (0.25, 0.5, 1.0)
    ]
    space = [
        Situation(f"{place.name}, {noise.name}", place, noise)
        for place in list_places()
        for fields in ("own", "common")
        for noise in (Noise(length, fields) for length in (4.0, 8.0, 16.0))
    ]
    return {"spread": spread, "donors": donors, "space": space}


def list_places() -> list[Place]:
    """Places with real borders: the demo regions, and Fp1 and Fp2 where the real data is at hand."""
    return [demo_place(), frontal_place()] if SHARED_DATA.is_dir() else [demo_place()]
