"""Candles in a real browser follow live: a part of the page is redrawn, and leaving it never leaves a blank one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from kraken_core.domain.formatting import instant
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import day_start
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.browsing import PATIENCE_MS, figure, plot, see, serving
from tests.support.live_exchange import Following, live_exchange

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)

START = day_start(date(2026, 3, 30))
BEGINS, ENDS = START + 3600, START + 3 * 3600
BTC = Pair("BTC", "USD")
MARKET = SimulatedMarket.make(11, [Listing(BTC, 30, 97_000, 1, 0.05)], START, ENDS)


class Redraws:
    """Which redraws a tab requests: of parts of a page, or of all of it."""

    def __init__(self, tab: Page) -> None:
        self.parts = self.pages = 0
        tab.on("websocket", lambda line: line.on("framesent", self._count))

    def _count(self, payload: str | bytes) -> None:
        message = BackMsg()
        message.ParseFromString(payload if isinstance(payload, bytes) else payload.encode())
        if message.WhichOneof("type") == "rerun_script":
            self.parts += bool(message.rerun_script.fragment_id)
            self.pages += not message.rerun_script.fragment_id


def test_new_candles_come_by_redraws_of_a_part_of_the_page_and_other_pages_are_never_blank(
    tmp_path: Path, tab: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, wrong = tmp_path / "home", []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    redraws = Redraws(tab)
    with (
        live_exchange(MARKET, BEGINS, monkeypatch) as exchange,
        Following(home, exchange, [BTC], [1], "2026-03-30") as live,
        serving(home) as url,
    ):
        live.streaming()
        live.until(BEGINS + 60)
        tab.goto(f"{url}/candles?pair=BTC/USD&interval=1m")
        see(tab, "Live adds candles")
        plot(tab)
        pages = redraws.pages
        live.until(BEGINS + 600)
        last = live.progress[-1].until - 60
        later = "|".join(map(instant, range(last, ENDS, 60)))  # live goes on meanwhile
        expect(figure(tab, "Last (UTC)")).to_have_text(re.compile(later))
        assert redraws.parts
        assert redraws.pages == pages
        for name in ("Schedules", "Candles", "Overview", "Candles"):
            tab.get_by_role("link", name=name, exact=True).first.click()
            expect(tab.get_by_role("heading", name=name, exact=True)).to_be_visible()
            see(tab, "Live adds candles" if name == "Candles" else "Live runs.")
        assert wrong == []
