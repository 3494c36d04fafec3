"""What keeps a range from being complete, as data: which slots, why, and what would fill it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kraken_core.domain.errors import IncompleteRange
from kraken_core.domain.gaps import IN_PARTS, GapRecord, Route
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges

MISSING = "missing"
_ROUTES = {
    Route.DERIVE: "finer candles make it: kraken-history backfill",
    Route.OHLC: "the exchange's candles reach it: kraken-history backfill",
    Route.TRADES: "its trades can be read from the exchange: kraken-history backfill",
    Route.DOWNLOAD: "a published archive has it: kraken-history ingest --download",
}
_UNKNOWN = "no gap is on record there: ingest a source that has it (kraken-history ingest)"


def missing_ranges(
    pair: Pair, interval: int, missing: TimeRanges, gaps: Sequence[GapRecord]
) -> Iterator[IncompleteRange]:
    """The missing ranges of a series, cut by its gaps on record, which have what would fill them."""
    for gap in gaps:
        for start, end in missing.clip(gap.start, gap.end):
            yield IncompleteRange(str(pair), interval, start, end, MISSING, how_to_fill(gap))
    for start, end in missing - TimeRanges.of((gap.start, gap.end) for gap in gaps):
        yield IncompleteRange(str(pair), interval, start, end, MISSING, _UNKNOWN)


def weak_ranges(pair: Pair, interval: int, weak: Iterable[tuple[int, int]], grade: Grade) -> Iterator[IncompleteRange]:
    """Covered ranges of which the evidence is not good enough."""
    why = Grade.DOUBTFUL.value if grade is Grade.CLAIMED else f"not {grade.value}"
    for start, end in weak:
        yield IncompleteRange(
            str(pair), interval, start, end, why, "another source may confirm it: kraken-history verify"
        )


def how_to_fill(gap: GapRecord) -> str:
    """What would fill a gap: its open route, or what to download manually."""
    if gap.route is not Route.NONE:
        return _ROUTES[gap.route]
    if gap.archive and IN_PARTS not in gap.reason:
        ingest = f"kraken-history ingest --csv-source-dir {gap.archive} --pairs {gap.series.pair}"
        return f"download {gap.archive} with {gap.csv_file}, then: {ingest}"
    return gap.reason or "no source is known that has it"
