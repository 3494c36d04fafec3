"""What every ledger promises of what was known at an instant, on each database."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from sqlalchemy import func, select

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import CoverageSource, DataCoverageRange
from kraken_core.domain.differences import Difference, Origin
from kraken_core.domain.errors import UsageError
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair
from kraken_core.domain.revisions import ALL_VISIBLE, Replacement
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.models import record_revision
from kraken_core.ports import PairRecord
from tests.contract.ledger_records import (
    BTC,
    DAY,
    DAYS,
    ETHER,
    HOURS,
    NOON,
    SetClock,
    a_claim,
    a_gap,
    a_running_job,
    detected,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

EMPTY, FULL = TableMark("table a", 0), TableMark("table a", 5)
LATER = NOON + 60


def rows(series: str = "BTC/USD", interval: int = 60, *, close: float = 1.0) -> pl.DataFrame:
    values = (close, -0.0, 0.1 + 0.2, close, 1e-8, None, "csv", 0.1)
    return pl.DataFrame([(series, interval, 0, *values)], {**ALL_VISIBLE, "time": pl.Int64}, orient="row").cast(
        {"time": ALL_VISIBLE["time"]}
    )


HOUR = TimeRanges.single(0, 3600)
FIRST = Replacement({HOURS: HOUR, ETHER: HOUR}, rows())
SECOND = Replacement({DAYS: TimeRanges.single(0, DAY)}, rows(interval=1440), {"ohlc": {HOURS: HOUR}})


def covered(end: int = DAY) -> dict[object, list[DataCoverageRange]]:
    return {HOURS: [DataCoverageRange(HOURS, 0, end, CoverageSource.CSV, end // 3600)]}


def kept(ledger: SqlLedger) -> int:
    with ledger._reading() as connection:
        return connection.scalar(select(func.count()).select_from(record_revision)) or 0


def test_what_was_replaced_since_an_instant_comes_back_oldest_first(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.keep_replaced(EMPTY, [FIRST])
    clock.instant = LATER
    ledger.keep_replaced(FULL, [SECOND, Replacement({}, rows().clear())])

    first, second = ledger.replaced_since(EMPTY, NOON - 1)
    assert (first.ranges, second.ranges, second.sources) == (FIRST.ranges, SECOND.ranges, SECOND.sources)
    assert first.before.equals(FIRST.before)
    assert second.before.equals(SECOND.before)
    assert [each.ranges for each in ledger.replaced_since(EMPTY, NOON)] == [SECOND.ranges]
    assert ledger.replaced_since(EMPTY, LATER) == []


def test_only_the_series_asked_for_come_back(ledger: SqlLedger) -> None:
    ledger.keep_replaced(EMPTY, [FIRST, SECOND])

    [only] = ledger.replaced_since(EMPTY, 0, [ETHER])
    assert (only.ranges, only.before.height) == ({ETHER: HOUR}, 0)
    [relabelled] = ledger.replaced_since(EMPTY, 0, [HOURS])[1:]
    assert (relabelled.ranges, relabelled.sources) == ({}, SECOND.sources)


def test_revisions_name_the_job_that_replaced_them(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.keep_replaced(EMPTY, [FIRST])
    job = a_running_job(ledger)
    clock.instant = LATER
    ledger.keep_replaced(FULL, [FIRST._replace(before=rows(close=2.0))])

    found = ledger.revisions(EMPTY, HOURS)
    assert [(each.at, each.job_id, each.replaced.before["close"][0]) for each in found] == [
        (NOON, None, 1.0),
        (LATER, job.id, 2.0),
    ]
    assert [each.replaced.before.height for each in ledger.revisions(EMPTY, ETHER)] == [0, 0]
    assert ledger.revisions(EMPTY, DAYS) == []


def test_tables_are_kept_apart_whatever_they_are_called(ledger: SqlLedger, opened: Callable[..., SqlLedger]) -> None:
    ledger.keep_replaced(EMPTY, [FIRST])
    assert len(opened("moved elsewhere").replaced_since(FULL, 0)) == 1
    assert ledger.replaced_since(TableMark("table b", 9), 0) == []


def test_a_table_that_held_candles_before_is_known_from_the_first_commit_kept(
    ledger: SqlLedger, clock: SetClock
) -> None:
    assert ledger.known_since(EMPTY) is None
    with pytest.raises(UsageError, match="nothing was kept"):
        ledger.known_since(FULL)
    clock.instant = LATER
    ledger.keep_replaced(FULL, [FIRST])
    assert ledger.known_since(FULL) == LATER


def test_a_table_that_somebody_else_filled_is_known_once_it_is_taken_over(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.adopt_table(FULL)
    clock.instant = LATER
    ledger.adopt_table(FULL)
    assert ledger.known_since(FULL) == NOON


def test_covered_ranges_gaps_and_what_is_expected_are_found_as_they_were(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.replace_coverage(covered())  # type: ignore[arg-type] # of one series
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap(start=DAY, end=2 * DAY, reason="nobody asked")], [])
    ledger.record_pairs([PairRecord(BTC, "TIER1", (Life(7), Life(9, 11, assumed=False)))])
    before = (ledger.coverage(), ledger.gaps(), ledger.detections(), ledger.pairs())
    clock.instant = LATER

    ledger.replace_coverage(covered(2 * DAY))  # type: ignore[arg-type] # of one series
    ledger.record_gaps(detected(HOURS, ETHER, as_of=LATER), [a_gap(ETHER)], [gap])
    ledger.set_limits({HOURS: TimeRange(0, DAY)})
    ledger.record_pairs([PairRecord(BTC, "TIER1", (Life(5),))])

    then = (*(read(NOON) for read in (ledger.coverage_at, ledger.gaps_at, ledger.detections_at, ledger.pairs_at)),)
    now = (*(read(LATER) for read in (ledger.coverage_at, ledger.gaps_at, ledger.detections_at)),)
    assert then == before
    assert now == (ledger.coverage(), ledger.gaps(), ledger.detections())
    assert ledger.coverage_at(NOON - 1) == []
    assert ledger.pairs_at(NOON - 1) == []


def test_where_nothing_changed_nothing_is_kept(ledger: SqlLedger) -> None:
    ledger.replace_coverage(covered())  # type: ignore[arg-type] # of one series
    ledger.record_gaps(detected(HOURS), [a_gap()], [])
    before = kept(ledger)

    ledger.replace_coverage(covered())  # type: ignore[arg-type] # of one series
    ledger.record_gaps(detected(HOURS), ledger.gaps(), [])

    assert kept(ledger) == before


def test_claims_and_differences_of_a_job_count_until_it_is_undone(ledger: SqlLedger, clock: SetClock) -> None:
    job = a_running_job(ledger)
    ledger.record_table_version(job.id, 0)
    found = Difference(HOURS, 0, DAY, 12, Origin(Source.CSV, "beef"), Origin(Source.OHLC))
    ledger.record_differences([found])
    ledger.record_files(job.id, [], [a_claim()], {}, job.metrics)
    ledger.replace_coverage(covered())  # type: ignore[arg-type] # of one series
    ledger.move(ledger.job(job.id), ledger.job(job.id).mark_completed())
    before = (ledger.assertions(), ledger.differences(), ledger.coverage())
    clock.instant = LATER
    ledger.undo(job.id)

    assert (ledger.assertions(), ledger.differences(), ledger.coverage()) == ([], [], [])
    assert (ledger.assertions_at(NOON), ledger.differences_at(NOON), ledger.coverage_at(NOON)) == before
    assert (ledger.assertions_at(LATER), ledger.differences_at(LATER), ledger.coverage_at(LATER)) == ([], [], [])
    assert ledger.assertions_at(NOON - 1) == []


def test_of_a_pair_that_was_renamed_coverage_is_found_under_its_old_name(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.replace_coverage(covered())  # type: ignore[arg-type] # of one series
    before = ledger.coverage()
    clock.instant = LATER
    ledger.rename_pairs({BTC: Pair("XBT2", "USD")})
    assert ledger.coverage() == []
    assert ledger.coverage_at(NOON) == before
