"""A live history in a process of its own, which may be killed: HOME START_DATE PAIR…"""

from __future__ import annotations

import os
import sys

from kraken_core import Workbench
from kraken_core.workbench.live.live import LiveHistory
from tests.support.asking import result
from tests.support.live_exchange import brisk_feed


def main(home: str, start_date: str, *pairs: str) -> None:
    url = os.environ["KRAKEN_API_URL"]
    with Workbench.open(home) as workbench:
        request = {"pairs": list(pairs), "intervals": [1, 5, 60], "start_date": start_date}
        history = LiveHistory(
            workbench,
            request,
            lambda: False,
            lambda _: False,
            now=lambda: int(result(url, "Time")["unixtime"]),
            open_feed=brisk_feed,
        )
        for _ in history.phases():
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
