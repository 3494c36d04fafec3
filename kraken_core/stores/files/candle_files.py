"""The Parquet files of the candle table: written durably, read by series and range, never changed.

The one place with where they lie. A file has one interval, sorted by pair and time, and lists in its footer
which candles of which pair it has, so that this is known without reading it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, KEY, SCHEMA, TIME, chosen
from kraken_core.domain.errors import StoreError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.failpoints import reached
from kraken_core.ports import CandleSpan, StagedFile
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.file_names import checksum_in, is_as_written, new_name
from kraken_core.stores.files.location import Location
from kraken_core.stores.files.ranges import in_ranges
from kraken_core.stores.files.spans import (
    US,
    FileFooter,
    from_footer,
    pair_of,
    spans_of,
    spans_of_unsorted,
    times_of,
    to_footer,
)
from kraken_core.stores.files.table_form import CANDLE_TABLE, PARTITION, TableForm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

NOT_AS_WRITTEN = "its content is not what was written: its checksum is another"
# Measured on files of 1.5 M rows and 300 pairs: one pair reads in 5 ms, against 8 ms at 262,144 rows a group and 2 ms
# at 16,384, where writing is a fifth slower.
ROWS_A_GROUP = 65_536
SMALL = 262_144  # bytes of a file that is read whole: in a third of the time it takes to scan it for some of its rows
_EVER = TimeRanges.single(0, END_OF_TIME)
ROW = "row"  # a row's number in its file, where a reader needs it


class CandleFiles:
    """The files below a table's folder. Thread-safe: it has no state."""

    form: ClassVar[TableForm] = CANDLE_TABLE

    def __init__(self, place: Location) -> None:
        self.place = place

    def write(self, candles: pl.DataFrame) -> StagedFile:
        """Write candles of one interval as a new file, durable when this returns. Raises StoreError.

        A column of averages without any is left out: it would be a null for each candle of most archives.
        """
        from kraken_core.stores.files.parquet import write_parquet  # noqa: PLC0415 - who only reads does not load it

        interval = _interval_of(candles)
        has_vwap = VWAP in candles.columns and candles[VWAP].null_count() < candles.height
        candles = candles if has_vwap else candles.drop(VWAP, strict=False)
        spans = spans_of(candles)
        folder = f"{PARTITION}={interval}"
        reached("table.stage.before")
        with store_errors("write", self.place.at(folder)):
            write = partial(write_parquet, self._laid_out(candles), to_footer(spans, has_vwap=has_vwap), ROWS_A_GROUP)
            path, size = self.place.write(new_name(folder), write)
            reached("table.stage.after")
        return StagedFile(path, interval, size, spans, has_vwap)

    def _laid_out(self, candles: pl.DataFrame) -> pl.DataFrame:
        """The columns that a file has."""
        return candles.drop(PARTITION)

    def is_whole(self, path: str, size: int) -> bool:
        """Whether a file is there, of so many bytes, and these are the ones that were written. Raises StoreError."""
        with store_errors("read", self.place.at(path)):
            return self.place.size(path) == size and is_as_written(path, self.place.content(path))

    def footer(self, path: str) -> FileFooter:
        """What a file contains, from its footer; a file rewritten by another tool is without ours and is scanned."""
        target = self.place.at(path)
        with store_errors("read", target):
            footer = pl.read_parquet_metadata(
                target, storage_options=self.place.polars_options, credential_provider=None
            )
            found = from_footer(footer)
            if found is None:
                rows = self._as_they_are([path])
                found = FileFooter(self._spans_of(rows), has_vwap=VWAP in rows.collect_schema())
            return found

    @staticmethod
    def _spans_of(rows: pl.LazyFrame) -> dict[Pair, CandleSpan]:
        """The span of each pair in rows of any order."""
        return spans_of_unsorted(rows)

    def rows(
        self, paths: Collection[str], ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA
    ) -> pl.DataFrame:
        """The rows in the ranges of files of one interval, sorted by pair and time; row numbers only of a single file.

        ``columns`` are those to read, pair and time among them. Raises StoreError.
        """
        interval = next(iter(ranges)).interval
        hulls = [stored.hull for stored in ranges.values() if stored]
        window = TimeRange(min((h.start for h in hulls), default=0), max((h.end for h in hulls), default=0))
        with store_errors("read", self.place):
            rows = self._small(paths, interval, columns)
            if rows is None:
                rows = self.scan(paths, [series.pair for series in ranges], window, interval, columns).collect()
        return in_ranges(rows, ranges, interval)

    def staged(
        self, files: Iterable[StagedFile], ranges: Mapping[Series, TimeRanges], columns: Collection[str]
    ) -> pl.DataFrame:
        """The rows in the ranges of files that were staged, file after file. Raises StoreError."""
        schema = chosen(columns)
        found = [pl.DataFrame(schema=schema)]
        for file in files:
            spans = ((Series(pair, file.interval), span) for pair, span in file.spans.items())
            wanted = {
                series: ranges[series]
                for series, span in spans
                if series in ranges and ranges[series].meets(span.first, span.last + series.width)
            }
            if wanted:
                found.append(self.rows([file.path], wanted, schema))
        return pl.concat(found)

    def _small(self, paths: Collection[str], interval: int, columns: Collection[str]) -> pl.DataFrame | None:
        """All rows of a single file, where it is here and so small that to look for some takes longer; else None.

        None, too, where its columns are not those of our files: a scan has the words for that.
        """
        [path, *more] = paths
        size = None if more or self.place.polars_options else self.place.size(path)
        if size is None or size > SMALL:
            return None
        rows = pl.read_parquet(self.place.content(path), hive_partitioning=False, row_index_name=ROW)
        if PARTITION not in rows.columns:  # as it is in files that another database is to read
            rows.insert_column(0, pl.repeat(interval, rows.height, dtype=pl.Int32, eager=True).alias(PARTITION))
        kinds = {name: kind for name, kind in self.form.schema.items() if name in columns}
        for name in (kinds.keys() & set(self.form.later)) - rows.schema.keys():
            rows.insert_column(0, pl.repeat(None, rows.height, dtype=kinds[name], eager=True).alias(name))
        return rows[[*columns]] if all(rows.schema.get(name) == kind for name, kind in kinds.items()) else None

    def scan(
        self, paths: Collection[str], pairs: Iterable[Pair], window: TimeRange, interval: int, columns: Collection[str]
    ) -> pl.LazyFrame:
        """The rows of files of one interval that are of these pairs and open in the window; nothing is read yet."""
        start, end = (pl.lit(bound * US, TIME) for bound in window)
        return (
            self._scan(sorted(paths), partly=VWAP in columns)
            .filter(
                pl.col("pair").is_in([str(pair) for pair in pairs]),
                pl.col("time").is_between(start, end, closed="left"),
            )
            .with_columns(pl.lit(interval, pl.Int32).alias(PARTITION))
            .select(*columns)
        )

    def slice(self, path: str, begin: int, end: int, columns: Collection[str]) -> pl.DataFrame:
        """Rows ``begin`` up to ``end`` of a file, these columns of those in it. Raises StoreError."""
        with store_errors("read", self.place.at(path)):
            # Without numbering rows, which takes as long as reading a thousand of them
            rows = self._scan([path], numbered=None, partly=VWAP in columns)
            return rows.select(*columns).slice(begin, end - begin).collect()

    def opens(
        self, path: str, interval: int, spans: Mapping[Pair, CandleSpan], pairs: Collection[Pair]
    ) -> Iterator[tuple[Pair, Ints]]:
        """When the candles of pairs open, in microseconds, rising: of a file with these spans. Raises StoreError.

        A file of ours has its pairs in the order of its spans, so that only times are read, and of nobody else. Where
        that may not be so (another tool wrote it, or put it in place of ours), rows are sorted.
        """
        ends = dict(zip(spans, accumulate(span.candles for span in spans.values()), strict=True))
        begin = min(ends[pair] - spans[pair].candles for pair in pairs)
        if checksum_in(path) is not None:
            with store_errors("read", self.place.at(path)):
                read = self._scan([path]).select("time").slice(begin, max(ends[pair] for pair in pairs) - begin)
                times = times_of(read.collect())
            parts = {pair: times[ends[pair] - spans[pair].candles - begin : ends[pair] - begin] for pair in pairs}
            if all(_is_of(part, spans[pair]) for pair, part in parts.items()):
                yield from parts.items()
                return
        rows = self.rows([path], {Series(pair, interval): _EVER for pair in pairs}, KEY)
        for (name,), of_pair in rows.group_by("pair", maintain_order=True):
            yield pair_of(name), times_of(of_pair)

    def whole(self, paths: Iterable[str], interval: int) -> pl.DataFrame:
        """All candles of files of one interval, in the order in which they lie there.

        Raises StoreError, also where a file is not as it was written: nothing wrong is to be written again.
        """
        return pl.concat([self._checked(path, interval) for path in paths])

    def without(self, path: str, interval: int, dropped: pl.Series) -> pl.DataFrame:
        """A file's candles but those of the given row numbers, as :meth:`write` takes them. Raises as :meth:`whole`."""
        return self.in_order(self._checked(path, interval, dropped))

    def in_order(self, candles: pl.DataFrame) -> pl.DataFrame:
        """Rows as :meth:`write` takes them."""
        return candles.sort(KEY)

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files that no version of the table ever had."""
        for path in paths:
            reached("table.remove.before")
            with store_errors("delete", self.place.at(path)):
                self.place.remove(path)

    def _checked(self, path: str, interval: int, dropped: pl.Series | None = None) -> pl.DataFrame:
        """All candles of a file, but those of the row numbers dropped, once its checksum was found right."""
        with store_errors("read", self.place.at(path)):
            content = self.place.content(path)
            if not is_as_written(path, content):
                raise OSError(NOT_AS_WRITTEN)
            rows = pl.read_parquet(content, hive_partitioning=False, row_index_name=ROW)
            if dropped is not None:
                rows = rows.filter(~pl.col(ROW).is_in(dropped.implode()))
            absent = [name for name in self.form.later if name not in rows.columns]
            nothing = (pl.lit(None, self.form.schema[name]).alias(name) for name in absent)
            known = pl.lit(interval, pl.Int32).alias(self.form.partition)
            return rows.with_columns(known, *nothing).select(*self.form.schema)

    def _scan(self, paths: Iterable[str], numbered: str | None = ROW, *, partly: bool = False) -> pl.LazyFrame:
        """The rows of files; ``partly``: with columns that some of them may not have."""
        kinds = self.form.schema.items()
        later = () if partly else self.form.later
        expected = {name: kind for name, kind in kinds if name != self.form.partition and name not in later}
        return self._as_they_are(
            paths,
            row_index_name=numbered,
            schema=expected,
            missing_columns="insert" if partly else "raise",
            extra_columns="ignore",
        )

    def _as_they_are(self, paths: Iterable[str], **how: Any) -> pl.LazyFrame:  # noqa: ANN401 - polars' own options
        # Neither globs nor folder names are interpreted: a home may be called "[x]" or lie below "source=kraken".
        return pl.scan_parquet(
            [self.place.at(path) for path in paths],
            glob=False,
            hive_partitioning=False,
            storage_options=self.place.polars_options,
            credential_provider=None,
            **how,
        )


def _is_of(times: Ints, span: CandleSpan) -> bool:
    """Whether these are the times that a span names; whatever lies between is as it was written."""
    return len(times) == span.candles and (times[0], times[-1]) == (span.first * US, span.last * US)


def _interval_of(candles: pl.DataFrame) -> int:
    if candles.schema not in (pl.Schema(SCHEMA), pl.Schema(FULL_SCHEMA)) or candles.is_empty():
        message = f"Candles to be stored need the columns of SCHEMA and at least one row, not {candles.schema}."
        raise StoreError(message)
    interval = candles.item(0, PARTITION)
    if (candles[PARTITION] != interval).any():
        raise StoreError("Candles of several intervals cannot be stored in one file: stage them one by one.")
    return int(interval)
