"""Where one source has a candle, and another one claims the slot without: they differ there (domain rules 6 and 13).

Which source a candle in force is of shows in its rank. Of one that lost its slot nothing is left, so this is looked at
whenever a source comes: it is compared with those that came before, and with those that come with it.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import standing_claims
from kraken_core.domain.timerange import TimeRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from kraken_core.domain.coverage import Assertion
    from kraken_core.domain.market import Series

    Opens: TypeAlias = NDArray[np.int64]  # epoch seconds, rising

SourceKey: TypeAlias = "tuple[Source, str]"  # as Origin.key

_NONE: Opens = np.empty(0, dtype=np.int64)
_NOTHING = TimeRanges()


class Stated(NamedTuple):
    """What sources say of a series: the slots that each claims, and the opens of the candles that each has."""

    claims: Mapping[SourceKey, TimeRanges]
    opens: Mapping[SourceKey, Opens]


def claims_of_sources(assertions: Iterable[Assertion]) -> dict[Series, dict[SourceKey, TimeRanges]]:
    """The slots of each series that each source claims, all answers of one endpoint as one.

    What is derived is no source of its own, and what was adopted goes back to sources that nobody knows.
    """
    found: dict[Series, dict[SourceKey, TimeRanges]] = defaultdict(dict)
    for claim, ranges in standing_claims(assertions):
        if claim.source is not Source.DERIVED and not claim.adopted:
            key = claim.source, "" if from_api(claim.rank) else claim.evidence
            found[claim.series][key] = found[claim.series].get(key, _NOTHING) | ranges
    return found


def shared(before: Mapping[SourceKey, TimeRanges], new: Mapping[SourceKey, TimeRanges]) -> TimeRanges:
    """What new sources claim that any other source, an earlier or a new one, claims too."""
    found = _NOTHING
    for key, ranges in new.items():
        for other, theirs in chain(before.items(), new.items()):
            if other != key:
                found |= ranges & theirs
    return found


def silent_slots(before: Stated, new: Stated) -> Iterator[tuple[SourceKey, SourceKey, Opens]]:
    """Where one source has a candle and another one, which claims the slot, has none: both, and the opens.

    Of new sources all candles are known. Of earlier ones only those in force are: where there is one, whether the
    others had one too was looked at when they came; where there is none, none of them had.
    """
    taken = np.concatenate([_NONE, *before.opens.values()])
    for silent in sorted({*before.claims, *new.claims}):
        own = new.opens.get(silent, _NONE)
        for source in sorted({*before.opens, *new.opens} - {silent}):
            brought, there = new.opens.get(source, _NONE), before.opens.get(source, _NONE)
            missed = _inside(np.union1d(brought, there), new.claims.get(silent, _NOTHING))
            unexpected = _inside(brought[~np.isin(brought, taken)], before.claims.get(silent, _NOTHING))
            opens = np.setdiff1d(np.union1d(missed, unexpected), own)
            if len(opens):
                yield source, silent, opens


def _inside(opens: Opens, ranges: TimeRanges) -> Opens:
    inside: Opens = opens[np.searchsorted(np.array(ranges.bounds, dtype=np.int64), opens, side="right") % 2 == 1]
    return inside
