"""What was known at an instant: the candle table, and what the ledger had worked out of it, as they were then.

Both are taken back from how they are now, by what was kept of every change. The table is read first, and then what was
kept: a commit that lands in between is taken back as well, and one that never landed changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import polars as pl

from kraken_core.domain.candles import KEY, SCHEMA, TIME, VALUES, chosen
from kraken_core.domain.coverage import Assertion, DataCoverageRange
from kraken_core.domain.differences import Difference
from kraken_core.domain.errors import UsageError
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE, SLOT, VISIBLE, earlier, taken_back, unlike, within
from kraken_core.domain.scope import Detection
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, iso
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import CandleTable, PairRecord, QueriedRecords, StoredCandles

if TYPE_CHECKING:
    import duckdb

Ranged = TypeVar("Ranged", DataCoverageRange, GapRecord)
_EVER = TimeRanges.single(0, END_OF_TIME)
_US = 1_000_000
_REPLACED = {"time": TIME, "replaced_at": TIME, **{n: VISIBLE[n] for n in (*VALUES, "source")}, "job_id": pl.Int64}


@dataclass(frozen=True)
class LedgerAt:
    """What a ledger had worked out by an instant: nothing changes that any more, so it is read once."""

    ledger: SqlLedger
    instant: int

    def coverage(self, series: Collection[Series] | None = None) -> list[DataCoverageRange]:
        """See ports.KnownRecords."""
        return _chosen(self._coverage, series)

    def gaps(self, series: Collection[Series] | None = None) -> list[GapRecord]:
        """See ports.KnownRecords: the open ones."""
        return _chosen(self._gaps, series)

    def detections(self) -> Mapping[Series, Detection]:
        """See ports.KnownRecords."""
        return self._detections

    def pairs(self) -> list[PairRecord]:
        """See ports.KnownRecords: those that had lived by what was known; their tiers are those of now."""
        return self._pairs

    @cached_property
    def _coverage(self) -> dict[Series, list[DataCoverageRange]]:
        return _by_series(self.ledger.coverage_at(self.instant))

    @cached_property
    def _gaps(self) -> dict[Series, list[GapRecord]]:
        return _by_series(self.ledger.gaps_at(self.instant))

    @cached_property
    def _detections(self) -> Mapping[Series, Detection]:
        return self.ledger.detections_at(self.instant)

    @cached_property
    def _pairs(self) -> list[PairRecord]:
        return self.ledger.pairs_at(self.instant)

    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """See ports.KnownRecords."""
        return self.ledger.assertions_at(self.instant, pairs)

    def differences(self, series: Collection[Series] | None = None) -> list[Difference]:
        """See ports.KnownRecords."""
        return self.ledger.differences_at(self.instant, series)

    def asleep(self, pairs: Collection[Pair] | None = None) -> Mapping[Pair, TimeRanges]:
        """See ports.QueriedRecords. Raises UsageError where that is not kept."""
        found = self.ledger.asleep_at(self.instant)
        return found if pairs is None else {pair: ranges for pair, ranges in found.items() if pair in pairs}

    def table_frame(self, name: str) -> pl.DataFrame:
        """See ports.QueriedRecords: coverage, gaps and differences; KeyError for others."""
        return self.ledger.table_frame_at(name, self.instant)


def _by_series(records: Iterable[Ranged]) -> dict[Series, list[Ranged]]:
    found: dict[Series, list[Ranged]] = defaultdict(list)
    for each in records:
        found[each.series].append(each)
    return dict(found)


def _chosen(records: Mapping[Series, list[Ranged]], series: Collection[Series] | None) -> list[Ranged]:
    """The records of these series, or all, in the order that they have."""
    chosen = records if series is None else sorted(records.keys() & set(series))
    return [each for of_series in chosen for each in records[of_series]]


@dataclass(frozen=True, slots=True)
class TableAt:
    """A candle table as it was at an instant, for reading only. Ranks are not kept: they are all 0."""

    store: CandleTable
    ledger: SqlLedger
    instant: int

    @property
    def version(self) -> int:
        """See ports.StoredCandles: that of now."""
        return self.store.version

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        """See ports.StoredCandles."""
        now = self.store.candles(ranges, ALL_VISIBLE)
        found = taken_back(now, ranges, self.ledger.replaced_since(self.store.mark, self.instant, ranges.keys()))
        return found.with_columns(rank=pl.lit(0, pl.Int64)).select(*chosen(columns))

    def count(self, ranges: Mapping[Series, TimeRanges]) -> Mapping[Series, list[int]]:
        """See ports.StoredCandles."""
        opens = self.candles(ranges, KEY)
        found: dict[Series, list[int]] = {}
        for series, of_series in ranges.items():
            mine = opens.filter(pl.col("pair") == str(series.pair), pl.col("interval_minutes") == series.interval)
            times = mine["time"].to_physical()
            before = [times.search_sorted(bound * _US) for bound in of_series.bounds]
            found[series] = [end - start for start, end in zip(before[::2], before[1::2], strict=True)]
        return found

    @contextmanager
    def view(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """See ports.StoredCandles."""
        with self.store.view(connection):
            since = self.ledger.replaced_since(self.store.mark, self.instant)
            then = earlier({series: _EVER for each in since for series in each.series}, since)
            changed = {series: _EVER - ranges for series, ranges in then.unchanged.items()}
            sources = {source: _rows(ranges, source) for source, ranges in then.sources.items()}
            connection.register("candles_before", then.candles.to_arrow())
            connection.register("candles_changed", _rows(changed, "").to_arrow())
            connection.register("candles_sources", pl.concat([_rows({}, ""), *sources.values()]).to_arrow())
            connection.execute("ALTER VIEW candles RENAME TO candles_now")
            connection.execute(_VIEW.format(columns=", ".join(ALL_VISIBLE), stored=_STORED))
            yield


def _rows(ranges: Mapping[Series, TimeRanges], source: str) -> pl.DataFrame:
    """Ranges as rows to join with."""
    types = {"pair": pl.String, "interval_minutes": pl.Int32, "since": pl.Int64, "till": pl.Int64, "was": pl.String}
    rows = [(str(s.pair), s.interval, start, end, source) for s, found in ranges.items() for start, end in found]
    return pl.DataFrame(rows, types, orient="row")


_WAS = "CASE WHEN epoch(now.time) < named.till THEN named.was ELSE now.source END AS source"
_STORED = ", ".join(_WAS if name == "source" else f"now.{name}" for name in ALL_VISIBLE)
_VIEW = """
CREATE VIEW candles AS
SELECT {columns} FROM candles_before
UNION ALL
SELECT {stored}
FROM candles_now AS now
ASOF LEFT JOIN candles_changed AS changed
  ON now.pair = changed.pair AND now.interval_minutes = changed.interval_minutes
  AND epoch(now.time) >= changed.since
