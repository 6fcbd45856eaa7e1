"""The simulated atlas: made-up expression of the six donors, for the demo, for examples and for tests.

Only the donors, their numbers of samples, and the symbols of the 25 candidate genes of Bludau et al. 2018 are real.
Levels are sums of simple terms, so that it is known which genes differ between the demo regions, and how:
`PLANTED_GENES` and `PLANTED_SETS`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.base import STRUCTURE_COLUMNS, ExpressionAtlas, Levels, Moments, Rows, compute_moments
from jugex.atlas.donors import DONORS, donor_table
from jugex.atlas.identity import AtlasSource
from jugex.genes import read_gene_sets
from jugex.spaces import DEMO_CENTRES, demo_probability

__all__ = ["CANDIDATE_GENES", "PLANTED_GENES", "PLANTED_SETS", "PlantedGene", "SimulatedAtlas"]

#: Symbol, Entrez id and number of probes of the candidate genes for depression of Bludau et al. 2018
#: (doi 10.1007/s00429-018-1620-6).
CANDIDATE_GENES = (
    ("ADRA2A", 150, 3), ("AVPR1B", 553, 3), ("CHRM2", 1129, 22), ("CNR1", 1268, 89), ("CREB1", 1385, 4),
    ("CRH", 1392, 3), ("CRHR1", 1394, 4), ("CRHR2", 1395, 3), ("CUX2", 23316, 3), ("GAD2", 2572, 18),
    ("GPR50", 9248, 2), ("HTR1A", 3350, 3), ("HTR1B", 3351, 3), ("HTR1D", 3352, 13), ("HTR2A", 3356, 25),
    ("HTR3A", 3359, 5), ("HTR5A", 3361, 12), ("MAOA", 4128, 31), ("PDE1A", 5136, 4), ("SLC6A2", 6530, 2),
    ("SLC6A4", 6532, 11), ("SST", 6750, 4), ("TAC1", 6863, 13), ("TPH1", 7166, 3), ("TPH2", 121278, 2),
)  # fmt: skip


@dataclass(frozen=True)
class PlantedGene:
    """A gene of the simulated atlas that was given a known difference between the demo regions.

    Attributes
    ----------
    gene : str
        Its symbol.
    form : {"step", "gradient", "one donor"}
        A step: all of region B, up to its border, has another level, in every donor. A gradient: the level changes
        evenly from the midline outwards, in every donor. One donor: a smooth spot around region B, in `donor` alone.
    rung : {"spatial", "donors", "samples"}
        The highest rung of the ladder that such a difference can reach, if it is large enough.
    size : float
        How much higher the level is in region B than in region A: between their centres for a gradient, at the centre
        of the spot for one donor (log2).
    donor : str or None
        The only donor who has the difference; None if all have it.

    Examples
    --------
    >>> from jugex.atlas import PLANTED_GENES
    >>> [planted.gene for planted in PLANTED_GENES if planted.rung == "spatial"]
    ['MAOA', 'TAC1']
    """

    gene: str
    form: Literal["step", "gradient", "one donor"]
    rung: Literal["spatial", "donors", "samples"]
    size: float
    donor: str | None = None


#: The genes with a clear difference between the demo regions; those of `PLANTED_SETS` differ slightly, and all others
#: only by chance and by their fields.
#: Bludau et al. 2018 found the first two higher in Fp2 than in Fp1.
#:
#: Measured with seeds 0 to 39 (default options, 2,000 permutations), at 0.05 corrected over 500 genes: steps `spatial`
#: 80 times of 80; gradients `donors` 109 times of 120, else `samples` (20 of 30 with seeds 100 to 109); one donor
#: `samples` 76 of 80, else `donors` (2) or `none` (2). None of the 463 other genes outside the sets below was ever
#: `spatial`; on average 4.0 of them were `donors` and 13.8 `samples`. _SEED was not chosen for its results.
PLANTED_GENES = (
    PlantedGene("MAOA", "step", "spatial", 0.9),
    PlantedGene("TAC1", "step", "spatial", 0.8),
    PlantedGene("CNR1", "gradient", "donors", 1.0),
    PlantedGene("CHRM2", "gradient", "donors", -0.9),
    PlantedGene("PDE1A", "gradient", "donors", 0.9),
    PlantedGene("HTR5A", "one donor", "samples", 2.1, DONORS[0].donor_name),
    PlantedGene("CREB1", "one donor", "samples", -2.1, DONORS[0].donor_name),
)

#: Sets of ``read_gene_sets("simulated")`` whose genes each differ slightly between the demo regions, and how much
#: higher their levels are in region B (log2): a step at its border, in every donor, of about half a standard
#: deviation. The genes of the file's 20 other sets were given no difference.
#:
#: Measured with the same seeds, at 0.05 corrected over 22 sets (competitive): `spatial` 74 times of 80, else `donors`;
#: of their genes alone 82 % reached no rung. Of the 800 others 40 were `samples`, 16 `donors` and one `spatial`.
PLANTED_SETS: Mapping[str, float] = MappingProxyType({"raised in B": 0.2, "lowered in B": -0.2})

_SEED = 2018
_N_FILLERS = 475
#: Number of samples of each donor: all (as in the Allen Human Brain Atlas), in region A, in region B.
_N_SAMPLES = ((946, 13, 12), (893, 6, 6), (363, 4, 3), (529, 3, 4), (470, 4, 0), (501, 3, 3))
_N_BOTH_HEMISPHERES = 2  # of the AHBA's donors, the first two were sampled in the right hemisphere

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Tissue:
    """A class of tissue: its share of the samples, and its centre (in the right hemisphere) and semi-axes in mm."""

    acronym: str
    name: str
    parent: str
    share: float
    centre: tuple[float, float, float]
    axes: tuple[float, float, float]


#: Shares and places are roughly those of the AHBA's samples.
_CORTEX = _Tissue("Cx", "cerebral cortex", "simBr", 0.460, (0, -17, 13), (66, 84, 62))
_TISSUES = (
    _CORTEX,
    _Tissue("HiF", "hippocampal formation", "Cx", 0.050, (26, -28, -9), (10, 16, 10)),
    _Tissue("PHG", "parahippocampal gyrus", "Cx", 0.016, (22, -19, -24), (9, 20, 12)),
    _Tissue("Amg", "amygdala", "simBr", 0.018, (23, -8, -15), (7, 10, 9)),
    _Tissue("BG", "basal ganglia", "simBr", 0.056, (20, -5, 5), (13, 26, 15)),
    _Tissue("BF", "basal forebrain", "simBr", 0.014, (10, 1, -3), (9, 12, 14)),
    _Tissue("Cl", "claustrum", "simBr", 0.013, (33, -5, 0), (4, 20, 13)),
    _Tissue("DiE", "thalamus and hypothalamus", "simBr", 0.092, (11, -16, 2), (9, 18, 14)),
    _Tissue("MES", "midbrain", "simBr", 0.050, (6, -27, -14), (6, 12, 13)),
    _Tissue("Pons", "pons", "simBr", 0.051, (5, -34, -37), (6, 11, 14)),
    _Tissue("MY", "medulla", "simBr", 0.075, (4, -41, -53), (4, 8, 12)),
    _Tissue("CbCx", "cerebellar cortex", "simBr", 0.091, (20, -64, -33), (20, 27, 26)),
    _Tissue("CbN", "cerebellar nuclei", "simBr", 0.008, (10, -57, -29), (7, 7, 6)),
    _Tissue("WM", "white matter", "simBr", 0.006, (9, 0, 20), (7, 28, 16)),
)
_LOBES = ("frontal lobe", "parietal lobe", "temporal lobe", "occipital lobe")
_SIDES = ("left", "right")

#: Correlation lengths of the fields in mm: exp(-distance / length).
_LENGTH_SHARED, _LENGTH_OWN = 90.0, 6.0
_N_SHARED, _N_OWN, _N_WAVES = 40, 80, 160
#: Part of the nugget is the composition of samples (cells, quality of tissue), which correlates genes too.
_N_COMPOSITION, _COMPOSITION_SHARE = 30, 0.4
#: Dirichlet parameters of the shares of a gene's variance: nugget, the donors' own fields, the shared fields.
_SHARES = (1.4, 0.7, 1.1)
#: Shape of the gamma distribution (mean 1) of the variance of a donor's own fields: donors differ.
_DONOR_VARIANCE_SHAPE = 0.2
#: Level (log2), standard deviation (log2) and shares of variance of the planted genes, without their difference.
_PLANTED_BASELINE = (8.5, 0.3, (0.85, 0.03, 0.12))
_SD_PROBE = 0.15  # log2, of each probe in each sample
#: Probability at the border of region B, and radius at which the spot of one donor has fallen to 1/e (mm).
_BORDER_PROBABILITY, _SPOT_RADIUS = 0.2, 11.0


class SimulatedAtlas(ExpressionAtlas):
    """Simulated expression (not real data) of 3,702 samples, 500 genes and about 2,000 probes.

    The numbers are the same at each call, because the seed is fixed. Samples lie about as densely as those of the
    Allen Human Brain Atlas, in the same classes of tissue. Every gene varies within tissue in three ways, in shares
    that differ from gene to gene: from sample to sample (nugget), smoothly over each donor's own brain, and smoothly
    over space in a way that all donors share. Genes that follow the same fields are correlated. `PLANTED_GENES`
    lists the genes that differ between the demo regions (`jugex.demo_regions`), and how; the genes of `PLANTED_SETS`
    each differ slightly.

    Examples
    --------
    >>> from jugex.atlas import SimulatedAtlas
    >>> atlas = SimulatedAtlas().with_donors(["H0351.2001"])
    >>> atlas.simulated, atlas.donors["donor_name"].tolist(), len(atlas.samples)
    (True, ['H0351.2001'], 946)
    """

    simulated = True

    def __init__(self) -> None:
        self._seed = _SEED
        rng = np.random.Generator(np.random.PCG64(self._seed))
        self.structures = _list_structures()
        self.samples = _simulate_samples(rng, self.structures)
        self.probes = _simulate_probes(rng)
        self.donors = donor_table(DONORS)
        self._gene_of_probe, symbols = pd.factorize(self.probes["gene"])
        self._genes = [str(symbol) for symbol in symbols]
        # levels are simulated gene by gene, when first needed; the samples of a probe lie side by side in memory
        n_probes, n_samples = len(self.probes), len(self.samples)
        self._is_simulated = np.zeros(len(self._genes), dtype=np.bool_)
        self._levels = np.empty((n_probes, n_samples))
        self._moments = np.full((2, len(DONORS), n_probes), np.nan)

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return "Simulated atlas (not real data)"

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        del donor_names
        return AtlasSource("simulated", seed=self._seed)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        self._simulate_levels(probe_rows)
        return self._levels[np.ix_(probe_rows, sample_rows)].T

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        number = [donor.donor_name for donor in DONORS].index(donor_name)
        of_donor = self._moments[:, number]
        new = probe_rows[np.isnan(of_donor[0, probe_rows])]
        if len(new):
            self._simulate_levels(new)
            of_donor[:, new] = compute_moments(self._levels[new, self._fields.rows_of(number)])
        mean, sd = of_donor[:, probe_rows]
        return mean, sd

    @cached_property
    def _fields(self) -> _Fields:
        return _simulate_fields(self._seed, self.samples, self._genes)

    @cached_property
    def _steps_of_sets(self) -> dict[str, float]:
        sets = read_gene_sets("simulated").genes
        return {gene: size for name, size in PLANTED_SETS.items() for gene in sets[name]}

    def _simulate_levels(self, probe_rows: Rows) -> None:
        """Simulate the levels (log2) of the genes of some probes, for all probes of these genes, unless it is done."""
        genes = np.unique(self._gene_of_probe[probe_rows])
        genes = genes[~self._is_simulated[genes]]
        if not len(genes):
            return
        fields, first = self._fields, np.searchsorted(self._gene_of_probe, np.arange(len(self._genes) + 1))
        for gene, values in zip(genes, fields.draw(genes), strict=True):
            rng = np.random.Generator(
                np.random.PCG64([self._seed, gene])
            )  # of its own, so that the order of requests does not matter
            values += fields.sd_nugget[gene] * rng.standard_normal(len(values))
            for planted in PLANTED_GENES:
                if planted.gene == self._genes[gene]:
                    values += _planted_difference(planted, self.samples)
            if step := self._steps_of_sets.get(self._genes[gene]):
                values += step * _is_in_b(self.samples)
            rows = slice(first[gene], first[gene + 1])
            n = rows.stop - rows.start
            levels = values + rng.normal(0.0, 0.5, (n, 1))  # probes of a gene differ
            for donor in range(len(DONORS)):
                levels[:, fields.rows_of(donor)] += rng.normal(0.0, 0.3, (n, 1))
            levels += _SD_PROBE * rng.standard_normal(levels.shape, dtype=np.float32)
            self._levels[rows] = np.round(levels, 4)
        self._is_simulated[genes] = True


@dataclass(frozen=True)
class _Fields:
    """Random fields over the samples, and the loadings of the genes on them.

    Attributes
    ----------
    donors, tissues : ndarray of int, shape (n,)
        Donor and class of tissue of each sample.
    shared, own : ndarray, shape (n, k)
        Fields of unit variance: those that all donors share, with the composition of samples, and each donor's own.
    base : ndarray, shape (g,)
        Level of each gene (log2).
    tissue_effects : ndarray, shape (g, tissues)
        Difference between each class of tissue and cortex (log2).
    sd_nugget : ndarray, shape (g,)
        Standard deviation between samples that no other gene shares (log2).
    shared_loadings, own_loadings : ndarray, shape (g, k)
        Loadings: standard deviation of each gene along each field (log2).
    donor_factors : ndarray, shape (g, donors)
        Factor of each donor's own fields, for each gene.
    """

    donors: npt.NDArray[np.intp]
    tissues: npt.NDArray[np.intp]
    shared: Floats
    own: Floats
    base: Floats
    tissue_effects: Floats
    sd_nugget: Floats
    shared_loadings: Floats
    own_loadings: Floats
    donor_factors: Floats

    def rows_of(self, donor: int) -> slice:
        """Rows of a donor's samples, which are consecutive."""
        first, last = np.searchsorted(self.donors, [donor, donor + 1])
        return slice(first, last)

    def draw(self, genes: npt.NDArray[np.intp]) -> Floats:
        """Values of genes in all samples without the nugget (log2), shape (genes, n)."""
        own = self.own_loadings[genes] @ self.own.T
        for donor in range(len(DONORS)):
            own[:, self.rows_of(donor)] *= self.donor_factors[genes, donor][:, np.newaxis]
        values = own + self.shared_loadings[genes] @ self.shared.T
        values += self.tissue_effects[genes][:, self.tissues]
        values += self.base[genes, np.newaxis]
        return values


