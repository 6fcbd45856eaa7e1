"""Atlases derived from another: some of its donors, other coordinates, mirrored samples, re-annotated probes.

Nothing is copied but the annotation. Z-scores stay those of the underlying atlas: they are standardised over all
samples that a donor has there, whichever of them the view keeps.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.base import ExpressionAtlas, Levels, Rows
from jugex.atlas.coordinates import AXES, CoordinatesLike, check_common, read_coordinates
from jugex.atlas.reannotation import read_reannotation
from jugex.errors import AtlasError, AtlasWarning, OptionError, warn_user
from jugex.genes import Genes
from jugex.spaces import hemisphere_of

__all__ = ["AtlasView", "Side", "derive_atlas", "mirrored", "reannotated", "with_coordinates", "with_donors"]

#: Hemisphere to which all samples are brought.
Side = Literal["left", "right"]


class AtlasView(ExpressionAtlas):
    """View of an atlas with other annotation, or less of it.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    samples, probes : DataFrame, optional
        Rows of the atlas's tables to keep, under their index there; values may differ. Default: all.
    donors : DataFrame, optional
        Rows of its donors to keep.
    record : dict, optional
        What `identity` says of the view (JSON types only).
    """

    def __init__(
        self,
        atlas: ExpressionAtlas,
        *,
        samples: pd.DataFrame | None = None,
        probes: pd.DataFrame | None = None,
        donors: pd.DataFrame | None = None,
        record: dict[str, Any] | None = None,
    ) -> None:
        self._atlas = atlas
        self._record = record or {}
        samples = atlas.samples if samples is None else samples
        probes = atlas.probes if probes is None else probes
        self._sample_rows: Rows = samples.index.to_numpy(dtype=np.intp)
        self._probe_rows: Rows = probes.index.to_numpy(dtype=np.intp)
        self.samples = samples.reset_index(drop=True)
        self.probes = probes.reset_index(drop=True)
        self.donors = (atlas.donors if donors is None else donors).reset_index(drop=True)
        self.structures = atlas.structures
        self.space = atlas.space
        self.simulated = atlas.simulated

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self._atlas.name

    @property
    def has_calls(self) -> bool:
        """Whether the underlying atlas has present/absent calls."""
        return self._atlas.has_calls

    @property
    def is_remote(self) -> bool:
        """Whether the underlying atlas is asked over the network."""
        return self._atlas.is_remote

    @property
    def changes(self) -> dict[str, Any]:
        """What `identity` says of this view, and of the views that it looks through."""
        return (self._atlas.changes if isinstance(self._atlas, AtlasView) else {}) | self._record

    def identity(self) -> dict[str, Any]:
        """Identity of the underlying atlas, with what is kept of it and what was changed."""
        kept = {
            "n_samples": len(self.samples),
            "n_probes": len(self.probes),
            "donors": self.donors.to_dict("records"),
        }
        return self._atlas.identity() | kept | self._record

    @cached_property
    def genes(self) -> Genes:
        """The genes of the atlas; symbols that a re-annotation replaced are found by their Entrez ids."""
        former = self._atlas.probes if "reannotation" in self._record else self._atlas.genes.former
        return Genes(self.probes, former=former)

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._atlas._read_levels(self._sample_rows[sample_rows], self._probe_rows[probe_rows])

    def _read_moments(
        self, donor_name: str, probe_rows: Rows
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return self._atlas._read_moments(donor_name, self._probe_rows[probe_rows])

    def _read_calls(self, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.bool_]:
        return self._atlas._read_calls(self._sample_rows[sample_rows], self._probe_rows[probe_rows])

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> npt.NDArray[np.float64]:
        # a web service has z-scores of its own
        return self._atlas._standardize(levels, self._sample_rows[sample_rows], self._probe_rows[probe_rows])


def derive_atlas(
    atlas: ExpressionAtlas,
    *,
    coordinates: CoordinatesLike | None = None,
    mirror: Side | None = None,
    reannotation: str | os.PathLike[str] | None = None,
) -> ExpressionAtlas:
    """Atlas with other coordinates, then mirrored, then re-annotated; itself where nothing is asked for.

    Parameters and errors are those of `with_coordinates`, `mirrored` and `reannotated`.
    """
    if coordinates is not None:
        atlas = with_coordinates(atlas, coordinates)
    if mirror is not None:
        atlas = mirrored(atlas, mirror)
    return atlas if reannotation is None else reannotated(atlas, reannotation)


def with_donors(atlas: ExpressionAtlas, donor_names: list[str]) -> AtlasView:
    """Atlas with some of its donors.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    donor_names : list of str
        Names of the donors to keep.
    """
    return AtlasView(
        atlas,
        samples=atlas.samples[atlas.samples["donor_name"].isin(donor_names)],
        donors=atlas.donors[atlas.donors["donor_name"].isin(donor_names)],
    )


def with_coordinates(atlas: ExpressionAtlas, coordinates: CoordinatesLike) -> AtlasView:
    """Atlas whose samples have other MNI coordinates.

    A sample that the table lacks is left out: where it lies is not known in the other set, and its place in the first
    one would mix two registrations. Their number is recorded, and a warning tells it.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    coordinates : DataFrame, path-like or sequence of path-like
        Coordinates by `well_id`, in mm; see `jugex.atlas.coordinates.read_coordinates`. Wells that the atlas does not
        have are passed over.

    Returns
    -------
    AtlasView
        ``identity()["coordinates"]`` names the files, and how many samples were left out.

    Raises
    ------
    AtlasError
        Where the table cannot be used, or has no well of the atlas.

    Warns
    -----
    AtlasWarning
        Where samples of the atlas are left out.

    Examples
    --------
    >>> import jugex
    >>> from jugex.atlas import with_coordinates
    >>> atlas = jugex.open_atlas("simulated")
    >>> moved = atlas.samples[["well_id", "mni_x", "mni_y", "mni_z"]].assign(mni_x=lambda table: table["mni_x"] + 3)
    >>> float(with_coordinates(atlas, moved).samples["mni_x"].mean() - atlas.samples["mni_x"].mean())
    3.0
    """
    read = read_coordinates(coordinates)
    samples = atlas.samples[atlas.samples["well_id"].isin(read.table.index)].copy()
    check_common(len(samples), atlas.name)
    n_dropped = len(atlas.samples) - len(samples)
    if n_dropped:
        warn_user(
            f"{n_dropped} of {len(atlas.samples):,} samples of {atlas.name} have no coordinates in the table given, "
            "and are left out",
            AtlasWarning,
        )
    for axis in AXES:
        samples[axis] = read.table[axis].reindex(samples["well_id"]).to_numpy(dtype=np.float64)
    return AtlasView(atlas, samples=samples, record={"coordinates": read.identity() | {"n_dropped": n_dropped}})


def mirrored(atlas: ExpressionAtlas, side: Side) -> AtlasView:
    """Atlas with all samples in one hemisphere: those of the other one are reflected at x = 0.

    Each sample counts once, at its reflected place alone; names of structures stay those of where it was taken. For
    regions of one hemisphere this adds the samples that two of the six AHBA donors have in the other one, and assumes
    that expression is symmetric: Hawrylycz et al. (2012), doi 10.1038/nature11405, found no significant differences
    between the hemispheres.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    side : {'left', 'right'}
        `left` reflects samples with x > 0, `right` those with x < 0.

    Returns
    -------
    AtlasView
        ``identity()["mirror"]`` names the side, and how many samples were reflected. The column `hemisphere` of its
        samples says where each was taken.

    Raises
    ------
    OptionError
        Where the side is neither.

    Examples
    --------
    >>> import jugex
    >>> from jugex.atlas import mirrored
    >>> left = mirrored(jugex.open_atlas("simulated"), "left")
    >>> bool((left.samples["mni_x"] <= 0).all())
    True
    """
    if side not in get_args(Side):
        raise OptionError(f"mirror is one of {', '.join(get_args(Side))}; got {side!r}")
    x = atlas.samples["mni_x"].to_numpy(dtype=np.float64)
    is_reflected = x > 0 if side == "left" else x < 0
    samples = atlas.samples.assign(mni_x=np.where(is_reflected, -x, x))
    if "hemisphere" not in samples:
        samples["hemisphere"] = hemisphere_of(x)
    return AtlasView(atlas, samples=samples, record={"mirror": {"side": side, "n_reflected": int(is_reflected.sum())}})


def reannotated(atlas: ExpressionAtlas, table: str | os.PathLike[str]) -> AtlasView:
    """Atlas whose probes measure the genes that a table says.

    Probes that the table does not assign to a gene are left out; their number is recorded.

    Parameters
    ----------
    atlas : ExpressionAtlas
        The atlas to look at.
    table : path-like
        Columns `probe_name`, `gene_symbol`, `entrez_id`; see `jugex.atlas.reannotation.read_reannotation`.

    Returns
    -------
    AtlasView
        ``identity()["reannotation"]`` names the file, and counts probes assigned, left out and changed.

    Raises
    ------
    AtlasError
        Where the table cannot be used, or names no probe of the atlas.

    Examples
    --------
    >>> # not run: needs a table of yours
    >>> import jugex
    >>> from jugex.atlas import reannotated
    >>> reannotated(jugex.open_atlas(), "reannotated.csv").identity()["reannotation"]  # doctest: +SKIP
    """
    read = read_reannotation(table)
    probes = atlas.probes[atlas.probes["probe_name"].isin(read.table.index)].copy()
    if probes.empty:
        raise AtlasError(
            f"none of the probes of re-annotation table {table} is in {atlas.name}; check that its column probe_name "
            f"holds names such as {atlas.probes['probe_name'].iloc[0]}"
        )
    assigned = read.table.loc[probes["probe_name"]]
    n_changed = int((probes["gene"].to_numpy() != assigned["gene"].to_numpy()).sum())
    probes["gene"], probes["entrez_id"] = assigned["gene"].to_numpy(), assigned["entrez_id"].array
    record = read.source.identity() | {
        "n_probes": len(probes),
        "n_dropped": len(atlas.probes) - len(probes),
        "n_changed": n_changed,
    }
    return AtlasView(atlas, probes=probes, record={"reannotation": record})
