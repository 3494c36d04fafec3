"""Slots that audits show to miss trades, which a sweep may bring, become gaps (domain rules 12 and 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import Assertion, known
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.pipeline.audited import trade_counts
from kraken_core.ports import CandleStore

SWEPT_AT_ONCE = 1_000  # trades that a sweep reads for one request


def suspects(
    store: CandleStore,
    spans: Iterable[AuditedSpan],
    covered: Mapping[Pair, Mapping[int, TimeRanges]],
    claims: Mapping[Series, Sequence[Assertion]],
) -> dict[Series, TimeRanges]:
    """The slots of which ids count more trades than are stored, where they are few; and coarser ones missing as many.

    Not what a sweep has read already: another one would find nothing else.
    """
    found: dict[Series, TimeRanges] = {}
    for span in spans:
        if span.verdict is not AuditVerdict.MORE or (span.slots > 1 and (span.by_ids or 0) > SWEPT_AT_ONCE):
            continue
        swept = TimeRanges.of(
            (start, end)
            for claim, start, end in known(claims.get(span.series, ()))
            if claim.source is Source.TRADES and from_api(claim.rank)
        )
        if not swept.meets(span.start, span.end):
            for series, slots in _short_of_trades(store, span, covered[span.series.pair]):
                found[series] = found.get(series, TimeRanges()) | slots
    return found


def _short_of_trades(
    store: CandleStore, span: AuditedSpan, covered: Mapping[int, TimeRanges]
) -> Iterable[tuple[Series, TimeRanges]]:
    """A span, and the coarser slots around it that count no more trades than its own series does."""
    slots = TimeRanges.single(span.start, span.end)
    yield span.series, slots
    for interval, ranges in covered.items():
        series = Series(span.series.pair, interval)
        over = slots.outer(series.width) & ranges
        if interval <= span.series.interval or not over:
            continue
        mine, _ = trade_counts(store, span.series, over)
        theirs, _ = trade_counts(store, series, over)
        if all(theirs.between(*each) <= mine.between(*each) for each in over):
            yield series, over
