"""Copy: candles from one table into another, proven equal piece by piece, and gone on with where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, SCHEMA
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.pipeline.progress import Ticker
from kraken_core.ports import CandleStore, Progress

CANDLES_AT_ONCE = 500_000  # about: bounds the memory
_SEED = 0  # both tables are hashed in one run, by one library


class Copied(NamedTuple):
    """A series that was copied: its candles, a checksum of them with their ranks, and how many were not there before.

    ``different`` counts slots in which the other table has another candle, which ranks as high or higher, and ``extra``
    those in which it alone has one.
    """

    series: Series
    candles: int
    checksum: str
    written: int
    different: int
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """Copies series, one after the other. What is there already is not written again."""

    source: CandleStore
    target: CandleStore
    progress: Progress
    stop: Callable[[], bool]

    def run(self, series: Collection[Series], window: TimeRange) -> list[Copied]:
        """Copy the source's candles of the series in the window. Raises Interrupted when asked to stop, StoreError.

        A series of which the other table alone has candles, as after a job that was undone, is among the results too.
        """
        whole = {each: TimeRanges.single(*window) for each in series}
        counts = {each: found[0] for each, found in self.source.count(whole).items() if found and found[0]}
        ticker = Ticker("copy", sum(counts.values()), self.progress)
        copied = {each: self._series(each, window, counts[each], ticker) for each in sorted(counts)}
        there = {each: found[0] for each, found in self.target.count(whole).items() if found and found[0]}
        both = ((each, copied.get(each) or Copied(each, 0, "", 0, 0)) for each in sorted({*copied, *there}))
        return [of._replace(extra=there.get(each, 0) - of.candles) for each, of in both]

    def _series(self, series: Series, window: TimeRange, candles: int, ticker: Ticker) -> Copied:
        digest, done = hashlib.sha256(), Copied(series, 0, "", 0, 0)
        for piece in self._pieces(series, window, candles):
            if self.stop():
                raise Interrupted("copying was interrupted; run the same command to continue.")
            wanted = {series: TimeRanges.single(*piece)}
            all_ours = self.source.candles(wanted, FULL_SCHEMA)
            if all_ours.is_empty():
                continue
            ours = all_ours.select(*SCHEMA)
            theirs = self.target.candles(wanted)
            written = 0
            if not theirs.equals(ours):
                merged = self.target.commit([self.target.stage(all_ours)])[series]
                written = merged.new + merged.altered
                theirs = self.target.candles(wanted)
            digest.update(_hashes(ours))
            done = done._replace(
                candles=done.candles + ours.height,
                written=done.written + written,
                different=done.different + _different(ours, theirs),
            )
            ticker.add(ours.height, ours.height, str(series))
        return done._replace(checksum=digest.hexdigest())

    def _pieces(self, series: Series, window: TimeRange, candles: int) -> Iterator[TimeRange]:
        """The window in pieces of about CANDLES_AT_ONCE candles, halved as long as one has more."""
        if candles <= CANDLES_AT_ONCE or window.end - window.start <= series.width:
            yield window
            return
        middle = (window.start + window.end) // 2
        halves = TimeRange(window.start, middle), TimeRange(middle, window.end)
        for half in halves:
            [count] = self.source.count({series: TimeRanges.single(*half)})[series]
            if count:
                yield from self._pieces(series, half, count)


def _hashes(candles: pl.DataFrame) -> bytes:
    return candles.hash_rows(_SEED).to_numpy().tobytes()


def _different(ours: pl.DataFrame, theirs: pl.DataFrame) -> int:
    """The slots of ours that differ there; ranks may have risen."""
    return ours.join(theirs, on=[name for name in ours.columns if name != "rank"], how="anti", nulls_equal=True).height
