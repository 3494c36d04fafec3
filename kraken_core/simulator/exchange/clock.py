"""The simulated exchange's clock: what it has answered so far is what was traded before this moment."""

from __future__ import annotations

import time

from kraken_core.simulator.tape import NS


class ExchangeClock:
    """The exchange's present, which is fixed until it is advanced, or runs from where it was set."""

    def __init__(self, now: int, *, running: bool = False, speed: float = 1.0) -> None:
        """``now`` in epoch seconds; one that runs does so at ``speed`` times that of time."""
        self._set_ns, self._speed = now * NS, speed
        self._started_ns = time.monotonic_ns() if running else None

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        passed = 0 if self._started_ns is None else time.monotonic_ns() - self._started_ns
        return self._set_ns + round(passed * self._speed)

    def now(self) -> int:
        """Whole epoch seconds."""
        return self.now_ns() // NS

    def advance(self, seconds: float) -> None:
        """Let time pass at once; a forming candle whose slot ends meanwhile is committed."""
        self._set_ns += round(seconds * NS)
