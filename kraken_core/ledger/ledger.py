"""The ledger on a database: SQLite beside the candles, or PostgreSQL."""

from __future__ import annotations

from typing import Self

from kraken_core.ledger.audits import AuditRecords
from kraken_core.ledger.coverage import CoverageRecords
from kraken_core.ledger.data_version import DataVersion
from kraken_core.ledger.differences import Differences
from kraken_core.ledger.engine import file_of, is_in_memory, open_engine
from kraken_core.ledger.evidence import Evidence
from kraken_core.ledger.findings import KeptFindings
from kraken_core.ledger.frames import Frames
from kraken_core.ledger.frames_at import FramesAt
from kraken_core.ledger.funding import FundingRates
from kraken_core.ledger.kept_trades import KeptTrades
from kraken_core.ledger.listings import ListingAnswers
from kraken_core.ledger.lost import Lost
from kraken_core.ledger.marks import Marks
from kraken_core.ledger.names import PairNames
from kraken_core.ledger.pairs import Pairs
from kraken_core.ledger.record_lists import RecordLists
from kraken_core.ledger.revisions import Revisions
from kraken_core.ledger.run_history import RunHistory
from kraken_core.ledger.schema import bring_up_to_date
from kraken_core.ledger.state import State
from kraken_core.ledger.sweeps import Sweeps
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undo import Undo
from kraken_core.ports import Clock


class SqlLedger(
    RecordLists,
    Sweeps,
    Undo,
    Marks,
    Lost,
    Pairs,
    PairNames,
    ListingAnswers,
    CoverageRecords,
    KeptFindings,
    AuditRecords,
    Differences,
    KeptTrades,
    FundingRates,
    Frames,
    FramesAt,
    Evidence,
    Revisions,
    RunHistory,
    State,
    DataVersion,
):
    """Implements ``kraken_core.ports.Ledger``; each base keeps one noun. Safe to share between threads.

    Every method raises LedgerError where the database cannot be reached, read or written.
    """

    @classmethod
    def open(cls, url: str, table: str, clock: Clock) -> Self:
        """The ledger at a SQLAlchemy ``url``, created or migrated where that is due.

        ``table`` names the candle table this ledger's jobs write to: one job a table may run. Raises SettingError
        for a wrong address, LedgerError where it cannot be reached, HomeError where a newer version wrote it.
        """
        engine = open_engine(url)
        try:
            bring_up_to_date(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, table, clock)

    @classmethod
    def existing(cls, url: str, table: str, clock: Clock, *, read_only: bool = False) -> Self | None:
        """The ledger at an address, or None where there is none yet: nothing is created. Raises as :meth:`open`.

        With ``read_only`` nothing is ever written, so that one of an older version is refused: HomeError.
        """
        file = file_of(url)
        if file and not file.exists():
            return None
        engine = open_engine(url, read_only=read_only)
        try:
            exists = bring_up_to_date(engine, create=False, migrate=not read_only)
        except BaseException:
            engine.dispose()
            raise
        if exists:
            return cls(engine, table, clock)
        engine.dispose()
        return None

    @property
    def is_temporary(self) -> bool:
        """Whether it is kept in memory, and gone when it is closed."""
        return is_in_memory(self._engine)

    @transaction
    def close(self) -> None:
        """Give the connections back; the ledger opens new ones should it be used again."""
        self._stop_watching()
        self._engine.dispose()
