"""The table of results in the page: its columns, its first rows, and all of results.tsv packed beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from jugex._text import format_p, shorten
from jugex.report.page_data import pack
from jugex.report.tables import FLOAT_FORMAT, format_tsv
from jugex.report.words import higher_region, name_adjustment, show_number, tested_genes

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["N_PLAIN_ROWS", "Column", "tabulate_results"]

#: Rows that stand in the page as they are, for readers without scripts and for paper.
N_PLAIN_ROWS = 25
_MAX_NAMED = 200


class Column(NamedTuple):
    """One column of the table: its key in results.tsv, its heading, what it means, and how it is shown.

    A narrow window shows those that are `extra` on demand.
    """

    key: str
    title: str
    explanation: str
    kind: str = "number"
    decimals: int = 2
    extra: bool = False


_COLUMNS = (
    Column("gene", "Gene", "Gene symbol", "name"),
    Column(
        "p_fwe",
        "p_FWE",
        "Permutation p-value, corrected for testing many genes (family-wise error)",
        "p",
    ),
    Column("diff", "Difference", "{regions}, in z-scores, adjusted for {others}", decimals=3),
    Column(
        "diff",
        "Higher in",
        "The region where the gene is higher, by the sign of the difference; grey where that is not significant",
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
    Column("p_perm", "p", "Permutation p-value of this gene alone, not corrected", "p", extra=True),
    Column(
        "q_fdr",
        "q_FDR",
        "False discovery rate (Benjamini-Hochberg) from the uncorrected permutation p-values",
        "p",
        extra=True,
    ),
    Column("log2_fc", "log2 FC", "The difference in log2 expression", decimals=3, extra=True),
    Column("hedges_g", "Hedges' g", "The difference in residual standard deviations", extra=True),
    Column("f", "F", "F statistic of region", extra=True),
    Column(
        "p_parametric",
        "p_param",
        "p-value of the F distribution, for comparison only: see the caveats",
        "p",
        extra=True,
    ),
    Column("n_probes", "Probes", "Number of probes of the gene", decimals=0, extra=True),
)
_TAIL_COLUMNS = (
    Column(
        "p_fwe_tail",
        "p_FWE tail",
        "p_FWE below its smallest attainable value, extrapolated; calls no gene significant",
        "p",
        extra=True,
    ),
    Column("p_perm_tail", "p tail", "p below its smallest attainable value, extrapolated", "p", extra=True),
)


def tabulate_results(result: DifferentialExpression, results_tsv: str | None = None) -> dict[str, Any]:
    """Everything that the page says of every gene.

    Parameters
    ----------
    result : DifferentialExpression
    results_tsv : str, optional
        The table as text, where it was made already.

    Returns
    -------
    dict
        `columns`; `rows`, the first ones as texts; `data`, results.tsv packed; and what was not tested, and why.
    """
    tested = tested_genes(result)
    others = result.table.drop(index=tested.index)
    shown = tested.head(N_PLAIN_ROWS)
    regions = " minus ".join(shorten(name, 40) for name in result.region_names)
    columns = [
        column._replace(explanation=_fill(column.explanation, regions, name_adjustment(result.settings)))
        for column in _COLUMNS + (_TAIL_COLUMNS if "p_fwe_tail" in result.table else ())
    ]
    return {
        "columns": columns,
        "rows": [
            {
                "cells": [_show(result, column, label, row) for column in columns],
                "significant": bool(row["significant"]),
            }
            for label, (_, row) in zip(result.labels[shown.index], shown.iterrows(), strict=True)
        ],
        "n_tested": len(tested),
        "n_significant": len(result.significant),
        "n_all": len(result.table),
        "unit": result.unit,
        "not_tested": {
            str(status): list(result.labels[rows.index]) for status, rows in others.groupby("status", sort=False)
        },
        "max_named": _MAX_NAMED,
        "data": pack(results_tsv or format_tsv(result.table)),
    }


def _fill(explanation: str, regions: str, others: str) -> str:
    return explanation.replace("{others}", others).replace("{regions}", regions)


def _show(result: DifferentialExpression, column: Column, label: str, row: pd.Series[Any]) -> str:
    """Text of one cell, of the number as it stands in results.tsv: the page's scripts round that one too."""
    value = None if column.kind == "name" else _read(row, column.key)
    match column.kind:
        case "name":
            return label
        case "region":
            return shorten(higher_region(result, value), 40)
        case "p":
            return format_p(value)
        case "interval":
            ends = [show_number(_read(row, end), column.decimals) for end in ("ci_low", "ci_high")]
            return f"{ends[0]} to {ends[1]}" if all(ends) else ""
    return show_number(value, column.decimals)


def _read(row: pd.Series[Any], key: str) -> float | None:
    return None if pd.isna(row[key]) else float(FLOAT_FORMAT % row[key])
