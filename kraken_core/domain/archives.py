"""Kraken's archives: what their names and manifests state, and which of them contains a range (domain 1.1, rule 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from kraken_core.domain.candles import Source, Vintage, rank_of
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError
from kraken_core.domain.interval_text import parse_interval
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import BY_RULES, Names
from kraken_core.domain.timerange import TimeRanges, day_start

_MEMBER = re.compile(r"([A-Z0-9.]+)_(\d{1,9})\.csv", re.ASCII | re.IGNORECASE)
_HISTORY_MEMBER = re.compile(r"([A-Z0-9.]{5,})\.csv", re.ASCII | re.IGNORECASE)
_DAY_S = 86_400
_QUARTERLY_SINCE = (2023, 1)  # the quarter of the first release of its own; what is older is in the full ones
_QUARTERLY_PREFIX_CHANGED = (2026, 2)  # Kraken_OHLCVT_Q1_2026.zip, then Kraken_OHLCVT_2026Q2.zip
_FULL_BY_QUARTER_SINCE = (2026, 2)  # Kraken_OHLCVT_Full_2026Q2.zip; before that Kraken_OHLCVT.zip
_UNDATED_FULL = "Kraken_OHLCVT.zip"


class ZipEntry(NamedTuple):
    """Where a member lies in its zip, by the central directory: all that is needed to read it.

    ``version`` is what a web server calls the bytes that its zip had when this was read there; "" for a zip on a disk.
    """

    offset: int  # of its local header, in bytes
    packed: int  # bytes it takes in the zip
    method: int  # 0 stored, 8 deflated
    crc: int  # CRC32 of its text
    version: str = ""


class StatedCoverage(NamedTuple):
    """What a file covers, stated at its export: ``covers``, if its text still hashes (SHA-256) to ``content_hash``."""

    content_hash: str
    covers: TimeRanges


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of an archive with data of a series, and all that is needed to read it, in any process.

    ``source`` is what its rows are: candles of its series (CSV), or trades. A file of trades covers eight series,
    and is there eight times.

    ``path`` is the zip, the first part of a split zip (a path or an address), or the folder; ``member`` the name
    inside, as found.
    ``stamp`` changes whenever the bytes may have: known files are recognised by it without being read.
    ``entry`` is None for a file in a folder. ``defect`` is why it cannot be read, where that is known beforehand.
    ``coverage`` is what a file of our own export states to cover.
    """

    path: str
    member: str
    series: Series
    size: int  # bytes of text
    stamp: str
    entry: ZipEntry | None = None
    source: Source = Source.CSV
    defect: str = ""
    coverage: StatedCoverage | None = None

    @property
    def download_bytes(self) -> int:
        """What has to come over the network to read it."""
        return self.entry.packed if self.entry and self.entry.version else 0


