"""What figures say: names that any font can draw, in the room there is, and the numbers of a gene."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jugex.errors import GeneError

if TYPE_CHECKING:
    from jugex.analysis.result import DifferentialExpression

__all__ = ["describe_test", "find_row", "find_zscores", "fit_text", "name_difference", "name_regions", "wrap_text"]

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LONGEST_NAME = 60

Floats = npt.NDArray[np.float64]


def find_zscores(result: DifferentialExpression, gene: str) -> Floats:
    """z-scores (n,) of a gene of ``result.labels``."""
    if gene in result.zscores.columns:
        return result.zscores[gene].to_numpy(dtype=np.float64)
    status = find_row(result, gene)["status"]
    raise GeneError(f"gene {gene!r} has no z-scores in this result ({status}); choose another gene")


def find_row(result: DifferentialExpression, gene: str) -> dict[str, Any]:
    """Row of a gene of ``result.labels`` in the table."""
    is_gene = (result.labels == gene).to_numpy(dtype=bool)
    if not is_gene.any():
        raise GeneError(f"gene {gene!r} is not in this result, which has {len(result.table):,}; see result.labels")
    return {str(column): value for column, value in result.table[is_gene].iloc[0].items()}


def describe_test(result: DifferentialExpression, gene: str) -> str:
    """Two lines: a gene, and its F and family-wise p."""
    row = find_row(result, gene)
    name = fit_text(gene, 40)
    if not np.isfinite(row["f"]):
        return f"{name}\nnot tested"
    return f"{name}\nF(1, {row['df_resid']:.0f}) = {row['f']:.2f}, p_FWE = {row['p_fwe']:.3g}"


def name_regions(result: DifferentialExpression, limit: int = 24) -> tuple[str, str]:
    """Names of both regions, each with at most `limit` characters."""
    first, second = result.region_names
    return fit_text(first, limit), fit_text(second, limit)


def name_difference(result: DifferentialExpression) -> str:
    """Label of an axis of differences."""
    first, second = name_regions(result, 18)
    return f"difference in z-score,\n{first} minus {second}"


def fit_text(text: str, limit: int) -> str:
    """Text that the current font can draw, shortened: a missing glyph would be a warning and an empty box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    line = " ".join(text.split())
    line = line if len(line) <= limit else line[: limit - 1] + _ELLIPSIS
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in line)


def wrap_text(text: str, width: int = 15) -> str:
    """A label on at most two lines, which leaves its neighbour room."""
    first, *rest = textwrap.wrap(fit_text(text, _LONGEST_NAME), width=width) or [""]
    return "\n".join([first, *([fit_text(" ".join(rest), width)] if rest else [])])
