"""The route *download*: which members of published archives fill what is missing, for the fewest bytes (rule 10)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kraken_core.domain.archives import Archive, ArchiveFile, finest_intervals
from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import file_covers
from kraken_core.domain.market import Series
from kraken_core.domain.missing import Missing
from kraken_core.domain.routes import Routes
from kraken_core.domain.timerange import TimeRanges

BYTES_A_SECOND = 5_000_000  # of a download: a cautious figure, for choosing only


class Offer(NamedTuple):
    """A member that fills some of what is missing of its series, as its archive states.

    ``archive`` is the index of its archive among those looked at, ``nbytes`` what has to be downloaded for it.
    """

    file: ArchiveFile
    archive: int
    fills: TimeRanges
    nbytes: int


def cheapest_members(
    missing: Mapping[Series, TimeRanges], archives: Sequence[Archive], read: Collection[ArchiveFile] = ()
) -> dict[Series, list[Offer]]:
    """For each series the members that together fill whatever any of them can, for the fewest bytes; by end.

    Ranges are half-open, in epoch seconds, aligned to slots. A series of which no archive fills anything is left out.
    An archive without a stated start is taken to reach back as far as the pair does; one without a stated end offers
    nothing, as its content is unknown before it is read. Nor does a member that was ``read`` before: what it does
    not cover by now, such as an absent last slot, it would not cover the next time.
    """
    offers: dict[Series, list[Offer]] = {}
    seen = frozenset(read)
    for index, archive in enumerate(archives):
        end = archive.statement.end
        if end is None:
            continue
        finest = finest_intervals(archive)
        for file in archive.files:
            if file.source is not Source.CSV or file in seen:
                continue  # trading history is not published where it could be read from
            series = file.series
            first = archive.statement.start or 0
            covers = file_covers(series, archive.statement, first, end, finest=finest[series.pair] == series.interval)
            fills = missing.get(series, TimeRanges()) & covers
            if fills:
                offers.setdefault(file.series, []).append(Offer(file, index, fills, file.download_bytes))
    return {series: _cheapest_cover(found) for series, found in sorted(offers.items())}


def filled_by(offers: Mapping[Series, Sequence[Offer]]) -> dict[Series, TimeRanges]:
    """The slots that the offers fill, by series."""
    return {series: TimeRanges.of(span for offer in found for span in offer.fills) for series, found in offers.items()}


def exchange_is_cheaper(
    offers: Mapping[Series, Sequence[Offer]], missing_of: Missing, routes: Routes, requests_a_second: float
) -> bool:
    """Whether requesting all that a pair is missing from the exchange takes less time than its offers save of that."""
    fills = filled_by({series: found for series, found in offers.items() if series.pair == missing_of.pair})
    covered = dict(missing_of.covered)
    for series, slots in fills.items():
        covered[series.interval] = covered.get(series.interval, TimeRanges()) | slots
    missing = {
        i: slots - fills.get(Series(missing_of.pair, i), TimeRanges()) for i, slots in missing_of.missing.items()
    }
    left = replace(missing_of, missing=missing, covered=covered)
    saved = routes.repair(missing_of).requests - routes.repair(left).requests
    nbytes = sum(offer.nbytes for series in fills for offer in offers[series])
    return saved / requests_a_second <= nbytes / BYTES_A_SECOND


def _cheapest_cover(offers: Iterable[Offer]) -> list[Offer]:
    """The cheapest of them that fill together what all of them do.

    Each fills what is missing of one stretch of time, so that it covers consecutive ones of the pieces into which their
    edges cut what is missing; ``best[n]`` is the cheapest way to cover the first n of those.
    """
    by_end = sorted(offers, key=lambda offer: offer.fills.hull.end)
    union = TimeRanges.of(piece for offer in by_end for piece in offer.fills)
    edges = {edge for offer in by_end for edge in offer.fills.hull}
    cuts = sorted({*edges, *(piece.start for piece in union)})
    starts = [cut for cut in cuts if cut in union]
    best: list[tuple[int, tuple[Offer, ...]]] = [(0, ())]
    for place in starts:
        ways = [
            (cost + offer.nbytes, (*chosen, offer))
            for offer in by_end
            if offer.fills.hull.start <= place < offer.fills.hull.end
            for cost, chosen in [best[bisect_left(starts, offer.fills.hull.start)]]
        ]
        best.append(min(ways, key=lambda way: (way[0], len(way[1]))))
    return list(best[-1][1])
