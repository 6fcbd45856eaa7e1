"""A small atlas and regions in memory, for tests of what is built on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.atlas.base import STRUCTURE_COLUMNS
from jugex.atlas.identity import AtlasSource
from jugex.regions import Region, RegionIdentity

DONORS = pd.DataFrame(
    {
        "donor_name": ["H0351.2001", "H0351.2002", "H0351.1009"],
        "donor_id": [9861, 10021, 12876],
        "age": [24, 39, 57],
        "gender": ["M", "F", "M"],
        "race": ["x", "y", "z"],
    }
)


class ToyAtlas(ExpressionAtlas):
    """Expression given as an array: samples x probes."""

    def __init__(
        self, donor_sizes: Sequence[int], genes: Sequence[str], levels: npt.ArrayLike | None = None, seed: int = 0
    ) -> None:
        n_samples, rng = sum(donor_sizes), np.random.default_rng(seed)
        donor = np.repeat(np.arange(len(donor_sizes)), donor_sizes)
        self.samples = pd.DataFrame(
            {
                "well_id": 1000 * (donor + 1) + np.concatenate([np.arange(n) for n in donor_sizes]),
                "donor_name": DONORS["donor_name"].to_numpy()[donor],
                "sample": np.concatenate([np.arange(n) for n in donor_sizes]),
                "structure_id": 4005,
                "structure_acronym": "Br",
                "structure_name": "brain",
                "mni_x": np.arange(n_samples, dtype=float),
                "mni_y": 0.5,
                "mni_z": -1.0,
            }
        )
        self.probes = pd.DataFrame(
            {
                "probe_id": np.arange(len(genes)) + 10,
                "probe_name": [f"probe {number}" for number in range(len(genes))],
                "gene": list(genes),
                "entrez_id": pd.array([pd.NA if gene.startswith("?") else 100 + len(gene) for gene in genes], "Int64"),
            }
        )
        self.donors = DONORS.iloc[: len(donor_sizes)].reset_index(drop=True)
        self.structures = pd.DataFrame(columns=list(STRUCTURE_COLUMNS))
        given = rng.normal(5, 1, size=(n_samples, len(genes))) if levels is None else levels
        self.values = np.asarray(given, dtype=np.float32)

    @property
    def name(self) -> str:
        return "toy atlas"

    def _describe_source(self, donor_names):
        return AtlasSource("toy")

    def _read_levels(self, sample_rows, probe_rows):
        return self.values[np.ix_(sample_rows, probe_rows)]

    def _read_moments(self, donor_name, probe_rows):
        of_donor = self.values[(self.samples["donor_name"] == donor_name).to_numpy()][:, probe_rows].astype(float)
        constant = np.ptp(of_donor, axis=0) == 0
        return of_donor.mean(axis=0), np.where(constant, 0.0, of_donor.std(axis=0))


@dataclass(frozen=True, repr=False)
class WellRegion(Region):
    """Region that holds the wells named, each with a probability (NaN: none)."""

    name: str
    probabilities: Mapping[int, float]

    def locate(self, samples: pd.DataFrame) -> pd.DataFrame:
        probability = samples["well_id"].map(self.probabilities).astype(float)
        inside = samples["well_id"].isin(list(self.probabilities))
        between_voxels = inside & (samples["well_id"] % 1000 == 0)
        return pd.DataFrame(
            {"inside": inside, "probability": probability, "between_voxels": between_voxels, "tolerated": False}
        )

    def identity(self) -> RegionIdentity:
        return RegionIdentity(self.name, "wells", volume_mm3=self.volume, centroid=tuple(self.centroid.tolist()))

    def renamed(self, name: str) -> WellRegion:
        return replace(self, name=name)

    @property
    def volume(self) -> float:
        return float(len(self.probabilities))

    @property
    def centroid(self) -> npt.NDArray[np.float64]:
        return np.zeros(3)

    def to_image(self) -> nib.Nifti1Image:
        return nib.Nifti1Image(np.ones((2, 2, 2), dtype=np.uint8), np.eye(4))


def wells(name: str, *well_ids: int, probability: float = float("nan")) -> WellRegion:
    """Region of wells that share a probability."""
    return WellRegion(name, dict.fromkeys(well_ids, probability))
