"""Made-up genes without any difference between two regions, on the positions of real samples: data of the ladder.

Layouts say where samples lie and which of them count in the regions; a simulator makes genes of a nugget and of fields
that a donor has alone or all donors share; situations mix these. Nothing here uses what is tested: layouts of the real
atlas come from its query, so that they have the reference that a run has.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import KDTree

import jugex
from jugex.query import region_pair
from jugex.query.reference import classify_tissue, find_reference
from tests.slow.situations import SEED, SHARED_DATA

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.intp]

GABRA4 = SHARED_DATA / "ahba-gabra4"
RADIUS_MM = 14.0
#: Centres in mm of balls as large and as close as areas of the left isocortex are.
CENTRES = {
    "V1/V2": ((-8, -88, 0), (-14, -92, 18)),
    "44/45": ((-52, 12, 18), (-50, 28, 10)),
    "4a/1": ((-20, -28, 66), (-42, -30, 58)),
    "V1/44": ((-8, -88, 0), (-52, 12, 18)),
}


@dataclass(frozen=True, eq=False)
class Layout:
    """Samples of a reference, and which count in two regions.

    Attributes
    ----------
    name : str
    reference : str
        Layouts of one reference have the same samples, and share simulated fields.
    points : ndarray of float64, shape (N, 3)
        MNI coordinates in mm.
    donors : ndarray of intp, shape (N,)
    cells : ndarray of intp, shape (N,)
        0 in region 1, 1 in region 2, -1 elsewhere.
    parcels : ndarray of intp, shape (N,)
        Structure of each sample, by number.
    """

    name: str
    reference: str
    points: Floats
    donors: Ints
    cells: Ints
    parcels: Ints

    @property
    def per_donor(self) -> list[tuple[int, int]]:
        """Samples of each donor in region 1 and region 2."""
        counts = [np.bincount(self.donors[self.cells == code], minlength=self.donors.max() + 1) for code in (0, 1)]
        return [(int(one), int(two)) for one, two in zip(*counts, strict=True)]

    def thin(self) -> Layout:
        """With one sample per donor and region, the one nearest to the region's centre; the others are elsewhere."""
        cells = np.full_like(self.cells, -1)
        for code in (0, 1):
            inside = self.cells == code
            distance = np.linalg.norm(self.points - self.points[inside].mean(axis=0), axis=1)
            for donor in np.unique(self.donors[inside]):
                own = np.flatnonzero(inside & (self.donors == donor))
                cells[own[distance[own].argmin()]] = code
        return replace(self, cells=cells)


# --- where samples lie ----------------------------------------------------------------------------------------------


@cache
def list_layouts() -> dict[str, Layout]:
    """Layouts by name: those of the real atlas where it is at hand, the demo's, and two that are made up."""
    real = [*_frontal(), *_balls(), *_structures()] if GABRA4.is_dir() else []
    demo = _from_query("demo", "demo", jugex.demo_regions(), jugex.open_atlas("simulated"))
    return {layout.name: layout for layout in [*real, demo, make_box(), make_thin()]}


@cache
def real_atlas() -> jugex.ExpressionAtlas:
    """The atlas whose samples are used: all 3,702, with one gene."""
    return jugex.open_atlas(GABRA4)


def cortex_samples(sides: Iterable[str]) -> pd.DataFrame:
    """Samples of the isocortex: the cortex without hippocampal formation, parahippocampal gyrus, piriform cortex."""
    atlas, x = real_atlas(), real_atlas().samples["mni_x"]
    of_sides = np.logical_or.reduce([{"left": x < 0, "right": x > 0}[side] for side in sides])
    chosen = (classify_tissue(atlas) == "isocortex").to_numpy(dtype=bool) & of_sides
    return atlas.samples[chosen].reset_index(drop=True)


def _from_query(name: str, reference: str, regions: Iterable[jugex.Region], atlas: jugex.ExpressionAtlas) -> Layout:
    found = find_reference(region_pair(*regions, atlas=atlas))
    return _make_layout(name, reference, found.samples, found.cells)


def _make_layout(name: str, reference: str, samples: pd.DataFrame, cells: Ints) -> Layout:
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
    donors, parcels = (pd.factorize(samples[column], sort=True)[0] for column in ("donor_name", "structure_name"))
    return Layout(name, reference, points, donors, cells, parcels)


