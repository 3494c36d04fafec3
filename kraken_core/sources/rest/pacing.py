"""How often requests are sent: each pair at its own pace, and all together below a cap (domain 1.3)."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field

from kraken_core.sources.rest.waiting import Waiting

AT_ONCE = 4  # questions about no pair that may come at once: a job begins with as many, and ends with none
SLOWEST_S = 30.0  # between two requests, unless the usual pace is slower still
_SLOWER, _FASTER = 2.0, 0.8  # after being cut off; after every answer, until the pace is what it was


@dataclass(slots=True)
class RateLimiter:
    """Whose turn it is. Callers are distinguished by a key, as the exchange does: a pair, or None for all else."""

    waiting: Waiting
    distance_s: float
    least_s: float  # between any two requests
    _distances: dict[Hashable, float] = field(default_factory=dict)  # where longer than usual
    _next: dict[Hashable, float] = field(default_factory=dict)
    _anybody: float = 0.0  # no request before
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self, key: Hashable) -> None:
        """Wait until a request may be sent. Raises Interrupted."""
        self.waiting.until(self._turn_of(key))
        self.waiting.until(self._turn_of_all(key))

    def back_off(self, key: Hashable) -> None:
        """The exchange cut us off: send half as many requests."""
        with self._lock:
            self._distances[key] = min(self._distance(key) * _SLOWER, max(SLOWEST_S, self.distance_s))

    def answered(self, key: Hashable) -> None:
        """The exchange answered: come nearer to the usual pace again."""
        with self._lock:
            if key in self._distances:
                self._distances[key] *= _FASTER
                if self._distances[key] <= self.distance_s:
                    del self._distances[key]

    def pause_all(self, seconds: float) -> None:
        """No requests at all for so long."""
        with self._lock:
            self._anybody = max(self._anybody, self.waiting.now() + seconds)

    def _distance(self, key: Hashable) -> float:
        return self._distances.get(key, self.distance_s)

    def _turn_of(self, key: Hashable) -> float:
        with self._lock:
            distance = self._distance(key)
            spare = (AT_ONCE - 1) * distance if key is None else 0.0
            now = self.waiting.now()
            due = max(now, self._next.get(key, now))
            self._next[key] = due + distance
            return due - spare

    def _turn_of_all(self, key: Hashable) -> float:
        with self._lock:
            at = max(self.waiting.now(), self._anybody)
            self._anybody = at + self.least_s
            if key is not None:  # late by now, and the next one no sooner for that
                self._next[key] = max(self._next[key], at + self._distance(key))
            return at