@dataclass(frozen=True, slots=True)
class Ignored:
    """Files left out for one reason: how many, and the names of the first few."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """One release, as found: what it states, its files, and what in it is no usable file (by reason).

    ``statement`` is the part of its statement that its rows confirm; where that is not all, ``notes`` explain it.

    ``complete``: it has a manifest and as many files as that lists, so that an absent pair had no trades (rule 4).
    ``other_names`` are what pairs are called in names of files that are not read: of unknown pairs, or of other
    intervals. ``unfetched``: bytes of it that have to be fetched whole, from a server that gives no parts, before
    anything of it is known. ``unreadable``: nothing is known of it, and ``notes`` say why. ``rows`` is how many a
    complete one lists, where it does.
    """

    path: str
    statement: ArchiveStatement
    vintage: Vintage
    complete: bool
    identity: str  # of the release, whatever the file is called: a hash of its manifest; "" without one
    files: tuple[ArchiveFile, ...]
    ignored: Mapping[str, Ignored] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unfetched: int = 0
    other_names: frozenset[str] = frozenset()
    unreadable: bool = False
    rows: int | None = None


def require_unchanged(file: ArchiveFile, content_hash: str) -> None:
    """Raises BadFileError where a list beside a file states what it covers, but for another content."""
    if file.coverage and file.coverage.content_hash != content_hash:
        raise BadFileError(
            f"{file.member} in {file.path}: COVERAGE.json beside it does not match its content, so it is "
            "unknown which absent rows are missing. The file was not used; export it again, or take "
            "COVERAGE.json away to have every absent row inside it taken for no trades."
        )


def series_of(file_name: str, names: Names = BY_RULES) -> Series | None:
    """The series of a member by its base name (``XBTUSD_60.csv``); None where the name is of another kind.

    Raises UnknownPairError where it looks like one but names no pair, UsageError for an interval that archives do not
    have.
    """
    match = _MEMBER.fullmatch(file_name)
    return Series(names.pair(match[1]), parse_interval(match[2])) if match else None


def is_history_name(file_name: str) -> bool:
    """Whether a base name may be that of a file of trades: ``XBTUSD.csv``. Many others are called like that."""
    return _HISTORY_MEMBER.fullmatch(file_name) is not None


def pair_of_history(file_name: str, names: Names = BY_RULES) -> Pair:
    """The pair whose trades a file of such a name contains. Raises UnknownPairError where it names none."""
    return names.pair(file_name.rpartition(".")[0])


def finest_intervals(archive: Archive) -> dict[Pair, int]:
    """The finest interval of which the archive contains candles of each of its pairs, in minutes."""
    finest: dict[Pair, int] = {}
    for file in archive.files:
        if file.source is Source.CSV:
            finest[file.series.pair] = min(file.series.interval, finest.get(file.series.pair, file.series.interval))
    return finest


def rank_in(vintage: Vintage, source: Source = Source.CSV, content_hash: str = "") -> int:
    """The rank of candles from a file of an archive of this vintage; with its hash, that of this very file.

    Trades of an archive of unknown age get the first day instead, which distinguishes them from those of the API.
    """
    if source is Source.TRADES and not vintage.newest:
        vintage = Vintage(_DAY_S, vintage.made, vintage.stated)
    return rank_of(source, vintage, content_hash)


def file_rank(archive: Archive, source: Source = Source.CSV) -> int:
    """The rank of the candles of an archive's files; without a hash, that of none of them before the others."""
    return rank_in(archive.vintage, source)


@cache
def quarter_bounds(year: int, quarter: int) -> tuple[int, int]:
    """The half-open range of a quarter, epoch seconds."""
    start = date(year, quarter * 3 - 2, 1)
    end = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return day_start(start), day_start(end)


class CoveringArchive(NamedTuple):
    """A published archive, and the part of a range it contains."""

    archive: str
    start: int  # epoch seconds
    end: int


def archive_for(start: int, end: int, as_of: int) -> str:
    """The one release that contains all of a range: its quarter's, or the newest full one; "" where none does yet."""
    holders = archives_covering(start, end, as_of)
    return holders[0].archive if len(holders) == 1 and holders[0].end == end else ""


def archives_covering(start: int, end: int, as_of: int) -> list[CoveringArchive]:
    """The releases to get for a range, in order, each with the part it contains; as far as any was published by as_of.

    A quarter's own release where the range is in one, else the newest full one and those of the quarters behind it.
    """
    first, last = quarter_of(start), quarter_of(end - 1)
    if first == last and has_release(first) and quarter_bounds(*first)[1] <= as_of:
        return [CoveringArchive(_quarterly_name(*first), start, end)]
    name, full_end = newest_full(as_of)
    holders = [CoveringArchive(name, start, min(end, full_end))] if start < full_end else []
    for quarter in quarters_between(max(start, full_end), end):
        begins, ends = quarter_bounds(*quarter)
        if ends <= as_of and has_release(quarter):
            holders.append(CoveringArchive(_quarterly_name(*quarter), max(start, begins), min(end, ends)))
    return holders


@cache
def newest_full(as_of: int) -> tuple[str, int]:
    """What the newest full release is called, and up to when it goes.

    Until 2026 there was one of no date, brought up to date with the end of each year (its folder: ``master_q4``).
    """
    newest = quarter_of(quarter_bounds(*quarter_of(as_of))[0] - 1)
    if newest >= _FULL_BY_QUARTER_SINCE:
        return full_name(*newest), quarter_bounds(*newest)[1]
    return _UNDATED_FULL, quarter_bounds(quarter_of(as_of)[0], 1)[0]


def has_release(quarter: tuple[int, int]) -> bool:
    """Whether Kraken ever published one for this quarter (year, number) alone, once it has ended."""
    return quarter >= _QUARTERLY_SINCE


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
