"""A job that ends between the candles and the claims: what is derived follows its inputs all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, Interrupted
from kraken_core.domain.market import Pair, Series
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.helping import folder, ingest, table, written
from tests.support.strategies import START

BTC = Pair("BTC", "USD")
DAYS = Series(BTC, 1440)
HOURS = 36
MARKET = SimulatedMarket.make(5, [Listing(BTC, 0.5, 97_000, 1, 0.05)], START, START + 4 * DAY_S)
ASKED = {"intervals": [60, 720], "start_date": "2026-03-30"}
Hours = dict[int, int]  # volumes of hours that traded


def hours_file(place: Path, hours: Hours) -> Path:
    place.mkdir()
    rows = (f"{START + hour * 3600},100,110,90,105,{volume},3\n" for hour, volume in sorted(hours.items()))
    (place / "XBTUSD_60.csv").write_text("".join(rows))
    return place


def stopped_before(monkeypatch: pytest.MonkeyPatch, name: str, which: int) -> None:
    """Have a job end where it records something of this kind for the which-th time, the candles being committed."""
    original: Callable[..., Any] = getattr(SqlLedger, name)
    calls = iter(range(1, 1_000))

    def stopping(ledger: SqlLedger, *arguments: Any, **more: Any) -> Any:
        if next(calls) == which:
            raise KeyboardInterrupt
        return original(ledger, *arguments, **more)

    monkeypatch.setattr(SqlLedger, name, stopping)


def stored(home: Path) -> pl.DataFrame:
    with Workbench.open(home) as workbench:
        return table(workbench)


OF_HOURS = st.dictionaries(st.integers(1, HOURS - 2), st.integers(1, 9), min_size=HOURS // 2)


@settings(max_examples=8)
@given(OF_HOURS, OF_HOURS)
def test_an_interrupted_file_leaves_no_derived_candle_of_what_was_before(first: Hours, second: Hours) -> None:
    ends = {0: 1, HOURS - 1: 1}  # so that both cover the same time
    with folder() as root, pytest.MonkeyPatch.context() as patch:
        earlier, later = hours_file(root / "a", first | ends), hours_file(root / "b", second | ends)
        for home in (root / "whole", root / "broken"):
            ingest(home, MARKET, earlier, **ASKED)
        ingest(root / "whole", MARKET, earlier, later, **ASKED)
        stopped_before(patch, "record_files", 1)
        with pytest.raises(Interrupted):
            ingest(root / "broken", MARKET, earlier, later, **ASKED)
        patch.undo()
        ingest(root / "broken", MARKET, earlier, later, **ASKED)
        assert_frame_equal(stored(root / "broken"), stored(root / "whole"))


def test_what_was_removed_is_not_taken_for_a_lack_of_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [archive] = written(MARKET, [Release("a.zip", START, MARKET.end, manifest=True, intervals=(15,))], tmp_path)
    home = tmp_path / "home"
    ingest(home, MARKET, archive, intervals=[15, 1440])
    before = stored(home)
    stopped_before(monkeypatch, "end_change", 1)
    with pytest.raises(Interrupted):
        ingest(home, MARKET, archive)  # days are to be derived of the hours that are expected now
    monkeypatch.undo()
    with Workbench.open(home) as workbench:
        assert workbench.store.count({DAYS: workbench.holdings.expected(workbench.select())[DAYS]}) == {DAYS: [0]}
        workbench.expectations.drop(workbench.select(pairs=[BTC], intervals=[60]))  # covers anew, and derives nothing
        with pytest.raises(IncompleteError):
            workbench.candles(BTC, 1440, START, MARKET.end, require_complete=True)
        assert workbench.holdings.coverage(workbench.select(intervals=[1440])) == []
    ingest(home, MARKET, archive, intervals=[15, 1440])
    assert_frame_equal(stored(home).filter(pl.col("interval_minutes").is_in([15, 1440])), before)


def test_a_job_that_is_stopped_while_it_compares_intervals_compares_them_when_it_is_resumed(tmp_path: Path) -> None:
    [archive] = written(MARKET, [Release("a.zip", START, MARKET.end, manifest=True, intervals=(15, 60))], tmp_path)
    ingest(tmp_path / "whole", MARKET, archive)
    stages: list[str] = []
    with Workbench.open(tmp_path / "stopped") as workbench:
        asked = {"tier": "ALL", "start_date": "2026-03-30", "api_backfill": False, "as_of": MARKET.end}
        plan = workbench.plan(sources=[archive], **asked)
        with pytest.raises(Interrupted):
            workbench.run(plan, progress=lambda said: stages.append(said.stage), stop=lambda: "check" in stages)
        assert stages[-1] == "check"
    ingest(tmp_path / "stopped", MARKET, archive)
    grades = []
    for home in ("whole", "stopped"):
        with Workbench.open(tmp_path / home) as workbench:
            grades.append([(each.series, each.start, each.end, each.grade) for each in workbench.ledger.coverage()])
    assert grades[0] == grades[1]
    assert_frame_equal(stored(tmp_path / "stopped"), stored(tmp_path / "whole"))
