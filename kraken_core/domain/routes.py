"""Routes: the cheapest set of requests that repairs what a pair is missing (domain rule 10).

An OHLC answer serves the last 720 slots of its series and what derives from them. A sweep of the pair's trades serves
every interval: it makes candles of the finest one requested, and the others are derived. So what decides is, for each
missing instant, the finest interval that is missing it: an answer of that or of a finer interval serves it, if it
reaches back so far; else it has to be swept.

Of an exchange that answers candles of any time, page by page, that interval's own pages are requested. Where these
leave out slots without trades, what they left out is swept then, or all of it at once where that is cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.exchange import ohlc_horizon, venue_of
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.sweep_plan import UNKNOWN_RATE, Sweep, cheapest
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges, ceil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NOTHING = TimeRanges()
Known = dict[int, TimeRanges]  # by interval


class CandlePage(NamedTuple):
    """Candles to request, of ``[start, end)`` in epoch seconds: whole slots of an interval (minutes)."""

    interval: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Repair:
    """What a pair is repaired with: OHLC answers of some intervals (minutes), and sweeps of its trades.

    ``finest`` is the interval of the candles that sweeps make. ``instead`` are the answers that serve some of what is
    swept, should trades be refused. ``pages`` are those of an exchange that answers candles of any time.
    ``trades_a_second`` is what is expected of the pair. What the pages leave out is swept then, which may take as many
    requests as ``left_over``; 0 where it is not.
    """

    pair: Pair
    finest: int
    ohlc: tuple[int, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    instead: tuple[int, ...] = ()
    pages: tuple[CandlePage, ...] = ()
    trades_a_second: float = field(default=UNKNOWN_RATE, compare=False)
    left_over: int = 0

    @property
    def answers(self) -> int:
        """How many of its requests are for candles."""
        return len(self.ohlc) + len(self.pages)

    @property
    def requests(self) -> int:
        """How many requests it takes, as expected."""
        return self.answers + sum(sweep.requests for sweep in self.sweeps)


@dataclass(frozen=True, slots=True)
class Missing:
    """What a pair is missing, by interval (minutes): ``missing`` slots of every requested interval, possibly none.

    ``covered`` are the slots known at any interval; ``dead`` the instants outside the pair's life, which count as
    known where coarser slots are derived; ``rate`` are the trades a second expected of it, None where nobody knows.
    ``paged`` are the candles of any time that were requested already, by interval.
    """

    pair: Pair
    missing: Mapping[int, TimeRanges]
    covered: Mapping[int, TimeRanges]
    dead: TimeRanges
    rate: float | None
    paged: Mapping[int, TimeRanges] = field(default_factory=dict)

    @property
    def trades_a_second(self) -> float:
        """What is expected of the pair, or of most."""
        return UNKNOWN_RATE if self.rate is None else self.rate

    def sweeps(self, ranges: TimeRanges) -> tuple[Sweep, ...]:
        """The cheapest sweeps over some ranges."""
        return cheapest(ranges, self.trades_a_second, venue_of(self.pair).search)

    def closed(self, more: Mapping[int, TimeRanges]) -> Known:
        """What is known of each interval with ``more``, once all is derived that can be."""
        known = {j: ranges | self.dead for j, ranges in self.covered.items()}
        for j, ranges in more.items():
            known[j] = known.get(j, self.dead) | ranges
        for i in sorted(self.missing):
            mine = known.get(i, self.dead)
            missing_of = self.missing[i] - mine
            for j in (j for j in reversed(INTERVALS) if j < i and i % j == 0 and j in known and missing_of):
                derived = missing_of & known[j].inner(i * 60)
                mine, missing_of = mine | derived, missing_of - derived
            known[i] = mine
        return known

    def needs(self) -> Known:
        """The instants that nothing known makes up for, each under the finest interval that needs it."""
        known = self.closed({})
        settled = _NOTHING
        needs = {}
        for i in sorted(self.missing):
            if left := self.missing[i] - known[i] - settled:
                needs[i] = left
            settled |= known[i] | left
        return needs


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


class Served(NamedTuple):
    """The missing slots of a series that a repair serves: by ``answers`` alone, of ``pages`` or not, and by ``sweeps``.

    The answers serve some without the sweeps.
    """

    answers: TimeRanges = _NOTHING
    swept: TimeRanges = _NOTHING
    sweeps: tuple[Sweep, ...] = ()
    pages: tuple[CandlePage, ...] = ()

    def answers_for(self, start: int, end: int) -> int:
        """How many answers serve a range."""
        return max(1, sum(page.start < end and start < page.end for page in self.pages))


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """The requests to the exchange for all pairs, and what they serve."""

    repairs: tuple[Repair, ...] = ()
    served: Mapping[Series, Served] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many requests it takes, as expected."""
        return sum(repair.requests for repair in self.repairs)

    def serves(self, series: Series, start: int, end: int) -> bool:
        """Whether it repairs some of a range."""
        served = self.served.get(series)
        return served is not None and (served.answers | served.swept).meets(start, end)

    def paged(self, before: Mapping[Series, TimeRanges]) -> dict[Series, TimeRanges]:
        """The candles of any time that were requested before, and its own."""
        found = dict(before)
        for repair in self.repairs:
            for interval in {page.interval for page in repair.pages}:
                series = Series(repair.pair, interval)
                own = TimeRanges.of((page.start, page.end) for page in repair.pages if page.interval == interval)
                found[series] = found.get(series, _NOTHING) | own
        return found


