"""A live history in a process of its own.

python -m bench.live_home HOME START_DATE SPEED CATCH_UP_S PAIR…: ``SPEED`` is that of the exchange's clock
(KRAKEN_API_URL), ``CATCH_UP_S`` how often a job fills what is missing, by that clock.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import requests

from kraken_core import Workbench
from kraken_core.domain.market import INTERVALS
from kraken_core.workbench.live.live import LiveHistory


def main(home: str, start_date: str, speed: str, catch_up_s: str, *pairs: str) -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    request = {"pairs": list(pairs), "intervals": INTERVALS, "start_date": start_date}
    with Workbench.open(home) as workbench:
        history = LiveHistory(
            workbench,
            request,
            stopped.is_set,
            stopped.wait,
            catch_up_every_s=float(catch_up_s) / float(speed),
            now=_clock(float(speed)),
        )
        for _ in history.phases():
            pass


def _clock(speed: float) -> Callable[[], int] | None:
    """The exchange's clock where it is not as quick as time: asked for once, it goes on at its speed."""
    if speed == 1:
        return None  # as ever
    began, at = time.monotonic(), requests.get(f"{os.environ['KRAKEN_API_URL']}/0/public/Time", timeout=10).json()
    return lambda: int(at["result"]["unixtime"] + (time.monotonic() - began) * speed)


if __name__ == "__main__":
    main(*sys.argv[1:])
