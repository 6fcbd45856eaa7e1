"""One pair of a scan: what a worker knows, what it computes, and the part that it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jugex.atlas import ExpressionAtlas
from jugex.errors import DesignError, GeneError, RegionError, without_warnings
from jugex.model.options import QueryOptions, TestOptions
from jugex.pipeline.comparison import PairTable, tabulate_pair
from jugex.query import query_regions
from jugex.regions.listed import ListedRegion
from jugex.scanning.folder import RESULTS, Outcome, name_part, replace_file
from jugex.scanning.targets import Pair

if TYPE_CHECKING:
    import pyarrow

__all__ = ["COLUMNS", "SCAN_COLUMNS", "Job", "lay_out", "write_part"]

#: Columns of the results of a scan, those of a result that are kept by default; then those over the whole scan.
COLUMNS = ("gene", "diff", "f", "p_perm", "p_fwe", "p_donors", "p_spatial", "evidence", "status")
SCAN_COLUMNS = (
    "p_fwe_scan", "p_donors_fwe_scan", "p_spatial_fwe_scan", "q_fdr_scan", "q_donors_scan", "q_spatial_scan",
    "evidence_scan",
)  # fmt: skip
_TEXTS = ("gene", "region_1", "region_2", "higher_in", "evidence", "evidence_scan", "probe_name", "status")


@dataclass(frozen=True, eq=False)
class Job:
    """What a worker needs to compute any pair of a scan; sent to it once.

    Attributes
    ----------
    atlas : ExpressionAtlas
        The view that the options ask for; of a store only its path is sent.
    regions : dict of str to ListedRegion
        Samples of each region.
    query : QueryOptions
        Without what the view and the regions hold already.
    test : TestOptions
    folder : Path
        Of the scan.
    columns : tuple of str or None
        Columns to keep; None: all.
    n_more : int
        Relabellings of a pair in which none of the first reached the largest F; 0: no more.
    """

    atlas: ExpressionAtlas
    regions: Mapping[str, ListedRegion]
    query: QueryOptions
    test: TestOptions
    folder: Path
    columns: tuple[str, ...] | None
    n_more: int = 0

    def run(self, pair: Pair) -> Outcome:
        """Compute a pair, write its part, and say what became of it."""
        with without_warnings():  # pairs.tsv says what the user should know
            try:
                couple = (self.regions[pair.region_1], self.regions[pair.region_2])
                group = query_regions(couple, self.query, atlas=self.atlas)
                options = replace(self.test, rng=pair.seed)
                found = tabulate_pair(group, options)
                if self.n_more and _is_promising(found):
                    options = replace(options, n_permutations=self.n_more)
                    found = tabulate_pair(group, options)
            except (DesignError, GeneError, RegionError) as error:
                return Outcome(pair.number, f"impossible: {error}", error.reason or str(error))
        content = encode(lay_out(found.table, pair, self.columns))
        replace_file(self.folder / RESULTS / name_part(pair.number), content)
        counts = found.table["evidence"].value_counts()
        ladder = found.ladder
        return Outcome(
            pair.number,
            "ok",
            n_samples_1=int(found.n_samples[0]),
            n_samples_2=int(found.n_samples[1]),
            n_donors_both=int(found.n_donors_both),
            seed=pair.seed,
            n_permutations=int(options.n_permutations),
            n_relabellings=int(found.n_relabellings),
            exhaustive=bool(found.exhaustive),
            smallest_p=float(found.smallest_p),
            n_tested=int((found.table["status"] == "ok").sum()),
            spatial=int(counts.get("spatial", 0)),
            donors=int(counts.get("donors", 0)),
            samples=int(counts.get("samples", 0)),
            why_no_donors="not asked for" if ladder is None else ladder.why_no_donors or "",
            why_no_spatial="not asked for" if ladder is None else ladder.why_no_spatial or "",
        )


def _is_promising(found: PairTable) -> bool:
    """Whether no relabelling reached the largest F, so that more of them can make its p smaller."""
    smallest = found.table["p_fwe"].min()
    return not found.exhaustive and bool(smallest <= 1.5 / (found.n_relabellings + 1))


def lay_out(table: pd.DataFrame, pair: Pair, columns: Sequence[str] | None) -> pyarrow.Table:
    """The table of a pair by gene, with its regions, in the types of the results; what the scan adds is empty."""
    import pyarrow as pa

    by = ["gene", *(["probe_id"] if "probe_id" in table else [])]
    table = table.sort_values(by, kind="stable", ignore_index=True)
    named = [name for name in ("probe_id", "probe_name") if name in table]
    kept = (
        list(table.columns)
        if columns is None
        else ["gene", *named, *(c for c in columns if c in table and c != "gene")]
    )
    n = len(table)
    arrays: dict[str, pa.Array] = {"pair": pa.array(np.full(n, pair.number, dtype=np.int32))}
    for name, value in (("region_1", pair.region_1), ("region_2", pair.region_2)):
        arrays[name] = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), pa.array([value]))
    for name in kept:
        arrays[name] = _to_arrow(name, table[name])
    for name in SCAN_COLUMNS:
        arrays[name] = _to_arrow(name, pd.Series([None] * n, dtype=object if name in _TEXTS else np.float64))
    return pa.table(arrays)


def _to_arrow(name: str, values: pd.Series[Any]) -> pyarrow.Array:
    """A column in the type of the results: p as float64, other floats as float32, texts as dictionaries."""
    import pyarrow as pa

    if name in _TEXTS:
        texts = values.astype(object).where(values.notna(), None)
        return pa.array(texts.tolist(), type=pa.string()).dictionary_encode()
    if values.dtype == np.float64:
        kind = pa.float64() if name.startswith(("p_", "q_")) and name != "p_r" else pa.float32()
        return pa.array(values.to_numpy(), type=pa.float64(), from_pandas=True).cast(kind, safe=False)
    if str(values.dtype) == "Int64":
        return pa.array(values, type=pa.int64() if name in ("entrez_id", "probe_id") else pa.int32())
    return pa.array(values)


def encode(table: pyarrow.Table) -> memoryview:
    """A part as bytes of a Parquet file; the same table gives the same bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return memoryview(sink.getvalue())


def write_part(folder: Path, number: int, table: pyarrow.Table) -> None:
    """Replace the part of a pair."""
    replace_file(folder / RESULTS / name_part(number), encode(table))
