"""Making very many values at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from kraken_core.domain.gc_pause import gc_paused


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_nothing_is_collected_inside_and_everything_behind_it() -> None:
    with gc_paused():
        inside = gc.isenabled()
    assert (inside, gc.isenabled()) == (False, True)


def test_it_ends_with_the_outermost_of_several() -> None:
    with gc_paused():
        with gc_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_ends_with_the_last_of_several_threads() -> None:
    both = Barrier(2, timeout=60)

    def work() -> bool:
        with gc_paused():
            both.wait()
            return gc.isenabled()

    with ThreadPoolExecutor(2) as threads:
        assert [task.result() for task in [threads.submit(work), threads.submit(work)]] == [False, False]
    assert gc.isenabled()


def test_it_ends_with_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), gc_paused():
        _ = 1 / 0
    assert gc.isenabled()


def test_who_collects_nothing_anyway_goes_on_so() -> None:
    gc.disable()
    with gc_paused():
        pass
    assert not gc.isenabled()
