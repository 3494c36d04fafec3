"""Looks at a live history as it goes: keeps its state for others to see, and sends notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kraken_core.domain.errors import HomeError
from kraken_core.domain.exchange import NS
from kraken_core.domain.instruments import describe_status
from kraken_core.domain.live_tape import LiveTape
from kraken_core.domain.market import Pair
from kraken_core.pipeline.live import Live
from kraken_core.ports import TradeFeed
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.log import LOG
from kraken_core.workbench.jobs.worker_process import this_worker
from kraken_core.workbench.live.health import LiveHealth
from kraken_core.workbench.live.state import (
    CATCHING_UP,
    STREAMING,
    WAITING,
    LivePair,
    LiveRecord,
    LiveState,
    read_state,
)
from kraken_core.workbench.watch.notices import Notice, Notify, send

EVERY_S = 2.0


@dataclass(slots=True)
class LiveObserver:
    """``observed`` is called whenever the state was written: every two seconds, and when something changes."""

    record: LiveRecord
    notify: Sequence[Notify] = ()
    observed: Callable[[], None] = lambda: None
    steady: Callable[[], float] = time.monotonic
    _health: LiveHealth = field(default_factory=LiveHealth)
    _looked_at: float = -EVERY_S

    @classmethod
    def begin(cls, home: OpenHome, what: str, notify: Sequence[Notify], observed: Callable[[], None]) -> LiveObserver:
        """Of a live history that begins now; notices of an earlier one stay in its state."""
        clock, folder = home.clock, home.settings.home
        try:
            before = read_state(folder)
        except HomeError as error:
            LOG.warning("%s", error)
            before = None
        kept = before.notices if before else ()
        state = LiveState(this_worker(), what, len(notify), clock.now(), notices=kept)
        observer = cls(LiveRecord(folder, clock.now, state), notify, observed)
        observer.record.update()
        return observer

    def catching_up(self) -> None:
        """A job begins that fills what is missing."""
        self._update(phase=CATCHING_UP)

    def job_ended(self, failed: str, *, outage: bool) -> None:
        """A job has ended; ``failed`` is why it did, "" where it did not."""
        self._update(failed=failed, phase=WAITING if failed else self.record.state.phase)
        self._notify(self._health.notices_of_job(failed, outage=outage))

    def notify_of_request(self, notice: Notice) -> None:
        """Send a notice that was requested; any thread may call this."""
        self._notify([notice])

    def look(self, live: Live) -> None:
        """Look at a live job, unless that was done just now."""
        now = self.steady()
        if now - self._looked_at < EVERY_S:
            return
        self._looked_at = now
        feed = live.feed
        self._update(
            phase=STREAMING,
            as_of=live.now(),
            connections=feed.connections,
            open_connections=feed.open_connections,
            disconnects=feed.disconnects,
            system=feed.system,
            pairs=_pairs(live.tapes, feed, live.stored_until, live.refused),
        )
        self._notify(self._health.notices_of_state(self.record.state, now))

    def end(self) -> None:
        """It has ended."""
        self.record.end()
        self.observed()

    def _update(self, **changed: object) -> None:
        self.record.update(**changed)
        self.observed()

    def _notify(self, notices: Sequence[Notice]) -> None:
        """Send notices; a failed notification stops nothing."""
        for notice in notices:
            failures = send(_of_live(notice), self.notify)
            for failure in failures:
                LOG.warning("%s", failure)
            self.record.add_notice(notice.kind, notice.message, len(self.notify) - len(failures), failures)


def _of_live(notice: Notice) -> Notice:
    """The notice as one of a live history."""
    return notice._replace(sender="live")


def _pairs(
    tapes: Mapping[Pair, LiveTape], feed: TradeFeed, stored: Mapping[Pair, int], refused: Mapping[Pair, str]
) -> tuple[LivePair, ...]:
    """Each pair as it is, by name."""
    found = []
    for pair, tape in sorted(tapes.items()):
        problem = describe_status(feed.statuses.get(pair, "")) or feed.refused.get(pair, "") or refused.get(pair, "")
        traded = tape.last.time / NS if tape.last else None
        waiting = hole.until / NS if (hole := tape.hole) else None
        found.append(LivePair(str(pair), stored.get(pair), traded, waiting, problem))
    return tuple(found)