def _simulate_fields(seed: int, samples: pd.DataFrame, genes: list[str]) -> _Fields:
    n = len(genes)
    rng = np.random.Generator(np.random.PCG64([seed, n]))  # a gene's own seed has its number, below n
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    donors, names = pd.factorize(samples["donor_name"])
    fields = _draw_fourier_features(rng, points, _LENGTH_SHARED) @ rng.standard_normal((2 * _N_WAVES, _N_SHARED))
    composition = rng.standard_normal((len(points), _N_COMPOSITION))
    waves = _draw_fourier_features(rng, points, _LENGTH_OWN)
    own = np.concatenate([
        waves[donors == donor] @ rng.standard_normal((2 * _N_WAVES, _N_OWN)) for donor in range(len(names))
    ])  # fmt: skip
    base, sd, shares = rng.uniform(6.5, 9.0, n), np.exp(rng.normal(np.log(0.4), 0.25, n)), rng.dirichlet(_SHARES, n)
    planted = np.isin(genes, [planted.gene for planted in PLANTED_GENES])
    base[planted], sd[planted], shares[planted] = _PLANTED_BASELINE
    tissue_effects = rng.normal(0.0, 0.6, (n, len(_TISSUES)))
    tissue_effects[:, _TISSUES.index(_CORTEX)] = 0.0
    sd_nugget, sd_own, sd_shared = sd * np.sqrt(shares.T)
    on_fields = sd_shared[:, np.newaxis] * _draw_loadings(rng, n, _N_SHARED)
    on_composition = np.sqrt(_COMPOSITION_SHARE) * sd_nugget[:, np.newaxis] * _draw_loadings(rng, n, _N_COMPOSITION)
    return _Fields(
        donors=donors,
        tissues=_find_tissues(samples),
        shared=np.hstack([fields, composition]),
        own=own,
        base=base,
        tissue_effects=tissue_effects,
        sd_nugget=np.sqrt(1 - _COMPOSITION_SHARE) * sd_nugget,
        shared_loadings=np.hstack([on_fields, on_composition]),
        own_loadings=sd_own[:, np.newaxis] * _draw_loadings(rng, n, _N_OWN),
        donor_factors=np.sqrt(rng.gamma(_DONOR_VARIANCE_SHAPE, 1 / _DONOR_VARIANCE_SHAPE, (n, len(names)))),
    )


