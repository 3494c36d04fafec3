"""Delistings: where the lives of pairs end that the exchange lists no more (domain rule 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil
from kraken_core.domain.verification.silences import SUSPICIOUS, known_silences
from kraken_core.ports import CandleStore, ClaimLedger

_DAY_S = 86_400
_NEVER = TimeRanges()


@dataclass(frozen=True, slots=True)
class Delistings:
    """Finds the ends of lives in what is stored and covered, as of ``now``."""

    store: CandleStore
    ledger: ClaimLedger
    covered: Mapping[Series, TimeRanges]
    now: int

    def ended(self, lives: Mapping[Pair, Sequence[Life]], pairs: Collection[Pair]) -> dict[Pair, tuple[Life, ...]]:
        """The lives of delisted pairs that end otherwise than was known.

        The last one ends with the last trade where that is known to be the last: where the pair has been so quiet
        since that it has stopped, and no file of later days could not be read. Else what was traded since is unknown
        until the exchange was seen without the pair: it ends then, so that what lies between is missing. Of a life that
        begins later than that, nothing was seen.
        """
        unread: dict[Pair, int] = {}
        for series, span in self.ledger.unread_spans().items():
            unread[series.pair] = max(span.end, unread.get(series.pair, 0))
        last_lives = {pair: lives[pair][-1] for pair in pairs if lives[pair][-1].start < self.now}
        ends = last_traded(self.store, last_lives, self.covered, self.now)
        stopped = self._stopped({pair: (last_lives[pair].start, end) for pair, end in ends.items()})
        ended = {}
        for pair, end in ends.items():
            last, end_now = last_lives[pair], self.now
            if pair in stopped and unread.get(pair, 0) <= end:
                end_now = min(max(end, last.start), self.now)
            elif last.end is not None and last.end > end:
                end_now = last.end
            if end_now != last.end:
                ended[pair] = (*lives[pair][:-1], last._replace(end=end_now))
        return ended

    def _stopped(self, traded: Mapping[Pair, tuple[int, int]]) -> set[Pair]:
        """The pairs, with when each began and last traded, that are known to have been without trades for long enough.

        That is where their own rate until then makes enough trades expected that none of them came by chance. Nothing
        is expected while the whole exchange is known to have stood still.
        """
        before: dict[Series, TimeRanges] = {}
        quiet: dict[Pair, int] = {}
        for pair, (start, end) in traded.items():
            runs = [(self._quiet_since(Series(pair, interval), end), interval) for interval in INTERVALS]
            since, interval = max(runs, key=lambda run: (run[0].end - run[0].start, run[1]))  # little is read of coarse
            asleep, reach = known_silences(pair), max(since.end - since.start, _DAY_S)
            series = Series(pair, interval)
            lived = TimeRanges.single(max(since.start - reach, min(start, since.start)), since.start)
            quiet[pair] = (TimeRanges.single(*since) - asleep).seconds
            before[series] = (lived.outer(series.width) & self.covered.get(series, _NEVER)) - asleep
        candles = self.store.candles({series: ranges for series, ranges in before.items() if quiet[series.pair]})
        counts = candles.group_by("pair").agg(pl.col("trades").fill_null(1).sum())  # one where they were not counted
        trades = {Pair.stored(name): count for name, count in counts.iter_rows()}
        seconds = {series.pair: ranges.seconds for series, ranges in before.items()}
        return {pair for pair, count in trades.items() if count * quiet[pair] >= SUSPICIOUS * seconds[pair]}

    def _quiet_since(self, series: Series, end: int) -> TimeRange:
        """From the first whole slot after the last trade on: what is covered of a series without a hole."""
        first = ceil(end, series.width)
        known = self.covered.get(series, _NEVER).clip(first, max(first, self.now))
        return next((span for span in known if span.start == first), TimeRange(first, first))


def last_traded(
    store: CandleStore, pairs: Collection[Pair], covered: Mapping[Series, TimeRanges], now: int
) -> dict[Pair, int]:
    """The end of the last slot in which each pair is taken to have traded, as fine as that is known; epoch seconds.

    Slots from ``now`` on do not count: a pair that is not listed now traded then in another life, if at all.
    """
    found: dict[Pair, TimeRange] = {}
    looked = dict.fromkeys(pairs, TimeRanges.single(0, now))
    for interval in reversed(INTERVALS):
        width = interval * 60
        known_pairs = store.candles({Series(pair, interval): ranges for pair, ranges in looked.items()})
        for name, at in known_pairs.group_by("pair").agg(pl.col("time").max().dt.epoch("s")).iter_rows():
            pair = Pair.stored(name)
            coarse = found.get(pair, TimeRange(at, at + width))
            within = TimeRanges.single(*coarse) - covered.get(Series(pair, interval), _NEVER)
            if at + width > coarse.end or not within:  # a finer series shows when in the slot, if it covers all of it
                coarse = TimeRange(at, at + width)
            found[pair] = coarse
            looked[pair] = TimeRanges.single(coarse.start, now)
    return {pair: slot.end for pair, slot in found.items()}
