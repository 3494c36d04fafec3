"""The table of kept trades, as a Delta Lake table beside that of candles.

A commit lands whole, right behind the version it was planned on, or not at all. Files are never changed: one with
trades that lost their minute is replaced, in the same commit, by one without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from kraken_core.domain.errors import CommitConflictError
from kraken_core.domain.kept_trades import KEPT, MINUTE_NS, KeptCounts, RankedRange, in_order, join
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, floor
from kraken_core.ports import CandleSpan, Damage, StagedFile, TableCheck, TradeOffer
from kraken_core.stores.delta.maintenance import DeltaMaintenance
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.stores.files.errors import read_errors, store_errors
from kraken_core.stores.trades.trade_files import TradeFiles

if TYPE_CHECKING:
    import duckdb

_MINUTE_S = 60
_NO_CLAIMS: Sequence[RankedRange] = ()
_SQL = {
    "pair": ("pair", "VARCHAR"),
    "id": ("id", "BIGINT"),
    "time": ("make_timestamptz(time // 1000)", "TIMESTAMP WITH TIME ZONE"),
    "time_ns": ("time", "BIGINT"),
    "price": ("price", "DECIMAL(38, 12)"),
    "volume": ("volume", "DECIMAL(38, 8)"),
    "side": ("side", "VARCHAR"),
    "order_type": ("order_type", "VARCHAR"),
    "source": ("source", "VARCHAR"),
}


@dataclass(slots=True)
class _Planned:
    """A commit as it was worked out: what joins the table, what leaves it, and what was written for it alone."""

    added: list[StagedFile] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    written: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    counts: dict[Pair, KeptCounts] = field(default_factory=dict)


class TradeTable(DeltaMaintenance):
    """A TradeStore in a local folder or an object store, created by the first commit, and Maintainable."""

    _kind_of_files: ClassVar[type[CandleFiles]] = TradeFiles

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in any process, opens the same table again."""
        return type(self), (self._files.place, self._log.pinned)

    def with_retries(self) -> TradeTable:
        """The same table for a job, which has the time to wait for a store that does not answer."""
        place = self._files.place.with_retries()
        return self if place == self._files.place else TradeTable(place, self._log.pinned, self._log.known)

    def restore(self, version: int) -> None:
        """Restore the content of a version that the table keeps, as a new version. Raises StoreError."""
        with self._lock:
            back, away = self._way_back(version)
            if back or away:
                self._log.commit(back, away)

    def stage(self, trades: pl.DataFrame) -> list[StagedFile]:
        """See TradeStaging."""
        return [self._files.write(part) for part in self._trade_files.by_year(trades)]

    def commit(
        self, offers: Sequence[TradeOffer], standing: Mapping[Pair, Sequence[RankedRange]]
    ) -> Mapping[Pair, KeptCounts]:
        """See TradeStore. A conflict is planned again once before CommitConflictError is raised."""
        counts: dict[Pair, KeptCounts] = {}
        with self._lock:
            self._refresh(create=True)  # also where claims are of nothing but silence: a table has to be there
        for together in _apart(offers):
            with self._lock:
                try:
                    planned = self._try_commit(together, standing)
                except CommitConflictError:
                    planned = self._try_commit(together, standing)
            self._files.remove(planned.unused)
            for pair, found in planned.counts.items():
                counts[pair] = counts.get(pair, KeptCounts()).plus(found)
        return counts

    def trades(self, pairs: Collection[Pair], window: TimeRange) -> pl.DataFrame:
        """See TradeStore."""
        with self._lock:
            self._refresh()
            paths = self._paths(pairs, window)
        with store_errors("read", self._files.place):
            return in_order(self._trade_files.trades(paths, pairs, window).collect())

    def rename(self, renames: Mapping[Pair, Pair]) -> None:
        """See TradeStore. A file at a time, so that an interrupted call is completed by the next one."""
        names = {str(old): str(new) for old, new in renames.items()}
        with self._lock:
            self._refresh()
            paths = self._paths(renames.keys(), TimeRange(0, END_OF_TIME))
        for path in paths:
            with self._lock:
                self._refresh()
                rows = self._files.whole([path], self._index.interval(path))
                self._log.commit(
                    [self._files.write(in_order(rows.with_columns(pl.col("pair").replace(names))))], [path]
                )

    @contextmanager
    def view(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """See TradeStore. The view shows the version of this moment."""
        place = self._files.place
        with self._lock:
            self._refresh()
            paths = list(self._index.paths)
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, (_, kind) in _SQL.items())
        parts = [f"SELECT {nothing} WHERE false"]  # the types, also of a table without any file
        if paths:
            columns = ", ".join(f"{expression} AS {name}" for name, (expression, _) in _SQL.items())
            with store_errors("show", place):
                parts.append(f"SELECT {columns} FROM {place.read_by(connection, 'trades_files', paths)}")
        with store_errors("show", place):
            connection.execute(f"CREATE OR REPLACE VIEW trades AS {' UNION ALL '.join(parts)}")
        with read_errors(place):
            yield

    def verify(self, ranges: Mapping[Series, TimeRanges] | None = None) -> TableCheck:  # noqa: ARG002 - the port's
        """See Maintainable. Always all of it."""
        damages = tuple(Damage(path, "is missing, or not as it was written") for path in self.damaged())
        with self._lock:
            return TableCheck(damages, len(self._log.refresh()))

    @property
    def _trade_files(self) -> TradeFiles:
        if not isinstance(self._files, TradeFiles):
            raise TypeError(f"{self._files} are no files of trades")
        return self._files

    def _paths(self, pairs: Collection[Pair], window: TimeRange) -> list[str]:
        """The files that may have trades of pairs in a window."""
        ranges = TimeRanges.single(*window)
        years = {self._index.interval(path) for path in self._index.paths}
        return sorted(self._index.holding({Series(pair, year): ranges for pair in pairs for year in years}))

    def _try_commit(
        self, offered: Sequence[tuple[TradeOffer, StagedFile]], standing: Mapping[Pair, Sequence[RankedRange]]
    ) -> _Planned:
        self._refresh(create=True)
        planned = _Planned()
        lost: dict[str, list[tuple[Pair, pl.Series]]] = defaultdict(list)  # minutes that stored files lose
        for offer, file in offered:
            self._plan(offer, file, standing, planned, lost)
        for path, losses in lost.items():
            self._rewrite(path, losses, planned)
        if not planned.added and not planned.removed:
            return planned
        try:
            self._log.commit(planned.added, planned.removed)
        except CommitConflictError:
            active = self._log.refresh()  # it may have landed after all, and only the answer have been lost
            self._files.remove(path for path in planned.written if path not in active)
            raise
        for file in planned.added:
            self._index.add(file.path, file.interval, file.spans)
        return planned

    def _plan(
        self,
        offer: TradeOffer,
        file: StagedFile,
        standing: Mapping[Pair, Sequence[RankedRange]],
        planned: _Planned,
        lost: dict[str, list[tuple[Pair, pl.Series]]],
    ) -> None:
        """A staged file joins, or as much of it as brings anything beside what is stored in its minutes."""
        if file.path in self._index.paths:  # an earlier try landed after all, and only the answer to it was lost
            planned.counts |= {pair: KeptCounts(confirmed=span.candles) for pair, span in file.spans.items()}
            return
        contested: dict[Pair, list[str]] = {}
        for pair, span in file.spans.items():
            if rivals := self._paths([pair], _minutes_of(span)):
                contested[pair] = rivals
            else:
                planned.counts[pair] = planned.counts.get(pair, KeptCounts()).plus(KeptCounts(new=span.candles))
        if not contested:
            planned.added.append(file)
            return
        offered = self._files.whole([file.path], file.interval).select(*KEPT)
        taken = [offered.filter(~pl.col("pair").is_in([str(pair) for pair in contested]))]
        for pair, rivals in contested.items():
            window = _minutes_of(file.spans[pair])
            stored = self._trade_files.trades(rivals, [pair], window).collect()
            claims = offer.claims.get(pair, TimeRanges())
            of_pair = offered.filter(pl.col("pair") == str(pair))
            joined = join(stored, of_pair, standing.get(pair, _NO_CLAIMS), claims, offer.rank)
            taken.append(joined.rows)
            planned.counts[pair] = planned.counts.get(pair, KeptCounts()).plus(joined.counts)
            for path in rivals if len(joined.minutes) else ():
                lost[path].append((pair, joined.minutes))
        planned.unused.append(file.path)
        rows = in_order(pl.concat(taken))
        for part in self._trade_files.by_year(rows):
            planned.added.append(self._files.write(part))
            planned.written.append(planned.added[-1].path)

    def _rewrite(self, path: str, losses: Sequence[tuple[Pair, pl.Series]], planned: _Planned) -> None:
        """A stored file without the minutes it loses; nothing happens to one that has no trade in them."""
        year = self._index.interval(path)
        rows = self._files.whole([path], year)
        gone = pl.any_horizontal(
            (pl.col("pair") == str(pair)) & (pl.col("time") // MINUTE_NS).is_in(minutes.implode())
            for pair, minutes in losses
        )
        left = rows.filter(~gone)
        if left.height == rows.height:
            return
        planned.removed.add(path)
        if left.height:
            planned.added.append(self._files.write(left))
            planned.written.append(planned.added[-1].path)


def _apart(offers: Sequence[TradeOffer]) -> Iterator[list[tuple[TradeOffer, StagedFile]]]:
    """Staged files in groups in which no two have the same minute of a pair: each is joined with what is stored."""
    group: list[tuple[TradeOffer, StagedFile]] = []
    reach: dict[Pair, list[TimeRange]] = defaultdict(list)
    for offer in offers:
        for file in offer.staged:
            spans = {pair: _minutes_of(span) for pair, span in file.spans.items()}
            if any(_meet(spans[pair], other) for pair in spans for other in reach[pair]):
                yield group
                group = []
                reach.clear()
            group.append((offer, file))
            for pair, span in spans.items():
                reach[pair].append(span)
    if group:
        yield group


def _meet(one: TimeRange, other: TimeRange) -> bool:
    return one.start < other.end and other.start < one.end


def _minutes_of(span: CandleSpan) -> TimeRange:
    """The whole minutes of a span."""
    return TimeRange(floor(span.first, _MINUTE_S), floor(span.last, _MINUTE_S) + _MINUTE_S)