def _draw_fourier_features(rng: np.random.Generator, points: Floats, length: float) -> Floats:
    """Random Fourier features of the kernel exp(-d / length), shape (n, 2 waves); Rahimi and Recht 2007.

    The spectrum of this kernel in three dimensions is a multivariate Cauchy distribution.
    """
    normal = rng.standard_normal((3, _N_WAVES))
    phases = points @ (normal / (length * np.abs(rng.standard_normal(_N_WAVES))))
    return np.asarray(np.concatenate([np.cos(phases), np.sin(phases)], axis=1) / np.sqrt(_N_WAVES))


def _draw_loadings(rng: np.random.Generator, n_genes: int, n_fields: int) -> Floats:
    """Loadings of genes on fields (genes x fields): mostly zero, each row of unit length."""
    loadings = rng.standard_normal((n_genes, n_fields)) * (rng.random((n_genes, n_fields)) < 2 / n_fields)
    loadings[np.arange(n_genes), rng.integers(n_fields, size=n_genes)] += rng.choice([-1.0, 1.0], n_genes)
    return np.asarray(loadings / np.linalg.norm(loadings, axis=1, keepdims=True))


def _planted_difference(planted: PlantedGene, samples: pd.DataFrame) -> Floats:
    """The difference that is added to the levels of a planted gene (log2), shape (n,)."""
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    if planted.form == "gradient":
        a, b = (abs(DEMO_CENTRES[name][0]) for name in "AB")
        return np.asarray(planted.size * (np.abs(points[:, 0]) - a) / (b - a))
    if planted.form == "step":
        return planted.size * _is_in_b(samples)
    spot = np.exp(-((np.linalg.norm(points - DEMO_CENTRES["B"], axis=1) / _SPOT_RADIUS) ** 6))
    return np.asarray(planted.size * spot * (samples["donor_name"] == planted.donor).to_numpy())


