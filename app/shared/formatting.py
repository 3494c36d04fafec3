"""Values as people read them: numbers with separators and units, times in UTC, and texts that stay texts."""

from __future__ import annotations

import re
from datetime import datetime

from kraken_core.domain.formatting import instant
from kraken_core.domain.interval_units import short
from kraken_core.domain.jobs import Control, IngestionJob, JobStatus
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.plural import counted

NOTHING = "–"
NAMED = 4  # pairs or tiers in a line
INTERVAL_LABELS = {minutes: short(minutes) for minutes in INTERVALS}
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&@:])")

_STATUSES = {  # a sign beside each word: colour alone says nothing to some
    JobStatus.PENDING: "… pending",
    JobStatus.RUNNING: "▶ running",
    JobStatus.PAUSED: "‖ paused",
    JobStatus.COMPLETED: "✓ completed",
    JobStatus.FAILED: "✗ failed",
    JobStatus.CANCELLED: "⊘ cancelled",
}


def status(job: IngestionJob) -> str:
    """The state of a job; of one that failed, whether its worker vanished. With errors, or undone, it is no success."""
    found = _status(job)
    return f"↶ {found.partition(' ')[2]}, undone" if job.undone_at else found


def _status(job: IngestionJob) -> str:
    if job.is_orphaned:
        return "✗ failed: worker lost"
    if job.status is JobStatus.RUNNING and job.requested:
        return "▶ running, pausing …" if job.requested is Control.PAUSE else "▶ running, cancelling …"
    if job.status is JobStatus.COMPLETED and (failed := job.metrics.files_failed):
        return f"⚠ completed with {many(failed, 'failed file')}"
    if job.status is JobStatus.COMPLETED and job.error:
        return "⚠ completed with errors"
    return _STATUSES[job.status]


def subject(job: IngestionJob) -> str:
    """What was requested of a job, in a few words: its tiers or pairs."""
    names = [*job.request.tiers, *map(str, job.request.pairs)]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) + more) or "everything stored"


def plain(text: str) -> str:
    """A text that Streamlit's Markdown shows as it is: names from files and from the network are never markup."""
    return _MARKUP.sub(r"\\\1", text)


def interval(minutes: int) -> str:
    """The length of a candle: 5m, 1h, 1d."""
    return INTERVAL_LABELS[minutes]


def count(number: int) -> str:
    """12,345."""
    return f"{number:,}"


def many(number: int, what: str) -> str:
    """1 gap, 12,345 gaps."""
    return counted(number, what)


def minute(at: int | None) -> str:
    """An instant in a column of UTC: 2026-07-08 12:00."""
    return NOTHING if at is None else instant(at)


def moment(at: int | datetime | None) -> str:
    """An instant: 2026-07-08 12:00 UTC."""
    return NOTHING if at is None else f"{instant(at)} UTC"


def age(seconds: float) -> str:
    """How old data is, in whole days, hours or minutes: 606 days, 5 hours."""
    for size, unit in ((86_400, "day"), (3_600, "hour")):
        if seconds >= 2 * size:
            return many(int(seconds // size), unit)
    return many(int(seconds // 60), "minute")


def day(at: int) -> str:
    """The UTC day of an instant: 2024-01-31."""
    return instant(at)[:10]


def series_name(series: Series) -> str:
    """A series as it is named everywhere: BTC/USD 1h."""
    return f"{series.pair} {interval(series.interval)}"


def freshness(series: Series, end: int, behind: float) -> str:
    """How old the data of a series is, which ends at ``end`` (epoch seconds): so long before now."""
    return f"{series_name(series)} is {age(behind)} old (covered until {moment(end)})"
