"""From trades to candles: exact at every interval, however the trades are cut (rules 4, 6 and 7)."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import FULL_SCHEMA, PRICES, Source, rank_of
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.ohlcvt import parse_any
from kraken_core.domain.timerange import day_start
from kraken_core.domain.trades import TRADES, TradeCandles, merge, partial
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape
from tests.support.strategies import markets
from tests.support.trade_frames import trades_of

BTC, PEPE = Pair("BTC", "USD"), Pair("PEPE", "USD")
DAY_S = 86_400
START = day_start(date(2026, 3, 30))
DATA = Path(__file__).parents[2] / "../shared/data"
unhurried = settings(deadline=None, max_examples=50)  # making a market takes its time


@cache
def tape_of(pair: Pair = BTC, days: int = 2) -> Tape:
    listings = [Listing(BTC, 0.5, 97_000, 1, 0.05), Listing(PEPE, 0.1, 1.2e-05, 9, 2e9, 0)]
    return SimulatedMarket.make(3, listings, START, START + days * DAY_S).tapes[pair]


def frame(*rows: tuple[int, float, str]) -> pl.DataFrame:
    """Trades by time (nanoseconds since START), price and volume."""
    columns = [(START * NS + time, price, Decimal(volume), None) for time, price, volume in rows]
    return pl.DataFrame(columns, schema=TRADES, orient="row")


def cut(trades: pl.DataFrame, places: list[int]) -> list[pl.DataFrame]:
    edges = [0, *sorted(place % (trades.height + 1) for place in places), trades.height]
    return [trades[start:end] for start, end in itertools.pairwise(edges)]


@unhurried
@given(markets())
def test_trades_make_the_candles_that_are_true(market: SimulatedMarket) -> None:
    for pair, tape in market.tapes.items():
        made = TradeCandles.empty(pair).add(trades_of(tape.between(0, market.end // DAY_S * DAY_S))).candles()
        for interval in INTERVALS:
            truth = market.truth(pair, interval).filter(pl.col("time").dt.epoch("s") < market.end // DAY_S * DAY_S)
            assert_frame_equal(made[interval].select(*COLUMNS), truth, check_exact=True)


@pytest.mark.parametrize("intervals", [INTERVALS, (60,), (1440, 5), (720, 30)])
def test_the_intervals_asked_for_are_made_as_tables_take_them(intervals: tuple[int, ...]) -> None:
    tape = tape_of(PEPE)  # a day's volume exceeds what 64 bits count
    made = TradeCandles.empty(PEPE, intervals).add(trades_of(tape)).candles()
    all_eight = TradeCandles.empty(PEPE).add(trades_of(tape)).candles()
    assert sorted(made) == sorted(intervals)
    for interval, candles in made.items():
        assert candles.schema == FULL_SCHEMA
        assert candles["source"].unique().to_list() == [Source.TRADES]
        assert candles["rank"].unique().to_list() == [rank_of(Source.TRADES)]
        assert_frame_equal(candles, all_eight[interval], check_exact=True)


@unhurried
@given(st.lists(st.integers(0, 5_000), max_size=8), st.booleans())
def test_any_cut_of_a_tape_into_pages_makes_the_same_candles(places: list[int], one_by_one: bool) -> None:
    trades = trades_of(tape_of())
    whole = TradeCandles.empty(BTC).add(trades)
    paged = TradeCandles.empty(BTC)
    for pages in [[page] for page in cut(trades, places)] if one_by_one else [cut(trades, places)]:
        paged = paged.add(*pages)
    assert_frame_equal(paged.parts, whole.parts, check_exact=True)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=30),
    st.lists(st.integers(0, 30), min_size=2, max_size=2),
)
def test_parts_merge_associatively_in_any_order_of_time(ticks: list[tuple[int, int]], places: list[int]) -> None:
    trades = frame(*((tick * 30 * NS, float(price), f"0.{price}") for tick, price in ticks))
    first, second, third = (partial(page, 1) for page in cut(trades, places))
    whole = partial(trades, 1)
    assert_frame_equal(merge([first, second, third]), whole, check_exact=True)
    assert_frame_equal(merge([merge([first, second]), third]), whole, check_exact=True)
    assert_frame_equal(merge([first, merge([second, third])]), whole, check_exact=True)


def test_trades_out_of_order_count_in_the_order_of_their_times_and_else_of_the_file() -> None:
    trades = frame((50 * NS, 3.0, "1"), (10 * NS, 1.0, "1"), (10 * NS, 2.0, "1"), (50 * NS, 4.0, "1"))
    [candle] = TradeCandles.empty(BTC, (1,)).add(trades).candles()[1].to_dicts()
    assert [candle[price] for price in PRICES] == [1.0, 4.0, 1.0, 4.0]
    assert_frame_equal(merge([partial(trades[:1], 1), partial(trades[1:], 1)]), partial(trades, 1))


def test_equal_trades_are_as_many_trades() -> None:
    [candle] = TradeCandles.empty(BTC, (60,)).add(frame((0, 5.0, "0.1"), (0, 5.0, "0.1"))).candles()[60].to_dicts()
    assert (candle["trades"], candle["volume"]) == (2, 0.2)


def test_volumes_are_summed_as_decimals() -> None:
    trades = frame(*((n, 1.0, "0.1") for n in range(10)), (11, 1.0, "123456789012345.00000001"))
    [candle] = TradeCandles.empty(BTC, (1,)).add(trades).candles()[1].to_dicts()
    assert candle["volume"] == float(Decimal("123456789013346.00000001") - 1000)


def test_a_trade_on_a_boundary_belongs_to_what_begins_there() -> None:
    made = TradeCandles.empty(BTC).add(frame((3600 * NS - 1, 1.0, "1"), (3600 * NS, 2.0, "1"))).candles()
    assert made[60]["close"].to_list() == [1.0, 2.0]
    assert made[720]["close"].to_list() == [2.0]


@pytest.mark.parametrize("days", [0, 1, 2])
def test_split_takes_apart_what_belongs_together_again(days: int) -> None:
    whole = TradeCandles.empty(BTC).add(trades_of(tape_of()))
    before, after = whole.split(START + days * DAY_S)
    assert_frame_equal(before.join(after.parts).parts, whole.parts)
    for interval in INTERVALS:
        both = pl.concat([before.candles()[interval], after.candles()[interval]])
        assert_frame_equal(both, whole.candles()[interval])


def test_no_trades_make_no_candles() -> None:
    assert {made.schema == FULL_SCHEMA and made.height for made in TradeCandles.empty(BTC).candles().values()} == {0}
    assert TradeCandles.empty(BTC).add(frame()).parts.is_empty()


def test_an_hour_of_real_trades_is_the_candle_that_kraken_published() -> None:
    recorded, dump = DATA / "trades/XBTUSD_trades_20190701T00.csv", DATA / "dump/XBTUSD_60.csv"
    if not recorded.exists() or not dump.exists():
        pytest.skip(f"{DATA} has no recordings")
    rows = pl.read_csv(recorded, has_header=False, new_columns=["ms", "price", "volume"], infer_schema=False)
    rows = rows.with_row_index().filter(pl.col("index") != 1_000)  # its collector repeated a page's last trade
    trades = rows.select(
        (pl.col("ms").cast(pl.Int64) * 1_000_000).alias("time"),
        pl.col("price").cast(pl.Float64),
        pl.col("volume").cast(TRADES["volume"]),
        pl.lit(None, pl.Int64).alias("id"),
    )
    hour = day_start(date(2019, 7, 1))
    published = parse_any(dump.read_bytes(), 60, day_start(date(2026, 1, 1))).candles.filter(pl.col("time") == hour)
    made = TradeCandles.empty(BTC).add(trades).candles()
    values = made[60].with_columns(pl.col("time").dt.epoch("s")).select(*published.columns)
    assert_frame_equal(values, published, check_exact=True)
    assert made[1440]["trades"].to_list() == [2_671]


@pytest.mark.soak
def test_a_tape_of_ten_thousand_pages_equals_its_truth() -> None:
    market = SimulatedMarket.make(1, [Listing(BTC, 20.0, 97_000, 1, 0.05)], START, START + 348 * DAY_S)
    tape = market.tapes[BTC]
    made, rest = [], TradeCandles.empty(BTC)
    for first in range(0, len(tape), 1_000):
        rest = rest.add(trades_of(tape[first : first + 1_000]))
        done, rest = rest.split(int(tape.time_ns[min(first + 999, len(tape) - 1)]) // NS // DAY_S * DAY_S)
        made.append(done.candles())
    made.append(rest.candles())
    assert len(tape) > 10_000_000 - np.sqrt(1e8)
    for interval in INTERVALS:
        candles = pl.concat([each[interval] for each in made])
        assert_frame_equal(candles.select(*COLUMNS), market.truth(BTC, interval), check_exact=True)