def _is_in_b(samples: pd.DataFrame) -> Floats:
    """1 for samples within the border of region B, else 0, shape (n,)."""
    of_a, of_b = (demo_probability(name, samples[["mni_x", "mni_y", "mni_z"]].to_numpy()) for name in "AB")
    return np.asarray((of_b > of_a) & (of_b > _BORDER_PROBABILITY), dtype=np.float64)


def _simulate_samples(rng: np.random.Generator, structures: pd.DataFrame) -> pd.DataFrame:
    tables = []
    for number, (donor, (n_all, n_a, n_b)) in enumerate(zip(DONORS, _N_SAMPLES, strict=True)):
        points, acronyms = _place_samples(rng, n_all, n_a, n_b, number < _N_BOTH_HEMISPHERES)
        order = rng.permutation(n_all)
        table = pd.DataFrame(points[order], columns=["mni_x", "mni_y", "mni_z"])
        table.insert(0, "well_id", 1000 * (number + 1) + np.arange(n_all))
        table.insert(1, "donor_name", donor.donor_name)
        table.insert(2, "sample", np.arange(n_all))
        table.insert(3, "structure_acronym", acronyms[order])
        tables.append(table)
    samples = pd.concat(tables, ignore_index=True)
    found = structures.set_index("acronym").loc[samples["structure_acronym"]]
    samples.insert(3, "structure_id", found["structure_id"].to_numpy())
    samples.insert(5, "structure_name", found["name"].to_numpy())
    return samples


