"""One thread of linear algebra, where blocks of work are what threads share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_LOCK = threading.Lock()


@cache
def _find_blas() -> ThreadpoolController:
    """NumPy's BLAS: looked for once, since that takes longer than a small job."""
    return ThreadpoolController()


class _Limit:
    """The limit while it is held, by a thread of its own: threadpoolctl lets only one thread at a time change it.

    So it does not matter which of several threads asks first, and which is done last.
    """

    def __init__(self) -> None:
        self._is_set, self._is_done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, name="jugex-one-blas-thread", daemon=True)
        self._thread.start()
        try:
            self._is_set.wait()
        except BaseException:  # Ctrl-C
            self._is_done.set()
            raise

    def _hold(self) -> None:
        try:
            for library in _find_blas().lib_controllers:
                # a caller's own limit is not in the way: it comes back with the number that this one restores
                if hasattr(library, "clear_controlling_thread"):  # threadpoolctl 3.8
                    library.clear_controlling_thread(force=True)
            with _find_blas().limit(limits=1, user_api="blas"):
                self._is_set.set()
                self._is_done.wait()
        finally:
            self._is_set.set()

    def give_back(self) -> None:
        """Restore the number of threads."""
        self._is_done.set()
        self._thread.join()


class _Holders:
    """Number of blocks of code that want one thread at this moment, and the limit that they share."""

    count = 0
    limit: _Limit | None = None


def _forget() -> None:
    """After a fork: the threads that held the lock, or wanted one thread, are not in this process."""
    global _LOCK
    _LOCK = threading.Lock()
    _Holders.count, _Holders.limit = 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the BLAS of this process to one thread.

    The numbers of a product do not depend on the machine then, and idle threads do not wait in a loop. The setting is
    the process's: it is given back when the last of all threads that hold it has left.
    """
    with _LOCK:
        if _Holders.limit is None:
            _Holders.limit = _Limit()
        _Holders.count += 1
    try:
        yield
    finally:
        with _LOCK:
            _Holders.count -= 1
            if not _Holders.count and _Holders.limit is not None:
                _Holders.limit.give_back()
                _Holders.limit = None
