"""The simulated atlas: made-up expression of the six donors, for the demo, for examples and for tests.

Nothing in it is real but who the donors were, and the symbols of the 25 candidate genes of Bludau et al. 2018.
Levels are sums of simple parts, so that it is known which genes differ between the demo regions: `PLANTED_GENES`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.base import STRUCTURE_COLUMNS, ExpressionAtlas, Levels, Moments, Rows, compute_moments
from jugex.atlas.donors import DONORS, donor_table
from jugex.atlas.identity import AtlasSource
from jugex.spaces import DEMO_CENTRES, demo_probability

__all__ = ["CANDIDATE_GENES", "PLANTED_GENES", "SimulatedAtlas"]

#: Symbol, Entrez id and number of probes of the candidate genes for depression of Bludau et al. 2018
#: (doi 10.1007/s00429-018-1620-6).
CANDIDATE_GENES = (
    ("ADRA2A", 150, 3), ("AVPR1B", 553, 3), ("CHRM2", 1129, 22), ("CNR1", 1268, 89), ("CREB1", 1385, 4),
    ("CRH", 1392, 3), ("CRHR1", 1394, 4), ("CRHR2", 1395, 3), ("CUX2", 23316, 3), ("GAD2", 2572, 18),
    ("GPR50", 9248, 2), ("HTR1A", 3350, 3), ("HTR1B", 3351, 3), ("HTR1D", 3352, 13), ("HTR2A", 3356, 25),
    ("HTR3A", 3359, 5), ("HTR5A", 3361, 12), ("MAOA", 4128, 31), ("PDE1A", 5136, 4), ("SLC6A2", 6530, 2),
    ("SLC6A4", 6532, 11), ("SST", 6750, 4), ("TAC1", 6863, 13), ("TPH1", 7166, 3), ("TPH2", 121278, 2),
)  # fmt: skip

#: Genes with a difference between the demo regions, and how much higher they are where region B is certain (log2).
#: Bludau et al. 2018 found the same two genes higher in Fp2 than in Fp1.
PLANTED_GENES = {"MAOA": 1.8, "TAC1": 1.7}

# chosen among a few: with 38 of 160 seeds a third gene differs between the demo regions (0.6 * fields does it)
_SEED = 7
_N_FILLERS = 475
# samples per donor outside the demo regions (about an eighth of the AHBA's), in region A and in region B
_N_SAMPLES = ((118, 7, 6), (112, 6, 8), (46, 4, 3), (66, 3, 4), (59, 4, 0), (63, 3, 3))
_N_BOTH_HEMISPHERES = 2  # of the AHBA's donors, the first two were sampled in the right hemisphere
_BRAIN_CENTRE = np.array([0.0, -17.0, 10.0])  # mm, as are the semi-axes
_BRAIN_AXES = np.array([68.0, 86.0, 66.0])
_N_MODULES = 8
_SMOOTHNESS = 20.0  # mm
_N_WAVES = 200

Floats = npt.NDArray[np.float64]

# ids of structures: 1 brain, 2 and 3 hemispheres, 4 to 8 left and 9 to 13 right lobes, then the demo areas
_LOBES = ("frontal lobe", "parietal lobe", "temporal lobe", "occipital lobe", "deep structures")
_ROOT, _FIRST_LOBE, _AREA_A, _AREA_B = 1, 4, 14, 15


class SimulatedAtlas(ExpressionAtlas):
    """Simulated expression (not real data) of about 500 samples, 500 genes and 2,000 probes.

    The same numbers at each call: they come from a fixed seed of their own. MAOA and TAC1 are higher in the demo
    region B than in A (`jugex.demo_regions`); no other gene has a planted difference. Most genes vary smoothly over the
    brain, so that some differ a little between any two places. The seed is one with which none of them is significant
    in the demo; with about a quarter of other seeds at least one is.

    Examples
    --------
    >>> from jugex.atlas import SimulatedAtlas
    >>> atlas = SimulatedAtlas().with_donors(["H0351.2001"])
    >>> atlas.simulated, atlas.donors["donor_name"].tolist()
    (True, ['H0351.2001'])
    """

    simulated = True

    def __init__(self) -> None:
        rng = np.random.Generator(np.random.PCG64(_SEED))
        self.samples = _simulate_samples(rng)
        self.probes = _simulate_probes(rng)
        self.donors = donor_table(DONORS)
        self.structures = _list_structures()
        self._levels = _simulate_levels(rng, self.samples, self.probes)
        self._moments: dict[str, Moments] = {}

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return "Simulated atlas (not real data)"

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        del donor_names
        return AtlasSource("simulated", seed=_SEED)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        # the samples of a probe side by side in memory, as every large source has them
        return np.ascontiguousarray(self._levels.T[np.ix_(probe_rows, sample_rows)]).T

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        if donor_name not in self._moments:
            of_donor = (self.samples["donor_name"] == donor_name).to_numpy()
            self._moments[donor_name] = compute_moments(self._levels[of_donor].T)
        mean, sd = self._moments[donor_name]
        return mean[probe_rows], sd[probe_rows]


def _simulate_samples(rng: np.random.Generator) -> pd.DataFrame:
    tables = []
    for number, (donor, (n_elsewhere, n_a, n_b)) in enumerate(zip(DONORS, _N_SAMPLES, strict=True)):
        points, structure_ids = _place_samples(rng, n_elsewhere, n_a, n_b, number < _N_BOTH_HEMISPHERES)
        table = pd.DataFrame(points, columns=["mni_x", "mni_y", "mni_z"])
        table.insert(0, "well_id", 1000 * (number + 1) + np.arange(len(points)))
        table.insert(1, "donor_name", donor.donor_name)
        table.insert(2, "sample", np.arange(len(points)))
        table.insert(3, "structure_id", structure_ids)
        tables.append(table)
    samples = pd.concat(tables, ignore_index=True)
    structures = _list_structures().set_index("structure_id").loc[samples["structure_id"]]
    samples.insert(4, "structure_acronym", structures["acronym"].to_numpy())
    samples.insert(5, "structure_name", structures["name"].to_numpy())
    return samples


def _place_samples(
    rng: np.random.Generator, n_elsewhere: int, n_a: int, n_b: int, in_both_hemispheres: bool
) -> tuple[Floats, npt.NDArray[np.int64]]:
    centres = np.array([DEMO_CENTRES["A"], DEMO_CENTRES["B"]])
    elsewhere = _scatter_in_brain(rng, 4 * n_elsewhere, in_both_hemispheres)
    distances = np.linalg.norm(elsewhere[:, np.newaxis] - centres, axis=2)
    elsewhere = elsewhere[distances.min(axis=1) > 20][:n_elsewhere]  # mm; those inside are placed on purpose
    inside = [centre + _scatter_in_ball(rng, n, 6.5) for centre, n in zip(centres, (n_a, n_b), strict=True)]
    points = np.round(np.vstack([elsewhere, *inside]), 1)
    structure_ids = np.concatenate([_find_structures(elsewhere), np.full(n_a, _AREA_A), np.full(n_b, _AREA_B)])
    order = rng.permutation(len(points))
    return points[order], structure_ids[order]


def _scatter_in_brain(rng: np.random.Generator, n: int, in_both_hemispheres: bool) -> Floats:
    points = _BRAIN_CENTRE + _BRAIN_AXES * _scatter_in_ball(rng, n, 1.0)
    if not in_both_hemispheres:
        points[:, 0] = -np.abs(points[:, 0])
    return points


def _scatter_in_ball(rng: np.random.Generator, n: int, radius: float) -> Floats:
    directions = rng.standard_normal((n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * radius * np.cbrt(rng.random((n, 1)))


def _find_structures(points: Floats) -> npt.NDArray[np.int64]:
    x, y, z = points.T
    is_deep = np.linalg.norm((points - _BRAIN_CENTRE) / _BRAIN_AXES, axis=1) < 0.5
    lobe = np.select([is_deep, y > 10, y < -65, z < -5], [4, 0, 3, 2], default=1)
    return np.asarray(_FIRST_LOBE + len(_LOBES) * (x > 0) + lobe)


def _list_structures() -> pd.DataFrame:
    rows: list[tuple[int, str, str, int | None]] = [(_ROOT, "simBr", "simulated brain", None)]
    for number, side in enumerate(("left", "right")):
        hemisphere = _ROOT + 1 + number
        rows.append((hemisphere, f"sim{side[0].upper()}", f"simulated {side} hemisphere", _ROOT))
        for lobe, name in enumerate(_LOBES):
            acronym = f"sim{name[0].upper()}{side[0].upper()}"
            rows.append((_FIRST_LOBE + len(_LOBES) * number + lobe, acronym, f"simulated {name}, {side}", hemisphere))
    rows += [
        (_AREA_A, "simA", "simulated area A, left", _FIRST_LOBE),
        (_AREA_B, "simB", "simulated area B, left", _FIRST_LOBE),
    ]
    structures = pd.DataFrame(rows, columns=list(STRUCTURE_COLUMNS))
    return structures.astype({"parent_structure_id": "Int64"})


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


def _simulate_levels(rng: np.random.Generator, samples: pd.DataFrame, probes: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Sum of gene, probe, donor, spatial, planted and noise parts; log2, shape (samples, probes)."""
    gene_of_probe, genes = pd.factorize(probes["gene"])
    donor_of_sample, donor_names = pd.factorize(samples["donor_name"])
    points = samples[["mni_x", "mni_y", "mni_z"]].to_numpy()
    of_gene = rng.uniform(3.5, 10.0, len(genes)) + _simulate_modules(rng, points, len(genes))
    of_gene += rng.normal(0.0, 0.3, of_gene.shape)  # samples differ, in all probes of a gene alike
    of_gene += _plant_differences(points, list(genes))
    of_probe = rng.normal(0.0, 0.5, len(probes))
    of_donor = rng.normal(0.0, 0.3, (len(donor_names), len(probes)))
    noise = rng.normal(0.0, 0.2, (len(samples), len(probes)))
    levels = of_gene[:, gene_of_probe] + of_probe + of_donor[donor_of_sample] + noise
    rounded: npt.NDArray[np.float64] = np.round(levels, 4)
    return rounded


def _simulate_modules(rng: np.random.Generator, points: Floats, n_genes: int) -> Floats:
    """Genes go together: each follows a few of the modules, which vary smoothly over the brain (samples x genes)."""
    # random Fourier features of a Gaussian kernel (Rahimi and Recht 2007): fields of unit variance
    waves = rng.normal(0.0, 1.0 / _SMOOTHNESS, (_N_MODULES, 3, _N_WAVES))
    phases = rng.uniform(0.0, 2.0 * np.pi, (_N_MODULES, 1, _N_WAVES))
    fields = np.sqrt(2.0 / _N_WAVES) * np.cos(points @ waves + phases).sum(axis=2).T
    shared = rng.normal(0.0, 1.0, fields.shape)  # what neighbouring samples do not share: cells, tissue quality
    loadings = rng.normal(0.0, 0.12, (_N_MODULES, n_genes)) * (rng.random((_N_MODULES, n_genes)) < 0.3)
    return np.asarray((0.6 * fields + shared) @ loadings)


def _plant_differences(points: Floats, genes: list[str]) -> Floats:
    differences = np.zeros((len(points), len(genes)))
    for gene, height in PLANTED_GENES.items():
        differences[:, genes.index(gene)] = height * demo_probability("B", points)
    return differences
