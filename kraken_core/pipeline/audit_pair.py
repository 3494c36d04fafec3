"""One pair compared with trade ids: two requests a covered stretch, and more where a difference is to be located.

Each request is for a page of a few trades: it costs as much as one for a single trade, and shows whether the id of
the first one can be believed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from kraken_core.domain.audit import (
    AuditedSpan,
    AuditVerdict,
    Locator,
    Phantoms,
    TradeCounts,
    stretches,
)
from kraken_core.domain.errors import PairRefusedError
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor
from kraken_core.domain.trade_numbers import IdMark, id_marks, points, skipped_between
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trade_sweep import STALE_S
from kraken_core.domain.trades import PAGE
from kraken_core.pipeline.audited import UNCOUNTED, trade_counts
from kraken_core.pipeline.request_budget import Budget
from kraken_core.ports import CandleStore, Exchange

AUDIT_PAGE = 100  # trades a request: among so many some ids are consecutive, whatever is wrong with others
FIRST = 1  # the id of a pair's first trade
NO_REQUESTS_LEFT = "the requests that were allowed were used up"
NO_IDS = "no trades around it have ids that can be relied on"
_TO_READ = threading.Lock()  # the candles of one pair are read at a time: each may be millions


@dataclass(slots=True)
class PairAudit:
    """The audit of a pair in the making.

    ``covered`` are the slots of each interval; ``marks`` what is known of its ids, ``sweeps`` what sweeps saw of them;
    ``spans`` are what came of it. ``count`` is called for every request.
    """

    pair: Pair
    covered: Mapping[int, TimeRanges]
    exchange: Exchange
    store: CandleStore
    as_of: int
    budget: Budget
    count: Callable[[Pair], None]
    sweeps: Sequence[TradeSpan] = ()
    marks: list[IdMark] = field(default_factory=list)
    spans: list[AuditedSpan] = field(default_factory=list)
    problem: str = ""
    spent: bool = False
    _phantoms: Phantoms = field(init=False)
    _short: bool = False  # whether the last page requested was: nothing may follow it
    _coarse: dict[int, tuple[TradeCounts, TimeRanges]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._phantoms = Phantoms(self.sweeps)
        self.marks += [IdMark.at(seen.start, seen.first_id) for seen in self.sweeps if seen.whole and seen.first_id]

    def run(self, allowance: int | None = 0) -> bool:
        """Compare both ends of every stretch, then locate differences in so many requests; None for all it takes.

        Returns whether nothing is left to locate. What is known already is not requested again. Raises
        UnavailableError, Interrupted.
        """
        self.spans, self.spent = [], False
        left = _Allowance(allowance)
        done = True
        for interval, span in stretches(self.covered):
            series = Series(self.pair, interval)
            with _TO_READ:
                counts, uncounted = trade_counts(self.store, series, TimeRanges.single(*span))
            unusable = TimeRanges.single(*uncounted.hull) if uncounted else uncounted
            self.spans += [_unknown(series, part, UNCOUNTED) for part in unusable]
            for part in TimeRanges.single(*span) - unusable:
                done = self._compared(series, part, counts, left) and done
            self._coarse.clear()
        return done

    def _compared(self, series: Series, part: TimeRange, counts: TradeCounts, left: _Allowance) -> bool:
        """Compare one stretch, and locate its differences; whether all of them are."""
        try:
            known = self._ends(series, part, counts)
        except PairRefusedError as refused:
            self.problem = str(refused)
            known = {}
        if len(known) < 2:  # noqa: PLR2004 - both ends
            reason = self.problem or (NO_REQUESTS_LEFT if self.spent else NO_IDS)
            self.spans.append(_unknown(series, part, reason))
            return True
        locator = Locator(series, counts, self._phantoms, known)
        try:
            while self._narrowed(locator, left):
                pass
        except PairRefusedError as refused:
            self.problem = str(refused)
        finally:  # what was answered until then is kept
            self._came_of(locator)
        return locator.is_done or bool(self.problem)

    def _narrowed(self, locator: Locator, left: _Allowance) -> bool:
        """Request what tells most of the differences; False where nothing is left to request, or no request."""
        at, swept = locator.next(), locator.to_confirm()
        if (at is None and swept is None) or not left.take():
            return False
        if at is not None and (found := self._ask(at)) is not None:
            locator.learn(at, points(found, locator.series.width, (at,)))
        elif at is None and swept is not None:
            locator.phantoms.confirm(swept, self._skipped(swept, locator.counts))
        return not self.spent

    def _skipped(self, swept: TimeRange, counts: TradeCounts) -> int | None:
        """How many ids trades skip in the span of a sweep, by pages of this audit; None where these do not show it."""
        tape, cursor = pl.DataFrame(schema=PAGE), counts.reaching_back(swept.start, AUDIT_PAGE // 2) * NS - 1
        while True:
            if not self.budget.take():
                self.spent = True
                return None
            self.count(self.pair)
            page = self.exchange.trades(self.pair, cursor)
            tape = pl.concat([tape, page.trades])
            if page.skipped or page.trades.is_empty():
                return None
            if page.trades["time"][-1] >= swept.end * NS:
                return skipped_between(tape, *swept)
            if page.is_short or page.cursor <= cursor:
                return None
            cursor = page.cursor

    def _came_of(self, locator: Locator) -> None:
        spans = locator.spans()
        self.spans += spans
        for span in spans:
            if span.verdict is AuditVerdict.PROVED:
                self.spans += self._coarser(span, locator.counts, locator.phantoms)

    def _ends(self, series: Series, part: TimeRange, counts: TradeCounts) -> dict[int, int]:
        """Ids at slots of a stretch, those next to both its ends among them, where any are known."""
        start, end = part

        def known() -> dict[int, int]:
            found = points(self.marks, series.width, (start, end))
            return {at: number for at, number in found.items() if start <= at <= end}

        places: Iterator[int] = iter((counts.reaching_back(end, AUDIT_PAGE // 2), end))
        if start not in known() and not self.problem:
            self._ask(start)
        while end not in known() and not self.problem and (at := next(places, None)) is not None:
            page_is_last = self._ask(max(at, start))
            if page_is_last is None or self._short:
                break
        return known()

    def _ask(self, at: int) -> list[IdMark] | None:
        """What a page from an instant on shows; None where no request is left for it."""
        if not self.budget.take():
            self.spent = True
            return None
        self.count(self.pair)
        page = self.exchange.trades(self.pair, at * NS - 1, AUDIT_PAGE)
        found = id_marks(page.trades, at * NS, (self.as_of - STALE_S) * NS) if not page.skipped else []
        self._short = page.is_short
        self.marks += found
        return found

    def _counts_of(self, series: Series) -> tuple[TradeCounts, TimeRanges]:
        """What a coarser series counts, read once a stretch."""
        if series.interval not in self._coarse:
            with _TO_READ:
                self._coarse[series.interval] = trade_counts(self.store, series, self.covered[series.interval])
        return self._coarse[series.interval]

    def _coarser(self, proved: AuditedSpan, counts: TradeCounts, phantoms: Phantoms) -> Iterable[AuditedSpan]:
        """The coarser slots inside a proved span that count as many trades as its own: they are proved with it.

        Before the trade of id 1 there was none, so that one may begin in the middle of the slot.
        """
        for interval, ranges in self.covered.items():
            series = Series(self.pair, interval)
            since = floor(proved.start, series.width) if proved.first_id == FIRST else proved.start
            inside = TimeRanges.single(since, proved.end).inner(series.width) & ranges
            if interval <= proved.series.interval or not inside:
                continue
            theirs, uncounted = self._counts_of(series)
            for start, end in _equal(inside - uncounted, counts, theirs, series.width):
                skipped = phantoms.within(start, end)
                before = counts.between(proved.start, start) + phantoms.within(proved.start, start)
                first, trades = (proved.first_id or 0) + before, counts.between(start, end)
                yield AuditedSpan(
                    series, start, end, first, first + trades + skipped, skipped, trades, AuditVerdict.PROVED
                )


@dataclass(slots=True)
class _Allowance:
    """How many requests may be made to locate differences, of the whole budget."""

    left: int | None

    def take(self) -> bool:
        if self.left is None:
            return True
        self.left -= 1
        return self.left >= 0


def _equal(ranges: TimeRanges, finer: TradeCounts, coarser: TradeCounts, width: int) -> Iterator[TimeRange]:
    """The runs of slots of which both count as many trades."""
    for start, end in ranges:
        edges = np.arange(start, end + 1, width)
        both = [np.diff(counts.totals[counts.opens.searchsorted(edges)]) for counts in (finer, coarser)]
        bounds = np.flatnonzero(np.diff(np.concatenate([[False], both[0] == both[1], [False]]).astype(np.int8)))
        yield from (TimeRange(int(edges[first]), int(edges[behind])) for first, behind in bounds.reshape(-1, 2))


def _unknown(series: Series, part: TimeRange, reason: str) -> AuditedSpan:
    return AuditedSpan(series, *part, None, None, 0, 0, AuditVerdict.UNKNOWN, reason)
