"""Bars: every trade in one bar, all of the volume, and those of time as candles are."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.bars import BARS, BarKind, bars
from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.errors import UsageError
from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import PRICE_DECIMALS, TradeSource, exact_prices, kept
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trades import TRADES, TradeCandles
from kraken_core.workbench.queries.trades import bar_size

PAIR = Pair("BTC", "USD")
EVER = TimeRanges.single(0, 1 << 33)
BEGIN = 1_711_756_800
# Of trades a tenth of a second to two hours apart, prices in ticks, volumes in units of 10**-8
steps = st.lists(
    st.tuples(st.integers(0, 7_200 * NS), st.integers(1, 10**9), st.integers(1, 10**12)), min_size=1, max_size=60
)
kinds = st.sampled_from([BarKind.TICK, BarKind.VOLUME, BarKind.DOLLAR])


def tape(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    times = pl.Series([step for step, *_ in rows]).cum_sum() + BEGIN * NS
    return pl.DataFrame(
        {
            "time": times,
            "price": [ticks / 100 for _, ticks, _ in rows],
            "volume": pl.Series([Decimal(units).scaleb(-VOLUME_DECIMALS) for *_, units in rows]),
            "id": range(1, len(rows) + 1),
        },
        schema=TRADES,
    )


def amounts_of(rows: list[tuple[int, int, int]], kind: BarKind) -> list[Decimal]:
    values = {
        BarKind.TICK: [Decimal(1) for _ in rows],
        BarKind.VOLUME: [Decimal(units).scaleb(-VOLUME_DECIMALS) for *_, units in rows],
        BarKind.DOLLAR: [Decimal(ticks * units).scaleb(-VOLUME_DECIMALS - 2) for _, ticks, units in rows],
    }
    return values[kind]


@given(steps, kinds, st.decimals("0.01", 10**6, places=2))
def test_bars_have_every_trade_once_and_all_of_the_volume(
    rows: list[tuple[int, int, int]], kind: BarKind, size: Decimal
) -> None:
    size = Decimal(int(size) or 1) if kind is BarKind.TICK else size
    made = bars(kept(tape(rows), PAIR, TradeSource.REST), kind, size, EVER)
    assert made.schema == pl.Schema(BARS)
    assert made["trades"].sum() == len(rows)
    amounts, at = amounts_of(rows, kind), 0
    for bar, (trades, volume, complete) in enumerate(made.select("trades", "volume", "complete").rows()):
        inside = slice(at, at + trades)
        assert volume == float(sum(units for *_, units in rows[inside])) / 10**VOLUME_DECIMALS
        reached = sum(amounts[inside])
        assert sum(amounts[inside][:-1]) < size  # the trade that reaches it is the last one
        assert complete == (reached >= size)
        assert complete or bar == made.height - 1
        at += trades


@given(steps, st.sampled_from(INTERVALS))
def test_bars_of_time_are_the_candles_of_the_same_trades(rows: list[tuple[int, int, int]], interval: int) -> None:
    trades = tape(rows)
    candles = TradeCandles.empty(PAIR, [interval]).add(trades).candles()[interval]
    made = bars(kept(trades, PAIR, TradeSource.ARCHIVE), BarKind.TIME, Decimal(interval * 60), EVER)
    columns = ("open", "high", "low", "close", "volume")
    assert made.select(columns).rows() == candles.select(columns).rows()
    assert made["trades"].to_list() == candles["trades"].to_list()
    assert made["time"].dt.epoch("us").to_list() == candles["time"].dt.epoch("us").to_list()
    for vwap, quote, volume, low, high in made.select("vwap", "quote_volume", "volume", "low", "high").rows():
        assert low * (1 - 1e-12) <= vwap <= high * (1 + 1e-12)
        assert vwap * volume == pytest.approx(quote)


@pytest.mark.parametrize("kind", BarKind)
def test_of_no_trades_there_are_no_bars(kind: BarKind) -> None:
    none = bars(kept(tape([(0, 1, 1)]), PAIR, TradeSource.REST).clear(), kind, Decimal(60), EVER)
    assert none.is_empty()
    assert dict(none.schema) == BARS


def test_a_bar_with_a_missing_trade_inside_is_not_complete() -> None:
    trades = kept(
        tape([(0, 100, 100), (59 * NS, 100, 100), (62 * NS, 100, 100), (NS, 100, 100)]), PAIR, TradeSource.REST
    )
    known = TimeRanges.of([(BEGIN, BEGIN + 60), (BEGIN + 120, BEGIN + 180)])
    assert bars(trades, BarKind.TICK, Decimal(2), known)["complete"].to_list() == [True, True]
    assert bars(trades, BarKind.TICK, Decimal(3), known)["complete"].to_list() == [False, False]
    assert bars(trades, BarKind.TIME, Decimal(60), known)["complete"].to_list() == [True, True]
    assert bars(trades, BarKind.TIME, Decimal(120), known)["complete"].to_list() == [False, False]


@given(st.integers(1, 10**15 - 1), st.integers(0, PRICE_DECIMALS))
def test_a_price_of_up_to_fifteen_digits_is_kept_as_it_was_written(digits: int, decimals: int) -> None:
    written = Decimal(digits).scaleb(-decimals)
    assert exact_prices(pl.Series([float(written)])).to_list() == [written]


@pytest.mark.parametrize(
    ("kind", "size", "seconds"), [("time", "30s", 30), ("time", "7m", 420), ("time", "1h", 3600), ("tick", 100, 100)]
)
def test_sizes_are_understood(kind: str, size: str | float, seconds: int) -> None:
    assert bar_size(kind, size) == (BarKind(kind), Decimal(seconds))


@pytest.mark.parametrize(
    ("kind", "size", "why"),
    [
        ("time", 60, "has no unit"),
        ("time", "0s", "not an interval"),
        ("tick", 1.5, "a whole number of trades"),
        ("volume", "much", "an amount from 0.00000001 on"),
        ("dollar", -1, "an amount from"),
        ("candle", 1, "no kind of bars: write time, tick, volume, dollar"),
    ],
)
def test_a_size_that_is_none_is_refused(kind: str, size: str | float, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        bar_size(kind, size)
