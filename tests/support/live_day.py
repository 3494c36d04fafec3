"""Many pairs followed for hours of the market, by a process of its own, as fast as that can follow."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

import psutil
from deltalake import DeltaTable

from kraken_core import Workbench
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.simulator.exchange.stream_faults import StreamFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.live.state import STREAMING, read_state
from tests.support.command_line import ROOT, environment
from tests.support.live_exchange import LiveExchange

BAD_LINE = StreamFaults(seed=6, dropped=0.17, repeated=0.1, swapped=0.1, cut_after=40)
HOUR_S = 3600
STEP_S = 60  # of the market's time, at once
LOOK_EVERY_S = 600  # of the market's time, at the process
LONG_S = 20  # that a step may take before time goes on all the same
PATIENCE_S = 300  # for a step; each hour one waits for the job that fills, and merges files


def market_of(pairs: Sequence[Pair], begins: int, hours: int) -> SimulatedMarket:
    """Pairs that trade from once in two minutes to seven times a minute, for an hour before and after."""
    listings = [Listing(pair, 0.5 + place % 7, 10 + place, 4, 50) for place, pair in enumerate(pairs)]
    return SimulatedMarket.make(12, listings, begins - HOUR_S, begins + (hours + 1) * HOUR_S)


class Moment(NamedTuple):
    """The process that follows, when so many seconds of the market have passed, which took so many of real time."""

    passed: int
    took: float
    memory: int  # bytes
    descriptors: int
    threads: int


class DiskUse(NamedTuple):
    """What a home has on disk; sizes in bytes."""

    files: int  # of candles
    read: int  # of these, those that were not merged yet
    candles: int  # of all files
    log: int  # of the table
    ledger: int
    commits: int  # to the table, so far

    @classmethod
    def of(cls, home: Path) -> Self:
        table = home / "candles"
        files = [path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts]
        with Workbench.open(home) as workbench:
            commits = workbench.store.version
        return cls(
            len(files),
            len(DeltaTable(table).file_uris()),
            sum(path.stat().st_size for path in files),
            sum(path.stat().st_size for path in (table / "_delta_log").iterdir()),
            sum(path.stat().st_size for path in home.glob("ledger.db*")),
            commits,
        )


@dataclass
class FollowedDay:
    """A process that follows the exchange, how it was meanwhile, and up to where it has stored all (``until``)."""

    exchange: LiveExchange
    process: subprocess.Popen[str]
    until: int
    moments: list[Moment] = field(default_factory=list)

    def follow(self, hours: int) -> None:
        """Let so much of the market happen, a minute whenever all that has settled is stored; look again and again."""
        watched, began = psutil.Process(self.process.pid), time.monotonic()
        clock, begins = self.exchange.clock, self.exchange.clock.now()
        while (passed := clock.now() - begins) < hours * HOUR_S:
            clock.advance(STEP_S)
            self._wait_for(clock.now() - SETTLING_S)
            if (passed + STEP_S) % LOOK_EVERY_S == 0:
                took, memory = time.monotonic() - began, watched.memory_info().rss
                self.moments.append(Moment(passed + STEP_S, took, memory, watched.num_fds(), watched.num_threads()))

    @property
    def growth(self) -> float:
        """The memory of its last quarter to that of its second hour."""
        late, early = ([each.memory for each in found] for found in (self._last_quarter, self._second_hour))
        return median(late) / median(early)

    @property
    def slowing(self) -> float:
        """How long an hour of its last quarter took to the second hour."""
        return _speed(self._second_hour) / _speed(self._last_quarter)

    @property
    def _second_hour(self) -> list[Moment]:
        return [each for each in self.moments if HOUR_S <= each.passed <= 2 * HOUR_S]

    @property
    def _last_quarter(self) -> list[Moment]:
        return [each for each in self.moments if each.passed >= self.moments[-1].passed * 3 / 4]

    def _wait_for(self, instant: int) -> None:
        """Return once all is stored up to an instant, or after a while: then a later commit has to."""
        deadline = time.monotonic() + (LONG_S if self.until >= instant - STEP_S else PATIENCE_S)
        while self.until < instant and time.monotonic() < deadline:
            assert self.process.poll() is None, "it has ended"
            time.sleep(0.01)
        assert self.until >= instant - STEP_S, (self.until, instant)

    def read(self) -> None:
        """Take what the process writes, until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.until = int(line)


def _speed(moments: Sequence[Moment]) -> float:
    """Seconds of the market a second."""
    return (moments[-1].passed - moments[0].passed) / (moments[-1].took - moments[0].took)


@contextmanager
def followed_day(home: Path, exchange: LiveExchange, pairs: Sequence[Pair]) -> Iterator[FollowedDay]:
    """The pairs followed at all intervals, once the process streams; ended cleanly at last."""
    intervals = ",".join(map(str, INTERVALS))
    now = exchange.clock.now()
    first_day = str(datetime.fromtimestamp(now - HOUR_S, UTC).date())
    words = [sys.executable, "-m", "tests.support.live_process", str(home), first_day, intervals, *map(str, pairs)]
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        day = FollowedDay(exchange, process, until=now - SETTLING_S)  # which its first job fills
        reader = threading.Thread(target=day.read, daemon=True)
        reader.start()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not ((state := read_state(home)) and state.phase == STREAMING):
                assert process.poll() is None, "it has ended"
                assert time.monotonic() < deadline, state
                time.sleep(0.05)
            yield day
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE_S)
            reader.join()
    assert code == 0
