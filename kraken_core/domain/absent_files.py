"""What a complete archive claims of the pairs that it has no file of (domain rule 4, Absent file)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kraken_core.domain.archives import Archive, file_rank
from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import ABSENT, Assertion, silence_covers
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.names import Names


def pairs_in(archive: Archive, stored: Collection[Pair], names: Names) -> set[Pair]:
    """The pairs that an archive has files of, those among them that were not read: unknown then, or at other intervals.

    ``stored`` are those read; a name that may mean several pairs is a file of each.
    """
    return {*stored, *(pair for name in archive.other_names for pair in names.meanings(name))}


def wrong_absences(claims: Iterable[Assertion], inside: Mapping[str, Collection[Pair]]) -> list[Assertion]:
    """The absence claims, made by earlier versions or when less was known, about pairs that are not absent.

    ``inside`` are the pairs that archives have files of, by their identity.
    """
    return [
        claim
        for claim in claims
        if claim.evidence.startswith(ABSENT)
        and (claim.series.pair.market or claim.series.pair in inside.get(claim.evidence.removeprefix(ABSENT), ()))
    ]


def absence_claims(archive: Archive, stored: Collection[Pair], pairs: Iterable[Pair]) -> list[Assertion]:
    """The slots without trades that a complete archive claims for those ``pairs`` that it has no file of.

    ``stored`` are the pairs it has files of; an archive that is not complete claims nothing. Archives are of Kraken's
    spot market, so they say nothing about pairs of other exchanges.
    """
    if not archive.complete:
        return []
    rank = derived_rank(file_rank(archive))
    return [
        Assertion(series, *span, Source.CSV, rank, f"{ABSENT}{archive.identity}")
        for pair in pairs
        if not pair.market and pair not in stored and pair.altname not in archive.other_names
        for series in (Series(pair, interval) for interval in INTERVALS)
        for span in silence_covers(series, archive.statement)
    ]
