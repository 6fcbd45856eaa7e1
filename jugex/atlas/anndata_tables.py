"""An atlas from AnnData: observations are samples, variables are probes or genes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.in_memory import TablesAtlas
from jugex.atlas.user_files import UserTable, describe_file, first_of, to_texts
from jugex.atlas.user_tables import build_atlas
from jugex.errors import AtlasError, how_to_install
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["atlas_from_anndata", "import_anndata"]

_COORDINATES = ["mni_x", "mni_y", "mni_z"]
_ANNOTATION = ("structure_id", "structure_acronym", "structure_name", "age", "gender", "sex", "race", "donor_id")


def atlas_from_anndata(
    adata: AnnData | str | os.PathLike[str],
    *,
    layer: str | None = None,
    coordinates: str = "mni",
    donor: str = "donor_name",
    gene: str | None = None,
    space: str | None = None,
    name: str | None = None,
    simulated: bool | None = None,
) -> TablesAtlas:
    """Make an atlas from AnnData, or from a file ``.h5ad``; needs the extra ``anndata``.

    Parameters
    ----------
    adata : AnnData or path
        Samples x probes (or genes), dense or sparse. Names of observations are the samples' ids.
    layer : str, optional
        Layer that holds the levels; default: `X`.
    coordinates : str, default "mni"
        Key in `obsm` of an array (n, 3) in mm; where there is none of that name, the columns `mni_x`, `mni_y`, `mni_z`
        of `obs` are used.
    donor : str, default "donor_name"
        Column of `obs` that names the donor.
    gene : str, optional
        Column of `var` that holds gene symbols; default: `gene` or `gene_symbol` where there is one, else the names
        of the variables. `probe_id` and `entrez_id` are read where they are there.
    space, name, simulated : optional
        As for `jugex.atlas_from_tables`; default: what `uns` holds under `space`, `atlas` and `simulated`.

    Returns
    -------
    TablesAtlas
        As `jugex.atlas_from_tables` returns it. What `RegionPair.to_anndata` made comes back with ``layer="levels"``;
        its z-scores are then computed over the samples of the pair only.

    Raises
    ------
    AtlasError
        Where anndata is not installed, or a part is missing or not as it should be.

    Examples
    --------
    >>> # not run: needs the extra anndata
    >>> import jugex
    >>> atlas = jugex.atlas_from_anndata("samples.h5ad", donor="subject")  # doctest: +SKIP
    """
    anndata = import_anndata()
    file = None
    title = "AnnData"
    if isinstance(adata, str | os.PathLike):
        title = f"AnnData file {Path(adata).name}"
        file = describe_file(adata, "AnnData file")
        adata = _read_file(anndata, adata, title)
    if not isinstance(adata, anndata.AnnData):
        raise AtlasError(f"an AnnData or the path of a .h5ad file is needed, got {type(adata).__name__}")
    levels = _find_levels(adata, layer, title)
    samples = _find_samples(adata, coordinates, donor, title)
    probes = _find_probes(adata, gene, title)
    matrix = pd.DataFrame(levels, index=samples.index, columns=probes["column"].to_numpy())
    return build_atlas(
        UserTable(samples, f"{title}: obs", file),
        UserTable(matrix, f"{title}: {'X' if layer is None else f'layer {layer!r}'}"),
        UserTable(probes, f"{title}: var"),
        None,
        space=str(adata.uns.get("space", MNI_SPACE)) if space is None else space,
        name=name or str(adata.uns.get("atlas", title)),
        simulated=bool(adata.uns.get("simulated", False)) if simulated is None else simulated,
        is_upright=True,
    )


def import_anndata() -> Any:
    """Return the package anndata, or refuse with an AtlasError that says how to install it."""
    try:
        import anndata
    except ImportError as error:
        raise AtlasError(
            f"AnnData needs the package anndata, which is not installed: {how_to_install('anndata')}"
        ) from error
    return anndata


def _read_file(anndata: Any, path: str | os.PathLike[str], title: str) -> AnnData:
    try:
        read: AnnData = anndata.read_h5ad(path)
    except (OSError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise AtlasError(f"{title} cannot be read ({reason}); check that it is complete, or write it again") from error
    return read


def _find_levels(adata: AnnData, layer: str | None, title: str) -> npt.NDArray[Any]:
    """Values (n, p) as a dense array of numbers."""
    if layer is not None and layer not in adata.layers:
        there_are = ", ".join(map(repr, adata.layers)) or "none"
        raise AtlasError(f"{title} has no layer {layer!r} (there are {there_are}); name one of these, or none for X")
    values = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise AtlasError(f"{title} has no X; name the layer that holds the levels")
    dense = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if dense.size == 0 or dense.dtype.kind not in "biuf":
        raise AtlasError(
            f"{title} holds {dense.shape} values of type {dense.dtype}; samples x probes of numbers are needed"
        )
    return dense


def _find_samples(adata: AnnData, coordinates: str, donor: str, title: str) -> pd.DataFrame:
    """Table of samples as `jugex.atlas_from_tables` reads it."""
    if donor not in adata.obs:
        has = ", ".join(map(str, adata.obs.columns))
        raise AtlasError(f"{title}: obs has no column {donor!r} (it has {has}); name the one of donors with donor=")
    samples = pd.DataFrame(_find_points(adata, coordinates, title), columns=_COORDINATES)
    samples["donor_name"] = adata.obs[donor].to_numpy(dtype=object)
    for column in _ANNOTATION:
        if column in adata.obs:
            samples[column] = adata.obs[column].to_numpy(dtype=object)
    return samples.set_axis(pd.Index(to_texts(adata.obs_names)), axis=0)


def _find_points(adata: AnnData, coordinates: str, title: str) -> npt.NDArray[Any]:
    if coordinates in adata.obsm:
        points = np.asarray(adata.obsm[coordinates])
    elif set(_COORDINATES) <= set(adata.obs.columns):
        points = adata.obs[_COORDINATES].to_numpy()
    else:
        raise AtlasError(
            f"{title} has no coordinates: neither obsm[{coordinates!r}] nor the columns mni_x, mni_y, mni_z of obs; "
            "name the key in obsm with coordinates="
        )
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "biuf":
        raise AtlasError(
            f"{title}: the coordinates {coordinates!r} are an array {points.shape} of {points.dtype}; three numbers "
            "per sample are needed, x, y, z in mm"
        )
    return points


def _find_probes(adata: AnnData, gene: str | None, title: str) -> pd.DataFrame:
    """Table of probes as `jugex.atlas_from_tables` reads it, and how each column of the matrix is called there."""
    if gene is not None and gene not in adata.var:
        has = ", ".join(map(str, adata.var.columns))
        raise AtlasError(f"{title}: var has no column {gene!r} (it has {has}); name the one of gene symbols with gene=")
    called = gene or next((column for column in ("gene", "gene_symbol") if column in adata.var), None)
    names = to_texts(adata.var_names)
    probes = pd.DataFrame({"probe_name": names})
    probes["gene"] = names if called is None else to_texts(adata.var[called])
    for column in ("probe_id", "entrez_id"):
        if column in adata.var:
            probes[column] = adata.var[column].to_numpy(dtype=object)
    ids = to_texts(probes["probe_id"]) if "probe_id" in probes else names
    if pd.Index(ids).has_duplicates:
        raise AtlasError(
            f"{title}: {first_of(ids, pd.Index(ids).duplicated())!r} names more than one variable; give each its own "
            "name (adata.var_names_make_unique())"
        )
    return probes.assign(column=ids)
