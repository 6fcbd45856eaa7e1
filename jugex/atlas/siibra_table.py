"""An atlas from the tidy table of expression that siibra returns, and that `jugex query` writes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jugex.atlas.in_memory import TablesAtlas
from jugex.atlas.user_files import Table, UserTable, numbers_of, read_annotation, texts_of
from jugex.atlas.user_tables import describe_donors, describe_samples, number_ids
from jugex.errors import AtlasError
from jugex.spaces import MNI_SPACE

__all__ = ["atlas_from_siibra"]

_OF_SAMPLE = ("mni_xyz", "structure_acronym", "structure_name", "age", "gender", "race")


def atlas_from_siibra(table: Table, *, space: str = MNI_SPACE, name: str | None = None) -> TablesAtlas:
    """Make an atlas from siibra's table of expression, in which a row is one probe in one sample.

    Such a table holds only the samples of the regions that it was asked for (and perhaps only some genes), so that
    z-scores over all samples of a donor cannot be computed from it: its own column `zscore` is used as it is. Tables
    of several regions can be put together with `pandas.concat`; rows that come twice count once.

    Parameters
    ----------
    table : DataFrame or path
        CSV, TSV or Parquet with the columns `level`, `zscore`, `gene`, `mni_xyz` (tuple, or text like
        ``"(1, 2, 3)"``), `sample`, `probe_id`, `donor_name`, and optionally `race`, `gender`, `age`, `well_id`,
        `structure_acronym`, `structure_name`. A sample is known by `well_id`, else by `donor_name` and `sample`.
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
        Where the table cannot be read, lacks a column, or contradicts itself.

    Examples
    --------
    >>> import jugex, pandas
    >>> regions = jugex.demo_regions()
    >>> tables = [jugex.query.expressions(region, ["MAOA", "TAC1"], atlas="simulated") for region in regions]
    >>> atlas = jugex.atlas_from_siibra(pandas.concat(tables), name="Two regions")
    >>> len(atlas.probes)
    44
    """
    read = read_annotation(table, "siibra table")
    rows = _index_rows(read)
    samples = _find_samples(read, rows)
    probes = _find_probes(read, rows)
    levels = _pivot(rows, "level", samples, probes)
    zscores = _pivot(rows, "zscore", samples, probes)
    described = describe_samples(UserTable(samples, read.title))
    order = np.lexsort((samples["sample"].to_numpy(), pd.factorize(described["donor_name"])[0]))
    described = described.iloc[order].reset_index(drop=True)
    return TablesAtlas(
        name=name or (read.title.removeprefix("siibra table ") if read.file else "siibra table"),
        samples=described.assign(sample=samples["sample"].to_numpy()[order]),
        probes=probes.assign(probe_id=number_ids(probes["probe_name"].to_numpy(dtype=object))),
        donors=describe_donors(UserTable(samples, read.title), described["donor_name"]),
        levels=levels[order],
        zscores=zscores[order],
        space=space,
        files=[] if read.file is None else [read.file],
    )


def _index_rows(table: UserTable) -> pd.DataFrame:
    """Sample, probe and values of each row, with the row's number; each sample and probe once."""
    numbers = {column: numbers_of(table, table.need(column)) for column in ("level", "zscore")}
    donor, sample = (texts_of(table, table.need(column)) for column in ("donor_name", "sample"))
    wells = table.find("well_id")
    rows = pd.DataFrame(numbers)
    rows["sample_id"] = texts_of(table, wells) if wells else donor + np.full(len(donor), " ", dtype=object) + sample
    rows["probe"] = texts_of(table, table.need("probe_id"))
    rows["gene"] = texts_of(table, table.need("gene"))
    rows["row"] = np.arange(len(rows))
    if ((rows["gene"] == "") | (rows["probe"] == "") | (sample == "")).any():
        raise AtlasError(f"{table.title} has rows without a gene, probe_id or sample; every row needs all of them")
    key = ["sample_id", "probe"]
    rows = rows.drop_duplicates([*key, "level", "zscore"])
    repeated = rows.duplicated(key)
    if repeated.any():
        first = rows[repeated].iloc[0]
        raise AtlasError(
            f"{table.title} has different values for probe {first['probe']!r} in sample {first['sample_id']!r}; each "
            "sample and probe has one"
        )
    return rows


def _find_samples(table: UserTable, rows: pd.DataFrame) -> pd.DataFrame:
    """One row per sample, as `describe_samples` reads them; `sample` is the number that the table gives it."""
    rows = rows.assign(donor_name=texts_of(table, table.need("donor_name"))[rows["row"].to_numpy()])
    rows["sample"] = numbers_of(table, table.need("sample"))[rows["row"].to_numpy()].astype(np.int64)
    table.need("mni_xyz")
    columns = ["sample_id", "donor_name", "sample"]
    for column in _OF_SAMPLE:
        if (found := table.find(column)) is not None:
            rows[column] = table.rows[found].to_numpy()[rows["row"].to_numpy()]
            columns.append(column)
    as_text = rows.assign(mni_xyz=rows["mni_xyz"].astype(str))
    differing = as_text.groupby("sample_id")[["donor_name", "mni_xyz"]].nunique().gt(1).any(axis=1)
    if differing.any():
        raise AtlasError(
            f"{table.title} gives sample {differing.index[differing.to_numpy()][0]!r} more than one donor or "
            "coordinate; each sample has one"
        )
    return rows.drop_duplicates("sample_id")[columns].reset_index(drop=True)


def _find_probes(table: UserTable, rows: pd.DataFrame) -> pd.DataFrame:
    """Probes in the order in which they come; siibra's table has no names of probes and no Entrez ids."""
    probes = rows.drop_duplicates(["probe", "gene"])
    repeated = probes["probe"].duplicated()
    if repeated.any():
        raise AtlasError(f"{table.title} gives probe {probes.loc[repeated, 'probe'].iloc[0]!r} more than one gene")
    names = probes["probe"].to_numpy()
    missing = pd.array([pd.NA] * len(names), dtype="Int64")
    described = {"probe_id": names, "probe_name": names, "gene": probes["gene"].to_numpy(), "entrez_id": missing}
    return pd.DataFrame(described)


def _pivot(rows: pd.DataFrame, column: str, samples: pd.DataFrame, probes: pd.DataFrame) -> np.ndarray:
    """Values (n samples, p probes) of a column; NaN where a sample has no row for a probe."""
    values = np.full((len(samples), len(probes)), np.nan)
    at_sample = pd.Index(samples["sample_id"]).get_indexer(rows["sample_id"])
    at_probe = pd.Index(probes["probe_name"]).get_indexer(rows["probe"])
    values[at_sample, at_probe] = rows[column].to_numpy()
    return values
