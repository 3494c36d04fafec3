"""Audits are kept, judged anew, and count no more once their job is undone; on every ledger."""

from __future__ import annotations

from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request
from kraken_core.ledger.ledger import SqlLedger

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
MINUTES = Series(BTC, 1)
SPAN = AuditedSpan(MINUTES, 0, 600, 5, 25, 2, 18, AuditVerdict.PROVED, "", "abc", 7, 1_700_000_000)
UNKNOWN = AuditedSpan(Series(ETH, 60), 0, 3600, None, None, 0, 0, AuditVerdict.UNKNOWN, "no ids")


def job(ledger: SqlLedger) -> int:
    return ledger.create_job(Request(pairs=(BTC,), backfill=True, audit=True), 0, [], JobMetrics()).id


def test_audits_come_back_as_they_were_found_the_newest_first(ledger: SqlLedger) -> None:
    first, second = job(ledger), job(ledger)
    ledger.record_audits(first, [SPAN, UNKNOWN])
    ledger.record_audits(second, [SPAN._replace(verdict=AuditVerdict.MORE, next_id=30)])
    ledger.record_audits(second, [])
    newest, *others = [span._replace(id=None) for span in ledger.audits([BTC])]
    assert newest == SPAN._replace(verdict=AuditVerdict.MORE, next_id=30, job_id=second)
    assert others == [SPAN._replace(job_id=first)]
    assert [span.series.pair for span in ledger.audits()] == [BTC, ETH, BTC]
    assert ledger.audits([ETH])[0]._replace(id=None) == UNKNOWN._replace(job_id=first)


def test_what_is_thought_of_a_span_is_replaced_and_its_ids_stay(ledger: SqlLedger) -> None:
    ledger.record_audits(job(ledger), [SPAN, UNKNOWN])
    [before] = ledger.audits([BTC])
    after = before._replace(verdict=AuditVerdict.LAPSED, reason="why", basis="def", candles=3, stored=17, phantoms=1)
    ledger.judge_audits([after._replace(first_id=99)])
    ledger.judge_audits([])
    assert ledger.audits([BTC]) == [after]


def test_an_audit_request_is_kept_and_is_not_that_of_a_backfill(ledger: SqlLedger) -> None:
    audit = Request(pairs=(BTC,), backfill=True, audit=True, locate=True)
    made = ledger.create_job(audit, 0, [], JobMetrics())
    assert ledger.job(made.id).request == audit
    assert len({audit.key, Request(pairs=(BTC,), backfill=True, audit=True).key, Request(pairs=(BTC,)).key}) == 3
    assert '"audit"' not in Request(pairs=(BTC,)).key  # jobs of earlier versions are found by their key
