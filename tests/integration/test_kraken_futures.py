"""Kraken Futures over HTTP: what its client makes of its answers, and of what goes wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.candles import Source, provisional, rank_of
from kraken_core.domain.errors import Interrupted, PairRefusedError, UnavailableError
from kraken_core.domain.exchange import NS, FirstTrade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start, floor
from kraken_core.domain.trade_sweep import STALE_S
from kraken_core.ports import Access, never_stop
from kraken_core.simulator.candles import COLUMNS
from kraken_core.simulator.exchange import ExchangeClock, Fault, FaultKind, Faults
from kraken_core.simulator.exchange.futures import ChartFaults, SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest.failures import NoAnswerError
from kraken_core.sources.rest.kraken_futures import KrakenFutures, candles, rates, server_time
from tests.support.pocket_futures import PF_XBTUSD, PI_ETHUSD
from tests.support.steady import SteadyTime

START = day_start(date(2026, 3, 30))
HOUR = 3600
END = START + 40 * HOUR + 20 * 60
EXPIRED = Pair("BTC", "USD", "kraken-futures:FF_XBTUSD_260331")
MARKET = SimulatedMarket.make(
    5,
    [
        Listing(PF_XBTUSD, 0.2, 97_000, 1, 0.05, charted=True),
        Listing(PI_ETHUSD, 0.01, 3_100, 2, 40, 0, lives=(TimeRange(START + 7 * HOUR, END),), charted=True),
        Listing(EXPIRED, 0.2, 97_100, 1, 0.05, lives=(TimeRange(START, START + 20 * HOUR),), charted=True),
    ],
    START,
    END,
)
WHOLE = TimeRange(START, END)


@contextmanager
def opened(*script: Fault, now: int = END, faults: ChartFaults | None = None) -> Iterator[tuple[KrakenFutures, Any]]:
    with SimulatedFutures(MARKET, clock=ExchangeClock(now), faults=Faults(script)) as served:
        served.api.chart_faults = faults or ChartFaults()
        client = KrakenFutures(Access(served.url, 1.0, never_stop), SteadyTime().waiting())
        yield client, served
        client.close()


# ------------------------------------------------------------------------------------------------------------ candles


@pytest.mark.parametrize("pair", [PF_XBTUSD, PI_ETHUSD])
@pytest.mark.parametrize("interval", INTERVALS)
def test_charts_bring_every_candle_and_know_every_slot_since_the_first(pair: Pair, interval: int) -> None:
    series = Series(pair, interval)
    with opened(faults=ChartFaults(most=5_000)) as (client, _):
        found = client.ohlc(series, END, within=WHOLE)
    assert_frame_equal(found.candles.select(*COLUMNS), MARKET.truth(pair, interval), check_exact=True)
    assert found.known == MARKET.lived(pair, interval)
    assert set(found.candles["rank"]) == {rank_of(Source.OHLC)}


def test_a_slot_without_trades_is_known_by_its_flat_row_alone() -> None:
    series = Series(PI_ETHUSD, 1)
    traded = MARKET.traded(PI_ETHUSD, 1)
    with opened(faults=ChartFaults(most=5_000, absent=True)) as (client, _):
        without_rows = client.ohlc(series, END, within=WHOLE)
    assert without_rows.known == traded
    with opened(faults=ChartFaults(most=5_000)) as (client, _):
        assert client.ohlc(series, END, within=WHOLE).known - traded


@pytest.mark.parametrize("newest", [False, True])
def test_an_answer_that_is_cut_knows_what_it_brings_and_no_more(newest: bool) -> None:
    series = Series(PF_XBTUSD, 1)
    with opened(faults=ChartFaults(most=100, newest=newest)) as (client, _):
        found = client.ohlc(series, END, within=WHOLE)
    lived = MARKET.lived(PF_XBTUSD, 1).hull
    first = lived.end - 99 * 60 if newest else lived.start  # the newest row of all is still forming
    expected = TimeRange(first, first + (99 if newest else 100) * 60)
    assert found.known == TimeRanges.single(*expected)


def test_what_has_not_closed_is_left_out_and_what_has_not_settled_is_provisional() -> None:
    series, as_of = Series(PF_XBTUSD, 5), floor(END, 300) - 120
    with opened() as (client, _):
        found = client.ohlc(series, as_of, 120, TimeRange(END - 2 * HOUR, as_of))
    assert found.known.hull.end == floor(as_of, 300)
    settled = found.candles["rank"] == rank_of(Source.OHLC)
    assert settled.to_list() == [True] * (len(found.candles) - 1) + [False]


def test_what_was_forming_when_an_old_answer_was_made_is_provisional_though_its_slot_has_closed_since() -> None:
    series, hour = Series(PF_XBTUSD, 60), START + 30 * HOUR
    with opened(now=hour + 130, faults=ChartFaults(stale_s=840)) as (client, served):
        old = client.ohlc(series, hour + 10, 0, TimeRange(START, hour))
        served.api.chart_faults = ChartFaults()
        fresh = client.ohlc(series, hour + 10, 0, TimeRange(START, hour))
    assert old.known == TimeRanges.single(START, hour - HOUR)
    assert set(old.candles["rank"][:-1]) == {rank_of(Source.OHLC)}
    assert old.candles["rank"][-1] == provisional(rank_of(Source.OHLC))
    assert fresh.known == TimeRanges.single(START, hour)


@pytest.mark.parametrize(
    ("rows", "closed_s", "known"),
    [
        ([START], 60 + STALE_S - 1, TimeRanges()),
        ([START], 60 + STALE_S, TimeRanges.single(START, START + 60)),
        ([START, START + 60], 130, TimeRanges.single(START, START + 60)),
    ],
)
def test_the_last_row_is_known_once_a_later_one_follows_or_no_answer_is_so_old(
    rows: list[int], closed_s: int, known: TimeRanges
) -> None:
    told = {"candles": [row(time=at * 1000) for at in rows]}
    assert candles(told, Series(PF_XBTUSD, 1), START + closed_s, 0).known == known


def row(**other: object) -> dict[str, object]:
    plain = {"time": START * 1000, "open": "5", "high": "7", "low": "4.5", "close": "6", "volume": "1.25"}
    return {**plain, **other}


@pytest.mark.parametrize(
    "other",
    [
        {"high": "5.5"},
        {"low": "6.5"},
        {"low": "0"},
        {"open": "-1"},
        {"open": None},
        {"close": "NaN"},
        {"volume": "1e999999"},
        {"volume": "-1"},
        {"volume": True},
        {"volume": "0"},
        {"time": START * 1000 + 1},
        {"time": "soon"},
        {"time": 10**30},
    ],
)
def test_a_row_that_contradicts_itself_is_skipped_and_its_slot_stays_unknown(other: dict[str, object]) -> None:
    good = row(time=(START + 60) * 1000)
    found = candles({"candles": [row(**other), good]}, Series(PF_XBTUSD, 1), END, 0)
    assert found.known == TimeRanges.single(START + 60, START + 120)
    assert len(found.skipped) == 1
    assert found.rows == 2


@pytest.mark.parametrize("minutes", [[0, 1, 2], [0, 61, 121], [0, 240, 480], [0, 240, 480, 1440], [0, 1440, 2880]])
def test_an_answer_of_another_interval_is_refused(minutes: list[int]) -> None:
    rows = [row(time=(START + minute * 60) * 1000) for minute in minutes]
    with pytest.raises(NoAnswerError, match="another interval"):
        candles({"candles": rows}, Series(PF_XBTUSD, 60), END, 0)


def test_rows_in_no_slot_are_skipped_repeated_ones_count_once_and_of_different_ones_neither_is_taken() -> None:
    hours: list[float] = [0, 1, 1, 2, 2, 3, 4, 4.5, 5]
    rows = [row(time=int(START + hour * HOUR) * 1000) for hour in hours]
    rows[4]["close"] = "6.5"
    found = candles({"candles": rows}, Series(PF_XBTUSD, 60), END, 0)
    known = [(0, 2), (3, 6)]
    assert found.known == TimeRanges.of((START + first * HOUR, START + end * HOUR) for first, end in known)
    assert (found.candles.height, len(found.skipped), found.rows) == (5, 3, 9)


def test_a_hole_is_no_other_interval() -> None:
    hours = (0, 4, 5, 20)
    rows = [row(time=(START + hour * HOUR) * 1000) for hour in hours]
    known = TimeRanges.of((START + hour * HOUR, START + (hour + 1) * HOUR) for hour in hours)
    assert candles({"candles": rows}, Series(PF_XBTUSD, 60), END, 0).known == known


def test_numbers_may_be_texts_or_not_and_rows_may_have_more_fields() -> None:
    found = candles({"candles": [row(open=5, volume=2, new=[1])], "more": 1}, Series(PF_XBTUSD, 1), END, 0)
    assert found.candles.select("open", "high", "volume", "trades").row(0) == (5.0, 7.0, 2.0, None)


@pytest.mark.parametrize(
    "document", [{}, {"candles": {}}, {"candles": [{}]}, {"candles": [row(time=(START + 60) * 1000), row()]}]
)
def test_an_answer_of_another_form_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(NoAnswerError):
        candles(document, Series(PF_XBTUSD, 1), END, 0)


@given(rows=st.lists(st.dictionaries(st.sampled_from(sorted(row())), st.one_of(st.text(), st.integers(), st.none()))))
def test_no_row_whatever_is_in_it_is_an_error_of_ours(rows: list[dict[str, object]]) -> None:
    try:
        found = candles({"candles": rows}, Series(PF_XBTUSD, 1), END, 0)
    except NoAnswerError:
        return
    assert len(found.skipped) + len(found.candles) <= len(rows)


# ------------------------------------------------------------------------------------- trades, contracts, rates, clock


def test_executions_are_the_tape_to_the_millisecond() -> None:
    tape = MARKET.tapes[PF_XBTUSD]
    read, cursor = 0, 0
    with opened() as (client, _):
        while not (page := client.trades(PF_XBTUSD, cursor, 1000)).is_short:
            fresh = page.trades.filter(page.trades["time"] > cursor)
            read += len(fresh)
            cursor = int(page.trades["time"][-1])
        read += len(page.trades)
    assert read == len(tape)
    assert page.trades["price"].to_list() == [float(price) for price in tape.prices()[-len(page.trades) :]]


def test_the_first_trade_proves_no_listing_as_it_has_no_number() -> None:
    with opened() as (client, _):
        first = client.first_trade(PI_ETHUSD)
    assert first == FirstTrade(int(MARKET.tapes[PI_ETHUSD].time_ns[0]) // NS, None)
    assert first is not None
    assert not first.is_first


def test_contracts_that_have_expired_are_not_listed() -> None:
    with opened() as (client, _):
        assert client.listed().elsewhere == {PF_XBTUSD, PI_ETHUSD}
    with opened(now=START + 10 * HOUR) as (client, _):
        assert EXPIRED in client.listed().elsewhere


def test_the_clock_is_the_exchanges() -> None:
    with opened() as (client, _):
        assert (client.now(), client.status()) == (END, "online")


def test_funding_rates_are_by_the_hour() -> None:
    with opened() as (client, _):
        found = client.funding_rates(PF_XBTUSD).rates
    assert [rate.time for rate in found] == list(range(START, floor(END, HOUR), HOUR))
    assert all(abs(rate.relative) <= 1e-5 for rate in found)


RATE = {"timestamp": "2024-04-01T00:00:00.000Z", "fundingRate": 0.5, "relativeFundingRate": 1e-6}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        None,
        RATE | {"fundingRate": "NaN"},
        RATE | {"fundingRate": 10**400},
        RATE | {"timestamp": "soon"},
        RATE | {"timestamp": "2024-04-01T00:00:00"},  # of which zone is not said
        RATE | {"timestamp": "0001-01-01T00:00:00Z"},
    ],
)
def test_a_funding_rate_that_cannot_be_read_costs_only_itself(odd: Any) -> None:
    later = RATE | {"timestamp": "2024-04-01T01:00:00.000Z"}
    answer = rates({"rates": [later, odd, RATE, RATE]})
    assert [rate.time for rate in answer.rates] == [1_711_929_600, 1_711_933_200]
    assert answer.skipped == (f"{odd}"[:120],)
    with pytest.raises(NoAnswerError, match="invalid answer: "):
        rates({"rates": [odd]})


def test_of_two_funding_rates_of_one_instant_neither_is_known() -> None:
    later = RATE | {"timestamp": "2024-04-01T01:00:00.000Z"}
    answer = rates({"rates": [RATE, later, RATE | {"fundingRate": 0.6}]})
    assert [rate.time for rate in answer.rates] == [1_711_933_200]
    assert answer.skipped == ("different rates of 2024-04-01T00:00:00Z",)


def test_an_answer_without_rates_is_none() -> None:
    assert rates({"rates": []}).rates == []
    with pytest.raises(NoAnswerError, match="it has no rates"):
        rates({"rates": None})


@pytest.mark.parametrize("time", [None, "soon", "2024-04-01T00:00:00"])
def test_a_clock_that_does_not_say_its_zone_is_no_clock(time: object) -> None:
    with pytest.raises(NoAnswerError, match="a clock without time"):
        server_time({"serverTime": time})


# ----------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.SERVER_ERROR, "charts", times=2),
        Fault(FaultKind.RESET, "charts", times=2),
        Fault(FaultKind.CUT_OFF, "charts", times=2),
        Fault(FaultKind.HALF, "charts", times=2),
        Fault(FaultKind.THROTTLED, "charts", times=2, seconds=3),
        Fault(FaultKind.REFUSED, "charts", times=2, status=200, error="apiLimitExceeded"),
    ],
)
def test_what_passes_costs_a_retry_and_changes_no_answer(fault: Fault) -> None:
    series = Series(PF_XBTUSD, 60)
    with opened() as (client, _):
        expected = client.ohlc(series, END, within=WHOLE)
    with opened(fault) as (client, _):
        found = client.ohlc(series, END, within=WHOLE)
        assert client.retries == 2
    assert_frame_equal(found.candles, expected.candles)
    assert found.known == expected.known


@pytest.mark.parametrize("pair", [EXPIRED, Pair("SOL", "USD", "kraken-futures:PF_SOLUSD")])
def test_a_contract_that_is_not_listed_is_refused_alone(pair: Pair) -> None:
    with opened() as (client, _):
        client.ohlc(Series(PF_XBTUSD, 60), END)
        with pytest.raises(PairRefusedError, match=rf"^{pair}: .*NOT_FOUND.*continues without it") as refused:
            client.ohlc(Series(pair, 60), END)
        assert "\n" not in str(refused.value)
        assert client.ohlc(Series(PF_XBTUSD, 60), END).rows


def test_an_exchange_that_is_away_ends_it_with_the_setting_that_names_it() -> None:
    client = KrakenFutures(Access("http://127.0.0.1:9", 1.0, never_stop, brief=True), SteadyTime().waiting())
    with pytest.raises(UnavailableError, match=r"could not reach 127\.0\.0\.1:9"):
        client.now()
    gone = Fault(FaultKind.REFUSED, times=None, status=410)
    with opened(gone) as (answering, _), pytest.raises(UnavailableError, match="exchange_urls"):
        answering.now()


def test_who_asks_to_stop_is_heard_before_the_next_request() -> None:
    client = KrakenFutures(Access("http://127.0.0.1:9", 1.0, lambda: True))
    with pytest.raises(Interrupted):
        client.now()
    assert client.requests == 0


def test_answers_have_the_forms_on_record() -> None:
    with opened() as (client, served):
        charted = json.loads(client._transport.get("api/charts/v1/trade/PF_XBTUSD/1h", {"from": START, "to": END}))
        assert set(charted) == {"candles", "more_candles"}
        first = charted["candles"][0]
        assert (type(first["time"]), type(first["open"]), type(first["volume"])) == (int, str, str)
        assert first["time"] == START * 1000
        made = json.loads(client._transport.get("api/history/v3/market/PF_XBTUSD/executions", {"count": 1}))
        assert set(made) == {"elements", "len", "continuationToken"}
        assert set(made["elements"][0]) == {"uid", "timestamp", "event"}
        names = json.loads(client._transport.get("derivatives/api/v3/instruments", {}))
        assert {"symbol", "type", "openingDate", "tradeable"} <= set(names["instruments"][0])
        assert [asked.endpoint for asked in served.requests] == ["charts", "executions", "instruments"]
