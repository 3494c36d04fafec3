"""Proving a candle table whole, or some series of it: every file as it was written, every slot once.

One file at a time is in memory, and of slots that several files may have a million at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from kraken_core.domain.candles import FULL_SCHEMA, KEY
from kraken_core.domain.errors import StoreError
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Series
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Damage
from kraken_core.stores.delta.index import FileIndex
from kraken_core.stores.delta.log import ActiveFile
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.spans import spans_of, spans_of_unsorted
from kraken_core.stores.files.table_form import PARTITION

SLOTS_AT_ONCE = 1_000_000


def damages(
    files: CandleFiles, active: Mapping[str, ActiveFile], chosen: Collection[Series] | None = None
) -> Iterator[Damage]:
    """What is wrong with files of a table: each by itself, and then among each other, for the chosen series, or all."""
    readable = FileIndex()
    for path, file in sorted(active.items()):
        yield from (Damage(path, problem) for problem in _problems(files, path, file, readable))
    for ranges in _batches(readable, chosen):
        yield from _repeated_slots(files, readable, ranges)


def _problems(files: CandleFiles, path: str, file: ActiveFile, readable: FileIndex) -> Iterator[str]:
    size = files.place.size(path)
    if size is None:
        yield "is missing"
        return
    if size != file.size:
        yield f"has {size:,} bytes; {file.size:,} were written"
    try:
        candles, footer = files.whole([path], file.interval), files.footer(path).spans
    except StoreError as error:
        yield f"cannot be read: {error.__cause__}".partition("\n")[0]
        return
    if candles.schema != pl.Schema(FULL_SCHEMA) or candles.select(KEY).null_count().sum_horizontal().item():
        yield "contains no candles: its columns are others, or pairs and times are empty"
        return
    content = spans_of_unsorted(candles.lazy())
    readable.add(path, file.interval, content)
    if footer != content:
        yield "contains other candles than its footer lists"
    try:
        spans_of(candles)
    except StoreError:
        yield "is not sorted by pair and time, or has a slot twice"


def _batches(index: FileIndex, chosen: Collection[Series] | None = None) -> Iterator[dict[Series, TimeRanges]]:
    """Where to look for slots that several files have, at most :data:`SLOTS_AT_ONCE` candles at a time."""
    batch: dict[Series, TimeRanges] = {}
    room = SLOTS_AT_ONCE
    for series, ranges, spans in index.contested():
        if chosen is not None and series not in chosen:
            continue
        candles = sum(span.candles for span in spans)
        if candles > SLOTS_AT_ONCE:
            yield from ({series: piece} for piece in _pieces(ranges, series.width * (SLOTS_AT_ONCE // len(spans))))
            continue
        if candles > room:
            yield batch
            batch, room = {}, SLOTS_AT_ONCE
        batch[series] = ranges
        room -= candles
    if batch:
        yield batch


def _pieces(ranges: TimeRanges, seconds: int) -> Iterator[TimeRanges]:
    for start, end in ranges:
        for at in range(start, end, seconds):
            yield TimeRanges.single(at, min(at + seconds, end))


def _repeated_slots(files: CandleFiles, index: FileIndex, ranges: Mapping[Series, TimeRanges]) -> Iterator[Damage]:
    slots = pl.concat(
        files.rows([path], wanted, (*KEY, PARTITION)).with_columns(path=pl.lit(path, pl.Categorical))
        for path, wanted in index.holding(ranges).items()
    )
    twice = (
        slots.group_by(*KEY, PARTITION)
        .agg(pl.col("path").unique())
        .filter(pl.col("path").list.len() > 1)
        .explode("path")
        .group_by("pair", PARTITION)
        .agg(pl.col("time").n_unique().alias("slots"), pl.col("path").cast(pl.String).unique().sort())
        .sort("pair", PARTITION)
    )
    for pair, interval, count, (path, *others) in twice.iter_rows():
        what = f"{counted(count, 'slot')} of {pair} {short(interval)}"
        yield Damage(path, f"contains {what} that {', '.join(others)} contains too")
