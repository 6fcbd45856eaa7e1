"""Atlases from other formats: siibra's tidy table, AnnData, and the Allen Institute's RNA-seq.

Each is converted into the tables that `jugex.atlas_from_tables` reads.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import expand_home
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.donors import DONORS, Donor, donor_table, find_donor
from jugex.atlas.input_tables import (
    InputTable,
    Table,
    first_of,
    read_headless_matrix,
    read_table,
    record_file,
    to_texts,
)
from jugex.atlas.tables import TablesAtlas, UserTables, Values
from jugex.errors import AtlasError, OptionError, how_to_install
from jugex.spaces import MNI_SPACE

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = [
    "RnaseqValues",
    "atlas_from_ahba_rnaseq",
    "atlas_from_anndata",
    "atlas_from_siibra",
    "import_anndata",
]

#: Which table of the Allen Institute's RNA-seq data is read.
RnaseqValues = Literal["tpm", "counts"]

_COORDINATES = ["mni_x", "mni_y", "mni_z"]
_OBS_COLUMNS = ("structure_id", "structure_acronym", "structure_name", "age", "gender", "sex", "race", "donor_id")
_WELL_COLUMNS = ["structure_id", "structure_acronym", "structure_name", *_COORDINATES]
_SYMBOLS = ("gene", "gene_symbol")
#: Columns of gene symbols in AnnData whose variables are named by Ensembl ids: CELLxGENE, scanpy, other tools.
_SYMBOLS_WITH_ENSEMBL_IDS = (
    "feature_name", "gene_symbols", "gene_name", "gene_names", "symbol", "symbols", "Symbol", "hgnc_symbol", "SYMBOL",
)  # fmt: skip
_FILES = {"tpm": "RNAseqTPM.csv", "counts": "RNAseqCounts.csv"}


# --- siibra's tidy table


def atlas_from_siibra(table: Table, *, space: str = MNI_SPACE, name: str | None = None) -> TablesAtlas:
    """Make an atlas from siibra's tidy table of expression, which has one row per sample and probe.

    Such a table holds only the samples of the requested regions (and perhaps only some genes), so that z-scores over
    all samples of a donor cannot be computed from it: its own column `zscore` is used as it is. Tables of several
    regions can be joined with `pandas.concat`; repeated rows count once.

    Parameters
    ----------
    table : DataFrame or path
        CSV, TSV or Parquet with the columns `level`, `zscore`, `gene`, `mni_xyz` (tuple, or text like
        ``"(1, 2, 3)"``), `sample`, `probe_id`, `donor_name`, and optionally `race`, `gender`, `age`, `well_id`,
        `structure_acronym`, `structure_name`. A sample is identified by `well_id`, else by `donor_name` and `sample`.
    space : str, default "MNI152NLin2009cAsym"
        Space of the coordinates.
    name : str, optional
        What the atlas is called in reports; default: the name of the file.

    Returns
    -------
    TablesAtlas
        Probes that were not measured in a sample have a missing value there.

    Raises
    ------
    AtlasError
        If the table cannot be read, lacks a column, or contradicts itself.

    Examples
    --------
    >>> import jugex, pandas
    >>> regions = jugex.demo_regions()
    >>> tables = [jugex.query.expressions(region, ["MAOA", "TAC1"], atlas="simulated") for region in regions]
    >>> atlas = jugex.atlas_from_siibra(pandas.concat(tables), name="Two regions")
    >>> len(atlas.probes)
    44
    """
    read = read_table(table, "siibra table")
    rows = _index_rows(read)
    samples, probes = _list_samples(read, rows), _list_probes(read, rows)
    levels, zscores = (
        rows.pivot(index="sample_id", columns="probe", values=column)[probes["probe_id"]]
        for column in ("level", "zscore")
    )
    atlas = UserTables(
        samples=InputTable(samples, read.title, read.file),
        expression=InputTable(levels, read.title),
        zscores=InputTable(zscores, read.title),
        probes=InputTable(probes, read.title),
        is_samples_by_probes=True,
    ).to_atlas(space=space, name=name or read.title.removeprefix("siibra table "))
    numbers = samples.set_index("sample_id")["sample"]
    atlas.samples["sample"] = numbers.loc[atlas.samples["sample_id"]].to_numpy()
    return atlas


def _index_rows(table: InputTable) -> pd.DataFrame:
    """Sample, probe, gene and values of each row, with the row's number; each pair of sample and probe once."""
    numbers = {column: table.numbers(table.need(column)) for column in ("level", "zscore")}
    donor, sample = (table.texts(table.need(column)) for column in ("donor_name", "sample"))
    wells = table.find("well_id")
    rows = pd.DataFrame(numbers)
    rows["sample_id"] = table.texts(wells) if wells else donor + np.full(len(donor), " ", dtype=object) + sample
    rows["probe"] = table.texts(table.need("probe_id"))
    rows["gene"] = table.texts(table.need("gene"))
    rows["row"] = np.arange(len(rows))
    if ((rows["gene"] == "") | (rows["probe"] == "") | (sample == "")).any():
        raise AtlasError(f"{table.title} has rows without a gene, probe_id or sample; every row needs all of them")
    key = ["sample_id", "probe"]
    rows = rows.drop_duplicates([*key, "level", "zscore"])
    repeated = rows.duplicated(key)
    if repeated.any():
        first = rows[repeated].iloc[0]
        raise AtlasError(
            f"{table.title} has different values for probe {first['probe']!r} in sample {first['sample_id']!r}; keep "
            "one of them"
        )
    return rows


