"""Who computes the pairs: this process, processes on this machine, or the workers of a Dask cluster.

Each worker has one pair at a time, and goes on with pairs in the same tissue as long as there are any, because what was
measured there is kept. A worker that dies is replaced, and its pair is computed again.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import Any

from jugex.errors import OptionError, ScanError, how_to_install
from jugex.scanning.folder import Outcome
from jugex.scanning.pair import Job
from jugex.scanning.targets import Pair

__all__ = ["connect", "hire", "run_pairs"]

#: A pair at which so many workers died is not tried again.
_MOST_DEATHS = 3

#: Options of glibc's `mallopt`, and what it starts with and comes to by itself (malloc.c), in bytes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD = 128 * 1024, 32 * 1024 * 1024


class Crew(ABC):
    """Workers by name, each with a pair at a time."""

    @abstractmethod
    def list_workers(self) -> list[str]:
        """Names of the workers that there are now."""

    @abstractmethod
    def submit(self, worker: str, pair: Pair) -> Any:
        """Give a worker a pair; a future of its outcome."""

    @abstractmethod
    def died(self, worker: str, error: BaseException) -> bool:
        """Whether an error means that the worker died; it is then replaced."""

    @abstractmethod
    def close(self, *, wait: bool) -> None:
        """Let the workers go; wait for them where they have nothing to do."""


class _Groups:
    """Pairs that are not begun yet, by groups; a worker stays in its group."""

    def __init__(self, groups: Sequence[Sequence[Pair]]) -> None:
        self._left = [deque(group) for group in groups]
        self._group_of: dict[str, int] = {}

    def take(self, worker: str) -> tuple[int, Pair] | None:
        """The next pair of a worker: of its group, of one without a worker, or of the one with most pairs left."""
        own = self._group_of.get(worker)
        if own is None or not self._left[own]:
            taken = set(self._group_of.values())
            open_groups = [number for number, left in enumerate(self._left) if left]
            if not open_groups:
                return None
            free = [number for number in open_groups if number not in taken]
            own = max(free or open_groups, key=lambda number: (len(self._left[number]), -number))
            self._group_of[worker] = own
        return own, self._left[own].popleft()

    def put_back(self, group: int, pair: Pair) -> None:
        self._left[group].appendleft(pair)


def run_pairs(crew: Crew, groups: Sequence[Sequence[Pair]]) -> Iterator[Outcome]:
    """Compute the pairs of some groups; outcomes come as they are done.

    Raises
    ------
    ScanError
        If three workers died at the same pair, or no worker is left.
    """
    groups_left, done = _Groups(groups), SimpleQueue[Any]()
    running: dict[Any, tuple[str, int, Pair]] = {}
    deaths: Counter[int] = Counter()
    try:
        while True:
            busy = {worker for worker, _, _ in running.values()}
            for worker in crew.list_workers():
                if worker in busy or (next_pair := groups_left.take(worker)) is None:
                    continue
                future = crew.submit(worker, next_pair[1])
                running[future] = (worker, *next_pair)
                future.add_done_callback(done.put)
            if not running:
                return
            future = done.get()
            worker, group, pair = running.pop(future)
            try:
                outcome = future.result()
            except Exception as error:
                if not crew.died(worker, error):
                    raise
                deaths[pair.number] += 1
                if deaths[pair.number] >= _MOST_DEATHS:
                    raise ScanError(
                        f"{_MOST_DEATHS} workers died at the pair {pair.name!r}, perhaps for lack of memory; "
                        "start the scan again with fewer workers: it goes on where it was"
                    ) from error
                groups_left.put_back(group, pair)
            else:
                yield outcome
    finally:
        crew.close(wait=not running)


def hire(job: Job, n_workers: int) -> Crew:
    """Workers on this machine: this process where one is enough, else processes of their own."""
    return _Here(job) if n_workers == 1 else _Processes(job, n_workers)


# --- this process --------------------------------------------------------------------------------------------------


class _Here(Crew):
    def __init__(self, job: Job) -> None:
        self._job = job

    def list_workers(self) -> list[str]:
        return ["here"]

    def submit(self, worker: str, pair: Pair) -> Future[Outcome]:  # noqa: ARG002  # there is one
        future: Future[Outcome] = Future()
        try:
            future.set_result(self._job.run(pair))
        except Exception as error:
            future.set_exception(error)
        return future

    def died(self, worker: str, error: BaseException) -> bool:  # noqa: ARG002
        return False

    def close(self, *, wait: bool) -> None:  # there is nobody to let go
        pass


# --- processes on this machine -------------------------------------------------------------------------------------


class _Processes(Crew):
    """A pool of one process for each worker: the death of one breaks only its own."""

    def __init__(self, job: Job, n_workers: int) -> None:
        if multiprocessing.parent_process() is not None and multiprocessing.current_process().name.startswith("Spawn"):
            raise OptionError(
                "a scan with several workers starts them anew from your script; put what it does below "
                "if __name__ == '__main__':"
            )
        self._job = job
        self._pools = {str(number): self._start() for number in range(n_workers)}

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads and locks in any state
        return ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(self._job,))

    def list_workers(self) -> list[str]:
        return list(self._pools)

    def submit(self, worker: str, pair: Pair) -> Future[Outcome]:
        return self._pools[worker].submit(_run, pair)

    def died(self, worker: str, error: BaseException) -> bool:
        if not isinstance(error, BrokenProcessPool):
            return False
        self._pools[worker].shutdown(wait=False)
        self._pools[worker] = self._start()
        return True

    def close(self, *, wait: bool) -> None:
        for pool in self._pools.values():
            pool.shutdown(wait=wait, cancel_futures=True)


_job: Job | None = None


def _begin(job: Job) -> None:
    """Start a worker: it keeps the job, leaves interruptions to its parent, and ends with it."""
    import signal

    global _job  # what a process is there for
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _run(pair: Pair) -> Outcome:
    if _job is None:
        raise RuntimeError("the worker has no job")
    return _job.run(pair)


# --- Dask ----------------------------------------------------------------------------------------------------------


def connect(job: Job, client: Any) -> Crew:
    """The workers of a Dask cluster, which must see the folder of the scan and the store under the same paths.

    Raises
    ------
    ScanError
        If Dask is not installed, or the cluster has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ScanError(f"Dask is not installed: {how_to_install('dask')}") from error
    if not isinstance(client, Client):
        raise OptionError(f"client must be a dask.distributed.Client; got {type(client).__name__}")
    return _Dask(job, client)


