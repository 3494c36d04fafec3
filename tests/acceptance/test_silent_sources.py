"""One source has no trades where another one has a candle: they differ, and neither confirms the other there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.differences import SILENT, Disagreement
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.run import JobResult
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.release import DAY_S, Release
from tests.acceptance.test_differences import crash
from tests.support.little_market import BTC_EUR, BTC_USD, LittleMarket
from tests.support.pocket_exchange import PocketExchange, at_pocket

MINUTES = Series(BTC_USD, 1)
OHLC, TRADES = "the exchange's OHLC answers", "the exchange's trades"
EVENING = int(datetime.fromisoformat("2024-04-04T20:00:00Z").timestamp())
HOUR = TimeRanges.single(EVENING, EVENING + 3600)  # in which one of two sources has no trades
WHOLE, SILENT_ONE = "Kraken_Whole.zip", "Kraken_Silent.zip"

ARCHIVES_ALONE: dict[str, Any] = {"present": "5T00:00", "auto_gap_fill": False}


class Silent(PocketExchange):
    """Answers OHLC without a trade in the hour, as soon as it is to."""

    silent = False

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        answer = super().ohlc(series, as_of)
        if not self.silent:
            return answer
        opens = pl.col("time").dt.epoch("s")
        return answer._replace(candles=answer.candles.filter(~opens.is_between(*HOUR.hull, closed="left")))


def run(home: Path, exchange: PocketExchange, present: str = "5T02:00", **request: Any) -> JobResult:
    """A job on the minutes of BTC/USD, of which OHLC answers the last 720, at a present of the exchange."""
    exchange.present = int(datetime.fromisoformat(f"2024-04-0{present}:00Z").timestamp())
    with at_pocket(home, exchange) as workbench:
        chosen = {"pairs": ["BTC/USD"], "intervals": [1], "start_date": "2024-04-04", "trades": False, **request}
        plan = workbench.plan(**chosen)
        workbench.create_home()
        return workbench.runner.run(workbench.runner.start(plan), plan)


def written(little: LittleMarket, folder: Path, name: str, **details: Any) -> Path:
    """A release of the days to the end of the one with the hour."""
    start = little.market.start
    return write_release(little.market, Release(name, start, start + 9 * DAY_S, manifest=True, **details), folder)


@pytest.fixture
def whole(little: LittleMarket, tmp_path: Path) -> Path:
    return written(little, tmp_path / "whole", WHOLE)


@pytest.fixture
def silent(little: LittleMarket, tmp_path: Path) -> Path:
    """Without the trades of the hour."""
    return written(little, tmp_path / "silent", SILENT_ONE, dropped={MINUTES: HOUR})


def traded(home: Path) -> int:
    """The candles of the hour, all in force."""
    with Workbench.open(home) as workbench:
        [count] = workbench.store.count({MINUTES: HOUR})[MINUTES]
    return count


def confirmed(home: Path) -> TimeRanges:
    with Workbench.open(home) as workbench:
        found = [each for each in workbench.ledger.coverage([MINUTES]) if each.grade is Grade.CONFIRMED]
    return TimeRanges.of((each.start, each.end) for each in found)


def covered(home: Path) -> TimeRanges:
    with Workbench.open(home) as workbench:
        return TimeRanges.of((each.start, each.end) for each in workbench.ledger.coverage([MINUTES]))


def assert_differ(home: Path, differences: Sequence[Disagreement], has: str, has_none: str) -> None:
    """Of the job and of the home: the traded minutes of the hour, which stay in force, covered, and not confirmed."""
    [found] = differences
    assert (found.kept, found.other, found.slots) == (has, has_none, traded(home))
    assert found.slots > 10, "the case is not the one meant"
    assert found[4:] == SILENT
    with Workbench.open(home) as workbench:
        ranges = [(each.start, each.end) for each in workbench.ledger.differences()]
    assert not confirmed(home) & TimeRanges.of(ranges)
    assert confirmed(home), "the case is not the one meant"
    assert not HOUR - covered(home)


def test_an_answer_without_trades_where_an_archive_has_them(little: LittleMarket, whole: Path, tmp_path: Path) -> None:
    exchange = Silent(little.market)
    exchange.silent = True
    apart, together, turned = (tmp_path / name for name in ("apart", "together", "turned"))
    run(apart, exchange, "5T00:00", sources=[whole])
    assert_differ(apart, run(apart, exchange).differences, WHOLE, OHLC)
    assert_differ(together, run(together, exchange, sources=[whole]).differences, WHOLE, OHLC)
    run(turned, exchange)
    assert_differ(turned, run(turned, exchange, sources=[whole]).differences, WHOLE, OHLC)


def test_an_archive_without_trades_where_an_answer_has_them(little: LittleMarket, silent: Path, tmp_path: Path) -> None:
    exchange = Silent(little.market)
    apart, together, turned = (tmp_path / name for name in ("apart", "together", "turned"))
    run(apart, exchange, "5T00:00", sources=[silent])
    assert_differ(apart, run(apart, exchange).differences, OHLC, SILENT_ONE)
    assert_differ(together, run(together, exchange, sources=[silent]).differences, OHLC, SILENT_ONE)
    run(turned, exchange)
    assert_differ(turned, run(turned, exchange, sources=[silent]).differences, OHLC, SILENT_ONE)


@pytest.mark.parametrize("turned", [False, True], ids=["the whole one first", "the silent one first"])
def test_an_archive_without_trades_where_another_one_has_them(
    little: LittleMarket, whole: Path, silent: Path, tmp_path: Path, *, turned: bool
) -> None:
    exchange = PocketExchange(little.market)
    apart, together = tmp_path / "apart", tmp_path / "together"
    one, other = (silent, whole) if turned else (whole, silent)
    run(apart, exchange, sources=[one], **ARCHIVES_ALONE)
    found = run(apart, exchange, sources=[other], **ARCHIVES_ALONE).differences
    assert_differ(apart, found, WHOLE, SILENT_ONE)
    assert_differ(
        together, run(together, exchange, sources=[one, other], **ARCHIVES_ALONE).differences, WHOLE, SILENT_ONE
    )


@pytest.mark.parametrize("turned", [False, True], ids=["trades first", "the silent one first"])
def test_an_archive_without_trades_where_a_file_of_trades_has_them(
    little: LittleMarket, silent: Path, tmp_path: Path, *, turned: bool
) -> None:
    tape = written(little, tmp_path / "tape", "Kraken_Trades.zip", trades=True)
    exchange = PocketExchange(little.market)
    one, other = (silent, tape) if turned else (tape, silent)
    run(tmp_path / "home", exchange, sources=[one], **ARCHIVES_ALONE)
    found = run(tmp_path / "home", exchange, sources=[other], **ARCHIVES_ALONE).differences
    assert_differ(tmp_path / "home", found, tape.name, SILENT_ONE)


def test_an_archive_without_trades_where_a_sweep_has_them(little: LittleMarket, silent: Path, tmp_path: Path) -> None:
    exchange = PocketExchange(little.market)
    run(tmp_path / "home", exchange, "5T18:00", trades=True)  # so late that OHLC does not reach the hour
    found = run(tmp_path / "home", exchange, "5T18:00", sources=[silent]).differences
    [apart] = [each for each in found if each.kept == TRADES]
    assert (apart.other, apart.slots) == (SILENT_ONE, traded(tmp_path / "home"))


def test_an_archive_without_a_file_where_another_one_has_trades(
    little: LittleMarket, whole: Path, tmp_path: Path
) -> None:
    nothing = [Series(BTC_USD, interval) for interval in INTERVALS]
    absent = written(little, tmp_path / "absent", "Kraken_Absent.zip", without=nothing)
    exchange, home = PocketExchange(little.market), tmp_path / "home"
    request = {**ARCHIVES_ALONE, "pairs": ["BTC/USD", str(BTC_EUR)]}
    run(home, exchange, sources=[whole], **request)
    [found] = run(home, exchange, sources=[absent], **request).differences
    assert (found.kept, found.other) == (WHOLE, "Kraken_Absent.zip")
    with Workbench.open(home) as workbench:
        assert sum(workbench.store.count({MINUTES: confirmed(home)})[MINUTES]) == 0
        assert sum(workbench.store.count({MINUTES: covered(home)})[MINUTES]) == found.slots


def test_the_same_again_differs_in_nothing_more(
    little: LittleMarket, whole: Path, silent: Path, tmp_path: Path
) -> None:
    exchange, home = Silent(little.market), tmp_path / "home"
    exchange.silent = True
    run(home, exchange, sources=[whole])
    moved = whole.rename(whole.with_name("Kraken_Moved.zip"))
    assert run(home, exchange, "5T04:00", sources=[moved]).differences == ()


def test_what_agrees_differs_in_nothing(little: LittleMarket, whole: Path, tmp_path: Path) -> None:
    exchange, home = Silent(little.market), tmp_path / "home"
    assert run(home, exchange, sources=[whole, little.first, little.second]).differences == ()
    assert not HOUR - confirmed(home)


def test_a_crash_between_the_candles_and_the_ledger_leaves_it_on_record_once(
    little: LittleMarket, whole: Path, silent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, home = PocketExchange(little.market), tmp_path / "home"
    run(home, exchange, sources=[silent], **ARCHIVES_ALONE)
    with monkeypatch.context() as crashing:
        crashing.setattr(SqlLedger, "record_files", crash)
        with pytest.raises(Exception, match="on fire"):
            run(home, exchange, sources=[whole], **ARCHIVES_ALONE)
    run(home, exchange, sources=[whole], **ARCHIVES_ALONE)
    with Workbench.open(home) as workbench:
        differences = workbench.ledger.differences()
    assert sum(each.slots for each in differences) == traded(home)
    assert not confirmed(home) & TimeRanges.of((each.start, each.end) for each in differences)


def test_each_of_two_that_have_the_candles_differs_from_the_silent_one(
    little: LittleMarket, whole: Path, silent: Path, tmp_path: Path
) -> None:
    exchange, home = PocketExchange(little.market), tmp_path / "home"
    run(home, exchange, sources=[silent], **ARCHIVES_ALONE)
    second, third = run(home, exchange, sources=[whole], **ARCHIVES_ALONE), run(home, exchange)
    assert_differ(home, second.differences, WHOLE, SILENT_ONE)
    assert_differ(home, third.differences, OHLC, SILENT_ONE)
