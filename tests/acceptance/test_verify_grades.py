"""What verifying finds grades what is stored, as what a job finds at its end does; unless nothing may be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_core import Workbench
from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.errors import LedgerError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.lying_archives import (
    BTC,
    DAYS,
    failed,
    ingest_unchecked,
    stated,
    traded_slot,
    verify,
)
from tests.support.helping import ingest, written

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

LOST = TimeRanges.single(DAYS[5], DAYS[5] + 4 * 3600)
LACKING = stated(intervals=(1, 60, 240), dropped={Series(BTC, interval): LOST for interval in (1, 60, 240)})


def coverage(home: Path) -> list[DataCoverageRange]:
    with Workbench.open(home) as bench:
        return bench.ledger.coverage()


@pytest.fixture
def unchecked(market: SimulatedMarket, tmp_path: Path) -> Path:
    """A home that no job has looked at, of an archive whose files all lack four hours of a pair."""
    ingest_unchecked(tmp_path / "unchecked", market, *written(market, [LACKING], tmp_path))
    return tmp_path / "unchecked"


def test_after_verifying_slots_are_graded_as_a_job_would_have_graded_them(
    market: SimulatedMarket, tmp_path: Path, unchecked: Path
) -> None:
    assert {covered.grade for covered in coverage(unchecked)} == {"claimed"}
    found = verify(unchecked)
    assert found.note.startswith("the evidence of ADA/USD 1m and ")
    ingest(tmp_path / "checked", market, *written(market, [LACKING], tmp_path / "again"))
    assert coverage(unchecked) == coverage(tmp_path / "checked")
    with Workbench.open(unchecked) as bench:
        [row] = bench.completeness(pairs=["BTC/USD"], intervals=[60]).to_dict("records")
        jobs = len(bench.jobs())
    assert row["doubtful"] >= 4
    assert row["completeness"] < 1
    assert verify(unchecked).note == ""  # there is nothing left to record …
    with Workbench.open(unchecked) as bench:
        assert len(bench.jobs()) == jobs  # … and no job is made for it


def test_what_disagrees_since_is_confirmed_no_longer_but_doubtful(market: SimulatedMarket, tmp_path: Path) -> None:
    home, hours = tmp_path / "home", Series(BTC, 60)
    ingest(home, market, *written(market, [stated(intervals=(1, 60))], tmp_path))
    slot = traded_slot(market, hours)
    with Workbench.open(home) as bench:
        candle = bench.store.candles({hours: slot})
        better = candle.with_columns(candle["high"] * 2, candle["rank"] + (1 << 44))
        bench.store.commit([bench.store.stage(better)])
    assert failed(verify(home)).keys() == {"agreement"}
    grades = {c.grade for c in coverage(home) if c.series == hours and slot.meets(c.start, c.end)}
    assert grades == {"doubtful"}


def test_to_report_only_and_beside_a_running_job_grades_stay_and_that_is_said(unchecked: Path) -> None:
    before = coverage(unchecked)
    assert verify(unchecked, report_only=True).note == "grades were not changed (--report-only)."
    with Workbench.open(unchecked) as bench:
        [done] = bench.jobs()
        waiting = bench.ledger.create_job(done.request, done.as_of, [], done.metrics)
        running = bench.ledger.move(waiting, waiting.mark_running("elsewhere:1:2", bench.clock.now() + 3600))
        assert bench.verify().note == f"grades were not changed, as job {running.id} is running: verify again later."
    assert coverage(unchecked) == before


def test_where_the_ledger_takes_nothing_that_is_said(unchecked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise LedgerError("ledger.db: attempt to write a readonly database")

    before = coverage(unchecked)
    with monkeypatch.context() as patch:
        patch.setattr(SqlLedger, "create_job", refuse)
        found = verify(unchecked)
    assert found.note == "grades were not changed: ledger.db: attempt to write a readonly database"
    assert found.ok
    assert coverage(unchecked) == before
