"""Tables as text: the form of every tab-separated file that is written."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import pandas as pd

__all__ = ["FLOAT_FORMAT", "MAX_GENES_IN_SAMPLES", "MISSING", "write_tsv"]

#: How numbers are written.
FLOAT_FORMAT = "%.10g"
#: Up to this many genes stand as columns of ``samples.tsv``; more go to ``zscores.parquet``.
MAX_GENES_IN_SAMPLES = 200
#: What stands for a missing value.
MISSING = ""


def write_tsv(table: pd.DataFrame, target: Path | TextIO) -> None:
    r"""Write a table as UTF-8, tab-separated, ``\n``, floats as ``%.10g``, truth as ``TRUE`` and ``FALSE``."""
    if isinstance(target, Path):
        with target.open("w", encoding="utf-8", newline="") as stream:
            return write_tsv(table, stream)
    written = table.copy()
    for column in written.select_dtypes(["bool", "boolean"]):
        written[column] = written[column].map({True: "TRUE", False: "FALSE"})
    written.to_csv(target, sep="\t", index=False, float_format=FLOAT_FORMAT, na_rep=MISSING, lineterminator="\n")
    return None
