"""What a worker says of its job is recorded while it holds the job, and no longer; and with it how far the table is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.jobs import IngestionJob, JobMetrics
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import Ledger, PairRecord
from tests.contract.ledger_records import (
    BTC,
    DAY,
    DAYS,
    ETH,
    ETHER,
    HOURS,
    NOON,
    SetClock,
    a_claim,
    a_file,
    a_gap,
    a_job,
    a_running_job,
    detected,
    read,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

MARK = TableMark("a table", 5, "abc")


def marked() -> TableMark:
    return MARK


def records(ledger: Ledger, job: IngestionJob) -> list[Callable[[], object]]:
    """Everything that a worker writes."""
    return [
        lambda: ledger.record_files(job.id, [read(file) for file in ledger.pending_files(job.id)], [], {}, job.metrics),
        lambda: ledger.record_answers(job.id, [a_claim(evidence="ohlc:1")], {}, {}, JobMetrics(requests=9)),
        lambda: ledger.claim([a_claim(evidence="derived:1")]),
        lambda: ledger.record_gaps(detected(HOURS), [a_gap()], []),
        lambda: ledger.replace_coverage({HOURS: []}),
        lambda: ledger.record_pairs([PairRecord(BTC, "TIER1", ())]),
        lambda: ledger.progress(job.id, "ingest", JobMetrics(files_ingested=1)),
        lambda: ledger.add_event(job.id, "note", "said by a worker"),
    ]


def test_whatever_the_worker_says_that_holds_the_job_is_recorded(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    for record in records(ledger.for_worker(job, marked), job):
        record()
    assert [claim.evidence for claim in ledger.assertions()] == ["ohlc:1", "derived:1"]
    assert ledger.pending_files(job.id) == []


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("moved", ["taken up by another worker", "cancelled"])
def test_nothing_a_stale_worker_says_is_recorded(ledger: SqlLedger, number: int, moved: str) -> None:
    stale = a_running_job(ledger, a_file(), worker="stale")
    failed = ledger.move(stale, stale.mark_lost("no sign of life"))
    now = failed.mark_running("another") if moved != "cancelled" else failed.mark_cancelled()
    ledger.move(failed, now)
    before = [
        *(ledger.assertions(), ledger.gaps(), ledger.pairs(), ledger.detections(), ledger.events(stale.id)),
        *(ledger.job(stale.id), ledger.pending_files(stale.id), ledger.known_table()),
    ]

    with pytest.raises(IllegalMoveError, match="no longer belongs to this worker"):
        records(ledger.for_worker(stale, marked), stale)[number]()
    assert before == [
        *(ledger.assertions(), ledger.gaps(), ledger.pairs(), ledger.detections(), ledger.events(stale.id)),
        *(ledger.job(stale.id), ledger.pending_files(stale.id), ledger.known_table()),
    ]


def test_the_rightful_worker_goes_on_beside_a_stale_one(ledger: SqlLedger) -> None:
    stale = a_running_job(ledger, a_file(), worker="stale")
    failed = ledger.move(stale, stale.mark_lost("no sign of life"))
    rightful = ledger.move(failed, failed.mark_running("rightful"))
    with pytest.raises(IllegalMoveError):
        records(ledger.for_worker(stale, marked), stale)[0]()
    metrics = JobMetrics(total_files=1, files_ingested=1)
    files = [read(file) for file in ledger.pending_files(rightful.id)]
    ledger.for_worker(rightful, marked).record_files(rightful.id, files, [a_claim()], {}, metrics)
    assert ledger.job(rightful.id).metrics == metrics


def test_a_table_is_known_as_the_last_word_of_a_job_left_it(opened: Callable[..., SqlLedger]) -> None:
    ledger, elsewhere = opened("here"), opened("elsewhere")
    assert ledger.known_table() is None
    job = a_running_job(ledger)
    marks = iter([MARK, MARK._replace(version=7, stamp="def")])
    held = ledger.for_worker(job, lambda: next(marks))
    held.claim([a_claim()])
    assert ledger.known_table() == MARK
    held.claim([a_claim(evidence="def")])
    assert ledger.known_table() == MARK._replace(version=7, stamp="def")
    assert elsewhere.known_table() is None


def test_where_no_table_was_made_yet_none_is_known(ledger: SqlLedger) -> None:
    job = a_running_job(ledger)
    ledger.for_worker(job, TableMark).add_event(job.id, "note", "nothing was committed")
    assert ledger.known_table() is None


def test_a_table_may_be_taken_for_the_known_one(ledger: SqlLedger, clock: SetClock) -> None:
    assert clock.now() == NOON
    for mark in (MARK, TableMark("another", 1, "")):
        ledger.record_table(mark)
        assert ledger.known_table() == mark


def test_what_others_write_needs_no_job(ledger: SqlLedger) -> None:
    a_job(ledger)
    ledger.claim([a_claim()])
    assert ledger.known_table() is None


# ------------------------------------------------------------------------------------------------------- lost candles


def test_what_is_claimed_of_lost_candles_counts_no_more_and_its_files_are_read_again(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file(), a_file(DAYS))
    files = [read(file, content) for file, content in zip(ledger.pending_files(job.id), ("abc", "def"), strict=True)]
    claims = [a_claim(), a_claim(DAYS, evidence="def")]
    ledger.for_worker(job, marked).record_files(job.id, files, claims, {}, job.metrics)
    kept = ledger.known_contents().keys() - {("abc", HOURS)}

    forgotten = ledger.forget_lost((), {HOURS: TimeRanges.single(DAY - 1, DAY)}, MARK)
    assert forgotten == ((BTC,), (job.id,))
    assert ledger.assertions() == claims[1:]
    assert ledger.known_contents().keys() == kept
    assert ledger.jobs_reached() == {job.id: MARK._replace(identity="")}


def test_what_a_file_covered_and_was_lost_is_missed_until_the_same_content_is_read_again(ledger: SqlLedger) -> None:
    claims = [a_claim(), a_claim(DAYS, evidence="def")]
    for lost_before in (False, True):
        job = a_running_job(ledger, a_file(), a_file(DAYS))
        files = [read(file, name) for file, name in zip(ledger.pending_files(job.id), ("abc", "def"), strict=True)]
        ledger.for_worker(job, marked).record_files(job.id, files, claims, {}, job.metrics)
        assert ledger.not_read_again() == {}
        if not lost_before:
            ledger.move(job, job.mark_completed())
            ledger.forget_lost((), {HOURS: TimeRanges.single(DAY - 1, DAY)}, MARK)
            assert ledger.not_read_again() == {job.id: {HOURS: TimeRanges.single(0, DAY)}}


def test_all_is_forgotten_of_a_table_that_is_gone_and_none_is_known_then(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    files = [read(file) for file in ledger.pending_files(job.id)]
    ledger.for_worker(job, marked).record_files(job.id, files, [a_claim()], {}, job.metrics)
    ledger.move(job, job.mark_completed())
    ledger.claim([a_claim(ETHER, evidence="no job's")])
    assert ledger.forget_lost(None, {}, TableMark()).pairs == (BTC, ETH)
    assert (ledger.assertions(), ledger.known_contents(), ledger.known_table()) == ([], {}, None)


def test_only_what_the_jobs_named_brought_is_forgotten(ledger: SqlLedger) -> None:
    jobs = []
    for evidence in ("one", "other"):
        jobs.append(job := a_running_job(ledger))
        ledger.for_worker(job, marked).claim([a_claim(evidence=evidence)])
        ledger.move(job, job.mark_completed())
    ledger.forget_lost([jobs[1].id], {}, MARK)
    assert [claim.evidence for claim in ledger.assertions()] == ["one"]


def test_a_source_that_was_contradicted_stays_so_when_its_candles_are_lost(ledger: SqlLedger) -> None:
    refutation = a_claim()._replace(withdrawn=True)
    ledger.claim([a_claim(), refutation])
    ledger.forget_lost(None, {}, MARK)
    assert ledger.assertions() == [refutation]
    assert ledger.refuted_by_content() == {("abc", HOURS): TimeRanges.single(0, DAY)}
