"""What every ledger promises (kraken_core.ports.Ledger), on each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl
import pytest

from kraken_core.domain.archives import Archive, ArchiveFile
from kraken_core.domain.candles import Source, Vintage, rank_of
from kraken_core.domain.coverage import (
    ArchiveStatement,
    Assertion,
    CoverageSource,
    DataCoverageRange,
    covered,
)
from kraken_core.domain.errors import IllegalMoveError, JobError, JobRunningError
from kraken_core.domain.gaps import GapRecord, GapStatus, Route
from kraken_core.domain.jobs import (
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobMetrics,
    JobStatus,
    ProgressReport,
)
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plan import KnownFile
from kraken_core.domain.request import Request
from kraken_core.domain.scope import Detection
from kraken_core.domain.sweeps import SweepPoint
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.frames import VIEWS
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import JobEvent, Ledger, PairRecord

pytest_plugins = ["tests.servers"]

NOON = 1_750_000_000 // 86_400 * 86_400 + 43_200
DAY = 86_400
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
HOURS, DAYS, ETHER = Series(BTC, 60), Series(BTC, 1440), Series(ETH, 60)
REQUEST = Request(tiers=("TIER1",), intervals=(60, 1440))


@dataclass
class SetClock:
    """A clock that stands still until it is set."""

    instant: int = NOON

    def now(self) -> int:
        return self.instant


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def opened(database: str, clock: SetClock) -> Iterator[Callable[..., SqlLedger]]:
    """Opens the test's ledger, as often as wanted: each is what another process would have."""
    ledgers: list[SqlLedger] = []

    def open_ledger(table: str = "candles") -> SqlLedger:
        ledgers.append(SqlLedger.open(database, table, clock))
        return ledgers[-1]

    yield open_ledger
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Callable[..., SqlLedger]) -> SqlLedger:
    return opened()


def a_file(series: Series = HOURS, member: str = "", **columns: object) -> FileIngestionRecord:
    file = FileIngestionRecord("/archives/2024.zip", member or series.file_name, "stamp", 1000, series)
    return replace(file, **columns)  # type: ignore[arg-type] # any of its fields


def a_job(ledger: Ledger, *files: FileIngestionRecord, request: Request = REQUEST) -> IngestionJob:
    return ledger.create_job(request, NOON, files, JobMetrics(total_files=len(files)))


def a_running_job(ledger: Ledger, *files: FileIngestionRecord, worker: str = "worker 1") -> IngestionJob:
    job = a_job(ledger, *files)
    return ledger.move(job, job.mark_running(worker))


def read(file: FileIngestionRecord, content: str = "abc", rank: int = 7, **columns: object) -> FileIngestionRecord:
    outcome = replace(file, status=FileStatus.COMPLETED, content_hash=content, rank=rank, first=0, last=DAY, records=25)
    return replace(outcome, **columns)  # type: ignore[arg-type] # any of its fields


def a_claim(series: Series = HOURS, start: int = 0, end: int = DAY, evidence: str = "abc") -> Assertion:
    return Assertion(series, start, end, Source.CSV, rank_of(Source.CSV), evidence)


def a_gap(series: Series = HOURS, start: int = 0, end: int = DAY, **columns: object) -> GapRecord:
    slots = (end - start) // series.width
    return GapRecord(series, start, end, slots, 0, slots)._replace(**columns)  # type: ignore[arg-type] # any field


def detected(*series: Series, as_of: int = NOON) -> dict[Series, Detection]:
    return {s: Detection(TimeRange(0, 10 * DAY), as_of) for s in series}


# ------------------------------------------------------------------------------------------------------------ jobs


def test_a_new_job_is_pending_with_its_files_in_the_order_of_the_plan(ledger: SqlLedger) -> None:
    job = a_job(ledger, a_file(DAYS), a_file(HOURS), a_file(ETHER))

    assert job == ledger.job(job.id)
    assert (job.status, job.request, job.as_of, job.total_files) == (JobStatus.PENDING, REQUEST, NOON, 3)
    assert job.created_at == datetime.fromtimestamp(NOON, UTC)
    assert job.created_at.tzinfo is UTC
    pending = ledger.pending_files(job.id)
    assert [file.series for file in pending] == [DAYS, HOURS, ETHER]
    assert pending[0] == a_file(DAYS, id=pending[0].id, job_id=job.id)


