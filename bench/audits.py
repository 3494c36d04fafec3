"""Audits: locating a difference among ten years of minutes, and seeing that nothing has changed of 1,434 pairs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np

from bench.detection import Standstill
from bench.figures import Figure
from kraken_core.domain.audit import AuditedSpan, AuditVerdict, Locator, Phantoms, TradeCounts
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion, by_series
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.audited import audited, with_basis
from kraken_core.ports import CandleStore

START = 1_420_070_400
MINUTES = 10 * 365 * 1_440
PAIRS = [Pair(f"A{number}", "USD") for number in range(1_434)]
FILES = 20


class Counting:
    """A store that counts without reading."""

    def count(self, ranges: Mapping[Series, TimeRanges]) -> dict[Series, list[int]]:
        """As many candles as there are ranges before."""
        return {series: list(range(len(found))) for series, found in ranges.items()}


def audits() -> Iterator[Figure]:
    """The arithmetic on this machine: what is asked of the exchange takes as long as its pace allows."""
    yield _located()
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        ledger = SqlLedger.open(f"sqlite:///{folder}/ledger.db", folder, Standstill())
        yield _unchanged(ledger)
        ledger.close()


def _located() -> Figure:
    """By an exchange that answers at once."""
    opens = START + 60 * np.arange(MINUTES, dtype=np.int64)
    true = np.random.default_rng(1).integers(1, 30, MINUTES)
    before = np.concatenate([[0], np.cumsum(true)])
    stored = true.copy()
    stored[MINUTES // 3] -= 1
    began = time.perf_counter()
    ends = {START: 1, START + 60 * MINUTES: 1 + int(before[-1])}
    locator = Locator(Series(PAIRS[0], 1), TradeCounts.of(opens, stored), Phantoms([]), ends)
    requests = len(ends)
    while (at := locator.next()) is not None:
        locator.learn(at, {at: 1 + int(before[(at - START) // 60])})
        requests += 1
    seconds = time.perf_counter() - began
    return Figure(f"audit of ten years of minutes, a difference in {requests} requests", seconds, 1.0, "s")


def _unchanged(ledger: SqlLedger) -> Figure:
    series = [Series(pair, interval) for pair in PAIRS for interval in INTERVALS]
    step = 86_400 * 180
    claims = [
        Assertion(each, START + n * step, START + (n + 1) * step, Source.CSV, 1, f"file {n}")
        for each in series
        for n in range(FILES)
    ]
    ledger.claim(claims)
    job = ledger.create_job(Request(audit=True), START, [], JobMetrics()).id
    spans = [AuditedSpan(each, START, START + FILES * step, 1, 1, 0, 0, AuditVerdict.PROVED) for each in series]
    ledger.record_audits(job, spans)
    known = ledger.assertions()
    store = cast("CandleStore", Counting())
    ledger.judge_audits(with_basis(store, ledger.audits(), by_series(known)))
    began = time.perf_counter()
    audited(store, ledger, PAIRS, known)
    seconds = time.perf_counter() - began
    return Figure(f"audits of {len(PAIRS):,} pairs: seeing that nothing has changed", seconds, 2.0, "s")
