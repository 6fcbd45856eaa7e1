"""Folders and files of results under kills, in several runs at once, through links, and on full disks."""

from __future__ import annotations

import errno
import os
import random
import sys
import threading

import pytest

from jugex.errors import OutputError
from jugex.report import folders
from jugex.report.folders import check_output, replacing_file, replacing_folder
from tests.kills import kill_after

RECORD = '{"versions": {"jugex": "0.1.0"}}'
NAMES = ("results.tsv", "gene_sets/results.tsv", "samples.tsv", "methods.md", "report.html", "figures/volcano.svg")
MINE = {"notes.txt": "years of work", "figures/mine.pdf": "a drawing", "drafts/first/results.tsv": "a draft"}


def write_result(out, content, *, overwrite=True, meanwhile=lambda: None):
    with replacing_folder(out, overwrite=overwrite) as folder:
        meanwhile()
        (folder / "settings.json").write_text(RECORD)
        (folder / "figures").mkdir()
        (folder / "gene_sets").mkdir()
        for name in NAMES:
            (folder / name).write_text(content)


def add_mine(out):
    for name, text in MINE.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)


def assert_whole(out):
    """One result, of one run, with the files of the user."""
    assert len({(out / name).read_text() for name in NAMES}) == 1
    assert {name: (out / name).read_text() for name in MINE} == MINE


