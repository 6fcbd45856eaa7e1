"""What belongs to the process and not to a run stays as it was, also with several runs at once in threads."""

from __future__ import annotations

import threading
import warnings

import matplotlib
import pytest
from threadpoolctl import ThreadpoolController

import jugex
from jugex.errors import DesignWarning, JugexWarning, warn_user, without_warnings
from jugex.plots import styles


def run_interleaved(first, second):
    """Enter one context, then the other in a thread; leave the first, then the other."""
    entered, left = threading.Event(), threading.Event()

    def other():
        with second:
            entered.set()
            left.wait(30)

    thread = threading.Thread(target=other)
    with first:
        thread.start()
        entered.wait(30)
    left.set()
    thread.join(30)


def test_silence_is_that_of_one_thread():
    before = warnings.filters[:], warnings.showwarning
    run_interleaved(without_warnings(), without_warnings())
    assert (warnings.filters, warnings.showwarning) == before
    with pytest.warns(DesignWarning, match="heard"):
        warn_user("heard", DesignWarning)
    with without_warnings():
        warn_user("not heard", DesignWarning)  # an error, if it were
        heard = []
        thread = threading.Thread(target=lambda: heard.append(_hear()))
        thread.start()
        thread.join(30)
    assert heard == [True]


def _hear():
    try:
        warn_user("heard in another thread", DesignWarning)
    except DesignWarning:
        return True
    return False


def test_settings_of_figures_are_given_back():
    before = dict(matplotlib.rcParams)
    inside, entered = [], threading.Event()

    def draw(wait):
        inside.append(wait)
        entered.set()
        assert len(inside) == 1  # nobody else changes settings meanwhile
        wait.wait(0.05)
        inside.remove(wait)

    threads = [threading.Thread(target=styles.in_journal_style(draw), args=(threading.Event(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert inside == []
    assert dict(matplotlib.rcParams) == before


def test_figures_are_laid_out_and_written_by_one_thread_at_a_time(tmp_path, monkeypatch):
    """What sets formulas is shared by the process: two threads in it at once fail, or take each other's letters."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    held = []

    def note(self, *args, **kwargs):
        held.append(styles._SETTINGS_LOCK._is_owned())

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", note)
    monkeypatch.setattr(Figure, "savefig", note)
    ax = Figure(layout="constrained").subplots()
    styles.freeze_layout(ax)
    styles.save_figure(ax, tmp_path / "figure.png")
    styles.to_png(ax, dpi=50)
    assert held == [True] * 3


def test_two_comparisons_at_once_leave_the_process_as_it_was():
    def count():
        return [(pool["filepath"], pool["num_threads"]) for pool in ThreadpoolController().info()]

    options = {"atlas": "simulated", "genes": ["MAOA", "TAC1", "GAD2"], "n_permutations": 99, "rng": 0}
    alone = jugex.compare("simulated:A", "simulated:B", **options)  # what is loaded at first use is loaded now
    before, filters, together = count(), warnings.filters[:], {}
    start = threading.Barrier(2)

    def compare(number):
        start.wait(30)
        together[number] = jugex.compare("simulated:A", "simulated:B", **options)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JugexWarning)
        threads = [threading.Thread(target=compare, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
    assert count() == before
    assert warnings.filters == filters
    for result in together.values():
        assert result.table.equals(alone.table)
    assert len(together) == 2
