"""Coverage: what sources claim to cover, and what follows from it.

Candles are what was observed; an assertion is what a source claims to cover. The ledger keeps assertions, append-only;
coverage is computed from them and never from candles, so that a minute without trades is not a missing one (domain
rules 3, 4).
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.gc_pause import gc_paused
from kraken_core.domain.grades import Grade
from kraken_core.domain.timerange import TimeRanges, floor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kraken_core.domain.market import Series

_WITHDRAWN = attrgetter("withdrawn")
ABSENT = "absent:"  # how the evidence of silence begins that an archive without a file of the pair asserts
LIVE = "live from"  # what the evidence of a stream's trades has in it
TAKEN_OVER = "assetprice:"  # and where: the evidence of candles that were found in a table of others


_MOMENTS = (" at ", " from ")  # what follows in the text of a request is when it was made, or where a sweep began


def kind_of_request(evidence: str) -> str:
    """The evidence of an answer without what is of one moment: alike for all requests that differ in nothing else."""
    for moment in _MOMENTS:
        request, _, _ = evidence.partition(moment)
        if request != evidence:
            return request
    return evidence


class Assertion(NamedTuple):
    """A source's claim to cover every slot of ``[start, end)`` of a series, traded or not.

    ``evidence`` is the content hash of a file, the identity of an archive without a file of the pair, a request, or
    ``derived:60``. ``rank`` is that of its candles. A withdrawn assertion is a counter-entry: the same
    evidence no longer counts over its range, at whatever rank it was or will be read; what was derived may be derived
    again. ``proved``: the source gave every trade of the range by consecutive ids (domain rule 15). ``adopted``: its
    candles were found in a table of others, or in an export. What those go back to is unknown, and may be the very file
    that they would be compared with, so they confirm nothing.
    """

    series: Series
    start: int
    end: int
    source: Source
    rank: int
    evidence: str
    withdrawn: bool = False
    proved: bool = False
    adopted: bool = False


def origin(claim: Assertion) -> str:
    """What a claim goes back to, the same at all intervals: a file, a request, or the tape of the exchange's trades."""
    return Source.TRADES if claim.source is Source.TRADES and from_api(claim.rank) else claim.evidence


class CoverageSource(StrEnum):
    """Which kinds of source cover a range."""

    CSV = "CSV"
    API = "API"
    MIXED = "MIXED"


class DataCoverageRange(NamedTuple):
    """A maximal range of a series that one set of sources covers, on evidence of one grade.

    ``candles`` of its slots traded.
    """

    series: Series
    start: int
    end: int
    source: CoverageSource
    candles: int = 0
    grade: Grade = Grade.CLAIMED


class ArchiveStatement(NamedTuple):
    """What an archive states to cover, in epoch seconds; None where it states nothing (domain rule 4)."""

    start: int | None = None
    end: int | None = None


def file_covers(series: Series, statement: ArchiveStatement, first: int, last: int, *, finest: bool) -> TimeRanges:
    """The slots an OHLCVT file covers, given its first and last candle (open times) (domain rule 4).

    From the archive's stated start, or the file's first candle where none is stated, or it lies in that candle's slot.
    To its stated end at the pair's finest interval, where the last slot has a candle: Kraken's archives are without
    last slots in which the pair traded, so that its absence is no silence. At the other intervals the last slot stays
    provisional, and so does the file's own last slot without a stated end.
    """
    width = series.width
    start = first if statement.start is None else min(statement.start, first)
    end = last
    if statement.end is not None:
        last_slot = floor(statement.end, width) - width
        end = last_slot + width if finest and last >= last_slot else last_slot
    return TimeRanges.single(start, end).inner(width)


def silence_covers(series: Series, statement: ArchiveStatement) -> TimeRanges:
    """The slots that a complete archive without a file of the pair asserts to have no trades, but an absent last."""
    if statement.start is None or statement.end is None:
        return TimeRanges()
    return file_covers(series, statement, statement.start, statement.start, finest=False)


def closed_by(claims: TimeRanges, width: int, now: int) -> TimeRanges:
    """The part that has closed: a slot of ``width`` seconds is unknown before its end, whatever an archive states."""
    return claims.clip(0, floor(now, width))


