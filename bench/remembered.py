"""What keeping what was known costs: a year of daily runs, with the archive of every quarter as soon as it ends."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from bench.figures import Figure
from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import Pair
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.support.pocket_exchange import PocketExchange, at_pocket

DAY_S = 86_400
FIRST_DAY = date(2025, 1, 1)
START = 1_735_689_600
QUARTERS = (90, 181, 273, 365)  # days after which each ends
LONG_AFTER = 2**33  # when all that left a table is deleted
PAIRS = (Listing(Pair("BTC", "USD"), 0.3, 97_000, 1, 0.05), Listing(Pair("ADA", "USD"), 0.05, 0.45, 6, 400))
# Trades that archives lack of the exchange's tape. Real ones differ in 0.05 % of all trades, and REST from archives in
# up to 0.7 % of a day's volume: this is twice that.
DIFFERENT = 0.014
KEPT = ("candle_revision", "record_revision")


def remembered(*, full: bool) -> Iterator[Figure]:
    """Bytes kept, beside those of the candles and of the whole home, after the daily runs."""
    days = QUARTERS[-1] if full else QUARTERS[0]
    market = SimulatedMarket.make(7, PAIRS, START, START + days * DAY_S)
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        home = Path(folder, "home")
        exchange, archives = PocketExchange(market), _archives(market, Path(folder))
        with at_pocket(home, exchange) as workbench:
            for day in range(1, days + 1):
                exchange.present = START + day * DAY_S + SETTLING_S
                _run(workbench, exchange, archives.get(day))
            workbench.store.vacuum(LONG_AFTER)
            candles = workbench.sql("SELECT count(*) AS n FROM candles")["n"].item()
            replaced = sum(len(workbench.revisions(each.pair, i)) for each in PAIRS for i in (1, 60, 1440))
            began = time.perf_counter()
            workbench.candles(PAIRS[0].pair, 60, as_known_at=int(time.time()) - 1)
            seconds = time.perf_counter() - began
        files = sum(file.stat().st_size for file in (home / "candles").rglob("*.parquet"))
        kept, ledger = _kept(home / "ledger.db")
    what = f"known of {days} daily runs ({candles:,} candles, {replaced:,} replaced): "
    yield Figure(what + "beside candles", (files + kept) / files, 1.2, "×")
    yield Figure(f"known of {days} daily runs: beside the home", (files + ledger) / (files + ledger - kept), 1.2, "×")
    yield Figure("a series as known now, after these runs", seconds, 1.0, "s")


def _run(workbench: Workbench, exchange: PocketExchange, archive: Path | None) -> None:
    # By OHLC answers alone, which archives replace where they differ: candles made of trades would stay.
    request: dict[str, object] = {"tier": "ALL", "start_date": FIRST_DAY, "as_of": exchange.present, "trades": False}
    workbench.run(workbench.plan(sources=[archive] if archive else [], **request))


def _archives(market: SimulatedMarket, folder: Path) -> dict[int, Path]:
    """By the day after which it is out, the archive of each quarter, without some of the trades."""
    chance = np.random.default_rng(1)
    tapes = {pair: tape.of(chance.random(len(tape)) >= DIFFERENT) for pair, tape in market.tapes.items()}
    lacking, found = replace(market, tapes=tapes), {}
    for number, end in enumerate(QUARTERS, 1):
        if START + end * DAY_S <= market.end:
            release = Release.quarterly(FIRST_DAY.year, number, layout=ReleaseLayout.FOLDER)
            found[end] = write_release(lacking, release, folder)
    return found


def _kept(ledger: Path) -> tuple[int, int]:
    """Bytes of a ledger that go with what is kept of what was known, and all of its bytes."""
    whole = ledger.with_name("whole.db")
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("VACUUM INTO ?", (str(whole),))
    without = ledger.with_name("without.db")
    shutil.copy(whole, without)
    with closing(sqlite3.connect(without, isolation_level=None)) as connection:
        for table in KEPT:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - its own names
        connection.execute("VACUUM")
    size = whole.stat().st_size
    return size - without.stat().st_size, size
