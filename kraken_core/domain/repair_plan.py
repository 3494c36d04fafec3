"""A plan of repairs: the requests for all pairs, what they serve, and what of them a budget pays for (rule 10)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.market import Pair, Series
from kraken_core.domain.missing import CandlePage, Known, Missing, Repair
from kraken_core.domain.routes import Routes
from kraken_core.domain.sweep_plan import Sweep
from kraken_core.domain.timerange import TimeRanges, ceil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NOTHING = TimeRanges()


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
