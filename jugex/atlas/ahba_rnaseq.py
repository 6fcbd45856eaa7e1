"""RNA-seq of the Allen Human Brain Atlas: two of its donors, in the samples that the microarray measured too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from jugex.atlas.allen import DONORS, Donor, donor_table, tell_donor
from jugex.atlas.base import ExpressionAtlas
from jugex.atlas.in_memory import TablesAtlas
from jugex.atlas.user_files import UserTable, describe_file, read_annotation, read_headless, texts_of, to_levels
from jugex.atlas.user_tables import build_atlas
from jugex.errors import AtlasError, OptionError

__all__ = ["RnaseqValues", "atlas_from_ahba_rnaseq"]

#: Which of the Allen Institute's tables of RNA-seq is read.
RnaseqValues = Literal["tpm", "counts"]

_FILES = {"tpm": "RNAseqTPM.csv", "counts": "RNAseqCounts.csv"}
_OF_SAMPLE = ["structure_id", "structure_acronym", "structure_name", "mni_x", "mni_y", "mni_z"]


def atlas_from_ahba_rnaseq(
    path: str | os.PathLike[str], microarray: ExpressionAtlas, *, values: RnaseqValues = "tpm"
) -> TablesAtlas:
    """Make an atlas of the Allen Institute's RNA-seq data (donors 9861 and 10021, about 120 samples each).

    The files hold no coordinates: each sample's are those of the well of the same number in the microarray data, and
    so are its structure's. The levels are log2(1 + x), x scaled to one million per sample, which for `values` "tpm" are
    transcripts and for "counts" fragments per million. Rows of one well are technical replicates: their levels are
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
        Where there is no such folder, its files do not fit together, or the microarray data lack one of its wells.
    OptionError
        Where `values` is neither of the two.

    Notes
    -----
    What is assumed of the files, from how others document and read them (abagen's `io.read_tpm`, `read_counts`,
    `read_annotation` and `read_genes`): ``RNAseqTPM.csv`` and ``RNAseqCounts.csv`` have no header, and per row a gene
    symbol, then one value per sample, in the order of the rows of ``SampleAnnot.csv``, which has the column `well_id`;
    ``Genes.csv`` has `gene_symbol` and `entrez_id`. The donor is told by the name of the folder.

    Examples
    --------
    >>> # not run: needs the RNA-seq files and the donor archives
    >>> import jugex
    >>> rnaseq = jugex.atlas_from_ahba_rnaseq("rnaseq/", jugex.open_atlas("ahba/"))  # doctest: +SKIP
    """
    if values not in _FILES:
        raise OptionError(f"values is one of {', '.join(get_args(RnaseqValues))}; got {values!r}")
    folders = _find_folders(Path(path).expanduser(), _FILES[values])
    parts = [_read_levels(folder, _FILES[values]) for folder in folders.values()]
    levels = pd.concat([part.T.groupby(level=0, sort=False).mean() for part in parts])
    samples = _find_samples(folders, parts, microarray)
    genes = read_annotation(next(iter(folders.values())) / "Genes.csv", "gene table")
    names = [_FILES[values], "SampleAnnot.csv"]
    atlas = build_atlas(
        UserTable(samples, "SampleAnnot.csv"),
        UserTable(levels, _FILES[values]),
        UserTable(_describe_genes(genes, levels.columns), genes.title, genes.file),
        UserTable(donor_table(folders), "donors"),
        space=microarray.space,
        name=f"Allen Human Brain Atlas, RNA-seq ({values})",
        simulated=microarray.simulated,
        files=[describe_file(folder / name, "RNA-seq file") for folder in folders.values() for name in names],
    )
    return atlas


def _find_folders(path: Path, file: str) -> dict[Donor, Path]:
    """Folders of donors, in the order of `DONORS`."""
    candidates = [path] if (path / file).is_file() else sorted(path.glob(f"*/{file}"))
    folders: dict[Donor, Path] = {}
    for candidate in candidates:
        folder = path if candidate == path else candidate.parent
        donor = tell_donor(folder.name)
        if donor is None:
            raise AtlasError(f"the name of {folder} tells no donor; call it rnaseq_donor9861 or rnaseq_donor10021")
        if donor in folders:
            raise AtlasError(f"{folders[donor]} and {folder} both hold donor {donor}; keep one of them")
        folders[donor] = folder
    if not folders:
        raise AtlasError(f"no {file} in {path} or in a folder of it; unpack the RNA-seq archives and name their folder")
    return {donor: folders[donor] for donor in DONORS if donor in folders}


def _read_levels(folder: Path, file: str) -> pd.DataFrame:
    """log2(1 + x per million), genes x wells; a well comes as often as it was sequenced."""
    annotation = read_annotation(folder / "SampleAnnot.csv", f"RNA-seq {folder.name}")
    matrix = read_headless(folder / file, f"RNA-seq {folder.name}")
    wells = texts_of(annotation, annotation.need("well_id"))
    if matrix.rows.shape[1] != len(wells):
        raise AtlasError(
            f"{matrix.title} has {matrix.rows.shape[1]} samples, but SampleAnnot.csv has {len(wells)}; the two files "
            "must come from the same, complete archive"
        )
    amounts = np.asarray(to_levels(matrix), dtype=np.float64)
    totals = amounts.sum(axis=0)
    if not (amounts >= 0).all() or not (totals > 0).all():
        raise AtlasError(f"{matrix.title} has negative or missing values, or a sample of zeros; unpack it again")
    return pd.DataFrame(np.log2(1 + 1e6 * amounts / totals), index=matrix.rows.index, columns=wells)


def _find_samples(folders: dict[Donor, Path], parts: list[pd.DataFrame], microarray: ExpressionAtlas) -> pd.DataFrame:
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
        samples.append(known.loc[wells, _OF_SAMPLE].assign(well_id=wells, donor_name=donor.donor_name))
    return pd.concat(samples, ignore_index=True)


def _describe_genes(genes: UserTable, symbols: pd.Index) -> pd.DataFrame:
    """Symbol and Entrez id of each gene, in the order of the values."""
    known = pd.DataFrame({"gene": texts_of(genes, genes.need("gene_symbol")), "entrez_id": None})
    if (column := genes.find("entrez_id")) is not None:
        known["entrez_id"] = texts_of(genes, column)
    known = known.drop_duplicates("gene").set_index("gene")
    return known.reindex(symbols).rename_axis("gene").reset_index()
