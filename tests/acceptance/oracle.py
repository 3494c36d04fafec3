"""What must come out of ingesting some releases of a simulated market, worked out slot by slot, as plain as can be.

Nothing here uses ranges, ranks, coverage or derivation of the package: a slot is covered or it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from kraken_core.domain.life import assumed_listing
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release


@dataclass
class Oracle:
    market: SimulatedMarket
    releases: Sequence[Release]
    _covered: dict[Pair, dict[int, set[int]]] = field(default_factory=dict, repr=False)  # worked out once
    _completes: dict[int, bool] = field(default_factory=dict, repr=False)  # same
    _bounds: dict[int, tuple[int, int | None]] = field(default_factory=dict, repr=False)  # same

    @cached_property
    def files(self) -> dict[tuple[int, Series], list[int]]:
        """The rows (slot opens) of every file there is, by release and series."""
        found = {}
        for number, release in enumerate(self.releases):
            for pair in self.market.listings:
                for interval in release.intervals:
                    series = Series(pair, interval)
                    rows = self._rows(release, series)
                    if rows and series not in release.without and series not in release.lost:
                        found[number, series] = rows
        return found

    @cached_property
    def listings(self) -> dict[Pair, int]:
        """When each pair seems to have been listed, of those that have any file."""
        listings = {}
        for pair in self.market.listings:
            firsts: dict[int, int] = {}
            for (_, series), rows in self.files.items():
                if series.pair == pair:
                    firsts[series.interval] = min(rows[0], firsts.get(series.interval, rows[0]))
            listing = assumed_listing(firsts)
            if listing is not None:
                listings[pair] = listing
        return listings

    def wanted(self, series: Series) -> Iterator[int]:
        listing = self.listings[series.pair]
        for slot in range(self.market.start, self.market.end - series.width + 1, series.width):
            if slot + series.width > listing:
                yield slot

    def covered(self, pair: Pair) -> dict[int, set[int]]:
        """The covered slots by interval: what files and absences know, and what follows from finer intervals."""
        if pair not in self._covered:
            self._covered[pair] = self._worked_out(pair)
        return self._covered[pair]

    def _worked_out(self, pair: Pair) -> dict[int, set[int]]:
        known: dict[int, set[int]] = {}
        for interval in INTERVALS:
            series = Series(pair, interval)
            known[interval] = {slot for slot in self.wanted(series) if self._known(series, slot)}
            for slot in self.wanted(series):
                if any(self._follows(pair, slot, series.width, finer, known[finer]) for finer in _dividing(interval)):
                    known[interval].add(slot)
        return known

    def candles(self, pair: Pair) -> pl.DataFrame:
        """The true candles of every covered slot: pair, interval_minutes, time, prices, volume, trades."""
        parts = []
        for interval, slots in self.covered(pair).items():
            times = pl.Series(sorted(slots), dtype=pl.Int64)
            truth = self.market.truth(pair, interval)
            parts.append(truth.filter(pl.col("time").dt.epoch("s").is_in(times.implode())))
        return pl.concat(parts).sort("interval_minutes", "time")

    def _rows(self, release: Release, series: Series) -> list[int]:
        return sorted({second // series.width * series.width for second in self._traded(release, series)})

    def _traded(self, release: Release, series: Series) -> list[int]:
        """When the trades were that a file of the release counts, epoch seconds."""
        last_slot = (release.end - 1) // series.width * series.width
        until = max(last_slot, release.end - release.edge.get(series, 0))
        seconds = self.market.tapes[series.pair].time_ns // 10**9
        traded: list[int] = seconds[(seconds >= release.start) & (seconds < until)].tolist()
        return traded

    def _known(self, series: Series, slot: int) -> bool:
        return any(self._states(number, release, series, slot) for number, release in enumerate(self.releases))

    def _states(self, number: int, release: Release, series: Series, slot: int) -> bool:
        held = [i for i in INTERVALS if (number, Series(series.pair, i)) in self.files]
        if series.interval in held:
            rows = self.files[number, series]
            finest = series.interval == held[0]
        elif not held and release.manifest and self._complete(number, release):
            rows, finest = [], False
        else:
            return False
        if not release.manifest:
            return rows[0] <= slot < rows[-1]
        start, end = self._borne_out(number, release)
        start = min([start, *rows[:1]])
        if end is None:
            return bool(rows) and start <= slot < rows[-1]
        last = end - end % series.width - series.width
        # The last slot of an archive may lack trades at all but the finest interval, and itself at that one too.
        return start <= slot < last or (slot == last >= start and finest and slot in rows)

    def _borne_out(self, number: int, release: Release) -> tuple[int, int | None]:
        """What a release states as far as its rows bear it out: some have to lie within a day of each end."""
        if number not in self._bounds:
            self._bounds[number] = self._stated_and_found(number, release)
        return self._bounds[number]

    def _stated_and_found(self, number: int, release: Release) -> tuple[int, int | None]:
        files = [(series.width, rows) for (of, series), rows in self.files.items() if of == number]
        start, end = release.start, any(rows[-1] + width >= release.end - DAY_S for width, rows in files)
        end = end or (bool(files) and (self._lists_all(release) or self._is_quiet(number, release)))
        if all(rows[0] > start + DAY_S for _, rows in files):
            start = max(min(rows[0] for of, rows in files if of == width) for width, _ in files)
        return start, release.end if end else None

    def _complete(self, number: int, release: Release) -> bool:
        if number not in self._completes:
            self._completes[number] = self._has_all(number, release)
        return self._completes[number]

    def _has_all(self, number: int, release: Release) -> bool:
        if self._borne_out(number, release) != (release.start, release.end):
            return False
        return self._lists_all(release)

    def _lists_all(self, release: Release) -> bool:
        lost = [series for series in release.lost if series not in release.without]  # which was never in it
        return not any(self._rows(release, series) and series.interval in release.intervals for series in lost)

    def _is_quiet(self, number: int, release: Release) -> bool:
        """Whether fewer than 20 trades are expected from the last row on, at the pace of all pairs together."""
        paces = dict.fromkeys(self.market.listings, 0.0)
        newest = 0
        for (of, series), rows in self.files.items():
            if of == number:
                span = rows[-1] - rows[0]
                pace = len(self._traded(release, series)) / span if span else math.inf
                paces[series.pair] = max(paces[series.pair], pace)
                newest = max(newest, rows[-1] + series.width)
        return sum(paces.values()) * (release.end - newest) < 20

    def _follows(self, pair: Pair, slot: int, width: int, finer: int, known: set[int]) -> bool:
        """Nobody told the listing: that a pair was not seen before shows nothing, but what an archive states does."""
        listing = self.listings[pair]
        parts = range(slot, slot + width, finer * 60)
        return any(p + finer * 60 > listing for p in parts) and all(
            part in known or (part + finer * 60 <= listing and self._known(Series(pair, finer), part)) for part in parts
        )


def _dividing(interval: int) -> Iterable[int]:
    return (finer for finer in INTERVALS if finer < interval and interval % finer == 0)
