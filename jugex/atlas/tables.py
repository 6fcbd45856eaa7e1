"""An atlas from the user's own tables of samples (coordinates, donors) and their expression."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of, shorten
from jugex.atlas.base import (
    DONOR_COLUMNS,
    PROBE_COLUMNS,
    SAMPLE_COLUMNS,
    STRUCTURE_COLUMNS,
    ExpressionAtlas,
    Levels,
    Moments,
    Rows,
)
from jugex.atlas.identity import AtlasSource, FileRecord, Scale
from jugex.atlas.input_tables import (
    InputTable,
    Table,
    Texts,
    first_of,
    read_matrix,
    read_table,
    refuse_duplicates,
    to_texts,
    warn_of_several_genes,
)
from jugex.errors import AtlasError, AtlasWarning, OptionError, warn_user
from jugex.spaces import MNI_SPACE

__all__ = ["TablesAtlas", "UserTables", "Values", "atlas_from_tables", "find_tables", "open_tables"]

#: Scale of the user's values: raw counts, log2 levels, or another scale.
Values = Literal["counts", "log2", "other"]

#: Largest magnitude of a log2 level: 2^40 is a million million.
_LARGEST_LOG2 = 40.0
#: With this many genes, the sum of a sample's counts measures its sequencing depth.
_MIN_GENES_OF_LIBRARY = 1000
_COORDINATES = ("mni_x", "mni_y", "mni_z")
#: Codes that some programs write for a missing value, and a magnitude that no measured expression reaches.
_MISSING_CODES, _LARGEST_EXPRESSION = (-999.0, -9999.0, -99999.0), 1e30
#: Largest magnitude of values of another scale: sums of a hundred million are finite.
_LARGEST_VALUE = 1e300
#: Largest magnitude of a z-score: that of a brain with a million samples.
_LARGEST_ZSCORE = 1000.0
#: A standard deviation of that much of the mean is rounding in double precision.
_ROUNDING = 1e-10
#: In mm along an axis; no brain is so large.
_MAX_COORDINATE = 1000.0
#: Names of the files of a folder of the user's own tables.
_TABLE_FILE = re.compile(
    r"(samples|expression|counts|probes|donors)\.(?:(?:csv|tsv|txt|gct)(?:\.gz)?|parquet)", flags=re.IGNORECASE
)
_NUMPY_SCALAR = re.compile(r"\bnp\.\w+\(([^()]*)\)")
_DEMOGRAPHICS = ("age", "gender", "race")

Floats = npt.NDArray[np.float64]


def atlas_from_tables(
    samples: Table,
    expression: Table,
    probes: Table | None = None,
    donors: Table | None = None,
    *,
    values: Values | None = None,
    space: str = MNI_SPACE,
    name: str | None = None,
    simulated: bool = False,
) -> TablesAtlas:
    """Make an atlas from the user's own tables: another array, RNA-seq, another species.

    Each table is a DataFrame or a file: CSV or TSV, also gzipped, or Parquet; expression also GCT or GEO's series
    matrix. Samples are matched by id, never by their order, and must be the same in both tables; ids that R has turned
    into names (``X12345`` for 12345, ``S.1`` for S-1) are recognised.

    Parameters
    ----------
    samples : DataFrame or path
        One row per sample: its coordinates in mm (`mni_x`, `mni_y`, `mni_z`; or `x`, `y`, `z`; or `mni_xyz`, a tuple or
        a text like ``"(1, 2, 3)"``) and `donor_name` (or `donor`). Its id is `sample_id`, else `well_id`, else the
        index of the DataFrame. Optional: `structure_id`, `structure_acronym`, `structure_name`, and, without a
        table of donors, `age`, `gender` and `race`. Structures without ids are numbered. If there are structures, the
        coordinates may be left out: regions are then structures (``"structure:ACRONYM"``). Other columns are kept, and
        can be covariates of an analysis.
    expression : DataFrame or path
        Samples x probes (or genes), or probes x samples; the ids tell which. The index, or the first column of a file,
        and the column names hold the ids; the descriptions of a GCT file are its genes if they are symbols. Values
        may be missing: a gene with a missing value in the samples of a comparison is not tested, and the result says
        so. `values` says what the values are.
    probes : DataFrame or path, optional
        One row per probe: `probe_id`, `probe_name`, or both (one of them as in `expression`), `gene` (or
        `gene_symbol`) and, optionally, `entrez_id`. Rows that are not in `expression` are left out, and so are probes
        without a gene, or with several (``TAC1///TAC3``, ``MAOA;TAC1``). Default: columns of `expression` are genes.
    donors : DataFrame or path, optional
        One row per donor: `donor_name`, and optionally `donor_id`, `age` (years), `gender`, `race`, where values may be
        missing.
    values : {'counts', 'log2', 'other'}, optional
        What the expression is. `log2`: log2 levels, used as they are. `counts`: raw counts of RNA-seq, which become
        log2(1 + x), with x in counts per million of the sample's total over the whole table; a table of fewer than
        1,000 genes does not show the sequencing depth, so that x are then the counts themselves, with a warning.
        `other`: any other scale, used as it is; `log2_fc` stays empty, because a difference of such values is not a
        fold change. Default: `log2`, or, if a value is beyond +-40 (which no log2 level is), `other`, with a warning
        that says what to type.
    space : str, default "MNI152NLin2009cAsym"
        Space of the coordinates. Regions must be in the same one: `Region.from_image(..., space=...)`.
    name : str, optional
        What the atlas is called in reports; default: the name of the expression file.
    simulated : bool, default False
        Whether the values are made up; every output says so where they are.

    Returns
    -------
    TablesAtlas
        Its samples are grouped by donor. `well_id` is the sample's id if all ids are whole numbers, else it counts
        from 1, in the order of the table; `sample_id` is the user's id, as text. Z-scores are computed per donor
        over all its samples that have a value (ddof = 0): give all samples, not only those of the regions.

    Raises
    ------
    AtlasError
        If a table cannot be read or lacks a column, the tables do not fit together, or the values are not what
        `values` says.
    OptionError
        If `values` is not one of the three.

    Warns
    -----
    AtlasWarning
        If probes that measure several genes are left out, if levels cannot be log2, or if counts cannot be scaled by
        the size of their library.

    Examples
    --------
    >>> import jugex, pandas
    >>> samples = pandas.DataFrame({
    ...     "sample_id": ["a", "b", "c"], "donor": "D1", "x": [-8, -22, -23], "y": [58, 56, 55], "z": [0, 4, 3],
    ... })
    >>> expression = pandas.DataFrame({"MAOA": [7.1, 5.2, 5.4], "TAC1": [6.0, 4.1, None]}, index=["a", "b", "c"])
    >>> atlas = jugex.atlas_from_tables(samples, expression, name="My RNA-seq")
    >>> atlas.levels(probe_ids=[1]).ravel().tolist()
    [7.1, 5.2, 5.4]
    """
    tables = _read_tables(samples, expression, probes, donors)
    return tables.to_atlas(values=values, space=space, name=name, simulated=simulated)


def find_tables(folder: Path) -> dict[str, Path]:
    """Files of the user's own tables in a folder, by what they hold; empty if there are none.

    Returns
    -------
    dict of str to Path
        Keys `samples`, `expression` or `counts`, and `probes` and `donors` if they are there.

    Raises
    ------
    AtlasError
        If two files hold the same table.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = _TABLE_FILE.fullmatch(path.name)
        if name is None or not path.is_file():
            continue
        what = name[1].lower()
        if what in found:
            raise AtlasError(f"{folder} has both {found[what].name} and {path.name}; keep one of them")
        found[what] = path
    if "samples" not in found or not found.keys() & {"expression", "counts"}:
        return {}
    if {"expression", "counts"} <= found.keys():
        raise AtlasError(f"{folder} has both {found['expression'].name} and {found['counts'].name}; keep one of them")
    return found


def open_tables(folder: Path) -> TablesAtlas:
    """Open a folder of the user's tables (see `find_tables`); ``counts.*`` holds raw counts."""
    files = find_tables(folder)
    expression = files.get("expression") or files["counts"]
    tables = _read_tables(files["samples"], expression, files.get("probes"), files.get("donors"))
    values: Values | None = "counts" if "counts" in files else None
    return replace(tables, path=str(folder)).to_atlas(values=values, space=MNI_SPACE, name=folder.resolve().name)


def _read_tables(samples: Table, expression: Table, probes: Table | None, donors: Table | None) -> UserTables:
    matrix = read_matrix(expression, "expression table")
    if probes is not None:
        probe_table = read_table(probes, "probes table")
    elif matrix.symbols is not None:
        named = pd.DataFrame({"probe_name": to_texts(matrix.rows.index), "gene": matrix.symbols})
        probe_table = InputTable(named, matrix.title)
    else:
        probe_table = None
    return UserTables(
        samples=read_table(samples, "samples table"),
        expression=matrix,
        probes=probe_table,
        donors=None if donors is None else read_table(donors, "donors table"),
    )


@dataclass(frozen=True, eq=False)
class UserTables:
    """Tables as read, from which `to_atlas` makes an atlas; see `atlas_from_tables`.

    Attributes
    ----------
    samples, expression : InputTable
        Samples, and the matrix: samples x probes or probes x samples.
    probes, donors : InputTable, optional
        As for `atlas_from_tables`.
    zscores : InputTable, optional
        Z-scores, with the rows and columns of `expression`; default: computed.
    structures : DataFrame, optional
        Structures, with columns `STRUCTURE_COLUMNS`; default: none.
    is_samples_by_probes : bool
        Whether rows of `expression` are known to be samples; else the ids decide.
    kind, path : str
        Kind of source, and what opens it again, as in `AtlasSource`.
    files : sequence of FileRecord
        Files that the tables come from, besides their own.
    """

    samples: InputTable
    expression: InputTable
    probes: InputTable | None = None
    donors: InputTable | None = None
    zscores: InputTable | None = None
    structures: pd.DataFrame | None = None
    is_samples_by_probes: bool = False
    kind: str = "tables"
    path: str | None = None
    files: Sequence[FileRecord] = ()

    def to_atlas(
        self, *, values: Values | None = None, space: str, name: str | None, simulated: bool = False
    ) -> TablesAtlas:
        """Match the tables by ids and check them; samples are grouped by donor."""
        samples = _describe_samples(self.samples)
        ids = samples["sample_id"].to_numpy()
        expression = self.expression
        if not self.is_samples_by_probes:
            expression = _orient_samples_as_rows(_undo_r_names(expression, ids, self.probes), ids, self.probes)
        _check_same_samples(ids, expression, self.samples.title)
        probes, columns, n_several = _describe_probes(self.probes, expression)
        warn_of_several_genes(n_several, (self.probes or expression).title)
        samples = samples.iloc[np.argsort(pd.factorize(samples["donor_name"])[0], kind="stable")]
        samples = samples.reset_index(drop=True)
        samples["sample"] = samples.groupby("donor_name", sort=False).cumcount()
        place = np.ix_(expression.rows.index.get_indexer(pd.Index(samples["sample_id"])), columns)
        tables = [table for table in (self.samples, self.expression, self.probes, self.donors) if table is not None]
        levels, scale = _to_levels(expression, values)
        given = self.expression.title.removeprefix("expression table ")
        return TablesAtlas(
            name=name or (given if self.expression.file else "user's expression data"),
            samples=samples,
            probes=probes,
            donors=_describe_donors(self.donors or self.samples, samples["donor_name"]),
            levels=np.ascontiguousarray(levels[place]),
            scale=scale,
            zscores=None if self.zscores is None else _check_zscores(self.zscores)[place],
            space=space,
            simulated=simulated,
            n_several_genes=n_several,
            structures=self.structures,
            kind=self.kind,
            path=self.path,
            files=[*self.files, *(table.file for table in tables if table.file is not None)],
        )


class TablesAtlas(ExpressionAtlas):
    """The user's own expression data, made by `jugex.atlas_from_tables` and the functions for other formats.

    Values may be missing, and there may be any number of donors. Besides the columns that every atlas has, `samples`
    has `sample_id`, the user's id of each sample. The columns `mni_x`, `mni_y`, `mni_z` hold coordinates in mm in
    `space`, even if that is not an MNI space.

    Parameters
    ----------
    name : str
        What the atlas is called in reports.
    samples, probes, donors : DataFrame
        With the columns of every atlas; samples are grouped by donor.
    levels : ndarray of float, shape (n samples, p probes)
        Expression levels; NaN where missing.
    scale : str
        Scale of the levels, see `jugex.atlas.identity.Scale`.
    zscores : ndarray of float64, shape (n, p), optional
        Z-scores to use as they are; default: computed from the levels, over all samples of a donor that have a value.
    space : str
        Space of the coordinates.
    simulated : bool
        Whether the values are made up.
    n_several_genes : int
        Probes that were left out because each measures several genes.
    structures : DataFrame, optional
        Structures of the samples; default: none.
    kind, path : str
        Kind of source, and what opens it again, as in `AtlasSource`.
    files : sequence of FileRecord
        The files that the values come from.
    """

    def __init__(
        self,
        *,
        name: str,
        samples: pd.DataFrame,
        probes: pd.DataFrame,
        donors: pd.DataFrame,
        levels: Levels,
        scale: Scale = "log2",
        zscores: Floats | None = None,
        space: str = MNI_SPACE,
        simulated: bool = False,
        n_several_genes: int = 0,
        structures: pd.DataFrame | None = None,
        kind: str = "tables",
        path: str | None = None,
        files: Sequence[FileRecord] = (),
    ) -> None:
        self._name = name
        self.samples, self.probes, self.donors = samples, probes, donors
        self.structures = pd.DataFrame(columns=list(STRUCTURE_COLUMNS)) if structures is None else structures
        self.space, self.simulated = space, simulated
        self._levels, self._scale, self._zscores = levels, scale, zscores
        self.is_log2 = scale != "other"
        self._files, self._n_several_genes = tuple(files), n_several_genes
        self._kind, self._path = kind, path
        self._checksum: str | None = None

    @property
    def name(self) -> str:
        """What the atlas is called in reports."""
        return self._name

    def _describe_source(self, donor_names: Collection[str]) -> AtlasSource:
        """The files, and a checksum of all values, also of donors that are not in use."""
        del donor_names
        if self._checksum is None:
            self._checksum = self._compute_checksum()
        zscores = "computed" if self._zscores is None else "as given"
        return AtlasSource(
            self._kind,
            path=self._path,
            files=self._files,
            values_sha256=self._checksum,
            zscores=zscores,
            scale=self._scale,
            n_several_genes=self._n_several_genes or None,
        )

    def _compute_checksum(self) -> str:
        """SHA-256 of samples, probes, donors, levels and given z-scores, independent of the form of the input."""
        digest = hashlib.sha256(self.space.encode())
        for table in (self.samples, self.probes, self.donors):
            digest.update(table.to_csv(index=False, lineterminator="\n").encode())
        for values in (self._levels, self._zscores):
            if values is not None:
                digest.update(np.ascontiguousarray(values, dtype=np.float64).data)
        return digest.hexdigest()

    def _read_levels(self, sample_rows: Rows, probe_rows: Rows) -> Levels:
        return self._levels[np.ix_(sample_rows, probe_rows)]

    @cached_property
    def _unit(self) -> Floats:
        """Power of two (p,) by which the levels of each probe are divided, so that squares of any can be added up."""
        largest = np.fmax.reduce(np.abs(self._levels), axis=0, initial=0.0).astype(np.float64)
        scale: Floats = np.ldexp(1.0, np.frexp(np.where(largest > 0, largest, 1.0))[1] - 1)
        return scale

    def _read_moments(self, donor_name: str, probe_rows: Rows) -> Moments:
        """Mean and standard deviation over `_unit`; 0 where levels are constant but for rounding."""
        of_donor = np.flatnonzero((self.samples["donor_name"] == donor_name).to_numpy())
        values = self._levels[np.ix_(of_donor, probe_rows)].astype(np.float64) / self._unit[probe_rows]
        is_there = ~np.isnan(values)
        n = is_there.sum(axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where all values are missing
            mean = np.where(is_there, values, 0.0).sum(axis=0) / n
            sd = np.sqrt(np.where(is_there, (values - mean) ** 2, 0.0).sum(axis=0) / n)
        return mean, np.where(sd <= _ROUNDING * np.abs(mean), 0.0, sd)

    def _standardize(self, levels: Levels, sample_rows: Rows, probe_rows: Rows) -> Floats:
        if self._zscores is None:
            return super()._standardize(levels.astype(np.float64) / self._unit[probe_rows], sample_rows, probe_rows)
        return self._zscores[np.ix_(sample_rows, probe_rows)]


# --- levels


def _to_levels(expression: InputTable, values: Values | None) -> tuple[Levels, Scale]:
    """Levels (samples x probes) and their scale: as the user says, else judged by the largest value."""
    if values is not None and values not in get_args(Values):
        raise OptionError(f"values must be one of {', '.join(get_args(Values))}; got {values!r}")
    levels = expression.values()
    lowest, highest = float(np.nanmin(levels, initial=0.0)), float(np.nanmax(levels, initial=0.0))
    largest = max(lowest, highest, key=abs)
    can_be_log2 = abs(largest) <= _LARGEST_LOG2
    if values in ("counts", "other") and abs(largest) > _LARGEST_VALUE:
        raise AtlasError(
            f"{expression.title} has a value of {largest:g}, and the sum of such values is more than a number "
            "can hold; divide all values by a power of 10"
        )
    if values == "counts":
        return _take_log2_of_counts(levels, expression)
    if values == "log2" and not can_be_log2:
        raise AtlasError(
            f"{expression.title} has a value of {largest:g}, which no log2 level can be; give values='counts' for raw "
            "counts, values='other' for another scale, or the log2 of these values"
        )
    if values is None and (lowest in _MISSING_CODES or abs(largest) >= _LARGEST_EXPRESSION):
        code = lowest if lowest in _MISSING_CODES else largest
        raise AtlasError(
            f"{expression.title} has a value of {code:g}, which some programs write for a missing value; leave such "
            "cells empty (values='other' keeps them)"
        )
    if values is None and not can_be_log2:
        warn_user(
            f"{expression.title} has a value of {largest:g}: these are not log2 levels, so they are used as they are "
            "and log2_fc stays empty; for raw counts give values='counts' (log2(1 + counts per million)), else the "
            "log2 of these values, or values='other' to keep them",
            AtlasWarning,
        )
    return levels, "log2" if can_be_log2 and values != "other" else "other"


def _check_zscores(table: InputTable) -> Floats:
    """Z-scores, none of which lies farther off than it can over all samples of a brain."""
    zscores = np.asarray(table.values(), dtype=np.float64)
    largest = float(np.fmax.reduce(np.abs(zscores), axis=None, initial=0.0))
    if largest > _LARGEST_ZSCORE:
        raise AtlasError(
            f"{table.title} has a z-score of {largest:g}, and among n samples none is farther from 0 than sqrt(n - 1); "
            "give z-scores over all samples of a donor"
        )
    return zscores


def _take_log2_of_counts(counts: Levels, expression: InputTable) -> tuple[Levels, Scale]:
    """log2(1 + x), where x are counts per million of their sample, or counts if the table has too few genes."""
    if np.nanmin(counts, initial=0.0) < 0:
        raise AtlasError(
            f"{expression.title} has a value of {np.nanmin(counts):g}, but counts are never negative; give "
            "values='log2' or values='other'"
        )
    if counts.shape[1] < _MIN_GENES_OF_LIBRARY:
        warn_user(
            f"{expression.title} has counts of {count_of(counts.shape[1], 'gene')}, too few to say how deep each "
            "sample was sequenced: log2(1 + count) is taken; give all genes, or log2 levels normalised for depth",
            AtlasWarning,
        )
        return np.log2(1.0 + counts), "log2-counts"
    totals = np.where(np.isnan(counts), 0.0, counts).sum(axis=1, dtype=np.float64)
    if not (totals > 0).all():
        first = first_of(to_texts(expression.rows.index), totals <= 0)
        raise AtlasError(f"{expression.title}: sample {first!r} has no counts; leave it out of both tables")
    return np.log2(1.0 + 1e6 * counts / totals[:, np.newaxis]), "log2-counts-per-million"


# --- samples and donors


def _describe_samples(table: InputTable) -> pd.DataFrame:
    """Samples with columns `SAMPLE_COLUMNS`, `sample_id` and the user's own, in the order of the table."""
    column = table.find("sample_id", "well_id")
    ids = to_texts(table.rows.index) if column is None else table.texts(column)
    refuse_duplicates(ids, "sample", table.title)
    described = pd.DataFrame({"well_id": _number_ids(ids), "sample_id": ids})
    described["donor_name"] = table.texts(table.need("donor_name", "donor"))
    if (described["donor_name"] == "").any():
        first = first_of(ids, (described["donor_name"] == "").to_numpy())
        raise AtlasError(f"{table.title}: sample {first!r} has no donor; name the donor of every sample")
    described["sample"] = described.groupby("donor_name", sort=False).cumcount()
    described[list(_COORDINATES)] = _find_coordinates(table, ids)
    for column in ("structure_acronym", "structure_name"):
        described[column] = table.texts(table.find(column))
    described["structure_id"] = table.whole_numbers("structure_id")
    if table.find("structure_id") is None:
        described["structure_id"] = _number_structures(described)
    known = {*SAMPLE_COLUMNS, *DONOR_COLUMNS, "sample_id", "donor", "x", "y", "z", "mni_xyz", "sex"}
    others = [column for column in table.rows.columns if str(column).lower() not in known]
    return described[[*SAMPLE_COLUMNS, "sample_id"]].join(table.rows[others].reset_index(drop=True))


def _describe_donors(table: InputTable, donor_names: pd.Series) -> pd.DataFrame:
    """Donors with columns `DONOR_COLUMNS`, in the order of their samples; None where unknown."""
    order = list(dict.fromkeys(donor_names))
    names = table.texts(table.need("donor_name", "donor"))
    missing = [name for name in order if name not in set(names)]
    if missing:
        raise AtlasError(
            f"{table.title} has no row for {count_of(len(missing), 'donor')} of the samples (first: {missing[0]!r}); "
            "add one for each donor"
        )
    known = pd.DataFrame({"donor_name": names})
    for column in _DEMOGRAPHICS:
        known[column] = _find_demographics(table, column)
    donors = known.groupby("donor_name", sort=False)
    for column in _DEMOGRAPHICS:
        counts = donors[column].nunique()
        if (counts > 1).any():
            name = counts.index[counts.to_numpy() > 1][0]
            raise AtlasError(f"{table.title}: donor {name!r} has more than one {column}; give each donor one")
    described = donors.first().reindex(order).reset_index()
    described["donor_id"] = _number_donors(table, names, order)
    described = described[list(DONOR_COLUMNS)].astype(dict.fromkeys(_DEMOGRAPHICS, object))
    return described.where(described.notna(), None)


def _number_ids(ids: Texts) -> npt.NDArray[np.int64]:
    """Whole numbers (n,) for ids (n,): the ids themselves if all are whole numbers and differ, else 1 to n."""
    if all(re.fullmatch(r"-?\d{1,18}", text) for text in ids):
        numbers = ids.astype(np.int64)
        if len(np.unique(numbers)) == len(numbers):
            return np.asarray(numbers)
    return np.arange(1, len(ids) + 1, dtype=np.int64)


def _number_structures(samples: pd.DataFrame) -> Any:
    """Numbers from 1 for structures that differ in acronym or name; missing where a sample has neither."""
    called = samples["structure_acronym"] + "\n" + samples["structure_name"]
    numbers = pd.Series(pd.factorize(called)[0] + 1, dtype="Int64")
    return numbers.mask((called == "\n").to_numpy()).array


def _find_coordinates(table: InputTable, ids: Texts) -> npt.NDArray[np.float64]:
    """Coordinates (n, 3) in mm; all NaN if the table has structures instead."""
    if not table.find("mni_x", "mni_y", "mni_z", "mni_xyz", "x", "y", "z") and table.find(
        "structure_id", "structure_acronym", "structure_name"
    ):
        return np.full((len(ids), 3), np.nan)
    if table.find("mni_xyz") and not table.find("mni_x"):
        points = _parse_points(table, table.need("mni_xyz"))
    else:
        prefix = "mni_" if table.find("mni_x") or not table.find("x") else ""
        points = np.column_stack([table.numbers(table.need(f"{prefix}{axis}")) for axis in "xyz"])
    is_bad = np.asarray(~np.isfinite(points).all(axis=1))
    if is_bad.any():
        raise AtlasError(
            f"{table.title}: {int(is_bad.sum())} samples have no finite coordinates (first: "
            f"{first_of(ids, is_bad)!r}); give x, y, z in mm, or leave these samples out of both tables"
        )
    is_far = np.asarray((np.abs(points) > _MAX_COORDINATE).any(axis=1))
    if is_far.any():
        raise AtlasError(
            f"{table.title}: sample {first_of(ids, is_far)!r} has a coordinate of {np.abs(points).max():g} mm, but no "
            f"brain reaches {_MAX_COORDINATE:g} mm; give x, y, z in mm, or leave such samples out of both tables"
        )
    return points


def _parse_points(table: InputTable, column: str) -> npt.NDArray[np.float64]:
    points = np.empty((len(table.rows), 3))
    for row, value in enumerate(table.rows[column]):
        try:
            # NumPy 2 writes (np.float64(1.5), ...)
            parsed = ast.literal_eval(_NUMPY_SCALAR.sub(r"\1", value)) if isinstance(value, str) else value
            points[row] = np.asarray(parsed, dtype=np.float64).reshape(3)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise AtlasError(
                f"{table.title}, row {row + 1}: {column} is {shorten(str(value))!r}, where (x, y, z) in mm is needed"
            ) from None
    return points


def _find_demographics(table: InputTable, column: str) -> Any:
    found = table.find(column, "sex") if column == "gender" else table.find(column)
    if column == "age" and found is not None:
        years = table.numbers(found).tolist()
        return pd.Series([None if age != age else int(age) if age.is_integer() else age for age in years], dtype=object)
    texts = table.texts(found)
    return pd.Series([None if text in ("", "nan") else text for text in texts], dtype=object)


def _number_donors(table: InputTable, names: Texts, order: list[str]) -> npt.NDArray[np.int64]:
    column = table.find("donor_id")
    if column is None:
        return np.arange(1, len(order) + 1)
    ids = dict(zip(names[::-1], table.texts(column)[::-1], strict=True))
    return _number_ids(np.array([ids[name] for name in order], dtype=object))


# --- probes, and whether they are the rows or the columns of the expression


def _undo_r_names(matrix: InputTable, sample_ids: Texts, probes: InputTable | None) -> InputTable:
    """Matrix with the original ids of samples and probes, if R's make.names has changed them."""
    rows = matrix.rows
    known = [sample_ids, *([] if probes is None else _list_probe_ids(probes).values())]
    for axis in (0, 1):
        labels = rows.axes[axis]
        if any(labels.isin(ids).any() for ids in known):
            continue
        for ids in known:
            meant = pd.Series(ids, index=[_to_r_name(text) for text in ids])
            if labels.isin(meant.index).all() and meant.index.is_unique:
                rows = rows.set_axis(pd.Index(meant[labels].to_numpy(dtype=object)), axis=axis)
                break
    return InputTable(rows, matrix.title, matrix.file)


def _to_r_name(text: str) -> str:
    name = re.sub(r"[^\w.]", ".", text)
    return name if re.match(r"[^\W\d_]|\.(?!\d)", name) else f"X{name}"


def _orient_samples_as_rows(matrix: InputTable, sample_ids: Texts, probes: InputTable | None) -> InputTable:
    """Matrix with samples as rows; the ids of samples tell, and those of probes if both sides have ids of samples."""
    rows, columns = matrix.rows.index, matrix.rows.columns
    known = None if probes is None else {text for texts in _list_probe_ids(probes).values() for text in texts}
    fits_as_is = rows.isin(sample_ids).any() and (known is None or columns.isin(known).any())
    fits_transposed = columns.isin(sample_ids).any() and (known is None or rows.isin(known).any())
    if fits_as_is and fits_transposed:
        raise AtlasError(
            f"{matrix.title} has ids of samples both in its rows and in its columns (such as {rows[0]!r} and "
            f"{columns[0]!r}), so that samples and probes cannot be told apart; give them ids that differ"
        )
    if fits_transposed or (not fits_as_is and columns.isin(sample_ids).any()):
        return InputTable(matrix.rows.T, matrix.title, matrix.file)
    if rows.isin(sample_ids).any():
        return matrix
    if all(re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) for text in (*rows[:100], *columns[:100])):
        raise AtlasError(
            f"{matrix.title} has only numbers along both sides ({rows[0]!r}, ...; {columns[0]!r}, ...), none of them "
            f"the id of a sample (such as {sample_ids[0]!r}): it seems to have no header, as BrainSpan's "
            "expression_matrix.csv; add the ids of its columns as a first line"
        )
    raise AtlasError(
        f"{matrix.title} has none of the {len(sample_ids):,} samples (first: {sample_ids[0]!r}): its rows are called "
        f"{rows[0]!r} and so on, its columns {columns[0]!r}; give the samples the same ids in both tables"
    )


def _check_same_samples(sample_ids: Texts, matrix: InputTable, title: str) -> None:
    in_matrix = to_texts(matrix.rows.index)
    refuse_duplicates(in_matrix, "sample", matrix.title)
    for ids, others, here, there in (
        (sample_ids, in_matrix, title, matrix.title),
        (in_matrix, sample_ids, matrix.title, title),
    ):
        is_unmatched = ~pd.Index(ids).isin(others)
        if is_unmatched.any():
            raise AtlasError(
                f"{int(is_unmatched.sum())} of the {len(ids):,} samples of {here} are not in {there} (first: "
                f"{first_of(ids, is_unmatched)!r}); leave them out, or correct their ids"
            )


def _list_probe_ids(probes: InputTable) -> dict[str, Texts]:
    """Ids that the columns of the expression may have, by the column of the probe table that holds them."""
    columns = [probes.find("probe_id"), probes.find("probe_name"), probes.find("gene", "gene_symbol")]
    return {column: probes.texts(column) for column in columns if column is not None}


def _describe_probes(table: InputTable | None, matrix: InputTable) -> tuple[pd.DataFrame, npt.NDArray[np.intp], int]:
    """Probes with columns `PROBE_COLUMNS`, the matrix column of each, and how many others measure several genes."""
    names = to_texts(matrix.rows.columns)
    refuse_duplicates(names, "gene" if table is None else "probe", matrix.title)
    if table is None:
        table = InputTable(pd.DataFrame({"gene": names}), matrix.title)
    gene_column = table.need("gene", "gene_symbol")
    rows = _match_probes(table, names, matrix.title)
    id_column = table.find("probe_id")
    ids = table.texts(id_column)[rows] if id_column else names
    called = table.find("probe_name") or id_column or gene_column
    described = pd.DataFrame({"probe_id": _number_ids(ids), "probe_name": table.texts(called)[rows]})
    genes = table.genes(gene_column).iloc[rows].reset_index(drop=True)
    described[["gene", "entrez_id"]] = genes[["gene", "entrez_id"]]
    has_gene = ((genes["gene"] != "") & ~genes["has_several"]).to_numpy()
    if not has_gene.any():
        raise AtlasError(
            f"{table.title} gives none of the {len(names):,} probes one gene; fill its column {gene_column!r}"
        )
    kept = described.loc[has_gene, list(PROBE_COLUMNS)].reset_index(drop=True)
    return kept, np.flatnonzero(has_gene), int(genes["has_several"].sum())


def _match_probes(table: InputTable, names: Texts, title: str) -> npt.NDArray[np.intp]:
    """Row of the table of probes for each column of the matrix."""
    candidates = _list_probe_ids(table)
    covered = {column: pd.Index(names).isin(ids) for column, ids in candidates.items()}
    best = max(covered, key=lambda column: int(covered[column].sum()))
    is_unmatched = ~covered[best]
    if is_unmatched.any():
        raise AtlasError(
            f"{table.title} does not cover {int(is_unmatched.sum())} of the {len(names):,} probes of {title} (first: "
            f"{first_of(names, is_unmatched)!r}, compared with its column {best!r}); add them, or leave them "
            "out of both"
        )
    known = pd.Index(candidates[best])
    used = known[known.isin(names)]
    refuse_duplicates(used.to_numpy(dtype=object), "probe", table.title)
    rows = pd.Series(np.arange(len(known)), index=known)
    return rows[~known.duplicated()].reindex(names).to_numpy(dtype=np.intp)
