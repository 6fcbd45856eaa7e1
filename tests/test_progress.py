"""Progress: silent by default, a bar on standard error where it is asked for and the work is long."""

from __future__ import annotations

import sys

import pytest

from jugex import progress


@pytest.fixture
def bars(monkeypatch):
    """Options of the bars that are made."""
    made = []
    monkeypatch.setattr("tqdm.tqdm", lambda items, **options: made.append(options) or items)
    return made


def test_the_library_is_silent(bars):
    assert list(progress.track([1, 2], description="work")) == [1, 2]
    assert bars == []


def test_inside_shown_a_bar_appears_after_a_second_on_standard_error(bars, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.shown():
        assert list(progress.track(iter([1, 2]), description="work", total=2)) == [1, 2]
    list(progress.track([3], description="afterwards"))
    assert bars == [{"desc": "work", "total": 2, "unit": "it", "delay": 1.0, "file": sys.stderr, "leave": False}]


def test_a_file_or_a_pipe_gets_no_bar(bars, capfd):
    with progress.shown(), progress.byte_bar("donor 9861") as bar:
        assert list(progress.track([1], description="work")) == [1]
        bar.start(done=0, total=10)
        bar.add(10)
    assert bars == []
    assert capfd.readouterr() == ("", "")


def test_lines_are_said_on_standard_error_with_and_without_a_bar_there(capsys, monkeypatch):
    import tqdm  # noqa: F401  (what has drawn a bar)

    progress.say("above the bar")
    monkeypatch.delitem(sys.modules, "tqdm")
    progress.say("as a line")
    assert capsys.readouterr() == ("", "above the bar\nas a line\n")


def test_quiet_shows_nothing(bars):
    with progress.shown(False):
        list(progress.track([1], description="work"))
    assert bars == []


def test_bytes_are_counted_in_silence(capfd):
    with progress.byte_bar("donor 9861") as bar:
        bar.start(done=0, total=10)
        bar.add(10)
        bar.say("verifying")
    assert capfd.readouterr() == ("", "")


def test_rate_of_bytes_leaves_out_what_was_there_before(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.shown(), progress.byte_bar("donor 9861") as bar:
        bar.start(done=900, total=1000)
        bar.add(60)
        bar.say("connection lost")
        shown = bar._bar.format_dict
    printed = capsys.readouterr()
    assert (shown["n"], shown["initial"], shown["total"], shown["unit"]) == (960, 900, 1000, "B")
    assert "donor 9861:  96%" in printed.err
    assert "connection lost" in printed.err
    assert printed.out == ""
