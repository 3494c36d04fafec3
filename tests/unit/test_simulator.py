"""The simulator: one tape a pair, and the truth computed from it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import VALUES, aggregate
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.simulator.candles import candles
from kraken_core.simulator.exchange import ExchangeClock
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S
from kraken_core.simulator.tape import NS, Tape
from tests.support.strategies import markets
from tests.unit.short_markets import BTC, DOGE, END, LISTINGS, PEPE, START, market_of, truth_of, unhurried


def one_trade(price_ticks: int, volume_units: int) -> Tape:
    time_ns, price, volume = (np.array([n], dtype=np.int64) for n in (START * NS, price_ticks, volume_units))
    return Tape(PEPE, 9, time_ns, price, volume, np.array([True]))


def columns(tape: Tape) -> list[list[int]]:
    arrays = (tape.time_ns, tape.price_ticks, tape.volume_units, tape.buys, tape.ids)
    return [array.tolist() for array in arrays]


# ------------------------------------------------------------------------------------------------------------ tapes


def test_the_same_seed_makes_the_same_market_and_another_seed_another() -> None:
    first, again, other = (market_of(BTC, PEPE, seed=seed) for seed in (1, 1, 2))
    assert all(columns(first.tapes[pair]) == columns(again.tapes[pair]) for pair in (BTC, PEPE))
    assert not any(columns(first.tapes[pair]) == columns(other.tapes[pair]) for pair in (BTC, PEPE))


def test_a_pair_trades_the_same_whatever_else_is_listed() -> None:
    alone, among_others = market_of(DOGE), market_of(PEPE, DOGE, BTC)
    assert columns(alone.tapes[DOGE]) == columns(among_others.tapes[DOGE])


def test_two_pairs_listed_alike_do_not_trade_alike() -> None:
    listings = [LISTINGS[BTC], replace(LISTINGS[BTC], pair=PEPE)]
    tapes = SimulatedMarket.make(5, listings, START, END).tapes
    assert not set(tapes[BTC].time_ns.tolist()) & set(tapes[PEPE].time_ns.tolist())


@unhurried
@given(markets())
def test_trades_come_in_order_within_their_lives_and_never_in_a_silence(market: SimulatedMarket) -> None:
    for pair, tape in market.tapes.items():
        seconds = (tape.time_ns // NS).tolist()
        lives = TimeRanges.of(market.listings[pair].lives or [(market.start, market.end)])
        assert seconds == sorted(seconds)
        assert all(second in lives and second not in market.silences for second in seconds)
        assert (tape.price_ticks > 0).all()
        assert (tape.volume_units > 0).all()


def test_some_trades_share_their_instant_and_some_open_a_minute_exactly() -> None:
    times = market_of(BTC).tapes[BTC].time_ns
    assert (np.diff(times) == 0).any()
    assert (times % (60 * NS) == 0).any()


def test_a_part_of_a_tape_keeps_its_trades_ids() -> None:
    tape = market_of(BTC).tapes[BTC]
    day = tape.between(START + DAY_S, START + 2 * DAY_S)
    assert 0 < day.first_id - 1 < len(tape)
    assert columns(day) == [column[day.ids[0] - 1 : day.ids[-1]] for column in columns(tape)]
    assert len(tape.between(START, START + DAY_S)) == day.first_id - 1
    assert day[5:9].ids.tolist() == day.ids[5:9].tolist()


def test_a_trade_on_a_boundary_belongs_to_what_begins_there() -> None:
    tape = market_of(BTC).tapes[BTC]
    boundary = int(tape.time_ns[tape.time_ns % (60 * NS) == 0][0]) // NS
    assert tape.between(START, boundary).time_ns[-1] < boundary * NS
    assert tape.between(boundary, END).time_ns[0] == boundary * NS


def test_prices_and_volumes_are_exact_decimal_text() -> None:
    tape = one_trade(price_ticks=12, volume_units=34_507_674)
    assert (tape.prices(), tape.volumes()) == (["0.000000012"], ["0.34507674"])
    assert replace(tape, price_decimals=0).prices() == ["12"]


def test_a_pair_listed_twice_and_a_life_that_begins_within_a_minute_are_refused() -> None:
    with pytest.raises(UsageError, match="listed twice"):
        SimulatedMarket.make(1, [LISTINGS[BTC], LISTINGS[BTC]], START, END)
    with pytest.raises(UsageError, match=r"BTC/USD .* whole minutes"):
        market_of(BTC, BTC=(TimeRange(START + 1, END),))


# ------------------------------------------------------------------------------------------------------------ truth


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_truth_equals_a_loop_over_the_trades_in_exact_decimals(interval: int) -> None:
    market = market_of(BTC, DOGE, PEPE)
    for pair, tape in market.tapes.items():
        expected: dict[int, list[Any]] = {}
        for time_ns, price_text, volume_text in zip(tape.time_ns.tolist(), tape.prices(), tape.volumes(), strict=True):
            price, volume = Decimal(price_text), Decimal(volume_text)
            slot = floor(time_ns // NS, interval * 60)
            _, high, low, _, total, count = candle = expected.setdefault(
                slot, [price, price, price, price, Decimal(), 0]
            )
            candle[1:] = max(high, price), min(low, price), price, total + volume, count + 1
        assert truth_of(market, Series(pair, interval), START, END).rows() == [
            (slot, *map(float, candle[:-1]), candle[-1]) for slot, candle in expected.items()
        ]


def test_a_volume_beyond_the_integers_of_a_double_is_rounded_only_once() -> None:
    units = 88_383_629_132_367_428
    assert float(units) / 1e8 != float(Decimal(units).scaleb(-8))
    tape = one_trade(price_ticks=12, volume_units=units)
    assert candles(tape, 1)["volume"].to_list() == [float(Decimal(units).scaleb(-8))]


@unhurried
@given(markets(), st.sampled_from([(1, 5), (1, 1440), (15, 30), (60, 720), (240, 720), (720, 1440)]))
def test_coarse_candles_equal_the_aggregation_of_finer_ones(
    market: SimulatedMarket, intervals: tuple[int, int]
) -> None:
    fine, coarse = intervals
    for pair in market.tapes:
        finer = market.truth(pair, fine).with_columns(source=pl.lit("csv"), rank=pl.lit(0, pl.Int64))
        closed = pl.col("time").dt.epoch("s") < floor(market.end, coarse * 60)
        derived = aggregate(finer.filter(closed), coarse)
        assert_frame_equal(
            derived.select("time", *VALUES), market.truth(pair, coarse).select("time", *VALUES), check_exact=True
        )


@unhurried
@given(markets(), st.sampled_from(INTERVALS))
def test_every_closed_slot_of_a_life_is_either_traded_or_silent(market: SimulatedMarket, interval: int) -> None:
    for pair in market.tapes:
        traded, lived = market.traded(pair, interval), market.lived(pair, interval)
        opens = market.truth(pair, interval)["time"].dt.epoch("s").to_list()
        assert [at for span in traded for at in range(*span, interval * 60)] == opens
        assert traded & lived == traded
        assert all(at in traded for at in ([lived.bounds[0]] if lived else []))


@unhurried
@given(markets(), st.sampled_from((1, 5)))
def test_a_silence_is_silent_for_every_pair(market: SimulatedMarket, interval: int) -> None:
    for pair in market.tapes:
        assert not market.traded(pair, interval) & market.silences.inner(interval * 60)


def test_a_pair_lives_from_its_first_trade_and_a_delisted_one_until_after_its_last() -> None:
    hours = [TimeRange(START + a * 3600, START + b * 3600) for a, b in ((10, 20), (40, 50), (60, 72))]
    market = market_of(BTC, PEPE, BTC=tuple(hours), PEPE=tuple(hours[:2]))
    first, second, third = market.lives(BTC)
    assert [life.assumed for life in (first, second, third)] == [False] * 3
    assert third.end is None
    for life, span in ((first, hours[0]), (second, hours[1])):
        trades = market.tapes[BTC].between(*span).time_ns // NS
        assert (life.start, life.end) == (trades[0], trades[-1] + 1)
    assert len(market.lives(PEPE)) == 2
    assert market.lives(PEPE)[1].end is not None
    assert market.lived(PEPE, 1440) == TimeRanges.single(START, END)


def test_a_clock_that_runs_may_be_faster_than_time(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0
    monkeypatch.setattr("kraken_core.simulator.exchange.clock.time", SimpleNamespace(monotonic_ns=lambda: passed))
    clock = ExchangeClock(START, running=True, speed=60)
    passed = 2 * 10**9
    assert clock.now() == START + 120
    clock.advance(30)
    assert clock.now() == START + 150
