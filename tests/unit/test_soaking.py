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


@given(st.integers(0, 1_000))
@settings(max_examples=200, database=None)
def hardly_ever(number: int) -> None:
    """Holds below 100."""
    assume(number != 1)
    assert number < 100


def test_all_are_tried_where_there_is_time() -> None:
    assert tried(always, FOREVER) == 7


def test_none_is_counted_once_time_is_over() -> None:
    assert tried(always, OVER) == 0


def test_the_smallest_example_that_fails_is_found_whenever_the_time_is_over() -> None:
    class Ending(Bounded):
        """Its time is over with the first failure."""

        def test(self) -> Any:
            whole = self._test

            def failing(*args: Any, **values: Any) -> Any:
                try:
                    return whole(*args, **values)
                except AssertionError:
                    self._until = 0
                    raise

            self._test = failing
            return super().test()

    handle: Any = hardly_ever.hypothesis  # type: ignore[attr-defined]
    handle.inner_test = Ending(handle.inner_test, FOREVER).test()
    with pytest.raises(AssertionError) as raised:
        hardly_ever()
    assert any("number=100" in note for note in raised.value.__notes__)
