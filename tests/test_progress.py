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


def test_inside_shown_a_bar_appears_after_a_second_on_standard_error(bars):
    with progress.shown():
        assert list(progress.track(iter([1, 2]), description="work", total=2)) == [1, 2]
    list(progress.track([3], description="afterwards"))
    assert bars == [{"desc": "work", "total": 2, "delay": 1.0, "file": sys.stderr, "leave": False}]


def test_quiet_shows_nothing(bars):
    with progress.shown(False):
        list(progress.track([1], description="work"))
    assert bars == []
