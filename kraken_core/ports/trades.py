"""The table of kept trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from kraken_core.ports.candles import Maintainable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    import duckdb
    import polars as pl

    from kraken_core.domain.kept_trades import KeptClaim, KeptCounts, RankedRange
    from kraken_core.domain.market import Pair
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.domain.timerange import TimeRange, TimeRanges
    from kraken_core.ports.candles import StagedFile


class TradeOffer(NamedTuple):
    """Trades that a source has, staged, and where it has all of each pair; ``rank`` orders sources."""

    staged: Sequence[StagedFile]
    claims: Mapping[Pair, TimeRanges]
    rank: int


class TradeStaging(Protocol):
    """Where workers put trades, for a coordinator to commit. Small, and picklable."""

    def stage(self, trades: pl.DataFrame) -> Sequence[StagedFile]:
        """Write trades (KEPT, in order), durable when it returns, invisible until committed. Raises StoreError."""
        ...


class TradeStore(TradeStaging, Maintainable, Protocol):
    """The table of kept trades: every trade once, whatever is committed, in whatever order."""

    @property
    def version(self) -> int:
        """The table's version; it rises with every commit."""
        ...

    @property
    def mark(self) -> TableMark:
        """What the table is known by, as of its newest version."""
        ...

    def commit(
        self, offers: Sequence[TradeOffer], standing: Mapping[Pair, Sequence[RankedRange]]
    ) -> Mapping[Pair, KeptCounts]:
        """Make what is offered part of the table; see kept_trades.join. ``standing`` are the claims made before.

        In as many transactions as it takes: a repeated call completes what an interrupted one began. Raises
        CommitConflictError where another process committed meanwhile, StoreError.
        """
        ...

    def rename(self, renames: Mapping[Pair, Pair]) -> None:
        """Have the trades of pairs be those of others, which have none at the same time. Raises StoreError."""
        ...

    def trades(self, pairs: Collection[Pair], window: TimeRange) -> pl.DataFrame:
        """The trades kept of pairs in a window: KEPT, in order. Raises StoreError, TableLostError."""
        ...

    def view(self, connection: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
        """Create the view ``trades`` in a DuckDB connection, to query inside. Raises as CandleStore.view does."""
        ...


class KeptLedger(Protocol):
    """What is claimed of kept trades."""

    def kept_claims(self, pairs: Collection[Pair] | None = None) -> Sequence[KeptClaim]:
        """The claims that count, in the order they were made."""
        ...

    def trades_version(self, job_id: int) -> int | None:
        """The version of the table of trades that undoing a job restores; None where it kept none."""
        ...

    def record_trades_version(self, job_id: int, version: int) -> None:
        """Remember the version of the table of trades that undoing a job restores, as of the candle table."""
        ...

    def record_kept(self, job_id: int, claims: Sequence[KeptClaim], table: str, mark: TableMark) -> None:
        """Claims of trades that are committed, and how far that brought the table of this name.

        One that was made before is not made again; one that goes on where the last one ended makes that longer.
        """
        ...
