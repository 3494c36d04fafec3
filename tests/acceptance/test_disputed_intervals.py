"""Files whose rows are not what the pair's other intervals make of them: nothing wrong is complete (domain rule 13)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.lying_archives import BTC, DAYS, ETH, failed, state, traded_slot, verify
from tests.acceptance.never_false import assert_nothing_false_complete
from tests.support.doubted import doubts
from tests.support.helping import ingest, written

pytest_plugins = ["tests.acceptance.sleeping_exchange"]
NAMES = {BTC: "XBTUSD", ETH: "ETHUSD"}


def release(market: SimulatedMarket, here: Path, name: str = "release", last: int = 8) -> Path:
    """A folder with all intervals, whose files can be changed."""
    made = Release(name, DAYS[0], DAYS[last], manifest=True, layout=ReleaseLayout.FOLDER)
    [path] = written(market, [made], here)
    return path


def file_of(folder: Path, series: Series) -> Path:
    [path] = folder.rglob(f"{NAMES[series.pair]}_{series.interval}.csv")
    return path


def swap(folder: Path, *intervals: int) -> None:
    """Some of ETH/USD's files have the rows of BTC/USD, though other bytes: the same would be refused."""
    for interval in intervals:
        rows = file_of(folder, Series(BTC, interval)).read_bytes()
        file_of(folder, Series(ETH, interval)).write_bytes(rows.replace(b"\n", b"\r\n"))


def doubtful(home: Path) -> set[Series]:
    with Workbench.open(home) as bench:
        return {c.series for c in bench.ledger.coverage() if c.grade is Grade.DOUBTFUL}


def disagreed(home: Path) -> set[Series]:
    with Workbench.open(home) as bench:
        return {series for series, found in bench.ledger.findings().items() if found.disagreed}


def ranges_disagreed(home: Path) -> dict[Series, TimeRanges]:
    with Workbench.open(home) as bench:
        return {
            series: TimeRanges.of(span for ranges in found.disagreed.values() for span in ranges)
            for series, found in bench.ledger.findings().items()
            if found.disagreed
        }


def assert_same_state(home: Path, before: tuple[pl.DataFrame, object, object]) -> None:
    candles, *rest = state(home)
    assert_frame_equal(candles, before[0])
    assert rest == list(before[1:])


def assert_complete_is_true(home: Path, market: SimulatedMarket) -> None:
    with Workbench.open(home) as bench:
        assert_nothing_false_complete(bench, market)
        found = doubts(bench)
        assert all(reasons for _, reasons in found)
        assert any("disagree" in " ".join(reasons) for _, reasons in found)


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_candle_of_a_file_with_another_pairs_rows_is_complete(
    interval: int, market: SimulatedMarket, tmp_path: Path
) -> None:
    folder, home = release(market, tmp_path), tmp_path / "home"
    swap(folder, interval)
    ingest(home, market, folder)
    assert_complete_is_true(home, market)
    assert {series.pair for series in disagreed(home)} == {ETH}
    with Workbench.open(home) as bench:
        with pytest.raises(IncompleteError, match="doubtful"):
            bench.candles("ETH/USD", interval, DAYS[1], DAYS[2], require_complete=True)
        [event, *_] = [event for event in bench.ledger.events(bench.jobs()[0].id) if event.kind == "disagreed"]
        assert "ETH/USD" in event.message
    found = verify(home)
    assert failed(found).keys() == {"agreement"}
    assert not found.unrecorded


@pytest.mark.parametrize("intervals", [(1, 5, 15, 30), (240, 720), (60, 240, 720, 1440)], ids=str)
def test_several_files_with_another_pairs_rows_do_not_make_each_other_complete(
    intervals: tuple[int, ...], market: SimulatedMarket, tmp_path: Path
) -> None:
    folder, home = release(market, tmp_path), tmp_path / "home"
    swap(folder, *intervals)
    ingest(home, market, folder)
    assert_complete_is_true(home, market)


@pytest.mark.parametrize("interval", [5, 60, 1440])
def test_a_row_whose_close_the_finer_candles_contradict_is_doubtful(
    interval: int, market: SimulatedMarket, tmp_path: Path
) -> None:
    folder, home, series = release(market, tmp_path), tmp_path / "home", Series(ETH, interval)
    path = file_of(folder, series)
    rows = [row.split(",") for row in path.read_text().splitlines()]
    [[slot, _]] = traded_slot(market, series)
    for row in rows:
        if int(row[0]) == slot:
            row[4] = row[3] if row[4] != row[3] else f"{float(row[2]) * 2}"
            row[2] = f"{max(float(row[2]), float(row[4]))}"
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    ingest(home, market, folder)
    assert_complete_is_true(home, market)
    assert series in disagreed(home)


def test_it_is_doubtful_until_a_right_file_replaces_the_wrong_one(market: SimulatedMarket, tmp_path: Path) -> None:
    folder, home = release(market, tmp_path, last=7), tmp_path / "home"
    swap(folder, 60)
    ingest(home, market, folder)
    assert Series(ETH, 60) in doubtful(home)
    ingest(home, market, release(market, tmp_path / "newer"))
    assert not disagreed(home)
    assert Series(ETH, 60) not in doubtful(home)


@pytest.mark.parametrize("intervals", [(1,), (5,), (1, 5, 15, 30), (60,)], ids=str)
def test_later_jobs_and_verifying_find_the_same_and_record_nothing_new(
    intervals: tuple[int, ...], market: SimulatedMarket, tmp_path: Path
) -> None:
    folder, home = release(market, tmp_path, last=7), tmp_path / "home"
    swap(folder, *intervals)
    ingest(home, market, folder)
    first = ranges_disagreed(home)
    assert first
    before = state(home)
    assert not verify(home).unrecorded
    assert_same_state(home, before)
    ingest(home, market, folder)
    assert_same_state(home, before)
    assert ranges_disagreed(home) == first
    later = Release("later", DAYS[7], DAYS[8], manifest=True)
    ingest(home, market, *written(market, [later], tmp_path))  # the pair is looked at again where that touches it
    assert {s: ranges.clip(DAYS[0], DAYS[6]) for s, ranges in ranges_disagreed(home).items()} == {
        s: ranges.clip(DAYS[0], DAYS[6]) for s, ranges in first.items()
    }
    assert not verify(home).unrecorded


def test_in_an_honest_release_nothing_disagrees(market: SimulatedMarket, tmp_path: Path) -> None:
    ingest(tmp_path / "home", market, release(market, tmp_path))
    assert not disagreed(tmp_path / "home")