class _Dask(Crew):
    def __init__(self, job: Job, client: Any) -> None:
        self._client, self._n = client, 0
        self._name = f"jugex-{os.getpid()}-{id(job):x}"
        client.register_plugin(_make_plugin(job, self._name))
        if not client.nthreads():
            raise ScanError("the Dask cluster has no worker; start some, then run the scan again")

    def list_workers(self) -> list[str]:
        return sorted(self._client.nthreads())

    def submit(self, worker: str, pair: Pair) -> Any:
        self._n += 1
        return self._client.submit(
            _run_on_dask, self._name, pair, key=f"{self._name}-{pair.number}-{self._n}", workers=[worker],
            allow_other_workers=True, pure=False,
        )  # fmt: skip

    def died(self, worker: str, error: BaseException) -> bool:  # noqa: ARG002
        return type(error).__name__ in ("KilledWorker", "CancelledError", "FutureCancelledError")

    def close(self, *, wait: bool) -> None:  # noqa: ARG002  # they are the user's
        self._client.unregister_worker_plugin(self._name)


def _make_plugin(job: Job, name: str) -> Any:
    from distributed import WorkerPlugin

    class JobPlugin(WorkerPlugin):  # type: ignore[misc]  # it has no type hints
        """Carries the job to every worker, also to those that come later."""

        def __init__(self) -> None:
            self.job, self.name = job, name

        def setup(self, worker: Any) -> None:  # noqa: ARG002
            _keep_freed_memory(True)

        def teardown(self, worker: Any) -> None:  # noqa: ARG002
            _keep_freed_memory(False)

    return JobPlugin()


def _keep_freed_memory(keep: bool) -> None:
    """Let the C library of a worker keep freed memory for what comes next, as it does by itself, or no longer.

    Dask's nannies have it give all memory back at once (`MALLOC_TRIM_THRESHOLD_`): for the arrays of a few MB that a
    pair takes and frees by the thousand, that costs a sixth to a fifth of the time.
    """
    given = os.environ.get("MALLOC_TRIM_THRESHOLD_", "")
    if sys.platform != "linux" or not given.isdecimal():
        return
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:  # of the GNU C library
        mallopt(_M_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD if keep else _MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, 2 * _MOST_MMAP_THRESHOLD if keep else int(given))


def _run_on_dask(name: str, pair: Pair) -> Outcome:
    from distributed import get_worker

    outcome: Outcome = get_worker().plugins[name].job.run(pair)
    return outcome
