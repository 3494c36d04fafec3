"""Looking closer in a real browser: evidence, zoom, gaps filled from the heatmap, names that are no markup."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from kraken_core import Workbench
from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import PairRecord
from tests.support.browsing import PATIENCE_MS, click, drag, place, plot, serving
from tests.support.command_line import NOBODY
from tests.support.doubted import doubt
from tests.support.little_market import BTC_EUR, LOST

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)
DAYS = 11  # of the little market
DOUBTED, WHY = Series(BTC_EUR, 60), "no trades where about 9 were to be expected"


@pytest.fixture(scope="module")
def unfilled(unfilled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a series is missing that finer ones prove, with a pair whose name is hostile."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    shutil.copytree(unfilled_home, home)
    with Workbench.open(home) as workbench:
        workbench.ledger.record_pairs([PairRecord(Pair("<img src=x onerror=alert(1)>", "USD"), "TIER4", ())])
        start = workbench.ledger.coverage([DOUBTED])[0].start
        doubt(workbench, DOUBTED, TimeRanges.single(start, start + DAYS * 86_400))
        silence = Doubt(start, start + DAYS * 86_400, WHY)
        workbench.ledger.record_findings({DOUBTED: Findings(doubts=(silence,))}, {}, 0)
    return home


@pytest.fixture(scope="module")
def address(unfilled: Path) -> Iterator[str]:
    with serving(unfilled, KRAKEN_API_URL=NOBODY) as url:
        yield url


def test_a_click_on_a_stretch_shows_what_it_stands_on(tab: Page, address: str) -> None:
    tab.goto(f"{address}/coverage?pair=BTC/USD&interval=1h")
    click(tab, place(tab, 1.5 / DAYS))
    expect(tab.get_by_role("heading", name="Evidence")).to_be_visible()
    expect(tab.get_by_text("Sources covering this range")).to_be_visible()


def test_a_click_on_what_is_doubtful_says_why(tab: Page, address: str) -> None:
    tab.goto(f"{address}/coverage?pair=BTC/EUR&interval=1h")
    click(tab, place(tab, 1.5 / DAYS))
    expect(tab.get_by_text(re.compile("^Doubtful in it: [0-9]+ of the candles expected"))).to_be_visible()
    expect(tab.get_by_text(re.compile(WHY))).to_be_visible()


def test_a_click_on_where_the_gaps_of_a_series_are_opens_it(tab: Page, address: str) -> None:
    tab.goto(address)
    strips = tab.locator(".js-plotly-plot").filter(has_text="covered")
    strips.locator("g.point path").first.click(force=True)
    tab.wait_for_url(re.compile(r"/series\?pair="))


def test_a_drag_across_the_chart_looks_closer_and_the_address_keeps_it(tab: Page, address: str) -> None:
    tab.goto(f"{address}/candles?pair=BTC/USD&interval=1m")
    expect(tab.get_by_text("a bar is 30 min of candles made one")).to_be_visible()
    drag(tab, place(tab, 0.3), place(tab, 0.32))
    expect(tab.get_by_text("a bar is a candle")).to_be_visible()
    tab.wait_for_url(re.compile(r"start=2024-03-30T\d\d%3A\d\d&end=2024-03-30T"))
    tab.reload()
    expect(tab.get_by_text("a bar is a candle")).to_be_visible()


@pytest.mark.soak
def test_a_gap_seen_on_the_heatmap_is_previewed_and_filled(tab: Page, address: str, unfilled: Path) -> None:
    tab.goto(f"{address}/gaps?pair={LOST.pair}&interval=1h")
    click(tab, place(tab, 8.5 / DAYS))  # a day of those that finer candles prove
    preview = tab.get_by_role("button", name="Preview backfill of 1 chosen")
    preview.click()
    tab.get_by_role("button", name="Start", exact=True).click()
    tab.wait_for_url("**/jobs**")
    until = time.monotonic() + PATIENCE_MS / 1000
    with Workbench.open(unfilled) as workbench:
        day: dict[str, Any] = {"start_date": "2024-04-04", "end_date": "2024-04-04"}
        day |= {"pairs": [LOST.pair], "intervals": [LOST.interval]}
        while len(workbench.gaps(**day)):
            assert time.monotonic() < until, "the gap is not filled"
            time.sleep(0.2)


def test_a_hostile_name_is_shown_and_does_nothing(tab: Page, address: str) -> None:
    alerts: list[str] = []

    def heard(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", heard)
    tab.goto(f"{address}/candles?pair=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%2FUSD")
    expect(tab.get_by_role("combobox", name="Pair")).to_have_value("<img src=x onerror=alert(1)>/USD")
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    tab.goto(f"{address}/coverage")
    plot(tab)
    assert not alerts
    assert not tab.locator("img[src=x]").count()


def test_where_a_series_is_incomplete_is_three_clicks_from_the_overview(tab: Page, address: str) -> None:
    """The cell of the series on the overview, its tab of gaps: the third click would fill them."""
    tab.goto(address)
    expect(tab.get_by_text("Is my data complete?")).to_be_visible()
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    plot(tab)  # the chart above is drawn: nothing moves any more
    matrix = tab.locator(".st-key-matrix").get_by_test_id("stDataFrame")
    matrix.locator("canvas").first.wait_for(state="attached")
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box
    tab.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 35 + 17)  # the first interval of the first pair
    tab.wait_for_url("**/series?**")
    expect(tab.get_by_text(re.compile("^No: "))).to_be_visible()
    tab.get_by_role("tab", name="Gaps").click()
    expect(tab.get_by_test_id("stDataFrame").first).to_be_visible()
