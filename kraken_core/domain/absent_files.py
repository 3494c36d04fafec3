"""What a complete archive claims of the pairs that it has no file of (domain rule 4, Absent file)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kraken_core.domain.archives import Archive, file_rank
from kraken_core.domain.candles import Source, derived_rank
from kraken_core.domain.coverage import ABSENT, Assertion, silence_covers
from kraken_core.domain.market import INTERVALS, Pair, Series


def absence_claims(archive: Archive, stored: Collection[Pair], pairs: Iterable[Pair]) -> list[Assertion]:
    """The slots without trades that a complete archive claims for those ``pairs`` that it has no file of.

    ``stored`` are the pairs it has files of; an archive that is not complete claims nothing.
    """
    if not archive.complete:
        return []
    rank = derived_rank(file_rank(archive))
    return [
        Assertion(series, *span, Source.CSV, rank, f"{ABSENT}{archive.identity}")
        for pair in pairs
        if pair not in stored
        for series in (Series(pair, interval) for interval in INTERVALS)
        for span in silence_covers(series, archive.statement)
    ]
