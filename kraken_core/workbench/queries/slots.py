"""What is known of a series, slot by slot."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Series
from kraken_core.domain.slot_states import slot_states
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, floor
from kraken_core.ports import KnownRecords, StoredCandles
from kraken_core.workbench.queries.required import bounded


@dataclass(frozen=True, slots=True)
class Slots:
    """Reads what is covered and stored of a series."""

    store: StoredCandles
    ledger: KnownRecords
    now: int

    def states(self, series: Series, window: TimeRange) -> pl.DataFrame:
        """The slots of a window that have closed: see :func:`kraken_core.domain.slot_states.slot_states`."""
        lives = next((record.lives for record in self.ledger.pairs() if record.pair == series.pair), ())
        start, end = bounded(self.ledger, series.pair, window, self.now)
        if not window.start:  # from the beginning: nothing is known before the listing
            start = lives[0].start if lives else end
        within = TimeRange(
            floor(start, series.width) if not window.start else ceil(start, series.width), floor(end, series.width)
        )
        by_grade: dict[Grade, list[tuple[int, int]]] = defaultdict(list)
        for covered in self.ledger.coverage([series]):
            by_grade[covered.grade].append((covered.start, covered.end))
        known = {grade: TimeRanges.of(ranges) for grade, ranges in by_grade.items()}
        candles = self.store.candles({series: TimeRanges.single(*within)}, ("time",))["time"].cast(TIME)
        return slot_states(within, series.width, lives, known, candles)
