"""Kept trades: what keeping them costs, how much room they take, and how fast they are read and made into bars.

An archive of trades is ingested with ``keep_trades`` and without, in turns, and a day of trades is swept from the
simulated exchange, whose pace is that of requests: there the processor's time counts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from os import environ
from pathlib import Path

from bench.figures import Figure
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start, iso
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from kraken_core.workbench import Workbench

PAIR = Pair("BTC", "USD")
START = day_start(date(2026, 1, 1))
DAYS, QUICK_DAYS = 60, 6
TRADES_A_MINUTE = 30.0
INTERVALS = (1, 60, 1440)


def kept_trades(*, full: bool, runs: int) -> Iterator[Figure]:
    """Of 2.5 million trades of one pair, a tenth of that if not ``full``."""
    days = DAYS if full else QUICK_DAYS
    market = SimulatedMarket.make(3, [Listing(PAIR, TRADES_A_MINUTE, 97_000, 1, 0.05)], START, START + days * DAY_S)
    trades = len(market.tapes[PAIR])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        release = Release("Kraken_Trading_History.zip", START, market.end, trades=True)
        archive = write_release(market, release, root / "in")
        _ingest(_home(root / "first", keep=True), archive, market.end)  # which loads the libraries
        taken: dict[bool, list[float]] = {False: [], True: []}
        for run in range(runs):
            for keep, times in taken.items():
                home = _home(root / f"{run}-{keep}", keep=keep)
                times.append(_seconds(partial(_ingest, home, archive, market.end), time.perf_counter))
        without, kept = (statistics.median(taken[keep]) for keep in (False, True))
        size = f"{trades / 1e6:.1f} M trades"
        yield Figure(f"an archive of {size}: trades a second, kept", trades / kept, 300_000, "", least=True)
        yield Figure("  of the time without keeping", kept / without, 2.5, "×")
        table = root / "0-True" / "trades"
        stored = sum(file.stat().st_size for file in table.rglob("*.parquet"))
        yield Figure("  bytes a kept trade", stored / trades, 16, "B")
        with Workbench.open(root / "0-True") as workbench:
            read = _seconds(lambda: workbench.trades(PAIR, to="polars"), time.process_time)
            bars = _seconds(lambda: workbench.bars(PAIR, kind="dollar", size=10_000_000), time.process_time)
        yield Figure("  read in polars, trades a second of our own CPU", trades / read, 1_000_000, "", least=True)
        yield Figure("  made into dollar bars, trades a second of our own CPU", trades / bars, 200_000, "", least=True)
    yield from _swept(market)


def _swept(market: SimulatedMarket) -> Iterator[Figure]:
    """A sweep of the last day, with keeping and without."""
    spent = {}
    with tempfile.TemporaryDirectory() as folder, SimulatedExchange(market, limits=None) as exchange:
        environ["KRAKEN_API_URL"], environ["KRAKEN_REQUESTS_PER_SECOND"] = exchange.url, "10"
        for keep in (False, True):
            home = _home(Path(folder) / str(keep), keep=keep)
            spent[keep] = _seconds(partial(_sweep, home, market.end), time.process_time)
    yield Figure("a sweep with keeping: its processor's time, of that without", spent[True] / spent[False], 1.5, "×")


def _home(home: Path, *, keep: bool) -> Path:
    home.mkdir()
    (home / "kraken.toml").write_text(f"keep_trades = {str(keep).lower()}\n")
    return home


def _ingest(home: Path, archive: Path, now: int) -> None:
    with Workbench.open(home) as workbench:
        how = {"intervals": INTERVALS, "start_date": START, "as_of": iso(now), "api_backfill": False}
        workbench.run(workbench.plan(pairs=[PAIR], sources=[archive], **how))


def _sweep(home: Path, now: int) -> None:
    with Workbench.open(home) as workbench:
        since = now - now % DAY_S - DAY_S
        workbench.run(workbench.plan(pairs=[PAIR], intervals=[1], start_date=since, max_requests=10_000))


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began
