"""Keeping a history current as trades happen: what is missing is filled first, then a stream is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kraken_core.domain.errors import IllegalMoveError, Interrupted, JobError, KrakenError, UnavailableError, UsageError
from kraken_core.domain.instruments import TRADING
from kraken_core.domain.jobs import UNFINISHED, IngestionJob, JobMetrics, JobOrigin, JobStatus, Trigger
from kraken_core.domain.live_tape import LiveTape
from kraken_core.domain.market import Pair
from kraken_core.domain.request import Request
from kraken_core.pipeline.live import LiveProgress
from kraken_core.pipeline.run import JobResult
from kraken_core.ports import TradeFeed
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.control import JobControl
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.live.live_job import LiveJob
from kraken_core.workbench.live.observer import LiveObserver
from kraken_core.workbench.requests import ingest_request
from kraken_core.workbench.watch.alone import alone
from kraken_core.workbench.watch.notices import Notify
from kraken_core.workbench.watch.requested_notices import RequestedNotices
from kraken_core.workbench.watch.watch import describe_request

CATCH_UP_EVERY_S = 3600  # a job that fills what trade ids could not prove, and looks after the table
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0  # after jobs that failed, one after the other
_ORIGIN = JobOrigin(Trigger.LIVE)

OpenFeed = Callable[[str, Sequence[Pair]], TradeFeed]


class LivePhase(NamedTuple):
    """A job that ended: one that filled what was missing, or a ``live`` one; ``failed`` is why, "" where it did not.

    ``outage``: it failed because the exchange was not reached.
    """

    job: IngestionJob | None
    live: bool
    failed: str = ""
    outage: bool = False


def open_feed(url: str, pairs: Sequence[Pair]) -> TradeFeed:
    """The exchange's stream of trades."""
    from kraken_core.sources.stream import KrakenFeed  # noqa: PLC0415 - loaded by what streams alone

    return KrakenFeed(url, pairs)