def _frontal() -> list[Layout]:
    regions = [
        jugex.Region.from_image(SHARED_DATA / "regions" / f"{area}_left_pmap.nii.gz", threshold=0.2, name=area)
        for area in ("Fp1", "Fp2")
    ]
    return [_from_query("Fp1/Fp2", "left isocortex", regions, real_atlas())]


def _balls() -> list[Layout]:
    """Samples within a radius of two centres, each in the nearer ball."""
    layouts = []
    cortices = {"left isocortex": ["left"], "right isocortex": ["right"], "isocortex": ["left", "right"]}
    samples = {name: cortex_samples(sides) for name, sides in cortices.items()}
    for name, reference, label in [
        *((name, "left isocortex", name) for name in CENTRES),
        ("4a/1", "right isocortex", "4a/1, right"),
        ("V1/V2", "isocortex", "V1/V2, both sides"),
    ]:
        points = samples[reference][["mni_x", "mni_y", "mni_z"]].to_numpy(dtype=np.float64)
        points = points * [-1, 1, 1] if reference == "right isocortex" else points
        points = np.column_stack([-np.abs(points[:, 0]), points[:, 1:]]) if reference == "isocortex" else points
        near = np.array([np.linalg.norm(points - centre, axis=1) for centre in CENTRES[name]])
        cells = np.where(near.min(axis=0) < RADIUS_MM, near.argmin(axis=0), -1)
        layouts.append(_make_layout(label, reference, samples[reference], cells))
    return layouts


def _structures() -> list[Layout]:
    """Pairs of structures below the cortex; with the samples of both sides, as a user who names no side has them."""
    pairs = {
        "caudate/putamen": ("caudate nucleus", "putamen"),
        "head of caudate/putamen": ("head of caudate nucleus", "putamen"),
        "thalamus, lateral/medial": ("lateral group of nuclei", "medial group of nuclei"),
        "CA1/CA3": ("CA1 field", "CA3 field"),
    }
    kinds = {"caudate/putamen": "basal ganglia", "head of caudate/putamen": "basal ganglia"}
    atlas = real_atlas()
    return [
        _from_query(name, kinds.get(name, name), [jugex.Region.from_structure(one, atlas=atlas) for one in pair], atlas)
        for name, pair in pairs.items()
    ]


