"""A live tape gives whole slots alone, whatever a stream does to its trades."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from itertools import islice

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from kraken_core.domain.candles import VALUES
from kraken_core.domain.exchange import NS
from kraken_core.domain.live_slots import LiveStep
from kraken_core.domain.live_tape import LiveTape, LiveTrade, longest_waiting
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges, ceil, day_start
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.averages import assert_true_averages
from tests.support.live_trades import live_trades_of

BTC = Pair("BTC", "USD")
START = day_start(date(2026, 3, 30))
MARKET = SimulatedMarket.make(3, [Listing(BTC, 4, 97_000, 1, 0.05)], START, START + 3600)
TRADES = live_trades_of(MARKET.tapes[BTC])
SETTLING_S = 120
LATER = START + 7200  # when all has settled


def tape(*intervals: int) -> LiveTape:
    return LiveTape(BTC, intervals or (1,), SETTLING_S)


def trade(number: int, second: float) -> LiveTrade:
    return LiveTrade(number, START * NS + round(second * NS), 100.0 + number, Decimal(1))


def committed(of: LiveTape, now: int) -> LiveStep | None:
    if step := of.give(now):
        of.committed(step)
    return step


def given_by(of: LiveTape, now: int) -> dict[int, tuple[TimeRanges, pl.DataFrame]]:
    step = committed(of, now)
    return {each.interval: (TimeRanges.single(*each.known), each.candles) for each in step.slots} if step else {}


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_slots_given_are_those_of_the_tape_whatever_order_trades_come_in(chance: random.Random, apart: int) -> None:
    """Swapped within some places, and every one repeated now and then."""
    mixed = sorted(enumerate(TRADES), key=lambda each: each[0] + chance.uniform(0, apart))
    received = [each for _, each in mixed for _ in range(chance.choice((1, 1, 2)))]
    live, known, candles = tape(1, 5), {1: TimeRanges(), 5: TimeRanges()}, {1: [], 5: []}  # type: ignore[var-annotated]
    live.receive([TRADES[0]])
    while received:
        share, received = received[:80], received[80:]
        live.receive(share)
        for interval, (ranges, frame) in given_by(live, max(each.time for each in share) // NS).items():
            assert not known[interval] & ranges
            known[interval] |= ranges
            candles[interval].append(frame)
    for interval, (ranges, frame) in given_by(live, LATER).items():
        known[interval] |= ranges
        candles[interval].append(frame)
    for interval, frames in candles.items():
        width = interval * 60
        end = TRADES[-1].time // NS // width * width
        assert known[interval] == TimeRanges.single(ceil(TRADES[0].time // NS + 1, width), end)
        opens = pl.col("time").dt.epoch("s")
        truth = MARKET.truth(BTC, interval).filter(opens.is_between(*known[interval].hull, closed="left"))
        given = pl.concat(frames)
        assert given.select("time", *VALUES).rows() == truth.select("time", *VALUES).rows()
        assert assert_true_averages(given, MARKET.tapes[BTC], interval)["trades"] == given.height
    assert live.late == 0


@given(st.sets(st.integers(1, len(TRADES) - 2), min_size=1, max_size=20))
def test_nothing_behind_a_missing_trade_is_given_before_that_came(lost: set[int]) -> None:
    live, first = tape(), TRADES[min(lost)]
    whole_until = TRADES[-1].time // NS // 60 * 60
    assume(first.time // NS < whole_until)  # else nothing waits for it
    live.receive(each for place, each in enumerate(TRADES) if place not in lost)
    for ranges, _ in given_by(live, LATER).values():
        assert ranges.hull.end <= first.time // NS
    hole = live.hole
    assert hole is not None
    assert hole.first == first.id
    live.receive(TRADES)
    assert live.hole is None
    step = committed(live, LATER)
    assert step is not None
    assert step.span.end == whole_until
    assert step.span.whole


def test_a_slot_is_given_once_it_has_settled_and_a_later_trade_came() -> None:
    live = tape()
    live.receive([trade(1, 30), trade(2, 70), trade(3, 100)])
    assert committed(live, START + 1000) is None  # the minute of the second trade may not be over
    live.receive([trade(4, 121)])
    assert committed(live, START + 120 + SETTLING_S - 1) is None
    step = committed(live, START + 120 + SETTLING_S)
    assert step is not None
    assert step.slots[0].known == (START + 60, START + 120)
    assert step.slots[0].candles.select("open", "close", "volume", "trades").rows() == [(102.0, 103.0, 2.0, 2)]
    assert (step.span.first_id, step.span.last_id) == (2, 3)
    assert committed(live, START + 1000) is None


def test_minutes_without_trades_between_consecutive_ids_are_given_without_candles() -> None:
    live = tape()
    live.receive([trade(1, 0), trade(2, 200)])
    step = committed(live, LATER)
    assert step is not None
    assert step.slots[0].known == (START + 60, START + 180)
    assert step.slots[0].candles.is_empty()


def test_what_is_kept_for_a_longer_slot_is_in_one_piece_however_often_something_was_given() -> None:
    live, received, step = tape(1, 60), iter(TRADES), None
    for now in range(START, START + 3600, 60):
        live.receive(islice(received, 4))
        step = committed(live, now + SETTLING_S) or step
    assert step is not None
    assert step.given.parts.height > 30
    assert step.given.parts.n_chunks() == 1


def test_ids_that_do_not_exist_leave_the_slots_around_them_out() -> None:
    live = tape()
    live.receive([trade(1, 30), trade(2, 130), trade(5, 140), trade(6, 250)])
    assert longest_waiting({BTC: live}) == [live]
    assert given_by(live, LATER)[1][0] == TimeRanges.single(START + 60, START + 120)
    live.skip()
    assert (live.hole, live.skipped) == (None, 2)
    assert given_by(live, LATER)[1][0] == TimeRanges.single(START + 180, START + 240)


def test_a_trade_that_came_after_its_slot_was_given_is_not_lost() -> None:
    """Ids may be swapped: one made earlier may have the later id."""
    live = tape(1, 5)
    live.receive([trade(1, -10), trade(2, 10), trade(3, 65), trade(4, 130)])
    assert given_by(live, START + 60 + SETTLING_S)[1][0] == TimeRanges.single(START, START + 60)
    live.receive([trade(5, 20), trade(6, 400)])
    step = given_by(live, LATER)
    assert live.late == 1
    assert step[1][1].filter(pl.col("time").dt.epoch("s") == START)["trades"].to_list() == [2]
    assert step[5][1].filter(pl.col("time").dt.epoch("s") == START)["trades"].to_list() == [4]


def test_a_slot_whose_trade_came_too_late_to_be_given_again_is_wrong() -> None:
    live = tape(1, 60)
    live.receive(trade(number, 60 * number) for number in range(1, 92))
    given_by(live, LATER)
    live.receive([trade(92, 605), trade(93, 60 * 95)])
    step = committed(live, LATER)
    assert step is not None
    assert step.wrong == {1: TimeRanges.single(START + 600, START + 660), 60: TimeRanges.single(START, START + 3600)}
    assert committed(live, LATER) is None


def test_a_late_trade_of_before_the_tape_began_makes_its_slot_wrong_too() -> None:
    live = tape()
    live.receive([trade(1, 600), trade(2, 900), trade(3, 130), trade(4, 1000)])
    step = committed(live, LATER)
    assert step is not None
    assert step.wrong == {1: TimeRanges.single(START + 120, START + 180)}


@given(st.integers(1, 90), st.integers(1, 8), st.booleans(), st.integers(1, 30))
def test_what_came_under_an_id_before_is_never_taken_for_another_trade(
    place: int, back: int, repeats: bool, at_once: int
) -> None:
    """The numbering steps back by some, and grows on from there; what was sent may be sent again."""
    first = [trade(number, 7 * number) for number in range(1, place + 1)]
    steps = [
        LiveTrade(max(place - back, 0) + i, START * NS + (7 * (place + i)) * NS, 50.0, Decimal(2)) for i in range(1, 90)
    ]
    sent = [*first, *steps]
    received = [each for old in sent for each in ([old, old] if repeats else [old])]
    live, known, counts = tape(), TimeRanges(), dict[int, int]()
    while received:
        live.receive(received[:at_once])
        received = received[at_once:]
        for ranges, candles in given_by(live, LATER).values():
            known |= ranges
            counts |= dict(candles.select(pl.col("time").dt.epoch("s"), "trades").iter_rows())
    for start, end in known:
        for slot in range(start, end, 60):
            truth = sum(1 for each in sent if slot <= each.time // NS < slot + 60)
            assert counts.get(slot, 0) == truth


def test_a_numbering_that_begins_again_is_followed_and_nothing_around_it_is_given() -> None:
    live = tape()
    live.receive([trade(100, 30), trade(101, 100)])
    live.receive([trade(1, 500), trade(2, 610), trade(3, 670)])
    assert given_by(live, LATER)[1][0] == TimeRanges.single(START + 540, START + 660)


def test_trades_without_an_id_prove_nothing_and_are_left_out() -> None:
    live = tape()
    live.receive([trade(0, 10), trade(1, 30), trade(0, 40), trade(2, 130)])
    assert live.last == trade(2, 130)
