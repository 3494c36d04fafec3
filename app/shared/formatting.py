"""Values as people read them: numbers with separators and units, times in UTC, and texts that stay texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kraken_core.domain.jobs import IngestionJob, JobStatus

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
NOTHING = "–"
NAMED = 4  # pairs or tiers in a line
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&@:])")
INTERVAL_LABELS = {
    1: "1 min",
    5: "5 min",
    15: "15 min",
    30: "30 min",
    60: "1 h",
    240: "4 h",
    720: "12 h",
    1440: "1 day",
}

_STATUSES = {  # a sign beside each word: colour alone says nothing to some
    JobStatus.PENDING: "… pending",
    JobStatus.RUNNING: "▶ running",
    JobStatus.PAUSED: "‖ paused",
    JobStatus.COMPLETED: "✓ completed",
    JobStatus.FAILED: "✗ failed",
    JobStatus.CANCELLED: "⊘ cancelled",
}


def status(job: IngestionJob) -> str:
    """The state of a job; one whose worker vanished is told from one that failed."""
    return "⚠ worker lost" if job.is_orphaned else _STATUSES[job.status]


def asked_for(job: IngestionJob) -> str:
    """What a job was asked for, in a few words: its tiers or pairs."""
    names = [*job.request.tiers, *map(str, job.request.pairs)]
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) + more) or "everything held"


def plain(text: str) -> str:
    """A text that Streamlit's Markdown shows as it is: names from files and from the network are never markup."""
    return _MARKUP.sub(r"\\\1", text)


def interval(minutes: int) -> str:
    """The length of a candle: 5 min, 1 h, 1 day."""
    return INTERVAL_LABELS[minutes]


def count(number: int) -> str:
    """12,345."""
    return f"{number:,}"


def share(part: float) -> str:
    """A share of one as a percentage; 100 % only where nothing lacks, 0 % only where nothing is there."""
    percent = 100 * part
    if 0 < percent < 0.01:  # noqa: PLR2004 - the last digit shown
        return "< 0.01 %"
    if 99.99 < percent < 100:  # noqa: PLR2004 - likewise
        return "> 99.99 %"
    return f"{percent:.0f} %" if percent in {0, 100} else f"{percent:.2f} %"


def percent(part: float) -> str:
    """A share of one in whole percent, where there is no room for more; as in :func:`share`, 100 and 0 are exact."""
    if 0 < part < 0.01:  # noqa: PLR2004 - the last digit shown
        return "< 1 %"
    return f"{int(100 * part + 1e-9)} %"


def many(number: int, what: str) -> str:
    """1 gap, 12,345 gaps."""
    return f"{count(number)} {what}" + ("" if number == 1 else "s")


def size(number: float) -> str:
    """Bytes: 512 B, 1.5 MB, 79.1 GB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:,.1f} {unit}"
    return f"{number:,.0f} B"


def lasting(seconds: float) -> str:
    """A duration by its two largest units: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    for unit, large, small, rest in (("d", DAY_S, "h", HOUR_S), ("h", HOUR_S, "min", MINUTE_S)):
        if whole >= large:
            return _two(whole // large, unit, whole % large // rest, small)
    return _two(whole // MINUTE_S, "min", whole % MINUTE_S, "s")


def _two(many: int, large: str, few: int, small: str) -> str:
    return f"{many:,} {large} {few} {small}" if few else f"{many:,} {large}"


def minute(at: int | None) -> str:
    """An instant in a column of UTC: 2026-07-08 12:00."""
    return NOTHING if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def moment(at: int | datetime | None) -> str:
    """An instant: 2026-07-08 12:00:05 UTC."""
    if at is None:
        return NOTHING
    when = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
