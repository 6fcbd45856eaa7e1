"""The interface of every source of expression, and views of a source with other samples, probes or annotation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, format_html
from jugex.atlas.annotation import AXES, CoordinatesLike, check_common_wells, read_coordinates, read_probe_genes
from jugex.atlas.donors import DONOR_COLUMNS, DonorsLike, choose_donors
from jugex.atlas.identity import (
    AtlasChanges,
    AtlasDonor,
    AtlasIdentity,
    AtlasSource,
    MirrorRecord,
    NewCoordinates,
    NewProbeGenes,
    Side,
)
from jugex.atlas.input_tables import Table, warn_of_several_genes
from jugex.errors import AtlasError, AtlasWarning, OptionError, warn_user
from jugex.genes import GeneRequest, Genes
from jugex.spaces import MNI_SPACE, hemisphere_of

__all__ = [
    "DONOR_COLUMNS",
    "PROBE_COLUMNS",
    "SAMPLE_COLUMNS",
    "STRUCTURE_COLUMNS",
    "AtlasView",
    "ExpressionAtlas",
    "Levels",
    "Moments",
    "Rows",
    "as_slice",
    "compute_moments",
]

SAMPLE_COLUMNS = (
    "well_id", "donor_name", "sample", "structure_id", "structure_acronym", "structure_name",
    "mni_x", "mni_y", "mni_z",
)  # fmt: skip
PROBE_COLUMNS = ("probe_id", "probe_name", "gene", "entrez_id")
STRUCTURE_COLUMNS = ("structure_id", "acronym", "name", "parent_structure_id")

Rows = npt.NDArray[np.intp]
#: Log2 levels, in the precision of their source.
Levels = npt.NDArray[np.floating[Any]]
#: Mean and standard deviation (ddof = 0) of probes, each (p,).
Moments = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

_PROBES_PER_CHUNK = 1024


def as_slice(rows: Rows) -> slice | Rows:
    """Rows as a slice where they are consecutive: NumPy then copies nothing."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def compute_moments(levels: Levels) -> Moments:
    """Mean and standard deviation (ddof = 0) of each probe.

    Parameters
    ----------
    levels : ndarray of float32 or float64, shape (p probes, n samples)
        Log2 levels of all samples of one donor.

    Returns
    -------
    mean, sd : ndarray of float64, each (p,)
        Computed in float64. A constant probe has the standard deviation 0 exactly, whatever the rounding of its mean.
    """
    mean = np.empty(len(levels))
    sd = np.empty(len(levels))
    for start in range(0, len(levels), _PROBES_PER_CHUNK):  # in chunks: deviations need as much memory again
        chunk = slice(start, start + _PROBES_PER_CHUNK)
        values = levels[chunk].astype(np.float64)
        mean[chunk] = values.mean(axis=1)
        sd[chunk] = np.where(values.max(axis=1) > values.min(axis=1), values.std(axis=1), 0.0)
    return mean, sd


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
    simulated : bool
        Whether the values are made up; if so, every output says so.
    is_log2 : bool
        Whether levels are log2, so that their difference is a log2 fold change.
    has_levels : bool
        Whether the source has levels; if it has z-scores alone, these stand in their place.

    Notes
    -----
    Donors, coordinates, hemisphere and annotation of probes are changed by views: ``atlas.with_donors([9861, 10021])``,
    ``atlas.with_coordinates("corrected.csv")``, ``atlas.mirrored("left")`` and ``atlas.reannotated("probes.csv")`` are
    atlases themselves, of which views can be made in the same way. Only the annotation is copied. Z-scores remain
    those of the source: standardised over all samples that a donor has there, whichever samples a view keeps.

    Examples
    --------
    >>> import jugex
    >>> atlas = jugex.open_atlas("simulated")
    >>> atlas.name, atlas.has_calls, atlas.is_remote, atlas.identity().source.kind
    ('Simulated atlas (not real data)', False, False, 'simulated')
    >>> probes = atlas.probes["probe_id"][:3]
    >>> atlas.levels(probe_ids=probes).shape, atlas.zscores(probe_ids=probes).shape
    ((3702, 3), (3702, 3))
    >>> levels, zscores = atlas.levels_and_zscores(probe_ids=probes)
    >>> left = atlas.with_donors(["H0351.1015"]).mirrored("left")
    >>> len(left.samples), left.changes.mirror.n_reflected, atlas.with_genes(["MAOA"]) is atlas
    (470, 0, True)

    Where the source has present calls, ``atlas.present(probe_ids=probes)`` has the shape of `levels`.
    """

    samples: pd.DataFrame
    probes: pd.DataFrame
    donors: pd.DataFrame
    structures: pd.DataFrame
    space: str = MNI_SPACE
    simulated: bool = False
    is_log2: bool = True
    has_levels: bool = True
    #: what the views between the source and this atlas changed
    changes: AtlasChanges = AtlasChanges()

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
        """Whether the source has present/absent calls (`present`) for the samples of all donors."""
        return self._has_calls_of(self.donors["donor_name"].tolist())

    def _has_calls_of(self, donor_names: Collection[str]) -> bool:
        del donor_names
        return False

    @property
    def is_remote(self) -> bool:
        """Whether values are requested over the network, so that all genes would be too many."""
        return False

    def identity(self) -> AtlasIdentity:
        """What determines the values: source with checksums, donors in use, and what views changed.

        Checksums of donor archives take seconds per donor at the first call; `changes` costs nothing.
        """
        rows = self.donors[list(DONOR_COLUMNS)].to_dict("records")
        return AtlasIdentity(
            name=self.name,
            simulated=self.simulated,
            space=self.space,
            n_samples=len(self.samples),
            n_probes=len(self.probes),
            donors=tuple(AtlasDonor(**{str(key): value for key, value in row.items()}) for row in rows),
            source=self._describe_source(self.donors["donor_name"].tolist()),
            changes=self.changes,
        )

    @abstractmethod
    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        """Where the values of some of the donors come from."""

    @abstractmethod
    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        """Log2 levels (n samples x p probes) of rows of `samples` and of `probes`."""

    @abstractmethod
    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
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
            Samples, in the order of the result; default: all, in the order of `samples`.
        probe_ids : array_like of int, shape (p,), optional
            Probes, in the order of the result; default: all, in the order of `probes`.

        Returns
        -------
        ndarray of float, shape (n, p)
            Log2 expression levels, in the precision of the source.

        Raises
        ------
        AtlasError
            If a sample or probe is not in the atlas.
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
            If a sample or probe is not in the atlas.
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
            If a sample or probe is not in the atlas, or the source has no calls (`has_calls`).
        """
        return self._read_calls(
            self._find_rows("samples", "well_id", well_ids), self._find_rows("probes", "probe_id", probe_ids)
        )

    def with_genes(self, genes: GeneRequest) -> ExpressionAtlas:
        """Return an atlas that has the named genes, as far as the source has them.

        Most sources have all their genes at hand and return themselves; a web service is asked for the named ones.

        Parameters
        ----------
        genes : str, int, iterable of them, or None
            Symbols or Entrez ids; None for every gene.
        """
        del genes
        return self

    def with_donors(self, donors: DonorsLike) -> ExpressionAtlas:
        """Return the atlas of some of the donors.

        Parameters
        ----------
        donors : str, int or iterable of them
            Names (``"H0351.2001"``) or ids (9861).

        Raises
        ------
        OptionError
            If a donor is not in the atlas.
        """
        chosen = choose_donors(self.donors, donors)
        return AtlasView(
            self,
            samples=self.samples[self.samples["donor_name"].isin(chosen)],
            donors=self.donors[self.donors["donor_name"].isin(chosen)],
        )

    def with_coordinates(self, coordinates: CoordinatesLike) -> ExpressionAtlas:
        """Return the atlas with other MNI coordinates of its samples.

        A sample that the table lacks is left out: its place in the new registration is not known, and its old place
        would mix the two. The number of such samples is recorded, and a warning names it. New coordinates undo a
        mirror: reflect after they are given.

        Parameters
        ----------
        coordinates : DataFrame, path-like or sequence of path-like
            Coordinates by `well_id`, in mm; see `jugex.atlas.annotation.read_coordinates`. Wells that the atlas does
            not have are ignored.

        Raises
        ------
        AtlasError
            If the table cannot be used, or has no well of the atlas.

        Warns
        -----
        AtlasWarning
            If samples of the atlas are left out.

        Examples
        --------
        >>> import jugex
        >>> atlas = jugex.open_atlas("simulated")
        >>> table = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda table: table["mni_x"] + 3)
        >>> moved = atlas.with_coordinates(table)
        >>> float(moved.samples["mni_x"].mean() - atlas.samples["mni_x"].mean())
        3.0
        """
        read = read_coordinates(coordinates)
        samples = self.samples[self.samples["well_id"].isin(read.table.index)].copy()
        check_common_wells(len(samples), self.name)
        n_dropped = len(self.samples) - len(samples)
        if n_dropped:
            warn_user(
                f"{n_dropped} of {len(self.samples):,} samples of {self.name} have no coordinates in the given table, "
                "and are left out",
                AtlasWarning,
            )
        for axis in AXES:
            samples[axis] = read.table[axis].reindex(samples["well_id"]).to_numpy(dtype=np.float64)
        record = NewCoordinates(read.files, read.columns, n_wells=len(read.table), n_dropped=n_dropped)
        return AtlasView(self, samples=samples, changes=replace(self.changes, coordinates=record, mirror=None))

    def mirrored(self, side: Side) -> ExpressionAtlas:
        """Return the atlas with all samples in one hemisphere: those of the other are reflected at x = 0.

        Each sample counts once, at its reflected place alone; its structure keeps the name of its own side. For
        regions of one hemisphere this adds the samples that two of the six AHBA donors have in the other one, and
        assumes that expression is symmetric: Hawrylycz et al. (2012), doi 10.1038/nature11405, found no significant
        differences between the hemispheres.

        Parameters
        ----------
        side : {'left', 'right'}
            `left` reflects samples with x > 0, `right` those with x < 0.

        Returns
        -------
        ExpressionAtlas
            The column `hemisphere` of its samples holds the side that each was taken from.

        Raises
        ------
        OptionError
            If the side is neither of the two.

        Examples
        --------
        >>> import jugex
        >>> left = jugex.open_atlas("simulated").mirrored("left")
        >>> bool((left.samples["mni_x"] <= 0).all())
        True
        """
        if side not in get_args(Side):
            raise OptionError(f"mirror must be one of {', '.join(get_args(Side))}; got {side!r}")
        x = self.samples["mni_x"].to_numpy(dtype=np.float64)
        is_reflected = x > 0 if side == "left" else x < 0
        samples = self.samples.assign(mni_x=np.where(is_reflected, -x, x))
        if "hemisphere" not in samples:
            samples["hemisphere"] = hemisphere_of(x)
        record = MirrorRecord(side, n_reflected=int(is_reflected.sum()))
        return AtlasView(self, samples=samples, changes=replace(self.changes, mirror=record))

    def reannotated(self, table: Table) -> ExpressionAtlas:
        """Return the atlas with the genes that a table assigns to its probes.

        Probes to which the table assigns no gene, or several, are left out; their number is recorded.

        Parameters
        ----------
        table : DataFrame or path-like
            Columns `probe_name`, `gene_symbol`, `entrez_id`; see `jugex.atlas.annotation.read_probe_genes`.

        Raises
        ------
        AtlasError
            If the table cannot be used, or names no probe of the atlas.

        Warns
        -----
        AtlasWarning
            If probes that measure several genes are left out.

        Examples
        --------
        >>> # not run: needs a table of yours
        >>> import jugex
        >>> jugex.open_atlas().reannotated("reannotated.csv").changes.reannotation  # doctest: +SKIP
        """
        read = read_probe_genes(table)
        probes = self.probes[self.probes["probe_name"].isin(read.table.index)].copy()
        if probes.empty:
            given = read.file.file or "given"
            raise AtlasError(
                f"none of the probes of the re-annotation table {given} is in {self.name}; check that its column "
                f"probe_name holds names such as {self.probes['probe_name'].iloc[0]}"
            )
        assigned = read.table.loc[probes["probe_name"]]
        n_changed = int((probes["gene"].to_numpy() != assigned["gene"].to_numpy()).sum())
        n_several = int(self.probes["probe_name"].isin(read.several).sum())
        warn_of_several_genes(n_several, f"re-annotation table {read.file.file or 'given'}")
        probes["gene"], probes["entrez_id"] = assigned["gene"].to_numpy(), assigned["entrez_id"].array
        record = NewProbeGenes(
            read.file,
            n_probes=len(probes),
            n_dropped=len(self.probes) - len(probes),
            n_changed=n_changed,
            n_several_genes=n_several,
        )
        return AtlasView(self, probes=probes, changes=replace(self.changes, reannotation=record))

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        zscores = np.empty(levels.T.shape)  # probes x samples, because moments belong to probes
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
        """Index of a table by its ids, cached (hashing ids takes time) as long as the atlas has this table."""
        frame, key = getattr(self, table), f"_index_of_{table}"
        cached = self.__dict__.get(key)
        if cached is None or cached[0] is not frame:
            cached = self.__dict__[key] = (frame, pd.Index(frame[column]))
        index: pd.Index = cached[1]
        return index

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.name}, {len(self.samples):,} samples of {len(self.donors)} donors, "
            f"{len(self.probes):,} probes>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: donors with their samples, probes and genes."""
        counts = self.samples["donor_name"].value_counts()
        known = self.donors.reindex(columns=["donor_name", "age", "gender", "race"])
        cells = known.astype(object).where(known.notna(), "").to_numpy().tolist()
        rows = [[*cell, counts.get(cell[0], 0)] for cell in cells]
        said = [
            f"{count_of(len(self.samples), 'sample')} of {count_of(len(self.donors), 'donor')}, "
            f"{count_of(len(self.probes), 'probe')} of {count_of(self.probes['gene'].nunique(), 'gene')}, "
            f"in {self.space}"
        ]
        if self.simulated:
            said.append("Simulated data: the numbers say nothing about real brains.")
        return format_html(self.name, said, ["donor", "age", "sex", "race", "samples"], rows)


