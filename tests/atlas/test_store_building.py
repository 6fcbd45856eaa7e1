"""Building the store: whole or not at all, once, and from sound archives only."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from jugex.atlas import ArchivesAtlas, StoreAtlas, building, open_atlas
from jugex.atlas.building import BuildReport, build_store
from jugex.errors import ArchiveError, AtlasNotFoundError, OptionError, StoreError
from tests.atlas.conftest import add_calls

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def archives(new_archive, tmp_path):
    """Folder with the archives of two donors."""
    folder = tmp_path / "archives"
    for donor_id in (9861, 10021):
        add_calls(new_archive(donor_id)).unpack(folder)
    return folder


def list_hidden(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".store-"))


class TestReport:
    def test_says_what_was_built(self, archives, tmp_path):
        report = build_store(archives, tmp_path / "data")
        n_bytes = sum(path.stat().st_size for path in report.path.iterdir() if path.name != "manifest.json")
        assert report == BuildReport(tmp_path / "data" / "store", True, 2, 8, 3, n_bytes)
        assert list_hidden(tmp_path / "data") == []

    def test_same_sources_are_built_once(self, archives, tmp_path):
        first = build_store(archives, tmp_path)
        written = (first.path / "manifest.json").stat()
        second = build_store(archives, tmp_path)
        assert (first.is_new, second.is_new) == (True, False)
        assert (second.path, second.n_bytes, second.n_donors) == (first.path, first.n_bytes, 2)
        found = (first.path / "manifest.json").stat()
        assert (found.st_ino, found.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)

    def test_another_name_of_the_same_archive_is_the_same_source(self, new_archive, tmp_path):
        archive = new_archive(9861).zip(tmp_path / "archives")
        build_store(tmp_path / "archives", tmp_path)
        archive.rename(archive.with_name("178238387.zip"))
        assert not build_store(tmp_path / "archives", tmp_path).is_new

    def test_changed_sources_replace_the_store(self, archives, new_archive, tmp_path):
        build_store(archives, tmp_path)
        new_archive(12876).zip(archives)
        report = build_store(archives, tmp_path)
        assert (report.is_new, report.has_replaced) == (True, True)
        assert len(open_atlas(tmp_path).donors) == 3
        assert list_hidden(tmp_path) == []
        again = build_store(archives, tmp_path)
        assert (again.is_new, again.has_replaced) == (False, False)

    def test_poorer_store_replaces_a_fuller_one_where_that_is_asked_for(self, archives, tmp_path):
        build_store(archives, tmp_path)
        assert build_store(archives, tmp_path, donors=["9861"], overwrite=True).has_replaced
        assert open_atlas(tmp_path).donors["donor_id"].tolist() == [9861]
        assert list_hidden(tmp_path) == []

    def test_calls_that_are_there_now_enrich_the_store(self, archives, tmp_path):
        calls = archives / "normalized_microarray_donor10021" / "PACall.csv"
        calls.rename(tmp_path / "aside")
        build_store(archives, tmp_path)
        (tmp_path / "aside").rename(calls)
        assert build_store(archives, tmp_path).has_replaced
        assert open_atlas(tmp_path).has_calls

    @pytest.mark.parametrize("harm", ["version", "missing", "short"])
    def test_store_that_does_not_open_is_built_again(self, archives, tmp_path, harm):
        path = build_store(archives, tmp_path).path
        if harm == "version":
            manifest = json.loads((path / "manifest.json").read_text())
            (path / "manifest.json").write_text(json.dumps(manifest | {"format_version": 0}))
        elif harm == "missing":
            (path / "moments.npy").unlink()
        else:
            os.truncate(path / "levels-H0351.2001.npy", 100)
        assert build_store(archives, tmp_path).is_new
        open_atlas(tmp_path).verify()

    def test_default_is_the_data_folder(self, archives, tmp_path, monkeypatch):
        assert build_store(archives).path == platformdirs.user_data_path("jugex").resolve() / "store"
        monkeypatch.setenv("JUGEX_DATA", str(tmp_path / "elsewhere"))
        assert build_store(archives).path == tmp_path / "elsewhere" / "store"

    def test_other_files_of_the_folder_stay(self, archives):
        before = sorted(archives.iterdir())
        build_store(archives, archives)
        assert set(before) < set(archives.iterdir())

    @pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
    def test_others_may_read_the_store_as_the_user_allows(self, archives, tmp_path):
        assert (
            build_store(archives, tmp_path).path.stat().st_mode & 0o777
            == (tmp_path / "archives").stat().st_mode & 0o777
        )


class TestRefusals:
    def test_no_archives(self, tmp_path):
        with pytest.raises(AtlasNotFoundError, match="nowhere does not exist"):
            build_store(tmp_path / "nowhere", tmp_path)

    def test_unknown_donor(self, archives, tmp_path):
        with pytest.raises(OptionError, match="unknown donor '1'"):
            build_store(archives, tmp_path, donors=[1])

    def test_damaged_archive_leaves_the_older_store(self, archives, tmp_path):
        build_store(archives, tmp_path)
        file = archives / "normalized_microarray_donor10021" / "MicroarrayExpression.csv"
        file.write_bytes(file.read_bytes()[:-30])
        with pytest.raises(ArchiveError, match=r"donor H0351\.2002 \(10021\), MicroarrayExpression\.csv"):
            build_store(archives, tmp_path)
        open_atlas(tmp_path).verify()
        assert list_hidden(tmp_path) == []

    def test_donors_of_a_fuller_store_are_not_lost(self, archives, tmp_path, monkeypatch):
        build_store(archives, tmp_path)
        monkeypatch.setattr(building, "_record_sources", lambda _: pytest.fail("read the archives before refusing"))
        expected = (
            r"replacing the store .*store would lose donor H0351\.2002 \(10021\); give another folder "
            r"\(--to DIR\), or replace it nevertheless with jugex build --overwrite \(overwrite=True\)$"
        )
        with pytest.raises(StoreError, match=expected):
            build_store(archives, tmp_path, donors=["9861"])
        assert len(open_atlas(tmp_path).donors) == 2
        assert list_hidden(tmp_path) == []

    def test_calls_of_a_fuller_store_are_not_lost(self, archives, new_archive, tmp_path):
        build_store(archives, tmp_path)
        (archives / "normalized_microarray_donor9861" / "PACall.csv").unlink()
        shutil.rmtree(archives / "normalized_microarray_donor10021")
        new_archive(12876).unpack(archives)
        expected = (
            r"would lose donor H0351\.2002 \(10021\) and the present/absent calls of donor H0351\.2001 \(9861\); give"
        )
        with pytest.raises(StoreError, match=expected):
            build_store(archives, tmp_path)
        assert open_atlas(tmp_path).has_calls

    @pytest.mark.parametrize("number", range(10))  # levels and calls of 2 donors, moments, checksums, 4 tables
    def test_full_disk(self, archives, tmp_path, monkeypatch, number):
        self.fail_at(number, OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
        expected = r"cannot be built in .*data \(No space left on device\); make room there, or give another folder"
        with pytest.raises(StoreError, match=expected):
            build_store(archives, tmp_path / "data")
        assert list_hidden(tmp_path / "data") == []
        with pytest.raises(AtlasNotFoundError):
            open_atlas(tmp_path / "data")

    @pytest.mark.parametrize("number", [0, 3, 9])
    def test_interruption(self, archives, tmp_path, monkeypatch, number):
        self.fail_at(number, KeyboardInterrupt(), monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            build_store(archives, tmp_path / "data")
        assert list_hidden(tmp_path / "data") == []
        with pytest.raises(AtlasNotFoundError):
            open_atlas(tmp_path / "data")

    @staticmethod
    def fail_at(number, error, monkeypatch):
        counts, write = iter(range(100)), building._HashingStream.describe

        def fail(self, name):
            if next(counts) == number:
                raise error
            return write(self, name)

        monkeypatch.setattr(building._HashingStream, "describe", fail)

    def test_too_little_space_is_seen_before_anything_is_read(self, archives, tmp_path, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1_000_000))
        with pytest.raises(StoreError, match=r"needs 0\.0 GB in .*, where 0\.0 GB are free; make room there"):
            build_store(archives, tmp_path)

    def test_folder_that_cannot_be_written(self, archives, tmp_path):
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(StoreError, match=r"cannot be built in .*file \(.*\); make room there, or give another"):
            build_store(archives, tmp_path / "file")

    def test_archive_that_changes_while_it_is_read(self, archives, tmp_path, monkeypatch):
        read_levels = ArchivesAtlas.read_levels_of

        def touch_and_read(self, name, dtype):
            (archives / "normalized_microarray_donor9861" / "Probes.csv").touch()
            return read_levels(self, name, dtype)

        monkeypatch.setattr(ArchivesAtlas, "read_levels_of", touch_and_read)
        with pytest.raises(StoreError, match=r"Probes\.csv was changed while it was read; build again when nothing"):
            build_store(archives, tmp_path)
        assert list_hidden(tmp_path) == []
        assert not (tmp_path / "store").exists()

    def test_failing_rename_puts_the_older_store_back(self, archives, new_archive, tmp_path, monkeypatch):
        build_store(archives, tmp_path)
        new_archive(12876).zip(archives)
        rename = Path.rename

        def fail(self, target):
            if self.name.startswith(".store-building"):
                raise PermissionError(errno.EACCES, "Permission denied")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(StoreError, match="Permission denied"):
            build_store(archives, tmp_path)
        assert len(open_atlas(tmp_path).donors) == 2
        assert list_hidden(tmp_path) == []


class TestTwoAtOnce:
    def test_second_waits_and_finds_the_store(self, archives, tmp_path):
        reports = []
        threads = [threading.Thread(target=lambda: reports.append(build_store(archives, tmp_path))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(report.is_new for report in reports) == [False, False, False, True]
        open_atlas(tmp_path).verify()

    def test_lock_is_held_while_building(self, archives, tmp_path, monkeypatch):
        seen = []

        def look(*_):
            seen.append(is_locked(tmp_path))

        monkeypatch.setattr(building, "_check_space", look)
        build_store(archives, tmp_path)
        assert seen == [True]
        assert not is_locked(tmp_path)

    def test_leftovers_of_the_killed_are_removed(self, archives, tmp_path):
        (tmp_path / ".store-building-dead").mkdir()
        (tmp_path / ".store-building-dead" / "moments.npy").write_text("half")
        build_store(archives, tmp_path)
        assert list_hidden(tmp_path) == []

    def test_killed_between_the_renames_the_older_store_comes_back(self, archives, tmp_path):
        path = build_store(archives, tmp_path).path
        path.rename(tmp_path / ".store-aside-dead")
        assert not build_store(archives, tmp_path).is_new
        assert list_hidden(tmp_path) == []

    def test_store_put_aside_and_not_needed_is_removed(self, archives, tmp_path):
        shutil.copytree(build_store(archives, tmp_path).path, tmp_path / ".store-aside-dead")
        assert not build_store(archives, tmp_path).is_new
        assert list_hidden(tmp_path) == []


def is_locked(folder):
    code = (
        "import sys, filelock\n"
        "try: filelock.FileLock(sys.argv[1]).acquire(timeout=0)\n"
        "except filelock.Timeout: sys.exit(7)"
    )
    return subprocess.run([sys.executable, "-c", code, str(folder / ".store.lock")], check=False).returncode == 7


# a build that reports each file that it has written, and takes its time between them
SLOW_BUILD = """
import sys, time
from jugex.atlas import building