def test_a_job_nobody_created_is_an_error_that_names_it(ledger: SqlLedger) -> None:
    with pytest.raises(JobError, match=r"no job 41.*kraken jobs"):
        ledger.job(41)
    with pytest.raises(JobError, match="no job 41"):
        ledger.add_event(41, "note", "to nobody")


def test_jobs_come_newest_first_and_by_status_and_request(ledger: SqlLedger) -> None:
    other = Request(pairs=(BTC,))
    first, second, third = a_job(ledger), a_job(ledger, request=other), a_running_job(ledger)

    assert [job.id for job in ledger.jobs()] == [third.id, second.id, first.id]
    assert [job.id for job in ledger.jobs([JobStatus.PENDING])] == [second.id, first.id]
    assert [job.id for job in ledger.jobs(request_key=REQUEST.key)] == [third.id, first.id]
    assert ledger.jobs([JobStatus.RUNNING], other.key) == []


def test_a_request_may_name_every_pair_there_is(ledger: SqlLedger) -> None:
    request = Request(pairs=tuple(Pair(f"COIN{number}", "USD") for number in range(1500)))

    assert ledger.jobs(request_key=a_job(ledger, request=request).request.key)[0].request == request


def test_a_job_starts_once_and_ends_each_time_it_stops(ledger: SqlLedger, clock: SetClock) -> None:
    running = a_running_job(ledger)
    clock.instant += 60
    failed = ledger.move(running, running.mark_failed("disk full"))
    clock.instant += 60
    again = ledger.move(failed, failed.mark_running("worker 2"))

    assert running.started_at == again.started_at == datetime.fromtimestamp(NOON, UTC)
    assert (failed.finished_at, failed.error) == (datetime.fromtimestamp(NOON + 60, UTC), "disk full")
    assert (again.finished_at, again.error, again.worker) == (None, None, "worker 2")


def test_a_completed_job_is_at_a_hundred_percent(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file())
    ledger.move(running, running.mark_completed())

    assert ledger.job(running.id).progress_pct == 100
    assert ledger.table_frame("jobs")["progress_pct"].to_list() == [100]


