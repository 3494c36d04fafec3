"""Audits: counts of trades compared with trade ids (domain 1.3, rules 12 and 15).

The ids of the first trades at or after both ends of a span differ by the number of trades in between, as far as ids
are never skipped. Where that many are stored in the span's candles, the span is proved. Where not, it is cut in two
again and again, until the slots are found that differ.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from kraken_core.domain.timerange import TimeRange, TimeRanges, floor

if TYPE_CHECKING:
    from kraken_core.domain.market import Series
    from kraken_core.domain.trade_spans import TradeSpan

Ints = npt.NDArray[np.int64]
UNCONFIRMED = "counts agree if ids that a sweep skipped are of no trade, which the audit has not seen itself"
MOST_BLIND = 8  # questions about one span that show no id inside it: then it is not cut any further


class AuditVerdict(StrEnum):
    """What came of a span: as many trades are stored as ids count, or ids count ``more`` or ``fewer``.

    ``unknown``: it could not be compared. ``lapsed``: not all of the span is covered any more.
    """

    PROVED = "proved"
    MORE = "more"
    FEWER = "fewer"
    UNKNOWN = "unknown"
    LAPSED = "lapsed"


class AuditedSpan(NamedTuple):
    """A span of a series that was compared with trade ids, ``[start, end)`` in epoch seconds.

    ``first_id`` and ``next_id`` are those of the first trades at or after both ends, None where they are not known:
    ``reason`` is why. ``phantoms`` of the ids between were never given to a trade, as the audit saw too; ``stored``
    trades are counted in its candles. ``basis`` is a digest of the claims that reach into it, as of when it was judged,
    and ``candles`` how many there were; ``audited_at`` epoch seconds.
    """

    series: Series
    start: int
    end: int
    first_id: int | None
    next_id: int | None
    phantoms: int
    stored: int
    verdict: AuditVerdict
    reason: str = ""
    basis: str = ""
    candles: int = 0
    audited_at: int = 0
    job_id: int = 0
    id: int | None = None

    @property
    def by_ids(self) -> int | None:
        """How many trades ids count in it; None where that is not known."""
        if self.first_id is None or self.next_id is None:
            return None
        return self.next_id - self.first_id - self.phantoms

    @property
    def slots(self) -> int:
        """How many slots it has."""
        return (self.end - self.start) // self.series.width


def verdict(by_ids: int | None, stored: int, unconfirmed: int = 0) -> AuditVerdict:
    """The result of two counts of the same trades.

    Of ``unconfirmed`` ids sweeps alone say that no trade had them. They read the trades too, and where they missed some
    the counts would agree all the same: so these ids prove nothing, and leave nothing in doubt.
    """
    if by_ids is None or by_ids < 0:
        return AuditVerdict.UNKNOWN
    if by_ids == stored:
        return AuditVerdict.PROVED
    if by_ids - unconfirmed == stored:
        return AuditVerdict.UNKNOWN
    return AuditVerdict.MORE if by_ids > stored else AuditVerdict.FEWER


@dataclass(frozen=True, slots=True)
class TradeCounts:
    """How many trades the candles of a series count: ``opens`` ascending, epoch seconds; ``totals`` up to each."""

    opens: Ints
    totals: Ints

    @classmethod
    def of(cls, opens: Ints, trades: Ints) -> TradeCounts:
        """By the candles' opens, ascending, and their counts."""
        return cls(opens, np.concatenate([np.zeros(1, np.int64), np.cumsum(trades)]))

    def between(self, start: int, end: int) -> int:
        """Trades of the slots that open in ``[start, end)``."""
        first, behind = self.opens.searchsorted((start, end))
        return int(self.totals[behind] - self.totals[first])

    def reaching_back(self, end: int, trades: int) -> int:
        """The open of the earliest slot from which no more than so many trades are counted up to ``end``.

        Of the last one that traded, where that alone has more; ``end`` where none did.
        """
        behind = int(self.opens.searchsorted(end))
        if not behind:
            return end
        first = int(self.totals.searchsorted(self.totals[behind] - trades))
        return int(self.opens[min(first, behind - 1)])


