"""Candles read as they are wanted: of any interval, whole, filled, or as a version of the table held them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA, aggregate
from kraken_core.domain.errors import UsageError
from kraken_core.domain.fill import filled
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_text import bases, short
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import lived, outside_life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE, VISIBLE
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil
from kraken_core.ports import KnownRecords, StoredCandles, Versioned


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads candles, and asks the ledger what is known of the slots without one; ``vwap``: with that column."""

    store: StoredCandles
    ledger: KnownRecords
    vwap: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that are read, as users see them."""
        return tuple(ALL_VISIBLE if self.vwap else VISIBLE)

    def candles(
        self, pair: Pair, interval: int, window: TimeRange, *, fill: bool, partial: bool, version: int | None
    ) -> pl.DataFrame:
        """Candles of ``interval`` minutes in the window; the archives' eight as they are held, others resampled.

        Raises UsageError where the version cannot be read like that, StoreError where it is gone.
        """
        native = interval in INTERVALS
        if partial and native:
            raise UsageError(f"partial is for resampled intervals: {short(interval)} candles are returned as stored.")
        if version is not None and (fill or not native) and version != self.store.version:
            raise UsageError(
                f"what was known of slots at version {version} is not kept, only what is at {self.store.version}, the "
                "newest: read an interval of the archives, without a fill."
            )
        at = Reading(at_version(self.store, version), self.ledger, self.vwap)
        if not native:
            return at.resampled(pair, interval, window, fill=fill, partial=partial)
        series = Series(pair, interval)
        return at.filled(series, window) if fill else at.stored(series, window)

    def stored(self, series: Series, window: TimeRange) -> pl.DataFrame:
        """The candles of the window as they are held."""
        return self.store.candles({series: TimeRanges.single(*window)}, self.columns)

    def filled(self, series: Series, window: TimeRange) -> pl.DataFrame:
        """As :meth:`held`, silent slots filled and flagged in a column ``filled``."""
        known = self.covered(series) & TimeRanges.single(*window)
        return filled(self.stored(series, window), known, series.width)

    def resampled(self, pair: Pair, interval: int, window: TimeRange, *, fill: bool, partial: bool) -> pl.DataFrame:
        """Candles whose slots open in the window, each made of the coarsest ones that cover its slot.

        Only slots that are covered as a whole, unless the others are wanted too: as far as there are candles of them,
        flagged in a column ``partial``. Slots outside the pair's life lack nothing. Raises UsageError where candles of
        the pair are stored, and none of an interval that makes these.
        """
        self._check_makeable(pair, interval)
        width = interval * 60
        left = TimeRanges.single(ceil(window.start, width), ceil(window.end, width))
        lives = next((record.lives for record in self.ledger.pairs() if record.pair == pair), ())
        # By what was claimed, and not by coverage, which ends where a listing is only assumed.
        covered = Knowledge({}, self.ledger.assertions([pair])).covered()
        outside = outside_life(lives)
        columns = FULL_SCHEMA if self.vwap else SCHEMA
        whole, made = TimeRanges(), [pl.DataFrame(schema=columns)]
        for series in (Series(pair, base) for base in bases(interval)):
            slots = (covered.get(series, TimeRanges()) | outside).inner(width) & lived(lives, width) & left
            made.append(aggregate(self.store.candles({series: slots}, columns), interval))
            whole, left = whole | slots, left - slots
        candles = pl.concat(made).sort("time")
        if fill:
            candles = filled(candles, whole, width)
        if not partial:
            return candles
        flagged = [candles.with_columns(partial=False)]
        for series in (Series(pair, base) for base in bases(interval)):
            found = aggregate(self.store.candles({series: left}, columns), interval)
            flagged.append(found.with_columns(partial=True, **({"filled": False} if fill else {})))
            left -= TimeRanges.of((at, at + width) for at in found["time"].dt.epoch("s"))
        return pl.concat(flagged, how="diagonal").sort("time")

    def _check_makeable(self, pair: Pair, interval: int) -> None:
        coverage = self.ledger.coverage([Series(pair, each) for each in INTERVALS])
        stored = {known.series.interval for known in coverage if known.candles}
        if stored and stored.isdisjoint(bases(interval)):
            there = ", ".join(map(short, sorted(stored)))
            raise UsageError(
                f"{pair} {short(interval)} cannot be made: candles of {there} are stored, and none of these lengths "
                f"divides {short(interval)}. Ingest one of {', '.join(map(short, reversed(bases(interval))))}."
            )

    def covered(self, series: Series) -> TimeRanges:
        """What is covered of the series, traded in or not."""
        return TimeRanges.of((c.start, c.end) for c in self.ledger.coverage([series]))

    def sure(self, series: Series) -> TimeRanges:
        """What is covered of the series, but for what is doubtful."""
        known = self.ledger.coverage([series])
        return TimeRanges.of((c.start, c.end) for c in known if c.grade is not Grade.DOUBTFUL)


def at_version(store: StoredCandles, version: int | None) -> StoredCandles:
    """The table as it was at a version, the newest where none is given. Raises UsageError where none is kept."""
    if version is None:
        return store
    if not isinstance(store, Versioned):
        raise UsageError("this candle table keeps no earlier versions: leave the version out.")
    return store.at(version)
