"""The hemisphere in a region's name: ``V1_L``, ``Left_Hippocampus``, ``ctx-lh-cuneus``, ``hOc1 left``."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

__all__ = ["NamedSide", "Side", "split_side"]

Side = Literal["left", "right"]

_WORDS: dict[str, Side] = {"left": "left", "lh": "left", "right": "right", "rh": "right"}
# one letter says so at the beginning or the end of a name only
_LETTERS: dict[str, Side] = {"l": "left", "r": "right"}


class NamedSide(NamedTuple):
    """A region's name without its hemisphere, and the hemisphere; None where the name has none."""

    base: str
    side: Side | None


def split_side(name: str) -> NamedSide:
    """Take the hemisphere out of a region's name.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    NamedSide
        The rest of the name, and the hemisphere; the whole name and None where it names none, or more than one.

    Examples
    --------
    >>> split_side("GM_Visual_cortex_V1_BA17_L")
    NamedSide(base='GM_Visual_cortex_V1_BA17', side='left')
    >>> split_side("ctx-rh-cuneus")
    NamedSide(base='ctx-cuneus', side='right')
    >>> split_side("Brain_Stem")
    NamedSide(base='Brain_Stem', side=None)
    """
    words = list(re.finditer(r"[^\W_]+", name))
    ends = {words[0].start(), words[-1].start()} if words else set()
    found = []
    for word in words:
        text = word[0].casefold()
        side = _WORDS.get(text) or (_LETTERS.get(text) if word.start() in ends else None)
        if side is not None:
            found.append((word, side))
    if len(found) != 1 or len(words) == 1:
        return NamedSide(name, None)
    word, side = found[0]
    before, after = name[: word.start()].rstrip(" _-"), name[word.end() :].lstrip(" _-")
    between = name[word.start() - 1] if before and after else ""
    return NamedSide(before + between + after, side)
