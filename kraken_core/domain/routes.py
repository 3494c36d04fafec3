"""Routes: the cheapest set of requests that repairs what a pair is missing (domain rule 10).

An OHLC answer serves the last 720 slots of its series and what derives from them. A sweep of the pair's trades serves
every interval: it makes candles of the finest one requested, and the others are derived. So what decides is, for each
missing instant, the finest interval that is missing it: an answer of that or of a finer interval serves it, if it
reaches back so far; else it has to be swept.

Of an exchange that answers candles of any time, page by page, that interval's own pages are requested. Where these
leave out slots without trades, what they left out is swept then, or all of it at once where that is cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from kraken_core.domain.exchange import ohlc_horizon, venue_of
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.missing import CandlePage, Known, Missing, Repair
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, ceil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_NOTHING = TimeRanges()


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes that may be used. ``now`` is the exchange's present, from which the OHLC endpoint reaches back."""

    now: int
    ohlc: bool = True
    trades: bool = True

    def repair(self, missing_of: Missing) -> Repair:
        """The cheapest repair of all that the routes can reach; sweeps win ties, being the official record."""
        repair = Repair(missing_of.pair, min(missing_of.missing), trades_a_second=missing_of.trades_a_second)
        of = venue_of(missing_of.pair)
        if of.is_ranged:
            return self._ranged(repair, missing_of)
        if not (self.trades and of.trades):
            return replace(repair, ohlc=self._fewest(missing_of))
        needs = missing_of.needs()
        reaches = self._reaches(missing_of, needs)
        slot = repair.finest * 60
        sweeps = missing_of.sweeps(_unanswered(needs, reaches, (), slot))
        repair = replace(repair, sweeps=sweeps)
        useful = sorted({j for answering in reaches.values() for j in answering})
        least = sum(sweep.requests for sweep in missing_of.sweeps(_unanswered(needs, reaches, useful, slot)))
        for count in range(1, len(useful) + 1):
            if count + least >= repair.requests:
                break
            for chosen in combinations(useful, count):
                sweeps = missing_of.sweeps(_unanswered(needs, reaches, chosen, slot))
                if count + sum(sweep.requests for sweep in sweeps) < repair.requests:
                    repair = replace(repair, ohlc=chosen, sweeps=sweeps)
        return replace(repair, instead=self._instead(missing_of, repair)) if repair.sweeps else repair

    def horizon(self, pair: Pair, interval: int) -> TimeRanges:
        """The slots that an OHLC answer covers."""
        return TimeRanges.single(*ohlc_horizon(Series(pair, interval), self.now))

    def _ranged(self, repair: Repair, missing_of: Missing) -> Repair:
        """Of an exchange that answers candles of any time: their pages, and sweeps of what these cannot show."""
        needs = missing_of.needs()
        repair = self._of_needs(repair, missing_of, needs)
        answered: Known = {repair.finest: TimeRanges.of(sweep[:2] for sweep in repair.sweeps)}
        for interval, start, end in repair.pages:
            answered[interval] = answered.get(interval, _NOTHING) | TimeRanges.single(start, end)
        known = missing_of.closed(answered)
        if rest := {i: left for i, slots in missing_of.missing.items() if (left := slots - known[i])}:
            # Parts of a slot that are known at different intervals do not add up: it is requested as a whole.
            needs = {i: needs.get(i, _NOTHING) | rest.get(i, _NOTHING) for i in sorted({*needs, *rest})}
            repair = self._of_needs(repair, missing_of, needs)
        return repair

    def _of_needs(self, repair: Repair, missing_of: Missing, needs: Known) -> Repair:
        of, slot = venue_of(missing_of.pair), repair.finest * 60
        if of.quiet_rows or not (self.trades and of.trades):
            return replace(repair, pages=self._pages(missing_of, needs))
        whole = missing_of.sweeps(TimeRanges.of(span for found in needs.values() for span in found).outer(slot))
        answered = {i: needs[i] & self._paged(missing_of, i) for i in needs}
        pages = self._pages(missing_of, {i: needs[i] - answered[i] for i in needs})
        sweeps = missing_of.sweeps(TimeRanges.of(span for found in answered.values() for span in found).outer(slot))
        cost = len(pages) + sum(sweep.requests for sweep in sweeps)
        if not self.ohlc or (missing_of.rate is not None and sum(sweep.requests for sweep in whole) <= cost):
            return replace(repair, pages=(), sweeps=whole, left_over=0)
        left_over = min(len(pages), len(whole)) * of.search + len(pages)
        return replace(repair, pages=pages, sweeps=sweeps, left_over=left_over)

    def _paged(self, missing_of: Missing, interval: int) -> TimeRanges:
        """The instants whose candles, which an interval is made of, were requested already."""
        of = page_interval(missing_of.pair, interval)
        return missing_of.paged.get(of, _NOTHING).outer(interval * 60)

    def _pages(self, missing_of: Missing, needs: Known) -> tuple[CandlePage, ...]:
        """The fewest pages of candles over all that is needed: each begins with a missing slot."""
        of, found = venue_of(missing_of.pair), []
        wanted: Known = {}
        for i, instants in needs.items() if self.ohlc else ():
            if interval := page_interval(missing_of.pair, i):
                slots = instants.outer(interval * 60) & self.horizon(missing_of.pair, interval)
                wanted[interval] = wanted.get(interval, _NOTHING) | slots
        for interval, slots in wanted.items():
            width, until = interval * 60, 0
            for start, end in slots:
                at = max(start, until)
                while at < end:
                    until = at + of.page * width
                    found.append(CandlePage(interval, at, min(until, slots.hull.end)))
                    at = until
        return tuple(found)

    def _instead(self, missing_of: Missing, repair: Repair) -> tuple[int, ...]:
        """Of every interval with missing slots that its answer reaches; the largest that makes up 720 minutes."""
        found = []
        for i, missing in missing_of.missing.items():
            answering = max((j for j in self._intervals(missing_of) if i % j == 0), default=0)
            if answering and missing & self.horizon(missing_of.pair, answering).outer(i * 60):
                found.append(answering)
        return tuple(sorted({*found} - {*repair.ohlc}))

    def _fewest(self, missing_of: Missing) -> tuple[int, ...]:
        """The fewest answers that serve all that any answers serve."""
        horizons = {j: self.horizon(missing_of.pair, j) for j in self._intervals(missing_of)}
        useful = [j for j in horizons if any(i % j == 0 and missing for i, missing in missing_of.missing.items())]
        most = _within(missing_of, {j: horizons[j] for j in useful})
        sets = (chosen for count in range(len(useful)) for chosen in combinations(useful, count))
        fits = (c for c in sets if _within(missing_of, {j: horizons[j] for j in c}) == most)
        return next(fits, tuple(useful))

    def _intervals(self, missing_of: Missing) -> tuple[int, ...]:
        """Those of the candles that may be requested."""
        return venue_of(missing_of.pair).intervals if self.ohlc else ()

    def _reaches(self, missing_of: Missing, needs: Known) -> dict[int, dict[int, int]]:
        """For each need, the intervals of which an answer serves some of it, and from when on.

        Only where all of a coarse slot is known at one finer interval is it derived: what is swept and what was
        answered add up where the answer's interval is requested too, else it takes whole slots answered.
        """
        reaches: dict[int, dict[int, int]] = {}
        for i, instants in needs.items():
            reaches[i] = {}
            for j in self._intervals(missing_of):
                if i % j == 0 and (horizon := self.horizon(missing_of.pair, j)):
                    start = horizon.hull.start
                    adds_up = j == i or j in missing_of.missing
                    start = start if adds_up else ceil(start, i * 60)
                    start = max(start, ceil(missing_of.unlisted_until, i * 60))
                    if instants.bounds[-1] > start:
                        reaches[i][j] = start
        return reaches


def page_interval(pair: Pair, interval: int) -> int:
    """The interval whose candles are requested to make those of another; 0 where there is none."""
    return max((j for j in venue_of(pair).intervals if interval % j == 0), default=0)


def _within(missing_of: Missing, more: Mapping[int, TimeRanges]) -> int:
    """How many seconds of missing slots are known with ``more``; what is known grows with it, so equal is the same."""
    known = missing_of.closed(more)
    return sum((missing & known[i]).seconds for i, missing in missing_of.missing.items())


def _unanswered(needs: Known, reaches: Mapping[int, Mapping[int, int]], chosen: Sequence[int], slot: int) -> TimeRanges:
    """What is left to sweep beside the chosen answers, in whole slots (seconds)."""
    rest: list[tuple[int, int]] = []
    for i, instants in needs.items():
        answered = min((reaches[i][j] for j in chosen if j in reaches[i]), default=END_OF_TIME)
        rest += instants.clip(0, answered)
    return TimeRanges.of(rest).outer(slot)
