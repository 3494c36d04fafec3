"""Quiet: silences of series that their pairs' own rates do not explain, around what has changed only (rule 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.findings import Findings
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.frame import NO_ROWS, rows_by_series
from kraken_core.domain.verification.silences import SUSPICIOUS, Activity, Silence, known_silences
from kraken_core.ports import CandleStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

SLOTS_AT_ONCE = 2_000_000  # bounds the memory
_SPAN = itemgetter(1, 2)  # of a silence
_DAY_S = 86_400
_MARGIN_S = 2 * _DAY_S  # on both sides of what is watched: no shorter span without trades needs more


class Watched(NamedTuple):
    """Where a series' silences are judged, how far they reach, and what is covered, which they are compared with."""

    series: Series
    covered: TimeRanges
    reach: TimeRanges
    within: TimeRanges


def suspicious(store: CandleStore, watched: Iterable[Watched]) -> list[Silence]:
    """The silences that reach into what is watched and in which enough trades were to be expected, in order."""
    found: dict[Series, set[Silence]] = defaultdict(set)
    for batch in _batches(watched):
        spans = {each.series: around(each.within, _MARGIN_S) & each.covered for each in batch}
        of = {each.series: each for each in batch}
        while spans:
            candles = store.candles(spans, columns=("trades",))
            rows = rows_by_series(candles, (series.pair for series in spans))
            counted: Ints = candles["trades"].cast(int).fill_null(1).to_numpy()  # one where they were not counted
            wider: dict[Series, TimeRanges] = {}
            for series, span in spans.items():
                first, opens = rows.get(series, NO_ROWS)
                activity = Activity(opens, counted[first : first + len(opens)], span)
                silences, needed = _judged(of[series], activity)
                if needed - span:
                    wider[series] = span | needed
                else:
                    found[series].update(silences)
            spans = wider
    return [silence for series in sorted(found) for silence in sorted(found[series], key=_SPAN)]


def uncounted(store: CandleStore, silences: Iterable[Silence], findings: Mapping[Series, Findings]) -> list[Silence]:
    """The silences but those that coarser candles of another file explain: they count the trades around, and no more.

    Where a coarse slot itself has no trades, that counts nothing.
    """
    agreement = _Agreement(findings)
    left: dict[Series, list[Silence]] = defaultdict(list)
    for silence in silences:
        left[silence.series].append(silence)

    def spans(series: Series) -> TimeRanges:
        return TimeRanges.of(silence[1:3] for silence in left[series])

    for interval in reversed(INTERVALS):  # the coarser, the fewer candles
        for series, counted in _counted(store, left, spans, interval, agreement).items():
            left[series] = [s for s in left[series] if counted.clip(s.start, s.end).seconds < s.end - s.start]
    return [silence for series in sorted(left) for silence in left[series]]


def narrowed(store: CandleStore, watched: Iterable[Watched], findings: Mapping[Series, Findings]) -> Iterator[Watched]:
    """The same less most of what lies in slots that coarser candles count: no silence inside of these is left over.

    One that reaches in from elsewhere, or out, goes through the first or the last slot of a range: those stay.
    """
    agreement = _Agreement(findings)
    whole = {each.series: each for each in watched}
    left = {series: each.within for series, each in whole.items()}
    for interval in reversed(INTERVALS):
        for series, counted in _counted(store, left, left.__getitem__, interval, agreement).items():
            if counted:
                left[series] = (left[series] - counted) | _edges(left[series], series.width)
    return (whole[series]._replace(within=within) for series, within in left.items())


def _edges(ranges: TimeRanges, width: int) -> TimeRanges:
    """The first and the last slot of each range."""
    return TimeRanges.of(slot for start, end in ranges for slot in ((start, start + width), (end - width, end)))