NO_REPAIRS = RepairPlan()


def plan_repairs(routes: Routes, missing_by_pair: Iterable[Missing]) -> RepairPlan:
    """The cheapest repairs, in requests."""
    by_pair = {missing_of.pair: missing_of for missing_of in missing_by_pair}
    return _planned(routes, by_pair, {pair: routes.repair(missing_of) for pair, missing_of in by_pair.items()})


def within_budget(routes: Routes, missing_by_pair: Iterable[Missing], plan: RepairPlan, most: int | None) -> RepairPlan:
    """What of a plan at most so many requests pay for, spent where each repairs the most slots; None pays for all."""
    if most is None or plan.requests <= most:
        return plan
    by_pair = {missing_of.pair: missing_of for missing_of in missing_by_pair}
    repairs = {repair.pair: repair for repair in plan.repairs}
    return _planned(routes, by_pair, _affordable(routes, by_pair, repairs, most))


def _planned(routes: Routes, by_pair: Mapping[Pair, Missing], repairs: Mapping[Pair, Repair]) -> RepairPlan:
    served: dict[Series, Served] = {}
    for pair, repair in repairs.items():
        if repair.requests:
            for i, found in _served(routes, by_pair[pair], repair).items():
                served[Series(pair, i)] = found
    return RepairPlan(tuple(repair for repair in repairs.values() if repair.requests), served)


def _served(routes: Routes, missing_of: Missing, repair: Repair) -> dict[int, Served]:
    free = missing_of.closed({})
    answered: Known = {j: routes.horizon(missing_of.pair, j) for j in repair.ohlc}
    for j in {page.interval for page in repair.pages}:
        answered[j] = TimeRanges.of((page.start, page.end) for page in repair.pages if page.interval == j)
    by_answers = missing_of.closed(answered) if answered else free
    swept = TimeRanges.of((sweep.start, sweep.end) for sweep in repair.sweeps)
    finest = {repair.finest: answered.get(repair.finest, _NOTHING) | swept}
    by_all = missing_of.closed({**answered, **finest}) if swept else by_answers
    return {
        i: Served(
            (missing & by_answers[i]) - free[i],
            (missing & by_all[i]) - by_answers[i],
            repair.sweeps,
            repair.pages,
        )
        for i, missing in missing_of.missing.items()
    }


def _affordable(
    routes: Routes, missing_by_pair: Mapping[Pair, Missing], repairs: Mapping[Pair, Repair], most: int
) -> dict[Pair, Repair]:
    """The requests that repair the most slots each, until they are spent; the last sweep is cut short."""
    parts: list[tuple[float, Pair, Repair]] = []
    for pair, repair in repairs.items():
        missing = missing_by_pair[pair].missing
        for j in repair.ohlc:
            slots = _slots(missing, *routes.horizon(pair, j).hull, of=j)
            parts.append((-slots, pair, replace(repair, ohlc=(j,), sweeps=(), pages=())))
        for sweep in repair.sweeps:
            slots = _slots(missing, sweep.start, sweep.end)
            parts.append((-slots / sweep.requests, pair, replace(repair, ohlc=(), sweeps=(sweep,), pages=())))
        for page in repair.pages:
            slots = _slots(missing, page.start, page.end, of=page.interval)
            parts.append((-slots, pair, replace(repair, ohlc=(), sweeps=(), pages=(page,))))
    chosen: dict[Pair, Repair] = {}
    for _, pair, part in sorted(parts, key=lambda each: each[:2]):
        if most == 0:
            break
        within_budget = part if part.requests <= most else replace(part, sweeps=(_cut(part, most),))
        most -= within_budget.requests
        before = chosen.get(pair, replace(part, ohlc=(), sweeps=(), pages=()))
        chosen[pair] = replace(
            before,
            ohlc=tuple(sorted((*before.ohlc, *within_budget.ohlc))),
            sweeps=tuple(sorted((*before.sweeps, *within_budget.sweeps))),
            pages=tuple(sorted((*before.pages, *within_budget.pages))),
        )
    return chosen


def _slots(missing: Mapping[int, TimeRanges], start: int, end: int, *, of: int = 1) -> int:
    """How many missing slots lie in a range, at the intervals that derive from one."""
    return sum(ranges.clip(start, end).seconds // (i * 60) for i, ranges in missing.items() if i % of == 0)


def _cut(part: Repair, most: int) -> Sweep:
    [(start, end, requests)] = part.sweeps
    slot = part.finest * 60
    return Sweep(start, min(end, ceil(start + (end - start) * most // requests, slot)), most)
