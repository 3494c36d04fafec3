"""What is known of single slots and ranges, and why: questions whose answers cite claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.domain.interval_text import bases, parse_interval, parse_length
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, ceil, floor, iso
from kraken_core.workbench import requests
from kraken_core.workbench.history_reads import HistoryReads
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    from kraken_core.workbench.queries.explanation import Claim, SlotExplanation


class SlotPage(NamedTuple):
    """Slots that open in ``[start, end)``, epoch seconds, of those up to ``last``."""

    start: int
    end: int
    last: int

    @property
    def following(self) -> int | None:
        """Where those that follow begin; None where none do."""
        return self.end if self.end < self.last else None


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

        window = requests.window(start, end)
        known = self.known()
        try:
            with self.undisturbed():
                Required(known.ledger, known.now).check(
                    self.pair(pair), parse_length(interval), window, parse_grade(evidence)
                )
        except IncompleteError as error:
            return error
        return None

    def claims(self, pair: str | Pair, interval: int | str, span: TimeRange) -> tuple[Claim, ...]:
        """Who claimed what of a span (epoch seconds), newest first, 200 at most; of a series that candles are made of.

        Of an interval that archives do not have, those of the coarsest that divides it and of which there are any.
        """
        from kraken_core.workbench.queries.explanation import claims_of

        of, length = self.pair(pair), parse_length(interval)
        for base in (length,) if length in INTERVALS else bases(length):
            series = Series(of, base)
            if found := claims_of(series, span, self.ledger.evidence(series, span)):
                return found
        return ()

    def extent(self, pair: str | Pair) -> TimeRange:
        """From a pair's listing, or its first candle, to the last detection; an empty range where nothing is known."""
        from kraken_core.workbench.queries.required import bounded

        of, known = self.pair(pair), self.known()
        lives = next((record.lives for record in known.ledger.pairs() if record.pair == of), ())
        if not lives:
            return TimeRange(0, 0)
        return bounded(known.ledger, of, TimeRange(lives[0].start, END_OF_TIME), known.now)

    def span(self, pair: str | Pair, start: When | None = None, end: When | None = None) -> TimeRange:
        """``[start, end)``, in epoch seconds, as far as it is past: else the pair's :meth:`extent`.

        Raises UsageError where nothing lies in it though something is known of the pair: that would be complete.
        """
        known = self.extent(pair)
        first = requests.instant(start) if start is not None else known.start
        last = min(requests.instant(end), self.clock.now()) if end is not None else known.end
        if first >= last and (known.end or end is not None):
            raise UsageError(f"there is nothing from {iso(first)} to {iso(last)}: give an earlier start, or an end.")
        return TimeRange(first, max(first, last))

    def first_slots(
        self, pair: str | Pair, interval: int | str, start: When | None, end: When | None, at_most: int
    ) -> SlotPage:
        """The first slots that open in a :meth:`span`. Raises UsageError where none does, or nothing is stored."""
        whole, width = self.span(pair, start, end), parse_length(interval) * 60
        if whole.start >= whole.end or (start is None and not whole.start):
            raise UsageError(f"nothing is stored of {self.pair(pair)}: ingest it first.")
        first = ceil(whole.start, width) if start is not None else floor(whole.start, width)
        if first >= whole.end:
            raise UsageError(f"no slot opens from {iso(first)} to {iso(whole.end)}: give an earlier start, or an end.")
        return SlotPage(first, min(first + at_most * width, whole.end), whole.end)

    def pair(self, pair: str | Pair) -> Pair:
        """A pair by any name that is accepted: BTC/USD, XBTUSD. Raises UnknownPairError."""
        return pair if isinstance(pair, Pair) else self.ledger.names().pair(pair)
