"""A sweep: a pair's trades read page by page, so that after each page it is known how far it is (domain rule 4).

Slots are given as soon as no more trades can be in them. Those that are still in the making are kept as their parts,
so that a sweep of ten thousand pages resumes at its page, wherever it was cut off.

What the exchange answers may be minutes old, and a trade may become visible a while after its time. So, of the last
hour, trades are believed where one was read that is a settling time later in the same page, or where their ids are
consecutive; the rest is in doubt, and something independent has to agree with it (:mod:`kraken_core.domain.endings`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from kraken_core.domain.exchange import NS, AsOf, TradesPage
from kraken_core.domain.market import Series
from kraken_core.domain.repeated_trades import place_of, restated, without_repeats
from kraken_core.domain.sweep_points import SweepPoint, SweepState
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.domain.trade_ids import NO_IDS, IdRun, Run, Skipped, skipped
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trades import PAGE, TradeCandles

STALE_S = 3600  # answers are minutes old at worst: whatever is older than this has been seen by all of them
_A_DAY_NS = 86_400 * NS


class Ending(NamedTuple):
    """Where a sweep has read all there is, what it read needs something independent that agrees with it.

    From ``doubt`` on, epoch nanoseconds. ``times`` are those of the trades read since ``counted_from``, ascending, and
    up to ``until``, epoch seconds.
    """

    doubt: int
    times: pl.Series
    counted_from: int
    until: int

    def with_earlier(self, times: pl.Series, since: int) -> Ending:
        """The same with those of the trades at these times that were made since then, and before the ones it counts."""
        earlier = times.filter((times >= since) & (times < self.counted_from))
        return self._replace(times=pl.concat([earlier, self.times]), counted_from=since)


class SweepStep(NamedTuple):
    """What a page brought: candles (FULL_SCHEMA), the slots now known, and those of them that consecutive ids prove.

    ``sweeping`` is how to go on, None where all is known; where ``ending`` is set, all is read, and something has to
    agree before the rest is known: see :meth:`Sweeping.agreed`. ``stuck``: the page is full of one nanosecond, and
    nothing leads on from it.
    """

    candles: pl.DataFrame
    known: TimeRanges
    proved: TimeRanges
    spans: tuple[TradeSpan, ...]
    sweeping: Sweeping | None
    ending: Ending | None = None
    stuck: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sweeping:
    """A sweep up to ``end`` (epoch seconds, a closed slot's) that has read every trade up to ``cursor``.

    ``tail`` are the trades of the last instant read, which the next page may repeat; ``read`` the times and ids of
    those read in the last day before, from ``counted_from`` on. ``runs`` are where ids were consecutive, ``doubt`` is
    from when on trades may be missing (nanoseconds), ``short`` how many pages in a row were. ``phantoms`` are the ids
    skipped of slots not yet given: behind the trade at which time (nanoseconds), and how many.
    """

    end: int
    recent: int  # from here on (nanoseconds) answers may differ by when they were made
    settling: int  # nanoseconds
    known_until: int
    cursor: int
    making: TradeCandles
    tail: pl.DataFrame
    read: pl.DataFrame
    counted_from: int
    ids: IdRun = NO_IDS
    runs: tuple[Run, ...] = ()
    doubt: int | None = None
    first_id: int | None = None
    phantoms: tuple[tuple[int, int], ...] = ()
    short: int = 0

    @classmethod
    def begin(cls, series: Series, start: int, end: int, when: AsOf, *, id_before: int | None = None) -> Sweeping:
        """A sweep of ``[start, end)``, whole slots of the series, which had settled as of then.

        ``id_before`` is the id of the last trade before the start, 0 where there was none, None where nobody knows.
        """
        making = TradeCandles.empty(series.pair, (series.interval,))
        nothing = pl.DataFrame(schema=PAGE)
        before = start * NS - 1  # a cursor is exclusive
        recent, settling = (when.as_of - STALE_S) * NS, when.settling_s * NS
        read = nothing.select("time", "id")
        ids = NO_IDS if id_before is None else IdRun(Run(before, before), id_before)
        return cls(end, recent, settling, start, before, making, nothing, read, start * NS, ids)

    @classmethod
    def resume(cls, point: SweepPoint, end: int, when: AsOf) -> Sweeping:
        """The sweep that stopped at a point, now up to ``end``."""
        begun = cls.begin(Series(point.pair, point.interval), point.known_until, end, when)
        state = SweepState.parse(point.state)
        return replace(
            begun,
            cursor=point.cursor,
            making=begun.making.join(state.parts),
            tail=state.tail,
            read=state.tail.select("time", "id"),
            counted_from=int(state.tail["time"][0]) if len(state.tail) else begun.counted_from,
            ids=IdRun(state.run, state.last_id) if state.run else NO_IDS,
            doubt=state.doubt,
            first_id=state.first_id,
            phantoms=state.phantoms,
        )

    @property
    def point(self) -> SweepPoint:
        """Where to resume."""
        run = None if self.ids.ahead else self.ids.run
        state = SweepState(self.making.parts, self.tail, run, self.ids.last, self.doubt, self.first_id, self.phantoms)
        return SweepPoint(self.making.pair, self.making.finest, self.known_until, self.cursor, state.text)

    @property
    def may_wait(self) -> bool:
        """Whether it may resume at its point at any later time: that forgets how young what was read was when read.

        Trades may have come late before the last one read, unless that was old then, or ids are consecutive.
        """
        last = int(self.tail["time"][-1]) if len(self.tail) else self.recent
        return last <= self.recent or self._settles(last)

    def following(self, number: int | None) -> Sweeping:
        """With the id of the last trade up to the cursor, where a page shows it, and nothing was read yet."""
        if number is None or self.ids != NO_IDS or self.runs or len(self.tail):
            return self
        return replace(self, ids=IdRun(Run(self.cursor, self.cursor), number))

    def fresh(self, page: TradesPage) -> pl.DataFrame:
        """The trades of the next page that were not read before."""
        return self._unread(page.trades)

    def restated(self, page: TradesPage) -> TimeRanges:
        """When trades were made of which a page says something else than the one before: epoch seconds, unknown now."""
        of_instant, later = self.tail.select("id", "time"), restated(page.trades, self.tail)
        both = pl.concat([of_instant.filter(pl.col("id").is_in(later["id"].to_list())), later.select("id", "time")])
        times = both["time"].to_list()
        return TimeRanges.single(min(times) // NS, max(times) // NS + 1) if times else TimeRanges()

    def skipped(self, fresh: pl.DataFrame) -> list[Skipped]:
        """The ids that fresh trades skip, which are requested again from before the first of them."""
        return skipped(self.ids, fresh["time"].to_list(), fresh["id"].to_list()) if len(fresh) else []

    def found_again(self, fresh: pl.DataFrame, again: pl.DataFrame, skips: Iterable[Skipped]) -> pl.DataFrame:
        """Fresh trades with those that they had skipped, from a page that was requested from before them.

        Those that come after the last of them come again with the next page.
        """
        last = pl.col("time") == fresh["time"][-1]
        inside = pl.any_horizontal(pl.col("id").is_between(skip.first, skip.last) for skip in skips)
        more = without_repeats(self._unread(again).filter(pl.col("time") <= fresh["time"][-1]), fresh)
        lost = more.filter(inside)
        if lost.is_empty():
            return fresh
        # Of the last instant all of them, as those that are missing there may be more than ids show.
        restated = pl.col("id").is_in(fresh.filter(last, pl.col("id") > 0)["id"].to_list())
        more = more.filter(inside | (last & ~restated)) if len(lost.filter(last)) else lost
        rows, order = fresh.rows(), again.rows()
        for row in more.rows():
            rows.insert(place_of(row, rows, order), row)
        return pl.DataFrame(rows, schema=PAGE, orient="row")

    def _unread(self, trades: pl.DataFrame) -> pl.DataFrame:
        """Without those from before the last instant read: of older slots everything was read, or is given."""
        if self.tail.is_empty():
            return trades.filter(pl.col("time") >= self.known_until * NS)
        if len(again := restated(trades, self.tail)):
            trades = trades.join(again, on=list(PAGE), how="anti", nulls_equal=True, maintain_order="left")
        instant = pl.col("time") == self.tail["time"][-1]
        later = trades.filter(pl.col("time") > self.tail["time"][-1])
        return pl.concat([without_repeats(trades.filter(instant), self.tail), later])

    def passed_over(self, skips: Iterable[Skipped], again: TradesPage) -> list[Skipped]:
        """The ids of ``skips`` that were never given to a trade, by a page that was requested for them.

        It has the trades before and behind them, and none in between. A page that is empty, ends before them or begins
        behind them shows nothing of them; nor does one of which a row there cannot be read.
        """
        ids = set(again.trades["id"].to_list())
        # The trade from before a sweep's start is in no page of it.
        before = {again.id_before, self.ids.last if self.tail.is_empty() else None}
        return [
            skip
            for skip in skips
            if (skip.first - 1 in ids or skip.first - 1 in before)
            and skip.last + 1 in ids
            and not again.trades["id"].is_between(skip.first, skip.last).any()
            and not again.unknown & skip.seconds
        ]

    def take(
        self,
        page: TradesPage,
        fresh: pl.DataFrame,
        phantoms: Collection[Skipped] = (),
        unknown: Collection[Skipped] = (),
    ) -> SweepStep:
        """The sweep after the next page, of which these trades are fresh.

        ``phantoms`` are the ids skipped that no trade ever had, ``unknown`` those of which nobody knows.
        """
        if fresh.is_empty():
            return self._without_news(page)
        never = frozenset(skip.first - 1 for skip in (*phantoms, *unknown))
        ids, ended = self.ids.fed(fresh["time"].to_list(), fresh["id"].to_list(), never)
        last = int(fresh["time"][-1])
        runs = (*self.runs, *ended)
        here = [*runs, *([ids.run] if ids.run else [])]
        inside = fresh.filter(pl.col("time") < self.end * NS)
        read = pl.concat([self.read, inside.select("time", "id")])
        newest = min(last, self.end * NS)  # a page may reach far beyond the end
        kept_from = min(newest - 2 * _A_DAY_NS, self.known_until * NS)  # and whatever is of slots not given yet
        trim = len(read) and int(read["time"][0]) < kept_from - _A_DAY_NS
        after = replace(
            self,
            cursor=_following(page, last, self.cursor),
            making=self.making.add(inside) if len(inside) else self.making,
            tail=self._tail(fresh, last),
            read=read.filter(pl.col("time") >= kept_from) if trim else read,
            counted_from=max(self.counted_from, kept_from) if trim else self.counted_from,
            ids=ids,
            runs=runs,
            doubt=self._doubt(fresh, here),
            first_id=self.first_id if len(self.making.parts) else _first(fresh["id"]),
            phantoms=(*self.phantoms, *((skip.since, skip.last - skip.first + 1) for skip in phantoms)),
            short=1 if page.is_short else 0,
        )
        if last >= self.end * NS:
            return after.given_until(self.end) if after.doubt is None else after.ended(after.doubt, self.end)
        # A short page may end where it was made, however long ago: trades before that may not have been visible yet.
        settled = last - self.settling if last > self.recent or page.is_short else last
        bounds = [settled, *([after.doubt] if after.doubt else []), *([ids.run.until] if ids.run and ids.ahead else [])]
        stuck = not page.is_short and after.cursor <= self.cursor
        return after.given_until(min(bounds) // NS)._replace(stuck=stuck)

    def agreed(self, until: int) -> SweepStep:
        """What is known at last, where all is read, and something agrees up to ``until`` (epoch seconds)."""
        return self.given_until(min(until, self.end))._replace(sweeping=None)

    def _without_news(self, page: TradesPage) -> SweepStep:
        short = self.short + 1
        if not page.is_short:
            if page.cursor <= self.cursor:
                return self.given_until(self.known_until)._replace(stuck=True)
            return replace(self, cursor=page.cursor).given_until(self.known_until)
        after = replace(self, short=short)
        if short == 1:  # requested again, it may bring more: a short page is no end
            return after.given_until(self.known_until)
        last = int(self.tail["time"][-1]) if len(self.tail) else self.known_until * NS
        doubt = last if self._settles(last) else max(last - self.settling, self.known_until * NS)
        return after.ended(min(doubt, self.doubt or doubt), END_OF_TIME)

    def ended(self, doubt: int, until: int) -> SweepStep:
        """All is read up to ``until``, and from ``doubt`` on (nanoseconds) something has to agree with it."""
        nothing = self.given_until(self.known_until)
        return nothing._replace(sweeping=self, ending=Ending(doubt, self.read["time"], self.counted_from, until))

    @property
    def all_runs(self) -> list[Run]:
        """Those that ended, and the one in the making."""
        return [*self.runs, *([self.ids.run] if self.ids.run else [])]

    def _settles(self, last: int) -> bool:
        """Whether ids prove that before the last trade read none may come late."""
        return any(run.since <= last - self.settling and run.until >= last for run in self.all_runs)

    def _doubt(self, fresh: pl.DataFrame, runs: Sequence[Run]) -> int | None:
        """From when on a trade may be missing that had not settled in the pages read; None where none can be."""
        found = [] if self.doubt is None else [self.doubt]
        edges = []  # the last trade of a page, and the one that has to follow it
        if len(self.tail):
            edges.append((int(self.tail["time"][-1]), int(fresh["time"][0])))
        last, beyond = int(fresh["time"][-1]), fresh.filter(pl.col("time") >= self.end * NS)["time"]
        if len(beyond) and last - self.settling < self.end * NS:
            edges.append((last, int(beyond[0])))
        for edge, following in edges:
            unsettled = edge - self.settling
            if edge > self.recent and not any(run.since <= unsettled and run.until >= following for run in runs):
                found.append(unsettled)
        doubt = min(found, default=None)
        return None if doubt is None or doubt >= self.end * NS else max(doubt, self.known_until * NS)

    def _tail(self, fresh: pl.DataFrame, last: int) -> pl.DataFrame:
        of_last = pl.col("time") == last
        return pl.concat([self.tail.filter(of_last), fresh.filter(of_last)])

    def given_until(self, instant: int) -> SweepStep:
        """The sweep with all slots given that end by an instant (epoch seconds) and were not given before."""
        width = self.making.finest * 60
        known = TimeRanges.single(self.known_until, instant).inner(width)
        until = known.hull.end if known else self.known_until
        given, rest = self.making.split(until)
        runs = self.all_runs
        proved = TimeRanges.of((run.since // NS + 1, run.until // NS) for run in runs).inner(width) & known
        span = (self._span(TimeRange(self.known_until, until), given.parts, runs),) if known else ()
        after = replace(
            self,
            known_until=until,
            making=rest,
            runs=tuple(run for run in self.runs if run.until > until * NS),
            first_id=_first(self.read.filter(pl.col("time") >= until * NS)["id"]) if known else self.first_id,
            phantoms=tuple(each for each in self.phantoms if each[0] >= until * NS),
        )
        sweeping = after if until < self.end else None
        return SweepStep(given.candles()[self.making.finest], known, proved, span, sweeping)

    def _span(self, given: TimeRange, parts: pl.DataFrame, runs: Sequence[Run]) -> TradeSpan:
        """What was seen of the ids of the slots given."""
        skips = sum(count for since, count in self.phantoms if since < given.end * NS)
        if parts.is_empty():
            return TradeSpan(self.making.pair, *given, None, None, whole=False, phantoms=skips)
        first, last = int(parts["first"][0]), int(parts["last"][-1])
        last_id = _first(self.read.filter(pl.col("time") <= last)["id"].reverse())
        whole = any(run.since <= first and run.until >= last for run in runs)
        return TradeSpan(self.making.pair, *given, self.first_id, last_id, whole, skips)


def _following(page: TradesPage, last: int, cursor: int) -> int:
    """The cursor of what follows a page: its own, or, where it is short, its last trade's time if that is earlier.

    Trades may be lost from a short page, and then its cursor leads past them; what is read again is recognised.
    """
    return max(cursor, min(last, page.cursor) if page.is_short else page.cursor)


def _first(ids: pl.Series) -> int | None:
    return (ids[0] or None) if len(ids) else None
