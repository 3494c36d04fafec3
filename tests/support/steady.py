"""Time for tests of what waits: it passes when somebody sleeps, and not otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kraken_core.ports import never_stop
from kraken_core.sources.rest.waiting import Waiting


class SteadyTime:
    """Seconds since the test began, for several threads. ``meanwhile`` is done whenever some have passed."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.meanwhile: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.seconds

    monotonic = now  # as Python's module calls it

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        with self._lock:
            self.seconds += seconds
            self.meanwhile()

    def waiting(self, stop: Callable[[], bool] = never_stop) -> Waiting:
        return Waiting(stop, self.now, self.sleep)