def _list_samples(table: InputTable, rows: pd.DataFrame) -> pd.DataFrame:
    """One row per sample, sorted by donor and number; `sample` is the number in the table."""
    at = rows["row"].to_numpy()
    rows = rows.assign(
        donor_name=table.texts(table.need("donor_name"))[at],
        sample=table.numbers(table.need("sample"))[at].astype(np.int64),
        mni_xyz=table.rows[table.need("mni_xyz")].to_numpy()[at],
    )
    optional = ("structure_acronym", "structure_name", "age", "gender", "race")
    found = {name: column for name in optional if (column := table.find(name)) is not None}
    for name, column in found.items():
        rows[name] = table.rows[column].to_numpy()[at]
    as_text = rows.assign(mni_xyz=rows["mni_xyz"].astype(str))
    differing = as_text.groupby("sample_id")[["donor_name", "mni_xyz"]].nunique().gt(1).any(axis=1)
    if differing.any():
        raise AtlasError(
            f"{table.title} gives sample {differing.index[differing.to_numpy()][0]!r} more than one donor or "
            "coordinate; correct its rows"
        )
    samples = rows.drop_duplicates("sample_id")[["sample_id", "donor_name", "sample", "mni_xyz", *found]]
    order = np.lexsort((samples["sample"].to_numpy(), pd.factorize(samples["donor_name"])[0]))
    return samples.iloc[order].reset_index(drop=True)


def _list_probes(table: InputTable, rows: pd.DataFrame) -> pd.DataFrame:
    """Probes and their genes; siibra's table has no names of probes and no Entrez ids."""
    probes = rows.drop_duplicates(["probe", "gene"])
    repeated = probes["probe"].duplicated()
    if repeated.any():
        raise AtlasError(f"{table.title} gives probe {probes.loc[repeated, 'probe'].iloc[0]!r} more than one gene")
    return probes[["probe", "gene"]].rename(columns={"probe": "probe_id"})


# --- AnnData


