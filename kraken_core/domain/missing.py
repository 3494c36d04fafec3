"""What a pair is missing, and what repairs it: answers, pages of candles, and sweeps of its trades (domain rule 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.exchange import venue_of
from kraken_core.domain.market import INTERVALS, Pair
from kraken_core.domain.sweep_plan import UNKNOWN_RATE, Sweep, cheapest
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    ``paged`` are the candles of any time that were requested already, by interval. Before ``unlisted_until`` (epoch
    seconds) answers may have no rows, as the pair may not have been listed: only trades show that there were none.
    """

    pair: Pair
    missing: Mapping[int, TimeRanges]
    covered: Mapping[int, TimeRanges]
    dead: TimeRanges
    rate: float | None
    paged: Mapping[int, TimeRanges] = field(default_factory=dict)
    unlisted_until: int = 0

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
