"""Progress of long work, silent unless somebody asks for it.

The library reports steps through `track`; only inside ``with shown():`` (the command line) do they become a
bar on standard error, and only for work that takes more than a second.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["shown", "track"]

_T = TypeVar("_T")
_is_shown: ContextVar[bool] = ContextVar("jugex_progress_is_shown", default=False)


@contextmanager
def shown(enabled: bool = True) -> Iterator[None]:
    """Show progress on standard error while the block runs."""
    token = _is_shown.set(enabled)
    try:
        yield
    finally:
        _is_shown.reset(token)


def track(items: Iterable[_T], *, description: str, total: int | None = None) -> Iterable[_T]:
    """Pass `items` on, showing how many went by where progress is shown.

    Parameters
    ----------
    items : iterable
        What the work goes through.
    description : str
        What the work is, in a few words: "reading donor archives".
    total : int, optional
        Number of items, where `items` has no length.
    """
    if not _is_shown.get():
        return items
    from tqdm import tqdm

    return tqdm(items, desc=description, total=total, delay=1.0, file=sys.stderr, leave=False)
