"""What figures say: names that any font can draw, in the room there is, and the numbers of a gene."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import format_number, format_p
from jugex.errors import GeneError
from jugex.pipeline.details import unknown_gene

if TYPE_CHECKING:
    from jugex.pipeline.comparison import ComparisonData

__all__ = [
    "LONGEST_TITLE", "P_FWE", "describe_test", "escape_math", "find_row", "find_zscores", "fit_text", "name_regions",
    "name_sides", "tell_apart", "wrap_text",
]  # fmt: skip

#: The family-wise p as journals set it; only in texts that are drawn with ``parse_math=True``.
P_FWE = r"$p_{\mathrm{FWE}}$"

#: Characters of a name that a title has room for, however wide they are.
LONGEST_TITLE = 28
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LONGEST_NAME = 60
_SIDES_ON_ONE_LINE = 18  # characters of both names that leave room for "higher in" on one line of 85 mm

Floats = npt.NDArray[np.float64]


def find_zscores(result: ComparisonData, gene: str) -> Floats:
    """z-scores (n,) of a gene of ``result.labels``."""
    if gene in result.zscores.columns:
        return result.zscores[gene].to_numpy(dtype=np.float64)
    status = find_row(result, gene)["status"]
    raise GeneError(f"gene {gene!r} has no z-scores in this result ({status}); choose another gene")


def find_row(result: ComparisonData, gene: str) -> dict[str, Any]:
    """Row of a gene of ``result.labels`` in the table."""
    is_gene = (result.labels == gene).to_numpy(dtype=bool)
    if not is_gene.any():
        raise unknown_gene(gene, result.labels)
    return {str(column): value for column, value in result.table[is_gene].iloc[0].items()}


def describe_test(result: ComparisonData, gene: str) -> str:
    """Two lines, to be drawn with ``parse_math=True``: a gene, and its F and family-wise p."""
    row = find_row(result, gene)
    name = escape_math(fit_text(gene, LONGEST_TITLE))
    if not np.isfinite(row["f"]):
        return f"{name}\nnot tested"
    # the degrees of freedom of `welch` differ by gene and stand in no table
    freedom = "" if pd.isna(row["df_resid"]) else f"(1, {row['df_resid']:.0f})"
    return f"{name}\n$F${freedom} = {format_number(row['f'])}, {P_FWE} = {format_p(row['p_fwe'])}"


def escape_math(text: str) -> str:
    """A name for a text that may hold formulas: its dollars are dollars."""
    return text.replace("$", r"\$")


def name_regions(result: ComparisonData, limit: int = 24) -> tuple[str, str]:
    """Names of both regions, each with at most `limit` characters, and never alike."""
    first, second = tell_apart(result.region_names, limit)
    return fit_text(first, limit), fit_text(second, limit)


def name_sides(result: ComparisonData, limit: int) -> tuple[str, str]:
    """What the left and the right of an axis of differences mean: region 2 higher, region 1 higher."""
    first, second = name_regions(result, limit)
    break_ = " " if len(first) + len(second) <= _SIDES_ON_ONE_LINE else "\n"
    return f"\N{LEFTWARDS ARROW} higher in{break_}{second}", f"higher in{break_}{first} \N{RIGHTWARDS ARROW}"


def fit_text(text: str, limit: int) -> str:
    """Text that the current font can draw, shortened: a missing glyph would be a warning and an empty box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    line = " ".join(text.split())
    line = line if len(line) <= limit else line[: limit - 1] + _ELLIPSIS
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in line)


def wrap_text(text: str, width: int = 15) -> str:
    """A label on lines that leave its neighbour room."""
    return "\n".join(textwrap.wrap(fit_text(text, _LONGEST_NAME), width=width) or [""])


def tell_apart(names: Sequence[str], limit: int) -> list[str]:
    """Names of at most `limit` characters that stay distinct: what they share goes first.

    Left out is, in this order: beginnings that all share, up to an underscore or space; the ends; the middle.
    """
    full = [" ".join(str(name).split()) for name in names]
    if max(map(len, full), default=0) <= limit:
        return full
    lowest, highest = (min(full), max(full)) if len(full) > 1 else ("", "")
    differ = (i for i, pair in enumerate(zip(lowest, highest, strict=False)) if pair[0] != pair[1])
    shared = lowest[: next(differ, len(lowest))]
    cuts = [match.end() for match in re.finditer(r"[_ ]", shared)]
    tries = [[_ELLIPSIS + name[cut:] for name in full] for cut in cuts]
    tail = limit // 2
    tries.append([_keep_ends(name, limit, limit - 1) for name in full])
    tries.append([_keep_ends(name, limit, limit - 1 - tail) for name in full])
    tries.append([_keep_ends(name, limit, 0) for name in full])
    for shortened in tries:
        if max(map(len, shortened)) <= limit and len(set(shortened)) == len(set(full)):
            return shortened
    return [f"{number} {name}"[: limit - 1] + _ELLIPSIS for number, name in enumerate(full, start=1)]


def _keep_ends(name: str, limit: int, n_first: int) -> str:
    """A name's first `n_first` characters and as many of its last as the limit leaves."""
    if len(name) <= limit:
        return name
    n_last = limit - 1 - n_first
    return name[:n_first] + _ELLIPSIS + (name[-n_last:] if n_last else "")
