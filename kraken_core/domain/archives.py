"""Kraken's archives: what their names and manifests state, and which of them holds a range (domain 1.1, rule 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple

from kraken_core.domain.candles import Source, Vintage, rank_of
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.market import Pair, Series, parse_interval
from kraken_core.domain.names import BY_RULES, Names

_QUARTER = re.compile(
    r"(?<![A-Za-z0-9])(?:Q([1-4])[ _-]?(20\d\d)|(20\d\d)[ _-]?Q([1-4]))(?![A-Za-z0-9])", re.ASCII | re.IGNORECASE
)
_FULL = re.compile(r"full|master", re.IGNORECASE)
_MEMBER = re.compile(r"([A-Z0-9.]+)_(\d{1,9})\.csv", re.ASCII | re.IGNORECASE)
_HISTORY_MEMBER = re.compile(r"([A-Z0-9.]{5,})\.csv", re.ASCII | re.IGNORECASE)
_DAY_S = 86_400
_QUARTERLY_PREFIX_CHANGED = (2026, 2)  # Kraken_OHLCVT_Q1_2026.zip, then Kraken_OHLCVT_2026Q2.zip


class ZipEntry(NamedTuple):
    """Where a member lies in its zip, as the central directory says: all that is needed to read it.

    ``version`` is what a web server calls the bytes that its zip had when this was read there; "" for a zip on a disk.
    """

    offset: int  # of its local header, in bytes
    packed: int  # bytes it takes in the zip
    method: int  # 0 stored, 8 deflated
    crc: int  # CRC32 of its text
    version: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of an archive that tells of a series, and all that is needed to read it, in whatever process.

    ``source`` says what its rows are: candles of its series (CSV), or trades. A file of trades tells of eight series,
    and is there eight times.

    ``path`` is the zip, the first part of a split zip (a path or an address), or the folder; ``member`` the name
    inside, as found.
    ``stamp`` changes whenever the bytes may have: known files are recognised by it without being read.
    ``entry`` is None for a file in a folder.
    """

    path: str
    member: str
    series: Series
    size: int  # bytes of text
    stamp: str
    entry: ZipEntry | None = None
    source: Source = Source.CSV

    @property
    def download_bytes(self) -> int:
        """What has to come over the network to read it."""
        return self.entry.packed if self.entry and self.entry.version else 0


@dataclass(frozen=True, slots=True)
class Archive:
    """One release, as found: what it states, which files it holds, and what in it is none (by reason, counted).

    ``complete``: it has a manifest and as many files as that says, so that an absent pair was silent (rule 4).
    ``unfetched``: bytes of it that have to be fetched whole, from a server that gives no parts, before anything of it
    is known.
    """

    path: str
    statement: ArchiveStatement
    vintage: Vintage
    complete: bool
    identity: str  # of the release, whatever the file is called: a hash of its manifest; "" without one
    files: tuple[ArchiveFile, ...]
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unfetched: int = 0


def series_of(file_name: str, names: Names = BY_RULES) -> Series | None:
    """The series a member holds by its base name (``XBTUSD_60.csv``); None where the name is of another kind.

    Raises UnknownPairError where it looks like one but names no pair, UsageError for an interval the archives lack.
    """
    match = _MEMBER.fullmatch(file_name)
    return Series(names.pair(match[1]), parse_interval(match[2])) if match else None


def is_history_name(file_name: str) -> bool:
    """Whether a base name may be that of a file of trades: ``XBTUSD.csv``. Many others are called like that."""
    return _HISTORY_MEMBER.fullmatch(file_name) is not None


def pair_of_history(file_name: str, names: Names = BY_RULES) -> Pair:
    """The pair whose trades a file of such a name holds. Raises UnknownPairError where it names none."""
    return names.pair(file_name.rpartition(".")[0])


def finest_intervals(archive: Archive) -> dict[Pair, int]:
    """The finest interval of which the archive holds candles of each of its pairs, in minutes."""
    finest: dict[Pair, int] = {}
    for file in archive.files:
        if file.source is Source.CSV:
            finest[file.series.pair] = min(file.series.interval, finest.get(file.series.pair, file.series.interval))
    return finest


def rank_in(vintage: Vintage, source: Source = Source.CSV, content_hash: str = "") -> int:
    """The rank of candles from a file of an archive of this vintage; with its hash, that of this very file.

    Trades of an archive that states no end get the first day instead, which tells them from those of the API.
    """
    if source is Source.TRADES and not vintage.stated_end:
        vintage = Vintage(_DAY_S, vintage.generated)
    return rank_of(source, vintage, content_hash)


def stated_by_name(name: str) -> ArchiveStatement:
    """What a quarter in an archive's name states: Q1_2026 its start and end, Full_2026Q2 its end only.

    A name with two different quarters states nothing: it may mean either, or all between.
    """
    quarters = {(int(match[2] or match[3]), int(match[1] or match[4])) for match in _QUARTER.finditer(name)}
    if len(quarters) != 1:
        return ArchiveStatement()
    start, end = quarter_bounds(*quarters.pop())
    return ArchiveStatement(None if _FULL.search(name) else start, end)


@cache
def quarter_bounds(year: int, quarter: int) -> tuple[int, int]:
    """The half-open range of a quarter, epoch seconds."""
    start = date(year, quarter * 3 - 2, 1)
    end = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return day_start(start), day_start(end)


def day_start(day: date) -> int:
    """Midnight UTC of a day, epoch seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def archive_for(start: int, end: int, as_of: int) -> str:
    """The release to get by hand for a range: its quarter's, or the newest full one; "" before it is published."""
    first = quarter_of(start)
    if first == quarter_of(end - 1):
        return _quarterly_name(*first) if quarter_bounds(*first)[1] <= as_of else ""
    newest = quarter_of(quarter_bounds(*quarter_of(as_of))[0] - 1)
    return full_name(*newest) if start < quarter_bounds(*newest)[1] else ""


def quarters_between(start: int, end: int) -> list[tuple[int, int]]:
    """The quarters (year, number) that a half-open range of epoch seconds touches, in order."""
    found: list[tuple[int, int]] = []
    while start < end:
        found.append(quarter_of(start))
        start = quarter_bounds(*found[-1])[1]
    return found


def quarter_of(instant: int) -> tuple[int, int]:
    """The quarter (year, number) in which an instant lies."""
    return _quarter_of_day(instant // _DAY_S)


@cache  # of days there are few, of gaps there may be hundreds of thousands
def _quarter_of_day(number: int) -> tuple[int, int]:
    day = date(1970, 1, 1) + timedelta(days=number)
    return day.year, (day.month + 2) // 3


def quarterly_names(year: int, quarter: int) -> tuple[str, str]:
    """What the release of a quarter may be called, likelier name first."""
    old, new = f"Kraken_OHLCVT_Q{quarter}_{year}.zip", f"Kraken_OHLCVT_{year}Q{quarter}.zip"
    return (old, new) if (year, quarter) < _QUARTERLY_PREFIX_CHANGED else (new, old)


def full_name(year: int, quarter: int) -> str:
    """What the full release up to the end of a quarter is called; it comes in parts of that name."""
    return f"Kraken_OHLCVT_Full_{year}Q{quarter}.zip"


@cache
def _quarterly_name(year: int, quarter: int) -> str:
    return quarterly_names(year, quarter)[0]
