"""Texts in figures: names shortened to the available room, and the statistics of a gene."""

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
    "name_sides", "shorten_distinctly", "wrap_text",
]  # fmt: skip

#: The family-wise p as journals set it, for texts that are drawn with ``parse_math=True``.
P_FWE = r"$p_{\mathrm{FWE}}$"

#: Number of characters of a name for which a title has room.
LONGEST_TITLE = 28
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LONGEST_NAME = 60
_SIDES_ON_ONE_LINE = 18  # characters of both names together, so that "higher in" fits on the same line of 85 mm

Floats = npt.NDArray[np.float64]


def find_zscores(result: ComparisonData, gene: str) -> Floats:
    """z-scores (n,) of a gene of ``result.labels``; a GeneError if there are none."""
    if gene in result.zscores.columns:
        return result.zscores[gene].to_numpy(dtype=np.float64)
    status = find_row(result, gene)["status"]
    raise GeneError(f"gene {gene!r} has no z-scores in this result ({status}); choose another gene")


def find_row(result: ComparisonData, gene: str) -> dict[str, Any]:
    """Row of the table for a gene of ``result.labels``; a GeneError if there is none."""
    is_gene = (result.labels == gene).to_numpy(dtype=bool)
    if not is_gene.any():
        raise unknown_gene(gene, result.labels)
    return {str(column): value for column, value in result.table[is_gene].iloc[0].items()}


def describe_test(result: ComparisonData, gene: str) -> str:
    """Two lines about a gene, its name and its F and family-wise p, to be drawn with ``parse_math=True``."""
    row = find_row(result, gene)
    name = escape_math(fit_text(gene, LONGEST_TITLE))
    if not np.isfinite(row["f"]):
        return f"{name}\nnot tested"
    # those of `welch` differ between genes, and are in no table
    freedom = "" if pd.isna(row["df_resid"]) else f"(1, {row['df_resid']:.0f})"
    return f"{name}\n$F${freedom} = {format_number(row['f'])}, {P_FWE} = {format_p(row['p_fwe'])}"


def escape_math(text: str) -> str:
    """Escape the dollar signs of a name for a text in which formulas are parsed."""
    return text.replace("$", r"\$")


def name_regions(result: ComparisonData, limit: int = 24) -> tuple[str, str]:
    """Names of both regions, each of at most `limit` characters, and different."""
    first, second = shorten_distinctly(result.region_names, limit)
    return fit_text(first, limit), fit_text(second, limit)


def name_sides(result: ComparisonData, limit: int) -> tuple[str, str]:
    """Texts for the left and right side of an axis of differences: higher in region 2, higher in region 1."""
    first, second = name_regions(result, limit)
    separator = " " if len(first) + len(second) <= _SIDES_ON_ONE_LINE else "\n"
    return f"\N{LEFTWARDS ARROW} higher in{separator}{second}", f"higher in{separator}{first} \N{RIGHTWARDS ARROW}"


def fit_text(text: str, limit: int) -> str:
    """Shorten a text, and replace characters that the font lacks: each would give a warning and an empty box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    line = " ".join(text.split())
    line = line if len(line) <= limit else line[: limit - 1] + _ELLIPSIS
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in line)


def wrap_text(text: str, width: int = 15) -> str:
    """Wrap a label into lines of `width` characters, to leave room for its neighbour."""
    return "\n".join(textwrap.wrap(fit_text(text, _LONGEST_NAME), width=width) or [""])


def shorten_distinctly(names: Sequence[str], limit: int) -> list[str]:
    """Shorten names to at most `limit` characters so that they stay distinct.

    Tried in this order: leave out the beginning that all share, up to an underscore or space; the ends; the middle.
    """
    full = [" ".join(str(name).split()) for name in names]
    if max(map(len, full), default=0) <= limit:
        return full
    lowest, highest = (min(full), max(full)) if len(full) > 1 else ("", "")
    differ = (i for i, pair in enumerate(zip(lowest, highest, strict=False)) if pair[0] != pair[1])
    shared = lowest[: next(differ, len(lowest))]
    cuts = [match.end() for match in re.finditer(r"[_ ]", shared)]
    attempts = [[_ELLIPSIS + name[cut:] for name in full] for cut in cuts]
    tail = limit // 2
    attempts.append([_keep_ends(name, limit, limit - 1) for name in full])
    attempts.append([_keep_ends(name, limit, limit - 1 - tail) for name in full])
    attempts.append([_keep_ends(name, limit, 0) for name in full])
    for shortened in attempts:
        if max(map(len, shortened)) <= limit and len(set(shortened)) == len(set(full)):
            return shortened
    return [f"{number} {name}"[: limit - 1] + _ELLIPSIS for number, name in enumerate(full, start=1)]


def _keep_ends(name: str, limit: int, n_first: int) -> str:
    """Shorten a name to its first `n_first` characters and as many of its last as the limit allows."""
    if len(name) <= limit:
        return name
    n_last = limit - 1 - n_first
    return name[:n_first] + _ELLIPSIS + (name[-n_last:] if n_last else "")
