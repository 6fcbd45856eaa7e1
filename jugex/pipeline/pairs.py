"""All pairs of several regions beside the test of all of them at once: one table, one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jugex.model.columns import COLUMN_TYPES, PAIRS_COLUMNS, PROBE_COLUMNS
from jugex.model.record import GroupMembership
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.stats.corrections import adjust_across_comparisons

__all__ = ["GroupComparison", "relate_pairs", "tabulate_pairs"]

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class GroupComparison:
    """What is told of a comparison of several regions, fresh or read from disk.

    Attributes
    ----------
    data : ComparisonData
        The test of all regions at once; `data.record.pairs` lists the pairs.
    pairs_table : DataFrame
        One row per gene and pair; columns `PAIRS_COLUMNS`.
    """

    data: ComparisonData
    pairs_table: pd.DataFrame

    def count_significant(self) -> dict[Pair, int]:
        """Significant genes of each pair that admits a test, corrected over all pairs."""
        found = self.pairs_table[self.pairs_table["significant"].to_numpy(dtype=bool)]
        counts = found.groupby(["region_1", "region_2"]).size().to_dict()
        tested = [(pair.region_1, pair.region_2) for pair in self.data.record.pairs if pair.status == "ok"]
        return {pair: int(counts.get(pair, 0)) for pair in tested}


def tabulate_pairs(
    pairs: Mapping[Pair, ComparisonData], impossible: Mapping[Pair, str], omnibus: pd.DataFrame, alpha: float
) -> pd.DataFrame:
    """One row per gene and pair, with p-values that are corrected over all of them.

    Parameters
    ----------
    pairs : dict
        Results by the names of both regions.
    impossible : dict
        Why the other pairs admit no test.
    omnibus : DataFrame
        The table of all regions at once: its genes stand for those of a pair without a test.
    alpha : float
    """
    by_probe = [column for column in PROBE_COLUMNS if column in omnibus]
    columns, named = [PAIRS_COLUMNS[0], *by_probe, *PAIRS_COLUMNS[1:]], ["gene", *by_probe]
    parts = [
        data.table.assign(region_1=first, region_2=second, p_fwe_holm=np.nan)[columns]
        for (first, second), data in pairs.items()
    ]
    for (first, second), reason in impossible.items():
        rows = omnibus[named].assign(region_1=first, region_2=second, significant=False, status=reason)
        parts.append(rows.reindex(columns=columns))
    types = {column: COLUMN_TYPES[column] for column in columns}
    # one type per column, before they meet
    table = pd.concat([part.astype(types) for part in parts], ignore_index=True)
    of_pair = table.groupby(["region_1", "region_2"], sort=False).ngroup()
    table["p_fwe_holm"] = adjust_across_comparisons(table["p_fwe"].to_numpy(), np.asarray(of_pair, dtype=np.intp))
    table["significant"] = (table["p_fwe_holm"] <= alpha).to_numpy(dtype=bool)
    order = ["p_fwe_holm", "p_fwe", "f", *named]
    ascending = [column != "f" for column in order]
    return table.sort_values(order, ascending=ascending, na_position="last", kind="stable", ignore_index=True)


def relate_pairs(
    pairs: Mapping[Pair, ComparisonData], table: pd.DataFrame, names: Sequence[str]
) -> dict[Pair, ComparisonData]:
    """The pairs with a record that knows of the others, and of what is significant over all of them."""
    found = table[table["significant"].to_numpy(dtype=bool)]
    related = {}
    for (first, second), data in pairs.items():
        of_pair = found[((found["region_1"] == first) & (found["region_2"] == second)).to_numpy(dtype=bool)]
        group = GroupMembership(tuple(names), len(pairs), tuple(label_rows(of_pair)), "../report.html")
        related[first, second] = replace(data, record=replace(data.record, group=group))
    return related
