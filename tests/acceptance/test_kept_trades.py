"""Trades are kept where that is wanted: those of the tape, each once, and where none is missing is proved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release
from tests.support.closing_trades import trading_to
from tests.support.command_line import Kraken
from tests.support.kept_trades import assert_kept_is_tape, keeping, kept
from tests.support.little_market import BTC_USD

ETH = Pair("ETH", "EUR")
START, END = day_start(date(2024, 3, 30)), day_start(date(2024, 4, 1))
WHOLE = ("--start-date", "2024-03-30", "--as-of", "2024-04-01T00:00:00Z")
ARCHIVE = "Kraken_Trading_History_Q1_2024.zip"


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    listings = [Listing(BTC_USD, 2.0, 68_000, 1, 0.05), Listing(ETH, 0.05, 3_100, 2, 1e-5)]
    return trading_to([END], SimulatedMarket.make(11, listings, START, END))


@pytest.fixture
def archive(market: SimulatedMarket, tmp_path: Path) -> Path:
    return write_release(market, Release(ARCHIVE, START, END, trades=True), tmp_path / "in")


def test_trades_of_an_archive_are_kept_as_they_were_traded(
    market: SimulatedMarket, archive: Path, kraken: Kraken
) -> None:
    keeping(kraken.home)
    kraken.ingest(archive, *WHOLE)
    for pair in market.tapes:
        assert_kept_is_tape(kraken.home, market, pair, START, END)
    with Workbench.open(kraken.home) as workbench:
        whole = workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", require_complete=True)
        assert len(whole) == len(market.tapes[BTC_USD])
        with pytest.raises(IncompleteError, match="not proved by ids"):
            workbench.trades("BTC/USD", "2024-03-30", "2024-04-01", evidence="proved")


def test_nothing_is_kept_unless_that_is_wanted(archive: Path, kraken: Kraken) -> None:
    kraken.ingest(archive, *WHOLE)
    assert kept(kraken.home, BTC_USD).is_empty()
    assert not (kraken.home / "trades").exists()
