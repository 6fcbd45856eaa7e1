"""Re-annotation of probes: tables that say anew which gene each probe measures."""

from __future__ import annotations

import os

import pandas as pd

from jugex._text import DelimitedTable, find_column, read_delimited
from jugex.errors import AtlasError

__all__ = ["Reannotation", "read_reannotation"]


class Reannotation:
    """Genes of probes, by name of the probe.

    Attributes
    ----------
    source : DelimitedTable
        The table as it was read.
    table : DataFrame
        `gene`, `entrez_id` (nullable int), indexed by `probe_name`; probes without a gene are left out.
    """

    def __init__(self, source: DelimitedTable, table: pd.DataFrame) -> None:
        self.source = source
        self.table = table


def read_reannotation(path: str | os.PathLike[str]) -> Reannotation:
    """Read which gene each probe measures.

    Parameters
    ----------
    path : path-like
        Table in CSV or TSV, gzipped or not, with the columns `probe_name`, `gene_symbol` and `entrez_id`: the form of
        the table that abagen distributes, made from the re-annotation of Arnatkeviciute, Fulcher and Fornito (2019),
        doi 10.1016/j.neuroimage.2019.01.011. A probe with an empty symbol measures no gene.

    Returns
    -------
    Reannotation

    Raises
    ------
    AtlasError
        Where the file cannot be read, lacks a column, or gives a probe two genes.
    """
    source = read_delimited(path, what="re-annotation table", error=AtlasError)
    columns = list(source.rows.columns)
    found = [find_column(columns, names) for names in (("probe_name",), ("gene_symbol", "gene"), ("entrez_id",))]
    if None in found:
        raise AtlasError(
            f"re-annotation table {path} has the columns {', '.join(columns)}; needed are probe_name, gene_symbol and "
            "entrez_id"
        )
    table = pd.DataFrame(
        {name: source.rows[column] for name, column in zip(("probe_name", "gene", "entrez_id"), found, strict=True)}
    )
    table["entrez_id"] = _parse_ids(table["entrez_id"], source.file)
    table = table[~table["gene"].str.lower().isin(("", "na", "nan"))].drop_duplicates()
    if table["probe_name"].duplicated().any():
        name = table.loc[table["probe_name"].duplicated(), "probe_name"].iloc[0]
        raise AtlasError(f"re-annotation table {path} gives probe {name} two genes; keep one of them")
    return Reannotation(source, table.set_index("probe_name"))


def _parse_ids(cells: pd.Series, file: str) -> pd.Series:
    text = cells.str.removesuffix(".0")
    is_empty = text.str.lower().isin(("", "na", "nan"))
    is_bad = ~(text.str.fullmatch(r"\d+") | is_empty)
    if is_bad.any():
        row = int(is_bad.to_numpy().argmax())
        raise AtlasError(
            f"re-annotation table {file}, row {row + 1} below the header: entrez_id is {cells.iloc[row]!r}, where a "
            "whole number is needed"
        )
    return pd.to_numeric(text.mask(is_empty)).astype("Int64")
