"""Waiting that can be called off at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kraken_core.domain.errors import Interrupted
from kraken_core.ports import never_stop

STEP_S = 0.1  # how soon a call to stop is heard


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits until an instant of a steady clock, in seconds. Safe to use from several threads."""

    stop: Callable[[], bool] = never_stop
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, instant: float) -> None:
        """Return when it is that late. Raises Interrupted as soon as somebody asks to stop, and if there is no wait."""
        while True:
            if self.stop():
                raise Interrupted("stopped as asked, before the exchange was asked again")
            left = instant - self.now()
            if left <= 0:
                return
            self.sleep(min(left, STEP_S))