def atlas_from_anndata(
    adata: AnnData | str | os.PathLike[str],
    *,
    layer: str | None = None,
    coordinates: str = "mni",
    donor: str = "donor_name",
    gene: str | None = None,
    values: Values | None = None,
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
        Key in `obsm` of an array (n, 3) in mm; without this key, the columns `mni_x`, `mni_y`, `mni_z` of `obs` are
        used. Coordinates may be missing if `obs` has structures.
    donor : str, default "donor_name"
        Column of `obs` that names the donor.
    gene : str, optional
        Column of `var` that holds gene symbols; default: `gene` or `gene_symbol` if there is one, else the names of the
        variables. If these are Ensembl ids, a column of symbols is used instead: `feature_name` (as in CELLxGENE),
        `gene_symbols` (scanpy), `gene_name`, `symbol` and the like; a variable without a symbol then keeps its name.
        The columns `probe_id` and `entrez_id` are read if they are there.
    values : {'counts', 'log2', 'other'}, optional
        What the values are, as for `jugex.atlas_from_tables`.
    space, name, simulated : optional
        As for `jugex.atlas_from_tables`; default: what `uns` holds under `space`, `atlas` and `simulated`.

    Returns
    -------
    TablesAtlas
        As from `jugex.atlas_from_tables`. What `RegionPair.to_anndata` wrote is read with ``layer="levels"``; its
        z-scores are then computed over the samples of the pair only.

    Raises
    ------
    AtlasError
        If anndata is not installed, or a part of the data is missing or invalid.

    Examples
    --------
    >>> # not run: needs the extra anndata
    >>> import jugex
    >>> atlas = jugex.atlas_from_anndata("samples.h5ad", donor="subject")  # doctest: +SKIP
    """
    anndata = import_anndata()
    file, title = None, "AnnData"
    if isinstance(adata, str | os.PathLike):
        title = f"AnnData file {Path(adata).name}"
        file = record_file(adata, "AnnData file")
        adata = _read_file(anndata, adata, title)
    if not isinstance(adata, anndata.AnnData):
        raise AtlasError(f"an AnnData or the path of a .h5ad file is needed, got {type(adata).__name__}")
    if adata.isbacked:
        adata = adata.to_memory()  # a copy: the caller's object stays as it is
    levels = _find_levels(adata, layer, title)
    samples = _list_observations(adata, coordinates, donor, title)
    probes = _list_variables(adata, gene, title)
    matrix = pd.DataFrame(levels, index=samples.index, columns=probes["column"].to_numpy())
    return UserTables(
        samples=InputTable(samples, f"{title}: obs", file),
        expression=InputTable(matrix, f"{title}: {'X' if layer is None else f'layer {layer!r}'}"),
        probes=InputTable(probes, f"{title}: var"),
        is_samples_by_probes=True,
    ).to_atlas(
        values=values,
        space=str(adata.uns.get("space", MNI_SPACE)) if space is None else space,
        name=name or str(adata.uns.get("atlas", title)),
        simulated=bool(adata.uns.get("simulated", False)) if simulated is None else simulated,
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


def _is_ensembl_id(name: str) -> bool:
    return re.fullmatch(r"ENS[A-Z]*G\d{11}(?:\.\d+)?", name) is not None


def _find_levels(adata: AnnData, layer: str | None, title: str) -> npt.NDArray[Any]:
    """Values (n, p) as a dense array of numbers."""
    if layer is not None and layer not in adata.layers:
        there_are = ", ".join(map(repr, adata.layers)) or "none"
        raise AtlasError(
            f"{title} has no layer {layer!r} (there are {there_are}); name one of these, or leave layer out for X"
        )
    values = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise AtlasError(f"{title} has no X; name the layer that holds the levels")
    dense = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if dense.size == 0 or dense.dtype.kind not in "biuf":
        raise AtlasError(
            f"{title} holds an array of shape {dense.shape} and type {dense.dtype}, where numbers (samples x "
            "probes) are needed"
        )
    return dense


def _list_observations(adata: AnnData, coordinates: str, donor: str, title: str) -> pd.DataFrame:
    """Table of samples as `jugex.atlas_from_tables` reads it."""
    if donor not in adata.obs:
        has = ", ".join(map(str, adata.obs.columns))
        raise AtlasError(f"{title}: obs has no column {donor!r} (it has {has}); name the column of donors with donor=")
    samples = pd.DataFrame({"donor_name": adata.obs[donor].to_numpy(dtype=object)})
    points = _find_points(adata, coordinates, title)
    if points is not None:
        samples[_COORDINATES] = points
    for column in _OBS_COLUMNS:
        if column in adata.obs:
            samples[column] = adata.obs[column].to_numpy(dtype=object)
    return samples.set_axis(pd.Index(to_texts(adata.obs_names)), axis=0)


def _find_points(adata: AnnData, coordinates: str, title: str) -> npt.NDArray[Any] | None:
    """Coordinates (n, 3) in mm; None if `obs` has structures instead."""
    if coordinates in adata.obsm:
        points = np.asarray(adata.obsm[coordinates])
    elif set(_COORDINATES) <= set(adata.obs.columns):
        points = adata.obs[_COORDINATES].to_numpy()
    elif set(_OBS_COLUMNS[:3]) & set(adata.obs.columns):
        return None
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


def _list_variables(adata: AnnData, gene: str | None, title: str) -> pd.DataFrame:
    """Table of probes as `jugex.atlas_from_tables` reads it; `column` names each probe's column of the matrix."""
    if gene is not None and gene not in adata.var:
        has = ", ".join(map(str, adata.var.columns))
        raise AtlasError(
            f"{title}: var has no column {gene!r} (it has {has}); name the column of gene symbols with gene="
        )
    names = to_texts(adata.var_names)
    called = gene or next((column for column in _SYMBOLS if column in adata.var), None)
    if called is None and sum(map(_is_ensembl_id, names)) > len(names) / 2:
        called = next((column for column in _SYMBOLS_WITH_ENSEMBL_IDS if column in adata.var), None)
    probes = pd.DataFrame({"probe_name": names})
    probes["gene"] = names if called is None else to_texts(adata.var[called])
    if called in _SYMBOLS_WITH_ENSEMBL_IDS:
        probes["gene"] = probes["gene"].where(~probes["gene"].isin(("", "nan")), names)
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


# --- the Allen Institute's RNA-seq


def atlas_from_ahba_rnaseq(
    path: str | os.PathLike[str], microarray: ExpressionAtlas, *, values: RnaseqValues = "tpm"
) -> TablesAtlas:
    """Make an atlas of the Allen Institute's RNA-seq data (donors 9861 and 10021, about 120 samples each).

    The files hold no coordinates: each sample gets the coordinates and structure of the well of the same number in the
    microarray data. Levels are log2(1 + x), where x sums to one million per sample: transcripts per million for
    `values` "tpm", fragments per million for "counts". Repeated wells are technical replicates: their levels are
    averaged.

    Parameters
    ----------
    path : path-like
        Folder ``rnaseq_donor9861`` or ``rnaseq_donor10021``, unpacked, or the folder that holds both.
    microarray : ExpressionAtlas
        The microarray data of the same donors (`jugex.open_atlas`), for the coordinates of the wells.
    values : {'tpm', 'counts'}
        Whether ``RNAseqTPM.csv`` or ``RNAseqCounts.csv`` is read.

    Returns
    -------
    TablesAtlas
        One probe per gene; `well_id` as in the microarray data.

    Raises
    ------
    AtlasError
        If there is no such folder, its files do not fit together, or the microarray data lack one of its wells.
    OptionError
        If `values` is neither of the two.

    Notes
    -----
    What is assumed about the files, from how others document and read them (abagen's `io.read_tpm`, `read_counts`,
    `read_annotation` and `read_genes`): ``RNAseqTPM.csv`` and ``RNAseqCounts.csv`` have no header; each row has a
    gene symbol, then one value per sample, in the order of rows of ``SampleAnnot.csv``, which has a column `well_id`;
    ``Genes.csv`` has `gene_symbol` and `entrez_id`. The donor is named by the name of the folder.

    Examples
    --------
    >>> # not run: needs the RNA-seq files and the donor archives
    >>> import jugex
    >>> rnaseq = jugex.atlas_from_ahba_rnaseq("rnaseq/", jugex.open_atlas("ahba/"))  # doctest: +SKIP
    """
    if values not in _FILES:
        raise OptionError(f"values must be one of {', '.join(get_args(RnaseqValues))}; got {values!r}")
    folders = _find_folders(expand_home(path), _FILES[values])
    parts = [_read_rnaseq(folder, _FILES[values]) for folder in folders.values()]
    levels = pd.concat([part.T.groupby(level=0, sort=False).mean() for part in parts])
    samples = _locate_wells(folders, parts, microarray)
    genes = read_table(next(iter(folders.values())) / "Genes.csv", "gene table")
    names = [_FILES[values], "SampleAnnot.csv"]
    return UserTables(
        samples=InputTable(samples, "SampleAnnot.csv"),
        expression=InputTable(levels, _FILES[values]),
        probes=InputTable(_list_genes(genes, levels.columns), genes.title, genes.file),
        donors=InputTable(donor_table(folders), "donors"),
        files=[record_file(folder / name, "RNA-seq file") for folder in folders.values() for name in names],
    ).to_atlas(
        values="log2",
        space=microarray.space,
        name=f"Allen Human Brain Atlas, RNA-seq ({values})",
        simulated=microarray.simulated,
    )


def _find_folders(path: Path, file: str) -> dict[Donor, Path]:
    """Folders of donors, in the order of `DONORS`."""
    candidates = [path] if (path / file).is_file() else sorted(path.glob(f"*/{file}"))
    folders: dict[Donor, Path] = {}
    for candidate in candidates:
        folder = path if candidate == path else candidate.parent
        donor = find_donor(folder.name)
        if donor is None:
            raise AtlasError(
                f"the name of {folder} does not name a donor; call it rnaseq_donor9861 or rnaseq_donor10021"
            )
        if donor in folders:
            raise AtlasError(f"{folders[donor]} and {folder} both hold donor {donor}; keep one of them")
        folders[donor] = folder
    if not folders:
        raise AtlasError(f"no {file} in {path} or its subfolders; unpack the RNA-seq archives and give their folder")
    return {donor: folders[donor] for donor in DONORS if donor in folders}


def _read_rnaseq(folder: Path, file: str) -> pd.DataFrame:
    """log2(1 + x per million), genes x wells; a well occurs as often as it was sequenced."""
    annotation = read_table(folder / "SampleAnnot.csv", f"RNA-seq {folder.name}")
    matrix = read_headless_matrix(folder / file, f"RNA-seq {folder.name}")
    wells = annotation.texts(annotation.need("well_id"))
    if matrix.rows.shape[1] != len(wells):
        raise AtlasError(
            f"{matrix.title} has {matrix.rows.shape[1]} samples, but SampleAnnot.csv has {len(wells)}; the two files "
            "must come from the same, complete archive"
        )
    abundances = np.asarray(matrix.values(), dtype=np.float64)
    totals = abundances.sum(axis=0)
    if not (abundances >= 0).all() or not (totals > 0).all():
        raise AtlasError(
            f"{matrix.title} has negative or missing values, or a sample without any reads; unpack it again"
        )
    return pd.DataFrame(np.log2(1 + 1e6 * abundances / totals), index=matrix.rows.index, columns=wells)


def _locate_wells(folders: dict[Donor, Path], parts: list[pd.DataFrame], microarray: ExpressionAtlas) -> pd.DataFrame:
    """One row per well, with its coordinates and structure from the microarray data."""
    known = microarray.samples.set_index(microarray.samples["well_id"].astype(str))
    samples = []
    for (donor, folder), part in zip(folders.items(), parts, strict=True):
        wells = part.columns.unique()
        is_known = wells.isin(known.index[known["donor_name"] == donor.donor_name])
        if not is_known.all():
            raise AtlasError(
                f"{(~is_known).sum()} of the {len(wells)} wells of {folder.name} are not among the samples of donor "
                f"{donor} in {microarray.name} (first: {wells[~is_known][0]}); open the microarray data of this donor"
            )
        samples.append(known.loc[wells, _WELL_COLUMNS].assign(well_id=wells, donor_name=donor.donor_name))
    return pd.concat(samples, ignore_index=True)


def _list_genes(genes: InputTable, symbols: pd.Index) -> pd.DataFrame:
    """Symbol and Entrez id of each gene, in the order of the values."""
    known = pd.DataFrame({"gene": genes.texts(genes.need("gene_symbol")), "entrez_id": None})
    if (column := genes.find("entrez_id")) is not None:
        known["entrez_id"] = genes.texts(column)
    known = known.drop_duplicates("gene").set_index("gene")
    return known.reindex(symbols).rename_axis("gene").reset_index()