def _place_samples(
    rng: np.random.Generator, n_all: int, n_a: int, n_b: int, in_both_hemispheres: bool
) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Coordinates of a donor's samples, shape (n, 3), and the acronyms of their structures."""
    places = [DEMO_CENTRES[name] + 6.5 * _scatter_in_ball(rng, n) for name, n in (("A", n_a), ("B", n_b))]
    acronyms = ["simA"] * n_a + ["simB"] * n_b
    n_right = n_all // 2 if in_both_hemispheres else 0
    for side, n, n_given in (("left", n_all - n_right, n_a + n_b), ("right", n_right, 0)):
        counts = np.round(np.array([tissue.share for tissue in _TISSUES]) * n).astype(int)
        counts[0] += n - counts.sum() - n_given
        for tissue, count in zip(_TISSUES, counts, strict=True):
            points = _scatter_in_cortex(rng, count) if tissue is _CORTEX else _scatter_in_tissue(rng, tissue, count)
            points[:, 0] *= -1 if side == "left" else 1
            places.append(points)
            acronyms += _name_lobes(points) if tissue is _CORTEX else [_name_side(tissue, side)] * count
    return np.round(np.concatenate(places), 1).astype(np.float64), np.array(acronyms, dtype=object)


def _scatter_in_cortex(rng: np.random.Generator, n: int) -> Floats:
    """Points of the right cortex: a shell and the medial wall, away from the demo regions."""
    n_drawn = 2 * n + 20
    is_medial = rng.random(n_drawn) < 0.3
    shell, wall = _scatter_in_ball(rng, n_drawn, hollow=0.72), _scatter_in_ball(rng, n_drawn, hollow=0.5)
    wall[:, 0] = rng.uniform(0.03, 0.2, n_drawn)
    points = np.where(is_medial[:, np.newaxis], wall, np.abs(shell) * [1, 0, 0] + shell * [0, 1, 1])
    points = _CORTEX.centre + points * _CORTEX.axes
    mirrored = points * [-1, 1, 1]
    is_free = np.all([np.linalg.norm(mirrored - centre, axis=1) > 20 for centre in DEMO_CENTRES.values()], axis=0)
    is_cerebellum = (points[:, 1] < -40) & (points[:, 2] < -20)
    return np.asarray(np.maximum(points, [0.6, -np.inf, -np.inf])[is_free & ~is_cerebellum][:n])


