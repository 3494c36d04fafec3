"""What changes while a page is open is said on it, and a home that vanishes is no empty one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.shared.sidebar import CHANGED
from kraken_core import Workbench
from tests.app.asking_home import AskingHome
from tests.app.conftest import Opened, told
from tests.support.browsing import PATIENCE_MS, press, see, serving

pytest_plugins = ["tests.support.chromium"]
expect.set_options(timeout=PATIENCE_MS)


def test_a_tab_whose_gap_another_process_filled_says_so_and_shows_it_on_request(tab: Page, asking: AskingHome) -> None:
    with serving(asking.home) as url:
        tab.goto(f"{url}/series?pair=BTC/USD&interval=1h")
        tab.get_by_role("tab", name="Sources").click()
        see(tab, "No: ")
        with Workbench.open(asking.home) as bench:
            bench.run(bench.runner.build_plan(bench.backfill_request(pairs=["BTC/USD"], intervals=[60])))
        see(tab, CHANGED)
        press(tab, "Show it as it is now")
        see(tab, "Yes: BTC/USD 1h is complete")
        expect(tab.get_by_text(CHANGED)).to_have_count(0)
        expect(tab.get_by_role("tab", name="Sources")).to_have_attribute("aria-selected", "true")
        expect(tab).to_have_url(re.compile("pair=BTC"))


def test_a_home_that_vanished_while_a_tab_shows_it_is_an_error_beside_what_it_shows(tab: Page, full: Path) -> None:
    with serving(full) as url:
        tab.goto(f"{url}/series?pair=BTC/USD&interval=1h")
        see(tab, "Over time")
        full.rename(full.with_name("elsewhere"))
        see(tab, "was there, and is gone.")
        see(tab, "Over time")


@pytest.mark.parametrize(
    ("page", "lost"), [("overview", "home"), ("overview", "ledger"), ("jobs", "home"), ("ingest", "home")]
)
def test_a_home_that_vanished_is_not_shown_as_an_empty_one(page: str, lost: str, full: Path, opened: Opened) -> None:
    shown = opened(page)
    place = full if lost == "home" else full / "ledger.db"
    away = place.rename(full.with_name("elsewhere"))
    shown.run()
    assert [told(each.value).split(". ")[0] for each in shown.error] == [f"{told(str(place))} was there, and is gone"]
    assert not shown.button, "nothing begins there"
    away.rename(place)
    assert not shown.run().error


def test_a_home_that_does_not_exist_yet_is_a_new_one(home: Path, opened: Opened) -> None:
    assert not opened().error