def test_a_job_that_somebody_moved_meanwhile_is_not_moved_again(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    ledger.move(running, running.mark_paused())

    with pytest.raises(IllegalMoveError, match=f"job {running.id} is PAUSED by now.*COMPLETED"):
        ledger.move(running, running.mark_completed())
    assert ledger.job(running.id).status is JobStatus.PAUSED


def test_a_job_taken_up_by_another_worker_is_not_failed_for_the_lost_one(ledger: SqlLedger) -> None:
    lost = a_running_job(ledger, worker="lost")
    failed = ledger.move(lost, lost.mark_failed("worker lost"))
    ledger.move(failed, failed.mark_running("found"))

    with pytest.raises(IllegalMoveError):
        ledger.move(lost, lost.mark_failed("worker lost"))
    assert ledger.job(lost.id).worker == "found"


def test_one_job_runs_on_a_candle_table_and_the_next_is_told_which(opened: Callable[..., SqlLedger]) -> None:
    ledger = opened()
    running, second = a_running_job(ledger), a_job(ledger)
    ledger.progress(running.id, "ingest", running.metrics)

    with pytest.raises(JobRunningError, match=rf"job {running.id} is running \(stage ingest\).*kraken pause"):
        ledger.move(second, second.mark_running("worker 2"))
    assert ledger.job(second.id).status is JobStatus.PENDING
    ledger.move(running, running.mark_paused())
    assert ledger.move(second, second.mark_running("worker 2")).status is JobStatus.RUNNING


def test_jobs_of_two_candle_tables_run_side_by_side(opened: Callable[..., SqlLedger]) -> None:
    assert a_running_job(opened("here")).status is JobStatus.RUNNING
    assert a_running_job(opened("there")).status is JobStatus.RUNNING


def test_progress_is_kept_whatever_the_job_becomes(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    metrics = JobMetrics(total_files=2, files_ingested=1, records_read=500, gaps_open=3)
    ledger.progress(running.id, "ingest", metrics)
    paused = ledger.move(running, running.mark_paused())

    assert (paused.metrics, paused.stage, paused.progress_pct) == (metrics, "ingest", 50)


def test_progress_of_a_job_that_does_not_run_is_refused(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    ledger.move(running, running.mark_cancelled())

    with pytest.raises(IllegalMoveError, match=f"job {running.id} is CANCELLED"):
        ledger.progress(running.id, "ingest", JobMetrics(total_files=9))
    assert ledger.job(running.id).total_files == 0


def test_a_resumed_job_gets_its_failed_files_back(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    good, bad = ledger.pending_files(running.id)
    outcome = [read(good), replace(bad, status=FileStatus.FAILED, error="cut short")]
    ledger.record_files(running.id, outcome, [], {}, JobMetrics(total_files=2, files_ingested=1, files_failed=1))
    assert ledger.pending_files(running.id) == []
    paused = ledger.move(running, running.mark_paused())
    resumed = ledger.move(paused, paused.mark_running("worker 2"))

    assert ledger.pending_files(running.id) == [bad]
    assert resumed.metrics == JobMetrics(total_files=2, files_ingested=1)
    assert resumed.progress_pct == 50


def test_events_are_told_oldest_first(ledger: SqlLedger, clock: SetClock) -> None:
    job, other = a_job(ledger), a_job(ledger)
    ledger.add_event(job.id, "started", "by worker 1")
    ledger.add_event(other.id, "started", "by worker 2")
    clock.instant += 5
    ledger.add_event(job.id, "paused", "by request")

    assert ledger.events(job.id) == [
        JobEvent(NOON, "started", "by worker 1"),
        JobEvent(NOON + 5, "paused", "by request"),
    ]


# ------------------------------------------------------------------------------------------------- files and claims


def test_a_batch_stores_outcomes_claims_and_metrics_together(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    files = [
        read(file, records_new=20, records_changed=3, records_rejected=2, rank=(1 << 63) - 1)
        for file in ledger.pending_files(running.id)
    ]
    metrics = JobMetrics(total_files=2, files_ingested=2, records_ingested=40)
    ledger.record_files(running.id, files, [a_claim(), a_claim(DAYS)], {}, metrics)

    assert ledger.files(running.id) == files
    assert ledger.assertions() == [a_claim(), a_claim(DAYS)]
    assert ledger.job(running.id).metrics == metrics


def test_a_batch_that_another_worker_recorded_leaves_nothing_behind(ledger: SqlLedger) -> None:
    running = a_running_job(ledger, a_file(), a_file(DAYS))
    first, second = ledger.pending_files(running.id)
    ledger.record_files(running.id, [read(second)], [], {}, running.metrics)

    with pytest.raises(IllegalMoveError, match=f"1 of 2 files of job {running.id} are not pending"):
        ledger.record_files(running.id, [read(first), read(second)], [a_claim(ETHER)], {}, JobMetrics(total_files=9))
    assert ledger.pending_files(running.id) == [first]
    assert ledger.assertions() == []
    assert ledger.job(running.id).total_files == 2


def test_files_of_every_job_are_told_oldest_first(ledger: SqlLedger) -> None:
    first, second = a_job(ledger, a_file(DAYS)), a_job(ledger, a_file(HOURS))

    assert [(file.job_id, file.series) for file in ledger.files()] == [(first.id, DAYS), (second.id, HOURS)]


def test_a_claim_is_made_once_however_often_its_file_is_read(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    ledger.record_files(job.id, [], [a_claim(), a_claim()], {}, job.metrics)
    ledger.record_files(job.id, [], [a_claim(), a_claim(end=2 * DAY)], {}, job.metrics)

    assert ledger.assertions() == [a_claim(), a_claim(end=2 * DAY)]


def test_a_withdrawn_claim_is_not_made_again_by_reading_its_file_again(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    ledger.record_files(job.id, [], [a_claim()], {}, job.metrics)
    ledger.claim([a_claim()._replace(withdrawn=True)])
    ledger.record_files(job.id, [], [a_claim()], {}, job.metrics)

    assert covered(ledger.assertions()) == {}


def test_where_contents_were_contradicted_is_told_by_content_and_series(ledger: SqlLedger) -> None:
    claim, derived = a_claim(), a_claim()._replace(source=Source.DERIVED, evidence="derived:5")
    ledger.claim([claim, claim._replace(withdrawn=True), derived, derived._replace(withdrawn=True)])

    assert ledger.refuted() == {(claim.evidence, claim.series): TimeRanges.single(claim.start, claim.end)}


def test_claims_are_appended_as_they_are_told(ledger: SqlLedger) -> None:
    claims = [a_claim(), a_claim()._replace(withdrawn=True), a_claim()]
    ledger.claim(claims)

    assert ledger.assertions() == claims


def test_what_a_worker_says_of_its_progress_is_seen_until_its_job_ends(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    said = ProgressReport("ingest", 3, 7, "XBTUSD_60.csv", 1_000, 250.5, 4.0)
    ledger.renew(job, 30, said)
    assert ledger.job(job.id).doing == said
    assert ledger.move(job, job.mark_paused()).doing is None


def test_the_state_is_another_once_anything_has_changed_that_is_kept_in_mind(ledger: SqlLedger) -> None:
    seen = [ledger.state()]
    job = a_running_job(ledger)
    seen.append(ledger.state())
    ledger.progress(job.id, "ingest", replace(job.metrics, files_ingested=1))
    assert ledger.state() == seen[-1], "how far a job is is no news"
    ledger.replace_coverage({HOURS: [DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24)]})
    seen.append(ledger.state())
    ledger.record_gaps({HOURS: Detection(TimeRange(0, 2 * DAY), NOON)}, [a_gap()], [])
    seen.append(ledger.state())
    assert len(set(seen)) == len(seen)


def test_assertions_can_be_asked_of_some_pairs(ledger: SqlLedger) -> None:
    ledger.claim([a_claim(HOURS), a_claim(ETHER), a_claim(DAYS)])

    assert ledger.assertions([BTC]) == [a_claim(HOURS), a_claim(DAYS)]
    assert ledger.assertions([Pair("SOL", "USD")]) == []
    assert ledger.assertions([]) == []


def test_stale_derived_claims_are_withdrawn_and_others_stand(ledger: SqlLedger) -> None:
    derived = Assertion(DAYS, 0, 3 * DAY, Source.DERIVED, 5, "derived:60")
    other = Assertion(Series(ETH, 1440), 0, 3 * DAY, Source.DERIVED, 5, "derived:60")
    observed = a_claim(DAYS, DAY, 5 * DAY)
    job = a_running_job(ledger)
    ledger.claim([derived, other, observed])
    ledger.record_files(job.id, [], [], {DAYS: TimeRanges.single(DAY, 9 * DAY), HOURS: TimeRanges()}, job.metrics)

    counter = derived._replace(start=DAY, end=3 * DAY, withdrawn=True)
    assert ledger.assertions() == [derived, other, observed, counter]
    ledger.record_files(job.id, [], [], {DAYS: TimeRanges.single(DAY, 9 * DAY)}, job.metrics)
    assert len(ledger.assertions()) == 4


def test_known_files_are_found_by_stamp_and_content(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(DAYS), a_file(ETHER), a_file(member="copy.csv"))
    hours, days, ether, copy = ledger.pending_files(job.id)
    outcome = [
        read(hours, "same", rank=5),
        read(days, "same", rank=6),
        replace(ether, status=FileStatus.FAILED),
        read(copy, "same", rank=9, status=FileStatus.SKIPPED),
    ]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)
    again = a_job(ledger, a_file())
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0], "same", rank=8)], [], {}, job.metrics)

    assert ledger.known_contents() == {("same", HOURS): 9, ("same", DAYS): 6}
    assert ledger.known_stamps() == {
        ("/archives/2024.zip", "XBTUSD_60.csv", "stamp", HOURS): KnownFile("same", 9),
        ("/archives/2024.zip", "XBTUSD_1440.csv", "stamp", DAYS): KnownFile("same", 6),
        ("/archives/2024.zip", "copy.csv", "stamp", HOURS): KnownFile("same", 9),
    }


def test_the_first_candle_of_a_series_is_the_earliest_in_any_file(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(member="older.csv"), a_file(ETHER), a_file(DAYS))
    later, older, ether, unread = ledger.pending_files(job.id)
    outcome = [read(later, first=500 * DAY, last=501 * DAY), read(older, first=7 * DAY, last=9 * DAY), read(ether)]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)

    assert ledger.first_candles() == {HOURS: 7 * DAY, ETHER: 0}
    assert ledger.first_candles([BTC]) == {HOURS: 7 * DAY}
    assert unread.series not in ledger.first_candles()


def test_complete_archives_are_remembered_once_with_their_pairs(ledger: SqlLedger) -> None:
    file = ArchiveFile("2026Q2.zip", "XBTUSD_60.csv", HOURS, 1000, "stamp")
    statement, vintage = ArchiveStatement(0, 90 * DAY), Vintage(90 * DAY, 100 * DAY)
    archive = Archive("2026Q2.zip", statement, vintage, complete=True, identity="manifest hash", files=(file,))
    partial = replace(archive, complete=False, identity="another")
    ledger.record_archives([archive, partial])
    ledger.record_archives([replace(archive, path="copy of 2026Q2.zip")])

    assert ledger.complete_archives() == [(replace(archive, files=()), frozenset({BTC}))]


# --------------------------------------------------------------------------------------------------- pairs, coverage


def test_pairs_are_updated_in_place_and_told_in_order(ledger: SqlLedger) -> None:
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, (Life(0),))])
    lives = (Life(0, DAY, assumed=False), Life(5 * DAY))
    ledger.record_pairs([PairRecord(ETH, "TIER1", lives)])

    assert ledger.pairs() == [PairRecord(BTC, None, (Life(0),)), PairRecord(ETH, "TIER1", lives)]