def _scatter_in_tissue(rng: np.random.Generator, tissue: _Tissue, n: int) -> Floats:
    points = tissue.centre + _scatter_in_ball(rng, n) * tissue.axes
    points[:, 0] = np.maximum(np.abs(points[:, 0]), 0.6)
    return points


def _scatter_in_ball(rng: np.random.Generator, n: int, *, hollow: float = 0.0) -> Floats:
    """Points spread evenly in the unit ball outside the radius `hollow`."""
    directions = rng.standard_normal((n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions * np.cbrt(rng.uniform(hollow**3, 1.0, (n, 1))))


def _name_side(tissue: _Tissue, side: str) -> str:
    return f"sim{tissue.acronym}{side[0].upper()}"


def _name_lobes(points: Floats) -> list[str]:
    x, y, z = points.T
    lobe = np.select([y > 10, y < -65, z < -5], [0, 3, 2], default=1)
    return [f"sim{_LOBES[number][0].upper()}{'L' if left else 'R'}" for number, left in zip(lobe, x < 0, strict=True)]


def _list_structures() -> pd.DataFrame:
    rows: list[tuple[str, str, str | None]] = [("simBr", "simulated brain", None)]
    rows += [(tissue.acronym, f"simulated {tissue.name}", tissue.parent) for tissue in _TISSUES]
    for side in _SIDES:
        rows += [(f"sim{name[0].upper()}{side[0].upper()}", f"simulated {name}, {side}", "Cx") for name in _LOBES]
        rows += [
            (_name_side(tissue, side), f"simulated {tissue.name}, {side}", tissue.acronym)
            for tissue in _TISSUES
            if tissue is not _CORTEX
        ]
    rows += [("simA", "simulated area A, left", "simFL"), ("simB", "simulated area B, left", "simFL")]
    numbers = {acronym: number for number, (acronym, _, _) in enumerate(rows, start=1)}
    listed = [
        (number, acronym, name, numbers[parent] if parent else None)
        for number, (acronym, name, parent) in enumerate(rows, start=1)
    ]
    return pd.DataFrame(listed, columns=list(STRUCTURE_COLUMNS)).astype({"parent_structure_id": "Int64"})


def _find_tissues(samples: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Class of tissue of each sample, as its index in `_TISSUES`."""
    of_acronym = {_name_side(tissue, side): number for number, tissue in enumerate(_TISSUES) for side in _SIDES}
    return np.asarray(samples["structure_acronym"].map(of_acronym).fillna(0), dtype=np.intp)


def _simulate_probes(rng: np.random.Generator) -> pd.DataFrame:
    fillers = zip(range(1, _N_FILLERS + 1), np.minimum(rng.geometric(0.28, _N_FILLERS), 20), strict=True)
    genes = [*CANDIDATE_GENES, *((f"SIM{number:04d}", pd.NA, int(n_probes)) for number, n_probes in fillers)]
    rows = [
        (f"simulated_{gene}_{number}", gene, entrez_id)
        for gene, entrez_id, n_probes in genes
        for number in range(1, n_probes + 1)
    ]
    probes = pd.DataFrame(rows, columns=["probe_name", "gene", "entrez_id"]).astype({"entrez_id": "Int64"})
    probes.insert(0, "probe_id", np.arange(1, len(probes) + 1))
    return probes
