"""A table's log: which files are its content, and the one way to change that.

Delta Lake has no keys: two commits planned on one stale version can both land, and a replacement planned before a
compaction doubles rows. So every commit here is refused unless it lands right behind the version it was planned on
(no retries), and carries one table-wide application transaction that rises with every commit, for others to check.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import NamedTuple

import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, CommitProperties, PostCommitHookProperties, RemoveAction, Transaction

from kraken_core.domain.errors import CommitConflictError, StoreError
from kraken_core.domain.exchange import NS
from kraken_core.domain.table_mark import KnownTable, TableMark, nothing_known, require_known
from kraken_core.failpoints import reached
from kraken_core.ports import StagedFile
from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.location import Location
from kraken_core.stores.files.table_form import CANDLE_TABLE, TableForm

LOG = "_delta_log"
_STAMP_DIGITS = 16  # of a digest: what two entries share by a chance of 1 in 2**64
_ENTRIES = f"{LOG}/[0-9]*.json"
# Every commit reads the log back to the last checkpoint: 1,000 commits cost 20 s, against 35 s at Delta's own 100.
_CONFIGURATION = {"delta.checkpointInterval": "20"}
# Delta would list the whole log for expired entries at every commit: at 5,000 entries that is two thirds of its cost.
_NO_LOG_CLEANUP = PostCommitHookProperties(cleanup_expired_logs=False)
_READER_VERSION = 1  # newer ones mean features, such as deletion vectors, that Parquet files alone do not show


class ActiveFile(NamedTuple):
    """A file of the table's present version."""

    interval: int
    size: int  # bytes


def is_table(place: Location) -> bool:
    """Whether there is a table. Deltalake's own answer keeps all threads waiting while a store gives none."""
    return next(place.files(_ENTRIES), None) is not None


