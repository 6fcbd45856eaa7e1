"""An atlas with some of its donors only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from jugex.atlas.base import ExpressionAtlas, Levels, Rows

__all__ = ["DonorSubset"]


class DonorSubset(ExpressionAtlas):
    """View of some donors of an atlas; nothing is copied but the table of samples.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    donor_names : list of str
        Names of the donors to keep.
    """

    def __init__(self, atlas: ExpressionAtlas, donor_names: list[str]) -> None:
        self._atlas = atlas
        self._rows: Rows = np.flatnonzero(atlas.samples["donor_name"].isin(donor_names).to_numpy())
        self.samples = atlas.samples.iloc[self._rows].reset_index(drop=True)
        self.donors = atlas.donors[atlas.donors["donor_name"].isin(donor_names)].reset_index(drop=True)
        self.probes = atlas.probes
        self.structures = atlas.structures
        self.space = atlas.space
        self.simulated = atlas.simulated

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self._atlas.name

    def identity(self) -> dict[str, Any]:
        """Identity of the whole atlas, with the donors and the number of samples kept."""
        kept = {"n_samples": len(self.samples), "donors": self.donors.to_dict("records")}
        return self._atlas.identity() | kept

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._atlas._read_levels(self._rows[sample_rows], probe_rows)

    def _read_moments(
        self, donor_name: str, probe_rows: Rows
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return self._atlas._read_moments(donor_name, probe_rows)
