"""Silences of single pairs, and whether the whole exchange had no trades then (domain rule 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kraken_core.domain.coverage import DataCoverageRange
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.frame import Frame, inside, opens_of
from kraken_core.domain.verification.known_pair import KnownPair
from kraken_core.domain.verification.silences import (
    SHORTEST_S,
    SUSPICIOUS,
    Activity,
    Silence,
    known_silences,
    silent_runs,
    slept,
    unexplained,
)
from kraken_core.domain.verification.watching import Traded, traded_by_pair, traded_ranges
from kraken_core.ports import StoredCandles

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

BY_WITNESSES = (
    20  # witnesses of a span, the busiest first: pairs that trade every minute leave little to look up elsewhere
)
_DAY_S = 86_400


@dataclass(slots=True)
class Silences:
    """Gathers when each pair traded, and finds silences that its rate does not explain."""

    doubtful: list[Silence] = field(default_factory=list)
    looked: dict[Series, int] = field(default_factory=dict)  # spans without trades by series
    _parts: dict[Series, list[tuple[Ints, Ints]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, frame: Frame) -> None:
        """Candles of some pairs; later ones of a pair come after earlier ones."""
        for series, rows in frame.series.items():
            covered = inside(rows.opens, frame.pairs[series.pair].covered[series.interval])
            if covered.any():
                trades = frame.candles["trades"].slice(rows.first, len(rows.opens))
                self._parts[series].append((rows.opens[covered], _counts(trades)[covered]))

    def finish(self, pair: KnownPair) -> None:
        """All candles of the pair were added."""
        active = {series.interval: self._activity(series, pair) for series in pair.series}
        traded = {interval: traded_ranges(each.known, each.opens) for interval, each in active.items()}
        watched = Traded(pair.covered, traded).watched
        for series in pair.series:
            activity = active[series.interval]
            starts, ends = activity.silent(watched[series.interval], series.width)
            if len(starts):
                self.looked[series] = len(starts)
                expected = activity.expected(starts, ends, known_silences(series.pair))
                odd = np.flatnonzero(expected >= SUSPICIOUS)
                spans = zip(starts[odd].tolist(), ends[odd].tolist(), expected[odd].tolist(), strict=True)
                self.doubtful += [Silence(series, *span) for span in spans]

    def _activity(self, series: Series, pair: KnownPair) -> Activity:
        parts = self._parts.pop(series, [])
        opens = np.concatenate([np.array([], dtype=np.int64), *(opens for opens, _ in parts)])
        trades = np.concatenate([np.array([], dtype=np.int64), *(trades for _, trades in parts)])
        return Activity(opens, trades, pair.covered[series.interval])


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Every pair by its finest series at each time, busiest first: together they show when the exchange was idle."""

    store: StoredCandles
    known: Sequence[tuple[Series, TimeRanges]]

    @classmethod
    def of(cls, store: StoredCandles, coverage: Iterable[DataCoverageRange]) -> Witnesses:
        """From all that is covered."""
        candles: dict[Series, int] = defaultdict(int)
        ranges = list(coverage)
        for covered in ranges:
            candles[covered.series] += covered.candles
        finest = {
            Series(pair, interval): slots
            for pair, traded in traded_by_pair(ranges).items()
            for interval, slots in traded.watched.items()
            if slots
        }
        busiest = sorted(finest, key=lambda series: (series.interval, -candles[series], series))
        return cls(store, [(series, finest[series]) for series in busiest])

    def judged(self, silences: Iterable[Silence]) -> tuple[list[Silence], TimeRanges]:
        """The silences that are suspicious still, each held against its own exchange; and when one had no trades."""
        by_exchange: dict[str, list[Silence]] = defaultdict(list)
        for silence in silences:
            by_exchange[silence.series.pair.venue].append(silence)
        left, asleep = [], TimeRanges()
        for venue, found in by_exchange.items():
            ours = replace(self, known=[each for each in self.known if each[0].pair.venue == venue])
            idle = ours.asleep(TimeRanges.of((silence.start, silence.end) for silence in found))
            left += unexplained(found, idle - known_silences(found[0].series.pair))
            asleep |= idle
        return sorted(left, key=lambda s: (-s.expected, s)), asleep

    def asleep(self, doubtful: TimeRanges) -> TimeRanges:
        """When in the doubtful time none of them traded, though enough trades were to be expected of several.

        A pair with hours or days only is a witness of the whole ones inside a span.
        """
        quiet = doubtful
        candidates: list[tuple[Series, TimeRanges, TimeRanges]] = []
        for series, known, doubtful_here in self._knowing(doubtful):
            if still := doubtful_here & quiet.inner(series.width):
                opens = opens_of(self.store.candles({series: still}))
                silent = zip(*(bounds.tolist() for bounds in silent_runs(opens, still, series.width)), strict=True)
                left = (quiet - still) | TimeRanges.of(silent)
                quiet = TimeRanges.of(span for span in left if span.end - span.start >= SHORTEST_S)
                candidates.append((series, known, still))
        widths = sorted({series.width for series, _, _ in candidates})
        parts = {span: list(_parts_of(span, widths)) for span in quiet}
        expected: dict[TimeRange, list[float]] = {part: [] for found in parts.values() for part in found}
        for series, known, doubtful_here in candidates:
            spans = [part for part in expected if doubtful_here.clip(*part).seconds == part.end - part.start]
            for span, trades in zip(spans, self._expected(series, known, spans), strict=True):
                expected[span].append(trades)
        slept_through = ([part for part in found if slept(expected[part])] for found in parts.values())
        return TimeRanges.of(found[0] for found in slept_through if found)

    def _knowing(self, doubtful: TimeRanges) -> Iterator[tuple[Series, TimeRanges, TimeRanges]]:
        """The series that cover part of the doubtful time, and which; of each span no more than BY_WITNESSES."""
        bounds = np.array(doubtful.bounds, dtype=np.int64)
        starts, ends = bounds[::2], bounds[1::2]
        witnesses = np.zeros(len(starts), dtype=np.int64)
        for series, known in self.known:
            if (witnesses >= BY_WITNESSES).all():
                return
            if doubtful_here := (known & doubtful).inner(series.width):
                opens = np.array(doubtful_here.bounds[::2], dtype=np.int64)
                concerned = np.searchsorted(opens, ends) > np.searchsorted(opens, starts)
                if (witnesses[concerned] < BY_WITNESSES).any():
                    witnesses[concerned] += 1
                    yield series, known, doubtful_here

    def _expected(self, series: Series, known: TimeRanges, spans: Sequence[TimeRange]) -> list[float]:
        if not spans:
            return []
        reach = [max(end - start, _DAY_S) for start, end in spans]
        around = TimeRanges.of((start - r, end + r) for (start, end), r in zip(spans, reach, strict=True)) & known
        candles = self.store.candles({series: around})
        starts, ends = (np.array(bounds, dtype=np.int64) for bounds in zip(*spans, strict=True))
        activity = Activity(opens_of(candles), _counts(candles["trades"]), known)
        return [
            float(trades)
            for trades in activity.expected(starts, ends, known_silences(series.pair) - TimeRanges.of(spans))
        ]


def _parts_of(span: TimeRange, widths: Iterable[int]) -> Iterator[TimeRange]:
    """The span, and the whole slots inside it of each width, largest first."""
    seen: set[TimeRange] = set()
    for part in (span, *(part for width in widths for part in TimeRanges.single(*span).inner(width))):
        if part not in seen:
            seen.add(part)
            yield part


def _counts(trades: pl.Series) -> Ints:
    """Trades of candles; one where they were not counted."""
    counts: Ints = trades.cast(int).fill_null(1).to_numpy()
    return counts
