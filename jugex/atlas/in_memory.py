"""Expression in memory, as users bring it along: values may be missing, and there may be any number of donors."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.allen import choose_donors
from jugex.atlas.base import STRUCTURE_COLUMNS, ExpressionAtlas, Levels, Rows
from jugex.spaces import MNI_SPACE

__all__ = ["TablesAtlas"]

Floats = npt.NDArray[np.float64]


class TablesAtlas(ExpressionAtlas):
    """Expression of the user's own; make one with `jugex.atlas_from_tables` or one of its relatives.

    Beside the columns that every atlas has, `samples` has `sample_id`: the user's name of each sample. Columns
    `mni_x`, `mni_y`, `mni_z` hold coordinates in mm in `space`, whichever that is.

    Parameters
    ----------
    name : str
        What the atlas is called in reports.
    samples, probes, donors : DataFrame
        As every atlas has them; the samples of a donor stand together.
    levels : ndarray of float, shape (n samples, p probes)
        Expression levels; NaN where missing.
    zscores : ndarray of float64, shape (n, p), optional
        Z-scores to be used as they are; default: computed from the levels, over all samples of a donor that have one.
    space : str
        Space of the coordinates.
    simulated : bool
        Whether the values are made up.
    files : sequence of dict
        Name, bytes and SHA-256 of the files that the values came from.
    """

    def __init__(
        self,
        *,
        name: str,
        samples: pd.DataFrame,
        probes: pd.DataFrame,
        donors: pd.DataFrame,
        levels: Levels,
        zscores: Floats | None = None,
        space: str = MNI_SPACE,
        simulated: bool = False,
        files: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._name = name
        self.samples, self.probes, self.donors = samples, probes, donors
        self.structures = pd.DataFrame(columns=list(STRUCTURE_COLUMNS))
        self.space, self.simulated = space, simulated
        self._levels, self._zscores = levels, zscores
        self._files = tuple(files)
        self._whole = self

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self._name

    def identity(self) -> dict[str, Any]:
        """Where the numbers come from: the files, and a checksum of the values of the whole atlas."""
        return {
            "kind": "tables",
            "name": self.name,
            "simulated": self.simulated,
            "path": None,
            "space": self.space,
            "n_samples": len(self.samples),
            "n_probes": len(self.probes),
            "donors": self.donors.to_dict("records"),
            "files": list(self._files),
            "values_sha256": self._whole._checksum,
            "zscores": "computed" if self._zscores is None else "as given",
        }

    def restricted(self, donors: str | int | Iterable[str | int]) -> TablesAtlas:
        """Return the same atlas with some of its donors only; z-scores that were given stay as they are."""
        chosen = choose_donors(self.donors, donors)
        atlas = copy.copy(self)
        atlas.__dict__.pop("_checksum", None)  # that of the whole atlas is asked for there
        keep = self.samples["donor_name"].isin(chosen).to_numpy()
        atlas.samples = self.samples[keep].reset_index(drop=True)
        atlas.donors = self.donors[self.donors["donor_name"].isin(chosen)].reset_index(drop=True)
        atlas._levels = self._levels[keep]
        atlas._zscores = None if self._zscores is None else self._zscores[keep]
        return atlas

    @cached_property
    def _checksum(self) -> str:
        """SHA-256 of samples, probes, donors, levels and given z-scores, whatever they were read from."""
        digest = hashlib.sha256(self.space.encode())
        for table in (self.samples, self.probes, self.donors):
            digest.update(table.to_csv(index=False, lineterminator="\n").encode())
        for values in (self._levels, self._zscores):
            if values is not None:
                digest.update(np.ascontiguousarray(values, dtype=np.float64).data)
        return digest.hexdigest()

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._levels[np.ix_(sample_rows, probe_rows)]

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> tuple[Floats, Floats]:
        of_donor = np.flatnonzero((self.samples["donor_name"] == donor_name).to_numpy())
        return _compute_moments(self._levels[np.ix_(of_donor, probe_rows)].astype(np.float64))

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> Floats:
        if self._zscores is None:
            return super()._standardize(levels, sample_rows, probe_rows)
        return self._zscores[np.ix_(sample_rows, probe_rows)]


def _compute_moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (ddof = 0) over axis 0 of the values that are there; NaN where none is."""
    is_there = ~np.isnan(values)
    n = is_there.sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no value is there
        mean = np.where(is_there, values, 0.0).sum(axis=0) / n
        sd = np.sqrt(np.where(is_there, (values - mean) ** 2, 0.0).sum(axis=0) / n)
    is_constant = np.fmax.reduce(values, axis=0) == np.fmin.reduce(values, axis=0)
    return mean, np.where(is_constant, 0.0, sd)
