"""Files whose rows are not what the pair's other intervals make of them: nothing wrong is complete (domain rule 13)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import Release, ReleaseLayout
from tests.acceptance.lying_archives import BTC, DAYS, ETH, failed, traded_slot, verify
from tests.acceptance.never_false import assert_nothing_false_complete
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
    """Some of ETH/USD's files have the rows of BTC/USD."""
    for interval in intervals:
        file_of(folder, Series(ETH, interval)).write_bytes(file_of(folder, Series(BTC, interval)).read_bytes())


def doubtful(home: Path) -> set[Series]:
    with Workbench.open(home) as bench:
        return {c.series for c in bench.ledger.coverage() if c.grade is Grade.DOUBTFUL}


def disagreed(home: Path) -> set[Series]:
    with Workbench.open(home) as bench:
        return {series for series, found in bench.ledger.findings().items() if found.disagreed}


def assert_complete_is_true(home: Path, market: SimulatedMarket) -> None:
    with Workbench.open(home) as bench:
        assert_nothing_false_complete(bench, market)


@pytest.mark.parametrize("interval", INTERVALS[2:])  # of which coarser ones have trades in every slot, nearly
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


@pytest.mark.parametrize("intervals", [(240, 720), (60, 240, 720, 1440)], ids=str)
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


def test_in_an_honest_release_nothing_disagrees(market: SimulatedMarket, tmp_path: Path) -> None:
    ingest(tmp_path / "home", market, release(market, tmp_path))
    assert not disagreed(tmp_path / "home")
