"""Live on fifty pairs at all intervals, 17 % of the stream's messages lost: when minutes are seen, memory, and disk."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bench.figures import Figure
from kraken_core import Workbench
from kraken_core.domain.exchange import NS, SETTLING_S
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.exchange import ExchangeClock, SimulatedExchange
from kraken_core.simulator.exchange.stream import SimulatedStream
from kraken_core.simulator.exchange.stream_faults import StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.live.state import STREAMING, read_state
from tests.support.command_line import command
from tests.support.live_day import BAD_LINE, HOUR_S, DiskUse, followed_day, market_of
from tests.support.live_exchange import live_exchange

PAIRS = [Pair(f"T{number:02}", "USD") for number in range(50)]
DAY = date(2026, 3, 30)
BEGINS = day_start(DAY) + HOUR_S  # after an hour of the market
LOSSES = StreamFaults(seed=6, dropped=0.17)
LOOK_EVERY_S = 0.05
JOBS = "--catch-up-every", "5m"  # more often than ever: minutes that settle while one runs are counted too
MB = 1e6


MINUTES = 4  # at the speed of time
HOURS, FEW_HOURS, ALL_HOURS = 6, 3, 24  # of the market, as fast as they can be followed


def live(*, full: bool) -> Iterator[Figure]:
    """From when a minute can be proved until a reader sees it; then some hours, as fast as they can be followed."""
    yield from _latency(MINUTES)
    yield from _hours(HOURS if full else FEW_HOURS)


def live_day(*, full: bool) -> Iterator[Figure]:
    """A whole day of it, which takes nearly as long as everything else together."""
    yield from _hours(ALL_HOURS if full else HOURS)


def _latency(minutes: int) -> Iterator[Figure]:
    """A minute can be proved once it has settled, and a later trade happened: both are counted apart."""
    with _followed(minutes) as (market, clock, home):
        seen = _seen(home, clock, clock.now() + SETTLING_S + minutes * 60)
    waits, late = [], 0
    for (pair, end), at in seen.items():
        times = market.tapes[pair].time_ns
        later = int(times[np.searchsorted(times, end * NS)]) / NS
        if later <= end + SETTLING_S:
            waits.append(at - end - SETTLING_S)
        else:  # and is stored with the next minute
            late += 1
    share = late / (late + len(waits))
    yield Figure(f"live: {len(waits):,} minutes seen after settling, p50", float(np.percentile(waits, 50)), 2, "s")
    yield Figure(f"live: {len(waits):,} minutes seen after settling, p99", float(np.percentile(waits, 99)), 2, "s")
    yield Figure("live: minutes that no trade had proved by then", share * 100, 5, "%")


def _seen(home: Path, clock: ExchangeClock, until: int) -> dict[tuple[Pair, int], float]:
    """When a reader saw the end of each minute, by the exchange's clock.

    It looks at coverage, which is recorded behind the candles.
    """
    seen: dict[tuple[Pair, int], float] = {}
    ends: dict[Pair, int] = {}
    with Workbench.open(home) as reader:
        while clock.now() < until:
            now = _stored_until(reader)
            at = clock.now_ns() / NS
            for pair, end in now.items():
                first = ends.get(pair, end)
                seen |= {(pair, minute): at for minute in range(first + 60, end + 60, 60)}
                ends[pair] = end
            time.sleep(LOOK_EVERY_S)
    begun = min(seen.values())  # what was stored first may have waited for the stream
    return {key: at for key, at in seen.items() if at > begun + 1}


def _hours(hours: int) -> Iterator[Figure]:
    """Memory of the process, and what its commits leave, with a job an hour that merges them."""
    begins = day_start(DAY) - HOUR_S  # so that the candle of a day is open for nearly all of it
    market = market_of(PAIRS, begins, hours)
    with (
        tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder,
        pytest.MonkeyPatch.context() as patch,
        live_exchange(market, begins, patch, BAD_LINE) as exchange,
    ):
        home = Path(folder) / "home"
        with followed_day(home, exchange, PAIRS) as day:
            first = DiskUse.of(home)
            day.follow(hours)
            last = DiskUse.of(home)
        with Workbench.open(home) as workbench:
            jobs = workbench.jobs()
    days, what = hours / 24, f"live: {hours} h"
    yield Figure(f"{what}: disconnects", exchange.stream.cut, 1_000 * days, least=True)
    yield Figure(f"{what}: times as fast as time", hours * HOUR_S / day.moments[-1].took, 60, "x", least=True)
    yield Figure(f"{what}: time an hour takes, last quarter to second hour", day.slowing, 1.25)
    yield Figure(f"{what}: memory, last quarter to second hour", day.growth, 1.15)
    yield Figure(f"{what}: memory at its end", day.moments[-1].memory / MB, 1_000, "MB")
    yield Figure(f"{what}: files of the table", last.read, 500)
    yield Figure(f"{what}: files on disk, with those merged", last.files, 5_000)
    yield Figure(f"{what}: commits a day", (last.commits - first.commits) / days, 5_000)
    yield Figure(f"{what}: candles a day", (last.candles - first.candles) / days / MB, 100, "MB")
    yield Figure(f"{what}: log of the table a day", (last.log - first.log) / days / MB, 100, "MB")
    yield Figure(f"{what}: ledger a day", (last.ledger - first.ledger) / days / MB, 100, "MB")
    yield Figure(f"{what}: jobs that failed, of {len(jobs)}", sum(1 for job in jobs if job.error), 0)


def _stored_until(workbench: Workbench) -> dict[Pair, int]:
    """Where the last of each pair's minutes ends that is covered."""
    ends: dict[Pair, int] = {}
    for each in workbench.ledger.coverage([Series(pair, 1) for pair in PAIRS]):
        ends[each.series.pair] = max(each.end, ends.get(each.series.pair, 0))
    return ends


@contextmanager
def _followed(minutes: int) -> Iterator[tuple[SimulatedMarket, ExchangeClock, Path]]:
    """A home that follows the market at the speed of time, by the command, once that streams."""
    listings = [Listing(pair, 2 + place % 7, 10 + place, 4, 50) for place, pair in enumerate(PAIRS)]
    market = SimulatedMarket.make(12, listings, BEGINS - HOUR_S, BEGINS + minutes * 60 + HOUR_S)
    clock = ExchangeClock(BEGINS, running=True)
    with (
        tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder,
        SimulatedExchange(market, clock=clock, limits=None) as rest,
        SimulatedStream(market, clock, faults=LOSSES) as stream,
    ):
        home = Path(folder) / "home"
        settings = {"KRAKEN_API_URL": rest.url, "KRAKEN_WS_URL": stream.url, "KRAKEN_REQUESTS_PER_SECOND": "10"}
        words = command("live", "--home", home, "--start-date", DAY, "--pairs", ",".join(map(str, PAIRS)), *JOBS)
        with subprocess.Popen(words, env={**os.environ, **settings}, stderr=subprocess.DEVNULL) as process:
            try:
                while not ((state := read_state(home)) and state.phase == STREAMING) and process.poll() is None:
                    time.sleep(0.1)
                yield market, clock, home
            finally:
                process.send_signal(signal.SIGTERM)
