"""What is stored in QuestDB, read back: candles with their ranks, counts, and where each series lies.

A row without a close is a deleted slot: QuestDB deletes no rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TypeVar

import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import FULL_SCHEMA, PRICES, TIME, known_source, unproven
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.venues import SEPARATOR
from kraken_core.stores.files.spans import US
from kraken_core.stores.questdb.merge import SLOT
from kraken_core.stores.questdb.ranks import Step
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.tables import RANKS

_SERIES = "asset_id, quote_currency, interval_minutes"
_READ = f"{_SERIES}, time::long, {', '.join(PRICES)}, volume, trade_count, source"
_READ_TYPES = {
    "asset_id": pl.Int32,
    "quote": pl.String,
    **{
        name: pl.Int64 if name == "time" else kind for name, kind in FULL_SCHEMA.items() if name not in {"pair", "rank"}
    },
}
_RANGES_APART = 50  # more of a series are read as one, and what is between them dropped here
_AT_ONCE = 40  # parts of one statement
_SERIES_AT_ONCE = 400  # named in one part

Ids = Mapping[str, int]
Item = TypeVar("Item")


class HeldRows:
    """Reads the candles of one server. ``table`` is what to read: a table's name, or a query in brackets.

    ``ranked``: whether there is a table of ranks; tables of others have none.
    ``vwap``: whether that is read, which not every table has.
    """

    def __init__(self, server: QuestDbServer, table: str, ids: Ids, *, ranked: bool, vwap: bool) -> None:
        self._ranks = ranked
        self._columns = f"{_READ}, {VWAP}" if vwap else _READ
        self._types = {name: kind for name, kind in _READ_TYPES.items() if vwap or name != VWAP}
        self._absent = () if vwap else (pl.lit(None, FULL_SCHEMA[VWAP]).alias(VWAP),)
        self._server = server
        self._table = table
        self._ids = ids
        self._tickers = {number: ticker for ticker, number in ids.items()}

    def candles(self, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
        """The rows in the ranges (FULL_SCHEMA), sorted by slot; of those that share one the last counts."""
        wanted = {series: found for series, found in ranges.items() if found and series.pair.base in self._ids}
        selects = [
            (f"SELECT {self._columns} FROM {self._table} WHERE close IS NOT NULL AND {where}", values)
            for where, values in _parts(wanted, self._ids)
        ]
        found: list[tuple[object, ...]] = []
        for sql, values in _united(selects):
            found += self._server.rows(sql, values)
        rows = pl.DataFrame(found, schema=self._types, orient="row")
        rows = rows.with_columns(
            *self._absent,
            pl.when(pl.col("quote").str.contains(SEPARATOR, literal=True))
            .then("quote")
            .otherwise(pl.format("{}/{}", self._ticker(), "quote"))
            .alias("pair"),
            pl.col("time").cast(TIME),
        )
        return self._ranked(_exactly(rows, wanted), wanted.keys())

    def counts(self, ranges: Mapping[Series, TimeRanges], *, by_source: bool) -> dict[Series, list[int]]:
        """How many slots of each range are stored, counted by the server."""
        result = {series: [0] * len(found) for series, found in ranges.items()}
        grouped = _grouped({s: found for s, found in ranges.items() if s.pair.base in self._ids}, many=None)
        selects: list[tuple[str, tuple[object, ...]]] = []
        meant: list[tuple[TimeRange, dict[tuple[int, str], Series]]] = []
        for (interval, span), series in grouped.items():
            places = {(self._ids[s.pair.base], s.pair.quoted): s for s in series}
            where, values = _where(interval, span, (asset for asset, _ in places))
            rows = f"{self._table} WHERE close IS NOT NULL AND {where}"
            if by_source:
                rows = f"(SELECT DISTINCT asset_id, quote_currency, time FROM {rows})"
            sql = f"SELECT %s AS part, asset_id, quote_currency, count() FROM {rows}"
            selects.append((sql, (len(meant), *values)))
            meant.append((span, places))
        for sql, values in _united(selects):
            for part, asset, quote, count in self._server.rows(sql, values):
                span, places = meant[part]
                if (asset, quote) in places:
                    series = places[asset, quote]
                    result[series][bisect_left(ranges[series].bounds, span.start) // 2] = count
        return result

    def spans(self) -> dict[Series, TimeRange]:
        """From where to where each series has candles."""
        found = self._server.rows(
            f"SELECT {_SERIES}, min(time)::long, max(time)::long FROM {self._table} WHERE close IS NOT NULL"
        )
        return {
            self._series(asset, quote, interval): TimeRange(first // US, last // US + interval * 60)
            for asset, quote, interval, first, last in found
            if asset in self._tickers
        }

    def steps(self, series: Iterable[Series] | None = None) -> list[Step]:
        """The ranks of these series; of all where none are given."""
        if not self._ranks:
            return []
        where, values = "", tuple[int, ...]()
        if series is not None:
            assets = sorted({self._ids[s.pair.base] for s in series})
            where, values = f" WHERE asset_id IN ({_marks(assets)})", tuple(assets)
        found = self._server.rows(f"SELECT {_SERIES}, time::long, rank FROM {RANKS}{where}", values)
        return [
            Step(self._series(asset, quote, interval), start // US, rank)
            for asset, quote, interval, start, rank in found
            if asset in self._tickers
        ]

    def _ranked(self, rows: pl.DataFrame, series: Iterable[Series]) -> pl.DataFrame:
        if rows.is_empty():
            return pl.DataFrame(schema=FULL_SCHEMA)
        known = pl.DataFrame(
            [(str(s.pair), s.interval, start * US, rank) for s, start, rank in self.steps(series)],
            {"pair": pl.String, "interval_minutes": pl.Int32, "time": pl.Int64, "rank": pl.Int64},
            orient="row",
        )
        known = known.with_columns(pl.col("time").cast(TIME)).sort("time")
        own = {name: unproven(known_source(name or "")) for name in rows["source"].unique()}
        return (
            rows.sort("time")
            .join_asof(known, on="time", by=["pair", "interval_minutes"], check_sortedness=False)
            .with_columns(own=pl.col("source").replace_strict(own, default=None, return_dtype=pl.Int64))
            .with_columns(pl.col("rank").fill_null(pl.col("own")))
            .sort(*SLOT, "rank", "own", "source")
            .select(*FULL_SCHEMA)
        )

    def _ticker(self) -> pl.Expr:
        return pl.col("asset_id").replace_strict(self._tickers, default=None, return_dtype=pl.String)

    def _series(self, asset: int, quote: str, interval: int) -> Series:
        return Series(Pair.stored(quote) if SEPARATOR in quote else Pair(self._tickers[asset], quote), interval)


def _exactly(rows: pl.DataFrame, ranges: Mapping[Series, TimeRanges]) -> pl.DataFrame:
    """The rows that lie in the ranges of their own series."""
    bounds = pl.DataFrame(
        [(str(s.pair), s.interval, r.start * US, r.end * US) for s in ranges for r in ranges[s]],
        {"pair": pl.String, "interval_minutes": pl.Int32, "start": pl.Int64, "end": pl.Int64},
        orient="row",
    )
    bounds = bounds.with_columns(pl.col("start", "end").cast(TIME)).sort("start")
    return (
        rows.sort("time")
        .join_asof(bounds, left_on="time", right_on="start", by=["pair", "interval_minutes"], check_sortedness=False)
        .filter(pl.col("time") < pl.col("end"))
    )


def _parts(ranges: Mapping[Series, TimeRanges], ids: Ids) -> Iterator[tuple[str, tuple[object, ...]]]:
    for (interval, span), series in _grouped(ranges, many=_RANGES_APART).items():
        for some in _chunks(sorted({ids[s.pair.base] for s in series}), _SERIES_AT_ONCE):
            yield _where(interval, span, some)


def _grouped(ranges: Mapping[Series, TimeRanges], *, many: int | None) -> dict[tuple[int, TimeRange], list[Series]]:
    """The series by the requested ranges of them; of a series with ``many``, the hull of all."""
    groups: dict[tuple[int, TimeRange], list[Series]] = defaultdict(list)
    for series, found in ranges.items():
        apart = found if many is None or len(found) <= many else (found.hull,)
        for span in apart:
            groups[series.interval, span].append(series)
    return groups


def _where(interval: int, span: TimeRange, assets: Iterable[int]) -> tuple[str, tuple[object, ...]]:
    wanted = sorted(set(assets))
    where = f"interval_minutes = %s AND time >= %s AND time < %s AND asset_id IN ({_marks(wanted)})"
    return where, (interval, *(datetime.fromtimestamp(bound, UTC) for bound in span), *wanted)


def _united(selects: Sequence[tuple[str, tuple[object, ...]]]) -> Iterator[tuple[str, tuple[object, ...]]]:
    for some in _chunks(selects, _AT_ONCE):
        yield " UNION ALL ".join(sql for sql, _ in some), tuple(chain.from_iterable(values for _, values in some))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
