"""The bound of the long tests hides no failure, and counts what was tried."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.soaking import Bounded, TimeIsOverError

FOREVER, OVER = float("inf"), -1.0


def tried(test: Any, minutes: float) -> int:
    """Run the property, and return how many of its examples were tried."""
    bounded = Bounded(test.hypothesis.inner_test, minutes)
    test.hypothesis.inner_test = bounded.test()
    with suppress(TimeIsOverError):
        test()
    return bounded.tried


@given(st.integers())
@settings(max_examples=7, database=None)
def always(_number: int) -> None:
    """Holds."""


def test_all_are_tried_where_there_is_time() -> None:
    assert tried(always, FOREVER) == 7


def test_none_is_counted_once_time_is_over() -> None:
    assert tried(always, OVER) == 0


def test_the_smallest_example_that_fails_is_found_whenever_the_time_is_over() -> None:
    failed: list[int] = []

    @given(st.integers(0, 1_000))
    @settings(max_examples=200, database=None)
    def hardly_ever(number: int) -> None:
        """Holds below 100; once it did not, time is over."""
        assume(number != 1)
        if number >= 100:
            failed.append(number)
            bounded.end()
            pytest.fail("it does not hold")

    handle: Any = hardly_ever.hypothesis  # type: ignore[attr-defined]
    bounded = Bounded(handle.inner_test, FOREVER)
    handle.inner_test = bounded.test()
    with pytest.raises(pytest.fail.Exception):
        hardly_ever()
    assert len(failed) > 1
    assert min(failed) == 100
    assert not bounded.is_over
