"""Unrecorded: what verification found other than the findings in the ledger, by which slots are graded (rule 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from kraken_core.domain.findings import Findings
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.silences import Silence
from kraken_core.pipeline.quiet import uncounted
from kraken_core.ports import CandleTable

_NOTHING = TimeRanges()


def unrecorded(
    store: CandleTable,
    stored: Mapping[Series, Findings],
    examination: Examination,
    silences: Collection[Silence],
    window: TimeRange,
) -> dict[Series, TimeRanges]:
    """The slots whose grades do not follow from what was found in a window, ``silences`` that nothing explains too.

    Silences are compared by pair: who looked at some intervals only may have found those of another interval.
    """
    found: dict[Series, list[TimeRange]] = defaultdict(list)
    now = dict(stored)
    for series, agreed in examination.agreed.items():
        known = stored.get(series, Findings())
        now[series] = known.compared(_NOTHING, agreed)
        found[series] += _any(now[series].agreed) - _any(known.agreed)
        found[series] += _any(agreed) & _any(known.disagreed) - _any(examination.disagreed.get(series, {}))
    for series, disagreed in examination.disagreed.items():
        found[series] += _any(disagreed) - _any(stored.get(series, Findings()).disagreed)
    for series in examination.differing.keys() & stored.keys():
        found[series] += examination.differing[series] & _any(stored[series].agreed)
    doubts = [(series, TimeRange(d.start, d.end)) for series, known in stored.items() for d in known.doubts]
    silent = [(silence.series, TimeRange(*silence[1:3])) for silence in uncounted(store, silences, now)]
    inside = [(series, span) for series, span in doubts if window.start <= span.start and span.end <= window.end]
    for series, span in (*_others(silent, _by_pair(doubts)), *_others(inside, _by_pair(silent))):
        found[series].append(span)
    return {series: TimeRanges.of(ranges) for series, ranges in found.items() if ranges}


def _any(by_finer: Mapping[int, TimeRanges]) -> TimeRanges:
    """The slots in which the series agrees, or disagrees, with any finer one."""
    return TimeRanges.of(span for ranges in by_finer.values() for span in ranges)


def _by_pair(spans: Iterable[tuple[Series, TimeRange]]) -> Mapping[Pair, TimeRanges]:
    found: dict[Pair, list[TimeRange]] = defaultdict(list)
    for series, span in spans:
        found[series.pair].append(span)
    return {pair: TimeRanges.of(ranges) for pair, ranges in found.items()}


def _others(
    spans: Iterable[tuple[Series, TimeRange]], known: Mapping[Pair, TimeRanges]
) -> list[tuple[Series, TimeRange]]:
    """The spans of which nothing is known of their pairs."""
    return [(series, span) for series, span in spans if not known.get(series.pair, _NOTHING).meets(*span)]
