"""Which notices a live history is due to send: it is degraded, it has recovered, something is wrong with pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kraken_core.domain.formatting import duration
from kraken_core.domain.instruments import ONLINE
from kraken_core.domain.plural import counted
from kraken_core.workbench.live.state import LiveState
from kraken_core.workbench.watch.notices import Notice, is_due

GRACE_S = 60  # that connections may be away, and the exchange not online, before anybody is notified
WAITING_S = 600  # that a pair may wait for missing trades
NAMED = 5  # pairs a notice


@dataclass(slots=True)
class LiveHealth:
    """Compares a state with those before. Times in seconds, of any clock that is steady."""

    _degraded_since: float | None = None
    _notified: bool = False
    _problems: Mapping[str, str] = field(default_factory=dict)
    _failures: int = 0  # jobs in a row

    def notices_of_state(self, state: LiveState, now: float) -> list[Notice]:
        """What is to be said of a state."""
        return [*self._of_stream(state, now), *self._of_pairs(state)]

    def notices_of_job(self, failed: str, *, outage: bool) -> list[Notice]:
        """What is to be said when a job has ended: ``failed`` is why it did, "" where it did not."""
        if not failed:
            before, self._failures = self._failures, 0
            return [Notice("recovery", f"a job succeeded again, after {counted(before, 'job')} failed.")] * (before > 0)
        self._failures += 1
        if not is_due(self._failures):
            return []
        again = f" {counted(self._failures, 'job')} in a row failed." if self._failures > 1 else ""
        return [Notice("exchange" if outage else "failure", f"{failed}{again}")]

    def _of_stream(self, state: LiveState, now: float) -> list[Notice]:
        wrong = _degraded(state)
        if not wrong:
            since, notified, self._degraded_since, self._notified = self._degraded_since, self._notified, None, False
            if not notified or since is None:
                return []
            return [Notice("recovery", f"trades are streamed again, after {duration(now - since)}.")]
        if self._degraded_since is None:
            self._degraded_since = now
        if self._notified or now - self._degraded_since < GRACE_S:
            return []
        self._notified = True
        return [Notice("degraded", f"{wrong}. What is missed is requested once that is over.")]

    def _of_pairs(self, state: LiveState) -> list[Notice]:
        before, self._problems = self._problems, {each.pair: each.problem for each in state.pairs if each.problem}
        new = [f"{pair}: {why}" for pair, why in self._problems.items() if before.get(pair) != why]
        over = [pair for pair in before if pair not in self._problems and pair in {each.pair for each in state.pairs}]
        found = []
        if new:
            found.append(Notice("pairs", f"nothing is streamed of {counted(len(new), 'pair')}: {_some(new)}."))
        if over:
            found.append(Notice("recovery", f"streamed again: {_some(over)}."))
        return found


def _degraded(state: LiveState) -> str:
    """What is wrong with the stream; "" where nothing is."""
    away = state.connections - state.open_connections
    if away > 0:
        return f"{away} of {counted(state.connections, 'connection')} to the exchange's stream cannot be opened"
    if state.system not in {"", ONLINE}:
        return f"the exchange is in {state.system}"
    waiting = [
        each.pair
        for each in state.pairs
        if each.waiting_since is not None and state.as_of and state.as_of - each.waiting_since >= WAITING_S
    ]
    if waiting:
        of_pairs = f"{counted(len(waiting), 'pair')}: {_some(waiting)}"
        return f"trades that the exchange does not answer with are missing of {of_pairs}"
    return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more
