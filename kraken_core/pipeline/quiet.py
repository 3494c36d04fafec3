"""Quiet: silences of series that their pairs' own rates do not explain, around what has changed only (rule 12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.grading import Findings
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.examination import NO_ROWS, rows_by_series
from kraken_core.domain.verification.silences import KNOWN_SILENCES, SUSPICIOUS, Activity, Silence, silent_runs
from kraken_core.ports import CandleStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

SLOTS_AT_ONCE = 2_000_000  # bounds the memory
_DAY_S = 86_400
_MARGIN_S = 2 * _DAY_S  # on both sides of what is watched: no shorter silence needs to know more


class Watched(NamedTuple):
    """Where a series' silences are judged, and where it is known, which is where they reach and are compared with."""

    series: Series
    known: TimeRanges
    within: TimeRanges


def suspicious(store: CandleStore, watched: Iterable[Watched]) -> list[Silence]:
    """The silences that reach into what is watched and in which enough trades were to be expected, in order."""
    found: set[Silence] = set()
    for batch in _batches(watched):
        spans = {each.series: around(each.within, _MARGIN_S) & each.known for each in batch}
        of = {each.series: each for each in batch}
        while spans:
            candles = store.candles(spans, columns=("trades",))
            rows = rows_by_series(candles, (series.pair for series in spans))
            counted: Ints = candles["trades"].cast(int).fill_null(1).to_numpy()  # one where nobody counted them
            wider: dict[Series, TimeRanges] = {}
            for series, span in spans.items():
                first, opens = rows.get(series, NO_ROWS)
                activity = Activity(opens, counted[first : first + len(opens)], span)
                silences, needed = _judged(of[series], activity)
                if needed - span:
                    wider[series] = span | needed
                else:
                    found.update(silences)
            spans = wider
    return sorted(found, key=lambda silence: silence[:3])


def uncounted(store: CandleStore, silences: Iterable[Silence], findings: Mapping[Series, Findings]) -> list[Silence]:
    """The silences but those that coarser candles of another file explain: they count the trades around, and no more.

    Where a coarse slot itself is silent, that counts nothing.
    """
    left: dict[Series, list[Silence]] = defaultdict(list)
    for silence in silences:
        left[silence.series].append(silence)
    for interval in reversed(INTERVALS):  # the coarser, the fewer candles
        needed = {
            series: TimeRanges.of(silence[1:3] for silence in found).outer(interval * 60)
            & _agreed(Series(series.pair, interval), series.interval, findings)
            for series, found in left.items()
            if found and series.interval < interval
        }
        slots: dict[Series, TimeRanges] = {}
        for series, ranges in needed.items():
            coarse = Series(series.pair, interval)
            slots[coarse] = slots.get(coarse, TimeRanges()) | ranges
        if any(slots.values()):
            candles = store.candles(slots, columns=("trades",)).filter(pl.col("trades").is_not_null())
            rows = rows_by_series(candles, {series.pair for series in slots})
            for series, ranges in needed.items():
                opens = rows.get(Series(series.pair, interval), NO_ROWS).opens.tolist()
                counted = TimeRanges.of((at, at + interval * 60) for at in opens) & ranges
                left[series] = [s for s in left[series] if counted.clip(s.start, s.end).seconds < s.end - s.start]
    return [silence for series in sorted(left) for silence in left[series]]


def _agreed(coarse: Series, interval: int, findings: Mapping[Series, Findings]) -> TimeRanges:
    """The slots in which a series agrees with a finer interval, or with one between that does."""
    found = TimeRanges()
    for finer, ranges in findings[coarse].agreed.items() if coarse in findings else ():
        if finer > interval:
            ranges &= _agreed(Series(coarse.pair, finer), interval, findings).inner(coarse.width)  # noqa: PLW2901 - narrowed
        found |= ranges if finer >= interval else TimeRanges()
    return found


def _judged(watched: Watched, activity: Activity) -> tuple[list[Silence], TimeRanges]:
    """What is suspicious by the activity at hand; and where more has to be at hand before that is sure."""
    starts, ends = silent_runs(activity.opens, activity.known, watched.series.width)
    expected = activity.expected(starts, ends, KNOWN_SILENCES)
    odd = np.flatnonzero((ends - starts > _DAY_S) | (expected >= SUSPICIOUS))
    spans = zip(*(values[odd].tolist() for values in (starts, ends, expected)), strict=True)
    silences = [Silence(watched.series, *span) for span in spans if watched.within.meets(*span[:2])]
    reach = ((s.start - max(s.end - s.start, _DAY_S), s.end + max(s.end - s.start, _DAY_S)) for s in silences)
    return [s for s in silences if s.expected >= SUSPICIOUS], TimeRanges.of(reach) & watched.known


def around(ranges: TimeRanges, margin: int) -> TimeRanges:
    """The ranges, longer by so many seconds on both sides."""
    return TimeRanges.of((start - margin, end + margin) for start, end in ranges)


def _batches(watched: Iterable[Watched]) -> Iterator[list[Watched]]:
    """What is read at once: many small series, or a piece of a large one."""
    batch: list[Watched] = []
    room = SLOTS_AT_ONCE
    for whole in watched:
        step = SLOTS_AT_ONCE * whole.series.width
        for start, end in whole.within:
            for at in range(start, end, step):
                piece = TimeRange(at, min(at + step, end))
                slots = (piece.end - piece.start) // whole.series.width
                if batch and (slots > room or batch[-1].series == whole.series):
                    yield batch
                    batch, room = [], SLOTS_AT_ONCE
                batch.append(whole._replace(within=TimeRanges.single(*piece)))
                room -= slots
    if batch:
        yield batch
