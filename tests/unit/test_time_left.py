"""How long work will still take: with a basis only, finite, and without jumps, whatever is measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.time_left import LEAST_S, LEAST_STEPS, SETTLES_S, SteadyTimeLeft, time_left

SECONDS = st.floats(0, 1e9)
WORK = st.floats(0, 1e15)


@given(st.integers(0, 10**9), WORK, WORK, SECONDS)
def test_it_is_finite_never_negative_and_without_a_basis_there_is_none(
    steps: int, done: float, left: float, seconds: float
) -> None:
    found = time_left(steps, done, left, seconds)
    assert (found is None) == (steps < LEAST_STEPS or seconds < LEAST_S or not done)
    assert found is None or found >= 0


def test_more_done_than_was_expected_leaves_nothing_to_wait_for() -> None:
    assert time_left(10, 10, -3, 60) == 0


@given(st.integers(LEAST_STEPS, 1_000), st.floats(0.01, 100), st.integers(0, 1_000))
def test_steady_work_is_foretold_exactly(done: int, a_step: float, left: int) -> None:
    found = time_left(done, done, left, max(LEAST_S, done * a_step))
    assert found == pytest.approx(left * max(LEAST_S / done, a_step))


@given(st.lists(st.tuples(st.none() | SECONDS, st.floats(0, 1e6)), min_size=1))
def test_what_is_shown_lies_between_the_countdown_and_what_is_measured(steps: list[tuple[float | None, float]]) -> None:
    steady, at, before = SteadyTimeLeft(), 0.0, None
    for measured, passed in steps:
        at += passed
        shown = steady.follow(measured, at)
        assert (shown is None) == (measured is None)
        if shown is not None and measured is not None:
            assert math.isfinite(shown)
            due = measured if before is None else max(0.0, before - passed)
            slack = 1e-6 * (1 + at + measured)  # of adding up floats
            assert min(due, measured) - slack <= shown <= max(due, measured) + slack
        before = shown


@given(SECONDS, SECONDS, st.floats(0, SETTLES_S / 10))
def test_it_never_jumps(first: float, then: float, passed: float) -> None:
    """In a tenth of the time in which it settles it moves by a tenth of the difference at most."""
    steady = SteadyTimeLeft()
    steady.follow(first, 0)
    shown = steady.follow(then, passed)
    assert shown is not None
    due = max(0.0, first - passed)
    assert abs(shown - due) <= abs(then - due) / 10 + 1e-6 * (1 + first + then)


@given(st.floats(0.1, 1_000), st.integers(1, 50))
def test_work_at_one_pace_is_counted_down(a_second: float, ticks: int) -> None:
    """Measured and shown are the same then."""
    total = a_second * 100
    steady = SteadyTimeLeft()
    shown = [steady.follow((total - a_second * tick) / a_second, float(tick)) for tick in range(ticks)]
    assert shown == pytest.approx([100 - tick for tick in range(ticks)])


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    steady = SteadyTimeLeft()
    steady.follow(60, 1_000)
    assert steady.follow(90, 10) == 60
