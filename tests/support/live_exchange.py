"""A simulated exchange that answers and streams, and a home that follows it, on a clock that tests drive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import VALUES
from kraken_core.domain.market import Pair
from kraken_core.pipeline.live import LiveProgress
from kraken_core.ports import TradeFeed
from kraken_core.simulator.exchange import HONEST, ExchangeClock, SimulatedExchange, TapeFaults
from kraken_core.simulator.exchange.stream import SimulatedStream
from kraken_core.simulator.exchange.stream_faults import FAULTLESS, StreamFaults
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.sources.stream import FeedPace, KrakenFeed
from kraken_core.workbench.live.live import LiveHistory, LivePhase
from kraken_core.workbench.live.state import LiveState
from kraken_core.workbench.watch.notices import Notice
from tests.support.averages import assert_true_averages

BRISK = FeedPace(open_s=5, silent_s=2, ping_s=5, pause_s=lambda _: 0.01)
PATIENCE_S = 60


@dataclass
class LiveExchange:
    """REST and stream of one market on one clock."""

    market: SimulatedMarket
    clock: ExchangeClock
    rest: SimulatedExchange
    stream: SimulatedStream

    def delivered(self) -> None:
        """Return once every connection was served what happened by now."""
        now, until = self.clock.now_ns(), time.monotonic() + PATIENCE_S
        while self.stream.behind(now):
            assert time.monotonic() < until
            time.sleep(0.005)


@contextmanager
def live_exchange(
    market: SimulatedMarket,
    now: int,
    patch: pytest.MonkeyPatch,
    faults: StreamFaults = FAULTLESS,
    *,
    tape_faults: TapeFaults = HONEST,
    running: bool = False,
) -> Iterator[LiveExchange]:
    """The exchange at an instant; workbenches that are opened meanwhile know it by their settings."""
    clock = ExchangeClock(now, running=running)
    with (
        SimulatedExchange(market, clock=clock, limits=None) as rest,
        SimulatedStream(market, clock, faults=faults, tape_faults=tape_faults, heartbeat_s=0.1) as stream,
    ):
        rest.tape_faults = tape_faults
        patch.setenv("KRAKEN_API_URL", rest.url)
        patch.setenv("KRAKEN_WS_URL", stream.url)
        patch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        patch.setattr("kraken_core.workbench.live.observer.EVERY_S", 0.05)
        yield LiveExchange(market, clock, rest, stream)


def brisk_feed(url: str, pairs: Sequence[Pair]) -> TradeFeed:
    return KrakenFeed(url, pairs, pairs_a_connection=10, pace=BRISK)


@dataclass
class Following:
    """A live history in a thread of its own, from entering to leaving."""

    home: Path
    exchange: LiveExchange
    pairs: Sequence[Pair]
    intervals: Sequence[int]
    start_date: str
    catch_up_every_s: float = 3600
    tiers: Sequence[str] = ()
    behind_s: int = 0  # what is known of the exchange's clock
    phases: list[LivePhase] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    progress: list[LiveProgress] = field(default_factory=list)
    error: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error

    def _run(self) -> None:
        request = {
            "tiers": list(self.tiers),
            "pairs": [] if self.tiers else list(self.pairs),
            "intervals": list(self.intervals),
            "start_date": self.start_date,
        }
        try:
            with Workbench.open(self.home) as workbench:
                history = LiveHistory(
                    workbench,
                    request,
                    self._stop.is_set,
                    self._stop.wait,
                    self.progress.append,
                    self.catch_up_every_s,
                    lambda: self.exchange.clock.now() - self.behind_s,
                    brisk_feed,
                    [self.notices.append],
                )
                for phase in history.phases():
                    self.phases.append(phase)
        except BaseException as error:  # noqa: BLE001 - raised again where the test looks
            self.error = error

    def until(self, instant: int) -> None:
        """Return once all is stored up to an instant of the market; time goes on meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.progress or self.progress[-1].until < instant:
            assert self.error is None, self.error
            assert time.monotonic() < deadline, self.progress[-1:]
            self.exchange.clock.advance(10)
            self.exchange.delivered()
            time.sleep(0.02)

    def stored(self, instant: int) -> None:
        """Return once all is stored up to an instant of the market; no time passes meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.progress or self.progress[-1].until < instant:
            assert self.error is None, self.error
            assert time.monotonic() < deadline, self.progress[-1:]
            time.sleep(0.02)

    def seen(self, true: Callable[[LiveState], bool]) -> LiveState:
        """Its state, as others see it, once that is so; time goes on meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        with Workbench.open(self.home) as workbench:
            while not ((state := workbench.live.state) and true(state)):
                assert self.error is None, self.error
                assert time.monotonic() < deadline, state
                self.exchange.clock.advance(1)
                time.sleep(0.05)
        return state

    def streaming(self) -> None:
        """Return once the first job has filled what was missing, and the stream is taken."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.phases or not self.exchange.stream.connections:
            assert self.error is None, self.error
            assert time.monotonic() < deadline
            time.sleep(0.01)


def assert_stored_is_true(home: Path, market: SimulatedMarket, pairs: Sequence[Pair], intervals: Sequence[int]) -> None:
    """What is covered, of every series, is exactly what was traded; and nothing is stored that was not."""
    with Workbench.open(home) as workbench:
        covered = workbench.ledger.coverage()
        for pair in pairs:
            for interval in intervals:
                ranges = [each for each in covered if each.series == (pair, interval)]
                stored = workbench.candles(str(pair), interval, vwap=True, to="polars")
                opens = pl.col("time").dt.epoch("s")
                inside = pl.any_horizontal(
                    pl.lit(value=False), *(opens.is_between(each.start, each.end, closed="left") for each in ranges)
                )
                truth = market.truth(pair, interval).filter(inside)
                known = stored.filter(inside)
                assert known.select("time", *VALUES).rows() == truth.select("time", *VALUES).rows(), (pair, interval)
                assert_true_averages(known, market.tapes[pair], interval)
