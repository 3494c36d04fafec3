"""Detection: range arithmetic over 12,000 series, and the ledger it reads from and writes to.

Each series is covered by 50 ranges of 50 files; where they do not touch are its gaps, nearly 100,000 in all.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator

from bench.figures import Figure
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.scope import Scope
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.detect import GapRecorder

AS_OF = 1_767_225_600
RANGES = 50
HOLES = 8  # of the ranges are followed by a day that is missing
SERIES = [Series(Pair(f"A{number}", "USD"), interval) for number in range(1_500) for interval in INTERVALS]
HULL = TimeRange(AS_OF - AS_OF % 86_400 - 4 * 365 * 86_400, AS_OF - AS_OF % 86_400)
WHAT = f"detection, {len(SERIES):,} series × {RANGES} ranges"


class Standstill:
    """A clock that stands."""

    def now(self) -> int:
        """Always the same."""
        return AS_OF


def detection() -> Iterator[Figure]:
    """Wanted − covered of all series; then the same with reading and writing."""
    once, twice = (_arithmetic(ranges) for ranges in (RANGES, 2 * RANGES))
    yield Figure(f"{WHAT}: arithmetic", once, 0.5, "s")
    yield Figure(f"{WHAT}: twice the ranges take, times", twice / once, 2.5)
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        ledger = SqlLedger.open(f"sqlite:///{folder}/ledger.db", folder, Standstill())
        ledger.claim([Assertion(s, *r, Source.CSV, 1, f"file {n}") for s in SERIES for n, r in enumerate(_files())])
        for name in ("the first time", "again"):
            began = time.perf_counter()
            gaps = _detect(ledger)
            seconds = time.perf_counter() - began
            yield Figure(f"{WHAT}, {gaps:,} gaps, with the ledger: {name}", seconds, 1.5, "s")
        ledger.close()


def _arithmetic(ranges: int) -> float:
    """Seconds for wanted − covered with holes between all of so many ranges."""
    step = (HULL.end - HULL.start) // 86_400 // ranges * 86_400
    held = [
        TimeRanges.of((HULL.start + at * step, HULL.start + (at + 1) * step - 86_400) for at in range(ranges))
        for _ in SERIES
    ]
    wanted = TimeRanges.single(*HULL)
    gc.collect()
    began = time.perf_counter()
    for known in held:
        _ = wanted - known
    return time.perf_counter() - began


def _detect(ledger: SqlLedger) -> int:
    """What a job does to detect: read claims and gaps, subtract, write; returns how many gaps there are."""
    lives = {series.pair: [Life(HULL.start)] for series in SERIES}
    scope = Scope(Request(tiers=("ALL",)), AS_OF, ledger.detections())
    knowledge = Knowledge(lives, ledger.assertions(lives.keys()))
    return len(GapRecorder(ledger, scope).run(knowledge, lives.keys()).gaps)


def _files() -> Iterator[TimeRange]:
    """Ranges side by side, but for a day missing after every sixth or so."""
    step = (HULL.end - HULL.start) // 86_400 // RANGES * 86_400
    for at in range(RANGES):
        missing = 86_400 if at % (RANGES // HOLES) == 0 and at // (RANGES // HOLES) < HOLES else 0
        yield TimeRange(HULL.start + at * step, HULL.start + (at + 1) * step - missing)