write = building._HashingStream.write
def write_slowly(self, data):
    for start in range(0, len(data), 64):
        write(self, data[start : start + 64])
        time.sleep(0.001)
building._HashingStream.write = write_slowly
rename = building.Path.rename
def rename_slowly(self, target):
    time.sleep(0.02)
    moved = rename(self, target)
    time.sleep(0.02)
    return moved
building.Path.rename = rename_slowly
print("ready", flush=True)
building.build_store(sys.argv[1], sys.argv[2])
print("done", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
class TestKilled:
    @pytest.fixture
    def levels(self, archives):
        return ArchivesAtlas(archives).levels().astype(np.float32)

    @staticmethod
    def start(archives, folder):
        command = [sys.executable, "-c", SLOW_BUILD, str(archives), str(folder)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    def test_at_ten_random_moments_nothing_opens(self, archives, levels, tmp_path):
        process = self.start(archives, tmp_path / "whole")
        started = time.monotonic()
        assert process.communicate()[0] == "done\n"
        duration = time.monotonic() - started
        rng, folder = random.Random(), tmp_path / "data"
        n_killed = 0
        for number in range(10):
            process = self.start(archives, folder)
            moment = rng.uniform(number / 10, (number + 1) / 10) * duration
            time.sleep(moment)
            process.send_signal([signal.SIGKILL, signal.SIGTERM][number % 2])
            process.communicate()
            n_killed += process.returncode != 0
            # whether the last rename was reached is a matter of chance; if it was, the store is whole
            if (folder / "store").exists():
                atlas = StoreAtlas(folder / "store")
                atlas.verify()
                np.testing.assert_array_equal(atlas.levels(), levels)
                shutil.rmtree(folder / "store")
            for path in folder.glob(".store-*/manifest.json"):
                assert path.parent.name.startswith((".store-building-", ".store-aside-"))
            with pytest.raises(AtlasNotFoundError, match=r"no donor archive in|there is no folder"):
                open_atlas(folder)
        assert n_killed >= 3  # the first moments come early in a build, however the speed of the machine varies
        assert build_store(archives, folder).is_new
        assert list_hidden(folder) == []

    def test_older_store_is_whole_or_comes_back(self, archives, new_archive, tmp_path):
        build_store(archives, tmp_path / "data")
        new_archive(12876).unpack(archives)
        for moment in (0.0, 0.05, 0.2):
            process = self.start(archives, tmp_path / "data")
            time.sleep(moment)
            process.kill()
            process.communicate()
            if (tmp_path / "data" / "store").exists():
                open_atlas(tmp_path / "data").verify()
        assert len(open_atlas(build_store(archives, tmp_path / "data").path).donors) == 3
