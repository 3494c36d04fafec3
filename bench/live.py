"""Live on fifty pairs at all intervals, 17 % of the stream's messages lost: when minutes are seen, memory, and disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

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

PAIRS = [Pair(f"T{number:02}", "USD") for number in range(50)]
DAY = date(2026, 3, 30)
BEGINS = day_start(DAY) + 3600  # after an hour of the market
LOSSES = StreamFaults(seed=6, dropped=0.17)
LOOK_EVERY_S = 0.05
MB = 1e6
DAY_S = 86_400


class Size(NamedTuple):
    """How long: minutes at the speed of time, hours of the market at ``speed``."""

    minutes: int
    hours: int
    speed: int


FULL, QUICK = Size(5, 6, 60), Size(4, 1, 60)


def live(*, full: bool) -> Iterator[Figure]:
    """From when a minute can be proved until a reader sees it; then a stretch of a day, faster than time."""
    size = FULL if full else QUICK
    yield from _latency(size.minutes)
    yield from _stretch(size)


def _latency(minutes: int) -> Iterator[Figure]:
    """A minute can be proved once it has settled, and a later trade happened: both are counted apart."""
    with _followed(1, DAY_S, 2) as (market, clock, home, _):
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


def _stretch(size: Size) -> Iterator[Figure]:
    """Memory of the process, and what the commits of a day leave, with a job an hour that merges them."""
    memory: list[float] = []
    with _followed(size.speed, 3600, size.hours + 1) as (_, clock, home, process):
        first, until = _disk(home), clock.now() + size.hours * 3600
        while clock.now() < until:
            time.sleep(1)
            memory.append(process.memory_info().rss / MB)
        last = _disk(home)
        with Workbench.open(home) as workbench:
            jobs, covered = workbench.jobs(), min(_stored_until(workbench).values())
    days, half = size.hours * 3600 / DAY_S, len(memory) // 2
    ratio = np.mean(memory[half:]) / np.mean(memory[:half])
    failed = sum(1 for job in jobs if job.error)
    what = f"live: {size.hours} h at {size.speed} x"
    yield Figure(f"{what}: memory, second half to first", float(ratio), 1.15)
    yield Figure(f"{what}: memory at its end", memory[-1], 1_000, "MB")
    yield Figure(f"{what}: files of the table", last.files, 500)
    yield Figure(f"{what}: commits a day", (last.written - first.written) / days, 5_000)
    yield Figure(f"{what}: candles a day", (last.table - first.table) / days / MB, 100, "MB")
    yield Figure(f"{what}: ledger a day", (last.ledger - first.ledger) / days / MB, 100, "MB")
    yield Figure(f"{what}: jobs that failed, of {len(jobs)}", failed, 0)
    yield Figure(f"{what}: lag of the slowest pair at its end", until - covered, 1_800, "s")


def _stored_until(workbench: Workbench) -> dict[Pair, int]:
    """Where the last of each pair's minutes ends that is covered."""
    ends: dict[Pair, int] = {}
    for each in workbench.ledger.coverage([Series(pair, 1) for pair in PAIRS]):
        ends[each.series.pair] = max(each.end, ends.get(each.series.pair, 0))
    return ends


class _Disk(NamedTuple):
    files: int  # of the table as it is
    written: int  # commits so far
    table: int  # bytes of all files of candles
    ledger: int


def _disk(home: Path) -> _Disk:
    with Workbench.open(home) as workbench:
        version = workbench.store.version or 0
    files = [path for path in (home / "candles").rglob("*.parquet") if "_delta_log" not in path.parts]
    ledger = sum(path.stat().st_size for path in home.glob("ledger.db*"))
    return _Disk(len(files), version, sum(path.stat().st_size for path in files), ledger)


@contextmanager
def _followed(
    speed: int, catch_up_s: int, hours: int
) -> Iterator[tuple[SimulatedMarket, ExchangeClock, Path, psutil.Process]]:
    """A home that follows the market, in a process of its own, once that streams."""
    listings = [Listing(pair, 2 + place % 7, 10 + place, 4, 50) for place, pair in enumerate(PAIRS)]
    market = SimulatedMarket.make(12, listings, BEGINS - 3600, BEGINS + (hours + 4) * 3600)
    clock = ExchangeClock(BEGINS, running=True, speed=speed)
    with (
        tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder,
        SimulatedExchange(market, clock=clock, limits=None) as rest,
        SimulatedStream(market, clock, faults=LOSSES) as stream,
    ):
        home = Path(folder) / "home"
        settings = {"KRAKEN_API_URL": rest.url, "KRAKEN_WS_URL": stream.url, "KRAKEN_REQUESTS_PER_SECOND": "10"}
        words = [sys.executable, "-m", "bench.live_home", home, DAY.isoformat(), speed, catch_up_s, *PAIRS]
        with subprocess.Popen(list(map(str, words)), env={**os.environ, **settings}) as process:
            try:
                while not ((state := read_state(home)) and state.phase == STREAMING) and process.poll() is None:
                    time.sleep(0.1)
                yield market, clock, home, psutil.Process(process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
