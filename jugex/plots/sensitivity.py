"""The p of genes in one comparison under many choices of options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jugex._text import format_p
from jugex.errors import OptionError
from jugex.pipeline.sensitivity import name_choices
from jugex.plots.styles import FAINT, INK, PALE, dress_axes, in_journal_style, make_axes, text_size
from jugex.plots.texts import P_FWE, fit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_sensitivity"]

_MAX_GENES = 8
_MM_PER_ROW, _MM_PER_GENE, _MM_OF_NAMES = 4.6, 15.0, 56.0
_SIGNIFICANT_COLOUR = "#B9CFE4"


@in_journal_style
def plot_sensitivity(
    table: pd.DataFrame, *, genes: Sequence[str] | None = None, alpha: float = 0.05, ax: Axes | None = None
) -> Axes:
    """Plot the family-wise p of some genes under each choice: shaded if at most alpha, empty if there is no test.

    The first row is the result itself. The figure is descriptive: the same samples are tested in every row, so that the
    number of shaded cells does not measure the strength of evidence.

    Parameters
    ----------
    table : DataFrame
        What ``result.sensitivity()`` returned.
    genes : sequence of str, optional
        Genes to show; default: the first eight of the table, the significant ones before the others.
    alpha : float
        Level of family-wise error up to which a cell is shaded.
    ax : matplotlib Axes, optional
        Axes to draw on; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If a gene is not in the table, or the list is empty.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("simulated:A", "simulated:B", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> ax = jugex.plots.plot_sensitivity(result.sensitivity(n_permutations=999))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['MAOA', 'GAD2']
    """
    names = _choose_genes(table, genes)
    rows = table[table["gene"].isin(names)].copy()
    rows["choice"] = [name_choices(row) for row in rows.to_dict("records")]
    p_fwe = rows.pivot_table(index="choice", columns="gene", values="p_fwe", aggfunc="min", dropna=False, sort=False)
    choices = list(dict.fromkeys(rows["choice"]))
    values = p_fwe.reindex(index=choices, columns=names).to_numpy(dtype=np.float64)
    width, height = _MM_OF_NAMES + _MM_PER_GENE * len(names), 14 + _MM_PER_ROW * len(choices)
    ax = make_axes(width, height)[0] if ax is None else ax
    for row, p_of_choice in enumerate(values):
        for column, p in enumerate(p_of_choice):
            shade = FAINT if np.isnan(p) else _SIGNIFICANT_COLOUR if p <= alpha else "white"
            ax.fill_between([column - 0.5, column + 0.5], row - 0.5, row + 0.5, color=shade, linewidth=0, zorder=1)
            weight = "bold" if row == 0 else "normal"
            ax.text(
                column, row, format_p(float(p)), ha="center", va="center", size=text_size(-1), weight=weight, color=INK
            )
    ax.hlines(0.5, -0.5, len(names) - 0.5, color=INK, linewidth=0.6)
    ax.hlines(np.arange(1.5, len(choices) - 1), -0.5, len(names) - 0.5, color=PALE, linewidth=0.3)
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(choices) - 0.5, -0.5))
    ax.set_yticks(range(len(choices)), [fit_text(choice, 44) for choice in choices])
    ax.set_xticks(range(len(names)), [fit_text(name, 12) for name in names])
    ax.xaxis.tick_top()
    ax.set_xlabel(rf"{P_FWE} over samples, shaded where at most {alpha:g}")
    dress_axes(ax)
    ax.xaxis.label.set_parse_math(True)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _choose_genes(table: pd.DataFrame, genes: Sequence[str] | None) -> list[str]:
    known = list(dict.fromkeys(table["gene"]))
    if genes is None:
        significant_rows = table[table["is_headline"] & table["significant"].fillna(False)]
        return list(dict.fromkeys([*significant_rows["gene"], *known]))[:_MAX_GENES]
    unknown = [gene for gene in genes if gene not in known]
    if unknown or not list(genes):
        raise OptionError(f"genes must be among those of the table; got {unknown[0] if unknown else genes!r}")
    return list(genes)
