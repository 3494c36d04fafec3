"""Every fault of a tape does what it says, on demand, and alike whenever it is asked for by the same seed."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest

from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange import ExchangeClock, SimulatedExchange, TapeFaults
from kraken_core.simulator.exchange.trades import TradeBook
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape
from tests.support.asking import result

BTC = Pair("BTC", "USD")
START = day_start(date(2026, 3, 30))
MARKET = SimulatedMarket.make(3, [Listing(BTC, 10.0, 97_000, 1, 0.05)], START, START + 6 * 3600)
TAPE, END = MARKET.tapes[BTC], MARKET.end


def rows(book: TradeBook, since: int = 0, now: int = END, count: int = 1_000) -> list[list[Any]]:
    return [json.loads(row) for row in book.page(since, count, now * NS).rows]


def book(faults: TapeFaults, tape: Tape = TAPE) -> TradeBook:
    return TradeBook(tape, ids=True, repeats=False, faults=faults)


def test_a_page_in_the_middle_is_empty_and_the_next_one_is_not() -> None:
    lying = book(TapeFaults(empty=1.0, from_page=2, to_page=2))
    since = lying.page(0, 1_000, END * NS).cursor
    assert since is not None
    assert lying.page(since, 1_000, END * NS) == ([], since)
    assert len(rows(lying, since)) == 1_000


def test_a_page_is_short_by_as_many_rows_as_it_should() -> None:
    lying = book(TapeFaults(short=1.0, short_rows=997, to_page=1))
    assert [len(rows(lying)), len(rows(lying))] == [997, 1_000]
    assert 0 < len(rows(book(TapeFaults(short=1.0)))) < 1_000


def test_a_trade_is_left_out_of_the_middle_of_a_page() -> None:
    lying = book(TapeFaults(lost=1.0))
    ids = [row[6] for row in rows(lying)]
    assert len(ids) == 999
    assert (ids[0], ids[-1]) == (1, 1_000)


def test_a_page_is_what_follows_two_pages_later() -> None:
    lying, honest = book(TapeFaults(elsewhere=1.0, to_page=1)), book(TapeFaults())
    assert rows(lying)[0][6] == 2_001
    assert rows(lying) == rows(honest)


def test_a_page_that_goes_back_is_empty_and_one_that_goes_on_is_not() -> None:
    lying = book(TapeFaults(empty_again=1.0))
    since = lying.page(0, 1_000, END * NS).cursor
    assert since is not None
    assert rows(lying, since - NS) == []
    assert len(rows(lying, since)) == 1_000


def test_last_is_missing_from_some_answers() -> None:
    assert book(TapeFaults(no_last=1.0)).page(0, 10, END * NS).cursor is None


def test_a_stale_answer_holds_only_what_had_happened_then() -> None:
    lying = book(TapeFaults(stale=1.0, stale_s=1200))
    since = (END - 1800) * NS
    assert {float(row[2]) < END - 1200 for row in rows(lying, since)} == {True}
    assert any(float(row[2]) >= END - 1200 for row in rows(book(TapeFaults()), since))


def test_candles_may_be_stale_while_trades_are_not() -> None:
    with SimulatedExchange(MARKET, clock=ExchangeClock(END), limits=None) as exchange:
        exchange.tape_faults = TapeFaults(stale_candles=1.0, stale_s=1200)
        assert result(exchange.url, "OHLC", pair="XBTUSD")["last"] == END - 1200 - 60
        trades = result(exchange.url, "Trades", pair="XBTUSD", since=(END - 600) * NS)
        assert len(trades["XXBTZUSD"]) > 10


def test_late_trades_are_visible_so_many_seconds_after_their_time_and_not_before() -> None:
    faults = TapeFaults(late=1.0, late_s=30)
    seen = faults.seen_ns(TAPE)
    assert ((seen >= TAPE.time_ns) & (seen <= TAPE.time_ns + 30 * NS)).all()
    now = END - 600
    ids = {row[6] for row in rows(book(faults), (now - 60) * NS, now)}
    inside = (TAPE.time_ns > (now - 60) * NS) & (seen <= now * NS)
    assert ids == set(TAPE.ids[inside].tolist())
    assert len(ids) < int(((TAPE.time_ns > (now - 60) * NS) & (TAPE.time_ns < now * NS)).sum())


def test_candles_lack_the_trades_that_come_late_too() -> None:
    with SimulatedExchange(MARKET, clock=ExchangeClock(END), limits=None) as exchange:
        honest = result(exchange.url, "OHLC", pair="XBTUSD")["XXBTZUSD"]
        exchange.tape_faults = TapeFaults(late=1.0, late_s=30)
        late = result(exchange.url, "OHLC", pair="XBTUSD")["XXBTZUSD"]
    assert late[-2][7] < honest[-2][7]
    assert late[-10] == honest[-10]


@pytest.mark.parametrize(
    ("faults", "is_so"),
    [
        (TapeFaults(unknown=0.3), lambda ids: 0.05 < (ids == 0).mean() < 0.6),
        (TapeFaults(restarts=0.001), lambda ids: (np.diff(ids) < -50).any() and (ids == 1).sum() > 1),
        (TapeFaults(swapped=0.05), lambda ids: sorted(ids) == list(TAPE.ids) and (np.diff(ids) < 0).any()),
        (TapeFaults(phantoms=0.01), lambda ids: set(np.diff(ids)) == {1, 2, 3, 4}),
        (TapeFaults(), lambda ids: (ids == TAPE.ids).all()),
    ],
    ids=["unknown", "restarted", "swapped", "phantoms", "honest"],
)
def test_ids_are_odd_as_they_should_be_and_alike_every_time(faults: TapeFaults, is_so: Any) -> None:
    assert is_so(faults.ids(TAPE))
    assert (faults.ids(TAPE) == faults.ids(TAPE)).all()
    assert [row[6] for row in rows(book(faults))] == faults.ids(TAPE)[:1_000].tolist()


def test_a_coarse_cursor_never_leads_past_more_trades_than_a_page_in_one_nanosecond() -> None:
    ones = np.ones(1_500, dtype=np.int64)
    busy = Tape(BTC, 1, ones * (START * NS), ones, ones, ones == 1)
    lying = book(TapeFaults(coarse=True), busy)
    page = lying.page(0, 1_000, END * NS)
    assert (len(page.rows), page.cursor) == (1_000, START * NS)
    assert lying.page(START * NS, 1_000, END * NS) == page


def test_faults_come_in_any_combination() -> None:
    lying = book(TapeFaults(7, short=0.5, empty=0.2, no_last=0.5, stale=0.5, stale_s=60, unknown=0.5))
    pages = [lying.page(0, 1_000, END * NS) for _ in range(40)]
    assert {len(page.rows) == 0 for page in pages} == {True, False}
    assert {page.cursor is None for page in pages} == {True, False}
    assert any('",0]' in page.rows[0] or ",0]" in page.rows[-1] for page in pages if page.rows)
