"""What `p_boundary` can show: its p-values where space is all there is, and where a difference is planted.

Beside it stand other ways to ask the question: without the cuts that nearly are the observed border, and with cuts
through samples elsewhere in the brain.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jugex.analysis.design import Design
from jugex.analysis.engine import TIE_TOLERANCE, count_exceedances
from jugex.analysis.relabel import Relabellings, cut_by_planes
from scipy import stats

import jugex
from tests.slow.situations import (
    ALPHA,
    DEMO,
    N_GENES,
    SEED,
    SHARED_DATA,
    Noise,
    Place,
    draw_errors,
)

N_SETS = 400
N_BORDERS = 499  # cuts that a p-value is made of
N_CUTS = 10_000
#: Shares of the samples above which a cut nearly is the observed border.
AGREEMENTS = (0.75, 0.9, 0.95)
EFFECTS = (0.0, 0.5, 1.0, 2.0, 4.0)
NOISES = (Noise(), Noise(8.0, "own"), Noise(4.0, "common"), Noise(8.0, "common"), Noise(16.0, "common"))

_N_SERIES = 20

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
#: p-values (g,) of genes (g, n) at a place.
BorderTest = Callable[[Floats, Place, np.random.Generator], Floats]


def agree(design: Design, labels: Labels) -> Floats:
    """Share (m,) of the samples whose label is the observed one, or the other for all.

    Only donors with samples in both regions count: the labels of the others are the same in every cut.
    """
    informative = (design.weights > 0)[design.donors]
    same = np.asarray((labels == design.labels)[:, informative].mean(axis=1))
    agreement: Floats = np.maximum(same, 1 - same)
    return agreement


class CutShares(NamedTuple):
    """Of `N_CUTS` cuts at a place: how many are distinct, and the shares that agree with the observed labels."""

    n_distinct: int
    same: float
    above: tuple[float, ...]


def describe_cuts(place: Place) -> CutShares:
    """How much arbitrary flat borders resemble the observed one; `above` follows `AGREEMENTS`."""
    labels = cut_by_planes(place.design, place.points, N_CUTS, np.random.default_rng([SEED, 2])).labels
    agreement = agree(place.design, labels)
    n_distinct = len(np.unique(np.packbits(labels, axis=1), axis=0))
    above = tuple(float((agreement > share).mean()) for share in AGREEMENTS)
    return CutShares(n_distinct, float((agreement == 1).mean()), above)


def leave_out(above: float) -> BorderTest:
    """`p_boundary` without the cuts that agree with the observed labels in more than a share of the samples."""

    def test(values: Floats, place: Place, rng: np.random.Generator) -> Floats:
        labels = np.zeros((0, place.design.n_samples), dtype=np.bool_)
        while len(labels) < N_BORDERS:  # as many cuts for every test
            drawn = cut_by_planes(place.design, place.points, 4 * N_BORDERS, rng).labels
            labels = np.vstack([labels, drawn[agree(place.design, drawn) <= above]])
        return count_exceedances(values, place.design, Relabellings(labels[:N_BORDERS])).p_values().perm

    return test


@dataclass(frozen=True, eq=False)
class Surroundings:
    """All samples of the left hemisphere in the atlas of a place, by donor.

    Attributes
    ----------
    design : Design
        Of the place, with n samples.
    donors : ndarray of int, shape (N,)
        Donor of each sample around, numbered as in the design.
    points : ndarray of float64, shape (N, 3)
        MNI coordinates in mm.
    here : ndarray of int, shape (n,)
        Which of them are the samples of the place, in its order.
    """

    design: Design
    donors: npt.NDArray[np.intp]
    points: Floats
    here: npt.NDArray[np.intp]

    def cut_elsewhere(self, n_cuts: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Flat borders through the samples nearest to arbitrary samples: rows (m, n) of the samples of each cut.

        Each donor has as many samples on either side as at the place, and in the order of its design.
        """
        rows = np.empty((n_cuts, self.design.n_samples), dtype=np.intp)
        centres = self.points[rng.integers(len(self.points), size=n_cuts)]
        directions = rng.normal(size=(n_cuts, 3))
        for donor in range(self.design.n_donors):
            of_donor = np.flatnonzero(self.donors == donor)
            mine = self.design.donors == donor
            distances = np.linalg.norm(self.points[of_donor] - centres[:, None], axis=2)
            nearest = of_donor[np.argsort(distances, axis=1, kind="stable")[:, : mine.sum()]]
            along = np.einsum("mnx,mx->mn", self.points[nearest], directions)
            sorted_rows = np.take_along_axis(nearest, np.argsort(-along, axis=1, kind="stable"), axis=1)
            rows[:, np.flatnonzero(mine)[np.argsort(~self.design.labels[mine], kind="stable")]] = sorted_rows
        return rows