def test_assets_keep_their_numbers_and_new_ones_are_given_theirs(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, ())])
    known = ledger.assets()
    assert {(a.ticker, a.tier) for a in known} == {("ETH", "TIER2"), ("BTC", None)}
    assert [a.id for a in known] == sorted({a.id for a in known})
    *before, new = other.assets(["ADA", "ETH"])
    assert (before, new.ticker) == (known, "ADA")
    assert ledger.assets(["ADA"]) == [*known, new]


def test_a_pair_met_in_a_file_is_known_without_a_life(ledger: SqlLedger) -> None:
    a_job(ledger, a_file())

    assert ledger.pairs() == [PairRecord(BTC, None, ())]


def test_two_ledgers_learn_each_other_s_pairs(opened: Callable[..., SqlLedger]) -> None:
    mine, yours = opened(), opened()
    assert yours.pairs() == []
    mine.claim([a_claim(HOURS)])
    yours.claim([a_claim(ETHER)])

    assert mine.assertions([ETH]) == [a_claim(ETHER)]
    assert yours.assertions([BTC]) == [a_claim(HOURS)]
    mine.record_gaps({}, [a_gap(Series(Pair("SOL", "USD"), 60))], [])
    assert [gap.series.pair.base for gap in yours.gaps([Series(Pair("SOL", "USD"), 60)])] == ["SOL"]


