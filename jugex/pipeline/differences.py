"""Two results side by side: which numbers differ, and what becomes of each gene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jugex.errors import ResultError
from jugex.model.changes import Change, list_changes
from jugex.model.columns import PROBE_COLUMNS
from jugex.pipeline.comparison import ComparisonData
from jugex.pipeline.pairs import GroupComparison

__all__ = ["Differences", "find_differences"]

#: Numbers in files have ten digits; what agrees to eight is the same.
_RTOL, _ATOL = 1e-8, 1e-12
#: What is shown of a gene in either result, where the table has it.
_SHOWN = ("evidence", "significant", "diff", "f", "p_fwe", "p_donors_fwe", "p_spatial_fwe", "status")


@dataclass(frozen=True, eq=False)
class Differences:
    """What differs between two results.

    Attributes
    ----------
    first, second : ComparisonData
        The results; of several regions, the tests of all at once.
    names : tuple of two str
        What they are called.
    changes : tuple of Change
        Choices, inputs, versions and outcomes that differ.
    genes : DataFrame
        One row per gene (probe, gene set) of either result, and of several regions per pair too (`region_1`,
        `region_2`; empty for all regions at once): its columns in both results, such as `evidence_1` and `evidence_2`,
        and `changed`, whether its evidence differs or only one result tested it. The genes that changed come first.
    unequal : DataFrame
        One row per column whose numbers differ: `column`, `n_rows`, and the largest difference (`largest`).
    same_samples : bool
        Whether both results used the same samples.
    is_swapped : bool
        Whether region 1 of one is region 2 of the other by name: then the differences of the second are negated.
    """

    first: ComparisonData
    second: ComparisonData
    names: tuple[str, str]
    changes: tuple[Change, ...]
    genes: pd.DataFrame
    unequal: pd.DataFrame
    same_samples: bool
    is_swapped: bool

    @property
    def changed(self) -> pd.DataFrame:
        """The rows of `genes` whose evidence differs, or that only one result tested."""
        return self.genes[self.genes["changed"].to_numpy(dtype=bool)]

    @property
    def same_numbers(self) -> bool:
        """Whether both results have the same samples and genes, and numbers that agree to eight digits."""
        return self.same_samples and self.unequal.empty and not self.is_swapped


def find_differences(
    first: ComparisonData | GroupComparison, second: ComparisonData | GroupComparison, names: tuple[str, str]
) -> Differences:
    """Compare two results.

    Parameters
    ----------
    first, second : ComparisonData or GroupComparison
        Of the same number of regions, with the same unit: genes, probes or gene sets.
    names : tuple of two str
        What they are called.

    Returns
    -------
    Differences

    Raises
    ------
    ResultError
        If they have no rows in common, or are not of one kind.
    """
    data, others = _data_of(first), _data_of(second)
    _check_one_kind(data, others, names)
    is_swapped = len(data.region_names) == 2 and data.region_names == others.region_names[::-1]
    is_swapped &= data.region_names != others.region_names
    keys = [column for column in ("gene", *PROBE_COLUMNS) if column in data.table]
    tables, other_tables = [data.table], [others.table]
    if isinstance(first, GroupComparison) and isinstance(second, GroupComparison):
        keys += ["region_1", "region_2"]
        nothing = {"region_1": "", "region_2": ""}
        tables = [data.table.assign(**nothing), first.pairs_table]
        other_tables = [others.table.assign(**nothing), second.pairs_table]
    one, other = (pd.concat(parts, ignore_index=True) for parts in (tables, other_tables))
    if not set(one["gene"]) & set(other["gene"]):
        raise ResultError(
            f"the results have no {data.unit} in common; compare results of the same {data.unit}s, or of every gene"
        )
    return Differences(
        first=data,
        second=others,
        names=names,
        changes=list_changes(data.record, others.record),
        genes=_join(one, other, keys, sign=-1 if is_swapped else 1),
        unequal=_find_unequal(one, other, keys),
        same_samples=_list_samples(data) == _list_samples(others),
        is_swapped=is_swapped,
    )


def _data_of(result: ComparisonData | GroupComparison) -> ComparisonData:
    return result.data if isinstance(result, GroupComparison) else result


def _check_one_kind(first: ComparisonData, second: ComparisonData, names: Sequence[str]) -> None:
    """Refuse results that have no rows to set side by side."""
    counts = [len(data.region_names) for data in (first, second)]
    if (counts[0] == 2) != (counts[1] == 2) or counts[0] != counts[1]:
        raise ResultError(
            f"{names[0]} compares {counts[0]} regions and {names[1]} {counts[1]}; compare results of as many regions "
            "(the folder of several regions has one for each pair, such as pair_1_2)"
        )
    if first.unit != second.unit:
        raise ResultError(
            f"{names[0]} holds {first.unit}s and {names[1]} {second.unit}s; compare results of the same kind"
        )


def _list_samples(data: ComparisonData) -> list[tuple[str, str]]:
    """Region (by its number) and well of each sample, sorted."""
    numbers = {name: str(number) for number, name in enumerate(data.region_names, start=1)}
    regions = data.samples["region"].map(numbers)
    return sorted(zip(regions, data.samples["well_id"].astype(str), strict=True))


def _join(first: pd.DataFrame, second: pd.DataFrame, keys: list[str], *, sign: int) -> pd.DataFrame:
    """Rows of either table, with what is shown of both."""
    shown = [column for column in _SHOWN if column in first and column in second]
    numbered = []
    for table, number in ((first, 1), (second, 2)):
        part = table[[*keys, *shown]].copy()
        if number == 2 and "diff" in part:
            part["diff"] = sign * part["diff"]
        numbered.append(part.rename(columns={column: f"{column}_{number}" for column in shown}))
    joined = numbered[0].merge(numbered[1], how="outer", on=keys, sort=False)
    standing = "evidence" if "evidence" in shown else "significant"  # of several regions: they have no ladder
    one, other = (joined[f"{standing}_{number}"].astype(object) for number in (1, 2))
    known = one.notna() | other.notna()
    joined["changed"] = (known & (one.fillna("") != other.fillna(""))).to_numpy(dtype=bool)
    order = [f"{column}_{number}" for column in shown for number in (1, 2)]
    joined = joined[[*keys, "changed", *order]]
    rank = joined[["p_fwe_1", "p_fwe_2"]].min(axis=1)
    return (
        joined.assign(_rank=rank)
        .sort_values(["changed", "_rank", *keys], ascending=[False, True, *[True] * len(keys)], kind="stable")
        .drop(columns="_rank")
        .reset_index(drop=True)
    )


def _find_unequal(first: pd.DataFrame, second: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Columns that differ, in how many rows, and by how much."""
    one, other = (table.set_index(keys).sort_index() for table in (first, second))
    rows: list[tuple[str, int, float]] = []
    n_alone = len(one.index.symmetric_difference(other.index))
    if n_alone:
        rows.append(("gene", n_alone, np.nan))
    common = one.index.intersection(other.index)
    one, other = one.loc[common], other.loc[common]
    for column in dict.fromkeys([*one, *other]):
        if column == "higher_in":  # a name; the sign of the difference says the same
            continue
        if column not in one or column not in other:
            rows.append((column, len(common), np.nan))
            continue
        n_rows, largest = _compare_column(one[column], other[column])
        if n_rows:
            rows.append((column, n_rows, largest))
    return pd.DataFrame(rows, columns=["column", "n_rows", "largest"])


def _compare_column(first: pd.Series, second: pd.Series) -> tuple[int, float]:
    """In how many rows a column differs, and its largest difference where it holds numbers."""
    types = [column.dtype for column in (first, second)]
    if not all(pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype) for dtype in types):
        one, other = (column.astype(object).where(column.notna(), None) for column in (first, second))
        return int(sum(a != b for a, b in zip(one, other, strict=True))), np.nan
    a, b = (column.to_numpy(dtype=np.float64, na_value=np.nan) for column in (first, second))
    is_close = np.isclose(a, b, rtol=_RTOL, atol=_ATOL, equal_nan=True)
    gaps = np.abs(a - b)[~is_close]
    return int((~is_close).sum()), float(np.nanmax(gaps)) if np.isfinite(gaps).any() else np.nan
