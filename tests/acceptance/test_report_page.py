"""``kraken-history report`` for people and schedules: a page, a comparison, a gate."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.domain.tiers import Tiers
from kraken_core.pipeline.report_html import page
from kraken_core.settings import Settings
from tests.support.command_line import Kraken, refused
from tests.support.little_market import LittleMarket

pytest_plugins = ["tests.support.chromium"]

YEARS = 5 * 365 * 86_400


class Addresses(HTMLParser):
    """Whatever in a page would be fetched from elsewhere, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "srcset", "action", "data"}]


def test_the_page_opens_in_a_browser_that_has_no_network(full: Kraken, tmp_path: Path, browser: Browser) -> None:
    file = tmp_path / "report.html"
    said = full("report", "--html", file)
    assert str(file) in said.err
    wrong: list[str] = []
    context = browser.new_context(offline=True)
    opened = context.new_page()
    opened.on("request", lambda request: wrong.append(request.url) if request.url != file.as_uri() else None)
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(file.as_uri())
    [overall] = full.rows("sql", "select count(*) as n from gaps where status <> 'FILLED'")
    assert opened.locator("h1").inner_text() == "Completeness of the history"
    assert opened.locator(".answer").inner_text().startswith("No: ")
    assert overall["n"] > 0
    report = full.rows("report")
    lacking = [row for row in report if row["missing"]]
    assert opened.locator("table").nth(3).locator("tbody tr").count() == len(lacking)
    assert opened.locator("table").nth(2).locator("tbody tr").count() == len({row["pair"] for row in report})
    for wide in (1280, 390):
        opened.set_viewport_size({"width": wide, "height": 800})
        width = opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert width, f"something reaches beyond the page, {wide} pixels wide"
    opened.emulate_media(media="print")
    printed = opened.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert wrong == []
    context.close()


def test_the_page_names_nothing_outside_of_itself_and_runs_nothing(full: Kraken, tmp_path: Path) -> None:
    full("report", "--html", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Addresses()
    parsed.feed(text)
    assert parsed.found == []
    assert not parsed.tags & {"script", "link", "iframe", "img", "object"}
    assert not re.search(r"url\(|@import|https?:", text)


def report_of(pairs: list[Pair], gaps_each: int) -> Report:
    lines, gaps = [], []
    for series in (Series(pair, interval) for pair in pairs for interval in INTERVALS):
        slots = YEARS // series.width
        counts = Completeness(slots, slots - gaps_each, slots // 2)
        lines.append(SeriesReport(series, "TIER1", 0, YEARS, counts))
        step = YEARS // gaps_each
        gaps += [GapRecord(series, at, at + series.width, 1, 0, 1) for at in range(0, step * gaps_each, step)]
    return Report(YEARS, tuple(lines), tuple(gaps))


def test_the_page_of_a_whole_tier_is_below_a_megabyte() -> None:
    tiers = Settings.load().tiers()
    bases = sorted(base for base, tier in tiers.by_base.items() if tier == "TIER1")
    quotes = ("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "USDT", "USDC", "BTC", "ETH")
    pairs = [Pair(base, quote) for base in bases for quote in quotes if base != quote]
    assert isinstance(tiers, Tiers)
    assert len(bases) > 20
    assert len(page(report_of(pairs, 200)).encode()) < 1_000_000


def test_names_are_text_never_markup() -> None:
    evil = Pair("<img src=x onerror=alert(1)>", "&USD")
    text = page(report_of([evil], 1))
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;/&amp;USD" in text


def test_an_empty_home_has_a_page_too(kraken: Kraken, tmp_path: Path) -> None:
    kraken("report", "--html", tmp_path / "report.html")
    assert ">Nothing</b> is expected yet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_reports_are_compared_with_what_the_earlier_one_said(
    one_release: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    before = one_release("report", "--json").out
    (tmp_path / "old.json").write_text(before)
    assert one_release("report", "--compare", tmp_path / "old.json").out == "Nothing changed.\n"
    one_release.ingest(little.folder)
    changes = {
        (row["pair"], row["interval"]): row for row in one_release.rows("report", "--compare", tmp_path / "old.json")
    }
    old = {(row["pair"], row["interval"]): row for row in json.loads(before)}
    now = {(row["pair"], row["interval"]): row for row in one_release.rows("report")}
    slots = ("wanted", "covered", "present", "silent", "missing", "proved", "confirmed", "claimed", "doubtful")
    assert set(changes) == {key for key in now if now[key] != old.get(key)}
    for key, change in changes.items():
        assert change["before"] == {name: old[key][name] for name in slots}
        assert change["after"] == {name: now[key][name] for name in slots}
        assert change["missing"] == now[key]["missing"] - old[key]["missing"] < 0
    assert "missing candles in" in one_release("report", "--compare", tmp_path / "old.json").err


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pair": 1}', '[{"pair": "BTC/USD"}]'])
def test_what_is_no_report_is_not_compared_with(full: Kraken, tmp_path: Path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)
    assert "Cannot compare with" in refused(full("report", "--compare", tmp_path / "old.json", code=2))
    assert "Cannot compare with" in refused(full("report", "--compare", tmp_path / "none.json", code=2))


def test_a_gate_lets_through_what_is_complete_enough_and_stops_the_rest(full: Kraken) -> None:
    whole = ("--pairs", "BTC/USD", "--start-date", "2024-03-28", "--end-date", "2024-03-30")
    full("report", *whole, "--fail-under", "100")
    [line] = full.rows("report", "--pairs", "BTC/USD", "--intervals", "60")
    share = 100 * line["completeness"]
    full("report", "--pairs", "BTC/USD", "--intervals", "60", "--fail-under", share - 0.01)
    stopped = full("report", "--pairs", "BTC/USD", "--intervals", "60", "--fail-under", share + 0.01, "--json", code=4)
    assert stopped.json == [line]  # the report is there all the same
    assert "BTC/USD 1h (" in stopped.err
    assert "nothing is stored of ETH/USD" in full("report", "--pairs", "ETH/USD", "--fail-under", "0", code=4).err


def test_a_gate_stops_what_is_too_old(full: Kraken) -> None:
    stopped = full("report", "--pairs", "BTC/USD", "--max-age", "2d", code=4)
    assert "older than 2 d: BTC/USD" in stopped.err
    assert "is not a length of time" in full("report", "--max-age", "soon", code=2).err
