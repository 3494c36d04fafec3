"""What a live tape gave last of a slot is true, or the slot is not claimed, whenever its trades become visible."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.live_slots import LiveStep
from kraken_core.domain.live_tape import LiveTape, LiveTrade
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges, ceil, day_start, floor
from tests.support.late_trades import ClaimedSlots, SeenTrade, trades_with_late_ones

BTC, HOUR_S = Pair("BTC", "USD"), 3600
START = day_start(date(2026, 3, 30)) + 22 * HOUR_S  # so that days end in it, too
SETTLING_S = 120


def minutely(minutes: range) -> list[SeenTrade]:
    return [
        SeenTrade(LiveTrade(number, (START + minute * 60 + 5) * NS, 100.0, Decimal(1)), START + minute * 60 + 5)
        for number, minute in enumerate(minutes, start=1)
    ]


def late_one(number: int, second: int) -> LiveTrade:
    return LiveTrade(number, second * NS, 105.0, Decimal(1))


def given_by(live: LiveTape, now: int) -> LiveStep:
    step = live.give(now)
    assert step is not None
    live.committed(step)
    return step


@pytest.mark.parametrize(
    ("begins", "over", "wrong"),
    [(0, 60, (60,)), (30, 60, (60,)), (-180, 120, (60, 240))],
    ids=["whose first minutes are kept no longer", "in which it began", "and a longer one that is over"],
)
def test_a_longer_slot_is_given_again_from_all_of_its_trades_or_is_wrong(
    begins: int, over: int, wrong: tuple[int, ...]
) -> None:
    """A trade of its last minutes becomes visible some minutes after it was given."""
    live, claims, end = LiveTape(BTC, (1, 60, 240), SETTLING_S), ClaimedSlots(), START + over * 60
    trades = [each.trade for each in minutely(range(begins, over + 4))]
    live.receive(trades)
    claims.commit(given_by(live, end + 4 * 60 + SETTLING_S))
    trades += [late_one(len(trades) + 1, end - 80), late_one(len(trades) + 2, end + 400)]
    live.receive(trades[-2:])
    step = given_by(live, end + 400 + SETTLING_S)
    claims.commit(step)
    assert step.wrong == {each: TimeRanges.single(end - 60, end).outer(each * 60) for each in wrong}
    assert claims.untrue(trades) == {}
    assert claims.slots[1, end - 120] == (100.0, 105.0, 100.0, 105.0, 2.0, 2)


def test_a_late_trade_whose_slot_was_not_given_again_before_it_began_anew_makes_that_wrong() -> None:
    live = LiveTape(BTC, (1,), SETTLING_S)
    live.receive(each.trade for each in minutely(range(30)))
    given_by(live, START + HOUR_S)
    live.receive([late_one(31, START + 600), late_one(50, START + 2400), late_one(51, START + 2500)])
    live.skip()
    assert given_by(live, START + HOUR_S).wrong == {1: TimeRanges.single(START + 600, START + 660)}


def test_what_could_not_be_committed_is_given_again() -> None:
    live, claims = LiveTape(BTC, (1,), SETTLING_S), ClaimedSlots()
    trades = [each.trade for each in minutely(range(30))]
    live.receive(trades)
    claims.commit(given_by(live, START + HOUR_S))
    trades += [late_one(31, START + 600), late_one(32, START + 2400)]
    live.receive(trades[-2:])
    lost = live.give(START + HOUR_S)
    trades.append(late_one(33, START + 2500))
    live.receive(trades[-1:])
    step = given_by(live, START + HOUR_S)
    claims.commit(step)
    assert lost
    assert lost.trades.rows() == step.trades.rows()[: lost.trades.height]
    assert claims.untrue(trades) == {}
    assert live.give(START + HOUR_S) is None


def test_what_cannot_be_committed_for_long_is_left_out_before_it_needs_too_much_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It begins anew at the newest trade: the next job fills what was traded meanwhile."""
    monkeypatch.setattr("kraken_core.domain.live_tape.MOST_WAITING", 40)
    live, trades = LiveTape(BTC, (1,), SETTLING_S), [each.trade for each in minutely(range(100))]
    for trade in trades:
        live.receive([trade])
        step = live.give(trade.time // NS + SETTLING_S)
        assert step is None or step.trades.height <= 40
    assert given_by(live, START + 3 * HOUR_S).slots[0].known == (START + 83 * 60, START + 99 * 60)


@given(
    st.integers(0, 2**32),
    st.sampled_from(((1,), (1, 60), (1, 5, 240), (5, 60, 1440))),
    st.integers(0, 40),
    st.sampled_from((0.0, 0.02, 0.3)),
    st.booleans(),
    st.booleans(),
)
def test_what_was_given_last_of_a_slot_is_true_or_it_is_not_claimed(
    seed: int, intervals: tuple[int, ...], begins: int, late: float, loses: bool, fails: bool
) -> None:
    """Whatever trades come late, wherever it begins, whatever could not be committed, and where some are lost."""
    chance = random.Random(seed)
    coming = trades_with_late_ones(chance, START, 4, late)[begins:]
    live, claims, received = LiveTape(BTC, intervals, SETTLING_S), ClaimedSlots(), list[LiveTrade]()
    now = first = coming[0].seen
    while coming:
        now += chance.choice((60, 400, 1500))
        visible = [each.trade for each in coming if each.seen <= now]
        coming = coming[len(visible) :]
        if loses and len(visible) > 2 and chance.random() < 0.2:
            visible.pop(1)
        live.receive(visible)
        live.skip()
        received += visible
        if (step := live.give(int(now))) and not (fails and chance.random() < 0.4):
            claims.commit(step)
            live.committed(step)
            assert claims.untrue(received) == {}
    if step := live.give(int(now)):
        claims.commit(step)
    assert claims.untrue(received) == {}
    if not loses:
        for interval in intervals:
            since, until = ceil(int(first) + 1, interval * 60), floor(live.last.time // NS if live.last else 0, 60)
            whole = TimeRanges.single(since, max(since, min(int(now) - SETTLING_S, until))).inner(interval * 60)
            assert not whole - claims.of(interval) - claims.withdrawn.get(interval, TimeRanges())
