"""Keeping a history current: the same request again and again, at a pace, never two at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from kraken_core.domain.errors import (
    HomeError,
    Interrupted,
    JobRunningError,
    KrakenError,
    LedgerAwayError,
    UnavailableError,
)
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.interval_units import short
from kraken_core.domain.jobs import IngestionJob, JobOrigin, Trigger
from kraken_core.domain.outages import called, spot_first
from kraken_core.domain.venues import is_installed
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.control import JobControl
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.requests import ingest_request, selection
from kraken_core.workbench.watch.alone import alone
from kraken_core.workbench.watch.gaps_left import gaps_left, gaps_notice, new_gaps, with_gaps
from kraken_core.workbench.watch.notices import Notice, Notify, is_due, send
from kraken_core.workbench.watch.requested_notices import RequestedNotices
from kraken_core.workbench.watch.state import WatchRecord, WatchState, read_state

_ORIGIN = JobOrigin(Trigger.WATCH)
NAMED = 5  # tiers or pairs, where a request is described
_SELECTING = ("tier", "tiers", "pairs", "intervals")  # of a request


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did: the job, why it failed or was left out, and new gaps that this watch does not fill.

    A round that failed may have a job all the same, which did what it could. ``outage``: it failed because an exchange
    was not reached; ``away`` are those its job did not reach, None where there is no job that shows it. ``advice`` is
    what helps against the gaps.
    """

    job: IngestionJob | None = None
    failed: str | None = None
    outage: bool = False
    away: frozenset[str] | None = None
    skipped: str | None = None
    gaps: Sequence[GapRecord] = ()
    advice: str = ""


