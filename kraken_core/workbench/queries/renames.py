"""Candles of an asset under all the names it had, joined only on request (domain rule 17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.grades import Grade
from kraken_core.domain.identities import Identities, NamePeriod
from kraken_core.domain.interval_text import bases, short
from kraken_core.domain.joined import part, rescaled
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, floor, iso
from kraken_core.ports import KnownRecords
from kraken_core.workbench.queries.candles import Reading
from kraken_core.workbench.queries.required import Required

NAMES = {
    "pair": pl.String,
    "start": TIME,
    "end": TIME,
    "factor": pl.Float64,
    "certain": pl.Boolean,
    "left_out": pl.Int64,
    "source": pl.String,
    "note": pl.String,
}


_EVER = TimeRanges.single(0, END_OF_TIME)


class Joined(NamedTuple):
    """A period that was joined. ``left_out`` counts stored candles of its pair that belong to no period of that pair.

    So those of the time of another name, and those of another asset that had this one before. They are counted in the
    coarsest interval of the archives that divides the requested one.
    """

    period: NamePeriod
    left_out: int

    @property
    def row(self) -> dict[str, Any]:
        """As people and programs get it."""
        return {**name_row(self.period), "left_out": self.left_out}


def name_row(period: NamePeriod) -> dict[str, Any]:
    """When an asset had a name, as JSON; ``start`` is None of the first one, and ``end`` of the present one."""
    fact = period.fact
    return {
        "pair": str(period.pair),
        "start": iso(period.start) if period.start else None,
        "end": iso(period.end) if period.end < END_OF_TIME else None,
        "factor": float(period.factor),
        "certain": fact.certain if fact else True,
        "source": fact.source if fact else None,
        "note": fact.note if fact else None,
    }


@dataclass(frozen=True, slots=True)
class RenamedReading:
    """Reads the candles of an asset by all its names."""

    reading: Reading
    ledger: KnownRecords
    identities: Identities

    def periods(self, pair: Pair) -> tuple[NamePeriod, ...]:
        """The names in turn. An alias is looked up only where nothing is known of a pair that is called so."""
        if pair.market:
            return self.identities.periods(pair)
        known = any(record.pair == pair for record in self.ledger.pairs())
        base = pair.base if known else self.identities.by_alias.get(pair.base, pair.base)
        return self.identities.periods(Pair(base, pair.quote))

    def check(self, pair: Pair, interval: int, window: TimeRange, required: Required, grade: Grade) -> None:
        """Raises IncompleteError where a period that reaches into the window is not complete, or a slot is of two."""
        width = interval * 60
        for period in self.periods(pair):
            if period.start % width and window.start <= floor(period.start, width) < window.end:
                raise IncompleteError(
                    f"{pair} {short(interval)} is not complete: the slot that opens at "
                    f"{iso(floor(period.start, width))} lies across the day on which {period.pair} begins, and is of "
                    "no name alone. Read intervals that divide a day."
                )
            span = part(period, window, width)
            if span.start < span.end:
                required.check(period.pair, interval, span, grade)

    def candles(
        self, pair: Pair, interval: int, window: TimeRange, *, fill: bool, partial: bool, version: int | None
    ) -> pl.DataFrame:
        """As :meth:`Reading.candles`, and ``origin`` and ``factor`` of each row: a slot is of one period, or none."""
        read = []
        for period in self.periods(pair):
            span = part(period, window, interval * 60)
            candles = self.reading.candles(period.pair, interval, span, fill=fill, partial=partial, version=version)
            read.append(rescaled(candles, period, pair))
        return pl.concat(read)

    def series(self, selection: Selection, stored: Collection[Series]) -> list[Series]:
        """The series of a selection of which anything is stored, by whatever name of pairs that it names."""
        named = [Series(pair, interval) for pair in selection.pairs for interval in selection.intervals]
        return sorted({*stored, *filter(self._stored, named)})

    def parts(self, series: Series, window: TimeRange) -> list[tuple[Series, TimeRange]]:
        """The series that make one up, by its names in turn, each with its part of a window."""
        return [
            (Series(period.pair, series.interval), part(period, window, series.width))
            for period in self.periods(series.pair)
        ]

    def _stored(self, series: Series) -> bool:
        return bool(
            self.ledger.coverage([Series(period.pair, series.interval) for period in self.periods(series.pair)])
        )

    def joined(self, pair: Pair, interval: int = 1440) -> list[Joined]:
        """What a series over all names is made of, and how many stored candles it leaves out."""
        periods, coarsest, used = self.periods(pair), bases(interval)[0], defaultdict[Pair, list[TimeRange]](list)
        for period in periods:
            used[period.pair].append(period.range)
        outside = {Series(pair, coarsest): _EVER - TimeRanges.of(ranges) for pair, ranges in used.items()}
        counts = self.reading.store.count(outside)
        return [Joined(period, sum(counts[Series(period.pair, coarsest)])) for period in periods]
