"""Coinbase Exchange over HTTP: what its client makes of its answers, and of what goes wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.errors import PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, FirstTrade, OhlcAnswer, TradesPage
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, floor
from kraken_core.domain.trade_sweep import STALE_S
from kraken_core.ports import Access, never_stop
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.exchange import ExchangeClock, Fault, FaultKind, Faults
from kraken_core.simulator.exchange.coinbase import CoinbaseFaults, SimulatedCoinbase
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest.coinbase import INTERVALS, CoinbaseExchange, candles, trades
from kraken_core.sources.rest.failures import NoAnswerError
from tests.support.pocket_coinbase import BTC_USD, ETH_EUR
from tests.support.steady import SteadyTime

START = day_start(date(2026, 3, 30))
HOUR = 3600
END = START + 40 * HOUR + 20 * 60
GONE = Pair("OMG", "EUR", "coinbase:OMG-EUR")
UNKNOWN = Pair("SOL", "USD", "coinbase:SOL-USD")
MARKET = SimulatedMarket.make(
    5,
    [
        Listing(BTC_USD, 1.5, 97_000, 2, 0.05),
        Listing(ETH_EUR, 0.01, 3_100, 2, 4, lives=(TimeRange(START + 7 * HOUR, END),)),
        Listing(GONE, 0.2, 0.3, 4, 60, lives=(TimeRange(START, START + 20 * HOUR),)),
    ],
    START,
    END,
)
WHOLE = TimeRange(START, END)


@contextmanager
def opened(
    *script: Fault, now: int = END, faults: CoinbaseFaults | None = None
) -> Iterator[tuple[CoinbaseExchange, SimulatedCoinbase]]:
    with SimulatedCoinbase(MARKET, clock=ExchangeClock(now), faults=Faults(script)) as served:
        served.api.faults = faults or CoinbaseFaults()
        client = CoinbaseExchange(Access(served.url, 1.0, never_stop), SteadyTime().waiting())
        yield client, served
        client.close()


def read_on(client: CoinbaseExchange, pair: Pair, cursor: int) -> pl.DataFrame:
    """Every trade after a cursor, until the last page comes twice."""
    pages: list[pl.DataFrame] = []
    ends = 0
    while ends < 2:
        page = client.trades(pair, cursor)
        ends += page.is_short
        pages.append(page.trades)
        cursor = max(cursor, page.cursor)
    return pl.concat(pages).unique("id").sort("id")


# ------------------------------------------------------------------------------------------------------------ candles


@pytest.mark.parametrize("pair", [BTC_USD, ETH_EUR])
@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_are_those_of_the_trades_and_only_their_slots_are_known(pair: Pair, interval: int) -> None:
    series = Series(pair, interval)
    end = floor(END - STALE_S, series.width)
    within = TimeRange(end - 200 * series.width, end)
    with opened() as (client, _):
        found = client.ohlc(series, END, within=within)
    candles_within = found.candles.filter(pl.col("time").dt.epoch("s") < end)
    truth = MARKET.truth(pair, interval).filter(pl.col("time").dt.epoch("s").is_between(*within, closed="left"))
    assert_frame_equal(candles_within.select(*COLUMNS).drop("trades"), truth.drop("trades"), check_exact=True)
    assert found.candles["trades"].is_null().all()
    assert found.known.clip(*within) == MARKET.traded(pair, interval).clip(*within)
    assert set(candles_within["rank"]) <= {rank_of(Source.OHLC)}


@pytest.mark.parametrize("faults", [CoinbaseFaults(seed=4, absent=0.3), CoinbaseFaults(empty=1.0)])
def test_a_slot_without_a_row_is_not_known_whatever_was_traded(faults: CoinbaseFaults) -> None:
    series, within = Series(BTC_USD, 60), TimeRange(START, START + 40 * HOUR)
    with opened(faults=faults) as (client, _):
        found = client.ohlc(series, END, within=within)
    assert found.known.seconds == len(found.candles) * HOUR
    assert MARKET.traded(BTC_USD, 60).clip(*within) - found.known


def test_candles_before_the_range_do_not_disturb_it() -> None:
    series, within = Series(BTC_USD, 5), TimeRange(START + 20 * HOUR, START + 24 * HOUR)
    with opened(faults=CoinbaseFaults(earlier=3)) as (client, _):
        found = client.ohlc(series, END, within=within)
    assert found.known == MARKET.traded(BTC_USD, 5).clip(within.start - 900, within.end + 300)


def test_no_more_is_requested_than_the_exchange_answers_at_once() -> None:
    with opened() as (client, _):
        found = client.ohlc(Series(BTC_USD, 1), END, 120, WHOLE)
        assert found.known.hull.end <= START + 300 * 60
        with pytest.raises(NoAnswerError, match="Count of aggregations"):
            client._transport.get("products/BTC-USD/candles", {"granularity": 60, "start": START, "end": END})


def test_what_has_not_closed_is_left_out_and_what_has_not_settled_is_provisional() -> None:
    series, as_of = Series(BTC_USD, 5), floor(END, 300) - 120
    with opened() as (client, _):
        found = client.ohlc(series, as_of, 120, TimeRange(END - 2 * HOUR, as_of))
    assert found.known.hull.end == floor(as_of, 300)
    settled = found.candles["rank"] == rank_of(Source.OHLC)
    assert settled.to_list() == [True] * (len(found.candles) - 1) + [False]


def test_what_was_forming_when_an_old_answer_was_made_is_provisional_though_its_slot_has_closed_since() -> None:
    hour = START + 30 * HOUR
    with opened(now=hour + 130, faults=CoinbaseFaults(stale_s=840)) as (client, served):
        old = client.ohlc(Series(BTC_USD, 60), hour + 10, 0, TimeRange(START, hour))
        served.api.faults = CoinbaseFaults()
        fresh = client.ohlc(Series(BTC_USD, 60), hour + 10, 0, TimeRange(START, hour))
    assert old.known == MARKET.traded(BTC_USD, 60).clip(START, hour - HOUR)
    assert old.candles.filter(pl.col("rank") == rank_of(Source.OHLC))["time"].dt.epoch("s").max() == hour - 2 * HOUR
    assert fresh.known == MARKET.traded(BTC_USD, 60).clip(START, hour)


@pytest.mark.parametrize(
    ("rows", "closed_s", "known"),
    [
        ([START], 60 + STALE_S - 1, TimeRanges()),
        ([START], 60 + STALE_S, TimeRanges.single(START, START + 60)),
        ([START, START + 600], 700, TimeRanges.single(START, START + 60)),
    ],
)
def test_the_last_row_is_known_once_a_later_one_follows_or_no_answer_is_so_old(
    rows: list[int], closed_s: int, known: TimeRanges
) -> None:
    found = json.loads(json.dumps([row(at) for at in reversed(rows)]), parse_float=str)
    assert candles(found, Series(BTC_USD, 1), START + closed_s, 0).known == known


def row(at: int = START, **other: object) -> list[object]:
    plain = {"time": at, "low": 4.5, "high": 7, "open": 5, "close": 6, "volume": 1.25}
    return list({**plain, **other}.values())


@pytest.mark.parametrize(
    "odd",
    [
        row(high=5),
        row(low=6.5),
        row(low=0),
        row(open=-1),
        row(open=None),
        row(close="NaN"),
        row(volume=0),
        row(volume=True),
        row(time="soon"),
        row()[:5],
        [],
        "candle",
    ],
)
def test_a_row_that_contradicts_itself_is_skipped_and_its_slot_stays_unknown(odd: object) -> None:
    found = candles(json.loads(json.dumps([row(START + 60), odd]), parse_float=str), Series(BTC_USD, 1), END, 0)
    assert found.known == TimeRanges.single(START + 60, START + 120)
    assert (len(found.skipped), found.rows) == (1, 2)


def hourly_of(hours: list[float], **other: object) -> OhlcAnswer:
    rows = [row(int(START + hour * HOUR), **other) for hour in reversed(hours)]
    return candles(json.loads(json.dumps(rows), parse_float=str), Series(BTC_USD, 60), END + 400 * HOUR, 0)


@pytest.mark.parametrize("hours", [[0, 0.25, 0.5], [0, 1, 2.25, 3.5], [24 * day for day in range(8)]])
def test_an_answer_of_another_interval_is_refused(hours: list[float]) -> None:
    with pytest.raises(NoAnswerError, match="another interval"):
        hourly_of(hours)


def test_few_trades_that_were_made_at_the_same_hour_of_the_day_are_no_other_interval() -> None:
    assert hourly_of([24, 48, 96]).known.seconds == 3 * HOUR
    days: list[float] = [24 * day for day in range(8)]
    assert hourly_of(days, low=5, high=5, open=5, close=5).known.seconds == 8 * HOUR, "one trader's, by the clock"


@pytest.mark.parametrize(
    "found", [{}, {"message": "x"}, [[]], [row(), row(START + 60), row(START + 30 * 60), row(START + 60 * 2)]]
)
def test_an_answer_of_another_form_is_refused(found: object) -> None:
    with pytest.raises(NoAnswerError):
        candles(json.loads(json.dumps(found), parse_float=str), Series(BTC_USD, 1), END, 0)


@given(found=st.lists(st.one_of(st.lists(st.one_of(st.text(), st.integers(), st.none())), st.none(), st.integers())))
def test_no_row_whatever_is_in_it_is_an_error_of_ours(found: list[object]) -> None:
    for read in (lambda: candles(found, Series(BTC_USD, 1), END, 0), lambda: trades(found)):
        with suppress(NoAnswerError):
            read()


# ------------------------------------------------------------------------------------- trades, products, clock


@pytest.mark.parametrize("hole", [(0, 0), (1_500, 2_500), (1, 700)])
def test_trades_after_any_instant_are_the_tape_to_the_microsecond(hole: tuple[int, int]) -> None:
    tape = MARKET.tapes[BTC_USD]
    cursor = (START + 13 * HOUR) * NS
    with opened(faults=CoinbaseFaults(hole=hole)) as (client, _):
        read = read_on(client, BTC_USD, cursor)
    part = tape[int((tape.time_ns <= cursor).sum()) :]
    assert read["time"].to_list() == (part.time_ns // 1_000 * 1_000).tolist()
    assert read["volume"].cast(pl.String).to_list() == part.volumes()
    assert read["kind"].to_list() == ["bm" if buys else "sm" for buys in part.buys.tolist()]
    ids = part.ids + hole[1] if hole[0] == 1 else part.ids
    assert (read["id"].to_list() == ids.tolist()) == (hole[0] != 1_500)


def test_each_page_is_one_request_and_one_that_searches_shows_nothing() -> None:
    with opened() as (client, _):
        page: TradesPage | None = None
        for sent in range(1, 20):
            page = client.trades(BTC_USD, (START + 13 * HOUR) * NS)
            assert client.requests == sent
            if not page.is_searching:
                break
            assert (len(page.trades), page.is_short, page.cursor) == (0, False, (START + 13 * HOUR) * NS)
    assert page is not None
    assert len(page.trades) > 100
    assert page.id_before == page.trades["id"][0] - 1, "which proves what lies between the two"


def test_a_trade_that_cannot_be_read_makes_what_is_around_it_unknown() -> None:
    with opened() as (client, served):
        honest = served.api.answer

        def spoiled(path: str, query: Any, now_ns: int) -> Any:
            found = honest(path, query, now_ns)
            return [{**each, "price": "?"} if each.get("trade_id") == 1_000 else each for each in found]

        served.api.answer = spoiled  # type: ignore[method-assign]
        pages = [client.trades(BTC_USD, (START - 1) * NS) for _ in range(4)]
    page = next(each for each in pages if each.skipped)
    assert len(page.skipped) == 1
    assert int(MARKET.tapes[BTC_USD].time_ns[999]) // NS in page.unknown


def test_no_trades_where_some_were_seen_are_requested_again() -> None:
    with opened() as (client, served):
        newest = client.newest_trade(BTC_USD)
        honest, answered = served.api.answer, iter((True, True))
        served.api.answer = lambda *asked: [] if next(answered, False) else honest(*asked)  # type: ignore[method-assign]
        assert client.newest_trade(BTC_USD) == newest
        assert client.retries == 2


@pytest.mark.parametrize(("hole", "number"), [((0, 0), 1), ((1, 4_321), 4_322)])
def test_the_first_trade_proves_the_listing_by_its_number(hole: tuple[int, int], number: int) -> None:
    with opened(faults=CoinbaseFaults(hole=hole)) as (client, _):
        first = client.first_trade(ETH_EUR)
        newest = client.newest_trade(ETH_EUR)
    tape = MARKET.tapes[ETH_EUR]
    assert first == FirstTrade(int(tape.time_ns[0]) // NS, number)
    assert newest == FirstTrade(int(tape.time_ns[-1]) // NS, number + len(tape) - 1)


def test_products_that_are_delisted_are_listed_no_more() -> None:
    with opened() as (client, _):
        assert client.listed().elsewhere == {BTC_USD, ETH_EUR}
    with opened(now=START + 10 * HOUR) as (client, _):
        assert GONE in client.listed().elsewhere


def test_the_clock_is_the_exchanges() -> None:
    with opened() as (client, _):
        assert (client.now(), client.status()) == (END, "online")


# ----------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("endpoint", ["candles", "trades"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.SERVER_ERROR, times=2),
        Fault(FaultKind.RESET, times=2),
        Fault(FaultKind.CUT_OFF, times=2),
        Fault(FaultKind.HALF, times=2),
        Fault(FaultKind.THROTTLED, times=2, seconds=3),
        Fault(FaultKind.REFUSED, times=2, status=429, error="Public rate limit exceeded"),
    ],
)
def test_what_passes_costs_a_retry_and_changes_no_answer(fault: Fault, endpoint: str) -> None:
    def answer(client: CoinbaseExchange) -> pl.DataFrame:
        if endpoint == "trades":
            return client.trades(BTC_USD, (END - 600) * NS).trades
        return client.ohlc(Series(BTC_USD, 60), END).candles

    with opened() as (client, _):
        expected = answer(client)
    with opened(replace(fault, endpoint=endpoint)) as (client, _):
        found = answer(client)
        assert client.retries == 2
    assert_frame_equal(found, expected)


def test_a_product_that_there_is_not_is_refused_alone_and_at_once() -> None:
    with opened() as (client, _):
        client.ohlc(Series(BTC_USD, 60), END)
        sent = client.requests
        with pytest.raises(PairRefusedError, match=rf"^{UNKNOWN}: .*NotFound.*continues without it") as refused:
            client.ohlc(Series(UNKNOWN, 60), END)
        assert client.requests == sent + 1
        assert "\n" not in str(refused.value)
        assert client.ohlc(Series(BTC_USD, 60), END).rows


def test_an_exchange_that_is_away_is_named_by_its_address() -> None:
    client = CoinbaseExchange(Access("http://127.0.0.1:9", 1.0, never_stop, brief=True), SteadyTime().waiting())
    with pytest.raises(UnavailableError, match=r"could not reach 127\.0\.0\.1:9"):
        client.now()
    gone = Fault(FaultKind.REFUSED, times=None, status=410)
    with opened(gone) as (answering, _), pytest.raises(UnavailableError, match="exchange_urls"):
        answering.now()


def test_answers_have_the_forms_on_record() -> None:
    with opened() as (client, served):
        get = client._transport.get
        charted = json.loads(
            get("products/BTC-USD/candles", {"granularity": HOUR, "start": START, "end": START + 5 * HOUR})
        )
        assert [each[0] for each in charted] == [START + hour * HOUR for hour in (5, 4, 3, 2, 1, 0)]
        _, low, high, first, close, _ = charted[0]
        assert low <= min(first, close) <= max(first, close) <= high
        made = json.loads(get("products/BTC-USD/trades", {"after": 3, "limit": 5}))
        assert [each["trade_id"] for each in made] == [2, 1]
        assert set(made[0]) == {"trade_id", "side", "size", "price", "time"}
        assert set(json.loads(get("time", {}))) == {"iso", "epoch"}
        products = {each["id"]: each["status"] for each in json.loads(get("products", {}))}
        assert products == {"BTC-USD": "online", "ETH-EUR": "online", "OMG-EUR": "delisted"}
        assert [asked.endpoint for asked in served.requests] == ["candles", "trades", "time", "products"]
