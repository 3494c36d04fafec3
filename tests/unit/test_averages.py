"""Averages weighted by volume: of trades to the last digit, of finer candles in any order, of answers as given."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import FULL_SCHEMA, KEY, SCHEMA, TIME, aggregate
from kraken_core.domain.market import Pair
from kraken_core.domain.sweep_points import SweepState
from kraken_core.domain.trade_ids import Run
from kraken_core.domain.trades import PAGE, PARTS, TRADES, TradeCandles, merge, partial
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import answers, candle_answer
from tests.support.averages import assert_true_averages, exact
from tests.support.strategies import markets
from tests.support.trade_frames import trades_of
from tests.unit.rest_documents import HOURLY, LATE, START, answer

BTC = Pair("BTC", "USD")
NS = 1_000_000_000
PRICES = st.decimals("0.000000000001", "99999999", places=12) | st.decimals("0.01", "999999999", places=2)
VOLUMES = st.decimals("0.00000001", "100000", places=8)
Trade = tuple[Decimal, Decimal]


def frame(trades: list[Trade]) -> pl.DataFrame:
    """A trade a second, in one minute, with the doubles nearest to the prices."""
    rows = [(at * NS, float(price), volume, None) for at, (price, volume) in enumerate(trades)]
    return pl.DataFrame(rows, schema=TRADES, orient="row")


def average(*parts: pl.DataFrame) -> float | None:
    [found] = TradeCandles.empty(BTC, (60,)).join(*parts).candles()[60]["vwap"]
    return found  # type: ignore[no-any-return] # a value of a frame


def written(price: Decimal) -> Fraction:
    """What a source wrote whose double is that of a price: the shortest such decimal."""
    return Fraction(repr(float(price)))


@given(st.lists(st.tuples(PRICES, VOLUMES), min_size=1, max_size=20), st.lists(st.integers(0, 20), max_size=3))
def test_of_trades_it_is_the_double_nearest_to_the_exact_one_in_whatever_portions_they_come(
    trades: list[Trade], places: list[int]
) -> None:
    whole = frame(trades)
    edges = [0, *sorted(min(place, len(trades)) for place in places), len(trades)]
    parts = [partial(whole[a:b], 1) for a, b in pairwise(edges) if a < b]
    amount = sum(written(price) * Fraction(volume) for price, volume in trades)
    right = float(amount / sum(Fraction(volume) for _, volume in trades))
    assert average(*parts) == average(merge(parts)) == average(partial(whole, 60)) == right


@settings(deadline=None, max_examples=10)
@given(markets())
def test_of_a_market_each_is_true_at_every_interval(market: SimulatedMarket) -> None:
    for pair, tape in market.tapes.items():
        for interval, candles in TradeCandles.empty(pair).add(trades_of(tape)).candles().items():
            counts = assert_true_averages(candles, tape, interval)
            assert counts["trades"] == candles.height == len(exact(tape, interval))


@pytest.mark.parametrize(("price", "volume"), [(1e308, "1"), (1e30, "1"), (1e8, "10000000000"), (1.0000000000001, "1")])
def test_there_is_none_where_a_trade_is_not_known_exactly_or_too_large(price: float, volume: str) -> None:
    sound = partial(frame([(Decimal(2), Decimal(1))]), 1)
    row = (0, price, Decimal(volume), None)
    odd = partial(pl.DataFrame([row], schema=TRADES, orient="row"), 1)
    assert average(sound) == 2
    assert average(odd) is None
    assert average(sound, odd) is average(odd, sound) is None


def test_a_sweep_that_an_earlier_version_left_goes_on_without_one_in_the_slot_it_was_in() -> None:
    parts = partial(frame([(Decimal(2), Decimal(1))]), 1)
    state = SweepState(parts, pl.DataFrame(schema=PAGE), Run(1, 2), 3, None, None, ())
    assert_frame_equal(SweepState.parse(state.text).parts, parts)
    old = json.loads(state.text)
    old["parts"] = [part[:-1] for part in old["parts"]]
    resumed = SweepState.parse(json.dumps(old)).parts
    assert resumed.schema == pl.Schema(PARTS)
    assert average(resumed, parts) is None


FINE = st.tuples(st.floats(0.5, 2.0), st.floats(1e-8, 1e9).map(lambda volume: round(volume, 8)))


def candles(values: list[tuple[float | None, float]], hours: int = 1) -> pl.DataFrame:
    """Minutes of some hours, so many in each, by their average and volume."""
    rows = [
        (
            "BTC/USD",
            1,
            (at // len(values) * 60 + at % len(values)) * 60_000_000,
            *(1.0, 2.0, 0.5, 1.0),
            volume,
            1,
            "trades",
            1,
            vwap,
        )
        for at, (vwap, volume) in enumerate(values * hours)
    ]
    return pl.DataFrame(rows, {**FULL_SCHEMA, "time": pl.Int64}, orient="row").cast({"time": TIME})


@given(st.lists(FINE, min_size=1, max_size=60), st.integers(0, 99))
def test_of_finer_candles_it_is_weighted_by_their_volumes_whatever_their_order(
    values: list[tuple[float, float]], seed: int
) -> None:
    fine = candles(list(values), hours=2)
    found = aggregate(fine.sample(fraction=1, shuffle=True, seed=seed), 60)
    assert found.equals(aggregate(fine, 60))
    assert found.schema == pl.Schema(FULL_SCHEMA)
    right = sum(Fraction(w) * Fraction(v) for w, v in values) / sum(Fraction(v) for _, v in values)
    assert found["vwap"].to_list() == pytest.approx([float(right)] * 2, rel=1e-14)


def test_there_is_none_of_finer_candles_of_which_one_has_none() -> None:
    known, unknown = candles([(1.5, 1.0), (0.5, 3.0)]), candles([(1.5, 1.0), (None, 3.0)])
    later = unknown.with_columns(pl.col("time") + pl.duration(hours=1))
    assert aggregate(pl.concat([known, later]).sort(KEY), 60)["vwap"].to_list() == [0.75, None]
    assert aggregate(unknown, 60)["vwap"].to_list() == [None]
    assert aggregate(known.select(*SCHEMA), 60).schema == pl.Schema(SCHEMA)
    vast = candles([(1e300, 1e9), (1e290, 1e9)])
    assert aggregate(vast, 60)["vwap"].to_list() == [None]


@pytest.mark.parametrize(
    ("stated", "read"), [("3.6", 3.6), ("4.0", 4.0), ("4.000000000001", 4.000000000001), ("0.0", None), ("4.1", None)]
)
def test_of_an_answer_it_is_as_the_exchange_rounded_it_unless_no_trade_can_have_it(
    stated: str, read: float | None
) -> None:
    rows = [[START + after, "3.5", "4.0", "3.0", "3.7", stated, "1.5", 2] for after in (0, 3600)]  # the last one forms
    told = answer(XXBTZUSD=rows, last=LATE)
    found = candle_answer.ohlc(answers.result(told), HOURLY, LATE)
    assert found.candles["vwap"].to_list() == [read]
