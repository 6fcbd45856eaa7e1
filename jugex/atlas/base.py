"""What every source of expression offers: samples, probes, donors, structures, levels and z-scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.errors import AtlasError
from jugex.genes import GeneRequest, Genes
from jugex.spaces import MNI_SPACE

__all__ = [
    "DONOR_COLUMNS",
    "MNI_SPACE",
    "PROBE_COLUMNS",
    "SAMPLE_COLUMNS",
    "STRUCTURE_COLUMNS",
    "ExpressionAtlas",
    "as_slice",
]

SAMPLE_COLUMNS = (
    "well_id", "donor_name", "sample", "structure_id", "structure_acronym", "structure_name",
    "mni_x", "mni_y", "mni_z",
)  # fmt: skip
PROBE_COLUMNS = ("probe_id", "probe_name", "gene", "entrez_id")
DONOR_COLUMNS = ("donor_name", "donor_id", "age", "gender", "race")
STRUCTURE_COLUMNS = ("structure_id", "acronym", "name", "parent_structure_id")

Rows = npt.NDArray[np.intp]
#: Log2 levels, in the precision of their source.
Levels = npt.NDArray[np.floating[Any]]


def as_slice(rows: Rows) -> slice | Rows:
    """Rows as a slice where they follow each other: NumPy then copies nothing."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


