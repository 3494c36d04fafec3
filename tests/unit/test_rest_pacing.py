"""How often the exchange is asked, how patiently asked again, and that every wait can be called off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import Interrupted
from kraken_core.domain.market import Pair
from kraken_core.ports import never_stop
from kraken_core.sources.rest.failures import Policy
from kraken_core.sources.rest.pacing import AT_ONCE, SLOWEST_S, RateLimiter
from kraken_core.sources.rest.retries import FIRST_PAUSE_S, LONGEST_PAUSE_S, PATIENT, pause_s
from kraken_core.sources.rest.waiting import STEP_S, Waiting
from tests.support.steady import SteadyTime

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
SOON = pytest.approx  # seconds are added up as doubles


def pacer(time: SteadyTime, per_second: float = 1.0, all_per_second: float = 1_000.0) -> RateLimiter:
    return RateLimiter(time.waiting(), 1 / per_second, 1 / all_per_second)


def turns(time: SteadyTime, paced: RateLimiter, key: Pair | None, count: int) -> list[float]:
    """When each of so many turns came."""
    came = []
    for _ in range(count):
        paced.acquire(key)
        came.append(time.seconds)
    return came


# --------------------------------------------------------------------------------------------------------------- pace


def test_a_pair_is_asked_at_its_pace_and_others_do_not_wait_for_it() -> None:
    time = SteadyTime()
    paced = pacer(time, per_second=0.5)
    assert turns(time, paced, BTC, 4) == SOON([0, 2, 4, 6], abs=0.01)
    assert turns(time, paced, ETH, 2) == SOON([6, 8], abs=0.01)


def test_time_that_passed_is_no_licence_to_hurry() -> None:
    time = SteadyTime()
    paced = pacer(time)
    paced.acquire(BTC)
    time.sleep(100)
    assert turns(time, paced, BTC, 3) == SOON([100, 101, 102], abs=0.01)


def test_a_few_questions_about_no_pair_may_come_at_once() -> None:
    time = SteadyTime()
    paced = pacer(time)
    assert turns(time, paced, None, AT_ONCE + 2) == SOON([0] * AT_ONCE + [1, 2], abs=0.02)
    time.sleep(100)
    assert turns(time, paced, None, AT_ONCE + 1) == SOON([102] * AT_ONCE + [103], abs=0.02)


def test_all_together_stay_below_a_cap() -> None:
    time = SteadyTime()
    paced = pacer(time, all_per_second=4)
    pairs = [Pair(f"A{number}", "USD") for number in range(20)]
    came = [turns(time, paced, pair, 1)[0] for pair in pairs]
    assert came == SOON([number / 4 for number in range(20)], abs=0.01)


@given(st.lists(st.sampled_from([BTC, ETH, Pair("ADA", "EUR")]), max_size=40), st.floats(0.1, 10), st.floats(0.1, 30))
def test_no_two_requests_are_closer_than_they_may_be(keys: list[Pair], per_second: float, most: float) -> None:
    time = SteadyTime()
    paced = pacer(time, per_second, most)
    came = [(key, turns(time, paced, key, 1)[0]) for key in keys]
    for (_, before), (_, after) in pairwise(came):
        assert after - before >= 1 / most - 1e-6
    for key in set(keys):
        for before, after in pairwise(at for each, at in came if each == key):
            assert after - before >= 1 / per_second - 1e-6


def test_threads_take_turns() -> None:
    time = SteadyTime()
    paced = pacer(time)
    threads = [Thread(target=turns, args=(time, paced, BTC, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.seconds >= 39 - 1e-6


def test_who_is_cut_off_comes_half_as_often_and_back_to_the_usual_pace_in_the_end() -> None:
    time = SteadyTime()
    paced = pacer(time)
    paced.acquire(BTC)
    paced.back_off(BTC)
    paced.back_off(BTC)
    first, second = turns(time, paced, BTC, 2)
    assert second - first == SOON(4, abs=0.01)
    assert turns(time, paced, ETH, 2)[1] - time.seconds == SOON(0, abs=0.01)
    gaps = []
    for _ in range(20):
        paced.answered(BTC)
        before, after = turns(time, paced, BTC, 2)
        gaps.append(after - before)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == SOON(1, abs=0.01)


def test_however_often_somebody_is_cut_off_there_is_a_slowest_pace() -> None:
    time = SteadyTime()
    paced = pacer(time)
    for _ in range(100):
        paced.back_off(BTC)
    first, second = turns(time, paced, BTC, 2)
    assert second - first == SOON(SLOWEST_S, abs=0.01)


def test_being_cut_off_makes_nobody_faster() -> None:
    time = SteadyTime()
    paced = pacer(time, per_second=0.01)
    paced.back_off(BTC)
    first, second = turns(time, paced, BTC, 2)
    assert second - first == SOON(100, abs=0.01)


def test_a_rest_is_for_everybody_and_a_shorter_one_changes_nothing() -> None:
    time = SteadyTime()
    paced = pacer(time)
    paced.pause_all(30)
    paced.pause_all(5)
    assert turns(time, paced, BTC, 1) == SOON([30], abs=0.01)
    assert turns(time, paced, None, 1) == SOON([30], abs=0.01)


# -------------------------------------------------------------------------------------------------------------- waits


def test_a_wait_is_called_off_at_its_next_step() -> None:
    time = SteadyTime()
    waiting = time.waiting(stop=lambda: time.seconds >= 5)
    with pytest.raises(Interrupted, match="before the next request to the exchange"):
        waiting.until(60)
    assert time.seconds == SOON(5, abs=STEP_S)


def test_who_asks_to_stop_is_heard_where_there_is_no_wait() -> None:
    with pytest.raises(Interrupted):
        SteadyTime().waiting(stop=lambda: True).until(0)


def test_a_wait_ends_when_its_time_has_come_by_the_machines_clock() -> None:
    waiting = Waiting(never_stop)
    until = waiting.now() + 0.001
    waiting.until(until)
    assert waiting.now() >= until


# ------------------------------------------------------------------------------------------------------------ patience


@pytest.mark.parametrize("chance", [lambda: 0.0, lambda: 0.999])
def test_pauses_double_up_to_the_longest(chance: Callable[[], float]) -> None:
    pauses = [pause_s(failures, chance) for failures in range(1, 30)]
    share = 1 - chance() / 2
    assert pauses[:3] == SOON([FIRST_PAUSE_S * share, 2 * FIRST_PAUSE_S * share, 4 * FIRST_PAUSE_S * share])
    assert pauses == sorted(pauses)
    assert pauses[-1] == SOON(LONGEST_PAUSE_S * share)


def test_no_two_callers_wait_in_step() -> None:
    pauses = {pause_s(5) for _ in range(50)}
    assert len(pauses) > 40
    assert all(4 <= pause <= 8 for pause in pauses)


def test_only_what_may_help_is_repeated() -> None:
    tries = {policy: PATIENT.tries(policy) for policy in Policy}
    assert {policy for policy, count in tries.items() if count == 1} == {Policy.PAIR, Policy.REFUSED, Policy.ALL}
