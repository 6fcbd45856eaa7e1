"""The tables of a page: all genes with the first rows as texts, and the pairs of more than two regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from jugex._text import format_number, format_p, shorten
from jugex.model.columns import RUNGS
from jugex.model.record import PairRecord
from jugex.pipeline.comparison import ComparisonData, label_rows
from jugex.pipeline.pairs import GroupComparison
from jugex.report.page_data import pack
from jugex.report.summary import format_value, has_ladder, name_adjustment
from jugex.report.tables import FLOAT_FORMAT, format_tsv

__all__ = ["N_PLAIN_ROWS", "Column", "tabulate_matrix", "tabulate_pairs", "tabulate_results"]

#: Number of rows written into the page, for readers without scripts and for printing.
N_PLAIN_ROWS = 25
#: Genes that are not found nearly reach up to this p_fwe.
NEAR = 0.2
_MAX_NAMED = 200
_NAME = 40
_HEADING = 24
#: Number of regions whose means fit side by side in a narrow window.
_MOST_NARROW = 3


@dataclass(frozen=True)
class Column:
    """One column of the table: its key in the file, its heading, what it means, and how it is shown.

    In a narrow window, columns that are `extra` are shown on demand; in one of middling width, those of them that are
    not `is_middle`.
    """

    key: str
    title: str
    explanation: str
    kind: str = "number"
    decimals: int = 2
    extra: bool = False
    is_middle: bool = False

    @property
    def widths(self) -> str:
        """Class of its cells, by the windows in which they are shown."""
        return "" if not self.extra else " extra" if self.is_middle else " extra far"

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON, for the scripts of the page."""
        return asdict(self) | {"widths": self.widths}


_GENE = Column("gene", "Gene", "Gene symbol", "name")
_P_FWE = Column("p_fwe", "p_FWE", "Permutation p-value, corrected for testing many genes (family-wise error)", "p")
_P_PERM = Column("p_perm", "p", "Permutation p-value of this gene alone, not corrected", "p", extra=True)
_Q_FDR = Column(
    "q_fdr",
    "q_FDR",
    "False discovery rate (Benjamini-Hochberg) from the uncorrected permutation p-values",
    "p",
    extra=True,
)
_P_PARAMETRIC = Column(
    "p_parametric", "p_param", "p-value of the F distribution, for comparison only: see the caveats", "p", extra=True
)
_N_PROBES = Column("n_probes", "Probes", "Number of probes of the gene", decimals=0, extra=True)
_TWO_REGIONS = (
    _GENE,
    _P_FWE,
    Column("diff", "Difference", "{regions}, in {scale}s, adjusted for {others}", decimals=3),
    Column(
        "diff",
        "Higher in",
        "The region where the gene is higher, by the sign of the difference; grey where the gene reaches no rung",
        "region",
    ),
    Column(
        "ci_low",
        "95 % CI",
        "Confidence interval of the difference; not corrected, and samples count as replicates",
        "interval",
        3,
        extra=True,
    ),
    _P_PERM,
    _Q_FDR,
    Column("log2_fc", "log2 FC", "The difference in log2 expression", decimals=3, extra=True),
    Column("hedges_g", "Hedges' g", "The difference in residual standard deviations", extra=True),
    Column("f", "F", "F statistic of region", extra=True),
    _P_PARAMETRIC,
    _N_PROBES,
)
#: Columns of the ladder, after p_FWE.
_LADDER = (
    Column(
        "evidence", "Rung", "The highest rung of the ladder that the gene reaches: samples, donors, spatial", "word"
    ),
    Column(
        "p_donors_fwe",
        "p_FWE donors",
        "p over donors: would other donors show it? Corrected for all genes",
        "p",
        extra=True,
        is_middle=True,
    ),
    Column(
        "p_spatial_fwe",
        "p_FWE spatial",
        "p beyond distance: more than two places this far apart in this tissue? Corrected for all genes",
        "p",
        extra=True,
        is_middle=True,
    ),
)
_MORE_REGIONS = (
    _GENE,
    _P_FWE,
    _P_PERM,
    _Q_FDR,
    Column("f", "F", "F statistic of region, adjusted for {others}"),
    Column(
        "partial_eta_sq",
        "partial \N{GREEK SMALL LETTER ETA}\N{SUPERSCRIPT TWO}",
        "Share of the variance left by {others} that goes with region",
        extra=True,
    ),
)
_TAILS = (
    Column(
        "p_fwe_tail",
        "p_FWE tail",
        "p_FWE below its smallest attainable value, extrapolated; calls no gene significant",
        "p",
        extra=True,
    ),
    Column("p_perm_tail", "p tail", "p below its smallest attainable value, extrapolated", "p", extra=True),
)


def tabulate_results(data: ComparisonData) -> dict[str, Any]:
    """Build the table of all genes for the page.

    Parameters
    ----------
    data : ComparisonData
        Of two regions or more.

    Returns
    -------
    dict
        `columns`; `rows`, the first ones as texts; `file`, which has all rows; `data`, that file packed; and what was
        not tested, and why.
    """
    tested, table = data.tested, data.table
    columns = _list_columns(data)
    others = table[(table["status"] != "ok").to_numpy(dtype=bool)]
    shown = tested.head(N_PLAIN_ROWS)
    return {
        "columns": columns,
        "rows": [
            {
                "cells": [_format_cell(column, str(label), row) for column in columns],
                "rung": _find_rung(row),
            }
            for label, row in zip(shown.index, shown.to_dict("records"), strict=True)
        ],
        "file": "results.tsv" if len(data.region_names) == 2 else "omnibus.tsv",
        "n_tested": len(tested),
        "n_found": len(data.found),
        "n_near": _count_near(data),
        "rungs": _count_rungs(data),
        "n_all": len(table),
        "unit": data.unit,
        "not_tested": {str(status): list(label_rows(rows)) for status, rows in others.groupby("status", sort=False)},
        "max_named": _MAX_NAMED,
        "near": NEAR,
        "data": pack(format_tsv(table)),
    }