class ExpressionAtlas(ABC):
    """A source of gene expression: samples x probes, with donors.

    Attributes
    ----------
    samples : DataFrame
        One row per sample (RangeIndex): `well_id` (int, unique), `donor_name`, `sample` (index within its donor,
        from 0), `structure_id`, `structure_acronym`, `structure_name`, `mni_x`, `mni_y`, `mni_z` (mm).
    probes : DataFrame
        One row per probe (RangeIndex): `probe_id` (int, unique), `probe_name`, `gene` (symbol),
        `entrez_id` (nullable int).
    donors : DataFrame
        One row per donor: `donor_name`, `donor_id`, `age` (years), `gender`, `race`.
    structures : DataFrame
        One row per anatomical structure: `structure_id`, `acronym`, `name`, `parent_structure_id`
        (nullable int; missing at the root). Empty where the source has none.
    space : str
        Space of the coordinates, by TemplateFlow's name.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> atlas.name, atlas.has_calls, atlas.is_remote, atlas.identity()["kind"]
    ('Simulated atlas (not real data)', False, False, 'simulated')
    >>> probes = atlas.probes["probe_id"][:3]
    >>> atlas.levels(probe_ids=probes).shape, atlas.zscores(probe_ids=probes).shape
    ((515, 3), (515, 3))
    >>> levels, zscores = atlas.levels_and_zscores(probe_ids=probes)
    >>> len(atlas.restricted(donors=["H0351.1015"]).samples), atlas.with_genes(["MAOA"]) is atlas
    (63, True)

    Where the source has present calls, ``atlas.present(probe_ids=probes)`` has the shape of `levels`.
    """

    samples: pd.DataFrame
    probes: pd.DataFrame
    donors: pd.DataFrame
    structures: pd.DataFrame
    space: str = MNI_SPACE
    #: whether the values are simulated; every output says so where they are
    simulated: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """What the atlas is called in reports."""

    @cached_property
    def genes(self) -> Genes:
        """The genes of the atlas: `in`, search, and completion in notebooks (``atlas.genes.MAOA``)."""
        return Genes(self.probes)

    @property
    def has_calls(self) -> bool:
        """Whether `present` knows which probes are above background."""
        return False

    @property
    def is_remote(self) -> bool:
        """Whether each value is asked for over the network, so that all genes are too many."""
        return False

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Where the numbers come from (JSON types only): kind, name, path, number of samples, checksums."""

    @abstractmethod
    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        """Log2 levels (n samples x p probes) of rows of `samples` and of `probes`."""

    @abstractmethod
    def _read_moments(
        self, donor_name: str, probe_rows: Rows
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Mean and standard deviation (ddof = 0), each (p,), of probes over *all* samples of a donor.

        The standard deviation of a probe that is constant over the donor is exactly 0.
        """

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        """Present/absent calls (n samples x p probes) of rows of `samples` and of `probes`."""
        del sample_rows, probe_rows
        raise AtlasError(
            f"{self.name} has no present/absent calls; take donor archives that hold PACall.csv, or a store of them"
        )

    def levels(self, *, well_ids: npt.ArrayLike | None = None, probe_ids: npt.ArrayLike | None = None) -> Levels:
        """Log2 expression as the source normalised it.

        Parameters
        ----------
        well_ids : array_like of int, shape (n,), optional
            Samples, in the order wanted; default: all, in the order of `samples`.
        probe_ids : array_like of int, shape (p,), optional
            Probes, in the order wanted; default: all, in the order of `probes`.

        Returns
        -------
        ndarray of float, shape (n, p)
            Log2 expression levels, in the precision of the source.

        Raises
        ------
        AtlasError
            Where a sample or probe is not in the atlas.
        """
        return self._read_levels(
            self._find_rows("samples", "well_id", well_ids), self._find_rows("probes", "probe_id", probe_ids)
        )

    def zscores(
        self, *, well_ids: npt.ArrayLike | None = None, probe_ids: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.float64]:
        """Levels standardised per probe and donor over all samples of that donor (ddof = 0).

        This is what the Allen Institute's web service calls `z-score`. A probe that is constant over a donor
        has z-score 0 there.

        Parameters
        ----------
        well_ids, probe_ids : array_like of int, optional
            As in `levels`.

        Returns
        -------
        ndarray of float64, shape (n, p)
            Dimensionless z-scores.

        Raises
        ------
        AtlasError
            Where a sample or probe is not in the atlas.
        """
        return self.levels_and_zscores(well_ids=well_ids, probe_ids=probe_ids)[1]

    def levels_and_zscores(
        self, *, well_ids: npt.ArrayLike | None = None, probe_ids: npt.ArrayLike | None = None
    ) -> tuple[Levels, npt.NDArray[np.float64]]:
        """Return `levels` and `zscores` of the same samples and probes, reading them once."""
        sample_rows = self._find_rows("samples", "well_id", well_ids)
        probe_rows = self._find_rows("probes", "probe_id", probe_ids)
        levels = self._read_levels(sample_rows, probe_rows)
        return levels, self._standardize(levels, sample_rows, probe_rows)

    def present(
        self, *, well_ids: npt.ArrayLike | None = None, probe_ids: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.bool_]:
        """Whether a probe is above background in a sample, by the source's own present/absent calls.

        Parameters
        ----------
        well_ids, probe_ids : array_like of int, optional
            As in `levels`.

        Returns
        -------
        ndarray of bool, shape (n, p)
            True where the probe is called present.

        Raises
        ------
        AtlasError
            Where a sample or probe is not in the atlas, or the source has no calls (`has_calls`).
        """
        return self._read_calls(
            self._find_rows("samples", "well_id", well_ids), self._find_rows("probes", "probe_id", probe_ids)
        )

    def with_genes(self, genes: GeneRequest) -> ExpressionAtlas:
        """Return an atlas that has the genes asked for, as far as the source has them.

        Most sources have all their genes at hand and return themselves; a web service is asked for these.

        Parameters
        ----------
        genes : str, int, iterable of them, or None
            Symbols or Entrez ids; None for every gene.
        """
        del genes
        return self

    def restricted(self, donors: str | int | Iterable[str | int]) -> ExpressionAtlas:
        """Return the same atlas with some of its donors only.

        Parameters
        ----------
        donors : iterable of str or int
            Names or ids.

        Raises
        ------
        OptionError
            Where one is not in the atlas.
        """
        from jugex.atlas.allen import choose_donors
        from jugex.atlas.views import with_donors

        return with_donors(self, choose_donors(self.donors, donors))

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        zscores = np.empty(levels.T.shape)  # probes first: moments belong to probes
        donor_names = self.samples["donor_name"].to_numpy()[sample_rows]
        for donor_name in pd.unique(donor_names):
            of_donor = as_slice(np.flatnonzero(donor_names == donor_name))
            mean, sd = self._read_moments(str(donor_name), probe_rows)
            values = levels.T[:, of_donor].astype(np.float64)
            values -= mean[:, np.newaxis]
            values /= np.where(sd > 0, sd, np.inf)[:, np.newaxis]
            zscores[:, of_donor] = values
        return zscores.T

    def _find_rows(self, table: str, column: str, ids: npt.ArrayLike | None) -> Rows:
        known = self._index(table, column)
        if ids is None:
            return np.arange(len(known), dtype=np.intp)
        rows: Rows = known.get_indexer(pd.Index(np.asarray(ids)))
        if (rows < 0).any():
            missing = np.asarray(ids)[rows < 0]
            raise AtlasError(
                f"{len(missing)} {column} not in {self.name} (first: {missing[0]}); take them from atlas.{table}"
            )
        return rows

    def _index(self, table: str, column: str) -> pd.Index:
        """Index of a table by its ids, kept as long as the atlas has this table: its look-ups are hashed once."""
        frame, key = getattr(self, table), f"_index_of_{table}"
        kept = self.__dict__.get(key)
        if kept is None or kept[0] is not frame:
            kept = self.__dict__[key] = (frame, pd.Index(frame[column]))
        index: pd.Index = kept[1]
        return index

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.name}, {len(self.samples):,} samples of {len(self.donors)} donors, "
            f"{len(self.probes):,} probes>"
        )
