"""Selection of labels by a number, a name, several of these, a range, or a pattern with ``*``."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from jugex.errors import JugexWarning, RegionError, warn_user

__all__ = ["LabelLike", "NamedSide", "Side", "find_labels", "match_names", "nearest_names", "split_side"]

#: A label by its number or name, or several.
LabelLike = int | str | Sequence[int | str]

Side = Literal["left", "right"]

_MAX_SHOWN = 5


def find_labels(
    label: LabelLike, names: Mapping[int, str], held: Callable[[], Collection[int]], *, title: str, hint: str = ""
) -> tuple[int, ...]:
    """Find the labels that the user names.

    The first rule that applies counts: the whole text is a name; a number; a list or range of numbers (``1,2,5-9``),
    where numbers that the image does not hold are skipped; a pattern of names with ``*``; a name without case and
    punctuation, or a part that only one name has.

    Parameters
    ----------
    label : int, str or sequence of them
        Number or name of a label, or several.
    names : mapping of int to str
        Name of each label; some may be missing.
    held : callable
        Returns the labels that the image holds; called only if the names are not enough.
    title : str
        Name of the image in messages.
    hint : str
        Advice if there are no names, as the end of an error.

    Returns
    -------
    tuple of int
        The labels, each once, in the order in which they are named; single numbers are not checked against the image.

    Raises
    ------
    RegionError
        If nothing matches, several names match, or a number is the name of another label.

    Warns
    -----
    JugexWarning
        If labels of a list or range are not in the image.
    """
    if isinstance(label, str):
        return tuple(dict.fromkeys(_find_by_text(label, names, held, title, hint)))
    if not isinstance(label, Sequence):
        return (_read_whole(label),)
    if not label:
        raise RegionError("no label is named: give at least one number or name")
    found = [number for one in label for number in find_labels(one, names, held, title=title, hint=hint)]
    return tuple(dict.fromkeys(found))


def _find_by_text(
    label: str, names: Mapping[int, str], held: Callable[[], Collection[int]], title: str, hint: str
) -> Iterable[int]:
    text = label.strip()
    called = [number for number, name in names.items() if name == text]
    if re.fullmatch(r"[+-]?\d+", text):
        number = int(text)
        others = [other for other in called if other != number]
        if not others or number not in held():
            return called or [number]
        raise RegionError(
            f"{text!r} is a label of {title} ({number}{_format_name(names, number)}) and the name of label "
            f"{others[0]}: give the number as label={number} or label={others[0]} in Python, or rename it in the label "
            "table"
        )
    if len(called) == 1:
        return called
    if re.fullmatch(r"\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*", text) and not called:
        return _find_in_ranges(text, held(), title)
    if not names:
        raise RegionError(f"{title} has no label table, so that label {label!r} has no number: {hint}")
    if "*" in text and not called:
        return _find_by_pattern(text, names, held(), title)
    matches = match_names(names, text)
    if len(matches) > 1:  # the table may name more than the image holds, which alone counts
        in_image = set(held())
        matches = {number: name for number, name in matches.items() if number in in_image} or matches
    if len(matches) == 1:
        return matches
    if matches:
        raise RegionError(
            f"{label!r} matches {len(matches)} labels of {title} ({_format_labels(matches)}): "
            "write more of the name, the number, or a pattern with * for all of them"
        )
    raise RegionError(f"no label of {title} is called {label!r}; {_suggest(names, text)}")


def _find_in_ranges(text: str, held: Collection[int], title: str) -> list[int]:
    asked: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if last and int(last) < int(first):
            raise RegionError(f"the range {part.strip()} of labels runs backwards: write the smaller number first")
        in_range = sorted(number for number in held if int(first) <= number <= int(last or first))
        asked += in_range if last else [int(first)]
        if last and len(in_range) < int(last) - int(first) + 1:
            warn_user(f"{len(in_range)} labels of {title} are in {part.strip()}; the gaps are skipped", JugexWarning)
    missing = [number for number in asked if number not in held]
    found = [number for number in asked if number in held]
    if not found:
        raise RegionError(f"none of the labels {text} is in {title}; give labels that it holds")
    if missing:
        warn_user(f"{title} has no label {', '.join(map(str, missing))}, which {text} names; skipped", JugexWarning)
    return found


def _find_by_pattern(text: str, names: Mapping[int, str], held: Collection[int], title: str) -> list[int]:
    pattern = re.compile(".*".join(map(re.escape, text.split("*"))), flags=re.IGNORECASE)
    in_image = set(held)
    if found := [number for number, name in names.items() if pattern.fullmatch(name) and number in in_image]:
        return found
    raise RegionError(f"no label of {title} fits {text!r}; {_suggest(names, text.replace('*', ''))}")


def _read_whole(label: Any) -> int:
    """The label as a whole number, also if written as 30.0."""
    if isinstance(label, float | np.floating) and label.is_integer():
        return int(label)
    try:
        return operator.index(label)
    except TypeError:
        raise RegionError(f"label {label!r} is not a label: give its whole number, or its name as text") from None


# --- names --------------------------------------------------------------------------------------------------------


def match_names(names: Mapping[int, str], text: str) -> dict[int, str]:
    """Find the names that a text means, by the strictest rule that any name satisfies.

    The rules are: equal; equal ignoring case; equal without case and punctuation; part of the name, without these.

    Parameters
    ----------
    names : mapping of int to str
        The names, by their numbers.
    text : str
        The text to match.

    Returns
    -------
    dict of int to str
        The names that match; empty if none does.
    """
    wanted = _strip_punctuation(text)
    rules: list[Callable[[str], bool]] = [
        lambda name: name == text,
        lambda name: name.casefold() == text.casefold(),
        lambda name: bool(wanted) and _strip_punctuation(name) == wanted,
        lambda name: bool(wanted) and wanted in _strip_punctuation(name),
    ]
    found = ({number: name for number, name in names.items() if rule(name)} for rule in rules)
    return next((matches for matches in found if matches), {})


def nearest_names(names: Iterable[str], text: str) -> list[str]:
    """At most five names that resemble a text, as a whole or word by word, the nearest first."""
    names = list(names)
    scores = {name: _score_similarity(name, text) for name in names}
    if not any(score >= 0.5 for score in scores.values()):  # such as V9: names with the same letters and another number
        series = re.sub(r"\d+", "0", text.casefold())
        return [
            name
            for name in names
            if series in {re.sub(r"\d+", "0", word) for word in re.findall(r"[^\W_]+", name.casefold())}
        ][:_MAX_SHOWN]
    return [name for name in sorted(scores, key=lambda name: -scores[name]) if scores[name] >= 0.5][:_MAX_SHOWN]


def _score_similarity(name: str, text: str) -> float:
    """Similarity of two texts, as wholes or word by word, from 0 to 1."""
    whole = difflib.SequenceMatcher(None, _strip_punctuation(name), _strip_punctuation(text)).ratio()
    names, words = (re.findall(r"[^\W_]+", part.casefold()) for part in (name, text))
    if not names or not words:
        return whole
    best = [max(difflib.SequenceMatcher(None, word, other).ratio() for other in names) for word in words]
    return max(whole, sum(best) / len(best) * 0.99)  # at equal scores, similarity as a whole comes first


def _strip_punctuation(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _format_name(names: Mapping[int, str], number: int) -> str:
    return f", {names[number]!r}" if number in names else ""


def _format_labels(labels: Mapping[int, str]) -> str:
    shown = [f"{label}: {name}" for label, name in list(labels.items())[:_MAX_SHOWN]]
    return ", ".join(shown) + (", ..." if len(labels) > _MAX_SHOWN else "")


def _suggest(names: Mapping[int, str], text: str) -> str:
    nearest = nearest_names(names.values(), text)
    if nearest:
        return "the nearest are " + ", ".join(repr(name) for name in nearest)
    return f"it has {len(names):,} labels ({_format_labels(names)})"


# --- the hemisphere in a region's name ------------------------------------------------------------------------------


_WORDS: dict[str, Side] = {"left": "left", "lh": "left", "right": "right", "rh": "right"}
# a single letter counts only at the beginning or the end of a name
_LETTERS: dict[str, Side] = {"l": "left", "r": "right"}


class NamedSide(NamedTuple):
    """A region's name without its hemisphere, and the hemisphere; None if the name has none."""

    base: str
    side: Side | None


def split_side(name: str) -> NamedSide:
    """Split a region's name into the name without hemisphere, and the hemisphere.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    NamedSide
        The rest of the name, and the hemisphere; the whole name and None if it names no hemisphere, or more than one.

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