def _find_rung(row: Mapping[Any, Any]) -> str:
    """The rung that a gene reaches, empty for none; for more than two regions, only samples."""
    evidence = row["evidence"] if "evidence" in row else "samples" if row["significant"] else ""
    return str(evidence) if evidence in RUNGS else ""


def _count_near(data: ComparisonData) -> int:
    """Number of genes not found, with a p_fwe that is small all the same."""
    n_small = int((data.tested["p_fwe"] <= NEAR).sum())
    return n_small - int((data.found["p_fwe"] <= NEAR).sum())


def _count_rungs(data: ComparisonData) -> dict[str, int]:
    """Number of genes on each rung of the ladder, the highest first; empty without a ladder."""
    if not has_ladder(data.record):
        return {}
    return {rung: int((data.tested["evidence"] == rung).sum()) for rung in RUNGS}


def _list_columns(data: ComparisonData) -> list[Column]:
    names = data.region_names
    columns = list(_TWO_REGIONS)
    if len(names) > 2:
        means = [
            Column(
                f"mean_{number}",
                f"mean {shorten(name, _HEADING)}",
                f"Mean {data.record.scale} in {name}, donors not adjusted for",
                extra=len(names) > _MOST_NARROW,
            )
            for number, name in enumerate(names, start=1)
        ]
        columns = [*_MORE_REGIONS, *means, _P_PARAMETRIC, _N_PROBES]
    elif has_ladder(data.record):
        # less important columns are only in the file, so that the table fits a laptop's window
        columns = [*_TWO_REGIONS[:1], _LADDER[0], _P_FWE, *_LADDER[1:], *_TWO_REGIONS[2:-2]]
    columns += _TAILS if "p_fwe_tail" in data.table else ()
    regions, others = " minus ".join(shorten(name, _NAME) for name in names), name_adjustment(data.record)
    words = {"{others}": others, "{regions}": regions, "{scale}": data.record.scale}
    if data.unit == "gene set":
        words |= {"Gene symbol": "Name of the gene set", "this gene": "this set", "the gene ": "the set "}
        words |= {" genes": " sets", "no gene": "no set"}
        columns = [replace(one, title="Gene set") if one == _GENE else one for one in columns if one != _N_PROBES]
    for word, text in words.items():
        columns = [replace(one, explanation=one.explanation.replace(word, text)) for one in columns]
    return columns


def _format_cell(column: Column, label: str, row: Mapping[Any, Any]) -> str:
    """Text of a cell, rounded from the number in the file, as the page's scripts do."""
    match column.kind:
        case "name":
            return label
        case "word":
            return "" if pd.isna(row[column.key]) else str(row[column.key])
        case "region":
            return "" if pd.isna(row["higher_in"]) else shorten(str(row["higher_in"]), _NAME)
        case "p":
            return format_p(_read(row[column.key]))
        case "interval":
            ends = [format_value(_read(row[end]), column.decimals) for end in ("ci_low", "ci_high")]
            return f"{ends[0]} to {ends[1]}" if all(ends) else ""
    return format_value(_read(row[column.key]), column.decimals)


def _read(value: Any) -> float | None:
    return None if pd.isna(value) else float(FLOAT_FORMAT % value)


def tabulate_pairs(comparison: GroupComparison) -> dict[str, Any]:
    """Build the table of significant differences in pairs of regions, with the first rows as texts."""
    table = comparison.pairs_table
    found = table[table["significant"].to_numpy(dtype=bool)]
    shown, tested = found.head(N_PLAIN_ROWS), table[(table["status"] == "ok").to_numpy(dtype=bool)]
    rows = []
    for label, row in zip(label_rows(shown), shown.to_dict("records"), strict=True):
        lower = row["region_2"] if row["higher_in"] == row["region_1"] else row["region_1"]
        names = [shorten(str(name), _MAX_NAMED) for name in (row["higher_in"], lower)]
        numbers = [format_number(abs(_read(row["diff"]) or 0.0), 3), format_p(_read(row["p_fwe_holm"]))]
        rows.append([label, *numbers, *names, format_p(_read(row["p_fwe"]))])
    smallest = "" if tested.empty else format_p(_read(tested["p_fwe_holm"].iloc[0]))
    return {"rows": rows, "n": len(found), "smallest": smallest, "n_tested": len(tested)}


def tabulate_matrix(comparison: GroupComparison, links: Mapping[str, str]) -> list[dict[str, Any]]:
    """Build the matrix of significant genes per pair: a row for each region but the first, a cell per region before it.

    Parameters
    ----------
    comparison : GroupComparison
    links : dict of str to str
        By the folder of each pair that has a page, the link to it.
    """
    counts, names = comparison.count_significant(), comparison.data.region_names
    pairs = {(pair.region_1, pair.region_2): pair for pair in comparison.data.record.pairs}

    def make_cell(pair: PairRecord) -> dict[str, Any]:
        return {
            "n": counts.get((pair.region_1, pair.region_2)),
            "page": links.get(pair.folder or ""),
            "pair": f"{shorten(pair.region_1)} and {shorten(pair.region_2)}",
        }

    return [
        {"name": names[j], "cells": [make_cell(pairs[names[i], names[j]]) for i in range(j)]}
        for j in range(1, len(names))
    ]