def _counted(
    store: CandleStore,
    finer: Iterable[Series],
    wanted: Callable[[Series], TimeRanges],
    interval: int,
    agreement: _Agreement,
) -> dict[Series, TimeRanges]:
    """The slots of an interval, in requested ranges of finer series that agree with it, with a counted candle."""
    agreed = {s: agreement.slots(Series(s.pair, interval), s.interval) for s in finer if s.interval < interval}
    needed = {series: wanted(series).outer(interval * 60) & ranges for series, ranges in agreed.items() if ranges}
    slots: dict[Series, TimeRanges] = {}
    for series, ranges in needed.items():
        coarse = Series(series.pair, interval)
        slots[coarse] = slots.get(coarse, TimeRanges()) | ranges
    if not any(slots.values()):
        return {}
    candles = store.candles(slots, columns=("trades",)).filter(pl.col("trades").is_not_null())
    rows = rows_by_series(candles, {series.pair for series in slots})
    opens = {coarse: rows.get(coarse, NO_ROWS).opens.tolist() for coarse in slots}
    return {
        series: TimeRanges.of((at, at + interval * 60) for at in opens[Series(series.pair, interval)]) & ranges
        for series, ranges in needed.items()
    }


class _Agreement:
    """Which slots of series agree with finer intervals, worked out once for each two."""

    def __init__(self, findings: Mapping[Series, Findings]) -> None:
        self._findings = findings
        self._slots: dict[tuple[Series, int], TimeRanges] = {}

    def slots(self, coarse: Series, interval: int) -> TimeRanges:
        """The slots in which a series agrees with a finer interval, or with one between that does."""
        if (found := self._slots.get((coarse, interval))) is None:
            found = self._slots[coarse, interval] = self._worked_out(coarse, interval)
        return found

    def _worked_out(self, coarse: Series, interval: int) -> TimeRanges:
        found = TimeRanges()
        for finer, ranges in self._findings[coarse].agreed.items() if coarse in self._findings else ():
            if finer > interval:
                ranges &= self.slots(Series(coarse.pair, finer), interval).inner(coarse.width)  # noqa: PLW2901 - narrowed
            found |= ranges if finer >= interval else TimeRanges()
        return found


def _judged(watched: Watched, activity: Activity) -> tuple[list[Silence], TimeRanges]:
    """What is suspicious by the activity at hand; and where more has to be at hand before that is sure."""
    starts, ends = activity.silent(watched.reach & activity.known, watched.series.width)
    met = _meeting(starts, ends, watched.within)
    starts, ends = starts[met], ends[met]
    expected = activity.expected(starts, ends, known_silences(watched.series.pair))
    odd = expected >= SUSPICIOUS
    spans = zip(*(values[odd].tolist() for values in (starts, ends, expected)), strict=True)
    silences = [Silence(watched.series, *span) for span in spans]
    long = ends - starts > _DAY_S  # what shorter ones are compared with lies in the margin
    lengths = (ends - starts)[long]
    reach = zip((starts[long] - lengths).tolist(), (ends[long] + lengths).tolist(), strict=True)
    return silences, TimeRanges.of(reach) & watched.covered


def _meeting(starts: Ints, ends: Ints, ranges: TimeRanges) -> NDArray[np.bool_]:
    """Which spans reach into the ranges; see TimeRanges.meets."""
    bounds = np.array(ranges.bounds, dtype=np.int64)
    before, after = np.searchsorted(bounds, starts, "right"), np.searchsorted(bounds, ends, "left")
    met: NDArray[np.bool_] = (before % 2 == 1) | (before < after)
    return met


def around(ranges: TimeRanges, margin: int) -> TimeRanges:
    """The ranges, longer by so many seconds on both sides."""
    return TimeRanges.of((start - margin, end + margin) for start, end in ranges)


def _batches(watched: Iterable[Watched]) -> Iterator[list[Watched]]:
    """What is read at once: many small series, or a piece of a large one."""
    batch: list[Watched] = []
    room = SLOTS_AT_ONCE
    for whole in watched:
        for piece in _pieces(whole):
            slots = around(piece.within, _MARGIN_S).seconds // whole.series.width
            if batch and (slots > room or batch[-1].series == whole.series):
                yield batch
                batch, room = [], SLOTS_AT_ONCE
            batch.append(piece)
            room -= slots
    if batch:
        yield batch


def _pieces(whole: Watched) -> Iterator[Watched]:
    """A series at once, or where that is too much, range by range."""
    step = SLOTS_AT_ONCE * whole.series.width
    if around(whole.within, _MARGIN_S).seconds <= step:
        yield whole
        return
    for start, end in whole.within:
        for at in range(start, end, step):
            yield whole._replace(within=TimeRanges.single(at, min(at + step, end)))
