"""One thread of linear algebra, where blocks of work are what threads share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]

_LOCK = threading.Lock()


@cache
def _find_blas() -> ThreadpoolController:
    """NumPy's BLAS: looked for once, since that takes longer than a small job."""
    return ThreadpoolController()


class _Holders:
    """How many blocks of code want one thread at this moment, and what to give back after the last."""

    count = 0
    limit: Any = None


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
        if not _Holders.count:
            _Holders.limit = _find_blas().limit(limits=1, user_api="blas")
        _Holders.count += 1
    try:
        yield
    finally:
        with _LOCK:
            _Holders.count -= 1
            if not _Holders.count:
                _Holders.limit.restore_original_limits()
