"""A watch that asks an exchange whose time goes on: every round brings what has closed since, and no more."""

from __future__ import annotations

from datetime import date

import pytest

from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start, iso
from kraken_core.settings import Settings
from kraken_core.simulator.exchange import Fault, FaultKind, Faults, SimulatedExchange
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.rest import retries
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Round, Watch
from tests.support.asking import asks
from tests.support.command_line import Kraken

START, HOURS = day_start(date(2026, 4, 1)), 30
HOUR_S = 3600
BTC = Pair("BTC", "USD")
MARKET = SimulatedMarket.make(3, [Listing(BTC, 1.0, 97_000, 1, 0.05)], START, START + HOURS * HOUR_S)


def watched(
    wb: Workbench, exchange: SimulatedExchange, clock: ExchangeClock, rounds: int, told: list[Notice]
) -> list[tuple[Round, int]]:
    """So many rounds, an hour apart; with each, how many requests for candles and trades it took."""
    found: list[tuple[Round, int]] = []

    def wait(_: float) -> bool:
        clock.advance(HOUR_S)
        return len(found) == rounds

    request = {"pairs": [BTC], "intervals": [1, 60], "start_date": "2026-04-01", "incremental": True}
    for each in Watch(wb, request, HOUR_S, 0, wait, lambda: False, [told.append]).rounds():
        asked = sum(request.endpoint in {"OHLC", "Trades"} for request in exchange.requests)
        exchange.requests.clear()
        found.append((each, asked))
    return found


def test_every_round_brings_the_hour_that_has_closed_since(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ExchangeClock(START + 26 * HOUR_S + SETTLING_S)
    with SimulatedExchange(MARKET, clock=clock, limits=None) as exchange:
        asks(monkeypatch, exchange)
        with Workbench(Settings.load(kraken.home), clock) as wb:  # type: ignore[arg-type]
            told: list[Notice] = []
            rounds = watched(wb, exchange, clock, 3, told)
            assert told == []
            first, *later = (each.job for each, _ in rounds)
            assert first is not None
            for number, job in enumerate(later, start=27):
                assert job is not None
                since = START + (number - 1) * HOUR_S
                minutes = sum(since <= at.timestamp() < since + HOUR_S for at in MARKET.truth(BTC, 1)["time"])
                assert job.metrics.records_ingested == minutes  # the hour itself is derived from them
            assert all(asked <= 3 for _, asked in rounds[1:])  # where nothing traded since, candles have to agree
            hours = wb.candles("BTC/USD", 60)
            assert [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in hours.index] == [iso(START + n * HOUR_S) for n in range(28)]
            assert list(hours["close"]) == list(MARKET.truth(BTC, 60)["close"].head(28))
            assert wb.gaps(intervals=[60]).empty


def test_an_exchange_that_is_away_for_a_round_is_told_of_and_made_up_for_by_the_next(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    clock = ExchangeClock(START + 26 * HOUR_S + SETTLING_S)
    with SimulatedExchange(MARKET, clock=clock, limits=None) as exchange:
        asks(monkeypatch, exchange)
        with Workbench(Settings.load(kraken.home), clock) as wb:  # type: ignore[arg-type]
            told: list[Notice] = []
            watched(wb, exchange, clock, 1, told)
            exchange.faults = Faults((Fault(FaultKind.MAINTENANCE, times=None),))
            watched(wb, exchange, clock, 1, told)
            assert [notice.kind for notice in told] == ["exchange"]
            assert "maintenance" in told[0].message
            exchange.faults = Faults()
            watched(wb, exchange, clock, 1, told)
            assert [notice.kind for notice in told] == ["exchange", "recovery"]
            assert len(wb.candles("BTC/USD", 60)) == 28
            assert wb.gaps(intervals=[60]).empty