def test_coverage_of_a_series_is_replaced_and_others_stay(ledger: SqlLedger) -> None:
    early, late = (
        DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24),
        DataCoverageRange(HOURS, 2 * DAY, 3 * DAY, CoverageSource.MIXED, 20),
    )
    daily, ether = (
        DataCoverageRange(DAYS, 0, DAY, CoverageSource.CSV, 1),
        DataCoverageRange(ETHER, 0, DAY, CoverageSource.API, 3),
    )
    ledger.replace_coverage({ETHER: [ether], DAYS: [daily], HOURS: [late, early]})
    assert ledger.coverage() == [early, late, daily, ether]
    ledger.replace_coverage({HOURS: [replace(early, end=3 * DAY)], DAYS: []})

    assert ledger.coverage() == [replace(early, end=3 * DAY), ether]
    assert ledger.coverage([ETHER, DAYS]) == [ether]


# ------------------------------------------------------------------------------------------------------------ answers


def a_point(pair: Pair = HOURS.pair, **columns: object) -> SweepPoint:
    point = SweepPoint(pair, 1, DAY, DAY * 10**9 + 1, 17, '{"time": 0}')
    return point._replace(**columns)  # type: ignore[arg-type] # any field


def test_what_answers_brought_is_recorded_at_once(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    metrics = JobMetrics(total_requests=9, requests=3, retries=1, records_read=720)
    claim = a_claim(evidence="Trades XBTUSD from 2024-01-01")

    ledger.record_answers(running.id, [claim], {}, {HOURS.pair: a_point()}, metrics)

    assert ledger.assertions() == [claim]
    assert ledger.sweep_points() == {HOURS.pair: a_point()}
    stored = ledger.job(running.id)
    assert stored.metrics == metrics
    assert stored.progress_pct == pytest.approx(100 / 3)


def test_a_sweep_moves_on_and_is_forgotten_at_its_end(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    later = a_point(known_until=2 * DAY, last_id=None, part="")
    ledger.record_answers(running.id, [], {}, {HOURS.pair: a_point(), ETHER.pair: a_point(ETHER.pair)}, JobMetrics())
    ledger.record_answers(running.id, [], {}, {HOURS.pair: later}, JobMetrics())
    assert ledger.sweep_points() == {HOURS.pair: later, ETHER.pair: a_point(ETHER.pair)}

    ledger.record_answers(running.id, [], {}, {ETHER.pair: None}, JobMetrics())
    assert ledger.sweep_points() == {HOURS.pair: later}


def test_what_was_derived_of_a_value_that_changed_is_withdrawn_with_the_answer(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    derived = Assertion(DAYS, 0, 2 * DAY, Source.DERIVED, rank_of(Source.CSV), "derived:60")
    ledger.claim([derived])

    ledger.record_answers(running.id, [a_claim()], {DAYS: TimeRanges.single(0, DAY)}, {}, JobMetrics())

    assert covered(ledger.assertions())[DAYS] == TimeRanges.single(DAY, 2 * DAY)


# -------------------------------------------------------------------------------------------------------------- gaps


def test_a_detection_replaces_the_open_gaps_of_its_series_only(ledger: SqlLedger) -> None:
    first, second, other = ledger.record_gaps(
        detected(HOURS, ETHER), [a_gap(start=0, end=DAY), a_gap(start=2 * DAY, end=3 * DAY), a_gap(ETHER)], []
    )
    merged = first._replace(end=3 * DAY, candles=72)
    [stored] = ledger.record_gaps(detected(HOURS, as_of=NOON + 60), [merged], [])

    assert stored == merged
    assert ledger.gaps() == [merged, other]
    assert second.id not in {gap.id for gap in ledger.gaps(open_only=False)}
    assert ledger.detections() == detected(HOURS, as_of=NOON + 60) | detected(ETHER)


def test_every_column_of_a_gap_comes_back(ledger: SqlLedger) -> None:
    gap = GapRecord(
        *(HOURS, 0, DAY, 24, 10, 14, GapStatus.UNFILLABLE, Route.DOWNLOAD),
        *("an archive does", 3, "XBTUSD_60.csv", "Kraken_OHLCVT_2026Q2.zip", 2, NOON + 60),
    )

    assert ledger.record_gaps({}, [gap], []) == ledger.gaps() == [gap._replace(id=ledger.gaps()[0].id)]


def test_gaps_are_told_by_series_and_time(ledger: SqlLedger) -> None:
    ledger.record_gaps({}, [a_gap(ETHER), a_gap(DAYS), a_gap(start=DAY, end=2 * DAY), a_gap()], [])

    assert [(gap.series, gap.start) for gap in ledger.gaps()] == [(HOURS, 0), (HOURS, DAY), (DAYS, 0), (ETHER, 0)]
    assert [gap.series for gap in ledger.gaps([DAYS])] == [DAYS]


def test_filled_gaps_are_closed_and_stay_on_record(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [gap])

    assert ledger.gaps() == []
    assert ledger.gaps(open_only=False) == [gap._replace(status=GapStatus.FILLED)]
    with pytest.raises(IllegalMoveError, match="FILLED"):
        ledger.record_gaps(detected(HOURS), [], [gap])


def test_a_part_that_was_filled_goes_on_record_beside_the_gap_that_is_left(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap(end=2 * DAY)], [])
    [left] = ledger.record_gaps(detected(HOURS), [gap._replace(start=DAY, candles=24)], [a_gap(), a_gap(ETHER)])

    assert ledger.gaps() == [left]
    closed = [gap for gap in ledger.gaps(open_only=False) if gap.status is GapStatus.FILLED]
    assert [(gap.series, gap.start, gap.end) for gap in closed] == [(HOURS, 0, DAY), (ETHER, 0, DAY)]


def test_a_filled_gap_opens_again_when_its_claim_is_withdrawn(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps({}, [a_gap()], [])
    ledger.record_gaps({}, [], [gap])

    assert ledger.record_gaps({}, [gap], []) == ledger.gaps() == [gap]


def test_a_gap_moves_only_as_gaps_may(ledger: SqlLedger) -> None:
    good, gap = ledger.record_gaps({}, [a_gap(DAYS), a_gap()], [])

    with pytest.raises(IllegalMoveError, match=rf"gap {gap.id} of BTC/USD 60m is DETECTED and cannot become FAILED"):
        ledger.record_gaps({}, [good._replace(status=GapStatus.BACKFILLING), gap._replace(status=GapStatus.FAILED)], [])
    assert ledger.gaps() == [gap, good]


def test_a_gap_that_is_gone_is_not_brought_back(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [])

    with pytest.raises(IllegalMoveError, match=f"gap {gap.id} of BTC/USD 60m is gone"):
        ledger.record_gaps({}, [gap._replace(status=GapStatus.BACKFILLING)], [])


def test_the_id_of_a_gap_that_is_gone_never_names_another(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [])
    [later] = ledger.record_gaps(detected(HOURS), [a_gap()], [])

    assert later.id != gap.id


def test_only_gaps_that_changed_are_dated_anew(ledger: SqlLedger, clock: SetClock) -> None:
    same, changed = ledger.record_gaps(detected(HOURS), [a_gap(), a_gap(start=2 * DAY, end=4 * DAY)], [])
    clock.instant += 60
    ledger.record_gaps(detected(HOURS), [same, changed._replace(end=3 * DAY)], [])

    frame = ledger.table_frame("gaps")
    assert [moment.timestamp() for moment in frame["detected_at"]] == [NOON, NOON]
    assert [moment.timestamp() for moment in frame["updated_at"]] == [NOON, NOON + 60]


# ------------------------------------------------------------------------------------------------------------ frames


def filled(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    ledger.record_files(job.id, [read(ledger.pending_files(job.id)[0])], [a_claim()], {}, job.metrics)
    ledger.record_pairs([PairRecord(BTC, "TIER1", (Life(0, DAY, assumed=False), Life(5 * DAY, 9 * DAY)))])
    ledger.record_gaps(detected(HOURS), [a_gap(fillable=10, overflow=14)], [])
    ledger.replace_coverage({HOURS: [DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24)]})


@pytest.mark.parametrize("name", VIEWS)
def test_a_frame_has_one_schema_whether_or_not_there_is_anything_in_it(ledger: SqlLedger, name: str) -> None:
    empty = ledger.table_frame(name)
    filled(ledger)
    frame = ledger.table_frame(name)

    assert (empty.height, frame.height) == (0, 1)
    assert empty.schema == frame.schema
    assert f"- {name}: " in (SqlLedger.table_frame.__doc__ or "")


def test_frames_speak_of_pairs_minutes_and_utc(ledger: SqlLedger) -> None:
    filled(ledger)
    moment = pl.Datetime("us", "UTC")

    gaps, pairs = ledger.table_frame("gaps"), ledger.table_frame("pairs")
    assert [gaps.schema[name] for name in ("pair", "interval_minutes", "start_time", "detected_at")] == [
        *(pl.String, pl.Int32, moment, moment)
    ]
    row = gaps.row(0, named=True)
    assert (row["pair"], row["interval_minutes"], row["api_fillable"]) == ("BTC/USD", 60, True)
    assert (row["start_time"], row["end_time"]) == (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))
    assert pairs.row(0, named=True) == {
        "pair": "BTC/USD",
        "base": "BTC",
        "quote": "USD",
        "tier": "TIER1",
        "listed_at": datetime(1970, 1, 1, tzinfo=UTC),
        "listing_assumed": False,
        "delisted_at": datetime(1970, 1, 10, tzinfo=UTC),
    }
