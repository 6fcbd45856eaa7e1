"""What a region holds of an atlas: what one looks at before running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jugex._text import count_of
from jugex.regions.base import Points, Region
from jugex.spaces import HEMISPHERES, tell_hemispheres

if TYPE_CHECKING:
    from jugex.atlas import ExpressionAtlas

__all__ = ["Coverage", "measure_coverage"]


@dataclass(frozen=True, eq=False)
class Coverage:
    """Samples and donors that a region holds, its volume and where it lies.

    Attributes
    ----------
    region, atlas : str
        Their names.
    donors : DataFrame
        One row per donor of the atlas: `donor_name`, then the number of samples at x < 0 mm (`left`), x = 0
        (`midline`) and x > 0 (`right`), and in all (`samples`).
    volume : float
        Volume of the region in mm3; NaN where it has no extent in space (an anatomical structure).
    centroid : ndarray, shape (3,)
        Centre of mass (x, y, z) of the region in mm; of a structure, that of its samples.

    Examples
    --------
    >>> import jugex
    >>> coverage = jugex.Region.sphere((-22, 58, 4), 8).coverage(jugex.open_atlas("simulated"))
    >>> coverage.n_samples, coverage.n_donors
    (27, 6)
    >>> coverage.hemispheres["samples"].tolist()
    [27, 0, 0]
    """

    region: str
    atlas: str
    donors: pd.DataFrame
    volume: float
    centroid: Points

    @property
    def n_samples(self) -> int:
        """Number of samples in the region."""
        return int(self.donors["samples"].sum())

    @property
    def n_donors(self) -> int:
        """Number of donors with samples in the region."""
        return int((self.donors["samples"] > 0).sum())

    @property
    def hemispheres(self) -> pd.DataFrame:
        """One row per `hemisphere` (left, midline, right): `samples` and `donors`, the donors with samples there."""
        counts = self.donors[list(HEMISPHERES)]
        samples, donors = counts.sum().to_numpy(), (counts > 0).sum().to_numpy()
        return pd.DataFrame({"hemisphere": list(HEMISPHERES), "samples": samples, "donors": donors})

    def __str__(self) -> str:
        extent = "no extent in space" if np.isnan(self.volume) else f"{self.volume:,.0f} mm3"
        x, y, z = self.centroid
        where = "" if np.isnan(x) else f" around x {x:.0f}, y {y:.0f}, z {z:.0f} mm"
        counts = f"{count_of(self.n_samples, 'sample')} of {count_of(self.n_donors, 'donor')}"
        head = f"{self.region} in {self.atlas}: {counts}; {extent}{where}"
        totals = {"donor_name": "samples", **self.donors[[*HEMISPHERES, "samples"]].sum()}
        numbers = self.hemispheres.set_index("hemisphere")["donors"]
        donors = {"donor_name": "donors", **numbers, "samples": self.n_donors}
        table = pd.concat([self.donors, pd.DataFrame([totals, donors])])
        return f"{head}\n{table.rename(columns={'donor_name': 'donor', 'samples': 'all'}).to_string(index=False)}"


def measure_coverage(region: Region, atlas: ExpressionAtlas) -> Coverage:
    """Count the samples and donors of an atlas in a region, and measure the region.

    Parameters
    ----------
    region : Region
        The region; it may hold no sample.
    atlas : ExpressionAtlas
        Where the samples come from (`jugex.open_atlas`).

    Returns
    -------
    Coverage

    Raises
    ------
    RegionError
        Where the region holds a structure that the atlas does not have.
    """
    bound = region.bound_to(atlas)
    samples = atlas.samples[bound.locate(atlas.samples)["inside"].to_numpy()]
    x = samples["mni_x"].to_numpy(dtype=np.float64)
    counts = pd.crosstab(samples["donor_name"], pd.Series(tell_hemispheres(x), index=samples.index, dtype=object))
    counts = counts.reindex(index=atlas.donors["donor_name"], columns=list(HEMISPHERES), fill_value=0)
    donors = counts.assign(samples=counts.sum(axis=1)).rename_axis(columns=None).reset_index()
    return Coverage(bound.name, atlas.name, donors, bound.volume, bound.centroid)