@dataclass(slots=True)
class LiveHistory:
    """Keeps what a request selects (arguments as for ingest_request) current, until a stop is requested.

    Jobs that fill what is missing and live ones take turns, every ``catch_up_every_s`` seconds of the exchange's clock,
    and at once where a pair is listed that the request selects. ``now`` is that clock, read once where None; ``wait``
    sleeps, and returns true on a request to stop. Notices go to ``notify``; ``observed`` is called whenever the state
    was written that others see (``read_state``).
    """

    home: OpenHome
    request: Mapping[str, Any]
    stop: Callable[[], bool]
    wait: Callable[[float], bool]
    report: Callable[[LiveProgress], None] = lambda _: None
    catch_up_every_s: float = CATCH_UP_EVERY_S
    now: Callable[[], int] | None = None
    open_feed: OpenFeed = open_feed
    notify: Sequence[Notify] = ()
    observed: Callable[[], None] = lambda: None
    _looked_for: set[Pair] = field(default_factory=set, repr=False)  # new pairs for which a job was begun
    _clock: Callable[[], int] | None = field(default=None, repr=False)
    _observer: LiveObserver = field(init=False, repr=False)
    _requested: RequestedNotices = field(default_factory=RequestedNotices, repr=False)
    _refused: dict[Pair, str] = field(default_factory=dict, repr=False)
    _tapes: dict[Pair, LiveTape] = field(default_factory=dict, repr=False)

    def phases(self) -> Generator[LivePhase, None, None]:
        """One job after the other, until a stop is requested.

        Raises JobRunningError where the home is kept up to date by another process, UsageError where nothing of the
        selection is listed, or all of it is of other exchanges than Kraken spot, Interrupted where a job was paused.
        """
        self._check_streamed()
        self.home.create_home()
        with alone(self.home.settings.home):
            what = describe_request(self.home, self.request)
            self._observer = LiveObserver.begin(self.home, what, self.notify, self.observed)
            try:
                with self._requested.sent(self._observer.notify_of_request):
                    yield from self._phases()
            finally:
                self._observer.end()

    def _phases(self) -> Iterator[LivePhase]:
        try:
            if former := self._close_former():
                yield self._ended(self._take_up(former))
            yield self._ended(self._catch_up())
            while not self.stop():
                yield from self._with(self._pairs())
        except Interrupted:
            raise
        except KrakenError as error:
            self._observer.job_ended(str(error), outage=_is_outage(error))
            raise

    def test_notice(self) -> None:
        """Have a notice sent that nothing happened, to test who receives them; a handler of signals may call this."""
        self._requested.test()

    def _with(self, pairs: Sequence[Pair]) -> Iterator[LivePhase]:
        """Follow these pairs, until others are selected or a stop is requested."""
        with self.open_feed(self.home.settings.ws_url, pairs) as feed:
            failures = 0
            while True:
                done = self._ended(self._live(feed, pairs))
                yield done
                failures = failures + 1 if done.failed else 0
                pause = min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S) if failures else 0.0
                if self.stop() or self.wait(pause):
                    return
                yield self._ended(self._catch_up_if_possible())
                if self.stop() or self._pairs() != pairs:
                    return

    def _ended(self, done: LivePhase) -> LivePhase:
        self._observer.job_ended(done.failed, outage=done.outage)
        return done

    def _close_former(self) -> IngestionJob | None:
        """Close what was left unfinished, but for a job of this request that was stopped while it filled: returned.

        Others are not gone on with, as one that streamed, or of another selection: what they left is missing, and
        filled anew.
        """
        ledger, key = self.home.ledger, self._request().key
        self.home.runner.fail_stalled_jobs()
        left = [j for j in ledger.jobs(UNFINISHED) if j.trigger is Trigger.LIVE and j.status is not JobStatus.RUNNING]
        stopped = (job for job in left if job.status is JobStatus.PAUSED and job.request.key == key)
        goes_on = next((job for job in stopped if ledger.stages(job.id)), None)  # to stream has none
        for job in left:
            if job is not goes_on:
                with suppress(IllegalMoveError):
                    ledger.move(job, job.mark_cancelled())
        return goes_on

    def _take_up(self, job: IngestionJob) -> LivePhase:
        """Go on with a job that was stopped while it filled what was missing then; the next one fills the rest."""
        self._observer.catching_up()
        return _filled(self.home.runner.run(job, stop=self.stop))

    def _request(self) -> Request:
        return replace(ingest_request(self.home, **{**self.request, "incremental": True}), within_plan=False)

    def _catch_up(self) -> LivePhase:
        """Fill what is missing up to now, as an incremental job does."""
        self._observer.catching_up()
        self._close_former()
        plan = self.home.runner.build_plan(self._request())
        return _filled(JobControl(self.home.runner).run(plan, stop=self.stop, origin=_ORIGIN))

    def _catch_up_if_possible(self) -> LivePhase:
        """The same; where it fails, trades are streamed all the same, and the next one fills what is missing."""
        try:
            return self._catch_up()
        except Interrupted:
            raise
        except KrakenError as error:
            return _failed(error, live=False)

    def _pairs(self) -> list[Pair]:
        """The selected pairs that trade, of Kraken spot: no other exchange's trades are streamed."""
        request, tiers = self._request(), self.home.tiers
        living = [r.pair for r in self.home.ledger.pairs() if not r.pair.market and r.lives and r.lives[-1].end is None]
        pairs = sorted(pair for pair in living if request.holds(pair, tiers))
        if not pairs:
            raise UsageError(
                "no pair of the selection is listed at Kraken spot: choose others, with --tier or --pairs."
            )
        return pairs

    def _check_streamed(self) -> None:
        named = self._request().pairs
        if named and all(pair.market for pair in named):
            raise UsageError(
                f"{named[0]} is not of Kraken spot, and no other exchange is streamed: use kraken-history watch."
            )

    def _live(self, feed: TradeFeed, pairs: Sequence[Pair]) -> LivePhase:
        request, settling = self._request(), self.home.settings.settling_seconds
        try:
            now = self.now or self._exchange_clock()
        except UnavailableError as error:
            return _failed(error, live=True)
        tapes = {pair: self._tapes.setdefault(pair, LiveTape(pair, request.intervals, settling)) for pair in pairs}
        runner, begins = self.home.runner, now()
        job = self.home.ledger.create_job(request, begins, [], JobMetrics(), _ORIGIN)

        def over() -> bool:
            due = now() >= begins + self.catch_up_every_s
            return self.stop() or due or self._is_listed_anew(feed, pairs, request)

        live = LiveJob(feed, tapes, now, over, self.report, self._observer.look, self._refused)
        try:
            return LivePhase(runner.run_live(job, live, stop=self.stop).job, live=True)
        except JobError as error:
            return _failed(error, live=True)

    def _is_listed_anew(self, feed: TradeFeed, pairs: Sequence[Pair], request: Request) -> bool:
        """Whether a pair trades that is selected and not followed yet: a job that looks for it is begun once."""
        trading = {pair for pair, status in feed.statuses.items() if status in TRADING}
        self._looked_for &= trading | (self._looked_for - feed.statuses.keys())  # what stopped may be listed again
        new = {pair for pair in trading - set(pairs) - self._looked_for if request.holds(pair, self.home.tiers)}
        self._looked_for |= new
        for pair in sorted(new):
            LOG.info("%s is listed", pair)
        return bool(new)

    def _exchange_clock(self) -> Callable[[], int]:
        """The exchange's clock: read once, and continued by a steady one; where that fails, as it was last known."""
        try:
            at_begin, began = self.home.exchange(self.stop).now(), time.monotonic()
        except UnavailableError as error:
            if not self._clock:
                raise
            LOG.warning("%s", error)  # the stream may be well all the same
        else:
            self._clock = lambda: at_begin + int(time.monotonic() - began)
        return self._clock


def _filled(result: JobResult) -> LivePhase:
    return LivePhase(result.job, live=False, failed=result.job.error or "", outage=bool(result.unreached))


def _failed(error: KrakenError, *, live: bool) -> LivePhase:
    LOG.warning("%s", error)
    return LivePhase(None, live=live, failed=str(error), outage=_is_outage(error))


def _is_outage(error: KrakenError) -> bool:
    """Whether a job failed because the exchange was not reached."""
    return isinstance(error, UnavailableError) or isinstance(error.__cause__, UnavailableError)
