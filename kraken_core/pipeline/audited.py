"""Audited: what audits come to now. They lapse where candles or claims in their span change, unless counts still agree.

The ids are a fact, and stay. What is stored may change: then the trades stored are counted again. That something
changed is seen by the claims that reach into the span, and by how many candles there are, as reading every candle
whenever coverage is worked out would take too long.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from kraken_core.domain.audit import (
    UNCONFIRMED,
    AuditedSlots,
    AuditedSpan,
    AuditVerdict,
    Phantoms,
    TradeCounts,
    audited_slots,
    verdict,
)
from kraken_core.domain.candles import is_settled
from kraken_core.domain.coverage import Assertion, by_series, known
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import CandleStore, MarketLedger

UNCOUNTED = "some of its candles have no count of trades, or are provisional"


def audited(
    store: CandleStore, ledger: MarketLedger, pairs: Collection[Pair], claims: Sequence[Assertion]
) -> dict[Series, AuditedSlots]:
    """The results of audits of pairs, by series; those of what has changed since are judged again, and recorded."""
    found = [span for span in ledger.audits(pairs) if span.by_ids is not None]
    if not found:
        return {}
    of_series = by_series(claims)
    now = judged(store, ledger, found, of_series)
    ledger.judge_audits([span for span, before in zip(now, found, strict=True) if span != before])
    spans: dict[Series, list[AuditedSpan]] = defaultdict(list)
    for span in now:
        spans[span.series].append(span)
    return {series: audited_slots(each) for series, each in spans.items()}


def judged(
    store: CandleStore, ledger: MarketLedger, spans: Sequence[AuditedSpan], claims: Mapping[Series, Sequence[Assertion]]
) -> list[AuditedSpan]:
    """The same spans, those judged again of which the claims or the number of candles are others than they were."""
    fresh = with_basis(store, spans, claims)
    changed = [now for now, before in zip(fresh, spans, strict=True) if now != before]
    anew = recounted(store, ledger, changed, claims)
    return [anew.get(span, span) for span in fresh]


def recounted(
    store: CandleStore, ledger: MarketLedger, spans: Iterable[AuditedSpan], claims: Mapping[Series, Sequence[Assertion]]
) -> dict[AuditedSpan, AuditedSpan]:
    """What each span comes to by what is stored and known now."""
    anew: dict[AuditedSpan, AuditedSpan] = {}
    of_each: dict[Series, list[AuditedSpan]] = defaultdict(list)
    for span in spans:
        of_each[span.series].append(span)
    for series, of_series in of_each.items():
        covered = TimeRanges.of((start, end) for _, start, end in known(claims.get(series, ())))
        counts, uncounted = trade_counts(
            store, series, TimeRanges.of((span.start, span.end) for span in of_series) & covered
        )
        phantoms = Phantoms(ledger.trade_spans(series.pair))
        for span in of_series:
            anew[span] = _judged(span, counts, covered, uncounted, phantoms)
    return anew


def with_basis(
    store: CandleStore, spans: Sequence[AuditedSpan], claims: Mapping[Series, Sequence[Assertion]]
) -> list[AuditedSpan]:
    """The same spans with what shows whether anything of them has changed since."""
    candles = _candles(store, spans)
    return [span._replace(basis=_digest(span, claims.get(span.series, ())), candles=candles[span]) for span in spans]


def _judged(
    span: AuditedSpan, counts: TradeCounts, covered: TimeRanges, uncounted: TimeRanges, phantoms: Phantoms
) -> AuditedSpan:
    span = span._replace(stored=counts.between(span.start, span.end), reason="")
    if covered.clip(span.start, span.end) != TimeRanges.single(span.start, span.end):
        return span._replace(verdict=AuditVerdict.LAPSED, reason="not all of it is covered any more")
    if uncounted.meets(span.start, span.end):
        return span._replace(verdict=AuditVerdict.UNKNOWN, reason=UNCOUNTED)
    swept = phantoms.unconfirmed(span.start, span.end) - span.phantoms  # what the audit saw, it saw of them
    came = verdict(span.by_ids, span.stored, max(swept, 0))
    return span._replace(verdict=came, reason=UNCONFIRMED if came is AuditVerdict.UNKNOWN else "")


def trade_counts(store: CandleStore, series: Series, ranges: TimeRanges) -> tuple[TradeCounts, TimeRanges]:
    """How many trades the candles of a series count, and the slots whose candles have no count, or one that may change.

    Those count none.
    """
    frame = store.candles({series: ranges}, ("trades", "rank"))
    opens = frame["time"].dt.epoch("s")
    unsure = frame.select(unsure=pl.col("trades").is_null() | ~is_settled())["unsure"]
    slots = ((at, at + series.width) for at in opens.filter(unsure))
    counted = frame["trades"].fill_null(0).cast(pl.Int64)
    return TradeCounts.of(opens.to_numpy(), counted.to_numpy()), TimeRanges.of(slots)


def _digest(span: AuditedSpan, claims: Iterable[Assertion]) -> str:
    """What identifies the claims that reach into a span, or touch it."""
    digest = hashlib.blake2b(digest_size=8)
    for claim in claims:
        if claim.start <= span.end and span.start <= claim.end:
            digest.update(repr((str(claim.source), *claim[1:3], *claim[4:])).encode())
    return digest.hexdigest()


def _candles(store: CandleStore, spans: Sequence[AuditedSpan]) -> dict[AuditedSpan, int]:
    """How many candles each span contains. Those that touch are counted apart: of a set of ranges they would be one."""
    apart: list[dict[Series, list[AuditedSpan]]] = []
    for span in sorted(spans, key=lambda span: (span.series, span.start)):
        fitting = (each for each in apart if not (placed := each.get(span.series)) or placed[-1].end < span.start)
        chosen = next(fitting, None)
        if chosen is None:
            apart.append(chosen := {})
        chosen.setdefault(span.series, []).append(span)
    found: dict[AuditedSpan, int] = {}
    for each in apart:
        ranges = {series: TimeRanges.of((s.start, s.end) for s in placed) for series, placed in each.items()}
        for series, counts in store.count(ranges).items():
            found.update(zip(each[series], counts, strict=True))
    return found
