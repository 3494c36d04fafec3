"""The candle table: what is staged, committed and read, and how it is looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import duckdb
    import polars as pl

    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.domain.timerange import TimeRange, TimeRanges
    from kraken_core.ports.pairs import AssetRecord


class CandleSpan(NamedTuple):
    """Where a series' candles lie in a file: first and last open (epoch seconds), and how many."""

    first: int
    last: int
    candles: int


class StagedFile(NamedTuple):
    """Candles written durably but not yet part of the table. Small and picklable: the receipt of a worker."""

    path: str  # relative to the table
    interval: int
    size: int  # bytes
    spans: Mapping[Pair, CandleSpan]
    has_vwap: bool = False  # whether any of its candles has one


class Merged(NamedTuple):
    """What became of a series' staged candles; the first four add up to those staged.

    Values differ beyond domain rule 13: what differs in the last digits of its volume is equal.
    """

    new: int = 0  # the slot was empty
    changed: int = 0  # replaced different values: a revision
    confirmed: int = 0  # equal to what was stored
    outranked: int = 0  # different from what was stored, which stays
    altered: int = 0  # of those that were stored, how many have other values or averages now, were it in the last digit


NoteDifferences: TypeAlias = "Callable[[pl.DataFrame], None]"  # of FOUND


class Staging(Protocol):
    """Where workers put candles, for a coordinator to commit."""

    def stage(self, candles: pl.DataFrame) -> StagedFile:
        """Write candles of one interval (columns and dtypes of SCHEMA, unique by pair and time, sorted by them).

        They may have the column ``vwap`` too (FULL_SCHEMA).
        Durable when it returns, invisible until committed. Thread-safe. Raises StoreError.
        """
        ...


