"""What every ledger promises of files and claims, on each database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kraken_core.domain.archives import Archive, ArchiveFile
from kraken_core.domain.candles import Source, Vintage
from kraken_core.domain.coverage import (
    ArchiveStatement,
    Assertion,
    CoverageSource,
    DataCoverageRange,
)
from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.jobs import (
    FileStatus,
    JobMetrics,
    ProgressReport,
)
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plan import KnownFile
from kraken_core.domain.scope import Detection
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.undone import UNDONE, UndoMark
from tests.contract.ledger_records import (
    BTC,
    DAY,
    DAYS,
    ETH,
    ETHER,
    HOURS,
    NOON,
    a_claim,
    a_file,
    a_gap,
    a_job,
    a_running_job,
    read,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


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

    assert Knowledge({}, ledger.assertions()).covered() == {}


def test_where_contents_were_contradicted_is_told_by_content_and_series(ledger: SqlLedger) -> None:
    claim, derived = a_claim(), a_claim()._replace(source=Source.DERIVED, evidence="derived:5")
    ledger.claim([claim, claim._replace(withdrawn=True), derived, derived._replace(withdrawn=True)])

    assert ledger.refuted_by_content() == {(claim.evidence, claim.series): TimeRanges.single(claim.start, claim.end)}


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


def test_files_are_found_by_their_content_among_those_that_were_read(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(ETHER), a_file(DAYS), a_file(member="copy.csv"))
    hours, ether, days, copy = ledger.pending_files(job.id)
    outcome = [
        read(hours, "same"),
        replace(read(ether, "same"), status=FileStatus.FAILED),
        read(days, "other"),
        read(copy, "same", status=FileStatus.SKIPPED),
    ]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)

    assert [file.member for file in ledger.files_with_content("same", [BTC])] == ["XBTUSD_60.csv", "copy.csv"]
    assert ledger.files_with_content("same", [ETH]) == []


def test_a_content_is_in_doubt_until_the_refused_file_that_has_it_too_is_read(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(ETHER), a_file(DAYS))
    hours, ether, days = ledger.pending_files(job.id)
    refused = replace(read(ether, "same"), status=FileStatus.FAILED)
    ledger.record_files(job.id, [read(hours, "same"), read(days, "other"), refused], [], {}, job.metrics)

    assert ledger.doubted_contents() == ledger.doubted_contents([BTC]) == {HOURS: frozenset({"same"})}
    assert ledger.doubted_contents([ETH]) == {}

    gone = a_job(ledger, a_file(ETHER))
    [absent] = ledger.pending_files(gone.id)
    ledger.record_files(gone.id, [replace(absent, status=FileStatus.FAILED)], [], {}, gone.metrics)
    assert ledger.doubted_contents() == {HOURS: frozenset({"same"})}

    again = a_job(ledger, a_file(ETHER))
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0], "right")], [], {}, again.metrics)
    assert ledger.doubted_contents() == {}


def test_the_first_candle_of_a_series_is_the_earliest_in_any_file(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(member="older.csv"), a_file(ETHER), a_file(DAYS))
    later, older, ether, unread = ledger.pending_files(job.id)
    outcome = [read(later, first=500 * DAY, last=501 * DAY), read(older, first=7 * DAY, last=9 * DAY), read(ether)]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)

    assert ledger.first_candles() == {HOURS: 7 * DAY, ETHER: 0}
    assert ledger.first_candles([BTC]) == {HOURS: 7 * DAY}
    assert unread.series not in ledger.first_candles()


def test_what_files_stored_of_a_series_goes_from_their_first_candle_to_the_end_of_their_last(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(member="older.csv"), a_file(ETHER), a_file(DAYS))
    later, older, ether, _ = ledger.pending_files(job.id)
    empty = replace(ether, status=FileStatus.COMPLETED, first=None, last=None)
    outcome = [read(later, first=500 * DAY, last=501 * DAY), read(older, first=7 * DAY, last=9 * DAY), empty]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)

    assert ledger.stored_spans() == {HOURS: TimeRange(7 * DAY, 501 * DAY + HOURS.width)}


def test_complete_archives_are_remembered_once_with_their_pairs(ledger: SqlLedger) -> None:
    file = ArchiveFile("2026Q2.zip", "XBTUSD_60.csv", HOURS, 1000, "stamp")
    statement, vintage = ArchiveStatement(0, 90 * DAY), Vintage(90 * DAY, 100 * DAY, stated=True)
    archive = Archive("2026Q2.zip", statement, vintage, complete=True, identity="manifest hash", files=(file,))
    partial = replace(archive, complete=False, identity="another")
    ledger.record_archives([archive, partial])
    ledger.record_archives([replace(archive, path="copy of 2026Q2.zip")])

    assert ledger.complete_archives() == [(replace(archive, files=()), frozenset({BTC}))]


def test_what_is_about_to_change_is_known_until_what_changed_is_recorded(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    begun = {Series(BTC, 720): TimeRanges.single(NOON - 3600, NOON + 3600)}
    ledger.begin_change(begun)
    assert ledger.changing() == {
        Series(BTC, 720): TimeRanges.single(NOON - 43_200, NOON + 43_200),
        DAYS: TimeRanges.single(NOON - 43_200, NOON + 43_200),
    }
    ledger.record_files(job.id, [read(ledger.pending_files(job.id)[0])], [a_claim()], {}, job.metrics)
    assert ledger.changing() == {}
    ledger.begin_change(begun)
    ledger.record_answers(job.id, [], {}, {}, job.metrics)
    assert ledger.changing() == {}
    ledger.begin_change(begun)
    ledger.end_change([a_claim()._replace(withdrawn=True)])
    assert ledger.changing() == {}
    assert [claim.withdrawn for claim in ledger.assertions()] == [False, True]


def test_files_that_could_not_be_read_are_known_as_long_as_nothing_else_of_the_pair_was(ledger: SqlLedger) -> None:
    files = a_file(), a_file(ETHER), a_file(DAYS, "other.csv", path="/archives/other.zip")
    job = a_running_job(ledger, *files)
    hours, ether, days = ledger.pending_files(job.id)
    failed = [replace(each, status=FileStatus.FAILED, first=0, last=DAY) for each in (hours, ether)]
    ledger.record_files(job.id, failed, [], {}, job.metrics)
    assert ledger.unread_spans() == {HOURS: TimeRange(0, DAY + 3600), ETHER: TimeRange(0, DAY + 3600)}
    assert ledger.first_candles() == {}
    ledger.record_files(job.id, [read(days)], [], {}, job.metrics)
    assert HOURS in ledger.unread_spans(), "that is of another archive"
    again = a_job(ledger, a_file())
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0])], [], {}, again.metrics)
    assert ledger.unread_spans() == {ETHER: TimeRange(0, DAY + 3600)}


def test_the_rows_of_an_archive_are_those_of_its_files_as_they_were_read_last(ledger: SqlLedger) -> None:
    other = "/archives/other.zip"
    job = a_running_job(ledger, a_file(), a_file(DAYS), a_file(ETHER), a_file(path=other))
    hours, days, ether, elsewhere = ledger.pending_files(job.id)
    outcome = [
        read(hours, records=10),
        read(days, status=FileStatus.SKIPPED, records=4),
        replace(ether, status=FileStatus.FAILED),
        read(elsewhere, records=3),
    ]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)
    assert ledger.rows_read([hours.path]) == {hours.path: (2, 14)}
    again = a_job(ledger, a_file(stamp="renewed"))
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0], records=11)], [], {}, again.metrics)
    assert ledger.rows_read([hours.path, other, "unknown"]) == {hours.path: (2, 15), other: (1, 3)}


def test_files_of_which_rows_were_rejected_are_known_until_they_are_read_without_any(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(DAYS), a_file(ETHER))
    hours, days, ether = ledger.pending_files(job.id)
    outcome = [read(hours, records_rejected=2), read(days), read(ether, records_rejected=1)]
    ledger.record_files(job.id, outcome, [], {}, job.metrics)
    found = ledger.files_with_rejected_rows()
    assert [(file.series, file.records_rejected) for file in found] == [(HOURS, 2), (ETHER, 1)]
    again = a_job(ledger, a_file(stamp="renewed"))
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0])], [], {}, again.metrics)
    assert [file.series for file in ledger.files_with_rejected_rows()] == [ETHER]


def test_a_file_is_unread_again_once_the_job_that_read_it_was_undone(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    failed = replace(ledger.pending_files(job.id)[0], status=FileStatus.FAILED, first=0, last=DAY, error="it is broken")
    ledger.record_files(job.id, [failed], [], {}, job.metrics)
    ledger.move(ledger.job(job.id), ledger.job(job.id).mark_completed())
    before = ledger.unread_files(), ledger.unreadable(), ledger.unread_spans()
    again = a_running_job(ledger, a_file(stamp="renewed"))
    ledger.record_table_version(again.id, 0)
    ledger.record_files(again.id, [read(ledger.pending_files(again.id)[0])], [a_claim()], {}, again.metrics)
    ledger.move(ledger.job(again.id), ledger.job(again.id).mark_completed())
    assert (ledger.unread_files(), ledger.unreadable(), ledger.unread_spans()) == ([], {}, {})
    ledger.undo(again.id)
    assert (ledger.unread_files(), ledger.unreadable(), ledger.unread_spans()) == before
    assert ledger.unreadable() == {HOURS: "XBTUSD_60.csv: it is broken"}


def test_readers_know_which_undo_has_begun_and_whether_it_is_completed(ledger: SqlLedger) -> None:
    assert ledger.latest_undo() is None
    events = []
    for _ in range(2):
        job = a_running_job(ledger, a_file())
        ledger.record_table_version(job.id, 0)
        ledger.record_files(job.id, [read(ledger.pending_files(job.id)[0])], [a_claim()], {}, job.metrics)
        ledger.move(ledger.job(job.id), ledger.job(job.id).mark_completed())
        for _ in range(2):  # interrupted, and begun again
            ledger.undo(job.id)
            begun = ledger.latest_undo()
            assert begun
            assert (begun.job_id, begun.completed) == (job.id, False)
            events.append(begun.event)
        ledger.add_event(job.id, UNDONE, "")
        assert ledger.latest_undo() == UndoMark(events[-1], job.id, completed=True)
    assert events == sorted(set(events))
