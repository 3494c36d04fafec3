"""Candles of many pairs as one frame: a row a candle, or a column a pair."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypedDict

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, TIME, VALUES, chosen
from kraken_core.domain.errors import IncompleteError, UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import Scannable
from kraken_core.workbench.queries.candles import Reading, at_version
from kraken_core.workbench.queries.renames import RenamedReading

NAMED = 3  # refusals; the error has the ranges of all


def check_all(pairs: Sequence[Pair], check: Callable[[Pair], None]) -> None:
    """Check every pair. Raises IncompleteError with what lacks of all of them."""
    refused: list[IncompleteError] = []
    for pair in pairs:
        try:
            check(pair)
        except IncompleteError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        gaps = [gap for error in refused for gap in error.gaps]
        more = f" (and {len(refused) - NAMED:,} pairs more)" if len(refused) > NAMED else ""
        reasons = " ".join(str(error) for error in refused[:NAMED])
        raise IncompleteError(f"{len(refused):,} of {len(pairs):,} pairs are not complete{more}. {reasons}", gaps)


class HowToRead(TypedDict):
    """What of candles' reading is the same for all pairs: see Reading.candles."""

    fill: bool
    partial: bool
    version: int | None


def read(
    reading: Reading | RenamedReading, pairs: Sequence[Pair], interval: int, window: TimeRange, how: HowToRead
) -> pl.DataFrame:
    """The candles of all pairs, sorted by pair and time; read at once where they are returned as they are stored."""
    as_stored = interval in INTERVALS and not how["fill"] and not how["partial"]
    if len(pairs) > 1 and as_stored and isinstance(reading, Reading):
        store = at_version(reading.store, how["version"])
        return store.candles({Series(pair, interval): TimeRanges.single(*window) for pair in pairs}, reading.columns)
    found = [reading.candles(pair, interval, window, **how) for pair in sorted(pairs)]
    return found[0] if len(found) == 1 else pl.concat(found, how="diagonal")


def scanned(reading: Reading, pairs: Collection[Pair], intervals: Collection[int], window: TimeRange) -> pl.LazyFrame:
    """The stored candles of the pairs, read when they are collected, and of files only what is needed."""
    store, columns = reading.store, reading.columns
    if isinstance(store, Scannable):
        return store.scan(pairs, intervals, window, columns)
    ranges = {Series(pair, interval): TimeRanges.single(*window) for pair in pairs for interval in intervals}
    return pl.defer(lambda: store.candles(ranges, columns), schema=chosen(columns))


def pivoted(candles: pl.DataFrame, pairs: Sequence[Pair], column: str) -> pl.DataFrame:
    """One column of candles as time × pair: ``time``, rising, and a column for each pair, in the order given.

    A slot in which a pair has no candle is null. Raises UsageError where it is no column of values.
    """
    if column not in (*VALUES, VWAP):
        raise UsageError(f"pivot is {column!r}; it can be {', '.join((*VALUES, VWAP))}.")
    names = [str(pair) for pair in pairs]
    if candles.is_empty():
        return pl.DataFrame(schema={"time": TIME, **dict.fromkeys(names, FULL_SCHEMA[column])})
    wide = candles.pivot("pair", index="time", values=column).sort("time")
    absent = [pl.lit(None, FULL_SCHEMA[column]).alias(name) for name in names if name not in wide.columns]
    return wide.with_columns(absent).select("time", *names)
