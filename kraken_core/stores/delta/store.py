"""The candle table as a Delta Lake table: Parquet files written by polars, read by polars and DuckDB.

Any number of processes may read, stage and commit: a commit lands whole, right behind the version it was planned on,
or not at all; what was never committed is invisible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import SCHEMA, chosen
from kraken_core.domain.errors import CommitConflictError, StoreError, UsageError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.revisions import VISIBLE
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ports import CandleSpan, Merged, NoteDifferences, StagedFile, Staging
from kraken_core.stores.delta.maintenance import DeltaMaintenance
from kraken_core.stores.delta.merge import DeltaMerge, plan_merge
from kraken_core.stores.delta.replaced import restored
from kraken_core.stores.files.errors import read_errors, store_errors
from kraken_core.stores.files.file_names import checksum_in
from kraken_core.stores.files.row_counts import rows_before
from kraken_core.stores.files.spans import US
from kraken_core.stores.files.table_form import PARTITION, SQL_TYPES

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray


class DeltaStore(DeltaMaintenance):
    """A CandleStore in a local folder or an object store, created by the first write, and Maintainable."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in any process, opens the same table again."""
        return type(self), (self._files.place, self._log.pinned)

    def with_retries(self) -> DeltaStore:
        """See CandleTable."""
        place = self._files.place.with_retries()
        return self if place == self._files.place else DeltaStore(place, self._log.pinned, self._log.known, self._keep)

    def stamp_of(self, version: int) -> str:
        """See CandleTable."""
        return self._log.stamp_of(version)

    def at(self, version: int) -> DeltaStore:
        """See Versioned. Files that left the table are kept for a week: so long an earlier version can be read."""
        if not 0 <= version <= self.version:
            raise UsageError(f"the candle table has no version {version}: its newest is {self.version}.")
        if version == self.version == 0:  # there may be no table yet
            return self
        then = DeltaStore(self._files.place, version)
        try:
            then._refresh()
        except StoreError as error:
            raise StoreError(
                f"Version {version} of the candle table cannot be read any more: what left the table is deleted after "
                f"a week. The newest is {self.version}."
            ) from error
        return then

    def restore(self, version: int) -> None:
        """See Versioned. Like any commit it is planned on the newest version, and refused behind any other."""
        with self._lock:
            back, away = self._way_back(version)
            if back or away:
                if self._keep:
                    self._keep(self._log.found, restored(self._files, self._index, back, away))
                self._log.commit(back, away)

    def staging(self, pairs: Collection[Pair]) -> Staging:  # noqa: ARG002 - the port's
        """See CandleStore. A copy reads keys from its own environment."""
        return self

    def stage(self, candles: pl.DataFrame) -> StagedFile:
        """See CandleStore."""
        return self._files.write(candles)

    def staged(
        self, files: Sequence[StagedFile], ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA
    ) -> pl.DataFrame:
        """See CandleStore."""
        return self._files.staged(files, ranges, columns)

    def commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges] | None = None,
        demote: Mapping[Series, TimeRanges] | None = None,
        drop: Mapping[Series, TimeRanges] | None = None,
        note: NoteDifferences | None = None,
    ) -> Mapping[Series, Merged]:
        """See CandleStore. A conflict is planned again once before CommitConflictError is raised."""
        with self._lock:
            try:
                merge = self._try_commit(staged, clear or {}, demote or {}, drop or {}, note)
            except CommitConflictError:
                merge = self._try_commit(staged, clear or {}, demote or {}, drop or {}, note)
        self._files.remove(merge.superseded)
        return merge.merged

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        """See CandleStore."""
        schema = chosen(columns)
        wanted: dict[int, dict[str, dict[Series, TimeRanges]]] = defaultdict(dict)
        with self._lock:
            self._refresh()
            for path, stored in self._index.holding(ranges).items():
                wanted[self._index.interval(path)][path] = stored
            layouts = {path: self._index.spans(path) for found in wanted.values() for path in found}
        frames = [self._rows(layouts, wanted[i], schema) for i in sorted(wanted)]
        found = frames[0] if len(frames) == 1 else pl.concat([pl.DataFrame(schema=schema), *frames])
        if len(frames) > 1 and len({series.pair for series in ranges}) > 1:
            # Each frame is sorted by pair and time, so a stable sort need not compare times: three times as fast.
            found = found.sort("pair", PARTITION, maintain_order=True)
        return found

    def _rows(
        self,
        layouts: Mapping[str, Mapping[Pair, CandleSpan]],
        wanted: Mapping[str, Mapping[Series, TimeRanges]],
        columns: Collection[str],
    ) -> pl.DataFrame:
        """The rows of files of one interval: as slices, unless another tool wrote one of them."""
        sliced = self._slices.rows(layouts, wanted, columns)
        if sliced is not None:
            return sliced
        return self._files.rows(
            wanted, {series: found for stored in wanted.values() for series, found in stored.items()}, columns
        )

    def scan(
        self, pairs: Collection[Pair], intervals: Collection[int], window: TimeRange, columns: Collection[str] = VISIBLE
    ) -> pl.LazyFrame:
        """See Scannable."""
        ranges = TimeRanges.single(*window)
        with self._lock:
            self._refresh()
            reaching = self._index.holding({Series(pair, i): ranges for pair in pairs for i in intervals})
            paths: dict[int, list[str]] = defaultdict(list)
            for path in reaching:
                paths[self._index.interval(path)].append(path)
        found = [self._files.scan(paths[i], pairs, window, i, columns) for i in sorted(paths)]
        return pl.concat(found) if found else pl.LazyFrame(schema=chosen(columns))

    def count(self, ranges: Mapping[Series, TimeRanges]) -> Mapping[Series, list[int]]:
        """See CandleStore. Reads only files in which a series lies across a bound of its ranges."""
        counts: dict[Series, list[int]] = {}
        crossing: dict[tuple[str, int], dict[Pair, NDArray[np.int64]]] = defaultdict(dict)
        with self._lock:
            self._refresh()
            for series, wanted in ranges.items():
                counts[series], undecided = self._index.count(series, wanted)
                for path in undecided:
                    crossing[path, series.interval][series.pair] = np.array(wanted.bounds, dtype=np.int64) * US
            spans = {path: self._index.spans(path) for path, _ in crossing}
        for (path, interval), bounds in crossing.items():
            for pair, cuts in rows_before(self._files, path, interval, spans[path], bounds).items():
                series = Series(pair, interval)
                more = (cuts[1::2] - cuts[::2]).tolist()
                counts[series] = [before + now for before, now in zip(counts[series], more, strict=True)]
        return counts

    def files_of(self, series: Collection[Series]) -> Mapping[Series, Mapping[str, CandleSpan]]:
        """See Filed."""
        with self._lock:
            self._refresh()
            found = {each: dict(self._index.files_of(each)) for each in series}
        return {each: files for each, files in found.items() if None not in map(checksum_in, files)}

    def stamps(self) -> Mapping[str, str]:
        """See Filed: the bytes of each, and when it was last written."""
        place = self._files.place
        with store_errors("list", place):
            return {file.path: f"{file.size} {file.written!r}" for file in place.files(f"{PARTITION}=*/*.parquet")}

    @contextmanager
    def view(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """See CandleStore. The view shows the version of this moment."""
        place = self._files.place
        with self._lock:
            self._refresh()
            files = [(self._index.interval(path), self._index.has_vwap(path), path) for path in self._index.paths]
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in SQL_TYPES.items())
        parts = [f"SELECT {columns} WHERE false"]  # the types, also of a table without any file
        for (interval, has_vwap), found in groupby(sorted(files), key=itemgetter(0, 1)):
            known = {PARTITION: str(interval), **({} if has_vwap else {VWAP: "NULL"})}
            columns = ", ".join(f"{known[name]} AS {name}" if name in known else name for name in SQL_TYPES)
            with store_errors("show", place):
                name = f"candles_{interval}_vwap" if has_vwap else f"candles_{interval}"
                rows = place.read_by(connection, name, [path for _, _, path in found])
            parts.append(f"SELECT {columns} FROM {rows}")
        with store_errors("show", place):
            connection.execute(f"CREATE OR REPLACE VIEW candles AS {' UNION ALL '.join(parts)}")
        with read_errors(place):
            yield

    def _try_commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges],
        demote: Mapping[Series, TimeRanges],
        drop: Mapping[Series, TimeRanges],
        note: NoteDifferences | None,
    ) -> DeltaMerge:
        self._refresh(create=True)
        keep = self._keep
        merge = plan_merge(self._files, self._index, staged, clear, demote, drop=drop, keeping=keep is not None)
        if note and merge.differing.height:
            note(merge.differing)
        if not merge.added and not merge.removed:
            return merge
        if keep and merge.replaced:
            keep(self._log.found, [merge.replaced])
        try:
            self._log.commit(merge.added, merge.removed)
        except CommitConflictError:
            active = self._log.refresh()  # it may have landed after all, and only the answer have been lost
            self._files.remove(path for path in merge.rewritten if path not in active)
            raise
        for file in merge.added:  # their spans are known: no need to read their footers at the next refresh
            self._index.add(file.path, file.interval, file.spans, has_vwap=file.has_vwap)
        return merge
