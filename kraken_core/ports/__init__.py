"""What the pipeline needs of the outside world. One small protocol a role; adapters share nothing but these."""

from kraken_core.domain.jobs import ProgressReport
from kraken_core.ports.audits import AuditLedger
from kraken_core.ports.candles import (
    Adoptable,
    CandleSpan,
    CandleStore,
    CandleTable,
    Compaction,
    Damage,
    Filed,
    Fragmentation,
    Maintainable,
    Mendable,
    Merged,
    NoteDifferences,
    Savable,
    SavedTable,
    Scannable,
    StagedFile,
    Staging,
    StoredCandles,
    TableCheck,
    Vacuumed,
    Versioned,
)
from kraken_core.ports.claims import ClaimLedger
from kraken_core.ports.coverage import CoverageLedger, Unexamined
from kraken_core.ports.differences import DifferenceLedger
from kraken_core.ports.exchange import Access, Exchange, ExchangePlugin, FundingExchange, NumberingExchange
from kraken_core.ports.feed import TradeFeed
from kraken_core.ports.funding import FundingLedger
from kraken_core.ports.jobs import Forgotten, JobEvent, JobLedger
from kraken_core.ports.ledger import Ledger, MarketLedger
from kraken_core.ports.pairs import AssetRecord, PairLedger, PairRecord, RenamedRows
from kraken_core.ports.revisions import KeepReplaced, KnownRecords, QueriedRecords
from kraken_core.ports.running import Clock, Progress, WorkerPool, never_stop, no_progress
from kraken_core.ports.sources import CandleSource, RejectLog
from kraken_core.ports.stores import StoreKind, StoreState
from kraken_core.ports.trades import KeptLedger, TradeOffer, TradeStaging, TradeStore

__all__ = [
    "Access",
    "Adoptable",
    "AssetRecord",
    "AuditLedger",
    "CandleSource",
    "CandleSpan",
    "CandleStore",
    "CandleTable",
    "ClaimLedger",
    "Clock",
    "Compaction",
    "CoverageLedger",
    "Damage",
    "DifferenceLedger",
    "Exchange",
    "ExchangePlugin",
    "Filed",
    "Forgotten",
    "Fragmentation",
    "FundingExchange",
    "FundingLedger",
    "JobEvent",
    "JobLedger",
    "KeepReplaced",
    "KeptLedger",
    "KnownRecords",
    "Ledger",
    "Maintainable",
    "MarketLedger",
    "Mendable",
    "Merged",
    "NoteDifferences",
    "NumberingExchange",
    "PairLedger",
    "PairRecord",
    "Progress",
    "ProgressReport",
    "QueriedRecords",
    "RejectLog",
    "RenamedRows",
    "Savable",
    "SavedTable",
    "Scannable",
    "StagedFile",
    "Staging",
    "StoreKind",
    "StoreState",
    "StoredCandles",
    "TableCheck",
    "TradeFeed",
    "TradeOffer",
    "TradeStaging",
    "TradeStore",
    "Unexamined",
    "Vacuumed",
    "Versioned",
    "WorkerPool",
    "never_stop",
    "no_progress",
]
