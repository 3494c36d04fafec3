"""Waiting that can be called off at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kraken_core.domain.errors import Interrupted
from kraken_core.ports import never_stop

STEP_S = 0.1  # how soon a call to stop takes effect


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits until an instant of a steady clock, in seconds. Safe to use from several threads."""

    stop: Callable[[], bool] = never_stop
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, instant: float) -> None:
        """Return when it is that late. Raises Interrupted as soon as a stop is requested, and if there is no wait."""
        while True:
            if self.stop():
                raise Interrupted("stopped on request, before the next request to the exchange")
            left = instant - self.now()
            if left <= 0:
                return
            self.sleep(min(left, STEP_S))