@dataclass(slots=True)
class Watch:
    """Runs a request (arguments as for ingest_request) every so often, and notifies of what needs attention.

    Of rounds that fail one after the other there are notices of the first, the second, the fourth, the eighth …, and of
    the first one that goes well again. That an exchange is not reached, or is again, is one at once, by its name.

    ``every`` and ``jitter`` in seconds: rounds begin ``every`` seconds apart, and up to ``jitter`` later, so that many
    homes do not send requests at once. ``wait`` sleeps, and returns true on a request to stop.
    """

    home: OpenHome
    request: Mapping[str, Any]
    every: float
    jitter: float
    wait: Callable[[float], bool]
    stop: Callable[[], bool]
    notify: Sequence[Notify] = ()
    chance: random.Random = field(default_factory=random.SystemRandom)
    _record: WatchRecord = field(init=False, repr=False)
    _requested: RequestedNotices = field(default_factory=RequestedNotices, repr=False)

    def rounds(self) -> Generator[Round, None, None]:
        """One round after the other, until a stop is requested. Raises JobRunningError if the home is watched already.

        Raises Interrupted where a round's job was paused. Others see how far it is: ``read_state``.
        """
        with suppress(LedgerAwayError):  # then the first round fails, and is notified of
            self.home.create_home()
        with alone(self.home.settings.home):
            self._record = self._recorded()
            try:
                with self._requested.sent(self._notify):
                    yield from self._rounds()
            finally:
                self._record.end()

    def test_notice(self) -> None:
        """Have a notice sent that nothing happened, to test who receives them; a handler of signals may call this."""
        self._requested.test()

    def _rounds(self) -> Iterator[Round]:
        while not self.stop():
            began = time.monotonic()
            self._record.begin_round()
            done = self._round()
            self._notify_of(done)
            pause = max(0.0, self.every - (time.monotonic() - began) + self.chance.uniform(0, self.jitter))
            self._record.end_round(done.job.id if done.job else None, done.failed or "", done.skipped or "", pause)
            yield done
            if self.wait(pause):
                return

    def _notify_of(self, done: Round) -> None:
        """Notify of what a round did, after those before it, of this process and of earlier ones."""
        state = self._record.state
        failures, before, known = state.failures, frozenset(state.away), state.gaps_before
        away = before if done.away is None else done.away
        back = [f"{called(name)} is reached again." for name in spot_first(before - away)]
        if done.failed:
            if back:
                self._notify(Notice("recovery", " ".join(back)))
            if away - before or is_due(failures + 1):
                self._notify_of_failure(done, failures + 1)
        if done.gaps:
            self._notify(gaps_notice(done.gaps, done.advice))
        if done.failed:
            known = None if known is None else with_gaps(known, done.gaps)
            self._record.update(failures=failures + 1, away=tuple(sorted(away)), gaps_before=known)
        elif done.job:
            if failures:
                again = f"a round succeeded again, after {_rounds(failures)} failed."
                self._notify(Notice("recovery", " ".join([again, *back])))
            self._record.update(failures=0, away=tuple(sorted(away)), gaps_before=None)

    def _recorded(self) -> WatchRecord:
        """A record of a watch that begins now; what an earlier one did stays in it."""
        clock = self.home.clock
        try:
            before = read_state(self.home.settings.home)
        except HomeError as error:
            LOG.warning("%s", error)
            before = None
        try:
            what = describe_request(self.home, self.request)
        except LedgerAwayError:
            what = before.what if before else "unknown, as the ledger is away"
        state = WatchState(this_worker(), what, self.every, len(self.notify), clock.now())
        if before:
            state = replace(state, rounds=before.rounds, notices=before.notices, gaps_before=before.gaps_before)
        if before and before.what == what:  # a round of another selection shows nothing of those of this one
            away = tuple(filter(is_installed, before.away))
            state = replace(state, failures=before.failures, away=away)
        return WatchRecord(self.home.settings.home, clock.now, state)

    def _round(self) -> Round:
        unfinished = self._record.state.gaps_before
        job = None
        try:
            self.home.create_home()
            known = with_gaps({}, self._left()) if unfinished is None else unfinished
            # Nobody can confirm more requests than planned: --max-requests is what bounds a round.
            request = replace(ingest_request(self.home, **self.request), within_plan=False)
            plan = self.home.runner.build_plan(request)
            self._record.update(gaps_before=known)
            result = JobControl(self.home.runner).run(plan, stop=self.stop, origin=_ORIGIN)
            job = result.job
            # What an exchange fills that was not reached is unknown until it is.
            new = [gap for gap in new_gaps(known, self._left()) if gap.series.pair.venue not in result.unreached]
        except Interrupted:
            raise
        except JobRunningError as error:
            self._record.update(gaps_before=unfinished)
            return Round(skipped=str(error))
        except KrakenError as error:
            return Round(job, failed=str(error), outage=isinstance(error, UnavailableError))
        advice = " ".join(plan.notes) or "kraken-history gaps shows what to download manually"
        away = frozenset(result.unreached)
        return Round(job, job.error, outage=bool(away), away=away, gaps=new, advice=advice)

    def _left(self) -> list[GapRecord]:
        return gaps_left(self.home.ledger, api_backfill=self.request.get("api_backfill", True))

    def _notify_of_failure(self, done: Round, failures: int) -> None:
        """Notify of a failure; ``failures`` counts those in a row."""
        again = f" {_rounds(failures)} in a row failed." if failures > 1 else ""
        self._notify(Notice("exchange" if done.outage else "failure", f"{done.failed}{again}"))

    def _notify(self, notice: Notice) -> None:
        """Send a notice; a failed notification does not stop the watch."""
        failures = send(notice, self.notify)
        for failure in failures:
            LOG.warning("%s", failure)
        self._record.add_notice(notice.kind, notice.message, len(self.notify) - len(failures), failures)


def describe_request(home: OpenHome, request: Mapping[str, Any]) -> str:
    """What a request selects, in a few words."""
    selecting = {name: value for name, value in request.items() if name in _SELECTING}
    chosen = selection(home.tiers, home.ledger.names(), **selecting)
    names = [*chosen.tiers, *map(str, chosen.pairs)]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    named = (", ".join(names[:NAMED]) + more) or "everything stored"
    return f"{named}; {', '.join(map(short, chosen.intervals))}"


def _rounds(number: int) -> str:
    return f"{number:,} round{'s' if number > 1 else ''}"
