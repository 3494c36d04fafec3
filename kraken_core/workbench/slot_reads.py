"""What is known of single slots and ranges, and why: questions whose answers cite claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.interval_text import parse_interval, parse_length
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.workbench import requests
from kraken_core.workbench.history_reads import HistoryReads
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    from kraken_core.workbench.queries.explanation import SlotExplanation


class SlotReads(HistoryReads):
    """Explains slots, and says whether a range is complete."""

    def explain(self, pair: str | Pair, interval: int | str, at: When) -> SlotExplanation:
        """The slot that an instant is in: traded, without trades, missing or outside of life, and by which claims.

        Raises UsageError for what is no pair, interval or time, and for a slot that has not closed.
        """
        from kraken_core.workbench.queries.explanation import Explaining
        from kraken_core.workbench.queries.slots import Slots

        series = Series(self.pair(pair), parse_interval(interval))
        explaining = Explaining(Slots(*self.known()), self.store, self.ledger)
        return explaining.explain(series, requests.instant(at))

    def incomplete(
        self,
        pair: str | Pair,
        interval: int | str,
        start: When | None = None,
        end: When | None = None,
        *,
        evidence: str | None = None,
    ) -> IncompleteError | None:
        """Why the candles of ``[start, end)`` are not complete, on evidence of a grade; None where they are.

        Nothing is read of them. ``interval`` of any length; without a start from the pair's listing, without an end up
        to the last detection. Raises UsageError for whatever it cannot be.
        """
        from kraken_core.workbench.queries.required import Required, parse_grade

        window = TimeRange(requests.instant(start or 0), END_OF_TIME if end is None else requests.instant(end))
        known = self.known()
        try:
            Required(known.ledger, known.now).check(
                self.pair(pair), parse_length(interval), window, parse_grade(evidence)
            )
        except IncompleteError as error:
            return error
        return None

    def extent(self, pair: str | Pair) -> TimeRange:
        """From a pair's listing, or its first candle, to the last detection; an empty range where nothing is known."""
        from kraken_core.workbench.queries.required import bounded

        of = self.pair(pair)
        lives = next((record.lives for record in self.pairs() if record.pair == of), ())
        if not lives:
            return TimeRange(0, 0)
        return bounded(self.ledger, of, TimeRange(lives[0].start, END_OF_TIME), self.clock.now())

    def pair(self, pair: str | Pair) -> Pair:
        """A pair by any name that is accepted: BTC/USD, XBTUSD. Raises UnknownPairError."""
        return pair if isinstance(pair, Pair) else self.ledger.names().pair(pair)