class DeltaLog:
    """The log of one table, as of the last refresh or of one ``pinned`` version; the table need not exist yet.

    A newest version that does not continue the ``known`` one is refused. Not thread-safe.
    """

    def __init__(
        self,
        place: Location,
        pinned: int | None = None,
        known: KnownTable = nothing_known,
        form: TableForm = CANDLE_TABLE,
    ) -> None:
        self._place = place
        self._form = form
        self._columns = Schema.from_arrow(pl.Schema(form.schema))
        self._first_columns = [field for field in self._columns.fields if field.name not in form.later]
        self.pinned = pinned
        self.known = known
        self._table: DeltaTable | None = None
        self._entry: Hashable = None  # the log entry of the version we are at
        self._digest = ""  # of the same, once it was needed
        self._active: dict[str, ActiveFile] = {}

    @property
    def version(self) -> int:
        """The version as of the last refresh; 0 is the empty table, created or not."""
        return 0 if self._table is None else self._table.version()

    @property
    def exists(self) -> bool:
        """Whether there was a table at the last refresh."""
        return self._table is not None

    @property
    def mark(self) -> TableMark:
        """What the table is known by, as of the last refresh."""
        if not self._digest and self.exists:
            self._digest = self.stamp_of(self.version)
        return self.found._replace(stamp=self._digest)

    @property
    def found(self) -> TableMark:
        """Which table is there, at which version, as of the last refresh; its stamp would have to be read."""
        return TableMark() if self._table is None else TableMark(str(self._table.metadata().id), self._table.version())

    def stamp_of(self, version: int) -> str:
        """A digest of the log entry that made a version; "" where Delta keeps it no longer."""
        with store_errors("read the log of", self._place):
            try:
                entry = self._place.text(_entry_of(version))
            except FileNotFoundError:
                return ""
        return hashlib.sha256(entry.encode()).hexdigest()[:_STAMP_DIGITS]

    def refresh(self, *, create: bool = False) -> Mapping[str, ActiveFile]:
        """Go to the newest version, of a new table if need be; returns its files by path.

        Raises StoreError, TableLostError where what is there does not continue what is recorded.
        """
        with store_errors("load", self._place):
            known = None
            if self.pinned is not None:
                self._table = self._table or self._open(self.pinned)
            elif self._table is not None and self._entry is not None and self._entry == self._stamp():
                if self._place.size(_entry_of(self.version + 1)) is None:  # far quicker than to look for any newer one
                    return self._active
                known = self.known()  # before: what others commit and record meanwhile is newer than what is read here
                self._table.update_incremental()
            else:
                known = self.known()
                if create and known is None:  # where one is known, its folder is lost, or not mounted
                    self._create()
                self._table = self._open() if is_table(self._place) else None
            self._entry, self._digest, self._active = None, "", {}
            if known:
                require_known(self._place, known, self.found, self.stamp_of, rows=self._form.rows)
            if self._table is not None:
                self._check(self._table)
                files = pl.DataFrame(self._table.get_add_actions(flatten=True))
                columns = files.select("path", f"partition.{self._form.partition}", "size_bytes")
                self._active = {path: ActiveFile(interval, size) for path, interval, size in columns.iter_rows()}
                self._entry = self._stamp()
            return self._active

    def commit(self, added: Sequence[StagedFile], removed: Collection[str], *, data_change: bool = True) -> None:
        """Add and remove files on the version of the last refresh, in one transaction.

        ``data_change`` is false where the added files contain the very candles of the removed ones. Raises
        CommitConflictError where that version is no longer the newest: refresh and plan again. Raises StoreError.
        """
        now = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [self._remove(path, now, data_change=data_change) for path in removed]
        actions += [self._add(file, now, data_change=data_change) for file in added]
        table = self._table
        if table is None:
            raise StoreError(
                f"There is no {self._form.noun} in {self._place} (any more). Nothing was committed: try again."
            )
        reached("table.commit.before")
        with store_errors("commit to", self._place):
            try:
                self._widen(table)
                table.create_write_transaction(
                    actions,
                    mode="append",
                    schema=self._columns,
                    partition_by=self._form.partition,
                    commit_properties=self._next(table),
                    post_commithook_properties=_NO_LOG_CLEANUP,
                )
            except CommitFailedError as error:
                if self._open().version() > table.version():
                    raise CommitConflictError(
                        f"Another process committed to the {self._form.noun} {self._place}. Nothing of this commit "
                        "is in the table; its files are kept: try again."
                    ) from error
                raise
            reached("table.commit.after")
            self._sync(table.version() + 1)

    def _widen(self, table: DeltaTable) -> None:
        """Give a table of an earlier version of this program the columns it lacks, in an entry of its own.

        No file is written: whoever reads takes what a file lacks for null.
        """
        names = {field.name for field in table.schema().fields}
        if absent := [field for field in self._columns.fields if field.name not in names]:
            table.alter.add_columns(
                absent, commit_properties=self._next(table), post_commithook_properties=_NO_LOG_CLEANUP
            )
            self._sync(table.version())
            reached("table.widened")

    def _next(self, table: DeltaTable) -> CommitProperties:
        """What a commit carries, to land right behind the version that the table is at."""
        number = (table.transaction_version(self._form.application) or 0) + 1
        return CommitProperties(app_transactions=[Transaction(self._form.application, number)], max_commit_retries=0)

    def checkpoint(self) -> None:
        """Write the table's files of the last refresh in one piece, so that readers do not replay the log before it."""
        if self._table is not None:
            with store_errors("write a checkpoint of", self._place):
                reached("table.checkpoint.before")
                self._table.create_checkpoint()
                reached("table.checkpoint.after")
                self._sync(self.version)

    def forget_expired(self) -> None:
        """Delete log entries before the last checkpoint that are older than Delta keeps them (30 days)."""
        if self._table is not None:
            with store_errors("tidy the log of", self._place):
                self._table.cleanup_metadata()

    def removed_since(self, instant: int) -> set[str]:
        """The names of files that left the table at or after an instant (epoch seconds), or at an unknown time.

        Entries written before are not read: a table that grows every minute has tens of thousands of them.
        """
        names = set()
        with store_errors("read the log of", self._place):
            for entry in (entry for entry in self._place.files(_ENTRIES) if entry.written >= instant):
                for line in self._place.text(entry.path).splitlines():
                    action = json.loads(line).get("remove")
                    if action and action.get("deletionTimestamp", instant * 1000) >= instant * 1000:
                        names.add(PurePosixPath(action["path"]).name)
        return names

    def _create(self) -> None:
        """Make the table where there is none; another process may do so at the same time."""
        if is_table(self._place):
            return
        self._place.make()
        try:
            DeltaTable.create(
                self._place.at(),
                self._columns,
                mode="error",
                partition_by=self._form.partition,
                configuration=_CONFIGURATION,
                storage_options=self._place.delta_options,
            )
        except DeltaError:
            if not is_table(self._place):
                raise
        self._sync(0)

    def _open(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self._place.at(), version=version, storage_options=self._place.delta_options)

    def _stamp(self) -> Hashable:
        """Distinguishes our log entry from one of the same number in a table that was deleted and made again."""
        return self._place.stamp(_entry_of(self.version))

    def _sync(self, version: int) -> None:
        """What a commit wrote to the log, the checkpoint that may come with it included, survives a power cut."""
        names = (f"{version:020d}.json", f"{version:020d}.checkpoint.parquet", "_last_checkpoint")
        self._place.sync(f"{LOG}/{name}" for name in names)

    def _check(self, table: DeltaTable) -> None:
        protocol, partitions = table.protocol(), table.metadata().partition_columns
        if protocol.min_reader_version > _READER_VERSION:
            raise StoreError(
                f"The {self._form.noun} {self._place} was upgraded to Delta reader version "
                f"{protocol.min_reader_version}; this program reads version {_READER_VERSION}. Nothing was changed: "
                "use a newer program, or a backup."
            )
        if table.schema().fields not in (self._columns.fields, self._first_columns) or partitions != [
            self._form.partition
        ]:
            raise StoreError(
                f"The table {self._place} is not a {self._form.noun} of this program: its columns are "
                f"{', '.join(field.name for field in table.schema().fields)}, partitioned by "
                f"{', '.join(partitions) or 'nothing'}. Nothing was changed: choose another store."
            )

    def _remove(self, path: str, now: int, *, data_change: bool) -> RemoveAction:
        file = self._active[path]  # a KeyError here is a planning error: Delta would accept the removal of anything
        return RemoveAction(path, data_change, now, file.size, {self._form.partition: str(file.interval)})

    def _add(self, file: StagedFile, now: int, *, data_change: bool) -> AddAction:
        spans, pairs = file.spans.values(), [str(pair) for pair in file.spans]
        first, last = min(span.first for span in spans), max(span.last for span in spans)
        if self._form.schema["time"] == pl.Int64:
            earliest: object = first * NS
            latest: object = (last + 1) * NS - 1
        else:
            earliest, latest = _timestamp(first), _timestamp(last)
        statistics = {
            "numRecords": sum(span.candles for span in spans),
            "minValues": {"pair": min(pairs), "time": earliest},
            "maxValues": {"pair": max(pairs), "time": latest},
            "nullCount": {"pair": 0, "time": 0},
        }
        partition = {self._form.partition: str(file.interval)}
        return AddAction(file.path, file.size, partition, now, data_change, stats=json.dumps(statistics))


def _entry_of(version: int) -> str:
    return f"{LOG}/{version:020d}.json"


def _timestamp(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