class StoredCandles(Protocol):
    """Candles to read: those of a table, as they are or as they were."""

    @property
    def version(self) -> int:
        """The table's version; it rises with every commit."""
        ...

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = ...) -> pl.DataFrame:
        """The stored candles in the ranges: columns of SCHEMA, sorted by pair, interval and time.

        Of ``columns``, of FULL_SCHEMA, only these are read, pair, interval_minutes and time always.
        """
        ...

    def count(self, ranges: Mapping[Series, TimeRanges]) -> Mapping[Series, list[int]]:
        """How many candles are stored in each range, in the order of the ranges."""
        ...

    def view(self, connection: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
        """Create the view ``candles`` in a DuckDB connection, to query inside: the contract's columns, without rank.

        These are ALL_VISIBLE, ``vwap`` last.
        Raises StoreError, also where rows that a query inside requests cannot be read.
        """
        ...


class CandleStore(Staging, StoredCandles, Protocol):
    """The candle table: one row a (pair, interval, time), whatever is committed, in whatever order."""

    def staging(self, pairs: Collection[Pair]) -> Staging:
        """What a worker on any machine needs to stage candles of these pairs: small, picklable, and no secret."""
        ...

    def staged(
        self, files: Sequence[StagedFile], ranges: Mapping[Series, TimeRanges], columns: Collection[str] = ...
    ) -> pl.DataFrame:
        """The candles in the ranges of files that are staged and not committed yet: as ``candles`` has them.

        File after file: a slot may be in several.
        """
        ...

    def commit(
        self,
        staged: Sequence[StagedFile],
        clear: Mapping[Series, TimeRanges] | None = None,
        demote: Mapping[Series, TimeRanges] | None = None,
        drop: Mapping[Series, TimeRanges] | None = None,
        note: NoteDifferences | None = None,
    ) -> Mapping[Series, Merged]:
        """Make staged candles part of the table, in one transaction.

        In every slot the higher rank wins; at equal rank what is stored stays, but for a later answer of the API (see
        ``prevails``). Derived candles inside ``clear``, and whatever is inside ``drop``, are removed first, and all
        others inside ``demote`` become provisional. Raises CommitConflictError where another process committed
        meanwhile, StoreError.

        ``note`` is given every two candles of one slot that differ, if there are any, before anything is changed: the
        one that loses is nowhere afterwards. It may be called again where a conflict has the commit planned again, and
        must leave the store alone.
        """
        ...


@runtime_checkable
class Versioned(Protocol):
    """A candle table whose earlier versions can be read."""

    def at(self, version: int) -> CandleStore:
        """The table as it was at a version, for reading only. Raises UsageError, StoreError where there is no such."""
        ...

    def keeps(self, version: int) -> bool:
        """Whether everything in the table at a version is still there."""
        ...

    def restore(self, version: int) -> None:
        """Restore the content of a version that the table keeps, as a new version. Raises StoreError."""
        ...


@runtime_checkable
class Scannable(Protocol):
    """A candle table of files that polars can read by itself, and only as far as a query needs them."""

    def scan(
        self, pairs: Collection[Pair], intervals: Collection[int], window: TimeRange, columns: Collection[str] = ...
    ) -> pl.LazyFrame:
        """The stored candles of the series that open in the window, of this moment's version, in no order.

        ``columns`` are VISIBLE, unless others are named.
        """
        ...


@runtime_checkable
class Mendable(Protocol):
    """A candle table of files, some of which may be lost or spoiled."""

    def mend_log(self, aside: Path) -> Sequence[str]:
        """Go back to the newest version that the log can still tell; what it cannot is moved into a folder.

        Returns what was moved: nothing where the log can be read. No job may run. Raises StoreError.
        """
        ...

    def damaged(self, among: Collection[str] | None = None) -> Sequence[str]:
        """The files that are missing, or whose bytes are not those that were written. Reads all, and no candle.

        Of all files of the table, or those ``among`` these.
        """
        ...

    def discard(self, paths: Collection[str]) -> None:
        """Take files out of the table, with whatever is in them, as a new version. Raises StoreError."""
        ...


class SavedTable(NamedTuple):
    """A candle table in a folder: its version, files and their bytes, how many were copied now, and which could not be.

    ``damaged`` are those that were missing, or not as they were written: they are not in the folder.
    """

    version: int = 0
    files: int = 0
    copied: int = 0
    size: int = 0
    damaged: tuple[str, ...] = ()

    def joined(self, other: SavedTable, folder: str) -> SavedTable:
        """This one with the files of another table, which lie in a folder of their own."""
        damaged = (*self.damaged, *(f"{folder}/{path}" for path in other.damaged))
        sums = (self.files + other.files, self.copied + other.copied, self.size + other.size)
        return SavedTable(self.version, *sums, damaged)


@runtime_checkable
class Savable(Protocol):
    """A candle table of files that can be saved into a folder, with its history."""

    def save(self, version: int, folder: Path, done: Callable[[int, int], None]) -> SavedTable:
        """Save a version of the table into a folder, from which it opens as one of the same identity.

        What is there already is not written again; ``done`` is called with files done and all. Raises StoreError,
        UsageError where the folder has another table.
        """
        ...


@runtime_checkable
class Filed(Protocol):
    """A candle table of files that are never changed: what was true of a file's candles stays true."""

    def files_of(self, series: Collection[Series]) -> Mapping[Series, Mapping[str, CandleSpan]]:
        """The files that hold candles of each series, by path, with where they lie in it. Reads no candle.

        Files whose path carries no checksum of their content are left out together with their series: nobody could
        tell that they are what they were.
        """
        ...

    def stamps(self) -> Mapping[str, str]:
        """A text for each file that is there, by path: another one once the file was written again. Reads none."""
        ...

    def damaged(self, among: Collection[str] | None = None) -> Sequence[str]:
        """See Mendable."""
        ...


@runtime_checkable
class Adoptable(Protocol):
    """A candle table that others may have filled, with assets by their own numbers."""

    def assets(self) -> Sequence[AssetRecord]:
        """The assets' numbers as the table has them; none where it has none. Raises StoreError."""
        ...

    def name_assets(self) -> None:
        """Store beside the candles which assets the ledger's numbers mean. Raises StoreError."""
        ...

    def spans(self) -> Mapping[Series, TimeRange]:
        """From the first candle of each series to behind its last. Raises StoreError."""
        ...


class Fragmentation(NamedTuple):
    """Small files of an interval that are worth merging: how many, and their bytes, which merging needs once more."""

    interval: int
    files: int
    size: int


class Compaction(NamedTuple):
    """What merging small files did: ``files`` became ``merged``, with ``candles`` in them.

    ``overtaken`` counts merges that were dropped, as another process replaced one of the files meanwhile.
    """

    files: int = 0
    merged: int = 0
    candles: int = 0
    overtaken: int = 0


class Vacuumed(NamedTuple):
    """Files that were deleted, and their bytes."""

    files: int = 0
    size: int = 0


class Damage(NamedTuple):
    """What is wrong with a file of the candle table; ``path`` is relative to the table."""

    path: str
    problem: str


class TableCheck(NamedTuple):
    """What is wrong with a candle table, as far as it was read: ``files`` were, ``left`` were not."""

    damages: tuple[Damage, ...] = ()
    files: int = 0
    left: int = 0


class Maintainable(Protocol):
    """A candle table that needs maintenance: merging small files, deleting what it does not need, proving it is whole.

    None of it changes the table's content, and all of it may run beside readers and writers.
    """

    def fragmentation(self) -> Sequence[Fragmentation]:
        """The intervals in which merging pays; none, where it does not. Reads no candle."""
        ...

    def compact(self, stop: Callable[[], bool]) -> Compaction:
        """Merge the small files that :meth:`fragmentation` counts, each merge proven equal before it is committed.

        Ends early when asked to stop; what was merged until then stays. Raises StoreError.
        """
        ...

    def vacuum(self, now: int) -> Vacuumed:
        """Delete files that were never committed, and those that left the table long ago. ``now`` in epoch seconds.

        Raises StoreError.
        """
        ...

    def verify(self, ranges: Mapping[Series, TimeRanges] | None = None) -> TableCheck:
        """Read the whole table, or the files that may have candles in some ranges, for what is wrong with them.

        A table without files of its own is always checked whole. Raises StoreError where its log cannot be read.
        """
        ...


class CandleTable(CandleStore, Maintainable, Protocol):
    """A store that jobs write to, and look after.

    Where a ledger has recorded the table, every method raises TableLostError unless the table continues that record.
    """

    @property
    def mark(self) -> TableMark:
        """What the table is known by, as of its newest version."""
        ...

    def stamp_of(self, version: int) -> str:
        """The stamp of a version (see TableMark), "" where it is not (or no longer) known."""
        ...

    def with_retries(self) -> CandleTable:
        """The same table for a job, which has the time to wait for a store that does not answer."""
        ...
