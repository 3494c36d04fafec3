"""What tests put into a ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.coverage import (
    Assertion,
)
from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.jobs import (
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobMetrics,
)
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request
from kraken_core.domain.scope import Detection
from kraken_core.domain.timerange import TimeRange
from kraken_core.ports import Ledger

NOON = 1_750_000_000 // 86_400 * 86_400 + 43_200
DAY = 86_400
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
HOURS, DAYS, ETHER = Series(BTC, 60), Series(BTC, 1440), Series(ETH, 60)
REQUEST = Request(tiers=("TIER1",), intervals=(60, 1440))


@dataclass
class SetClock:
    """A clock that stands still until it is set."""

    instant: int = NOON

    def now(self) -> int:
        return self.instant


def a_file(series: Series = HOURS, member: str = "", **columns: object) -> FileIngestionRecord:
    file = FileIngestionRecord("/archives/2024.zip", member or series.file_name, "stamp", 1000, series)
    return replace(file, **columns)  # type: ignore[arg-type] # any of its fields


def a_job(ledger: Ledger, *files: FileIngestionRecord, request: Request = REQUEST) -> IngestionJob:
    return ledger.create_job(request, NOON, files, JobMetrics(total_files=len(files)))


def a_running_job(ledger: Ledger, *files: FileIngestionRecord, worker: str = "worker 1") -> IngestionJob:
    job = a_job(ledger, *files)
    return ledger.move(job, job.mark_running(worker))


def read(file: FileIngestionRecord, content: str = "abc", rank: int = 7, **columns: object) -> FileIngestionRecord:
    outcome = replace(file, status=FileStatus.COMPLETED, content_hash=content, rank=rank, first=0, last=DAY, records=25)
    return replace(outcome, **columns)  # type: ignore[arg-type] # any of its fields


def a_claim(series: Series = HOURS, start: int = 0, end: int = DAY, evidence: str = "abc") -> Assertion:
    return Assertion(series, start, end, Source.CSV, rank_of(Source.CSV), evidence)


def a_gap(series: Series = HOURS, start: int = 0, end: int = DAY, **columns: object) -> GapRecord:
    slots = (end - start) // series.width
    return GapRecord(series, start, end, slots, 0, slots)._replace(**columns)  # type: ignore[arg-type] # any field


def detected(*series: Series, as_of: int = NOON) -> dict[Series, Detection]:
    return {s: Detection(TimeRange(0, 10 * DAY), as_of) for s in series}