ASOF LEFT JOIN candles_sources AS named
  ON now.pair = named.pair AND now.interval_minutes = named.interval_minutes AND epoch(now.time) >= named.since
WHERE changed.till IS NULL OR epoch(now.time) >= changed.till
"""


class KnownState(NamedTuple):
    """A candle table and a ledger to read: as they are, or as they were at an instant."""

    store: StoredCandles
    ledger: QueriedRecords
    now: int  # epoch seconds


def known(store: CandleTable, ledger: SqlLedger, now: int, instant: int | None) -> KnownState:
    """What is known, or was at an instant. Raises UsageError where nobody can say that."""
    if instant is None:
        return KnownState(store, ledger, now)
    if instant > now:
        raise UsageError(f"what will be known at {iso(instant)} is not known yet: name an instant up to now.")
    since = ledger.known_since(store.mark)
    if since is not None and instant < since:
        raise UsageError(
            f"what was known is kept from {iso(since)} on: the candle table is older than that, and nothing was kept "
            "of what was known before."
        )
    return KnownState(TableAt(store, ledger, instant), LedgerAt(ledger, instant), instant)


def replaced(store: CandleTable, ledger: SqlLedger, series: Series, window: TimeRange) -> pl.DataFrame:
    """The candles of a window that commits replaced: time, replaced_at, their values and source, job_id.

    Taken back one by one, newest first: a commit that never landed left what it found, so it replaced nothing.
    """
    ranges = {series: TimeRanges.single(*window)}
    now = store.candles(ranges, ALL_VISIBLE)
    found = [pl.DataFrame(schema=_REPLACED)]
    for kept in reversed(ledger.revisions(store.mark, series)):
        after, now = now, taken_back(now, ranges, [kept.replaced])
        changed = now.join(within(kept.replaced.before, ranges), on=SLOT, how="semi")
        changed = changed.join(after, on=SLOT, how="left", suffix="_stored")
        found.append(
            changed.filter(pl.col("source_stored").is_null() | unlike()).select(
                "time",
                pl.lit(kept.at * _US).cast(TIME).alias("replaced_at"),
                *VALUES,
                "source",
                pl.lit(kept.job_id, pl.Int64).alias("job_id"),
            )
        )
    return pl.concat(reversed(found))
