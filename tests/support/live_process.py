"""A live history in a process of its own, which may be killed or ended: HOME START_DATE INTERVALS PAIR…

Its clock is the exchange's. It writes a line whenever it has committed: up to where what is stored is whole.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from kraken_core import Workbench
from kraken_core.pipeline.live import LiveProgress
from kraken_core.workbench.live.live import LiveHistory
from tests.support.asking import result
from tests.support.live_exchange import brisk_feed


def _report(progress: LiveProgress) -> None:
    sys.stdout.write(f"{progress.until}\n")
    sys.stdout.flush()


def main(home: str, start_date: str, intervals: str, *pairs: str) -> None:
    url, stopped = os.environ["KRAKEN_API_URL"], threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with Workbench.open(home) as workbench:
        request = {
            "pairs": list(pairs),
            "intervals": [int(each) for each in intervals.split(",")],
            "start_date": start_date,
        }
        history = LiveHistory(
            workbench,
            request,
            stopped.is_set,
            stopped.wait,
            _report,
            now=lambda: int(result(url, "Time")["unixtime"]),
            open_feed=brisk_feed,
        )
        for _ in history.phases():
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
