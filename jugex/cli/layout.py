"""Text laid out for a terminal: tables in columns, and help that keeps its examples."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

__all__ = ["HelpFormatter", "lay_out"]

_GAP = "  "


def lay_out(header: Iterable[str], rows: Iterable[Sequence[Any]], *, right: Collection[str] = ()) -> list[str]:
    """Lay a table out in columns.

    Parameters
    ----------
    header : iterable of str
        Names of the columns.
    rows : iterable of sequences
        Cells, as `str` shows them.
    right : collection of str
        Columns set to the right, as numbers are.

    Returns
    -------
    list of str
        The lines: the header, then the rows.
    """
    names = list(map(str, header))
    table = [names, *(list(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(names, row, widths, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


class HelpFormatter(argparse.HelpFormatter):
    """Help with its paragraphs wrapped; lines that begin with blanks, such as examples, stay as they are."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"max_help_position": 26, **options})
        self._action_max_length = 14  # else the longest command's help begins on the next line

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = re.split(r"\n{2,}", text.strip("\n"))
        return "\n\n".join(
            "\n".join(
                indent + line if line.startswith(" ") else textwrap.fill(line, width, initial_indent=indent)
                for line in block.split("\n")
            )
            for block in blocks
        )
