"""The rate limit of the simulated exchange (domain 1.3): one call a second for ever, or a burst of about 30."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls are counted, and ``rate`` are forgiven a second; one that would make more than ``burst`` is refused."""

    rate: float = 1.0
    burst: int = 30


class Limiter:
    """Counts the calls of every caller, such as an address and a pair. Safe to use from several threads."""

    def __init__(self, limits: Limits, seconds: Callable[[], float] = time.monotonic) -> None:
        self.cut_off = 0  # calls refused so far
        self._limits = limits
        self._seconds = seconds
        self._counts: dict[Hashable, tuple[float, float]] = {}  # the count, and when it stood so
        self._lock = threading.Lock()

    def allows(self, caller: Hashable) -> bool:
        """Count a call. False where it is one too many; such a call is not counted against those that follow."""
        with self._lock:
            now = self._seconds()
            count, then = self._counts.get(caller, (0.0, now))
            count = max(0.0, count - (now - then) * self._limits.rate)
            allowed = count + 1 <= self._limits.burst
            self._counts[caller] = (count + allowed, now)
            self.cut_off += not allowed
            return allowed
