"""A simulated market: what its pairs traded, and so what is true of every candle of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kraken_core.domain.errors import UsageError
from kraken_core.domain.life import Life, lived
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, floor
from kraken_core.simulator import candles, charts
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.renaming import SimulatedRename
from kraken_core.simulator.tape import NS, Tape


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedMarket:
    """The trades of every pair over ``[start, end)``, epoch seconds; ``end`` is the market's present.

    In ``silences`` nothing trades on the whole exchange.
    """

    start: int
    end: int
    listings: Mapping[Pair, Listing]
    silences: TimeRanges
    tapes: Mapping[Pair, Tape]

    @classmethod
    def make(
        cls,
        seed: int,
        listings: Sequence[Listing],
        start: int,
        end: int,
        silences: TimeRanges = TimeRanges(),  # noqa: B008 - frozen
        *,
        renames: Sequence[SimulatedRename] = (),
    ) -> SimulatedMarket:
        """The market of a seed: the same arguments make the same trades, and no pair's depend on another's.

        ``renames``, in the order in which they happen, are of pairs that are listed, to pairs that are not.

        Raises UsageError where a time is no whole minute or a pair is listed twice.
        """
        by_pair = {listing.pair: listing for listing in listings}
        if len(by_pair) < len(listings):
            raise UsageError("A pair is listed twice; give one listing several lives instead.")
        open_hours = TimeRanges.single(start, end) - silences
        tapes = {}
        for pair, listing in by_pair.items():
            trading = open_hours & TimeRanges.of(listing.lives) if listing.lives else open_hours
            if trading.inner(60) != trading:
                raise UsageError(
                    f"{pair} starts or stops trading within a minute; lives and silences are whole minutes."
                )
            tapes[pair] = listing.tape(seed, trading)
        for rename in renames:
            names = rename.split(by_pair[rename.old], tapes[rename.old], TimeRange(start, end))
            for listing, tape in names:
                by_pair[listing.pair], tapes[listing.pair] = listing, tape
        return cls(start, end, by_pair, silences, tapes)

    def truth(self, pair: Pair, interval: int) -> pl.DataFrame:
        """The candles of every closed slot that traded: columns of ``simulator.candles.COLUMNS``, by time."""
        made = charts.candles if self.listings[pair].charted else candles.candles
        return made(self._closed(pair, interval), interval)

    def traded(self, pair: Pair, interval: int) -> TimeRanges:
        """The closed slots that traded, in an interval of minutes."""
        return candles.traded(self._closed(pair, interval), interval)

    def lived(self, pair: Pair, interval: int) -> TimeRanges:
        """The closed slots in which the pair lived, traded or not."""
        width = interval * 60
        return lived(self.lives(pair), width).clip(0, floor(self.end, width))

    def listed(self, pair: Pair) -> list[TimeRange]:
        """When the exchange lists the pair; what is listed at the market's end is so for good."""
        lives = self.listings[pair].lives or (TimeRange(self.start, self.end),)
        return [life if life.end < self.end else life._replace(end=END_OF_TIME) for life in lives]

    def lives(self, pair: Pair) -> tuple[Life, ...]:
        """The pair's lives as its trades show them: from the first to after the last, unless it trades on."""
        tape = self.tapes[pair]
        result = []
        for life in self.listings[pair].lives or (TimeRange(self.start, self.end),):
            trades = tape.between(*life).time_ns // NS
            if len(trades):
                end = None if life.end >= self.end else int(trades[-1]) + 1
                result.append(Life(int(trades[0]), end, assumed=False))
        return tuple(result)

    def _closed(self, pair: Pair, interval: int) -> Tape:
        return self.tapes[pair].between(self.start, floor(self.end, interval * 60))
