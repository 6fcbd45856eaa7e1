"""The BLAS of the process is held to one thread while anyone wants it, and given back after the last."""

from __future__ import annotations

import threading

import pytest
from threadpoolctl import ThreadpoolController

from jugex.stats.threads import one_blas_thread


def count() -> list[int]:
    return [pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"]


@pytest.fixture
def two_threads():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        if set(count()) != {2}:
            pytest.skip("this BLAS has one thread")
        yield


def test_it_is_given_back_after_the_outermost(two_threads):
    with one_blas_thread():
        with one_blas_thread():
            assert 1 in count()
        assert 1 in count()
    assert set(count()) == {2}


def test_an_error_gives_it_back(two_threads):
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        raise ZeroDivisionError
    assert set(count()) == {2}


def test_whoever_leaves_first_takes_nothing_from_the_other(two_threads):
    def enter_and_leave() -> None:
        with one_blas_thread():
            pass

    with one_blas_thread():
        other = threading.Thread(target=enter_and_leave)
        other.start()
        other.join(30)
        assert 1 in count()
    assert set(count()) == {2}