def make_box() -> Layout:
    """A made-up layout: 390 samples of six donors in a box of 60 x 90 x 60 mm, and two balls in it."""
    rng = np.random.default_rng(SEED)
    donors = np.repeat(np.arange(6), 65)
    points = rng.random((len(donors), 3)) * [60, 90, 60]
    near = np.array([np.linalg.norm(points - centre, axis=1) for centre in ((22, 45, 30), (38, 45, 30))])
    cells = np.where(near.min(axis=0) < 13, near.argmin(axis=0), -1)
    parcels = (points // 20).astype(np.intp) @ [100, 10, 1]
    return Layout("made up", "made up", points, donors, cells, parcels)


def make_thin() -> Layout:
    """Thinly sampled tissue: 59 samples of each of six donors in 60 x 170 x 110 mm, and two dense balls in it."""
    rng = np.random.default_rng([SEED, 1])
    elsewhere = rng.random((6 * 59, 3)) * [60, 170, 110]
    steps = rng.normal(size=(48, 3))
    steps *= 6.5 * np.cbrt(rng.random((48, 1))) / np.linalg.norm(steps, axis=1, keepdims=True)
    cells = np.concatenate([np.full(6 * 59, -1), np.tile([0, 1], 24)])
    centres = np.array([[25.0, 100.0, 60.0], [35.0, 70.0, 60.0]])
    points = np.vstack([elsewhere, centres[cells[6 * 59 :]] + steps])
    donors = np.concatenate([np.repeat(np.arange(6), 59), np.repeat(np.arange(6), 8)])
    _, parcels = np.unique((points // 20).astype(np.intp) @ [100, 10, 1], return_inverse=True)
    return Layout("thinly sampled", "thinly sampled", points, donors, cells, parcels)


# --- how genes vary -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A field of given variance and range in mm: covariance variance x exp(-d / range), with distances along y shrunk
    by `stretch`."""

    variance: float
    range_mm: float
    is_shared: bool
    stretch: float = 1.0


class Genes:
    """Genes (g, N), and what they are made of.

    Attributes
    ----------
    values : ndarray of float32, shape (g, N)
    nugget : float
        Variance of the nugget.
    fields : list of (Field, ndarray of float64, shape (g,))
        With the factor of each gene's amplitude.
    """

    def __init__(self, values: Floats, nugget: float, fields: list[tuple[Field, Floats]]) -> None:
        self.values, self.nugget, self.fields = values, nugget, fields


class Simulator:
    """Draws genes on the samples of a layout's reference."""

    def __init__(self, layout: Layout) -> None:
        self.points, self.donors, self.parcels = layout.points, layout.donors, layout.parcels
        self._roots: dict[Field, Floats] = {}

    @property
    def n_samples(self) -> int:
        return len(self.points)

    def covariance(self, of: Field) -> npt.NDArray[np.float64]:
        """Covariance (N, N) of a field of variance 1."""
        scaled = self.points / np.array([1.0, of.stretch, 1.0])
        squares = sum((axis[:, None] - axis) ** 2 for axis in scaled.T)
        covariance = np.exp(-np.sqrt(squares) / of.range_mm)
        return covariance if of.is_shared else covariance * (self.donors[:, None] == self.donors)

    def draw_field(self, of: Field, n_genes: int, rng: np.random.Generator) -> Floats:
        """Fields (g, N) of variance 1: one product with a Cholesky root for all genes."""
        key = replace(of, variance=1.0)
        if key not in self._roots:
            # two samples may share a place
            root = np.linalg.cholesky(self.covariance(key) + 1e-8 * np.eye(self.n_samples))
            self._roots[key] = root.T.astype(np.float32)
        return rng.standard_normal((n_genes, self.n_samples), dtype=np.float32) @ self._roots[key]

    def mix(
        self, n_genes: int, rng: np.random.Generator, nugget: float, *fields: Field, spread: float = 0.3,
        noise: Floats | None = None,
    ) -> Genes:  # fmt: skip
        """A nugget and fields; amplitudes of fields vary over genes, with a log-normal sd of `spread`."""
        noise = rng.standard_normal((n_genes, self.n_samples), dtype=np.float32) if noise is None else noise
        values, parts = np.sqrt(nugget).astype(np.float32) * noise.astype(np.float32), []
        for one in fields:
            factor = np.exp(spread * rng.standard_normal(n_genes) - spread**2)  # so that its square has the mean 1
            values += (np.sqrt(one.variance) * factor)[:, None].astype(np.float32) * self.draw_field(one, n_genes, rng)
            parts.append((one, factor))
        return Genes(values, nugget, parts)

    def draw_areas(self, areas: Ints, n_genes: int, rng: np.random.Generator) -> Floats:
        """Areas with means of their own, of variance 1."""
        return rng.standard_normal((n_genes, areas.max() + 1), dtype=np.float32)[:, areas]

    def draw_mosaic(self, width: float, rng: np.random.Generator) -> Ints:
        """Areas around random seeds about `width` mm apart: the number of each sample's."""
        low, spans = self.points.min(axis=0), np.ptp(self.points, axis=0)
        seeds = low + rng.random((int(np.prod(spans / width)) + 1, 3)) * spans
        return np.asarray(KDTree(seeds).query(self.points)[1])

    def slabs(self, thickness: float = 10.0) -> Ints:
        """Slabs along y into which each donor's brain is cut: the number of each sample's."""
        slab = (self.points[:, 1] // thickness).astype(np.intp)
        return np.asarray(np.unique(self.donors * 1_000 + slab - slab.min(), return_inverse=True)[1], dtype=np.intp)


# --- situations -----------------------------------------------------------------------------------------------------

Draw = Callable[[Simulator, int, np.random.Generator], Genes]


@dataclass(frozen=True)
class Situation:
    """Genes of one kind.

    Attributes
    ----------
    name : str
    is_shared : bool
        Whether donors share a field, so that the places truly differ.
    draw : callable
        Genes on all samples of a reference.
    at_place : callable, optional
        What is done at a pair of regions: values (g, N), the layout and random numbers to values.
    donor_sds : tuple of float
        Standard deviations, over donors, of the difference between the regions.
    is_odd : bool
        Whether the tests' assumptions do not hold.
    is_thin : bool
        Whether a donor has one sample per region.
    displacement_mm : float
        Root mean square of the error of the recorded positions.
    """

    name: str
    is_shared: bool
    draw: Draw
    at_place: Callable[[Floats, Layout, np.random.Generator], Floats] | None = None
    donor_sds: tuple[float, ...] = (0.25,)
    is_odd: bool = False
    is_thin: bool = False
    displacement_mm: float = 0.0

    def displace(self, layout: Layout) -> Layout:
        """The layout with samples where they truly lie; those of the layout are recorded."""
        if not self.displacement_mm:
            return layout
        rng = np.random.default_rng([SEED, zlib.crc32(layout.reference.encode())])
        errors = self.displacement_mm / np.sqrt(3) * rng.standard_normal(layout.points.shape)
        return replace(layout, points=layout.points + errors)


def _own(variance: float, range_mm: float) -> Field:
    return Field(variance, range_mm, is_shared=False)


def _shared(variance: float, range_mm: float, stretch: float = 1.0) -> Field:
    return Field(variance, range_mm, is_shared=True, stretch=stretch)


MIXED = (0.3, _own(0.3, 8), _shared(0.4, 16))
BRAIN = (0.3, _own(0.2, 8), _shared(0.5, 60))
SDS = (0.0, 0.25, 0.5, 1.0)


def _of(nugget: float, *fields: Field, spread: float = 0.3) -> Draw:
    return lambda simulate, n, rng: simulate.mix(n, rng, nugget, *fields, spread=spread)


def _draw_t3(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
    return simulate.mix(n, rng, 1.0, noise=rng.standard_t(3, (n, simulate.n_samples)) / np.sqrt(3))


def _draw_lognormal(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
    values = np.exp(0.7 * rng.standard_normal((n, simulate.n_samples)))
    return simulate.mix(n, rng, 1.0, noise=(values - np.exp(0.245)) / np.exp(0.245) / np.sqrt(np.expm1(0.49)))


def _change(change: Callable[[Floats, Simulator, np.random.Generator], Floats]) -> Draw:
    """The mixed situation, changed."""

    def draw(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
        genes = simulate.mix(n, rng, *MIXED)
        genes.values = change(genes.values, simulate, rng).astype(np.float32)
        return genes

    return draw


def _add_gradient(values: Floats, simulate: Simulator, rng: np.random.Generator) -> Floats:
    along = (simulate.points[:, 1] - simulate.points[:, 1].mean()) / 30
    return values + rng.standard_normal((len(values), 1)) * along


def _stretch_donor(values: Floats, simulate: Simulator, rng: np.random.Generator) -> Floats:
    return np.where(simulate.donors == 2 % (simulate.donors.max() + 1), 2.5 * values, values)


def _add_outliers(values: Floats, simulate: Simulator, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(values.shape) < 0.005, values + 6 * rng.standard_normal(values.shape), values)


def _censor(values: Floats, simulate: Simulator, rng: np.random.Generator) -> Floats:
    return np.maximum(values, np.quantile(values, 0.3, axis=1, keepdims=True))


def _add_batches(values: Floats, simulate: Simulator, rng: np.random.Generator) -> Floats:
    return values + 0.5 * simulate.draw_areas(simulate.slabs(), len(values), rng)


def _draw_blocks(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
    """Blocks of 200 genes that correlate by 0.8."""
    common = simulate.mix(-(-n // 200), rng, *MIXED, spread=0.0).values
    genes = simulate.mix(n, rng, *MIXED)
    genes.values = np.sqrt(0.8) * np.repeat(common, 200, axis=0)[:n] + np.sqrt(0.2) * genes.values
    return genes


def _draw_noisy_donors(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
    factor = np.geomspace(0.5, 2, simulate.donors.max() + 1)[simulate.donors]
    noise = factor * rng.standard_normal((n, simulate.n_samples))
    return simulate.mix(n, rng, 0.5, _shared(0.5, 16), noise=noise)


def _draw_mosaic(width: float) -> Draw:
    """A mosaic over all the tissue, the regions included; another for each 25 genes."""

    def draw(simulate: Simulator, n: int, rng: np.random.Generator) -> Genes:
        genes = simulate.mix(n, rng, 0.5)
        for start in range(0, n, 25):
            block = genes.values[start : start + 25]
            block += np.sqrt(0.5) * simulate.draw_areas(simulate.draw_mosaic(width, rng), len(block), rng)
        return genes

    return draw


def _add_areas_elsewhere(width: float | None) -> Callable[[Floats, Layout, np.random.Generator], Floats]:
    """Areas with means of their own, both regions in one; of a mosaic, or (None) the atlas's structures."""

    def change(values: Floats, layout: Layout, rng: np.random.Generator) -> Floats:
        simulate, values = Simulator(layout), values.copy()
        for start in range(0, len(values), 25 if width else len(values)):
            areas = layout.parcels if width is None else simulate.draw_mosaic(width, rng)
            areas = np.where(layout.cells >= 0, areas[np.argmax(layout.cells >= 0)], areas)
            block = values[start : start + (25 if width else len(values))]
            block += np.sqrt(0.5, dtype=np.float32) * simulate.draw_areas(areas, len(block), rng)
        return values

    return change


def _vary_twice(values: Floats, layout: Layout, rng: np.random.Generator) -> Floats:
    return np.where(layout.cells == 0, 2 * values, values)


def _disturb_sample(values: Floats, layout: Layout, rng: np.random.Generator) -> Floats:
    """Add noise of 4 sd to one sample of region 1, of a donor with samples in both regions, in every gene."""
    disturbed, of_both = values.copy(), np.isin(layout.donors, layout.donors[layout.cells == 1])
    disturbed[:, np.argmax((layout.cells == 0) & of_both)] += 4 * rng.standard_normal(len(values), dtype=np.float32)
    return disturbed


SITUATIONS = [
    Situation("independent", False, _of(1.0), donor_sds=SDS),
    *(Situation(f"own {x} mm", False, _of(0.4, _own(0.6, x)), donor_sds=SDS) for x in (4, 8, 16)),
    *(Situation(f"shared {x} mm", True, _of(0.4, _shared(0.6, x)), donor_sds=SDS) for x in (4, 8, 16, 60)),
    Situation("mixed", True, _of(*MIXED), donor_sds=SDS),
    Situation("AHBA-like", True, _of(*BRAIN), donor_sds=SDS),
    Situation("nugget t3", False, _draw_t3),
    Situation("nugget lognormal", False, _draw_lognormal),
    Situation("shares vary over genes", True, _of(*MIXED, spread=0.8)),
    Situation("gradient", True, _change(_add_gradient)),
    Situation("one sample per donor", True, _of(*MIXED), is_thin=True),
    Situation("one region twice as variable", True, _of(*MIXED), at_place=_vary_twice, is_odd=True),
    Situation("structures elsewhere", False, _of(0.5), at_place=_add_areas_elsewhere(None), is_odd=True),
    *(
        Situation(f"mosaic {x} mm elsewhere", False, _of(0.5), at_place=_add_areas_elsewhere(x), is_odd=True)
        for x in (10, 20, 30)
    ),
    *(Situation(f"mosaic {x} mm", True, _draw_mosaic(x), is_odd=True) for x in (10, 20, 30)),
    Situation("anisotropy 4:1", True, _of(0.4, _shared(0.6, 8, stretch=4.0)), is_odd=True),
    Situation("nuggets differ by donor", True, _draw_noisy_donors, is_odd=True),
    Situation("an outlying donor", True, _change(_stretch_donor), is_odd=True),
    Situation("an outlying sample", True, _of(*MIXED), at_place=_disturb_sample, is_odd=True),
    Situation("outlying values", True, _change(_add_outliers), is_odd=True),
    Situation("positions wrong by 5 mm", True, _of(*MIXED), displacement_mm=5.0, is_odd=True),
    Situation("low values censored", True, _change(_censor), is_odd=True),
    Situation("blocks of 200 genes", True, _draw_blocks, is_odd=True),
    Situation("batches per slab", True, _change(_add_batches), is_odd=True),
]
