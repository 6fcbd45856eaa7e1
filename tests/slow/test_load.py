"""Comparisons in a loop, in one thread and in four: nothing that a run takes stays taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slow.load import run_load


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="usage is read from Linux's /proc")
@pytest.mark.parametrize("n_workers", [1, 4])
def test_memory_files_and_threads_stay(tmp_path, n_workers):
    load = run_load(n_workers, 45, tmp_path)
    assert load.n_runs >= 3 * n_workers
    assert load.n_files_last <= load.n_files_first
    assert load.n_threads_last <= load.n_threads_first
    # within what figures and tables of runs differ by; the results of all runs, if they were kept, are a multiple
    assert load.held_mib_last - load.held_mib_first < 100
