"""The candle table in QuestDB, for use from several machines.

QuestDB has keys, so that rows written twice are stored once; it deletes no rows, and has no transaction over two
tables. What is done here therefore is in an order in which a crash between any two steps costs a repetition at most:
see docs/adr. One writer at a time, which the ledger sees to; any number of readers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import polars as pl

from kraken_core.domain.averages import VWAP
from kraken_core.domain.candles import SCHEMA, chosen, known_source
from kraken_core.domain.errors import CommitConflictError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.revisions import ALL_VISIBLE, Replacement, replacement
from kraken_core.domain.table_mark import KnownTable, TableMark, nothing_known, require_known
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.failpoints import reached
from kraken_core.ports import (
    AssetRecord,
    Compaction,
    Fragmentation,
    KeepReplaced,
    Merged,
    NoteDifferences,
    StagedFile,
    Staging,
    TableCheck,
    Vacuumed,
)
from kraken_core.stores.files.errors import read_errors
from kraken_core.stores.files.uncommitted import UNCOMMITTED_KEPT_S, written_before
from kraken_core.stores.questdb import tables
from kraken_core.stores.questdb.address import Address
from kraken_core.stores.questdb.merge import RANKED, QuestDbMerge, merge, one_a_slot, runs_of
from kraken_core.stores.questdb.purge import finish, purge, source
from kraken_core.stores.questdb.ranks import RankSteps
from kraken_core.stores.questdb.rows import HeldRows
from kraken_core.stores.questdb.server import QuestDbServer
from kraken_core.stores.questdb.staged_files import StagedFiles, StagedFolder
from kraken_core.stores.questdb.verify import damages
from kraken_core.stores.questdb.view import show
from kraken_core.stores.questdb.writer import CandleWriter

Assets = Callable[[Collection[str]], Sequence[AssetRecord]]


class QuestDBStore:
    """A CandleStore in a QuestDB server, and Maintainable. ``folder`` is where candles are staged.

    ``assets`` returns the known assets and gives numbers to new ones, as Ledger.assets does.
    """

    def __init__(
        self,
        address: Address,
        folder: Path,
        assets: Assets,
        known: KnownTable = nothing_known,
        keep: KeepReplaced | None = None,
    ) -> None:
        self._keep = keep  # what commits replace
        self._assets = assets
        self._known = known
        self._ids: dict[str, int] = {}
        self._files = StagedFiles(folder.absolute(), self._numbers)
        self._server = QuestDbServer(address)
        self._writer = CandleWriter(self._server, self._files)
        self._lock = RLock()
        self._key = tables.TableKey()  # of what follows
        self._layout = tables.TableLayout()
        self._mirrored: frozenset[AssetRecord] = frozenset()
        self._spans: dict[Series, TimeRange] | None = None
        self._steps: RankSteps | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in any process, uses the same server, over a connection of its own."""
        return type(self), (self._server.address, self._files.root, self._assets)

    def close(self) -> None:
        """Let go of the server."""
        self._server.close()

    def with_retries(self) -> QuestDBStore:
        """See CandleTable. A server is waited for by everybody."""
        return self

    @property
    def version(self) -> int:
        """See CandleStore."""
        with self._lock:
            return self._refresh().version

    @property
    def mark(self) -> TableMark:
        """See CandleTable."""
        with self._lock:
            return self._refresh().mark

    def stamp_of(self, version: int) -> str:  # noqa: ARG002 - the port's
        """See CandleTable. A server has no record of what made a version."""
        return ""

    def staging(self, pairs: Collection[Pair]) -> Staging:
        """See CandleStore. Staging uses neither the server nor the ledger."""
        tickers = {pair.base for pair in pairs}
        numbers = self._numbers(tickers)
        return StagedFolder(self._files.root, {ticker: numbers[ticker] for ticker in tickers})

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
                merged = self._try_commit(staged, clear or {}, demote or {}, drop or {}, note)
            except CommitConflictError:
                merged = self._try_commit(staged, clear or {}, demote or {}, drop or {}, note)
        self._files.remove(file.path for file in staged)
        return merged

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        """See CandleStore."""
        with self._lock:
            if not self._settle():
                return pl.DataFrame(schema=chosen(columns))
            rows = one_a_slot(self._reading(vwap=VWAP in columns).candles(ranges))
        return _named(rows).select(*chosen(columns))

    def spans(self) -> Mapping[Series, TimeRange]:
        """From where to where each series has candles."""
        with self._lock:
            return dict(self._known_spans()) if self._settle() else {}

    def count(self, ranges: Mapping[Series, TimeRanges]) -> Mapping[Series, list[int]]:
        """See CandleStore. Counted by the server."""
        with self._lock:
            if not self._settle():
                return {series: [0] * len(found) for series, found in ranges.items()}
            return self._stored.counts(ranges, by_source=self._layout.by_source)

    @contextmanager
    def view(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """See CandleStore. The view shows the table of this moment, which is fetched where it has changed."""
        with self._lock:
            key = tables.settled(self._server)
            self._refresh()
            folder = self._files.root / "view"
            show(connection, self._server, folder, key, self._source(), layout=self._layout)
        with read_errors(folder):
            yield

    def fragmentation(self) -> list[Fragmentation]:
        """See Maintainable. The server looks after its own files."""
        return []

    def compact(self, stop: Callable[[], bool]) -> Compaction:  # noqa: ARG002 - the port's
        """See Maintainable."""
        return Compaction()

    def vacuum(self, now: int) -> Vacuumed:
        """See Maintainable. Candles staged more than a day ago, and deleted slots."""
        old = written_before(self._files.place, now - UNCOMMITTED_KEPT_S)
        self._files.remove(file.path for file in old)
        with self._lock:
            if self._settle():
                self._mirror(())
                purge(self._server, self._layout.partition)
        return Vacuumed(len(old), sum(file.size for file in old))

    def verify(self, ranges: Mapping[Series, TimeRanges] | None = None) -> TableCheck:  # noqa: ARG002 - the port's
        """See Maintainable. The server's own queries look at all rows."""
        with self._lock:
            return TableCheck(tuple(damages(self._server))) if self._settle() else TableCheck()

    def assets(self) -> list[AssetRecord]:
        """The assets on the server, by whatever numbers."""
        return tables.read_assets(self._server)

    def name_assets(self) -> None:
        """Store the ledger's assets on the server where it has none. Raises StoreError."""
        tables.create_assets(self._server)
        with self._lock:
            self._mirror(())

    def _try_commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges],
        demote: Mapping[Series, TimeRanges],
        drop: Mapping[Series, TimeRanges],
        note: NoteDifferences | None,
    ) -> Mapping[Series, Merged]:
        planned = self._refresh()
        if staged and not planned.ranked:
            tables.create(self._server)
            planned = self._refresh()
        if planned.kept:
            finish(self._server)
            planned = self._refresh()
        if planned.ids and not self._layout.has_vwap:  # only now: what is put back may be without the column
            tables.widen(self._server)
            planned = self._refresh()
        if not planned.ids or not (staged or clear or demote or drop):
            return {}
        self._mirror({pair.base for file in staged for pair in file.spans})
        if not clear and not demote and not drop and self._is_new(staged):
            return self._append(staged, planned)
        self._settle()
        rows = self._stored.candles(self._contested(staged, {**clear, **drop}, demote))
        files = [self._files.whole([file.path], file.interval) for file in staged]
        plan = merge(files, rows, clear, demote, drop=drop, by_source=self._layout.by_source)
        if note and plan.differing.height:
            note(plan.differing)
        if plan.winners.height or plan.gone.height or plan.ranks_before:
            if self._keep:
                before, after = (_named(candles).select(*ALL_VISIBLE) for candles in (plan.before, plan.after))
                self._keep(planned.mark, [replacement(before, after, before.clear())])
            self._make(plan, planned, staged)
        return plan.merged

    def _is_new(self, staged: Sequence[StagedFile]) -> bool:
        """Whether nothing is stored, nor staged twice, from any series' first incoming candle to its last."""
        known = self._known_spans()
        seen: set[Series] = set()
        for series, hull in _hulls(staged):
            stored = known.get(series)
            if series in seen or (stored and hull.start < stored.end and stored.start < hull.end):
                return False
            seen.add(series)
        return True

    def _contested(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges],
        demote: Mapping[Series, TimeRanges],
    ) -> dict[Series, TimeRanges]:
        """What of the table a commit has to look at: see merge()."""
        known = self._known_spans()
        whole = [(series, TimeRanges.single(*hull)) for series, hull in _hulls(staged)] + list(demote.items())
        touched: dict[Series, TimeRanges] = {}
        for series, ranges in (*whole, *clear.items()):
            if series in known and ranges:
                touched[series] = touched.get(series, TimeRanges()) | ranges
        return touched | {series: TimeRanges.single(*touched[series].hull) for series, _ in whole if series in touched}

    def _append(self, staged: Sequence[StagedFile], planned: tables.TableKey) -> Mapping[Series, Merged]:
        """Take staged files as they are: nothing is stored where their candles lie."""
        steps = self._known_steps()
        runs = [run for file in staged for run in runs_of(self._files.columns(file, RANKED))]
        if self._keep:
            ranges = {series: TimeRanges.single(*hull) for series, hull in _hulls(staged)}
            self._keep(planned.mark, [Replacement(ranges, pl.DataFrame(schema=ALL_VISIBLE))])
        with self._changing(planned, staged):
            self._writer.record(steps.set(runs), self._ids)
            self._writer.take(staged)
        return {Series(pair, f.interval): Merged(new=span.candles) for f in staged for pair, span in f.spans.items()}

    def _make(self, plan: QuestDbMerge, planned: tables.TableKey, staged: Sequence[StagedFile]) -> None:
        steps = self._known_steps()
        with self._changing(planned, staged):
            self._writer.record(steps.set(plan.ranks_before), self._ids)
            self._writer.write(plan.winners, plan.gone)
            self._writer.record(steps.set(plan.ranks_after), self._ids)

    @contextmanager
    def _changing(self, planned: tables.TableKey, staged: Sequence[StagedFile]) -> Iterator[None]:
        """Changes to the tables as they were when planned. What is known of them is valid only once all is done."""
        spans, steps = self._known_spans(), self._known_steps()
        if tables.state(self._server)[0] != planned:
            raise CommitConflictError(
                f"Another process wrote to QuestDB at {self._server.address} meanwhile. Nothing of this commit is in "
                "the table; its files are kept: try again."
            )
        self._forget()
        reached("table.commit.before")
        yield
        reached("table.commit.after")
        for series, hull in _hulls(staged):
            stored = spans.get(series, hull)
            spans[series] = TimeRange(min(stored.start, hull.start), max(stored.end, hull.end))
        self._key, self._spans, self._steps = tables.state(self._server)[0], spans, steps

    def _refresh(self) -> tables.TableKey:
        """Notice what others changed."""
        key, _ = tables.state(self._server)
        if key != self._key or not key.ids:
            known = self._known()
            key, _ = tables.state(self._server)  # again: what others write and record meanwhile is newer
            require_known(f"in QuestDB at {self._server.address}", known, key.mark, self.stamp_of)
        if key != self._key:
            if key.ids == self._key.ids and not self._layout.has_vwap:
                tables.settled(self._server)
                self._layout = tables.layout(self._server)
            if key.ids != self._key.ids:
                self._mirrored = frozenset()
                if key.ids:
                    tables.settled(self._server)  # how it was altered, too
                    self._layout = tables.layout(self._server)
                    there = tables.read_assets(self._server)
                    tables.check_named(self._server, there)
                    tables.check_assets(self._server, there, self._assets(()))
            self._forget()
            self._key = key
        return key

    def _settle(self) -> bool:
        """Have all that was written readable; returns whether there is a table."""
        tables.settled(self._server)
        return bool(self._refresh().ids)

    def _forget(self) -> None:
        self._key = self._key._replace(transactions=())
        self._spans = self._steps = None

    def _known_spans(self) -> dict[Series, TimeRange]:
        if self._spans is None:
            self._settle()
            self._spans = self._stored.spans()
        return self._spans

    def _known_steps(self) -> RankSteps:
        if self._steps is None:
            self._settle()
            self._steps = RankSteps(self._stored.steps())
        return self._steps

    def _mirror(self, tickers: Collection[str]) -> None:
        """Store every asset of this ledger on the server, these included."""
        assets = frozenset(self._assets(tickers))
        if not assets <= self._mirrored:
            tables.mirror_assets(self._server, assets)
            self._mirrored = assets

    @property
    def _stored(self) -> HeldRows:
        return self._reading(vwap=True)

    def _reading(self, *, vwap: bool) -> HeldRows:
        read = vwap and self._layout.has_vwap
        return HeldRows(self._server, self._source(), self._numbers(()), ranked=self._key.ranked, vwap=read)

    def _source(self) -> str:
        return source(self._server, self._layout.partition, kept=self._key.kept)

    def _numbers(self, tickers: Collection[str]) -> Mapping[str, int]:
        """The numbers of assets, those of ``tickers`` included."""
        with self._lock:
            if not self._ids or not self._ids.keys() >= set(tickers):
                self._ids = {asset.ticker: asset.id for asset in self._assets(tickers)}
            return self._ids


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their sources as we call them."""
    names = {name: known_source(name) for name in rows["source"].drop_nulls().unique()}
    return rows.with_columns(pl.col("source").replace_strict(names, default="", return_dtype=pl.String))


def _hulls(staged: Sequence[StagedFile]) -> Iterator[tuple[Series, TimeRange]]:
    """Where the candles of each file and series lie."""
    for file in staged:
        for pair, span in file.spans.items():
            yield (series := Series(pair, file.interval)), TimeRange(span.first, span.last + series.width)