@cache
def find_surroundings(place: Place) -> Surroundings:
    """Samples around a place, from its own atlas."""
    atlas = jugex.open_atlas("simulated" if place.name == DEMO else SHARED_DATA / "ahba-mini")
    left = atlas.samples[atlas.samples["mni_x"] < 0].reset_index(drop=True)
    points = left[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    rows = left.reset_index().set_index("well_id").loc[list(place.wells), "index"].to_numpy()
    names = left.loc[rows, "donor_name"].unique().tolist()  # of the donors that the place has, in their order
    donors = np.array([names.index(name) if name in names else -1 for name in left["donor_name"]])
    return Surroundings(place.design, donors[donors >= 0], points[donors >= 0], _renumber(rows, donors >= 0))


def _renumber(rows: npt.NDArray[np.intp], kept: Labels) -> npt.NDArray[np.intp]:
    return np.asarray((np.cumsum(kept) - 1)[rows])


def score(values: Floats, design: Design) -> Floats:
    """SS / (SS + RSS) of the design's labels, (...) of values (..., n), as the engine has it."""
    residuals = design.within_donors(values)
    contrast = design.within_donors(design.labels.astype(np.float64))
    scores: Floats = (residuals @ contrast) ** 2 / (contrast @ contrast * (residuals**2).sum(axis=-1))
    return scores


def adjust_for_place(values: Floats, place: Place, rng: np.random.Generator) -> Floats:
    """Parametric p of area with donor and mni_x, mni_y, mni_z as covariates."""
    design = place.design
    basis, _ = np.linalg.qr(design.within_donors(place.points.T).T)
    contrast = design.within_donors(design.labels.astype(np.float64))
    contrast = contrast - basis @ (basis.T @ contrast)
    residuals = design.within_donors(values)
    residuals = residuals - residuals @ basis @ basis.T
    ss = (residuals @ contrast) ** 2 / (contrast @ contrast)
    df = design.df_resid - 3
    return np.asarray(stats.f.sf(ss / ((residuals**2).sum(axis=1) - ss) * df, 1, df))


#: Tests with the regions' own samples, by the name that the page gives them.
BORDER_TESTS: dict[str, BorderTest] = {
    "p_boundary": leave_out(1.0),
    "without cuts above 90 %": leave_out(0.9),
    "without cuts above 75 %": leave_out(0.75),
    "coordinates as covariates": adjust_for_place,
}
ELSEWHERE = "borders elsewhere"


class BorderRates(NamedTuple):
    """Of all genes: the share with p at most `ALPHA`, and the median p."""

    rate: float
    median: float


def measure_borders(
    place: Place, noise: Noise, effects: tuple[float, ...] = EFFECTS, n_sets: int = N_SETS
) -> dict[tuple[str, float], BorderRates]:
    """Rates by test and effect; the same errors and cuts for every effect."""
    around = find_surroundings(place)
    rng = np.random.default_rng([SEED, zlib.crc32(f"{place.name}, {noise.name}".encode())])
    factor = noise.factor(around.donors, around.points)
    found: dict[tuple[str, float], list[Floats]] = {}
    for number in range(n_sets):
        errors = draw_errors(N_GENES, len(around.donors), factor, rng)
        rows = _draw_elsewhere(place, number % _N_SERIES)
        elsewhere = score(errors[:, rows], place.design)
        for effect in effects:
            values = errors[:, around.here] + effect * place.design.labels
            for name, test in BORDER_TESTS.items():
                p = test(values, place, np.random.default_rng([SEED, 3, number]))
                found.setdefault((name, effect), []).append(p)
            observed = score(values, place.design)[:, None]
            reached = (elsewhere >= observed * (1 - TIE_TOLERANCE)).sum(axis=1)
            found.setdefault((ELSEWHERE, effect), []).append((1 + reached) / (len(rows) + 1))
    return {
        key: BorderRates(float((np.concatenate(p) <= ALPHA).mean()), float(np.median(np.concatenate(p))))
        for key, p in found.items()
    }


@cache
def _draw_elsewhere(place: Place, series: int) -> npt.NDArray[np.intp]:
    """Cuts elsewhere; drawing them takes longer than scoring them, so data sets share them in turn."""
    return find_surroundings(place).cut_elsewhere(N_BORDERS, np.random.default_rng([SEED, 4, series]))
