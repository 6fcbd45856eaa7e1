"""Work that is killed at some moment, as by `kill -9`."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable


def kill_after(seconds: float, work: Callable[[], object]) -> None:
    """Let a process of its own do some work, and kill it after a while."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork where there are threads
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
