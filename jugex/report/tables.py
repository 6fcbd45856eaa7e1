"""Tables as text: the form of every tab-separated file that is written."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["FLOAT_FORMAT", "MAX_GENES_IN_SAMPLES", "MISSING", "format_tsv", "write_tsv"]

#: How numbers are written.
FLOAT_FORMAT = "%.10g"
#: Up to this many genes stand as columns of ``samples.tsv``; more go to ``zscores.parquet``.
MAX_GENES_IN_SAMPLES = 200
#: What stands for a missing value.
MISSING = ""


def write_tsv(table: pd.DataFrame, target: Path) -> None:
    """Write a table as `format_tsv` has it."""
    target.write_text(format_tsv(table), encoding="utf-8", newline="")


def format_tsv(table: pd.DataFrame) -> str:
    r"""A table as text: tab-separated, ``\n``, floats as ``%.10g``, truth as ``TRUE`` and ``FALSE``.

    ``DataFrame.to_csv`` gives the same text in twice the time.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_format_column(column) for _, column in table.items()), strict=True))
    return stream.getvalue()


def _format_column(column: pd.Series[Any]) -> list[Any]:
    if column.dtype.kind == "f" and isinstance(column.dtype, np.dtype):
        return [FLOAT_FORMAT % value if value == value else MISSING for value in column.tolist()]
    values = column.astype(object).where(column.notna().to_numpy(dtype=bool), MISSING).tolist()
    if pd.api.types.is_bool_dtype(column.dtype):
        return [value if value == MISSING else "TRUE" if value else "FALSE" for value in values]
    return values
