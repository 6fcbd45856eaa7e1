"""Progress of long work, silent unless somebody asks for it.

The library reports steps through `track`; inside ``with shown():`` (the command line) and in a notebook they become a
bar with the time left, and only for work that takes more than a second. Downloads report bytes through `byte_bar`.
Where standard error is no terminal but a file or a pipe, there is no bar, whose steps would stand there in a row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["ByteBar", "byte_bar", "say", "shown", "track"]

_T = TypeVar("_T")
#: None where nobody said: then a notebook shows progress, and nothing else does.
_is_shown: ContextVar[bool | None] = ContextVar("jugex_progress_is_shown", default=None)


@contextmanager
def shown(enabled: bool = True) -> Iterator[None]:
    """Show progress on standard error while the block runs."""
    token = _is_shown.set(enabled)
    try:
        yield
    finally:
        _is_shown.reset(token)


def track(items: Iterable[_T], *, description: str, total: int | None = None, unit: str = "it") -> Iterable[_T]:
    """Pass `items` on, showing how many went by where progress is shown.

    Parameters
    ----------
    items : iterable
        What the work goes through.
    description : str
        What the work is, in a few words: "reading donor archives".
    total : int, optional
        Number of items, where `items` has no length.
    unit : str
        What is counted per second.
    """
    if not _is_visible():
        return items
    bar: Iterable[_T] = _choose_bar()(
        items, desc=description, total=total, unit=unit, delay=1.0, file=sys.stderr, leave=False
    )
    return bar


def say(text: str) -> None:
    """Write a line on standard error, above a bar that stands there."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr)


def _is_visible() -> bool:
    """Whether progress is asked for and standard error is a terminal, or a notebook runs."""
    asked = _is_shown.get()
    if _is_notebook():
        return asked is not False
    return bool(asked) and sys.stderr is not None and sys.stderr.isatty()


def _is_notebook() -> bool:
    """Whether the code runs in the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "ipykernel" in sys.modules and getattr(shell, "kernel", None) is not None


def _choose_bar() -> Any:
    """The bar of a notebook where it can show one, else that of a terminal."""
    return import_module("tqdm.auto" if _is_notebook() and find_spec("ipywidgets") is not None else "tqdm").tqdm


class ByteBar:
    """How many bytes have gone by, with rate and time left where progress is shown; else nothing.

    Parameters
    ----------
    bar : tqdm, optional
        What shows it.
    """

    def __init__(self, bar: tqdm[NoReturn] | None = None) -> None:
        self._bar = bar

    def start(self, *, done: int, total: int | None) -> None:
        """Begin, or begin again after a failure: `done` of `total` bytes are there and do not count for the rate."""
        if self._bar is not None:
            self._bar.reset(total)
            self._bar.set_postfix_str("", refresh=False)
            self._bar.initial = self._bar.n = self._bar.last_print_n = done

    def add(self, n_bytes: int) -> None:
        """Count bytes that went by."""
        if self._bar is not None:
            self._bar.update(n_bytes)

    def say(self, text: str) -> None:
        """Show a few words beside the bar: why it stands still."""
        if self._bar is not None:
            self._bar.set_postfix_str(text)


@contextmanager
def byte_bar(description: str) -> Iterator[ByteBar]:
    """Bar for bytes, such as those of a download; it is gone when the block ends.

    Parameters
    ----------
    description : str
        What the work is, in a few words: "donor 9861".
    """
    if not _is_visible():
        yield ByteBar()
        return
    with _choose_bar()(desc=description, unit="B", unit_scale=True, file=sys.stderr, leave=False) as bar:
        yield ByteBar(bar)
