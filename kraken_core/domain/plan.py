"""The plan of a job: data, made once; what a dry run shows is what a job does."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.candles import Source
from kraken_core.domain.formatting import byte_size, duration
from kraken_core.domain.html_tables import facts
from kraken_core.domain.market import Pair
from kraken_core.domain.ohlcvt import EARLIEST
from kraken_core.domain.outages import Outages, not_reached
from kraken_core.domain.repair_plan import NO_REPAIRS, RepairPlan

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.archives import Archive, ArchiveFile, Ignored
    from kraken_core.domain.exchange import Market
    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.knowledge import Knowledge
    from kraken_core.domain.request import Request

BYTES_A_CANDLE = 37  # on disk, measured on the archives
ROWS_A_SECOND = 1_500_000  # a cautious figure for the estimate only
BYTES_A_ROW = 55  # of text in an archive
BYTES_A_TRADE = 30  # likewise


class Action(StrEnum):
    """What a job does with a file."""

    INGEST = "ingest"
    SKIP = "skip"


class KnownFile(NamedTuple):
    """A file that was read before: what its bytes hash to, and the best rank they were read at (no tie-break)."""

    content_hash: str
    rank: int


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file and what will be done with it; ``archive`` is the index of its archive in the plan."""

    file: ArchiveFile
    archive: int
    action: Action
    reason: str
    finest: bool  # no finer file of the pair in its archive
    known: KnownFile | None = None


class Pace(NamedTuple):
    """How often requests may be made: requests a second for a pair, and how many pairs at once."""

    requests_a_second: float = 1.0
    pairs_in_parallel: int = 1

    def seconds(self, listings: int, by_pair: Sequence[int]) -> float:
        """How long a request each for some pairs, and then so many for each of others, take at least."""
        in_turn = (listings + sum(by_pair)) / self.pairs_in_parallel
        return max(in_turn, *by_pair, 0) / self.requests_a_second


STEADY = Pace()


@dataclass(frozen=True, slots=True)
class IngestionPlan:
    """Everything a job will do. Files are in the order they will be read: newest vintage first.

    ``gaps`` are those known before a file is read; ``unread`` counts series whose gaps show only when their files are
    read. ``market`` is what the exchange returned about itself, None where it is not queried, or did not answer
    (``notes`` say why). ``repairs`` are the requests that ``--max-requests`` affords, and ``listings`` counts those for
    first trades. ``at_most`` so many requests may turn out to be needed. ``unreached`` is why exchanges, which are
    needed, were not reached; ``nowhere`` why nothing is known of pairs. ``known`` is what will be known once the files
    are read, where there are none to read.
    """

    request: Request
    as_of: int
    archives: tuple[Archive, ...]
    files: tuple[PlannedFile, ...]
    gaps: tuple[GapRecord, ...]
    unread: int
    passed_over: int  # files of pairs or intervals that were not requested
    market: Market | None = None
    repairs: RepairPlan = NO_REPAIRS
    listings: int = 0
    at_most: int = 0
    pace: Pace = STEADY
    notes: tuple[str, ...] = ()
    unreached: Outages = field(default_factory=dict)
    nowhere: Mapping[Pair, str] = field(default_factory=dict)
    known: Knowledge | None = field(default=None, repr=False, compare=False)

    @property
    def requests(self) -> int:
        """How many requests to the exchange are expected, after those that the plan itself took."""
        return self.listings + self.repairs.requests

    @property
    def limit(self) -> int | None:
        """How many requests a job of this plan makes before it asks for confirmation again; None: no limit."""
        most = self.request.max_requests
        if not self.request.within_plan:
            return most
        return self.at_most if most is None else min(self.at_most, most)

    @property
    def left_open(self) -> tuple[GapRecord, ...]:
        """The gaps that the exchange could fill but are not requested; each has the reason."""
        serves = self.repairs.serves
        return tuple(g for g in self.gaps if g.is_api_fillable and not serves(g.series, g.start, g.end))

    @property
    def to_ingest(self) -> tuple[PlannedFile, ...]:
        """The files that will be read."""
        return tuple(f for f in self.files if f.action is Action.INGEST)

    @property
    def ignored(self) -> list[tuple[str, str, Ignored]]:
        """What lies in the archives and is not read: path, reason, and how many files with the first few names."""
        return [
            (archive.path, reason, left_out)
            for archive in self.archives
            for reason, left_out in sorted(archive.ignored.items())
        ]

    @property
    def all_notes(self) -> list[str]:
        """What a user should know about the sources: each archive, and what the plan could not look at."""
        return [*(note for archive in self.archives for note in archive.notes), *self.notes]

    @property
    def text_bytes(self) -> int:
        """Bytes of text that will be read."""
        return sum(file.size for file in self._once_read)

    @property
    def download_bytes(self) -> int:
        """What will come over the network: of archives on web servers, the members that will be read."""
        return sum(file.download_bytes for file in self._once_read) + self.unfetched_bytes

    @property
    def unfetched_bytes(self) -> int:
        """Bytes of archives that their servers give only whole; which files are in them is not known before."""
        return sum(archive.unfetched for archive in self.archives)

    @property
    def disk_bytes(self) -> int:
        """What the new candles will take on disk, estimated."""
        served = ((series, found.answers | found.swept) for series, found in self.repairs.served.items())
        brought = sum(ranges.slots(series.width) for series, ranges in served)
        return (sum(self._candles(f.file) for f in self.to_ingest) + brought) * BYTES_A_CANDLE

    @property
    def estimated_seconds(self) -> float:
        """How long the files and the requests will take, estimated."""
        return self.text_bytes / BYTES_A_ROW / ROWS_A_SECOND + self._request_seconds

    @property
    def seconds_after_files(self) -> float | None:
        """How long requests will take once the files are read; None where these have to show first what is missing."""
        return None if self.market and self.unread else self._request_seconds

    @property
    def _request_seconds(self) -> float:
        return self.pace.seconds(self.listings, [repair.requests for repair in self.repairs.repairs])

    @property
    def _once_read(self) -> Collection[ArchiveFile]:
        """The files that will be read, each once however many series it covers."""
        return {(f.file.path, f.file.member): f.file for f in self.to_ingest}.values()

    def _candles(self, file: ArchiveFile) -> int:
        """How many candles a file brings, estimated: of trades there is at most one a slot."""
        if file.source is Source.CSV:
            return file.size // BYTES_A_ROW
        return min(file.size // BYTES_A_TRADE, (self.as_of - EARLIEST) // file.series.width)

    def _repr_html_(self) -> str:
        """The plan in a notebook: how much it reads, requests and leaves, and what is to be known of its sources."""
        left = len(self.files) - len(self.to_ingest)
        values = {
            "files to read": f"{len(self.to_ingest):,} ({byte_size(self.text_bytes)} of text), {left:,} skipped",
            "gaps known before": f"{len(self.gaps):,}",
            "requests to the exchange": f"{self.requests:,}",
            "downloads": byte_size(self.download_bytes) if self.download_bytes else "",
            "on disk": f"about {byte_size(self.disk_bytes)}",
            "takes": f"about {duration(self.estimated_seconds)}",
            "exchange": not_reached(self.unreached),
        }
        return facts("A plan; nothing has run yet", values, self.all_notes)