class Phantoms:
    """Ids that were never given to a trade, as sweeps found: how many lie in a span, and which an audit saw too."""

    def __init__(self, spans: Iterable[TradeSpan]) -> None:
        """Of what sweeps saw of one pair; of the same time the latest first, as that alone counts."""
        seen = TimeRanges()
        self._found: dict[TimeRange, int] = {}
        self._confirmed: dict[TimeRange, int] = {}
        self._unclear: set[TimeRange] = set()
        for span in spans:
            if not seen.meets(span.start, span.end):
                seen |= TimeRanges.single(span.start, span.end)
                self._found |= {TimeRange(span.start, span.end): span.phantoms} if span.phantoms else {}

    def confirm(self, swept: TimeRange, count: int | None) -> None:
        """What an audit saw of the span of a sweep; None where its answers showed nothing."""
        if count is None:
            self._unclear.add(swept)
        else:
            self._confirmed[swept] = min(count, self._found[swept])

    def within(self, start: int, end: int) -> int:
        """The confirmed ones of sweeps that lie whole in the span."""
        return sum(self._confirmed.get(swept, 0) for swept in self._inside(start, end))

    def unconfirmed(self, start: int, end: int) -> int:
        """Those that sweeps alone found, likewise."""
        return sum(self._found[swept] for swept in self._inside(start, end) if swept not in self._confirmed)

    def to_confirm(self, start: int, end: int) -> TimeRange | None:
        """A sweep's span in there that was not requested yet."""
        left = (swept for swept in self._inside(start, end) if swept not in self._confirmed)
        return next((swept for swept in left if swept not in self._unclear), None)

    def _inside(self, start: int, end: int) -> Iterator[TimeRange]:
        return (swept for swept in self._found if start <= swept.start and swept.end <= end)


class Piece(NamedTuple):
    """A span between two instants at which ids are known."""

    start: int
    end: int
    first_id: int
    next_id: int


