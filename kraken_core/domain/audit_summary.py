"""What audits come to, added up: by series, by month, and the spans that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, iso

DIFFERS = frozenset({AuditVerdict.MORE, AuditVerdict.FEWER})


class AuditCounts(NamedTuple):
    """Slots that were audited, by what came of them; in ``more`` ids count more trades than are stored."""

    slots: int = 0
    proved: int = 0
    more: int = 0
    fewer: int = 0
    unknown: int = 0

    def plus(self, verdict: AuditVerdict, slots: int) -> AuditCounts:
        """With so many more slots. What has lapsed counts as unknown."""
        name = AuditVerdict.UNKNOWN if verdict is AuditVerdict.LAPSED else verdict
        return self._replace(**{"slots": self.slots + slots, name: getattr(self, name) + slots})


def newest(spans: Iterable[AuditedSpan]) -> list[AuditedSpan]:
    """Those that no newer one replaces: of spans that are the newest first."""
    seen: dict[Series, TimeRanges] = defaultdict(TimeRanges)
    found = []
    for span in spans:
        whole = TimeRanges.single(span.start, span.end)
        if whole - seen[span.series]:
            found.append(span)
            seen[span.series] |= whole
    return found


def summaries(spans: Iterable[AuditedSpan]) -> dict[Series, AuditCounts]:
    """By series, sorted."""
    counts: dict[Series, AuditCounts] = defaultdict(AuditCounts)
    for span in spans:
        counts[span.series] = counts[span.series].plus(span.verdict, span.slots)
    return dict(sorted(counts.items()))


def by_month(spans: Iterable[AuditedSpan]) -> dict[tuple[Series, str], AuditCounts]:
    """By series and month (``2021-03``), sorted; a month that is proved as a whole is left out."""
    counts: dict[tuple[Series, str], AuditCounts] = defaultdict(AuditCounts)
    for span in spans:
        for month, slots in _months(span):
            counts[span.series, month] = counts[span.series, month].plus(span.verdict, slots)
    return {key: found for key, found in sorted(counts.items()) if found.proved < found.slots}


def _months(span: AuditedSpan) -> Iterator[tuple[str, int]]:
    start = span.start
    while start < span.end:
        opened = datetime.fromtimestamp(start, UTC)
        following = datetime(opened.year + opened.month // 12, opened.month % 12 + 1, 1, tzinfo=UTC)
        end = min(span.end, int(following.timestamp()))
        yield f"{opened:%Y-%m}", (end - start) // span.series.width
        start = end


def findings(spans: Iterable[AuditedSpan]) -> list[AuditedSpan]:
    """The spans in which another number of trades is stored than ids count, by series and time."""
    return sorted(
        (span for span in spans if span.verdict in DIFFERS), key=lambda span: (span.series, span.start, span.end)
    )


def described(span: AuditedSpan) -> str:
    """A span and both counts, for people."""
    place = iso(span.start) if span.slots == 1 else str(TimeRange(span.start, span.end))
    return f"{span.series} {place}: {span.stored:,} trades stored, {span.by_ids or 0:,} by ids"