@pytest.fixture(params=["in one step", "in two steps"])
def out(tmp_path, monkeypatch, request):
    """A result with files of the user, on a system that exchanges folders in one step, and on one that cannot."""
    if request.param == "in two steps":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    write_result(tmp_path / "out", "0", overwrite=False)
    add_mine(tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that share what was imported")
class TestKilled:
    def test_nothing_is_lost_whenever_a_run_is_killed(self, out):
        rng = random.Random(1)

        def work():
            for number in range(100_000):
                write_result(out, f"{os.getpid()} {number}")

        for _ in range(60):
            kill_after(rng.uniform(0.001, 0.015), work)
            check_output(out, overwrite=True)  # what the next run does first
            assert_whole(out)
            assert sorted(path.name for path in out.parent.iterdir()) == ["out"]

    def test_result_is_there_all_the_time_where_folders_are_exchanged(self, tmp_path):
        out = tmp_path / "out"
        write_result(out, "0", overwrite=False)
        (tmp_path / "other").mkdir()
        if not folders._exchange(tmp_path / "other", out) or not folders._exchange(tmp_path / "other", out):
            pytest.skip("this system cannot exchange folders in one step")
        add_mine(out)
        stop, missing = threading.Event(), []

        def look():
            while not stop.is_set():
                missing.extend(name for name in (*NAMES, *MINE) if not (out / name).exists())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            for number in range(100):
                write_result(out, str(number))
        finally:
            stop.set()
            watcher.join()
        assert missing == []

    def test_file_is_old_or_new(self, tmp_path):
        rng, path = random.Random(2), tmp_path / "table.tsv"
        path.write_text("x" * 1000)

        def work():
            while True:
                with replacing_file(path) as temporary:
                    temporary.write_text("y" * 1000)

        for _ in range(20):
            kill_after(rng.uniform(0.001, 0.01), work)
            assert path.read_text() in ("x" * 1000, "y" * 1000)
        with replacing_file(path) as temporary:
            temporary.write_text("z")
        assert [path.name for path in tmp_path.iterdir()] == ["table.tsv"]


class TestLeftovers:
    @pytest.mark.parametrize("suffix", ["tmp", "old"])
    def test_files_of_the_user_come_back(self, out, suffix):
        left = out.parent / f".out.0123abcd.{suffix}"
        left.mkdir()
        (left / "results.tsv").write_text("old")
        (left / "only-here.txt").write_text("rescued")
        check_output(out, overwrite=True)
        assert (out / "only-here.txt").read_text() == "rescued"
        assert not left.exists()
        assert_whole(out)

    def test_older_result_goes_back_where_there_is_none(self, out):
        out.rename(out.parent / ".out.0123abcd.old")
        with pytest.raises(OutputError, match="exists and is not empty"):
            check_output(out, overwrite=False)
        assert_whole(out)

    def test_later_version_of_a_file_wins(self, out):
        left = out.parent / ".out.0123abcd.tmp"
        left.mkdir()
        (left / "notes.txt").write_text("older")
        os.utime(left / "notes.txt", (1, 1))
        check_output(out, overwrite=True)
        assert_whole(out)
        left.mkdir()
        (left / "notes.txt").write_text("newer")
        os.utime(left / "notes.txt", (1e10, 1e10))
        check_output(out, overwrite=True)
        assert (out / "notes.txt").read_text() == "newer"

    def test_folders_of_others_stay(self, out):
        others = [".out.tmp", ".out.0123abcd.tmp.bak", ".outer.0123abcd.tmp", ".out.mine.old"]
        for name in others:
            (out.parent / name).mkdir()
        write_result(out, "1")
        assert sorted(path.name for path in out.parent.iterdir()) == sorted(["out", *others])

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks on folders")
    def test_run_that_is_alive_is_left_alone(self, out):
        with replacing_folder(out, overwrite=True) as folder:
            check_output(out, overwrite=True)  # as another run does
            assert folder.exists()
            write_result(out, "another run")
            assert folder.exists()
            (folder / "settings.json").write_text(RECORD)
            (folder / "figures").mkdir()
            (folder / "gene_sets").mkdir()
            for name in NAMES:
                (folder / name).write_text("this run")
        assert (out / "results.tsv").read_text() == "this run"
        assert_whole(out)


class TestTwoRuns:
    def test_second_into_a_new_folder_is_refused(self, tmp_path):
        out = tmp_path / "out"
        with pytest.raises(OutputError, match=r"out was written by another run meanwhile and is kept as it is; name"):
            write_result(out, "second", overwrite=False, meanwhile=lambda: write_result(out, "first", overwrite=False))
        assert (out / "results.tsv").read_text() == "first"
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_other_folder_in_the_place_of_the_result_is_kept(self, out):
        with pytest.raises(OutputError, match=r"holds no result of jugex, so it is not overwritten"):
            write_result(out, "new", meanwhile=(out / "settings.json").unlink)
        assert_whole(out)

    def test_note_that_comes_while_the_result_is_written(self, out, monkeypatch):
        link = folders._link

        def link_and_write(path, target):
            link(path, target)
            (out / "late.txt").write_text("late")

        monkeypatch.setattr(folders, "_link", link_and_write)
        write_result(out, "1")
        assert (out / "late.txt").read_text() == "late"
        assert_whole(out)


class TestLinks:
    def test_target_of_a_folder_is_written(self, out):
        link = out.parent / "link"
        link.symlink_to("out")
        check_output(link, overwrite=True)
        write_result(link, "1")
        assert link.is_symlink()
        assert (out / "results.tsv").read_text() == "1"
        assert_whole(out)

    def test_target_that_is_not_there_yet(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "disk" / "out")
        check_output(tmp_path / "link", overwrite=False)
        write_result(tmp_path / "link", "1", overwrite=False)
        assert (tmp_path / "disk" / "out" / "results.tsv").read_text() == "1"

    def test_links_of_the_user_stay_links(self, out):
        (out / "shortcut").symlink_to("nowhere")
        write_result(out, "1")
        assert str((out / "shortcut").readlink()) == "nowhere"

    def test_target_of_a_file_is_written(self, tmp_path):
        (tmp_path / "table.tsv").write_text("old")
        (tmp_path / "link.tsv").symlink_to("table.tsv")
        with replacing_file(tmp_path / "link.tsv") as temporary:
            temporary.write_text("new")
        assert (tmp_path / "link.tsv").is_symlink()
        assert (tmp_path / "table.tsv").read_text() == "new"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
    def test_pipe_is_written_to(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        read = []
        reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
        reader.start()
        with replacing_file(tmp_path / "pipe") as temporary:
            temporary.write_text("through the pipe")
        reader.join(timeout=10)
        assert read == ["through the pipe"]
        assert (tmp_path / "pipe").is_fifo()


class TestFullDisk:
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
    def test_disk_is_named_and_nothing_hidden(self, out, code):
        with pytest.raises(OutputError) as raised, replacing_folder(out, overwrite=True) as folder:
            raise OSError(code, os.strerror(code), str(folder / "results.tsv"))
        assert str(raised.value) == (
            f"{out} cannot be written: the disk of {out.parent} is full; make room there, or write to another disk; "
            "what was there is unchanged"
        )
        assert_whole(out)
        assert [path.name for path in out.parent.iterdir()] == ["out"]

    def test_hard_links_that_the_disk_does_not_know(self, out, monkeypatch):
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "not permitted")))
        write_result(out, "1")
        assert_whole(out)


def test_interruption_after_the_exchange_says_so(out, monkeypatch):
    discard = folders._discard

    def interrupt(left, place):
        discard(left, place)
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "_discard", interrupt)
    if folders._exchange.__name__ == "_exchange":
        with pytest.raises(KeyboardInterrupt, match="out was written before that"):
            write_result(out, "1")
        assert (out / "results.tsv").read_text() == "1"