@dataclass(slots=True)
class Locator:
    """Narrows differences of one span of a series down, by where to request next; and what is known of its parts.

    ``points``: the id of the first trade at or after a slot's open, by that open (epoch seconds).
    """

    series: Series
    counts: TradeCounts
    phantoms: Phantoms
    points: Mapping[int, int]
    _known: list[tuple[int, int]] = field(init=False)
    _blind: list[int] = field(init=False, default_factory=list)  # requested, and no id is known there

    def __post_init__(self) -> None:
        self._known = sorted(self.points.items())

    @property
    def pieces(self) -> list[Piece]:
        """The parts between neighbouring points."""
        return [Piece(start, end, first, following) for (start, first), (end, following) in pairwise(self._known)]

    def by_ids(self, piece: Piece) -> int:
        """How many trades ids count in a part."""
        return piece.next_id - piece.first_id - self.phantoms.within(piece.start, piece.end)

    def verdict(self, piece: Piece) -> AuditVerdict:
        """What came of a part."""
        unconfirmed = self.phantoms.unconfirmed(piece.start, piece.end)
        return verdict(self.by_ids(piece), self.counts.between(piece.start, piece.end), unconfirmed)

    def to_confirm(self) -> TimeRange | None:
        """The span of a sweep whose phantoms alone make counts agree: the audit has to see them too."""
        unsure = (piece for piece in self.pieces if self.verdict(piece) is AuditVerdict.UNKNOWN)
        spans = (self.phantoms.to_confirm(piece.start, piece.end) for piece in unsure)
        return next((span for span in spans if span), None)

    def differs(self, piece: Piece) -> bool:
        """Whether another number of trades is stored, or ids go back."""
        return self.by_ids(piece) < 0 or self.verdict(piece) in {AuditVerdict.MORE, AuditVerdict.FEWER}

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to request."""
        return self.next() is None and self.to_confirm() is None

    def next(self) -> int | None:
        """Where to request next: in the longest part that differs, so that years are separated before their days are.

        None where every difference is found, as far as ids are known.
        """
        divisible = ((self._cut(piece), piece) for piece in self.pieces if self.differs(piece))
        found = [(piece.start - piece.end, piece.start, cut) for cut, piece in divisible if cut is not None]
        return min(found)[2] if found else None

    def learn(self, at: int, found: Mapping[int, int]) -> None:
        """What the answer to a request showed; where it is nothing about that span, it is not requested there again."""
        start, end = self._known[0][0], self._known[-1][0]
        known = dict(self._known)
        fresh = {each: number for each, number in found.items() if start < each < end and each not in known}
        place = bisect_right(self._known, at, key=_instant)
        before, behind = self._known[place - 1][0], self._known[place][0]
        self._known = sorted({**known, **fresh}.items())
        if not any(before < each < behind for each in fresh):
            insort(self._blind, at)

    def spans(self) -> list[AuditedSpan]:
        """What came of each part; neighbours that are proved are one."""
        result: list[AuditedSpan] = []
        for piece in self.pieces:
            stored = self.counts.between(piece.start, piece.end)
            phantoms = self.phantoms.within(piece.start, piece.end)
            came, reason = self.verdict(piece), ""
            if came is AuditVerdict.UNKNOWN:
                reason = UNCONFIRMED if self.by_ids(piece) >= 0 else "ids are lower at its end than at its start"
            span = AuditedSpan(self.series, *piece, phantoms, stored, came, reason)
            last = result[-1] if result else None
            if last and last.verdict is came is AuditVerdict.PROVED:
                result[-1] = last._replace(
                    end=span.end,
                    next_id=span.next_id,
                    phantoms=last.phantoms + span.phantoms,
                    stored=last.stored + span.stored,
                )
            else:
                result.append(span)
        return result

    def _cut(self, piece: Piece) -> int | None:
        """Where to cut a part; None where it is one slot, or no id is known inside it."""
        width = self.series.width
        if piece.end - piece.start <= width:
            return None
        blind = self._blind[bisect_right(self._blind, piece.start) : bisect_left(self._blind, piece.end)]
        if not blind:
            return _middle(piece.start, piece.end, width)
        before, behind = TimeRange(piece.start, blind[0]), TimeRange(blind[-1], piece.end)
        wider = max(behind, before, key=lambda side: side.end - side.start)
        if len(blind) >= MOST_BLIND or wider.end - wider.start <= width:
            return None
        return _middle(*wider, width)


def _instant(point: tuple[int, int]) -> int:
    return point[0]


def _middle(start: int, end: int, width: int) -> int:
    """A slot's open inside of a span of at least two: that of a month where one begins inside, the most central one."""
    middle = (start + end) // 2
    month = datetime.fromtimestamp(middle, UTC).replace(day=1, hour=0, minute=0, second=0)
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    months = [int(each.timestamp()) for each in (month, following)]
    inside = [at for at in months if start < at < end]
    if inside:
        return min(inside, key=lambda at: abs(at - middle))
    return max(floor(middle, width), start + width)


def stretches(covered: Mapping[int, TimeRanges]) -> list[tuple[int, TimeRange]]:
    """What is audited of a pair: each covered stretch at the finest interval (minutes) that covers it, by time.

    ``covered`` are the slots of each interval. Where a slot is missing, a stretch ends: its trades are unknown.
    """
    finer = TimeRanges()
    found: list[tuple[int, TimeRange]] = []
    for interval, ranges in sorted(covered.items()):
        found += [(interval, span) for span in (ranges - finer).inner(interval * 60)]
        finer |= ranges
    return sorted(found, key=lambda each: each[1])


class AuditedSlots(NamedTuple):
    """The slots of a series that audits prove, and those that they have in doubt. Disjoint."""

    proved: TimeRanges = TimeRanges()
    doubtful: TimeRanges = TimeRanges()


def audited_slots(spans: Iterable[AuditedSpan]) -> AuditedSlots:
    """What the audits of a series come to; of the same slot the newest counts.

    ``spans`` are the newest first. What has lapsed, or could not be compared, shows nothing. Where more is stored than
    ids count, nothing is missing: that is neither proved nor in doubt.
    """
    found: dict[AuditVerdict, TimeRanges] = {AuditVerdict.PROVED: TimeRanges(), AuditVerdict.MORE: TimeRanges()}
    judged = TimeRanges()
    for span in spans:
        if span.verdict in {AuditVerdict.LAPSED, AuditVerdict.UNKNOWN}:
            continue
        fresh = TimeRanges.single(span.start, span.end) - judged
        judged |= fresh
        if span.verdict in found:
            found[span.verdict] |= fresh
    return AuditedSlots(found[AuditVerdict.PROVED], found[AuditVerdict.MORE])
