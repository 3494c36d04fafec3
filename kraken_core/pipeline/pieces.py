"""Candles of pairs in pieces that fit into memory: many small pairs at once, or some whole days of a large one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.verification.frame import Frame
from kraken_core.domain.verification.known_pair import KnownPair, Look
from kraken_core.pipeline.progress import Ticker
from kraken_core.pipeline.settle import DAY_S, whole_days
from kraken_core.ports import Progress, StoredCandles

CANDLES_AT_ONCE = 1_000_000  # about: bounds the memory
_SKEW = 2  # pieces of a pair may be so many times as dense as it is on average

Spans = dict[Pair, TimeRange]


class CandlePiece(NamedTuple):
    """Candles of some pairs: all intervals, each pair's in its days. Pieces of a pair come in the order of time.

    ``done`` are the pairs of which no more pieces follow.
    """

    frame: Frame
    looks: Mapping[Pair, Look]
    done: tuple[Pair, ...]


def pieces(
    store: StoredCandles, pairs: Mapping[Pair, KnownPair], window: TimeRange, progress: Progress
) -> Iterator[CandlePiece]:
    """Every candle of the pairs in a window of whole days."""
    counts = _candles(store, pairs, window)
    ticker = Ticker("verify", sum(counts.values()), progress)
    for spans in _batches(pairs, counts, window):
        chosen = {pair: pairs[pair] for pair in spans}
        days = {pair: TimeRanges.single(*span) for pair, span in spans.items()}
        frame = whole_days(store, chosen, days)
        looks = {pair: known.look(days[pair]) for pair, known in chosen.items()}
        yield CandlePiece(frame, looks, tuple(pair for pair, span in spans.items() if span.end == window.end))
        ticker.add(frame.candles.height, frame.candles.height, str(next(iter(spans))))


def _candles(store: StoredCandles, pairs: Mapping[Pair, KnownPair], window: TimeRange) -> dict[Pair, int]:
    found = store.count({s: TimeRanges.single(*window) for known in pairs.values() for s in known.series})
    counts = dict.fromkeys(pairs, 0)
    for series, candles in found.items():
        counts[series.pair] += sum(candles)
    return counts


def _batches(pairs: Mapping[Pair, KnownPair], counts: Mapping[Pair, int], window: TimeRange) -> Iterator[Spans]:
    """What to read at once: many small pairs, or some whole days of a large one."""
    batch: Spans = {}
    room = CANDLES_AT_ONCE
    for pair, known in pairs.items():
        if counts[pair] > CANDLES_AT_ONCE:
            yield from ({pair: piece} for piece in _pieces(known, counts[pair], window))
            continue
        if counts[pair] > room:
            yield batch
            batch, room = {}, CANDLES_AT_ONCE
        batch[pair] = window
        room -= counts[pair]
    if batch:
        yield batch


def _pieces(known: KnownPair, candles: int, window: TimeRange) -> Iterator[TimeRange]:
    hull = TimeRanges.of(span for ranges in known.covered.values() for span in ranges).hull
    step = max(DAY_S, floor((hull.end - hull.start) // (candles // CANDLES_AT_ONCE * _SKEW), DAY_S))
    start = window.start
    for cut in range(floor(hull.start, DAY_S) + step, hull.end, step):
        if window.start < cut < window.end:
            yield TimeRange(start, cut)
            start = cut
    yield TimeRange(start, window.end)
