"""Whether candles of the exchange confirm that a sweep has read all there is: see kraken_core/domain/endings.py."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kraken_core.domain.endings import Agreement, agreement, contradiction, counts_partly, settled
from kraken_core.domain.exchange import NS, AsOf, OhlcAnswer, venue_of
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, floor
from kraken_core.domain.trade_sweep import STALE_S, Ending
from kraken_core.pipeline.request_budget import Budget
from kraken_core.pipeline.trade_pages import trades_after
from kraken_core.ports import Exchange


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Requests candles that may confirm the end of a sweep of a series; ``rate`` are the trades a second expected."""

    exchange: Exchange
    series: Series
    when: AsOf
    rate: float
    budget: Budget

    @property
    def until(self) -> int:
        """Up to when (epoch seconds) candles may confirm that nothing is missing.

        Where they have no rows without trades, up to what all answers show, however old they are: after that a later
        trade has to show it.
        """
        return END_OF_TIME if venue_of(self.series.pair).quiet_rows else self.when.as_of - STALE_S

    def candles(self, of: Series, since: int) -> OhlcAnswer:
        """Candles of the exchange since an instant (epoch seconds), or those that it still has."""
        venue, start = venue_of(of.pair), floor(since, of.width)
        within = TimeRange(start, min(start + venue.page * of.width, self.when.as_of)) if venue.is_ranged else None
        return settled(self.exchange.ohlc(of, self.when.as_of, within=within), of.width, self.when)

    def agreement(self, ending: Ending, at: int, end: int, answer: OhlcAnswer, of: Series) -> tuple[Agreement, Ending]:
        """How far candles agree; where they do not at first, with all trades of a slot that had been read in part."""
        venue = venue_of(of.pair)
        agrees = partial(agreement, newest=venue.newest) if venue.quiet_rows else contradiction
        found = agrees(ending, at, end, answer, of.width, rate=self.rate)
        if found.theirs is not None and counts_partly(ending, at, of.width):
            since = floor(at, of.width) * NS
            if earlier := trades_after(self.exchange, self.series.pair, since - 1, self.budget.take):
                ending = ending.with_earlier(earlier.trades["time"], since)
                found = agrees(ending, at, end, answer, of.width, rate=self.rate)
        return found, ending
