"""Whoever computes the pairs, and whatever is killed meanwhile, the scan is the same byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jugex.errors import OptionError, ScanError
from jugex.scanning import control, workers
from jugex.scanning import run as running
from jugex.scanning.folder import read_journal
from tests.scanning.helpers import make_scan, read_bytes

PROJECT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import sys
from pathlib import Path
from tests.scanning.helpers import make_scan
if __name__ == "__main__":
    make_scan(Path(sys.argv[1]), workers=int(sys.argv[2]))
"""
_PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "scan"
    make_scan(folder)
    return read_bytes(folder)


def start(script: Path, out: Path, n_workers: int) -> subprocess.Popen[bytes]:
    script.write_text(_SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [sys.executable, str(script), str(out), str(n_workers)], env=environment, start_new_session=True
    )


def wait_for(out: Path, n_pairs: int, process: subprocess.Popen[bytes]) -> None:
    """Until so many pairs are noted, or the process ended."""
    begin = time.monotonic()
    while len(read_journal(out)) < n_pairs and process.poll() is None:
        assert time.monotonic() - begin < _PATIENCE_S
        time.sleep(0.01)


class TestKilled:
    @pytest.mark.slow
    def test_twice_it_goes_on_where_it_was(self, tmp_path, undisturbed, monkeypatch):
        out = tmp_path / "scan"
        for n_done in (2, 5):
            process = start(tmp_path / "script.py", out, 2)
            wait_for(out, n_done, process)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        before = {number: row for number, row in read_journal(out).items() if row.status == "ok"}
        assert len(before) >= 2
        computed: list[int] = []
        run = workers.Job.run
        monkeypatch.setattr(workers.Job, "run", lambda job, pair: computed.append(pair.number) or run(job, pair))
        make_scan(out)
        assert not set(computed) & set(before)
        assert read_bytes(out) == undisturbed

    def test_while_it_corrects_over_the_scan(self, tmp_path, undisturbed, monkeypatch):
        out, n_written = tmp_path / "scan", []
        write = control.write_part

        def stop_at_third(*arguments):
            if len(n_written) == 3:
                raise KeyboardInterrupt
            n_written.append(1)
            write(*arguments)

        monkeypatch.setattr(control, "write_part", stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            make_scan(out)
        monkeypatch.setattr(control, "write_part", write)
        make_scan(out)
        assert read_bytes(out) == undisturbed

    def test_half_written_things_are_never_read(self, tmp_path, undisturbed):
        out = tmp_path / "scan"
        make_scan(out)
        lines = (out / "progress.jsonl").read_bytes()
        (out / "progress.jsonl").write_bytes(lines[:-40])  # the last line was cut off
        (out / "results" / ".pair-000001.parquet.77.tmp").write_bytes(b"half")
        first = next(iter(sorted((out / "results").glob("pair-*.parquet"))))
        first.unlink()  # noted as done, but not there
        manifest = (out / "scan.json").read_text().replace('"finished": true', '"finished": false')
        (out / "scan.json").write_text(manifest)
        make_scan(out)
        assert read_bytes(out) == undisturbed
        assert not list((out / "results").glob(".*"))


class TestProcesses:
    @pytest.mark.slow
    def test_two_give_the_same(self, tmp_path, undisturbed):
        make_scan(tmp_path / "scan", workers=2)
        assert read_bytes(tmp_path / "scan") == undisturbed

    def test_one_that_dies_is_replaced(self, tmp_path, undisturbed, monkeypatch):
        killed: list[int] = []
        submit = workers._Processes.submit

        def submit_and_kill(crew, worker, pair):
            future = submit(crew, worker, pair)
            if pair.number == 1 and not killed:
                [pid] = crew._pools[worker]._processes
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)
            return future

        monkeypatch.setattr(workers._Processes, "submit", submit_and_kill)
        make_scan(tmp_path / "scan", workers=2)
        assert killed
        assert read_bytes(tmp_path / "scan") == undisturbed

    @pytest.mark.slow
    def test_a_pair_that_kills_three_is_named(self, tmp_path, monkeypatch):
        submit = workers._Processes.submit

        def submit_and_kill(crew, worker, pair):
            future = submit(crew, worker, pair)
            if pair.number == 1:
                [pid] = crew._pools[worker]._processes
                os.kill(pid, signal.SIGKILL)
            return future

        monkeypatch.setattr(workers._Processes, "submit", submit_and_kill)
        with pytest.raises(ScanError, match="3 workers died at the pair 'A - C left'"):
            make_scan(tmp_path / "scan", workers=2)

    @pytest.mark.slow
    def test_workers_end_with_the_one_who_hired_them(self, tmp_path):
        out = tmp_path / "scan"
        process = start(tmp_path / "script.py", out, 2)
        wait_for(out, 1, process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            process.kill()
            process.wait()
            pytest.skip("this system does not list the children of a process")
        pids = [int(pid) for pid in children.read_text().split()]
        process.kill()  # it alone, not its group
        process.wait()
        begin = time.monotonic()
        while any(_is_alive(pid) for pid in pids):
            assert time.monotonic() - begin < _PATIENCE_S
            time.sleep(0.02)

    @pytest.mark.slow
    def test_an_error_in_a_worker_is_the_users(self, tmp_path):
        from tests.scanning.helpers import TEST

        with pytest.raises(OptionError, match="nowhere_known"):
            make_scan(tmp_path / "scan", workers=2, test=replace(TEST, covariates="nowhere_known"))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


class TestGroups:
    def test_a_worker_stays_with_its_reference_and_then_helps(self):
        from jugex.scanning.targets import Pair

        pairs = [Pair(number, "", "", "", 0) for number in range(6)]
        groups = workers._Groups([pairs[:4], pairs[4:]])
        taken = [groups.take(worker)[1].number for worker in ("a", "b", "a", "b", "b")]
        assert taken == [0, 4, 1, 5, 2]
        groups.put_back(0, pairs[2])
        assert groups.take("a")[1].number == 2
        assert [groups.take("a")[1].number, groups.take("a")] == [3, None]


_COUNT_PAGES = """
import resource
import numpy as np
from jugex.scanning.workers import _keep_freed_memory
for keep in (False, True, False):
    _keep_freed_memory(keep)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(1 << 17)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_freed_memory_is_kept_where_dask_has_it_given_back():
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", _COUNT_PAGES], env=environment, capture_output=True, text=True)
    before, kept, after = map(int, done.stdout.split())
    assert kept < before / 10  # arrays of a MB, each of 256 pages
    assert after > before / 2


class TestDask:
    @pytest.fixture
    def cluster(self):
        distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client

    @pytest.mark.filterwarnings("ignore")
    def test_two_workers_of_which_one_is_killed_give_the_same(self, tmp_path, undisturbed, cluster, monkeypatch):
        out, note = tmp_path / "scan", running.ScanFolder.note
        killed: list[int] = []

        def note_and_kill(folder, row):
            note(folder, row)
            if not killed:
                pid = cluster.submit(os.getpid, workers=[sorted(cluster.nthreads())[0]], pure=False).result()
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)

        monkeypatch.setattr(running.ScanFolder, "note", note_and_kill)
        make_scan(out, client=cluster)
        assert killed
        assert read_bytes(out) == undisturbed

    def test_what_is_no_client_is_refused(self, tmp_path):
        pytest.importorskip("distributed", reason="the extra dask is not installed")
        with pytest.raises(OptionError, match=r"dask.distributed.Client; got str"):
            make_scan(tmp_path / "scan", client="tcp://127.0.0.1:8786")


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ScanError, match="dask"):
        make_scan(tmp_path / "scan", client=object())
