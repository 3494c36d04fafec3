"""Keeping a history current as trades happen: what is missing is filled first, then a stream is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kraken_core.domain.errors import IllegalMoveError, Interrupted, JobError, KrakenError, UsageError
from kraken_core.domain.jobs import UNFINISHED, IngestionJob, JobMetrics, JobOrigin, JobStatus, Trigger
from kraken_core.domain.live_tape import LiveTape
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.pipeline.live import LiveProgress
from kraken_core.ports import TradeFeed
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.control import JobControl
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.live.live_job import LiveJob
from kraken_core.workbench.requests import ingest_request
from kraken_core.workbench.watch.alone import alone

CATCH_UP_EVERY_S = 3600  # a job that fills what trade ids could not prove, and looks after the table
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0  # after jobs that failed, one after the other
_ORIGIN = JobOrigin(Trigger.LIVE)

OpenFeed = Callable[[str, Sequence[Pair]], TradeFeed]


class LivePhase(NamedTuple):
    """A job that ended: one that filled what was missing, or a ``live`` one; ``failed`` is why, "" where it did not."""

    job: IngestionJob | None
    live: bool
    failed: str = ""


def open_feed(url: str, pairs: Sequence[Pair]) -> TradeFeed:
    """The exchange's stream of trades."""
    from kraken_core.sources.stream import KrakenFeed  # noqa: PLC0415 - loaded by what streams alone

    return KrakenFeed(url, pairs)


@dataclass(slots=True)
class LiveHistory:
    """Keeps what a request selects (arguments as for ingest_request) current, until a stop is requested.

    Jobs that fill what is missing and live ones take turns, every ``catch_up_every_s`` seconds. ``now`` is the
    exchange's clock, read once where None; ``wait`` sleeps, and returns true on a request to stop.
    """

    home: OpenHome
    request: Mapping[str, Any]
    stop: Callable[[], bool]
    wait: Callable[[float], bool]
    report: Callable[[LiveProgress], None] = lambda _: None
    catch_up_every_s: float = CATCH_UP_EVERY_S
    now: Callable[[], int] | None = None
    open_feed: OpenFeed = open_feed
    _tapes: dict[Pair, LiveTape] = field(default_factory=dict, repr=False)

    def phases(self) -> Generator[LivePhase, None, None]:
        """One job after the other, until a stop is requested.

        Raises JobRunningError where the home is kept up to date by another process, UsageError where nothing of the
        selection is listed, Interrupted where a job was paused.
        """
        self.home.create_home()
        with alone(self.home.settings.home):
            yield self._catch_up()
            pairs = self._pairs()
            with self.open_feed(self.home.settings.ws_url, pairs) as feed:
                failures = 0
                while not self.stop():
                    done = self._live(feed, pairs)
                    yield done
                    failures = failures + 1 if done.failed else 0
                    pause = min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S) if failures else 0.0
                    if self.stop() or self.wait(pause):
                        return
                    yield self._catch_up_if_possible()

    def _close_former(self) -> None:
        """A live job whose process was killed is not gone on with: what it left is missing, and filled anew."""
        ledger = self.home.ledger
        self.home.runner.fail_stalled_jobs()
        for job in ledger.jobs(UNFINISHED):
            if job.trigger is Trigger.LIVE and job.status is not JobStatus.RUNNING:
                with suppress(IllegalMoveError):
                    ledger.move(job, job.mark_cancelled())

    def _request(self) -> Request:
        return replace(ingest_request(self.home, **{**self.request, "incremental": True}), within_plan=False)

    def _catch_up(self) -> LivePhase:
        """Fill what is missing up to now, as an incremental job does."""
        self._close_former()
        plan = self.home.runner.build_plan(self._request())
        job = JobControl(self.home.runner).run(plan, stop=self.stop, origin=_ORIGIN).job
        return LivePhase(job, live=False, failed=job.error or "")

    def _catch_up_if_possible(self) -> LivePhase:
        """The same; where it fails, trades are streamed all the same, and the next one fills what is missing."""
        try:
            return self._catch_up()
        except Interrupted:
            raise
        except KrakenError as error:
            LOG.warning("%s", error)
            return LivePhase(None, live=False, failed=str(error))

    def _pairs(self) -> list[Pair]:
        """The selected pairs that trade."""
        request, tiers = self._request(), self.home.tiers
        living = [r.pair for r in self.home.ledger.pairs() if r.lives and r.lives[-1].end is None]
        pairs = sorted(pair for pair in living if request.holds(pair, tiers))
        if not pairs:
            raise UsageError("no pair of the selection is listed: choose others, with --tier or --pairs.")
        return pairs

    def _live(self, feed: TradeFeed, pairs: Sequence[Pair]) -> LivePhase:
        request, settling = self._request(), self.home.settings.settling_seconds
        now = self.now or self._exchange_clock()
        tapes = {pair: self._tapes.setdefault(pair, LiveTape(pair, request.intervals, settling)) for pair in pairs}
        until = time.monotonic() + self.catch_up_every_s
        runner = self.home.runner
        job = self.home.ledger.create_job(request, now(), [], JobMetrics(), _ORIGIN)
        live = LiveJob(feed, tapes, now, lambda: self.stop() or time.monotonic() >= until, self.report)
        try:
            return LivePhase(runner.run_live(job, live, stop=self.stop).job, live=True)
        except JobError as error:
            LOG.warning("%s", error)
            return LivePhase(None, live=True, failed=str(error))

    def _exchange_clock(self) -> Callable[[], int]:
        """The exchange's clock: read once, and continued by a steady one."""
        at_begin, began = self.home.exchange(self.stop).now(), time.monotonic()
        return lambda: at_begin + int(time.monotonic() - began)
