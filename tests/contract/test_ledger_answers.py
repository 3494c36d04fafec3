"""What every ledger promises of the exchange's answers, on each database."""

from __future__ import annotations

import pytest

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.coverage import (
    Assertion,
)
from kraken_core.domain.jobs import (
    JobMetrics,
)
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.market import Pair
from kraken_core.domain.sweep_points import SweepPoint
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_spans import TradeSpan, id_before
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import DAY, DAYS, ETHER, HOURS, a_claim, a_running_job

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def a_point(pair: Pair = HOURS.pair, **columns: object) -> SweepPoint:
    point = SweepPoint(pair, 1, DAY, DAY * 10**9 + 1, '{"tail": []}')
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
    later = a_point(known_until=2 * DAY, state="{}")
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

    assert Knowledge({}, ledger.assertions()).covered()[DAYS] == TimeRanges.single(DAY, 2 * DAY)


def test_what_sweeps_saw_of_trade_ids_is_kept_as_long_as_its_job_counts(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    pages = [
        TradeSpan(HOURS.pair, 0, 60, 1, 7, whole=True, phantoms=0),
        TradeSpan(HOURS.pair, 60, 180, 8, 9, whole=True, phantoms=0),  # goes on where the one before ended
        TradeSpan(HOURS.pair, 180, 240, 12, 14, whole=True, phantoms=2),
        TradeSpan(HOURS.pair, 240, 300, None, None, whole=False, phantoms=0),
        TradeSpan(HOURS.pair, 300, 360, None, None, whole=False, phantoms=0),
    ]
    ledger.record_answers(running.id, [], {}, {HOURS.pair: None}, JobMetrics(), spans=pages)

    assert ledger.trade_spans(ETHER.pair) == []
    assert ledger.trade_spans(HOURS.pair) == [
        TradeSpan(HOURS.pair, 0, 180, 1, 9, whole=True, phantoms=0),
        TradeSpan(HOURS.pair, 180, 240, 12, 14, whole=True, phantoms=2),
        TradeSpan(HOURS.pair, 240, 360, None, None, whole=False, phantoms=0),
    ]


def test_where_a_sweep_is_to_begin_only_what_ended_there_is_read(ledger: SqlLedger) -> None:
    running = a_running_job(ledger)
    rounds = [TradeSpan(HOURS.pair, 60 * at, 60 * at + 60, 9 * at + 2, 9 * at + 9, True, 0) for at in range(10)]
    again = [rounds[7]._replace(last_id=None, whole=False), rounds[4]._replace(start=0, last_id=77)]
    ledger.record_answers(running.id, [], {}, {HOURS.pair: None}, JobMetrics(), spans=[*rounds, *again])
    assert [span.end for span in ledger.trade_spans(HOURS.pair, ending={120, 300, 10_000})] == [300, 120, 300]
    assert ledger.trade_spans(HOURS.pair, ending=()) == []
    everything = ledger.trade_spans(HOURS.pair)
    assert len(everything) == 12
    for start in range(0, 700, 30):
        assert id_before(ledger.trade_spans(HOURS.pair, ending={start}), start, None) == id_before(
            everything, start, None
        )
