"""When a live history looks for a pair that the stream lists."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from kraken_core import Workbench
from kraken_core.domain.market import Pair
from kraken_core.ports import TradeFeed
from kraken_core.workbench.live.live import LiveHistory

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")


class Statuses:
    """A feed as far as the states of pairs go."""

    def __init__(self) -> None:
        self.statuses = {BTC: "online"}


def test_a_pair_is_looked_for_once_each_time_it_is_listed(tmp_path: Path) -> None:
    feed = Statuses()
    with Workbench.open(tmp_path) as workbench:
        history = LiveHistory(workbench, {"pairs": ["BTC/USD", "ETH/USD"]}, lambda: False, lambda _: False)
        request = history._request()

        def found(status: str) -> list[bool]:
            feed.statuses = {BTC: "online", ETH: status}
            return [history._is_listed_anew(cast("TradeFeed", feed), [BTC], request) for _ in range(2)]

        assert [found(status) for status in ("online", "delisted", "online")] == [
            [True, False],
            [False, False],
            [True, False],
        ]