class AtlasView(ExpressionAtlas):
    """A view of another atlas: other annotation, or fewer samples or probes.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The underlying atlas.
    samples, probes : DataFrame, optional
        Rows of the atlas's tables to keep, with the index they have there; values may differ. Default: all.
    donors : DataFrame, optional
        Rows of the atlas's `donors` to keep.
    changes : AtlasChanges, optional
        What this view and the views below it changed; default: the changes of the atlas.
    """

    def __init__(
        self,
        atlas: ExpressionAtlas,
        *,
        samples: pd.DataFrame | None = None,
        probes: pd.DataFrame | None = None,
        donors: pd.DataFrame | None = None,
        changes: AtlasChanges | None = None,
    ) -> None:
        samples = atlas.samples if samples is None else samples
        probes = atlas.probes if probes is None else probes
        self._atlas = atlas
        self._sample_rows: Rows = samples.index.to_numpy(dtype=np.intp)
        self._probe_rows: Rows = probes.index.to_numpy(dtype=np.intp)
        self.samples = samples.reset_index(drop=True)
        self.probes = probes.reset_index(drop=True)
        self.donors = (atlas.donors if donors is None else donors).reset_index(drop=True)
        self.structures = atlas.structures
        self.space, self.simulated, self.is_log2 = atlas.space, atlas.simulated, atlas.is_log2
        self.has_levels = atlas.has_levels
        self.changes = atlas.changes if changes is None else changes

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self._atlas.name

    @property
    def is_remote(self) -> bool:
        """Whether the underlying atlas is remote."""
        return self._atlas.is_remote

    @cached_property
    def genes(self) -> Genes:
        """The genes of the atlas; symbols that a re-annotation replaced are found by their Entrez ids."""
        is_reannotation = self.changes.reannotation is not self._atlas.changes.reannotation
        return Genes(self.probes, former=self._atlas.probes if is_reannotation else self._atlas.genes.former)

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        return self._atlas._describe_source(donor_names)

    def _has_calls_of(self, donor_names: Collection[str]) -> bool:
        return self._atlas._has_calls_of(donor_names)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._atlas._read_levels(self._sample_rows[sample_rows], self._probe_rows[probe_rows])

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        return self._atlas._read_moments(donor_name, self._probe_rows[probe_rows])

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        return self._atlas._read_calls(self._sample_rows[sample_rows], self._probe_rows[probe_rows])

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        # not from levels: the source may have z-scores of its own
        return self._atlas._standardize(levels, self._sample_rows[sample_rows], self._probe_rows[probe_rows])