@gc_paused()
def standing_claims(assertions: Iterable[Assertion]) -> list[tuple[Assertion, TimeRanges]]:
    """Each assertion with the ranges of it that were not withdrawn; those withdrawn whole are left out."""
    made: dict[tuple[Series, str, Source, int, bool], Assertion] = {}
    more: dict[tuple[Series, str, Source, int, bool], list[Assertion]] = {}  # of the same evidence, which is rare
    contradicted: dict[tuple[Series, str], list[tuple[int, int]]] = defaultdict(list)
    for assertion in assertions:
        series, start, end, source, rank, evidence, withdrawn, proved, _ = assertion
        if withdrawn and source is not Source.DERIVED:
            contradicted[series, evidence].append((start, end))
        elif (first := made.setdefault((series, evidence, source, rank, proved), assertion)) is not assertion:
            more.setdefault((series, evidence, source, rank, proved), [first]).append(assertion)
    result = []
    for key, first in made.items():
        ranges = _left_of(more[key]) if key in more else _alone(first)
        lost = contradicted and first.source is not Source.DERIVED and contradicted.get((first.series, first.evidence))
        if lost:
            ranges -= TimeRanges.of(lost)
        if ranges:
            result.append((_over(first, ranges) if lost or key in more else first, ranges))
    return result


def _alone(claim: Assertion) -> TimeRanges:
    return TimeRanges() if claim.withdrawn else TimeRanges.single(claim.start, claim.end)


def _over(claim: Assertion, ranges: TimeRanges) -> Assertion:
    start, end = ranges.hull
    return claim._replace(start=start, end=end, withdrawn=False)


def _left_of(entries: Sequence[Assertion]) -> TimeRanges:
    """What claims and counter-claims of one evidence leave, in the order they were made."""
    ranges = TimeRanges()
    for withdrawn, turn in groupby(entries, key=attrgetter("withdrawn")):  # those of one kind at once
        change = TimeRanges.of((entry.start, entry.end) for entry in turn)
        ranges = ranges - change if withdrawn else ranges | change
    return ranges


def by_series(assertions: Iterable[Assertion]) -> dict[Series, list[Assertion]]:
    """The claims and counter-claims of each series, in the order they were made."""
    found: dict[Series, list[Assertion]] = defaultdict(list)
    for assertion in assertions:
        found[assertion.series].append(assertion)
    return found


def known(assertions: Sequence[Assertion]) -> Iterator[tuple[Assertion, int, int]]:
    """The ranges that the claims of a series cover. Where none was withdrawn, they need not be distinguished."""
    if not any(map(_WITHDRAWN, assertions)):
        return ((claim, claim.start, claim.end) for claim in assertions)
    return ((claim, start, end) for claim, ranges in standing_claims(assertions) for start, end in ranges)


def refuted(assertions: Iterable[Assertion]) -> dict[Series, TimeRanges]:
    """Where sources were contradicted: what was withdrawn of their claims, though others may still cover it.

    But for a stream: what came too late for that, the exchange's answers have.
    """
    found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
    for claim in assertions:
        if claim.withdrawn and claim.source is not Source.DERIVED and f" {LIVE} " not in claim.evidence:
            found[claim.series].append((claim.start, claim.end))
    return {series: TimeRanges.of(ranges) for series, ranges in found.items()}


def counter_claims(
    claims: Iterable[tuple[Assertion, TimeRanges]], suspects: Mapping[Series, TimeRanges]
) -> list[Assertion]:
    """The counter-entries that withdraw all claims of :func:`standing` to the suspect slots."""
    return [
        claim._replace(start=start, end=end, withdrawn=True)
        for claim, ranges in claims
        if claim.series in suspects
        for start, end in ranges & suspects[claim.series]
    ]


def coverage_ranges(
    assertions: Iterable[Assertion], lives: Mapping[Series, TimeRanges]
) -> dict[Series, list[DataCoverageRange]]:
    """Maximal ranges with one set of sources, inside each series' life, in order; candles not yet counted."""
    result = {}
    for series, claims in by_series(assertions).items():
        by_kind: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
        for claim, start, end in known(claims):
            by_kind[from_api(claim.rank)].append((start, end))
        csv, api = (TimeRanges.of(ranges) & lives[series] if ranges else TimeRanges() for ranges in by_kind)
        if csv and api:
            both = csv & api
            parts = [
                *_of_kind(series, csv - both, CoverageSource.CSV),
                *_of_kind(series, api - both, CoverageSource.API),
                *_of_kind(series, both, CoverageSource.MIXED),
            ]
            result[series] = sorted(parts, key=attrgetter("start"))
        else:
            result[series] = [
                *_of_kind(series, csv, CoverageSource.CSV),
                *_of_kind(series, api, CoverageSource.API),
            ]
    return result


def _of_kind(series: Series, ranges: TimeRanges, kind: CoverageSource) -> Iterator[DataCoverageRange]:
    return (DataCoverageRange(series, start, end, kind) for start, end in ranges)
