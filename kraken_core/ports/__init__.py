"""What the pipeline needs of the outside world. One small protocol a role; adapters share nothing but these."""

from kraken_core.domain.jobs import ProgressReport
from kraken_core.ports.candles import (
    CandleStore,
    CandleTable,
    Compaction,
    Damage,
    Fragmentation,
    Maintainable,
    Mendable,
    Merged,
    NoteDifferences,
    Span,
    StagedFile,
    Staging,
    Swept,
    Versioned,
)
from kraken_core.ports.exchange import Exchange
from kraken_core.ports.ledger import AssetRecord, Forgotten, JobEvent, Ledger, PairRecord, RenamedRows, Unexamined
from kraken_core.ports.running import Clock, Crew, Progress, never, unheard
from kraken_core.ports.sources import CandleSource, RejectLog

__all__ = [
    "AssetRecord",
    "CandleSource",
    "CandleStore",
    "CandleTable",
    "Clock",
    "Compaction",
    "Crew",
    "Damage",
    "Exchange",
    "Forgotten",
    "Fragmentation",
    "JobEvent",
    "Ledger",
    "Maintainable",
    "Mendable",
    "Merged",
    "NoteDifferences",
    "PairRecord",
    "Progress",
    "ProgressReport",
    "RejectLog",
    "RenamedRows",
    "Span",
    "StagedFile",
    "Staging",
    "Swept",
    "Unexamined",
    "Versioned",
    "never",
    "unheard",
]
